"""Tables as the eye sees them: a row of heads, and rows of cells that stand below the heads.

Lines and boxes are not looked at. Where two heads were read as one because little space parts them,
the columns below part them again.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import median

from ..geometry import BBox
from .graph import Graph
from .segments import Segment
from .senses import dictionary
from .units import units
from .values import find

_REACH = 3.6  # ems from the heads, or from a row, down to the next row, at most
_WIDE = 5.0  # ems that a cell may stand beside its head
_SKIP = 4.0  # ems that it costs to leave a cell without a head
_LONGEST_HEAD = 6  # words
_FLUSH = 0.7  # ems within which two edges are one

Row = Mapping[int, Segment]
"""The cells of a row by column; of a cell with several lines the first."""


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """A table: its heads and rows, cells by column, from top to bottom."""

    heads: Row
    rows: tuple[Row, ...]


@lru_cache(maxsize=8)
def aligned(graph: Graph) -> tuple[Grid, ...]:
    """Return the tables of a page that have a row of heads, whether or not lines are drawn."""
    rows = _rows(graph.segments)
    found = []
    at = 0
    while at < len(rows):
        used, grid = _table(rows, at)
        if grid is not None:
            found.append(grid)
        at += used
    if graph.carried and (grid := _continued(rows, found, graph.carried)) is not None:
        found.insert(0, grid)
    return tuple(found)


def _continued(
    rows: Sequence[Sequence[Segment]], found: Sequence[Grid], heads: Sequence[Segment]
) -> Grid | None:
    """Return the table of the page before where its rows go on at the top, in the same columns."""
    own = {head.index for grid in found for head in grid.heads.values()}
    places: dict[int, list[Segment]] = {key: [head] for key, head in enumerate(heads)}
    body: list[Row] = []
    for row in rows:
        if any(cell.index in own for cell in row):
            break
        parts = [part for cell in row for part in _by_columns(cell, places)]
        cells = _placed(parts, places)
        apart = [_apart(cell, places[key]) for key, cell in cells.items()]
        fits = len(cells) > 1 and max(apart) < _WIDE and any(map(_is_figure, cells.values()))
        if fits:
            body.append(cells)
            for key, cell in cells.items():
                places[key].append(cell)
        elif body or row[0].bbox.y0 > _TOP * max(row[0].em, 1.0):
            break
    return Grid(dict(enumerate(heads)), tuple(body)) if len(body) > 1 else None


_TOP = 20.0  # ems from the top of a page, within which a table that goes on begins


def _rows(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Return the segments of a page by the rows that they stand in, from left to right."""
    rows: list[list[Segment]] = []
    for segment in sorted(segments, key=lambda s: s.bbox.center.y):
        middle = segment.bbox.center.y
        if rows:
            last = median([s.bbox.center.y for s in rows[-1]])
            if abs(middle - last) < 0.45 * min(segment.em, rows[-1][0].em) * 1.2:
                rows[-1].append(segment)
                continue
        rows.append([segment])
    for row in rows:
        row.sort(key=lambda s: s.bbox.x0)
    return rows


def _table(rows: Sequence[Sequence[Segment]], at: int) -> tuple[int, Grid | None]:
    """Return how many rows from ``at`` on were looked at, and the table that begins there."""
    heads = list(rows[at])
    if not _may_head(heads):
        return 1, None
    begin = at + 1
    # Heads of several lines: what follows at once, without a figure, is their second line.
    while begin < len(rows) and begin - at < 3 and _goes_on(rows[begin], heads):
        heads = _joined(heads, rows[begin])
        begin += 1
    near = range(begin, min(begin + 6, len(rows)))
    below = [rows[i] for i in itertools.takewhile(lambda i: not _new_heads(rows, i), near)]
    heads = [part for head in heads for part in _parted(head, below)]
    heads = _by_count(heads, below)
    if len(heads) < 2:
        return 1, None
    columns = dict(enumerate(heads))
    body: list[Row] = []
    places: dict[int, list[Segment]] = {key: [head] for key, head in columns.items()}
    bottom = max(head.bbox.y1 for head in heads)
    last = begin
    for index in range(begin, len(rows)):
        row = rows[index]
        em = row[0].em
        if min(s.bbox.y0 for s in row) - bottom > _REACH * em:
            break
        if index > begin and _new_heads(rows, index):
            break
        cells = _placed([part for cell in row for part in _by_columns(cell, places)], places)
        numeric = sum(_is_figure(cell) for cell in cells.values())
        if len(row) == 1 and not numeric:
            # A second line of a cell; running text ends the table.
            if len(row[0].text.split()) > 12 or _outside(row[0], heads):
                break
            if row[0].bbox.y0 - bottom > 1.6 * em and index > begin + 1:
                break
            bottom = row[0].bbox.y1
            continue
        if not cells:
            break
        if len(cells) >= 2 or numeric:
            body.append(cells)
            for key, cell in cells.items():
                places[key].append(cell)
            last = index
        bottom = max(s.bbox.y1 for s in row)
    wide = [row for row in body if len(row) >= 2]
    if not wide or not any(_is_figure(cell) for row in wide for cell in row.values()):
        return 1, None
    return max(1, last - at), Grid(columns, tuple(body))


