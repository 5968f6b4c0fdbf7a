"""Move the words of lines of pixels that are set anew; see :mod:`.pixel_lines`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .pixel_ink import grown

if TYPE_CHECKING:
    import numpy.typing as npt

    from .pdf_images import Mask, Picture, Rgb
    from .pixel_lines import PixelLine, PixelPlan

    Window = tuple[slice, slice]

# Deviation of the blur, in pixels, that hides how a letter stood on the grid; in black and white.
_SOFT, _SOFT_BITS = 0.7, 0.9
_STRAY = 1.0  # how far a word ends beside its place, by chance, in pixels
_MARGIN = 8  # pixels beside a line that are looked at too
_ROUND = 1.2  # em around a line in which its ground is seen
_MOST = 12.0  # levels by which shade differs from an even ground
_FAINT = 6.0  # what differs less from the ground is no ink


def covered(plan: PixelPlan, shape: tuple[int, int]) -> Mask:
    """Return the pixels of the picture that the plan makes ground before it puts words in."""
    result = np.zeros(shape, bool)
    for line in plan.lines:
        np.rot90(result, line.turn)[line.window] |= line.fill
    return result


class _Part(NamedTuple):
    """A word on its way: how it differs from its ground, and where its upper left corner comes to lie."""

    top: int
    left: int
    colours: npt.NDArray[np.float16]


def set_anew(picture: Picture, plan: PixelPlan) -> None:
    """Move the words of a plan; what is removed must be blank already.

    Each word goes by a way that ends between pixels, by chance: where on the grid of pixels it stood
    would tell the width of what stood before it. For the same reason it becomes softer, and it goes
    without its paper, which is drawn anew to the edge of the column. All words are lifted and all
    paper is drawn before the first word is put down: lines may stand close together.
    """
    canvas = picture.rgb((slice(None), slice(None))).copy()
    changed = np.zeros(canvas.shape[:2], bool)
    lifted: list[list[_Part]] = []
    for line in plan.lines:
        parts, paper = _lifted(_turned(picture, line.turn), line)
        np.rot90(canvas, line.turn)[line.window][line.fill] = paper[line.fill]
        np.rot90(changed, line.turn)[line.window] |= line.fill
        lifted.append(parts)
    windows = []
    for line, parts in zip(plan.lines, lifted, strict=True):
        sheet, mask = np.rot90(canvas, line.turn), np.rot90(changed, line.turn)
        spots = [_put(sheet, mask, part) for part in parts]
        windows.append(_around([line.window, *spots], line.sheet.shape))
    for line, window in zip(plan.lines, windows, strict=True):
        own, mask = np.rot90(canvas, line.turn)[window], np.rot90(changed, line.turn)[window]
        _turned(picture, line.turn).put(window, own, mask)


def _around(windows: list[Window], shape: tuple[int, int], margin: int = _MARGIN) -> Window:
    """Return the window around others, with some of what stands beside it."""
    y0, y1 = min(r.start for r, _ in windows), max(r.stop for r, _ in windows)
    x0, x1 = min(c.start for _, c in windows), max(c.stop for _, c in windows)
    return (
        slice(max(0, y0 - margin), min(shape[0], y1 + margin)),
        slice(max(0, x0 - margin), min(shape[1], x1 + margin)),
    )


def _turned(picture: Picture, turn: int) -> Picture:
    """Return a view of a picture, turned."""
    return replace(picture, samples=np.rot90(picture.samples, turn))


def _lifted(picture: Picture, line: PixelLine) -> tuple[list[_Part], Rgb]:
    """Return the words of a line, and the ground that they leave, over the line's window."""
    from scipy.ndimage import gaussian_filter, shift

    sheet = line.sheet
    generator = np.random.default_rng()
    rows, columns = line.window
    window = _around([line.window], sheet.shape, max(_MARGIN, round(_ROUND * line.move.size)))
    y0, x0 = window[0].start, window[1].start
    rgb = picture.rgb(window).astype(np.float32)
    labels = sheet.labels[window]
    inner = slice(rows.start - y0, rows.stop - y0), slice(columns.start - x0, columns.stop - x0)
    fill = np.zeros(labels.shape, bool)
    fill[inner] = line.fill
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
    seen = ~grown(labels > 0, 3) & ~fill & ~sheet.blank(window)
    if seen.sum() >= 100:
        plane = plane + _shade(rgb - plane, seen, line.move.size)
        noise = min(noise, float((rgb - plane)[sample].std()))
    goes = (near | (ink & ~secret)) & ~sheet.blank(window)
    rest = np.where(goes[..., None], rgb - plane, 0.0)
    rest[np.abs(rest).max(axis=2) < _FAINT] = 0
    paper: npt.NDArray[np.floating] = plane[inner]
    if noise >= 1:
        paper = paper + generator.normal(0, noise, paper.shape[:2])[..., None]
    ux, uy = sheet.direction
    blur = _SOFT_BITS if picture.depth == 1 else _SOFT
    steps = generator.uniform(-_STRAY, _STRAY, len(line.words) + 1)
    parts = []
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
        soft = gaussian_filter(part, (blur, blur, 0))
        soft = shift(soft, (step[1] - whole[1], step[0] - whole[0], 0), order=3)
        top, left = y0 + above + whole[1], x0 + before + whole[0]
        parts.append(_Part(top, left, soft.astype(np.float16)))
    return parts, np.clip(paper.round(), 0, 255).astype(np.uint8)


def _shade(beside: npt.NDArray[np.floating], seen: Mask, em: float) -> npt.NDArray[np.floating]:
    """Return how the ground around a line differs from its plane: the shadow at the edge of a scan.

    Only what stands beside the line counts, so that nothing in it depends on removed words.
    """
    from scipy.ndimage import gaussian_filter

    around = (max(1.0, 0.7 * em),) * 2
    weight = gaussian_filter(seen.astype(np.float32), around)
    total = gaussian_filter(np.where(seen[..., None], beside, 0.0), (*around, 0))
    shade: npt.NDArray[np.floating] = total / (weight + 0.003)[..., None]
    return shade.clip(-_MOST, _MOST)


def _put(sheet: Rgb, changed: Mask, part: _Part) -> Window:
    """Put a word down; return where."""
    height, width = changed.shape
    bottom, right = part.top + part.colours.shape[0], part.left + part.colours.shape[1]
    t, b = max(0, part.top), max(0, min(height, bottom))
    a, z = max(0, part.left), max(0, min(width, right))
    window = slice(t, max(t, b)), slice(a, max(a, z))
    colours = part.colours[t - part.top : b - part.top, a - part.left : z - part.left]
    mixed = sheet[window] + colours.astype(np.float32)
    seen = np.abs(colours).max(axis=2, initial=0) >= _FAINT
    sheet[window][seen] = np.clip(mixed.round(), 0, 255).astype(np.uint8)[seen]
    changed[window] |= seen
    return window
