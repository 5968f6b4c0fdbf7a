"""Which words of a text look otherwise than the rest of it, or hold a link; from the text layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple
from unicodedata import normalize

from ..geometry import Affine, BBox, Point
from ..model import Family, Inline, Line
from ..stage import Link, Rule, Span
from ..translators.base import Part
from ..translators.texts import traced
from ..typeset.faces import classify, is_bold, is_italic
from .underlined import NONE, underlines

# Of one text; a page of formulas has more than anybody can carry over.
_MOST = 60
# Differences of size, of height above the baseline (in em) and of colour (of 255) that mean nothing.
_SAME_SIZE, _SAME_HEIGHT, _SAME_COLOR = 0.04, 0.06, 12
# A link whose box is this much wider than its words of the text holds words of others too.
_WIDER = 1.3
# Share of the characters in a link that its border may cut off another word.
_EDGE = 0.12
# Words that the name of a command or file has at most.
_NAME = 3


class _Look(NamedTuple):
    font: str
    family: Family
    bold: bool
    italic: bool
    color: tuple[int, int, int]
    scale: float
    rise: float
    underline: tuple[float, float]
    links: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Looks:
    """Parts of one text.

    Attributes:
        parts: where they are in it; their numbers are indices of ``inline``.
        inline: how each looks; start, end and text are those of the old text.
    """

    parts: tuple[Part, ...] = ()
    inline: tuple[Inline, ...] = ()

    @property
    def code(self) -> tuple[int, ...]:
        """Numbers of the parts that are names in program text: of one width, within text that is not."""
        return tuple(
            number
            for number, look in enumerate(self.inline)
            if look.family == "mono" and len(look.text.split()) <= _NAME
        )

    def of(self, parts: Sequence[Part], start: int, end: int, text: str) -> tuple[Inline, ...]:
        """Return the parts of a translation that stand in a piece of it.

        Args:
            parts: where they are in the whole translation.
            start: first character of the piece.
            end: after its last one.
            text: the piece.
        """
        found = []
        for number, first, last in parts:
            first, last = max(first, start) - start, min(last, end) - start
            if first < last:
                found.append(
                    replace(self.inline[number], start=first, end=last, text=text[first:last])
                )
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one page: runs of its text layer, links, and drawn rules."""

    spans: Sequence[Span]
    links: Sequence[Link]
    rules: Sequence[Rule] = ()


def main_span(lines: Sequence[Line], spans: Sequence[Span]) -> Span | None:
    """Return a run in the style of most letters of some lines; None without a text layer."""
    letters = Counter[tuple[object, ...]]()
    first: dict[tuple[object, ...], Span] = {}
    for line in lines:
        for span in _on(line, spans):
            key = (span.font, span.bold, span.italic, span.color, round(span.size, 1))
            share = span.bbox.intersection(line.bbox)
            count = len(span.text) * min(1.0, share.width / max(1e-6, span.bbox.width))
            letters[key] += round(100 * count)
            first.setdefault(key, span)
    return first[letters.most_common(1)[0][0]] if letters else None


def looks(
    places: Sequence[tuple[int, Sequence[Line]]], seen: Mapping[int, Seen], text: str
) -> Looks:
    """Return the parts of a text that look otherwise than most of it, or hold a link.

    Args:
        places: page index and lines of each place of the text.
        seen: what is known of each of these pages.
        text: the lines as one text.
    """
    lines = [(index, line) for index, own in places for line in own]
    trace = traced([line.text for _, line in lines])
    if "".join(c for c, _ in trace) != text or any(line.direction % 90 for _, line in lines):
        return Looks()
    main = main_span(
        [line for _, line in lines], [s for index in dict(places) for s in seen[index].spans]
    )
    told = [_line_looks(line, seen[index], main) for index, line in lines]
    keys = [told[number][index] for _, (number, index) in trace]
    runs = _runs(keys, text)
    if len(runs) > _MOST:
        runs = [run for run in runs if keys[run[0]].links][:_MOST]
    inline: list[Inline] = []
    parts: list[Part] = []
    whole = {
        name: _links(name, trace, keys, lines, seen) for key in set(keys) for name in key.links
    }
    for start, end in runs:
        look = keys[start]
        on = {number for _, (number, _) in trace[start:end]}
        boxes = tuple(
            dict.fromkeys(
                box
                for name in look.links
                for number, box in whole[name][0]
                if number in on and end - start > _EDGE * whole[name][1]
            )
        )
        if look.links and not boxes and look[:-1] == _base(main)[:-1]:
            continue
        parts.append(Part(len(inline), start, end))
        inline.append(Inline(start, end, text[start:end], *look[:-1], boxes))
    return Looks(tuple(parts), tuple(inline))


def _base(main: Span | None) -> _Look:
    if main is None:
        return _Look("", "sans", False, False, (0, 0, 0), 1.0, 0.0, NONE, ())
    return _look(main, main, 0.0)


def _look(span: Span, main: Span, rise: float) -> _Look:
    scale = span.size / (main.size or 1.0)
    alike = max(abs(a - b) for a, b in zip(span.color, main.color, strict=True)) <= _SAME_COLOR
    return _Look(
        span.font,
        classify(span.font, "mono" if span.mono else "serif" if span.serif else "sans"),
        span.bold or is_bold(span.font),
        span.italic or is_italic(span.font),
        main.color if alike else span.color,
        1.0 if abs(scale - 1) <= _SAME_SIZE else round(min(2.0, max(0.4, scale)), 2),
        0.0 if abs(rise) <= _SAME_HEIGHT else round(min(1.0, max(-1.0, rise)), 2),
        NONE,
        (),
    )


