"""How far a text says what a question asks about, word by word."""

from __future__ import annotations

from collections.abc import Sequence

from .graph import Graph
from .question import Question
from .slots import Slot
from .units import Unit, alike, units
from .values import fit
from .words import likeness, tokens

_SAME = 0.7  # likeness from which two words are the same one


def said(unit: Unit, text: str) -> float:
    """Return how far a text has the words of a unit, or words of its meaning, 0.0-1.0."""
    there = [token.text for token in tokens(text)]
    if not there:
        return 0.0
    each = [max(likeness(word, other) for other in there) for word in unit.words]
    lexical = sum(value if value >= _SAME else 0.0 for value in each) / len(each)
    if lexical >= 0.9 or not unit.senses:
        return lexical
    meant = max((alike(unit, other) for other in units(text)), default=0.0)
    return max(lexical, 0.8 * meant)


def weighed(asked: Sequence[tuple[Unit, float]], graph: Graph) -> list[tuple[Unit, float]]:
    """Return the units of a question; half the weight for words that are nowhere on the page."""
    whole = " ".join(segment.text for segment in graph.segments)
    return [
        (unit, weight if unit.senses or said(unit, whole) >= _SAME else 0.5 * weight)
        for unit, weight in asked
    ]


# Fields that a value is not one of unless something near it says so.
_TOLD = frozenset(
    {
        "due", "birth", "expiry", "delivery", "start", "end", "period", "appointment", "arrival",
        "departure", "tip", "shipping", "discount", "deposit", "salary", "interest", "credit", "change",
        "fax", "vat_id", "company_id", "personal_id", "serial", "policy", "card", "insurance", "spouse",
        "parent", "witness", "attorney", "room", "employee", "grade", "budget", "revenue", "profit",
        "supervisor", "manufacturer", "carrier", "warranty", "diagnosis", "medication", "allergy",
        "nationality", "gender", "weight", "height", "marital", "guest", "doctor", "tracking", "origin",
        "destination", "colour", "hobby",
    }
)  # fmt: skip


def lacks(question: Question, slot: Slot) -> bool:
    """Whether nothing near a slot says a field that the question names: the tip, the date of birth."""
    wanted = [unit for unit, weight in question.asked if weight >= 0.9 and unit.senses & _TOLD]
    if not wanted:
        return False
    near = [own for label in slot.labels for own in label.units] + list(units(slot.text))
    return all(max((alike(unit, own) for own in near), default=0.0) < 0.5 for unit in wanted)


_SHOWN = ("phone", "email", "url", "iban", "bic", "date", "time", "money", "percent")


def gainsaid(question: Question, text: str, near: str) -> bool:
    """Whether an answer that a model gave cannot be one: of another kind, or of another field.

    Args:
        question: what was asked.
        text: the answer as it stands on the page.
        near: the lines that it stands in.
    """
    if question.kind in _SHOWN and fit(question.kind, text) < 0.4:
        return True
    wanted = [unit for unit, weight in question.asked if weight >= 0.9 and unit.senses & _TOLD]
    own = units(near)
    return bool(wanted) and all(
        max((alike(unit, other) for other in own), default=0.0) < 0.5 for unit in wanted
    )


def strangers(question: Question, graph: Graph) -> int:
    """Return how many names of a question stand nowhere on a page: "Fiesta", where Fords are listed.

    A name is written with a capital or a digit, not at the beginning, and names no field.
    """
    named = {
        token.text
        for word in question.text.split()[1:]
        if any(c.isupper() or c.isdigit() for c in word)
        for token in tokens(word)
    }
    own = [u for u, w in question.asked if not u.senses and w >= 1.0 and named & set(u.words)]
    if not own:
        return 0
    whole = " ".join(segment.text for segment in graph.segments)
    return sum(said(unit, whole) < 0.55 for unit in own)


def supported(question: Question, slot: Slot) -> float:
    """Return the share of the question's own words that stand near a slot, 0.0-1.0; 1.0 if it has none.

    Its own words are those that name no field and that are written as names are, with a capital or a
    digit: people, things, places. Near are the slot's labels: its row and column, its sentence, its
    heading.
    """
    said_ = question.text.split()[1:]
    named = {
        token.text
        for word in said_
        if any(c.isupper() or c.isdigit() for c in word)
        for token in tokens(word)
    }
    own = [
        (unit, weight)
        for unit, weight in question.asked
        if not unit.senses and weight >= 1.0 and named.intersection(unit.words)
    ]
    if not own:
        return 1.0
    near = " ".join([slot.text, *(label.text for label in slot.labels)])
    return sum(w for unit, w in own if said(unit, near) >= 0.55) / sum(w for _, w in own)
