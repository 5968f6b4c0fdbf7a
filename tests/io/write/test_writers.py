from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from markdown_it import MarkdownIt
from PIL import Image

from docharmony.errors import LimitExceededError
from docharmony.geometry import Affine, BBox
from docharmony.io.write import overlay
from docharmony.io.write.alto import AltoWriter
from docharmony.io.write.hocr import HocrWriter
from docharmony.io.write.json import JsonWriter
from docharmony.io.write.markdown import MarkdownWriter, join_lines, paragraph_text
from docharmony.io.write.overlay import OverlayWriter
from docharmony.io.write.text import TextWriter
from docharmony.model import Block, BlockKind, Cell, Document, Line, Page, PageFailure, Word

from . import made

TESTS = Path(__file__).parents[2]
GOLDEN = TESTS / "golden" / "write"
TEXT_FORMATS = [JsonWriter, TextWriter, MarkdownWriter, HocrWriter, AltoWriter]


def written(writer: Any, *items: Page | PageFailure, **source: Any) -> str:
    out = io.BytesIO()
    writer().write(made.MadeSource(**source), iter(items), out)
    return out.getvalue().decode()


@pytest.mark.parametrize("writer", TEXT_FORMATS)
def test_golden(writer: Any, update_golden: bool) -> None:
    path = GOLDEN / f"page{writer.extension}"
    text = written(writer, made.page(), made.FAILURE)
    if update_golden:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("writer", TEXT_FORMATS)
def test_pages_are_written_as_they_come(writer: Any) -> None:
    out = io.BytesIO()
    sizes = []

    def pages() -> Iterator[Page]:
        for _ in range(4):
            sizes.append(out.tell())
            yield made.page()

    writer().write(made.MadeSource(), pages(), out)
    assert sizes[1] < sizes[2] < sizes[3]


@pytest.mark.parametrize("writer", TEXT_FORMATS)
def test_no_pages_make_a_whole_file(writer: Any) -> None:
    text = written(writer)
    if writer is JsonWriter:
        assert json.loads(text)["pages"] == []
    elif writer in (HocrWriter, AltoWriter):
        etree.fromstring(text.encode())
    else:
        assert text == ""


@pytest.mark.parametrize("writer", TEXT_FORMATS)
def test_a_page_without_blocks_keeps_its_text(writer: Any) -> None:
    page = Page(3, 595, 842, lines=(made.line("p3l1", "Just one line", 50, 50),))
    assert all(word in written(writer, page) for word in ("Just", "one", "line"))


# --- JSON and text ------------------------------------------------------------------------------


def test_json_round_trip() -> None:
    page = replace(made.page(), lines=tuple(x for x in made.page().lines if x.quad is None))
    data = json.loads(written(JsonWriter, made.FAILURE, page))
    assert list(data) == ["schema", "source", "pages", "failures"]
    document = Document.from_json(data)
    assert document.pages == (page,)
    assert document.failures == (made.FAILURE,)
    assert document.to_json() == data


def test_json_of_a_broken_text_layer_is_json() -> None:
    page = Page(1, 9, 9, lines=(made.line("p1l1", "a\ud800b", 1, 1),))
    assert json.loads(written(JsonWriter, page))["pages"][0]["lines"][0]["text"] == "a\ud800b"


def test_text_has_a_form_feed_between_pages() -> None:
    pages = [Page(n, 99, 99, lines=(made.line(f"p{n}l1", f"page\f{n}", 1, 1),)) for n in (1, 3)]
    assert written(TextWriter, pages[0], made.FAILURE, pages[1]) == "page 1\n\f\fpage 3\n"


# --- Markdown -----------------------------------------------------------------------------------


