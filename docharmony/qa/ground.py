"""From an answer that a model wrote back to the words of the page: found there, or refused."""

from __future__ import annotations

from collections.abc import Sequence

from ..detect.text import fold
from ..model import AnswerSpan, Line, Page
from .words import distance

# A generated answer may differ from the page by this share of its letters (a reader's mistake).
_WRONG = 0.12
_LEAST = 8  # shorter answers must stand there as they are
_LINES = 6  # lines over which an answer may go


def ground(text: str, page: Page) -> tuple[AnswerSpan, ...] | None:
    """Return where an answer stands on the page, one span a line; None where it does not.

    Case, accents, spaces and quotation marks do not matter. Long answers may have a letter wrong.
    """
    wanted = _letters(text)
    if not wanted:
        return None
    lines = page.lines
    letters: list[str] = []
    places: list[tuple[int, int]] = []  # line, character of its text
    for number, line in enumerate(lines):
        for index, character in enumerate(line.text):
            for plain in _letters(character):
                letters.append(plain)
                places.append((number, index))
    whole = "".join(letters)
    at = _best(whole, wanted, lines, places)
    if at is None and len(wanted) >= _LEAST:
        at = _near(whole, wanted)
    if at is None:
        return None
    return _spans(lines, places[at[0] : at[1]])


def _letters(text: str) -> str:
    return "".join(c for c in fold(text) if c.isalnum() or c in "@%")


def _best(
    whole: str, wanted: str, lines: Sequence[Line], places: Sequence[tuple[int, int]]
) -> tuple[int, int] | None:
    """Return the first place where the answer stands as whole words."""
    at = whole.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        first, last = places[at], places[end - 1]
        before = lines[first[0]].text[: first[1]][-1:]
        behind = lines[last[0]].text[last[1] + 1 :][:1]
        if not before.isalnum() and not behind.isalnum() and last[0] - first[0] < _LINES:
            return at, end
        at = whole.find(wanted, at + 1)
    return None


def _near(whole: str, wanted: str) -> tuple[int, int] | None:
    most = max(1, int(len(wanted) * _WRONG))
    size = len(wanted)
    # Pieces of the answer without a mistake say where to look.
    piece = max(3, size // (most + 1))
    best: tuple[int, int, int] | None = None
    tried: set[int] = set()
    for start in range(0, size - piece + 1, piece):
        at = whole.find(wanted[start : start + piece])
        while at >= 0:
            begin = at - start
            if begin >= 0 and begin not in tried:
                tried.add(begin)
                wrong = distance(whole[begin : begin + size], wanted, most)
                if wrong <= most and (best is None or wrong < best[0]):
                    best = (wrong, begin, begin + size)
            if len(tried) > 200:
                break
            at = whole.find(wanted[start : start + piece], at + 1)
    return None if best is None else (best[1], min(best[2], len(whole)))


def _spans(lines: Sequence[Line], places: Sequence[tuple[int, int]]) -> tuple[AnswerSpan, ...]:
    spans: list[AnswerSpan] = []
    for number in dict.fromkeys(line for line, _ in places):
        own = [index for line, index in places if line == number]
        spans.append(AnswerSpan(lines[number].id, min(own), max(own) + 1))
    return tuple(spans)
