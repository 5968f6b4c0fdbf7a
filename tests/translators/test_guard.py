"""Whatever a translator does, protected tokens survive."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import ClassVar, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docharmony import PluginError
from docharmony.translators.base import Part, Translation, Translator
from docharmony.translators.glossary import Glossary
from docharmony.translators.guard import Guard
from docharmony.translators.protect import find

Change = Callable[[str], str | None]
Unit = Literal["text", "sentence"]


class Fake(Translator):
    """Does to each text what it is told, and counts its calls."""

    name: ClassVar[str] = "fake"

    def __init__(self, change: Change, unit: Unit = "text") -> None:
        super().__init__()
        self.change, self.calls = change, 0
        self.unit = unit  # type: ignore[misc]
        self.seen: list[str] = []

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
        self.calls += 1
        self.seen += texts
        return [Translation(self.change(text), 0.9) for text in texts]


def run(change: Change, *texts: str, **options: object) -> list[Translation]:
    return Guard(Fake(change), "en", "es", **options).translate(texts)  # type: ignore[arg-type]


def test_tokens_are_hidden_and_numbers_are_not() -> None:
    fake = Fake(str.upper)
    found = Guard(fake, "en", "es").translate(["pay {name} 5 apples to a@b.org"])
    assert found[0].text == "PAY {name} 5 APPLES TO a@b.org"
    assert fake.seen == ["pay \u27e61\u27e7 5 apples to \u27e62\u27e7"]


def test_a_translator_that_alters_numbers_gets_marks_instead() -> None:
    fake = Fake(lambda text: text.replace("5", "five").upper())
    assert Guard(fake, "en", "es").translate(["take 5 apples"])[0].text == "TAKE 5 APPLES"
    assert fake.seen == ["take 5 apples", "take \u27e61\u27e7 apples"]


def test_a_translator_that_drops_marks_gets_pieces() -> None:
    def drop(text: str) -> str:
        return text.split("\u27e6")[0].replace("5", "").upper()

    found = run(drop, "take 5 apples for {name} today")[0]
    assert found.text == "TAKE 5 APPLES FOR {name} TODAY"
    assert found.flags == ("in pieces",)
    assert found.confidence == pytest.approx(0.63)


def test_what_has_no_words_is_not_sent() -> None:
    fake = Fake(str.upper)
    found = Guard(fake, "en", "es").translate(["12.50 €", "{name}", "A4", "x"])
    assert fake.calls == 0
    assert {(f.text, f.flags) for f in found} == {(None, ("nothing to translate",))}


def test_the_glossary_wins_over_the_translator() -> None:
    terms = Glossary([("invoice", "factura"), ("total due", "total a pagar")], "en", "es")
    found = run(str.upper, "The Invoice of today", "Total due:", "invoice 5", glossary=terms)
    assert [f.text for f in found] == ["THE Factura OF TODAY", "Total a pagar:", "factura 5"]


def test_kept_terms_stay() -> None:
    assert run(str.upper, "the Moon of may", keep=["Moon"])[0].text == "THE Moon OF MAY"


def test_loops_and_empty_answers_leave_the_text() -> None:
    found = run(lambda text: text * 50, "a long enough sentence here", "and {x} so on")
    assert [f.text for f in found] == [None, None]
    assert run(lambda _: "  ", "some words")[0].text is None
    assert run(lambda _: None, "some words")[0].text is None
    same = run(lambda text: text, "some words")[0]
    assert (same.text, same.flags) == (None, ("came back unchanged",))


def test_sentences_one_by_one() -> None:
    fake = Fake(str.upper, "sentence")
    found = Guard(fake, "en", "es").translate(["One is here. Two is {x}. 3."])
    assert found[0].text == "ONE IS HERE. TWO IS {x}. 3."
    assert fake.seen == ["One is here.", "Two is \u27e61\u27e7."]


def test_typography_and_numbers_of_the_target() -> None:
    text = 'he said "yes {a}" to 1,234.5 apples'
    assert run(str.upper, text)[0].text == "HE SAID «YES {a}» TO 1,234.5 APPLES"
    assert run(str.upper, text, numbers=True)[0].text == "HE SAID «YES {a}» TO 1.234,5 APPLES"
    assert run(str.upper, 'a "b" word', typography=False)[0].text == 'A "B" WORD'


def test_control_characters_and_line_ends_do_not_reach_the_page() -> None:
    found = run(lambda _: "uno\x00\r\n dos\ud800\u200d \u202ftres\x1b[0m", "some words here")[0]
    assert found.text == "uno dos\u200d \u202ftres[0m"


def test_capitals_are_carried_over() -> None:
    found = run(str.lower, "THE ANNUAL REPORT OF {name}", keep=["Moon"])
    assert found[0].flags == ("came back unchanged",)
    assert run(lambda _: "el informe anual", "THE ANNUAL REPORT")[0].text == "EL INFORME ANUAL"


def test_a_translator_that_returns_too_little_is_named() -> None:
    class Short(Fake):
        def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
            return []

    with pytest.raises(PluginError, match="'fake' breaks its contract"):
        Guard(Short(str.upper), "en", "es").translate(["some words"])


TOKENS = [
    *("{name}", "%s", "${X}", "a.b@c.org", "https://x.org/y?z=1", "INV-2024-0012", "12.03.2024"),
    *("1,250.00 EUR", "$5", "3.14", "42", "Zaphod", "DE89 3704 0044 0532 0130 00", "<b>"),
    *("\u27e61\u27e7", "14:30", "/usr/lib/x", "x86_64", "\u27e6"),
]
WORDS = ["pay", "the", "bill", "of", "our", "house", "now,", "please.", "(see", "it)", "it's", ";"]
WORDS += ["50", "4th", '"so"', "\u4e2d"]


@given(
    st.lists(st.one_of(st.sampled_from(TOKENS), st.sampled_from(WORDS)), min_size=1, max_size=14),
    st.integers(0, 2**32),
    st.sampled_from(["text", "sentence"]),
    st.sampled_from(["es", "fr", "de-CH", "zh", "ja"]),
)
@settings(max_examples=300, deadline=None)
def test_no_translator_can_lose_a_token(
    parts: list[str], seed: int, unit: Unit, target: str
) -> None:
    rng = random.Random(seed)
    harms: list[Callable[[str], str | None]] = [
        lambda text: text.upper(),
        lambda text: " ".join(rng.sample(text.split(), len(text.split()))),
        lambda text: text.replace("\u27e6", "").replace("\u27e7", ""),
        lambda text: "".join(c for c in text if not c.isdigit()),
        lambda text: "".join(c for c in text if rng.random() > 0.1),
        lambda text: text + " \u27e61\u27e7 7",
        lambda text: text.replace("\u27e61\u27e7", "\u27e62\u27e7"),
        lambda text: text.replace(".", ",").replace(" ", ""),
        lambda _: None,
        lambda _: "",
        lambda _: "otra cosa",
    ]
    text = " ".join(parts)
    fake = Fake(lambda sent: rng.choice(harms)(sent), unit)
    result = Guard(fake, "en", target, keep=["Zaphod"]).translate([text])[0]
    if result.text is None:
        return
    plain = "".join(result.text.split()).replace("\u00a0", "").replace("\u202f", "")
    for token, count in Counter(text[t.start : t.end] for t in find(text, ["Zaphod"])).items():
        assert plain.count("".join(token.split())) >= count, token


def test_tags_that_let_go_of_an_address_are_not_believed() -> None:
    text = "Send it to jane.roe@example.org."

    class Tagging(Fake):
        tags = True

    def change(asked: str) -> str:
        # Rule-based translators carry marks they do not know out of the tags around them.
        return (
            asked.replace("Send", "Manda").replace("<s1>", "").replace("</s1>", "")[:-1]
            + "<s1>.</s1>"
        )

    (result,) = Guard(Tagging(change), "en", "es").translate([text], [[Part(0, 11, 32)]])
    assert result.text is not None
    assert [result.text[p.start : p.end] for p in result.parts] == ["jane.roe@example.org"]
