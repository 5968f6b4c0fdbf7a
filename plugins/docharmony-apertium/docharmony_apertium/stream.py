"""Texts to apertium's stream format and back: one process for all of them, marks told from signs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# Signs with a meaning in the stream; escaped they are themselves.
_RESERVED = re.compile(r"[\\\[\]{}^$/@<>]")
# Handed through as blanks: docharmony's marks, and the signs that apertium also puts before words that
# it does not know, so that the two can be told apart.
_BLANK = re.compile("(\u27e6\\d+\u27e7|[*#~]|</?s\\d+>)")
# Tags around words: blanks that apertium binds to each word and carries along with it (from 3.7 on).
_TAG = re.compile(r"<(/?)s(\d+)>")
_BOUND = re.compile(r"\[\[(?:t:s:(\d+)[^\]]*|(/))\]\]")
_ENDS = ".!?:;\u2026"
# Ends a text, so that words at the end of one and at the start of the next are not taken together:
# the programs flush and forget. A stop right before it would be lost, hence the empty blank; the stop
# is ours where the text has no end of its own.
_BETWEEN = "\0"
_STOP, _END = ".", "[]"
_PIECE = re.compile(r"\\(.)|\[((?:\\.|[^\\\]])*)\]|([*#@])(?=\w)|(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Read:
    """A translated text and how many of its words apertium did not know."""

    text: str
    unknown: int


def write(texts: Sequence[str]) -> str:
    """Return the stream of the texts."""
    parts = []
    for text in texts:
        # Blanks first: the brackets around them must not be escaped.
        stream = "".join(
            _blank(piece) if _BLANK.fullmatch(piece) else _RESERVED.sub(r"\\\g<0>", piece)
            for piece in _BLANK.split(text.replace(_BETWEEN, " "))
        )
        parts.append(stream + ("" if _ended(text) else _STOP) + _END + _BETWEEN)
    return "".join(parts)


def _blank(piece: str) -> str:
    tag = _TAG.fullmatch(piece)
    if tag is None:
        return f"[{piece}]"
    return "[[/]]" if tag[1] else f"[[t:s:{tag[2]}]]"


def read(stream: str, texts: Sequence[str]) -> list[Read | None]:
    """Return what came back for each text; None for what did not.

    >>> read("El *foo \\\\[x\\\\].[]\\0", ["the foo [x]"])
    [Read(text='El foo [x]', unknown=1)]
    """
    # Behind the last text come only the empty flushes of the programs.
    parts = stream.split(_BETWEEN)[:-1]
    found: list[Read | None] = []
    for number, text in enumerate(texts):
        if number >= len(parts):
            found.append(None)
            continue
        part = parts[number].removesuffix(_END)
        found.append(_plain(part if _ended(text) else part.removesuffix(_STOP)))
    return found


def _ended(text: str) -> bool:
    return text.rstrip()[-1:] in _ENDS


def _plain(stream: str) -> Read:
    out: list[str] = []
    unknown = 0
    last = ""

    def bound(match: re.Match[str]) -> str:
        nonlocal last
        last = match[1] or last
        # Escaped, as the text around it is.
        return f"\\<{'/' if match[2] else ''}s{last}\\>"

    stream = _BOUND.sub(bound, stream)
    for match in _PIECE.finditer(stream):
        escaped, blank, mark, other = match.groups()
        if mark is not None:
            unknown += 1
        elif blank is not None:
            out.append(re.sub(r"\\(.)", r"\1", blank))
        else:
            out.append(escaped if escaped is not None else other)
    return Read("".join(out).strip(), unknown)
