"""The published prompts, and answers as models write them."""

from __future__ import annotations

import time

import hypothesis
import pytest
from hypothesis import strategies as st

from docharmony.engine import prompts
from docharmony.geometry import Polygon

BOX = "[[10, 20], [110, 20], [110, 60], [10, 60]]"
OTHER = "[[0, 0], [448, 0], [448, 448], [0, 448]]"


def test_published_wording() -> None:
    assert prompts.ask("Who wrote this book?", "<I>") == (
        "Based on the image, please answer the question. <I>Who wrote this book? The answer is:"
    )
    assert prompts.fill("WINNER", "<I>", "<S>") == (
        '<I>Fill the masked part in this image with "WINNER".<S>'
    )
    assert prompts.draw('A cake of "X".', "<I>", "<S>") == (
        '<I>Generate an image according to the caption. A cake of "X".<S>'
    )
    assert prompts.ask_place("Exit") == 'Where is "Exit" in this image?'
    square = Polygon.of([(0, 0), (50, 0), (50, 20), (0, 20)])
    assert prompts.ask_region(square, 100, 40) == (
        "What is the text in [[0, 0], [224, 0], [224, 224], [0, 224]] in this image?"
    )


def test_places_survive_the_grid() -> None:
    polygon = Polygon.of([(30, 12), (90, 12), (90, 30), (30, 30)])
    for grid in (448, 896):
        text = prompts.to_grid(polygon, 120, 60, grid)
        (back,) = prompts.parse_polygons(text, 120, 60, grid)
        assert all(
            abs(a.x - b.x) <= 120 / grid and abs(a.y - b.y) <= 60 / grid
            for a, b in zip(polygon, back, strict=True)
        )


@pytest.mark.parametrize(
    ("answer", "count"),
    [
        (BOX, 1),
        (f"[{BOX}, {OTHER}]", 2),
        (f"[{BOX}, {OTHER[:20]}", 1),
        ("(10,20)(110,20)(110,60)(10,60)", 1),
        (BOX.replace(" ", ""), 1),
        (BOX.replace("110", "110.5"), 1),
        ("No text detected in this image.", 0),
        ("[[1, 2], [3, 4]]", 0),
        ("", 0),
    ],
)
def test_polygons(answer: str, count: int) -> None:
    found = prompts.parse_polygons(answer, 448, 448)
    assert len(found) == count
    if count:
        assert found[0][0] == (10, 20)
        assert len(found[0]) == 4


def test_places_outside_the_grid_are_drawn_in() -> None:
    (found,) = prompts.parse_polygons("[[-5, 0], [900, 0], [900, 9], [-5, 9]]", 100, 448)
    assert found.bbox == (0, 0, 100, 9)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("['A', 'B']", ["A", "B"]),
        ("[\"it's\", 'B']", ["it's", "B"]),
        ("['it's', 'B']", ["it's", "B"]),
        ("['A', 'B", ["A", "B"]),
        ("['A']", ["A"]),
        ("[1, 2]", ["1", "2"]),
        ("[]", []),
        ("No text detected in this image.", []),
        (" No text detected in this image ", []),
        ("Exit", ["Exit"]),
        ("", []),
        ("[" * 5000, ["[" * 4999]),
    ],
)
def test_words(answer: str, words: list[str]) -> None:
    assert prompts.parse_words(answer) == words


def test_spots() -> None:
    answer = f"['{BOX} Way out', '{OTHER} it's']"
    spots = prompts.parse_spots(answer, 448, 448)
    assert [word for _, word in spots] == ["Way out", "it's"]
    assert spots[0][0][2] == (110, 60)
    assert prompts.parse_spots(answer[:70], 448, 448)[0][1] == "Way out"
    assert prompts.parse_spots("nothing", 448, 448) == []


pieces = st.sampled_from(
    ["[", "]", "[[", "]]", "(", ")", ",", " ", "'", '"', "12", "-3", "4.5", "99999999999", BOX, OTHER,
     "Exit", "['", "', '", "']", "\\", "\n", "\u0130", "No text detected in this image."]
)  # fmt: skip
answers = st.one_of(st.text(max_size=80), st.lists(pieces, max_size=40).map("".join))


@hypothesis.given(answer=answers, grid=st.sampled_from([1, 448, 896]))
def test_any_answer_is_understood_or_skipped(answer: str, grid: int) -> None:
    assert all(isinstance(word, str) for word in prompts.parse_words(answer))
    spots = prompts.parse_spots(answer, 300, 200, grid)
    polygons = prompts.parse_polygons(answer, 300, 200, grid)
    assert [polygon for polygon, _ in spots] == polygons
    for polygon in polygons:
        assert len(polygon) == 4
        assert all(0 <= x <= 300 and 0 <= y <= 200 for x, y in polygon)


@pytest.mark.parametrize("piece", ["[", "(1,", " ", "(1, 2) ", "[1,  ", "[[1, 2], "])
def test_a_model_that_stammers_costs_no_time(piece: str) -> None:
    answer = piece * 4000
    start = time.process_time()
    prompts.parse_spots(answer, 100, 100)
    prompts.parse_words(answer)
    assert time.process_time() - start < 1.0
