"""Set new text into pixels as the old was: soft, coloured, outlined, shaded, tilted, noisy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...geometry import Affine, Polygon
from ...looks.plane import homography, is_parallel, project
from .fitted import Fitted
from .pdf_images import Picture
from .setting import Planned, ShapedType, plan, spots
from .weathering import Weather

if TYPE_CHECKING:
    import numpy.typing as npt

    Coverage = npt.NDArray[np.float32]
    Matrix = npt.NDArray[np.float64]
    Colours = npt.NDArray[np.float32]
    Window = tuple[slice, slice]

# How much finer than the picture text is drawn that is then seen in perspective, or has an outline.
_FINE = 3
_NOWHERE: Matrix = np.eye(3)


class Sheet(NamedTuple):
    """How much of each pixel is covered, 0.0-1.0, and where in the picture that lies."""

    cover: Coverage
    x: int
    y: int


class Layer(NamedTuple):
    """Something that is drawn: where, how much of it, and in what colour, (3,) or (rows, columns, 3)."""

    window: Window
    cover: Coverage
    colour: Colours


def draw(
    picture: Picture,
    edit: Mapping[str, Any],
    to_pixels: Affine,
    least: float,
    weather: Weather | None = None,
) -> list[Layer]:
    """Draw the text of an edit into a picture; return what was drawn.

    Args:
        picture: its samples are changed.
        edit: as :func:`.setting.plan` takes it; one whose text does not fit draws nothing.
        to_pixels: from the displayed page to pixels, y down.
        least: as for plan.
        weather: the noise of the picture, which the letters get too.
    """
    planned = plan(edit, least)
    if isinstance(planned, Fitted):
        return []
    height, width = picture.samples.shape[:2]
    layers = list(_layers(planned, to_pixels, (height, width)))
    for layer in layers:
        ground = picture.rgb(layer.window).astype(np.float32)
        colour = layer.colour
        if weather is not None:
            colour = colour + weather.noise(layer.window)
        mixed = ground + layer.cover[..., None] * (colour - ground)
        seen = layer.cover > 1 / 255
        picture.paint(layer.window, np.clip(mixed.round(), 0, 255).astype(np.uint8), seen)
        if weather is not None:
            weather.touch(layer.window, seen)
    return layers


def _layers(planned: Planned, to_pixels: Affine, shape: tuple[int, int]) -> Iterator[Layer]:
    """Yield what a text consists of, what lies lowest first."""
    setting = planned.setting
    scale = abs(to_pixels.a * to_pixels.d - to_pixels.b * to_pixels.c) ** 0.5
    warp = _warp(planned, to_pixels)
    fine = _FINE if warp is not None or setting.outline else 1
    flat = to_pixels.then(Affine.scale(fine))
    drawn = _flat(planned, flat)
    if drawn is None:
        return

    def seen(sheet: Sheet) -> Sheet:
        return sheet if fine == 1 else _seen(sheet, _NOWHERE if warp is None else warp)

    whole = drawn
    if setting.outline:
        whole = _wider(drawn, setting.outline * scale * fine)
    if any(setting.shadow):
        along, down = planned.frame.matrix.then(to_pixels), setting.shadow[1]
        dx = setting.shadow[0] * along.a - down * along.c
        dy = setting.shadow[0] * along.b - down * along.d
        soft = (setting.blur**2 + setting.shadow_blur**2) ** 0.5 * scale
        yield from _layer(_moved(seen(whole), dx, dy), soft, setting.shadow_color, shape)
    if setting.outline:
        yield from _layer(seen(whole), setting.blur * scale, setting.outline_color, shape)
    colours = dict.fromkeys([setting.color, *(part.color for part in setting.inline)])
    for colour in colours:
        own = drawn if len(colours) == 1 else _flat(planned, flat, colour)
        if own is None:
            continue
        for layer in _layer(seen(own), setting.blur * scale, colour, shape):
            if setting.gradient and colour == setting.color:
                yield layer._replace(colour=_gradient(planned, to_pixels, warp, layer.window))
            else:
                yield layer


def _flat(
    planned: Planned, to_pixels: Affine, only: tuple[int, int, int] | None = None
) -> Sheet | None:
    """Return the letters of a text as they are laid out; None where there are none.

    Args:
        planned: the text.
        to_pixels: from the displayed page to pixels, y down.
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
    data = np.frombuffer(bytes(image.buffer), np.uint8)
    grid = data.reshape(extents.height, extents.stride)[:, : extents.width]
    return Sheet(grid.astype(np.float32) / np.float32(255), extents.x_origin, extents.y_origin)


