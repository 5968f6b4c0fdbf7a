"""A page as a graph: segments of text, and for each the texts that may say what it is.

A segment is a run of words of one line without a wide gap, or what of it stands in a table cell. Each
piece of text that may be an answer is a :class:`Slot`, with its labels: the words before it, the
segment left of it, above it, at the head of its row and column, below it, the heading over it, the
sentence around it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

import regex

from ..geometry import BBox
from ..model import AnswerSpan, Block, BlockKind, Line, Page
from . import values
from .units import Unit, units

# A gap wider than this, in ems, parts a line into segments; the space between words is about .3.
_GAP = 0.95
_LEVEL = 20.0  # degrees up to which a line counts as level
# A label further away, in ems, says nothing any more: above and below it, in lines.
_REACH_ABOVE, _REACH_BELOW = 8.0, 1.6
_CHAIN = 14  # segments looked at along a row or a column
_NEAR = 160  # segments above and below among which neighbours are sought
_COLON = (":", "\uff1a", "\ua789")
_LEADERS = regex.compile(r"^[.\u2026_\-\u2013\u2014\s]{2,}$|^[|]+$")
_BOX = regex.compile(
    r"[\u2610\u2611\u2612\u25a1\u25a0\u25fb\u25fc\u2713\u2714\u2717\u2718]|\[[ xX\u2713]?\]|\([xX ]\)"
)
_CUT = regex.compile(r"[:\uff1a=](?=\s|$|\D)|[:\uff1a](?=\d{3})")
_SENTENCE = regex.compile(
    r"(?<=[\p{L}\p{N})]{3}[.!?;]|[\p{L})]\d?[!?;])(?<!\s\p{Lu}\p{L}{0,2}\.)\s+(?=[\p{Lu}\p{N}\"'])"
)


@dataclass(slots=True, eq=False)
class Segment:
    """A run of words of one line.

    Attributes:
        index: its number on the page, in reading order.
        line: the line that it is a part of.
        start: first character in the line's text.
        text: the words, joined by single spaces.
        bbox: box around the words, in page units, as if the page stood level; ``box`` gives the place.
        em: height of its letters, in page units.
        block: index of its block, -1 for none.
        cell: table (index of the block), row and column, 0-based; None outside of tables.
    """

    index: int
    line: Line
    start: int
    text: str
    bbox: BBox
    em: float
    block: int = -1
    kind: BlockKind = BlockKind.PARAGRAPH
    cell: tuple[int, int, int] | None = None
    left: Segment | None = None
    above: list[Segment] = field(default_factory=list)
    below: list[Segment] = field(default_factory=list)
    right: Segment | None = None

    @property
    def end(self) -> int:
        """Behind its last character in the line's text."""
        return self.start + len(self.text)

    @property
    def numeric(self) -> bool:
        """Whether digits outnumber letters: a value rather than a label."""
        letters = sum(c.isalpha() for c in self.text)
        return sum(c.isdigit() for c in self.text) > letters

    def span(self, start: int = 0, end: int | None = None) -> AnswerSpan:
        """Return a range of its text as characters of the line."""
        stop = len(self.text) if end is None else end
        return AnswerSpan(self.line.id, self.start + start, self.start + stop)

    def box(self, start: int, end: int) -> BBox:
        """Return the box around the words that a range of its text touches, in page units."""
        boxes = []
        at = 0
        for word in self.line.words:
            a, b = at - self.start, at - self.start + len(word.text)
            if a < end and b > start:
                boxes.append(word.bbox)
            at += len(word.text) + 1
        return BBox.around(boxes) if boxes else self.line.bbox

    @property
    def place(self) -> BBox:
        """Box around its words where they stand, in page units."""
        return self.box(0, len(self.text))


