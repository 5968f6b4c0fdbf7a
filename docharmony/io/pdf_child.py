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
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, pairwise
from typing import Any, ParamSpec, TypeVar

import pymupdf
from pymupdf import _as_pdf_document, _as_pdf_page, mupdf

from ..errors import BrokenError, EncryptedError, InputError, LimitExceededError, UnsupportedError
from . import accents, bitmap_fonts
from .cut_off import is_cut_off
from .pdf_drawn import Drawn, marks_of
from .wire import Buffer

P = ParamSpec("P")
R = TypeVar("R")
Reply = tuple[Any, list[Buffer]]
Style = tuple[float, bool, bool]  # size, bold, visible
Key = tuple[int, int]  # block and line within MuPDF's text page

# MuPDF's cache of fonts, images and glyphs may reach 256 MiB: halve it every so many calls.
_SHRINK_EVERY = 64
_calls = itertools.count(1)

# Words as a reader sees them: ligatures spelt out, clipped text left out, unknown characters as
# U+FFFD (not as character ids, which would look like text).
_SEEN = mupdf.FZ_STEXT_PRESERVE_WHITESPACE | mupdf.FZ_STEXT_CLIP | mupdf.FZ_STEXT_PRESERVE_IMAGES
_ALL = mupdf.FZ_STEXT_PRESERVE_WHITESPACE

_PAINTED = mupdf.FZ_STEXT_FILLED | mupdf.FZ_STEXT_STROKED | mupdf.FZ_STEXT_CLIPPED

# Invisible marks that separate words in MuPDF's eyes too.
_DELIMITERS = frozenset("\u00a0\u202a\u202b\u202c\u202d\u202e")

_TOP = 0.88  # from the top of a letter in vertical writing to its baseline, in em

_MAX_CONTENT = 1 << 29  # bytes
_MAX_DRAWINGS = 50_000
_MAX_LINKS = 5_000

# The getters behind the properties: the walk over lines calls nothing else, a thousand times a page.
_dir = mupdf.fz_stext_line.dir.fget
_first = mupdf.fz_stext_line.first_char.fget
_next = mupdf.fz_stext_line.next.fget
_x = mupdf.fz_point.x.fget
_size = mupdf.fz_stext_char.size.fget
_flags = mupdf.fz_stext_char.flags.fget
_argb = mupdf.fz_stext_char.argb.fget

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
    text = _text_page(sheet, _SEEN, mupdf.FzRect(0, 0, width, height))
    lines, oblique, images = _walk(text)
    words = pymupdf.TextPage(text).extractWORDS()
    quads: dict[int, list[float]] = {}
    bitmaps = not oblique and any(size < 1 for _, (size, *_), _ in lines.values())
    if bitmaps and bitmap_fonts.mend(sheet):
        text = _text_page(sheet, _SEEN, mupdf.FzRect(0, 0, width, height))
        lines, oblique, images = _walk(text)
        words = pymupdf.TextPage(text).extractWORDS()
    if not oblique and accents.may_stand_beside("\n".join(word[4] for word in words)):
        words = accents.words_of(words, _letters(text))
    if bitmaps:
        sizes = _least_sizes(text)
        words = list(bitmap_fonts.rejoined(words, sizes))
        for _, y0, _, y1, _, block, row, _ in words:
            direction, (_, *look), standing = lines[block, row]
            if bitmap_fonts.is_bitmap(y1 - y0, sizes[block, row]):
                lines[block, row] = direction, (round(y1 - y0, 2), *look), standing
    if oblique:
        words = _with_oblique(words, oblique, bounds, quads)
    if any(standing for _, _, standing in lines.values()):
        words = [_placed(word, *lines[word[5], word[6]]) for word in words]
    columns = list(zip(*words, strict=True)) or [()] * 8
    joined = "\n".join(columns[4])
    # MuPDF cuts words at the ASCII blanks, and leaves others inside.
    if not joined.isascii() and len(joined.split()) != len(words):
        quads = {}  # numbered by the words as they were
        columns = list(zip(*_cut(words), strict=True)) or [()] * 8
        joined = "\n".join(columns[4])
    x0, y0, x1, y1, texts, blocks, rows, places = columns
    starts = [index for index, place in enumerate(places) if place == 0]
    palette: dict[Style, int] = {}
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
    }, [_utf8(joined), array("f", x0 + y0 + x1 + y1).tobytes()]


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
    text = _text_page(sheet, _ALL, mupdf.FzRect(mupdf.FzRect.Fixed_INFINITE))
    letters: list[str] = []
    boxes = array("f")
    for line in _letters(text).values():
        for (letter, box), _ in accents.composed(line):
            if not letter.isspace() and math.isfinite(sum(box)):
                letters.append(letter)
                boxes.extend(box)
    return None, [_utf8("".join(letters)), boxes.tobytes()]


