"""From characters to places: the areas that a range of a page's text takes up, one for each line."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING

from ..geometry import Affine, BBox, Point, Polygon
from ..model import Line, Word
from ..stage import Glyph
from .text import PageText, Place

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# Words read from pixels: how far an area reaches beyond them, as shares of their height. Ink may
# stand outside the box found, and the place of a character inside a line is a guess.
_MARGIN_ALONG, _MARGIN_ACROSS, _MARGIN_INSIDE = 0.3, 0.08, 0.3
# A rest of so few characters of a read word goes with the hit: half a letter left tells more.
_REST = 3
# Above this a row of glyphs is a bucket of its own, in page units.
_ROW = 24.0


@dataclass(frozen=True, slots=True)
class Area:
    """The part of one line that a match takes up.

    Attributes:
        line: index into ``PageText.lines``.
        polygon: four corners in page units, clockwise from the text's top left.
        text: the characters in it.
        whole_start: whether it begins where a word does.
        whole_end: whether it ends where a word does.
    """

    line: int
    polygon: Polygon
    text: str
    whole_start: bool
    whole_end: bool


class Glyphs:
    """The characters of a text layer, found by the word that they make up.

    Args:
        load: returns all characters of the page; called when the first is asked for.
    """

    def __init__(self, load: Callable[[], Sequence[Glyph]]) -> None:
        self._load = load

    @cached_property
    def _rows(self) -> dict[int, list[tuple[int, Glyph]]]:
        rows: dict[int, list[tuple[int, Glyph]]] = {}
        for index, glyph in enumerate(self._load()):
            rows.setdefault(int(glyph.bbox.center.y // _ROW), []).append((index, glyph))
        return rows

    def of_word(self, word: Word) -> list[BBox] | None:
        """Return the boxes of a word's characters, or None where they cannot be told for sure."""
        box = word.bbox.grow(0.5)
        near: list[tuple[int, Glyph]] = []
        for row in range(int(box.y0 // _ROW), int(box.y1 // _ROW) + 1):
            near += [item for item in self._rows.get(row, ()) if box.contains(item[1].bbox.center)]
        glyphs = [glyph for _, glyph in sorted(near, key=lambda item: item[0])]
        letters = [(number, c) for number, glyph in enumerate(glyphs) for c in glyph.text]
        at = "".join(c for _, c in letters).find(word.text)
        if at < 0:
            return None
        boxes: list[BBox] = []
        for number, _ in letters[at : at + len(word.text)]:
            own = glyphs[number].bbox
            # The later letters of a ligature have no width of their own.
            boxes.append(boxes[-1] if boxes and own.width < 0.01 and own.height > 0 else own)
        return boxes


class Places:
    """Finds the areas of ranges of a page's text.

    Args:
        glyphs: returns all characters of the page's text layer; called when they are needed.
        raster: returns the page as pixels, (height, width, 3) RGB; called when they are needed.
        size: width and height of the page, in page units.
    """

    def __init__(
        self,
        glyphs: Callable[[], Sequence[Glyph]],
        raster: Callable[[], npt.NDArray[np.uint8]],
        size: tuple[float, float],
    ) -> None:
        self._glyphs = Glyphs(glyphs)
        self._raster = raster
        self._size = size

    @cached_property
    def _pixels(self) -> npt.NDArray[np.uint8]:
        return self._raster()

    def areas(self, page: PageText, start: int, end: int) -> Iterator[Area]:
        """Yield the areas of ``page.text[start:end]``; on read text none of them cuts a letter."""
        for area in areas(page, start, end, self._glyphs):
            line = page.lines[area.line]
            if line.origin == "pdf" and line.visible:
                yield area
                continue
            from .ink import past_ink

            rows, columns = self._pixels.shape[:2]
            polygon = past_ink(
                area.polygon,
                self._pixels,
                (columns / self._size[0], rows / self._size[1]),
                whole_start=area.whole_start,
                whole_end=area.whole_end,
            )
            yield replace(area, polygon=polygon)


def areas(page: PageText, start: int, end: int, glyphs: Glyphs) -> Iterator[Area]:
    """Yield the areas that ``page.text[start:end]`` takes up, line by line."""
    places = [place for place in page.places[start:end] if place is not None]
    for number, on_line in groupby(places, key=lambda place: place.line):
        line = page.lines[number]
        parts = [list(group) for _, group in groupby(on_line, key=lambda place: place.word)]
        # Words of right-to-left text stand in another order than they are read in.
        for run in [[part] for part in parts] if _is_right_to_left(line) else [parts]:
            first, last = run[0][0], run[-1][-1]
            quads = [
                _quad(line, part[0].word, part[0].char, part[-1].char + 1, glyphs) for part in run
            ]
            text = " ".join(
                line.words[part[0].word].text[part[0].char : part[-1].char + 1] for part in run
            )
            yield Area(
                number,
                _around(quads, line.words[first.word].polygon),
                text,
                *_whole(line, first, last),
            )


def _whole(line: Line, first: Place, last: Place) -> tuple[bool, bool]:
    """Return whether an area on read text begins, and ends, with a whole word."""
    before, after = first.char, len(line.words[last.word].text) - 1 - last.char
    if first.word == last.word and before + after > _REST:
        return before == 0, after == 0
    return before <= _REST, after <= _REST


def _quad(line: Line, index: int, start: int, end: int, glyphs: Glyphs) -> Polygon:
    """Return the corners of the characters ``start:end`` of a word."""
    word = line.words[index]
    size = len(word.text)
    certain = word.origin == "pdf" and line.visible
    if not certain and start + size - end <= _REST:
        start, end = 0, size
    if word.origin == "pdf" and word.bounds is None:
        quad = _by_glyphs(word, start, end, glyphs)
    elif word.bounds is not None and len(word.bounds) == size + 1:
        quad = _slice(word.polygon, word.bounds[start], word.bounds[end])
    else:
        quad = word.polygon
    if certain:
        return quad
    height = math.dist(quad[0], quad[3])
    inside, beside = _MARGIN_INSIDE * height, _MARGIN_ALONG * height
    turn = _rotation(-quad.angle)
    own, whole = quad.map(turn).bbox, line.polygon.map(turn).bbox
    # The first and the last word reach as far as the line does: its ends are located, theirs guessed.
    if start > 0:
        before = inside
    elif index > 0:
        before = min(beside, _gap(line, index - 1) / 2)
    else:
        before = max(_MARGIN_ACROSS * height, own.x0 - whole.x0)
    if end < size:
        after = inside
    elif index < len(line.words) - 1:
        after = min(beside, _gap(line, index) / 2)
    else:
        after = max(_MARGIN_ACROSS * height, whole.x1 - own.x1)
    return _grown(quad, before, after, _MARGIN_ACROSS * height)


def _gap(line: Line, index: int) -> float:
    """Return the space behind a word up to the next one."""
    angle = _rotation(-line.words[index].polygon.angle)
    before, after = (line.words[i].polygon.map(angle).bbox for i in (index, index + 1))
    return max(0.0, after.x0 - before.x1)


def _by_glyphs(word: Word, start: int, end: int, glyphs: Glyphs) -> Polygon:
    if start == 0 and end == len(word.text):
        return word.polygon
    boxes = glyphs.of_word(word)
    a, b = word.polygon[0], word.polygon[1]
    if boxes is None or (abs(a.x - b.x) > 0.01 and abs(a.y - b.y) > 0.01):
        # Boxes of the letters of oblique text overlap: they say too little.
        return word.polygon
    box = BBox.around(boxes[start:end])
    along_x = abs(a.y - b.y) <= 0.01
    length = (b.x - a.x) if along_x else (b.y - a.y)
    if not length:
        return word.polygon
    low, high = (
        ((box.x0 - a.x) / length, (box.x1 - a.x) / length)
        if along_x
        else ((box.y0 - a.y) / length, (box.y1 - a.y) / length)
    )
    return _slice(word.polygon, min(low, high), max(low, high))


def _slice(quad: Polygon, start: float, end: float) -> Polygon:
    """Return the part of a quadrilateral between two fractions of its reading direction."""

    def between(a: Point, b: Point, t: float) -> Point:
        return Point(a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t)

    a, b, c, d = quad[:4]
    return Polygon(
        (between(a, b, start), between(a, b, end), between(d, c, end), between(d, c, start))
    )


def _grown(quad: Polygon, before: float, after: float, across: float) -> Polygon:
    angle = quad.angle
    upright = quad.map(_rotation(-angle)).bbox
    box = BBox(upright.x0 - before, upright.y0 - across, upright.x1 + after, upright.y1 + across)
    return box.polygon().map(_rotation(angle))


def _around(quads: Sequence[Polygon], like: Polygon) -> Polygon:
    """Return the smallest rectangle in the direction of ``like`` that holds all quads."""
    angle = like.angle
    box = BBox.around(quad.map(_rotation(-angle)).bbox for quad in quads)
    return box.polygon().map(_rotation(angle))


def _rotation(degrees: float) -> Affine:
    if degrees % 90:
        return Affine.rotate(degrees)
    # Quarter turns without rounding: a level area stays exactly level.
    cos, sin = ((1, 0), (0, 1), (-1, 0), (0, -1))[round(degrees / 90) % 4]
    return Affine(cos, sin, -sin, cos)


def _is_right_to_left(line: Line) -> bool:
    return any(
        unicodedata.bidirectional(character) in ("R", "AL")
        for word in line.words
        for character in word.text
    )


def box_of(corners: Iterable[float], page: BBox) -> BBox:
    """Return four numbers as a box clipped to the page; it ``is_empty`` where they lie outside."""
    x0, y0, x1, y1 = corners
    return BBox(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)).intersection(page)
