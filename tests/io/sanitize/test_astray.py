"""Streams where a key asks for something else go; those that belong where they are stay."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name

from docharmony.io.needles import Needles
from docharmony.io.sanitize import Job, astray

CONTENT = b"BT /F1 10 Tf 80 60 Td <0037004c> Tj ET"
PATHS = b"q 10 10 m 20 20 l 30 10 l f Q"
INLINE = b"q BI /W 1 /H 1 /BPC 8 /CS /G ID x EI Q"
MAP = b"/CIDInit /ProcSet findresource begin begincmap 1 beginbfchar <01> <0041> endbfchar endcmap"


def document() -> pikepdf.Pdf:
    """Return two pages with a picture, a form, a font with a map and a program, a bookmark, a field."""
    pdf = pikepdf.new()
    for _ in range(2):
        pdf.add_blank_page()
    page = pdf.pages[0].obj
    picture = pdf.make_stream(b"\x80" * 4, Type=Name.XObject, Subtype=Name.Image)
    picture["/Width"] = picture["/Height"] = 2
    picture["/ColorSpace"] = Array([Name.Indexed, Name.DeviceGray, 1, pdf.make_stream(b"\0\xff")])
    picture["/SMask"] = pdf.make_stream(b"\xff" * 4, Subtype=Name.Image, Width=2, Height=2)
    form = pdf.make_stream(CONTENT, Subtype=Name.Form, BBox=[0, 0, 9, 9])
    descriptor = Dictionary(FontFile2=pdf.make_stream(b"\0\1\0\0" + bytes(range(256))))
    font = pdf.make_indirect(
        Dictionary(Type=Name.Font, Subtype=Name.TrueType, FontDescriptor=descriptor)
    )
    font["/ToUnicode"] = pdf.make_stream(MAP)
    group = Dictionary(S=Name.Luminosity, G=form)
    page["/Resources"] = pdf.make_indirect(
        Dictionary(
            XObject=Dictionary(P=picture, X=form),
            Font=Dictionary(F1=font),
            ExtGState=Dictionary(G=Dictionary(SMask=group)),
            Pattern=Dictionary(T=pdf.make_stream(PATHS, PatternType=1)),
        )
    )
    page["/Contents"] = Array([pdf.make_stream(b"q"), pdf.make_stream(CONTENT + b" Q")])
    look = Dictionary(N=Dictionary(On=form, Off=pdf.make_stream(b"", Subtype=Name.Form)), D=form)
    widget = Dictionary(Subtype=Name.Widget, FT=Name.Btn, AP=look, MK=Dictionary(I=form))
    page["/Annots"] = Array([pdf.make_indirect(widget)])
    pdf.Root["/AcroForm"] = Dictionary(Fields=page["/Annots"])
    script = pdf.make_stream(b"// Do what has to be done\nBT(1)")
    pdf.Root["/OpenAction"] = Dictionary(S=Name.JavaScript, JS=script)
    pdf.Root["/Metadata"] = pdf.make_stream(b"<x/>", Type=Name.Metadata, Subtype=Name.XML)
    item = pdf.make_indirect(Dictionary(Title="One"))
    root = pdf.make_indirect(Dictionary(Type=Name.Outlines, First=item, Last=item, Count=1))
    item["/Parent"] = root
    pdf.Root["/Outlines"] = root
    return pdf


def cleaned(pdf: pikepdf.Pdf) -> tuple[pikepdf.Pdf, list[dict[str, str]]]:
    """Return the document as it is written after cleaning, and the notes of it."""
    job = Job(pdf, "minimal", Needles(["secret"], []))
    job.carrier = "astray"
    astray.clean(job)
    return written(pdf), job.actions


def written(pdf: pikepdf.Pdf) -> pikepdf.Pdf:
    out = io.BytesIO()
    pdf.save(out, object_stream_mode=pikepdf.ObjectStreamMode.disable, fix_metadata_version=False)
    return pikepdf.open(out)


def count(pdf: pikepdf.Pdf) -> int:
    return sum(isinstance(item, pikepdf.Stream) for item in pdf.objects)


def test_what_belongs_where_it_is_stays() -> None:
    pdf = document()
    before = count(written(pdf))
    after, notes = cleaned(pdf)
    assert notes == []
    assert count(after) == before


def _parent(pdf: pikepdf.Pdf, stray: Any) -> None:
    pdf.Root["/Outlines"]["/First"]["/Parent"] = stray


def _destination(pdf: pikepdf.Pdf, stray: Any) -> None:
    pdf.Root["/Outlines"]["/First"]["/Dest"] = Array([stray, Name.Fit])


def _glyphs(pdf: pikepdf.Pdf, stray: Any) -> None:
    pdf.pages[0].obj["/Resources"]["/Font"]["/F1"]["/CIDToGIDMap"] = stray


def _map(pdf: pikepdf.Pdf, stray: Any) -> None:
    pdf.pages[0].obj["/Resources"]["/Font"]["/F1"]["/ToUnicode"] = stray


def _program(pdf: pikepdf.Pdf, stray: Any) -> None:
    pdf.pages[0].obj["/Resources"]["/Font"]["/F1"]["/FontDescriptor"]["/FontFile"] = stray


def _palette(pdf: pikepdf.Pdf, stray: Any) -> None:
    pdf.pages[0].obj["/Resources"]["/XObject"]["/P"]["/ColorSpace"][3] = stray


def _metadata(pdf: pikepdf.Pdf, stray: Any) -> None:
    pdf.Root["/Metadata"] = stray


def _lost_page(pdf: pikepdf.Pdf, stray: Any) -> None:
    """A bookmark leads to a page that the document does not have, with all that it showed."""
    resources = Dictionary(XObject=Dictionary(S=stray))
    note = Dictionary(Subtype=Name.Stamp, AP=Dictionary(N=stray))
    lost = Dictionary(Type=Name.Page, Contents=stray, Resources=resources, Annots=Array([note]))
    pdf.Root["/Outlines"]["/First"]["/Dest"] = Array([pdf.make_indirect(lost), Name.Fit])


def _old_resources(pdf: pikepdf.Pdf, stray: Any) -> None:
    old = Dictionary(XObject=Dictionary(S=stray), Pattern=Dictionary(S=stray))
    pdf.Root["/Outlines"]["/First"]["/Prev"] = pdf.make_indirect(old)


PLACES = (
    _parent, _destination, _glyphs, _map, _program, _palette, _metadata, _lost_page, _old_resources,
)  # fmt: skip
STRAYS: dict[str, tuple[bytes, dict[str, Any]]] = {
    "content": (CONTENT, {}),
    "paths": (PATHS, {}),
    "inline image": (INLINE, {}),
    "picture": (b"\x7f" * 4, {"Subtype": Name.Image, "Width": 2, "Height": 2}),
    "form": (CONTENT, {"Subtype": Name.Form, "BBox": [0, 0, 9, 9]}),
}


@pytest.mark.parametrize("stray", STRAYS)
@pytest.mark.parametrize("put", PLACES)
def test_what_does_not_goes(put: Callable[[pikepdf.Pdf, Any], None], stray: str) -> None:
    pdf = document()
    data, entries = STRAYS[stray]
    data += b" % stray"
    put(pdf, pdf.make_stream(data, **entries))
    after, notes = cleaned(pdf)
    assert notes == [{"where": "objects out of place", "action": "removed"}]
    left = [s for s in after.objects if isinstance(s, pikepdf.Stream) and data == s.read_bytes()]
    assert left == []
    assert after.pages[0].obj["/Contents"][1].read_bytes() == CONTENT + b" Q"
    assert len(after.pages[0].obj["/Resources"]["/XObject"]) == 2


def test_what_a_page_shows_stays_though_a_wrong_way_leads_there_too() -> None:
    pdf = document()
    pdf.Root["/Outlines"]["/First"]["/Prev"] = pdf.pages[0].obj["/Resources"]
    before = count(written(pdf))
    after, notes = cleaned(pdf)
    assert notes == []
    assert count(after) == before


@pytest.mark.parametrize("how", ["unknown", "flate", "fax"])
def test_what_cannot_be_decoded_goes_from_where_it_breaks(how: str) -> None:
    pdf = document()
    page = pdf.pages[0].obj
    shown = b"".join(b"BT /F1 10 Tf (%d) Tj ET " % number for number in range(1000))
    packed = zlib.compress(shown)
    if how == "flate":
        packed = packed[:1000] + b"\xff" * 40 + packed[1040:]
    filters = {"unknown": Name("/Catalog"), "flate": Name.FlateDecode, "fax": Name.CCITTFaxDecode}
    page["/Contents"] = stream = pdf.make_stream(b"")
    stream.write(packed, filter=filters[how])
    picture = page["/Resources"]["/XObject"]["/P"]
    picture.write(b"\xff\xd8picture", filter=Name.DCTDecode)
    done, actions = cleaned(pdf)
    left = done.pages[0].obj["/Contents"].read_bytes()
    if how == "flate":
        assert left.startswith(shown[:1000])
        assert len(left) < len(shown)
    else:
        assert left == b""
    assert any(item["where"] == "streams that cannot be decoded" for item in actions)
    assert done.pages[0].obj["/Resources"]["/XObject"]["/P"].read_raw_bytes() == b"\xff\xd8picture"
