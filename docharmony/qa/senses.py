"""What the words of forms mean, whatever the language: ``data/senses.toml`` as a dictionary.

A label such as ``Rechnungsnummer``, ``Invoice No.`` or ``N° de facture`` becomes the set of its senses,
here ``{"invoice", "number"}``; so a question in one language finds its field in another, and a synonym
its like.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from .data import table
from .data import words as words_of
from .words import Token, distance, stem, tokens

_LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt", "pl")
_LINKS = ("", "s", "n", "en", "es", "e", "er", "ns")
_LEAST_PART = 4
_SHORT_TAILS = ("nr", "no", "art", "tag", "dat", "ort")
# Senses that a phrase keeps from its words: a "due date" is a date.
_HEADS = frozenset({"date", "number", "address", "name", "rate", "phone", "email"})

# Senses that stand for each other to some degree; a pair counts both ways.
_NEAR: tuple[tuple[str, str, float], ...] = (
    ("number", "reference", 0.7),
    ("amount", "total", 0.75),
    ("amount", "price", 0.35),
    ("amount", "balance", 0.6),
    ("amount", "salary", 0.4),
    ("total", "gross", 0.6),
    ("total", "balance", 0.5),
    ("subtotal", "net", 0.8),
    ("total", "price", 0.4),
    ("net", "salary", 0.3),
    ("customer", "receiver", 0.7),
    ("vendor", "sender", 0.7),
    ("vendor", "company", 0.6),
    ("sender", "company", 0.4),
    ("sender", "signature", 0.6),
    ("signature", "regards", 1.0),
    ("sender", "regards", 0.5),
    ("sender", "author", 0.7),
    ("customer", "holder", 0.6),
    ("customer", "patient", 0.4),
    ("customer", "tenant", 0.4),
    ("customer", "guest", 0.4),
    ("holder", "name", 0.65),
    ("customer", "name", 0.35),
    ("patient", "name", 0.5),
    ("employee", "name", 0.5),
    ("receiver", "holder", 0.5),
    ("holder", "employee", 0.5),
    ("holder", "patient", 0.5),
    ("contact", "name", 0.4),
    ("name", "first_name", 0.5),
    ("name", "last_name", 0.5),
    ("company", "name", 0.5),
    ("company", "bank", 0.3),
    ("company", "school", 0.3),
    ("company", "insurance", 0.3),
    ("due", "payment", 0.5),
    ("due", "expiry", 0.7),
    ("due", "end", 0.4),
    ("expiry", "end", 0.7),
    ("issue", "start", 0.3),
    ("delivery", "shipping", 0.7),
    ("city", "address", 0.5),
    ("street", "address", 0.7),
    ("city", "state", 0.3),
    ("item", "title", 0.2),
    ("item", "name", 0.3),
    ("subject", "title", 0.7),
    ("subject", "purpose", 0.5),
    ("notes", "purpose", 0.3),
    ("position", "department", 0.3),
    ("account", "iban", 0.7),
    ("phone", "fax", 0.3),
    ("vat_id", "tax", 0.4),
    ("vat_id", "company_id", 0.4),
    ("serial", "number", 0.6),
    ("quantity", "number", 0.4),
    ("quantity", "unit", 0.2),
    ("quantity", "item", 0.3),
    ("withdrawal", "credit", 0.1),
    ("cash", "payment", 0.3),
    ("arrival", "start", 0.5),
    ("departure", "end", 0.3),
    ("course", "title", 0.4),
    ("grade", "status", 0.2),
    ("tax", "rate", 0.3),
    ("period", "due", 0.2),
    ("method", "payment", 0.3),
    ("invoice", "receipt", 0.4),
    ("product_model", "item", 0.4),
    ("notice", "period", 0.4),
    ("time", "date", 0.3),
    ("author", "signature", 0.4),
    ("cashier", "contact", 0.5),
)

# Beside these, "due" and "end" tell a date no more: the amount due, the balance at the end.
_SUMS = frozenset({"amount", "total", "price", "balance", "tax", "salary", "interest"})
# Which sense tells the kind of value, where a label has several: the first of these.
_ORDER = (
    "email", "website", "phone", "fax", "iban", "bic", "postcode", "address", "date", "time",
    "vat_id", "company_id", "serial", "rate", "city", "country", "state", "street", "quantity",
)  # fmt: skip


Meaning = tuple[frozenset[str], ...]
"""Senses that hold together, each as its alternatives: an invoice number means invoice and number."""


_KINDS = ("job", "id", "money", "percent", "number", "name", "org", "party", "text", "place")


@dataclass(frozen=True, slots=True)
class Sense:
    """One meaning: the kind of value of such a field, ``""`` for none, and whether it is a document."""

    name: str
    type: str
    document: bool


class Dictionary:
    """Finds senses in runs of tokens: phrases first, then compounds, then near misses."""

    def __init__(self) -> None:
        self.senses: dict[str, Sense] = {}
        self._phrases: dict[tuple[str, ...], set[str]] = {}
        self._parts: dict[str, set[str]] = {}  # words that compounds are made of
        self._longest = 1
        for name, entry in table("senses").items():
            self.senses[name] = Sense(
                name, entry.get("type", ""), entry.get("kind", "") == "document"
            )
            for language in _LANGUAGES:
                for phrase in entry.get(language, "").split(","):
                    key = tuple(token.text for token in tokens(phrase))
                    if key:
                        self._phrases.setdefault(key, set()).add(name)
                        if len(key) == 1 and language in ("de", "nl"):
                            self._parts.setdefault(key[0], set()).add(name)
                        self._longest = max(self._longest, len(key))
        self._stems: dict[str, set[str]] = {}
        for key, names in self._phrases.items():
            if len(key) == 1 and len(key[0]) >= _LEAST_PART:
                self._stems.setdefault(stem(key[0]), set()).update(names)

    def find(self, words: Sequence[Token]) -> list[tuple[int, int, Meaning]]:
        """Return the known runs ``(start, end, meaning)`` among the tokens, longest first, disjoint."""
        found = []
        at = 0
        while at < len(words):
            for length in range(min(self._longest, len(words) - at), 0, -1):
                key = tuple(word.text for word in words[at : at + length])
                meaning = self._run(key, alone=len(words) == 1)
                if meaning:
                    found.append((at, at + length, meaning))
                    at += length
                    break
            else:
                at += 1
        return found

    def _run(self, key: tuple[str, ...], *, alone: bool) -> Meaning:
        little = words_of("little")
        if len(key) == 1:
            return () if key[0] in little and not alone else self.word(key[0])
        names = self._phrases.get(key)
        if not names:
            return ()
        # A phrase keeps the heads among its words: a "due date" is due, and a date.
        heads = [
            self._phrases[(word,)] & _HEADS
            for word in key
            if word not in little and (word,) in self._phrases
        ]
        return (frozenset(names), *[frozenset(h) for h in heads if h and not h & names])

    @lru_cache(maxsize=1 << 14)  # noqa: B019 - one dictionary lives as long as the process
    def word(self, word: str) -> Meaning:
        """Return the meaning of a folded word: known, inflected, compound or read with a mistake."""
        names = self._phrases.get((word,))
        for ending in () if names else ("s", "n", "en", "es", "e"):
            if word.endswith(ending) and len(word) - len(ending) >= _LEAST_PART:
                names = names or self._phrases.get((word[: -len(ending)],))
        names = names or self._stems.get(stem(word))
        parts = self._compound(word) if len(word) >= 2 * _LEAST_PART - 1 else ()
        if names:
            # A date of birth in one word is a date too.
            head = parts[-1] & _HEADS if len(parts) > 1 and parts[0] & names else frozenset()
            return (frozenset(names), head) if head and not head & names else (frozenset(names),)
        if parts:
            return parts
        plain = word.replace("rn", "m")  # as readers see it
        if len(plain) >= 6 and any(c.isalpha() for c in plain):
            for (known, *more), senses in self._phrases.items():
                long = not more and len(known) >= 6
                if long and (known == plain or distance(known, plain, 1) == 1):
                    return (frozenset(senses),)
        return ()

    def _compound(self, word: str) -> Meaning:
        for cut in range(len(word) - 2, _LEAST_PART - 2, -1):
            head = self._parts.get(word[:cut])
            if not head:
                continue
            for link in _LINKS:
                rest = word[cut:]
                if not rest.startswith(link) or len(rest) - len(link) < 2:
                    continue
                tail = rest[len(link) :]
                if len(tail) < _LEAST_PART and tail not in _SHORT_TAILS:
                    continue
                names = self._parts.get(tail)
                if names:
                    return frozenset(head), frozenset(names)
                more = self._compound(tail) if len(tail) >= 2 * _LEAST_PART else ()
                if more:
                    return (frozenset(head), *more)
        return ()

    def type_of(self, names: Iterable[str]) -> str:
        """Return the kind of value that a field of these senses holds, ``""`` where nothing tells."""
        names = list(names)
        for name in _ORDER:
            if name in names:
                return self.senses[name].type
        if {"weight", "height"} & set(names):
            return ""  # a gross weight is no money, and comes with its unit
        types = {self.senses[name].type for name in names if self.senses[name].type}
        if "name" in names and not types & {"org", "party", "id"}:
            return "name"  # the name of the guest is no number
        if "moment" in types:
            # "Due" and "end" tell a date, but not beside a sum or a name: the amount due.
            types.discard("moment")
            if not types & {"id", "name", "percent"} and not _SUMS & set(names):
                return "date"
        if "phone" in names and "number" in names and types <= {"id", "phone"}:
            return "phone"  # "which number can I call"
        for kind in _KINDS:
            if kind in types:
                # A number or a name says more than whose it is: "customer number", "bank account".
                if kind == "id" and "number" not in names and types & {"money", "name"}:
                    continue
                return kind
        return next(iter(types), "")


@cache
def dictionary() -> Dictionary:
    """Return the one dictionary, read on first use."""
    return Dictionary()


@cache
def _near() -> dict[tuple[str, str], float]:
    table = {}
    for a, b, value in _NEAR:
        table[a, b] = table[b, a] = value
    return table


@lru_cache(maxsize=1 << 15)
def nearness(a: frozenset[str], b: frozenset[str]) -> float:
    """Return how much two sets of senses mean the same, 0.0-1.0: their best pair."""
    if a & b:
        return 1.0
    table = _near()
    return max((table.get((x, y), 0.0) for x in a for y in b), default=0.0)
