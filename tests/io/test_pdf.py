from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image

from docharmony.errors import BrokenError, InputError, LimitExceededError, UsageError
from docharmony.geometry import BBox, Point
from docharmony.io.base import Source
from docharmony.io.limits import MIB, Limits
from docharmony.io.source import open_source
from docharmony.model import Line, Page, PageFailure
from docharmony.routing import classify
from tests.resources import bad

DEMO = Path(__file__).parents[1] / "resources" / "demo"


@contextmanager
def drawn(
    draw: Callable[[pymupdf.Page], object],
    width: float = 400,
    height: float = 300,
    **options: object,
) -> Iterator[Source]:
    with pymupdf.open() as document:
        draw(document.new_page(width=width, height=height))
        data = document.tobytes()
    with open_source(data, **options) as source:  # type: ignore[arg-type]
        yield source


def ink(source: Source) -> BBox:
    """The box of dark pixels at 72 dpi: one pixel a point."""
    rows, columns = np.nonzero(source.raster(1, 72).min(axis=2) < 128)
    return BBox(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def inside(inner: BBox, outer: BBox) -> bool:
    return outer.grow(1).union(inner) == outer.grow(1)


def test_words_lines_and_styles() -> None:
    def draw(page: pymupdf.Page) -> None:
        page.insert_text((40, 60), "A plain line", fontsize=12)
        page.insert_text((40, 100), "Bold heading", fontsize=20, fontname="hebo")

    with drawn(draw) as source:
        page = source.page(1)
        assert (page.width, page.height, page.unit, page.dpi, page.rotation) == (
            400,
            300,
            "pt",
            200,
            0,
        )
        assert page.has == {"lines"}
        first, second = page.lines
        assert [word.text for word in first.words] == ["A", "plain", "line"]
        assert (first.id, first.size, first.bold, first.visible) == ("p1l1", 12, False, True)
        assert (second.id, second.size, second.bold, second.quad) == ("p1l2", 20, True, None)
        assert first.words[1] == type(first.words[1])(
            "plain", first.words[1].bbox, 1.0, "pdf", None, None
        )
        assert inside(ink(source), BBox.around(line.bbox for line in page.lines))
        for word in first.words:
            assert inside(word.bbox, first.bbox)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_turned_pages_are_seen_as_displayed(rotation: int) -> None:
    def draw(page: pymupdf.Page) -> None:
        page.insert_text((50, 100), "Hello turned world", fontsize=14)
        page.set_rotation(rotation)

    with drawn(draw) as source:
        page = source.page(1)
        assert page.rotation == rotation
        assert (page.width, page.height) == ((400, 300) if rotation % 180 == 0 else (300, 400))
        (line,) = page.lines
        assert inside(ink(source), line.bbox)
        assert line.direction == {0: 0, 90: 90, 180: 180, 270: -90}[rotation]
        assert line.polygon.bbox == line.bbox
        assert math.isclose(abs(line.polygon.angle), abs(line.direction))
        # The first word begins at the text's own top left.
        start, word = line.polygon[0], line.words[0].polygon
        assert math.dist(start, word[0]) < 1e-3
        assert word.bbox == line.words[0].bbox


def test_crop_box_and_user_unit() -> None:
    def draw(page: pymupdf.Page) -> None:
        page.insert_text((150, 150), "Cropped", fontsize=14)
        page.set_cropbox(pymupdf.Rect(100, 100, 300, 250))
        page.parent.xref_set_key(page.xref, "UserUnit", "2")

    with drawn(draw) as source:
        page = source.page(1)
        assert (page.width, page.height) == (400, 300)
        assert page.lines[0].size == 28
        assert inside(ink(source), page.lines[0].bbox)
        assert source.raster(1, 72).shape == (300, 400, 3)


def test_oblique_and_upright_lines_have_corners() -> None:
    def draw(page: pymupdf.Page) -> None:
        at = pymupdf.Point(100, 220)
        page.insert_text(at, "Up the hill", fontsize=14, morph=(at, pymupdf.Matrix(30)))
        page.insert_text((350, 60), "Down the side", rotate=270)

    with drawn(draw) as source:
        hill, side = source.page(1).lines
        assert hill.direction == pytest.approx(-30, abs=0.01)
        assert hill.polygon.angle == pytest.approx(-30, abs=0.01)
        assert [word.text for word in hill.words] == ["Up", "the", "hill"]
        for word in hill.words:
            assert word.polygon.angle == pytest.approx(-30, abs=0.01)
            assert word.polygon.bbox == pytest.approx(word.bbox, abs=0.01)
        # The line is as long as its text, not as its box is wide.
        length = math.dist(hill.polygon[0], hill.polygon[1])
        assert length == pytest.approx(pymupdf.get_text_length("Up the hill", fontsize=14), abs=0.5)
        assert side.direction == 90
        assert side.polygon[0] == Point(side.bbox.x1, side.bbox.y0)


def test_text_that_nobody_sees() -> None:
    def draw(page: pymupdf.Page) -> None:
        page.insert_text((40, 60), "Render mode three", render_mode=3)
        page.insert_text((40, 100), "Quite transparent", fill_opacity=0)
        page.insert_text((40, 140), "Outlined letters", render_mode=1)

    with drawn(draw) as source:
        lines = source.page(1).lines
        assert [line.visible for line in lines] == [False, False, True]
        assert "".join(glyph.text for glyph in source.glyphs(1)).startswith("Rendermodethree")


def test_annotations_and_form_fields_are_part_of_the_page() -> None:
    def draw(page: pymupdf.Page) -> None:
        page.add_freetext_annot((50, 50, 200, 80), "A free note")
        field = pymupdf.Widget()
        field.field_name, field.field_value = "name", "Jane Roe"
        field.field_type = pymupdf.PDF_WIDGET_TYPE_TEXT
        field.rect = pymupdf.Rect(50, 100, 200, 120)
        page.add_widget(field)

    with drawn(draw) as source:
        assert [line.text for line in source.page(1).lines] == ["A free note", "Jane Roe"]
        assert ink(source).y1 > 100


def picture(page: pymupdf.Page, rect: tuple[float, float, float, float]) -> None:
    out = io.BytesIO()
    Image.new("RGB", (40, 20), "gray").save(out, "PNG")
    page.insert_image(pymupdf.Rect(rect), stream=out.getvalue(), keep_proportion=False)


def test_images_are_boxes_on_the_page() -> None:
    def draw(page: pymupdf.Page) -> None:
        picture(page, (50, 50, 150, 100))
        picture(page, (350, 250, 450, 350))
        page.insert_text((40, 200), "Below the picture")
        page.insert_text((40, 220), "Bold", fontname="hebo")

    with drawn(draw) as source:
        page = source.page(1)
        assert page.images == (BBox(50, 50, 150, 100), BBox(350, 250, 400, 300))
        assert [line.bold for line in page.lines] == [False, True]
        assert classify(page) == "mixed"


def test_odd_blanks_end_words_and_ligatures_are_spelt_out() -> None:
    font = pymupdf.Font("cjk")

    def draw(page: pymupdf.Page) -> None:
        writer = pymupdf.TextWriter(page.rect)
        writer.append((40, 60), "wide\u3000space here", font=font)
        writer.write_text(page)

    with drawn(draw) as source:
        (line,) = source.page(1).lines
        assert [word.text for word in line.words] == ["wide", "space", "here"]
        boxes = [word.bbox for word in line.words]
        assert boxes[0].x1 <= boxes[1].x0 < boxes[1].x1 <= boxes[2].x0


def test_graphics() -> None:
    def draw(page: pymupdf.Page) -> None:
        page.draw_line((50, 50), (200, 50), width=1)
        page.draw_line((50, 50), (50, 90), width=2)
        page.draw_line((60, 60), (90, 90))
        page.draw_rect((100, 100, 200, 140), fill=(0.9, 0.9, 0.9), color=None)
        page.draw_rect((100, 200, 300, 201), fill=(0, 0, 0), color=None)
        page.draw_rect((0, 0, 400, 300), fill=(1, 1, 1), color=None)

    with drawn(draw) as source:
        graphics = source.graphics(1)
        rules = [(*rule.start, *rule.end, rule.width) for rule in graphics.rules]
        assert rules == [
            (50, 50, 200, 50, 1),
            (50, 50, 50, 90, 2),
            (100, 200.5, 300, 200.5, 1),
        ]
        assert BBox(100, 100, 200, 140) in graphics.boxes
        assert all(box.area < 400 * 300 * 0.9 for box in graphics.boxes)
        assert len(graphics.boxes) == 2


def test_graphics_of_a_turned_page() -> None:
    def draw(page: pymupdf.Page) -> None:
        page.draw_line((50, 100), (200, 100))
        page.set_rotation(90)

    with drawn(draw) as source:
        (rule,) = source.graphics(1).rules
        assert (rule.start, rule.end) == (Point(200, 50), Point(200, 200))
        assert inside(ink(source), BBox(199, 50, 201, 200))


def test_glyphs_are_all_characters_with_their_boxes() -> None:
    def draw(page: pymupdf.Page) -> None:
        page.insert_text((40, 60), "On page")
        page.insert_text((500, 60), "Off")

    with drawn(draw) as source:
        assert [line.text for line in source.page(1).lines] == ["On page"]
        glyphs = source.glyphs(1)
        assert "".join(glyph.text for glyph in glyphs) == "OnpageOff"
        line = source.page(1).lines[0]
        assert all(inside(glyph.bbox, line.bbox) for glyph in glyphs[:6])


@pytest.mark.parametrize("data", [bad.broken_font(), bad.private_use()])
def test_a_text_layer_that_nobody_can_trust(data: bytes) -> None:
    with open_source(data) as source:
        page = source.page(1)
        assert page.has == {"untrusted_text"}
        assert page.lines
        assert classify(page) == "scan"
        assert source.raster(1, 50).shape == (139, 209, 3)


def test_a_page_without_text() -> None:
    with drawn(lambda page: None) as source:
        page = source.page(1)
        assert (page.lines, page.has, page.images) == ((), frozenset(), ())
        assert source.glyphs(1) == ()


def test_a_huge_page_gets_a_lower_dpi(caplog: pytest.LogCaptureFixture) -> None:
    with open_source(bad.huge_page(), limits=Limits(max_pixels=1_000_000)) as source:
        page = source.page(1)
        assert (page.width, page.height, page.dpi) == (14400, 14400, 5)
        assert "page 1 is large: rendered at 5 dpi" in caplog.text
        assert page.lines[0].text == "Hello"
        assert source.raster(1).shape == (1000, 1000, 3)
        with pytest.raises(LimitExceededError, match="1600 million pixels") as caught:
            source.raster(1, 200)
        assert "--dpi 5 or less" in caught.value.hint


def test_a_page_over_the_limit_of_size() -> None:
    limits = Limits(max_page_points=10_000)
    with open_source(bad.huge_page(), limits=limits) as source:
        with pytest.raises(LimitExceededError, match=r"page 1.*14400 x 14400 points"):
            source.page(1)
        (failure,) = source.pages()
        assert isinstance(failure, PageFailure)
        assert (failure.page, failure.stage) == (1, "read")


def test_twenty_thousand_objects() -> None:
    with open_source(bad.many_objects()) as source:
        assert source.page(1).lines[0].text == "Hello"


def test_an_image_of_no_pixels() -> None:
    with open_source(bad.zero_image_pdf()) as source:
        assert source.page(1).lines[-1].text == "Still here"
        assert source.raster(1, 72).shape == (200, 300, 3)


def test_an_image_bomb_is_rendered_within_its_limit() -> None:
    # 300 MB of pixels: MuPDF thins them out while it unpacks.
    limits = Limits(timeout_s=30, max_memory=256 * MIB)
    with open_source(bad.image_bomb_pdf(10_000), limits=limits) as source:
        assert source.page(1).images == (BBox(20, 30, 220, 180),)
        assert source.raster(1, 72).shape == (200, 300, 3)


def test_an_endless_page_fails_alone() -> None:
    with pymupdf.open(stream=bad.good_pdf()) as document:
        for data in (bad.endless(), bad.good_pdf()):
            with pymupdf.open(stream=data) as other:
                document.insert_pdf(other)
        data = document.tobytes()
    with open_source(data, limits=Limits(timeout_s=1.5)) as source:
        first, second, third = source.pages()
        started = time.monotonic()
        with pytest.raises(LimitExceededError, match="longer than"):
            source.page(2)  # as one who wants the error itself does
        assert time.monotonic() - started < 1.0
    assert isinstance(first, Page)
    assert isinstance(second, PageFailure)
    assert isinstance(third, Page)
    assert "page 2" in second.error
    assert "longer than 1.5 s" in second.error
    assert third.lines[0].text == "Good page 1"


def test_pages_in_any_order_and_pages_that_are_not_there() -> None:
    with open_source(bad.good_pdf(9)) as source:
        found = list(source.pages([7, 2, 12, 2]))
        assert [item.number for item in found if isinstance(item, Page)] == [7, 2, 2]
        assert isinstance(found[2], PageFailure)
        assert "the document has 9" in found[2].error
        with pytest.raises(InputError, match="no such page"):
            source.page(0)
        with pytest.raises(UsageError, match="above zero"):
            source.raster(1, 0)


def test_other_questions_between_the_pages_of_a_stream() -> None:
    with open_source(bad.good_pdf(6)) as source:
        for page in source.pages():
            assert isinstance(page, Page)
            assert page.lines[0].text == f"Good page {page.number}"
            assert source.raster(page.number, 20).shape == (56, 84, 3)
            text = "".join(glyph.text for glyph in source.glyphs(page.number))
            assert text == f"Goodpage{page.number}"


def test_a_long_document_is_read_in_order_by_two_children() -> None:
    with open_source(bad.good_pdf(150)) as source:
        stream = source.pages()
        numbers = [next(stream).number for _ in range(100)]  # type: ignore[union-attr]
        stream.close()  # type: ignore[attr-defined]
        assert numbers == list(range(1, 101))
        assert source.page(150).lines[0].text == "Good page 150"


def test_a_senseless_answer_of_the_child_is_no_crash_of_ours() -> None:
    from docharmony.io import pdf

    answers: list[tuple[object, list[bytearray]]] = [
        ({}, []),
        (None, [bytearray(b"x"), bytearray(b"odd")]),
        (
            {
                "size": [10, 10],
                "rotation": 0,
                "images": [],
                "counts": [9],
                "styles": [0],
                "palette": [[1, False, True]],
                "directions": {},
                "quads": {},
            },
            [bytearray(b"word"), bytearray(16)],
        ),
    ]
    with open_source(bad.good_pdf()) as source:
        assert isinstance(source, pdf.PdfSource)
        for answer in answers:

            class Liar:
                def result(self, ticket: object, answer: object = answer) -> object:
                    return answer

            with pytest.raises(BrokenError, match="senseless"):
                source._built(1, Liar(), None)  # type: ignore[arg-type]


def test_the_report_of_the_demonstration() -> None:
    with open_source(DEMO / "report.pdf") as source:
        pages = [page for page in source.pages() if isinstance(page, Page)]
        assert [classify(page) for page in pages] == ["digital", "digital", "digital", "mixed"]
        texts = [line.text for line in pages[0].lines]
        assert "Review of suppliers," in texts
        title = next(line for line in pages[0].lines if line.text == "Review of suppliers,")
        assert (title.size, title.bold) == (20, True)
        # The rule under the header, and seven and five of the table.
        assert len(source.graphics(3).rules) == 13


def test_the_scan_of_the_demonstration() -> None:
    with open_source(DEMO / "scan.pdf") as source:
        page = source.page(1)
        assert (page.lines, classify(page)) == ((), "scan")
        assert page.images[0].area > 0.99 * page.bbox.area
        assert source.raster(1, 200).shape == (2339, 1654, 3)


def test_many_builds_what_the_class_itself_would() -> None:
    from docharmony.io.pdf import _many
    from docharmony.model import Word

    box = BBox(0, 0, 1, 1)
    assert _many(Word, 2, text=["a", "b"], bbox=[box, box]) == [Word("a", box), Word("b", box)]
    words = (Word("a", box),)
    (line,) = _many(Line, 1, id=["p1l1"], words=[words], bbox=[box])
    assert line == Line("p1l1", words, box)
