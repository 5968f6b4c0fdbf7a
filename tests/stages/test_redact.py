"""The stage redact: from rules to edits whose areas cover the very characters."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from docharmony import (
    Affine,
    BBox,
    BlockKind,
    ConfigError,
    Edit,
    EditKind,
    EditStatus,
    Glyph,
    Line,
    Page,
    Plugins,
    Polygon,
    RunConfig,
    UsageError,
)
from docharmony.config import build
from docharmony.context import RunContext
from docharmony.detect.base import Detector, Match
from docharmony.stages.redact import RedactConfig, RedactStage, parse_region, repeatable

from ..detect.pages import CHAR, EM, line, page


class FakeContext:
    """Detectors by name, and glyphs as wide as the pages' characters."""

    def __init__(self, **detectors: Detector) -> None:
        self.kinds = detectors
        self.store: dict[str, Any] = {}
        self.log = logging.getLogger("test")
        self.asked = 0

    def detectors(self, kinds: Sequence[str]) -> Mapping[str, Detector]:
        return {kind: self.kinds[kind] for kind in kinds}

    def raster(self, page: Page, dpi: int | None = None) -> npt.NDArray[np.uint8]:
        return np.full((round(page.height * 2), round(page.width * 2), 3), 255, np.uint8)

    def glyphs(self, page: Page) -> tuple[Glyph, ...]:
        self.asked += 1
        return tuple(
            Glyph(c, BBox(w.bbox.x0 + CHAR * i, w.bbox.y0, w.bbox.x0 + CHAR * (i + 1), w.bbox.y1))
            for text_line in page.lines
            for w in text_line.words
            for i, c in enumerate(w.text)
        )


def redacted(made: Page, ctx: FakeContext | None = None, **options: Any) -> Page:
    stage = RedactStage(RedactConfig(**options))
    return stage.process(made, ctx or FakeContext())  # type: ignore[arg-type]


def test_an_edit_covers_exactly_the_characters_of_a_text_layer() -> None:
    done = redacted(page("Mr Smithson here"), terms=("smith",))
    (edit,) = done.edits
    assert edit.bbox == BBox(50 + 2 * CHAR + 3, 0, 50 + 7 * CHAR + 3, EM)
    assert (edit.id, edit.rule, edit.reason, edit.term) == ("p1e1", "term", "term 1", 1)
    assert edit.original == "Smith"
    assert edit.status is EditStatus.APPROVED
    assert "edits" in done.has
    assert "Smith" not in repr(edit)


def test_a_hit_over_two_lines_is_an_edit_for_each() -> None:
    done = redacted(page("by John", "Smith who"), terms=("John Smith",))
    assert [(edit.original, edit.bbox.y0) for edit in done.edits] == [("John", 0), ("Smith", 12)]
    assert [edit.id for edit in done.edits] == ["p1e1", "p1e2"]


def test_words_next_to_each_other_share_one_area() -> None:
    (edit,) = redacted(page("by John Smith who"), terms=("John Smith",)).edits
    assert edit.bbox == BBox(65, 0, 65 + 9 * CHAR + 3, EM)


def test_the_whole_word_goes_where_its_glyphs_cannot_be_told() -> None:
    class Blind(FakeContext):
        def glyphs(self, page: Page) -> tuple[Glyph, ...]:
            return ()

    (edit,) = redacted(page("Smithson"), Blind(), terms=("smith",)).edits
    assert edit.bbox == BBox(50, 0, 50 + 8 * CHAR, EM)


def test_the_letters_of_a_ligature_go_with_it() -> None:
    class Ligature(FakeContext):
        def glyphs(self, page: Page) -> tuple[Glyph, ...]:
            boxes = [(50, 56, "o"), (56, 74, "f"), (74, 74, "f"), (74, 74, "i"), (74, 80, "x")]
            return tuple(Glyph(c, BBox(a, 0, b, EM)) for a, b, c in boxes)

    (edit,) = redacted(page("offix"), Ligature(), terms=("ix",)).edits
    assert edit.bbox == BBox(56, 0, 80, EM)


def test_glyphs_are_asked_for_only_where_part_of_a_word_goes() -> None:
    ctx = FakeContext()
    redacted(page("John Smith"), ctx, terms=("smith", "absent"))
    assert ctx.asked == 0


