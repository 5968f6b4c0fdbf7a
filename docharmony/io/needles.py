"""Needles: the texts that must be gone, and how they are looked for in texts and in bytes.

Spelling is folded (compatibility forms, case, accents, ligatures, all kinds of white space, hyphens and
invisible characters), so that a text broken over lines, spaced out or written full-width is still found.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

# Bytes of fonts and pixels are full of short coincidences: only needles this long are looked for there.
LONG = 6
# Folded away wherever they stand: hyphens, dashes, apostrophes that break words, soft hyphens, joiners.
_DROPPED = frozenset("-\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe63\uff0d")
# Letters of other scripts that look like a Latin one, small or capital: a text in them reads the same.
LOOK_ALIKE = dict(
    zip("авеикмнорстухіјѕԁһԛԝɡαβεζηικμνορτυχ", "abeukmhopctyxijsdhqwgabezhikmvoptyx", strict=True)
)
_BREAKS = re.compile(r"[\s\u2010-\u2015\u2212\ufe63\uff0d-]+")
_HYPHENATED = re.compile(r"[\u00ad\u2010-]\s*\n")
_ESCAPED = re.compile(rb"\\u([0-9A-Fa-f]{4})|(?:\\x|%)([0-9A-Fa-f]{2})")
_TAG = re.compile(r"<[^>]*>")
# Letters that a hit needs to be one although it falls into pieces.
_LEAST_BROKEN = 4
# Scripts written without spaces between words: no border of a word to look for.
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "HANGUL")


class _Folding(dict[int, str]):
    """Code point -> what it folds to, worked out on first use, for ``str.translate``."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", char).casefold())
        folded = "".join(
            LOOK_ALIKE.get(c, c)
            for c in parts
            if not c.isspace()
            and c not in _DROPPED
            and unicodedata.category(c) not in ("Cf", "Cc", "Mn")
        )
        self[code] = folded
        return folded


_FOLDING = _Folding()


def fold(text: str) -> str:
    """Return the text folded.

    >>> fold("E\ufb03-\u00ad cient  \uff21\u00e9")
    'efficientae'
    """
    return text.translate(_FOLDING)


def _places(text: str) -> list[int]:
    """Return for each character of the folded text its place in the text."""
    return [place for place, char in enumerate(text) for _ in _FOLDING[ord(char)]]


@lru_cache(maxsize=8192)
def _spaced_word(char: str) -> bool:
    """Return whether a character is part of a word in a script that has spaces between words."""
    return char.isalnum() and not unicodedata.name(char, "").startswith(_UNSPACED)


