"""Redactions as people get them wrong, and pages that only look so: neither missed nor cried over.

The cases are of the kinds that the test suite of freelawproject/x-ray (BSD) is known for; every page
is drawn here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pikepdf
import pymupdf
import pytest

from docharmony.io.verify_page import Hidden, _in_ligatures, hidden_text

SECRET = "Quillfeather paid 4711 dollars"
TEXT = (50, 100)
BOX = (45, 87, 260, 105)

Draw = Callable[[pymupdf.Page], None]
BAD: dict[str, Draw] = {}
FINE: dict[str, Draw] = {}


def bad(function: Draw) -> Draw:
    BAD[function.__name__] = function
    return function


def fine(function: Draw) -> Draw:
    FINE[function.__name__] = function
    return function


def found(draw: Draw, tmp_path: Path) -> list[Hidden]:
    document = pymupdf.open()
    page = document.new_page(width=400, height=300)
    page.insert_text((50, 60), "An ordinary line above.")
    draw(page)
    page.insert_text((50, 200), "An ordinary line below.")
    path = tmp_path / "page.pdf"
    document.save(path)
    return hidden_text(str(path), None, 1)


def secret(page: pymupdf.Page, text: str = SECRET, **options: object) -> None:
    page.insert_text(TEXT, text, **options)


def box(page: pymupdf.Page, area: tuple[float, ...] = BOX, fill: object = (0, 0, 0)) -> None:
    page.draw_rect(pymupdf.Rect(area), color=None, fill=fill)


def barred(page: pymupdf.Page, text: str, part: str, fill: object = (0, 0, 0)) -> None:
    """Draw a text, and a bar over a part of it."""
    secret(page, text)
    start = TEXT[0] + pymupdf.get_text_length(text[: text.index(part)])
    box(page, (start - 1, 87, start + pymupdf.get_text_length(part) + 1, 105), fill)


def raw(page: pymupdf.Page, content: str) -> None:
    """Draw by operators in the page's own space: origin at the lower left, 400 x 300."""
    document = page.parent
    page.clean_contents()
    xref = page.get_contents()[0]
    document.update_stream(xref, document.xref_stream(xref) + b"\nq " + content.encode() + b" Q\n")


# --- bad ------------------------------------------------------------------------------------------


@bad
def text_and_box_of_one_colour(page: pymupdf.Page) -> None:
    """Red on red: the text was drawn last."""
    box(page, fill=(0.8, 0, 0))
    secret(page, color=(0.8, 0, 0))


@bad
def box_in_another_colour_space(page: pymupdf.Page) -> None:
    secret(page)
    raw(page, "0 0 0 1 k 45 195 215 18 re f")


@bad
def near_black_bar_of_two_shades(page: pymupdf.Page) -> None:
    secret(page)
    box(page, (45, 87, 150, 105), (0.02, 0.02, 0.02))
    box(page, (150, 87, 260, 105), (0.03, 0.02, 0.03))


@bad
def bar_of_many_thin_stripes(page: pymupdf.Page) -> None:
    secret(page)
    for row in range(18):
        box(page, (45, 87 + row, 260, 88.2 + row))


@bad
def short_text(page: pymupdf.Page) -> None:
    barred(page, "in the year 34 of", "34")


@bad
def white_box_over_a_number(page: pymupdf.Page) -> None:
    barred(page, "Social security number 078-05-1120", "078-05-1120", (1, 1, 1))


@bad
def bar_a_little_lower_than_the_letters(page: pymupdf.Page) -> None:
    """The tops of the tall letters look out."""
    secret(page)
    box(page, (45, 93, 260, 105))


@bad
def bar_that_leaves_the_descenders(page: pymupdf.Page) -> None:
    secret(page)
    box(page, (45, 86, 260, 101))


@bad
def dark_highlight_annotation(page: pymupdf.Page) -> None:
    secret(page)
    mark = page.add_highlight_annot(pymupdf.Rect(BOX))
    mark.set_colors(stroke=(0, 0, 0))
    mark.update()


@bad
def ink_annotation(page: pymupdf.Page) -> None:
    secret(page)
    mark = page.add_ink_annot([[(45, 96), (150, 97), (260, 96)]])
    mark.set_border(width=20)
    mark.set_colors(stroke=(0, 0, 0))
    mark.update()


@bad
def free_text_annotation(page: pymupdf.Page) -> None:
    secret(page)
    page.add_freetext_annot(pymupdf.Rect(BOX), "", fill_color=(0, 0, 0))


