"""Fitting: in thousands of random boxes nothing leaves its box, and no words are lost."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docharmony.typeset.fit import Layout, SetLine, Wish, fit

WORDS = st.lists(
    st.text(alphabet="abcdefghij éß-", min_size=1, max_size=14).filter(str.strip),
    min_size=1,
    max_size=40,
)


def half(text: str, start: int = 0) -> float:
    """A face in which every character is half an em wide."""
    return 0.5 * len(text)


def plain(text: str) -> str:
    return "".join(text.split())


BOXES = given(
    words=WORDS,
    width=st.floats(5, 500),
    height=st.floats(5, 300),
    size=st.floats(4, 40),
    align=st.sampled_from(["start", "center", "end", "justify", "fill"]),
    rtl=st.booleans(),
    room=st.tuples(*[st.sampled_from([0.0, 7.5, 60.0])] * 4),
    indent=st.sampled_from([0.0, 10.0]),
    line_height=st.floats(0.9, 2.0),
    least=st.sampled_from([0.5, 0.7, 1.0]),
)


@settings(max_examples=300, deadline=None)
@BOXES
def test_nothing_leaves_its_box(**box: Any) -> None:
    check(**box)


@pytest.mark.slow
@settings(max_examples=5000, deadline=None)
@BOXES
def test_nothing_leaves_its_box_in_thousands(**box: Any) -> None:
    check(**box)


def check(
    words: list[str],
    width: float,
    height: float,
    size: float,
    align: str,
    rtl: bool,
    room: tuple[float, float, float, float],
    indent: float,
    line_height: float,
    least: float,
) -> None:
    wish = Wish(
        " ".join(words),
        width,
        height,
        size,
        line_height=line_height * size,
        indent=indent,
        align=align,  # type: ignore[arg-type]
        rtl=rtl,
        room=room,
        least=least,
    )
    layout = fit(wish, half)
    if layout is None:
        return
    assert plain("".join(line.text for line in layout.lines)) == plain(wish.text)
    assert least - 1e-6 <= layout.scale <= 1
    slack = 0.05 * layout.size + 1e-6
    left, _, right, below = room if layout.grown else (0, 0, 0, 0)
    for line in layout.lines:
        assert line.x >= -left - slack
        assert line.x + line.width <= width + right + slack
        measured = half(line.text) * layout.size + layout.tracking * max(0, len(line.text) - 1)
        assert line.width == pytest.approx(measured + line.word_space * line.text.count(" "))
        space = half(" ") * layout.size
        assert -0.3 * space - 1e-6 <= line.word_space <= 2 * space + 1e-6
    if len(layout.lines) > 1:
        assert layout.lines[-1].y + wish.descent * layout.size <= height + below + slack
    for above, under in pairwise(layout.lines):
        assert under.y - above.y >= 0.85 * min(layout.size, wish.line_height * layout.scale)


def fitted(text: str, width: float, **options: object) -> Layout:
    layout = fit(Wish(text, width, **{"height": 100.0, "size": 10.0, **options}), half)  # type: ignore[arg-type]
    assert layout is not None
    return layout


def test_a_text_that_fits_is_left_alone() -> None:
    assert fitted("ten chars", 60, height=12) == Layout(
        10, (SetLine("ten chars", 0.0, 8.0, 45.0),), 0.0, 1.0, False
    )


def test_free_space_comes_before_small_letters() -> None:
    layout = fitted("twelve chars", 50, height=12, room=(0, 0, 20, 0))
    assert layout.grown
    assert layout.scale > 0.96


def test_small_letters_are_the_last_resort_and_have_a_limit() -> None:
    assert fitted("twelve chars", 45, height=12).scale < 0.8
    assert fit(Wish("twelve chars", 30, 12, 10), half) is None


def test_lines_stand_as_they_are_told() -> None:
    both = "aaaa bb cccc"
    assert [line.x for line in fitted(both, 40, align="end").lines] == [5.0, 20.0]
    assert [line.x for line in fitted(both, 40, align="center").lines] == [2.5, 10.0]
    first, last = fitted(both, 38, align="justify").lines
    assert (first.width, last.word_space) == (38, 0)
    assert [line.x for line in fitted(both, 40, rtl=True).lines] == [5.0, 20.0]


def test_ideographs_break_anywhere_but_before_a_full_stop() -> None:
    lines = [line.text for line in fitted("一二三四。五六", 20).lines]
    assert lines == ["一二三", "四。五六"] or all(not line.startswith("。") for line in lines)
