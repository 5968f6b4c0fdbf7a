"""Rewrite content streams so that what they show under given areas is no longer in them.

One walker interprets pages, Form XObjects, tiling patterns, soft masks and annotation appearances with
a graphics state (ISO 32000-2, 8 and 9) and writes the same instructions back, less the glyphs, path
parts and image pixels under the areas. Objects shared with other places are copied before they change.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pikepdf

from ...errors import BrokenError
from ...geometry import Affine, BBox, Polygon
from .pdf_area import Area, box_corners
from .pdf_fonts import Font, Glyph, load_font
from .pdf_glyphs import Cut, Spacing, near, sift
from .pdf_in_place import BLACK, Fill, InPlace, Spot, told_fill, woven
from .pdf_lines import LinePlan, Run, Scene
from .pdf_objects import dictionary, floats, inline_stream, matrix_of, named, parts, tiles
from .pdf_paths import CLIP, CONSTRUCT, PAINT, PathBuffer
from .pdf_stream import Drawn, Shown, Spaced, Step, Wiped, moved_path, written

_IDENTITY = Affine()
_MAX_DEPTH = 24
# Operators that set the pen anew: a gap left before them moves nothing.
_PLACES = frozenset({"Td", "TD", "Tm", "T*", "ET"})
_CLIPPING = 4  # text render modes from here on add to the clip path
_SECRET_PROPERTIES = ("/ActualText", "/Alt", "/E")

ImageEditor = Callable[[Any, Affine, Sequence[Area]], Any]


@dataclass
class State:
    """The part of the graphics state that decides where things land."""

    ctm: Affine
    font: Font | None = None
    size: float = 0.0
    char_space: float = 0.0
    word_space: float = 0.0
    stretch: float = 1.0
    leading: float = 0.0
    rise: float = 0.0
    mode: float = 0.0
    clip: BBox | None = None
    # What set the font and the colour, where this stream did: to set them again.
    tf: Any = None
    fill: Fill = BLACK
    # Shown in many places at once, as a tile is: nothing here can be set elsewhere.
    loose: bool = False


@dataclass
class Removed:
    """What a page lost."""

    glyphs: int = 0
    paths: int = 0
    images: int = 0
    mcids: set[int] = field(default_factory=set)


class Eraser:
    """Rewrites content streams of one PDF.

    Args:
        pdf: the document; new streams are made in it.
        edit_image: called as (image, matrix from the unit square to the displayed page, areas);
            returns the image to show instead, the same one to change nothing, or None to drop it.
    """

    def __init__(self, pdf: pikepdf.Pdf, edit_image: ImageEditor) -> None:
        self.pdf = pdf
        self.edit_image = edit_image
        self.replaced: set[tuple[int, int]] = set()
        # Content streams of pages that were written anew.
        self.contents: list[Any] = []
        # While a page is surveyed: what stands on it. While it is rewritten: where its lines go.
        self.scene: Scene | None = None
        self.lines = LinePlan()
        # Says what stands where an edit's text stood.
        self.in_place: InPlace | None = None
        self._shown = 0
        self._fonts: dict[tuple[int, int], Font] = {}

    def survey(self, page: pikepdf.Page, matrix: Affine, areas: Sequence[Area]) -> Scene:
        """Return what stands on a page, without altering anything."""
        self.scene, self._shown = Scene(), 0
        try:
            state = State(matrix)
            _Walk(self, dictionary(page.get("/Resources")), state, areas, 0).run(page)
            return self.scene
        finally:
            self.scene = None

    def page(
        self,
        page: pikepdf.Page,
        matrix: Affine,
        areas: Sequence[Area],
        lines: LinePlan | None = None,
        in_place: InPlace | None = None,
    ) -> Removed:
        """Rewrite a page's own content (not its annotations) and return what went.

        Args:
            page: the page.
            matrix: from its user space to the page as displayed.
            areas: what to clear.
            lines: how the lines that lose text are set anew; None to leave all where it stands.
            in_place: gives new text for the place where the text of an edit's area stood.
        """
        try:
            self.lines, self._shown, self.in_place = lines or LinePlan(), 0, in_place
            return self._page(page, matrix, areas)
        finally:
            self.lines, self.in_place = LinePlan(), None

    def _page(self, page: pikepdf.Page, matrix: Affine, areas: Sequence[Area]) -> Removed:
        resources = dictionary(page.get("/Resources"))
        walk = _Walk(self, resources, State(matrix), areas, 0)
        if walk.run(page):
            old = page.obj.get("/Contents")
            self.contents += list(old) if isinstance(old, pikepdf.Array) else [old]
            page.obj["/Contents"] = self.pdf.make_stream(walk.content())
            page.obj["/Resources"] = walk.pruned_resources()
        return walk.removed

    def form(
        self, form: Any, state: State, areas: Sequence[Area], inherited: Any, depth: int = 0
    ) -> tuple[Any, Removed]:
        """Return a form's rewritten copy, or the form itself when nothing in it goes."""
        if depth > _MAX_DEPTH:
            raise BrokenError(
                "cannot redact the page", why="its forms are nested too deep, or in a circle"
            )
        inner = replace(state, ctm=matrix_of(form.get("/Matrix")).then(state.ctm))
        inner.tf, inner.fill = None, state.fill.inherited()
        inner.clip = _narrowed(state.clip, form.get("/BBox"), inner.ctm)
        resources = form.get("/Resources")
        resources = dictionary(inherited if resources is None else resources)
        walk = _Walk(self, resources, inner, areas, depth)
        if not walk.run(form):
            return form, walk.removed
        return self._copy(form, walk), walk.removed

    def pattern(
        self, pattern: Any, base: Affine, areas: Sequence[Area], depth: int
    ) -> tuple[Any, Removed]:
        """Return a tiling pattern's rewritten copy; what goes from one tile goes from all."""
        removed = Removed()
        current = pattern
        place = matrix_of(pattern.get("/Matrix")).then(base)
        for tile in tiles(pattern, place, areas):
            state = State(tile, loose=True)
            walk = _Walk(self, dictionary(current.get("/Resources")), state, areas, depth)
            if walk.run(current):
                current = self._copy(current, walk)
                removed.glyphs += walk.removed.glyphs
                removed.paths += walk.removed.paths
                removed.images += walk.removed.images
        return current, removed

    def next_run(self) -> int:
        """Return the number of the next operator that shows text, in order of drawing."""
        self._shown += 1
        return self._shown

    def font(self, font: Any) -> Font:
        """Return the measuring font of a font dictionary, made once."""
        key = font.objgen if isinstance(font, pikepdf.Object) and font.is_indirect else (0, 0)
        if key == (0, 0):
            return load_font(font)
        if key not in self._fonts:
            self._fonts[key] = load_font(font)
        return self._fonts[key]

    def note_replaced(self, original: Any) -> None:
        """Remember an object whose content was removed somewhere, so that no other path leads to it."""
        if original.is_indirect:
            self.replaced.add(original.objgen)

    def _copy(self, form: Any, walk: _Walk) -> Any:
        copy = self.pdf.make_stream(walk.content())
        for key, value in form.items():
            if key not in _STREAM_KEYS:
                copy[key] = value
        copy["/Resources"] = walk.pruned_resources()
        self.note_replaced(form)
        return copy


