"""Slots: the pieces of a page that may be an answer, each with its labels."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import regex

from ..geometry import BBox
from ..model import AnswerSpan, BlockKind, Page
from . import values
from .boxes import NUMBERED
from .labels import COLON, Label, Places, around, places_of
from .segments import Segment
from .units import units

_BOX = regex.compile(
    r"[\u2610\u2611\u2612\u25a1\u25a0\u25fb\u25fc\u2713\u2714\u2717\u2718]|\[[ xX\u2713]?\]|\([xX ]\)"
)
_CUT = regex.compile(r"[:\uff1a=](?=\s|$|\D)|[:\uff1a](?=\d{3})")
_LABELLED = regex.compile(r"\p{Lu}[\p{L}.\-]*(?:\s[\p{L}.\-]+){0,3}:\s")
_SENTENCE = regex.compile(
    r"(?<=[\p{L}\p{N})]{3}[.!?;]|[\p{L})]\d?[!?;])(?<!(?<!\d)\s\p{Lu}\p{L}{0,2}\.)\s+(?=[\p{Lu}\p{N}\"'])"
)
_OPENING = regex.compile(
    r"\s*(\d{1,4}[./-]\d{1,2}(?:[./-]\d{2,4})?|\d{4}\s?[-\u2013]\s?\d{2,4})[:.,]?\s+(?=\p{L})"
)
_ASIDE = regex.compile(
    r"(?<![\p{L}.])(\p{Lu}[\p{L}'\u2019.\-]*(?:\s[\p{L}'\u2019.\-]+){1,3})\s\((\p{L}[\p{L}\s.\-]{2,30})\)"
)
_PARTS = regex.compile(
    r"(?<![\p{L},])(\p{Lu}[\p{Ll}]+(?:\s\p{L}+){0,3}),\s(\p{Lu}[\p{L}'\u2019.&\- ]{2,50}?)[.]?(?=,|$)"
)
_BRACKETED = regex.compile(r"\([^()\d]*\)?")
_COUNTRY = regex.compile(r"\p{Lu}[\p{L}.]+(?:\s\p{L}+){0,3}")
NAMED = regex.compile(
    r"(?:(?:Mr|Mrs|Ms|Dr|Prof|Herrn?|Frau|M|Mme|Monsieur|Madame|Sra?|Sig|Dott|Dhr|Mevr|Pan|Pani|Ing)\.?\s+)*"
    r"\p{Lu}(?:[\p{Ll}'\u2019]+|\.(?=\s\p{Lu}\p{Ll}))(?:[-\s](?:(?:de|da|do|dos|van|von|der|den|di|del|la|le|y|e)\s+){0,2}"
    r"(?:d['\u2019])?\p{Lu}(?:[\p{L}'\u2019]+|\.)){1,3}(?!\p{L}|-(?:\s|$))"
)
# Where something is: behind a preposition.
THERE = regex.compile(
    r"\b(?:in|at|im|nach|en|\u00e0|a|ad|te|em|no|na|w|we|to)\s+(\p{Lu}[\p{L}\-'\u2019]+(?:\s\p{Lu}[\p{L}\-'\u2019]+){0,3})"
)
# What a sentence says of its subject: behind "is", "are", "means".
_SAID = regex.compile(
    r"\b(?:is|are|was|were|means|ist|sind|war|est|sont|es|son|fue|\u00e8|sono|zijn|is|\u00e9|s\u00e3o|jest)\s+"
    r"(?:called\s+|named\s+|genannt\s+)?([^,;:()]{3,120}?)(?=[.,;:()]|$)"
)


@dataclass(frozen=True, slots=True)
class Slot:
    """A piece of text that may be an answer.

    Attributes:
        text: as it stands; lines are joined by ``"\\n"``.
        spans: its characters, one span a line.
        bbox: box around it, in page units.
        labels: what may say what it is, nearest first.
        segment: the segment that it begins in.
        shape: ``whole`` segment, ``rest`` behind a label, ``value`` inside a text, ``group`` of
            lines.
        kind: kind of the value for ``value``; ``cut`` for a group that goes on; else ``""``.
    """

    text: str
    spans: tuple[AnswerSpan, ...]
    bbox: BBox
    labels: tuple[Label, ...]
    segment: Segment
    shape: str
    kind: str = ""


def slots_of(page: Page, segments: Sequence[Segment], day_first: bool) -> Iterator[Slot]:
    """Yield the slots: segments, what stands behind a label, typed values, groups, sentences."""
    places = places_of(segments)
    pairs: dict[int, list[Slot]] = {}
    named = {label.index for label in places.boxes.values()}
    for segment in segments:
        if segment.index in named and NUMBERED.match(segment.text):
            continue  # it names what stands in its box
        near = around(segment, segments, places)
        start, end = _trimmed(segment.text, 0, len(segment.text))
        if start < end:
            yield _slot(segment, start, end, near, "whole")
        rest = tuple(label for label in near if label.relation != "left")
        for (label, colon), a, b in _pairs(segment.text):
            inline = Label("inline", label, 0.0, colon, segment.index)
            slot = _slot(segment, a, b, (inline, *rest), "rest")
            pairs.setdefault(segment.index, []).append(slot)
            yield slot
        if not _runs_on(segment) or segment.kind is BlockKind.TABLE:
            yield from _typed(segment, near, day_first)
    yield from _groups(segments, places, pairs)
    yield from _sentences(page, segments, day_first)


def _slot(
    segment: Segment, start: int, end: int, labels: Iterable[Label], shape: str, kind: str = ""
) -> Slot:
    text = segment.text[start:end]
    box = segment.box(start, end)
    return Slot(text, (segment.span(start, end),), box, tuple(labels), segment, shape, kind)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Return a range without blanks, leaders, bars and colons at its ends."""
    while (
        start < end
        and text[start] in " :|.\u2026_*\u2022=\uff1a"
        and text[start : start + 2] != ".."
    ):
        start += 1
    while start < end and text[start] in " .\u2026_":
        start += 1
    while end > start and text[end - 1] in " :|\u2026_,;=\uff1a":
        end -= 1
    return start, end


