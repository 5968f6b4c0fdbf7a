"""How far each character code of a PDF font moves the pen, and the box its glyph stands in.

Only what removal needs: splitting a shown string into codes, and widths (ISO 32000-2, 9.2.4 and
9.7.4.3). What a code *means* is never asked: text is removed by place, so that a font with a lying or
missing ToUnicode map hides nothing.
"""

# mypy: disallow-untyped-calls=False
# PyMuPDF ships annotations for a part of its functions only.

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import pikepdf

from ..drawn_text import to_unicode

# Upper half of StandardEncoding (ISO 32000-2, annex D), as far as it differs from Latin-1.
_STANDARD = {
    0x27: "\u2019",
    0x60: "\u2018",
    **dict(zip(range(0xA1, 0xB0), "¡¢£⁄¥ƒ§¤'“«‹›ﬁﬂ", strict=True)),
    0xB1: "–", 0xB2: "†", 0xB3: "‡", 0xB4: "·", 0xB6: "¶", 0xB7: "•", 0xB8: "‚", 0xB9: "„",
    0xBA: "”", 0xBB: "»", 0xBC: "…", 0xBD: "‰", 0xBF: "¿", 0xC1: "`", 0xC2: "´", 0xC3: "ˆ",
    0xC4: "˜", 0xC5: "¯", 0xC6: "˘", 0xC7: "˙", 0xC8: "¨", 0xCA: "˚", 0xCB: "¸", 0xCD: "˝",
    0xCE: "˛", 0xCF: "ˇ", 0xD0: "—", 0xE1: "Æ", 0xE3: "ª", 0xE8: "Ł", 0xE9: "Ø", 0xEA: "Œ",
    0xEB: "º", 0xF1: "æ", 0xF5: "ı", 0xF8: "ł", 0xF9: "ø", 0xFA: "œ", 0xFB: "ß",
}  # fmt: skip
_CODECS = {"/WinAnsiEncoding": "cp1252", "/MacRomanEncoding": "mac_roman"}
# The body of a glyph in em: enough to tell on which line it stands, and never trusted to a font's
# own ascent and descent, which are often 0 or wildly large.
_BODY = (-0.2, 0.75)


@dataclass(frozen=True, slots=True)
class Glyph:
    """One shown code.

    Attributes:
        code: the bytes that show it.
        advance: how far it moves the pen, in text space units for font size 1 (vertical: negative).
        box: (x0, y0, x1, y1) around the glyph from the pen, in the same units.
        spaced: whether word spacing applies (the single-byte code 32).
        text: what it means, as far as the font says. Never asked when text is removed, only when what
            is left of a line is set anew.
        blank: whether that is white space.
    """

    code: bytes
    advance: float
    box: tuple[float, float, float, float]
    spaced: bool
    text: str = ""
    blank: bool = False


class Font:
    """Widths and codes of a font dictionary; anything malformed falls back as viewers do."""

    vertical = False

    def __init__(self, font: Any) -> None:
        self._cache: dict[bytes, Glyph] = {}
        self._table = font.get("/ToUnicode")
        self._texts: dict[bytes, str] | None = None

    def text(self, code: bytes) -> str:
        """Return what a code means by the font's own map."""
        if self._texts is None:
            self._texts = {}
            if isinstance(self._table, pikepdf.Stream):
                with contextlib.suppress(pikepdf.PdfError, ValueError):
                    self._texts = to_unicode(self._table.read_bytes())
        return self._texts.get(code, "")

    def split(self, data: bytes) -> Iterator[bytes]:
        """Yield the codes of a shown string."""
        for byte in data:
            yield bytes((byte,))

    def measure(self, code: bytes) -> Glyph:
        """Return the glyph of one code."""
        raise NotImplementedError

    def glyphs(self, data: bytes) -> list[Glyph]:
        """Return the glyphs of a shown string, in order."""
        cache, result = self._cache, []
        for code in self.split(data):
            glyph = cache.get(code)
            if glyph is None:
                glyph, text = self.measure(code), self.text(code)
                # Code 32 may mean a letter: subsets number them anew.
                blank = text.isspace() if text else glyph.spaced
                glyph = cache[code] = replace(glyph, text=text, blank=blank)
            result.append(glyph)
        return result


