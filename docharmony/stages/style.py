"""How old text looks, so that new text can be set alike: from the text layer, or from pixels.

On pixels the text itself is known: it was read. So it is set in faces of each class, and what looks
most like the picture tells class, weight and slant; heights of the same letters tell the size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..geometry import Polygon
from ..model import Family, Line, Page, Setting
from ..stage import Context, Span
from ..typeset.faces import classify

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Grey = npt.NDArray[np.float32]
    Rgb = npt.NDArray[np.uint8]

# Blur of the edges that is tried, in pixels.
_BLURS = (0.3, 0.6, 0.9, 1.3, 1.8, 2.4)
# A line is looked at with at most so many pixels of height: more tells nothing new.
_HEIGHT = 96
_MOST_WORDS = 6
# By how much a bold or a slanted face must match better than a plain one.
_BOLD, _SLANT = 0.02, 0.015
# A match (correlation less a penalty for the width) that says nothing.
_LEAST_MATCH = 0.25
# Lines of a page that are looked at to know its usual style, letters of them that count at most, lines
# that make a rule, and the share of letters that must be of one class; differences in tint and in
# lightness (of 255) that may be errors.
_SAMPLED, _VOTES, _ENOUGH, _AGREED = 12, 60.0, 3, 0.7
_TINT, _SHADE = 12.0, 50.0
# Contrast (of 255) without which there is no ink to speak of.
_CONTRAST = 24.0
# Class, weight, slant, and a face that is much wider or narrower than the usual one of its class.
_CLASSES: tuple[tuple[Family, bool, bool, str], ...] = (
    ("sans", False, False, ""),
    ("sans", True, False, ""),
    ("sans", False, False, "DejaVu Sans"),
    ("sans", True, False, "DejaVu Sans"),
    ("sans", False, False, "Arial Narrow"),
    ("serif", False, False, ""),
    ("serif", True, False, ""),
    ("serif", False, True, ""),
    ("sans", False, True, ""),
    ("mono", False, False, ""),
    ("mono", True, False, ""),
)


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
        corners = _grown(quad, 0.25 * math.dist(quad[0], quad[-1]))
        pixels, step = upright(raster, corners, scale)
        ink = find_ink(pixels)
        if ink is None:
            return None
        margin = 0.25 / 1.5 * pixels.shape[0]
        cover = ink.cover.copy()
        _clear_rules(cover)
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
        share = _advance(text[:char], self.look) / max(1e-6, _advance(text, self.look))
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


def _grown(quad: Polygon, margin: float) -> Polygon:
    """Return the corners moved outwards by a margin on every side, in the text's own axes."""
    a, b, d = quad[0], quad[1], quad[-1]
    wide, high = math.dist(a, b) or 1.0, math.dist(a, d) or 1.0
    ux, uy = (b.x - a.x) / wide, (b.y - a.y) / wide
    vx, vy = (d.x - a.x) / high, (d.y - a.y) / high
    return Polygon.of(
        (a.x + x * ux + y * vx, a.y + x * uy + y * vy)
        for x, y in (
            (-margin, -margin),
            (wide + margin, -margin),
            (wide + margin, high + margin),
            (-margin, high + margin),
        )
    )


def _clear_rules(cover: Grey) -> None:
    """Blank what runs through the whole strip: ruling lines, borders of cells."""
    dark = cover > 0.4
    rows = dark.mean(axis=1) > 0.85
    columns = dark.mean(axis=0) > 0.9
    cover[rows] = 0.0
    cover[:, columns] = 0.0


