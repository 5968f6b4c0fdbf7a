"""What letters in pixels wear, how worn and how tilted they are: made strips with known truth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from scipy.ndimage import gaussian_filter, map_coordinates

from docharmony.geometry import BBox, Polygon
from docharmony.looks.colour import PLAIN, Dress, dressed
from docharmony.looks.face import drawn
from docharmony.looks.ink import clear_neighbours, edge_blur, find_ink
from docharmony.looks.plane import Plane, homography
from docharmony.looks.strip import Strip
from docharmony.looks.wear import noise, worn
from docharmony.model import Line, Word
from docharmony.typeset.faces import chain
from docharmony.typeset.shape import shape

Pixels = np.ndarray[Any, Any]
SIZE, FINE = (360, 80), 4  # pictures are drawn finer and reduced
GROUND = (240, 235, 225)


@pytest.fixture(autouse=True)
def _built_in_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCHARMONY_FONTS", "none")


def letters(dx: float = 0.0, dy: float = 0.0) -> Image.Image:
    """Return the letters of a line as a fine mask."""
    mask = Image.new("L", (SIZE[0] * FINE, SIZE[1] * FINE))
    font = ImageFont.load_default(44 * FINE)
    place = ((20 + dx) * FINE, (56 + dy) * FINE)
    ImageDraw.Draw(mask).text(place, "Summer Sale", font=font, fill=255, anchor="ls")
    return mask


def reduced(image: Image.Image, blur: float = 0.0, level: float = 0.0) -> Pixels:
    """Return a fine picture at its size, softened and with noise of a deviation."""
    small = image.resize(SIZE, Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(blur))
    random = np.random.default_rng(0).normal(0.0, level, (SIZE[1], SIZE[0], 3))
    return np.clip(np.asarray(small) + random, 0, 255).round().astype(np.uint8)


def seen(pixels: Pixels) -> tuple[Pixels, Dress]:
    ink = find_ink(pixels)
    assert ink is not None
    own, dress = dressed(pixels, ink)
    return own.colour, dress


def canvas(ground: tuple[int, int, int] = GROUND) -> Image.Image:
    return Image.new("RGB", (SIZE[0] * FINE, SIZE[1] * FINE), ground)


@pytest.mark.parametrize(("blur", "level"), [(0.0, 0.0), (0.8, 3.0)])
def test_one_colour_is_nothing_else(blur: float, level: float) -> None:
    image = canvas()
    image.paste((30, 30, 30), (0, 0), letters())
    assert seen(reduced(image, blur, level))[1] == PLAIN


@pytest.mark.parametrize("axis", ["x", "y"])
@pytest.mark.parametrize(("blur", "level"), [(0.0, 0.0), (0.8, 3.0)])
def test_gradients(axis: str, blur: float, level: float) -> None:
    y, x = np.mgrid[0 : SIZE[1] * FINE, 0 : SIZE[0] * FINE] / FINE
    share = np.clip((x - 20) / 300 if axis == "x" else (y - 20) / 40, 0, 1)[..., None]
    first, last = np.array((200, 20, 20)), np.array((20, 20, 200))
    fill = Image.fromarray((first + share * (last - first)).astype(np.uint8))
    _, dress = seen(reduced(Image.composite(fill, canvas(), letters()), blur, level))
    assert dress.gradient == axis
    ends = (20, 320) if axis == "x" else (20, 60)
    near = 8 if not blur else 20  # blur mixes the ground in
    assert np.abs(dress.at(ends[0]) - first).max() < near
    assert np.abs(dress.at(ends[1]) - last).max() < near


@pytest.mark.parametrize("width", [2, 3, 4])
def test_outlines(width: int) -> None:
    image = canvas()
    ImageDraw.Draw(image).text(
        (20 * FINE, 56 * FINE),
        "Summer Sale",
        font=ImageFont.load_default(44 * FINE),
        fill=(250, 220, 40),
        anchor="ls",
        stroke_width=width * FINE,
        stroke_fill=(20, 20, 120),
    )
    colour, dress = seen(reduced(image))
    assert dress.outline == pytest.approx(width, rel=0.15)
    assert dress.outline_colour is not None
    assert np.abs(dress.outline_colour - (20, 20, 120)).max() < 10
    assert np.abs(colour - (250, 220, 40)).max() < 10


@pytest.mark.parametrize(("dx", "dy"), [(2, 2), (-2, 3)])
def test_shadows(dx: int, dy: int) -> None:
    image = canvas()
    soft = letters(dx, dy).filter(ImageFilter.GaussianBlur(1.5 * FINE))
    image.paste((110, 110, 110), (0, 0), soft)
    image.paste((180, 30, 30), (0, 0), letters())
    colour, dress = seen(reduced(image))
    assert dress.shadow == pytest.approx((dx, dy), abs=1)
    assert dress.shadow_blur == pytest.approx(1.5, abs=0.5)
    assert np.abs(colour - (180, 30, 30)).max() < 10


@pytest.mark.parametrize("sigma", [0.5, 0.8, 1.2, 1.8])
def test_softness(sigma: float) -> None:
    image = canvas()
    image.paste((30, 30, 30), (0, 0), letters())
    ink = find_ink(reduced(image, sigma, 2.0))
    assert ink is not None
    assert edge_blur(ink.cover) == pytest.approx(sigma, rel=0.2)


def test_letters_as_drawn_by_programs_are_sharp() -> None:
    image = canvas()
    image.paste((30, 30, 30), (0, 0), letters())
    ink = find_ink(reduced(image))
    assert ink is not None
    assert edge_blur(ink.cover) == 0.0


@pytest.mark.parametrize(("level", "soft"), [(0.0, 0.0), (3.0, 0.0), (8.0, 0.0), (4.0, 0.8)])
def test_gaps_get_the_noise_around_them(level: float, soft: float) -> None:
    field = np.random.default_rng(1).normal(0, 1, (80, 200, 3))
    field = gaussian_filter(field, (soft, soft, 0)) if soft else field
    truth = np.clip(210 + level * field / field.std(), 0, 255).round().astype(np.float32)
    gap = np.zeros((80, 200), bool)
    gap[25:55, 40:160] = True
    smooth = np.where(gap[..., None], np.float32(210), truth)
    result, own = worn(smooth, gap, ~gap)
    assert (result[~gap] == truth[~gap]).all()
    if not level:
        assert own is None
        assert (result == smooth).all()
    else:
        assert result[gap].std() / truth[gap].std() == pytest.approx(1.0, abs=0.15)
    if level and not soft:
        assert noise(truth, ~gap) == pytest.approx(level, rel=0.1)


def sign(quad: list[tuple[float, float]]) -> Pixels:
    """Return a picture of a board of 600 by 100 with a line, seen so that its corners are the quad's."""
    shaped = shape("Railway Station", chain("sans", bold=True))
    flat = drawn(shaped, 180.0, 180.0, (300, 1800), (60.0, 225.0))
    matrix = homography([(0, 0), (600, 0), (600, 100), (0, 100)], quad)
    u, v = np.meshgrid(np.arange(700) + 0.5, np.arange(300) + 0.5)
    s, t, w = np.tensordot(np.linalg.inv(matrix), np.stack([u, v, np.ones_like(u)]), axes=1)
    soft = gaussian_filter(flat, 1.2)
    cover = map_coordinates(soft, (t / w * 3 - 0.5, s / w * 3 - 0.5), order=1, mode="constant")
    pixels = np.array((200, 180, 60)) + cover[..., None] * np.array((-180, -160, 0))
    return np.clip(pixels, 0, 255).round().astype(np.uint8)


