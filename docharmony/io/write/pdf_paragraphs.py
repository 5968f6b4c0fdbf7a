"""Break the lines of a paragraph anew that lost text, so that where they break tells nothing of it.

Which word begins a line says how wide what stood before it was. So a paragraph that was filled word by
word is filled again, with what is left and gaps of one width, from the line of the word before the
first that went: in the same column, on the same baselines, with no more lines than it had. Whatever is
not surely such a paragraph keeps its breaks: addresses, verse, lists, hyphenated or interrupted text.
"""

from __future__ import annotations

import math
import re
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from .pdf_joins import joins
from .pdf_line_parts import SPACE, Mark, on_line, pieces_of

# All lengths in em of the line.
_PROSE = 4  # words on a line, at least, of which there is a paragraph
_COLUMN = 10.0  # what stands beside a line and is narrower is a label, a number or a cell
_SAME_PITCH, _LEAST_PITCH, _MOST_PITCH = 0.06, 0.9, 2.7
_RAISED, _USUAL_PITCH = 0.3, 1.2
_INDENT = 6.0  # how far a first line may begin beside the others
_SLACK = 0.1  # share of a column that ragged lines may have become longer
_SHORT = 0.1  # so much earlier a line may end than it need
_CLEARLY = 4.0  # so much shorter than the others a line is surely the last
_WORD = 0.15
_BESIDE = 0.3  # space between a column and what stands beside it
_FLUSH = 0.25  # signs at the ends of lines that fill a column may stand out so far
_LOOSE = 4.0
_FEW = 5  # lines that tell a column; fewer are none
_EDGE = 0.6  # places so close together are one edge; in points
_MARKS = re.compile(r"[•‣▪▫◦●○■□·*–—-]|\(?(\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})[.)]")
LEADER = re.compile(r"([.·…_]\s*){6}")
_CLOSED = re.compile(r"[.!?:;\u2026][\"'\u2019\u201d\u00bb)\]]*$")

Row = tuple[float, float, list[Mark]]  # baseline, size, glyphs


class TextLine(NamedTuple):
    """A piece of a line: glyphs in order, its baseline and size, and where its ink begins and ends.

    ``mixed`` says whether text of several sizes stands on the line, ``labelled`` whether something small
    is drawn before it, as the signs of lists are.
    """

    marks: Sequence[Mark]
    baseline: float
    size: float
    left: float
    right: float
    mixed: bool
    labelled: bool = False

    @property
    def hit(self) -> bool:
        """Whether it loses text."""
        return any(mark.areas for mark in self.marks)

    def words(self) -> Iterator[list[Mark]]:
        """Yield its words."""
        word: list[Mark] = []
        reach = 0.0
        for mark in self.marks:
            blank = mark.glyph.blank and not mark.areas
            if word and (blank or mark.start - reach > _WORD * self.size):
                yield word
                word = []
            if not blank:
                reach = max(reach, mark.end) if word else mark.end
                word.append(mark)
        if word:
            yield word


class Paragraph(NamedTuple):
    """Lines that are filled one after the other.

    Attributes:
        lines: from the line before the first that loses text to the last.
        first, left: where its first line begins, and the others.
        edge: where its column ends.
        flush: whether all lines but the last end there.
        pitch: from one baseline to the next.
        listed: whether it begins with the sign of a list's item.
        joins: number of a line whose last word goes on -> the hyphen at its end that says so, None if
            that belongs to the word.
    """

    lines: Sequence[TextLine]
    first: float
    left: float
    edge: float
    flush: bool
    pitch: float
    listed: bool
    joins: Mapping[int, Mark | None]

    def baseline(self, number: int) -> float:
        """Return the baseline of one of its lines, or of one that it could have below them."""
        more = number - len(self.lines) + 1
        if more <= 0:
            return self.lines[number].baseline
        return self.lines[-1].baseline + more * self.pitch


