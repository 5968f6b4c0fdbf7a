"""Search all strings, names and decoded streams of a PDF, and its earlier revisions, for needles."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf

from .needles import Needles

# Whole-file scans read at most so much.
_MAX_FILE = 1 << 30
_FONT_KINDS = frozenset({"/Type1C", "/CIDFontType0C", "/OpenType"})
_CARRIERS = (
    ("/JS", "JavaScript"),
    ("/XFA", "XFA form"),
    ("/URI", "link target"),
    ("/FT", "form field"),
    ("/ActualText", "alternative text"),
    ("/Alt", "alternative text"),
    ("/Title", "bookmark"),
    ("/Contents", "annotation text"),
)


def object_hits(pdf: pikepdf.Pdf, needles: Needles) -> Iterator[str]:
    """Yield where a needle is, for each object of the file that holds one; never the text."""
    if not needles:
        return
    info = pdf.trailer.get("/Info")
    for item in [*pdf.objects, pdf.trailer]:
        place = _name(item, info)
        if _strings(item, needles):
            yield place
        if isinstance(item, pikepdf.Stream) and _stream(item, needles):
            yield "embedded file" if item.get("/Type") == "/EmbeddedFile" else f"stream of {place}"


def _strings(value: Any, needles: Needles, depth: int = 0) -> bool:
    if depth > 60:
        return False
    if isinstance(value, pikepdf.String):
        return needles.hit(str(value)) or needles.hit_bytes(bytes(value))
    if isinstance(value, pikepdf.Name):
        return needles.hit_bytes(str(value).encode(), binary=True)
    if isinstance(value, pikepdf.Array):
        return any(_direct(item, needles, depth) for item in value)
    if isinstance(value, pikepdf.Dictionary | pikepdf.Stream):
        return any(
            needles.hit_bytes(key.encode(), binary=True) or _direct(item, needles, depth)
            for key, item in value.items()
        )
    return False


def _direct(item: Any, needles: Needles, depth: int) -> bool:
    if not isinstance(item, pikepdf.Object) or item.is_indirect:
        return False
    return _strings(item, needles, depth + 1)


def _stream(stream: Any, needles: Needles) -> bool:
    binary = (
        stream.get("/Subtype") == "/Image"
        or "/Length1" in stream
        or str(stream.get("/Subtype")) in _FONT_KINDS
        or ("/N" in stream and "/Alternate" in stream)
    )
    try:
        data = stream.read_bytes()
    except (pikepdf.PdfError, NotImplementedError):
        data, binary = stream.read_raw_bytes(), True
    if needles.hit_bytes(data, binary=binary):
        return True
    return not binary and needles.hit(shown(data))


def shown(data: bytes) -> str:
    """Return the strings of a content stream put together, as Latin-1; "" when it is none.

    Kerning splits words into many strings: "(An) -20 (na) Tj" is "Anna" to a reader.
    """
    if not re.search(rb"\bT[jJ]\b|['\"]\s", data):
        return ""
    parts: list[bytes] = []
    try:
        with pikepdf.new() as scratch:
            for instruction in pikepdf.parse_content_stream(scratch.make_stream(data)):
                if isinstance(instruction, pikepdf.ContentStreamInlineImage):
                    continue
                operator = str(instruction.operator)
                if operator in ("Td", "TD", "T*", "Tm", "ET", "'", '"'):
                    parts.append(b" ")
                if operator in ("Tj", "TJ", "'", '"') and len(instruction.operands):
                    last = instruction.operands[-1]
                    for item in last if isinstance(last, pikepdf.Array) else [last]:
                        if isinstance(item, pikepdf.String):
                            parts.append(bytes(item))
                        elif float(item) < -150:
                            parts.append(b" ")
    except (pikepdf.PdfError, TypeError, ValueError):
        return ""
    joined = b"".join(parts)
    return joined.decode("latin-1") + "\n" + joined.replace(b"\x00", b"").decode("latin-1")


def _name(item: Any, info: Any) -> str:
    if not isinstance(item, pikepdf.Dictionary | pikepdf.Stream):
        return "string"
    if isinstance(info, pikepdf.Object) and info.is_indirect and item.objgen == info.objgen:
        return "document information"
    kind = str(item.get("/Type", "")).lstrip("/")
    if kind == "Metadata":
        return "XMP metadata"
    if item.get("/Subtype") == "/Form":
        return "form XObject"
    for key, name in _CARRIERS:
        if key in item and not (key == "/Contents" and kind == "Page"):
            return name
    return {"StructElem": "structure element", "OCG": "layer", "Annot": "annotation"}.get(
        kind, kind.lower() or "object"
    )


def revisions(path: str) -> list[int]:
    """Return the ends (byte offsets) of revisions before the last one."""
    data = _read(path)
    ends = [match.end() for match in re.finditer(rb"%%EOF[\r\n]*", data)]
    starts = [match.start() for match in re.finditer(rb"startxref", data)]
    if len(starts) < 2 or len(ends) < 2:
        return []
    earlier = ends[:-1]
    # A linearised file has two sections of one revision: the first is not a whole file.
    if re.search(rb"/Linearized\b", data[:2048]) and earlier:
        earlier = earlier[1:]
    return earlier


def revision_hits(path: str, password: str | None, needles: Needles) -> bool:
    """Return whether an earlier revision, opened on its own, holds a needle."""
    if not needles:
        return False
    data = _read(path)
    for end in revisions(path):
        try:
            with pikepdf.open(io.BytesIO(data[:end]), password=password or "") as pdf:
                if next(object_hits(pdf, needles), None) is not None:
                    return True
        except pikepdf.PdfError:
            continue
    return False


def raw_hit(path: str, needles: Needles) -> bool:
    """Return whether a needle stands in the bytes of the file as they are."""
    return needles.hit_bytes(_read(path), binary=True)


def _read(path: str) -> bytes:
    with Path(path).open("rb") as file:
        return file.read(_MAX_FILE)
