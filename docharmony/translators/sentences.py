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


def joined_lines(lines: Sequence[str]) -> str:
    """Return the lines of a paragraph as one text: a word broken by a hyphen becomes whole.

    Between CJK characters a line end is no space. A hyphen stays where the next line does not go on
    in small letters (``Anglo-`` / ``Saxon``) or a word of few letters stands before it (``re-``).

    >>> joined_lines(["The docu-", "ment of the Anglo-", "Saxons", "soft\u00ad", "ware"])
    'The document of the Anglo-Saxons software'
    """
    text = ""
    for line in lines:
        line = " ".join(line.split())
        if not text:
            text = line
        elif text[-1] == "\u00ad":
            text = text[:-1] + line
        elif text[-1] in "-\u2010" and text[-2:-1].isalpha():
            text = (text[:-1] if line[:1].islower() else text) + line
        elif line and _cjk(text[-1]) and _cjk(line[0]):
            text += line
        else:
            text += " " + line
    return text.replace("\u00ad", "")


def _cjk(character: str) -> bool:
    return "\u2e80" <= character <= "\u9fff" or "\uff00" <= character <= "\uffef"
