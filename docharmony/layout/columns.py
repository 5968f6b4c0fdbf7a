"""Reading order: columns found by the white strips between pieces, spanning parts in between."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TypeAlias

from .figures import Figure
from .pieces import Box, Piece, Rows
from .tables import Table, aligned, rows_of

Node: TypeAlias = Piece | Table | Figure
# Columns within columns deeper than this are read row by row.
MAX_DEPTH = 24
# Lines across, for each narrow gap, from which such gaps are chance.
_CHANCE = 3
# Lines so long, in em, of which so many end within this distance, in em: there a column ends.
_LONG, _FLUSH, _NEAR = 15.0, 4, 0.12
_PAGE = re.compile(r"[\d.\-–]{1,6}|[ivxlc]{1,6}")


@dataclass(slots=True)
class Column:
    """A single column.

    Attributes:
        nodes: what stands in it, from top to bottom.
        beside: for notes in the margin, how many of the columns before this one they stand beside;
            0 for all other columns.
    """

    nodes: list[Node]
    beside: int = 0


def order(nodes: Sequence[Node], rules: Sequence[float] = (), depth: int = 0) -> list[Column]:
    """Return the nodes as single columns in reading order.

    Args:
        nodes: pieces, tables and figures, in any order.
        rules: y of long horizontal rules, for tables that are found on the way.
        depth: of the recursion.
    """
    if not nodes:
        return []
    nodes = _by_row(nodes)
    gutter = _gutter(nodes) if len(nodes) > 1 and depth < MAX_DEPTH else None
    if gutter is None:
        return [Column(list(nodes))]
    columns: list[Column] = []
    for spanning, band in _bands(nodes, gutter):
        if spanning and len(band) == len(nodes):
            return [Column(list(nodes))]
        inner = order(band, rules, depth + 1) if spanning else _band(band, gutter, rules, depth + 1)
        # What spans the columns goes on where a table above ends.
        if columns and inner and spanning and _goes_on(columns[-1].nodes, inner[0].nodes):
            columns[-1].nodes += inner[0].nodes
            inner = inner[1:]
        columns += inner
    return columns


def _band(band: Sequence[Node], gutter: float, rules: Sequence[float], depth: int) -> list[Column]:
    """Return the columns of a band that nothing spans."""
    columns: list[Column] = []
    for part in _tables(band, rules):
        if isinstance(part[0], Table):
            columns.append(Column(part))
            continue
        for stripe in _stripes(part):
            joined = _numbered_rows(stripe, gutter)
            if joined is not None:
                columns += order(joined, rules, depth)
                continue
            left = [n for n in stripe if n.cx < gutter]
            right = [n for n in stripe if n.cx >= gutter]
            if _is_margin(left, right) or _is_margin(right, left):
                main, notes = (right, left) if _is_margin(left, right) else (left, right)
                inner = order(main, rules, depth)
                columns += inner
                columns.append(Column(notes, beside=len(inner)))
                continue
            columns += order(left, rules, depth) + order(right, rules, depth)
    return columns


def _is_margin(notes: Sequence[Node], main: Sequence[Node]) -> bool:
    """Tell notes in the margin of running text from a column."""
    if len(main) < 4 or not notes or any(isinstance(n, Table) for n in (*notes, *main)):
        return False
    a, b = region(notes), region(main)
    words = [sum(len(n.items) for n in part if isinstance(n, Piece)) for part in (notes, main)]
    return a.x1 - a.x0 < 0.35 * (b.x1 - b.x0) and words[0] < 0.25 * words[1] and words[1] > 30


def _by_row(nodes: Sequence[Node]) -> list[Node]:
    """Return the nodes from top to bottom, those on one row of text from left to right."""
    ordered = sorted(nodes, key=lambda n: (n.cy, n.x0))
    result: list[Node] = []
    row: list[Node] = []
    for node in ordered:
        if row and node.cy - row[0].cy > 0.4 * min(node.em, row[0].em):
            result += sorted(row, key=lambda n: n.x0)
            row = []
        row.append(node)
    return result + sorted(row, key=lambda n: n.x0)


def _stripes(band: Sequence[Node]) -> list[list[Node]]:
    """Split a band where it is empty over its whole width for more than two lines.

    What stands in loose groups, as on a letter, is read group by group, not column by column.
    """
    stripes: list[list[Node]] = []
    bottom = 0.0
    for node in sorted(band, key=lambda n: n.y0):
        if stripes and node.y0 - bottom <= 2.5 * node.em:
            stripes[-1].append(node)
        else:
            stripes.append([node])
        bottom = max(bottom, node.y1)
    return stripes


def _numbered_rows(nodes: Sequence[Node], gutter: float) -> list[Node] | None:
    """Join the page numbers of a table of contents, far to the right, with their lines.

    Return None where the right column holds anything else.
    """
    left = [n for n in nodes if n.cx < gutter]
    right = [n for n in nodes if n.cx >= gutter]
    if not left or not right or len(right) > len(left):
        return None
    joined: list[Node] = list(left)
    for number in right:
        if not isinstance(number, Piece) or not _PAGE.fullmatch(number.text):
            return None
        for at, node in enumerate(joined):
            if isinstance(node, Piece) and abs(node.cy - number.cy) < 0.4 * node.em:
                joined[at] = Piece.joined([node, number])
                break
        else:
            return None
    return joined


def _goes_on(above: list[Node], below: list[Node]) -> bool:
    return (
        len(above) == 1
        and isinstance(above[0], Table)
        and abs(above[0].x0 - below[0].x0) < 2 * above[0].em
    )


def _gutter(nodes: Sequence[Node]) -> float | None:
    """Return the x where most rows have a gap, or None where all is one column."""
    rows = Rows(nodes)
    ends = sorted(n.x1 for n in nodes if isinstance(n, Piece) and n.x1 - n.x0 > _LONG * n.em)
    events: list[tuple[float, float]] = []
    gaps: list[tuple[float, float, bool]] = []
    for node in nodes:
        for number in rows.right_of(node, 0.2 * node.em):
            other = nodes[number]
            gap = other.x0 - node.x1
            em = min(node.em, other.em)
            if gap < 0.6 * em:
                continue
            overlap = min(node.y1, other.y1) - max(node.y0, other.y0)
            # One wide gap makes columns, or one where justified lines end; others can have narrow ones,
            # of which it takes three.
            near = _NEAR * em
            flush = bisect_right(ends, node.x1 + near) - bisect_left(ends, node.x1 - near) >= _FLUSH
            sure = flush or gap > 2.5 * em
            weight = overlap / max(em, 1e-6) * (3.0 if flush else 1.7 if sure else 0.6)
            gaps.append((node.x1, other.x0, sure))
            events.append((node.x1, weight))
            events.append((other.x0, -weight))
    if not events:
        return None
    events.sort()
    depth, best, where = 0.0, 0.0, 0.0
    for (x, weight), (following, _) in pairwise(events):
        depth += weight
        if depth > best + 1e-6 and following > x:
            best, where = depth, (x + following) / 2
    if best < 1.5:
        return None
    if not any(n.x1 < where for n in nodes) or not any(n.x0 > where for n in nodes):
        return None
    own = [wide for x0, x1, wide in gaps if x0 < where < x1]
    crossing = sum(n.x0 < where < n.x1 for n in nodes)
    # In a long column of justified lines some narrow gaps come to stand below each other.
    return None if not any(own) and crossing > _CHANCE * len(own) else where


def _bands(nodes: Sequence[Node], gutter: float) -> list[tuple[bool, list[Node]]]:
    """Split nodes (sorted by y) into bands that cross the gutter and bands that do not.

    A band beside which the other column is empty belongs to the text that spans: it is the short
    last line of a paragraph, or a heading.
    """
    bands: list[tuple[bool, list[Node]]] = []
    for node in nodes:
        spanning = node.x0 < gutter < node.x1
        if bands and bands[-1][0] == spanning:
            bands[-1][1].append(node)
        else:
            bands.append((spanning, [node]))
    if not any(spanning for spanning, _ in bands):
        return bands
    result: list[tuple[bool, list[Node]]] = []
    for spanning, band in bands:
        if not spanning:
            right = any(n.cx >= gutter for n in band)
            left = any(n.cx < gutter for n in band)
            spanning = not (left and right)
        if not spanning and result and result[-1][0]:
            lead = _lead(result[-1][1], band)
            result[-1][1].extend(band[:lead])
            band = band[lead:]
            if not band:
                continue
        if result and result[-1][0] and spanning:
            result[-1][1].extend(band)
        else:
            result.append((spanning, band))
    return result


def _lead(above: Sequence[Node], band: Sequence[Node]) -> int:
    """Return how many nodes at the top of a band finish the spanning text above it (0 or 1)."""
    if len(band) < 3:
        return 0
    first, second, last = band[0], band[1], above[-1]
    if not (isinstance(first, Piece) and isinstance(last, Piece)):
        return 0
    step, following = first.cy - last.cy, second.cy - first.cy
    before = last.cy - above[-2].cy if len(above) > 1 else 0.0
    close = step <= 1.7 * first.em or 0.9 * before < step < 1.1 * before < 3 * first.em
    close = close and abs(first.em - last.em) < 0.1 * first.em
    return int(close and following > 1.25 * step and abs(first.x0 - above[0].x0) < 3 * first.em)


def _tables(band: Sequence[Node], rules: Sequence[float]) -> list[list[Node]]:
    """Return the band in runs from top to bottom: a table alone, or the nodes between tables."""
    pieces = [n for n in band if isinstance(n, Piece)]
    if len(pieces) != len(band) or len(pieces) < 4:
        return [list(band)]
    rows = rows_of(pieces)
    parts: list[list[Node]] = []
    first = 0
    while first < len(rows):
        end = _run_end(rows, first)
        table = None
        if end - first >= 2:
            inside = [p for row in rows[first:end] for p in row]
            em = median([p.em for p in inside])
            top, bottom = min(p.y0 for p in inside), max(p.y1 for p in inside)
            near = [y for y in rules if top - 1.5 * em < y < bottom + 1.5 * em]
            table = aligned(inside, near if len(near) >= 3 else ())
        if table is not None:
            parts.append([table])
            first = end
        else:
            end = max(end, first + 1)
            rest: list[Node] = [p for row in rows[first:end] for p in row]
            if parts and not isinstance(parts[-1][0], Table):
                parts[-1] += rest
            else:
                parts.append(rest)
            first = end
    return parts


def _run_end(rows: Sequence[Sequence[Piece]], first: int) -> int:
    """Return the end of the run of rows from ``first`` that may be a table's.

    It begins and ends with a row of several pieces and holds no three rows of one piece together,
    no change of size and no wide space.
    """
    if len(rows[first]) < 2:
        return first
    em = max(p.em for p in rows[first])
    end, alone, usual = first + 1, 0, 4 * em / 1.7
    for at in range(first + 1, len(rows)):
        row = rows[at]
        step = row[0].cy - rows[at - 1][0].cy
        if max(p.em for p in row) > 1.3 * em or step > max(2.5 * em, 1.7 * usual):
            break
        usual = step if at == first + 1 else usual
        alone = alone + 1 if len(row) < 2 else 0
        if alone > 2:
            break
        if len(row) >= 2:
            end = at + 1
    # The last cell may go on for some lines.
    while (
        first + 1 < end < len(rows)
        and len(rows[end]) == 1
        and rows[end][0].x0 >= rows[first][1].x0 - em
        and rows[end][0].cy - rows[end - 1][0].cy <= 1.35 * em
    ):
        end += 1
    return end


def region(nodes: Sequence[Node]) -> Box:
    """Return the box around nodes."""
    return Box(
        min(n.x0 for n in nodes),
        min(n.y0 for n in nodes),
        max(n.x1 for n in nodes),
        max(n.y1 for n in nodes),
    )
