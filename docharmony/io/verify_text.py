"""Text of a PDF page by parsers that did not write it: MuPDF and PDFium. Runs in the parsing child."""

# mypy: disallow-untyped-calls=False
# PyMuPDF and pypdfium2 ship annotations for a part of their functions only.

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pymupdf
import pypdfium2

from ..errors import BrokenError, EncryptedError
from ..geometry import Affine, BBox
from . import bitmap_fonts
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


def mupdf_bare(path: str, password: str | None, number: int) -> Any:
    """Return a page (1-based) opened by MuPDF without its annotations and fields."""
    document = _bare(path, password, _version(path))
    document.xref_set_key(document.page_xref(number - 1), "Annots", "null")
    return document[number - 1]


@functools.lru_cache(maxsize=1)
def _bare(path: str, password: str | None, version: tuple[int, int]) -> Any:
    return _mupdf.__wrapped__(path, password, version)


@functools.lru_cache(maxsize=1)
def _mupdf(path: str, password: str | None, version: tuple[int, int]) -> Any:
    try:
        document = pymupdf.open(path, filetype="pdf")
    except Exception as error:
        raise BrokenError("cannot open the file", why="MuPDF cannot read it") from error
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
        document = pypdfium2.PdfDocument(path, password=password)
        document.init_forms()  # else the fields of a form are not drawn
    except pypdfium2.PdfiumError as error:
        raise BrokenError("cannot open the file", why="PDFium cannot read it") from error
    return document


def turned(box: Sequence[float], rotation: int, width: float, height: float) -> BBox:
    """Return a box that PyMuPDF gives for the page before /Rotate on the displayed page.

    Not by ``Page.rotation_matrix``: it forgets /UserUnit.

    Args:
        box: as PyMuPDF gives it.
        rotation: of the page, 0, 90, 180 or 270.
        width: of the displayed page.
        height: of the displayed page.
    """
    x0, y0, x1, y1 = box
    if rotation == 90:
        return BBox(width - y1, x0, width - y0, x1)
    if rotation == 180:
        return BBox(width - x1, height - y1, width - x0, height - y0)
    if rotation == 270:
        return BBox(y0, height - x1, y1, height - x0)
    return BBox(x0, y0, x1, y1)


def mupdf_lines(page: Any) -> list[list[Char]]:
    """Return all characters of a page, off the page too, line by line as MuPDF finds them."""
    lines = []
    view = page.rotation, page.rect.width, page.rect.height
    raw = page.get_text("rawdict", flags=_FLAGS, clip=pymupdf.INFINITE_RECT())
    boxes = (
        span["bbox"] for b in raw["blocks"] for row in b.get("lines", ()) for span in row["spans"]
    )
    if any(bitmap_fonts.is_doubtful(box) for box in boxes) and bitmap_fonts.mend(page):
        raw = page.get_text("rawdict", flags=_FLAGS, clip=pymupdf.INFINITE_RECT())
    for block in raw["blocks"]:
        for line in block.get("lines", ()):
            vertical = line["wmode"] == 1
            chars = [
                Char(
                    char["c"],
                    turned(_lifted(char, span) if vertical else char["bbox"], *view),
                )
                for span in line["spans"]
                for char in span["chars"]
            ]
            if chars:
                lines.append(chars)
    return lines


def _lifted(char: Any, span: Any) -> Sequence[float]:
    """Return where a character of a vertical font stands: MuPDF has it a glyph too low."""
    x0, y0, x1, y1 = char["bbox"]
    rise = _VERTICAL_ORIGIN * span["size"]
    return x0, y0 - rise, x1, y1 - rise


def mupdf_words(page: Any) -> list[Char]:
    """Return the words of a page, off the page too, in MuPDF's order; several times as fast."""
    view = page.rotation, page.rect.width, page.rect.height
    words = page.get_text("words", flags=_FLAGS, clip=pymupdf.INFINITE_RECT())
    if any(bitmap_fonts.is_doubtful(word) for word in words) and bitmap_fonts.mend(page):
        words = page.get_text("words", flags=_FLAGS, clip=pymupdf.INFINITE_RECT())
    return [Char(word[4], turned(word[:4], *view)) for word in words]


def visual_order(words: Sequence[Char]) -> list[Char]:
    """Return words (or characters) as the eye puts them together, rows from top to bottom.

    Glyphs can be shown in any order; here only their places count. Pieces that touch are joined.
    """
    result: list[Char] = []
    row: list[Char] = []
    for word in sorted(words, key=lambda w: w.bbox[1] + w.bbox[3]):
        last = row[-1].bbox if row else None
        if last is not None and (
            word.bbox.y0 + word.bbox.y1 - last.y0 - last.y1 > 0.6 * (last.y1 - last.y0)
        ):
            result += _joined(row)
            row = []
        row.append(word)
    return result + _joined(row)