# Keys of the old stream that do not fit the new one, or could hold what was removed.
_STREAM_KEYS = frozenset(
    {"/Length", "/Filter", "/DecodeParms", "/DL", "/F", "/FFilter", "/FDecodeParms"}
    | {"/Metadata", "/PieceInfo", "/LastModified", "/Resources", "/OPI", "/Ref"}
)


class _Walk:
    """One pass over one content stream."""

    def __init__(
        self, eraser: Eraser, resources: Any, state: State, areas: Sequence[Area], depth: int
    ) -> None:
        self.eraser, self.resources, self.areas, self.depth = eraser, resources, areas, depth
        # Those that take more than text.
        self._whole = [area for area in areas if not area.only_text]
        self.removed = Removed()
        self._base = state.ctm
        self._state = state
        self._stack: list[State] = []
        self._matrix = self._line = _IDENTITY
        self._out: list[Any] = []
        self._path = PathBuffer()
        self._changed = False
        self._gap: Shown | None = None
        self._text = 0
        self._canonical: set[int] = set()
        # For each text shown in this text object as a clip path: whether glyphs of it are left.
        self._clips: list[bool] = []
        # Open marked content: index in _out of its BDC, or -1.
        self._marks: list[int] = []
        self._added: dict[str, dict[str, Any]] = {}
        self._dropped: dict[str, set[str]] = {}
        self._swaps: dict[tuple[str, str, Affine], str | None] = {}

    def run(self, stream: Any) -> bool:
        """Read the stream; return whether anything goes."""
        try:
            instructions = pikepdf.parse_content_stream(stream)
        except pikepdf.PdfError as error:
            raise BrokenError(
                "cannot redact the page",
                why="its content stream cannot be parsed",
                hint="Open the file in a viewer, save it again and retry.",
            ) from error
        for instruction in instructions:
            if isinstance(instruction, pikepdf.ContentStreamInlineImage):
                self._inline_image(instruction)
                continue
            operator = str(instruction.operator)
            operands = list(instruction.operands)
            if operator in CONSTRUCT or operator in CLIP:
                self._path.add(operator, operands, instruction)
            elif operator in PAINT:
                self._paint(operator, instruction)
            else:
                handler = _HANDLERS.get(operator)
                if handler is None:
                    self._emit(instruction)
                else:
                    try:
                        handler(self, operator, operands, instruction)
                    except (TypeError, ValueError, IndexError, KeyError):
                        # Malformed operands: viewers skip the operator, so it shows nothing.
                        self._emit(instruction)
        self._out += self._path.instructions
        self._close_gap()
        return self._changed

    def content(self) -> bytes:
        """Return the rewritten stream."""
        if self.eraser.lines.moves:
            kept = written(self._out, self._base, self._canonical)
        else:
            kept = list(_plain(self._out))
        return pikepdf.unparse_content_stream(kept) + b"\n"

    def pruned_resources(self) -> Any:
        """Return resources for the rewritten stream: new names added, replaced ones left out."""
        result = pikepdf.Dictionary(dict(self.resources.items()))
        used: set[tuple[str, str]] = set()
        for item in self._out:
            if isinstance(item, tuple | pikepdf.ContentStreamInstruction):
                used.update(named(item))
        for category in {*self._added, *self._dropped}:
            entries = dict(dictionary(self.resources.get(category)).items())
            for name in self._dropped.get(category, ()):
                if (category, name) not in used and ("", name) not in used:
                    entries.pop(name, None)
            entries.update(self._added.get(category, {}))
            result[category] = pikepdf.Dictionary(entries)
        return result

    # -- bookkeeping

    def _emit(self, instruction: Any) -> None:
        if self._path:
            self._path.add("", (), instruction)
        else:
            self._out.append(instruction)

    def _note(self) -> None:
        """Something went: the alternative texts of the marked content around it may repeat it."""
        self._changed = True
        for position, index in enumerate(self._marks):
            if index < 0:
                continue
            operands, operator = parts(self._out[index])
            properties = operands[1] if len(operands) > 1 else None
            if isinstance(properties, pikepdf.Name):
                table = dictionary(self.resources.get("/Properties"))
                properties = table.get(str(properties))
            if not isinstance(properties, pikepdf.Dictionary):
                continue
            mcid = properties.get("/MCID")
            if isinstance(mcid, int):
                self.removed.mcids.add(mcid)
            if any(key in properties for key in _SECRET_PROPERTIES):
                clean = {k: v for k, v in properties.items() if k not in _SECRET_PROPERTIES}
                if isinstance(operands[1], pikepdf.Name):
                    self._dropped.setdefault("/Properties", set()).add(str(operands[1]))
                self._out[index] = ([operands[0], pikepdf.Dictionary(clean)], operator)
            self._marks[position] = index

    def _belongs(self) -> tuple[Any, tuple[str, int] | None]:
        """Return the layer and the marked content of the page that what is shown now belongs to."""
        layer, mark = None, None
        table = dictionary(self.resources.get("/Properties"))
        for index in self._marks:
            if index < 0:
                continue
            operands, _ = parts(self._out[index])
            properties = operands[1] if len(operands) > 1 else None
            if isinstance(properties, pikepdf.Name):
                properties = table.get(str(properties))
            if not isinstance(properties, pikepdf.Dictionary):
                continue
            if str(operands[0]) == "/OC" and properties.is_indirect:
                layer = properties
            number = properties.get("/MCID")
            if isinstance(number, int) and self.depth == 0:
                mark = str(operands[0]), number
        return layer, mark

    def _swap(self, category: str, name: str, new: Any) -> str:
        fresh = f"{name}_r{len(self._added.get(category, ()))}"
        taken = dictionary(self.resources.get(category))
        while fresh in taken:
            fresh += "x"
        self._added.setdefault(category, {})[fresh] = new
        self._dropped.setdefault(category, set()).add(name)
        return fresh

    def _take(self, removed: Removed) -> None:
        self.removed.glyphs += removed.glyphs
        self.removed.paths += removed.paths
        self.removed.images += removed.images

    # -- graphics state

    def _save(self, operator: str, operands: Sequence[Any], instruction: Any) -> None:
        self._stack.append(replace(self._state))
        self._emit(instruction)

    def _restore(self, operator: str, operands: Sequence[Any], instruction: Any) -> None:
        if self._stack:
            self._state = self._stack.pop()
        self._emit(instruction)

    def _concatenate(self, operator: str, operands: Sequence[Any], instruction: Any) -> None:
        self._state.ctm = Affine(*floats(operands, 6)).then(self._state.ctm)
        self._emit(instruction)

    def _external_state(self, operator: str, operands: Sequence[Any], instruction: Any) -> None:
        name = str(operands[0])
        settings = dictionary(dictionary(self.resources.get("/ExtGState")).get(name))
        font = settings.get("/Font")
        if isinstance(font, pikepdf.Array) and len(font) == 2:
            self._state.font, self._state.size = self.eraser.font(font[0]), float(font[1])
            self._state.tf = None
        mask = settings.get("/SMask")
        group = mask.get("/G") if isinstance(mask, pikepdf.Dictionary) else None
        if isinstance(group, pikepdf.Stream):
            new, removed = self.eraser.form(
                group, replace(self._state), self.areas, self.resources, self.depth + 1
            )
            if new is not group:
                self._take(removed)
                self._note()
                fresh_mask = pikepdf.Dictionary({**dict(mask.items()), "/G": new})
                fresh = pikepdf.Dictionary({**dict(settings.items()), "/SMask": fresh_mask})
                if settings.is_indirect:
                    self.eraser.note_replaced(settings)
                name = self._swap("/ExtGState", name, self.eraser.pdf.make_indirect(fresh))
                instruction = ([pikepdf.Name(name)], pikepdf.Operator("gs"))
        self._emit(instruction)

    def _colour(self, operator: str, operands: Sequence[Any], instruction: Any) -> None:
        last = operands[-1] if len(operands) else None
        if isinstance(last, pikepdf.Name):
            pattern = dictionary(self.resources.get("/Pattern")).get(str(last))
            if isinstance(pattern, pikepdf.Stream) and pattern.get("/PatternType") == 1:
                key = ("/Pattern", str(last), self._base)
                if key not in self._swaps:
                    new, removed = self.eraser.pattern(
                        pattern, self._base, self.areas, self.depth + 1
                    )
                    if new is not pattern:
                        self._take(removed)
                        self._swaps[key] = self._swap("/Pattern", str(last), new)
                    else:
                        self._swaps[key] = None
                fresh = self._swaps[key]
                if fresh is not None:
                    self._note()
                    instruction = (
                        [*list(operands)[:-1], pikepdf.Name(fresh)],
                        pikepdf.Operator(operator),
                    )
        self._state.fill = told_fill(self._state.fill, operator, operands, instruction)
        self._emit(instruction)

    # -- marked content

    def _begin_mark(self, operator: str, operands: Sequence[Any], instruction: Any) -> None:
        self._emit(instruction)
        self._marks.append(-1 if self._path or operator == "BMC" else len(self._out) - 1)

    def _end_mark(self, operator: str, operands: Sequence[Any], instruction: Any) -> None:
        if self._marks:
            self._marks.pop()
        self._emit(instruction)

    # -- paths

    def _paint(self, operator: str, instruction: Any) -> None:
        path, state, scene = self._path, self._state, self.eraser.scene
        self._path = PathBuffer()
        spots = [state.ctm.apply(spot) for sub in path.subpaths for spot in sub.spots()]
        if path.clips and spots:
            state.clip = _common(state.clip, Polygon(spots).bbox)
        if scene is not None:
            if spots and operator != "n" and not self._state.loose:
                scene.paths.append(Polygon(spots).bbox)
            self._out += [*path.instructions, instruction]
            return
        instructions, cut = path.paint(operator, instruction, state.ctm, self._whole)
        if self.eraser.lines.moves and not self._state.loose:
            moved = moved_path(instructions, state.ctm, self.eraser.lines.moves)
            if moved is not None:
                instructions, self._changed = moved, True
        self._out += instructions
        if cut:
            self._out.append(Wiped())
            self.removed.paths += 1
            self._note()

    # -- images and forms

    def _do(self, operator: str, operands: Sequence[Any], instruction: Any) -> None:
        name = str(operands[0])
        item = dictionary(self.resources.get("/XObject")).get(name)
        if not isinstance(item, pikepdf.Stream):
            self._emit(instruction)
        elif item.get("/Subtype") == "/Image":
            self._image(name, item, instruction)
        elif item.get("/Subtype") == "/Form":
            new, removed = self.eraser.form(
                item, replace(self._state), self.areas, self.resources, self.depth + 1
            )
            if new is item:
                self._emit(instruction)
                return
            self._take(removed)
            self._note()
            fresh = self._swap("/XObject", name, new)
            self._emit(([pikepdf.Name(fresh)], pikepdf.Operator("Do")))
        else:
            self._emit(instruction)

    def _image(self, name: str, image: Any, instruction: Any) -> None:
        key = ("/XObject", name, self._state.ctm)
        if key not in self._swaps:
            new = self._edited(image)
            if new is image:
                self._emit(instruction)
                return
            if image.is_indirect:
                self.eraser.note_replaced(image)
            if new is None:
                self._dropped.setdefault("/XObject", set()).add(name)
                self._swaps[key] = None
            else:
                self._swaps[key] = self._swap("/XObject", name, new)
        self.removed.images += 1
        self._note()
        fresh = self._swaps[key]
        if fresh is not None:
            self._emit(([pikepdf.Name(fresh)], pikepdf.Operator("Do")))
        else:
            self._out.append(Wiped())

    def _inline_image(self, instruction: Any) -> None:
        ctm = self._state.ctm
        if not any(area.meets(box_corners((0, 0, 1, 1), ctm)) for area in self._whole):
            self._emit(instruction)
            return
        image = inline_stream(
            self.eraser.pdf,
            instruction.iimage,
            dictionary(self.resources.get("/ColorSpace")),
        )
        new = self._edited(image)
        if new is image:
            self._emit(instruction)
            return
        self.removed.images += 1
        self._note()
        if new is not None:
            fresh = self._swap("/XObject", "/InPlace", new)
            self._emit(([pikepdf.Name(fresh)], pikepdf.Operator("Do")))

    def _edited(self, image: Any) -> Any:
        ctm = self._state.ctm
        corners = box_corners((0, 0, 1, 1), ctm)
        touching = [area for area in self._whole if area.meets(corners)]
        if self.eraser.scene is not None:
            found = {index for index, area in enumerate(self.areas) if area in touching}
            self.eraser.scene.pictured |= found
            if found and not self._state.loose:
                self.eraser.scene.pictures.append((image, ctm))
            return image
        for area in touching:
            area.hits += 1
        return self.eraser.edit_image(image, ctm, touching) if touching else image

    # -- text

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
        name, factor = _NUMBERS[operator]
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
        if key in self.eraser.lines.moved:
            count = self._set_anew(shown, key, run)
        else:
            shown.kept, count, cuts = self._filter(items, place, run, length)
            woven_in = self._weave(shown, cuts)
        self._advance(length)
        shows = any(isinstance(item, pikepdf.String) for item in shown.kept)
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
            self._out.append(shown)
            if not shown.moved:
                self._gap = shown
        if count:
            self._note()
        self._changed = True

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
        if font.vertical:
            return
        if state.mode >= _CLIPPING or self._path:
            fixed = "it is part of a clip path"
        spacing = Spacing(state.size, state.char_space, state.word_space)
        scene.runs.append(Run(key, place, run, spacing, state.clip, fixed))

    def _set_anew(self, shown: Shown, key: int, run: Sequence[float | list[Glyph]]) -> int:
        """Give a run of a line that is set anew its new place, and its glyphs theirs.

        Glyphs of another piece of the line, beyond a wide gap, keep their place. Returns how many went.
        """
        state, lines = self._state, self.eraser.lines
        move, places = lines.moved[key], lines.places.get(key, {})
        gone = lines.gone.get(key, set())
        shown.moved, shown.kept = True, []
        self._canonical.add(self._text)
        em = math.hypot(*_scaled(state).then(self._matrix).then(state.ctm)[:2])
        start, across = move.place((shown.place.e, shown.place.f))
        codes = bytearray()
        pen: float | None = None
        old, number = 0.0, 0
        for part in run:
            if not isinstance(part, list):
                old -= part / 1000
                continue
            for glyph in part:
                new = places.get(number, start + old * em)
                spacing = state.char_space + (state.word_space if glyph.spaced else 0.0)
                old += glyph.advance + spacing / state.size
                number += 1
                if number - 1 in gone:
                    continue
                if pen is None:
                    # The first glyph that stays: the pen starts there.
                    spot = move.point(new, across)
                    shown.place = Affine(*shown.place[:4], spot.x, spot.y)
                elif abs(jump := round((pen - new) / em * 1000, 1)) >= 0.1:
                    if codes:
                        shown.kept.append(pikepdf.String(bytes(codes)))
                        codes.clear()
                    shown.kept.append(jump)
                codes += glyph.code
                pen = new + glyph.advance * em
        if codes:
            shown.kept.append(pikepdf.String(bytes(codes)))
        return len(gone)

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
        areas = near(shown, place, along, self.areas, vertical=vertical)
        if not areas:
            return list(items), 0, []
        spacing = Spacing(state.size, state.char_space, state.word_space)
        fresh = [area for area in areas if area.edit and not area.hits]
        kept, count, cuts = sift(run, place, areas, spacing, vertical=vertical)
        for area in fresh:
            if area.hits:
                area.layer, area.mark = self._belongs()
        return kept, count, cuts


