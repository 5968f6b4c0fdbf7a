"""What stands on the lines of a page: runs and their glyphs, and how lines are parted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, NamedTuple

from ...geometry import Affine, BBox
from ..moves import Move
from .pdf_area import Area
from .pdf_fonts import Glyph
from .pdf_glyphs import Spacing, hits, near

_NOTHING = frozenset[int]()
# All lengths in em of the line.
SPACE = 0.28  # what a jump of the pen becomes, in text without spaces
_WORD = 0.15  # a jump of the pen so wide is a space between words
_EXPANDED = 0.06  # share by which letters are made wider or narrower to fill a line
_GUTTER, _ROWS = 0.5, 4  # gap between two columns, and lines that have it, at least
_WIDE, _TAB, _LONELY = 2.0, 0.9, 1.2  # gaps that end a piece of a line


class Run(NamedTuple):
    """What one operator shows.

    Attributes:
        key: number of the operator on the page, in order of drawing.
        place: from em along and above the pen's start to the displayed page.
        items: shifts (thousandths of an em) and glyphs.
        spacing: size, character and word spacing.
        clip: what it may show in, on the page.
        fixed: why it cannot be set elsewhere; "" when it can.
        em: how long an em is along the line when the run is set anew, on the page.
    """

    key: int
    place: Affine
    items: Sequence[float | list[Glyph]]
    spacing: Spacing
    clip: BBox | None
    fixed: str
    em: float


@dataclass
class Scene:
    """What stands on a page.

    Attributes:
        runs: all text, in order of drawing.
        paths: boxes of what is drawn.
        pictured: indices of the areas that lie on pictures.
        pictures: those pictures, with their maps from the unit square to the page.
        solid: boxes of pictures and annotations that stay where they are.
    """

    runs: list[Run] = field(default_factory=list)
    paths: list[BBox] = field(default_factory=list)
    pictured: set[int] = field(default_factory=set)
    pictures: list[tuple[Any, Affine]] = field(default_factory=list)
    solid: list[BBox] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Gap:
    """What is left free for removed text: where, and for which areas."""

    move: Move
    start: float
    end: float
    areas: frozenset[int]


class Slot(NamedTuple):
    """Where a glyph belongs in a paragraph that is broken anew.

    Attributes:
        drop: how far it goes across, to another line.
        paragraph: number of it on the page.
        word: number of it in the paragraph; None for white space, which goes: it stands between the
            words of one line, but not always where a line ends.
    """

    drop: float
    paragraph: int
    word: int | None


@dataclass
class LinePlan:
    """How a page's lines are set anew.

    Attributes:
        moves: one for each piece of a line.
        gaps: in them.
        moved: key of a run -> a move of its line.
        places: key of a run -> number of a glyph -> its new place along the line.
        slots: the same, in paragraphs that are broken anew.
        lifts: key of a run -> how far it goes across, where it stands below such a paragraph.
        gone: key of a run -> numbers of the glyphs that go.
        kept: index of an area -> why its line could not be set anew.
        told: index of an area -> what still tells of it, though its line was set anew.
    """

    moves: list[Move] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    moved: dict[int, Move] = field(default_factory=dict)
    places: dict[int, dict[int, float]] = field(default_factory=dict)
    slots: dict[int, dict[int, Slot]] = field(default_factory=dict)
    lifts: dict[int, float] = field(default_factory=dict)
    gone: dict[int, set[int]] = field(default_factory=dict)
    kept: dict[int, str] = field(default_factory=dict)
    told: dict[int, str] = field(default_factory=dict)


class Mark(NamedTuple):
    """A glyph on a line: along it from start to end, in points; so wide when it is set anew."""

    start: float
    end: float
    run: Run
    number: int
    glyph: Glyph
    areas: frozenset[int]
    track: float
    width: float


def even(place: Affine) -> float:
    """Return how long an em of text of a place is when it is set anew.

    Letters that are a little wider or narrower than their font draws them were made so to fill a line.
    """
    along, across = math.hypot(place.a, place.b), math.hypot(place.c, place.d)
    return across if abs(along - across) < _EXPANDED * across else along


def exact(length: float) -> float:
    """Return a difference of places without the errors of floating point, which depend on the places.

    What is added keeps lengths of few decimals, and fractions of two, off the limits of rounding.
    """
    return round(length + 3.1e-8, 6)


@dataclass(frozen=True, slots=True)
class Frame:
    """Axes of text of one direction."""

    ux: float
    uy: float

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Return how far along and across a point of the page stands."""
        return x * self.ux + y * self.uy, y * self.ux - x * self.uy


def frame_point(frame: Frame, along: float, across: float) -> tuple[float, float]:
    """Return the point of the page at a place in a frame."""
    return along * frame.ux - across * frame.uy, along * frame.uy + across * frame.ux


def size_of(run: Run) -> float:
    """Return how high an em of a run is, in points of the page."""
    return math.hypot(run.place.c, run.place.d)


def turn_of(run: Run) -> tuple[int, int] | None:
    """Return the direction of a run, rounded; None for text without extent."""
    length = math.hypot(run.place.a, run.place.b)
    if length < 1e-6 or size_of(run) < 1e-6:
        return None
    return round(run.place.a / length * 100), round(run.place.b / length * 100)


