"""What a question is after: the kind of value, the words that name the field, what to do with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import regex

from ..detect.text import fold
from .data import table, words
from .senses import dictionary
from .units import Unit, units
from .words import tokens

LONGEST = 2000
"""Characters of a question that are read; what comes behind is not looked at."""

_QUOTED = regex.compile(
    r"[\"\u201c\u201d\u201e\u00ab\u00bb\u2018]([^\"\u201c\u201d\u201e\u00ab\u00bb]{1,80})[\"\u201c\u201d\u00ab\u00bb\u2019]"
)


@dataclass(frozen=True, slots=True)
class Question:
    """A question, taken apart.

    Attributes:
        text: as it was asked.
        kind: the kind of value sought, one of ``values.KINDS``, or ``""``.
        sure: how sure the kind is: 1.0 when the question says it, less when a field's name implies it.
        asked: what must be found in the labels of the answer, with weights.
        operation: ``look``, ``most``, ``least``, ``count``, ``yesno`` or ``compare``.
        more: for ``compare``, whether the value must be above the bound.
        over: for ``most`` and ``least``, whether dates are compared.
        which: for ``most`` and ``least``: the row is asked for, not the value.
        quoted: what stood in quotation marks.
        rows: for ``count``: nothing but the entries of a table is asked for.
    """

    text: str
    kind: str = ""
    sure: float = 0.0
    asked: tuple[tuple[Unit, float], ...] = ()
    operation: str = "look"
    more: bool = True
    over: str = ""
    which: bool = False
    quoted: str = ""
    rows: bool = False

    @property
    def senses(self) -> frozenset[str]:
        """All senses of what is asked."""
        return frozenset(name for unit, _ in self.asked for name in unit.senses)


def understand(text: str) -> Question:
    """Return the question taken apart; an empty one asks for nothing.

    >>> q = understand("When is the invoice due?")
    >>> q.kind, q.operation, [unit.words for unit, _ in q.asked]
    ('date', 'look', [('invoice',), ('due',)])
    """
    text = " ".join(text[:LONGEST].split())
    folded = _spaced(text)
    kind, sure, operation, rest = _asking(folded)
    quoted = _QUOTED.search(text)
    question = Question(text, kind, sure, (), operation, quoted=quoted[1] if quoted else "")
    plain = folded
    if operation == "look":
        if _wants_yes_or_no(text, folded):
            question = replace(question, operation="yesno")
        question, rest2 = _operation(question, plain)
        rest = rest2 if rest2 != plain else rest
    asked = _asked(rest)
    if question.operation == "count":
        words_left = [
            u
            for u, w in asked
            if not set(u.words) <= words("rows") | {"y", "t", "a", "il"}
            and not (
                w < 1.0 and u.senses and all(dictionary().senses[n].document for n in u.senses)
            )
        ]
        question = replace(question, rows=not words_left)
    if not question.kind and _hit(folded, "ask", "due"):
        question = replace(question, kind="date", sure=0.9)
    if question.kind == "date":
        asked = _dated(folded, asked)
        if any("time" in unit.senses for unit, _ in asked):
            question = replace(question, kind="", sure=0.0)  # hours are seldom written as a date
    if question.kind == "place" and any(u.senses & _HAS_PLACE for u, _ in asked):
        # "Where was he born" asks for the place of birth, not for its date.
        asked.append((Unit(("place",), frozenset({"venue"})), 0.5))
    if question.kind == "money":
        # What "is charged" adds nothing to what it is charged for.
        asked = [(u, w) for u, w in asked if not set(u.words) <= words("charging")] or asked
    if (
        not question.kind
        and _hit(folded, "ask", "how")
        and any("payment" in u.senses for u, _ in asked)
    ):
        asked = [
            (Unit(("method",), frozenset({"method"})) if "payment" in u.senses else u, w)
            for u, w in asked
        ]
    if _hit(folded, "ask", "document") and operation == "look":
        return replace(
            question, kind="text", sure=0.0, asked=((Unit(("title",), frozenset({"title"})), 1.0),)
        )
    if question.kind == "money":
        # What amount "was received" was paid: it is nobody's name.
        asked = [
            (Unit(u.words, frozenset({"payment"})) if u.senses & {"receiver", "sender"} else u, w)
            for u, w in asked
        ]
    if question.kind == "money" and words("paying") & set(folded.split()):
        asked = [(Unit(("total",), frozenset({"total"})), 1.0)]
    if not question.kind and _hit(folded, "ask", "to_which"):
        asked = [(Unit(("receiver",), frozenset({"receiver"})), 1.0)]
        question = replace(question, kind="name", sure=0.8)
    elif question.kind == "name" and (said := _party(folded, strong=True)):
        asked = said
    if question.kind == "name" and any(unit.senses == {"issue"} for unit, _ in asked):
        # Who issued it: the seller, on a paper that has one.
        asked = [(u, w) for u, w in asked if u.senses != {"issue"}]
        asked.insert(0, (Unit(("issuer",), frozenset({"vendor"})), 1.0))
    if question.kind == "name" and all(weight < 1.0 for _, weight in asked):
        asked = _party(folded) or (_WHOSE if " whose " in folded else asked)
    if not question.kind and asked:
        looks = question.operation == "look"
        told = (looks and _behind_which(folded)) or implied(asked)
        if told == "number" and any("price" in unit.senses for unit, _ in asked):
            told = "money"  # what one piece costs
        question = replace(question, kind=told, sure=0.85 if told else 0.0)
        if told == "money":  # the total "to be paid", in any language: no payer is asked for
            asked = [(u, w) for u, w in asked if not set(u.words) <= words("paying")] or asked
    elif question.kind == "name" and asked:
        # "Who is the vendor?" may be answered by a company.
        kind = implied(asked)
        if kind in ("party", "org"):
            question = replace(question, kind="party")
    if question.operation in ("most", "least"):
        question = _extreme(question, asked)
    return replace(question, asked=tuple(asked))


def _dated(folded: str, asked: list[tuple[Unit, float]]) -> list[tuple[Unit, float]]:
    """Return what a question for a day asks: "by when must it be paid" for when that is due."""
    settled = [
        u for u, _ in asked if u.senses & {"payment", "due"} or set(u.words) & words("paying")
    ]
    must = bool(words("must") & set(folded.split()))
    if settled and (must or _hit(folded, "ask", "due")):
        asked = [(u, w) for u, w in asked if u not in settled]
        return [*asked, (Unit(("due",), frozenset({"due"})), 1.0)]
    # When "it took place" adds nothing to what took place.
    made = words("made")
    own = [(u, w) for u, w in asked if not set(u.words) <= made]
    if not own:
        return asked
    # Beside other words it may be part of a label: "Next meeting".
    return [(u, w * _HAPPENED if set(u.words) <= made else w) for u, w in asked]


_HAS_PLACE = frozenset({"birth", "issue", "delivery", "start", "end"})
_HAPPENED = 0.3  # weight of a word such as "took place" beside others


def field(name: str, kind: str = "", description: str = "") -> Question:
    """Return the question for a field of a schema: its name and description ask for it."""
    text = description or name.replace("_", " ")
    question = understand(text)
    asked = list(question.asked)
    for unit, weight in _asked(_spaced(name.replace("_", " "))):
        if all(unit != known for known, _ in asked):
            asked.append((unit, weight * (0.5 if description else 1.0)))
    kind = kind or question.kind
    return Question(text, kind, 1.0 if kind else 0.0, tuple(asked))


# Kinds of documents that a question names when it means the one that it asks: "date of the letter".
_SELF = frozenset({"letter", "report", "form", "certificate"})
_HEADS = frozenset({"date", "number", "name", "amount", "address", "position"})

# --- parts ---------------------------------------------------------------------------------------


def _spaced(text: str) -> str:
    """Return the folded text with one space around each word."""
    return f" {' '.join(token.text for token in tokens(text))} "


@cache
def _phrases(section: str, name: str) -> tuple[str, ...]:
    """Return the phrases of a list of ``words.toml``, longest first, with spaces around."""
    found = {_spaced(part) for part in table("words")[section][name].split(",")}
    return tuple(sorted((p for p in found if p.strip()), key=len, reverse=True))


def _hit(folded: str, section: str, name: str) -> str:
    return next((phrase for phrase in _phrases(section, name) if phrase in folded), "")


def _asking(folded: str) -> tuple[str, float, str, str]:
    """Return kind, how sure, operation, and the question without the words that asked."""
    for name, kind, operation in (
        ("how_long", "number", "look"),
        ("how_many", "number", "count"),
        ("how_much", "money", "look"),
        ("when", "date", "look"),
        ("where", "place", "look"),
        ("who", "name", "look"),
        ("who_first", "name", "look"),
        ("who_nl", "name", "look"),
    ):
        phrase = _hit(folded, "ask", name)
        if not phrase:
            continue
        at = folded.index(phrase)
        if name == "who_first" and at > 0:
            continue
        if name == "who_nl" and (at > 1 or not _dutch(folded)):
            continue
        # A question word asks where it leads, or stands behind a preposition.
        if name != "how_many" and at > 1 and len(folded[:at].split()) > 3:
            continue
        if phrase == " number of " and not _counts(folded, at):
            continue
        if name == "how_much" and phrase.strip() == "combien":
            following = folded[at + len(phrase) - 1 :].split()[:1]
            if following and following[0] not in _AFTER_COMBIEN:
                return "number", 0.9, "count", folded.replace(phrase, " ", 1)
        if name == "how_many" and phrase.strip() in ("hoeveel", "ile", "combien de", "number of"):
            follows = _asked(folded[at + len(phrase) - 1 :])
            if phrase.strip() != "combien de" and implied(follows) in ("money", "date"):
                return "money", 0.8, "look", folded.replace(phrase, " ", 1)
        rest = folded.replace(phrase, " ", 1)
        return kind, 0.9 if kind != "place" else 0.6, operation, rest
    return "", 0.0, "look", folded


_AFTER_COMBIEN = frozenset(("coute", "dois", "faut", "est", "a", "il", "je", "doit", "vaut", "ont"))


# "Whose passport is this?" asks for its holder.
_WHOSE = [(Unit(("holder",), frozenset({"holder", "name"})), 1.0)]


def _party(folded: str, *, strong: bool = False) -> list[tuple[Unit, float]]:
    """Return the receiver or the sender, where a question about a letter asks for no more.

    With ``strong``, only for phrases that can mean nothing else, such as "has to pay".
    """
    for name, ending, word, senses in (
        ("to", " to ", "receiver", {"receiver"}),
        ("from", " from ", "sender", {"sender", "signature"}),
    ):
        if strong and _hit(folded, "ask", "holder_surely"):
            return _WHOSE
        if strong:
            hit = bool(_hit(folded, "ask", f"{name}_surely"))
        else:
            hit = bool(_hit(folded, "ask", name)) or folded.endswith(ending)
        if hit:
            return [(Unit((word,), frozenset(senses)), 1.0)]
    return []


def _counts(folded: str, at: int) -> bool:
    """Whether "number of" asks how many: not in "the phone number of", nor in "number of the invoice"."""
    before, behind = folded[:at].split()[-1:], folded[at + len(" number of ") :].split()[:1]
    alone = not before or before[0] in words("stop") | words("asking") | {"total"}
    return alone and not (behind and behind[0] in ("the", "this", "a", "an", "my", "our", "your"))


def _dutch(folded: str) -> bool:
    own = {"het", "de", "een", "van", "heeft", "zijn", "wie", "werd", "voor", "naam", "dit"}
    return len(own & set(folded.split())) >= 2


def _wants_yes_or_no(text: str, folded: str) -> bool:
    """Return whether a question wants a yes or a no: by its first word, or for want of another."""
    said = folded.split()
    if not said:
        return False
    german = said[0] == "was" and bool(words("german") & set(said[1:]))
    if (said[0] in words_of_yes_no() and not german) or any(
        folded.startswith(p) for p in _phrases("yes_no", "phrases")
    ):
        return True
    if _INVERTED.search(text) or (text.endswith("?") and len(said) > 2):
        return not words("wh") & set(said) and (
            bool(_INVERTED.search(text)) or bool(words("verbs") & set(said))
        )
    return False


# French: "la facture est-elle payee ?"
_INVERTED = regex.compile(r"\p{L}-(?:t-)?(?:il|elle|ils|elles|on)\b")


@cache
def words_of_yes_no() -> frozenset[str]:
    """Return the words that begin a question which wants a yes or a no."""
    return frozenset(table("words")["yes_no"]["begin"].split())


def _operation(question: Question, folded: str) -> tuple[Question, str]:
    if question.operation == "yesno":
        for name, more in (("more", True), ("less", False)):
            phrase = _hit(folded, "compare", name)
            if phrase and any(c.isdigit() for c in folded):
                head = folded[: folded.index(phrase) + 1]
                return replace(question, operation="compare", more=more), head
        return question, folded
    for name, operation, over in (
        ("most", "most", ""),
        ("least", "least", ""),
        ("latest", "most", "date"),
        ("earliest", "least", "date"),
    ):
        phrase = _hit(folded, "operation", name)
        if phrase and not _in_a_name(phrase.strip(), folded):
            changed = replace(question, operation=operation, over=over, kind="", sure=0.0)
            # "Most expensive" and "cheapest" compare prices.
            if regex.search(
                r"expens|cheap|teuer|billig|gunstig|cher|caro|cara|barat|duur|goedk|drog|tan[is]|econom",
                phrase,
            ):
                changed = replace(changed, over="price")
                return changed, folded.replace(phrase, " price ", 1)
            return changed, folded.replace(phrase, " ", 1)
    return question, folded


def _in_a_name(phrase: str, folded: str) -> bool:
    """Whether a word that may ask for an extreme is part of a field's name: "first name"."""
    return any(len(unit.words) > 1 and phrase in unit.words for unit in units(folded))


