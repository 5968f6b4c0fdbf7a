"""Vector ink: what stands in an area goes, what merely passes through stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docharmony.io.write.pdf_area import Area, surface
from tests.io.write.drawn import Drawn, new, rectangle, saved
from tests.io.write.test_pdf_edits import erase, outside, pictures

AREA = (100, 100, 200, 120)  # displayed: y from the top; in user space 180 .. 200


def cleared(content: str, tmp_path: Path) -> tuple[Any, Any, Any]:
    """Return the page before and after, and where it must not have changed."""
    drawn = Drawn(saved(new(content.encode())), {1: [rectangle(AREA)]}, ())
    out = erase(tmp_path, drawn)
    before, after = pictures(tmp_path / "in.pdf")[0], pictures(out)[0]
    return before, after, outside(before.shape, drawn.areas[1], margin=4)


def ink(picture: Any) -> int:
    x0, y0, x1, y1 = (2 * v for v in AREA)
    return int((picture[y0 + 1 : y1 - 1, x0 + 1 : x1 - 1].min(axis=2) < 200).sum())


PASSING = {
    "rule": "1 w 20 190 m 380 190 l S",
    "upright rule": "1 w 150 20 m 150 280 l S",
    "thin box as a rule": "20 189 360 1 re f",
    "page background": "0.8 0.9 1 rg 0 0 400 300 re f",
    "table cell": "0.5 w 90 170 150 40 re S",
    "shaded cell": "0.9 g 90 170 150 40 re f",
    "diagonal": "2 w 0 0 m 400 300 l S",
    "frame that touches": "1 w 100.5 150 60 30.5 re S",
}
STANDING = {
    "outline of a letter": "110 183 m 115 198 l 120 183 l 117 183 l 116 187 l 113 187 l h f",
    "curve": "110 185 m 120 199 130 181 140 195 c S",
    "strokes": "1 w 110 185 m 120 195 l 130 185 l 140 195 l S",
    "box": "110 184 40 10 re f",
    "fill and stroke": "0 0 1 rg 110 184 40 10 re B",
    "closed and stroked": "110 184 m 150 184 l 130 197 l s",
    "dots of a raster": " ".join(f"{110 + 3 * i} {184 + 2 * (i % 5)} 2 2 re" for i in range(20))
    + " f",
    "descender below the area": "110 176 m 112 196 l 114 196 l 113 176 l h f",
}


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_through_stays(name: str, tmp_path: Path) -> None:
    before, after, _ = cleared(PASSING[name], tmp_path)
    assert (before == after).all()


@pytest.mark.parametrize("name", STANDING)
def test_what_stands_there_goes(name: str, tmp_path: Path) -> None:
    rule = " 0 0 0 RG 0.5 w 20 150 m 380 150 l S"
    before, after, mask = cleared(STANDING[name] + rule, tmp_path)
    assert ink(before) > 20
    assert ink(after) == 0
    if "below" not in name:
        assert (before == after).all(axis=2)[mask].all()


def test_glyphs_drawn_as_one_path_with_others(tmp_path: Path) -> None:
    letters = " ".join(f"{x} 183 m {x + 4} 197 l {x + 8} 183 l h" for x in range(20, 380, 12))
    before, after, mask = cleared(letters + " f", tmp_path)
    assert ink(after) == 0
    assert (before == after).all(axis=2)[mask].all()


@pytest.mark.parametrize("paint", ["S", "f", "B"])
def test_a_signature_is_cut_at_the_border(paint: str, tmp_path: Path) -> None:
    points = " ".join(f"{60 + 4 * i} {190 + (7 if i % 2 else -7)} l" for i in range(1, 50))
    before, after, mask = cleared(f"1 w 60 190 m {points} {paint}", tmp_path)
    assert ink(before) > 500
    assert ink(after) < 30
    assert np.mean((before != after).any(axis=2)[mask]) < 0.0005


def test_a_shape_cut_as_clip_path_does_not_hide_the_rest(tmp_path: Path) -> None:
    star = "110 184 m 120 197 l 130 184 l 115 193 l 125 193 l h"
    before, after, mask = cleared(
        f"q {star} W n 1 0 0 rg 0 0 400 300 re f Q 0 0 1 rg 20 20 40 40 re f", tmp_path
    )
    assert ink(before) > 50
    assert ink(after) == 0
    assert (before == after).all(axis=2)[mask].all()


def test_a_clip_box_within_the_area_keeps_clipping(tmp_path: Path) -> None:
    before, after, _ = cleared(
        "q 90 150 200 40 re W n 0 1 0 rg 0 0 400 185 re f Q q 110 184 20 10 re W n Q", tmp_path
    )
    assert (before == after).all()


def test_an_area_begins_where_its_text_begins() -> None:
    # Sloping down to the right, and turned by a quarter: the corner furthest left is another one.
    for corners in (
        [(460.9, 67.4), (543.0, 69.5), (542.7, 80.1), (460.7, 77.9)],
        [(80.0, 10.0), (80.0, 90.0), (68.0, 90.0), (68.0, 10.0)],
    ):
        assert list(Area(corners).points) == corners


def test_area_geometry() -> None:
    area = Area([(0, 0), (10, 0), (10, 4), (0, 4)])
    assert area.contains(5, 2)
    assert not area.contains(5, 5)
    assert area.depth(5, 2) == pytest.approx(2)
    assert area.share([(5, 0), (15, 0), (15, 4), (5, 4)]) == pytest.approx(0.5)
    left = area.cut_fill([(5, -2), (15, -2), (15, 6), (5, 6)])
    assert sum(surface(piece) for piece in left) == pytest.approx(80 - 20)
    assert area.cut_stroke([(-5, 2), (15, 2)]) == [[(-5, 2), (0, 2)], [(10, 2), (15, 2)]]
    assert area.cut_stroke([(2, 1), (8, 3)]) == []
    assert area.cut_stroke([(-5, -5), (-5, 9), (20, 9)]) == [[(-5, -5), (-5, 9), (20, 9)]]
