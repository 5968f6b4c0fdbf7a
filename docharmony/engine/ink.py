"""What can be told of a line's ink without a network: its colour, and dot leaders."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from .base import Image

_CHROMA = 40  # of 255; ink above it is coloured, whatever the scanner's noise
_FAINT = 64  # contrast, of 255, below which ink is made darker
_LEAST = 24  # contrast of what may be ink at all
_DOT = 0.19  # largest side of a leader's dot, as a share of the crop's height
_DOTS = 4  # fewer dots are an ellipsis, which is text


class Leader(NamedTuple):
    """A row of dots: columns [start, end) and how many dots it has."""

    start: int
    end: int
    dots: int


def black_on_white(line: Image) -> Image:
    """Return a line of coloured or faint ink on even ground in black on white, others as they are.

    The reader was trained on ink of every brightness but on few colours. Character error rate on 15
    drawn lines of each pair of colours, before and after: green on blue 91 % and 0.0, blue on red 94
    and 0.0, black on red 3.6 and 0.2, white on cream 80 and 0.0, magenta on white 0.5 and 0.0.
    """
    planes = [np.ascontiguousarray(line[..., i]) for i in range(3)]
    chroma = np.maximum.reduce(planes) - np.minimum.reduce(planes)
    if level(chroma, 0.98) <= _CHROMA and level(_contrast(planes[1]), 0.995) >= _FAINT:
        return line  # grey, as most lines are: told from histograms alone
    contrast = np.maximum.reduce([_contrast(plane) for plane in planes])
    peak = level(contrast, 0.995)
    ink = contrast > max(_LEAST, 0.4 * peak)
    if peak < _LEAST or not ink.any() or level(contrast, 0.5) > peak / 6:
        return line
    if peak >= _FAINT and level(chroma[ink], 0.9) <= _CHROMA:
        return line
    grey = (255 - np.minimum(contrast * np.float32(255 / peak), 255)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def contrast_of(line: Image) -> npt.NDArray[np.uint8]:
    """Return how far each pixel (H, W) of a line is from its ground, in the green channel."""
    return _contrast(np.ascontiguousarray(line[..., 1]))


def is_ink(contrast: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Return which pixels of a line are ink, given their contrast."""
    shown: npt.NDArray[np.bool_] = contrast > max(40.0, 0.35 * level(contrast, 0.995))
    return shown


def _contrast(plane: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    ground = np.uint8(level(plane, 0.5))
    return np.maximum(plane, ground) - np.minimum(plane, ground)


def level(values: npt.NDArray[np.uint8], share: float) -> int:
    """Return the value below which this share of bytes lies; a histogram is faster than sorting."""
    counts = np.bincount(values.ravel(), minlength=256).cumsum()
    return int(np.searchsorted(counts, share * counts[-1]))


def leaders(line: Image) -> list[Leader]:
    """Return the rows of four or more even dots that lead the eye to a page number.

    A reader of letters makes rubbish of them; found this way, they are read exactly.
    """
    ink = is_ink(contrast_of(line))
    edges = np.flatnonzero(np.diff(np.concatenate([[0], ink.any(axis=0), [0]]).astype(np.int8)))
    starts, ends = edges[::2], edges[1::2]
    largest = _DOT * len(line)
    found: list[Leader] = []
    row: list[tuple[int, int, float]] = []  # first column, end, middle row of each dot
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        rows = np.flatnonzero(ink[:, start:end].any(axis=1))
        height, width = int(rows[-1] + 1 - rows[0]), end - start
        middle = float(rows[0] + rows[-1] + 1) / 2
        is_dot = max(height, width) <= largest and abs(height - width) <= 3
        if row and not (is_dot and _goes_on(row, start, end, middle, largest)):
            found += _leader(row)
            row = []
        if is_dot:
            row.append((start, end, middle))
    return found + _leader(row)


def _goes_on(
    row: list[tuple[int, int, float]], start: int, end: int, middle: float, largest: float
) -> bool:
    """Whether a dot continues a row: on its height, and at its pitch."""
    if abs(middle - row[-1][2]) > largest / 3 or start - row[-1][1] > 4 * largest:
        return False
    if len(row) < 2:
        return True
    pitch = (row[-1][0] + row[-1][1] - row[0][0] - row[0][1]) / 2 / (len(row) - 1)
    step = (start + end - row[-1][0] - row[-1][1]) / 2
    return abs(step - pitch) <= max(2.0, 0.25 * pitch)


def _leader(row: list[tuple[int, int, float]]) -> list[Leader]:
    return [Leader(row[0][0], row[-1][1], len(row))] if len(row) >= _DOTS else []


def bounds(leader: Leader, width: int) -> tuple[tuple[float, float], ...]:
    """Return the place of each dot as fractions of the line's width."""
    edges = np.linspace(leader.start / width, leader.end / width, leader.dots + 1)
    pairs: npt.NDArray[np.float64] = np.stack([edges[:-1], edges[1:]], axis=1)
    return tuple((float(a), float(b)) for a, b in pairs)
