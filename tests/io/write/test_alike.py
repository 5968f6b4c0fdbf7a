"""Texts of one size stay of one size."""

from __future__ import annotations

from typing import Any

import pytest

from docharmony import Setting
from docharmony.io.write.alike import alike
from docharmony.io.write.setting import Planned, plan
from docharmony.schema import setting_to_json


def edit(name: str, text: str, width: float, **options: Any) -> dict[str, Any]:
    height = options.pop("height", 26)
    corners = [[0, 0], [width, 0], [width, height], [0, height]]
    setting = Setting(**{"size": 10.0, "line_height": 12.0, "alike": True, **options})
    return {
        "id": name, "polygon": corners, "replacement": text, "setting": setting_to_json(setting),
    }  # fmt: skip


def scales(*items: dict[str, Any]) -> list[float]:
    planned = [plan(item, 0.5) for item in alike(items, 0.5)]
    assert all(isinstance(item, Planned) for item in planned)
    return [item.layout.scale for item in planned if isinstance(item, Planned)]


LONG = "these words are more than two lines can hold"


def test_the_smallest_takes_its_like_along() -> None:
    first, second = scales(edit("a", LONG, 90), edit("b", "short", 90))
    assert first == second < 0.97


def test_other_sizes_and_weights_are_not_its_like() -> None:
    own, *others = scales(
        edit("a", LONG, 90),
        edit("b", "short", 90, size=12.0),
        edit("c", "short", 90, bold=True),
        edit("d", "short", 90, alike=False),
    )
    assert own < 0.97
    assert others == [1.0, 1.0, 1.0]


def test_a_few_letters_stay_alone() -> None:
    word, text = scales(edit("a", "incomprehensible", 40, height=12), edit("b", 9 * LONG, 900))
    assert word < 0.8
    assert text == 1.0


def test_nothing_gets_very_small_for_others() -> None:
    one, two = scales(edit("a", "incomprehensible", 40, height=12), edit("b", "short", 90))
    assert one < 0.8
    assert two == pytest.approx(0.85)