class SimpleFont(Font):
    """Type 1, TrueType and MMType1: one byte a code."""

    def __init__(self, font: Any) -> None:
        super().__init__(font)
        self._first = int(_number(font.get("/FirstChar"), 0))
        self._widths = _numbers(font.get("/Widths"))
        descriptor = font.get("/FontDescriptor")
        self._missing = _number(_get(descriptor, "/MissingWidth"), 0.0)
        self._font = font
        self._face: Any = None
        self._encoding = encoding_of(font.get("/Encoding"))

    def measure(self, code: bytes) -> Glyph:
        """Return the glyph of one code."""
        index = code[0] - self._first
        if 0 <= index < len(self._widths):
            width = _whole(self._widths[index])
        elif self._widths:
            width = _whole(self._missing)
        else:
            width = self._advance_of_face(code[0])
        return Glyph(code, width, (0.0, _BODY[0], width, _BODY[1]), code == b" ")

    def text(self, code: bytes) -> str:
        """Return what a code means by the font's own map, or by its encoding."""
        return super().text(code) or (self._character(code[0]) if code[0] >= 0x21 else "")

    def _character(self, code: int) -> str:
        import pymupdf

        char = self._encoding.get(code, chr(code))
        if len(char) > 1 and char.startswith("/"):
            char = chr(pymupdf.mupdf.fz_unicode_from_glyph_name(char[1:]))
        return char

    def _advance_of_face(self, code: int) -> float:
        """Width from the font program, or from the metric twin of one of the 14 standard fonts."""
        if self._face is None:
            self._face = _face(self._font)
        return float(self._face.glyph_advance(ord(self._character(code))))


_FALSE_BOX = 3.0  # times the glyphs' height: what the box of a font must not exceed


class Type3Font(Font):
    """Glyphs drawn by content streams, in a glyph space of their own."""

    def __init__(self, font: Any) -> None:
        super().__init__(font)
        self.matrix = _numbers(font.get("/FontMatrix")) or [0.001, 0.0, 0.0, 0.001, 0.0, 0.0]
        self._first = int(_number(font.get("/FirstChar"), 0))
        self._widths = _numbers(font.get("/Widths"))
        box = _numbers(font.get("/FontBBox"))
        self._bbox = box if len(box) == 4 and box[0] != box[2] and box[1] != box[3] else None
        self._procs = _get(font, "/CharProcs")
        self._names = differences_of(font.get("/Encoding"))

    def proc(self, code: int) -> tuple[str, Any] | None:
        """Return the name and the stream of the glyph procedure of a code."""
        name = self._names.get(code)
        stream = _get(self._procs, name) if name else None
        return (name, stream) if name and isinstance(stream, pikepdf.Stream) else None

    def measure(self, code: bytes) -> Glyph:
        """Return the glyph of one code."""
        index = code[0] - self._first
        width = self._widths[index] if 0 <= index < len(self._widths) else 0.0
        a, b, c, d, e, f = self.matrix[:6]
        box = self._box or self._declared(code[0]) or (0.0, -0.2 * width, width or 1.0, width or 1)
        xs, ys = [], []
        for x, y in ((box[0], box[1]), (box[2], box[1]), (box[2], box[3]), (box[0], box[3])):
            xs.append(a * x + c * y + e)
            ys.append(b * x + d * y + f)
        advance = width * a
        # The pen's way counts too: a bounding box may be declared far too small.
        left, right = min(*xs, advance, 0.0), max(*xs, advance, 0.0)
        if right - left > 3 * abs(advance) > 0:  # FontBBox of the whole font, not of this glyph
            left, right = min(0.0, advance), max(0.0, advance)
        return Glyph(code, advance, (left, min(ys), right, max(ys)), code == b" ")

    @cached_property
    def _box(self) -> Sequence[float] | None:
        """The font's box; that of its glyphs where it says a much higher one, as Ghostscript does."""
        if self._bbox is None:
            return None
        boxes = [box for code in self._names if (box := self._declared(code)) is not None]
        if not boxes:
            return self._bbox
        low, high = min(min(b[1::2]) for b in boxes), max(max(b[1::2]) for b in boxes)
        if abs(self._bbox[3] - self._bbox[1]) <= _FALSE_BOX * (high - low):
            return self._bbox
        return min(min(b[0::2]) for b in boxes), low, max(max(b[0::2]) for b in boxes), high

    def _declared(self, code: int) -> tuple[float, ...] | None:
        found = self.proc(code)
        if found is None:
            return None
        match = re.search(rb"((?:[-+.\d]+\s+){6})d1\b", found[1].read_bytes()[:400])
        if match is None:
            return None
        try:
            values = [float(v) for v in match.group(1).split()]
        except ValueError:
            return None
        return tuple(values[2:6]) if values[2] != values[4] and values[3] != values[5] else None


