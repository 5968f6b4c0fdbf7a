"""Image decoding by Pillow. Runs in a :class:`.child.Child` only; nothing else imports it."""

from __future__ import annotations

import functools
import io
import math
from typing import Any, cast

from PIL import Image, ImageCms, ImageOps

from ..errors import BrokenError, InputError, LimitExceededError
from .wire import Buffer

Reply = tuple[Any, list[Buffer]]

# We look at the size in the header ourselves, before anything is decoded.
Image.MAX_IMAGE_PIXELS = None

# One decoder a type: no other may guess at the bytes.
_FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/tiff": "TIFF",
    "image/webp": "WEBP",
    "image/bmp": "BMP",
}

_ORIENTATION = 0x0112
# Degrees clockwise that a viewer turns the pixels by, for each EXIF orientation.
_TURNS = {3: 180, 4: 180, 5: 270, 6: 90, 7: 90, 8: 270}

# What the dpi field of a file may say to be believed: 72 is what programs write when nobody told them.
_LEAST_DPI, _MOST_DPI = 75, 4800


def info(
    blobs: list[bytearray], *, path: str, media_type: str, max_pages: int, max_pixels: int
) -> Reply:
    """Open the file, look at the first page, and return how many pages it has."""
    with _open(path, media_type, 1, max_pixels) as image:
        # Frames of an animation are no pages.
        pages = getattr(image, "n_frames", 1) if media_type == "image/tiff" else 1
    if pages > max_pages:
        raise LimitExceededError(
            "cannot open the file",
            why=f"it has {pages} pages, more than {max_pages}",
            hint="Split it first.",
        )
    return pages, []


def page(
    blobs: list[bytearray], *, path: str, media_type: str, number: int, max_pixels: int
) -> Reply:
    """Decode the page and return its size as displayed, its rotation, and its dpi or null."""
    image, rotation, dpi = _decoded(path, media_type, number, max_pixels)
    return {"size": image.size, "rotation": rotation, "dpi": dpi}, []


def raster(
    blobs: list[bytearray],
    *,
    path: str,
    media_type: str,
    number: int,
    scale: float,
    max_pixels: int,
) -> Reply:
    """Return (width, height) and the RGB bytes of the page, scaled."""
    image, _, _ = _decoded(path, media_type, number, max_pixels)
    if scale != 1:
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        _check_pixels(size, max_pixels)
        image = image.resize(size, Image.Resampling.BICUBIC)
    return image.size, [image.tobytes()]


def unseen(
    blobs: list[bytearray], *, path: str, media_type: str, number: int, max_pixels: int, kind: str
) -> Reply:
    """Return what transparency hides, upright: (width, height) and RGB bytes; (0, 0) for nothing.

    Args:
        blobs: none.
        path, media_type, number, max_pixels: as for :func:`raster`.
        kind: ``"alpha"`` for the channel itself, ``"colours"`` for what is under it.
    """
    with _open(path, media_type, number, max_pixels) as opened:
        clear = "transparency" in opened.info or opened.mode in ("RGBA", "RGBa", "LA", "La", "PA")
        if not clear:
            return (0, 0), []
        try:
            image = ImageOps.exif_transpose(opened).convert("RGBA")
        except MemoryError:
            raise
        except Exception as error:
            raise _broken("its pixels cannot be decoded; it may be cut off") from error
    alpha = image.getchannel("A")
    low, high = cast(tuple[int, int], alpha.getextrema())
    if (kind == "alpha" and low == high) or (kind == "colours" and low == 255):
        return (0, 0), []
    found = (alpha if kind == "alpha" else image).convert("RGB")
    return found.size, [found.tobytes()]


@functools.lru_cache(maxsize=1)
def _decoded(
    path: str, media_type: str, number: int, max_pixels: int
) -> tuple[Image.Image, int, int | None]:
    """Return the page upright and in sRGB, the degrees it was turned by, and its dpi if it says.

    The last one is kept: a page is looked at, then rendered, then often rendered again.
    """
    with _open(path, media_type, number, max_pixels) as image:
        try:
            orientation = image.getexif().get(_ORIENTATION, 1)
            dpi = _dpi(image.info.get("dpi"))
            image.load()
            return _rgb(ImageOps.exif_transpose(image)), _TURNS.get(orientation, 0), dpi
        except (MemoryError, InputError):
            raise
        except Exception as error:
            raise _broken("its pixels cannot be decoded; it may be cut off") from error


def _open(path: str, media_type: str, number: int, max_pixels: int) -> Image.Image:
    """Open the file at one of its pages without decoding it."""
    try:
        image: Image.Image = Image.open(path, formats=[_FORMATS[media_type]])
        if number > 1:
            image.seek(number - 1)
    except MemoryError:
        raise
    except Exception as error:
        raise _broken("its header makes no sense") from error
    if image.width < 1 or image.height < 1:
        raise _broken("it has no pixels")
    _check_pixels(image.size, max_pixels)
    return image


def _check_pixels(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise LimitExceededError(
            "cannot read the image",
            why=f"it has {width} x {height} pixels, more than {max_pixels / 1e6:g} million",
            hint="Scale it down, or raise max_pixels of the limits.",
        )


def _broken(why: str) -> BrokenError:
    return BrokenError(
        "cannot read the image",
        why=why,
        hint="Open it in a viewer and save it again, or fetch it anew.",
    )


def _dpi(value: Any) -> int | None:
    try:
        x, y = float(value[0]), float(value[1])
    except (TypeError, ValueError, IndexError, ZeroDivisionError):
        return None
    dpi = math.sqrt(x * y) if x > 0 and y > 0 else 0.0
    return round(dpi) if _LEAST_DPI <= dpi <= _MOST_DPI else None


def _rgb(image: Image.Image) -> Image.Image:
    """Return the image in sRGB; what is transparent becomes white, as on paper."""
    image = _eight_bits(image)
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    elif image.mode in ("L", "RGB") and "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode in ("RGBA", "RGBa", "LA", "La", "PA"):
        alpha = image.convert("RGBA").getchannel("A")
        paper = Image.new("RGB", image.size, "white")
        paper.paste(_to_srgb(image.convert("RGB"), image.info.get("icc_profile")), mask=alpha)
        return paper
    return _to_srgb(image, image.info.get("icc_profile"))


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return the image with at most eight bits a channel; float and 32 bit ones are stretched."""
    if image.mode.startswith("I;16"):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode not in ("I", "F"):
        return image
    low, high = cast(tuple[float, float], image.getextrema())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise _broken("its pixels are no numbers")
    if image.mode == "I" and low >= 0 and 255 < high < 65536:
        low, high = 0.0, 65535.0
    elif low >= 0 and high <= 1 and image.mode == "F":
        low, high = 0.0, 1.0
    elif low >= 0 and high <= 255:
        low, high = 0.0, 255.0
    factor = 255 / (high - low) if high > low else 0.0
    return image.convert("F").point(lambda value: value * factor + (-low * factor)).convert("L")


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the image in sRGB, by its colour profile where it has one that fits."""
    if profile and image.mode in ("RGB", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            space = source.profile.xcolor_space.strip()
            if space == image.mode and "sRGB" not in ImageCms.getProfileDescription(source):
                converted = ImageCms.profileToProfile(
                    image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
                )
                return converted or image.convert("RGB")
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass  # a damaged profile says nothing about the pixels
    return image.convert("RGB")
