"""What a question means: another name in brackets, a deadline, the noun behind "which"."""

from __future__ import annotations

import pytest

from docharmony.qa.graph import build
from docharmony.qa.question import understand
from docharmony.qa.tables import figure, goes_on, records

from .test_reader import answer, page

BILL = page(
    (60, 40, "Faktura RE-3847"), (60, 80, "Fakturadato:  2. november 2017"),
    (60, 95, "Forfallsdato:  16. november 2017"), (60, 125, "Minimum due:  50.00"),
    (60, 140, "Bankhaus Hohlweg & Co."), (60, 155, "IBAN DE89370400440532013000"),
    (60, 300, "Description"), (250, 300, "Rate"), (400, 300, "Amount"),
    (60, 320, "Planks"), (255, 320, "25%"), (400, 320, "1,250.00"),
    (60, 340, "Nails"), (255, 340, "15%"), (400, 340, "120.00"),
)  # fmt: skip
PROSE = page(
    (60, 40, "Department of Botany"), (60, 70, "Present: I. Kessel (Chair), P. Ostrander"),
    (60, 100, "05/13 Pruning of old trees"), (60, 120, "05/20 Grafts"),
    (60, 210, "Next meeting: 3 June 2021"),
)  # fmt: skip
LIFE = page(
    (60, 40, "She studied forestry in Uppsala, and she has worked in many gardens since then."),
)  # fmt: skip


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is the due date (Forfallsdato)?", "16. november 2017"),
        ("What is the minimum due?", "50.00"),
        ("At which bank is the account?", "Bankhaus Hohlweg & Co"),
        ("What is the invoice number?", "RE-3847"),
    ],
)
def test_a_bill(question: str, expected: str) -> None:
    assert answer(BILL, question) == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Which department met?", "Department of Botany"),
        ("Who was the chair?", "I. Kessel"),
        ("What is planned on 05/13?", "Pruning of old trees"),
        ("When is the next meeting?", "3 June 2021"),
        ("Which university held the meeting?", None),
    ],
)
def test_minutes(question: str, expected: str | None) -> None:
    assert answer(PROSE, question) == expected


STRAYS = page(
    (60, 40, "Onderwerp: nieuwe briefstijl"), (60, 70, "Geachte heer Jansen,"),
    (60, 100, "4 chairs"), (250, 100, "0 %"), (400, 100, "400.00"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is the subject of the letter?", "nieuwe briefstijl"),
        ("How many chairs were bought?", "4"),
    ],
)
def test_no_label_opens_an_answer_and_no_share_counts(question: str, expected: str) -> None:
    assert answer(STRAYS, question) == expected


def test_a_small_line_in_capitals_names_the_document() -> None:
    paper = page(
        (60, 40, "PAYMENT RECEIPT"), (60, 80, "Guest:  A. Nowak"), (60, 100, "Room:  12"),
    )  # fmt: skip
    assert answer(paper, "What kind of document is this?") == "PAYMENT RECEIPT"


def test_what_stands_behind_the_verb() -> None:
    assert answer(LIFE, "What did she study?") == "forestry in Uppsala"
    assert answer(LIFE, "What did she publish?") is None


@pytest.mark.parametrize(
    ("question", "kind", "sense"),
    [
        ("By when must it be paid?", "date", "due"),
        ("Bis wann muss die Rechnung bezahlt werden?", "date", "due"),
        ("Avant quelle date faut-il payer ?", "date", "due"),
        ("Bei welcher Bank hat sie ihr Konto?", "org", "bank"),
        ("Which account number is given?", "id", "account"),
        ("What is the gross weight?", "", "weight"),
        ("Qui demande le remboursement ?", "name", "sender"),
        ("An welche Firma geht der Brief?", "party", "receiver"),
    ],
)
def test_what_a_question_is_after(question: str, kind: str, sense: str) -> None:
    found = understand(question)
    assert found.kind == kind
    assert sense in found.senses
    assert found.operation == "look"


