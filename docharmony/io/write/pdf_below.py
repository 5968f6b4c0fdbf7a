"""What stands below a paragraph that is broken anew goes along with its end.

How many lines a paragraph had tells how wide what it lost was, and where the rest of its column stands
tells how many lines it had. So the column below it, down to the foot of the page, goes up or down with
the last line. Where pictures, forms or lines that reach beyond the column stand in the way, it stays.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ...geometry import BBox
from .pdf_paragraphs import Paragraph, TextLine

# In em of the paragraph.
_ABOVE, _UNDER = 0.75, 0.3  # how far letters reach from their baseline
_RULE = 2.0  # a rule so close above the foot is part of it
_NEAR = 0.3
_ASIDE, _LABEL = (
    3.0,
    1.5,
)  # how far beside a column its signs and numbers stand, and how high they are
# Share of the page's height that is its foot.
_FOOT = 0.065
_NUMBER = re.compile(
    r"\W*(page|seite|pagina|página|p\.)?\W*(\d{1,4}|[ivxlc]{1,6})(\W*(of|/|von|de|di|sur)?\W*\d{1,4})?\W*",
    re.IGNORECASE,
)


class Below(NamedTuple):
    """What goes along: along from low to high, across from top to bottom, and where it must end."""

    low: float
    high: float
    top: float
    bottom: float
    limit: float

    def holds(self, along: float, across: float) -> bool:
        """Return whether a point of the lines' frame belongs to it."""
        return self.low - 1.0 <= along <= self.high + 1.0 and self.top <= across <= self.bottom


def below(
    found: Paragraph,
    lines: Sequence[TextLine],
    drawn: Sequence[BBox],
    solid: Sequence[BBox],
    page: BBox,
) -> Below | None:
    """Return what goes along with the end of a paragraph, None where it cannot.

    Args:
        found: the paragraph.
        lines: of the page.
        drawn: boxes of what is drawn.
        solid: boxes of what cannot go anywhere.
        page: the displayed page. All of them in the frame of the lines.
    """
    size = found.lines[0].size
    own = {id(line) for line in found.lines}
    head = found.lines[0].baseline - _ABOVE * size
    top = found.lines[-1].baseline + _UNDER * size
    texts = [_box(line) for line in lines if id(line) not in own]
    foot = _foot(lines, texts, drawn, page)
    low, high = min(found.first, found.left), found.edge
    boxes = [box for box in (*texts, *drawn, *solid) if box.y0 < foot - 0.1 and box.y1 > head]
    # A frame or a ground around all of it stays: what is in it moves.
    inside = [
        box
        for box in boxes
        if not (box.y0 <= head and box.y1 >= top + size and box.x0 <= low and box.x1 >= high)
    ]
    under = [box for box in inside if (box.y0 + box.y1) / 2 > top]
    # The signs of lists, numbers and notes beside the column's lines belong to them.
    reach = _ASIDE * size

    def label(box: BBox) -> bool:
        return box.height < _LABEL * size and box.width < reach

    grown = True
    while grown:
        grown = False
        for box in under:
            if box.x0 < high and box.x1 > low and (box.x0 < low or box.x1 > high):
                low, high, grown = min(low, box.x0), max(high, box.x1), True
        for box in under:
            beside = low - reach < box.x1 <= low or high <= box.x0 < high + reach
            if beside and label(box):
                low, high, grown = min(low, box.x0), max(high, box.x1), True
    moving = [box for box in under if box.x0 < high and box.x1 > low]
    if any(box.y0 < top - _NEAR * size for box in moving):
        return None  # it stands beside the paragraph, too
    solids = {id(box) for box in solid}
    if any(id(box) in solids for box in moving):
        return None
    column = min(found.first, found.left) - _NEAR * size, found.edge + _NEAR * size
    for box in inside:
        beside = box.x0 < column[0] or box.x1 > column[1]
        beside = beside and not (label(box) and box.y1 < head + 1.2 * size)
        if beside and (box.y0 + box.y1) / 2 <= top and box.x0 < high and box.x1 > low:
            return None  # what would follow comes close to what stands beside
    bottom = max((box.y1 for box in moving), default=top)
    limit = min(foot - size, page.y1 - _FOOT * page.height)
    return Below(low, high, top, bottom + 0.1, limit)


def _box(line: TextLine) -> BBox:
    return BBox(
        line.left,
        line.baseline - _ABOVE * line.size,
        line.right,
        line.baseline + _UNDER * line.size,
    )


def _foot(
    lines: Sequence[TextLine], texts: Sequence[BBox], drawn: Sequence[BBox], page: BBox
) -> float:
    """Return where the foot of a page begins: its number and what stands there on each page."""
    foot = page.y1 - _FOOT * page.height
    last = max(lines, key=lambda line: line.baseline)
    if _NUMBER.fullmatch("".join(mark.glyph.text for mark in last.marks).strip()):
        foot = min(foot, _box(last).y0)
    feet = [box.y0 for box in texts if (box.y0 + box.y1) / 2 > foot]
    foot = min([foot, *feet])
    size = last.size
    rules = [
        box.y0 for box in drawn if box.height < 0.2 * size and foot - _RULE * size < box.y0 < foot
    ]
    return min([foot, *rules])