def _new_heads(rows: Sequence[Sequence[Segment]], index: int) -> bool:
    """Whether a row is that of the heads of another table: words for fields, and figures below."""
    row = rows[index]
    known = sum(any(u.senses for u in units(s.text)) for s in row)
    return known >= 2 and _may_head(row) and _figures(rows[index + 1 : index + 3])


def _by_count(heads: list[Segment], below: Sequence[Sequence[Segment]]) -> list[Segment]:
    """Return the heads, as many as the rows have cells: words that mean fields of their own part."""
    edge = min(head.bbox.x0 for head in heads)
    sizes = [
        sum(s.bbox.x1 > edge for s in row) for row in below if sum(_is_figure(s) for s in row) > 1
    ]
    wanted = round(median(sizes)) if sizes else 0
    out: list[Segment] = []
    missing = wanted - len(heads)
    for head in heads:
        words = _words(head)
        types = [_type(head.text[a:b]) for a, b, _ in words]
        if 1 < len(words) <= missing + 1 and all(types) and len(set(types)) == len(types):
            missing -= len(words) - 1
            out += [
                replace(head, start=head.start + a, text=head.text[a:b], bbox=box)
                for a, b, box in words
            ]
        else:
            out.append(head)
    return out if len(out) == wanted else heads


def _type(text: str) -> str:
    return dictionary().type_of([name for unit in units(text) for name in unit.senses])


def _may_head(row: Sequence[Segment]) -> bool:
    """Whether a row may be one of heads: short words, no figure, no pair of label and value."""
    if not 2 <= len(row) <= 16 and not (len(row) == 1 and 2 <= len(row[0].text.split()) <= 8):
        return False
    for segment in row:
        text = segment.text
        if len(text.split()) > _LONGEST_HEAD + 2 * (len(row) == 1) or _is_figure(segment):
            return False
        if ": " in text or (text.rstrip().endswith((":", ".")) and len(row) <= 2):
            return False
        if any(c.isdigit() for c in text):
            return False
    return sum(any(c.isalpha() for c in s.text) for s in row) >= (2 if len(row) > 1 else 1)


def _is_figure(segment: Segment) -> bool:
    """Whether a segment is a figure: an amount, a date, a number, an id."""
    text = segment.text.strip()
    digits = sum(c.isdigit() for c in text)
    if not digits:
        return False
    if digits >= sum(c.isalpha() for c in text):
        return True
    return any(
        v.kind in ("money", "date", "number", "percent", "time")
        and v.end - v.start > 0.5 * len(text)
        for v in find(text)
    )


def _figures(rows: Sequence[Sequence[Segment]]) -> bool:
    return any(_is_figure(s) for row in rows for s in row)


def _goes_on(row: Sequence[Segment], heads: Sequence[Segment]) -> bool:
    bottom = max(head.bbox.y1 for head in heads)
    close = min(s.bbox.y0 for s in row) - bottom < 0.45 * row[0].em
    plain = all(not _is_figure(s) and len(s.text.split()) <= 3 for s in row)
    under = all(any(_overlap(s.bbox, head.bbox) > 0 for head in heads) for s in row)
    return close and plain and under and len(row) < len(heads)


def _joined(heads: Sequence[Segment], more: Sequence[Segment]) -> list[Segment]:
    out = []
    for head in heads:
        own = [s for s in more if _overlap(s.bbox, head.bbox) > 0]
        if own:
            text = " ".join([head.text, *(s.text for s in own)])
            box = BBox.around([head.bbox, *(s.bbox for s in own)])
            out.append(replace(head, text=text, bbox=box))
        else:
            out.append(head)
    return out


def _overlap(a: BBox, b: BBox) -> float:
    return min(a.x1, b.x1) - max(a.x0, b.x0)


def _outside(segment: Segment, heads: Sequence[Segment]) -> bool:
    return segment.bbox.x1 < heads[0].bbox.x0 - segment.em


