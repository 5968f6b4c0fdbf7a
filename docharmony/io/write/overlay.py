"""Overlay PNG: blocks drawn over the page, to look at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from ...errors import LimitExceededError
from ...model import BlockKind, Page, PageFailure
from .base import numbered

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

    from ..base import Source

# Colour of each kind, easy to tell apart on white paper and named in the legend.
COLOURS: dict[BlockKind, tuple[int, int, int]] = {
    BlockKind.TITLE: (200, 30, 30),
    BlockKind.PARAGRAPH: (30, 90, 200),
    BlockKind.LIST_ITEM: (20, 140, 140),
    BlockKind.TABLE: (20, 140, 50),
    BlockKind.FIGURE: (210, 110, 0),
    BlockKind.CAPTION: (150, 90, 20),
    BlockKind.HEADER: (130, 60, 170),
    BlockKind.FOOTER: (200, 60, 150),
}
# Widest page on the sheet in pixels, and the largest sheet.
PAGE_WIDTH = 1000
MAX_DPI = 150
MAX_PIXELS = 60_000_000
_MARGIN = 12
_LEGEND = 34


class OverlayWriter:
    """One PNG: the pages below each other, each block framed, numbered in reading order."""

    extension: ClassVar[str] = ".png"
    media_type: ClassVar[str] = "image/png"

    def write(self, source: Source, items: Iterable[Page | PageFailure], out: BinaryIO) -> None:
        """Write the sheet; a failed page is an empty strip that says so.

        Raises:
            LimitExceededError: there are too many pages for one sheet.
        """
        from PIL import Image

        pictures: list[Image.Image] = []
        pixels = 0
        for number, page in numbered(items):
            picture = _failed(number) if page is None else _page(source, page)
            pictures.append(picture)
            pixels += PAGE_WIDTH * (picture.height + _MARGIN)
            if pixels > MAX_PIXELS:
                raise LimitExceededError(
                    "the overlay is too large",
                    where=source.info.name,
                    why=f"page {number} would be beyond {MAX_PIXELS // 1_000_000} million pixels",
                    hint="Choose fewer pages with --pages.",
                )
        width = max([picture.width for picture in pictures] + [760]) + 2 * _MARGIN
        height = _LEGEND + sum(picture.height + _MARGIN for picture in pictures)
        sheet = Image.new("RGB", (width, height), (90, 90, 90))
        _legend(sheet)
        y = _LEGEND
        for picture in pictures:
            sheet.paste(picture, (_MARGIN, y))
            y += picture.height + _MARGIN
        sheet.save(out, "PNG", compress_level=6)


def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _failed(number: int) -> Image.Image:
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (PAGE_WIDTH, 60), (255, 235, 235))
    text = f"page {number} could not be read"
    ImageDraw.Draw(picture).text((16, 20), text, fill=(160, 0, 0), font=_font(18))
    return picture


def _page(source: Source, page: Page) -> Image.Image:
    """Return the page at about 100 dpi with its blocks drawn over it."""
    from PIL import Image, ImageDraw

    per_dpi = page.width / 72 if page.unit == "pt" else page.width / page.dpi
    dpi = max(8, min(MAX_DPI, int(PAGE_WIDTH / max(per_dpi, 1e-6))))
    # A dim page lets the frames stand out.
    picture = Image.fromarray(source.raster(page.number, dpi))
    picture = Image.blend(picture, Image.new("RGB", picture.size, (255, 255, 255)), 0.25)
    factor = picture.width / page.width
    shade = Image.new("RGBA", picture.size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(shade)
    font = _font(15)
    for block in page.blocks:
        colour = COLOURS[block.kind]
        x0, y0, x1, y1 = (value * factor for value in block.bbox)
        x1, y1 = max(x0 + 1, x1), max(y0 + 1, y1)
        draw.rectangle((x0 - 2, y0 - 2, x1 + 2, y1 + 2), fill=(*colour, 28), outline=(*colour, 255))
        for cell in block.cells:
            c0, r0, c1, r1 = (value * factor for value in cell.bbox)
            draw.rectangle((c0, r0, max(c0, c1), max(r0, r1)), outline=(*colour, 150))
    for number, block in enumerate(page.blocks, 1):
        _label(draw, picture, block.bbox.x0 * factor, block.bbox.y0 * factor, number, block, font)
    picture.paste(shade, (0, 0), shade)
    return picture


def _label(
    draw: ImageDraw.ImageDraw,
    picture: Image.Image,
    x: float,
    y: float,
    number: int,
    block: Any,
    font: Any,
) -> None:
    """Draw the number at the block's top left, outside it where there is room."""
    text = f"{number}" + (f" h{block.level}" if block.kind is BlockKind.TITLE else "")
    width = draw.textlength(text, font=font) + 6
    x0 = min(max(0.0, x - width - 2), picture.width - width)
    y0 = min(max(0.0, y - 2), picture.height - 18.0)
    draw.rectangle((x0, y0, x0 + width, y0 + 17), fill=(*COLOURS[block.kind], 255))
    draw.text((x0 + 3, y0), text, fill=(255, 255, 255, 255), font=font)


def _legend(sheet: Image.Image) -> None:
    from PIL import ImageDraw

    draw = ImageDraw.Draw(sheet)
    font = _font(15)
    x = float(_MARGIN)
    for kind, colour in COLOURS.items():
        name = str(kind).replace("_", " ")
        draw.rectangle((x, 9, x + 16, 25), fill=colour, outline=(255, 255, 255))
        draw.text((x + 21, 8), name, fill=(255, 255, 255), font=font)
        x += 21 + draw.textlength(name, font=font) + 12