def field(page: pymupdf.Page, value: str, fill: tuple[float, float, float]) -> None:
    widget = pymupdf.Widget()
    widget.field_type, widget.field_name = pymupdf.PDF_WIDGET_TYPE_TEXT, "code"
    widget.field_value, widget.fill_color, widget.rect = value, fill, pymupdf.Rect(BOX)
    page.add_widget(widget)


@bad
def dark_field_of_a_form(page: pymupdf.Page) -> None:
    secret(page)
    field(page, "", (0, 0, 0))


@bad
def redact_annotation_that_waits(page: pymupdf.Page) -> None:
    secret(page)
    page.add_redact_annot(pymupdf.Rect(BOX), fill=(1, 0, 0))


@bad
def dark_picture(page: pymupdf.Page) -> None:
    secret(page)
    pixels = pymupdf.Pixmap(pymupdf.csGRAY, pymupdf.IRect(0, 0, 40, 4), False)
    pixels.clear_with(12)
    page.insert_image(pymupdf.Rect(BOX), pixmap=pixels, keep_proportion=False)


@bad
def crosses_in_a_frame(page: pymupdf.Page) -> None:
    """XXXX drawn as lines over each piece of the text."""
    secret(page)
    page.draw_rect(pymupdf.Rect(BOX), color=(0, 0, 0))
    for x in range(45, 255, 12):
        page.draw_line((x, 87), (x + 12, 105))
        page.draw_line((x, 105), (x + 12, 87))


@bad
def dense_hatching(page: pymupdf.Page) -> None:
    secret(page)
    for x in range(30, 262, 3):
        page.draw_line((x, 105), (x + 18, 87), width=0.8)
        page.draw_line((x + 18, 105), (x, 87), width=0.8)


@bad
def one_large_cross(page: pymupdf.Page) -> None:
    page.insert_textbox((45, 87, 200, 150), "Quillfeather paid 4711 dollars on a Tuesday " * 2)
    page.draw_rect(pymupdf.Rect(45, 87, 200, 150), color=(0, 0, 0))
    page.draw_line((45, 87), (200, 150))
    page.draw_line((45, 150), (200, 87))


@bad
def box_within_a_form(page: pymupdf.Page) -> None:
    secret(page)
    inner = pymupdf.open()
    box(inner.new_page(width=215, height=18), (0, 0, 215, 18))
    page.show_pdf_page(pymupdf.Rect(BOX), inner, 0)


@bad
def polygon_with_bevelled_corners(page: pymupdf.Page) -> None:
    secret(page)
    x0, y0, x1, y1 = BOX
    points = [(x0, y0 + 3), (x0 + 3, y0), (x1, y0), (x1, y1 - 3), (x1 - 3, y1), (x0, y1)]
    page.draw_polyline(points, color=None, fill=(0, 0, 0), closePath=True)


@bad
def box_of_a_tiling_pattern(page: pymupdf.Page) -> None:
    secret(page)
    shape = page.new_shape()
    for x in range(45, 260, 5):
        shape.draw_rect(pymupdf.Rect(x, 87, x + 5.2, 105))
    shape.finish(color=None, fill=(0.1, 0.1, 0.1))
    shape.commit()


@pytest.mark.parametrize("name", BAD)
def test_bad(name: str, tmp_path: Path) -> None:
    hidden = [item for item in found(BAD[name], tmp_path) if item.kind == "bad_redaction"]
    assert hidden
    text = "".join(item.text for item in hidden)
    assert any(part in text for part in ("4711", "34", "078-05-1120")), text
    assert "ordinary" not in text


# --- fine -----------------------------------------------------------------------------------------


@fine
def text_drawn_on_a_box(page: pymupdf.Page) -> None:
    box(page, fill=(0.1, 0.1, 0.5))
    secret(page, color=(1, 1, 1))


@fine
def unfilled_box(page: pymupdf.Page) -> None:
    secret(page)
    page.draw_rect(pymupdf.Rect(BOX), color=(0, 0, 0), width=2)


@fine
def frame_of_two_rectangles_and_the_even_odd_rule(page: pymupdf.Page) -> None:
    secret(page)
    raw(page, "1 0 0 rg 40 190 230 28 re 45 195 220 18 re f*")


@fine
def frame_by_the_winding_rule(page: pymupdf.Page) -> None:
    """The inner rectangle runs the other way round."""
    secret(page)
    raw(page, "1 0 0 rg 40 190 230 28 re 45 195 m 45 213 l 265 213 l 265 195 l h f")


