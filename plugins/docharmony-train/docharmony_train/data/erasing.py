"""Erase pairs: an image without text, the same with text, and the mask of what to erase."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from .corpus import Corpus
from .fonts import Fonts
from .pages import Pages
from .scenes import Image, Photos, decorate, ground, ink_for, paper, write

Corners = npt.NDArray[np.float64]


class Pair(NamedTuple):
    """Clean and dirty image (S, S, 3), and the mask (S, S): 255 where text is to go."""

    clean: Image
    dirty: Image
    mask: Image


def draw_scene(
    corpus: Corpus, fonts: Fonts, photos: Photos, rng: np.random.Generator, side: int
) -> Pair | None:
    """Return a pair with text on paper, gradients, photos, boxes and rules; None if none fell in."""
    clean = ground(rng, photos, side, side)
    decorate(rng, clean, int(rng.integers(0, 6)))
    dirty, glyphs = clean.copy(), np.zeros((side, side), np.uint8)
    lines: list[Corners] = []
    em = float(np.exp(rng.uniform(np.log(11), np.log(70))))
    y = rng.uniform(0.8, 1.5) * em
    font = fonts.draw(rng, "Aé9") or fonts.fonts[0]
    while y < side + 0.3 * em:
        if rng.random() < 0.2:
            font = fonts.draw(rng, "Aé9") or font
        text = corpus.text(rng)
        if rng.random() < 0.8 and font.has(text):
            x = rng.uniform(-0.3, 0.5) * side
            region = dirty[max(0, int(y - em)) : int(y), max(0, int(x)) : int(x + 0.6 * side)]
            ink, opacity = ink_for(rng, region), rng.uniform(0.6, 1)
            written = write(dirty, text, font, em, x, y, ink, opacity)
            if written is not None:
                corners, coverage, where = written
                lines.append(corners)
                glyphs[where] = np.maximum(glyphs[where], coverage)
        y += em * rng.uniform(1.1, 2.2)
    return Pair(clean, dirty, _mask(rng, glyphs, lines)) if lines else None


def draw_page(
    pages: Pages, photos: Photos, rng: np.random.Generator, side: int, count: int = 6
) -> list[Pair]:
    """Return true pairs of a PDF page, rendered with and without its text objects."""
    key = pages.draw(rng)
    dpi = rng.uniform(70, 200)
    dirty, clean = pages.render_pair(key, dpi)
    height, width = clean.shape[:2]
    if dirty.shape != clean.shape or min(height, width) <= side:
        return []
    if rng.random() < 0.6:
        tint = paper(rng, photos, height, width).astype(np.float32) / 255
        clean, dirty = (clean * tint).astype(np.uint8), (dirty * tint).astype(np.uint8)
    glyphs = np.abs(clean.astype(np.int16) - dirty).max(2).astype(np.uint8)
    lines = [line.polygon * (dpi / 72) for line in pages.lines(key) if line.level]
    found: list[Pair] = []
    for _ in range(3 * count):
        y, x = int(rng.integers(height - side)), int(rng.integers(width - side))
        place = (slice(y, y + side), slice(x, x + side))
        # Flat white is soon learned: most such crops are left out.
        dull = clean[place].std() < 1.5 and rng.random() < 0.6
        if dull or (glyphs[place] > 40).mean() < 0.01:
            continue
        near = [line - (x, y) for line in lines]
        near = [c for c in near if (c[2] > 0).all() and (c[0] < side).all()]
        mask = _mask(rng, glyphs[place], near)
        found.append(Pair(clean[place].copy(), dirty[place].copy(), mask))
        if len(found) == count:
            break
    return found


def _mask(rng: np.random.Generator, glyphs: Image, lines: Sequence[Corners]) -> Image:
    """Return whole boxes half of the time, else the grown strokes."""
    if rng.random() < 0.5 and lines:
        mask = np.zeros(glyphs.shape, np.uint8)
        for corners in lines:
            margin = rng.uniform(0, 0.25) * (corners[3, 1] - corners[0, 1])
            x0, y0 = (int(v - margin) for v in corners[0])
            x1, y1 = (int(v + margin) for v in corners[2])
            cv2.rectangle(mask, (x0, y0), (x1, y1), 255, -1)
        return np.maximum(mask, _grown(glyphs, 24, 3))
    return _grown(glyphs, 20, int(rng.integers(2, 5)) * 2 - 1)


def _grown(glyphs: Image, threshold: int, size: int) -> Image:
    strokes = (glyphs > threshold).astype(np.uint8) * 255
    return np.asarray(cv2.dilate(strokes, np.ones((size, size), np.uint8)), np.uint8)
