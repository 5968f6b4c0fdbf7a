"""Contexts for pixels that are no page of the document: a strip of windows, a picture by itself."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..model import Page
from ..stage import Context, Glyph, Graphics, Span

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ..detect.base import Detector
    from ..engine.base import Embedder, Engine
    from ..translators.base import Translator


class Apart(ABC):
    """Implements :class:`docharmony.Context` but for the raster; all else comes from another context."""

    def __init__(self, inner: Context) -> None:
        self._inner = inner

    @abstractmethod
    def raster(self, page: Page, dpi: int | None = None) -> npt.NDArray[np.uint8]:
        """Return the pixels, RGB."""

    @property
    def engine(self) -> Engine:
        """The engine of the run."""
        return self._inner.engine

    def translator(self, name: str) -> Translator:
        """Return a translator of the run."""
        return self._inner.translator(name)

    @property
    def abilities(self) -> frozenset[str]:
        """What the checkpoint of the run can do."""
        return self._inner.abilities

    @property
    def checkpoint(self) -> str:
        """The name of the checkpoint of the run."""
        return self._inner.checkpoint

    def embedder(self, name: str) -> Embedder:
        """Return an embedder of the run."""
        return self._inner.embedder(name)

    @property
    def log(self) -> logging.Logger:
        """The logger of the run."""
        return self._inner.log

    @property
    def store(self) -> dict[str, Any]:
        """The caches of the run."""
        return self._inner.store

    def graphics(self, page: Page) -> Graphics:
        """Return nothing: it has pixels only."""
        return Graphics()

    def spans(self, page: Page) -> tuple[Span, ...]:
        """Return nothing: it has pixels only."""
        return ()

    def glyphs(self, page: Page) -> tuple[Glyph, ...]:
        """Return nothing: it has pixels only."""
        return ()

    def detectors(self, kinds: Sequence[str]) -> Mapping[str, Detector]:
        """Return the detectors of the run."""
        return self._inner.detectors(kinds)


class Still(Apart):
    """A context for one image.

    Args:
        inner: the context of the run.
        image: uint8 (height, width, 3), RGB.
    """

    def __init__(self, inner: Context, image: npt.NDArray[np.uint8]) -> None:
        super().__init__(inner)
        self._image = image

    def raster(self, page: Page, dpi: int | None = None) -> npt.NDArray[np.uint8]:
        """Return the image, whatever the resolution."""
        return self._image


class Kept(Apart):
    """A context that keeps the raster it was last asked for: of a page that is looked at again."""

    def __init__(self, inner: Context) -> None:
        super().__init__(inner)
        self._last: tuple[tuple[int, int | None], npt.NDArray[np.uint8]] | None = None

    def raster(self, page: Page, dpi: int | None = None) -> npt.NDArray[np.uint8]:
        """Return the page as displayed."""
        key = page.number, dpi
        if self._last is None or self._last[0] != key:
            self._last = key, self._inner.raster(page, dpi)
        return self._last[1]
