"""Ink: which pixels of a strip are letters, and their colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Grey = npt.NDArray[np.float32]
    Rgb = npt.NDArray[np.uint8]

# Contrast (of 255) without which there is no ink to speak of.
_CONTRAST = 24.0
# Share of a pixel from which ink holds together.
_FAINT = 0.2
# Spread of the middle half of the ground, as a share of the contrast, from which it is a picture; and
# how wide strokes and the space between them are, as a share of the strip's height.
_UNEVEN, _STROKES = 0.08, 0.3
# Cover that is still believed.
_MOST = 2.0
# Edges that are no softer (rows) are those of letters as programs draw them.
_SHARP = 0.37


@dataclass(frozen=True, slots=True)
class Ink:
    """Letters on a strip: how much of each pixel they cover (0.0-1.0), and their colour.

    Pixels that are further from the ground than the colour cover more than 1.0: where strokes are
    thinner than they are soft, the ink itself is nowhere seen.
    """

    cover: Grey
    colour: npt.NDArray[np.float32]
    ground: npt.NDArray[np.float32]


def find_ink(strip: Rgb) -> Ink | None:
    """Return the ink of a strip, or None where nothing stands out."""
    import numpy as np

    flat = strip.reshape(-1, 3).astype(np.float32)
    grey = flat.mean(axis=1)
    cut = _otsu(grey)
    dark = grey < cut
    if dark.mean() > 0.5:
        dark = ~dark
    if not dark.any() or dark.all():
        return None
    ground = np.median(flat[~dark], axis=0)
    away = np.abs(flat - ground).sum(axis=1)
    far = away[dark]
    core = flat[dark][far >= np.percentile(far, 70)]
    colour = np.median(core, axis=0)
    line = colour - ground
    length = float(line @ line)
    if length < _CONTRAST**2:
        return None
    low, high = np.percentile(grey[~dark], (25, 75))  # an outline of the letters is no part of it
    if high - low > _UNEVEN * length**0.5:
        return _on_picture(strip, darker=bool(colour.mean() < ground.mean()))
    cover = np.clip((flat - ground) @ line / length, 0.0, _MOST).reshape(strip.shape[:2])
    return Ink(cover.astype(np.float32), colour.astype(np.float32), ground.astype(np.float32))


def _on_picture(strip: Rgb, *, darker: bool) -> Ink | None:
    """Return the ink on a ground that changes along the line: what is finer than the ground there."""
    import numpy as np
    from scipy.ndimage import grey_closing, grey_opening, uniform_filter

    size = max(5, round(_STROKES * strip.shape[0]))
    close = grey_closing if darker else grey_opening
    pixels = strip.astype(np.float32)
    under = uniform_filter(close(pixels, (size, size, 1)), (size, size, 1))
    away = (pixels - under).mean(axis=2) * (-1 if darker else 1)
    cut = _otsu(np.clip(away, 0, 255).ravel())
    ink = away > max(cut, _CONTRAST / 2)
    if not ink.any() or ink.all():
        return None
    # What closes gaps takes the brighter pixels for the ground: back to the usual ones.
    under += np.median((pixels - under)[~ink], axis=0)
    core = ink & (away >= np.percentile(away[ink], 70))
    colour, ground = np.median(pixels[core], axis=0), np.median(under[core], axis=0)
    line = colour - ground
    length = float(line @ line)
    if length < _CONTRAST**2:
        return None
    cover = np.clip((pixels - under) @ line / length, 0.0, _MOST)
    return Ink(cover.astype(np.float32), colour.astype(np.float32), ground.astype(np.float32))


def _otsu(grey: npt.NDArray[np.float32]) -> float:
    """Return the level that parts two kinds of pixels best (Otsu 1979)."""
    import numpy as np

    counts, edges = np.histogram(grey, 64, (0, 256))
    middles = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)
    mass = np.cumsum(counts * middles)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = below * above * (mass / below - (mass[-1] - mass) / above) ** 2
    spread = np.nan_to_num(spread)
    return float(edges[1:][int(spread.argmax())])


def clear_rules(cover: Grey) -> None:
    """Blank what runs through the whole strip: ruling lines, borders of cells."""
    dark = cover > 0.4
    rows = dark.mean(axis=1) > 0.85
    columns = dark.mean(axis=0) > 0.9
    cover[rows] = 0.0
    cover[:, columns] = 0.0


def clear_neighbours(cover: Grey, margin: float) -> None:
    """Blank what reaches in from the lines above and below.

    Args:
        cover: of a strip.
        margin: rows at its top and bottom that do not belong to the line's own box.
    """
    from scipy.ndimage import find_objects, label

    marks, _ = label(cover > _FAINT)
    for number, place in enumerate(find_objects(marks), 1):
        top, bottom = place[0].start, place[0].stop
        low = cover.shape[0] - top
        # Dots of a neighbour may not reach the border; the line's own accents stand near its box.
        if bottom <= (margin if top == 0 else margin / 2) or low <= margin * 0.75:
            cover[place][marks[place] == number] = 0.0


def edge_blur(cover: Grey) -> float:
    """Return how soft the sharpest level edges of letters are: standard deviation in rows.

    A step blurred by s climbs at most by 1 / (s sqrt(2 pi)) a row; sampling adds about 0.3 rows.
    """
    import numpy as np

    climb = np.abs(np.diff(cover, axis=0)).ravel()
    steep = climb[climb > 0.05]
    if len(steep) < 20:
        return 0.6
    total = 0.4 / float(np.quantile(steep, 0.97))
    blur = float(np.sqrt(max(0.0, total * total - 0.09)))
    return 0.0 if blur < _SHARP else 1.05 * blur
