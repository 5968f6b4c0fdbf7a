"""New text in the place of old in a content stream, so that all that held for the old one holds for it.

It stands in the same text object: order of reading, marked content and layers, clip, transparency and
what is drawn over it later stay. Nothing is saved and restored (``q`` may not stand in a text object):
what the new text sets is set back behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import pikepdf

from ...geometry import Affine
from .pdf_glyphs import Cut
from .pdf_objects import floats, parts

if TYPE_CHECKING:
    from .pdf_area import Area
    from .pdf_walk import State

Rgb = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Fill:
    """The colour that areas are filled with.

    Attributes:
        rgb: as told by the stream, 0-255; None where that depends on a colour space.
        set_by: the instructions that set it; None where those would mean something else here.
    """

    rgb: Rgb | None
    set_by: tuple[Any, ...] | None

    def inherited(self) -> Fill:
        """Return it as a form finds it: names of colour spaces are its caller's."""
        names = [v for item in self.set_by or () for v in parts(item)[0]]
        named = any(isinstance(value, pikepdf.Name) for value in names)
        return replace(self, set_by=None) if named else self


BLACK = Fill((0, 0, 0), (([0], pikepdf.Operator("g")),))


def told_fill(fill: Fill, operator: str, operands: Sequence[Any], instruction: Any) -> Fill:
    """Return the fill after an operator that sets colours."""
    if operator == "SCN":
        return fill
    if operator == "cs":
        return Fill(None, (instruction,))
    if operator in ("sc", "scn"):
        before = (fill.set_by or ())[:1]
        return Fill(None, (*before, instruction)) if before else Fill(None, None)
    rgb: Rgb | None = None
    if operator in ("g", "rg"):
        values = floats(operands, 3 if operator == "rg" else 1)
        red, green, blue = (round(255 * v) for v in (values * 3)[:3])
        rgb = red, green, blue
    return Fill(rgb, (instruction,))


class Spot(NamedTuple):
    """Where in a stream text is shown: the state, and the pen's matrix and its line's."""

    state: State
    pen: Affine
    line: Affine


class NewText(NamedTuple):
    """Operators that show a text, the resource names of its fonts, and what they alter besides those.

    Attributes:
        operators: for within a text object.
        fonts: resource name -> font.
        mode: the text render mode that they need.
        rgb: colour that they need; None takes the old text's.
    """

    operators: Sequence[Any]
    fonts: Mapping[str, Any]
    mode: int
    rgb: Rgb | None


# Returns the text for an area that was just met, None where it cannot stand there.
InPlace = Callable[["Area", Spot], NewText | None]


def woven(
    kept: Sequence[Any], cuts: Sequence[Cut], spot: Spot, in_place: InPlace
) -> tuple[list[Any], list[Any], dict[str, Any]]:
    """Return operators for a run up to its last new text, the array of its rest, and fonts.

    Args:
        kept: array for TJ, without the old texts.
        cuts: where they stood.
        spot: where the run begins.
        in_place: gives the new texts.
    """
    out: list[Any] = []
    fonts: dict[str, Any] = {}
    rest = list(kept)
    for cut in cuts:
        new = in_place(cut.area, spot)
        if new is None:
            continue
        head, rest = rest[: len(rest) - (len(kept) - cut.behind)], list(kept[cut.behind :])
        if any(isinstance(item, pikepdf.String) for item in head):
            out.append(([pikepdf.Array(head)], pikepdf.Operator("TJ")))
        out += _shown(new, spot)
        # The pen goes on where it was: from the start of the line, which relative steps go by.
        state = spot.state
        along = spot.pen.then(spot.line.inverse()).e + cut.pen * state.stretch
        shift = -1000 * along / (state.size * state.stretch)
        if abs(shift) > 1e-3:
            rest.insert(0, round(shift, 3))
        fonts.update(new.fonts)
    return out, rest, fonts


def _shown(new: NewText, spot: Spot) -> list[Any]:
    """Return the operators of a text with what they need, and with what sets all back."""
    state, fill = spot.state, spot.state.fill
    coloured = new.rgb is not None and fill.set_by is not None
    out: list[Any] = []
    if coloured:
        values = [round(value / 255, 4) for value in new.rgb or ()]
        out.append((values, pikepdf.Operator("rg")))
    plain = {"Tc": 0, "Tw": 0, "Tz": 100, "Ts": 0, "Tr": new.mode}
    old = {
        "Tc": state.char_space,
        "Tw": state.word_space,
        "Tz": state.stretch * 100,
        "Ts": state.rise,
        "Tr": int(state.mode),
    }
    changed = [name for name in plain if abs(plain[name] - old[name]) > 1e-9]
    out += [([plain[name]], pikepdf.Operator(name)) for name in changed]
    out += new.operators
    out += [([round(old[name], 6)], pikepdf.Operator(name)) for name in changed]
    out.append(state.tf)
    if coloured:
        out += fill.set_by or ()
    out.append(([round(value, 6) for value in spot.line], pikepdf.Operator("Tm")))
    return out
