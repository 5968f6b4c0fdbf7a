"""What is one text, and what is left alone."""

from __future__ import annotations

import doctest

import pytest

from docharmony import BBox, Block, BlockKind, Cell, Line, Page, Word
from docharmony.translators import units
from docharmony.translators.texts import is_code, joined, shared_out


def line(
    name: str, text: str, x: float = 0, y: float = 0, size: float = 10, **options: object
) -> Line:
    words = []
    at = x
    for piece in text.split():
        words.append(Word(piece, BBox(at, y, at + 5 * len(piece), y + size)))
        at += 5 * len(piece) + 3
    return Line(name, tuple(words), BBox.around(w.bbox for w in words), size=size, **options)  # type: ignore[arg-type]


def page(kind: BlockKind, *lines: Line, cells: tuple[Cell, ...] = (), number: int = 1) -> Page:
    block = Block(
        "b",
        kind,
        BBox.around(item.bbox for item in lines),
        tuple(item.id for item in lines),
        cells=cells,
    )
    return Page(number, 500, 700, lines=lines, blocks=(block,))


def texts(*pages: Page) -> list[str]:
    return [unit.text for unit in units.units(pages)]


def test_a_paragraph_is_one_text_without_its_hyphens() -> None:
    own = page(BlockKind.PARAGRAPH, line("a", "The docu-", y=0), line("b", "ment is here.", y=12))
    assert texts(own) == ["The document is here."]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["the Anglo-", "Saxons"], "the Anglo-Saxons"),
        (["pages 3-", "5"], "pages 3-5"),
        (["one -", "two"], "one - two"),
        (["soft\u00ad", "ware"], "software"),
        (["\u4e2d\u6587", "\u884c"], "\u4e2d\u6587\u884c"),
        (["", "a", ""], "a"),
    ],
)
def test_line_ends(lines: list[str], expected: str) -> None:
    assert joined(lines) == expected


@pytest.mark.parametrize("mark", ["\u2022", "1.", "(a)", "2.3", "iv)", "-"])
def test_bullets_and_numbers_stay_where_they_are(mark: str) -> None:
    own = page(BlockKind.LIST_ITEM, line("a", f"{mark} Sign the form"))
    unit = units.units([own])[0]
    assert unit.text == "Sign the form"
    assert unit.parts[0][1][0].bbox.x0 == 5 * len(mark) + 3
    assert texts(page(BlockKind.PARAGRAPH, line("a", "A dog barks"))) == ["A dog barks"]


def test_dot_leaders_part_an_entry_from_its_page() -> None:
    own = page(
        BlockKind.PARAGRAPH,
        line("a", "Introduction ........ 5"),
        line("b", "Methods.............12", y=12),
        line("c", "Results . . . . . . 20", y=24),
    )
    assert texts(own) == ["Introduction", "5", "Methods", "12", "Results", "20"]


def test_an_ellipsis_is_no_leader() -> None:
    told = page(
        BlockKind.PARAGRAPH,
        line("a", "use the \\eqref{...} command and wait ... then go", y=0),
        line("b", "on (\\ref{...}) as all of the others have done", y=12),
    )
    assert len(texts(told)) == 1
    listed = page(
        BlockKind.PARAGRAPH, line("a", "Roofs ... 12", y=0), line("b", "Walls .... 14", y=12)
    )
    assert texts(listed) == ["Roofs", "12", "Walls", "14"]


def test_a_bold_line_before_others_is_a_text_of_its_own() -> None:
    told = page(
        BlockKind.PARAGRAPH,
        line("a", "Mary Walker", y=0, bold=True),
        line("b", "Institute for Old Houses and New Roofs of Leeds", y=12),
    )
    assert texts(told) == ["Mary Walker", "Institute for Old Houses and New Roofs of Leeds"]


def test_parts_of_another_size_behind_a_gap_stand_alone() -> None:
    words = (
        Word("Fachhochschule", BBox(0, 0, 90, 14)),
        Word("write", BBox(120, 3, 145, 13)),
        Word("us", BBox(148, 3, 158, 13)),
    )
    told = page(BlockKind.PARAGRAPH, Line("a", words, BBox(0, 0, 158, 14), size=14))
    assert texts(told) == ["Fachhochschule", "write us"]


