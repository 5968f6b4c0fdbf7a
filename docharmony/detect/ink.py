"""Where ink ends: an area on a scan must not cut a letter in two, for half a letter can be read."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ..geometry import Polygon

if TYPE_CHECKING:
    import numpy.typing as npt

# All as shares of the line's height: how far an end may move, and the blank that ends a word; blanks
# between letters are narrower.
_REACH, _BLANK = 0.9, 0.14
# Inside a word an end moves to the next blank between letters, which is any, but not far.
_REACH_INSIDE = 0.35
# The part of the height that is looked at: ruling lines and neighbours lie above and below.
_TOP, _BOTTOM = 0.15, 0.85
# Contrast (of 255) without which there is no ink to speak of, and where between paper and ink to cut.
_CONTRAST, _CUT = 40.0, 0.45


def past_ink(
    polygon: Polygon,
    pixels: npt.NDArray[np.uint8],
    scale: tuple[float, float],
    *,
    whole_start: bool = True,
    whole_end: bool = True,
) -> Polygon:
    """Return the area with its ends moved outwards, if need be, to where no letter is cut.

    Args:
        polygon: four corners in page units, clockwise from the text's top left.
        pixels: the page, (height, width, 3) RGB.
        scale: pixels a page unit, along x and y.
        whole_start: the area begins with a word; False: inside one, where blanks are narrow.
        whole_end: the same for its end.
    """
    a, b, _, d = polygon[:4]
    length, height = math.dist(a, b), math.dist(a, d)
    step = 1.0 / max(scale)
    if length <= step or height <= 3 * step:
        return polygon
    along = (b.x - a.x) / length, (b.y - a.y) / length
    across = (d.x - a.x) / height, (d.y - a.y) / height
    reach = _REACH * height
    t = np.arange(-reach, length + reach, step)
    v = np.arange(_TOP * height, _BOTTOM * height, step)
    x = (a.x + along[0] * t[None, :] + across[0] * v[:, None]) * scale[0]
    y = (a.y + along[1] * t[None, :] + across[1] * v[:, None]) * scale[1]
    rows, columns = pixels.shape[:2]
    outside = (x < 0) | (y < 0) | (x >= columns) | (y >= rows)
    window = pixels[
        np.clip(y.astype(np.intp), 0, rows - 1), np.clip(x.astype(np.intp), 0, columns - 1)
    ].mean(axis=2)
    inside = window[~outside]
    if not inside.size:
        return polygon
    # Letters cover less than half of their line, be they dark or light.
    paper, low, high = np.percentile(inside, (50, 2, 98))
    dark = low if paper - low >= high - paper else high
    if abs(paper - dark) < _CONTRAST:
        return polygon
    away = np.abs(window - paper) > _CUT * abs(paper - dark)
    inked = (away & ~outside).sum(axis=0) >= max(1, round(0.05 * len(v)))
    first, last = int(np.searchsorted(t, 0.0)), int(np.searchsorted(t, length)) - 1
    before = _moved(inked[: first + 1][::-1], height / step, whole_start) * step
    after = _moved(inked[last:], height / step, whole_end) * step
    if not before and not after:
        return polygon
    return _stretched(polygon, along, before, after)


def _moved(inked: npt.NDArray[np.bool_], height: float, whole: bool) -> int:
    """Return by how many columns an end moves outwards; ``inked`` begins at the end itself."""
    limit = round((_REACH if whole else _REACH_INSIDE) * height)
    blank = max(2, round(_BLANK * height)) if whole else 1
    run = 0
    for index, ink in enumerate(inked[: limit + blank]):
        run = 0 if ink else run + 1
        if run >= blank:
            return max(0, index + 1 - blank)
    return min(limit, len(inked) - 1)


def _stretched(
    polygon: Polygon, along: tuple[float, float], before: float, after: float
) -> Polygon:
    a, b, c, d = polygon[:4]
    (ux, uy) = along
    return Polygon.of(
        (
            (a.x - before * ux, a.y - before * uy),
            (b.x + after * ux, b.y + after * uy),
            (c.x + after * ux, c.y + after * uy),
            (d.x - before * ux, d.y - before * uy),
        )
    )
