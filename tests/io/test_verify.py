"""The audit finds what is badly redacted or hidden, and does not cry wolf."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pymupdf
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from docharmony.geometry import BBox
from docharmony.io.verify import verify_pdf
from docharmony.io.verify_bytes import revisions, shown
from docharmony.io.verify_child import audit_document, audit_page
from docharmony.io.verify_page import Hidden, hidden_text
from tests.io.write.drawn import CASES, SECRET, line, new, saved

Draw = Callable[[pymupdf.Page], None]
PLACE = (50, 100)
COVER = (45, 88, 220, 104)


def page_with(draw: Draw, tmp_path: Path, turn: int = 0) -> Path:
    document = pymupdf.open()
    page = document.new_page(width=400, height=300)
    draw(page)
    page.insert_text((50, 60), "An ordinary line above.")
    page.insert_text((50, 200), "An ordinary line below.")
    page.set_rotation(turn)
    path = tmp_path / "page.pdf"
    document.save(path)
    return path


def secret(page: pymupdf.Page, **options: Any) -> None:
    page.insert_text(PLACE, SECRET, **options)


def found(draw: Draw, tmp_path: Path, turn: int = 0) -> list[Hidden]:
    return hidden_text(str(page_with(draw, tmp_path, turn)), None, 1)


def covered(page: pymupdf.Page, fill: tuple[float, ...]) -> None:
    secret(page)
    page.draw_rect(pymupdf.Rect(COVER), color=None, fill=fill)


@pytest.mark.parametrize(
    "fill", [(0, 0, 0), (1, 1, 1), (0.5, 0.5, 0.5), (1, 1, 0), (0.9, 0.1, 0.1)]
)
@pytest.mark.parametrize("turn", [0, 90])
def test_a_box_of_any_colour_over_text(fill: tuple[float, ...], turn: int, tmp_path: Path) -> None:
    (hidden,) = found(lambda page: covered(page, fill), tmp_path, turn)
    assert hidden.kind == "bad_redaction"
    assert hidden.text == SECRET.replace(" ", "")
    assert hidden.bbox.width * hidden.bbox.height > 200


def test_a_thick_line_over_text(tmp_path: Path) -> None:
    def draw(page: pymupdf.Page) -> None:
        secret(page)
        page.draw_line((45, 96), (220, 96), width=16)

    assert [h.kind for h in found(draw, tmp_path)] == ["bad_redaction"]


def test_a_box_with_a_label_over_text(tmp_path: Path) -> None:
    def draw(page: pymupdf.Page) -> None:
        covered(page, (0, 0, 0))
        page.insert_text((80, 100), "REDACTED", color=(1, 1, 1))

    hidden = found(draw, tmp_path)
    assert hidden
    assert {h.kind for h in hidden} == {"bad_redaction"}


def test_a_picture_over_text(tmp_path: Path) -> None:
    def draw(page: pymupdf.Page) -> None:
        secret(page)
        noise = Image.effect_noise((60, 10), 90).convert("RGB")
        page.insert_image(
            pymupdf.Rect(COVER),
            pixmap=pymupdf.Pixmap(pymupdf.csRGB, *noise.size, noise.tobytes(), False),
            keep_proportion=False,
        )

    hidden = found(draw, tmp_path)
    assert "".join(h.text for h in hidden) == SECRET.replace(" ", "")
    assert {h.kind for h in hidden} == {"bad_redaction"}


def test_an_opaque_annotation_over_text(tmp_path: Path) -> None:
    def draw(page: pymupdf.Page) -> None:
        secret(page)
        square = page.add_rect_annot(pymupdf.Rect(COVER))
        square.set_colors(stroke=(0, 0, 0), fill=(0, 0, 0))
        square.update()

    assert [(h.kind, h.where) for h in found(draw, tmp_path)] == [
        ("bad_redaction", "below an annotation")
    ]


@pytest.mark.parametrize("turn", [0, 90])
def test_a_redaction_that_was_marked_and_not_applied(turn: int, tmp_path: Path) -> None:
    def draw(page: pymupdf.Page) -> None:
        secret(page)
        page.add_redact_annot(pymupdf.Rect(COVER))

    hidden = [h for h in found(draw, tmp_path, turn) if "not applied" in h.where]
    assert [(h.kind, h.text) for h in hidden] == [("bad_redaction", SECRET.replace(" ", ""))]


def _scan(page: pymupdf.Page, box: tuple[int, ...] | None, text: bool = True) -> None:
    """A scan with its invisible text layer."""
    image = Image.new("RGB", (800, 600), (244, 242, 236))
    draw = ImageDraw.Draw(image)
    if text:
        draw.text((100, 180), SECRET, fill=(20, 20, 20), font_size=24)
    if box:
        draw.rectangle(box, fill=(0, 0, 0))
    pixels = pymupdf.Pixmap(pymupdf.csRGB, *image.size, image.tobytes(), False)
    page.insert_image(page.rect, pixmap=pixels)
    secret(page, render_mode=3)


def test_a_black_box_in_the_pixels_of_a_scan_with_a_text_layer(tmp_path: Path) -> None:
    hidden = found(lambda page: _scan(page, (90, 170, 440, 215)), tmp_path)
    assert [(h.kind, h.text) for h in hidden] == [("bad_redaction", SECRET.replace(" ", ""))]


def test_hidden_text(tmp_path: Path) -> None:
    kinds = {}
    for name, draw in {
        "white": lambda page: secret(page, color=(1, 1, 1)),
        "invisible": lambda page: secret(page, render_mode=3),
        "blank scan": lambda page: _scan(page, None, text=False),
        "off the page": lambda page: page.insert_text((-200, 100), SECRET),
    }.items():
        kinds[name] = {h.kind for h in found(draw, tmp_path)}
    assert kinds == {name: {"hidden_text"} for name in kinds}


HARMLESS: dict[str, Draw] = {}


def harmless(function: Draw) -> Draw:
    HARMLESS[function.__name__] = function
    return function


@harmless
def nothing_special(page: pymupdf.Page) -> None:
    secret(page)


@harmless
def shaded_cell(page: pymupdf.Page) -> None:
    page.draw_rect(pymupdf.Rect(COVER), color=(0, 0, 0), fill=(0.8, 0.8, 0.95))
    secret(page)


@harmless
def white_on_black_heading(page: pymupdf.Page) -> None:
    page.draw_rect(pymupdf.Rect(COVER), fill=(0, 0, 0))
    secret(page, color=(1, 1, 1))


@harmless
def frame(page: pymupdf.Page) -> None:
    secret(page)
    page.draw_rect(pymupdf.Rect(COVER), color=(0, 0, 0))


@harmless
def highlighter(page: pymupdf.Page) -> None:
    secret(page)
    page.add_highlight_annot(pymupdf.Rect(COVER))


@harmless
def transparent_box(page: pymupdf.Page) -> None:
    secret(page)
    page.draw_rect(pymupdf.Rect(COVER), color=None, fill=(1, 1, 0), fill_opacity=0.4)


@harmless
def underlined_and_struck(page: pymupdf.Page) -> None:
    secret(page)
    page.draw_line((50, 102), (130, 102))
    page.draw_line((50, 96), (130, 96))


@harmless
def box_over_white_space(page: pymupdf.Page) -> None:
    page.insert_text(PLACE, "a" + " " * 30 + "b")
    page.draw_rect(pymupdf.Rect(62, 88, 120, 104), fill=(0, 0, 0))


@harmless
def box_beside_text(page: pymupdf.Page) -> None:
    secret(page)
    page.draw_rect(pymupdf.Rect(150, 88, 250, 104), fill=(0, 0, 0))


@harmless
def text_layer_of_a_scan(page: pymupdf.Page) -> None:
    _scan(page, None)


@harmless
def coloured_text(page: pymupdf.Page) -> None:
    secret(page, color=(0.8, 0.85, 1))


@pytest.mark.parametrize("name", HARMLESS)
def test_no_wolf(name: str, tmp_path: Path) -> None:
    assert found(HARMLESS[name], tmp_path) == []


@pytest.mark.parametrize("name", [n for n in CASES if "secret" not in CASES[n]().notes])
def test_a_term_is_found_however_it_is_written(name: str, tmp_path: Path) -> None:
    drawn = CASES[name]()
    path = tmp_path / "in.pdf"
    path.write_bytes(drawn.data)
    args: dict[str, Any] = {"path": str(path), "password": drawn.password}
    args |= {"terms": [SECRET], "whole_words": False}
    whole, _ = audit_document([], **args)
    findings = list(whole["findings"])
    for number in range(1, whole["pages"] + 1):
        findings += audit_page([], number=number, **args)[0]
    if name != "outlines_of_glyphs":  # only reading the pixels would tell
        assert any(finding["kind"] == "term" for finding in findings)


def test_carriers_and_revisions(tmp_path: Path) -> None:
    path = tmp_path / "in.pdf"
    path.write_bytes(CASES["earlier_revision"]().data)
    assert len(revisions(str(path))) == 1
    findings = verify_pdf(path, terms=[f"old {SECRET}"])
    assert {"revision", "term"} <= {finding.kind for finding in findings}
    with pikepdf.open(path) as pdf:
        pdf.attachments["a.txt"] = b"x"
        pdf.docinfo["/Author"] = "A. Clerk"
        pdf.save(tmp_path / "with.pdf")
    found = verify_pdf(tmp_path / "with.pdf")
    assert [(f.kind, f.where) for f in found] == [
        ("carrier", "attachments"),
        ("carrier", "document information: Author"),
    ]


def test_a_linearised_file_has_no_earlier_revision(tmp_path: Path) -> None:
    path = tmp_path / "in.pdf"
    path.write_bytes(saved(new(line()), linearize=True))
    assert revisions(str(path)) == []


def test_the_text_of_a_bad_redaction_is_shown_on_demand_only(tmp_path: Path) -> None:
    (finding,) = verify_pdf(page_with(lambda page: covered(page, (0, 0, 0)), tmp_path))
    assert finding.kind == "bad_redaction"
    assert finding.page == 1
    assert isinstance(finding.bbox, BBox)
    assert SECRET.split()[0] not in repr(finding) + str(finding.to_json())
    assert SECRET.split()[0] in str(finding.to_json(show_text=True))


def test_shown_puts_kerned_pieces_together() -> None:
    stream = rb"BT [(An) -20 (na\051) -400 <5363>] TJ ET /P <</ActualText (Alt)>> BDC"
    assert "Anna) Sc" in shown(stream)
    assert "Alt" in shown(stream)
    assert shown(b"1 0 0 rg 0 0 5 5 re f") == ""


@given(st.binary(max_size=40), st.booleans())
@example(b"\\8\\9\\400", True)
def test_any_bytes_are_searched_as_if_they_were_content(noise: bytes, escape: bool) -> None:
    """Streams of objects and of fonts are no content, and hold whatever looks like it."""
    body = b"\\" + noise if escape else noise
    assert "Roe" in shown(b"(" + body.replace(b"(", b"").replace(b")", b"") + b"..) Tj (Roe) Tj ")
