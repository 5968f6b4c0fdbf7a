"""Single text lines as ink: white on black, one em 40 pixels, before any degradation.

A canvas is 72 pixels high with the baseline at 46.4, and shows half an em on either side of the
text; cutting, colouring and spoiling it is the work of ``degrade``, on the training device.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from . import ABOVE
from .corpus import Corpus
from .fonts import Font, Fonts

EM = 40
HEIGHT = 72
TOP = 16  # of the line's box
BASELINE = TOP + ABOVE * EM
WIDTHS = (128, 256, 384, 560, 800, 1240)  # of the pools; a wider line is not used

Ink = npt.NDArray[np.uint8]


class Line(NamedTuple):
    """Ink (72, W) of a line and what it says."""

    ink: Ink
    text: str


def draw(corpus: Corpus, fonts: Fonts, rng: np.random.Generator) -> Line | None:
    """Return a line of text in a font, or None when the draw cannot be used."""
    text = corpus.text(rng)
    font = fonts.draw(rng, text)
    if font is None:
        return None
    pixels = int(rng.choice((14, 18, 22, 28, 34, 40, 40, 40)))  # small ones get their own hinting
    ink = _set(font, text, pixels, rng)
    if ink is None or int((ink > 60).sum()) < 12:
        return None
    if rng.random() < 0.25:
        _add_neighbours(ink, corpus.words(rng, 2, 8), font, rng)
    return Line(ink, text)


def _set(font: Font, text: str, pixels: int, rng: np.random.Generator) -> Ink | None:
    """Return the text set with plain, tracked or widely spaced words, scaled to an em of 40."""
    face, scale = font.at(pixels), EM / pixels
    pieces, gap = [text], 0.0
    style = rng.random()
    if style < 0.15:
        pieces, gap = list(text), rng.uniform(-0.03, 0.25) * pixels
    elif style < 0.23:
        pieces, gap = text.split(" "), rng.uniform(2, 3.5) * face.getlength(" ")
    places = [0.0]
    for piece in pieces:
        places.append(places[-1] + face.getlength(piece) + gap)
    length = places.pop() - gap
    width = int(length * scale + EM)
    if width > WIDTHS[-1] or length < 1:
        return None
    canvas = Image.new("L", (int(length + pixels) + 2, int(HEIGHT / scale) + 1), 0)
    pen = ImageDraw.Draw(canvas)
    for x, piece in zip(places, pieces, strict=True):
        pen.text((pixels / 2 + x, BASELINE / scale), piece, font=face, fill=255, anchor="ls")
    ink = np.asarray(canvas)
    if pixels != EM:
        how = cv2.INTER_LINEAR if rng.random() < 0.5 else cv2.INTER_CUBIC
        ink = np.asarray(cv2.resize(ink, None, fx=scale, fy=scale, interpolation=how))
    ink = np.pad(ink, ((0, max(0, HEIGHT - len(ink))), (0, max(0, width - ink.shape[1]))))
    return np.ascontiguousarray(ink[:HEIGHT, :width])


def _add_neighbours(ink: Ink, text: str, font: Font, rng: np.random.Generator) -> None:
    """Let pieces of the lines above and below show, as in real crops."""
    if not font.has(text):
        return
    canvas = Image.new("L", (ink.shape[1], HEIGHT), 0)
    pen, leading = ImageDraw.Draw(canvas), rng.uniform(1.05, 1.5) * EM
    for side in (-leading, leading):
        place = (rng.uniform(-60, 40), BASELINE + side)
        pen.text(place, text, font=font.at(EM), fill=255, anchor="ls")
    np.maximum(ink, np.asarray(canvas), out=ink)


def cut(
    page: Ink, box: tuple[float, float, float, float], text: str, rng: np.random.Generator
) -> Line | None:
    """Return a level line of a rendered grey page as ink, or None when it cannot be used.

    Args:
        page: (H, W), dark on light or light on dark.
        box: of the line by the common rule, in pixels; its height is the em.
        text: what it says.
        rng: picks how it is resampled.
    """
    x0, y0, x1, y1 = box
    em = y1 - y0
    scale = EM / em
    width = int((x1 - x0) * scale + EM)
    if not EM < width <= WIDTHS[-1]:
        return None
    left, top = max(0, int(x0 - em)), max(0, int(y0 - em))
    part = page[top : int(y1 + em), left : int(x1 + em)]
    if min(part.shape) < 4:
        return None
    shift = np.array([[1, 0, EM / 2 - (x0 - left) * scale], [0, 1, TOP - (y0 - top) * scale]])
    if scale < 0.9:
        part = np.asarray(cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    else:
        shift[:, :2] *= scale
    how = cv2.INTER_LINEAR if rng.random() < 0.6 else cv2.INTER_CUBIC
    grey = cv2.warpAffine(
        part, shift, (width, HEIGHT), flags=how, borderMode=cv2.BORDER_REPLICATE
    ).astype(np.float32)
    inner = grey[12:-12]
    distance = np.abs(grey - np.median(inner))
    strongest = float(np.percentile(np.abs(inner - np.median(inner)), 99.5))
    if strongest < 50:
        return None
    return Line(np.clip(distance * (255 / strongest), 0, 255).astype(np.uint8), text)
