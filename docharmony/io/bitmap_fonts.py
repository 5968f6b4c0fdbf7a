"""Bitmap fonts as Ghostscript writes them: sizes far below a point, and a box of 1000 units all empty.

MuPDF takes both at their word: a character is then 120 points high, and each kern ends a line. Runs
in the parsing child.
"""

# mypy: disallow-untyped-calls=False
# PyMuPDF ships annotations for a part of its functions only.

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pymupdf

_TALL = 50.0  # points: the box of a letter that is less high is believed
_FALSE = 3.0  # times the glyphs' height: what a font's box must not exceed
_TINY = 4.0  # times its size: a word so high is of such a font
_KERN, _APART = 0.15, 1.2  # heights between the letters of a word, and between lines side by side
_LEVEL = 0.3  # heights by which words of a line may be higher or lower than one another

_NUMBER = rb"[-+]?(?:\d+\.?\d*|\.\d+)"
_BOX = re.compile(rb"\s*" + rb"\s+".join([rb"(" + _NUMBER + rb")"] * 6) + rb"\s+d1\b")


def is_doubtful(box: Sequence[Any]) -> bool:
    """Return whether what begins with x0, y0, x1, y1 is so high that its font may say a false box."""
    return float(box[3]) - float(box[1]) > _TALL


def is_bitmap(height: float, size: float) -> bool:
    """Return whether a word of this height and font size, in points, is set in such a font."""
    return height > _TINY * size


def mend(sheet: pymupdf.Page) -> bool:
    """Give the page's bitmap fonts, in memory, the box of their glyphs; return whether one had another.

    What was read of the page before is not altered: read it again.
    """
    document, mended = sheet.parent, False
    for xref, _, kind, *_ in document.get_page_fonts(sheet.number, full=True):
        if kind != "Type3":
            continue
        said, found = _numbers(document.xref_get_key(xref, "FontBBox")[1]), _box(document, xref)
        if len(said) == 4 and found and _height(said) > _FALSE * _height(found) > 0:
            document.xref_set_key(xref, "FontBBox", "[" + " ".join(map(str, found)) + "]")
            mended = True
    if mended:
        pymupdf.TOOLS.store_shrink(100)  # fonts that were loaded
    return mended


def rejoined(words: Iterable[Any], sizes: Mapping[tuple[int, int], float]) -> Iterator[Any]:
    """Yield words as MuPDF gives them, those of bitmap fonts put together to words and lines anew.

    Args:
        words: (x0, y0, x1, y1, text, block, line, place in the line), in order; place 0 begins a line.
        sizes: font size by (block, line).
    """
    last: Any = None
    for word in words:
        x0, y0, x1, y1, text, block, line, _ = word
        bitmap = is_bitmap(y1 - y0, sizes[block, line])
        if last is not None:
            a0, b0, a1, b1, known, *_, place = last
            height, gap = b1 - b0, x0 - a1
            level = bitmap and abs(y1 - b1) < _LEVEL * height
            if level and -height < gap < _KERN * height:
                box = min(a0, x0), min(b0, y0), max(a1, x1), max(b1, y1)
                last = *box, known + text, *last[5:]
                continue
            yield last
            if level and 0 <= gap < _APART * height:
                last = x0, y0, x1, y1, text, block, line, place + 1
                continue
        last = (x0, y0, x1, y1, text, block, line, 0) if bitmap else None
        if not bitmap:
            yield word
    if last is not None:
        yield last


def _box(document: pymupdf.Document, xref: int) -> tuple[float, float, float, float] | None:
    """Return the box around the glyphs of a Type 3 font, None where they do not say theirs."""
    kind, value = document.xref_get_key(xref, "CharProcs")
    if kind == "xref":
        value = document.xref_object(int(value.split()[0]))
    boxes = []
    for found in re.finditer(r"(\d+) 0 R", value):
        said = _BOX.match(document.xref_stream(int(found.group(1))) or b"")
        if said is None:
            return None
        x0, y0, x1, y1 = (float(number) for number in said.groups()[2:])
        if x0 != x1 and y0 != y1:  # a blank has no box
            boxes.append((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)))
    if not boxes:
        return None
    left, low, right, high = zip(*boxes, strict=True)
    return min(left), min(low), max(right), max(high)


def _height(box: Any) -> float:
    return float(abs(box[3] - box[1]))


def _numbers(text: str) -> list[float]:
    try:
        return [float(number) for number in text.strip("[]").split()]
    except ValueError:
        return []
