"""Redactions that do not cover: text crossed out by hatches, and bookmarks that say what a box hides.

And what is not worth a finding: placeholders and labels that somebody put below a bar.
"""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

import math
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..geometry import BBox
from .needles import fold
from .verify_text import Char, turned

# Strokes that cross text out: between these slopes (degrees from level), at most so many of a page.
_FLAT, _STEEP = 12.0, 80.0
_MOST = 20_000
_SAME = 2.0  # points within which two diagonals belong to one rectangle
_LEAST_CELL = 6.0  # points; smaller crosses are check marks and decoration
_RUN = 3  # letters in a row that must be crossed out
_FILLER = 3  # equal letters that stand for what was left out
_LABELS = frozenset({
    "redacted", "redaction", "sealed", "confidential", "privileged", "omitted", "deleted", "withheld",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stroke:
    """A slanted line: its box as displayed, its turn in the drawing order, and whether it rises."""

    bbox: BBox
    order: int
    rising: bool


class Hatches:
    """The slanted strokes of a page, and which places they cross out.

    Args:
        page: of PyMuPDF.
    """

    def __init__(self, page: Any) -> None:
        self._strokes = _strokes(page)
        pairs: dict[tuple[int, ...], list[Stroke]] = defaultdict(list)
        for stroke in self._strokes:
            pairs[tuple(round(value / _SAME) for value in stroke.bbox)].append(stroke)
        self._cells = [
            (box, min(stroke.order for stroke in group))
            for group in pairs.values()
            if len({stroke.rising for stroke in group}) == 2
            and (box := BBox.around(stroke.bbox for stroke in group)).width >= _LEAST_CELL
            and box.height >= _LEAST_CELL
        ]

    def __bool__(self) -> bool:
        return bool(self._strokes)

    def crosses_out(self, box: BBox, order: int) -> bool:
        """Return whether strokes that came after ``order`` cross a letter out.

        It lies in a rectangle of which both diagonals are drawn and which is no check box around it
        alone, or strokes of both directions go through it, three or more.
        """
        for cell, drawn in self._cells:
            large = cell.height >= 0.7 * box.height and cell.width >= 0.5 * box.height
            if drawn > order and large and cell.grow(0.5).contains(box.center):
                return True
        through = [
            stroke for stroke in self._strokes if stroke.order > order and _meets(stroke, box)
        ]
        return len(through) > 2 and len({stroke.rising for stroke in through}) == 2


def _strokes(page: Any) -> list[Stroke]:
    view = page.rotation, page.rect.width, page.rect.height
    found: list[Stroke] = []
    for path in page.get_cdrawings():
        if "s" not in path["type"] or path.get("stroke_opacity", 1.0) < 0.5:
            continue
        for item in path["items"]:
            if item[0] != "l":
                continue
            (x0, y0), (x1, y1) = item[1], item[2]
            slope = math.degrees(math.atan2(abs(y1 - y0), abs(x1 - x0)))
            if not _FLAT <= slope <= _STEEP:
                continue
            box = min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
            rising = ((x1 - x0) * (y1 - y0) < 0) != (view[0] % 180 == 90)
            found.append(Stroke(turned(box, *view), path["seqno"], rising))
            if len(found) >= _MOST:
                return found
    return found


def _meets(stroke: Stroke, box: BBox) -> bool:
    """Return whether the diagonal of the stroke's box goes through another box."""
    line = stroke.bbox
    if line.x1 < box.x0 or line.x0 > box.x1 or line.y1 < box.y0 or line.y0 > box.y1:
        return False
    slope = line.height / line.width

    def height(x: float) -> float:
        along = (min(max(x, line.x0), line.x1) - line.x0) * slope
        return line.y1 - along if stroke.rising else line.y0 + along

    one, other = height(box.x0), height(box.x1)
    return min(one, other) <= box.y1 and max(one, other) >= box.y0


def long_enough(crossed: Sequence[bool]) -> list[bool]:
    """Return the marks of letters that are crossed out, without runs too short to mean it.

    >>> long_enough([True, False, True, True, True])
    [False, False, True, True, True]
    """
    kept = [False] * len(crossed)
    start = 0
    for index in range(len(crossed) + 1):
        if index == len(crossed) or not crossed[index]:
            if index - start >= _RUN:
                kept[start:index] = [True] * (index - start)
            start = index + 1
    return kept


def says_nothing(text: str) -> bool:
    """Return whether a text gives nothing away: signs alone, one letter repeated, a label.

    >>> [says_nothing(text) for text in ("___,", "XXX-XX", "[REDACTED]", "34", "\\ufffd")]
    [True, True, True, False, False]
    """
    letters = fold("".join(c for c in text if _tells(c)))
    if not letters or letters in _LABELS:
        return True
    return len(letters) >= _FILLER and len(set(letters)) == 1 and letters.isalpha()


def _tells(char: str) -> bool:
    return char.isalnum() or char == "\ufffd" or unicodedata.category(char) in ("Co", "Sc")


def bookmark_leaks(
    titles: Sequence[str], words: Sequence[Char], boxes: Sequence[BBox]
) -> list[tuple[str, BBox]]:
    """Return words of bookmarks that the page they lead to hides, each with the box that does.

    A bookmark repeats the heading of its page. Where a part of the heading stands on a line of the
    page, another part does not, and a box stands on that very line, the bookmark gives it away.

    Args:
        titles: of the bookmarks that lead to the page.
        words: of the page.
        boxes: opaque boxes drawn on it.
    """
    found: list[tuple[str, BBox]] = []
    known: dict[str, list[Char]] = defaultdict(list)
    for word in words:
        known[fold(word.text)].append(word)
    for title in titles:
        parts = [part for part in title.split() if len(fold(part)) > 1]
        missing = [part for part in parts if fold(part) not in known]
        beside = [word for part in parts for word in known.get(fold(part), ())]
        if not missing or not beside or says_nothing("".join(missing)):
            continue
        for box in boxes:
            row = [word for word in beside if _in_row(word.bbox, box)]
            if len({fold(word.text) for word in row}) >= min(2, len(parts) - len(missing)):
                found.append((" ".join(missing), box))
                break
    return found


def _in_row(word: BBox, box: BBox) -> bool:
    overlap = min(word.y1, box.y1) - max(word.y0, box.y0)
    return overlap >= 0.5 * word.height and box.height <= 4 * word.height
