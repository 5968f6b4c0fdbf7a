"""Tables: what they are made of, and those without rules, from the alignment of their text."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from statistics import median

from .pieces import Box, Item, Piece
from .streams import Row, Span, streams_of

MAX_CELLS = 20000
_LED = re.compile(r"(?:\.\s?){4,}|…{2,}")


@dataclass(slots=True, eq=False)
class TableCell:
    """A cell while it is being filled."""

    row: int
    column: int
    row_span: int
    column_span: int
    box: Box
    pieces: list[Piece] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text of the cell, its lines separated by ``\\n``."""
        return "\n".join(" ".join([p.text for p in row]) for row in rows_of(self.pieces))


class Table(Box):
    """A table in the frame: its cells by row, then column.

    ``taken`` has the ids (``id()``) of the pieces that it was made from; some may be split in it.
    """

    __slots__ = ("cells", "em", "taken")

    def __init__(
        self, cells: list[TableCell], held: Iterable[Piece], box: Box | None = None
    ) -> None:
        boxes: list[Box] = [cell.box for cell in cells] if box is None else [box]
        super().__init__(
            min(b.x0 for b in boxes),
            min(b.y0 for b in boxes),
            max(b.x1 for b in boxes),
            max(b.y1 for b in boxes),
        )
        self.taken = {id(piece) for piece in held}
        self.cells = sorted(cells, key=lambda c: (c.row, c.column))
        sizes = [p.em for c in cells for p in c.pieces]
        self.em = median(sizes) if sizes else 10.0

    @property
    def columns(self) -> int:
        """Number of columns."""
        return max(cell.column + cell.column_span for cell in self.cells)

    @property
    def pieces(self) -> list[Piece]:
        """All text of the table, by cell."""
        return [p for cell in self.cells for row in rows_of(cell.pieces) for p in row]


def rows_of(pieces: Iterable[Piece]) -> list[list[Piece]]:
    """Return the pieces row by row, each row from left to right."""
    rows: list[list[Piece]] = []
    cy = 0.0
    for piece in sorted(pieces, key=lambda p: p.cy):
        if rows and abs(piece.cy - cy) <= 0.5 * min(piece.em, rows[-1][0].em):
            rows[-1].append(piece)
        else:
            rows.append([piece])
            cy = piece.cy
    for row in rows:
        row.sort(key=lambda p: p.x0)
    return rows


def apart(pieces: Sequence[Piece]) -> list[Piece]:
    """Return the pieces, cut where a stream of white between two columns runs through them.

    What stands behind one is ``walled``.
    """
    rows = rows_of(pieces)
    found = [
        Row(
            row[0].cy,
            row[0].em,
            [Span(item.x0, item.x1, item.word.text) for piece in row for item in piece.items],
        )
        for row in rows
    ]
    firsts = [{0}.union(accumulate(len(piece.items) for piece in row)) for row in rows]
    starts: dict[int, set[int]] = {}
    for stream in streams_of(found):
        # Where all of it lies between pieces, nothing is to be cut.
        if any(word not in firsts[number] for number, word in stream):
            for number, word in stream:
                starts.setdefault(number, set()).add(word)
    if not starts:
        return list(pieces)
    cut: dict[int, list[Piece]] = {}
    for number, row in enumerate(rows):
        first = 0
        for piece in row:
            last = first + len(piece.items)
            cuts = [word - first for word in sorted(starts.get(number, ())) if first <= word < last]
            parts = [
                piece.part(piece.items[a:b]) if (a, b) != (0, len(piece.items)) else piece
                for a, b in pairwise([0, *(cut for cut in cuts if cut), len(piece.items)])
            ]
            for part in parts if 0 in cuts else parts[1:]:
                part.walled = True
            cut[id(piece)] = parts
            first = last
    return [part for piece in pieces for part in cut[id(piece)]]


