"""Pixels of PDF images under areas: decoded, blanked, painted, and put back in the same kind of image.

Samples stay in the image's own colour space and depth; RGB is only what the painter is shown. A colour
space that RGB cannot be turned back into takes the nearest colour that stands around the gap.
"""

# mypy: disallow-untyped-calls=False
# PyMuPDF ships annotations for a part of its functions only.

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Samples = npt.NDArray[np.generic]  # (height, width, components), values 0 .. 2**depth - 1
    Rgb = npt.NDArray[np.uint8]
    Mask = npt.NDArray[np.bool_]


@dataclass
class Picture:
    """A decoded image.

    Attributes:
        samples: (height, width, components).
        depth: bits a component.
        codec: the filter that it was coded with, "" for the lossless ones of PDF.
        colours: how samples relate to RGB: "gray", "rgb", "cmyk", "indexed" or "other".
        palette: (n, 3) RGB for "indexed".
        inverted: whether /Decode turns the values round.
        alpha: (height, width) that JPEG 2000 carries inside, or None.
        jpeg: quantisation tables and subsampling for coding it again, or None.
    """

    samples: Samples
    depth: int
    codec: str
    colours: str
    palette: Rgb | None = None
    inverted: bool = False
    alpha: Rgb | None = None
    jpeg: dict[str, Any] | None = None

    def rgb(self, window: tuple[slice, slice]) -> Rgb:
        """Return a window as RGB, good enough to paint by."""
        part = self.samples[window]
        top = (1 << self.depth) - 1
        if self.palette is not None:
            return np.asarray(self.palette[np.minimum(part[..., 0], len(self.palette) - 1)])
        if self.depth <= 8 and self.colours in ("rgb", "gray"):
            levels = (np.arange(top + 1) * (255.0 / top)).round().astype(np.uint8)
            whole = (levels[::-1] if self.inverted else levels)[part]
            return whole if self.colours == "rgb" else np.repeat(whole[..., :1], 3, axis=2)
        level = (part.astype(np.float32) * (255.0 / top)).round()
        if self.inverted:
            level = 255.0 - level
        if self.colours == "rgb":
            return level.astype(np.uint8)
        if self.colours == "cmyk":
            light = (255.0 - level[..., :3]) * (255.0 - level[..., 3:]) / 255.0
            return light.astype(np.uint8)
        if self.colours == "other":
            level = 255.0 - level.mean(axis=2, keepdims=True)
        return np.repeat(level[..., :1], 3, axis=2).astype(np.uint8)

    def put(self, window: tuple[slice, slice], painted: Rgb, mask: Mask) -> None:
        """Write painted RGB back where the mask is True."""
        part = self.samples[window]
        top = (1 << self.depth) - 1
        if self.colours in ("gray", "rgb"):
            level = painted.astype(np.float32)
            if self.colours == "gray":
                level = level.mean(axis=2, keepdims=True)
            if self.inverted:
                level = 255.0 - level
            part[mask] = (level[mask] * (top / 255.0)).round().astype(part.dtype)
            return
        around = part[~mask]
        if not len(around):
            return
        seen, first = np.unique(around, axis=0, return_index=True)
        colours = self.rgb(window)[~mask][first]
        if len(seen) > 4096:
            step = len(seen) // 4096 + 1
            seen, colours = seen[::step], colours[::step]
        from scipy.spatial import cKDTree

        _, nearest = cKDTree(colours.astype(np.float32)).query(painted[mask].astype(np.float32))
        part[mask] = seen[nearest]

    def paint(self, window: tuple[slice, slice], painted: Rgb, mask: Mask) -> None:
        """Write RGB where the mask is True, in any colours that the samples can have."""
        part = self.samples[window]
        wanted = painted[mask].astype(np.float32)
        if self.colours in ("gray", "rgb"):
            self.put(window, painted, mask)
        elif self.palette is not None:
            from scipy.spatial import cKDTree

            _, nearest = cKDTree(self.palette.astype(np.float32)).query(wanted)
            part[mask] = nearest[:, None].astype(part.dtype)
        elif self.colours == "cmyk":
            level = wanted / 255.0
            key = 1.0 - level.max(axis=1, keepdims=True)
            inks = (1.0 - level - key) / np.maximum(1e-6, 1.0 - key)
            values = np.concatenate([inks, key], axis=1)
            values = 1.0 - values if self.inverted else values
            part[mask] = (values * ((1 << self.depth) - 1)).round().astype(part.dtype)
        else:  # one ink, or several of unknown colours: their amount makes it dark
            level = 1.0 - wanted.mean(axis=1, keepdims=True) / 255.0
            level = 1.0 - level if self.inverted else level
            part[mask] = (level * ((1 << self.depth) - 1)).round().astype(part.dtype)


