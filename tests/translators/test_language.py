"""Tags, sentences, typography and the finding of languages."""

from __future__ import annotations

import doctest

import pytest

from docharmony import UsageError
from docharmony.translators import identify, sentences, tags, typography
from docharmony.translators.typography import renumber, typeset


@pytest.mark.parametrize("module", [tags, sentences, typography])
def test_examples(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


@pytest.mark.parametrize("tag", ["english", "xyz", "", "12", "e n"])
def test_what_is_no_language_is_refused(tag: str) -> None:
    with pytest.raises(UsageError, match="is not a language"):
        tags.normal(tag)


@pytest.mark.parametrize(
    ("text", "target", "expected"),
    [
        ("“a” and ‘b’", "de", "„a“ and ‘b’"),
        ("„a“ und „b c“", "en", "“a” und “b c”"),
        ("« a »", "es", "«a»"),
        ('5" x 7"', "de", '5" x 7"'),
        ("don't", "fr", "don't"),
        ("Quoi ? Non! A: b; c", "fr", "Quoi\u202f? Non\u202f! A\u00a0: b\u202f; c"),
        ("Quoi?", "fr-CA", "Quoi?"),
        ("http://a.org:80/x?y {a:b}", "fr", "http://a.org:80/x?y {a:b}"),
        ("12:30 et 50 %", "fr", "12:30 et 50\u00a0%"),
        ("«a»", "de-CH", "«a»"),
        ("Fue? Sí! No. «Qué es?» ¿Ya?", "es", "¿Fue? ¡Sí! No. «¿Qué es?» ¿Ya?"),
        ("Ve a.b? no", "es", "¿Ve a.b? no"),
        ("Mira (es a.b)?! Ya", "es", "¿Mira (es a.b)?! Ya"),
        ("你好, 世界.", "zh", "你好，世界。"),
        ("“a”", "xx", "“a”"),
        ("Hello。Yes，（a）。", "en", "Hello. Yes, (a)."),
    ],
)
def test_typography(text: str, target: str, expected: str) -> None:
    assert typeset(text, target) == expected


@pytest.mark.parametrize(
    ("text", "source", "target", "expected"),
    [
        ("1,234,567.89", "en", "fr", "1\u202f234\u202f567,89"),
        ("1.234,5 €", "de", "en", "1,234.5 €"),
        ("1’234.50", "de-CH", "de", "1.234,50"),
        ("12,34", "en", "de", "12,34"),
        ("1.2.3 on 12.03.2024, id A1.5", "en", "de", "1.2.3 on 12.03.2024, id A1.5"),
        ("7.5", "en", "ja", "7.5"),
    ],
)
def test_numbers(text: str, source: str, target: str, expected: str) -> None:
    assert renumber(text, source, target) == expected


def test_paragraphs_are_recognised_and_headings_follow_them() -> None:
    page = [
        "Contact",
        "Wir freuen uns, dass Sie sich für unsere Dienste entschieden haben.",
        "Please read the following instructions before you open the device.",
        "Rechnung",
        "12,50",
    ]
    found = identify.identify(page)
    assert [guess.language for guess in found[1:]] == ["de", "en", "de", ""]
    assert found[1].confidence > 0.9
    assert found[4].confidence == 0
    alone = identify.identify(["Rechnung"], prior={})[0]
    assert alone.confidence < found[1].confidence


def test_a_prior_decides_what_two_words_cannot() -> None:
    text = "Material"
    assert identify.identify([text], {"de": 0.97, "en": 0.03})[0].language == "de"
    assert identify.identify([text], {"es": 0.97, "en": 0.03})[0].language == "es"


def test_nothing_is_downloaded_and_nothing_breaks_on_odd_texts() -> None:
    odd = ["", " ", "\x00", "\U0001f600", "a" * 10_000, "\n\n", "\u0661\u0662"]
    assert len(identify.identify(odd)) == len(odd)