def test_read_words_get_a_margin_and_lose_a_short_rest() -> None:
    (edit,) = redacted(
        page(line("to Smith's car", origin="ocr", bounds=True)), terms=("smith",)
    ).edits
    assert edit.original == "Smith"
    assert edit.bbox.x0 < 65
    assert edit.bbox.x1 > 65 + 7 * CHAR
    assert edit.bbox.y0 < 0 < EM < edit.bbox.y1
    assert edit.bbox.width < 7 * CHAR + 0.5 * EM


def test_read_words_are_cut_by_their_bounds() -> None:
    text = "Account:12345678"
    (edit,) = redacted(page(line(text, origin="ocr", bounds=True)), terms=("12345678",)).edits
    assert 50 + 7 * CHAR < edit.bbox.x0 < 50 + 8 * CHAR
    assert edit.bbox.x1 > 50 + 16 * CHAR


def test_read_words_without_bounds_go_whole() -> None:
    (edit,) = redacted(page("Account:12345678", origin="ocr"), terms=("12345678",)).edits
    assert edit.bbox.x0 < 50


@pytest.mark.parametrize("angle", [3.0, 37.0, 90.0, 180.0, -90.0])
def test_areas_follow_turned_text(angle: float) -> None:
    turn = Affine.rotate(angle).then(Affine.translate(300, 300))
    level = line("by John Smith who")
    words = tuple(
        replace(w, quad=w.bbox.polygon().map(turn), bbox=w.bbox.polygon().map(turn).bbox)
        for w in level.words
    )
    box = level.bbox.polygon().map(turn)
    turned = Line("p1l1", words, box.bbox, box, angle, EM)
    (edit,) = redacted(page(turned), terms=("John Smith",)).edits
    expected = BBox(65, 0, 65 + 9 * CHAR + 3, EM).polygon().map(turn)
    for point, wanted in zip(edit.polygon, expected, strict=True):
        assert point == pytest.approx(wanted, abs=0.01)


def test_right_to_left_words_get_an_area_each() -> None:
    done = redacted(page("שלום עולם"), terms=("שלום עולם",))
    assert len(done.edits) == 2


def test_hidden_text_is_found_too() -> None:
    assert len(redacted(page(line("a Smith", visible=False)), terms=("smith",)).edits) == 1


def test_patterns_and_regions() -> None:
    done = redacted(
        page("Order 4711 of"), patterns=(r"\d{4}",), regions=("1:10,20,110,40", "2:1,1,2,2")
    )
    assert [(e.rule, e.reason) for e in done.edits] == [
        ("pattern", "pattern 1"),
        ("region", "region"),
    ]
    assert done.edits[1].bbox == BBox(10, 20, 110, 40)
    assert [e.id for e in done.edits] == ["p1e1", "p1e2"]


def test_regions_are_cut_at_the_page() -> None:
    (edit,) = redacted(page("x"), regions=("1:-50,700,700,900",)).edits
    assert edit.bbox == BBox(0, 700, 600, 800)


@pytest.mark.parametrize("region", ["1:700,0,800,10"])
def test_a_region_off_its_page_is_a_usage_error(region: str) -> None:
    with pytest.raises(UsageError, match="outside its page"):
        redacted(page("x"), regions=(region,))


@pytest.mark.parametrize(
    "text",
    ["", "1", "1:1,2,3", "0:1,1,2,2", "a:1,1,2,2", "1:1,1,1,2", "1:1,1,nan,2", "1:1,1,inf,2"],
)
def test_a_region_must_be_written_right(text: str) -> None:
    with pytest.raises(UsageError, match="cannot understand the region"):
        parse_region(text)


