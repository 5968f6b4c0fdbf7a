"""Subsets that number their letters as they come: after a redaction no number tells of what is gone."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from typing import Any

import pikepdf
import pymupdf
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from fontTools.ttLib.tables._c_m_a_p import CmapSubtable
from pikepdf import Array, Dictionary, Name

from docharmony.io.needles import Needles
from docharmony.io.sanitize import Job, fonts
from docharmony.io.sanitize.font_numbers import natural

from .test_font_subsets import LETTERS, bare, keyed, outline, saved, type1

SHOWN = "CABED"
# What stood before it: other letters, and the same ones in another order.
GONE = ("", "QZ", "ZEBQ", "DEC", "EZ")
Made = tuple[Any, Callable[[str], bytes]]


def program(letters: str, cff: bool, first: int = 0) -> bytes:
    """Return a program with its glyphs in this order; and with codes from ``first`` on, if any."""
    order = [".notdef", *(f"glyph{n}" for n, _ in enumerate(letters, 1))]
    made = FontBuilder(1000, isTTF=not cff)
    made.setupGlyphOrder(order)
    made.setupCharacterMap({})
    drawn: dict[str, Any] = {}
    for name, char in zip(order, " " + letters, strict=True):
        size = 1 + LETTERS.find(char)
        pen = T2CharStringPen(500 + 10 * size, None) if cff else TTGlyphPen(None)
        outline(pen, size)
        drawn[name] = pen.getCharString() if cff else pen.glyph()
    if cff:
        made.setupCFF("Subset", {}, drawn, {})
    else:
        made.setupGlyf(drawn)
    sizes = [0, *(1 + LETTERS.index(char) for char in letters)]
    made.setupHorizontalMetrics(
        {name: (500 + 10 * size, 50) for name, size in zip(order, sizes, strict=True)}
    )
    made.setupHorizontalHeader(ascent=800, descent=-200)
    made.setupOS2()
    made.setupPost()
    if first:
        table = CmapSubtable.newSubtable(0)
        table.platformID, table.platEncID, table.language = 1, 0, 0
        table.cmap = {first + n: name for n, name in enumerate(order[1:])}
        made.font["cmap"].tables = [table]
    out = io.BytesIO()
    made.font.recalcTimestamp = False
    made.font["head"].created = made.font["head"].modified = 0
    made.save(out)
    return out.getvalue()


def to_unicode(pdf: pikepdf.Pdf, letters: str, code: Callable[[str], bytes]) -> Any:
    rows = "\n".join(f"<{code(c).hex()}> <{ord(c):04x}>" for c in letters)
    return pdf.make_stream(f"begincmap {len(letters)} beginbfchar\n{rows}\nendbfchar".encode())


def about(pdf: pikepdf.Pdf, key: str, data: bytes, subtype: str = "") -> Any:
    stream = pdf.make_stream(data)
    stream["/Length1"] = len(data)
    if subtype:
        stream["/Subtype"] = Name(subtype)
    made = Dictionary(
        Type=Name.FontDescriptor, FontName=Name("/ABCDEF+Subset"), Flags=4, ItalicAngle=0, StemV=80,
        FontBBox=Array([0, -200, 1000, 800]), Ascent=800, Descent=-200, CapHeight=700,
    )  # fmt: skip
    made[key] = stream
    return pdf.make_indirect(made)


def composite(
    pdf: pikepdf.Pdf, letters: str, key: str, data: bytes, subtype: str, step: int
) -> Made:
    def code(char: str) -> bytes:
        return (step * (1 + letters.index(char))).to_bytes(2)

    widths = [
        x for n, c in enumerate(letters, 1) for x in (step * n, [510 + 10 * LETTERS.index(c)])
    ]
    kind = Name.CIDFontType2 if key == "/FontFile2" else Name.CIDFontType0
    below = Dictionary(
        Type=Name.Font, Subtype=kind, BaseFont=Name("/ABCDEF+Subset"), W=Array(widths),
        CIDSystemInfo=Dictionary(Registry="Adobe", Ordering="Identity", Supplement=0),
        FontDescriptor=about(pdf, key, data, subtype),
    )  # fmt: skip
    font = Dictionary(
        Type=Name.Font, Subtype=Name.Type0, BaseFont=Name("/ABCDEF+Subset"),
        Encoding=Name("/Identity-H"), DescendantFonts=Array([pdf.make_indirect(below)]),
        ToUnicode=to_unicode(pdf, letters, code),
    )  # fmt: skip
    return pdf.make_indirect(font), code


def simple(pdf: pikepdf.Pdf, letters: str, key: str, data: bytes, named: bool = False) -> Made:
    def code(char: str) -> bytes:
        return bytes((33 + letters.index(char),))

    font = Dictionary(
        Type=Name.Font, Subtype=Name.TrueType if key == "/FontFile2" else Name.Type1,
        BaseFont=Name("/ABCDEF+Subset"), FirstChar=33, LastChar=32 + len(letters),
        Widths=Array([510 + 10 * LETTERS.index(c) for c in letters]),
        FontDescriptor=about(pdf, key, data, "/Type1C" if named else ""),
        ToUnicode=to_unicode(pdf, letters, code),
    )  # fmt: skip
    if named:
        names = [Name(f"/glyph{n}") for n, _ in enumerate(letters, 1)]
        font["/Encoding"] = Dictionary(Differences=Array([33, *names]))
    return pdf.make_indirect(font), code


def type3(pdf: pikepdf.Pdf, letters: str) -> Made:
    def code(char: str) -> bytes:
        return bytes((1 + letters.index(char),))

    procs = {
        f"/a{n}": pdf.make_stream(b"%d 0 0 0 9 9 d1 0 0 %d 9 re f" % (9, 2 + LETTERS.index(char)))
        for n, char in enumerate(letters)
    }
    font = Dictionary(
        Type=Name.Font, Subtype=Name.Type3, FontMatrix=Array([0.1, 0, 0, 0.1, 0, 0]),
        FontBBox=Array([0, 0, 9, 9]), FirstChar=1, LastChar=len(letters), CharProcs=Dictionary(procs),
        Widths=Array([9] * len(letters)), Encoding=Dictionary(Differences=Array([1, *map(Name, procs)])),
        ToUnicode=to_unicode(pdf, letters, code),
    )  # fmt: skip
    return pdf.make_indirect(font), code


KINDS: dict[str, Callable[[pikepdf.Pdf, str], Made]] = {
    "truetype_cid": lambda p, t: composite(p, t, "/FontFile2", program(t, False), "", 1),
    "cff_cid": lambda p, t: composite(
        p, t, "/FontFile3", keyed(program(t, True)), "/CIDFontType0C", 10
    ),
    "cff_of_names": lambda p, t: composite(
        p, t, "/FontFile3", bare(program(t, True)), "/CIDFontType0C", 1
    ),
    "opentype_cff": lambda p, t: composite(p, t, "/FontFile3", program(t, True), "/OpenType", 1),
    "truetype": lambda p, t: simple(p, t, "/FontFile2", program(t, False, 33)),
    "cff": lambda p, t: simple(p, t, "/FontFile3", bare(program(t, True)), named=True),
    "type1": lambda p, t: simple(p, t, "/FontFile", type1(t, 33)),
    "type3": type3,
}  # fmt: skip


def told(value: Any, depth: int = 0) -> Any:
    """Return all that a font says, but for lengths that follow from the rest."""
    if isinstance(value, pikepdf.Stream):
        return hashlib.sha256(value.read_bytes()).hexdigest(), told_in(value, depth)
    if isinstance(value, pikepdf.Dictionary):
        return told_in(value, depth)
    if isinstance(value, pikepdf.Array):
        return [told(item, depth + 1) for item in value]
    return str(value)


def told_in(value: Any, depth: int) -> Any:
    assert depth < 9
    return {k: told(v, depth + 1) for k, v in value.items() if not k.startswith("/Length")}


def ink(pdf: pikepdf.Pdf) -> bytes:
    with pymupdf.open(stream=saved(pdf)) as document:
        return bytes(document[0].get_pixmap(dpi=144).samples)


@pytest.mark.parametrize("kind", KINDS)
def test_no_number_tells_which_letters_came_first(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.choice", lambda letters: letters[0])  # of the tag of a subset
    seen, texts = [], []
    for gone in GONE:
        pdf = pikepdf.new()
        letters = "".join(dict.fromkeys(gone + SHOWN))
        font, code = KINDS[kind](pdf, letters)
        pdf.add_blank_page(page_size=(300, 100))
        page = pdf.pages[0].obj
        page["/Resources"] = Dictionary(Font=Dictionary(F=font))
        shown = b"".join(map(code, SHOWN)).hex()
        page["/Contents"] = pdf.make_stream(f"BT /F 40 Tf 10 20 Td <{shown}> Tj ET".encode())
        before = ink(pdf)
        assert any(byte < 128 for byte in before)
        job = Job(pdf, "minimal", Needles([], []), {0: set()})
        job.carrier = "fonts"
        fonts.clean(job)
        assert {"where": "numbers of glyphs", "action": "cleaned"} in job.actions
        assert ink(pdf) == before
        seen.append((told(font), page["/Contents"].read_bytes()))
        with pymupdf.open(stream=saved(pdf)) as document:
            texts.append(document[0].get_text().strip())
    assert texts == [SHOWN] * len(GONE)
    assert all(other == seen[0] for other in seen), [i for i, s in enumerate(seen) if s != seen[0]]


def test_usual_codes_stay() -> None:
    pdf = pikepdf.new()
    font, _ = simple(pdf, "CABED", "/FontFile2", program("CABED", False, 65))
    font["/FirstChar"], font["/LastChar"] = 65, 69
    font["/ToUnicode"] = to_unicode(pdf, "ABCDE", lambda c: c.encode())
    pdf.add_blank_page()
    page = pdf.pages[0].obj
    page["/Resources"] = Dictionary(Font=Dictionary(F=font))
    page["/Contents"] = content = pdf.make_stream(b"BT /F 40 Tf 10 20 Td (ABC) Tj ET")
    job = Job(pdf, "minimal", Needles([], []), {0: set()})
    job.carrier = "fonts"
    fonts.clean(job)
    assert page["/Contents"].objgen == content.objgen
    assert (
        len(TTFont(io.BytesIO(font["/FontDescriptor"]["/FontFile2"].read_bytes())).getGlyphOrder())
        == 4
    )


def test_text_that_takes_its_font_from_elsewhere_keeps_its_numbers() -> None:
    pdf = pikepdf.new()
    font, code = KINDS["truetype_cid"](pdf, "QCABED")
    pdf.add_blank_page()
    page = pdf.pages[0].obj
    shown = b"".join(map(code, "CAB")).hex()
    form = pdf.make_stream(f"BT <{shown}> Tj ET".encode())
    form["/Type"], form["/Subtype"] = Name.XObject, Name.Form
    form["/BBox"] = Array([0, 0, 300, 100])
    page["/Resources"] = Dictionary(Font=Dictionary(F=font), XObject=Dictionary(X=form))
    page["/Contents"] = pdf.make_stream(b"/F 40 Tf /X Do")
    job = Job(pdf, "minimal", Needles([], []), {0: set()})
    job.carrier = "fonts"
    fonts.clean(job)
    assert {"where": "numbers of glyphs", "action": "kept"} in job.actions
    assert form.read_bytes() == f"BT <{shown}> Tj ET".encode()


def test_what_codes_mean_in_usual_encodings() -> None:
    assert natural({65: "A", 12: "ﬁ"})
    assert not natural({1: "A"})
    assert natural({0xC0: "А", 0xE0: "а"})  # Cyrillic, cp1251
    assert not natural({33: "А", 34: "а"})
    assert natural({7: ""}), "nobody says"
