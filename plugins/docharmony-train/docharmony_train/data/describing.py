"""Crops with text, described in detail and asked about: what the words say, where, how they look.

The counterpart of the paper's DetailedTextCaps, made by rule: the truth is known because we drew it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from .corpus import Corpus
from .fonts import Fonts
from .scenes import Floats, Image, Photos, ground, ink_for, write

LONGEST_TALK = 384  # bytes of question and answer together
_MOST = 18  # characters of a text
_ROWS, _COLUMNS = ("top", "middle", "bottom"), ("left", "centre", "right")
_COLOURS = {
    "black": (15, 15, 15), "white": (245, 245, 245), "grey": (128, 128, 128), "red": (205, 35, 35),
    "green": (35, 150, 50), "blue": (40, 65, 200), "yellow": (235, 215, 50), "orange": (240, 140, 30),
    "purple": (140, 50, 165), "brown": (115, 70, 35), "pink": (240, 150, 185),
}  # fmt: skip


class Talk(NamedTuple):
    """A crop (S, S, 3), a question about it (empty: describe it) and the answer."""

    image: Image
    question: str
    answer: str


class _Word(NamedTuple):
    text: str
    place: str
    size: str
    colour: str


def draw(
    corpus: Corpus, fonts: Fonts, photos: Photos, rng: np.random.Generator, side: int
) -> list[Talk]:
    """Return one crop with its description and two questions; nothing where no text fitted."""
    image = ground(rng, photos, side, side)
    words: list[_Word] = []
    for cell in rng.permutation(9)[: int(rng.integers(1, 5))].tolist():
        word = _put(image, cell, corpus, fonts, rng)
        if word is not None:
            words.append(word)
    if not words:
        return []
    words.sort(key=lambda word: _order(word.place))
    talks = [Talk(image, "", _describe(words))]
    for kind in rng.permutation(5)[:2].tolist():
        talks.append(Talk(image, *_ask(kind, words, corpus, rng)))
    return [t for t in talks if len((t.question + t.answer).encode()) <= LONGEST_TALK]


def _put(
    image: Image, cell: int, corpus: Corpus, fonts: Fonts, rng: np.random.Generator
) -> _Word | None:
    """Write a text into one of nine cells of the image."""
    side = len(image)
    third = side / 3
    text = corpus.text(rng)[:_MOST].strip()
    font = fonts.draw(rng, text) if text and '"' not in text else None
    if font is None:
        return None
    em = max(6.0, float(rng.choice((0.045, 0.08, 0.15))) * side)
    room = third - 4
    length = font.at(round(em)).getlength(text)
    if length > room:  # shorter, and where little would be left smaller
        em = max(6.0, em * min(1.0, 5 * room / length))
        text = text[: int(len(text) * room / font.at(round(em)).getlength(text))].strip()
    row, column = divmod(cell, 3)
    x, baseline = column * third + 2, (row + 0.65) * third
    region = image[int(baseline - em) : int(baseline), int(x) : int(x + third - 4)]
    ink = ink_for(rng, region)
    if not text or write(image, text, font, em, x, baseline, ink, 1.0) is None:
        return None
    share = em / side
    size = "small" if share < 0.06 else "large" if share > 0.11 else "medium-sized"
    names = f"{_ROWS[row]} {_COLUMNS[column]}" if cell != 4 else "centre"
    return _Word(text, names, size, colour_name(ink))


def colour_name(ink: Floats) -> str:
    """Return the everyday name of the nearest colour.

    >>> colour_name(np.array([200, 30, 40], np.float32))
    'red'
    """
    return min(_COLOURS, key=lambda name: float(np.square(ink - _COLOURS[name]).sum()))


def _order(place: str) -> int:
    row, _, column = place.partition(" ")
    return 4 if place == "centre" else 3 * _ROWS.index(row) + _COLUMNS.index(column)


def _describe(words: list[_Word]) -> str:
    """Return a description of all words in reading order."""
    count = ("One text.", "Two texts.", "Three texts.", "Four texts.")[len(words) - 1]
    parts = "; ".join(f'{w.size} {w.colour} "{w.text}" at the {w.place}' for w in words)
    return f"{count} {parts[0].upper()}{parts[1:]}."


def _ask(
    kind: int, words: list[_Word], corpus: Corpus, rng: np.random.Generator
) -> tuple[str, str]:
    """Return a question and its answer; an ambiguous one is answered with all that fits."""
    word = words[int(rng.integers(len(words)))]
    if kind == 0:
        return f"What stands at the {word.place}?", word.text
    if kind == 1:
        return f'Where is "{word.text}"?', _all(w.place for w in words if w.text == word.text)
    if kind == 2:
        colours = _all(w.colour for w in words if w.text == word.text)
        return f'What colour is "{word.text}"?', colours
    if kind == 3:
        return f"Which texts are {word.size}?", _all(w.text for w in words if w.size == word.size)
    other = corpus.text(rng)[:_MOST].strip()
    asked = word.text if rng.random() < 0.5 else other
    there = any(asked.lower() in w.text.lower() for w in words)
    return f'Is there "{asked}"?', "yes" if there else "no"


def _all(found: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(found))
