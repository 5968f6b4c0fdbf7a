"""Text of a PDF page by parsers that did not write it: MuPDF and PDFium. Runs in the parsing child."""

# mypy: disallow-untyped-calls=False
# PyMuPDF and pypdfium2 ship annotations for a part of their functions only.

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pymupdf
import pypdfium2

from ..errors import BrokenError, EncryptedError
from ..geometry import BBox
from .needles import Needles

_FLAGS = pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_CID_FOR_UNKNOWN_UNICODE


# Height of the pen over the baseline in vertical writing, in em, unless a font says otherwise.
_VERTICAL_ORIGIN = 0.88


@dataclass(frozen=True, slots=True)
class Char:
    """A character with its box on the displayed page."""

    text: str
    bbox: BBox


def mupdf(path: str, password: str | None) -> Any:
    """Return the document opened by MuPDF; raise EncryptedError or BrokenError."""
    return _mupdf(path, password, _version(path))


def pdfium(path: str, password: str | None) -> Any:
    """Return the document opened by PDFium; raise EncryptedError or BrokenError."""
    return _pdfium(path, password, _version(path))


def _version(path: str) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_mtime_ns, status.st_size


@functools.lru_cache(maxsize=1)
def _mupdf(path: str, password: str | None, version: tuple[int, int]) -> Any:
    try:
        document = pymupdf.open(path, filetype="pdf")
    except Exception as error:
        raise BrokenError(
            "cannot open the file", why="MuPDF cannot read it", hint="Is it a PDF?"
        ) from error
    if document.needs_pass and not document.authenticate(password or ""):
        raise EncryptedError(
            "cannot open the file",
            why="the password is wrong" if password else "it is encrypted",
            hint="Give the password with --password or DOCHARMONY_PASSWORD.",
        )
    return document


@functools.lru_cache(maxsize=1)
def _pdfium(path: str, password: str | None, version: tuple[int, int]) -> Any:
    try:
        return pypdfium2.PdfDocument(path, password=password)
    except pypdfium2.PdfiumError as error:
        raise BrokenError(
            "cannot open the file", why="PDFium cannot read it", hint="Is it a PDF?"
        ) from error


def turned(box: Sequence[float], matrix: Any) -> BBox:
    """Return a box mapped by a PyMuPDF matrix."""
    rect = pymupdf.Rect(box) * matrix
    rect.normalize()
    return BBox(rect.x0, rect.y0, rect.x1, rect.y1)


def upright(page: Any) -> Any:
    """Return the matrix from where PyMuPDF says things are, before /Rotate, to the displayed page.

    ``Page.rotation_matrix`` is that too, but forgets /UserUnit.
    """
    width, height = page.rect.width, page.rect.height
    return {
        0: pymupdf.Matrix(1, 0, 0, 1, 0, 0),
        90: pymupdf.Matrix(0, 1, -1, 0, width, 0),
        180: pymupdf.Matrix(-1, 0, 0, -1, width, height),
        270: pymupdf.Matrix(0, -1, 1, 0, 0, height),
    }[page.rotation]


def mupdf_lines(page: Any, *, spoken: bool = False) -> list[list[Char]]:
    """Return all characters of a page, off the page too, line by line as MuPDF finds them.

    Args:
        page: a PyMuPDF page.
        spoken: take alternative texts (/ActualText) instead of the glyphs that they stand for.
    """
    lines = []
    turn = upright(page)
    flags = _FLAGS if spoken else _FLAGS | pymupdf.mupdf.FZ_STEXT_IGNORE_ACTUALTEXT
    raw = page.get_text("rawdict", flags=flags, clip=pymupdf.INFINITE_RECT())
    for block in raw["blocks"]:
        for line in block.get("lines", ()):
            chars = [
                Char(char["c"], turned(_placed(char, span, line["wmode"]), turn))
                for span in line["spans"]
                for char in span["chars"]
            ]
            if chars:
                lines.append(chars)
    return lines


def _placed(char: Any, span: Any, vertical: int) -> Sequence[float]:
    """Return where a character stands: MuPDF puts those of vertical fonts a glyph too low."""
    if not vertical:
        return tuple(char["bbox"])
    x0, y0, x1, y1 = char["bbox"]
    rise = _VERTICAL_ORIGIN * span["size"]
    return x0, y0 - rise, x1, y1 - rise