class CompositeFont(Font):
    """Type 0: codes of several bytes, mapped to glyph numbers by a CMap."""

    def __init__(self, font: Any) -> None:
        super().__init__(font)
        descendants = font.get("/DescendantFonts")
        cid_font = (
            descendants[0] if isinstance(descendants, pikepdf.Array) else pikepdf.Dictionary()
        )
        self._cmap = CMap(font.get("/Encoding"))
        self.vertical = self._cmap.vertical
        self._default = _number(cid_font.get("/DW"), 1000.0)
        self._widths = dict(cid_widths(cid_font.get("/W")))
        dw2 = _numbers(cid_font.get("/DW2"))
        self._down = dw2 if len(dw2) == 2 else [880.0, -1000.0]
        self._columns = dict(cid_columns(cid_font.get("/W2"))) if self.vertical else {}

    def split(self, data: bytes) -> Iterator[bytes]:
        """Yield the codes of a shown string."""
        return self._cmap.split(data)

    def measure(self, code: bytes) -> Glyph:
        """Return the glyph of one code."""
        cid = self._cmap.cid(code)
        width = _whole(self._widths.get(cid, self._default))
        if not self.vertical:
            return Glyph(code, width, (0.0, _BODY[0], width, _BODY[1]), code == b" ")
        advance, vx, vy = self._columns.get(cid, (self._down[1], width * 500, self._down[0]))
        vx, vy = vx / 1000, vy / 1000
        box = (-vx, _BODY[0] - vy, width - vx, _BODY[1] - vy)
        return Glyph(code, advance / 1000, box, code == b" ")


