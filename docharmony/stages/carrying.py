"""Words in lines in which others are replaced: they keep their looks, and links and marks on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..detect.text import JOINT, PageText
from ..model import Inline, Line
from ..translators.base import Part
from ..translators.markup import carried, seal, unsealed
from ..translators.texts import joined
from .inline import Looks, Seen, looks


@dataclass(frozen=True, slots=True)
class Hit:
    """A place in the page's text with what shall stand there.

    Attributes:
        start: first character in ``PageText.text``.
        end: after the last one.
        new: the new text.
        term: number of the pair, from 1.
        confidence: that it is the old text, 0.0-1.0.
    """

    start: int
    end: int
    new: str
    term: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Carried:
    """Lines with new words in them, as one text.

    Attributes:
        text: the new text.
        looks: what of the old text looks otherwise, or holds a link.
        parts: where that is in the new text.
    """

    text: str
    looks: Looks
    parts: tuple[Part, ...]

    @property
    def inline(self) -> tuple[Inline, ...]:
        """Parts of the whole new text."""
        return self.looks.of(self.parts, 0, len(self.text), self.text)

    def tail(self, text: str) -> tuple[Inline, ...]:
        """Return the parts of a text that the new one ends with."""
        if not self.text.endswith(text):
            return ()
        return self.looks.of(self.parts, len(self.text) - len(text), len(self.text), text)


def substituted(text: PageText, start: int, end: int, hits: Sequence[Hit]) -> str:
    """Return a range of a page's text with the new texts in it, as one line."""
    return _joined(text, start, end, [(hit, hit.new) for hit in hits])


def carry(
    text: PageText, start: int, end: int, hits: Sequence[Hit], lines: Sequence[Line], seen: Seen
) -> Carried:
    """Return whole lines with new texts in them, and what becomes of words that look otherwise.

    Args:
        text: of the page.
        start: first character of the lines in it.
        end: after the last one.
        hits: what is replaced, in order.
        lines: those lines.
        seen: what is known of the page.
    """
    new = substituted(text, start, end, hits)
    whole = joined([line.text for line in lines])
    found = looks([(0, lines)], {0: seen}, whole)
    if not found.parts:
        return Carried(new, found, ())
    olds = [text.text[hit.start : hit.end] for hit in hits]
    before, places = unsealed(_joined(text, start, end, _sealed(hits, olds)))
    after, spots = unsealed(_joined(text, start, end, _sealed(hits, [hit.new for hit in hits])))
    if (before, after) != (whole, new) or len(places) != len(spots):
        return Carried(new, Looks(), ())  # a word is deleted, or goes on after a hyphen
    pairs = []
    at = now = 0
    for place, spot in zip(places, spots, strict=True):
        pairs.append((at, place.start, now, spot.start, True))
        pairs.append((place.start, place.end, spot.start, spot.end, False))
        at, now = place.end, spot.end
    pairs.append((at, len(before), now, len(after), True))
    return Carried(new, found, tuple(_whole(carried(found.parts, pairs), new)))


def _whole(parts: Sequence[Part], text: str) -> list[Part]:
    """Return parts with pieces of one that follow each other put together."""
    result: list[Part] = []
    for part in sorted(parts, key=lambda part: part.start):
        last = result[-1] if result else None
        if (
            last is not None
            and last.number == part.number
            and not text[last.end : part.start].strip()
        ):
            result[-1] = Part(part.number, last.start, part.end)
        else:
            result.append(part)
    return result


def _sealed(hits: Sequence[Hit], texts: Sequence[str]) -> list[tuple[Hit, str]]:
    return [
        (hit, text.join(seal(number)))
        for number, (hit, text) in enumerate(zip(hits, texts, strict=True))
    ]


def _joined(text: PageText, start: int, end: int, pieces: Sequence[tuple[Hit, str]]) -> str:
    result: list[str] = []
    at = start
    for hit, new in pieces:
        result += [text.text[at : hit.start], new]
        at = hit.end
    result.append(text.text[at:end])
    return joined("".join(result).replace(JOINT, "").split("\n"))
