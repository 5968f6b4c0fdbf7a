"""Regular expressions: what they see, and the limit on their time."""

from __future__ import annotations

import time

import pytest

from docharmony import InputError, UsageError
from docharmony.detect.patterns import Patterns
from docharmony.detect.text import JOINT

from .pages import line, text_of


def hits(pattern: str, *lines: str) -> list[str]:
    text = text_of(*lines)
    return [text.text[m.start : m.end].replace(JOINT, "") for m in Patterns([pattern]).find(text)]


@pytest.mark.parametrize(
    ("pattern", "lines", "expected"),
    [
        (r"\d{3}", ["a 123 b"], ["123"]),
        ("John Smith", ["John", "Smith"], ["John\nSmith"]),
        (r"John\ Smith", ["John", "Smith"], ["John\nSmith"]),
        ("Name: .*", ["Name: John", "lives here"], ["Name: John"]),
        ("IBAN [A-Z0-9 ]+", ["IBAN DE89 3704", "0044 0532"], ["IBAN DE89 3704\n0044 0532"]),
        ("^Smith$", ["John", "Smith"], ["Smith"]),
        (r"\S+@\S+\.org", ["jane@exam-", "ple.org"], ["jane@exam-\nple.org"]),
        (r"\d{3}-\d{4}", ["555-", "1234"], ["555-\n1234"]),
        ("smith", ["Smith"], []),
        ("(?i)smith", ["Smith"], ["Smith"]),
        ("don't", ["don\u2019t"], ["don\u2019t"]),
        ("don\u2019t", ["don't"], ["don't"]),
        ("office", ["oﬃce"], ["oﬃce"]),
        (r"\b1234\b", ["1234\u00b9"], ["1234"]),
        (r"1234(?!\d)", ["1234\u00b9"], ["1234"]),
        ("(?x) a b # c", ["a b ab"], ["ab"]),
        ("[ -~]+!", ["(a b!"], ["(a b!"]),
        ("[]x ]y", [" ]y xy".strip()], ["]y", "xy"]),
        ("x*", ["abc"], []),
        (r"\p{Lu}{3}", ["ABC ÄÖÜ"], ["ABC", "ÄÖÜ"]),
    ],
)
def test_patterns(pattern: str, lines: list[str], expected: list[str]) -> None:
    assert hits(pattern, *lines) == expected


def test_letter_spaced_words_are_searched_in_one_piece_too() -> None:
    text = text_of(line(list("SECRET"), gap=5.0))
    (match,) = Patterns(["SECRET"]).find(text)
    assert (match.start, match.end) == (0, len(text.text))


@pytest.mark.parametrize("pattern", ["(", "[a", "a{2,1}", "(?P<n>a)(?P<n", "*", "\\"])
def test_a_bad_pattern_is_a_usage_error(pattern: str) -> None:
    with pytest.raises(UsageError, match="pattern 1 is not a regular expression"):
        Patterns([pattern])


def test_a_catastrophic_pattern_ends_in_time() -> None:
    patterns = Patterns([r"fine", r"(a|aa)+;"], timeout=0.3)
    text = text_of("secret " + "a" * 60)
    started = time.perf_counter()
    with pytest.raises(InputError, match="pattern 2 takes too long") as caught:
        patterns.find(text)
    assert time.perf_counter() - started < 3.0
    assert "secret" not in str(caught.value)
