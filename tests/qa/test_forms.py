"""Fields of forms: labels in boxes and below lines, boxes to tick in ink, print too small to read."""

from __future__ import annotations

from typing import Any

import pymupdf
import pytest

import docharmony
from docharmony.qa.boxes import names_field
from docharmony.qa.choices import groups
from docharmony.qa.graph import build
from docharmony.qa.labels import Label
from docharmony.qa.question import understand
from docharmony.qa.reader import candidates
from docharmony.stages.qa import QaConfig

BOXES = (
    (40, 100, 300, 30, "1. Legal name of the firm *", "Quillfeather Mills"),
    (340, 100, 200, 30, "2. Trade name/Doing business as", "Quill & Co"),
    (40, 130, 180, 30, "3. City *", "Penrith"),
    (220, 130, 120, 30, "4. Postal code *", "20214"),
    (340, 130, 200, 30, "5. Contact's last (family) name", "Ostrander"),
)
TICKS = (("Seasonal", 0), ("One-time", 1), ("Peak load", 0))


def form(*, ringed: bool = False) -> bytes:
    """A form of drawn boxes with labels in small print, boxes to tick, and lines to sign on."""
    with pymupdf.open() as document:
        sheet = document.new_page(width=595, height=842)
        write = sheet.insert_text
        write((40, 60), "Application for a permit", fontsize=16)
        for x, y, wide, high, label, value in BOXES:
            sheet.draw_rect(pymupdf.Rect(x, y, x + wide, y + high), width=0.7)
            write((x + 3, y + 10), label, fontsize=8)
            write((x + 3, y + 24), value, fontsize=10)
        sheet.draw_rect(pymupdf.Rect(40, 160, 540, 200), width=0.7)
        write((43, 172), "6. Nature of the need (choose only one) *", fontsize=8)
        for number, (word, ticked) in enumerate(TICKS):
            mark(sheet, 60 + 150 * number, 182, ringed=ringed, ticked=bool(ticked))
            write((76 + 150 * number, 192), word, fontsize=9)
        write((40, 230), "Has the firm been here before?", fontsize=9)
        for number, word in enumerate(("Yes", "No")):
            mark(sheet, 250 + 60 * number, 221, ringed=ringed, ticked=number == 1)
            write((266 + 60 * number, 230), word, fontsize=9)
        for x, y, value, label in (
            (40, 300, "Margaret O. Delaney", "Name of the applicant (please print)"),
            (330, 300, "23 July 2024", "Date of application"),
            (40, 350, "418 Linden Court, Penrith", "Address (street, city)"),
        ):
            write((x + 4, y - 3), value, fontsize=10)
            sheet.draw_line((x, y), (x + 230, y), width=0.6)
            write((x, y + 10), label, fontsize=8)
        write((200, 105), "Required field", fontsize=1)
        data: bytes = document.tobytes()
    return data


def mark(sheet: Any, x: float, y: float, *, ringed: bool, ticked: bool) -> None:
    if ringed:
        sheet.draw_circle((x + 5.5, y + 5.5), 5, width=0.8)
        if ticked:
            sheet.draw_circle((x + 5.5, y + 5.5), 2.4, fill=(0, 0, 0))
        return
    sheet.draw_rect(pymupdf.Rect(x, y, x + 11, y + 11), width=0.8)
    if ticked:
        sheet.draw_line((x + 2, y + 2), (x + 9, y + 9), width=1.2)
        sheet.draw_line((x + 9, y + 2), (x + 2, y + 9), width=1.2)


def ask(data: bytes, *questions: str) -> list[str | None]:
    with docharmony.open(data) as source:
        found = docharmony.ask(source, questions, options=QaConfig(reader="rules"))
    return [one.answer.text for one in found]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is the legal name of the firm?", "Quillfeather Mills"),
        ("What is the trade name?", "Quill & Co"),
        ("In which city is the firm?", "Penrith"),
        ("What is the postal code?", "20214"),
        ("What is the contact's last name?", "Ostrander"),
        ("What is the name of the applicant?", "Margaret O. Delaney"),
        ("What is the date of application?", "23 July 2024"),
        ("What is the nature of the need?", "One-time"),
        ("Has the firm been here before?", "No"),
        ("What is the name of the insurance company?", None),
    ],
)
def test_a_form_of_boxes_and_lines(question: str, expected: str | None) -> None:
    assert ask(form(), question) == [expected]


@pytest.mark.parametrize("ringed", [False, True])
def test_marks_are_read_from_pixels(ringed: bool) -> None:
    with docharmony.open(form(ringed=ringed)) as source:
        graph = build(next(iter(docharmony.Pipeline().run(source).pages)))
        found = groups(graph, lambda: source.raster(1, 100))
    told = [[(c.text, c.ticked) for c in group] for group in found if len(group) > 1]
    assert told == [
        [(word, bool(ticked)) for word, ticked in TICKS],
        [("Yes", False), ("No", True)],
    ]


def test_without_pixels_only_written_marks_count() -> None:
    with docharmony.open(form()) as source:
        graph = build(next(iter(docharmony.Pipeline().run(source).pages)))
    assert groups(graph, None) == []
    found = candidates(understand("What is the nature of the need?"), graph)
    assert all(reply.how != "choice" for reply in found)


def test_print_too_small_to_read_is_no_text() -> None:
    with docharmony.open(form()) as source:
        graph = build(next(iter(docharmony.Pipeline().run(source).pages)))
    assert not any("Required field" in segment.text for segment in graph.segments)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12. Telephone number *", True),
        ("Patient's Name (Please Print)", True),
        ("Name: Ann Roe", False),
        ("12 May 2024", False),
        ("418 Linden Court", False),
    ],
)
def test_what_names_a_field(text: str, expected: bool) -> None:
    assert names_field(text) is expected


def test_a_label_means_what_it_names() -> None:
    plain = Label("box", "5. Contact's last (family) name *Required")
    assert {"last_name", "contact"} <= {name for unit in plain.units for name in unit.senses}


def test_authors_stand_below_the_title() -> None:
    with pymupdf.open() as document:
        sheet = document.new_page(width=595, height=842)
        for y, text, size in (
            (90, "On the Folding of Maps", 20),
            (125, "Ann Roe* and Til van Aach", 13),
            (142, "Institute of Paper, Tilburg University", 10),
            (170, "Marie Dupont", 13),
            (187, "San Antonio, Texas", 10),
            (240, "Abstract", 11),
            (
                260,
                "Maps are folded more often than they are unfolded, says Jon Bell in passing.",
                10,
            ),
        ):
            sheet.insert_text((90, y), text, fontsize=size)
        data: bytes = document.tobytes()
    assert ask(data, "Who are the authors?") == ["Ann Roe* and Til van Aach, Marie Dupont"]
