from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from docharmony.errors import BrokenError, InputError, LimitExceededError
from docharmony.geometry import BBox
from docharmony.io.limits import Limits
from docharmony.io.source import open_source
from docharmony.model import Page, PageFailure
from docharmony.routing import classify
from tests.resources import bad

DEMO = Path(__file__).parents[1] / "resources" / "demo"
RED, WHITE = (255, 0, 0), (255, 255, 255)


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def corner() -> Image.Image:
    """White, 60 x 30, with a red box in the top left corner."""
    image = Image.new("RGB", (60, 30), WHITE)
    image.paste(RED, (0, 0, 20, 10))
    return image


def test_a_page_of_pixels() -> None:
    with open_source(saved(corner(), dpi=(300, 300)), dpi=150) as source:
        page = source.page(1)
        assert page == Page(1, 60, 30, "px", 0, 300, images=(BBox(0, 0, 60, 30),))
        assert classify(page) == "scan"
        raster = source.raster(1)
        assert (raster.shape, raster.dtype) == ((30, 60, 3), np.uint8)
        assert tuple(raster[5, 5]) == RED
        assert tuple(raster[20, 40]) == WHITE
        assert np.array_equal(source.raster(1, 300), raster)
        assert source.raster(1, 150).shape == (15, 30, 3)
        assert source.raster(1, 600).shape == (60, 120, 3)
        assert source.glyphs(1) == ()
        assert source.graphics(1).rules == ()


def test_the_dpi_is_the_callers_where_the_file_has_none() -> None:
    with open_source(saved(corner()), dpi=150) as source:
        assert source.page(1).dpi == 150
    with open_source(saved(corner(), "JPEG", dpi=(72, 72)), dpi=150) as source:
        assert source.page(1).dpi == 150


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize(("orientation", "turn"), [(1, 0), (3, 180), (6, 90), (8, 270)])
def test_exif_turns_the_page(kind: str, orientation: int, turn: int) -> None:
    upright = corner()
    stored = upright.rotate(turn, expand=True)  # the viewer turns it back, clockwise
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95} if kind in ("JPEG", "WEBP") else {}
    with open_source(saved(stored, kind, exif=exif, **options)) as source:
        page = source.page(1)
        assert (page.width, page.height, page.rotation) == (60, 30, turn)
        difference = source.raster(1).astype(int) - np.asarray(upright)
        assert np.abs(difference).mean() < 3


@pytest.mark.parametrize(
    ("mode", "kind", "seen"),
    [
        ("1", "TIFF", (0, 0, 0)),
        ("L", "PNG", (76, 76, 76)),
        ("P", "PNG", RED),
        ("P", "BMP", RED),
        ("CMYK", "JPEG", RED),
        ("CMYK", "TIFF", RED),
        ("YCbCr", "TIFF", RED),
        ("LAB", "TIFF", None),
    ],
)
def test_all_kinds_of_pixels(mode: str, kind: str, seen: tuple[int, int, int] | None) -> None:
    image = Image.new("LAB", (60, 30)) if mode == "LAB" else corner().convert(mode, dither=0)
    options = {"quality": 95} if kind == "JPEG" else {}
    with open_source(saved(image, kind, **options)) as source:
        raster = source.raster(1)
        assert raster.shape == (30, 60, 3)
        if seen is not None:
            assert np.abs(raster[2, 2].astype(int) - seen).max() <= 3
            assert np.abs(raster[-2, -2].astype(int) - WHITE).max() <= 3


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_is_white(mode: str) -> None:
    image = Image.new(mode, (60, 30), (0, 0, 0, 0) if mode == "RGBA" else (0, 0))
    with open_source(saved(image)) as source:
        assert (source.raster(1) == 255).all()


def test_a_transparent_colour_of_a_palette() -> None:
    image = corner().convert("P")
    index = image.getpixel((0, 0))
    with open_source(saved(image, transparency=index)) as source:
        assert tuple(source.raster(1)[2, 2]) == WHITE


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_keep_their_tones(kind: str) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(4, 0)
    with open_source(saved(Image.fromarray(ramp), kind)) as source:
        row = source.raster(1)[0, :, 0].astype(int)
        assert np.abs(row - np.arange(256)).max() <= 1


def test_floats_and_wide_integers_are_stretched() -> None:
    for values in (np.linspace(0, 1, 256, dtype=np.float32), np.arange(256, dtype=np.int32) * 1000):
        image = Image.fromarray(values[None].repeat(4, 0))
        with open_source(saved(image, "TIFF")) as source:
            row = source.raster(1)[0, :, 0].astype(int)
            assert (row[0], row[-1]) == (0, 255)
            assert (np.diff(row) >= 0).all()


def test_floats_that_are_no_numbers() -> None:
    image = Image.fromarray(np.full((4, 4), np.nan, np.float32))
    with (
        open_source(saved(image, "TIFF")) as source,
        pytest.raises(BrokenError, match="no numbers"),
    ):
        source.page(1)


def test_a_colour_profile_is_followed() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # The same with red and blue exchanged, and with a name that does not say sRGB.
    exchanged = srgb.replace(b"rXYZ", b"tXYZ").replace(b"bXYZ", b"rXYZ").replace(b"tXYZ", b"bXYZ")
    exchanged = exchanged.replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))
    for profile, seen in ((srgb, RED), (exchanged, (0, 0, 255)), (b"rubbish", RED)):
        with open_source(saved(corner(), icc_profile=profile)) as source:
            assert np.abs(source.raster(1)[2, 2].astype(int) - seen).max() <= 3


def test_the_pages_of_a_tiff() -> None:
    with open_source(bad.tiff_pages(3)) as source:
        pages = list(source.pages())
        assert [
            (page.number, page.width, page.dpi) for page in pages if isinstance(page, Page)
        ] == [
            (1, 100, 300),
            (2, 110, 300),
            (3, 120, 300),
        ]
        assert source.raster(2).shape == (80, 110, 3)
        assert source.raster(1).shape == (80, 100, 3)
        with pytest.raises(InputError, match="no such page"):
            source.raster(4)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP"])
def test_a_truncated_image_is_broken_not_half_read(kind: str) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (200, 200, 3), np.uint8)
    data = saved(Image.fromarray(noise), kind)
    with pytest.raises(BrokenError) as caught, open_source(data[: len(data) // 2]) as source:
        (failure,) = source.pages()
        assert isinstance(failure, PageFailure)
        source.page(1)
    assert "\n" not in str(caught.value)


def test_scaling_up_is_limited_too() -> None:
    with open_source(saved(corner()), dpi=100, limits=Limits(max_pixels=10_000)) as source:
        assert source.raster(1, 200).shape == (60, 120, 3)
        with pytest.raises(LimitExceededError, match="600 x 300 pixels"):
            source.raster(1, 1000)


def test_the_photograph_of_the_demonstration() -> None:
    with open_source(DEMO / "photo.jpg") as source:
        page = source.page(1)
        assert (page.width, page.height, page.rotation) == (1350, 1800, 90)
