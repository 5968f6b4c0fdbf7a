"""Names that say what they are: asked for a department, "Department of Statistics" needs no label."""

from __future__ import annotations

from collections.abc import Iterator

import regex

from ..detect.text import fold
from ..geometry import BBox
from .data import table, words
from .evidence import said
from .graph import Graph
from .question import Question
from .segments import Segment
from .slots import Slot
from .tables import Found
from .units import Unit, units
from .words import Token, tokens

_KINDS = frozenset({"", "text", "org", "party", "name"})
_SURE = 0.8  # that the only such name of a page is the one
_RIVAL = 0.5  # what each further one takes from that
# What is called by its kind in other words too: a college is a school.
_WITHOUT_LABEL = frozenset({"department", "school", "company", "bank", "insurance"})
_LEAST = 4  # letters of a word that a compound may begin or end with


def answer(question: Question, graph: Graph) -> list[Found]:
    """Return the names on a page that hold the very word behind "which", the best supported first."""
    noun = _noun(question)
    if noun is None:
        return []
    rest = [unit for unit, _ in question.asked if not set(unit.words) & set(noun.words)]
    found: dict[str, tuple[float, int, Segment, int, int]] = {}
    for segment in graph.segments:
        for start, end in _names(noun, segment):
            name = segment.text[start:end]
            near = " ".join([segment.text, *(s.text for s in segment.above[:1])])
            share = float(sum(said(unit, near) >= 0.7 for unit in rest))
            key = " ".join(token.text for token in tokens(name))
            found.setdefault(key, (share, -segment.index, segment, start, end))
    best = sorted(found.values(), key=lambda item: (-item[0], -item[1]))
    if not best:
        return []
    share, _, segment, start, end = best[0]
    rivals = sum(1 for other in best[1:] if other[0] == share)
    slot = Slot(
        segment.text[start:end],
        (segment.span(start, end),),
        BBox.around([segment.box(start, end)]),
        (),
        segment,
        "value",
    )
    return [Found(slot.text, slot, (), _SURE / (1 + _RIVAL * rivals))]


def _noun(question: Question) -> Unit | None:
    """Return the word that stands behind "which": what the answer is."""
    if question.operation != "look" or question.kind not in _KINDS:
        return None
    plain = [token.text for token in tokens(question.text)]
    at = next((i for i, word in enumerate(plain[:3]) if word in words("which")), -1)
    if not 0 <= at < len(plain) - 1:
        return None
    own = units(plain[at + 1])
    return own[0] if len(own) == 1 and len(plain[at + 1]) >= _LEAST else None


def _names(noun: Unit, segment: Segment) -> Iterator[tuple[int, int]]:
    """Yield the names in a segment that hold a word: it and the capitals around it."""
    text = segment.text
    there = tokens(text)
    for at, token in enumerate(there):
        if not _is(noun, token):
            continue
        first = last = at
        while first > 0 and _joins(text, there, first - 1, first):
            first -= 1
        while last + 1 < len(there) and _joins(text, there, last, last + 1):
            last += 1
        while first < at and not _capital(text, there[first]):
            first += 1
        while last > at and not _capital(text, there[last]):
            last -= 1
        others = [t for t in there[first : last + 1] if t is not token and _capital(text, t)]
        if others and any(not unit.senses for t in others for unit in units(t.text)):
            yield there[first].start, there[last].end


def _is(noun: Unit, token: Token) -> bool:
    word = noun.words[0]
    if token.text == word or (len(word) >= _LEAST and token.text.startswith(word)):
        return True
    return bool(noun.senses & _WITHOUT_LABEL) and any(
        u.senses & noun.senses for u in units(token.text)
    )


def _joins(text: str, there: list[Token], left: int, right: int) -> bool:
    """Whether two neighbouring words belong to one name."""
    between = text[there[left].end : there[right].start]
    if between.strip(" -\u2019'.&"):
        return False
    return all(
        _capital(text, there[i]) or there[i].text in words("particles") for i in (left, right)
    ) or (_capital(text, there[left]) and right - left == 1 and _ends(text, there, right))


def _ends(text: str, there: list[Token], at: int) -> bool:
    """Whether a small word ends a name: "the Albert-Einstein award"."""
    figures = any(c.isdigit() for c in there[at].text)
    return figures or (not _capital(text, there[at]) and len(there[at].text) >= _LEAST)


def _capital(text: str, token: Token) -> bool:
    return text[token.start : token.start + 1].isupper()


# --- what letters stand for ----------------------------------------------------------------------


def meaning(question: Question, graph: Graph) -> list[Found]:
    """Return what an abbreviation or a sign stands for: "B = incorrect", "Local Area Network (LAN)"."""
    if question.operation != "look" or not asks_meaning(question.text):
        return []
    terms = [w.strip("?.,'\"") for w in question.text.split()[1:] if _is_term(w.strip("?.,'\""))]
    for term in terms[-1:]:
        for segment in graph.segments:
            for start, end in _meanings(term, segment.text):
                box = BBox.around([segment.box(start, end)])
                slot = Slot(
                    segment.text[start:end], (segment.span(start, end),), box, (), segment, "value"
                )
                return [Found(slot.text, slot, (segment,), _STANDS)]
    return []


_STANDS = 0.85


def asks_meaning(text: str) -> bool:
    """Whether a question asks what something stands for.

    >>> asks_meaning("What does OCR stand for?"), asks_meaning("What is the OCR fee?")
    (True, False)
    """
    folded = f" {' '.join(token.text for token in tokens(text))} "
    return any(
        f" {phrase.strip()} " in folded for phrase in table("words")["ask"]["means"].split(",")
    )


def _is_term(word: str) -> bool:
    return bool(word) and (word.isupper() or any(c.isdigit() for c in word) or len(word) == 1)


def _meanings(term: str, text: str) -> Iterator[tuple[int, int]]:
    """Yield what a text says a term stands for: before its brackets, within brackets, behind a sign."""
    own = regex.escape(term)
    for match in regex.finditer(rf"(?<!\w){own}\s*(?:=|:|\u2013|-|\bmeans\b)\s+([^,;()]+)", text):
        yield match.start(1), match.start(1) + len(match[1].rstrip(" ."))
    for match in regex.finditer(rf"(?<!\w){own}\s*\(([^()]+)\)", text):
        yield match.span(1)
    for match in regex.finditer(rf"\((?:[^()]*,\s*)?{own}\)", text):
        before = list(regex.finditer(r"[\p{L}'\u2019-]+", text[: match.start()]))
        letters = [c for c in fold(term) if c.isalpha()]
        initials = [fold(word[0])[:1] for word in before]
        count = len(letters)
        if count > 1 and initials[-count:] == letters:
            yield before[-count].start(), before[-1].end()
