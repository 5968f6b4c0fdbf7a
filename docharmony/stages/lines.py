"""Helpers that every OCR stage shares: where to read, upright images, words with boxes, no doubles.

For authors of OCR plugins. A reader works on plain images; this module does the page around it:

1. :func:`areas_to_read` says where (all of a scan, the pictures of a mixed page), :func:`cut` gives the
   pixels of one area and the map back to the page;
2. :class:`TurnedReader` finds out how the image lies and hands a reader upright copies;
3. :func:`line_of` makes a :class:`~docharmony.model.Line` of a polygon and its text, :func:`map_line`
   carries it from pixels to page units;
4. :func:`merge_lines` puts the new lines beside the text layer, without doubles, and numbers them.

Lines on their way have pixel coordinates of the image that was cut and an empty ``id``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from ..geometry import Affine, BBox, Point, Polygon
from ..model import Line, Page, Word
from ..routing import is_garbled
from .upright import text_tilt, turn

if TYPE_CHECKING:
    from ..engine.base import Image

Orientation = Literal["auto", "skew", "off"]

_SURE = 0.8  # mean confidence at which a way up is taken without trying the others
_WRONG_WAY = 0.6  # and below which even the other axis is tried
_CLEAR_AXIS = 1.8  # ratio of sharpness at which the axis is beyond doubt
_SMALLEST = 8.0  # areas below this height or width in pixels hold no legible text
_AROUND = 8.0  # page units shown around a line that is read alone: without them its skew is guessed
_LEVEL = 0.35  # pixels by which a quad may deviate from its box and still count as axis-aligned


@dataclass(frozen=True, slots=True)
class ReadConfig:
    """Options that every OCR stage has."""

    dpi: int | None = None
    """Resolution of the raster that is read; unset takes the page's own (the run's ``dpi``)."""

    min_confidence: float = 0.0
    """Lines read with less confidence (0.0-1.0) are dropped. Keep 0 for redaction: a doubtful line
    may be the secret."""

    orientation: Orientation = "auto"
    """``auto`` finds pages turned by 90, 180 or 270 degrees and skew; ``skew`` straightens only;
    ``off`` reads the page as displayed."""


# --- where to read -------------------------------------------------------------------------------


def trusted_lines(page: Page) -> tuple[Line, ...]:
    """Return the lines of the text layer that stand as they are: visible, honest and not garbled.

    On a page whose text layer the reader already found wanting, one bad character is enough.
    """
    share = 0.0 if "untrusted_text" in page.has else 0.2
    return tuple(
        line
        for line in page.lines
        if line.visible and line.trusted and not is_garbled(line.text, share)
    )


def areas_to_read(page: Page) -> tuple[BBox, ...]:
    """Return the parts of the page to read, in page units, none inside another.

    Route ``mixed``: the pictures, what may be drawn letters, and the lines that cannot be trusted.
    Any other: the whole page.
    """
    if page.route != "mixed":
        return (page.bbox,)
    drawn = [box.grow(max(_AROUND, 0.5 * min(box.width, box.height))) for box in page.drawn]
    untrusted = [
        line.bbox.grow(max(_AROUND, 0.5 * min(line.bbox.width, line.bbox.height)))
        for line in page.lines
        if line.visible and (not line.trusted or is_garbled(line.text))
    ]
    areas = [box.intersection(page.bbox) for box in (*page.images, *drawn, *untrusted)]
    return _join([box for box in areas if not box.is_empty])


def _join(boxes: list[BBox]) -> tuple[BBox, ...]:
    """Unite boxes until no two of them overlap: a picture cut into strips is one picture."""
    done: list[BBox] = []
    for box in sorted(boxes, key=lambda b: (b.y0, b.x0)):
        meets = [other for other in done if not other.grow(0.5).intersection(box).is_empty]
        while meets:
            done = [other for other in done if other not in meets]
            box = BBox.around([box, *meets])
            meets = [other for other in done if not other.grow(0.5).intersection(box).is_empty]
        done.append(box)
    return tuple(done)


def cut(raster: Image, page: Page, area: BBox) -> tuple[Image, Affine] | None:
    """Return the pixels of an area and the map from them to page units; None where too small.

    Args:
        raster: the page as rendered, (height, width, 3).
        page: gives the size in page units.
        area: in page units; grown to whole pixels.
    """
    height, width = raster.shape[:2]
    sx, sy = width / page.width, height / page.height
    x0, y0 = max(0, math.floor(area.x0 * sx)), max(0, math.floor(area.y0 * sy))
    x1, y1 = min(width, math.ceil(area.x1 * sx)), min(height, math.ceil(area.y1 * sy))
    if x1 - x0 < _SMALLEST or y1 - y0 < _SMALLEST:
        return None
    to_page = Affine.translate(x0, y0).then(Affine.scale(1 / sx, 1 / sy))
    return raster[y0:y1, x0:x1], to_page


# --- which way up --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Position:
    """How the text of an image lies: quarter turns clockwise (0-3) and the skew left after them."""

    quarters: int = 0
    angle: float = 0.0


def find_position(
    image: Image, orientation: Orientation, try_reading: Callable[[Position], float]
) -> Position:
    """Return how the text of an image lies.

    The pixels tell axis and skew; ``try_reading`` decides which way is up. An upright page costs one
    trial, a turned one up to four.

    Args:
        image: (height, width, 3).
        orientation: see :class:`ReadConfig`.
        try_reading: reads a few lines as if the image lay so, and returns how well it went, 0.0-1.0.
    """
    if orientation == "off":
        return Position()
    tilt = text_tilt(image)
    if orientation == "skew":
        return Position(0, 0.0 if tilt.sideways else _worth(tilt.angle))
    if not tilt.certainty:
        return Position()
    angle = _worth(tilt.angle)
    near = [Position(q, angle) for q in ((1, 3) if tilt.sideways else (0, 2))]
    # The skew was measured against the sharper axis and holds for the other one only by chance.
    far = [Position(q) for q in ((0, 2) if tilt.sideways else (1, 3))]
    results: dict[Position, float] = {}
    for position in near:
        results[position] = try_reading(position)
        if results[position] >= _SURE:
            return position
    best = max(results, key=lambda position: results[position])
    if results[best] < (_WRONG_WAY if tilt.certainty > _CLEAR_AXIS else _SURE):
        for position in far:
            results[position] = try_reading(position)
            if results[position] >= _SURE:
                return position
        best = max(results, key=lambda position: results[position])
    return best


def how_well(readings: Sequence[tuple[str, float]]) -> float:
    """Return how well lines were read, 0.0-1.0, from their texts and confidences.

    Lines of a letter or two count less: letters of a receipt in a monospaced face stand in columns as
    straight as its rows, and each alone is read with confidence, upright or not.

    >>> how_well([("TOTAL", 0.9)]), how_well([("A", 0.9), ("o", 0.9)])
    (0.9, 0.3)
    """
    letters = sum(len(text) for text, _ in readings)
    mean = sum(confidence * len(text) for text, confidence in readings) / max(1, letters)
    return round(mean * min(1.0, letters / (3 * max(1, len(readings)))), 6)


def _worth(angle: float) -> float:
    """Return the skew where undoing it gains more than resampling loses, else 0."""
    return angle if abs(angle) >= 0.2 else 0.0


def read_upright(
    image: Image, orientation: Orientation, read: Callable[[Image], list[Line]]
) -> list[Line]:
    """Return the lines of an image, in its own pixels, by a reader that wants upright images.

    For readers that find and read in one go; ``read`` gets an upright copy and returns lines in the
    copy's pixels. It runs once for an upright image, up to four times for a turned one.
    """
    found: dict[Position, list[Line]] = {}

    def try_reading(position: Position) -> float:
        upright = turn(image, position.quarters, position.angle)
        lines = read(upright.image)
        found[position] = [map_line(line, upright.to_source) for line in lines]
        return how_well([(line.text, line.confidence) for line in lines])

    position = find_position(image, orientation, try_reading)
    if position not in found:
        try_reading(position)
    return found[position]


# --- lines and words -----------------------------------------------------------------------------


def line_of(
    polygon: Polygon,
    text: str,
    confidence: float,
    bounds: Sequence[tuple[float, float]] = (),
) -> Line | None:
    """Return a line with its words, or None for text without a visible character.

    Args:
        polygon: four corners, clockwise from the text's top left; any coordinates.
        text: what was read.
        confidence: 0.0-1.0; every word gets it.
        bounds: start and end of each character of ``text`` as fractions of the polygon's length
            (slightly outside 0-1 is allowed: the box then reaches out); empty = evenly spread.
    """
    places = list(bounds) if len(bounds) == len(text) else _even(text)
    words = []
    start = 0
    for piece in text.split():
        start = text.index(piece, start)
        words.append(_word(polygon, piece, confidence, places[start : start + len(piece)]))
        start += len(piece)
    return line_of_words(words, polygon) if words else None


def line_of_words(words: Sequence[Word], polygon: Polygon) -> Line:
    """Return a line around words (at least one), in the direction of ``polygon``."""
    bbox = BBox.around([polygon.bbox, *(word.bbox for word in words)])
    height = math.dist(polygon[0], polygon[3])
    quad = None if _is_level(polygon) else polygon
    return Line("", tuple(words), bbox, quad, _direction(polygon), height)


def _even(text: str) -> list[tuple[float, float]]:
    """Return places for characters of unknown place: as wide as they mostly are in print."""
    widths = [0.5 if c in " .,:;'|!iIjlt()[]-" else 1.5 if c in "mwMW@" else 1.0 for c in text]
    total, at, places = sum(widths) or 1.0, 0.0, []
    for width in widths:
        places.append((at / total, (at + width) / total))
        at += width
    return places


def _word(
    polygon: Polygon, text: str, confidence: float, places: Sequence[tuple[float, float]]
) -> Word:
    start = min(a for a, _ in places)
    end = max(max(b for _, b in places), start + 1e-4)
    span = end - start
    edges, low = [0.0], 0.0
    for (_, before), (after, _) in pairwise(places):
        low = max(low, min(1.0, ((before + after) / 2 - start) / span))
        edges.append(low)
    quad = slice_of(polygon, start, end)
    return Word(
        text,
        quad.bbox,
        min(1.0, max(0.0, confidence)),
        "ocr",
        None if _is_level(polygon) else quad,
        (*edges, 1.0),
    )


def slice_of(polygon: Polygon, start: float, end: float) -> Polygon:
    """Return the part of a quadrilateral between two fractions of its length.

    >>> slice_of(BBox(0, 0, 10, 2).polygon(), 0.5, 1.0).bbox
    BBox(x0=5.0, y0=0.0, x1=10.0, y1=2.0)
    """
    a, b, c, d = polygon[:4]
    return Polygon(
        (_between(a, b, start), _between(a, b, end), _between(d, c, end), _between(d, c, start))
    )


def levelled(polygon: Polygon) -> Polygon:
    """Return a located line of an upright image level where its slope is within a detector's error.

    Levels what rises or falls by less than an eighth of its height over its whole length.

    >>> levelled(Polygon.of([(0, 0), (200, 1), (200, 21), (0, 20)])).bbox
    BBox(x0=0.0, y0=0.5, x1=200.0, y1=20.5)
    """
    a, b, c, d = polygon[:4]
    height = math.dist(a, d)
    if a.x >= b.x or abs(a.y - b.y) > height / 8:
        return polygon
    left, right = (a.x + d.x) / 2, (b.x + c.x) / 2
    middle = (a.y + b.y + c.y + d.y) / 4
    return BBox(left, middle - height / 2, right, middle + height / 2).polygon()


def _between(a: Point, b: Point, t: float) -> Point:
    return Point(a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t)


def _is_level(polygon: Polygon) -> bool:
    """Whether text runs left to right and the box says all of it."""
    a, b, c, d = polygon[:4]
    return (
        a.x < b.x
        and abs(a.y - b.y) <= _LEVEL
        and abs(d.y - c.y) <= _LEVEL
        and abs(a.x - d.x) <= _LEVEL
        and abs(b.x - c.x) <= _LEVEL
    )


def _direction(polygon: Polygon) -> float:
    angle = round(polygon.angle, 2) % 360
    return 0.0 if angle < 0.05 or angle > 359.95 else angle


def map_line(line: Line, affine: Affine) -> Line:
    """Return the line carried through a map (pixels of a turned copy to the source, or to the page)."""
    polygon = line.polygon.map(affine)
    level = _is_level(polygon)
    words = []
    for word in line.words:
        corners = word.polygon.map(affine)
        words.append(replace(word, bbox=corners.bbox, quad=None if level else corners))
    mapped = line_of_words(words, polygon)
    return replace(mapped, id=line.id, bold=line.bold, visible=line.visible, vertical=line.vertical)


# --- beside the text layer -----------------------------------------------------------------------


def merge_lines(page: Page, found: Iterable[Line], areas: Sequence[BBox]) -> tuple[Line, ...]:
    """Return the lines of the page after reading: the text layer where it stands, OCR elsewhere.

    * Visible lines of the text layer that can be trusted stay and win over what was read there.
    * Garbled and lying lines go, and so does invisible text inside the areas that were read: the new
      lines replace it. Invisible text elsewhere stays: somebody may have hidden it.
    * New lines get ids ``p<page>l<n>`` after the ones that stay.

    Args:
        page: the page with the lines of its text layer.
        found: lines read, in page units and reading order; ``id`` is ignored.
        areas: the areas that were read, from :func:`areas_to_read`.
    """
    kept = list(trusted_lines(page))
    boxes = [(line.bbox, line.words) for line in kept]
    for line in page.lines:
        hidden = not line.visible and line.trusted and not is_garbled(line.text)
        if hidden and not any(area.contains(line.bbox.center) for area in areas):
            kept.append(line)
    number = max((_number(line.id) for line in kept), default=0)
    merged = kept
    for line in found:
        words = [word for word in line.words if not _is_covered(word.bbox, boxes)]
        if not words:
            continue
        number += 1
        if len(words) < len(line.words):
            line = _narrowed(line, words)
        merged.append(replace(line, id=f"p{page.number}l{number}"))
    return tuple(merged)


def _number(name: str) -> int:
    digits = name.rpartition("l")[2]
    return int(digits) if digits.isdigit() else 0


def _is_covered(box: BBox, kept: Sequence[tuple[BBox, Sequence[Word]]]) -> bool:
    """Whether words of the text layer already stand where this word was read."""
    half = box.area / 2
    for line_box, words in kept:
        if line_box.intersection(box).is_empty:
            continue
        if sum(word.bbox.intersection(box).area for word in words) > half:
            return True
    return False


def _narrowed(line: Line, words: Sequence[Word]) -> Line:
    """Return the line with only these words, its polygon cut to them."""
    a, b = line.polygon[:2]
    length = max(1e-6, math.dist(a, b))
    along = [
        ((p.x - a.x) * (b.x - a.x) + (p.y - a.y) * (b.y - a.y)) / length**2
        for word in words
        for p in word.polygon
    ]
    return line_of_words(words, slice_of(line.polygon, min(along), max(along)))
