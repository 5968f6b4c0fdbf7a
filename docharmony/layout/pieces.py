"""Pieces: parts of text lines without wide gaps, in a frame in which the text stands upright."""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

from ..geometry import BBox, Polygon
from ..model import Line, Word
from .frame import Frame

# The part of the em around the middle of a line that tells its row: boxes of neighbouring lines may
# overlap (a box reaches from the font's ascender to its descender), these cores do not.
CORE = 0.45

BULLETS = frozenset("•‣◦⁃∙●○■□▪▫◆◇➢➤►▶✓✔✗❖\u00b7\uf0b7\uf0a7\uf0d8\uf076\uf02d–—-*")
ENUMERATOR = re.compile(
    r"\(?(?:\d{1,3}(?:\.\d{1,3}){0,4}|[A-Za-z]|[ivxIVX]{1,5})[.)]|\d+(?:\.\d+)+"
)
_NUMBER = re.compile(r"[\d.,]*\d")

# Lines this long, in em, and so many of them show where a column ends.
_LONG, _FLUSH = 8.0, 4
LEADER = re.compile(r"[.·…_‥]+|(?:[.…]\s?)+")


class Box:
    """An axis-aligned box in the frame."""

    __slots__ = ("x0", "x1", "y0", "y1")

    def __init__(self, x0: float, y0: float, x1: float, y1: float) -> None:
        self.x0, self.y0, self.x1, self.y1 = x0, y0, x1, y1

    @property
    def cx(self) -> float:
        """Middle in x."""
        return (self.x0 + self.x1) / 2

    @property
    def cy(self) -> float:
        """Middle in y."""
        return (self.y0 + self.y1) / 2

    @property
    def bbox(self) -> BBox:
        """The same box as a :class:`BBox`."""
        return BBox(self.x0, self.y0, self.x1, self.y1)


class Item:
    """A word with its extent along the text, in the frame."""

    __slots__ = ("word", "x0", "x1")

    def __init__(self, word: Word, x0: float, x1: float) -> None:
        self.word, self.x0, self.x1 = word, x0, x1


class Piece(Box):
    """A part of a line (or several lines' parts on one row) in the frame.

    ``y0`` and ``y1`` bound the core of the text (see ``CORE``), not its box.

    Attributes:
        em: size of the text in points.
        line: the line it comes from.
        items: its words.
        walled: whether an upright rule, or a stream of white, parts it from what stands before it.
    """

    __slots__ = ("em", "items", "line", "walled", "whole")

    def __init__(self, line: Line, items: list[Item], cy: float, em: float, whole: bool) -> None:
        super().__init__(
            min(i.x0 for i in items), cy - CORE * em, max(i.x1 for i in items), cy + CORE * em
        )
        self.line, self.items, self.em, self.whole = line, items, em, whole
        self.walled = False

    @property
    def text(self) -> str:
        """The words, joined by single spaces."""
        return " ".join([item.word.text for item in self.items])

    @property
    def bold(self) -> bool:
        """Whether the line it comes from is bold."""
        return self.line.bold

    def part(self, items: list[Item]) -> Piece:
        """Return a piece of some of the words."""
        part = Piece(
            self.line, items, self.cy, self.em, self.whole and len(items) == len(self.items)
        )
        part.walled = self.walled and items[0] is self.items[0]
        return part

    @classmethod
    def joined(cls, parts: Sequence[Piece]) -> Piece:
        """Return one piece of all parts, in the order given; the longest tells size and place."""
        if len(parts) == 1:
            return parts[0]
        main = max(parts, key=lambda p: len(p.text))
        items = [item for part in parts for item in part.items]
        joined = cls(main.line, items, main.cy, main.em, False)
        joined.walled = parts[0].walled
        return joined


def cut(lines: Iterable[Line], frame: Frame) -> list[Piece]:
    """Return the lines as pieces, split at gaps that are too wide for a word space."""
    pieces: list[Piece] = []
    gaps: list[float] = []
    for line in lines:
        piece = _whole(line, frame)
        pieces.append(piece)
        gaps += [g for g in _gaps(piece) if 0 < g < piece.em]
    _level_sizes(pieces)
    usual = median(gaps) if gaps else 0.0
    parts: list[Piece] = []
    for piece in pieces:
        parts += _split(piece, usual)
    return parts


