"""Detectors of numbers with checksums: IBAN, payment cards, US social security numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from .base import Match

# Letters that readers of scans put for digits.
_DIGITS_FOR = str.maketrans("OoQDIl|iSsBZz", "0000111155822")
_TEXT_NAME = "bank account (IBAN)"

_IBAN = re.compile(
    r"(?<![^\W_])(?:[A-Z]{2}|[a-z]{2})[ \n-]?[\dOIlS]{2}(?:[ \n.-]{0,2}[^\W_]){10,31}", re.ASCII
)
_IBAN_WORD = re.compile(r"\bIBAN\b", re.IGNORECASE)


class Iban:
    """International bank account numbers: country, length and checksum right, or after "IBAN".

    A number of the right country and length whose checksum fails, as a misread digit makes it, counts
    with lower confidence where the word IBAN stands before it or it is set in groups of four.
    """

    def find(self, texts: Sequence[str]) -> list[list[Match]]:
        """Return the account numbers in each text."""
        return [list(self._in(text)) for text in texts]

    def _in(self, text: str) -> Iterator[Match]:
        from stdnum import iban

        position = 0
        while found := _IBAN.search(text, position):
            position = found.start() + 1
            ends = [m.end() for m in re.finditer(r"[^\W_]", found.group())]
            for count in range(min(len(ends), 34), 14, -1):
                end = found.start() + ends[count - 1]
                # Digits that go on belong to the number; a letter may begin the next word.
                if end < len(text) and text[end].isdigit() and text[end - 1].isdigit():
                    continue
                value = re.sub(r"[\W_]", "", text[found.start() : end]).upper()
                mended = value[:2] + value[2:4].translate(_DIGITS_FOR) + value[4:]
                digits = value[:2] + value[2:].translate(_DIGITS_FOR)
                if iban.is_valid(mended, check_country=False):
                    yield Match(found.start(), end, _TEXT_NAME, 1.0 if mended == value else 0.9)
                elif iban.is_valid(digits, check_country=False):
                    yield Match(found.start(), end, _TEXT_NAME, 0.9)
                elif len(value) == _iban_length(value[:2]) and (
                    _IBAN_WORD.search(text, max(0, found.start() - 40), found.start())
                    or re.match(r"\w{4}(?:\s\w{4}){3}", text[found.start() : end])
                ):
                    yield Match(found.start(), end, _TEXT_NAME, 0.5)
                else:
                    continue
                position = end
                break


def _iban_length(country: str) -> int:
    """Return the number of characters of a country's account numbers, 0 for none."""
    from stdnum import numdb

    for _, info in numdb.get("iban").info(country + "00"):
        if "bban" in info:
            return 4 + sum(int(n) for n in re.findall(r"(\d+)!", info["bban"]))
    return 0


_CARD = re.compile(
    r"(?<![\w.,-])(?:[\dOIlSB]{4}([ .-]{0,2})\n?[\dOIlSB]{4}(?:\1\n?|\n)[\dOIlSB]{4}(?:\1\n?|\n)"
    r"[\dOIlSB]{1,7}"
    r"|\d{4}[ \n-]\d{6}[ \n-]\d{4,5}|\d{13,19})(?![\w-])(?![.,]\d)"
)
_CARD_WORD = re.compile(
    r"\b(?:credit|debit|kredit|visa|master ?card|amex|american express|maestro|discover|diners|"
    r"carte|tarjeta|carta|cart[aã]o|karten?|kaart|card|pan)\b[\w .:#/\n-]{0,40}$",
    re.IGNORECASE,
)
# First digits of the card networks: Visa, Mastercard, Amex, Discover, Diners, JCB, Maestro, UnionPay.
_NETWORKS = re.compile(
    r"4|5[0-5]|5[6-8]|2(?:2[2-9]|[3-6]|7[01]|720)|3[47]|3(?:0[0-5]|[689])|35|6[0-9]|81"
)


class CreditCard:
    """Payment card numbers: a network's first digits and the checksum, or near a word for cards."""

    def find(self, texts: Sequence[str]) -> list[list[Match]]:
        """Return the card numbers in each text."""
        return [list(self._in(text)) for text in texts]

    def _in(self, text: str) -> Iterator[Match]:
        from stdnum import luhn

        for found in _CARD.finditer(text):
            value = re.sub(r"[\W_]", "", found.group())
            digits = value.translate(_DIGITS_FOR)
            if not 13 <= len(digits) <= 19 or not digits.isdigit():
                continue
            if not _NETWORKS.match(digits) or len(set(digits)) == 1:
                continue
            if luhn.is_valid(digits):
                yield Match(*found.span(), "payment card", 1.0 if digits == value else 0.9)
            elif len(digits) in (15, 16) and _CARD_WORD.search(
                text, max(0, found.start() - 60), found.start()
            ):
                yield Match(*found.span(), "payment card", 0.5)


_SSN = re.compile(
    r"(?<![\w-])(?:\d{3}(?:\n|([-\u2013. ])\n?)\d{2}(?:\n|\1\n?)\d{4}|\d{9})(?![\w-])(?![.,]\d)"
)
_SSN_WORD = re.compile(
    r"(?:\bs\.?\s?s\.?\s?n\b|social\s+security|\bITIN\b|\bSS\s?#|taxpayer\s+id)", re.IGNORECASE
)


class Ssn:
    """US social security numbers and ITINs: ``123-45-6789``, or any nine digits after such a word."""

    def find(self, texts: Sequence[str]) -> list[list[Match]]:
        """Return the numbers in each text."""
        return [list(self._in(text)) for text in texts]

    def _in(self, text: str) -> Iterator[Match]:
        from stdnum.us import itin, ssn

        for found in _SSN.finditer(text):
            digits = re.sub(r"\D", "", found.group())
            told = _SSN_WORD.search(text, max(0, found.start() - 50), found.start()) is not None
            valid = ssn.is_valid(digits) or itin.is_valid(digits)
            if told:
                yield Match(*found.span(), "US social security number", 1.0 if valid else 0.8)
            elif valid and found.group(1) == "-":
                yield Match(*found.span(), "US social security number", 0.9)
