"""Streams: narrow strips of white between the columns of a table without rules.

A gap of two thirds of an em may be a wide word space or lie between two columns. It lies between columns
where rows below each other have one in the same place and begin, or end, their words at it.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from statistics import quantiles
from typing import NamedTuple

# Widths in em: of a gap that may lie between columns, of one that surely is no word space, and of the
# widest one that is looked at.
_GAP, _WIDE, _FAR = 0.65, 0.9, 6.0
# Rows that a stream runs through where all gaps are wide, and where not.
_FEW, _ROWS = 3, 4
# Words are aligned to this share of an em; rows further apart than this, in em, do not belong together.
_ALIGNED, _STEP = 0.12, 3.0
# A gap is wider than a word space where it is so many times as wide as the narrowest one on its row.
_WIDER = 1.4
# The gaps of a justified line differ less than this, from the second fifth of them to the last.
_EVEN = 1.35
# What may number or mark the text behind it: at the start of a row, and elsewhere.
_FIRST = re.compile(r"[\[(]?\w{1,4}(?:\.\w{1,3})*[\]).:]{0,2}|\W{1,2}")
_LABEL = re.compile(r"[\[(]?\w{1,3}[\]).:]{1,2}|\W{1,2}")
_LEADER = re.compile(r"[.·…_‥-]+")


class Span(NamedTuple):
    """A word: where it begins and ends, and what it says."""

    x0: float
    x1: float
    text: str


class Row(NamedTuple):
    """The words of one row from left to right, the height of its middle, and its size."""

    y: float
    em: float
    words: Sequence[Span]


class _Gap(NamedTuple):
    row: int
    at: int  # index of the word behind it
    em: float
    x0: float
    x1: float
    clear: bool  # surely no word space

    @property
    def wide(self) -> bool:
        return self.x1 - self.x0 >= _WIDE * self.em


def streams_of(rows: Sequence[Row]) -> list[set[tuple[int, int]]]:
    """Return for each stream (row, word) of the words that begin a column behind it, by their indices.

    Args:
        rows: from top to bottom.
    """
    gaps = [gap for number, row in enumerate(rows) for gap in _gaps(number, row)]
    found: list[set[tuple[int, int]]] = []
    for left in (True, False):
        for group in _grouped(gaps, left):
            for run in _runs(group, rows, left):
                if _is_stream(run):
                    found.append({(gap.row, gap.at) for gap in (*run, *_covered(run, gaps, rows))})
    return found


def _gaps(number: int, row: Row) -> Iterator[_Gap]:
    """Yield the gaps of a row that may lie between columns."""
    em = row.em
    widths = [b.x0 - a.x1 for a, b in pairwise(row.words)]
    if not widths or min(widths) < -_GAP * em:
        return  # from right to left
    least = min(widths)
    even = _even_parts(widths, em)
    label: re.Pattern[str] | None = _FIRST
    for at, (width, (a, b)) in enumerate(zip(widths, pairwise(row.words), strict=True), 1):
        labels = label is not None and label.fullmatch(a.text) is not None
        labels = labels or any(_LEADER.fullmatch(word.text) for word in (a, b))
        label = _LABEL if width > em else None
        if _GAP * em <= width <= _FAR * em and not labels and at not in even:
            clear = width >= _WIDE * em or width >= _WIDER * least
            yield _Gap(number, at, em, a.x1, b.x0, clear)


def _even_parts(widths: Sequence[float], em: float) -> set[int]:
    """Return the places of gaps in justified parts of a line."""
    found: set[int] = set()
    start = 0
    for end in (*[at for at, width in enumerate(widths) if width > em], len(widths)):
        part = widths[start:end]
        if len(part) >= 5:
            fifths = quantiles(part, n=5)
            if fifths[-1] <= _EVEN * max(fifths[0], 1e-6):
                found.update(range(start + 1, end + 1))
        start = end + 1
    return found


def _grouped(gaps: Sequence[_Gap], left: bool) -> Iterator[list[_Gap]]:
    """Yield gaps behind which words begin, or before which they end, in one place."""

    def edge(gap: _Gap) -> float:
        return gap.x1 if left else gap.x0

    group: list[_Gap] = []
    for gap in sorted(gaps, key=edge):
        if group and edge(gap) - edge(group[0]) > _ALIGNED * gap.em:
            if len(group) >= _FEW:
                yield group
            group = []
        group.append(gap)
    if len(group) >= _FEW:
        yield group


def _runs(group: Sequence[_Gap], rows: Sequence[Row], left: bool) -> Iterator[list[_Gap]]:
    """Yield the gaps of rows below each other, without one in between that has a word there."""
    run: list[_Gap] = []
    for gap in sorted(group):
        if run and gap.row == run[-1].row:
            continue
        if run:
            x = gap.x1 - 0.2 * gap.em if left else gap.x0 + 0.2 * gap.em
            far = rows[gap.row].y - rows[run[-1].row].y > _STEP * gap.em
            between = (word for row in rows[run[-1].row + 1 : gap.row] for word in row.words)
            if far or any(word.x0 < x < word.x1 for word in between):
                yield run
                run = []
        run.append(gap)
    if run:
        yield run


def _is_stream(run: Sequence[_Gap]) -> bool:
    if len(run) < (_FEW if all(gap.wide for gap in run) else _ROWS):
        return False
    if min(gap.x1 for gap in run) - max(gap.x0 for gap in run) < 0.25 * run[0].em:
        return False
    return 2 * sum(gap.clear for gap in run) >= len(run)


def _covered(run: Sequence[_Gap], gaps: Sequence[_Gap], rows: Sequence[Row]) -> Iterable[_Gap]:
    """Yield gaps in the strip of a stream of other rows of it, and of the row above: its heads."""
    x0, x1 = max(gap.x0 for gap in run), min(gap.x1 for gap in run)
    above = first = run[0].row
    if first and rows[first].y - rows[first - 1].y <= _STEP * run[0].em:
        above = first - 1
    low = bisect_left(gaps, above, key=lambda gap: gap.row)
    high = bisect_right(gaps, run[-1].row, key=lambda gap: gap.row)
    return [
        gap
        for gap in gaps[low:high]
        if min(gap.x1, x1) - max(gap.x0, x0) > 0.5 * min(gap.x1 - gap.x0, x1 - x0)
    ]
