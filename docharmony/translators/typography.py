"""How a language sets its text: quotes, the spaces around signs, and, when asked, its numbers.

Figures as in the Unicode CLDR and, for French spacing, the Imprimerie nationale's rules.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from .protect import Token, find, untouched
from .tags import language, region

_NB = "\u00a0"  # no-break space
_THIN = "\u202f"  # narrow no-break space

_QUOTES: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("en", "pt", "nl", "zh", "ko", "tr", "id", "vi", "hi"), ("\u201c", "\u201d")),
    **dict.fromkeys(("de", "cs", "sk", "bg", "sl", "lt", "sr"), ("\u201e", "\u201c")),
    **dict.fromkeys(("pl", "hu", "ro", "hr"), ("\u201e", "\u201d")),
    **dict.fromkeys(("es", "it", "ru", "uk", "el", "no", "nb", "nn", "ca", "gl"), ("\u00ab", "\u00bb")),
    **dict.fromkeys(("sv", "fi"), ("\u201d", "\u201d")),
    "fr": (f"\u00ab{_NB}", f"{_NB}\u00bb"),
    "da": ("\u201d", "\u201d"),
    "ja": ("\u300c", "\u300d"),
}  # fmt: skip
_QUOTES_OF_REGION = {
    "de-CH": ("\u00ab", "\u00bb"),
    "fr-CH": ("\u00ab", "\u00bb"),
    "pt-PT": ("\u00ab", "\u00bb"),
    "es-MX": ("\u201c", "\u201d"),
    "zh-TW": ("\u300c", "\u300d"),
    "zh-HK": ("\u300c", "\u300d"),
}
# A pair of one kind around something that neither begins nor ends with a space, but for French.
_PAIRS = (
    re.compile(r"\u00ab[\s\u00a0\u202f]*([^\u00ab\u00bb]+?)[\s\u00a0\u202f]*\u00bb"),
    re.compile(r"\u201e[\s\u00a0]*([^\u201e\u201c\u201d]+?)[\s\u00a0]*[\u201c\u201d]"),
    re.compile(r"\u201c(\S[^\u201c\u201d]*?)\u201d"),
    re.compile(r"(?<![^\W_])\u201d(\S[^\u201d]*?)\u201d"),
    re.compile(r"\u300c([^\u300c\u300d]+)\u300d"),
    re.compile(r'(?<![^\s([{\u2014\u2013/-])"([^\s"](?:[^"]*[^\s"])?)"(?![^\W_])'),
)


class _Marks(NamedTuple):
    """How numbers are written: between thousands, and before decimals."""

    thousands: str
    decimal: str


_ENGLISH, _POINT, _SPACE, _NARROW = (
    _Marks(",", "."), _Marks(".", ","), _Marks(_NB, ","), _Marks(_THIN, ","),
)  # fmt: skip
_NUMBERS: dict[str, _Marks] = {
    **dict.fromkeys(("en", "zh", "ja", "ko", "he", "th", "hi"), _ENGLISH),
    **dict.fromkeys(
        ("de", "es", "it", "nl", "pt", "id", "tr", "da", "el", "ca", "gl", "hr", "sr", "sl", "ro", "vi"),
        _POINT,
    ),
    **dict.fromkeys(
        ("ru", "uk", "bg", "cs", "sk", "pl", "fi", "sv", "no", "nb", "nn", "hu", "et", "lv", "lt"),
        _SPACE,
    ),
    "fr": _NARROW,
}  # fmt: skip
_NUMBERS_OF_REGION = {
    "de-CH": _Marks("\u2019", "."),
    "it-CH": _Marks("\u2019", "."),
    "de-AT": _SPACE,
    "pt-PT": _SPACE,
    "fr-CH": _NARROW,
    "es-MX": _ENGLISH,
    "es-US": _ENGLISH,
}
_UNITS = (
    r"(?:[kcmµ]?m[²³]?|k?g|mg|[mc]?l|[kMGT]?B|[kM]?Hz|k?W|V|A|°[CF]?|h|min|s|px|pt|[€$£¥]"
    r"|EUR|USD|GBP|CHF)"
)


# Signs of Chinese and Japanese, and those of other languages.
_WIDE = dict(zip("\u3002\uff0e\uff0c\u3001\uff1a\uff1b\uff1f\uff01", "..,,:;?!", strict=True))
_WIDE_SIGN = re.compile(rf"[ \u3000]?([{''.join(_WIDE)}])[ \u3000]*")
_WIDE_PAIRS = str.maketrans("\uff08\uff09\uff3b\uff3d", "()[]")


def typeset(text: str, target: str, keep: Sequence[str] = ()) -> str:
    """Return a text with the quotes and spaces of a language; what is protected stays as it is.

    >>> typeset('He said "yes": why?', "fr")
    'He said «\\xa0yes\\xa0»\\xa0: why\\u202f?'
    >>> typeset("“Ja”, 5 km", "de")
    '„Ja“, 5\\xa0km'

    Args:
        text: in the language already.
        target: its BCP 47 tag.
        keep: terms of the user that must not change.
    """
    tokens = [token for token in find(text, keep) if token.kind not in ("number", "amount")]
    return untouched(text, tokens, lambda plain: _signs(_quotes(plain, target), target))


def _quotes(text: str, target: str) -> str:
    marks = _QUOTES_OF_REGION.get(f"{language(target)}-{region(target)}")
    marks = marks or _QUOTES.get(language(target))
    if marks is None:
        return text
    opening, closing = marks
    # Through signs of no language, so that no pair is taken for another kind's half.
    for pattern in _PAIRS:
        text = pattern.sub("\ue010\\1\ue011", text)
    return text.replace("\ue010", opening).replace("\ue011", closing)


def _signs(plain: str, target: str) -> str:
    text = re.sub(rf"(\d) ({_UNITS}(?!\w)|%)", rf"\1{_NB}\2", plain)
    name = language(target)
    if name not in ("zh", "ja", "yue"):
        text = _WIDE_SIGN.sub(lambda match: _WIDE[match[1]] + " ", text).translate(_WIDE_PAIRS)
        text = text.removesuffix(" ") if not plain.endswith(" ") else text
    if name in ("es", "ast"):
        text = _opened(text)
    if name == "fr":
        text = re.sub(r"(?<=\d)[ \u00a0\u202f]?%", f"{_NB}%", text)
        text = re.sub(r"(?<=[^\s:])[ \u00a0\u202f]?:(?=\s|$)", f"{_NB}:", text)
        if region(target) != "CA":  # Canadian French sets these close
            text = re.sub(
                r"(?<=[^\s;!?])[ \u00a0\u202f]?([;!?]+)(?=[\s\u00a0\u202f»”\")]|$)",
                rf"{_THIN}\1",
                text,
            )
    elif name in ("zh", "ja"):
        wide = str.maketrans(",;:!?", "，；：！？" if name == "zh" else "、；：！？")
        text = re.sub(
            r"(?<=[\u3040-\u30ff\u4e00-\u9fff])\s?([,;:!?])\s?",
            lambda m: m[1].translate(wide),
            text,
        )
        text = re.sub(
            r"(?<=[\u3040-\u30ff\u4e00-\u9fff])\.(?=\s|$|[\u3040-\u9fff])\s?", "\u3002", text
        )
    return text


def _opened(text: str) -> str:
    """Return Spanish text with the marks that open questions and exclamations."""
    end = r"[.!?\u2026]"
    closed = r"[\"'\u00bb\u201d)]"
    parts = re.split(rf"((?:(?<={end})|(?<={end}{closed}))[\s\u00a0]+)", text)
    for index in range(0, len(parts), 2):
        found = re.search(rf"([?!])[?!]*{closed}*$", parts[index])
        mark = {"?": "\u00bf", "!": "\u00a1"}[found[1]] if found else ""
        if mark and mark not in parts[index]:
            parts[index] = re.sub(r"^[\s\"'\u00ab\u201c(\u2014-]*", rf"\g<0>{mark}", parts[index])
    return "".join(parts)


def renumber(text: str, source: str, target: str, keep: Sequence[str] = ()) -> str:
    """Return a text whose numbers have the separators of another language.

    Only what is beyond doubt a number of the source language changes: not dates, versions, ids or
    digits in groups that it does not write so.

    >>> renumber("1,234.50 or 2.5, v1.2.3 of 2024", "en", "de")
    '1.234,50 or 2,5, v1.2.3 of 2024'
    """
    old, new = _marks(source), _marks(target)
    if old is None or new is None or old == new:
        return text
    tokens = find(text, keep)
    changed = [
        Token(t.start, t.end, t.kind, _rewrite(text[t.start : t.end], old, new))
        if t.kind in ("number", "amount")
        else t
        for t in tokens
    ]
    return untouched(text, changed, lambda plain: plain)


def _marks(tag: str) -> _Marks | None:
    return _NUMBERS_OF_REGION.get(f"{language(tag)}-{region(tag)}") or _NUMBERS.get(language(tag))


def _rewrite(token: str, old: _Marks, new: _Marks) -> str:
    thousands = (
        "[ \u00a0\u202f]" if old.thousands in (_NB, _THIN) else f"[{re.escape(old.thousands)}]"
    )
    if old.thousands == "\u2019":
        thousands = "['\u2019]"
    decimal = re.escape(old.decimal)
    match = re.search(r"\d(?:[\d.,'\u2019 \u00a0\u202f]*\d)?", token)
    if match is None:
        return token
    whole = re.fullmatch(rf"(\d{{1,3}}(?:{thousands}\d{{3}})+|\d+)(?:{decimal}(\d+))?", match[0])
    if whole is None:
        return token
    digits = re.sub(r"\D", "", whole[1])
    grouped = digits != whole[1]
    if grouped:
        digits = re.sub(r"(?<=\d)(?=(?:\d{3})+$)", new.thousands, digits)
    number = digits + (new.decimal + whole[2] if whole[2] else "")
    return token[: match.start()] + number + token[match.end() :]