class CMap:
    """Split strings into codes and map codes to CIDs: embedded, predefined, or identity."""

    def __init__(self, encoding: Any) -> None:
        self.vertical = False
        self._spaces: list[tuple[bytes, bytes]] = []
        self._cids: dict[int, list[tuple[int, int, int]]] = {}
        self._system: Any = None
        self._family = "Identity-H"
        if isinstance(encoding, pikepdf.Name):
            self._use(str(encoding)[1:])
        elif isinstance(encoding, pikepdf.Stream):
            self._chain(encoding, 0)
            self.vertical = _number(encoding.get("/WMode"), float(self.vertical)) == 1

    def _chain(self, encoding: Any, depth: int) -> None:
        """Read a map and those that it builds upon, the lowest first."""
        body = encoding.read_bytes()
        base = encoding.get("/UseCMap")
        named = re.search(rb"/([^\s/]+)\s+usecmap", body)
        if isinstance(base, pikepdf.Stream) and depth < 8:
            self._chain(base, depth + 1)
        elif isinstance(base, pikepdf.Name):
            self._use(str(base)[1:])
        elif named is not None:
            self._use(named[1].decode("latin-1"))
        self._parse(body)

    @property
    def known(self) -> bool:
        """Whether all codes can be followed: nothing is built upon a map that is not at hand."""
        return self._system is not None or self._family.startswith("Identity")

    def _use(self, name: str) -> None:
        self._family = name
        self.vertical = name.endswith(("-V", "V")) and name != "UniCNS-UTF8"
        if not name.startswith("Identity"):
            import pymupdf

            try:
                self._system = pymupdf.mupdf.pdf_load_system_cmap(name)
            except Exception:  # MuPDF knows no such map; viewers then take codes as they are
                self._system = None

    def _parse(self, data: bytes) -> None:
        text = re.sub(rb"%[^\r\n]*", b"", data)
        for block in re.findall(rb"begincodespacerange(.*?)endcodespacerange", text, re.S):
            ends = [bytes.fromhex(_even(h)) for h in re.findall(rb"<([0-9A-Fa-f\s]*)>", block)]
            self._spaces += list(zip(ends[::2], ends[1::2], strict=False))
        for block in re.findall(rb"begincidrange(.*?)endcidrange", text, re.S):
            for low, high, cid in re.findall(
                rb"<([0-9A-Fa-f\s]*)>\s*<([0-9A-Fa-f\s]*)>\s*(\d+)", block
            ):
                self._add(low, high, int(cid))
        for block in re.findall(rb"begincidchar(.*?)endcidchar", text, re.S):
            for code, cid in re.findall(rb"<([0-9A-Fa-f\s]*)>\s*(\d+)", block):
                self._add(code, code, int(cid))

    def _add(self, low: bytes, high: bytes, cid: int) -> None:
        first, last = bytes.fromhex(_even(low)), bytes.fromhex(_even(high))
        entry = (int.from_bytes(first), int.from_bytes(last), cid)
        self._cids.setdefault(len(first), []).append(entry)

    def split(self, data: bytes) -> Iterator[bytes]:
        """Yield the codes of a string: by codespace ranges, else by the predefined map's family."""
        position = 0
        while position < len(data):
            length = self._length(data, position)
            yield data[position : position + length]
            position += length

    def _length(self, data: bytes, at: int) -> int:
        if self._spaces:
            for length in sorted({len(low) for low, _ in self._spaces}):
                code = data[at : at + length]
                for low, high in self._spaces:
                    if len(low) == len(code) and all(
                        a <= c <= b for a, c, b in zip(low, code, high, strict=False)
                    ):
                        return length
            return min(len(low) for low, _ in self._spaces) or 1
        name, lead = self._family, data[at]
        if "UTF32" in name:
            return 4
        if "UTF16" in name and 0xD8 <= lead <= 0xDB:
            return 4
        if "RKSJ" in name:
            return 2 if 0x81 <= lead <= 0x9F or 0xE0 <= lead <= 0xFC else 1
        if "GBK2K" in name:
            second = data[at + 1] if at + 1 < len(data) else 0
            return 1 if lead < 0x81 else 4 if 0x30 <= second <= 0x39 else 2
        if "CNS-EUC" in name:
            return 1 if lead < 0x80 else 4 if lead == 0x8E else 2
        if any(part in name for part in ("EUC", "GBK", "GBpc", "B5", "KSC", "HKscs", "HKdl")):
            if "KSC-" in name and "EUC" not in name and "UHC" not in name and "pc" not in name:
                return 2  # KSC-H, KSC-V: seven-bit pairs
            return 2 if lead >= 0x81 else 1
        return 2

    def cid(self, code: bytes) -> int:
        """Return the CID of a code; 0 where there is none."""
        value = int.from_bytes(code)
        for low, high, cid in reversed(self._cids.get(len(code), ())):  # the last map first
            if low <= value <= high:
                return cid + value - low
        if self._system is not None:
            import pymupdf

            return max(0, int(pymupdf.mupdf.pdf_lookup_cmap(self._system, value)))
        return 0 if self._cids else value


def load_font(font: Any) -> Font:
    """Return the measuring font for a font dictionary of any subtype."""
    if not isinstance(font, pikepdf.Dictionary):
        font = pikepdf.Dictionary()
    subtype = str(font.get("/Subtype", ""))
    if subtype == "/Type0":
        return CompositeFont(font)
    return Type3Font(font) if subtype == "/Type3" else SimpleFont(font)


def _whole(width: float) -> float:
    """Return a width in em, from thousandths rounded as viewers do (MuPDF and PDFium hold integers).

    The gap of a removed glyph then is what they drew, and what follows stays on its very pixels.
    """
    return int(width + 0.5) / 1000


def _get(holder: Any, key: str) -> Any:
    return holder.get(key) if isinstance(holder, pikepdf.Dictionary | pikepdf.Stream) else None


def _number(value: Any, default: float) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return default


