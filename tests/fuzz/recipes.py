"""Recipes: all that a document of the fuzzer is made from, in one line that can be kept and shrunk.

    10270 tiling_pattern+hexadecimal turned blows=2,5

is the secret of seed 10270 in two places of a turned page, in a file that is then struck by the third
and the sixth of the seed's blows. Each place has a random generator of its own, so that a recipe with a
place less makes the others as before.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pikepdf

from .book import Book, word
from .places import INEXACT, NEEDS_TWO_PAGES, PLACES

OPTIONS = ("two pages", "object streams", "linear", "turned", "plain")
MOST_BLOWS = 4


@dataclass(frozen=True)
class Recipe:
    """How a document is made.

    Attributes:
        seed: of all that is random in it.
        places: where the secret stands, see :mod:`.places`.
        options: of :data:`OPTIONS`; ``plain`` streams are not compressed, so that blows hit operators.
        blows: which of the seed's blows damage the file.
    """

    seed: str
    places: tuple[str, ...]
    options: frozenset[str] = frozenset()
    blows: tuple[int, ...] = ()

    def __str__(self) -> str:
        words = [self.seed, "+".join(self.places)]
        words += [option.replace(" ", "_") for option in OPTIONS if option in self.options]
        if self.blows:
            words.append("blows=" + ",".join(map(str, self.blows)))
        return " ".join(words)

    @classmethod
    def parse(cls, line: str) -> Recipe:
        """Return the recipe that a line says."""
        seed, places, *more = line.split()
        options, blows = set(), ()
        for item in more:
            if item.startswith("blows="):
                blows = tuple(int(number) for number in item[6:].split(","))
            else:
                options.add(item.replace("_", " "))
        assert options <= set(OPTIONS), line
        return cls(seed, tuple(places.split("+")), frozenset(options), blows)

    @classmethod
    def random(
        cls, seed: int | str, places: Sequence[str] = (), *, damaged: bool = False
    ) -> Recipe:
        """Return a recipe with the named places, or one to four random ones."""
        rng = random.Random(f"recipe {seed}")
        chosen = tuple(places) or tuple(rng.sample(sorted(PLACES), rng.choice((1, 1, 2, 3, 4))))
        odds = {"two pages": 0.2, "object streams": 0.3, "linear": 0.2, "turned": 0.3, "plain": 0.0}
        if damaged:
            odds |= {"object streams": 0.15, "plain": 0.6}
        options = {option for option, chance in odds.items() if rng.random() < chance}
        blows = tuple(range(rng.randint(1, MOST_BLOWS))) if damaged else ()
        return cls(str(seed), chosen, frozenset(options), blows)

    def smaller(self) -> list[Recipe]:
        """Return what is left of the recipe with one thing less, in each way there is."""
        ways = [
            replace(self, places=self.places[:n] + self.places[n + 1 :])
            for n in range(len(self.places))
            if len(self.places) > 1
        ]
        ways += [
            replace(self, blows=self.blows[:n] + self.blows[n + 1 :])
            for n in range(len(self.blows))
            if len(self.blows) > 1
        ]
        return ways + [replace(self, options=self.options - {option}) for option in self.options]

    def book(self) -> Book:
        """Return the document under construction."""
        rng = random.Random(f"fuzz {self.seed}")
        two = "two pages" in self.options or NEEDS_TWO_PAGES & set(self.places)
        book = Book(word(rng), rng, 2 if two else 1)
        for name in self.places:
            book.rng = random.Random(f"{self.seed} {name}")
            PLACES[name](book)
        book.exact = not (INEXACT & set(self.places) or self.blows)
        if "object streams" in self.options:
            book.save["object_stream_mode"] = pikepdf.ObjectStreamMode.generate
        if "linear" in self.options:
            book.save["linearize"] = True
        if "plain" in self.options:
            book.save["compress_streams"] = False
        if "turned" in self.options and not book.regions:
            _turn(book, random.Random(f"turn {self.seed}"))
        return book

    def file(self, book: Book) -> bytes:
        """Return the file of its book, damaged if the recipe says so."""
        data = book.data()
        for number in self.blows:
            rng = random.Random(f"blow {self.seed} {number}")
            data = rng.choice(BLOWS)(data, rng)
        return data


def _turn(book: Book, rng: random.Random) -> None:
    """Turn, crop or scale pages: positions on them are given in user space."""
    for number in range(book.pages):
        page = book.page(number)
        kind = rng.choice(("/Rotate", "/CropBox", "/UserUnit"))
        if kind == "/Rotate":
            page[kind] = rng.choice((90, 180, 270))
        elif kind == "/UserUnit":
            page[kind] = 2
        else:
            page[kind] = [5, 5, 290, 238]


# --- blows ---------------------------------------------------------------------------------------

Blow = Callable[[bytes, random.Random], bytes]
BLOWS: list[Blow] = []
_SIZES = (1, 2, 8, 64, 400)
_REFERENCE = re.compile(rb"\b(\d+) 0 R\b")
_NUMBER = re.compile(rb"(?<![\w.#])-?\d+(?![\w.])")
_KEY = re.compile(rb"/[A-Z][A-Za-z0-9]+")
_OBJECT = re.compile(rb"\b\d+ 0 obj\b.*?\bendobj\b", re.S)


def _blow(function: Blow) -> Blow:
    BLOWS.append(function)
    return function


def _at(data: bytes, rng: random.Random) -> int:
    return rng.randrange(12, max(13, len(data) - 1))


def _exchange(data: bytes, rng: random.Random, what: re.Pattern[bytes], by: bytes | None) -> bytes:
    """Return the data with one match exchanged for another one, or for ``by``."""
    found = [match.span() for match in what.finditer(data)]
    if not found:
        return data
    (start, end), (first, last) = rng.choice(found), rng.choice(found)
    return data[:start] + (data[first:last] if by is None else by) + data[end:]


@_blow
def flip(data: bytes, rng: random.Random) -> bytes:
    """One bit is another."""
    at = _at(data, rng)
    return data[:at] + bytes((data[at] ^ 1 << rng.randrange(8),)) + data[at + 1 :]


@_blow
def noise(data: bytes, rng: random.Random) -> bytes:
    """A piece is overwritten."""
    at, size = _at(data, rng), rng.choice(_SIZES)
    return data[:at] + rng.randbytes(size) + data[at + size :]


@_blow
def cut(data: bytes, rng: random.Random) -> bytes:
    """A piece is missing."""
    at, size = _at(data, rng), rng.choice(_SIZES)
    return data[:at] + data[at + size :]


@_blow
def repeated(data: bytes, rng: random.Random) -> bytes:
    """A piece stands in the place of another one."""
    at, other, size = _at(data, rng), _at(data, rng), rng.choice(_SIZES)
    return data[:at] + data[other : other + size] + data[at + size :]


@_blow
def truncated(data: bytes, rng: random.Random) -> bytes:
    """The end is missing."""
    return data[: -rng.randrange(1, max(2, min(600, len(data) // 2)))]


@_blow
def redirected(data: bytes, rng: random.Random) -> bytes:
    """A reference leads elsewhere, perhaps in a circle."""
    return _exchange(data, rng, _REFERENCE, None)


@_blow
def miscounted(data: bytes, rng: random.Random) -> bytes:
    """A number is another one."""
    other = rng.choice((None, b"0", b"-1", b"1", b"65536", b"2147483648", b"99999999999"))
    return _exchange(data, rng, _NUMBER, other)


@_blow
def renamed(data: bytes, rng: random.Random) -> bytes:
    """A key or a name is another one."""
    return _exchange(data, rng, _KEY, rng.choice((None, None, b"/Kids", b"/Filter", b"/Subtype")))


@_blow
def spliced(data: bytes, rng: random.Random) -> bytes:
    """An object has the content of another one, or comes twice."""
    found = _OBJECT.findall(data)
    if not found:
        return data
    one, other = rng.choice(found), rng.choice(found)
    head, body = one[: one.index(b"obj") + 3], other[other.index(b"obj") + 3 :]
    at = data.rfind(b"xref")
    if rng.random() < 0.5 or at < 0:
        return data.replace(one, head + body, 1)
    return data[:at] + head + body + b"\n" + data[at:]


@_blow
def misplaced(data: bytes, rng: random.Random) -> bytes:
    """The table of objects is not where the end says, or refers to itself."""
    found = re.search(rb"startxref\s+(\d+)", data)
    if not found:
        return data
    if rng.random() < 0.5:
        return data.replace(b"/Size", b"/Prev " + found[1] + b" /Size")
    return data[: found.start(1)] + str(rng.randrange(len(data))).encode() + data[found.end(1) :]
