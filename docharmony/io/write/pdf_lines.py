"""Set lines anew that lose text, so that nothing on them depends on how long the removed text was.

The gap of a removed word, the spaces of a justified line, the start of a centred one and the tiny kerns
of many layout programs all tell its width, which tells names apart (Bland, Iyer and Levchenko, "Story
Beyond the Eye: Glyph Positions Break PDF Text Redaction", PoPETs 2023). So the rest of the line is set
again from what is left of it alone: natural widths, natural spaces, and gaps of one fixed width.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...geometry import BBox, Point
from ..moves import Move
from .pdf_area import Area
from .pdf_below import Below, below
from .pdf_line_edges import Edge
from .pdf_line_parts import (
    Frame,
    Gap,
    LinePlan,
    Mark,
    Run,
    Scene,
    Slot,
    frame_point,
    gutters_of,
    hits_of,
    marks_of,
    on_line,
    pieces_of,
    size_of,
    turn_of,
)
from .pdf_line_room import room_of
from .pdf_line_setting import Line, knots_of
from .pdf_paragraph_setting import fill
from .pdf_paragraphs import Paragraph, TextLine, paragraph, text_lines
from .pdf_told import HELD, LINES, goes_on, leader, told

# All lengths in em of the line.
GAPS = {"erase": 2.0, "box": 3.0, "label": 3.0}
LEAST_GAP = 0.5
LABEL_FILL = 0.62  # height of a label's letters, as a share of its box
_STEP = 0.02  # to which such places are rounded
_TRACKING = 0.15  # no line is filled by character spacing so wide
_BODY = (-0.95, 0.35)  # top and bottom of a line with its underline, from the baseline
_SIGN = 2.5  # how far before a line its sign may stand
_TALL = 2.2  # a taller area is aimed at more than a line


def label_text(rule: str) -> str:
    """Return what the box of an edit says."""
    return rule.removeprefix("pii:").encode("ascii", "replace").decode("ascii")


def gap_width(fill: str, rule: str) -> float:
    """Return how wide a gap is where there is room, in em: enough for the label that goes into it."""
    if fill != "label":
        return GAPS[fill]
    import pymupdf

    natural = float(pymupdf.get_text_length(label_text(rule), "helv", 1.0))
    return max(GAPS[fill], round(natural * LABEL_FILL / 0.9 + 0.5, 1))


def plan_lines(
    scene: Scene,
    areas: Sequence[Area],
    wants: Sequence[float],
    page: BBox,
    least: float,
    *,
    keep_breaks: bool = False,
) -> LinePlan:
    """Return how the lines that lose text under areas are set anew.

    Args:
        scene: what stands on the page.
        areas: what is cleared.
        wants: width of the gap that an area leaves where there is room, in em.
        page: the displayed page.
        least: the least width of a gap, in em.
        keep_breaks: leave every word on its line.
    """
    return _Planner(scene, areas, wants, page, least, keep_breaks).plan()


class _Planner:
    def __init__(
        self,
        scene: Scene,
        areas: Sequence[Area],
        wants: Sequence[float],
        page: BBox,
        least: float,
        keep_breaks: bool,
    ) -> None:
        self.scene, self.areas, self.wants, self.page = scene, areas, wants, page
        self.least, self.keep_breaks = least, keep_breaks
        self._boxes: list[BBox] = []
        self._broken = 0
        # Key of a run -> numbers of the dots that go with their row.
        self._dots: dict[int, set[int]] = {}
        self.result = LinePlan()

    def plan(self) -> LinePlan:
        hit: dict[int, dict[int, frozenset[int]]] = {}
        for run in self.scene.runs:
            found = hits_of(run, self.areas)
            if found:
                hit[run.key] = found
        if not hit:
            return self.result
        turns: dict[tuple[int, int], list[Run]] = {}
        for run in self.scene.runs:
            turn = turn_of(run)
            if turn is not None:
                turns.setdefault(turn, []).append(run)
        for runs in turns.values():
            if any(run.key in hit for run in runs):
                self._direction(runs, hit)
        # An area that no line could be set anew for keeps its reason; one of many may be enough.
        for gap in self.result.gaps:
            for area in gap.areas:
                self.result.kept.pop(area, None)
        for key in self.result.moved:
            self.result.gone[key] = set(hit.get(key, ())) | self._dots.get(key, set())
        return self.result

    def _direction(
        self, runs: Sequence[Run], hit: Mapping[int, Mapping[int, frozenset[int]]]
    ) -> None:
        """Plan all lines of one writing direction."""
        a, b = runs[0].place.a, runs[0].place.b
        length = math.hypot(a, b)
        frame = Frame(a / length, b / length)
        rows: list[tuple[float, float, list[Mark]]] = []  # baseline, size, glyphs
        for run in runs:
            marks = marks_of(run, frame, hit.get(run.key, {}), self._tracking(run, hit))
            if marks:
                rows.append((frame.place(run.place.e, run.place.f)[1], size_of(run), marks))
        self._boxes = [_framed(box, frame) for box in self.scene.paths]
        self._solid = [_framed(box, frame) for box in self.scene.solid]
        self._gutters = gutters_of(rows)
        stand = self._labelled(text_lines(rows, self._parted))
        self._below: list[tuple[Below, float, float]] = []
        known = len(self.result.moves), len(self.result.gaps)
        done = set() if self.keep_breaks else self._paragraphs(stand, frame)
        lines = [Edge(o.left, o.right, o.baseline, o.size, o.hit) for o in stand]
        for baseline, size, marks in rows:
            for mark in marks:
                if not mark.areas or (mark.run.key, mark.number) in done:
                    continue
                row = [
                    other
                    for other_base, other_size, others in rows
                    if on_line(baseline, size, other_base, other_size)
                    for other in others
                    if (other.run.key, other.number) not in done
                ]
                row.sort(key=lambda m: (m.start, m.run.key, m.number))
                dots = leader(row)
                row = [m for m in row if m not in dots]
                for piece in pieces_of(row, size, self._parted(baseline, size)):
                    if mark in piece:
                        done.update((m.run.key, m.number) for m in piece)
                        self._piece(piece, row, frame, baseline, size, lines)
                        self._tell(mark, stand, broken=False)
                        break
                # How many dots fill a line tells how much room the text left. They say nothing else.
                move = self.result.moved.get(mark.run.key)
                for dot in dots:
                    if move is not None:
                        self.result.moved.setdefault(dot.run.key, move)
                        self._dots.setdefault(dot.run.key, set()).add(dot.number)
        if self._below:
            self._lift(runs, frame, *known)

    def _labelled(self, lines: Sequence[TextLine]) -> Sequence[TextLine]:
        """Return lines with those marked before which a small thing is drawn."""
        signs = sorted((box.center.y, box.x1) for box in self._boxes if _small(box))
        if not signs:
            return lines
        marked = []
        for line in lines:
            size, middle = line.size, line.baseline - 0.3 * line.size
            at = bisect_left(signs, (middle - 0.3 * size, -math.inf))
            while at < len(signs) and signs[at][0] <= middle + 0.3 * size:
                if 0.1 * size < line.left - signs[at][1] < _SIGN * size:
                    line = line._replace(labelled=True)
                    break
                at += 1
            marked.append(line)
        return marked

    def _paragraphs(self, lines: Sequence[TextLine], frame: Frame) -> set[tuple[int, int]]:
        """Break paragraphs anew where that can be done; return the glyphs of their lines."""
        done: set[tuple[int, int]] = set()
        sheet = _framed(self.page, frame)
        for line in lines:
            hit = next((mark for mark in line.marks if mark.areas), None)
            if hit is None or (hit.run.key, hit.number) in done:
                continue
            walls, near = self._walls(line.baseline, line.size), 0.1 * line.size
            bounds = (
                max([wall for wall in walls if wall <= line.left + near], default=sheet.x0),
                min([wall for wall in walls if wall >= line.right - near], default=sheet.x1),
            )
            found = paragraph(lines, hit, bounds)
            if found is not None and self._paragraph(found, lines, frame):
                done.update((m.run.key, m.number) for o in found.lines for m in o.marks)
                self._tell(hit, lines, broken=True)
        return done

    def _paragraph(self, found: Paragraph, lines: Sequence[TextLine], frame: Frame) -> bool:
        """Break a paragraph anew; return whether that could be done."""
        marks = [mark for line in found.lines for mark in line.marks]
        own = {index for mark in marks for index in mark.areas}
        if any(self._fixed(line.marks, own, frame, line.size) for line in found.lines):
            return False
        segments, count = fill(found, max(self.wants[index] for index in own), self.least)
        drop = found.baseline(count - 1) - found.lines[-1].baseline
        rest = below(found, lines, self._boxes, self._solid, _framed(self.page, frame))
        if rest is None or not self._follows(rest, drop, frame):
            rest = None
        if goes_on(found, lines, rest):
            self.result.told.update(dict.fromkeys(own, LINES))
        if rest is None and count > len(found.lines):
            return False
        moves = []
        for part in segments:
            size = part.line.size
            move = Move(
                frame_point(frame, 0.0, part.line.baseline),
                (frame.ux, frame.uy),
                size,
                (_BODY[0] * size, _BODY[1] * size),
                knots_of(part.marks, part.new, part.gaps),
                tuple((start, end) for start, end, _ in part.gaps),
                drop=part.drop,
            )
            if not _clipped(part.marks, part.new, move):
                return False
            moves.append(move)
        size = found.lines[0].size
        region = BBox(
            min(found.first, found.left) - 0.1 * size,
            found.lines[0].baseline - 0.7 * size,
            found.edge + 0.1 * size,
            found.lines[-1].baseline + 0.3 * size,
        )
        for box, drawn in [
            *zip(self._boxes, self.scene.paths, strict=True),
            *((box, None) for box in self._solid),
        ]:
            around = box.intersection(region) == region
            if around or box.intersection(region).is_empty:
                continue
            # What is drawn among the lines must belong to words that go to one line.
            if drawn is None or not any(move.holds(drawn.polygon()) for move in moves):
                return False
        if rest is not None:
            self._below.append((rest, drop, found.lines[0].size))
        number = self._broken = self._broken + 1
        for part, move in zip(segments, moves, strict=True):
            self.result.moves.append(move)
            self.result.gaps += [Gap(move, start, end, areas) for start, end, areas in part.gaps]
            for mark, new, word in zip(part.marks, part.new, part.words, strict=True):
                self.result.moved[mark.run.key] = move
                if not mark.areas:
                    self.result.places.setdefault(mark.run.key, {})[mark.number] = new
                    slots = self.result.slots.setdefault(mark.run.key, {})
                    slots[mark.number] = Slot(part.drop, number, word)
        return True

    def _follows(self, rest: Below, drop: float, frame: Frame) -> bool:
        """Return whether what stands below a paragraph can go so far across."""
        if rest.bottom + drop > rest.limit and drop > 0:
            return False
        for run in self.scene.runs:
            along, across = frame.place(run.place.e, run.place.f)
            if not rest.holds(along, across):
                continue
            level = run.place.a * frame.ux + run.place.b * frame.uy
            if run.fixed or level < 0.99 * math.hypot(run.place.a, run.place.b):
                return False
            if run.clip is not None:
                clip = _framed(run.clip, frame)
                own = clip.y0 >= rest.top and clip.y1 <= rest.bottom  # it goes along
                if not own and not clip.grow(0.5).contains(
                    Point(min(max(along, clip.x0), clip.x1), across + drop)
                ):
                    return False
        return True

    def _lift(self, runs: Sequence[Run], frame: Frame, moves: int, gaps: int) -> None:
        """Let what stands below paragraphs follow them.

        Args:
            runs: of this writing direction.
            frame: its axes.
            moves, gaps: how many of them stand in the result that are of others.
        """
        result = self.result

        def drop(along: float, across: float) -> float:
            return sum(d for rest, d, _ in self._below if rest.holds(along, across))

        fresh: dict[int, Move] = {}
        for index, move in enumerate(result.moves[moves:], moves):
            middle = (move.knots[0][0] + move.knots[-1][0]) / 2
            by = drop(middle, frame.place(*move.origin)[1])
            fresh[id(move)] = result.moves[index] = replace(move, drop=move.drop + by)
        result.gaps[gaps:] = [replace(g, move=fresh[id(g.move)]) for g in result.gaps[gaps:]]
        blocks = []
        ordered = sorted(self._below, key=lambda item: item[0].top)
        for number, (rest, _, size) in enumerate(ordered):
            nexts = [
                o.top
                for o, _, _ in ordered[number + 1 :]
                if o.low < rest.high and o.high > rest.low
            ]
            bottom = min([rest.bottom, *nexts])
            if bottom - rest.top < 0.2:
                continue
            knots = (rest.low, rest.low), (rest.high, rest.high)
            by = drop((rest.low + rest.high) / 2, rest.top)
            blocks.append(
                Move(
                    frame_point(frame, 0.0, rest.top),
                    (frame.ux, frame.uy),
                    size,
                    (0.0, bottom - rest.top),
                    knots,
                    (),
                    drop=by,
                )
            )
        result.moves += blocks
        for run in runs:
            place = frame.place(run.place.e, run.place.f)
            by = drop(*place)
            if run.key in result.moved:
                result.moved[run.key] = fresh.get(id(result.moved[run.key]), result.moved[run.key])
            else:
                block = next((m for m in blocks if _on(m, run)), None)
                if block is None:
                    continue
                result.moved[run.key] = block
            result.lifts[run.key] = by
            slots = result.slots.get(run.key, {})
            for index, slot in slots.items():
                slots[index] = slot._replace(drop=slot.drop + by)

    def _tell(self, mark: Mark, lines: Sequence[TextLine], *, broken: bool) -> None:
        """Note what still tells how wide a removed glyph's word was, though its line was set anew."""
        line = next((o for o in lines if mark in o.marks), None)
        if line is None or any(area in self.result.kept for area in mark.areas):
            return
        why = told(lines, line, self._boxes, broken=broken)
        for area in mark.areas if why else ():
            self.result.told.setdefault(area, why)

    def _piece(
        self,
        piece: Sequence[Mark],
        row: Sequence[Mark],
        frame: Frame,
        baseline: float,
        size: float,
        lines: Sequence[Edge],
    ) -> None:
        """Plan one piece of a line: all glyphs between two wide gaps."""
        own = {index for mark in piece for index in mark.areas}
        why = self._fixed(piece, own, frame, size)
        if not why:
            line = Line(piece, size, max(self.wants[index] for index in own))
            sheet = _framed(self.page, frame)
            walls = self._walls(baseline, size)
            room, held = room_of(
                piece, row, (sheet.x0, sheet.x1), baseline, size, lines, self._boxes
            )
            if not held and not any(0 <= piece[0].start - wall < 2 * size for wall in walls):
                self.result.told.update(dict.fromkeys(own, HELD))
            why = line.set(room, self.least)
        if why:
            self.result.kept.update(dict.fromkeys(own, why))
            return
        move = Move(
            frame_point(frame, 0.0, baseline),
            (frame.ux, frame.uy),
            size,
            (_BODY[0] * size, _BODY[1] * size),
            knots_of(piece, line.new, line.gaps),
            tuple((start, end) for start, end, _ in line.gaps),
        )
        if not _clipped(piece, line.new, move):
            self.result.kept.update(dict.fromkeys(own, "its line is clipped"))
            return
        self.result.moves.append(move)
        self.result.gaps += [Gap(move, start, end, areas) for start, end, areas in line.gaps]
        for mark, new in zip(piece, line.new, strict=True):
            if mark.areas:
                self.result.moved[mark.run.key] = move
            else:
                self.result.moved[mark.run.key] = move
                places = self.result.places.setdefault(mark.run.key, {})
                places[mark.number] = new

    def _fixed(self, piece: Sequence[Mark], own: set[int], frame: Frame, size: float) -> str:
        for mark in piece:
            if mark.run.fixed:
                return mark.run.fixed
        for index in own:
            if index in self.scene.pictured:
                return "it stands on a picture"
            across = [frame.place(x, y)[1] for x, y in self.areas[index].points]
            if max(across) - min(across) > _TALL * size:
                return "the area is higher than a line"
        return ""

    def _parted(self, baseline: float, size: float) -> list[tuple[float, float]]:
        """Return what parts words of a line: the walls of cells, and the gutters between columns."""
        return [*((wall, wall) for wall in self._walls(baseline, size)), *self._gutters]

    def _walls(self, baseline: float, size: float) -> list[float]:
        """Return where lines stand upright beside or between words: the walls of cells and columns."""
        walls = []
        for box in self._boxes:
            if box.y0 <= baseline - 0.5 * size and box.y1 >= baseline - 0.1 * size:
                thin = box.width < 1.5 and box.height > 0.9 * size
                if thin or box.height > 1.45 * size:
                    walls += [box.x0, box.x1]
        return walls

    def _tracking(self, run: Run, hit: Mapping[int, Mapping[int, frozenset[int]]]) -> float:
        """Return the character spacing of a run in em, as far as it does not depend on its line."""
        size, char, _ = run.spacing
        if not char or not size:
            return 0.0
        others = [
            other.spacing.char == char
            for other in self.scene.runs
            if other.spacing.size == size and other.key not in hit
        ]
        if len(others) > 1 and 2 * sum(others) > len(others):
            return char / size  # that of most lines: the style's, not what fills one line
        return round(char / size / _STEP) * _STEP if abs(char) >= _TRACKING * size else 0.0


