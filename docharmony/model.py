"""The document model: frozen data that goes through worker processes, JSON and snapshots as it is.

No object here holds a file, a raster or a model. Coordinates as in :mod:`docharmony.geometry`: page as
displayed, origin top left, points for PDFs and pixels for images. The JSON form is in
:mod:`docharmony.schema`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal

from .geometry import BBox, Polygon

SCHEMA = 1

Origin = Literal["pdf", "ocr"]
Unit = Literal["pt", "px"]
Family = Literal["serif", "sans", "mono", "hand"]
Align = Literal["start", "center", "end", "justify", "fill"]


class BlockKind(StrEnum):
    """What a block is on the page."""

    PARAGRAPH = "paragraph"
    TITLE = "title"
    LIST_ITEM = "list_item"
    TABLE = "table"
    FIGURE = "figure"
    CAPTION = "caption"
    HEADER = "header"
    FOOTER = "footer"


class EditKind(StrEnum):
    """Remove text, or put other text in its place."""

    ERASE = "erase"
    REPLACE = "replace"


class EditStatus(StrEnum):
    """Life of an edit: proposed by a rule, decided by a person or by default, applied by a writer."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    APPLIED = "applied"


@dataclass(frozen=True, slots=True)
class Word:
    """A space-delimited unit of text with its place.

    Attributes:
        text: the word, never empty, without white space.
        bbox: axis-aligned box around it.
        confidence: 0.0-1.0; 1.0 for a text layer.
        origin: ``"pdf"`` (text layer) or ``"ocr"`` (read from pixels).
        quad: the four corners where the word is not axis-aligned, clockwise from its own top left.
        bounds: len(text) + 1 non-decreasing fractions 0.0-1.0 along the reading direction at which
            its characters begin and end; ``None`` where unknown.
    """

    text: str
    bbox: BBox
    confidence: float = 1.0
    origin: Origin = "pdf"
    quad: Polygon | None = None
    bounds: tuple[float, ...] | None = None

    @property
    def polygon(self) -> Polygon:
        """Corners, clockwise from the word's own top left."""
        return self.quad or self.bbox.polygon()


@dataclass(frozen=True, slots=True)
class Line:
    """A text line: words in reading order.

    Attributes:
        id: ``p<page>l<n>``, unique in the document.
        words: at least one.
        bbox: axis-aligned box around the line.
        quad: four corners where the line is not axis-aligned, clockwise from the text's top left.
        direction: reading direction in degrees, clockwise on the displayed page: 0 left to right,
            90 top to bottom.
        size: em height in page units, 0.0 when unknown.
        bold: whether most of its glyphs come from a bold face.
        visible: False for text that a person does not see (render mode 3, as under a scan).
        trusted: False for a line of the text layer whose glyphs are not the letters that it claims.
        vertical: whether letters stand upright in a line that runs down, as in Japanese columns.
    """

    id: str
    words: tuple[Word, ...]
    bbox: BBox
    quad: Polygon | None = None
    direction: float = 0.0
    size: float = 0.0
    bold: bool = False
    visible: bool = True
    trusted: bool = True
    vertical: bool = False

    @property
    def text(self) -> str:
        """The words, joined by single spaces."""
        return " ".join([word.text for word in self.words])

    @property
    def polygon(self) -> Polygon:
        """Corners, clockwise from the text's top left."""
        return self.quad or self.bbox.polygon()

    @property
    def confidence(self) -> float:
        """Mean confidence of the words, weighted by their length."""
        total = sum(len(word.text) for word in self.words)
        return sum(word.confidence * len(word.text) for word in self.words) / max(1, total)

    @property
    def origin(self) -> Origin:
        """Where the words come from; a line never mixes origins."""
        return self.words[0].origin


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table: 0-based row and column, spans of at least 1, and its text."""

    row: int
    column: int
    bbox: BBox
    text: str
    row_span: int = 1
    column_span: int = 1


@dataclass(frozen=True, slots=True)
class Block:
    """A part of the page. The order of ``Page.blocks`` is the reading order.

    Attributes:
        id: ``p<page>b<n>``.
        kind: see :class:`BlockKind`.
        bbox: axis-aligned box around it.
        lines: ids of its lines in reading order; empty for a figure without text.
        level: depth of a title (1 = document title) or of a list item; 0 otherwise.
        cells: the cells of a table, by row, then column.
    """

    id: str
    kind: BlockKind
    bbox: BBox
    lines: tuple[str, ...] = ()
    level: int = 0
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerSpan:
    """Characters ``start:end`` of the text of one line."""

    line: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with its place on the page.

    Attributes:
        question: as it was asked.
        text: ``None`` when the page does not say.
        confidence: 0.0-1.0, the probability that the answer is right; of no answer, that there is none.
        bbox: box around the answer, or around what it was computed from.
        evidence: ids of the lines that the answer stands on or follows from.
        reader: ``"rules"`` or the name of the checkpoint that answered.
        spans: the very characters of the answer, one span a line; empty for an answer that no page
            spells out (a count, a yes).
    """

    question: str
    text: str | None
    confidence: float
    bbox: BBox | None = None
    evidence: tuple[str, ...] = ()
    reader: str = "rules"
    spans: tuple[AnswerSpan, ...] = ()


