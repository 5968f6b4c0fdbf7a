"""Grounds and things that text stands on: paper, gradients, photos, rules, boxes, grids."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as Pictures
from PIL import ImageDraw

from . import ABOVE, BELOW
from .fonts import Font

Image = npt.NDArray[np.uint8]  # (H, W, 3) RGB
Floats = npt.NDArray[np.float32]


class Photos:
    """The photos of one split; may be none."""

    def __init__(self, assets: Path, split: str) -> None:
        """Load them all: they are few and small."""
        files = sorted((assets / "photos" / split).glob("*.jpg"))
        self._images = [np.asarray(Pictures.open(file).convert("RGB")) for file in files]

    def __len__(self) -> int:
        return len(self._images)

    def crop(self, rng: np.random.Generator, height: int, width: int) -> Image:
        """Return a piece of a photo at a random scale, mirrored half of the time."""
        image = self._images[int(rng.integers(len(self._images)))]
        scale = rng.uniform(0.35, 1.3)
        h = min(int(height * scale) + 8, image.shape[0])
        w = min(int(width * scale) + 8, image.shape[1])
        y, x = (int(rng.integers(n + 1)) for n in (image.shape[0] - h, image.shape[1] - w))
        piece = cv2.resize(image[y : y + h, x : x + w], (width, height))
        return np.asarray(piece[:, ::-1] if rng.random() < 0.5 else piece, np.uint8)


def colour(rng: np.random.Generator, light: bool | None = None) -> Floats:
    """Return an RGB colour 0..255, light or dark or any."""
    if light is None:
        return rng.uniform(0, 255, 3).astype(np.float32)
    level = rng.uniform(190, 255) if light else rng.uniform(0, 90)
    spread = 12 if rng.random() < 0.6 else 45
    return np.clip(level + rng.normal(0, spread, 3), 0, 255).astype(np.float32)


def ground(rng: np.random.Generator, photos: Photos, height: int, width: int) -> Image:
    """Return a ground without text: flat or shaded paper, fibre, stripes, or a photo."""
    if len(photos) and rng.random() < 0.2:
        image = photos.crop(rng, height, width).astype(np.float32)
        if rng.random() < 0.3:  # faded, as a watermark
            image = 255 - (255 - image) * rng.uniform(0.15, 0.5)
        return image.astype(np.uint8)
    light = True if rng.random() < 0.75 else (False if rng.random() < 0.6 else None)
    base = colour(rng, light)
    image = np.broadcast_to(base, (height, width, 3)).astype(np.float32).copy()
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    if rng.random() < 0.45:
        other = np.clip(base + rng.normal(0, 45, 3), 0, 255)
        angle = rng.uniform(0, 2 * np.pi)
        along = xs * np.cos(angle) / width + ys * np.sin(angle) / height
        share = ((along - along.min()) / (np.ptp(along) + 1e-6))[..., None]
        image = image * (1 - share) + other * share
    if rng.random() < 0.4:  # creases and shadows
        image += _clouds(rng, height, width, int(rng.integers(2, 8))) * rng.uniform(2, 14)
    if rng.random() < 0.4:  # fibre
        image += _clouds(rng, height, width, int(rng.integers(20, 120))) * rng.uniform(1, 9)
    if rng.random() < 0.3:
        image += rng.standard_normal((height, width, 1)) * rng.uniform(1, 8)
    if rng.random() < 0.08:  # guilloche
        angle, period = rng.uniform(0, np.pi), rng.uniform(4, 24)
        phase = (xs * np.cos(angle) + ys * np.sin(angle)) * 2 * np.pi / period
        waves = np.sin(phase + 2 * _clouds(rng, height, width, 4)[..., 0])
        image += waves[..., None] * rng.uniform(4, 22)
    return np.clip(image, 0, 255).astype(np.uint8)


def paper(rng: np.random.Generator, photos: Photos, height: int, width: int) -> Image:
    """Return a ground that is light on the whole, to print dark text on."""
    image = ground(rng, photos, height, width)
    return image if image.mean() > 140 else 255 - image


def decorate(rng: np.random.Generator, image: Image, count: int) -> None:
    """Draw filled boxes, frames, rules and table grids into an image."""
    height, width = image.shape[:2]
    for _ in range(count):
        paint = tuple(int(v) for v in colour(rng, bool(rng.random() < 0.4)))
        x0, y0 = int(rng.integers(-width // 8, width)), int(rng.integers(-height // 8, height))
        x1, y1 = x0 + int(rng.integers(20, width)), y0 + int(rng.integers(10, max(12, height // 2)))
        thick = int(rng.integers(1, 4))
        kind = int(rng.integers(5))
        if kind == 0:
            cv2.rectangle(image, (x0, y0), (x1, y1), paint, -1)
        elif kind == 1:
            cv2.rectangle(image, (x0, y0), (x1, y1), paint, thick, cv2.LINE_AA)
        elif kind == 2:
            end = (x1, y0 + int(rng.integers(-2, 3)))
            cv2.line(image, (x0, y0), end, paint, thick, cv2.LINE_AA)
        elif kind == 3:
            end = (x0 + int(rng.integers(-3, 4)), y1)
            cv2.line(image, (x0, y0), end, paint, thick, cv2.LINE_AA)
        else:
            for x in range(x0, x1 + 1, int(rng.integers(30, 160))):
                cv2.line(image, (x, y0), (x, y1), paint, thick)
            for y in range(y0, y1 + 1, int(rng.integers(14, 60))):
                cv2.line(image, (x0, y), (x1, y), paint, thick)


def write(
    image: Image,
    text: str,
    font: Font,
    em: float,
    x: float,
    baseline: float,
    ink: Floats,
    opacity: float,
) -> tuple[npt.NDArray[np.float64], Image, tuple[slice, slice]] | None:
    """Write a line into an image.

    Returns:
        The line's corners (4, 2) by the common rule; the coverage of its glyphs, 0..255; and where
        in the image that coverage lies. None when nothing of it falls into the image.
    """
    pixels = max(6, round(em))
    face = font.at(pixels)
    length = face.getlength(text)
    height, width = image.shape[:2]
    left, right = max(0, int(x - pixels / 2)), min(width, int(x + length + pixels / 2))
    top, bottom = max(0, int(baseline - 1.1 * pixels)), min(height, int(baseline + pixels / 2))
    if right - left < 4 or bottom - top < 4:
        return None
    canvas = Pictures.new("L", (right - left, bottom - top), 0)
    place = (x - left, baseline - top)
    ImageDraw.Draw(canvas).text(place, text, font=face, fill=255, anchor="ls")
    glyphs = np.asarray(canvas)
    where = (slice(top, bottom), slice(left, right))
    share = glyphs[..., None].astype(np.float32) / 255 * opacity
    image[where] = (image[where] * (1 - share) + ink * share).astype(np.uint8)
    y0, y1 = baseline - ABOVE * pixels, baseline + BELOW * pixels
    corners = np.array([[x, y0], [x + length, y0], [x + length, y1], [x, y1]])
    return corners, glyphs, where


def ink_for(rng: np.random.Generator, region: Image) -> Floats:
    """Return a colour that can be read on a region of an image."""
    weights = np.array([0.299, 0.587, 0.114])
    level = float(region.reshape(-1, 3).mean(0) @ weights) if region.size else 255.0
    for _ in range(12):
        paint = colour(rng, level < 128 if rng.random() < 0.85 else None)
        if abs(float(paint @ weights) - level) > 70:
            return paint
    return np.full(3, 0 if level > 128 else 255, np.float32)


def _clouds(rng: np.random.Generator, height: int, width: int, cells: int) -> Floats:
    """Return smooth noise (H, W, 1), about one hill a cell."""
    scale = cells / max(height, width)
    coarse = rng.standard_normal((max(2, int(height * scale) + 2), max(2, int(width * scale) + 2)))
    fine = cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(fine, np.float32)[..., None]
