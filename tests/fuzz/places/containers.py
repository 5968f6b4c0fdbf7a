"""What draws a page besides its content: forms, patterns, masks, layers, annotations."""

from __future__ import annotations

from typing import Any

from pikepdf import Array, Dictionary, Name

from ..book import Book, composite, put
from .registry import place


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


def layer(b: Book, name: str, *, shown: bool) -> Any:
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
    name = b.resource("/Properties", layer(b, "notes", shown=False), n)
    b.add(n, f"/OC {name} BDC ".encode() + b.line(x, y) + b" EMC")


@place
def composite_text_in_a_layer_that_is_off(b: Book) -> None:
    n, y = b.row()
    x = b.around(n, y)
    font, codes = composite(b.pdf, b.secret)
    font = b.resource("/Font", font, n)
    name = b.resource("/Properties", layer(b, "notes", shown=False), n)
    b.add(n, f"/OC {name} BDC BT {font} 9 Tf {x} {y} Td <{codes.hex()}> Tj ET EMC")


@place
def layer_name(b: Book) -> None:
    layer(b, f"of {b.secret}", shown=True)


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


def stamp(b: Book, n: int, y: float, **more: Any) -> Any:
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
    stamp(b, n, y, AP=Dictionary(N=look, D=down))


@place
def hidden_annotation(b: Book) -> None:
    n, y = b.row()
    font, codes = composite(b.pdf, b.secret)
    look = b.form(b"", (0, 0, 120, 18))
    name = put(look["/Resources"], "/Font", font)
    look.write(f"BT {name} 10 Tf 2 5 Td <{codes.hex()}> Tj ET".encode())
    stamp(b, n, y, AP=Dictionary(N=look), F=2)


@place
def appearance_state_that_is_off(b: Book) -> None:
    n, y = b.row()
    on = b.form(b.line(2, 5), (0, 0, 120, 18))
    off = b.form(b"", (0, 0, 120, 18))
    stamp(b, n, y, AP=Dictionary(N=Dictionary(On=on, Off=off)), AS=Name.Off)
