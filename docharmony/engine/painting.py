"""Around the image decoder: flat ground is filled by arithmetic, the rest goes to it in windows.

Nothing in here reads a pixel under the mask: callers blank them first, and rings leave them out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    import numpy.typing as npt

    from .base import Image, Mask

    Floats = npt.NDArray[np.float64]

CORE = 256  # pixels; side of the area that one window decides
CONTEXT = 64  # pixels around it that the network sees as well
_RING = 4  # pixels around a hole that tell whether the ground is flat
_GRAIN = 14.0  # standard deviation around a plane, of 255, that still counts as paper
_SHARE = 0.75  # of the ring that must be ground; the rest is ink that the hole's border cuts


def fill_flat(image: Image, mask: Mask, seed: int = 0) -> Mask:
    """Fill the holes whose surroundings are a plane of colour, in place; return what is left.

    The grain of the surroundings goes on inside the hole. Ink that touches the hole's border is left
    out of the plane, so that letters cut in two leave no shadow.

    Args:
        image: (height, width, 3); pixels under the mask are overwritten.
        mask: True where the image is to be painted.
        seed: of the grain.
    """
    left = mask.copy()
    random = np.random.default_rng(seed)
    labels, _ = ndimage.label(mask, np.ones((3, 3), bool))
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        window = tuple(
            slice(max(0, s.start - _RING), min(side, s.stop + _RING))
            for s, side in zip(box, mask.shape, strict=True)
        )
        hole = labels[window] == number
        ring = ndimage.binary_dilation(hole, iterations=_RING) & ~mask[window]
        ground = _ground(image[window], ring)
        if ground is None:
            continue
        plane, grain = ground
        filled = _basis(hole) @ plane + random.choice(grain, int(hole.sum()))
        image[window][hole] = np.clip(np.rint(filled), 0, 255).astype(np.uint8)
        left[window] &= ~hole
    return left


def _ground(image: Image, ring: Mask) -> tuple[Floats, Floats] | None:
    """Return plane and residuals (n, 3) of a ring's colours; None where it is not flat."""
    colours = image[ring].astype(np.float64)
    if len(colours) < 16:
        return None
    distance = np.abs(colours - np.median(colours, axis=0)).max(axis=1)
    near = distance <= max(6.0, 3 * float(np.median(distance)))
    if near.mean() < _SHARE:
        return None
    basis = _basis(ring)[near]
    plane, *_ = np.linalg.lstsq(basis, colours[near], rcond=None)
    residuals = colours[near] - basis @ plane
    return (plane, residuals) if residuals.std(axis=0).max() <= _GRAIN else None


def _basis(where: Mask) -> Floats:
    ys, xs = np.nonzero(where)
    return np.stack([np.ones(len(ys)), ys, xs], axis=1)


def fill_rest(image: Image, mask: Mask, paint: Callable[[Image, Mask], Image]) -> None:
    """Paint the masked pixels, in place, window by window.

    Args:
        image: (height, width, 3), blank under the mask.
        mask: True where the image is to be painted.
        paint: paints one window (height, width, 3) under its mask.
    """
    source = image.copy()  # windows overlap: none may see what another one painted
    for core, window in _windows(mask):
        painted = paint(source[window], mask[window])
        inner = tuple(
            slice(c.start - w.start, c.stop - w.start) for c, w in zip(core, window, strict=True)
        )
        here = mask[core]
        image[core][here] = painted[inner][here]


def _windows(mask: Mask) -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    """Yield the areas that hold something to paint, and each grown by its context."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return
    height, width = mask.shape
    for y in range(int(rows[0]), int(rows[-1]) + 1, CORE):
        for x in range(int(columns[0]), int(columns[-1]) + 1, CORE):
            y1, x1 = min(y + CORE, int(rows[-1]) + 1), min(x + CORE, int(columns[-1]) + 1)
            core = slice(y, y1), slice(x, x1)
            if mask[core].any():
                yield (
                    core,
                    (
                        slice(max(0, y - CONTEXT), min(height, y1 + CONTEXT)),
                        slice(max(0, x - CONTEXT), min(width, x1 + CONTEXT)),
                    ),
                )
