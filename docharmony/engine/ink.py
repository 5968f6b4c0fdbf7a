"""What can be told of a line's ink without a network: its colour, and dot leaders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    import numpy.typing as npt

    from .base import Image

_CHROMA = 40  # of 255; ink above it is coloured, whatever the scanner's noise
_COLOURED = 0.03  # of a line's ink, from which it counts as coloured: a link in black text
_FAINT = 64  # contrast, of 255, below which ink is made darker
_LEAST = 24  # contrast of what may be ink at all
_STEADY = 15  # times four columns: over what width the ground is taken
_UNEVEN = 24  # of 255, by which grounds of one line differ at least where it is made even
_STEP = 60  # and by which they may change over four columns: more is the edge of a box or picture
_VISIBLE, _PALE = 0.2, 0.6  # of the line's contrast, between which a word is faint
_WORD, _NEIGHBOURS = 24, 5  # columns of ink, and letters, that make a faint word
_NOISE = 0.1  # of a faint letter's contrast: what is ground there
_DOT = 0.19  # largest side of a leader's dot, as a share of the crop's height
_BOX = 0.35, 0.8  # least and largest side of a box to tick, as a share of the crop's height
_CLOSED = 0.95  # share of each of its sides that is drawn
_RIM = 0.08  # of the crop's height, above and below, where other lines show
_DOTS = 4  # fewer dots are an ellipsis, which is text


class Drawn(NamedTuple):
    """What is told without a network, a row of dots or a box to tick: columns [start, end), its text."""

    start: int
    end: int
    text: str


def even(line: Image) -> Image:
    """Return a line whose ground changes along it, at the edge of a shadow, on even ground.

    The reader takes the edge for the end of the text.

    Args:
        line: (H, W, 3).
    """
    sample = line[:, ::4, 1]
    if sample.shape[1] < 2 * _STEADY:
        return line
    low, high = np.partition(sample, (len(line) // 5, len(line) - 1 - len(line) // 5), axis=0)[
        [len(line) // 5, len(line) - 1 - len(line) // 5]
    ].astype(np.float32)
    # Ground is what changes less from column to column; letters are the other side.
    light = np.abs(np.diff(high)).sum() <= np.abs(np.diff(low)).sum()
    ground = ndimage.median_filter(high if light else low, _STEADY, mode="nearest")
    if np.ptp(ground) < _UNEVEN or np.abs(np.diff(ground)).max() > _STEP:
        return line
    out = np.empty(line.shape, np.float32)
    columns = np.arange(line.shape[1])
    place = len(line) - 1 - len(line) // 5 if light else len(line) // 5
    for i in range(3):
        side = np.partition(line[:, ::4, i], place, axis=0)[place].astype(np.float32)
        side = ndimage.median_filter(side, _STEADY, mode="nearest")
        side = np.interp(columns, np.arange(len(side)) * 4, side).astype(np.float32)
        # Shade takes its share of what light there is.
        if light:
            out[..., i] = line[..., i] * (side.max() / np.maximum(side, 1.0))
        else:
            out[..., i] = line[..., i] - side + side.min()
    return out.clip(0, 255).astype(np.uint8)


def black_on_white(line: Image) -> Image:
    """Return a line of coloured or faint ink on even ground in black on white, others as they are.

    The reader was trained on ink of every brightness but on few colours. Character error rate on 15
    drawn lines of each pair of colours, before and after: green on blue 91 % and 0.0, blue on red 94
    and 0.0, black on red 3.6 and 0.2, white on cream 80 and 0.0, magenta on white 0.5 and 0.0.
    """
    planes = [np.ascontiguousarray(line[::2, ::2, i]) for i in range(3)]
    chroma = np.maximum.reduce(planes) - np.minimum.reduce(planes)
    if (
        level(chroma, 1 - _COLOURED / 10) <= _CHROMA
        and level(_contrast(planes[1]), 0.995) >= _FAINT
    ):
        return line  # grey, as most lines are: told from histograms of a sample
    planes = [np.ascontiguousarray(line[..., i]) for i in range(3)]
    chroma = np.maximum.reduce(planes) - np.minimum.reduce(planes)
    contrast = np.maximum.reduce([_contrast(plane) for plane in planes])
    peak = level(contrast, 0.995)
    ink = contrast > max(_LEAST, 0.4 * peak)
    if peak < _LEAST or not ink.any() or level(contrast, 0.5) > peak / 6:
        return line
    if peak >= _FAINT and level(chroma[ink], 1 - _COLOURED) <= _CHROMA:
        return line
    grey = (255 - np.minimum(contrast * np.float32(255 / peak), 255)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def black_alone(line: Image) -> Image | None:
    """Return a line without its coloured ink, a stamp across the text; None where it has not both.

    Args:
        line: (H, W, 3), as it was cut.
    """
    planes = [np.ascontiguousarray(line[..., i]) for i in range(3)]
    chroma = np.maximum.reduce(planes) - np.minimum.reduce(planes)
    if level(chroma, 1 - _COLOURED / 10) <= _CHROMA:
        return None
    contrasts = [_contrast(plane) for plane in planes]
    most, least = np.maximum.reduce(contrasts), np.minimum.reduce(contrasts)
    peak = level(most, 0.995)
    shown = most > max(_LEAST, 0.4 * peak)
    if peak < _FAINT or not shown.any() or level(least, 0.995) < peak / 2:
        return None
    if not _COLOURED < np.count_nonzero(chroma[shown] > _CHROMA) / np.count_nonzero(shown) < 0.9:
        return None
    grey = (255 - np.minimum(least * np.float32(255 / peak), 255)).astype(np.uint8)
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


def drawn(contrast: npt.NDArray[np.uint8]) -> list[Drawn]:
    """Return the dot leaders and boxes to tick of a line of this contrast, from left to right."""
    shown = is_ink(contrast)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], shown.any(axis=0), [0]]).astype(np.int8)))
    runs = list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
    return sorted([*_leaders(shown, runs), *_boxes(shown, runs)])


def _leaders(ink: npt.NDArray[np.bool_], runs: Sequence[tuple[int, int]]) -> list[Drawn]:
    """Return the rows of four or more even dots that lead the eye to a page number.

    A reader of letters makes rubbish of them; found this way, they are read exactly.

    Args:
        ink: which pixels are.
        runs: columns [start, end) that show any.
    """
    largest = _DOT * len(ink)
    found: list[Drawn] = []
    row: list[tuple[int, int, float]] = []  # first column, end, middle row of each dot
    for start, end in runs:
        is_dot, middle = end - start <= largest, 0.0
        if is_dot:
            rows = np.flatnonzero(ink[:, start:end].any(axis=1))
            height, width = int(rows[-1] + 1 - rows[0]), end - start
            middle = float(rows[0] + rows[-1] + 1) / 2
            inside = rows[0] >= _RIM * len(ink) and rows[-1] < (1 - _RIM) * len(ink)
            is_dot = bool(inside) and height <= largest and abs(height - width) <= 3
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


def _leader(row: list[tuple[int, int, float]]) -> list[Drawn]:
    return [Drawn(row[0][0], row[-1][1], "." * len(row))] if len(row) >= _DOTS else []


def _boxes(ink: npt.NDArray[np.bool_], runs: Sequence[tuple[int, int]]) -> list[Drawn]:
    """Return the boxes to tick: squares of four even sides, empty or with a mark in them.

    Letters of a reader have no such shape: it makes brackets and other letters of them. Arguments
    as above.
    """
    found = []
    for start, end in runs:
        if not _BOX[0] * len(ink) <= end - start <= _BOX[1] * len(ink):
            continue
        rows = np.flatnonzero(ink[:, start:end].any(axis=1))
        square = ink[rows[0] : rows[-1] + 1, start:end]
        high, wide = square.shape
        if abs(high - wide) > max(2, 0.12 * wide):
            continue
        rim = max(2, round(0.12 * wide))
        sides = (square[:rim], square[-rim:], square[:, :rim].T, square[:, -rim:].T)
        if any(side.any(axis=0).mean() < _CLOSED for side in sides):
            continue
        # A side that is bent, as that of an O, is thin nowhere: its corners are empty.
        corners = (
            square[:rim, :rim],
            square[:rim, -rim:],
            square[-rim:, :rim],
            square[-rim:, -rim:],
        )
        if not all(corner.mean() > 0.4 for corner in corners):
            continue
        inner = max(rim + 1, round(0.22 * wide))
        mark = float(square[inner:-inner, inner:-inner].mean())
        if mark < 0.85:
            sign = "\u2610" if mark < 0.04 else "\u2612"
            found.append(Drawn(start, end, sign))
    return found


def bounds(drawn: Drawn, width: int) -> tuple[tuple[float, float], ...]:
    """Return the place of each sign as fractions of the line's width."""
    edges = np.linspace(drawn.start / width, drawn.end / width, len(drawn.text) + 1)
    pairs: npt.NDArray[np.float64] = np.stack([edges[:-1], edges[1:]], axis=1)
    return tuple((float(a), float(b)) for a, b in pairs)


