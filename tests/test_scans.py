"""Secrets on scans, however they look: found by the engine, gone from the pixels, the rest untouched."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pikepdf
import pytest
from PIL import Image, ImageDraw, ImageFont

from docharmony import Pipeline, redact
from docharmony import open as open_source
from docharmony.stages.redact import RedactConfig

from .fuzz.book import VERA

SECRET = "Quillfeather"
LINES = ("The meeting was opened at nine", f"by Margaret {SECRET} herself", "and closed at noon")
FONT = ImageFont.truetype(str(VERA), 30)
Grey = npt.NDArray[np.int16]


def sheet(ink: int = 20, paper: int = 245) -> tuple[Image.Image, Image.Image]:
    """Return three lines of text, and a mask of where the secret stands."""
    picture, mask = Image.new("L", (720, 240), paper), Image.new("L", (720, 240), 0)
    pen = ImageDraw.Draw(picture)
    for row, line in enumerate(LINES):
        pen.text((40, 30 + 64 * row), line, fill=ink, font=FONT)
    x = 40 + FONT.getlength("by Margaret ")
    box = (x, 94, x + FONT.getlength(SECRET), 94 + 40)
    ImageDraw.Draw(mask).rectangle(box, fill=255)
    return picture, mask


def turned(degrees: float) -> tuple[Image.Image, Image.Image]:
    picture, mask = sheet()
    exact = degrees % 90 == 0
    how = Image.Resampling.NEAREST if exact else Image.Resampling.BICUBIC
    return (
        picture.rotate(degrees, how, expand=True, fillcolor=245),
        mask.rotate(degrees, Image.Resampling.NEAREST, expand=True),
    )


SCANS: dict[str, Callable[[], tuple[Image.Image, Image.Image]]] = {
    "plain": sheet,
    "low_contrast": lambda: sheet(150, 200),
    "light_on_dark": lambda: sheet(235, 30),
    "skewed": lambda: turned(3.5),
    "on_its_side": lambda: turned(90),
    "upside_down": lambda: turned(180),
}


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline()


def levels(image: Image.Image) -> Grey:
    return np.asarray(image.convert("L")).astype(np.int16)


def check(before: Image.Image, after: Image.Image, mask: Image.Image) -> None:
    old, new, inside = levels(before), levels(after), np.asarray(mask) > 0
    assert old.shape == new.shape
    assert abs(np.median(old) - np.median(new)) <= 12, "the paper has another colour"
    ink = np.abs(old - np.median(old)) > 40
    left = np.abs(new - np.median(new)) > 30
    assert (left & ink & inside).sum() < 0.02 * (ink & inside).sum()
    # Ink away from the secret stays: nearly all, since an edit reaches a little over its word.
    others = ink & ~inside
    assert (left & others).sum() > 0.9 * others.sum()


@pytest.mark.parametrize("name", SCANS)
def test_found_and_gone(name: str, pipeline: Pipeline, tmp_path: Path) -> None:
    picture, mask = SCANS[name]()
    source, out = tmp_path / "a.png", tmp_path / "o.png"
    picture.save(source, dpi=(150, 150))
    report = redact(source, out, terms=[SECRET], pipeline=pipeline, keep_gaps=True)
    assert report.count == 1
    assert not report.moved
    check(picture, Image.open(out), mask)
    # The rest of the line is moved by default; the checks of redact look at where it went.
    again = redact(source, out, terms=[SECRET], pipeline=pipeline)
    assert list(again.moved) == [1]
    assert not again.gaps


@pytest.mark.parametrize("kind", ["1", "L", "RGB", "JPEG2000", "TIFF"])
def test_kinds_of_pictures_on_pages(kind: str, pipeline: Pipeline, tmp_path: Path) -> None:
    """1-bit, grey, colour, JPEG 2000 and fax, as a page of a PDF."""
    picture, mask = sheet()
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(360, 120))
        page = pdf.pages[0].obj
        page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(I=image(pdf, picture, kind)))
        page.Contents = pdf.make_stream(b"q 360 0 0 120 0 0 cm /I Do Q")
        pdf.save(tmp_path / "a.pdf")
    source, out = tmp_path / "a.pdf", tmp_path / "o.pdf"
    again = redact(source, out, terms=[SECRET], pipeline=pipeline, fill="label")
    assert list(again.moved) == [1]
    report = redact(source, out, terms=[SECRET], pipeline=pipeline, keep_gaps=True)
    assert report.count == 1
    shown = []
    for name in ("a.pdf", "o.pdf"):
        with open_source(tmp_path / name) as source:
            shown.append(Image.fromarray(source.raster(1, 144)))
    check(shown[0], shown[1], mask)


def image(pdf: pikepdf.Pdf, picture: Image.Image, kind: str) -> pikepdf.Object:
    """Return a picture as an image object of a kind."""
    made = pdf.make_stream(b"")
    made.Type, made.Subtype = pikepdf.Name.XObject, pikepdf.Name.Image
    made.Width, made.Height = picture.size
    made.ColorSpace, made.BitsPerComponent = pikepdf.Name.DeviceGray, 8
    if kind == "JPEG2000":
        coded = io.BytesIO()
        picture.save(coded, "JPEG2000", irreversible=False)
        made.write(coded.getvalue(), filter=pikepdf.Name.JPXDecode)
        del made.ColorSpace, made.BitsPerComponent
    elif kind == "TIFF":
        coded = io.BytesIO()
        picture.convert("1", dither=Image.Dither.NONE).save(coded, "TIFF", compression="group4")
        with Image.open(coded) as tiff:
            offsets, counts = tiff.tag_v2[273], tiff.tag_v2[279]
        data = b"".join(coded.getvalue()[o : o + c] for o, c in zip(offsets, counts, strict=True))
        parms = pikepdf.Dictionary(K=-1, BlackIs1=True, Columns=picture.width, Rows=picture.height)
        made.write(data, filter=pikepdf.Name.CCITTFaxDecode, decode_parms=parms)
        made.BitsPerComponent = 1
    else:
        made.write(picture.convert(kind, dither=Image.Dither.NONE).tobytes())
        made.BitsPerComponent = 1 if kind == "1" else 8
        if kind == "RGB":
            made.ColorSpace = pikepdf.Name.DeviceRGB
    return made


@pytest.mark.slow
def test_a_real_scan(tmp_path: Path) -> None:
    source, out = Path(__file__).parent / "resources" / "demo" / "scan.pdf", tmp_path / "out.pdf"
    rules = RedactConfig(terms=("Whitcombe",), pii=("email", "iban", "credit_card"))
    ready = Pipeline()
    report = redact(source, out, rules=rules, pipeline=ready)
    assert {edit.rule for edit in report.edits[1]} == {
        "term", "pii:email", "pii:iban", "pii:credit_card"
    }  # fmt: skip
    assert sum(edit.rule == "term" for edit in report.edits[1]) == 3
    with open_source(out) as read:
        text = ready.run(read).pages[0].text
    assert "Yours sincerely" in text
    for gone in ("Whitcombe", "NWBK", "8888", "ashgrove@"):
        assert gone not in text