@fine
def white_rectangle_that_is_clipped_away(page: pymupdf.Page) -> None:
    secret(page)
    raw(page, "0 0 10 10 re W n 1 g 45 195 215 18 re f")


@fine
def white_text_under_a_white_box(page: pymupdf.Page) -> None:
    """Layout of a form that nobody was ever to see: hidden text, and no redaction."""
    secret(page, color=(1, 1, 1))
    box(page, fill=(1, 1, 1))


@fine
def white_space_and_a_comma(page: pymupdf.Page) -> None:
    barred(page, "name      ,       and", "     ,      ")


@fine
def underscores(page: pymupdf.Page) -> None:
    barred(page, "____________ District of ____________", "____________")


@fine
def letters_that_only_fill(page: pymupdf.Page) -> None:
    """XXXX was put under the bar instead of the text."""
    barred(page, "The witness XXXXX XXXX said", "XXXXX XXXX")


@fine
def label_under_the_bar(page: pymupdf.Page) -> None:
    secret(page, "[REDACTED]")
    box(page, (45, 87, 130, 105))


@fine
def box_that_touches_its_neighbours(page: pymupdf.Page) -> None:
    """The bar reaches over a third of the letters beside it, above and below."""
    secret(page, "before")
    page.insert_text((120, 100), "after")
    page.insert_text((84, 84), "above this")
    page.insert_text((84, 117), "below this")
    box(page, (84, 83, 122, 108))


@fine
def marker_annotation(page: pymupdf.Page) -> None:
    secret(page)
    page.add_highlight_annot(pymupdf.Rect(BOX))


@fine
def bright_sidebar(page: pymupdf.Page) -> None:
    box(page, (300, 0, 400, 300), (1, 0.4, 0))
    page.insert_text((310, 100), "Contents", color=(1, 1, 1))
    secret(page)


@fine
def dark_picture_behind_text(page: pymupdf.Page) -> None:
    pixels = pymupdf.Pixmap(pymupdf.csGRAY, pymupdf.IRect(0, 0, 40, 4), False)
    pixels.clear_with(12)
    page.insert_image(pymupdf.Rect(BOX), pixmap=pixels, keep_proportion=False)
    secret(page, color=(1, 1, 1))


@fine
def lines_beside_the_text(page: pymupdf.Page) -> None:
    secret(page)
    page.draw_line((44, 20), (44, 280), width=1)
    page.draw_line((47, 20), (47, 280), width=1)


@fine
def hatched_map_below_labels(page: pymupdf.Page) -> None:
    for x in range(0, 400, 6):
        page.draw_line((x, 180), (x + 80, 80), width=0.4)
        page.draw_line((x + 80, 180), (x, 80), width=0.4)
    secret(page)


@fine
def hatched_map_over_labels(page: pymupdf.Page) -> None:
    """One thin slanted line in a while, in one direction, as a contour or a road."""
    secret(page)
    for x in range(0, 400, 40):
        page.draw_line((x, 300), (x + 200, 0), width=0.4)


@fine
def decorations_of_small_crosses(page: pymupdf.Page) -> None:
    secret(page)
    for x in range(45, 260, 12):
        page.draw_line((x, 110), (x + 6, 116))
        page.draw_line((x, 116), (x + 6, 110))


@fine
def text_that_was_struck_through(page: pymupdf.Page) -> None:
    secret(page)
    page.draw_line((48, 97), (250, 97), width=1.2)


@fine
def cross_through_a_check_box(page: pymupdf.Page) -> None:
    secret(page, "O  yes   O  no")
    page.draw_line((49, 91), (60, 102))
    page.draw_line((49, 102), (60, 91))


@fine
def redact_annotation_over_nothing(page: pymupdf.Page) -> None:
    secret(page)
    page.add_redact_annot(pymupdf.Rect(45, 150, 260, 170))


@pytest.mark.parametrize("name", FINE)
def test_fine(name: str, tmp_path: Path) -> None:
    hidden = [item for item in found(FINE[name], tmp_path) if item.kind == "bad_redaction"]
    assert hidden == []


@pytest.mark.parametrize("note", [False, True])
def test_what_fields_and_notes_show_is_seen(note: bool, tmp_path: Path) -> None:
    def draw(page: pymupdf.Page) -> None:
        if note:
            page.add_freetext_annot(pymupdf.Rect(BOX), "Account 4711", fill_color=(0.8, 0.85, 1))
        else:
            field(page, "Account 4711", (0.8, 0.85, 1))

    assert found(draw, tmp_path) == []