def _pairs(text: str) -> Iterator[tuple[tuple[str, bool], int, int]]:
    """Yield the pairs of label and value inside a segment: label, whether by colon, value's range."""
    for aside in _ASIDE.finditer(text):
        if all(unit.senses for unit in units(aside[1])):
            continue  # "Patient's Name (Please Print)" is a label
        # "B. Smart (Chair)": each says something of the other.
        yield (aside[2], True), *aside.span(1)
        yield (aside[1], True), *aside.span(2)
    cuts = [m for m in _CUT.finditer(text) if not text[m.start() :].startswith("://")]
    if cuts:
        begin = 0
        for number, cut in enumerate(cuts):
            stop = len(text)
            if number + 1 < len(cuts):
                # The next label takes the words before its colon that mean something.
                stop = _label_start(text, cut.end(), cuts[number + 1].start())
            a, b = _trimmed(text, cut.end(), stop)
            label = text[begin : cut.start()].strip()
            if a < b and label:
                yield (label, True), a, b
            begin = stop
        return
    if (opening := _OPENING.match(text)) is not None:
        # A day or a span of years says when the rest is: in a schedule, in a life.
        a, b = _trimmed(text, opening.end(), len(text))
        if a < b:
            yield (opening[1], True), a, b
    # No colon: words that are known as a field's name, with a value behind them.
    words = list(regex.finditer(r"\S+", text))
    best = 0
    for count in range(1, min(6, len(words))):
        head = text[: words[count].start()]
        found = units(head)
        if found and all(unit.senses for unit in found):
            best = count
        elif count > 1 and best == 0:
            break
    if not best and _names_number(words):
        best = 1
    if best:
        stop, more = _next_pair(text, words, best)
        a, b = _trimmed(text, words[best].start(), stop)
        head = text[: words[best].start()].strip()
        if a < b and _BRACKETED.fullmatch(text[a:b]) is None:
            yield (head, head.endswith(("#", "."))), a, b
        if more:
            a, b = _trimmed(text, words[more].start(), len(text))
            if a < b:
                yield (text[stop : words[more].start()].strip(), True), a, b
    for part in _PARTS.finditer(text):
        # "Office manager, Acme Inc.": what somebody was says where.
        yield (part[1], True), *part.span(2)
    for dash in regex.finditer(r"\s[-\u2013\u2014]\s|\.{3,}", text):
        a, b = _trimmed(text, dash.end(), len(text))
        if dash.start() and a < b and len(text[: dash.start()].split()) <= 6:
            yield (text[: dash.start()].strip(), True), a, b
        break


