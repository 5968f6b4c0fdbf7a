"""Strings to draw: words of real text, fields of forms and receipts, and random characters."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

LONGEST = 150  # UTF-8 bytes of a line

_LETTERS = (
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
    (
        "ÄÖÜäöüßÀÁÂÃÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕØÙÚÛÝÞàáâãåæçèéêëìíîïðñòóôõøùúûýþÿ"
        "ĀāĂăĄąĆćČčĎďĐđĒēĖėĘęĚěĞğĢģĪīİıĶķĹĺĻļĽľŁłŃńŅņŇňŌōŐőŒœŔŕŘřŚśŞşŠšŢţŤťŪūŮůŰűŲųŹźŻżŽžȘșȚț"
    ),
    "€£§°©®±µ·×÷«»‹›„“”‚‘’–—…•†‡‰™№¡¿²³½¼¾ªº¢¥¶",
)
_LETTER_SHARES = (0.48, 0.20, 0.22, 0.10)
# Random letters of one script at a time: mixed ones that look alike could not be told apart.
_SCRIPTS = (
    "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩαβγδεζηθικλμνξοπρσςτυφχψωΆΈΉΊΌΎΏάέήίόύώϊϋΐΰ0123456789",
    "АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдеёжзийклмнопрстуфхцчшщъыьэюяҐґЄєІіЇї0123456789",
    (
        "àáãảạăằắẵẳặâầấẫẩậèéẽẻẹêềếễểệìíĩỉịòóõỏọôồốỗổộơờớỡởợùúũủụưừứữửựỳýỹỷỵđ"
        "ÀÁÃẢẠĂẰẮẴẲẶÂẦẤẪẨẬÈÉẼẺẸÊỀẾỄỂỆÌÍĨỈỊÒÓÕỎỌÔỒỐỖỔỘƠỜỚỠỞỢÙÚŨỦỤƯỪỨỮỬỰỲÝỸỶỴĐ0123456789"
    ),
)
_PLAIN_GREEK = str.maketrans("άέήίόύώΐΰΆΈΉΊΌΎΏ", "αεηιουωϊϋΑΕΗΙΟΥΩ")
_CURRENCIES = ("€ ", "EUR ", "$", "£", "CHF ", "USD ", "R$ ", "zł ", "kr ", "RM ")
_UNITS = (" €", " EUR", " CHF", "%", " %", " kg", " Stk.", " km", " mm", " pcs", " h", " °C", " m²")
_LABELS = (
    "Total", "Summe", "Montant", "Importe", "Totale", "TOTAL", "Subtotal", "MwSt.", "TVA", "IVA",
    "GST", "Tax", "Rounding", "CASH", "CHANGE", "Qty", "Betrag", "Rechnung", "Invoice", "Date",
    "Datum", "Kundennummer", "Réf.", "Σύνολο", "Итого", "Razem", "Celkem", "Yhteensä",
)  # fmt: skip
_DOMAINS = ("com", "de", "org", "fr", "it", "es", "eu", "net", "co.uk", "pl")
# Languages with more readers are drawn more often; the rest share equally.
_WEIGHTS = {"en": 4.0, "de": 3.0, "fr": 2.5, "es": 2.5, "it": 2.0, "pt-br": 2.0, "nl": 1.0,
            "pl": 1.0, "ru": 0.9, "el": 0.7, "uk": 0.5, "sr": 0.3}  # fmt: skip


class Corpus:
    """Draws strings. Its paragraphs and words come from ``text/`` and ``words/`` of the assets."""

    def __init__(
        self,
        paragraphs: Mapping[str, Sequence[str]],
        vocabulary: Mapping[str, Sequence[str]] | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        """Take texts by language code; at least one language with one paragraph.

        Args:
            paragraphs: of real text.
            vocabulary: single words, drawn in no order.
            weights: how often a language is drawn, where it differs; English has 4.
        """
        shares = {**_WEIGHTS, **(weights or {})}
        self._paragraphs = {name: found for name, found in paragraphs.items() if found}
        self._vocabulary = {name: found for name, found in (vocabulary or {}).items() if found}
        self._cumulative = {
            id(texts): np.cumsum([shares.get(name, 0.5) for name in sorted(texts)])
            for texts in (self._paragraphs, self._vocabulary)
        }
        # Random letters of a script come as often as its languages do.
        groups = (
            (self._paragraphs, 1.0),
            ({"el": 0}, 0.02),
            ({"ru": 0, "uk": 0}, 0.02),
            ({"vi": 0}, 0.02),
        )
        total = sum(shares.get(name, 0.5) for name in self._paragraphs)
        self._scripts = [
            min(0.4, max(least, sum(shares.get(name, 0.5) for name in names) / total))
            for names, least in groups[1:]
        ]
        self._fields: tuple[tuple[float, Callable[[np.random.Generator], str]], ...] = (
            (3.0, number), (1.0, _price), (1.0, _quantity), (1.0, _date), (1.0, _time),
            (1.0, self._email), (1.0, self._address), (1.0, _phone), (1.0, _iban), (1.5, _code),
            (1.0, self._receipt_row), (1.5, self._labelled), (1.0, self._pair), (0.5, self._call),
            (1.0, self._place), (1.0, _short),
        )  # fmt: skip
        self._field_shares = np.cumsum([share for share, _ in self._fields])

    @classmethod
    def load(cls, assets: Path, split: str, weights: Mapping[str, float] | None = None) -> Corpus:
        """Return the corpus of one split, ``train`` or ``held``."""
        paragraphs, vocabulary = (
            {
                path.stem: path.read_text(encoding="utf-8").splitlines()
                for path in sorted((assets / folder / split).glob("*.txt"))
            }
            for folder in ("text", "words")
        )
        return cls(paragraphs, vocabulary, weights)

    def text(self, rng: np.random.Generator) -> str:
        """Return one line of text, of at most LONGEST bytes, not empty, blanks single."""
        kind = rng.random()
        if kind < 0.18 and self._vocabulary:
            text = self.listed(rng, 1, int(pick(rng, (1, 3, 7, 12))))
        elif kind < 0.5:
            text = self.words(rng, 1, int(pick(rng, (2, 5, 9, 16))))
        elif kind < 0.8:
            text = self.field(rng)
        else:
            text = self.characters(rng)
        case = rng.random()
        if case < 0.25:
            text = capitals_of(text) if rng.random() < 0.7 else text.upper()
        elif case < 0.31:
            text = text.title()
        return shorten(" ".join(text.split())) or "0"

    def words(self, rng: np.random.Generator, least: int, most: int) -> str:
        """Return a run of words of a real paragraph."""
        paragraphs = self._language(self._paragraphs, rng)
        words = paragraphs[int(rng.integers(len(paragraphs)))].split()
        count = int(rng.integers(least, most + 1))
        start = int(rng.integers(max(1, len(words) - count + 1)))
        return " ".join(words[start : start + count]) or "Text"

    def listed(self, rng: np.random.Generator, least: int, most: int) -> str:
        """Return words of one language in no order, some capitalised, codes and numbers between."""
        words = self._language(self._vocabulary, rng)
        found = []
        for _ in range(int(rng.integers(least, most + 1))):
            word = words[int(rng.integers(len(words)))]
            kind = rng.random()
            if kind < 0.2:
                word = word.capitalize()
            elif kind < 0.28:
                word = pick(rng, (_code(rng), number(rng), _date(rng)))
            found.append(word)
        return " ".join(found)

    def _language(
        self, texts: Mapping[str, Sequence[str]], rng: np.random.Generator
    ) -> Sequence[str]:
        cumulative = self._cumulative[id(texts)]
        place = int(np.searchsorted(cumulative, rng.random() * cumulative[-1]))
        return texts[sorted(texts)[min(place, len(texts) - 1)]]

    def characters(self, rng: np.random.Generator) -> str:
        """Return random characters, of one script: what no language model can guess."""
        kind = rng.random()
        for letters, share in zip(_SCRIPTS, self._scripts, strict=True):
            if kind < share:
                return characters(rng, letters)
            kind -= share
        return characters(rng)

    def field(self, rng: np.random.Generator) -> str:
        """Return what stands in a form, a table or a receipt."""
        place = np.searchsorted(self._field_shares, rng.random() * self._field_shares[-1])
        return self._fields[int(place)][1](rng)

    def _word(self, rng: np.random.Generator) -> str:
        """Return a lower-case ASCII word."""
        return re.sub(r"[^A-Za-z]", "", self.words(rng, 1, 2)).lower()[:12] or "mail"

    def _email(self, rng: np.random.Generator) -> str:
        parts = self._word(rng), pick(rng, (".", "_", "-", "")), self._word(rng)
        return f"{''.join(parts)}@{self._word(rng)}.{pick(rng, _DOMAINS)}"

    def _address(self, rng: np.random.Generator) -> str:
        head = pick(rng, ("www.", "http://", "https://", ""))
        word = self._word(rng)
        tail = pick(rng, ("", f"/{word}", f"/{word}/index.html", f"/{word}?id={digits(rng, 4)}"))
        return f"{head}{self._word(rng)}.{pick(rng, _DOMAINS)}{tail}"

    def _receipt_row(self, rng: np.random.Generator) -> str:
        return f"{rng.integers(1, 30)} x {self.words(rng, 1, 3)} {number(rng)}"

    def _labelled(self, rng: np.random.Generator) -> str:
        return f"{pick(rng, _LABELS)}{pick(rng, (':', '', ' :', ' ='))} {number(rng)}"

    def _pair(self, rng: np.random.Generator) -> str:
        return f"{self.words(rng, 1, 2)}: {self.words(rng, 1, 3)}"

    def _call(self, rng: np.random.Generator) -> str:
        a, b = self._word(rng), self._word(rng)
        return pick(rng, (f"{a}_{b}({digits(rng, 2)})", f"--{a}={b}", f"{a}/{b}.txt"))

    def _place(self, rng: np.random.Generator) -> str:
        street, town = self.words(rng, 1, 2).title(), self.words(rng, 1, 1).title()
        return f"{street} {rng.integers(1, 200)}, {digits(rng, 5)} {town}"


def capitals_of(text: str) -> str:
    """Return the text in capitals; Greek ones carry no accents.

    >>> capitals_of("γλώσσα, été")
    'ΓΛΩΣΣΑ, ÉTÉ'
    """
    return text.translate(_PLAIN_GREEK).upper()


def pick(rng: np.random.Generator, options: Sequence[object]) -> str:
    """Return one of the options as a string."""
    return str(options[int(rng.integers(len(options)))])


def digits(rng: np.random.Generator, count: int) -> str:
    """Return random digits."""
    return "".join(map(str, rng.integers(0, 10, count)))


def capitals(rng: np.random.Generator, count: int) -> str:
    """Return random capital letters."""
    return "".join(chr(65 + i) for i in rng.integers(0, 26, count))


def number(rng: np.random.Generator) -> str:
    """Return an amount between 0.4 and 60,000 in one of the common notations."""
    value = float(np.exp(rng.uniform(-1, 11)))
    english = f"{value:,.2f}"
    continental = english.translate(str.maketrans(",.", ".,"))
    options = (f"{value:.2f}", f"{value:.2f}".replace(".", ","), english, continental,
               f"{value:.0f}", f"{value:,.0f}", f"{value:.1f}",
               f"{value:,.0f}".replace(",", " "))  # fmt: skip
    return ("-" if rng.random() < 0.12 else "") + pick(rng, options)


def characters(rng: np.random.Generator, letters: str = "") -> str:
    """Return random characters; ``letters`` takes the place of Latin ones."""
    cumulative = np.cumsum(_LETTER_SHARES)
    plain = rng.random() < 0.4
    found = []
    for _ in range(int(rng.integers(1, 22))):
        group = _LETTERS[0] if plain else _LETTERS[int(np.searchsorted(cumulative, rng.random()))]
        if letters and group[0].isalpha():
            group = letters
        found.append(" " if rng.random() < 0.08 else group[int(rng.integers(len(group)))])
    return "".join(found)


def shorten(text: str) -> str:
    """Return the text, cut to LONGEST bytes at a character.

    >>> len(shorten("ä" * 100).encode())
    150
    """
    return text.encode()[:LONGEST].decode(errors="ignore").strip()


def _price(rng: np.random.Generator) -> str:
    return pick(rng, _CURRENCIES) + number(rng)


def _quantity(rng: np.random.Generator) -> str:
    return number(rng) + pick(rng, _UNITS)


def _date(rng: np.random.Generator) -> str:
    day, month, year = rng.integers(1, 29), rng.integers(1, 13), rng.integers(1960, 2031)
    options = (f"{day:02d}.{month:02d}.{year}", f"{day:02d}/{month:02d}/{year}",
               f"{year}-{month:02d}-{day:02d}", f"{month:02d}/{day:02d}/{year % 100:02d}",
               f"{day}.{month}.{year}", f"{day:02d}-{month:02d}-{year}")  # fmt: skip
    return pick(rng, options)


def _time(rng: np.random.Generator) -> str:
    tail = pick(rng, ("", f":{rng.integers(60):02d}", " Uhr", " AM", " PM", "h"))
    return f"{rng.integers(24):02d}:{rng.integers(60):02d}{tail}"


def _phone(rng: np.random.Generator) -> str:
    head = pick(rng, ("+49 ", "0", "+33 ", "(0)", "+1-", "Tel: ", "TEL: 0", "Fax: "))
    groups = pick(rng, ("3 7", "3-3-4", "2 2 2 2", "4/6", "9"))
    return head + re.sub(r"\d", lambda m: digits(rng, int(m[0])), groups)


def _iban(rng: np.random.Generator) -> str:
    groups = " ".join(digits(rng, 4) for _ in range(4))
    return f"{capitals(rng, 2)}{digits(rng, 2)} {groups} {digits(rng, 2)}"


def _code(rng: np.random.Generator) -> str:
    pattern = pick(rng, ("AA-55", "AAA555555", "#555555", "No. 55555", "A55-AAA-555", "555555-A",
                         "Inv 555555", "555555555555", "(555555-A)", "Nr. 5555/5555"))  # fmt: skip
    # Only runs of A stand for letters: "No." and "Inv" hold none.
    letters = re.sub(r"A", lambda _: capitals(rng, 1), pattern)
    return re.sub(r"5", lambda _: digits(rng, 1), letters)


def _short(rng: np.random.Generator) -> str:
    n = rng.integers(1, 400)
    options = (f"{n % 20 + 1}.", f"{n % 9}.{n % 20}", f"[{n}]", "•", f"§ {n}", f"Fig. {n % 30}",
               f"S. {n}", f"({n})", f"{n % 11}", capitals(rng, 1), f"{capitals(rng, 1)})")  # fmt: skip
    return pick(rng, options)
