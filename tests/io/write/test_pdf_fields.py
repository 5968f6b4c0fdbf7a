"""Text in form fields is replaced in their value and in what their widgets show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pikepdf
import pymupdf
import pytest

from docharmony import replace


@pytest.fixture(autouse=True)
def built_in_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCHARMONY_FONTS", "none")


def form(path: Path, *fields: tuple[str, tuple[float, ...], str, int]) -> Path:
    """Save a page with text fields: name, rectangle, value, flags."""
    document = pymupdf.open()
    sheet = document.new_page(width=420, height=300)
    for name, rectangle, value, flags in fields:
        widget = pymupdf.Widget()
        widget.field_name, widget.field_type = name, pymupdf.PDF_WIDGET_TYPE_TEXT
        widget.rect, widget.field_value = pymupdf.Rect(rectangle), value
        widget.field_flags, widget.text_fontsize = flags, 10
        widget.border_width, widget.border_color = 1, (0, 0, 0.6)
        widget.fill_color = (0.9, 0.9, 1)
        sheet.add_widget(widget)
    document.save(path)
    return path


def values(path: Path) -> dict[str, str]:
    with pymupdf.open(path) as document:
        return {w.field_name: w.field_value for page in document for w in page.widgets()}


def streams(path: Path) -> bytes:
    with pikepdf.open(path) as pdf:
        return b"".join(
            item.read_bytes()
            for item in pdf.objects
            if isinstance(item, pikepdf.Stream) and item.get("/Type") != "/ObjStm"
        )


def test_a_value_and_its_appearance(tmp_path: Path) -> None:
    path = form(
        tmp_path / "a.pdf",
        ("one", (50, 40, 300, 60), "Jane Roe", 0),
        ("two", (50, 80, 300, 100), "by Jane Roe and Jane Roe", 0),
        (
            "many",
            (50, 120, 300, 180),
            "Jane Roe lives in London, and her sister lives in Paris.",
            4096,
        ),
    )
    out = tmp_path / "b.pdf"
    report = replace(path, out, mapping={"Jane Roe": "Łucja 山田"})
    assert report.complete
    assert values(out) == {
        "one": "Łucja 山田",
        "two": "by Łucja 山田 and Łucja 山田",
        "many": "Łucja 山田 lives in London, and her sister lives in Paris.",
    }
    with pymupdf.open(out) as document:
        shown = " ".join(document[0].get_text().split())
        pixmap = document[0].get_pixmap()
    assert shown.count("Łucja 山田") == 4
    assert "Jane" not in shown
    assert b"Jane" not in streams(out)
    assert pixmap.pixel(290, 50) == (229, 229, 255)  # the ground of the field
    assert pixmap.pixel(290, 40)[2] > pixmap.pixel(290, 40)[0] + 40  # and its border


def test_all_widgets_of_a_field_show_its_value(tmp_path: Path) -> None:
    path = form(
        tmp_path / "a.pdf",
        ("one", (50, 40, 300, 60), "Jane Roe", 0),
        ("other", (50, 80, 300, 100), "Jane Roe", 0),
    )
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        kids: list[Any] = list(pdf.pages[0].obj["/Annots"])
        parent = pdf.make_indirect(
            pikepdf.Dictionary(
                FT=pikepdf.Name.Tx, T="name", V="Jane Roe", DA=kids[0].get("/DA", "/Helv 10 Tf"),
                Kids=pikepdf.Array(kids),
            )
        )  # fmt: skip
        for kid in kids:
            for name in ("/V", "/T", "/FT"):
                del kid[name]
            kid["/Parent"] = parent
        pdf.Root.AcroForm["/Fields"] = pikepdf.Array([parent])
        pdf.save()
    out = tmp_path / "b.pdf"
    report = replace(path, out, mapping={"Jane Roe": "John Poe"})
    assert (report.count, report.left) == (2, 0)
    with pymupdf.open(out) as document:
        assert document[0].get_text().split() == ["John", "Poe"] * 2
    assert set(values(out).values()) == {"John Poe"}


def test_what_does_not_fit_into_its_field_stays(tmp_path: Path) -> None:
    path = form(tmp_path / "a.pdf", ("one", (50, 40, 100, 60), "Jane Roe", 0))
    out = tmp_path / "b.pdf"
    report = replace(path, out, mapping={"Jane Roe": "Maximilian Mustermann the Younger"})
    assert (report.count, report.left) == (0, 1)
    assert values(out) == {"one": "Jane Roe"}
    with pymupdf.open(out) as document:
        assert document[0].get_text().strip() == "Jane Roe"


def test_a_password_keeps_its_secret(tmp_path: Path) -> None:
    path = form(tmp_path / "a.pdf", ("one", (50, 40, 300, 60), "Jane Roe", 8192))
    report = replace(path, tmp_path / "b.pdf", mapping={"Jane Roe": "John Poe"})
    assert report.count == 0
    assert values(tmp_path / "b.pdf") == {"one": "Jane Roe"}
