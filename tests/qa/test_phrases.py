"""What running text says in its own words, and what is counted without a table."""

from __future__ import annotations

import pytest

from docharmony.model import Page
from docharmony.qa import counts, phrases
from docharmony.qa.graph import Graph, build
from docharmony.qa.question import understand
from docharmony.qa.reader import candidates

from .test_reader import page

STORY = page(
    (50, 50, "Last spring the old mill was bought by the town council, which wants to turn it into"),
    (50, 63, "a library. The roof collapsed because of heavy snow and nobody was hurt. The builders"),
    (50, 76, "found a leather purse under the floor. Mr. Dr. V. Hollis supervised the excavation for"),
    (50, 89, "more than two weeks, and the coins now lie in the museum."),
)  # fmt: skip
MINUTES = page(
    (50, 50, "Present: A. Roe (Chair), B. Poe, C. Stone"),
    (50, 80, "Announcements"),
    (60, 95, "1. The heating is repaired."),
    (60, 110, "2. The hall is closed in May."),
    (60, 125, "3. Keys are changed."),
    (50, 155, "Next Meeting: Friday, June 12, at 7:30"),
)  # fmt: skip


def best(question: str, sheet: Page) -> str | None:
    """Return the likeliest answer."""
    found = candidates(understand(question), build(sheet))
    return found[0].text if found else None


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Who bought the old mill?", "the town council"),
        ("Why did the roof collapse?", "heavy snow"),
        ("What did the builders find under the floor?", "a leather purse"),
        ("Who supervised the excavation?", "Mr. Dr. V. Hollis"),
        ("Where do the coins lie?", "the museum"),
    ],
)
def test_prose_in_its_own_words(question: str, answer: str) -> None:
    graph: Graph = build(STORY)
    found = phrases.answer(understand(question), graph)
    assert answer in [item.text for item in found], [item.text for item in found]


def test_phrase_stands_where_it_says() -> None:
    found = candidates(understand("Why did the roof collapse?"), build(STORY))[0]
    line = next(line for line in STORY.lines if line.id == found.spans[0].line)
    assert found.text == line.text[found.spans[0].start : found.spans[0].end] == "heavy snow"


def test_prose_that_does_not_say_gives_no_phrase() -> None:
    graph = build(STORY)
    for question in ("Who is the plumber?", "What is the IBAN?", "When was the mayor born?"):
        assert phrases.answer(understand(question), graph) == []


@pytest.mark.parametrize(
    ("question", "answer"),
    [("How many people were present?", "3"), ("How many announcements are there?", "3")],
)
def test_counts_without_a_table(question: str, answer: str) -> None:
    assert best(question, MINUTES) == answer


def test_counts_what_nothing_names() -> None:
    assert counts.counted(understand("How many dogs were there?"), build(MINUTES)) == []


def test_day_without_a_year() -> None:
    assert best("When is the next meeting?", MINUTES) == "Friday, June 12, at 7:30"


PAPER = page(
    (50, 50, "Growth of Moss on Old"), (50, 76, "Stone Walls"), (50, 110, "Dr. Paula Hull"),
    (50, 150, "We use light detection and ranging (LIDAR) at 3 sites, A = dry and B = wet."),
    (50, 200, "Place of birth: Arles, France"), (50, 215, "Date of birth: 30 February 1971"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What does LIDAR stand for?", None),  # its initials are not those of the words before it
        ("What does B stand for?", "wet"),
        ("Who is the lecturer?", "Dr. Paula Hull"),
        ("Where was she born?", "Arles, France"),
        ("What is the date of birth?", "30 February 1971"),
    ],
)
def test_signs_titles_and_places(question: str, answer: str | None) -> None:
    if answer is None:
        assert best(question, PAPER) != "light detection and ranging"
    else:
        assert best(question, PAPER) == answer


def test_letters_stand_for_the_words_before_them() -> None:
    made = page((50, 50, "The tracks follow the National Road Register (NRR) of 1998."))
    assert best("What does NRR stand for?", made) == "National Road Register"


CARS = page(
    (200, 50, "mpg"), (260, 50, "hp"), (320, 50, "wt"),
    (50, 68, "Mazda RX4"), (200, 68, "21.0"), (260, 68, "110"), (320, 68, "2.62"),
    (50, 86, "Honda Civic"), (200, 86, "30.4"), (260, 86, "52"), (320, 86, "1.62"),
    (50, 104, "Ford Pantera"), (200, 104, "15.8"), (260, 104, "264"), (320, 104, "3.17"),
    (50, 122, "Fiat 128"), (200, 122, "32.4"), (260, 122, "66"), (320, 122, "2.20"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is the mpg of the Honda Civic?", "30.4"),
        ("What is the wt of the Fiat 128?", "2.20"),
        ("Which car has the highest mpg?", "Fiat 128"),
    ],
)
def test_rows_named_by_a_column_without_a_head(question: str, answer: str) -> None:
    assert best(question, CARS) == answer


def test_a_name_that_stands_nowhere_makes_an_answer_unlikely() -> None:
    found = candidates(understand("What is the mpg of the Ford Fiesta?"), build(CARS))
    assert not found or found[0].confidence < 0.4