def _names_number(words: Sequence[regex.Match[str]]) -> bool:
    """Whether a segment is one word and something with figures: "Room 12", "Gate B7"."""
    if not 2 <= len(words) <= 4:
        return False
    first = words[0][0].rstrip(".")
    behind = "".join(word[0] for word in words[1:])
    return (
        first.isalpha() and len(first) > 2 and first[0].isupper() and any(map(str.isdigit, behind))
    )


def _next_pair(text: str, words: Sequence[regex.Match[str]], begin: int) -> tuple[int, int]:
    """Return where a value ends because another known label follows it, and the word behind that."""
    for first in range(begin + 1, len(words) - 1):
        if not any(c.isdigit() for c in text[words[begin].start() : words[first].start()]):
            continue
        for behind in range(len(words) - 1, first, -1):
            found = units(text[words[first].start() : words[behind].start()])
            figures = any(c.isdigit() for c in words[behind][0])
            if figures and found and all(unit.senses for unit in found):
                return words[first].start(), behind
    return len(text), 0


def _label_start(text: str, start: int, end: int) -> int:
    """Return where the label begins that ends at ``end``: the most words that all mean something."""
    words = list(regex.finditer(r"\S+", text[start:end]))
    best = len(words) - 1
    for first in range(len(words) - 1, max(0, len(words) - 5), -1):
        found = units(text[start + words[first].start() : end])
        if found and all(unit.senses for unit in found):
            best = first
        elif best < len(words) - 1:
            break
    return start + words[max(best, 0)].start() if words else end


def _typed(segment: Segment, near: Sequence[Label], day_first: bool) -> Iterator[Slot]:
    """Yield the typed values inside a segment that holds more than them."""
    text = segment.text
    last = 0
    found = [(v.kind, v.start, v.end) for v in values.find(text, day_first)]
    found += [("name", *m.span()) for m in NAMED.finditer(text)]
    for kind, start, end in found:
        if end - start >= len(text.strip(" :.;,")):
            continue
        before = text[last:start] if start >= last else text[:start]
        words = regex.sub(r"[:=\s]+$", "", before)
        labels = list(near)
        if words.strip():
            short = " ".join(words.split()[-6:])
            colon = before.rstrip().endswith(COLON)
            labels.insert(0, Label("inline", short, 0.0, colon, segment.index))
        behind = " ".join(text[end:].split()[:4])
        if behind:
            labels.append(Label("behind", behind, 0.0, False, segment.index))
        yield _slot(segment, start, end, labels, "value", kind)
        if kind not in ("id", "number") or end - start > 3:
            last = end


def _runs_on(segment: Segment) -> bool:
    """Whether a segment is running text rather than a field."""
    words = segment.text.split()
    small = sum(w[0].islower() for w in words)
    if len(words) >= 4 and segment.text.endswith((".", "!")) and ":" not in segment.text:
        return small >= 0.4 * len(words)
    return len(words) >= 7 and small >= 0.4 * len(words)


def _groups(
    segments: Sequence[Segment], places: Places, pairs: dict[int, list[Slot]]
) -> Iterator[Slot]:
    """Yield runs of lines that belong together, such as an address, with the labels of the first."""
    for segment in segments:
        if len(segment.text) > 80:
            continue
        lines = _followers(segment, segment.bbox.x0)
        if len(lines) > 1:
            labels = around(segment, segments, places)
            parts = [(line, *_trimmed(line.text, 0, len(line.text))) for line in lines]
            for count in range(2, len(parts) + 1):
                yield _group(parts[:count], labels, cut=count < len(parts))
        for slot in pairs.get(segment.index, ())[-1:]:
            start = slot.spans[0].start - segment.start
            more = _followers(segment, slot.bbox.x0)[1:]
            parts = [(segment, start, start + len(slot.text))]
            parts += [(line, *_trimmed(line.text, 0, len(line.text))) for line in more]
            for count in range(2, len(parts) + 1):
                yield _group(parts[:count], slot.labels, cut=count < len(parts))


