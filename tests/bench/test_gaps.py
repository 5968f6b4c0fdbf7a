"""What a redacted line looks like must not depend on what was removed from it."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

SCENES = [
    "middle",
    "end",
    "words",
    "matrices",
    "shifted",
    "justified",
    "distilled",
    "right",
    "centred",
    "underlined",
    "skipped",
    "kerned",
    "alone",
    "between",
    "leader",
    "paragraph",
    "filled",
    "hyphenated",
    "typeset",
]


def _gaps() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        return importlib.import_module("gaps")


@pytest.fixture
def gaps() -> ModuleType:
    return _gaps()


@pytest.mark.parametrize("fill", ["erase", "box"])
@pytest.mark.parametrize("scene", SCENES)
def test_the_output_is_the_same_for_short_and_long_names(
    gaps: ModuleType, scene: str, fill: str
) -> None:
    draw = getattr(gaps, scene)
    outputs = {
        gaps.redacted(draw, "Times-Roman", name, fill, keep=False)
        for name in ("Li", "Roe", "Kowalski", "Vanlandingham")
    }
    assert len(outputs) == 1


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    order=st.integers(11, 10_000),
    font=st.sampled_from(["Helvetica", "Times-Roman", "Courier"]),
    scene=st.sampled_from(["paragraph", "filled", "typeset"]),
)
def test_the_number_of_lines_of_a_paragraph_tells_nothing(
    order: int, font: str, scene: str
) -> None:
    gaps = _gaps()

    def draw(page: Any) -> None:
        page.order = order
        getattr(gaps, scene)(page)

    # The longest goes to another line or makes one more wherever there is room to do so.
    names = ("Li", "Roe", "Kowalski", "Vanlandingham")
    assert len({gaps.redacted(draw, font, name, "erase", keep=False) for name in names}) == 1


def test_gaps_that_are_kept_tell_names_apart(gaps: ModuleType) -> None:
    outputs = {
        gaps.redacted(gaps.middle, "Helvetica", name, "erase", keep=True)
        for name in ("Li", "Roe", "Kowalski", "Vanlandingham")
    }
    assert len(outputs) == 4
