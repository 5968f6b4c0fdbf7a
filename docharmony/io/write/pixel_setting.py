"""Set new text into pixels: glyphs drawn at the picture's own resolution, soft as the old ones were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...geometry import Affine
from .fitted import Fitted
from .pdf_images import Picture
from .setting import Planned, ShapedType, plan, spots

if TYPE_CHECKING:
    import numpy.typing as npt

    Coverage = npt.NDArray[np.float32]
    Window = tuple[slice, slice]


def draw(
    picture: Picture, edit: Mapping[str, Any], to_pixels: Affine, least: float
) -> tuple[Window, Coverage] | None:
    """Draw the text of an edit into a picture; return where, and how much it covers.

    Args:
        picture: its samples are changed.
        edit: as :func:`.setting.plan` takes it; one whose text does not fit draws nothing.
        to_pixels: from the displayed page to pixels, y down.
        least: as for plan.
    """
    planned = plan(edit, least)
    if isinstance(planned, Fitted):
        return None
    height, width = picture.samples.shape[:2]
    found = coverage(planned, to_pixels, (height, width))
    if found is None:
        return None
    setting = planned.setting
    colours = dict.fromkeys([setting.color, *(part.color for part in setting.inline)])
    for colour in colours:
        drawn = (
            found if len(colours) == 1 else coverage(planned, to_pixels, (height, width), colour)
        )
        if drawn is None:
            continue
        window, cover = drawn
        ground = picture.rgb(window).astype(np.float32)
        mixed = ground + cover[..., None] * (np.array(colour, np.float32) - ground)
        picture.paint(window, np.clip(mixed.round(), 0, 255).astype(np.uint8), cover > 1 / 255)
    return found


def coverage(
    planned: Planned,
    to_pixels: Affine,
    shape: tuple[int, int],
    only: tuple[int, int, int] | None = None,
) -> tuple[Window, Coverage] | None:
    """Return a window of the picture and how much of each pixel the letters cover, 0.0-1.0.

    Args:
        planned: the text.
        to_pixels: from the displayed page to pixels, y down.
        shape: height and width of the picture.
        only: letters of this colour; None takes all.
    """
    import uharfbuzz as hb

    if not isinstance(planned.type, ShapedType):
        return None
    raster = hb.RasterDraw()
    for line in planned.layout.lines:
        (part,) = planned.segments(line)
        shaped = planned.type.shape(part.text, part.start)
        colours = [planned.color(run.look) for run in shaped.runs for _ in run.glyphs]
        places = spots(planned, line, part, shaped)
        for colour, (face, number, place) in zip(colours, places, strict=True):
            if only is not None and colour != only:
                continue
            matrix = Affine.scale(1 / face.upem).then(place).then(to_pixels)
            raster.transform = tuple(matrix)
            raster.draw_glyph(face.hb_font, number)
    image = raster.render()
    if image is None or image.extents.width == 0:
        return None
    extents = image.extents
    flat = np.frombuffer(bytes(image.buffer), np.uint8)
    grid = flat.reshape(extents.height, extents.stride)[:, : extents.width]
    scale = abs(to_pixels.a * to_pixels.d - to_pixels.b * to_pixels.c) ** 0.5
    sigma = planned.setting.blur * scale
    pad = int(4 * sigma) + 1
    cover: Coverage = np.pad(grid, pad).astype(np.float32) / np.float32(255)
    if sigma > 0.05:
        from scipy.ndimage import gaussian_filter

        cover = gaussian_filter(cover, sigma)
    x, y = extents.x_origin - pad, extents.y_origin - pad
    x0, y0 = max(0, x), max(0, y)
    x1, y1 = min(shape[1], x + cover.shape[1]), min(shape[0], y + cover.shape[0])
    if x0 >= x1 or y0 >= y1:
        return None
    window = slice(y0, y1), slice(x0, x1)
    return window, cover[y0 - y : y1 - y, x0 - x : x1 - x]
