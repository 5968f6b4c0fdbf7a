"""Move the words of lines of pixels that are set anew; see :mod:`.pixel_lines`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from .pixel_ink import grown

if TYPE_CHECKING:
    import numpy.typing as npt

    from .pdf_images import Mask, Picture
    from .pixel_lines import PixelLine, PixelPlan

# Deviation of the blur, in pixels, that hides how a letter stood on the grid; in black and white.
_SOFT, _SOFT_BITS = 0.7, 0.9
_STRAY = 1.0  # how far a word ends beside its place, by chance, in pixels
_FAINT = 6.0  # what differs less from the ground is no ink


def covered(plan: PixelPlan, shape: tuple[int, int]) -> Mask:
    """Return the pixels of the picture that the plan makes ground before it puts words in."""
    result = np.zeros(shape, bool)
    for line in plan.lines:
        np.rot90(result, line.turn)[line.window] |= line.fill
    return result


def set_anew(picture: Picture, plan: PixelPlan) -> None:
    """Move the words of a plan; what is removed must be blank already.

    Each word goes by a way that ends between pixels, by chance: where on the grid of pixels it stood
    would tell the width of what stood before it. For the same reason it becomes softer, and it goes
    without its paper, which is drawn anew to the edge of the column.
    """
    from .pdf_images import Picture as Turned

    for line in plan.lines:
        turned = Turned(
            np.rot90(picture.samples, line.turn),
            picture.depth,
            "",
            picture.colours,
            picture.palette,
            picture.inverted,
        )
        for window, colours, mask in _painted(turned, line):
            turned.put(window, colours, mask)


def _painted(
    picture: Picture, line: PixelLine
) -> Iterator[tuple[tuple[slice, slice], npt.NDArray[np.uint8], Mask]]:
    from scipy.ndimage import gaussian_filter, shift

    sheet = line.sheet
    margin = 8
    height, width = sheet.shape
    rows, columns = line.window
    new_end = max([word.new + word.end - word.start for word in line.words], default=0.0)
    y0, y1 = max(0, rows.start - margin), min(height, rows.stop + margin)
    x0 = max(0, columns.start - margin)
    x1 = min(width, max(columns.stop, int(new_end) + 2) + margin)
    window = slice(y0, y1), slice(x0, x1)
    rgb = picture.rgb(window).astype(np.float32)
    labels = sheet.labels[window]
    fill = np.zeros(labels.shape, bool)
    fill[rows.start - y0 : rows.stop - y0, columns.start - x0 : columns.stop - x0] = line.fill
    going = [index for word in line.words for index in word.letters]
    ink = np.isin(labels, going)
    # The rim of what is removed belongs to it: nothing there goes along.
    secret = grown(np.isin(labels, list(line.removed)), 1)
    other = (labels > 0) & ~ink
    near = grown(ink, 1 if picture.depth == 1 else 2) & ~secret & ~grown(other & ~secret, 1)
    sample = ~grown(labels > 0, 3) & fill
    # A blank place is no ground: only what was seen as even before counts.
    sample &= ~sheet.blank(window)
    plane, noise = sheet.plane(rgb, sample)
    rest = np.where((near | (ink & ~secret))[..., None], rgb - plane, 0.0)
    rest[np.abs(rest).max(axis=2) < _FAINT] = 0
    generator = np.random.default_rng()
    paper = plane.copy()
    if noise >= 1:
        paper += generator.normal(0, noise, plane.shape[:2])[..., None]
    result = np.where(fill[..., None], paper, rgb)
    mask = fill.copy()
    ux, uy = sheet.direction
    steps = generator.uniform(-_STRAY, _STRAY, len(line.words) + 1)
    for word in line.words:
        boxes = sheet.boxes[[letter - 1 for letter in word.letters]].astype(int)
        above, before = (max(0, v - 4) for v in (boxes[:, 1].min() - y0, boxes[:, 0].min() - x0))
        near_word = (
            slice(above, boxes[:, 3].max() - y0 + 5),
            slice(before, boxes[:, 2].max() - x0 + 5),
        )
        own = grown(np.isin(labels[near_word], word.letters), 2)
        part = rest[near_word] * own[..., None]
        by = word.new - word.start + steps[word.block]
        step = by * ux, by * uy + generator.uniform(-0.1, 0.1)
        whole = round(step[0]), round(step[1])
        top, left = above + whole[1], before + whole[0]
        blur = _SOFT_BITS if picture.depth == 1 else _SOFT
        soft = gaussian_filter(part, (blur, blur, 0))
        soft = shift(soft, (step[1] - whole[1], step[0] - whole[0], 0), order=3)
        bottom, right = top + part.shape[0], left + part.shape[1]
        t, b = max(0, top), min(result.shape[0], bottom)
        a, z = max(0, left), min(result.shape[1], right)
        if t >= b or a >= z:
            continue
        soft = soft[t - top : b - top, a - left : z - left]
        seen = np.abs(soft).max(axis=2) >= _FAINT
        result[t:b, a:z][seen] += soft[seen]
        mask[t:b, a:z] |= seen
    yield window, np.clip(result.round(), 0, 255).astype(np.uint8), mask
