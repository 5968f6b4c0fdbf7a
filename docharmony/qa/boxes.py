"""Fields of forms: a label in the same drawn box over its value, or below the line that it stands on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import regex

from .segments import Segment
from .units import units

_MOST = 16  # words of a label
_ROWS = 3  # of text in a box at most, the label's among them
_NEAR = 0.95  # ems that a label stands below its value at most
_NEARER = 0.65  # of the gap to what stands above
NUMBERED = regex.compile(r"\s*\(?\d{1,2}\p{Ll}?[.)]\s*(?=\p{L})|\s*\(?[A-Za-z][.)]\s+(?=\p{L})")
_HELD = regex.compile(r"[:\uff1a]\s*[^\s(]")  # "Name: Ann"
_STARRED = regex.compile(r"[*§†‡]\s*$")


def labels_of(segments: Sequence[Segment]) -> dict[int, Segment]:
    """Return the label of each segment that stands below one in a drawn box, by the segment's index.

    A box is a cell of a table whose first row names a field; what continues the name, in brackets or
    small letters, is no value.
    """
    cells: defaultdict[tuple[int, int, int], list[Segment]] = defaultdict(list)
    for segment in segments:
        if segment.cell is not None:
            cells[segment.cell].append(segment)
    found: dict[int, Segment] = {}
    for inside in cells.values():
        inside.sort(key=lambda s: (s.bbox.center.y, s.bbox.x0))
        first = min(inside, key=lambda s: (s.bbox.y0 + s.bbox.y1, s.bbox.x0))
        if len(inside) < 2 or not names_field(first.text):
            continue
        if not NUMBERED.match(first.text) and len(_rows(inside)) > _ROWS:
            continue  # a column of a table
        label, open_ = first, True
        for segment in inside:
            if segment is first or segment.bbox.center.y < first.bbox.y1:
                continue
            if open_ and segment.text[:1] in "(" and segment.text.endswith(")"):
                continue
            open_ = False
            if names_field(segment.text) and NUMBERED.match(segment.text):
                label = segment  # the next field of the same box
                continue
            found[segment.index] = label
    return found


def _rows(inside: Sequence[Segment]) -> list[float]:
    """Return the heights at which rows of text stand, one a row."""
    found: list[float] = []
    for segment in inside:
        if not found or segment.bbox.center.y - found[-1] > 0.5 * segment.em:
            found.append(segment.bbox.center.y)
    return found


def names_field(text: str) -> bool:
    """Whether a text looks like the name of a field: numbered, starred, or of known words, no value.

    >>> names_field("2. Trade name *"), names_field("Date of birth"), names_field("Ann Roe, 12 May")
    (True, True, False)
    """
    words = text.split()
    if not 0 < len(words) <= _MOST or sum(c.isdigit() for c in text) > len(text) / 3:
        return False
    if NUMBERED.match(text) or _STARRED.search(text):
        return True
    if _HELD.search(text):
        return False
    own = units(regex.sub(r"\([^()]*\)", " ", text)) or units(text)
    known = sum(bool(unit.senses) for unit in own)
    return 2 * known >= len(own) > 0 and not any(c.isdigit() for c in text)


def under(segment: Segment) -> Segment | None:
    """Return the label below a segment that stands on the line over it: "Signature", "Name (print)"."""
    below = segment.below[0] if segment.below else None
    if below is None or below.cell != segment.cell or below.text.endswith((":", "\uff1a")):
        return None
    gap = (below.bbox.y0 - segment.bbox.y1) / segment.em
    over = segment.above[0] if segment.above else None
    up = 99.0 if over is None else (segment.bbox.y0 - over.bbox.y1) / segment.em
    if gap > min(_NEAR, _NEARER * max(up, 0.0)) or below.em > 1.15 * segment.em:
        return None
    if not names_field(below.text) or names_field(segment.text):
        return None
    # It names what stands below it, where that is as near.
    after = below.below[0] if below.below else None
    down = 99.0 if after is None else (after.bbox.y0 - below.bbox.y1) / segment.em
    return below if gap < 0.8 * max(down, 0.0) else None
