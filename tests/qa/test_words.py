"""Words, senses, values and questions: what the deterministic reader knows without a page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docharmony.qa.question import understand
from docharmony.qa.schema import normal
from docharmony.qa.units import match, units
from docharmony.qa.values import find, fit, number


def strength(question: str, label: str) -> float:
    return match([(unit, 1.0) for unit in units(question)], units(label)).strength


@pytest.mark.parametrize(
    ("question", "same", "other"),
    [
        ("invoice number", "Rechnungsnummer", "Rechnungsdatum"),
        ("invoice number", "N° de facture", "N° de commande"),
        ("Rechnungsnummer", "Numero fattura", "Numero cliente"),
        ("date de naissance", "Geburtsdatum", "Ausstellungsdatum"),
        ("customer number", "Klantnummer", "Factuurnummer"),
        ("total", "Gesamtbetrag", "Zwischensumme"),
        ("data de vencimento", "Due date", "Invoice date"),
        ("invoice number", "lnvoice Nurnber", "Invoice date"),  # as a bad reader reads it
    ],
)
def test_a_label_means_the_same_in_another_language(question: str, same: str, other: str) -> None:
    assert strength(question, same) > 0.85
    assert strength(question, same) > strength(question, other) + 0.3


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("Paris, le 12 mars 2021", "date", "2021-03-12"),
        ("3rd of May 2020", "date", "2020-05-03"),
        ("March 3, 2021", "date", "2021-03-03"),
        ("31.12.1999", "date", "1999-12-31"),
        ("2021-03-04 10:22", "time", "10:22"),
        ("at 2:05 pm", "time", "14:05"),
        ("EUR 1.234,50", "money", "1234.50"),
        ("CHF 1'234.50", "money", "1234.50"),
        ("1 234,50 zł", "money", "1234.50"),
        ("19 %", "percent", "19"),
        ("IBAN DE89 3704 0044 0532 0130 00", "iban", "DE89370400440532013000"),
        ("Tel. +49 30 123456-78", "phone", "+493012345678"),
        ("mail: jane.roe@example.org", "email", "jane.roe@example.org"),
        ("No. INV-2020/001", "id", "INV-2020/001"),
    ],
)
def test_values_have_a_normal_form(text: str, kind: str, value: str) -> None:
    assert value in [found.normal for found in find(text) if found.kind == kind]


def test_month_first_dates_are_read_so_where_the_page_says_so() -> None:
    assert [v.normal for v in find("03/04/2021")] == ["2021-04-03"]
    assert [v.normal for v in find("03/04/2021", False)] == ["2021-03-04"]


@given(st.integers(0, 10**9), st.integers(0, 99), st.sampled_from([",.", ".,", "'.", " ,"]))
def test_a_written_number_comes_back(whole: int, cents: int, marks: str) -> None:
    written = f"{whole:,}".replace(",", marks[0]) + f"{marks[1]}{cents:02d}"
    assert number(written) == f"{whole}.{cents:02d}"


@given(st.text(max_size=60))
def test_no_text_breaks_the_search_for_values(text: str) -> None:
    for value in find(text):
        assert 0 <= value.start < value.end <= len(text)
    for kind in ("date", "money", "name", "address", "id"):
        assert 0.0 <= fit(kind, text) <= 1.0


@given(st.text(max_size=80))
def test_no_question_breaks_its_analysis(text: str) -> None:
    understand(text)


@pytest.mark.parametrize(
    ("question", "kind", "operation"),
    [
        ("When is it due?", "date", "look"),
        ("Wie viel muss ich zahlen?", "money", "look"),
        ("Was ist die IBAN?", "iban", "look"),
        ("Was the invoice paid?", "", "yesno"),
        ("Ist die Rechnung bezahlt?", "", "yesno"),
        ("La facture est-elle payée ?", "", "yesno"),
        ("Is the total above 100 euros?", "money", "compare"),
        ("How many items are listed?", "number", "count"),
        ("Combien d'articles y a-t-il ?", "number", "count"),
        ("Which item is the most expensive?", "money", "most"),
        ("¿Cuál es la fila más barata?", "money", "least"),
        ("Who signed?", "name", "look"),
        ("Quelle est l'adresse du client ?", "address", "look"),
        ("What is the deadline for the deposit?", "date", "look"),
        ("What is the amount due?", "money", "look"),
    ],
)
def test_a_question_says_what_it_is_after(question: str, kind: str, operation: str) -> None:
    found = understand(question)
    assert found.operation == operation
    if kind:
        assert found.kind == kind


def test_normal_forms_of_a_schema() -> None:
    assert normal("money", "$ 1,234.50").value == "1234.50"
    assert normal("yesno", "Oui").value is True
    assert normal("date", "no date at all").value is None
