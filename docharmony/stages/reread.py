"""Reading a redacted page again, from its pixels, to see whether anything can still be made out."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..detect.areas import Glyphs, areas
from ..detect.terms import Terms
from ..detect.text import PageText, is_word_character
from ..geometry import BBox
from ..model import Edit, Page
from ..stage import Context, Glyph, Graphics, Stage

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ..detect.base import Detector
    from ..engine.base import Engine

# What must lie inside a cleared area for a find to count as left there, of the find's own area.
_INSIDE = 0.5
# How much of the surroundings is read with an area: multiples of its height, and page units.
_AROUND, _LEAST_AROUND = 1.5, 12.0


@dataclass(frozen=True, slots=True)
class Left:
    """Something that can still be read.

    Attributes:
        page: 1-based number.
        bbox: where, in page units.
        what: which edit or term, never its text.
    """

    page: int
    bbox: BBox
    what: str


def reread(
    page: Page,
    ctx: Context,
    reader: Stage,
    edits: Sequence[Edit],
    terms: Sequence[str] = (),
    *,
    whole_words: bool = False,
    whole_page: bool = False,
) -> list[Left]:
    """Return what of the edits and terms can still be read from the pixels of a redacted page.

    Inside the areas of the edits, near misses of what stood there count; elsewhere only exact finds
    of the terms.

    Args:
        page: the page of the output.
        ctx: gives the rasters of the output.
        reader: a stage that reads lines from pixels.
        edits: the edits applied to this page.
        terms: texts that must not be readable anywhere on what is looked at.
        whole_words: terms count as whole words only.
        whole_page: look at all of the page, not just the edits and their surroundings.
    """
    windows = None if whole_page else [_window(edit, page) for edit in edits]
    blank = replace(page, route="scan", lines=(), blocks=(), edits=(), has=frozenset())
    text = PageText.of(reader.process(blank, _Masked(ctx, windows)))
    left: list[Left] = []
    for edit in edits:
        if not any(map(is_word_character, edit.original)):
            continue
        for box in _places(text, [edit.original], near=True):
            if box.intersection(edit.bbox).area >= _INSIDE * box.area:
                left.append(Left(page.number, edit.bbox, f"edit {edit.id}"))
                break
    for number, term in enumerate(terms, 1):
        for box in _places(text, [term], whole_words=whole_words):
            left.append(Left(page.number, box, f"term {number}"))
    return left


def _places(
    text: PageText, terms: Sequence[str], *, whole_words: bool = False, near: bool = False
) -> list[BBox]:
    glyphs = Glyphs(tuple)
    return [
        area.polygon.bbox
        for match in Terms(terms, whole_words=whole_words).find(text)
        if near or match.confidence == 1.0
        for area in areas(text, match.start, match.end, glyphs)
    ]


def _window(edit: Edit, page: Page) -> BBox:
    box = edit.bbox
    around = max(_LEAST_AROUND, _AROUND * min(box.width, box.height))
    return box.grow(around).intersection(page.bbox)


class _Masked:
    """A context whose rasters show nothing but some windows of the page; None shows all."""

    def __init__(self, inner: Context, windows: Sequence[BBox] | None) -> None:
        self._inner = inner
        self._windows = windows

    @property
    def engine(self) -> Engine:
        return self._inner.engine

    @property
    def log(self) -> logging.Logger:
        return self._inner.log

    @property
    def store(self) -> dict[str, Any]:
        return self._inner.store

    def raster(self, page: Page, dpi: int | None = None) -> npt.NDArray[np.uint8]:
        import numpy as np

        image = self._inner.raster(page, dpi)
        if self._windows is None:
            return image
        shown = np.full_like(image, 255)
        height, width = image.shape[:2]
        for box in self._windows:
            rows = slice(int(box.y0 / page.height * height), int(box.y1 / page.height * height) + 1)
            columns = slice(int(box.x0 / page.width * width), int(box.x1 / page.width * width) + 1)
            shown[rows, columns] = image[rows, columns]
        return shown

    def graphics(self, page: Page) -> Graphics:
        return self._inner.graphics(page)

    def glyphs(self, page: Page) -> tuple[Glyph, ...]:
        return self._inner.glyphs(page)

    def detectors(self, kinds: Sequence[str]) -> Mapping[str, Detector]:
        return self._inner.detectors(kinds)
