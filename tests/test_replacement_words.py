"""Which words are replaced, by what, and which way the new ones run."""

from __future__ import annotations

from pathlib import Path

import pymupdf
import pytest

from docharmony import (
    Plan,
    ReplaceConfig,
    ReplacementReport,
    UsageError,
    propose_replacements,
    replace,
)
from docharmony.errors import ConfigError
from docharmony.geometry import BBox
from docharmony.stages.pairs import parse_pair, read_pairs
from docharmony.stages.replace import all_pairs


@pytest.fixture(autouse=True)
def built_in_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use only the faces that come with MuPDF, so that all machines draw alike."""
    monkeypatch.setenv("DOCHARMONY_FONTS", "none")


def page(folder: Path, *lines: str) -> Path:
    """Save a page with lines of text."""
    document = pymupdf.open()
    sheet = document.new_page(width=420, height=200)
    for number, line in enumerate(lines):
        sheet.insert_text((30, 40 + 30 * number), line, fontsize=11)
    document.save(folder / "a.pdf")
    return folder / "a.pdf"


def text(path: Path) -> str:
    with pymupdf.open(path) as document:
        return "\n".join(str(page.get_text()) for page in document)


def run(source: Path, **mapping: str) -> tuple[Path, ReplacementReport]:
    out = source.with_name("new.pdf")
    return out, replace(source, out, mapping=mapping)


def test_a_name_in_a_sentence_without_spaces_is_found(tmp_path: Path) -> None:
    """The engine does not know the script: what it reads instead says nothing against the text."""
    document = pymupdf.open()
    sheet = document.new_page(width=420, height=200)
    font = pymupdf.Font("cjk")
    writer = pymupdf.TextWriter(sheet.rect)
    lines = (
        "お問い合わせは山田太郎までお電話ください。",
        "東京都新宿区の本店は午前九時から営業いたします。",
        "りんご 10 120円 1,200円",
        "毎週水曜日は定休日です。請求書 品名 数量 単価 金額 合計",
    )
    for number, line in enumerate(lines):
        writer.append((30, 40 + 30 * number), line, font=font, fontsize=12)
    writer.write_text(sheet)
    document.save(tmp_path / "a.pdf")
    out, report = run(tmp_path / "a.pdf", 山田太郎="鈴木花子", 午前九時="午前十時")
    assert report.count == 2
    told = text(out).replace("\n", "")
    assert "お問い合わせは鈴木花子までお電話ください。" in told
    assert "本店は午前十時から営業" in told


def test_case_follows_the_old_text(tmp_path: Path) -> None:
    path = page(tmp_path, "smith here", "SMITH HERE", "Smith here", "blacksmith")
    out, _ = run(path, smith="jones")
    words = text(out).split()
    assert {"jones", "JONES", "Jones", "blacksmith"} <= set(words)


def test_other_scripts_keep_their_order(tmp_path: Path) -> None:
    path = page(tmp_path, "name: old")
    out, report = run(path, old="中文 Жук Ωμέγα")
    assert report.count == 1
    assert "name: 中文 Жук Ωμέγα" in text(out)
    out, report = run(path, old="\u0915")
    if report.left:
        assert "U+0915" in next(iter(report.fits.values())).note


def test_pairs_are_read_from_files(tmp_path: Path) -> None:
    table, object_ = tmp_path / "a.csv", tmp_path / "a.json"
    table.write_text('old;new\nAnna;Otto\n"a;b";c\n')
    object_.write_text('{"Anna": "Otto", "x": ""}')
    assert read_pairs(str(table)) == [("Anna", "Otto"), ("a;b", "c")]
    assert read_pairs(str(object_)) == [("Anna", "Otto"), ("x", "")]
    for content in ("", '["a"]', "{"):
        object_.write_text(content)
        if content:
            with pytest.raises(ConfigError):
                read_pairs(str(object_))
    with pytest.raises(UsageError):
        parse_pair("no sign")
    with pytest.raises(UsageError):
        parse_pair("=new")


def test_two_texts_change_places(tmp_path: Path) -> None:
    out, _ = run(page(tmp_path, "the apple and the pear"), apple="pear", pear="apple")
    assert "the pear and the apple" in text(out)


def test_a_text_is_taken_out(tmp_path: Path) -> None:
    out, _ = run(page(tmp_path, "the red apple is here"), red="")
    assert "the apple is here" in text(out)


def test_addresses_are_words_of_their_own(tmp_path: Path) -> None:
    path = page(tmp_path, "an apple of info@apple.org, https://apple.org/pear")
    out, _ = run(path, apple="plum", pear="plum")
    assert "a plum of" in text(out).replace("an plum", "a plum")
    assert "info@apple.org, https://apple.org/pear" in text(out)
    out, _ = run(path, **{"apple.org": "example.com"})
    assert "an apple of info@example.com, https://example.com/pear" in text(out)


def test_a_text_cannot_become_two_others() -> None:
    with pytest.raises(UsageError, match="two pairs"):
        all_pairs(ReplaceConfig(("a=b", "c=d", "a=e")))
    assert len(all_pairs(ReplaceConfig(("a=b", "a=b")))) == 2


def test_a_part_of_a_line_runs_as_its_line_does(tmp_path: Path) -> None:
    path = page(tmp_path, "The apple is in the red basket", "apple")
    rules = ReplaceConfig(("apple=\u05ea\u05e4\u05d5\u05d7",))
    plan = propose_replacements(path, rules=rules)
    assert [edit.setting.direction for edit in plan.edits[1] if edit.setting] == ["ltr", ""]


def test_a_plan_is_read_by_its_name(tmp_path: Path) -> None:
    plan = propose_replacements(page(tmp_path, "an apple"), rules=ReplaceConfig(("apple=pear",)))
    plan.write(tmp_path / "plan.json")
    (edit,) = Plan.read(str(tmp_path / "plan.json")).edits[1]
    assert edit.replacement == plan.edits[1][0].replacement


def test_highlights_stay_on_their_words(tmp_path: Path) -> None:
    path = page(tmp_path, "Mr Smith has read the yearly report of the company")
    with pymupdf.open(path) as document:
        for words in ("yearly report", "company"):
            document[0].add_highlight_annot(document[0].search_for(words)[0])
        document.saveIncr()
    out, report = run(path, Smith="Featherstonehaugh")
    assert report.count == 1
    with pymupdf.open(out) as document:
        for words, mark in zip(("yearly report", "company"), document[0].annots(), strict=True):
            on = document[0].search_for(words)[0]
            assert mark.rect.x0 == pytest.approx(on.x0, abs=4), words
            assert mark.rect.x1 == pytest.approx(on.x1, abs=4), words


def test_words_beside_new_ones_keep_their_looks(tmp_path: Path) -> None:
    document = pymupdf.open()
    sheet = document.new_page(width=420, height=200)
    sheet.insert_htmlbox((30, 30, 400, 60), "Mr Smith has <b>heavy</b> and <i>slanted</i> words")
    document.save(tmp_path / "a.pdf")
    out, _ = run(tmp_path / "a.pdf", Smith="Featherstonehaugh")
    with pymupdf.open(out) as document:
        spans = [
            span
            for block in document[0].get_text("dict")["blocks"]
            for line in block["lines"]
            for span in line["spans"]
        ]
    faces = {span["text"].strip(): span["font"].lower() for span in spans}
    assert "bold" in faces["heavy"]
    assert "italic" in faces["slanted"] or "oblique" in faces["slanted"]
    assert not any("Smith" in text for text in faces)


@pytest.mark.parametrize("new", ["Al Ho", "Wilhelmina Featherstone"])
def test_a_line_keeps_the_side_that_it_is_aligned_with(tmp_path: Path, new: str) -> None:
    document = pymupdf.open()
    sheet = document.new_page(width=420, height=300)
    body = "All of this stands at both sides of a column that is three hundred and forty wide. " * 4
    sheet.insert_textbox((40, 30, 380, 120), body, fontsize=11, align=pymupdf.TEXT_ALIGN_JUSTIFY)
    right, middle = pymupdf.TEXT_ALIGN_RIGHT, pymupdf.TEXT_ALIGN_CENTER
    sheet.insert_textbox((40, 150, 380, 170), "A note for Jane Roe", fontsize=11, align=right)
    sheet.insert_textbox((40, 200, 380, 220), "- Jane Roe -", fontsize=11, align=middle)
    document.save(tmp_path / "a.pdf")
    out, report = run(tmp_path / "a.pdf", **{"Jane Roe": new})
    assert report.count == 2
    with pymupdf.open(out) as document:
        note, name = (
            BBox.around(BBox(*word[:4]) for word in document[0].get_text("words", clip=clip))
            for clip in ((0, 140, 420, 180), (0, 190, 420, 230))
        )
    assert note.x1 == pytest.approx(380, abs=1)
    assert name.center.x == pytest.approx(210, abs=1)
