"""Answers that no cell alone gives: the highest and the latest, and how many rows there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex

from .aligned import Grid, Row, aligned
from .data import words
from .graph import Graph
from .question import Question
from .score import Asker
from .segments import Segment
from .slots import Slot
from .units import Unit, match, units
from .values import find

# Rows of these senses sum others up: they are no entries of a table.
_SUMS = frozenset({"total", "subtotal", "tax", "balance", "gross", "discount", "shipping"})
_LEAST_ROWS = 2
_BREAK = 2.5  # ems between two rows of a table without rules, at most


@dataclass(frozen=True, slots=True)
class Column:
    """A column of values under one head.

    Attributes:
        head: the segment at its top.
        cells: segments with their values as numbers, from top to bottom, without sums.
        kind: kind of its values.
    """

    head: Segment
    cells: tuple[tuple[Segment, float], ...]
    kind: str


@dataclass(frozen=True, slots=True)
class Found:
    """An answer from a table: text, what it stands on, and 0.0-1.0 how well the table fits.

    ``slot`` is None for a number of rows, which stands nowhere.
    """

    text: str
    slot: Slot | None
    evidence: tuple[Segment, ...]
    strength: float


def columns(graph: Graph) -> list[Column]:
    """Return the columns of numbers, amounts and dates of a page that have a head."""
    by_head: dict[int, list[tuple[Segment, float, str]]] = {}
    for segment in graph.segments:
        value = _value(segment, day_first=graph.day_first)
        head = _head(segment)
        if value is None or head is None or is_sum(segment):
            continue
        # What stands below a table, in its columns, belongs to it no more.
        if head.cell is not None and (segment.cell is None or segment.cell[0] != head.cell[0]):
            continue
        column = by_head.setdefault(head.index, [])
        above = column[-1][0] if column else head
        if segment.cell is None and segment.bbox.y0 - above.bbox.y1 > _BREAK * segment.em:
            continue
        column.append((segment, *value))
    found = []
    for index, cells in by_head.items():
        if not cells:
            continue
        kinds = [kind for _, _, kind in cells]
        kind = max(set(kinds), key=kinds.count)
        own = tuple(
            (segment, value) for segment, value, k in cells if (k == "date") == (kind == "date")
        )
        if len(own) >= _LEAST_ROWS:
            found.append(Column(graph.segments[index], own, kind))
    return found + [column for grid in aligned(graph) for column in _of_grid(grid, graph)]


def _of_grid(grid: Grid, graph: Graph) -> Iterator[Column]:
    """Yield the columns of figures of a table, without the rows that sum up."""
    for key, head in grid.heads.items():
        cells = []
        for row in grid.rows:
            cell = row.get(key)
            value = None if cell is None else _value(cell, day_first=graph.day_first)
            if cell is not None and value is not None and not any(is_sum(c) for c in row.values()):
                cells.append((cell, *value))
        if len(cells) >= _LEAST_ROWS and any(c.isalpha() for c in head.text):
            kinds = [kind for _, _, kind in cells]
            kind = max(set(kinds), key=kinds.count)
            yield Column(head, tuple((cell, v) for cell, v, k in cells if k == kind), kind)


def extreme(question: Question, graph: Graph) -> Found | None:
    """Return the highest or lowest value that the question asks for, or the row where it stands."""
    asker = Asker(question, graph)
    asked = asker.question.asked
    measure = [(u, w) for u, w in asked if not (u.senses & {"item"} and len(asked) > 1)]
    best: tuple[float, int, Column] | None = None
    for column in columns(graph):
        fits = match(measure, units(column.head.text)).strength
        if question.over == "date":
            fits = max(fits, 0.6) if column.kind == "date" else 0.0
        elif column.kind == "date":
            fits *= 0.3
        elif not measure or {"amount", "price", "total"} & asker.senses:
            # "The most expensive item" and "the highest amount": any column of money may do.
            fits = max(fits, 0.4) if column.kind == "money" else fits
        fits += 0.02 * min(5, len(column.cells))
        if {"withdrawal", "credit", "payment"} & asker.senses and any(
            v < 0 for _, v in column.cells
        ):
            fits = max(fits, 0.75)
        # Of two ways to see one column, the one that sees more of it.
        if best is None or (fits, len(column.cells)) > best[:2]:
            best = (fits, len(column.cells), column)
    if best is None or best[0] < 0.35:
        return None
    strength, column = min(1.0, best[0]), best[2]
    cells = list(column.cells)
    high = question.operation == "most"
    signs = {value < 0 for _, value in cells}
    if True in signs and _goes_out(question):
        cells = [(s, -v) for s, v in cells if v < 0]
    elif len(signs) == 2 and ("credit" in asker.senses or "payment" in asker.senses):
        cells = [(s, v) for s, v in cells if v > 0]
    segment, _ = (max if high else min)(cells, key=lambda cell: cell[1])
    if question.which:
        label = _row_label(segment, asker)
        if label is None:
            return None
        slot = slot_of(graph, label)
    else:
        slot = slot_of(graph, segment)
    if slot is None:
        return None
    return Found(slot.text, slot, (segment,), strength)


def goes_on(graph: Graph, before: Graph | None) -> bool:
    """Whether the first table of a page is the last one of the page before: open, or headed alike."""
    own = aligned(graph)
    if before is None or not own:
        return False
    heads = tuple(own[0].heads.values())
    if graph.carried and heads == graph.carried:
        return True
    last = aligned(before)[-1:]
    return bool(last) and [h.text for h in heads] == [h.text for h in last[0].heads.values()]


def figure(question: Question, graph: Graph, text: str) -> float | None:
    """Return the number behind an answer that a table of this page gives: of its entries, or a value."""
    if question.operation == "count":
        found = entries(question, graph)
        return float(found.text) if found is not None and found.text == text else None
    if question.operation not in ("most", "least"):
        return None
    found = extreme(question, graph)
    if found is None or found.text != text or not found.evidence:
        return None
    value = _value(found.evidence[0], day_first=graph.day_first)
    return None if value is None else value[0]


def _goes_out(question: Question) -> bool:
    said = {word for unit, _ in question.asked for word in unit.words}
    return "withdrawal" in question.senses or bool(said & words("outgoing"))


def rows(graph: Graph) -> tuple[int, tuple[Segment, ...], float]:
    """Return how many entries the largest table has, their first cells, and how sure that is."""
    found = columns(graph)
    best = max(aligned(graph), key=lambda grid: len(_entries(grid)), default=None)
    if best is not None and len(own := _entries(best)) >= 1:
        first_cells = tuple(row[min(row)] for row in own)
        known = sum(any(u.senses for u in units(h.text)) for h in best.heads.values())
        if known >= 2:
            return len(own), first_cells, min(1.0, 0.6 + 0.1 * known)
    if not found:
        return 0, (), 0.0
    largest = max(found, key=lambda c: (len(c.cells), -c.head.bbox.y0))
    count = len(largest.cells)
    agree = sum(len(c.cells) == count for c in found)
    first = tuple(_leftmost(segment) for segment, _ in largest.cells)
    return count, first, min(1.0, 0.6 + 0.15 * agree)


def _entries(grid: Grid) -> list[Row]:
    """Return the rows of a table that are entries: of several cells, with a figure, and no sum.

    Where the entries are numbered, what stands below the last of them is none.
    """
    found = [
        row
        for row in grid.rows
        if len(row) > 1
        and any(cell.numeric for cell in row.values())
        and not any(is_sum(cell) for cell in row.values())
        and not _is_sum_label(row[min(row)])
    ]
    last = _numbered([row.get(min(grid.heads)) for row in found])
    counts = any("quantity" in u.senses for u in units(grid.heads[min(grid.heads)].text))
    return found[:last] if last and not counts else found


def _numbered(cells: Sequence[Segment | None]) -> int:
    """Return how many cells of a first column count on by one from its top, 0 where it does not number.

    A single number, that entries of a page before go on with, is one above 1.
    """
    texts = ["" if cell is None else cell.text.strip().rstrip(".)") for cell in cells]
    numbers = [int(text) if text.isdecimal() and len(text) < 5 else 0 for text in texts]
    if not numbers or not numbers[0]:
        return 0
    run = 1
    while run < len(numbers) and numbers[run] == numbers[run - 1] + 1:
        run += 1
    return 0 if any(numbers[run:]) or (run == 1 and numbers[0] == 1) else run


def _is_sum_label(cell: Segment) -> bool:
    own = units(_ASIDE.sub(" ", cell.text))
    return bool(own) and len(own) <= 4 and bool((own[0].senses | own[-1].senses) & _SUMS)


def entries(question: Question, graph: Graph) -> Found | None:
    """Return how many entries the largest table has, where the question asks for no one row."""
    if not question.rows:
        return None
    count, first, sure = rows(graph)
    return Found(str(count), None, first, sure) if count else None


def records(
    columns: Sequence[Sequence[tuple[Unit, float]]], graph: Graph, kinds: Sequence[str] = ()
) -> list[list[Segment | None]]:
    """Return the rows of the table whose heads fit the columns best, one cell a column.

    Args:
        columns: for each column what its head must say, with weights.
        graph: the page.
        kinds: for each column the kind of its values: where no head says it, the one column that is
            left with such values is taken, of several the one whose head hints at it.
    """
    best: tuple[float, int, Grid, list[int | None]] | None = None
    for grid in aligned(graph):
        keys = _by_head(columns, grid, kinds)
        known = [key for key, _ in keys if key is not None]
        if len(known) < max(1, (len(columns) + 1) // 2):
            continue
        rated = (sum(fits for _, fits in keys), len(grid.rows))
        if best is None or rated > best[:2]:
            best = (*rated, grid, [key for key, _ in keys])
    if best is None:
        return []
    _, _, grid, chosen = best
    for number, kind in enumerate(kinds):
        if chosen[number] is None:
            left = [k for k in grid.heads if k not in chosen and _holds(kind, k, grid)]
            fits = {k: match(columns[number], units(grid.heads[k].text)).strength for k in left}
            left = [k for k in left if fits[k] >= _HEAD_HINTS] or left
            if len(left) == 1:
                chosen[number] = left[0]
    rows = [[None if key is None else row.get(key) for key in chosen] for row in _entries(grid)]
    # A row of one cell alone goes on from the row above, or is none.
    least = 2 if sum(key is not None for key in chosen) > 1 else 1
    return [row for row in rows if sum(cell is not None for cell in row) >= least]


def _holds(kind: str, key: int, grid: Grid) -> bool:
    """Whether a column holds values of a kind: words, for the kind ``text``."""
    cells = [row[key] for row in _entries(grid) if key in row]
    if kind in ("", "text"):
        good = sum(not cell.numeric and len(cell.text) > 2 for cell in cells)
    elif kind == "money":
        good = sum(regex.search(r"[.,]\d\d\D*$", cell.text) is not None for cell in cells)
    else:
        return False
    return bool(cells) and good >= 0.8 * len(cells)


def _by_head(
    columns: Sequence[Sequence[tuple[Unit, float]]], grid: Grid, kinds: Sequence[str] = ()
) -> list[tuple[int | None, float]]:
    """Return for each column the key of the head that says it best, each head once.

    A column that only numbers the entries is no text, though "Pos." may name what was sold.
    """
    first = min(grid.heads)
    numbers = bool(_numbered([row.get(first) for row in _entries(grid)]))
    texts = {number for number, kind in enumerate(kinds) if kind in ("", "text")}
    fits = [
        (match(asked, units(head.text)).strength, -number, -key)
        for number, asked in enumerate(columns)
        for key, head in grid.heads.items()
        if not (numbers and key == first and number in texts)
    ]
    found: dict[int, tuple[int, float]] = {}
    for strength, number, key in sorted(fits, reverse=True):
        if strength < _HEAD_FITS:
            break
        if -number not in found and all(-key != known for known, _ in found.values()):
            found[-number] = (-key, strength)
    return [found.get(number, (None, 0.0)) for number in range(len(columns))]


_HEAD_FITS = 0.55  # how well a head must fit a column
_HEAD_HINTS = 0.4  # and one over values of the right kind


def slot_of(graph: Graph, segment: Segment) -> Slot | None:
    """Return the slot that is a whole segment, or a part of one that a table cuts out."""
    for slot in graph.slots:
        if slot.segment is segment and slot.shape == "whole":
            return slot
    if not any(c.isalnum() for c in segment.text):
        return None
    return Slot(segment.text, (segment.span(),), segment.place, (), segment, "whole")


def _value(segment: Segment, *, day_first: bool) -> tuple[float, str] | None:
    """Return a cell's value as a number (days, for a date) and its kind; None for other text."""
    text = segment.text.strip()
    for value in find(text, day_first):
        if value.end - value.start < 0.6 * len(text):
            continue
        if value.kind == "date" and len(value.normal) == 10:
            return float(value.normal.replace("-", "")), "date"
        if value.kind in ("money", "number", "percent"):
            negative = text.startswith(("-", "\u2212", "(")) and not value.normal.startswith("-")
            try:
                number = float(value.normal)
            except ValueError:
                continue
            money = value.kind == "money" or any(
                v.kind == "money" and v.start == value.start for v in find(text, day_first)
            )
            return -number if negative else number, "money" if money else value.kind
    return None


