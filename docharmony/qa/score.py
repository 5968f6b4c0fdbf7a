"""How likely a slot answers a question: features, weights from ``data/weights.json``, a probability.

The weights were fitted by tests/bench/fit_ask.py on made documents, with weights set by hand as the
starting point that the fit stays near.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from .graph import Graph, Slot
from .question import Question
from .senses import dictionary
from .units import Unit, alike, covered, match, units
from .values import fit
from .words import likeness, tokens

_MAIN = ("inline", "left", "above", "row", "column", "below", "upper", "behind")
_TABLE = ("inline", "left", "row", "above", "column", "heading")

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
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scored:
    """A slot with its features and its score, a log-odds-like number."""

    slot: Slot
    features: tuple[float, ...]
    score: float


class Asker:
    """A question as it stands before one page: its weights know what words the page has."""

    def __init__(self, question: Question, graph: Graph) -> None:
        self.graph = graph
        vocabulary = _vocabulary(graph)
        asked = []
        for unit, weight in question.asked:
            if not unit.senses and not any(_known(word, vocabulary) for word in unit.words):
                weight *= 0.3
            asked.append((unit, weight))
        self.question = replace(question, asked=tuple(asked))
        self.senses = self.question.senses
        self.most = _largest(graph)

    def features(self, slot: Slot) -> list[float]:
        """Return the features of a slot, in the order of FEATURES."""
        question, graph = self.question, self.graph
        f: dict[str, float] = dict.fromkeys(FEATURES, 0.0)
        f["bias"] = 1.0
        asked = question.asked
        best, main = 0.0, None
        sentence = heading = 0.0
        row = column = 0.0
        for label in slot.labels:
            found = match(asked, label.units, given=graph.about)
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
            if label.relation in ("above", "upper") and label.segment >= 0:
                right = graph.segments[label.segment].right
                f["served"] = float(right is not None and label.colon)
        f["sentence"] = sentence
        f["heading"] = heading
        f["together"] = covered(
            asked, [label.units for label in slot.labels if label.relation in _TABLE]
        )
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
            f["typed_value"] = float(known and slot.shape == "value")
        else:
            f["untyped"] = 1.0
            f["numeric_text"] = float(
                sum(c.isdigit() for c in text) > sum(c.isalpha() for c in text)
            )
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
        f["title"] = big * float("title" in senses and slot.shape == "whole")
        if senses & {"vendor", "sender", "company"} and self.question.kind in (
            "party",
            "org",
            "name",
        ):
            f["org_top"] = fit("org", slot.text) * early
            f["domain"] = float(_in_domain(slot.text, graph))
        if senses & {"receiver", "customer"}:
            f["dear"] = early * fit("party", slot.text) * 0.5


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
        features = asker.features(slot)
        found.append(Scored(slot, tuple(features), score(features, weights)))
    found.sort(key=lambda item: -item.score)
    return found


def _vocabulary(graph: Graph) -> frozenset[str]:
    return frozenset(token.text for s in graph.segments for token in tokens(s.text))


def _known(word: str, vocabulary: frozenset[str]) -> bool:
    return word in vocabulary or any(likeness(word, other) >= 0.7 for other in vocabulary)


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


def _in_domain(text: str, graph: Graph) -> bool:
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