@dataclass(frozen=True, slots=True)
class Inline:
    """Characters of a new text that are set otherwise than the rest of it, or hold a link.

    Attributes:
        start: first of them in ``Edit.replacement``.
        end: after the last one.
        text: what they are: where a person changed the replacement, they are found again by it.
        font: as in :class:`Setting`, as are family, bold, italic and color.
        family: class of the face.
        bold: weight.
        italic: slant.
        color: red, green, blue, 0-255.
        scale: their size as a share of the rest's.
        rise: how far they stand above the baseline of the rest, in its em.
        underline: how far a rule lies below their baseline, and how thick it is, in em of the rest;
            (0.0, 0.0) for none.
        links: boxes of the link annotations that held the old words.
    """

    start: int
    end: int
    text: str = field(default="", repr=False)
    font: str = ""
    family: Family = "sans"
    bold: bool = False
    italic: bool = False
    color: tuple[int, int, int] = (0, 0, 0)
    scale: float = 1.0
    rise: float = 0.0
    underline: tuple[float, float] = (0.0, 0.0)
    links: tuple[BBox, ...] = ()


@dataclass(frozen=True, slots=True)
class Setting:
    """How new text is set in place of old; lengths in page units, along the text's own axes.

    Attributes:
        size: em size; 0.0 takes the height of the area.
        font: the document's own font to set it in where that has the characters, as its BaseFont
            says without subset tag; ``""`` where there is none.
        family: class of the face otherwise.
        bold: weight.
        italic: slant.
        color: red, green, blue, 0-255.
        align: ``"fill"`` reaches both sides with every line, ``"justify"`` with all but the last.
        line_height: from baseline to baseline; 0.0 takes 1.2 sizes.
        baseline: how far the first baseline lies below the top of the area; 0.0 follows from the face.
        indent: extra space before the first line; negative for a hanging indent.
        language: BCP 47, ``""`` where unknown: some scripts are shaped by it.
        direction: ``"ltr"``, ``"rtl"``, ``"ttb"`` (columns from right to left), or ``""``: by the text.
        room: free space to grow into: left, above, right, below the area.
        origin: what the old text consists of: ``"pdf"`` glyphs, or ``"ocr"`` pixels of a picture.
        visible: False where the glyphs only repeat what a picture shows (the text layer of a scan).
        blur: standard deviation of the old letters' edges, in page units; pixels only.
        stretch: width of the letters as a share of the face's own; pixels only.
        inline: parts of the text that are set otherwise, in order, without overlaps.
        alike: whether it takes on the size of texts of its size that had to be set smaller.
        gradient: ``"x"``: letters change their colour along the line, from ``color`` at the left of the
            area to ``color_end`` at its right; ``"y"``: from its top to its bottom; pixels only.
        color_end: see gradient.
        outline: how far an outline reaches beyond the letters, 0.0 for none; pixels only.
        outline_color: its colour.
        shadow: how far a shadow lies to the right and below, (0.0, 0.0) for none; pixels only.
        shadow_color: its colour.
        shadow_blur: standard deviation of its edges.
        underline: of what is not inline; see :class:`Inline`.
        rules: boxes of the drawn rules under the old text, which go with it.
    """

    size: float = 0.0
    font: str = ""
    family: Family = "sans"
    bold: bool = False
    italic: bool = False
    color: tuple[int, int, int] = (0, 0, 0)
    align: Align = "start"
    line_height: float = 0.0
    baseline: float = 0.0
    indent: float = 0.0
    language: str = ""
    direction: str = ""
    room: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    origin: Origin = "pdf"
    visible: bool = True
    blur: float = 0.0
    stretch: float = 1.0
    inline: tuple[Inline, ...] = ()
    alike: bool = False
    gradient: Literal["", "x", "y"] = ""
    color_end: tuple[int, int, int] = (0, 0, 0)
    outline: float = 0.0
    outline_color: tuple[int, int, int] = (0, 0, 0)
    shadow: tuple[float, float] = (0.0, 0.0)
    shadow_color: tuple[int, int, int] = (0, 0, 0)
    shadow_blur: float = 0.0
    underline: tuple[float, float] = (0.0, 0.0)
    rules: tuple[BBox, ...] = ()

    @property
    def inks(self) -> tuple[tuple[int, int, int], ...]:
        """The colours that pixels of the old letters have."""
        ends = (self.color, self.color_end)
        mixed = [tuple((3 - n) * a + n * b for a, b in zip(*ends, strict=True)) for n in range(4)]
        colours = [(r // 3, g // 3, b // 3) for r, g, b in mixed] if self.gradient else [self.color]
        colours += [self.outline_color] if self.outline else []
        colours += [self.shadow_color] if any(self.shadow) else []
        return tuple(colours)


@dataclass(frozen=True, slots=True)
class Edit:
    """A change proposed for a page; nothing is altered before a writer applies it.

    ``original`` can be the secret itself: it is left out of ``repr`` and of reports.

    Attributes:
        id: ``p<page>e<n>``.
        kind: erase or replace.
        polygon: the area, clockwise from the text's top left; new text is set into it.
        rule: name of the rule that asked, e.g. ``"term"``, ``"pii:iban"``, ``"region"``.
        reason: one phrase for a person, free of document text.
        status: only APPROVED edits are applied.
        confidence: 0.0-1.0, how sure the rule is.
        term: for rules ``term`` and ``map``, the 1-based index of the entry given; 0 otherwise.
        replacement: new text; a line end in it begins a paragraph.
        areas: for replacing, the places of the old text where they are not the polygon itself: one
            for each line. For pictures, the places in their pixels.
        picture: what the file calls the picture that is cleared, wherever it is shown, because no page
            shows it as it is; "" where the page is.
        setting: for replacing, how the new text is set.
    """

    id: str
    kind: EditKind
    polygon: Polygon
    rule: str
    reason: str
    original: str = field(default="", repr=False)
    replacement: str = ""
    status: EditStatus = EditStatus.APPROVED
    confidence: float = 1.0
    term: int = 0
    areas: tuple[Polygon, ...] = ()
    setting: Setting | None = None
    picture: str = ""

    @property
    def bbox(self) -> BBox:
        """Axis-aligned box around the area."""
        return self.polygon.bbox

    @property
    def erased(self) -> tuple[Polygon, ...]:
        """The places where the old text stands."""
        return self.areas or (self.polygon,)


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        number: 1-based.
        width: as displayed, in ``unit``.
        height: as displayed, in ``unit``.
        unit: ``"pt"`` or ``"px"``.
        rotation: the file's own rotation (PDF /Rotate, EXIF), 0, 90, 180 or 270; already applied.
        dpi: resolution for rasters of this page; the file's own for images where it says.
        route: name of the route taken, ``""`` before routing.
        lines: all text lines.
        blocks: blocks in reading order.
        images: boxes of pictures placed on the page.
        drawn: boxes in which letters may be drawn as paths or in small pictures; sought where a page
            is to be redacted.
        has: what stages have provided so far, e.g. ``{"lines", "blocks"}``.
    """

    number: int
    width: float
    height: float
    unit: Unit = "pt"
    rotation: int = 0
    dpi: int = 200
    route: str = ""
    lines: tuple[Line, ...] = ()
    blocks: tuple[Block, ...] = ()
    images: tuple[BBox, ...] = ()
    answers: tuple[Answer, ...] = ()
    edits: tuple[Edit, ...] = ()
    has: frozenset[str] = frozenset()
    drawn: tuple[BBox, ...] = ()

    @property
    def bbox(self) -> BBox:
        """The whole page."""
        return BBox(0.0, 0.0, self.width, self.height)

    def provide(self, *names: str, **changes: Any) -> Page:
        """Return a copy with the fields changed and the names added to ``has``."""
        return replace(self, has=self.has | set(names), **changes)

    def lines_of(self, block: Block) -> tuple[Line, ...]:
        """Return the block's lines in reading order."""
        by_id = {line.id: line for line in self.lines}
        return tuple(by_id[name] for name in block.lines)

    @property
    def text(self) -> str:
        """Text in reading order: lines of a block on lines of their own, a blank line between blocks."""
        if not self.blocks:
            return "\n".join(line.text for line in self.lines)
        by_id = {line.id: line.text for line in self.lines}
        return "\n\n".join("\n".join(by_id[n] for n in b.lines) for b in self.blocks if b.lines)


@dataclass(frozen=True, slots=True)
class PageFailure:
    """A page that a stage could not finish. ``error`` is one line, free of document text."""

    page: int
    stage: str
    error: str


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What is known of an input without parsing its pages."""

    name: str
    sha256: str
    media_type: str
    page_count: int


@dataclass(frozen=True, slots=True)
class Document:
    """All that was found in one input. Failed pages are in ``failures``, never silently absent."""

    source: SourceInfo
    pages: tuple[Page, ...]
    failures: tuple[PageFailure, ...] = ()
    schema: int = SCHEMA

    def to_json(self) -> dict[str, Any]:
        """Return the document as plain data, schema 1 (see the README)."""
        from .schema import document_to_json

        return document_to_json(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Document:
        """Rebuild a document from :meth:`to_json`; raise ValueError for another schema."""
        from .schema import document_from_json

        return document_from_json(data)
