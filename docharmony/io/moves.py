"""How lines of text were set anew, so that no gap tells how long the removed text was.

Pure geometry on the displayed page, shared by the writer, which moves things, and by the checks, which
must know what was moved and where to.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..geometry import Affine, BBox, Point, Polygon

Knot = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Move:
    """One piece of a line that was set anew: places along it, before and after.

    Attributes:
        origin: a point on the baseline, on the displayed page, in points.
        along: unit vector of the writing direction.
        size: of the text, an em, in points.
        band: how far the line reaches across, (top, bottom), in points from the baseline; the direction
            across is ``along`` turned clockwise, down for level text.
        knots: (place before, place after) along the line, in points from the origin, ascending.
        gaps: what was left free for removed text, (start, end) after.
        words: of a line of pixels, the words that went, (start, end) after.
        drop: how far it went across, in points: words of a paragraph may go to other lines of it.
        paper: of a line of pixels, where its paper was drawn anew, (start, end).
    """

    origin: tuple[float, float]
    along: tuple[float, float]
    size: float
    band: tuple[float, float]
    knots: tuple[Knot, ...]
    gaps: tuple[Knot, ...]
    words: tuple[Knot, ...] = ()
    drop: float = 0.0
    paper: tuple[Knot, ...] = ()

    def place(self, point: tuple[float, float]) -> tuple[float, float]:
        """Return how far along and how far across the line a point of the page stands."""
        dx, dy = point[0] - self.origin[0], point[1] - self.origin[1]
        ux, uy = self.along
        return dx * ux + dy * uy, dy * ux - dx * uy

    def point(self, along: float, across: float) -> Point:
        """Return the point of the page that stands so far along and across the line."""
        ux, uy = self.along
        return Point(
            self.origin[0] + along * ux - across * uy, self.origin[1] + along * uy + across * ux
        )

    def to(self, along: float) -> float:
        """Return where a place along the line went: between knots in proportion."""
        knots = self.knots
        index = bisect_right(knots, (along, float("inf")))
        if index == 0:
            return along + knots[0][1] - knots[0][0]
        if index == len(knots):
            return along + knots[-1][1] - knots[-1][0]
        (a0, b0), (a1, b1) = knots[index - 1], knots[index]
        return b0 if a1 - a0 < 1e-9 else b0 + (along - a0) * (b1 - b0) / (a1 - a0)

    def moved(self, point: tuple[float, float], snap: float = 0.0) -> Point:
        """Return where a point of the page that belongs to the line went.

        Args:
            point: of the page.
            snap: a point so close to a knot, in em, goes to its place.
        """
        along, across = self.place(point)
        to = self.to(along)
        if snap:
            old, new = min(self.knots, key=lambda knot: abs(knot[0] - along))
            to = new if abs(old - along) < snap * self.size else to
        return self.point(to, across + self.drop)

    def part(self, points: Sequence[tuple[float, float]], slack: float) -> list[Point]:
        """Return where the corners of that part of a box went that belongs to this line; [] if none does.

        Args:
            points: its corners on the page.
            slack: how far it may reach out, in em.
        """
        a0, c0, a1, c1 = self.span(points)
        first, last, reach = self.knots[0][0], self.knots[-1][0], slack * self.size
        if c0 < self.band[0] - reach or c1 > self.band[1] + reach:
            return []
        low = a0 if a0 >= first - reach else first
        high = a1 if a1 <= last + reach else last
        if min(high, last) - max(low, first) < 0.2 * self.size:
            return []
        places = [self.place(point) for point in points]
        return [self.point(self.to(min(max(a, low), high)), c + self.drop) for a, c in places]

    def span(self, points: Sequence[tuple[float, float]]) -> tuple[float, float, float, float]:
        """Return (least along, least across, most along, most across) of points of the page."""
        places = [self.place(point) for point in points]
        alongs, acrosses = [a for a, _ in places], [c for _, c in places]
        return min(alongs), min(acrosses), max(alongs), max(acrosses)

    def holds(self, points: Sequence[tuple[float, float]], slack: float = 0.15) -> bool:
        """Return whether something drawn belongs to this line: a letter, an underline, a marker.

        Args:
            points: its corners on the page.
            slack: how far it may reach out, in em.
        """
        a0, c0, a1, c1 = self.span(points)
        reach = slack * self.size
        return (
            self.knots[0][0] - reach <= a0
            and a1 <= self.knots[-1][0] + reach
            and self.band[0] - reach <= c0
            and c1 <= self.band[1] + reach
        )

    def meets(self, box: BBox) -> bool:
        """Return whether the middle of a box stands on this line, as it was before."""
        along, across = self.place(box.center)
        return (
            self.knots[0][0] - 1.0 <= along <= self.knots[-1][0] + 1.0
            and self.band[0] <= across <= self.band[1]
        )

    def polygon(self, start: float, end: float, band: tuple[float, float] | None = None) -> Polygon:
        """Return the area between two places along the line, as high as the line or a band, after."""
        top, bottom = ((edge + self.drop) for edge in band or self.band)
        return Polygon(
            (
                self.point(start, top),
                self.point(end, top),
                self.point(end, bottom),
                self.point(start, bottom),
            )
        )

    def mapped(self, affine: Affine) -> Move:
        """Return the move on a page that is turned, shifted or scaled alike in both directions."""
        start, end = affine.apply(self.origin), affine.apply(self.point(1.0, 0.0))
        scale = math.dist(start, end)

        def scaled(knots: Sequence[Knot]) -> tuple[Knot, ...]:
            return tuple((a * scale, b * scale) for a, b in knots)

        return Move(
            (start.x, start.y),
            ((end.x - start.x) / scale, (end.y - start.y) / scale),
            self.size * scale,
            (self.band[0] * scale, self.band[1] * scale),
            scaled(self.knots),
            scaled(self.gaps),
            scaled(self.words),
            self.drop * scale,
            scaled(self.paper),
        )

    def boxes(self) -> list[Polygon]:
        """Return what is drawn into the gaps when they are filled: as high as the letters."""
        band = -0.78 * self.size, 0.24 * self.size
        return [self.polygon(start, end, band) for start, end in self.gaps]

    def to_json(self) -> dict[str, Any]:
        """Return the move as plain data."""
        return {
            "origin": list(self.origin),
            "along": list(self.along),
            "size": self.size,
            "band": list(self.band),
            "knots": [list(knot) for knot in self.knots],
            "gaps": [list(gap) for gap in self.gaps],
            "words": [list(word) for word in self.words],
            "drop": self.drop,
            "paper": [list(part) for part in self.paper],
        }

    @property
    def area(self) -> BBox:
        """The box around the line and its paper, before and after, in points of the displayed page."""
        places = [place for knot in (*self.knots, *self.gaps, *self.paper) for place in knot]
        low, high = min(places), max(places)
        before = tuple(edge - self.drop for edge in self.band)
        return BBox.around(
            self.polygon(low, high, band).bbox for band in (None, (before[0], before[1]))
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Move:
        """Return the move of plain data."""

        def pair(value: Sequence[float]) -> Knot:
            return float(value[0]), float(value[1])

        return cls(
            pair(data["origin"]),
            pair(data["along"]),
            float(data["size"]),
            pair(data["band"]),
            tuple(pair(knot) for knot in data["knots"]),
            tuple(pair(gap) for gap in data["gaps"]),
            tuple(pair(word) for word in data.get("words", ())),
            float(data.get("drop", 0.0)),
            tuple(pair(part) for part in data.get("paper", ())),
        )
