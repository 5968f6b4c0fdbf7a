"""Where a secret can hide in a PDF: one small function a place, each draws on a book."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pikepdf
from pikepdf import Array, Dictionary, Name
from PIL import Image

from .book import HEIGHT, SIZE, Book, composite, helvetica, put

Place = Callable[[Book], None]
PLACES: dict[str, Place] = {}
# Places whose words go with what is removed, or that change what the page looks like.
INEXACT = frozenset(
    {
        "free_text_annotation", "form_field_value", "link_uri", "link_uri_percent", "widget_default",
        "choice_field_options", "file_annotation", "signature_field", "redact_annotation",
        "highlight_contents", "sound_annotation", "unknown_font",
    }
)  # fmt: skip
NEEDS_TWO_PAGES = frozenset({"over_two_pages", "form_shared_by_pages", "image_shared_by_pages"})


def place(function: Place) -> Place:
    PLACES[function.__name__] = function
    return function


# --- page -----------------------------------------------------------------------------------------


@place
def plain_text(b: Book) -> None:
    n, y = b.row()
    b.add(n, b.line(b.around(n, y), y))


@place
def hexadecimal(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    b.add(n, f"BT /F1 {SIZE} Tf {x} {y} Td <{b.secret.encode('cp1252').hex()}> Tj ET")


@place
def kerned(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    parts = " ".join(f"({c}) {b.rng.randint(-60, 60)}" for c in b.secret)
    b.add(n, f"BT /F1 {SIZE} Tf {x} {y} Td [{parts}] TJ ET")


@place
def glyphs_in_any_order(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    steps = []
    for char in b.secret:
        steps.append(f"BT /F1 {SIZE} Tf {x:.2f} {y} Td ({char}) Tj ET")
        x += 0.56 * SIZE
    b.rng.shuffle(steps)
    b.add(n, "\n".join(steps))


@place
def spaced_by_tc(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    b.add(n, f"BT /F1 8 Tf 4 Tc {x} {y} Td ({b.secret}) Tj 0 Tc ET")


@place
def in_one_string_with_others(b: Book) -> None:
    n, y = b.row()
    b.survivors += ["Before7", "after8"]
    b.add(n, b.line(10, y, f"Before7 {b.secret} after8"))


@place
def turned(b: Book) -> None:
    import math

    n, y = b.row()
    angle = math.radians(b.rng.choice((90, 180, 270, 30, 45, 61)))
    c, s = math.cos(angle), math.sin(angle)
    b.add(n, f"BT /F1 8 Tf {c:.4f} {s:.4f} {-s:.4f} {c:.4f} 150 {y} Tm ({b.secret}) Tj ET")


@place
def invisible(b: Book) -> None:
    n, y = b.row()
    b.add(n, b"3 Tr " + b.line(b.around(n, y), y) + b" 0 Tr")


@place
def clip_path(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    shown = f"BT /F1 {SIZE} Tf 7 Tr {x} {y} Td ({b.secret}) Tj ET"
    b.add(n, f"q {shown} 0.5 g {x} {y - 5} 120 20 re f Q")


@place
def white_on_white(b: Book) -> None:
    n, y = b.row()
    b.add(n, b"1 g " + b.line(b.around(n, y), y) + b" 0 g")


@place
def under_a_rectangle(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    b.add(n, b.line(x, y) + f" {x - 2} {y - 4} 100 16 re f".encode())


@place
def one_point_high(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    b.add(n, f"BT /F1 1 Tf {x} {y} Td ({b.secret}) Tj ET")


@place
def off_the_page(b: Book) -> None:
    n, y = b.row()
    b.add(n, b.line(b.rng.choice((-200, 400)), y))


@place
def beyond_a_clip(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    b.add(n, b"q 0 0 5 5 re W n " + b.line(x, y) + b" Q")


@place
def full_width_forms(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    wide = "".join(chr(ord(c) + 0xFEE0) for c in b.secret)
    font, codes = composite(b.pdf, b.secret, lie=wide)
    name = b.resource("/Font", font, n)
    b.add(n, f"BT {name} 8 Tf {x} {y} Td <{codes.hex()}> Tj ET")


@place
def look_alike_letters(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    alike = b.secret.translate(str.maketrans("aeox", "аеох"))
    font, codes = composite(b.pdf, b.secret, lie=alike)
    name = b.resource("/Font", font, n)
    b.add(n, f"BT {name} 8 Tf {x} {y} Td <{codes.hex()}> Tj ET")


@place
def soft_hyphens(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    b.add(n, b.line(x, y, b.secret[:3] + "\xad" + b.secret[3:6] + "\xad" + b.secret[6:]))


@place
def hyphenated_over_lines(b: Book) -> None:
    n, y = b.row()
    cut = b.rng.randint(3, 5)
    b.add(n, b.line(190, y, "so wrote Mr " + b.secret[:cut] + "-"))
    b.add(n, b.line(190, y - 10, b.secret[cut:] + " again"))


@place
def over_two_pages(b: Book) -> None:
    b.add(0, b.line(190, 15, "and " + b.secret[:4] + "-"))
    b.add(1, b.line(20, HEIGHT - 10, b.secret[4:] + " went"))


@place
def composite_font(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    font, codes = composite(b.pdf, b.secret)
    name = b.resource("/Font", font, n)
    b.add(n, f"BT {name} {SIZE} Tf {x} {y} Td <{codes.hex()}> Tj ET")


@place
def subset_in_order_of_use(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    font, codes = composite(b.pdf, b.secret, in_order=True)
    name = b.resource("/Font", font, n)
    b.add(n, f"BT {name} {SIZE} Tf {x} {y} Td <{codes.hex()}> Tj ET")


@place
def whole_word_as_one_glyph(b: Book) -> None:
    """A font whose ToUnicode map gives a single code the whole word."""
    n, y = b.row()
    x = b.around(n, y)
    font = helvetica()
    value = b.secret.encode("utf-16-be").hex()
    font["/ToUnicode"] = b.stream(
        b"begincmap 1 begincodespacerange <00> <ff> endcodespacerange\n"
        b"1 beginbfchar\n<41> <%s>\nendbfchar endcmap" % value.encode()
    )
    name = b.resource("/Font", b.pdf.make_indirect(font), n)
    b.add(n, f"BT {name} 20 Tf {x} {y} Td (A) Tj ET")


@place
def type3_glyph(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    proc = b.form(b.line(0, 0))
    inner = put(proc["/Resources"], "/Font", b.pdf.make_indirect(helvetica()))
    glyph = b.stream(f"90 0 d0 BT {inner} 10 Tf ({b.secret}) Tj ET".encode())
    font = Dictionary(
        Type=Name.Font,
        Subtype=Name.Type3,
        FontBBox=Array([0, 0, 100, 20]),
        FontMatrix=Array([0.1, 0, 0, 0.1, 0, 0]),
        FirstChar=65,
        LastChar=65,
        Widths=Array([90]),
        CharProcs=Dictionary(a=glyph),
        Encoding=Dictionary(Differences=Array([65, Name("/a")])),
        Resources=proc["/Resources"],
    )
    font["/ToUnicode"] = b.stream(
        b"begincmap 1 beginbfchar <41> <%s> endbfchar endcmap"
        % b.secret.encode("utf-16-be").hex().encode()
    )
    name = b.resource("/Font", b.pdf.make_indirect(font), n)
    b.add(n, f"BT {name} 10 Tf {x} {y} Td (A) Tj ET")


@place
def outside_a_text_object(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    b.add(n, f"/F1 {SIZE} Tf 1 0 0 1 {x} {y} Tm ({b.secret}) Tj")


@place
def unknown_font(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    b.add(n, f"BT /Nowhere {SIZE} Tf {x} {y} Td ({b.secret}) Tj ET")


@place
def unknown_operator(b: Book) -> None:
    b.add(0, f"BX ({b.secret}) foo EX")


@place
def comment_in_content(b: Book) -> None:
    b.add(0, f"% {b.secret}\n")


@place
def text_of_no_size(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    b.add(n, f"BT /F1 0 Tf {x} {y} Td ({b.secret}) Tj ET")


@place
def overprinted_twice(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    b.add(n, b.line(x, y) + b" " + b.line(x + 0.3, y))


# --- containers -----------------------------------------------------------------------------------


@place
def nested_forms(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    inner = b.form(b.line(0, 5), Matrix=Array([1, 0, 0, 1, 5, 0]))
    outer = b.form(b"")
    name = put(outer["/Resources"], "/XObject", inner)
    outer.write(f"q 1 0 0 1 -5 0 cm {name} Do Q".encode())
    b.add(n, f"q 1 0 0 1 {x} {y} cm {b.resource('/XObject', outer, n)} Do Q")


@place
def form_shared_by_pages(b: Book) -> None:
    form = b.form(b.line(0, 5))
    for n in (0, 1):
        b.add(n, f"q 1 0 0 1 100 {60 + 50 * n} cm {b.resource('/XObject', form, n)} Do Q")


@place
def form_that_nothing_shows(b: Book) -> None:
    b.resource("/XObject", b.form(b.line(20, 20)))


@place
def composite_form_that_nothing_shows(b: Book) -> None:
    form = b.form(b"")
    font, codes = composite(b.pdf, b.secret, mapped=b.rng.random() < 0.5)
    name = put(form["/Resources"], "/Font", font)
    form.write(f"BT {name} 10 Tf 10 10 Td <{codes.hex()}> Tj ET".encode())
    b.resource("/XObject", form)


@place
def composite_text_in_a_pattern_that_nothing_shows(b: Book) -> None:
    cell = b.form(b"", (0, 0, 100, 20))
    for key in ("/Type", "/Subtype"):
        del cell[key]
    for key, value in (
        ("/PatternType", 1), ("/PaintType", 1), ("/TilingType", 1), ("/XStep", 99), ("/YStep", 99)
    ):  # fmt: skip
        cell[key] = value
    font, codes = composite(b.pdf, b.secret)
    name = put(cell["/Resources"], "/Font", font)
    cell.write(f"BT {name} 10 Tf 2 5 Td <{codes.hex()}> Tj ET".encode())
    b.resource("/Pattern", cell)


@place
def composite_text_beyond_a_clip(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    font, codes = composite(b.pdf, b.secret)
    name = b.resource("/Font", font, n)
    b.add(n, f"q 0 0 5 5 re W n BT {name} 9 Tf {x} {y} Td <{codes.hex()}> Tj ET Q")


@place
def composite_text_off_the_page(b: Book) -> None:
    n, y = b.row()
    font, codes = composite(b.pdf, b.secret)
    name = b.resource("/Font", font, n)
    b.add(n, f"BT {name} 9 Tf 400 {y} Td <{codes.hex()}> Tj ET")


@place
def composite_text_without_a_map(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    font, codes = composite(b.pdf, b.secret, mapped=False)
    name = b.resource("/Font", font, n)
    b.add(n, f"BT {name} 9 Tf {x} {y} Td <{codes.hex()}> Tj ET")
    b.region(n, x - 2, y - 6, x + 90, y + 12)


@place
def composite_soft_mask_that_nothing_sets(b: Book) -> None:
    group = b.form(b"", Group=Dictionary(S=Name.Transparency, CS=Name.DeviceGray))
    font, codes = composite(b.pdf, b.secret)
    name = put(group["/Resources"], "/Font", font)
    group.write(f"BT {name} 10 Tf 2 5 Td <{codes.hex()}> Tj ET".encode())
    state = Dictionary(SMask=Dictionary(S=Name.Luminosity, G=group))
    b.resource("/ExtGState", b.pdf.make_indirect(state))


@place
def glyph_of_a_type3_font_with_composite_text(b: Book) -> None:
    """A glyph procedure that shows text itself, and that nothing shows."""
    holder = b.form(b"")
    font, codes = composite(b.pdf, b.secret)
    name = put(holder["/Resources"], "/Font", font)
    glyph = b.stream(f"90 0 d0 BT {name} 10 Tf <{codes.hex()}> Tj ET".encode())
    outer = Dictionary(
        Type=Name.Font,
        Subtype=Name.Type3,
        FontBBox=Array([0, 0, 100, 20]),
        FontMatrix=Array([0.1, 0, 0, 0.1, 0, 0]),
        FirstChar=65,
        LastChar=65,
        Widths=Array([90]),
        CharProcs=Dictionary(a=glyph),
        Encoding=Dictionary(Differences=Array([65, Name("/a")])),
        Resources=holder["/Resources"],
    )
    b.resource("/Font", b.pdf.make_indirect(outer))


@place
def tiling_pattern(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    cell = b.form(b.line(2, 5), (0, 0, 100, 20))
    for key in ("/Type", "/Subtype"):
        del cell[key]
    for key, value in (
        ("/PatternType", 1), ("/PaintType", 1), ("/TilingType", 1), ("/XStep", 400),
        ("/YStep", 400), ("/Matrix", Array([1, 0, 0, 1, x, y - 5])),
    ):  # fmt: skip
        cell[key] = value
    name = b.resource("/Pattern", cell, n)
    b.add(n, f"q /Pattern cs {name} scn {x} {y - 5} 100 20 re f Q")


@place
def soft_mask(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    group = b.form(
        b"1 g " + b.line(x, y), Group=Dictionary(S=Name.Transparency, CS=Name.DeviceGray)
    )
    state = Dictionary(SMask=Dictionary(S=Name.Luminosity, G=group))
    name = b.resource("/ExtGState", b.pdf.make_indirect(state), n)
    b.add(n, f"q {name} gs 0 g {x} {y - 5} 100 20 re f Q")


@place
def transparency_group(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    group = b.form(b.line(x, y), Group=Dictionary(S=Name.Transparency, I=True))
    b.add(n, f"{b.resource('/XObject', group, n)} Do")


def _layer(b: Book, name: str, *, shown: bool) -> Any:
    layer = b.pdf.make_indirect(Dictionary(Type=Name.OCG, Name=name))
    if "/OCProperties" not in b.pdf.Root:
        b.pdf.Root["/OCProperties"] = Dictionary(
            OCGs=Array([]), D=Dictionary(OFF=Array([]), Order=Array([]))
        )
    layers = b.pdf.Root["/OCProperties"]
    layers["/OCGs"].append(layer)
    if not shown:
        layers["/D"]["/OFF"].append(layer)
    return layer


@place
def layer_that_is_off(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    name = b.resource("/Properties", _layer(b, "notes", shown=False), n)
    b.add(n, f"/OC {name} BDC ".encode() + b.line(x, y) + b" EMC")


@place
def composite_text_in_a_layer_that_is_off(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    font, codes = composite(b.pdf, b.secret)
    font = b.resource("/Font", font, n)
    name = b.resource("/Properties", _layer(b, "notes", shown=False), n)
    b.add(n, f"/OC {name} BDC BT {font} 9 Tf {x} {y} Td <{codes.hex()}> Tj ET EMC")


@place
def layer_name(b: Book) -> None:
    _layer(b, f"of {b.secret}", shown=True)


@place
def free_text_annotation(b: Book) -> None:
    n, y = b.row()
    look = b.form(b.line(2, 5), (0, 0, 120, 18))
    b.annotate(
        Dictionary(
            Type=Name.Annot,
            Subtype=Name.FreeText,
            Rect=Array([80, y - 5, 200, y + 13]),
            Contents=b.secret,
            DA="/Helv 10 Tf 0 g",
            AP=Dictionary(N=look),
        ),
        n,
    )


def _stamp(b: Book, n: int, y: float, **more: Any) -> Any:
    look = b.form(b"0.9 g 0 0 120 18 re f", (0, 0, 120, 18))
    entries: dict[str, Any] = {"AP": Dictionary(N=look)}
    entries.update(more)
    return b.annotate(
        Dictionary(
            Type=Name.Annot, Subtype=Name.Stamp, Rect=Array([80, y - 5, 200, y + 13]), **entries
        ),
        n,
    )


@place
def appearance_when_pressed(b: Book) -> None:
    n, y = b.row()
    look = b.form(b"0.9 g 0 0 120 18 re f", (0, 0, 120, 18))
    font, codes = composite(b.pdf, b.secret)
    down = b.form(b"", (0, 0, 120, 18))
    name = put(down["/Resources"], "/Font", font)
    down.write(f"BT {name} 10 Tf 2 5 Td <{codes.hex()}> Tj ET".encode())
    _stamp(b, n, y, AP=Dictionary(N=look, D=down))


@place
def hidden_annotation(b: Book) -> None:
    n, y = b.row()
    font, codes = composite(b.pdf, b.secret)
    look = b.form(b"", (0, 0, 120, 18))
    name = put(look["/Resources"], "/Font", font)
    look.write(f"BT {name} 10 Tf 2 5 Td <{codes.hex()}> Tj ET".encode())
    _stamp(b, n, y, AP=Dictionary(N=look), F=2)


@place
def appearance_state_that_is_off(b: Book) -> None:
    n, y = b.row()
    on = b.form(b.line(2, 5), (0, 0, 120, 18))
    off = b.form(b"", (0, 0, 120, 18))
    _stamp(b, n, y, AP=Dictionary(N=Dictionary(On=on, Off=off)), AS=Name.Off)


# --- pixels (with the region given) -----------------------------------------------------------------


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


# --- document ---------------------------------------------------------------------------------------


@place
def document_information(b: Book) -> None:
    key = b.rng.choice(("/Title", "/Author", "/Keywords", "/Client"))
    b.pdf.docinfo[key] = f"Letter of {b.secret} in May"


@place
def key_of_document_information(b: Book) -> None:
    b.pdf.docinfo["/" + b.secret] = "yes"


def _xmp(b: Book) -> Any:
    inner = f"<dc:title>of {b.secret}</dc:title>"
    if b.rng.random() < 0.3:
        inner = "<dc:title>" + "".join(f"&#{ord(c)};" for c in b.secret) + "</dc:title>"
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><rdf:Description rdf:about="">'
        f"{inner}</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    codec = b.rng.choice(("utf-8", "utf-16"))
    return b.stream(packet.encode(codec), Type=Name.Metadata, Subtype=Name.XML)


@place
def xmp_of_the_document(b: Book) -> None:
    b.pdf.Root["/Metadata"] = _xmp(b)


@place
def xmp_of_a_page(b: Book) -> None:
    b.page()["/Metadata"] = _xmp(b)


@place
def xmp_of_an_image(b: Book) -> None:
    n, y = b.row()
    image = b.image(Image.new("L", (9, 9), 99), Metadata=_xmp(b))
    b.add(n, f"q 9 0 0 9 80 {y} cm {b.resource('/XObject', image, n)} Do Q")


@place
def bookmark(b: Book) -> None:
    with b.pdf.open_outline() as outline:
        outline.root.append(pikepdf.OutlineItem(f"About {b.secret}", 0))
        outline.root.append(pikepdf.OutlineItem("About nobody", 0))


@place
def named_destination(b: Book) -> None:
    tree = Dictionary(Names=Array([b.secret, Array([b.page(), Name.Fit])]))
    b.names()["/Dests"] = b.pdf.make_indirect(tree)


@place
def old_named_destination(b: Book) -> None:
    b.pdf.Root["/Dests"] = Dictionary({"/" + b.secret: Array([b.page(), Name.Fit])})


@place
def page_label(b: Book) -> None:
    b.pdf.Root["/PageLabels"] = Dictionary(Nums=Array([0, Dictionary(S=Name.D, P=b.secret + "-")]))


@place
def highlight_contents(b: Book) -> None:
    n, y = b.row()
    key = b.rng.choice(("/Contents", "/T", "/Subj", "/NM", "/RC"))
    text = f"<body><p>{b.secret}</p></body>" if key == "/RC" else f"says {b.secret}"
    _stamp(b, n, y, **{key[1:]: text})


@place
def rich_text_in_pieces(b: Book) -> None:
    n, y = b.row()
    half = f"<body><b>{b.secret[:4]}</b><i>{b.secret[4:]}</i></body>"
    _stamp(b, n, y, RC=half)


@place
def reply_and_popup(b: Book) -> None:
    n, y = b.row()
    first = _stamp(b, n, y)
    rect = Array([0, 0, 1, 1])
    b.annotate(
        Dictionary(
            Type=Name.Annot, Subtype=Name.Text, Rect=rect, IRT=first, Contents=f"no, {b.secret}"
        ),
        n,
    )
    first["/Popup"] = b.annotate(
        Dictionary(Type=Name.Annot, Subtype=Name.Popup, Rect=rect, Parent=first, Contents=b.secret),
        n,
    )


@place
def redact_annotation(b: Book) -> None:
    n, y = b.row()
    b.annotate(
        Dictionary(
            Type=Name.Annot,
            Subtype=Name.Redact,
            Rect=Array([80, y - 5, 200, y + 13]),
            OverlayText=b.secret,
        ),
        n,
    )


def _field(b: Book, kind: Any, **more: Any) -> Any:
    n, y = b.row()
    look = b.form(b"0.9 g 0 0 100 16 re f", (0, 0, 100, 16))
    field = b.annotate(
        Dictionary(
            Type=Name.Annot,
            Subtype=Name.Widget,
            FT=kind,
            T=f"field{y:.0f}",
            Rect=Array([80, y - 5, 180, y + 11]),
            DA="/Helv 10 Tf 0 g",
            P=b.page(n),
            AP=Dictionary(N=look),
        ),
        n,
    )
    for key, value in more.items():
        field["/" + key] = value
    if "/AcroForm" not in b.pdf.Root:
        b.pdf.Root["/AcroForm"] = Dictionary(
            Fields=Array([]),
            DR=Dictionary(Font=Dictionary(Helv=b.pdf.make_indirect(helvetica()))),
            DA="/Helv 10 Tf 0 g",
        )
    b.pdf.Root["/AcroForm"]["/Fields"].append(field)
    return field


@place
def form_field_value(b: Book) -> None:
    field = _field(b, Name.Tx, V=b.secret)
    field["/AP"]["/N"] = b.form(b.line(2, 4), (0, 0, 100, 16))


@place
def widget_default(b: Book) -> None:
    _field(b, Name.Tx, **{b.rng.choice(("DV", "TU", "TM", "RV")): f"of {b.secret}"})


@place
def field_name(b: Book) -> None:
    _field(b, Name.Tx)["/T"] = f"name_{b.secret}"


@place
def choice_field_options(b: Book) -> None:
    _field(b, Name.Ch, Opt=Array(["Nobody", b.secret, Array(["x", b.secret])]))


@place
def export_value_of_a_checkbox(b: Book) -> None:
    field = _field(b, Name.Btn)
    on = b.form(b"", (0, 0, 16, 16))
    field["/AP"] = Dictionary(N=Dictionary({"/" + b.secret: on, "/Off": b.form(b"")}))
    field["/V"] = field["/AS"] = Name.Off


@place
def caption_of_a_button(b: Book) -> None:
    _field(b, Name.Btn, Ff=65536, MK=Dictionary(CA=b.secret, RC="over", AC="down"))


@place
def xfa(b: Book) -> None:
    _field(b, Name.Tx)
    packet = b.stream(f"<xdp><name>{b.secret}</name></xdp>".encode())
    b.pdf.Root["/AcroForm"]["/XFA"] = Array(["datasets", packet])


def _link(b: Book, target: str) -> None:
    n, y = b.row()
    b.annotate(
        Dictionary(
            Type=Name.Annot,
            Subtype=Name.Link,
            Rect=Array([80, y - 5, 180, y + 11]),
            A=Dictionary(S=Name.URI, URI=target),
        ),
        n,
    )


@place
def link_uri(b: Book) -> None:
    _link(b, f"https://example.org/people/{b.secret}?x=1")


@place
def link_uri_percent(b: Book) -> None:
    _link(b, "mailto:" + "".join(f"%{ord(c):02X}" for c in b.secret) + "@example.org")


@place
def base_uri(b: Book) -> None:
    b.pdf.Root["/URI"] = Dictionary(Base=f"https://{quote(b.secret)}.example.org/")


@place
def goto_remote_file(b: Book) -> None:
    n, y = b.row()
    b.annotate(
        Dictionary(
            Type=Name.Annot,
            Subtype=Name.Link,
            Rect=Array([80, y - 5, 180, y + 11]),
            A=Dictionary(
                S=Name.GoToR, F=Dictionary(F=f"{b.secret}.pdf", UF=f"{b.secret}.pdf"), D=0
            ),
        ),
        n,
    )


@place
def attachment(b: Book) -> None:
    name, body = b.rng.choice(
        (
            ("a.txt", f"about {b.secret}".encode()),
            (f"{b.secret}.txt", b"nothing"),
            ("b.txt", f"about {b.secret}".encode("utf-16")),
        )
    )
    b.pdf.attachments[name] = body


@place
def attachment_in_an_archive(b: Book) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", f"about {b.secret} " * 3)
    b.pdf.attachments["a.zip"] = buffer.getvalue()


@place
def attachment_in_an_attachment(b: Book) -> None:
    other = pikepdf.new()
    other.add_blank_page()
    other.docinfo["/Title"] = b.secret
    buffer = io.BytesIO()
    other.save(buffer, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    b.pdf.attachments["a.pdf"] = buffer.getvalue()


@place
def file_annotation(b: Book) -> None:
    n, y = b.row()
    file = b.stream(b.secret.encode(), Type=Name.EmbeddedFile)
    spec = Dictionary(Type=Name.Filespec, F=f"{b.secret}.txt", EF=Dictionary(F=file))
    b.annotate(
        Dictionary(
            Type=Name.Annot,
            Subtype=Name.FileAttachment,
            Rect=Array([80, y - 5, 90, y + 5]),
            FS=spec,
        ),
        n,
    )


@place
def associated_file(b: Book) -> None:
    file = b.stream(b.secret.encode(), Type=Name.EmbeddedFile)
    spec = b.pdf.make_indirect(Dictionary(Type=Name.Filespec, F="a.txt", EF=Dictionary(F=file)))
    b.rng.choice((b.pdf.Root, b.page()))["/AF"] = Array([spec])


def _script(b: Book) -> Any:
    escape = b.rng.choice((None, "\\u{:04x}", "\\x{:02x}"))
    name = "".join(escape.format(ord(c)) for c in b.secret) if escape else b.secret
    text = f"app.alert('Hello {name}');"
    code = b.stream(text.encode()) if b.rng.random() < 0.5 else text
    return Dictionary(S=Name.JavaScript, JS=code)


@place
def javascript_of_the_document(b: Book) -> None:
    b.names()["/JavaScript"] = Dictionary(Names=Array(["a", b.pdf.make_indirect(_script(b))]))


@place
def javascript_on_opening(b: Book) -> None:
    b.pdf.Root["/OpenAction"] = _script(b)


@place
def javascript_of_a_page(b: Book) -> None:
    b.page()["/AA"] = Dictionary(O=_script(b))


@place
def javascript_of_a_field(b: Book) -> None:
    _field(b, Name.Tx, AA=Dictionary(K=_script(b)))


@place
def javascript_of_a_bookmark(b: Book) -> None:
    with b.pdf.open_outline() as outline:
        outline.root.append(pikepdf.OutlineItem("Go", 0))
    item = b.pdf.Root["/Outlines"]["/Last"]
    if "/Dest" in item:
        del item["/Dest"]
    item["/A"] = _script(b)


@place
def next_action(b: Book) -> None:
    b.pdf.Root["/OpenAction"] = Dictionary(
        S=Name.GoTo, D=Array([b.page(), Name.Fit]), Next=_script(b)
    )


@place
def launch_action(b: Book) -> None:
    b.pdf.Root["/OpenAction"] = Dictionary(S=Name.Launch, F=f"C:\\{b.secret}\\a.exe")


@place
def structure_tree(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    b.add(n, b"/P << /MCID 0 >> BDC " + b.line(x, y) + b" EMC")
    key = b.rng.choice(("/ActualText", "/Alt", "/E", "/T", "/ID", "/Lang"))
    element = Dictionary(Type=Name.StructElem, S=Name.P, Pg=b.page(n), K=0)
    element[key] = f"of {b.secret}"
    tree = b.pdf.make_indirect(Dictionary(Type=Name.StructTreeRoot))
    element["/P"] = tree
    tree["/K"] = Array([b.pdf.make_indirect(element)])
    b.pdf.Root["/StructTreeRoot"] = tree
    b.pdf.Root["/MarkInfo"] = Dictionary(Marked=True)


@place
def structure_role(b: Book) -> None:
    tree = Dictionary(Type=Name.StructTreeRoot, RoleMap=Dictionary({"/" + b.secret: Name.P}))
    b.pdf.Root["/StructTreeRoot"] = b.pdf.make_indirect(tree)


@place
def alternative_text_in_content(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    text = b.secret.encode("utf-16-be").hex()
    b.add(n, f"/Span << /ActualText <feff{text}> >> BDC ".encode() + b.line(x, y, "NN") + b" EMC")


@place
def alternative_text_in_properties(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    name = b.resource("/Properties", Dictionary(ActualText=f"of {b.secret}", MCID=7), n)
    b.add(n, f"/Span {name} BDC ".encode() + b.line(x, y, "NN") + b" EMC")


@place
def marked_point(b: Book) -> None:
    b.add(0, f"/Note << /Who ({b.secret}) >> DP")


@place
def tag_of_marked_content(b: Book) -> None:
    b.add(0, f"/{b.secret} BMC EMC")


@place
def article_thread(b: Book) -> None:
    bead = b.pdf.make_indirect(Dictionary(Type=Name.Bead, P=b.page(), R=Array([0, 0, 9, 9])))
    bead["/N"] = bead["/V"] = bead
    thread = Dictionary(Type=Name.Thread, F=bead, I=Dictionary(Title=b.secret))
    b.pdf.Root["/Threads"] = Array([b.pdf.make_indirect(thread)])


@place
def portfolio(b: Book) -> None:
    b.pdf.Root["/Collection"] = Dictionary(
        Type=Name.Collection,
        Schema=Dictionary({"/" + b.secret: Dictionary(Subtype=Name.S, N=b.secret)}),
    )


@place
def output_intent(b: Book) -> None:
    b.pdf.Root["/OutputIntents"] = Array(
        [Dictionary(Type=Name.OutputIntent, S=Name("/GTS_PDFX"), Info=f"press of {b.secret}")]
    )


@place
def colour_profile(b: Book) -> None:
    n, y = b.row()
    profile = b.stream(
        b"\0" * 128 + f"Copyright {b.secret}\0".encode(), N=3, Alternate=Name.DeviceRGB
    )
    name = b.resource("/ColorSpace", Array([Name.ICCBased, profile]), n)
    b.add(n, f"q {name} cs 0.5 0.5 0.5 sc 80 {y} 5 5 re f Q")


@place
def name_of_an_ink(b: Book) -> None:
    n, y = b.row()
    function = Dictionary(FunctionType=2, Domain=Array([0, 1]), C0=Array([1]), C1=Array([0]), N=1)
    space = Array([Name.Separation, Name("/" + b.secret), Name.DeviceGray, function])
    name = b.resource("/ColorSpace", space, n)
    b.add(n, f"q {name} cs 1 scn 80 {y} 5 5 re f Q")


@place
def signature_field(b: Book) -> None:
    key = b.rng.choice(("Name", "Reason", "Location", "ContactInfo"))
    value = Dictionary(Type=Name.Sig, Filter=Name("/Adobe.PPKLite"), Contents=b"\0" * 20)
    value["/" + key] = b.secret
    _field(b, Name.Sig, V=b.pdf.make_indirect(value))
    b.pdf.Root["/AcroForm"]["/SigFlags"] = 3


@place
def application_data(b: Book) -> None:
    private = Dictionary(LastModified="D:2026", Private=Dictionary(Who=b.secret))
    b.page()["/PieceInfo"] = Dictionary(App=private)


@place
def private_key(b: Book) -> None:
    holder = b.rng.choice((b.pdf.Root, b.page(), b.pdf.trailer, b.page()["/Resources"]))
    holder["/ZZZ_Who"] = b.rng.choice((b.secret, Array([1, Dictionary(A=b.secret)])))


@place
def composite_text_in_a_private_form(b: Book) -> None:
    form = b.form(b"")
    font, codes = composite(b.pdf, b.secret)
    name = put(form["/Resources"], "/Font", font)
    form.write(f"BT {name} 10 Tf 10 10 Td <{codes.hex()}> Tj ET".encode())
    b.pdf.Root["/ZZZ_Form"] = form


@place
def image_under_a_private_key(b: Book) -> None:
    b.page()["/ZZZ_Picture"] = b.image(b.picture())


@place
def private_stream(b: Book) -> None:
    b.pdf.Root["/ZZZ_Data"] = b.stream(f"who={b.secret}".encode())


@place
def private_name(b: Book) -> None:
    b.pdf.Root["/ZZZ_Who"] = Name("/" + b.secret)


@place
def name_of_a_resource(b: Book) -> None:
    n, y = b.row()
    form = b.form(b"0 0 5 5 re f")
    b.add(n, f"q 1 0 0 1 80 {y} cm {b.resource('/XObject', form, n, '/' + b.secret)} Do Q")


@place
def name_of_a_font(b: Book) -> None:
    n, y = b.row()
    font = helvetica()
    font["/Name"] = Name("/" + b.secret)
    b.add(n, f"BT {b.resource('/Font', b.pdf.make_indirect(font), n)} 5 Tf 80 {y} Td (x) Tj ET")


@place
def base_font_name(b: Book) -> None:
    n, y = b.row()
    font, codes = composite(b.pdf, "xyz")
    font["/BaseFont"] = Name(f"/ABCDEF+{b.secret}Sans")
    b.add(n, f"BT {b.resource('/Font', font, n)} 5 Tf 80 {y} Td <{codes.hex()}> Tj ET")


@place
def web_capture(b: Book) -> None:
    b.pdf.Root["/SpiderInfo"] = Dictionary(V=1.25, C=Array([Dictionary(URL=b.secret)]))
    b.names()["/URLS"] = Dictionary(Names=Array([f"http://{b.secret}.org", Array([])]))


@place
def entry_of_a_stream(b: Book) -> None:
    n, y = b.row()
    form = b.form(b"0 0 5 5 re f", Comment=f"of {b.secret}")
    b.add(n, f"q 1 0 0 1 80 {y} cm {b.resource('/XObject', form, n)} Do Q")


@place
def indirect_string(b: Book) -> None:
    b.pdf.docinfo["/Subject"] = b.pdf.make_indirect(pikepdf.String(f"of {b.secret}"))


@place
def template_page(b: Book) -> None:
    page = Dictionary(
        Type=Name.Template, MediaBox=Array([0, 0, 99, 99]), Contents=b.stream(b.line(5, 5))
    )
    b.names()["/Templates"] = Dictionary(Names=Array(["t", b.pdf.make_indirect(page)]))


@place
def earlier_revision(b: Book) -> None:
    b.revise = True


@place
def part_of_a_name_in_bookmark_in_utf16(b: Book) -> None:
    with b.pdf.open_outline() as outline:
        outline.root.append(pikepdf.OutlineItem(f"Über {b.secret} – „heute“", 0))


@place
def permissions(b: Book) -> None:
    b.pdf.Root["/Perms"] = Dictionary(DocMDP=Dictionary(Type=Name.Sig, Name=b.secret))


@place
def measure(b: Book) -> None:
    b.page()["/VP"] = Array(
        [Dictionary(Type=Name.Viewport, BBox=Array([0, 0, 9, 9]), Name=f"plan of {b.secret}")]
    )


@place
def object_that_nothing_refers_to(b: Book) -> None:
    b.orphan = True


@place
def bytes_before_the_header(b: Book) -> None:
    b.around_file = (f"mailed by {b.secret}\n".encode(), b.around_file[1])


@place
def bytes_after_the_end(b: Book) -> None:
    b.around_file = (b.around_file[0], f"\n% scanned by {b.secret}\n".encode())


@place
def sound_annotation(b: Book) -> None:
    sound = b.stream(f"says {b.secret}".encode(), Type=Name.Sound, R=8000)
    b.annotate(
        Dictionary(Type=Name.Annot, Subtype=Name.Sound, Rect=Array([270, 10, 290, 30]), Sound=sound)
    )


@place
def file_of_a_reference_form(b: Book) -> None:
    """A form that stands for a page of another file, which it names."""
    n, y = b.row()
    proxy = b.form(b"", (0, 0, 9, 9))
    proxy["/Ref"] = Dictionary(F=Dictionary(Type=Name.Filespec, F=f"{b.secret}.pdf"), Page=0)
    name = b.resource("/XObject", b.pdf.make_indirect(proxy), n)
    b.add(n, f"q 1 0 0 1 20 {y} cm {name} Do Q")


@place
def proxy_of_a_printer(b: Book) -> None:
    """Open Prepress Interface: where the picture in full resolution lies."""
    n, y = b.row()
    image = b.image(Image.new("L", (4, 4), 200))
    image["/OPI"] = Dictionary({"/2.0": Dictionary(Type=Name.OPI, F=f"/home/{b.secret}/a.tif")})
    name = b.resource("/XObject", b.pdf.make_indirect(image), n)
    b.add(n, f"q 9 0 0 9 20 {y} cm {name} Do Q")


@place
def usage_of_a_layer(b: Book) -> None:
    _layer(b, "Plan", shown=True)
    group = b.pdf.Root["/OCProperties"]["/OCGs"][-1]
    group["/Usage"] = Dictionary(CreatorInfo=Dictionary(Creator=b.secret, Subtype=Name.Artwork))


@place
def web_link_of_an_image_map(b: Book) -> None:
    _link(b, f"http://www.example.org/cgi?{b.secret.encode('utf-16-be').hex()}={b.secret[::-1]}")
    b.annotate(
        Dictionary(
            Type=Name.Annot,
            Subtype=Name.Link,
            Rect=Array([0, 0, 9, 9]),
            PA=Dictionary(S=Name.URI, URI=f"http://example.org/{b.secret}"),
        )
    )
