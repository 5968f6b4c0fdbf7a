"""PDFs that hide a name in every way that the page itself offers, each drawn by one small function."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pikepdf
import pymupdf

SECRET = "Zebulon Quark"
BEFORE, AFTER = "Dear", "received"
LINE = f"{BEFORE} {SECRET} {AFTER}"
SIZE = 12.0

Box = tuple[float, float, float, float]


@dataclass
class Drawn:
    """A PDF with the areas to clear: page -> polygons on the displayed page.

    ``survivors`` must still be extractable, in any order; ``visible`` says whether the secret shows.
    """

    data: bytes
    areas: dict[int, list[list[tuple[float, float]]]]
    survivors: tuple[str, ...] = (BEFORE, AFTER)
    exact: bool = True
    password: str | None = None
    notes: dict[str, Any] = field(default_factory=dict)


CASES: dict[str, Callable[[], Drawn]] = {}


def case(function: Callable[[], Drawn]) -> Callable[[], Drawn]:
    CASES[function.__name__] = function
    return function


def rectangle(box: Box) -> list[tuple[float, float]]:
    x0, y0, x1, y1 = box
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def width(text: str, size: float = SIZE) -> float:
    return float(pymupdf.get_text_length(text, "helv", size))


def helvetica() -> pikepdf.Dictionary:
    return pikepdf.Dictionary(
        Type=pikepdf.Name.Font,
        Subtype=pikepdf.Name.Type1,
        BaseFont=pikepdf.Name.Helvetica,
        Encoding=pikepdf.Name.WinAnsiEncoding,
    )


def descriptor(name: str) -> pikepdf.Dictionary:
    return pikepdf.Dictionary(
        Type=pikepdf.Name.FontDescriptor,
        FontName=pikepdf.Name("/" + name),
        Flags=6,
        FontBBox=pikepdf.Array([-25, -254, 1000, 880]),
        ItalicAngle=0,
        Ascent=880,
        Descent=-120,
        CapHeight=880,
        StemV=93,
    )


def new(content: bytes = b"", size: Box = (0, 0, 400, 300), **resources: Any) -> pikepdf.Pdf:
    """Return a PDF of one page with Helvetica as /F1."""
    pdf = pikepdf.new()
    pdf.add_blank_page(page_size=(size[2], size[3]))
    page = pdf.pages[0].obj
    page["/MediaBox"] = pikepdf.Array(size)
    fonts = resources.pop("Font", {"/F1": pdf.make_indirect(helvetica())})
    page["/Resources"] = pikepdf.Dictionary(Font=pikepdf.Dictionary(fonts), **resources)
    page["/Contents"] = pdf.make_stream(content)
    return pdf


def saved(pdf: pikepdf.Pdf, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pdf.save(buffer, fix_metadata_version=False, preserve_pdfa=False, **options)
    return buffer.getvalue()


def secret_box(x: float, y: float, size: float = SIZE, height: float = 300.0) -> Box:
    """Box of the secret in LINE, drawn from (x, y) in user space on a page so high."""
    left = x + width(BEFORE + " ", size)
    return (left, height - y - 0.8 * size, left + width(SECRET, size), height - y + 0.25 * size)


def at(x: float = 50, y: float = 200) -> dict[int, list[list[tuple[float, float]]]]:
    return {1: [rectangle(secret_box(x, y))]}


def line(x: float = 50, y: float = 200, text: str = LINE) -> bytes:
    return f"BT /F1 12 Tf {x} {y} Td ({text}) Tj ET\n".encode()


@case
def one_string() -> Drawn:
    return Drawn(saved(new(line())), at())


@case
def hexadecimal() -> Drawn:
    return Drawn(
        saved(new(b"BT /F1 12 Tf 50 200 Td <" + LINE.encode().hex().encode() + b"> Tj ET")), at()
    )


@case
def kerned() -> Drawn:
    items, x = [], 0.0
    for index, char in enumerate(LINE):
        kern = (index % 3 - 1) * 20
        items.append(f"({char}) {kern}")
        x += width(char) - kern / 1000 * SIZE
        if index == len(BEFORE):
            left = x
        if index == len(BEFORE) + len(SECRET):
            right = x
    content = f"BT /F1 12 Tf 50 200 Td [{' '.join(items)}] TJ ET".encode()
    return Drawn(saved(new(content)), {1: [rectangle((50 + left, 90, 50 + right, 103))]})


@case
def glyph_by_glyph_in_any_order() -> Drawn:
    places, x = [], 50.0
    for char in LINE:
        places.append((x, char))
        x += width(char)
    order = sorted(range(len(places)), key=lambda i: (i * 7919) % 31)
    shows = "".join(f"1 0 0 1 {places[i][0]:.3f} 200 Tm ({places[i][1]}) Tj " for i in order)
    return Drawn(saved(new(f"BT /F1 12 Tf {shows} ET".encode())), at())


@case
def quote_operators_with_spacing() -> Drawn:
    content = (
        b"BT /F1 12 Tf 14 TL 80 Tz 2 Ts 50 214 Td (first line) ' 3 0.5 (Dear Zebulon Quark received) \""
        b" (last line) ' ET"
    )

    # width with word space 3, char space .5, stretched to 80 %
    def run(text: str) -> float:
        return (width(text) + 0.5 * len(text) + 3 * text.count(" ")) * 0.8

    left = 50 + run("Dear ")
    box = (left, 300 - 186 - 12, left + run("Zebulon Quark") - 0.4, 300 - 186 + 1)
    return Drawn(
        saved(new(content)), {1: [rectangle(box)]}, ("first line", "last line", BEFORE, AFTER)
    )


@case
def turned_by_33_degrees() -> Drawn:
    c, s = math.cos(math.radians(33)), math.sin(math.radians(33))
    content = f"BT /F1 12 Tf {c} {s} {-s} {c} 50 60 Tm ({LINE}) Tj ET".encode()
    left, right = width(BEFORE + " "), width(BEFORE + " " + SECRET)
    corners = []
    for x, y in ((left, 9.5), (right, 9.5), (right, -3), (left, -3)):
        corners.append((50 + c * x - s * y, 300 - (60 + s * x + c * y)))
    return Drawn(saved(new(content)), {1: [corners]})


def _turned_page(turn: int, unit: float = 1.0) -> Drawn:
    pdf = new(line(120, 180), (10, 20, 410, 320))
    page = pdf.pages[0].obj
    page["/CropBox"] = pikepdf.Array([60, 70, 360, 300])
    page["/Rotate"] = turn
    page["/UserUnit"] = unit
    left = 120 + width(BEFORE + " ")
    corners = []
    for x, y in ((left, 189.5), (left + width(SECRET), 189.5)):
        corners.append((x - 60, 300 - y))
    for x, y in ((left + width(SECRET), 177), (left, 177)):
        corners.append((x - 60, 300 - y))
    w, h = 300, 230
    turned = {
        0: lambda x, y: (x, y),
        90: lambda x, y: (h - y, x),
        180: lambda x, y: (w - x, h - y),
        270: lambda x, y: (y, w - x),
    }[turn]
    polygon = [tuple(unit * v for v in turned(x, y)) for x, y in corners]
    return Drawn(saved(pdf), {1: [polygon]})  # type: ignore[list-item]


@case
def page_turned_by_90() -> Drawn:
    return _turned_page(90)


@case
def page_turned_by_180() -> Drawn:
    return _turned_page(180)


@case
def page_turned_by_270_in_large_units() -> Drawn:
    return _turned_page(270, 2.0)


@case
def page_cropped() -> Drawn:
    return _turned_page(0)


@case
def invisible() -> Drawn:
    return Drawn(saved(new(b"3 Tr " + line())), at())


@case
def clip_path_of_text() -> Drawn:
    content = (
        b"q BT /F1 12 Tf 7 Tr 50 200 Td (" + LINE.encode() + b") Tj ET 1 0 0 rg 0 0 400 300 re f Q"
    )
    return Drawn(saved(new(content)), at())


@case
def white_on_white() -> Drawn:
    return Drawn(saved(new(b"1 g " + line())), at())


@case
def below_a_rectangle() -> Drawn:
    x0, y0, x1, y1 = secret_box(50, 200)
    cover = f"0 g {x0} {300 - y1} {x1 - x0} {y1 - y0} re f".encode()
    return Drawn(saved(new(line() + cover)), at(), exact=False)


@case
def one_point_high() -> Drawn:
    content = b"BT /F1 1 Tf 50 200 Td (" + LINE.encode() + b") Tj ET"
    return Drawn(saved(new(content)), {1: [rectangle(secret_box(50, 200, 1.0))]})


@case
def standard_font_without_widths_or_encoding() -> Drawn:
    pdf = new(line(text=LINE))
    fonts = pdf.pages[0].obj["/Resources"]["/Font"]
    fonts["/F1"] = pikepdf.Dictionary(
        Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica
    )
    return Drawn(saved(pdf), at())


@case
def font_set_by_graphics_state() -> Drawn:
    pdf = new()
    font = pdf.pages[0].obj["/Resources"]["/Font"]["/F1"]
    state = pikepdf.Dictionary(Font=pikepdf.Array([font, 12]))
    pdf.pages[0].obj["/Resources"]["/ExtGState"] = pikepdf.Dictionary(G=state)
    pdf.pages[0].obj["/Contents"] = pdf.make_stream(
        b"/G gs BT 50 200 Td (" + LINE.encode() + b") Tj ET"
    )
    return Drawn(saved(pdf), at())


@case
def content_in_pieces() -> Drawn:
    pdf = new()
    cut = line().index(b"(")
    pieces = [b"q\n" + line()[:cut], line()[cut:] + b"Q"]
    pdf.pages[0].obj["/Contents"] = pikepdf.Array([pdf.make_stream(p) for p in pieces])
    return Drawn(saved(pdf), at())


@case
def everything_inherited() -> Drawn:
    pdf = new(line())
    page, tree = pdf.pages[0].obj, pdf.Root["/Pages"]
    for key in ("/Resources", "/MediaBox"):
        tree[key] = page[key]
        del page[key]
    tree["/Rotate"] = 180
    polygon = [(400 - x, 300 - y) for x, y in at()[1][0]]
    return Drawn(saved(pdf), {1: [polygon]})


@case
def embedded_truetype() -> Drawn:
    document = pymupdf.open()
    page = document.new_page(width=400, height=300)
    page.insert_font("F0", fontbuffer=pymupdf.Font("tiro").buffer)
    page.insert_text((50, 100), LINE, fontname="F0", fontsize=12)
    box = page.search_for(SECRET)[0]
    return Drawn(document.tobytes(), {1: [rectangle(tuple(box))]})


@case
def predefined_chinese_cmap() -> Drawn:
    pdf = new()
    cid = pikepdf.Dictionary(
        Type=pikepdf.Name.Font,
        Subtype=pikepdf.Name.CIDFontType0,
        BaseFont=pikepdf.Name("/STSong-Light"),
        CIDSystemInfo=pikepdf.Dictionary(Registry="Adobe", Ordering="GB1", Supplement=2),
        DW=1000,
        W=pikepdf.Array([1, 95, 500, 814, 939, 500]),
        FontDescriptor=pdf.make_indirect(descriptor("STSong-Light")),
    )
    font = pikepdf.Dictionary(
        Type=pikepdf.Name.Font,
        Subtype=pikepdf.Name.Type0,
        BaseFont=pikepdf.Name("/STSong-Light"),
        Encoding=pikepdf.Name("/GBK-EUC-H"),
        DescendantFonts=pikepdf.Array([pdf.make_indirect(cid)]),
    )
    pdf.pages[0].obj["/Resources"]["/Font"]["/F2"] = pdf.make_indirect(font)
    text = "尊敬的王小明先生您好".encode("gbk")
    pdf.pages[0].obj["/Contents"] = pdf.make_stream(
        b"BT /F2 12 Tf 50 200 Td <" + text.hex().encode() + b"> Tj ET"
    )
    return Drawn(
        saved(pdf),
        {1: [rectangle((50 + 36, 90, 50 + 72, 103))]},
        ("尊敬的", "先生您好"),
        notes={"secret": "王小明"},
    )


@case
def vertical() -> Drawn:
    pdf = new()
    cid = pikepdf.Dictionary(
        Type=pikepdf.Name.Font,
        Subtype=pikepdf.Name.CIDFontType0,
        BaseFont=pikepdf.Name("/HeiseiMin-W3"),
        CIDSystemInfo=pikepdf.Dictionary(Registry="Adobe", Ordering="Japan1", Supplement=2),
        FontDescriptor=pdf.make_indirect(descriptor("HeiseiMin-W3")),
    )
    font = pikepdf.Dictionary(
        Type=pikepdf.Name.Font,
        Subtype=pikepdf.Name.Type0,
        BaseFont=pikepdf.Name("/HeiseiMin-W3"),
        Encoding=pikepdf.Name("/UniJIS-UCS2-V"),
        DescendantFonts=pikepdf.Array([pdf.make_indirect(cid)]),
    )
    pdf.pages[0].obj["/Resources"]["/Font"]["/F2"] = pdf.make_indirect(font)
    text = "拝啓山田太郎様敬具".encode("utf-16-be")
    pdf.pages[0].obj["/Contents"] = pdf.make_stream(
        b"BT /F2 12 Tf 100 280 Td <" + text.hex().encode() + b"> Tj ET"
    )
    return Drawn(
        saved(pdf),
        {1: [rectangle((93, 20 + 24, 107, 20 + 72))]},
        ("拝啓", "様敬具"),
        notes={"secret": "山田太郎"},
    )


@case
def type3_font() -> Drawn:
    pdf = new()
    letters = sorted(set(LINE) - {" "})
    procs, widths = {}, {}
    for char in letters:
        # A box with as many notches as the letter has bits: enough to be told apart.
        code = ord(char)
        notches = " ".join(
            f"{100 + 90 * b} 0 60 {200 + 60 * b} re" for b in range(7) if code >> b & 1
        )
        procs["/" + char] = pdf.make_stream(f"800 0 0 0 800 700 d1 {notches} f".encode())
        widths[code] = 800
    first, last = min(widths), max(widths)
    font = pikepdf.Dictionary(
        Type=pikepdf.Name.Font,
        Subtype=pikepdf.Name.Type3,
        FontBBox=pikepdf.Array([0, 0, 0, 0]),
        FontMatrix=pikepdf.Array([0.001, 0, 0, 0.001, 0, 0]),
        FirstChar=first,
        LastChar=last,
        Widths=pikepdf.Array([widths.get(c, 0) for c in range(first, last + 1)]),
        CharProcs=pikepdf.Dictionary(procs),
        Encoding=pikepdf.Dictionary(
            Differences=pikepdf.Array(
                [v for c in sorted(widths) for v in (c, pikepdf.Name("/" + chr(c)))]
            )
        ),
        Resources=pikepdf.Dictionary(),
    )
    pdf.pages[0].obj["/Resources"]["/Font"]["/F3"] = pdf.make_indirect(font)
    packed = LINE.replace(" ", "")
    pdf.pages[0].obj["/Contents"] = pdf.make_stream(
        b"BT /F3 12 Tf 20 200 Td (" + packed.encode() + b") Tj ET"
    )
    step = 9.6
    left = 20 + step * len(BEFORE)
    right = left + step * (len(SECRET) - 1)
    return Drawn(
        saved(pdf),
        {1: [rectangle((left, 90, right, 102))]},
        notes={"secret": SECRET.replace(" ", ""), "glyphs": ("/Z", "/b", "/l", "/k")},
    )


@case
def nested_forms_shared_by_pages() -> Drawn:
    pdf = new()
    pdf.add_blank_page(page_size=(400, 300))
    font = pdf.pages[0].obj["/Resources"]["/Font"]
    inner = pdf.make_stream(line(10, 20))
    for key, value in {
        "/Type": pikepdf.Name.XObject,
        "/Subtype": pikepdf.Name.Form,
        "/BBox": pikepdf.Array([0, 0, 300, 60]),
        "/Matrix": pikepdf.Array([1, 0, 0, 1, 20, 100]),
        "/Resources": pikepdf.Dictionary(Font=font),
    }.items():
        inner[key] = value
    outer = pdf.make_stream(b"q 1 0 0 1 15 30 cm /Inner Do Q")
    for key, value in {
        "/Type": pikepdf.Name.XObject,
        "/Subtype": pikepdf.Name.Form,
        "/BBox": pikepdf.Array([0, 0, 400, 300]),
        "/Matrix": pikepdf.Array([1, 0, 0, 1, 5, 50]),
        "/Resources": pikepdf.Dictionary(XObject=pikepdf.Dictionary(Inner=inner)),
    }.items():
        outer[key] = value
    shared = pdf.make_indirect(
        pikepdf.Dictionary(Font=font, XObject=pikepdf.Dictionary(Outer=outer))
    )
    for index in (0, 1):
        page = pdf.pages[index].obj
        page["/Resources"] = shared
        page["/Contents"] = pdf.make_stream(
            b"/Outer Do" if index == 0 else b"/Outer Do " + line(50, 50, "second page")
        )
    box = rectangle(secret_box(50, 200))
    return Drawn(saved(pdf), {1: [box], 2: [box]}, (BEFORE, AFTER, "second page"))


@case
def form_on_a_page_that_only_shares_resources() -> Drawn:
    pdf = new()
    pdf.add_blank_page(page_size=(400, 300))
    font = pdf.pages[0].obj["/Resources"]["/Font"]
    form = pdf.make_stream(line(50, 200))
    for key, value in {
        "/Type": pikepdf.Name.XObject,
        "/Subtype": pikepdf.Name.Form,
        "/BBox": pikepdf.Array([0, 0, 400, 300]),
    }.items():
        form[key] = value
    shared = pdf.make_indirect(pikepdf.Dictionary(Font=font, XObject=pikepdf.Dictionary(X=form)))
    for index, content in enumerate((b"/X Do", line(50, 50, "second page"))):
        pdf.pages[index].obj["/Resources"] = shared
        pdf.pages[index].obj["/Contents"] = pdf.make_stream(content)
    return Drawn(saved(pdf), at(), (BEFORE, AFTER, "second page"))


@case
def tiling_pattern() -> Drawn:
    pdf = new()
    font = pdf.pages[0].obj["/Resources"]["/Font"]
    pattern = pdf.make_stream(line(50, 200))
    for key, value in {
        "/Type": pikepdf.Name.Pattern,
        "/PatternType": 1,
        "/PaintType": 1,
        "/TilingType": 1,
        "/BBox": pikepdf.Array([0, 0, 400, 300]),
        "/XStep": 400,
        "/YStep": 300,
        "/Resources": pikepdf.Dictionary(Font=font),
    }.items():
        pattern[key] = value
    pdf.pages[0].obj["/Resources"]["/Pattern"] = pikepdf.Dictionary(P1=pattern)
    pdf.pages[0].obj["/Contents"] = pdf.make_stream(
        b"/Pattern cs /P1 scn 0 0 400 300 re f 0 g " + line(50, 50, "plain")
    )
    return Drawn(saved(pdf), at(), ("plain",))


@case
def soft_mask() -> Drawn:
    pdf = new()
    font = pdf.pages[0].obj["/Resources"]["/Font"]
    group = pdf.make_stream(b"1 g " + line(50, 200))
    for key, value in {
        "/Type": pikepdf.Name.XObject,
        "/Subtype": pikepdf.Name.Form,
        "/BBox": pikepdf.Array([0, 0, 400, 300]),
        "/Group": pikepdf.Dictionary(
            S=pikepdf.Name.Transparency, CS=pikepdf.Name.DeviceGray, I=True
        ),
        "/Resources": pikepdf.Dictionary(Font=font),
    }.items():
        group[key] = value
    state = pikepdf.Dictionary(
        SMask=pikepdf.Dictionary(Type=pikepdf.Name.Mask, S=pikepdf.Name.Luminosity, G=group)
    )
    pdf.pages[0].obj["/Resources"]["/ExtGState"] = pikepdf.Dictionary(M=pdf.make_indirect(state))
    pdf.pages[0].obj["/Contents"] = pdf.make_stream(
        line(50, 50, "plain") + b"q /M gs 0 0 1 rg 0 0 400 300 re f Q"
    )
    return Drawn(saved(pdf), at(), ("plain",))


@case
def layer_that_is_off() -> Drawn:
    pdf = new()
    layer = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.OCG, Name="notes"))
    pdf.Root["/OCProperties"] = pikepdf.Dictionary(
        OCGs=pikepdf.Array([layer]), D=pikepdf.Dictionary(OFF=pikepdf.Array([layer]))
    )
    pdf.pages[0].obj["/Resources"]["/Properties"] = pikepdf.Dictionary(L1=layer)
    pdf.pages[0].obj["/Contents"] = pdf.make_stream(
        b"/OC /L1 BDC " + line() + b" EMC " + line(50, 50, "plain")
    )
    return Drawn(saved(pdf), at(), ("plain",))


@case
def alternative_texts() -> Drawn:
    pdf = new()
    page = pdf.pages[0].obj
    page["/StructParents"] = 0
    tree = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.StructTreeRoot))
    paragraph = pdf.make_indirect(
        pikepdf.Dictionary(
            Type=pikepdf.Name.StructElem,
            S=pikepdf.Name.P,
            P=tree,
            ActualText=f"about {SECRET}",
            Alt="Zebu-\nlon Quark",
        )
    )
    span = pdf.make_indirect(
        pikepdf.Dictionary(
            Type=pikepdf.Name.StructElem, S=pikepdf.Name.Span, P=paragraph, Pg=page, K=0, E="Z. Q."
        )
    )
    paragraph["/K"] = pikepdf.Array([span])
    tree["/K"] = paragraph
    pdf.Root["/StructTreeRoot"] = tree
    page["/Contents"] = pdf.make_stream(
        b"/Span <</MCID 0 /ActualText (\xfe\xff"
        + SECRET.encode("utf-16-be")
        + b")>> BDC "
        + line()
        + b"EMC"
    )
    return Drawn(saved(pdf), at())


@case
def outlines_of_glyphs() -> Drawn:
    document = pymupdf.open(stream=saved(new(line())), filetype="pdf")
    svg = document[0].get_svg_image(text_as_path=True)
    drawn = pymupdf.open(stream=svg.encode(), filetype="svg")
    as_pdf = pymupdf.open(stream=drawn.convert_to_pdf(), filetype="pdf")
    as_pdf[0].insert_text((50, 250), "plain")
    scale = as_pdf[0].rect.width / 400
    polygon = [(scale * x, scale * y) for x, y in at()[1][0]]
    return Drawn(as_pdf.tobytes(), {1: [polygon]}, ("plain",))


@case
def free_text_annotation() -> Drawn:
    document = pymupdf.open(stream=saved(new(line(50, 50, "plain"))), filetype="pdf")
    page = document[0]
    page.add_freetext_annot((60, 85, 300, 110), f"for {SECRET} only", fontsize=11)
    return Drawn(document.tobytes(), {1: [rectangle((55, 84, 200, 112))]}, ("plain",), exact=False)


@case
def form_field() -> Drawn:
    document = pymupdf.open(stream=saved(new(line(50, 50, "plain"))), filetype="pdf")
    widget = pymupdf.Widget()
    widget.field_type = pymupdf.PDF_WIDGET_TYPE_TEXT
    widget.field_name, widget.field_value = "person", SECRET
    widget.rect = pymupdf.Rect(50, 85, 250, 105)
    document[0].add_widget(widget)
    return Drawn(document.tobytes(), {1: [rectangle((50, 85, 140, 105))]}, ("plain",), exact=False)


@case
def highlight_with_contents() -> Drawn:
    document = pymupdf.open(stream=saved(new(line())), filetype="pdf")
    page = document[0]
    annotation = page.add_highlight_annot(pymupdf.Rect(*secret_box(50, 200)))
    annotation.set_info(content=SECRET, title="A. Reviewer")
    annotation.update()
    return Drawn(document.tobytes(), at(), exact=False)


@case
def link_to_the_person() -> Drawn:
    document = pymupdf.open(stream=saved(new(line())), filetype="pdf")
    document[0].insert_link(
        {
            "kind": pymupdf.LINK_URI,
            "from": pymupdf.Rect(*secret_box(50, 200)),
            "uri": "https://example.org/?q=zebulon%20quark",
        }
    )
    return Drawn(document.tobytes(), at())


@case
def earlier_revision() -> Drawn:
    path = io.BytesIO()
    document = pymupdf.open(stream=saved(new(line(50, 100, f"old {SECRET}"))), filetype="pdf")
    document.save(path)
    pdf = pikepdf.open(io.BytesIO(path.getvalue()))
    pdf.close()
    # An incremental update by hand: the page's content object again, then a second cross-reference.
    data = path.getvalue()
    probe = pikepdf.open(io.BytesIO(data))
    number = probe.pages[0].obj["/Contents"].objgen[0]
    root = probe.Root.objgen[0]
    size = int(probe.trailer["/Size"])
    start = int(data[data.rindex(b"startxref") + 9 :].split()[0])
    body = line()
    offset = len(data) + 1
    update = (
        b"\n%d 0 obj\n<</Length %d>>\nstream\n" % (number, len(body))
        + body
        + b"endstream\nendobj\n"
    )
    table = b"xref\n%d 1\n%010d 00000 n \n" % (number, offset)
    trailer = b"trailer\n<</Size %d /Root %d 0 R /Prev %d>>\nstartxref\n%d\n%%%%EOF\n" % (
        size,
        root,
        start,
        len(data) + len(update),
    )
    return Drawn(data + update + table + trailer, at())


@case
def encrypted() -> Drawn:
    data = saved(new(line()), encryption=pikepdf.Encryption(owner="o", user="pw", R=6))
    return Drawn(data, at(), password="pw")
