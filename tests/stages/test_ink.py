"""Edges of words moved to their ink."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from docharmony import BBox
from docharmony.engine.base import Reading
from docharmony.engine.crops import LineCrop, crop_lines
from docharmony.stages.ink import part_words, settle

TEXT = "harvest of 1987, then"


def drawn(ground: str = "white", ink: str = "black") -> tuple[Image.Image, list[tuple[int, int]]]:
    """A line of text 30 px high at (20, 20), and where the ink of each word begins and ends."""
    image = Image.new("RGB", (420, 80), ground)
    spans, at = [], 0
    font = ImageFont.load_default(size=32)
    for word in TEXT.split():
        at = TEXT.index(word, at)
        x = 20 + font.getlength(TEXT[:at])
        alone = Image.new("L", image.size)
        ImageDraw.Draw(alone).text((x, 18), word, fill=255, font=font)
        ImageDraw.Draw(image).text((x, 18), word, fill=ink, font=font)
        box = alone.point(lambda value: 255 * (value > 120)).getbbox()
        assert box
        spans.append((box[0], box[2]))
        at += len(word)
    return image, spans


def crop_of(image: Image.Image, end: float) -> LineCrop:
    (crop,) = crop_lines(np.asarray(image), [BBox(18, 20, end, 56).polygon()])
    return crop


def guess(crop: LineCrop, spans: list[tuple[int, int]], off: float) -> Reading:
    """A reading whose places are off by some source pixels, to one side and the other in turn."""
    width = crop.image.shape[1]
    to_crop = crop.to_source.inverse()
    bounds, at = [(0.0, 0.0)] * len(TEXT), 0
    for number, (word, (x0, x1)) in enumerate(zip(TEXT.split(), spans, strict=True)):
        at = TEXT.index(word, at)
        shift = off if number % 2 else -off
        for k in range(len(word)):
            a, b = (x0 + shift + (x1 - x0) * (k + i) / len(word) for i in (0, 1))
            bounds[at + k] = tuple(to_crop.apply((x, 0)).x / width for x in (a, b))
        at += len(word)
    return Reading(TEXT, 0.9, tuple(bounds))


def edges(crop: LineCrop, reading: Reading) -> list[tuple[float, float]]:
    """Where the words of a reading begin and end, in source pixels."""
    found, at = [], 0
    for word in TEXT.split():
        at = TEXT.index(word, at)
        first, last = reading.bounds[at], reading.bounds[at + len(word) - 1]
        box = crop.polygon(first[0], last[1]).bbox
        found.append((box.x0, box.x1))
        at += len(word)
    return found


@pytest.mark.parametrize(("ground", "ink"), [("white", "black"), ("#103060", "#f0f0e0")])
@pytest.mark.parametrize("off", [0, 4, 8])
def test_words_end_where_their_ink_ends(ground: str, ink: str, off: float) -> None:
    image, spans = drawn(ground, ink)
    crop = crop_of(image, spans[-1][1] + 3)
    settled = settle(crop, guess(crop, spans, off))
    assert settled.text == TEXT
    for (start, end), (x0, x1) in zip(edges(crop, settled), spans, strict=True):
        assert start == pytest.approx(x0, abs=2.5)
        assert end == pytest.approx(x1, abs=2.5)
    flat = [value for pair in settled.bounds for value in pair if pair != (0.0, 0.0)]
    assert flat == sorted(flat)


def test_an_underlined_line_stays_as_it_was_read() -> None:
    image, spans = drawn()
    ImageDraw.Draw(image).line((0, 50, 420, 50), fill="black", width=3)
    crop = crop_of(image, spans[-1][1] + 3)
    reading = guess(crop, spans, 0)
    before, after = edges(crop, reading), edges(crop, settle(crop, reading))
    for (a, b), (c, d) in list(zip(before, after, strict=True))[1:-1]:
        assert (a, b) == pytest.approx((c, d))


def test_a_reading_without_places_stays_as_it_is() -> None:
    image, _ = drawn()
    reading = Reading("anything", 0.5)
    assert settle(crop_of(image, 300), reading) is reading
    assert settle(crop_of(image, 300), Reading("", 0.0)) == Reading("", 0.0)


def test_two_words_read_as_one_are_parted() -> None:
    text = "when the two came home at noon"
    image = Image.new("RGB", (640, 80), "white")
    font = ImageFont.load_default(size=32)
    ImageDraw.Draw(image).text((20, 18), text, fill="black", font=font)
    crop = crop_of(image, 20 + font.getlength(text) + 3)
    width, to_crop = crop.image.shape[1], crop.to_source.inverse()
    places = [
        tuple(to_crop.apply((20 + font.getlength(text[: k + i]), 0)).x / width for i in (0, 1))
        for k in range(len(text))
    ]
    joined = [k for k in range(len(text)) if k != text.index(" two")]
    reading = Reading(
        "".join(text[k] for k in joined), 0.9, tuple((a, b) for a, b in (places[k] for k in joined))
    )
    assert reading.text == "when thetwo came home at noon"
    parted = part_words(crop, reading)
    assert parted.text == text
    assert len(parted.bounds) == len(text)
    whole = Reading(text, 0.9, tuple((a, b) for a, b in places))
    assert part_words(crop, whole) == whole


@pytest.mark.parametrize(
    ("shown", "read"),
    [("kitchen service", "kitchenservice"), ("illumine", "illumine")],
)
def test_a_line_of_few_words_is_parted_at_a_wide_gap_alone(shown: str, read: str) -> None:
    font = ImageFont.load_default(size=32)
    image = Image.new("RGB", (420, 80), "white")
    ImageDraw.Draw(image).text((20, 18), shown, fill="black", font=font)
    crop = crop_of(image, 20 + font.getlength(shown) + 3)
    width, to_crop = crop.image.shape[1], crop.to_source.inverse()
    edges = [
        to_crop.apply((20 + font.getlength(shown[:i]), 0)).x / width for i in range(len(shown) + 1)
    ]
    kept = [b for b, c in zip(pairwise(edges), shown, strict=True) if c != " "]
    assert part_words(crop, Reading(read, 0.9, tuple(kept))).text == shown
