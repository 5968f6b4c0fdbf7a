"""Columns of vertical writing: letters that stand below each other become one line that runs down.

Programs that set Japanese and Chinese in columns place each letter by itself, and a parser gives each a
line of its own. Digits and Latin words in such a column are turned on their side, and belong to it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from ..geometry import BBox, Polygon
from ..model import Line, Word

# Letters of a column: how far their middles may be out of line, how much they may differ in size, the
# space and the overlap between them, and the size of a glyph's box, all in em.
_ASIDE, _ALIKE, _SPACE, _OVER, _BOX = 0.25, 0.12, 0.3, 0.3, 1.7
# Letters that make a column where they stand close, and the space that is close, in em.
_LEAST, _CLOSE = 2, 0.15
_FEW = 4  # letters that make one in any case
_BLANK = 0.4  # space that parts two words of a column, in em


def with_columns(lines: Sequence[Line]) -> list[Line]:
    """Return lines with those of vertical writing put together, numbered anew where there are any.

    Args:
        lines: of one page, as parsed.
    """
    columns = _columns(lines)
    if not columns:
        return list(lines)
    first = {column[0]: column for column in columns}
    inside = {index for column in columns for index in column}
    made = []
    # A column stands where the first of its letters stood.
    for index, line in enumerate(lines):
        if index in first:
            made.append(_joined([lines[number] for number in first[index]]))
        elif index not in inside:
            made.append(line)
    prefix = lines[0].id.partition("l")[0]
    return [replace(line, id=f"{prefix}l{number}") for number, line in enumerate(made, 1)]


def _columns(lines: Sequence[Line]) -> list[list[int]]:
    """Return the indices of the lines that make up each column, from top to bottom."""
    letters = [index for index, line in enumerate(lines) if _stands(line)]
    if len(letters) < _LEAST and not any(lines[index].vertical for index in letters):
        return []
    turned = [
        index for index, line in enumerate(lines) if line.direction == 90 and not line.vertical
    ]
    rows: dict[int, list[int]] = {}
    for index in [*letters, *turned]:
        rows.setdefault(round(_middle(lines[index])), []).append(index)
    by_top = sorted([*letters, *turned], key=lambda index: lines[index].bbox.y0)
    after: dict[int, int] = {}
    taken: set[int] = set()
    for index in by_top:
        here = lines[index]
        near = round(_middle(here))
        best, least = None, math.inf
        for other in {n for x in range(near - 3, near + 4) for n in rows.get(x, ())}:
            gap = _gap(here, lines[other])
            if other != index and other not in taken and gap is not None and gap < least:
                best, least = other, gap
        if best is not None:
            after[index] = best
            taken.add(best)
    columns = []
    for index in by_top:
        if index in taken:
            continue
        column = [index]
        while column[-1] in after:
            column.append(after[column[-1]])
        standing = [number for number in column if number not in turned]
        gaps = [(_gap(lines[a], lines[b]) or 0.0) / lines[a].size for a, b in pairwise(column)]
        if (
            len(standing) >= _FEW
            or (len(standing) >= _LEAST and max(gaps) <= _CLOSE)
            or (standing and lines[standing[0]].vertical)
        ):
            columns.append(column)
    return columns


def _stands(line: Line) -> bool:
    """Return whether a line is one letter of a script that is written in columns, or a part of one."""
    if line.vertical and line.direction == 90:
        return line.size > 0
    text = line.words[0].text
    return (
        len(line.words) == 1
        and len(text) == 1
        and ("\u2e80" <= text <= "\u9fff" or "\uf900" <= text <= "\ufaff" or "\ufe30" <= text <= "\uffef"
             or text >= "\U00020000" or text in "\u2014\u2015\u2025\u2026")
        and line.direction == 0
        and line.size > 0
        and max(line.bbox.width, line.bbox.height) <= _BOX * line.size
    )  # fmt: skip


def _gap(above: Line, below: Line) -> float | None:
    """Return the space between two lines of one column; None where they are not."""
    size = above.size
    if not size or abs(below.size - size) > _ALIKE * size:
        return None
    if abs(_middle(above) - _middle(below)) > _ASIDE * size:
        return None
    gap = _ends(below)[0] - _ends(above)[1]
    return gap if -_OVER * size <= gap <= _SPACE * size and below.bbox.y0 > above.bbox.y0 else None


def _ends(line: Line) -> tuple[float, float]:
    """Return where a line begins and ends along its column: a letter is one em, whatever its box."""
    if line.direction or len(line.text) > 1:
        return line.bbox.y0, line.bbox.y1
    middle = (line.bbox.y0 + line.bbox.y1) / 2
    return middle - line.size / 2, middle + line.size / 2


def _middle(line: Line) -> float:
    return (line.bbox.x0 + line.bbox.x1) / 2


def _joined(lines: Sequence[Line]) -> Line:
    """Return letters below each other as one line; what is turned stays a part of it."""
    size = lines[0].size
    parts: list[list[tuple[str, float, float, Word]]] = []
    for line in lines:
        top, bottom = _ends(line)
        for word in line.words:
            if len(line.words) > 1:
                top, bottom = word.bbox.y0, word.bbox.y1
            if not parts or top - parts[-1][-1][2] > _BLANK * size:
                parts.append([])
            parts[-1].append((word.text, top, bottom, word))
    words = tuple(_word(part) for part in parts)
    box = BBox.around(word.bbox for word in words)
    return replace(
        lines[0],
        words=words,
        bbox=box,
        quad=_rolled(box),
        direction=90.0,
        bold=sum(line.bold for line in lines) * 2 > len(lines),
        visible=all(line.visible for line in lines),
        vertical=True,
    )


def _word(parts: Sequence[tuple[str, float, float, Word]]) -> Word:
    box = BBox.around(word.bbox for _, _, _, word in parts)
    box = BBox(box.x0, parts[0][1], box.x1, max(parts[0][1], parts[-1][2]))
    text, bounds = "", [0.0]
    for own, top, bottom, _ in parts:
        for number in range(1, len(own) + 1):
            y = top + (bottom - top) * number / len(own)
            bounds.append(min(1.0, max(bounds[-1], (y - box.y0) / (box.height or 1.0))))
        text += own
    bounds[-1] = 1.0
    word = parts[0][3]
    return replace(word, text=text, bbox=box, quad=_rolled(box), bounds=tuple(bounds))


def _rolled(box: BBox) -> Polygon:
    corners = box.polygon()
    return Polygon(corners[1:] + corners[:1])
