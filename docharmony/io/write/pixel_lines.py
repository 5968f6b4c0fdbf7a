"""Lines of a picture that lose words, planned anew: no gap tells how long a removed word was.

The same is done for text in :mod:`.pdf_lines`; here nothing is known but pixels. Ink is parted into
letters, words and lines; what is left of a line is set again, word by word, with one width for gaps and
one for spaces. Where the ground is not even, or something is drawn along the line, it stays as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...geometry import Affine, BBox
from ..moves import Move
from .pixel_ink import Sheet
from .pixel_letters import DRAWN, letters_of

if TYPE_CHECKING:
    from .pdf_images import Mask, Picture

# Lengths in em of the line.
_BAND = (-0.98, 0.34)
_SPACE, _LEAST_SPACE, _MOST_SPACE = 0.28, 0.2, 0.7
_EDGE = 0.2  # places so close together are one edge
_STRETCHED = 0.08  # spaces so much wider than usual fill a line
_MOST_FILL = 2.5  # no space grows so much to fill a line
_TALL = 2.2  # a taller area is aimed at more than a line
# Share of a letter that must lie under an area for all of it to go.
_UNDER = 0.35

ROOM = "there is no room for it"
HIGH = "the area is higher than a line"
APART = "its letters stand apart"


class Word(NamedTuple):
    """A word that goes: where it stood and will stand along the line, in pixels.

    Words of one block keep their distances.
    """

    start: float
    end: float
    new: float
    letters: tuple[int, ...]
    block: int


@dataclass
class PixelLine:
    """One line of a picture that is set anew.

    Attributes:
        turn: quarter turns, counter-clockwise, that make it level.
        sheet: the picture, so turned.
        words: those that go.
        removed: numbers of the letters that are removed.
        window: of the turned picture, rows and columns.
        fill: of the window: what becomes ground before words are put in.
        move: where things go, in pixels of the picture as it is stored.
        gaps: for each gap of the move, the areas in it.
    """

    turn: int
    sheet: Sheet
    words: Sequence[Word]
    removed: frozenset[int]
    window: tuple[slice, slice]
    fill: Mask
    move: Move
    gaps: Sequence[frozenset[int]]


@dataclass
class PixelPlan:
    """How the lines of a picture are set anew.

    Attributes:
        lines: those that are.
        kept: index of an area -> why its line is not.
    """

    lines: list[PixelLine] = field(default_factory=list)
    kept: dict[int, str] = field(default_factory=dict)

    def boxes(self, items: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return the edits with the boxes that stand for them: where a line was set anew, its gaps."""
        result: list[Mapping[str, Any]] = []
        done: set[int] = set()
        for line in self.lines:
            for areas, polygon in zip(line.gaps, line.move.boxes(), strict=True):
                result.append({**items[min(areas)], "polygon": [list(p) for p in polygon]})
                done |= areas
        return [*result, *(item for index, item in enumerate(items) if index not in done)]


@dataclass
class _Piece:
    """A run of letters on one line."""

    letters: list[int]
    left: float
    right: float
    baseline: float
    hit: bool


class _Span(NamedTuple):
    """A word that stays on the line, or removed letters.

    ``true`` and ``length`` say where it begins and how long it is by how its ink is spread: ``start``
    and ``end`` are whole pixels, and tell how its letters stand on their grid.
    """

    start: float
    end: float
    letters: tuple[int, ...]
    areas: frozenset[int]
    true: float = 0.0
    length: float = 0.0


class _Room(NamedTuple):
    """The limits of a line (least, usual and most), what holds it and where, and the edge it fills."""

    low: float
    soft: float
    hard: float
    anchor: str
    at: float
    fill: float | None


def plan_pixels(
    picture: Picture,
    polygons: Sequence[Sequence[tuple[float, float]]],
    wants: Sequence[float],
    least: float,
) -> PixelPlan:
    """Return how the lines of a picture that lose words under polygons are set anew.

    Args:
        picture: what stood there before; not altered.
        polygons: areas in pixels, first side in reading direction.
        wants: width of the gap that an area leaves where there is room, in em.
        least: the least width of a gap, in em.

    Areas under which no letter is found are in no line and have no reason.
    """
    plan = PixelPlan()
    turns: dict[int, list[int]] = {}
    for index, polygon in enumerate(polygons):
        (x0, y0), (x1, y1) = polygon[0], polygon[1]
        turn = round(float(np.degrees(np.arctan2(y1 - y0, x1 - x0))) / 90) % 4
        turns.setdefault(turn, []).append(index)
    if not turns:
        return plan
    rgb = picture.rgb((slice(None), slice(None)))
    for turn, own in turns.items():
        height, width = rgb.shape[:2]
        to_sheet = _turned(turn, width, height)
        sheet = Sheet(np.rot90(rgb, turn))
        areas = {i: [tuple(to_sheet.apply(p)) for p in polygons[i]] for i in own}
        _Planner(plan, sheet, turn, to_sheet, areas, wants, least).run()
    return plan


