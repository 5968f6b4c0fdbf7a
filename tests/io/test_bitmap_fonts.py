"""Bitmap fonts as Ghostscript writes them: sizes of a tenth of a point, and a box that nothing fills."""

from __future__ import annotations

from pathlib import Path

import pikepdf
import pymupdf
import pytest
from pikepdf import Array, Dictionary, Name

from docharmony.io import bitmap_fonts
from docharmony.io.source import open_source
from docharmony.io.verify_text import mupdf_lines, mupdf_words
from docharmony.io.write.pdf_fonts import load_font

LETTERS = "cdeorstw"
WIDTH, RISE, FALL = 50, 70, 20  # of each glyph, in units of 0.12 points


def document(path: Path, box: tuple[int, ...] = (0, 0, 1000, 1000)) -> Path:
    """Write a page with the words "sec", "ret" with a kern between, "word", and "to" in Helvetica."""
    with pikepdf.new() as pdf:
        page = pdf.add_blank_page(page_size=(200, 100))
        glyph = f"{WIDTH} 0 0 {-FALL} {WIDTH} {RISE} d1 0 {-FALL} 40 {RISE + FALL} re f"
        font = Dictionary(
            Type=Name.Font,
            Subtype=Name.Type3,
            FontBBox=Array(box),
            FontMatrix=Array([1, 0, 0, 1, 0, 0]),
            FirstChar=ord("c"),
            LastChar=ord("w"),
            Widths=Array([WIDTH] * 21),
            CharProcs=Dictionary(
                {f"/{letter}": pdf.make_stream(glyph.encode()) for letter in LETTERS}
            ),
            Encoding=Dictionary(
                Differences=Array(
                    [item for letter in LETTERS for item in (ord(letter), Name(f"/{letter}"))]
                )
            ),
        )
        plain = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
        page.Resources = Dictionary(Font=Dictionary(B=pdf.make_indirect(font), H=plain))
        page.Contents = pdf.make_stream(
            b"BT /B 0.12 Tf 20 50 Td (sec) Tj 18.2 0 Td (ret) Tj 22 0 Td (word) Tj "
            b"0 -30 Td (tow) Tj /H 9 Tf 30 0 Td (to) Tj ET"
        )
        pdf.save(path)
    return path


def test_words_and_lines_are_put_together(tmp_path: Path) -> None:
    with open_source(document(tmp_path / "a.pdf")) as source:
        page = source.page(1)
    assert [line.text for line in page.lines] == ["secret word", "tow", "to"]
    first = page.lines[0].words[0].bbox
    assert first.x0 == pytest.approx(20, abs=0.1)
    assert first.x1 == pytest.approx(56.2, abs=0.1)
    assert (first.y0, first.y1) == pytest.approx((41.6, 52.4), abs=0.1)
    assert page.lines[0].size == pytest.approx(10.8, abs=0.1)
    assert page.lines[2].size == pytest.approx(9, abs=0.1)


def test_a_box_that_is_right_is_left(tmp_path: Path) -> None:
    path = document(tmp_path / "a.pdf", (0, -FALL, WIDTH, RISE))
    with pymupdf.open(path) as pdf:
        assert not bitmap_fonts.mend(pdf[0])
    with open_source(path) as source:
        assert [line.text for line in source.page(1).lines] == ["secret word", "tow", "to"]


def test_parsers_that_check_see_letters_where_they_stand(tmp_path: Path) -> None:
    with pymupdf.open(document(tmp_path / "a.pdf")) as pdf:
        words = mupdf_words(pdf[0])
        chars = [char for line in mupdf_lines(pdf[0]) for char in line]
    assert max(word.bbox.height for word in words) < 15
    assert max(char.bbox.height for char in chars) < 15


def test_the_writer_measures_glyphs_by_their_own_boxes(tmp_path: Path) -> None:
    with pikepdf.open(document(tmp_path / "a.pdf")) as pdf:
        glyph = load_font(pdf.pages[0].Resources.Font.B).measure(b"s")
    assert glyph.box == pytest.approx((0, -FALL, WIDTH, RISE))
