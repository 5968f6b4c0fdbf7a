"""PDF parsing and rendering by MuPDF. Runs in a :class:`.child.Child` only; nothing else imports it.

Coordinates leave here in the space of the page as displayed: MuPDF's own page transform applies crop
box, /Rotate and /UserUnit before text, images and paths are seen.
"""

# mypy: disallow-untyped-calls=False
# PyMuPDF ships annotations for a part of its functions only.

from __future__ import annotations

import functools
import hashlib
import itertools
import math
import re
from array import array
from collections.abc import Callable
from itertools import pairwise
from typing import Any, ParamSpec, TypeVar

import pymupdf
from pymupdf import _as_pdf_document, _as_pdf_page, mupdf

from ..errors import BrokenError, EncryptedError, InputError, LimitExceededError, UnsupportedError
from . import accents, bitmap_fonts, pdf_text
from .cut_off import is_cut_off
from .pdf_drawn import Drawn, marks_of
from .wire import Buffer

P = ParamSpec("P")
R = TypeVar("R")
Reply = tuple[Any, list[Buffer]]

# MuPDF's cache of fonts, images and glyphs may reach 256 MiB: halve it every so many calls.
_SHRINK_EVERY = 64
_calls = itertools.count(1)


_MAX_CONTENT = 1 << 29  # bytes
_MAX_DRAWINGS = 50_000
_MAX_LINKS = 5_000


pymupdf.TOOLS.mupdf_display_errors(False)
pymupdf.TOOLS.mupdf_display_warnings(False)