def _numbers(value: Any) -> list[float]:
    if not isinstance(value, pikepdf.Array):
        return []
    return [_number(item, 0.0) for item in value]


def _even(digits: bytes) -> str:
    text = b"".join(digits.split()).decode("ascii")
    return text + "0" * (len(text) % 2)


def differences_of(encoding: Any) -> dict[int, str]:
    """Return code -> "/name" of an encoding's Differences array."""
    names: dict[int, str] = {}
    items = _get(encoding, "/Differences")
    code = 0
    for item in items if isinstance(items, pikepdf.Array) else ():
        if isinstance(item, pikepdf.Name):
            names[code] = str(item)
            code += 1
        else:
            code = int(_number(item, 0.0))
    return names


def encoding_of(encoding: Any) -> dict[int, str]:
    """Return code -> character, or "/glyphname" where the encoding gives only a name."""
    base = encoding if isinstance(encoding, pikepdf.Name) else _get(encoding, "/BaseEncoding")
    codec = _CODECS.get(str(base))
    table: dict[int, str] = dict(_STANDARD)
    if codec is not None:
        table = {}
        for code in range(256):
            char = bytes((code,)).decode(codec, "replace")
            table[code] = "•" if char == "\ufffd" else char
    table.update(differences_of(encoding))
    return table


@lru_cache(maxsize=16)
def _standard_face(name: str) -> Any:
    import pymupdf

    return pymupdf.Font(name)


def _face(font: Any) -> Any:
    """Return the embedded face, else the standard face that stands in for the font's name."""
    import pymupdf

    descriptor = font.get("/FontDescriptor")
    for key in ("/FontFile", "/FontFile2", "/FontFile3"):
        program = _get(descriptor, key)
        if isinstance(program, pikepdf.Stream):
            try:
                return pymupdf.Font(fontbuffer=program.read_bytes())
            except Exception:  # a broken font program: measure with the stand-in, as viewers do
                break
    name = str(font.get("/BaseFont", "")).lower().split("+")[-1]
    bold = "bold" in name or "black" in name
    slanted = "italic" in name or "oblique" in name
    if "symbol" in name or "dingbat" in name:
        return _standard_face("symb" if "symbol" in name else "zadb")
    family = "co" if "cour" in name or "mono" in name else "ti" if "times" in name else "he"
    style = {(0, 0): "", (1, 0): "bo", (0, 1): "it", (1, 1): "bi"}[bold, slanted]
    regular = {"co": "cour", "ti": "tiro", "he": "helv"}[family]
    return _standard_face(family + style if style else regular)


def cid_widths(array: Any) -> Iterator[tuple[int, float]]:
    """Yield (cid, width) of a W array: ``c [w1 w2 …]`` and ``first last w``."""
    items = list(array) if isinstance(array, pikepdf.Array) else []
    at = 0
    while at + 1 < len(items):
        first = int(_number(items[at], 0))
        if isinstance(items[at + 1], pikepdf.Array):
            for offset, width in enumerate(_numbers(items[at + 1])):
                yield first + offset, width
            at += 2
        elif at + 2 < len(items):
            last, width = int(_number(items[at + 1], 0)), _number(items[at + 2], 0)
            for cid in range(first, min(last, 65535) + 1):
                yield cid, width
            at += 3
        else:
            return


def cid_columns(array: Any) -> Iterator[tuple[int, tuple[float, float, float]]]:
    """Yield (cid, (w1y, vx, vy)) of a W2 array."""
    items = list(array) if isinstance(array, pikepdf.Array) else []
    at = 0
    while at + 1 < len(items):
        first = int(_number(items[at], 0))
        if isinstance(items[at + 1], pikepdf.Array):
            values = _numbers(items[at + 1])
            for offset in range(len(values) // 3):
                w, x, y = values[3 * offset : 3 * offset + 3]
                yield first + offset, (w, x, y)
            at += 2
        elif at + 4 < len(items):
            last = int(_number(items[at + 1], 0))
            w, x, y = (_number(item, 0) for item in items[at + 2 : at + 5])
            for cid in range(first, min(last, 65535) + 1):
                yield cid, (w, x, y)
            at += 5
        else:
            return
