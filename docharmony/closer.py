"""Look closer at pictures that a page does not show as they are: what nobody sees stays in the file.

Covered, cut off at the edge, on a layer that is off, or so small that the page's raster cannot hold
their letters: such a picture is read by itself, in its own pixels, and cleared by itself, wherever it
is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .checking import readers_of
from .detect.terms import Terms
from .detect.text import PageText
from .geometry import Affine, BBox
from .model import Edit, Page
from .stages.redact import RedactStage, uncovered
from .stages.reread import Left
from .stages.still import Still

if TYPE_CHECKING:
    from .io.base import Source, Unseen
    from .pipeline import Pipeline

# Pixels around a picture: letters at its very edge are read badly.
_EDGE = 16


@dataclass(frozen=True, slots=True)
class Look:
    """A window of a picture, read.

    Attributes:
        picture: what is looked at.
        page: a page of its own, with the lines that were read.
        context: gives its pixels.
        to_picture: from that page to the pixels of the picture.
    """

    picture: Unseen
    page: Page
    context: Still
    to_picture: Affine


class Closer:
    """Reads such pictures of one document, each once.

    Args:
        source: the document.
        pipeline: gives the reader; without one, or where text layers are trusted, nothing is read.
    """

    def __init__(self, source: Source, pipeline: Pipeline) -> None:
        self._source, self._pipeline = source, pipeline
        readers = readers_of(pipeline)[:1] if pipeline.config.text_layer != "trust" else []
        self._reader = readers[0] if readers else None
        self._whole: set[str] = set()
        self._parts: set[tuple[str, BBox, int]] = set()

    def looks(self, page: Page) -> Iterator[Look]:
        """Yield what is read in pictures of a page that were not read before."""
        if self._reader is None:
            return
        for picture in self._source.unseen(page.number, page.dpi, self._whole):
            if picture.whole:
                self._whole.add(picture.key)
            for window in picture.windows:
                part = picture.key, window, page.number if page.unit == "px" else 0
                if part in self._parts:
                    continue
                self._parts.add(part)
                image, step = self._source.look(page.number, picture, window)
                if image.size:
                    yield self._read(page, picture, window[:2], image, step)

    def edits(self, page: Page, stage: RedactStage) -> list[Edit]:
        """Return what a stage finds in such pictures of a page."""
        found: list[Edit] = []
        for look in self.looks(page):
            to_page = look.to_picture.then(look.picture.to_page)
            for edit in stage.process(look.page, look.context).edits:
                found.append(
                    replace(
                        edit,
                        id=f"p{page.number}i{len(found) + 1}",
                        polygon=edit.polygon.map(to_page),
                        reason=f"{edit.reason}, in a picture that is not shown as it is",
                        areas=(edit.polygon.map(look.to_picture),),
                        picture=look.picture.key,
                    )
                )
        if page.unit == "px":
            # What goes from an image goes from all its channels.
            return uncovered((replace(e, areas=(), picture="") for e in found), page.edits)
        return found

    def left(self, page: Page, edits: Sequence[Edit]) -> list[Left]:
        """Return which of these edits can still be read in such pictures of a page of an output."""
        found: dict[str, Left] = {}
        for look in self.looks(page):
            text = PageText.of(look.page)
            for edit in edits:
                if edit.id not in found and Terms([edit.original]).find(text):
                    found[edit.id] = Left(page.number, edit.bbox, f"edit {edit.id}")
        return list(found.values())

    def _read(
        self, page: Page, picture: Unseen, corner: Sequence[float], image: object, step: int
    ) -> Look:
        import numpy as np

        pixels = np.pad(np.asarray(image), ((_EDGE, _EDGE), (_EDGE, _EDGE), (0, 0)), mode="edge")
        height, width = pixels.shape[:2]
        to_picture = Affine.translate(-_EDGE, -_EDGE).then(Affine.scale(step))
        to_picture = to_picture.then(Affine.translate(*corner))
        place = picture.to_page
        if place.a * place.d - place.b * place.c < 0:  # shown the other way round
            pixels = np.ascontiguousarray(pixels[:, ::-1])
            to_picture = Affine(-1, 0, 0, 1, width, 0).then(to_picture)
        own = Page(page.number, width, height, unit="px", dpi=page.dpi, route="scan")
        context = Still(self._pipeline.context, pixels)
        assert self._reader is not None
        return Look(picture, self._reader.process(own, context), context, to_picture)
