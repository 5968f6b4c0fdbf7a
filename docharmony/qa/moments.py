"""When the page was made: the date of a letter, an invoice, a receipt or a meeting, labelled or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import regex

from ..geometry import BBox
from .data import words
from .graph import Graph
from .question import Question
from .segments import Segment
from .slots import Slot
from .tables import Found
from .units import units
from .values import find
from .words import tokens

# Labels that make a date one of something else.
_OTHER = frozenset(
    {
        "due", "birth", "expiry", "delivery", "shipping", "start", "end", "period", "payment", "order",
        "arrival", "departure", "appointment", "notice", "version", "contract", "age", "terms",
    }
)  # fmt: skip
_OWN = frozenset({"date", "issue", "signature"})
_CUES = frozenset({"date", "issue", "sender", "author", "signature", "vendor"})


@dataclass(frozen=True, slots=True)
class _Moment:
    segment: Segment
    start: int
    end: int
    normal: str
    worth: float


def asks(question: Question) -> bool:
    """Whether a question asks when the document was made and nothing else."""
    if question.kind != "date" or question.operation != "look" or not question.asked:
        return False
    made = words("made")
    return all(
        (unit.senses and unit.senses <= _CUES)
        or weight < 0.7
        or all(word in made for word in unit.words)
        for unit, weight in question.asked
    )


def answer(question: Question, graph: Graph) -> list[Found]:
    """Return the date of the document where the question asks for that, the likeliest first."""
    if not asks(question):
        return []
    rated = sorted(_moments(graph), key=lambda m: -m.worth)
    if not rated or rated[0].worth <= 0:
        return []
    best = rated[0]
    second = max((m.worth for m in rated if m.normal != best.normal), default=0.0)
    lead = min(1.0, max(0.0, best.worth - max(0.0, second)) / 0.5)
    strength = min(1.0, best.worth) * (0.55 + 0.45 * lead)
    segment = best.segment
    slot = Slot(
        segment.text[best.start : best.end],
        (segment.span(best.start, best.end),),
        BBox.around([segment.box(best.start, best.end)]),
        (),
        segment,
        "value",
        "date",
    )
    return [Found(slot.text, slot, (), strength)]


@lru_cache(maxsize=8)
def _moments(graph: Graph) -> tuple[_Moment, ...]:
    found = list(_each(graph))
    days = {moment.normal for moment in found}
    if len(days) == 1:
        return tuple(_Moment(m.segment, m.start, m.end, m.normal, m.worth + 0.3) for m in found)
    # Dates below each other are those of a table.
    out = []
    for m in found:
        column = sum(
            abs(o.segment.bbox.x0 - m.segment.bbox.x0) < m.segment.em
            and o.segment is not m.segment
            and o.start == m.start
            for o in found
        )
        out.append(
            _Moment(m.segment, m.start, m.end, m.normal, m.worth - 0.25 * min(2, column // 2))
        )
    return tuple(out)


def _each(graph: Graph) -> Iterator[_Moment]:
    height = graph.page.height or 1.0
    for segment in graph.segments:
        text = segment.text
        for value in find(text, graph.day_first):
            if value.kind != "date":
                continue
            day = len(value.normal) == 10
            before, behind = text[: value.start], text[value.end :]
            label = _senses(before[-40:])
            far = not before.strip(" :,")
            if far and segment.left is not None and not segment.left.numeric:
                label = _senses(segment.left.text)
            if far and not label & (_OWN | _OTHER):
                for above in segment.above[:1]:
                    near = segment.bbox.y0 - above.bbox.y1 < 1.6 * segment.em
                    if near and len(above.text.split()) <= 5:
                        label = label | _senses(above.text)
            worth = 0.35 if day else 0.1
            if label & _OTHER or _answers(before) or _answers_label(segment, far):
                worth -= 0.8
            elif label & _OWN:
                worth += 0.45
            alone = value.end - value.start > 0.6 * len(text.strip())
            if alone or _only_place(before):
                worth += 0.25
            elif len(text.split()) > 7:
                worth -= 0.2
            if (
                any(graph.about & unit.senses for unit in units(text))
                or segment.em > 1.15 * graph.em
            ):
                worth += 0.25
            if segment.bbox.y0 < 0.45 * height:
                worth += 0.15
            if behind.strip() and find(behind) and any(v.kind == "time" for v in find(behind)):
                worth += 0.1
            yield _Moment(segment, value.start, value.end, value.normal, worth)


def _senses(text: str) -> frozenset[str]:
    return frozenset(name for unit in units(text) for name in unit.senses)


# "Your letter of 3 May": the date of another letter.
def _answers(before: str) -> bool:
    said = {token.text for token in tokens(before)}
    return bool(said & words("yours"))


def _answers_label(segment: Segment, alone: bool) -> bool:
    if not alone or not segment.above:
        return False
    above = segment.above[0]
    return segment.bbox.y0 - above.bbox.y1 < 2.0 * segment.em and _answers(above.text)


_PLACE = regex.compile(
    r"^(?:[\p{L}.\-'\u2019]+\s){0,4}[\p{L}.\-'\u2019]+,?\s*(?:the|den|le|a|am|il|el|de|op)?\s*$",
    regex.IGNORECASE,
)


def _only_place(before: str) -> bool:
    """Whether before a date stands nothing but a place: "Lyon, le", "Done at Porto,"."""
    return (
        bool(before.strip())
        and before.rstrip().endswith((",", "le", "den"))
        and bool(_PLACE.match(before))
    )


__all__ = ["answer", "asks"]
