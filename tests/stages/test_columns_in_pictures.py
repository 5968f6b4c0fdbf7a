"""Vertical writing in pictures: told from turned lines, measured, and set standing."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pymupdf
import pytest
from PIL import Image, ImageDraw, ImageFont

from docharmony import Graphics, Line, Page, Polygon
from docharmony.engine.base import Reading
from docharmony.engine.crops import crop_lines
from docharmony.geometry import Affine
from docharmony.stages.lines import map_line
from docharmony.stages.reading import _line
from docharmony.stages.replacing import Naming, Replacer

SIZE, TEXT = 36, "本日は定休日"


class Picture:
    """What a replacer asks a context for."""

    def __init__(self, pixels: Any) -> None:
        self._pixels = pixels

    def raster(self, page: Page, dpi: int | None = None) -> Any:
        return self._pixels

    def graphics(self, page: Page) -> Graphics:
        return Graphics()


def column() -> Any:
    """Return a picture with a column of letters from (100, 40) down."""
    font = ImageFont.truetype(io.BytesIO(pymupdf.Font("cjk").buffer), SIZE)
    image = Image.new("RGB", (240, 320), (248, 246, 240))
    for number, letter in enumerate(TEXT):
        ImageDraw.Draw(image).text((100, 40 + SIZE * number), letter, font=font, fill=(30, 30, 90))
    return np.asarray(image)


def read(pixels: Any, text: str) -> Line:
    high = SIZE * len(TEXT)
    corners = Polygon.of(((138, 44), (138, 44 + high), (98, 44 + high), (98, 44)))
    (crop,) = crop_lines(pixels, [corners])
    line = _line(corners, crop, Reading(text, 0.99))
    assert line is not None
    return map_line(line, Affine())


def test_letters_tell_whether_they_stand() -> None:
    pixels = column()
    assert read(pixels, TEXT).vertical
    assert not read(pixels, "Units sold").vertical


@pytest.mark.parametrize(("new", "way"), [("明日も", "ttb"), ("Bakery", "")])
def test_new_text_stands_where_its_script_does(new: str, way: str) -> None:
    pixels = column()
    line = read(pixels, TEXT)
    page = Page(1, 240, 320, "px", lines=(line,))
    replacer = Replacer(page, Picture(pixels))  # type: ignore[arg-type]
    edit = replacer.part(line, line.polygon, TEXT, new, Naming("", "map", ""), align=None)
    setting = edit.setting
    assert setting is not None
    assert setting.direction == way
    assert setting.size == pytest.approx(SIZE, rel=0.12)
    assert max(abs(a - b) for a, b in zip(setting.color, (30, 30, 90), strict=True)) < 12
