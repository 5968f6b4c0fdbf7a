"""Where lines begin and end, by the page's ink: between letters, and between neighbours of one row.

The locator's map has a point every four pixels, a quarter of an em: its lines end in the middle of a
letter now and then, and show a piece of their neighbour, which is read as a sign. No network in here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from .base import Image

    Box = npt.NDArray[np.float64]  # (4, 2), clockwise from the text's top left

_SHOWN = 0.14  # of the em, around a line: what its crop shows
_LEVEL, _ALIKE = 0.35, 1.5  # of the em, between the middles of one row; ratio of two ems in it
_REACH = (
    0.7  # of the em, around the ends of two neighbours: where the gap between them is looked for
)
_CUT = 0.4  # of the em, by which a line that ends in a letter may grow
_GAP = 0.1  # of the em, at least, between two neighbours
_INK, _FAINT = 24.0, 0.35  # of 255, and of the strongest contrast: what shows


def settle(lines: list[tuple[Box, float]], image: Image) -> list[tuple[Box, float]]:
    """Return lines that end where no letter stands; neighbours without a gap between are one.

    Args:
        lines: corners in pixels of the image, and anything that goes with a line.
        image: (H, W, 3).
    """
    joined = _joined([line for line, _ in lines], image)
    found = []
    for members, box in joined:
        extra = sum(lines[n][1] for n in members) / len(members)
        found.append((_whole(box, image), extra))
    return found


def _joined(boxes: list[Box], image: Image) -> list[tuple[list[int], Box]]:
    """Return lines with the numbers of what they are made of, apart from their neighbours."""
    if not boxes:
        return []
    corners = np.stack(boxes)
    left, right = corners[:, [0, 3]].mean(1), corners[:, [1, 2]].mean(1)
    em = np.linalg.norm(corners[:, 3] - corners[:, 0], axis=1)
    along = (right - left) / np.maximum(np.linalg.norm(right - left, axis=1), 1e-6)[:, None]
    # Where the start of each (second axis) lies in the frame of each (first), from its end.
    away = left[None] - right[:, None]
    ahead = (away * along[:, None]).sum(-1)
    aside = away[..., 1] * along[:, None, 0] - away[..., 0] * along[:, None, 1]
    least = np.minimum(em[:, None], em[None])
    near = (ahead < 2 * _SHOWN * least) & (np.abs(aside) < _LEVEL * least)
    near &= np.maximum(em[:, None], em[None]) < _ALIKE * least
    lengths = np.linalg.norm(right - left, axis=1)
    # The second begins and ends behind the first: what lies inside it is no neighbour.
    beyond = ahead + lengths[None]
    near &= (beyond > 0) & (ahead > -lengths[:, None])
    group = list(range(len(boxes)))
    for first, second in np.argwhere(near).tolist():
        if first == second:
            continue
        rooms = float(lengths[first]) / 2, float(lengths[second]) / 2
        gap = _gap(
            right[first], left[second], along[first], float(least[first, second]), rooms, image
        )
        if gap is None:
            continue
        if gap == (0.0, 0.0):
            group = [group[first] if g == group[second] else g for g in group]
            continue
        start = right[first].copy()
        right[first] = start + along[first] * gap[0]
        left[second] = start + along[first] * gap[1] + _across(along[first]) * aside[first, second]
    members: dict[int, list[int]] = {}
    for number, owner in enumerate(group):
        members.setdefault(owner, []).append(number)
    found = []
    for numbers in members.values():
        order = [float(left[n] @ along[numbers[0]]) for n in numbers]
        numbers = [n for _, n in sorted(zip(order, numbers, strict=True))]
        first, last = numbers[0], numbers[-1]
        if (right[last] - left[first]) @ along[first] > _GAP * em[first]:  # else all is another's
            found.append((numbers, _box(left[first], right[last], float(em[numbers].max()))))
    return found


def _box(left: Box, right: Box, em: float) -> Box:
    """Return the corners of a line between two points on its middle."""
    u = (right - left) / max(float(np.linalg.norm(right - left)), 1e-6)
    half = _across(u) * em / 2
    return np.stack([left - half, right - half, right + half, left + half])


def _across(along: Box) -> Box:
    return np.array([-along[1], along[0]])


def _gap(
    end: Box, start: Box, along: Box, em: float, rooms: tuple[float, float], image: Image
) -> tuple[float, float] | None:
    """Return where the gap between two neighbours begins and ends, from the end of the first.

    Both are 0 where there is no gap; None where the page does not tell. ``rooms``: how far into each
    of the two it may lie.
    """
    apart = float((start - end) @ along)
    low = min(0.0, apart) - min(_REACH * em, rooms[0])
    high = max(0.0, apart) + min(_REACH * em, rooms[1])
    blank = _blank(end, along, low, high, em, image)
    if blank is None or blank.all() or not blank.any():  # not any: a rule below both
        return None
    edges = np.flatnonzero(np.diff(np.concatenate([[False], blank, [False]])))
    runs = [
        (low + a, low + b)
        for a, b in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
        if b - a >= max(2.0, _GAP * em)
    ]
    if not runs:
        return 0.0, 0.0
    return max(runs, key=lambda run: run[1] - run[0] - 0.5 * abs((run[0] + run[1] - apart) / 2))


def _whole(box: Box, image: Image) -> Box:
    """Return a line that does not end in a letter: longer by what is left of it."""
    left, right = box[[0, 3]].mean(0), box[[1, 2]].mean(0)
    em = float(np.linalg.norm(box[3] - box[0]))
    u = (right - left) / max(float(np.linalg.norm(right - left)), 1e-6)
    moved = []
    for point, away in ((left, -u), (right, u)):
        blank = _blank(point, away, 0.0, (_SHOWN + _CUT) * em, em, image)
        more = 0.0
        if blank is not None:
            shown = round(_SHOWN * em)
            clear = np.flatnonzero(blank[shown:])
            if len(clear) and clear[0]:
                more = float(clear[0]) + 1
        moved.append(point + away * more)
    return _box(moved[0], moved[1], em)


def _blank(
    point: Box, along: Box, low: float, high: float, em: float, image: Image
) -> npt.NDArray[np.bool_] | None:
    """Return which columns, a pixel wide, show ground alone; None where little ink is around."""
    t = np.arange(low, high)
    s = np.arange(-0.42 * em, 0.42 * em)
    u, v = along, _across(along)
    x = (point[0] + t[None] * u[0] + s[:, None] * v[0]).astype(np.intp)
    y = (point[1] + t[None] * u[1] + s[:, None] * v[1]).astype(np.intp)
    height, width = image.shape[:2]
    strip = image[y.clip(0, height - 1), x.clip(0, width - 1)].astype(np.int16)
    contrast = np.abs(strip - np.median(strip, axis=(0, 1))).max(axis=2)
    peak = float(contrast.max())
    if peak < 2 * _INK:
        return None
    found: npt.NDArray[np.bool_] = contrast.max(axis=0) < max(_INK, _FAINT * peak)
    return found