@dataclass(frozen=True, slots=True)
class Label:
    """A text that may say what a slot is.

    Attributes:
        relation: ``inline``, ``left``, ``row``, ``above``, ``column``, ``below``, ``heading`` or
            ``sentence``.
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
    def units(self) -> tuple[Unit, ...]:
        """What it means."""
        return units(self.text)


@dataclass(frozen=True, slots=True)
class Slot:
    """A piece of text that may be an answer.

    Attributes:
        text: as it stands; lines are joined by ``"\\n"``.
        spans: its characters, one span a line.
        bbox: box around it, in page units.
        labels: what may say what it is, nearest first.
        segment: the segment that it begins in.
        shape: ``whole`` segment, ``rest`` behind a label, ``value`` inside a text, ``group`` of
            lines.
        kind: kind of the value for ``value``; ``cut`` for a group that goes on; else ``""``.
    """

    text: str
    spans: tuple[AnswerSpan, ...]
    bbox: BBox
    labels: tuple[Label, ...]
    segment: Segment
    shape: str
    kind: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Segments and slots of a page, and what the page as a whole says of itself.

    Attributes:
        about: senses of its title: what kind of document it is.
        day_first: how its numeric dates are to be read.
    """

    page: Page
    segments: tuple[Segment, ...]
    slots: tuple[Slot, ...]
    about: frozenset[str]
    day_first: bool
    em: float


def build(page: Page) -> Graph:
    """Return the graph of a page that has lines; with blocks it knows tables and headings."""
    segments = _segments(page)
    _link(segments)
    texts = [segment.text for segment in segments]
    day_first = not values.reads_month_first(texts)
    em = median([segment.em for segment in segments]) if segments else 10.0
    slots = list(_slots(page, segments, day_first))
    return Graph(page, tuple(segments), tuple(slots), _about(segments, em), day_first, em)


# --- segments ------------------------------------------------------------------------------------


def _segments(page: Page) -> list[Segment]:
    home: dict[str, int] = {}
    for number, block in enumerate(page.blocks):
        home.update(dict.fromkeys(block.lines, number))
    found: list[Segment] = []
    angles = [
        angle for line in page.lines if abs(angle := tilt(line)) < _LEVEL and len(line.text) > 8
    ]
    slope = math.tan(math.radians(median(angles))) if angles else 0.0
    for line in page.lines:
        at = home.get(line.id, -1)
        kind = page.blocks[at].kind if at >= 0 else BlockKind.PARAGRAPH
        for start, end, offset in _runs(line):
            words = line.words[start:end]
            box = BBox.around([word.bbox for word in words])
            text = " ".join([word.text for word in words])
            upright = _sheared(box, slope)
            segment = Segment(len(found), line, offset, text, upright, _em(line), at, kind)
            if kind is BlockKind.TABLE:
                segment.cell = _cell(page.blocks[at], at, box)
            found.append(segment)
    return found


def tilt(line: Line) -> float:
    """Return how far a line is turned from level, in degrees, in (-180, 180]."""
    return (line.direction + 180.0) % 360.0 - 180.0


def _sheared(box: BBox, slope: float) -> BBox:
    """Return a box as it would stand on a level page: rows of a skewed scan drift by more than a line."""
    if not slope:
        return box
    middle = box.center
    down, right = -slope * middle.x, slope * middle.y
    return BBox(box.x0 + right, box.y0 + down, box.x1 + right, box.y1 + down)


def _em(line: Line) -> float:
    across = line.bbox.height if abs(tilt(line)) % 180 < 45 else line.bbox.width
    return line.size or 0.8 * across or 1.0


def _runs(line: Line) -> Iterator[tuple[int, int, int]]:
    """Yield the runs of words without a wide gap: first word, end, offset in the line's text."""
    em = _em(line)
    level = abs(tilt(line)) < _LEVEL
    gaps = [b.bbox.x0 - a.bbox.x1 for a, b in itertools.pairwise(line.words)]
    usual = median(gaps) if len(gaps) > 3 else 0.0
    limit = max(_GAP * em, 2.2 * usual)
    start = offset = at = 0
    for index, word in enumerate(line.words):
        if index and level and (gaps[index - 1] > limit or _LEADERS.match(word.text)):
            if not _LEADERS.match(line.words[start].text):
                yield start, index, offset
            start, offset = index, at
        elif index and _LEADERS.match(line.words[index - 1].text) and start == index - 1:
            start, offset = index, at
        at += len(word.text) + 1
    if not _LEADERS.match(line.words[start].text):
        yield start, len(line.words), offset


