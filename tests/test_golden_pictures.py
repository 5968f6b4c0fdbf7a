"""Replaced pictures compared with kept ones, within a tolerance; ``--update-golden`` writes them anew.

Look at tests/golden/replace/*.png before you commit new ones: the input stands above the output.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from scipy.ndimage import gaussian_filter, map_coordinates

from docharmony import BBox, Line, Page, Pipeline, Stage, Word, replace
from docharmony.geometry import Polygon
from docharmony.looks.plane import homography

GOLDEN = Path(__file__).parent / "golden" / "replace"
SIZE, FINE = (300, 70), 4
Pixels = np.ndarray[Any, Any]
Quad = list[tuple[float, float]]
BOARD: Quad = [(14, 12), (286, 22), (286, 50), (14, 66)]
# Mean difference of the pixels (of 255), and of the hundredth that differs most: rasterisers round.
MEAN, MOST = 1.5, 60.0


def letters(words: str = "Summer Sale") -> Image.Image:
    mask = Image.new("L", (SIZE[0] * FINE, SIZE[1] * FINE))
    font = ImageFont.load_default(38 * FINE)
    ImageDraw.Draw(mask).text((16 * FINE, 48 * FINE), words, font=font, fill=255, anchor="ls")
    return mask


def reduced(image: Image.Image, blur: float = 0.0, level: float = 0.0) -> Pixels:
    small = image.convert("RGB").resize(SIZE, Image.Resampling.BOX)
    small = small.filter(ImageFilter.GaussianBlur(blur))
    random = np.random.default_rng(0).normal(0.0, level, (SIZE[1], SIZE[0], 1))
    return np.clip(np.asarray(small) + random, 0, 255).round().astype(np.uint8)


def canvas(colour: tuple[int, int, int]) -> Image.Image:
    return Image.new("RGB", (SIZE[0] * FINE, SIZE[1] * FINE), colour)


def scan() -> Pixels:
    image = canvas((236, 232, 222))
    image.paste((50, 46, 44), (0, 0), letters())
    return reduced(image, 0.8, 4.0)


def gradient() -> Pixels:
    share = np.linspace(-0.3, 1.1, SIZE[1] * FINE).clip(0, 1)[:, None, None]
    fill = np.array((250, 240, 120)) * (1 - share) + np.array((240, 90, 20)) * share
    fill = np.broadcast_to(fill, (SIZE[1] * FINE, SIZE[0] * FINE, 3)).astype(np.uint8)
    return reduced(Image.composite(Image.fromarray(fill), canvas((30, 34, 70)), letters()))


def outline() -> Pixels:
    image = canvas((110, 150, 90))
    ImageDraw.Draw(image).text(
        (16 * FINE, 48 * FINE),
        "Summer Sale",
        font=ImageFont.load_default(38 * FINE),
        fill=(255, 255, 255),
        anchor="ls",
        stroke_width=2 * FINE,
        stroke_fill=(10, 10, 10),
    )
    return reduced(image)


def rules() -> Pixels:
    image = canvas((250, 250, 250))
    image.paste((30, 30, 120), (0, 0), letters())
    pen = ImageDraw.Draw(image)
    for y in (12, 34, 60):
        pen.line((0, y * FINE, SIZE[0] * FINE, y * FINE), fill=(150, 40, 40), width=FINE)
    return reduced(image)


def sign() -> Pixels:
    flat = np.asarray(letters(), float) / 255
    matrix = homography([(0, 0), (SIZE[0], 0), SIZE, (0, SIZE[1])], BOARD)
    u, v = np.meshgrid(np.arange(SIZE[0]) + 0.5, np.arange(SIZE[1]) + 0.5)
    s, t, w = np.tensordot(np.linalg.inv(matrix), np.stack([u, v, np.ones_like(u)]), axes=1)
    places = t / w * FINE - 0.5, s / w * FINE - 0.5
    cover = map_coordinates(gaussian_filter(flat, 1.6), places, order=1, mode="constant")
    pixels = np.array((200, 180, 60)) + cover[..., None] * np.array((-180, -160, 0))
    return np.clip(pixels, 0, 255).round().astype(np.uint8)


class Told(Stage):
    """Reads the two words that the test has drawn, with the box of a reader that knows angles."""

    name = "told"
    provides = frozenset({"lines"})

    def __init__(self, quad: Quad) -> None:
        super().__init__()
        self.quad = Polygon.of(quad)

    def process(self, page: Page, ctx: Any) -> Page:
        a, b, c, d = self.quad
        share = 0.66
        words = tuple(
            Word(text, Polygon.of([p, q, r, s]).bbox, 0.99, "ocr")
            for text, (p, q, r, s) in (
                ("Summer", (a, _at(a, b, share), _at(d, c, share), d)),
                ("Sale", (_at(a, b, share + 0.03), b, c, _at(d, c, share + 0.03))),
            )
        )
        line = Line("p1l1", words, BBox.around(w.bbox for w in words), self.quad)
        return page.provide("lines", lines=(line,))


def _at(p: Any, q: Any, share: float) -> tuple[float, float]:
    return p.x + share * (q.x - p.x), p.y + share * (q.y - p.y)


LEVEL: Quad = [(15, 18), (231, 18), (231, 56), (15, 56)]
TILTED: Quad = [(25, 18), (240, 22), (240, 50), (25, 60)]


@pytest.mark.parametrize(
    ("draw", "quad"),
    [(scan, LEVEL), (gradient, LEVEL), (outline, LEVEL), (rules, LEVEL), (sign, TILTED)],
)
def test_replaced_pictures(
    draw: Callable[[], Pixels],
    quad: Quad,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCHARMONY_FONTS", "none")
    before = draw()
    Image.fromarray(before).save(tmp_path / "a.png")
    report = replace(
        tmp_path / "a.png",
        tmp_path / "b.png",
        mapping={"Sale": "Deal"},
        pipeline=Pipeline(routes={"scan": [Told(quad)]}),
    )
    assert report.count == 1
    after = np.asarray(Image.open(tmp_path / "b.png").convert("RGB"))
    both = np.vstack([before, after])
    kept = GOLDEN / f"{draw.__name__}.png"
    if request.config.getoption("--update-golden"):
        kept.parent.mkdir(exist_ok=True)
        Image.fromarray(both).save(kept, optimize=True)
    wanted = np.asarray(Image.open(kept).convert("RGB"))
    away = np.abs(both.astype(int) - wanted).max(axis=2)
    assert away[: len(before)].mean() <= MEAN, "the test draws something else"
    new = away[len(before) :]
    assert new.mean() <= MEAN
    assert np.quantile(new, 0.99) <= MOST
