"""Letters painted by the image decoder, kept only where reading them back gives the wanted text."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..engine.crops import crop_lines
from ..geometry import Point, Polygon
from ..looks.plane import Plane

if TYPE_CHECKING:
    from ..engine.base import Engine, Image

    # (crop, corners of the text in it, text) -> the crop with the text, None where it was not legible.
    Letterer = Callable[[Image, Polygon, str], Image | None]

# How often the decoder may try, each time with another seed.
_TRIES = 3
# Of the height of ink, above and below it when it is read back; and what is ink (of 255).
_AROUND, _INK = 0.18, 40


def make_letterer(engine: Callable[[], Engine]) -> Letterer:
    """Return the function that paints texts and reads them back.

    Args:
        engine: returns the engine; called when there is something to paint.

    The letterer raises EngineError where the engine can paint, but not read.
    """

    def letter(crop: Image, polygon: Polygon, text: str) -> Image | None:
        import numpy as np
        from PIL import Image as Pictures
        from PIL import ImageDraw

        ready = engine()
        canvas = Pictures.new("1", (crop.shape[1], crop.shape[0]))
        ImageDraw.Draw(canvas).polygon([(p.x - 0.5, p.y - 0.5) for p in polygon], fill=1)
        mask = np.array(canvas, bool)
        if not mask.any():
            return None
        for seed in range(_TRIES):
            painted = ready.paint([crop], [mask], [text], seed=seed)[0]
            painted = np.where(mask[..., None], painted, crop)
            boxes = [polygon, _inked(painted, crop, polygon)]
            lines = [line.image for line in crop_lines(painted, boxes)]
            if any(_plain(seen.text) == _plain(text) for seen in ready.read(lines)):
                return painted
        return None

    return letter


def _inked(painted: Image, crop: Image, polygon: Polygon) -> Polygon:
    """Return the part of a text's area that has ink, about as high as readers are used to."""
    import numpy as np

    plane = Plane(polygon, 1.0, 1.0)
    rows, columns = np.nonzero(np.abs(painted.astype(np.int16) - crop).max(axis=2) > _INK)
    if not len(rows):
        return polygon
    step = max(1, len(rows) // 500)
    spots = zip(columns[::step], rows[::step], strict=True)
    flat = [plane.flat(Point(float(x) + 0.5, float(y) + 0.5)) for x, y in spots]
    left, right = min(p.x for p in flat), max(p.x for p in flat)
    top, bottom = min(p.y for p in flat), max(p.y for p in flat)
    around = _AROUND * (bottom - top)
    box = ((left, top - around), (right, top - around), (right, bottom + around))
    return Polygon(plane.page(x, y) for x, y in (*box, (left, bottom + around)))


def _plain(text: str) -> str:
    """Return a text as it is compared: one kind of blank, composed letters."""
    return " ".join(unicodedata.normalize("NFC", text).split())
