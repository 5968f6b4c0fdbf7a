"""Pictures that a page does not show as they are keep no pixels that nobody has read."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name
from PIL import Image, ImageDraw, ImageFont

from docharmony import Pipeline, RunConfig, redact
from docharmony import open as opened
from docharmony.auditing import audit
from docharmony.io.write.pdf_image_codecs import decode
from docharmony.plan import Plan
from docharmony.redaction import propose
from docharmony.stages.redact import RedactConfig

from .fuzz.book import VERA, helvetica
from .fuzz.recipes import Recipe
from .fuzz.runner import direct

TERM = "Quistgard"
PLACE = b"240 0 0 22.5 40 100 cm"
Maker = Callable[[pikepdf.Pdf, Any], bytes]
MAKERS: dict[str, Maker] = {}


@cache
def pipeline() -> Pipeline:
    """Return a pipeline that reads pixels; its engine is loaded once."""
    return Pipeline(RunConfig())


@pytest.fixture(autouse=True)
def in_this_process() -> Iterator[None]:
    """Parse without children: starting them takes longer than all else here."""
    with direct():
        yield


def maker(function: Maker) -> Maker:
    MAKERS[function.__name__] = function
    return function


def picture(text: str = f"Report of Wilhelmina {TERM}", mode: str = "L") -> Image.Image:
    image = Image.new("L", (640, 60), 255)
    ImageDraw.Draw(image).text((12, 10), text, font=ImageFont.truetype(str(VERA), 32), fill=0)
    return image.convert(mode)


def stream(pdf: pikepdf.Pdf, image: Image.Image, **more: Any) -> Any:
    made = pdf.make_stream(image.tobytes())
    made["/Type"], made["/Subtype"] = Name.XObject, Name.Image
    made["/Width"], made["/Height"] = image.size
    made["/BitsPerComponent"] = 1 if image.mode == "1" else 8
    made["/ColorSpace"] = Name.DeviceRGB if image.mode == "RGB" else Name.DeviceGray
    for key, value in more.items():
        made["/" + key] = value
    return made


def show(page: Any, image: Any, place: bytes = PLACE) -> bytes:
    name = f"/I{len(page.Resources.XObject)}"
    page.Resources.XObject[name] = image
    return b"q %s %s Do Q\n" % (place, name.encode())


def form(pdf: pikepdf.Pdf, image: Any, place: bytes = PLACE, **more: Any) -> Any:
    made = pdf.make_stream(b"q %s /I Do Q" % place)
    made["/Type"], made["/Subtype"] = Name.XObject, Name.Form
    made["/BBox"] = Array([0, 0, 400, 300])
    made["/Resources"] = Dictionary(XObject=Dictionary(I=image))
    for key, value in more.items():
        made["/" + key] = value
    return made


@maker
def one_point_high(pdf: pikepdf.Pdf, page: Any) -> bytes:
    return show(page, stream(pdf, picture()), b"10.6 0 0 1 40 100 cm")


@maker
def a_hundredth_of_a_point(pdf: pikepdf.Pdf, page: Any) -> bytes:
    return show(page, stream(pdf, picture()), b".1 0 0 .01 40 100 cm")


@maker
def wide_and_flat(pdf: pikepdf.Pdf, page: Any) -> bytes:
    return show(page, stream(pdf, picture()), b"240 0 0 1 40 100 cm")


@maker
def without_extent(pdf: pikepdf.Pdf, page: Any) -> bytes:
    return show(page, stream(pdf, picture()), b"240 0 0 0 40 100 cm")


@maker
def mirrored_and_small(pdf: pikepdf.Pdf, page: Any) -> bytes:
    image = picture().transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return show(page, stream(pdf, image), b"-10 0 0 1 60 100 cm")


@maker
def under_a_white_box(pdf: pikepdf.Pdf, page: Any) -> bytes:
    return show(page, stream(pdf, picture())) + b"1 g 30 90 300 40 re f\n"


@maker
def jpeg_under_a_black_box(pdf: pikepdf.Pdf, page: Any) -> bytes:
    image, coded = picture(mode="RGB"), io.BytesIO()
    image.save(coded, "JPEG", quality=90)
    made = stream(pdf, image)
    made.write(coded.getvalue(), filter=Name.DCTDecode)
    return show(page, made) + b"0 g 30 90 300 40 re f\n"


@maker
def behind_another(pdf: pikepdf.Pdf, page: Any) -> bytes:
    other = stream(pdf, picture("A garden full of meadows and hills"))
    return show(page, stream(pdf, picture())) + show(page, other)


@maker
def clipped(pdf: pikepdf.Pdf, page: Any) -> bytes:
    return b"40 100 60 23 re W n " + show(page, stream(pdf, picture()))


@maker
def off_the_page(pdf: pikepdf.Pdf, page: Any) -> bytes:
    return show(page, stream(pdf, picture()), b"240 0 0 22.5 440 100 cm")


@maker
def outside_the_crop_box(pdf: pikepdf.Pdf, page: Any) -> bytes:
    page.CropBox = Array([0, 150, 400, 300])
    return show(page, stream(pdf, picture()))


@maker
def shown_twice(pdf: pikepdf.Pdf, page: Any) -> bytes:
    image = pdf.make_indirect(stream(pdf, picture()))
    return show(page, image) + show(page, image, b"10 0 0 1 40 60 cm")


@maker
def without_ink(pdf: pikepdf.Pdf, page: Any) -> bytes:
    page.Resources.ExtGState = Dictionary(G=Dictionary(ca=0))
    return b"/G gs " + show(page, stream(pdf, picture()))


@maker
def under_its_own_mask(pdf: pikepdf.Pdf, page: Any) -> bytes:
    mask = stream(pdf, Image.new("L", (640, 60), 0))
    return show(page, stream(pdf, picture(), SMask=mask))


@maker
def as_its_mask(pdf: pikepdf.Pdf, page: Any) -> bytes:
    mask = stream(pdf, Image.eval(picture(), lambda level: 255 - level))
    return show(page, stream(pdf, Image.new("L", (640, 60), 255), SMask=mask))


@maker
def white_stencil(pdf: pikepdf.Pdf, page: Any) -> bytes:
    image = stream(pdf, picture(mode="1"), ImageMask=True)
    del image["/ColorSpace"]
    return b"1 g " + show(page, image)


@maker
def white_palette(pdf: pikepdf.Pdf, page: Any) -> bytes:
    image = stream(pdf, picture())
    image.write((np.asarray(picture()) > 127).astype(np.uint8).tobytes())
    image["/ColorSpace"] = Array([Name.Indexed, Name.DeviceRGB, 1, pikepdf.String(b"\xff" * 6)])
    return show(page, image)


@maker
def layer_that_is_off(pdf: pikepdf.Pdf, page: Any) -> bytes:
    layer = pdf.make_indirect(Dictionary(Type=Name.OCG, Name="layer"))
    off = Dictionary(OFF=Array([layer]), Order=Array([layer]))
    pdf.Root.OCProperties = Dictionary(OCGs=Array([layer]), D=off)
    page.Resources.Properties = Dictionary(L=layer)
    return b"/OC /L BDC " + show(page, stream(pdf, picture())) + b"EMC\n"


@maker
def small_form(pdf: pikepdf.Pdf, page: Any) -> bytes:
    return show(page, form(pdf, stream(pdf, picture())), b".02 0 0 .02 40 100 cm")


@maker
def small_tiles(pdf: pikepdf.Pdf, page: Any) -> bytes:
    cell = form(pdf, stream(pdf, picture()), b"4 0 0 1 0 0 cm", PatternType=1, PaintType=1)
    del cell["/Subtype"]
    cell["/Type"], cell["/BBox"], cell["/TilingType"] = Name.Pattern, Array([0, 0, 4, 1]), 1
    cell["/XStep"], cell["/YStep"] = 4, 1
    page.Resources.Pattern = Dictionary(P=cell)
    return b"/Pattern cs /P scn 40 100 60 40 re f\n"


@maker
def small_annotation(pdf: pikepdf.Pdf, page: Any) -> bytes:
    look = form(pdf, stream(pdf, picture()))
    rect = Array([40, 100, 44, 103])
    note = Dictionary(Type=Name.Annot, Subtype=Name.Stamp, Rect=rect, AP=Dictionary(N=look))
    page.Annots = Array([pdf.make_indirect(note)])
    return b""


@maker
def small_inline_image(pdf: pikepdf.Pdf, page: Any) -> bytes:
    head = b"BI /W 640 /H 60 /CS /G /BPC 8 /F /AHx ID "
    return b"q 3.6 0 0 .3 40 100 cm %s%s>\nEI Q\n" % (head, picture().tobytes().hex().encode())


@maker
def small_print_on_a_large_scan(pdf: pikepdf.Pdf, page: Any) -> bytes:
    image = Image.new("L", (1500, 600), 255)
    face = ImageFont.truetype(str(VERA), 14)
    ImageDraw.Draw(image).text((800, 300), f"Report of {TERM}", font=face, fill=0)
    return show(page, stream(pdf, image), b"150 0 0 60 40 40 cm")


def written(name: str, folder: Path) -> Path:
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(400, 300))
        page = pdf.pages[0].obj
        fonts = Dictionary(F1=pdf.make_indirect(helvetica()))
        page.Resources = Dictionary(Font=fonts, XObject=Dictionary())
        text = b"BT /F1 12 Tf 40 250 Td (This page speaks of gardens and of meadows) Tj ET\n"
        page.Contents = pdf.make_stream(text + MAKERS[name](pdf, page))
        pdf.save(folder / "a.pdf")
    return folder / "a.pdf"


def inked(path: Path, *, mirrored: bool = False) -> list[int]:
    """Return in how many columns each picture of a file has ink where the name stood: at its right."""
    counts = []
    with pikepdf.open(path) as pdf:
        for item in pdf.objects:
            if isinstance(item, pikepdf.Stream) and item.get("/Subtype") == "/Image":
                samples = decode(item).samples[..., 0].astype(int)
                ground = int(np.bincount(samples.ravel()).argmax())
                samples = samples[:, ::-1] if mirrored else samples
                right = samples[:, int(0.58 * samples.shape[1]) :]
                counts.append(int((abs(right - ground) > right.max() // 3).any(axis=0).sum()))
    return counts


@pytest.mark.parametrize("name", MAKERS)
def test_its_pixels_go(name: str, tmp_path: Path) -> None:
    source = written(name, tmp_path)
    report = redact(source, tmp_path / "o.pdf", terms=[TERM], pipeline=pipeline())
    assert report.count >= 1
    assert any("not shown as it is" in e.reason for own in report.edits.values() for e in own)
    if name == "behind_another":  # the picture that is seen has words there
        assert sorted(count > 20 for count in inked(tmp_path / "o.pdf")) == [False, True]
    else:
        mirrored = name == "mirrored_and_small"
        assert all(n <= 20 for n in inked(tmp_path / "o.pdf", mirrored=mirrored))
    with opened(tmp_path / "o.pdf") as output:
        kinds = {found.kind for found in audit(output, pipeline=pipeline(), terms=[TERM])}
    assert "term" not in kinds


def test_a_page_that_shows_them_has_none(tmp_path: Path) -> None:
    """Where a picture is shown as it is, nobody looks at it twice."""
    MAKERS["plain"] = lambda pdf, page: show(page, stream(pdf, picture()))
    try:
        source = written("plain", tmp_path)
    finally:
        del MAKERS["plain"]
    with opened(source) as document:
        assert document.unseen(1, 200) == ()
        assert [found.to_page.a for found in document.unseen(1, 20)] == [240 / 640]


def test_verify_finds_them(tmp_path: Path) -> None:
    with opened(written("under_a_white_box", tmp_path)) as document:
        found = audit(document, pipeline=pipeline(), terms=[TERM])
    assert "a picture that is not shown as it is" in {item.where for item in found}


def test_a_plan_keeps_or_clears_them(tmp_path: Path) -> None:
    source = written("one_point_high", tmp_path)
    plan = propose(source, rules=RedactConfig(terms=(TERM,)), pipeline=pipeline()).plan
    plan.write(tmp_path / "p.json")
    again = Plan.read(tmp_path / "p.json")
    assert [edit.picture for edit in again.edits[1]] == [edit.picture for edit in plan.edits[1]]
    assert again.edits[1][0].picture
    assert len(again.edits[1][0].areas) == 1
    redact(source, tmp_path / "o.pdf", plan=again, pipeline=pipeline())
    assert inked(tmp_path / "o.pdf") == [0]


def test_alpha_channels_of_image_files_are_read_too(tmp_path: Path) -> None:
    """A name that the alpha channel alone shows, and one that it hides."""
    seen = picture("A garden full of meadows", "RGB")
    for name, colours, alpha in (
        ("channel", seen, Image.eval(picture(), lambda level: 255 - level // 2)),
        ("under it", picture(mode="RGB"), Image.new("L", (640, 60), 0)),
    ):
        colours.putalpha(alpha)
        colours.save(tmp_path / "a.png")
        report = redact(tmp_path / "a.png", tmp_path / "o.png", terms=[TERM], pipeline=pipeline())
        assert report.count == 1, name
        with Image.open(tmp_path / "o.png") as output:
            for plane in output.convert("RGBA").split():
                right = np.asarray(plane)[:, 380:].astype(int)
                assert name == "channel" or right.max() - right.min() < 16
            left = np.asarray(output.convert("RGBA").getchannel("A"))[:, 380:].astype(int)
            assert left.max() - left.min() < 16


@pytest.mark.parametrize(
    "line",
    [
        "1000061 jpeg2000_image+tiling_pattern blows=0,1,2,3",
        "1000543 alpha_channel+image_under_a_rectangle turned blows=0,1",
        "1000598 image_under_a_rectangle+alpha_channel turned plain blows=0,1,2",
    ],
)
def test_damaged_pictures_are_passed_over(line: str, tmp_path: Path) -> None:
    recipe = Recipe.parse(line)
    (tmp_path / "a.pdf").write_bytes(recipe.file(recipe.book()))
    with opened(tmp_path / "a.pdf") as document:
        document.unseen(1, 200)
