"""Answers from running text and titles: the sentence that says it, and the words in it asked for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import regex

from ..geometry import BBox
from ..model import AnswerSpan, BlockKind
from . import values
from .data import table, words
from .evidence import said, weighed
from .graph import Graph
from .question import Question
from .score import documents, greeted
from .segments import Segment
from .slots import NAMED, THERE, Slot
from .tables import Found, slot_of
from .units import Unit, units
from .words import Token, likeness, tokens

_LEAST = 0.6  # share of the question that a sentence must say
_NEAR = 3  # words between an answer and the one word that a question is about, at most
_LINES = 4  # that a title goes on for, at most
_SIZE = 1.3  # a title's letters are this much larger than the usual ones, where no level tells
_TYPED = ("date", "money", "percent", "phone", "email", "url", "iban", "bic", "time", "vat_id")


def sentences(question: Question, graph: Graph) -> list[Found]:
    """Return values of the kind asked for, from the sentences that say what the question says."""
    asked = weighed(question.asked, graph)
    if question.operation not in ("look", "count") or not question.kind:
        return []
    own = [unit for unit, weight in asked if weight >= 0.5]
    total = sum(weight for _, weight in asked)
    if not own or not total:
        return []
    found: list[Found] = []
    for slot in graph.slots:
        if slot.shape != "sentence" or slot.labels[0].relation != "sentence":
            continue
        text = " ".join(slot.text.split("\n"))
        share = sum(w * said(unit, text) for unit, w in asked) / total
        if share < _LEAST:
            continue
        found += _best(question, asked, share, slot, text, graph)
    if question.operation == "count":
        found += _before_noun(own[0], graph)
    found.sort(key=lambda item: -item.strength)
    return found[:3]


def objects(question: Question, graph: Graph) -> list[Found]:
    """Return what stands behind the verb that a question ends with: "what did he study?"."""
    if question.operation != "look" or question.kind not in ("", "text", "job", "org", "party"):
        return []
    plain = tokens(question.text)
    ends = [t.text for t in plain[-2:]]
    small = words("stop") | words("asking")
    verb = next((word for word in reversed(ends) if word not in small), "")
    if len(verb) < _VERB or not {t.text for t in plain} & words("helping"):
        return []
    unit = next((u for u, _ in question.asked if verb in u.words), Unit((verb,), frozenset()))
    others = [(u, w) for u, w in weighed(question.asked, graph) if u != unit and not u.senses]
    found = []
    for slot in graph.slots:
        if slot.shape != "sentence" or slot.labels[0].relation != "sentence":
            continue
        text = " ".join(slot.text.split("\n"))
        there = tokens(text)
        at = next((i for i, t in enumerate(there) if _inflects(unit, t.text)), -1)
        if at < 0 or at + 1 >= len(there):
            continue
        total = 1.0 + sum(w for _, w in others)
        share = (1.0 + sum(w * said(u, text) for u, w in others)) / total
        begin = at + 1
        if begin < len(there) - 1 and there[begin].text in words("leads"):
            begin += 1  # "apply for", "belong to": the little word goes with the verb
        start = there[begin].start
        stop = _CLAUSE.search(text, start)
        end = stop.start() if stop else len(text.rstrip(" .;:!?"))
        got = part(slot, text, start, end, graph)
        if share >= _LEAST and got is not None and len(text[start:end].split()) <= 12:
            found.append(Found(got.text, got, (slot.segment,), 0.75 * share**2))
    found.sort(key=lambda item: -item.strength)
    rivals = len({item.text for item in found})
    return [Found(f.text, f.slot, f.evidence, f.strength / rivals**0.5) for f in found[:2]]


def _inflects(unit: Unit, word: str) -> bool:
    """Whether a word is a form of the one asked for: study, studied; wohnen, wohnt."""
    return any(likeness(known, word) >= 0.7 or _forms(known, word) for known in unit.words)


def _forms(a: str, b: str) -> bool:
    same = next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )
    return same >= _VERB and {a[same:], b[same:]} <= words("verb_endings") | {""}


_VERB = 4  # letters of a verb, at least
_CLAUSE = regex.compile(
    r"[.;:!?](?=\s|$)|,\s|\s(?:which|that|because|when|while|where|who|since|dass|weil|wenn|qui|que|parce|car|perche|che|omdat|die|quando|bo)\s"
)


def _before_noun(noun: Unit, graph: Graph) -> Iterator[Found]:
    """Yield the number that opens a short line before what is counted: "4 chairs"."""
    for segment in graph.segments:
        spans = list(_counted(noun, tokens(segment.text), segment.text))
        plain = regex.match(r"\d+\s+\p{L}", segment.text) is not None
        if plain and len(segment.text.split()) <= 6 and len(spans) == 1:
            a, b = spans[0]
            box = BBox.around([segment.box(a, b)])
            slot = Slot(segment.text[a:b], (segment.span(a, b),), box, (), segment, "value")
            yield Found(slot.text, slot, (segment,), 0.75)


def _best(
    question: Question,
    asked: Sequence[tuple[Unit, float]],
    share: float,
    slot: Slot,
    text: str,
    graph: Graph,
) -> Iterator[Found]:
    words_ = tokens(text)
    places = [
        [i for i, token in enumerate(words_) if said(unit, token.text) >= 0.6] for unit, _ in asked
    ]
    spans = list(dict.fromkeys(_spans(question, asked, text, words_, graph.day_first)))
    rated = []
    for start, end in spans:
        first = next((i for i, t in enumerate(words_) if t.end > start), len(words_))
        last = max((i for i, t in enumerate(words_) if t.start < end), default=first)
        gaps = [
            min(max(first - at - 1, at - last - 1, 0) + (0.5 if at > last else 0) for at in at_)
            for at_ in places
            if at_
        ]
        if gaps:
            rated.append((sum(gaps) / len(gaps), start, end))
    rated.sort()
    if not rated:
        return
    away, start, end = rated[0]
    if len(asked) == 1 and away > _NEAR:
        return
    # Other values of the kind in the same sentence: the nearest is right less often.
    rivals = sum(1 for gap, _, _ in rated[1:] if gap < away + 4)
    strength = share**2 * (0.95 if not rivals else 0.8) / (1 + 0.03 * max(0.0, away - 4))
    found = part(slot, text, start, end, graph)
    if found is not None:
        yield Found(found.text, found, (slot.segment,), strength)


def _spans(
    question: Question,
    asked: Sequence[tuple[Unit, float]],
    text: str,
    said_: Sequence[Token],
    day_first: bool,
) -> Iterator[tuple[int, int]]:
    """Yield what in a sentence is of the kind asked for and does not stand in the question."""
    known = [word for unit, _ in asked for word in unit.words]

    def new(start: int, end: int) -> bool:
        inside = [token.text for token in tokens(text[start:end])]
        return any(all(likeness(word, other) < 0.7 for other in known) for word in inside)

    kind = question.kind
    if question.operation == "count":
        yield from _counted(asked[0][0], said_, text)
    elif kind in ("name", "party", "org"):
        for match in NAMED.finditer(text):
            inside = [token.text for token in tokens(match[0])]
            if all(all(likeness(word, other) < 0.9 for other in known) for word in inside):
                yield match.span()
    elif kind == "place":
        for match in THERE.finditer(text):
            if new(*match.span(1)):
                yield match.span(1)
    elif kind in _TYPED:
        for value in values.find(text, day_first):
            if value.kind == kind and new(value.start, value.end):
                yield value.start, value.end
        if kind == "date":
            for start, end in (*_days(said_), *_months_alone(said_)):
                if new(start, end) and not any(
                    v.kind == "date" and v.start <= start and end <= v.end
                    for v in values.find(text, day_first)
                ):
                    yield start, end


def _counted(noun: Unit, said_: Sequence[Token], text: str) -> Iterator[tuple[int, int]]:
    """Yield the numbers, in digits or words, before what is counted: "41 suppliers", "two red cars"."""
    numerals = words("numerals")
    for index, token in enumerate(said_):
        if not (token.text.isdigit() or token.text in numerals):
            continue
        # A digit of a longer number counts nothing: 2,500 or 3.5.
        if token.text.isdigit() and text[token.end : token.end + 2].strip(" .,")[:1].isdigit():
            continue
        start = token.start
        while start > 1 and text[start - 1] in ".,'" and text[start - 2].isdigit():
            start = text.rfind(" ", 0, start) + 1
        for behind in said_[index + 1 : index + 3]:
            if any(likeness(word, behind.text) >= 0.7 for word in noun.words):
                yield start, token.end
                break


def _days(said_: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """Yield days without a year: "17 June", "June 17"."""
    for a, b in itertools.pairwise(said_):
        for day, month in ((a.text, b.text), (b.text, a.text)):
            if day.isdigit() and 1 <= int(day) <= 31 and len(day) < 3 and month in _months():
                yield a.start, b.end
                break


def _months_alone(said_: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """Yield months without day or year, behind a preposition: "in June"."""
    for a, b in itertools.pairwise(said_):
        if a.text in words("leads") and b.text in _months() and len(b.text) > 3:
            yield b.start, b.end


def _months() -> frozenset[str]:
    return frozenset(w for names in table("words")["months"] for w in names.split() if len(w) > 2)


def part(slot: Slot, text: str, start: int, end: int, graph: Graph) -> Slot | None:
    """Return a range of a sentence as a slot; ``text`` is its lines joined by single blanks."""
    lines = {line.id: line for line in graph.page.lines}
    spans, boxes = [], []
    at = 0
    for span in slot.spans:
        size = span.end - span.start
        low, high = max(start - at, 0), min(end - at, size)
        if low < high:
            spans.append(AnswerSpan(span.line, span.start + low, span.start + high))
            offset = 0
            for word in lines[span.line].words:
                if offset < span.start + high and offset + len(word.text) > span.start + low:
                    boxes.append(word.bbox)
                offset += len(word.text) + 1
        at += size + 1
    if not spans or not boxes:
        return None
    return Slot(
        text[start:end], tuple(spans), BBox.around(boxes), slot.labels, slot.segment, "value"
    )


# --- letters and titles --------------------------------------------------------------------------


def recipient(question: Question, graph: Graph) -> Found | None:
    """Return who a letter is to, in full: the name over the greeting that has the greeting's words."""
    if question.operation != "look" or question.kind not in ("name", "party"):
        return None
    if any(w >= 1.0 and "receiver" not in unit.senses for unit, w in question.asked):
        return None
    if not any("receiver" in unit.senses for unit, _ in question.asked):
        return None
    names = greeted(graph)
    if not names:
        return None
    for segment in graph.segments:
        own = {token.text for token in tokens(segment.text)}
        if own & words("greetings") and own >= names:
            return None  # no name stands before the greeting
        if own > names and len(own) <= 6 and values.fit("party", segment.text) >= 0.5:
            slot = slot_of(graph, segment)
            return None if slot is None else Found(slot.text, slot, (), 0.95)
    return None


