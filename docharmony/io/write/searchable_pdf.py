"""Searchable PDF: an invisible text layer exactly over the pixels, the images as they were."""

from __future__ import annotations

import io
import math
import warnings
import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from ...errors import OutputError
from ...geometry import Affine, Point
from ...model import Line, Page, PageFailure, Word
from .base import corners, numbered, upright
from .glyphless import ADVANCE, GlyphlessFont

if TYPE_CHECKING:
    from ..base import Source

_FONT = "/DocharmonyText"


class SearchablePdfWriter:
    """PDF whose OCR text can be searched and copied.

    **A PDF input** stays the file it is, all its pages too; pages with lines of origin ``"ocr"`` get
    one content stream more. It comes *before* the page's own: there the coordinate system is still
    the page's, whatever the page's content leaves behind, and invisible text needs no place on top.
    Nothing is compressed anew. An encrypted input stays encrypted with its own passwords and
    permissions. A signature no longer holds.

    **An image input** becomes a page as large as the image at its dpi. JPEG files are embedded as
    they are, others without loss; bilevel images stay bilevel; EXIF rotation is a matrix.
    """

    extension: ClassVar[str] = ".pdf"
    media_type: ClassVar[str] = "application/pdf"

    def write(self, source: Source, items: Iterable[Page | PageFailure], out: BinaryIO) -> None:
        """Write the PDF; a page that failed has no text layer.

        Raises:
            OutputError: the input cannot be rewritten as a PDF.
        """
        import pikepdf

        if source.info.media_type == "application/pdf":
            try:
                pdf = pikepdf.Pdf.open(source.path, password=source.password or "")
            except pikepdf.PdfError as error:
                raise _unwritable(source) from error
        else:
            pdf = pikepdf.Pdf.new()
        with pdf:
            if source.info.media_type == "application/pdf":
                self._add_text(source, pdf, items)
            else:
                self._add_images(source, pdf, items)
            try:
                _save(pdf, out)
            except pikepdf.PdfError as error:
                raise _unwritable(source) from error

    def _add_text(self, source: Source, pdf: Any, items: Iterable[Page | PageFailure]) -> None:
        font = GlyphlessFont(pdf)
        used = False
        for number, page in numbered(items):
            if page is None:
                continue
            if not 1 <= number <= len(pdf.pages):
                raise _unwritable(source)
            content = text_content(page, to_user_space(page, pdf.pages[number - 1]), font)
            if content:
                _put_under(pdf, pdf.pages[number - 1], content, font)
                used = True
        if used:
            font.finish()

    def _add_images(self, source: Source, pdf: Any, items: Iterable[Page | PageFailure]) -> None:
        from .images import ImageEmbedder

        font = GlyphlessFont(pdf)
        used = False
        with ImageEmbedder(pdf, source) as embedder:
            for number, page in numbered(items):
                pdf_page = embedder.add_page(number, None if page is None else page.dpi)
                if page is None:
                    continue
                scale = 72 / page.dpi
                to_user = Affine(scale, 0, 0, -scale, 0, page.height * scale)
                content = text_content(page, to_user, font)
                if content:
                    _put_under(pdf, pdf_page, content, font)
                    used = True
        if used:
            font.finish()


def _unwritable(source: Source) -> OutputError:
    return OutputError(
        "cannot write a searchable PDF",
        where=source.info.name,
        why="the input's structure is too damaged to be rewritten",
        hint="Choose another output format, e.g. -f hocr.",
    )


def _save(pdf: Any, out: BinaryIO) -> None:
    """Write the PDF with every stream of the input as it is, byte for byte."""
    seekable = out.seekable()
    target = out if seekable else io.BytesIO()
    with warnings.catch_warnings():
        # Form fields that no page shows are the input's own affair.
        warnings.simplefilter("ignore")
        pdf.save(
            target,
            compress_streams=False,
            recompress_flate=False,
            encryption=bool(pdf.is_encrypted),
        )
    if isinstance(target, io.BytesIO) and not seekable:
        out.write(target.getbuffer())


