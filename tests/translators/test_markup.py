"""Parts that look otherwise are found again in the translation, whatever the translator does."""

from __future__ import annotations

import doctest
import re
from collections.abc import Callable, Sequence
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docharmony.translators import glossary, markup
from docharmony.translators.base import Part, Translation, Translator
from docharmony.translators.guard import Guard

WORDS = {
    "the": "la", "red": "roja", "house": "casa", "and": "y", "garden": "jardín", "invoice": "factura",
    "pay": "paga", "see": "mira", "guide": "guía", "results": "resultados",
}  # fmt: skip


def spanish(text: str) -> str:
    """Word by word, but adjectives behind their nouns, tags and all."""
    text = re.sub(r"((?:<s\d>)?red(?:</s\d>)?) ((?:<s\d>)?house(?:</s\d>)?)", r"\2 \1", text)
    return re.sub(
        r"[A-Za-z]+", lambda m: WORDS.get(m[0].lower(), m[0]) if m[0] != "s" else m[0], text
    )


class Fake(Translator):
    """Keeps tags, or not."""

    name: ClassVar[str] = "fake"

    def __init__(self, tags: bool, change: Callable[[str], str] = spanish) -> None:
        super().__init__()
        self.tags, self.change = tags, change  # type: ignore[misc]
        self.seen: list[str] = []

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
        self.seen += texts
        return [Translation(self.change(text), 0.9) for text in texts]


def parts_of(text: str, *words: str) -> list[Part]:
    return [Part(n, text.index(word), text.index(word) + len(word)) for n, word in enumerate(words)]


def told(
    translator: Translator, text: str, *words: str, **options: object
) -> tuple[str, list[str]]:
    guard = Guard(translator, "en", "es", **options)  # type: ignore[arg-type]
    (found,) = guard.translate([text], [parts_of(text, *words)])
    assert found.text is not None
    by_number: dict[int, str] = {}
    for part in found.parts:
        piece = found.text[part.start : part.end]
        by_number[part.number] = (by_number.get(part.number, "") + " " + piece).strip()
    return found.text, [by_number.get(n, "") for n in range(len(words))]


def test_doctests() -> None:
    assert doctest.testmod(markup).failed == 0


@pytest.mark.parametrize("tags", [True, False])
def test_words_that_change_places_keep_their_look(tags: bool) -> None:
    text, found = told(Fake(tags), "see the red house and the garden", "red", "garden")
    assert text == "mira la casa roja y la jardín"
    assert found == ["roja", "jardín"]


@pytest.mark.parametrize("tags", [True, False])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pay {name} 50.00 EUR today", ["{name}", "50.00 EUR"]),
        ("see www.example.org and a@b.org", ["www.example.org", "a@b.org"]),
        ("results1 and garden2", ["1", "2"]),
        ("pay INV-2024-12 today", ["2024"]),
    ],
)
def test_what_is_protected_keeps_its_look_exactly(tags: bool, text: str, words: list[str]) -> None:
    _, found = told(Fake(tags), text, *words)
    assert [re.sub(r"\s", " ", piece) for piece in found] == words


def test_the_number_of_a_footnote_does_not_make_an_id_of_its_word() -> None:
    text, found = told(Fake(tags=False), "the results1 of", "1")
    assert text == "la resultados1 of"
    assert found == ["1"]


def test_tags_are_seen_by_translators_that_keep_them_alone() -> None:
    for tags in (True, False):
        fake = Fake(tags)
        told(fake, "the red house", "red")
        assert any("<s1>red</s1>" in text for text in fake.seen) == tags


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: re.sub(r"</?s\d>", "", text),
        lambda text: text.replace("</s1>", ""),
        lambda text: text.replace("s1", "s7"),
        lambda text: text.replace("<s1>", "</s1>"),
        lambda text: "</s1>" + text + "<s2>",
    ],
)
def test_spoilt_tags_do_no_harm(spoil: Callable[[str], str]) -> None:
    fake = Fake(True, lambda text: spoil(spanish(text)))
    text, found = told(fake, "see the red house and the garden", "red")
    assert text == "mira la casa roja y la jardín"
    assert found == ["roja"]


def test_the_place_is_the_last_resort() -> None:
    fake = Fake(False, lambda text: "uno dos tres cuatro" if " " in text else "zzz")
    (result,) = Guard(fake, "en", "es").translate(
        ["note abcdefg hijklmn opqrst"], [[Part(0, 0, 4)]]
    )
    assert result.flags == ("style by place",)
    assert result.parts == (Part(0, 0, 3),)


def test_a_glossary_knows_where_its_terms_are() -> None:
    pairs = [("invoice", "factura"), ("red house", "casa roja"), ("Pay now.", "Paga ahora.")]
    own = glossary.GlossaryTranslator()
    own._glossaries["en", "es"] = glossary.Glossary(pairs, "en", "es")
    text, found = told(
        own, "The invoice of the red house. Pay now.", "invoice", "red house", "Pay now"
    )
    assert text == "The factura of the casa roja. Paga ahora."
    assert found == ["factura", "casa roja", "Paga ahora"]
    assert told(own, "Pay now.", "now")[1] == ["ahora."]  # by its place: the file says no more


def test_typography_moves_parts_along() -> None:
    fake = Fake(True, lambda text: text)
    (result,) = Guard(fake, "en", "fr").translate(['Say "the word": now!'], [[Part(0, 5, 13)]])
    assert result.text == "Say «\u00a0the word\u00a0»\u00a0: now\u202f!"
    assert result.text[result.parts[0].start : result.parts[0].end] == "the word"


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_parts_stay_in_the_text_and_apart(data: st.DataObject) -> None:
    words = data.draw(
        st.lists(st.sampled_from([*WORDS, "12", "{x}", "<s1>", "www.a.org"]), min_size=1)
    )
    text = " ".join(words)
    parts: list[Part] = []
    at = 0
    while at < len(text):
        start = data.draw(st.integers(at, len(text)))
        end = data.draw(st.integers(start, len(text)))
        if text[start:end].strip() == text[start:end] != "":
            parts.append(Part(len(parts), start, end))
        at = end + 1
    spoil = data.draw(
        st.sampled_from([spanish, str.upper, lambda t: t[: len(t) // 2], lambda t: t + t])
    )
    (result,) = Guard(Fake(data.draw(st.booleans()), spoil), "en", "es").translate([text], [parts])
    if result.text is None:
        return
    assert not markup._SIGN.search(result.text)
    last = 0
    for part in result.parts:
        assert last <= part.start < part.end <= len(result.text)
        assert part.number < len(parts)
        last = part.end


def test_names_in_program_text_stay() -> None:
    text = "see the garden command"
    parts = parts_of(text, "garden")
    (result,) = Guard(Fake(True), "en", "es").translate([text], [parts], [[0]])
    assert result.text == "mira la garden command"
    assert result.text[result.parts[0].start : result.parts[0].end] == "garden"


@pytest.mark.parametrize(
    ("own", "words", "sure"), [("年度报告", "年度报告", True), (None, "查找第", False)]
)
def test_parts_in_a_script_without_spaces_are_some_of_its_letters(
    own: str | None, words: str, sure: bool
) -> None:
    text = "the quick reader opens the annual report and looks for figures"
    part = parts_of(text, "annual report")[0]
    translated = "快速的读者打开" + ("年度报告" if own else "") + "，查找第二季度的数据"
    place, told = markup.found(text, part, translated, own)
    assert (translated[place.start : place.end], told) == (words, sure)
