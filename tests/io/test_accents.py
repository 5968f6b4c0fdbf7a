"""Accents beside their letters, as TeX's oldest fonts set them."""

from __future__ import annotations

from pathlib import Path

import pikepdf
import pytest
from pikepdf import Dictionary, Name

from docharmony.io.source import open_source
from docharmony.redaction import redact

# Helvetica in its standard encoding: acute, tilde and cedilla are 333 units wide, e 556, A 667.
ACUTE, TILDE, CEDILLA, GRAVE = r"\302", r"\304", r"\313", r"\301"


def document(path: Path, shown: str) -> Path:
    with pikepdf.new() as pdf:
        page = pdf.add_blank_page(page_size=(300, 100))
        font = Dictionary(
            Type=Name.Font,
            Subtype=Name.Type1,
            BaseFont=Name.Helvetica,
            Encoding=Name.StandardEncoding,
        )
        page.Resources = Dictionary(Font=Dictionary(H=font))
        page.Contents = pdf.make_stream(f"BT /H 12 Tf 20 50 Td {shown} TJ ET".encode())
        pdf.save(path)
    return path


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (rf"[(d) -111 ({ACUTE}) 444 (e) (j) -111 ({ACUTE}) 444 (e) (te)]", "déjéte"),
        (rf"[(C) -167 ({TILDE}) 500 (A) (B)]", "CÃB"),  # the way to the tilde looks like a blank
        (rf"[(a) -83 ({CEDILLA}) 416 (c) (a)]", "aça"),
        (rf"[(un ) -111 ({ACUTE}) 444 (e)]", "un é"),
        (rf"[(don{ACUTE}t l{ACUTE}eau)]", "don´t l´eau"),  # typed for an apostrophe
        (rf"[({GRAVE}all)]", "`all"),  # a quotation mark
    ],
)
def test_accents_over_a_letter_are_put_on_it(tmp_path: Path, shown: str, text: str) -> None:
    with open_source(document(tmp_path / "a.pdf", shown)) as source:
        page = source.page(1)
    assert [line.text for line in page.lines] == [text]
    assert page.lines[0].words[0].bbox.x0 == pytest.approx(20, abs=0.1)


def test_a_word_with_such_accents_goes_whole(tmp_path: Path) -> None:
    path = document(
        tmp_path / "a.pdf", rf"[(a d) -111 ({ACUTE}) 444 (e) (j) -111 ({ACUTE}) 444 (e) ( b)]"
    )
    report = redact(path, tmp_path / "out.pdf", terms=["déjé"])
    assert len(report.edits) == 1
    with open_source(tmp_path / "out.pdf") as source:
        assert [word.text for line in source.page(1).lines for word in line.words] == ["a", "b"]
