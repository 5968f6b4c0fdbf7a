"""Ruled tables, from the strokes that draw them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from .pieces import Box, Piece
from .tables import MAX_CELLS, Table, TableCell, aligned, fill

# Strokes closer than this (points) are one; a stroke ends on another within it.
SNAP = 2.5
MAX_STROKES = 4000
MAX_GROUPS = 200

_Stroke: TypeAlias = tuple[float, float, float]


@dataclass(slots=True)
class Strokes:
    """Horizontal strokes (y, x0, x1) and vertical strokes (x, y0, y1) in the frame."""

    across: list[tuple[float, float, float]]
    down: list[tuple[float, float, float]]


_Inside: TypeAlias = Callable[[Box], list[Piece]]


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


def find(strokes: Strokes, pieces: Sequence[Piece]) -> tuple[list[Table], set[int]]:
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
