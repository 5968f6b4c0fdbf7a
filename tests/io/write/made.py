"""Hand-made pages and sources for the writers' tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from docharmony.geometry import BBox, Polygon
from docharmony.model import (
    Block,
    BlockKind,
    Cell,
    Line,
    Page,
    PageFailure,
    SourceInfo,
    Word,
)


@dataclass
class MadeSource:
    """The part of a Source that writers use."""

    path: Path = Path("a.pdf")
    media_type: str = "application/pdf"
    password: str | None = None
    page_count: int = 1

    @property
    def info(self) -> SourceInfo:
        return SourceInfo('a & "b".pdf', "ab" * 32, self.media_type, self.page_count)

    def raster(self, number: int, dpi: int | None = None) -> Any:
        size = round((dpi or 200) * 842 / 72), round((dpi or 200) * 595 / 72)
        return np.full((*size, 3), 255, np.uint8)


def words(text: str, x: float, y: float, size: float = 10.0, **more: Any) -> tuple[Word, ...]:
    """Return the words of a line with half an em a letter, from (x, y) as top left."""
    result = []
    for part in text.split():
        width = 0.5 * size * len(part)
        result.append(Word(part, BBox(x, y, round(x + width, 2), y + size), **more))
        x = round(x + width + 0.3 * size, 2)
    return tuple(result)


def line(
    name: str, text: str, x: float, y: float, size: float = 10.0, bold: bool = False, **more: Any
) -> Line:
    """Return a horizontal line."""
    own = words(text, x, y, size, **more)
    return Line(name, own, BBox.around([w.bbox for w in own]), size=size, bold=bold)


def page() -> Page:
    """Return a page with a block of every kind."""
    lines = [
        line("p1l1", "Annual Report 2025", 50, 20, 8),
        line("p1l2", "1 Results & <outlook>", 50, 60, 18, bold=True),
        line("p1l3", "The year was good, and a well-", 50, 100),
        line("p1l4", "known firm gave new infor-", 50, 112),
        line("p1l5", "mation on * markets_ [x].", 50, 124),
        line("p1l6", "• first point", 60, 150),
        line("p1l7", "2. second point", 60, 162),
        line("p1l8", "Item", 50, 190, bold=True),
        line("p1l9", "Price", 150, 190, bold=True),
        line("p1l10", "Pens | ink", 50, 202),
        line("p1l11", "1.50", 150, 202),
        line("p1l12", "Table 1: Prices", 50, 230),
        line("p1l13", "north", 400, 300),
        line("p1l14", "7", 290, 800, 8),
    ]
    lines[12] = Line(
        "p1l13",
        (
            Word(
                "north",
                BBox(400, 300, 410, 325),
                0.9,
                quad=Polygon.of([(400, 325), (400, 300), (410, 300), (410, 325)]),
            ),
        ),
        BBox(400, 300, 410, 325),
        Polygon.of([(400, 325), (400, 300), (410, 300), (410, 325)]),
        270.0,
        10.0,
    )
    cells = (
        Cell(0, 0, BBox(48, 188, 145, 201), "Item"),
        Cell(0, 1, BBox(145, 188, 240, 201), "Price"),
        Cell(1, 0, BBox(48, 201, 145, 214), "Pens | ink"),
        Cell(1, 1, BBox(145, 201, 240, 214), "1.50"),
    )

    def block(number: int, kind: BlockKind, *names: str, **more: Any) -> Block:
        boxes = [item.bbox for item in lines if item.id in names]
        box = more.pop("bbox", None) or BBox.around(boxes)
        return Block(f"p1b{number}", kind, box, names, **more)

    blocks = (
        block(1, BlockKind.HEADER, "p1l1"),
        block(2, BlockKind.TITLE, "p1l2", level=2),
        block(3, BlockKind.PARAGRAPH, "p1l3", "p1l4", "p1l5"),
        block(4, BlockKind.LIST_ITEM, "p1l6", level=1),
        block(5, BlockKind.LIST_ITEM, "p1l7", level=1),
        block(6, BlockKind.TABLE, "p1l8", "p1l9", "p1l10", "p1l11", cells=cells),
        block(7, BlockKind.CAPTION, "p1l12"),
        block(8, BlockKind.FIGURE, "p1l13", bbox=BBox(350, 250, 500, 400)),
        block(9, BlockKind.FIGURE, bbox=BBox(350, 450, 500, 600)),
        block(10, BlockKind.FOOTER, "p1l14"),
    )
    return Page(1, 595, 842, lines=tuple(lines), blocks=blocks, has=frozenset({"lines", "blocks"}))


FAILURE = PageFailure(2, "ocr", "the engine failed")
