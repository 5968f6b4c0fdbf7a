"""What bounds a text in a picture: the button, cell or box of one colour that it stands in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..geometry import BBox, Polygon

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Rgb = npt.NDArray[np.uint8]

# By how much a pixel differs from the ground (sum of three channels) that does not belong to it, and the
# share of such pixels in a row or column that ends the box.
_OTHER, _END = 60.0, 0.75
# The share of other pixels across a text that ends the ground beside it.
_ANY = 0.1
# Strips beside and above a text are higher and wider than it by this share of its height.
_MORE = 0.15
# Boxes that take more of the page than this bound nothing.
_PAGE = 0.8


def frame(raster: Rgb, box: BBox, scale: float) -> BBox | None:
    """Return the box of one colour around a text, in page units; None where there is none.

    Args:
        raster: the page, (height, width, 3).
        box: around the text, in page units.
        scale: pixels a page unit.
    """
    import numpy as np

    rows, columns = raster.shape[:2]
    more = _MORE * box.height * scale
    x0, x1 = max(0, round(box.x0 * scale - more)), min(columns, round(box.x1 * scale + more))
    y0, y1 = max(0, round(box.y0 * scale - more)), min(rows, round(box.y1 * scale + more))
    if x1 - x0 < 4 or y1 - y0 < 4:
        return None
    edges = (raster[y0, x0:x1], raster[y1 - 1, x0:x1], raster[y0:y1, x0], raster[y0:y1, x1 - 1])
    ground = np.median(np.concatenate(edges), axis=0)
    across = np.abs(raster[y0:y1].astype(np.int16) - ground).sum(axis=2) > _OTHER
    down = np.abs(raster[:, x0:x1].astype(np.int16) - ground).sum(axis=2) > _OTHER
    if across[:, x0].mean() > 0.5 or across[:, x1 - 1].mean() > 0.5:
        return None  # no ground of one colour
    ends_x = np.flatnonzero(across.mean(axis=0) > _END)
    ends_y = np.flatnonzero(down.mean(axis=1) > _END)
    left = max((int(x) + 1 for x in ends_x if x < x0), default=0)
    right = min((int(x) for x in ends_x if x >= x1), default=columns)
    top = max((int(y) + 1 for y in ends_y if y < y0), default=0)
    bottom = min((int(y) for y in ends_y if y >= y1), default=rows)
    open_sides = (left == 0) + (right == columns) + (top == 0) + (bottom == rows)
    if open_sides > 1 or (right - left) * (bottom - top) > _PAGE * rows * columns:
        return None
    return BBox(left / scale, top / scale, right / scale, bottom / scale)


def reach(raster: Rgb, polygon: Polygon, scale: float) -> tuple[float, float]:
    """Return how far the ground of a sloping text goes on before and after it, in page units.

    Args:
        raster: the page, (height, width, 3).
        polygon: four corners of the text in page units, in perspective or not.
        scale: pixels a page unit.
    """
    import numpy as np

    rows, columns = raster.shape[:2]
    a, b, c, d = (np.array(point) * scale for point in polygon)
    wide = max(1.0, float(np.hypot(*(b - a))))
    found = []
    for top, bottom, along in ((a, d, (a - b, d - c)), (b, c, (b - a, c - d))):
        steps = np.arange(2.0, max(rows, columns), 1.0)[:, None, None] / wide
        share = np.linspace(0.0, 1.0, 24)[None, :, None]
        spots = (top + along[0] * steps) * (1 - share) + (bottom + along[1] * steps) * share
        x, y = np.rint(spots[..., 0]).astype(int), np.rint(spots[..., 1]).astype(int)
        inside = ((x >= 0) & (x < columns) & (y >= 0) & (y < rows)).all(axis=1)
        last = len(inside) if inside.all() else int(inside.argmin())
        colours = raster[y[:last], x[:last]].astype(np.int16)
        if last < 4:
            found.append(0.0)
            continue
        ground = np.median(colours[:4].reshape(-1, 3), axis=0)
        ends = (np.abs(colours - ground).sum(axis=2) > 2 * _OTHER).mean(axis=1) > _ANY
        found.append((int(ends.argmax()) if ends.any() else last) / scale)
    return found[0], found[1]