def cut_words(
    columns: npt.NDArray[np.intp], line: Line, margin: float, height: float
) -> list[tuple[float, float]]:
    """Return where the ink of each word begins and ends.

    Args:
        columns: inked pixels in each column.
        line: the line; its words say roughly where.
        margin: columns before the line's own box.
        height: of the line's box, in columns.

    Where words begin follows from how wide their letters usually are; then each border moves to the
    widest blank near it.
    """
    import numpy as np

    inked = np.flatnonzero(columns > 0)
    texts = [word.text for word in line.words]
    if not len(inked) or not texts:
        return []
    # The margin may hold a neighbour: begin and end with what the line's own box holds.
    low, high = 0.4 * margin, len(columns) - 0.4 * margin
    inside = inked[(inked >= low) & (inked < high)]
    if not len(inside):
        return []
    first, last = float(inside[0]), float(inside[-1] + 1)
    plain = Look("sans", False, False, height, 0.0, 0.0, 0.0)
    widths = [_advance(text, plain) for text in texts]
    space = 0.28
    total = sum(widths) + space * (len(texts) - 1)
    scale = (last - first) / max(total, 1e-6)
    borders: list[tuple[float, float]] = []
    pen = first
    blanks = _blanks(columns, first, last)
    at = 0
    for width in widths[:-1]:
        pen += width * scale
        middle = pen + space * scale / 2
        near = [
            (start, end)
            for start, end in blanks
            if start >= at and abs((start + end) / 2 - middle) < 0.9 * height
        ]
        if near:
            start, end = max(
                near, key=lambda b: (b[1] - b[0]) - 0.35 * abs((b[0] + b[1]) / 2 - middle)
            )
            borders.append((start, end))
            at = int(end)
            # Go on from where the word really ends: errors must not add up.
            pen = end
            left = sum(widths[len(borders) :]) + space * (len(texts) - 1 - len(borders))
            scale = (last - pen) / max(left, 1e-6)
        else:
            borders.append((middle, middle))
            pen = middle + space * scale / 2
    starts = [first, *(end for _, end in borders)]
    ends = [*(start for start, _ in borders), last]
    return list(zip(starts, ends, strict=True))


def _blanks(columns: npt.NDArray[np.intp], first: float, last: float) -> list[tuple[float, float]]:
    """Return runs of columns without ink."""
    blanks: list[tuple[float, float]] = []
    start: int | None = None
    for x in range(int(first), int(last)):
        if columns[x] == 0 and start is None:
            start = x
        elif columns[x] and start is not None:
            blanks.append((float(start), float(x)))
            start = None
    return blanks


def _advance(text: str, look: Look) -> float:
    from ..typeset.faces import chain
    from ..typeset.shape import shape

    return shape(text, chain(look.family, bold=look.bold, italic=look.italic, like=look.font)).width


def upright(pixels: Rgb, polygon: Polygon, scale: float) -> tuple[Rgb, float]:
    """Return a part of the page turned level, and how many of the page's pixels one of its rows takes.

    Args:
        pixels: the page.
        polygon: four corners in page units.
        scale: pixels a page unit.
    """
    import numpy as np
    from scipy.ndimage import map_coordinates

    a, b, d = polygon[0], polygon[1], polygon[-1]
    wide, high = math.dist(a, b) * scale, math.dist(a, d) * scale
    step = max(1.0, high / _HEIGHT)
    rows, columns = max(3, round(high / step)), max(3, round(wide / step))
    u = (np.arange(columns) + 0.5) * step / max(wide, 1e-6)
    v = (np.arange(rows) + 0.5) * step / max(high, 1e-6)
    x = (a.x + u[None, :] * (b.x - a.x) + v[:, None] * (d.x - a.x)) * scale - 0.5
    y = (a.y + u[None, :] * (b.y - a.y) + v[:, None] * (d.y - a.y)) * scale - 0.5
    level = abs(b.y - a.y) + abs(d.x - a.x) < 1e-6 and step == 1.0
    strip = np.stack(
        [
            map_coordinates(
                pixels[..., c].astype(np.float32), (y, x), order=0 if level else 1, mode="nearest"
            )
            for c in range(3)
        ],
        axis=2,
    )
    return np.clip(strip.round(), 0, 255).astype(np.uint8), step


@dataclass(frozen=True, slots=True)
class Ink:
    """Letters on a strip: how much of each pixel they cover (0.0-1.0), and their colour."""

    cover: Grey
    colour: npt.NDArray[np.float32]
    ground: npt.NDArray[np.float32]


def find_ink(strip: Rgb) -> Ink | None:
    """Return the ink of a strip, or None where nothing stands out."""
    import numpy as np

    flat = strip.reshape(-1, 3).astype(np.float32)
    grey = flat.mean(axis=1)
    cut = _otsu(grey)
    dark = grey < cut
    if dark.mean() > 0.5:
        dark = ~dark
    if not dark.any() or dark.all():
        return None
    ground = np.median(flat[~dark], axis=0)
    away = np.abs(flat - ground).sum(axis=1)
    far = away[dark]
    core = flat[dark][far >= np.percentile(far, 70)]
    colour = np.median(core, axis=0)
    line = colour - ground
    length = float(line @ line)
    if length < _CONTRAST**2:
        return None
    cover = np.clip((flat - ground) @ line / length, 0.0, 1.0).reshape(strip.shape[:2])
    return Ink(cover.astype(np.float32), colour.astype(np.float32), ground.astype(np.float32))


