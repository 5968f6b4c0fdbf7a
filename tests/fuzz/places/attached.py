"""Scripts and actions, structure, names of things, and what nothing refers to."""

from __future__ import annotations

from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name
from PIL import Image

from ..book import Book, composite, helvetica
from .containers import layer
from .document import field, link
from .registry import place


def _script(b: Book) -> Any:
    escape = b.rng.choice((None, "\\u{:04x}", "\\x{:02x}"))
    name = "".join(escape.format(ord(c)) for c in b.secret) if escape else b.secret
    text = f"app.alert('Hello {name}');"
    code = b.stream(text.encode()) if b.rng.random() < 0.5 else text
    return Dictionary(S=Name.JavaScript, JS=code)


@place
def javascript_of_the_document(b: Book) -> None:
    b.names()["/JavaScript"] = Dictionary(Names=Array(["a", b.pdf.make_indirect(_script(b))]))


@place
def javascript_on_opening(b: Book) -> None:
    b.pdf.Root["/OpenAction"] = _script(b)


@place
def javascript_of_a_page(b: Book) -> None:
    b.page()["/AA"] = Dictionary(O=_script(b))


@place
def javascript_of_a_field(b: Book) -> None:
    field(b, Name.Tx, AA=Dictionary(K=_script(b)))


@place
def javascript_of_a_bookmark(b: Book) -> None:
    with b.pdf.open_outline() as outline:
        outline.root.append(pikepdf.OutlineItem("Go", 0))
    item = b.pdf.Root["/Outlines"]["/Last"]
    if "/Dest" in item:
        del item["/Dest"]
    item["/A"] = _script(b)


@place
def next_action(b: Book) -> None:
    b.pdf.Root["/OpenAction"] = Dictionary(
        S=Name.GoTo, D=Array([b.page(), Name.Fit]), Next=_script(b)
    )


@place
def launch_action(b: Book) -> None:
    b.pdf.Root["/OpenAction"] = Dictionary(S=Name.Launch, F=f"C:\\{b.secret}\\a.exe")


@place
def structure_tree(b: Book) -> None:
    n, x, y = b.spot()
    b.add(n, b"/P << /MCID 0 >> BDC " + b.line(x, y) + b" EMC")
    key = b.rng.choice(("/ActualText", "/Alt", "/E", "/T", "/ID", "/Lang"))
    element = Dictionary(Type=Name.StructElem, S=Name.P, Pg=b.page(n), K=0)
    element[key] = f"of {b.secret}"
    tree = b.pdf.make_indirect(Dictionary(Type=Name.StructTreeRoot))
    element["/P"] = tree
    tree["/K"] = Array([b.pdf.make_indirect(element)])
    b.pdf.Root["/StructTreeRoot"] = tree
    b.pdf.Root["/MarkInfo"] = Dictionary(Marked=True)


@place
def structure_role(b: Book) -> None:
    tree = Dictionary(Type=Name.StructTreeRoot, RoleMap=Dictionary({"/" + b.secret: Name.P}))
    b.pdf.Root["/StructTreeRoot"] = b.pdf.make_indirect(tree)


@place
def alternative_text_in_content(b: Book) -> None:
    n, x, y = b.spot()
    text = b.secret.encode("utf-16-be").hex()
    b.add(n, f"/Span << /ActualText <feff{text}> >> BDC ".encode() + b.line(x, y, "NN") + b" EMC")


@place
def alternative_text_in_properties(b: Book) -> None:
    n, x, y = b.spot()
    name = b.resource("/Properties", Dictionary(ActualText=f"of {b.secret}", MCID=7), n)
    b.add(n, f"/Span {name} BDC ".encode() + b.line(x, y, "NN") + b" EMC")


@place
def marked_point(b: Book) -> None:
    b.add(0, f"/Note << /Who ({b.secret}) >> DP")


@place
def tag_of_marked_content(b: Book) -> None:
    b.add(0, f"/{b.secret} BMC EMC")


@place
def article_thread(b: Book) -> None:
    bead = b.pdf.make_indirect(Dictionary(Type=Name.Bead, P=b.page(), R=Array([0, 0, 9, 9])))
    bead["/N"] = bead["/V"] = bead
    thread = Dictionary(Type=Name.Thread, F=bead, I=Dictionary(Title=b.secret))
    b.pdf.Root["/Threads"] = Array([b.pdf.make_indirect(thread)])


