"""The text of a page as one string whose every character knows its line, word and place there.

Rules do not search this string itself but a :class:`View` of it: folded for terms, natural or tight
for patterns and private data. A view maps each of its characters back, so a match always leads to
the very characters that stand on the page.
"""

from __future__ import annotations

import itertools
import math
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from ..io.needles import LOOK_ALIKE
from ..model import Line, Page, Word

JOINT = "\x1f"
"""Stands between two words of a line that look like one: kerned apart, or letter-spaced."""

HYPHENS = frozenset("-\u2010\u2011\u00ad\u2043\u2212\ufe63\uff0d")
DASHES = frozenset("\u2012\u2013\u2014\u2015\u2e3a\u2e3b")
QUOTES = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u02bc\u02b9\u2032\u00b4`\uff07", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\uff02", '"'),
}
# Letters whose stroke or ligature has no Unicode decomposition.
_PLAIN_LETTERS = {
    "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h",
}  # fmt: skip

# A word space is 0.2 em and more; tight justification goes down to about 0.12 em.
_KERNED_GAP = 0.08
# Letter-spaced headings put up to about this much between letters, and more between words.
_SPACED_GAP = 0.9


class Place(NamedTuple):
    """Where a character stands: indices into ``PageText.lines``, ``Line.words``, ``Word.text``."""

    line: int
    word: int
    char: int


@dataclass(frozen=True, slots=True)
class PageText:
    """The characters of a page in reading order.

    Attributes:
        lines: the lines that ``places`` refers to.
        text: words separated by ``" "`` or :data:`JOINT`, lines by ``"\\n"``, blocks by ``"\\n\\n"``.
        places: for each character of ``text`` its place; None for separators.
    """

    lines: tuple[Line, ...]
    text: str
    places: tuple[Place | None, ...]

    @classmethod
    def of(cls, page: Page) -> PageText:
        """Return the text of a page: its blocks in order, then the lines that no block holds."""
        return cls.of_groups(_groups(page))

    @classmethod
    def of_groups(cls, groups: Iterable[Sequence[Line]]) -> PageText:
        """Return the text of lines that are already in reading order, a group for each block."""
        lines: list[Line] = []
        characters: list[str] = []
        places: list[Place | None] = []

        def separate(text: str) -> None:
            characters.append(text)
            places.extend([None] * len(text))

        for group in groups:
            if lines and group:
                separate("\n\n")
            for number, line in enumerate(group):
                if number:
                    separate("\n")
                joints = _joints(line)
                for w, word in enumerate(line.words):
                    if w:
                        separate(joints[w - 1])
                    characters.append(word.text)
                    places.extend(Place(len(lines), w, c) for c in range(len(word.text)))
                lines.append(line)
        return cls(tuple(lines), "".join(characters), tuple(places))


@dataclass(frozen=True, slots=True)
class View:
    """A rewritten form of a page's text.

    Attributes:
        text: what a rule searches.
        sources: for each character of ``text`` the index in ``PageText.text`` that it comes from;
            never decreasing.
        lasts: the index of the last character that it comes from; empty where each has but one.
    """

    text: str
    sources: tuple[int, ...]
    lasts: tuple[int, ...] = ()

    def span(self, start: int, end: int, page: PageText) -> tuple[int, int]:
        """Return the range in ``PageText.text`` that the range ``start:end`` of the view covers.

        Marks and invisible characters that follow the last character belong to it.
        """
        first, last = self.sources[start], (self.lasts or self.sources)[end - 1] + 1
        while last < len(page.text) and page.places[last] is not None and _silent(page.text[last]):
            last += 1
        return first, last


def folded(page: PageText) -> View:
    """Return the view for terms: compatibility forms, case, accents and hyphenation folded away.

    Besides folded characters it holds ``" "`` for a real space, :data:`JOINT` where the text goes on
    without one (hyphenation, kerning, letter-spacing, CJK line ends) and ``"-"`` for a hyphen inside
    a line.
    """
    text, out, sources = page.text, [], []
    for index, character in enumerate(text):
        if page.places[index] is None:
            piece = _separator(text, index)
        elif character in HYPHENS:
            broken = index + 1 < len(text) and text[index + 1] == "\n"
            piece = JOINT if broken else "" if character == "\u00ad" else "-"
        else:
            piece = fold(character)
        out.append(piece)
        sources.extend([index] * len(piece))
    return View("".join(out), tuple(sources))


def natural(page: PageText) -> View:
    """Return the view for patterns: the text as read, ligatures and full-width forms resolved."""
    return _plain(page, lambda index: " " if page.text[index] == JOINT else page.text[index])


def tight(page: PageText) -> View | None:
    """Return the view without line ends inside words and values; None where it would add nothing.

    A hyphen at a line end goes with the break between letters and stays between digits. A break
    after or before a character that links the parts of addresses (``@ . / _``) closes up.
    """
    text = page.text
    dropped: set[int] = set()
    for index, character in enumerate(text):
        if page.places[index] is not None:
            continue
        if character == JOINT:
            dropped.add(index)
        elif character == "\n" and 0 < index < len(text) - 1:
            before, after = text[index - 1], text[index + 1]
            if before in HYPHENS:
                dropped.add(index)
                if index > 1 and text[index - 2].isalpha() and after.isalpha():
                    dropped.add(index - 1)
            elif (
                (_cjk(before) and _cjk(after))
                or before in "@/_=&?%" or after in "@/_=&?%."
                or (before == "." and (after.islower() or after.isdigit()))
            ):  # fmt: skip
                dropped.add(index)
    if not dropped:
        return None
    return _plain(page, lambda index: "" if index in dropped else text[index])


def _plain(page: PageText, rewrite: Callable[[int], str]) -> View:
    out: list[str] = []
    sources: list[int] = []
    for index in range(len(page.text)):
        piece = rewrite(index)
        if page.places[index] is not None:
            piece = "".join(map(_plain_character, piece))
        out.append(piece)
        sources.extend([index] * len(piece))
    return View("".join(out), tuple(sources))


def fold(text: str) -> str:
    """Return the text without case, accents, ligatures, width and typographic quotes.

    Letters of other scripts that look like Latin ones become those.

    Works character by character: ``fold(a + b) == fold(a) + fold(b)``.

    >>> fold("\uff2a\u00fcrgen Stra\u00dfe \ufb01 O\u2019Neill")
    "jurgen strasse fi o'neill"
    """
    return "".join(map(_fold_character, text))


@cache
def _fold_character(character: str) -> str:
    if character in QUOTES:
        return QUOTES[character]
    if character in DASHES or character.isspace():
        return " "
    if character in HYPHENS and character != "\u00ad":
        return "-"
    if _silent(character):
        return ""
    if unicodedata.category(character) == "No":
        # Superscripts stay: a footnote mark must not become a digit of the number before it.
        return character
    parts = unicodedata.normalize("NFKD", character).casefold()
    plain = (c for c in unicodedata.normalize("NFKD", parts) if not unicodedata.combining(c))
    return "".join(LOOK_ALIKE.get(c) or _PLAIN_LETTERS.get(c, c) for c in plain)


@cache
def _plain_character(character: str) -> str:
    if character in QUOTES:
        return QUOTES[character]
    if character in HYPHENS and character != "\u00ad":
        return "-"
    if unicodedata.category(character) in ("Cf", "Cc"):
        return ""
    # Width and ligatures are typography; superscripts, as in folded text, are not.
    tag = unicodedata.decomposition(character).partition(" ")[0]
    if tag in ("<wide>", "<narrow>", "<noBreak>") or "\ufb00" <= character <= "\ufb06":
        return unicodedata.normalize("NFKC", character)
    return character


@cache
def _silent(character: str) -> bool:
    """Whether a character leaves no trace in the folded text."""
    return unicodedata.category(character) in ("Cf", "Cc") or bool(unicodedata.combining(character))


@cache
def _cjk(character: str) -> bool:
    """Whether the character belongs to a script that is written without spaces."""
    return "\u2e80" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff"


def is_word_character(character: str) -> bool:
    """Return whether a character continues a word; superscripts and CJK characters do not."""
    return character.isalnum() and unicodedata.category(character) != "No" and not _cjk(character)


def _separator(text: str, index: int) -> str:
    character = text[index]
    if character == JOINT or (character == "\n" and text[index - 1] in HYPHENS):
        return JOINT
    if character == "\n" and text[index - 1] == "\n" and index > 1 and text[index - 2] in HYPHENS:
        return JOINT
    around = text[index - 1], text[index + 1]
    return JOINT if all(map(_cjk, around)) else " "


def _groups(page: Page) -> list[list[Line]]:
    by_id = {line.id: line for line in page.lines}
    groups: list[list[Line]] = []
    for block in page.blocks:
        groups.append([by_id.pop(name) for name in block.lines if name in by_id])
    loose: list[Line] = []
    for line in by_id.values():
        if loose and not _follows(loose[-1], line):
            groups.append(loose)
            loose = []
        loose.append(line)
    groups.append(loose)
    return [group for group in groups if group]


def _follows(above: Line, line: Line) -> bool:
    """Whether a line stands on the same row or right below, as the next line of a paragraph."""
    if above.direction or line.direction:
        return above.direction == line.direction
    gap = line.bbox.y0 - above.bbox.y1
    return gap < max(above.bbox.height, line.bbox.height) and line.bbox.y0 > above.bbox.y0 - 1


def _joints(line: Line) -> list[str]:
    """Return the separator behind each word but the last: a space or :data:`JOINT`."""
    words = line.words
    if len(words) < 2:
        return []
    angle = math.radians(line.direction)
    cos, sin = math.cos(angle), math.sin(angle)
    along = [_extent(word, cos, sin) for word in words]
    across = [_extent(word, -sin, cos) for word in words]
    em = line.size or max(high - low for low, high in across) or 1.0
    gaps = [(b[0] - a[1]) / em for a, b in itertools.pairwise(along)]
    joints = [" "] * len(gaps)
    if line.origin == "pdf":
        # Places of words read from pixels are too rough for this.
        joints = [JOINT if -0.5 < gap < _KERNED_GAP else " " for gap in gaps]
    start = 0
    for index in range(len(words) + 1):
        alone = index < len(words) and len(words[index].text) == 1
        if alone and (index == start or -0.5 < gaps[index - 1] < _SPACED_GAP):
            continue
        if index - start >= 3:
            joints[start : index - 1] = [JOINT] * (index - 1 - start)
        start = index if alone else index + 1
    return joints


def _extent(word: Word, cos: float, sin: float) -> tuple[float, float]:
    values = [point.x * cos + point.y * sin for point in word.polygon]
    return min(values), max(values)
