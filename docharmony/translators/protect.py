"""What a translation must not change: find it, hide it behind marks, and check that it came back.

Placeholders, addresses, ids and the user's own terms are always hidden from a translator; numbers,
dates and amounts only where it has been seen to alter them, since most translators handle them well
and need them for the grammar around.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

# Kinds that a translator has no use for, in the order in which they are tried.
HARD = ("keep", "term", "raised", "mark", "url", "email", "placeholder", "path", "code", "id")
# Letters of scripts that put no space between a word and what stands beside it, such as a number.
DENSE = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    r"\uff66-\uffdc\U00020000-\U0003ffff"
)
# What continues a word of letters and digits: what ``\w`` would be if words never were so dense.
_W = rf"[^\W{DENSE}]"
_LETTER = rf"[^\W\d_{DENSE}]"
_BEGIN, _END = rf"(?<!{_W})", rf"(?!{_W})"
_CURRENCY = (
    r"[$€£¥₹₽₩₺₪]|"
    rf"{_BEGIN}(?:USD|EUR|GBP|CHF|JPY|CNY|INR|RUB|SEK|NOK|DKK|PLN|CZK|HUF|CAD|AUD|BRL|MXN){_END}"
)
_DIGITS = r"\d{1,3}(?:[ \u00a0\u202f]\d{3}){1,6}(?:[.,]\d+)?(?!\d)|\d+(?:[.,'\u2019]\d+)*"
_NUMBER = rf"(?<!{_W})(?<![.,])[-\u2212+\u00b1]?(?:{_DIGITS})"
_REST = rf"[^\s<>\"{DENSE}\uff00-\uff65]"  # of an address
_PATTERNS: tuple[tuple[str, str], ...] = (
    ("mark", r"\u27e6[^\u27e6\u27e7]*\u27e7|[\ue000-\uf8ff]"),
    ("url", rf"{_BEGIN}(?:(?:https?|ftp)://|www\.|mailto:){_REST}+"),
    (
        "email",
        rf"(?<!{_W})(?<![.+-])(?:{_W}|[.+-]){{1,64}}@(?:{_W}|-){{1,63}}(?:\.(?:{_W}|-){{1,63}}){{1,8}}",
    ),
    (
        "placeholder",
        (
            r"\$\{[^{}\s]*\}|\{\{[^{}]*\}\}|\{[^\W\d]?[\w.:!\[\]-]*\}|%\(\w+\)[#0+-]*\d*(?:\.\d+)?[a-zA-Z]"
            rf"|%(?:\d+\$)?[#0+-]*\d*(?:\.\d+)?(?:hh?|ll?|[zjt])?[sdiufgexXcp@]{_END}|%[A-Z_]{{2,}}%|%%"
            rf"|\$[A-Z_][A-Z0-9_]+{_END}|</?[A-Za-z][^<>]{{0,200}}>|&(?:#\d+|\w+);|\[\[[^\[\]]+\]\]"
        ),
    ),
    (
        "path",
        rf"(?<![\w/])(?:~|\.{{1,2}})?(?:/(?:{_W}|[.+@-])+){{2,}}/?|{_BEGIN}[A-Za-z]:\\[^\s<>\"|?*]+",
    ),
    (
        "code",
        (
            rf"`[^`\n]+`|{_BEGIN}(?<!\.)[A-Za-z_][\w.]{{0,80}}\(\)|{_BEGIN}--?[a-z][\w-]*=\S+"
            rf"|{_BEGIN}--[a-z](?:{_W}|-)*"
        ),
    ),
    (
        "id",
        rf"{_BEGIN}[A-Z]{{2}}\d{{2}}(?: ?[A-Z0-9]{{4}}){{2,7}}(?: ?[A-Z0-9]{{1,3}})?{_END}",
    ),  # IBAN
    ("id", rf"{_BEGIN}\+\d[\d ()/.-]{{6,}}\d{_END}"),  # telephone
    (
        "date",
        (
            rf"{_BEGIN}\d{{4}}-\d{{2}}-\d{{2}}"
            rf"(?:[T ]\d{{2}}:\d{{2}}(?::\d{{2}}(?:[.,]\d+)?)?(?:Z|[+-]\d{{2}}:?\d{{2}})?)?{_END}"
            rf"|{_BEGIN}\d{{1,2}}([./-])\d{{1,2}}\1(?:\d{{4}}|\d{{2}}){_END}"
            rf"|{_BEGIN}\d{{1,2}}:\d{{2}}(?::\d{{2}})?{_END}"
        ),
    ),
    ("code", rf"{_BEGIN}[A-Za-z](?:{_W})*_(?:{_W})+{_END}|{_BEGIN}[a-z]+[A-Z](?:{_W})*{_END}"),
    ("id", rf"(?<!{_W})(?<![.@/-]){_W}+(?:[-/._#:]{_W}+)*"),
    ("amount", rf"(?:{_CURRENCY})[ \u00a0\u202f]?(?:{_DIGITS}){_END}"),
    ("amount", rf"{_NUMBER}[ \u00a0\u202f]?(?:{_CURRENCY}){_END}"),
    ("number", rf"{_NUMBER}(?!\d|{_LETTER})"),
)
# 3rd, 20th, 1990s, 2e, 4ª: words that the language inflects.
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th|s|er|re|e|è?me|o|a|os|as|ª|º|\.?)", re.IGNORECASE)
_NOTE = re.compile(r"(\d{1,2})[A-Z][a-z]{2,}")
_TRAILING = ".,;:!?)]}\u00bb\u201d\u2019'\""
_SPACES = re.compile(r"[\s\u00a0\u202f]+")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a text that must come back.

    Attributes:
        start: index of its first character.
        end: index after its last one.
        kind: one of :data:`HARD`, ``"date"``, ``"amount"`` or ``"number"``.
        instead: what is put back; the piece itself, or for a ``term`` its translation.
    """

    start: int
    end: int
    kind: str
    instead: str


