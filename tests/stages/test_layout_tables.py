from __future__ import annotations

import pymupdf
import pytest

from .drawn import (
    LOREM,
    ROWS,
    Drawn,
    K,
    Layout,
    draw_table,
    grid,
    kinds,
    text_of,
)


def test_ruled_table(layout: Layout) -> None:
    drawn = Drawn()
    y = drawn.prose(60, 80, 470, 4)
    end = draw_table(drawn, 60, y, ROWS)
    for row in range(5):
        drawn.rule(60, y + 16 * row, 480, y + 16 * row)
    for column in range(4):
        drawn.rule(60 + 140 * column, y, 60 + 140 * column, end)
    drawn.prose(60, end + 14, 470, 4)
    page = layout(drawn)
    assert kinds(page) == [K.PARAGRAPH, K.TABLE, K.PARAGRAPH]
    assert grid(page.blocks[1]) == ROWS
    assert page.blocks[1].bbox == pytest.approx((60, y, 480, end), abs=1)


def test_spans_and_lines_in_cells(layout: Layout) -> None:
    drawn = Drawn()
    drawn.text(64, 111, "Both columns")
    drawn.text(64, 127, "two lines")
    drawn.text(64, 139, "in one cell")
    drawn.text(204, 127, "x")
    drawn.text(344, 119, "over two rows")
    for x0, y0, x1, y1 in (
        (60, 100, 480, 100),
        (60, 116, 340, 116),
        (60, 148, 480, 148),
        (60, 100, 60, 148),
        (200, 116, 200, 148),
        (340, 100, 340, 148),
        (480, 100, 480, 148),
    ):
        drawn.rule(x0, y0, x1, y1)
    page = layout(drawn)
    (table,) = page.blocks
    found = {(c.row, c.column): (c.text, c.row_span, c.column_span) for c in table.cells}
    assert found == {
        (0, 0): ("Both columns", 1, 2),
        (0, 2): ("over two rows", 2, 1),
        (1, 0): ("two lines\nin one cell", 1, 1),
        (1, 1): ("x", 1, 1),
    }


def test_table_between_three_rules(layout: Layout) -> None:
    drawn = Drawn()
    drawn.prose(60, 80, 470, 4)
    end = draw_table(drawn, 60, 150, ROWS)
    for y in (149, 166, end + 1):
        drawn.rule(60, y, 480, y)
    drawn.text(60, end + 20, "Table 1. What was bought", 9)
    drawn.prose(60, end + 50, 470, 4)
    page = layout(drawn)
    assert kinds(page) == [K.PARAGRAPH, K.TABLE, K.CAPTION, K.PARAGRAPH]
    assert grid(page.blocks[1]) == ROWS


def test_table_without_rules(layout: Layout) -> None:
    drawn = Drawn()
    drawn.prose(60, 80, 470, 4)
    end = draw_table(drawn, 60, 150, ROWS)
    drawn.prose(60, end + 30, 470, 4)
    page = layout(drawn)
    assert kinds(page) == [K.PARAGRAPH, K.TABLE, K.PARAGRAPH]
    assert grid(page.blocks[1]) == ROWS


def test_table_whose_columns_stand_close(layout: Layout) -> None:
    """As spreadsheets print them: a long name ends less than an em before the next column."""
    rows = [
        ("No.", "Customer", "Issued", "Due", "Net"),
        ("2026-101", "Blue Heron Bakery", "05.01.2026", "04.02.2026", "1250"),
        ("2026-102", "Northgate Dental Ltd", "12.01.2026", "11.02.2026", "480"),
        ("2026-103", "Hollis & Wren LLP", "19.01.2026", "18.02.2026", "3900"),
        ("2026-104", "Kestrel Cycles", "02.02.2026", "04.03.2026", "2045.5"),
    ]
    drawn = Drawn()
    for row, cells in enumerate(rows):
        for x, cell in zip((58, 116, 216, 274, 333), cells, strict=True):
            drawn.text(x, 100 + 12 * row, cell)
    page = layout(drawn)
    (table,) = [block for block in page.blocks if block.kind is K.TABLE]
    assert [cell.text for cell in table.cells] == [cell for row in rows for cell in row]


def test_addresses_side_by_side_are_no_table(layout: Layout) -> None:
    drawn = Drawn()
    for row, (left, right) in enumerate(
        [("Jane Roe", "Acme Limited"), ("Long Road", "High Street"), ("London", "Leeds")]
    ):
        drawn.text(60, 100 + 12 * row, left)
        drawn.text(380, 100 + 12 * row, right)
    drawn.prose(60, 200, 470, 8)
    page = layout(drawn)
    assert kinds(page) == [K.PARAGRAPH] * 3
    assert text_of(page, page.blocks[0]) == "Jane Roe Long Road London"


def test_an_address_a_little_larger_than_the_text_is_no_title(layout: Layout) -> None:
    drawn = Drawn()
    for row, text in enumerate(["iViveLabs Ltd.", "93B Sai Yu Chung", "Yuen Long", "Hong Kong"]):
        drawn.text(60, 100 + 14 * row, text, size=12)
    drawn.prose(60, 200, 470, 8)
    assert K.TITLE not in kinds(layout(drawn))


def test_contents_are_no_table(layout: Layout) -> None:
    drawn = Drawn()
    for row in range(6):
        drawn.text(60, 100 + 14 * row, f"{row + 1} Chapter of some name")
        drawn.text(500, 100 + 14 * row, str(10 * row + 1))
    page = layout(drawn)
    assert K.TABLE not in kinds(page)
    assert "1 Chapter of some name 1" in [line.text for line in page.lines]


def test_numbers_of_equations_do_not_join_the_next_column(layout: Layout) -> None:
    drawn = Drawn()

    def ending(x: float, row: int, text: str) -> None:
        drawn.text(x - pymupdf.get_text_length(text, fontsize=10), 100 + 12 * row, text)

    for row in range(14):
        words = (LOREM * 2).split()[row:]
        for x in (285, 545):
            text = words.pop(0)
            while pymupdf.get_text_length(f"{text} {words[0]}", fontsize=10) < 235:
                text += " " + words.pop(0)
            if x == 285 and row in (6, 7):
                drawn.text(130, 100 + 12 * row, "a = b + c")
                text = f"({row})"
            ending(x, row, text)
    page = layout(drawn)
    numbers = [block for block in page.blocks if "(6)" in text_of(page, block)]
    assert numbers
    assert all(block.bbox.x1 < 300 for block in numbers)


def test_an_upright_rule_parts_what_stands_on_one_line(layout: Layout) -> None:
    drawn = Drawn()
    for row, (name, value) in enumerate((("task", "Problem Set 3"), ("by", "Rebecca Turner"))):
        drawn.text(204 - pymupdf.get_text_length(name, fontsize=14), 100 + 20 * row, name, 14)
        drawn.text(211, 100 + 20 * row, value, 14)
    drawn.rule(207, 84, 207, 130)
    page = layout(drawn)
    assert not any("task Problem" in line.text or "by Rebecca" in line.text for line in page.lines)


def test_gaps_of_justified_lines_below_each_other_make_no_columns(layout: Layout) -> None:
    drawn = Drawn()
    for row in range(24):
        drawn.text(60, 100 + 12 * row, "Those links must" if row in (4, 9, 15) else LOREM[:44])
        if row in (4, 9, 15):
            drawn.text(150, 100 + 12 * row, "start with what you have said")
    page = layout(drawn)
    assert len(page.blocks) == 1
