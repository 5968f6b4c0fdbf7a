"""Finding terms: typography does not matter, and the reader's mistakes are forgiven."""

from __future__ import annotations

import random
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docharmony import UsageError
from docharmony.detect.terms import Terms
from docharmony.detect.text import JOINT

from .pages import line, text_of


def hits(term: str, *lines: str, origin: str = "pdf", whole_words: bool = False) -> list[str]:
    text = text_of(*lines, origin=origin)
    found = Terms([term], whole_words=whole_words).find(text)
    return [text.text[match.start : match.end].replace(JOINT, "") for match in found]


@pytest.mark.parametrize(
    ("term", "lines", "expected"),
    [
        ("Smith", ["Mr. SMITH's, smith."], ["SMITH", "smith"]),
        ("Smith", ["Smithson"], ["Smith"]),
        ("Smith", ["Sm-", "ith"], ["Sm-\nith"]),
        ("Smith", ["Sm\u00ad", "ith"], ["Sm\u00ad\nith"]),
        ("Smith", ["S m i t h"], ["Smith"]),
        ("Smith", ["S mith lives"], ["S mith"]),
        ("Smith", ["with smi thing"], []),
        ("Eva", ["the value of Eva"], ["Eva"]),
        ("therein", ["they are in there"], []),
        ("John Smith", ["John", "Smith"], ["John\nSmith"]),
        ("John Smith", ["JohnSmith, John-Smith, John  Smith".replace("  ", " ")],
         ["JohnSmith", "John-Smith", "John Smith"]),
        ("John Smith", ["John B. Smith", "John, Smith"], []),
        ("Anna-Maria", ["Anna Maria and Annamaria"], ["Anna Maria", "Annamaria"]),
        ("office", ["oﬃce", "ｏｆｆｉｃｅ"], ["oﬃce", "ｏｆｆｉｃｅ"]),
        ("fi", ["oﬃce"], ["ﬃ"]),
        ("Muller", ["Müller", "Mu\u0308ller"], ["Müller", "Mu\u0308ller"]),
        ("O'Neill", ["O\u2019Neill", "O`Neill"], ["O\u2019Neill", "O`Neill"]),
        ("4711 0815", ["47110815, 4711-0815", "4711", "0815"],
         ["47110815", "4711-0815", "4711\n0815"]),
        ("34", ["pages 3-4 and 34"], ["34"]),
        ("123456", ["123-456"], ["123-456"]),
        ("山田太郎", ["これは山田", "太郎です"], ["山田\n太郎"]),
        ("иван", ["ИВАН Иванов"], ["ИВАН", "Иван"]),
        ("C++", ["in C++ and C"], ["C++"]),
        ("aa", ["aaaa"], ["aa", "aa"]),
    ],
)  # fmt: skip
def test_finds_terms_in_a_text_layer(term: str, lines: list[str], expected: list[str]) -> None:
    assert hits(term, *lines) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Smithson", []), ("Smith's", ["Smith"]), ("(smith)", ["smith"]), ("Smith²", ["Smith"]),
        ("Smith-Jones", ["Smith"]), ("blacksmith", []), ("S m i t h", ["Smith"]),
    ],
)  # fmt: skip
def test_whole_words(text: str, expected: list[str]) -> None:
    assert hits("Smith", text, whole_words=True) == expected


