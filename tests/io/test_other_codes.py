"""Text in glyph numbers that a font shows which is not theirs."""

from __future__ import annotations

from pathlib import Path

import pikepdf
import pytest
from pikepdf import Dictionary, Name

from docharmony import redact
from docharmony.errors import RedactionLeakError
from docharmony.io.needles import Needles
from docharmony.io.other_codes import holders, maps_of, spelt

from ..fuzz.book import composite
from ..fuzz.runner import blind_pipeline

SECRET = "Mugusulsulxq"


def parted(path: Path, *, mapped: bool, shown: str = SECRET, in_order: bool = False) -> None:
    """Write a page that shows the glyph numbers of a text in Helvetica; its own font lies unused."""
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(400, 100))
        font, codes = composite(pdf, shown, mapped=mapped, in_order=in_order)
        if mapped:
            pdf.trailer["/Lost"] = pdf.make_indirect(font)
        usual = Dictionary(
            Type=Name.Font,
            Subtype=Name.Type1,
            BaseFont=Name.Helvetica,
            Encoding=Name.WinAnsiEncoding,
        )
        page = pdf.pages[0].obj
        page.Resources = Dictionary(Font=Dictionary(F=usual))
        shows = b"BT /F 12 Tf 20 50 Td <%s> Tj 0 -20 Td (Others) Tj ET" % codes.hex().encode()
        page.Contents = pdf.make_stream(shows)
        pdf.save(path)


@pytest.mark.parametrize("in_order", [False, True])
def test_a_map_that_lies_in_the_file(in_order: bool, tmp_path: Path) -> None:
    parted(tmp_path / "a.pdf", mapped=True, in_order=in_order)
    with pytest.raises(RedactionLeakError, match="withheld") as caught:
        redact(tmp_path / "a.pdf", tmp_path / "o.pdf", terms=[SECRET], pipeline=blind_pipeline())
    assert "codes of another font" in str(caught.value.why)
    assert not (tmp_path / "o.pdf").exists()


def test_glyph_numbers_that_everybody_knows(tmp_path: Path) -> None:
    parted(tmp_path / "a.pdf", mapped=False)
    with pytest.raises(RedactionLeakError):
        redact(tmp_path / "a.pdf", tmp_path / "o.pdf", terms=[SECRET], pipeline=blind_pipeline())
    # What the place shows can be cleared as any other.
    region = "1:0,35,400,60"
    redact(
        tmp_path / "a.pdf",
        tmp_path / "o.pdf",
        terms=[SECRET],
        regions=[region],
        pipeline=blind_pipeline(),
    )


def test_what_its_own_font_says_is_left_alone(tmp_path: Path) -> None:
    """In a whole file other maps read only what the text's own font makes nothing of."""
    parted(tmp_path / "a.pdf", mapped=True, shown="abcdefghij", in_order=True)
    with pikepdf.open(tmp_path / "a.pdf") as pdf:
        maps = maps_of(pdf)
        page = next(iter(holders(pdf)))
        assert spelt(page, lambda: maps, Needles(["cdefg"]), every=False)
        assert not spelt(page, lambda: maps, Needles(["Jane"]), every=True)
        assert not spelt(page, lambda: maps, Needles(["cde"]), every=True), "too short to tell"
        # One byte a letter, as a subset numbers them: letters of Helvetica, too.
        maps.append({bytes((ord(c),)): d for c, d in zip("Others", "Zyxwhi", strict=True)})
        assert spelt(page, lambda: maps, Needles(["Zyxwhi"]), every=True)
        assert not spelt(page, lambda: maps, Needles(["Zyxwhi"]), every=False)
