"""Fitting: break a text into lines and find the size and spacing with which it goes into its box.

Pure arithmetic on widths, in the axes of the text: x along the line from the box's start, y down from
its top. Vertical text is the same with the axes turned by whoever draws it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..model import Align
from .breaks import Piece, is_wide, pieces_of

# What may be done to a text that is too long, in this order: closer letters and lines, a size that
# nobody notices, the free space around, a size that one does notice.
_TIGHT, _TIGHT_LEADING = -0.012, 0.94
_UNNOTICED = 0.97
_STEP = 0.03
# Between words: what justified lines may have, as shares of a space.
_MOST_SPACE, _LEAST_SPACE = 3.0, 0.7
# Between ideographs, in em: a quarter is what Japanese rules allow (JLREQ).
_MOST_DENSE = 0.25
# Spaces of all kinds but those at which no line may end.
_BLANKS = re.compile("[^\\S\u00a0\u202f\u2007]+")
# Letters may reach beyond a box by this share of their size: boxes are found, not known.
_SLACK = 0.03


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be set and where.

    Attributes:
        text: paragraphs separated by line ends.
        width: of the box.
        height: of the box.
        size: em size that is wished for.
        ascent: of the face, in em.
        descent: of the face, in em, positive.
        line_height: from baseline to baseline; 0.0 takes 1.2 sizes.
        baseline: first baseline below the top of the box; 0.0 takes the ascent.
        indent: before the first line of a paragraph.
        align: how lines stand in the box.
        rtl: whether lines begin at the right.
        room: free space left, _, right and below.
        least: smallest size allowed, as a share of ``size``.
        most: largest size allowed, as a share of ``size``.
        tracking: whether letters may be set closer (not in scripts that join them).
    """

    text: str
    width: float
    height: float
    size: float
    ascent: float = 0.8
    descent: float = 0.2
    line_height: float = 0.0
    baseline: float = 0.0
    indent: float = 0.0
    align: Align = "start"
    rtl: bool = False
    room: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    least: float = 0.7
    most: float = 1.0
    tracking: bool = True


@dataclass(frozen=True, slots=True)
class SetLine:
    """A line with its place.

    Attributes:
        text: without the white space at its ends.
        x: where it begins on the left.
        start: its first character in the wish's text (see :func:`tidy`).
        y: its baseline.
        width: how long it is, spacing included.
        word_space: added to every space, in page units.
        dense: whether it is added to ideographs and kana too.
    """

    text: str
    x: float
    y: float
    width: float
    word_space: float = 0.0
    start: int = 0
    dense: bool = False

    def spread(self, text: str) -> float:
        """Return how much longer a part of the line is for being justified."""
        if not self.word_space:
            return 0.0
        return self.word_space * _gaps(text, dense=self.dense)


@dataclass(frozen=True, slots=True)
class Layout:
    """A text that fits.

    Attributes:
        size: em size.
        lines: from top to bottom.
        tracking: added to every character, in page units.
        scale: size as a share of the wish.
        grown: whether it reaches into the free space.
    """

    size: float
    lines: tuple[SetLine, ...]
    tracking: float
    scale: float
    grown: bool


Measure = Callable[[str, int], float]
"""Gives the width in em of a part of the text that begins at a place in it."""


def tidy(text: str) -> str:
    """Return a text with single spaces, and none at the ends of its paragraphs.

    Spaces at which no line may end stay what they are.

    >>> tidy(" 12\u00a0%  of\tit ")
    '12\\xa0% of it'
    """
    return "\n".join(_BLANKS.sub(" ", part).strip() for part in text.split("\n"))


def fit(wish: Wish, width_of: Measure) -> Layout | None:
    """Return how the text goes into its box, or None where it does not.

    Args:
        wish: what is to be set.
        width_of: measures parts of the tidy text.
    """
    if not wish.text.strip():
        return Layout(wish.size, (), 0.0, 1.0, False)
    text = tidy(wish.text)
    cache: dict[Piece, float] = {}

    def measured(start: int, end: int) -> float:
        if (start, end) not in cache:
            cache[start, end] = width_of(text[start:end], start)
        return cache[start, end]

    paragraphs, at = [], 0
    for part in text.split("\n"):
        paragraphs.append([(at + start, at + end) for start, end in pieces_of(part)])
        at += len(part) + 1
    for scale, tight, grown in _attempts(wish):
        layout = _try(wish, text, paragraphs, measured, scale, tight, grown)
        if layout is not None:
            return layout
    return None


def _attempts(wish: Wish) -> Iterator[tuple[float, bool, bool]]:
    """Yield (scale, tight, grown), what changes least first."""
    can_grow = any(side > 0 for side in wish.room)
    unnoticed = max(_UNNOTICED, wish.least)
    most = max(wish.least, wish.most)
    for grown in (False, True) if can_grow else (False,):
        yield most, False, grown
        yield most, True, grown
        if most > unnoticed:
            yield (most + unnoticed) / 2, True, grown
            yield unnoticed, True, grown
    scale = min(most, unnoticed) - _STEP
    while scale > wish.least - 1e-9:
        yield scale, True, False
        if can_grow:
            yield scale, True, True
        scale -= _STEP
    yield wish.least, True, can_grow


