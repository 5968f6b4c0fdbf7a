"""The text of a page: order, joints between words, folding, and the way back to characters."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docharmony.detect.text import JOINT, PageText, fold, folded, natural, tight

from .pages import line, page, text_of


def test_blocks_give_the_order_and_stray_lines_follow() -> None:
    text = PageText.of(page("third", "first", "second", "stray", blocks=[[2, 3], [1]]))
    assert text.text == "first\nsecond\n\nthird\n\nstray"


def test_every_character_knows_its_place() -> None:
    text = text_of("ab cd", "ef")
    for index, place in enumerate(text.places):
        if place is None:
            assert text.text[index] in " \n"
        else:
            assert text.lines[place.line].words[place.word].text[place.char] == text.text[index]


@pytest.mark.parametrize(
    ("words", "gap", "origin", "expected"),
    [
        (["Jo", "hn"], 0.3, "pdf", f"Jo{JOINT}hn"),  # kerned apart
        (["Jo", "hn"], 3.0, "pdf", "Jo hn"),  # a real space
        (["Jo", "hn"], 0.3, "ocr", "Jo hn"),  # places read from pixels are rough
        (list("John"), 5.0, "pdf", JOINT.join("John")),  # letter-spaced
        (list("John"), 20.0, "pdf", "J o h n"),  # letters in a table
        (["a", "b"], 3.0, "pdf", "a b"),  # two letters are no letter-spaced word
        ([*"John", "was"], 5.0, "pdf", f"{JOINT.join('John')} was"),
        (["It", *"was"], 5.0, "pdf", f"It {JOINT.join('was')}"),
    ],
)
def test_odd_spacing_is_told_by_where_words_stand(
    words: list[str], gap: float, origin: str, expected: str
) -> None:
    assert text_of(line(words, gap=gap, origin=origin)).text == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("STRASSE", "strasse"), ("Straße", "strasse"), ("ﬁn", "fin"), ("ＡＢ１", "ab1"),
        ("Müller", "muller"), ("Mu\u0308ller", "muller"), ("Łódź", "lodz"), ("Ærø", "aero"),
        ("O\u2019Neill", "o'neill"), ("co\u00adop", "coop"), ("a\u200bb", "ab"), ("x²", "x²"),
        ("1\u20132", "1 2"), ("A\u2011B", "a-b"), ("İ", "i"), ("Σίσυφος", "σiσyφoσ"),
        ("한국", unicodedata.normalize("NFKD", "한국")), ("हिन्दी", "हिनदी"),
    ],
)  # fmt: skip
def test_folding(text: str, expected: str) -> None:
    assert fold(text) == expected


@given(st.text(), st.text())
def test_folding_goes_character_by_character(a: str, b: str) -> None:
    assert fold(a + b) == fold(a) + fold(b)


@given(st.text())
def test_folding_once_is_enough(text: str) -> None:
    assert fold(fold(text)) == fold(text)


WORD = st.text(
    st.characters(exclude_categories=("Z", "C")) | st.sampled_from("ﬁßﬃéＡ-\u00ad\u2010"),
    min_size=1,
    max_size=8,
).filter(lambda word: not any(c.isspace() for c in word))


@given(st.lists(st.lists(WORD, min_size=1, max_size=4), min_size=1, max_size=4))
def test_views_lead_back_to_the_characters_they_were_made_from(lines: list[list[str]]) -> None:
    text = text_of(*(line(words, i + 1, y=12.0 * i) for i, words in enumerate(lines)))
    views = [folded(text), natural(text)]
    if (joined := tight(text)) is not None:
        views.append(joined)
    for view in views:
        assert len(view.text) == len(view.sources)
        assert list(view.sources) == sorted(view.sources)
        for character, source in zip(view.text, view.sources, strict=True):
            original = text.text[source]
            assert (
                character in (" ", JOINT, "-")
                or character in fold(original) + original
                or (character in unicodedata.normalize("NFKC", original) + "'\"")
            )
        for at in range(len(view.text)):
            start, end = view.span(at, at + 1, text)
            assert start == view.sources[at] < end <= len(text.text)


def test_marks_that_follow_belong_to_the_character() -> None:
    text = text_of("Jose\u0301 x")
    view = folded(text)
    at = view.text.index("e")
    assert text.text[slice(*view.span(at, at + 1, text))] == "e\u0301"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["jane@exam-", "ple.org"], "jane@example.org"),
        (["555-", "1234"], "555-1234"),
        (["jane@", "example.org"], "jane@example.org"),
        (["see www.", "example.org"], "see www.example.org"),
        (["山田", "太郎"], "山田太郎"),
        (["The end.", "The next"], None),
        (["one", "two"], None),
    ],
)
def test_tight_view_mends_values_that_a_line_end_breaks(
    lines: list[str], expected: str | None
) -> None:
    view = tight(text_of(*lines))
    assert (view.text if view else None) == expected
