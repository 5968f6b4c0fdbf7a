"""Let links of a PDF go along with the words that they stood on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pikepdf

from ...geometry import Affine, BBox, Point
from .pdf_area import box_corners
from .setting import Planned, ShapedType, spots

# A box of a link and one that was read of it, in points.
_NEAR = 1.0
# Links reach above and below the letters, in em.
_ABOVE, _BELOW = 0.8, 0.22


def follow(
    pdf: pikepdf.Pdf, page: pikepdf.Page, matrix: Affine, planned: Sequence[Planned]
) -> None:
    """Move the links of a page to where their words are now, one for each line of them.

    Args:
        pdf: of the page.
        page: with its annotations.
        matrix: from its user space to the displayed page.
        planned: the texts that were set.
    """
    wanted = [(item, part) for item in planned for part in item.setting.inline if part.links]
    found = page.get("/Annots")
    if not wanted or not isinstance(found, pikepdf.Array):
        return
    links = [a for a in found if isinstance(a, pikepdf.Dictionary) and a.get("/Subtype") == "/Link"]
    back = matrix.inverse()
    boxes = {index: box for index, a in enumerate(links) if (box := _box(a, matrix)) is not None}
    taken: dict[int, list[list[Point]]] = {}
    for item, part in wanted:
        own = [
            index
            for box in part.links
            for index, other in boxes.items()
            if max(abs(a - b) for a, b in zip(box, other, strict=True)) <= _NEAR
        ]
        quads = _quads(item, part.start, part.end)
        if not own or not quads:
            continue
        own = list(dict.fromkeys(own))
        for number, quad in enumerate(quads):
            taken.setdefault(own[min(number, len(own) - 1)], []).append(quad)
        for index in own[len(quads) :]:  # its words stand on fewer lines now
            taken.setdefault(index, []).append(quads[-1])
    more: list[Any] = []
    for index, places in taken.items():
        link = links[index]
        for number, quad in enumerate(places):
            each = link
            if number:
                each = pdf.make_indirect(pikepdf.Dictionary(dict(link.items())))
                for key in ("/NM", "/StructParent"):
                    if key in each:
                        del each[key]
                more.append(each)
            _place(each, [back.apply(point) for point in quad])
    if more:
        page.obj["/Annots"] = pikepdf.Array([*found, *more])


def _place(link: Any, quad: Sequence[Point]) -> None:
    xs, ys = [p.x for p in quad], [p.y for p in quad]
    link["/Rect"] = pikepdf.Array([round(v, 3) for v in (min(xs), min(ys), max(xs), max(ys))])
    if "/QuadPoints" in link:
        a, b, c, d = quad
        link["/QuadPoints"] = pikepdf.Array([round(v, 3) for p in (a, b, d, c) for v in p])
    if "/AP" in link:  # as wide as it was; viewers draw links from their boxes
        del link["/AP"]


def _box(link: Any, matrix: Affine) -> BBox | None:
    try:
        rect = [float(v) for v in link["/Rect"]]
        points = box_corners(BBox(*rect), matrix)
    except (KeyError, TypeError, ValueError):
        return None
    xs, ys = [p.x for p in points], [p.y for p in points]
    return BBox(min(xs), min(ys), max(xs), max(ys))


def _quads(item: Planned, start: int, end: int) -> list[list[Point]]:
    """Return the corners around characters of a text on the displayed page, for each line of them."""
    size = item.layout.size
    quads = []
    for line in item.layout.lines:
        xs: list[float] = []
        for part in item.segments(line):
            first, last = max(start, part.start), min(end, part.start + len(part.text))
            if first < last:
                xs += _reach(item, line, part, first - part.start, last - part.start)
        if xs:
            top, bottom = _ABOVE * size - line.y, -_BELOW * size - line.y
            corners = (
                (min(xs), top),
                (max(xs), top),
                (max(xs), bottom),
                (min(xs), bottom),
            )
            quads.append([item.frame.matrix.apply(corner) for corner in corners])
    return quads


def _reach(item: Planned, line: Any, part: Any, first: int, last: int) -> list[float]:
    """Return where characters of a segment begin and end along its line."""
    size, stretch = item.layout.size, item.setting.stretch
    if not isinstance(part.type, ShapedType):
        scale = 1.0 if part.number is None else item.inline(part.number).scale

        def at(count: int) -> float:
            text = part.text[:count]
            wide = part.type.width(text, part.start) * size * scale * stretch if text else 0.0
            return float(
                part.x + wide + item.layout.tracking * count + line.word_space * text.count(" ")
            )

        return [at(first), at(last)]
    shaped = part.type.shape(part.text, part.start)
    back = item.frame.matrix.inverse()
    places = spots(item, line, part, shaped)
    glyphs = [(glyph, run) for run in shaped.runs for glyph in run.glyphs]
    xs = []
    for (glyph, _), (_, _, place) in zip(glyphs, places, strict=True):
        if first <= glyph.start < last:
            x = place.then(back).e
            xs += [x, x + glyph.advance * size * stretch]
    return xs
