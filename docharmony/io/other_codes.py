"""Text whose own font makes nonsense of it, read by the maps of all fonts of a file.

Damage parts text from its font: glyph numbers are then shown in Helvetica, as other letters or none,
while the map that spells them lies unused in the file, or the font is one that everybody has. Parsers
read what is shown; whoever tries the other maps reads the words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pikepdf

from .drawn_text import to_unicode
from .needles import Needles

Codes = dict[bytes, str]
# Letters that a hit needs: by maps that are none of its own, any text spells short words.
_LEAST = 4
_OPERATORS = "Tf Tj TJ ' \" q Q"
_SHOWS = frozenset({"Tj", "TJ", "'", '"'})
# Bytes that are no letters in any single-byte encoding, as they stand in content streams.
_CODED = re.compile(rb"[\x00-\x08\x0e-\x1f]|\\[0-3][0-7]|<\s*[01][0-9A-Fa-f]")
_SHARE = 0.25  # of such bytes in glyph numbers
# Glyph 3 is the space in fonts that keep the order of Apple's: Arial, Times New Roman, DejaVu, …
_USUAL = {number.to_bytes(2, "big"): chr(number + 29) for number in range(3, 98)}


def maps_of(pdf: pikepdf.Pdf) -> list[Codes]:
    """Return every map from codes to text in a file, of fonts in use or not, and the usual one."""
    found: list[Codes] = [_USUAL]
    for item in pdf.objects:
        if not isinstance(item, pikepdf.Stream) or item.get("/Subtype") is not None:
            continue
        try:
            body = item.read_bytes()
        except (pikepdf.PdfError, NotImplementedError):
            continue
        if b"begincmap" in body or b"beginbf" in body:
            codes = to_unicode(body)
            if codes and codes not in found:
                found.append(codes)
    return found


def holders(pdf: pikepdf.Pdf) -> Iterator[Any]:
    """Yield what shows text: pages, forms and patterns, glyphs of Type 3 fonts."""
    yield from pdf.pages
    for item in pdf.objects:
        if isinstance(item, pikepdf.Stream):
            if item.get("/Subtype") == "/Form" or item.get("/PatternType") == 1:
                yield item
        elif isinstance(item, pikepdf.Dictionary) and item.get("/Subtype") == "/Type3":
            procs = item.get("/CharProcs")
            for _, proc in procs.items() if isinstance(procs, pikepdf.Dictionary) else ():
                if isinstance(proc, pikepdf.Stream):
                    yield proc


def spelt(
    holder: Any, maps: Callable[[], Sequence[Codes]], needles: Needles, *, every: bool
) -> bool:
    """Return whether a holder shows a needle in the codes of a font that is not that of the text.

    Args:
        holder: a page or a stream.
        maps: gives :func:`maps_of` a file; few need them.
        needles: what is sought; short ones are left out.
        every: take each text for such a one, as in damaged files; else those that their own font makes
            nothing of: a quarter of their bytes are no letters, and no composite font shows them.

    Raises:
        pikepdf.PdfError, TypeError, ValueError: the content cannot be parsed.
    """
    sought = needles.of_length(_LEAST)
    if not sought or not (every or _CODED.search(_bytes(holder))):
        return False
    fonts = _fonts(holder)
    for name, strings in _by_font(holder).items():
        font = fonts.get(name)
        composite = isinstance(font, pikepdf.Dictionary) and font.get("/Subtype") == "/Type0"
        if not every:
            strings = [] if composite else [raw for raw in strings if _is_coded(raw)]
        if strings and any(sought.hit(_decoded(strings, codes)) for codes in maps()):
            return True
    return False


def _is_coded(raw: bytes) -> bool:
    return sum(byte < 0x20 for byte in raw) >= _SHARE * len(raw)


def _by_font(holder: Any) -> dict[str, list[bytes]]:
    """Return the strings that a holder shows by the name of their font."""
    result: dict[str, list[bytes]] = {}
    font = ""
    saved: list[str] = []
    for instruction in pikepdf.parse_content_stream(holder, _OPERATORS):
        operator, operands = str(instruction.operator), instruction.operands
        if operator == "q":
            saved.append(font)
        elif operator == "Q" and saved:
            font = saved.pop()
        elif operator == "Tf" and len(operands):
            font = str(operands[0])
        elif operator in _SHOWS and len(operands):
            last = operands[-1]
            for item in last if isinstance(last, pikepdf.Array) else [last]:
                if isinstance(item, pikepdf.String):
                    result.setdefault(font, []).append(bytes(item))
    return result


def _decoded(strings: Sequence[bytes], codes: Codes) -> str:
    size = max(map(len, codes), default=1)
    return "".join(
        codes.get(raw[at : at + size], " ") for raw in strings for at in range(0, len(raw), size)
    )


def _bytes(holder: Any) -> bytes:
    if isinstance(holder, pikepdf.Stream):
        return bytes(holder.read_bytes())
    contents = holder.get("/Contents")
    parts = contents if isinstance(contents, pikepdf.Array) else [contents]
    return b"\n".join(part.read_bytes() for part in parts if isinstance(part, pikepdf.Stream))


def _fonts(holder: Any) -> Any:
    resources = holder.get("/Resources")
    table = resources.get("/Font") if isinstance(resources, pikepdf.Dictionary) else None
    return table if isinstance(table, pikepdf.Dictionary) else {}
