"""How old text looks, so that new text can be set alike: from the text layer, or from pixels.

On pixels the text itself is known: it was read. What :mod:`docharmony.looks` finds in one line is weighed
against the other lines of its page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..geometry import Polygon
from ..looks.face import Look, advance
from ..looks.geometry import cut_words, grown, upright
from ..looks.ink import Ink, clear_rules, find_ink
from ..model import Line, Page, Setting
from ..stage import Context, Span
from ..typeset.faces import classify
from .inline import main_span

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Rgb = npt.NDArray[np.uint8]

# A match (correlation less a penalty for the width) that says nothing.
_LEAST_MATCH = 0.25
# Lines of a page that are looked at to know its usual style, letters of them that count at most, lines
# that make a rule, and the share of letters that must be of one class; differences in tint and in
# lightness (of 255) that may be errors.
_SAMPLED, _VOTES, _ENOUGH, _AGREED = 12, 60.0, 3, 0.7
_TINT, _SHADE = 12.0, 50.0


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
        self._strips: dict[str, _Strip | None] = {}
        self._sample: list[_Strip] | None = None

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
        if self._spans is None:
            self._spans = self._ctx.spans(self._page)
        span = main_span(lines, self._spans)
        if span is None:
            return setting
        return replace(_of_span(span, lines[0].polygon), baseline=setting.baseline)

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

    def _strip(self, line: Line) -> _Strip | None:
        if line.id not in self._strips:
            if self._raster is None:
                self._raster = self._ctx.raster(self._page)
            self._strips[line.id] = _Strip.of(self._raster, line, self._page.width)
        return self._strips[line.id]

    def _of_pixels(self, line: Line, polygon: Polygon) -> Setting:
        import numpy as np

        high = math.dist(polygon[0], polygon[-1])
        strip = self._strip(line)
        if strip is None:
            return Setting(size=0.8 * high, origin=line.origin)
        unit = strip.unit
        usual = self._usual(strip)
        look = strip.agreed(usual)
        # Parts can be of another colour than the rest of their line.
        x0, x1 = strip.reach(polygon)
        own = find_ink(strip.pixels[:, x0:x1]) if x1 - x0 > 4 else None
        found = strip.ink if own is None else own
        colour = found.ground + (found.colour - found.ground) * look.strength
        blur = look.blur * unit
        if self._sample is not None and len(self._sample) >= _ENOUGH:
            # One sheet, one scanner: differences are errors.
            blur = float(np.median([other.look.blur * other.unit for other in self._sample]))
        if len(usual) >= _ENOUGH:
            shared = np.median([other.colour for other in usual], axis=0)
            # In how dark they are, that is: a tint of its own is no error.
            tint = (shared - shared.mean()) - (colour - colour.mean())
            if float(np.abs(tint).max()) < _TINT and abs(shared.mean() - colour.mean()) < _SHADE:
                colour = shared
        red, green, blue = (int(v) for v in np.clip(colour.round(), 0, 255))
        top = _above(strip.corners, polygon)
        return Setting(
            size=look.size * unit,
            font=look.font,
            family=look.family,
            bold=look.bold,
            italic=look.italic,
            color=(red, green, blue),
            baseline=look.baseline * unit - top,
            origin=line.origin,
            visible=line.visible,
            blur=blur,
            stretch=look.stretch,
        )

    def _usual(self, strip: _Strip) -> list[_Strip]:
        """Return lines of the page that are about as large: what they look like is likely."""
        if self._sample is None:
            lines = [line for line in self._page.lines if line.origin == "ocr"]
            lines.sort(key=lambda line: -len(line.text))
            found = [self._strip(line) for line in lines[:_SAMPLED]]
            self._sample = [other for other in found if other is not None and other.looks]
        size = strip.look.size * strip.unit
        near = [
            other
            for other in self._sample
            if other is not strip and abs(other.look.size * other.unit - size) < 0.2 * size
        ]
        # Only lines that agree among themselves make a rule.
        votes: dict[str, int] = {}
        for other in near:
            votes[other.look.family] = votes.get(other.look.family, 0) + other.letters
        family = max(votes, key=lambda name: votes[name], default="")
        if not votes or votes[family] < _AGREED * sum(votes.values()):
            return []
        return [other for other in near if other.look.family == family]

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
    name = span.font.lower()
    return Setting(
        size=span.size,
        font=span.font,
        family=family,
        bold=span.bold or any(mark in name for mark in ("bold", "black", "heavy", "semibold")),
        italic=span.italic or "italic" in name or "oblique" in name,
        color=span.color,
        baseline=baseline,
        visible=span.visible,
    )


def _above(corners: Polygon, polygon: Polygon) -> float:
    """Return how far the top of a polygon lies below that of a strip, in page units."""
    a, d = corners[0], corners[-1]
    high = math.dist(a, d) or 1.0
    p = polygon[0]
    return ((p.x - a.x) * (d.x - a.x) + (p.y - a.y) * (d.y - a.y)) / high


@dataclass(frozen=True, slots=True)
class _Strip:
    """A line that was read from pixels, turned level.

    Attributes:
        pixels: (rows, columns, 3).
        corners: of the strip on the page.
        unit: page units a row or column.
        ink: its letters.
        words: for each word of the line the first column of its ink and the one after its last.
        looks: its style in rows as each face would have it; empty where nothing compares.
        look: the one that matches best.
        letters: how many letters were compared.
    """

    pixels: Rgb
    corners: Polygon
    unit: float
    ink: Ink
    words: tuple[tuple[float, float], ...]
    looks: tuple[Look, ...]
    look: Look
    letters: int

    @property
    def colour(self) -> npt.NDArray[np.float32]:
        """The colour of the ink."""
        return self.ink.ground + (self.ink.colour - self.ink.ground) * self.look.strength

    def agreed(self, others: Sequence[_Strip]) -> Look:
        """Return the look that this line and lines like it agree on, each by its letters."""
        weight = min(_VOTES, 0.7 * sum(other.letters for other in others))
        if not others or not self.looks:
            return self.look
        total = sum(other.letters for other in others)

        def value(index: int) -> float:
            shared = sum(o.looks[index].worth * o.letters for o in others) / max(1, total)
            own = self.looks[index]
            return own.worth * self.letters + shared * weight

        best = self.looks[max(range(len(self.looks)), key=value)]
        return best if best.size > 0 else self.look

    @classmethod
    def of(cls, raster: Rgb, line: Line, width: float) -> _Strip | None:
        """Return the strip of a line; None where no ink stands out."""
        scale = raster.shape[1] / width
        quad = line.polygon
        corners = grown(quad, 0.25 * math.dist(quad[0], quad[-1]))
        pixels, step = upright(raster, corners, scale)
        ink = find_ink(pixels)
        if ink is None:
            return None
        margin = 0.25 / 1.5 * pixels.shape[0]
        cover = ink.cover.copy()
        clear_rules(cover)
        rows = slice(round(0.4 * margin), round(pixels.shape[0] - 0.4 * margin))
        columns = (cover[rows] > 0.4).sum(axis=0)
        words = cut_words(columns, line, margin, pixels.shape[0] / 1.5)
        texts = [word.text for word in line.words]
        looks, letters = Look.all(cover, texts, words)
        look = Look.plain(pixels.shape[0] - 2 * margin, margin)
        if looks:
            best = max(looks, key=lambda other: other.worth)
            look = best if best.match >= _LEAST_MATCH else look
        unit = step / scale
        return cls(pixels, corners, unit, ink, tuple(words), tuple(looks), look, letters)

    def at(self, line: Line, word: int, char: int) -> float:
        """Return the column at which a character of a word begins."""
        x0, x1 = self.words[word]
        text = line.words[word].text
        if char <= 0 or char >= len(text):
            return x0 if char <= 0 else x1
        share = advance(text[:char], self.look) / max(1e-6, advance(text, self.look))
        return x0 + share * (x1 - x0)

    def reach(self, polygon: Polygon) -> tuple[int, int]:
        """Return the first and last columns under a polygon."""
        a, b = self.corners[0], self.corners[1]
        wide = math.dist(a, b) or 1.0
        along = (b.x - a.x) / wide, (b.y - a.y) / wide
        spots = [((p.x - a.x) * along[0] + (p.y - a.y) * along[1]) / self.unit for p in polygon]
        return max(0, int(min(spots))), min(self.pixels.shape[1], int(max(spots)) + 1)

    def part(self, x0: float, x1: float) -> Polygon:
        """Return the corners of columns ``x0:x1``, as high as the line's box."""
        a, b, d = self.corners[0], self.corners[1], self.corners[-1]
        wide, high = math.dist(a, b) or 1.0, math.dist(a, d) or 1.0
        ux, uy = (b.x - a.x) / wide * self.unit, (b.y - a.y) / wide * self.unit
        vx, vy = (d.x - a.x) / high * self.unit, (d.y - a.y) / high * self.unit
        top, bottom = 0.25 / 1.5 * self.pixels.shape[0], 1.25 / 1.5 * self.pixels.shape[0]
        return Polygon.of(
            (a.x + x * ux + y * vx, a.y + x * uy + y * vy)
            for x, y in ((x0, top), (x1, top), (x1, bottom), (x0, bottom))
        )