@place
def portfolio(b: Book) -> None:
    b.pdf.Root["/Collection"] = Dictionary(
        Type=Name.Collection,
        Schema=Dictionary({"/" + b.secret: Dictionary(Subtype=Name.S, N=b.secret)}),
    )


@place
def output_intent(b: Book) -> None:
    b.pdf.Root["/OutputIntents"] = Array(
        [Dictionary(Type=Name.OutputIntent, S=Name("/GTS_PDFX"), Info=f"press of {b.secret}")]
    )


@place
def colour_profile(b: Book) -> None:
    n, y = b.row()
    profile = b.stream(
        b"\0" * 128 + f"Copyright {b.secret}\0".encode(), N=3, Alternate=Name.DeviceRGB
    )
    name = b.resource("/ColorSpace", Array([Name.ICCBased, profile]), n)
    b.add(n, f"q {name} cs 0.5 0.5 0.5 sc 80 {y} 5 5 re f Q")


@place
def name_of_an_ink(b: Book) -> None:
    n, y = b.row()
    function = Dictionary(FunctionType=2, Domain=Array([0, 1]), C0=Array([1]), C1=Array([0]), N=1)
    space = Array([Name.Separation, Name("/" + b.secret), Name.DeviceGray, function])
    name = b.resource("/ColorSpace", space, n)
    b.add(n, f"q {name} cs 1 scn 80 {y} 5 5 re f Q")


@place
def signature_field(b: Book) -> None:
    key = b.rng.choice(("Name", "Reason", "Location", "ContactInfo"))
    value = Dictionary(Type=Name.Sig, Filter=Name("/Adobe.PPKLite"), Contents=b"\0" * 20)
    value["/" + key] = b.secret
    field(b, Name.Sig, V=b.pdf.make_indirect(value))
    b.pdf.Root["/AcroForm"]["/SigFlags"] = 3


@place
def application_data(b: Book) -> None:
    private = Dictionary(LastModified="D:2026", Private=Dictionary(Who=b.secret))
    b.page()["/PieceInfo"] = Dictionary(App=private)


@place
def private_key(b: Book) -> None:
    holder = b.rng.choice((b.pdf.Root, b.page(), b.pdf.trailer, b.page()["/Resources"]))
    holder["/ZZZ_Who"] = b.rng.choice((b.secret, Array([1, Dictionary(A=b.secret)])))


@place
def composite_text_in_a_private_form(b: Book) -> None:
    b.pdf.Root["/ZZZ_Form"] = b.coded_in(b.form(b""))


@place
def image_under_a_private_key(b: Book) -> None:
    b.page()["/ZZZ_Picture"] = b.image(b.picture())


@place
def private_stream(b: Book) -> None:
    b.pdf.Root["/ZZZ_Data"] = b.stream(f"who={b.secret}".encode())


@place
def private_name(b: Book) -> None:
    b.pdf.Root["/ZZZ_Who"] = Name("/" + b.secret)


@place
def name_of_a_resource(b: Book) -> None:
    n, y = b.row()
    form = b.form(b"0 0 5 5 re f")
    b.add(n, f"q 1 0 0 1 80 {y} cm {b.resource('/XObject', form, n, '/' + b.secret)} Do Q")


@place
def name_of_a_font(b: Book) -> None:
    n, y = b.row()
    font = helvetica()
    font["/Name"] = Name("/" + b.secret)
    b.add(n, f"BT {b.resource('/Font', b.pdf.make_indirect(font), n)} 5 Tf 80 {y} Td (x) Tj ET")


@place
def base_font_name(b: Book) -> None:
    n, y = b.row()
    font, codes = composite(b.pdf, "xyz")
    font["/BaseFont"] = Name(f"/ABCDEF+{b.secret}Sans")
    b.add(n, f"BT {b.resource('/Font', font, n)} 5 Tf 80 {y} Td <{codes.hex()}> Tj ET")


