"""Draws broken and hostile inputs for tests. Each function returns the bytes of one file.

All of it is written by hand or by Pillow and PyMuPDF, seconds at most, and nothing is stored.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence

import pymupdf
from PIL import Image


def good_pdf(pages: int = 1, text: str = "Good page") -> bytes:
    """A PDF with one line a page."""
    with pymupdf.open() as document:
        for number in range(1, pages + 1):
            document.new_page(width=300, height=200).insert_text((40, 60), f"{text} {number}")
        return bytes(document.tobytes())


def raw_pdf(
    content: bytes = b"BT /F1 12 Tf 20 50 Td (Hello) Tj ET",
    *,
    media: Sequence[float] = (0, 0, 300, 200),
    page: bytes = b"",
    resources: bytes = b"/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>",
    objects: Sequence[bytes] = (),
    pages: bool = True,
) -> bytes:
    """A PDF written object by object: 1 catalog, 2 page tree, 3 page, 4 content, 5... ``objects``."""
    box = b" ".join(b"%g" % value for value in media)
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
        if pages
        else b"<< /Type /Pages /Kids [] /Count 0 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [%s] /Resources << %s >> /Contents 4 0 R %s >>"
        % (box, resources, page),
        stream(content),
        *objects,
    ]
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(bodies, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(bodies) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(bodies) + 1,
        table,
    )
    return bytes(out)


def stream(data: bytes, entries: bytes = b"") -> bytes:
    """A PDF stream object."""
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (entries, len(data), data)


def no_pages() -> bytes:
    """A PDF whose page tree is empty."""
    return raw_pdf(pages=False)


def encrypted(user: str = "open", owner: str = "owner") -> bytes:
    """A PDF under AES-256; without a user password anybody can read it."""
    with pymupdf.open(stream=good_pdf()) as document:
        return bytes(
            document.tobytes(
                encryption=pymupdf.PDF_ENCRYPT_AES_256,
                user_pw=user,
                owner_pw=owner,
                permissions=pymupdf.PDF_PERM_PRINT,
            )
        )


def huge_page() -> bytes:
    """A page of 200 by 200 inches."""
    return raw_pdf(media=(0, 0, 14400, 14400))


def large_images(pages: int, side: int) -> bytes:
    """Pages of 600 by 600 points, each with an image of its own of ``side`` by ``side`` pixels."""
    with pymupdf.open() as document:
        for number in range(pages):
            image = io.BytesIO()
            Image.new("RGB", (side, side), (number, 9, 9)).save(image, "PNG")
            page = document.new_page(width=600, height=600)
            page.insert_image(page.rect, stream=image.getvalue())
        return bytes(document.tobytes(deflate=True))


def many_objects(count: int = 20_000) -> bytes:
    """A small page in a file of so many objects."""
    return raw_pdf(objects=[b"<< /N %d >>" % number for number in range(count)])


def endless() -> bytes:
    """A page whose forms call each other: a billion times the innermost one."""
    forms = [
        stream(
            b"/X Do " * 10 if level < 9 else b"0 0 1 1 re f",
            b"/Type /XObject /Subtype /Form /BBox [0 0 300 200] "
            + (
                b"/Resources << /XObject << /X %d 0 R >> >>" % (6 + level)
                if level < 9
                else b"/Resources << >>"
            ),
        )
        for level in range(10)
    ]
    return raw_pdf(b"/X Do", resources=b"/XObject << /X 5 0 R >>", objects=forms)


def image_bomb_pdf(side: int = 40_000) -> bytes:
    """A page with a picture that is small packed and gigabytes unpacked."""
    packer = zlib.compressobj(1)
    row = bytes(side * 3)
    packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    picture = stream(
        packed,
        b"/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceRGB "
        b"/BitsPerComponent 8 /Filter /FlateDecode" % (side, side),
    )
    return raw_pdf(
        b"q 200 0 0 150 20 20 cm /Im Do Q",
        resources=b"/XObject << /Im 5 0 R >>",
        objects=[picture],
    )


def zero_image_pdf() -> bytes:
    """A page with a picture of no pixels, and text."""
    picture = stream(
        b"",
        b"/Type /XObject /Subtype /Image /Width 0 /Height 0 /ColorSpace /DeviceGray /BitsPerComponent 8",
    )
    return raw_pdf(
        b"q 200 0 0 150 20 20 cm /Im Do Q BT /F1 12 Tf 20 180 Td (Still here) Tj ET",
        resources=b"/XObject << /Im 5 0 R >> /Font << /F1 << /Type /Font /Subtype /Type1 "
        b"/BaseFont /Helvetica >> >>",
        objects=[picture],
    )


def broken_font() -> bytes:
    """A page in an embedded font whose file is rubbish and whose characters nobody can name."""
    rubbish = stream(b"\0\1\2rubbish" * 30, b"/Length1 270")
    font = (
        b"<< /Type /Font /Subtype /Type0 /BaseFont /AAAAAA+Broken /Encoding /Identity-H "
        b"/DescendantFonts [<< /Type /Font /Subtype /CIDFontType2 /BaseFont /AAAAAA+Broken "
        b"/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> "
        b"/FontDescriptor << /Type /FontDescriptor /FontName /AAAAAA+Broken /Flags 4 "
        b"/FontBBox [0 -200 1000 800] /ItalicAngle 0 /Ascent 800 /Descent -200 /CapHeight 700 "
        b"/StemV 80 /FontFile2 5 0 R >> >>] >>"
    )
    return raw_pdf(
        b"BT /F1 14 Tf 20 100 Td <0101010201030104010501060107> Tj ET",
        resources=b"/Font << /F1 6 0 R >>",
        objects=[rubbish, font],
    )


def private_use() -> bytes:
    """A page whose ToUnicode table says private characters for plain letters."""
    table = stream(
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        b"1 begincodespacerange <00> <FF> endcodespacerange\n"
        b"1 beginbfrange <20> <7E> <E020> endbfrange\n"
        b"endcmap end end"
    )
    font = (
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding "
        b"/ToUnicode 5 0 R >>"
    )
    return raw_pdf(
        b"BT /F1 14 Tf 20 100 Td (Secretly unreadable) Tj ET",
        resources=b"/Font << /F1 6 0 R >>",
        objects=[table, font],
    )


def image(mode: str = "RGB", kind: str = "PNG", size: tuple[int, int] = (60, 40)) -> bytes:
    """An image of one colour, as Pillow writes it."""
    out = io.BytesIO()
    Image.new(mode, size).save(out, kind)
    return out.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + header
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


def tiff_pages(count: int = 3) -> bytes:
    """A TIFF of so many pages, each larger than the one before, at 300 dpi."""
    frames = [Image.new("1", (100 + 10 * index, 80), 1) for index in range(count)]
    out = io.BytesIO()
    frames[0].save(
        out,
        "TIFF",
        save_all=True,
        append_images=frames[1:],
        compression="group4",
        dpi=(300, 300),
    )
    return out.getvalue()
