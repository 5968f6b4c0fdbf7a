"""Cuts upright crops of text lines out of images, and maps places in them back. Pure array code.

Stages and plugins may import this module: it holds no part of an engine.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from ..geometry import Affine, Point, Polygon

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

    from .base import Image

HEIGHT = 48  # what nano reads; a crop of another height is resampled once more
MARGIN = 0.14  # of the em, shown on every side: nano was trained on such crops


def as_picture(pixels: Image) -> Picture:
    """Return RGB pixels as a picture, of one channel where all three are alike.

    Most pages are black on white, and one channel is resampled in half of the time.
    """
    from PIL import Image as Pictures

    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    grey = bool((red == green).all()) and bool((green == blue).all())
    return Pictures.fromarray(red.copy() if grey else pixels)


def as_pixels(picture: Picture) -> Image:
    """Return a picture of one channel or three as RGB pixels."""
    import numpy as np

    return np.asarray(picture.convert("RGB"))


class LineCrop(NamedTuple):
    """An upright crop of a text line.

    Attributes:
        image: (height, width, 3), for ``Engine.read``.
        to_source: map from the crop's pixels to those of the source image.
        margin: pixels around the line's own box.
    """

    image: Image
    to_source: Affine
    margin: float

    def polygon(self, start: float, end: float) -> Polygon:
        """Return the part of the line between two fractions of the crop's width, in source pixels.

        ``Reading.bounds`` are such fractions.
        """
        height, width = self.image.shape[:2]
        x0, x1 = start * width, end * width
        y0, y1 = self.margin, height - self.margin
        corners = (Point(x0, y0), Point(x1, y0), Point(x1, y1), Point(x0, y1))
        return Polygon(corners).map(self.to_source)


def crop_lines(
    image: Image, polygons: Iterable[Polygon], *, height: int = HEIGHT, margin: float = MARGIN
) -> list[LineCrop]:
    """Return an upright, undistorted crop of each line.

    Args:
        image: (H, W, 3).
        polygons: lines as ``Engine.locate`` gives them, clockwise from the text's top left, in any
            direction. Parts outside the image repeat its border.
        height: of the crops, in pixels.
        margin: as a share of the line's height.
    """
    pyramid = {1: image}
    return [_crop(image, pyramid, polygon, height, margin) for polygon in polygons]


def _crop(
    image: Image, pyramid: dict[int, Image], polygon: Polygon, height: int, margin: float
) -> LineCrop:
    # Here, not above: pages with a text layer need no pixels, and this is a fifth of the start.
    import numpy as np
    from PIL import Image as Pictures

    p0, p1, p3 = polygon[0], polygon[1], polygon[3]
    em = max(math.dist(p0, p3), 1.0)
    length = max(math.dist(p0, p1), 1.0)
    ux, uy = (p1.x - p0.x) / length, (p1.y - p0.y) / length
    border = margin * em
    scale = height / (em + 2 * border)
    width = max(1, round((length + 2 * border) * scale))
    along = width / (length + 2 * border)  # scale, up to rounding: both ends stay where they are
    # Top left of the crop; the height axis is taken at right angles to the text.
    x = p0.x - border * ux + border * uy
    y = p0.y - border * uy - border * ux
    to_source = Affine(ux / along, uy / along, -uy / scale, ux / scale, x, y)

    # Shrinking by more than 2 is done on a copy averaged over blocks, or strokes would fall between
    # the samples.
    factor = 2 ** max(0, math.floor(math.log2(1 / scale))) if scale < 1 else 1
    if factor not in pyramid:
        reduced = Pictures.fromarray(image).reduce(factor)
        pyramid[factor] = np.asarray(reduced)
    source = pyramid[factor]
    near = to_source.then(Affine.scale(1 / factor))

    # Cut the neighbourhood out first: the transform touches few pixels, and the border repeats.
    corners = Polygon.of([(0, 0), (width, 0), (width, height), (0, height)]).map(near).bbox
    x0, y0 = math.floor(corners.x0) - 2, math.floor(corners.y0) - 2
    x1, y1 = math.ceil(corners.x1) + 2, math.ceil(corners.y1) + 2
    rows = np.clip(np.arange(y0, y1), 0, source.shape[0] - 1)
    columns = np.clip(np.arange(x0, x1), 0, source.shape[1] - 1)
    patch = np.ascontiguousarray(source[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    if len(rows) != patch.shape[0] or len(columns) != patch.shape[1]:
        patch = patch[(rows - rows[0])[:, None], columns - columns[0]]
    m = near.then(Affine.translate(-x0, -y0))
    crop = as_picture(patch).transform(
        (width, height),
        Pictures.Transform.AFFINE,
        (m.a, m.c, m.e, m.b, m.d, m.f),
        Pictures.Resampling.BICUBIC if scale > 1 else Pictures.Resampling.BILINEAR,
    )
    return LineCrop(as_pixels(crop), to_source, margin * em * scale)
