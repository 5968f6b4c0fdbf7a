"""Make replacing edits: of a part of a line, or of all lines of a paragraph, with their style and room.

Whoever proposes new text for old (a mapping, a translator, a person) makes its edits here.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from statistics import median

from ..geometry import Affine, BBox, Polygon
from ..looks.geometry import alignment, grown
from ..model import Align, Block, Edit, EditKind, EditStatus, Inline, Line, Page, Setting
from ..stage import Context
from ..translators.texts import joined
from ..typeset.shape import is_rtl
from .style import Styles
from .underlined import under

# Free space that is left alone before the next thing, in em.
_GAP = 0.35
# What grows may meet what grows towards it: each takes at most this share of the space between.
_HALF = 0.5
# How far from the left edge of its column what begins there stands at most, in heights.
_BESIDE = 1.5
# Space at the border of a sheet where nothing is set, as a share of its width.
_BORDER = 0.03
# A line that slopes no more than this, in degrees, is level.
_LEVEL = 1.5
# A line that begins so far from the left margin, in em, and ends at the right one is aligned with that.
_INDENT = 4.0
# Languages that are written from right to left.
_RTL = frozenset(
    ("ar", "arc", "ckb", "dv", "fa", "he", "iw", "ks", "ps", "sd", "syr", "ug", "ur", "yi")
)


@dataclass(frozen=True, slots=True)
class Naming:
    """What an edit is called and why it is made; see :class:`docharmony.Edit`."""

    id: str
    rule: str
    reason: str
    status: EditStatus = EditStatus.APPROVED
    confidence: float = 1.0
    term: int = 0


class Replacer:
    """Makes the replacing edits of one page.

    Args:
        page: with its lines.
        ctx: gives pixels, drawings and styles.
    """

    def __init__(self, page: Page, ctx: Context) -> None:
        self.page, self._ctx = page, ctx
        self.styles = Styles(page, ctx)

    def part(
        self,
        line: Line,
        polygon: Polygon,
        old: str,
        new: str,
        naming: Naming,
        *,
        align: Align | None,
        like: Polygon | None = None,
        inline: Sequence[Inline] = (),
    ) -> Edit:
        """Return an edit for a part of a line.

        Args:
            line: the line.
            polygon: where the part stands.
            old: what it says.
            new: what it shall say.
            naming: id, rule and the like.
            align: how it stands in its place; None finds out.
            like: what of the part has the style of all; None takes most of it.
            inline: parts of the new text that look otherwise than most of the line.
        """
        setting = self.styles.of(line, polygon, like)
        if inline:
            setting = self.styles.most(line, polygon=polygon) or setting
        direction = "ttb" if _stands(line, new) else _direction(line.text, old, new)
        if align is None:
            rtl = direction == "rtl" or (not direction and is_rtl(new))
            align = "end" if rtl and not is_rtl(old) else "start"
        room = self._room(polygon, [line], setting, [polygon])
        if align == "fill":
            room = (0.0, 0.0, 0.0, 0.0)
        setting = replace(setting, align=align, room=room, direction=direction)
        setting = replace(setting, inline=tuple(inline))
        setting = self._underlined([line], setting, polygon.bbox)
        areas = _dressed([polygon], setting)
        if line.vertical:
            areas = areas or (polygon,)
            polygon, setting = _in_column(polygon, setting)
        return _edit(naming, polygon, old, new, areas, setting)

    def block(
        self,
        lines: Sequence[Line],
        new: str,
        naming: Naming,
        *,
        language: str = "",
        direction: str = "",
        align: Align | None = None,
        inline: Sequence[Inline] = (),
        alike: bool = False,
    ) -> Edit:
        """Return an edit that sets all of some lines anew, as one paragraph.

        Args:
            lines: whole lines below each other, in reading order, in one direction.
            new: what they shall say; a line end in it begins a paragraph.
            naming: id, rule and the like.
            language: of the new text, BCP 47.
            direction: ``"ltr"``, ``"rtl"``, ``"ttb"`` or ``""``: by the text.
            align: how the lines stand; None finds out from the old ones.
            inline: parts of the new text that look otherwise.
            alike: whether it goes along where texts of its size have to be set smaller.
        """
        polygons = [line.polygon for line in lines]
        first = lines[0]
        turn = Affine.rotate(-first.direction)
        boxes = [polygon.map(turn).bbox for polygon in polygons]
        frame = BBox.around(boxes)
        setting = self.styles.of_lines(lines)
        if _stands(first, new):
            direction = direction or "ttb"
        direction = direction or _direction(
            "", joined([line.text for line in lines]), new, language
        )
        lefts, rights = [b.x0 for b in boxes], [b.x1 for b in boxes]
        em = setting.size or first.bbox.height
        found = alignment(lefts, rights, em)
        if len(lines) == 1:
            found = self._alone(frame, first, em)
        if is_rtl(first.text):
            found = {"end": "start", "start": "end"}.get(found, found)
        line_height = 0.0
        if len(boxes) > 1:
            # Baselines where the file tells them: raised signs make boxes of lines uneven.
            bases = [
                box.y0 + base if (base := self._baseline(line)) else box.y1
                for line, box in zip(lines, boxes, strict=True)
            ]
            steps = [low - high for high, low in pairwise(bases)]
            line_height = max(0.0, median(steps))
        indent = 0.0
        if len(boxes) > 1 and found in ("start", "justify") and not is_rtl(new):
            indent = boxes[0].x0 - min(b.x0 for b in boxes[1:])
            if abs(indent) < 0.3 * em or abs(indent) > 8 * em:
                indent = 0.0
            elif indent < 0:
                # A hanging indent: the box begins where the other lines do.
                frame = BBox(frame.x0 - indent, frame.y0, frame.x1, frame.y1)
        corners = frame.polygon().map(Affine.rotate(first.direction))
        seen = self.styles.tilted(first) if len(lines) == 1 else None
        if seen is not None:
            corners, polygons = seen, [seen]
            setting = self.styles.of(first, seen)
        room = self._room(corners, lines, setting, polygons)
        turns = (direction == "rtl" or is_rtl(new)) and not is_rtl(first.text)
        if turns and found in ("start", "justify") and seen is None and is_level(first):
            # What began at the left edge of its column begins at the right one.
            more = self._to_the_right(frame, room[2])
            frame = BBox(frame.x0, frame.y0, frame.x1 + more, frame.y1)
            corners = frame.polygon().map(Affine.rotate(first.direction))
            room = (*room[:2], room[2] - more, room[3])
        setting = replace(
            setting,
            align=align or found,  # type: ignore[arg-type]
            line_height=line_height,
            indent=indent,
            language=language,
            direction=direction,
            inline=tuple(inline),
            alike=alike,
            room=room,
        )
        setting = self._underlined(lines, setting)
        old = joined([line.text for line in lines])
        areas = _dressed(polygons, setting) or (tuple(polygons) if len(polygons) > 1 else ())
        if first.vertical:
            corners, setting = _in_column(corners, setting)
            areas = areas or tuple(polygons)
        return _edit(naming, corners, old, new, areas, setting)

    def _baseline(self, line: Line) -> float:
        """Return how far the baseline of a line lies below its top; 0.0 where nothing tells."""
        return self.styles.of(line, line.polygon).baseline if line.origin == "pdf" else 0.0

    def _underlined(
        self, lines: Sequence[Line], setting: Setting, part: BBox | None = None
    ) -> Setting:
        """Return a setting with the rules that lie under its old text, or a part of its line."""
        if setting.origin != "pdf" or lines[0].origin != "pdf":
            return setting
        rules = self._ctx.graphics(self.page).rules
        bases = [line.bbox.y0 + self._baseline(line) for line in lines] if rules else []
        boxes, look = under(lines, bases, rules, setting.size, part)
        return replace(setting, rules=boxes, underline=look) if boxes else setting

    def _to_the_right(self, frame: BBox, free: float) -> float:
        """Return how far it is to the right edge of the cell, or of the column, that a text begins in."""
        _, frames = self._drawn
        if any(box.contains(frame.center) for box in frames):
            return free
        column = [
            line.bbox
            for line in self.page.lines
            if min(line.bbox.x1, frame.x1) - max(line.bbox.x0, frame.x0)
            > 0.5 * min(line.bbox.width, frame.width)
        ]
        if frame.x0 > min((box.x0 for box in column), default=frame.x0) + _BESIDE * frame.height:
            return 0.0  # it stands in the middle, or elsewhere
        return max(0.0, min(free, max((box.x1 for box in column), default=frame.x1) - frame.x1))

    def alone(self, line: Line) -> str:
        """Return how a line that stands alone is aligned: ``"start"``, ``"center"`` or ``"end"``."""
        return self._alone(line.bbox, line, line.size or line.bbox.height)

    def _alone(self, frame: BBox, line: Line, em: float) -> str:
        """Return how a line that stands alone is aligned: by what stands around it on the page."""
        if not is_level(line):
            return "start"
        around = self.styles.frame(line)
        if around is not None:
            return _in_frame(frame, around, em)
        left = min((other.bbox.x0 for other in self.page.lines), default=0.0)
        right = max((other.bbox.x1 for other in self.page.lines), default=self.page.width)
        middle = (frame.x0 + frame.x1) / 2
        level = sum(abs(other.bbox.x0 - frame.x0) < 0.1 * em for other in self.page.lines)
        if frame.x0 - left < em or level > 2:
            return "start"
        if (
            abs(middle - (left + right) / 2) < 0.5 * em
            or abs(middle - self.page.width / 2) < 0.5 * em
        ):
            return "center"
        ends = sum(abs(other.bbox.x1 - frame.x1) < 0.1 * em for other in self.page.lines)
        if ends > max(level, 2) and frame.x0 - left > _INDENT * em:
            return "end"  # with the margin of the page
        return self._in_cell(frame, em) or "start"

    def _in_cell(self, frame: BBox, em: float) -> str:
        """Return how a line is aligned in a cell or in a column of others."""
        for block in self.page.blocks:
            for cell in block.cells:
                box = cell.bbox
                if box.contains(frame.center):
                    before, after = frame.x0 - box.x0, box.x1 - frame.x1
                    if abs(before - after) < 0.5 * em and before > em:
                        return "center"
                    return "end" if after < 0.5 * before else "start"
        near = [
            other.bbox
            for other in self.page.lines
            if 0 < abs(other.bbox.center.y - frame.center.y) < 3 * max(frame.height, 1)
        ]
        ends = sum(abs(other.x1 - frame.x1) < 0.1 * em for other in near)
        starts = sum(abs(other.x0 - frame.x0) < 0.1 * em for other in near)
        return "end" if ends > starts else ""

    def parted(self, one: BBox, other: BBox) -> bool:
        """Return whether a drawn line stands between two words that follow each other."""
        between = BBox.around([BBox(*one.center, *one.center), BBox(*other.center, *other.center)])
        between = between.grow(0.1)
        solid, _ = self._drawn
        return any(
            not box.intersection(between).is_empty and max(box.height, box.width) > one.height / 2
            for box in solid
            if min(box.height, box.width) < 5
        )

    # -- free space

    def _room(
        self, polygon: Polygon, own: Sequence[Line], setting: Setting, areas: Sequence[Polygon]
    ) -> tuple[float, float, float, float]:
        """Return the free space left, above, right and below, along the text's own axes."""
        angle = own[0].direction
        turn = Affine.rotate(-angle)
        frame = polygon.map(turn).bbox
        sheet = self.page.bbox.polygon().map(turn).bbox
        em = setting.size or frame.height
        gap = _GAP * em
        names = {line.id for line in own}
        words = [
            word.polygon.map(turn).bbox
            for line in self.page.lines
            for word in line.words
            if line.id not in names or not _inside(word.bbox, areas)
        ]
        solid, frames = self._drawn
        solid = [box.polygon().map(turn).bbox for box in solid]
        frames = [box.polygon().map(turn).bbox for box in frames]
        border = _BORDER * sheet.width
        lines = [line.polygon.map(turn).bbox for line in self.page.lines]
        left_edge = min([sheet.x0 + border, *[b.x0 for b in lines]])
        text_left = min([b.x0 for b in lines], default=sheet.x0)
        right_edge = max([b.x1 for b in lines], default=sheet.x1)
        if not angle % 90:
            right_edge = max(right_edge, sheet.x1 - max(border, text_left - sheet.x0))
            right_edge = min(right_edge, sheet.x1)
        if len(own) > 1:  # a paragraph stays in its column
            column = [b.x1 for b in lines if b.x0 < frame.x1 and b.x1 > frame.x0]
            right_edge = max([frame.x1, *(x for x in column if x <= right_edge)])
        top = sheet.y0 + border
        bottom = max([b.y1 for b in lines], default=sheet.y1)
        if not angle % 90:
            bottom = max(bottom, sheet.y1 - 2 * border)
        beside = self.styles.reach(own[0], polygon) if len(own) == 1 else None
        if beside is not None:
            left_edge, right_edge = frame.x0 - beside[0] + gap, frame.x1 + beside[1] - gap
        around = self.styles.frame(own[0])
        if around is not None:
            frames = [*frames, around]
        for box in frames:  # cells, buttons, coloured boxes: stay in the smallest around
            if (
                box.x0 <= frame.x0 + 1
                and frame.x1 - 1 <= box.x1
                and (box.y0 <= frame.y0 + gap and frame.y1 - gap <= box.y1)
            ):
                left_edge, right_edge = max(left_edge, box.x0 + gap), min(right_edge, box.x1 - gap)
                top, bottom = max(top, box.y0), min(bottom, box.y1 - 0.3 * gap)
        left = right = math.inf
        for box, share in [*((b, _HALF) for b in words), *((b, 1.0) for b in solid)]:
            # Boxes of letters reach above and below their ink: neighbours' boxes may overlap.
            if box.y1 <= frame.y0 + 0.15 * em or box.y0 >= frame.y1 - 0.15 * em:
                continue
            if box.x0 >= right_edge or box.x1 <= left_edge:
                continue  # beyond the cell, or the sheet
            if box.x0 >= frame.x1 - 0.1 * em:
                right = min(right, share * (box.x0 - frame.x1) - gap)
            elif box.x1 <= frame.x0 + 0.1 * em:
                left = min(left, share * (frame.x0 - box.x1) - gap)
        right = max(0.0, min(right, right_edge - frame.x1))
        left = max(0.0, min(left, frame.x0 - left_edge))
        below = max(0.0, bottom - frame.y1)
        wide0, wide1 = frame.x0 - left, frame.x1 + right
        for box in [*words, *solid]:
            if box.x1 > wide0 and box.x0 < wide1 and box.y1 > frame.y1 + 0.15 * em:
                gap_below = max(0.0, box.y0 - frame.y1)
                # What comes next must not look as if it went on.
                below = min(below, max(0.5 * gap_below, gap_below - 1.2 * em))
        return (left, 0.0, right, below)

    @cached_property
    def _drawn(self) -> tuple[list[BBox], list[BBox]]:
        """Return what nothing may be set over, and boxes that text may stand in."""
        graphics = self._ctx.graphics(self.page)
        solid = [
            BBox(
                min(rule.start.x, rule.end.x),
                min(rule.start.y, rule.end.y),
                max(rule.start.x, rule.end.x) + 0.1,
                max(rule.start.y, rule.end.y) + 0.1,
            )
            for rule in graphics.rules
        ]
        boxes = list(graphics.boxes)
        cells = [box for block in self.page.blocks for box in _ruled(block)]
        read = any(line.origin == "ocr" for line in self.page.lines)
        for image in self.page.images:
            if not (read and image.area > 0.5 * self.page.bbox.area):
                solid.append(image)
        return solid, [*boxes, *cells]


