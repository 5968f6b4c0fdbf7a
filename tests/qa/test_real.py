"""The deterministic reader on documents as people write them: staff lists, prices, letters, reports."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

import docharmony
from docharmony.model import Page
from docharmony.qa.graph import Graph, build
from docharmony.qa.question import understand
from docharmony.qa.reader import Reply, candidates

from .test_reader import page

DEMO = Path(__file__).parent.parent / "resources" / "demo"

STAFF = page(
    (50, 50, "Name"), (200, 50, "Role"), (330, 50, "Telephone"), (450, 50, "Room"),
    (50, 68, "Anna Bergstrom"), (200, 68, "Librarian"), (330, 68, "+46 8 555 1212"), (450, 68, "B 204"),
    (50, 86, "Karl Nyman"), (200, 86, "Head teacher"), (330, 86, "+46 8 555 3434"), (450, 86, "C 11"),
    (50, 104, "Ruth Osei"), (200, 104, "Caretaker"), (330, 104, "+46 8 555 7878"), (450, 104, "A 3"),
)  # fmt: skip
PERSONAL = page(
    (50, 50, "Name"), (200, 50, "Funktion"), (330, 50, "Telefon"),
    (50, 68, "Jutta Krause"), (200, 68, "Hausmeisterin"), (330, 68, "030 4455 661"),
    (50, 86, "Bernd Vogel"), (200, 86, "Buchhaltung"), (330, 86, "030 4455 662"),
    (50, 104, "Sabine Roth"), (200, 104, "Leiterin"), (330, 104, "030 4455 663"),
)  # fmt: skip
PRICES = page(
    (50, 50, "Plant"), (200, 50, "Height"), (330, 50, "Price each"),
    (50, 68, "Red maple"), (200, 68, "120 cm"), (330, 68, "34.00"),
    (50, 86, "Dwarf pine"), (200, 86, "60 cm"), (330, 86, "27.50"),
    (50, 104, "White birch"), (200, 104, "150 cm"), (330, 104, "41.20"),
)  # fmt: skip
ITEMS = page(
    (50, 50, "Bezeichnung"), (200, 50, "Menge"), (330, 50, "Einzelpreis"), (450, 50, "Betrag"),
    (50, 68, "Kaffee gemahlen 1 kg"), (200, 68, "11"), (330, 68, "144,58"), (450, 68, "1.590,38"),
    (50, 86, "Kopierpapier A4"), (200, 86, "9"), (330, 86, "227,60"), (450, 86, "2.048,40"),
    (50, 104, "Stahlwinkel"), (200, 104, "7"), (330, 104, "139,55"), (450, 104, "976,85"),
)  # fmt: skip
BUSES = page(
    (50, 50, "Stop"), (200, 50, "First bus"), (330, 50, "Last bus"),
    (50, 68, "Market Square"), (200, 68, "05:40"), (330, 68, "23:10"),
    (50, 86, "Hospital"), (200, 86, "05:52"), (330, 86, "23:22"),
    (50, 104, "Old Mill"), (200, 104, "06:05"), (330, 104, "23:35"),
)  # fmt: skip
LETTER = page(
    (50, 50, "Mr. Ronald Keating"), (50, 63, "48 Elm Grove"), (50, 76, "Leith EH6 7QT"),
    (50, 110, "4 May 2024"), (50, 140, "Dear Mr. Keating,"),
    (50, 160, "Your visit to Dr. Helen Marsh has been moved to 21 May at half past nine. We now"),
    (50, 173, "have four rooms and three dentists here. The bridge was fitted on 2 February by"),
    (50, 186, "our technician, Paula Trent, and the bill is in the post."),
    (50, 220, "Yours sincerely,"), (50, 250, "Graham Sills"),
)  # fmt: skip
INFORME = page(
    (50, 50, "La biblioteca recibió 612 visitas de escuelas en todo el año. La directora, Carmen"),
    (50, 63, "Ibarra, dirige un equipo de nueve personas. El tejado fue reparado el 14 de octubre"),
    (50, 76, "de 2023 y las obras costaron mucho menos de lo que se había previsto."),
)  # fmt: skip


def best(graphs: list[Graph], question: str) -> Reply | None:
    found = [reply for graph in graphs for reply in candidates(understand(question), graph)]
    reply = max(found, key=lambda reply: reply.confidence, default=None)
    return reply if reply is not None and reply.confidence >= 0.5 else None


@pytest.mark.parametrize(
    ("made", "question", "expected"),
    [
        (STAFF, "Who is the head teacher?", "Karl Nyman"),
        (STAFF, "What is Ruth Osei's phone number?", "+46 8 555 7878"),
        (STAFF, "What is the phone number of Anna Bergstrom?", "+46 8 555 1212"),
        (STAFF, "Whose phone is +46 8 555 3434?", "Karl Nyman"),
        (STAFF, "What is the role of Karl Nyman?", "Head teacher"),
        (STAFF, "Who is the gardener?", None),
        (STAFF, "What is the phone number of Ola Lund?", None),
        (PERSONAL, "Wie lautet die Telefonnummer von Bernd Vogel?", "030 4455 662"),
        (BUSES, "What is the last bus at the Hospital?", "23:22"),
        (BUSES, "What is the first bus at Old Mill?", "06:05"),
        (PERSONAL, "Wer ist die Leiterin?", "Sabine Roth"),
        (PERSONAL, "Wessen Telefonnummer ist 030 4455 661?", "Jutta Krause"),
        (PRICES, "How much is the dwarf pine?", "27.50"),
        (PRICES, "What is the height of the white birch?", "150 cm"),
        (PRICES, "Which plant costs 34.00?", "Red maple"),
        (PRICES, "How much is the oak?", None),
        (ITEMS, "Wie viel wurde für Kaffee gemahlen 1 kg berechnet?", "1.590,38"),
        (ITEMS, "Was kostet ein Stück Stahlwinkel?", "139,55"),
        (ITEMS, "How many Stahlwinkel were bought?", "7"),
    ],
)  # fmt: skip
def test_a_row_is_named_by_any_of_its_cells(
    made: Page, question: str, expected: str | None
) -> None:
    reply = best([build(made)], question)
    assert (reply and reply.text) == expected


@pytest.mark.parametrize(
    ("made", "question", "expected"),
    [
        (LETTER, "Who is the letter to?", "Mr. Ronald Keating"),
        (LETTER, "Who is the letter from?", "Graham Sills"),
        (LETTER, "How many dentists are there?", "three"),
        (LETTER, "When was the bridge fitted?", "2 February"),
        (LETTER, "Who is the technician?", "Paula Trent"),
        (LETTER, "When was the crown fitted?", None),
        (LETTER, "How many nurses are there?", None),
        (INFORME, "¿Quién es la directora?", "Carmen Ibarra"),
        (INFORME, "¿Cuándo fue reparado el tejado?", "14 de octubre de 2023"),
        (INFORME, "¿Quién es el alcalde?", None),
    ],
)
def test_running_text_answers(made: Page, question: str, expected: str | None) -> None:
    reply = best([build(made)], question)
    assert (reply and reply.text) == expected


@cache
def _demo(name: str) -> list[Graph]:
    with docharmony.open(DEMO / name) as source:
        return [build(page) for page in docharmony.Pipeline().run(source).pages]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is the phone number of Tobias Lindqvist?", "+44 20 7946 0958"),
        ("Who is the director?", "Marguerite Holloway"),
        ("What is the title of the document?", "Review of suppliers, first half of 2025"),
        ("How many suppliers did the trust pay?", "41"),
        ("How many signatures does an order above 2,500 pounds need?", "two"),
        ("Whose phone number is +44 20 7946 0321?", "Amara Okafor"),
        ("What is the salary of Tobias Lindqvist?", None),
    ],
)
def test_a_report_of_four_pages(question: str, expected: str | None) -> None:
    reply = best(_demo("report.pdf"), question)
    assert (reply and reply.text) == expected
    if reply is not None:
        # A part of a line that the answer stands on, and a box inside the page.
        assert reply.spans
        assert reply.bbox is not None
        graphs = {line.id: line for graph in _demo("report.pdf") for line in graph.page.lines}
        shown = " ".join(graphs[s.line].text[s.start : s.end] for s in reply.spans)
        assert shown == reply.text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Who is the letter to?", "Mrs. Eleanor Whitcombe"),
        ("How much was paid for the hotel?", "186.50"),
        ("When was the ferry cancelled?", "17 June"),
    ],
)
def test_a_scanned_letter(question: str, expected: str | None) -> None:
    reply = best(_demo("scan.pdf"), question)
    assert reply is not None
    assert reply.text == expected


@pytest.mark.parametrize(
    ("question", "counts"),
    [
        ("What is the phone number of Jane Roe?", False),
        ("What is the number of the invoice?", False),
        ("What is the number of pages?", True),
        ("How many pages are there?", True),
    ],
)
def test_number_of_asks_how_many_only_where_it_does(question: str, counts: bool) -> None:
    assert (understand(question).operation == "count") == counts
