"""Redaction from end to end: the real parsers, writers and checks; a stand-in for the reader."""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pymupdf
import pytest

import docharmony
from docharmony import (
    ConfigError,
    Context,
    EditStatus,
    ExitCode,
    InputError,
    Page,
    Pipeline,
    RedactionLeakError,
    Stage,
    StageError,
    UsageError,
)
from docharmony.engine.base import Engine
from docharmony.io.write import edits as writer
from docharmony.plan import Plan
from docharmony.redaction import propose, redact
from docharmony.stages.redact import RedactConfig

from .plugins.reader import Reader, ReaderConfig

RESOURCES = Path(__file__).parent / "resources"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Private folders are made here, and must all be gone after each test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@cache
def engine() -> Engine:
    return Pipeline().context.engine


def pipeline(*stages: Stage, reader: Stage | None = None) -> Pipeline:
    reads = reader or Reader()
    return Pipeline(
        routes={"digital": list(stages), "mixed": list(stages), "scan": [reads, *stages]},
        engine=engine(),
    )


def text_of(path: Path, number: int = 1) -> str:
    with pymupdf.open(path) as document:
        return str(document[number - 1].get_text())


def pdf(path: Path, *pages: Sequence[str]) -> Path:
    with pymupdf.open() as document:
        for lines in pages:
            page = document.new_page(width=400, height=300)
            for row, line in enumerate(lines):
                page.insert_text((40, 60 + 16 * row), line)
        document.save(path)
    return path


