"""The true lines of a PDF page, from its text layer. Only ``data`` needs this, and PyMuPDF."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import Any, NamedTuple

from . import ABOVE, BELOW
from .corpus import LONGEST

GAP = 1.2  # ems; a wider one splits a line

_RANGES = (
    (0x20, 0x7E), (0xA1, 0x17F), (0x218, 0x21B), (0x386, 0x3CE), (0x401, 0x45F), (0x490, 0x491),
    (0x2012, 0x2015), (0x2018, 0x201E), (0x2020, 0x2022), (0x2026, 0x2026), (0x2030, 0x2030),
    (0x2039, 0x203A), (0x20AC, 0x20AC), (0x2116, 0x2116), (0x2122, 0x2122), (0x2190, 0x2193),
    (0x2212, 0x2212), (0x2260, 0x2265),
)  # fmt: skip
READABLE = frozenset(code for first, last in _RANGES for code in range(first, last + 1))
# Accents that stand alone: text layers of old TeX fonts, wrong as truth.
_STRAY = frozenset("´`¨ˆ˜¸˙¯˘ˇ")
_SYMBOL_FONTS = (
    "cmmi", "cmsy", "cmex", "msam", "msbm", "math", "symbol", "wasy", "stmary", "tipa", "dingbat",
    "xits", "pzdr", "awesome", "marvo", "bbding", "skak", "chess", "logo", "feyn", "barcode",
)  # fmt: skip
_FOLD = {"\u00a0": " ", "\u00ad": "-", "\u2010": "-", "\u2011": "-"}


class _Char(NamedTuple):
    start: float  # along the reading direction
    end: float
    base: float  # across it
    size: float
    text: str
    symbol: bool


def normalise(text: str) -> str:
    """Return the text with ligatures and blanks as a reader would type them.

    >>> normalise("o\\ufb03ce\\u00a0 hours ")
    'office hours'
    """
    text = "".join(_FOLD.get(c, c) for c in text)
    # NFKC only where it splits a ligature: it would also turn "²" into "2".
    text = re.sub("[\ufb00-\ufb06]", lambda m: unicodedata.normalize("NFKC", m[0]), text)
    return " ".join(unicodedata.normalize("NFC", text).split())


def page_lines(page: Any) -> list[dict[str, Any]]:
    """Return the lines of a PyMuPDF page.

    Each has ``polygon``: eight numbers, the corners in points, clockwise from the text's top left;
    ``text``; ``size``: its em in points; ``readable``: whether the text is certain to be what the
    page shows; ``level``: whether it runs from left to right.
    """
    found: list[tuple[tuple[float, float], list[_Char]]] = []
    raw = page.get_text("rawdict", flags=1 | 2 | 64)  # ligatures, blanks; clipped to the page
    for block in raw["blocks"]:
        for line in block.get("lines", []):
            direction = tuple(line["dir"])
            chars = [c for span in line["spans"] for c in _chars(span, *direction)]
            found += [(direction, part) for part in _split(chars)]
    joined: list[tuple[tuple[float, float], list[_Char]]] = []
    for direction, part in found:
        if joined and joined[-1][0] == direction and _continues(joined[-1][1], part):
            before = joined[-1][1]
            if part[0].start - before[-1].end > 0.15 * part[0].size:
                blank = before[-1]._replace(start=before[-1].end, end=part[0].start, text=" ")
                before.append(blank)
            before.extend(part)
        else:
            joined.append((direction, list(part)))
    lines = (_line(direction, part) for direction, part in joined)
    return [line for line in lines if line is not None]


def _chars(span: dict[str, Any], dx: float, dy: float) -> list[_Char]:
    symbol = any(name in span["font"].lower() for name in _SYMBOL_FONTS)
    found = []
    for char in span["chars"]:
        x0, y0, x1, y1 = char["bbox"]
        along = [x * dx + y * dy for x in (x0, x1) for y in (y0, y1)]
        ox, oy = char["origin"]
        base = -ox * dy + oy * dx
        found.append(_Char(min(along), max(along), base, span["size"], char["c"], symbol))
    return found


def _split(chars: list[_Char]) -> list[list[_Char]]:
    """Cut at wide gaps and take blanks off the ends."""
    parts: list[list[_Char]] = [chars[:1]]
    for before, char in pairwise(chars):
        if char.start - before.end > GAP * max(char.size, 1) or char.end < before.start - char.size:
            parts.append([])
        parts[-1].append(char)
    stripped = []
    for part in parts:
        inked = [i for i, char in enumerate(part) if not char.text.isspace()]
        if inked:
            stripped.append(part[inked[0] : inked[-1] + 1])
    return stripped


def _continues(before: list[_Char], part: list[_Char]) -> bool:
    size = max(before[-1].size, part[0].size)
    gap = part[0].start - before[-1].end
    return abs(part[0].base - before[-1].base) < 0.18 * size and -0.3 * size < gap < 0.9 * size


def _line(direction: tuple[float, float], chars: list[_Char]) -> dict[str, Any] | None:
    text = normalise("".join(char.text for char in chars))
    size = max(char.size for char in chars)
    if not text or not 3 <= size <= 120:
        return None
    bases = sorted(char.base for char in chars if char.size > 0.85 * size)
    base = bases[len(bases) // 2]
    start, end = min(char.start for char in chars), max(char.end for char in chars)
    top, bottom = base - ABOVE * size, base + BELOW * size
    dx, dy = direction
    corners = ((start, top), (end, top), (end, bottom), (start, bottom))
    polygon = [round(v, 1) for u, w in corners for v in (u * dx - w * dy, u * dy + w * dx)]
    readable = (
        all(ord(c) in READABLE and c not in _STRAY for c in text)
        and not any(char.symbol for char in chars)
        and all(abs(char.base - base) <= 0.12 * size for char in chars)  # no super- or subscript
        and len(text.encode()) <= LONGEST
        and end - start > 0.18 * size * len(text)  # glyphs on top of each other
        and not re.search(r"(.)\1{5}", text)  # leaders: how many dots nobody counts
    )
    return {"polygon": polygon, "text": text, "size": round(size, 1), "readable": readable,
            "level": abs(dx - 1) < 1e-3}  # fmt: skip
