"""Terms that are words of the PDF syntax: found where they are text, and only there."""

from __future__ import annotations

from pathlib import Path

import pikepdf
import pymupdf
import pytest
from pikepdf import Dictionary, Name

import docharmony
from docharmony.io.needles import Needles
from docharmony.io.pdf_names import is_standard, without_syntax
from docharmony.io.verify_bytes import object_hits, raw_hit
from tests.fuzz.runner import blind_pipeline, direct

WORDS = ("Parent", "Caption", "Script", "Contents", "Descriptor", "Filter", "question")


def letter(path: Path) -> None:
    """Write a page that shows each word once, and holds each in its syntax too."""
    pdf = pikepdf.new()
    pdf.add_blank_page(page_size=(400, 300))
    page = pdf.pages[0].obj
    font = Dictionary(
        Type=Name.Font,
        Subtype=Name.Type1,
        BaseFont=Name.Helvetica,
        Encoding=Dictionary(Differences=[63, Name.question]),
    )
    page["/Resources"] = Dictionary(Font=Dictionary(F1=pdf.make_indirect(font)))
    rows = [
        f"/Caption <</MCID {n}>> BDC BT /F1 12 Tf 40 {260 - 30 * n} Td (Dear {word} friend?) Tj ET EMC"
        for n, word in enumerate(WORDS)
    ]
    page["/Contents"] = pdf.make_stream("\n".join(rows).encode())
    pdf.save(path, object_stream_mode=pikepdf.ObjectStreamMode.generate)


@pytest.mark.parametrize("word", WORDS)
def test_a_word_of_the_syntax_is_redacted_and_the_output_released(
    word: str, tmp_path: Path
) -> None:
    letter(tmp_path / "in.pdf")
    with direct():
        docharmony.redact(
            tmp_path / "in.pdf", tmp_path / "out.pdf", terms=[word], pipeline=blind_pipeline()
        )
    with pymupdf.open(tmp_path / "out.pdf") as document:
        text = document[0].get_text()
    assert word not in text
    assert all(other in text for other in WORDS if word.lower() not in other.lower())


def test_syntax_is_no_hit_and_text_is(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    pdf = pikepdf.new()
    pdf.add_blank_page()
    pdf.docinfo["/Note"] = "to the Parent"
    pdf.save(path, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    for word, found in (("Parent", True), ("Contents", False), ("MediaBox", False)):
        needles = Needles([word])
        assert raw_hit(path, needles) is False or found
        with pikepdf.open(path) as document:
            assert bool(list(object_hits(document, needles))) is found


def test_what_is_syntax() -> None:
    assert is_standard("/Parent")
    assert not is_standard("/Parenting")
    assert without_syntax(b"/Parent 3 0 R (Parent) endobj") == b"/ 3 0 R (Parent) endobj"
    assert without_syntax(b"bind 63 /question put", words=True) == b" 63 / put"


def test_short_words_in_programs_of_fonts_are_chance_without_a_length_too() -> None:
    data = b"\0\1\0\0" + b"\0" * 30 + b" many curves and the new Wojciechowski face "
    with pikepdf.new() as document:
        stray = document.make_indirect(document.make_stream(data))
        document.Root.Stray = stray
        assert list(object_hits(document, Needles(["the"], whole_words=True)))
        made = pikepdf.Dictionary(Type=pikepdf.Name.FontDescriptor, FontFile2=stray)
        document.Root.Descriptor = document.make_indirect(made)
        assert not list(object_hits(document, Needles(["the"], whole_words=True)))
        assert list(object_hits(document, Needles(["Wojciechowski"])))
