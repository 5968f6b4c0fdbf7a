"""Areas to clear, in the page's displayed space, and how paths are cut at their borders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from ...geometry import Affine, BBox, Point, Polygon

Points = Sequence[tuple[float, float]]

# A path may reach this far into an area and still count as a neighbour that merely touches it: share
# of the area's smaller side, and points.
_TOUCH_SHARE, _TOUCH_POINTS = 0.15, 2.0


class Area:
    """One area to clear.

    Args:
        polygon: its corners on the displayed page; made convex where it is not.
        only_text: whether only glyphs go, not the drawings and pictures around and behind them.
        only_paths: whether only drawings go.
        edit: id of the edit that it belongs to.
        ink: colours of its letters and the blur of their edges in points, where in pictures only
            letters go.

    Attributes:
        glyphs: glyphs that were found in it.
        hits: glyphs, paths and pictures.
        reach: where the last of its glyphs ended, on the page; None before the first.
        layer: the optional content group that its text belongs to, or None.
        mark: tag and number of the marked content of the page that its text belongs to, or None.
    """

    __slots__ = (
        "_edges",
        "bbox",
        "edit",
        "glyphs",
        "hits",
        "ink",
        "layer",
        "mark",
        "only_paths",
        "only_text",
        "points",
        "reach",
        "touch",
    )

    def __init__(
        self,
        polygon: Iterable[Iterable[float]],
        *,
        only_text: bool = False,
        only_paths: bool = False,
        edit: str = "",
        ink: tuple[tuple[tuple[int, int, int], ...], float] | None = None,
    ) -> None:
        self.only_text, self.only_paths, self.edit, self.ink = only_text, only_paths, edit, ink
        self.hits = self.glyphs = 0
        self.reach: tuple[float, float] | None = None
        self.layer: Any = None
        self.mark: tuple[str, int] | None = None
        self.points = _hull([(float(x), float(y)) for x, y in polygon])
        self.bbox = Polygon.of(self.points).bbox
        self.touch = min(_TOUCH_POINTS, _TOUCH_SHARE * min(self.bbox.width, self.bbox.height))
        self._edges = []
        for (x0, y0), (x1, y1) in zip(self.points, _rotated(self.points), strict=True):
            length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5 or 1.0
            # Signed distance: positive inside, as the hull runs counter-clockwise in its own axes.
            a, b = -(y1 - y0) / length, (x1 - x0) / length
            self._edges.append((a, b, -(a * x0 + b * y0)))

    def depth(self, x: float, y: float) -> float:
        """Return how deep a point lies inside, in points; negative outside."""
        return min(a * x + b * y + c for a, b, c in self._edges)

    def contains(self, x: float, y: float) -> bool:
        """Return whether a point lies inside or on the border."""
        return self.depth(x, y) >= 0

    def share(self, polygon: Points) -> float:
        """Return which share of a convex polygon's surface lies inside, 0.0-1.0."""
        whole = surface(polygon)
        if whole < 1e-9:
            return 0.0
        inside: Points = polygon
        for edge in self._edges:
            inside = _half_plane(inside, edge, 1.0)
            if not inside:
                return 0.0
        return surface(inside) / whole

    def meets(self, polygon: Points) -> bool:
        """Return whether a convex polygon and the area have any surface in common."""
        box = Polygon.of(polygon).bbox
        if box.intersection(self.bbox).is_empty:
            return False
        inside: Points = polygon
        for edge in self._edges:
            inside = _half_plane(inside, edge, 1.0)
        return surface(inside) > 1e-9

    def cut_fill(self, polygon: Points) -> list[list[tuple[float, float]]]:
        """Return what of a filled outline lies outside, as outlines that do not overlap."""
        pieces = []
        rest: Points = polygon
        for edge in self._edges:
            piece = _half_plane(rest, edge, -1.0)
            if len(piece) >= 3 and surface(piece) > 1e-9:
                pieces.append(piece)
            rest = _half_plane(rest, edge, 1.0)
            if not rest:
                break
        return pieces

    def cut_stroke(self, line: Points) -> list[list[tuple[float, float]]]:
        """Return what of a polyline lies outside, as polylines."""
        pieces: list[list[tuple[float, float]]] = []
        current: list[tuple[float, float]] = []
        for start, end in pairwise(line):
            enter, leave = self._inside(start, end)
            if enter >= leave:
                current = current or [start]
                current.append(end)
                continue
            if enter > 0:
                current = current or [start]
                current.append(_between(start, end, enter))
            if current:
                pieces.append(current)
            current = [_between(start, end, leave), end] if leave < 1 else []
        if current:
            pieces.append(current)
        return pieces

    def _inside(self, start: tuple[float, float], end: tuple[float, float]) -> tuple[float, float]:
        """Return the part of a segment that is inside, as fractions; empty when first >= second."""
        enter, leave = 0.0, 1.0
        for a, b, c in self._edges:
            at, to = a * start[0] + b * start[1] + c, a * end[0] + b * end[1] + c
            if at < 0 and to < 0:
                return 1.0, 0.0
            if at < 0 <= to:
                enter = max(enter, at / (at - to))
            elif to < 0 <= at:
                leave = min(leave, at / (at - to))
        return enter, leave


