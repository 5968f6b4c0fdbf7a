"""Ruling lines and dark areas of a scanned page, from its pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..geometry import Affine, Point
from ..model import Page
from ..stage import Graphics, Rule
from .frame import Frame

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# The page is looked at with about this many pixels an inch: a thin rule is one pixel then.
_DPI = 100
# Rules are dark against their neighbourhood by this much, of 255.
_CONTRAST = 40
# Shortest rules in inches, and the share of dark pixels along one.
_ACROSS, _DOWN = 0.5, 0.25
_FILLED = 0.85
_THICKEST = 0.06


def strokes_of(page: Page, raster: npt.NDArray[np.uint8]) -> Graphics:
    """Return the ruling lines that the raster shows, in page units.

    Args:
        page: the page with its lines, which tell how the page is turned.
        raster: the page as displayed, uint8 (height, width, 3), at any resolution.
    """
    import numpy as np
    from PIL import Image

    if raster.size == 0:
        return Graphics()
    frame = Frame.of(page, scale=1.0)
    inch = 72.0 if page.unit == "pt" else float(page.dpi)
    grey = raster[:, :, 1]
    step = max(1, int(raster.shape[1] / (page.width / inch) / _DPI))
    if step > 1:
        height, width = grey.shape[0] // step * step, grey.shape[1] // step * step
        if not height or not width:
            return Graphics()
        # The darkest of each square, so that a thin rule does not fade.
        grey = np.minimum.reduce([grey[n:height:step, :width] for n in range(step)])
        grey = np.minimum.reduce([grey[:, n::step] for n in range(step)])
    scale = page.width / grey.shape[1]  # page units a pixel
    image = Image.fromarray(np.ascontiguousarray(grey))
    if not frame.plain:
        image = _upright(image, frame, scale)
    dark = _dark(np.asarray(image))
    _blank_words(dark, page, frame, scale)
    dots = 1 / (scale / inch)  # pixels an inch
    across = _runs(dark, round(_ACROSS * dots), round(_THICKEST * dots) + 1)
    down = _runs(dark.T, round(_DOWN * dots), round(_THICKEST * dots) + 1)
    ends = [(Point(x0, y), Point(x1, y), thick) for y, x0, x1, thick in across]
    ends += [(Point(x, y0), Point(x, y1), thick) for x, y0, y1, thick in down]
    to_page = Affine.scale(scale).then(frame.back)
    return Graphics(
        rules=tuple(Rule(to_page.apply(a), to_page.apply(b), thick * scale) for a, b, thick in ends)
    )


def _upright(image, frame: Frame, scale: float):  # type: ignore[no-untyped-def]
    """Return the image turned into the frame."""
    from PIL import Image

    size = (
        max(1, round(frame.sheet.width / scale)),
        max(1, round(frame.sheet.height / scale)),
    )
    back = frame.back
    # Pillow asks where each pixel of the result comes from, in pixels.
    matrix = (back.a, back.c, back.e / scale, back.b, back.d, back.f / scale)
    return image.transform(
        size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR, fillcolor=255
    )


def _dark(grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Return where a pixel is much darker than the paper around it (64 pixels wide)."""
    import numpy as np

    size = 64
    height, width = grey.shape
    rows, columns = -(-height // size), -(-width // size)
    padded = np.pad(grey, ((0, rows * size - height), (0, columns * size - width)), mode="edge")
    squares = padded.reshape(rows, size, columns, size).swapaxes(1, 2).reshape(rows, columns, -1)
    paper = np.percentile(squares[:, :, ::7], 80, axis=2)
    spread = np.repeat(np.repeat(paper, size, axis=0), size, axis=1)[:height, :width]
    return np.asarray(grey < spread - _CONTRAST)


def _blank_words(dark: npt.NDArray[np.bool_], page: Page, frame: Frame, scale: float) -> None:
    """Clear the middle of each word, so that no row of bold letters passes for a rule."""
    for line in page.lines:
        for word in line.words:
            box = word.polygon.map(frame.to).bbox
            inset = 0.2 * box.height
            top, bottom = int((box.y0 + inset) / scale), int((box.y1 - inset) / scale) + 1
            dark[max(0, top) : bottom, max(0, int(box.x0 / scale)) : int(box.x1 / scale)] = False


def _runs(
    dark: npt.NDArray[np.bool_], shortest: int, thickest: int
) -> list[tuple[float, float, float, float]]:
    """Return long thin dark runs along axis 1 as (place, start, end, thickness), in pixels.

    Small gaps and steps of one pixel, as noise and a rest of skew make them, are bridged.
    """
    import numpy as np
    from scipy import ndimage

    height, width = dark.shape
    if width < shortest or height < 3:
        return []
    # A row together with its neighbours: a rule that climbs by a pixel stays one.
    near = dark.copy()
    near[1:] |= dark[:-1]
    near[:-1] |= dark[1:]
    sums = np.zeros((height, width + 1), np.int32)
    np.cumsum(near, axis=1, out=sums[:, 1:])
    dense = sums[:, shortest:] - sums[:, :-shortest] >= _FILLED * shortest
    busy = np.flatnonzero(dense.any(axis=1))
    if not busy.size:
        return []
    core = np.zeros((height, width), bool)
    # A pixel belongs to a run when it lies in a dense stretch.
    ends = np.zeros((busy.size, width + 1), np.int32)
    ends[:, : dense.shape[1]] += dense[busy]
    ends[:, shortest:] -= dense[busy]
    core[busy] = np.cumsum(ends, axis=1)[:, :width] > 0
    core[busy] &= near[busy]
    labels, count = ndimage.label(core, np.ones((3, 3), int))
    if not count or count > 20000:
        return []
    found = []
    for label, slices in enumerate(ndimage.find_objects(labels), 1):
        rows, columns = slices
        length = columns.stop - columns.start
        thick = rows.stop - rows.start - 2  # the neighbours made it two thicker
        if length < shortest or thick > thickest + 0.01 * length:
            continue
        inside = labels[slices] == label
        if inside.any(axis=0).mean() < _FILLED:
            continue
        found.append(
            (
                (rows.start + rows.stop) / 2,
                float(columns.start),
                float(columns.stop),
                float(max(1, thick)),
            )
        )
    return found
