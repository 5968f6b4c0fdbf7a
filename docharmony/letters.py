"""Whether the fonts of a text layer tell the truth: what they claim, against what the engine reads.

Each glyph of a document claims to be a letter. Every such claim is shown to the engine once, in a word
or two of the document drawn black on white; a claim that the reader contradicts again and again is a
lie, and the lines in which it stands are read from pixels instead. A document has some hundred claims
however long it is, so this costs a few dozen lines of reading.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from .detect.text import fold
from .geometry import BBox, Point
from .model import Line, Page, Word

if TYPE_CHECKING:
    from .engine.base import Image, Reading
    from .io.base import Claim, Source, Specimen

_ROUNDS = (1, 4)  # words in which a claim is shown, first to all, then to those in doubt
_MASKS = 4  # letters that one picture stands for, where none can be told from the others
_LIES = 2  # contradictions that make a lie
_MANY = 0.3  # share of the claims of other scripts that must lie before any of them is one
_SURE = 0.85  # confidence of a reading that counts against a script which the reader may not know
_WELL = 0.6  # share of a line that must be read as claimed for a single agreement to count
_SAMPLE = 24  # claims of a script that the reader may not know, where no secret is at stake
_PAGES = 64  # whose claims are kept for a second question
_DECODED = 0.8  # confidence of letters put in for lying ones
# Letters and signs that readers take for each other, in every pair the same one.
_ALIKE = str.maketrans({
    "0": "o", "1": "l", "i": "l", "|": "l", "!": "l", "j": "l", "[": "l", "]": "l", "\u20ac": "e",
})  # fmt: skip
# What a round or square mark may be read as.
_MARKS = frozenset("o0aecx")
_NOTHING = ("Cc", "Cf", "Cn", "Co", "Cs")  # categories of characters that no text is made of
_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC", "DIGIT", "FULLWIDTH", "SUPERSCRIPT", "SUBSCRIPT")


@dataclass(slots=True)
class _Tally:
    """How often the reader agreed with a claim, and what it read instead."""

    agree: int = 0
    against: Counter[str] = field(default_factory=Counter)
    alike: Counter[str] = field(default_factory=Counter)  # letters that a round mark may be read as
    settled: bool = False

    @property
    def contradicted(self) -> int:
        return self.against.total()

    @property
    def lies(self) -> bool:
        return self.contradicted >= _LIES and self.contradicted > 2 * self.agree

    @property
    def doubtful(self) -> bool:
        return self.lies or (self.contradicted > 0 and self.contradicted > self.agree)


class Letters:
    """What is known of claims so far, over pages and documents.

    Args:
        read: the engine's reader of line crops.
    """

    def __init__(self, read: Callable[[Sequence[Image]], Sequence[Reading]]) -> None:
        self._read = read
        self._known: dict[Claim, _Tally] = {}
        self._document = ""
        self._pages: dict[tuple[str, int], tuple[frozenset[Claim], bool]] = {}

    def lie(self, source: Source, page: Page) -> bool:
        """Return whether a line of a page is not what its text layer claims."""
        return any(
            after.trusted != before.trusted
            for before, after in zip(
                page.lines, self.mark(source, page, strict=False).lines, strict=True
            )
        )

    def mark(self, source: Source, page: Page, *, strict: bool) -> Page:
        """Return the page with the lines marked whose letters are not what they claim.

        Args:
            source: what the page comes from.
            page: as read; its text layer.
            strict: mark doubtful lines too; for redaction.
        """
        bad, replaced = self._bad(source, page.number, strict)
        if not strict:
            bad = _written(page, bad)
        if not page.lines or not (bad or replaced):
            return page
        hit = _struck(source, page, bad, replaced)
        lines = tuple(
            replace(line, trusted=False) if index in hit else line
            for index, line in enumerate(page.lines)
        )
        return replace(page, lines=lines)

    def decoded(self, source: Source, page: Page) -> tuple[Line, ...]:
        """Return the lines with letters that lie, hidden ones too, as the reader reads their glyphs.

        And those for which marked content gives another text, as their glyphs have it.
        """
        bad, replaced = self._bad(source, page.number, strict=True)
        if not bad and not replaced:
            return ()
        if bad:
            # Where letters claim to be none, a round one passes for a mark: it belongs to their word.
            claims, _ = self._pages[source.info.sha256, page.number]
            passed = {claim: self._known[claim].alike for claim in claims}
            bad = {claim: read.most_common(1)[0][0] for claim, read in passed.items() if read} | bad
        found, _ = source.spelt(page.number, bad)
        return tuple(
            Line(
                f"p{page.number}d{number}",
                tuple(Word(text, box, _DECODED, "ocr") for text, box in words),
                BBox.around(box for _, box in words),
                visible=False,
            )
            for number, words in enumerate(found, 1)
        )

    def misleading(self, source: Source, page: Page) -> Iterator[tuple[Line, bool]]:
        """Yield the lines that say something else than what is seen there.

        With each, whether its letters are all drawn alike, as bars or boxes: nobody can read them, and
        whoever copies them can. Glyphs without ink are none of both: they are not seen at all.
        """
        if not page.lines:
            return
        bad, replaced = self._bad(source, page.number, strict=False)
        claims, _ = self._pages[source.info.sha256, page.number]
        texts: dict[str, set[str]] = {}
        for shape, text in claims:
            if shape and _letters(text):
                texts.setdefault(shape, set()).add(_plain(text))
        masks = {shape for shape, said in texts.items() if len(said) >= _MASKS}
        masked = {claim: "\u25a0" for claim in claims if claim[0] in masks}
        hidden = _struck(source, page, masked, False) if masked else set()
        bad = {
            claim: read
            for claim, read in bad.items()
            if claim[0] and claim not in masked and _says(claim[1])
        }
        bad = _written(page, bad)
        hit = _struck(source, page, bad, replaced, alone=False) if bad or replaced else set()
        for index in sorted(hidden | hit):
            yield page.lines[index], index in hidden

    def _bad(self, source: Source, number: int, strict: bool) -> tuple[dict[Claim, str], bool]:
        """Return the claims of a page that are lies, each with what the reader sees.

        And whether marked content gives glyphs another text.
        """
        key = source.info.sha256, number
        if key[0] != self._document:
            # Of another document only what was read as claimed: no slip of the reader is carried on.
            self._document = key[0]
            self._known = {c: tally for c, tally in self._known.items() if not tally.contradicted}
        if key not in self._pages:
            while len(self._pages) >= _PAGES:
                del self._pages[next(iter(self._pages))]
            self._pages[key] = source.claims(number)
        claims, replaced = self._pages[key]
        if not strict:
            # Of letters that the reader does not know, a few are enough to see that it reads others.
            unknown = sorted(claim for claim in claims if _foreign(claim[1]))
            claims = claims.difference(unknown[_SAMPLE:])
        self._judge(source, number, claims)
        bad: dict[Claim, str] = {}
        for claim in claims:
            tally = self._known[claim]
            if tally.lies or (strict and tally.doubtful):
                seen = tally.against.most_common(1)[0][0]
                bad[claim] = seen
        return bad if strict else self._convincing(bad, claims), replaced

    def _convincing(self, bad: Mapping[Claim, str], claims: Iterable[Claim]) -> dict[Claim, str]:
        """Return those lies that are no slips of the reader.

        It takes marks for letters, and knows some letters of other scripts badly: marks count where
        letters lie too, other scripts where many of their letters do. Letters and digits a to z and 0 to
        9 it reads well: they lie where it reads the same one again and again. A small 5 may look like an
        s: what is read as a letter instead of a digit, or the other way, counts where others lie.
        """

        def sure(claim: Claim) -> bool:
            (read, times), *_ = self._known[claim].against.most_common(1)
            seen = not read or bool(_plain(read).strip())
            return seen and times >= _LIES and 2 * times > self._known[claim].contradicted

        def slip(claim: Claim, read: str) -> bool:
            return _basic(claim[1]) and _basic(read) and claim[1].isdigit() != read.isdigit()

        def known(claim: Claim) -> bool:
            # What it does not know it takes for this and that; what it knows, for the same each time.
            return not _foreign(claim[1]) or sure(claim)

        other = [claim for claim in claims if claim[1].isalpha() and not _basic(claim[1])]
        lying = sum(claim in bad and known(claim) for claim in other)
        many = lying > max(_LIES, _MANY * len(other))
        letters = {
            claim: read
            for claim, read in bad.items()
            if (sure(claim) if _basic(claim[1]) else claim[1].isalpha() and many and known(claim))
        }
        marks = {
            claim: read
            for claim, read in bad.items()
            if not claim[1].isalpha() and not _basic(claim[1])
        }
        lies = any(not slip(claim, read) for claim, read in letters.items())
        return letters | marks if lies else {}

    def _judge(self, source: Source, number: int, claims: Iterable[Claim]) -> None:
        fresh = [claim for claim in claims if claim not in self._known]
        for claim in fresh:
            tally = self._known[claim] = _Tally()
            shape, text = claim
            if not shape:  # nothing is drawn
                tally.settled = True
                if _letters(text):
                    tally.against[""] += _LIES
        waiting = [claim for claim in fresh if not self._known[claim].settled]
        for samples in _ROUNDS:
            if not waiting:
                return
            specimens = source.specimens(number, sorted(waiting), samples)
            readings = self._read([specimen.image for specimen in specimens])
            for specimen, reading in zip(specimens, readings, strict=True):
                self._compare(specimen, reading, set(waiting))
            waiting = [claim for claim in waiting if not self._settled(claim)]
        for claim in waiting:
            self._known[claim].settled = True

    def _settled(self, claim: Claim) -> bool:
        tally = self._known[claim]
        tally.settled = tally.agree > tally.contradicted or (
            not tally.contradicted and not _letters(claim[1])
        )
        return tally.settled

    def _compare(self, specimen: Specimen, reading: Reading, waiting: set[Claim]) -> None:
        """Count for and against each claim of a line by what was read in its place."""
        expected: list[str] = []
        owners: list[int] = []
        for index, (_, text) in enumerate(specimen.claims):
            for letter in _plain(text) or "\ufffd":
                expected.append(letter)
                owners.append(index)
        seen: dict[int, str] = {}
        raw = [
            (c, p) for c in unicodedata.normalize("NFKC", reading.text) for p in _plain(c) or " "
        ]
        for left, right, more in _aligned(expected, [plain for _, plain in raw]):
            # One letter too many is a slip of the reader; more are a glyph that holds a word.
            more = more if sum(raw[index][0].isalnum() for index in more) > 1 else []
            places = sorted([*more, *([] if right is None else [right])])
            if read := "".join(raw[index][0] for index in places):
                seen[owners[left]] = seen.get(owners[left], "") + read
        verdicts = {
            index: _agrees(specimen.claims[index][1], letters) for index, letters in seen.items()
        }
        letters = [i for i, (shape, text) in enumerate(specimen.claims) if shape and _letters(text)]
        well = sum(verdicts.get(index, False) for index in letters) >= _WELL * len(letters)
        for index, agrees in verdicts.items():
            claim = specimen.claims[index]
            if claim not in waiting:
                continue
            tally, read = self._known[claim], seen[index].strip()
            if agrees:
                tally.agree += 1 if well else 0
                if _letters(read) and not _letters(claim[1]):
                    tally.alike[read] += 1
            elif read and (_letters(read) or _letters(claim[1])):
                if _foreign(claim[1]) and reading.confidence < _SURE:
                    continue
                tally.against[read] += 1


def _written(page: Page, bad: dict[Claim, str]) -> dict[Claim, str]:
    """Return the lies without letters of other scripts that stand alone: signs of formulas.

    Readers take each for another letter, and the same one every time; of words they read the most.
    """
    alone = {claim[1] for claim in bad if claim[1].isalpha() and not _basic(claim[1])}
    if not alone:
        return bad
    words: set[str] = set()
    for line in page.lines:
        for one, two in pairwise(line.text):
            if one.isalpha() and two.isalpha() and not (_basic(one) or _basic(two)):
                words.update((one, two))
    return {claim: read for claim, read in bad.items() if claim[1] not in alone - words}


def _misquoted(
    lines: Sequence[Line], boxes: Sequence[BBox], words: Sequence[tuple[str, BBox]]
) -> set[int]:
    """Return the indices of lines that do not say what the letters of their glyphs spell.

    Marked content may say what a glyph without a letter means; it may not put another word in place.
    """
    wrong: set[int] = set()
    said = ["".join(c for c in _plain(line.text) if c.isalnum()) for line in lines]
    for text, box in words:
        spelt = "".join(c for c in _plain(text) if c.isalnum())
        middle = box.center
        over = [
            index
            for index, place in enumerate(boxes)
            if place.x0 <= middle.x <= place.x1 and place.y0 <= middle.y <= place.y1
        ]
        if spelt and over and not any(spelt in said[index] for index in over):
            wrong.update(over)
    return wrong


def _struck(
    source: Source, page: Page, bad: Mapping[Claim, str], replaced: bool, *, alone: bool = True
) -> set[int]:
    """Return the indices of lines in which claims stand, or that marked content misquotes.

    Args:
        source: what the page comes from.
        page: as read.
        bad: the claims.
        replaced: whether marked content says that glyphs mean something else.
        alone: whether those count that stand alone: a letter of a formula in a face of its own.
    """
    spelt, spots = source.spelt(page.number, bad)
    if not alone:
        words = [word for line in page.lines for word in line.words]
        spots = [spot for spot in spots if not _alone(spot, words)]
    boxes = [line.bbox.grow(0.2 * min(line.bbox.width, line.bbox.height)) for line in page.lines]
    hit = {
        index
        for spot in spots
        for index, box in enumerate(boxes)
        if box.x0 <= spot.x <= box.x1 and box.y0 <= spot.y <= box.y1
    }
    if replaced:
        hit |= _misquoted(page.lines, boxes, [word for words in spelt for word in words])
    return hit


def _says(text: str) -> bool:
    """Return whether a claim says anything: not one of a font without a map for a ligature."""
    return any(c != "\ufffd" and unicodedata.category(c) not in _NOTHING for c in text)


def _alone(spot: Point, words: Iterable[Word]) -> bool:
    """Return whether the letter or sign in a place is the only one of its kind there."""
    for word in words:
        x0, y0, x1, y1 = word.bbox
        if word.quad is None and x0 <= spot.x <= x1 and y0 <= spot.y <= y1 and x1 > x0:
            text = word.text
            at = min(len(text) - 1, int((spot.x - x0) / (x1 - x0) * len(text)))
            near = text[max(0, at - 1) : at + 2]
            # Letters are of different widths: the one that is meant may be the next.
            runs = re.findall(r"[^\W_]+" if any(map(str.isalnum, near)) else r"\S+", text)
            return all(len(run) == 1 for run in runs if set(run) & set(near))
    return False


def _letters(text: str) -> bool:
    return any(char.isalnum() for char in text)


def _basic(text: str) -> bool:
    """Return whether a text is letters and digits that every reader knows."""
    return text.isascii() and text.isalnum()


def _plain(text: str) -> str:
    """Return the text folded, with letters that readers take for each other made one."""
    text = unicodedata.normalize("NFKC", text)
    return fold(text).translate(_ALIKE) if text.strip() else " " if text else ""


def _agrees(text: str, read: str) -> bool:
    plain, seen = _plain(text), _plain(read)
    if plain == seen:
        return True
    if _letters(text):
        # Of a ligature or an accented letter the reader may miss a part.
        return bool(seen) and len(plain) > 1 and (seen in plain or plain in seen)
    if not text.strip() or (
        unicodedata.category(text[0]) in ("Cc", "Cf", "Cn") and text != "\u00ad"
    ):
        return not _letters(read)
    return not _letters(read) or (len(seen) == 1 and seen in _MARKS)


def _foreign(text: str) -> bool:
    """Return whether a text is of a script that the reader may not know."""
    return any(
        char.isalnum() and not unicodedata.name(char, "").startswith(_SCRIPTS) for char in text
    )


def _aligned(
    expected: Sequence[str], read: Sequence[str]
) -> list[tuple[int, int | None, list[int]]]:
    """Return for each expected letter the index of what was read in its place, None for nothing.

    And the indices of what was read besides, behind it (before it, for the first one). Letters left
    out or put in cost more than wrong ones: text of a font that lies throughout has the right length.
    """
    gap = 2.0

    def cost(left: str, right: str) -> float:
        if left == right:
            return 0.0
        return 2.0 if (left == " ") != (right == " ") else 1.0

    def skip(char: str) -> float:
        return 0.6 if char == " " else gap

    rows, columns = len(expected), len(read)
    table = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for j in range(1, columns + 1):
        table[0][j] = table[0][j - 1] + skip(read[j - 1])
    for i in range(1, rows + 1):
        left, above, here = expected[i - 1], table[i - 1], table[i]
        here[0] = above[0] + skip(left)
        for j in range(1, columns + 1):
            right = read[j - 1]
            here[j] = min(
                above[j - 1] + cost(left, right), above[j] + skip(left), here[j - 1] + skip(right)
            )
    pairs: list[tuple[int, int | None, list[int]]] = []
    more: list[int] = []
    i, j = rows, columns
    while i > 0:
        best = table[i][j]
        if j > 0 and best == table[i - 1][j - 1] + cost(expected[i - 1], read[j - 1]):
            pairs.append((i - 1, j - 1, more[::-1]))
            i, j, more = i - 1, j - 1, []
        elif best == table[i - 1][j] + skip(expected[i - 1]):
            pairs.append((i - 1, None, more[::-1]))
            i, more = i - 1, []
        else:
            more.append(j - 1)
            j -= 1
    if pairs and j > 0:
        pairs[-1] = (*pairs[-1][:2], [*range(j), *pairs[-1][2]])
    pairs.reverse()
    return pairs
