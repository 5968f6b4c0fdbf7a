"""Search all strings, names and decoded streams of a PDF, and its earlier revisions, for needles."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf

from .drawn_text import drawn
from .needles import Needles
from .pdf_names import is_standard, without_syntax

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
    programs: set[tuple[int, int]] | None = None
    for item in [*pdf.objects, pdf.trailer]:
        place = _name(item, info)
        if _strings(item, needles):
            yield place
        if isinstance(item, pikepdf.Stream) and (_stream(item, needles) or _form(item, needles)):
            programs = _programs(pdf) if programs is None else programs
            if item.objgen in programs and not _stream(item, needles, binary=True):
                continue
            yield "embedded file" if item.get("/Type") == "/EmbeddedFile" else f"stream of {place}"


def _strings(value: Any, needles: Needles, depth: int = 0) -> bool:
    if depth > 60:
        return False
    if isinstance(value, pikepdf.String):
        return needles.hit(str(value)) or needles.hit_bytes(bytes(value))
    if isinstance(value, pikepdf.Name):
        return _named(str(value), needles)
    if isinstance(value, pikepdf.Array):
        return any(_direct(item, needles, depth) for item in value)
    if isinstance(value, pikepdf.Dictionary | pikepdf.Stream):
        return any(
            _named(key, needles) or _direct(item, needles, depth) for key, item in value.items()
        )
    return False


def _named(name: str, needles: Needles) -> bool:
    return needles.hit_bytes(name.encode(), binary=True) and not is_standard(name)


def _direct(item: Any, needles: Needles, depth: int) -> bool:
    if not isinstance(item, pikepdf.Object) or item.is_indirect:
        return False
    return _strings(item, needles, depth + 1)


def _programs(pdf: pikepdf.Pdf) -> set[tuple[int, int]]:
    """Return which streams are programs of fonts: TrueType ones need not say so themselves."""
    keys = ("/FontFile", "/FontFile2", "/FontFile3")
    return {
        item[key].objgen
        for item in pdf.objects
        if isinstance(item, pikepdf.Dictionary)
        for key in keys
        if isinstance(item.get(key), pikepdf.Stream)
    }


def _stream(stream: Any, needles: Needles, *, binary: bool = False) -> bool:
    binary = (
        binary
        or stream.get("/Subtype") == "/Image"
        or "/Length1" in stream
        or str(stream.get("/Subtype")) in _FONT_KINDS
        or ("/N" in stream and "/Alternate" in stream)
    )
    try:
        data = stream.read_bytes()
    except (pikepdf.PdfError, NotImplementedError):
        data, binary = stream.read_raw_bytes(), True
    if needles.hit_bytes(data, binary=binary):
        # A needle may be a word of the syntax: of tags in contents, of dictionaries, of fonts.
        program = data.startswith(b"%!") or b"begincmap" in data
        kind = str(stream.get("/Type", ""))
        syntax = program or kind in ("", "/XObject", "/ObjStm", "/XRef")
        if not syntax or needles.hit_bytes(without_syntax(data, words=program), binary=binary):
            return True
    return not binary and needles.hit(shown(data))


def _form(stream: Any, needles: Needles) -> bool:
    """Return whether a form or pattern, on a page or not, draws a needle in the codes of its fonts."""
    if stream.get("/Subtype") != "/Form" and stream.get("/PatternType") != 1:
        return False
    return any(text is not None and needles.hit(text) for text in drawn(stream))


# A literal string (with one level of brackets inside), a hexadecimal one, a number, an operator.
_TOKEN = re.compile(
    rb"(?P<literal>\((?:[^()\\]|\\.|\((?:[^()\\]|\\.)*\))*\))|<(?P<hex>[0-9A-Fa-f\s]*)>"
    rb"|(?P<number>-?\d*\.?\d+)|(?P<operator>[A-Za-z*'\"]+)",
    re.S,
)
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|\r\n|.)", re.S)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"\n": b"", b"\r": b""}
_OCTAL = tuple(b"%d" % digit for digit in range(8))
# Kerning so wide is a space, in thousandths of an em.
_SPACE = -150.0


def shown(data: bytes) -> str:
    """Return the strings of a content stream put together, as Latin-1; "" when it is none.

    Kerning splits words into many strings: "[(An) -20 (na)] TJ" is "Anna" to a reader. Alternative
    texts of marked content come along.
    """
    if not re.search(rb"\bT[jJ]\b|\bBDC\b|['\"]\s", data):
        return ""
    parts: list[bytes] = []
    for token in _TOKEN.finditer(data):
        kind = token.lastgroup
        if kind == "literal":
            raw = token.group()[1:-1]
            parts.append(_ESCAPE.sub(_unescaped, raw) if b"\\" in raw else raw)
        elif kind == "hex":
            digits = b"".join(token.group("hex").split())
            parts.append(bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii")))
        elif kind == "number":
            if float(token.group()) < _SPACE:
                parts.append(b" ")
        elif token.group() not in (b"Tj", b"TJ", b"Tc", b"Tw"):
            parts.append(b" ")
    joined = b"".join(parts)
    texts = [joined.decode("latin-1")]
    if b"\x00" in joined:
        texts.append(joined.replace(b"\x00", b"").decode("latin-1"))
    if b"\xfe\xff" in joined or b"\x00" in joined:
        texts += [joined[shift:].decode("utf-16-be", "ignore") for shift in (0, 1)]
    return "\n".join(texts)


def _unescaped(match: re.Match[bytes]) -> bytes:
    body = match.group(1)
    if body[:1] in _OCTAL:  # a backslash before another character, 8 and 9 too, means nothing
        return bytes((int(body, 8) & 255,))
    return _ESCAPED.get(body[:1], body)


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
    data = _read(path)
    return needles.hit_bytes(data, binary=True) and needles.hit_bytes(
        without_syntax(data, words=True), binary=True
    )


def _read(path: str) -> bytes:
    with Path(path).open("rb") as file:
        return file.read(_MAX_FILE)