def fill(
    cells: Sequence[TableCell], pieces: Iterable[Piece], xs: list[float], ys: list[float]
) -> None:
    """Put each word into the cell that holds its middle; a piece over two cells is split."""
    columns, rows = len(xs) - 1, len(ys) - 1
    owner: dict[int, TableCell] = {}
    for cell in cells:
        for row in range(cell.row, cell.row + cell.row_span):
            for column in range(cell.column, cell.column + cell.column_span):
                owner[row * columns + column] = cell
    for piece in pieces:
        row = min(max(bisect_right(ys, piece.cy) - 1, 0), rows - 1)
        groups: list[tuple[TableCell, list[Item]]] = []
        for item in piece.items:
            column = bisect_right(xs, (item.x0 + item.x1) / 2) - 1
            cell = owner[row * columns + min(max(column, 0), columns - 1)]
            if groups and groups[-1][0] is cell:
                groups[-1][1].append(item)
            else:
                groups.append((cell, [item]))
        for cell, items in groups:
            cell.pieces.append(piece.part(items) if len(groups) > 1 else piece)


def aligned(
    pieces: Sequence[Piece], rules: Sequence[float] = (), box: Box | None = None
) -> Table | None:
    """Return the pieces as a table if their alignment makes one, else None.

    Args:
        pieces: all text of the region.
        rules: y of horizontal rules across the region; they make a table more likely, and where
            there is one between all rows they are the rows' borders.
        box: the region where strokes give it.
    """
    rows = rows_of(pieces)
    if len(rows) < 2:
        return None
    em = median([p.em for p in pieces])
    gutters = [sum(strip) / 2 for strip in _strips(rows, em, 0.6)]
    if not gutters:
        return None
    x0 = min(p.x0 for p in pieces) if box is None else box.x0
    x1 = max(p.x1 for p in pieces) if box is None else box.x1
    xs = [min(x0, min(p.x0 for p in pieces)), *gutters, max(x1, max(p.x1 for p in pieces))]
    grid = [_columns_of(row, xs) for row in rows]
    if not _tabular(grid, len(xs) - 1, em, xs, bool(rules)):
        return None
    narrow = [s for s in _strips(rows, em, 0.1) if s[1] - s[0] < 0.6 * em and _parts(rows, s, em)]
    if narrow:
        xs = sorted([*xs, *(sum(strip) / 2 for strip in narrow)])
        grid = [_columns_of(row, xs) for row in rows]
    ys = _row_borders(rows, grid, rules, em)
    if len(ys) < 3:
        return None
    if box is not None:
        ys[0], ys[-1] = min(ys[0], box.y0), max(ys[-1], box.y1)
    cells = [
        TableCell(r, c, 1, 1, Box(xs[c], ys[r], xs[c + 1], ys[r + 1]))
        for r in range(len(ys) - 1)
        for c in range(len(xs) - 1)
    ]
    if len(cells) > MAX_CELLS:
        return None
    fill(cells, pieces, xs, ys)
    return Table(_with_spans(cells, len(xs) - 1), pieces)


def _strips(rows: list[list[Piece]], em: float, least: float) -> list[tuple[float, float]]:
    """Return where strips begin and end that (nearly) no row crosses, so many em wide."""
    events: list[tuple[float, int]] = []
    for row in rows:
        for piece in row:
            events.append((piece.x0, 1))
            events.append((piece.x1, -1))
    events.sort()
    allowed = len(rows) // 8 if len(rows) >= 4 else 0
    depth = 0
    gutters: list[tuple[float, float]] = []
    left: float | None = None
    started = False
    for x, step in events:
        depth += step
        if step < 0 and depth <= allowed and started and left is None:
            left = x
        elif step > 0:
            started = started or depth > allowed
            if depth > allowed and left is not None:
                if x - left >= least * em:
                    gutters.append((left, x))
                left = None
    return gutters


