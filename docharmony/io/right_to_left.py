"""Words of lines that run from right to left, in the order in which they are read. Runs in the child.

MuPDF gives a line in the order in which the file draws it, which for most programs is from left to
right, and cuts it where letters change their way: "page 1 of 4" comes as "4 of 1 page", and full stops
stand alone.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

_RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
# Words that touch are one, but for this share of their height.
_TOUCHING = 0.05
# Signs that end words and never begin one, and those that stay with the number before them.
_CLOSING = "\u060c\u061b\u061f.,:;!?"
_WITH_NUMBERS = "%\u066a\u2030\u00b0$\u20ac\u00a3\u20aa"


def holds(text: str) -> bool:
    """Return whether a text has letters that run from right to left."""
    return _RTL.search(text) is not None


def ordered(words: Iterable[Any], level: frozenset[tuple[int, int]]) -> Iterator[Any]:
    """Yield words (x0, y0, x1, y1, text, block, line, place), those of such lines in order.

    Args:
        words: of a page, line by line.
        level: blocks and lines whose words stand beside each other.
    """
    for key, group in groupby(words, lambda word: (word[5], word[6])):
        line = list(group)
        kinds = [_kind(word[4]) for word in line]
        if key not in level or kinds.count("R") <= kinds.count("L"):
            yield from line
            continue
        place = itertools.count()
        for run in _touching(_logical(sorted(line, key=lambda word: (word[0], word[2])))):
            x0, y0, x1, y1 = (
                least_or_most(word[side] for word in run)
                for side, least_or_most in enumerate((min, min, max, max))
            )
            text = "".join(_turned(word[4]) for word in run)
            yield x0, y0, x1, y1, text, *key, next(place)


def _kind(text: str) -> str:
    """Return R or L by the first letter, N for numbers, O for other signs."""
    for character in text:
        way = unicodedata.bidirectional(character)
        if way in ("L", "R", "AL"):
            return "L" if way == "L" else "R"
    return "N" if any(c.isdigit() for c in text) else "O"


def _logical(words: Sequence[Any]) -> Iterator[Any]:
    """Yield words, given from left to right, from right to left; those of the other way stay together."""
    runs: list[list[Any]] = []
    at = 0
    while at < len(words):
        end = at + 1
        if _kind(words[at][4]) == "L":
            here = end
            while here < len(words) and (kind := _kind(words[here][4])) != "R":
                here += 1
                end = here if kind != "O" else end
        runs.append(list(words[at:end]))
        at = end
    for run in reversed(runs):
        yield from run


def _touching(words: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield words that are one."""
    run: list[Any] = []
    for word in words:
        if run:
            last = run[-1]
            gap = max(word[0] - last[2], last[0] - word[2])
            if gap > _TOUCHING * (word[3] - word[1]):
                yield run
                run = []
        run.append(word)
    if run:
        yield run


def _turned(text: str) -> str:
    """Return a word as it is read: signs that were drawn on the other side of it change sides.

    >>> _turned("12.5-"), _turned("\u060c\u05d0\u05d1"), _turned("12.5%"), _turned("a.b.")
    ('-12.5', '\u05d0\u05d1\u060c', '12.5%', 'a.b.')
    """
    kind = _kind(text)
    if kind == "R":
        signs = len(text) - len(text.lstrip(_CLOSING))
        return text[signs:] + text[:signs] if signs < len(text) else text
    if kind != "N":
        return text
    inner = [i for i, c in enumerate(text) if c.isalnum() or c in _WITH_NUMBERS]
    first, last = inner[0], inner[-1] + 1
    return text[last:] + text[first:last] + text[:first]
