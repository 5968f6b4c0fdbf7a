"""Lines that run from right to left come in reading order, however the file draws them."""

from __future__ import annotations

from typing import Any

import pytest

from docharmony.io.right_to_left import ordered

LEVEL = frozenset({(0, 0)})


def line(*words: str, touching: tuple[int, ...] = ()) -> list[Any]:
    """Return words from left to right, ten wide; those named touch the one before."""
    placed, x = [], 0.0
    for number, word in enumerate(words):
        x += 0 if number in touching or not number else 4
        placed.append((x, 0.0, x + 10, 12.0, word, 0, 0, number))
        x += 10
    return placed


def read(words: list[Any], level: frozenset[tuple[int, int]] = LEVEL) -> str:
    return " ".join(word[4] for word in ordered(words, level))


@pytest.mark.parametrize(
    ("drawn", "touching", "wanted"),
    [
        (("4", "מתוך", "1", "עמוד"), (), "עמוד 1 מתוך 4"),
        (("%", "12.5", "בנוסף"), (), "בנוסף 12.5 %"),
        (("זה", "www.example.org", "5", "ראו"), (), "ראו www.example.org 5 זה"),
        ((".", "חמים", "מים"), (1,), "מים חמים."),
        (("יחידות", "4,300-", "ל", "גדלו"), (2,), "גדלו ל-4,300 יחידות"),
        (("\u060cوحدة", "4,300", "إلى"), (), "إلى 4,300 وحدة\u060c"),
    ],
)
def test_words_in_the_order_of_the_pixels(
    drawn: tuple[str, ...], touching: tuple[int, ...], wanted: str
) -> None:
    words = line(*drawn, touching=touching)
    assert read(words) == wanted
    assert read(words[::-1]) == wanted  # whatever order the file has


def test_other_lines_stay() -> None:
    mixed = line("Shalom", "is", "written", "שלום", "there")
    assert list(ordered(mixed, LEVEL)) == mixed
    turned = line("מתוך", "1", "עמוד")
    assert list(ordered(turned, frozenset())) == turned


def test_joined_words_keep_their_boxes() -> None:
    ((x0, _, x1, _, text, *_),) = ordered(line(".", "חמים", touching=(1,)), LEVEL)
    assert (x0, x1, text) == (0.0, 20.0, "חמים.")
