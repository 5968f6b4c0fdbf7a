"""Scores of the benchmark of readers."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    import readers

    return readers


@pytest.mark.parametrize(
    ("a", "b", "distance"), [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("ab", "ba", 2)]
)
def test_edits(readers: ModuleType, a: str, b: str, distance: int) -> None:
    assert readers.edits(a, b) == readers.edits(b, a) == distance


def test_near_answers_count_in_part_and_far_ones_not(readers: ModuleType) -> None:
    assert readers.anls("12,50 €", ["12,50 €"]) == 1.0
    assert readers.anls("John Smith", ["Jon Smith", "Ann"]) == pytest.approx(0.9)
    assert readers.anls("Paris", ["London"]) == 0.0
    assert readers.anls(None, ["London"]) == 0.0
    assert readers.anls(None, []) == 1.0
    assert readers.anls("London", []) == 0.0
