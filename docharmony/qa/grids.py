"""Look-up in tables, ruled or not: the question names a row by its cells and a column by its head."""

from __future__ import annotations

from collections.abc import Sequence

import regex

from .aligned import Grid, Row, aligned
from .data import words
from .evidence import said, weighed
from .graph import Graph
from .labels import Label
from .question import Question
from .segments import Segment
from .slots import Slot
from .tables import Found, is_sum, slot_of
from .units import Unit, alike, units
from .values import fit
from .words import tokens

_FITS = 0.45  # how well a cell must fit the kind of value sought
_ALONE = 0.6  # how well, where its head says nothing of it
_HEAD = 0.6  # how well a head must say a word of the question
_NAMES = 0.7  # how much of a word of the question a cell must say to name its row

_AMOUNTS = frozenset({"amount", "total"})


def grids(graph: Graph) -> list[Grid]:
    """Return the tables of a page that have heads: found by the layout, or rows below each other."""
    by_table: dict[int, dict[int, list[Segment]]] = {}
    for segment in graph.segments:
        if segment.cell is not None:
            table, row, _ = segment.cell
            by_table.setdefault(table, {}).setdefault(row, []).append(segment)
    found = []
    for rows in by_table.values():
        ordered = [rows[number] for number in sorted(rows)]
        heads = _side_by_side(ordered[0])
        if len(ordered) > 1 and len(heads) > 1 and not any(head.numeric for head in heads):
            columns = dict(enumerate(heads))
            found.append(Grid(columns, tuple(_in_columns(row, columns) for row in ordered[1:])))
    return [_with_stub(grid) for grid in (*found, *aligned(graph))]


def _with_stub(grid: Grid) -> Grid:
    """Return a table with the column left of its first head, which names the rows and has no head."""
    first = min(grid.heads)
    left = [
        row[first].left if first in row and not any(k < first for k in row) else None
        for row in grid.rows
    ]
    names = [s for s in left if s is not None and not s.numeric and s.bbox.x1 < _edge(grid, first)]
    if len(names) < max(2, 0.6 * len(grid.rows)) or grid.heads[first].left in names:
        return grid
    rows = tuple(
        {first - 1: stub, **row} if stub is not None and stub in names else row
        for row, stub in zip(grid.rows, left, strict=True)
    )
    return Grid(grid.heads, rows)


def _edge(grid: Grid, column: int) -> float:
    """Return where a column begins."""
    return min(row[column].bbox.x0 for row in grid.rows if column in row)


def _side_by_side(row: Sequence[Segment]) -> list[Segment]:
    """Return the first lines of the cells of a row, from left to right."""
    found: list[Segment] = []
    for segment in sorted(row, key=lambda s: s.bbox.y0):
        if all(
            segment.bbox.x0 >= other.bbox.x1 or segment.bbox.x1 <= other.bbox.x0 for other in found
        ):
            found.append(segment)
    return sorted(found, key=lambda s: s.bbox.x0)


def _in_columns(row: Sequence[Segment], heads: Row) -> Row:
    """Return the cells of a row by column: by the layout's, where two heads share it by their place."""
    cells: dict[int, Segment] = {}
    for cell in _side_by_side(row):
        own = [
            k
            for k, head in heads.items()
            if head.cell and cell.cell and head.cell[2] == cell.cell[2]
        ]
        if own:
            # Columns stand flush on one side: their edges tell whose a cell is.
            column = min(own, key=lambda k: _apart(cell, heads[k]))
            cells.setdefault(column, cell)
    return cells


def _apart(a: Segment, b: Segment) -> float:
    return min(
        abs(a.bbox.x0 - b.bbox.x0),
        abs(a.bbox.x1 - b.bbox.x1),
        abs(a.bbox.center.x - b.bbox.center.x),
    )