@pytest.mark.parametrize(
    ("term", "text", "near"),
    [
        ("Smith", "Srnith", True), ("Smith", "Smlth", True), ("Smith", "5mith", True),
        ("Smith", "Smth", True), ("Smith", "Smiith", True), ("Smith", "Smyth's", True),
        ("Smith", "Sleuth", False), ("Smith", "transmitted", False),
        ("bill", "8ill", True), ("bill", "bell", False),
        ("Eva", "Eua", False), ("Eva", "Eva", True), ("OK", "0K", False),
        ("Jonathan Smithers", "Jonafhan Smithcrs", True),
        ("Jonathan Smithers", "Jonathan Withers", True),
        ("Jonathan Smithers", "Johannes Schmitt", False),
        ("DE89 3704 0044 0532 0130 00", "DE89 37O4 OO44 O532 Ol3O 0O", True),
        ("12345678", "l234S678", True), ("12345678", "12345679", True),
        ("12345678", "12345099", False), ("1234567", "1234568", False),
        ("Montgomery", "MrMontgornerv", True),
    ],
)  # fmt: skip
def test_read_text_may_hold_the_readers_mistakes(term: str, text: str, near: bool) -> None:
    assert bool(hits(term, f"about {text} there", origin="ocr")) == near
    if near and text != term:
        assert hits(term, f"about {text} there", origin="pdf") == []


def test_a_near_miss_is_less_sure_and_covers_the_word_as_read() -> None:
    text = text_of("that is Srnith here", origin="ocr")
    (match,) = Terms(["Smith"]).find(text)
    assert text.text[match.start : match.end] == "Srnith"
    assert match.near
    assert 0.5 < match.confidence < 1.0


def test_hidden_text_over_a_scan_is_a_readers_guess_too() -> None:
    text = text_of(line("that is Smlth here", visible=False))
    assert [match.near for match in Terms(["Smith"]).find(text)] == [True]


def test_an_exact_hit_is_found_once() -> None:
    text = text_of("Smith and Smith", origin="ocr")
    assert [match.near for match in Terms(["Smith"]).find(text)] == [False, False]


def test_terms_are_counted_in_the_order_given() -> None:
    text = text_of("Roe paid Jane")
    found = Terms(["Jane", "Roe"]).find(text)
    assert [(match.term, text.text[match.start : match.end]) for match in found] == [
        (1, "Roe"),
        (0, "Jane"),
    ]


@pytest.mark.parametrize("term", ["", "  ", "-", "...", "\u00ad"])
def test_a_term_without_letters_is_a_usage_error_that_does_not_quote_it(term: str) -> None:
    with pytest.raises(UsageError, match="term 2 holds no letter and no digit"):
        Terms(["fine", term])


NAME = st.text(st.sampled_from(string.ascii_letters + "éüßﬁ"), min_size=2, max_size=8)


@given(NAME, NAME, st.integers(1, 7), st.sampled_from(["", " ", "\u00ad"]))
def test_a_planted_term_leads_to_its_very_characters(
    first: str, second: str, cut: int, between: str
) -> None:
    """A term broken over two lines at any place is found, and only its characters are."""
    whole = f"{first}{second}"
    cut = min(cut, len(whole) - 1)
    text = text_of("before ([" + whole[:cut] + "-", whole[cut:] + "]) after")
    found = Terms([f"{first}{second}"]).find(text)
    planted = text.text.index("[") + 1
    assert (planted, text.text.index("]")) in [(m.start, m.end) for m in found]


@given(st.lists(NAME, min_size=1, max_size=12), st.data())
def test_words_of_the_text_are_found_where_they_stand(
    words: list[str], data: st.DataObject
) -> None:
    text = text_of(" ".join(words))
    wanted = data.draw(st.sampled_from(words))
    found = Terms([wanted], whole_words=True).find(text)
    starts = {0}
    for word in words:
        starts.add(max(starts) + len(word) + 1)
    exact = [m for m in found if m.confidence == 1.0]
    assert sum(1 for word in words if word == wanted) <= len(exact)
    assert all(m.start in starts for m in exact if JOINT not in text.text)


def test_many_terms_on_a_full_page_stay_quick() -> None:
    random.seed(1)

    def word() -> str:
        return "".join(random.choices(string.ascii_lowercase, k=random.randint(3, 10)))

    text = text_of(*(" ".join(word() for _ in range(10)) for _ in range(50)), origin="ocr")
    terms = Terms([f"{word()} {word()}" for _ in range(200)])
    started = time.perf_counter()
    terms.find(text)
    assert time.perf_counter() - started < 3.0
