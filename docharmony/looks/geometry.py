"""Geometry of lines in pixels: strips turned level, the places of words, alignment."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..geometry import Polygon
from ..model import Line
from .face import Look, advance
from .plane import Plane

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Grey = npt.NDArray[np.float32]
    Rgb = npt.NDArray[np.uint8]

# A line is looked at with at most so many pixels of height: more tells nothing new.
_HEIGHT = 96


def upright(pixels: Rgb, polygon: Polygon, scale: float, widened: float = 1.0) -> tuple[Rgb, float]:
    """Return a part of the page turned level, and how many of the page's pixels one of its rows takes.

    Args:
        pixels: the page.
        polygon: four corners in page units.
        scale: pixels a page unit.
        widened: how much narrower it is seen than it is.
    """
    import numpy as np
    from scipy.ndimage import map_coordinates

    a, b, c, d = polygon
    wide = max(math.dist(a, b), math.dist(d, c)) * scale
    high = max(math.dist(a, d), math.dist(b, c)) * scale
    step = max(1.0, high / _HEIGHT)
    rows, columns = max(3, round(high / step)), max(3, round(wide / step * widened))
    matrix = Plane(polygon, float(columns), float(rows)).matrix
    u, v = np.meshgrid(np.arange(columns) + 0.5, np.arange(rows) + 0.5)
    x, y, w = np.tensordot(matrix, np.stack([u, v, np.ones_like(u)]), axes=1)
    x, y = x / w * scale - 0.5, y / w * scale - 0.5
    level = abs(b.y - a.y) + abs(d.x - a.x) < 1e-6 and step == 1.0
    strip = np.stack(
        [
            map_coordinates(
                pixels[..., c].astype(np.float32), (y, x), order=0 if level else 1, mode="nearest"
            )
            for c in range(3)
        ],
        axis=2,
    )
    return np.clip(strip.round(), 0, 255).astype(np.uint8), step


def grown(quad: Polygon, margin: float) -> Polygon:
    """Return the corners moved outwards by a margin on every side, in the text's own axes."""
    a, b, d = quad[0], quad[1], quad[-1]
    wide, high = math.dist(a, b) or 1.0, math.dist(a, d) or 1.0
    ux, uy = (b.x - a.x) / wide, (b.y - a.y) / wide
    vx, vy = (d.x - a.x) / high, (d.y - a.y) / high
    return Polygon.of(
        (a.x + x * ux + y * vx, a.y + x * uy + y * vy)
        for x, y in (
            (-margin, -margin),
            (wide + margin, -margin),
            (wide + margin, high + margin),
            (-margin, high + margin),
        )
    )


def cut_words(
    columns: npt.NDArray[np.intp], line: Line, margin: float, height: float
) -> list[tuple[float, float]]:
    """Return where the ink of each word begins and ends.

    Args:
        columns: inked pixels in each column.
        line: the line; its words say roughly where.
        margin: columns before the line's own box.
        height: of the line's box, in columns.

    Where words begin follows from how wide their letters usually are; then each border moves to the
    widest blank near it.
    """
    import numpy as np

    inked = np.flatnonzero(columns > 0)
    texts = [word.text for word in line.words]
    if not len(inked) or not texts:
        return []
    # The margin may hold a neighbour: begin and end with what the line's own box holds.
    low, high = 0.4 * margin, len(columns) - 0.4 * margin
    inside = inked[(inked >= low) & (inked < high)]
    if not len(inside):
        return []
    first, last = float(inside[0]), float(inside[-1] + 1)
    plain = Look("sans", False, False, height, 0.0, 0.0, 0.0)
    widths = [advance(text, plain) for text in texts]
    space = 0.28
    total = sum(widths) + space * (len(texts) - 1)
    scale = (last - first) / max(total, 1e-6)
    borders: list[tuple[float, float]] = []
    pen = first
    blanks = _blanks(columns, first, last)
    at = 0
    for width in widths[:-1]:
        pen += width * scale
        middle = pen + space * scale / 2
        near = [
            (start, end)
            for start, end in blanks
            if start >= at and abs((start + end) / 2 - middle) < 0.9 * height
        ]
        if near:
            start, end = max(
                near, key=lambda b: (b[1] - b[0]) - 0.35 * abs((b[0] + b[1]) / 2 - middle)
            )
            borders.append((start, end))
            at = int(end)
            # Go on from where the word really ends: errors must not add up.
            pen = end
            left = sum(widths[len(borders) :]) + space * (len(texts) - 1 - len(borders))
            scale = (last - pen) / max(left, 1e-6)
        else:
            borders.append((middle, middle))
            pen = middle + space * scale / 2
    starts = [first, *(end for _, end in borders)]
    ends = [*(start for start, _ in borders), last]
    return list(zip(starts, ends, strict=True))


def _blanks(columns: npt.NDArray[np.intp], first: float, last: float) -> list[tuple[float, float]]:
    """Return runs of columns without ink."""
    blanks: list[tuple[float, float]] = []
    start: int | None = None
    for x in range(int(first), int(last)):
        if columns[x] == 0 and start is None:
            start = x
        elif columns[x] and start is not None:
            blanks.append((float(start), float(x)))
            start = None
    return blanks


def alignment(lefts: Sequence[float], rights: Sequence[float], em: float) -> str:
    """Return how lines are aligned, from where they begin and end along the text.

    >>> alignment([0, 0, 0], [90, 100, 60], 10), alignment([0, 0, 0], [100, 100, 60], 10)
    ('start', 'justify')
    >>> alignment([10, 0, 20], [90, 100, 80], 10), alignment([10, 0, 20], [100, 100, 100], 10)
    ('center', 'end')
    """
    if len(lefts) < 2:
        return "start"
    near = 0.35 * em

    def even(values: Sequence[float]) -> bool:
        return max(values) - min(values) <= near

    if even(lefts) or (len(lefts) > 2 and even(lefts[1:])):
        full = rights[:-1]
        return (
            "justify"
            if len(full) > 1 and even(full) and rights[-1] <= max(full) + near
            else "start"
        )
    if even(rights):
        return "end"
    middles = [(left + right) / 2 for left, right in zip(lefts, rights, strict=True)]
    return "center" if even(middles) else "start"