def cover(shape: tuple[int, int], polygons: Sequence[Sequence[Sequence[float]]]) -> Mask:
    """Return the pixels that polygons touch, (height, width).

    Args:
        shape: height and width.
        polygons: corners in fractions of width and height, y down. One that is narrower than two
            pixels covers none: so coarse an image cannot show what stands there.
    """
    from PIL import Image, ImageDraw
    from scipy.ndimage import binary_dilation

    height, width = shape
    mask = np.zeros(shape, bool)
    places = [[(x * width - 0.5, y * height - 0.5) for x, y in polygon] for polygon in polygons]
    places = [p for p in places if min(max(v) - min(v) for v in zip(*p, strict=True)) >= 2]
    if not places:
        return mask
    # Only where they are: a picture can be many times as large.
    xs, ys = zip(*(spot for place in places for spot in place), strict=True)
    x0, y0 = max(0, math.floor(min(xs)) - 2), max(0, math.floor(min(ys)) - 2)
    x1, y1 = min(width, math.ceil(max(xs)) + 3), min(height, math.ceil(max(ys)) + 3)
    if x0 >= x1 or y0 >= y1:
        return mask
    canvas = Image.new("L", (x1 - x0, y1 - y0))
    draw = ImageDraw.Draw(canvas)
    for place in places:
        draw.polygon([(x - x0, y - y0) for x, y in place], fill=1, outline=1)
    part = np.asarray(canvas, dtype=bool)
    mask[y0:y1, x0:x1] = binary_dilation(part, np.ones((3, 3), bool))
    return mask


def letters(
    picture: Picture,
    polygon: Sequence[Sequence[float]],
    inks: Sequence[tuple[int, int, int]],
    blur: float,
) -> Mask:
    """Return the pixels of the letters in a polygon; where they cannot be told, all of it.

    Args:
        picture: what is looked at.
        polygon: corners in fractions of width and height, y down.
        inks: colours of the letters and of what they wear.
        blur: standard deviation of their edges in pixels.
    """
    from .strokes import strokes

    whole = cover(picture.samples.shape[:2], [polygon])
    result = np.zeros_like(whole)
    for window in windows(whole):
        for ink in inks:
            result[window] |= strokes(picture.rgb(window), whole[window], ink, blur)
    return result


def crop(
    picture: Picture,
    hidden: Mask,
    window: tuple[slice, slice],
    part: Mask,
    ink: tuple[int, int, int] | None,
) -> tuple[Rgb, npt.NDArray[np.uint8]]:
    """Return a window to be painted: RGB, blank where it is hidden, and its mask.

    Args:
        picture: what is painted.
        hidden: (height, width) of the picture, what is to be painted.
        window: rows and columns.
        part: what of the window is this crop's to paint.
        ink: colour of letters that may stand beside, None not to look for them.

    The mask is 1 where it is to be painted, 2 where nothing is said about the ground: under other
    crops' parts, and under letters beside this one.
    """
    from .strokes import neighbours

    own = hidden[window]
    mask = np.where(part & own, 1, np.where(own, 2, 0)).astype(np.uint8)
    rgb = picture.rgb(window).copy()
    rgb[own] = 0
    if ink is not None:
        mask[neighbours(rgb, own, ink)] = 2
    return rgb, np.ascontiguousarray(mask)


def ink_of(
    written: Sequence[tuple[Mask, tuple[int, int, int]]], window: tuple[slice, slice], part: Mask
) -> tuple[int, int, int] | None:
    """Return the colour of the letters in a part of a window; None where there are none."""
    return next((ink for own, ink in written if (own[window] & part).any()), None)


def windows(mask: Mask) -> list[tuple[slice, slice]]:
    """Return one window a connected masked part, with enough around it to paint by."""
    return [window for window, _ in zones(mask)]


def zones(mask: Mask, share: float = 0.75) -> list[tuple[tuple[slice, slice], Mask]]:
    """Return one window a connected masked part, and the part in it.

    Args:
        mask: (height, width).
        share: how much is around, as a share of the part's height.
    """
    from scipy.ndimage import find_objects, label

    height, width = mask.shape
    down, across = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(down):
        return []
    top, left = int(down[0]), int(across[0])
    parts = label(mask[top : down[-1] + 1, left : across[-1] + 1])[0]
    result = []
    for number, (own_rows, own_columns) in enumerate(find_objects(parts), 1):
        rows = slice(own_rows.start + top, own_rows.stop + top)
        columns = slice(own_columns.start + left, own_columns.stop + left)
        margin = int(min(64 if share < 1 else 96, max(12, share * (rows.stop - rows.start))))
        window = (
            slice(max(0, rows.start - margin), min(height, rows.stop + margin)),
            slice(max(0, columns.start - margin), min(width, columns.stop + margin)),
        )
        part = np.zeros((window[0].stop - window[0].start, window[1].stop - window[1].start), bool)
        part[
            rows.start - window[0].start : rows.stop - window[0].start,
            columns.start - window[1].start : columns.stop - window[1].start,
        ] = parts[own_rows, own_columns] == number
        result.append((window, part))
    return result


def flat_fill(picture: Picture, mask: Mask) -> None:
    """Fill the masked samples with the commonest sample around each part."""
    for window in windows(mask):
        part, hidden = picture.samples[window], mask[window]
        around = part[~hidden]
        if len(around):
            values, counts = np.unique(around, axis=0, return_counts=True)
            part[hidden] = values[counts.argmax()]
