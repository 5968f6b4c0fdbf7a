"""What a form draws, read through its fonts' own maps: for content that no page shows.

Parsers read pages. An appearance of a pressed button, a hidden annotation or a form that nobody draws
holds glyph numbers that look like noise to a byte scan, and like text to whoever has the font.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pikepdf

from .needles import Needles

_MAX_DEPTH = 6
_BLOCK = re.compile(rb"begin(bfchar|bfrange)(.*?)end\1", re.S)
_CHAR = re.compile(rb"<([0-9A-Fa-f\s]+)>\s*<([0-9A-Fa-f\s]*)>")
_RANGE = re.compile(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*(?:<([0-9A-Fa-f]*)>|\[(.*?)\])", re.S)
_HEX = re.compile(rb"<([0-9A-Fa-f\s]*)>")
_MAX_RANGE = 65536


def to_unicode(body: bytes) -> dict[bytes, str]:
    """Return what each code means by a ToUnicode map (ISO 32000-2, 9.10.3)."""
    codes: dict[bytes, str] = {}
    for kind, block in _BLOCK.findall(body):
        if kind == b"bfchar":
            for code, value in _CHAR.findall(block):
                codes[_raw(code)] = _text(value)
            continue
        for low, high, value, listed in _RANGE.findall(block):
            first, size = int(low, 16), (len(low) + 1) // 2
            values = [_text(item) for item in _HEX.findall(listed)]
            for index in range(min(int(high, 16) - first + 1, _MAX_RANGE)):
                if listed:
                    text = values[index] if index < len(values) else ""
                else:
                    start = _text(value)
                    text = start[:-1] + chr(min(ord(start[-1]) + index, 0x10FFFF)) if start else ""
                codes[(first + index).to_bytes(size, "big")] = text
    return codes


def form_hit(form: Any, needles: Needles) -> bool:
    """Return whether a form draws a needle, or what nobody can search: pictures, unmapped glyphs."""
    return any(text is None or needles.hit(text) for text in drawn(form))


def drawn(form: Any, resources: Any = None, depth: int = 0) -> Iterator[str | None]:
    """Yield what a content stream says by each of its fonts; None for what cannot be read.

    Args:
        form: a stream with instructions: a form, a pattern, a glyph procedure.
        resources: for a stream that has none of its own.
        depth: of the recursion into forms that it draws.
    """
    if depth > _MAX_DEPTH:
        yield None
        return
    resources = form.get("/Resources", resources)
    tables = resources if isinstance(resources, pikepdf.Dictionary) else pikepdf.Dictionary()
    try:
        instructions = pikepdf.parse_content_stream(form)
    except (pikepdf.PdfError, TypeError, ValueError):
        yield None
        return
    strings: list[bytes] = []
    for instruction in instructions:
        if isinstance(instruction, pikepdf.ContentStreamInlineImage):
            yield None
            continue
        operator = str(instruction.operator)
        if operator == "Do" and len(instruction.operands):
            item = _entry(tables, "/XObject", instruction.operands[0])
            if isinstance(item, pikepdf.Stream) and item.get("/Subtype") == "/Form":
                yield from drawn(item, tables, depth + 1)
            elif item is not None:
                yield None
        elif operator in ("Tj", "TJ", "'", '"') and len(instruction.operands):
            last = instruction.operands[-1]
            for part in last if isinstance(last, pikepdf.Array) else [last]:
                if isinstance(part, pikepdf.String):
                    strings.append(bytes(part))
    if strings:
        yield from _readings(strings, tables.get("/Font"))


def _readings(strings: list[bytes], fonts: Any) -> Iterator[str | None]:
    yield "".join(raw.decode("latin-1") for raw in strings)
    yield " ".join(raw.decode("latin-1") for raw in strings)
    for _, font in fonts.items() if isinstance(fonts, pikepdf.Dictionary) else ():
        if not isinstance(font, pikepdf.Dictionary):
            continue
        table = font.get("/ToUnicode")
        if not isinstance(table, pikepdf.Stream):
            if font.get("/Subtype") == "/Type0":
                yield None
            continue
        try:
            codes = to_unicode(table.read_bytes())
        except (pikepdf.PdfError, ValueError):
            yield None
            continue
        size = max(map(len, codes), default=1)
        parts = [
            "".join(codes.get(raw[at : at + size], " ") for at in range(0, len(raw), size))
            for raw in strings
        ]
        yield "".join(parts)
        yield " ".join(parts)


def _entry(resources: Any, category: str, name: Any) -> Any:
    table = resources.get(category)
    return table.get(str(name)) if isinstance(table, pikepdf.Dictionary) else None


def _raw(digits: bytes) -> bytes:
    plain = b"".join(digits.split())
    return bytes.fromhex((plain + b"0" * (len(plain) % 2)).decode("ascii"))


def _text(digits: bytes) -> str:
    return _raw(digits).decode("utf-16-be", "ignore")
