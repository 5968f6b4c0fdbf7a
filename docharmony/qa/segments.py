"""Segments: runs of words of one line without a wide gap, and the neighbours of each on the page."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

import regex

from ..geometry import BBox
from ..model import AnswerSpan, Block, BlockKind, Line, Page, Word

# A gap wider than this, in ems, parts a line into segments; the space between words is about .3.
_GAP = 0.95
_LEVEL = 20.0  # degrees up to which a line counts as level
CHAIN = 14  # segments looked at along a row or a column
_TINY = 0.2  # of the usual size: what only programs read, such as "required field" in one point
_NEAR = 160  # segments above and below among which neighbours are sought
_LEADERS = regex.compile(r"^[.\u2026_\-\u2013\u2014\s]{2,}$|^[|]+$")


@dataclass(slots=True, eq=False)
class Segment:
    """A run of words of one line.

    Attributes:
        index: its number on the page, in reading order.
        line: the line that it is a part of.
        start: first character in the line's text.
        text: the words, joined by single spaces.
        bbox: box around the words, in page units, as if the page stood level; ``box`` gives the place.
        em: height of its letters, in page units.
        block: index of its block, -1 for none.
        cell: table (index of the block), row and column, 0-based; None outside of tables.
    """

    index: int
    line: Line
    start: int
    text: str
    bbox: BBox
    em: float
    block: int = -1
    kind: BlockKind = BlockKind.PARAGRAPH
    cell: tuple[int, int, int] | None = None
    left: Segment | None = None
    above: list[Segment] = field(default_factory=list)
    below: list[Segment] = field(default_factory=list)
    right: Segment | None = None

    @property
    def end(self) -> int:
        """Behind its last character in the line's text."""
        return self.start + len(self.text)

    @property
    def numeric(self) -> bool:
        """Whether digits outnumber letters: a value rather than a label."""
        letters = sum(c.isalpha() for c in self.text)
        return sum(c.isdigit() for c in self.text) > letters

    def span(self, start: int = 0, end: int | None = None) -> AnswerSpan:
        """Return a range of its text as characters of the line."""
        stop = len(self.text) if end is None else end
        return AnswerSpan(self.line.id, self.start + start, self.start + stop)

    def box(self, start: int, end: int) -> BBox:
        """Return the box around the words that a range of its text touches, in page units."""
        boxes = []
        at = 0
        for word in self.line.words:
            a, b = at - self.start, at - self.start + len(word.text)
            if a < end and b > start:
                boxes.append(word.bbox)
            at += len(word.text) + 1
        return BBox.around(boxes) if boxes else self.line.bbox

    @property
    def place(self) -> BBox:
        """Box around its words where they stand, in page units."""
        return self.box(0, len(self.text))


def segments_of(page: Page) -> list[Segment]:
    """Return the segments of a page, in reading order, without their neighbours."""
    home: dict[str, int] = {}
    for number, block in enumerate(page.blocks):
        home.update(dict.fromkeys(block.lines, number))
    found: list[Segment] = []
    angles = [
        angle for line in page.lines if abs(angle := tilt(line)) < _LEVEL and len(line.text) > 8
    ]
    least = _TINY * median([_em(line) for line in page.lines]) if page.lines else 0.0
    slope = math.tan(math.radians(median(angles))) if angles else 0.0
    for line in page.lines:
        at = home.get(line.id, -1)
        kind = page.blocks[at].kind if at >= 0 else BlockKind.PARAGRAPH
        for start, end, offset in _runs(line, least):
            words = line.words[start:end]
            box = BBox.around([word.bbox for word in words])
            text = " ".join([word.text for word in words])
            upright = _sheared(box, slope)
            segment = Segment(len(found), line, offset, text, upright, _em(line), at, kind)
            if kind is BlockKind.TABLE:
                segment.cell = _cell(page.blocks[at], at, box)
            found.append(segment)
    return found


def tilt(line: Line) -> float:
    """Return how far a line is turned from level, in degrees, in (-180, 180]."""
    return (line.direction + 180.0) % 360.0 - 180.0


