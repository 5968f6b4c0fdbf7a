"""Helpers of OCR stages: areas, words with boxes, maps, merging with the text layer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docharmony import Affine, BBox, Line, Page, Point, Polygon, Word
from docharmony.stages.lines import (
    Position,
    areas_to_read,
    cut,
    find_position,
    how_well,
    is_garbled,
    line_of,
    map_line,
    merge_lines,
)


def layer(number: int, text: str, box: BBox, *, visible: bool = True) -> Line:
    """A line of a text layer, its words as wide as their share of the text."""
    words, at = [], 0
    for piece in text.split(" "):
        x0 = box.x0 + box.width * at / len(text)
        x1 = box.x0 + box.width * (at + len(piece)) / len(text)
        words.append(Word(piece, BBox(x0, box.y0, x1, box.y1)))
        at += len(piece) + 1
    return Line(f"p1l{number}", tuple(words), box, visible=visible)


def read(text: str, box: BBox) -> Line:
    line = line_of(box.polygon(), text, 0.9)
    assert line
    return line


# --- garbled text and areas ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "garbled"),
    [
        ("Total 1.234,50 €", False),
        ("Привет мир", False),
        ("日本語 テキスト", False),
        ("∑ x² ≤ 4 → ∞", False),
        ("\ue001\ue002\ue003", True),
        ("ab\ufffd\ufffdc", True),
        ("\x01\x02T\x03", True),
        ("a long line with one \ufffd bad sign", False),
        ("", False),
    ],
)
def test_garbled_text_is_told_from_foreign_text(text: str, garbled: bool) -> None:
    assert is_garbled(text) is garbled


def test_a_scan_is_read_whole_and_a_mixed_page_in_its_pictures() -> None:
    images = (BBox(10, 10, 60, 40), BBox(10, 40, 60, 70), BBox(80, 10, 95, 20))
    page = Page(1, 100, 200, images=images)
    assert areas_to_read(page.provide(route="scan")) == (BBox(0, 0, 100, 200),)
    # Two strips of one picture are one area.
    assert set(areas_to_read(page.provide(route="mixed"))) == {
        BBox(10, 10, 60, 70),
        BBox(80, 10, 95, 20),
    }
    assert areas_to_read(Page(1, 100, 200, route="mixed")) == ()


def test_a_garbled_line_of_a_mixed_page_is_read_from_its_pixels() -> None:
    line = layer(1, "\ue001\ue002 \ue003", BBox(20, 50, 80, 60))
    (area,) = areas_to_read(Page(1, 100, 200, route="mixed", lines=(line,)))
    assert area == BBox(12, 42, 88, 68)


def test_pictures_that_reach_over_the_page_are_cut_at_its_border() -> None:
    page = Page(1, 100, 200, route="mixed", images=(BBox(-50, -50, 30, 30), BBox(300, 0, 400, 9)))
    assert areas_to_read(page) == (BBox(0, 0, 30, 30),)


def test_cut_gives_pixels_and_the_way_back() -> None:
    raster = np.arange(400 * 200 * 3, dtype=np.uint32).reshape(400, 200, 3).astype(np.uint8)
    page = Page(1, 100, 200)
    found = cut(raster, page, BBox(10.2, 20.3, 30.1, 40))
    assert found
    image, to_page = found
    assert image.shape == (40, 41, 3)
    assert np.array_equal(image, raster[40:80, 20:61])
    assert to_page.apply((0, 0)) == Point(10, 20)
    assert to_page.apply((41, 40)) == Point(30.5, 40)
    assert cut(raster, page, BBox(10, 20, 30, 23)) is None


# --- words ---------------------------------------------------------------------------------------


def test_words_lie_where_their_characters_were_read() -> None:
    text = "ab c"
    bounds = [(0.1, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.9)]
    line = line_of(BBox(0, 0, 100, 10).polygon(), text, 0.75, bounds)
    assert line
    assert [word.text for word in line.words] == ["ab", "c"]
    assert line.words[0].bbox == pytest.approx(BBox(10, 0, 40, 10))
    assert line.words[1].bbox == pytest.approx(BBox(60, 0, 90, 10))
    assert line.words[0].bounds == pytest.approx((0, 1 / 3, 1))
    assert line.words[0].quad is None
    assert (line.confidence, line.origin, line.size, line.direction) == (0.75, "ocr", 10, 0)


def test_blank_text_is_no_line() -> None:
    assert line_of(BBox(0, 0, 100, 10).polygon(), " \t ", 0.9) is None


def test_a_skewed_line_has_skewed_words() -> None:
    tilted = BBox(0, 0, 100, 10).polygon().map(Affine.rotate(5))
    line = line_of(tilted, "one two", 1.0)
    assert line
    assert line.direction == pytest.approx(5, abs=0.01)
    assert line.quad == tilted
    for word in line.words:
        assert word.quad
        assert word.quad.angle == pytest.approx(5)
        assert word.bbox == word.quad.bbox


@given(
    st.text("ab .", min_size=1, max_size=12),
    st.sampled_from([0, 3.5, 90, 180, 271]),
    st.floats(0.2, 5),
)
def test_words_stay_within_their_line_whatever_the_map(text: str, angle: float, k: float) -> None:
    line = line_of(BBox(10, 20, 110, 32).polygon(), text, 0.5)
    assert (line is None) == (not text.strip())
    if line is None:
        return
    moved = map_line(line, Affine.scale(k).then(Affine.rotate(angle)).then(Affine.translate(7, 9)))
    assert moved.text == " ".join(text.split())
    assert moved.size == pytest.approx(12 * k)
    frame = moved.bbox.grow(1e-6)
    for word in moved.words:
        assert frame.contains(Point(word.bbox.x0, word.bbox.y0))
        assert frame.contains(Point(word.bbox.x1, word.bbox.y1))
        assert word.bounds
        assert len(word.bounds) == len(word.text) + 1
        assert list(word.bounds) == sorted(word.bounds)
        assert (word.bounds[0], word.bounds[-1]) == (0, 1)


# --- merging -------------------------------------------------------------------------------------


def test_the_text_layer_wins_where_both_stand() -> None:
    kept = layer(4, "Total due", BBox(10, 10, 60, 20))
    page = Page(1, 100, 100, route="mixed", lines=(kept,), images=(BBox(0, 0, 100, 100),))
    found = [read("Tota1 due", BBox(11, 10, 60, 20)), read("stamp", BBox(10, 50, 40, 60))]
    merged = merge_lines(page, found, areas_to_read(page))
    assert [(line.id, line.text, line.origin) for line in merged] == [
        ("p1l4", "Total due", "pdf"),
        ("p1l5", "stamp", "ocr"),
    ]


def test_only_the_doubled_words_of_a_read_line_go() -> None:
    kept = layer(1, "Name:", BBox(10, 10, 58, 20))
    page = Page(1, 200, 100, route="mixed", lines=(kept,), images=(BBox(0, 0, 200, 100),))
    found = line_of(
        BBox(10, 10, 110, 20).polygon(),
        "Name: Jane",
        0.9,
        [(i / 10, (i + 1) / 10) for i in range(10)],
    )
    assert found
    first, second = merge_lines(page, [found], areas_to_read(page))
    assert (first.text, second.text) == ("Name:", "Jane")
    assert second.bbox == pytest.approx(BBox(70, 10, 110, 20))


def test_garbled_lines_are_replaced() -> None:
    bad = layer(1, "\ue001\ue002", BBox(10, 10, 60, 20))
    page = Page(1, 100, 100, route="mixed", lines=(bad,))
    merged = merge_lines(page, [read("Total", BBox(10, 10, 60, 20))], areas_to_read(page))
    assert [line.text for line in merged] == ["Total"]


def test_a_page_whose_text_layer_is_bad_keeps_only_flawless_lines() -> None:
    half = layer(1, "T\ufffdtal due today", BBox(10, 10, 60, 20))
    clean = layer(2, "Stamp 7", BBox(10, 50, 60, 60))
    page = Page(1, 100, 100, route="scan", lines=(half, clean), has=frozenset({"untrusted_text"}))
    merged = merge_lines(page, [read("Total due today", half.bbox)], areas_to_read(page))
    assert [(line.text, line.origin) for line in merged] == [
        ("Stamp 7", "pdf"),
        ("Total due today", "ocr"),
    ]
    good = Page(1, 100, 100, route="scan", lines=(half, clean))
    assert len(merge_lines(good, [], areas_to_read(good))) == 2


def test_invisible_text_goes_where_pixels_were_read_and_stays_elsewhere() -> None:
    old = layer(1, "0ld 0CR", BBox(10, 10, 60, 20), visible=False)
    hidden = layer(2, "secret", BBox(10, 80, 60, 90), visible=False)
    page = Page(1, 100, 100, lines=(old, hidden), images=(BBox(0, 0, 100, 50),))
    found = [read("Old OCR", BBox(10, 10, 60, 20))]
    mixed = page.provide(route="mixed")
    assert [line.text for line in merge_lines(mixed, found, areas_to_read(mixed))] == [
        "secret",
        "Old OCR",
    ]
    scan = page.provide(route="scan")
    merged = merge_lines(scan, found, areas_to_read(scan))
    assert [(line.id, line.text) for line in merged] == [("p1l1", "Old OCR")]


def test_ids_are_unique_and_in_reading_order() -> None:
    found = [read(word, BBox(0, 10 * n, 50, 10 * n + 8)) for n, word in enumerate("abc")]
    merged = merge_lines(Page(3, 100, 100, route="scan"), found, (BBox(0, 0, 100, 100),))
    assert [line.id for line in merged] == ["p3l1", "p3l2", "p3l3"]


# --- which way up --------------------------------------------------------------------------------


def stripes() -> np.ndarray:
    """Dark marks of the size of letters in rows, on white: text to an eye that cannot read."""
    rng = np.random.default_rng(1)
    image = np.full((400, 600, 3), 255, np.uint8)
    for y in range(30, 370, 24):
        for x in range(30, 560, 12):
            if rng.random() < 0.85:
                image[y : y + rng.integers(7, 12), x : x + rng.integers(4, 9)] = 20
    return image


@pytest.mark.parametrize("lies", [Position(0), Position(1), Position(2), Position(3)])
def test_the_way_up_is_the_one_that_reads_well(lies: Position) -> None:
    image = np.ascontiguousarray(np.rot90(stripes(), -lies.quarters))
    tried: list[Position] = []

    def reading(position: Position) -> float:
        tried.append(position)
        return 0.95 if position == lies else 0.4

    assert find_position(image, "auto", reading) == lies
    assert len(tried) <= 2  # the pixels told the axis: at most both ways along it


def test_an_illegible_page_is_tried_all_ways_and_left_as_the_best() -> None:
    tried: list[int] = []

    def reading(position: Position) -> float:
        tried.append(position.quarters)
        return 0.3 if position.quarters else 0.31

    assert find_position(stripes(), "auto", reading) == Position(0)
    assert sorted(tried) == [0, 1, 2, 3]


def test_orientation_can_be_switched_off() -> None:
    def never(position: Position) -> float:
        raise AssertionError("nothing is to be read")

    assert find_position(np.rot90(stripes()), "off", never) == Position()
    assert find_position(stripes(), "skew", never) == Position()


def test_letters_in_columns_are_no_lines() -> None:
    """A receipt in a monospaced face: columns are as sharp as rows, single letters are read well."""
    grid = np.full((300, 240, 3), 255, np.uint8)
    for y in range(20, 280, 13):
        for x in range(20, 220, 8):
            grid[y : y + 7, x : x + 5] = 0

    def reading(position: Position) -> float:
        rows = [("2 x garden hose", 0.95)] * 5 if position.quarters == 0 else [("g", 0.97)] * 5
        return how_well(rows)

    assert find_position(grid, "auto", reading).quarters == 0
    assert find_position(np.rot90(grid), "auto", reading).quarters == 0


def test_a_blank_page_lies_upright() -> None:
    blank = np.full((300, 200, 3), 255, np.uint8)
    assert find_position(blank, "auto", lambda position: 0.0) == Position()


def test_positions_come_back_through_the_polygon_of_a_turned_copy() -> None:
    square = Polygon.of([(0, 0), (4, 0), (4, 2), (0, 2)])
    line = line_of(square, "ab", 1.0)
    assert line
    turned = map_line(line, Affine(0, 1, -1, 0, 50, 0))  # text now runs downwards
    assert turned.direction == 90
    assert turned.polygon[0] == Point(50, 0)
    assert turned.bbox == BBox(48, 0, 50, 4)
