"""The document model: JSON round trips, and secrets stay out of repr."""

from __future__ import annotations

import json
import pickle

import pytest

from docharmony import (
    Answer,
    BBox,
    Block,
    BlockKind,
    Cell,
    Document,
    Edit,
    EditKind,
    Line,
    Page,
    PageFailure,
    Polygon,
    SourceInfo,
    Word,
)


@pytest.fixture
def document() -> Document:
    slanted = Polygon.of([(10, 10), (50, 12), (49.5, 22), (9.5, 20)])
    words = (
        Word("Grüße", BBox(10, 10, 30, 20), 0.9, "ocr"),
        Word("東京", slanted.bbox, 0.5, "ocr", slanted, (0.0, 0.5, 1.0)),
    )
    line = Line("p1l1", words, BBox(9.5, 10, 50, 22), slanted, 2.86, 10.0, bold=True)
    plain = Line("p1l2", (Word("x", BBox(1, 1, 2, 2)),), BBox(1, 1, 2, 2), visible=False)
    table = Block(
        "p1b1",
        BlockKind.TABLE,
        BBox(0, 0, 60, 30),
        ("p1l1",),
        cells=(Cell(0, 0, BBox(0, 0, 30, 30), "Grüße", 1, 2),),
    )
    edit = Edit(
        "p1e1", EditKind.ERASE, BBox(1, 1, 2, 2).polygon(), "term", "matches a term", "secret-text"
    )
    page = Page(
        1,
        595,
        842,
        rotation=90,
        route="mixed",
        lines=(line, plain),
        blocks=(table, Block("p1b2", BlockKind.TITLE, BBox(1, 1, 2, 2), ("p1l2",), level=1)),
        images=(BBox(0, 0, 5, 5),),
        answers=(Answer("Who?", None, 0.3),),
        edits=(edit,),
        has=frozenset({"lines", "blocks"}),
    )
    source = SourceInfo("a.pdf", "00", "application/pdf", 2)
    return Document(source, (page,), (PageFailure(2, "ocr", "StageError"),))


def test_json_round_trip(document: Document) -> None:
    data = json.loads(json.dumps(document.to_json()))
    again = Document.from_json(data)
    assert again.to_json() == data
    assert again.pages[0].blocks == document.pages[0].blocks
    assert again.pages[0].text == document.pages[0].text
    assert again.failures == document.failures


def test_json_has_the_fields_of_schema_1(document: Document) -> None:
    data = document.to_json()
    assert list(data) == ["schema", "source", "pages", "failures"]
    assert set(data["pages"][0]) >= {
        "number", "width", "height", "unit", "rotation", "dpi", "route", "blocks", "lines",
        "answers", "edits",
    }  # fmt: skip
    line = data["pages"][0]["lines"][0]
    assert set(line) >= {"id", "text", "bbox", "polygon", "confidence", "origin", "words"}
    assert line["text"] == "Grüße 東京"
    assert 0.5 < line["confidence"] < 0.9


def test_another_schema_is_refused(document: Document) -> None:
    with pytest.raises(ValueError, match="schema 2"):
        Document.from_json({**document.to_json(), "schema": 2})


def test_documents_travel_between_processes(document: Document) -> None:
    assert pickle.loads(pickle.dumps(document)) == document


def test_the_original_of_an_edit_is_not_shown(document: Document) -> None:
    assert "secret-text" not in repr(document)
    assert "secret-text" not in str(document.pages[0].edits)


def test_text_follows_the_blocks(document: Document) -> None:
    assert document.pages[0].text == "Grüße 東京\n\nx"