def _scaled(state: State) -> Affine:
    """Return the map from em to text space."""
    return Affine(state.size * state.stretch, 0.0, 0.0, state.size, 0.0, state.rise)


def _plain(items: Sequence[Any]) -> Iterator[Any]:
    """Yield the instructions of a stream in which nothing was moved."""
    for item in items:
        if isinstance(item, Shown):
            yield from item.raw
        elif isinstance(item, Step | Spaced):
            yield item.raw
        elif item is not None and not isinstance(item, Wiped | Drawn):
            yield item


def _common(clip: BBox | None, box: BBox) -> BBox:
    return box if clip is None else clip.intersection(box)


def _narrowed(clip: BBox | None, box: Any, ctm: Affine) -> BBox | None:
    """Return a clip narrowed by the box of a form."""
    try:
        x0, y0, x1, y1 = (float(v) for v in box)
    except (TypeError, ValueError):
        return clip
    return _common(clip, Polygon(box_corners((x0, y0, x1, y1), ctm)).bbox)


_NUMBERS = {
    "Tc": ("char_space", 1.0),
    "Tw": ("word_space", 1.0),
    "Tz": ("stretch", 0.01),
    "TL": ("leading", 1.0),
    "Ts": ("rise", 1.0),
    "Tr": ("mode", 1.0),
}
_HANDLERS: dict[str, Callable[[_Walk, str, Sequence[Any], Any], None]] = {
    "q": _Walk._save,
    "Q": _Walk._restore,
    "cm": _Walk._concatenate,
    "gs": _Walk._external_state,
    **dict.fromkeys(("g", "rg", "k", "cs", "sc", "scn", "SCN"), _Walk._colour),
    "Do": _Walk._do,
    "BT": _Walk._begin_text,
    "Tf": _Walk._set_font,
    "BMC": _Walk._begin_mark,
    "BDC": _Walk._begin_mark,
    "EMC": _Walk._end_mark,
    **dict.fromkeys(_NUMBERS, _Walk._set_number),
    **dict.fromkeys(_PLACES, _Walk._place),
    **dict.fromkeys(("Tj", "TJ", "'", '"'), _Walk._show),
}
