"""A font that shows nothing, for invisible text: every character of Unicode, all equally wide."""

from __future__ import annotations

import struct
import zlib
from typing import Any

# In thousandths of the font size. Boxes that parsers give start at the baseline and are one em high.
ADVANCE = 500
_UNITS = 1000
_MAX_CODES = 0xFFFF


class GlyphlessFont:
    """Gives out codes for characters, and at the end the PDF font that maps them back to Unicode.

    Args:
        pdf: the ``pikepdf.Pdf`` that the font is for; :attr:`reference` belongs to it at once,
            :meth:`finish` fills it in.
    """

    def __init__(self, pdf: Any) -> None:
        from pikepdf import Dictionary

        self._pdf = pdf
        self._codes: dict[str, int] = {}
        self.reference = pdf.make_indirect(Dictionary())

    def encode(self, text: str) -> list[str]:
        """Return the code of each character as four hexadecimal digits.

        A file with more than 65,534 different characters gets U+FFFD for the rest.
        """
        codes = self._codes
        result = []
        for char in text:
            if char not in codes:
                if len(codes) >= _MAX_CODES - 1:
                    char = "\ufffd"
                codes.setdefault(char, len(codes) + 1)
            result.append(f"{codes[char]:04x}")
        return result

    def finish(self) -> None:
        """Write the font into the PDF."""
        from pikepdf import Array, Dictionary, Name, String

        pdf = self._pdf

        def stream(data: bytes, **entries: Any) -> Any:
            return pdf.make_stream(zlib.compress(data, 9), Filter=Name.FlateDecode, **entries)

        file = _truetype()
        name = Name("/DocharmonyGlyphless")
        descriptor = Dictionary(
            Type=Name.FontDescriptor,
            FontName=name,
            Flags=5,  # fixed pitch, symbolic
            FontBBox=Array([0, 0, ADVANCE, _UNITS]),
            ItalicAngle=0,
            Ascent=_UNITS,
            Descent=0,
            CapHeight=_UNITS,
            StemV=80,
            FontFile2=stream(file, Length1=len(file)),
        )
        descendant = Dictionary(
            Type=Name.Font,
            Subtype=Name.CIDFontType2,
            BaseFont=name,
            CIDSystemInfo=Dictionary(
                Registry=String("Adobe"), Ordering=String("Identity"), Supplement=0
            ),
            FontDescriptor=pdf.make_indirect(descriptor),
            DW=ADVANCE,
            # All codes show the one empty glyph.
            CIDToGIDMap=stream(b"\x00\x00" + b"\x00\x01" * len(self._codes)),
        )
        font = self.reference
        font.Type = Name.Font
        font.Subtype = Name.Type0
        font.BaseFont = name
        font.Encoding = Name("/Identity-H")
        font.DescendantFonts = Array([pdf.make_indirect(descendant)])
        font.ToUnicode = stream(self._to_unicode())

    def _to_unicode(self) -> bytes:
        pairs = [
            (code, char.encode("utf-16-be", "replace").hex()) for char, code in self._codes.items()
        ]
        head = (
            "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
            "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
            "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
            "1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n"
        )
        parts = [head]
        # A section holds 100 entries at most.
        for start in range(0, len(pairs), 100):
            some = pairs[start : start + 100]
            parts.append(f"{len(some)} beginbfchar\n")
            parts += [f"<{code:04x}> <{value}>\n" for code, value in some]
            parts.append("endbfchar\n")
        parts.append("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n")
        return "".join(parts).encode("ascii")


def _truetype() -> bytes:
    """Return a TrueType file of two glyphs that show nothing (OpenType specification).

    Parsers that take the box of a character from its outline need one: the second glyph's is a
    contour of two points, without area, from corner to corner of the box.
    """
    outline = struct.pack(
        ">5hHHBBhhhhxx", 1, 0, 0, ADVANCE, _UNITS, 1, 0, 1, 1, 0, ADVANCE, 0, _UNITS
    )
    tables = {
        b"OS/2": struct.pack(
            ">HhHHH10hh10sIIII4sHHHhhhHH",
            *(0, ADVANCE, 400, 5, 0),
            *(0,) * 10,
            *(0, b"\0" * 10, 0, 0, 0, 0, b"none"),
            *(0x40, 0x20, 0x20, _UNITS, 0, 0, _UNITS, 0),
        ),
        # One segment map (format 4) that leaves every character to .notdef.
        b"cmap": struct.pack(
            ">HHHHI7HHHHhH", 0, 1, 3, 1, 12, 4, 24, 0, 2, 2, 0, 0, 0xFFFF, 0, 0xFFFF, 1, 0
        ),
        b"glyf": outline,
        b"head": struct.pack(
            ">IIIIHHqqhhhhHHhhh",
            *(0x10000, 0x10000, 0, 0x5F0F3CF5, 0b1011, _UNITS, 0, 0),
            *(0, 0, ADVANCE, _UNITS, 0, 8, 2, 0, 0),
        ),
        b"hhea": struct.pack(
            ">IhhhHhhhhhh4hhH",
            *(0x10000, _UNITS, 0, 0, ADVANCE, 0, 0, ADVANCE, 1, 0, 0),
            *(0, 0, 0, 0, 0, 2),
        ),
        b"hmtx": struct.pack(">HhHh", ADVANCE, 0, ADVANCE, 0),
        b"loca": struct.pack(">HHH", 0, 0, len(outline) // 2),
        b"maxp": struct.pack(">IH13H", 0x10000, 2, 2, 1, 0, 0, 1, *(0,) * 8),
        b"name": struct.pack(">HHH", 0, 0, 6),
        b"post": struct.pack(">IIhhIIIII", 0x30000, 0, 0, 0, 1, 0, 0, 0, 0),
    }
    count = len(tables)
    offset = 12 + 16 * count
    directory = [struct.pack(">IHHHH", 0x10000, count, 128, 3, 16 * count - 128)]
    body = []
    for tag, data in sorted(tables.items()):
        padded = data + b"\0" * (-len(data) % 4)
        total = sum(struct.unpack(f">{len(padded) // 4}I", padded)) & 0xFFFFFFFF
        directory.append(struct.pack(">4sIII", tag, total, offset, len(data)))
        body.append(padded)
        offset += len(padded)
    return b"".join(directory + body)