@cache
def _compiled() -> list[tuple[str, re.Pattern[str]]]:
    return [(kind, re.compile(pattern)) for kind, pattern in _PATTERNS]


def find(text: str, keep: Sequence[str] = (), terms: Sequence[Token] = ()) -> list[Token]:
    """Return what must come back from a translation, in order, without overlaps.

    >>> [text[t.start:t.end] for text in ["Pay {name} 1,250.00 EUR by 2024-03-12, see www.x.org/a."]
    ...  for t in find(text)]
    ['{name}', '1,250.00 EUR', '2024-03-12', 'www.x.org/a']

    Args:
        text: without line breaks.
        keep: terms of the user that are left as they are, found as whole words in their own case.
        terms: pieces for which a translation is known already.
    """
    taken = bytearray(len(text))
    found: list[Token] = []

    def take(start: int, end: int, kind: str, instead: str | None = None) -> None:
        if start < end and not any(taken[start:end]):
            taken[start:end] = b"\1" * (end - start)
            found.append(Token(start, end, kind, text[start:end] if instead is None else instead))

    for term in sorted(keep, key=len, reverse=True):
        for match in _whole(term).finditer(text) if term.strip() else ():
            take(*match.span(), "keep")
    for token in terms:
        take(token.start, token.end, token.kind, token.instead)
    for kind, pattern in _compiled():
        for match in pattern.finditer(text):
            start, end = match.span()
            if kind in ("url", "path"):
                end = start + len(_untrailed(match[0]))
            elif kind == "id" and not _is_id(match[0]):
                continue
            elif not start and (note := _NOTE.fullmatch(match[0])):
                end = note.end(1)  # the raised number of a footnote, and its first word
            take(start, end, kind)
    return sorted(found, key=lambda token: token.start)


@cache
def _whole(term: str) -> re.Pattern[str]:
    before = _BEGIN if term[0].isalnum() else ""
    after = _END if term[-1].isalnum() else ""
    spaced = r"[\s\u00a0\u202f]+".join(map(re.escape, term.split()))
    return re.compile(before + spaced + after)


def _untrailed(text: str) -> str:
    """Return an address without the punctuation of the sentence that it ends."""
    while text and text[-1] in _TRAILING:
        if text[-1] == ")" and text.count("(") >= text.count(")"):
            break
        text = text[:-1]
    return text


def _is_id(text: str) -> bool:
    """Return whether letters and digits together name a thing, rather than spell a word or a measure."""
    if " " in text or text.startswith("+"):
        return True
    letters = any(c.isascii() and c.isalpha() for c in text)
    if not letters or not any(map(str.isdigit, text)) or _ORDINAL.fullmatch(text):
        return False
    # 20-year-old and mid-1990s are words; INV-2024-12, COVID-19 and 4711-B are not.
    parts = [part for part in re.split(r"[-/._#:]", text) if any(map(str.isalpha, part))]
    return not any(
        (part.isalpha() and not part.isupper()) or _ORDINAL.fullmatch(part) for part in parts
    )


