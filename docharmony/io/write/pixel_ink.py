"""Ink of a picture, and the ground that it stands on.

All places are of a picture that was turned so that its lines are level, but for a slope of a few
degrees: along and across the lines, in pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from .pdf_images import Mask, Rgb

    Floats = npt.NDArray[np.float32]

_INK = 48  # contrast of ink to its ground, of 255
_BLOCK = 64  # pixels of a side, of which the commonest level is the ground
FEW = 3  # a smaller speck is dirt


def grown(mask: Mask, by: int) -> Mask:
    """Return a mask grown by so many pixels to all sides."""
    from scipy.ndimage import binary_dilation

    if not mask.any():
        return mask.copy()
    return np.asarray(binary_dilation(mask, np.ones((3, 3), bool), iterations=by))


class Sheet:
    """A picture whose lines run level.

    Args:
        rgb: (height, width, 3).

    Attributes:
        labels: (height, width), number of the connected ink that a pixel belongs to, 0 for ground.
        boxes: (n, 4) x0, y0, x1, y1 of each, the first for number 1.
        direction: unit vector of the lines.
        hidden: what lies under areas.
    """

    def __init__(self, rgb: Rgb) -> None:
        from scipy.ndimage import find_objects, label

        self.rgb = rgb
        grey = rgb.mean(axis=2, dtype=np.float32)
        ink = np.abs(grey - _ground_levels(grey)) > _INK
        self.labels, count = label(ink, np.ones((3, 3), int))
        found = find_objects(self.labels)
        self.boxes = np.array(
            [(c.start, r.start, c.stop, r.stop) for r, c in found], np.float32
        ).reshape(-1, 4)
        self.sizes = np.bincount(self.labels.ravel(), minlength=count + 1)[1:]
        self.direction = (1.0, 0.0)
        self.hidden = np.zeros(ink.shape, bool)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.labels.shape
        return height, width

    def cover(
        self, polygons: Sequence[Sequence[tuple[float, ...]]]
    ) -> tuple[tuple[slice, slice], Mask]:
        """Return the pixels that polygons touch: a window, and which of it."""
        from .pdf_images import cover

        height, width = self.shape
        xs, ys = zip(*[point for polygon in polygons for point in polygon], strict=True)
        x0, x1 = max(0, int(min(xs)) - 3), min(width, int(max(xs)) + 4)
        y0, y1 = max(0, int(min(ys)) - 3), min(height, int(max(ys)) + 4)
        window = slice(y0, max(y0, y1)), slice(x0, max(x0, x1))
        w, h = x1 - x0, y1 - y0
        if w <= 0 or h <= 0:
            return window, np.zeros((max(0, h), max(0, w)), bool)
        inside = [[((x - x0) / w, (y - y0) / h) for x, y in polygon] for polygon in polygons]
        return window, cover((h, w), inside)

    def under(
        self, areas: Mapping[int, Sequence[tuple[float, ...]]], least: float
    ) -> dict[int, frozenset[int]]:
        """Return the letters of which so large a share lies under areas, and which those are."""
        owners: dict[int, frozenset[int]] = {}
        for index, polygon in areas.items():
            window, mask = self.cover([polygon])
            self.hidden[window] |= mask
            numbers, counts = np.unique(self.labels[window][mask], return_counts=True)
            for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
                if number and count >= least * self.sizes[number - 1]:
                    owners[number] = owners.get(number, frozenset()) | {index}
        return owners

    def blank(self, window: tuple[slice, slice]) -> Mask:
        """Return what is blank by now."""
        return self.hidden[window]

    def plane(self, rgb: Floats, sample: Mask) -> tuple[Floats, float]:
        """Return the plane through the sampled pixels of a window, and their deviation from it."""
        y, x = np.nonzero(sample)
        colours = rgb[sample]
        columns = np.stack([np.ones_like(x), x, y], axis=1).astype(np.float32)
        good = np.ones(len(y), bool)
        plane = np.zeros((3, 3), np.float32)
        for _ in range(3):
            plane, *_ = np.linalg.lstsq(columns[good], colours[good], rcond=None)
            away = np.abs(colours - columns @ plane).max(axis=1)
            good = away <= max(3.0, 4 * float(np.median(away)))
        height, width = sample.shape
        yy, xx = np.mgrid[0:height, 0:width].astype(np.float32)
        surface = plane[0] + xx[..., None] * plane[1] + yy[..., None] * plane[2]
        noise = float((colours[good] - columns[good] @ plane).std())
        return surface.clip(0, 255).astype(np.float32), noise


def _ground_levels(grey: Floats) -> Floats:
    """Return how light the ground of each pixel is: the middle of a block of pixels around it."""
    from scipy.ndimage import zoom

    height, width = grey.shape
    rows, columns = -(-height // _BLOCK), -(-width // _BLOCK)
    padded = np.pad(grey, ((0, rows * _BLOCK - height), (0, columns * _BLOCK - width)), mode="edge")
    blocks = padded.reshape(rows, _BLOCK, columns, _BLOCK).swapaxes(1, 2)
    levels = np.median(blocks.reshape(rows, columns, -1), axis=2)
    # A block full of bold letters is as the blocks around it.
    if rows > 2 and columns > 2:
        from scipy.ndimage import median_filter

        levels = median_filter(levels, 3, mode="nearest")
    if rows * columns == 1:
        return np.full_like(grey, levels[0, 0])
    smooth = zoom(levels, _BLOCK, order=1, grid_mode=True, mode="nearest")
    return np.asarray(smooth[:height, :width], np.float32)
