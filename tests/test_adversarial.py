"""Every place in which a PDF can hide a secret, one at a time: gone, or nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from docharmony import Pipeline

from .fuzz import runner
from .fuzz.places import PLACES

# Found by the checks and by no cleaner yet: the output is withheld, which is safe but no help.
WITHHELD = {
    # Text that no page shows and no rule sees: only the checks read it.
    "beyond_a_clip",
    "composite_text_beyond_a_clip",
    "composite_text_in_a_layer_that_is_off",
    "composite_text_off_the_page",
    "layer_that_is_off",
    "off_the_page",
    "text_of_no_size",
    # Strings and names in content streams that show nothing.
    "comment_in_content",
    "marked_point",
    "tag_of_marked_content",
    "unknown_operator",
    # Names that other objects refer to.
    "base_font_name",
    "export_value_of_a_checkbox",
    "name_of_a_font",
    "name_of_a_resource",
    "name_of_an_ink",
    "structure_role",
    # Programs and tables that show things.
    "colour_profile",
}


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Pipeline]:
    with runner.direct():
        yield runner.blind_pipeline()


@pytest.mark.filterwarnings("ignore:Unexpected end of stream")
@pytest.mark.parametrize("name", PLACES)
def test_place(name: str, pipeline: Pipeline, tmp_path: Path) -> None:
    result = runner.attack(f"{name}.0", tmp_path, pipeline, (name,))
    expected = runner.WITHHELD if name in WITHHELD else runner.CLEAN
    assert result.outcome == expected, result.detail
