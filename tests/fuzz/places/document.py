"""What a document says besides its pages: information, names, fields, links, files."""

from __future__ import annotations

import io
import zipfile
from typing import Any
from urllib.parse import quote

import pikepdf
from pikepdf import Array, Dictionary, Name
from PIL import Image

from ..book import Book, helvetica
from .containers import stamp
from .registry import place


@place
def document_information(b: Book) -> None:
    key = b.rng.choice(("/Title", "/Author", "/Keywords", "/Client"))
    b.pdf.docinfo[key] = f"Letter of {b.secret} in May"


@place
def key_of_document_information(b: Book) -> None:
    b.pdf.docinfo["/" + b.secret] = "yes"


def _xmp(b: Book) -> Any:
    inner = f"<dc:title>of {b.secret}</dc:title>"
    if b.rng.random() < 0.3:
        inner = "<dc:title>" + "".join(f"&#{ord(c)};" for c in b.secret) + "</dc:title>"
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><rdf:Description rdf:about="">'
        f"{inner}</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    codec = b.rng.choice(("utf-8", "utf-16"))
    return b.stream(packet.encode(codec), Type=Name.Metadata, Subtype=Name.XML)


@place
def xmp_of_the_document(b: Book) -> None:
    b.pdf.Root["/Metadata"] = _xmp(b)


@place
def xmp_of_a_page(b: Book) -> None:
    b.page()["/Metadata"] = _xmp(b)


@place
def xmp_of_an_image(b: Book) -> None:
    n, y = b.row()
    image = b.image(Image.new("L", (9, 9), 99), Metadata=_xmp(b))
    b.add(n, f"q 9 0 0 9 80 {y} cm {b.resource('/XObject', image, n)} Do Q")


@place
def bookmark(b: Book) -> None:
    with b.pdf.open_outline() as outline:
        outline.root.append(pikepdf.OutlineItem(f"About {b.secret}", 0))
        outline.root.append(pikepdf.OutlineItem("About nobody", 0))


@place
def named_destination(b: Book) -> None:
    tree = Dictionary(Names=Array([b.secret, Array([b.page(), Name.Fit])]))
    b.names()["/Dests"] = b.pdf.make_indirect(tree)


@place
def old_named_destination(b: Book) -> None:
    b.pdf.Root["/Dests"] = Dictionary({"/" + b.secret: Array([b.page(), Name.Fit])})


@place
def page_label(b: Book) -> None:
    b.pdf.Root["/PageLabels"] = Dictionary(Nums=Array([0, Dictionary(S=Name.D, P=b.secret + "-")]))


@place
def highlight_contents(b: Book) -> None:
    n, y = b.row()
    key = b.rng.choice(("/Contents", "/T", "/Subj", "/NM", "/RC"))
    text = f"<body><p>{b.secret}</p></body>" if key == "/RC" else f"says {b.secret}"
    stamp(b, n, y, **{key[1:]: text})


@place
def rich_text_in_pieces(b: Book) -> None:
    n, y = b.row()
    half = f"<body><b>{b.secret[:4]}</b><i>{b.secret[4:]}</i></body>"
    stamp(b, n, y, RC=half)


@place
def reply_and_popup(b: Book) -> None:
    n, y = b.row()
    first = stamp(b, n, y)
    rect = Array([0, 0, 1, 1])
    b.annotate(
        Dictionary(
            Type=Name.Annot, Subtype=Name.Text, Rect=rect, IRT=first, Contents=f"no, {b.secret}"
        ),
        n,
    )
    first["/Popup"] = b.annotate(
        Dictionary(Type=Name.Annot, Subtype=Name.Popup, Rect=rect, Parent=first, Contents=b.secret),
        n,
    )


@place
def redact_annotation(b: Book) -> None:
    n, y = b.row()
    b.annotate(
        Dictionary(
            Type=Name.Annot,
            Subtype=Name.Redact,
            Rect=Array([80, y - 5, 200, y + 13]),
            OverlayText=b.secret,
        ),
        n,
    )


def field(b: Book, kind: Any, **more: Any) -> Any:
    n, y = b.row()
    look = b.form(b"0.9 g 0 0 100 16 re f", (0, 0, 100, 16))
    field = b.annotate(
        Dictionary(
            Type=Name.Annot,
            Subtype=Name.Widget,
            FT=kind,
            T=f"field{y:.0f}",
            Rect=Array([80, y - 5, 180, y + 11]),
            DA="/Helv 10 Tf 0 g",
            P=b.page(n),
            AP=Dictionary(N=look),
        ),
        n,
    )
    for key, value in more.items():
        field["/" + key] = value
    if "/AcroForm" not in b.pdf.Root:
        b.pdf.Root["/AcroForm"] = Dictionary(
            Fields=Array([]),
            DR=Dictionary(Font=Dictionary(Helv=b.pdf.make_indirect(helvetica()))),
            DA="/Helv 10 Tf 0 g",
        )
    b.pdf.Root["/AcroForm"]["/Fields"].append(field)
    return field


