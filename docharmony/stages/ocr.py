"""Stage ``ocr``: text lines located and read by docharmony's own engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from ..stage import Context
from .reading import LocatingStage

if TYPE_CHECKING:
    from ..engine.base import Image, Reading, TextRegion


class OcrStage(LocatingStage):
    """Reads scans whole, mixed pages in their pictures, with the engine of the run."""

    name: ClassVar[str] = "ocr"

    def locate(self, image: Image, ctx: Context) -> list[TextRegion]:
        """Return the lines of an upright image, in rough top-to-bottom order."""
        return ctx.engine.locate([image])[0]

    def read(self, crops: Sequence[Image], ctx: Context) -> list[Reading]:
        """Read crops of single lines."""
        return ctx.engine.read(crops)
