"""Drawn things of a page: rules and boxes out of its paths. Runs in a :class:`.child.Child` only."""

# mypy: disallow-untyped-calls=False
# PyMuPDF ships annotations for a part of its functions only.

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from typing import Any, NamedTuple

import pymupdf
from pymupdf import mupdf

# A filled box is a rule when it is at most so thick (points) and so many times as long.
_THIN, _LONG = 5.0, 5.0
# Kinds of annotations that mark words.
_MARKS = (
    mupdf.PDF_ANNOT_HIGHLIGHT,
    mupdf.PDF_ANNOT_UNDERLINE,
    mupdf.PDF_ANNOT_SQUIGGLY,
    mupdf.PDF_ANNOT_STRIKE_OUT,
)


class Mark(NamedTuple):
    """A highlight, underline or the like, in the page's space before /Rotate."""

    bbox: pymupdf.Rect
    quads: list[pymupdf.Rect]
    colour: tuple[float, ...]
    target: str

    def drew(self, drawing: dict[str, Any]) -> bool:
        """Return whether a path is what the mark looks like, rather than a part of the page."""
        if drawing["type"] in ("clip", "group"):
            return False
        box = pymupdf.Rect(drawing["rect"])
        near = pymupdf.Rect(self.bbox) + (-3, -3, 3, 3)  # noqa: RUF005
        if near & box != box:
            return False
        colour = drawing.get("fill") or drawing.get("color") or self.colour
        return len(colour) == len(self.colour) and all(
            abs(a - b) < 0.02 for a, b in zip(colour, self.colour, strict=True)
        )


def marks_of(sheet: pymupdf.Page) -> Iterator[Mark]:
    """Yield the annotations of a page that mark words."""
    # PyMuPDF goes through all annotations to find one: of the other kinds there can be many.
    for annotation in sheet.annots(types=_MARKS):
        corners = annotation.vertices or []
        quads = [pymupdf.Quad(corners[at : at + 4]).rect for at in range(0, len(corners) - 3, 4)]
        colour = tuple(annotation.colors.get("stroke") or ())
        yield Mark(annotation.rect, quads or [annotation.rect], colour, f"mark {annotation.xref}")


class Drawn:
    """Sorts paths into rules and boxes, and cuts off what clips hide."""

    def __init__(self, turn: pymupdf.Matrix, page_area: float) -> None:
        self.rules = array("f")
        self.boxes = array("f")
        self._turn = turn  # get_cdrawings() speaks of the page before /Rotate
        self._page_area = page_area
        self._clips: list[pymupdf.Rect] = []  # each within the one before it

    def add(self, drawing: dict[str, Any]) -> None:
        """Add one path, clip or group as ``Page.get_cdrawings(extended=True)`` describes it."""
        kind = drawing["type"]
        level = min(int(drawing.get("level") or 0), len(self._clips))
        del self._clips[level:]
        if kind in ("clip", "group"):
            box = pymupdf.Rect(drawing.get("scissor") or pymupdf.INFINITE_RECT()) * self._turn
            self._clips.append(box & self._clips[-1] if self._clips else box)
            return
        stroked = "s" in kind and drawing.get("stroke_opacity") != 0
        filled = "f" in kind and drawing.get("fill_opacity") != 0
        if not (stroked or filled):
            return
        width = float(drawing.get("width") or 0) if stroked else 0.0
        shapes, crooked = 0, False
        for item in drawing["items"]:
            if item[0] == "re":
                shapes += 1
                self._shape(pymupdf.Rect(item[1]), width, stroked)
            elif item[0] == "qu":
                shapes += 1
                self._shape(pymupdf.Quad(item[1]).rect, width, stroked)
            elif item[0] == "l" and stroked:
                crooked |= not self._stroke(pymupdf.Point(item[1]), pymupdf.Point(item[2]), width)
            else:
                crooked = True
        if crooked and not shapes:
            self._shape(pymupdf.Rect(drawing["rect"]), 0.0, False)

    def _stroke(self, start: pymupdf.Point, end: pymupdf.Point, width: float) -> bool:
        """Add a stroke when it is level or upright, and return whether it is."""
        start, end = start * self._turn, end * self._turn
        dx, dy = abs(end.x - start.x), abs(end.y - start.y)
        if min(dx, dy) > 0.75:
            return False
        if max(dx, dy) > 0.75:
            self._rule(start.x, start.y, end.x, end.y, width)
        return True

    def _shape(self, rect: pymupdf.Rect, width: float, stroked: bool) -> None:
        rect = rect * self._turn
        thick, long = sorted((rect.width, rect.height))
        if thick <= _THIN and long >= _LONG * thick:
            middle_x, middle_y = (rect.x0 + rect.x1) / 2, (rect.y0 + rect.y1) / 2
            if rect.width >= rect.height:
                self._rule(rect.x0, middle_y, rect.x1, middle_y, thick + width)
            else:
                self._rule(middle_x, rect.y0, middle_x, rect.y1, thick + width)
            return
        if stroked:
            self._rule(rect.x0, rect.y0, rect.x1, rect.y0, width)
            self._rule(rect.x1, rect.y0, rect.x1, rect.y1, width)
            self._rule(rect.x0, rect.y1, rect.x1, rect.y1, width)
            self._rule(rect.x0, rect.y0, rect.x0, rect.y1, width)
        # The paper colour that some programs paint first says nothing about the page.
        if self._clips:
            rect &= self._clips[-1]
            if rect.is_empty:
                return
        box = (rect.x0, rect.y0, rect.x1, rect.y1)
        if rect.width * rect.height < self._page_area and math.isfinite(sum(box)):
            self.boxes.extend(box)

    def _rule(self, x0: float, y0: float, x1: float, y1: float, width: float) -> None:
        x0, x1, y0, y1 = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
        if self._clips:
            seen = self._clips[-1]
            x0, y0, x1, y1 = max(x0, seen.x0), max(y0, seen.y0), min(x1, seen.x1), min(y1, seen.y1)
            if x0 > x1 or y0 > y1:
                return
        if math.isfinite(x0 + y0 + x1 + y1 + width):
            self.rules.extend((x0, y0, x1, y1, width))
