"""Lines as one text and back: joined, traced to their places, shared out, told from program code."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .protect import find, has_words, mask

# Signs of program text, and the share of them from which text is taken for it.
_CODE = re.compile(r"[{}();=<>\[\]#$|&/\\_]")
_TELLING = re.compile(r"[{}=<>#$|\\_]|\(\)|::|->")
_CODE_SHARE = 0.08
# So many words beside each other are language, whatever stands among them.
_PROSE = re.compile(r"(?:\b[a-z]{2,} ){3}[a-z]{2,}\b")


def joined(texts: Sequence[str]) -> str:
    """Return lines as one text: hyphenated words whole, no spaces between ideographs.

    >>> joined(["the exam-", "ple of", "a text"])
    'the example of a text'
    """
    return "".join(character for character, _ in traced(texts))


def traced(texts: Sequence[str]) -> list[tuple[str, tuple[int, int]]]:
    """Return the characters of lines as one text, each with its line and its place in it.

    A space that stands for a line end has the place of the character before it.
    """
    from ..detect.text import HYPHENS

    result: list[tuple[str, tuple[int, int]]] = []
    for number, text in enumerate(texts):
        line = [
            (character, (number, index))
            for index, character in enumerate(text)
            if not (character.isspace() and (not text[:index].strip() or text[index - 1].isspace()))
        ]
        line = [(" " if c.isspace() else c, place) for c, place in line]
        while line and line[-1][0] == " ":
            line.pop()
        if result and line:
            (last, place), first = result[-1], line[0][0]
            before = result[-2][0] if len(result) > 1 else ""
            if last in HYPHENS and before.isalpha() and first.islower():
                result.pop()
            elif not (
                last == "\u00ad"
                or (_wide(last) and _wide(first))
                # A hyphen at a line end before a capital or a digit belongs to the word.
                or (last in HYPHENS and before.isalnum())
            ):
                result.append((" ", place))
        result += line
    return [pair for pair in result if pair[0] != "\u00ad"]


def shared_out(text: str, sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Return the ranges of a translation for as many places as its text had, cut between words.

    >>> [("uno dos tres cuatro")[a:b] for a, b in shared_out("uno dos tres cuatro", [10, 10])]
    ['uno dos', 'tres cuatro']
    """
    ranges: list[tuple[int, int]] = []
    start, end, total = 0, len(text), sum(sizes)
    for size in sizes[:-1]:
        wanted = start + (end - start) * size / max(1, total)
        total -= size
        breaks = [match.start() for match in re.compile(r"\s").finditer(text, start)]
        if not breaks and any(map(_wide, text[start:])):
            breaks = list(range(start + 1, end))
        at = min(breaks, key=lambda place: abs(place - wanted), default=end)
        ranges.append((start, at))
        start = at + len(text[at:]) - len(text[at:].lstrip())
    return [*ranges, (start, end)]


def is_code(text: str) -> bool:
    """Return whether a text looks like program text or a path rather than language.

    >>> is_code("for (i = 0; i < n; i++) {"), is_code("Rooms (see 2) and halls")
    (True, False)
    """
    if _is_program(text):
        return True
    hard = [token for token in find(text) if token.kind in ("url", "path", "code", "email")]
    return bool(hard) and not has_words(mask(text, hard, " "))


def _is_program(text: str) -> bool:
    signs = len(_CODE.findall(text))
    telling = signs >= 3 and _TELLING.search(text) is not None
    return telling and signs > _CODE_SHARE * len(text)


def is_listing(line: str) -> bool:
    """Return whether a line of a paragraph is program text, and not language with some in it."""
    return _is_program(line) and _PROSE.search(line) is None


def _wide(character: str) -> bool:
    return "\u2e80" <= character <= "\u9fff" or "\uff00" <= character <= "\uffef"