def _parted(head: Segment, below: Sequence[Sequence[Segment]]) -> Iterator[Segment]:
    """Yield a head, or its parts where the rows below have several columns under it."""
    words = _words(head)
    if len(words) < 2:
        yield head
        return
    # Where between two words no cell of any row stands, and cells stand on either side.
    rows = [row for row in below if len(row) > 1 and any(_is_figure(s) for s in row)][:4]
    cuts = []
    for (_, _, a), (start, _, b) in itertools.pairwise(words):
        left = right = crossing = 0
        for row in rows:
            for cell in row:
                if (
                    cell.bbox.x1 < head.bbox.x0 - 2 * head.em
                    or cell.bbox.x0 > head.bbox.x1 + 2 * head.em
                ):
                    continue
                if (
                    abs(cell.bbox.x1 - a.x1) < _FLUSH * head.em
                    or abs(cell.bbox.x0 - a.x0) < 0.3 * head.em
                ):
                    left += 1
                elif (
                    abs(cell.bbox.x1 - b.x1) < _FLUSH * head.em
                    or abs(cell.bbox.x0 - b.x0) < _FLUSH * head.em
                    or abs(cell.bbox.x1 - head.bbox.x1) < _FLUSH * head.em
                ):
                    right += 1
                elif cell.bbox.x0 < a.x1 and cell.bbox.x1 > b.x0:
                    crossing += 1
        if (
            rows
            and left >= max(1, len(rows) - 1)
            and right >= max(1, len(rows) - 1)
            and not crossing
        ):
            cuts.append(start)
    begin = 0
    for cut in [*cuts, len(head.text)]:
        text = head.text[begin:cut].rstrip()
        box = BBox.around([b for s, e, b in words if begin <= s < cut])
        yield replace(head, start=head.start + begin, text=text, bbox=box) if cuts else head
        begin = cut


def _by_columns(cell: Segment, places: Mapping[int, Sequence[Segment]]) -> Iterator[Segment]:
    """Yield a cell, or its parts where it runs over the cells of several columns above."""
    spread = {
        key: BBox.around([other.bbox for other in column[1:]])
        for key, column in places.items()
        if len(column) > 1
    }
    under = [key for key, box in spread.items() if _overlap(cell.bbox, box) > 0.3 * cell.em]
    words = _words(cell)
    if len(under) < 2 or len(words) < 2 or not any(c.isdigit() for c in cell.text):
        yield cell
        return
    # The widest gaps between its words are those between the columns.
    gaps = sorted(range(1, len(words)), key=lambda k: words[k - 1][2].x1 - words[k][2].x0)
    cuts = [0, *sorted(gaps[: len(under) - 1]), len(words)]
    for first, last in itertools.pairwise(cuts):
        run = words[first:last]
        a, b = run[0][0], run[-1][1]
        box = BBox.around([box for _, _, box in run])
        yield replace(cell, start=cell.start + a, text=cell.text[a:b], bbox=box)


def _words(segment: Segment) -> list[tuple[int, int, BBox]]:
    """Return the words of a segment: start and end in its text, and the box."""
    found = []
    at = 0
    for word in segment.line.words:
        a = at - segment.start
        if 0 <= a < len(segment.text):
            found.append((a, a + len(word.text), word.bbox))
        at += len(word.text) + 1
    return found


def _placed(row: Sequence[Segment], places: Mapping[int, Sequence[Segment]]) -> dict[int, Segment]:
    """Return the cells of a row by column: in their order, each where it stands best."""
    keys = sorted(places)
    if len(row) == len(keys) > 2:
        return dict(zip(keys, row, strict=True))  # one cell for each head
    cost = [[_apart(cell, places[key]) for key in keys] for cell in row]
    # best[i][j]: least cost of the first i cells over the first j columns.
    best = [[0.0] * (len(keys) + 1) for _ in range(len(row) + 1)]
    step = [[""] * (len(keys) + 1) for _ in range(len(row) + 1)]
    for i in range(1, len(row) + 1):
        best[i][0], step[i][0] = best[i - 1][0] + _SKIP, "cell"
        for j in range(1, len(keys) + 1):
            options = [
                (best[i - 1][j - 1] + cost[i - 1][j - 1], "both"),
                (best[i - 1][j] + _SKIP, "cell"),
                (best[i][j - 1], "column"),
            ]
            best[i][j], step[i][j] = min(options)
    found = {}
    i, j = len(row), len(keys)
    while i and j:
        if step[i][j] == "both":
            if cost[i - 1][j - 1] < _WIDE:
                found[keys[j - 1]] = row[i - 1]
            i, j = i - 1, j - 1
        elif step[i][j] == "cell":
            i -= 1
        else:
            j -= 1
    return found


def _apart(cell: Segment, column: Sequence[Segment]) -> float:
    """Return how far a cell stands from a column, in ems: 0.0 where an edge or the middle is the same."""
    best = _WIDE * 2
    for other in (column[0], *column[-3:]):
        a, b = cell.bbox, other.bbox
        edges = min(abs(a.x0 - b.x0), abs(a.x1 - b.x1), abs(a.center.x - b.center.x))
        over = max(0.0, -_overlap(a, b))
        best = min(best, min(edges, 1.5 * cell.em + over * 2) / cell.em + 0.5 * over / cell.em)
    return best
