"""Rewrite content streams so that what they show under given areas is no longer in them.

One walker interprets pages, Form XObjects, tiling patterns, soft masks and annotation appearances with
a graphics state (ISO 32000-2, 8 and 9) and writes the same instructions back, less the glyphs, path
parts and image pixels under the areas. Objects shared with other places are copied before they change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pikepdf

from ...errors import BrokenError
from ...geometry import Affine, BBox, Polygon
from .pdf_area import Area, box_corners
from .pdf_fonts import Font, load_font
from .pdf_in_place import InPlace, told_fill
from .pdf_line_parts import LinePlan, Scene
from .pdf_objects import dictionary, floats, inline_stream, matrix_of, tiles
from .pdf_paths import CLIP, CONSTRUCT, PAINT, PathBuffer
from .pdf_stream import Wiped, moved_path
from .pdf_text import NUMBERS, TextWalk
from .pdf_walk import Removed, State

_MAX_DEPTH = 24
# Operators that set the pen anew: a gap left before them moves nothing.
_PLACES = frozenset({"Td", "TD", "Tm", "T*", "ET"})

ImageEditor = Callable[[Any, Affine, Sequence[Area]], Any]


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

    def appearance(
        self,
        form: Any,
        state: State,
        areas: Sequence[Area],
        plan: Callable[[Scene], LinePlan] | None,
    ) -> Any:
        """Return what an annotation shows, rewritten; the form itself when nothing in it goes.

        Args:
            form: that it shows.
            state: where it is shown.
            areas: what to clear.
            plan: says how lines of what stands in it are set anew; None to leave all where it stands.
        """
        if plan is not None:
            scene = self.scene = Scene()
            self._shown = 0
            try:
                self.form(form, state, areas, pikepdf.Dictionary())
            finally:
                self.scene = None
            self.lines = plan(scene)
        try:
            self._shown = 0
            return self.form(form, state, areas, pikepdf.Dictionary())[0]
        finally:
            self.lines = LinePlan()

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


class _Walk(TextWalk):
    """One pass over one content stream: reads all its operators."""

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
        self._state.set_by_name += (name,)
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
        instructions, cut = path.paint(operator, instruction, state.ctm, self._drawn)
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
        corners = box_corners((0, 0, 1, 1), ctm)
        if not any(area.meets(corners) for area in self._whole):
            if self.eraser.scene is not None:
                self.eraser.scene.solid.append(Polygon(corners).bbox)
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
            self.eraser.scene.solid.append(Polygon(corners).bbox)
            if found and not self._state.loose:
                self.eraser.scene.pictures.append((image, ctm))
            return image
        for area in touching:
            area.hits += 1
        return self.eraser.edit_image(image, ctm, touching) if touching else image


def _common(clip: BBox | None, box: BBox) -> BBox:
    return box if clip is None else clip.intersection(box)


def _narrowed(clip: BBox | None, box: Any, ctm: Affine) -> BBox | None:
    """Return a clip narrowed by the box of a form."""
    try:
        x0, y0, x1, y1 = (float(v) for v in box)
    except (TypeError, ValueError):
        return clip
    return _common(clip, Polygon(box_corners((x0, y0, x1, y1), ctm)).bbox)


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
    **dict.fromkeys(NUMBERS, _Walk._set_number),
    **dict.fromkeys(_PLACES, _Walk._place),
    **dict.fromkeys(("Tj", "TJ", "'", '"'), _Walk._show),
}
