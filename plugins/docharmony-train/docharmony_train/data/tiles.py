"""Tiles of pages and scenes with the map that the locator is to predict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from .corpus import Corpus
from .fonts import Font, Fonts
from .pages import Pages
from .scenes import Image, Photos, decorate, ground, ink_for, paper, write

STRIDE = 4  # pixels a point of the map
SMALLEST = 6  # pixels; lines of a smaller em are neither wanted nor punished

Corners = npt.NDArray[np.float64]  # (4, 2), clockwise from the text's top left


class Tile(NamedTuple):
    """A tile.

    Attributes:
        image: (S, S, 3).
        target: (3, S/4, S/4): the kernel of each line (its middle half, ends drawn in) as 0 or 255;
            255 where the point counts; the code of the line's em, ``40 * log2(em / 4)``.
        lines: corners of the lines in pixels.
    """

    image: Image
    target: Image
    lines: list[Corners]


def target(lines: Sequence[Corners], unknown: Sequence[Corners], side: int) -> Image:
    """Return the map (3, side/4, side/4) of a tile; ``unknown`` areas do not count."""
    n = side // STRIDE
    kernel, weight, code = (np.full((n, n), v, np.uint8) for v in (0, 255, 0))
    for area in unknown:
        _fill(weight, area, 0)
    for corners in lines:
        em = float(np.linalg.norm(corners[3] - corners[0]))
        length = float(np.linalg.norm(corners[1] - corners[0]))
        if em < SMALLEST or length < 2.5:
            _fill(weight, corners, 0)
            continue
        along, down = (corners[1] - corners[0]) / length, (corners[3] - corners[0]) / em
        inset = min(0.25 * em, 0.2 * length) * along
        upper, lower = 0.25 * em * down, 0.75 * em * down
        inner = np.stack([corners[0] + inset + upper, corners[1] - inset + upper,
                          corners[1] - inset + lower, corners[0] + inset + lower])  # fmt: skip
        _fill(kernel, inner, 255)
        _fill(weight, inner, 255)
        _fill(code, inner, int(np.clip(np.log2(em / 4) * 40, 1, 255)))
    return np.stack([kernel, weight, code])


def draw_scene(
    corpus: Corpus, fonts: Fonts, photos: Photos, rng: np.random.Generator, side: int
) -> Tile:
    """Return a receipt, a form, a poster or words in a scene, seen from a slant half of the time."""
    image = ground(rng, photos, side, side)
    decorate(rng, image, int(rng.integers(0, 7)))
    board = _Board(image, rng)
    if rng.random() < 0.45:
        _rows(board, corpus, fonts)
    else:
        _scattered(board, corpus, fonts)
    lines = board.lines
    if rng.random() < 0.6:
        look = _camera(rng, side, side, side, zoom=rng.uniform(0.8, 1.25))
        image = np.asarray(
            cv2.warpPerspective(image, look, (side, side), borderMode=cv2.BORDER_REPLICATE)
        )
        lines = _moved(lines, look)
    return Tile(np.ascontiguousarray(image), target(lines, [], side), lines)


def draw_page(
    pages: Pages, photos: Photos, rng: np.random.Generator, side: int, count: int = 3
) -> list[Tile]:
    """Return tiles of one PDF page, on a desk, turned, slanted, on paper of any tint."""
    key = pages.draw(rng)
    dpi = rng.uniform(62, 150)
    image = pages.render(key, dpi)
    height, width = image.shape[:2]
    if rng.random() < 0.35:
        tint = paper(rng, photos, height, width).astype(np.float32) / 255
        image = (image * tint).astype(np.uint8)
    if rng.random() < 0.07:
        image = 255 - image
    scale = dpi / 72
    corners = [line.polygon * scale for line in pages.lines(key)]
    unknown = [_rectangle(*(box * scale)) for box in pages.pictures(key)]
    inside = np.full((height, width), 255, np.uint8)
    found = []
    for _ in range(count):
        look = _camera(rng, width, height, side)
        seen = np.asarray(cv2.warpPerspective(image, look, (side, side)))
        mask = np.asarray(cv2.warpPerspective(inside, look, (side, side))) > 250
        desk = ground(rng, photos, side, side) if rng.random() < 0.6 else np.uint8(255)
        tile = np.where(mask[..., None], seen, desk).astype(np.uint8)
        lines = _moved(corners, look)
        found.append(Tile(tile, target(lines, _moved(unknown, look), side), lines))
    return found


class _Board:
    """An image on which no two lines overlap."""

    def __init__(self, image: Image, rng: np.random.Generator) -> None:
        self.image, self.rng = image, rng
        self.side = image.shape[0]
        self.lines: list[Corners] = []
        self._taken = np.zeros((self.side // 4, self.side // 4), bool)

    def put(self, text: str, font: Font, em: float, x: float, baseline: float) -> bool:
        """Write a line where there is room for all of it; return whether there was."""
        length = font.at(max(6, round(em))).getlength(text)
        box = np.array([x - 0.4 * em, baseline - em, x + length + 0.4 * em, baseline + 0.4 * em])
        if x < 2 or x + length > self.side - 2 or box[1] < 2 or baseline + 0.3 * em > self.side:
            return False
        x0, y0, x1, y1 = (max(0, int(v)) for v in np.append(box[:2] // 4, box[2:] // 4 + 1))
        if self._taken[y0:y1, x0:x1].any():
            return False
        self._taken[y0:y1, x0:x1] = True
        region = self.image[int(baseline - 0.7 * em) : int(baseline), int(x) : int(x + length)]
        ink, opacity = ink_for(self.rng, region), self.rng.uniform(0.75, 1)
        written = write(self.image, text, font, em, x, baseline, ink, opacity)
        if written is not None:
            self.lines.append(written[0])
        return True


def _rows(board: _Board, corpus: Corpus, fonts: Fonts) -> None:
    """Fill a board as receipts, tables and forms are: rows with columns."""
    rng, side = board.rng, board.side
    em = rng.uniform(9, 22)
    font = fonts.draw(rng, "Aé9") or fonts.fonts[0]
    columns = np.sort(rng.uniform(4, side * 0.85, int(rng.integers(1, 5))))
    y, leading = rng.uniform(1.2, 3) * em, rng.uniform(1.1, 2.4)
    while y < side:
        if rng.random() < 0.1:
            em = rng.uniform(9, 26)
            font = fonts.draw(rng, "Aé9") or font
        for x in columns:
            text = corpus.text(rng)[:40].strip()
            if rng.random() < 0.75 and text and font.has(text):
                board.put(text, font, em, x + (0 if rng.random() < 0.8 else rng.uniform(0, 20)), y)
        y += em * leading * (1 if rng.random() < 0.9 else rng.uniform(1.3, 3))


def _scattered(board: _Board, corpus: Corpus, fonts: Fonts) -> None:
    """Fill a board as posters and scenes are: lines and short paragraphs of many sizes."""
    rng, side = board.rng, board.side
    for _ in range(int(rng.integers(3, 34))):
        largest = min(90 if rng.random() < 0.4 else 28, side / 4)
        em = float(np.exp(rng.uniform(np.log(9), np.log(largest))))
        text = corpus.text(rng)[: int(rng.integers(2, 60))].strip()
        font = fonts.draw(rng, text) if text else None
        if font is None:
            continue
        x, baseline = rng.uniform(0, side * 0.7), rng.uniform(em, side - 4)
        for row in range(int(rng.integers(1, 4)) if rng.random() < 0.4 else 1):
            if not font.has(text):
                break
            board.put(text, font, em, x, baseline + row * em * 1.25)
            text = corpus.text(rng)[:40].strip() or text


def _camera(
    rng: np.random.Generator, width: float, height: float, side: int, zoom: float = 1.0
) -> npt.NDArray[np.float64]:
    """Return a homography from a sheet to a tile: turned, sheared, in perspective."""
    kind = rng.random()
    degrees = rng.normal(0, 0.6)
    if kind >= 0.5:
        degrees = rng.uniform(-6, 6) if kind < 0.85 else rng.uniform(-25, 25)
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    turn = np.array([[c, -s], [s, c]]) * zoom
    shear = np.array([[1, rng.normal(0, 0.02)], [0, rng.uniform(0.93, 1.07)]])
    affine = np.eye(3)
    affine[:2, :2] = turn @ shear
    centre = np.array([rng.uniform(0.15, 0.85) * width, rng.uniform(0.15, 0.85) * height])
    affine[:2, 2] = -affine[:2, :2] @ centre
    slant, middle = np.eye(3), np.eye(3)
    if rng.random() < 0.3:
        slant[2, :2] = rng.normal(0, 1.2e-4, 2)
    middle[:2, 2] = side / 2
    return np.asarray(middle @ slant @ affine)


def _moved(lines: Sequence[Corners], look: npt.NDArray[np.float64]) -> list[Corners]:
    if not len(lines):
        return []
    flat = np.asarray(lines, np.float64).reshape(-1, 1, 2)
    return list(cv2.perspectiveTransform(flat, look).reshape(-1, 4, 2).astype(np.float64))


def _rectangle(x0: float, y0: float, x1: float, y1: float) -> Corners:
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])


def _fill(plane: Image, corners: Corners, value: int) -> None:
    # Four bits below the point: kernels of small text are a point or two high.
    points = np.round((corners / STRIDE - 0.5) * 16).astype(np.int32)
    cv2.fillPoly(plane, [points], value, shift=4)
