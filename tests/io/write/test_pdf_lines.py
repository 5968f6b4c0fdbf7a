"""Lines that lose text are set anew: what belongs to them goes along, and nothing else moves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pikepdf
import pymupdf
import pytest

import docharmony
from docharmony.config import RunConfig
from docharmony.io.moves import Move
from docharmony.io.write import pdf as writer
from docharmony.io.write.pdf_fonts import load_font

NAME = "Washington"


def page(path: Path, html: str) -> Path:
    with pymupdf.open() as document:
        sheet = document.new_page(width=400, height=300)
        sheet.insert_htmlbox(pymupdf.Rect(40, 40, 360, 280), html)
        document.save(path)
    return path


def redacted(source: Path, fill: str = "erase", **options: Any) -> tuple[Any, Any]:
    """Erase the name wherever it stands; return the page and what the writer says."""
    out = source.with_name("out.pdf")
    with pymupdf.open(source) as document:
        boxes = list(document[0].search_for(NAME))
    edits = [
        {"id": f"e{n}", "polygon": [list(p) for p in (b.tl, b.tr, b.br, b.bl)], "rule": "term"}
        | {"original": NAME}
        for n, b in enumerate(boxes)
    ]
    value, _ = writer.erase(
        [],
        path=str(source),
        password=None,
        edits={"1": edits},
        fill=fill,
        profile="minimal",
        policies={},
        terms=[],
        whole_words=False,
        out=str(out),
        **options,
    )
    return pymupdf.open(out)[0], value


def word(sheet: Any, text: str) -> Any:
    """Return the box of a word that stands on the page once."""
    found = [
        pymupdf.Rect([round(v, 2) for v in w[:4]]) for w in sheet.get_text("words") if w[4] == text
    ]
    assert len(found) == 1, [w[4] for w in sheet.get_text("words")]
    return found[0]


def test_what_follows_moves_up_and_other_lines_stay(tmp_path: Path) -> None:
    source = page(tmp_path / "in.pdf", f"<p>Dear {NAME} and others</p><p>next line here</p>")
    with pymupdf.open(source) as document:
        before = {text: word(document[0], text) for text in ("Dear", "others", "here")}
    sheet, value = redacted(source)
    after = {text: word(sheet, text) for text in before}
    assert tuple(after["Dear"]) == pytest.approx(tuple(before["Dear"]), abs=0.05)
    assert after["here"] == before["here"]
    assert after["others"].x0 < before["others"].x0 - 10
    assert not value["gaps"]
    (move,) = [Move.from_json(data) for data in value["moves"]["1"]]
    assert move.to(before["others"].x0) == pytest.approx(after["others"].x0, abs=0.05)
    assert Move.from_json(json.loads(json.dumps(move.to_json()))) == move


def test_a_link_and_an_underline_go_with_their_words(tmp_path: Path) -> None:
    html = f'<p>Dear {NAME}, see <a href="https://example.org/">these pages</a> today</p>'
    source = page(tmp_path / "in.pdf", html)
    sheet, _ = redacted(source)
    these, pages = word(sheet, "these"), word(sheet, "pages")
    links = [link["from"] for link in sheet.get_links()]
    assert min(link.x0 for link in links) == pytest.approx(these.x0, abs=0.5)
    assert max(link.x1 for link in links) == pytest.approx(pages.x1, abs=0.5)
    (line,) = sheet.get_drawings()
    assert line["rect"].x0 == pytest.approx(these.x0, abs=0.5)
    assert line["rect"].x1 == pytest.approx(pages.x1, abs=0.5)


def test_cells_keep_their_walls_and_their_neighbours(tmp_path: Path) -> None:
    html = (
        "<style>td {border: 1px solid black; padding: 3px}</style><table>"
        f"<tr><td>{NAME}</td><td>plaintiff {NAME} II</td><td>12.50</td></tr></table>"
    )
    source = page(tmp_path / "in.pdf", html)
    with pymupdf.open(source) as document:
        before = word(document[0], "12.50"), len(document[0].get_drawings())
        walls = [drawing["rect"] for drawing in document[0].get_drawings()]
    sheet, value = redacted(source, "box")
    assert word(sheet, "12.50") == before[0]
    boxes = [d["rect"] for d in sheet.get_drawings() if d["type"] == "f" and d["fill"] == (0,) * 3]
    kept = [d["rect"] for d in sheet.get_drawings()]
    assert all(any(wall == other for other in kept) for wall in walls)
    assert not value["gaps"]
    second = word(sheet, "II")
    assert all(not box.intersects(second) for box in boxes if box not in walls)


def test_a_picture_below_keeps_the_gap_and_says_so(tmp_path: Path) -> None:
    source = tmp_path / "in.pdf"
    with pymupdf.open() as document:
        sheet = document.new_page(width=400, height=300)
        grey = pymupdf.Pixmap(pymupdf.csGRAY, pymupdf.IRect(0, 0, 40, 30))
        grey.clear_with(230)
        sheet.insert_image(sheet.rect, pixmap=grey)
        sheet.insert_text((40, 60), f"Dear {NAME} and others")
        document.save(source)
    with pymupdf.open(source) as document:
        before = word(document[0], "others")
    sheet, value = redacted(source)
    assert word(sheet, "others") == before
    assert value["gaps"] == [["1", "e0", "it stands on a picture"]]


def test_gaps_can_be_kept(tmp_path: Path) -> None:
    source = page(tmp_path / "in.pdf", f"<p>Dear {NAME} and others</p>")
    with pymupdf.open(source) as document:
        before = word(document[0], "others")
    sheet, value = redacted(source, keep_gaps=True)
    assert word(sheet, "others") == before
    assert not value["moves"]


def test_no_number_of_the_file_tells_how_far_words_moved(tmp_path: Path) -> None:
    outputs = set()
    for name in ("Li", "Vanlandingham"):
        path = tmp_path / f"{name}.pdf"
        page(
            path,
            f"<p style='text-align:right'>Dear <b>{name}</b> and <u>all others</u><br>the second</p>",
        )
        with pymupdf.open(path) as document:
            (box,) = document[0].search_for(name)
        edit = {"id": "e", "polygon": [list(p) for p in (box.tl, box.tr, box.br, box.bl)]}
        writer.erase(
            [],
            path=str(path),
            password=None,
            edits={"1": [edit | {"rule": "term", "original": name}]},
            fill="box",
            profile="minimal",
            policies={},
            terms=[],
            whole_words=False,
            out=str(tmp_path / "out.pdf"),
        )
        with pikepdf.open(tmp_path / "out.pdf") as pdf:
            streams = [
                item.read_bytes()
                for item in pdf.objects
                if isinstance(item, pikepdf.Stream) and item.get("/Subtype") == "/Form"
            ]
            contents = pdf.pages[0].obj["/Contents"]
            streams += [part.read_bytes() for part in contents] if len(contents) else []
        outputs.add(b"\n".join(streams))
    assert len(outputs) == 1


def test_the_gap_of_vertical_text_is_of_one_height(tmp_path: Path) -> None:
    outputs = []
    for name in ("山", "長谷川", "勅使河原"):
        pdf = pikepdf.new()
        pdf.add_blank_page(page_size=(400, 400))
        below = pikepdf.Dictionary(
            Type=pikepdf.Name.Font,
            Subtype=pikepdf.Name.CIDFontType0,
            BaseFont=pikepdf.Name("/HeiseiMin-W3"),
            CIDSystemInfo=pikepdf.Dictionary(Registry="Adobe", Ordering="Japan1", Supplement=2),
        )
        font = pikepdf.Dictionary(
            Type=pikepdf.Name.Font,
            Subtype=pikepdf.Name.Type0,
            BaseFont=pikepdf.Name("/HeiseiMin-W3"),
            Encoding=pikepdf.Name("/UniJIS-UTF16-V"),
            DescendantFonts=pikepdf.Array([pdf.make_indirect(below)]),
        )
        columns = (
            f"昨日の午後に{name}さんが東京へ行きました",
            "これは次の行です。ほかの言葉もありますからまだ続きます",
        )
        shown = [
            f"1 0 0 1 {300 - 24 * n} 360 Tm [<{text.encode('utf-16-be').hex()}>] TJ"
            for n, text in enumerate(columns)
        ]
        sheet = pdf.pages[0].obj
        sheet["/Resources"] = pikepdf.Dictionary(Font=pikepdf.Dictionary(F=font))
        sheet["/Contents"] = pdf.make_stream(f"BT /F 14 Tf {' '.join(shown)} ET".encode())
        source, out = tmp_path / "in.pdf", tmp_path / "out.pdf"
        pdf.save(source)
        bottom = 40 + 14 * (6 + len(name))
        area = [[293, 124], [307, 124], [307, bottom], [293, bottom]]
        edit = {"id": "e1", "polygon": area, "rule": "term", "original": name}
        value, _ = writer.erase(
            [],
            path=str(source),
            password=None,
            edits={"1": [edit]},
            fill="box",
            profile="minimal",
            policies={},
            terms=[],
            whole_words=False,
            out=str(out),
        )
        assert value["removed"]["glyphs"] == len(name)
        (move,) = [Move.from_json(data) for data in value["moves"]["1"]]
        assert move.to(bottom) == pytest.approx(166)
        with pikepdf.open(out) as result:
            streams = result.pages[0].obj["/Contents"]
            outputs.append(b"".join(bytes(s.read_bytes()) for s in streams))
    assert len(set(outputs)) == 1


@pytest.mark.parametrize("kind", ["field", "note"])
def test_gaps_of_fields_and_notes_tell_nothing(tmp_path: Path, kind: str) -> None:
    shown = set()
    for name in ("Roe", "Kowalski", "Vanlandingham"):
        source, out = tmp_path / "in.pdf", tmp_path / "out.pdf"
        with pymupdf.open() as document:
            sheet = document.new_page()
            box, text = pymupdf.Rect(100, 100, 400, 120), f"Dear {name} and friends"
            if kind == "field":
                field = pymupdf.Widget()
                field.field_type, field.field_name = pymupdf.PDF_WIDGET_TYPE_TEXT, "f"
                field.rect, field.field_value, field.text_fontsize = box, text, 11
                sheet.add_widget(field)
            else:
                sheet.add_freetext_annot(box, text, fontsize=11)
            document.save(source)
        pipeline = docharmony.Pipeline(RunConfig(text_layer="trust"))
        report = docharmony.redact(source, out, terms=[name], fill="erase", pipeline=pipeline)
        assert not report.gaps
        with pymupdf.open(out) as document:
            assert "and friends" in document[0].get_text()
            shown.add(document[0].get_pixmap(dpi=150).samples)
    assert len(shown) == 1


def test_columns_that_stand_close_together_stay_apart(tmp_path: Path) -> None:
    source = tmp_path / "in.pdf"
    left = (
        "the clerk has found",
        "that nobody had the",
        f"key and {NAME} left",
        "the hall before the",
    )
    right = (
        "doors were shut for",
        "the night and then",
        "all papers went up",
        "in smoke by morning",
    )
    with pymupdf.open() as document:
        sheet = document.new_page(width=400, height=300)
        for row, (one, two) in enumerate(zip(left, right, strict=True)):
            at = 60 + 13 * row
            sheet.insert_text((40, at), one, fontname="cour", fontsize=10)
            sheet.insert_text(
                (40 + 6 * max(map(len, left)) + 8, at), two, fontname="cour", fontsize=10
            )
        document.save(source)
        before = [word(sheet, text) for text in ("doors", "papers", "went", "smoke")]
    sheet, _ = redacted(source)
    assert [word(sheet, text) for text in ("doors", "papers", "went", "smoke")] == before


def test_the_code_of_a_space_may_mean_a_letter() -> None:
    with pikepdf.new() as pdf:
        rows = b"2 beginbfchar <20> <004d> <21> <0020> endbfchar"
        font = pikepdf.Dictionary(
            Type=pikepdf.Name.Font, Subtype=pikepdf.Name.TrueType, FirstChar=32,
            Widths=pikepdf.Array([889, 250]), ToUnicode=pdf.make_stream(rows),
        )  # fmt: skip
        letter, space = load_font(font).glyphs(b" !")
    assert (letter.text, letter.blank, letter.spaced) == ("M", False, True)
    assert (space.text, space.blank) == (" ", True)


def test_columns_without_rules_stay_where_a_cell_of_a_row_goes(tmp_path: Path) -> None:
    """The name ends an em before the next column, as in printed spreadsheets."""
    document = pymupdf.open()
    sheet = document.new_page(width=420, height=200)
    names = ("Blue Heron Bakery", "Northgate Dental Ltd", "Hollis & Wren LLP", "Kestrel Cycles")
    for row, name in enumerate(names):
        for x, cell in ((116, name), (216, f"0{row + 2}.01.2026"), (274, f"1{row}.02.2026")):
            sheet.insert_text((x, 60 + 12 * row), cell, fontsize=10)
    document.save(tmp_path / "in.pdf")
    out = tmp_path / "out.pdf"
    pipeline = docharmony.Pipeline(RunConfig(text_layer="trust"))
    docharmony.redact(tmp_path / "in.pdf", out, terms=["Blue Heron Bakery"], pipeline=pipeline)
    with pymupdf.open(out) as document:
        starts = {word[4]: word[0] for word in document[0].get_text("words")}
    assert starts["02.01.2026"] == pytest.approx(216, abs=0.01)
    assert starts["10.02.2026"] == pytest.approx(274, abs=0.01)
