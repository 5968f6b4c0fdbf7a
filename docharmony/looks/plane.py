"""Planes: four corners on a page as a flat rectangle, seen in perspective or not (a homography)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ..geometry import Point, Polygon

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

# A corner this far (share of the shorter side) from where a parallelogram has it is seen in perspective.
_PARALLEL = 0.004


@dataclass(frozen=True)
class Plane:
    """A rectangle of ``width`` by ``height`` whose corners stand at four points of the page.

    Attributes:
        corners: clockwise from its top left, on the page.
        width: of the rectangle, in its own units.
        height: of the rectangle.
    """

    corners: Polygon
    width: float
    height: float

    @cached_property
    def matrix(self) -> Floats:
        """The homography from the rectangle to the page, (3, 3)."""
        flat = ((0, 0), (self.width, 0), (self.width, self.height), (0, self.height))
        return homography(flat, [(p.x, p.y) for p in self.corners])

    @cached_property
    def _back(self) -> Floats:
        import numpy as np

        return np.asarray(np.linalg.inv(self.matrix))

    def page(self, x: float, y: float) -> Point:
        """Return where a point of the rectangle lies on the page."""
        return Point(*project(self.matrix, x, y))

    def flat(self, point: Point) -> Point:
        """Return where a point of the page lies on the rectangle."""
        return Point(*project(self._back, point.x, point.y))


def is_parallel(corners: Polygon) -> bool:
    """Return whether four corners are those of a parallelogram: no perspective.

    >>> is_parallel(Polygon.of([(0, 0), (9, 1), (9, 4), (0, 3)]))
    True
    >>> is_parallel(Polygon.of([(0, 0), (9, 1), (9, 3), (0, 3)]))
    False
    """
    if len(corners) != 4:
        return True
    a, b, c, d = corners
    away = math.hypot(b.x + d.x - a.x - c.x, b.y + d.y - a.y - c.y)
    return away <= _PARALLEL * min(math.dist(a, b), math.dist(a, d))


def homography(flat: object, seen: object) -> Floats:
    """Return the (3, 3) matrix that leads four points to four others; its last entry is 1.

    Args:
        flat: (4, 2).
        seen: (4, 2); no three of either on a line.
    """
    import numpy as np

    source, target = np.asarray(flat, float), np.asarray(seen, float)
    rows, right = [], []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    solved = np.linalg.lstsq(np.array(rows), np.array(right), rcond=None)[0]
    return np.append(solved, 1.0).reshape(3, 3)


def project(matrix: Floats, x: float, y: float) -> tuple[float, float]:
    """Return a point led by a homography."""
    u, v, w = matrix @ (x, y, 1.0)
    return float(u / w), float(v / w)