def _cell(block: Block, number: int, box: BBox) -> tuple[int, int, int] | None:
    middle = box.center
    for cell in block.cells:
        if cell.bbox.contains(middle):
            return number, cell.row, cell.column
    return None


def _link(segments: Sequence[Segment]) -> None:
    """Find the neighbours of each level segment: left and right in its row, above and below."""
    level = [s for s in segments if abs(tilt(s.line)) < _LEVEL]
    level.sort(key=lambda s: s.bbox.center.y)
    for index, segment in enumerate(level):
        box = segment.bbox
        best: Segment | None = None
        for other in _around(level, index):
            before = _same_row(box, other.bbox) and other.bbox.x1 <= box.x0 + 0.3 * segment.em
            if before and (best is None or other.bbox.x1 > best.bbox.x1):
                best = other
        segment.left = best
        if best is not None and (best.right is None or best.right.bbox.x0 > box.x0):
            best.right = segment
        up: list[Segment] = []
        for other in reversed(level[max(0, index - _NEAR) : index]):
            over = other.bbox.y1 <= box.y0 + 0.4 * min(box.height, other.bbox.height)
            if (
                over
                and _aligned(segment, other)
                and not any(_same_row(o.bbox, other.bbox) for o in up)
            ):
                up.append(other)
                if len(up) == _CHAIN:
                    break
        segment.above = up
        if up:
            up[0].below.append(segment)


def _around(level: Sequence[Segment], index: int) -> Iterator[Segment]:
    """Yield the segments near one in order of height, as far as their rows can meet."""
    box = level[index].bbox
    for step in (-1, 1):
        at = index + step
        while 0 <= at < len(level) and abs(at - index) < _NEAR:
            other = level[at].bbox
            if abs(other.center.y - box.center.y) > max(box.height, other.height):
                break
            yield level[at]
            at += step


def _same_row(a: BBox, b: BBox) -> bool:
    overlap = min(a.y1, b.y1) - max(a.y0, b.y0)
    return overlap > 0.5 * min(a.height, b.height)


def _aligned(a: Segment, b: Segment) -> bool:
    overlap = min(a.bbox.x1, b.bbox.x1) - max(a.bbox.x0, b.bbox.x0)
    if overlap > 0.35 * min(a.bbox.width, b.bbox.width):
        return True
    near = 0.6 * max(a.em, b.em)
    return abs(a.bbox.x0 - b.bbox.x0) < near or abs(a.bbox.x1 - b.bbox.x1) < near


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


# --- slots ---------------------------------------------------------------------------------------


def _slots(page: Page, segments: Sequence[Segment], day_first: bool) -> Iterator[Slot]:
    headings = _headings(segments)
    pairs: dict[int, list[Slot]] = {}
    for segment in segments:
        around = _around_labels(segment, segments, headings)
        start, end = _trimmed(segment.text, 0, len(segment.text))
        if start < end:
            yield _slot(segment, start, end, around, "whole")
        rest = tuple(label for label in around if label.relation != "left")
        for (label, colon), a, b in _pairs(segment.text):
            inline = Label("inline", label, 0.0, colon, segment.index)
            slot = _slot(segment, a, b, (inline, *rest), "rest")
            pairs.setdefault(segment.index, []).append(slot)
            yield slot
        if not _runs_on(segment) or segment.kind is BlockKind.TABLE:
            yield from _typed(segment, around, day_first)
    yield from _groups(segments, headings, pairs)
    yield from _sentences(page, segments, day_first)


