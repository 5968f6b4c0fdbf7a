"""ALTO 4.4 XML, for libraries and archives (schema: Library of Congress, ``ns-v4#``)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, BinaryIO, ClassVar

from ...geometry import BBox, Polygon
from ...model import Block, BlockKind, Cell, Line, Page, PageFailure, Word
from .base import corners, numbered, upright, xml_text

if TYPE_CHECKING:
    from ..base import Source

_NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="{ns}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:schemaLocation="{ns} http://www.loc.gov/standards/alto/v4/alto-4-4.xsd" SCHEMAVERSION="4.4">
 <Description>
  <MeasurementUnit>{unit}</MeasurementUnit>
  <sourceImageInformation>
   <fileName>{name}</fileName>
   <fileIdentifier fileIdentifierLocation="sha256">{sha256}</fileIdentifier>
  </sourceImageInformation>
  <Processing ID="docharmony">
   <processingCategory>contentGeneration</processingCategory>
   <processingSoftware>
    <softwareName>docharmony</softwareName>
   </processingSoftware>
  </Processing>
 </Description>
 <Tags>
{tags} </Tags>
 <Layout>
"""
# Every page of an input has one unit: pixels for images, 1/1200 inch for points (ALTO knows no point).
_PER_POINT = 1200 / 72
_KINDS_WITH_TAG = [kind for kind in BlockKind if kind is not BlockKind.PARAGRAPH]


class AltoWriter:
    """ALTO 4.4: headers in TopMargin, footers in BottomMargin, all else in PrintSpace.

    Tables are ComposedBlocks of type ``table`` with a TextBlock a cell; the kind of each block that
    is no paragraph is a StructureTag. Coordinates are pixels for images and 1/1200 inch for PDFs.
    """

    extension: ClassVar[str] = ".xml"
    media_type: ClassVar[str] = "application/alto+xml"

    def write(self, source: Source, items: Iterable[Page | PageFailure], out: BinaryIO) -> None:
        """Write the file; a failed page is an empty Page of QUALITY ``Missing``."""
        pdf = source.info.media_type == "application/pdf"
        tags = "".join(
            f'  <StructureTag ID="kind_{kind}" TYPE="block" LABEL="{kind}"/>\n'
            for kind in _KINDS_WITH_TAG
        )
        head = _HEAD.format(
            ns=_NAMESPACE,
            unit="inch1200" if pdf else "pixel",
            name=xml_text(source.info.name),
            sha256=xml_text(source.info.sha256),
            tags=tags,
        )
        out.write(head.encode())
        empty = True
        for number, page in numbered(items):
            empty = False
            out.write((_failed(number) if page is None else _Page(page).text()).encode())
        if empty:
            # The schema asks for one page at least.
            out.write(_failed(0).encode())
        out.write(b" </Layout>\n</alto>\n")


def _failed(number: int) -> str:
    return f'  <Page ID="p{number}" PHYSICAL_IMG_NR="{number}" QUALITY="Missing"/>\n'