def test_cells_stand_alone_even_where_a_line_goes_over_several() -> None:
    cells = (
        Cell(0, 0, BBox(0, 0, 60, 12), ""),
        Cell(0, 1, BBox(60, 0, 200, 12), ""),
        Cell(1, 0, BBox(0, 12, 60, 40), ""),
    )
    own = page(
        BlockKind.TABLE,
        line("a", "Date Supplier"),
        line("b", "two", y=13),
        line("c", "lines", y=25),
        cells=cells,
    )
    own_line = own.lines[0]
    moved = Word("Supplier", BBox(80, 0, 120, 10))
    own = Page(
        1,
        500,
        700,
        lines=(Line("a", (own_line.words[0], moved), BBox(0, 0, 120, 10)), *own.lines[1:]),
        blocks=own.blocks,
    )
    assert texts(own) == ["Date", "two lines", "Supplier"]


def test_the_alignment_of_a_column_is_found() -> None:
    words = ["Pounds", "4,180.00", "7.50", "12.00"]
    lines = [line(str(n), text, x=200 - 5 * len(text), y=12 * n) for n, text in enumerate(words)]
    cells = tuple(Cell(n, 0, BBox(100, 12 * n - 1, 201, 12 * n + 11), "") for n in range(4))
    found = units.units([page(BlockKind.TABLE, *lines, cells=cells)])
    assert {unit.align for unit in found} == {"end"}


def test_labels_of_a_figure_stand_alone() -> None:
    own = page(
        BlockKind.FIGURE,
        line("a", "Jan"),
        line("b", "Feb", x=60),
        line("c", "Growth of"),
        line("d", "sales", y=12),
    )
    assert texts(own) == ["Jan", "Feb", "Growth of sales"]


def test_paragraphs_go_on_in_the_next_column_and_on_the_next_page() -> None:
    first = Page(
        1,
        500,
        700,
        lines=(line("a", "The first half", y=600), line("b", "Page 1", y=680)),
        blocks=(
            Block("x", BlockKind.PARAGRAPH, BBox(0, 600, 90, 610), ("a",)),
            Block("y", BlockKind.FOOTER, BBox(0, 680, 90, 690), ("b",)),
        ),
    )
    second = page(BlockKind.PARAGRAPH, line("c", "and the other one.", y=20), number=2)
    found = units.units([first, second])
    assert [unit.text for unit in found] == ["The first half and the other one.", "Page 1"]
    assert [index for index, _ in found[0].parts] == [0, 1]
    ended = page(BlockKind.PARAGRAPH, line("c", "Another one.", y=20), number=2)
    assert texts(first, ended)[0] == "The first half"
    formula = page(BlockKind.PARAGRAPH, line("e", ")\u00b2x-", y=600))
    assert texts(formula, ended)[0] == ")\u00b2x-"
    parted = page(BlockKind.PARAGRAPH, line("e", "the Baden-", y=600))
    assert texts(parted, page(BlockKind.PARAGRAPH, line("c", "Baden line", y=20), number=2)) == [
        "the Baden-Baden line"
    ]


def test_an_address_is_not_one_sentence() -> None:
    address = [line("a", "Mrs. Eleanor Whitcombe"), line("b", "32 Saltmarsh Lane", y=12)]
    wide = line("c", "A paragraph that shows how wide the column is, to its very end.", y=60)
    own = page(BlockKind.PARAGRAPH, *address)
    own = Page(1, 500, 700, lines=(*own.lines, wide), blocks=own.blocks)
    assert texts(own)[:2] == ["Mrs. Eleanor Whitcombe", "32 Saltmarsh Lane"]
    alone = page(BlockKind.PARAGRAPH, *address)  # nothing says that the column is wider
    assert texts(alone) == ["Mrs. Eleanor Whitcombe 32 Saltmarsh Lane"]


def test_lines_of_a_skewed_scan_stay_together() -> None:
    skewed = [line("a", "One goes", direction=0.8), line("b", "on here", y=12, direction=1.2)]
    assert texts(page(BlockKind.PARAGRAPH, *skewed)) == ["One goes on here"]
    turned = [skewed[0], line("b", "on here", y=12, direction=90.0)]
    assert texts(page(BlockKind.PARAGRAPH, *turned)) == ["One goes", "on here"]


def test_hidden_text_is_left_out() -> None:
    assert texts(page(BlockKind.PARAGRAPH, line("a", "hidden words", visible=False))) == []


@pytest.mark.parametrize(
    ("text", "sizes", "expected"),
    [
        ("uno dos tres cuatro", [30, 10], ["uno dos tres", "cuatro"]),
        ("uno", [10, 10], ["uno", ""]),
        ("\u4e00\u4e8c\u4e09\u56db", [5, 5], ["\u4e00\u4e8c", "\u4e09\u56db"]),
        ("a b c", [1], ["a b c"]),
    ],
)
def test_sharing_out(text: str, sizes: list[int], expected: list[str]) -> None:
    assert [text[start:end] for start, end in shared_out(text, sizes)] == expected