def _slot(
    segment: Segment, start: int, end: int, labels: Iterable[Label], shape: str, kind: str = ""
) -> Slot:
    text = segment.text[start:end]
    box = segment.box(start, end)
    return Slot(text, (segment.span(start, end),), box, tuple(labels), segment, shape, kind)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Return a range without blanks, leaders, bars and colons at its ends."""
    while (
        start < end
        and text[start] in " :|.\u2026_*\u2022=\uff1a"
        and text[start : start + 2] != ".."
    ):
        start += 1
    while start < end and text[start] in " .\u2026_":
        start += 1
    while end > start and text[end - 1] in " :|\u2026_,;=\uff1a":
        end -= 1
    return start, end


def _pairs(text: str) -> Iterator[tuple[tuple[str, bool], int, int]]:
    """Yield the pairs of label and value inside a segment: label, whether by colon, value's range."""
    cuts = [m for m in _CUT.finditer(text) if not text[m.start() :].startswith("://")]
    if cuts:
        begin = 0
        for number, cut in enumerate(cuts):
            stop = len(text)
            if number + 1 < len(cuts):
                # The next label takes the words before its colon that mean something.
                stop = _label_start(text, cut.end(), cuts[number + 1].start())
            a, b = _trimmed(text, cut.end(), stop)
            label = text[begin : cut.start()].strip()
            if a < b and label:
                yield (label, True), a, b
            begin = stop
        return
    # No colon: words that are known as a field's name, with a value behind them.
    words = list(regex.finditer(r"\S+", text))
    best = 0
    for count in range(1, min(6, len(words))):
        head = text[: words[count].start()]
        found = units(head)
        if found and all(unit.senses for unit in found):
            best = count
        elif count > 1 and best == 0:
            break
    if best:
        a, b = _trimmed(text, words[best].start(), len(text))
        head = text[: words[best].start()].strip()
        if a < b:
            yield (head, head.endswith(("#", "."))), a, b
    for dash in regex.finditer(r"\s[-\u2013\u2014]\s|\.{3,}", text):
        a, b = _trimmed(text, dash.end(), len(text))
        if dash.start() and a < b and len(text[: dash.start()].split()) <= 6:
            yield (text[: dash.start()].strip(), True), a, b
        break


def _label_start(text: str, start: int, end: int) -> int:
    """Return where the label begins that ends at ``end``: the most words that all mean something."""
    words = list(regex.finditer(r"\S+", text[start:end]))
    best = len(words) - 1
    for first in range(len(words) - 1, max(0, len(words) - 5), -1):
        found = units(text[start + words[first].start() : end])
        if found and all(unit.senses for unit in found):
            best = first
        elif best < len(words) - 1:
            break
    return start + words[max(best, 0)].start() if words else end


def _typed(segment: Segment, around: Sequence[Label], day_first: bool) -> Iterator[Slot]:
    """Yield the typed values inside a segment that holds more than them."""
    text = segment.text
    last = 0
    found = [(v.kind, v.start, v.end) for v in values.find(text, day_first)]
    found += [("name", *m.span()) for m in NAMED.finditer(text)]
    for kind, start, end in found:
        if end - start >= len(text.strip(" :.;,")):
            continue
        before = text[last:start] if start >= last else text[:start]
        words = regex.sub(r"[:=\s]+$", "", before)
        labels = list(around)
        if words.strip():
            short = " ".join(words.split()[-6:])
            colon = before.rstrip().endswith(_COLON)
            labels.insert(0, Label("inline", short, 0.0, colon, segment.index))
        behind = " ".join(text[end:].split()[:4])
        if behind:
            labels.append(Label("behind", behind, 0.0, False, segment.index))
        yield _slot(segment, start, end, labels, "value", kind)
        if kind not in ("id", "number") or end - start > 3:
            last = end


def _runs_on(segment: Segment) -> bool:
    """Whether a segment is running text rather than a field."""
    words = segment.text.split()
    return len(words) >= 7 and sum(w[0].islower() for w in words) >= 0.4 * len(words)


