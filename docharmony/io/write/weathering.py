"""Noise and the traces of JPEG for what is filled and set anew, so that it does not look pasted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...looks.wear import recoded, worn

if TYPE_CHECKING:
    import numpy.typing as npt

    from .pdf_images import Mask, Picture, Rgb

    Window = tuple[slice, slice]
    Floats = npt.NDArray[np.float32]

# Pixels of a border of blocks of any JPEG.
_BLOCK = 16


class Weather:
    """The noise of one picture, found around its gaps.

    Args:
        picture: its samples are changed.
    """

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._noise: list[tuple[Window, Floats]] = []
        self._touched: list[tuple[Window, Mask]] = []

    def fill(self, window: Window, painted: Rgb, mask: npt.NDArray[np.uint8]) -> None:
        """Put a painted crop in, with the noise of what is around its gaps.

        Args:
            window: rows and columns.
            painted: (height, width, 3).
            mask: as :func:`.pdf_images.crop` makes it: 0 says what the ground is.
        """
        filled = mask == 1
        if self._picture.depth > 1:
            seed = window[0].start * 65537 + window[1].start
            pixels, noise = worn(painted.astype(np.float32), filled, mask == 0, seed)
            painted = np.clip(pixels.round(), 0, 255).astype(np.uint8)
            if noise is not None:
                self._noise.append((window, noise))
        self._picture.put(window, painted, filled)
        self.touch(window, filled)

    def noise(self, window: Window) -> Floats:
        """Return the noise of a window, (height, width, 3); 0 where none is known."""
        rows, columns = window
        result = np.zeros((rows.stop - rows.start, columns.stop - columns.start, 3), np.float32)
        for (own_rows, own_columns), noise in self._noise:
            y0, y1 = max(rows.start, own_rows.start), min(rows.stop, own_rows.stop)
            x0, x1 = max(columns.start, own_columns.start), min(columns.stop, own_columns.stop)
            if y0 < y1 and x0 < x1:
                here = (
                    slice(y0 - rows.start, y1 - rows.start),
                    slice(x0 - columns.start, x1 - columns.start),
                )
                there = (
                    slice(y0 - own_rows.start, y1 - own_rows.start),
                    slice(x0 - own_columns.start, x1 - own_columns.start),
                )
                result[here] = noise[there]
        return result

    def touch(self, window: Window, pixels: Mask) -> None:
        """Remember which pixels of a window are new."""
        self._touched.append((window, pixels))

    def code(self) -> None:
        """Give what is new the traces that coding as JPEG has left in the rest of the picture."""
        picture = self._picture
        if picture.jpeg is None or picture.samples.dtype != np.uint8:
            return
        height, width, count = picture.samples.shape
        tables = {int(key): table for key, table in picture.jpeg["tables"].items()}
        ordered = [tables[key] for key in sorted(tables)]
        for (rows, columns), pixels in self._touched:
            y0, x0 = rows.start // _BLOCK * _BLOCK, columns.start // _BLOCK * _BLOCK
            y1, x1 = (
                min(size, -(-end.stop // _BLOCK) * _BLOCK)
                for size, end in ((height, rows), (width, columns))
            )
            part = picture.samples[y0:y1, x0:x1].astype(np.uint8)
            coded = recoded(
                np.ascontiguousarray(part[..., 0] if count == 1 else part),
                ordered,
                picture.jpeg["subsampling"],
            ).reshape(part.shape)
            here = (
                slice(rows.start - y0, rows.stop - y0),
                slice(columns.start - x0, columns.stop - x0),
            )
            picture.samples[rows, columns][pixels] = coded[here][pixels].round()