def _line_looks(line: Line, seen: Seen, main: Span | None) -> list[_Look]:
    """Return the look of each character of a line."""
    base = _base(main)
    turn = Affine.rotate(-line.direction)
    result = [base] * len(line.text)
    if main is not None:
        spans = sorted(_on(line, seen.spans), key=lambda s: turn.apply(s.bbox.center).x)
        same = [s for s in spans if abs(s.size - main.size) <= _SAME_SIZE * main.size]
        widest = max(same, key=lambda s: len(s.text), default=None)
        baseline = turn.apply(widest.origin).y if widest else None
        looks: dict[int, _Look] = {}
        for index, span in _told(line.text, spans):
            if id(span) not in looks:
                rise = 0.0
                if baseline is not None:
                    rise = (baseline - turn.apply(span.origin).y) / (main.size or 1.0)
                looks[id(span)] = _look(span, main, rise)
            result[index] = looks[id(span)]
        if baseline is not None and seen.rules:
            for under in underlines(line, seen.rules, baseline, main.size):
                for index, point in _points(line):
                    if under.x0 <= point.x <= under.x1:
                        result[index] = result[index]._replace(underline=under.look)
    if not any(not link.bbox.intersection(line.bbox).is_empty for link in seen.links):
        return result
    for index, point in _points(line):
        held = {k.target for k in seen.links if k.bbox.contains(point)}
        result[index] = result[index]._replace(links=tuple(sorted(held)))
    return result


def _points(line: Line) -> Iterator[tuple[int, Point]]:
    """Yield the places of a line's characters in its text, with their middles on the page."""
    at = 0
    for word in line.words:
        count = len(word.text)
        bounds = word.bounds or tuple(n / count for n in range(count + 1))
        a, b, _, d = word.polygon[:4]
        for low, high in pairwise(bounds):
            share = (low + high) / 2
            x = a[0] + (b[0] - a[0]) * share + (d[0] - a[0]) / 2
            y = a[1] + (b[1] - a[1]) * share + (d[1] - a[1]) / 2
            yield at, Point(x, y)
            at += 1
        at += 1


def _told(text: str, spans: Sequence[Span]) -> Iterator[tuple[int, Span]]:
    """Yield the places of characters in the text of a line with the runs that they come from.

    Args:
        text: of the line, or of a part of it.
        spans: of the line, in order.
    """
    flat = [(c, span) for span in spans for c in normalize("NFKC", span.text) if not c.isspace()]
    own = [
        (c, index)
        for index, character in enumerate(text)
        for c in normalize("NFKC", character)
        if not c.isspace()
    ]
    start = "".join(c for c, _ in flat).find("".join(c for c, _ in own))
    if start >= 0:
        for offset, (_, index) in enumerate(own):
            yield index, flat[start + offset][1]


def _runs(keys: Sequence[_Look], text: str) -> list[tuple[int, int]]:
    """Return the ranges that look otherwise than most of the text; spaces join what is around them."""
    usual = Counter(
        k._replace(links=()) for k, c in zip(keys, text, strict=True) if not c.isspace()
    )
    base = usual.most_common(1)[0][0] if usual else None
    runs: list[tuple[int, int]] = []
    for index, key in enumerate(keys):
        if text[index].isspace() or key == base:
            continue
        if runs and keys[runs[-1][0]] == key and not text[runs[-1][1] : index].strip():
            runs[-1] = (runs[-1][0], index + 1)
        else:
            runs.append((index, index + 1))
    # Signs alone that another font lent are not meant to look otherwise.
    return [
        (start, end)
        for start, end in runs
        if keys[start].links
        or any(c.isalnum() for c in text[start:end])
        or (base is not None and keys[start][2:] != base[2:])
    ]


def _links(
    target: str,
    trace: Sequence[tuple[str, tuple[int, int]]],
    keys: Sequence[_Look],
    lines: Sequence[tuple[int, Line]],
    seen: Mapping[int, Seen],
) -> tuple[list[tuple[int, BBox]], int]:
    """Return the boxes of a link or mark that hold words of these lines and little else.

    Each comes with its line; the count is that of the characters in them.
    """
    held: dict[int, int] = Counter(
        number for (_, (number, _)), key in zip(trace, keys, strict=True) if target in key.links
    )
    widths: dict[BBox, float] = {}
    found = []
    for number, count in held.items():
        index, line = lines[number]
        along = line.bbox.width if not line.direction % 180 else line.bbox.height
        for link in seen[index].links:
            if link.target == target and not link.bbox.intersection(line.bbox).is_empty:
                share = count / max(1, len(line.text))
                widths[link.bbox] = widths.get(link.bbox, 0.0) + share * along
                found.append((number, link.bbox))
    own = [
        (number, box)
        for number, box in found
        if max(box.width, box.height) <= _WIDER * widths[box] + 2 * min(box.width, box.height)
    ]
    return own, sum(held.values())


def _on(line: Line, spans: Sequence[Span]) -> list[Span]:
    """Return the runs that stand on a line."""
    box = line.bbox
    found = []
    for span in spans:
        common = span.bbox.intersection(box)
        if common.is_empty or abs((span.direction - line.direction + 180) % 360 - 180) > 5:
            continue
        if (
            common.area > 0.35 * span.bbox.area
            or box.contains(span.bbox.center)
            or common.area > 0.35 * box.area
        ):
            found.append(span)
    return found
