"""What draws a page besides its content: forms, patterns, masks, layers, annotations."""

from __future__ import annotations

from typing import Any

from pikepdf import Array, Dictionary, Name

from ..book import Book, put
from .registry import place


@place
def nested_forms(b: Book) -> None:
    n, x, y = b.spot()
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
    b.resource("/XObject", b.coded_in(b.form(b""), mapped=b.rng.random() < 0.5))


@place
def composite_text_in_a_pattern_that_nothing_shows(b: Book) -> None:
    cell = b.form(b"", (0, 0, 100, 20))
    for key in ("/Type", "/Subtype"):
        del cell[key]
    for key, value in (
        ("/PatternType", 1), ("/PaintType", 1), ("/TilingType", 1), ("/XStep", 99), ("/YStep", 99)
    ):  # fmt: skip
        cell[key] = value
    b.resource("/Pattern", b.coded_in(cell))


@place
def composite_text_beyond_a_clip(b: Book) -> None:
    n, x, y = b.spot()
    b.coded(n, x, y, 9, around="q 0 0 5 5 re W n %s Q")


@place
def composite_text_off_the_page(b: Book) -> None:
    n, y = b.row()
    b.coded(n, 400, y, 9)


@place
def composite_text_without_a_map(b: Book) -> None:
    n, x, y = b.spot()
    b.coded(n, x, y, 9, mapped=False)
    b.region(n, x - 2, y - 6, x + 90, y + 12)


@place
def composite_soft_mask_that_nothing_sets(b: Book) -> None:
    group = b.form(b"", Group=Dictionary(S=Name.Transparency, CS=Name.DeviceGray))
    b.coded_in(group)
    state = Dictionary(SMask=Dictionary(S=Name.Luminosity, G=group))
    b.resource("/ExtGState", b.pdf.make_indirect(state))


@place
def glyph_of_a_type3_font_with_composite_text(b: Book) -> None:
    """A glyph procedure that shows text itself, and that nothing shows."""
    glyph = b.form(b"")
    b.coded_in(glyph, "90 0 d0 BT %s ET")
    resources = glyph["/Resources"]
    for key in ("/Type", "/Subtype", "/BBox", "/Resources"):
        del glyph[key]
    outer = b.type3(glyph, Resources=resources)
    b.resource("/Font", b.pdf.make_indirect(outer))


@place
def tiling_pattern(b: Book) -> None:
    n, x, y = b.spot()
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
    n, x, y = b.spot()
    group = b.form(
        b"1 g " + b.line(x, y), Group=Dictionary(S=Name.Transparency, CS=Name.DeviceGray)
    )
    state = Dictionary(SMask=Dictionary(S=Name.Luminosity, G=group))
    name = b.resource("/ExtGState", b.pdf.make_indirect(state), n)
    b.add(n, f"q {name} gs 0 g {x} {y - 5} 100 20 re f Q")


@place
def transparency_group(b: Book) -> None:
    n, x, y = b.spot()
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
    n, x, y = b.spot()
    name = b.resource("/Properties", layer(b, "notes", shown=False), n)
    b.add(n, f"/OC {name} BDC ".encode() + b.line(x, y) + b" EMC")


@place
def composite_text_in_a_layer_that_is_off(b: Book) -> None:
    n, x, y = b.spot()
    name = b.resource("/Properties", layer(b, "notes", shown=False), n)
    b.coded(n, x, y, 9, around=f"/OC {name} BDC %s EMC")


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
    down = b.coded_in(b.form(b"", (0, 0, 120, 18)))
    stamp(b, n, y, AP=Dictionary(N=look, D=down))


@place
def hidden_annotation(b: Book) -> None:
    n, y = b.row()
    look = b.coded_in(b.form(b"", (0, 0, 120, 18)))
    stamp(b, n, y, AP=Dictionary(N=look), F=2)


@place
def appearance_state_that_is_off(b: Book) -> None:
    n, y = b.row()
    on = b.form(b.line(2, 5), (0, 0, 120, 18))
    off = b.form(b"", (0, 0, 120, 18))
    stamp(b, n, y, AP=Dictionary(N=Dictionary(On=on, Off=off)), AS=Name.Off)
