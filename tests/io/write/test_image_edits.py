"""Image files: blank under edits, the same kind of file elsewhere, and nothing carried along."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, PngImagePlugin

from docharmony.io import verify_image
from docharmony.io.write import image as writer

NAME = "Zebulon Quark"
BOX = (50, 40, 220, 72)
KEPT = (60, 110, 200, 140)


def scene(mode: str, paper: Any, ink: Any) -> Image.Image:
    picture = Image.new(mode, (320, 180), paper)
    draw = ImageDraw.Draw(picture)
    for x0, y0, x1, y1 in ((60, 46, 210, 66), KEPT):
        for x in range(x0, x1, 8):
            draw.rectangle((x, y0, x + 3, y1), fill=ink)
    return picture


def erase(path: Path, out: Path, fill: str = "erase", pages: dict[str, Any] | None = None) -> Any:
    """Apply one edit a page with a painter that fills with the median of the crop."""
    blank = out.with_suffix(".blank")
    polygon = [(BOX[0], BOX[1]), (BOX[2], BOX[1]), (BOX[2], BOX[3]), (BOX[0], BOX[3])]
    item = {"polygon": polygon, "rule": "pii:name", "original": NAME}
    value, blobs = writer.erase(
        [],
        path=str(path),
        password=None,
        edits=pages or {"1": [item]},
        fill=fill,
        profile="minimal",
        terms=[],
        whole_words=False,
        out=str(blank),
        keep_gaps=True,
    )
    filled: list[bytes] = []
    for index, (height, width) in enumerate(value["crops"]):
        crop = np.frombuffer(blobs[2 * index], np.uint8).reshape(height, width, 3).copy()
        mask = np.frombuffer(blobs[2 * index + 1], np.uint8).reshape(height, width).astype(bool)
        assert not crop[mask].any()
        crop[mask] = np.median(crop[~mask], axis=0)
        filled += [crop.tobytes(), bytes(blobs[2 * index + 1])]
    if filled:
        writer.finish(filled, path=str(blank), password=None, crops=value["crops"], out=str(out))
    else:
        blank.rename(out)
    return value


def checks(out: Path, source: Path) -> set[str]:
    """Return the names of failed checks."""
    polygon = [(BOX[0], BOX[1]), (BOX[2], BOX[1]), (BOX[2], BOX[3]), (BOX[0], BOX[3])]
    found, _ = verify_image.check(
        [],
        path=str(out),
        source=str(source),
        polygons={"1": [polygon]},
        needles=[NAME],
        terms=[],
        whole_words=False,
    )
    return {name for name, passed, _ in found if not passed}


def eight_bits(picture: Image.Image) -> Image.Image:
    if not picture.mode.startswith("I"):
        return picture
    return Image.fromarray((np.asarray(picture).astype(int) >> 8).astype(np.uint8))


def box_of(path: Path, mode: str = "RGB") -> np.ndarray[Any, Any]:
    with Image.open(path) as opened:
        array = np.asarray(eight_bits(opened).convert(mode)).astype(int)
    return array[BOX[1] : BOX[3], BOX[0] : BOX[2]]


Make = Callable[[], tuple[str, Image.Image, dict[str, Any]]]
FILES: dict[str, Make] = {
    "grey": lambda: ("PNG", scene("L", 240, 10), {}),
    "colour": lambda: ("PNG", scene("RGB", (240, 230, 210), (10, 10, 80)), {}),
    "alpha": lambda: ("PNG", scene("RGBA", (240, 230, 210, 255), (10, 10, 80, 255)), {}),
    "grey_alpha": lambda: ("PNG", scene("LA", (240, 255), (10, 255)), {}),
    "one_bit": lambda: ("PNG", scene("1", 1, 0), {}),
    "palette": lambda: ("PNG", scene("RGB", (240, 230, 210), (10, 10, 80)).quantize(8), {}),
    "sixteen_bit": lambda: (
        "PNG",
        Image.fromarray(np.asarray(scene("L", 240, 10)).astype(np.uint16) * 257),
        {},
    ),
    "jpeg": lambda: ("JPEG", scene("RGB", (240, 230, 210), (10, 10, 80)), {"quality": 80}),
    "grey_jpeg": lambda: ("JPEG", scene("L", 240, 10), {"quality": 80}),
    "cmyk_jpeg": lambda: ("JPEG", scene("CMYK", (5, 5, 20, 0), (200, 190, 90, 60)), {}),
    "tiff_fax": lambda: ("TIFF", scene("1", 1, 0), {"compression": "group4"}),
    "tiff_lzw": lambda: ("TIFF", scene("L", 240, 10), {"compression": "tiff_lzw"}),
    "tiff_cmyk": lambda: ("TIFF", scene("CMYK", (5, 5, 20, 0), (200, 190, 90, 60)), {}),
    "webp": lambda: ("WEBP", scene("RGB", (240, 230, 210), (10, 10, 80)), {"quality": 80}),
    "webp_exact": lambda: (
        "WEBP",
        scene("RGBA", (240, 230, 210, 255), (10, 10, 80, 255)),
        {"lossless": True},
    ),
    "bmp": lambda: ("BMP", scene("RGB", (240, 230, 210), (10, 10, 80)), {}),
}
LOSSY = {"jpeg", "grey_jpeg", "cmyk_jpeg", "webp"}


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_file(name: str, tmp_path: Path) -> None:
    kind, picture, options = FILES[name]()
    source, out = tmp_path / "in", tmp_path / "out"
    picture.save(source, kind, **options)
    erase(source, out)
    assert np.ptp(box_of(source), axis=(0, 1)).max() > 100
    assert np.ptp(box_of(out), axis=(0, 1)).max() <= (12 if name in LOSSY else 0)
    with Image.open(source) as old, Image.open(out) as new:
        assert (new.format, new.mode, new.size) == (old.format, old.mode, old.size)
        if kind == "TIFF":
            assert new.info["compression"] == old.info["compression"]
        x0, y0, x1, y1 = KEPT
        was = np.asarray(eight_bits(old).convert("RGB")).astype(int)[y0:y1, x0:x1]
        now = np.asarray(eight_bits(new).convert("RGB")).astype(int)[y0:y1, x0:x1]
        assert np.abs(was - now).mean() <= (4 if name in LOSSY else 0)
    assert checks(out, source) == set()
    assert "pixels" in checks(source, source)


@pytest.mark.parametrize("fill", ["box", "label"])
@pytest.mark.parametrize("name", ["grey", "palette", "one_bit", "cmyk_jpeg", "alpha"])
def test_boxes(fill: str, name: str, tmp_path: Path) -> None:
    kind, picture, options = FILES[name]()
    source, out = tmp_path / "in", tmp_path / "out"
    picture.save(source, kind, **options)
    value = erase(source, out, fill)
    assert value["crops"] == []
    area = box_of(out, "L")
    assert np.median(area) < 50
    assert (area.max() > 150) == (fill == "label")
    assert checks(out, source) == set()


def test_nothing_is_carried_along(tmp_path: Path) -> None:
    picture = scene("RGB", (240, 230, 210), (10, 10, 80))
    exif = Image.Exif()
    exif[0x010E], exif[0x013B] = NAME, NAME
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", NAME)
    texts.add_itxt("XML:com.adobe.xmp", f"<x>{NAME}</x>")
    profile = b"\x00" * 128
    for kind, options in {
        "PNG": {"pnginfo": texts, "exif": exif, "dpi": (200, 200)},
        "JPEG": {"comment": NAME.encode(), "exif": exif, "dpi": (200, 200)},
        "WEBP": {"exif": exif, "xmp": f"<x>{NAME}</x>".encode(), "icc_profile": profile},
        "TIFF": {"description": NAME, "artist": NAME, "dpi": (200, 200)},
    }.items():
        source, out = tmp_path / f"in.{kind}", tmp_path / f"out.{kind}"
        picture.save(source, kind, **options)
        assert NAME.encode() in source.read_bytes()
        value = erase(source, out)
        assert NAME.encode() not in out.read_bytes()
        assert checks(out, source) == set()
        assert {"bytes", "pixels"} <= checks(source, source)
        if kind != "TIFF":
            assert value["carriers"]
        with Image.open(out) as opened:
            if "dpi" in options:
                assert round(opened.info["dpi"][0]) == 200
            assert opened.info.get("icc_profile") == options.get("icc_profile")


def test_orientation_is_applied_and_its_tag_dropped(tmp_path: Path) -> None:
    upright = scene("RGB", (240, 230, 210), (10, 10, 80))
    stored = upright.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    source, out = tmp_path / "in.png", tmp_path / "out.png"
    stored.save(source, "PNG", exif=exif)
    erase(source, out)
    with Image.open(out) as opened:
        assert opened.size == upright.size
        assert not len(opened.getexif())
    assert np.ptp(box_of(out), axis=(0, 1)).max() == 0


def test_pages_of_a_tiff_stay_and_frames_of_an_animation_go(tmp_path: Path) -> None:
    first, second = scene("L", 240, 10), scene("L", 200, 30)
    source, out = tmp_path / "in.tif", tmp_path / "out.tif"
    first.save(source, "TIFF", save_all=True, append_images=[second], compression="tiff_lzw")
    erase(source, out)
    with Image.open(out) as opened:
        assert opened.n_frames == 2
        opened.seek(1)
        assert (np.asarray(opened) == np.asarray(second)).all()
    assert checks(out, source) == set()
    moving, still = tmp_path / "in.webp", tmp_path / "out.webp"
    first.save(moving, "WEBP", save_all=True, append_images=[second], lossless=True)
    assert {"where": "further frames", "action": "removed"} in erase(moving, still)["carriers"]
    with Image.open(still) as opened:
        assert getattr(opened, "n_frames", 1) == 1


def test_a_thumbnail_in_exif_goes(tmp_path: Path) -> None:
    thumbnail = io.BytesIO()
    scene("L", 240, 10).resize((160, 90)).save(thumbnail, "JPEG")
    exif = Image.Exif()
    exif[0x010E] = "x"
    source, out = tmp_path / "in.jpg", tmp_path / "out.jpg"
    scene("L", 240, 10).save(source, "JPEG", exif=exif.tobytes() + thumbnail.getvalue())
    assert source.read_bytes().count(b"\xff\xd8\xff") == 2
    erase(source, out)
    assert out.read_bytes().count(b"\xff\xd8\xff") == 1