def _otsu(grey: npt.NDArray[np.float32]) -> float:
    """Return the level that parts two kinds of pixels best (Otsu 1979)."""
    import numpy as np

    counts, edges = np.histogram(grey, 64, (0, 256))
    middles = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)
    mass = np.cumsum(counts * middles)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = below * above * (mass / below - (mass[-1] - mass) / above) ** 2
    spread = np.nan_to_num(spread)
    return float(edges[1:][int(spread.argmax())])


@dataclass(frozen=True, slots=True)
class Look:
    """What a line looks like, in rows of its strip."""

    family: Family
    bold: bool
    italic: bool
    size: float
    baseline: float
    blur: float
    match: float
    stretch: float = 1.0
    font: str = ""
    # How much further from the ground than its darkest pixels the ink itself is.
    strength: float = 1.0

    @property
    def worth(self) -> float:
        """How likely it is: blurred letters look bold, and upright ones are usual."""
        return self.match - (_BOLD if self.bold else 0.0) - (_SLANT if self.italic else 0.0)

    @classmethod
    def plain(cls, height: float, margin: float) -> Look:
        """Return what is taken for granted of a line of that height."""
        return cls("sans", False, False, 0.8 * height, margin + 0.78 * height, 0.6, 0.0)

    @classmethod
    def all(
        cls, cover: Grey, texts: Sequence[str], words: Sequence[tuple[float, float]]
    ) -> tuple[list[Look], int]:
        """Return the look in each face, given a strip's words and where they stand.

        And how many letters were compared.
        """
        # Long words tell more; a few of them tell enough.
        order = sorted(range(len(words)), key=lambda i: -len(texts[i]))[:_MOST_WORDS]
        samples = [
            sample
            for index in order
            if (sample := _Sample.of(cover, texts[index], *words[index])) is not None
        ]
        if not samples:
            return [], 0
        return [_compare(samples, *kind) for kind in _CLASSES], sum(len(s.text) for s in samples)


@dataclass(frozen=True, slots=True)
class _Sample:
    """The ink of one word, cut out, with four rows and columns around it."""

    text: str
    ink: Grey
    top: int
    width: int
    height: int

    @classmethod
    def of(cls, cover: Grey, text: str, x0: float, x1: float) -> _Sample | None:
        import numpy as np

        left, right = round(x0), round(x1)
        part = cover[:, left:right]
        if part.shape[1] < 3 or not any(c.isalnum() for c in text):
            return None
        rows = np.flatnonzero((part > 0.4).any(axis=1))
        if len(rows) < 4:
            return None
        top, bottom = int(rows[0]), int(rows[-1]) + 1
        # Half a pixel of ink at the border belongs to the letters too.
        window = np.zeros((bottom - top + 8, right - left + 8), np.float32)
        padded = np.pad(cover, 4)
        window[:, 4:-4] = padded[top : bottom + 8, left + 4 : right + 4]
        return cls(text, window, top, right - left, bottom - top)


def _compare(
    samples: Sequence[_Sample], family: Family, bold: bool, italic: bool, font: str = ""
) -> Look:
    """Set the words in a face over their ink and return the look with how well it matches."""
    from statistics import median

    import numpy as np
    from scipy.ndimage import gaussian_filter

    from ..typeset.faces import chain
    from ..typeset.shape import shape

    faces = chain(family, bold=bold, italic=italic, like=font)
    drawn: list[tuple[Grey, Grey, float, float, float]] = []
    for sample in samples:
        shaped = shape(sample.text, faces)
        box = None if shaped.missing else extents(shaped)
        if box is None:
            continue
        left, bottom, right, top = box
        size = sample.height / max(top - bottom, 1e-6)
        wide = sample.width / max(right - left, 1e-6)
        if not 0.5 < wide / size < 2.0:
            continue
        origin = (4 - left * wide, 4 + top * size)
        picture = _drawn(shaped, wide, size, sample.ink.shape, origin)
        drawn.append((picture, sample.ink, size, wide, sample.top + top * size))
    nothing = Look(family, bold, italic, 0.0, 0.0, 0.6, -1.0, 1.0, font)
    if not drawn:
        return nothing
    # A word that was cut wrongly or misread has another size than the rest.
    usual = median(item[2] for item in drawn)
    drawn = [item for item in drawn if abs(item[2] - usual) <= 0.15 * usual] or drawn
    best, blur = -1.0, 0.6
    for sigma in _BLURS:
        match = float(
            np.mean([_alike(gaussian_filter(picture, sigma), ink) for picture, ink, *_ in drawn])
        )
        if match > best:
            best, blur = match, sigma
    size = median(item[2] for item in drawn)
    stretch = median(item[3] for item in drawn) / size
    baseline = median(item[4] for item in drawn)
    # A face whose width does not follow from its height is another one.
    match = best - 0.6 * abs(math.log(stretch))
    return Look(
        family,
        bold,
        italic,
        size,
        baseline,
        blur,
        match,
        min(1.25, max(0.8, stretch)),
        font,
        _strength(drawn, blur),
    )


