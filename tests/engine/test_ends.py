"""Lines end between letters and beside their neighbours, by what a drawn page shows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from docharmony.engine import ends

FONT = ImageFont.load_default(20)
EM, LEFT, MIDDLE = 20.0, 30, 50.0


def page(text: str) -> np.ndarray:
    picture = Image.new("RGB", (500, 100), "white")
    ImageDraw.Draw(picture).text((LEFT, MIDDLE), text, font=FONT, fill="black", anchor="lm")
    return np.asarray(picture)


def place(text: str) -> float:
    """Return where what follows a text begins."""
    return LEFT + FONT.getlength(text)


def box(start: float, end: float, middle: float = MIDDLE) -> np.ndarray:
    y0, y1 = middle - EM / 2, middle + EM / 2
    return np.array([[start, y0], [end, y0], [end, y1], [start, y1]], float)


def spans(lines: list[tuple[np.ndarray, float]]) -> list[tuple[float, float]]:
    return sorted((float(line[0, 0]), float(line[1, 0])) for line, _ in lines)


def test_neighbours_end_at_the_gap_between_them() -> None:
    image = page("Agraph_t*  subg;")
    first = (box(LEFT, place("Agraph_t*  s")), 0.9)  # shows a piece of the s
    second = (box(place("Agraph_t"), place("Agraph_t*  subg;")), 0.8)
    for lines in ([first, second], [second, first]):
        (_, end), (start, _) = spans(ends.settle(lines, image))
        assert place("Agraph_t") + 4 < end <= place("Agraph_t*") + 2
        assert place("Agraph_t*") < start <= place("Agraph_t*  ") + 2


def test_two_parts_of_one_word_are_one_line() -> None:
    text = "mmmmmmmm"
    image = page("").copy()
    for x in range(LEFT, int(place(text)), 7):  # letters with a pixel between
        image[48:54, x : x + 6] = 0
    lines = [(box(LEFT, place("mmmm") + 3), 0.8), (box(place("mmmm"), place(text)), 0.6)]
    ((found, share),) = ends.settle(lines, image)
    assert found[0, 0] == pytest.approx(LEFT, abs=1)
    assert found[1, 0] == pytest.approx(place(text), abs=4)
    assert share == pytest.approx(0.7)


def test_a_line_that_ends_in_a_letter_grows_to_its_end() -> None:
    image = page("Hamburg")
    ((line, _),) = ends.settle([(box(LEFT, place("Hambur") + 1), 0.9)], image)
    assert place("Hamburg") - 8 < line[1, 0] + 0.14 * EM
    assert line[1, 0] <= place("Hamburg") + 1


@pytest.mark.parametrize("gap", [5.0, 12.0, 60.0])
def test_lines_that_end_in_blanks_stay(gap: float) -> None:
    image = page("one two")
    lines = [(box(LEFT - gap, place("one two") + gap), 0.9), (box(LEFT, place("one"), 85.0), 0.9)]
    for (old, _), (new, _) in zip(lines, ends.settle(lines, image), strict=True):
        assert np.allclose(old, new, atol=0.01)


def test_what_is_left_with_nothing_goes() -> None:
    image = page("Given  an")
    lines = [
        (box(LEFT, place("Given ")), 0.9),
        (box(place("Given"), place("Given ") + 2), 0.6),  # a blank
        (box(place("Given "), place("Given  an")), 0.9),
    ]
    assert len(ends.settle(lines, image)) <= 3
    for start, end in spans(ends.settle(lines, image)):
        assert end > start


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 12))
def test_any_lines_on_any_page_come_back_as_lines(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (60, 90, 3), np.uint8)
    lines = []
    for _ in range(count):
        angle, em, length = rng.uniform(-0.5, 0.5), rng.uniform(1, 30), rng.uniform(1, 90)
        u = np.array([math.cos(angle), math.sin(angle)])
        v = np.array([-u[1], u[0]])
        middle = rng.uniform(-5, 95, 2)
        a, b = u * length / 2, v * em / 2
        corners = np.array([middle - a - b, middle + a - b, middle + a + b, middle - a + b])
        lines.append((corners, 0.5))
    found = ends.settle(lines, image)
    assert len(found) <= count
    assert all(np.isfinite(line).all() and share == 0.5 for line, share in found)
