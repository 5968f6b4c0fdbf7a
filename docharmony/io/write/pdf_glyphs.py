"""Which glyphs of a shown run lie under areas, and the run without them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pikepdf

from ...geometry import Affine, BBox, Polygon
from .pdf_area import Area, box_corners
from .pdf_fonts import Glyph

# A glyph goes when its middle is inside an area, or this share of its body.
_GLYPH_SHARE = 0.35
_KERNED = 0.5  # share of a glyph's body that kerning sets under the one before it, at most


class Cut(NamedTuple):
    """Where the first glyph under an area of an edit stood in a run.

    Attributes:
        area: the area.
        behind: index of what follows, in the array without the glyphs.
        pen: how far the pen had come, in text space before stretching.
    """

    area: Area
    behind: int
    pen: float


class Spacing(NamedTuple):
    """What moves the pen besides glyphs: font size, character and word spacing, in text space."""

    size: float
    char: float
    word: float


def near(
    glyphs: Sequence[Glyph],
    place: Affine,
    length: float,
    areas: Sequence[Area],
    *,
    vertical: bool,
) -> list[Area]:
    """Return the areas that a run of glyphs could meet, given its length in em."""
    if not glyphs:
        return []
    # Kerning and negative spacing may carry glyphs beyond either end: an em more on each side.
    x0 = min([glyph.box[0] for glyph in glyphs]) + (0.0 if vertical else min(0.0, length) - 1)
    x1 = max([glyph.box[2] for glyph in glyphs]) + (0.0 if vertical else max(0.0, length) + 1)
    y0 = min([glyph.box[1] for glyph in glyphs]) + (min(0.0, length) - 1 if vertical else 0.0)
    y1 = max([glyph.box[3] for glyph in glyphs]) + (max(0.0, length) + 1 if vertical else 0.0)
    box = Polygon(box_corners((x0, y0, x1, y1), place)).bbox
    return [area for area in areas if _meet(box, area.bbox)]


def hits(
    run: Sequence[float | list[Glyph]], place: Affine, areas: Sequence[Area], spacing: Spacing
) -> Iterator[tuple[int, list[Area]]]:
    """Yield (index, areas) of each glyph of a level run that lies under areas."""
    size = spacing.size
    pen, index = 0.0, 0
    for part in run:
        if not isinstance(part, list):
            pen -= part / 1000
            continue
        for glyph in part:
            found = [a for a in areas if _hit(glyph, place, pen, [a], vertical=False)]
            if found:
                yield index, found
            pen += glyph.advance + spacing.char / size
            if glyph.spaced:
                pen += spacing.word / size
            index += 1


def sift(
    run: Sequence[float | list[Glyph]],
    place: Affine,
    areas: Sequence[Area],
    spacing: Spacing,
    *,
    vertical: bool,
) -> tuple[list[Any], int, list[Cut]]:
    """Return a run's array for TJ without the glyphs under the areas, how many went, and where.

    The places are those where an edit's area was met for the first time on the page.
    """
    size = spacing.size
    kept: list[Any] = []
    cuts: list[Cut] = []
    codes = bytearray()
    pen = gap = 0.0
    count = 0

    def flush() -> None:
        nonlocal gap
        if codes:
            kept.append(pikepdf.String(bytes(codes)))
            codes.clear()
        if gap:
            kept.append(gap)
            gap = 0.0

    for part in run:
        if not isinstance(part, list):
            pen -= part / 1000 * size
            if codes and not gap:
                flush()
            gap += part
            continue
        for glyph in part:
            step = glyph.advance * size + spacing.char
            if glyph.spaced:
                step += spacing.word
            # `place` scales by size: bring the pen into its units.
            found = _hit(glyph, place, pen / size, areas, vertical=vertical) if size else None
            if found is not None:
                count += 1
                first = found.edit and found.hits == 1
                if first or (codes and not gap):
                    flush()
                if first:
                    cuts.append(Cut(found, len(kept), pen))
                gap -= step / size * 1000
            else:
                if gap:
                    flush()
                codes += glyph.code
            pen += step
    flush()
    return kept, count, cuts


def _hit(
    glyph: Glyph, place: Affine, along: float, areas: Sequence[Area], *, vertical: bool
) -> Area | None:
    """Return the area that a glyph lies under, shown with the pen so many em along."""
    x0, y0, x1, y1 = glyph.box
    if vertical:
        y0, y1 = y0 + along, y1 + along
    else:
        x0, x1 = x0 + along, x1 + along
    whole = Polygon(box_corners((x0, y0, x1, y1), place)).bbox
    for area in areas:
        if _meet(whole, area.bbox):
            start = x0 if vertical else _clear(x0, x1, place, area)
            corners = box_corners((start, y0, x1, y1), place)
            box = Polygon(corners).bbox
            middle = box.center  # of a parallelogram: the same as that of its box
            if area.contains(*middle) or area.share(corners) >= _GLYPH_SHARE:
                area.hits += 1
                area.glyphs += 1
                # As far as the pen went: the box that a font declares may be much wider.
                area.reach = place.apply((min(x1, along + max(0.0, glyph.advance)), 0.0))
                return area
    return None


def _clear(x0: float, x1: float, place: Affine, area: Area) -> float:
    """Return where the body of a glyph begins that is its own.

    Kerning sets a comma back under an r: it is not under the area if that is the r's.
    """
    if area.reach is None:
        return x0
    start, (a, b) = place.apply((x0, 0.0)), place[:2]
    dx, dy, em = area.reach[0] - start.x, area.reach[1] - start.y, a * a + b * b or 1.0
    back, aside = (dx * a + dy * b) / em, (dy * a - dx * b) / em
    return x0 + back if abs(aside) < 0.05 and 0 < back < _KERNED * (x1 - x0) else x0


def _meet(one: BBox, other: BBox) -> bool:
    return not (one.x1 < other.x0 or one.x0 > other.x1 or one.y1 < other.y0 or one.y0 > other.y1)
