"""Cutting a paragraph into sentences, and putting translated ones together again."""

from __future__ import annotations

from collections.abc import Sequence

from .tags import language

# Written without spaces between sentences.
_UNSPACED = frozenset(("zh", "ja", "th", "lo", "km", "my", "yue"))


def split(text: str, tag: str) -> list[str]:
    """Return the sentences of a paragraph, without the space around them.

    Abbreviations of the language are known; an unknown language is cut at its full stops.

    >>> split("Mr. Smith paid $3.50. He left.", "en")
    ['Mr. Smith paid $3.50.', 'He left.']
    """
    import sentencex

    found: Sequence[str] = sentencex.segment(language(tag) or "en", text)
    return [sentence.strip() for sentence in found if sentence.strip()]


def join(sentences: Sequence[str], tag: str) -> str:
    """Return sentences as one paragraph of the language.

    >>> join(["Uno.", "Dos."], "es"), join(["一。", "二。"], "zh")
    ('Uno. Dos.', '一。二。')
    """
    return ("" if language(tag) in _UNSPACED else " ").join(sentences)
