"""Faces: the text that was read is set in faces of each class; what looks most like the picture tells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..model import Family

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Grey = npt.NDArray[np.float32]
    Rgb = npt.NDArray[np.uint8]

# Letters that lie a little beside those they are compared with match better when both are soft, pixels.
_SOFTER, _SOFT = (0.0, 0.7, 1.4), 0.02
_MOST_WORDS = 6
# Coverage from which pixels tell how strong the ink is.
_RANKED = 0.3
# What is no more than this stronger is as strong.
_STRONGER = 1.03
# By how much a bold or a slanted face must match better than a plain one.
_BOLD, _SLANT = 0.02, 0.015
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
        cls,
        cover: Grey,
        texts: Sequence[str],
        words: Sequence[tuple[float, float]],
        *,
        blur: float = 0.6,
        tilted: bool = False,
    ) -> tuple[list[Look], int]:
        """Return the look in each face, and how many letters were compared.

        Args:
            cover: of the strip.
            texts: its words.
            words: where they stand.
            blur: how soft its edges are, standard deviation in rows.
            tilted: whether it is seen in perspective, so that its width says nothing about the face.
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
        looks = [_compare(samples, *kind, blur=blur, tilted=tilted) for kind in _CLASSES]
        return looks, sum(len(s.text) for s in samples)


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
    samples: Sequence[_Sample],
    family: Family,
    bold: bool,
    italic: bool,
    font: str,
    *,
    blur: float,
    tilted: bool,
) -> Look:
    """Set the words in a face over their ink and return the look with how well it matches."""
    from statistics import median

    import numpy as np
    from scipy.ndimage import gaussian_filter

    from ..typeset.faces import chain
    from ..typeset.shape import shape

    faces = chain(family, bold=bold, italic=italic, like=font)
    pairs: list[tuple[Grey, Grey, float, float, float]] = []
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
        picture = drawn(shaped, wide, size, sample.ink.shape, origin)
        pairs.append((picture, sample.ink, size, wide, sample.top + top * size))
    nothing = Look(family, bold, italic, 0.0, 0.0, blur, -1.0, 1.0, font)
    if not pairs:
        return nothing
    # A word that was cut wrongly or misread has another size than the rest.
    usual = median(item[2] for item in pairs)
    pairs = [item for item in pairs if abs(item[2] - usual) <= 0.15 * usual] or pairs
    pictures = [(gaussian_filter(picture, blur), ink) for picture, ink, *_ in pairs]
    best = -1.0
    for more in _SOFTER:
        if more:
            pictures = [(gaussian_filter(a, 0.7), gaussian_filter(b, 0.7)) for a, b in pictures]
        found = sorted(_alike(picture, ink) for picture, ink in pictures)
        # The better half: what was misread looks like nothing.
        best = max(best, float(np.mean(found[len(found) // 2 :])) - _SOFT * more)
    # So only that half tells the colour.
    told = sorted(pairs, key=lambda item: _alike(gaussian_filter(item[0], blur), item[1]))
    told = told[len(told) // 2 :]
    size = median(item[2] for item in pairs)
    stretch = median(item[3] for item in pairs) / size
    baseline = median(item[4] for item in pairs)
    # A face whose width does not follow from its height is another one.
    match = best if tilted else best - 0.6 * abs(math.log(stretch))
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
        _strength(told, blur),
    )


def _strength(pairs: Sequence[tuple[Grey, Grey, float, float, float]], blur: float) -> float:
    """Return by how much blurred letters must be stronger to come to what is seen (least squares).

    Dark pixels are compared by rank, not by place: letters that lie a little beside those they are
    compared with are as dark.
    """
    import numpy as np
    from scipy.ndimage import gaussian_filter

    product = square = 0.0
    for picture, ink, *_ in pairs:
        soft = np.sort(gaussian_filter(picture, blur), axis=None)
        seen = np.sort(ink, axis=None)[soft > _RANKED]
        soft = soft[soft > _RANKED]
        product += float((soft * seen).sum())
        square += float((soft * soft).sum())
    # Never weaker: letters of another face than they are compared with only seem to be.
    strength = min(2.0, product / max(square, 1e-6))
    return strength if strength > _STRONGER else 1.0


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


def drawn(
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


def advance(text: str, look: Look) -> float:
    """Return how wide a text is in a look's face, in em."""
    from ..typeset.faces import chain
    from ..typeset.shape import shape

    return shape(text, chain(look.family, bold=look.bold, italic=look.italic, like=look.font)).width