def surface(polygon: Points) -> float:
    """Return the surface of a polygon, never negative."""
    return abs(
        sum(
            x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(polygon, _rotated(polygon), strict=True)
        )
        / 2
    )


def page_matrix(page: Any) -> tuple[Affine, BBox]:
    """Return the map from a PDF page's user space to its displayed space, and the displayed page.

    The displayed page is the crop box within the media box, turned by /Rotate and scaled by
    /UserUnit, as MuPDF shows it.
    """
    media = _box(page.get("/MediaBox")) or BBox(0.0, 0.0, 612.0, 792.0)
    crop = media.intersection(_box(page.get("/CropBox")) or media)
    box = media if crop.is_empty else crop
    try:
        unit = float(page.obj.get("/UserUnit", 1))
    except (TypeError, ValueError):
        unit = 1.0
    unit = unit if unit > 0 else 1.0
    try:
        turn = round(float(page.get("/Rotate", 0)) / 90) % 4
    except (TypeError, ValueError):
        turn = 0
    width, height = box.width, box.height
    matrix = Affine(1, 0, 0, -1, -box.x0, box.y1)  # upright, origin at the top left
    if turn == 1:
        matrix = matrix.then(Affine(0, 1, -1, 0, height, 0))
    elif turn == 2:
        matrix = matrix.then(Affine(-1, 0, 0, -1, width, height))
    elif turn == 3:
        matrix = matrix.then(Affine(0, -1, 1, 0, 0, width))
    if turn % 2:
        width, height = height, width
    return matrix.then(Affine.scale(unit)), BBox(0.0, 0.0, width * unit, height * unit)


def box_corners(box: Sequence[float], matrix: Affine) -> list[Point]:
    """Return the four corners of (x0, y0, x1, y1), mapped."""
    x0, y0, x1, y1 = box
    return [matrix.apply(p) for p in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]


def _box(value: Any) -> BBox | None:
    try:
        x0, y0, x1, y1 = (float(v) for v in value)
    except (TypeError, ValueError):
        return None
    box = BBox(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
    return None if box.is_empty else box


def _between(start: tuple[float, float], end: tuple[float, float], t: float) -> tuple[float, float]:
    return start[0] + (end[0] - start[0]) * t, start[1] + (end[1] - start[1]) * t


def _rotated(points: Points) -> Points:
    return [*points[1:], *points[:1]]


def _half_plane(
    polygon: Points, edge: tuple[float, float, float], sign: float
) -> list[tuple[float, float]]:
    """Return a polygon's part on one side of a line (Sutherland and Hodgman, 1974)."""
    a, b, c = edge
    result: list[tuple[float, float]] = []
    for start, end in zip(polygon, _rotated(polygon), strict=True):
        at = sign * (a * start[0] + b * start[1] + c)
        to = sign * (a * end[0] + b * end[1] + c)
        if at >= 0:
            result.append((start[0], start[1]))
        if (at >= 0) != (to >= 0):
            result.append(_between(start, end, at / (at - to)))
    return result


def _hull(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the convex hull, counter-clockwise in x-right, y-up axes (Andrew's monotone chain).

    It begins with the first point, or the first that is a corner of it: where text begins.
    """
    ordered = sorted(set(points))
    if len(ordered) < 3:
        raise ValueError("an area needs three corners")

    def chain(items: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
        kept: list[tuple[float, float]] = []
        for p in items:
            while len(kept) > 1:
                (ax, ay), (bx, by) = kept[-2], kept[-1]
                if (bx - ax) * (p[1] - ay) - (by - ay) * (p[0] - ax) > 0:
                    break
                kept.pop()
            kept.append(p)
        return kept

    lower, upper = chain(ordered), chain(reversed(ordered))
    hull = lower[:-1] + upper[:-1]
    start = hull.index(next(p for p in points if p in hull))
    return hull[start:] + hull[:start]
