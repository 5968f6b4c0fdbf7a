"""Authors without a label: the names between a title and the text below it."""

from __future__ import annotations

from collections.abc import Iterator

import regex

from ..geometry import BBox
from .data import words
from .graph import Graph
from .question import Question
from .segments import Segment
from .slots import NAMED, Slot
from .tables import Found
from .values import fit
from .words import tokens

_TOP = 0.45  # of the page's height: a title begins above it
_AWAY = 5  # segments between a title and the first name at most
_DEEP = 0.3  # of the page's height: names end no further below the title
_SURE = 0.85
_PARTS = regex.compile(r"\s*(?:[,;&·•]|\b(?:and|und|et|y|e|en|i)\b)\s*")
_INITIALS = regex.compile(
    r"(?:\p{Lu}\.\s?){1,3}(?:(?:van|von|de|der|den|di|da|del)\s)*\p{Lu}[\p{L}'’\-]+"
)
_MARKS = regex.compile(r"[\d*∗†‡§¶,\s\u00b9\u00b2\u00b3\u2070-\u2079]+$")
_END = frozenset(
    {"abstract", "contents", "introduction", "summary", "zusammenfassung", "resume", "resumen"}
)


def answer(question: Question, graph: Graph) -> list[Found]:
    """Return the names below the title of a page, for a question after its authors."""
    if question.operation != "look" or not any("author" in u.senses for u, _ in question.asked):
        return []
    spans, boxes, texts = [], [], []
    first: Segment | None = None
    found = list(_names(graph))
    largest = max((segment.em for segment, _ in found), default=0.0)
    for segment, end in found:
        if segment.em < 0.95 * largest:
            continue  # in smaller print: the house that they are of
        first = first or segment
        texts.append(segment.text[:end])
        spans.append(segment.span(0, end))
        boxes.append(segment.box(0, end))
    if first is None:
        return []
    text = ", ".join(texts)
    slot = Slot(text, tuple(spans), BBox.around(boxes), (), first, "value")
    return [Found(text, slot, (), _SURE)]


def _names(graph: Graph) -> Iterator[tuple[Segment, int]]:
    """Yield the lines of nothing but names below the title, each with where its last name ends."""
    title = _title(graph)
    if title is None:
        return
    waited = 0
    for segment in graph.segments[title.index + 1 :]:
        said = {token.text for token in tokens(segment.text)}
        deep = segment.bbox.y0 - title.bbox.y1 > _DEEP * graph.page.height
        if deep or waited > _AWAY or (said & _END and len(said) < 3) or len(said) > 30:
            return
        if segment.bbox.y0 < title.bbox.y0:
            continue
        end = len(_MARKS.sub("", segment.text))
        if is_names(segment.text[:end]):
            waited = -_AWAY
            yield segment, end
        elif segment.em < 0.95 * title.em:
            waited += 1


def is_names(text: str) -> bool:
    """Whether a text is nothing but names of people, each of two words at least.

    >>> is_names("Ann Roe and Til Aach"), is_names("San Antonio, Texas"), is_names("New York University")
    (True, False, False)
    """
    parts = [_MARKS.sub("", part) for part in _PARTS.split(text)]
    parts = [_untitled(part) for part in parts if part]
    return bool(parts) and all(
        (NAMED.fullmatch(part) or _INITIALS.fullmatch(part))
        and fit("org", part) < 0.7
        and tokens(part)[0].text not in words("stop")
        for part in parts
    )


def _untitled(part: str) -> str:
    """Return a name without the titles before it: "Professor R. O. Tenase"."""
    own = part.split()
    while len(own) > 1 and own[0].strip(".").lower() in words("honorifics") | {
        "professor",
        "doctor",
    }:
        own = own[1:]
    return " ".join(own)


def _title(graph: Graph) -> Segment | None:
    """Return the last line of the title: of the largest print in the upper part of the page."""
    top = [
        s
        for s in graph.segments
        if s.bbox.y0 < _TOP * graph.page.height and sum(c.isalpha() for c in s.text) > 5
    ]
    if not top:
        return None
    most = max(s.em for s in top)
    if most < 1.15 * graph.em:
        return None
    large = [s for s in top if s.em > 0.95 * most]
    # One title: what is as large further below is another text.
    last = large[0]
    for segment in large[1:]:
        if segment.bbox.y0 - last.bbox.y1 < 1.2 * most:
            last = segment
    return last
