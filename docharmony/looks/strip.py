"""A line that was read from pixels, turned level and flat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..geometry import Polygon
from ..model import Line
from .colour import PLAIN, Dress, dressed
from .face import Look, advance
from .geometry import cut_words, grown, upright
from .ink import Ink, clear_neighbours, clear_rules, edge_blur, find_ink
from .perspective import Ramp, ramp
from .plane import Plane

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Rgb = npt.NDArray[np.uint8]

# Em sizes that letters may have at most, as a share of the height of their line's box.
_TALLEST = 1.45
# A match (correlation less a penalty for the width) that says nothing.
_LEAST_MATCH = 0.25
# Letters that other lines of a page count for at most.
_VOTES = 60.0
# Share of the letters of other lines that must be of one weight to tell that of a line.
_OF_ONE = 0.85
# By how much more than other lines of its page a line must match in bold to be it among regular ones.
_HEAVIER = 0.025
# By how much better a look of its own must match than the one its page agrees on, how well, and in how
# many letters: a heading or a signature may be the only one of its kind.
_CLEAR, _SURE, _LETTERS = 0.06, 0.85, 5
# How often a line is flattened: each time its letters are measured better.
_ROUNDS = 4
# What of the strip is above and below the line's own box, as a share of that.
_MARGIN = 0.25
# How much worse a line may match that is flattened further.
_SLACK = 0.02
# Match without which perspective is not believed: misread letters look as if they were tilted.
_SEEN = 0.6
# A slope that is none.
_LEVEL = 0.004
# Box of a line in perspective, in em above and below its baseline.
_ABOVE, _BELOW = 0.85, 0.25


@dataclass(frozen=True)
class Strip:
    """A line that was read from pixels, turned level and flat.

    Attributes:
        pixels: (rows, columns, 3).
        plane: the strip, in rows and columns, on the page.
        unit: page units a row, in the middle.
        ink: its letters.
        words: for each word of the line the first column of its ink and the one after its last.
        looks: its style in rows as each face would have it; empty where nothing compares.
        look: the one that matches best.
        letters: how many letters were compared.
        tilted: whether the line is seen in perspective.
        dress: what its letters wear besides one colour.
    """

    pixels: Rgb
    plane: Plane
    unit: float
    ink: Ink
    words: tuple[tuple[float, float], ...]
    looks: tuple[Look, ...]
    look: Look
    letters: int
    tilted: bool = False
    dress: Dress = PLAIN

    @property
    def colour(self) -> npt.NDArray[np.float32]:
        """The colour of the ink."""
        return self.ink.ground + (self.ink.colour - self.ink.ground) * self.look.strength

    def agreed(self, others: Sequence[Strip]) -> Look:
        """Return the look that this line and lines like it agree on, each by its letters.

        A line that clearly looks otherwise keeps its own.
        """
        weight = min(_VOTES, 0.7 * sum(other.letters for other in others))
        if not others or not self.looks:
            return self.look
        total = sum(other.letters for other in others)
        bold = sum(other.letters for other in others if other.look.bold) / max(1, total)
        mixed = 1 - _OF_ONE < bold < _OF_ONE

        def worth(other: Strip, index: int) -> float:
            """What speaks for a look in another line; its weight tells nothing where those differ."""
            look = other.looks[index]
            if not mixed:
                return look.worth
            return max(o.worth for o in other.looks if _but_weight(o) == _but_weight(look))

        def value(index: int) -> float:
            shared = sum(worth(o, index) * o.letters for o in others) / max(1, total)
            own = self.looks[index]
            return own.worth * self.letters + shared * weight

        best = self.looks[max(range(len(self.looks)), key=value)]
        clear = (
            self.letters >= _LETTERS
            and self.look.match >= _SURE
            and self.look.worth - best.worth > _CLEAR
        )
        found = best if best.size > 0 and not clear else self.look
        return found if mixed else self._weighed(found, others)

    def _weighed(self, look: Look, others: Sequence[Strip]) -> Look:
        """Return a look in the other weight where this line is much heavier or lighter than others."""
        from statistics import median

        own = _heavier(self, look)
        rest = [more for other in others if (more := _heavier(other, look)) is not None]
        if own is None or len(rest) < 3 or self.letters < 3:
            return look
        usual = median(rest)
        least = max(_HEAVIER, 4 * median(abs(more - usual) for more in rest))
        bold = sum(o.letters for o in others if o.look.bold) > sum(o.letters for o in others) / 2
        if own > _HEAVIER and own - usual > least and not bold:
            bold = True
        elif usual - own > least and bold:
            bold = False
        elif look.bold == bold or abs(own - usual) > least / 2:
            return look
        return next(o for o in self.looks if o.bold == bold and _but_weight(o) == _but_weight(look))

    @classmethod
    def of(cls, raster: Rgb, line: Line, width: float) -> Strip | None:
        """Return the strip of a line; None where no ink stands out.

        Args:
            raster: the page, (height, width, 3).
            line: with its words.
            width: of the page, in page units.
        """
        scale = raster.shape[1] / width
        quad = line.polygon
        strip = cls._cut(raster, line, grown(quad, _MARGIN * math.dist(quad[0], quad[-1])), scale)
        if strip is None or not strip.looks:
            return strip
        for _ in range(_ROUNDS):
            seen = strip._ramp(line)
            if seen is None:
                break
            corners = strip._flattened(seen)
            flat = (
                cls._flat(raster, line, corners, scale)
                if seen.tilted or strip.tilted
                else cls._cut(raster, line, _level(corners), scale)
            )
            if flat is None or flat.look.match < strip.look.match - _SLACK * strip.tilted:
                break
            if seen.tilted and not strip.tilted and flat.look.match < _SEEN:
                break
            strip = flat
        return strip

    @classmethod
    def _flat(cls, raster: Rgb, line: Line, corners: Polygon, scale: float) -> Strip | None:
        """Return a line in perspective, as wide for its height as its letters usually are."""
        strip = cls._cut(raster, line, corners, scale, tilted=True)
        if strip is None or not strip.words:
            return None
        em = strip.pixels.shape[0] / ((_ABOVE + _BELOW) * (1 + 2 * _MARGIN))
        usual = sum(advance(word.text, strip.look) for word in line.words) * em
        widened = usual / max(1.0, sum(x1 - x0 for x0, x1 in strip.words))
        return cls._cut(
            raster, line, corners, scale, widened=min(4.0, max(0.4, widened)), tilted=True
        )

    @classmethod
    def _cut(
        cls,
        raster: Rgb,
        line: Line,
        corners: Polygon,
        scale: float,
        *,
        widened: float = 1.0,
        tilted: bool = False,
    ) -> Strip | None:
        pixels, step = upright(raster, corners, scale, widened)
        ink = find_ink(pixels)
        if ink is None:
            return None
        ink, dress = dressed(pixels, ink)
        margin = _MARGIN / (1 + 2 * _MARGIN) * pixels.shape[0]
        cover = ink.cover.copy()
        clear_rules(cover)
        clear_neighbours(cover, margin)
        rows = slice(round(0.4 * margin), round(pixels.shape[0] - 0.4 * margin))
        columns = (cover[rows] > 0.4).sum(axis=0)
        words = cut_words(columns, line, margin, pixels.shape[0] - 2 * margin)
        texts = [word.text for word in line.words]
        blur = edge_blur(ink.cover)
        looks, letters = Look.all(cover, texts, words, blur=blur, tilted=tilted)
        high = pixels.shape[0] - 2 * margin
        if any(look.size > _TALLEST * high for look in looks) and not tilted:
            # What stands out above and below the line is the ground of a photograph.
            cover[: round(margin)] = cover[-round(margin) :] = 0.0
            words = cut_words((cover > 0.4).sum(axis=0), line, margin, high)
            looks, letters = Look.all(cover, texts, words, blur=blur)
        look = replace(Look.plain(pixels.shape[0] - 2 * margin, margin), blur=blur)
        if looks:
            best = max(looks, key=lambda other: other.worth)
            look = best if best.match >= _LEAST_MATCH else look
        plane = Plane(corners, float(pixels.shape[1]), float(pixels.shape[0]))
        return cls(
            pixels,
            plane,
            step / scale,
            ink,
            tuple(words),
            tuple(looks),
            look,
            letters,
            tilted,
            dress,
        )

    def _ramp(self, line: Line) -> Ramp | None:
        if not self.words:
            return None
        texts = [word.text for word in line.words]
        return ramp(self.ink.cover, texts, self.words, self.look, again=self.tilted)

    def _flattened(self, seen: Ramp) -> Polygon:
        """Return corners on the page between which the line is flat, with the usual margins."""
        pad = _MARGIN * (_ABOVE + _BELOW)
        first, last = self.words[0][0], self.words[-1][1]
        left = first - pad * seen.size_at(first)
        right = last + pad * seen.size_at(last)
        spots = (
            seen.point(left, _ABOVE + pad),
            seen.point(right, _ABOVE + pad),
            seen.point(right, -_BELOW - pad),
            seen.point(left, -_BELOW - pad),
        )
        return Polygon(self.plane.page(*spot) for spot in spots)

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
        spots = [self.plane.flat(point).x for point in polygon]
        return max(0, int(min(spots))), min(self.pixels.shape[1], int(max(spots)) + 1)

    def part(self, x0: float, x1: float) -> Polygon:
        """Return the corners of columns ``x0:x1``, as high as the line's box."""
        rows = self.pixels.shape[0]
        top = _MARGIN / (1 + 2 * _MARGIN) * rows
        return Polygon(
            self.plane.page(x, y)
            for x, y in ((x0, top), (x1, top), (x1, rows - top), (x0, rows - top))
        )

    def whole(self) -> Polygon:
        """Return the corners of all the ink."""
        return self.part(self.words[0][0], self.words[-1][1])


def _heavier(strip: Strip, look: Look) -> float | None:
    """Return how much better a line matches in the bold face of a look than in its regular one."""
    pair = {o.bold: o.match for o in strip.looks if _but_weight(o) == _but_weight(look)}
    return pair[True] - pair[False] if len(pair) == 2 and min(pair.values()) > 0 else None


def _but_weight(look: Look) -> tuple[str, bool, str]:
    return look.family, look.italic, look.font


def _level(corners: Polygon) -> Polygon:
    """Return corners that are level where they nearly are: most pictures were never turned."""
    a, b, _, d = corners
    if abs(b.y - a.y) > _LEVEL * abs(b.x - a.x):
        return corners
    middle, left, wide = (a.y + b.y) / 2, (a.x + d.x) / 2, b.x - a.x
    high = math.dist(a, d)
    return Polygon.of(
        ((left, middle), (left + wide, middle), (left + wide, middle + high), (left, middle + high))
    )