def alike(line: Image, contrast: npt.NDArray[np.uint8]) -> Image:
    """Return a line whose faint words, a link among black ones, are as dark as the others.

    The reader was trained on lines of one ink and passes over what is much fainter than its neighbours.
    Links in ten lines of scans, at two widths: 3 characters wrong instead of 191.

    Args:
        line: (H, W, 3), on even ground.
        contrast: of :func:`contrast_of`.
    """
    # Three pixels high: of strokes, not of specks.
    shown = np.minimum(np.minimum(contrast[2:], contrast[1:-1]), contrast[:-2]).max(axis=0)
    peak = level(shown, 0.98)
    inked = shown > max(_LEAST, _VISIBLE * peak)
    if np.count_nonzero(inked & (shown < _PALE * peak)) < _WORD:
        return line
    edges = np.flatnonzero(np.diff(inked.astype(np.int8), prepend=0, append=0))
    own = np.maximum.reduceat(np.append(shown, 0), edges)[::2].astype(np.float32)
    # Letters one by one, by what their neighbours show: a dot or a thin stroke has less of its own.
    own = ndimage.median_filter(own, _NEIGHBOURS, mode="nearest")
    faint = own < _PALE * peak
    if not faint.any():
        return line
    gain = np.ones(line.shape[1], np.float32)
    noise = np.zeros(line.shape[1], np.float32)
    letters = zip(edges[::2][faint].tolist(), edges[1::2][faint].tolist(), own[faint], strict=True)
    for start, end, most in letters:
        place = slice(max(0, start - 3), end + 3)
        noise[place] = _NOISE * most
        gain[place] = peak / (most - _NOISE * most)
    ground = np.array([level(line[..., i], 0.5) for i in range(3)], np.float32)
    away = line - ground
    away -= away.clip(-noise[:, None], noise[:, None])
    return (ground + away * gain[:, None]).clip(0, 255).astype(np.uint8)
