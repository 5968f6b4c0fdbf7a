"""Pixels under edits are gone from images of every kind, which stay what they were elsewhere."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pymupdf
import pypdfium2
import pytest
from PIL import Image, ImageDraw

from docharmony.io.write import pdf_image_codecs
from tests.io.write.drawn import Drawn, new, rectangle, saved
from tests.io.write.test_pdf_edits import erase, outside, pictures, streams_of

WIDTH, HEIGHT = 300, 200
SECRET_PIXELS = (100, 60, 200, 80)  # of the image; drawn at 1 pixel a point from (50, 50)
AREA = (145, 105, 255, 135)  # on the page, with some room around


def scene(mode: str, paper: Any, ink: Any) -> Image.Image:
    """Draw a page with writing: the secret, and a word that stays."""
    image = Image.new(mode, (WIDTH, HEIGHT), paper)
    draw = ImageDraw.Draw(image)
    for x0, y0, x1, y1 in (SECRET_PIXELS, (20, 150, 120, 170)):
        for step in range(x0, x1, 9):
            draw.rectangle((step, y0, step + 4, y1), fill=ink)
        draw.rectangle((x0, y0 + 8, x1, y0 + 11), fill=ink)
    return image


def stream(pdf: pikepdf.Pdf, data: bytes, **entries: Any) -> Any:
    image = pdf.make_stream(b"")
    image["/Type"], image["/Subtype"] = pikepdf.Name.XObject, pikepdf.Name.Image
    image["/Width"], image["/Height"] = WIDTH, HEIGHT
    coding, parms = entries.pop("Filter", None), entries.pop("DecodeParms", None)
    for key, value in entries.items():
        image["/" + key] = value
    if coding is None:
        data, coding = zlib.compress(data), pikepdf.Name.FlateDecode
    image.write(data, filter=coding, decode_parms=parms)
    return image


def coded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


Maker = Callable[[pikepdf.Pdf], Any]
KINDS: dict[str, Maker] = {}


def kind(function: Maker) -> Maker:
    KINDS[function.__name__] = function
    return function


@kind
def grey(pdf: pikepdf.Pdf) -> Any:
    data = scene("L", 230, 20).tobytes()
    return stream(pdf, data, ColorSpace=pikepdf.Name.DeviceGray, BitsPerComponent=8)


@kind
def colour(pdf: pikepdf.Pdf) -> Any:
    data = scene("RGB", (240, 230, 200), (10, 20, 90)).tobytes()
    return stream(pdf, data, ColorSpace=pikepdf.Name.DeviceRGB, BitsPerComponent=8)


@kind
def calibrated(pdf: pikepdf.Pdf) -> Any:
    space = pikepdf.Array(
        [
            pikepdf.Name.CalRGB,
            pikepdf.Dictionary(
                WhitePoint=pikepdf.Array([0.9505, 1, 1.089]), Gamma=pikepdf.Array([2.2, 2.2, 2.2])
            ),
        ]
    )
    data = scene("RGB", (240, 230, 200), (10, 20, 90)).tobytes()
    return stream(pdf, data, ColorSpace=space, BitsPerComponent=8)


@kind
def cmyk(pdf: pikepdf.Pdf) -> Any:
    data = scene("CMYK", (10, 20, 60, 0), (200, 180, 20, 90)).tobytes()
    return stream(pdf, data, ColorSpace=pikepdf.Name.DeviceCMYK, BitsPerComponent=8)


@kind
def indexed_with_four_bits(pdf: pikepdf.Pdf) -> Any:
    values = np.asarray(scene("L", 3, 9))
    packed = (values[:, ::2] << 4 | values[:, 1::2]).astype(np.uint8).tobytes()
    palette = bytes(v for i in range(16) for v in (255 - 17 * i, 250 - 16 * i, 240 - 8 * i))
    space = pikepdf.Array(
        [pikepdf.Name.Indexed, pikepdf.Name.DeviceRGB, 15, pikepdf.String(palette)]
    )
    return stream(pdf, packed, ColorSpace=space, BitsPerComponent=4)


@kind
def separation(pdf: pikepdf.Pdf) -> Any:
    function = pikepdf.Dictionary(
        FunctionType=2,
        Domain=pikepdf.Array([0, 1]),
        C0=pikepdf.Array([0, 0, 0, 0]),
        C1=pikepdf.Array([0.9, 0.9, 0.9, 0.3]),
        N=1,
    )
    space = pikepdf.Array(
        [pikepdf.Name.Separation, pikepdf.Name("/Ink"), pikepdf.Name.DeviceCMYK, function]
    )
    data = scene("L", 12, 240).tobytes()
    return stream(pdf, data, ColorSpace=space, BitsPerComponent=8)


@kind
def sixteen_bits(pdf: pikepdf.Pdf) -> Any:
    values = np.asarray(scene("L", 230, 20)).astype(">u2") * 256 + 77
    data = values.astype(">u2").tobytes()
    return stream(pdf, data, ColorSpace=pikepdf.Name.DeviceGray, BitsPerComponent=16)


@kind
def turned_round_by_decode(pdf: pikepdf.Pdf) -> Any:
    data = scene("L", 20, 230).tobytes()
    return stream(
        pdf,
        data,
        ColorSpace=pikepdf.Name.DeviceGray,
        BitsPerComponent=8,
        Decode=pikepdf.Array([1, 0]),
    )


@kind
def one_bit(pdf: pikepdf.Pdf) -> Any:
    data = scene("1", 1, 0).tobytes()
    return stream(pdf, data, ColorSpace=pikepdf.Name.DeviceGray, BitsPerComponent=1)


@kind
def stencil(pdf: pikepdf.Pdf) -> Any:
    return stream(pdf, scene("1", 1, 0).tobytes(), ImageMask=True, BitsPerComponent=1)


def _fax(image: Image.Image) -> bytes:
    data = pdf_image_codecs._fax(np.asarray(image, np.uint8))
    assert data is not None
    return data


@kind
def fax(pdf: pikepdf.Pdf) -> Any:
    parms = pikepdf.Dictionary(K=-1, Columns=WIDTH, Rows=HEIGHT, BlackIs1=True)
    return stream(
        pdf,
        _fax(scene("1", 1, 0)),
        Filter=pikepdf.Name.CCITTFaxDecode,
        DecodeParms=parms,
        ColorSpace=pikepdf.Name.DeviceGray,
        BitsPerComponent=1,
    )


@kind
def jbig2(pdf: pikepdf.Pdf) -> Any:
    """A generic region coded as MMR, which is the code of fax group 4 (ITU-T T.88, 6.2.6)."""
    mmr = _fax(scene("1", 0, 1))

    def segment(number: int, type_: int, data: bytes) -> bytes:
        header = number.to_bytes(4) + bytes([type_, 0, 1]) + len(data).to_bytes(4)
        return header + data

    page = WIDTH.to_bytes(4) + HEIGHT.to_bytes(4) + bytes(8) + b"\x00" + b"\x00\x00"
    region = WIDTH.to_bytes(4) + HEIGHT.to_bytes(4) + bytes(8) + b"\x00" + b"\x01"
    data = segment(0, 48, page) + segment(1, 38, region + mmr)
    return stream(
        pdf,
        data,
        Filter=pikepdf.Name.JBIG2Decode,
        ColorSpace=pikepdf.Name.DeviceGray,
        BitsPerComponent=1,
    )


@kind
def jpeg(pdf: pikepdf.Pdf) -> Any:
    data = coded(scene("RGB", (240, 230, 200), (10, 20, 90)), "JPEG", quality=85)
    return stream(
        pdf,
        data,
        Filter=pikepdf.Name.DCTDecode,
        ColorSpace=pikepdf.Name.DeviceRGB,
        BitsPerComponent=8,
    )


@kind
def jpeg_in_cmyk(pdf: pikepdf.Pdf) -> Any:
    data = coded(scene("CMYK", (10, 20, 60, 0), (200, 180, 20, 90)), "JPEG", quality=90)
    return stream(
        pdf,
        data,
        Filter=pikepdf.Name.DCTDecode,
        ColorSpace=pikepdf.Name.DeviceCMYK,
        BitsPerComponent=8,
        Decode=pikepdf.Array([1, 0] * 4),
    )


@kind
def jpeg_inside_flate(pdf: pikepdf.Pdf) -> Any:
    data = zlib.compress(coded(scene("L", 230, 20), "JPEG", quality=85))
    return stream(
        pdf,
        data,
        Filter=pikepdf.Array([pikepdf.Name.FlateDecode, pikepdf.Name.DCTDecode]),
        ColorSpace=pikepdf.Name.DeviceGray,
        BitsPerComponent=8,
    )


@kind
def jpeg2000(pdf: pikepdf.Pdf) -> Any:
    data = coded(scene("RGB", (240, 230, 200), (10, 20, 90)), "JPEG2000")
    return stream(pdf, data, Filter=pikepdf.Name.JPXDecode)


@kind
def writing_in_the_alpha_channel(pdf: pikepdf.Pdf) -> Any:
    black = Image.new("RGB", (WIDTH, HEIGHT), (20, 20, 90)).tobytes()
    alpha = stream(
        pdf,
        scene("L", 0, 255).tobytes(),
        ColorSpace=pikepdf.Name.DeviceGray,
        BitsPerComponent=8,
    )
    return stream(pdf, black, ColorSpace=pikepdf.Name.DeviceRGB, BitsPerComponent=8, SMask=alpha)


@kind
def writing_in_the_colours_below_an_alpha_channel(pdf: pikepdf.Pdf) -> Any:
    alpha = stream(
        pdf,
        Image.new("L", (WIDTH, HEIGHT), 200).tobytes(),
        ColorSpace=pikepdf.Name.DeviceGray,
        BitsPerComponent=8,
    )
    data = scene("L", 230, 20).tobytes()
    return stream(pdf, data, ColorSpace=pikepdf.Name.DeviceGray, BitsPerComponent=8, SMask=alpha)


@kind
def writing_in_a_stencil_mask(pdf: pikepdf.Pdf) -> Any:
    mask = stream(pdf, scene("1", 1, 0).tobytes(), ImageMask=True, BitsPerComponent=1)
    data = Image.new("L", (WIDTH, HEIGHT), 30).tobytes()
    return stream(pdf, data, ColorSpace=pikepdf.Name.DeviceGray, BitsPerComponent=8, Mask=mask)


def placed(maker: Maker, pages: int = 1) -> Drawn:
    pdf = new()
    image = pdf.make_indirect(maker(pdf))
    resources = pdf.make_indirect(pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im=image)))
    for number in range(pages):
        if number:
            pdf.add_blank_page(page_size=(400, 300))
        page = pdf.pages[number].obj
        page["/Resources"] = resources
        page["/Contents"] = pdf.make_stream(b"q 300 0 0 200 50 50 cm /Im Do Q")
    return Drawn(saved(pdf), {1: [rectangle(AREA)]}, ())


def drawn_by_pdfium(path: Path, number: int = 1) -> np.ndarray[Any, Any]:
    with pypdfium2.PdfDocument(path) as document:
        return document[number - 1].render(scale=2).to_numpy()[..., :3].copy()


def images_of(pdf: pikepdf.Pdf) -> list[Any]:
    """Return the images that the first page's resources name."""
    return list(pdf.pages[0].obj["/Resources"]["/XObject"].values())