def _on(block: Move, run: Run) -> bool:
    along, across = block.place((run.place.e, run.place.f))
    low, high = block.knots[0][0] - 1.0, block.knots[-1][0] + 1.0
    return low <= along <= high and block.band[0] <= across <= block.band[1]


def _small(box: BBox) -> bool:
    """Return whether something drawn may be the sign of a list's item."""
    return 1.0 < box.width < 8.0 and 1.0 < box.height < 8.0


def _framed(box: BBox, frame: Frame) -> BBox:
    """Return a box of the page in a frame: along and across."""
    corners = [frame.place(p.x, p.y) for p in box.polygon()]
    alongs, acrosses = [a for a, _ in corners], [c for _, c in corners]
    return BBox(min(alongs), min(acrosses), max(alongs), max(acrosses))


def _clipped(piece: Sequence[Mark], places: Sequence[float], move: Move) -> bool:
    """Return whether every glyph is still seen where it goes."""
    for mark, new in zip(piece, places, strict=True):
        clip = mark.run.clip
        if clip is None or mark.areas or mark.glyph.blank:
            continue
        corners = clip.polygon()
        if move.holds(corners):
            continue  # a clip of this line alone: it goes along
        middle = move.band[0] * 0.3
        inside = clip.grow(0.5)
        old = [move.point(mark.start, middle), move.point(mark.end, middle)]
        there = middle + move.drop
        to = [move.point(new, there), move.point(new + mark.end - mark.start, there)]
        if all(inside.contains(Point(*p)) for p in old) and not all(
            inside.contains(Point(*p)) for p in to
        ):
            return False
    return True
