"""Answers are copied from the context: by a toy model that sees exactly what the mask shows it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from docharmony.engine import questions
from docharmony.engine.answering import Answerer, runs

ABSENT = f" {questions.ABSENT}"


class Encoding(NamedTuple):
    ids: list[int]
    offsets: list[tuple[int, int]]


class Letters:
    """A symbol a character; END is symbol 0."""

    def encode(self, sequence: str, *, add_special_tokens: bool) -> Encoding:
        return Encoding([ord(c) for c in sequence], [(i, i + 1) for i in range(len(sequence))])

    def encode_batch(self, input: list[str], *, add_special_tokens: bool) -> list[Encoding]:
        return [self.encode(text, add_special_tokens=False) for text in input]

    def token_to_id(self, token: str) -> int | None:
        return 0 if token == questions.END else None


class Wish:
    """Wants to say one text and nothing else, whatever it reads; each place sees what it may."""

    def __init__(self, wish: str) -> None:
        self.wish, self.read = wish, [""]

    def answer_language(self, ids: Any, positions: Any, bias: Any, wanted: Any, cache: Any) -> Any:
        entries = list(cache or [])
        entries += zip(positions[0].tolist(), map(chr, ids[0].tolist()), strict=True)
        rows = []
        for place in wanted:
            seen = [entry for entry, b in zip(entries, bias[0, 0, place], strict=True) if b == 0]
            assert [p for p, _ in sorted(seen)] == list(range(len(seen)))  # one unbroken text
            text = "".join(letter for _, letter in sorted(seen))
            self.read.append(text)
            said = text.partition("Answer:")[2]
            goal = (self.wish + "\0")[len(said) :] if self.wish.startswith(said) else "\0"
            row = np.full(0x250, 1e-6, np.float32)
            row[ord(goal[:1] or "\0")] = 1.0
            rows.append(np.log(row / row.sum()))
        return np.stack(rows)[None], entries


CONTEXT = (
    "ACME Ltd\n3 Mill Lane\nLeeds LS1\n\nTotal due:  £120.50\nInvoice No.  4711  Paid by  cash"
)


def answer(wish: str, context: str = CONTEXT) -> tuple[str, float]:
    answerer = Answerer(Wish(f" {wish}"), Letters(), 4096)
    reading = answerer.answer("What is it?", context)
    return reading.text, reading.confidence


@pytest.mark.parametrize(
    "text", ["4711", "£120.50", "ACME Ltd", "3 Mill Lane, Leeds LS1", "Leeds", "Mill Lane"]
)
def test_what_stands_there_can_be_answered(text: str) -> None:
    said, confidence = answer(text)
    assert said == text
    assert confidence > 0.9


def test_what_does_not_stand_there_cannot() -> None:
    for wish in ("4712", "Leeds ACME", "4711 Paid", "I am a pirate", "due: £120.50"):
        said, _ = answer(wish)
        assert said != wish
        assert said == "" or said in CONTEXT


def test_the_phrase_for_no_answer_gives_no_text() -> None:
    assert answer(questions.ABSENT)[0] == ""


def test_an_empty_document_is_not_asked() -> None:
    model = Wish(" x")
    answerer = Answerer(model, Letters(), 4096)
    assert answerer.answer("Who?", " \n ").text == ""
    assert answerer.answer(" ", "ACME").text == ""
    assert model.read == [""]


def test_a_context_is_read_once() -> None:
    model = Wish(" 4711")
    answerer = Answerer(model, Letters(), 4096)
    for _ in range(3):
        assert answerer.answer("Number?", CONTEXT).text == "4711"
    whole = [text for text in model.read if text == questions.document(CONTEXT)]
    assert len(whole) == 1


def test_a_long_context_is_read_in_parts() -> None:
    model = Wish(" 4711")
    long = CONTEXT + "\n\n" + "and so on\n" * 200
    assert Answerer(model, Letters(), 4096).answer("Number?", long).text == "4711"
    assert questions.document(long) in model.read


def test_what_is_longer_than_the_model_is_cut() -> None:
    model = Wish(" ACME")
    answerer = Answerer(model, Letters(), 600)
    assert answerer.answer("Who? " * 500, "ACME\n" * 500).text == "ACME"
    assert max(map(len, model.read)) <= 600


def test_pieces_of_a_row_are_not_joined() -> None:
    found = list(runs("Name  Ann Lee\nStreet 5\nTown"))
    assert "Ann Lee" in found
    assert not any("Name Ann" in run for run in found)
    assert "Street 5, Town" in found


def test_answers_of_others_are_judged_in_one_run() -> None:
    model = Wish(" 4711")
    answerer = Answerer(model, Letters(), 4096)
    texts = ["ACME Ltd", "4711", "47"]
    wrong, right, part = answerer.rate("Number?", CONTEXT, texts)
    assert right > -0.01 > part > wrong
    # Each alone is worth what it is worth among others: no branch sees another.
    alone = [answerer.rate("Number?", CONTEXT, [text])[0] for text in texts]
    assert alone == pytest.approx([wrong, right, part])
    assert answerer.rate("Number?", " \n", ["a"])[0] < -100
    assert answerer.rate("Number?", CONTEXT, []) == []