def _parts(rows: list[list[Piece]], strip: tuple[float, float], em: float) -> bool:
    """Return whether most rows have a wide gap at a narrow strip: heads reach further than numbers."""
    left, right = strip
    wide = sum(
        a.x1 <= left and right <= b.x0 and b.x0 - a.x1 >= 0.6 * em
        for row in rows
        for a, b in pairwise(row)
    )
    return wide >= max(3, 0.6 * len(rows))


def _columns_of(row: list[Piece], xs: list[float]) -> dict[int, list[Piece]]:
    found: dict[int, list[Piece]] = {}
    for piece in row:
        column = min(max(bisect_right(xs, piece.cx) - 1, 0), len(xs) - 2)
        found.setdefault(column, []).append(piece)
    return found


def _tabular(
    grid: list[dict[int, list[Piece]]], columns: int, em: float, xs: list[float], ruled: bool
) -> bool:
    """Tell a table from columns of running text, an index, or blocks side by side."""
    rows = len(grid)
    several = sum(len(row) >= 2 for row in grid)
    texts: list[list[Piece]] = [[] for _ in range(columns)]
    for row in grid:
        for column, pieces in row.items():
            texts[column] += pieces
    if any(not column for column in texts):
        return False
    words = [sum(len(p.items) for p in column) / len(column) for column in texts]
    digits = [sum(any(ch.isdigit() for ch in p.text) for p in c) / len(c) for c in texts]
    if sum(any(_LED.search(p.text) for p in column) for column in texts) >= 2:
        return False  # an index in columns
    if rows >= 3 and sum(bool(_LED.search(p.text)) for c in texts for p in c) >= 0.4 * rows:
        return False  # contents
    prose = 0
    for column, pieces in enumerate(texts):
        width = max(p.x1 for p in pieces) - min(p.x0 for p in pieces)
        filled = sum(p.x1 - p.x0 for p in pieces) / len(pieces) / max(width, 1e-6)
        if words[column] >= 4 and width >= 11 * em and filled >= 0.6 and len(pieces) >= 3:
            prose += 1
    if prose >= 2 and not (ruled and several >= 2 and prose < columns):
        return False
    if ruled:
        return several >= 2 or (several >= 1 and columns >= 3)
    if several < 0.5 * rows or several < 2:
        return False
    # Code indented to many depths fills few of its "columns" in a row.
    if columns >= 3 and sum(map(len, grid)) < 0.5 * columns * rows:
        return False
    if columns == 2:
        if rows < 3 or several < 3:
            return False
        if _contents(texts[1]):
            return False
        if prose and digits[0] < 0.5 and words[0] > 4:
            return False
        gap = min(p.x0 for p in texts[1]) - max(p.x1 for p in texts[0])
        labels = sum(p.text.endswith(":") for p in texts[0]) / len(texts[0])
        if max(digits) < 0.5 and labels < 0.5 and (gap > 6 * em or min(words) > 2.5):
            return False
    elif rows < 3 and max(digits) < 0.5 and several < 2:
        return False
    return not _like_columns(texts, words, digits, rows)


def _contents(column: Sequence[Piece]) -> bool:
    """Tell the page numbers of a table of contents: whole numbers that never fall."""
    texts = [p.text for p in sorted(column, key=lambda p: p.cy)]
    if not all(text.isdigit() and len(text) <= 4 for text in texts):
        return False
    numbers = [int(text) for text in texts]
    return numbers == sorted(numbers)


def _like_columns(
    texts: list[list[Piece]], words: list[float], digits: list[float], rows: int
) -> bool:
    """Tell an index or a list set in columns: columns of equal pitch and equal content."""
    if rows < 8 or len(texts) > 5 or max(words) <= 1.5:
        return False
    starts = [min(p.x0 for p in column) for column in texts]
    pitches = [b - a for a, b in pairwise(starts)]
    width = max(p.x1 for p in texts[-1]) - starts[-1]
    if max(pitches) > 1.1 * min(pitches) or width > 1.1 * max(pitches):
        return False
    if len(texts) == 2 and width < 0.6 * pitches[0]:
        return False
    return max(words) <= 1.6 * min(words) and max(digits) - min(digits) < 0.3


