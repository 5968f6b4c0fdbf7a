"""Annotations and form fields under areas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pikepdf

from ...geometry import Affine, BBox, Point
from ..moves import Move
from .pdf_area import Area, box_corners
from .pdf_content import Eraser
from .pdf_line_parts import LinePlan, Scene
from .pdf_walk import State

# An annotation goes as a whole when this share of it lies inside an area; a link when less does, for its
# target may name what stood there.
_SHARE, _LINK_SHARE = 0.5, 0.25
_TEXTS = ("/Contents", "/RC", "/DS", "/Subj", "/TU", "/V", "/DV", "/RV", "/I")
# Kinds that mark words of a line.
FOLLOW = frozenset({"/Link", "/Highlight", "/Underline", "/StrikeOut", "/Squiggly"})
# Viewers draw these from their texts when they have no appearance of their own.
_DRAWN = frozenset({"/FreeText", "/Widget", "/Stamp", "/Line"})


# Says how the lines of what stands in a box are set anew.
Planner = Callable[[Scene, BBox], LinePlan]


def clear(
    eraser: Eraser,
    page: pikepdf.Page,
    matrix: Affine,
    areas: Sequence[Area],
    plan: Planner | None = None,
) -> list[str]:
    """Remove annotations in the areas, cut those that reach into them; return what was done.

    Args:
        eraser: of the document.
        page: the page.
        matrix: from its user space to the page as displayed.
        areas: what to clear.
        plan: says how the lines of what annotations show are set anew; None to leave them.
    """
    found = page.get("/Annots")
    if not isinstance(found, pikepdf.Array):
        return []
    done: list[str] = []
    keep: list[Any] = []
    gone: list[Any] = []
    for annotation in found:
        if not isinstance(annotation, pikepdf.Dictionary):
            continue
        corners = _corners(annotation, matrix)
        touching = [area for area in areas if corners and area.meets(corners)]
        if not touching:
            keep.append(annotation)
        elif _goes(annotation, corners, touching) or not _cut(
            eraser, annotation, matrix, areas, plan, done
        ):
            gone.append(annotation)
            done.append("removed")
        else:
            keep.append(annotation)
    if gone:
        popups = {a["/Popup"].objgen for a in gone if isinstance(a.get("/Popup"), pikepdf.Object)}
        answered = {a.objgen for a in gone}
        also = [a for a in keep if a.objgen in popups or _parent(a, "/IRT") in answered]
        left = {a.objgen for a in also}
        keep = [a for a in keep if a.objgen not in left]
        page.obj["/Annots"] = pikepdf.Array(keep)
        for annotation in [*gone, *also]:
            _forget(eraser.pdf, annotation)
    return done


def solid(page: pikepdf.Page, matrix: Affine) -> list[BBox]:
    """Return the boxes of annotations that do not go along with lines."""
    found = page.get("/Annots")
    if not isinstance(found, pikepdf.Array):
        return []
    return [
        _bbox(corners)
        for annotation in found
        if isinstance(annotation, pikepdf.Dictionary)
        and str(annotation.get("/Subtype")) not in FOLLOW
        and (corners := _corners(annotation, matrix))
    ]


def follow(pdf: pikepdf.Pdf, page: pikepdf.Page, matrix: Affine, moves: Sequence[Move]) -> None:
    """Let links and text markers go along with lines that were set anew.

    Where words of one went to several lines, a link becomes one for each.
    """
    found = page.get("/Annots")
    if not isinstance(found, pikepdf.Array) or not moves:
        return
    back = matrix.inverse()
    more: list[Any] = []
    for annotation in found:
        if not isinstance(annotation, pikepdf.Dictionary):
            continue
        corners = _corners(annotation, matrix)
        if str(annotation.get("/Subtype")) not in FOLLOW or not corners:
            continue
        quads = _quads(annotation, matrix)
        there: list[list[Point]] = []
        moved = False
        for box in quads or [list(corners)]:
            parts = _parts(box, moves)
            moved |= bool(parts)
            there += [[back.apply(p) for p in part] for part in parts or [box]]
        if not moved:
            continue
        if annotation.get("/Subtype") == "/Link" and len(there) > len(quads or [corners]):
            for part in there[1:]:
                copy = pdf.make_indirect(pikepdf.Dictionary(dict(annotation.items())))
                for key in ("/NM", "/StructParent"):
                    if key in copy:
                        del copy[key]
                _put(copy, [part], quads=bool(quads))
                more.append(copy)
            there = there[:1]
        _put(annotation, there, quads=bool(quads))
    if more:
        page.obj["/Annots"] = pikepdf.Array([*found, *more])


def _parts(box: Sequence[Point], moves: Sequence[Move]) -> list[list[Point]]:
    """Return where the parts of a marked place went: one a line; none when it stays."""
    parts: dict[float, list[Point]] = {}
    own = [move for move in moves if move.part(box, 0.5)]
    if not own:
        return []
    start, _, end, _ = own[0].span(box)
    reach = 0.5 * own[0].size
    if (
        start < min(move.knots[0][0] for move in own) - reach
        or end > max(move.knots[-1][0] for move in own) + reach
    ):
        return []  # it goes on beside the line: that of a whole row
    for move in own:
        part = move.part(box, 0.5)
        if part:
            # Parts that stand together again are one.
            line = round(move.place(part[0])[1] - move.place(box[0])[1], 1)
            if line in parts:
                part = _joined(parts[line], part, move)
            parts[line] = part
    return list(parts.values())


def _joined(one: Sequence[Point], other: Sequence[Point], move: Move) -> list[Point]:
    """Return the corners around two boxes of one line, in the order of the first."""
    low = min(move.place(p)[0] for p in (*one, *other))
    high = max(move.place(p)[0] for p in (*one, *other))
    middle = sum(move.place(p)[0] for p in one) / len(one)
    return [move.point(low if move.place(p)[0] < middle else high, move.place(p)[1]) for p in one]


def _put(annotation: Any, boxes: Sequence[Sequence[Point]], *, quads: bool) -> None:
    if quads:
        flat = [round(v, 3) for quad in boxes for p in quad for v in p]
        annotation["/QuadPoints"] = pikepdf.Array(flat)
    rect = _bbox([point for box in boxes for point in box])
    annotation["/Rect"] = pikepdf.Array([round(v, 3) for v in rect])
    # An appearance is as wide as it was; viewers draw these kinds from their corners.
    if "/AP" in annotation:
        del annotation["/AP"]


def _quads(annotation: Any, matrix: Affine) -> list[list[Point]]:
    try:
        flat = [float(v) for v in annotation.get("/QuadPoints", ())]
    except (TypeError, ValueError):
        return []
    points = [matrix.apply((x, y)) for x, y in zip(flat[::2], flat[1::2], strict=False)]
    return [points[at : at + 4] for at in range(0, len(points) - 3, 4)]


def _goes(annotation: Any, corners: Sequence[Point], areas: Sequence[Area]) -> bool:
    limit = _LINK_SHARE if annotation.get("/Subtype") == "/Link" else _SHARE
    return sum(area.share(corners) for area in areas) >= limit


def _cut(
    eraser: Eraser,
    annotation: Any,
    matrix: Affine,
    areas: Sequence[Area],
    plan: Planner | None,
    done: list[str],
) -> bool:
    """Clear an annotation's appearances; return False when it has to go as a whole."""
    appearance = annotation.get("/AP")
    changed = False
    if isinstance(appearance, pikepdf.Dictionary):
        fresh = pikepdf.Dictionary(dict(appearance.items()))
        for key, value in appearance.items():
            if isinstance(value, pikepdf.Stream):
                new = _form(eraser, annotation, value, matrix, areas, plan)
                changed |= new is not value
                fresh[key] = new
            elif isinstance(value, pikepdf.Dictionary):
                states = {}
                for state, form in value.items():
                    new = form
                    if isinstance(form, pikepdf.Stream):
                        new = _form(eraser, annotation, form, matrix, areas, plan)
                    changed |= new is not form
                    states[state] = new
                fresh[key] = pikepdf.Dictionary(states)
        if changed:
            annotation["/AP"] = fresh
    elif str(annotation.get("/Subtype")) in _DRAWN:
        return annotation.get("/Subtype") == "/Widget" and not _value(annotation)
    if changed or annotation.get("/Subtype") != "/Widget":
        _strip(annotation, done)
    return True


