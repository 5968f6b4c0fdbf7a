"""Vector ink under areas: which drawn paths go, which stay, and which are cut at the border."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pikepdf

from ...geometry import Affine, BBox, Polygon
from .pdf_area import Area

CONSTRUCT = frozenset({"m", "l", "c", "v", "y", "h", "re"})
PAINT = frozenset({"S", "s", "f", "F", "f*", "B", "B*", "b", "b*", "n"})
CLIP = frozenset({"W", "W*"})
_CLOSES = {"s": "S", "b": "B", "b*": "B*"}
_FILLS = {"f": "f", "F": "f", "f*": "f*", "B": "f", "B*": "f*"}
# Straight pieces that stand in for a curve that is cut.
_FLAT = 12
_ROUNDED = 0.05  # in points

Instruction = tuple[Sequence[Any], pikepdf.Operator]
Spot = tuple[float, float]


@dataclass
class Subpath:
    """One run of segments, in user space; each segment is its end, or two controls and its end."""

    start: Spot
    segments: list[tuple[Spot, ...]] = field(default_factory=list)
    closed: bool = False
    rectangle: bool = False

    def spots(self) -> list[Spot]:
        """Return every end and control point."""
        return [self.start, *(spot for segment in self.segments for spot in segment)]

    def flat(self) -> list[Spot]:
        """Return the line with its curves made of straight pieces."""
        line = [self.start]
        for segment in self.segments:
            if len(segment) == 1:
                line.append(segment[0])
                continue
            p0, (p1, p2, p3) = line[-1], segment
            for step in range(1, _FLAT + 1):
                t = step / _FLAT
                a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
                line.append(
                    (
                        a * p0[0] + b * p1[0] + c * p2[0] + d * p3[0],
                        a * p0[1] + b * p1[1] + c * p2[1] + d * p3[1],
                    )
                )
        return line


class PathBuffer:
    """Collects the construction of a path until it is painted, then says what is to be painted."""

    def __init__(self) -> None:
        self.instructions: list[Instruction] = []
        self.subpaths: list[Subpath] = []
        self._clip = ""
        self._others: list[Instruction] = []

    def __bool__(self) -> bool:
        return bool(self.instructions)

    @property
    def clips(self) -> bool:
        """Whether the path narrows what is seen from here on."""
        return bool(self._clip)

    def add(self, operator: str, operands: Sequence[Any], instruction: Any) -> None:
        """Take a construction or clip operator, or any other that stands among them."""
        self.instructions.append(instruction)
        if operator in CLIP:
            self._clip = operator
            return
        if operator not in CONSTRUCT:
            self._others.append(instruction)
            return
        try:
            numbers = [float(v) for v in operands]
            self._construct(operator, numbers)
        except (TypeError, ValueError, IndexError):
            return  # viewers skip a malformed segment too

    def _construct(self, operator: str, n: list[float]) -> None:
        paths = self.subpaths
        if operator == "re":
            x, y, w, h = n[:4]
            ends: list[tuple[Spot, ...]] = [((x + w, y),), ((x + w, y + h),), ((x, y + h),)]
            paths.append(Subpath((x, y), ends, closed=True, rectangle=True))
        elif operator == "m":
            paths.append(Subpath((n[0], n[1])))
        elif not paths:
            return
        elif operator == "h":
            paths[-1].closed = True
        else:
            if paths[-1].closed:
                paths.append(Subpath(paths[-1].start))
            last = paths[-1].spots()[-1]
            if operator == "l":
                segment: tuple[Spot, ...] = ((n[0], n[1]),)
            elif operator == "c":
                segment = ((n[0], n[1]), (n[2], n[3]), (n[4], n[5]))
            elif operator == "v":
                segment = (last, (n[0], n[1]), (n[2], n[3]))
            else:
                segment = ((n[0], n[1]), (n[2], n[3]), (n[2], n[3]))
            paths[-1].segments.append(segment)

    def paint(
        self, operator: str, instruction: Any, ctm: Affine, areas: Sequence[Area]
    ) -> tuple[list[Any], bool]:
        """Return the instructions that paint what may stay, and whether anything was removed."""
        clips_only = bool(self._clip) and operator == "n"
        verdicts = [self._judge(path, ctm, areas, clips_only) for path in self.subpaths]
        unchanged: list[Any] = [*self.instructions, instruction]
        if all(verdict == "keep" for verdict in verdicts):
            return unchanged, False
        if operator in _CLOSES and self.subpaths:
            self.subpaths[-1].closed = True
            operator = _CLOSES[operator]
        kept = [p for p, v in zip(self.subpaths, verdicts, strict=True) if v == "keep"]
        cut = [p for p, v in zip(self.subpaths, verdicts, strict=True) if v == "cut"]
        out: list[Any] = list(self._others)
        if self._clip:
            out += [*_draw(kept), *_cut_fills(cut, ctm, areas)]
            if not kept and not cut:
                out.append(_op("re", 0, 0, 0, 0))  # an empty clip hides all; no clip would not
            return [*out, _op(self._clip), _op(operator if clips_only else "n")], True
        if operator in _FILLS:
            shapes = [*_draw(kept), *_cut_fills(cut, ctm, areas)]
            out += [*shapes, _op(_FILLS[operator])] if shapes else []
        if operator in ("S", "B", "B*"):
            lines = [*_draw(kept), *_cut_strokes(cut, ctm, areas)]
            out += [*lines, _op("S")] if lines else []
        return out, True

    @staticmethod
    def _judge(path: Subpath, ctm: Affine, areas: Sequence[Area], clips_only: bool) -> str:
        if clips_only and path.rectangle:
            return "keep"  # an empty rectangle tells nothing, and what it clips may go on elsewhere
        spots = [ctm.apply(spot) for spot in path.spots()]
        box = Polygon(spots).bbox
        verdict = "keep"
        for area in areas:
            if not _near(box, area.bbox):
                continue
            depths = [area.depth(x, y) for x, y in spots]
            # An underline as long as the word goes, whatever way its ends were rounded.
            along = min(depths) >= -_ROUNDED and area.depth(*box.center) > 2 * _ROUNDED
            if min(depths) >= 0 or along:
                area.hits += 1
                return "drop"
            if max(depths) <= area.touch:
                continue  # it passes through, or merely touches the border
            small = max(box.width, box.height) <= 2 * min(area.bbox.width, area.bbox.height)
            if small and area.contains(*box.center):
                return "drop"
            verdict = "cut"
        return verdict


def _near(box: BBox, other: BBox) -> bool:
    """Return whether two boxes meet; lines have boxes without surface."""
    return not (box.x1 < other.x0 or box.x0 > other.x1 or box.y1 < other.y0 or box.y0 > other.y1)


def _op(operator: str, *operands: float) -> Instruction:
    return [round(value, 5) for value in operands], pikepdf.Operator(operator)


def _draw(paths: Sequence[Subpath]) -> list[Instruction]:
    result = []
    for path in paths:
        result.append(_op("m", *path.start))
        for segment in path.segments:
            flat = [value for spot in segment for value in spot]
            result.append(_op("l" if len(segment) == 1 else "c", *flat))
        if path.closed:
            result.append(_op("h"))
    return result


def _lines(lines: Sequence[Sequence[Spot]], ctm: Affine, *, close: bool) -> list[Instruction]:
    back = ctm.inverse()
    result = []
    for line in lines:
        for index, spot in enumerate(line):
            result.append(_op("l" if index else "m", *back.apply(spot)))
        if close:
            result.append(_op("h"))
    return result


def _cut_fills(paths: Sequence[Subpath], ctm: Affine, areas: Sequence[Area]) -> list[Instruction]:
    pieces: list[list[Spot]] = [[(*ctm.apply(spot),) for spot in path.flat()] for path in paths]
    for area in areas:
        pieces = [part for piece in pieces for part in area.cut_fill(piece)]
    return _lines(pieces, ctm, close=True)


def _cut_strokes(paths: Sequence[Subpath], ctm: Affine, areas: Sequence[Area]) -> list[Instruction]:
    pieces: list[list[Spot]] = []
    for path in paths:
        line = [path.start, *path.flat()[1:]]
        if path.closed:
            line.append(path.start)
        pieces.append([(p.x, p.y) for p in map(ctm.apply, line)])
    for area in areas:
        pieces = [part for piece in pieces for part in area.cut_stroke(piece)]
    return _lines(pieces, ctm, close=False)