def test_text_of_the_page_cannot_hide_in_a_field(tmp_path: Path) -> None:
    def draw(page: pymupdf.Page) -> None:
        secret(page, color=(1, 1, 1))
        field(page, "", (1, 1, 1))

    assert "4711" in "".join(item.text for item in found(draw, tmp_path))


def test_a_bookmark_that_says_what_the_page_hides(tmp_path: Path) -> None:
    """The heading was blacked out for good, and the bookmark still has it."""
    from docharmony.io.verify import verify_pdf

    document = pymupdf.open()
    page = document.new_page(width=400, height=300)
    page.insert_text((50, 60), "Deposition of", fontsize=14)
    box(page, (140, 46, 260, 64))
    page.insert_text((50, 120), "The parties met on Monday.")
    second = document.new_page(width=400, height=300)
    second.insert_text((50, 60), "Index of exhibits", fontsize=14)
    document.set_toc([[1, "Deposition of Quillfeather", 1], [1, "Index of exhibits", 2]])
    document.save(tmp_path / "a.pdf")
    found = [f for f in verify_pdf(tmp_path / "a.pdf") if f.kind == "bad_redaction"]
    assert [(f.page, "Quillfeather" in f.text) for f in found] == [(1, True)]
    with pikepdf.open(tmp_path / "a.pdf") as pdf:
        assert len(pdf.pages) == 2


def test_the_later_letters_of_a_ligature_are_seen_where_the_first_is() -> None:
    """But a glyph cannot carry more than a ligature unseen: a secret, say."""
    assert _in_ligatures(["f", "i", "n"], [5, -1, 6]) == [False, True, False]
    assert _in_ligatures(["f", "f", "i"], [5, -1, -1]) == [False, True, True]
    assert _in_ligatures(["J", "a", "n", "e"], [5, -1, -1, -1]) == [False] * 4


@pytest.mark.parametrize(("codes", "told"), [("00000000", False), ("00010000", True)])
def test_blanks_of_an_odd_font_say_nothing(codes: str, told: bool, tmp_path: Path) -> None:
    """Glyphs without ink and meaning: one is a blank, several of them may be a message."""
    pdf = pikepdf.new()
    page = pdf.add_blank_page(page_size=(300, 200))
    blank = pdf.make_stream(b"600 0 d0")
    font = pikepdf.Dictionary(
        Type=pikepdf.Name.Font,
        Subtype=pikepdf.Name.Type3,
        FontBBox=[0, 0, 600, 700],
        FontMatrix=[0.001, 0, 0, 0.001, 0, 0],
        FirstChar=0,
        LastChar=1,
        Widths=[600, 600],
        Encoding=pikepdf.Dictionary(Differences=[0, pikepdf.Name.a0, pikepdf.Name.a1]),
        CharProcs=pikepdf.Dictionary(a0=blank, a1=pdf.make_stream(b"600 0 d0 ")),
    )
    page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F=font))
    page.Contents = pdf.make_stream(f"BT /F 20 Tf 30 100 Td <{codes}> Tj ET".encode())
    pdf.save(tmp_path / "a.pdf")
    assert bool(hidden_text(str(tmp_path / "a.pdf"), None, 1)) == told


def test_a_button_that_only_viewers_draw_hides_nothing(tmp_path: Path) -> None:
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(300, 100))
        look = pdf.make_stream(b"BT /Helv 12 Tf 5 8 Td (Reset everything) Tj ET")
        look["/Subtype"], look["/BBox"] = pikepdf.Name.Form, pikepdf.Array([0, 0, 120, 25])
        face = pikepdf.Dictionary(
            Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica
        )
        look["/Resources"] = pikepdf.Dictionary(Font=pikepdf.Dictionary(Helv=face))
        button = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Widget, FT=pikepdf.Name.Btn, Ff=65536,
            T="b", F=0, Rect=pikepdf.Array([50, 40, 170, 65]), AP=pikepdf.Dictionary(N=look),
        )  # fmt: skip
        button = pdf.make_indirect(button)
        pdf.pages[0].obj["/Annots"] = pikepdf.Array([button])
        pdf.Root["/AcroForm"] = pikepdf.Dictionary(Fields=pikepdf.Array([button]))
        pdf.save(tmp_path / "a.pdf")
    assert hidden_text(str(tmp_path / "a.pdf"), None, 1) == []
