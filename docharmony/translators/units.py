"""What is translated as one text: a paragraph, a cell, a label; and what is left alone, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from ..geometry import BBox, Polygon
from ..model import Align, Block, BlockKind, Line, Page, Word
from .texts import is_listing, joined

# Signs and numbers before the text of a list item or a heading; they stay where they are.
_BULLET = re.compile(
    r"[\u2022\u2023\u25e6\u25aa\u25a0\u25cf\u25cb\u2043\u2219\u00b7\u2013\u2014*\uf0b7\uf0a7-]"
    r"|\(?\d{1,3}(?:\.\d{1,3})*[.)]?|\(?[A-Za-z][.)]|\(?[ivxlcIVXLC]{1,6}[.)]"
)
# What a box to tick is read as.
_BOX = re.compile(r"[\[\](){}|_\u25a1\u2610-\u2612]{1,3}")
_NUMBERED = frozenset((BlockKind.LIST_ITEM, BlockKind.TITLE))
# The number of a note or an affiliation right before its text.
_NOTED = re.compile(r"(?:\d{1,2}|[*\u2020\u2021\u00a7])(?=[A-Z\u00c0-\u00de][a-z])")
# Dots that lead the eye to a page number; three of them are an ellipsis, unless a number follows.
_LEADER = re.compile(
    r"[.\u00b7_]{4,}|\u2026{2,}|(?:[.\u2026\u00b7] ?){4,}|(?<!\S)(?:[.\u00b7_]{3}|\u2026)(?=\s*\d)"
)
_DOTS = re.compile(r"[.\u00b7_]{3,}|\u2026+|(?:[.\u2026\u00b7] ?){3,}")
_ENDED = re.compile(r"[.!?:;\u2026\u3002\uff01\uff1f][\"'\u201d\u2019\u00bb)\]]*$")
# Lines of a scan lie a little askew, each in its own way; degrees.
_SKEW = 5.0
# A line that ends before this share of the column, although the next word had room, ends there for good.
_SHORT = 0.75
# Lines of one label stand no further apart than this, in heights of a line.
_NEAR = 0.7
# A gap without any text of one line, in heights, that parts labels.
_FAR = 2.5
# Words that differ so much in height, with a gap between them, are no one text.
_LARGER = 1.1
# Paragraphs that may stand between the parts of another.
_OPEN = 6


@dataclass(frozen=True, slots=True)
class Unit:
    """Text that is translated as a whole.

    Attributes:
        parts: page index and lines of each of its places: one, or more where a paragraph goes on in
            the next column or on the next page. Lines may be cut down to some of their words.
        text: all of them as one text.
        kind: of its block; None for lines in no block.
        align: how the cells of its column are aligned; None where it is no cell of a table.
    """

    parts: tuple[tuple[int, tuple[Line, ...]], ...]
    text: str
    kind: BlockKind | None
    align: Align | None = None

    @property
    def confidence(self) -> float:
        """Least confidence of its lines, 0.0-1.0."""
        return min(line.confidence for _, lines in self.parts for line in lines)


def units(pages: Sequence[Page]) -> list[Unit]:
    """Return the texts of pages that follow each other, in reading order.

    Paragraphs are whole, also over columns and pages; cells of tables, headers, footers and labels
    in figures stand alone. Text that nobody sees is left out.
    """
    found = [unit for index, page in enumerate(pages) for unit in _of_page(page, index)]
    return _continued(found)


def _of_page(page: Page, index: int) -> Iterator[Unit]:
    by_id = {line.id: line for line in page.lines if line.visible}
    for block in page.blocks:
        lines = [by_id.pop(name) for name in block.lines if name in by_id]
        if block.kind is BlockKind.TABLE:
            yield from _cells(block, lines, index)
            continue
        if block.kind is BlockKind.PARAGRAPH and _is_list(lines, page):
            for line in lines:
                yield _unit([line], index, None)
            continue
        for part in _apart(lines):
            heads = {line.words[0] for line in part}
            for group in _groups(block, part):
                for own in _broken(group) if block.kind is BlockKind.PARAGRAPH else [group]:
                    # Where a number or bullet was left out, the text begins where it does for that.
                    cut = own[0].words[0] not in heads
                    yield replace(_unit(own, index, block.kind), align="start" if cut else None)
    for part in (part for line in by_id.values() for part in _apart([line])):
        for group in _without_leaders(part):
            yield _unit(group, index, None)


def _apart(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Yield lines that may be one text: none beside another, none with a gap as between two labels.

    A reader takes what stands on one level for one line: buttons, labels and amounts.
    """
    run: list[Line] = []
    for line in lines:
        parts = _pieces(line)
        if run and (len(parts) > 1 or _aside(run[-1], line)):
            yield run
            run = []
        if len(parts) > 1:
            yield from ([part] for part in parts)
        else:
            run.append(line)
    if run:
        yield run