def _form(
    eraser: Eraser,
    annotation: Any,
    form: Any,
    matrix: Affine,
    areas: Sequence[Area],
    plan: Planner | None,
) -> Any:
    """Return an appearance without what lies under the areas."""
    place = placed(annotation, form)
    rect = _rect(annotation)
    if place is None or rect is None:
        return form
    state = replace(State(place.then(matrix)))
    if plan is None or _ends_together(annotation):
        return eraser.appearance(form, state, areas, None)
    inside = _bbox(box_corners(rect, matrix))
    return eraser.appearance(form, state, areas, lambda scene: plan(scene, inside))


def placed(annotation: Any, form: Any) -> Affine | None:
    """Return the map of an appearance to the page's user space, before its own matrix; None for none.

    ISO 32000-2, 12.5.5, algorithm 8.1.
    """
    try:
        box = [float(v) for v in form["/BBox"]]
        own = [float(v) for v in form.get("/Matrix", (1, 0, 0, 1, 0, 0))]
        rect = _rect(annotation)
        bounds = BBox.around([_bbox(box_corners(box, Affine(*own)))])
    except (KeyError, TypeError, ValueError):
        return None
    if rect is None or bounds.is_empty:
        return None
    sx, sy = rect.width / bounds.width, rect.height / bounds.height
    return Affine(sx, 0, 0, sy, rect.x0 - bounds.x0 * sx, rect.y0 - bounds.y0 * sy)


