"""Questions to a text layer that says other than what the page shows."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Name

from docharmony import Pipeline, RunConfig, ask, extract
from docharmony import open as open_source
from docharmony.cli import main
from docharmony.letters import Letters, _Tally

from .fuzz.book import helvetica
from .test_letters import draw

QUESTIONS = ["What is the invoice number?", "What is the total?"]
TRUTH = ["KX-4471", "812.40 EUR"]


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline()


def lying(path: Path) -> Path:
    return draw(
        path,
        [
            ("Invoice number: KX-4471", "Invoice number: ZZ-9999"),
            ("Total amount due: 812.40 EUR", "Total amount due: 111.11 EUR"),
        ],
    )


def honest(path: Path, content: bytes) -> Path:
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(500, 300))
        page = pdf.pages[0].obj
        fonts = pikepdf.Dictionary(F0=pdf.make_indirect(helvetica()))
        page[Name.Resources] = pikepdf.Dictionary(Font=fonts)
        page[Name.Contents] = pdf.make_stream(content)
        pdf.save(path)
    return path


def test_no_answer_rests_on_letters_that_nobody_looked_at(
    tmp_path: Path, pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    path = lying(tmp_path / "a.pdf")
    with caplog.at_level(logging.WARNING, logger="docharmony"):
        found = ask(path, QUESTIONS, pipeline=pipeline)
    assert [one.answer.text for one in found] == TRUTH
    assert [one.origin for one in found] == ["ocr", "ocr"]
    assert "says other than the page shows" in caplog.text
    assert not any(text in caplog.text for text in (*TRUTH, "ZZ-9999", "111.11"))
    trusted = ask(path, QUESTIONS, pipeline=Pipeline(RunConfig(text_layer="trust")))
    assert trusted[0].answer.text == "ZZ-9999"


def test_a_label_that_lies_is_seen_through(tmp_path: Path, pipeline: Pipeline) -> None:
    path = draw(
        tmp_path / "a.pdf",
        [
            ("Order number: AB-1001", "Hotel number: AB-1001"),
            ("Voice number: AB-2002", "Order number: AB-2002"),
        ],
    )
    (found,) = ask(path, ["What is the order number?"], pipeline=pipeline)
    assert found.answer.text == "AB-1001"


def test_what_a_text_layer_hides_is_found(tmp_path: Path, pipeline: Pipeline) -> None:
    path = draw(tmp_path / "a.pdf", [("Invoice number: KX-4471", "Weather outlook: cloudy")])
    (found,) = ask(path, QUESTIONS[:1], pipeline=pipeline)
    assert found.answer.text == "KX-4471"


@pytest.mark.parametrize(
    ("said", "answer", "origin"),
    [(b"ZZ-9999", "KX-4471", "ocr"), (b"KX-4471", "KX-4471", "pdf"), (b"KX\\2554471", None, "pdf")],
)
def test_marked_content_may_not_put_another_text_in_place(
    tmp_path: Path, pipeline: Pipeline, said: bytes, answer: str | None, origin: str
) -> None:
    content = (
        b"BT /F0 12 Tf 30 220 Td (Invoice number: ) Tj /Span <</ActualText (%b)>> BDC "
        b"(KX-4471) Tj EMC ET BT /F0 12 Tf 30 190 Td (Total amount due: 812.40 EUR) Tj ET" % said
    )
    found = ask(honest(tmp_path / "a.pdf", content), QUESTIONS, pipeline=pipeline)
    assert found[0].origin == origin
    assert answer is None or found[0].answer.text == answer
    assert found[1].answer.text == TRUTH[1]


def test_slips_of_the_reader_are_no_lies() -> None:
    """Single letters of other scripts, marks and readings that do not agree count for nothing."""
    letters = Letters(lambda crops: [])
    bad = {("1", "ψ"): "φ", ("2", "’"): "T", ("3", "3"): "⁄", ("4", "¹"): "'", ("5", "ъ"): "ы"}
    known = [("a", "α"), ("b", "β"), ("c", "γ"), ("d", "x")]
    for claim in (*bad, *known):
        letters._known[claim] = _Tally()
    for claim, read in bad.items():
        letters._known[claim].against.update([read, read] if claim[1] != "3" else [read, "ļ"])
    assert letters._convincing(bad, [*bad, *known]) == {}
    letters._known["d", "x"].against.update("yy")
    assert set(letters._convincing({**bad, ("d", "x"): "y"}, [*bad, *known])) == {
        ("d", "x"), ("2", "’"), ("4", "¹"),
    }  # fmt: skip


def test_an_honest_text_layer_costs_no_second_reading(
    tmp_path: Path, pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    path = honest(
        tmp_path / "a.pdf",
        b"BT /F0 12 Tf 30 220 Td (Invoice number: KX-4471) Tj ET "
        b"BT /F0 12 Tf 30 190 Td (Total amount due: 812.40 EUR) Tj ET",
    )
    found = ask(path, [*QUESTIONS, "Who is the doctor?"], pipeline=pipeline)
    assert [one.answer.text for one in found] == [*TRUTH, None]
    assert [one.origin for one in found] == ["pdf", "pdf", None]
    assert not caplog.records


def test_fields_and_rows_rest_on_what_is_shown(tmp_path: Path, pipeline: Pipeline) -> None:
    record = extract(
        lying(tmp_path / "a.pdf"),
        {"fields": {"invoice_number": {"type": "id"}, "total": {"type": "money"}}},
        pipeline=pipeline,
    )
    assert [record.fields[name].text for name in ("invoice_number", "total")] == TRUTH


def test_replacing_looks_at_what_is_shown(tmp_path: Path) -> None:
    path, out = lying(tmp_path / "a.pdf"), tmp_path / "out.pdf"
    assert main(["-q", "replace", str(path), "-o", str(out), "--ask", "Invoice number?=AB-1"]) == 0
    with pikepdf.open(out) as pdf:
        assert len(pdf.pages) == 1
    assert ask(out, QUESTIONS)[0].answer.text == "AB-1"


def test_the_stage_of_a_pipeline_asks_what_is_shown(tmp_path: Path) -> None:
    read = ["ocr", "layout", "qa"]
    routes = {"digital": ["layout", "qa"], "mixed": read, "scan": read}
    config = RunConfig.from_mapping({"routes": routes}).with_stage("qa", questions=QUESTIONS)
    with open_source(lying(tmp_path / "a.pdf")) as source:
        (page,) = Pipeline(config).run(source).pages
    assert [answer.text for answer in page.answers] == TRUTH


def test_the_command_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", str(lying(tmp_path / "a.pdf")), *QUESTIONS]) == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert [one["answer"] for one in found] == TRUTH
    assert [one["origin"] for one in found] == ["ocr", "ocr"]
    assert "docharmony: page 1: the text layer says other than the page shows" in captured.err


def test_a_font_of_another_script_that_lies_throughout_is_noticed(tmp_path: Path) -> None:
    """Single letters of other scripts may be slips; a whole line of them is none."""
    says = "Αριθμός τιμολογίου παρακαλώ"
    shown = "Invoice number KX-4471 here"
    path = draw(tmp_path / "a.pdf", [(shown, says)])
    (found,) = ask(path, QUESTIONS[:1])
    assert found.answer.text == "KX-4471"