def _pieces(line: Line) -> list[Line]:
    """Return the parts of a line between gaps that are far wider than its word spaces."""
    if len(line.words) < 2 or abs(line.direction) > _SKEW:
        return [line]
    if line.origin != "ocr":
        return _resized(line)
    gaps = [max(b.bbox.x0 - a.bbox.x1, a.bbox.x0 - b.bbox.x1) for a, b in pairwise(line.words)]
    height = min(word.bbox.height for word in line.words)
    usual = sorted(gaps)[(len(gaps) - 1) // 2] if len(gaps) > 1 else 0.0
    widest = max(_FAR * height, 4 * usual)
    parts: list[list[Word]] = [[line.words[0]]]
    for gap, word in zip(gaps, line.words[1:], strict=True):
        if gap > widest:
            parts.append([])
        parts[-1].append(word)
    return [_only(line, part) for part in parts] if len(parts) > 1 else [line]


def _resized(line: Line) -> list[Line]:
    """Return the parts of a line of a text layer between gaps at which its size changes too."""
    parts: list[list[Word]] = [[line.words[0]]]
    for before, word in pairwise(line.words):
        low, high = sorted((before.bbox.height, word.bbox.height))
        gap = max(word.bbox.x0 - before.bbox.x1, before.bbox.x0 - word.bbox.x1)
        if gap > low and high > _LARGER * low:
            parts.append([])
        parts[-1].append(word)
    return [_only(line, part) for part in parts] if len(parts) > 1 else [line]


def _aside(one: Line, other: Line) -> bool:
    """Return whether two level lines stand beside each other, with a gap between them."""
    if max(abs(one.direction), abs(other.direction)) > _SKEW:
        return False
    gap = max(other.bbox.x0 - one.bbox.x1, one.bbox.x0 - other.bbox.x1)
    return gap > _FAR * min(one.bbox.height, other.bbox.height)


def _unit(lines: Sequence[Line], index: int, kind: BlockKind | None) -> Unit:
    return Unit(((index, tuple(lines)),), joined([line.text for line in lines]), kind)


def _groups(block: Block, lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Yield the lines of a block that are one text each."""
    if not lines:
        return
    if any(_LEADER.search(line.text) for line in lines):
        for line in lines:
            yield from _without_leaders([_unnumbered(line)])
    elif block.kind in (BlockKind.FIGURE, BlockKind.HEADER, BlockKind.FOOTER):
        yield from _labels(lines)
    else:
        for run in _by_direction(lines):
            first = _unnumbered(run[0]) if block.kind in _NUMBERED else _unmarked(run[0])
            yield [first, *run[1:]]


def _broken(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Yield the lines of a paragraph, parted where they do not go on for certain.

    That is where a line ends early although the next one's first word had room, at lines of program
    text, and at the numbers of notes and affiliations.
    """
    if len(lines) < 2 or any(abs(line.direction) > _SKEW for line in lines):
        yield list(lines)
        return
    height = median(line.bbox.height for line in lines)
    left = min(line.bbox.x0 for line in lines)
    right = max(line.bbox.x1 for line in lines)
    noted = sum(_NOTED.match(line.text) is not None for line in lines) > 1
    run: list[Line] = []
    for line in lines:
        if run:
            last, word = run[-1], line.words[0]
            had_room = last.bbox.x1 + 0.5 * height + word.bbox.width < right
            early = last.bbox.x1 - left < _SHORT * (right - left)
            level = abs(last.bbox.x0 - line.bbox.x0) < 2 * height
            heading = last.bold != line.bold and (
                last.bbox.width + 0.5 * height + word.bbox.width < right - left
            )
            # A sentence that goes on, or one that is the tail of a paragraph, is no break by itself.
            goes_on = not word.text[:1].isupper() or last.text[-1:] in "-\u2010\u00ad,"
            if (
                (had_room and early and level and not goes_on)
                or heading
                or is_listing(last.text) != is_listing(line.text)
                or (noted and _NOTED.match(line.text))
            ):
                yield run
                run = []
        run.append(line)
    yield run


def _is_list(lines: Sequence[Line], page: Page) -> bool:
    """Return whether every line is broken on purpose, as in an address, and not for want of room.

    True where all lines end early in their column although the next one's first word had room, and
    none goes on in the middle of a sentence.
    """
    if len(lines) < 2 or any(abs(line.direction) > _SKEW for line in lines):
        return False
    left = min(line.bbox.x0 for line in lines)
    height = median(line.bbox.height for line in lines)
    edges = {
        name
        for block in page.blocks
        if block.kind in (BlockKind.HEADER, BlockKind.FOOTER)
        for name in block.lines
    }
    column = [
        line.bbox.x1
        for line in page.lines
        if line.visible and line.id not in edges and abs(line.bbox.x0 - left) < 2 * height
    ]
    right = max(column)
    for line, following in pairwise(lines):
        word = following.words[0]
        had_room = line.bbox.x1 + 0.3 * height + word.bbox.width < right
        early = line.bbox.x1 - left < _SHORT * (right - left)
        in_sentence = word.text[:1].islower() or line.text[-1:] in "-\u2010\u00ad"
        if not had_room or not early or in_sentence:
            return False
    return True


def _by_direction(lines: Sequence[Line]) -> Iterator[list[Line]]:
    run: list[Line] = []
    for line in lines:
        if run and _turned(run[-1], line) > _SKEW:
            yield run
            run = []
        run.append(line)
    if run:
        yield run


def _labels(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Yield lines that stand below each other together, others alone."""
    run: list[Line] = []
    for line in lines:
        if run and not _below(run[-1], line):
            yield run
            run = []
        run.append(line)
    if run:
        yield run


def _below(above: Line, line: Line) -> bool:
    """Return whether a line goes on with the text of the one above it, rather than being another."""
    if max(abs(above.direction), abs(line.direction)) > _SKEW:
        return False
    height = min(above.bbox.height, line.bbox.height)
    alike = max(above.bbox.height, line.bbox.height) < 1.35 * height and above.bold == line.bold
    gap = line.bbox.y0 - above.bbox.y1
    lefts = abs(line.bbox.x0 - above.bbox.x0) < 0.5 * height
    middles = abs(line.bbox.center.x - above.bbox.center.x) < 0.5 * height
    goes_on = line.text[:1].islower() or above.text[-1:] in "-\u2010,"
    return alike and -0.5 * height < gap < _NEAR * height and (lefts or middles) and goes_on


def _cells(block: Block, lines: Sequence[Line], index: int) -> Iterator[Unit]:
    """Yield the texts of a table's cells, and of what stands in none."""
    left = list(lines)
    columns: dict[int, list[list[Line]]] = {}
    for cell in block.cells:
        own: list[Line] = []
        rest: list[Line] = []
        for line in left:
            words = [word for word in line.words if cell.bbox.contains(word.bbox.center)]
            others = [word for word in line.words if not cell.bbox.contains(word.bbox.center)]
            if words:
                own.append(_only(line, words))
            if others:
                rest.append(_only(line, others) if words else line)
        left = rest
        if own:
            own.sort(key=lambda line: (round(line.bbox.center.y), line.bbox.x0))
            # A cell over several columns says nothing of how one of them is aligned.
            column = cell.column if cell.column_span == 1 else -1 - cell.column
            columns.setdefault(column, []).append(own)
    for column, texts in columns.items():
        align = _alignment([line.bbox for own in texts for line in own]) if column >= 0 else None
        for own in texts:
            yield replace(_unit(own, index, block.kind), align=align)
    for line in left:
        yield _unit([line], index, block.kind)


def _alignment(boxes: Sequence[BBox]) -> Align | None:
    """Return which edge the texts of a column have in common; None where none or all."""
    if len(boxes) < 3:
        return None
    near = 0.15 * median(box.height for box in boxes)
    edges: dict[Align, list[float]] = {
        "start": [box.x0 for box in boxes],
        "end": [box.x1 for box in boxes],
        "center": [box.center.x for box in boxes],
    }
    even = {
        align: sum(abs(value - median(values)) <= near for value in values) / len(values)
        for align, values in edges.items()
    }
    best = max(even, key=lambda align: even[align])  # the first of equals
    return best if even[best] >= 0.7 else None


def _only(line: Line, words: Sequence[Word]) -> Line:
    """Return a line cut down to some of its words."""
    if tuple(words) == line.words:
        return line
    box = BBox.around(word.bbox for word in words)
    quad: Polygon | None = None
    if line.quad is not None or line.direction:
        first, last = words[0].polygon, words[-1].polygon
        quad = Polygon((first[0], last[1], last[2], first[3]))
    return replace(line, words=tuple(words), bbox=box, quad=quad)


def _unnumbered(line: Line) -> Line:
    """Return a line without the bullet or number that it begins with."""
    if len(line.words) > 1 and _BULLET.fullmatch(line.words[0].text):
        line = _only(line, line.words[1:])
    return _unmarked(line)


def _unmarked(line: Line) -> Line:
    """Return a line that was read from pixels without what is no text before it.

    Boxes to tick are read as brackets, and a bullet's crop may show the edge of the first letter.
    """
    while len(line.words) > 1 and line.origin == "ocr":
        first, second = line.words[:2]
        both = first.bbox.intersection(second.bbox)
        again = len(first.text) == 1 and not both.is_empty and both.width > 0.8 * first.bbox.width
        if not again and not _BOX.fullmatch(first.text):
            break
        line = _only(line, line.words[1:])
    return line


def _without_leaders(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Yield the parts of lines on either side of dot leaders; those of words that hold dots too."""
    for line in lines:
        if _LEADER.search(line.text) is None:
            yield [line]
            continue
        run: list[Word] = []
        for word in line.words:
            match = _DOTS.search(word.text)
            if match is None and not re.fullmatch(r"[.\u2026\u00b7]", word.text):
                run.append(word)
                continue
            before = _cut(word, 0, match.start()) if match and match.start() else None
            after = (
                _cut(word, match.end(), len(word.text))
                if match and word.text[match.end() :]
                else None
            )
            if before:
                run.append(before)
            if run:
                yield [_only(line, run)]
            run = [after] if after else []
        if run:
            yield [_only(line, run)]


def _cut(word: Word, start: int, end: int) -> Word:
    """Return a word with some of its characters."""
    count = len(word.text)
    bounds = word.bounds or tuple(n / count for n in range(count + 1))
    low, high = bounds[start], bounds[end]
    a, b, c, d = word.polygon[:4]

    def between(
        p: tuple[float, float], q: tuple[float, float], share: float
    ) -> tuple[float, float]:
        return p[0] + (q[0] - p[0]) * share, p[1] + (q[1] - p[1]) * share

    quad = Polygon.of(
        (between(a, b, low), between(a, b, high), between(d, c, high), between(d, c, low))
    )
    return Word(
        word.text[start:end],
        quad.bbox,
        word.confidence,
        word.origin,
        None if quad.is_axis_aligned else quad,
    )


def _continued(found: Sequence[Unit]) -> list[Unit]:
    """Return the units with paragraphs that go on in another place made one."""
    result: list[Unit] = []
    # The last paragraphs, any of which may go on: notes and captions stand between it and its end.
    open_at: list[int] = []
    for unit in found:
        if unit.kind is BlockKind.PARAGRAPH:
            at = next((n for n in reversed(open_at) if _goes_on(result[n], unit)), None)
            if at is not None:
                last = result[at]
                text = joined([last.text, unit.text])
                result[at] = Unit((*last.parts, *unit.parts), text, last.kind)
                continue
            open_at = [*open_at[-_OPEN:], len(result)]
        elif unit.kind is BlockKind.TITLE:
            open_at = []
        result.append(unit)
    return result


def _goes_on(above: Unit, unit: Unit) -> bool:
    """Return whether a paragraph goes on with another that stands elsewhere: next column or page."""
    before, after = above.parts[-1][1][-1], unit.parts[0][1][0]
    if _turned(before, after) > _SKEW or before.bold != after.bold:
        return False
    if before.size and after.size:
        alike = abs(before.size - after.size) <= 0.05 * before.size
    else:  # read from pixels: boxes of lines with and without descenders differ
        heights = sorted((before.bbox.height, after.bbox.height))
        alike = heights[1] <= 1.35 * heights[0]
    if not alike:
        return False
    moved = above.parts[-1][0] != unit.parts[0][0] or after.bbox.y0 < before.bbox.y0
    broken = not _ENDED.search(above.text)
    # A word may be parted at the end; a sign of a formula before its minus is no word.
    parted = above.text[-1:] in "-\u2010\u00ad" and above.text[-3:-1].isalpha()
    return moved and broken and (unit.text[:1].islower() or parted)


def _turned(a: Line, b: Line) -> float:
    """Return the angle between the directions of two lines in degrees, 0-180."""
    return abs((a.direction - b.direction + 180) % 360 - 180)
