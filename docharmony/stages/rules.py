"""Straight rules that letters hide: found on both sides of a gap, and drawn on through it.

Each row of a gap is looked at by itself: what stands on its left and on its right, alike on both sides
and unlike the rows above and below, goes on in between. The same for columns, and for rules that a
scanner has turned a little, along their slope.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ..engine.base import Mask

    Floats = npt.NDArray[np.float32]

# How far beside a gap is looked, pixels; known pixels that one side must have, and that count.
_BESIDE, _LEAST, _MOST = 140, 6, 20
# How far above and below, to know the ground.
_ACROSS = 9
# What the two sides may differ by, what pixels of one may (median of the deviations), and what a rule
# must differ from its ground by; all of 255.
_AGREE, _EVEN, _SEEN = 30.0, 9.0, 16.0
# Slopes of rules that are tried, and how much sharper they must make them than no slope.
_SLOPE, _STEPS, _SHARPER = 0.05, 20, 1.15
# Wider gaps hide more than a word.
_WIDEST = 400


def ruled(crop: Floats, mask: Mask) -> tuple[Floats, Mask, Mask] | None:
    """Return what rules look like in the gaps, where in the gaps they are, and where beside them.

    Args:
        crop: (height, width, 3); what it holds in the gaps does not matter.
        mask: (height, width), the gaps.

    Returns:
        Colours (height, width, 3), and two masks; None where no rule meets a gap.
    """
    import numpy as np

    colours = np.zeros_like(crop)
    strength = np.zeros(mask.shape, np.float32)
    beside = np.zeros_like(mask)
    for turned in (False, True):
        image, gaps = (crop.transpose(1, 0, 2), mask.T) if turned else (crop, mask)
        slope = _slope(image, gaps)
        shifts = np.round(slope * (np.arange(gaps.shape[1]) - gaps.shape[1] / 2)).astype(int)
        found = _rows(_sheared(image, shifts), _sheared(gaps, shifts, fill=True))
        own, own_strength, own_beside = (_sheared(part, -shifts) for part in found)
        if turned:
            own, own_strength, own_beside = (
                own.transpose(1, 0, 2),
                own_strength.T,
                own_beside.T,
            )
        stronger = own_strength > strength
        colours[stronger] = own[stronger]
        strength = np.maximum(strength, own_strength)
        beside |= own_beside
    drawn = (strength > 0) & mask
    return (colours, drawn, beside & ~mask) if drawn.any() else None


def _sheared(
    values: npt.NDArray[Any], shifts: npt.NDArray[np.intp], *, fill: bool = False
) -> npt.NDArray[Any]:
    """Return an array with each column moved up by so many rows; what comes in is ``fill``."""
    import numpy as np

    if not shifts.any():
        return values
    height, width = values.shape[:2]
    rows = np.arange(height)[:, None] + shifts[None, :]
    inside = (rows >= 0) & (rows < height)
    result = values[np.clip(rows, 0, height - 1), np.arange(width)[None, :]]
    if fill:
        result = np.where(inside, result, True)
    return np.asarray(result)


def _slope(image: Floats, gaps: Mask) -> float:
    """Return the slope along which rows look most alike; 0.0 where that is hardly any better."""
    import numpy as np

    grey = image.mean(axis=2)
    height, width = gaps.shape
    y, x = np.nonzero(~gaps)
    if len(y) < 200 or width < 40:
        return 0.0
    values = grey[y, x] - float(np.median(grey[y, x]))
    best, sharpest, plain = 0.0, 0.0, 0.0
    for slope in np.linspace(-_SLOPE, _SLOPE, 2 * _STEPS + 1):
        rows = np.round(y - slope * (x - width / 2)).astype(int)
        kept = (rows >= 0) & (rows < height)
        counts = np.bincount(rows[kept], minlength=height)
        means = np.bincount(rows[kept], values[kept], minlength=height) / np.maximum(counts, 1)
        full = counts > 0.4 * width
        sharp = float((np.diff(np.where(full, means, 0.0)) ** 2).sum())
        plain = sharp if slope == 0.0 else plain
        if sharp > sharpest:
            best, sharpest = float(slope), sharp
    return best if sharpest > _SHARPER * plain else 0.0


def _rows(image: Floats, gaps: Mask) -> tuple[Floats, Floats, Mask]:
    """Return colours, contrast with the ground (0 where there is no rule), and rules beside gaps."""
    import numpy as np

    width = gaps.shape[1]
    colours, strength = np.zeros_like(image), np.zeros(gaps.shape, np.float32)
    beside = np.zeros_like(gaps)
    for row in np.flatnonzero(gaps.any(axis=1)):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], gaps[row].astype(np.int8), [0]])))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            if end - start > _WIDEST:
                continue
            low, high = max(0, start - _BESIDE), min(width, end + _BESIDE)
            parts = [np.arange(start - 1, low - 1, -1), np.arange(end, high)]
            near = [part[~gaps[row, part]][:_MOST] for part in parts]
            sides = [side for part in near if (side := _side(image[row, part])) is not None]
            # One side is enough where the other one is hidden, or beyond the crop.
            if not sides or (len(sides) < 2 and min(map(len, near)) >= _LEAST):
                continue
            first, last = sides[0], sides[-1]
            if float(np.abs(first - last).max()) > _AGREE:
                continue
            low = int(min([start, *near[0]]))
            high = int(max([end, *(near[1] + 1)]))
            ground = _ground(image, gaps, int(row), slice(low, high))
            middle = (first + last) / 2
            if ground is None or (contrast := float(np.abs(middle - ground).max())) < _SEEN:
                continue
            share = ((np.arange(start, end) - start + 0.5) / (end - start))[:, None]
            colours[row, start:end] = first + share * (last - first)
            strength[row, start:end] = contrast
            same = np.abs(image[row, low:high] - middle).max(axis=1)
            other = np.abs(image[row, low:high] - ground).max(axis=1)
            beside[row, low:high] |= same < other
    return colours, strength, beside


def _side(known: Floats) -> Floats | None:
    """Return the colour of what is beside a gap; None where it is not of one, or hardly known."""
    import numpy as np

    if len(known) < _LEAST:
        return None
    middle = np.asarray(np.median(known, axis=0), np.float32)
    if float(np.median(np.abs(known - middle).max(axis=1))) > _EVEN:
        return None
    return middle


def _ground(image: Floats, gaps: Mask, row: int, columns: slice) -> Floats | None:
    """Return the usual colour of the rows around a row."""
    import numpy as np

    rows = slice(max(0, row - _ACROSS), row + _ACROSS + 1)
    known = image[rows, columns][~gaps[rows, columns]]
    if len(known) < 4 * _LEAST:
        return None
    return np.asarray(np.median(known, axis=0), np.float32)
