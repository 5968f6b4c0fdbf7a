"""Points, boxes, polygons and affine maps in one coordinate space.

Everywhere in docharmony: origin at the top left of the page as displayed, x to the right, y down, in
PDF points (1/72 inch) for PDFs and in pixels for images. Internal spaces (rasters, crops, deskewed
copies) never leave the function that made them: map results back with :class:`Affine`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple


class Point(NamedTuple):
    """A point; x to the right, y down."""

    x: float
    y: float


class BBox(NamedTuple):
    """An axis-aligned box ``(x0, y0, x1, y1)`` with x0 <= x1 and y0 <= y1.

    >>> BBox(0, 0, 10, 4).union(BBox(5, 2, 20, 8))
    BBox(x0=0, y0=0, x1=20, y1=8)
    >>> BBox(0, 0, 10, 4).intersection(BBox(5, 2, 20, 8)).area
    10
    """

    x0: float
    y0: float
    x1: float
    y1: float

    @classmethod
    def around(cls, boxes: Iterable[BBox]) -> BBox:
        """Return the smallest box that holds all boxes; raise ValueError for none."""
        columns = list(zip(*boxes, strict=True))
        if not columns:
            raise ValueError("no boxes to go around")
        return cls(min(columns[0]), min(columns[1]), max(columns[2]), max(columns[3]))

    @property
    def width(self) -> float:
        """Width, never negative for a valid box."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """Height, never negative for a valid box."""
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        """Width times height; 0 for an inverted box."""
        return max(0, self.x1 - self.x0) * max(0, self.y1 - self.y0)

    @property
    def center(self) -> Point:
        """Middle of the box."""
        return Point((self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2)

    @property
    def is_empty(self) -> bool:
        """Whether the box holds no area."""
        return self.x1 <= self.x0 or self.y1 <= self.y0

    def union(self, other: BBox) -> BBox:
        """Return the smallest box that holds both."""
        return BBox(
            min(self.x0, other.x0),
            min(self.y0, other.y0),
            max(self.x1, other.x1),
            max(self.y1, other.y1),
        )

    def intersection(self, other: BBox) -> BBox:
        """Return the common part; it ``is_empty`` where the boxes do not meet."""
        return BBox(
            max(self.x0, other.x0),
            max(self.y0, other.y0),
            min(self.x1, other.x1),
            min(self.y1, other.y1),
        )

    def grow(self, dx: float, dy: float | None = None) -> BBox:
        """Return the box with every side moved outwards by dx (left, right) and dy (top, bottom)."""
        dy = dx if dy is None else dy
        return BBox(self.x0 - dx, self.y0 - dy, self.x1 + dx, self.y1 + dy)

    def contains(self, point: Point) -> bool:
        """Return whether the point lies inside or on the border."""
        return self.x0 <= point.x <= self.x1 and self.y0 <= point.y <= self.y1

    def polygon(self) -> Polygon:
        """Return the four corners, clockwise from the top left."""
        return Polygon(
            (
                Point(self.x0, self.y0),
                Point(self.x1, self.y0),
                Point(self.x1, self.y1),
                Point(self.x0, self.y1),
            )
        )


class Polygon(tuple[Point, ...]):
    """Four or more points, clockwise from the top left of the text (not of the page)."""

    __slots__ = ()

    @classmethod
    def of(cls, points: Iterable[Iterable[float]]) -> Polygon:
        """Build a polygon from any iterable of (x, y) pairs."""
        return cls(Point(float(x), float(y)) for x, y in points)

    @property
    def bbox(self) -> BBox:
        """The smallest axis-aligned box around the points."""
        xs, ys = [p.x for p in self], [p.y for p in self]
        return BBox(min(xs), min(ys), max(xs), max(ys))

    @property
    def is_axis_aligned(self) -> bool:
        """Whether the polygon is exactly its own bounding box, beginning at its top left."""
        return tuple(self) == tuple(self.bbox.polygon())

    @property
    def angle(self) -> float:
        """Reading direction of a text quadrilateral in degrees, clockwise, in (-180, 180]."""
        return math.degrees(math.atan2(self[1].y - self[0].y, self[1].x - self[0].x))

    def map(self, affine: Affine) -> Polygon:
        """Return the polygon with every point mapped."""
        return Polygon(affine.apply(p) for p in self)


class Affine(NamedTuple):
    """The map ``(x, y) -> (a x + c y + e, b x + d y + f)``, the order of PDF matrices.

    >>> Affine.scale(2).then(Affine.translate(1, 0)).apply(Point(3, 4))
    Point(x=7.0, y=8.0)
    """

    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 1.0
    e: float = 0.0
    f: float = 0.0

    @classmethod
    def scale(cls, sx: float, sy: float | None = None) -> Affine:
        """Return the map that multiplies x by sx and y by sy (default: sx)."""
        return cls(a=float(sx), d=float(sx if sy is None else sy))

    @classmethod
    def translate(cls, dx: float, dy: float) -> Affine:
        """Return the map that adds (dx, dy)."""
        return cls(e=float(dx), f=float(dy))

    @classmethod
    def rotate(cls, degrees: float) -> Affine:
        """Return the rotation about the origin, clockwise as seen (y points down); exact for quarters."""
        if not degrees % 90:
            c, s = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[round(degrees / 90) % 4]
            return cls(c, s, -s, c)
        c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        return cls(c, s, -s, c)

    def apply(self, point: tuple[float, float]) -> Point:
        """Return the mapped point."""
        x, y = point
        return Point(self.a * x + self.c * y + self.e, self.b * x + self.d * y + self.f)

    def then(self, after: Affine) -> Affine:
        """Return the map that does this one first and ``after`` second."""
        return Affine(
            after.a * self.a + after.c * self.b,
            after.b * self.a + after.d * self.b,
            after.a * self.c + after.c * self.d,
            after.b * self.c + after.d * self.d,
            after.a * self.e + after.c * self.f + after.e,
            after.b * self.e + after.d * self.f + after.f,
        )

    def inverse(self) -> Affine:
        """Return the inverse map; raise ValueError when there is none."""
        det = self.a * self.d - self.b * self.c
        if abs(det) < 1e-12:
            raise ValueError("this map has no inverse")
        return Affine(
            self.d / det,
            -self.b / det,
            -self.c / det,
            self.a / det,
            (self.c * self.f - self.d * self.e) / det,
            (self.b * self.e - self.a * self.f) / det,
        )
