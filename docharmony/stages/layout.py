"""LayoutStage: blocks in reading order, from the text layer or from OCR lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..geometry import BBox
from ..layout import columns, figures, kinds, pieces, ruled, tables
from ..layout.frame import Frame, quarter
from ..layout.kinds import Draft
from ..layout.pieces import Piece
from ..layout.ruled import Strokes
from ..layout.tables import Table
from ..model import Block, BlockKind, Cell, Line, Page
from ..stage import Context, Graphics, Stage


@dataclass(frozen=True, slots=True)
class LayoutConfig:
    """Options under ``[stages.layout]``."""

    tables: bool = True
    """Look for tables; without, their text comes as columns or paragraphs."""

    figures: bool = True
    """Make blocks of pictures and drawings."""

    strokes: bool = True
    """On scans, look for the ruling lines of tables in the pixels."""


class LayoutStage(Stage):
    """Adds ``Page.blocks`` and puts ``Page.lines`` in reading order.

    Every line ends up in exactly one block. Lines that run over a column or table border are split
    there and parts of one row are joined, so lines are numbered anew: ``p<page>l<n>`` in reading
    order. Words are kept as they are. Boxes are in page units as everywhere; ``cells`` of a table
    hold their lines separated by newlines.
    """

    name: ClassVar[str] = "layout"
    Config: ClassVar[type[LayoutConfig]] = LayoutConfig
    requires: ClassVar[frozenset[str]] = frozenset({"lines"})
    provides: ClassVar[frozenset[str]] = frozenset({"blocks"})

    def process(self, page: Page, ctx: Context) -> Page:
        """Return the page with its blocks."""
        config: LayoutConfig = self.config
        graphics = ctx.graphics(page)
        if config.strokes and config.tables and _is_scan(page):
            from ..layout.scan import strokes_of

            graphics = strokes_of(page, ctx.raster(page))
        return lay_out(page, graphics, config)


def _is_scan(page: Page) -> bool:
    read = sum([line.origin == "ocr" for line in page.lines])
    return read > 0 and 2 * read >= len(page.lines)


def lay_out(page: Page, graphics: Graphics, config: LayoutConfig | None = None) -> Page:
    """Return the page with blocks in reading order and lines in the same order.

    Args:
        page: a page with lines.
        graphics: its drawn rules and boxes, in page units.
        config: options; ``None`` takes the defaults.
    """
    config = config or LayoutConfig()
    frame = Frame.of(page)
    main = [line for line in page.lines if quarter(line) == frame.direction]
    aside = [line for line in page.lines if quarter(line) != frame.direction]
    parts = tables.apart(pieces.absorb(pieces.cut(main, frame)))
    body = kinds.body_size(parts)
    strokes, lines, boxes = _drawn(graphics, frame, body)
    parts = pieces.parted(parts, strokes.down)
    found: list[Table] = []
    if config.tables and (strokes.across or strokes.down):
        found, taken = ruled.find(strokes, parts)
        parts = [p for p in parts if id(p) not in taken]
    pictures: list[figures.Figure] = []
    if config.figures:
        drawn = [*boxes, *lines]
        images = [frame.box(box) for box in page.images]
        pictures = figures.find(images, drawn, parts, found, frame.sheet, body)
        inside = {id(p) for figure in pictures for p in figure.pieces}
        parts = [p for p in parts if id(p) not in inside]
    parts = pieces.join(parts, body, strokes.down)
    nodes: list[Table | figures.Figure] = [*found, *pictures]
    long_rules = [y for y, x0, x1 in strokes.across if x1 - x0 > 0.25 * frame.sheet.width]
    wide_rules = [y for y, x0, x1 in strokes.across if x1 - x0 > 0.5 * frame.sheet.width]
    header, footer = kinds.edges(parts, nodes, wide_rules, frame.sheet.height, body)
    edge = {id(p) for p in header} | {id(p) for p in footer}
    drafts: list[Draft] = []
    middle: list[columns.Node] = [p for p in parts if id(p) not in edge]
    middle += nodes
    starts: list[int] = []
    for number, column in enumerate(columns.order(middle, long_rules)):
        starts.append(len(drafts))
        own = kinds.paragraphs(column.nodes, strokes.across, body, number)
        if column.beside:
            _put_beside(drafts, starts[number - column.beside], own)
        else:
            drafts += own
    kinds.openings(drafts, body)
    kinds.captions(drafts, body)
    drafts = [
        *_edge_drafts(header, BlockKind.HEADER),
        *drafts,
        *_edge_drafts(footer, BlockKind.FOOTER),
    ]
    blocks = [(draft, frame) for draft in drafts]
    blocks = _with_aside(blocks, aside, page)
    return _numbered(page, blocks)


def _drawn(graphics: Graphics, frame: Frame, em: float) -> tuple[Strokes, list[BBox], list[BBox]]:
    """Return strokes (the sides of boxes, too), boxes of the rules, and boxes, all in the frame."""
    strokes = Strokes([], [])
    lines = []
    for rule in graphics.rules:
        a, b = frame.to.apply(rule.start), frame.to.apply(rule.end)
        lines.append(BBox(min(a.x, b.x), min(a.y, b.y), max(a.x, b.x), max(a.y, b.y)))
        if abs(a.x - b.x) >= abs(a.y - b.y):
            strokes.across.append(((a.y + b.y) / 2, min(a.x, b.x), max(a.x, b.x)))
        else:
            strokes.down.append(((a.x + b.x) / 2, min(a.y, b.y), max(a.y, b.y)))
    boxes = [frame.box(box) for box in graphics.boxes]
    if len(boxes) <= ruled.MAX_STROKES:
        for box in boxes:
            if box.width > 2 * em and box.height > em:
                strokes.across += [(box.y0, box.x0, box.x1), (box.y1, box.x0, box.x1)]
                strokes.down += [(box.x0, box.y0, box.y1), (box.x1, box.y0, box.y1)]
    return strokes, lines, boxes


def _put_beside(drafts: list[Draft], start: int, notes: Sequence[Draft]) -> None:
    """Put notes in the margin before what they stand beside, among the drafts from ``start``."""
    for note in notes:
        at = start
        while at < len(drafts) and drafts[at].box.y1 <= note.box.cy:
            at += 1
        drafts.insert(at, note)


def _edge_drafts(parts: Sequence[Piece], kind: BlockKind) -> list[Draft]:
    if not parts:
        return []
    return [Draft(kind, tables.rows_of(parts), columns.region(parts))]


def _with_aside(
    blocks: list[tuple[Draft, Frame]], aside: Sequence[Line], page: Page
) -> list[tuple[Draft, Frame]]:
    """Put text of other directions in: into the table or figure around it, else after the rest."""
    for direction in sorted({quarter(line) for line in aside}):
        frame = Frame.turned(page, direction)
        parts = pieces.cut([x for x in aside if quarter(x) == direction], frame)
        rest = []
        for part in parts:
            home = _home(part, blocks)
            if home is None:
                rest.append(part)
            else:
                home.rows.append([part])
        body = kinds.body_size(rest)
        rest = pieces.join(rest, body)
        for number, column in enumerate(columns.order(rest)):
            for draft in kinds.paragraphs(column.nodes, (), body, number):
                if draft.kind is BlockKind.TITLE:
                    draft.kind, draft.level = BlockKind.PARAGRAPH, 0
                blocks.append((draft, frame))
    return blocks


def _home(part: Piece, blocks: Sequence[tuple[Draft, Frame]]) -> Draft | None:
    middle = BBox.around([item.word.bbox for item in part.items]).center
    for draft, frame in blocks:
        if draft.node is None:
            continue
        if frame.page_box(draft.box.bbox).grow(1).contains(middle):
            if isinstance(draft.node, Table):
                point = frame.to.apply(middle)
                for cell in draft.node.cells:
                    if cell.box.bbox.contains(point):
                        cell.pieces.append(part)
                        break
            return draft
    return None


def _numbered(page: Page, drafts: Sequence[tuple[Draft, Frame]]) -> Page:
    """Return the page with blocks and lines numbered in reading order."""
    lines: list[Line] = []
    blocks: list[Block] = []
    for draft, frame in drafts:
        first = len(lines)
        for row in draft.rows:
            for piece in row:
                lines.append(pieces.to_line(piece, f"p{page.number}l{len(lines) + 1}"))
        own = lines[first:]
        boxes = [line.bbox for line in own]
        if draft.node is not None:
            boxes.append(frame.page_box(draft.box.bbox))
        cells: tuple[Cell, ...] = ()
        if isinstance(draft.node, Table):
            cells = tuple(
                Cell(c.row, c.column, frame.page_box(c.box.bbox), c.text, c.row_span, c.column_span)
                for c in draft.node.cells
            )
        blocks.append(
            Block(
                f"p{page.number}b{len(blocks) + 1}",
                draft.kind,
                BBox.around(boxes),
                tuple(line.id for line in own),
                draft.level,
                cells,
            )
        )
    return page.provide("blocks", lines=tuple(lines), blocks=tuple(blocks))
