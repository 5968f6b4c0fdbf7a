"""Detectors of ways to reach a person or machine: e-mail, telephone, URL, IP address."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence

from .base import Match

# Endings of bare names ("example.com") that are taken for web addresses; with a scheme or "www."
# any ending is. Endings that are also common file endings (py, rs, md, sh, pl) need one of those.
_ENDINGS = (
    "com|org|net|edu|gov|mil|info|biz|eu|io|dev|app|ai|cloud|online|shop|site|store|tech|xyz|"
    "ac|ae|at|au|be|bg|br|ca|ch|cl|cn|co|cz|de|dk|ee|es|fi|fr|gr|hk|hr|hu|ie|il|in|ir|is|it|jp|kr|"
    "li|lt|lu|lv|ma|me|mx|my|nl|no|nz|pe|ph|pk|pt|ro|ru|se|sg|si|sk|th|tr|tv|tw|ua|uk|us|vn|za"
)

_ATOM = r"[^\W_](?:[\w.%+'&/=!?^{}|~#$*-]{0,62}[\w%+'&=!?^{}|~#$*-])?"
_HOST = r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}"
_EMAIL = re.compile(rf"(?<![\w.%+-]){_ATOM}@(?:{_HOST}|\[[\dA-Fa-f.:]{{3,45}}\])")
# As readers of scans see it, and as people write it against robots.
_EMAIL_LOOSE = re.compile(
    rf"(?<![\w.%+-])[\w.%+-]{{1,64}}\s?(?:@\s|\s@|\(at\)|\[at\]|\{{at\}})\s?"
    r"[^\W_][\w-]{0,61}(?:\s?(?:\.|\(dot\)|\[dot\]|\{dot\})\s?[^\W_][\w-]{0,61}){0,4}"
    rf"(?:\.|\s?(?:\(dot\)|\[dot\]|\{{dot\}})\s?)(?:{_ENDINGS})\b",
    re.IGNORECASE,
)
# Broken at a line's end, after a mark.
_LABEL = r"[^\W_][\w-]{0,61}(?:(?<=-)\n[\w-]{1,61})?"
_EMAIL_BROKEN = re.compile(
    rf"(?<![\w.%+-])[\w.%+-]{{1,64}}(?:(?<=[-._+])\n[\w.%+-]{{1,64}})?@\n?{_LABEL}"
    rf"(?:\.\n?{_LABEL}){{0,4}}\.\n?(?:{_ENDINGS})\b"
)


class Email:
    """E-mail addresses: also broken at a line's end, with a space beside the @, or with ``(at)``."""

    def find(self, texts: Sequence[str]) -> list[list[Match]]:
        """Return the addresses in each text."""
        return [list(self._in(text)) for text in texts]

    def _in(self, text: str) -> Iterator[Match]:
        for found in _EMAIL.finditer(text):
            yield Match(*found.span(), "e-mail address")
        for found in _EMAIL_LOOSE.finditer(text):
            yield Match(*found.span(), "e-mail address", 0.8)
        for found in _EMAIL_BROKEN.finditer(text):
            if "\n" in found.group():
                yield Match(*found.span(), "e-mail address", 0.8)


_URL = re.compile(
    r"(?<![\w@.-])(?:(?:https?|ftps?|sftp|wss?|ldaps?|file|ssh|git|smb)://[^\s<>\"]+"
    r"|(?:mailto|tel|sip|data):[^\s<>\"]{3,}"
    r"|www\d?\.[^\s<>\"]+\.[^\s<>\"]+"
    rf"|(?:[^\W_](?:[\w-]{{0,61}}[^\W_])?\.){{1,8}}(?:{_ENDINGS})(?![\w@-])(?!\.\w)"
    r"(?::\d{1,5})?(?:[/?#][^\s<>\"]*)?)",
    re.IGNORECASE,
)


class Url:
    """Web addresses: with a scheme, with ``www.``, or a bare host name with a well-known ending."""

    def find(self, texts: Sequence[str]) -> list[list[Match]]:
        """Return the addresses in each text, without the punctuation of the sentence around them."""
        return [list(self._in(text)) for text in texts]

    def _in(self, text: str) -> Iterator[Match]:
        for found in _URL.finditer(text):
            url = found.group()
            while url and (
                url[-1] in ".,;:!?'*_" or (url[-1] in ")]}" and _unopened(url, url[-1]))
            ):
                url = url[:-1]
            # "e.g", "U.S" and initials are no hosts.
            if "/" in url or ":" in url or max(map(len, url.split(".")[:-1]), default=0) > 1:
                yield Match(found.start(), found.start() + len(url), "URL")


def _unopened(text: str, closing: str) -> bool:
    opening = "([{"[")]}".index(closing)]
    return text.count(closing) > text.count(opening)


_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?:/\d{1,2})?(?:(?=:\d)|(?![\w])(?!\.\d))")
_IPV6 = re.compile(
    r"(?<![\w:.])\[?(?=[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:]{2,39}(?:(?<=:)\d{1,3}(?:\.\d{1,3}){3})?"
    r"(?:%\w{1,16})?(?:/\d{1,3})?(?![\w:])"
)
_VERSION = re.compile(
    r"(?:\b(?:version|release|firmware|build|section|chapter|clause|§)\s{0,2}|\bv\.?\s?)$",
    re.IGNORECASE,
)


