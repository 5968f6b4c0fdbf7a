"""Colours of letters that are of more than one: gradients, outlines, shadows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .ink import Ink

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Grey = npt.NDArray[np.float32]
    Mask = npt.NDArray[np.bool_]
    Colour = npt.NDArray[np.float32]
    Rgb = npt.NDArray[np.uint8]

# A gradient: least change of a channel over the letters (of 255), least share of the variance that it
# explains, and most that it may leave unexplained (of 255, and as a share of the change).
_CHANGE, _EXPLAINED, _LEFT, _LEFT_SHARE = 28.0, 0.8, 6.0, 0.09
# How deep inside letters their colour is looked at (rows), and pixels that must be as deep.
_DEEP, _CORE = (3.0, 2.0, 1.5), 60
# What three quarters of the ground may differ from its colour, to tell anything from it (of 255).
_UNEVEN = 12.0
# Two colours: least distance (sum of channels), least share of the letters' pixels.
_APART, _SHARE = 80.0, 0.1
# An outline encloses: at most this share of the inner colour touches the ground. An in-between colour
# on the way from the ground to the inner one is a soft edge: this far beside that way it is not.
_TOUCHES, _BESIDE = 0.25, 0.22
_DEEPER = 1.2
# A shadow: how well the letters, moved, cover it (F1), how far they move at most, in heights.
_COVERED, _FAR = 0.62, 0.25
_SOFT = (0.0, 0.8, 1.6, 2.6, 4.0)


@dataclass(frozen=True)
class Dress:
    """What letters wear besides one colour; lengths in rows of the strip.

    Attributes:
        gradient: ``"x"``: the colour changes along the line, ``"y"``: across it, ``""``: not at all.
        base: colour at column (row) 0 of the gradient, (3,).
        step: change of it a column (row), (3,).
        outline: how far it reaches beyond the letters; 0.0 where there is none.
        outline_colour: (3,).
        shadow: how far it lies to the right and below; (0.0, 0.0) where there is none.
        shadow_colour: (3,).
        shadow_blur: standard deviation of its edges.
    """

    gradient: Literal["", "x", "y"] = ""
    base: Colour | None = None
    step: Colour | None = None
    outline: float = 0.0
    outline_colour: Colour | None = None
    shadow: tuple[float, float] = (0.0, 0.0)
    shadow_colour: Colour | None = None
    shadow_blur: float = 0.0

    def at(self, place: float) -> Colour:
        """Return the gradient's colour at a column or row."""
        import numpy as np

        assert self.base is not None
        assert self.step is not None
        return np.clip(self.base + self.step * np.float32(place), 0, 255)


PLAIN = Dress()


def dressed(pixels: Rgb, ink: Ink) -> tuple[Ink, Dress]:
    """Return the letters alone, and what they wear.

    Args:
        pixels: of a strip.
        ink: as :func:`.ink.find_ink` sees it, of one colour.
    """
    values = pixels.astype("float32")
    letters = _foreground(values, ink, 0.4)
    found = _gradient(values, ink, letters)
    if found is not None:
        return found
    if not _even(values, ink, letters):
        return ink, PLAIN
    parted = _two(values, letters)
    shadowed = _shadow(values, ink, parted) if parted is not None else None
    if shadowed is not None:
        return shadowed
    # What an outline holds can be nearly as light as the ground.
    faint = _foreground(values, ink, 0.12)
    parted = _two(values, faint)
    for inner, outer in (parted, parted[::-1]) if parted is not None else ():
        outlined = _outline(values, ink, faint, inner, outer)
        if outlined is not None:
            return outlined
    return ink, PLAIN


def _even(values: Grey, ink: Ink, letters: Mask) -> bool:
    """Return whether the ground is of one colour: of a photograph parts look like outlines."""
    import numpy as np
    from scipy.ndimage import binary_dilation

    bare = ~binary_dilation(letters, np.ones((3, 3), bool), iterations=3)
    away = np.abs(values[bare] - ink.ground).max(axis=1)
    return bool(len(away) and np.quantile(away, 0.75) <= _UNEVEN)


def _foreground(values: Grey, ink: Ink, share: float) -> Mask:
    """Return the pixels that are no ground, whatever their colour."""
    import numpy as np

    away = np.abs(values - ink.ground).sum(axis=2)
    length = float(np.abs(ink.colour - ink.ground).sum())
    return np.asarray(away > max(24.0, share * length))


