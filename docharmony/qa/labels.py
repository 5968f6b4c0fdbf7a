"""Labels: the texts around a segment that may say what it is."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import regex

from ..model import BlockKind
from .boxes import NUMBERED, labels_of, under
from .segments import CHAIN, Segment
from .units import Unit, units

# A label further away, in ems, says nothing any more: above and below it, in lines.
_REACH_ABOVE, _REACH_BELOW = 8.0, 1.6
_TORN = 0.6  # ems between two parts of one label that drawn boxes of the row have cut
# What stands aside in a label: a part in brackets with figures, of several words, or before its end.
_ASIDE = regex.compile(r"\([^)]*\d[^)]*\)|\([^()\s]+\s[^()]*\)|\([^()]*\)(?=\s+\p{L})|[\d.,]+\s?%")
_REQUIRED = regex.compile(r"\s*[*\u00a7\u2020](?:\s*\p{L}+){0,2}\s*$|\s*\(required\)\s*$", regex.I)
COLON = (":", "\uff1a", "\ua789")


@dataclass(frozen=True, slots=True)
class Label:
    """A text that may say what a slot is.

    Attributes:
        relation: ``inline``, ``left``, ``row``, ``above``, ``column``, ``below``, ``heading`` or
            ``sentence``; ``box`` above in the same drawn box, ``under`` below the line of a form.
        distance: from the slot, in ems.
        colon: whether it ends with a colon.
        segment: index of the segment that it stands in, -1 for several.
    """

    relation: str
    text: str
    distance: float = 0.0
    colon: bool = False
    segment: int = -1

    @property
    def cleaned(self) -> str:
        """Its text without number and star: "4. Date of birth *" is the date of birth."""
        plain: str = _REQUIRED.sub("", NUMBERED.sub("", self.text, count=1))
        return plain

    @property
    def units(self) -> tuple[Unit, ...]:
        """What it means, without what stands aside: "VAT 20 % (of 5,010.00)" means VAT."""
        return units(_ASIDE.sub(" ", self.cleaned)) or units(self.text)


def around(segment: Segment, segments: Sequence[Segment], places: Places) -> list[Label]:
    """Return the labels around a segment, nearest first."""
    labels: list[Label] = []

    def add(relation: str, other: Segment, distance: float) -> None:
        text = other.text.strip()
        if any(c.isalpha() or c in "#%\u2116" for c in text):
            labels.append(Label(relation, text, distance, text.endswith(COLON), other.index))

    em = segment.em
    box = places.boxes.get(segment.index)
    left = segment.left
    if box is not None:
        # What stands in other boxes says nothing of this one.
        text = box.text
        more = box.right
        while more is not None and more.left is not None and more.cell == box.cell:
            if more.bbox.x0 - more.left.bbox.x1 > _TORN * em:
                break
            text, more = f"{text} {more.text}", more.right
        over = (segment.bbox.y0 - box.bbox.y1) / em
        labels.append(Label("box", text, over, text.endswith(COLON), box.index))
        if left is not None and left.cell == segment.cell and not left.numeric:
            add("left", left, (segment.bbox.x0 - left.bbox.x1) / em)
        return labels + _heading(segment, labels, places)
    steps = 0
    nearest = left
    while left is not None and steps < CHAIN:
        distance = (segment.bbox.x0 - left.bbox.x1) / em
        if left is nearest and not left.numeric:
            add("left", left, distance)
        elif not left.numeric and (
            left.left is None or steps == 0 or left.text.rstrip().endswith(COLON)
        ):
            add("row", left, distance)
        left = left.left
        steps += 1
    low = under(segment)
    if low is not None:
        add("under", low, (low.bbox.y0 - segment.bbox.y1) / em)
    for step, other in enumerate(segment.above):
        distance = (segment.bbox.y0 - other.bbox.y1) / em
        if step == 0 and low is None and distance < _REACH_ABOVE:
            add("above", other, distance)
        elif low is None and step < 4 and distance < _REACH_ABOVE and not other.numeric:
            add("upper", other, distance)
    head = column_head(segment)
    if head is not None and (not segment.above or head is not segment.above[0]):
        add("column", head, (segment.bbox.y0 - head.bbox.y1) / em)
    for other in segment.below[:2]:
        distance = (other.bbox.y0 - segment.bbox.y1) / em
        if distance < _REACH_BELOW and not other.numeric and other is not low:
            add("below", other, distance)
    closing = _closing(segment, segments)
    if closing is not None and all(label.segment != closing.index for label in labels):
        add("above", closing, (segment.bbox.y0 - closing.bbox.y1) / em)
    return labels + _heading(segment, labels, places)


@dataclass(frozen=True, slots=True)
class Places:
    """What stands over each segment of a page: its heading, by index, and the label of its box."""

    headings: Sequence[Segment | None]
    boxes: Mapping[int, Segment]


def places_of(segments: Sequence[Segment]) -> Places:
    """Return the headings and the labels in boxes of the segments of a page."""
    return Places(headings_of(segments), labels_of(segments))


def _heading(segment: Segment, labels: Sequence[Label], places: Places) -> list[Label]:
    heading = places.headings[segment.index]
    if heading is None or any(label.segment == heading.index for label in labels):
        return []
    return [Label("heading", heading.text, 0.0, False, heading.index)]


def _closing(segment: Segment, segments: Sequence[Segment]) -> Segment | None:
    """Return the closing of a letter a few lines above, wherever it is set: a name follows it."""
    for other in reversed(segments[max(0, segment.index - 4) : segment.index]):
        over = segment.bbox.y0 - other.bbox.y1
        near = 0 < over < _REACH_ABOVE * segment.em and len(other.text) < 60
        if near and any("regards" in unit.senses for unit in units(other.text)):
            return other
    return None


def column_head(segment: Segment) -> Segment | None:
    """Return the head of a segment's column: of the table that it stands in, or of what looks so."""
    if segment.cell is not None:
        table, row, column = segment.cell
        best: Segment | None = None
        for other in segment.above:
            if (
                other.cell is not None
                and other.cell[0] == table
                and other.cell[1] < row
                and (other.cell[2] == column or other.cell[1] == 0)
            ):
                best = other
        if best is not None and not best.numeric:
            return best
    for other in segment.above:
        if segment.numeric and not other.numeric:
            return other
    if not segment.numeric and len(segment.above) > 1:
        top = segment.above[0]
        for a, b in itertools.pairwise([segment, *segment.above]):
            if a.bbox.y0 - b.bbox.y1 > 2.2 * segment.em:
                break
            top = b
        return top
    return None


def headings_of(segments: Sequence[Segment]) -> list[Segment | None]:
    """Return the heading that each segment stands under, or None."""
    found: list[Segment | None] = []
    current: Segment | None = None
    usual = median([s.em for s in segments]) if segments else 0.0
    for segment in segments:
        words = len(segment.text.split())
        large = segment.em > 1.12 * usual or segment.line.bold
        alone = segment.left is None and segment.right is None
        title = segment.kind is BlockKind.TITLE or (large and alone and not segment.numeric)
        if title and words <= 10 and segment.cell is None:
            found.append(None)
            current = segment
        else:
            found.append(current)
    return found