def subject(question: Question, graph: Graph) -> Found | None:
    """Return the line over the greeting of a letter, which says what it is about."""
    own = [unit for unit, weight in question.asked if weight >= 1.0]
    about = not own and question.kind == "" and {"letter"} & question.senses
    if question.operation != "look" or not (
        about or (own and all(unit.senses & {"subject"} for unit in own))
    ):
        return None
    greetings = words("greetings")
    for segment in graph.segments:
        said_ = [token.text for token in tokens(segment.text)]
        if not said_ or said_[0] not in greetings or len(said_) > 7:
            continue
        over = [
            s
            for s in graph.segments
            if 0 < segment.bbox.y0 - s.bbox.y1 < 7 * segment.em and _is_line(s, graph)
        ]
        if over:
            nearest = max(over, key=lambda s: (s.bbox.y1, s.line.bold))
            slot = slot_of(graph, nearest)
            return None if slot is None else Found(slot.text, slot, (segment,), 0.85)
    return None


def _is_line(segment: Segment, graph: Graph) -> bool:
    """Whether a segment may be the subject of a letter: words, no date, address, label or name."""
    text = segment.text
    found = values.find(text, graph.day_first)
    return (
        1 < len(text.split()) <= 14
        and not text.endswith(":")
        and not any(v.kind in ("date", "phone", "email", "url", "id") for v in found)
        and not values.has_postcode(text)
        and not values.has_street(text)
        and sum(c.isalpha() for c in text) > 8
        and (segment.line.bold or values.fit("name", text) < 0.9)
    )


