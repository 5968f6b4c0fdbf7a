"""Carriers: minimal cleans what holds a hit and keeps the rest, publish keeps what is seen."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pikepdf
import pymupdf
import pytest

from docharmony.errors import ConfigError
from docharmony.io.carriers import CHOICES, policies
from docharmony.io.needles import Needles
from docharmony.io.sanitize import CARRIERS, Job, Profile, sanitize
from docharmony.io.verify_bytes import object_hits
from tests.io.write.drawn import SECRET, helvetica, line, new, saved

PLAIN = "Nothing to hide"
KEPT = policies("minimal", dict.fromkeys(CHOICES, "keep"))


def laden(text: str) -> pikepdf.Pdf:
    """Return a PDF that says ``text`` in every place but on its page."""
    document = pymupdf.open(stream=saved(new(line(text="ordinary"))), filetype="pdf")
    page = document[0]
    document.set_metadata({"title": f"About {text}", "author": text, "keywords": "kept"})
    first, last = text.split()[0], text.split()[-1]
    split = f"<a>{first} <b>{last}</b></a>"
    document.set_xml_metadata(f"<x:xmpmeta xmlns:x='adobe:ns:meta/'>{split}</x:xmpmeta>")
    document.set_toc([[1, f"Chapter on {text}", 1], [1, "Another chapter", 1]])
    document.embfile_add("a.bin", b"\x00\x01" + text.encode())
    document.embfile_add("plain.txt", b"just words")
    page.insert_link(
        {
            "kind": pymupdf.LINK_URI,
            "from": pymupdf.Rect(10, 10, 50, 20),
            "uri": "https://example.org/" + text.replace(" ", "%20"),
        }
    )
    page.insert_link(
        {
            "kind": pymupdf.LINK_URI,
            "from": pymupdf.Rect(10, 30, 50, 40),
            "uri": "https://example.org/other",
        }
    )
    note = page.add_text_annot((300, 20), f"Ask {text}")
    note.set_info(title=text)
    note.update()
    widget = pymupdf.Widget()
    widget.field_type = pymupdf.PDF_WIDGET_TYPE_COMBOBOX
    widget.field_name, widget.choice_values = "person", ["Somebody", text]
    widget.field_value, widget.field_label = "Somebody", f"not {text}"
    widget.rect = pymupdf.Rect(50, 200, 200, 215)
    page.add_widget(widget)
    pdf = pikepdf.open(io.BytesIO(document.tobytes()))
    root, sheet = pdf.Root, pdf.pages[0].obj
    names = root["/Names"]
    script = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=f"app.alert('{text}')")
    names["/JavaScript"] = pikepdf.Dictionary(Names=pikepdf.Array(["s", script]))
    names["/Dests"] = pikepdf.Dictionary(
        Names=pikepdf.Array([f"to {text}", pikepdf.Array([sheet, pikepdf.Name.Fit])])
    )
    root["/OpenAction"] = pikepdf.Dictionary(S=pikepdf.Name.GoTo, D=f"to {text}")
    root["/PageLabels"] = pikepdf.Dictionary(
        Nums=pikepdf.Array([0, pikepdf.Dictionary(P=f"{text}-", S=pikepdf.Name.D)])
    )
    layer = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.OCG, Name=f"for {text}"))
    root["/OCProperties"] = pikepdf.Dictionary(
        OCGs=pikepdf.Array([layer]), D=pikepdf.Dictionary(Order=pikepdf.Array([layer]))
    )
    tree = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.StructTreeRoot))
    tree["/K"] = pdf.make_indirect(
        pikepdf.Dictionary(
            Type=pikepdf.Name.StructElem, S=pikepdf.Name.Figure, P=tree, Alt=f"photo of {text}"
        )
    )
    root["/StructTreeRoot"] = tree
    sheet["/PieceInfo"] = pikepdf.Dictionary(App=pikepdf.Dictionary(Private=text))
    sheet["/Thumb"] = pdf.make_stream(text.encode())
    thread = pikepdf.Dictionary(I=pikepdf.Dictionary(Title=text))
    root["/Threads"] = pikepdf.Array([pdf.make_indirect(thread)])
    root["/X_Private"] = pikepdf.Dictionary(Deep=pikepdf.Array([pikepdf.Dictionary(Note=text)]))
    root["/AcroForm"]["/XFA"] = pdf.make_stream(f"<xdp>{text}</xdp>".encode())
    return pdf


def cleaned(text: str, profile: Profile, tmp_path: Path) -> tuple[pikepdf.Pdf, Job]:
    pdf = laden(text)
    job = Job(pdf, profile, Needles([SECRET]))
    sanitize(job)
    path = tmp_path / "out.pdf"
    pdf.save(path, fix_metadata_version=False, preserve_pdfa=False)
    return pikepdf.open(path), job


def page_text(pdf: pikepdf.Pdf) -> str:
    return str(pymupdf.open(stream=saved(pdf))[0].get_text())


@pytest.mark.parametrize("profile", ["minimal", "publish"])
def test_no_carrier_keeps_a_hit(profile: Profile, tmp_path: Path) -> None:
    needles = Needles([SECRET])
    assert len(set(object_hits(laden(SECRET), needles))) > 8
    pdf, job = cleaned(SECRET, profile, tmp_path)
    assert list(object_hits(pdf, needles)) == []
    assert "ordinary" in page_text(pdf)
    said = str(job.actions)
    assert not any(word in said for word in SECRET.split())
    assert {action["action"] for action in job.actions} <= {"cleaned", "removed"}


@pytest.mark.parametrize("turn", [1, -1])
def test_of_terms_that_overlap_no_half_is_left(turn: int) -> None:
    first, last = SECRET.split()
    needles = Needles([SECRET, last])
    needles.folded = dict(list(needles.folded.items())[::turn])
    pdf = laden(SECRET)
    sanitize(Job(pdf, "minimal", needles))
    pdf = pikepdf.open(io.BytesIO(saved(pdf)))
    assert list(object_hits(pdf, Needles([first]))) == []


def test_minimal_keeps_what_holds_no_hit(tmp_path: Path) -> None:
    pdf, _ = cleaned(PLAIN, "minimal", tmp_path)
    document = pymupdf.open(stream=saved(pdf))
    assert document.metadata["author"] == PLAIN
    assert [entry[1] for entry in document.get_toc()] == [f"Chapter on {PLAIN}", "Another chapter"]
    assert len(document[0].get_links()) == 2
    assert [a.info["content"] for a in document[0].annots()] == [f"Ask {PLAIN}"]
    assert [w.field_value for w in document[0].widgets()] == ["Somebody"]
    assert "Nothing" in pdf.Root["/Metadata"].read_bytes().decode()
    assert pdf.Root["/StructTreeRoot"]["/K"]["/Alt"] == f"photo of {PLAIN}"
    assert "/JavaScript" in pdf.Root["/Names"]
    assert list(pdf.attachments) == ["plain.txt"], "what cannot be searched goes"
    assert "/PieceInfo" not in pdf.pages[0].obj
    assert "/Thumb" not in pdf.pages[0].obj


def test_minimal_cuts_the_hit_and_keeps_its_neighbours(tmp_path: Path) -> None:
    pdf, _ = cleaned(SECRET, "minimal", tmp_path)
    document = pymupdf.open(stream=saved(pdf))
    assert document.metadata["title"].strip() == "About"
    assert document.metadata["keywords"] == "kept"
    assert [entry[1].strip() for entry in document.get_toc()] == ["Chapter on", "Another chapter"]
    assert [link["uri"] for link in document[0].get_links()] == ["https://example.org/other"]
    dests = pikepdf.NameTree(pdf.Root["/Names"]["/Dests"])
    assert str(pdf.Root["/OpenAction"]["/D"]) in dests


def test_publish_keeps_only_what_is_seen(tmp_path: Path) -> None:
    pdf, _ = cleaned(PLAIN, "publish", tmp_path)
    root = pdf.Root
    for key in ("/Outlines", "/StructTreeRoot", "/PageLabels", "/AcroForm", "/Threads"):
        assert key not in root
    assert not pdf.attachments
    assert "/Info" not in pdf.trailer
    assert "/Metadata" not in root
    assert "/JavaScript" not in root.get("/Names", {})
    document = pymupdf.open(stream=saved(pdf))
    assert not document[0].get_links()
    assert all(not a.info["content"] and not a.info["title"] for a in document[0].annots())
    assert "Somebody" in document[0].get_text(), "the look of a field stays"


def with_policies(text: str, given: dict[str, str], profile: Profile = "minimal") -> Any:
    pdf = laden(text)
    pdf.attachments["a.zip"] = b"PK\x03\x04 not searchable"
    job = Job(pdf, profile, Needles([SECRET]), policies=policies(profile, given))
    sanitize(job)
    # Written anew, as an output is: what nothing refers to any more is gone.
    pdf = pikepdf.open(io.BytesIO(saved(pdf)))
    return pdf, {(a["where"], a["action"]) for a in job.actions}


def test_kept_carriers_stay_where_they_hold_no_hit() -> None:
    pdf, actions = with_policies(
        PLAIN, {"attachments": "keep", "application_data": "keep", "forms": "keep"}
    )
    assert sorted(pdf.attachments) == ["a.bin", "a.zip", "plain.txt"]
    assert "/PieceInfo" in pdf.pages[0].obj
    assert "/Thumb" in pdf.pages[0].obj
    assert "/XFA" in pdf.Root["/AcroForm"]
    assert {("attachments", "kept"), ("XFA form", "kept"), ("thumbnails", "kept")} <= actions


def test_keeping_does_not_keep_a_hit() -> None:
    pdf, _ = with_policies(SECRET, dict.fromkeys(CHOICES, "keep"))
    assert sorted(pdf.attachments) == ["a.zip", "plain.txt"]
    assert list(object_hits(pdf, Needles([SECRET]))) == []


def test_kept_application_data_of_a_page_with_edits_goes() -> None:
    """A thumbnail pictures the page as it was."""
    pdf = laden(PLAIN)
    job = Job(pdf, "minimal", Needles([SECRET]), touched={0: set()}, policies=KEPT)
    sanitize(job)
    assert "/Thumb" not in pdf.pages[0].obj
    assert "/PieceInfo" not in pdf.pages[0].obj
    assert "/XFA" not in pdf.Root["/AcroForm"]


def test_single_carriers_can_differ_from_their_profile() -> None:
    pdf, _ = with_policies(PLAIN, {"bookmarks": "clean", "tags": "keep"}, "publish")
    assert "/Outlines" in pdf.Root
    assert "/StructTreeRoot" in pdf.Root
    assert "/AcroForm" not in pdf.Root
    pdf, _ = with_policies(PLAIN, {"bookmarks": "remove", "attachments": "remove"})
    assert "/Outlines" not in pdf.Root
    assert not pdf.attachments
    assert "/StructTreeRoot" in pdf.Root


@pytest.mark.parametrize("given", [{"attachment": "keep"}, {"attachments": "hold"}])
def test_unknown_carriers_and_policies_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        policies("minimal", given)


def test_unknown_strings_are_caught_by_the_net(tmp_path: Path) -> None:
    pdf = new(line(text="ordinary"))
    pdf.Root["/Odd"] = pdf.make_indirect(
        pikepdf.Array([pikepdf.Dictionary(Deep=pikepdf.String(SECRET.encode("utf-16-be")))])
    )
    pdf.Root["/Alone"] = pdf.make_indirect(pikepdf.String(f"x {SECRET} y"))
    job = Job(pdf, "minimal", Needles([SECRET]))
    sanitize(job)
    assert list(object_hits(pdf, Needles([SECRET]))) == []


def test_glyphs_of_type3_fonts_that_nothing_shows_go() -> None:
    pdf = new(b"BT /F3 10 Tf (a) Tj ET")
    procs = {
        "/a": pdf.make_stream(b"500 0 d0 0 0 400 700 re f"),
        "/b": pdf.make_stream(b"500 0 d0 0 0 100 100 re f"),
    }
    font: Any = helvetica()
    font["/Subtype"] = pikepdf.Name.Type3
    font["/CharProcs"] = pikepdf.Dictionary(procs)
    font["/FontMatrix"] = pikepdf.Array([0.001, 0, 0, 0.001, 0, 0])
    font["/FontBBox"] = pikepdf.Array([0, 0, 500, 700])
    font["/FirstChar"], font["/LastChar"] = 97, 98
    font["/Widths"] = pikepdf.Array([500, 500])
    font["/Encoding"] = pikepdf.Dictionary(
        Differences=pikepdf.Array([97, pikepdf.Name("/a"), pikepdf.Name("/b")])
    )
    pdf.pages[0].obj["/Resources"]["/Font"]["/F3"] = pdf.make_indirect(font)
    job = Job(pdf, "minimal", Needles(), touched={0: set()})
    sanitize(job)
    (left,) = pdf.pages[0].obj["/Resources"]["/Font"]["/F3"]["/CharProcs"].keys()
    assert left == "/a"


def test_everything_that_a_user_can_decide_on_is_a_carrier() -> None:
    assert set(CHOICES) <= set(CARRIERS) == set(KEPT)


def test_the_registry_ends_with_the_net() -> None:
    assert list(CARRIERS)[-1] == "strings"


def test_what_is_seen_of_a_signature_stays_as_a_stamp() -> None:
    """Viewers draw a signature field without its signature as an empty one."""
    document = pymupdf.open(stream=saved(new(line())), filetype="pdf")
    pdf = pikepdf.open(io.BytesIO(document.tobytes()))
    page = pdf.pages[0].obj
    look = pdf.make_stream(
        b"BT /H 9 Tf 2 5 Td (Signed by the clerk) Tj ET",
        Subtype=pikepdf.Name.Form,
        BBox=[0, 0, 100, 20],
        Resources=pikepdf.Dictionary(Font=pikepdf.Dictionary(H=helvetica())),
    )
    common = {"Type": pikepdf.Name.Annot, "Subtype": pikepdf.Name.Widget, "F": 4}
    signed = pdf.make_indirect(
        pikepdf.Dictionary(
            **common, FT=pikepdf.Name.Sig, T=pikepdf.String("by"), Rect=[50, 150, 150, 170],
            V=pikepdf.Dictionary(Type=pikepdf.Name.Sig, Contents=pikepdf.String("00")),
            AP=pikepdf.Dictionary(N=look),
        )
    )  # fmt: skip
    blank = pdf.make_indirect(
        pikepdf.Dictionary(
            **common, FT=pikepdf.Name.Sig, T=pikepdf.String("next"), Rect=[50, 110, 150, 130]
        )
    )
    page["/Annots"] = pikepdf.Array([signed, blank])
    pdf.Root["/AcroForm"] = pikepdf.Dictionary(Fields=pikepdf.Array([signed, blank]), SigFlags=3)
    job = Job(pdf, "minimal", Needles((SECRET,)))
    sanitize(job)
    assert {"where": "signatures", "action": "removed"} in job.actions
    assert [str(item["/Subtype"]) for item in page["/Annots"]] == ["/Stamp", "/Widget"]
    assert [str(field["/T"]) for field in pdf.Root["/AcroForm"]["/Fields"]] == ["next"]
    assert "Signed by the clerk" in page_text(pdf)


@pytest.mark.parametrize("inside", [PLAIN, SECRET])
def test_a_portfolio_stays_while_all_its_files_do(inside: str) -> None:
    pdf = pikepdf.open(io.BytesIO(saved(new(line()))))
    pdf.attachments["notes.txt"] = inside.encode()
    pdf.Root["/Collection"] = pikepdf.Dictionary(Type=pikepdf.Name.Collection, View=pikepdf.Name.D)
    sanitize(Job(pdf, "minimal", Needles((SECRET,))))
    assert ("/Collection" in pdf.Root) == (inside == PLAIN)
    assert ("notes.txt" in pdf.attachments) == (inside == PLAIN)
