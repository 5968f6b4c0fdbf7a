"""Edges of words by their ink: boxes that end where the letters end.

A recogniser knows what stands in a line better than where: its places are good to a third of a letter.
The crop's columns tell exactly, wherever the ground is calm. Where they do not (underlines, pictures,
noise) every place stays as it was read.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from ..engine.base import Reading
from ..engine.crops import LineCrop

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_NOISE = 24  # grey levels by which ink differs at least from its ground
_FAINT = 0.35  # share of the line's own contrast that still counts as ink
_WINDOW = 0.45  # of the em: how far around a read space its gap is looked for
_REACH = 0.8  # of the em: how far the line's first and last ink may lie from where it was read


def settle(crop: LineCrop, reading: Reading) -> Reading:
    """Return the reading with its words ending where their ink ends; the text stays as it is.

    Characters keep their places within their word.

    Args:
        crop: the line that was read.
        reading: with bounds; one without comes back unchanged.
    """
    import numpy as np

    words = _words(reading.text)
    if len(reading.bounds) != len(reading.text) or not words:
        return reading
    blank = _blank_columns(crop)
    width, em = len(blank), crop.image.shape[0] - 2 * crop.margin
    read = [(reading.bounds[i][0] * width, reading.bounds[j - 1][1] * width) for i, j in words]
    starts, ends = [read[0][0]], [end for _, end in read]
    for number, ((_, end), (start, _)) in enumerate(pairwise(read)):
        gap = _widest_gap(blank, end - _WINDOW * em, start + _WINDOW * em)
        ends[number], following = gap or (end, start)
        starts.append(following)
    ink = np.flatnonzero(~blank)
    if len(ink):
        if abs(ink[0] - starts[0]) <= _REACH * em:
            starts[0] = float(ink[0])
        if abs(ink[-1] + 1 - ends[-1]) <= _REACH * em:
            ends[-1] = float(ink[-1] + 1)
    bounds = list(reading.bounds)
    for (i, j), (old_start, old_end), start, end in zip(words, read, starts, ends, strict=True):
        if end <= start:  # two words claim one gap: leave both as they were read
            continue
        scale = (end - start) / max(1e-6, old_end - old_start)
        for k in range(i, j):
            a, b = (start + (x * width - old_start) * scale for x in reading.bounds[k])
            bounds[k] = (a / width, b / width)
    return replace(reading, bounds=tuple(bounds))


def _words(text: str) -> list[tuple[int, int]]:
    """Return where the words of a text begin and end.

    >>> _words(" ab c")
    [(1, 3), (4, 5)]
    """
    words, start = [], 0
    for piece in text.split():
        start = text.index(piece, start)
        words.append((start, start + len(piece)))
        start += len(piece)
    return words


def _blank_columns(crop: LineCrop) -> npt.NDArray[np.bool_]:
    """Return which columns show ground only, over the height of the line's own box."""
    import numpy as np

    edge = int(crop.margin / 2)
    grey = crop.image[edge : crop.image.shape[0] - edge].mean(axis=2)
    contrast = np.abs(grey - np.median(grey)).max(axis=0)
    blank: npt.NDArray[np.bool_] = contrast < max(
        _NOISE, _FAINT * float(np.percentile(contrast, 90))
    )
    return blank


def _widest_gap(
    blank: npt.NDArray[np.bool_], start: float, end: float
) -> tuple[float, float] | None:
    """Return the widest run of blank columns between two places, None where there is none."""
    import numpy as np

    low, high = max(0, int(start)), min(len(blank), int(end) + 1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], blank[low:high], [False]])))
    if not len(edges):
        return None
    widest = 2 * int(np.argmax(edges[1::2] - edges[::2]))
    return float(low + edges[widest]), float(low + edges[widest + 1])
