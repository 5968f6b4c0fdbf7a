"""The document's own fonts, used again: which characters they can show, and by which codes.

A subset holds only the glyphs that the document shows, so only codes that it does show somewhere count.
"""

# mypy: disallow-untyped-calls=False
# PyMuPDF ships annotations for a part of its functions only.

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pikepdf

from .pdf_fonts import CompositeFont, Font, SimpleFont, differences_of, encoding_of, load_font
from .pdf_objects import dictionary

# Pages that are looked through for the codes which a subset font shows.
_MOST_PAGES = 60
_MAX_DEPTH = 12


class OwnType:
    """Text in a font of the document: a code for each character, no shaping.

    Args:
        font: the font dictionary.
        codes: character -> code, for characters that it certainly can show.
        measure: gives the widths.
    """

    def __init__(self, font: Any, codes: dict[str, bytes], measure: Font) -> None:
        self.font, self.codes, self.measure = font, codes, measure
        self.ascent, self.descent = 0.8, 0.2
        self.name = base_name(font)

    def has(self, text: str) -> bool:
        """Return whether it can show all characters of a text; it need not have a space."""
        return all(c in self.codes or c.isspace() for c in text) and any(
            c in self.codes for c in text
        )

    def faces(self, text: str, start: int = 0) -> list[str]:
        """Return its name."""
        del text, start
        return [self.name]

    def width(self, text: str, start: int = 0) -> float:
        """Return the width of one line of text in em."""
        return sum(
            self.measure.measure(self.codes[c]).advance if c in self.codes else 0.25 for c in text
        )


class OwnFonts:
    """Finds fonts of a document by name."""

    def __init__(self, pdf: pikepdf.Pdf) -> None:
        self._pdf = pdf
        self._used: dict[tuple[int, int], set[bytes]] | None = None
        self._types: dict[tuple[int, int], OwnType | None] = {}

    def find(self, page: pikepdf.Page, name: str, text: str) -> OwnType | None:
        """Return the page's font of that name if it has all characters of a text."""
        if not name or not _plain(text):
            return None
        for font in _fonts(dictionary(page.get("/Resources")), 0):
            if base_name(font) == name and font.is_indirect:
                own = self._type(font)
                if own is not None and own.has(text):
                    return own
        return None

    def _type(self, font: Any) -> OwnType | None:
        key = font.objgen
        if key not in self._types:
            self._types[key] = self._make(font)
        return self._types[key]

    def _make(self, font: Any) -> OwnType | None:
        measure = load_font(font)
        if not isinstance(measure, SimpleFont | CompositeFont) or measure.vertical:
            return None
        meanings = _meanings(font, measure)
        if re.match(r"/?[A-Z]{6}\+", str(font.get("/BaseFont", ""))):
            used = self._codes_used().get(font.objgen, set())
            meanings = {code: char for code, char in meanings.items() if code in used}
        codes: dict[str, bytes] = {}
        for code, char in meanings.items():
            if measure.measure(code).advance > 0:
                codes.setdefault(char, code)
        if " " in codes:
            codes.setdefault("\u00a0", codes[" "])
        return OwnType(font, codes, measure) if codes else None

    def _codes_used(self) -> dict[tuple[int, int], set[bytes]]:
        if self._used is None:
            self._used = {}
            cache: dict[tuple[int, int], Font] = {}
            for page in self._pdf.pages[:_MOST_PAGES]:
                _collect(page, dictionary(page.get("/Resources")), self._used, cache, 0)
        return self._used


def base_name(font: Any) -> str:
    """Return a font's name without the tag of a subset."""
    name = str(font.get("/BaseFont", "")).removeprefix("/")
    return re.sub(r"^[A-Z]{6}\+", "", name)


def _plain(text: str) -> bool:
    """Return whether one character is one glyph from left to right: scripts that need no shaping."""
    import unicodedata

    return all(
        unicodedata.bidirectional(c) not in ("R", "AL", "AN")
        and not unicodedata.combining(c)
        and not 0x0900 <= ord(c) <= 0x0FFF
        and not 0x1000 <= ord(c) <= 0x109F
        and not 0x1780 <= ord(c) <= 0x17FF
        for c in text
    )


def _fonts(resources: Any, depth: int) -> Iterator[Any]:
    for _, font in dictionary(resources.get("/Font")).items():
        if isinstance(font, pikepdf.Dictionary):
            yield font
    if depth < _MAX_DEPTH:
        for _, item in dictionary(resources.get("/XObject")).items():
            if isinstance(item, pikepdf.Stream) and item.get("/Subtype") == "/Form":
                yield from _fonts(dictionary(item.get("/Resources")), depth + 1)


