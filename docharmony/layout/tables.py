"""Tables: ruled ones from drawn strokes, unruled ones from the alignment of their text."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import TypeAlias

from .pieces import Box, Item, Piece

# Strokes closer than this (page units) are one; a stroke ends on another within it.
SNAP = 2.5
MAX_STROKES = 4000
MAX_CELLS = 20000
MAX_GROUPS = 200
_LED = re.compile(r"(?:\.\s?){4,}|…{2,}")


_Stroke: TypeAlias = tuple[float, float, float]


@dataclass(slots=True)
class Strokes:
    """Horizontal strokes (y, x0, x1) and vertical strokes (x, y0, y1) in the frame."""

    across: list[tuple[float, float, float]]
    down: list[tuple[float, float, float]]


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


_Inside: TypeAlias = Callable[[Box], list[Piece]]


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


# --- Ruled tables -----------------------------------------------------------------------------


def merge_strokes(
    strokes: Iterable[tuple[float, float, float]],
) -> list[tuple[float, float, float]]:
    """Join strokes on one line that touch or overlap."""
    by_place: list[list[tuple[float, float, float]]] = []
    for stroke in sorted(strokes):
        if by_place and stroke[0] - by_place[-1][0][0] <= SNAP / 2:
            by_place[-1].append(stroke)
        else:
            by_place.append([stroke])
    merged = []
    for group in by_place:
        place = sum(s[0] for s in group) / len(group)
        start, end = None, 0.0
        for _, s0, s1 in sorted(group, key=lambda s: s[1]):
            if start is None:
                start, end = s0, s1
            elif s0 <= end + SNAP:
                end = max(end, s1)
            else:
                merged.append((place, start, end))
                start, end = s0, s1
        if start is not None:
            merged.append((place, start, end))
    return merged


def ruled(strokes: Strokes, pieces: Sequence[Piece]) -> tuple[list[Table], set[int]]:
    """Return the tables that strokes draw and the ids of the pieces they take."""
    across = merge_strokes(strokes.across)
    down = merge_strokes(strokes.down)
    if len(across) + len(down) > MAX_STROKES:
        across = sorted(across, key=lambda s: s[1] - s[2])[: MAX_STROKES // 2]
        down = sorted(down, key=lambda s: s[1] - s[2])[: MAX_STROKES // 2]
    tables: list[Table] = []
    taken: set[int] = set()
    by_y = sorted(pieces, key=lambda p: p.cy)
    heights = [p.cy for p in by_y]

    def inside(box: Box) -> list[Piece]:
        first, last = bisect_left(heights, box.y0), bisect_right(heights, box.y1)
        return [p for p in by_y[first:last] if box.x0 <= p.cx <= box.x1 and id(p) not in taken]

    lone: list[_Stroke] = []
    groups = _connected(across, down)
    groups.sort(key=lambda g: -(len(g[0]) + len(g[1])))
    for group_across, group_down in groups:
        if not group_down:
            lone += group_across
            continue
        if len(group_across) < 2:
            lone += group_across
            continue
        table = _grid(group_across, group_down, inside)
        if table is None:
            lone += group_across
            continue
        tables.append(table)
        taken |= table.taken
    tables = _stacked(tables)
    for table in _between_rules(lone, inside, tables):
        tables.append(table)
        taken |= table.taken
    return tables, taken


def _stacked(tables: Sequence[Table]) -> list[Table]:
    """Join tables that stand on each other with the same columns: a double rule parts them."""
    joined: list[Table] = []
    for table in sorted(tables, key=lambda t: t.y0):
        above = next(
            (
                t
                for t in joined
                if max(abs(t.x0 - table.x0), abs(t.x1 - table.x1)) <= 2 * SNAP
                and -SNAP <= table.y0 - t.y1 <= 0.7 * table.em
                and t.columns == table.columns
            ),
            None,
        )
        if above is None:
            joined.append(table)
            continue
        rows = max(c.row + c.row_span for c in above.cells)
        for cell in table.cells:
            cell.row += rows
        box = Box(above.x0, above.y0, above.x1, table.y1)
        both = Table([*above.cells, *table.cells], (), box)
        both.taken = above.taken | table.taken
        joined[joined.index(above)] = both
    return joined


def _connected(
    across: list[_Stroke], down: list[_Stroke]
) -> list[tuple[list[_Stroke], list[_Stroke]]]:
    """Return the groups of strokes that touch each other."""
    parent = list(range(len(across) + len(down)))

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = parent[parent[n]]
            n = parent[n]
        return n

    order = sorted(range(len(down)), key=lambda n: down[n][0])
    xs = [down[n][0] for n in order]
    budget = 2_000_000
    for number, (y, x0, x1) in enumerate(across):
        first, last = bisect_left(xs, x0 - SNAP), bisect_right(xs, x1 + SNAP)
        budget -= last - first
        if budget < 0:
            break
        for n in order[first:last]:
            if down[n][1] - SNAP <= y <= down[n][2] + SNAP:
                parent[root(len(across) + n)] = root(number)
    groups: dict[int, tuple[list[_Stroke], list[_Stroke]]] = {}
    for number, stroke in enumerate(across):
        groups.setdefault(root(number), ([], []))[0].append(stroke)
    for number, stroke in enumerate(down):
        groups.setdefault(root(len(across) + number), ([], []))[1].append(stroke)
    return list(groups.values())


def _places(values: Iterable[float]) -> list[float]:
    """Return sorted values, those within ``SNAP`` of the one before left out."""
    kept: list[float] = []
    for value in sorted(values):
        if not kept or value - kept[-1] > SNAP:
            kept.append(value)
    return kept


def _grid(across: list[_Stroke], down: list[_Stroke], inside: _Inside) -> Table | None:
    """Return the table of a group of touching strokes, or None where they draw something else."""
    xs = _places([s[0] for s in down] + [min(s[1] for s in across), max(s[2] for s in across)])
    ys = _places([s[0] for s in across] + [min(s[1] for s in down), max(s[2] for s in down)])
    columns, rows = len(xs) - 1, len(ys) - 1
    if columns < 1 or rows < 1 or columns * rows < 2 or columns * rows > MAX_CELLS:
        return None
    box = Box(xs[0], ys[0], xs[-1], ys[-1])
    held = inside(box)
    if len(held) < 2:
        return None
    if columns == 1:
        return aligned(held, ys, box) if rows >= 2 else None
    cells = _cells(xs, ys, across, down)
    fill(cells, held, xs, ys)
    filled = [cell for cell in cells if cell.pieces]
    words = sum(len(p.items) for p in held)
    longest = max(sum(len(p.items) for p in cell.pieces) for cell in cells)
    if len(filled) < min(3, len(cells) - 1) or (len(cells) < 3 and longest > 20):
        return None
    if longest > 20 and longest > 0.6 * words:
        # A frame around running text, with a title bar perhaps.
        return None
    if len(filled) < 0.25 * len(cells) and len(cells) > 12 and words < 2 * len(cells):
        # Grid lines of a chart.
        return None
    if len({c.row for c in filled}) < 2 and len({c.column for c in filled}) < 2:
        return None
    if len({c.column for c in cells}) == 1:
        return aligned(held, ys, box)
    return Table(cells, held, box)


def _cells(
    xs: list[float], ys: list[float], across: list[_Stroke], down: list[_Stroke]
) -> list[TableCell]:
    """Return the cells between grid lines; grid squares with no stroke between them are one."""
    columns, rows = len(xs) - 1, len(ys) - 1
    right = [[False] * columns for _ in range(rows)]  # a stroke on the right side of the square
    below = [[False] * columns for _ in range(rows)]
    for x, y0, y1 in down:
        column = _nearest(xs, x) - 1
        if 0 <= column < columns:
            for row in range(max(0, bisect_right(ys, y0) - 1), rows):
                if ys[row] > y1:
                    break
                covered = min(y1, ys[row + 1]) - max(y0, ys[row])
                if covered > 0.6 * (ys[row + 1] - ys[row]):
                    right[row][column] = True
    for y, x0, x1 in across:
        row = _nearest(ys, y) - 1
        if 0 <= row < rows:
            for column in range(max(0, bisect_right(xs, x0) - 1), columns):
                if xs[column] > x1:
                    break
                covered = min(x1, xs[column + 1]) - max(x0, xs[column])
                if covered > 0.6 * (xs[column + 1] - xs[column]):
                    below[row][column] = True
    parent = list(range(rows * columns))

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = parent[parent[n]]
            n = parent[n]
        return n

    for row in range(rows):
        for column in range(columns):
            here = row * columns + column
            if column + 1 < columns and not right[row][column]:
                parent[root(here + 1)] = root(here)
            if row + 1 < rows and not below[row][column]:
                parent[root(here + columns)] = root(here)
    squares: dict[int, list[int]] = {}
    for n in range(rows * columns):
        squares.setdefault(root(n), []).append(n)
    cells = []
    for group in squares.values():
        r = [n // columns for n in group]
        c = [n % columns for n in group]
        height, width = max(r) - min(r) + 1, max(c) - min(c) + 1
        if height * width != len(group):
            # Not a rectangle: strokes are missing, keep the squares.
            cells += [
                TableCell(
                    n // columns, n % columns, 1, 1, _square(xs, ys, n // columns, n % columns)
                )
                for n in group
            ]
            continue
        box = Box(xs[min(c)], ys[min(r)], xs[max(c) + 1], ys[max(r) + 1])
        cells.append(TableCell(min(r), min(c), height, width, box))
    return cells


def _square(xs: list[float], ys: list[float], row: int, column: int) -> Box:
    return Box(xs[column], ys[row], xs[column + 1], ys[row + 1])


def _nearest(values: list[float], value: float) -> int:
    at = bisect_left(values, value)
    if at > 0 and (at == len(values) or value - values[at - 1] <= values[at] - value):
        at -= 1
    return at


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


def _between_rules(lone: list[_Stroke], inside: _Inside, tables: Sequence[Table]) -> list[Table]:
    """Return tables between horizontal rules of one width (the style of printed books)."""
    groups: list[list[_Stroke]] = []
    for stroke in sorted(lone):
        for group in groups:
            if max(abs(group[0][1] - stroke[1]), abs(group[0][2] - stroke[2])) <= 2 * SNAP:
                group.append(stroke)
                break
        else:
            if len(groups) >= MAX_GROUPS:
                break
            groups.append([stroke])
    found: list[Table] = []
    for group in groups:
        ys = _places([s[0] for s in group])
        if not 2 <= len(ys) <= MAX_GROUPS:
            continue
        x0, x1 = min(s[1] for s in group), max(s[2] for s in group)
        start = 0
        while start < len(ys) - 1:
            last = len(ys) - 1
            # The longest run of rules that bounds something like a table; few tries from each.
            for end in sorted({last, *(min(start + n, last) for n in (1, 2, 3))}, reverse=True):
                box = Box(x0 - SNAP, ys[start], x1 + SNAP, ys[end])
                held = inside(box)
                if len(held) < 4 or any(_meet(box, t) for t in (*tables, *found)):
                    continue
                table = aligned(held, ys[start : end + 1], box)
                if table is not None:
                    found.append(table)
                    start = end
                    break
            start += 1
    return found


def _meet(a: Box, b: Box) -> bool:
    return min(a.x1, b.x1) > max(a.x0, b.x0) and min(a.y1, b.y1) > max(a.y0, b.y0)


# --- Unruled tables ---------------------------------------------------------------------------


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
    gutters = _gutters(rows, em)
    if not gutters:
        return None
    x0 = min(p.x0 for p in pieces) if box is None else box.x0
    x1 = max(p.x1 for p in pieces) if box is None else box.x1
    xs = [min(x0, min(p.x0 for p in pieces)), *gutters, max(x1, max(p.x1 for p in pieces))]
    grid = [_columns_of(row, xs) for row in rows]
    if not _tabular(grid, len(xs) - 1, em, xs, bool(rules)):
        return None
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


def _gutters(rows: list[list[Piece]], em: float) -> list[float]:
    """Return the x positions between columns: strips that (nearly) no row crosses."""
    events: list[tuple[float, int]] = []
    for row in rows:
        for piece in row:
            events.append((piece.x0, 1))
            events.append((piece.x1, -1))
    events.sort()
    allowed = len(rows) // 8 if len(rows) >= 4 else 0
    depth, gutters = 0, []
    left: float | None = None
    started = False
    for x, step in events:
        depth += step
        if step < 0 and depth <= allowed and started and left is None:
            left = x
        elif step > 0:
            started = started or depth > allowed
            if depth > allowed and left is not None:
                if x - left >= 0.6 * em:
                    gutters.append((left + x) / 2)
                left = None
    return gutters


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