def _around_labels(
    segment: Segment, segments: Sequence[Segment], headings: Sequence[Segment | None]
) -> list[Label]:
    """Return the labels around a segment, nearest first."""
    labels: list[Label] = []

    def add(relation: str, other: Segment, distance: float) -> None:
        text = other.text.strip()
        if any(c.isalpha() or c in "#%\u2116" for c in text):
            labels.append(Label(relation, text, distance, text.endswith(_COLON), other.index))

    em = segment.em
    left = segment.left
    steps = 0
    nearest = left
    while left is not None and steps < _CHAIN:
        distance = (segment.bbox.x0 - left.bbox.x1) / em
        if left is nearest and not left.numeric:
            add("left", left, distance)
        elif not left.numeric and (
            left.left is None or steps == 0 or left.text.rstrip().endswith(_COLON)
        ):
            add("row", left, distance)
        left = left.left
        steps += 1
    for step, other in enumerate(segment.above):
        distance = (segment.bbox.y0 - other.bbox.y1) / em
        if step == 0 and distance < _REACH_ABOVE:
            add("above", other, distance)
        elif 0 < step < 4 and distance < _REACH_ABOVE and not other.numeric:
            add("upper", other, distance)
    head = column_head(segment)
    if head is not None and (not segment.above or head is not segment.above[0]):
        add("column", head, (segment.bbox.y0 - head.bbox.y1) / em)
    for other in segment.below[:2]:
        distance = (other.bbox.y0 - segment.bbox.y1) / em
        if distance < _REACH_BELOW and not other.numeric:
            add("below", other, distance)
    closing = _closing(segment, segments)
    if closing is not None and all(label.segment != closing.index for label in labels):
        add("above", closing, (segment.bbox.y0 - closing.bbox.y1) / em)
    heading = headings[segment.index]
    if heading is not None and all(label.segment != heading.index for label in labels):
        labels.append(Label("heading", heading.text, 0.0, False, heading.index))
    return labels


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


def _headings(segments: Sequence[Segment]) -> list[Segment | None]:
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


def _groups(
    segments: Sequence[Segment], headings: Sequence[Segment | None], pairs: dict[int, list[Slot]]
) -> Iterator[Slot]:
    """Yield runs of lines that belong together, such as an address, with the labels of the first."""
    for segment in segments:
        if len(segment.text) > 80:
            continue
        lines = _followers(segment, segment.bbox.x0)
        if len(lines) > 1:
            labels = _around_labels(segment, segments, headings)
            parts = [(line, *_trimmed(line.text, 0, len(line.text))) for line in lines]
            for count in range(2, len(parts) + 1):
                yield _group(parts[:count], labels, cut=count < len(parts))
        for slot in pairs.get(segment.index, ())[-1:]:
            start = slot.spans[0].start - segment.start
            more = _followers(segment, slot.bbox.x0)[1:]
            parts = [(segment, start, start + len(slot.text))]
            parts += [(line, *_trimmed(line.text, 0, len(line.text))) for line in more]
            for count in range(2, len(parts) + 1):
                yield _group(parts[:count], slot.labels, cut=count < len(parts))


def _group(
    parts: Sequence[tuple[Segment, int, int]], labels: Sequence[Label], *, cut: bool = False
) -> Slot:
    return Slot(
        "\n".join(segment.text[a:b] for segment, a, b in parts),
        tuple(segment.span(a, b) for segment, a, b in parts),
        BBox.around([segment.box(a, b) for segment, a, b in parts]),
        tuple(labels),
        parts[0][0],
        "group",
        "cut" if cut else "",
    )


def _followers(segment: Segment, x0: float) -> list[Segment]:
    """Return a segment and up to five more below it that continue it, aligned at ``x0``.

    Behind the line with a postal code only a country follows.
    """
    lines = [segment]
    step = 0.0
    ended = values.has_postcode(segment.text)
    while len(lines) < 6:
        last = lines[-1]
        found = None
        for other in last.below:
            gap = other.bbox.y0 - last.bbox.y1
            near = gap < (0.95 * segment.em if len(lines) == 1 else step + 0.2 * segment.em)
            same = abs(other.em - segment.em) < 0.15 * segment.em
            if abs(other.bbox.x0 - x0) < 0.7 * segment.em and near and same:
                found, step = other, max(step, gap) if len(lines) > 1 else gap
        if found is None or found.numeric:
            break
        if any(colon for (_, colon), _, _ in _pairs(found.text)) or found.text.endswith(_COLON):
            break
        if ended and not _COUNTRY.fullmatch(found.text):
            break
        lines.append(found)
        if ended:
            break
        ended = values.has_postcode(found.text)
    return lines


