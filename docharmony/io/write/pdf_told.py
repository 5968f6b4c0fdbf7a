"""What still tells how wide removed text was, though its line was set anew: what reports say of it.

How much each tells was measured with surnames, see SECURITY.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from ...geometry import BBox
from .pdf_below import Below
from .pdf_line_parts import Mark
from .pdf_paragraphs import Paragraph, TextLine, column_of, held_elsewhere, need_of

BREAKS = (
    "its lines may have been filled word by word, and where they break stayed: about 7,000 of 10,000 "
    "surnames fit"
)
LINES = (
    "how many lines its paragraph had may show, for what stands below fills its page or column or could "
    "not follow: 4,000 to 9,000 of 10,000 surnames fit"
)
COLUMN = (
    "it was the longest of its column, whose width may have been made for it: about 100 of 10,000 "
    "surnames fit"
)
RULE = "something drawn is as long as its line was: about 100 of 10,000 surnames fit"
HELD = (
    "nothing else on the page begins or ends where its line does, so where it begins may tell: about "
    "100 of 10,000 surnames fit if it was centred or flush right"
)
DOTS = re.compile(r"(?:[.\u00b7\u2026\u2024]\s*){6,}")
_EDGE = 0.6  # places so close together are one edge; in points
_WIDE = 15.0  # em: no narrower column is filled word by word
_LIKE = 0.1  # a rule is as long as a line that ends so close to its ends
_BODY = (-0.95, 0.35)  # top and bottom of a line with its underline, from the baseline
_PROSE = 4  # words on a line of text that was filled


def told(lines: Sequence[TextLine], line: TextLine, drawn: Sequence[BBox], *, broken: bool) -> str:
    """Return what still tells how wide removed text of a line was, "" if nothing seems to.

    Args:
        lines: of the page.
        line: that lost text.
        drawn: boxes of what is drawn, in the frame of the lines.
        broken: its paragraph was broken anew.
    """
    if not broken and _may_go_on(lines, line):
        return BREAKS
    if _widest(lines, line):
        return COLUMN
    return RULE if any(_as_long(box, line) for box in drawn) else ""


def _may_go_on(lines: Sequence[TextLine], line: TextLine) -> bool:
    """Return whether a line may break where it does for want of room, or the one above it."""
    if DOTS.search("".join(mark.glyph.text for mark in line.marks)):
        return False
    own = column_of(lines, line)
    if len(own) == 1:
        own = [
            o
            for o in lines
            if abs(o.left - line.left) <= _EDGE
            and o.right < line.right + 4 * line.size
            and abs(o.baseline - line.baseline) < 3 * line.size
        ]
    longest = max(o.right for o in own)
    if held_elsewhere(own):
        return False
    if longest - min(o.left for o in own) < _WIDE * line.size:
        return False
    return any(
        above.right + need_of(below) > longest and len(list(above.words())) >= _PROSE
        for above, below in pairwise(own)
        if line in (above, below)
    )


def goes_on(found: Paragraph, lines: Sequence[TextLine], rest: Below | None) -> bool:
    """Return whether text may have gone to another column or page for want of room.

    Args:
        found: a paragraph.
        lines: of the page.
        rest: what goes up or down with its end, None if that stays.
    """
    size = found.lines[0].size
    if rest is None or rest.bottom > rest.limit - found.pitch:
        return True
    return any(
        abs(o.size - size) < 0.02 * size
        and (o.left > found.edge or o.right < min(found.first, found.left))
        and len(list(o.words())) >= _PROSE
        for o in lines
    )


def _widest(lines: Sequence[TextLine], line: TextLine) -> bool:
    """Return whether a line is the longest of a table's column, beside which another begins."""
    others = [o for o in lines if abs(o.left - line.left) <= _EDGE and o is not line]
    if not others or max(o.right for o in others) > line.right:
        return False
    beside = [o for o in lines if o.left > line.right and abs(o.baseline - line.baseline) < 1]
    return any(
        abs(o.left - b.left) <= _EDGE or abs(o.right - b.right) <= _EDGE
        for b in beside
        for o in lines
        if o is not b and any(abs(o.baseline - p.baseline) < 1 for p in others)
    )


def _as_long(box: BBox, line: TextLine) -> bool:
    """Return whether something drawn above or below a line is as long as it is."""
    if abs(box.x0 - line.left) > _LIKE * line.size or abs(box.x1 - line.right) > _LIKE * line.size:
        return False
    above, below = line.baseline + _BODY[0] * line.size, line.baseline + _BODY[1] * line.size
    held = box.y0 > above - 0.15 * line.size and box.y1 < below + 0.15 * line.size
    return not held and box.y0 < below + 2 * line.size and box.y1 > above - 2 * line.size


def leader(row: Sequence[Mark]) -> list[Mark]:
    """Return the dots of a row that lead from its text to a number."""
    text = "".join("#" if m.areas else m.glyph.text[:1] or " " for m in row)
    return [row[at] for span in DOTS.finditer(text) for at in range(*span.span())]