def test_marks_that_stand_before_their_letter() -> None:
    letter = page(
        (60, 40, "Sehr geehrte Damen und Herren,"), (60, 80, "wir danken f\u00a8ur Ihren Auftrag."),
        (60, 120, "Mit freundlichen Gr\u00a8u\u00dfen"), (60, 160, "Irma Kessel"),
    )  # fmt: skip
    assert answer(letter, "Wer hat den Brief unterschrieben?") == "Irma Kessel"


FORM = page(
    (60, 40, "HARROW INN"), (60, 60, "* 10. Name of agency:"), (60, 75, "Fish and Wildlife Service"),
    (60, 105, "* 12. Funding Opportunity Number:"), (60, 135, "* Title:"),
    (60, 165, "13. Competition Identification Number:"), (60, 200, "Phone: 0890515151"),
    (60, 230, "Guest Name: Sanjay"), (60, 260, "Status: Paid!"),
)  # fmt: skip
PRICES = page(
    (60, 40, "Item"), (250, 40, "Qty"), (320, 40, "Price"),
    (60, 60, "Server"), (250, 60, "1"), (320, 60, "400.00"),
    (60, 78, "Domain"), (250, 78, "1"), (320, 78, "20.00"),
    (60, 96, "Upkeep"), (250, 96, "1"), (320, 96, "300.00"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is the name of the agency?", "Fish and Wildlife Service"),
        ("What is the funding opportunity number?", None),
        ("What is the title?", None),
        ("What is the phone number of the inn?", "0890515151"),
        ("What is the name of the guest?", "Sanjay"),
    ],
)
def test_labels_are_no_values(question: str, expected: str | None) -> None:
    assert answer(FORM, question) == expected


def test_what_is_paid_and_what_is_cheap() -> None:
    assert answer(FORM, "Has it been paid?") == "Yes"
    assert answer(PRICES, "What is the cheapest item?") == "Domain"
    assert answer(PRICES, "What is the price of the cheapest item?") == "20.00"


@pytest.mark.parametrize(
    "question",
    [
        "What kind of document is this?",
        "Was f\u00fcr ein Dokument ist das?",
        "Che tipo di documento \u00e8?",
    ],
)
def test_what_a_page_is(question: str) -> None:
    assert understand(question).senses == {"title"}


def test_a_table_goes_on_without_heads() -> None:
    tail = page(
        (60, 40, "Attic"), (250, 40, "2"), (320, 40, "500.00"),
        (60, 58, "Cellar"), (250, 58, "1"), (320, 58, "7.00"),
    )  # fmt: skip
    other = page(
        (60, 40, "Attic stairs were mended in 2019 by two men."), (60, 60, "Nothing else.")
    )
    first = build(PRICES)
    second, unlike = build(tail, first), build(other, first)
    assert goes_on(second, first)
    assert not goes_on(unlike, first)
    assert not goes_on(build(tail), first)
    columns = [understand(name).asked for name in ("item", "price")]
    rows = [[cell.text if cell else "" for cell in row] for row in records(columns, second)]
    assert rows == [["Attic", "500.00"], ["Cellar", "7.00"]]
    assert figure(understand("What is the most expensive item?"), second, "Attic") == 500.0
    assert figure(understand("How many items are there?"), second, "2") == 2.0


def test_what_numbers_the_rows_of_a_table_names_nothing() -> None:
    made = page(
        (60, 40, "Pos."), (110, 40, "Menge"), (190, 40, "Beschreibung"),
        (330, 40, "VK-Preis Ohne MwSt."), (470, 40, "Zeilenbetrag Ohne MwSt."),
        (60, 58, "1"), (110, 58, "2"), (190, 58, "Holzregal"), (330, 58, "80,00"), (470, 58, "160,00"),
        (60, 76, "2"), (110, 76, "1"), (190, 76, "Lampe"), (330, 76, "35,00"), (470, 76, "35,00"),
    )  # fmt: skip
    names = ("description", "quantity", "unit price", "amount")
    columns = [understand(name).asked for name in names]
    found = records(columns, build(made), ["text", "number", "money", "money"])
    rows = [[cell.text if cell else "" for cell in row] for row in found]
    assert rows == [["Holzregal", "2", "80,00", "160,00"], ["Lampe", "1", "35,00", "35,00"]]