def title(question: Question, graph: Graph) -> Found | None:
    """Return the title of the document, where nothing but that is asked: of level 1, or the largest."""
    asked = question.asked
    works = words("works")
    # "The name of the newspaper" is its title.
    called = any("name" in u.senses for u, _ in asked) and any(
        set(u.words) <= works for u, _ in asked
    )
    named = {"title"} | ({"name"} if called else set())
    if not any(named & unit.senses for unit, _ in asked) or question.operation != "look":
        return None
    if any(
        weight >= 1.0 and not named & unit.senses and not set(unit.words) <= works
        for unit, weight in asked
    ):
        return None
    segments = [s for s in graph.segments if s.kind is BlockKind.TITLE and _level(s, graph) == 1]
    strength = 0.95
    if not segments and graph.page.number == 1:
        upper = [
            s
            for s in graph.segments
            if s.bbox.y1 < 0.5 * graph.page.height and sum(c.isalpha() for c in s.text) > 3
        ]
        largest = max((s.em for s in upper), default=0.0)
        if largest >= _SIZE * graph.em:
            segments = [s for s in upper if s.em > 0.97 * largest]
            strength = 0.7
        if not segments:
            segments, strength = [s for s in upper if _names_itself(s)][:1], 0.6
        if not segments:
            # The first line that is set off from the rest: bold, in capitals or a little larger.
            shown = [
                s
                for s in upper[:3]
                if (s.line.bold or s.text.isupper() or s.em > 1.08 * graph.em)
                and 2 < len(s.text.split()) <= 12
                and ":" not in s.text
            ]
            segments, strength = shown[:1], 0.55
    if not segments:
        return None
    first = segments[0]
    own = [s for s in segments if s.block == first.block and first.block >= 0]
    own = own or [s for s in segments if abs(s.bbox.y0 - first.bbox.y0) < 4 * first.em]
    own += _goes_on(own[-1], graph)
    if graph.page.number > 1:
        strength *= 0.7
    slot = Slot(
        "\n".join(s.text for s in own),
        tuple(s.span() for s in own),
        BBox.around([s.place for s in own]),
        (),
        first,
        "group",
    )
    return Found(slot.text, slot, (), strength)


def _goes_on(last: Segment, graph: Graph) -> list[Segment]:
    """Return the further lines of a title, which the layout may take for blocks of their own."""
    more: list[Segment] = []
    while len(more) < _LINES:
        below = [
            s
            for s in last.below
            if abs(s.em - last.em) < 0.08 * last.em
            and 0 <= s.bbox.y0 - last.bbox.y1 < 0.9 * last.em
            and last.em > 1.15 * graph.em
            and s.line.bold == last.line.bold
        ]
        if not below:
            break
        last = below[0]
        more.append(last)
    return more


def _names_itself(segment: Segment) -> bool:
    """Whether a line is the name of a kind of document and little else: "Payment receipt"."""
    own = units(segment.text)
    shown = segment.line.bold or segment.text.isupper()
    return (
        shown
        and 0 < len(own) <= 3
        and not any(c.isdigit() or c == ":" for c in segment.text)
        and any(unit.senses & documents() for unit in own)
    )


def _level(segment: Segment, graph: Graph) -> int:
    return graph.page.blocks[segment.block].level if segment.block >= 0 else 0
