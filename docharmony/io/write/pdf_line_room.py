"""Where a piece of a line that lost text may stand: what holds it, and what is in its way."""

from __future__ import annotations

from collections.abc import Sequence

from ...geometry import BBox
from .pdf_line_edges import SAME, Edge, anchor_of, filled, overlaps
from .pdf_line_parts import Mark
from .pdf_line_setting import Room


def room_of(
    piece: Sequence[Mark],
    row: Sequence[Mark],
    page: tuple[float, float],
    baseline: float,
    size: float,
    lines: Sequence[Edge],
    drawn: Sequence[BBox],
) -> tuple[Room, bool]:
    """Return where a piece of a line may stand, and whether anything else says what holds it there.

    Nothing here may depend on its removed text.

    Args:
        piece: its glyphs.
        row: all glyphs of its line.
        page: where the page begins and ends along the line.
        baseline, size: of the line.
        lines: of the page.
        drawn: boxes of what is drawn.
    """
    start, end = piece[0].start, max(mark.end for mark in piece)
    inked = [mark for mark in piece if not mark.glyph.blank]
    left = inked[0].start if inked else start
    right = max(mark.end for mark in inked) if inked else end
    low, high = page
    others = [line for line in lines if not overlaps(line, baseline, size, start, end)]
    anchor, at = anchor_of(left, right, (low, high), others)
    clean = [line for line in others if not line.hit]
    column = [line.right for line in clean if line.left < left + 2 * size]
    soft = max(column) if column else high - min(max(left - low, 0.0), 36.0)
    hard_left, hard_right = low, high
    in_piece = {(mark.run.key, mark.number) for mark in piece}
    rest = [m for m in row if (m.run.key, m.number) not in in_piece and not m.glyph.blank]
    before = max((m.end for m in rest if m.end <= left + 0.1 * size), default=None)
    after = min((m.start for m in rest if m.start >= right - 0.1 * size), default=None)
    hard_left = hard_left if before is None else before + 0.5 * size
    hard_right = hard_right if after is None else after - 0.5 * size
    if not anchor and before is not None and after is not None:
        # As far from what stands before it as from what stands behind it.
        middle = (before + after) / 2
        if abs((left + right) / 2 - middle) <= SAME:
            anchor, at = "centre", middle
    for box in drawn:
        if box.y1 < baseline - 0.6 * size or box.y0 > baseline - 0.1 * size:
            continue
        if box.x0 >= left - 0.3 * size and box.x1 <= right + 0.3 * size:
            continue  # a marker of this line
        for edge in (box.x0, box.x1):
            if right - 0.1 * size <= edge:
                hard_right = min(hard_right, edge - 0.15 * size)
            elif edge <= left + 0.1 * size:
                hard_left = max(hard_left, edge + 0.15 * size)
    fill = filled([line.right for line in clean if abs(line.left - left) < 4 * size])
    if anchor in ("right", "centre") or fill is None or abs(fill - right) > 2 * SAME:
        fill = None
    held = bool(anchor) or left <= min((line.left for line in others), default=left) + SAME
    return Room(anchor or "left", at, hard_left, min(soft, hard_right), hard_right, fill), held