def _joined(row: list[Char]) -> list[Char]:
    row.sort(key=lambda word: word.bbox.x0)
    result: list[Char] = []
    for word in row:
        if result:
            last = result[-1]
            if word.bbox.x0 - last.bbox.x1 <= 0.15 * (last.bbox.y1 - last.bbox.y0):
                result[-1] = Char(last.text + word.text, last.bbox.union(word.bbox))
                continue
        result.append(word)
    return result


def pdfium_text(path: str, password: str | None, number: int) -> str:
    """Return the text of a page (1-based) in PDFium's order."""
    text_page = pdfium(path, password)[number - 1].get_textpage()
    text = str(text_page.get_text_range())
    text_page.close()
    return text


def pdfium_chars(page: Any, size: tuple[float, float], within: BBox | None = None) -> list[Char]:
    """Return the characters that PDFium finds, in its order, with boxes on the displayed page.

    Args:
        page: a pypdfium2 page.
        size: width and height of the displayed page in points, as MuPDF has them.
        within: leave out characters that do not meet this box.
    """
    import ctypes

    import pypdfium2.raw as raw

    text_page = page.get_textpage()
    handle = text_page.raw
    place = _pdfium_matrix(page, size)
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    result = []
    a, b, c, d, e, f = place
    for index in range(text_page.count_chars()):
        if not raw.FPDFText_GetCharBox(handle, index, left, right, bottom, top):
            continue
        # Written out: this runs for every character of every page that has edits.
        x, y = left.value, bottom.value
        x0, y0 = a * x + c * y + e, b * x + d * y + f
        x, y = right.value, top.value
        x1, y1 = a * x + c * y + e, b * x + d * y + f
        if x0 > x1:
            x0, x1 = x1, x0
        if y0 > y1:
            y0, y1 = y1, y0
        if within is not None and (
            x1 < within.x0 or x0 > within.x1 or y1 < within.y0 or y0 > within.y1
        ):
            continue
        code = raw.FPDFText_GetUnicode(handle, index)
        text = chr(code) if 0 < code < 0x110000 else "\ufffd"
        result.append(Char(text, BBox(x0, y0, x1, y1)))
    text_page.close()
    return result


def _pdfium_matrix(page: Any, size: tuple[float, float]) -> Affine:
    """Return the map from PDFium's page space to the displayed page."""
    import ctypes

    import pypdfium2.raw as raw

    width, height = size
    scale = 64  # FPDF_PageToDevice returns whole units
    x, y = ctypes.c_int(), ctypes.c_int()
    reach = 1000.0
    spots = []
    for px, py in ((0.0, 0.0), (reach, 0.0), (0.0, reach)):
        raw.FPDF_PageToDevice(
            page.raw, 0, 0, round(width * scale), round(height * scale), 0, px, py, x, y
        )
        spots.append((x.value / scale, y.value / scale))
    (ox, oy), (ax, ay), (bx, by) = spots
    return Affine(
        (ax - ox) / reach, (ay - oy) / reach, (bx - ox) / reach, (by - oy) / reach, ox, oy
    )


def hits(pieces: Sequence[Char], needles: Needles) -> list[BBox]:
    """Return the box of every hit in words put together with spaces, across lines too."""
    text = " ".join(piece.text for piece in pieces)
    spans = list(needles.find(text))
    if not spans:
        return []
    owners: list[Char] = []
    for piece in pieces:
        owners += [piece] * (len(piece.text) + 1)
    return [
        BBox.around(owner.bbox for owner in {id(c): c for c in owners[start:end]}.values())
        for start, end in spans
    ]


def hit_words(pieces: Sequence[Char], needles: Needles) -> list[Char]:
    """Return the words that hits in them are part of."""
    owners: list[Char] = []
    for piece in pieces:
        owners += [piece] * (len(piece.text) + 1)
    text = " ".join(piece.text for piece in pieces)
    found = [owner for start, end in needles.find(text) for owner in owners[start:end]]
    return list({id(owner): owner for owner in found}.values())


def page_hits(
    path: str, password: str | None, number: int, needles: Needles
) -> list[tuple[str, BBox | None]]:
    """Return (parser, box) of every hit in the text of a page (1-based)."""
    if not needles:
        return []
    words = mupdf_words(mupdf(path, password)[number - 1])
    boxes = hits(words, needles)
    for box in hits(visual_order(words), needles):
        if not any(_same(box, other) for other in boxes):
            boxes.append(box)
    found: list[tuple[str, BBox | None]] = [("MuPDF", box) for box in boxes]
    extra = len(list(needles.find(pdfium_text(path, password, number)))) - len(found)
    if extra > 0:
        page = pdfium(path, password)[number - 1]
        size = mupdf(path, password)[number - 1].rect
        chars = pdfium_chars(page, (size.width, size.height))
        others = [
            box
            for box in hits(visual_order(chars), needles)
            if not any(_same(box, known) for known in boxes)
        ]
        found += [("PDFium", box) for box in others] or [("PDFium", None)]
    return found


def _same(box: BBox, other: BBox) -> bool:
    return box.intersection(other).area >= 0.5 * min(box.area, other.area)
