"""From pages to tiles and from the locator's maps to line boxes. No network in here.

The map's channels are the probability that a point lies on the kernel of a line (its middle half,
ends drawn in) and the line's em, as log2(em / 4 pixels).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image as Pictures
from scipy import ndimage

from ..geometry import Affine, Polygon
from . import ends
from .base import TextRegion

if TYPE_CHECKING:
    import numpy.typing as npt

    from .base import Image

    Floats = npt.NDArray[np.float32]

STRIDE = 4
THRESHOLD = 0.6  # .35, as in training's own evaluation, merges lines of tight or skewed paragraphs
_FAINT = 0.3  # of points around a weak peak: a lone digit in its cell has no other
_FEW_POINTS, _FAINT_SUM = 16, 1.2  # what such a kernel has at most, and adds up to at least
_HEADLINE, _COVERED = 1.8, 0.35  # times as high as what lies in it, and its share of the area
_INK, _TALLEST = 40.0, 0.4  # of 255, contrast of its ink; of the em, its height
OVERLAP = 64  # pixels that neighbouring tiles share
_CELL = 16  # pixels; tiles begin on this grid, blank areas are found on it


class Tile(NamedTuple):
    """A piece of a page: its place and size in pixels.

    Attributes:
        cells: which of its cells of 16 x 16 pixels, (height / 16, width / 16), show something or lie
            within two of one that does.
    """

    x: int
    y: int
    width: int
    height: int
    cells: npt.NDArray[np.bool_]

    def cut(self, image: Image) -> Image:
        """Return these pixels of the page."""
        return image[self.y : self.y + self.height, self.x : self.x + self.width]


def plan_tiles(image: Image, tile: int) -> list[Tile]:
    """Return tiles that cover everything but blank parts; all have one size, divisible by 16.

    Args:
        image: the page, both sides divisible by 16.
        tile: largest side of a tile.
    """
    busy = _busy_cells(image)
    if not busy.any():
        return []
    # One cell fewer is as good on most pages, and takes small things at the rim of text apart.
    busy = ndimage.binary_dilation(busy, np.ones((3, 3), bool), iterations=2)
    rows, columns = np.flatnonzero(busy.any(1)), np.flatnonzero(busy.any(0))
    ys, height = _cuts(int(rows[0]), int(rows[-1]) + 1, tile // _CELL, OVERLAP // _CELL)
    xs, width = _cuts(int(columns[0]), int(columns[-1]) + 1, tile // _CELL, OVERLAP // _CELL)
    tiles = []
    for y in ys:
        for x in xs:
            cells = busy[y : y + height, x : x + width]
            if cells.any():
                tiles.append(Tile(x * _CELL, y * _CELL, width * _CELL, height * _CELL, cells))
    return tiles


def _busy_cells(image: Image) -> npt.NDArray[np.bool_]:
    """Return which cells of 16 x 16 pixels show more contrast than the page's noise."""
    h, w = image.shape[0] // _CELL, image.shape[1] // _CELL
    # Means over 4 x 4 pixels: scanner noise shrinks to a quarter, strokes of letters do not.
    means = np.asarray(Pictures.fromarray(image).reduce(4), np.float32)
    cells = means.reshape(h, _CELL // 4, w, _CELL // 4, 3)
    contrast = np.ptp(cells, axis=(1, 3)).max(axis=2)
    # Most pages have blank cells, which tell the noise; 24 is what faint print still reaches.
    limit = np.clip(3 * np.percentile(contrast, 10), 8, 24)
    busy: npt.NDArray[np.bool_] = contrast > limit
    return busy


def _cuts(start: int, end: int, longest: int, overlap: int) -> tuple[list[int], int]:
    """Return where equal pieces of [start, end) begin, and their length; neighbours overlap.

    >>> _cuts(0, 10, 20, 4)
    ([0], 10)
    >>> _cuts(0, 81, 32, 4)
    ([0, 26, 51], 30)
    """
    total = end - start
    if total <= longest:
        return [start], total
    count = math.ceil((total - overlap) / (longest - overlap))
    length = math.ceil((total + (count - 1) * overlap) / count)
    step = (total - length) / (count - 1)
    return [start + round(i * step) for i in range(count)], length


def blend(shape: tuple[int, int], tiles: list[Tile], maps: Floats) -> tuple[Floats, Floats]:
    """Return the page's probability and log-em map (H/4, W/4) from those of its tiles.

    Args:
        shape: of the page in pixels.
        tiles: as planned.
        maps: (len(tiles), 2, height / 4, width / 4).
    """
    total = np.zeros((2, shape[0] // STRIDE, shape[1] // STRIDE), np.float32)
    weight = np.full(total.shape[1:], 1e-6, np.float32)
    if tiles:
        h, w = maps.shape[2:]
        # Near its border a tile has seen half of what it needs: let the neighbour decide there.
        window = np.outer(_ramp(h), _ramp(w))
        for tile, values in zip(tiles, maps, strict=True):
            place = (
                slice(tile.y // STRIDE, tile.y // STRIDE + h),
                slice(tile.x // STRIDE, tile.x // STRIDE + w),
            )
            total[:, place[0], place[1]] += values * window
            weight[place] += window
    total /= weight
    return total[0], total[1]


def _ramp(length: int) -> Floats:
    distance = np.minimum(np.arange(length), np.arange(length)[::-1]) + 1.0
    return np.minimum(distance / (OVERLAP // STRIDE / 2), 1.0).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Kernel:
    """A connected kernel: map points (x, y), their probabilities and the em in pixels."""

    points: npt.NDArray[np.float64]
    values: Floats
    em: float


def find_lines(
    probability: Floats, log_em: Floats, to_source: Affine, image: Image | None = None
) -> list[TextRegion]:
    """Return the lines of a page from its maps, in rough top-to-bottom order.

    Args:
        probability, log_em: (H/4, W/4), from :func:`blend`.
        to_source: map from the pixels of the page given to the network to those of the caller.
        image: the page given to the network. With it lone characters are found too, whose kernels
            rise less high: where a thing as tall as a character stands; and lines end between letters.
    """
    kernels = _kernels(probability, log_em, THRESHOLD)
    if image is not None:
        kernels += _lone(probability, log_em, image)
    long = [(a, len(k.points)) for k in kernels if (a := _own_angle(k)) is not None]
    common = _weighted_median(long)
    boxes = []
    for kernel in kernels:
        own = _own_angle(kernel)
        confidence = float(np.clip(kernel.values.mean(), 0.0, 1.0))
        boxes.append((_box(kernel, common if own is None else own), confidence))
    if image is not None:
        boxes = ends.settle(boxes, image)
    regions = [TextRegion(Polygon.of(box).map(to_source), share) for box, share in boxes]
    return _in_order(regions)


def em_of(region: TextRegion) -> float:
    """Return the height of a line."""
    return math.dist(region.polygon[0], region.polygon[3])


def united(first: list[TextRegion], second: list[TextRegion]) -> list[TextRegion]:
    """Return the lines of two looks at one page; where they meet, those of the first stay.

    But parts of the letters of a headline, which is much larger and mostly uncovered, go.
    """
    lines = [*first, *second]
    if not second:
        return _in_order(lines)
    sides = [(b.x0, b.y0, b.x1, b.y1) for b in (r.polygon.bbox for r in lines)]
    x0, y0, x1, y1 = np.array(sides).T
    area, em = (x1 - x0) * (y1 - y0), np.array([em_of(r) for r in lines])
    stays = np.arange(len(lines)) < len(first)
    for n in range(len(first), len(lines)):
        wide = np.minimum(x1, x1[n]) - np.maximum(x0, x0[n])
        high = np.minimum(y1, y1[n]) - np.maximum(y0, y0[n])
        shared = wide.clip(0) * high.clip(0)
        meets = stays & (2 * shared > np.minimum(area, area[n]))
        covered = shared[meets].sum()
        if (em[n] > _HEADLINE * em[meets]).all() and covered < _COVERED * area[n]:
            stays[meets] = False
            stays[n] = True
    return _in_order([line for line, kept in zip(lines, stays.tolist(), strict=True) if kept])


def _in_order(regions: list[TextRegion]) -> list[TextRegion]:
    return sorted(regions, key=lambda r: (r.polygon.bbox.center.y, r.polygon.bbox.x0))


def _kernels(probability: Floats, log_em: Floats, threshold: float) -> list[_Kernel]:
    labels, _ = ndimage.label(probability > threshold, np.ones((3, 3), bool))
    kernels: list[_Kernel] = []
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        ys, xs = np.nonzero(labels[box] == number)
        if len(xs) < 2:
            continue
        ys, xs = ys + box[0].start, xs + box[1].start
        values = probability[ys, xs]
        em = 4 * 2 ** float(np.median(log_em[ys, xs]))
        points = (np.stack([xs, ys], 1) + 0.5) * STRIDE
        kernels += _split(_Kernel(points.astype(np.float64), values, em))
    return kernels


def _lone(probability: Floats, log_em: Floats, image: Image) -> list[_Kernel]:
    """Return the kernels of single characters of which at most one point exceeds the threshold."""
    labels, count = ndimage.label(probability > _FAINT, np.ones((3, 3), bool))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    high = np.bincount(labels[probability > THRESHOLD], minlength=count + 1)
    sums = np.bincount(labels.ravel(), probability.ravel(), minlength=count + 1)
    few = (sizes >= 2) & (sizes <= _FEW_POINTS) & (high < 2) & (sums >= _FAINT_SUM)
    boxes = ndimage.find_objects(labels)
    kernels = []
    for number in np.flatnonzero(few[1:]) + 1:
        box = boxes[number - 1]
        ys, xs = np.nonzero(labels[box] == number)
        ys, xs = ys + box[0].start, xs + box[1].start
        em = 4 * 2 ** float(np.median(log_em[ys, xs]))
        points = (np.stack([xs, ys], 1) + 0.5) * STRIDE
        if _is_tall(image, points.mean(0), em):
            kernels.append(_Kernel(points.astype(np.float64), probability[ys, xs], em))
    return kernels


def _is_tall(image: Image, middle: npt.NDArray[np.float64], em: float) -> bool:
    """Whether a thing as tall as a character, not a speck, stands around a point (x, y)."""
    (x0, y0), (x1, y1) = np.maximum(middle - em / 2, 0).astype(int), (middle + em / 2).astype(int)
    patch = image[y0 : y1 + 1, x0 : x1 + 1, 1].astype(np.float32)
    contrast = np.abs(patch - np.median(patch))
    labels, _ = ndimage.label(contrast > max(_INK, 0.5 * contrast.max()), np.ones((3, 3), bool))
    tallest = max((b[0].stop - b[0].start for b in ndimage.find_objects(labels)), default=0)
    return tallest >= _TALLEST * em


def _split(kernel: _Kernel, threshold: float = THRESHOLD) -> list[_Kernel]:
    """Cut a kernel that is taller than one line can be: its em knows better than its outline."""
    angle = _own_angle(kernel) or 0.0
    across = kernel.points @ np.array([-math.sin(angle), math.cos(angle)])
    if np.ptp(across) + STRIDE <= 1.1 * kernel.em:
        return [kernel]
    higher = threshold + (1 - threshold) * 0.4
    if higher > 0.985:
        return [kernel]
    core = kernel.values > higher
    if core.sum() < 2:
        return [kernel]
    cells = np.rint(kernel.points / STRIDE - 0.5).astype(int)
    low = cells.min(0)
    grid = np.zeros(np.ptp(cells, axis=0)[::-1] + 1, bool)
    grid[cells[core, 1] - low[1], cells[core, 0] - low[0]] = True
    labels, count = ndimage.label(grid, np.ones((3, 3), bool))
    # Every point goes to the nearest core, so that no line loses its ends.
    nearest = ndimage.distance_transform_edt(
        labels == 0, return_distances=False, return_indices=True
    )
    grown = labels[tuple(nearest)]
    owner = grown[cells[:, 1] - low[1], cells[:, 0] - low[0]]
    parts = []
    for number in range(1, count + 1):
        mine = owner == number
        if mine.sum() >= 2 and (core & mine).sum() >= 2:
            part = _Kernel(kernel.points[mine], kernel.values[mine], kernel.em)
            parts += _split(part, higher)
    return parts


def _own_angle(kernel: _Kernel) -> float | None:
    """Return the direction of a kernel in radians where it is long enough to have one."""
    points = kernel.points
    if len(points) < 6 or np.ptp(points, axis=0).max() < 3 * kernel.em:
        return None
    centred = points - points.mean(0)
    (xx, xy), (_, yy) = centred.T @ centred / len(points)
    return 0.5 * math.atan2(2 * xy, xx - yy)  # of the main axis, in (-90, 90] degrees


def _box(kernel: _Kernel, angle: float) -> npt.NDArray[np.float64]:
    """Return the four corners of the line whose kernel was found."""
    u = np.array([math.cos(angle), math.sin(angle)])
    v = np.array([-u[1], u[0]])
    along, across = kernel.points @ u, kernel.points @ v
    kernel_length = float(np.ptp(along)) + STRIDE
    # The kernel's ends were drawn in by .25 em, at most by a fifth of the line's length.
    length = kernel_length + 2 * min(0.25 * kernel.em, kernel_length / 3)
    middle = u * (along.min() + along.max()) / 2 + v * (across.min() + across.max()) / 2
    a, b = u * length / 2, v * kernel.em / 2
    return np.array([middle - a - b, middle + a - b, middle + a + b, middle - a + b])


def _weighted_median(pairs: list[tuple[float, int]]) -> float:
    if not pairs:
        return 0.0
    pairs = sorted(pairs)
    half = sum(w for _, w in pairs) / 2
    seen = 0.0
    for value, weight in pairs:
        seen += weight
        if seen >= half:
            return value
    return pairs[-1][0]