def text_lines(
    rows: Sequence[Row], walls: Callable[[float, float], Sequence[tuple[float, float]]]
) -> list[TextLine]:
    """Return the pieces of all lines of one writing direction, by baseline.

    Args:
        rows: what each operator shows.
        walls: returns where upright lines stand beside words, given their baseline and size.
    """
    ordered = sorted(rows, key=lambda row: row[0] - 0.3 * row[1])
    middles = [row[0] - 0.3 * row[1] for row in ordered]
    taken = [False] * len(ordered)
    # What most glyphs of a line share is the line's; raised and lowered ones hang on it.
    shares: Counter[tuple[float, float]] = Counter()
    for baseline, size, marks in ordered:
        shares[round(baseline, 1), round(size, 1)] += len(marks)
    weights = [shares[round(row[0], 1), round(row[1], 1)] for row in ordered]
    lines = []
    for index in sorted(range(len(ordered)), key=lambda i: (-weights[i], i)):
        if taken[index]:
            continue
        baseline, size, _ = ordered[index]
        own: list[Row] = []
        at = bisect_left(middles, middles[index] - 0.45 * size)
        while at < len(ordered) and middles[at] < middles[index] + 0.45 * size:
            if not taken[at] and on_line(baseline, size, ordered[at][0], ordered[at][1]):
                taken[at] = True
                own.append(ordered[at])
            at += 1
        sizes = [row[1] for row in own]
        mixed = max(sizes) - min(sizes) > 0.08 * size
        marks = sorted(
            (mark for _, _, marks in own for mark in marks),
            key=lambda m: (m.start, m.run.key, m.number),
        )
        for piece in pieces_of(marks, size, walls(baseline, size)):
            inked = [mark for mark in piece if not mark.glyph.blank or mark.areas]
            if inked:
                right = max(mark.end for mark in inked)
                lines.append(TextLine(piece, baseline, size, inked[0].start, right, mixed))
    return sorted(lines, key=lambda line: (line.baseline, line.left))


def paragraph(
    lines: Sequence[TextLine], hit: Mark, bounds: tuple[float, float]
) -> Paragraph | None:
    """Return the paragraph of a removed glyph if its lines can be broken anew.

    Args:
        lines: of the page.
        hit: the glyph.
        bounds: where the page, or the cell of a table, begins and ends along the lines.
    """
    at = next((i for i, line in enumerate(lines) if hit in line.marks), None)
    if at is None:
        return None
    column = column_of(lines, lines[at])
    if len(column) == 1 and not _in_column(lines, lines[at]):
        return None
    if held_elsewhere(column):
        return None
    # Where first lines are indented, or hang, lines begin at two places.
    begins = Counter(round(line.left, 1) for line in column)
    for left, _ in sorted(begins.items(), key=lambda item: (-item[1], item[0]))[:3]:
        for found in (
            _flush(lines, column, lines[at], left, bounds),
            _ragged(lines, column, lines[at], left, bounds),
        ):
            if found is not None and _alone(lines, found):
                return found
    return None


def column_of(lines: Sequence[TextLine], line: TextLine) -> list[TextLine]:
    """Return the lines above and below that follow each other at one distance."""
    size = line.size

    def near(other: TextLine) -> bool:
        return (
            abs(other.size - size) < 0.02 * size
            and abs(other.left - line.left) < _INDENT * size
            and other.left < line.right + _INDENT * size
            and other.right > line.left
        )

    others = [other for other in lines if near(other) and other is not line]
    steps = [abs(other.baseline - line.baseline) for other in others]
    pitch = min((step for step in steps if step > 0.5 * size), default=0.0)
    if not _LEAST_PITCH * size <= pitch <= _MOST_PITCH * size:
        return [line]
    column = [line]
    for down in (False, True):
        last = line
        while True:
            after = [
                o
                for o in others
                if (o.baseline > last.baseline) == down and o.baseline != last.baseline
            ]
            if not after:
                break
            base = min((o.baseline for o in after), key=lambda b: abs(b - last.baseline))
            close = [o for o in after if abs(o.baseline - base) < _SAME_PITCH * size]
            following = min(close, key=lambda other: abs(other.left - line.left))
            away = abs(following.baseline - last.baseline) - pitch
            # Indices and notes push lines apart.
            raised = last.mixed or following.mixed
            if not -_SAME_PITCH * size < away < (_RAISED if raised else _SAME_PITCH) * size:
                break
            last = following
            column.insert(len(column) if down else 0, last)
    return column


def held_elsewhere(column: Sequence[TextLine]) -> bool:
    """Return whether lines share their ends or their middles rather than where they begin."""
    begin = len(_alike([o.left for o in column]))
    end = len(_alike([o.right for o in column]))
    middle = len(_alike([(o.left + o.right) / 2 for o in column]))
    return 2 * begin <= len(column) and max(end, middle) > begin


def _in_column(lines: Sequence[TextLine], line: TextLine) -> bool:
    """Return whether a line by itself may be a short paragraph: with another name it has two."""
    begin = sum(abs(o.left - line.left) <= _EDGE for o in lines if o is not line)
    return begin >= 2 and len(list(line.words())) >= _PROSE