def line(polygon: Polygon) -> Line:
    words = tuple(Word(text, polygon.bbox, 1.0, "ocr") for text in ("Railway", "Station"))
    return Line("p1l1", words, polygon.bbox, polygon)


@pytest.mark.parametrize(
    "quad",
    [
        [(50, 60), (650, 110), (650, 190), (50, 230)],  # seen from the left
        [(60, 110), (640, 50), (640, 240), (60, 180)],  # from the right
        [(60, 90), (600, 40), (640, 240), (40, 180)],  # and leaning
    ],
)
def test_perspective(quad: list[tuple[float, float]]) -> None:
    pixels = sign(quad)
    board = Plane(Polygon.of(quad), 600.0, 100.0)
    ink = find_ink(pixels)
    assert ink is not None
    rows, columns = np.nonzero(ink.cover > 0.5)
    # The box of a reader that knows angles, but no perspective.
    slope, height = np.polyfit(columns, rows, 1)
    tall = 0.5 * float(np.ptp(rows - slope * columns - height))
    first, last = columns.min(), columns.max()
    corners = [
        (x, slope * x + height + side * tall)
        for x, side in ((first, -1), (last, -1), (last, 1), (first, 1))
    ]
    polygon = Polygon.of(corners)
    strip = Strip.of(pixels, line(polygon), 700.0)
    assert strip is not None
    assert strip.tilted
    # Edges of the line found, brought back onto the board: level there, and as high at both ends.
    spots = [board.flat(point) for point in strip.whole()]
    assert spots[0].y == pytest.approx(spots[1].y, abs=4)
    assert spots[3].y == pytest.approx(spots[2].y, abs=4)
    assert spots[0].x == pytest.approx(spots[3].x, abs=12)
    assert spots[1].x == pytest.approx(spots[2].x, abs=12)


