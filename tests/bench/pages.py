"""The pages of the OCR benchmark: rendered clean, and degraded as a scanner would."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoring import Placed

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

DPI = 200


@dataclass(frozen=True, slots=True)
class BenchPage:
    """A page: the lines of its text layer, with places in pixels of the clean raster, and its raster."""

    number: int
    lines: list[list[Placed]]
    clean: npt.NDArray[np.uint8]
    kind: str = "document"

    def scan(self) -> tuple[npt.NDArray[np.uint8], Any]:
        """Return the page as a bad scan, and the map from its pixels to those of the clean raster."""
        return degrade(self.clean, seed=self.number)


def load(
    path: Path, limit: int | None = None, kinds: Sequence[str] = (), first: int = 1
) -> list[BenchPage]:
    """Return the pages of a PDF whose text layer is the truth.

    Args:
        path: the PDF.
        limit: first pages only.
        kinds: what each page is; none for published documents.
        first: number of the first page.
    """
    import numpy as np
    import pymupdf

    pages = []
    with pymupdf.open(path) as document:
        for index in range(min(len(document), limit or len(document))):
            page = document[index]
            lines: dict[tuple[int, int], list[Placed]] = {}
            for x0, y0, x1, y1, text, block, line, _ in page.get_text("words"):
                k = DPI / 72
                placed = Placed(text, (x0 * k, y0 * k, x1 * k, y1 * k))
                lines.setdefault((block, line), []).append(placed)
            pixels = page.get_pixmap(dpi=DPI)
            raster = np.frombuffer(pixels.samples, np.uint8).reshape(pixels.h, pixels.w, 3)
            kind = kinds[index] if kinds else "document"
            pages.append(BenchPage(first + index, list(lines.values()), raster.copy(), kind))
    return pages


def degrade(
    image: npt.NDArray[np.uint8], seed: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64]]:
    """Return the image as a bad scan and the 2x3 matrix from its pixels to those of the original.

    In this order, each with strength drawn by the seed: skew of up to 2 degrees, blur (sigma 0.6-1.2 px),
    ink at 15-35 % and paper at 80-95 % of full brightness, a shadow that darkens one side by up to 15 %,
    noise (sd 6-14 of 255), JPEG of quality 30-60.
    """
    import numpy as np
    from PIL import Image
    from scipy import ndimage

    rng = np.random.default_rng(seed)
    height, width = image.shape[:2]
    angle = np.radians(rng.uniform(-2, 2))
    c, s = np.cos(angle), np.sin(angle)
    x, y = width / 2, height / 2
    matrix = np.array([[c, s, x - c * x - s * y], [-s, c, y + s * x - c * y]])
    grey = Image.fromarray(image).convert("L")
    grey = grey.transform(
        grey.size,
        Image.Transform.AFFINE,
        tuple(matrix.ravel()),
        Image.Resampling.BICUBIC,
        fillcolor=255,
    )
    values = ndimage.gaussian_filter(np.asarray(grey, np.float64) / 255, rng.uniform(0.6, 1.2))
    ink, paper = rng.uniform(0.15, 0.35), rng.uniform(0.80, 0.95)
    values = ink + values * (paper - ink)
    direction = rng.uniform(0, 2 * np.pi)
    ramp = (np.cos(direction) * np.linspace(-1, 1, width))[None] + (
        np.sin(direction) * np.linspace(-1, 1, height)
    )[:, None]
    values *= 1 - rng.uniform(0, 0.15) * (ramp + 1.42) / 2.84
    values += rng.normal(0, rng.uniform(6, 14) / 255, values.shape)
    bytes_ = io.BytesIO()
    scanned = Image.fromarray((values.clip(0, 1) * 255).astype(np.uint8)).convert("RGB")
    scanned.save(bytes_, "JPEG", quality=int(rng.integers(30, 61)))
    return np.asarray(Image.open(bytes_)), matrix
