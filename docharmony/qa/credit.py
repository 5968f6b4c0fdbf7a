"""What is left of a confidence where an answer can hardly be one: a label, another kind, another row."""

from __future__ import annotations

from collections.abc import Sequence

import regex

from . import grids
from .aligned import Grid
from .blocks import ISSUER
from .evidence import lacks, supported
from .question import Question
from .slots import Slot
from .units import units
from .values import find, fit

_SUPPORT = 0.5  # share of the question's own words that must stand near an answer
_UNSUPPORTED = 0.6  # what is left of the confidence where they do not
_OTHER_ROW = 0.4  # and where only cells of other rows say it
# Kinds whose values show what they are: anything else is no answer.
_STRICT = frozenset({"phone", "email", "url", "iban", "date"})


def plausible(question: Question, text: str) -> float:
    """Return what is left of a confidence where an answer can hardly be one: a label, another kind."""
    kind = question.kind
    figure = any(c.isdigit() for c in text)
    if question.operation == "count" and text.endswith("%"):
        return _IMPLAUSIBLE  # a share counts nothing
    if _NUMBER_ALONE.fullmatch(text):
        return _IMPLAUSIBLE  # "4." counts the fields of a form
    if kind in ("name", "party", "org") and text.islower() and question.operation == "look":
        return _IMPLAUSIBLE
    if kind == "id" and fit("date", text) >= 0.9:
        return _IMPLAUSIBLE
    if kind == "phone" and fit(kind, text) < 0.5 and sum(c.isdigit() for c in text) < 7:
        return _IMPLAUSIBLE
    if kind == "money" and (not figure or text.endswith("%")):
        # "Which plant costs 34.00?" has its sum.
        return 1.0 if any(c.isdigit() for c in question.text) else _IMPLAUSIBLE
    if (
        kind in _STRICT
        and not (kind == "date" and figure)
        and fit(kind, text) < 0.2
        and fit("time", text) < 0.2
    ):
        return _IMPLAUSIBLE
    if kind in ("address", "place") and regex.match(r"[^:\d]{3,}:|\d{1,2}[.)]\s", text):
        return _IMPLAUSIBLE
    if kind in ("name", "party", "address", "place") and _named_field(text):
        return _IMPLAUSIBLE
    return _IMPLAUSIBLE if kind != "text" and is_label(text) else 1.0


def _named_field(text: str) -> bool:
    """Whether a text is nothing but words that name fields: nobody is called "Bank details"."""
    own = units(text)
    return 0 < len(own) <= 3 and all(u.senses for u in own) and fit("org", text) < 0.9


_IMPLAUSIBLE = 0.4
_FIELDS = frozenset(
    {
        "number",
        "date",
        "name",
        "amount",
        "address",
        "signature",
        "phone",
        "email",
        "quantity",
        "title",
    }
)


def is_label(text: str) -> bool:
    """Whether a text names a field rather than its value: "12. Funding Opportunity Number", "Date"."""
    plain = _ENUMERATED.sub("", text)
    own = units(plain)
    if plain != text and own and (text.rstrip().endswith("*") or all(u.senses for u in own)):
        return True
    if not own or len(own) > 6 or any(c.isdigit() for c in plain):
        return False
    ends = bool((own[-1].senses | own[0].senses) & _FIELDS) or text.rstrip().endswith(":")
    return ends and (len(own) == 1 or fit("org", plain) < 0.9)


def heads_values(slot: Slot, found: Sequence[Grid]) -> bool:
    """Whether a slot is the head of a column of a table, or one of a row of labels with values below."""
    segment = slot.segment
    if slot.shape == "value" or any(c.isdigit() for c in slot.text):
        return False
    if any(segment is head for grid in found for head in grid.heads.values()):
        return True
    beside = [s for s in (segment.left, segment.right) if s is not None]
    named = [
        s for s in (segment, *beside) if not s.numeric and any(u.senses for u in units(s.text))
    ]
    return len(beside) == 2 and len(named) == 3 and all(is_label(s.text) for s in beside)


_NUMBER_ALONE = regex.compile(r"\(?\d{1,2}\p{Ll}?[.)]")
_ENUMERATED = regex.compile(r"^[*\s]*\d{1,2}[a-z]?[.)]?\s+")


def credit(question: Question, slot: Slot, found: list[Grid]) -> float:
    """Return what is left of a confidence where the slot is no value of the kind, or nothing near it
    says what the question is about."""
    left = 1.0
    near = supported(question, slot)
    if near < _SUPPORT:
        left *= _UNSUPPORTED
    if lacks(question, slot):
        left *= _OTHER_ROW
    if question.kind in ("name", "party", "org") and slot.labels[:1]:
        # In running text "from" and "to" say where, as often as who.
        told = slot.labels[0].relation == "sentence" and question.senses & ISSUER
        left *= 0.5 if told else 1.0
    if question.kind in ("name", "party") and (
        sum(c.isdigit() for c in slot.text) > sum(c.isalpha() for c in slot.text)
        or (
            slot.shape == "value"
            and fit("address", slot.text) > 0.15
            and fit("name", slot.text) < 0.3
        )
    ):
        left *= 0.4  # a figure or a street is nobody
    if slot.shape != "sentence" and (is_label(slot.text) or heads_values(slot, found)):
        left *= _IMPLAUSIBLE
    if question.kind == "id" and _another(question, slot):
        left *= _OTHER_ROW
    if question.kind == "percent" and "%" not in slot.text and not _of_percents(slot):
        left *= _OTHER_ROW
    if grids.under_wrong_head(question, slot, found):
        left *= _OTHER_ROW
    if grids.from_another_row(question, slot, found):
        left *= _OTHER_ROW
    if (
        question.kind in _STRICT
        and fit(question.kind, slot.text) < 0.2
        and slot.kind != question.kind
    ):
        left *= 0.3
    return left


# Values that are a number of their own kind: the number of an invoice is none of them.
_NUMBERS = {
    "iban": frozenset({"iban", "account", "bank"}),
    "email": frozenset({"email"}),
}


def _another(question: Question, slot: Slot) -> bool:
    """Whether a slot is a number of a kind that the question does not ask for: an account's."""
    text = slot.text.strip()
    return any(
        value.kind in _NUMBERS
        and value.sure == 1.0
        and value.end - value.start > 0.8 * len(text)
        and not question.senses & _NUMBERS[value.kind]
        for value in find(text)
    )


def _of_percents(slot: Slot) -> bool:
    """Whether a label says that a bare number is a share: its head has the sign, or names a rate."""
    return any(
        "%" in label.text or any("rate" in unit.senses for unit in label.units)
        for label in slot.labels
        if label.relation in ("above", "column", "upper")
    )
