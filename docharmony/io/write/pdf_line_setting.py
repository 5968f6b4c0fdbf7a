"""Set the glyphs of one piece of a line, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from ..moves import Knot
from .pdf_line_parts import SPACE, Mark

# All lengths in em of the line.
_WORD = 0.15  # a jump of the pen so wide is a space between words
_THIN, _THINNER = 0.14, 0.75  # a thin space, where a jump is so much narrower than the others
_BACK = -0.15  # a pen so far back sets one glyph over another: an accent, a second print
_STEP = 0.02  # to which such places are rounded
_LEAST_SPACES, _MOST_SPACES = 0.5, 2.5  # spaces may shrink and grow so far


@dataclass(frozen=True, slots=True)
class Room:
    """Where a piece of a line may stand: what it is held by and where, and its limits.

    ``fill`` is the right edge of a justified paragraph.
    """

    anchor: str
    at: float
    low: float
    soft: float
    hard: float
    fill: float | None


class Line:
    """One piece of a line, set anew."""

    def __init__(self, piece: Sequence[Mark], size: float, want: float) -> None:
        self.piece, self.size, self.want = piece, size, want
        self.new: list[float] = []
        self.gaps: list[tuple[float, float, frozenset[int]]] = []
        spaces = [m.width for m in piece if m.glyph.blank and not m.areas]
        self._space = spaces[0] if spaces else SPACE * size
        jumps = [
            jump
            for before, mark in pairwise(piece)
            if (jump := mark.start - before.end) > _WORD * size and not mark.glyph.blank
        ]
        self._thin = min(_THINNER * median(jumps), 0.2 * size) if len(jumps) > 2 else 0.0
        self._count = sum(
            1
            for before, mark in zip([None, *piece], piece, strict=False)
            if mark.areas and not (before is not None and before.areas)
        )

    def set(self, room: Room, least: float) -> str:
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
        laid: dict[tuple[int, int], tuple[Mark, float]] = {}
        size, space = self.size, self._space * squeeze
        reach_old = reach_new = ink = start
        before: Mark | None = None
        blanks = 0.0  # blanks before the first ink stand out to the left of the start
        for mark in self.piece:
            if mark.glyph.blank and not mark.areas:
                blanks += mark.width
            else:
                break
        pen = start - blanks * squeeze
        reach_new = pen
        for position, mark in enumerate(self.piece):
            own = laid.get((mark.run.key, mark.number - 1))
            width = mark.width
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
                place = own[1] + own[0].width * scale
                if not blank and not own[0].glyph.blank:
                    place += mark.track
            elif mark.areas and before.areas:
                place = reach_new
            elif jump < _BACK * size and not mark.areas and not before.areas:
                step = _STEP * size
                place = self.new[position - 1]
                place += round((mark.start - before.start) / step) * step
            elif jump > _WORD * size and not (blank or (before.glyph.blank and not before.areas)):
                place = reach_new + (_THIN * size if jump < self._thin else space)
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

    def natural(self, gap: float) -> None:
        """Set the glyphs with natural spaces, and gaps of a width in em, from 0 on."""
        self._lay(0.0, gap * self.size, 1.0)


def knots_of(
    piece: Sequence[Mark], new: Sequence[float], gaps: Sequence[tuple[float, float, frozenset[int]]]
) -> tuple[Knot, ...]:
    """Return places of a line's glyphs before and after, ascending in both."""
    pairs: list[Knot] = []
    ends = {start: end for start, end, _ in gaps}
    for mark, place in zip(piece, new, strict=True):
        pairs.append((mark.start, place))
        width = mark.width
        pairs.append((mark.end, ends.get(place, place) if mark.areas else place + width))
    result: list[Knot] = []
    for old, place in sorted(pairs):
        if result and old - result[-1][0] < 1e-6:
            result[-1] = (result[-1][0], max(result[-1][1], place))
        else:
            result.append((old, max(place, result[-1][1]) if result else place))
    return tuple(result)
