"""Stage ``ocr.rapidocr``: PP-OCRv6 on drawn pages, upright and turned."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distributions, requires
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from docharmony import BBox, Page, Plugins, RunConfig, Stage
from docharmony.context import RunContext

TEXT = ("The harvest of 1987 was the best", "Invoice 4711 of 12 March 2024", "Total: 1,234.50 EUR")


class Pixels(RunContext):
    """The context of a run whose page is an array."""

    image: np.ndarray

    def raster(self, page: Page, dpi: int | None = None) -> np.ndarray:
        return self.image


@pytest.fixture(scope="module")
def ctx() -> Pixels:
    return Pixels(RunConfig(), Plugins(("docharmony_rapidocr",), allow=()))


def drawn() -> Image.Image:
    image = Image.new("RGB", (640, 320), "white")
    draw = ImageDraw.Draw(image)
    for row, text in enumerate(TEXT):
        font = ImageFont.load_default(size=30)
        draw.text((60, 50 + 80 * row), text, fill="black", font=font)
    return image


def read(ctx: Pixels, image: Image.Image, **options: Any) -> Page:
    ctx.image = np.asarray(image)
    cls: type[Stage] = ctx.plugins.stages.get("ocr.rapidocr")
    return cls(cls.Config(**options)).process(Page(1, *image.size, "px", route="scan"), ctx)


def test_listing_the_stage_imports_nothing_heavy() -> None:
    code = (
        "import sys; from docharmony import Plugins;"
        "p = Plugins(('docharmony_rapidocr',), allow=());"
        "assert 'ocr.rapidocr' in p.stages;"
        "print([m for m in ('cv2', 'numpy', 'rapidocr', 'onnxruntime') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_one_onnxruntime_is_installed_and_rapidocr_asks_for_none() -> None:
    names = {d.metadata["Name"].lower() for d in distributions()}
    assert len({"onnxruntime", "onnxruntime-gpu"} & names) == 1
    assert not [need for need in requires("rapidocr") or [] if need.startswith("onnxruntime")]


def test_words_stand_where_they_were_drawn(ctx: Pixels) -> None:
    page = read(ctx, drawn())
    assert [line.text for line in page.lines] == list(TEXT)
    for row, line in enumerate(page.lines):
        assert line.origin == "ocr"
        assert line.confidence > 0.9
        draw, font = ImageDraw.Draw(drawn()), ImageFont.load_default(size=30)
        at = 0
        for word in line.words:
            at = line.text.index(word.text, at)
            x = 60 + draw.textlength(line.text[:at], font=font)
            x0, _, x1, _ = draw.textbbox((x, 50 + 80 * row), word.text, font=font)
            assert (word.bbox.x0, word.bbox.x1) == pytest.approx((x0, x1), abs=6), word.text
            at += len(word.text)


@pytest.mark.parametrize("quarters", [1, 2])
def test_turned_pages_are_read(ctx: Pixels, quarters: int) -> None:
    page = read(ctx, drawn().rotate(-90 * quarters, expand=True))
    assert [line.text for line in page.lines] == list(TEXT)
    assert all(abs(line.direction - 90 * quarters) < 1 for line in page.lines)


def test_a_skewed_page_has_slanted_words(ctx: Pixels) -> None:
    page = read(ctx, drawn().rotate(-4, Image.Resampling.BICUBIC, fillcolor="white"))
    assert [line.text for line in page.lines] == list(TEXT)
    assert all(3 < line.direction < 5 for line in page.lines)


def test_a_blank_page_has_no_lines(ctx: Pixels) -> None:
    assert read(ctx, Image.new("RGB", (300, 200), "white")).lines == ()


def test_a_mixed_page_keeps_its_text_layer(ctx: Pixels) -> None:
    upright = read(ctx, drawn())
    typed = upright.lines[0]
    ctx.image = np.asarray(drawn())
    cls: type[Stage] = ctx.plugins.stages.get("ocr.rapidocr")
    page = Page(1, 640, 320, "px", route="mixed", lines=(typed,), images=(BBox(0, 0, 640, 320),))
    done = cls(cls.Config()).process(page, ctx)
    assert [line.text for line in done.lines] == list(TEXT)
    assert done.lines[0] is typed
