"""Who takes part: who of those named on a page sent it, and who receives it.

Letters, invoices and receipts seldom say "sender" or "customer". They set names in places: a letterhead,
a line over the window of the envelope, a block below it, a signature. Each place counts for a role.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from ..geometry import BBox
from .blocks import (
    ADDRESSEE,
    HOLDER,
    ISSUER,
    Party,
    Piece,
    address_of,
    flush,
    has_contact,
    is_name,
    parties,
    places,
    stacks,
    stands_out,
    text_of,
)
from .graph import Graph
from .question import Question
from .score import greeted, in_domain
from .slots import Slot
from .tables import Found
from .units import units
from .values import HONORIFIC, find, fit
from .words import likeness, tokens

_SAME = 0.8  # how much a word of a name must be like one of the question


@dataclass(frozen=True, slots=True)
class _Roles:
    """How much speaks for a party as the one that issued the page, and as the one that receives it."""

    issuer: float
    addressee: float


def _roles(graph: Graph) -> list[tuple[Party, _Roles]]:
    found = parties(graph)
    over = [p.top for p in found if p.kind == "line"]
    signed = {_key(p.said) for p in found if p.kind == "signed"}
    names = [_key(p.said) for p in found]
    dear = greeted(graph)
    out = []
    for party in found:
        top, height = party.top, graph.page.height
        own = _key(party.said)
        issuer = addressee = 0.0
        if party.label & ISSUER:
            issuer += 1.0
            addressee -= 1.0
        if party.label & ADDRESSEE:
            addressee += 1.0
            issuer -= 1.0
        elif party.label & {"delivery", "shipping"}:
            addressee += 0.3
            issuer -= 1.0
        if party.kind == "line":
            issuer += 0.6 - 0.4 * (top.bbox.y0 > 0.5 * height)
        if party.kind == "signed" or own in signed:
            issuer += 0.6
        if top.bbox.y0 < 0.2 * height:
            issuer += 0.25
        if has_contact(party.lines):
            issuer += 0.25
        if in_domain(party.said, graph):
            issuer += 0.35
        if names.count(own) > 1:
            issuer += 0.2
        if stands_out(top, graph):
            issuer += 0.25
        if fit("org", party.said) == 1.0:
            issuer += 0.1
        if dear and dear <= set(own.split()) | {""} and own:
            addressee += 0.7
        placed = any(places(text_of(piece)) for piece in party.address)
        window = any(0 < top.bbox.y0 - s.bbox.y1 < 8 * top.em and flush(top, s) for s in over)
        if (placed or window) and party.kind == "block" and top.bbox.y0 < 0.55 * height:
            addressee += 0.3
            if window:
                addressee += 0.4
        out.append((party, _Roles(issuer, addressee)))
    # Where one has sent it, another with an address is who it is for.
    sent = any(roles.issuer >= 0.5 for _, roles in out)
    return [
        (
            party,
            _Roles(r.issuer, r.addressee + 0.35 * (sent and r.issuer <= 0.3 and r.addressee > 0)),
        )
        for party, r in out
    ]


def _key(text: str) -> str:
    return " ".join(token.text for token in tokens(HONORIFIC.sub("", text)))


def chosen(graph: Graph, role: str) -> tuple[Party, float] | None:
    """Return who has a role on a page, and 0.0-1.0 how surely.

    Roles: ``issuer``, ``addressee``, ``signed``, ``holder``.

    The holder of a page that is about one person is whoever stands out at its top.
    """
    if role == "holder":
        return _holder(graph)
    if role == "signed":
        signed = [party for party in parties(graph) if party.kind == "signed"]
        return (signed[0], 0.9) if signed else None
    rated = []
    roles = _roles(graph)
    for party, weights in roles:
        mine, other = (
            (weights.issuer, weights.addressee)
            if role == "issuer"
            else (weights.addressee, weights.issuer)
        )
        rated.append((mine - 0.6 * max(0.0, other), party))
    if not rated:
        return None
    rated.sort(key=lambda item: (-item[0], item[1].top.bbox.y0))
    best, party = rated[0]
    second = max((v for v, p in rated if _key(p.said) != _key(party.said)), default=0.0)
    sure = min(1.0, best) * (0.6 + 0.4 * min(1.0, max(0.0, best - second) / 0.4))
    return (party, sure) if best > 0 else None


def _holder(graph: Graph) -> tuple[Party, float] | None:
    height = graph.page.height
    early = [
        s
        for s in graph.segments
        if s.bbox.y0 < 0.35 * height
        and len(s.text) < 50
        and sum(c.isalpha() for c in s.text) > 2
        and not all(unit.senses for unit in units(s.text))  # "Curriculum vitae" is nobody
    ]
    largest = max((s.em for s in early), default=0.0)
    large = [s for s in early if s.em > 0.95 * largest]
    for own in (*([s] for s in large), *itertools.pairwise(large)):
        text = " ".join(s.text for s in own)
        side = len(own) == 1 or own[1].bbox.y0 - own[0].bbox.y1 < own[0].em
        if side and 1 < len(text.split()) <= 5 and is_name(text) and fit("org", text) < 0.9:
            name = tuple((s, 0, len(s.text)) for s in own)
            strength = 0.85 if largest > 1.2 * graph.em else 0.5
            return Party(name, name, (), frozenset()), strength
    signed = [party for party in parties(graph) if party.kind == "signed"]
    return (signed[0], 0.7) if signed else None


# --- answers -------------------------------------------------------------------------------------


def answer(question: Question, graph: Graph) -> list[Found]:
    """Return who or where: the name, the address or a number of whom the question means."""
    if question.operation != "look":
        return []
    what = aspect(question)
    if what == "name" and question.senses & _TITLED:
        return _titled(graph)
    role, named = _whom(question)
    if not what or (not role and not named):
        return []
    if named:
        if what == "name":
            return []
        return [
            found
            for party in parties(graph)
            if (share := _names(named, _before_address(party))) >= 0.6
            and (found := _tell(party, what, graph, share)) is not None
        ]
    best = chosen(graph, role)
    if best is None:
        return []
    party, sure = best
    if what == "address":
        return _where(party, sure, graph)
    found = _tell(party, what, graph, sure)
    return [] if found is None else [found]


# Who is called by a title: "Dr. Paula Pan", on a line of its own below what she gives.
_TITLED = frozenset({"lecturer", "doctor", "supervisor"})


def _titled(graph: Graph) -> list[Found]:
    """Return the one name of a page that stands on a line of its own behind a title."""
    own = [
        s
        for s in graph.segments
        if HONORIFIC.match(s.text) and len(s.text.split()) <= 5 and fit("name", s.text) > 0.9
    ]
    if len({_key(s.text) for s in own}) != 1:
        return []
    return [_found([(own[0], 0, len(own[0].text))], _ALONE)]


_ALONE = 0.8


def _where(party: Party, sure: float, graph: Graph) -> list[Found]:
    """Return the address of a party, which may stand apart from its name."""
    if party.address:
        return [_found(party.address, 0.95 * sure)]
    for other in parties(graph):
        if _key(other.said) == _key(party.said) and other.address:
            return [_found(other.address, 0.95 * sure)]
    height = graph.page.height
    apart = [
        address
        for stack in stacks(graph)
        if (address := address_of([(s, 0, len(s.text.rstrip(" ,;|"))) for s in stack]))
        and not any(address[0] in other.lines for other in parties(graph))
        and any(places(text_of(piece)) for piece in address)
        and abs(address[0][0].bbox.y0 - party.top.bbox.y0) < 0.15 * height
    ]
    return [_found(apart[0], 0.8 * sure)] if len(apart) == 1 else []


def aspect(question: Question) -> str:
    """Return what of somebody is asked for: ``name``, ``address``, a kind of number, or ``""``."""
    if question.kind in ("phone", "email", "url", "job"):
        return question.kind
    if "address" in question.senses or question.kind in ("address", "place"):
        return "address"
    return "name" if question.kind in ("name", "party", "org") else ""


# What is sent, sold or paid for says nothing of who does it.
_BESIDE = frozenset({"issue", "item", "payment", "delivery", "order"})


def _whom(question: Question) -> tuple[str, list[str]]:
    """Return the role that a question asks for, or the words of a name that it gives."""
    role = ""
    own: list[str] = []
    heads = {
        "address",
        "name",
        "phone",
        "email",
        "website",
        "position",
        "city",
        "street",
        "country",
    }
    capitals = {
        token.text
        for word in question.text.split()[1:]
        if word[:1].isupper()
        for token in tokens(word)
    }
    for unit, weight in question.asked:
        if unit.senses & ADDRESSEE:
            role = "addressee"
        elif unit.senses & ISSUER:
            role = role or "issuer"
        elif unit.senses & HOLDER:
            role = role or "holder"
        elif unit.senses & {"signature"}:
            role = role or "signed"
        elif unit.senses & heads or weight < 1.0 or unit.senses & _BESIDE:
            continue
        elif capitals & set(unit.words):
            own += unit.words
        else:
            return "", []  # about something else
    if own:
        return "", own
    only = bool(question.asked) and all(u.senses & {"address", "street"} for u, _ in question.asked)
    if not role and only:
        return "issuer", []
    return role, []


def _names(named: Sequence[str], name: str) -> float:
    there = [token.text for token in tokens(name)]
    if not there:
        return 0.0
    return sum(any(likeness(w, t) >= _SAME for t in there) for w in named) / len(named)


def _before_address(party: Party) -> str:
    """Return the lines of a party down to its address: its name, its department, its company."""
    lines = []
    for piece in party.lines:
        if piece in party.address:
            break
        lines.append(text_of(piece))
    return " ".join(lines)


def _tell(party: Party, what: str, graph: Graph, sure: float) -> Found | None:
    if what == "name":
        first = party.name[0][0]
        row = [p for p in party.name if p[0].em == first.em and party.kind == "block"]
        # Without a form of address on a line of its own; but whole where it stands large.
        return _found(row if len(row) > 1 and first.em > 1.2 * graph.em else party.name[-1:], sure)
    if what == "address":
        return next(iter(_where(party, sure, graph)), None)
    if what == "job":
        following = party.lines[len(party.name) :][:1]
        job = [p for p in party.lines[1:] if fit("job", text_of(p)) > 0.6] or [
            p
            for p in following
            if not any(c.isdigit() for c in text_of(p)) and ":" not in text_of(p)
        ]
        return _found(job[:1], 0.8 * sure) if job else None
    for segment, a, b in party.lines:
        for value in find(segment.text[a:b]):
            if value.kind == what and value.sure > 0.5:
                return _found([(segment, a + value.start, a + value.end)], sure)
    return None


def _found(pieces: Sequence[Piece], strength: float) -> Found:
    slot = Slot(
        "\n".join(text_of(p).strip(" ,;") for p in pieces),
        tuple(segment.span(a, b) for segment, a, b in pieces),
        BBox.around([segment.box(a, b) for segment, a, b in pieces]),
        (),
        pieces[0][0],
        "group",
    )
    return Found(slot.text, slot, (), min(1.0, strength))
