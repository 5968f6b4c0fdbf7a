"""Texts to apertium's stream format and back: one process for all of them, marks told from signs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# Signs with a meaning in the stream; escaped they are themselves.
_RESERVED = re.compile(r"[\\\[\]{}^$/@<>]")
# Handed through as blanks: docharmony's marks, and the signs that apertium also puts before words that
# it does not know, so that the two can be told apart.
_BLANK = re.compile("(\u27e6\\d+\u27e7|[*#~])")
_ENDS = ".!?:;\u2026"
_BETWEEN = re.compile(r"(\.?)\[\]\[@(\d+)@\]")
_PIECE = re.compile(r"\\(.)|\[((?:\\.|[^\\\]])*)\]|([*#@])(?=\w)|(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Read:
    """A translated text and how many of its words apertium did not know."""

    text: str
    unknown: int


def write(texts: Sequence[str]) -> str:
    """Return the stream of the texts: each ends a sentence and is followed by its number."""
    parts = []
    for number, text in enumerate(texts):
        # Blanks first: the brackets around them must not be escaped.
        stream = "".join(
            f"[{piece}]" if _BLANK.fullmatch(piece) else _RESERVED.sub(r"\\\g<0>", piece)
            for piece in _BLANK.split(text)
        )
        parts.append(f"{stream}{'' if _ended(text) else '.'}[][@{number}@]\n")
    return "".join(parts)


def read(stream: str, texts: Sequence[str]) -> list[Read | None]:
    """Return what came back for each text; None for what did not.

    >>> read("El *foo \\\\[x\\\\].[][@0@]", ["the foo [x]"])
    [Read(text='El foo [x]', unknown=1)]
    """
    found: list[Read | None] = [None] * len(texts)
    at = 0
    for match in _BETWEEN.finditer(stream):
        number = int(match[2])
        if number < len(texts):
            body = stream[at : match.start()].lstrip("\n")
            # The full stop is ours where the text had no end of its own.
            body += match[1] if _ended(texts[number]) else ""
            found[number] = _plain(body)
        at = match.end()
    return found


def _ended(text: str) -> bool:
    return text.rstrip()[-1:] in _ENDS


def _plain(stream: str) -> Read:
    out: list[str] = []
    unknown = 0
    for match in _PIECE.finditer(stream):
        escaped, blank, mark, other = match.groups()
        if mark is not None:
            unknown += 1
        elif blank is not None:
            out.append(re.sub(r"\\(.)", r"\1", blank))
        else:
            out.append(escaped if escaped is not None else other)
    return Read("".join(out).strip(), unknown)