# --- hiding and putting back ---------------------------------------------------------------------


def mask(text: str, tokens: Sequence[Token], mark: str) -> str:
    """Return the text with each token replaced by the mark of its number, from 1.

    >>> mask("Dear {name}, hello", [Token(5, 11, "placeholder", "{name}")], "<{}>")
    'Dear <1>, hello'
    """
    parts: list[str] = []
    at = 0
    for number, token in enumerate(tokens, 1):
        parts += [text[at : token.start], mark.format(number)]
        at = token.end
        if token.end < len(text) and not token.start and text[at].isalpha():
            parts.append(" ")  # the number of a footnote: its word is one of its own
    return "".join([*parts, text[at:]])


def restore(translated: str, masked: str, tokens: Sequence[Token], mark: str) -> str | None:
    """Return the translation with the tokens in place of their marks.

    Args:
        translated: what came back.
        masked: what was sent; where it had spaces around a mark, so has the result.
        tokens: in the order of their marks.
        mark: how marks are written.

    Returns:
        None where a mark is missing, doubled, maimed or was never sent.
    """
    if not tokens:
        return translated
    pattern = _any_mark(mark)
    seen = [int(match[1]) for match in pattern.finditer(translated)]
    if sorted(seen) != list(range(1, len(tokens) + 1)):
        return None

    def put(match: re.Match[str]) -> str:
        number = int(match[1])
        piece = tokens[number - 1].instead
        before, after = _around(masked, mark.format(number))
        left, right = translated[: match.start()], translated[match.end() :]
        if before and left and left[-1].isalnum() and not _unspaced(left[-1]):
            piece = " " + piece
        if after and right and right[0].isalnum() and not _unspaced(right[0]):
            piece += " "
        return piece

    rest, sent = pattern.sub("", translated), pattern.sub("", masked)
    if any(rest.count(sign) > sent.count(sign) for sign in "\u27e6\u27e7"):
        return None
    return pattern.sub(put, translated)


@cache
def _any_mark(mark: str) -> re.Pattern[str]:
    before, after = (re.escape(part) for part in mark.split("{}"))
    end = r"(?!\d)" if not after else r"\s*" + after
    return re.compile(rf"{before}\s*(\d{{1,6}}){end}", re.IGNORECASE)


def _around(masked: str, mark: str) -> tuple[bool, bool]:
    at = masked.find(mark)
    before, after = masked[:at][-1:], masked[at + len(mark) :][:1]
    return before.isspace(), after.isspace()


def _unspaced(character: str) -> bool:
    return "\u2e80" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff"


def lost(translated: str, text: str, tokens: Sequence[Token]) -> bool:
    """Return whether the translation holds a token fewer times than the text; spaces do not count."""
    plain = _SPACES.sub(" ", translated)
    # What is raised stands right behind a word, where it cannot be told from the word itself.
    told = [token.instead for token in tokens if token.kind != "raised"]
    wanted = Counter(_SPACES.sub(" ", piece) for piece in told)
    return any(_count(plain, piece) < number for piece, number in wanted.items())


def _count(text: str, piece: str) -> int:
    """Return how often a piece stands in the text by itself: 12 is not in 123 nor in 0.12."""
    before = rf"{_BEGIN}(?<![\d][.,])" if piece[:1].isalnum() else ""
    after = rf"{_END}(?![.,]\d)" if piece[-1:].isalnum() else ""
    return len(re.findall(before + re.escape(piece) + after, text))


def untouched(text: str, tokens: Sequence[Token], rewrite: Callable[[str], str]) -> str:
    """Return the text rewritten, tokens left as they are.

    >>> untouched("see a.b", [Token(4, 7, "id", "a.b")], str.upper)
    'SEE a.b'
    """
    masked = mask(text, tokens, "\ue000{}\ue001")
    result = rewrite(masked)
    pieces = [token.instead for token in tokens]
    return re.sub("\ue000(\\d+)\ue001", lambda match: pieces[int(match[1]) - 1], result)


def has_words(text: str) -> bool:
    """Return whether anything is left to translate: two letters in a row, or a letter of a script
    whose every letter is a word.

    >>> has_words("x = 4,50"), has_words("to"), has_words("\u4eba")
    (False, True, True)
    """
    return bool(re.search(r"[^\W\d_]{2}", text)) or any(map(_unspaced, text))