class Marks:
    """Finds one word, and remembers how many texts it saw at once."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.calls: list[int] = []

    def find(self, texts: Sequence[str]) -> list[list[Match]]:
        self.calls.append(len(texts))
        return [
            [Match(at, at + len(self.word), "mark", 0.6)]
            if (at := text.find(self.word)) >= 0
            else []
            for text in texts
        ]


def test_detectors_see_all_pages_at_once_and_the_tight_view_where_it_differs() -> None:
    marks = Marks("ab")
    pages = [page("a ab"), page("xa-", "b x")]
    stage = RedactStage(RedactConfig(pii=("mark",)))
    done = list(stage.process_batch(pages, FakeContext(mark=marks)))  # type: ignore[arg-type]
    assert marks.calls == [3]
    assert [e.rule for e in done[0].edits] == ["pii:mark"]
    assert [e.original for e in done[1].edits] == ["a-", "b"]
    assert done[0].edits[0].confidence == 0.6


def test_less_sure_finds_can_be_left_out() -> None:
    ctx = FakeContext(mark=Marks("ab"))
    assert redacted(page("a ab"), ctx, pii=("mark",), min_confidence=0.7).edits == ()


def test_what_lies_inside_a_larger_hit_of_the_same_rule_is_no_edit_of_its_own() -> None:
    done = redacted(page("Smith Smithson"), patterns=("Smith son|Smith Smithson", "Smith"))
    assert [e.original for e in done.edits] == ["Smith Smithson"]


def test_edits_of_stages_before_stay() -> None:
    first = redacted(page("John Smith"), terms=("John",))
    second = redacted(first, terms=("Smith",))
    assert [(e.id, e.original) for e in second.edits] == [("p1e1", "John"), ("p1e2", "Smith")]


def test_a_plan_proposes() -> None:
    (edit,) = redacted(page("John"), terms=("john",), propose=True).edits
    assert edit.status is EditStatus.PROPOSED


def test_terms_of_a_file_follow_those_given(tmp_path: Path) -> None:
    file = tmp_path / "terms.txt"
    file.write_text("\ufeffRoe\n\n  Doe \n", encoding="utf-8")
    done = redacted(page("Doe Roe Poe"), terms=("Poe",), terms_file=str(file))
    assert [(e.original, e.term) for e in done.edits] == [("Doe", 3), ("Roe", 2), ("Poe", 1)]


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_terms_file_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "terms.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match="cannot read the terms file"):
        RedactStage(RedactConfig(terms_file=str(file)))


def test_options_come_from_plain_data_and_do_not_show_the_secrets() -> None:
    config = build(RedactConfig, {"terms": ["Smith"], "pii": "email"}, where="test")
    assert config.terms == ("Smith",)
    assert config.pii == ("email",)
    assert "Smith" not in repr(config)


def test_the_context_makes_registered_detectors_once() -> None:
    ctx = RunContext(RunConfig(), Plugins(allow=()))
    first, again = ctx.detectors(["email", "ip"]), ctx.detectors(["email"])
    assert list(first) == ["email", "ip"]
    assert again["email"] is first["email"]
    assert set(ctx.detectors(["all"])) == set(ctx.plugins.detectors.names())
    with pytest.raises(UsageError, match="unknown detector 'emial'"):
        ctx.detectors(["emial"])


def test_a_quarter_turn_keeps_areas_exactly_level() -> None:
    made = line("John")
    word = made.words[0]
    corners = word.bbox.polygon()
    turned = Polygon(corners[1:] + corners[:1])
    up = Line("p1l1", (replace(word, quad=turned),), word.bbox, turned, 90.0, EM)
    (edit,) = redacted(page(up), terms=("john",)).edits
    assert set(edit.polygon) == set(edit.bbox.polygon())


def test_what_is_broken_over_two_pages_is_found() -> None:
    above, below = page("first", "signed by John"), page("Smith of Bonn", "more")
    below = replace(below, number=2)
    stage = RedactStage(RedactConfig(terms=("John Smith", "first", "of")))
    one, two = stage.across(above, below, FakeContext())  # type: ignore[arg-type]
    assert [(e.id, e.original, e.bbox.y0) for e in one] == [("p1e1", "John", 12)]
    assert [(e.id, e.original, e.bbox.y0) for e in two] == [("p2e1", "Smith", 0)]


def test_headers_and_footers_do_not_stand_between_pages() -> None:
    above = page("by John", "page 1", blocks=[[1], [2]])
    footer = replace(above.blocks[1], kind=BlockKind.FOOTER)
    above = replace(above, blocks=(above.blocks[0], footer))
    stage = RedactStage(RedactConfig(terms=("John Smith",)))
    one, two = stage.across(above, replace(page("Smith"), number=2), FakeContext())  # type: ignore[arg-type]
    assert (len(one), len(two)) == (1, 1)


def test_pages_without_text_have_no_seam() -> None:
    stage = RedactStage(RedactConfig(terms=("John Smith",)))
    assert stage.across(page("John"), page(), FakeContext()) == ([], [])  # type: ignore[arg-type]


def test_terms_are_found_along_a_row_whatever_the_blocks() -> None:
    left, right = line("paid by John", 1, y=0), line("Smith of Bonn", 3, y=0)
    shift = Affine.translate(300, 0)
    words = tuple(replace(w, bbox=w.bbox.polygon().map(shift).bbox) for w in right.words)
    right = replace(right, words=words, bbox=right.bbox.polygon().map(shift).bbox)
    made = page(left, line("below", 2, y=12), right, blocks=[[1, 2], [3]])
    done = redacted(made, terms=("John Smith",))
    assert [e.original for e in done.edits] == ["John", "Smith"]


def test_terms_are_found_in_the_order_of_the_file() -> None:
    made = page("by John", "Smith", "between", blocks=[[1], [3], [2]])
    assert [e.original for e in redacted(made, terms=("John Smith",)).edits] == ["John", "Smith"]


def test_a_value_that_was_recognised_once_is_found_where_it_stands_bare() -> None:
    stage = RedactStage(RedactConfig())
    first = redacted(page("Tel 555-0123"), FakeContext(mark=Marks("555-0123")), pii=("mark",))
    values = repeatable(first.edits)
    assert list(values) == ["555-0123"]
    other = page("call 555 0123 or 5550123456")
    (edit,) = stage.repeats(other, values, FakeContext())  # type: ignore[arg-type]
    assert edit.original == "555 0123"
    assert (edit.rule, edit.reason) == ("pii:mark", "mark, as in p1e1")
    assert stage.repeats(first, values, FakeContext()) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        ("pii:phone", "1234567", True), ("pii:phone", "12345", False), ("pii:name", "Jane Roe", True),
        ("pii:name", "Roe", False), ("pii:date_of_birth", "12.05.1990", False),
        ("pii:address", "Main St 123", False), ("term", "1234567", False), ("region", "", False),
        ("pattern", "4711-0815", True), ("pattern", "Smith", False),
    ],
)  # fmt: skip
def test_which_values_are_secret_everywhere(rule: str, text: str, expected: bool) -> None:
    edit = Edit("p1e1", EditKind.ERASE, BBox(0, 0, 1, 1).polygon(), rule, "", text)
    assert bool(repeatable([edit])) == expected


class Inked(FakeContext):
    """A page on which the given boxes are black."""

    def __init__(self, *boxes: BBox) -> None:
        super().__init__()
        self.boxes = boxes

    def raster(self, page: Page, dpi: int | None = None) -> npt.NDArray[np.uint8]:
        image = super().raster(page, dpi)
        for box in self.boxes:
            x0, y0, x1, y1 = (round(2 * value) for value in box)
            image[y0:y1, x0:x1] = 0
        return image


def test_an_area_on_a_scan_does_not_cut_a_letter() -> None:
    made = page(line("by John of", origin="ocr", bounds=True))
    word = made.lines[0].words[1].bbox
    # The reader placed the word 4 units too far to the right.
    letter = BBox(word.x0 - 4, 0, word.x0 + 2, EM)
    (edit,) = redacted(made, Inked(letter), terms=("john",)).edits
    assert edit.bbox.x0 == pytest.approx(letter.x0, abs=0.6)
    assert edit.bbox.x1 < word.x1 + 3


def test_an_area_on_a_scan_goes_on_over_the_narrow_blanks_between_letters() -> None:
    made = page(line("by John of", origin="ocr", bounds=True))
    word = made.lines[0].words[1].bbox
    letters = BBox(word.x1 - 4, 2, word.x1 + 1, 8), BBox(word.x1 + 2, 2, word.x1 + 5, 8)
    (edit,) = redacted(made, Inked(*letters), terms=("john",)).edits
    assert edit.bbox.x1 == pytest.approx(word.x1 + 5, abs=0.6)


def test_ink_without_an_end_does_not_carry_an_area_away() -> None:
    made = page(line("by John of", origin="ocr", bounds=True))
    word = made.lines[0].words[1].bbox
    (edit,) = redacted(
        made, Inked(BBox(0, 0, 300, EM), BBox(0, 30, 600, 60)), terms=("john",)
    ).edits
    assert edit.bbox.x0 > word.x0 - 1.5 * EM
    assert edit.bbox.x1 < word.x1 + 1.5 * EM


def test_read_areas_at_the_ends_of_a_line_reach_as_far_as_the_line() -> None:
    made = line("John met Jane", origin="ocr", bounds=True)
    made = replace(made, bbox=made.bbox.grow(5, 0))
    first, last = redacted(page(made), terms=("John", "Jane")).edits
    assert first.bbox.x0 == pytest.approx(made.bbox.x0)
    assert last.bbox.x1 == pytest.approx(made.bbox.x1)