def look_up(question: Question, graph: Graph) -> list[Found]:
    """Return the cells that a question asks for, the likeliest first.

    A row is named by words of the question that stand in its cells and not in all other rows; the
    column by its head, or by the kind of the answer alone. Words of the question that neither says
    make the answer less likely.
    """
    asked = weighed(question.asked, graph)
    if not asked or question.operation not in ("look", "count", "most", "least"):
        return []
    known = {word for unit, _ in asked for word in unit.words}
    more = {token.text for token in tokens(question.text)} - known
    found = []
    for grid in grids(graph):
        own = asked
        if question.operation in ("most", "least"):
            # "The last bus": a head says so, and nothing is to be compared.
            heads = {token.text for head in grid.heads.values() for token in tokens(head.text)}
            ranks = more & heads - words("stop")
            own = [*asked, *((Unit((word,), frozenset()), 1.0) for word in sorted(ranks))]
            if not ranks:
                continue
        found += _in_grid(question, own, grid, graph)
    found.sort(key=lambda item: -item.strength)
    return found[:3]


def _in_grid(
    question: Question, asked: Sequence[tuple[Unit, float]], grid: Grid, graph: Graph
) -> list[Found]:
    heads = {column: units(head.text) for column, head in grid.heads.items()}
    rows = [row for row in grid.rows if not any(is_sum(cell) for cell in row.values())]
    # What each cell says of each word of the question.
    says = [
        {
            column: [_says(unit, cell.text, question.text) for unit, _ in asked]
            for column, cell in row.items()
        }
        for row in rows
    ]
    amounts = {k for k, own in heads.items() if any(u.senses & _AMOUNTS for u in own)}
    prices = {
        k for k, own in heads.items() if amounts - {k} and any("price" in u.senses for u in own)
    } - amounts
    counts = {k for k, own in heads.items() if any("quantity" in u.senses for u in own)}
    total = sum(weight for _, weight in asked)
    found: list[tuple[float, Segment, Segment]] = []
    for row, cells in zip(rows, says, strict=True):
        for column, cell in row.items():
            if any(value >= _NAMES for value in cells[column]):
                continue
            head = [
                max((alike(u, h) for h in heads.get(column, ())), default=0.0) for u, _ in asked
            ]
            sure = max((h for h, (_, w) in zip(head, asked, strict=True) if w >= 1.0), default=0.0)
            fits = _fits(question, cell, head, sure, unit_price=column in prices)
            if wrong_head(question, heads.get(column, ())):
                fits *= 0.4
            elif question.operation == "count" and column in counts:
                fits = 1.0 if any(c.isdigit() for c in cell.text) else fits
            if not fits:
                continue
            got, names, own = 0.0, None, 0.0
            for number, (_, weight) in enumerate(asked):
                best, key = max(
                    ((value[number], key) for key, value in cells.items()), default=(0.0, column)
                )
                others = sum(any(v[number] >= _NAMES for v in other.values()) for other in says)
                if best >= _NAMES:
                    got += weight * best
                    # What stands in every row names none of them.
                    alone = len(says) == 1 or others < len(says)
                    if alone and weight * best / others > own:
                        own, names = weight * best / others, key
                    continue
                # The head of the cell that names the row counts too: "the item Oak shelf".
                over = max(
                    (alike(asked[number][0], h) for hs in heads.values() for h in hs), default=0.0
                )
                got += weight * max(head[number] if head[number] >= _HEAD else 0.0, 0.7 * over)
            if names is None:
                continue
            key_words = max(1, len(tokens(row[names].text)))
            matched = sum(
                any(said(u, t.text) >= _NAMES for u, _ in asked) for t in tokens(row[names].text)
            )
            whole = 0.75 + 0.25 * min(1.0, matched / key_words)
            same = sum(
                other.get(names) is not None
                and any(v >= _NAMES for v in other[names])
                and _names_as_much(other[names], cells[names], asked)
                for other in says
            )
            strength = (got / total) ** 1.5 * fits * whole / max(1, same)
            found.append((strength, cell, row[names]))
    out = []
    for strength, cell, key_cell in found:
        slot = slot_of(graph, cell)
        if slot is not None:
            out.append(Found(slot.text, slot, (key_cell,), min(1.0, strength)))
    return out


