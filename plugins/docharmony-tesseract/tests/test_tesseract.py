"""Stage ``ocr.tesseract``: the program where it is installed, clear words where it is not."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from docharmony_tesseract.stage import TesseractStage, check_installed, parse_tsv
from PIL import Image, ImageDraw, ImageFont

from docharmony import (
    BBox,
    DocharmonyError,
    ExitCode,
    InputError,
    MissingExtraError,
    Page,
    Plugins,
    RunConfig,
    Stage,
)
from docharmony.context import RunContext

TEXT = ("The harvest of 1987 was the best", "Invoice 4711 of 12 March 2024")

needs_program = pytest.mark.skipif(
    shutil.which("tesseract") is None,
    reason="the tesseract program is not installed (apt-get install tesseract-ocr)",
)


class Pixels(RunContext):
    """The context of a run whose page is an array."""

    image: np.ndarray

    def raster(self, page: Page, dpi: int | None = None) -> np.ndarray:
        return self.image


@pytest.fixture
def ctx() -> Pixels:
    return Pixels(RunConfig(), Plugins(allow=()))


def drawn() -> Image.Image:
    image = Image.new("RGB", (640, 260), "white")
    draw = ImageDraw.Draw(image)
    for row, text in enumerate(TEXT):
        font = ImageFont.load_default(size=30)
        draw.text((60, 60 + 80 * row), text, fill="black", font=font)
    return image


def read(ctx: Pixels, image: Image.Image, **options: Any) -> Page:
    ctx.image = np.asarray(image)
    stage = TesseractStage(TesseractStage.Config(**options))
    return stage.process(Page(1, *image.size, "px", route="scan"), ctx)


def test_the_plugin_registers_its_stage_by_name() -> None:
    plugins = Plugins(("docharmony_tesseract",), allow=())
    entry = plugins.stages.entry("ocr.tesseract")
    assert entry.distribution == "docharmony_tesseract"
    assert issubclass(entry.load(), Stage)


@needs_program
def test_words_stand_where_they_were_drawn(ctx: Pixels) -> None:
    page = read(ctx, drawn())
    assert [line.text for line in page.lines] == list(TEXT)
    assert [line.id for line in page.lines] == ["p1l1", "p1l2"]
    for line in page.lines:
        assert line.origin == "ocr"
        assert 0.5 < line.confidence <= 1
    first = page.lines[0].words[0]
    ink = ImageDraw.Draw(drawn()).textbbox((60, 60), "The", font=ImageFont.load_default(size=30))
    assert first.bbox == pytest.approx(ink, abs=4)


@needs_program
@pytest.mark.parametrize("quarters", [1, 2])
def test_turned_pages_are_read(ctx: Pixels, quarters: int) -> None:
    upright = read(ctx, drawn())
    page = read(ctx, drawn().rotate(-90 * quarters, expand=True))
    assert [line.text for line in page.lines] == list(TEXT)
    assert all(abs(line.direction - 90 * quarters) < 1 for line in page.lines)
    box, was = page.lines[0].bbox, upright.lines[0].bbox
    expected = {
        1: BBox(260 - was.y1, was.x0, 260 - was.y0, was.x1),
        2: BBox(640 - was.x1, 260 - was.y1, 640 - was.x0, 260 - was.y0),
    }[quarters]
    assert box == pytest.approx(expected, abs=2)


@needs_program
def test_an_unknown_language_names_the_package_to_install(ctx: Pixels) -> None:
    with pytest.raises(MissingExtraError, match="xx_yy") as caught:
        read(ctx, drawn(), languages=("xx_yy",))
    assert "apt-get install tesseract-ocr-xx-yy" in caught.value.hint


@needs_program
def test_no_language_at_all_is_refused() -> None:
    with pytest.raises(MissingExtraError, match="at least one language"):
        check_installed("tesseract", ())


def test_a_missing_program_is_named_with_how_to_install_it(ctx: Pixels) -> None:
    with pytest.raises(MissingExtraError, match="no-such-tesseract") as caught:
        read(ctx, drawn(), program="no-such-tesseract")
    assert "apt-get install tesseract-ocr" in caught.value.hint
    assert caught.value.exit_code is ExitCode.MISSING_EXTRA


def script(folder: Path, body: str) -> str:
    """A stand-in for the program, so that failures can be had at will."""
    path = folder / "tesseract"
    path.write_text(f'#!/bin/sh\nif [ "$1" = --list-langs ]; then echo eng; exit 0; fi\n{body}\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_a_program_that_hangs_is_stopped(ctx: Pixels, tmp_path: Path) -> None:
    program = script(tmp_path, "echo 'the secret'; exec sleep 60")
    with pytest.raises(InputError, match="takes too long") as caught:
        read(ctx, drawn(), program=program, timeout=0.3)
    assert caught.value.__cause__ is None  # it would carry what was printed: text of the page


def test_a_program_that_fails_is_one_clear_line_without_its_output(
    ctx: Pixels, tmp_path: Path
) -> None:
    program = script(tmp_path, "cat >/dev/null; echo 'the secret'; echo 'the secret' >&2; exit 3")
    with pytest.raises(DocharmonyError, match="exit code 3") as caught:
        read(ctx, drawn(), program=program)
    assert "secret" not in f"{caught.value} {caught.value.hint}"


def test_rules_and_blank_words_of_the_tsv_are_left_out() -> None:
    rows = [
        "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext",
        "4\t1\t1\t1\t1\t0\t10\t20\t90\t10\t-1\t",
        "5\t1\t1\t1\t1\t1\t10\t20\t40\t10\t95.5\tone",
        "5\t1\t1\t1\t1\t2\t60\t21\t40\t9\t80\ttwo",
        "5\t1\t2\t1\t1\t1\t10\t50\t400\t1\t95\t ",
        "5\t1\t3\t1\t1\t1\t10\t70\t40\t10\t-1\tthree",
    ]
    first, second = parse_tsv(rows)
    assert (first.text, first.bbox) == ("one two", BBox(10, 20, 100, 30))
    assert first.words[0].confidence == pytest.approx(0.955)
    assert (second.text, second.confidence) == ("three", 0)
