"""A plugin with a reader that sees what it is told to see, quickly: a stand-in for OCR."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from docharmony import BBox, Context, Line, Page, Stage, Word, hookimpl


@dataclass(frozen=True)
class ReaderConfig:
    text: str = ""
    """What stands on every line; empty: nothing is legible."""

    rows: int = 40
    """Number of lines, each as wide as the page."""

    middle: float = 0.0
    """Above 0: one line of this height and width in the middle of the page instead."""


class Reader(Stage):
    """Reads the same text all over every page."""

    name = "fake.reader"
    Config: ClassVar[type] = ReaderConfig
    provides = frozenset({"lines"})

    def process(self, page: Page, ctx: Context) -> Page:
        ctx.raster(page)
        if not self.config.text:
            return page.provide("lines", lines=())
        height = page.height / self.config.rows
        boxes = [
            BBox(0, row * height, page.width, (row + 1) * height) for row in range(self.config.rows)
        ]
        if self.config.middle:
            point = page.bbox.center
            boxes = [BBox(*point, *point).grow(self.config.middle / 2)]
        lines = []
        for row, box in enumerate(boxes):
            count = len(self.config.text)
            bounds = tuple(i / count for i in range(count + 1))
            word = Word(self.config.text, box, 0.5, "ocr", None, bounds)
            lines.append(Line(f"p{page.number}l{row + 1}", (word,), box, size=box.height))
        return page.provide("lines", lines=tuple(lines))


@hookimpl
def register_stages(register):
    register(Reader.name, Reader, "reads what it is told")