def _strength(drawn: Sequence[tuple[Grey, Grey, float, float, float]], blur: float) -> float:
    """Return by how much blurred letters must be stronger to come to what is seen (least squares)."""
    from scipy.ndimage import gaussian_filter

    product = square = 0.0
    for picture, ink, *_ in drawn:
        soft = gaussian_filter(picture, blur)
        product += float((soft * ink).sum())
        square += float((soft * soft).sum())
    return min(2.0, max(0.8, product / max(square, 1e-6)))


def _alike(one: Grey, other: Grey) -> float:
    """Return the normalised correlation of two pictures, -1.0 to 1.0."""
    import numpy as np

    a, b = one - one.mean(), other - other.mean()
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / norm if norm > 0 else 0.0


def extents(shaped: object) -> tuple[float, float, float, float] | None:
    """Return left, bottom, right and top of the ink of a shaped line in em, y up from the baseline."""
    from ..typeset.shape import ShapedLine

    assert isinstance(shaped, ShapedLine)
    boxes = []
    for run in shaped.runs:
        for glyph in run.glyphs:
            box = run.face.hb_font.get_glyph_extents(glyph.number)
            if box is None or not box.width:
                continue
            upem = run.face.upem
            x, y = glyph.x + box.x_bearing / upem, glyph.y + box.y_bearing / upem
            boxes.append((x, y + box.height / upem, x + box.width / upem, y))
    if not boxes:
        return None
    lefts, bottoms, rights, tops = zip(*boxes, strict=True)
    return min(lefts), min(bottoms), max(rights), max(tops)


def _drawn(
    shaped: object,
    wide: float,
    high: float,
    shape: tuple[int, int],
    origin: tuple[float, float],
) -> Grey:
    """Return a shaped line as coverage, (height, width), its pen starting at ``origin``."""
    import numpy as np
    import uharfbuzz as hb

    from ..typeset.shape import ShapedLine

    assert isinstance(shaped, ShapedLine)
    raster = hb.RasterDraw()
    for run in shaped.runs:
        upem = run.face.upem
        for glyph in run.glyphs:
            raster.transform = (
                *(wide / upem, 0.0, 0.0, -high / upem),
                *(origin[0] + glyph.x * wide, origin[1] - glyph.y * high),
            )
            raster.draw_glyph(run.face.hb_font, glyph.number)
    raster.extents = hb.RasterExtents(0, 0, shape[1], shape[0], 0)
    image = raster.render()
    grid = np.frombuffer(bytes(image.buffer), np.uint8).reshape(-1, image.extents.stride)
    return grid[: shape[0], : shape[1]].astype(np.float32) / np.float32(255)


def alignment(lefts: Sequence[float], rights: Sequence[float], em: float) -> str:
    """Return how lines are aligned, from where they begin and end along the text.

    >>> alignment([0, 0, 0], [90, 100, 60], 10), alignment([0, 0, 0], [100, 100, 60], 10)
    ('start', 'justify')
    >>> alignment([10, 0, 20], [90, 100, 80], 10), alignment([10, 0, 20], [100, 100, 100], 10)
    ('center', 'end')
    """
    if len(lefts) < 2:
        return "start"
    near = 0.35 * em

    def even(values: Sequence[float]) -> bool:
        return max(values) - min(values) <= near

    if even(lefts) or (len(lefts) > 2 and even(lefts[1:])):
        full = rights[:-1]
        return (
            "justify"
            if len(full) > 1 and even(full) and rights[-1] <= max(full) + near
            else "start"
        )
    if even(rights):
        return "end"
    middles = [(left + right) / 2 for left, right in zip(lefts, rights, strict=True)]
    return "center" if even(middles) else "start"