class Ip:
    """IP addresses of both versions, networks too; not version or section numbers."""

    def find(self, texts: Sequence[str]) -> list[list[Match]]:
        """Return the addresses in each text."""
        return [list(self._in(text)) for text in texts]

    def _in(self, text: str) -> Iterator[Match]:
        for found in _IPV4.finditer(text):
            if _is_ip(found.group()) and not _VERSION.search(
                text, max(0, found.start() - 20), found.start()
            ):
                yield Match(*found.span(), "IP address")
        for found in _IPV6.finditer(text):
            value = found.group()
            start = found.start() + value.startswith("[")
            if any(map(str.isdigit, value)) and _is_ip(value.lstrip("[")):
                yield Match(start, found.end(), "IP address")


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return False
    return True


_PHONE_WORD = re.compile(
    r"(?:\b(?:tele)?(?:ph|f)ones?|\btel|\btelefon\w*|\bt[ée]l[ée]phone|\bt[ée]l|\bfone|\bfax|"
    r"\btelefax|\bmobil\w*|\bm[oó]vil|\bmob|\bcell\w*|\bcelular|\bhandy|\bportable|\bportatile|"
    r"\bph|\b[tpmf](?=:)|\brufnummer|\bdurchwahl|\bhotline|\bcall|\bwhatsapp|\bsms|\btlf|\bpuh|\bгсм|\bтел\w*|"
    r"电话|手机|電話|携帯|전화|[☎☏✆📞📱🕿])"
    r"[\s.:/()#-]{0,6}(?:(?:no|nr|num\w*|number|n[°º])?[\s.:#-]{0,4})(?:\(?\w{1,10}\)?[:.]\s{0,2})?$",
    re.IGNORECASE,
)
_DIGITS = re.compile(
    r"(?<![\w.,/:+-])(?:\+|00[\s.-]?)?\(?\d(?:[\s.\-/()\u2013]{0,3}\d){5,16}"
    r"(?:\s?(?:ext|x|extension|durchwahl|app)\.?\s?\d{1,5})?(?![\w])(?![.,:/-]\d)",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"\(?(?:\d{1,2}([./-])\s?\d{1,2}\1\s?(?:\d{4}|\d{2})|(?:19|20)\d{2}([./-])\d{1,2}\2\d{1,2})"
    r"(?:[\s-]+\d{1,2})?\)?"
)
# Where to look a national number up, in rough order of how often documents come from there.
_REGIONS = (
    "US", "GB", "DE", "FR", "ES", "IT", "NL", "BE", "CH", "AT", "PT", "BR", "PL", "SE", "DK", "NO",
    "FI", "IE", "CZ", "HU", "RO", "GR", "AU", "NZ", "IN", "ZA", "MX", "JP", "CN", "KR", "RU", "TR",
)  # fmt: skip


class Phone:
    """Telephone numbers: international ones, national ones of 32 countries, and what follows "Tel."."""

    def find(self, texts: Sequence[str]) -> list[list[Match]]:
        """Return the numbers in each text."""
        return [list(self._in(text)) for text in texts]

    def _in(self, text: str) -> Iterator[Match]:
        for found in _DIGITS.finditer(text):
            start, end = found.span()
            value = found.group()
            if value.count("(") != value.count(")"):
                if value.startswith("(") and ")" not in value:
                    start, value = start + 1, value[1:]
                elif value.endswith(")"):
                    end, value = end - 1, value[:-1]
                else:
                    continue
            digits = sum(map(str.isdigit, value))
            # E.164 allows 15 digits; an extension may follow.
            if digits < 6 or digits > 20 or "\n\n" in value or _DATE.fullmatch(value):
                continue
            if _PHONE_WORD.search(text, max(0, start - 40), start):
                yield Match(start, end, "telephone number", 0.95)
            elif value[0] == "+" or (value.startswith("00") and _valid("+" + value[2:], "ZZ")):
                confidence = 1.0 if value[0] != "+" or _valid(value, "ZZ") else 0.8
                yield Match(start, end, "telephone number", confidence)
            elif _grouped(value) and any(_valid(value, region) for region in _REGIONS):
                yield Match(start, end, "telephone number", 0.7)


def _grouped(value: str) -> bool:
    """Whether a number is written like a telephone number: a trunk 0 or (area), or three groups."""
    groups = re.findall(r"\d+", value)
    if len(groups) < 2 or max(map(len, groups)) > 9 or not 7 <= sum(map(len, groups)) <= 15:
        return False
    if value[0] in "(0":
        return True
    # "12 345 678" and "1.234.567" count things.
    thousands = len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])
    return len(groups) >= 3 and not thousands and len(re.findall(r"\d", value)) >= 9


def _valid(value: str, region: str) -> bool:
    import phonenumbers

    try:
        number = phonenumbers.parse(value, None if region == "ZZ" else region)
    except phonenumbers.NumberParseException:
        return False
    if region == "ZZ":
        return phonenumbers.is_possible_number(number)
    if not phonenumbers.is_valid_number_for_region(number, region):
        return False
    # National numbers must also be set as that country sets them, or digits alone mean little.
    style = phonenumbers.PhoneNumberFormat.NATIONAL
    usual = re.findall(r"\d+", phonenumbers.format_number(number, style))
    written = re.findall(r"\d+", value)
    return "".join(written).endswith("".join(usual)) and _same_cuts(usual, written)


def _same_cuts(usual: Sequence[str], written: Sequence[str]) -> bool:
    """Whether every group of the longer list lies inside one of the shorter, counted from the end."""

    def cuts(groups: Sequence[str]) -> set[int]:
        position, found = 0, set()
        for group in reversed(groups):
            position += len(group)
            found.add(position)
        return found

    first, second = cuts(usual), cuts(written)
    return bool(first <= second or second <= first)
