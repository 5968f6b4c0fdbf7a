"""Let links, highlights and other marks of a PDF go along with the words that they stood on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pikepdf

from ...geometry import Affine, BBox, Point
from .pdf_annots import FOLLOW
from .pdf_area import box_corners
from .setting import Planned, ShapedType, spots

# A box of a link and one that was read of it, in points.
_NEAR = 1.0
# Links reach above and below the letters, in em.
_ABOVE, _BELOW = 0.8, 0.22
# Marks that are drawn here.
_MARKS = FOLLOW - {"/Link"}


def follow(
    pdf: pikepdf.Pdf, page: pikepdf.Page, matrix: Affine, planned: Sequence[Planned]
) -> None:
    """Move the links and marks of a page to where their words are now.

    A link becomes one for each line of them; a mark has several corners instead.

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
    links = [
        a for a in found if isinstance(a, pikepdf.Dictionary) and str(a.get("/Subtype")) in FOLLOW
    ]
    back = matrix.inverse()
    boxes = {index: _boxes(link, matrix) for index, link in enumerate(links)}
    taken: dict[int, list[list[Point]]] = {}
    gone: dict[int, set[int]] = {}
    for item, part in wanted:
        quads = _quads(item, part.start, part.end)
        if not quads:
            continue
        own: dict[int, set[int]] = {}
        for box in part.links:
            for index, others in boxes.items():
                for number, other in enumerate(others):
                    if max(abs(a - b) for a, b in zip(box, other, strict=True)) <= _NEAR:
                        own.setdefault(index, set()).add(number)
        leading = [index for index in own if links[index].get("/Subtype") == "/Link"]
        for number, quad in enumerate(quads if leading else ()):
            taken.setdefault(leading[min(number, len(leading) - 1)], []).append(quad)
        for index in leading[len(quads) :]:  # its words stand on fewer lines now
            taken.setdefault(index, []).append(quads[-1])
        for index in own.keys() - set(leading):
            gone.setdefault(index, set()).update(own[index])
            taken[index] = _merged([*taken.get(index, ()), *quads])
    more: list[Any] = []
    for index, places in taken.items():
        link = links[index]
        if index in gone:
            stay = [b for n, b in enumerate(boxes[index]) if n not in gone[index]]
            places = [list(box.polygon()) for box in stay] + places
            _place(pdf, link, [[back.apply(point) for point in quad] for quad in places])
            continue
        for number, place in enumerate(places):
            each = link
            if number:
                each = pdf.make_indirect(pikepdf.Dictionary(dict(link.items())))
                for key in ("/NM", "/StructParent"):
                    if key in each:
                        del each[key]
                more.append(each)
            _place(pdf, each, [[back.apply(point) for point in place]])
    if more:
        page.obj["/Annots"] = pikepdf.Array([*found, *more])


def _merged(quads: Sequence[list[Point]]) -> list[list[Point]]:
    """Return corners of parts of a line that stand beside each other as those of one."""
    result: list[list[Point]] = []
    for quad in quads:
        last = result[-1] if result else None
        if last is not None:
            high = math.dist(quad[0], quad[3])
            if (
                math.dist(last[1], quad[0]) < 0.5 * high
                and math.dist(last[2], quad[3]) < 0.5 * high
            ):
                result[-1] = [last[0], quad[1], quad[2], last[3]]
                continue
        result.append(quad)
    return result


def _place(pdf: pikepdf.Pdf, link: Any, quads: Sequence[Sequence[Point]]) -> None:
    """Put an annotation on corners in user space: of each of them left and right, above and below."""
    xs, ys = [p.x for quad in quads for p in quad], [p.y for quad in quads for p in quad]
    link["/Rect"] = pikepdf.Array([round(v, 3) for v in (min(xs), min(ys), max(xs), max(ys))])
    if "/QuadPoints" in link:
        flat = [round(v, 3) for a, b, c, d in quads for p in (a, b, d, c) for v in p]
        link["/QuadPoints"] = pikepdf.Array(flat)
    if "/AP" in link:  # as wide as it was; viewers draw links from their boxes
        del link["/AP"]
        _show(pdf, link, quads)


