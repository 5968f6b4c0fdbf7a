"""Set lines anew that lose text, so that nothing on them depends on how long the removed text was.

The gap of a removed word, the spaces of a justified line, the start of a centred one and the tiny kerns
of many layout programs all tell its width, which tells names apart (Bland, Iyer and Levchenko, "Story
Beyond the Eye: Glyph Positions Break PDF Text Redaction", PoPETs 2023). So the rest of the line is set
again from what is left of it alone: natural widths, natural spaces, and gaps of one fixed width.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, NamedTuple

from ...geometry import Affine, BBox, Point
from ..moves import Knot, Move
from .pdf_area import Area
from .pdf_fonts import Glyph
from .pdf_glyphs import Spacing, hits, near

# All lengths in em of the line.
GAPS = {"erase": 2.0, "box": 3.0, "label": 3.0}
LEAST_GAP = 0.5
LABEL_FILL = 0.62  # height of a label's letters, as a share of its box
_WORD = 0.15  # a jump of the pen so wide is a space between words
_SPACE = 0.3  # what such a jump becomes, in a font without a space
_BACK = -0.15  # a pen so far back sets one glyph over another: an accent, a second print
_STEP = 0.02  # to which such places are rounded
_TRACKING = 0.15  # no line is filled by character spacing so wide
_WIDE, _TAB, _LONELY = 2.0, 0.9, 1.2  # gaps that end a piece of a line
_SAME = 0.6  # places so close together are one edge, in points
_EXACT = 0.1  # the same where chance would do harm
_BODY = (-0.95, 0.35)  # top and bottom of a line with its underline, from the baseline
_TALL = 2.2  # a taller area is aimed at more than a line
_LEAST_SPACES, _MOST_SPACES = 0.5, 2.5  # spaces may shrink and grow so far


def label_text(rule: str) -> str:
    """Return what the box of an edit says."""
    return rule.removeprefix("pii:").encode("ascii", "replace").decode("ascii")


def gap_width(fill: str, rule: str) -> float:
    """Return how wide a gap is where there is room, in em: enough for the label that goes into it."""
    if fill != "label":
        return GAPS[fill]
    import pymupdf

    natural = float(pymupdf.get_text_length(label_text(rule), "helv", 1.0))
    return max(GAPS[fill], round(natural * LABEL_FILL / 0.9 + 0.5, 1))


class Run(NamedTuple):
    """What one operator shows.

    Attributes:
        key: number of the operator on the page, in order of drawing.
        place: from em along and above the pen's start to the displayed page.
        items: shifts (thousandths of an em) and glyphs.
        spacing: size, character and word spacing.
        clip: what it may show in, on the page.
        fixed: why it cannot be set elsewhere; "" when it can.
    """

    key: int
    place: Affine
    items: Sequence[float | list[Glyph]]
    spacing: Spacing
    clip: BBox | None
    fixed: str


@dataclass
class Scene:
    """What stands on a page.

    Attributes:
        runs: all text, in order of drawing.
        paths: boxes of what is drawn.
        pictured: indices of the areas that lie on pictures.
        pictures: those pictures, with their maps from the unit square to the page.
    """

    runs: list[Run] = field(default_factory=list)
    paths: list[BBox] = field(default_factory=list)
    pictured: set[int] = field(default_factory=set)
    pictures: list[tuple[Any, Affine]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Gap:
    """What is left free for removed text: where, and for which areas."""

    move: Move
    start: float
    end: float
    areas: frozenset[int]


@dataclass
class LinePlan:
    """How a page's lines are set anew.

    Attributes:
        moves: one for each piece of a line.
        gaps: in them.
        moved: key of a run -> a move of its line.
        places: key of a run -> number of a glyph -> its new place along the line.
        gone: key of a run -> numbers of the glyphs that go.
        kept: index of an area -> why its line could not be set anew.
    """

    moves: list[Move] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    moved: dict[int, Move] = field(default_factory=dict)
    places: dict[int, dict[int, float]] = field(default_factory=dict)
    gone: dict[int, set[int]] = field(default_factory=dict)
    kept: dict[int, str] = field(default_factory=dict)


class _Mark(NamedTuple):
    """A glyph on a line: along it from start to end, in points."""

    start: float
    end: float
    run: Run
    number: int
    glyph: Glyph
    areas: frozenset[int]
    track: float


@dataclass(frozen=True, slots=True)
class _Frame:
    """Axes of text of one direction."""

    ux: float
    uy: float

    def place(self, x: float, y: float) -> tuple[float, float]:
        return x * self.ux + y * self.uy, y * self.ux - x * self.uy


def plan_lines(
    scene: Scene, areas: Sequence[Area], wants: Sequence[float], page: BBox, least: float
) -> LinePlan:
    """Return how the lines that lose text under areas are set anew.

    Args:
        scene: what stands on the page.
        areas: what is cleared.
        wants: width of the gap that an area leaves where there is room, in em.
        page: the displayed page.
        least: the least width of a gap, in em.
    """
    return _Planner(scene, areas, wants, page, least).plan()


def follow(lines: LinePlan, scene: Scene, areas: Sequence[Area], moves: Sequence[Move]) -> None:
    """Let the text layer of a picture go along with the lines of pixels under it."""
    for run in scene.runs:
        if _turn(run) is None or run.key in lines.moved or run.fixed:
            continue
        length = math.hypot(run.place.a, run.place.b)
        frame = _Frame(run.place.a / length, run.place.b / length)
        move = next((move for move in moves if _lies_on(run, frame, move)), None)
        if move is None:
            continue
        gone = _hits(run, areas)
        baseline = frame.place(run.place.e, run.place.f)[1]
        places: dict[int, float] = {}
        first: dict[int, float] = {}
        end = 0.0
        for mark in _marks(run, frame, gone, 0.0):
            if mark.areas:
                continue
            start = move.place(frame_point(frame, mark.start, baseline))[0]
            width = mark.end - mark.start
            word = bisect_right(move.knots, (start + width / 2, math.inf)) - 1
            if mark.glyph.blank and places:
                new = end
            elif 0 <= word < len(move.knots) - 1 and word % 2 == 0:
                # With the ink: how far it was from it would tell how the ink stood on its grid.
                new = move.knots[word][1] + start - first.setdefault(word, start)
            else:
                new = move.to(start + width / 2) - width / 2
            places[mark.number], end = new, new + width
        lines.moved[run.key], lines.places[run.key] = move, places
        lines.gone[run.key] = set(gone)


def _lies_on(run: Run, frame: _Frame, move: Move) -> bool:
    along, across = move.place((run.place.e, run.place.f))
    level = frame.ux * move.along[0] + frame.uy * move.along[1] > 0.99
    start, end = move.knots[0][0] - move.size, move.knots[-1][0] + move.size
    length = sum(g.advance for part in run.items if isinstance(part, list) for g in part)
    far = along + length * math.hypot(run.place.a, run.place.b)
    band = -0.35 * move.size <= across <= 0.3 * move.size
    return level and band and along < end and far > start


class _Planner:
    def __init__(
        self, scene: Scene, areas: Sequence[Area], wants: Sequence[float], page: BBox, least: float
    ) -> None:
        self.scene, self.areas, self.wants, self.page = scene, areas, wants, page
        self.least = least
        self._boxes: list[BBox] = []
        self.result = LinePlan()

    def plan(self) -> LinePlan:
        hit: dict[int, dict[int, frozenset[int]]] = {}
        for run in self.scene.runs:
            found = _hits(run, self.areas)
            if found:
                hit[run.key] = found
        if not hit:
            return self.result
        turns: dict[tuple[int, int], list[Run]] = {}
        for run in self.scene.runs:
            turn = _turn(run)
            if turn is not None:
                turns.setdefault(turn, []).append(run)
        for runs in turns.values():
            if any(run.key in hit for run in runs):
                self._direction(runs, hit)
        # An area that no line could be set anew for keeps its reason; one of many may be enough.
        for gap in self.result.gaps:
            for area in gap.areas:
                self.result.kept.pop(area, None)
        for key in self.result.moved:
            self.result.gone[key] = set(hit.get(key, ()))
        return self.result

    def _direction(
        self, runs: Sequence[Run], hit: Mapping[int, Mapping[int, frozenset[int]]]
    ) -> None:
        """Plan all lines of one writing direction."""
        a, b = runs[0].place.a, runs[0].place.b
        length = math.hypot(a, b)
        frame = _Frame(a / length, b / length)
        rows: list[tuple[float, float, list[_Mark]]] = []  # baseline, size, glyphs
        for run in runs:
            marks = _marks(run, frame, hit.get(run.key, {}), self._tracking(run, hit))
            if marks:
                rows.append((frame.place(run.place.e, run.place.f)[1], _size(run), marks))
        self._boxes = []
        for box in self.scene.paths:
            corners = [frame.place(p.x, p.y) for p in box.polygon()]
            alongs, acrosses = [a for a, _ in corners], [c for _, c in corners]
            self._boxes.append(BBox(min(alongs), min(acrosses), max(alongs), max(acrosses)))
        lines = self._edges(rows)
        done: set[tuple[int, int]] = set()
        for baseline, size, marks in rows:
            for mark in marks:
                if not mark.areas or (mark.run.key, mark.number) in done:
                    continue
                row = [
                    other
                    for other_base, other_size, others in rows
                    if _on_line(baseline, size, other_base, other_size)
                    for other in others
                    if (other.run.key, other.number) not in done
                ]
                row.sort(key=lambda m: (m.start, m.run.key, m.number))
                for piece in _pieces(row, size, self._walls(baseline, size)):
                    if mark in piece:
                        done.update((m.run.key, m.number) for m in piece)
                        self._piece(piece, row, frame, baseline, size, lines)
                        break

    def _piece(
        self,
        piece: Sequence[_Mark],
        row: Sequence[_Mark],
        frame: _Frame,
        baseline: float,
        size: float,
        lines: Sequence[_Edge],
    ) -> None:
        """Plan one piece of a line: all glyphs between two wide gaps."""
        own = {index for mark in piece for index in mark.areas}
        why = self._fixed(piece, own, frame, size)
        if not why:
            line = _Line(piece, size, max(self.wants[index] for index in own))
            room = self._room(piece, row, frame, baseline, size, lines)
            why = line.set(room, self.least)
        if why:
            self.result.kept.update(dict.fromkeys(own, why))
            return
        move = Move(
            frame_point(frame, 0.0, baseline),
            (frame.ux, frame.uy),
            size,
            (_BODY[0] * size, _BODY[1] * size),
            line.knots(),
            tuple((start, end) for start, end, _ in line.gaps),
        )
        if not _clipped(piece, line, move):
            self.result.kept.update(dict.fromkeys(own, "its line is clipped"))
            return
        self.result.moves.append(move)
        self.result.gaps += [Gap(move, start, end, areas) for start, end, areas in line.gaps]
        for mark, new in zip(piece, line.new, strict=True):
            if mark.areas:
                self.result.moved[mark.run.key] = move
            else:
                self.result.moved[mark.run.key] = move
                places = self.result.places.setdefault(mark.run.key, {})
                places[mark.number] = new

    def _fixed(self, piece: Sequence[_Mark], own: set[int], frame: _Frame, size: float) -> str:
        for mark in piece:
            if mark.run.fixed:
                return mark.run.fixed
        for index in own:
            if index in self.scene.pictured:
                return "it stands on a picture"
            across = [frame.place(x, y)[1] for x, y in self.areas[index].points]
            if max(across) - min(across) > _TALL * size:
                return "the area is higher than a line"
        return ""

    def _room(
        self,
        piece: Sequence[_Mark],
        row: Sequence[_Mark],
        frame: _Frame,
        baseline: float,
        size: float,
        lines: Sequence[_Edge],
    ) -> _Room:
        """Return where a piece may stand; nothing here may depend on its removed text."""
        start, end = piece[0].start, max(mark.end for mark in piece)
        inked = [mark for mark in piece if not mark.glyph.blank]
        left = inked[0].start if inked else start
        right = max(mark.end for mark in inked) if inked else end
        corners = [frame.place(p.x, p.y)[0] for p in self.page.polygon()]
        low, high = min(corners), max(corners)
        others = [line for line in lines if not _overlap(line, baseline, size, start, end)]
        anchor, at = _anchor(left, right, (low + high) / 2, others)
        clean = [line for line in others if not line.hit]
        column = [line.right for line in clean if line.left < left + 2 * size]
        soft = max(column) if column else high - min(max(left - low, 0.0), 36.0)
        hard_left, hard_right = low, high
        in_piece = {(mark.run.key, mark.number) for mark in piece}
        for mark in row:
            if (mark.run.key, mark.number) not in in_piece:
                if mark.start >= right - 0.1 * size:
                    hard_right = min(hard_right, mark.start - 0.5 * size)
                elif mark.end <= left + 0.1 * size:
                    hard_left = max(hard_left, mark.end + 0.5 * size)
        for box in self._boxes:
            if box.y1 < baseline - 0.6 * size or box.y0 > baseline - 0.1 * size:
                continue
            if box.x0 >= left - 0.3 * size and box.x1 <= right + 0.3 * size:
                continue  # a marker of this line
            for edge in (box.x0, box.x1):
                if right - 0.1 * size <= edge:
                    hard_right = min(hard_right, edge - 0.15 * size)
                elif edge <= left + 0.1 * size:
                    hard_left = max(hard_left, edge + 0.15 * size)
        fill = _filled([line.right for line in clean if abs(line.left - left) < 4 * size])
        if anchor != "left" or fill is None or abs(fill - right) > 2 * _SAME:
            fill = None
        return _Room(anchor, at, hard_left, min(soft, hard_right), hard_right, fill)

    def _edges(self, rows: Sequence[tuple[float, float, Sequence[_Mark]]]) -> list[_Edge]:
        """Return the pieces of all lines of a direction, for the edges that they share."""
        groups: list[tuple[float, float, list[_Mark]]] = []
        for baseline, size, marks in sorted(rows, key=lambda row: row[0]):
            if groups and abs(groups[-1][0] - baseline) < 0.3 * size:
                groups[-1][2].extend(marks)
            else:
                groups.append((baseline, size, list(marks)))
        edges = []
        for baseline, size, marks in groups:
            marks.sort(key=lambda m: (m.start, m.run.key, m.number))
            for piece in _pieces(marks, size, self._walls(baseline, size)):
                inked = [mark for mark in piece if not mark.glyph.blank]
                if inked:
                    right = max(mark.end for mark in inked)
                    hit = any(mark.areas for mark in piece)
                    edges.append(_Edge(inked[0].start, right, baseline, size, hit))
        return edges

    def _walls(self, baseline: float, size: float) -> list[float]:
        """Return where lines stand upright beside or between words: the walls of cells and columns."""
        walls = []
        for box in self._boxes:
            if box.y0 <= baseline - 0.5 * size and box.y1 >= baseline - 0.1 * size:
                thin = box.width < 1.5 and box.height > 0.9 * size
                if thin or box.height > 1.45 * size:
                    walls += [box.x0, box.x1]
        return walls

    def _tracking(self, run: Run, hit: Mapping[int, Mapping[int, frozenset[int]]]) -> float:
        """Return the character spacing of a run in em, as far as it does not depend on its line."""
        size, char, _ = run.spacing
        if not char or not size:
            return 0.0
        others = [
            other.spacing.char == char
            for other in self.scene.runs
            if other.spacing.size == size and other.key not in hit
        ]
        if len(others) > 1 and 2 * sum(others) > len(others):
            return char / size  # that of most lines: the style's, not what fills one line
        return round(char / size / _STEP) * _STEP if abs(char) >= _TRACKING * size else 0.0


@dataclass(frozen=True, slots=True)
class _Room:
    """Where a piece of a line may stand: what it is held by and where, and its limits.

    ``fill`` is the right edge of a justified paragraph.
    """

    anchor: str
    at: float
    low: float
    soft: float
    hard: float
    fill: float | None


class _Edge(NamedTuple):
    """A piece of a line elsewhere on the page."""

    left: float
    right: float
    baseline: float
    size: float
    hit: bool


class _Line:
    """One piece of a line, set anew."""

    def __init__(self, piece: Sequence[_Mark], size: float, want: float) -> None:
        self.piece, self.size, self.want = piece, size, want
        self.new: list[float] = []
        self.gaps: list[tuple[float, float, frozenset[int]]] = []
        spaces = [m.end - m.start for m in piece if m.glyph.blank and not m.areas]
        self._space = spaces[0] if spaces else _SPACE * size
        self._count = sum(
            1
            for before, mark in zip([None, *piece], piece, strict=False)
            if mark.areas and not (before is not None and before.areas)
        )

    def set(self, room: _Room, least: float) -> str:
        """Find the new places; return why there are none, or ""."""
        gap, squeeze = 0.0, 1.0
        rest = self._lay(0.0, 0.0, 1.0)
        anchor = room.anchor
        if anchor == "left":
            free, hard = room.soft - room.at, room.hard - room.at
        elif anchor == "right":
            free = hard = room.at - room.low
        else:
            free = hard = 2 * min(room.at - room.low, room.hard - room.at)
        each = (free - rest) / self._count
        gap = min(max(each, least * self.size), self.want * self.size)
        length = rest + self._count * gap
        spaces = rest - self._lay(0.0, 0.0, 0.0)
        if room.fill is not None and spaces > 0:
            # Justified again, by what is left: unless its spaces would become holes.
            wanted = 1 + (room.fill - room.at - length) / spaces
            squeeze = wanted if 1 <= wanted <= _MOST_SPACES else 1.0
        if length > hard:
            # A line whose spaces were narrow: back to what fits.
            gap = least * self.size
            over = rest + self._count * gap - hard
            if over > (1 - _LEAST_SPACES) * spaces:
                return "there is no room for it"
            squeeze = 1 - over / spaces
            length = hard
        start = room.at - {"left": 0.0, "right": length, "centre": length / 2}[anchor]
        self._lay(start, gap, squeeze)
        return ""

    def _lay(self, start: float, gap: float, squeeze: float) -> float:
        """Set the glyphs one after the other; return where the ink ends."""
        self.new, self.gaps = [], []
        laid: dict[tuple[int, int], tuple[_Mark, float]] = {}
        size, space = self.size, self._space * squeeze
        reach_old = reach_new = ink = start
        before: _Mark | None = None
        blanks = 0.0  # blanks before the first ink stand out to the left of the start
        for mark in self.piece:
            if mark.glyph.blank and not mark.areas:
                blanks += mark.end - mark.start
            else:
                break
        pen = start - blanks * squeeze
        reach_new = pen
        for position, mark in enumerate(self.piece):
            own = laid.get((mark.run.key, mark.number - 1))
            width = mark.end - mark.start
            blank = mark.glyph.blank and not mark.areas
            jump = mark.start - reach_old if before is not None else 0.0
            if before is None:
                place = pen
            elif (
                own is not None
                and not mark.areas
                and not own[0].areas
                and (abs(mark.start - own[0].end) <= _WORD * size or blank or own[0].glyph.blank)
                and mark.start - own[0].end > _BACK * size
            ):
                scale = squeeze if own[0].glyph.blank else 1.0
                place = own[1] + (own[0].end - own[0].start) * scale
                if not blank and not own[0].glyph.blank:
                    place += mark.track
            elif mark.areas and before.areas:
                place = reach_new
            elif jump < _BACK * size and not mark.areas and not before.areas:
                step = _STEP * size
                place = self.new[position - 1]
                place += round((mark.start - before.start) / step) * step
            elif jump > _WORD * size and not (blank or (before.glyph.blank and not before.areas)):
                place = reach_new + space
            else:
                place = reach_new
            if mark.areas:
                if before is not None and before.areas:
                    first, end, areas = self.gaps[-1]
                    self.gaps[-1] = (first, end, areas | mark.areas)
                else:
                    self.gaps.append((place, place + gap, mark.areas))
                self.new.append(self.gaps[-1][0])
                reach_new = max(reach_new, self.gaps[-1][1])
                ink = max(ink, reach_new)
            else:
                self.new.append(place)
                end = place + width * (squeeze if blank else 1.0)
                reach_new = max(reach_new, end)
                if not blank:
                    ink = max(ink, end)
            laid[(mark.run.key, mark.number)] = (mark, place)
            reach_old = mark.end if before is None else max(reach_old, mark.end)
            before = mark
        return ink - start

    def knots(self) -> tuple[Knot, ...]:
        """Return places before and after, ascending in both."""
        pairs: list[Knot] = []
        gaps = iter(self.gaps)
        current: tuple[float, float, frozenset[int]] | None = None
        before: _Mark | None = None
        for mark, new in zip(self.piece, self.new, strict=True):
            if mark.areas:
                if before is None or not before.areas:
                    current = next(gaps)
                    pairs.append((mark.start, current[0]))
                assert current is not None
                pairs.append((mark.end, current[1]))
            else:
                pairs += [(mark.start, new), (mark.end, new + mark.end - mark.start)]
            before = mark
        result: list[Knot] = []
        for old, new in sorted(pairs):
            if result and old - result[-1][0] < 1e-6:
                result[-1] = (result[-1][0], max(result[-1][1], new))
            else:
                result.append((old, max(new, result[-1][1]) if result else new))
        return tuple(result)


# --- glyphs on lines ------------------------------------------------------------------------------


def frame_point(frame: _Frame, along: float, across: float) -> tuple[float, float]:
    """Return the point of the page at a place in a frame."""
    return along * frame.ux - across * frame.uy, along * frame.uy + across * frame.ux


def _size(run: Run) -> float:
    """Return how high an em of a run is, in points of the page."""
    return math.hypot(run.place.c, run.place.d)


def _turn(run: Run) -> tuple[int, int] | None:
    """Return the direction of a run, rounded; None for text without extent."""
    length = math.hypot(run.place.a, run.place.b)
    if length < 1e-6 or _size(run) < 1e-6:
        return None
    return round(run.place.a / length * 100), round(run.place.b / length * 100)


def _hits(run: Run, areas: Sequence[Area]) -> dict[int, frozenset[int]]:
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


def _marks(
    run: Run, frame: _Frame, hit: Mapping[int, frozenset[int]], tracking: float
) -> list[_Mark]:
    place, (size, char, word) = run.place, run.spacing
    if not size:
        return []
    em = math.hypot(place.a, place.b)
    origin = frame.place(place.e, place.f)[0]
    track = tracking * em
    marks: list[_Mark] = []
    pen, index = 0.0, 0
    for part in run.items:
        if not isinstance(part, list):
            pen -= part / 1000
            continue
        for glyph in part:
            start = origin + pen * em
            end = start + glyph.advance * em
            marks.append(_Mark(start, end, run, index, glyph, hit.get(index, frozenset()), track))
            pen += glyph.advance + (char + (word if glyph.spaced else 0.0)) / size
            index += 1
    return marks


def _on_line(baseline: float, size: float, other: float, other_size: float) -> bool:
    """Return whether text of another baseline and size belongs to a line: an index, a note mark."""
    middle, other_middle = baseline - 0.3 * size, other - 0.3 * other_size
    return abs(middle - other_middle) < 0.45 * size and 0.35 < other_size / size < 1.8


def _pieces(row: Sequence[_Mark], size: float, walls: Sequence[float]) -> list[list[_Mark]]:
    """Return the glyphs of a row, in order, parted where it has a gap that no sentence has, or a wall."""
    gaps: list[tuple[int, float]] = []
    cuts: list[int] = []
    reach: float | None = None
    for position, mark in enumerate(row):
        if mark.glyph.blank and not mark.areas:
            continue
        if reach is not None and mark.start - reach > _WORD * size:
            if any(reach - 0.1 * size <= wall <= mark.start + 0.1 * size for wall in walls):
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


def _overlap(line: _Edge, baseline: float, size: float, start: float, end: float) -> bool:
    return (
        abs(line.baseline - baseline) < 0.45 * size and line.left < end + 0.1 and line.right > start
    )


def _anchor(left: float, right: float, page: float, others: Sequence[_Edge]) -> tuple[str, float]:
    """Return which point of a line its layout holds fast ("left", "right" or "centre"), and where.

    Told by what it shares with other lines, as a column or a table does. Where left and right edges are
    both shared, the line is justified, and either would do. The place is that of the others: the line's
    own differs from it by a rounding error that can depend on the removed text.
    """
    middle = (left + right) / 2
    # Lines as long as this one share all of it, and tell nothing.
    lefts = [
        line
        for line in others
        if abs(line.left - left) <= _SAME and abs(line.right - right) > _SAME
    ]
    ends = [
        line
        for line in others
        if abs(line.right - right) <= _SAME and abs(line.left - left) > _SAME
    ]
    middles = [
        line
        for line in others
        if abs((line.left + line.right) / 2 - middle) <= _SAME and abs(line.left - left) > _SAME
    ]
    on_page = abs(middle - page) <= _SAME
    centred = len(middles) + (2 if on_page else 0)
    if lefts and len(lefts) >= max(centred, len(ends)):
        return "left", left
    if len(ends) > centred:
        # The first line of a justified paragraph shares its right edge with lines that begin together.
        most = max(sum(abs(one.left - other.left) <= _EXACT for other in ends) for one in ends)
        if most < 2 or 2 * most <= len(ends):
            return "right", median(line.right for line in _clean(ends))
    elif centred > len(lefts):
        shared = [(line.left + line.right) / 2 for line in _clean(middles)]
        return "centre", page if on_page or not shared else median(shared)
    return "left", left


def _filled(rights: Sequence[float]) -> float | None:
    """Return the edge at which most lines of a justified column end, None when there is none."""
    best: list[float] = []
    for edge in rights:
        close = [right for right in rights if abs(right - edge) <= _SAME / 2]
        if len(close) > len(best):
            best = close
    return median(best) if len(best) >= 3 and len(best) >= 0.6 * len(rights) else None


def _clean(lines: Sequence[_Edge]) -> Sequence[_Edge]:
    """Return the lines that lose nothing, or all when there are none."""
    return [line for line in lines if not line.hit] or lines


def _clipped(piece: Sequence[_Mark], line: _Line, move: Move) -> bool:
    """Return whether every glyph is still seen where it goes."""
    for mark, new in zip(piece, line.new, strict=True):
        clip = mark.run.clip
        if clip is None or mark.areas or mark.glyph.blank:
            continue
        corners = clip.polygon()
        if move.holds(corners):
            continue  # a clip of this line alone: it goes along
        middle = move.band[0] * 0.3
        inside = clip.grow(0.5)
        old = [move.point(mark.start, middle), move.point(mark.end, middle)]
        to = [move.point(new, middle), move.point(new + mark.end - mark.start, middle)]
        if all(inside.contains(Point(*p)) for p in old) and not all(
            inside.contains(Point(*p)) for p in to
        ):
            return False
    return True
