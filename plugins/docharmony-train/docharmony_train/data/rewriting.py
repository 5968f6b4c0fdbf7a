"""Rewrite pairs: the same crop with one text and with another in its place, in the same style."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from .corpus import Corpus
from .fonts import Fonts
from .scenes import Image, Photos, decorate, ground, ink_for, write

MOST = 24  # characters of a text that is written
SMALLEST = 8  # pixels an em


class Rewrite(NamedTuple):
    """Crops (S, S, 3) before and after, the place (S, S) as 255, and what stands there after."""

    after: Image
    before: Image
    mask: Image
    text: str


def draw(
    corpus: Corpus, fonts: Fonts, photos: Photos, rng: np.random.Generator, side: int
) -> Rewrite | None:
    """Return a pair on any ground, with other text of the same style around; None if none fitted."""
    clean = ground(rng, photos, side, side)
    decorate(rng, clean, int(rng.integers(0, 4)))
    most = int(rng.integers(2, MOST + 1))
    old, new = (corpus.text(rng)[:most].strip() for _ in range(2))
    font = fonts.draw(rng, old + new) if old and new else None
    if font is None or old == new:
        return None
    em = float(np.exp(rng.uniform(np.log(12), np.log(side / 5))))
    face = font.at(max(6, round(em)))
    wide = max(face.getlength(old), face.getlength(new))
    if wide > side - 8:
        em *= (side - 10) / wide
        face = font.at(max(6, round(em)))
        wide = max(face.getlength(old), face.getlength(new))
    if em < SMALLEST or wide > side - 8:
        return None
    x, baseline = rng.uniform(4, side - 4 - wide), rng.uniform(1.1 * em, side - 0.4 * em)
    place = clean[int(baseline - 0.7 * em) : int(baseline), int(x) : int(x + wide)]
    ink, opacity = ink_for(rng, place), rng.uniform(0.7, 1)
    # Lines above and below, and what goes before on the same line, show the style.
    for row in (-2, -1, 1, 2):
        text = corpus.text(rng)[:MOST]
        if rng.random() < 0.7 and font.has(text):
            write(clean, text, font, em, x, baseline + row * 1.3 * em, ink, opacity)
    lead = corpus.text(rng)[:8]
    if font.has(lead):
        start = x - face.getlength(lead + " ")
        write(clean, lead, font, em, start, baseline, ink, opacity)
    before, after = clean.copy(), clean.copy()
    for image, text in ((before, old), (after, new)):
        write(image, text, font, em, x, baseline, ink, opacity)
    mask = np.zeros((side, side), np.uint8)
    margin = 0.1 * em
    corner = (int(x - margin), int(baseline - 0.85 * em))
    cv2.rectangle(mask, corner, (int(x + wide + margin), int(baseline + 0.3 * em)), 255, -1)
    # Strokes may leave the box (tails, accents): what changes is to be painted.
    changed = (before != after).any(2).astype(np.uint8) * 255
    mask = np.maximum(mask, np.asarray(cv2.dilate(changed, np.ones((3, 3), np.uint8))))
    return Rewrite(after, before, mask, new)
