"""Every place in which a PDF can hide a secret, one at a time: gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from docharmony import Pipeline

from .fuzz import runner
from .fuzz.places import PLACES
from .fuzz.recipes import Recipe


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Pipeline]:
    with runner.direct():
        yield runner.blind_pipeline()


@pytest.mark.filterwarnings("ignore:Unexpected end of stream")
@pytest.mark.parametrize("name", PLACES)
def test_place(name: str, pipeline: Pipeline, tmp_path: Path) -> None:
    result = runner.attack(Recipe.random(f"{name}.0", (name,)), tmp_path, pipeline)
    assert result.outcome == runner.CLEAN, result.detail
