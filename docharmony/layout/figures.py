"""Figures: placed pictures, and clusters of drawn things that are no tables."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..geometry import BBox
from .pieces import Box, Piece

# Side of the squares on which drawn things are clustered, in points.
SQUARE = 4.0
MAX_SQUARES = 4_000_000


class Figure(Box):
    """A figure in the frame, with the text inside it (labels of a chart, words in a photo)."""

    __slots__ = ("em", "pieces")

    def __init__(self, box: BBox) -> None:
        super().__init__(*box)
        self.pieces: list[Piece] = []
        # Sets how much white space beside it makes a gutter.
        self.em = 10.0


def find(
    images: Sequence[BBox],
    drawn: Sequence[BBox],
    pieces: Sequence[Piece],
    tables: Sequence[Box],
    page: BBox,
    em: float,
) -> list[Figure]:
    """Return the figures of a page, with the pieces that lie inside each.

    Args:
        images: boxes of pictures, in the frame.
        drawn: boxes of strokes and fills that no table uses.
        pieces: text that no table took.
        tables: boxes of tables; drawn things over them are theirs.
        page: the page.
        em: size of most text.
    """
    boxes = [
        (box, count)
        for box, count in _clusters(images, drawn, page, em)
        if not any(
            _share(box, t.bbox) > 0.5 or (_share(t.bbox, box) > 0.5 and t.y1 - t.y0 > 2 * em)
            for t in tables
        )
    ]
    figures: list[Figure] = []
    held: set[int] = set()
    for box, count in boxes:
        inside = [p for p in pieces if id(p) not in held and box.contains(p.bbox.center)]
        text = sum((p.x1 - p.x0) * (p.y1 - p.y0) for p in inside)
        words = sum(len(p.items) for p in inside)
        total = sum(len(p.items) for p in pieces)
        pictured = any(_share(image, box) > 0.5 for image in images)
        if pictured:
            # A picture under most of the page's text is a scan or a background.
            if words > max(30, 0.4 * total) or (words and box.area > 0.9 * page.area):
                continue
        elif text > 0.3 * box.area or (words > 60 and text > 0.12 * box.area):
            continue
        elif any(len(p.items) > 9 for p in inside) or (inside and count < 8):
            # Running text in a frame, a banner.
            continue
        if not pictured:
            # Labels stand beside what they label.
            around = box.grow(1.5 * em)
            own = {id(p) for p in inside}
            labels = [
                p
                for p in pieces
                if id(p) not in held
                and id(p) not in own
                and len(p.items) <= 3
                and p.em < 0.95 * em
                and around.contains(p.bbox.center)
            ]
            inside = inside + labels
            box = BBox.around([box, *(p.bbox for p in labels)])
        figure = Figure(box)
        figure.em = em
        figure.pieces = inside
        held |= {id(p) for p in inside}
        figures.append(figure)
    return figures


def _share(box: BBox, other: BBox) -> float:
    """Return how much of the box lies in the other, 0.0-1.0."""
    if box.area <= 0:
        return 0.0
    common = box.intersection(other)
    return 0.0 if common.is_empty else common.area / box.area


def _clusters(
    images: Sequence[BBox], drawn: Sequence[BBox], page: BBox, em: float
) -> list[tuple[BBox, int]]:
    """Return (box, number of things) of clusters that are large enough for a figure."""
    smallest = 3.0 * em
    solid = [b.intersection(page) for b in images]
    solid = [b for b in solid if not b.is_empty]
    loose = [
        b
        for b in (d.intersection(page) for d in drawn)
        if b.width >= 0 and b.height >= 0 and b.area < 0.5 * page.area
    ]
    # A figure is made of several drawn things; a lone frame or underline is not one.
    if len(loose) < 4:
        loose = []
    if not solid and not loose:
        return []
    square = max(SQUARE, (page.area / MAX_SQUARES) ** 0.5)
    if len(solid) + len(loose) == 1:
        return [(b, 1) for b in solid if b.width >= smallest and b.height >= smallest]
    return [
        (box, count)
        for box, count, pictured in _labelled(solid, loose, page, square)
        if box.width >= smallest
        and box.height >= smallest
        and (pictured or (count >= 4 and box.width >= 6 * em and box.height >= 4 * em))
    ]


def _labelled(
    solid: Sequence[BBox], loose: Sequence[BBox], page: BBox, square: float
) -> list[tuple[BBox, int, bool]]:
    """Return (box, number of things, whether a picture is among them) of each cluster.

    The page is a grid of squares, each of its rows one integer whose bits are the squares taken.
    """
    columns = int(page.width / square) + 2
    rows = [0] * (int(page.height / square) + 2)

    def mark(box: BBox, reach: int) -> None:
        first = max(0, int(box.x0 / square) - reach)
        last = min(columns, int(box.x1 / square) + reach)
        bits = ((1 << (last - first + 1)) - 1) << first
        top = max(0, int(box.y0 / square) - reach)
        for row in range(top, min(len(rows) - 1, int(box.y1 / square) + reach) + 1):
            rows[row] |= bits

    for box in solid:
        mark(box, 0)
    for box in loose:
        mark(box, 1)
    parent: list[int] = []

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = parent[parent[n]]
            n = parent[n]
        return n

    runs: list[list[tuple[int, int, int]]] = []  # (first, last, label) by row
    for bits in rows:
        own = []
        for match in re.finditer("1+", f"{bits:b}"[::-1]):
            label = len(parent)
            parent.append(label)
            own.append((match.start(), match.end() - 1, label))
            for first, last, other in runs[-1] if runs else ():
                if first <= match.end() and last >= match.start() - 1:
                    parent[root(other)] = root(label)
        runs.append(own)
    found: dict[int, tuple[BBox, int, bool]] = {}
    for pictured, boxes in ((True, solid), (False, loose)):
        for box in boxes:
            row = runs[min(int(box.y0 / square), len(runs) - 1)]
            column = int(box.x0 / square)
            label = root(next(label for first, last, label in row if first <= column <= last))
            before = found.get(label)
            if before is None:
                found[label] = (box, 1, pictured)
            else:
                found[label] = (before[0].union(box), before[1] + 1, before[2] or pictured)
    return list(found.values())