def _ends_together(annotation: Any) -> bool:
    """Return whether the text of a field ends at its right edge: nothing else on it tells that."""
    node, depth = annotation, 0
    while isinstance(node, pikepdf.Dictionary) and depth < 20:
        if "/Q" in node:
            return bool(node["/Q"] == 2)
        node, depth = node.get("/Parent"), depth + 1
    return False


def _strip(annotation: Any, done: list[str]) -> None:
    """Drop texts that repeat what an annotation, or the field it belongs to, shows or marks."""
    node, depth = annotation, 0
    while isinstance(node, pikepdf.Dictionary) and depth < 20:
        for key in _TEXTS:
            if key not in node:
                continue
            if key == "/V" and node.get("/FT") == "/Sig":
                node[key] = (
                    pikepdf.Dictionary()
                )  # what tells that it was signed: it becomes a stamp
            else:
                del node[key]
            done.append("cleaned")
        node, depth = node.get("/Parent"), depth + 1
        if annotation.get("/Subtype") != "/Widget":
            return


def _forget(pdf: pikepdf.Pdf, annotation: Any) -> None:
    """Unlink a removed annotation from its form, and empty it: other objects may point at it."""
    if annotation.get("/Subtype") == "/Widget":
        _strip(annotation, [])
        own = annotation.objgen
        parent = annotation.get("/Parent")
        depth = 0
        while isinstance(parent, pikepdf.Dictionary) and depth < 20:
            kids = [k for k in parent.get("/Kids", ()) if k.objgen != own]
            parent["/Kids"] = pikepdf.Array(kids)
            if kids:
                break
            own, parent, depth = parent.objgen, parent.get("/Parent"), depth + 1
        form = pdf.Root.get("/AcroForm")
        if isinstance(form, pikepdf.Dictionary):
            for key in ("/Fields", "/CO"):
                listed = form.get(key)
                if isinstance(listed, pikepdf.Array):
                    form[key] = pikepdf.Array([f for f in listed if f.objgen != own])
    for key in list(annotation.keys()):
        del annotation[key]


def _value(annotation: Any) -> bool:
    """Return whether a widget, or the field above it, has a value that viewers could draw."""
    node, depth = annotation, 0
    while isinstance(node, pikepdf.Dictionary) and depth < 20:
        if "/V" in node or "/DV" in node:
            return True
        node, depth = node.get("/Parent"), depth + 1
    return False


def _parent(annotation: Any, key: str) -> Any:
    value = annotation.get(key)
    return value.objgen if isinstance(value, pikepdf.Object) else None


def _rect(annotation: Any) -> BBox | None:
    try:
        x0, y0, x1, y1 = (float(v) for v in annotation["/Rect"])
    except (KeyError, TypeError, ValueError):
        return None
    return BBox(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))


def _corners(annotation: Any, matrix: Affine) -> list[Point]:
    rect = _rect(annotation)
    if rect is None:
        return []
    # A line or a note without extent still stands somewhere.
    rect = rect.grow(0.5 if rect.is_empty else 0.0)
    return box_corners(rect, matrix)


def _bbox(points: Sequence[Point]) -> BBox:
    xs, ys = [p.x for p in points], [p.y for p in points]
    return BBox(min(xs), min(ys), max(xs), max(ys))
