"""The painter: fills blanked pixels so that the background goes on as if nothing had stood there.

Where the ground around a gap is flat, or an even gradient, an exact fill is both the best one and a
fast one; ruling lines that meet the gap on both sides are drawn on through it. What is left, textures,
photographs, noise, is filled in the way that does best on the crop itself (see :mod:`.fill`), one of
which is the network. None sees what was there: crops come blanked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .rules import ruled

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ..engine.base import Engine, Image, Mask

    Painter = Callable[[Sequence[Image], Sequence[Mask]], list[Image]]
    Floats = npt.NDArray[np.float32]

# Pixels around a gap that tell what its ground is.
_RING = 8
# A ground is flat when what is left of a plane fitted to it has at most this deviation (of 255).
_FLAT = 3.0
# Or this, where means over so many pixels have at most this share of it: then it is noise, not a texture.
_NOISE, _PATCH, _FORMLESS = 9.0, 7, 0.5
# Share of the ring, and of each of its sides, that must be ground; the rest is ink of neighbours.
_GROUND, _SIDE = 0.6, 0.4
# The same share where the gap is letters, which fill no more than so of their own box: a rule that
# crosses a letter takes 3 % of its ring, and must be seen.
_CLEAR, _SOLID = 0.985, 0.85
# How far a ruling line must reach from the gap on both sides: pixels, and share of the gap's height.
_RULE, _RULE_SHARE = 12, 0.6


def make_painter(engine: Engine | Callable[[], Engine]) -> Painter:
    """Return the function that fills masked pixels of crops.

    Args:
        engine: the engine, or a function that loads it; called only when a crop needs the network.

    Returns:
        A painter ``(crops, masks) -> painted crops``: uint8 (height, width, 3) RGB, masks bool (height,
        width). Pixels outside the mask come back unchanged; the result does not depend on those under it.
        It raises EngineError or CheckpointError only when the network is needed and cannot run.
    """

    def paint(crops: Sequence[Image], masks: Sequence[Mask]) -> list[Image]:
        import numpy as np

        done: list[Image] = []
        for crop, mask in zip(crops, masks, strict=True):
            filled, left = _fill(np.where(mask[..., None], np.uint8(0), crop), mask)
            if left.any():
                filled = _fill_textured(filled, left, engine)
            done.append(filled)
        return done

    return paint


def _fill_textured(crop: Image, mask: Mask, engine: Engine | Callable[[], Engine]) -> Image:
    """Return the crop filled as well as can be: by rule, and by the network where rules do badly."""
    from .fill import fill

    def network(image: Image, gaps: Mask) -> Image:
        ready = engine() if callable(engine) else engine
        return ready.paint([image], [gaps])[0]

    return fill(crop, mask, network)[0]


def _fill(crop: Image, mask: Mask) -> tuple[Image, Mask]:
    """Return the crop with every gap on flat ground filled, and the gaps that are left."""
    import numpy as np
    from scipy.ndimage import binary_dilation, find_objects, label

    result = crop.copy()
    left, flat = np.zeros_like(mask), np.zeros_like(mask)
    if not mask.any():
        return result, left
    if mask.all():
        result[:] = 255  # nothing around to go by: paper
        return result, left
    parts, _ = label(mask)
    for number, (rows, columns) in enumerate(find_objects(parts), start=1):
        window = (_wider(rows, mask.shape[0]), _wider(columns, mask.shape[1]))
        gap = parts[window] == number
        ring = binary_dilation(gap, np.ones((3, 3), bool), iterations=_RING) & ~mask[window]
        # Among letters a ruling line is too often hidden to be followed: leave it to other ways.
        solid = float((parts[rows, columns] == number).mean())
        ground = _ground(crop[window], ring, gap, _GROUND if solid > _SOLID else _CLEAR)
        if ground is None:
            left[rows, columns] |= parts[rows, columns] == number
            continue
        patch = result[window]
        patch[gap] = ground[gap]
        flat |= parts == number
        if solid > _SOLID:
            _draw_rules(crop, mask, result, (rows, columns), parts == number, ground, window)
    if flat.any() and (found := ruled(crop.astype(np.float32), mask)) is not None:
        colours, drawn, _ = found
        drawn = drawn & flat
        result[drawn] = np.clip(colours[drawn].round(), 0, 255).astype(np.uint8)
    return result, left


def _wider(part: slice, length: int) -> slice:
    return slice(max(0, part.start - _RING), min(length, part.stop + _RING))


def _ground(crop: Image, ring: Mask, gap: Mask, least: float) -> Image | None:
    """Return the plane that goes through the ground of a ring, or None where it is not flat."""
    import numpy as np

    y, x = np.nonzero(ring)
    if len(y) < 12:
        return None
    colours = crop[ring].astype(np.float32)
    ground = np.abs(colours - np.median(colours, axis=0)).max(axis=1) <= 24
    columns = np.stack([np.ones_like(x), x, y], axis=1).astype(np.float32)
    plane = np.zeros((3, 3), np.float32)
    rest = np.zeros_like(colours)
    for _ in range(4):
        if ground.mean() < least:
            return None
        plane, *_ = np.linalg.lstsq(columns[ground], colours[ground], rcond=None)
        rest = np.abs(colours - columns @ plane).max(axis=1)
        limit = max(2.0, 4.0 * float(np.median(rest[ground])))
        ground = rest <= limit
    if ground.mean() < least or not _around(y, x, ground, gap):
        return None
    own = colours[ground]
    away = own - columns[ground] @ plane
    noisy = _is_noise(away.mean(axis=1), y[ground], x[ground], ring.shape)
    if max(float(rest[ground].std()), float(away.std())) > (_NOISE if noisy else _FLAT):
        return None
    if float(np.abs(own - np.median(own, axis=0)).max()) < 1:
        plane = np.array([np.median(own, axis=0), [0, 0, 0], [0, 0, 0]], np.float32)
    height, width = ring.shape
    yy, xx = np.mgrid[0:height, 0:width].astype(np.float32)
    surface = plane[0] + xx[..., None] * plane[1] + yy[..., None] * plane[2]
    return np.asarray(np.clip(surface.round(), 0, 255).astype(np.uint8))


def _is_noise(
    away: npt.NDArray[np.float32],
    y: npt.NDArray[np.intp],
    x: npt.NDArray[np.intp],
    shape: tuple[int, ...],
) -> bool:
    """Return whether deviations from a plane are noise, which has no form, rather than a texture."""
    import numpy as np
    from scipy.ndimage import uniform_filter

    field, known = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    field[y, x], known[y, x] = away, 1.0
    local = uniform_filter(field, _PATCH) / np.maximum(uniform_filter(known, _PATCH), 1e-6)
    return float(local[y, x].std()) < _FORMLESS * max(1.0, float(away.std()))


def _around(y: npt.NDArray[np.intp], x: npt.NDArray[np.intp], ground: Mask, gap: Mask) -> bool:
    """Return whether there is enough ground on every side of the gap that has a ring at all."""
    import numpy as np

    rows, columns = np.nonzero(gap)
    top, bottom, left, right = rows.min(), rows.max(), columns.min(), columns.max()
    sides = (y < top, y > bottom, x < left, x > right)
    return all(not side.any() or float(ground[side].mean()) >= _SIDE for side in sides)


def _draw_rules(
    crop: Image,
    mask: Mask,
    result: Image,
    place: tuple[slice, slice],
    gap: Mask,
    ground: Image,
    window: tuple[slice, slice],
) -> None:
    """Draw rows (and columns) through the gap that are inked far outwards on both of its sides."""
    import numpy as np

    full = np.zeros_like(result)
    full[window] = ground
    for turned in (False, True):
        image, hidden, out, base, area = crop, mask, result, full, gap
        rows, columns = place
        if turned:
            image, out, base = (a.transpose(1, 0, 2) for a in (image, out, base))
            hidden, area = hidden.T, area.T
            rows, columns = columns, rows
        reach = max(
            _RULE, int(_RULE_SHARE * min(rows.stop - rows.start, columns.stop - columns.start))
        )
        if columns.start < reach or columns.stop + reach > image.shape[1]:
            continue
        before = slice(columns.start - reach, columns.start)
        after = slice(columns.stop, columns.stop + reach)
        for row in range(rows.start, rows.stop):
            if hidden[row, before].any() or hidden[row, after].any() or not area[row].any():
                continue
            ends = image[row, before].astype(np.int16), image[row, after].astype(np.int16)
            middle = base[row, columns][area[row, columns]].astype(np.int16).mean(axis=0)
            if any(float(np.abs(end - middle).max(axis=1).min()) < 16 for end in ends):
                continue
            colours = [np.median(end, axis=0) for end in ends]
            if float(np.abs(colours[0] - colours[1]).max()) < 32:
                out[row, area[row]] = ((colours[0] + colours[1]) / 2).round().astype(np.uint8)
