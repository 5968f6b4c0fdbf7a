from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from docharmony.geometry import Affine, BBox, Polygon
from docharmony.io.source import open_source
from docharmony.io.write.json import JsonWriter
from docharmony.io.write.markdown import MarkdownWriter
from docharmony.model import Line, Page, Word
from docharmony.stage import Graphics
from docharmony.stages.layout import LayoutConfig, LayoutStage, lay_out

from .drawn import (
    ROWS,
    Drawn,
    K,
    Layout,
    PageContext,
    check_whole,
    draw_table,
    grid,
    kinds,
    starts,
    text_of,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "layout"


# --- reading order ------------------------------------------------------------------------------


def test_two_columns_under_a_title_that_spans_them(layout: Layout) -> None:
    drawn = Drawn()
    drawn.text(60, 80, "A title that reaches over both of the columns", 20)
    drawn.prose(50, 120, 235, 12)
    y = drawn.prose(310, 120, 235, 12)
    drawn.text(50, y + 30, "A heading over both columns, in the middle of the page", 14, "hebo")
    drawn.prose(50, y + 60, 235, 8)
    drawn.prose(310, y + 60, 235, 10)
    page = layout(drawn)
    assert kinds(page) == [K.TITLE, K.PARAGRAPH, K.PARAGRAPH, K.TITLE, K.PARAGRAPH, K.PARAGRAPH]
    lefts = [round(block.bbox.x0) for block in page.blocks]
    assert lefts == [60, 50, 310, 50, 50, 310]
    assert [len(block.lines) for block in page.blocks] == [1, 12, 12, 1, 8, 10]


def test_three_columns(layout: Layout) -> None:
    drawn = Drawn()
    for column in range(3):
        drawn.prose(40 + 180 * column, 100, 160, 20)
    page = layout(drawn)
    assert [round(block.bbox.x0) for block in page.blocks] == [40, 220, 400]


def test_lines_over_a_gutter_are_split() -> None:
    def word(text: str, x: float, y: float) -> Word:
        return Word(text, BBox(x, y, x + 5 * len(text), y + 10))

    lines = []
    for row in range(10):
        y = 100 + 12 * row
        words = [word("leftwords", 50 + 50 * n, y) for n in range(4)]
        words += [word("rightwords", 300 + 55 * n, y) for n in range(4)]
        box = BBox.around([w.bbox for w in words])
        lines.append(Line(f"p1l{row + 1}", tuple(words), box, size=10))
    page = Page(1, 595, 842, lines=tuple(lines), has=frozenset({"lines"}))
    result = lay_out(page, Graphics())
    check_whole(page, result)
    assert kinds(result) == [K.PARAGRAPH, K.PARAGRAPH]
    assert [len(block.lines) for block in result.blocks] == [10, 10]
    assert "right" not in text_of(result, result.blocks[0])
    assert result.lines[0].bbox == BBox(50, 100, 245, 110)


def test_notes_in_the_margin_stand_before_what_they_annotate(layout: Layout) -> None:
    drawn = Drawn()
    y = drawn.prose(150, 100, 380, 10)
    drawn.text(60, y + 20, "a note", 9)
    drawn.prose(150, y + 20, 380, 10)
    page = layout(drawn)
    assert [round(block.bbox.x0) for block in page.blocks] == [150, 60, 150]


def test_paragraphs_by_indent_and_by_space(layout: Layout) -> None:
    drawn = Drawn()
    y = drawn.prose(60, 100, 400, 4)
    y = drawn.prose(60, y + 8, 400, 4)
    for _ in range(2):
        drawn.text(
            75, y, "An indented first line that is quite long and goes to the right edge of it"
        )
        y = drawn.prose(60, y + 12, 400, 3)
    page = layout(drawn)
    # The indented ones follow without space, the first of them after a short line.
    assert kinds(page) == [K.PARAGRAPH] * 4
    assert [len(block.lines) for block in page.blocks] == [4, 4, 4, 4]


# --- kinds --------------------------------------------------------------------------------------


def test_headers_and_footers(layout: Layout) -> None:
    drawn = Drawn()
    drawn.text(60, 40, "Annual report", 9)
    drawn.text(480, 40, "Chapter 3", 9)
    drawn.prose(60, 100, 470, 30)
    drawn.text(60, 800, "Confidential", 9)
    drawn.text(290, 800, "Page 12 of 30", 9)
    page = layout(drawn)
    assert kinds(page) == [K.HEADER, K.PARAGRAPH, K.FOOTER]
    assert text_of(page, page.blocks[0]) == "Annual report Chapter 3"
    assert text_of(page, page.blocks[2]) == "Confidential Page 12 of 30"


def test_text_at_the_edge_is_no_footer_without_space(layout: Layout) -> None:
    drawn = Drawn()
    drawn.prose(60, 40, 470, 64)
    page = layout(drawn)
    assert kinds(page) == [K.PARAGRAPH]


def test_titles_have_levels(layout: Layout) -> None:
    drawn = Drawn()
    y = 80.0
    for size, font, text in (
        (24, "helv", "The Name of the Document"),
        (14, "hebo", "1 Introduction"),
        (12, "hebo", "1.2 Background"),
        (10, "hebo", "A bold line of its own"),
    ):
        drawn.text(60, y, text, size, font)
        y = drawn.prose(60, y + 24, 470, 4) + 14
    page = layout(drawn)
    titles = [(text_of(page, b), b.level) for b in page.blocks if b.kind is K.TITLE]
    assert titles == [
        ("The Name of the Document", 1),
        ("1 Introduction", 2),
        ("1.2 Background", 3),
        ("A bold line of its own", 3),
    ]


def test_list_items_with_hanging_lines_and_levels(layout: Layout) -> None:
    drawn = Drawn()
    y = drawn.prose(60, 80, 470, 3) + 6
    items = [
        (60, "•", "The first item, which is long enough to reach over to the right edge of all"),
        (60, "", "and goes on in a second line"),
        (80, "–", "an item below it"),
        (60, "•", "The second item"),
        (60, "1.", "A numbered one"),
        (60, "2.", "Another numbered one"),
    ]
    for x, mark, text in items:
        drawn.text(x, y, mark)
        drawn.text(x + 15, y, text)
        y += 12
    drawn.prose(60, y + 10, 470, 3)
    page = layout(drawn)
    found = [(b.kind, b.level, len(b.lines)) for b in page.blocks]
    item = K.LIST_ITEM
    assert found == [
        (K.PARAGRAPH, 0, 3),
        (item, 1, 2),
        (item, 2, 1),
        (item, 1, 1),
        (item, 1, 1),
        (item, 1, 1),
        (K.PARAGRAPH, 0, 3),
    ]
    assert text_of(page, page.blocks[1])[1:].startswith(" The first item")


def test_a_date_is_no_list_item(layout: Layout) -> None:
    drawn = Drawn()
    drawn.text(60, 200, "12. March 2018")
    drawn.prose(60, 240, 470, 4)
    assert kinds(layout(drawn)) == [K.PARAGRAPH, K.PARAGRAPH]


def test_figures_and_captions(layout: Layout) -> None:
    drawn = Drawn()
    y = drawn.prose(60, 80, 470, 6)
    image = io.BytesIO()
    Image.effect_noise((80, 60), 60).save(image, "PNG")
    drawn.page.insert_image(pymupdf.Rect(100, y + 10, 300, y + 160), stream=image.getvalue())
    drawn.text(100, y + 180, "Figure 1: A picture of noise", 9)
    y += 210
    for n in range(12):
        height = 20 + 8 * (n % 5)
        drawn.page.draw_rect(
            (120 + 20 * n, y + 100 - height, 135 + 20 * n, y + 100), fill=(0, 0, 1)
        )
        drawn.text(122 + 20 * n, y + 110, str(n), 6)
    drawn.text(100, y + 135, "Fig. 2. A chart of bars", 9)
    drawn.prose(60, y + 170, 470, 6)
    page = layout(drawn)
    expected = [K.PARAGRAPH, K.FIGURE, K.CAPTION, K.FIGURE, K.CAPTION, K.PARAGRAPH]
    assert kinds(page) == expected
    assert text_of(page, page.blocks[3]) == "0 1 2 3 4 5 6 7 8 9 10 11"
    assert page.blocks[1].bbox == pytest.approx((100, 162, 300, 312), abs=15)


def test_a_scan_under_its_text_is_no_figure(layout: Layout) -> None:
    drawn = Drawn()
    image = io.BytesIO()
    Image.effect_noise((80, 60), 60).save(image, "PNG")
    drawn.page.insert_image(drawn.page.rect, stream=image.getvalue(), keep_proportion=False)
    drawn.prose(60, 100, 470, 30)
    assert kinds(layout(drawn)) == [K.PARAGRAPH]


def test_turned_text_is_kept_apart(layout: Layout) -> None:
    drawn = Drawn()
    drawn.prose(100, 100, 430, 30)
    drawn.page.insert_text((40, 500), "turned by ninety degrees", fontsize=14, rotate=90)
    page = layout(drawn)
    assert kinds(page) == [K.PARAGRAPH, K.PARAGRAPH]
    assert text_of(page, page.blocks[1]) == "turned by ninety degrees"
    assert page.blocks[1].bbox.height > page.blocks[1].bbox.width


def test_a_page_that_lies_on_its_side(tmp_path: Path) -> None:
    drawn = Drawn(842, 595)
    drawn.text(60, 40, "Running header", 9)
    drawn.prose(50, 120, 350, 12)
    drawn.prose(440, 120, 350, 12)
    drawn.page.set_rotation(0)
    flat = drawn.save(tmp_path / "flat.pdf")
    with pymupdf.open(flat) as source, pymupdf.open() as turned:
        page = turned.new_page(width=595, height=842)
        page.show_pdf_page(page.rect, source, 0, rotate=90)
        turned.save(tmp_path / "turned.pdf")
    results = []
    for name in ("flat.pdf", "turned.pdf"):
        with open_source(tmp_path / name) as source:
            page = source.page(1)
            results.append(lay_out(page, source.graphics(1)))
            check_whole(page, results[-1])
    assert results[1].lines[0].direction % 360 == 270
    assert starts(results[0]) == starts(results[1])
    assert kinds(results[0]) == kinds(results[1]) == [K.HEADER, K.PARAGRAPH, K.PARAGRAPH]


def test_options_switch_things_off(tmp_path: Path) -> None:
    drawn = Drawn()
    end = draw_table(drawn, 60, 100, ROWS)
    for row in range(5):
        drawn.rule(60, 100 + 16 * row, 480, 100 + 16 * row)
    for column in range(4):
        drawn.rule(60 + 140 * column, 100, 60 + 140 * column, end)
    with open_source(drawn.save(tmp_path / "a.pdf")) as source:
        page, graphics = source.page(1), source.graphics(1)
    assert kinds(lay_out(page, graphics)) == [K.TABLE]
    result = lay_out(page, graphics, LayoutConfig(tables=False))
    check_whole(page, result)
    assert K.TABLE not in kinds(result)


# --- scans --------------------------------------------------------------------------------------


def scanned(path: Path, angle: float, dpi: int) -> tuple[Page, Any]:
    """Return the drawn page as a skewed scan: OCR lines with corners, and its raster."""
    with open_source(path) as source:
        page, raster = source.page(1), source.raster(1, dpi)
    image = Image.fromarray(raster).rotate(-angle, Image.Resampling.BICUBIC, fillcolor="white")
    width, height = image.size
    turn = (
        Affine.scale(dpi / 72)
        .then(Affine.translate(-width / 2, -height / 2))
        .then(Affine.rotate(angle))
        .then(Affine.translate(width / 2, height / 2))
    )

    def corners(box: BBox) -> Polygon:
        return box.polygon().map(turn)

    lines = tuple(
        Line(
            line.id,
            tuple(
                Word(w.text, corners(w.bbox).bbox, 0.9, "ocr", corners(w.bbox)) for w in line.words
            ),
            corners(line.bbox).bbox,
            corners(line.bbox),
            angle,
        )
        for line in page.lines
    )
    noise = np.random.default_rng(0).normal(0, 8, (height, width, 1))
    pixels = (np.asarray(image) * 0.9 + 10 + noise).clip(0, 255).astype(np.uint8)
    return Page(1, width, height, "px", 0, dpi, lines=lines, has=frozenset({"lines"})), pixels


@pytest.mark.parametrize(("angle", "dpi"), [(0.0, 150), (2.0, 300), (-4.0, 150), (1.0, 100)])
def test_a_skewed_scan_gives_the_same_blocks(tmp_path: Path, angle: float, dpi: int) -> None:
    drawn = Drawn()
    drawn.text(60, 70, "The title of it all", 20)
    drawn.prose(50, 120, 235, 12)
    drawn.prose(310, 120, 235, 12)
    end = draw_table(drawn, 60, 330, ROWS)
    for row in range(5):
        drawn.rule(60, 330 + 16 * row, 480, 330 + 16 * row)
    for column in range(4):
        drawn.rule(60 + 140 * column, 330, 60 + 140 * column, end)
    page, pixels = scanned(drawn.save(tmp_path / "a.pdf"), angle, dpi)

    class Scan:
        def raster(self, number: int, dpi: int | None = None) -> Any:
            return pixels

        def graphics(self, number: int) -> Graphics:
            return Graphics()

    result = LayoutStage().process(page, PageContext(Scan()))  # type: ignore[arg-type]
    check_whole(page, result)
    assert kinds(result) == [K.TITLE, K.PARAGRAPH, K.PARAGRAPH, K.TABLE]
    assert [len(b.lines) for b in result.blocks[:3]] == [1, 12, 12]
    assert grid(result.blocks[3]) == ROWS
    # The rules were found, not guessed: the table reaches to its borders.
    width = 420 * dpi / 72
    assert result.blocks[3].cells[0].bbox.width == pytest.approx(width / 3, rel=0.03)


# --- any page -----------------------------------------------------------------------------------

coordinates = st.integers(0, 580)
any_line = st.builds(
    lambda words, x, y, size, gap, direction, bold, origin: (
        words,
        x,
        y,
        size,
        gap,
        direction,
        bold,
        origin,
    ),
    st.lists(
        st.sampled_from(["a", "•", "1.", "12", "word", "A.", "....", "Figure", "1:"]), min_size=1
    ),
    coordinates,
    coordinates,
    st.sampled_from([0.5, 6, 10, 10, 10, 24]),
    st.sampled_from([1, 3, 20, 90]),
    st.sampled_from([0.0, 0.0, 0.0, 90.0, 270.0, 180.0, 44.0]),
    st.booleans(),
    st.sampled_from(["pdf", "pdf", "ocr"]),
)


def made_line(name: str, made: Any) -> Line:
    words, x, y, size, gap, direction, bold, origin = made
    own = []
    for text in words:
        width = 0.5 * size * len(text)
        own.append(Word(text, BBox(x, y, x + width, y + size), 0.9, origin))
        x += width + gap
    return Line(name, tuple(own), BBox.around([w.bbox for w in own]), None, direction, size, bold)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(any_line, max_size=15),
    st.lists(st.tuples(coordinates, coordinates, coordinates, coordinates), max_size=12),
    st.booleans(),
)
def test_nothing_is_lost_or_doubled(made: list[Any], boxes: list[Any], pictures: bool) -> None:
    lines = tuple(made_line(f"p1l{n}", item) for n, item in enumerate(made, 1))
    places = tuple(BBox(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in boxes)
    page = Page(1, 595, 842, lines=lines, images=places if pictures else ())
    graphics = Graphics((), places)
    check_whole(page, lay_out(page, graphics))
    assert lay_out(page, graphics) == lay_out(page, graphics)


def test_an_empty_page_has_no_blocks() -> None:
    assert lay_out(Page(1, 595, 842), Graphics()).blocks == ()


@pytest.mark.parametrize("shape", ["row", "column", "grid", "pile"])
def test_very_many_words_stay_quick(shape: str) -> None:
    places = {
        "row": lambda n: (40.0 * n, 100.0),
        "column": lambda n: (50.0, 12.0 * n),
        "grid": lambda n: (40.0 * (n % 100), 12.0 * (n // 100)),
        "pile": lambda n: (50.0, 100.0),
    }[shape]
    lines = []
    for n in range(10_000):
        x, y = places(n)
        word = Word("word", BBox(x, y, x + 20, y + 10))
        lines.append(Line(f"p1l{n + 1}", (word,), word.bbox, size=10))
    page = Page(1, 595, 842, lines=tuple(lines))
    start = time.process_time()
    check_whole(page, lay_out(page, Graphics()))
    assert time.process_time() - start < 20


# --- goldens ------------------------------------------------------------------------------------


def test_golden(tmp_path: Path, update_golden: bool) -> None:
    """A page with a bit of everything, as JSON and as Markdown."""
    drawn = Drawn()
    drawn.text(60, 40, "Quarterly letter", 9)
    drawn.text(515, 40, "7", 9)
    drawn.text(60, 90, "2 What was bought", 15, "hebo")
    y = drawn.prose(60, 115, 470, 5) + 4
    for mark in ("•", "•"):
        drawn.text(70, y, mark)
        drawn.text(85, y, "a thing that was needed")
        y += 13
    end = draw_table(drawn, 60, y + 6, ROWS)
    for row in range(5):
        drawn.rule(60, y + 6 + 16 * row, 480, y + 6 + 16 * row)
    for column in range(4):
        drawn.rule(60 + 140 * column, y + 6, 60 + 140 * column, end)
    drawn.text(60, end + 16, "Table 2: Everything", 9)
    drawn.prose(60, end + 50, 225, 9)
    drawn.prose(305, end + 50, 225, 9)
    with open_source(drawn.save(tmp_path / "page.pdf")) as source:
        page = lay_out(source.page(1), source.graphics(1))
        for writer in (JsonWriter(), MarkdownWriter()):
            out = io.BytesIO()
            writer.write(source, iter([page]), out)
            text = out.getvalue().decode().replace(source.info.sha256, "0" * 64)
            path = GOLDEN / f"page{writer.extension}"
            if update_golden:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            assert text == path.read_text(encoding="utf-8")


def test_the_stage_takes_its_options_from_the_run() -> None:
    assert LayoutStage.requires == {"lines"}
    assert LayoutStage.provides == {"blocks"}
    assert LayoutStage().config == LayoutConfig()


def test_what_a_clip_hides_is_not_drawn(tmp_path: Path) -> None:
    drawn = Drawn()
    drawn.rule(50, 100, 500, 100)
    drawn.document.update_stream(
        drawn.page.get_contents()[0],
        b"q 0 700 595 142 re W n 0.5 w 40 100 m 40 800 l S 40 300 m 400 300 l S Q "
        + drawn.document.xref_stream(drawn.page.get_contents()[0]),
    )
    with open_source(drawn.save(tmp_path / "clipped.pdf")) as source:
        rules = source.graphics(1).rules
    found = sorted(
        (round(r.start.x), round(r.start.y), round(r.end.x), round(r.end.y)) for r in rules
    )
    assert found == [(40, 42, 40, 142), (50, 100, 500, 100)]


def test_a_narrow_gap_parts_columns_where_justified_lines_end(layout: Layout) -> None:
    drawn = Drawn()
    left = "Here is a line of a column of text that goes on"
    for row in range(7):
        drawn.text(40, 60 + 14 * row, left, size=10)
    width = pymupdf.get_text_length(left, fontsize=10)
    for row in range(2):
        drawn.text(40 + width + 12, 60 + 28 * row, f"Beside it number {row}.", size=10)
    page = layout(drawn)
    assert [line.text.startswith("Here") for line in page.lines] == [True] * 7 + [False] * 2
