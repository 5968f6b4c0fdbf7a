"""Points and commas between digits, told by how far they reach below the line. No network in here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from . import ink

if TYPE_CHECKING:
    import numpy.typing as npt

    from .base import Image

Places = tuple[tuple[float, float], ...]
_SHARES = (
    0.35,
    0.6,
)  # of the strongest contrast that is ink; blurred things come apart at the second
_TALL = 0.42  # of the crop's height; what is taller is a digit
_POINT, _COMMA = 0.05, 0.11  # of a digit's height, below its foot
_HIGHEST = 0.3, 0.55  # a point, a comma
_LEVEL = 0.08  # feet of the digits may differ by so much: old-style figures hang
_LEAST = 0.1  # of a digit's height: the sides of a mark that was not read
_WIDE = 1.25  # times the least distance of digits, where one was not read
_NEAR, _NEARER = 0.5, 0.35  # of a digit's height, from where the mark is expected


def settle(text: str, places: Places, line: Image) -> tuple[str, Places]:
    """Return the text with each point and comma between two digits as its shape says.

    A reader that knows what numbers look like writes ``48.198,322`` for ``48.198.322``, or ``48748``
    for ``487.48``; the picture shows what stands there. Where that is unclear (touching, faint, hanging
    figures) the text stays.

    Args:
        text: of the line.
        places: of each character, as fractions of the width.
        line: (H, W, 3).

    Returns:
        text and places; marks that were not read are put in.
    """
    numbers = [i for i in range(len(text) - 1) if text[i].isdigit() and text[i + 1].isdigit()]
    spots = [
        i
        for i in range(1, len(text) - 1)
        if text[i] in ".," and text[i - 1].isdigit() and text[i + 1].isdigit()
    ]
    if not (spots or numbers) or len(places) != len(text):
        return text, places
    contrast = ink.contrast_of(line)
    peak = ink.level(contrast, 0.995)
    shown = [contrast > max(40.0, share * peak) for share in _SHARES]
    width = line.shape[1]
    found = list(text)
    for i in spots:
        span = int(places[i - 1][0] * width), int(np.ceil(places[i + 1][1] * width))
        middle = (places[i][0] + places[i][1]) / 2 * width
        found[i] = _decide(shown, span, middle) or text[i]
    centres = [(a + b) / 2 * width for a, b in places]
    least = min((centres[i + 1] - centres[i] for i in numbers), default=0.0)
    where = list(places)
    for i in reversed(numbers):
        if centres[i + 1] - centres[i] <= _WIDE * least:
            continue
        span = int(places[i][0] * width), int(np.ceil(places[i + 1][1] * width))
        mark = _decide(shown[:1], span, (centres[i] + centres[i + 1]) / 2, _LEAST)
        if mark:
            third = (centres[i + 1] - centres[i]) / 3 / width
            edges = centres[i] / width + third, centres[i + 1] / width - third
            found.insert(i + 1, mark)
            where[i : i + 2] = [(where[i][0], edges[0]), edges, (edges[1], where[i + 1][1])]
    return "".join(found), tuple(where)


def _decide(
    shown: Sequence[npt.NDArray[np.bool_]], span: tuple[int, int], middle: float, least: float = 0.0
) -> str:
    for number, plane in enumerate(shown):
        mark = _mark(plane[:, span[0] : span[1]], middle - span[0], least)
        if mark == "," or (mark and not number):  # the tail of a comma fades first
            return mark
    return ""


def _mark(shown: npt.NDArray[np.bool_], middle: float, least: float) -> str:
    """Return ``.`` or ``,`` for the small thing nearest to a column, between tall ones; else nothing."""
    labels, _ = ndimage.label(shown, np.ones((3, 3), bool))
    boxes = [(b[0].start, b[0].stop, b[1].start, b[1].stop) for b in ndimage.find_objects(labels)]
    tall = [box for box in boxes if box[1] - box[0] > _TALL * len(shown)]
    if not tall:
        return ""
    feet = [box[1] for box in tall]
    height = float(np.median([box[1] - box[0] for box in tall]))
    if max(feet) - min(feet) > max(1.0, _LEVEL * height):
        return ""
    foot = float(np.median(feet))
    low = [
        box
        for box in boxes
        if box[1] - box[0] <= _TALL * len(shown)
        and box[0] > foot - 0.45 * height
        and abs((box[2] + box[3]) / 2 - middle) < (_NEAR if least else _NEARER) * height
        and min(box[1] - box[0], box[3] - box[2]) >= max(2, least * height)
        and (not least or _between(box, tall))
    ]
    if len(low) != 1:
        return ""
    below, size = (low[0][1] - foot) / height, (low[0][1] - low[0][0]) / height
    if -0.08 < below <= _POINT and size <= _HIGHEST[0]:
        return "."
    if below >= _COMMA and size <= _HIGHEST[1]:
        return ","
    return ""


def _between(box: tuple[int, int, int, int], tall: Sequence[tuple[int, int, int, int]]) -> bool:
    """Whether there is a digit on either side."""
    left = any(other[3] <= box[2] + 1 for other in tall)
    return left and any(other[2] >= box[3] - 1 for other in tall)