def area(picture: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    x0, y0, x1, y1 = (2 * v for v in AREA)
    return picture[y0:y1, x0:x1].astype(int)


@pytest.mark.parametrize("name", KINDS)
def test_pixels_are_gone(name: str, tmp_path: Path) -> None:
    drawn = placed(KINDS[name])
    out = erase(tmp_path, drawn, keep_gaps=True)
    before, after = pictures(tmp_path / "in.pdf")[0], pictures(out)[0]
    assert np.ptp(area(before), axis=(0, 1)).max() > 90, "the secret must be there to begin with"
    for picture in (after, drawn_by_pdfium(out)):
        assert np.ptp(area(picture), axis=(0, 1)).max() <= 6
    mask = outside(before.shape, drawn.areas[1], margin=5)  # a pixel and a half of the image
    assert not (before != after).any(axis=2)[mask].any()
    with pikepdf.open(tmp_path / "in.pdf") as old, pikepdf.open(out) as new_file:
        (was,) = images_of(old)
        (now,) = images_of(new_file)
        assert now.get("/ColorSpace") is not None or "/ImageMask" in now
        if "/BitsPerComponent" in was:
            assert now["/BitsPerComponent"] == was["/BitsPerComponent"]
        old_bytes = bytes(was.read_raw_bytes())
    assert old_bytes not in streams_of(out, None)


def test_a_shared_image_changes_on_the_page_of_the_edit_only(tmp_path: Path) -> None:
    drawn = placed(grey, pages=2)
    out = erase(tmp_path, drawn, keep_gaps=True)
    first, second = pictures(out)
    assert np.ptp(area(first), axis=(0, 1)).max() == 0
    assert (second == pictures(tmp_path / "in.pdf")[1]).all()


def test_an_image_that_no_other_page_shows_is_not_kept_by_shared_resources(tmp_path: Path) -> None:
    drawn = placed(grey, pages=2)
    with pikepdf.open(io.BytesIO(drawn.data)) as pdf:
        pdf.pages[1].obj["/Contents"] = pdf.make_stream(b"0 0 10 10 re f")
        drawn.data = saved(pdf)
    out = erase(tmp_path, drawn, keep_gaps=True)
    with pikepdf.open(out) as pdf:
        images = [i for i in pdf.objects if isinstance(i, pikepdf.Stream) and "/Width" in i]
    assert len(images) == 1


def test_inline_image(tmp_path: Path) -> None:
    pdf = new()
    pixels = scene("L", 230, 20).resize((60, 40)).tobytes()
    content = b"q 300 0 0 200 50 50 cm BI /W 60 /H 40 /BPC 8 /CS /G ID " + pixels + b" EI Q"
    pdf.pages[0].obj["/Contents"] = pdf.make_stream(content)
    drawn = Drawn(saved(pdf), {1: [rectangle(AREA)]}, ())
    out = erase(tmp_path, drawn, keep_gaps=True)
    before, after = pictures(tmp_path / "in.pdf")[0], pictures(out)[0]
    assert np.ptp(area(before), axis=(0, 1)).max() > 100
    assert np.ptp(area(after), axis=(0, 1)).max() == 0
    assert pixels not in streams_of(out, None)
    mask = outside(
        before.shape, [rectangle((AREA[0] - 12, AREA[1] - 12, AREA[2] + 12, AREA[3] + 12))]
    )
    assert not (before != after).any(axis=2)[mask].any()


def test_an_image_wholly_under_an_edit_is_not_drawn_any_more(tmp_path: Path) -> None:
    drawn = placed(grey)
    drawn.areas = {1: [rectangle((40, 40, 360, 260))]}
    out = erase(tmp_path, drawn, keep_gaps=True)
    with pikepdf.open(out) as pdf:
        assert not [i for i in pdf.objects if isinstance(i, pikepdf.Stream) and "/Width" in i]


def test_a_large_jpeg_stays_one_and_hardly_changes(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 9, (1200, 900, 3))
    picture = np.clip(np.array([235, 230, 215]) + noise, 0, 255).astype(np.uint8)
    picture[300:340, 200:400:6] = 20
    data = coded(Image.fromarray(picture), "JPEG", quality=75)

    def scan(pdf: pikepdf.Pdf) -> Any:
        image = stream(
            pdf,
            data,
            Filter=pikepdf.Name.DCTDecode,
            ColorSpace=pikepdf.Name.DeviceRGB,
            BitsPerComponent=8,
        )
        image["/Width"], image["/Height"] = 900, 1200
        return image

    drawn = placed(scan)
    drawn.areas = {1: [rectangle((110, 95, 190, 110))]}
    out = erase(tmp_path, drawn, keep_gaps=True)
    assert out.stat().st_size < 1.2 * len(drawn.data)
    before, after = pictures(tmp_path / "in.pdf")[0], pictures(out)[0]
    change = np.abs(before.astype(int) - after)[outside(before.shape, drawn.areas[1])]
    assert change.mean() < 1.0
    assert change.max() < 24


@pytest.mark.parametrize("fill", ["box", "label"])
def test_boxes_hide_what_is_gone_anyway(fill: str, tmp_path: Path) -> None:
    drawn = placed(grey)
    out = erase(tmp_path, drawn, fill, keep_gaps=True)
    with pymupdf.open(out) as document:
        page = document[0]
        assert ("term" in page.get_text()) == (fill == "label")
    assert area(pictures(out)[0]).mean() < 60
    with pikepdf.open(out) as pdf:
        (image,) = images_of(pdf)
        samples = pdf_image_codecs.decode(image).samples
    x0, y0, x1, y1 = SECRET_PIXELS
    assert np.ptp(samples[y0:y1, x0:x1]) == 0
