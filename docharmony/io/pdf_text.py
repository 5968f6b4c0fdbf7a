"""Words and letters of a page's text layer by MuPDF. Runs in the parsing child.

Coordinates are those of the page as displayed.
"""

# mypy: disallow-untyped-calls=False
# PyMuPDF ships annotations for a part of its functions only.

from __future__ import annotations

import functools
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import pymupdf
from pymupdf import mupdf

from . import accents, bitmap_fonts, right_to_left

Style = tuple[float, bool, bool]  # size, bold, visible
Key = tuple[int, int]  # block and line within MuPDF's text page

# Words as a reader sees them: ligatures spelt out, clipped text left out, unknown characters as
# U+FFFD (not as character ids, which would look like text).
SEEN = mupdf.FZ_STEXT_PRESERVE_WHITESPACE | mupdf.FZ_STEXT_CLIP | mupdf.FZ_STEXT_PRESERVE_IMAGES
ALL = mupdf.FZ_STEXT_PRESERVE_WHITESPACE

PAINTED = mupdf.FZ_STEXT_FILLED | mupdf.FZ_STEXT_STROKED | mupdf.FZ_STEXT_CLIPPED

# Invisible marks that separate words in MuPDF's eyes too.
_DELIMITERS = frozenset("\u00a0\u202a\u202b\u202c\u202d\u202e")

_TOP = 0.88  # from the top of a letter in vertical writing to its baseline, in em

# The getters behind the properties: the walk over lines calls nothing else, a thousand times a page.
_dir = mupdf.fz_stext_line.dir.fget
_first = mupdf.fz_stext_line.first_char.fget
_next = mupdf.fz_stext_line.next.fget
_x = mupdf.fz_point.x.fget
_size = mupdf.fz_stext_char.size.fget
_flags = mupdf.fz_stext_char.flags.fget
_argb = mupdf.fz_stext_char.argb.fget


def words(
    sheet: pymupdf.Page,
) -> tuple[
    list[tuple[Any, ...]],
    dict[Key, tuple[float, Style, bool]],
    dict[int, list[float]],
    list[tuple[float, float, float, float]],
]:
    """Return the words of a page as eight columns, its lines, and what else the walk finds.

    The columns are x0, y0, x1, y1, text, block, line, place in the line; the lines are direction,
    style and whether they stand, by block and line; then the corners of words that are not
    axis-aligned, by word, and the boxes of images.
    """
    bounds = sheet.bound()
    area = mupdf.FzRect(0, 0, bounds.width, bounds.height)
    text = extract(sheet, SEEN, area)
    lines, oblique, images = _walk(text)
    found = pymupdf.TextPage(text).extractWORDS()
    quads: dict[int, list[float]] = {}
    bitmaps = not oblique and any(size < 1 for _, (size, *_), _ in lines.values())
    if bitmaps and bitmap_fonts.mend(sheet):
        text = extract(sheet, SEEN, area)
        lines, oblique, images = _walk(text)
        found = pymupdf.TextPage(text).extractWORDS()
    if not oblique and accents.may_stand_beside("\n".join(word[4] for word in found)):
        found = accents.words_of(found, letters(text))
    if bitmaps:
        found = _rejoined(found, lines, text)
    if oblique:
        found = _with_oblique(found, oblique, bounds, quads)
    if any(standing for _, _, standing in lines.values()):
        found = [_placed(word, *lines[word[5], word[6]]) for word in found]
    if not oblique and right_to_left.holds("\n".join(word[4] for word in found)):
        level = frozenset(key for key, (direction, *_) in lines.items() if not direction)
        found = list(right_to_left.ordered(found, level))
    columns: list[tuple[Any, ...]] = list(zip(*found, strict=True)) or [()] * 8
    # MuPDF cuts words at the ASCII blanks, and leaves others inside.
    joined = "\n".join(columns[4])
    if not joined.isascii() and len(joined.split()) != len(found):
        quads = {}  # numbered by the words as they were
        columns = list(zip(*_cut(found), strict=True)) or [()] * 8
    return columns, lines, quads, images


def extract(sheet: pymupdf.Page, flags: int, area: mupdf.FzRect) -> mupdf.FzStextPage:
    """Extract text from contents, annotations and form fields, in displayed coordinates.

    Not by ``Page.get_textpage``: that turns a rotated page back first.
    """
    target = sheet.this if isinstance(sheet.this, mupdf.FzPage) else sheet.this.super()
    text = mupdf.FzStextPage(area)
    device = mupdf.fz_new_stext_device(text, mupdf.FzStextOptions(flags))
    mupdf.fz_run_page(target, device, mupdf.FzMatrix(), mupdf.FzCookie())
    mupdf.fz_close_device(device)
    return text


def letters(text: mupdf.FzStextPage) -> dict[Key, list[accents.Char]]:
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
                    dx, dy = lift(math.degrees(math.atan2(y, x)), span["size"])
                for char in span["chars"]:
                    if not _is_blank(char["c"]):
                        x0, y0, x1, y1 = char["bbox"]
                        own.append((char["c"], (x0 + dx, y0 + dy, x1 + dx, y1 + dy)))
        index += 1 if block["type"] == 0 else _counts_pictures()
    return found


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


def _rejoined(
    words: list[Any], lines: dict[Key, tuple[float, Style, bool]], text: mupdf.FzStextPage
) -> list[Any]:
    """Return the words with those of bitmap fonts put together; give their lines their size."""
    # A word of a turned line is as high as it is long.
    sizes = {k: math.inf if lines[k][0] else size for k, size in _least_sizes(text).items()}
    result = list(bitmap_fonts.rejoined(words, sizes))
    for _, y0, _, y1, _, block, row, _ in result:
        direction, (_, *look), standing = lines[block, row]
        if bitmap_fonts.is_bitmap(y1 - y0, sizes[block, row]):
            lines[block, row] = direction, (round(y1 - y0, 2), *look), standing
    return result


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
        text = extract(sheet, SEEN, mupdf.FzRect(mupdf.FzRect.Fixed_INFINITE))
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
    return bool(flags & mupdf.FZ_STEXT_BOLD), bool(flags & PAINTED) and char.argb >> 24 > 0


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
    dx, dy = lift(direction, style[0])
    x0, y0, x1, y1, *rest = word
    return (x0 + dx, y0 + dy, x1 + dx, y1 + dy, *rest)


def lift(direction: float, size: float) -> tuple[float, float]:
    """Return how far MuPDF's boxes of vertical writing are off.

    They begin at the baseline of a letter, not at its top: by 0.88 em, PDF's usual vertical origin
    (ISO 32000-1, 9.7.4.3).
    """
    angle = math.radians(direction)
    return -_TOP * size * math.cos(angle), -_TOP * size * math.sin(angle)