def _asked(folded: str) -> list[tuple[Unit, float]]:
    """Return the units of a question with their weights, without the words that only ask."""
    asking = words("asking")
    senses = dictionary().senses
    found: list[tuple[Unit, float]] = []
    for unit in units(folded.strip()):
        if len(unit.words) == 1 and unit.words[0] in asking:
            continue
        weight = 1.0
        if unit.senses and all(senses[name].document for name in unit.senses):
            weight = 0.2 if unit.senses <= _SELF else 0.6
        if any(
            unit == known or (unit.senses and unit.senses == known.senses) for known, _ in found
        ):
            continue
        found.append((unit, weight))
    # What the kind of the answer says anyway counts less: the date in "date of the contract".
    others = [u for u, w in found if w == 1.0 and not u.senses & _HEADS]
    if others:
        found = [(u, 0.5 if u.senses & _HEADS and u not in others else w) for u, w in found]
    if not found:
        found = [(unit, 1.0) for unit in units(folded.strip())]
    return found


def implied(asked: list[tuple[Unit, float]]) -> str:
    """Return the kind of value that words of a question imply, ``""`` where they do not."""
    senses = dictionary().senses
    names: list[str] = []
    for unit, _ in asked:
        kinds = [name for name in unit.senses if senses[name].document]
        names += kinds or unit.senses
    return dictionary().type_of(names)


