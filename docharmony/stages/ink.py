"""Words by their ink: boxes that end where the letters end, and narrow spaces that were overlooked.

A recogniser knows what stands in a line better than where: its places are good to a third of a letter,
and a narrow space escapes it now and then. The crop's columns tell both, wherever the ground is calm.
Where they do not (underlines, pictures, noise) everything stays as it was read.
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
_SPACE = 0.7  # of the line's usual gap between words: what can be a space as well
_LONELY = 2.0  # times wider than every other gap of its word: what must be one
_FEW = 4  # words of a line that tell how wide its spaces are; with fewer the em does
_OWN, _LONELIER = 0.22, 2.5  # of the em, and instead of the above
_REACH = 0.8  # of the em: how far the line's first and last ink may lie from where it was read


def by_ink(crop: LineCrop, reading: Reading) -> Reading:
    """Return the reading with overlooked spaces put in and words that end where their ink ends."""
    if len(reading.bounds) != len(reading.text) or not reading.text.strip():
        return reading
    blank = _blank_columns(crop)
    return settle(crop, part_words(crop, reading, blank), blank)


def settle(crop: LineCrop, reading: Reading, blank: npt.NDArray[np.bool_] | None = None) -> Reading:
    """Return the reading with its words ending where their ink ends; the text stays as it is.

    Characters keep their places within their word.

    Args:
        crop: the line that was read.
        reading: with bounds; one without comes back unchanged.
        blank: which columns of the crop show ground only; None finds out.
    """
    import numpy as np

    words = _words(reading.text)
    if len(reading.bounds) != len(reading.text) or not words:
        return reading
    blank = _blank_columns(crop) if blank is None else blank
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


def part_words(
    crop: LineCrop, reading: Reading, blank: npt.NDArray[np.bool_] | None = None
) -> Reading:
    """Return the reading with spaces put in where two words were read as one.

    Only between letters, at a gap as wide as the line's other spaces and twice as wide as any other
    within the same word: monospaced and spaced-out words stay whole. In a line of few words the gap
    must be .22 em, 2.5 times as wide as any other, with two letters on either side.

    Args:
        crop: the line that was read.
        reading: with bounds; one without comes back unchanged.
        blank: which columns of the crop show ground only; None finds out.
    """
    import numpy as np

    text = reading.text
    words = _words(text)
    if len(reading.bounds) != len(text) or not words:
        return reading
    blank = _blank_columns(crop) if blank is None else blank
    width = len(blank)
    middles = [(a + b) / 2 * width for a, b in reading.bounds]

    def gap(left: int, right: int) -> tuple[float, float]:
        return _widest_gap(blank, middles[left], middles[right]) or (middles[right], middles[right])

    least, lonely = _OWN * (len(crop.image) - 2 * crop.margin), _LONELIER
    if len(words) >= _FEW:
        between = [gap(j - 1, i) for (_, j), (i, _) in pairwise(words)]
        least, lonely = _SPACE * float(np.median([end - start for start, end in between])), _LONELY
    signs, places = list(text), list(reading.bounds)
    for i, j in reversed(words):
        inside = sorted(
            (end - start, k, start, end) for k in range(i, j - 1) for start, end in [gap(k, k + 1)]
        )
        if len(inside) < 3 or inside[-1][0] < max(least, lonely * inside[-2][0], 2.0):
            continue
        _, k, start, end = inside[-1]
        whole = len(words) >= _FEW or i < k < j - 2  # one letter more likely stands wide
        if whole and signs[k].isalpha() and signs[k + 1].isalpha():
            signs.insert(k + 1, " ")
            places.insert(k + 1, (start / width, end / width))
    return replace(reading, text="".join(signs), bounds=tuple(places))


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
    red, green, blue = np.moveaxis(crop.image[edge : crop.image.shape[0] - edge], 2, 0)
    light = red.astype(np.int16) + green + blue
    ground = float(np.median(light[::2, ::2]))  # a sample tells it
    contrast = np.maximum(light.max(axis=0) - ground, ground - light.min(axis=0)) / 3
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
