"""Detectors of numbers that the word before them makes private: passports, licences, accounts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from .base import Match

_REACH = 60  # characters between the word and the number
_NO = r"\s*(?:(?:id|no|nr|num\w*|n[°º]|identifier|code|ref\w*)\b\.?|#|:)"  # what makes it a number's name
_MORE = re.compile(r"(?:[\s,;/&+]|\b(?:and|or|und|oder|et|ou|y|e|en|i)\b)*", re.IGNORECASE)
# Capitals and digits in one piece, four digits at least.
_CODE = r"(?=(?:[A-Z-]*\d){4})[A-Z\d](?:-?[A-Z\d]){4,19}"
_A_DATE = r"(?!(?:\d{4}[ -]\d\d[ -]\d\d|\d\d[ -]\d\d[ -]\d{4})(?!\d))"


@dataclass(frozen=True)
class Told:
    """One kind of number.

    Attributes:
        label: what it is, for people.
        shape: how it is written.
        words: words that announce it, in any case.
    """

    label: str
    shape: str
    words: str

    @cached_property
    def _value(self) -> re.Pattern[str]:
        return re.compile(rf"(?<![\w.,/-]){_A_DATE}(?:{self.shape})(?![\w/-])(?![.,]\d)")

    @cached_property
    def _word(self) -> re.Pattern[str]:
        return re.compile(rf"(?<![^\W_])(?:{self.words})", re.IGNORECASE)

    def find(self, texts: Sequence[str]) -> list[list[Match]]:
        """Return the numbers in each text: the first ones after a word, with no other between."""
        return [list(self._in(text)) for text in texts]

    def _in(self, text: str) -> Iterator[Match]:
        last = 0  # end of the last number found
        for found in self._value.finditer(text):
            start, end = found.span()
            words = list(self._word.finditer(text, max(last, start - _REACH), start))
            told = bool(words) and not re.search(r"\d", text[words[-1].end() : start])
            if told or (last and _MORE.fullmatch(text, last, start)):
                last = end
                yield Match(start, end, self.label, 0.8)


PASSPORT = Told(
    "passport or identity card",
    rf"{_CODE}|\d{{2,4}} \d{{6,7}}",
    rf"passport{_NO}|passport|(?:reise)?pass-?n\w+|(?:personal)?ausweis\w*|passeport|pasaporte|"
    r"passaporto|passaporte|paspoort\w*|paszport\w*|паспорт\w*|"
    rf"(?:identity|id)\s+(?:card|document){_NO}|carte\s+d.identit[ée]|carta\s+d.identit[àa]|"
    r"documento\s+(?:de\s+identidad|d.identit[àa])|dow[óo]d\w*\s+osobist\w+",
)
DRIVING_LICENCE = Told(
    "driving licence",
    rf"{_CODE}|[A-Z]?\d{{2,4}}(?:[ -]\d{{2,6}}){{1,4}}|[A-Z9]{{5}} ?\d{{6}} ?[A-Z\d]{{5}}",
    rf"driv(?:er|ing|er.?s)\s+(?:licen[cs]e|permit){_NO}|driv(?:er|ing|er.?s)\s+licen[cs]e|dl{_NO}|"
    r"f[üu]hrerschein\w*|permis\s+de\s+conduire|(?:permiso|carn[ée]t?)\s+de\s+conducir|"
    r"patente\s+di\s+guida|rijbewijs\w*|prawo\s+jazdy|carta\s+de\s+condu[çc][ãa]o|cnh",
)
BANK_ACCOUNT = Told(
    "bank account",
    r"\d(?:[ -]?\d){4,19}",
    rf"(?:account|acct\.?|a/c){_NO}|(?:routing|aba|transit){_NO}|sort\s+code|bankleitzahl|blz|"
    r"(?:konto|kto\.?)(?:-?nummer|-?nr\.?)?|(?:n[°ºo]\.?|num[ée]ro)\s+de\s+compte|"
    r"(?:n[.°ºo]*|n[úu]mero)\s+de\s+(?:la\s+)?cuenta|n[úu]mero\s+da\s+conta|conto\s+corrente|"
    r"rekeningn\w+|numer\s+konta",
)
MEDICAL_RECORD = Told(
    "patient or health insurance number",
    rf"{_CODE}|\d(?:[ -]?\d){{4,14}}",
    rf"mrn|medical\s+record{_NO}|medical\s+record|patient{_NO}|patient\s+file{_NO}|"
    rf"(?:member|subscriber|beneficiary|policy|insured){_NO}|health\s+(?:plan|card|insurance){_NO}|"
    r"patienten-?(?:nr|nummer|id)\b\.?|(?:kranken)?versicherten-?(?:nr|nummer)\b\.?|fallnummer|"
    r"num[ée]ro\s+de\s+(?:patient|dossier)|n[úu]mero\s+de\s+(?:historia|afiliaci[óo]n)\w*|"
    r"numero\s+(?:paziente|tessera)|pati[ëe]ntnummer|medicare",
)


@dataclass(frozen=True)
class _Vehicle:
    """Vehicle identification numbers, by their check digit (North America) or after a word."""

    def find(self, texts: Sequence[str]) -> list[list[Match]]:
        """Return the numbers in each text."""
        return [
            list(chain(_TOLD_VIN.find([text])[0], self._alone(text))) for text in texts
        ]  # what both find is one place

    def _alone(self, text: str) -> Iterator[Match]:
        for found in re.finditer(r"(?<![\w-])[A-HJ-NPR-Z\d]{17}(?![\w-])", text):
            value = found.group()
            if not value.isdigit() and _check_digit(value) == value[8]:
                yield Match(*found.span(), "vehicle identification number", 0.9)


_TOLD_VIN = Told(
    "vehicle identification number",
    r"(?=(?:[A-Z]*\d){4})[A-HJ-NPR-Z\d]{17}",
    r"v\.?i\.?n\b|fin\b|fahrgestell\w*|fahrzeug-?ident\w*|chassis\w*|vehicle\s+id\w*|telaio|bastidor",
)
VEHICLE = _Vehicle()

_VALUES = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", map(int, "12345678123457923456789"), strict=True))
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def _check_digit(vin: str) -> str:
    """Return the ninth character that a number of 17 should have (49 CFR 565.15)."""
    total = sum(
        weight * (int(c) if c.isdigit() else _VALUES[c])
        for weight, c in zip(_WEIGHTS, vin, strict=True)
    )
    return "X" if total % 11 == 10 else str(total % 11)
