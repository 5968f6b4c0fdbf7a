"""How old text looks, so that new text can be set alike: from the text layer, or from pixels.

On pixels the text itself is known: it was read. What :mod:`docharmony.looks` finds in one line is weighed
against the other lines of its page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..geometry import BBox, Point, Polygon
from ..looks.colour import PLAIN, Dress, dressed
from ..looks.frames import frame, reach
from ..looks.ink import find_ink
from ..looks.strip import Strip
from ..model import BlockKind, Line, Page, Setting
from ..stage import Context, Span
from ..typeset.faces import classify, is_bold, is_italic
from .inline import main_span

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Rgb = npt.NDArray[np.uint8]

# Lines of a page that are looked at to know its usual style, letters of them that count at most, lines
# that make a rule, and the share of letters that must be of one class; differences in tint and in
# lightness (of 255) that may be errors.
_SAMPLED, _VOTES, _ENOUGH, _AGREED = 12, 60.0, 3, 0.7
_TINT, _SHADE = 12.0, 25.0
# Share of its size by which a line is measured wrongly at most.
_ALIKE = 0.15
# Cover of pixels that are ink, and how wide the ink of the widest ideographs is, in em.
_INKED, _WIDE_INK = 0.4, 0.94
# Lines that slope more than this, in degrees, have no upright box around them.
_SLOPE = 1.5


class Styles:
    """Looks at the old text of one page.

    Args:
        page: the page.
        ctx: gives its text layer and pixels, when they are needed.
    """

    def __init__(self, page: Page, ctx: Context) -> None:
        self._page, self._ctx = page, ctx
        self._spans: tuple[Span, ...] | None = None
        self._raster: Rgb | None = None
        self._strips: dict[tuple[str, BBox], Strip | None] = {}
        self._sample: list[Strip] | None = None
        self._frames: dict[BBox, BBox | None] = {}

    def of(self, line: Line, polygon: Polygon, like: Polygon | None = None) -> Setting:
        """Return how the text under a polygon is set.

        Args:
            line: the line that it belongs to.
            polygon: four corners of the line or a part of it.
            like: what of it is looked at, where it is not of one style; None for all.
        """
        if line.origin == "pdf":
            span = self._span(like or polygon)
            if span is not None:
                return _of_span(span, polygon)
        return self._of_pixels(line, polygon)

    def of_lines(self, lines: Sequence[Line]) -> Setting:
        """Return how most letters of some lines are set; the baseline is that of the first line."""
        setting = self.of(lines[0], lines[0].polygon)
        if lines[0].origin != "pdf":
            return setting
        found = self.most(*lines)
        return replace(found, baseline=setting.baseline) if found is not None else setting

    def most(self, *lines: Line, polygon: Polygon | None = None) -> Setting | None:
        """Return how most letters of lines of a text layer are set; None where nothing tells.

        Args:
            lines: the lines.
            polygon: where they are set: the baseline lies below its top; None: the first line.
        """
        if self._spans is None:
            self._spans = self._ctx.spans(self._page)
        span = main_span(lines, self._spans)
        return None if span is None else _of_span(span, polygon or lines[0].polygon)

    def extent(self, line: Line, start: tuple[int, int], end: tuple[int, int]) -> Polygon | None:
        """Return the corners of a part of a line that was read from pixels, by its ink.

        Args:
            line: the line.
            start: word and character that it begins with.
            end: word and character that it ends with, included.
        """
        strip = self._strip(line)
        if strip is None or not strip.words:
            return None
        (first, char), (last, until) = start, end
        x0 = strip.at(line, first, char)
        x1 = strip.at(line, last, until + 1)
        return strip.part(x0, x1) if x1 - x0 >= 2 else None

    def frame(self, line: Line) -> BBox | None:
        """Return the box of one colour that a level line stands in that was read from pixels."""
        if line.origin != "ocr" or abs((line.direction + 180) % 360 - 180) > _SLOPE:
            return None
        if line.bbox not in self._frames:
            raster = self._pixels()
            self._frames[line.bbox] = frame(raster, line.bbox, raster.shape[1] / self._page.width)
        return self._frames[line.bbox]

    def reach(self, line: Line, polygon: Polygon) -> tuple[float, float] | None:
        """Return how far the ground goes on before and after a sloping text read from pixels."""
        if line.origin != "ocr" or abs((line.direction + 180) % 360 - 180) <= _SLOPE:
            return None
        raster = self._pixels()
        return reach(raster, polygon, raster.shape[1] / self._page.width)

    def _pixels(self) -> Rgb:
        if self._raster is None:
            self._raster = self._ctx.raster(self._page)
        return self._raster

    def tilted(self, line: Line) -> Polygon | None:
        """Return the corners of a line that is seen in perspective, None of any other."""
        strip = self._strip(line) if line.origin == "ocr" else None
        return strip.whole() if strip is not None and strip.tilted else None

    def _strip(self, line: Line) -> Strip | None:
        key = line.id, line.bbox  # a cell may hold a part of a line
        if key not in self._strips:
            self._strips[key] = Strip.of(self._pixels(), line, self._page.width)
        return self._strips[key]

    def _of_pixels(self, line: Line, polygon: Polygon) -> Setting:
        import numpy as np

        high = math.dist(polygon[0], polygon[-1])
        strip = self._strip(line)
        if strip is None:
            return Setting(size=0.8 * high, origin=line.origin)
        if line.vertical:
            return _of_column(strip, line)
        unit = strip.unit
        usual = self._usual(strip, line)
        look = strip.agreed(usual)
        # Parts can be of another colour than the rest of their line.
        x0, x1 = strip.reach(polygon)
        own = find_ink(strip.pixels[:, x0:x1]) if x1 - x0 > 4 else None
        dress = strip.dress
        if own is not None:
            own, dress = dressed(strip.pixels[:, x0:x1], own)
        found = strip.ink if own is None else own
        if strip.dress.outline or any(strip.dress.shadow):
            # What the whole line wears, each of its words does.
            found, dress = strip.ink, strip.dress
        colour = found.ground + (found.colour - found.ground) * look.strength
        blur = look.blur * unit
        if self._sample is not None and len(self._sample) >= _ENOUGH:
            # One sheet, one scanner: differences are errors.
            blur = float(np.median([other.look.blur * other.unit for other in self._sample]))
        if dress == PLAIN:
            # Lines about as dark are of one ink: their differences are errors. A tint of its own is none.
            near = [o.colour for o in usual if abs(o.colour.mean() - colour.mean()) < _SHADE]
            if len(near) >= _ENOUGH:
                shared = np.median(near, axis=0)
                tint = (shared - shared.mean()) - (colour - colour.mean())
                if float(np.abs(tint).max()) < _TINT:
                    colour = shared
        # At the left end of the part: in perspective everything is measured there.
        column = strip.plane.flat(polygon[0]).x
        foot, head = (strip.plane.page(column, look.baseline - d) for d in (0.0, look.size))
        worn = _worn(strip, dress, polygon, x0)
        if dress.gradient:
            colour = worn.pop("color")
        return Setting(
            size=math.dist(foot, head),
            font=look.font,
            family=look.family,
            bold=look.bold,
            italic=look.italic,
            color=_rgb(colour),
            baseline=_below(polygon, foot),
            origin=line.origin,
            visible=line.visible,
            blur=blur,
            stretch=look.stretch * (_squeeze(strip, polygon) if strip.tilted else 1.0),
            **worn,
        )

    def _usual(self, strip: Strip, line: Line) -> list[Strip]:
        """Return lines of the page that are about as large: what they look like is likely.

        Of a table those of its other cells, where it has enough.
        """
        if self._sample is None:
            lines = [line for line in self._page.lines if line.origin == "ocr"]
            lines.sort(key=lambda line: -len(line.text))
            found = [self._strip(line) for line in lines[:_SAMPLED]]
            self._sample = [other for other in found if other is not None and other.looks]
        size = strip.look.size * strip.unit

        def alike(others: Sequence[Strip]) -> list[Strip]:
            return [
                other
                for other in others
                if other is not strip and abs(other.look.size * other.unit - size) < _ALIKE * size
            ]

        near = alike(self._cells(line))
        near = near if len(near) >= _ENOUGH else alike(self._sample)
        # Only lines that agree among themselves make a rule.
        votes: dict[str, int] = {}
        for other in near:
            votes[other.look.family] = votes.get(other.look.family, 0) + other.letters
        family = max(votes, key=lambda name: votes[name], default="")
        if not votes or votes[family] < _AGREED * sum(votes.values()):
            return []
        return [other for other in near if other.look.family == family]

    def _cells(self, line: Line) -> list[Strip]:
        """Return lines of the table that a line belongs to."""
        for block in self._page.blocks:
            if block.kind is BlockKind.TABLE and line.id in block.lines:
                names = set(block.lines[: 2 * _SAMPLED])
                lines = [other for other in self._page.lines if other.id in names]
                found = [self._strip(other) for other in lines if other.origin == "ocr"]
                return [other for other in found if other is not None and other.looks]
        return []

    def uniform(self, lines: Sequence[Line]) -> bool:
        """Return whether lines of a text layer are set in one font, size and colour throughout."""
        if any(line.origin == "ocr" for line in lines):
            return True
        if self._spans is None:
            self._spans = self._ctx.spans(self._page)
        boxes = [line.bbox for line in lines]
        looks = {
            (span.font, round(span.size, 1), span.color)
            for span in self._spans
            if any(box.contains(span.bbox.center) for box in boxes)
        }
        return len(looks) <= 1

    def _span(self, polygon: Polygon) -> Span | None:
        if self._spans is None:
            self._spans = self._ctx.spans(self._page)
        box = polygon.bbox
        best, most = None, 0.0
        for span in self._spans:
            common = span.bbox.intersection(box)
            share = 0.0 if common.is_empty else common.area
            if share > most:
                best, most = span, share
        return best


def _of_span(span: Span, polygon: Polygon) -> Setting:
    a, d = polygon[0], polygon[-1]
    high = math.dist(a, d) or 1.0
    down = (d.x - a.x) / high, (d.y - a.y) / high
    baseline = (span.origin.x - a.x) * down[0] + (span.origin.y - a.y) * down[1]
    if not 0 < baseline < 1.5 * high:
        baseline = 0.0
    family = classify(span.font, "mono" if span.mono else "serif" if span.serif else "sans")
    return Setting(
        size=span.size,
        font=span.font,
        family=family,
        bold=span.bold or is_bold(span.font),
        italic=span.italic or is_italic(span.font),
        color=span.color,
        baseline=baseline,
        visible=span.visible,
    )


def _of_column(strip: Strip, line: Line) -> Setting:
    """Return how vertical writing is set: its strip shows it lying on its side."""
    import numpy as np

    across = np.flatnonzero((strip.ink.cover > _INKED).any(axis=1))
    return Setting(
        size=(int(across[-1]) - int(across[0]) + 1) * strip.unit / _WIDE_INK,
        color=_rgb(strip.ink.colour),
        origin=line.origin,
        visible=line.visible,
        blur=strip.look.blur * strip.unit,
    )


def _worn(strip: Strip, dress: Dress, polygon: Polygon, first: int) -> dict[str, Any]:
    """Return the values of a setting for what letters wear.

    Args:
        strip: the line.
        dress: what a part of it wears.
        polygon: the part.
        first: column of the strip that is column 0 for the dress.
    """
    worn: dict[str, Any] = {}
    if dress.gradient:
        index = 0 if dress.gradient == "x" else 1
        start, end = (
            strip.plane.flat(polygon[n])[index] for n in ((0, 1) if not index else (0, 3))
        )
        skip = first if dress is not strip.dress and not index else 0
        worn |= {
            "gradient": dress.gradient,
            "color": dress.at(start - skip),
            "color_end": _rgb(dress.at(end - skip)),
        }
    if dress.outline and dress.outline_colour is not None:
        worn |= {
            "outline": dress.outline * strip.unit,
            "outline_color": _rgb(dress.outline_colour),
        }
    if any(dress.shadow) and dress.shadow_colour is not None:
        right, below = dress.shadow
        worn |= {
            "shadow": (right * strip.unit, below * strip.unit),
            "shadow_color": _rgb(dress.shadow_colour),
            "shadow_blur": dress.shadow_blur * strip.unit,
        }
    return worn


def _rgb(colour: npt.NDArray[np.float32]) -> tuple[int, int, int]:
    red, green, blue = (min(255, max(0, round(float(value)))) for value in colour)
    return red, green, blue


def _below(polygon: Polygon, point: Point) -> float:
    """Return how far a point lies below the top of a polygon, along its left side."""
    a, d = polygon[0], polygon[-1]
    high = math.dist(a, d) or 1.0
    return ((point.x - a.x) * (d.x - a.x) + (point.y - a.y) * (d.y - a.y)) / high


def _squeeze(strip: Strip, polygon: Polygon) -> float:
    """Return how much wider than high columns and rows are along the sides of a part in perspective.

    New text is laid out along the part's upper and left sides and then seen as its corners say.
    """
    a, b, d = polygon[0], polygon[1], polygon[-1]
    flat = [strip.plane.flat(point) for point in (a, b, d)]
    along = math.dist(a, b) / max(1e-6, math.dist(flat[0], flat[1]))
    down = math.dist(a, d) / max(1e-6, math.dist(flat[0], flat[2]))
    return along / max(1e-6, down)