def _guarded(function: Callable[P, R]) -> Callable[P, R]:
    """Turn MuPDF's out-of-memory errors into MemoryError, and keep its caches small."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except InputError:
            raise
        except Exception as error:
            if "alloc" in str(error):  # FzErrorSystem: malloc (… bytes) failed
                raise MemoryError from None
            raise
        finally:
            pymupdf.TOOLS.reset_mupdf_warnings()  # a list that would grow with every page
            if next(_calls) % _SHRINK_EVERY == 0:
                pymupdf.TOOLS.store_shrink(50)

    return wrapper


@_guarded
def info(blobs: list[bytearray], *, path: str, password: str | None, max_pages: int) -> Reply:
    """Open the document and return how many pages it has, and whether it was repaired or is cut off."""
    document = _open(path, password)
    pages = document.page_count
    if pages < 1:
        raise BrokenError(
            "cannot open the file",
            why="it has no pages",
            hint="Open it in a viewer and save it again, or fetch it anew.",
        )
    if pages > max_pages:
        raise LimitExceededError(
            "cannot open the file",
            why=f"it has {pages} pages, more than {max_pages}",
            hint="Split it first.",
        )
    repaired = bool(document.is_repaired)
    return {"pages": pages, "repaired": repaired, "cut_off": repaired and is_cut_off(path)}, []


@_guarded
def page(
    blobs: list[bytearray], *, path: str, password: str | None, number: int, max_points: float
) -> Reply:
    """Return size, rotation, image boxes, and the words of the text layer with their lines.

    Blobs: the words as UTF-8, one a row; their boxes as float32, all x0, then all y0, x1, y1.
    In the value: ``counts``, the number of words of each text line; ``styles``, for each line an index
    into ``palette`` of (size, bold, visible); ``directions`` in degrees of lines that do not run from
    left to right; ``upright``, indices of lines whose font is one for vertical writing; ``quads``, four
    corners of words that are not axis-aligned.
    """
    sheet = _page(path, password, number)
    bounds = sheet.bound()
    width, height = bounds.width, bounds.height
    if not (0 < width <= max_points and 0 < height <= max_points):
        raise LimitExceededError(
            "cannot read the page",
            why=f"it measures {width:.0f} x {height:.0f} points",
            hint="Scale it down, or raise max_page_points of the limits.",
        )
    _check_content(sheet)
    columns, lines, quads, images = pdf_text.words(sheet)
    x0, y0, x1, y1, texts, blocks, rows, places = columns
    starts = [index for index, place in enumerate(places) if place == 0]
    palette: dict[pdf_text.Style, int] = {}
    styles: list[int] = []
    directions: dict[int, float] = {}
    upright: list[int] = []
    for start in starts:
        direction, style, standing = lines[blocks[start], rows[start]]
        if direction:
            directions[len(styles)] = direction
        if standing:
            upright.append(len(styles))
        styles.append(palette.setdefault(style, len(palette)))
    return {
        "size": (width, height),
        "rotation": sheet.rotation,
        "images": _clipped(images, width, height),
        "counts": [end - start for start, end in pairwise([*starts, len(texts)])],
        "styles": styles,
        "palette": list(palette),
        "directions": directions,
        "upright": upright,
        "quads": quads,
    }, [_utf8("\n".join(texts)), array("f", x0 + y0 + x1 + y1).tobytes()]


def _check_content(sheet: pymupdf.Page) -> None:
    """Raise LimitExceededError where the instructions of a page are too long to be read."""
    content = mupdf.pdf_dict_get(_as_pdf_page(sheet).obj(), mupdf.PDF_ENUM_NAME_Contents)
    if not content.m_internal:
        return
    try:
        stream = mupdf.pdf_open_contents_stream(_as_pdf_document(sheet.parent), content)
        length = mupdf.fz_skip(stream, _MAX_CONTENT)
    except mupdf.FzErrorBase:
        return  # damaged: reading it will show how much of it can be read
    if length >= _MAX_CONTENT:
        raise LimitExceededError(
            "cannot read the page",
            why=f"its content takes over {_MAX_CONTENT >> 20} MiB when it is unpacked",
            hint="No page needs so much: treat the file as hostile.",
        )


@_guarded
def raster(
    blobs: list[bytearray],
    *,
    path: str,
    password: str | None,
    number: int,
    dpi: float,
    max_pixels: int,
) -> Reply:
    """Render the page with its annotations; the value is (width, height), the blob its RGB bytes."""
    sheet = _page(path, password, number)
    zoom = dpi / 72
    bounds = sheet.bound()
    pixels = bounds.width * zoom * bounds.height * zoom
    if not pixels <= max_pixels:
        fits = int(dpi * math.sqrt(max_pixels / pixels)) if math.isfinite(pixels) else 1
        raise LimitExceededError(
            "cannot render the page",
            why=f"at {dpi:g} dpi it would have {pixels / 1e6:.0f} million pixels",
            hint=f"Use --dpi {max(1, fits)} or less.",
        )
    pixmap = sheet.get_pixmap(
        matrix=pymupdf.Matrix(zoom, zoom), colorspace=pymupdf.csRGB, alpha=False, annots=True
    )
    return (pixmap.width, pixmap.height), [pixmap.samples]


@_guarded
def glyphs(blobs: list[bytearray], *, path: str, password: str | None, number: int) -> Reply:
    """Return every character but white space: blobs UTF-8 text and float32 boxes, one after another."""
    sheet = _page(path, password, number)
    bitmap_fonts.mend(sheet)
    text = pdf_text.extract(sheet, pdf_text.ALL, mupdf.FzRect(mupdf.FzRect.Fixed_INFINITE))
    letters: list[str] = []
    boxes = array("f")
    for line in pdf_text.letters(text).values():
        for (letter, box), _ in accents.composed(line):
            if not letter.isspace() and math.isfinite(sum(box)):
                letters.append(letter)
                boxes.extend(box)
    return None, [_utf8("".join(letters)), boxes.tobytes()]


@_guarded
def spans(blobs: list[bytearray], *, path: str, password: str | None, number: int) -> Reply:
    """Return runs of one style as rows; see :class:`docharmony.stage.Span`."""
    sheet = _page(path, password, number)
    bitmap_fonts.mend(sheet)
    text = pdf_text.extract(
        sheet,
        pdf_text.SEEN & ~mupdf.FZ_STEXT_PRESERVE_IMAGES,
        mupdf.FzRect(mupdf.FzRect.Fixed_INFINITE),
    )
    rows = []
    for block in pymupdf.TextPage(text).extractDICT()["blocks"]:
        for line in block.get("lines", ()):
            x, y = line["dir"]
            direction = round(math.degrees(math.atan2(y, x)), 2)
            for span in line["spans"]:
                if not span["text"].strip() or not math.isfinite(sum(span["bbox"])):
                    continue
                flags = span["flags"]
                looks = [bool(flags & bit) for bit in (16, 2, 4, 8)]  # bold, italic, serif, mono
                painted = span.get("char_flags", pdf_text.PAINTED) & pdf_text.PAINTED
                seen = bool(painted) and span.get("alpha", 255) > 0
                dx, dy = pdf_text.lift(direction, span["size"]) if line["wmode"] else (0.0, 0.0)
                x0, y0, x1, y1 = span["bbox"]
                # A box of a turned text is as high as the text is long.
                bitmap = not direction and bitmap_fonts.is_bitmap(y1 - y0, span["size"])
                font = re.sub(r"^[A-Z]{6}\+", "", span["font"])
                rows.append(
                    [
                        _utf8(span["text"]).decode(),
                        [round(v, 3) for v in (x0 + dx, y0 + dy, x1 + dx, y1 + dy)],
                        [round(v, 3) for v in span["origin"]],
                        direction,
                        round(y1 - y0 if bitmap else span["size"], 3),
                        _utf8(font).decode(),
                        looks,
                        int(span["color"]),
                        seen,
                    ]
                )
    return rows, []


@_guarded
def graphics(blobs: list[bytearray], *, path: str, password: str | None, number: int) -> Reply:
    """Return links, and drawn things: blobs of float32, rules as x0 y0 x1 y1 width, boxes x0 y0 x1 y1."""
    sheet = _page(path, password, number)
    bounds = sheet.bound()
    found = Drawn(sheet.rotation_matrix, 0.95 * bounds.width * bounds.height)
    marks = list(itertools.islice(marks_of(sheet), _MAX_LINKS))
    for drawing in sheet.get_cdrawings(extended=True)[:_MAX_DRAWINGS]:
        if not any(mark.drew(drawing) for mark in marks):
            found.add(drawing)
    links = [(link["from"], _target(link)) for link in sheet.get_links()[:_MAX_LINKS]]
    turn = sheet.rotation_matrix
    links += [(quad * turn, mark.target) for mark in marks for quad in mark.quads]
    plain = [[[round(v, 3) for v in box], target] for box, target in links]
    return plain, [found.rules.tobytes(), found.boxes.tobytes()]


def _target(link: dict[str, Any]) -> str:
    """Return what two links to the same place have in common; not the place itself."""
    where = [link.get(key) for key in ("kind", "uri", "page", "to", "file", "nameddest", "name")]
    return hashlib.sha256(repr(where).encode("utf-8", "replace")).hexdigest()[:16]


@functools.lru_cache(maxsize=1)
def _open(path: str, password: str | None) -> pymupdf.Document:
    """Open and decrypt a PDF; the last one stays open."""
    try:
        try:
            path.encode()
            document = pymupdf.open(path, filetype="pdf")
        except UnicodeEncodeError:  # a name that MuPDF cannot take
            with open(path, "rb") as stream:
                document = pymupdf.open(stream=stream.read(), filetype="pdf")
    except Exception as error:
        if "alloc" in str(error):
            raise
        raise BrokenError(
            "cannot open the file",
            why="it is damaged beyond repair",
            hint="Open it in a viewer and save it again, or fetch it anew.",
        ) from None
    if not document.is_pdf:
        raise UnsupportedError(
            "cannot open the file", why="it is not a PDF inside", hint="Convert it to PDF first."
        )
    if document.needs_pass and not (password and document.authenticate(password)):
        raise EncryptedError(
            "cannot open the file",
            why="the password is wrong" if password else "it is encrypted and needs a password",
            hint="Give it with --password or in DOCHARMONY_PASSWORD.",
        )
    return document


def _page(path: str, password: str | None, number: int) -> pymupdf.Page:
    sheet: pymupdf.Page = _open(path, password).load_page(number - 1)
    return sheet


def _clipped(
    boxes: list[tuple[float, float, float, float]], width: float, height: float
) -> list[list[float]]:
    """Return the parts of the boxes that lie on the page."""
    result = []
    for x0, y0, x1, y1 in boxes:
        box = [max(0.0, x0), max(0.0, y0), min(width, x1), min(height, y1)]
        if box[0] < box[2] and box[1] < box[3]:
            result.append([round(value, 3) for value in box])
    return result


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, from a broken ToUnicode table
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
