"""Lines read from pixels, put together and apart by what belongs together in them.

What reads a picture may take two buttons beside each other for one line, or a label for two. Text that is
set anew must know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from ..geometry import BBox, Polygon
from ..model import Block, BlockKind, Line, Page, Word

# Gaps between words, in heights of the line: wider ones part it, narrower ones join two lines.
_APART, _NEAR = 2.5, 0.7
# Share of the lower line's height by which two lines overlap that stand in one row.
_LEVEL = 0.6
# Slope of lines, in degrees, up to which they are looked at.
_STEEP = 5.0
# Corners of lines shorter than so many heights may be wrong by this share of the height, where
# longer lines of the page slope by less than this.
_LONG, _ERROR, _TURNED = 10.0, 0.06, 0.3
# How much two lines of one row may differ in height.
_ALIKE = 1.35
_TEXTS = frozenset({BlockKind.PARAGRAPH, BlockKind.TITLE, BlockKind.LIST_ITEM, BlockKind.CAPTION})


def in_rows(page: Page) -> Page:
    """Return a page whose level lines from pixels hold what belongs together; others stay as they are."""
    if not any(line.origin == "ocr" for line in page.lines):
        return page
    turned = [
        abs(_slope(line)) for line in page.lines if line.bbox.width > _LONG * line.bbox.height
    ]
    level = not turned or median(turned) < _TURNED
    parts = {line.id: _parted(_levelled(line) if level else line) for line in page.lines}
    blocks: list[Block] = []
    lines: dict[str, Line] = {}
    for block in page.blocks:
        own = [part for name in block.lines for part in parts.get(name, ())]
        if block.kind not in _TEXTS or len(own) < 2:
            blocks.append(replace(block, lines=tuple(line.id for line in own)))
            lines |= {line.id: line for line in own}
            continue
        joined = _joined(own)
        lines |= {line.id: line for line in joined}
        if any(len(parts.get(name, ())) > 1 for name in block.lines):
            # What stands beside something else is no paragraph with what stands below.
            for number, line in enumerate(joined):
                name = f"{block.id}.{number}" if number else block.id
                blocks.append(replace(block, id=name, bbox=line.bbox, lines=(line.id,)))
        else:
            blocks.append(replace(block, lines=tuple(line.id for line in joined)))
    for line in page.lines:
        if not any(line.id in block.lines for block in page.blocks):
            lines |= {part.id: part for part in parts[line.id]}
    return replace(page, lines=tuple(lines.values()), blocks=tuple(blocks))


def _slope(line: Line) -> float:
    """Return the slope of a line from left to right, in degrees."""
    return (line.direction + 180) % 360 - 180


def _levelled(line: Line) -> Line:
    """Return a short line level whose slope is no more than an error of its corners."""
    a, b, _, d = line.polygon
    short = line.bbox.width < _LONG * line.bbox.height
    if line.origin != "ocr" or not short or abs(_slope(line)) > _STEEP:
        return line
    if line.quad is None or abs(b.y - a.y) > _ERROR * abs(d.y - a.y):
        return line
    # As high as its letters, halfway between the ends.
    rise = (b.y - a.y) / 2
    box = BBox(min(a.x, d.x), a.y + rise, max(b.x, line.polygon[2].x), d.y + rise)
    return replace(line, quad=None, bbox=box, direction=0.0)


def _parted(line: Line) -> list[Line]:
    """Return a line's parts between wide gaps."""
    if line.origin != "ocr" or abs(_slope(line)) > _STEEP:
        return [line]
    runs: list[list[Word]] = []
    for word in line.words:
        if runs and word.bbox.x0 - runs[-1][-1].bbox.x1 <= _APART * line.bbox.height:
            runs[-1].append(word)
        else:
            runs.append([word])
    if len(runs) == 1:
        return [line]
    return [
        _part(line, run, f"{line.id}.{number}" if number else line.id)
        for number, run in enumerate(runs)
    ]


def _part(line: Line, words: Sequence[Word], name: str) -> Line:
    a, b, c, d = line.polygon
    wide = b.x - a.x or 1.0
    start = max(0.0, (words[0].bbox.x0 - a.x) / wide)
    end = min(1.0, (words[-1].bbox.x1 - a.x) / wide)
    quad = Polygon.of(
        (p.x + (q.x - p.x) * t, p.y + (q.y - p.y) * t)
        for p, q, t in ((a, b, start), (a, b, end), (d, c, end), (d, c, start))
    )
    return replace(
        line,
        id=name,
        words=tuple(words),
        bbox=quad.bbox,
        quad=None if line.quad is None else quad,
    )


def _joined(lines: Sequence[Line]) -> list[Line]:
    """Return lines with those put together that follow each other in one row, a space apart."""
    result: list[Line] = []
    for line in lines:
        last = result[-1] if result else None
        if last is not None and _follows(last, line):
            box = BBox.around([last.bbox, line.bbox])
            result[-1] = replace(last, words=(*last.words, *line.words), bbox=box)
        else:
            result.append(line)
    return result


def _follows(one: Line, other: Line) -> bool:
    if one.quad is not None or other.quad is not None or one.direction or other.direction:
        return False
    if one.origin != "ocr" or other.origin != "ocr":
        return False
    low, high = sorted((one.bbox.height, other.bbox.height))
    level = min(one.bbox.y1, other.bbox.y1) - max(one.bbox.y0, other.bbox.y0)
    gap = other.bbox.x0 - one.bbox.x1
    return level > _LEVEL * low and high < _ALIKE * low and -0.2 * low < gap < _NEAR * high
