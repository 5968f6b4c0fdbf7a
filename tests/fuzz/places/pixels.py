"""Pictures, with the region of the secret given."""

from __future__ import annotations

import io
from typing import Any

from pikepdf import Array, Dictionary, Name
from PIL import Image

from ..book import Book, put
from .registry import place


def _show(b: Book, image: Any, picture: Image.Image) -> None:
    n, y = b.row()
    b.around(n, y)
    name = b.resource("/XObject", image, n)
    b.add(n, f"q 75 0 0 18 80 {y - 5} cm {name} Do Q")
    b.region(n, 82, y - 6, 157, y + 14)


@place
def grey_image(b: Book) -> None:
    picture = b.picture()
    _show(b, b.image(picture), picture)


@place
def one_bit_image(b: Book) -> None:
    picture = b.picture("1")
    _show(b, b.image(picture), picture)


@place
def jpeg_image(b: Book) -> None:
    picture = b.picture("RGB")
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=90)
    image = b.image(picture)
    image.write(buffer.getvalue(), filter=Name.DCTDecode)
    _show(b, image, picture)


@place
def image_shared_by_pages(b: Book) -> None:
    image = b.image(b.picture())
    for n in (0, 1):
        y = 40 + 60 * n
        b.add(n, f"q 75 0 0 18 80 {y} cm {b.resource('/XObject', image, n)} Do Q")
        b.region(n, 80, y - 1, 157, y + 19)


@place
def alpha_channel(b: Book) -> None:
    picture = b.picture()
    mask = b.image(picture)
    image = b.image(Image.new("RGB", picture.size, "white"), SMask=b.pdf.make_indirect(mask))
    _show(b, image, picture)


@place
def inline_image(b: Book) -> None:
    picture = b.picture()
    n, y = b.row()
    header = f"BI /W {picture.width} /H {picture.height} /CS /G /BPC 8 /F /AHx ID "
    body = picture.tobytes().hex().encode() + b">"
    b.add(n, f"q 75 0 0 18 80 {y - 5} cm ".encode() + header.encode() + body + b"\nEI Q")
    b.region(n, 80, y - 6, 157, y + 14)


@place
def jpeg2000_image(b: Book) -> None:
    picture = b.picture("RGB")
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG2000")
    image = b.image(picture)
    image.write(buffer.getvalue(), filter=Name.JPXDecode)
    _show(b, image, picture)


@place
def image_under_a_rectangle(b: Book) -> None:
    picture = b.picture()
    n, y = b.row()
    b.around(n, y)
    name = b.resource("/XObject", b.image(picture), n)
    b.add(n, f"q 75 0 0 18 80 {y - 5} cm {name} Do Q q 1 g 78 {y - 6} 80 20 re f Q")
    b.region(n, 82, y - 6, 157, y + 14)


@place
def image_in_a_form(b: Book) -> None:
    picture = b.picture()
    n, y = b.row()
    b.around(n, y)
    form = b.form(b"")
    name = put(form["/Resources"], "/XObject", b.image(picture))
    form.write(f"q 75 0 0 18 0 0 cm {name} Do Q".encode())
    b.add(n, f"q 1 0 0 1 80 {y - 5} cm {b.resource('/XObject', form, n)} Do Q")
    b.region(n, 80, y - 6, 157, y + 14)


@place
def image_in_an_annotation(b: Book) -> None:
    n, y = b.row()
    look = b.form(b"", (0, 0, 75, 18))
    name = put(look["/Resources"], "/XObject", b.image(b.picture()))
    look.write(f"q 75 0 0 18 0 0 cm {name} Do Q".encode())
    rect = Array([80, y - 5, 155, y + 13])
    b.annotate(Dictionary(Type=Name.Annot, Subtype=Name.Stamp, Rect=rect, AP=Dictionary(N=look)), n)
    b.region(n, 78, y - 6, 157, y + 14)


@place
def stencil_mask(b: Book) -> None:
    picture = b.picture("1")
    image = b.image(picture)
    del image["/ColorSpace"]
    image["/ImageMask"] = True
    _show(b, image, picture)


@place
def thumbnail(b: Book) -> None:
    b.page()["/Thumb"] = b.pdf.make_indirect(b.image(b.picture()))


@place
def image_that_nothing_shows(b: Book) -> None:
    b.picture()
    b.pictures.pop()
    b.resource("/XObject", b.image(b.picture()))


@place
def alternate_image(b: Book) -> None:
    n, y = b.row()
    other = Dictionary(Image=b.image(b.picture()), DefaultForPrinting=True)
    image = b.image(Image.new("L", (20, 10), 128), Alternates=Array([other]))
    b.add(n, f"q 75 0 0 18 80 {y - 5} cm {b.resource('/XObject', image, n)} Do Q")


def _jpeg_with(b: Book, **options: Any) -> None:
    n, y = b.row()
    buffer = io.BytesIO()
    picture = Image.new("RGB", (40, 20), "teal")
    picture.save(buffer, "JPEG", **options)
    image = b.image(picture)
    image.write(buffer.getvalue(), filter=Name.DCTDecode)
    b.add(n, f"q 15 0 0 15 80 {y - 5} cm {b.resource('/XObject', image, n)} Do Q")


@place
def exif_of_a_jpeg(b: Book) -> None:
    exif = Image.Exif()
    exif[315] = b.secret
    _jpeg_with(b, exif=exif)


@place
def comment_of_a_jpeg(b: Book) -> None:
    _jpeg_with(b, comment=f"by {b.secret}")


@place
def thumbnail_in_exif(b: Book) -> None:
    """A JPEG whose EXIF holds another JPEG, which shows the secret."""
    inner = io.BytesIO()
    b.picture().save(inner, "JPEG", quality=90)
    b.pictures.pop()  # the attacker of this test looks for bytes, not into EXIF
    marked = inner.getvalue()[:2] + b"\xff\xfe" + (len(b.secret) + 2).to_bytes(2, "big")
    marked += b.secret.encode("cp1252") + inner.getvalue()[2:]
    _jpeg_with(b, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\x0e\0\0\0" + marked)


@place
def outlines_of_letters(b: Book) -> None:
    n, y = b.row()
    b.around(n, y)
    name = b.secret.encode().hex()
    tags = "".join(f"{80 + 5 * i} {y} 3 {int(name[i], 16) + 1} re f\n" for i in range(8))
    b.add(n, tags)
    b.region(n, 78, y - 6, 130, y + 18)