def _turned(turn: int, width: int, height: int) -> Affine:
    """Return the map of pixel places that goes with numpy.rot90."""
    return (
        Affine(),
        Affine(0, -1, 1, 0, 0, width),
        Affine(-1, 0, 0, -1, width, height),
        Affine(0, 1, -1, 0, height, 0),
    )[turn]


class _Planner:
    """Plans the lines of one writing direction."""

    def __init__(
        self,
        plan: PixelPlan,
        sheet: Sheet,
        turn: int,
        to_sheet: Affine,
        areas: dict[int, list[tuple[float, ...]]],
        wants: Sequence[float],
        least: float,
    ) -> None:
        self.plan, self.sheet, self.turn, self.back = plan, sheet, turn, to_sheet.inverse()
        self.areas, self.wants, self.least = areas, wants, least

    def run(self) -> None:
        sheet = self.sheet
        owners = sheet.under(self.areas, _UNDER)  # letter -> areas
        letters = letters_of(sheet, frozenset(owners))
        if letters is None:
            return
        self.letters = letters
        self.pieces = [
            _Piece(list(own), *letters.extent(own), any(i in owners for i in own))
            for own in letters.pieces()
        ]
        self.part, self.space = letters.part, self._usual_space()
        waiting = {index for found in owners.values() for index in found}
        for piece in self.pieces:
            own = {i for letter in piece.letters for i in owners.get(letter, ())} & waiting
            if not own:
                continue
            waiting -= own
            why = self._piece(piece, own, owners)
            if why:
                self.plan.kept.update(dict.fromkeys(own, why))

    def _usual_space(self) -> float:
        """Return how wide spaces are where nothing is removed, in em of the page."""
        em, part = self.letters.em, self.letters.part
        gaps = [
            gap / em
            for piece in self.pieces
            if not piece.hit
            for _, _, gap in self.letters.gaps(piece.letters)
        ]
        spaces = [gap for gap in gaps if part < gap < 1.2]
        space = median(spaces) if len(spaces) >= 5 else _SPACE
        return min(max(space, _LEAST_SPACE), _MOST_SPACE)

    def _piece(self, piece: _Piece, own: set[int], owners: dict[int, frozenset[int]]) -> str:
        letters = self.letters
        kept = [i for i in piece.letters if i not in owners]
        em = letters.em_of(kept)
        baseline = letters.baseline(kept or piece.letters)
        for index in own:
            places = [letters.place(*point) for point in self.areas[index]]
            if max(y for _, y in places) - min(y for _, y in places) > _TALL * em:
                return HIGH
        above = [
            (other.left, other.right, other.baseline)
            for other in self.pieces
            if baseline - 2 * em < other.baseline < baseline - 0.5 * em
        ]
        members = letters.along_line(piece.letters, baseline, em, above)
        spans = self._spans(members, owners, em)
        words = [span for span in spans if not span.areas]
        if len(words) >= 4 and median(w.end - w.start for w in words) < 0.6 * em:
            return APART
        if letters.dotted(members):
            return DRAWN
        room = self._room(piece, spans, baseline, em)
        layout = self._set(spans, em, room)
        if layout is None:
            return ROOM
        new, first, total = layout
        moved = [(span, to) for span, to in list(zip(spans, new, strict=True))[first:]]
        # What becomes ground: from what stays on the left to the edge of the column, or to where the
        # longest line ended.
        left = spans[first - 1].end + 1 if first else min(piece.left, new[0]) - 0.15 * em
        end = max(span.end for span in spans)
        right = max(room.soft, end, total) + 0.1 * em
        right = min(right, room.hard + 0.3 * em)
        removed = frozenset(i for span in spans if span.areas for i in span.letters)
        going = frozenset(i for span, _ in moved for i in span.letters)
        band = BBox(left, baseline + _BAND[0] * em, right, baseline + _BAND[1] * em)
        ground = letters.ground(band, going, [self.areas[i] for i in own])
        if isinstance(ground, str):
            return ground
        gaps, knots = [], []
        for span, to in zip(spans, new, strict=True):
            if span.areas:
                gaps.append((to, to + self._gap, span.areas))
                knots += [(span.start, to), (span.end, to + self._gap)]
            else:
                knots += [(span.start, to), (span.end, to + span.end - span.start)]
        move = Move(
            letters.point(0.0, baseline),
            letters.direction,
            em,
            (_BAND[0] * em, _BAND[1] * em),
            _ascending(knots),
            tuple((start, end) for start, end, _ in gaps),
            tuple((to, to + s.end - s.start) for s, to in moved if not s.areas),
            paper=((left, right),),
        )
        self.plan.lines.append(
            PixelLine(
                self.turn,
                self.sheet,
                _blocks(moved),
                removed,
                *ground,
                move.mapped(self.back),
                [areas for _, _, areas in gaps],
            )
        )
        return ""

    def _spans(
        self, members: Sequence[int], owners: dict[int, frozenset[int]], em: float
    ) -> list[_Span]:
        """Return the words that stay and what is removed, in order."""
        spans: list[_Span] = []
        for index in self.letters.ordered(members):
            start, end = self.letters.reach(index)
            areas = owners.get(index, frozenset())
            last = spans[-1] if spans else None
            joined = last is not None and (
                bool(last.areas) == bool(areas)
                and (bool(areas) or start - last.end <= self.part * em)
            )
            if last is not None and joined:
                spans[-1] = _Span(
                    last.start, max(last.end, end), (*last.letters, index), last.areas | areas
                )
            else:
                spans.append(_Span(start, end, (index,), areas))
        result = []
        for span in spans:
            middle, length = self.letters.spread(span.letters) if not span.areas else (0.0, 0.0)
            result.append(span._replace(true=middle - length / 2, length=length))
        return result

    def _room(self, piece: _Piece, spans: Sequence[_Span], baseline: float, em: float) -> _Room:
        """Return the limits of a line; nothing here may depend on its removed words."""
        letters = self.letters
        left, right = spans[0].start, max(span.end for span in spans)
        low, high = letters.bounds()
        middle = (low + high) / 2
        hard_left, hard = low, high
        others = []
        for other in self.pieces:
            if other is piece:
                continue
            if abs(other.baseline - baseline) < 0.5 * em:
                if other.left >= right:
                    hard = min(hard, other.left - 0.5 * em)
                elif other.right <= left:
                    hard_left = max(hard_left, other.right + 0.5 * em)
            else:
                others.append(other)
        for x0, x1 in letters.walls(baseline + _BAND[0] * em, baseline + 0.1 * em):
            if x0 >= right - 0.1 * em:
                hard = min(hard, x0 - 0.3 * em)
            elif x1 <= left + 0.1 * em:
                hard_left = max(hard_left, x1 + 0.3 * em)
        edge = _EDGE * em
        clean = [other for other in others if not other.hit]
        lefts = [o.left for o in clean if abs(o.left - left) <= edge]
        begun = [o for o in clean if abs(o.left - left) <= edge < abs(o.right - right)]
        same = [o for o in clean if abs(o.right - right) <= edge and abs(o.left - left) > edge]
        centre = (left + right) / 2
        centred = [
            o
            for o in clean
            if abs((o.left + o.right) / 2 - centre) <= edge and abs(o.left - left) > edge
        ]
        column = [o.right for o in clean if o.left < left + 2 * em and o.right > left + 2 * em]
        margin = min(max(left - low, 0.0), 3 * em)
        soft = max(column) if column else high - margin
        ends = [o.right for o in clean if abs(o.left - left) < 4 * em]
        fill = _filled(ends, edge)
        anchor, at = "left", left
        # Lines that also begin alike fill their column; the first of a paragraph only begins elsewhere.
        alike = begun or len(_alike([o.left for o in same], edge)) > 0.5 * len(same)
        if len(same) >= 2 and not alike and len(same) > len(centred):
            anchor, at = "right", median(o.right for o in same)
        elif len(centred) + (abs(centre - middle) <= edge) >= max(2, len(begun) + 1):
            anchor, at = "centre", median((o.left + o.right) / 2 for o in centred)
        elif spans[0].areas:
            # It began with what is removed: its first letter is not to tell.
            at = median(lefts) if lefts else np.floor(left / (0.25 * em)) * 0.25 * em
        if anchor != "left" or fill is None or abs(fill - right) > 2 * edge:
            fill = None
        return _Room(hard_left, min(soft, hard), hard, anchor, float(at), fill)

    def _set(
        self, spans: Sequence[_Span], em: float, room: _Room, *, natural: bool = True
    ) -> tuple[list[float], int, float] | None:
        """Return the new places of the spans, the first that goes and the end; None without room.

        Args:
            spans: of the line.
            em: its size.
            room: its limits.
            natural: words between two gaps keep their distances, if these are natural ones.
        """
        count = sum(1 for span in spans if span.areas)
        space = self.space * em
        given = [b.start - a.end for a, b in pairwise(spans) if not (a.areas or b.areas)]
        if given and abs(sum(given) / len(given) - space) > _STRETCHED * em:
            natural = False
        natural = natural and room.fill is None
        first = next(i for i, span in enumerate(spans) if span.areas)
        first = first if natural and room.anchor == "left" else 0
        rigid = [natural and not (a.areas or b.areas) for a, b in pairwise(spans)]
        joins = []
        for (before, after), fast in zip(pairwise(spans), rigid, strict=True):
            if fast:
                joins.append(after.start - before.end)
            elif after.start - before.end <= self.part * em:
                joins.append(0.15 * em)  # a comma behind a removed word
            else:
                joins.append(space)
        stretches = [join == space for join in joins]
        # Of words that keep their distances the first says where they are.
        free_standing = [not (index and rigid[index - 1]) for index in range(len(spans))]
        lengths = [0.0 if s.areas else s.length if not natural else s.end - s.start for s in spans]
        begin = spans[first - 1].end + joins[first - 1] if first else room.at
        rest = sum(lengths[first:]) + sum(joins[first:])
        if room.anchor == "left":
            free, most = room.soft - begin, room.hard - begin
        elif room.anchor == "right":
            free = most = room.at - room.low
        else:
            free = most = 2 * min(room.at - room.low, room.hard - room.at)
        wanted = max(self.wants[i] for span in spans for i in span.areas)
        self._gap = min(max((free - rest) / count, self.least * em), wanted * em)
        spare = 0.0
        between = sum(stretches[first:])
        if room.fill is not None and between:
            spare = (room.fill - begin - rest - count * self._gap) / between
            spare = spare if 0 <= spare <= (_MOST_FILL - 1) * space else 0.0
        length = rest + count * self._gap + spare * between
        if length > most:
            if natural:
                return self._set(spans, em, room, natural=False)
            self._gap = self.least * em
            over = rest + count * self._gap - most
            if not between or over > between * (space - 0.14 * em):
                return None
            spare = -over / between
            length = most
        pen = begin - {"left": 0.0, "right": length, "centre": length / 2}[room.anchor]
        new = [span.start for span in spans[:first]]
        for index, span in enumerate(spans[first:], first):
            own = free_standing[index] and not span.areas
            new.append(pen + (span.start - span.true if own else 0.0))
            pen = new[-1] + (span.end - span.start if natural else 0.0)
            if span.areas:
                pen = new[-1] + self._gap
            elif not natural:
                pen = new[-1] - (span.start - span.true) + span.length
            if index < len(joins):
                pen += joins[index] + (spare if stretches[index] else 0.0)
        return new, first, pen


