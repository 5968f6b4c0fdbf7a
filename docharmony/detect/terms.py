"""Finding given terms: exactly but for typography, and on read text with the reader's mistakes.

A term is found wherever its letters and digits stand in their order, whatever the case, accents,
ligatures, quotes, hyphens, line breaks and odd spacing between them. On lines that were read from
pixels a near miss counts too: characters that look alike are the same there, and a number of wrong
characters that grows with the term's length is forgiven.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..errors import UsageError
from .text import JOINT, PageText, View, fold, folded, is_word_character

# Confidence of a hit with a space inside a word: "J ohn" is John, "the rein" is seldom therein.
_SPLIT_CONFIDENCE = 0.7
# Shortest term for which a word may fall apart, or a look-alike may stand for a character.
_TOLERANT = 4

# Characters that readers take for each other, after folding; each class is named by one of them.
_LOOKALIKES = str.maketrans(
    {"0": "o", "1": "l", "i": "l", "|": "l", "!": "l", "5": "s", "$": "s", "8": "b", "2": "z",
     "9": "g", "q": "g"}
)  # fmt: skip
_PAIRS = {"rn": "m", "vv": "w"}


@dataclass(frozen=True, slots=True)
class TermMatch:
    """A place where a term stands.

    Attributes:
        start: index of the first character in ``PageText.text``.
        end: index after the last one.
        term: index into the terms given.
        confidence: 1.0 for the very characters, less where they were split or misread.
        near: whether it is a near miss on read text.
    """

    start: int
    end: int
    term: int
    confidence: float
    near: bool = False


class Terms:
    """A list of terms, ready to search pages.

    Args:
        terms: what to find; separators (spaces, hyphens) inside a term may be missing or others.
        whole_words: find only whole words, not ``Smith`` in ``Smithson``.

    Raises:
        UsageError: a term holds no letter and no digit.
    """

    def __init__(self, terms: Sequence[str], *, whole_words: bool = False) -> None:
        self.whole_words = whole_words
        self.terms = [_Term(term, index) for index, term in enumerate(terms)]

    def find(self, page: PageText) -> list[TermMatch]:
        """Return all places of all terms on the page, in order of place."""
        view = folded(page)
        blurred = _blurred(page, view)
        found: list[TermMatch] = []
        for term in self.terms:
            exact = [*self._exact(term, page, view)]
            found += exact
            if blurred is not None and term.size >= _TOLERANT:
                found += [
                    near
                    for near in self._near(term, page, blurred)
                    if not any(hit.start < near.end and near.start < hit.end for hit in exact)
                ]
        return sorted(found, key=lambda match: (match.start, match.end))

    def _exact(self, term: _Term, page: PageText, view: View) -> Iterator[TermMatch]:
        last = 0
        for start, end in _overlapping(term.strict, view.text):
            if start >= last and (not self.whole_words or all(_edges(view.text, start, end))):
                last = end
                yield TermMatch(*view.span(start, end, page), term.index, 1.0)
        if term.size < _TOLERANT:
            return
        for start, end in _overlapping(term.split, view.text):
            apart = not term.strict.fullmatch(view.text, start, end)
            if apart and all(_edges(view.text, start, end)):
                yield TermMatch(*view.span(start, end, page), term.index, _SPLIT_CONFIDENCE)

    def _near(self, term: _Term, page: PageText, view: View) -> Iterator[TermMatch]:
        best: list[tuple[int, int, int]] = []
        # Inside a longer word only a long term with less than its share of mistakes counts.
        inside = not self.whole_words and len(term.blurred) >= 8
        for start, end, distance in _approximate(term.blurred, view.text, term.tolerance, inside):
            if all(_edges(view.text, start, end)) or (inside and distance < max(1, term.tolerance)):
                best.append((distance, start, end))
        taken: list[tuple[int, int]] = []
        for distance, start, end in sorted(best, key=lambda hit: (hit[0], hit[1] - hit[2])):
            if all(end <= low or high <= start for low, high in taken):
                taken.append((start, end))
                confidence = round(1.0 - (distance + 0.5) / (len(term.blurred) + 1), 3)
                yield TermMatch(*view.span(start, end, page), term.index, confidence, near=True)


class _Term:
    """One term in the forms in which it is searched."""

    def __init__(self, term: str, index: int) -> None:
        self.index = index
        words = [word for word in re.split(r"[ \-]+", fold(term)) if word]
        self.size = sum(map(len, words))
        if not any(character.isalnum() for word in words for character in word):
            raise UsageError(
                f"term {index + 1} holds no letter and no digit",
                hint="Remove that term, or use --pattern for signs.",
            )
        # A hyphen inside a line may be part of a broken word that was set anew; in a short term it
        # is more likely a range, "3-4".
        glue = f"[{JOINT}-]{{0,3}}" if self.size >= 5 else f"{JOINT}{{0,3}}"
        space = f"[ {JOINT}-]{{0,4}}"
        self.strict = re.compile(space.join(glue.join(map(re.escape, word)) for word in words))
        self.split = re.compile(space.join(space.join(map(re.escape, word)) for word in words))
        self.words = words

    @cached_property
    def blurred(self) -> str:
        """The term with look-alikes merged."""
        joined = " ".join(self.words)
        return _blur(joined, range(len(joined))).text

    @cached_property
    def tolerance(self) -> int:
        """Wrong characters forgiven: numbers differ by less than words do."""
        size = self.size
        if all(word.isdigit() for word in self.words):
            return 0 if size < 8 else 1 if size < 14 else 2
        return 0 if size < 5 else 1 if size < 8 else 2 if size < 13 else 3 if size < 21 else 4


def _overlapping(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    """Yield all matches, those too that begin inside an earlier one."""
    match = pattern.search(text)
    while match is not None:
        yield match.span()
        match = pattern.search(text, match.start() + 1)


def _edges(text: str, start: int, end: int) -> tuple[bool, bool]:
    """Return whether a word begins at ``start``, and whether one ends at ``end``."""
    begins = start == 0 or not (
        is_word_character(text[start - 1]) and is_word_character(text[start])
    )
    ends = end == len(text) or not (
        is_word_character(text[end - 1]) and is_word_character(text[end])
    )
    return begins, ends


def _blurred(page: PageText, view: View) -> View | None:
    """Return the folded view of the lines read from pixels, look-alikes merged; None without any."""
    # Hidden text under a picture of the page was read from pixels too, by somebody else.
    read = [line.origin == "ocr" or not line.visible for line in page.lines]
    if not any(read):
        return None
    kept: list[str] = []
    sources: list[int] = []
    for character, source in zip(view.text, view.sources, strict=True):
        place = page.places[source]
        if character == JOINT:
            continue
        if place is not None and not read[place.line]:
            character = "\0"
        kept.append(" " if character == "-" else character)
        sources.append(source)
    return _blur("".join(kept), sources)


def _blur(text: str, sources: Sequence[int]) -> View:
    out: list[str] = []
    firsts: list[int] = []
    lasts: list[int] = []
    index = 0
    while index < len(text):
        pair = _PAIRS.get(text[index : index + 2])
        out.append(pair or text[index])
        firsts.append(sources[index])
        index += 2 if pair else 1
        lasts.append(sources[index - 1])
    return View("".join(out).translate(_LOOKALIKES), tuple(firsts), tuple(lasts))


def _approximate(
    term: str, text: str, tolerance: int, inside: bool
) -> Iterator[tuple[int, int, int]]:
    """Yield (start, end, distance) of places whose edit distance to the term is in the tolerance.

    Without ``inside`` they begin where a word begins.

    Of ``tolerance + 1`` pieces of the term at least one stands unchanged in every such place, so
    only places around the pieces are compared.
    """
    size = len(term)
    cuts = [size * part // (tolerance + 1) for part in range(tolerance + 2)]
    tried: set[int] = set()
    for low, high in itertools.pairwise(cuts):
        piece = term[low:high]
        at = text.find(piece)
        while at >= 0:
            for start in range(max(0, at - low - tolerance), max(0, at - low + tolerance) + 1):
                if start in tried or start >= len(text) or text[start] in " \0":
                    continue
                tried.add(start)
                if not (inside or _edges(text, start, start + 1)[0]):
                    continue
                for end, distance in _ends(term, text[start : start + size + tolerance], tolerance):
                    if text[start + end - 1] != " ":
                        yield start, start + end, distance
            at = text.find(piece, at + 1)


def _ends(term: str, window: str, tolerance: int) -> Iterator[tuple[int, int]]:
    """Yield (length, distance) of the window's beginnings that are near the whole term."""
    row = list(range(len(term) + 1))
    for length, character in enumerate(window, 1):
        diagonal, row[0] = row[0], length
        for index, expected in enumerate(term, 1):
            diagonal, row[index] = (
                row[index],
                min(row[index] + 1, row[index - 1] + 1, diagonal + (character != expected)),
            )
        if row[-1] <= tolerance:
            yield length, row[-1]
        elif min(row) > tolerance:
            return