def _level_sizes(pieces: Sequence[Piece]) -> None:
    """Give lines read from pixels the common size where theirs is near it.

    The height of a box that a locator drew tells whether the line has ascenders and descenders, too.
    """
    read = [p for p in pieces if p.line.origin == "ocr"]
    if not read:
        return
    common = median([p.em for p in read for _ in p.items])
    for piece in read:
        if 0.72 * common < piece.em < 1.3 * common:
            cy = piece.cy
            piece.em = common
            piece.y0, piece.y1 = cy - CORE * common, cy + CORE * common


def _whole(line: Line, frame: Frame) -> Piece:
    if frame.plain and line.quad is None:
        height = line.bbox.height
        cy = (line.bbox.y0 + line.bbox.y1) / 2
        items = [Item(w, w.bbox.x0, w.bbox.x1) for w in line.words]
    else:
        items = []
        for word in line.words:
            x0, x1 = _extent(word, frame)
            items.append(Item(word, x0, x1))
        if line.quad is not None:
            quad = line.quad.map(frame.to)
            cy = sum(p.y for p in quad) / 4
            height = math.dist(quad[0], quad[3])
        else:
            box = frame.box(line.bbox)
            cy, height = (box.y0 + box.y1) / 2, box.height
    em = line.size * frame.scale
    if not 0.3 * height <= em <= 2.5 * height or line.origin == "ocr":
        em = 0.8 * height
    return Piece(line, items, cy, max(em, 1e-3), True)


def _extent(word: Word, frame: Frame) -> tuple[float, float]:
    if word.quad is None:
        box = frame.box(word.bbox)
        return box.x0, box.x1
    xs = [p.x for p in word.quad.map(frame.to)]
    return min(xs), max(xs)


def _gaps(piece: Piece) -> list[float]:
    # Right-to-left text comes in logical order: the next word stands to the left.
    return [max(b.x0 - a.x1, a.x0 - b.x1) for a, b in pairwise(piece.items)]


def _split(piece: Piece, usual: float) -> list[Piece]:
    """Split where the gap is much wider than the line's own and the page's usual word space.

    Justified lines stretch all their gaps alike, so a line's own median is part of the measure.
    """
    gaps = _gaps(piece)
    if not gaps:
        return [piece]
    em = piece.em
    own = 2.5 * median(gaps) if len(gaps) >= 4 else 1.2 * em
    widest = max(em, 2.5 * usual, own)
    if max(gaps) <= widest:
        return [piece]
    parts: list[list[Item]] = [[piece.items[0]]]
    for gap, item in zip(gaps, piece.items[1:], strict=True):
        led = LEADER.fullmatch(item.word.text) or LEADER.fullmatch(parts[-1][-1].word.text)
        if gap > (6 * em if led else widest):
            parts.append([item])
        else:
            parts[-1].append(item)
    return [piece.part(part) for part in parts]


