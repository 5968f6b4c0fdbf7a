"""Fill gaps in a ground that is not flat: several ways, of which the crop itself picks the best.

Copies of the gap are laid over what is known around it and filled in every way; the way that comes
closest to what really stands there fills the gap too. Nothing here knows what was in the gap.

Ways: local planes of several widths (noise, shades; normalised convolution, Knutsson and Westin 1993,
of first order), thin plates (smooth pictures), lines along rows, columns and diagonals (hatching),
straight rules on planes (see :mod:`.rules`), and shifts by the period of the ground (stripes, weaves,
print rasters).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from .rules import ruled

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ..engine.base import Image, Mask

    Floats = npt.NDArray[np.float32]
    Way = Callable[[Floats, Mask], Floats]

_WIDTHS = (1.2, 2.5, 5.0, 10.0, 20.0)
# Pixels from which a crop is large: then few widths are tried.
_LARGE, _FEW_WIDTHS = 80_000, (2.5, 8.0)
# Unknowns up to which a thin plate is solved for.
_MOST_UNKNOWN = 9000
# Copies of the gap that the ways are tried on, and the part of the crop that they may take.
_COPIES, _MOST_TRIED = 4, 0.35
# Share of the tried pixels that count in any case: of the others, that no way gets right by less
# than this (of 255), some are letters.
_SCORED, _HOPELESS = 0.7, 20.0
# A period is looked for up to this many pixels, and counts with this correlation.
_LONGEST_PERIOD, _PERIODIC = 96, 0.35
_MOST_SHIFTS, _NEAREST, _LIKE = 16, 4, 0.85
# Ways whose error is at most so many times the least are mixed.
_NEAR = 1.08
# Share of the tried pixels of rules that must come out better as rules.
_BETTER = 0.5
# Error up to which nothing more is tried.
_GOOD = 6.0


def fill(
    crop: Image, mask: Mask, more: Callable[[Image, Mask], Image] | None = None
) -> tuple[Image, float]:
    """Return the crop with its gaps filled in the best way, and the error that this way had.

    Args:
        crop: (height, width, 3) RGB.
        mask: (height, width), True in the gaps; what the crop holds there does not matter.
        more: one more way, e.g. a network, which is tried where the others do badly.

    Returns:
        The filled crop, and the root of its mean square error (of 255) where it was tried; infinite
        where there was no room to try.
    """
    import numpy as np

    known = np.where(mask[..., None], np.float32(0), crop.astype(np.float32))
    ways = _ways(known, mask)
    trial = _trial(mask)
    errors: dict[str, float] = {}
    tried: dict[str, npt.NDArray[np.float32]] = {}
    if trial.any():
        hidden = mask | trial
        blank = np.where(hidden[..., None], np.float32(0), known)

        def squares(way: Way) -> npt.NDArray[np.float32]:
            return np.asarray(((way(blank, hidden)[trial] - known[trial]) ** 2).mean(axis=1))

        tried = {name: squares(way) for name, way in ways.items()}
        errors = _errors(tried)
        if more is not None and min(errors.values()) > _GOOD:
            ways["more"] = partial(_as_way, more)
            tried["more"] = squares(ways["more"])
            errors = _errors(tried)
    least = min(errors.values(), default=float("inf"))
    # Ways that are nearly as good err differently: their mean is better than any of them.
    near = {n: e for n, e in errors.items() if e <= _NEAR * least + 0.05} or {"plane 2.5": 1.0}
    total, weights = np.zeros_like(known), 0.0
    for name, value in near.items():
        weight = 1.0 / (value + 0.05) ** 4
        total += np.float32(weight) * ways[name](known, mask)
        weights += weight
    mixed = total / np.float32(weights)
    found = ruled(known, mask)
    if found is not None and (not tried or _rules_do_better(known, mask, trial, tried, near)):
        mixed[found[1]] = found[0][found[1]]
    result = np.clip(mixed.round(), 0, 255).astype(np.uint8)
    return np.where(mask[..., None], result, crop), least


def _rules_do_better(
    known: Floats,
    mask: Mask,
    trial: Mask,
    tried: dict[str, npt.NDArray[np.float32]],
    near: dict[str, float],
) -> bool:
    """Return whether rules, where they are found in the copies, come closer than the chosen ways.

    A rule is a small part of a gap: a way may be the best one and lose it.
    """
    import numpy as np

    hidden = mask | trial
    found = ruled(np.where(hidden[..., None], np.float32(0), known), hidden)
    if found is None or not (here := found[1] & trial).any():
        return False
    own = ((found[0][here] - known[here]) ** 2).mean(axis=1)
    others = np.mean([tried[name][here[trial]] for name in near if name in tried], axis=0)
    return bool(np.mean(own < others) > _BETTER)


def _errors(tried: dict[str, npt.NDArray[np.float32]]) -> dict[str, float]:
    """Return the root of the mean square error of each way, without pixels that none gets right.

    Those are letters that a copy of the gap came to lie on.
    """
    import numpy as np

    hard = np.minimum.reduce(list(tried.values()))
    counts = (hard <= _HOPELESS**2) | (hard <= np.quantile(hard, _SCORED))
    return {name: float(np.sqrt(values[counts].mean())) for name, values in tried.items()}


def _as_way(more: Callable[[Image, Mask], Image], crop: Floats, mask: Mask) -> Floats:
    import numpy as np

    return more(crop.astype(np.uint8), mask).astype(np.float32)


def _ways(crop: Floats, mask: Mask) -> dict[str, Way]:
    widths = _WIDTHS if mask.size <= _LARGE else _FEW_WIDTHS
    ways: dict[str, Way] = {f"plane {width:g}": partial(planes, width=width) for width in widths}
    if ruled(crop, mask) is not None:
        ways |= {f"rules on plane {width:g}": partial(rules, width=width) for width in (2.5, 8.0)}
    ways["rows"] = partial(lines, step=(0, 1))
    ways["columns"] = partial(lines, step=(1, 0))
    ways["falling"] = partial(lines, step=(1, 1))
    ways["rising"] = partial(lines, step=(1, -1))
    unknown = int(mask.sum())
    if unknown <= _MOST_UNKNOWN:
        ways["plate"] = partial(bent, stencil=_STIFF)
    if unknown <= 4 * _MOST_UNKNOWN:
        ways["membrane"] = partial(bent, stencil=_SOFT)
    # Letters would drown the pattern of their ground; but dark rules can be the pattern.
    for name, share in (("shifts", 0.0), ("shifts beside letters", 0.12)):
        shifts = periods(crop, mask, share)
        if shifts:
            ways[name] = partial(shifted, shifts=shifts)
    return ways


def _trial(mask: Mask) -> Mask:
    """Return copies of the gap on known pixels, to try the ways on."""
    import numpy as np
    from scipy.ndimage import find_objects

    trial = np.zeros_like(mask)
    rows, columns = find_objects(mask.astype(np.int32))[0]
    high, wide = rows.stop - rows.start, columns.stop - columns.start
    moves = [(-high, 0), (high, 0), (0, high), (0, -high), (-high // 2, wide // 3)]
    moves += [(high // 2, -(wide // 3)), (0, wide), (0, -wide)]
    most = _MOST_TRIED * mask.size
    used = 0
    for dy, dx in moves:
        copy = np.zeros_like(mask)
        y0, y1 = max(0, dy), min(mask.shape[0], mask.shape[0] + dy)
        x0, x1 = max(0, dx), min(mask.shape[1], mask.shape[1] + dx)
        if y0 >= y1 or x0 >= x1:
            continue
        copy[y0:y1, x0:x1] = mask[y0 - dy : y1 - dy, x0 - dx : x1 - dx]
        copy &= ~mask
        # Too close to the border of the crop half of what the ways go by is missing.
        copy[:2], copy[-2:], copy[:, :2], copy[:, -2:] = False, False, False, False
        if copy.sum() < 0.2 * mask.sum() or (trial | copy).sum() > most:
            continue
        trial |= copy
        used += 1
        if used == _COPIES:
            break
    return trial


def planes(crop: Floats, mask: Mask, width: float) -> Floats:
    """Return the crop with each gap pixel on a plane fitted to what is known around it.

    Args:
        crop: (height, width, 3).
        mask: the gaps.
        width: standard deviation of the weights, in pixels.
    """
    import numpy as np
    from scipy.ndimage import gaussian_filter

    weight = (~mask).astype(np.float64)
    height, breadth = mask.shape
    y, x = np.mgrid[0:height, 0:breadth].astype(np.float64)
    y -= height / 2
    x -= breadth / 2
    blur = partial(gaussian_filter, sigma=width, mode="constant", truncate=3.0)
    hole = np.nonzero(mask)
    yy, xx = y[hole], x[hole]

    def at(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(blur(values)[hole])

    s0, sx, sy = at(weight), at(weight * x), at(weight * y)
    sxx, sxy, syy = at(weight * x * x), at(weight * x * y), at(weight * y * y)
    # Moments about the pixel itself.
    mx, my = sx - xx * s0, sy - yy * s0
    mxx = sxx - 2 * xx * sx + xx * xx * s0
    myy = syy - 2 * yy * sy + yy * yy * s0
    mxy = sxy - xx * sy - yy * sx + xx * yy * s0
    safe = np.maximum(s0, 1e-12)
    # A ridge of a tenth of a pixel keeps one-sided neighbourhoods from shooting off.
    ridge = 0.1 * width * width
    mxx, myy = mxx / safe + ridge, myy / safe + ridge
    mx, my, mxy = mx / safe, my / safe, mxy / safe
    result = crop.copy()
    det = mxx * myy - mxy * mxy
    a = (mxy * my - myy * mx) / det
    b = (mxy * mx - mxx * my) / det
    # Weights of the plane's value at the pixel: 1 + a dx + b dy, normalised.
    norm = 1 + a * mx + b * my
    for channel in range(3):
        values = weight * crop[..., channel]
        t0, tx, ty = at(values), at(values * x), at(values * y)
        t0, tx, ty = t0 / safe, (tx - xx * t0) / safe, (ty - yy * t0) / safe
        fitted = (t0 + a * tx + b * ty) / np.where(np.abs(norm) < 1e-3, 1.0, norm)
        fitted = np.where(np.abs(norm) < 1e-3, t0, fitted)
        result[..., channel][hole] = np.clip(fitted, 0, 255)
    lost = s0 < 1e-9
    if lost.any():
        from scipy.ndimage import distance_transform_edt

        near = distance_transform_edt(mask, return_distances=False, return_indices=True)
        spots = hole[0][lost], hole[1][lost]
        result[spots] = crop[near[0][spots], near[1][spots]]
    return result


def rules(crop: Floats, mask: Mask, width: float) -> Floats:
    """Return the crop with rules drawn on through the gaps, and the ground between on planes.

    Args:
        crop: (height, width, 3).
        mask: the gaps.
        width: as for :func:`planes`.
    """
    import numpy as np
    from scipy.ndimage import binary_dilation

    found = ruled(crop, mask)
    if found is None:
        return planes(crop, mask, width)
    colours, drawn, beside = found
    # Rules say nothing about the ground; their soft edges do not either.
    hidden = mask | binary_dilation(beside, np.ones((3, 3), bool))
    known = np.where(hidden[..., None], np.float32(0), crop)
    result = np.where(mask[..., None], planes(known, hidden, width), crop)
    result[drawn] = colours[drawn]
    return np.asarray(result, np.float32)


def lines(crop: Floats, mask: Mask, step: tuple[int, int]) -> Floats:
    """Return the crop with gap pixels drawn between the nearest known ones along a direction."""
    import numpy as np

    dy, dx = step
    before, first = _walk(crop, mask, -dy, -dx)
    behind, second = _walk(crop, mask, dy, dx)
    result = crop.copy()
    gap = np.nonzero(mask)
    a, b = first[gap].astype(np.float32), second[gap].astype(np.float32)
    near, far = before[gap], behind[gap]
    only_first, only_second = np.isinf(b) & ~np.isinf(a), np.isinf(a) & ~np.isinf(b)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = a / (a + b)
    share = np.where(only_first, 0.0, np.where(only_second, 1.0, share))
    neither = np.isinf(a) & np.isinf(b)
    mixed = near * (1 - share[:, None]) + far * share[:, None]
    if neither.any():
        mixed[neither] = crop[~mask].mean(axis=0) if not mask.all() else 255.0
    result[gap] = np.nan_to_num(mixed)
    return result


def _walk(crop: Floats, mask: Mask, dy: int, dx: int) -> tuple[Floats, Floats]:
    """Return for each pixel the nearest known value that way, and how many steps it is away."""
    import numpy as np

    value = np.where(mask[..., None], np.float32(0), crop)
    steps = np.where(mask, np.float32(np.inf), np.float32(0))
    height, width = mask.shape

    def pull(target: tuple[slice, slice], origin: tuple[slice, slice]) -> None:
        unknown = mask[target]
        value[target] = np.where(unknown[..., None], value[origin], value[target])
        steps[target] = np.where(unknown, steps[origin] + 1, steps[target])

    if dy == 0:
        order = range(width - 2, -1, -1) if dx > 0 else range(1, width)
        for x in order:
            pull((slice(None), slice(x, x + 1)), (slice(None), slice(x + dx, x + dx + 1)))
        return value, steps
    order = range(height - 2, -1, -1) if dy > 0 else range(1, height)
    for y in order:
        target = slice(max(0, -dx), width - max(0, dx))
        origin = slice(target.start + dx, target.stop + dx)
        pull((slice(y, y + 1), target), (slice(y + dy, y + dy + 1), origin))
    return value, steps


_SOFT = {(0, 0): 4.0, (0, 1): -1.0, (1, 0): -1.0, (0, -1): -1.0, (-1, 0): -1.0}
_STIFF = {
    (0, 0): 20.0,
    **dict.fromkeys(((0, 1), (1, 0), (0, -1), (-1, 0)), -8.0),
    **dict.fromkeys(((1, 1), (1, -1), (-1, 1), (-1, -1)), 2.0),
    **dict.fromkeys(((0, 2), (2, 0), (0, -2), (-2, 0)), 1.0),
}


def bent(crop: Floats, mask: Mask, stencil: dict[tuple[int, int], float]) -> Floats:
    """Return the crop with gaps bent into what is around them, as a membrane or a thin plate is.

    Args:
        crop: (height, width, 3).
        mask: the gaps.
        stencil: of the Laplace equation (a membrane) or of the biharmonic one (a plate).
    """
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.linalg import spsolve

    height, width = mask.shape
    rows, columns = np.nonzero(mask)
    count = len(rows)
    number = np.full(mask.shape, -1)
    number[rows, columns] = np.arange(count)
    right = np.zeros((count, 3))
    i, j, v = [], [], []
    for (dy, dx), weight in stencil.items():
        # Beyond the border the crop goes on as its own mirror.
        y = np.abs(rows + dy)
        x = np.abs(columns + dx)
        y = np.where(y >= height, 2 * height - 2 - y, y).clip(0, height - 1)
        x = np.where(x >= width, 2 * width - 2 - x, x).clip(0, width - 1)
        target = number[y, x]
        inside = target >= 0
        i.append(np.flatnonzero(inside))
        j.append(target[inside])
        v.append(np.full(int(inside.sum()), weight))
        outside = ~inside
        right[outside] -= weight * crop[y[outside], x[outside]]
    matrix = coo_array(
        (np.concatenate(v), (np.concatenate(i), np.concatenate(j))), shape=(count, count)
    ).tocsc()
    result = crop.copy()
    result[rows, columns] = np.clip(np.asarray(spsolve(matrix, right)).reshape(count, 3), 0, 255)
    return result


def periods(crop: Floats, mask: Mask, share: float) -> list[tuple[int, int, float]]:
    """Return shifts (rows, columns, correlation) at which the known ground repeats itself.

    Args:
        crop: (height, width, 3).
        mask: the gaps.
        share: of the pixels, the darkest and the lightest, that count as no more than the next.
    """
    import numpy as np
    from scipy.fft import irfft2, next_fast_len, rfft2

    weight = (~mask).astype(np.float64)
    grey = crop.mean(axis=2).astype(np.float64)
    if weight.sum() < 200:
        return []
    grey = np.clip(grey, *np.quantile(grey[~mask], (share, 1 - share)))
    mean = float((grey * weight).sum() / weight.sum())
    signal = (grey - mean) * weight
    height, width = mask.shape
    shape = next_fast_len(2 * height), next_fast_len(2 * width)
    fs, fw, fq = (
        rfft2(signal, shape),
        rfft2(weight, shape),
        rfft2(signal * (grey - mean), shape),
    )
    common = irfft2(np.conj(fw) * fw, shape)
    product = irfft2(np.conj(fs) * fs, shape)
    one, other = irfft2(np.conj(fq) * fw, shape), irfft2(np.conj(fw) * fq, shape)
    # What agrees over a small part only agrees by chance.
    shared = np.clip(common / (0.6 * weight.sum()), 0.0, 1.0)
    norm = np.sqrt(np.maximum(one, 1e-6) * np.maximum(other, 1e-6))
    correlation = shared * product / norm
    high, wide = min(_LONGEST_PERIOD, height - 1), min(_LONGEST_PERIOD, width - 1)
    field = np.zeros((2 * high + 1, wide + 1))
    field[high:] = correlation[: high + 1, : wide + 1]
    field[:high] = correlation[-high:, : wide + 1]
    # Half of the plane says it all; what is too near is no repetition.
    field[: high + 1, 0] = -1.0
    field[high - _NEAREST : high + _NEAREST + 1, : _NEAREST + 1] = -1.0
    least_like = max(_PERIODIC, _LIKE * float(field.max()))
    found: list[tuple[int, int, float]] = []
    while len(found) < _MOST_SHIFTS:
        y, x = np.unravel_index(int(field.argmax()), field.shape)
        if field[y, x] < least_like:
            break
        found.append((int(y) - high, int(x), float(field[y, x])))
        field[max(0, y - _NEAREST) : y + _NEAREST + 1, max(0, x - _NEAREST) : x + _NEAREST + 1] = -1
    return found


def shifted(crop: Floats, mask: Mask, shifts: list[tuple[int, int, float]]) -> Floats:
    """Return the crop with gap pixels taken from where the ground repeats itself.

    Of several such places those that disagree with most of them, since a letter stands there, do not
    count.
    """
    import numpy as np

    height, width = mask.shape
    rows, columns = np.nonzero(mask)
    moves = [(sign * dy, sign * dx) for dy, dx, _ in shifts for sign in (1, -1)]
    values = np.full((len(moves), len(rows), 3), np.nan, np.float32)
    for index, (dy, dx) in enumerate(moves):
        y, x = rows + dy, columns + dx
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        usable = inside.copy()
        usable[inside] = ~mask[y[inside], x[inside]]
        values[index, usable] = crop[y[usable], x[usable]]
    found = ~np.isnan(values[..., 0]).all(axis=0)
    result = crop.copy()
    if found.any():
        own = values[:, found]
        middle = np.nanmedian(own, axis=0)
        away = np.abs(own - middle).max(axis=2)
        spread = np.nanmedian(away, axis=0)
        own[away > np.maximum(6.0, 3.0 * spread)] = np.nan
        result[rows[found], columns[found]] = np.nanmean(own, axis=0)
    left = mask.copy()
    left[rows[found], columns[found]] = False
    return planes(result, left, 2.5) if left.any() else result
