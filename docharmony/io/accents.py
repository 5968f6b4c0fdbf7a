"""Accents that stand in the text beside the letter over which they are drawn, as in TeX's oldest fonts.

Runs in the parsing child.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

_MARKS = {
    "`": "\u0300",
    "\u00b4": "\u0301",
    "\u02c6": "\u0302",
    "\u02dc": "\u0303",
    "\u00af": "\u0304",
    "\u02d8": "\u0306",
    "\u02d9": "\u0307",
    "\u00a8": "\u0308",
    "\u02da": "\u030a",
    "\u02dd": "\u030b",
    "\u02c7": "\u030c",
    "\u00b8": "\u0327",
    "\u02db": "\u0328",
}
_BARE = str.maketrans("\u0131\u0237", "ij")  # without their dots, to be drawn under an accent
_SET = "".join(map(re.escape, _MARKS))
_BESIDE = re.compile(rf"[{_SET}]\s?[^\W\d_]|[^\W\d_]\s?[{_SET}]")
_TOUCH = 0.12  # heights between the parts of a word that an accent broke apart

Char = tuple[str, Sequence[float]]
"""A character and its box (x0, y0, x1, y1)."""


def may_stand_beside(text: str) -> bool:
    """Return whether accents stand beside letters in a text."""
    return _BESIDE.search(text) is not None


def composed(chars: Sequence[Char]) -> Iterator[tuple[Char, int]]:
    """Yield the characters of a line with accents put on their letters, and how many each one was.

    >>> line = [("\u00b4", (1, 0, 5, 9)), ("e", (0, 0, 5, 9)), ("t", (5, 0, 8, 9))]
    >>> [(char, count) for (char, _), count in composed(line)]
    [('\u00e9', 2), ('t', 1)]
    """
    index = 0
    while index < len(chars):
        if index + 1 < len(chars):
            first, second = chars[index], chars[index + 1]
            whole = _whole(first, second) or _whole(second, first)
            if whole:
                yield (whole, _around(first[1], second[1])), 2
                index += 2
                continue
        yield chars[index], 1
        index += 1


def words_of(words: Sequence[Any], lines: dict[tuple[int, int], list[Char]]) -> list[Any]:
    """Return words as MuPDF gives them with accents put on their letters.

    Args:
        words: (x0, y0, x1, y1, text, block, line, place in the line), in order.
        lines: the characters of each line (block, line) but for its blanks.
    """
    result: list[Any] = []
    start = 0
    while start < len(words):
        key = words[start][5:7]
        end = start
        while end < len(words) and words[end][5:7] == key:
            end += 1
        result += _line(words[start:end], lines.get(tuple(key), []))
        start = end
    return result


def _line(words: Sequence[Any], chars: Sequence[Char]) -> list[Any]:
    parts = list(composed(chars))
    if len(parts) == len(chars) or "".join(w[4] for w in words) != "".join(c for c, _ in chars):
        return list(words)
    owners = [index for index, word in enumerate(words) for _ in word[4]]
    result: list[Any] = []
    last = at = 0
    for (text, box), count in parts:
        goes_on = bool(result) and owners[at] == last
        if result and count > 1 and not goes_on:  # the pen's way to the accent looked like a blank
            goes_on = box[0] - result[-1][2] < _TOUCH * (box[3] - box[1])
        if goes_on:
            *known, before, block, line, place = result.pop()
            result.append((*_around(known, box), before + text, block, line, place))
        else:
            result.append((*box, text, *words[owners[at]][5:7], len(result)))
        at += count
        last = owners[at - 1]
    return result


def _whole(accent: Char, letter: Char) -> str:
    """Return the letter with an accent drawn over it, "" where it is not or none such is known."""
    mark = _MARKS.get(accent[0])
    if mark is None or not letter[0].isalpha():
        return ""
    middle = (accent[1][0] + accent[1][2]) / 2
    if not letter[1][0] < middle < letter[1][2]:
        return ""
    base = letter[0].translate(_BARE)
    whole = unicodedata.normalize("NFC", base + mark)
    return whole if len(whole) == 1 else ""


def _around(first: Sequence[float], second: Sequence[float]) -> Sequence[float]:
    return (
        min(first[0], second[0]),
        min(first[1], second[1]),
        max(first[2], second[2]),
        max(first[3], second[3]),
    )
