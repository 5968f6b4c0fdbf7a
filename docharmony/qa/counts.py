"""How many: the parts of an enumeration behind its label, the points of a list, the rows of a table."""

from __future__ import annotations

from collections.abc import Sequence

import regex

from .aligned import aligned
from .graph import Graph
from .question import Question
from .segments import Segment
from .tables import Found, rows
from .units import Unit, match, units

_PARTS = regex.compile(r"\s*[,;\u2022]\s*|\s+(?:and|und|et|y|e|en|i|&)\s+")
_POINT = regex.compile(r"\(?(\d{1,2})[.)]\s+\S")
_BULLET = regex.compile(r"[\u2022\u25cf\u25aa\u2013*\u00b7-]\s+\S")
_SAID = 0.85  # share of what is counted that a label, a heading or a head must say
_BEHIND, _BELOW, _HEADED = 0.8, 0.75, 0.5  # how sure each way is


def counted(question: Question, graph: Graph) -> list[Found]:
    """Return the numbers of what a question counts, each with the segments that were counted."""
    asked = [(unit, weight) for unit, weight in question.asked if weight >= 0.5]
    if question.operation != "count" or not asked:
        return []
    found = [*_behind(asked, graph), *_below(asked, graph)]
    if not found and not question.rows and _headed(asked, graph):
        number, cells, sure = rows(graph)
        if number > 1:
            found.append(Found(str(number), None, cells, _HEADED * sure))
    return sorted(found, key=lambda item: -item.strength)[:2]


def _behind(asked: Sequence[tuple[Unit, float]], graph: Graph) -> list[Found]:
    """Return the number of parts behind a label: "Members: A. Roe, B. Poe" are two."""
    found = []
    for slot in graph.slots:
        label = slot.labels[0] if slot.labels else None
        if slot.shape not in ("rest", "whole", "group") or label is None or not label.colon:
            continue
        if label.relation not in ("inline", "left") or slot.text.count(":") > 0:
            continue
        if match(asked, label.units).coverage < _SAID or len(label.units) > 3:
            continue
        parts = [part for part in _PARTS.split(slot.text.replace("\n", " ")) if part.strip()]
        if len(parts) > 1 and all(len(part.split()) <= 5 for part in parts):
            found.append(Found(str(len(parts)), None, (slot.segment,), _BEHIND))
    return found[:1]


def _below(asked: Sequence[tuple[Unit, float]], graph: Graph) -> list[Found]:
    """Return the number of points of the list under a heading that names them."""
    for heading in graph.segments:
        own = units(heading.text)
        if not own or len(own) > 4 or match(asked, own).coverage < _SAID:
            continue
        points = _points(graph.segments[heading.index + 1 :], heading)
        if len(points) > 1:
            return [Found(str(len(points)), None, tuple(points), _BELOW)]
    return []


def _points(following: Sequence[Segment], heading: Segment) -> list[Segment]:
    """Return the segments that open the points of the list right behind a heading."""
    points: list[Segment] = []
    for segment in following:
        numbered = _POINT.match(segment.text)
        next_one = numbered is not None and int(numbered[1]) == len(points) + 1
        if next_one or (numbered is None and _BULLET.match(segment.text)):
            points.append(segment)
        elif not points or segment.bbox.x0 <= points[0].bbox.x0 + 0.5 * points[0].em:
            break  # what goes on within a point stands further right
    near = points and points[0].bbox.y0 - heading.bbox.y1 < 4 * heading.em
    return points if near else []


def _headed(asked: Sequence[tuple[Unit, float]], graph: Graph) -> bool:
    """Whether a head of the largest table names what is counted: students, below "Student ID"."""
    best = max(aligned(graph), key=lambda grid: len(grid.rows), default=None)
    return best is not None and any(
        match(asked, own).coverage >= _SAID
        for head in best.heads.values()
        if (own := units(head.text)) and not any(u.senses & _AMOUNTS for u in own)
    )


# Heads of columns that hold numbers of things themselves.
_AMOUNTS = frozenset({"quantity", "total", "amount"})