def _row_borders(
    rows: list[list[Piece]],
    grid: list[dict[int, list[Piece]]],
    rules: Sequence[float],
    em: float,
) -> list[float]:
    """Return the y positions between logical rows; a row may hold several lines of text."""
    tops = [min(p.y0 for p in row) for row in rows]
    bottoms = [max(p.y1 for p in row) for row in rows]
    inner = [y for y in rules if bottoms[0] <= y <= tops[-1] + 0.2 * em]
    if len(inner) >= 2 and len(inner) >= 0.34 * len(rows):
        # Rules between the rows: they are the borders.
        bands = [tops[0] - 0.3 * em, *inner, bottoms[-1] + 0.3 * em]
        middles = [(a + b) / 2 for a, b in zip(tops, bottoms, strict=True)]
        kept = [bands[0]]
        for low, high in pairwise(bands):
            if any(low <= m <= high for m in middles):
                kept.append(high)
        return kept
    steps = [b - a for a, b in pairwise(tops)]
    tight, wide = min(steps), max(steps)
    borders = [tops[0] - 0.3 * em]
    for number in range(1, len(rows)):
        here, above = grid[number], grid[number - 1]
        ruled_off = any(
            bottoms[number - 1] - 0.3 * em <= y <= tops[number] + 0.3 * em for y in rules
        )
        continues = (
            not ruled_off
            and 0 not in here
            and set(here) <= set(above)
            and steps[number - 1] <= 1.15 * tight
            and (wide > 1.25 * tight or 2 * len(here) <= len(above) or _runs_on(above, here))
            and not all(p.text[:1].isdigit() for ps in here.values() for p in ps)
        )
        if not continues:
            borders.append((bottoms[number - 1] + tops[number]) / 2)
    borders.append(bottoms[-1] + 0.3 * em)
    return borders


def _runs_on(above: dict[int, list[Piece]], here: dict[int, list[Piece]]) -> bool:
    """Tell by the text whether a cell of a row goes on in the row below."""
    return any(
        above[column][-1].text.endswith("-")
        or pieces[0].text[0].islower()
        or pieces[0].text[0] == "("
        for column, pieces in here.items()
    )


def _with_spans(cells: list[TableCell], columns: int) -> list[TableCell]:
    """Let a text that reaches over empty cells span them (the heading of a group of columns)."""
    by_place = {(cell.row, cell.column): cell for cell in cells}
    kept: list[TableCell] = []
    dropped: set[tuple[int, int]] = set()
    for cell in cells:
        if (cell.row, cell.column) in dropped:
            continue
        if cell.pieces:
            reach_right = max(p.x1 for p in cell.pieces)
            reach_left = min(p.x0 for p in cell.pieces)
            while cell.column + cell.column_span < columns:
                other = by_place[(cell.row, cell.column + cell.column_span)]
                if other.pieces or reach_right <= other.box.x0 + 0.2 * (
                    other.box.x1 - other.box.x0
                ):
                    break
                dropped.add((other.row, other.column))
                cell.column_span += 1
                cell.box = Box(cell.box.x0, cell.box.y0, other.box.x1, cell.box.y1)
            while cell.column > 0:
                left = by_place[(cell.row, cell.column - 1)]
                if not kept or kept[-1] is not left or left.pieces:
                    break
                if reach_left >= left.box.x1 - 0.2 * (left.box.x1 - left.box.x0):
                    break
                kept.pop()
                cell.column -= 1
                cell.column_span += 1
                cell.box = Box(left.box.x0, cell.box.y0, cell.box.x1, cell.box.y1)
        kept.append(cell)
    return kept