def _gradient(values: Grey, ink: Ink, letters: Mask) -> tuple[Ink, Dress] | None:
    import numpy as np
    from scipy.ndimage import distance_transform_edt

    depth = distance_transform_edt(letters)
    # Deep inside no blur has mixed the ground in; thin letters have no such place.
    core = next((depth >= d for d in _DEEP if (depth >= d).sum() >= _CORE), None)
    if core is None:
        return None
    y, x = np.nonzero(core)
    colours = values[core]
    known = np.stack([np.ones_like(x), x, y], axis=1).astype(np.float32)
    kept = np.ones(len(y), bool)
    plane = np.zeros((3, 3), np.float32)
    for _ in range(3):
        plane = np.linalg.lstsq(known[kept], colours[kept], rcond=None)[0]
        away = np.abs(known @ plane - colours).max(axis=1)
        kept = away <= max(4.0, 3.0 * float(np.median(away)))
    if kept.mean() < 0.75:
        return None
    own = colours[kept]
    rest = own - known[kept] @ plane
    explained = 1 - float((rest**2).sum()) / max(1e-6, float(((own - own.mean(axis=0)) ** 2).sum()))
    wide, high = np.ptp(x) + 1, np.ptp(y) + 1
    along, across = (float(np.abs(plane[i]).max()) * n for i, n in ((1, wide), (2, high)))
    change = max(along, across)
    if change < _CHANGE or explained < _EXPLAINED:
        return None
    if float(rest.std()) > _LEFT + _LEFT_SHARE * change:
        return None
    axis: Literal["x", "y"] = "x" if along >= across else "y"
    index = 1 if axis == "x" else 2
    place = x if axis == "x" else y
    base = own.mean(axis=0) - plane[index] * place[kept].mean()
    dress = Dress(axis, base.astype(np.float32), plane[index].astype(np.float32))
    places = np.arange(values.shape[1 if axis == "x" else 0], dtype=np.float32)
    local = np.clip(base + places[:, None] * plane[index], 0, 255)
    way = (local[None] if axis == "x" else local[:, None]) - ink.ground
    length = np.maximum((way * way).sum(axis=2), 400.0)
    cover = np.clip(((values - ink.ground) * way).sum(axis=2) / length, 0.0, 1.0)
    colour = own.mean(axis=0).astype(np.float32)
    return Ink(cover.astype(np.float32), colour, ink.ground), dress