def rendered(markdown: str) -> str:
    """Return the text that a reader of the Markdown sees, block by block."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    blocks = []
    for token in tokens:
        assert token.type not in ("code_block", "fence", "html_block", "hr"), token
        if token.type == "inline":
            children = token.children or []
            assert {c.type for c in children} <= {"text", "softbreak", "hardbreak", "text_special"}
            blocks.append("".join(c.content if c.content else "\n" for c in children))
    return "\n".join(blocks)


NASTY = [
    "# no heading",
    "+ no list",
    "- no list",
    "1. no list",
    "2) no list",
    "> no quote",
    "= line",
    "=== ",
    "---",
    "***",
    "* a *b* _c_ __d__ snake_case `e` [f](g) ![h](i) <j> &amp; &#65; ~~k~~ a|b http://l.m \\n",
]


@pytest.mark.parametrize("text", NASTY)
def test_text_shows_as_it_is(text: str) -> None:
    assert rendered(paragraph_text(text)) == " ".join(text.split())


@given(st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1), min_size=1))
def test_any_text_shows_as_it_is(words: list[str]) -> None:
    text = " ".join(words)
    assert rendered(paragraph_text(text)) == text


@pytest.mark.parametrize(
    ("lines", "words", "expected"),
    [
        (["infor-", "mation"], "", "information"),
        (["a well-", "known fact"], "", "a well-known fact"),
        (["Jean-", "Paul"], "", "Jean-Paul"),
        (["pages 10-", "12"], "", "pages 10-12"),
        (["state-of-the-", "art"], "", "state-of-the-art"),
        (["soft\u00ad", "ware"], "", "software"),
        (["red-", "black tree"], "red-black", "red-black tree"),
        (["over-", "flow"], "overflow", "overflow"),
        (["a dash -", "then more"], "", "a dash - then more"),
        (["(pre-", "fix)"], "prefix", "(prefix)"),
        (["one", "two"], "", "one two"),
    ],
)
def test_words_broken_at_line_ends(lines: list[str], words: str, expected: str) -> None:
    assert join_lines(lines, frozenset(words.split())) == expected


def block(kind: BlockKind, *texts: str, x: float = 50, level: int = 0) -> Page:
    lines = tuple(made.line(f"p1l{n}", text, x, 50 + 12 * n) for n, text in enumerate(texts, 1))
    box = BBox.around([line.bbox for line in lines])
    ids = tuple(line.id for line in lines)
    return Page(1, 595, 842, lines=lines, blocks=(Block("p1b1", kind, box, ids, level),))


def test_line_breaks_that_were_meant_stay() -> None:
    page = block(BlockKind.PARAGRAPH, "Jane Roe", "12 Long Winding Road", "London")
    assert written(MarkdownWriter, page) == "Jane Roe\\\n12 Long Winding Road\\\nLondon\n"


def test_a_narrow_block_has_the_room_of_its_column() -> None:
    texts = ["Mrs. Eleanor Whitcombe", "32 Saltmarsh Lane", "Port Elling PE1 4RT"]
    lines = [made.line(f"p1l{n}", text, 50, 50 + 12 * n) for n, text in enumerate(texts, 1)]
    lines.append(made.line("p1l4", "A paragraph that is as wide as the column and wider", 50, 120))
    boxes = [BBox.around([line.bbox for line in part]) for part in (lines[:3], lines[3:])]
    blocks = (
        Block("p1b1", BlockKind.PARAGRAPH, boxes[0], ("p1l1", "p1l2", "p1l3")),
        Block("p1b2", BlockKind.PARAGRAPH, boxes[1], ("p1l4",)),
    )
    text = written(MarkdownWriter, Page(1, 595, 842, lines=tuple(lines), blocks=blocks))
    assert text.startswith("\\\n".join(texts) + "\n\nA paragraph")


def test_an_address_of_lines_alike_in_width_keeps_them() -> None:
    texts = ["Jules Creancier", "asbl La Creance", "52, rue Delarue", "4321 Brux-aile", "Belgique"]
    assert written(MarkdownWriter, block(BlockKind.PARAGRAPH, *texts)) == "\\\n".join(texts) + "\n"
    prose = ["The room of 1", "Long Road is", "let for a time", "and then sold"]
    assert written(MarkdownWriter, block(BlockKind.PARAGRAPH, *prose)) == " ".join(prose) + "\n"


def test_a_name_that_begins_small_does_not_go_on_a_paragraph() -> None:
    pages = [
        block(BlockKind.PARAGRAPH, text) for text in ("Sender in Gelnhausen", "iViveLabs Ltd.")
    ]
    assert written(MarkdownWriter, *pages) == "Sender in Gelnhausen\n\niViveLabs Ltd.\n"


def test_leaders_of_a_table_of_contents_are_shortened() -> None:
    page = block(BlockKind.PARAGRAPH, "Intro . . . . . . . . 3", "Other ............ 14")
    assert written(MarkdownWriter, page) == "Intro … 3\\\nOther … 14\n"


def test_a_paragraph_goes_on_over_the_page_end() -> None:
    first = block(BlockKind.PARAGRAPH, "This sentence does not")
    second = block(BlockKind.PARAGRAPH, "end on its page.")
    third = block(BlockKind.PARAGRAPH, "New one.")
    expected = "This sentence does not end on its page.\n\nNew one.\n"
    assert written(MarkdownWriter, first, second, third) == expected


def test_lists_are_lists() -> None:
    lines = [
        made.line("p1l1", "• first item", 50, 50),
        made.line("p1l2", "– nested item", 70, 62),
        made.line("p1l3", "• second item", 50, 74),
        made.line("p1l4", "(a) lettered", 50, 86),
    ]
    blocks = [
        Block(f"p1b{n}", BlockKind.LIST_ITEM, line.bbox, (line.id,), 2 if n == 2 else 1)
        for n, line in enumerate(lines, 1)
    ]
    page = Page(1, 595, 842, lines=tuple(lines), blocks=tuple(blocks))
    text = written(MarkdownWriter, page)
    assert text == "- first item\n   - nested item\n- second item\n- (a) lettered\n"
    html = MarkdownIt().render(text)
    assert html.count("<ul>") == 2
    assert html.count("<li>") == 4


def test_spans_and_lines_of_cells() -> None:
    cells = (
        Cell(0, 0, BBox(0, 0, 20, 10), "a|b\nc", column_span=2),
        Cell(1, 0, BBox(0, 10, 10, 20), "x"),
        Cell(1, 1, BBox(10, 10, 20, 20), "1,000.50"),
    )
    blocks = (Block("p1b1", BlockKind.TABLE, BBox(0, 0, 20, 20), (), 0, cells),)
    text = written(MarkdownWriter, Page(1, 99, 99, blocks=blocks))
    assert text == "| a\\|b<br>c |  |\n| --- | ---: |\n| x | 1,000.50 |\n"
    assert MarkdownIt().enable("table").render(text).count("<td") == 2


# --- hOCR ---------------------------------------------------------------------------------------

XHTML = "{http://www.w3.org/1999/xhtml}"


def test_hocr_reads_back() -> None:
    page = made.page()
    root = etree.fromstring(written(HocrWriter, page).encode())
    found = root.findall(f".//{XHTML}span[@class='ocrx_word']")
    words = [word for line in page.lines for word in line.words]
    assert [item.text for item in found] == [word.text for word in words]
    scale = 200 / 72
    for item, word in zip(found, words, strict=True):
        match = re.fullmatch(r"bbox (\d+) (\d+) (\d+) (\d+); x_wconf (\d+)", item.get("title"))
        assert match is not None
        *box, confidence = map(int, match.groups())
        assert box == pytest.approx([v * scale for v in word.bbox], abs=1)
        assert confidence == round(word.confidence * 100)
        parent = item.getparent().get("title")
        outer = list(map(int, re.findall(r"bbox (\d+) (\d+) (\d+) (\d+)", parent)[0]))
        assert outer[0] <= box[0] <= box[2] <= outer[2]
    ids = [item.get("id") for item in root.iter() if item.get("id")]
    assert len(ids) == len(set(ids))
    (sheet,) = root.findall(f".//{XHTML}div[@class='ocr_page']")
    assert sheet.get("title").startswith("image \"a & 'b'.pdf\"; bbox 0 0 ")


def test_hocr_tells_turned_and_sloping_text() -> None:
    text = written(HocrWriter, made.page())
    assert "textangle 90" in text  # reads upwards: 270 degrees clockwise
    tilted = BBox(10, 10, 110, 20).polygon().map(Affine.rotate(2))
    word = Word("tilted", tilted.bbox, 0.9, "ocr", tilted)
    page = Page(1, 200, 200, "px", lines=(Line("p1l1", (word,), tilted.bbox, tilted, 2.0, 10),))
    match = re.search(r"baseline (\S+) (\S+)", written(HocrWriter, page))
    assert match is not None
    slope, offset = float(match[1]), float(match[2].rstrip(";"))
    assert slope == pytest.approx(0.035, abs=0.001)
    # On the left side of the box the baseline is as far up as the text falls on its way.
    assert offset == pytest.approx(-3.5, abs=0.6)


# --- ALTO ---------------------------------------------------------------------------------------

ALTO = "{http://www.loc.gov/standards/alto/ns-v4#}"


@pytest.fixture(scope="module")
def alto_schema() -> Any:
    return etree.XMLSchema(etree.parse(TESTS / "resources" / "alto" / "profile.xsd"))


def test_alto_is_valid(alto_schema: Any) -> None:
    root = etree.fromstring(written(AltoWriter, made.page(), made.FAILURE).encode())
    alto_schema.assertValid(root)
    strings = [item.get("CONTENT") for item in root.iter(f"{ALTO}String")]
    assert sorted(strings) == sorted(w.text for line in made.page().lines for w in line.words)
    table = root.find(f".//{ALTO}ComposedBlock[@TYPE='table']")
    cells = [" ".join(s.get("CONTENT") for s in c.iter(f"{ALTO}String")) for c in table]
    assert cells == ["Item", "Price", "Pens | ink", "1.50"]
    (margin,) = root.iter(f"{ALTO}TopMargin")
    assert next(item.get("CONTENT") for item in margin.iter(f"{ALTO}String")) == "Annual"


@pytest.mark.parametrize(
    ("media_type", "unit", "page_unit", "width"),
    [("application/pdf", "inch1200", "pt", 1200), ("image/png", "pixel", "px", 72)],
)
def test_alto_units(
    alto_schema: Any, media_type: str, unit: str, page_unit: Any, width: float
) -> None:
    page = Page(1, 72, 72, page_unit, lines=(made.line("p1l1", "x", 1, 1),))
    root = etree.fromstring(written(AltoWriter, page, media_type=media_type).encode())
    alto_schema.assertValid(root)
    assert root.find(f".//{ALTO}MeasurementUnit").text == unit
    assert float(root.find(f".//{ALTO}Page").get("WIDTH")) == width


@pytest.mark.parametrize("writer", [HocrWriter, AltoWriter])
def test_xml_survives_what_it_cannot_hold(writer: Any) -> None:
    page = Page(1, 9, 9, lines=(made.line("p1l1", "a\x01\ud800\uffff<&>\"'", 1, 1),))
    root = etree.fromstring(written(writer, page).encode())
    shown = [item.get("CONTENT") or item.text for item in root.iter() if item is not None]
    assert "a\ufffd\ufffd\ufffd<&>\"'" in shown


# --- overlay ------------------------------------------------------------------------------------


def sheet_of(*items: Page | PageFailure) -> Image.Image:
    out = io.BytesIO()
    OverlayWriter().write(made.MadeSource(), iter(items), out)
    return Image.open(out)


def test_overlay_shows_each_kind_in_its_colour() -> None:
    sheet = sheet_of(made.page(), made.FAILURE)
    # With legend, page, strip of the failed page.
    assert sheet.width > 900
    assert sheet.height > 1400
    colours = {colour for _, colour in sheet.getcolors(1 << 24) or ()}
    page_only = sheet.crop((0, 60, sheet.width, sheet.height - 80))
    in_page = {colour for _, colour in page_only.getcolors(1 << 24) or ()}
    for kind, colour in overlay.COLOURS.items():
        assert colour in in_page, kind
    assert (255, 235, 235) in colours


def test_overlay_stops_at_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlay, "MAX_PIXELS", 2_000_000)
    pulled = []

    def pages() -> Iterator[Page]:
        for number in range(1, 50):
            pulled.append(number)
            yield made.page()

    with pytest.raises(LimitExceededError) as caught:
        OverlayWriter().write(made.MadeSource(), pages(), io.BytesIO())
    assert "--pages" in caught.value.hint
    assert len(pulled) < 4
