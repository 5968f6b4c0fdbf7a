"""From a replacing edit to a text that fits: shared by the writers of PDFs and of images.

Runs in the parsing child. :func:`plan` decides size, lines and face before anything is erased, so
that an edit whose text does not fit leaves the page as it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ...geometry import Affine, Point, Polygon
from ...model import Setting, setting_from_json
from ...typeset.faces import Chain, chain
from ...typeset.fit import Layout, Wish, fit
from ...typeset.shape import ShapedLine, is_rtl, shape
from .fitted import Fitted

# Size of the letters as a share of the height of their line's box, where nothing else is known.
_SIZE_OF_BOX = 0.8


class Type(Protocol):
    """What text is set in: it knows how wide a text becomes."""

    ascent: float
    descent: float

    def width(self, text: str) -> float:
        """Return the width of one line of text in em."""


class ShapedType:
    """Text in installed faces, shaped.

    Args:
        setting: asks for the class of the face.
    """

    def __init__(self, setting: Setting, text: str) -> None:
        self.chain: Chain = chain(
            setting.family,
            bold=setting.bold,
            italic=setting.italic,
            like=setting.font,
            language=setting.language,
        )
        self._setting = setting
        # What the whole text is, each of its lines is too.
        self.rtl = setting.direction == "rtl" or (not setting.direction and is_rtl(text))
        face = self.chain.face_for(next((c for c in text if not c.isspace()), "x"))
        face = face or self.chain.first
        self.ascent, self.descent = face.ascent, face.descent
        self.x_height = face.x_height

    def width(self, text: str) -> float:
        """Return the width of one line of text in em."""
        return self.shape(text).width

    def shape(self, text: str) -> ShapedLine:
        """Return one line of text as glyphs."""
        vertical = self._setting.direction == "ttb"
        return shape(
            text,
            self.chain,
            direction="ttb" if vertical else "rtl" if self.rtl else "ltr",
            language=self._setting.language,
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
    """

    edit: Mapping[str, Any]
    setting: Setting
    frame: Frame
    layout: Layout
    type: Type
    joined: bool

    @property
    def face(self) -> str:
        """Names of the faces that a shaped text is set in."""
        names: dict[str, None] = {}
        if isinstance(self.type, ShapedType):
            for line in self.layout.lines:
                runs = self.type.shape(line.text).runs
                names.update(dict.fromkeys(run.face.info.name for run in runs))
        return ", ".join(names)


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


def plan(edit: Mapping[str, Any], least: float, own: Type | None = None) -> Planned | Fitted:
    """Return the edit's text fitted into its box, or why it cannot be set.

    Args:
        edit: with ``polygon``, ``replacement`` and ``setting``.
        least: smallest size allowed, as a share of the wished one.
        own: a font of the document that has all the characters.
    """
    setting, text = setting_of(edit), str(edit["replacement"])
    vertical = setting.direction == "ttb"
    frame = frame_of(Polygon.of(edit["polygon"]), vertical=vertical)
    shaped = ShapedType(setting, text)
    if own is None:
        missing = shaped.chain.missing(text)
        if missing:
            points = ", ".join(f"U+{ord(c):04X}" for c in missing[:4])
            return Fitted(str(edit["id"]), False, note=f"no face has {points}")
    kind: Type = own or shaped
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
            tracking=not joined,
        ),
        lambda part: kind.width(part) * setting.stretch,
    )
    if layout is None:
        return Fitted(str(edit["id"]), False, note="it is too long for the space there is")
    return Planned(edit, setting, frame, layout, kind, joined)


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


def spots(planned: Planned, line_index: int, shaped: ShapedLine) -> list[tuple[Any, int, Affine]]:
    """Return (face, glyph number, matrix) of each glyph of a line.

    The matrix leads from glyph space in em (y up) to the displayed page.
    """
    line = planned.layout.lines[line_index]
    size, tracking = planned.layout.size, planned.layout.tracking
    vertical = planned.setting.direction == "ttb"
    result = []
    stretch = 1.0 if vertical else planned.setting.stretch
    extra = 0.0
    for run in shaped.runs:
        for index, glyph in enumerate(run.glyphs):
            along, across = line.x + glyph.x * size * stretch + extra, glyph.y * size
            if vertical:
                # Columns go from right to left; their middles are as far apart as lines are.
                x, y = across - line.y, -along
            else:
                x, y = along, across - line.y
            local = Affine(size * stretch, 0.0, 0.0, size, x, y)
            result.append((run.face, glyph.number, local.then(planned.frame.matrix)))
            last = (
                index + 1 == len(run.glyphs)
                or run.glyphs[index + 1].end > run.glyphs[index + 1].start
            )
            if last and not planned.joined:
                extra += tracking
            if glyph.end > glyph.start:
                extra += line.word_space * shaped.text[glyph.start : glyph.end].count(" ")
    return result
