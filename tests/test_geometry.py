"""Geometry: maps invert, boxes combine."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docharmony import Affine, BBox, Point, Polygon, geometry

numbers = st.floats(-1e4, 1e4)
points = st.builds(Point, numbers, numbers)
boxes = st.builds(
    lambda a, b: BBox(min(a.x, b.x), min(a.y, b.y), max(a.x, b.x), max(a.y, b.y)), points, points
)
maps = st.builds(
    lambda angle, scale, dx, dy: (
        Affine.rotate(angle).then(Affine.scale(scale)).then(Affine.translate(dx, dy))
    ),
    st.floats(-360, 360),
    st.floats(0.1, 10),
    numbers,
    numbers,
)


def test_doctests() -> None:
    assert doctest.testmod(geometry).failed == 0
    assert doctest.testmod(geometry).attempted >= 3


@given(maps, points)
def test_a_map_and_its_inverse_cancel(affine: Affine, point: Point) -> None:
    back = affine.inverse().apply(affine.apply(point))
    assert back == pytest.approx(point, abs=1e-5)


@given(maps, maps, points)
def test_then_applies_in_order(first: Affine, second: Affine, point: Point) -> None:
    assert first.then(second).apply(point) == pytest.approx(
        second.apply(first.apply(point)), abs=1e-3
    )


def test_a_flat_map_has_no_inverse() -> None:
    with pytest.raises(ValueError, match="no inverse"):
        Affine(1, 1, 1, 1).inverse()


@given(boxes, boxes)
def test_union_holds_both_and_intersection_lies_in_both(a: BBox, b: BBox) -> None:
    union, common = a.union(b), a.intersection(b)
    for box in (a, b):
        assert union.contains(Point(box.x0, box.y0))
        assert union.contains(Point(box.x1, box.y1))
        assert common.area <= box.area
    assert BBox.around([a, b]) == union


def test_no_boxes_have_no_box_around() -> None:
    with pytest.raises(ValueError, match="no boxes"):
        BBox.around([])


def test_rotation_is_clockwise_as_seen() -> None:
    down = Affine.rotate(90).apply(Point(1, 0))
    assert down == pytest.approx((0, 1))
    assert BBox(0, 0, 4, 1).polygon().map(Affine.rotate(90)).angle == pytest.approx(90)


def test_polygon_knows_whether_it_is_a_box() -> None:
    box = BBox(1, 2, 5, 4).polygon()
    assert box.is_axis_aligned
    assert not Polygon(box[1:] + box[:1]).is_axis_aligned
    assert box.bbox == BBox(1, 2, 5, 4)
    assert not Polygon.of([(0, 0), (4, 1), (4, 2), (0, 1)]).is_axis_aligned