@place
def web_capture(b: Book) -> None:
    b.pdf.Root["/SpiderInfo"] = Dictionary(V=1.25, C=Array([Dictionary(URL=b.secret)]))
    b.names()["/URLS"] = Dictionary(Names=Array([f"http://{b.secret}.org", Array([])]))


@place
def entry_of_a_stream(b: Book) -> None:
    n, y = b.row()
    form = b.form(b"0 0 5 5 re f", Comment=f"of {b.secret}")
    b.add(n, f"q 1 0 0 1 80 {y} cm {b.resource('/XObject', form, n)} Do Q")


@place
def indirect_string(b: Book) -> None:
    b.pdf.docinfo["/Subject"] = b.pdf.make_indirect(pikepdf.String(f"of {b.secret}"))


@place
def template_page(b: Book) -> None:
    page = Dictionary(
        Type=Name.Template, MediaBox=Array([0, 0, 99, 99]), Contents=b.stream(b.line(5, 5))
    )
    b.names()["/Templates"] = Dictionary(Names=Array(["t", b.pdf.make_indirect(page)]))


@place
def earlier_revision(b: Book) -> None:
    b.revise = True


@place
def part_of_a_name_in_bookmark_in_utf16(b: Book) -> None:
    with b.pdf.open_outline() as outline:
        outline.root.append(pikepdf.OutlineItem(f"Über {b.secret} – „heute“", 0))


@place
def permissions(b: Book) -> None:
    b.pdf.Root["/Perms"] = Dictionary(DocMDP=Dictionary(Type=Name.Sig, Name=b.secret))


@place
def measure(b: Book) -> None:
    b.page()["/VP"] = Array(
        [Dictionary(Type=Name.Viewport, BBox=Array([0, 0, 9, 9]), Name=f"plan of {b.secret}")]
    )


@place
def object_that_nothing_refers_to(b: Book) -> None:
    b.orphan = True


@place
def bytes_before_the_header(b: Book) -> None:
    b.around_file = (f"mailed by {b.secret}\n".encode(), b.around_file[1])


@place
def bytes_after_the_end(b: Book) -> None:
    b.around_file = (b.around_file[0], f"\n% scanned by {b.secret}\n".encode())


@place
def sound_annotation(b: Book) -> None:
    sound = b.stream(f"says {b.secret}".encode(), Type=Name.Sound, R=8000)
    b.annotate(
        Dictionary(Type=Name.Annot, Subtype=Name.Sound, Rect=Array([270, 10, 290, 30]), Sound=sound)
    )


@place
def file_of_a_reference_form(b: Book) -> None:
    """A form that stands for a page of another file, which it names."""
    n, y = b.row()
    proxy = b.form(b"", (0, 0, 9, 9))
    proxy["/Ref"] = Dictionary(F=Dictionary(Type=Name.Filespec, F=f"{b.secret}.pdf"), Page=0)
    name = b.resource("/XObject", b.pdf.make_indirect(proxy), n)
    b.add(n, f"q 1 0 0 1 20 {y} cm {name} Do Q")


@place
def proxy_of_a_printer(b: Book) -> None:
    """Open Prepress Interface: where the picture in full resolution lies."""
    n, y = b.row()
    image = b.image(Image.new("L", (4, 4), 200))
    image["/OPI"] = Dictionary({"/2.0": Dictionary(Type=Name.OPI, F=f"/home/{b.secret}/a.tif")})
    name = b.resource("/XObject", b.pdf.make_indirect(image), n)
    b.add(n, f"q 9 0 0 9 20 {y} cm {name} Do Q")


@place
def usage_of_a_layer(b: Book) -> None:
    layer(b, "Plan", shown=True)
    group = b.pdf.Root["/OCProperties"]["/OCGs"][-1]
    group["/Usage"] = Dictionary(CreatorInfo=Dictionary(Creator=b.secret, Subtype=Name.Artwork))


@place
def web_link_of_an_image_map(b: Book) -> None:
    link(b, f"http://www.example.org/cgi?{b.secret.encode('utf-16-be').hex()}={b.secret[::-1]}")
    b.annotate(
        Dictionary(
            Type=Name.Annot,
            Subtype=Name.Link,
            Rect=Array([0, 0, 9, 9]),
            PA=Dictionary(S=Name.URI, URI=f"http://example.org/{b.secret}"),
        )
    )
