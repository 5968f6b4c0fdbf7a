"""Made documents as text with questions, for training the answering experts. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

from .made import MadeDocument

_SKIPPED = ("count", "yesno")  # computed, not copied
_CONFUSED = {"l": "1", "I": "l", "O": "0", "0": "O", "1": "l", "5": "S", "S": "5", "rn": "m", "m": "rn",
             "e": "c", "ü": "u", "é": "e", "ä": "a", ".": ",", "8": "B"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Example:
    """The text of a document and what is asked about it.

    Attributes:
        context: passages, as the engine is handed them.
        pairs: questions with the answer as it stands in the context, None where it does not.
    """

    context: str
    pairs: tuple[tuple[str, str | None], ...]


def example(made: MadeDocument, rng: Random) -> Example:
    """Return a document's text in one of the ways in which readers deliver it, sometimes misread."""
    import pymupdf

    pages = [q.page for q in made.questions if q.page]
    number = max(pages, default=1)
    with pymupdf.open(stream=made.pdf, filetype="pdf") as document:
        words = document[number - 1].get_text("words")
    spoil = _Spoiler(rng, 0.04 if rng.random() < 0.3 else 0.0)
    words = [(*w[:4], spoil(w[4]), *w[5:]) for w in words]
    passages = _rows(words, rng) if rng.random() < 0.6 else _blocks(words, rng)
    if rng.random() < 0.4:
        rng.shuffle(passages)
    context = "\n\n".join(passages)
    pairs: list[tuple[str, str | None]] = []
    for q in made.questions:
        if q.kind in _SKIPPED:
            continue
        if not q.answers:
            pairs.append((q.text, None))
            continue
        lines = [" ".join(map(spoil, part.split())) for part in q.answers[0].split(", ")]
        answer = ", ".join(lines)
        if answer in context.replace("\n", ", ") and q.page == number:
            pairs.append((q.text, answer))
    return Example(context, tuple(pairs))


class _Spoiler:
    """Misreads words as OCR does, a word always in the same way."""

    def __init__(self, rng: Random, share: float) -> None:
        self._rng, self._share, self._known = rng, share, dict[str, str]()

    def __call__(self, word: str) -> str:
        if word not in self._known:
            letters = []
            for letter in word:
                wrong = _CONFUSED.get(letter)
                letters.append(wrong if wrong and self._rng.random() < self._share * 3 else letter)
            self._known[word] = "".join(letters) if self._share else word
        return self._known[word]


def _rows(words: list[Any], rng: Random) -> list[str]:
    """Return the rows of a page; wide gaps become separators. A blank line where rows lie apart."""
    bar = rng.choice(("  ", "  ", "  ", " | ", ": "))
    rows: list[list[Any]] = []
    for word in sorted(words, key=lambda w: (w[3], w[0])):
        if rows and abs(rows[-1][0][3] - word[3]) < 2.5:
            rows[-1].append(word)
        else:
            rows.append([word])
    passages: list[list[str]] = [[]]
    bottom = 0.0
    for row in rows:
        row.sort(key=lambda w: w[0])
        text = row[0][4]
        for before, word in pairwise(row):
            gap = word[0] - before[2] > 1.2 * (word[3] - word[1])
            text += (bar if gap and not (bar == ": " and text.endswith(":")) else " ") + word[4]
        if row[0][1] - bottom > 0.9 * (row[0][3] - row[0][1]) and passages[-1]:
            passages.append([])
        passages[-1].append(text)
        bottom = row[0][3]
    return ["\n".join(passage) for passage in passages if passage]


def _blocks(words: list[Any], rng: Random) -> list[str]:
    """Return blocks as PyMuPDF finds them; what stands in one row of a block shares a line."""
    blocks: dict[int, list[Any]] = {}
    for word in words:
        blocks.setdefault(word[5], []).append(word)
    return ["\n".join(_rows(block, rng)) for block in blocks.values()]