def _in_frame(box: BBox, around: BBox, em: float) -> str:
    """Return how a line is aligned in a button, cell or coloured box, by the space on its sides."""
    before, after = box.x0 - around.x0, around.x1 - box.x1
    if abs(before - after) < max(0.5 * em, 0.1 * (before + after)):
        return "center"
    return "end" if after < 0.5 * before and after < 2 * em else "start"


def is_level(line: Line) -> bool:
    """Return whether a line runs from left to right, but for the slope of a scan."""
    return abs((line.direction + 180) % 360 - 180) <= _LEVEL


def _direction(line: str, old: str, new: str, language: str = "") -> str:
    """Return which way a new text runs where it may hold words of both ways; ``""`` for its own way.

    A part of a line runs as its line does, and so does a text that keeps some words of the old one's
    way; a translation runs as its language does.

    Args:
        line: the line that it is a part of; empty where it is no part.
        old: what it replaces.
        new: the text.
        language: it is a translation into.
    """
    kinds = {unicodedata.bidirectional(character) for character in new}
    if not kinds & {"R", "AL"}:
        return ""
    if language:
        return "rtl" if language.split("-")[0] in _RTL else "ltr"
    part = line.split() != old.split() and bool(line)
    return ("rtl" if is_rtl(line if part else old) else "ltr") if part or "L" in kinds else ""