def _two(values: Grey, letters: Mask) -> tuple[Mask, Mask] | None:
    """Return the pixels of the letters' two colours, None where there is but one."""
    import numpy as np

    own = values[letters]
    if len(own) < 80:
        return None
    centred = own - own.mean(axis=0)
    axis = np.linalg.svd(centred[:: max(1, len(own) // 2000)], full_matrices=False)[2][0]
    place = centred @ axis
    centres = [own[place <= np.quantile(place, 0.1)].mean(axis=0)]
    centres.append(own[place >= np.quantile(place, 0.9)].mean(axis=0))
    second = np.zeros(len(own), bool)
    for _ in range(8):
        gaps = [np.abs(own - centre).sum(axis=1) for centre in centres]
        second = gaps[1] < gaps[0]
        if not second.any() or second.all():
            return None
        centres = [np.median(own[~second], axis=0), np.median(own[second], axis=0)]
    share = float(second.mean())
    if np.abs(centres[0] - centres[1]).sum() < _APART or not _SHARE < share < 1 - _SHARE:
        return None
    first, other = np.zeros_like(letters), np.zeros_like(letters)
    first[letters], other[letters] = ~second, second
    return first, other


def _pure(values: Grey, own: Mask, *others: Colour) -> Colour:
    """Return the colour of a mask's pixels that are least mixed with others."""
    import numpy as np

    colours = values[own]
    away = np.minimum.reduce([np.abs(colours - other).sum(axis=1) for other in others])
    return np.asarray(np.median(colours[away >= np.quantile(away, 0.6)], axis=0), np.float32)


def _between(ground: Colour, inner: Colour, outer: Colour) -> bool:
    """Return whether a colour lies on the way from the ground to another: a soft edge has it."""
    way = inner - ground
    length = float(way @ way) ** 0.5 or 1.0
    along = float((outer - ground) @ way) / length
    beside = float(((outer - ground - way * (along / length)) ** 2).sum()) ** 0.5
    return 0.0 < along < 0.95 * length and beside < _BESIDE * length


def _outline(
    values: Grey, ink: Ink, letters: Mask, inner: Mask, outer: Mask
) -> tuple[Ink, Dress] | None:
    import numpy as np
    from scipy.ndimage import binary_dilation, distance_transform_edt

    square = np.ones((3, 3), bool)
    beside = binary_dilation(~letters, square)
    touching = inner & beside
    if float(touching.sum()) > _TOUCHES * float(inner.sum()):
        return None
    depth = distance_transform_edt(letters)
    # Where the inner colour is, leaving out what soft edges have of it.
    if float(depth[inner & ~touching].mean()) < _DEEPER * float(depth[outer].mean()):
        return None
    # Soft outer edges of an outline can look like what it holds.
    inner = inner & ~touching
    edge = _pure(values, outer, ink.ground, values[inner].mean(axis=0))
    fill = _pure(values, inner, edge)
    if _between(ink.ground, fill, edge):
        return None
    way = fill - edge
    cover = np.clip((values - edge) @ way / max(1.0, float(way @ way)), 0.0, 1.0)
    cover = np.where(binary_dilation(inner, square), cover, 0.0).astype(np.float32)
    out = edge - ink.ground
    whole = np.clip((values - ink.ground) @ out / max(1.0, float(out @ out)), 0.0, 1.0)
    whole = np.where(binary_dilation(letters, square), np.maximum(whole, cover), 0.0)
    whole[inner] = 1.0
    # What lies between two borders is as wide as it is large for the mean of their lengths.
    around = float(np.mean([np.hypot(*np.gradient(part)).sum() for part in (cover, whole)]))
    width = float((whole - cover).sum()) / max(1.0, around)
    if not 0.4 < width < 0.25 * values.shape[0]:
        return None
    alone = np.asarray(cover, np.float32)
    return Ink(alone, fill, ink.ground), Dress(outline=width, outline_colour=edge)


def _shadow(values: Grey, ink: Ink, parted: tuple[Mask, Mask]) -> tuple[Ink, Dress] | None:
    import numpy as np
    from scipy.ndimage import binary_dilation, gaussian_filter, shift

    best: tuple[float, int, int, Mask, Mask] | None = None
    far = max(2, round(_FAR / 1.5 * values.shape[0]))
    for own, other in (parted, parted[::-1]):
        for dy in range(-far, far + 1):
            for dx in range(-far, far + 1):
                if dx * dx + dy * dy < 3:
                    continue
                moved = _moved(own, dx, dy) & ~own
                both = float((moved & other).sum())
                score = 2 * both / max(1.0, float(moved.sum() + other.sum()))
                if best is None or score > best[0]:
                    best = score, dx, dy, own, other
    if best is None or best[0] < _COVERED:
        return None
    score, dx, dy, own, other = best
    against = _moved(own, -dx, -dy) & ~own
    if 2 * float((against & other).sum()) > 0.5 * score * float(against.sum() + other.sum()):
        return None  # as much on the other side: an outline
    square = np.ones((3, 3), bool)
    fill = _pure(values, own, ink.ground, values[other].mean(axis=0))
    dark = other & _moved(own, dx, dy)
    if not dark.any():
        return None
    way = fill - ink.ground
    cover = np.clip((values - ink.ground) @ way / max(1.0, float(way @ way)), 0.0, 1.0)
    cover = np.asarray(np.where(binary_dilation(own, square), cover, 0.0), np.float32)
    clear = ~binary_dilation(own, square, iterations=2)
    behind = shift(cover, (dy, dx), order=0)
    found = (np.inf, 0.0, fill)
    for sigma in _SOFT:
        alpha = gaussian_filter(behind, sigma)[clear]
        rest = values[clear] - ink.ground
        tone = (alpha[:, None] * rest).sum(axis=0) / max(1e-6, float((alpha * alpha).sum()))
        error = float(((rest - alpha[:, None] * tone) ** 2).mean())
        if error < found[0]:
            found = error, sigma, np.clip(ink.ground + tone, 0, 255).astype(np.float32)
    dress = Dress(shadow=(float(dx), float(dy)), shadow_colour=found[2], shadow_blur=found[1])
    return Ink(np.asarray(cover, np.float32), fill, ink.ground), dress


def _moved(mask: Mask, dx: int, dy: int) -> Mask:
    """Return a mask moved to the right and down; what leaves it is lost."""
    import numpy as np

    result = np.zeros_like(mask)
    height, width = mask.shape
    result[max(0, dy) : height + min(0, dy), max(0, dx) : width + min(0, dx)] = mask[
        max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)
    ]
    return result
