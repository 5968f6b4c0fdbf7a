"""From a replacing edit to a text that fits: shared by the writers of PDFs and of images.

Runs in the parsing child. :func:`plan` decides size, lines and face before anything is erased, so
that an edit whose text does not fit leaves the page as it is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol
from unicodedata import category

from ...geometry import Affine, Point, Polygon
from ...model import Inline, Setting
from ...schema import setting_from_json
from ...typeset.faces import Chain, chain
from ...typeset.fit import Layout, SetLine, Wish, fit, tidy
from ...typeset.shape import TOP, Look, ShapedLine, is_rtl, shape, stands
from .fitted import Fitted

# Size of the letters as a share of the height of their line's box, where nothing else is known.
_SIZE_OF_BOX = 0.8


class Type(Protocol):
    """What text is set in: it knows how wide a text becomes."""

    ascent: float
    descent: float

    def faces(self, text: str, start: int = 0) -> Sequence[str]:
        """Return the names of the faces that a part of the text is set in."""

    def width(self, text: str, start: int = 0) -> float:
        """Return the width in em of a part of the text, of one line or less, that begins there."""


class ShapedType:
    """Text in installed faces, shaped.

    Args:
        setting: asks for the class of the face, and for those of parts of the text.
        text: all of it, tidy.
    """

    def __init__(self, setting: Setting, text: str) -> None:
        self.chain: Chain = chain(
            setting.family,
            bold=setting.bold,
            italic=setting.italic,
            like=setting.font,
            language=setting.language,
        ).suited(text)
        self._setting = setting
        # What the whole text is, each of its lines is too.
        self.rtl = setting.direction == "rtl" or (not setting.direction and is_rtl(text))
        face = self.chain.face_for(next((c for c in text if not c.isspace()), "x"))
        face = face or self.chain.first
        self.ascent, self.descent = face.ascent, face.descent
        self.x_height = face.x_height
        self._looks = [
            Look(
                part.start,
                part.end,
                number,
                chain(
                    part.family,
                    bold=part.bold,
                    italic=part.italic,
                    like=part.font,
                    language=setting.language,
                ).suited(text[part.start : part.end]),
                part.scale,
            )
            for number, part in enumerate(setting.inline)
        ]

    def missing(self, text: str) -> str:
        """Return the characters of the whole text that no face has."""
        return self.chain.missing(text)  # every chain ends with the same faces

    def width(self, text: str, start: int = 0) -> float:
        """Return the width in em of a part of the text, of one line or less, that begins there."""
        return self.shape(text, start).width

    def faces(self, text: str, start: int = 0) -> Sequence[str]:
        """Return the names of the faces that a part of the text is set in."""
        return [run.face.info.name for run in self.shape(text, start).runs]

    def shape(self, text: str, start: int = 0) -> ShapedLine:
        """Return a part of the text, of one line or less, as glyphs."""
        vertical = self._setting.direction == "ttb"
        return shape(
            text,
            self.chain,
            direction="ttb" if vertical else "rtl" if self.rtl else "ltr",
            language=self._setting.language,
            looks=[
                replace(look, start=look.start - start, end=look.end - start)
                for look in self._looks
                if look.start < start + len(text) and look.end > start
            ],
        )


@dataclass(frozen=True, slots=True)
class Frame:
    """The box of an edit in the axes of its text.

    Attributes:
        matrix: from text axes (x along, y **up**, origin at the box's top left) to the displayed page.
        width: along the lines.
        height: across them.
    """

    matrix: Affine
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Planned:
    """An edit whose text fits.

    Attributes:
        edit: as it came.
        setting: how it is set.
        frame: where.
        layout: the lines.
        type: what they are set in.
        joined: whether letters are joined, so that none may be set apart.
        own: parts that are set in other fonts of the document, with their numbers in
            ``setting.inline``; the rest is set in ``type``.
    """

    edit: Mapping[str, Any]
    setting: Setting
    frame: Frame
    layout: Layout
    type: Type
    joined: bool
    own: tuple[tuple[int, Type], ...] = ()

    @property
    def face(self) -> str:
        """Names of the faces that its text is set in."""
        names: dict[str, None] = {}
        for line in self.layout.lines:
            for part in self.segments(line):
                names.update(dict.fromkeys(part.type.faces(part.text, part.start)))
        return ", ".join(names)

    def segments(self, line: SetLine) -> list[Segment]:
        """Return the parts of a line, each set in one type, from left to right.

        Where letters run from right to left there is one.
        """
        at, parts = line.x, []
        for start, end, kind, number in _cut(line.start, line.start + len(line.text), self._kinds):
            text = line.text[start - line.start : end - line.start]
            parts.append(Segment(text, start, at, kind, number))
            wide = _width(self.setting, kind, text, start, number) * self.layout.size
            at += wide + self.layout.tracking * len(text) + line.spread(text)
        return parts

    def inline(self, number: int) -> Inline:
        """Return a part that is set otherwise."""
        return self.setting.inline[number]

    def color(self, number: int | None) -> tuple[int, int, int]:
        """Return the colour of a part, or of the rest."""
        return self.setting.color if number is None else self.inline(number).color

    @property
    def _kinds(self) -> _Kinds:
        return _kinds(self.setting, self.type, self.own)


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a line that is set in one type.

    Attributes:
        text: its characters.
        start: the first of them in the edit's text.
        x: where it begins, along the line.
        type: what it is set in.
        number: in ``setting.inline``, where the type is a font of the document for that part alone.
    """

    text: str
    start: int
    x: float
    type: Type
    number: int | None = None


_Kinds = list[tuple[int, int, "Type", int | None]]


def _kinds(setting: Setting, usual: Type, own: Sequence[tuple[int, Type]]) -> _Kinds:
    """Return ranges of the text with the type that each is set in; the last is for the rest."""
    return [
        (setting.inline[number].start, setting.inline[number].end, kind, number)
        for number, kind in own
    ] + [(0, 1 << 30, usual, None)]


def _width(setting: Setting, kind: Type, text: str, start: int, number: int | None) -> float:
    """Return the width of a part of one kind, in em of the text."""
    scale = 1.0
    if number is not None and not isinstance(kind, ShapedType):  # shaping knows the scale
        scale = setting.inline[number].scale
    return kind.width(text, start) * scale * setting.stretch


def _cut(start: int, end: int, kinds: _Kinds) -> Iterator[tuple[int, int, Type, int | None]]:
    """Yield the parts of a range that are of one kind."""
    usual, at = kinds[-1], start
    for first, last, kind, number in sorted(kinds[:-1], key=lambda part: part[0]):
        first, last = max(first, at), min(last, end)
        if first >= last:
            continue
        if first > at:
            yield at, first, *usual[2:]
        yield first, last, kind, number
        at = last
    if at < end:
        yield at, end, *usual[2:]


def in_crop(
    planned: Planned,
    corners: Sequence[tuple[float, float]],
    crops: Sequence[tuple[int, Sequence[int], Sequence[int]]],
) -> list[dict[str, Any]]:
    """Return what a painter of letters needs to know of a text: nothing where it cannot paint it.

    Args:
        planned: the text.
        corners: of its area, in pixels of the picture.
        crops: number, rows and columns of each.
    """
    if len(planned.layout.lines) != 1 or planned.setting.direction == "ttb":
        return []
    for number, rows, columns in crops:
        if all(columns[0] <= x <= columns[1] and rows[0] <= y <= rows[1] for x, y in corners):
            return [
                {
                    "edit": str(planned.edit["id"]),
                    "crop": number,
                    "polygon": [[x - columns[0], y - rows[0]] for x, y in corners],
                    "text": planned.layout.lines[0].text,
                }
            ]
    return []


def setting_of(edit: Mapping[str, Any]) -> Setting:
    """Return how an edit wants its text set."""
    return setting_from_json(edit["setting"]) if edit.get("setting") else Setting()


def frame_of(polygon: Polygon, *, vertical: bool) -> Frame:
    """Return the box of an edit; lines of vertical text go down, the first at the right."""
    a, b, d = polygon[0], polygon[1], polygon[-1]
    wide, high = math.dist(a, b) or 1.0, math.dist(a, d) or 1.0
    along = Point((b.x - a.x) / wide, (b.y - a.y) / wide)
    down = Point((d.x - a.x) / high, (d.y - a.y) / high)
    if vertical:
        # The line runs along `down`; glyphs stand upright in it, so the axes stay those of the page.
        return Frame(Affine(along.x, along.y, -down.x, -down.y, b.x, b.y), high, wide)
    return Frame(Affine(along.x, along.y, -down.x, -down.y, a.x, a.y), wide, high)


Find = Callable[[str, str], "Type | None"]
"""Gives the document's own font of a name, if it has all characters of a text."""
# How far the middle of letters lies above their baseline, in em.
_MIDDLE = 0.35
# Characters that steer shaping, and those that the fitting counts as spaces.
_STEERING = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def plan(edit: Mapping[str, Any], least: float, find: Find | None = None) -> Planned | Fitted:
    """Return the edit's text fitted into its box, or why it cannot be set.

    Args:
        edit: with ``polygon``, ``replacement`` and ``setting``; ``most`` is the largest size allowed.
        least: smallest size allowed, as a share of the wished one.
        find: finds fonts of the document.
    """
    setting = setting_of(edit)
    vertical = setting.direction == "ttb"
    text, inline = _tidied(str(edit["replacement"]), () if vertical else setting.inline)
    setting = replace(setting, inline=inline)
    frame = frame_of(Polygon.of(edit["polygon"]), vertical=vertical)
    shaped = ShapedType(setting, text)
    kind: Type = shaped
    own: list[tuple[int, Type]] = []
    if find is not None and not any(is_rtl(c) for c in text):
        for number, part in enumerate(inline):
            found = find(part.font, part.text)
            # What the document has no font for is shaped.
            own.append((number, found or shaped))
        if not vertical or _stands_alone(text):
            kind = find(setting.font, _without(text, inline)) or shaped
    kinds = _kinds(setting, kind, own)
    missing = shaped.missing(
        "".join(
            text[first:last] for first, last, used, _ in _cut(0, len(text), kinds) if used is shaped
        )
    )
    if missing:
        points = ", ".join(f"U+{ord(c):04X}" for c in missing[:4])
        return Fitted(str(edit["id"]), False, note=f"no face has {points}")

    def width(part: str, start: int) -> float:
        return sum(
            _width(setting, own_kind, part[first - start : last - start], first, number)
            for first, last, own_kind, number in _cut(start, start + len(part), kinds)
        )

    size = setting.size or _SIZE_OF_BOX * frame.height
    joined = any(_joins(c) for c in text)
    layout = fit(
        Wish(
            text,
            frame.width,
            frame.height,
            size,
            ascent=0.5 if vertical else kind.ascent,
            descent=0.5 if vertical else kind.descent,
            line_height=setting.line_height,
            baseline=size * 0.5 if vertical else setting.baseline,
            indent=setting.indent,
            align=setting.align,
            rtl=shaped.rtl and not vertical,
            room=setting.room,
            least=least,
            most=float(edit.get("most", 1.0)),
            tracking=not joined,
        ),
        width,
    )
    if layout is None:
        return Fitted(str(edit["id"]), False, note="it is too long for the space there is")
    return Planned(edit, setting, frame, layout, kind, joined, tuple(own))


def _stands_alone(text: str) -> bool:
    """Return whether all characters stand upright in a column just as they do in a line."""
    return all(stands(c) and not category(c).startswith(("P", "Lm", "Z")) for c in text)


def _without(text: str, inline: Sequence[Inline]) -> str:
    at, rest = 0, []
    for part in inline:
        rest.append(text[at : part.start])
        at = part.end
    return "".join([*rest, text[at:]])


def _tidied(text: str, inline: Sequence[Inline]) -> tuple[str, tuple[Inline, ...]]:
    """Return a text as it is fitted, with its parts where they are then.

    Parts that are not where they should be, since somebody changed the text, are sought; what is not
    found is set like the rest.
    """
    plain = tidy(_STEERING.sub("", text))
    found: list[Inline] = []
    at = 0
    for part in inline:
        words = tidy(_STEERING.sub("", part.text or text[part.start : part.end])).strip()
        start = len(tidy(_STEERING.sub("", text[: part.start]) + "x")) - 1
        if not words:
            continue
        if plain[start : start + len(words)] != words or start < at:
            start = plain.find(words, at)
        if start >= at:
            found.append(replace(part, start=start, end=start + len(words), text=words))
            at = start + len(words)
    return plain, tuple(found)


def fitted(planned: Planned, face: str) -> Fitted:
    """Return the report entry of an edit that was set."""
    notes = []
    if planned.layout.scale < 0.999:
        notes.append("smaller")
    if planned.layout.grown:
        notes.append("into free space")
    return Fitted(
        str(planned.edit["id"]),
        True,
        planned.layout.scale,
        len(planned.layout.lines),
        face,
        ", ".join(notes),
    )


def _joins(character: str) -> bool:
    """Return whether letters of its script are joined: Arabic and its like, and those of India."""
    point = ord(character)
    return 0x0600 <= point <= 0x08FF or 0x0900 <= point <= 0x0DFF or 0xFB50 <= point <= 0xFEFF


def upright(planned: Planned, line: SetLine, part: Segment) -> Iterator[tuple[str, Affine]]:
    """Yield the letters of a segment in a column, and where each begins, from em (y up) to the page."""
    size, pen = planned.layout.size, part.x
    for character in part.text:
        local = Affine(size, 0.0, 0.0, size, -line.y - size / 2, -pen - TOP * size)
        yield character, local.then(planned.frame.matrix)
        pen += size + planned.layout.tracking


def spots(
    planned: Planned, line: SetLine, part: Segment, shaped: ShapedLine
) -> list[tuple[Any, int, Affine]]:
    """Return (face, glyph number, matrix) of each glyph of a segment of a line.

    The matrix leads from glyph space in em (y up) to the displayed page.
    """
    size, tracking = planned.layout.size, planned.layout.tracking
    vertical = planned.setting.direction == "ttb"
    result = []
    stretch = 1.0 if vertical else planned.setting.stretch
    extra = 0.0
    for run in shaped.runs:
        rise = 0.0 if run.look is None else planned.inline(run.look).rise * size
        for index, glyph in enumerate(run.glyphs):
            along, across = part.x + glyph.x * size * stretch + extra, glyph.y * size + rise
            em = size * run.scale
            if run.turned:
                # On their side: what is up points to the right, and their middle is the column's.
                x, y = across - line.y - _MIDDLE * em, -along
                local = Affine(0.0, -em, em, 0.0, x, y)
            elif vertical:
                # Columns go from right to left; their middles are as far apart as lines are.
                local = Affine(em, 0.0, 0.0, em, across - line.y, -along)
            else:
                local = Affine(em * stretch, 0.0, 0.0, em, along, across - line.y)
            result.append((run.face, glyph.number, local.then(planned.frame.matrix)))
            last = (
                index + 1 == len(run.glyphs)
                or run.glyphs[index + 1].end > run.glyphs[index + 1].start
            )
            if last and not planned.joined:
                extra += tracking
            if glyph.end > glyph.start:
                extra += line.spread(shaped.text[glyph.start : glyph.end])
    return result
