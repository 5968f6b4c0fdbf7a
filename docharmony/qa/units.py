"""Questions and labels as units of meaning, and how far one says what the other does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from .data import words as words_of
from .senses import dictionary, nearness
from .words import likeness, tokens


@dataclass(frozen=True, slots=True)
class Unit:
    """One meaning of a text: its words, folded, and the senses it may have, alternatives."""

    words: tuple[str, ...]
    senses: frozenset[str]


@lru_cache(maxsize=1 << 13)
def units(text: str) -> tuple[Unit, ...]:
    """Return the units of a label or a question, without words that carry no meaning.

    >>> [sorted(unit.senses) for unit in units("Rechnungsnummer des Patienten")]
    [['invoice'], ['number'], ['patient']]
    """
    words = tokens(text)
    runs = {start: (end, meaning) for start, end, meaning in dictionary().find(words)}
    stop = words_of("stop")
    found: list[Unit] = []
    at = 0
    while at < len(words):
        if at in runs:
            end, meaning = runs[at]
            run = tuple(word.text for word in words[at:end])
            found += [Unit(run, senses) for senses in meaning]
            at = end
            continue
        if words[at].text not in stop:
            found.append(Unit((words[at].text,), frozenset()))
        at += 1
    return tuple(found)


@lru_cache(maxsize=1 << 16)
def alike(a: Unit, b: Unit) -> float:
    """Return how much two units mean the same, 0.0-1.0."""
    best = 0.0
    if a.senses and b.senses:
        best = 0.95 * nearness(a.senses, b.senses)
    if a.words == b.words:
        # Both halves of a compound have its words: their senses tell them apart.
        return best if a.senses and b.senses and best < 0.9 else 1.0
    if not (a.senses and b.senses):
        short, long = sorted((a.words, b.words), key=len)
        total = sum(max(likeness(x, y) for y in long) for x in short)
        best = max(best, total / len(long))
    return best


@dataclass(frozen=True, slots=True)
class Match:
    """How well a label answers to a question: the share of the question that it holds, and back."""

    coverage: float
    precision: float

    @property
    def strength(self) -> float:
        """Both in one number: coverage counts a little more than precision."""
        if not self.coverage or not self.precision:
            return 0.0
        return 1.36 * self.coverage * self.precision / (0.36 * self.coverage + self.precision)


NOTHING = Match(0.0, 0.0)


def match(
    asked: Sequence[tuple[Unit, float]],
    label: Sequence[Unit],
    *,
    given: frozenset[str] = frozenset(),
) -> Match:
    """Return how well a label fits what is asked.

    Args:
        asked: units of the question with their weights.
        label: units of the label.
        given: senses that the page as a whole has: they need not be in the label.
    """
    if not asked or not label:
        return NOTHING
    total = got = 0.0
    back = [0.0] * len(label)
    for unit, weight in asked:
        best = 0.0
        for index, other in enumerate(label):
            value = alike(unit, other)
            best = max(best, value)
            back[index] = max(back[index], value)
        if best < 0.5 and unit.senses & given:
            weight *= 0.35
        total += weight
        got += weight * best
    weights = [0.6 if unit.senses & given else 1.0 for unit in label]
    precision = sum(w * b for w, b in zip(weights, back, strict=True)) / sum(weights)
    return Match(got / total, precision)


def covered(asked: Sequence[tuple[Unit, float]], labels: Sequence[Sequence[Unit]]) -> float:
    """Return the share of the question that several labels hold together, 0.0-1.0."""
    total = sum(weight for _, weight in asked)
    if not total:
        return 0.0
    got = 0.0
    for unit, weight in asked:
        got += weight * max(
            (alike(unit, other) for label in labels for other in label), default=0.0
        )
    return got / total
