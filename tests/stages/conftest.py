from __future__ import annotations

from pathlib import Path

import pytest

from docharmony.io.source import open_source
from docharmony.model import Page
from docharmony.stages.layout import LayoutStage

from .drawn import Drawn, Layout, PageContext, check_whole


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Return a function that saves a drawn page, reads it and lays it out."""

    def run(drawn: Drawn) -> Page:
        with open_source(drawn.save(tmp_path / "drawn.pdf")) as source:
            page = source.page(1)
            result = LayoutStage().process(page, PageContext(source))  # type: ignore[arg-type]
        check_whole(page, result)
        return result

    return run
