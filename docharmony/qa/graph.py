"""A page as a graph: segments of text, and for each the texts that may say what it is.

A segment is a run of words of one line without a wide gap, or what of it stands in a table cell. Each
piece of text that may be an answer is a :class:`Slot`, with its labels: the words before it, the
segment left of it, above it, at the head of its row and column, below it, the heading over it, the
sentence around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from ..model import BlockKind, Page
from . import values
from .segments import Segment, link, segments_of
from .slots import Slot, slots_of
from .units import units


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Segments and slots of a page, and what the page as a whole says of itself.

    Attributes:
        about: senses of its title: what kind of document it is.
        day_first: how its numeric dates are to be read.
        carried: heads of a table that the page before leaves open: it may go on at the top.
    """

    page: Page
    segments: tuple[Segment, ...]
    slots: tuple[Slot, ...]
    about: frozenset[str]
    day_first: bool
    em: float
    carried: tuple[Segment, ...] = ()


def build(page: Page, before: Graph | None = None) -> Graph:
    """Return the graph of a page that has lines; with blocks it knows tables and headings.

    Args:
        page: the page.
        before: the graph of the page before, whose last table may go on here without heads.
    """
    segments = segments_of(page)
    link(segments)
    texts = [segment.text for segment in segments]
    day_first = not values.reads_month_first(texts)
    em = median([segment.em for segment in segments]) if segments else 10.0
    slots = list(slots_of(page, segments, day_first))
    about = _about(segments, em)
    carried = () if before is None else _open_heads(before)
    return Graph(page, tuple(segments), tuple(slots), about, day_first, em, carried)


_BELOW = 3  # segments below a table that goes on: a page number, a footer


def _open_heads(graph: Graph) -> tuple[Segment, ...]:
    """Return the heads of the last table of a page, where hardly anything stands below it."""
    from .aligned import aligned

    found = aligned(graph)
    if not found or len(found[-1].rows) < 2:
        return ()
    grid = found[-1]
    bottom = max(cell.bbox.y1 for cell in grid.rows[-1].values())
    below = sum(segment.bbox.y0 >= bottom for segment in graph.segments)
    return tuple(grid.heads[key] for key in sorted(grid.heads)) if below <= _BELOW else ()


def _about(segments: Sequence[Segment], em: float) -> frozenset[str]:
    """Return which kinds of documents the large, bold and first texts of a page name."""
    from .senses import dictionary

    senses = dictionary().senses
    found: set[str] = set()
    for number, segment in enumerate(segments):
        large = segment.em > 1.15 * em or segment.line.bold or segment.kind is BlockKind.TITLE
        if (large or number < 6) and len(segment.text.split()) <= 6:
            for unit in units(segment.text):
                found.update(name for name in unit.senses if senses[name].document)
    return frozenset(found)