def _letters(text: mupdf.FzStextPage) -> dict[Key, list[accents.Char]]:
    """Return the characters of each line but for its blanks, with their boxes."""
    found: dict[Key, list[accents.Char]] = {}
    index = 0
    for block in pymupdf.TextPage(text).extractRAWDICT()["blocks"]:
        for number, line in enumerate(block.get("lines", ())):
            own = found[index, number] = []
            for span in line["spans"]:
                dx = dy = 0.0
                if line["wmode"]:
                    x, y = line["dir"]
                    dx, dy = _lift(math.degrees(math.atan2(y, x)), span["size"])
                for char in span["chars"]:
                    if not _is_blank(char["c"]):
                        x0, y0, x1, y1 = char["bbox"]
                        own.append((char["c"], (x0 + dx, y0 + dy, x1 + dx, y1 + dy)))
        index += 1 if block["type"] == 0 else _counts_pictures()
    return found


@_guarded
def spans(blobs: list[bytearray], *, path: str, password: str | None, number: int) -> Reply:
    """Return runs of one style as rows; see :class:`docharmony.stage.Span`."""
    sheet = _page(path, password, number)
    bitmap_fonts.mend(sheet)
    text = _text_page(
        sheet, _SEEN & ~mupdf.FZ_STEXT_PRESERVE_IMAGES, mupdf.FzRect(mupdf.FzRect.Fixed_INFINITE)
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
                painted = span.get("char_flags", _PAINTED) & _PAINTED
                seen = bool(painted) and span.get("alpha", 255) > 0
                dx, dy = _lift(direction, span["size"]) if line["wmode"] else (0.0, 0.0)
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


def _text_page(sheet: pymupdf.Page, flags: int, area: mupdf.FzRect) -> mupdf.FzStextPage:
    """Extract text from contents, annotations and form fields, in displayed coordinates.

    Not by ``Page.get_textpage``: that turns a rotated page back first.
    """
    target = sheet.this if isinstance(sheet.this, mupdf.FzPage) else sheet.this.super()
    text = mupdf.FzStextPage(area)
    device = mupdf.fz_new_stext_device(text, mupdf.FzStextOptions(flags))
    mupdf.fz_run_page(target, device, mupdf.FzMatrix(), mupdf.FzCookie())
    mupdf.fz_close_device(device)
    return text


def _walk(
    text: mupdf.FzStextPage,
) -> tuple[
    dict[Key, tuple[float, Style, bool]],
    dict[Key, list[tuple[str, list[float]]]],
    list[tuple[float, float, float, float]],
]:
    """Return direction, style and verticality of each line, words of oblique lines, and image boxes.

    Goes through MuPDF's linked lists by hand: ``extractDICT`` says the same in twice the time.
    """
    lines: dict[Key, tuple[float, Style, bool]] = {}
    oblique: dict[Key, list[tuple[str, list[float]]]] = {}
    images = []
    known: tuple[float, int, int] | None = None
    style: Style = (0.0, False, True)
    block, block_index = text.m_internal.first_block, 0
    while block:
        if block.type == mupdf.FZ_STEXT_BLOCK_IMAGE:
            box = block.bbox
            images.append((box.x0, box.y0, box.x1, box.y1))
            block_index += _counts_pictures()
        elif block.type == mupdf.FZ_STEXT_BLOCK_TEXT:
            line, line_index = mupdf.FzStextBlock(block).begin().__ref__().m_internal, 0
            while line:
                way = _dir(line)
                direction, standing = 0.0, False
                if _x(way) < 0.99999:  # a quarter of a degree is no direction
                    direction = round(math.degrees(math.atan2(way.y, way.x)), 2)
                    standing = bool(line.wmode)
                    if direction % 90:
                        oblique[block_index, line_index] = list(_oblique_words(line))
                first = _first(line)
                mark = _size(first), _flags(first), _argb(first)
                # A line that begins as the one before is taken to go on like it: asking its last
                # character too would cost a tenth of the whole page.
                if mark != known:
                    known = mark
                    style = _style(line)
                lines[block_index, line_index] = direction, style, standing
                line, line_index = _next(line), line_index + 1
            block_index += 1
        block = block.next
    return lines, oblique, images


def _least_sizes(text: mupdf.FzStextPage) -> dict[Key, float]:
    """Return the smaller size of the first and the last character of each line."""
    sizes: dict[Key, float] = {}
    block, index = text.m_internal.first_block, 0
    while block:
        if block.type == mupdf.FZ_STEXT_BLOCK_TEXT:
            line, number = mupdf.FzStextBlock(block).begin().__ref__().m_internal, 0
            while line:
                sizes[index, number] = min(_size(line.first_char), _size(line.last_char))
                line, number = _next(line), number + 1
            index += 1
        elif block.type == mupdf.FZ_STEXT_BLOCK_IMAGE:
            index += _counts_pictures()
        block = block.next
    return sizes


@functools.cache
def _counts_pictures() -> bool:
    """Return whether ``extractWORDS`` counts pictures when it numbers blocks: PyMuPDF 1.26 does."""
    with pymupdf.open() as document:
        sheet = document.new_page()
        pixmap = pymupdf.Pixmap(pymupdf.csGRAY, pymupdf.IRect(0, 0, 1, 1))
        sheet.insert_image(pymupdf.Rect(0, 0, 9, 9), pixmap=pixmap)
        sheet.insert_text(pymupdf.Point(20, 20), "x")
        text = _text_page(sheet, _SEEN, mupdf.FzRect(mupdf.FzRect.Fixed_INFINITE))
        return bool(pymupdf.TextPage(text).extractWORDS()[0][5])


def _style(line: mupdf.fz_stext_line) -> Style:
    """Return the size of the line, and whether most of its characters are bold and visible."""
    first, last = line.first_char, line.last_char
    look = _look(first)
    if look != _look(last):
        tally = Counter(_look(char) for char in _chars(line) if char.c != 32)
        look = tally.most_common(1)[0][0] if tally else look
    bold, visible = look
    # What is smaller at one end is a note mark or an exponent.
    return round(max(first.size, last.size), 2), bold, visible


def _look(char: mupdf.fz_stext_char) -> tuple[bool, bool]:
    """Return (bold, visible)."""
    flags = char.flags
    return bool(flags & mupdf.FZ_STEXT_BOLD), bool(flags & _PAINTED) and char.argb >> 24 > 0


def _chars(line: mupdf.fz_stext_line) -> Iterator[mupdf.fz_stext_char]:
    char = line.first_char
    while char:
        yield char
        char = char.next


def _oblique_words(line: mupdf.fz_stext_line) -> Iterator[tuple[str, list[float]]]:
    """Yield words with their corners, clockwise from the text's top left, as eight numbers."""
    for blank, group in groupby(_chars(line), lambda char: _is_blank(chr(char.c))):
        if not blank:
            chars = list(group)
            left, right = chars[0].quad, chars[-1].quad
            corners = (left.ul, right.ur, right.lr, left.ll)
            yield (
                "".join(chr(char.c) for char in chars),
                [value for corner in corners for value in (corner.x, corner.y)],
            )


def _is_blank(letter: str) -> bool:
    return letter <= " " or letter.isspace() or letter in _DELIMITERS


def _with_oblique(
    words: list[Any],
    oblique: dict[Key, list[tuple[str, list[float]]]],
    bounds: pymupdf.Rect,
    quads: dict[int, list[float]],
) -> list[Any]:
    """Return the words with those of oblique lines cut anew; fill ``quads`` by word index."""
    result: list[Any] = []
    for key, group in groupby(words, lambda word: (word[5], word[6])):
        if key not in oblique:
            result.extend(group)
            continue
        place = itertools.count()
        for text, quad in oblique[key]:
            xs, ys = quad[0::2], quad[1::2]
            box = min(xs), min(ys), max(xs), max(ys)
            if bounds.intersects(box):
                quads[len(result)] = quad
                result.append((*box, text, *key, next(place)))
    return result


def _cut(words: Iterable[Any]) -> Iterator[Any]:
    """Yield the words cut at white space that is left inside, and numbered anew within their lines."""
    for _, group in groupby(words, lambda word: (word[5], word[6])):
        place = itertools.count()
        for x0, y0, x1, y1, text, block, line, _ in group:
            end, step = 0, (x1 - x0) / max(1, len(text))
            for part in text.split():
                start = text.index(part, end)
                end = start + len(part)
                yield x0 + start * step, y0, x0 + end * step, y1, part, block, line, next(place)


def _placed(word: Any, direction: float, style: Style, standing: bool) -> Any:
    """Return a word of vertical writing where its letters stand; any other as it is."""
    if not standing:
        return word
    dx, dy = _lift(direction, style[0])
    x0, y0, x1, y1, *rest = word
    return (x0 + dx, y0 + dy, x1 + dx, y1 + dy, *rest)


def _lift(direction: float, size: float) -> tuple[float, float]:
    """Return how far MuPDF's boxes of vertical writing are off.

    They begin at the baseline of a letter, not at its top: by 0.88 em, PDF's usual vertical origin
    (ISO 32000-1, 9.7.4.3).
    """
    angle = math.radians(direction)
    return -_TOP * size * math.cos(angle), -_TOP * size * math.sin(angle)


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
