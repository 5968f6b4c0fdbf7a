"""Answers from running text in its own words: what stands where a sentence departs from the question.

A question repeats most of the sentence that answers it: "Who supervised the thesis?", "The thesis was
supervised by Ann Roe". What both say is matched word by word; the runs of other words between are the
candidates. Each is judged by what stands before it (the question's own preposition, "by", "because"), by
its place beside the verb, and by what the question word asks for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import regex

from .data import table, words
from .evidence import said
from .graph import Graph
from .prose import part
from .question import Question
from .slots import Slot
from .tables import Found
from .units import Unit, units
from .words import Token, likeness, stem, tokens

_KINDS = frozenset({"", "text", "name", "party", "org", "job", "number", "place"})
_LEAST = 0.34  # share of the question, rare words weighing more, that a sentence must say
_SENTENCES = 4  # sentences that are looked at
_LONGEST = 16  # words of an answer
_GIVEN = 3  # answers
_ENDS = regex.compile(r"[;!?()\u2022\u201c\u201d\"\[\]|]|[.,:](?!\d)|\s[\u2013\u2014-]\s")
_SHORT = regex.compile(r"^\p{Lu}\p{L}{0,3}$")  # "Dr.", "V.": its point ends nothing


@dataclass(frozen=True, slots=True)
class Form:
    """What the wording of a question tells of its answer.

    Attributes:
        word: ``who``, ``what``, ``where``, ``when``, ``why``, ``how`` or ``many``.
        before: the preposition that must lead to the answer: "by what", "which ... from".
        subject: the answer does what the verb says, rather than that it is done to it.
        noun: words behind "which", which may belong to the answer.
        content: the words that the sentence should have.
        every: all its words.
        names: those of the content that are written as names are, with a capital or a digit.
    """

    word: str
    before: str
    subject: bool
    noun: frozenset[str]
    content: tuple[Unit, ...]
    every: frozenset[str]
    names: frozenset[str]


def answer(question: Question, graph: Graph) -> list[Found]:
    """Return runs of words that fill what a question leaves open, the likeliest first."""
    if question.operation not in ("look", "count") or question.kind not in _KINDS:
        return []
    form = form_of(question.text)
    if not form.content:
        return []
    texts = [(slot, " ".join(slot.text.split("\n"))) for slot in prose(graph)]
    rare = {unit: rarity(unit, graph) for unit in form.content}
    total = sum(rare.values())
    rated = []
    for slot, text in texts:
        share = sum(weight * meets(unit, text) for unit, weight in rare.items()) / total
        if share >= _LEAST:
            rated.append((share, slot, text))
    rated.sort(key=lambda item: -item[0])
    found: dict[str, Found] = {}
    for share, slot, text in rated[:_SENTENCES]:
        for start, end, value in runs(form, text):
            got = part(slot, text, start, end, graph)
            if got is None:
                continue
            strength = min(0.97, share**1.3 * value)
            if strength > found.get(got.text, Found("", None, (), 0.0)).strength:
                found[got.text] = Found(got.text, got, (slot.segment,), strength)
    return sorted(found.values(), key=lambda item: -item.strength)[:_GIVEN]


@lru_cache(maxsize=8)
def prose(graph: Graph) -> tuple[Slot, ...]:
    """Return the sentences of a page, and lines outside of paragraphs that read like one."""
    found = [s for s in graph.slots if s.shape == "sentence" and reads(s.text)]
    lines = {span.line for slot in found for span in slot.spans}
    alone = [
        s
        for s in graph.slots
        if s.shape == "whole" and s.segment.line.id not in lines and reads(s.text)
    ]
    return (*found, *alone)


def reads(text: str) -> bool:
    """Whether a text reads like a sentence: small words among small letters, no label before a colon.

    >>> reads("The dean is coming today."), reads("Name of the applicant: Ann"), reads("Total 12.00")
    (True, False, False)
    """
    said_ = text.split()
    small = sum(word[:1].islower() for word in said_)
    little = sum(token.text in words("stop") for token in tokens(text))
    return (
        4 <= len(said_) <= 80
        and small >= 0.4 * len(said_)
        and little > 0
        and _COLON.search(text) is None
    )


_COLON = regex.compile(r"^\W*\S+(?:\s\S+){0,4}:(?=\s|$)")


@lru_cache(maxsize=1 << 12)
def form_of(text: str) -> Form:
    """Return what the wording of a question tells of its answer.

    >>> form = form_of("By whom was the bridge built?")
    >>> form.word, form.before, [unit.words for unit in form.content]
    ('who', 'by', [('bridge',), ('built',)])
    """
    plain = [token.text for token in tokens(text)]
    forms = _forms()
    at = next((i for i, word in enumerate(plain[:4]) if word in forms), -1)
    word = forms.get(plain[at], "what") if at >= 0 else "what"
    behind = plain[at + 1 :] if at >= 0 else plain
    if word == "how" and behind[:1] and behind[0] in words("amounts"):
        word, behind = "many", behind[1:]
    before = plain[at - 1] if at > 0 and plain[at - 1] in words("leads") else ""
    if not before and behind and behind[-1] in words("leads"):
        before, behind = behind[-1], behind[:-1]
    noun: frozenset[str] = frozenset()
    asked_noun = at >= 0 and (plain[at] in words("which") or word == "many")
    if asked_noun and behind and behind[0] not in words("copula") | words("helping"):
        noun = frozenset(behind[:1])
    first = behind[1:2] if noun else behind[:1]
    subject = not (first and first[0] in words("helping"))
    skip = words("stop") | words("asking") | words("helping")
    content = tuple(
        unit
        for unit in units(" ".join(behind))
        if not set(unit.words) <= skip and not (set(unit.words) <= noun and not unit.senses)
    )
    named = [w for w in text.split()[1:] if any(c.isupper() or c.isdigit() for c in w)]
    names = frozenset(token.text for word_ in named for token in tokens(word_))
    return Form(word, before, subject, noun, content, frozenset(plain), names)


@cache
def _forms() -> dict[str, str]:
    return {w: name for name, said_ in table("words")["forms"].items() for w in said_.split()}


@lru_cache(maxsize=1 << 12)
def _rarity(unit: Unit, graph: Graph) -> float:
    count = sum(meets(unit, segment.text) > 0 for segment in graph.segments)
    return 1.0 if count == 0 else max(0.35, 1.5 / (1.0 + 0.5 * count))


def rarity(unit: Unit, graph: Graph) -> float:
    """Return how much a word tells: more where fewer lines of the page have it; 1.0 where none has."""
    return _rarity(unit, graph)


def meets(unit: Unit, text: str) -> float:
    """Return how far a text says a unit, 0.0-1.0, other forms of its verb included."""
    value = said(unit, text)
    if value >= 0.7:
        return value
    there = {token.text for token in tokens(text)}
    every = all(any(same(word, other) for other in there) for word in unit.words)
    return 0.9 if every else value


@lru_cache(maxsize=1 << 15)
def same(a: str, b: str) -> bool:
    """Whether two folded words are forms of one: study, studied; fell, fall.

    >>> same("fall", "fell"), same("studied", "study"), same("paper", "paid")
    (True, True, False)
    """
    if likeness(a, b) >= 0.7 or _irregular().get(a, a) == _irregular().get(b, b):
        return True
    common = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), 99)
    common = min(common, len(a), len(b))
    if common < 4 and not (common == 3 and max(len(a), len(b)) <= 6):
        return False
    return {a[common:], b[common:]} <= words("verb_endings") | {""} or stem(a) == stem(b)


@cache
def _irregular() -> dict[str, str]:
    return {form: line[0] for line in _lines() for form in line}


def _lines() -> Iterator[list[str]]:
    for line in table("words")["irregular"].strip().splitlines():
        yield line.split()


def runs(form: Form, text: str) -> Iterator[tuple[int, int, float]]:
    """Yield the runs of a sentence that the question does not have: start, end, how well they fit."""
    said_ = tokens(text)
    hits = [any(meets(unit, t.text) >= 0.7 for unit in form.content) for t in said_]
    if not any(hits):
        return
    cut = [i > 0 and _ends(text, said_[i - 1], t) for i, t in enumerate(said_)]
    for first, last in _spans(form, said_, hits, cut):
        value = _value(form, text, said_, hits, cut, first, last)
        if value > 0:
            yield said_[first].start, said_[last].end, value


def _ends(text: str, left: Token, right: Token) -> bool:
    """Whether a clause ends between two words."""
    between = text[left.end : right.start]
    if between.strip() == "." and _SHORT.match(text[left.start : left.end]):
        return False
    return _ENDS.search(text, left.end, right.start) is not None


def _spans(
    form: Form, said_: Sequence[Token], hits: Sequence[bool], cut: Sequence[bool]
) -> Iterator[tuple[int, int]]:
    """Yield first and last word of each run without words of the question, and of what it begins with."""
    small = words("stop") | words("joins")
    leads = words("leads") | words("because")
    seen = set()
    at = 0
    while at < len(said_):
        if hits[at]:
            at += 1
            continue
        stop = at
        while stop + 1 < len(said_) and not hits[stop + 1] and not cut[stop + 1]:
            stop += 1
        # A run may begin behind each preposition in it, and end before the next one or an "and".
        starts = [at] + [i + 1 for i in range(at, stop) if said_[i].text in leads]
        for begin in starts:
            breaks = (leads - _OF) | words("joins")
            ends = [stop] + [i - 1 for i in range(begin + 1, stop + 1) if said_[i].text in breaks]
            for end in ends:
                a, b = begin, end
                while a <= b and _opens_nothing(form, said_[a].text):
                    a += 1
                while b >= a and said_[b].text in small:
                    b -= 1
                if a <= b and b - a < _LONGEST and (a, b) not in seen:
                    seen.add((a, b))
                    yield a, b
                # "A six foot wall": what "which" asks for belongs to its answer.
                if form.noun and b + 1 < len(said_) and said_[b + 1].text in form.noun and a <= b:
                    seen.add((a, b + 1))
                    yield a, b + 1
        at = stop + 1


def _opens_nothing(form: Form, word: str) -> bool:
    """Whether a word is no beginning of an answer: a little one, or one that only asks: "found"."""
    if word in words("articles"):
        return False
    little = word in words("stop") or word in words("leads") or word in words("because")
    return little or any(same(word, other) for other in form.every & words("asking"))


_OF = frozenset({"of", "de", "von", "di", "van", "do", "da", "du"})


def _value(
    form: Form,
    text: str,
    said_: Sequence[Token],
    hits: Sequence[bool],
    cut: Sequence[bool],
    first: int,
    last: int,
) -> float:
    """Return how well a run fits where the question word stands, 0.0-1.0."""
    before = [said_[i].text for i in range(max(0, first - 3), first)]
    run = text[said_[first].start : said_[last].end]
    own = [said_[i].text for i in range(first, last + 1)]
    left = next((k for k in range(1, 6) if first - k >= 0 and hits[first - k]), 9)
    right = next((k for k in range(1, 6) if last + k < len(said_) and hits[last + k]), 9)
    near = min(left, right)
    value = 0.72 if left == right == 1 else 0.62 if near <= 2 else 0.5 if near <= 4 else 0.25
    lead = next((w for w in reversed(before[-2:]) if w in words("leads") | words("because")), "")
    if form.before:
        value *= 1.45 if lead == form.before else 0.75
    capital = run[:1].isupper() and said_[first].start > 0
    figures = any(c.isdigit() for c in run) or any(w in words("numerals") for w in own)
    if form.word != "many" and not any(c.isalpha() and len(w) > 2 for w in own for c in w):
        return 0.0
    if form.word == "who":
        named = run[:1].isupper()
        subject = right <= 3 and form.subject
        passive = lead in words("by") and left <= 3
        if not (named or subject or passive):
            return 0.0
        value *= 1.0 + 0.25 * named + 0.25 * (subject or passive)
    elif form.word == "many":
        if not figures:
            return 0.0
        value *= 1.2
    elif form.word == "why":
        reason = any(w in words("because") for w in before)
        value *= 1.5 if reason else 0.4
    elif form.word == "where":
        there = lead in words("places")
        value *= 1.35 if there else 0.6
        value *= 1.1 if capital else 1.0
    elif form.word == "when":
        value *= 1.3 if figures else 0.35
    else:
        if form.subject:
            value *= 1.2 if right <= 2 or (left <= 3 and not cut[first]) else 0.8
        else:
            value *= 1.3 if left == 1 or (left == 2 and before[-1:] != [""]) else 0.7
        if form.noun and any(same(n, w) for n in form.noun for w in own):
            value *= 1.3
    # What runs to the end of its clause is whole; what has a verb of its own is a clause.
    whole = last + 1 == len(said_) or cut[last + 1] or hits[last + 1]
    value *= 1.0 if whole or said_[last + 1].text in words("joins") else 0.85
    if form.word != "why" or any(w in words("joins") for w in own):
        value *= 0.7 if any(w in words("copula") for w in own) else 1.0
    if last - first > 9:
        value *= 0.8
    return min(1.0, value)
