"""Letters that are no text: outlines, strokes, small pictures, beside an honest text layer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image, ImageDraw, ImageFont

from docharmony import Pipeline, redact
from docharmony import open as open_source

from .fuzz.book import VERA

SECRET = "Quillfeather"
PLACE = pymupdf.Rect(60, 100, 220, 125)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline()


def outlines(page: pymupdf.Page) -> None:
    """Draw the secret as paths, one for each letter."""
    with pymupdf.open() as made:
        sheet = made.new_page(width=PLACE.width, height=PLACE.height)
        sheet.insert_font("F", str(VERA))
        sheet.insert_text((0, 19), SECRET, fontname="F", fontsize=18)
        picture = sheet.get_svg_image(text_as_path=True)
    with pymupdf.open(stream=picture.encode(), filetype="svg") as drawing:
        paths = pymupdf.open("pdf", drawing.convert_to_pdf())
    assert not paths[0].get_text().strip()
    page.show_pdf_page(PLACE, paths, 0)


def strokes(page: pymupdf.Page) -> None:
    """Write QUILLFEATHER as a plotter does, in straight strokes."""
    letters = {
        "Q": [(0, 0, 6, 0), (6, 0, 6, 10), (6, 10, 0, 10), (0, 10, 0, 0), (4, 7, 8, 12)],
        "U": [(0, 0, 0, 10), (0, 10, 6, 10), (6, 10, 6, 0)],
        "I": [(1, 0, 5, 0), (3, 0, 3, 10), (1, 10, 5, 10)],
        "L": [(0, 0, 0, 10), (0, 10, 6, 10)],
        "F": [(0, 10, 0, 0), (0, 0, 6, 0), (0, 5, 5, 5)],
        "E": [(6, 0, 0, 0), (0, 0, 0, 10), (0, 10, 6, 10), (0, 5, 5, 5)],
        "A": [(0, 10, 3, 0), (3, 0, 6, 10), (1.5, 6, 4.5, 6)],
        "T": [(0, 0, 6, 0), (3, 0, 3, 10)],
        "H": [(0, 0, 0, 10), (6, 0, 6, 10), (0, 5, 6, 5)],
        "R": [(0, 10, 0, 0), (0, 0, 6, 0), (6, 0, 6, 5), (6, 5, 0, 5), (2, 5, 6, 10)],
    }
    for index, letter in enumerate(SECRET.upper()):
        shape = page.new_shape()
        for x0, y0, x1, y1 in letters[letter]:
            left, top = PLACE.x0 + 13 * index, PLACE.y0 + 4
            shape.draw_line((left + 1.3 * x0, top + 1.5 * y0), (left + 1.3 * x1, top + 1.5 * y1))
        shape.finish(color=(0, 0, 0), width=1.6, closePath=False)
        shape.commit()


def tiles(page: pymupdf.Page) -> None:
    """Draw the secret as a row of pictures too small to hold a word."""
    image = Image.new("L", (640, 100), 255)
    font = ImageFont.truetype(str(VERA), 80)
    ImageDraw.Draw(image).text((4, 0), SECRET, font=font, fill=0)
    step = 16
    for left in range(0, image.width, step):
        part = image.crop((left, 0, left + step, 100))
        pixels = pymupdf.Pixmap(pymupdf.csGRAY, step, 100, part.tobytes(), False)
        x = PLACE.x0 + left / 4
        page.insert_image(pymupdf.Rect(x, 100, x + step / 4, 125), pixmap=pixels)


WAYS: dict[str, Callable[[pymupdf.Page], None]] = {
    "outlines": outlines,
    "strokes": strokes,
    "small_pictures": tiles,
}


@pytest.mark.parametrize("way", WAYS)
def test_drawn_letters_are_found_and_gone(way: str, pipeline: Pipeline, tmp_path: Path) -> None:
    with pymupdf.open() as document:
        page = document.new_page(width=400, height=200)
        page.insert_text((60, 60), "An honest line of text, and in the drawing a name:")
        WAYS[way](page)
        document.save(tmp_path / "a.pdf")
    assert ink(tmp_path / "a.pdf") > 300
    report = redact(tmp_path / "a.pdf", tmp_path / "o.pdf", terms=[SECRET], pipeline=pipeline)
    assert report.count >= 1
    assert ink(tmp_path / "o.pdf") < 20
    # Its gap keeps its width, and the report says so.
    assert {gap.edit for gap in report.gaps} == {edit.id for edit in report.edits[1]}


def ink(path: Path) -> int:
    with pymupdf.open(path) as document:
        pixmap = document[0].get_pixmap(dpi=144, clip=PLACE, colorspace=pymupdf.csGRAY)
    return int((np.frombuffer(pixmap.samples, np.uint8) < 128).sum())


def test_rules_boxes_and_bullets_are_no_writing(tmp_path: Path) -> None:
    with pymupdf.open() as document:
        page = document.new_page(width=400, height=300)
        for row in range(8):
            page.draw_line((20, 20 + 20 * row), (380, 20 + 20 * row))
            page.draw_rect(pymupdf.Rect(20, 20 + 20 * row, 120, 40 + 20 * row), fill=(0.9, 0.9, 1))
            page.draw_circle((140, 30 + 20 * row), 2, fill=(0, 0, 0))
            page.insert_text((150, 34 + 20 * row), "a line of a list")
        page.draw_rect(pymupdf.Rect(10, 10, 390, 290), radius=0.02)
        document.save(tmp_path / "a.pdf")
    with open_source(tmp_path / "a.pdf") as source:
        assert source.writing(1) == ()