# Kinds of fields that a question for another kind never means.
_CLASH = {
    "money": frozenset({"quantity", "rate", "date", "number", "unit", "serial"}),
    "number": frozenset({"price", "amount", "total", "date", "rate"}),
    "date": frozenset({"price", "amount", "total", "quantity", "rate"}),
    "percent": frozenset({"price", "amount", "total", "quantity", "date"}),
}


def wrong_head(question: Question, head: Sequence[Unit]) -> bool:
    """Whether the head of a column says that its values are of another kind than the one asked for."""
    clash = _CLASH.get(question.kind, frozenset())
    senses = {name for unit in head for name in unit.senses}
    return bool(senses) and senses <= clash and not senses & question.senses


def under_wrong_head(question: Question, slot: Slot, tables: Sequence[Grid]) -> bool:
    """Whether a slot is a cell of a table whose head speaks of another kind of value."""
    for grid in tables:
        for row in grid.rows:
            for column, cell in row.items():
                if cell.line is slot.segment.line and cell.start == slot.segment.start:
                    head = grid.heads.get(column)
                    return head is not None and wrong_head(question, units(head.text))
    return False


def _says(unit: Unit, text: str, question: str) -> float:
    """Return how far a cell says a word; the 1 of "1 kg" is not the one of "1.590,38"."""
    word = unit.words[0]
    if len(text) > 2 and text in question:
        return said(unit, text)
    if len(unit.words) == 1 and word.isdigit() and len(word) < 3:
        whole = regex.search(rf"(?<![\p{{N}}.,]){word}(?![.,]?\p{{N}})", text)
        return 1.0 if whole else 0.0
    return said(unit, text)


def _names_as_much(
    other: Sequence[float], own: Sequence[float], asked: Sequence[tuple[Unit, float]]
) -> bool:
    def mass(values: Sequence[float]) -> float:
        return sum(w * v for v, (_, w) in zip(values, asked, strict=True) if v >= _NAMES)

    return mass(other) >= 0.95 * mass(own)


def _fits(
    question: Question, cell: Segment, head: Sequence[float], own: float, *, unit_price: bool
) -> float:
    """Return how likely a cell is of what was asked for: by its kind, by its head, or by both."""
    named = max(head, default=0.0) >= _HEAD
    if not question.kind:
        return 1.0 if named else 0.0
    value = fit(question.kind, cell.text)
    if question.kind == "date":
        value = max(value, fit("time", cell.text))  # "when" asks for either
    if question.kind in ("name", "party", "org"):
        value = max(value, fit("party", cell.text)) if not cell.numeric else 0.0
    if named:
        if value >= (_ALONE if question.kind == "money" else _FITS):
            return 1.0
        # A kind that words of the question only imply may come from what names the row.
        said_so = question.sure < 0.9 and own >= 0.9
        return 0.9 if said_so else 0.75 if value >= 0.25 else 0.0
    if question.kind == "address":
        return 0.0
    if words("each") & {token.text for token in tokens(question.text)} and question.kind == "money":
        return 1.0 if unit_price and value >= _FITS else 0.7 * value
    # By its kind alone: the figure must look like it, and a head that is near says a little more.
    if value >= _ALONE and unit_price:
        return 0.85  # what was paid for a row is its amount, where there is one
    return min(1.0, 0.9 + 0.2 * max(head, default=0.0)) if value >= _ALONE else 0.0


def from_another_row(question: Question, slot: Slot, tables: Sequence[Grid]) -> bool:
    """Whether what says most for a cell is a cell above or below it: of another row, and no head.

    Words that name a field do not count: in a form, labels stand over their values in every row.
    """
    cell = slot.segment
    home = next((g for g in tables if any(cell in row.values() for row in g.rows)), None)
    if home is None or slot.shape == "sentence":
        return False
    body = {s.index for row in home.rows if cell not in row.values() for s in row.values()}
    own = [unit for unit, weight in question.asked if not unit.senses and weight >= 0.5]

    def share(label: Label) -> float:
        return sum(said(unit, label.text) for unit in own)

    fitting = [label for label in slot.labels if share(label) > 0]
    return bool(fitting) and all(label.segment in body for label in fitting)
