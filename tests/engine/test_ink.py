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


def test_one_coloured_word_makes_a_line_black() -> None:
    text = "read the documents at org/doc that are available"
    pixels = line(text).copy()
    start, end = (round(6 + FONT.getlength(text[: text.index(part)])) for part in ("org", " that"))
    word = pixels[:, start:end]
    word[..., 0] = 255 - (255 - word[..., 0].astype(int)) // 12
    found = ink.black_on_white(pixels)
    assert np.abs(found.astype(int) - line(text)).mean() < 3


def test_faint_words_become_as_dark_as_the_others() -> None:
    text = "available at https://example.com/ and elsewhere"
    plain = line(text, (60, 60, 60), (220, 220, 220)).astype(int)
    faint = plain.copy()
    start, end = (round(6 + FONT.getlength(text[: text.index(part)])) for part in ("http", " and"))
    faint[:, start:end] = 220 - (220 - faint[:, start:end]) * 2 // 5
    noise = np.random.default_rng(0).normal(0, 4, faint.shape[:2])[..., None]
    given = (faint + noise).clip(0, 255).astype(np.uint8)
    found = ink.alike(given, ink.contrast_of(given))
    inside = slice(start + 4, end - 4)
    assert found[:, inside].min() < 80 < given[:, inside].min()
    assert np.array_equal(found[:, : start - 6], given[:, : start - 6])
    even = (plain + noise).clip(0, 255).astype(np.uint8)
    assert ink.alike(even, ink.contrast_of(even)) is even


def test_black_ink_below_coloured_ink_stands_alone() -> None:
    plain = line("Total 12 is due")
    stamped = Image.fromarray(plain)
    ImageDraw.Draw(stamped).line((40, 0, 90, 47), fill=(230, 40, 40), width=4)
    found = ink.black_alone(np.asarray(stamped))
    assert found is not None
    gone = np.abs(found.astype(int) - plain).max(axis=2) > 120
    assert gone.mean() < 0.02  # where the stamp covers letters, they are gone
    for single in (plain, line("Total 12", (230, 40, 40))):
        assert ink.black_alone(single) is None


def test_pictures_and_blank_lines_stay_as_they_are() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (48, 200, 3), np.uint8)
    blank = np.full((48, 200, 3), 240, np.uint8)
    assert ink.black_on_white(noise) is noise
    assert ink.black_on_white(blank) is blank


def test_leaders_are_found_between_text() -> None:
    text = "Purpose . . . . . . . . . . 17"
    pixels = line(text)
    (found,) = ink.drawn(ink.contrast_of(pixels))
    assert found.text == "." * 10
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
    assert ink.drawn(ink.contrast_of(line(text))) == []


def test_a_line_of_dots_alone_leaves_nothing_to_read() -> None:
    pixels = line(". . . . . .")
    found = ink.drawn(ink.contrast_of(pixels))
    assert [row.text for row in found] == ["." * 6]
    assert reading.between(pixels, found) == []


@pytest.mark.parametrize(("ticked", "sign"), [(False, "\u2610"), (True, "\u2612")])
def test_a_box_to_tick_is_told_by_its_sides(ticked: bool, sign: str) -> None:
    picture = Image.fromarray(line("         Yes"))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((8, 12, 31, 35), outline=(0, 0, 0), width=3)
    if ticked:
        draw.line((11, 15, 28, 32), (0, 0, 0), 3)
        draw.line((11, 32, 28, 15), (0, 0, 0), 3)
    (found,) = ink.drawn(ink.contrast_of(np.asarray(picture)))
    assert found == (8, 32, sign)


@pytest.mark.parametrize("text", ["DO0O QB [8] E H", "[ ] ( )", "8 9 6 B"])
def test_letters_are_no_boxes(text: str) -> None:
    assert ink.drawn(ink.contrast_of(line(text))) == []


def test_the_edge_of_a_shadow_is_made_even() -> None:
    plain = line("Rows of letters across a shadow")
    share = np.interp(np.arange(plain.shape[1]), (200, 260), (0.5, 1.0))[None, :, None]
    found = ink.even((plain * share).astype(np.uint8))
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - plain).mean() < 12
    assert ink.even(plain) is plain


def test_light_letters_on_a_shaded_ground_are_made_even() -> None:
    plain = line("Rows of letters across a shadow", (250, 250, 250), (20, 20, 20))
    shade = np.interp(np.arange(plain.shape[1]), (200, 260), (0, 60))[None, :, None]
    shaded = (plain + shade).clip(0, 255).astype(np.uint8)
    assert np.abs(ink.even(shaded).astype(int) - plain).mean() < 12


def test_the_edge_of_a_box_is_no_shadow() -> None:
    plain = np.concatenate([line("outside of it"), line("inside", ground=(120, 120, 120))], axis=1)
    assert ink.even(plain) is plain