def _collect(
    stream: Any,
    resources: Any,
    used: dict[tuple[int, int], set[bytes]],
    cache: dict[tuple[int, int], Font],
    depth: int,
) -> None:
    """Note the codes that a content stream shows, by font."""
    fonts = dictionary(resources.get("/Font"))
    objects = dictionary(resources.get("/XObject"))
    current: Any = None
    try:
        instructions = pikepdf.parse_content_stream(stream, "Tf Tj TJ ' \" Do")
    except pikepdf.PdfError:
        return
    for instruction in instructions:
        operator, operands = str(instruction.operator), list(instruction.operands)
        if operator == "Tf" and operands:
            current = fonts.get(str(operands[0]))
        elif operator == "Do" and operands and depth < _MAX_DEPTH:
            item = objects.get(str(operands[0]))
            if isinstance(item, pikepdf.Stream) and item.get("/Subtype") == "/Form":
                own = item.get("/Resources")
                inner = resources if own is None else dictionary(own)
                _collect(item, inner, used, cache, depth + 1)
        elif operands and isinstance(current, pikepdf.Dictionary) and current.is_indirect:
            key = current.objgen
            if key not in cache:
                cache[key] = load_font(current)
            last = operands[-1]
            for part in last if isinstance(last, pikepdf.Array) else [last]:
                if isinstance(part, pikepdf.String):
                    used.setdefault(key, set()).update(cache[key].split(bytes(part)))


def _meanings(font: Any, measure: Font) -> dict[bytes, str]:
    """Return code -> character, for codes that mean just one."""
    result: dict[bytes, str] = {}
    if isinstance(measure, SimpleFont):
        import pymupdf

        names = encoding_of(font.get("/Encoding"))
        if not _told(font):
            # The font's own encoding is anybody's guess: only what the file says counts.
            names = differences_of(font.get("/Encoding"))
        elif not isinstance(font.get("/Encoding"), pikepdf.Name):
            names = {**{code: chr(code) for code in range(0x20, 0x7F)}, **names}
        for code, char in names.items():
            if char.startswith("/"):
                point = int(pymupdf.mupdf.fz_unicode_from_glyph_name(char[1:]))
                char = chr(point) if point and point != 0xFFFD else ""
            if len(char) == 1:
                result[bytes((code,))] = char
    table = font.get("/ToUnicode")
    if isinstance(table, pikepdf.Stream):
        told = _to_unicode(table.read_bytes())
        for key, text in told.items():
            result[key] = text
    return {key: text for key, text in result.items() if len(text) == 1}


def _told(font: Any) -> bool:
    """Return whether the file says what the codes mean, or the font is a standard one."""
    encoding = font.get("/Encoding")
    if isinstance(encoding, pikepdf.Name):
        return True
    if isinstance(encoding, pikepdf.Dictionary) and "/BaseEncoding" in encoding:
        return True
    descriptor = font.get("/FontDescriptor")
    flags = int(descriptor.get("/Flags", 0)) if descriptor is not None else 32
    files = ("/FontFile", "/FontFile2", "/FontFile3")
    embedded = descriptor is not None and any(key in descriptor for key in files)
    return not embedded and not flags & 4 and base_name(font) not in ("Symbol", "ZapfDingbats")


def _to_unicode(data: bytes) -> dict[bytes, str]:
    """Return code -> text of a ToUnicode CMap."""
    result: dict[bytes, str] = {}
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", data, re.S):
        for code, text in re.findall(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f\s]*)>", block):
            result[_bytes(code)] = _text(text)
    for block in re.findall(rb"beginbfrange(.*?)endbfrange", data, re.S):
        for low, high, texts in re.findall(
            rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*(\[[^\]]*\]|<[0-9A-Fa-f\s]*>)", block
        ):
            first, last, size = int(low, 16), int(high, 16), (len(low) + 1) // 2
            if last - first > 0xFFFF:
                continue
            listed = re.findall(rb"<([0-9A-Fa-f\s]*)>", texts)
            for offset in range(last - first + 1):
                if texts.startswith(b"["):
                    text = _text(listed[offset]) if offset < len(listed) else ""
                else:
                    base = _text(listed[0])
                    text = base[:-1] + chr(min(0x10FFFF, ord(base[-1]) + offset)) if base else ""
                result[(first + offset).to_bytes(size)] = text
    return result


def _bytes(digits: bytes) -> bytes:
    return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))


def _text(digits: bytes) -> str:
    return _bytes(b"".join(digits.split())).decode("utf-16-be", "replace")
