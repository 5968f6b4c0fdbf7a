"""Coloured ink becomes black, and dot leaders are told from text, without any network."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from docharmony.engine import ink, reading

FONT = ImageFont.load_default(30)


def line(
    text: str,
    colour: tuple[int, int, int] = (0, 0, 0),
    ground: tuple[int, int, int] = (255, 255, 255),
) -> np.ndarray:
    picture = Image.new("RGB", (round(FONT.getlength(text)) + 12, 48), ground)
    ImageDraw.Draw(picture).text((6, 4), text, font=FONT, fill=colour)
    return np.asarray(picture)


@pytest.mark.parametrize(
    ("colour", "ground"),
    [
        ((0, 153, 0), (25, 51, 128)),
        ((255, 0, 255), (255, 255, 255)),
        ((255, 255, 255), (255, 247, 217)),
        ((0, 0, 255), (178, 25, 25)),
    ],
)
def test_coloured_and_faint_ink_becomes_black_on_white(
    colour: tuple[int, int, int], ground: tuple[int, int, int]
) -> None:
    found = ink.black_on_white(line("Total 12", colour, ground))
    plain = line("Total 12")
    assert found.shape == plain.shape
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - plain).mean() < 6


def test_grey_lines_stay_as_they_are() -> None:
    for pixels in (line("Total 12"), line("Total 12", (255, 255, 255), (20, 20, 20))):
        assert ink.black_on_white(pixels) is pixels


def test_pictures_and_blank_lines_stay_as_they_are() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (48, 200, 3), np.uint8)
    blank = np.full((48, 200, 3), 240, np.uint8)
    assert ink.black_on_white(noise) is noise
    assert ink.black_on_white(blank) is blank


def test_leaders_are_found_between_text() -> None:
    text = "Purpose . . . . . . . . . . 17"
    pixels = line(text)
    (found,) = ink.leaders(pixels)
    assert found.dots == 10
    assert found.start > FONT.getlength("Purpose")
    assert found.end < pixels.shape[1] - FONT.getlength("17")
    before, after = reading.between(pixels, [found])
    assert before[0] == 0
    assert before[1] <= found.start
    assert after[0] >= found.end
    places = ink.bounds(found, pixels.shape[1])
    assert len(places) == 10
    assert places[0][0] == pytest.approx(found.start / pixels.shape[1])


@pytest.mark.parametrize(
    "text", ["and so on ...", "a.b.c.d.e.f", "Mr. J. R. R. Roe", "- - - - -", "::::"]
)
def test_text_with_dots_is_no_leader(text: str) -> None:
    assert ink.leaders(line(text)) == []


def test_a_line_of_dots_alone_leaves_nothing_to_read() -> None:
    pixels = line(". . . . . .")
    found = ink.leaders(pixels)
    assert [row.dots for row in found] == [6]
    assert reading.between(pixels, found) == []
