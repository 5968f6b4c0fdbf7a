"""Pages drawn for tests of the layout, and what is asked of every page that was laid out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymupdf

from docharmony.model import Block, BlockKind, Line, Page
from docharmony.stage import Graphics

LOREM = (
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut "
    "labore et dolore magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco "
    "laboris nisi ut aliquip ex ea commodo consequat. Duis aute irure dolor in reprehenderit. "
)
K = BlockKind
ROWS = [
    ["Article", "Pieces", "Price"],
    ["Pens, blue and black", "12", "1.50"],
    ["Paper", "1", "20.00"],
    ["Ink", "300", "7.25"],
]


class Drawn:
    """A page drawn for a test; text is placed by its baseline."""

    def __init__(self, width: float = 595, height: float = 842) -> None:
        self.document = pymupdf.open()
        self.page = self.document.new_page(width=width, height=height)

    def text(self, x: float, y: float, text: str, size: float = 10, font: str = "helv") -> None:
        self.page.insert_text((x, y), text, fontsize=size, fontname=font)

    def prose(self, x: float, y: float, width: float, rows: int, size: float = 10) -> float:
        """Set rows of running text, the last one short; return the next baseline."""
        words = (LOREM * 30).split()
        for row in range(rows):
            line = words.pop(0)
            while pymupdf.get_text_length(f"{line} {words[0]}", fontsize=size) <= width:
                line += " " + words.pop(0)
            self.text(x, y, line if row < rows - 1 else "the end of it.", size)
            y += 1.2 * size
        return y

    def rule(self, x0: float, y0: float, x1: float, y1: float) -> None:
        self.page.draw_line((x0, y0), (x1, y1), width=0.7)

    def save(self, path: Path) -> Path:
        self.document.save(path)
        self.document.close()
        return path


class PageContext:
    """What the stage uses of a context, from an opened source."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self.log = logging.getLogger("test")
        self.store: dict[str, Any] = {}

    def raster(self, page: Page, dpi: int | None = None) -> Any:
        return self.source.raster(page.number, dpi)

    def graphics(self, page: Page) -> Graphics:
        return self.source.graphics(page.number)


Layout = Callable[[Drawn], Page]


def check_whole(before: Page, after: Page) -> None:
    """Check that no word was lost or doubled and that lines and blocks fit together."""
    assert sorted(w for x in before.lines for w in key(x)) == sorted(
        w for x in after.lines for w in key(x)
    )
    assert [name for block in after.blocks for name in block.lines] == [x.id for x in after.lines]
    assert [x.id for x in after.lines] == [
        f"p{after.number}l{n}" for n in range(1, len(after.lines) + 1)
    ]
    assert [x.id for x in after.blocks] == [
        f"p{after.number}b{n}" for n in range(1, len(after.blocks) + 1)
    ]
    assert "blocks" in after.has
    for block in after.blocks:
        for line in after.lines_of(block):
            assert block.bbox.grow(0.01).contains(line.bbox.center)


def key(line: Line) -> list[tuple[Any, ...]]:
    return [(word.text, word.bbox) for word in line.words]


def kinds(page: Page) -> list[BlockKind]:
    return [block.kind for block in page.blocks]


def text_of(page: Page, block: Block) -> str:
    return " ".join(line.text for line in page.lines_of(block))


def starts(page: Page) -> list[str]:
    return [text_of(page, block)[:12] for block in page.blocks]


def grid(block: Block) -> list[list[str]]:
    rows = max(c.row + c.row_span for c in block.cells)
    columns = max(c.column + c.column_span for c in block.cells)
    found = [[""] * columns for _ in range(rows)]
    for cell in block.cells:
        found[cell.row][cell.column] = cell.text
    return found


def draw_table(drawn: Drawn, x: float, y: float, rows: list[list[str]]) -> float:
    for row in rows:
        for column, text in enumerate(row):
            drawn.text(x + 140 * column + 4, y + 11, text)
        y += 16
    return y