def _behind_which(folded: str) -> str:
    """Return the kind of what a question names behind "which": the bank, where an account is."""
    plain = folded.split()
    at = next((i for i, word in enumerate(plain[:3]) if word in words("which")), -1)
    if not 0 <= at < len(plain) - 2:
        return ""
    noun, behind = units(plain[at + 1]), units(plain[at + 2])
    # "Which account number": the noun goes on.
    if len(noun) != 1 or not noun[0].senses or (behind and behind[0].senses):
        return ""
    return implied([(noun[0], 1.0)])


def _extreme(question: Question, asked: list[tuple[Unit, float]]) -> Question:
    """Say whether the row or the value is asked for: "which item has the highest price"."""
    said = [token.text for token in tokens(question.text)]
    at = next((i for i, word in enumerate(said[:4]) if word in words("wh")), -1)
    follows = said[at + 1] if 0 <= at < len(said) - 1 else ""
    place = at >= 0 and said[at] in words("whose_row")
    named = at >= 0 and bool(follows) and follows not in words("copula")
    kinds = {dictionary().senses[n].type for unit, _ in asked[:1] for n in unit.senses}
    if question.over == "date":
        # "The latest date" asks for the date; "the first item" for a row.
        date = any("date" in unit.senses for unit, _ in asked)
        return replace(question, which=not date, kind="date" if date else question.kind, sure=0.8)
    if question.over == "price":
        # "The cheapest item" is a row, "the price of the cheapest item" its price.
        more = [unit for unit, _ in asked if unit.words != ("price",)]
        sum_ = any(dictionary().senses[n].type == "money" for u in more for n in u.senses)
        money = sum_ or " price " in _spaced(question.text)
        return replace(question, which=bool(more) and not money)
    value = bool(kinds & {"money", "number", "percent"}) or any(
        "payment" in unit.senses for unit, _ in asked[:1]
    )
    return replace(question, which=place or (named and not value))


def answers() -> Mapping[str, frozenset[str]]:
    """Return the words for yes and for no."""
    return {
        name: frozenset(fold(word.strip()) for word in table("words")["answers"][name].split(","))
        for name in ("yes", "no")
    }
