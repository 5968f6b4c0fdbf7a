"""Where a secret can hide in an image file: one small function a place, each returns (name, bytes)."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin, TiffImagePlugin

from .book import VERA

Maker = Callable[[str], tuple[str, bytes]]
PICTURES: dict[str, Maker] = {}
# Where the secret stands in :func:`scene`, as ``--region`` has it.
REGION = "1:5,5,195,45"


def picture(function: Maker) -> Maker:
    PICTURES[function.__name__] = function
    return function


def scene(secret: str = "", mode: str = "RGB") -> Image.Image:
    """Return a picture with the secret at its top and a word that stays at its bottom."""
    image = Image.new("RGB", (200, 100), "white")
    pen = ImageDraw.Draw(image)
    pen.text((12, 12), secret, font=ImageFont.truetype(str(VERA), 20), fill="black")
    pen.text((12, 62), "Meadow", font=ImageFont.truetype(str(VERA), 20), fill="black")
    return image.convert(mode)


def crop(secret: str) -> Any:
    """Return how the secret looks in grey."""
    grey = np.asarray(scene(secret, "L"))[:50]
    ink = np.argwhere(grey < 128)
    (top, left), (bottom, right) = ink.min(axis=0), ink.max(axis=0) + 1
    return grey[top:bottom, left:right].copy()


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _exif(secret: str) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010E] = exif[0x013B] = f"by {secret}"
    exif[0x9C9D] = f"by {secret}".encode("utf-16-le")
    return exif


@picture
def png_text(secret: str) -> tuple[str, bytes]:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", secret)
    info.add_text("Comment", f"of {secret} " * 9, zip=True)
    info.add_itxt("Title", f"of {secret} " * 9, zip=True)
    return "a.png", saved(scene(secret), "PNG", pnginfo=info)


@picture
def png_exif(secret: str) -> tuple[str, bytes]:
    return "a.png", saved(scene(secret), "PNG", exif=_exif(secret))


@picture
def png_private_chunk_and_tail(secret: str) -> tuple[str, bytes]:
    data = saved(scene(secret), "PNG")
    body = secret.encode()
    chunk = len(body).to_bytes(4, "big") + b"prVt" + body
    chunk += zlib.crc32(b"prVt" + body).to_bytes(4, "big")
    return "a.png", data[:33] + chunk + data[33:] + body


@picture
def png_profile(secret: str) -> tuple[str, bytes]:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return "a.png", saved(scene(secret), "PNG", icc_profile=profile + secret.encode())


@picture
def png_colours_below_alpha(secret: str) -> tuple[str, bytes]:
    """The page looks white: the secret is in colours that are wholly transparent."""
    image = scene(secret)
    image.putalpha(Image.new("L", image.size, 0))
    return "a.png", saved(image, "PNG")


@picture
def png_writing_in_alpha(secret: str) -> tuple[str, bytes]:
    image = Image.new("RGB", (200, 100), "black")
    image.putalpha(Image.eval(scene(secret, "L"), lambda v: 255 - v))
    return "a.png", saved(image, "PNG")


@picture
def jpeg_metadata(secret: str) -> tuple[str, bytes]:
    data = saved(scene(secret), "JPEG", exif=_exif(secret), comment=f"of {secret}", quality=92)
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x>" + secret.encode() + b"</x>"
    segment = b"\xff\xe1" + (len(xmp) + 2).to_bytes(2, "big") + xmp
    press = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x20" + secret.encode().ljust(32, b"\0")
    more = b"\xff\xed" + (len(press) + 2).to_bytes(2, "big") + press
    return "a.jpg", data[:2] + segment + more + data[2:] + secret.encode()


@picture
def jpeg_thumbnail(secret: str) -> tuple[str, bytes]:
    small = saved(scene(secret), "JPEG", quality=92, comment=secret)
    head = b"Exif\0\0II*\0\x08\0\0\0\0\0\x0e\0\0\0"
    return "a.jpg", saved(scene(secret), "JPEG", quality=92, exif=head + small)


@picture
def jpeg_second_picture(secret: str) -> tuple[str, bytes]:
    """A JPEG of two pictures (MPO), as phones write them."""
    second = scene(secret)
    return "a.jpg", saved(scene(secret), "MPO", save_all=True, append_images=[second])


@picture
def webp_metadata(secret: str) -> tuple[str, bytes]:
    options = {"exif": _exif(secret), "xmp": f"<x>{secret}</x>".encode()}
    return "a.webp", saved(scene(secret), "WEBP", lossless=True, **options)


@picture
def tiff_tags(secret: str) -> tuple[str, bytes]:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for tag in (269, 270, 271, 305, 315, 316, 33432, 65001):
        tags[tag] = f"of {secret}"
        tags.tagtype[tag] = 2
    tags[700] = f"<x>{secret}</x>".encode()
    tags.tagtype[700] = 1
    return "a.tiff", saved(scene(secret), "TIFF", tiffinfo=tags)


@picture
def tiff_tags_of_a_later_page(secret: str) -> tuple[str, bytes]:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[270] = f"of {secret}"
    first, second = scene(secret), scene()
    second.encoderinfo = {"tiffinfo": tags}
    return "a.tiff", saved(first, "TIFF", save_all=True, append_images=[second])


@picture
def tiff_with_a_tail(secret: str) -> tuple[str, bytes]:
    return "a.tiff", saved(scene(secret), "TIFF") + b"\0" * 9 + secret.encode()


@picture
def bmp_with_a_tail(secret: str) -> tuple[str, bytes]:
    return "a.bmp", saved(scene(secret), "BMP") + secret.encode()


@picture
def indexed_colours_that_differ_by_one(secret: str) -> tuple[str, bytes]:
    """White on almost white: nobody sees it, everybody can stretch the contrast."""
    ink = np.asarray(scene(secret, "L")) < 128
    image = Image.fromarray(ink.astype(np.uint8), "P")
    image.putpalette([255, 255, 255, 254, 254, 254])
    return "a.png", saved(image, "PNG")


@picture
def palette_with_transparency(secret: str) -> tuple[str, bytes]:
    image = scene(secret).quantize(8)
    return "a.png", saved(image, "PNG", transparency=0)


@picture
def sixteen_bits(secret: str) -> tuple[str, bytes]:
    grey = np.asarray(scene(secret, "L")).astype(np.uint16) * 257
    return "a.png", saved(Image.fromarray(grey), "PNG")


@picture
def four_inks(secret: str) -> tuple[str, bytes]:
    return "a.jpg", saved(scene(secret, "CMYK"), "JPEG", quality=95)


def _pages(secret: str, mode: str, compression: str) -> tuple[str, bytes]:
    first, second = scene(secret, mode), scene("", mode)
    more: dict[str, Any] = {"save_all": True, "append_images": [second], "compression": compression}
    return "a.tiff", saved(first, "TIFF", **more)


@picture
def fax_page(secret: str) -> tuple[str, bytes]:
    return _pages(secret, "1", "group4")


@picture
def lzw_page(secret: str) -> tuple[str, bytes]:
    return _pages(secret, "L", "tiff_lzw")


@picture
def jpeg_page(secret: str) -> tuple[str, bytes]:
    return _pages(secret, "RGB", "jpeg")
