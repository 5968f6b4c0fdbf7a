"""Points and commas between digits come from the picture; nothing else of a text changes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from docharmony.engine import marks

FONT = ImageFont.load_default(34)
LEFT = 6


def drawn(text: str) -> np.ndarray:
    """Return a line as the engine cuts it: 48 pixels high, black on white."""
    line = Image.new("L", (int(FONT.getlength(text)) + 2 * LEFT, 48), 255)
    ImageDraw.Draw(line).text((LEFT, 36), text, font=FONT, fill=0, anchor="ls")
    return np.repeat(np.asarray(line)[..., None], 3, axis=2)


def places(text: str, shown: str) -> tuple[tuple[float, float], ...]:
    """Return where the characters of ``text`` stand in the picture of ``shown``."""
    width = int(FONT.getlength(shown)) + 2 * LEFT
    edges = [(LEFT + FONT.getlength(shown[:i])) / width for i in range(len(shown) + 1)]
    if len(text) == len(shown):
        return tuple(pairwise(edges))
    missing = next(i for i, c in enumerate(shown) if text[i : i + 1] != c)
    kept = [*range(missing), *range(missing + 1, len(shown))]
    return tuple((edges[i], edges[i + 1]) for i in kept)


@pytest.mark.parametrize(
    ("shown", "read"),
    [
        ("48.198.322", "48.198,322"),
        ("7,23", "7.23"),
        ("1,234.56 kg", "1.234,56 kg"),
        ("487.48", "48748"),
        ("18,381", "18381"),
        ("20.11.2024", "20.11.2024"),
    ],
)
def test_a_mark_is_what_its_shape_says(shown: str, read: str) -> None:
    text, where = marks.settle(read, places(read, shown), drawn(shown))
    assert text == shown
    assert len(where) == len(text)
    assert all(a <= b for a, b in where)
    assert [a for a, _ in where] == sorted(a for a, _ in where)


@pytest.mark.parametrize("text", ["48198", "1 234", "a.b", "12:30", "3.", ".5", "x1.y2", "", "no"])
def test_what_is_no_mark_between_digits_stays(text: str) -> None:
    assert marks.settle(text, places(text, text), drawn(text)) == (text, places(text, text))


def test_a_rule_below_the_digits_is_no_comma() -> None:
    line = drawn("7.14").copy()
    line[43:45] = 0
    assert marks.settle("7.14", places("7.14", "7.14"), line)[0] == "7.14"


def test_places_beyond_the_picture_say_nothing() -> None:
    text = "12,5"
    spots = tuple((1.0 + number, 1.5 + number) for number in range(len(text)))
    assert marks.settle(text, spots, drawn(text))[0] == text


def test_a_picture_that_shows_nothing_changes_nothing() -> None:
    where = places("1.5", "1.5")
    assert marks.settle("1.5", where, np.full((48, 80, 3), 255, np.uint8)) == ("1.5", where)


@given(st.text("01278.,x ", max_size=12), st.integers(0, 1 << 30))
def test_noise_changes_points_and_commas_alone(text: str, seed: int) -> None:
    line = np.random.default_rng(seed).integers(0, 256, (48, 120, 3), np.uint8)
    even = tuple((i / len(text), (i + 1) / len(text)) for i in range(len(text)))
    found, where = marks.settle(text, even, line)
    assert len(found) == len(where)
    bare = str.maketrans("", "", ".,")
    assert found.translate(bare) == text.translate(bare)


@pytest.mark.parametrize(
    ("shown", "read"),
    [
        ("an empty table. cannot", "an empty table, cannot"),
        ("the menu is here, now", "the menu is here. now"),
        ("mende duruyor. Her", "mende duruyor Her"),
        ("the end is near.", "the end is near"),
        ("well, then.", "well, then."),
        ("nothing stands here", "nothing stands here"),
        ("systems adminis-", "systems adminis"),
    ],
)
def test_a_mark_after_a_word_is_what_its_shape_says(shown: str, read: str) -> None:
    text, where = marks.settle_ends(read, places(read, shown), drawn(shown))
    assert text == shown
    assert len(where) == len(text)
    assert [a for a, _ in where] == sorted(a for a, _ in where)


def test_the_thin_end_of_a_digit_is_no_mark() -> None:
    line = drawn("9 1")
    # The hook of a nine in a face of thin strokes: a ball that a grey hair holds to the digit.
    line[30:35, 0:5] = 0
    line[32:34, 4:12] = 200
    assert marks.settle("91", ((0.0, 0.3), (0.7, 1.0)), line)[0] == "91"


@pytest.mark.parametrize("text", ["hạ", "q, j", "", "a", ". .", "gjpqy", "1 2 3", "-,-"])
def test_texts_without_a_clear_foot_stay(text: str) -> None:
    assert marks.settle_ends(text, places(text, text), drawn(text))[0] == text