def visual_lines(chars: Sequence[Char]) -> Iterator[list[Char]]:
    """Yield the characters as the eye puts them together, left to right and top to bottom.

    Glyphs can be shown in any order; here only their places count.
    """
    left = sorted((c for c in chars if not c.text.isspace()), key=lambda c: c.bbox.center.y)
    row: list[Char] = []
    for char in left:
        if row and char.bbox.center.y - row[-1].bbox.center.y > 0.3 * row[-1].bbox.height:
            yield _spaced(row)
            row = []
        row.append(char)
    if row:
        yield _spaced(row)


def _spaced(row: list[Char]) -> list[Char]:
    row.sort(key=lambda c: c.bbox.x0)
    result: list[Char] = []
    for char in row:
        if result:
            last = result[-1].bbox
            if char.bbox.x0 - last.x1 > 0.15 * last.height:
                result.append(Char(" ", BBox(last.x1, last.y0, char.bbox.x0, last.y1)))
        result.append(char)
    return result


def pdfium_chars(page: Any, size: tuple[float, float]) -> list[Char]:
    """Return the characters that PDFium finds, in its order, with boxes on the displayed page.

    Args:
        page: a pypdfium2 page.
        size: width and height of the displayed page in points, as MuPDF has them.
    """
    import ctypes

    import pypdfium2.raw as raw

    text_page = page.get_textpage()
    result = []
    width, height = size
    # Fixed point: FPDF_PageToDevice returns whole device units.
    scale = 64
    x, y = ctypes.c_int(), ctypes.c_int()

    def place(px: float, py: float) -> tuple[float, float]:
        raw.FPDF_PageToDevice(
            page.raw, 0, 0, round(width * scale), round(height * scale), 0, px, py, x, y
        )
        return x.value / scale, y.value / scale

    for index in range(text_page.count_chars()):
        code = raw.FPDFText_GetUnicode(text_page.raw, index)
        try:
            left, bottom, right, top = text_page.get_charbox(index)
        except pypdfium2.PdfiumError:
            left = bottom = right = top = 0.0
        (x0, y0), (x1, y1) = place(left, bottom), place(right, top)
        box = BBox(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
        result.append(Char(chr(code) if 0 < code < 0x110000 else "\ufffd", box))
    text_page.close()
    return result


def hits(lines: Sequence[Sequence[Char]], needles: Needles) -> list[BBox]:
    """Return the box of every hit in lines of characters, also across their ends."""
    chars: list[Char] = []
    for line in lines:
        if chars:
            chars.append(Char("\n", chars[-1].bbox))
        chars += line
    owners = [char for char in chars for _ in char.text]
    text = "".join(char.text for char in chars)
    return [
        BBox.around(c.bbox for c in owners[start:end] if not c.text.isspace())
        for start, end in needles.find(text)
    ]


def page_hits(
    path: str, password: str | None, number: int, needles: Needles
) -> list[tuple[str, BBox]]:
    """Return (parser, box) of every hit in the text of a page (1-based)."""
    if not needles:
        return []
    page = mupdf(path, password)[number - 1]
    lines = mupdf_lines(page)
    found = [("MuPDF", box) for box in hits(lines, needles)]
    spoken = hits(mupdf_lines(page, spoken=True), needles)
    found += [("MuPDF", box) for box in spoken if not _among(box, found)]
    seen = list(visual_lines([char for line in lines for char in line]))
    found += [("MuPDF", box) for box in hits(seen, needles) if not _among(box, found)]
    other = pdfium(path, password)[number - 1]
    chars = pdfium_chars(other, (page.rect.width, page.rect.height))
    found += [("PDFium", box) for box in hits([chars], needles) if not _among(box, found)]
    return found


def _among(box: BBox, found: Sequence[tuple[str, BBox]]) -> bool:
    return any(
        not box.grow(0.5).intersection(other.grow(0.5)).is_empty
        and box.intersection(other).area >= 0.5 * min(box.area, other.area)
        for _, other in found
    )
