"""How likely a slot answers a question: features, weights from ``data/weights.json``, a probability.

The weights were fitted by tests/bench/fit_ask.py on made documents, with weights set by hand as the
starting point that the fit stays near.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.resources import files

from .data import words
from .graph import Graph
from .question import Question
from .segments import Segment
from .senses import dictionary
from .slots import Slot
from .units import Unit, alike, covered, match, units
from .values import fit
from .words import likeness, tokens

_MAIN = ("inline", "left", "above", "row", "column", "below", "upper", "behind", "box", "under")
_TABLE = ("inline", "left", "row", "above", "column", "heading", "box", "under")

FEATURES = (
    "bias",
    "strength",
    "coverage",
    "precision",
    *(f"by_{relation}" for relation in _MAIN),
    "sentence",
    "heading",
    "together",
    "row_and_column",
    "distance",
    "colon",
    "fit",
    "fit_strength",
    "misfit",
    "untyped",
    "typed_value",
    "whole",
    "rest",
    "group",
    "group_address",
    "long_sentence",
    "key_like",
    "says_question",
    "served",
    "words",
    "misread",
    "largest_money",
    "total_late",
    "top",
    "big",
    "title",
    "org_top",
    "domain",
    "dear",
    "numeric_text",
    "exact",
    "sentence_fit",
    "short_id",
    "vendor_block",
    "other_block",
    "greeted",
    "after_regards",
    "before_regards",
    "address_named",
    "address_whole",
    "inner_name",
    "only_one",
    "job_after_regards",
    "address_cut",
    "address_mid",
    "together_squared",
    "row_missed",
    "conflict",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scored:
    """A slot with its features and its score, a log-odds-like number."""

    slot: Slot
    features: tuple[float, ...]
    score: float


_TOLD = 0.3  # what is left of another form's weight, where the label is the very one
_OURS = 0.4  # weight of the issuer's name: few labels have it, "Phone" alone is the issuer's


class Asker:
    """A question as it stands before one page: its weights know what words the page has."""

    def __init__(self, question: Question, graph: Graph) -> None:
        self.graph = graph
        vocabulary = _vocabulary(graph)
        self.vendors = _vendors(graph)
        ours = {word for name in self.vendors for word in name.split()}
        asked = []
        for unit, weight in question.asked:
            if 0.2 < weight < 1.0 and unit.senses & documents() and not unit.senses & graph.about:
                weight = 1.0  # not what this page is: the order that an invoice speaks of
            if not unit.senses and not any(_known(word, vocabulary) for word in unit.words):
                weight *= 0.6
            elif not unit.senses and ours.issuperset(unit.words):
                weight *= _OURS
            asked.append((unit, weight))
        self.question = replace(question, asked=tuple(asked))
        self.senses = self.question.senses
        # Words of the page that mean no field: they name a row, or a column.
        self.rows = [(u, w) for u, w in asked if not u.senses and w == 1.0]
        self.numbered = any("number" in unit.senses for unit, _ in asked)
        self.most = _largest(graph)
        self.greeted = greeted(graph)

    def features(self, slot: Slot) -> list[float]:
        """Return the features of a slot, in the order of FEATURES."""
        question, graph = self.question, self.graph
        f: dict[str, float] = dict.fromkeys(FEATURES, 0.0)
        f["bias"] = 1.0
        asked = question.asked
        best, main = 0.0, None
        sentence = heading = 0.0
        row = column = 0.0
        supplied = graph.about | _SUPPLIES.get(slot.kind, frozenset())
        for label in slot.labels:
            own = label.units
            if self.numbered and label.relation in ("inline", "left") and _is_document(own, slot):
                own = (*own, _NUMBER)  # "Invoice 2024-17" gives its number
            found = match(asked, own, given=supplied)
            strength = found.strength
            if label.relation == "sentence":
                sentence = max(sentence, found.coverage)
                continue
            if label.relation == "heading":
                heading = max(heading, found.strength)
                continue
            if label.relation in ("left", "row"):
                row = max(row, found.coverage)
                strength /= 1 + 0.012 * max(0.0, label.distance - 2)
            elif label.relation in ("above", "column", "upper"):
                column = max(column, found.coverage)
                strength /= 1 + 0.06 * max(0.0, label.distance - 0.5)
            if label.relation == "behind":
                strength *= 0.6
            if strength > best:
                best, main = strength, (label, found)
        if main is not None:
            label, found = main
            f["strength"], f["coverage"], f["precision"] = best, found.coverage, found.precision
            f[f"by_{label.relation}"] = best
            f["distance"] = math.log1p(max(0.0, label.distance))
            f["colon"] = best * label.colon
            f["exact"] = float(best > 0.9)
            f["conflict"] = _conflict(asked, label.units) * best
            if label.relation in ("above", "upper") and label.segment >= 0:
                right = graph.segments[label.segment].right
                f["served"] = float(right is not None and label.colon)
        f["sentence"] = sentence
        if main is not None and any("regards" in unit.senses for unit in main[0].units):
            # A name stands below the closing of a letter, never above it.
            f["before_regards" if main[0].relation == "below" else "after_regards"] = best
        f["heading"] = heading
        f["together"] = covered(
            asked, [label.units for label in slot.labels if label.relation in _TABLE]
        )
        f["together_squared"] = f["together"] ** 2
        if self.rows and slot.shape != "sentence":
            texts = [label.units for label in slot.labels if label.relation in _TABLE]
            f["row_missed"] = 1.0 - covered(self.rows, texts)
        f["row_and_column"] = min(row, column, 1.0) * float(f["together"] > max(row, column) + 0.1)
        self._value(slot, f)
        self._place(slot, f)
        return [f[name] for name in FEATURES]

    def _value(self, slot: Slot, f: dict[str, float]) -> None:
        question = self.question
        kind = question.kind
        text = slot.text
        if kind:
            known = slot.kind == kind or (kind in ("party", "org") and slot.kind == "name")
            fits = fit(kind, text.replace("\n", " ") if slot.shape == "group" else text)
            if known and slot.shape == "value":
                fits = max(fits, 0.9)
            f["fit"] = fits * question.sure
            f["fit_strength"] = fits * f["strength"] * question.sure
            f["misfit"] = float(fits < 0.2) * question.sure
            if kind in ("date", "phone") and self._labelled(slot, f):
                f["misfit"] *= _TOLD  # its own label says what it is
            f["typed_value"] = float(known and slot.shape == "value")
        else:
            f["untyped"] = 1.0
            f["numeric_text"] = float(
                sum(c.isdigit() for c in text) > sum(c.isalpha() for c in text)
            )
        if kind:
            f["sentence_fit"] = f["sentence"] * f["fit"]
        if kind in ("id", "number"):
            f["short_id"] = float(kind == "id" and len(text) < 3)
        if kind in _SINGLE and f["fit"] > 0.5:
            f["only_one"] = float(len(_values_of(self.graph, kind)) == 1)
        if kind == "job":
            f["job_after_regards"] = f["after_regards"] * f["fit"]
        if kind in ("name", "party", "org") and slot.shape == "value":
            f["inner_name"] = fit("org", slot.segment.text)
        if kind == "address" and slot.shape == "group":
            f["address_named"] = float(not any(c.isdigit() for c in text.split("\n")[0]))
            f["address_whole"] = float(f["fit"] > 0.75)
            f["address_cut"] = float(slot.kind == "cut")
        if kind == "address":
            above = slot.segment.above[:1]
            mid = above and slot.segment.bbox.y0 - above[0].bbox.y1 < 0.9 * slot.segment.em
            f["address_mid"] = float(bool(mid and fit("address", above[0].text) > 0.35))
        f["whole"] = float(slot.shape == "whole")
        f["rest"] = float(slot.shape == "rest")
        f["group"] = float(slot.shape == "group" and kind != "address")
        f["group_address"] = float(slot.shape == "group" and kind == "address")
        f["long_sentence"] = float(slot.shape == "sentence")
        own = units(text)
        if own and slot.shape != "sentence":
            digits = any(c.isdigit() for c in text)
            f["key_like"] = float(
                not digits and (text.rstrip().endswith(":") or all(unit.senses for unit in own))
            )
            f["says_question"] = match(question.asked, own).strength
        f["words"] = math.log1p(len(text.split()))
        f["misread"] = 1.0 - slot.segment.line.confidence

    def _labelled(self, slot: Slot, f: dict[str, float]) -> bool:
        """Whether the label of a slot says that it is of the kind: "Phone:" before any figures."""
        if f["exact"] and (f["colon"] > 0.9 or f["by_left"] > 0.9):
            return True
        own = slot.labels[:1]
        return (
            bool(own)
            and own[0].colon
            and own[0].relation in ("inline", "left")
            and any(unit.senses & _SUPPLIES[self.question.kind] for unit in own[0].units)
        )

    def _place(self, slot: Slot, f: dict[str, float]) -> None:
        graph, senses = self.graph, self.senses
        height = graph.page.height or 1.0
        if "total" in senses and self.most and slot.text == self.most:
            f["largest_money"] = 1.0
        if "total" in senses:
            f["total_late"] = f["strength"] * slot.bbox.y0 / height
        early = max(0.0, 1 - slot.bbox.y0 / height / 0.25)
        f["top"] = early * float(bool(senses & {"vendor", "sender", "date", "title", "company"}))
        big = min(1.0, max(0.0, slot.segment.em / graph.em - 1.05) * 2)
        f["big"] = big * float(bool(senses & {"vendor", "sender", "title", "company"}))
        f["title"] = float(bool(senses & {"title", "subject"}) and slot.shape == "whole") * max(
            big, 0.7 * slot.segment.line.bold * (height * 0.6 > slot.bbox.y0)
        )
        if senses & {"vendor", "sender", "company"} and self.question.kind in (
            "party",
            "org",
            "name",
        ):
            f["org_top"] = fit("org", slot.text) * early
            f["domain"] = float(in_domain(slot.text, graph))
        if senses & _ROLES:
            early = max(0.0, 1 - slot.bbox.y0 / height / 0.4)
            top = _stack_top(slot.segment)
            own = _named(top.text) in self.vendors or in_domain(top.text, graph)
            ours = bool(senses & {"vendor", "sender", "company"}) and not senses & {
                "customer",
                "receiver",
            }
            theirs = bool(senses & {"customer", "receiver", "holder"})
            f["vendor_block"] = float(own) * (1.0 if ours else -1.0 if theirs else 0.0)
            names = top.bbox.y1 < 0.6 * height and fit("party", top.text) > 0.55
            if theirs and not own and names:
                f["other_block"] = early
                f["dear"] = early * fit("party", slot.text)
            if theirs and self.greeted:
                f["greeted"] = float(
                    bool({t.text for t in tokens(slot.text)} & self.greeted)
                ) * float(_named(slot.text) not in self.vendors)


def score(features: Sequence[float], weights: Mapping[str, float]) -> float:
    """Return the weighted sum of features in the order of FEATURES."""
    return sum(
        weights[name] * value for name, value in zip(FEATURES, features, strict=True) if value
    )


@cache
def model() -> Mapping[str, Mapping[str, float]]:
    """Return the weights and the numbers of the calibration."""
    text = files(__package__).joinpath("data/weights.json").read_text(encoding="utf-8")
    found: Mapping[str, Mapping[str, float]] = json.loads(text)
    return found


def rank(question: Question, graph: Graph) -> list[Scored]:
    """Return the slots of a page that may answer a question, the most likely first."""
    weights = model()["weights"]
    asker = Asker(question, graph)
    found = []
    for slot in graph.slots:
        if not units(slot.text) and not any(c.isdigit() for c in slot.text):
            continue
        features = asker.features(slot)
        found.append(Scored(slot, tuple(features), score(features, weights)))
    found.sort(key=lambda item: -item.score)
    return found


@lru_cache(maxsize=8)
def _vocabulary(graph: Graph) -> frozenset[str]:
    return frozenset(token.text for s in graph.segments for token in tokens(s.text))


def _known(word: str, vocabulary: frozenset[str]) -> bool:
    return word in vocabulary or any(likeness(word, other) >= 0.7 for other in vocabulary)


@lru_cache(maxsize=8)
def _largest(graph: Graph) -> str:
    from .values import find

    best, text = 0.0, ""
    for slot in graph.slots:
        if slot.shape == "value" and slot.kind != "money":
            continue
        for value in find(slot.text):
            if value.kind == "money" and value.end - value.start >= len(slot.text) - 1:
                try:
                    number = float(value.normal)
                except ValueError:
                    continue
                if number > best:
                    best, text = number, slot.text
    return text


_GENERAL = frozenset(
    {"number", "date", "name", "amount", "total", "address", "rate", "time", "reference"}
)


def _conflict(asked: Sequence[tuple[Unit, float]], label: Sequence[Unit]) -> float:
    """Return 1.0 where a label is of something else: the invoice's number for the customer's."""

    def missed(unit: Unit, others: Sequence[Unit]) -> bool:
        special = bool(unit.senses) and not unit.senses & _GENERAL
        return special and all(alike(unit, other) < 0.5 for other in others)

    wanted = any(w >= 0.9 and missed(u, label) for u, w in asked)
    other = any(missed(u, [x for x, _ in asked]) for u in label)
    return float(wanted and other)


# What a value of a kind says of itself: a percentage is a rate.
_SUPPLIES = {
    "percent": frozenset({"rate"}),
    "date": frozenset({"date"}),
    "phone": frozenset({"phone"}),
    "email": frozenset({"email"}),
    "url": frozenset({"website"}),
    "time": frozenset({"time"}),
}
_NUMBER = Unit(("number",), frozenset({"number"}))


def _is_document(label: Sequence[Unit], slot: Slot) -> bool:
    """Whether a label is a kind of document and nothing else, and an id stands behind it."""
    return (
        bool(label)
        and all(unit.senses & documents() for unit in label)
        and fit("id", slot.text) >= 0.4
        and any(c.isdigit() for c in slot.text)
    )


def only_one(question: Question, slot: Slot, graph: Graph) -> bool:
    """Whether a slot is the only value of the kind on a page, and the question asks for no more."""
    kind = question.kind
    if kind not in ("phone", "email", "url", "iban", "bic") or slot.shape == "sentence":
        return False
    own = {_SENSE_OF.get(kind, kind)}
    senses = [unit.senses for unit, _ in question.asked]
    if not any(s == own for s in senses) or not all(s and s <= own | _PLAIN for s in senses):
        return False
    return fit(kind, slot.text) > 0.9 and len(_values_of(graph, kind)) == 1


# Beside these, the only number of a page is still the one: who issued it has it.
_PLAIN = frozenset(
    {"address", "number", "sender", "vendor", "company", "author", "contact", "landlord", "school"}
)
_SENSE_OF = {"url": "website"}


# Who takes part: senses whose values stand without a label in letters and invoices.
_ROLES = frozenset({"vendor", "sender", "company", "customer", "receiver", "holder"})


# Kinds of which a page that holds one alone needs no label for it.
_SINGLE = frozenset({"phone", "email", "url", "iban", "bic", "time", "address", "job"})


@lru_cache(maxsize=64)
def _values_of(graph: Graph, kind: str) -> frozenset[str]:
    """Return the values of a kind on a page in their normal form; lines, for kinds made of words."""
    from .values import find

    if kind in ("address", "job"):
        return frozenset(s.text for s in graph.segments if fit(kind, s.text) > 0.6)
    return frozenset(
        v.normal for s in graph.segments for v in find(s.text) if v.kind == kind and v.sure > 0.5
    )


def _named(text: str) -> str:
    return " ".join(token.text for token in tokens(text))


@cache
def documents() -> frozenset[str]:
    """Return the senses that are kinds of documents."""
    return frozenset(name for name, sense in dictionary().senses.items() if sense.document)


@lru_cache(maxsize=8)
def _vendors(graph: Graph) -> frozenset[str]:
    """Return the names of who issued the page: large or first at its top, or in its web address."""
    found = set()
    for segment in graph.segments:
        early = segment.bbox.y0 < 0.22 * graph.page.height
        large = segment.em > 1.12 * graph.em or segment.line.bold
        names = fit("org", segment.text) >= 0.55 and not any(
            unit.senses & documents() for unit in units(segment.text)
        )
        if names and ((early and large) or in_domain(segment.text, graph)):
            found.add(_named(segment.text))
    return frozenset(found)


@lru_cache(maxsize=8)
def greeted(graph: Graph) -> frozenset[str]:
    """Return the words of names behind a greeting: "Dear Ms Roe," gives roe."""
    greetings = words("greetings")
    for segment in graph.segments:
        said = [token.text for token in tokens(segment.text)]
        if said and said[0] in greetings and len(said) <= 7:
            known = greetings | words("honorifics")
            return frozenset(w for w in said if w not in known and len(w) > 2)
    return frozenset()


def _stack_top(segment: Segment) -> Segment:
    """Return the first line of the block of short lines in which a segment stands."""
    at = segment
    for _ in range(5):
        above = at.above[0] if at.above else None
        if (
            above is None
            or abs(above.bbox.x0 - at.bbox.x0) > 0.7 * at.em
            or at.bbox.y0 - above.bbox.y1 > 0.95 * at.em
            or above.em > 1.15 * at.em
        ):
            break
        at = above
    return at


@lru_cache(maxsize=4096)
def in_domain(text: str, graph: Graph) -> bool:
    """Whether a word of a name is in an e-mail or web address of the page."""
    from .values import find

    names = [t.text for t in tokens(text) if len(t.text) > 3]
    if not names:
        return False
    for segment in graph.segments:
        if "@" in segment.text or "www" in segment.text or "." in segment.text:
            for value in find(segment.text):
                if value.kind in ("email", "url"):
                    domain = value.normal.split("@")[-1]
                    if any(name in domain for name in names):
                        return True
    return False


__all__ = ["FEATURES", "Asker", "Scored", "Unit", "alike", "dictionary", "model", "rank", "score"]
