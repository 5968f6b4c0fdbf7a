"""Reading a redacted page again, from its pixels, to see whether anything can still be made out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..detect.areas import Glyphs, areas
from ..detect.terms import Terms
from ..detect.text import PageText, is_word_character
from ..geometry import BBox
from ..model import Edit, Page
from ..stage import Context, Stage
from .lines import ReadConfig
from .still import Apart, Kept

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# What must lie inside a cleared area for a find to count as left there, of the find's own area.
_INSIDE = 0.5
# How much of the surroundings is read with an area: multiples of its height, and page units.
_AROUND, _LEAST_AROUND = 1.5, 12.0
# Levels within which the means of tiles, so many pixels wide, count as one colour.
_EVEN, _TILE = 6.0, 4
# How much around an area is shown when it is looked at from all sides, page units.
_RIM = 4.0
# White between two windows, in page units.
_GAP = 12.0


@dataclass(frozen=True, slots=True)
class Left:
    """Something that can still be read.

    Attributes:
        page: 1-based number.
        bbox: where, in page units.
        what: which edit, never its text.
    """

    page: int
    bbox: BBox
    what: str


@dataclass(frozen=True, slots=True)
class _Look:
    """One way to look at a strip: turned clockwise by quarters, in its own colours or in others."""

    quarters: int = 0
    inverted: bool = False


_AS_IT_IS = _Look()
_LOOKS = tuple(_Look(q, i) for i in (False, True) for q in range(4))


def reread(page: Page, ctx: Context, reader: Stage, edits: Sequence[Edit]) -> list[Left]:
    """Return what of the edits can still be read from the pixels of a redacted page.

    Only the edits and their surroundings are looked at: what lies further away has not changed. Near
    misses of what stood there count. Areas that are not of one even colour are looked at turned by
    every quarter, and in inverted colours.

    Args:
        page: the page of the output.
        ctx: gives the rasters of the output.
        reader: a stage that reads lines from pixels.
        edits: the edits applied to this page.
    """
    ctx = Kept(ctx)
    # What was removed off the page shows no pixels; the parsers' checks have looked for it.
    edits = [edit for edit in edits if not _window(edit, page).is_empty]
    if not edits:
        return []
    sought = [edit for edit in edits if any(map(is_word_character, edit.original))]
    first = _Strip(ctx, page, _united([_window(edit, page) for edit in edits]))
    found = _found(first, reader, sought)
    uneven = [
        edit
        for edit in sought
        if edit.id not in found
        and not _rim(edit, page).is_empty
        and not _even(ctx.raster(page), page, edit.bbox)
    ]
    if uneven:
        fixed = _as_shown(reader)
        windows = _united([_rim(edit, page) for edit in uneven])
        for look in _LOOKS:
            found |= _found(_Strip(ctx, page, windows, look), fixed, uneven)
    return [Left(page.number, edit.bbox, f"edit {edit.id}") for edit in sought if edit.id in found]


def _found(strip: _Strip, reader: Stage, edits: Sequence[Edit]) -> set[str]:
    """Return the ids of the edits whose text is read in a strip, inside their areas."""
    text = PageText.of(reader.process(strip.page, strip))
    return {
        edit.id
        for edit in edits
        if any(
            box.intersection(edit.bbox).area >= _INSIDE * box.area
            for box in map(strip.to_page, _places(text, edit.original))
        )
    }


def _as_shown(reader: Stage) -> Stage:
    """Return a reader that takes images the way up they are, where it can be told so."""
    if isinstance(reader.config, ReadConfig):
        return type(reader)(replace(reader.config, orientation="off"))
    return reader


def _even(image: npt.NDArray[np.uint8], page: Page, box: BBox) -> bool:
    """Return whether an area is of one colour but for grain: nobody can read anything there."""
    import numpy as np

    sx, sy = image.shape[1] / page.width, image.shape[0] / page.height
    inside = image[
        max(0, math.floor(box.y0 * sy)) : math.ceil(box.y1 * sy),
        max(0, math.floor(box.x0 * sx)) : math.ceil(box.x1 * sx),
    ].astype(np.float32)
    height, width = (side // _TILE * _TILE for side in inside.shape[:2])
    if not height or not width:
        return False
    # Grain is gone in the means of small tiles, but for its own share; strokes are wider than a tile.
    grain = float(np.median(np.abs(np.diff(inside, axis=1)))) / 0.954
    tiles = inside[:height, :width].reshape(height // _TILE, _TILE, width // _TILE, _TILE, 3)
    means = tiles.mean(axis=(1, 3))
    span = float((means.max(axis=(0, 1)) - means.min(axis=(0, 1))).max())
    return span <= _EVEN + 8 * grain / _TILE


def _places(text: PageText, original: str) -> list[BBox]:
    glyphs = Glyphs(tuple)
    return [
        area.polygon.bbox
        for match in Terms([original]).find(text)
        for area in areas(text, match.start, match.end, glyphs)
    ]


def _window(edit: Edit, page: Page) -> BBox:
    box = edit.bbox
    around = max(_LEAST_AROUND, _AROUND * min(box.width, box.height))
    return box.grow(around).intersection(page.bbox)


def _rim(edit: Edit, page: Page) -> BBox:
    return edit.bbox.grow(_RIM).intersection(page.bbox)


def _united(boxes: Sequence[BBox]) -> list[BBox]:
    """Return boxes that hold all of these and do not overlap each other."""
    done: list[BBox] = []
    for box in sorted(boxes, key=lambda box: (box.y0, box.x0)):
        while meets := [other for other in done if not other.intersection(box).is_empty]:
            done = [other for other in done if other not in meets]
            box = BBox.around([box, *meets])
        done.append(box)
    return done


class _Strip(Apart):
    """A context whose raster is a strip of windows of the page, one below the other.

    Args:
        inner: gives the raster of the page.
        page: the page.
        windows: what of it to show, in page units; they do not overlap.
        look: how to turn and colour the strip.
    """

    def __init__(
        self, inner: Context, page: Page, windows: Sequence[BBox], look: _Look = _AS_IT_IS
    ) -> None:
        super().__init__(inner)
        self._page = page
        self._windows = windows
        self._look = look
        self._tops: list[float] = []
        top = 0.0
        for box in windows:
            self._tops.append(top)
            top += box.height + _GAP
        self._size = max(box.width for box in windows), top - _GAP
        width, height = self._size if look.quarters % 2 == 0 else self._size[::-1]
        # A page of its own, as large as the strip, that nobody has read yet.
        self.page = replace(
            page,
            width=width,
            height=height,
            route="scan",
            lines=(),
            blocks=(),
            images=(),
            edits=(),
            has=frozenset(),
        )

    def to_page(self, box: BBox) -> BBox:
        """Return a box of the strip as one of the page."""
        box = self._upright(box)
        index = max(i for i, top in enumerate(self._tops) if top <= max(0.0, box.center.y))
        dx, dy = self._windows[index].x0, self._windows[index].y0 - self._tops[index]
        return BBox(box.x0 + dx, box.y0 + dy, box.x1 + dx, box.y1 + dy)

    def _upright(self, box: BBox) -> BBox:
        """Return a box of the strip as it was before it was turned."""
        width, height = self._size
        x0, y0, x1, y1 = box
        return (
            box,
            BBox(y0, height - x1, y1, height - x0),
            BBox(width - x1, height - y1, width - x0, height - y0),
            BBox(width - y1, x0, width - y0, x1),
        )[self._look.quarters % 4]

    def raster(self, page: Page, dpi: int | None = None) -> npt.NDArray[np.uint8]:
        """Return the strip, white where there is no window."""
        import numpy as np

        image = self._inner.raster(self._page, dpi)
        sx, sy = image.shape[1] / self._page.width, image.shape[0] / self._page.height
        size = math.ceil(self._size[1] * sy), math.ceil(self._size[0] * sx)
        strip = np.full((*size, 3), 255, np.uint8)
        for box, top in zip(self._windows, self._tops, strict=True):
            y, x = round(box.y0 * sy), round(box.x0 * sx)
            cut = image[y : round(box.y1 * sy), x : round(box.x1 * sx)]
            to = round(top * sy)
            cut = cut[: size[0] - to, : size[1]]
            strip[to : to + cut.shape[0], : cut.shape[1]] = cut
        turned = np.rot90(strip, -self._look.quarters)
        return np.ascontiguousarray(255 - turned if self._look.inverted else turned)
