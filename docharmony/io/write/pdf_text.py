"""Text in content streams: measured, removed, and set anew with its line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pikepdf

from ...geometry import Affine
from .pdf_fonts import Glyph
from .pdf_gather import Look
from .pdf_glyphs import Cut, Spacing, near, sift
from .pdf_in_place import Spot, woven
from .pdf_line_parts import Run, Scene, Slot, even
from .pdf_objects import dictionary, floats
from .pdf_stream import Shown, Spaced, Step
from .pdf_walk import State, Walk

_IDENTITY = Affine()
# How far the middle of a column is above what would be its line, if it lay, in em.
_MIDDLE = 0.28
_CLIPPING = 4  # text render modes from here on add to the clip path


NUMBERS = {
    "Tc": ("char_space", 1.0),
    "Tw": ("word_space", 1.0),
    "Tz": ("stretch", 0.01),
    "TL": ("leading", 1.0),
    "Ts": ("rise", 1.0),
    "Tr": ("mode", 1.0),
}


class TextWalk(Walk):
    """Reads the operators of text."""

    def _begin_text(self, operator: str, operands: Sequence[Any], instruction: Any) -> None:
        self._matrix = self._line = _IDENTITY
        self._text += 1
        self._emit(instruction)

    def _set_font(self, operator: str, operands: Sequence[Any], instruction: Any) -> None:
        font = dictionary(self.resources.get("/Font")).get(str(operands[0]))
        self._state.size = float(operands[1])
        self._state.font = self.eraser.font(font)
        self._state.tf = instruction
        self._emit(instruction)

    def _set_number(self, operator: str, operands: Sequence[Any], instruction: Any) -> None:
        name, factor = NUMBERS[operator]
        setattr(self._state, name, float(operands[0]) * factor)
        if operator in ("Tc", "Tw") and not self._path:
            self._out.append(Spaced(instruction))
        else:
            self._emit(instruction)

    def _place(self, operator: str, operands: Sequence[Any], instruction: Any) -> None:
        self._close_gap()
        if operator == "Tm":
            self._matrix = self._line = Affine(*floats(operands, 6))
        elif operator == "T*":
            self._next_line()
        elif operator in ("Td", "TD"):
            x, y = floats(operands, 2)
            if operator == "TD":
                self._state.leading = -y
            self._matrix = self._line = Affine.translate(x, y).then(self._line)
        if operator == "ET" or self._path:
            self._emit(instruction)
        else:
            leading = self._state.leading if operator == "TD" else None
            self._out.append(Step(self._text, instruction, leading))
        if operator == "ET" and self._clips:
            if not any(self._clips):
                # No glyph of a clipping text is left: it clips all, as it would not without any.
                self._out += [
                    ([0, 0, 0, 0], pikepdf.Operator("re")),
                    ([], pikepdf.Operator("W")),
                    ([], pikepdf.Operator("n")),
                ]
            self._clips = []

    def _next_line(self) -> None:
        step = Affine.translate(0.0, -self._state.leading)
        self._matrix = self._line = step.then(self._line)

    def _show(self, operator: str, operands: Sequence[Any], instruction: Any) -> None:
        before: list[Any] = []
        if operator == '"':
            word, char = floats(operands, 2)
            self._state.word_space, self._state.char_space = word, char
            before = [
                ([word], pikepdf.Operator("Tw")),
                ([char], pikepdf.Operator("Tc")),
                ([], pikepdf.Operator("T*")),
            ]
        elif operator == "'":
            before = [([], pikepdf.Operator("T*"))]
        if before:
            self._close_gap()
            self._next_line()
        last = operands[-1]
        items = list(last) if isinstance(last, pikepdf.Array) else [last]
        # What a tile loses is not shown when the next one is looked at: its runs have no number.
        key = 0 if self._state.loose else self.eraser.next_run()
        place, run, length = self._measured(items)
        if self.eraser.scene is not None:
            self._survey(self.eraser.scene, key, place, run)
            self._advance(length)
            return
        state = self._state
        shown = Shown(
            self._text,
            [*before, instruction],
            self._matrix.then(state.ctm),
            items,
            state.char_space,
            state.word_space,
        )
        woven_in: list[Any] = []
        more: list[Shown] = []
        if key in self.eraser.lines.moved:
            count, more = self._set_anew(shown, key, run)
        else:
            shown.kept, count, cuts = self._filter(items, place, run, length)
            woven_in = self._weave(shown, cuts)
        self._advance(length)
        shows = any(isinstance(i, pikepdf.String) for part in (shown, *more) for i in part.kept)
        if state.mode >= _CLIPPING and (count or shows):
            self._clips.append(shows or bool(woven_in))
        self._gap = None
        if not count and not shown.moved:
            if self._path:
                self._emit(instruction)
            else:
                # One operator as it was: " and ' set the next line themselves.
                shown.raw = [instruction]
                self._out.append(shown)
            return
        self.removed.glyphs += count
        shown.lost = bool(count)
        shown.raw = [*before, *woven_in, ([pikepdf.Array(shown.kept)], pikepdf.Operator("TJ"))]
        if self._path:  # text inside a path under construction: emit it where viewers show it
            for step in shown.raw:
                self._emit(step)
        else:
            self._out += [shown, *more]
            if not shown.moved:
                self._gap = shown
        if count:
            self._note()
        self._changed = True

    def _look(self, stretch: float) -> Look:
        """Return what text is shown with now, so far stretched."""
        state = self._state
        font = (id(state.font), state.size) if state.tf is None else None
        layer, _ = self._belongs()
        rest = font, state.clip, None if layer is None else layer.objgen, state.set_by_name
        return Look(state.tf, stretch, state.rise, state.mode, state.fill, rest)

    def _weave(self, shown: Shown, cuts: Sequence[Cut]) -> list[Any]:
        """Return what stands before the rest of a run that loses text to edits: their new texts."""
        state, in_place = self._state, self.eraser.in_place
        if not cuts or in_place is None or state.loose or self._path or state.tf is None:
            return []
        if state.font is None or state.font.vertical or not state.size or not state.stretch:
            return []
        spot = Spot(state, self._matrix, self._line)
        result, rest, fonts = woven(shown.kept, cuts, spot, in_place)
        if result:
            shown.kept = rest
            self._added.setdefault("/Font", {}).update(fonts)
        return result

    def _survey(
        self, scene: Scene, key: int, place: Affine, run: list[float | list[Glyph]]
    ) -> None:
        """Note what is shown, while the page is surveyed."""
        state, font = self._state, self._state.font
        if state.loose or font is None or not state.size:
            return
        fixed = ""
        if state.mode >= _CLIPPING or self._path:
            fixed = "it is part of a clip path"
        spacing = Spacing(state.size, state.char_space, state.word_space)
        em = even(place)
        if font.vertical:
            place, run, spacing = _laid(place, run, spacing)
            em = math.hypot(*place[:2])
        scene.runs.append(Run(key, place, run, spacing, state.clip, fixed, em))

    def _set_anew(
        self, shown: Shown, key: int, run: Sequence[float | list[Glyph]]
    ) -> tuple[int, list[Shown]]:
        """Give a run of a line that is set anew its new place, and its glyphs theirs.

        Glyphs of another piece of the line, beyond a wide gap, keep their place. Returns how many went,
        and the parts of the run that go to other lines.
        """
        state, lines = self._state, self.eraser.lines
        move, places = lines.moved[key], lines.places.get(key, {})
        slots, gone = lines.slots.get(key, {}), lines.gone.get(key, set())
        lift = lines.lifts.get(key, 0.0)
        shown.moved, shown.kept = True, []
        self._canonical.add(self._text)
        place = _scaled(state).then(self._matrix).then(state.ctm)
        # In vertical text the pen goes down, against the axis of its units.
        down = state.font is not None and state.font.vertical
        sign, old_em = (-1, math.hypot(*place[2:4])) if down else (1, math.hypot(*place[:2]))
        em = old_em if down else even(place)
        axes = shown.place[:4]
        if abs(em - old_em) > 1e-6 * em:
            # As wide as its font draws it; what Tz has set would tell how it was.
            shown.plain = True
            wide = em / old_em * state.stretch
            axes = (round(axes[0] * wide, 9), round(axes[1] * wide, 9), *axes[2:])
        shown.plain = shown.plain or state.stretch == 1
        if slots:
            shown.look = self._look(1.0 if shown.plain else state.stretch)
        start, across = move.place((shown.place.e, shown.place.f))
        parts, codes = [shown], bytearray()
        pen: float | None = None
        last: Slot | None = None
        old, number = 0.0, 0
        for part in run:
            if not isinstance(part, list):
                old -= sign * part / 1000
                continue
            for glyph in part:
                new, slot = places.get(number, start + old * old_em), slots.get(number)
                spacing = state.char_space + (state.word_space if glyph.spaced else 0.0)
                old += sign * (glyph.advance + spacing / state.size)
                number += 1
                if number - 1 in gone or (slot is not None and slot.word is None):
                    continue
                jump = 0.0 if pen is None else round(sign * (pen - new) / em * 1000, 1)
                turns = pen is None or slot != last
                if codes and (turns or abs(jump) >= 0.1):
                    parts[-1].kept.append(pikepdf.String(bytes(codes)))
                    codes.clear()
                if turns:
                    # The first glyph that stays, or that of a word that may go to another line.
                    if pen is not None:
                        parts.append(replace(shown, kept=[]))
                    spot = move.point(new, across + (slot.drop if slot else lift))
                    parts[-1].place = Affine(*axes, spot.x, spot.y)
                    if slot is not None and slot.word is not None:
                        parts[-1].paragraph, parts[-1].number = slot.paragraph, slot.word
                elif abs(jump) >= 0.1:
                    parts[-1].kept.append(jump)
                codes += glyph.code
                pen, last = new + sign * glyph.advance * em, slot
                parts[-1].end = move.point(pen, across + (slot.drop if slot else lift))
        if codes:
            parts[-1].kept.append(pikepdf.String(bytes(codes)))
        return len(gone), parts[1:]

    def _close_gap(self) -> None:
        """Drop the white space behind the last shown text: it tells how wide the removed text was."""
        if self._gap is None:
            return
        items = self._gap.kept
        while items and not isinstance(items[-1], pikepdf.String):
            items.pop()
        self._gap.raw.pop()
        if items:
            self._gap.raw.append(([pikepdf.Array(items)], pikepdf.Operator("TJ")))
        self._gap = None

    def _measured(self, items: Sequence[Any]) -> tuple[Affine, list[float | list[Glyph]], float]:
        """Return a run's place (em to page), its shifts and glyphs, and its length.

        The length is the pen's way in text space, before stretching.
        """
        state, font = self._state, self._state.font
        place = _scaled(state).then(self._matrix).then(state.ctm)
        run: list[float | list[Glyph]] = []
        length = 0.0
        for item in items if font is not None else ():
            if isinstance(item, pikepdf.String | bytes) and font is not None:
                glyphs = font.glyphs(bytes(item))
                run.append(glyphs)
                length += sum([glyph.advance for glyph in glyphs]) * state.size
                length += len(glyphs) * state.char_space
                if state.word_space:
                    length += sum([glyph.spaced for glyph in glyphs]) * state.word_space
            else:
                try:
                    shift = float(item)
                except (TypeError, ValueError):
                    continue
                run.append(shift)
                length -= shift / 1000 * state.size
        return place, run, length

    def _advance(self, length: float) -> None:
        """Move the pen by the length of a run."""
        state, font = self._state, self._state.font
        if font is not None:
            move = Affine(f=length) if font.vertical else Affine(e=length * state.stretch)
            self._matrix = move.then(self._matrix)

    def _filter(
        self, items: Sequence[Any], place: Affine, run: Sequence[float | list[Glyph]], length: float
    ) -> tuple[list[Any], int, list[Cut]]:
        """Return the array for TJ without the glyphs under the areas, how many went, and where."""
        state, font = self._state, self._state.font
        if font is None:
            return list(items), 0, []
        vertical = font.vertical
        shown = [glyph for part in run if isinstance(part, list) for glyph in part]
        along = length / state.size if state.size else 0.0
        areas = near(shown, place, along, self._lettered, vertical=vertical)
        if not areas:
            return list(items), 0, []
        spacing = Spacing(state.size, state.char_space, state.word_space)
        fresh = [area for area in areas if area.edit and not area.hits]
        kept, count, cuts = sift(run, place, areas, spacing, vertical=vertical)
        for area in fresh:
            if area.hits:
                area.layer, area.mark = self._belongs()
        return kept, count, cuts


def _laid(
    place: Affine, run: Sequence[float | list[Glyph]], spacing: Spacing
) -> tuple[Affine, list[float | list[Glyph]], Spacing]:
    """Return a run of vertical text as one that goes along its column, its pen beside its middle."""
    laid: list[float | list[Glyph]] = []
    for part in run:
        if isinstance(part, list):
            turned = []
            for glyph in part:
                x0, y0, x1, y1 = glyph.box
                box = -y1, x0 + _MIDDLE, -y0, x1 + _MIDDLE
                turned.append(replace(glyph, advance=-glyph.advance, box=box))
            laid.append(turned)
        else:
            laid.append(-part)
    turn = Affine(0.0, -1.0, 1.0, 0.0, -_MIDDLE, 0.0)
    return turn.then(place), laid, Spacing(spacing.size, -spacing.char, -spacing.word)


def _scaled(state: State) -> Affine:
    """Return the map from em to text space."""
    return Affine(state.size * state.stretch, 0.0, 0.0, state.size, 0.0, state.rise)
