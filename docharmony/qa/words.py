"""Words of questions and labels, compared without case, accents, endings and readers' mistakes."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import regex
from rapidfuzz.distance import OSA

from ..detect.text import fold

# Marks that old programs set before their letter: "Gr\u00a8u\u00dfe".
_MARKS = "\u00a8\u00b4\u02c6\u02dc\u00b8"
_TOKEN = regex.compile(
    rf"n[°º](?=\W|$)|№|[#%€$£]|(?:[\p{{L}}\p{{N}}]|[{_MARKS}](?=\p{{L}}))+(?:['’][\p{{L}}]+)?"
)
_UNMARKED = str.maketrans("", "", _MARKS)
# French and Italian articles that lean on the next word: l'adresse, dell'ordine.
_ELIDED = regex.compile(r"^(?:[a-z]{1,2}|dell|nell|sull|all|jusqu|lorsqu|quell)['’](?=[\p{L}])")
_OWNED = regex.compile(r"['’]s$")
_ENDINGS = ("ungen", "ions", "ies", "en", "es", "er", "s", "e", "n")
# Letters and digits that readers take for each other.
_ALIKE = str.maketrans("015689l|", "oisgbgii")


class Token(NamedTuple):
    """A word of a text: folded, with its place ``start:end`` in the text as it stands."""

    text: str
    start: int
    end: int


def tokens(text: str) -> list[Token]:
    """Return the words of a text, folded; punctuation is dropped, ``#`` and ``%`` stay.

    >>> [token.text for token in tokens("Numéro de l'Étage: 12-B")]
    ['numero', 'de', 'etage', '12', 'b']
    """
    found = []
    for match in _TOKEN.finditer(text):
        word, start = match[0], match.start()
        elided = _ELIDED.match(fold(word))
        if elided is not None and elided.end() < len(word):
            start += elided.end()
            word = word[elided.end() :]
        plain = (
            _OWNED.sub("", fold(word.translate(_UNMARKED)))
            .replace("º", "")
            .replace("°", "")
            .strip()
        )
        if plain:
            found.append(Token(plain, start, match.end()))
    return found


@lru_cache(maxsize=1 << 15)
def stem(word: str) -> str:
    """Return a folded word without the commonest endings of European languages.

    >>> stem("rechnungen"), stem("invoices"), stem("gas")
    ('rechn', 'invoic', 'gas')
    """
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


@lru_cache(maxsize=1 << 16)
def likeness(a: str, b: str) -> float:
    """Return how much two folded words are the same word, 0.0-1.0.

    1.0 for equal ones, .95 for equal stems, .8 for one wrong letter in a long word, .7 for an
    abbreviation or a part of a compound.
    """
    if a == b:
        return 1.0
    if a.isdigit() or b.isdigit():
        return 0.0
    short, long = sorted((a, b), key=len)
    if len(short) >= 4 and stem(a) == stem(b):
        return 0.95
    if len(short) >= 4 and short.translate(_ALIKE) == long.translate(_ALIKE):
        return 0.9
    if len(short) >= 5 and len(long) - len(short) <= 2:
        wrong = distance(short, long, 2)
        if wrong == 1 or (wrong == 2 and len(short) >= 9):
            return 0.8
    if len(short) >= 5 and (long.startswith(short) or long.endswith(short)):
        return 0.7
    if len(short) == 4 and long.startswith(short):
        return 0.55
    return 0.0


def distance(a: str, b: str, most: int) -> int:
    """Return the number of edits (a swap of neighbours is one) between two words, or ``most + 1``.

    >>> distance("invoice", "lnvoice", 2), distance("abc", "xyz", 2)
    (1, 3)
    """
    return OSA.distance(a, b, score_cutoff=most)


def similarity(a: str, b: str) -> float:
    """Return 1 - edit distance / length of two short texts, as ANLS counts it.

    >>> round(similarity("INV-001", "INV-0O1"), 2)
    0.86
    """
    longest = max(len(a), len(b))
    return 1.0 if not longest else 1 - distance(a, b, longest) / longest
