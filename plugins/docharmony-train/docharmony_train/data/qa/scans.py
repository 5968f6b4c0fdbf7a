"""Made documents as a scanner would deliver them, with the way back to points. No torch."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .parts import Box

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Scan:
    """A page as pixels.

    Attributes:
        pixels: (height, width, 3) RGB.
        matrix: 2x3, from points of the page to pixels of the scan.
    """

    pixels: npt.NDArray[np.uint8]
    matrix: npt.NDArray[np.float64]

    def place(self, box: Box) -> Box:
        """Return the box in pixels around a box in points."""
        import numpy as np

        x0, y0, x1, y1 = box
        corners = np.array([[x0, y0, 1], [x1, y0, 1], [x1, y1, 1], [x0, y1, 1]]) @ self.matrix.T
        low, high = corners.min(axis=0), corners.max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def scan(pdf: bytes, page: int, *, seed: int, dpi: int = 200, strength: float = 1.0) -> Scan:
    """Return a page of a PDF as a scan: skew, blur, faded ink, a shadow, noise, JPEG.

    Args:
        page: 1-based.
        seed: draws how strong each is.
        strength: 0.0 leaves the page clean, 1.0 is an office scanner's bad day.
    """
    import numpy as np
    import pymupdf
    from PIL import Image
    from scipy import ndimage

    with pymupdf.open(stream=pdf, filetype="pdf") as document:
        pixmap = document[page - 1].get_pixmap(dpi=dpi)
        clean = np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.h, pixmap.w, 3)
    zoom = dpi / 72
    forth = np.array([[zoom, 0, 0], [0, zoom, 0]], np.float64)
    if strength <= 0:
        return Scan(clean.copy(), forth)
    rng = np.random.default_rng(seed)
    height, width = clean.shape[:2]
    angle = math.radians(float(rng.uniform(-1.8, 1.8)) * strength)
    c, s, x, y = math.cos(angle), math.sin(angle), width / 2, height / 2
    back = (c, s, x - c * x - s * y, -s, c, y + s * x - c * y)  # pixels of the scan -> clean
    turned = Image.fromarray(clean).transform(
        (width, height),
        Image.Transform.AFFINE,
        back,
        Image.Resampling.BICUBIC,
        fillcolor=(255, 255, 255),
    )
    inverse = np.array([[c, -s, x - c * x + s * y], [s, c, y - s * x - c * y]])
    values = np.asarray(turned, np.float32) / 255
    sigma = float(rng.uniform(0.3, 1.1)) * strength
    values = ndimage.gaussian_filter(values, (sigma, sigma, 0))
    ink, paper = (
        float(rng.uniform(0.05, 0.35)) * strength,
        1 - float(rng.uniform(0.03, 0.18)) * strength,
    )
    values = ink + values * (paper - ink)
    direction = float(rng.uniform(0, 2 * math.pi))
    across, down = np.linspace(-1, 1, width), np.linspace(-1, 1, height)
    ramp = math.cos(direction) * across[None] + math.sin(direction) * down[:, None]
    values *= (1 - float(rng.uniform(0, 0.12)) * strength * (ramp + 1.42) / 2.84)[..., None]
    noise = rng.normal(0, float(rng.uniform(2, 12)) / 255 * strength, (height, width, 1))
    spoiled = Image.fromarray(((values + noise).clip(0, 1) * 255).astype(np.uint8))
    content = io.BytesIO()
    spoiled.save(content, "JPEG", quality=int(rng.integers(35, 75)))
    pixels = np.asarray(Image.open(content).convert("RGB")).copy()
    return Scan(pixels, inverse @ np.vstack([forth, [0, 0, 1]]))
