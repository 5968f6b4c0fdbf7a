"""Where new text stands in the stream of a page: as the old one did, in its tags, layers and forms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pikepdf
import pymupdf
import pytest

from docharmony import ReplacementReport, replace

from .test_replacement import pixels, text

pytestmark = pytest.mark.usefixtures("built_in_faces")


def run(source: Path, **mapping: str) -> tuple[Path, ReplacementReport]:
    out = source.with_name(f"new{source.suffix}")
    names = {old.replace("_", " "): new for old, new in mapping.items()}
    return out, replace(source, out, mapping=names)


def test_tags_and_layers_hold_the_new_text(tmp_path: Path) -> None:
    document = pymupdf.open()
    page = document.new_page(width=300, height=100)
    page.insert_text((30, 50), "old words", fontsize=12, oc=document.add_ocg("layer"))
    document.save(tmp_path / "a.pdf")
    with pikepdf.open(tmp_path / "a.pdf", allow_overwriting_input=True) as pdf:
        sheet = pdf.pages[0]
        content = sheet.Contents
        stream = content[-1] if isinstance(content, pikepdf.Array) else content
        stream.write(b"/P <</MCID 0>> BDC\n" + stream.read_bytes() + b"\nEMC\n")
        element = pdf.make_indirect(
            pikepdf.Dictionary(Type=pikepdf.Name.StructElem, S=pikepdf.Name.P, K=0, Pg=sheet.obj)
        )
        element["/ActualText"] = "old words"
        sheet.obj["/StructParents"] = 0
        pdf.Root["/StructTreeRoot"] = pdf.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.StructTreeRoot,
                K=pikepdf.Array([element]),
                ParentTree=pikepdf.Dictionary(Nums=pikepdf.Array([0, pikepdf.Array([element])])),
            )
        )
        pdf.save()
    out, report = run(tmp_path / "a.pdf", old="new")
    assert report.count == 1
    with pikepdf.open(out) as pdf:
        element = pdf.Root.StructTreeRoot.K[0]
        assert int(element.K) == 0
        assert "/ActualText" not in element
        assert len(pdf.Root.StructTreeRoot.ParentTree.Nums[1]) == 1
        instructions = pikepdf.parse_content_stream(pdf.pages[0])
        assert not any("/MCID 1" in str(i.operands) for i in instructions)
    assert "new words" in text(out)
    with pikepdf.open(out, allow_overwriting_input=True) as pdf:
        state = pdf.Root.OCProperties.D
        state["/OFF"], state["/ON"] = state["/ON"], pikepdf.Array()
        pdf.save()
    assert (pixels(out) == 255).all()


def written(path: Path, content: bytes, **resources: Any) -> None:
    """Write a page of 300 by 200 points with Helvetica as /F1 and Courier as /F2."""
    with pikepdf.new() as pdf:
        page = pdf.add_blank_page(page_size=(300, 200))
        names = {"/F1": "Helvetica", "/F2": "Courier"}
        fonts = {
            key: pdf.make_indirect(
                pikepdf.Dictionary(
                    Type=pikepdf.Name.Font,
                    Subtype=pikepdf.Name.Type1,
                    BaseFont=pikepdf.Name("/" + name),
                    Encoding=pikepdf.Name.WinAnsiEncoding,
                )
            )
            for key, name in names.items()
        }
        page.obj["/Resources"] = pikepdf.Dictionary(Font=pikepdf.Dictionary(fonts), **resources)
        page.obj["/Contents"] = pdf.make_stream(content)
        pdf.save(path)


def spans(path: Path) -> list[dict[str, Any]]:
    """Return the spans of the first page in the order in which they are drawn."""
    with pymupdf.open(path) as document:
        traces = document[0].get_texttrace()
        return [
            {**trace, "text": "".join(chr(char[0]) for char in trace["chars"])} for trace in traces
        ]


def test_new_text_stands_in_the_stream_where_the_old_one_stood(tmp_path: Path) -> None:
    written(
        tmp_path / "a.pdf",
        b"BT /F1 12 Tf 1 0 0 rg 2 Tc 30 150 Td (first old one) Tj 0 -40 Td 0 Tc"
        b" 50 Tz (second) Tj 100 Tz ( line) Tj ET"
        b" 0 0 1 rg 20 100 100 20 re f",
    )
    before = spans(tmp_path / "a.pdf")
    out, report = run(tmp_path / "a.pdf", old="nimble")
    assert report.count == 1
    after = spans(out)
    assert "".join(s["text"] for s in after).replace(" ", "") == "firstnimbleonesecondline"
    assert all(span["color"] == (1.0, 0.0, 0.0) for span in after)
    # What follows stands where it stood, with the spacing and stretch that it had.
    tail = [(s["text"], s["chars"][0][2], s["size"]) for s in before[-2:]]
    for (words, place, size), span in zip(tail, after[-2:], strict=True):
        assert span["text"] == words
        assert span["chars"][0][2] == pytest.approx(place, abs=0.01)
        assert span["size"] == size


def test_new_text_is_as_the_stream_had_it(tmp_path: Path) -> None:
    """Spot colours, outlines, transparency, what is drawn over it: all as for the old text."""
    alpha = pikepdf.Dictionary(G0=pikepdf.Dictionary(ca=0.5))
    tint = pikepdf.Array([pikepdf.Name.Separation, pikepdf.Name.Ink, pikepdf.Name.DeviceCMYK])
    tint.append(
        pikepdf.Dictionary(FunctionType=2, Domain=[0, 1], C0=[0, 0, 0, 0], C1=[0, 1, 1, 0], N=1)
    )
    written(
        tmp_path / "a.pdf",
        b"q /G0 gs /CS0 cs 0.8 scn BT /F1 24 Tf 2 Tr 30 150 Td (old) Tj ET Q"
        b" BT 0 1 0 rg /F2 24 Tf 30 100 Td (old) ' ET"
        b" 0 0 1 rg 25 90 20 40 re f",
        ExtGState=alpha,
        ColorSpace=pikepdf.Dictionary(CS0=tint),
    )
    before = spans(tmp_path / "a.pdf")
    out, report = run(tmp_path / "a.pdf", old="new")
    assert report.count == 2
    after = spans(out)
    assert [span["text"] for span in after] == ["new"] * 3  # one is filled and outlined
    assert [(s["color"], s["opacity"], s["type"]) for s in after] == [
        (s["color"], s["opacity"], s["type"]) for s in before
    ]
    # The rectangle that hides the first letter of the second word still does.
    assert (pixels(out)[75:95, 28:42] == (0, 0, 255)).all()


def test_what_a_clip_would_cut_stands_behind_all(tmp_path: Path) -> None:
    written(
        tmp_path / "a.pdf",
        b"q 28 140 40 30 re W n BT /F1 12 Tf 30 150 Td (old) Tj ET Q BT /F1 12 Tf 30 50 Td (x) Tj ET",
    )
    out, report = run(tmp_path / "a.pdf", old="nevertheless")
    assert report.count == 1
    assert [span["text"] for span in spans(out)] == ["x", "nevertheless"]
    assert (pixels(out)[35:55, 70:95].min(axis=2) < 128).any()


def test_text_in_a_form_stays_in_it(tmp_path: Path) -> None:
    """A form drawn twice: only the one with the hit changes; its fonts and colours are its caller's."""
    written(tmp_path / "a.pdf", b"")
    with pikepdf.open(tmp_path / "a.pdf", allow_overwriting_input=True) as pdf:
        page = pdf.pages[0]
        form = pdf.make_stream(b"BT /F1 12 Tf 10 10 Td (old) Tj ( rest) Tj ET")
        form["/Type"], form["/Subtype"] = pikepdf.Name.XObject, pikepdf.Name.Form
        form["/BBox"] = pikepdf.Array([0, 0, 200, 40])
        form["/Resources"] = pikepdf.Dictionary(Font=page.Resources.Font)
        page.Resources["/XObject"] = pikepdf.Dictionary(X=form)
        page.obj["/Contents"] = pdf.make_stream(
            b"1 0 0 rg q 1 0 0 1 20 140 cm /X Do Q q 2 0 0 2 20 40 cm /X Do Q"
        )
        pdf.save()
    out, report = run(tmp_path / "a.pdf", old="new")
    assert report.count == 2
    assert [s["text"].strip() for s in spans(out)] == ["new rest"] * 2
    assert {s["color"] for s in spans(out)} == {(1.0, 0.0, 0.0)}
    with pikepdf.open(out) as pdf:
        assert b"BT" not in pdf.pages[0].Contents.read_bytes()


def test_leaders_stay(tmp_path: Path) -> None:
    written(
        tmp_path / "a.pdf",
        b"BT /F1 12 Tf 30 150 Td (Introduction) Tj /F2 12 Tf 90 0 Td ( . . . . . . 7) Tj ET",
    )
    out, report = run(tmp_path / "a.pdf", Introduction="Preface")
    assert report.count == 1
    assert [s["text"] for s in spans(out)] == ["Preface", " . . . . . . 7"]
    assert spans(out)[1]["chars"] == spans(tmp_path / "a.pdf")[1]["chars"]


def test_small_letters_follow_the_old_text(tmp_path: Path) -> None:
    written(tmp_path / "a.pdf", b"BT /F1 12 Tf 30 150 Td (MIME and mime) Tj ET")
    out, _ = run(tmp_path / "a.pdf", MIME="MEDIA")
    assert "MEDIA and media" in text(out)


# --- pictures ------------------------------------------------------------------------------------
