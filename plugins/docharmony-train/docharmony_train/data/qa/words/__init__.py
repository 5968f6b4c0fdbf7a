"""The vocabulary of one language: labels, questions, names, and how numbers and dates are written."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any

from ..parts import Fact

HELD_OUT = 2  # this place of every list of labels and paraphrases is never used in development


@cache
def load(language: str) -> dict[str, Any]:
    """Return the file of a language as plain data."""
    return tomllib.loads(files(__package__).joinpath(f"{language}.toml").read_text("utf-8"))


class Words:
    """Draws words of one language.

    Args:
        language: two letters.
        rng: what is drawn comes from here.
        held_out: whether forms that development never sees may be drawn.
    """

    def __init__(self, language: str, rng: Random, *, held_out: bool) -> None:
        self.language, self.rng, self.held_out = language, rng, held_out
        self.data = load(language)
        self._money: str = rng.choice(self.data["money"])
        self._date: str = rng.choice(self.data["date"])

    def one(self, name: str) -> str:
        """Return one entry of a plain list."""
        return str(self.rng.choice(self.data[name]))

    def some(self, name: str, count: int) -> list[str]:
        """Return different entries of a plain list."""
        entries = self.data[name]
        return list(self.rng.sample(entries, min(count, len(entries))))

    def form(self, table: str, key: str) -> str:
        """Return one of the forms of a phrase, as the split allows."""
        return self._pick(self.data[table][key])

    def label(self, concept: str) -> str:
        """Return a printed label of a concept."""
        return self._pick(self.data["concept"][concept][1:])

    def noun(self, concept: str) -> str:
        """Return how questions name a concept."""
        return str(self.data["concept"][concept][0])

    def _pick(self, forms: list[str]) -> str:
        if not self.held_out:
            forms = [form for i, form in enumerate(forms) if i != HELD_OUT]
        return self.rng.choice(forms)

    def person(self) -> str:
        """Return a person's name."""
        return f"{self.one('first')} {self.one('last')}"

    def company(self) -> str:
        """Return a company's name."""
        parts = {name: self.one(name) for name in ("last", "trade", "city")}
        return self.one("company").format(**parts)

    def address(self) -> str:
        """Return street and town, sometimes the country, on lines of their own."""
        street = self.one("street").format(last=self.one("last"), n=self.rng.randint(1, 180))
        post = "".join(
            str(self.rng.randint(1, 9))
            if c == "N"
            else self.rng.choice("ABDEHKNPRTW")
            if c == "L"
            else c
            for c in self.data["post"]
        )
        lines = [street, self.one("place").format(post=post, city=self.one("city"))]
        if self.rng.random() < 0.3:
            lines.append(self.data["country"])
        return "\n".join(lines)

    def one_filler(self) -> str:
        """Return a sentence that says nothing."""
        return str(self.rng.choice(self.data["words"]["filler"]))

    def number(self, value: float, decimals: int = 2) -> str:
        """Return a number as the language writes it."""
        text = f"{value:,.{decimals}f}"
        return text.translate({ord(","): self.data["thousands"], ord("."): self.data["decimal"]})

    def money(self, key: str, value: float) -> Fact:
        """Return an amount with its currency."""
        return Fact(key, self._money.format(n=self.number(value)), "money", f"{value:.2f}")

    def date(self, key: str, year: int = 0) -> Fact:
        """Return a date, always in this document's one form."""
        y = year or self.rng.randint(2019, 2025)
        m, d = self.rng.randint(1, 12), self.rng.randint(1, 28)
        text = self._date.format(
            d=d, dd=f"{d:02}", mm=f"{m:02}", y=y, month=self.data["months"][m - 1]
        )
        return Fact(key, text, "date", f"{y}-{m:02}-{d:02}")

    def time(self, key: str) -> Fact:
        """Return a time of day."""
        text = f"{self.rng.randint(7, 19)}:{self.rng.choice((0, 10, 15, 30, 45)):02}"
        return Fact(key, text, "time", text.rjust(5, "0"))

    def code(self, key: str, pattern: str) -> Fact:
        """Return an id: N becomes a digit, L a letter."""
        text = "".join(
            str(self.rng.randint(0, 9))
            if c == "N"
            else self.rng.choice("ABCDEFGHKLMPRSTVX")
            if c == "L"
            else c
            for c in pattern
        )
        return Fact(key, text, "id")

    def iban(self, key: str) -> Fact:
        """Return an account number of a bank that does not exist, with valid check digits."""
        country = {"en": "GB"}.get(self.language, self.language.upper())
        body = "".join(str(self.rng.randint(0, 9)) for _ in range(18))
        digits = "".join(str(int(c, 36)) for c in f"{body}{country}00")
        plain = f"{country}{98 - int(digits) % 97:02}{body}"
        spaced = " ".join(plain[i : i + 4] for i in range(0, len(plain), 4))
        return Fact(key, spaced if self.rng.random() < 0.7 else plain, "id", plain)