@place
def form_field_value(b: Book) -> None:
    made = field(b, Name.Tx, V=b.secret)
    made["/AP"]["/N"] = b.form(b.line(2, 4), (0, 0, 100, 16))


@place
def widget_default(b: Book) -> None:
    field(b, Name.Tx, **{b.rng.choice(("DV", "TU", "TM", "RV")): f"of {b.secret}"})


@place
def field_name(b: Book) -> None:
    field(b, Name.Tx)["/T"] = f"name_{b.secret}"


@place
def choice_field_options(b: Book) -> None:
    field(b, Name.Ch, Opt=Array(["Nobody", b.secret, Array(["x", b.secret])]))


@place
def export_value_of_a_checkbox(b: Book) -> None:
    made = field(b, Name.Btn)
    on = b.form(b"", (0, 0, 16, 16))
    made["/AP"] = Dictionary(N=Dictionary({"/" + b.secret: on, "/Off": b.form(b"")}))
    made["/V"] = made["/AS"] = Name.Off


@place
def caption_of_a_button(b: Book) -> None:
    field(b, Name.Btn, Ff=65536, MK=Dictionary(CA=b.secret, RC="over", AC="down"))


@place
def xfa(b: Book) -> None:
    field(b, Name.Tx)
    packet = b.stream(f"<xdp><name>{b.secret}</name></xdp>".encode())
    b.pdf.Root["/AcroForm"]["/XFA"] = Array(["datasets", packet])


def link(b: Book, target: str) -> None:
    n, y = b.row()
    b.annotate(
        Dictionary(
            Type=Name.Annot,
            Subtype=Name.Link,
            Rect=Array([80, y - 5, 180, y + 11]),
            A=Dictionary(S=Name.URI, URI=target),
        ),
        n,
    )


@place
def link_uri(b: Book) -> None:
    link(b, f"https://example.org/people/{b.secret}?x=1")


@place
def link_uri_percent(b: Book) -> None:
    link(b, "mailto:" + "".join(f"%{ord(c):02X}" for c in b.secret) + "@example.org")


@place
def base_uri(b: Book) -> None:
    b.pdf.Root["/URI"] = Dictionary(Base=f"https://{quote(b.secret)}.example.org/")


@place
def goto_remote_file(b: Book) -> None:
    n, y = b.row()
    b.annotate(
        Dictionary(
            Type=Name.Annot,
            Subtype=Name.Link,
            Rect=Array([80, y - 5, 180, y + 11]),
            A=Dictionary(
                S=Name.GoToR, F=Dictionary(F=f"{b.secret}.pdf", UF=f"{b.secret}.pdf"), D=0
            ),
        ),
        n,
    )


@place
def attachment(b: Book) -> None:
    name, body = b.rng.choice(
        (
            ("a.txt", f"about {b.secret}".encode()),
            (f"{b.secret}.txt", b"nothing"),
            ("b.txt", f"about {b.secret}".encode("utf-16")),
        )
    )
    b.pdf.attachments[name] = body


@place
def attachment_in_an_archive(b: Book) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", f"about {b.secret} " * 3)
    b.pdf.attachments["a.zip"] = buffer.getvalue()


@place
def attachment_in_an_attachment(b: Book) -> None:
    other = pikepdf.new()
    other.add_blank_page()
    other.docinfo["/Title"] = b.secret
    buffer = io.BytesIO()
    other.save(buffer, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    b.pdf.attachments["a.pdf"] = buffer.getvalue()


@place
def file_annotation(b: Book) -> None:
    n, y = b.row()
    file = b.stream(b.secret.encode(), Type=Name.EmbeddedFile)
    spec = Dictionary(Type=Name.Filespec, F=f"{b.secret}.txt", EF=Dictionary(F=file))
    b.annotate(
        Dictionary(
            Type=Name.Annot,
            Subtype=Name.FileAttachment,
            Rect=Array([80, y - 5, 90, y + 5]),
            FS=spec,
        ),
        n,
    )


@place
def associated_file(b: Book) -> None:
    file = b.stream(b.secret.encode(), Type=Name.EmbeddedFile)
    spec = b.pdf.make_indirect(Dictionary(Type=Name.Filespec, F="a.txt", EF=Dictionary(F=file)))
    b.rng.choice((b.pdf.Root, b.page()))["/AF"] = Array([spec])