class _Page:
    """Turns one page to text; holds what its parts share."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.factor = 1.0 if page.unit == "px" else _PER_POINT
        self.lines = {line.id: line for line in page.lines}

    def text(self) -> str:
        page = self.page
        place = f'WIDTH="{self._n(page.width)}" HEIGHT="{self._n(page.height)}"'
        parts = [f'  <Page ID="p{page.number}" PHYSICAL_IMG_NR="{page.number}" {place}>\n']
        blocks = page.blocks
        if not blocks and page.lines:
            box = BBox.around([line.bbox for line in page.lines])
            ids = tuple(line.id for line in page.lines)
            blocks = (Block(f"p{page.number}b1", BlockKind.PARAGRAPH, box, ids),)
        margins = {BlockKind.HEADER: "TopMargin", BlockKind.FOOTER: "BottomMargin"}
        for kind, name in margins.items():
            inside = [block for block in blocks if block.kind is kind]
            if inside:
                parts.append(self._space(name, inside, BBox.around([b.bbox for b in inside])))
        inside = [block for block in blocks if block.kind not in margins]
        parts.append(self._space("PrintSpace", inside, page.bbox))
        parts.append("  </Page>\n")
        return "".join(parts)

    def _n(self, value: float) -> str:
        return f"{value * self.factor:.2f}".rstrip("0").rstrip(".")

    def _place(self, box: BBox) -> str:
        return (
            f'HPOS="{self._n(box.x0)}" VPOS="{self._n(box.y0)}" '
            f'WIDTH="{self._n(box.width)}" HEIGHT="{self._n(box.height)}"'
        )

    def _shape(self, quad: Polygon | None) -> str:
        if quad is None:
            return ""
        points = " ".join(f"{self._n(p.x)},{self._n(p.y)}" for p in quad)
        return f'<Shape><Polygon POINTS="{points}"/></Shape>'

    def _space(self, name: str, blocks: Sequence[Block], box: BBox) -> str:
        parts = [f"   <{name} {self._place(box)}>\n"]
        parts += [self._block(block) for block in blocks]
        parts.append(f"   </{name}>\n")
        return "".join(parts)

    def _block(self, block: Block) -> str:
        tag = f' TAGREFS="kind_{block.kind}"' if block.kind in _KINDS_WITH_TAG else ""
        head = f'ID="{block.id}" {self._place(block.bbox)}{tag}'
        lines = [self.lines[name] for name in block.lines]
        if block.kind is BlockKind.TABLE:
            return self._table(block, lines, head)
        if block.kind is BlockKind.FIGURE:
            if not lines:
                return f"    <Illustration {head}/>\n"
            inner = f'    <Illustration ID="{block.id}_image" {self._place(block.bbox)}/>\n'
            inner += self._text_block(f'ID="{block.id}_text" {self._place(block.bbox)}', lines)
            return f'    <ComposedBlock {head} TYPE="figure">\n{inner}    </ComposedBlock>\n'
        return self._text_block(head, lines)

    def _table(self, block: Block, lines: Sequence[Line], head: str) -> str:
        inner = []
        for cell, inside in _cells_of(block, lines):
            if cell is None:
                name, box = f"{block.id}_rest", BBox.around([line.bbox for line in inside])
            else:
                name, box = f"{block.id}_r{cell.row + 1}c{cell.column + 1}", cell.bbox
            inner.append(self._text_block(f'ID="{name}" {self._place(box)}', inside))
        body = "".join(inner)
        return f'    <ComposedBlock {head} TYPE="table">\n{body}    </ComposedBlock>\n'

    def _text_block(self, head: str, lines: Sequence[Line]) -> str:
        turns = {upright(line) for line in lines}
        # ALTO counts rotations counter-clockwise.
        turned = f' ROTATION="{(360 - turns.pop()) % 360:.0f}"' if turns - {0.0} else ""
        if not lines:
            return f"    <TextBlock {head}/>\n"
        body = "".join(self._line(line) for line in lines)
        return f"    <TextBlock {head}{turned}>\n{body}    </TextBlock>\n"

    def _line(self, line: Line) -> str:
        _, _, right, left = corners(line.polygon, upright(line))
        baseline = f"{self._n(left.x)},{self._n(left.y)} {self._n(right.x)},{self._n(right.y)}"
        parts = [
            f'     <TextLine ID="{line.id}" {self._place(line.bbox)} BASELINE="{baseline}">',
            self._shape(line.quad),
        ]
        for number, word in enumerate(line.words, 1):
            if number > 1:
                parts.append("<SP/>")
            parts.append(self._string(f"{line.id}w{number}", word, line.bold))
        parts.append("</TextLine>\n")
        return "".join(parts)

    def _string(self, name: str, word: Word, bold: bool) -> str:
        style = ' STYLE="bold"' if bold else ""
        head = (
            f'<String ID="{name}" CONTENT="{xml_text(word.text)}" {self._place(word.bbox)} '
            f'WC="{min(1.0, max(0.0, word.confidence)):.2f}"{style}'
        )
        shape = self._shape(word.quad)
        return f"{head}>{shape}</String>" if shape else f"{head}/>"


def _cells_of(block: Block, lines: Sequence[Line]) -> list[tuple[Cell | None, list[Line]]]:
    """Return the cells with the lines whose middle they hold; lines of no cell come last."""
    found: list[tuple[Cell | None, list[Line]]] = [(cell, []) for cell in block.cells]
    rest: list[Line] = []
    for line in lines:
        for cell, inside in found:
            if cell is not None and cell.bbox.contains(line.bbox.center):
                inside.append(line)
                break
        else:
            rest.append(line)
    if rest:
        found.append((None, rest))
    return found
