"""Seam of the detectors: text in, matches out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Match:
    """A place in a text where private data stands.

    Attributes:
        start: index of the first character.
        end: index after the last character, above ``start``.
        rule: what was found, in one word or two of a person's language, e.g. ``"IBAN"``; never the
            text itself.
        confidence: 0.0-1.0.
    """

    start: int
    end: int
    rule: str
    confidence: float = 1.0


class Detector(Protocol):
    """Finds one kind of private data.

    A registered target is such an object, or a class whose call without arguments makes one; it is
    made once a worker. Detectors hold no text between calls and log none.
    """

    def find(self, texts: Sequence[str]) -> list[list[Match]]:
        """Return the matches in each text, in any order; they may overlap.

        A text is a page in reading order: words separated by single spaces, lines by ``"\\n"``,
        blocks by ``"\\n\\n"``. A value may therefore hold line breaks.
        """
