"""Underlined words: drawn rules that lie under them, as link texts and headings have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..geometry import BBox
from ..model import Line
from ..stage import Rule

NONE = (0.0, 0.0)
# Of a rule that underlines, in em: how far below the baseline, how thick, how short, and how far beyond
# the words of its line. What lies lower or reaches further parts rows, or is the border of a cell.
_LOWEST, _THICKEST, _SHORTEST, _BEYOND = 0.35, 0.16, 0.15, 0.2
# Gaps in one that descenders make, in em; and differences in depth that mean nothing.
_GAP, _SAME = 0.9, 0.04
# Share of a text under which a rule lies that is all underlined.
_MOST = 0.75


@dataclass(frozen=True, slots=True)
class Underline:
    """A rule under words of a line, in page units; its pieces, which may leave room for descenders.

    Attributes:
        x0: where it begins.
        x1: where it ends.
        look: depth below the baseline and thickness, in em.
        boxes: of its pieces.
    """

    x0: float
    x1: float
    look: tuple[float, float]
    boxes: tuple[BBox, ...]


def underlines(line: Line, rules: Sequence[Rule], baseline: float, size: float) -> list[Underline]:
    """Return the rules under the words of a level line.

    Args:
        line: of a text layer.
        rules: drawn on its page.
        baseline: of the line, on the page.
        size: an em of its letters.
    """
    if line.direction or size <= 0:
        return []
    left, right = line.bbox.x0 - _BEYOND * size, line.bbox.x1 + _BEYOND * size
    found: list[Underline] = []
    for rule in sorted(rules, key=lambda rule: min(rule.start.x, rule.end.x)):
        x0, x1 = sorted((rule.start.x, rule.end.x))
        y = (rule.start.y + rule.end.y) / 2
        depth = (y - baseline) / size
        if (
            abs(rule.start.y - rule.end.y) > 0.02 * size
            or not 0.0 < depth <= _LOWEST
            or rule.width > _THICKEST * size
            or x0 < left
            or x1 > right
        ):
            continue
        box = BBox(x0, y - rule.width / 2, x1, y + rule.width / 2)
        last = found[-1] if found else None
        if last is not None and x0 - last.x1 <= _GAP * size and abs(last.look[0] - depth) <= _SAME:
            found[-1] = Underline(last.x0, max(last.x1, x1), last.look, (*last.boxes, box))
        else:
            look = round(depth, 2), round(max(rule.width / size, 0.01), 3)
            found.append(Underline(x0, x1, look, (box,)))
    return [item for item in found if item.x1 - item.x0 >= _SHORTEST * size]


def under(
    lines: Sequence[Line],
    baselines: Sequence[float],
    rules: Sequence[Rule],
    size: float,
    part: BBox | None = None,
) -> tuple[tuple[BBox, ...], tuple[float, float]]:
    """Return the boxes of the rules under some lines, and the look of one that lies under most of them.

    Args:
        lines: of a text.
        baselines: of each, on the page.
        rules: drawn on the page.
        size: an em of the text.
        part: what of a single line the text is; None for all.
    """
    boxes: list[BBox] = []
    looks: dict[tuple[float, float], float] = {}
    for line, base in zip(lines, baselines, strict=False):
        near = part or line.bbox
        for item in underlines(line, rules, base, size):
            own = [
                BBox(max(b.x0, near.x0 - 0.1), b.y0, min(b.x1, near.x1 + 0.1), b.y1)
                for b in item.boxes
                if b.x0 < near.x1 and b.x1 > near.x0
            ]
            boxes += own
            if own:
                wide = min(item.x1, near.x1) - max(item.x0, near.x0)
                looks[item.look] = looks.get(item.look, 0.0) + wide
    look = max(looks, key=lambda own: looks[own], default=NONE)
    long = sum((part or line.bbox).width for line in lines)
    return tuple(boxes), look if looks.get(look, 0.0) > _MOST * long else NONE
