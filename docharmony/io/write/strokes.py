"""Which pixels of an area are letters: new text needs only those erased, and the ground between stays."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from .pdf_images import Mask, Rgb

# How much of the way from ground to ink a pixel must be to belong to a letter, and to its edge.
_SURE, _EDGE = 0.45, 0.14
# Letters reach beyond the box that was found for them by this share of its height.
_BEYOND = 0.14
# Contrast (of 255) without which letters cannot be told from their ground, and shares of the area
# between which what was found can be letters.
_CONTRAST, _LEAST, _MOST = 18.0, 0.004, 0.75
# Letters beside the area take no more of a crop than this.
_LETTERS = 0.3
# How far on the way to ink the middle pixel of a row or column is that a rule fills.
_THROUGH = 0.15
_WIDTH = 12.0  # of the neighbourhood that says what the ground is, pixels


def strokes(rgb: Rgb, area: Mask, ink: tuple[int, int, int], blur: float) -> Mask:
    """Return the pixels of letters in an area, with their soft edges.

    Args:
        rgb: (height, width, 3).
        area: (height, width), where the text stands.
        ink: colour of the letters.
        blur: standard deviation of their edges in pixels.

    Where letters cannot be told from their ground the answer is the area, a little larger.
    """
    from scipy.ndimage import binary_dilation, binary_propagation, gaussian_filter, label

    rows = np.flatnonzero(area.any(axis=1))
    if not len(rows):
        return area
    reach = max(2, round(_BEYOND * (rows[-1] - rows[0] + 1)))
    square = np.ones((3, 3), bool)
    near: Mask = np.asarray(binary_dilation(area, square, iterations=reach))
    around = binary_dilation(near, square, iterations=6)
    pixels = rgb.astype(np.float32)
    colour = np.array(ink, np.float32)
    far = np.abs(pixels - colour).sum(axis=2)
    outer = around & (far > 0.5 * np.percentile(far[around], 75))
    if outer.sum() < 12:
        return near
    ground = np.broadcast_to(np.median(pixels[outer], axis=0), pixels.shape)
    way = _way(pixels, ground, colour)
    if way is None:
        return near
    for _ in range(2):
        weight = ((way < 0.35) & around).astype(np.float32)
        total = gaussian_filter(weight, _WIDTH)
        local = np.stack(
            [gaussian_filter(pixels[..., c] * weight, _WIDTH) for c in range(3)], axis=2
        )
        ground = np.where(
            total[..., None] > 1e-4, local / np.maximum(total, 1e-4)[..., None], ground
        )
        found = _way(pixels, ground, colour)
        way = way if found is None else found
    sure = (way > _SURE) & near
    parts, count = label(sure, square)
    if not count:
        return near
    inside = np.bincount(parts[area], minlength=count + 1).astype(np.float64)
    whole = np.bincount(parts.ravel(), minlength=count + 1)
    ours = inside >= 0.3 * np.maximum(1, whole)
    ours[0] = False
    kept = binary_propagation(ours[parts], square, mask=(way > _EDGE) & near)
    share = float((kept & area).sum()) / float(area.sum())
    if not _LEAST <= share <= _MOST:
        return near
    softness = 1 + math.ceil(1.5 * blur)
    return np.asarray(binary_dilation(kept, square, iterations=softness))


def neighbours(rgb: Rgb, hidden: Mask, ink: tuple[int, int, int]) -> Mask:
    """Return pixels beside the hidden ones that look like letters of the same ink.

    They say nothing about the ground. Where a good part of the crop looks so, none are returned.
    """
    from scipy.ndimage import binary_dilation

    pixels = rgb.astype(np.float32)
    colour = np.array(ink, np.float32)
    square = np.ones((3, 3), bool)
    seen = ~binary_dilation(hidden, square)
    nothing = np.zeros_like(hidden)
    if seen.sum() < 50:
        return nothing
    ground = np.broadcast_to(np.median(pixels[seen], axis=0), pixels.shape)
    way = _way(pixels, ground, colour)
    if way is None:
        return nothing
    sure = (way > _SURE) & seen
    # What runs through the crop is a rule: it says how it goes on under the letters.
    sure[_through(way, seen)] = False
    sure[:, _through(way.T, seen.T)] = False
    found = binary_dilation(sure, square, iterations=2) & ~hidden
    return np.asarray(found) if found.mean() < _LETTERS else nothing


def _through(way: npt.NDArray[np.float32], seen: Mask) -> npt.NDArray[np.bool_]:
    """Return which rows are ruled: most of what is seen of them is no ground.

    A rule that is soft, or paler than the letters, is now and then as dark as they are.
    """
    middles = np.array(
        [np.median(row[own]) if own.any() else 0.0 for row, own in zip(way, seen, strict=True)]
    )
    return np.asarray(middles > _THROUGH)


def _way(
    pixels: npt.NDArray[np.float32],
    ground: npt.NDArray[np.float32],
    colour: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32] | None:
    """Return how far each pixel is on the way from ground (0) to ink (1); None without contrast."""
    line = colour - ground
    length = (line * line).sum(axis=2)
    if float(np.median(length)) < _CONTRAST**2:
        return None
    return np.asarray(((pixels - ground) * line).sum(axis=2) / np.maximum(length, 1.0))