def _layer(
    sheet: Sheet, sigma: float, colour: tuple[int, int, int], shape: tuple[int, int]
) -> Iterator[Layer]:
    """Yield a sheet, softened, as a layer of a picture; nothing where it lies outside."""
    from scipy.ndimage import gaussian_filter

    pad = int(4 * sigma) + 1
    cover: Coverage = np.pad(sheet.cover, pad)
    if sigma > 0.05:
        cover = gaussian_filter(cover, sigma)
    x, y = sheet.x - pad, sheet.y - pad
    x0, y0 = max(0, x), max(0, y)
    x1, y1 = min(shape[1], x + cover.shape[1]), min(shape[0], y + cover.shape[0])
    if x0 < x1 and y0 < y1:
        window = slice(y0, y1), slice(x0, x1)
        yield Layer(window, cover[y0 - y : y1 - y, x0 - x : x1 - x], np.array(colour, np.float32))


def _moved(sheet: Sheet, dx: float, dy: float) -> Sheet:
    """Return a sheet moved by a fraction of pixels."""
    from scipy.ndimage import shift

    x, y = int(np.floor(dx)), int(np.floor(dy))
    cover = shift(np.pad(sheet.cover, 1), (dy - y, dx - x), order=1, mode="constant")
    return Sheet(cover, sheet.x - 1 + x, sheet.y - 1 + y)


def _wider(sheet: Sheet, radius: float) -> Sheet:
    """Return a finely drawn sheet with a border of that many of its pixels around all that it covers."""
    from scipy.ndimage import distance_transform_edt

    pad = int(radius) + 2
    cover = np.pad(sheet.cover, pad)
    away = distance_transform_edt(cover < 0.5)
    border = np.clip(radius + 0.5 - away, 0.0, 1.0).astype(np.float32)
    return Sheet(np.maximum(cover, border), sheet.x - pad, sheet.y - pad)


def _gradient(planned: Planned, to_pixels: Affine, warp: Matrix | None, window: Window) -> Colours:
    """Return the colour of each pixel of a window."""
    setting, frame = planned.setting, planned.frame
    rows, columns = window
    u, v = np.meshgrid(
        np.arange(columns.start, columns.stop) + 0.5, np.arange(rows.start, rows.stop) + 0.5
    )
    if warp is not None:
        s, t, w = np.tensordot(np.linalg.inv(warp), np.stack([u, v, np.ones_like(u)]), axes=1)
        u, v = s / w, t / w
    back = frame.matrix.then(to_pixels).inverse()
    if setting.gradient == "x":
        place = (back.a * u + back.c * v + back.e) / frame.width
    else:
        place = -(back.b * u + back.d * v + back.f) / frame.height
    first, last = np.array(setting.color, float), np.array(setting.color_end, float)
    mixed = first + place[..., None] * (last - first)
    return np.asarray(np.clip(mixed, 0, 255), np.float32)


def _warp(planned: Planned, to_pixels: Affine) -> Matrix | None:
    """Return the homography, in pixels, from text laid out along two sides of its area to what is seen.

    None where the corners are those of a parallelogram.
    """
    corners = Polygon.of(planned.edit["polygon"])
    if is_parallel(corners) or planned.setting.direction == "ttb":
        return None
    a, b, _, d = (to_pixels.apply(point) for point in corners)
    flat = (a, b, (b.x + d.x - a.x, b.y + d.y - a.y), d)
    return homography(flat, [to_pixels.apply(point) for point in corners])


def _seen(sheet: Sheet, warp: Matrix) -> Sheet:
    """Return a finely drawn sheet as it is seen."""
    from scipy.ndimage import gaussian_filter, map_coordinates

    height, width = sheet.cover.shape
    x, y = sheet.x, sheet.y
    corners = [
        project(warp, u / _FINE, v / _FINE)
        for u, v in ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
    ]
    left, top = (int(np.floor(min(values))) - 1 for values in zip(*corners, strict=True))
    right, bottom = (int(np.ceil(max(values))) + 1 for values in zip(*corners, strict=True))
    u, v = np.meshgrid(np.arange(left, right) + 0.5, np.arange(top, bottom) + 0.5)
    s, t, w = np.tensordot(np.linalg.inv(warp), np.stack([u, v, np.ones_like(u)]), axes=1)
    places = t / w * _FINE - y - 0.5, s / w * _FINE - x - 0.5
    # Each pixel takes the mean of what it covers.
    soft = gaussian_filter(sheet.cover, 0.3 * _FINE)
    found = map_coordinates(soft, places, order=1, mode="constant")
    return Sheet(np.asarray(found, np.float32), left, top)
