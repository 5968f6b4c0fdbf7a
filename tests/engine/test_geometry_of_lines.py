"""Tiles, maps and crops: everything that carries places between pages and networks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from docharmony.engine import locate
from docharmony.engine.base import TextRegion
from docharmony.engine.crops import crop_lines
from docharmony.geometry import Affine, Polygon


def turned(x: float, y: float, length: float, em: float, degrees: float) -> np.ndarray:
    """Corners of a line that begins (baseline side up) at (x, y)."""
    u = np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))])
    v = np.array([-u[1], u[0]])
    start = np.array([x, y])
    return np.array([start, start + u * length, start + u * length + v * em, start + v * em])


def kernel_maps(
    lines: list[np.ndarray], size: tuple[int, int], ridge: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """What a perfect locator says of lines: the probability and log-em maps."""
    big = Image.new("L", (size[1], size[0]))
    draw = ImageDraw.Draw(big)
    log_em = np.zeros((size[0] // 4, size[1] // 4), np.float32)
    for q in lines:
        em, length = np.linalg.norm(q[3] - q[0]), np.linalg.norm(q[1] - q[0])
        u, v = (q[1] - q[0]) / length, (q[3] - q[0]) / em
        end = min(0.25 * em, 0.2 * length)
        a, b = q[0] + u * end + v * em / 4, q[1] - u * end + v * em / 4
        draw.polygon([tuple(p) for p in (a, b, b + v * em / 2, a + v * em / 2)], fill=255)
        log_em[:] = math.log2(em / 4)
    probability = np.asarray(big.reduce(4), np.float32) / 255
    return np.maximum(probability, ridge), log_em


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1), st.integers(128, 640))
def test_tiles_cover_all_ink_and_fit_the_grid(
    rows: int, columns: int, seed: int, side: int
) -> None:
    random = np.random.default_rng(seed)
    page = np.full((rows * 16, columns * 16, 3), 255, np.uint8)
    marks = random.integers(0, (rows * 16, columns * 16), (random.integers(0, 5), 2))
    for y, x in marks:
        page[y : y + 6, x : x + 6] = 0
    tiles = locate.plan_tiles(page, side // 16 * 16)
    seen = np.zeros(page.shape[:2], bool)
    for tile in tiles:
        assert (tile.width, tile.height) == (tiles[0].width, tiles[0].height)
        assert not any(v % 16 for v in tile[:4])
        assert 0 <= tile.x <= page.shape[1] - tile.width
        assert 0 <= tile.y <= page.shape[0] - tile.height
        assert max(tile.width, tile.height) <= side + 16
        tile.cut(seen)[:] |= np.kron(tile.cells, np.ones((16, 16), bool))
    assert seen[page.min(axis=2) == 0].all()


def test_a_blank_or_noisy_page_costs_no_or_few_tiles() -> None:
    page = np.full((1280, 960, 3), 255, np.uint8)
    assert locate.plan_tiles(page, 640) == []
    page[600:612, 400:500] = 0
    random = np.random.default_rng(0)
    noisy = np.clip(page * 0.7 + 40 + random.normal(0, 11, (1280, 960, 1)), 0, 255)
    (tile,) = locate.plan_tiles(noisy.astype(np.uint8), 640)
    assert tile.width * tile.height < 400 * 300


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(160, 640))
def test_blending_tiles_of_one_map_gives_that_map(seed: int, side: int) -> None:
    random = np.random.default_rng(seed)
    page = random.integers(0, 255, (640, 800, 3), dtype=np.uint8)
    truth = random.random((2, 160, 200), dtype=np.float32)
    tiles = locate.plan_tiles(page, side // 16 * 16)
    cut = [
        truth[:, t.y // 4 : (t.y + t.height) // 4, t.x // 4 : (t.x + t.width) // 4] for t in tiles
    ]
    probability, log_em = locate.blend((640, 800), tiles, np.stack(cut))
    assert np.allclose(probability, truth[0], atol=1e-4)
    assert np.allclose(log_em, truth[1], atol=1e-4)


@pytest.mark.parametrize("degrees", [-6.0, -2.5, 0.0, 1.0, 6.0])
@pytest.mark.parametrize("em", [16.0, 20.0, 44.0])
def test_lines_come_back_where_they_were(degrees: float, em: float) -> None:
    y = 260.0
    truth = [turned(120, y + k * em * 1.25, 500, em, degrees) for k in range(5)]
    truth.append(turned(120, y + 6 * em * 1.25, 0.6 * em, em, degrees))  # one character
    found = locate.find_lines(*kernel_maps(truth, (960, 800)), Affine.scale(2.0))
    assert len(found) == len(truth)
    for region, line in zip(found, sorted(truth, key=lambda q: q.mean(0)[1]), strict=True):
        assert np.abs(np.array(region.polygon) / 2 - line).max() < max(4.5, 0.3 * em)
        assert region.confidence > 0.6


def test_lines_grown_together_are_cut_apart() -> None:
    truth = [turned(80, 100 + k * 18, 400, 16, 0) for k in range(6)]
    probability, log_em = kernel_maps(truth, (320, 640))
    # A bridge of .7 between all lines: one component at the threshold, six above it.
    probability[26:54, 25:115] = np.maximum(probability[26:54, 25:115], 0.7)
    found = locate.find_lines(probability, log_em, Affine())
    assert len(found) == 6
    heights = [region.polygon.bbox.height for region in found]
    assert max(heights) < 1.2 * 16


def test_a_lone_character_that_rises_less_high_is_a_line() -> None:
    probability, log_em = kernel_maps([turned(40, 40, 300, 20, 0)], (200, 400))
    page = np.full((200, 400, 3), 240, np.uint8)
    probability[30:32, 60:62] = [[0.5, 0.45], [0.4, 0.45]]
    lines = locate.find_lines(probability, log_em, Affine())
    assert locate.find_lines(probability, log_em, Affine(), page) == lines  # nothing stands there
    page[122:126, 242:246] = 0
    assert locate.find_lines(probability, log_em, Affine(), page) == lines  # a speck does
    page[117:131, 242:246] = 0
    assert len(locate.find_lines(probability, log_em, Affine(), page)) == len(lines) + 1


def test_two_looks_at_a_page_give_each_line_once() -> None:
    def region(y: float, em: float) -> TextRegion:
        return TextRegion(Polygon.of(turned(40, y, 300, em, 0)), 0.9)

    small, headline = region(20, 20), region(100, 80)
    assert locate.united([small], [region(21, 19), headline]) == [small, headline]
    part = TextRegion(Polygon.of(turned(60, 120, 50, 30, 0)), 0.7)  # of one of its letters
    assert locate.united([small, part], [headline]) == [small, headline]
    both = [region(100, 35), region(142, 35)]
    assert locate.united(both, [headline]) == both  # two lines that grew together


def picture() -> np.ndarray:
    """A page whose colour tells the place: red grows with x, green with y."""
    y, x = np.mgrid[0:300, 0:400]
    return np.stack([x * 0.6, y * 0.8, np.zeros_like(x)], 2).round().astype(np.uint8)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(60, 200),
    st.floats(80, 160),
    st.floats(40, 150),
    st.floats(10, 60),
    st.floats(-40, 40),
)
def test_crops_show_the_line_and_map_back(
    x: float, y: float, length: float, em: float, degrees: float
) -> None:
    polygon = Polygon.of(turned(x, y, length, em, degrees).tolist())
    (crop,) = crop_lines(picture(), [polygon])
    height, width = crop.image.shape[:2]
    assert height == 48
    whole = crop.polygon(crop.margin / width, 1 - crop.margin / width)
    assert np.abs(np.array(whole) - np.array(polygon)).max() < 0.02 * length + 1
    for fx, fy in ((0.2, 0.3), (0.5, 0.5), (0.8, 0.7)):
        px, py = int(fx * width), int(fy * height)
        source = crop.to_source.apply((px + 0.5, py + 0.5))
        if not (2 < source.x < 398 and 2 < source.y < 298):
            continue
        red, green = crop.image[py, px, :2].astype(float)
        assert abs(red / 0.6 - (source.x - 0.5)) < 3
        assert abs(green / 0.8 - (source.y - 0.5)) < 3


def test_crops_at_the_border_repeat_it() -> None:
    page = np.full((40, 60, 3), 200, np.uint8)
    polygons = [
        Polygon.of(turned(-10, -5, 40, 20, 0).tolist()),
        Polygon.of(turned(200, 200, 5, 20, 0).tolist()),
    ]
    for crop in crop_lines(page, polygons):
        assert (crop.image == 200).all()


def test_a_crop_of_upside_down_text_is_upright() -> None:
    page = np.full((200, 300, 3), 255, np.uint8)
    page[80:110, 60:90] = (255, 0, 0)  # the text's start
    page[80:110, 90:200] = (0, 0, 255)
    backwards = Polygon.of([(60, 80), (200, 80), (200, 110), (60, 110)])
    upside = Polygon.of([(200, 110), (60, 110), (60, 80), (200, 80)])
    first, second = crop_lines(page, [backwards, upside])
    assert np.abs(first.image[::-1, ::-1].astype(int) - second.image).max() <= 3


@pytest.mark.parametrize("slope", [0, 6])
def test_grey_pixels_are_resampled_as_coloured_ones(slope: int) -> None:
    grey = np.repeat(np.random.default_rng(0).integers(0, 255, (90, 300, 1), np.uint8), 3, axis=2)
    coloured = grey.copy()
    coloured[45, 150] = (1, 2, 3)
    places = Polygon.of([(10, 10), (280, 10 + slope), (280, 50 + slope), (10, 50)])
    (one,), (other,) = (crop_lines(page, [places]) for page in (grey, coloured))
    differ = (one.image != other.image).any(axis=2)
    assert one.image.shape == other.image.shape
    assert 0 < differ.sum() < 60
