"""Tilt of text measured from pixels, and turned copies with the way back."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from docharmony import Point
from docharmony.stages.upright import text_tilt, turn

TEXT = (
    "The committee met on the third of May in the town hall and heard four reports before",
    "noon. After a short break the members voted on the annual budget, which was carried",
    "with one voice against it. The chair thanked all who had taken part and closed the",
    "meeting at half past five. The next one will be held in autumn; the date is not yet",
    "settled. Minutes are sent to every member within two weeks of the meeting, by letter.",
)


def drawn(angle: float = 0.0) -> np.ndarray:
    image = Image.new("RGB", (900, 500), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=18)
    for row in range(10):
        draw.text((70, 40 + 42 * row), TEXT[row % 5], fill="black", font=font)
    draw.rectangle((30, 20, 870, 480), outline="black", width=2)
    turned = image.rotate(-angle, Image.Resampling.BICUBIC, fillcolor="white")
    return np.asarray(turned)


@pytest.mark.parametrize("angle", [-5, -1.3, 0, 0.4, 2.7, 5])
@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_skew_is_measured_to_a_tenth_of_a_degree(angle: float, quarters: int) -> None:
    image = np.ascontiguousarray(np.rot90(drawn(angle), -quarters))
    tilt = text_tilt(image)
    assert tilt.sideways == (quarters % 2 == 1)
    assert tilt.angle == pytest.approx(angle, abs=0.15)
    assert tilt.certainty > 1.2


def test_light_text_on_dark_ground_has_a_tilt_too() -> None:
    assert text_tilt(255 - drawn(3)).angle == pytest.approx(3, abs=0.15)


def test_blank_and_tiny_images_have_none() -> None:
    assert text_tilt(np.full((200, 100, 3), 240, np.uint8)).certainty == 0
    assert text_tilt(np.zeros((1, 1, 3), np.uint8)).certainty == 0


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_turned_copy_is_exact_and_maps_back(quarters: int) -> None:
    source = np.zeros((40, 60, 3), np.uint8)
    source[7, 11] = (250, 1, 2)
    lying = np.ascontiguousarray(np.rot90(source, -quarters))  # turned clockwise
    upright = turn(lying, quarters)
    assert np.array_equal(upright.image, source)
    x, y = upright.to_source.apply((11.5, 7.5))
    assert lying[int(y), int(x), 0] == 250


@pytest.mark.parametrize("quarters", [0, 1, 3])
def test_a_straightened_copy_maps_back(quarters: int) -> None:
    dot = np.full((300, 400, 3), 255, np.uint8)
    dot[100:104, 250:254] = 0
    lying = np.ascontiguousarray(np.rot90(dot, -quarters))
    upright = turn(lying, quarters, 4.0)
    ys, xs = np.nonzero(upright.image[..., 0] < 128)
    back = upright.to_source.apply(Point(xs.mean() + 0.5, ys.mean() + 0.5))
    ys, xs = np.nonzero(lying[..., 0] < 128)
    assert back == pytest.approx((xs.mean() + 0.5, ys.mean() + 0.5), abs=0.3)


def test_straightening_takes_the_skew_away() -> None:
    skewed = drawn(3.3)
    assert text_tilt(turn(skewed, 0, text_tilt(skewed).angle).image).angle == pytest.approx(
        0, abs=0.15
    )