def _show(pdf: pikepdf.Pdf, mark: Any, quads: Sequence[Sequence[Point]]) -> None:
    """Give a mark an appearance in its new place: not every viewer draws one from its corners."""
    kind = str(mark.get("/Subtype"))
    color = [float(value) for value in mark.get("/C", ())]
    if kind not in _MARKS or len(color) not in (1, 3, 4):
        return
    fill, stroke = {1: ("g", "G"), 3: ("rg", "RG"), 4: ("k", "K")}[len(color)]
    shade = " ".join(f"{value:.4g}" for value in color)
    out = ["/DHmark gs", f"{shade} {fill} {shade} {stroke}"]
    for a, b, c, d in quads:
        if kind == "/Highlight":
            (first, *rest) = (f"{p.x:.3f} {p.y:.3f}" for p in (a, b, c, d))
            out.append(f"{first} m " + " ".join(f"{point} l" for point in rest) + " h f")
            continue
        share = 0.5 if kind == "/StrikeOut" else 0.9
        ends = [(p.x + (q.x - p.x) * share, p.y + (q.y - p.y) * share) for p, q in ((a, d), (b, c))]
        wide = math.dist(a, d) / 16
        out.append(f"{wide:.3f} w {ends[0][0]:.3f} {ends[0][1]:.3f} m ")
        out.append(f"{ends[1][0]:.3f} {ends[1][1]:.3f} l S")
    stream = pdf.make_stream("\n".join(out).encode("ascii"))
    stream["/Type"], stream["/Subtype"] = pikepdf.Name.XObject, pikepdf.Name.Form
    stream["/BBox"] = mark["/Rect"]
    opacity = float(mark.get("/CA", 1))
    state = pikepdf.Dictionary(Type=pikepdf.Name.ExtGState, ca=opacity, CA=opacity)
    if kind == "/Highlight":
        state["/BM"] = pikepdf.Name.Multiply
        stream["/Group"] = pikepdf.Dictionary(S=pikepdf.Name.Transparency)
    stream["/Resources"] = pikepdf.Dictionary(ExtGState=pikepdf.Dictionary(DHmark=state))
    mark["/AP"] = pikepdf.Dictionary(N=pdf.make_indirect(stream))


def _boxes(link: Any, matrix: Affine) -> list[BBox]:
    """Return the boxes of an annotation on the displayed page: those of its corners, if it is a mark."""
    try:
        boxes = [[float(v) for v in link["/Rect"]]]
        flat = [float(v) for v in link.get("/QuadPoints", ())]
    except (KeyError, TypeError, ValueError):
        return []
    if link.get("/Subtype") != "/Link":
        quads = [flat[at : at + 8] for at in range(0, len(flat) - 7, 8)]
        boxes = [[min(q[::2]), min(q[1::2]), max(q[::2]), max(q[1::2])] for q in quads] or boxes
    return [_around(box_corners(BBox(*box), matrix)) for box in boxes]


def _around(points: Sequence[Point]) -> BBox:
    xs, ys = [p.x for p in points], [p.y for p in points]
    return BBox(min(xs), min(ys), max(xs), max(ys))


def spread(item: Planned, start: int, end: int) -> Iterator[tuple[float, float, float]]:
    """Yield where characters begin and end on each line, and its baseline, in the text's axes, y up."""
    for line in item.layout.lines:
        xs: list[float] = []
        for part in item.segments(line):
            first, last = max(start, part.start), min(end, part.start + len(part.text))
            if first < last:
                xs += _reach(item, line, part, first - part.start, last - part.start)
        if xs:
            yield min(xs), max(xs), -line.y


def _quads(item: Planned, start: int, end: int) -> list[list[Point]]:
    """Return the corners around characters of a text on the displayed page, for each line of them."""
    size = item.layout.size
    quads = []
    for x0, x1, base in spread(item, start, end):
        top, bottom = base + _ABOVE * size, base - _BELOW * size
        corners = ((x0, top), (x1, top), (x1, bottom), (x0, bottom))
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
            return float(part.x + wide + item.layout.tracking * count + line.spread(text))

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