def test_level_lines_are_not_tilted() -> None:
    pixels = sign([(50, 100), (650, 100), (650, 200), (50, 200)])
    polygon = BBox(60, 118, 520, 195).polygon()
    strip = Strip.of(pixels, line(polygon), 700.0)
    assert strip is not None
    assert not strip.tilted


def text_strip(text: str, *, bold: bool) -> Strip:
    """Return the strip of a line of text in a serif face, with a line close below it."""
    cover = drawn(shape(text, chain("serif", bold=bold)), 40.0, 40.0, (120, 900), (30.0, 55.0))
    cover += drawn(shape("hill bill", chain("serif")), 40.0, 40.0, (120, 900), (30.0, 97.0))
    cover = gaussian_filter(cover, 0.6)
    pixels = np.clip(250 - 220 * cover, 0, 255).round().astype(np.uint8)
    inked = np.flatnonzero((cover[:60] > 0.4).any(axis=0))
    box = BBox(float(inked[0]), 26, float(inked[-1]), 64)
    words = tuple(Word(part, box, 1.0, "ocr") for part in text.split())
    strip = Strip.of(np.stack([pixels] * 3, axis=2), Line("p1l1", words, box), 900.0)
    assert strip is not None
    return strip


def test_the_next_line_does_not_make_letters_larger() -> None:
    strip = text_strip("Important Notice", bold=True)
    assert strip.look.size * strip.unit == pytest.approx(40, abs=1.5)
    assert (strip.look.family, strip.look.bold) == ("serif", True)


def test_a_heading_keeps_its_weight_among_plain_lines() -> None:
    plain = [text_strip("The owners have no money for repairs", bold=False)] * 6
    assert text_strip("What you must do now", bold=True).agreed(plain).bold
    assert not plain[0].agreed([text_strip("What you must do now", bold=True)] * 6).bold


def test_what_is_not_clear_goes_with_its_page() -> None:
    strip = text_strip("What you must do now", bold=True)
    plain = [text_strip("The owners have no money for repairs", bold=False)] * 6
    looks = tuple(
        replace(look, match=0.9 if look.bold else 0.88) if look.family == "serif" else look
        for look in strip.looks
    )
    best = max(looks, key=lambda look: look.worth)
    doubtful = replace(strip, looks=looks, look=best)
    assert not doubtful.agreed(plain).bold


def test_accents_and_cedillas_are_no_neighbours() -> None:
    cover = np.zeros((60, 40), np.float32)
    cover[20:40, 10:14] = cover[12:15, 10:14] = cover[43:46, 20:24] = 1.0
    own = cover.copy()
    cover[0:3, 5:9] = cover[55:60, 30:34] = cover[52:54, 36:38] = 1.0
    clear_neighbours(cover, 15.0)
    assert (cover == own).all()


def clouds(seed: int) -> Pixels:
    """Return a photograph-like ground as large as a strip: (80, 360, 3), as bright as 150."""
    rng = np.random.default_rng(seed)
    shape_ = (SIZE[1], SIZE[0])
    steps = np.fft.rfftfreq(SIZE[0])[None] ** 2 + np.fft.fftfreq(SIZE[1])[:, None] ** 2
    steps[0, 0] = 1
    noise_ = [np.fft.rfft2(rng.normal(size=shape_)) / steps**0.75 for _ in range(4)]
    fields = [np.fft.irfft2(field, shape_) for field in noise_]
    fields = [field / field.std() for field in fields]
    return 150 + 25 * fields[0][..., None] + 10 * np.stack(fields[1:], axis=2)


@pytest.mark.parametrize("seed", range(4))
def test_letters_on_a_photograph_are_told_from_it(seed: int) -> None:
    mask = letters().resize(SIZE, Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(0.8))
    share = np.asarray(mask, float)[..., None] / 255
    picture = clouds(seed) * (1 - share) + np.array([20, 20, 60]) * share
    picture += np.random.default_rng(seed).normal(0, 3, picture.shape)
    ink = find_ink(np.clip(picture, 0, 255).astype(np.uint8))
    assert ink is not None
    assert np.abs(ink.cover - share[..., 0]).mean() < 0.06
    assert (ink.cover[share[..., 0] < 0.01] > 0.4).mean() < 0.02