def test_what_the_rules_find_is_gone_and_the_rest_stays(letter: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.pdf"
    before = letter.read_bytes()
    report = redact(letter, out, terms=["jane roe"], pii=["email"], pipeline=pipeline())
    for number in (1, 2, 3):
        text = text_of(out, number)
        assert "Roe" not in text
        assert "example" not in text
        assert f"Page {number} of the letter to" in text
        assert "Line 3 of a paragraph" in text
    assert letter.read_bytes() == before
    assert report.count == 6
    assert all(check.passed for check in report.checks)
    assert "pixels read again by fake.reader" in [check.name for check in report.checks]
    data = report.to_json()
    assert set(data) == {
        "schema", "input_sha256", "output_sha256", "edits", "carriers", "verification", "uncertain",
        "gaps", "moved",
    }  # fmt: skip
    assert data["verification"]["passed"] is True
    assert {edit["rule"] for edit in data["edits"]} == {"term", "pii:email"}
    assert all(set(edit) >= {"id", "page", "bbox", "kind", "reason"} for edit in data["edits"])
    written = json.dumps(data)
    for secret in ("Jane", "Roe", "jane", "example.org"):
        assert secret not in written


def test_nothing_found_gives_a_cleaned_copy(letter: Path, tmp_path: Path) -> None:
    report = redact(letter, tmp_path / "out.pdf", terms=["Nobody"], pipeline=pipeline())
    assert report.count == 0
    assert "Jane Roe" in text_of(tmp_path / "out.pdf")


@pytest.mark.parametrize("fill", ["box", "label"])
def test_every_fill_removes(fill: Any, tmp_path: Path) -> None:
    source = pdf(tmp_path / "in.pdf", ["to Jane Roe"])
    redact(source, tmp_path / "out.pdf", terms=["Jane Roe"], fill=fill, pipeline=pipeline())
    assert text_of(tmp_path / "out.pdf").split() == ["to"] + ["term"] * (fill == "label")


def test_what_is_broken_over_two_pages_goes(tmp_path: Path) -> None:
    source = pdf(tmp_path / "in.pdf", ["a letter", "signed by Jane"], ["Roe of Bonn", "the end"])
    report = redact(source, tmp_path / "out.pdf", terms=["Jane Roe"], pipeline=pipeline())
    assert {page: len(edits) for page, edits in report.edits.items()} == {1: 1, 2: 1}
    assert "Jane" not in text_of(tmp_path / "out.pdf", 1)
    assert "Roe" not in text_of(tmp_path / "out.pdf", 2)


def test_a_value_told_by_its_word_goes_where_it_stands_bare_too(tmp_path: Path) -> None:
    source = pdf(tmp_path / "in.pdf", ["see 7654321 below"], ["Tel.: 7654321"])
    report = redact(source, tmp_path / "out.pdf", pii=["phone"], pipeline=pipeline())
    assert "7654321" not in text_of(tmp_path / "out.pdf", 1)
    (edit,) = report.edits[1]
    assert edit.reason == "telephone number, as in p2e1"


def test_a_term_is_not_taken_for_left_over_across_ordinary_words(tmp_path: Path) -> None:
    source = pdf(tmp_path / "in.pdf", ["the value of Eva, an n x n matrix, pages 3-4"])
    redact(source, tmp_path / "out.pdf", terms=["Eva", "Ann", "34"], pipeline=pipeline())
    left = " ".join(text_of(tmp_path / "out.pdf").split())
    assert left == "the value of , an n x n matrix, pages 3-4"


def test_a_scan_is_redacted_by_what_was_read(tmp_path: Path) -> None:
    source = tmp_path / "in.png"
    with pymupdf.open(pdf(tmp_path / "in.pdf", ["Smith"])) as document:
        document[0].get_pixmap(dpi=72).save(source)
    reader = Reader(ReaderConfig("Smith", rows=4))
    blank = Reader(ReaderConfig())

    class Once(Reader):
        """Sees the text in the input, nothing in the output."""

        def process(self, page: Page, ctx: Context) -> Page:
            first = "Smith" not in self.seen
            self.seen.append("Smith")
            return (reader if first else blank).process(page, ctx)

        seen: list[str] = []  # noqa: RUF012

    report = redact(source, tmp_path / "out.png", terms=["Smlth"], pipeline=pipeline(reader=Once()))
    assert report.count == 4
    assert {edit.reason for edit in report.edits[1]} == {"term 1, near miss in read text"}
    # Read with a confidence of 0.5: a person should look there.
    assert [place.page for place in report.uncertain] == [1, 1, 1, 1]
    with docharmony.open(tmp_path / "out.png") as output:
        assert int(output.raster(1).min()) > 200


def test_hidden_text_over_a_scan_is_searched_too(tmp_path: Path) -> None:
    source = tmp_path / "in.pdf"
    with pymupdf.open(pdf(tmp_path / "plain.pdf", ["to Jane Roe"])) as plain:
        pixels = plain[0].get_pixmap(dpi=100).tobytes("png")
    with pymupdf.open() as document:
        page = document.new_page(width=400, height=300)
        page.insert_image(page.rect, stream=pixels)
        page.insert_text((40, 60), "to Jane Roe, roe@example.org", render_mode=3)
        document.save(source)
    out = tmp_path / "out.pdf"
    # The stand-in reads nothing in the pixels: all that is found is found in the hidden text.
    report = redact(source, out, terms=["Jane Roe"], pii=["email"], pipeline=pipeline())
    assert [edit.rule for edit in report.edits[1]] == ["term", "pii:email"]
    assert text_of(out).split() == ["to"]


# --- nothing is written when something is wrong ---------------------------------------------------


def test_a_writer_that_leaves_the_text_is_caught(
    letter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(source: Any, edits: Mapping[int, Any], out: Path, **options: Any) -> Any:
        shutil.copyfile(source.path, out)
        names = tuple(edit.id for own in edits.values() for edit in own)
        return writer.EditOutcome(names, (), {}, 0)

    monkeypatch.setattr(writer, "apply_edits", faulty)
    out = tmp_path / "out.pdf"
    with pytest.raises(RedactionLeakError, match="the output was withheld") as caught:
        redact(letter, out, terms=["Jane Roe"], pipeline=pipeline())
    assert caught.value.exit_code == ExitCode.LEAK
    assert not out.exists()
    assert "Jane" not in f"{caught.value} {caught.value.hint}"


def test_a_writer_that_only_covers_the_text_is_caught(
    letter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(source: Any, edits: Mapping[int, Any], out: Path, **options: Any) -> Any:
        with pymupdf.open(source.path) as document:
            for number, own in edits.items():
                for edit in own:
                    document[number - 1].draw_rect(tuple(edit.bbox), fill=(0, 0, 0))
            document.save(out)
        names = tuple(edit.id for own in edits.values() for edit in own)
        return writer.EditOutcome(names, (), {}, 0)

    monkeypatch.setattr(writer, "apply_edits", faulty)
    with pytest.raises(RedactionLeakError):
        redact(letter, tmp_path / "out.pdf", terms=["Jane Roe"], fill="box", pipeline=pipeline())
    assert not (tmp_path / "out.pdf").exists()


def test_a_term_on_a_page_that_was_not_searched_is_caught(tmp_path: Path) -> None:
    source = pdf(tmp_path / "in.pdf", ["Jane Roe"], ["Jane Roe"])
    ready = pipeline()
    ready.config = replace(ready.config, pages="1")
    with pytest.raises(RedactionLeakError) as caught:
        redact(source, tmp_path / "out.pdf", terms=["Jane Roe"], pipeline=ready)
    assert "leave out --pages" in caught.value.hint
    assert not (tmp_path / "out.pdf").exists()


def test_an_encrypted_input_is_redacted_with_its_password(tmp_path: Path) -> None:
    source = tmp_path / "in.pdf"
    with pymupdf.open(pdf(tmp_path / "plain.pdf", ["to Jane Roe"])) as document:
        document.save(
            source, encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="open", owner_pw="own"
        )
    out = tmp_path / "out.pdf"
    with docharmony.open(source, password="open") as opened:
        redact(opened, out, terms=["Jane Roe"], pipeline=pipeline())
    with pymupdf.open(out) as document:
        assert not document.needs_pass or document.authenticate("open")
        assert document[0].get_text().split() == ["to"]
    with pytest.raises(InputError, match="needs a password"):
        redact(source, tmp_path / "other.pdf", terms=["Jane Roe"], pipeline=pipeline())


def test_an_edit_that_was_not_applied_is_caught(
    letter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = writer.apply_edits

    def faulty(*args: Any, **options: Any) -> Any:
        return replace(honest(*args, **options), applied=("p1e1",))

    monkeypatch.setattr(writer, "apply_edits", faulty)
    with pytest.raises(RedactionLeakError, match="an edit was not applied"):
        redact(letter, tmp_path / "out.pdf", terms=["Jane Roe"], pipeline=pipeline())
    assert not (tmp_path / "out.pdf").exists()


def test_what_can_still_be_read_in_the_pixels_is_caught(tmp_path: Path) -> None:
    sees = Reader(ReaderConfig("Roe", middle=8))
    source = pdf(tmp_path / "in.pdf", ["Roe"])
    with pytest.raises(RedactionLeakError, match=r"edit p1e1 can still be read on page 1"):
        redact(source, tmp_path / "out.pdf", terms=["Roe"], pipeline=pipeline(reader=sees))
    assert not (tmp_path / "out.pdf").exists()


def test_a_failed_page_means_no_output(letter: Path, tmp_path: Path) -> None:
    class Fails(Stage):
        name = "fails"

        def process(self, page: Page, ctx: Context) -> Page:
            if page.number == 2:
                raise ValueError(page.text)
            return page

    with pytest.raises(StageError) as caught:
        redact(letter, tmp_path / "out.pdf", terms=["Jane"], pipeline=pipeline(Fails()))
    assert (caught.value.page, caught.value.stage) == (2, "fails")
    assert "Jane" not in str(caught.value)
    assert not (tmp_path / "out.pdf").exists()


def test_a_document_with_a_failed_page_is_refused(letter: Path, tmp_path: Path) -> None:
    from docharmony import PageFailure

    ready = pipeline()
    with docharmony.open(letter) as source:
        document = ready.run(source)
        failed = replace(document, failures=(PageFailure(2, "ocr", "it broke"),))
        with pytest.raises(StageError, match="page 2, stage ocr"):
            redact(source, tmp_path / "out.pdf", document=failed, pipeline=ready)
        with pytest.raises(ConfigError, match="did not look for anything"):
            redact(source, tmp_path / "out.pdf", document=document, pipeline=ready)


def test_a_failing_rename_leaves_nothing(letter: Path, tmp_path: Path) -> None:
    with pytest.raises(docharmony.OutputError):
        redact(letter, tmp_path / "missing" / "out.pdf", terms=["Jane"], pipeline=pipeline())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "nothing to redact was named"),
        ({"regions": ["9:1,1,2,2"]}, "names a page that is not there"),
        ({"regions": ["1:1,1"]}, "cannot understand the region"),
        ({"terms": ["  "]}, "term 1 holds no letter"),
        ({"patterns": ["("]}, "pattern 1 is not a regular expression"),
        ({"pii": ["emial"]}, "unknown detector 'emial'"),
        ({"terms": ["x"], "fill": "blur"}, "unknown fill"),
    ],
)
def test_rules_that_make_no_sense(
    options: dict[str, Any], message: str, letter: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        redact(letter, tmp_path / "out.pdf", pipeline=pipeline(), **options)
    assert not (tmp_path / "out.pdf").exists()


def test_a_catastrophic_pattern_is_a_failed_page_that_does_not_quote_it(tmp_path: Path) -> None:
    source = pdf(tmp_path / "in.pdf", ["a" * 60])
    rules = RedactConfig(patterns=("(a|aa)+;",), pattern_timeout=0.2)
    with pytest.raises(docharmony.DocharmonyError, match="pattern 1 takes too long"):
        redact(source, tmp_path / "out.pdf", rules=rules, pipeline=pipeline())
    assert not (tmp_path / "out.pdf").exists()


def test_a_document_found_before_is_redacted_without_searching_again(
    letter: Path, tmp_path: Path
) -> None:
    from docharmony.stages.redact import RedactStage

    ready = pipeline(RedactStage(RedactConfig(patterns=("Jane Roe",), propose=True)))
    with docharmony.open(letter) as source:
        document = ready.run(source)
        report = redact(source, tmp_path / "out.pdf", document=document, pipeline=ready)
    assert report.count == 3
    assert "Jane Roe" not in text_of(tmp_path / "out.pdf", 3)


# --- plans ----------------------------------------------------------------------------------------


@pytest.fixture
def plan(letter: Path) -> Plan:
    rules = RedactConfig(terms=("Jane Roe",), pii=("email",))
    return propose(letter, rules=rules, pipeline=pipeline()).plan


def test_a_plan_holds_the_text_for_its_owner_alone(plan: Plan, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    plan.write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    data = json.loads(path.read_text(encoding="utf-8"))
    assert data["schema"] == 1
    assert [edit["original"] for edit in data["edits"] if edit["page"] == 1] == [
        "Jane Roe", "jane.roe@example.org"
    ]  # fmt: skip
    assert {edit["status"] for edit in data["edits"]} == {"proposed"}
    assert "Jane" not in repr(plan)


def test_a_plan_survives_its_file(plan: Plan, tmp_path: Path) -> None:
    plan.write(tmp_path / "plan.json")
    again = Plan.read(tmp_path / "plan.json")
    assert again.to_json() == plan.to_json()
    assert again.input_sha256 == plan.input_sha256


def test_all_but_rejected_edits_are_applied(plan: Plan, letter: Path, tmp_path: Path) -> None:
    data = plan.to_json()
    for edit in data["edits"]:
        if edit["page"] == 2 and edit["rule"] == "term":
            edit["status"] = "rejected"
        if edit["page"] == 3:
            edit["status"] = "approved"
    reviewed = Plan.from_json(data)
    report = redact(letter, tmp_path / "out.pdf", plan=reviewed, pipeline=pipeline())
    assert report.count == 5
    assert "Jane Roe" in text_of(tmp_path / "out.pdf", 2)
    assert "Jane Roe" not in text_of(tmp_path / "out.pdf", 1)
    assert "example.org" not in text_of(tmp_path / "out.pdf", 2)


def test_a_moved_polygon_is_where_the_plan_erases(plan: Plan, letter: Path, tmp_path: Path) -> None:
    data = plan.to_json()
    data["edits"] = [data["edits"][0]]
    data["terms"] = []
    data["edits"][0] |= {"original": "", "rule": "region", "term": 0}
    data["edits"][0]["polygon"] = [[60, 85], [500, 85], [500, 105], [60, 105]]
    redact(letter, tmp_path / "out.pdf", plan=Plan.from_json(data), pipeline=pipeline())
    assert "Jane Roe" in text_of(tmp_path / "out.pdf")
    assert "Line 0" not in text_of(tmp_path / "out.pdf")


def test_a_plan_fits_its_own_input_only(plan: Plan, tmp_path: Path) -> None:
    other = pdf(tmp_path / "other.pdf", ["Jane Roe"])
    with pytest.raises(UsageError, match="made for another input"):
        redact(other, tmp_path / "out.pdf", plan=plan, pipeline=pipeline())
    assert not (tmp_path / "out.pdf").exists()


def broken(plan: Plan, **changes: Any) -> dict[str, Any]:
    data = plan.to_json()
    data["edits"][0] |= changes
    return data


@pytest.mark.parametrize(
    "changes",
    [
        {"polygon": [[1, 1]]},
        {"polygon": [[1, 1], [2, 2], [float("nan"), 3]]},
        {"polygon": "here"},
        {"polygon": [[1e9, 1], [2, 2], [3, 3]]},
        {"status": "maybe"},
        {"kind": "move"},
        {"page": 0},
        {"page": "one"},
        {"id": "p1e2"},
    ],
    ids=str,
)
def test_a_plan_that_makes_no_sense_is_refused(changes: dict[str, Any], plan: Plan) -> None:
    with pytest.raises(UsageError, match="this plan cannot be applied"):
        Plan.from_json(broken(plan, **changes))


def test_a_plan_that_replaces_is_none_for_redact(letter: Path, plan: Plan, tmp_path: Path) -> None:
    data = broken(plan, kind="replace", replacement="John")
    data["input_sha256"] = hashlib.sha256(letter.read_bytes()).hexdigest()
    with pytest.raises(UsageError, match="replaces"):
        redact(letter, tmp_path / "o.pdf", plan=Plan.from_json(data), pipeline=pipeline())


@pytest.mark.parametrize(
    "data", [None, [], {}, {"schema": 2}, {"schema": 1}, {"schema": 1, "edits": 5}]
)
def test_what_is_no_plan_is_refused(data: Any) -> None:
    with pytest.raises(UsageError, match="this plan cannot be applied"):
        Plan.from_json(data)


@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff\xff", b"[" * 100_000])
def test_a_plan_file_that_cannot_be_read(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match="cannot read the plan"):
        Plan.read(path)


def test_a_page_of_a_plan_must_be_there(plan: Plan, letter: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a page that is not there"):
        redact(
            letter, tmp_path / "out.pdf",
            plan=Plan.from_json(broken(plan, page=4)), pipeline=pipeline(),
        )  # fmt: skip


def test_a_term_of_which_a_place_was_kept_may_stand() -> None:
    edit = {
        "page": 1, "id": "p1e1", "kind": "erase", "rule": "term", "reason": "term 1", "term": 1,
        "polygon": [[1, 1], [2, 1], [2, 2], [1, 2]], "original": "Roe", "status": "rejected",
    }  # fmt: skip
    data = {"schema": 1, "input_sha256": "0", "edits": [edit], "terms": ["Roe", "Doe"]}
    assert Plan.from_json(data).kept_terms() == ["Doe"]
    assert Plan.from_json(data).decided().edits[1][0].status is EditStatus.REJECTED


def test_what_moves_into_the_place_of_the_removed_is_not_taken_for_it(tmp_path: Path) -> None:
    """The line is set anew: a text like the removed one, which is to stay, comes to stand there."""
    source = pdf(tmp_path / "a.pdf", ["to Margaret Jane Roe, jane.roe@example.org and others"])
    nano = Pipeline(engine=engine())
    report = redact(source, tmp_path / "o.pdf", terms=["Jane Roe"], pipeline=nano)
    assert report.moved
    assert "jane.roe@example.org" in text_of(tmp_path / "o.pdf")
