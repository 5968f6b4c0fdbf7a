"""What ``verify`` says of fonts: letters that look otherwise, and letters that nobody can tell apart."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pikepdf
import pymupdf
import pytest
from pikepdf import Array, Dictionary, Name

from docharmony import Pipeline, RunConfig
from docharmony import open as open_source
from docharmony.auditing import audit
from docharmony.io.verify import Finding
from docharmony.letters import Letters, _Tally

from .fuzz.book import Book, composite, helvetica

SHOWN = "Jane Roe owes forty two"


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline()


def found(path: Path, pipeline: Pipeline) -> list[Finding]:
    with open_source(path) as source:
        return audit(source, pipeline=pipeline)


def letter(path: Path, lie: str, shown: str = SHOWN) -> Path:
    book = Book("x", random.Random(1))
    font, codes = composite(book.pdf, shown, lie=lie)
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


SIGNS = "now for p and v and w or g"


@pytest.mark.parametrize(
    ("lie", "told"),
    [
        # Signs of a formula, which the reader takes for the Latin letters that they resemble.
        ("now for \u03d5 and \u03c8 and \u03c9 or \u03be", False),
        # The same in a word.
        ("now for \u03d5 and \u03c8 and \u03c9\u03c9\u03be \u03be", True),
    ],
)
def test_single_letters_of_other_scripts_are_signs(
    lie: str, told: bool, tmp_path: Path, pipeline: Pipeline
) -> None:
    shown = SIGNS if not told else "now for p and v and wwg g"
    findings = found(letter(tmp_path / "a.pdf", lie, shown), pipeline)
    assert any(f.where == "glyphs that show other text" for f in findings) == told


@pytest.mark.parametrize(("lie", "told"), [("s", False), ("9", True)])
def test_a_digit_read_as_a_letter_is_a_slip_of_the_reader(
    lie: str, told: bool, tmp_path: Path, pipeline: Pipeline
) -> None:
    """But one that is another digit is a lie, be it the only one."""
    says = "a rent of 525 pounds, 55 down"
    findings = found(letter(tmp_path / "a.pdf", says, says.replace("5", lie)), pipeline)
    assert any(f.where == "glyphs that show other text" for f in findings) == told


def test_what_was_read_in_one_document_accuses_no_other(tmp_path: Path, pipeline: Pipeline) -> None:
    honest, lying = tmp_path / "a.pdf", tmp_path / "b.pdf"
    letter(honest, "")
    letter(lying, "Wxyzabcd efgh ijkl mnop")
    first = found(honest, pipeline)
    assert found(lying, pipeline)
    assert all(not t.contradicted for t in _known_after(honest, pipeline))
    assert found(honest, pipeline) == first == []


def _known_after(path: Path, pipeline: Pipeline) -> list[Any]:
    found(path, pipeline)
    return list(pipeline.letters._known.values())


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


CHINESE = "本文档将尽量完整的介绍模板的使用方法如有不清楚之处或者想提出改进建议可以参与讨论"


@pytest.mark.parametrize(("read", "told"), [("abcd", False), ("aaab", True)])
def test_a_script_that_the_reader_does_not_know_is_no_lie(read: str, told: bool) -> None:
    """It takes such letters for this and that; those that it knows, for the same one each time."""
    letters = Letters(lambda _: [])
    claims = [(str(number), char) for number, char in enumerate(CHINESE)]
    for claim in claims:
        letters._known[claim] = _Tally(against=Counter(read))
    assert bool(letters._convincing(dict.fromkeys(claims, "a"), claims)) == told


def test_letters_that_claim_to_be_of_a_script_that_the_reader_does_not_know(
    tmp_path: Path, pipeline: Pipeline
) -> None:
    pairs = {letter: CHINESE[i] for i, letter in enumerate(sorted(set(SHOWN) - {" "}))}
    lie = "".join(pairs.get(letter, letter) for letter in SHOWN)
    findings = found(letter(tmp_path / "a.pdf", lie), pipeline)
    assert any(f.where == "glyphs that show other text" for f in findings)


def test_an_audit_tells_of_each_page(tmp_path: Path, pipeline: Pipeline) -> None:
    path = letter(tmp_path / "a.pdf", "")
    moved: list[None] = []
    with open_source(path) as source:
        audit(source, pipeline=pipeline, advance=lambda: moved.append(None))
    assert len(moved) == 1


@pytest.mark.parametrize(
    ("lie", "told"),
    [("cov(X) and non(X) or add(X)", False), ("covX and nonX or addX", True)],
)
def test_a_letter_of_a_formula_that_stands_alone_is_no_hidden_text(
    lie: str, told: bool, tmp_path: Path, pipeline: Pipeline
) -> None:
    """A script B whose font calls it an X: nobody hides a word in one letter."""
    path = letter(tmp_path / "a.pdf", lie, lie.replace("X", "B"))
    assert any(f.kind == "hidden_text" for f in found(path, pipeline)) == told


def test_ligatures_without_a_map_are_no_hidden_text(tmp_path: Path, pipeline: Pipeline) -> None:
    lie = "I \x1cnish this and de\x1cne that, \x1crst and \x1cve"
    path = letter(tmp_path / "a.pdf", lie, lie.replace("\x1c", "f"))
    assert not any(f.kind == "hidden_text" for f in found(path, pipeline))


def scan(path: Path, *, area: tuple[float, ...] = (44, 50, 260, 74), **box: Any) -> Path:
    """Write a page that is one picture of two lines, with a box drawn over a part of it."""
    with pymupdf.open() as drawn:
        page = drawn.new_page(width=300, height=120)
        page.insert_text((30, 30), "Contract of sale", fontsize=14)
        page.insert_text((30, 66), "To Margaret Quillfeather", fontsize=14)
        picture = page.get_pixmap(dpi=200).tobytes("png")
    with pymupdf.open() as document:
        page = document.new_page(width=300, height=120)
        page.insert_image(page.rect, stream=picture)
        if box.pop("note", False):
            note = page.add_rect_annot(pymupdf.Rect(area))
            note.set_colors(stroke=(0, 0, 0), fill=(0, 0, 0))
            note.update()
        elif box:
            page.draw_rect(pymupdf.Rect(area), **box)
        document.save(path)
    return path


@pytest.mark.parametrize(
    "box",
    [
        {"color": None, "fill": (0, 0, 0)},
        {"color": None, "fill": (1, 1, 1)},
        {"note": True},
    ],
)
def test_a_box_over_the_pixels_of_a_scan(
    box: dict[str, Any], tmp_path: Path, pipeline: Pipeline
) -> None:
    findings = found(scan(tmp_path / "a.pdf", **box), pipeline)
    assert {(f.kind, f.text) for f in findings} == {
        ("bad_redaction", "Margaret"),
        ("bad_redaction", "Quillfeather"),
    }


@pytest.mark.parametrize(
    "box",
    [
        {},
        {"color": (1, 0, 0)},  # no fill
        {"color": None, "fill": (1, 1, 0), "fill_opacity": 0.4},  # a marker
        {"area": (30, 80, 200, 100), "color": None, "fill": (0, 0, 0)},  # over nothing
    ],
)
def test_a_box_that_hides_nothing_of_a_scan(
    box: dict[str, Any], tmp_path: Path, pipeline: Pipeline
) -> None:
    assert found(scan(tmp_path / "a.pdf", **box), pipeline) == []
