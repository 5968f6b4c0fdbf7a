"""Boxes to tick that are drawn, not written: which of two words has the fuller box beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..geometry import BBox

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Pixels = Callable[[], npt.NDArray[np.uint8]]
    """Returns the page as displayed, (height, width, 3) RGB, in any resolution."""

_WIDE = 2.4  # a box stands no further from its word, in heights of the word
_EMPTY = 0.015  # less ink than this share is no box at all
_CLEAR = 0.12  # relative difference of ink from which on a box counts as ticked


def ticked(
    words: Sequence[BBox], others: Sequence[BBox], size: tuple[float, float], pixels: Pixels
) -> tuple[int, float] | None:
    """Return which of the words has a ticked box before it, or behind it, and how clearly, 0.0-1.0.

    Args:
        words: boxes of the words to choose from, page units.
        others: boxes of all words near, which are not looked at.
        size: width and height of the page, page units.
        pixels: the page.
    """
    import numpy as np

    image = pixels()
    scale = image.shape[1] / size[0], image.shape[0] / size[1]
    for before in (True, False):
        ink = []
        for word in words:
            box = _beside(word, others, before=before)
            x0, x1 = (round(x * scale[0]) for x in (box.x0, box.x1))
            y0, y1 = (round(y * scale[1]) for y in (box.y0, box.y1))
            cut = image[max(0, y0) : y1, max(0, x0) : x1]
            if cut.size == 0:
                ink.append(0.0)
                continue
            grey = cut.mean(axis=2)
            paper = np.percentile(grey, 95)
            ink.append(float((grey < 0.7 * paper).mean()))
        # What stands before the second word may be the box behind the first: the first one tells.
        first = min(range(len(ink)), key=lambda index: words[index].x0)
        if max(ink) < _EMPTY or (before and ink[first] < _EMPTY):
            continue
        most = max(range(len(ink)), key=lambda index: ink[index])
        rest = max(value for index, value in enumerate(ink) if index != most)
        clear = (ink[most] - rest) / (ink[most] + rest)
        return (most, min(1.0, 0.5 + clear)) if clear > _CLEAR else None
    return None


def _beside(word: BBox, others: Sequence[BBox], *, before: bool) -> BBox:
    """Return the area before or behind a word, up to the next word."""
    height = word.height
    reach = _WIDE * height
    y0, y1 = word.y0 - 0.15 * height, word.y1 + 0.15 * height
    near = [o for o in others if o.y0 < word.y1 and o.y1 > word.y0 and o != word]
    gap = 0.12 * height
    if before:
        left = max([o.x1 + gap for o in near if o.x1 <= word.x0 + 1], default=word.x0 - reach)
        return BBox(max(left, word.x0 - reach), y0, word.x0 - gap, y1)
    right = min([o.x0 - gap for o in near if o.x0 >= word.x1 - 1], default=word.x1 + reach)
    return BBox(word.x1 + gap, y0, min(right, word.x1 + reach), y1)
