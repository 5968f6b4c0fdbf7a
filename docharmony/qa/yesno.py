"""Yes or no: ticked boxes, fields that say so, comparisons, and whether something is there at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import regex

from ..detect.text import fold
from .choices import Choice, fit_of, groups, is_said
from .data import words
from .evidence import said
from .graph import Graph
from .question import Question, answers
from .score import Asker, rank
from .segments import Segment
from .slots import Slot
from .tables import slot_of
from .units import match, units
from .values import find
from .words import tokens

if TYPE_CHECKING:
    from .choices import Pixels

_TICKED = regex.compile(
    r"[\u2611\u2612\u2713\u2714\u2717\u2718\u25a0\u25fc\u2022]|\[[xX\u2713]\]|\([xX]\)|(?<!\p{L})[xX](?!\p{L})"
)
_EMPTY = regex.compile(r"[\u2610\u25a1\u25fb]|\[\s?\]|\(\s\)")
_BOX = regex.compile(rf"(?:{_TICKED.pattern})|(?:{_EMPTY.pattern})")


_LEAST = 0.35  # how well a row must fit the question for its boxes to be looked at


@dataclass(frozen=True, slots=True)
class Verdict:
    """Yes or no, what says so, and 0.0-1.0 how well that fits the question.

    ``slot`` is the word that says it, None where it follows from elsewhere.
    """

    yes: bool
    slot: Slot | None
    evidence: tuple[Segment, ...]
    strength: float


def decide(question: Question, graph: Graph, pixels: Pixels | None = None) -> Verdict | None:
    """Return the verdict of a page, or None where it does not say.

    Args:
        question: what is asked.
        graph: the page.
        pixels: the page as pixels, for boxes that are drawn; asked for only where there are such.
    """
    if question.operation == "compare":
        return _compare(question, graph)
    marked = groups(graph, pixels)
    verdicts = [*_words(question, graph, marked), *_boxes(question, graph)]
    verdicts += [*_states(question, graph), *_chosen(question, graph, marked)]
    return max(verdicts, key=lambda v: v.strength, default=None)


def _chosen(question: Question, graph: Graph, marked: list[list[Choice]]) -> list[Verdict]:
    """Return verdicts of boxes: a yes or a no in a group that is asked about, or what is asked itself."""
    known = answers()
    found = []
    for group in marked:
        said = [c for c in group if is_said(c.text, known["yes"] | known["no"])]
        if len(said) == 2 and sum(c.ticked for c in said) == 1:
            choice = next(c for c in said if c.ticked)
            fits = fit_of(question, said, graph)
            if fits >= _LEAST:
                box = choice.segment.box(choice.start, choice.end)
                slot = Slot(choice.text, (choice.span,), box, (), choice.segment, "value")
                yes = is_said(choice.text, known["yes"])
                found.append(Verdict(yes, slot, (choice.segment,), fits))
            continue
        for choice in group:
            own = match(question.asked, units(choice.text))
            fits = 0.8 * own.coverage + 0.2 * own.precision
            if fits >= _LEAST:
                found.append(Verdict(choice.ticked, None, (choice.segment,), fits))
    return found


_Option = tuple[Segment, int, int, bool]


def _offers(graph: Graph) -> list[tuple[list[_Option], list[str]]]:
    """Return the rows that hold both a yes and a no, with the texts that may say of what."""
    known = answers()
    found = []
    for segment in graph.segments:
        if segment.left is not None:
            continue
        options: list[_Option] = []
        texts: list[str] = []
        at: Segment | None = segment
        while at is not None:
            rest = at.text
            for word in regex.finditer(r"\S+", at.text):
                said = fold(word[0]).strip(" .,:/()")
                if said in known["yes"] or said in known["no"]:
                    options.append((at, word.start(), word.end(), said in known["yes"]))
                    rest = rest.replace(word[0], " ", 1)
            if any(c.isalpha() for c in rest):
                texts.append(rest)
            at = at.right
        if len({yes for *_, yes in options}) == 2 and len(options) == 2:
            if not texts:
                texts = [above.text for above in segment.above[:1]]
            found.append((options, texts))
    return found


def _words(question: Question, graph: Graph, marked: list[list[Choice]]) -> list[Verdict]:
    """Return verdicts of fields whose value is a yes or a no, without a box to tick."""
    asker = Asker(question, graph)
    known = answers()
    offered = {id(s) for options, _ in _offers(graph) for s, *_ in options}
    offered |= {id(choice.segment) for group in marked for choice in group}
    found = []
    for slot in graph.slots:
        if id(slot.segment) in offered:
            continue  # both a yes and a no: what is ticked decides
        said = fold(slot.text).strip(" .!")
        yes = said in known["yes"]
        if not yes and said not in known["no"]:
            continue
        best = 0.0
        for label in slot.labels:
            if label.relation in ("inline", "left", "above", "row", "column", "box", "under"):
                fits = match(asker.question.asked, label.units)
                best = max(best, 0.8 * fits.coverage + 0.2 * fits.precision)
        # A ticked box beside a bare "yes" decides, not the word: see _boxes.
        if best and not _BOX.search(slot.segment.text) and not _beside_box(slot.segment):
            found.append(Verdict(yes, slot, (slot.segment,), best))
    return found


def _states(question: Question, graph: Graph) -> list[Verdict]:
    """Return verdicts of texts that say it: a stamp "PAID", a sentence with all that was asked."""
    asked = [(u, w) for u, w in question.asked if w >= 0.9 and not u.senses & graph.about]
    if not asked:
        return []
    found = []
    whole = sum(w for _, w in asked)
    for slot in graph.slots:
        if slot.shape not in ("whole", "rest", "sentence"):
            continue
        there = tokens(slot.text)
        # Nothing but the state itself, or a sentence that has every word of the question.
        short = len(there) <= 2 and len(asked) == 1
        if not (short or (slot.shape == "sentence" and len(asked) > 1)):
            continue
        share = sum(w * said(u, slot.text) for u, w in asked) / whole
        if share < 0.85:
            continue
        denied = any(token.text in words("negations") for token in there)
        found.append(Verdict(not denied, None, (slot.segment,), 0.8 * share))
    return found


def _beside_box(segment: Segment) -> bool:
    near = (segment.left, segment.right)
    return any(s is not None and _BOX.fullmatch(s.text.strip()) is not None for s in near)


def _boxes(question: Question, graph: Graph) -> list[Verdict]:
    """Return verdicts of boxes: one beside what is asked, or one of a yes and a no."""
    asker = Asker(question, graph)
    known = answers()
    found = []
    for segment in graph.segments:
        boxes = list(_BOX.finditer(segment.text))
        if not boxes:
            continue
        for number, box in enumerate(boxes):
            ticked = _EMPTY.fullmatch(box[0]) is None
            end = boxes[number + 1].start() if number + 1 < len(boxes) else len(segment.text)
            behind = segment.text[box.end() : end].strip(" :.")
            if not behind and segment.right is not None:
                behind = segment.right.text
            before = segment.text[: boxes[0].start()].strip(" :.")
            if not before and segment.left is not None:
                before = segment.left.text
            said = fold(behind).strip()
            if said in known["yes"] or said in known["no"]:
                if not ticked:
                    continue
                texts = [before]
                at = segment.left
                while at is not None:
                    texts.append(at.text)
                    at = at.left
                texts += [s.text for s in segment.above[:1]]
                fits = max(match(asker.question.asked, units(t)).coverage for t in texts)
                found.append(Verdict(said in known["yes"], None, (segment,), fits))
            else:
                own = match(asker.question.asked, units(behind))
                other = match(asker.question.asked, units(before))
                fits = max(
                    0.8 * own.coverage + 0.2 * own.precision,
                    0.75 * other.coverage + 0.2 * other.precision,
                )
                found.append(Verdict(ticked, None, (segment,), fits))
    return found


def _compare(question: Question, graph: Graph) -> Verdict | None:
    """Return whether a value of the page is above or below the one that the question names."""
    bounds = [v for v in find(question.text) if v.kind in ("date", "money", "number", "percent")]
    if not bounds:
        return None
    bound = bounds[-1]
    dates = bound.kind == "date"
    for item in rank(question, graph)[:3]:
        for value in find(item.slot.text, graph.day_first):
            if (value.kind == "date") != dates or value.kind not in (
                "date",
                "money",
                "number",
                "percent",
            ):
                continue
            if value.end - value.start < 0.6 * len(item.slot.text):
                continue
            if dates:
                above = value.normal > bound.normal
            else:
                try:
                    above = float(value.normal) > float(bound.normal)
                except ValueError:
                    continue
            slot = slot_of(graph, item.slot.segment)
            evidence = (item.slot.segment,) if slot is not None else ()
            strength = min(1.0, item.features[1])
            return Verdict(above == question.more, None, evidence, strength)
    return None
