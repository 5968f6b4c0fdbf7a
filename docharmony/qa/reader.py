"""The deterministic reader: a page's graph and a question in, a reply with its place out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import regex

from ..detect.text import fold
from ..geometry import BBox
from ..model import AnswerSpan, Line
from . import (
    bylines,
    choices,
    counts,
    grids,
    moments,
    named,
    parties,
    phrases,
    prose,
    tables,
    yesno,
)
from .credit import credit, plausible
from .data import table
from .data import words as words_of
from .evidence import strangers
from .graph import Graph
from .question import Question, implied, understand
from .score import Scored, greeted, model, only_one, rank
from .slots import Slot
from .trim import trimmed, ungreeted, unlabelled, unmarked
from .units import Unit
from .words import tokens

if TYPE_CHECKING:
    from .choices import Pixels

HOW = (
    "look", "table", "sentence", "title", "subject", "recipient", "party", "moment",
    "extreme", "count", "yesno", "compare", "named", "object", "phrase", "choice", "byline",
)  # fmt: skip
"""Ways to an answer; each has its own calibration, ``all`` that of the best of them, and ``ocr`` that of
the best where it stands in lines that were read from pixels."""

_KEPT = 40  # slots that share the probability
_ALTERNATIVES = 8
_SUPPORT = 0.5  # share of the question's own words that must stand near an answer
# From this confidence on of words, boxes to tick are not looked at: that takes pixels.
_CLEAR = 0.85
_ONLY = 0.8  # the only value of its kind on a page, where no more than the kind is asked for
_AGREES = 0.6  # how much a second way to the same answer counts
_STRANGE = 0.5  # what is left of it where a name in the question stands nowhere on the page


@dataclass(frozen=True, slots=True)
class Reply:
    """What a page says to a question.

    Attributes:
        text: the answer as it stands on the page, or computed from it; None when it does not say.
        confidence: 0.0-1.0; of None, that the page does not say.
        bbox: box around the answer, or around what it was computed from.
        spans: the very characters; empty for a computed answer.
        evidence: ids of lines.
        how: which finder: one of HOW.
        raw: the figure that the confidence was calibrated from.
    """

    text: str | None
    confidence: float
    bbox: BBox | None = None
    spans: tuple[AnswerSpan, ...] = ()
    evidence: tuple[str, ...] = ()
    how: str = "look"
    raw: float = 0.0


SILENT = Reply(None, 1.0)


def candidates(question: Question, graph: Graph, pixels: Pixels | None = None) -> list[Reply]:
    """Return what may answer the question, the most likely first; confidences as calibrated.

    Whether the best of them is good enough is for the caller to say. ``pixels`` returns the page,
    for boxes to tick; it is called only where there are some.
    """
    if not question.asked or not graph.slots:
        return []
    found = [
        reply for one in _readings(question, graph) for reply in _candidates(one, graph, pixels)
    ]
    found.sort(key=lambda reply: -reply.confidence)
    return found[:_ALTERNATIVES]


def _readings(question: Question, graph: Graph) -> list[Question]:
    """Return what a question may mean on a page: as it is, without and with its other name in brackets.

    "What is the supplier (Dodavatel)?" asks for either. And a word such as "first" or "minimum" asks
    for no extreme where a label has it: "First name", "Minimum due".
    """
    if question.operation in ("most", "least"):
        looked = _labelled(question, graph)
        return [question] if looked is None else [looked]
    aside = _ALIAS.search(question.text)
    if aside is None or question.operation != "look":
        return [question]
    plain = understand(question.text[: aside.start()] + question.text[aside.end() :])
    other = understand(aside[1])
    other = replace(other, kind=plain.kind or other.kind, sure=plain.sure, operation="look")
    return [one for one in (question, plain, other) if one.asked]


def _labelled(question: Question, graph: Graph) -> Question | None:
    """Return a question for an extreme as one for a field, where a label has the word that asked."""
    known = {word for unit, _ in question.asked for word in unit.words}
    # "Nike Air Max" is a name.
    small = " ".join(word for word in question.text.split() if word[:1].islower())
    more = {token.text for token in tokens(small)} - known - words_of("wh") - words_of("stop")
    for segment in graph.segments:
        own = {token.text for token in tokens(segment.text)}
        extra = more & own - words_of("asking")
        if extra and 1 < len(own) <= 4 and known & own and not segment.numeric:
            asked = (
                *question.asked,
                *((Unit((word,), frozenset()), 1.0) for word in sorted(extra)),
            )
            kind = implied(list(asked))
            kind = "" if kind == "date" else kind  # what is due at least is a sum
            sure = 0.8 if kind else 0.0
            return replace(
                question, operation="look", which=False, kind=kind, sure=sure, asked=asked
            )
    return None


_ALIAS = regex.compile(r"\s*\(([^()]*\p{L}{3}[^()]*)\)")


def _candidates(question: Question, graph: Graph, pixels: Pixels | None) -> list[Reply]:
    if question.operation in ("yesno", "compare"):
        verdict = yesno.decide(question, graph, pixels)
        return [] if verdict is None else [_verdict(question, verdict)]
    found: list[Reply] = []
    if question.operation in ("most", "least"):
        extreme = tables.extreme(question, graph)
        if extreme is not None:
            found.append(_from_table(extreme, "extreme"))
    if question.operation == "count":
        count = tables.entries(question, graph)
        if count is not None:
            found.append(_from_table(count, "count"))
        else:
            found += [_from_table(item, "count") for item in counts.counted(question, graph)]
    looked = _looked(question, graph)
    told = finders(question, graph)
    if all(reply.confidence < _CLEAR for reply in (*told, *looked)):
        told += [_told(item, "choice") for item in choices.answer(question, graph, pixels)]
    for reply in told:
        names = {token.text for token in tokens(reply.text or "")}
        if reply.how == "party" and question.kind in ("name", "party", "org"):
            # A name in full answers better than a part of it.
            looked = [r for r in looked if not {t.text for t in tokens(r.text or "")} < names]
            if "receiver" in question.senses and reply.confidence >= _SUPPORT:
                looked = [_damped(r) if _greets(r, graph) else r for r in looked]
        if reply.how == "moment":
            # Other dates of the page are of other things.
            looked = [r if r.text == reply.text else _damped(r) for r in looked]
        if reply.how == "recipient":
            # The name in full answers better than what is left of it in the greeting.
            looked = [r for r in looked if not {t.text for t in tokens(r.text or "")} <= names]
    told = [replace(r, confidence=r.confidence * plausible(question, r.text or "")) for r in told]
    looked = _merged([*told, *looked])
    if found:
        # A table answers better than a field that happens to be called so.
        looked = [_damped(reply) for reply in looked]
    lines = {line.id: line for line in graph.page.lines}
    found = [replace(r, confidence=_sure(r, lines)) for r in (*found, *looked)]
    if strangers(question, graph):
        found = [replace(r, confidence=r.confidence * _STRANGE) for r in found]
    return sorted(found, key=lambda reply: -reply.confidence)[:_ALTERNATIVES]


def _key(reply: Reply) -> str:
    return fold(" ".join((reply.text or "").split())).strip(" .,:;")


def finders(question: Question, graph: Graph) -> list[Reply]:
    """Return what the finders of tables, sentences, titles, parties and dates say, each for itself."""
    told = [_told(item, "table") for item in grids.look_up(question, graph)]
    told += [_told(item, "sentence") for item in prose.sentences(question, graph)]
    told += [_told(item, "object") for item in prose.objects(question, graph)]
    told += [_told(item, "phrase") for item in phrases.answer(question, graph)]
    aspect = parties.aspect(question)
    below = [_told(item, "byline") for item in bylines.answer(question, graph)]
    told += below
    for party in parties.answer(question, graph):
        reply = _told(party, "party", aspect)
        # Names below the title are who wrote it: the house that they are of is not.
        told.append(_damped(reply) if below else reply)
    told += [_told(item, "moment") for item in moments.answer(question, graph)]
    told += [_told(item, "named") for item in named.answer(question, graph)]
    told += [_told(item, "named") for item in named.meaning(question, graph)]
    for how, item in (
        ("title", prose.title(question, graph)),
        ("subject", prose.subject(question, graph)),
        ("recipient", prose.recipient(question, graph)),
    ):
        if item is not None:
            told.append(_told(item, how))
    return told


def _sure(reply: Reply, lines: Mapping[str, Line]) -> float:
    """Return how likely a reply is right: that it is the right place, and that it was read right."""
    place = calibrated("all", reply.confidence)
    own = [lines[span.line] for span in reply.spans]
    sure = place * min((line.confidence for line in own), default=1.0)
    told = own or [lines[name] for name in reply.evidence]
    # What a reader of pixels missed or misread around an answer, its own confidence does not say.
    if any(word.origin == "ocr" for line in told for word in line.words):
        return calibrated("ocr", sure)
    return sure


def _greets(reply: Reply, graph: Graph) -> bool:
    """Whether a name comes from the greeting of a letter alone."""
    names = {token.text for token in tokens(reply.text or "")}
    return bool(names) and names <= greeted(graph)


def _told(found: tables.Found, how: str, kind: str = "") -> Reply:
    """Return what a finder of tables, sentences or titles gives; its strength is its confidence."""
    assert found.slot is not None
    slot = unmarked(unlabelled(found.slot))
    if how == "party":
        slot = ungreeted(slot)
    lines = [span.line for span in slot.spans] + [s.line.id for s in found.evidence]
    evidence = tuple(dict.fromkeys(lines))
    text = joined(slot, kind)
    confidence = calibrated(how, found.strength)
    return Reply(text, confidence, slot.bbox, slot.spans, evidence, how, found.strength)


def _merged(replies: list[Reply]) -> list[Reply]:
    """Return the replies, of those with the same text the one that is most likely.

    Where two ways lead to the same answer it is likelier than by either alone.
    """
    best: dict[str, Reply] = {}
    ways: dict[str, set[str]] = {}
    for reply in sorted(replies, key=lambda reply: -reply.confidence):
        key = _key(reply)
        first = best.setdefault(key, reply)
        if reply.how not in ways.setdefault(key, {first.how}):
            ways[key].add(reply.how)
            both = 1 - (1 - first.confidence) * (1 - _AGREES * reply.confidence)
            best[key] = replace(first, confidence=both)
    return list(best.values())


def joined(slot: Slot, kind: str = "") -> str:
    """Return the text of a slot in one line; lines of an address are joined by commas.

    A line that ends with a comma or a hyphen goes on with a space, or nothing.
    """
    lines = slot.text.split("\n")
    text = lines[0]
    for line in lines[1:]:
        if kind == "address" and not text.endswith((",", ";")):
            text += ", " + line
        else:
            text += " " + line
    return text


def _looked(question: Question, graph: Graph) -> list[Reply]:
    ranked = rank(question, graph)[:_KEPT]
    if not ranked:
        return []
    null = model()["calibration"]["null"]
    top = max(ranked[0].score, null)
    powers = [math.exp(item.score - top) for item in ranked]
    total = sum(powers) + math.exp(null - top)
    groups: dict[str, tuple[Scored, float]] = {}
    found_tables = grids.grids(graph)
    for item, power in zip(ranked, powers, strict=True):
        key = fold(" ".join(item.slot.text.split())).strip(" .,:;")
        best, mass = groups.get(key, (item, 0.0))
        groups[key] = (best, mass + power / total)
    replies = []
    for item, raw in groups.values():
        slot = unmarked(trimmed(question.kind, item.slot))
        text = joined(slot, question.kind)
        confidence = calibrated("look", raw) * credit(question, slot, found_tables)
        if only_one(question, slot, graph):
            confidence = max(confidence, _ONLY)
        lines = tuple(dict.fromkeys(span.line for span in slot.spans))
        replies.append(Reply(text, confidence, slot.bbox, slot.spans, lines, "look", raw))
    return sorted(replies, key=lambda reply: -reply.raw)


def calibrated(how: str, raw: float) -> float:
    """Return the probability that an answer is right, from the figure that its finder gives.

    A logistic curve over log(raw / (1 - raw)), fitted on made documents of development.
    """
    numbers = model()["calibration"]
    raw = min(max(raw, 1e-4), 1 - 1e-4)
    logit = math.log(raw / (1 - raw))
    z = numbers[f"{how}_slope"] * logit + numbers[f"{how}_bias"]
    return 1 / (1 + math.exp(-z))


def together(confidence: float, rate: float) -> float:
    """Return how likely a proposal is right that a language model has judged too.

    Args:
        confidence: of the rules, 0.0-1.0.
        rate: mean log-probability of its symbols, at most 0.
    """
    numbers = model()["engine"]
    p = min(max(confidence, 2e-3), 1 - 2e-3)
    z = numbers["rules"] * math.log(p / (1 - p)) + numbers["rate"] * max(-6.0, rate)
    z = numbers["slope"] * (z + numbers["bias"]) + numbers["offset"]
    return 1 / (1 + math.exp(-z))


def _damped(reply: Reply) -> Reply:
    return replace(reply, confidence=reply.confidence * 0.5)


def _from_table(found: tables.Found, how: str) -> Reply:
    lines = [segment.line.id for segment in found.evidence]
    raw = found.strength
    if found.slot is not None:
        slot = found.slot
        lines = [*(span.line for span in slot.spans), *lines]
        evidence = tuple(dict.fromkeys(lines))
        text = found.text
        return Reply(text, calibrated(how, raw), slot.bbox, slot.spans, evidence, how, raw)
    box = BBox.around([s.place for s in found.evidence]) if found.evidence else None
    evidence = tuple(dict.fromkeys(lines))
    return Reply(found.text, calibrated(how, raw), box, (), evidence, how, raw)


def _verdict(question: Question, verdict: yesno.Verdict) -> Reply:
    how = "compare" if question.operation == "compare" else "yesno"
    confidence = calibrated(how, verdict.strength)
    evidence = tuple(dict.fromkeys(segment.line.id for segment in verdict.evidence))
    if verdict.slot is not None:
        slot = verdict.slot
        return Reply(slot.text, confidence, slot.bbox, slot.spans, evidence, how, verdict.strength)
    box = BBox.around([s.place for s in verdict.evidence]) if verdict.evidence else None
    text = say(question.text, yes=verdict.yes)
    return Reply(text, confidence, box, (), evidence, how, verdict.strength)


def say(question: str, *, yes: bool) -> str:
    """Return yes or no in the language of the question, as far as its little words tell.

    >>> say("Ist die Rechnung bezahlt?", yes=True), say("Is it paid?", yes=False)
    ('Ja', 'No')
    """
    said = {token.text for token in tokens(question)}
    best, most = "en", 0
    for language, words in table("words")["languages"].items():
        count = len(said & set(words.split()))
        if count > most:
            best, most = language, count
    answers: dict[str, list[str]] = table("words")["say"]
    return answers[best][0 if yes else 1]
