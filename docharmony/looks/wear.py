"""Wear: noise of scanners and cameras, and what coding as JPEG leaves: new letters have it too."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]
    Mask = npt.NDArray[np.bool_]

# Noise (of 255) below which a picture is taken for clean, and pixels that say enough.
_CLEAN, _ENOUGH = 0.5, 150
# Standard deviation of the mean that noise is measured against, pixels.
_SMOOTH = 3.0
# What deviates more than so many deviations, and this far around it, is drawn and no noise.
_DRAWN, _AROUND = 4.0, 2
# Noise has forgotten itself so many pixels further: what still correlates like this is a texture.
_MEMORY, _ALIKE = 5, 0.3
_SHIFTS = 24


def noise(pixels: Floats, known: Mask) -> float:
    """Return the standard deviation of the noise of a picture, mean of its channels (of 255).

    Immerkaer 1996: a mask that planes and straight edges do not pass.

    Args:
        pixels: (height, width, 3).
        known: (height, width), what to look at: ground without letters.
    """
    import numpy as np
    from scipy.ndimage import convolve

    if known.sum() < _ENOUGH:
        return 0.0
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    found = [float(np.median(np.abs(convolve(pixels[..., c], kernel)[known]))) for c in range(3)]
    # The median of the absolute of a normal variable is 0.6745 deviations.
    return float(np.mean(found)) / (0.6745 * 6.0)


def grain(pixels: Floats, known: Mask, seed: int = 0) -> Floats | None:
    """Return noise for every pixel that is like that of the known ones; None where they are clean.

    Taken from the picture itself, so that it has the colours and the coarseness of its own; where the
    known part is a texture more than noise, drawn anew at the strength of its finest grain.

    Args:
        pixels: (height, width, 3), 0-255.
        known: (height, width), ground that is as it was: not erased, not letters.
        seed: of the random choices.
    """
    import numpy as np
    from scipy.ndimage import binary_dilation, binary_erosion

    flat = binary_erosion(known)
    if flat.sum() < _ENOUGH:
        return None
    rest = _rest(pixels, known)
    size = np.abs(rest).max(axis=2)
    usual = float(np.median(size[flat])) / 0.6745
    drawn = known & (size > _DRAWN * usual + 6.0)
    if drawn.any():
        apart = binary_dilation(drawn, np.ones((3, 3), bool), iterations=_AROUND)
        flat = flat & ~apart
        # What is drawn would tint the mean of what is around it.
        rest = _rest(pixels, known & ~apart)
    if flat.sum() < _ENOUGH:
        return None
    random = np.random.default_rng(seed)
    own = rest[flat] - rest[flat].mean(axis=0)
    if _is_texture(rest.mean(axis=2), flat):
        level = noise(pixels, flat)
        if level < _CLEAN:
            return None
        drawn_anew: Floats = random.normal(0.0, level, pixels.shape).astype(np.float32)
        return drawn_anew
    if float(own.std()) < _CLEAN:
        return None
    # Pieces of the noise, moved; what no piece reaches is drawn from it pixel by pixel.
    result: Floats = (
        own[random.integers(0, len(own), flat.size)].reshape(pixels.shape).astype(np.float32)
    )
    left = np.ones_like(flat)
    height, width = flat.shape
    for _ in range(_SHIFTS):
        dy = int(random.integers(-height + 1, height))
        dx = int(random.integers(-width + 1, width))
        usable = np.roll(flat, (dy, dx), (0, 1)) & left
        result[usable] = np.roll(rest, (dy, dx), (0, 1))[usable]
        left &= ~usable
        if not left.any():
            break
    return result


def _rest(pixels: Floats, known: Mask) -> Floats:
    """Return what known pixels differ from the mean of those around them."""
    import numpy as np
    from scipy.ndimage import gaussian_filter

    weight = known.astype(np.float32)
    total = np.maximum(gaussian_filter(weight, _SMOOTH), 1e-3)
    mean = [gaussian_filter(pixels[..., c] * weight, _SMOOTH) / total for c in range(3)]
    return np.asarray(pixels - np.stack(mean, axis=2), np.float32)


def _is_texture(grey: Floats, flat: Mask) -> bool:
    """Return whether what is left of a ground repeats itself: weaves, stripes, print rasters."""
    import numpy as np
    from scipy.fft import irfft2, next_fast_len, rfft2

    shape = next_fast_len(2 * flat.shape[0]), next_fast_len(2 * flat.shape[1])
    weight = rfft2(flat.astype(np.float64), shape)
    signal = rfft2(np.where(flat, grey - grey[flat].mean(), 0.0), shape)
    pairs = np.asarray(irfft2(np.abs(weight) ** 2, shape))
    likeness = np.asarray(irfft2(np.abs(signal) ** 2, shape))
    usual = likeness[0, 0] / pairs[0, 0]
    if usual <= 1e-6:
        return False
    far = pairs > 0.3 * pairs[0, 0]
    far[: _MEMORY + 1, : _MEMORY + 1] = False
    far[-_MEMORY:, : _MEMORY + 1] = False
    far[: _MEMORY + 1, -_MEMORY:] = False
    far[-_MEMORY:, -_MEMORY:] = False
    if not far.any():
        return False
    return bool(np.abs(likeness[far] / pairs[far]).max() > _ALIKE * usual)


def worn(pixels: Floats, filled: Mask, known: Mask, seed: int = 0) -> tuple[Floats, Floats | None]:
    """Return a picture whose filled pixels have the noise of the known ones, and noise for letters.

    Args:
        pixels: (height, width, 3), 0-255.
        filled: what was erased and filled; how noisy it is already is taken into account.
        known: ground that is as it was.
        seed: of the random choices.
    """
    import numpy as np
    from scipy.ndimage import binary_erosion

    own = grain(pixels, known & ~filled, seed)
    if own is None:
        return pixels, None
    inside = binary_erosion(filled, np.ones((3, 3), bool))
    level = float(own.std())
    have = min(level, noise(pixels, inside)) if inside.sum() >= _ENOUGH else 0.0
    share = float(np.sqrt(max(0.0, 1.0 - (have / level) ** 2)))
    result = np.where(filled[..., None], pixels + np.float32(share) * own, pixels)
    return result, own


def recoded(pixels: npt.NDArray[np.uint8], tables: object, subsampling: int) -> Floats:
    """Return pixels as they come back from a JPEG with given quantisation tables.

    Args:
        pixels: (height, width, 3) or (height, width), beginning at a border of its blocks.
        tables: the file's, as Pillow gives them.
        subsampling: of the colours, as Pillow numbers it; negative for grey.
    """
    import io

    import numpy as np
    from PIL import Image

    buffer = io.BytesIO()
    options = {"subsampling": subsampling} if pixels.ndim == 3 and subsampling >= 0 else {}
    Image.fromarray(pixels).save(buffer, "JPEG", qtables=tables, **options)
    return np.array(Image.open(buffer), np.float32)
