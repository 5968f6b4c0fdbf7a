"""Page orientation: how far the text of an image is turned and skewed, and an upright copy of it.

Two different questions. *Skew and axis* come from the pixels alone (:func:`text_tilt`): rows of ink are
sharp when one looks along the lines. *Which way is up* cannot be seen so cheaply: the caller reads a few
lines both ways and keeps the better (:mod:`docharmony.stages.lines` does that).

Images are uint8 arrays (height, width, 3), RGB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ..engine.crops import as_picture, as_pixels
from ..geometry import Affine

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ..engine.base import Image

MAX_SKEW = 7.0
"""Largest skew that is looked for, in degrees to either side."""

_SIDE = 1100  # pixels of the longer side of the copy that is measured: 10 pt text stays 9 px high
_POINTS = 25_000  # ink pixels that vote; more add time, not precision


class Tilt(NamedTuple):
    """What the pixels say of the text's direction.

    Attributes:
        sideways: True where the lines run from top to bottom or from bottom to top.
        angle: skew in degrees, clockwise as seen, of the lines against the nearer axis.
        certainty: how much sharper that axis is than the other, 1.0 = not at all; 0.0 without text.
    """

    sideways: bool
    angle: float
    certainty: float


@dataclass(frozen=True, slots=True)
class Upright:
    """An image turned and straightened, and the way back.

    Attributes:
        image: the upright copy (the source itself where nothing had to be done).
        to_source: map from its pixels to those of the source image.
    """

    image: Image
    to_source: Affine


def text_tilt(image: Image) -> Tilt:
    """Measure along which axis, and at which skew, the text of an image runs.

    Small marks vote (letters); rules, frames and pictures do not. Costs about 30 ms for a page.
    """
    import numpy as np

    ink = _letters(image)
    ys, xs = np.nonzero(ink)
    if len(ys) < 50:
        return Tilt(False, 0.0, 0.0)
    if len(ys) > _POINTS:
        chosen = np.linspace(0, len(ys) - 1, _POINTS).astype(np.int64)
        ys, xs = ys[chosen], xs[chosen]
    flat, flat_sharpness = _best_angle(xs, ys)
    # A line that runs downwards at -90 + a degrees is a row in (y, -x): the same search, axes swapped.
    steep, steep_sharpness = _best_angle(ys, -xs)
    if steep_sharpness > flat_sharpness:
        return Tilt(True, steep, steep_sharpness / max(flat_sharpness, 1e-9))
    return Tilt(False, flat, flat_sharpness / max(steep_sharpness, 1e-9))


def turn(image: Image, quarters: int, angle: float = 0.0, *, fast: bool = False) -> Upright:
    """Return the image turned so that its text is upright.

    Args:
        image: the source.
        quarters: how many times the source was turned by 90 degrees clockwise, 0-3; undone here.
        angle: skew in degrees, clockwise, that the text still has afterwards; undone as well. The
            copy keeps its size: text pushed over the border by a few degrees was on the border.
        fast: resample less well in half the time, for a copy in which nothing is read.
    """
    import numpy as np

    height, width = image.shape[:2]
    quarters %= 4
    out = np.ascontiguousarray(np.rot90(image, quarters)) if quarters else image
    to_source = (
        Affine(),
        Affine(0, 1, -1, 0, width, 0),  # (x, y) -> (width - y, x)
        Affine(-1, 0, 0, -1, width, height),
        Affine(0, -1, 1, 0, 0, height),
    )[quarters]
    if not angle:
        return Upright(out, to_source)
    from PIL import Image as Pictures

    h, w = out.shape[:2]
    middle = Affine.translate(-w / 2, -h / 2)
    skew = middle.then(Affine.rotate(angle)).then(Affine.translate(w / 2, h / 2))
    background = [int(v) for v in np.median(out[:: max(1, h // 64), :: max(1, w // 64)], (0, 1))]
    picture = as_picture(out)
    straight = picture.transform(
        (w, h),
        Pictures.Transform.AFFINE,
        (skew.a, skew.c, skew.e, skew.b, skew.d, skew.f),
        Pictures.Resampling.BILINEAR if fast else Pictures.Resampling.BICUBIC,
        fillcolor=background[0] if picture.mode == "L" else tuple(background),
    )
    return Upright(as_pixels(straight), skew.then(to_source))


def _letters(image: Image) -> npt.NDArray[np.bool_]:
    """Return where marks of the size of letters are, in a reduced copy; dark or light on any ground."""
    import numpy as np
    from PIL import Image as Pictures
    from scipy import ndimage

    grey = Pictures.fromarray(image).convert("L")
    factor = max(1, round(max(grey.size) / _SIDE))
    values = np.asarray(grey.reduce(factor), dtype=np.float32)
    contrast = np.abs(values - ndimage.uniform_filter(values, 25))
    # Half of the strongest strokes: noise of a scan stays below, faint print above.
    ink: npt.NDArray[np.bool_] = contrast > max(12.0, 0.45 * float(np.percentile(contrast, 99)))
    labels, count = ndimage.label(ink)
    keep = np.zeros(count + 1, dtype=np.bool_)
    limit = max(values.shape) // 12  # a word grown together may still vote; a rule may not
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        high, wide = box[0].stop - box[0].start, box[1].stop - box[1].start
        keep[number] = 3 <= max(high, wide) <= limit and min(high, wide) >= 2
    marks: npt.NDArray[np.bool_] = keep[labels]
    return marks


def _best_angle(along: npt.NDArray[np.int64], across: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Return the angle in degrees at which rows of points are sharpest, and how sharp they are."""
    import numpy as np

    def sharpness(angle: float) -> float:
        rows = across - along * np.tan(np.radians(angle))
        histogram = np.bincount((rows - rows.min()).astype(np.int64)).astype(np.float64)
        return float(np.square(np.diff(histogram)).sum() / len(rows) ** 2)

    best = max(np.arange(-MAX_SKEW, MAX_SKEW + 0.01, 0.5).tolist(), key=sharpness)
    for step in (0.1, 0.02):
        near = [best + k * step for k in range(-5, 6)]
        best = max(near, key=sharpness)
    return float(best), sharpness(best)
