"""Paragraphs that lose text are broken anew; what is not surely a paragraph keeps its lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pymupdf
import pytest

import docharmony
import docharmony.redaction
from docharmony.config import RunConfig
from docharmony.io.moves import Move
from docharmony.io.verify import Check
from docharmony.io.write.pdf_joins import _compound
from docharmony.io.write.pdf_stream import _wall
from docharmony.io.write.pdf_told import BREAKS, COLUMN

from .test_pdf_lines import NAME, page, redacted

TEXT = (
    f"On Monday the clerk of the court told {NAME} that all of the papers which had been asked for "
    "were lost, and that nobody had seen them since the day on which the hearing was closed without "
    "any result at all."
)


def lines(sheet: Any) -> list[str]:
    """Return the lines of a page as PyMuPDF puts them together, white space made one."""
    rows: dict[int, list[str]] = {}
    for word in sorted(sheet.get_text("words"), key=lambda w: (round(w[3]), w[0])):
        rows.setdefault(round(word[3]), []).append(word[4])
    return [" ".join(row) for row in rows.values()]


@pytest.mark.parametrize("style", ["", "text-align: justify"])
def test_words_go_up_and_the_column_stays(tmp_path: Path, style: str) -> None:
    html = f"<p style='{style}'>{TEXT}</p><p style='{style}'>{TEXT.replace(NAME, 'them')}</p>"
    source = page(tmp_path / "in.pdf", html)
    with pymupdf.open(source) as document:
        before = lines(document[0])
        right = max(w[2] for w in document[0].get_text("words"))
        below = [w[4] for w in document[0].get_text("words") if w[1] > 120]
    sheet, value = redacted(source)
    after = lines(sheet)
    assert " ".join(after) == " ".join(before).replace(f"{NAME} ", "", 1)
    assert after != [line.replace(f"{NAME} ", "") for line in before]
    assert len(after) == len(before)
    assert max(w[2] for w in sheet.get_text("words")) <= right + 0.5
    assert [w[4] for w in sheet.get_text("words") if w[1] > 120] == below
    assert any(Move.from_json(move).drop for move in value["moves"]["1"])
    again, value = redacted(source, keep_breaks=True)
    assert lines(again) == [line.replace(f"{NAME} ", "") for line in before]
    assert not any(move["drop"] for move in value["moves"]["1"])


def test_a_link_that_breaks_becomes_one_for_each_line(tmp_path: Path) -> None:
    link = '<a href="https://example.org/">the papers which had been asked for were lost, and</a>'
    text = TEXT.replace("the papers which had been asked for were lost, and", link)
    source = page(tmp_path / "in.pdf", f"<p>{text}</p><p>{TEXT.replace(NAME, 'them')}</p>")
    sheet, value = redacted(source)
    if not any(move["drop"] for move in value["moves"]["1"]):
        pytest.fail("the paragraph was not broken anew")
    boxes = [link["from"] for link in sheet.get_links()]
    linked = [
        word[4]
        for word in sheet.get_text("words")
        if any(box.contains(((word[0] + word[2]) / 2, word[3] - 6)) for box in boxes)
    ]
    assert " ".join(linked) == "the papers which had been asked for were lost, and"


@pytest.mark.parametrize(
    "html",
    [
        f"<p>{NAME} and Company<br>12 Main Street<br>Springfield</p>",
        f"<p>Roses that {NAME} loved so much<br>and violets<br>that grew beside the door</p>",
        f"<table><tr><td>{NAME}</td><td>12.50</td></tr><tr><td>Another</td><td>13.50</td></tr></table>",
        f"<ul><li>{NAME} first</li><li>second</li><li>third</li></ul>",
    ],
)
def test_lines_that_are_no_paragraph_keep_their_words(tmp_path: Path, html: str) -> None:
    sheet, value = redacted(page(tmp_path / "in.pdf", html))
    assert value["moves"]["1"]
    assert not any(move["drop"] for move in value["moves"]["1"])
    assert NAME not in sheet.get_text()


def test_leaders_stay(tmp_path: Path) -> None:
    _, value = redacted(page(tmp_path / "in.pdf", f"<p>{TEXT} ........ 12</p>"))
    assert not any(move["drop"] for move in value["moves"]["1"])
    assert [why for *_, why in value["gaps"]] == [BREAKS]


def test_the_wall_that_a_line_reaches_to_stays() -> None:
    move = Move((0.0, 0.0), (1.0, 0.0), 10.0, (-9.5, 3.5), ((100.0, 100.0), (200.0, 150.0)), ())
    assert _wall(move, [(200.5, -9.0), (200.5, 3.0)])
    assert _wall(move, [(99.0, -9.0), (99.0, 3.0)])
    assert not _wall(move, [(150.0, -9.0), (150.0, 3.0)])
    assert not _wall(move, [(100.0, 1.0), (200.0, 1.0)])


def test_dots_that_lead_to_a_number_go(tmp_path: Path) -> None:
    text = f"<p>Statement of {NAME} .......... 12</p><p>Statement of nobody .......... 14</p>"
    sheet, value = redacted(page(tmp_path / "in.pdf", text))
    assert lines(sheet) == ["Statement of 12", "Statement of nobody .......... 14"]
    assert not value["gaps"]


@pytest.mark.parametrize(
    ("broken", "joined"),
    [
        ("docu-<br>ments", "documents"),
        ("well-<br>known", "well-known"),
        ("Nord-<br>und", "Nord- und"),
        ("Anglo-<br>Saxon", "Anglo-Saxon"),
    ],
)
def test_words_that_lines_part_are_joined(tmp_path: Path, broken: str, joined: str) -> None:
    text = TEXT.replace("and that nobody", f"{broken} nobody")
    sheet, _ = redacted(page(tmp_path / "in.pdf", f"<p>{text}</p><p>Another one begins.</p>"))
    assert joined in " ".join(lines(sheet))


@pytest.mark.parametrize(
    "word",
    [
        "cost-effective,",
        "well-known",
        "state-of-the-art",
        "decision-making",
        "mother-in-law",
        "x-ray",
    ],
)
def test_compounds_keep_their_hyphen(word: str) -> None:
    start, _, rest = word.rpartition("-")
    known = frozenset({"x-ray"})
    assert _compound(start, rest, known)


@pytest.mark.parametrize(
    ("start", "rest"),
    [
        ("state", "ments."),
        ("inde", "pendent"),
        ("Spring", "field"),
        ("Bundes", "regierung"),
        ("e", "mail"),
    ],
)
def test_other_words_lose_it(start: str, rest: str) -> None:
    assert not _compound(start, rest, frozenset({"email"}))


def test_lines_stay_where_a_check_objects_to_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit, seen = docharmony.redaction.audit, []

    def strict(*args: Any) -> list[Check]:
        broken = any(move.drop for own in args[4].values() for move in own)
        seen.append(broken)
        return [*audit(*args), *([Check("rest of the page", False, "")] if broken else [])]

    monkeypatch.setattr(docharmony.redaction, "audit", strict)
    monkeypatch.setattr(docharmony.redaction, "reread", lambda *_: [])
    source = page(tmp_path / "in.pdf", f"<p>{TEXT}</p><p>{TEXT.replace(NAME, 'them')}</p>")
    pipeline = docharmony.Pipeline(RunConfig(text_layer="trust"))
    report = docharmony.redact(source, tmp_path / "out.pdf", terms=[NAME], pipeline=pipeline)
    assert seen == [True, False]
    assert all(check.passed for check in report.checks)


def test_labels_that_come_to_stand_in_one_old_place_are_no_text_under_an_edit(
    tmp_path: Path,
) -> None:
    text = "GB82 WEST 1234 5698 7654 32 or a@b.example"
    source = page(tmp_path / "in.pdf", f"<p>{text}</p>")
    pipeline = docharmony.Pipeline(RunConfig(text_layer="trust"))
    out = tmp_path / "out.pdf"
    docharmony.redact(source, out, pii=["iban", "email"], fill="label", pipeline=pipeline)
    with pymupdf.open(out) as document:
        left = document[0].get_text().split()
    assert [word for word in left if word in ("iban", "email")] == ["iban", "email"]


def test_what_still_tells_is_told(tmp_path: Path) -> None:
    rows = "".join(
        f"<tr><td>{a}</td><td>{b}</td></tr>" for a, b in (("Ann", 1), (NAME, 2), ("Bo", 3))
    )
    _, value = redacted(
        page(tmp_path / "in.pdf", f"<style>td {{padding: 0 40px}}</style><table>{rows}</table>")
    )
    assert [why for *_, why in value["gaps"]] == [COLUMN]
