"""Embedded fonts after a redaction: what is left in them, by a look with fontTools."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pymupdf
import pypdfium2
import pytest
from fontTools.cffLib import CFFFontSet
from fontTools.fontBuilder import FontBuilder
from fontTools.misc import eexec
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from pikepdf import Array, Dictionary, Name

from docharmony.io.needles import Needles
from docharmony.io.sanitize import Job, fonts
from docharmony.io.sanitize.font_cff import Cff
from docharmony.io.sanitize.font_type1 import Type1

LETTERS = "ABCDEQZ"
SHOWN, SECRET = "ABCDE", "QZ"


def outline(pen: Any, index: int) -> None:
    pen.moveTo((50, 0))
    pen.lineTo((100 + 60 * index, 0))
    pen.lineTo((100 + 40 * index, 700))
    pen.lineTo((50, 500 + 20 * index))
    pen.closePath()


def build(cff: bool) -> bytes:
    """Return a program of .notdef and LETTERS; in TrueType E is made of A, and of a part of its own."""
    order = [".notdef", *LETTERS, "part"]
    made = FontBuilder(1000, isTTF=not cff)
    made.setupGlyphOrder(order)
    made.setupCharacterMap({ord(c): c for c in LETTERS})
    widths = {name: 500 + 10 * n for n, name in enumerate(order)}
    if cff:
        strings = {}
        for n, name in enumerate(order):
            pen = T2CharStringPen(widths[name], None)
            outline(pen, n)
            strings[name] = pen.getCharString()
        made.setupCFF("Subset", {"FullName": "Subset"}, strings, {})
    else:
        glyphs = {}
        for n, name in enumerate(order):
            pen = TTGlyphPen(dict.fromkeys(order))
            if name == "E":
                pen.addComponent("A", (1, 0, 0, 1, 0, 0))
                pen.addComponent("part", (1, 0, 0, 1, 100, 50))
            else:
                outline(pen, n)
            glyphs[name] = pen.glyph()
        made.setupGlyf(glyphs)
    made.setupHorizontalMetrics({name: (w, 50) for name, w in widths.items()})
    made.setupHorizontalHeader(ascent=800, descent=-200)
    made.setupOS2()
    made.setupPost()
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def type1(letters: str = LETTERS, first: int = 65) -> bytes:
    """Return a Type 1 program of .notdef and letters; each but .notdef draws a part by a subroutine.

    Args:
        letters: in the order in which the program has them; codes go on from the first of them.
        first: the code of the first.
    """

    def number(value: int) -> bytes:
        return b"\xff" + value.to_bytes(4, signed=True)

    def call(*numbers: int, operator: bytes) -> bytes:
        return b"".join(map(number, numbers)) + operator

    def coded(code: bytes) -> bytes:
        return bytes(eexec.encrypt(bytes(4) + code, 4330)[0])

    move, line, close, end = b"\x15", b"\x05", b"\x09", b"\x0e"
    subrs = [b"\x0b"] * 4
    subrs += [call(-20 * n, 700, operator=line) + b"\x0b" for n, _ in enumerate(LETTERS, 1)]
    entries = []
    for name in (".notdef", *letters):
        n = 0 if name == ".notdef" else 1 + LETTERS.index(name)
        code = call(50, 500 + 10 * n, operator=b"\x0d") + call(0, 0, operator=move)
        if n:
            code += call(60 * n, 0, operator=line) + call(3 + n, operator=b"\x0a")
        body = coded(code + close + end)
        entries.append(b"/%s %d RD " % (name.encode(), len(body)) + body + b" ND\n")
    routines = b"".join(
        b"dup %d %d RD " % (n, len(coded(code))) + coded(code) + b" NP\n"
        for n, code in enumerate(subrs)
    )
    private = (
        b"dup /Private 8 dict dup begin /RD {string currentfile exch readstring pop} executeonly def\n"
        b"/ND {noaccess def} executeonly def /NP {noaccess put} executeonly def\n"
        b"/BlueValues [] def /MinFeature {16 16} def /password 5839 def /UniqueID 4711 def\n"
        b"/Subrs %d array\n"
        % len(subrs)
        + routines
        + b"ND\n2 index /CharStrings %d dict dup begin\n" % len(entries)
        + b"".join(entries)
        + b"end end readonly put noaccess put dup/FontName get exch definefont pop mark currentfile "
        b"closefile\n"
    )
    codes = b"".join(b"dup %d /%s put\n" % (first + n, c.encode()) for n, c in enumerate(letters))
    clear = (
        b"%!PS-AdobeFont-1.0: Subset\n12 dict begin /FontInfo 2 dict dup begin\n"
        b"/FullName (Subset of QZ) readonly def end readonly def\n/FontName /Subset def\n"
        b"/PaintType 0 def /FontType 1 def /FontMatrix [0.001 0 0 0.001 0 0] readonly def\n"
        b"/Encoding 256 array 0 1 255 {1 index exch /.notdef put} for\n"
        + codes
        + b"readonly def /FontBBox {0 0 1000 1000} readonly def currentdict end\ncurrentfile eexec\n"
    )
    return clear + bytes(eexec.encrypt(bytes(4) + private, 55665)[0]) + b"\n" + b"0" * 512


def keyed(data: bytes) -> bytes:
    """Return the CFF table of a program as a CID-keyed font, CID = 10 * glyph number."""
    font = TTFont(io.BytesIO(data))
    table = font["CFF "].cff
    top = table[0]
    from fontTools.cffLib import FDArrayIndex, FDSelect, FontDict

    order = [".notdef", *(f"cid{10 * n:05d}" for n in range(1, len(top.charset)))]
    strings = top.CharStrings
    strings.charStrings = {
        new: strings.charStrings[old] for new, old in zip(order, top.charset, strict=True)
    }
    top.charset = order
    part = FontDict()
    part.setCFF2(False)
    part.Private = top.Private
    array = FDArrayIndex()
    array.strings = None
    array.GlobalSubrs = top.GlobalSubrs
    array.append(part)
    select = FDSelect()
    select.format = 0
    select.gidArray = [0] * len(order)
    top.rawDict.pop("Private", None)
    top.__dict__.pop("Private", None)
    top.rawDict.pop("Encoding", None)
    top.__dict__.pop("Encoding", None)
    top.ROS = ("Adobe", "Identity", 0)
    top.CIDCount = 200
    top.FDArray, top.FDSelect = array, select
    strings.fdArray, strings.fdSelect = array, select
    out = io.BytesIO()
    table.compile(out, font)
    return out.getvalue()


def bare(data: bytes) -> bytes:
    return bytes(TTFont(io.BytesIO(data)).reader["CFF "])


def descriptor(pdf: pikepdf.Pdf, key: str, data: bytes, subtype: str = "") -> Any:
    program = pdf.make_stream(data)
    if subtype:
        program["/Subtype"] = Name(subtype)
    else:
        program["/Length1"] = len(data)
    made = Dictionary(
        Type=Name.FontDescriptor, FontName=Name("/ABCDEF+Subset"), Flags=32, ItalicAngle=0,
        FontBBox=Array([0, -200, 1000, 800]), Ascent=800, Descent=-200, CapHeight=700, StemV=80,
        CharSet=pikepdf.String("/A/B/C/D/E/Q/Z"), CIDSet=pdf.make_stream(b"\xff\xff"),
    )  # fmt: skip
    made[key] = program
    return pdf.make_indirect(made)


def simple(pdf: pikepdf.Pdf, key: str, data: bytes, subtype: str = "") -> tuple[Any, Any]:
    """Codes from 1 on, named by Differences (CFF), or the letters themselves (TrueType)."""
    names = [Name(f"/{c}") for c in LETTERS]
    font = Dictionary(
        Type=Name.Font, Subtype=Name.TrueType if key == "/FontFile2" else Name.Type1,
        BaseFont=Name("/ABCDEF+Subset"), FirstChar=65, LastChar=71,
        Widths=Array([510 + 10 * n for n in range(7)]),
        Encoding=Dictionary(BaseEncoding=Name.WinAnsiEncoding, Differences=Array([65, *names])),
        FontDescriptor=descriptor(pdf, key, data, subtype),
    )  # fmt: skip
    return pdf.make_indirect(font), lambda c: bytes((65 + LETTERS.index(c),))


def composite(
    pdf: pikepdf.Pdf, key: str, data: bytes, subtype: str = "", step: int = 1, table: bool = False
) -> tuple[Any, Any]:
    below = Dictionary(
        Type=Name.Font,
        Subtype=Name.CIDFontType2 if key == "/FontFile2" else Name.CIDFontType0,
        BaseFont=Name("/ABCDEF+Subset"),
        CIDSystemInfo=Dictionary(Registry="Adobe", Ordering="Identity", Supplement=0),
        W=Array([x for n in range(1, 8) for x in (n * step, Array([500 + 10 * n]))]),
        FontDescriptor=descriptor(pdf, key, data, subtype),
    )
    if table:
        rows = bytearray(2 * (7 * step + 1))
        for n in range(1, 8):
            rows[2 * n * step : 2 * n * step + 2] = n.to_bytes(2)
        below["/CIDToGIDMap"] = pdf.make_stream(bytes(rows))
    font = Dictionary(
        Type=Name.Font, Subtype=Name.Type0, BaseFont=Name("/ABCDEF+Subset"),
        Encoding=Name("/Identity-H"), DescendantFonts=Array([pdf.make_indirect(below)]),
    )  # fmt: skip
    return pdf.make_indirect(font), lambda c: (step * (1 + LETTERS.index(c))).to_bytes(2)


def vertical(made: tuple[Any, Any]) -> tuple[Any, Any]:
    font, code = made
    font["/Encoding"] = Name("/Identity-V")
    rows = [x for n in range(1, 8) for x in (n, Array([-900 - n, 250, 800]))]
    font["/DescendantFonts"][0]["/W2"] = Array(rows)
    return font, code


def chained(pdf: pikepdf.Pdf, made: tuple[Any, Any]) -> tuple[Any, Any]:
    """Let codes begin at 0x4100: the upper map overrides the lower for one of them."""
    font, _ = made
    head = b"begincmap 1 begincodespacerange <0000> <ffff> endcodespacerange "
    lower = pdf.make_stream(head + b"1 begincidrange <4101> <4107> 1 endcidrange endcmap")
    upper = pdf.make_stream(head + b"1 begincidchar <4109> 7 endcidchar endcmap")
    upper["/UseCMap"] = lower
    for stream in (lower, upper):
        stream["/Type"], stream["/CMapName"] = Name.CMap, Name("/Own")
    font["/Encoding"] = upper
    return font, lambda c: (0x4101 + LETTERS.index(c)).to_bytes(2)


KINDS: dict[str, Callable[[pikepdf.Pdf], tuple[Any, Any]]] = {
    "truetype": lambda pdf: simple(pdf, "/FontFile2", build(False)),
    "truetype_cid": lambda pdf: composite(pdf, "/FontFile2", build(False)),
    "truetype_cid_map": lambda p: composite(p, "/FontFile2", build(False), step=7, table=True),
    "cff": lambda p: simple(p, "/FontFile3", bare(build(True)), "/Type1C"),
    "cff_cid": lambda p: composite(p, "/FontFile3", keyed(build(True)), "/CIDFontType0C", step=10),
    "cff_cid_of_names": lambda p: composite(p, "/FontFile3", bare(build(True)), "/CIDFontType0C"),
    "type1": lambda p: simple(p, "/FontFile", type1()),
    "vertical_cid": lambda p: vertical(composite(p, "/FontFile2", build(False))),
    "chained_maps": lambda p: chained(p, composite(p, "/FontFile2", build(False))),
    "opentype_cff": lambda p: simple(p, "/FontFile3", build(True), "/OpenType"),
}


def pages(data: bytes) -> list[bytes]:
    with pymupdf.open(stream=data) as document:
        drawn = [page.get_pixmap(dpi=144).samples for page in document]
    other = pypdfium2.PdfDocument(data)
    # PDFium knows no fonts that a graphics state sets: it draws the codes of the last page in another.
    return drawn + [bytes(other[n].render(scale=2).to_numpy().tobytes()) for n in (0, 1)]


def saved(pdf: pikepdf.Pdf) -> bytes:
    out = io.BytesIO()
    pdf.save(out)
    return out.getvalue()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("profile", ["minimal", "publish"])
def test_letters_that_nothing_shows_are_gone(kind: str, profile: Any) -> None:
    pdf = pikepdf.new()
    font, code = KINDS[kind](pdf)
    state = pdf.make_indirect(Dictionary(Font=Array([font, 40])))
    for text, setting in (("AB", "/F 40 Tf"), ("C", "/F 40 Tf"), ("D", "/G gs")):
        pdf.add_blank_page(page_size=(300, 100))
        page = pdf.pages[-1]
        of_page = Dictionary(Font=Dictionary(F=font))
        page.obj["/Resources"] = (
            Dictionary(ExtGState=Dictionary(G=state)) if "gs" in setting else of_page
        )
        shown = b"".join(code(c) for c in text).hex()
        page.obj["/Contents"] = pdf.make_stream(f"{setting} BT 10 20 Td <{shown}> Tj ET".encode())
    # E stands in an appearance only.
    form = pdf.make_stream(f"BT /F 40 Tf 10 0 Td <{code('E').hex()}> Tj ET".encode())
    form["/Subtype"], form["/BBox"] = Name.Form, Array([0, 0, 100, 50])
    form["/Resources"] = Dictionary(Font=Dictionary(F=font))
    note = Dictionary(Type=Name.Annot, Subtype=Name.Stamp, Rect=Array([150, 20, 250, 70]), F=4,
                      AP=Dictionary(N=form))  # fmt: skip
    pdf.pages[0].obj["/Annots"] = Array([pdf.make_indirect(note)])
    before = pages(saved(pdf))
    job = Job(pdf, profile, Needles([], []), {0: set()} if profile == "minimal" else {})
    job.carrier = "fonts"
    fonts.clean(job)
    assert {"where": "unused glyphs of fonts", "action": "cleaned"} in job.actions
    assert pages(saved(pdf)) == before

    below = font["/DescendantFonts"][0] if "/DescendantFonts" in font else font
    about = below["/FontDescriptor"]
    assert "/CharSet" not in about
    assert "/CIDSet" not in about
    assert not str(font["/BaseFont"]).startswith("/ABCDEF+")
    assert font["/BaseFont"] == about["/FontName"]
    if below is font:
        assert len(font["/Widths"]) == 5
        assert [str(n) for n in font["/Encoding"]["/Differences"]][1::2] == list(
            map("/{}".format, SHOWN)
        )
    else:
        assert len(below["/W"]) == 10
    program = about.get("/FontFile") or about.get("/FontFile2") or about["/FontFile3"]
    data = bytes(program.read_bytes())
    if kind == "type1":
        read = Type1(data)
        assert sorted(read.order) == [".notdef", *SHOWN]
        assert not set(SECRET) & set(read.encoding())
        assert b"Subset of" not in data
        assert b"4711" not in read._private
        assert not read._subrs.keys() & {9, 10}  # what Q and Z called
        clear = data.index(b"eexec") + 6
        lengths = [clear, len(data) - clear - 533, 533]
        assert [int(program[f"/Length{n}"]) for n in (1, 2, 3)] == lengths
        return
    if kind == "vertical_cid":
        assert len(below["/W2"]) == 10
    if kind == "chained_maps":
        assert {"where": "numbers of glyphs", "action": "kept"} in job.actions
        return
    assert {"where": "numbers of glyphs", "action": "cleaned"} in job.actions
    _look(data, "opentype" in kind)


def test_a_program_in_parts_with_matrices_of_their_own_keeps_its_size() -> None:
    font = TTFont(io.BytesIO(build(True)))
    table = CFFFontSet()
    table.decompile(io.BytesIO(keyed(build(True))), font)
    top = table[0]
    # fontTools leaves the default out, others do not: written as another and turned into it.
    top.FontMatrix = [0.002, 0, 0, 0.002, 0, 0]
    top.FDArray[0].FontMatrix = [1, 0, 0, 1, 0, 0]
    out = io.BytesIO()
    table.compile(out, font)
    written, default = bytes.fromhex("1e2c3f"), bytes.fromhex("1e1c3f")
    assert out.getvalue().count(written) == 2
    program = Cff(out.getvalue().replace(written, default))
    assert program._scales() == [[0.001, 0.0, 0.0, 0.001, 0.0, 0.0]]
    cut = Cff(program.cut({1, 2}, "New"))
    assert cut._scales() == [[0.001, 0.0, 0.0, 0.001, 0.0, 0.0]]


def test_a_map_that_builds_upon_another_is_cut_too() -> None:
    pdf = pikepdf.new()
    font, code = composite(pdf, "/FontFile2", build(False))
    rows = {c: f"<{code(c).hex()}> <{ord(c):04x}>" for c in "AQZ"}
    lower = pdf.make_stream(f"/Adobe-UCS usecmap 1 beginbfchar {rows['Q']} endbfchar".encode())
    upper = pdf.make_stream(f"2 beginbfchar {rows['A']} {rows['Z']} endbfchar".encode())
    upper["/UseCMap"] = lower
    font["/ToUnicode"] = upper
    pdf.add_blank_page(page_size=(300, 100))
    page = pdf.pages[0]
    page.obj["/Resources"] = Dictionary(Font=Dictionary(F=font))
    page.obj["/Contents"] = pdf.make_stream(f"BT /F 9 Tf <{code('A').hex()}> Tj ET".encode())
    job = Job(pdf, "minimal", Needles([], []), {0: set()})
    job.carrier = "fonts"
    fonts.clean(job)
    body = font["/ToUnicode"].read_bytes().decode("ascii")
    assert "/UseCMap" not in font["/ToUnicode"]
    assert rows["A"] in body
    assert "usecmap" in body
    assert rows["Q"] not in body
    assert rows["Z"] not in body


def _look(data: bytes, opentype: bool) -> None:
    if data[:4] == b"\0\1\0\0":
        read = TTFont(io.BytesIO(data))
        glyphs, order = read["glyf"], read.getGlyphOrder()
        assert len(order) == read["hhea"].numberOfHMetrics == 1 + len(SHOWN) + 1  # a part of E
        assert all(glyphs[name].numberOfContours for name in order)
        assert not set(SECRET) & set(order)
        if "cmap" in read:
            assert not {ord(c) for c in SECRET} & read["cmap"].getBestCmap().keys()
        return
    if opentype:
        data = bytes(TTFont(io.BytesIO(data)).reader["CFF "])
    table = CFFFontSet()
    table.decompile(io.BytesIO(data), None)
    top = table[0]
    programs = []
    for name in top.charset:
        top.CharStrings[name].decompile()
        programs.append(top.CharStrings[name].program)
    assert len(programs) == 1 + len(SHOWN)
    assert ["endchar"] not in programs
    assert not set(SECRET) & set(top.charset)
    assert not {"cid00060", "cid00070"} & set(top.charset)


def test_a_program_that_is_not_understood_stays_and_is_told() -> None:
    pdf = pikepdf.new()
    font, _ = simple(pdf, "/FontFile", b"%!PS-AdobeFont-1.0: Subset")
    pdf.add_blank_page(page_size=(300, 100))
    pdf.pages[0].obj["/Resources"] = Dictionary(Font=Dictionary(F=font))
    job = Job(pdf, "minimal", Needles([], []), {0: set()})
    job.carrier = "fonts"
    fonts.clean(job)
    assert job.actions == [{"where": "unused glyphs of fonts", "action": "kept"}]
    assert str(font["/BaseFont"]) == "/ABCDEF+Subset"


@pytest.mark.parametrize(("named", "action"), [(True, "removed"), (False, "kept")])
def test_publish_leaves_no_program_that_is_not_understood_where_viewers_have_another(
    named: bool, action: str
) -> None:
    pdf = pikepdf.new()
    font, _ = simple(pdf, "/FontFile", b"%!PS-AdobeFont-1.0: Subset")
    if not named:
        font["/Encoding"] = Dictionary(Differences=Array([65, Name("/g1")]))
    pdf.add_blank_page(page_size=(300, 100))
    pdf.pages[0].obj["/Resources"] = Dictionary(Font=Dictionary(F=font))
    job = Job(pdf, "publish", Needles([], []))
    job.carrier = "fonts"
    fonts.clean(job)
    assert [item["action"] for item in job.actions] == [action]
    assert ("/FontFile" in font["/FontDescriptor"]) == (not named)


def test_redaction_takes_the_letters_out_of_a_real_font(tmp_path: Path) -> None:
    """Vera as reportlab embeds it: codes in the order of use."""
    import docharmony

    pdfmetrics = pytest.importorskip("reportlab.pdfbase.pdfmetrics")
    from reportlab.pdfbase.ttfonts import TTFont as Face
    from reportlab.pdfgen.canvas import Canvas

    pdfmetrics.registerFont(Face("Vera", "Vera.ttf"))
    canvas = Canvas(str(tmp_path / "in.pdf"))
    canvas.setFont("Vera", 14)
    canvas.drawString(60, 700, "Dear Quixzy received our letter")
    canvas.drawString(60, 600, "and he read it")
    canvas.save()
    docharmony.redact(tmp_path / "in.pdf", tmp_path / "out.pdf", terms=["Quixzy"])
    left = []
    for name in ("in.pdf", "out.pdf"):
        with pikepdf.open(tmp_path / name) as pdf:
            streams = [
                item["/FontFile2"].read_bytes()
                for item in pdf.objects
                if isinstance(item, pikepdf.Dictionary) and "/FontFile2" in item
            ]
        (data,) = streams
        glyphs = TTFont(io.BytesIO(data))["glyf"]
        left.append([n for n in glyphs.keys() if glyphs[n].numberOfContours])  # noqa: SIM118
    shown = set("Dear received our letter and he read it") - {" "}
    assert len(left[0]) > len(left[1]) == len(shown) + 1  # .notdef
    with pymupdf.open(tmp_path / "out.pdf") as document:
        assert "and he read it" in document[0].get_text()


def test_ligatures_of_mac_roman_are_known_by_their_old_names() -> None:
    from fontTools.agl import toUnicode

    from docharmony.io.sanitize.font_subsets import _usual_names

    for code, name in ((0xDE, "fi"), (0xDF, "fl"), (0xDB, "currency"), (0x93, "quotedblleft")):
        assert toUnicode(name) in {toUnicode(usual) for usual in _usual_names(code)}
