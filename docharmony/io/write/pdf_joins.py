"""Join the words that the ends of lines have parted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING

from .pdf_line_parts import Mark

if TYPE_CHECKING:
    from .pdf_paragraphs import TextLine

_HYPHENS, _SOFT, _DASH = ("-", "\u00ad", "\u2010", "\u2011"), "\u00ad", "\u2014"
# What stands before a word that several words share: over- and underground.
_SHARED = "and or to und oder bis sowie et ou y o e ed en of og och i lub"
_JOINERS = frozenset(_SHARED.split())


def joins(lines: Sequence[TextLine], own: Sequence[TextLine]) -> dict[int, Mark | None]:
    """Return the lines of a paragraph whose last word goes on, with the hyphen that only says so.

    Args:
        lines: of the page, whose words tell how others are written.
        own: the lines of the paragraph.
    """
    found: dict[int, Mark | None] = {}
    known: frozenset[str] | None = None
    for number, (above, below) in enumerate(pairwise(own)):
        *_, last = above.words()
        tail, first = last[-1], next(below.words())
        sign = tail.glyph.text[-1:]
        if tail.areas or len(last) < 2 or last[-2].areas or sign not in (*_HYPHENS, _DASH):
            continue
        start, rest = _text(last[:-1]), _text(first)
        if not start[-1:].isalnum() or _bare(rest) in _JOINERS:
            continue
        found[number] = None
        if sign == _SOFT:
            found[number] = tail
        elif sign in _HYPHENS and start[-1].isalpha() and rest[:1].islower():
            if known is None:
                known = frozenset(_bare(_text(word)) for line in lines for word in line.words())
            if not _compound(start, rest, known):
                found[number] = tail
    return found


def _compound(start: str, rest: str, known: frozenset[str]) -> bool:
    """Return whether a word is written with the hyphen between its parts, wherever it stands.

    So it is where the page writes it so; else in English, where both parts are words and together are
    none, unless it is a name ("Springfield").
    """
    one, two = _bare(start + rest), _bare(f"{start}-{rest}")
    if one in known or two in known:
        return one not in known
    start, rest, words = start.split("-")[-1], _bare(rest).split("-")[0], _words()
    if _bare(start + rest) in words or start[:1].isupper():
        return False
    return _bare(start) in words and rest in words


@cache
def _words() -> frozenset[str]:
    """Return common English words, in lower case; see data/README.md."""
    import lzma

    packed = files(__package__).joinpath("data", "english.xz").read_bytes()
    words, word = [], ""
    for entry in lzma.decompress(packed).decode("ascii").split("\n"):
        word = word[: ord(entry[0]) - ord("0")] + entry[1:]
        words.append(word)
    return frozenset(words)


def _text(word: Sequence[Mark]) -> str:
    return "".join(mark.glyph.text for mark in word)


def _bare(word: str) -> str:
    """Return a word as it is compared: without the signs around it."""
    return word.casefold().replace("\u2010", "-").strip(".,;:!?()[]\"'\u2018\u2019\u201c\u201d")