def _flush(
    lines: Sequence[TextLine],
    column: Sequence[TextLine],
    line: TextLine,
    left: float,
    bounds: tuple[float, float],
) -> Paragraph | None:
    """Return the paragraph of a line if its lines are set to end together."""
    within = [o for o in lines if not o.hit and o.left - _EDGE <= left < o.right]
    best = _alike([o.right for o in within])
    if len(best) < 3:
        return None
    # Where lines elsewhere end cannot depend on what went; where these do may, by a rounding.
    own = {id(o) for o in column}
    told = [o.right for o in within if id(o) not in own and best[0] <= o.right <= best[-1]]
    edge = told[0] if told else round(2 * best[len(best) // 2]) / 2
    edge = next((place for place in _margins(lines, left, bounds) if abs(place - edge) < 1), edge)
    near = _FLUSH * line.size
    for above, below in pairwise(column):
        ends = above.right + need_of(below)
        if above.right < edge - near and ends > edge and abs(below.left - left) <= _EDGE:
            return None  # the next word had no room, and yet the line was not set to end there
    block = _block(lines, column, line, left, lambda own, _: abs(own.right - edge) <= near)
    if block is None or max(o.right for o in block) > edge + near:
        return None
    return _paragraph(lines, block, left, edge, flush=True)


def _alike(places: Sequence[float]) -> list[float]:
    """Return the most places that are one edge, ascending."""
    best: list[float] = []
    for place in places:
        close = [other for other in places if abs(other - place) <= 0.3]
        if len(close) > len(best):
            best = close
    return sorted(best)


def _at(column: Sequence[TextLine], line: TextLine) -> int:
    return next(i for i, other in enumerate(column) if other is line)


def _ragged(
    lines: Sequence[TextLine],
    column: Sequence[TextLine],
    line: TextLine,
    left: float,
    bounds: tuple[float, float],
) -> Paragraph | None:
    """Return the paragraph of a line if its lines end where the next word has no room."""
    size = line.size
    longest = max(o.right for o in column)
    block = _block(lines, column, line, left, lambda _, need: need > longest - _SHORT * size)
    if block is None:
        return None
    # Its lines say between which places the column ends; so do those that the name cannot have changed:
    # lines before it, and others that begin where these do.
    low, ends = max(o.right for o in block), _ends_of(block)
    high = min(ends, default=math.inf)
    if high <= low:
        return None
    at = next(i for i, o in enumerate(block) if o.hit)
    later = {id(o) for o in block[at:]}
    others = [o for o in lines if not o.hit and id(o) not in later]
    same = [o for o in others if abs(o.left - left) <= _EDGE and abs(o.size - size) < 0.02 * size]
    least = max([o.right for o in same], default=0.0)
    most = min([end for end in _ends_of(same) if end > least], default=math.inf)
    over = block[0].baseline - size, block[-1].baseline + size
    beside = [o.left for o in lines if over[0] < o.baseline < over[1] and o.left > longest]
    wall = min([bounds[1], *(place - _BESIDE * size for place in beside)])
    if least >= min(high, wall):
        if not beside:
            return None  # lines that begin where these do are longer: verse, an address
        same = []
    enough = bool(same) and (at >= 3 or len(same) >= _FEW)
    if not enough:
        least, most = low, high
    own = {id(o) for o in block}
    outside = [o.right for o in others if id(o) not in own and o.left - _EDGE <= left < o.right]
    longer = max(outside, default=math.inf)
    known = sum(right > longer - 2 * size for right in outside) >= 3
    # First the margin of the page or cell, even where lines are up to so much shorter; then what the page
    # says otherwise, or a round width. Where enough lines tell that do not depend on the name, those that
    # do need not fit exactly.
    shorter = least + _SLACK * (least - left)
    for edge in _margins(lines, left, bounds) if known or len(block) > 1 else ():
        if max(least, low) - _EDGE <= edge < min(shorter, wall):
            return _paragraph(lines, block, left, edge, flush=False)
    found = [longer] if known and longer < most else []
    if enough:
        found += _round(left, least, most)
    if len(block) >= _FEW - 1:
        found += _round(left, low, high)
    slack = _LOOSE * size if enough else 0.0
    for edge in found:
        if low - slack - _EDGE <= edge < min(high + slack, wall):
            return _paragraph(lines, block, left, edge, flush=False)
    return None


def _margins(
    lines: Sequence[TextLine], left: float, bounds: tuple[float, float]
) -> tuple[float, float]:
    """Return where margins as wide as the left ones begin: that of the page or cell, and the column's."""
    begin = min(o.left for o in lines if o.left > bounds[0] - _EDGE)
    return bounds[0] + bounds[1] - begin, bounds[0] + bounds[1] - left


def _ends_of(lines: Sequence[TextLine]) -> list[float]:
    """Return where the first word of each next line would have ended on each line."""
    return [
        above.right + need_of(below)
        for above, below in pairwise(lines)
        if 0 < below.baseline - above.baseline < _MOST_PITCH * above.size
    ]


def _round(left: float, low: float, high: float) -> list[float]:
    """Return the edge of the roundest width for which a column ends between two places."""
    step = 64.0
    while step > 0.1:
        edge = left + math.ceil((low - left) / step) * step
        if edge < high:
            return [edge]
        step /= 2
    return []


def need_of(line: TextLine) -> float:
    """Return how much room the first word of a line needs at the end of another."""
    word = next(line.words())
    return word[-1].end - word[0].start + SPACE * line.size


def _block(
    lines: Sequence[TextLine],
    column: Sequence[TextLine],
    line: TextLine,
    left: float,
    full: Callable[[TextLine, float], bool],
) -> Sequence[TextLine] | None:
    """Return the lines of a paragraph: all but the last are full, all but the first begin alike.

    Args:
        lines: of the page.
        column: around the line.
        line: that the paragraph is sought of.
        left: where lines begin that are not a first one.
        full: whether a line is, given where the first word of the next one would have ended on it.
    """
    starts, unsure = [0], set()
    for index, (above, below) in enumerate(pairwise(column), 1):
        begins = abs(below.left - left) > _EDGE
        ends = not full(above, above.right + need_of(below))
        if begins or ends or below.labelled or _listed(below):
            starts.append(index)
            if not (begins or ends or below.labelled):
                unsure.add(index)
    at = _at(column, line)
    start = max(i for i in starts if i <= at)
    end = min([i for i in starts if i > at], default=len(column))
    own = column[start:end]
    if end in unsure or any(abs(o.left - left) > _EDGE for o in own[1:]):
        return None
    if end == len(column) and not _ends(lines, own):
        return None
    # Lines that begin where no other does may be held elsewhere: at their ends, or their middles.
    for edge in {left, own[0].left} if len(own) == 1 else {left}:
        if sum(abs(o.left - edge) <= _EDGE for o in lines) < 2:
            return None
    return own


def _listed(line: TextLine) -> bool:
    """Return whether a line begins with the sign of a list's item."""
    return _MARKS.fullmatch("".join(mark.glyph.text for mark in next(line.words()))) is not None


def _ends(lines: Sequence[TextLine], own: Sequence[TextLine]) -> bool:
    """Return whether the last of lines is the last of a paragraph, which does not go on elsewhere."""
    last = own[-1]
    if _CLOSED.search("".join(mark.glyph.text for mark in last.marks).rstrip()):
        return True
    if last.right < max(o.right for o in own) - _CLEARLY * last.size:
        return True
    pitch = _pitch(own)
    return any(
        0.5 * last.size < other.baseline - last.baseline < 3 * pitch
        and other.left < last.right
        and other.right > last.left
        for other in lines
    )


def _pitch(own: Sequence[TextLine]) -> float:
    steps = [below.baseline - above.baseline for above, below in pairwise(own)]
    return median(steps) if steps else _USUAL_PITCH * own[0].size


def _paragraph(
    lines: Sequence[TextLine], own: Sequence[TextLine], left: float, edge: float, *, flush: bool
) -> Paragraph | None:
    """Return what of a paragraph is to be broken anew, None where it is not to be."""
    if sum(len(list(o.words())) for o in own[:-1]) < _PROSE * (len(own) - 1):
        return None
    first = next(i for i, o in enumerate(own) if o.hit)
    # Its lines may have been set with all of the paragraph in view; what hangs beside them stays.
    before = 1 if own[0].left < left - _EDGE and first else 0
    pitch, own = _pitch(own), own[before:]
    marks = [mark for o in own for mark in o.marks]
    text = "".join(mark.glyph.text for mark in marks if not mark.areas)
    if any(mark.run.fixed for mark in marks) or _unusual(text) or LEADER.search(text):
        return None
    begin = left if before else own[0].left
    listed = not before and _listed(own[0])
    return Paragraph(own, begin, left, round(edge, 1), flush, pitch, listed, joins(lines, own))


def _unusual(text: str) -> bool:
    """Return whether lines of such text are not filled word by word from the left."""
    return any(
        unicodedata.bidirectional(c) in ("R", "AL") or unicodedata.east_asian_width(c) in "WF"
        for c in text
    )


def _alone(lines: Sequence[TextLine], found: Paragraph) -> bool:
    """Return whether nothing else stands in the way of a paragraph's lines."""
    own = {id(line) for line in found.lines}
    size = found.lines[0].size
    top, bottom = found.lines[0].baseline - 0.9 * size, found.lines[-1].baseline + 0.1 * size
    low = min(found.first, found.left)
    labels = 0
    for other in lines:
        if id(other) in own or not top < other.baseline < bottom + 0.6 * other.size:
            continue
        if other.left < found.edge + 0.3 * size and other.right > low - 0.3 * size:
            return False
        beside = any(abs(other.baseline - line.baseline) < 0.3 * size for line in found.lines[1:])
        labels += beside and other.right - other.left < _COLUMN * size
    return 2 * labels < len(found.lines) - 1 or len(found.lines) == 1
