"""The state of one pass over a content stream, and what it writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pikepdf

from ...geometry import Affine, BBox
from .pdf_area import Area
from .pdf_fonts import Font
from .pdf_gather import gathered
from .pdf_in_place import BLACK, Fill
from .pdf_objects import dictionary, named, parts
from .pdf_paths import PathBuffer
from .pdf_stream import Drawn, Shown, Spaced, Step, Wiped, written

if TYPE_CHECKING:
    from .pdf_content import Eraser

_IDENTITY = Affine()
_SECRET_PROPERTIES = ("/ActualText", "/Alt", "/E")


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
    # Names of the graphics states that this stream set.
    set_by_name: tuple[str, ...] = ()
    # Shown in many places at once, as a tile is: nothing here can be set elsewhere.
    loose: bool = False


@dataclass
class Removed:
    """What a page lost."""

    glyphs: int = 0
    paths: int = 0
    images: int = 0
    mcids: set[int] = field(default_factory=set)


class Walk:
    """One pass over one content stream; subclasses read it."""

    def __init__(
        self, eraser: Eraser, resources: Any, state: State, areas: Sequence[Area], depth: int
    ) -> None:
        self.eraser, self.resources, self.areas, self.depth = eraser, resources, areas, depth
        # Those that take letters, drawings, and pictures too.
        self._lettered = [area for area in areas if not area.only_paths]
        self._drawn = [area for area in areas if not area.only_text]
        self._whole = [area for area in self._drawn if not area.only_paths]
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

    def content(self) -> bytes:
        """Return the rewritten stream."""
        if self.eraser.lines.moves:
            kept = written(gathered(self._out), self._base, self._canonical)
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


def _plain(items: Sequence[Any]) -> Iterator[Any]:
    """Yield the instructions of a stream in which nothing was moved."""
    for item in items:
        if isinstance(item, Shown):
            yield from item.raw
        elif isinstance(item, Step | Spaced):
            yield item.raw
        elif item is not None and not isinstance(item, Wiped | Drawn):
            yield item
