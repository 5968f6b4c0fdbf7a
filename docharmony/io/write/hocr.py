"""hOCR 1.2: XHTML that carries text with its places, for the tools of the OCR world."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, BinaryIO, ClassVar

from ...geometry import BBox
from ...model import Block, BlockKind, Line, Page, PageFailure
from .base import corners, numbered, pixels_per_unit, scaled, upright, xml_text

if TYPE_CHECKING:
    from ..base import Source

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" \
"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="und" lang="und">
 <head>
  <title>{name}</title>
  <meta http-equiv="Content-Type" content="text/html; charset=utf-8"/>
  <meta name="ocr-system" content="docharmony"/>
  <meta name="ocr-capabilities" content="ocr_page ocr_carea ocr_par ocr_line ocrx_word \
ocr_header ocr_footer ocr_caption ocr_table ocr_photo ocrp_wconf"/>
 </head>
 <body>
"""

# A line of these blocks has its own class in hOCR; all are kinds of line.
_LINE_CLASS = {
    BlockKind.HEADER: "ocr_header",
    BlockKind.FOOTER: "ocr_footer",
    BlockKind.CAPTION: "ocr_caption",
}


class HocrWriter:
    """hOCR in whole pixels at the page's dpi; PDF points are scaled by dpi/72."""

    extension: ClassVar[str] = ".hocr"
    media_type: ClassVar[str] = "text/vnd.hocr+html"

    def write(self, source: Source, items: Iterable[Page | PageFailure], out: BinaryIO) -> None:
        """Write the file; a failed page is an empty ``ocr_page``-less comment with its number."""
        # A quotation mark would end the string that the name is in the title of a page.
        name = xml_text(source.info.name.replace('"', "'"))
        out.write(_HEAD.format(name=name).encode())
        for number, page in numbered(items):
            if page is None:
                out.write(f"  <!-- page {number} could not be read -->\n".encode())
            else:
                out.write(_page(page, name).encode())
        out.write(b" </body>\n</html>\n")


def _page(page: Page, name: str) -> str:
    factor = pixels_per_unit(page)
    # The title attribute is double-quoted, so the quotes inside it are entities already.
    title = (
        f"image &quot;{name}&quot;; {_bbox(page.bbox, factor)}; ppageno {page.number - 1}; "
        f"scan_res {page.dpi} {page.dpi}"
    )
    parts = [f'  <div class="ocr_page" id="page_{page.number}" title="{title}">\n']
    blocks = page.blocks
    if not blocks and page.lines:
        ids = tuple(line.id for line in page.lines)
        box = page.lines[0].bbox
        for line in page.lines:
            box = box.union(line.bbox)
        blocks = (Block(f"p{page.number}b1", BlockKind.PARAGRAPH, box, ids),)
    lines = {line.id: line for line in page.lines}
    for block in blocks:
        parts.append(_block(block, [lines[name] for name in block.lines], factor))
    parts.append("  </div>\n")
    return "".join(parts)


def _bbox(box: BBox, factor: float) -> str:
    return "bbox {} {} {} {}".format(*scaled(box, factor))


def _block(block: Block, lines: list[Line], factor: float) -> str:
    title = _bbox(block.bbox, factor)
    if block.kind is BlockKind.FIGURE and not lines:
        return f'   <div class="ocr_photo" id="{block.id}" title="{title}"></div>\n'
    css = {BlockKind.TABLE: "ocr_table", BlockKind.FIGURE: "ocr_photo"}.get(block.kind, "ocr_carea")
    tag = f"h{min(6, max(1, block.level))}" if block.kind is BlockKind.TITLE else "p"
    parts = [f'   <div class="{css}" id="{block.id}" title="{title}">\n']
    parts.append(f'    <{tag} class="ocr_par" id="{block.id}_par" title="{title}">\n')
    parts += [_line(line, _LINE_CLASS.get(block.kind, "ocr_line"), factor) for line in lines]
    parts.append(f"    </{tag}>\n   </div>\n")
    return "".join(parts)


def _line(line: Line, css: str, factor: float) -> str:
    turn = upright(line)
    left_top, _, _, left = corners(line.polygon, turn)
    title = [_bbox(line.bbox, factor)]
    height = math.dist(left_top, left)
    slope = 0.0
    if line.quad is not None:
        # Slope of the text against the nearest quarter turn; positive hOCR slopes go down as y does.
        slope = math.tan(math.radians((line.quad.angle - turn + 180) % 360 - 180))
    if turn == 0:
        # The baseline in hOCR is relative to the bottom left corner of the line's bounding box.
        offset = (left.y - slope * (left.x - line.bbox.x0) - line.bbox.y1) * factor
        title.append(f"baseline {slope:.3f} {offset:.0f}")
    else:
        title.append("baseline 0 0")
        # hOCR counts text angles counter-clockwise.
        title.append(f"textangle {(360 - turn) % 360:.0f}")
    title.append(f"x_size {(line.size or height) * factor:.1f}")
    words = []
    for number, word in enumerate(line.words, 1):
        place = f"{_bbox(word.bbox, factor)}; x_wconf {round(word.confidence * 100)}"
        words.append(
            f'<span class="ocrx_word" id="{line.id}w{number}" title="{place}">'
            f"{xml_text(word.text)}</span>"
        )
    return (
        f'     <span class="{css}" id="{line.id}" title="{"; ".join(title)}">'
        + " ".join(words)
        + "</span>\n"
    )
