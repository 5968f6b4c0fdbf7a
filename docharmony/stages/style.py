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
from ..model import Family, Line, Origin, Page, Setting
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
_HEIGHT = 64
_LONGEST = 40  # letters
# Contrast (of 255) without which there is no ink to speak of.
_CONTRAST = 24.0
_CLASSES: tuple[tuple[Family, bool, bool], ...] = (
    ("sans", False, False),
    ("serif", False, False),
    ("mono", False, False),
    ("sans", True, False),
    ("serif", True, False),
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

    def of(self, polygon: Polygon, text: str, *, read: bool) -> Setting:
        """Return how the text under a polygon is set.

        Args:
            polygon: four corners of one line or a part of it.
            text: what stands there.
            read: whether it was read from pixels.
        """
        if not read:
            span = self._span(polygon)
            if span is not None:
                return _of_span(span, polygon)
        return self._of_pixels(polygon, text, read=read)

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

    def _of_pixels(self, polygon: Polygon, text: str, *, read: bool) -> Setting:
        import numpy as np

        origin: Origin = "ocr" if read else "pdf"
        high = math.dist(polygon[0], polygon[-1])
        if self._raster is None:
            self._raster = self._ctx.raster(self._page)
        scale = self._raster.shape[1] / self._page.width
        strip, step = upright(self._raster, polygon, scale)
        ink = find_ink(strip)
        if ink is None:
            return Setting(size=0.8 * high, origin=origin)
        seen = Look.of(ink.cover, text)
        family, bold, italic, size, baseline, blur = (
            (seen.family, seen.bold, seen.italic, seen.size, seen.baseline, seen.blur)
            if seen is not None
            else ("sans", False, False, 0.8 * strip.shape[0], 0.78 * strip.shape[0], 0.6)
        )
        unit = step / scale  # page units a row of the strip
        red, green, blue = (int(v) for v in np.clip(ink.colour.round(), 0, 255))
        return Setting(
            size=size * unit,
            family=family,  # type: ignore[arg-type]
            bold=bool(bold),
            italic=bool(italic),
            color=(red, green, blue),
            baseline=(baseline - PAD * strip.shape[0] / (1 + 2 * PAD)) * unit,
            origin=origin,
            blur=blur * unit,
        )


PAD = 0.15
"""A strip reaches beyond its polygon by this share of the polygon's height, above and below."""


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


def upright(pixels: Rgb, polygon: Polygon, scale: float) -> tuple[Rgb, float]:
    """Return a line as a level strip, and how many pixels of the page one of its rows takes.

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
    pad = PAD * high
    rows = max(3, round((high + 2 * pad) / step))
    columns = max(3, round(wide / step))
    u = (np.arange(columns) + 0.5) * step
    v = (np.arange(rows) + 0.5) * step - pad
    ax, ay = (b.x - a.x) * scale / max(wide, 1e-6), (b.y - a.y) * scale / max(wide, 1e-6)
    dx, dy = (d.x - a.x) * scale / max(high, 1e-6), (d.y - a.y) * scale / max(high, 1e-6)
    x = a.x * scale + u[None, :] * ax + v[:, None] * dx - 0.5
    y = a.y * scale + u[None, :] * ay + v[:, None] * dy - 0.5
    order = 0 if abs(ay) + abs(dx) < 1e-9 and step == 1.0 else 1
    strip = np.stack(
        [
            map_coordinates(pixels[..., c].astype(np.float32), (y, x), order=order, mode="nearest")
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

    @classmethod
    def of(cls, cover: Grey, text: str) -> Look | None:
        """Return the look that fits a strip best, given its text; None where nothing compares."""
        import numpy as np

        rows = np.flatnonzero((cover > 0.4).any(axis=1))
        columns = np.flatnonzero((cover > 0.4).any(axis=0))
        text = " ".join(text.split())
        if len(rows) < 4 or len(columns) < 3 or not text:
            return None
        kept = _beginning(text)
        share = len(kept) / len(text)
        x0, x1 = int(columns[0]), int(columns[-1]) + 1
        if share < 1:
            x1 = x0 + round((x1 - x0) * share)
        found = [
            look
            for family, bold, italic in _CLASSES
            if (look := _compare(cover, kept, x0, x1, family, bold, italic)) is not None
        ]
        if not found:
            return None
        best = max(found, key=lambda look: look.match)
        slanted = _compare(cover, kept, x0, x1, best.family, best.bold, True)
        if slanted is not None and slanted.match > best.match + 0.03:
            best = slanted
        return best


def _beginning(text: str) -> str:
    """Return the beginning of a long text: it tells as much, and drifts less."""
    if len(text) <= _LONGEST:
        return text
    cut = text.rfind(" ", 0, _LONGEST)
    return text[: cut if cut > 10 else _LONGEST]


def _compare(
    cover: Grey, text: str, x0: int, x1: int, family: Family, bold: bool, italic: bool
) -> Look | None:
    """Set the text in a face over the ink and return the look with how well it matches."""
    import numpy as np
    from scipy.ndimage import gaussian_filter

    from ..typeset.faces import chain
    from ..typeset.shape import shape

    shaped = shape(text, chain(family, bold=bold, italic=italic))
    if shaped.missing or not shaped.runs:
        return None
    box = extents(shaped)
    if box is None:
        return None
    left, bottom, right, top = box
    ink = cover[:, x0:x1]
    profile = np.flatnonzero((ink > 0.4).sum(axis=1) >= 1)
    if len(profile) < 3:
        return None
    y0, y1 = int(profile[0]), int(profile[-1]) + 1
    size = (y1 - y0) / max(top - bottom, 1e-6)
    wide = (x1 - x0) / max(right - left, 1e-6)
    # Letters keep their shape: a face whose width does not follow from its height is another one.
    squeeze = wide / size
    if not 0.5 < squeeze < 2.0:
        return None
    drawn = _drawn(
        shaped, wide, size, (y1 - y0 + 8, x1 - x0 + 8), (4 - left * wide, 4 + top * size)
    )
    window = np.zeros_like(drawn)
    part = cover[max(0, y0 - 4) : y1 + 4, max(0, x0 - 4) : x1 + 4]
    dy, dx = max(0, 4 - y0), max(0, 4 - x0)
    part = part[: window.shape[0] - dy, : window.shape[1] - dx]
    window[dy : dy + part.shape[0], dx : dx + part.shape[1]] = part
    best, blur = -1.0, 0.6
    for sigma in _BLURS:
        match = _alike(gaussian_filter(drawn, sigma), window)
        if match > best:
            best, blur = match, sigma
    penalty = 0.5 * abs(math.log(squeeze))
    return Look(family, bold, italic, size, y0 + top * size, blur, best - penalty)


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