class Needles:
    """A set of texts to look for.

    Args:
        terms: found inside longer words too, unless ``whole_words``.
        originals: what stood under edits; found as whole words only, as it may be a common syllable.
        whole_words: find terms as whole words only: "Ann" not in "Annual", but in "A n n".

    Texts that fold to nothing or to a single letter are left out.
    """

    def __init__(
        self,
        terms: Iterable[str] = (),
        originals: Iterable[str] = (),
        *,
        whole_words: bool = False,
    ) -> None:
        # Folded needle -> whether it must be a whole word.
        self.folded = dict.fromkeys(_useful(originals), True)
        self.folded.update(dict.fromkeys(_useful(terms), whole_words))

    def __bool__(self) -> bool:
        return bool(self.folded)

    def of_length(self, least: int) -> Needles:
        """Return those of at least so many letters, folded."""
        result = Needles()
        result.folded = {text: whole for text, whole in self.folded.items() if len(text) >= least}
        return result

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield (start, end) of every hit in the text."""
        return self._find(text, self.folded)

    def hit(self, text: str) -> bool:
        """Return whether any needle is in the text."""
        return next(self.find(text), None) is not None

    def hit_bytes(self, data: bytes, *, binary: bool = False) -> bool:
        """Return whether any needle is in the bytes, in any encoding that files use.

        Short needles count as whole words only: bytes are full of short coincidences.

        Args:
            data: decoded stream or string.
            binary: the bytes are pixels or a font program: look for long needles only.
        """
        needles = self._in_bytes(binary)
        if not needles or not data:
            return False
        return any(
            next(self._find(text, needles), None) is not None for text in _readings(data, binary)
        )

    def _in_bytes(self, binary: bool) -> dict[str, bool]:
        return {
            # Between pixels or glyph names, anything can stand next to a word.
            text: not binary and (whole or len(text) < LONG)
            for text, whole in self.folded.items()
            if len(text) >= LONG or not binary
        }

    def find_in_bytes(self, data: bytes, *, binary: bool) -> Iterator[list[int]]:
        """Yield the places of the letters of each hit in runs of Latin-1 or UTF-16 letters."""
        needles = self._in_bytes(binary)
        for run in _RUNS.finditer(data):
            wide = run.group()[:1] == b"\x00"
            text = run.group()[1::2] if wide else run.group()
            for start, end in self._find(text.decode("latin-1"), needles):
                step, first = (2, run.start() + 1) if wide else (1, run.start())
                yield [first + step * index for index in range(start, end)]

    @staticmethod
    def _find(text: str, needles: Mapping[str, bool]) -> Iterator[tuple[int, int]]:
        if not needles:
            return
        folded = fold(text)
        places: list[int] = []
        for needle, whole in needles.items():
            at = folded.find(needle)
            while at >= 0:
                places = places or _places(text)
                start, end = places[at], places[at + len(needle) - 1] + 1
                if (not whole or _whole(text, start, end)) and _in_one_piece(text, start, end):
                    yield start, end
                at = folded.find(needle, at + 1)


def is_piece(text: str, terms: Iterable[str]) -> bool:
    """Return whether a text is only a part of a term, as lines end in the middle of words.

    >>> is_piece("begin-", ["beginning", "end"]), is_piece("Beginning", ["beginning"])
    (True, False)
    """
    folded, whole = fold(text), {fold(term) for term in terms}
    return folded not in whole and any(folded in term for term in whole)


def _useful(texts: Iterable[str]) -> set[str]:
    return {f for text in texts if len(f := fold(text)) > 1 or f.isdigit()}


def _whole(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start], text[end : end + 1]
    if before and _spaced_word(before) and _spaced_word(text[start]):
        return False
    return not (after and _spaced_word(after) and _spaced_word(text[end - 1]))


def _in_one_piece(text: str, start: int, end: int) -> bool:
    """Return whether a hit is one even though something stands between its letters.

    "Eva" is not in "the value", "Ann" not in "an n": over white space and dashes a hit must be whole
    words, and a short one must be letter-spaced or broken by a hyphen at a line end.
    """
    pieces = _BREAKS.split(text[start:end])
    if len(pieces) == 1:
        return True
    if _HYPHENATED.search(text, start, end):
        return True
    letters = sum(map(len, pieces))
    spaced = len(pieces) > 2 and all(len(piece) == 1 for piece in pieces)
    return _whole(text, start, end) and (spaced or letters >= _LEAST_BROKEN)


_RUNS = re.compile(rb"(?:\x00[\x20-\x7e]){2,}|[\t\r\n\x20-\x7e\xa0-\xff]{2,}")
_PLAIN = bytes(range(0x20, 0x7F)) + b"\x00"


def _unescaped(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return chr(int(match[1], 16)).encode("utf-8", "replace")
    return bytes((int(match[2], 16),))


def _readings(data: bytes, binary: bool) -> Iterator[str]:
    """Yield the bytes read as text in each encoding that could hold words."""
    if binary:
        # Only runs of printable bytes: folding megabytes of pixels would cost minutes.
        for run in re.finditer(rb"(?:[\x20-\x7e\xa0-\xff]\x00?){6,}|(?:\x00[\x20-\x7e]){6,}", data):
            found = run.group()
            yield found.replace(b"\x00", b"").decode("latin-1")
            # What ends a text or follows it may look like a letter: a zero, a checksum.
            yield re.sub(rb"[\x00\x80-\xff]", b" ", found).decode("ascii")
        return
    yield data.decode("latin-1")
    if _ESCAPED.search(data):
        # Scripts and addresses spell letters as numbers.
        yield _ESCAPED.sub(_unescaped, data).decode("utf-8", "replace")
    if b"</" in data or b"&#" in data:
        # Mark-up between letters, and letters as numbers.
        text = data.replace(b"\x00", b"").decode("utf-8", "replace")
        yield html.unescape(_TAG.sub("", text))
    if any(byte >= 0x80 for byte in data[:65536]):
        yield data.decode("utf-8", "ignore")
    if b"\x00" in data or data[:2] in (b"\xfe\xff", b"\xff\xfe"):
        for codec in ("utf-16-be", "utf-16-le"):
            for shift in (0, 1):
                yield data[shift:].decode(codec, "ignore")
    for run in re.finditer(rb"(?:[0-9A-Fa-f]{2}\s*){4,}[0-9A-Fa-f]?", data):
        digits = b"".join(run.group().split())
        # In a damaged file a digit may be missing or have come in.
        for shift in (0, 1):
            part = digits[shift:]
            raw = bytes.fromhex(part[: len(part) // 2 * 2].decode("ascii"))
            if shift and len(raw.translate(None, _PLAIN)) > len(raw) // 4:
                continue
            yield raw.decode("latin-1")
            if b"\x00" in raw:
                yield raw.decode("utf-16-be", "ignore")
                yield raw[1:].decode("utf-16-be", "ignore")
