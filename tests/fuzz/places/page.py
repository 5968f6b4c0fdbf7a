"""Text on a page: in any order, spelling, code, font and place."""

from __future__ import annotations

from ..book import HEIGHT, SIZE, Book, helvetica, put
from .registry import place


@place
def plain_text(b: Book) -> None:
    n, y = b.row()
    b.add(n, b.line(b.around(n, y), y))


@place
def hexadecimal(b: Book) -> None:
    n, x, y = b.spot()
    b.add(n, f"BT /F1 {SIZE} Tf {x} {y} Td <{b.secret.encode('cp1252').hex()}> Tj ET")


@place
def kerned(b: Book) -> None:
    n, x, y = b.spot()
    parts = " ".join(f"({c}) {b.rng.randint(-60, 60)}" for c in b.secret)
    b.add(n, f"BT /F1 {SIZE} Tf {x} {y} Td [{parts}] TJ ET")


@place
def glyphs_in_any_order(b: Book) -> None:
    n, x, y = b.spot()
    steps = []
    for char in b.secret:
        steps.append(f"BT /F1 {SIZE} Tf {x:.2f} {y} Td ({char}) Tj ET")
        x += 0.56 * SIZE
    b.rng.shuffle(steps)
    b.add(n, "\n".join(steps))


@place
def spaced_by_tc(b: Book) -> None:
    n, x, y = b.spot()
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
    n, x, y = b.spot()
    shown = f"BT /F1 {SIZE} Tf 7 Tr {x} {y} Td ({b.secret}) Tj ET"
    b.add(n, f"q {shown} 0.5 g {x} {y - 5} 120 20 re f Q")


@place
def white_on_white(b: Book) -> None:
    n, y = b.row()
    b.add(n, b"1 g " + b.line(b.around(n, y), y) + b" 0 g")


@place
def under_a_rectangle(b: Book) -> None:
    n, x, y = b.spot()
    b.add(n, b.line(x, y) + f" {x - 2} {y - 4} 100 16 re f".encode())


@place
def one_point_high(b: Book) -> None:
    n, x, y = b.spot()
    b.add(n, f"BT /F1 1 Tf {x} {y} Td ({b.secret}) Tj ET")


@place
def off_the_page(b: Book) -> None:
    n, y = b.row()
    b.add(n, b.line(b.rng.choice((-200, 400)), y))


@place
def beyond_a_clip(b: Book) -> None:
    n, x, y = b.spot()
    b.add(n, b"q 0 0 5 5 re W n " + b.line(x, y) + b" Q")


@place
def full_width_forms(b: Book) -> None:
    n, x, y = b.spot()
    wide = "".join(chr(ord(c) + 0xFEE0) for c in b.secret)
    b.coded(n, x, y, 8, lie=wide)


@place
def look_alike_letters(b: Book) -> None:
    n, x, y = b.spot()
    alike = b.secret.translate(str.maketrans("aeox", "аеох"))
    b.coded(n, x, y, 8, lie=alike)


@place
def soft_hyphens(b: Book) -> None:
    n, x, y = b.spot()
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
    n, x, y = b.spot()
    b.coded(n, x, y)


@place
def subset_in_order_of_use(b: Book) -> None:
    n, x, y = b.spot()
    b.coded(n, x, y, in_order=True)


@place
def whole_word_as_one_glyph(b: Book) -> None:
    """A font whose ToUnicode map gives a single code the whole word."""
    n, x, y = b.spot()
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
    n, x, y = b.spot()
    proc = b.form(b.line(0, 0))
    inner = put(proc["/Resources"], "/Font", b.pdf.make_indirect(helvetica()))
    glyph = b.stream(f"90 0 d0 BT {inner} 10 Tf ({b.secret}) Tj ET".encode())
    font = b.type3(glyph, Resources=proc["/Resources"])
    font["/ToUnicode"] = b.stream(
        b"begincmap 1 beginbfchar <41> <%s> endbfchar endcmap"
        % b.secret.encode("utf-16-be").hex().encode()
    )
    name = b.resource("/Font", b.pdf.make_indirect(font), n)
    b.add(n, f"BT {name} 10 Tf {x} {y} Td (A) Tj ET")


@place
def outside_a_text_object(b: Book) -> None:
    n, x, y = b.spot()
    b.add(n, f"/F1 {SIZE} Tf 1 0 0 1 {x} {y} Tm ({b.secret}) Tj")


@place
def unknown_font(b: Book) -> None:
    n, x, y = b.spot()
    b.add(n, f"BT /Nowhere {SIZE} Tf {x} {y} Td ({b.secret}) Tj ET")


@place
def unknown_operator(b: Book) -> None:
    b.add(0, f"BX ({b.secret}) foo EX")


@place
def comment_in_content(b: Book) -> None:
    b.add(0, f"% {b.secret}\n")


@place
def text_of_no_size(b: Book) -> None:
    n, x, y = b.spot()
    b.add(n, f"BT /F1 0 Tf {x} {y} Td ({b.secret}) Tj ET")


@place
def overprinted_twice(b: Book) -> None:
    n, x, y = b.spot()
    b.add(n, b.line(x, y) + b" " + b.line(x + 0.3, y))
