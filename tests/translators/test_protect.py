"""What must come back from a translator is found, hidden, checked and put back."""

from __future__ import annotations

import doctest

import pytest

from docharmony.translators import protect
from docharmony.translators.protect import Token, find, has_words, lost, mask, restore

MARK = "\u27e6{}\u27e7"


def kinds(text: str, keep: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    return [(text[token.start : token.end], token.kind) for token in find(text, keep)]


# What is found in each text: the kind, then the tokens of it.
TEXTS = {
    "Dear {name}, {0} of {{total}}": {"placeholder": ["{name}", "{0}", "{{total}}"]},
    "%s, %(n)d, %1$s and ${HOME}": {"placeholder": ["%s", "%(n)d", "%1$s", "${HOME}"]},
    "<b>bold</b> &amp;": {"placeholder": ["<b>", "</b>", "&amp;"]},
    "100% sure": {"number": ["100"]},
    "see https://x.org/a_(b). (www.x.org)": {"url": ["https://x.org/a_(b)", "www.x.org"]},
    "mail j.roe+a@ex-ample.co.uk!": {"email": ["j.roe+a@ex-ample.co.uk"]},
    "run ls() in /usr/share/doc or ~/a/b.": {"code": ["ls()"], "path": ["/usr/share/doc", "~/a/b"]},
    "INV-2024-0012, COVID-19, mp3": {"id": ["INV-2024-0012", "COVID-19", "mp3"]},
    "IBAN DE89 3704 0044 0532 0130 00": {"id": ["DE89 3704 0044 0532 0130 00"]},
    "x86_64 and camelCase": {"code": ["x86_64", "camelCase"]},
    "call +49 30 1234567 now": {"id": ["+49 30 1234567"]},
    "2024-03-12T10:00Z, 12.03.2024": {"date": ["2024-03-12T10:00Z", "12.03.2024"]},
    "3/4/24 at 14:30": {"date": ["3/4/24", "14:30"]},
    "$5, 1,250.00 EUR or 1 234,50 €": {"amount": ["$5", "1,250.00 EUR", "1 234,50 €"]},
    "3.5, -2 and 1’000": {"number": ["3.5", "-2", "1’000"]},
    "the 3rd 20-year-old of the 1990s": {"number": ["20"]},
    "and/or e.g. mid-way self-made": {},
    "売上は12.5%増の4,300個、¥1,200円": {"number": ["12.5", "4,300"], "amount": ["¥1,200"]},
    "详见www.example.org或info@x.org。": {"url": ["www.example.org"], "email": ["info@x.org"]},
    "品番AB-1234は2024-03-12に": {"id": ["AB-1234"], "date": ["2024-03-12"]},
    "12.5% 증가하여 4,300개에": {"number": ["12.5", "4,300"]},
}


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_of_a_text(text: str) -> None:
    found: dict[str, list[str]] = {}
    for token in find(text):
        found.setdefault(token.kind, []).append(text[token.start : token.end])
    assert found == TEXTS[text]


def test_the_users_terms_are_whole_words_in_their_own_case() -> None:
    assert kinds("Acme, Acmeville, ACME and Acme  Corp", ("Acme", "Acme Corp")) == [
        ("Acme", "keep"),
        ("Acme  Corp", "keep"),
    ]
    assert kinds("use C++ here", ("C++",)) == [("C++", "keep")]


def test_marks_in_the_text_itself_are_protected_like_anything_else() -> None:
    text = "a \u27e61\u27e7 b {x}"
    tokens = find(text)
    masked = mask(text, tokens, MARK)
    assert restore(masked, masked, tokens, MARK) == text


@pytest.mark.parametrize(
    ("translated", "expected"),
    [
        ("\u27e62\u27e7 y \u27e61\u27e7", "7 y {a}"),
        ("\u27e6 1 \u27e7 y \u27e62 \u27e7", "{a} y 7"),
        ("para\u27e61\u27e7y\u27e62\u27e7", "para {a} y 7"),
        ("\u27e61\u27e7 y", None),
        ("\u27e61\u27e7 \u27e61\u27e7 \u27e62\u27e7", None),
        ("\u27e61\u27e7 \u27e62\u27e7 \u27e63\u27e7", None),
        ("\u27e61\u27e7 \u27e62\u27e7 \u27e7", None),
        ("1 y 2", None),
    ],
)
def test_marks_come_back_whole_or_not_at_all(translated: str, expected: str | None) -> None:
    text = "for {a} and 7"
    tokens = find(text)
    assert restore(translated, mask(text, tokens, MARK), tokens, MARK) == expected


def test_a_mark_without_an_end_is_told_from_longer_numbers() -> None:
    tokens = [Token(0, 1, "id", str(n)) for n in range(11)]
    masked = " ".join(f"XQ{n}" for n in range(1, 12))
    assert restore(masked, masked, tokens, "XQ{}") == " ".join(map(str, range(11)))


@pytest.mark.parametrize(
    ("translated", "gone"),
    [("12 y 3", False), ("3 y 12", False), ("12", True), ("123 y 3", True), ("12 y 3,5", True),
     ("12. y 3.", False), ("12 y 3 y 3", False)],
)  # fmt: skip
def test_lost_numbers_are_noticed(translated: str, gone: bool) -> None:
    assert lost(translated, "12 and 3", find("12 and 3")) is gone


@pytest.mark.parametrize(
    ("translated", "gone"),
    [
        ("增长了12.5 %，达到4,300件", False),
        ("12.5 % 증가하여 4,300개에", False),
        ("4,300個と112.5 %", True),
    ],
)
def test_numbers_are_found_between_letters_of_scripts_without_spaces(
    translated: str, gone: bool
) -> None:
    text = "grew by 12.5 % to 4,300 units"
    assert lost(translated, text, find(text)) is gone


def test_spaces_inside_tokens_do_not_count() -> None:
    assert not lost("5\u00a0€", "5 €", find("5 €"))


@pytest.mark.parametrize(
    "piece", ["a", "a.", "1", "123 ", "a-", "A_", "1.", "a@a.", "{", "/a", "<a ", "%1", "\u27e6"]
)
def test_long_odd_texts_take_no_time(piece: str) -> None:
    from time import process_time

    began = process_time()
    find(piece * (60_000 // len(piece)))
    assert process_time() - began < 2


def test_words() -> None:
    assert has_words("to")
    assert has_words("\u672c")
    assert not has_words("A 4, \u2013 (x)")


def test_examples() -> None:
    assert doctest.testmod(protect).failed == 0


def test_the_number_of_a_footnote_is_not_one_with_its_first_word() -> None:
    text = "1The checking took three weeks."
    assert [text[token.start : token.end] for token in find(text)] == ["1"]
