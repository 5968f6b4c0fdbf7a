"""What holds a line of text: edges and middles that it shares with other lines of its page."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

# Places so close together are one edge, in points; the same where chance would do harm.
SAME = 0.6
_EXACT = 0.1


class Edge(NamedTuple):
    """A piece of a line elsewhere on the page."""

    left: float
    right: float
    baseline: float
    size: float
    hit: bool


def overlaps(line: Edge, baseline: float, size: float, start: float, end: float) -> bool:
    """Return whether a piece of a line stands where one from start to end does."""
    return (
        abs(line.baseline - baseline) < 0.45 * size and line.left < end + 0.1 and line.right > start
    )


def anchor_of(
    left: float, right: float, page: tuple[float, float], others: Sequence[Edge]
) -> tuple[str, float]:
    """Return which point of a line its layout holds fast ("left", "right", "centre"; "" where unknown).

    And where that is, along the line. Told by what it shares with other lines, as a column or a table
    does. Where left and right edges are both shared, the line is justified, and either would do. The
    place is that of the others: its own differs from it by a rounding error that can depend on the
    removed text.

    Args:
        left, right: where it begins and ends.
        page: where the page does.
        others: the other lines of the page.
    """
    middle = (left + right) / 2
    # Lines as long as this one share all of it, and tell nothing.
    lefts = [
        line for line in others if abs(line.left - left) <= SAME and abs(line.right - right) > SAME
    ]
    ends = [
        line for line in others if abs(line.right - right) <= SAME and abs(line.left - left) > SAME
    ]
    middles = [
        line
        for line in others
        if abs((line.left + line.right) / 2 - middle) <= SAME and abs(line.left - left) > SAME
    ]
    centre = sum(page) / 2
    on_page = abs(middle - centre) <= SAME
    # A right margin as wide as the left one.
    begin = min([line.left for line in _clean(others)], default=left)
    margin = page[0] + page[1] - begin
    at_margin = abs(right - margin) <= SAME and left > begin + SAME
    ended = len(ends) + (2 if at_margin else 0)
    centred = len(middles) + (2 if on_page else 0)
    if lefts and len(lefts) >= max(centred, ended):
        return "left", left
    if ended > centred:
        # The first line of a justified paragraph shares its right edge with lines that begin together.
        most = max(
            (sum(abs(one.left - other.left) <= _EXACT for other in ends) for one in ends), default=0
        )
        if at_margin or most < 2 or 2 * most <= len(ends):
            # As told by all lines: which of them are as long as this one depends on the name.
            close = [line for line in others if abs(line.right - right) <= SAME]
            return "right", median([line.right for line in _clean(close)] or [margin])
    elif centred > len(lefts):
        close = [o for o in others if abs((o.left + o.right) / 2 - middle) <= SAME]
        shared = [(line.left + line.right) / 2 for line in _clean(close)]
        return "centre", centre if on_page or not shared else median(shared)
    return "left" if lefts else "", left


def filled(rights: Sequence[float]) -> float | None:
    """Return the edge at which most lines of a justified column end, None when there is none."""
    best: list[float] = []
    for edge in rights:
        close = [right for right in rights if abs(right - edge) <= SAME / 2]
        if len(close) > len(best):
            best = close
    return median(best) if len(best) >= 3 and len(best) >= 0.6 * len(rights) else None


def _clean(lines: Sequence[Edge]) -> Sequence[Edge]:
    """Return the lines that lose nothing, or all when there are none."""
    return [line for line in lines if not line.hit] or lines
