"""Vertical writing: letters below each other are read as a line that runs down, and set as one."""

from __future__ import annotations

from pathlib import Path

import pikepdf
import pymupdf
import pytest

from docharmony import BBox, Line, Word, redact, replace
from docharmony import open as open_document
from docharmony.io.pdf_columns import with_columns

TITLE = "山田商店のお知らせ"
COLUMNS = (
    "平成三十年四月一日より、本店は午前九時から",
    "午後六時まで営業いたします。定休日は水曜日",
)


@pytest.fixture(autouse=True)
def built_in_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCHARMONY_FONTS", "none")


def letters(folder: Path) -> Path:
    """Save columns as programs set them that place each letter by itself; a number lies on its side."""
    document = pymupdf.open()
    sheet = document.new_page(width=420, height=595)
    font = pymupdf.Font("cjk")
    writer = pymupdf.TextWriter(sheet.rect)
    for x, size, text in [
        (350, 22, TITLE),
        *((300 - 24 * n, 12, t) for n, t in enumerate(COLUMNS)),
    ]:
        for number, letter in enumerate(text):
            writer.append((x, 60 + size * number), letter, font=font, fontsize=size)
    writer.write_text(sheet)
    foot = 60 + 12 * len(COLUMNS[1])
    sheet.insert_text((279.5, foot - 9), "06-1234", fontsize=12, rotate=270)
    document.save(folder / "letters.pdf")
    return folder / "letters.pdf"


def written(folder: Path) -> Path:
    """Save columns in a font for vertical writing."""
    pdf = pikepdf.new()
    pdf.add_blank_page(page_size=(420, 595))
    descriptor = pikepdf.Dictionary(
        Type=pikepdf.Name.FontDescriptor, FontName=pikepdf.Name("/HeiseiMin-W3"), Flags=4,
        FontBBox=[-123, -257, 1001, 910], ItalicAngle=0, Ascent=709, Descent=-241, CapHeight=709,
        StemV=69,
    )  # fmt: skip
    cid = pikepdf.Dictionary(
        Type=pikepdf.Name.Font,
        Subtype=pikepdf.Name.CIDFontType0,
        BaseFont=pikepdf.Name("/HeiseiMin-W3"),
        CIDSystemInfo=pikepdf.Dictionary(Registry="Adobe", Ordering="Japan1", Supplement=2),
        FontDescriptor=pdf.make_indirect(descriptor),
        DW=1000,
    )
    font = pikepdf.Dictionary(
        Type=pikepdf.Name.Font,
        Subtype=pikepdf.Name.Type0,
        BaseFont=pikepdf.Name("/HeiseiMin-W3"),
        Encoding=pikepdf.Name("/UniJIS-UTF16-V"),
        DescendantFonts=[pdf.make_indirect(cid)],
    )
    pdf.pages[0].obj["/Resources"] = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
    shown = [(370, 22, TITLE), *((320 - 24 * n, 14, text) for n, text in enumerate(COLUMNS))]
    content = "".join(
        f"BT /F1 {size} Tf {x} 560 Td <{text.encode('utf-16-be').hex()}> Tj ET\n"
        for x, size, text in shown
    )
    pdf.pages[0].obj["/Contents"] = pdf.make_stream(content.encode())
    pdf.save(folder / "written.pdf")
    return folder / "written.pdf"


def lines_of(path: Path) -> list[Line]:
    with open_document(path) as source:
        return [line for line in source.page(1).lines if line.visible]


def test_letters_below_each_other_are_a_line(tmp_path: Path) -> None:
    lines = lines_of(letters(tmp_path))
    assert [line.text for line in lines] == [TITLE, COLUMNS[0], COLUMNS[1] + "06-1234"]
    assert all(line.vertical and line.direction == 90 for line in lines)


def test_a_font_for_vertical_writing_tells_where_its_letters_stand(tmp_path: Path) -> None:
    """MuPDF's boxes lie a letter too low."""
    path = written(tmp_path)
    lines = lines_of(path)
    assert [line.text for line in lines] == [TITLE, *COLUMNS]
    with pymupdf.open(path) as document:
        pixmap = document[0].get_pixmap(clip=pymupdf.Rect(355, 0, 400, 595), colorspace="gray")
    rows = [
        y
        for y in range(pixmap.height)
        if min(pixmap.samples[y * pixmap.stride : (y + 1) * pixmap.stride]) < 128
    ]
    box = lines[0].bbox
    assert box.y0 - 1 <= rows[0] <= box.y0 + 4
    assert box.y1 - 4 <= rows[-1] <= box.y1 + 1


@pytest.mark.parametrize("make", [letters, written])
def test_columns_are_replaced_standing(make: object, tmp_path: Path) -> None:
    path, out = make(tmp_path), tmp_path / "out.pdf"  # type: ignore[operator]
    report = replace(path, out, mapping={"山田商店": "佐藤書店", "水曜日": "木曜日と12日"})
    assert report.complete
    lines = lines_of(out)
    title = next(line for line in lines if line.text == "佐藤書店のお知らせ")
    assert title.bbox.y0 == pytest.approx(lines_of(path)[0].bbox.y0, abs=2)
    whole = "".join(line.text for line in lines)
    assert "定休日は木曜日と12日" in whole
    assert "山田" not in whole
    assert "水" not in whole


def test_nothing_of_a_vertical_name_is_left(tmp_path: Path) -> None:
    path, out = written(tmp_path), tmp_path / "out.pdf"
    redact(path, out, terms=["山田商店"])
    text = "".join(line.text for line in lines_of(out))
    assert text.startswith("のお知らせ")


def one(number: int, text: str, x: float, y: float, size: float = 10.0) -> Line:
    box = BBox(x, y, x + size, y + size)
    return Line(f"p1l{number}", (Word(text, box),), box, size=size)


def test_a_column_of_a_table_is_no_line() -> None:
    cells = [one(number, text, 50, 20 * number) for number, text in enumerate("一二三四五", 1)]
    assert with_columns(cells) == cells
    latin = [one(number, text, 50, 10 * number) for number, text in enumerate("ABCDE", 1)]
    assert with_columns(latin) == latin


def test_columns_beside_each_other_stay_apart() -> None:
    cells = [
        one(10 * column + row, text, 100 - 14 * column, 10 * row)
        for row in range(4)
        for column, text in enumerate("東京")
    ]
    found = with_columns(cells)
    assert [line.text for line in found] == ["東東東東", "京京京京"]
    assert [line.id for line in found] == ["p1l1", "p1l2"]
