"""Makes one font file small and decides whether its letters look like letters."""

from __future__ import annotations

import io
import logging
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from .fonts import ranges

KEPT = (
    *range(0x20, 0x7F), *range(0xA0, 0x250), *range(0x370, 0x400), *range(0x400, 0x460), 0x490,
    0x491, *range(0x1E80, 0x1E86), *range(0x1EA0, 0x1EFA), *range(0x2010, 0x2028), 0x2030,
    0x2032, 0x2033, 0x2039, 0x203A, 0x2044, 0x20AC, 0x2116, 0x2122, *range(0x2190, 0x2194),
    0x2212, 0x2260, 0x2264, 0x2265,
)  # fmt: skip
_NEEDED = "ABCXYZabcxyz0123456789.,:-()"
_COMPARED = "abdeghkmnprtyABDEGKMRS2345679"
_CASES = "abdeghr"
_LARGEST = 160_000  # bytes after subsetting
_NO_LETTERS = ("symbol", "emoji", "math", "dingbat", "braille", "music", "icon", "awesome", "dseg",
               "barcode", "ornament", "initials")  # fmt: skip
_DROPPED = ("DSIG", "FFTM", "PfEd", "STAT", "SVG ", "COLR", "CPAL", "CBDT", "CBLC", "meta", "BDF ")


class Prepared(NamedTuple):
    """A font ready to be stored; ``coverage`` are inclusive ranges of code points."""

    data: bytes
    family: str
    style: str
    coverage: list[list[int]]


def prepare(path: Path) -> Prepared | None:
    """Return a font subset to Latin, Greek and Cyrillic, or None when it is of no use."""
    from fontTools import subset
    from fontTools.ttLib import TTFont, TTLibError

    logging.getLogger("fontTools").setLevel(logging.ERROR)  # it warns of every odd date
    if path.stat().st_size > 4_000_000:
        return None
    try:
        font = TTFont(path, fontNumber=0)
        covered = set(font.getBestCmap() or {}) & set(KEPT)
        family, style = _names(font, path)
        lower = (path.name + family).lower()
        if (
            not {ord(c) for c in _NEEDED} <= covered
            or "fvar" in font
            or any(word in lower for word in _NO_LETTERS)
        ):
            return None
        options = subset.Options()
        options.layout_features, options.hinting, options.glyph_names = ["kern"], False, False
        options.name_IDs, options.notdef_outline = [1, 2], True
        options.drop_tables += list(_DROPPED)
        options.ignore_missing_unicodes = True
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=covered)
        subsetter.subset(font)
        buffer = io.BytesIO()
        font.save(buffer)
        data = buffer.getvalue()
        if len(data) > _LARGEST or not looks_like_letters(data):
            return None
    except (TTLibError, KeyError, ValueError, AssertionError, OSError, AttributeError):
        return None  # a font that the tools cannot read
    return Prepared(data, family, style, ranges(covered))


def looks_like_letters(data: bytes) -> bool:
    """Return whether glyphs resemble those of a plain font, and small letters differ from capitals."""
    font = _open(data)
    glyphs = {c: _glyph(font, c) for c in {*_COMPARED, *_CASES, *_CASES.upper()}}
    shapes = {c: glyph for c, glyph in glyphs.items() if glyph is not None}
    if len(shapes) < len(glyphs):
        return False
    plain = _plain()
    alike = float(np.mean([_alike(shapes[c], plain[c]) for c in _COMPARED]))
    cases = float(np.mean([_alike(shapes[c], shapes[c.upper()]) for c in _CASES]))
    height = -font.getbbox("H", anchor="ls")[1] / _SIZE
    return alike > 0.4 and cases < 0.75 and 0.3 < height < 1.05


_SIZE = 48
_Shape = npt.NDArray[np.float32]


def _open(data: bytes) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(io.BytesIO(data), _SIZE, layout_engine=ImageFont.Layout.BASIC)


@cache
def _plain() -> dict[str, _Shape]:
    """Return the shapes of the font that Pillow carries."""
    font = ImageFont.load_default(_SIZE)
    assert isinstance(font, ImageFont.FreeTypeFont)
    shapes = {c: _glyph(font, c) for c in _COMPARED}
    return {c: shape for c, shape in shapes.items() if shape is not None}


def _glyph(font: ImageFont.FreeTypeFont, character: str) -> _Shape | None:
    x0, y0, x1, y1 = (int(v) for v in font.getbbox(character))
    if x1 - x0 < 2 or y1 - y0 < 2:
        return None
    image = Image.new("L", (x1 - x0, y1 - y0))
    ImageDraw.Draw(image).text((-x0, -y0), character, font=font, fill=255)
    return np.asarray(image.resize((24, 24), Image.Resampling.BILINEAR), np.float32).ravel()


def _alike(a: _Shape, b: _Shape) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-6))


def _names(font: Any, path: Path) -> tuple[str, str]:
    names = font["name"]
    family = names.getDebugName(16) or names.getDebugName(1) or path.stem
    return family.strip(), names.getDebugName(17) or names.getDebugName(2) or ""
