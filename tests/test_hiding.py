"""Spellings and layouts that hide a term from a plain search, from end to end."""

from __future__ import annotations

import io
from pathlib import Path

import pikepdf
import pymupdf

from docharmony import RunConfig, redact
from docharmony.io.needles import Needles
from docharmony.io.verify_bytes import object_hits
from docharmony.pipeline import Pipeline

from .fuzz.book import composite, vera

QUICK = RunConfig(text_layer="trust", recheck=())


def quick() -> Pipeline:
    """Return a pipeline for pages with an honest text layer; nothing is read from pixels."""
    layout = Pipeline(QUICK).routes["digital"]
    return Pipeline(QUICK, routes={"digital": layout, "mixed": layout})


def text_of(path: Path) -> str:
    with pymupdf.open(path) as document:
        return str(document[0].get_text())


def test_ligatures(tmp_path: Path) -> None:
    """A single glyph stands for three letters of the term."""
    shown = "Gri\ufb03nhagen and others"
    assert vera().has_glyph(0xFB03) or vera().has_glyph(0xFB01)
    if not vera().has_glyph(0xFB03):
        shown = "Gri\ufb01nhagen and others"
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(400, 100))
        font, codes = composite(pdf, shown)
        page = pdf.pages[0].obj
        page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F=font))
        page.Contents = pdf.make_stream(b"BT /F 12 Tf 20 50 Td <%s> Tj ET" % codes.hex().encode())
        pdf.save(tmp_path / "a.pdf")
    term = "Griffinhagen" if "\ufb03" in shown else "Grifinhagen"
    report = redact(tmp_path / "a.pdf", tmp_path / "o.pdf", terms=[term], pipeline=quick())
    assert report.count == 1
    assert text_of(tmp_path / "o.pdf").split() == ["and", "others"]


def test_over_columns(tmp_path: Path) -> None:
    """A name begins at the foot of a column and ends at the head of the next."""
    with pymupdf.open() as document:
        page = document.new_page(width=500, height=400)
        for column, x in enumerate((40, 280)):
            for row in range(20):
                text = f"words of column {column} row {row} go on"
                if (column, row) == (0, 19):
                    text = "signed in the end by Margaret"
                if (column, row) == (1, 0):
                    text = "Quillfeather on a Monday"
                page.insert_text((x, 50 + 16 * row), text)
        document.save(tmp_path / "a.pdf")
    report = redact(
        tmp_path / "a.pdf", tmp_path / "o.pdf", terms=["Margaret Quillfeather"], pipeline=quick()
    )
    assert report.count == 2
    text = text_of(tmp_path / "o.pdf")
    assert "Margaret" not in text
    assert "Quillfeather" not in text
    assert "on a Monday" in text


def test_the_document_id_is_new(letter: Path, tmp_path: Path) -> None:
    """Both halves: the first of it ties a file to its earlier versions."""
    redact(letter, tmp_path / "o.pdf", terms=["Jane Roe"], pipeline=quick())
    with pikepdf.open(letter) as before, pikepdf.open(tmp_path / "o.pdf") as after:
        old, new = (set(map(bytes, pdf.trailer.get("/ID", ()))) for pdf in (before, after))
    assert new
    assert not old & new


