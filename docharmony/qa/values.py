"""Typed values in a text: dates, amounts, numbers, ids, addresses of all kinds, with a normal form.

Nothing here knows a field or a layout: :func:`find` marks what looks like a value, :func:`fit` says
how well a text is a value of a kind.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import regex

from ..detect.text import fold
from .data import table, words

_MONTH = {
    name: number
    for number, names in enumerate(table("words")["months"], 1)
    for name in names.split()
}

_CURRENCIES = {
    "€": "EUR", "eur": "EUR", "euro": "EUR", "euros": "EUR", "$": "USD", "us$": "USD", "usd": "USD",
    "dollars": "USD", "dollar": "USD", "pounds": "GBP", "pound": "GBP", "£": "GBP", "gbp": "GBP",
    "chf": "CHF", "sfr": "CHF", "fr.": "CHF", "¥": "JPY",
    "jpy": "JPY", "zł": "PLN", "zl": "PLN", "pln": "PLN", "₹": "INR", "inr": "INR", "rs": "INR",
    "rs.": "INR", "r$": "BRL", "brl": "BRL", "cad": "CAD", "c$": "CAD", "ca$": "CAD", "aud": "AUD",
    "a$": "AUD", "au$": "AUD", "sek": "SEK", "nok": "NOK", "dkk": "DKK", "kr": "SEK", "kr.": "SEK",
    "czk": "CZK", "kč": "CZK", "huf": "HUF", "ft": "HUF", "rm": "MYR", "myr": "MYR", "sgd": "SGD",
    "s$": "SGD", "idr": "IDR", "rp": "IDR", "rp.": "IDR", "cny": "CNY", "hkd": "HKD", "hk$": "HKD",
    "nzd": "NZD", "nz$": "NZD", "mxn": "MXN", "mx$": "MXN", "try": "TRY", "₺": "TRY", "zar": "ZAR",
    "₽": "RUB", "rub": "RUB", "₩": "KRW", "krw": "KRW", "₴": "UAH", "ron": "RON", "lei": "RON",
}  # fmt: skip
_SIGNS = (
    r"(?:(?<![\p{L}])(?:EUR|[Ee]uros?|dollars?|pounds?|US\$|USD|GBP|CHF|SFr|JPY|PLN|INR|Rs\.?|R\$|BRL|CAD|CA?\$|AUD|AU?\$|"
    r"SEK|NOK|DKK|[Kk]r\.?|CZK|Kč|HUF|Ft|RM|MYR|SGD|S\$|IDR|Rp\.?|CNY|HKD|HK\$|NZD|NZ\$|MXN|MX\$|TRY|"
    r"ZAR|RUB|KRW|UAH|RON|lei|zł|PLN)(?![\p{L}])|[€$£¥₹₺₽₩₴])"
)
_NUMBER = r"(?:\d{1,3}(?:[.,'’ \u00a0\u202f]\d{3})+(?:[.,]\d{1,4})?|\d+(?:[.,]\d{1,4})?)"
_END = r"(?![\p{L}\p{N}])"
_START = r"(?<![\p{L}\p{N}])"

_MONEY = regex.compile(
    rf"(?P<a>{_SIGNS})\s?(?P<n1>[-−–]?\s?{_NUMBER}(?:[.,][-–—]{{1,2}})?)(?!\d)(?:\s?[-−](?!\S))?"
    rf"|(?<![\p{{L}}\p{{N}}.,/-])(?P<n2>[-−]?{_NUMBER}(?:[.,][-–—]{{1,2}})?)\s?(?P<b>{_SIGNS})"
)
_PLAIN = regex.compile(
    rf"(?<![\p{{L}}\p{{N}}.,/-])(?P<n>[-−+(]?{_NUMBER})(?![\p{{L}}\p{{N}}]|[.,/-]\d)"
)
_PERCENT = regex.compile(
    rf"(?<![\p{{L}}\p{{N}}.,])[-−+]?{_NUMBER}\s?(?:%|percent\b|Prozent\b|pct\b)"
)
_NAMES = "|".join(sorted({name for name in _MONTH if len(name) > 2}, key=len, reverse=True))
_NUMERIC_DATE = regex.compile(
    rf"{_START}(?:(\d{{4}})\s?([-./])\s?(\d{{1,2}})\s?\2\s?(\d{{1,2}})"
    rf"|(\d{{1,2}})\s?([-./])\s?(\d{{1,2}})\s?\6\s?(\d{{4}}|\d{{2}})){_END}(?![.,]\d)"
)
_DAY_FIRST = regex.compile(
    r"(?<![\p{L}\p{N}])(\d{1,2})(?:st|nd|rd|th|er|º|ª|°|\.)?[\s.\-/]*(?:of |de |d')?\s*"
    r"([\p{L}]{3,12})\.?[\s.,\-/]*(?:de |del )?(\d{4}|['’]?\d{2})(?![\p{L}\p{N}])"
)
_MONTH_FIRST = regex.compile(
    r"(?<![\p{L}\p{N}])([\p{L}]{3,12})\.?\s*(\d{1,2})(?:st|nd|rd|th)?\s*[,.]?\s+(\d{4})(?![\p{L}\p{N}])"
)
_MONTH_YEAR = regex.compile(
    r"(?<![\p{L}\p{N}])([\p{L}]{3,12})\.?,?\s+(?:de )?(\d{4})(?![\p{L}\p{N}])"
    r"|(?<![\p{L}\p{N}./-])(0?[1-9]|1[0-2])[/.]((?:19|20)\d{2})(?![\p{L}\p{N}./-])"
    r"|(?<![\p{L}\p{N}./-])((?:19|20)\d{2})-(0[1-9]|1[0-2])(?![\p{L}\p{N}./-])"
)
_TIME = regex.compile(
    rf"{_START}(?:[01]?\d|2[0-4])(?::[0-5]\d(?::[0-5]\d)?|h[0-5]\d|\.[0-5]\d(?=\s?(?:Uhr|h\b|uur|[ap]\.?m)))"
    rf"(?:\s?(?:[AaPp]\.?[Mm]\.?|Uhr|uur|h)(?![\p{{L}}]))?{_END}|{_START}(?:1[0-2]|[1-9])\s?[AaPp]\.?[Mm]\b"
)
_EMAIL = regex.compile(r"[\p{L}\p{N}._%+\-]+\s?@\s?[\p{L}\p{N}\-]+(?:\.[\p{L}\p{N}\-]+)+")
_URL = regex.compile(
    r"(?<![@\p{L}\p{N}.])(?:https?://\S+[\p{L}\p{N}/]|www\.[\p{L}\p{N}\-.]+\.[\p{L}]{2,}(?:/\S*[\p{L}\p{N}/])?"
    r"|[\p{L}\p{N}\-]{2,}(?:\.[\p{L}\p{N}\-]+)*\.(?:com|org|net|eu|de|fr|es|it|nl|pt|pl|at|ch|be|uk|io|info|"
    r"example|biz|gov|edu|us|ca|com\.br)(?:/\S*[\p{L}\p{N}/])?(?![\p{L}\p{N}@]))",
    regex.IGNORECASE,
)
_IBAN = regex.compile(
    r"(?<![\p{L}\p{N}])[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){2,7}(?:\s?[A-Z0-9]{1,4})?(?![\p{L}\p{N}])"
)
_BIC = regex.compile(
    r"(?<![\p{L}\p{N}])[A-Z]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?(?![\p{L}\p{N}])"
)
_PHONE = regex.compile(
    r"(?<![\p{L}\p{N}.,/-])(?:\+\s?\d{1,3}|\(\+?\d{1,5}\)|0\d|\d{3})[\s\-./()\d]{5,18}\d(?![\p{N}]|[.,]\d)"
)
_ID = regex.compile(
    r"(?<![\p{L}\p{N}])(?=[\p{L}\-/._#]*\d)[\p{L}\d][\p{L}\d\-/._]*[\p{L}\d](?![\p{L}\p{N}])|(?<![\p{L}\p{N}])\d(?![\p{L}\p{N}])"
)
_SPACED_ID = regex.compile(r"(?<![\p{L}\p{N}])(\p{Lu}{1,4})\s\d[\d\-/.]*\d(?![\p{L}\p{N}])")
_ORG = regex.compile(
    r"(?<![\p{L}])(?:GmbH|mbH|AG|KG|OHG|UG|e\.\s?V|e\.\s?K|SE|Ltd|Limited|LLC|L\.L\.C|Inc|Incorporated|Corp|"
    r"Corporation|Company|Co|PLC|plc|LLP|S\.?A\.?S?|S\.?A\.?R\.?L|SASU|EURL|SNC|S\.?L\.?U?|S\.?r\.?l|S\.?p\.?A|"
    r"B\.?V|N\.?V|V\.?O\.?F|Lda|Ltda|Sp\.\s?z\s?o\.\s?o|Sp\.\s?j|Bank|University|Universität|Université|"
    r"Universidad|Università|Universiteit|Universidade|Institute|Institut|Association|Foundation|Stiftung|"
    r"Group|Holding|Partners|Sons|Bros|Associates|Verein|Ministry|Council|Agency|Department)(?![\p{L}])"
)
_STREET = regex.compile(
    r"(?:stra(?:ß|ss)e|str\.|gasse|platz|weg\b|allee|\bstreet\b|\bst\.?(?=[\s,]|$)|\broad\b|\brd\b|\bavenue\b|\bave\b|"
    r"\blane\b|\bdrive\b|\bblvd\b|\bboulevard\b|\bcourt\b|\bway\b|\brue\b|\bplace\b|\bcalle\b|\bavda\b|\bavenida\b|"
    r"\bplaza\b|\bvia\b|\bviale\b|\bpiazza\b|\bcorso\b|straat\b|laan\b|\bgracht|plein\b|"
    r"\brua\b|\bpraça\b|\btravessa\b|\bul\.|\bulica\b|\baleja\b|\bal\.|"
    r"\bpasseig\b|\bpaseo\b|\bsuite\b|\bp\.?o\.? box\b|\bpostfach\b)",
    regex.IGNORECASE,
)
_POSTCODE = regex.compile(
    r"(?<![\p{N}.,])(?:[A-Z]{1,2}[- ]?)?\d{4,5}(?:-\d{3,4})?(?:\s?[A-Z]{2})?\s+\p{Lu}[\p{L}\-' ]+"
    r"|\p{Lu}[\p{L}. ]+,?\s+[A-Z]{2}\s+\d{5}(?:-\d{4})?|\b[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}\b"
    r"|\d{2}-\d{3}\s+\p{Lu}"
)
HONORIFIC = regex.compile(
    r"^(?:mr|mrs|ms|miss|dr|prof|herrn?|frau|m|mme|mlle|monsieur|madame|sra?|srta|don|dona|dña|sig|sig\.?ra|"
    r"signora?|dott|dott\.?ssa|ing|dhr|mevr|mw|de heer|mevrouw|exmo|exma|pan|pani)\.?\s+",
    regex.IGNORECASE,
)
KINDS = (
    "date", "time", "money", "percent", "number", "id", "phone", "email", "url", "iban", "bic",
    "address", "name", "org", "place", "party", "job", "text",
)  # fmt: skip


class Value(NamedTuple):
    """A value ``start:end`` of a text: its kind and its normal form.

    Normal forms: ISO 8601 for dates (``1999-12-31``, ``1999-12``) and times, a decimal such as
    ``-1234.50`` for numbers, percentages and amounts (with ``currency``), the text without spaces for
    the rest.
    """

    kind: str
    start: int
    end: int
    normal: str
    currency: str = ""
    sure: float = 1.0


@lru_cache(maxsize=1 << 13)
def find(text: str, day_first: bool = True) -> tuple[Value, ...]:
    """Return the values of a text in order of their place; values of different kinds may overlap.

    Args:
        text: a line, a cell or a sentence.
        day_first: how to read ``03/04/2021``.
    """
    found = [*_dates(text, day_first)]
    taken = [(value.start, value.end) for value in found]

    def add(
        kind: str, start: int, end: int, normal: str, currency: str = "", sure: float = 1.0
    ) -> None:
        found.append(Value(kind, start, end, normal, currency, sure))
        taken.append((start, end))

    def free(start: int, end: int) -> bool:
        return all(end <= a or start >= b for a, b in taken)

    for match in _EMAIL.finditer(text):
        add("email", match.start(), match.end(), match[0].replace(" ", "").lower())
    for match in _URL.finditer(text):
        if free(*match.span()):
            add("url", match.start(), match.end(), match[0].lower())
    for match in _IBAN.finditer(text):
        plain = regex.sub(r"\s", "", match[0])
        if 15 <= len(plain) <= 34:
            add("iban", match.start(), match.end(), plain, sure=1.0 if _is_iban(plain) else 0.6)
    for match in _TIME.finditer(text):
        if free(*match.span()):
            add("time", match.start(), match.end(), _clock(match[0]))
    for match in _PERCENT.finditer(text):
        if free(*match.span()):
            add(
                "percent",
                match.start(),
                match.end(),
                number(regex.sub(r"[^\d.,\-−]", "", match[0])),
            )
    for match in _MONEY.finditer(text):
        if free(*match.span()):
            sign = (match["a"] or match["b"]).lower()
            money = number(match["n1"] or match["n2"])
            add("money", match.start(), match.end(), money, _CURRENCIES.get(sign, ""))
    for match in _PHONE.finditer(text):
        digits = sum(c.isdigit() for c in match[0])
        marks = len(regex.findall(r"[\s\-./()]+", match[0]))
        if free(*match.span()) and 7 <= digits <= 15 and (marks or match[0][0] in "+0"):
            sure = 1.0 if match[0][0] in "+(0" else 0.6
            add("phone", match.start(), match.end(), regex.sub(r"[^\d+]", "", match[0]), sure=sure)
    phones = [value for value in found if value.kind == "phone"]
    for match in _PLAIN.finditer(text):
        start, end = match.start(), match.end()
        if text[start] == "(":
            start += 1
        known = [v for v in found if v.kind != "phone" or v.sure == 1.0]
        if not all(end <= v.start or start >= v.end for v in known):
            continue
        raw = text[start:end]
        decimals = regex.search(r"[.,]\d{2}$", raw) is not None
        found.append(Value("number", start, end, number(raw)))
        if decimals and all(end <= v.start or start >= v.end for v in phones):
            found.append(Value("money", start, end, number(raw), "", 0.8))
    for match in _BIC.finditer(text):
        found.append(Value("bic", match.start(), match.end(), match[0], sure=0.7))
    whole = [v for v in found if v.kind in ("date", "email", "url", "percent", "time", "money")]
    parts = [v for v in found if v.kind in ("phone", "iban", "number") and v.sure > 0.5]
    for match in _ID.finditer(text):
        a, b = match.span()
        inside = any(v.start <= a and b <= v.end and b - a < v.end - v.start for v in parts)
        if not inside and all(b <= v.start or a >= v.end for v in whole):
            found.append(Value("id", a, b, match[0], sure=0.9 if len(match[0]) > 3 else 0.5))
    for match in _SPACED_ID.finditer(text):
        if match[1].lower() not in _CURRENCIES:
            found.append(Value("id", match.start(), match.end(), match[0], sure=0.9))
    return tuple(sorted(found, key=lambda value: (value.start, -value.end)))


def number(text: str) -> str:
    """Return a written number as a decimal, whatever separates its thousands.

    >>> number("1.234,50"), number("1,234.5"), number("1 234"), number("12,5"), number("(3.000)")
    ('1234.50', '1234.5', '1234', '12.5', '3000')
    """
    raw = regex.sub(r"[^\d.,\-−]", "", text.strip())
    raw = raw.replace("−", "-")
    negative = raw.startswith("-")
    raw = regex.sub(r"[.,]?-+$", "", raw).lstrip("-").rstrip(".,")
    last = max(raw.rfind("."), raw.rfind(","))
    if last >= 0:
        mark, after = raw[last], len(raw) - last - 1
        other = "," if mark == "." else "."
        thousands = after == 3 and (raw.count(mark) > 1 or other not in raw) and raw[0] != "0"
        if thousands and 1 <= len(raw.split(mark)[0].replace(other, "")) <= 3:
            raw = regex.sub(r"[.,]", "", raw)
        else:
            raw = regex.sub(r"[.,]", "", raw[:last]) + "." + raw[last + 1 :]
    return ("-" if negative else "") + (raw or "0")


def _dates(text: str, day_first: bool) -> Iterator[Value]:
    taken: list[tuple[int, int]] = []

    def made(start: int, end: int, year: str, month: int, day: int) -> Iterator[Value]:
        if any(start < b and end > a for a, b in taken):
            return
        full = _year(year)
        try:
            normal = datetime.date(full, month, day).isoformat()
        except ValueError:
            return
        taken.append((start, end))
        yield Value("date", start, end, normal)

    for match in _NUMERIC_DATE.finditer(text):
        if match[1]:
            yield from made(match.start(), match.end(), match[1], int(match[3]), int(match[4]))
            continue
        a, b = int(match[5]), int(match[7])
        day, month = (a, b) if (day_first and b <= 12) or a > 12 else (b, a)
        yield from made(match.start(), match.end(), match[8], month, day)
    for pattern, order in ((_DAY_FIRST, (3, 2, 1)), (_MONTH_FIRST, (3, 1, 2))):
        for match in pattern.finditer(text):
            month = _month(match[order[1]])
            if month:
                yield from made(
                    match.start(),
                    match.end(),
                    match[order[0]].strip("'’"),
                    month,
                    int(match[order[2]]),
                )
    for match in _MONTH_YEAR.finditer(text):
        month = int(match[3] or match[6] or 0) or _month(match[1] or "")
        if month and not any(match.start() < b and match.end() > a for a, b in taken):
            taken.append(match.span())
            yield Value(
                "date",
                match.start(),
                match.end(),
                f"{match[2] or match[4] or match[5]}-{month:02d}",
                sure=0.7,
            )


def _month(word: str) -> int:
    return _MONTH.get(fold(word), 0)


def _year(text: str) -> int:
    year = int(text)
    return year if len(text) == 4 else 2000 + year if year < 70 else 1900 + year


def _clock(text: str) -> str:
    digits = regex.findall(r"\d+", text)
    hour, minute = int(digits[0]), int(digits[1]) if len(digits) > 1 else 0
    low = text.lower().replace(".", "")
    if low.rstrip().endswith("pm") and hour < 12:
        hour += 12
    elif low.rstrip().endswith("am") and hour == 12:
        hour = 0
    return f"{hour:02d}:{minute:02d}" + (f":{int(digits[2]):02d}" if len(digits) > 2 else "")


def _is_iban(text: str) -> bool:
    turned = text[4:] + text[:4]
    try:
        return int("".join(str(int(c, 36)) for c in turned)) % 97 == 1
    except ValueError:
        return False


def reads_month_first(texts: list[str]) -> bool:
    """Return whether numeric dates of these texts can only be meant month first."""
    votes = 0
    for text in texts:
        for match in _NUMERIC_DATE.finditer(text):
            if match[5]:
                votes += (int(match[7]) > 12) - (int(match[5]) > 12)
    return votes > 0


@lru_cache(maxsize=1 << 14)
def fit(kind: str, text: str) -> float:
    """Return how well a whole text is one value of a kind, 0.0-1.0.

    >>> fit("date", "31.12.1999"), fit("date", "Jane Roe"), fit("money", "EUR 12.50")
    (1.0, 0.0, 1.0)
    """
    text = text.strip(" :;,.")
    if not text:
        return 0.0
    letters = sum(c.isalpha() for c in text)
    digits = sum(c.isdigit() for c in text)
    if kind in ("name", "org", "party", "place", "address", "text", "job"):
        return _words_fit(kind, text, letters, digits)
    best = 0.0
    for value in find(text):
        share = (value.end - value.start) / len(text)
        if value.kind == kind:
            best = max(best, value.sure * (1.0 if share > 0.85 else 0.75 if share > 0.5 else 0.45))
        elif kind == "money" and value.kind == "number" and share > 0.8:
            best = max(best, 0.5)
        elif kind == "number" and value.kind in ("id", "percent", "money"):
            best = max(best, 0.35 * share)
        elif kind == "id" and value.kind in ("number", "phone", "iban", "bic") and share > 0.8:
            best = max(best, 0.8 if digits > 2 else 0.5)
        elif kind == "percent" and value.kind == "number" and share > 0.8:
            best = max(best, 0.5)
        elif kind == "phone" and value.kind in ("id", "number") and digits >= 6:
            best = max(best, 0.4 * share)
    if kind == "date" and best < 0.6 and _dated(text):
        best = 0.6
    if kind == "id" and best < 0.4 and regex.fullmatch(r"[A-Z]{2,}(?:[-/][A-Z0-9]+)*", text):
        best = 0.4
    if kind == "number" and best < 0.5 and digits and letters <= 12 and len(text.split()) <= 3:
        best = max(best, 0.6 if text[0].isdigit() else 0.3)  # "12 kg", "3 months"
    return best


def _dated(text: str) -> bool:
    """Whether a text tells a day without being a date: no year, a weekday and an hour, a 31 February.

    >>> _dated("Wednesday, October 19, at 3:00"), _dated("31.02.1990"), _dated("Gate 4")
    (True, True, False)
    """
    if len(text.split()) > 8 or not any(c.isdigit() for c in text):
        return False
    said = regex.findall(r"[\p{L}]+", fold(text))
    named = any(_MONTH.get(w) or w in words("weekdays") for w in said if len(w) > 2)
    return named or _NUMERIC_DATE.fullmatch(text) is not None


def _words_fit(kind: str, text: str, letters: int, digits: int) -> float:
    if not letters:
        return 0.15 if kind == "text" and digits else 0.0
    parts = text.split()
    if kind == "text":
        return 0.8 if letters > digits else 0.5
    job = _job(text)
    if kind == "job":
        return 0.0 if digits > 2 or len(parts) > 6 else job or 0.35
    if kind == "address":
        return _address_fit(text, parts, digits)
    bare = HONORIFIC.sub("", text)
    names = [w for w in regex.split(r"[\s,]+", bare) if w]
    capital = [
        w[0].isupper() for w in names if w.lower() not in words("particles") and w[0].isalpha()
    ]
    shape = (bool(capital) and sum(capital) / len(capital)) or 0.0
    person = 0.0
    if not digits and "@" not in text and 1 <= len(names) <= 5 and shape > 0.65:
        person = (0.45, 0.95, 0.95, 0.8, 0.6)[len(names) - 1]
        if len(text) > 45 or ":" in text:
            person *= 0.5
        if bare != text:
            person = min(1.0, person + 0.3)
        if _ORG.search(text) or _STREET.search(text):
            person *= 0.3
        person *= 1 - 0.85 * job
    org = 0.0
    if _ORG.search(text) and len(parts) <= 9:
        org = 1.0
    elif 1 <= len(parts) <= 6 and shape > 0.65 and digits <= 4 and "@" not in text:
        org = 0.6
    if kind == "name":
        return max(person, 0.35 * org)
    if kind == "org":
        return max(org, 0.4 * person)
    if kind == "party":
        return max(org, person * 0.95)
    # A place: one to four capitalised words.
    return 0.85 if 1 <= len(names) <= 4 and shape > 0.65 and not digits else 0.3 * (len(parts) <= 6)


def _job(text: str) -> float:
    """Return how much a text looks like what somebody is at work."""
    said = fold(text).split()
    jobs = words("jobs")
    hits = sum(word.strip(".,") in jobs for word in said)
    return 0.0 if not hits or len(said) > 7 else min(1.0, 0.7 + 0.3 * hits / len(said))


def has_postcode(text: str) -> bool:
    """Return whether a line holds a postal code with its town."""
    return _POSTCODE.search(text) is not None


def has_street(text: str) -> bool:
    """Return whether a line names a street."""
    return _STREET.search(text) is not None


def _address_fit(text: str, parts: list[str], digits: int) -> float:
    fit = 0.0
    if _STREET.search(text):
        fit += 0.45
    if _POSTCODE.search(text):
        fit += 0.45
    if digits and len(parts) >= 2:
        fit += 0.15
    if "@" in text or _MONEY.search(text) or not digits:
        fit *= 0.4
    return min(1.0, fit)
