"""What ``verify`` says of fonts: letters that look otherwise, and letters that nobody can tell apart."""

from __future__ import annotations

import random
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name

from docharmony import Pipeline, RunConfig
from docharmony import open as open_source
from docharmony.auditing import audit
from docharmony.io.verify import Finding

from .fuzz.book import Book, composite, helvetica

SHOWN = "Jane Roe owes forty two"


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline()


def found(path: Path, pipeline: Pipeline) -> list[Finding]:
    with open_source(path) as source:
        return audit(source, pipeline=pipeline)


def letter(path: Path, lie: str) -> Path:
    book = Book("x", random.Random(1))
    font, codes = composite(book.pdf, SHOWN, lie=lie)
    name = book.resource("/Font", font)
    book.add(0, f"BT {name} 12 Tf 30 150 Td <{codes.hex()}> Tj ET")
    path.write_bytes(book.data())
    return path


def test_letters_that_look_otherwise_are_hidden_text(tmp_path: Path, pipeline: Pipeline) -> None:
    path = letter(tmp_path / "a.pdf", "Wxyzabcd efgh ijkl mnop")
    findings = found(path, pipeline)
    assert [f.where for f in findings if f.page == 1][-1] == "glyphs that show other text"
    assert {f.kind for f in findings} == {"hidden_text"}
    trusting = Pipeline(RunConfig(text_layer="trust"))
    assert all(f.where != "glyphs that show other text" for f in found(path, trusting))


def test_an_honest_font_is_no_finding(tmp_path: Path, pipeline: Pipeline) -> None:
    assert found(letter(tmp_path / "a.pdf", ""), pipeline) == []


def test_a_font_of_boxes_is_a_bad_redaction(tmp_path: Path, pipeline: Pipeline) -> None:
    """A face in which every letter is a bar looks redacted, and can be copied."""
    pdf = pikepdf.new()
    pdf.add_blank_page(page_size=(300, 200))
    bar = pdf.make_stream(b"600 0 0 0 600 700 d1 0 0 600 700 re f")
    letters = [chr(code) for code in range(97, 123)]
    font = Dictionary(
        Type=Name.Font,
        Subtype=Name.Type3,
        FontBBox=Array([0, 0, 600, 700]),
        FontMatrix=Array([0.001, 0, 0, 0.001, 0, 0]),
        FirstChar=97,
        LastChar=122,
        Widths=Array([600] * 26),
        CharProcs=Dictionary({f"/{c}": bar for c in letters}),
        Encoding=Dictionary(Differences=Array([97, *(Name(f"/{c}") for c in letters)])),
    )
    fonts = Dictionary(F1=pdf.make_indirect(font), F2=helvetica())
    pdf.pages[0].obj["/Resources"] = Dictionary(Font=fonts)
    pdf.pages[0].obj["/Contents"] = pdf.make_stream(
        b"BT /F2 12 Tf 20 150 Td (Dear reader) Tj ET BT /F1 12 Tf 20 100 Td (secretname) Tj ET"
    )
    pdf.save(tmp_path / "a.pdf")
    (finding,) = found(tmp_path / "a.pdf", pipeline)
    assert (finding.kind, finding.page) == ("bad_redaction", 1)
    assert finding.text == "secretname"
    assert finding.to_json()["text"] == ""