def _sheared(box: BBox, slope: float) -> BBox:
    """Return a box as it would stand on a level page: rows of a skewed scan drift by more than a line."""
    if not slope:
        return box
    middle = box.center
    down, right = -slope * middle.x, slope * middle.y
    return BBox(box.x0 + right, box.y0 + down, box.x1 + right, box.y1 + down)


def _em(line: Line) -> float:
    across = line.bbox.height if abs(tilt(line)) % 180 < 45 else line.bbox.width
    return line.size or 0.8 * across or 1.0


def _runs(line: Line, least: float = 0.0) -> Iterator[tuple[int, int, int]]:
    """Yield the runs of words without a wide gap: first word, end, offset in the line's text.

    Leaders and words lower than ``least`` belong to none.
    """
    em = _em(line)
    level = abs(tilt(line)) < _LEVEL
    gaps = [b.bbox.x0 - a.bbox.x1 for a, b in itertools.pairwise(line.words)]
    usual = median(gaps) if len(gaps) > 3 else 0.0
    limit = max(_GAP * em, 2.2 * usual)

    def out(word: Word) -> bool:
        return bool(_LEADERS.match(word.text)) or min(word.bbox.width, word.bbox.height) < least

    start = offset = at = 0
    for index, word in enumerate(line.words):
        if index and level and (gaps[index - 1] > limit or out(word)):
            if not out(line.words[start]):
                yield start, index, offset
            start, offset = index, at
        elif index and out(line.words[index - 1]) and start == index - 1:
            start, offset = index, at
        at += len(word.text) + 1
    if not out(line.words[start]):
        yield start, len(line.words), offset


def _cell(block: Block, number: int, box: BBox) -> tuple[int, int, int] | None:
    middle = box.center
    for cell in block.cells:
        if cell.bbox.contains(middle):
            return number, cell.row, cell.column
    return None


def link(segments: Sequence[Segment]) -> None:
    """Find the neighbours of each level segment: left and right in its row, above and below."""
    level = [s for s in segments if abs(tilt(s.line)) < _LEVEL]
    level.sort(key=lambda s: s.bbox.center.y)
    for index, segment in enumerate(level):
        box = segment.bbox
        best: Segment | None = None
        for other in _around(level, index):
            before = _same_row(box, other.bbox) and other.bbox.x1 <= box.x0 + 0.5 * segment.em
            if before and (best is None or other.bbox.x1 > best.bbox.x1):
                best = other
        segment.left = best
        if best is not None and (best.right is None or best.right.bbox.x0 > box.x0):
            best.right = segment
        up: list[Segment] = []
        for other in reversed(level[max(0, index - _NEAR) : index]):
            over = other.bbox.y1 <= box.y0 + 0.4 * min(box.height, other.bbox.height)
            if (
                over
                and _aligned(segment, other)
                and not any(_same_row(o.bbox, other.bbox) for o in up)
            ):
                up.append(other)
                if len(up) == CHAIN:
                    break
        segment.above = up
        if up:
            up[0].below.append(segment)


def _around(level: Sequence[Segment], index: int) -> Iterator[Segment]:
    """Yield the segments near one in order of height, as far as their rows can meet."""
    box = level[index].bbox
    for step in (-1, 1):
        at = index + step
        while 0 <= at < len(level) and abs(at - index) < _NEAR:
            other = level[at].bbox
            if abs(other.center.y - box.center.y) > max(box.height, other.height):
                break
            yield level[at]
            at += step


def _same_row(a: BBox, b: BBox) -> bool:
    overlap = min(a.y1, b.y1) - max(a.y0, b.y0)
    return overlap > 0.5 * min(a.height, b.height)


def _aligned(a: Segment, b: Segment) -> bool:
    overlap = min(a.bbox.x1, b.bbox.x1) - max(a.bbox.x0, b.bbox.x0)
    if overlap > 0.35 * min(a.bbox.width, b.bbox.width):
        return True
    near = 0.6 * max(a.em, b.em)
    return abs(a.bbox.x0 - b.bbox.x0) < near or abs(a.bbox.x1 - b.bbox.x1) < near