def _try(
    wish: Wish,
    text: str,
    paragraphs: Sequence[Sequence[Piece]],
    width_of: Callable[[int, int], float],
    scale: float,
    tight: bool,
    grown: bool,
) -> Layout | None:
    size = wish.size * scale
    tracking = _TIGHT * size if tight and wish.tracking else 0.0
    left, _, right, below = wish.room if grown else (0.0, 0.0, 0.0, 0.0)
    if wish.align == "center":
        # The middle stays where it is.
        left = right = min(left, right)
    elif (wish.align == "end") != wish.rtl:
        right = 0.0
    else:
        left = 0.0
    x0, x1 = -left, wish.width + right
    slack = _SLACK * size
    wide = x1 - x0 + slack
    indent = wish.indent * scale

    def width(start: int, end: int) -> float:
        return width_of(start, end) * size + tracking * max(0, end - start - 1)

    lines: list[tuple[Piece, bool]] = []  # characters, and whether they end a paragraph
    for pieces in paragraphs:
        broken = _break(text, pieces, wide, indent, width)
        if broken is None:
            return None
        lines += [(piece, index == len(broken) - 1) for index, piece in enumerate(broken)]
    step = (wish.line_height or 1.2 * wish.size) * scale
    first = wish.baseline or wish.ascent * wish.size
    if scale < 1 and len(lines) > 1:
        first *= scale
    # A line that stood there before stands there again, whatever its face says of its depth.
    depth = first + wish.descent * size
    if tight and len(lines) > 1:
        # No closer than is needed.
        free = (wish.height + below + slack - depth) / (len(lines) - 1)
        step = min(step, max(free, step * _TIGHT_LEADING, min(step, 1.02 * size)))
    reach = depth + (len(lines) - 1) * step
    if len(lines) > 1 and reach > wish.height + below + slack + 1e-6:
        return None
    if len(lines) == 1 and wish.height + below < (first if wish.baseline else size) * 0.5:
        return None
    placed = []
    begins = True
    blank = text.find(" ")
    space = width_of(blank, blank + 1) * size if blank >= 0 else 0.0
    for number, ((first_char, last_char), ends) in enumerate(lines):
        own = width(first_char, last_char)
        pad = indent if begins else 0.0
        start, end = (x0, x1 - pad) if wish.rtl else (x0 + pad, x1)
        if not grown and not wish.rtl:
            end = wish.width
        align = wish.align
        if align == "justify" and ends:
            align = "start"
        if align == "fill" and own < 0.6 * (end - start):
            align = "start"
        word_space, dense = 0.0, False
        if align in ("justify", "fill"):
            # What follows the last character is no gap.
            inner = text[first_char : last_char - 1]
            dense = any(map(is_wide, inner))
            count = _gaps(inner, dense=dense)
            gap = (end - start) - own
            least = -(1 - _LEAST_SPACE) * space * (0 if dense else count)
            most = (_MOST_DENSE * size if dense else (_MOST_SPACE - 1) * space) * count
            if count and least <= gap <= most:
                word_space = gap / count
                own += gap
            align = "start"
        if align == "center":
            x = (start + end - own) / 2
        elif (align == "end") != wish.rtl:
            x = end - own
        else:
            x = start
        line = text[first_char:last_char]
        placed.append(SetLine(line, x, first + number * step, own, word_space, first_char, dense))
        begins = ends
    return Layout(size, tuple(placed), tracking, scale, grown)


def _gaps(text: str, *, dense: bool) -> int:
    """Return after how many characters a line may be stretched."""
    return sum(c == " " or (dense and is_wide(c)) for c in text)


def _break(
    text: str,
    pieces: Sequence[Piece],
    wide: float,
    indent: float,
    width: Callable[[int, int], float],
) -> list[Piece] | None:
    """Return lines that are no wider, or None where a piece is."""
    if not pieces:
        return [(0, 0)]

    def closed(start: int, end: int) -> Piece:
        return start, start + len(text[start:end].rstrip())

    lines: list[Piece] = []
    begin, total = None, indent
    for start, end in pieces:
        own = width(*closed(start, end))
        if (
            begin is not None
            and total + own > wide
            and indent_of(lines, indent) + width(*closed(begin, end)) > wide
        ):
            lines.append(closed(begin, start))
            begin, total = None, 0.0
        if begin is None:
            if indent_of(lines, indent) + own > wide:
                return None
            begin = start
        total += width(start, end)
    lines.append(closed(begin if begin is not None else 0, pieces[-1][1]))
    return lines


def indent_of(lines: Sequence[Piece], indent: float) -> float:
    """Return the indent of the line that comes after these."""
    return 0.0 if lines else indent