def _stands(line: Line, new: str) -> bool:
    """Return whether a new text stands upright in columns: its script must be one that does."""
    return line.vertical and any(unicodedata.east_asian_width(c) in ("W", "F") for c in new)


def _in_column(polygon: Polygon, setting: Setting) -> tuple[Polygon, Setting]:
    """Return where text stands in place of vertical writing, and how.

    Letters that stand upright are in the middle of their column and take corners of the page, not of the
    line that runs down. What is turned lies with its middle where theirs was.
    """
    if setting.direction != "ttb":
        return polygon, replace(setting, baseline=0.0)
    corners = Polygon((*polygon[-1:], *polygon[:-1]))
    return corners, replace(setting, baseline=0.0, indent=0.0)


def _ruled(block: Block) -> list[BBox]:
    """Return the cells of a table that touch their neighbours: rules stand between those.

    Boxes of cells without rules are as large as their texts and bound nothing.
    """
    boxes = [cell.bbox for cell in block.cells]
    return [
        box
        for box in boxes
        if any(
            abs(box.x1 - other.x0) < 1 or abs(box.x0 - other.x1) < 1 or abs(box.y1 - other.y0) < 1
            for other in boxes
            if other is not box
        )
    ]


def _edit(
    naming: Naming,
    polygon: Polygon,
    old: str,
    new: str,
    areas: tuple[Polygon, ...],
    setting: Setting,
) -> Edit:
    return Edit(
        naming.id,
        EditKind.REPLACE,
        polygon,
        naming.rule,
        naming.reason,
        old,
        new,
        naming.status,
        naming.confidence,
        naming.term,
        areas,
        setting,
    )


def _dressed(polygons: Sequence[Polygon], setting: Setting) -> tuple[Polygon, ...]:
    """Return where letters with an outline or a shadow stand; nothing where they have none."""
    shadow = max(map(abs, setting.shadow)) + 2 * setting.shadow_blur if any(setting.shadow) else 0.0
    more = max(setting.outline, shadow)
    return tuple(grown(polygon, more) for polygon in polygons) if more else ()


def _inside(box: BBox, areas: Sequence[Polygon]) -> bool:
    return any(box.intersection(area.bbox).area > 0.5 * box.area for area in areas)