def hits_of(run: Run, areas: Sequence[Area]) -> dict[int, frozenset[int]]:
    """Return index of a glyph -> indices of the areas that it lies under."""
    shown = [glyph for part in run.items if isinstance(part, list) for glyph in part]
    length = 0.0
    size = run.spacing.size
    if not shown or not size:
        return {}
    for part in run.items:
        if isinstance(part, list):
            length += sum(glyph.advance for glyph in part)
            length += len(part) * run.spacing.char / size
            length += sum(glyph.spaced for glyph in part) * run.spacing.word / size
        else:
            length -= part / 1000
    close = near(shown, run.place, length, areas, vertical=False)
    if not close:
        return {}
    numbers = {id(area): index for index, area in enumerate(areas)}
    return {
        index: frozenset(numbers[id(area)] for area in found)
        for index, found in hits(run.items, run.place, close, run.spacing)
    }


def marks_of(
    run: Run, frame: Frame, hit: Mapping[int, frozenset[int]], tracking: float
) -> list[Mark]:
    """Return the glyphs of a run along the lines of a frame, those marked that areas hit."""
    place, (size, char, word) = run.place, run.spacing
    if not size:
        return []
    em = math.hypot(place.a, place.b)
    origin = frame.place(place.e, place.f)[0]
    track = tracking * em
    marks: list[Mark] = []
    pen, index = 0.0, 0
    for part in run.items:
        if not isinstance(part, list):
            pen -= part / 1000
            continue
        for glyph in part:
            start = origin + pen * em
            end = start + glyph.advance * em
            found = hit.get(index, _NOTHING)
            marks.append(Mark(start, end, run, index, glyph, found, track, glyph.advance * run.em))
            pen += glyph.advance + (char + (word if glyph.spaced else 0.0)) / size
            index += 1
    return marks


def on_line(baseline: float, size: float, other: float, other_size: float) -> bool:
    """Return whether text of another baseline and size belongs to a line: an index, a note mark."""
    middle, other_middle = baseline - 0.3 * size, other - 0.3 * other_size
    return abs(middle - other_middle) < 0.45 * size and 0.35 < other_size / size < 1.8


def gutters_of(rows: Sequence[tuple[float, float, list[Mark]]]) -> list[tuple[float, float]]:
    """Return the empty strips between columns that stand close together, from where to where along.

    There several lines have a gap, and next to none of those between them has any letter.

    Args:
        rows: baseline, size and glyphs of what each operator shows.
    """
    levels: dict[int, list[Mark]] = {}
    for baseline, _, marks in rows:
        levels.setdefault(round(baseline), []).extend(m for m in marks if not m.glyph.blank)
    gaps: dict[int, list[tuple[int, float, float]]] = {}
    for level, marks in levels.items():
        marks.sort(key=lambda m: m.start)
        reach = math.inf
        for mark in marks:
            if mark.start - reach > _GUTTER * size_of(mark.run):
                gaps.setdefault(round(mark.start), []).append((level, reach, mark.start))
            reach = mark.end if reach == math.inf else max(reach, mark.end)
    found = []
    for close in gaps.values():
        if len(close) < _ROWS:
            continue
        low, high = max(reach for _, reach, _ in close), min(start for _, _, start in close)
        first, last = min(level for level, *_ in close), max(level for level, *_ in close)
        crossed = sum(
            any(m.start < high - 0.5 and m.end > low + 0.5 for m in marks)
            for level, marks in levels.items()
            if first <= level <= last
        )
        if high - low > 1.0 and crossed * 10 <= len(close):
            found.append((low, high))
    return found


def pieces_of(
    row: Sequence[Mark], size: float, walls: Sequence[tuple[float, float]]
) -> list[list[Mark]]:
    """Return the glyphs of a row, in order, parted where it has a gap that no sentence has, or a wall.

    Args:
        row: the glyphs.
        size: of the text.
        walls: what parts words that stand on both sides of it, from where to where.
    """
    gaps: list[tuple[int, float]] = []
    cuts: list[int] = []
    reach: float | None = None
    for position, mark in enumerate(row):
        if mark.glyph.blank and not mark.areas:
            continue
        if reach is not None and mark.start - reach > _WORD * size:
            near = 0.1 * size
            if any(reach - near <= low and high <= mark.start + near for low, high in walls):
                cuts.append(position)
            else:
                gaps.append((position, mark.start - reach))
        reach = mark.end if reach is None else max(reach, mark.end)
    for position, gap in gaps:
        others = [other for at, other in gaps if at != position]
        if len(others) >= 2:
            # In a justified line all are wide.
            usual = median(others)
            wide = gap > _TAB * size and gap > 2.5 * usual
            wide = wide or (gap > _WIDE * size and gap > 1.5 * usual)
        else:
            wide = gap > _LONELY * size
        if wide:
            # Blanks in the gap belong to what stands before it.
            cuts.append(position)
    cuts.sort()
    parts = [list(row[a:b]) for a, b in zip([0, *cuts], [*cuts, len(row)], strict=True)]
    return [part for part in parts if part]