def to_user_space(page: Page, pdf_page: Any) -> Affine:
    """Return the map from the displayed page to the PDF page's own user space.

    The visible part is the crop box within the media box; /Rotate turns it clockwise; one unit of
    user space is /UserUnit points, which the displayed size has in it already.
    """
    media = [float(value) for value in pdf_page.mediabox]
    crop = [float(value) for value in pdf_page.cropbox]
    mx0, mx1 = sorted((media[0], media[2]))
    my0, my1 = sorted((media[1], media[3]))
    x0, x1 = sorted((crop[0], crop[2]))
    y0, y1 = sorted((crop[1], crop[3]))
    x0, x1, y0, y1 = max(x0, mx0), min(x1, mx1), max(y0, my0), min(y1, my1)
    if x1 <= x0 or y1 <= y0:
        x0, x1, y0, y1 = mx0, mx1, my0, my1
    width, height = x1 - x0, y1 - y0
    turn = round(float(pdf_page.obj.get("/Rotate", 0)) / 90) % 4
    shown_width, shown_height = (height, width) if turn % 2 else (width, height)
    # From the displayed page (y down) to the crop box before rotation (y down).
    unrotate = {
        0: Affine(),
        1: Affine(0, -1, 1, 0, 0, height),
        2: Affine(-1, 0, 0, -1, width, height),
        3: Affine(0, 1, -1, 0, width, 0),
    }[turn]
    return (
        Affine.scale(shown_width / page.width, shown_height / page.height)
        .then(unrotate)
        .then(Affine(1, 0, 0, -1, x0, y1))
    )


def text_content(page: Page, to_user: Affine, font: GlyphlessFont) -> bytes:
    """Return a content stream that shows the page's OCR lines invisibly, ``b""`` for none."""
    parts: list[str] = []
    for line in page.lines:
        if line.origin == "ocr":
            parts += _line(line, to_user, font)
    if not parts:
        return b""
    return ("q\nBT\n3 Tr\n" + "\n".join(parts) + "\nET\nQ\n").encode("ascii")


def _line(line: Line, to_user: Affine, font: GlyphlessFont) -> list[str]:
    """Return the operators for one line: each word fills its box, spaces the gaps between."""
    turn = upright(line)
    parts = []
    for word, following in zip(line.words, (*line.words[1:], None), strict=True):
        start, along, length, up, height = _frame(word, turn, to_user)
        parts.append(
            f"{_FONT} {height:.3f} Tf "
            f"{along.x:.5f} {along.y:.5f} {up.x:.5f} {up.y:.5f} {start.x:.3f} {start.y:.3f} Tm"
        )
        parts.append(_shown(word, length / height, font))
        if following is not None:
            # The parser sees a space, so it need not guess one from the distance.
            after = _frame(following, turn, to_user)[0]
            gap = (after.x - start.x) * along.x + (after.y - start.y) * along.y - length
            parts.append(_show(font.encode(" "), max(gap, 0.05 * height) / height))
    return parts


def _frame(word: Word, turn: float, to_user: Affine) -> tuple[Point, Point, float, Point, float]:
    """Return (start, unit along, length, unit up, height) of a word in user space."""
    top, _, end, start = (to_user.apply(p) for p in corners(word.polygon, turn))
    length = max(math.dist(start, end), 0.01)
    height = max(math.dist(start, top), 0.01)
    along = Point((end.x - start.x) / length, (end.y - start.y) / length)
    up = Point((top.x - start.x) / height, (top.y - start.y) / height)
    if not any(along) or not any(up):
        along, up = Point(1.0, 0.0), Point(0.0, 1.0)
    return start, along, length, up, height


def _shown(word: Word, width: float, font: GlyphlessFont) -> str:
    """Return the operators that show a word over ``width`` ems, each character over its own part."""
    codes = font.encode(word.text)
    bounds = word.bounds
    if bounds is None or len(bounds) != len(codes) + 1 or not bounds[-1] - bounds[0] > 0:
        return _show(codes, width)
    whole = bounds[-1] - bounds[0]
    return " ".join(
        _show([code], max(width * (b - a) / whole, 0.001))
        for code, a, b in zip(codes, bounds, bounds[1:], strict=False)
    )


def _show(codes: list[str], width: float) -> str:
    scale = 100 * width / (len(codes) * ADVANCE / 1000)
    return f"{scale:.4f} Tz <{''.join(codes)}> Tj"


def _put_under(pdf: Any, pdf_page: Any, content: bytes, font: GlyphlessFont) -> None:
    """Put a content stream before the page's own and the font into its resources."""
    from pikepdf import Dictionary, Name

    # Resources can be shared with other pages: those see a font more, under a name of its own.
    resources = pdf_page.obj.get("/Resources")
    if resources is None:
        resources = pdf_page.obj.Resources = Dictionary()
    fonts = resources.get("/Font")
    if fonts is None:
        fonts = resources.Font = Dictionary()
    fonts[_FONT] = font.reference
    stream = pdf.make_stream(zlib.compress(content), Filter=Name.FlateDecode)
    pdf_page.contents_add(stream, prepend=True)
