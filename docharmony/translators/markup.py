"""Parts of a text that look otherwise, or hold a link: where they are in its translation.

A translator that keeps tags gets them as ``<s1>…</s1>``, numbered from 1. For any other, and where tags
were lost, each part is sought in the translation: by its own translation, by itself, by its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from .base import Part
from .protect import DENSE

_TAG = re.compile(r"<(/?)s(\d{1,4})\s*>", re.IGNORECASE)
# Signs for the ends of parts while a text is put together: of a plane that is nobody's.
_OPEN, _CLOSE, _MOST = 0xF0000, 0xF8000, 0x7FFF
_SIGN = re.compile("[\U000f0000-\U000fffff]")
# Likeness (0-100) from which a word of the translation is taken for that of a part.
_LIKE = 72.0
# Scripts without spaces have no words to see: there, each letter is one.
_WORD = re.compile(rf"[{DENSE}]|[^\s{DENSE}]+")
_DENSE = re.compile(f"[{DENSE}]")


def tagged(text: str, parts: Sequence[Part]) -> str:
    """Return a text with tags around its parts.

    >>> tagged("a red house", [Part(0, 2, 5)])
    'a <s1>red</s1> house'
    """
    return _with(text, parts, lambda n: f"<s{n + 1}>", lambda n: f"</s{n + 1}>")


def untagged(text: str) -> tuple[str, list[Part]]:
    """Return a text without tags, and the parts that they held; a tag without its other end is dropped.

    >>> untagged("la casa <s1>roja</s1> <s1>oscura</s1></s2>")
    ('la casa roja oscura', [Part(number=0, start=8, end=19)])
    """
    return _without(text, _TAG, lambda match: (int(match[2]) - 1, match[1] != "/"))


def seal(number: int) -> tuple[str, str]:
    """Return the signs of no script for the ends of a part; see :func:`unsealed`."""
    return chr(_OPEN + number), chr(_CLOSE + number)


def sealed(text: str, parts: Sequence[Part]) -> str:
    """Return a text with signs of no script at the ends of its parts; see :func:`unsealed`."""
    return _with(text, parts, lambda n: seal(n)[0], lambda n: seal(n)[1])


def unsealed(text: str) -> tuple[str, list[Part]]:
    """Return a text without those signs, and its parts."""
    return _without(text, _SIGN, lambda match: _sign(match[0]))


def as_tags(text: str) -> str:
    """Return a sealed text with tags for its signs."""

    def tag(match: re.Match[str]) -> str:
        number, opens = _sign(match[0])
        return f"<{'' if opens else '/'}s{number + 1}>"

    return _SIGN.sub(tag, text)


def is_plain(text: str) -> bool:
    """Return whether a text holds none of the signs that :func:`sealed` puts in."""
    return _SIGN.search(text) is None


def moved(parts: Sequence[Part], before: str, after: str) -> list[Part]:
    """Return parts of a text where they are after small changes to it.

    >>> moved([Part(0, 5, 8)], 'say "yes"', "say « yes »")
    [Part(number=0, start=6, end=9)]
    """
    if not parts or before == after:
        return list(parts)
    from rapidfuzz.distance import Indel

    starts, ends = [0] * (len(before) + 1), [0] * (len(before) + 1)
    for code in Indel.opcodes(before, after):
        for offset in range(code.src_end - code.src_start):
            same = code.tag == "equal"
            starts[code.src_start + offset] = code.dest_start + (offset if same else 0)
            ends[code.src_start + offset + 1] = code.dest_start + offset + 1 if same else -1
    starts[-1] = len(after)
    result = []
    for part in parts:
        start, end = starts[part.start], ends[part.end]
        end = starts[part.end] if end < 0 else end
        while start < end and after[start].isspace():
            start += 1
        while end > start and after[end - 1].isspace():
            end -= 1
        if start < end:
            result.append(Part(part.number, start, end))
    return result


def trimmed(parts: Sequence[Part], text: str, old: Part, before: str) -> list[Part]:
    """Return what became of one part of a text, made whole where it can be.

    Short words between its pieces belong to it, signs around it that it did not have do not.

    >>> trimmed([Part(0, 3, 7), Part(0, 11, 19)], "la guía de usuario»", Part(0, 0, 10), "user guide")
    [Part(number=0, start=3, end=18)]

    Args:
        parts: where its words are now.
        text: the translation.
        old: the part.
        before: the text that it was in.
    """
    whole: list[Part] = []
    for part in sorted(parts, key=lambda part: part.start):
        between = text[whole[-1].end : part.start] if whole else ""
        if whole and len(between.split()) <= 2 and all(len(word) <= 4 for word in between.split()):
            part = Part(part.number, whole.pop().start, part.end)
        whole.append(part)
    result = []
    for number, start, end in whole:
        while end > start + 1 and before[old.end - 1].isalnum() and not text[end - 1].isalnum():
            end -= 1
        while end > start + 1 and before[old.start].isalnum() and not text[start].isalnum():
            start += 1
        result.append(Part(number, start, end))
    return result


def carried(parts: Sequence[Part], pairs: Sequence[tuple[int, int, int, int, bool]]) -> list[Part]:
    """Return parts of a text in its translation, which is known piece by piece.

    Args:
        parts: of the text.
        pairs: start and end of each piece in the text and in the translation, in order, and whether
            it is the same in both.
    """
    result = []
    for part in parts:
        for start, end, new, until, same in pairs:
            first, last = max(part.start, start), min(part.end, end)
            if first >= last:
                continue
            if same:
                result.append(Part(part.number, new + first - start, new + last - start))
            elif 2 * (last - first) >= end - start:
                result.append(Part(part.number, new, until))
    return result


def found(
    text: str, part: Part, translated: str, own: str | None, taken: Iterable[Part] = ()
) -> tuple[Part, bool]:
    """Return where a part of a text is in its translation, and whether more than its place says so.

    Args:
        text: the whole.
        part: of it.
        translated: the translation of the whole.
        own: the translation of the part by itself, None for none.
        taken: where others are.
    """
    share = (part.start + part.end) / 2 / max(1, len(text))
    busy = [(other.start, other.end) for other in taken]
    plain = text[part.start : part.end]
    if plain == text.strip():
        return Part(part.number, 0, len(translated)), True
    bare = [wanted.rstrip(".,;:") for wanted in (own, plain) if wanted]
    for wanted in dict.fromkeys(filter(None, bare)):
        spots = [
            match.span()
            for match in re.finditer(re.escape(wanted), translated, re.IGNORECASE)
            if not any(match.start() < b and match.end() > a for a, b in busy)
            and _alone(translated, *match.span())
        ]
        if spots:
            best = min(spots, key=lambda s: abs((s[0] + s[1]) / 2 / len(translated) - share))
            return Part(part.number, *best), True
    near = _near(translated, own or plain, busy)
    if near is not None:
        return Part(part.number, *near), True
    return Part(part.number, *_by_place(text, part, translated)), False


def _near(text: str, wanted: str, busy: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """Return the words that are most like what is wanted; None where none are."""
    from rapidfuzz import fuzz

    words = [match.span() for match in _WORD.finditer(text)]
    count = len(_WORD.findall(wanted))
    best, most = None, _LIKE
    for size in {max(1, count - 1), count, count + 1}:
        for at in range(len(words) - size + 1):
            start, end = words[at][0], words[at + size - 1][1]
            if any(start < b and end > a for a, b in busy):
                continue
            like = fuzz.ratio(text[start:end].lower(), wanted.lower())
            if like > most:
                best, most = (start, end), like
    if best is None:
        return None
    start, end = best
    while end - start > 1 and text[end - 1] in ".,;:)" and text[end - 1] not in wanted:
        end -= 1
    return start, end


def _by_place(text: str, part: Part, translated: str) -> tuple[int, int]:
    """Return as large a share of the translation's words as the part has of the text's."""
    before = len(_WORD.findall(text[: part.start]))
    within = len(_WORD.findall(text[part.start : part.end]))
    total = max(1, len(_WORD.findall(text)))
    words = [match.span() for match in _WORD.finditer(translated)] or [(0, len(translated))]
    first = min(len(words) - 1, round(before * len(words) / total))
    last = min(len(words), max(first + 1, round((before + within) * len(words) / total)))
    return words[first][0], words[last - 1][1]


def _alone(text: str, start: int, end: int) -> bool:
    """Return whether no letter or digit stands right before or after."""

    def joined(at: int) -> bool:
        pair = text[at - 1 : at + 1]
        return at > 0 and len(pair) == 2 and pair.isalnum() and not _DENSE.search(pair)

    return not (joined(start) or joined(end))


def _sign(sign: str) -> tuple[int, bool]:
    point = ord(sign)
    return (point - _CLOSE, False) if point >= _CLOSE else (point - _OPEN, True)


def _with(
    text: str,
    parts: Sequence[Part],
    opening: Callable[[int], str],
    closing: Callable[[int], str],
) -> str:
    out, at = [], 0
    for part in sorted(parts, key=lambda part: part.start):
        if part.start < at or part.number > _MOST:
            continue
        out += [text[at : part.start], opening(part.number), text[part.start : part.end]]
        out.append(closing(part.number))
        at = part.end
    return "".join([*out, text[at:]])


def _without(
    text: str, pattern: re.Pattern[str], told: Callable[[re.Match[str]], tuple[int, bool]]
) -> tuple[str, list[Part]]:
    out: list[str] = []
    size = at = 0
    opened: dict[int, int] = {}
    parts: list[Part] = []
    for match in pattern.finditer(text):
        piece = text[at : match.start()]
        out.append(piece)
        size, at = size + len(piece), match.end()
        number, opens = told(match)
        if opens:
            opened[number] = size
        elif (start := opened.pop(number, size)) < size:
            parts.append(Part(number, start, size))
    plain = "".join([*out, text[at:]])
    merged: list[Part] = []
    for part in sorted(parts, key=lambda part: part.start):
        last = merged[-1] if merged else None
        if last and last.number == part.number and not plain[last.end : part.start].strip():
            merged[-1] = Part(part.number, last.start, part.end)
        elif last is None or part.start >= last.end:
            merged.append(part)
    return plain, merged