def _head(segment: Segment) -> Segment | None:
    from .labels import column_head

    head = column_head(segment)
    return None if head is None or not any(c.isalpha() for c in head.text) else head


def _leftmost(segment: Segment) -> Segment:
    at = segment
    while at.left is not None:
        at = at.left
    return at


def is_sum(segment: Segment) -> bool:
    """Whether a segment stands in a row that sums up: its label says total, or tax."""
    at = segment.left
    while at is not None:
        own = units(_ASIDE.sub(" ", at.text))
        if own and len(own) <= 4 and (own[0].senses & _SUMS or own[-1].senses & _SUMS):
            return True
        at = at.left
    return False


_ASIDE = regex.compile(r"\([^)]*\)|[\d.,]+\s?%")


def _row_label(segment: Segment, asker: Asker) -> Segment | None:
    """Return what names the row of a segment: under the head that was asked for, or the first text."""
    row: list[Segment] = []
    at: Segment | None = _leftmost(segment)
    while at is not None:
        row.append(at)
        at = at.right
    texts = [
        s
        for s in row
        if not s.numeric and s is not segment and sum(c.isalnum() for c in s.text) > 1
    ]
    if not texts:
        return None
    wanted: Sequence[tuple[Unit, float]] = asker.question.asked[:1]
    scored = []
    for order, text in enumerate(texts):
        head = _head(text)
        fits = match(wanted, units(head.text)).strength if head is not None else 0.0
        scored.append((fits, -order, text))
    return max(scored, key=lambda item: item[:2])[2]
