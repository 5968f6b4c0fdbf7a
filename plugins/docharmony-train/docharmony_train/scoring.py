"""Scores: edits, words, boxes, and pictures."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Corners = npt.NDArray[np.float64]

BEST_PSNR = 50.0  # dB; above it nothing can be seen, and a mean would be ruled by flat crops


@dataclass(frozen=True, slots=True)
class Words:
    """Counts of words that add up over pages; ``f1`` compares them as bags."""

    hits: int = 0
    wanted: int = 0
    found: int = 0

    def __add__(self, other: Words) -> Words:
        return Words(self.hits + other.hits, self.wanted + other.wanted, self.found + other.found)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 0..1."""
        return 2 * self.hits / max(1, self.wanted + self.found)


class Boxes(Words):
    """Counts of boxes; a hit is a pair with an IoU of at least one half."""

    __slots__ = ()

    def __add__(self, other: Words) -> Boxes:
        return Boxes(self.hits + other.hits, self.wanted + other.wanted, self.found + other.found)


def count_words(truth: Iterable[str], found: Iterable[str]) -> Words:
    """Return how many words two texts share, each as often as it stands in both.

    >>> count_words(["a b b"], ["b a c"])
    Words(hits=2, wanted=3, found=3)
    """
    a, b = (Counter(word for text in texts for word in text.split()) for texts in (truth, found))
    return Words((a & b).total(), a.total(), b.total())


def distance(a: str, b: str) -> int:
    """Return Levenshtein's distance.

    >>> distance("kitten", "sitting")
    3
    """
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


def script(text: str) -> str:
    """Return ``greek``, ``cyrillic`` or ``latin``: the script of most of the letters.

    >>> script("Итого 12 EUR"), script("12,50")
    ('cyrillic', 'latin')
    """
    names = (unicodedata.name(c, "").split(" ")[0].lower() for c in text if c.isalpha())
    counts = Counter(name for name in names if name in ("greek", "cyrillic", "latin"))
    return counts.most_common(1)[0][0] if counts else "latin"


def match_boxes(truth: Sequence[Corners], found: Sequence[Corners]) -> Boxes:
    """Return the counts of boxes; each found one may hit one true one, best pairs first."""
    pairs = []
    for i, a in enumerate(truth):
        for j, b in enumerate(found):
            if (a.min(0) < b.max(0)).all() and (b.min(0) < a.max(0)).all():
                overlap = _iou(a, b)
                if overlap >= 0.5:
                    pairs.append((overlap, i, j))
    left: set[int] = set()
    right: set[int] = set()
    for _, i, j in sorted(pairs, reverse=True):
        if i not in left and j not in right:
            left.add(i)
            right.add(j)
    return Boxes(len(left), len(truth), len(found))


def psnr(clean: Image, image: Image, mask: npt.NDArray[np.bool_]) -> float:
    """Return the peak signal-to-noise ratio under a mask in dB, at most BEST_PSNR."""
    if not mask.any():
        return BEST_PSNR
    error = clean[mask].astype(np.float64) - image[mask]
    return float(min(BEST_PSNR, 10 * np.log10(255**2 / max(float((error**2).mean()), 1e-9))))


def ssim(a: Image, b: Image) -> float:
    """Return the structural similarity (Wang et al. 2004), Gaussian window of 11, mean of channels."""

    def smooth(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(cv2.GaussianBlur(x, (11, 11), 1.5))

    x, y = a.astype(np.float64), b.astype(np.float64)
    mx, my = smooth(x), smooth(y)
    vx, vy, xy = smooth(x * x) - mx**2, smooth(y * y) - my**2, smooth(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    value = (2 * mx * my + c1) * (2 * xy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    return float(value.mean())


def _iou(a: Corners, b: Corners) -> float:
    first, second = a.astype(np.float32), b.astype(np.float32)
    shared, _ = cv2.intersectConvexConvex(first, second)
    return float(shared / (cv2.contourArea(first) + cv2.contourArea(second) - shared + 1e-6))