def test_code_is_told_from_language() -> None:
    for text in ("if (x > 0) { return y[i]; }", "$ cat /etc/passwd", "https://x.org/a"):
        assert is_code(text), text
    for text in ("Rooms (see 2) and halls; more", "Read https://x.org/a first", "and/or", "R&D"):
        assert not is_code(text), text


def test_examples() -> None:
    assert doctest.testmod(units).failed == 0


def test_lines_that_end_on_purpose_end_a_text() -> None:
    own = page(
        BlockKind.PARAGRAPH,
        line("a", "Course One", y=0),
        line("b", "Programming language two", y=12),
        line("c", "Topics are functions and the data of the types that are known to us and", y=24),
        line("d", "to all others", y=36),
    )
    assert texts(own) == [
        "Course One",
        "Programming language two",
        "Topics are functions and the data of the types that are known to us and to all others",
    ]


def test_program_text_within_a_paragraph_is_a_text_of_its_own() -> None:
    own = page(
        BlockKind.PARAGRAPH,
        line("a", "Each author has to be given by a command of its own in the head:", y=0),
        line("b", r"\author{Jane Roe}\email{jane@example.org}", y=12),
        line("c", "and these are set below each other in the order that is given there.", y=24),
    )
    assert len(texts(own)) == 3


def test_affiliations_are_texts_of_their_own() -> None:
    own = page(
        BlockKind.PARAGRAPH,
        line("a", "1Institute for Physics of the University, that is in a town", y=0),
        line("b", "2Department of Letters in the very same university, in town", y=12),
    )
    assert [text[0] for text in texts(own)] == ["1", "2"]


def test_a_paragraph_goes_on_behind_notes_and_captions() -> None:
    def block(name: str, *ids: str) -> Block:
        return Block(name, BlockKind.PARAGRAPH, BBox(0, 0, 1, 1), ids)

    lines = (
        line("a", "The teaching practice that is", y=600),
        line("b", "This work is licensed to all.", y=650, size=7),
        line("c", "known to all of us ends here.", x=250, y=20),
    )
    own = Page(1, 500, 700, lines=lines, blocks=(block("x", "a"), block("y", "b"), block("z", "c")))
    assert texts(own) == [
        "The teaching practice that is known to all of us ends here.",
        "This work is licensed to all.",
    ]


def test_an_address_at_a_line_end_does_not_part_a_sentence() -> None:
    own = page(
        BlockKind.PARAGRAPH,
        line("a", "a complete list of rooms is at the office of the house, or at", y=0),
        line("b", "www.example.org.", y=12),
    )
    assert len(texts(own)) == 1


def read(*words: tuple[str, float, float], y: float = 100.0, number: int = 1) -> Line:
    """Return a line read from pixels, 20 high, with words from x0 to x1."""
    own = tuple(Word(text, BBox(x0, y, x1, y + 20), 0.99, "ocr") for text, x0, x1 in words)
    return Line(f"p1l{number}", own, BBox(words[0][1], y, words[-1][2], y + 20))


def test_labels_on_one_level_are_texts_of_their_own() -> None:
    buttons = read(
        ("Start", 100, 150), ("now", 158, 200), ("Save", 320, 370), ("changes", 378, 450)
    )
    found = units.units([page(BlockKind.PARAGRAPH, buttons)])
    assert [unit.text for unit in found] == ["Start now", "Save changes"]
    assert found[1].parts[0][1][0].bbox == BBox(320, 100, 450, 120)
    assert {unit.align for unit in found} == {None}
    spread = read(("As", 100, 130), ("wide", 190, 230), ("as", 295, 325), ("this", 390, 430))
    assert texts(page(BlockKind.PARAGRAPH, spread)) == ["As wide as this"]


def test_what_stands_aside_is_another_text() -> None:
    menu, title = read(("Messages", 20, 120), y=106), read(("Language", 300, 400), number=2)
    assert texts(page(BlockKind.PARAGRAPH, title, menu)) == ["Language", "Messages"]


def test_boxes_to_tick_and_edges_of_letters_stay_out_of_the_text() -> None:
    box = read(("_]", 80, 106), ("I", 120, 126), ("agree", 132, 180))
    unit = units.units([page(BlockKind.PARAGRAPH, box)])[0]
    assert unit.text == "I agree"
    assert unit.parts[0][1][0].bbox.x0 == 120
    twice = read(("\u2022", 90, 100), ("(", 142, 152), ("Open", 142, 244), ("now", 252, 300))
    assert texts(page(BlockKind.LIST_ITEM, twice)) == ["Open now"]
    article = read(("A", 100, 112), ("house", 120, 180))
    assert texts(page(BlockKind.PARAGRAPH, article)) == ["A house"]