def test_object_streams_and_hints_of_a_linearised_file(tmp_path: Path) -> None:
    """The strings stand in packed objects; a hint table and a cross-reference stream point at them."""
    with pymupdf.open() as document:
        for number in range(3):
            page = document.new_page(width=400, height=200)
            page.insert_text((40, 60), f"Page {number} tells of Zyxwhite and others")
        document.set_toc([[1, "Zyxwhite and others", 2]])
        plain = document.tobytes()
    with pikepdf.open(io.BytesIO(plain)) as pdf:
        generate = pikepdf.ObjectStreamMode.generate
        pdf.save(tmp_path / "a.pdf", linearize=True, object_stream_mode=generate)
    before = (tmp_path / "a.pdf").read_bytes()
    assert b"/Linearized" in before
    assert b"/ObjStm" in before
    report = redact(tmp_path / "a.pdf", tmp_path / "o.pdf", terms=["Zyxwhite"], pipeline=quick())
    assert report.count == 3
    assert b"/Linearized" not in (tmp_path / "o.pdf").read_bytes()
    with pikepdf.open(tmp_path / "o.pdf") as pdf:
        assert list(object_hits(pdf, Needles(["Zyxwhite"]))) == []
        assert all(b"Zyxwhite" not in item.unparse(resolved=True) for item in pdf.objects)
    assert text_of(tmp_path / "o.pdf").split() == ["Page", "0", "tells", "of", "and", "others"]


def test_letters_of_a_type3_font_that_declares_wide_boxes(tmp_path: Path) -> None:
    """A letter is no comma set back under the one before it, however wide that says it is."""
    word = b"\x01\x02\x01\x02\x01\x02"
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(300, 100))
        bar = pdf.make_stream(b"400 0 0 -200 700 900 d1 20 0 300 700 re f")
        font = pikepdf.Dictionary(
            Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type3, FirstChar=1, LastChar=2,
            FontBBox=pikepdf.Array([0, -200, 700, 900]), Widths=pikepdf.Array([400, 400]),
            FontMatrix=pikepdf.Array([0.001, 0, 0, 0.001, 0, 0]), Resources=pikepdf.Dictionary(),
            CharProcs=pikepdf.Dictionary(a=bar, b=bar),
            Encoding=pikepdf.Dictionary(
                Differences=pikepdf.Array([1, pikepdf.Name.a, pikepdf.Name.b])
            ),
        )  # fmt: skip
        page = pdf.pages[0].obj
        page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F=pdf.make_indirect(font)))
        page.Contents = pdf.make_stream(b"BT /F 12 Tf 20 50 Td (%s) Tj ET" % word)
        pdf.save(tmp_path / "a.pdf")
    region = "1:18,35,49,55"
    redact(tmp_path / "a.pdf", tmp_path / "o.pdf", regions=[region], pipeline=quick())
    with pikepdf.open(tmp_path / "o.pdf") as pdf:
        assert b"Tj" not in pdf.pages[0].Contents.read_bytes().replace(b"TJ", b"Tj")


def test_the_name_on_a_signature(tmp_path: Path) -> None:
    """The signature goes, its look stays without the name: no viewer draws an empty field there."""
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(300, 100))
        face = pikepdf.Dictionary(
            Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica
        )
        look = pdf.make_stream(b"BT /F 10 Tf 2 5 Td (Signed by Quillfeather in June) Tj ET")
        look["/Subtype"], look["/BBox"] = pikepdf.Name.Form, pikepdf.Array([0, 0, 200, 20])
        look["/Resources"] = pikepdf.Dictionary(Font=pikepdf.Dictionary(F=face))
        field = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Widget, FT=pikepdf.Name.Sig, T="s", F=4,
            V=pikepdf.Dictionary(Type=pikepdf.Name.Sig, Name="Quillfeather", Contents=b"00"),
            Rect=pikepdf.Array([50, 40, 250, 60]), AP=pikepdf.Dictionary(N=look),
        )  # fmt: skip
        field = pdf.make_indirect(field)
        pdf.pages[0].obj["/Annots"] = pikepdf.Array([field])
        pdf.Root["/AcroForm"] = pikepdf.Dictionary(Fields=pikepdf.Array([field]), SigFlags=3)
        pdf.save(tmp_path / "a.pdf")
    redact(tmp_path / "a.pdf", tmp_path / "o.pdf", terms=["Quillfeather"], pipeline=quick())
    with pymupdf.open(tmp_path / "o.pdf") as document:
        assert document[0].get_text().split() == ["Signed", "by", "in", "June"]
        assert [annotation.type[1] for annotation in document[0].annots()] == ["Stamp"]