def _group(
    parts: Sequence[tuple[Segment, int, int]], labels: Sequence[Label], *, cut: bool = False
) -> Slot:
    return Slot(
        "\n".join(segment.text[a:b] for segment, a, b in parts),
        tuple(segment.span(a, b) for segment, a, b in parts),
        BBox.around([segment.box(a, b) for segment, a, b in parts]),
        tuple(labels),
        parts[0][0],
        "group",
        "cut" if cut else "",
    )


def _followers(segment: Segment, x0: float) -> list[Segment]:
    """Return a segment and up to five more below it that continue it, aligned at ``x0``.

    Behind the line with a postal code only a country follows.
    """
    lines = [segment]
    step = 0.0
    ended = values.has_postcode(segment.text)
    while len(lines) < 6:
        last = lines[-1]
        found = None
        for other in last.below:
            gap = other.bbox.y0 - last.bbox.y1
            near = gap < (0.95 * segment.em if len(lines) == 1 else step + 0.2 * segment.em)
            same = abs(other.em - segment.em) < 0.15 * segment.em
            if abs(other.bbox.x0 - x0) < 0.7 * segment.em and near and same:
                found, step = other, max(step, gap) if len(lines) > 1 else gap
        if found is None or found.numeric:
            break
        if any(colon for (_, colon), _, _ in _pairs(found.text)) or found.text.endswith(COLON):
            break
        if ended and not _COUNTRY.fullmatch(found.text):
            break
        lines.append(found)
        if ended:
            break
        ended = values.has_postcode(found.text)
    return lines


def _sentences(page: Page, segments: Sequence[Segment], day_first: bool) -> Iterator[Slot]:
    """Yield values and whole sentences of running text, also over line ends."""

    def together(segment: Segment) -> tuple[object, ...]:
        # A line that opens with a label is no part of a sentence.
        labelled = _LABELLED.match(segment.text) is not None and not _runs_on(segment)
        return segment.block, segment.kind, segment.index if labelled else -1

    for _, group in itertools.groupby(segments, key=together):
        run = list(group)
        if run[0].kind is BlockKind.TABLE or not any(_runs_on(s) for s in run):
            continue
        text, starts = "", []
        for segment in run:
            starts.append(len(text))
            text += segment.text + " "
        at = 0
        for sentence in _SENTENCE.split(text.rstrip()):
            at = text.index(sentence, at)
            label = Label("sentence", sentence, 0.0, False, -1)
            yield from _inside(run, starts, text, at, at + len(sentence), label, day_first)
            at += len(sentence)


def _inside(
    run: Sequence[Segment],
    starts: Sequence[int],
    text: str,
    start: int,
    end: int,
    label: Label,
    day_first: bool,
) -> Iterator[Slot]:
    sentence = text[start:end]
    found = [(v.kind, v.start, v.end) for v in values.find(sentence, day_first)]
    found += [("name", *m.span()) for m in NAMED.finditer(sentence)]
    found += [("place", *m.span(1)) for m in THERE.finditer(sentence)]
    found += [("text", m.start(1), m.end(1)) for m in _SAID.finditer(sentence)]
    found.append(("", 0, len(sentence)))
    for kind, a, b in found:
        parts = []
        for segment, offset in zip(run, starts, strict=True):
            low = max(0, start + a - offset)
            high = min(len(segment.text), start + b - offset)
            if low < high:
                parts.append((segment, low, high))
        if not parts:
            continue
        labels = [label]
        before = sentence[:a].split()
        behind = sentence[b:].split()
        if kind and before:
            labels.append(Label("inline", " ".join(before[-6:]), 0.0, False, parts[0][0].index))
        if kind and behind:
            labels.append(Label("behind", " ".join(behind[:5]), 0.0, False, parts[0][0].index))
        slot = _group(parts, labels)
        text_ = " ".join(part for part in slot.text.split("\n"))
        yield Slot(
            text_,
            slot.spans,
            slot.bbox,
            slot.labels,
            slot.segment,
            "value" if kind else "sentence",
            kind,
        )
