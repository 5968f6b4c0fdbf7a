"""The replacing edits of a PDF: planned before, drawn after the old text is gone."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pikepdf

from ...geometry import Affine, BBox, Polygon
from . import pdf_links
from .alike import most
from .fitted import Fitted
from .pdf_area import Area
from .pdf_fields import Fields
from .pdf_in_place import InPlace, NewText, Spot
from .pdf_own_fonts import OwnFonts
from .pdf_setting import Setter
from .setting import Planned, fitted, in_crop, plan, setting_of

Item = Mapping[str, Any]

# Words of neighbouring lines overlap: so much of a line's height is left alone above and below.
_TRIM = 0.15
# Share of an edit's area that a picture must hold to have the new text painted into it.
_HELD = 0.98
# Points around the box of a rule that goes.
_AROUND_RULE = 0.3
# Points that text may reach into a clip path's border: boxes of letters are larger than their ink.
_CLIPPED = 1.0


@dataclass
class _Claim:
    """A picture that holds an edit: the new image, where it lies, and its height and width."""

    image: Any
    to_unit: Affine
    size: tuple[int, int]


@dataclass
class Replacements:
    """Plans and draws the replacing edits of one document.

    Attributes:
        least: smallest size allowed, as a share of the old one.
        fits: what became of each edit.
        texts: those that go into pictures, for who paints letters; see :func:`.setting.in_crop`.
    """

    pdf: pikepdf.Pdf
    least: float
    fits: list[Fitted] = field(default_factory=list)
    texts: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._own = OwnFonts(self.pdf)
        self._setter = Setter(self.pdf)
        self._fields = Fields(self.pdf, self._setter, self._plan)
        self._claims: dict[str, _Claim] = {}
        self._placed: set[str] = set()
        self._surveyed: dict[str, Planned | Fitted] = {}

    def survey(self, pages: Sequence[tuple[pikepdf.Page, Sequence[Item]]]) -> None:
        """Look at all edits before any is planned: texts that are alike shall be of one size."""
        found = {
            str(item["id"]): (page, self._plan(page, item))
            for page, items in pages
            for item in items
            if setting_of(item).alike
        }
        limits = most(result for _, result in found.values() if isinstance(result, Planned))
        for name, (page, result) in found.items():
            if name in limits and isinstance(result, Planned):
                result = self._plan(page, {**result.edit, "most": limits[name]})
            self._surveyed[name] = result

    def _plan(self, page: pikepdf.Page, item: Item) -> Planned | Fitted:
        setting = setting_of(item)
        find = None
        if setting.visible and setting.origin == "pdf":
            find = partial(self._own.find, page)
        return plan(item, self.least, find)

    def plan(self, page: pikepdf.Page, items: Sequence[Item]) -> tuple[list[Planned], list[Area]]:
        """Return the edits of a page whose text fits, and the areas of their old text."""
        planned: list[Planned] = []
        areas: list[Area] = []
        for item in items:
            setting = setting_of(item)
            result = self._surveyed.pop(str(item["id"]), None) or self._plan(page, item)
            if isinstance(result, Fitted):
                self.fits.append(result)
                continue
            planned.append(result)
            only_text = setting.origin == "pdf" and setting.visible
            for polygon in item["areas"]:
                shown = _trimmed(Polygon.of(polygon)) if only_text else Polygon.of(polygon)
                ink = None if only_text else (setting.inks, setting.blur)
                areas.append(Area(shown, only_text=only_text, edit=str(item["id"]), ink=ink))
            for box in setting.rules:
                strip = box.grow(_AROUND_RULE).polygon()
                areas.append(Area(strip, only_paths=True, edit=str(item["id"])))
        return planned, areas

    def in_place(self, page: pikepdf.Page, planned: Sequence[Planned]) -> InPlace:
        """Return what gives the new texts for the places in the stream where the old ones stand."""
        waiting = {str(item.edit["id"]): item for item in planned if item.setting.origin == "pdf"}

        def give(area: Area, spot: Spot) -> NewText | None:
            item = waiting.get(area.edit)
            if item is None or not _seen_whole(item, area, spot.state.clip):
                return None
            try:
                text = self._setter.in_place(page, item, area, spot)
            except ValueError:  # squeezed to nothing, or in colours without a way back
                return None
            del waiting[area.edit]
            self._placed.add(area.edit)
            return text

        return give

    def draw(
        self, page: pikepdf.Page, matrix: Affine, planned: Sequence[Planned], areas: Sequence[Area]
    ) -> None:
        """Put the new text on a page from which the old one is gone, where it is not yet there."""
        hits = {area.edit: 0 for area in areas}
        spoken = dict(hits)
        for area in areas:
            hits[area.edit] += area.hits
            spoken[area.edit] += area.glyphs
        shown: list[Planned] = []
        done: list[Planned] = []
        for item in planned:
            name = str(item.edit["id"])
            if not hits[name]:
                inside = self._fields.set(page, matrix, item)
                if inside is not None:
                    self.fits.append(inside)
                    continue
                note = "its text is in an annotation or a form field that cannot be set anew"
                self.fits.append(Fitted(name, False, note=note))
                continue
            claim = self._claims.pop(name, None)
            if claim is not None:
                self._paint_later(claim, item)
                if (
                    spoken[name] and name not in self._placed
                ):  # a text layer under the picture goes on telling what it shows
                    hidden = replace(item.setting, visible=False)
                    shown.append(replace(item, setting=hidden))
            elif name not in self._placed:
                shown.append(item)
            done.append(item)
            self.fits.append(fitted(item, item.face))
        pdf_links.follow(self.pdf, page, matrix, done)
        places = {area.edit: area for area in reversed(areas) if area.hits}
        self._setter.draw(
            page, matrix, [(item, places[str(item.edit["id"])]) for item in shown], done
        )

    def claim(
        self, image: Any, to_unit: Affine, size: tuple[int, int], areas: Sequence[Area]
    ) -> None:
        """Note that a picture lies under edits: the largest one gets their text.

        Args:
            image: the image that is to be painted.
            to_unit: from the displayed page to the unit square of the image, y up.
            size: height and width in pixels.
            areas: those that touch it.
        """
        for area in areas:
            spots = [to_unit.apply(point) for point in area.points]
            held = all(-(1 - _HELD) <= value <= 1 + (1 - _HELD) for spot in spots for value in spot)
            known = self._claims.get(area.edit)
            if area.edit and held and (known is None or math.prod(known.size) < math.prod(size)):
                self._claims[area.edit] = _Claim(image, to_unit, size)

    def finish(self) -> None:
        """Embed the fonts that were used."""
        self._setter.finish()

    def _paint_later(self, claim: _Claim, item: Planned) -> None:
        """Leave a note with the image: its text is painted when its ground is."""
        note = json.loads(str(claim.image[MARK]))
        note["texts"] = [
            *note.get("texts", []),
            {"edit": dict(item.edit), "to_unit": list(claim.to_unit)},
        ]
        height, width = claim.size
        to_pixels = claim.to_unit.then(Affine(width, 0, 0, -height, 0, height))
        corners = [to_pixels.apply(point) for point in Polygon.of(item.edit["polygon"])]
        self.texts += in_crop(item, corners, note["crops"])
        claim.image[MARK] = json.dumps(note)


def _seen_whole(item: Planned, area: Area, clip: BBox | None) -> bool:
    """Return whether a text stays in what is seen where its old text stands, or as much as that did."""
    if clip is None:
        return True
    size, boxes = item.layout.size, []
    for line in item.layout.lines:
        box = BBox(line.x, -line.y - 0.25 * size, line.x + line.width, -line.y + 0.75 * size)
        boxes.append(box.polygon().map(item.frame.matrix).bbox)
    if item.setting.direction == "ttb" or not boxes:
        return not boxes
    shown = clip.grow(_CLIPPED).union(area.bbox)
    return BBox.around([shown, *boxes]) == shown


MARK = "/DHPicture"
"""Marks an image of the intermediate file whose crops are being painted."""


def _trimmed(polygon: Polygon) -> Polygon:
    """Return a line's corners without a strip at its top and bottom."""
    if len(polygon) != 4:
        return polygon
    a, b, c, d = polygon

    def between(p: Any, q: Any, t: float) -> tuple[float, float]:
        return p.x + (q.x - p.x) * t, p.y + (q.y - p.y) * t

    return Polygon.of(
        (
            between(a, d, _TRIM),
            between(b, c, _TRIM),
            between(b, c, 1 - _TRIM),
            between(a, d, 1 - _TRIM),
        )
    )
