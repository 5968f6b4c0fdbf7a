"""Where a PDF page may have writing that is not text: letters as outlines, in small pictures, as strokes.

Runs in the parsing child only. What is found is read from pixels; what turns out to be a chart or an
ornament costs that reading and nothing else.
"""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..geometry import BBox
from .pdf_child import Reply, _guarded, _page
from .verify_text import turned

# A letter, or a word drawn as one path, is so high (points); ornaments are lower, frames higher.
_LOWEST, _HIGHEST = 3.0, 90.0
_STROKE = 30.0  # points; a single stroke of a letter is no longer
_WORD_PARTS = 12  # segments that a word has, however short
_WORD_WIDTH = 6.0  # points
_GAP = 0.7  # heights between letters of a word
_MOST = 20_000  # paths that are looked at
_NEAR = 300  # rows among which the one of a piece is sought
_PICTURES = ("fill-image", "fill-imgmask", "fill-shade")


@_guarded
def writing(blobs: list[bytearray], *, path: str, password: str | None, number: int) -> Reply:
    """Return boxes ``[x0, y0, x1, y1]`` on the page as displayed that may hold drawn letters."""
    sheet = _page(path, password, number)
    view = sheet.rotation, sheet.rect.width, sheet.rect.height
    pieces: list[tuple[BBox, int]] = []
    for drawing in sheet.get_cdrawings()[:_MOST]:
        parts = _parts(drawing)
        if parts is not None:
            pieces.append((turned(drawing["rect"], *view), parts))
    for kind, box in sheet.get_bboxlog()[:_MOST]:
        if kind in _PICTURES:
            pieces.append((turned(box, *view), _WORD_PARTS))
    whole = BBox(0.0, 0.0, view[1], view[2])
    return [
        list(box.intersection(whole))
        for box, parts in _clusters(pieces)
        if parts >= _WORD_PARTS
        and box.width >= _WORD_WIDTH
        and box.height >= _LOWEST
        and not box.intersection(whole).is_empty
    ], []


def _parts(drawing: Any) -> int | None:
    """Return how many segments a path has that could be a letter, None where it cannot be one.

    A small box may be the I of a word; it joins others, and makes no word alone.
    """
    items = drawing["items"]
    x0, y0, x1, y1 = drawing["rect"]
    width, height = x1 - x0, y1 - y0
    if min(width, height) > _HIGHEST or max(width, height) < _LOWEST / 2:
        return None
    curves = sum(item[0] == "c" for item in items)
    lines = [item for item in items if item[0] == "l"]
    closed = len(lines) == 4 and not curves and all(map(_level, lines)) and _closed(lines)
    if closed or curves + len(lines) < 2:
        return 0 if max(width, height) <= _STROKE else None
    return int(curves + len(lines))


def _closed(lines: Sequence[Any]) -> bool:
    return bool(max(abs(a - b) for a, b in zip(lines[0][1], lines[-1][2], strict=True)) < 0.1)


def _level(line: Sequence[Any]) -> bool:
    (x0, y0), (x1, y1) = line[1], line[2]
    return bool(abs(x0 - x1) < 0.1 or abs(y0 - y1) < 0.1)


def _clusters(pieces: Iterable[tuple[BBox, int]]) -> list[tuple[BBox, int]]:
    """Return rows of pieces that stand beside each other, as letters do, with their parts summed."""
    rows: list[tuple[BBox, int]] = []
    for box, parts in sorted(pieces, key=lambda piece: (piece[0].x0, piece[0].y0)):
        for index in range(len(rows) - 1, max(-1, len(rows) - _NEAR), -1):
            row, count = rows[index]
            height = max(row.height, box.height)
            overlap = min(row.y1, box.y1) - max(row.y0, box.y0)
            if box.x0 - row.x1 <= _GAP * height and overlap >= 0.3 * min(row.height, box.height):
                rows[index] = row.union(box), count + parts
                break
        else:
            rows.append((box, parts))
    return rows