_COUNTRY = regex.compile(r"\p{Lu}[\p{L}.]+(?:\s\p{L}+){0,3}")
NAMED = regex.compile(
    r"(?:(?:Mr|Mrs|Ms|Dr|Prof|Herrn?|Frau|M|Mme|Monsieur|Madame|Sra?|Sig|Dott|Dhr|Mevr|Pan|Pani)\.?\s+)?"
    r"\p{Lu}[\p{Ll}'\u2019]+(?:[-\s](?:(?:de|da|do|dos|van|von|der|den|di|del|la|le|y|e)\s+){0,2}"
    r"\p{Lu}(?:[\p{L}'\u2019]+|\.)){1,3}"
)


def _sentences(page: Page, segments: Sequence[Segment], day_first: bool) -> Iterator[Slot]:
    """Yield values and whole sentences of running text, also over line ends."""
    for _, group in itertools.groupby(segments, key=lambda s: (s.block, s.kind)):
        run = list(group)
        if run[0].kind is BlockKind.TABLE or not any(_runs_on(s) for s in run):
            continue
        text, starts = "", []
        for segment in run:
            starts.append(len(text))
            text += segment.text + " "
        at = 0
        for sentence in _SENTENCE.split(text.rstrip()):
            at = text.index(sentence, at)
            label = Label("sentence", sentence, 0.0, False, -1)
            yield from _inside(run, starts, text, at, at + len(sentence), label, day_first)
            at += len(sentence)


def _inside(
    run: Sequence[Segment],
    starts: Sequence[int],
    text: str,
    start: int,
    end: int,
    label: Label,
    day_first: bool,
) -> Iterator[Slot]:
    sentence = text[start:end]
    found = [(v.kind, v.start, v.end) for v in values.find(sentence, day_first)]
    found += [("name", *m.span()) for m in NAMED.finditer(sentence)]
    found += [("place", *m.span(1)) for m in THERE.finditer(sentence)]
    found += [("text", m.start(1), m.end(1)) for m in _SAID.finditer(sentence)]
    found.append(("", 0, len(sentence)))
    for kind, a, b in found:
        parts = []
        for segment, offset in zip(run, starts, strict=True):
            low = max(0, start + a - offset)
            high = min(len(segment.text), start + b - offset)
            if low < high:
                parts.append((segment, low, high))
        if not parts:
            continue
        labels = [label]
        before = sentence[:a].split()
        behind = sentence[b:].split()
        if kind and before:
            labels.append(Label("inline", " ".join(before[-6:]), 0.0, False, parts[0][0].index))
        if kind and behind:
            labels.append(Label("behind", " ".join(behind[:5]), 0.0, False, parts[0][0].index))
        slot = _group(parts, labels)
        text_ = " ".join(part for part in slot.text.split("\n"))
        yield Slot(
            text_,
            slot.spans,
            slot.bbox,
            slot.labels,
            slot.segment,
            "value" if kind else "sentence",
            kind,
        )


# Where something is: behind a preposition.
THERE = regex.compile(
    r"\b(?:in|at|im|nach|en|\u00e0|a|ad|te|em|no|na|w|we|to)\s+(\p{Lu}[\p{L}\-'\u2019]+(?:\s\p{Lu}[\p{L}\-'\u2019]+){0,3})"
)
# What a sentence says of its subject: behind "is", "are", "means".
_SAID = regex.compile(
    r"\b(?:is|are|was|were|means|ist|sind|war|est|sont|es|son|fue|\u00e8|sono|zijn|is|\u00e9|s\u00e3o|jest)\s+"
    r"(?:called\s+|named\s+|genannt\s+)?([^,;:()]{3,120}?)(?=[.,;:()]|$)"
)
