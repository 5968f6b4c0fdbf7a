"""What a redacted line looks like must not depend on what was removed from it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

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
    "paragraph",
    "filled",
]


@pytest.fixture
def gaps(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    import gaps

    return gaps


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


def test_gaps_that_are_kept_tell_names_apart(gaps: ModuleType) -> None:
    outputs = {
        gaps.redacted(gaps.middle, "Helvetica", name, "erase", keep=True)
        for name in ("Li", "Roe", "Kowalski", "Vanlandingham")
    }
    assert len(outputs) == 4