class Rows:
    """Finds the right neighbours of boxes quickly: boxes in bands of y, sorted by x."""

    def __init__(self, boxes: Sequence[Box]) -> None:
        heights = [b.y1 - b.y0 for b in boxes]
        self.step = max(median(heights), 1e-3) if heights else 1.0
        self.bands: dict[int, list[tuple[float, int]]] = {}
        self.boxes = boxes
        for number, box in enumerate(boxes):
            for band in self._bands(box):
                self.bands.setdefault(band, []).append((box.x0, number))
        for entries in self.bands.values():
            entries.sort()

    def _bands(self, box: Box) -> range:
        first, last = int(box.y0 // self.step), int(box.y1 // self.step)
        return range(first, min(last, first + 5000) + 1)

    def around(self, box: Box) -> list[int]:
        """Return the boxes that begin left of the middle of ``box`` in its bands, nearest first."""
        found: dict[int, float] = {}
        for band in self._bands(box):
            entries = self.bands.get(band, [])
            at = bisect_left(entries, (box.cx, -1))
            for x0, number in entries[max(0, at - 6) : at]:
                if self.boxes[number] is not box:
                    found[number] = box.cx - x0
        return sorted(found, key=lambda n: found[n])

    def right_of(self, box: Box, slack: float = 0.0) -> list[int]:
        """Return the nearest boxes to the right that share at least half a row with ``box``."""
        found: set[int] = set()
        for band in self._bands(box):
            entries = self.bands.get(band, ())
            for at in range(bisect_left(entries, (box.x1 - slack, -1)), len(entries)):
                number = entries[at][1]
                other = self.boxes[number]
                if other is box:
                    continue
                overlap = min(box.y1, other.y1) - max(box.y0, other.y0)
                if overlap >= 0.5 * min(box.y1 - box.y0, other.y1 - other.y0):
                    found.add(number)
                    break
        return sorted(found)


def absorb(pieces: Sequence[Piece]) -> list[Piece]:
    """Put pieces that lie inside another's row and extent (raised or lowered letters) into it."""
    rows = Rows(pieces)
    gone: set[int] = set()
    result = list(pieces)
    for number in sorted(range(len(pieces)), key=lambda n: pieces[n].x1 - pieces[n].x0):
        piece = pieces[number]
        for host in rows.around(piece):
            other = result[host]
            if (
                host != number
                and host not in gone
                and other.x0 <= piece.cx <= other.x1
                and abs(other.cy - piece.cy) < 0.5 * other.em
                and piece.x1 - piece.x0 < 0.5 * (other.x1 - other.x0)
                and _may_join(piece, other)
            ):
                items = sorted(other.items + piece.items, key=lambda i: i.x0)
                result[host] = Piece(other.line, items, other.cy, other.em, False)
                gone.add(number)
                break
    return [piece for number, piece in enumerate(result) if number not in gone]


def join(
    pieces: Sequence[Piece], body: float, down: Sequence[tuple[float, float, float]] = ()
) -> list[Piece]:
    """Join pieces that one row of text was cut into: a bullet and its text, runs of one line.

    ``body`` is the size of most text; a bare number is taken for a heading's where it is larger.
    Nothing is joined over an upright drawn line (x, top and bottom) in ``down``.
    """
    strokes = sorted(down)
    rows = Rows(pieces)
    ends = sorted(piece.x1 for piece in pieces if piece.x1 - piece.x0 > _LONG * piece.em)
    following: dict[int, int] = {}
    taken: set[int] = set()
    in_order = sorted(range(len(pieces)), key=lambda n: pieces[n].x0)
    place = {number: at for at, number in enumerate(in_order)}
    for number in in_order:
        piece = pieces[number]
        # Only what comes later in the order, so that no chain of pieces closes to a ring.
        candidates = [
            n
            for n in rows.right_of(piece, 0.3 * piece.em)
            if n not in taken and place[n] > place[number]
        ]
        candidates = [n for n in candidates if abs(pieces[n].cy - piece.cy) < 0.45 * piece.em]
        if not candidates:
            continue
        nearest = min(candidates, key=lambda n: pieces[n].x0)
        other = pieces[nearest]
        if (
            _may_join(piece, other)
            and other.x0 - piece.x1 <= _reach(piece, other, body)
            and not other.walled
            and not _flush(piece, other, ends)
            and not _between(strokes, piece.items[-1], other.items[0], piece)
        ):
            following[number] = nearest
            taken.add(nearest)
    joined = []
    for number, piece in enumerate(pieces):
        if number in taken:
            continue
        chain, at = [piece], number
        while at in following:
            at = following[at]
            chain.append(pieces[at])
        joined.append(Piece.joined(chain))
    return joined


def _flush(piece: Piece, other: Piece, ends: Sequence[float]) -> bool:
    """Return whether a number stands at the end of a column, as those of equations do.

    Then what follows it is text of the next column.
    """
    if len(piece.items) > 1 or other.x0 - piece.x1 < piece.em:
        return False
    near = 0.15 * piece.em
    return bisect_right(ends, piece.x1 + near) - bisect_left(ends, piece.x1 - near) >= _FLUSH


def _between(
    strokes: Sequence[tuple[float, float, float]], one: Item, other: Item, row: Piece
) -> bool:
    """Return whether an upright line, of sorted ones, stands between the middles of two words."""
    low, high = sorted(((one.x0 + one.x1) / 2, (other.x0 + other.x1) / 2))
    first = bisect_left(strokes, (low, -math.inf, -math.inf))
    last = bisect_left(strokes, (high, -math.inf, -math.inf))
    return any(y0 <= row.y0 and row.y1 <= y1 for _, y0, y1 in strokes[first:last])


def parted(pieces: Sequence[Piece], down: Sequence[tuple[float, float, float]]) -> list[Piece]:
    """Return the pieces, cut where a drawn line stands between two words.

    Args:
        pieces: to be cut.
        down: upright lines: x, top and bottom, in the frame.
    """
    if not down:
        return list(pieces)
    strokes = sorted(down)
    result: list[Piece] = []
    for piece in pieces:
        first = bisect_left(strokes, (piece.x0, -math.inf, -math.inf))
        last = bisect_left(strokes, (piece.x1, -math.inf, -math.inf))
        between = [x for x, y0, y1 in strokes[first:last] if y0 <= piece.y0 and piece.y1 <= y1]
        if not between:
            result.append(piece)
            continue
        parts: list[list[Item]] = [[piece.items[0]]]
        for a, b in pairwise(piece.items):
            low, high = (a.x1, b.x0) if a.x1 <= b.x0 else (b.x1, a.x0)
            if any(low - 0.5 < x < high + 0.5 for x in between):
                parts.append([])
            parts[-1].append(b)
        own = [piece.part(part) for part in parts] if len(parts) > 1 else [piece]
        for behind in own[1:]:
            behind.walled = True
        result += own
    return result


def _may_join(a: Piece, b: Piece) -> bool:
    return (
        a.line.origin == b.line.origin
        and a.line.visible == b.line.visible
        and 0.4 <= a.em / b.em <= 2.5
    )


def _reach(piece: Piece, other: Piece, body: float) -> float:
    """Return the widest gap over which ``other`` continues ``piece``."""
    text = piece.text
    if len(text) == 1 and text in BULLETS:
        return 5 * piece.em
    if len(piece.items) == 1:
        if ENUMERATOR.fullmatch(text) and not _are_numbers(piece, other):
            return 4 * piece.em
        if text.isdigit() and (piece.bold or piece.em > 1.1 * body) and other.text[0].isalpha():
            return 4 * piece.em
        if text.isdigit() and piece.em < 0.85 * other.em:
            # The number of a footnote or of a line of code.
            return 3 * other.em
    if LEADER.fullmatch(piece.items[-1].word.text) or LEADER.fullmatch(other.items[0].word.text):
        return 12 * other.em
    return 0.0 if piece.line is other.line else 0.7 * min(piece.em, other.em)


def _are_numbers(piece: Piece, other: Piece) -> bool:
    """Return whether two pieces are numbers of a row, not the number of a heading and its text."""
    led = any(LEADER.fullmatch(item.word.text) for item in other.items)
    return not led and all(_NUMBER.fullmatch(p.items[0].word.text) for p in (piece, other))


def to_line(piece: Piece, name: str) -> Line:
    """Return the piece as a line of the page with a new id; words keep their boxes."""
    if piece.whole:
        return replace(piece.line, id=name)
    line = piece.line
    words = tuple([item.word for item in piece.items])
    bbox = BBox.around([word.bbox for word in words])
    return replace(line, id=name, words=words, bbox=bbox, quad=_strip(line.quad, words))


def _strip(quad: Polygon | None, words: Sequence[Word]) -> Polygon | None:
    """Return the part of a line's quadrilateral, along its own direction, that the words take."""
    if quad is None:
        return None
    length = math.dist(quad[0], quad[1])
    if length == 0:
        return quad
    ux, uy = (quad[1].x - quad[0].x) / length, (quad[1].y - quad[0].y) / length
    along = [
        (p.x - quad[0].x) * ux + (p.y - quad[0].y) * uy for word in words for p in word.polygon
    ]
    start, end = min(along), max(along)
    top, bottom = quad[0], quad[3]
    return Polygon.of(
        (
            (top.x + ux * start, top.y + uy * start),
            (top.x + ux * end, top.y + uy * end),
            (bottom.x + ux * end, bottom.y + uy * end),
            (bottom.x + ux * start, bottom.y + uy * start),
        )
    )