def _blocks(moved: Sequence[tuple[_Span, float]]) -> list[Word]:
    """Return the words that go; those that keep their distances are one block."""
    words: list[Word] = []
    for span, new in moved:
        if not span.areas:
            last = words[-1] if words else None
            same = last is not None and abs((new - span.start) - (last.new - last.start)) < 1e-6
            block = 0 if last is None else last.block if same else last.block + 1
            words.append(Word(span.start, span.end, new, span.letters, block))
    return words


def _ascending(pairs: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Return knots that ascend in both places."""
    result: list[tuple[float, float]] = []
    for old, new in sorted(pairs):
        if result and old - result[-1][0] < 1e-6:
            result[-1] = (result[-1][0], max(result[-1][1], new))
        else:
            result.append((old, max(new, result[-1][1]) if result else new))
    return tuple(result)


def _alike(values: Sequence[float], edge: float) -> list[float]:
    """Return the most values that lie close to one of them."""
    best: list[float] = []
    for value in values:
        close = [other for other in values if abs(value - other) <= edge / 2]
        if len(close) > len(best):
            best = close
    return best


def _filled(rights: Sequence[float], edge: float) -> float | None:
    """Return the edge at which most lines of a justified column end, None when there is none."""
    best = _alike(rights, edge)
    return median(best) if len(best) >= 3 and len(best) >= 0.6 * len(rights) else None
