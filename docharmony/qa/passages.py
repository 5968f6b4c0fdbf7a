"""Passages of a page, and which of them a question is about."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .question import Question
from .units import alike, units

if TYPE_CHECKING:
    from ..engine.base import Embedder
    from ..model import Page
    from .graph import Graph
from .segments import Segment

_LONGEST = 400  # characters of a passage
_DAMP = 0.15  # how much each further word of a passage takes from its score


@dataclass(frozen=True, slots=True)
class Passage:
    """Some lines of one page that belong together.

    Attributes:
        page: its number.
        text: lines separated by line breaks.
        score: how well they fit a question.
        place: number in the reading order of the page.
    """

    page: int
    text: str
    score: float = 0.0
    place: int = 0


def passages(graph: Graph) -> list[Passage]:
    """Return the passages of a page in reading order: rows joined by spaces, labels with their values."""
    page: Page = graph.page
    found: list[Passage] = []
    current: list[str] = []
    block = None
    for row in _rows(graph.segments):
        text = "  ".join(segment.text for segment in row)
        size = sum(map(len, current))
        if current and (row[0].block != block or size + len(text) > _LONGEST):
            found.append(Passage(page.number, "\n".join(current), place=len(found)))
            current = []
        block = row[0].block
        current.append(text)
    if current:
        found.append(Passage(page.number, "\n".join(current), place=len(found)))
    return found


def rated(
    question: Question, found: Sequence[Passage], embedder: Embedder | None = None
) -> list[Passage]:
    """Return the passages with their scores, the best first.

    Words count by what they mean, so a question in another language finds its passage too; an embedder
    adds half of the score by likeness of the whole.
    """
    scores = [_words_score(question, passage.text) for passage in found]
    if embedder is not None and found:
        rows = embedder.embed([question.text, *(passage.text for passage in found)])
        most = max(scores) or 1.0
        near = (rows[1:] @ rows[0]).tolist()
        scores = [0.5 * cos + 0.5 * score / most for cos, score in zip(near, scores, strict=True)]
    rated = [replace(p, score=score) for p, score in zip(found, scores, strict=True)]
    return sorted(rated, key=lambda passage: -passage.score)


def context(found: Sequence[Passage], limit: int) -> str:
    """Return the best passages as one text of at most ``limit`` characters, separated by blank lines.

    They stand in reading order, so that questions on a page that fits share one text: a model reads it
    once.

    Args:
        found: the best first.
        limit: characters.
    """
    parts: list[tuple[int, int, str]] = []
    left = limit
    for passage in found:
        text = passage.text[: max(0, left)]
        if not text:
            break
        parts.append((passage.page, passage.place, text))
        left -= len(text) + 2
    return "\n\n".join(text for _, _, text in sorted(parts))


def _words_score(question: Question, text: str) -> float:
    own = units(text)
    if not own:
        return 0.0
    got: float = sum(
        weight * max(alike(unit, other) for other in own) for unit, weight in question.asked
    )
    return got / (1.0 + _DAMP * math.sqrt(len(own)))


def _rows(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Return the segments by rows: one with the next in reading order while that stands right of it."""
    rows: list[list[Segment]] = []
    for segment in segments:
        if rows and segment.left is rows[-1][-1] and segment.block == rows[-1][-1].block:
            rows[-1].append(segment)
        else:
            rows.append([segment])
    return rows
