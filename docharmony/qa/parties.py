"""Who takes part: blocks of a name and an address, and who of them sent the page, who receives it.

Letters, invoices and receipts seldom say "sender" or "customer". They set names in places: a letterhead,
a line over the window of the envelope, a block below it, a signature. Each place counts for a role.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import regex

from ..detect.text import fold
from ..geometry import BBox
from .data import words
from .graph import Graph
from .question import Question
from .score import documents, greeted, in_domain
from .segments import Segment
from .slots import Slot
from .tables import Found
from .units import units
from .values import HONORIFIC, find, fit, has_postcode, has_street
from .words import likeness, tokens

_GAP = 0.95  # ems between two lines of a block, at most
_LONGEST = 10  # lines of a block
_LABEL = 2.6  # ems from a label down to its block, at most
_BESIDE = 14.0  # ems from a label to a block on its right, at most
_SAME = 0.8  # how much a word of a name must be like one of the question

ISSUER = frozenset({"vendor", "sender", "author", "company", "landlord"})
ADDRESSEE = frozenset({"customer", "receiver", "tenant"})
HOLDER = frozenset({"holder", "employee"})
_CONTACT = frozenset({"phone", "email", "url"})
# Between the parts of an address that is set in one line.
_PARTS = regex.compile(r"\s*[\u00b7\u2022|\u2219\u22c5]\s*|\s+[-\u2013/]\s+")

Piece = tuple[Segment, int, int]
"""A range of a segment's text."""


@dataclass(frozen=True, slots=True, eq=False)
class Party:
    """A block of lines that names somebody.

    Attributes:
        lines: all its lines from the name on.
        name: the pieces of the name: one, or two where a form of address has a line of its own.
        address: the pieces of the address, from the street to the country; empty for none.
        label: senses of what stands over or before the block.
        kind: ``block``, ``line`` for an address in one line, ``signed`` for a name below a closing.
    """

    lines: tuple[Piece, ...]
    name: tuple[Piece, ...]
    address: tuple[Piece, ...]
    label: frozenset[str]
    kind: str = "block"

    @property
    def said(self) -> str:
        """The name as one text."""
        return " ".join(segment.text[a:b] for segment, a, b in self.name)

    @property
    def top(self) -> Segment:
        """The segment that it begins in."""
        return self.lines[0][0]


def parties(graph: Graph) -> tuple[Party, ...]:
    """Return who is named on a page, in reading order."""
    return _parties(graph)


@lru_cache(maxsize=8)
def _parties(graph: Graph) -> tuple[Party, ...]:
    found = [party for stack in _stacks(graph) if (party := _party(stack, graph)) is not None]
    found += [party for s in graph.segments if (party := _in_one_line(s)) is not None]
    found += list(_signed(graph))
    return tuple(found)


def _stacks(graph: Graph) -> list[list[Segment]]:
    """Return runs of short lines that stand flush or centred below each other."""
    stacks: list[list[Segment]] = []
    for segment in sorted(graph.segments, key=lambda s: (s.bbox.y0, s.bbox.x0)):
        if len(segment.text) > 75 or _in_one_line(segment) is not None:
            continue
        home: list[Segment] | None = None
        for stack in stacks[-40:]:
            last = stack[-1]
            gap = segment.bbox.y0 - last.bbox.y1
            # A name may be set larger than what follows it.
            head = len(stack) == 1 and 0 < last.em - segment.em < 1.6 * segment.em
            if (
                len(stack) < _LONGEST
                and -0.5 * segment.em < gap
                and gap
                < _GAP * (last.em if head else segment.em) * (1 + has_postcode(segment.text))
                and (head or abs(last.em - segment.em) < 0.35 * segment.em)
                and _flush(segment, last)
                and (home is None or last.bbox.y1 > home[-1].bbox.y1)
            ):
                home = stack
        if home is None:
            stacks.append([segment])
        else:
            home.append(segment)
    return stacks


def _flush(a: Segment, b: Segment) -> bool:
    near = 0.6 * max(a.em, b.em)
    return (
        abs(a.bbox.x0 - b.bbox.x0) < near
        or abs(a.bbox.x1 - b.bbox.x1) < near
        or abs(a.bbox.center.x - b.bbox.center.x) < near
    )


def _party(stack: Sequence[Segment], graph: Graph) -> Party | None:
    lines: list[Piece] = []
    label: frozenset[str] = frozenset()
    for segment in stack:
        text = segment.text
        own = _label(text)
        if own is not None and not lines:
            label |= own
            continue
        a = 0
        if not lines and (cut := regex.match(r"[^:]{2,30}:\s*(?=\S)", text)):
            own = _label(cut[0])
            if own is None:
                return None
            label, a = label | own, cut.end()
        lines.append((segment, a, len(text.rstrip(" ,;|"))))
    while lines and _is_notice(lines[0]):
        lines.pop(0)
    for start in range(min(3, len(lines))):
        found = _block(lines[start:], label, graph)
        if found is not None:
            return found
    return None


def _block(lines: Sequence[Piece], label: frozenset[str], graph: Graph) -> Party | None:
    first = lines[0][0]
    label = label or _label_near(first)
    name = _name(lines)
    rest = lines[len(name) :]
    address = _address(rest)
    role = label & (ISSUER | ADDRESSEE | HOLDER | {"delivery", "shipping"})
    placed = any(_places(_text(piece)) for piece in address)
    if not name or (label and not role and not placed):
        return None
    if not (placed or role or _stands_out(first, graph) or _has_contact(rest)):
        return None
    return Party(tuple(lines), name, address, label)


def _label(text: str) -> frozenset[str] | None:
    """Return the senses of a text that only says who comes next; None for any other text."""
    own = units(text)
    if not own or len(own) > 4 or any(c.isdigit() for c in text):
        return None
    senses = frozenset(name for unit in own for name in unit.senses)
    roles = senses & (ISSUER | ADDRESSEE | HOLDER | {"address", "delivery", "shipping"})
    if text.rstrip().endswith(":"):
        return senses if roles or all(unit.senses for unit in own) else None
    return senses if roles and all(unit.senses for unit in own) else None


def _label_near(first: Segment) -> frozenset[str]:
    """Return the senses of the label over a block, or left of it."""
    for above in first.above[:1]:
        if first.bbox.y0 - above.bbox.y1 < _LABEL * first.em:
            return _label(above.text) or frozenset()
    left = first.left
    beside = left is not None and left.text.rstrip().endswith(":")
    if left is not None and beside and first.bbox.x0 - left.bbox.x1 < _BESIDE * first.em:
        return _label(left.text) or frozenset()
    return frozenset()


def _is_notice(line: Piece) -> bool:
    """Whether a line says how a letter travels, or what kind of document it is."""
    text = _text(line)
    if len(text) > 5 and all(len(part) == 1 for part in text.split()):
        text = text.replace(" ", "")  # letters set apart
    said = {token.text for token in tokens(text)}
    return bool(said) and said <= words("mailing")


def _name(lines: Sequence[Piece]) -> tuple[Piece, ...]:
    segment, a, b = lines[0]
    text = segment.text[a:b]
    title = fold(text).strip(" .,") in words("honorifics")
    if title and len(lines) > 1 and _is_name(_text(lines[1])):
        return tuple(lines[:2])
    if title:
        return ()
    if _is_name(text):
        return (lines[0],)
    # An address below it says more than the words of a name.
    named = fit("party", text) >= 0.6 and not any(c.isdigit() for c in text) and ":" not in text
    return (lines[0],) if named and _label(text) is None and len(_address(lines[1:])) > 1 else ()


def _is_name(text: str) -> bool:
    if any(c.isdigit() for c in text) and fit("org", text) < 0.9:
        return False
    if sum(c.isalpha() for c in text) < 3:
        return False
    own = units(text)
    known = [unit for unit in own if unit.senses]
    if fit("org", text) < 0.9 and (
        not own or len(known) == len(own) or any(u.senses & documents() for u in known)
    ):
        return False
    return fit("party", text) >= 0.42 and not text.rstrip().endswith(":") and _label(text) is None


def _text(piece: Piece) -> str:
    segment, a, b = piece
    return segment.text[a:b]


def _address(lines: Sequence[Piece]) -> tuple[Piece, ...]:
    """Return the lines of an address among those below a name: from its street or town on."""
    found: list[Piece] = []
    ended = False
    for piece in lines:
        text = _text(piece)
        if _is_contact(text) or _label(text) is not None:
            if found:
                break
            continue
        if not found and not _begins_address(text):
            continue
        plain = regex.fullmatch(r"[\p{L}.'\u2019\- ]{2,30}", text) is not None
        if found and not (any(c.isdigit() for c in text) or plain):
            break
        if ended and not plain:
            break
        found.append(piece)
        ended = ended or has_postcode(text)
    return tuple(found)


def _begins_address(text: str) -> bool:
    if _places(text):
        return True
    digits = sum(c.isdigit() for c in text)
    letters = sum(c.isalpha() for c in text)
    return 0 < digits < letters and any(w[0].isupper() for w in text.split() if w[0].isalpha())


def _places(text: str) -> bool:
    """Whether a line names a street or a town with its code."""
    return has_street(text) or has_postcode(text)


def _is_contact(text: str) -> bool:
    for value in find(text):
        share = (value.end - value.start) / len(text)
        if value.kind in ("money", "percent") or (
            value.kind in ("email", "url", "iban", "date") and share > 0.3
        ):
            return True
        if value.kind == "phone" and value.sure == 1.0 and share > 0.4:
            return True
    return ":" in text or regex.match(r"\+\d", text) is not None


def _has_contact(lines: Sequence[Piece]) -> bool:
    return any(value.kind in _CONTACT for piece in lines for value in find(_text(piece)))


def _stands_out(segment: Segment, graph: Graph) -> bool:
    early = segment.bbox.y0 < 0.3 * graph.page.height
    return early and (segment.em > 1.12 * graph.em or segment.line.bold)


def _in_one_line(segment: Segment) -> Party | None:
    """Return who is named in a line of name, street and town: as over the window of an envelope."""
    text = segment.text
    cuts = list(_PARTS.finditer(text))
    if len(cuts) < 2:
        cuts = list(regex.finditer(r",\s+", text))
    if not 1 <= len(cuts) <= 6 or len(text) > 120:
        return None
    head = text[: cuts[0].start()]
    rest = text[cuts[0].end() :]
    short = len(head.split()) < 2 and fit("org", head) < 0.9
    if short or not _is_name(head) or not any(c.isdigit() for c in rest):
        return None
    if not (has_street(rest) or has_postcode(rest)) or find(head):
        return None
    end = len(text)
    for cut in reversed(cuts):
        if _is_contact(text[cut.end() : end]):
            end = cut.start()
    piece = (segment, 0, len(head))
    address = (segment, cuts[0].end(), end)
    return Party((piece, address), (piece,), (address,), frozenset(), "line")


def _signed(graph: Graph) -> Iterator[Party]:
    """Yield the names below the closing of a letter."""
    for segment in graph.segments:
        if len(segment.text) > 60 or not any("regards" in u.senses for u in units(segment.text)):
            continue
        below = [
            s
            for s in graph.segments
            if 0 < s.bbox.y0 - segment.bbox.y1 < 7 * segment.em
            and s.bbox.x0 < segment.bbox.x1 + 12 * segment.em
            and s.bbox.x1 > segment.bbox.x0 - 12 * segment.em
        ]
        below.sort(key=lambda s: s.bbox.y0)
        name = next((s for s in below if _is_name(s.text) and len(s.text.split()) > 1), None)
        if name is not None:
            piece = (name, 0, len(name.text))
            yield Party((piece,), (piece,), (), frozenset(), "signed")


# --- roles ---------------------------------------------------------------------------------------


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
        if _has_contact(party.lines):
            issuer += 0.25
        if in_domain(party.said, graph):
            issuer += 0.35
        if names.count(own) > 1:
            issuer += 0.2
        if _stands_out(top, graph):
            issuer += 0.25
        if fit("org", party.said) == 1.0:
            issuer += 0.1
        if dear and dear <= set(own.split()) | {""} and own:
            addressee += 0.7
        placed = any(_places(_text(piece)) for piece in party.address)
        if placed and party.kind == "block" and top.bbox.y0 < 0.55 * height:
            addressee += 0.3
            if any(0 < top.bbox.y0 - s.bbox.y1 < 5 * top.em and _flush(top, s) for s in over):
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
    early = [s for s in graph.segments if s.bbox.y0 < 0.35 * height and len(s.text) < 50]
    largest = max((s.em for s in early), default=0.0)
    for segment in early:
        names = 1 < len(segment.text.split()) <= 5 and _is_name(segment.text)
        if names and segment.em > 0.95 * largest and fit("org", segment.text) < 0.9:
            piece = (segment, 0, len(segment.text))
            return Party(
                (piece,), (piece,), (), frozenset()
            ), 0.85 if largest > 1.2 * graph.em else 0.5
    signed = [party for party in parties(graph) if party.kind == "signed"]
    return (signed[0], 0.7) if signed else None


# --- answers -------------------------------------------------------------------------------------


def answer(question: Question, graph: Graph) -> list[Found]:
    """Return who or where: the name, the address or a number of whom the question means."""
    if question.operation != "look":
        return []
    what = aspect(question)
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
        for stack in _stacks(graph)
        if (address := _address([(s, 0, len(s.text.rstrip(" ,;|"))) for s in stack]))
        and not any(address[0] in other.lines for other in parties(graph))
        and any(_places(_text(piece)) for piece in address)
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
        elif unit.senses & heads or weight < 1.0 or unit.senses & {"issue"}:
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
        lines.append(_text(piece))
    return " ".join(lines)


def _tell(party: Party, what: str, graph: Graph, sure: float) -> Found | None:
    if what == "name":
        return _found(party.name, sure)
    if what == "address":
        return next(iter(_where(party, sure, graph)), None)
    if what == "job":
        following = party.lines[len(party.name) :][:1]
        job = [p for p in party.lines[1:] if fit("job", _text(p)) > 0.6] or [
            p for p in following if not any(c.isdigit() for c in _text(p)) and ":" not in _text(p)
        ]
        return _found(job[:1], 0.8 * sure) if job else None
    for segment, a, b in party.lines:
        for value in find(segment.text[a:b]):
            if value.kind == what and value.sure > 0.5:
                return _found([(segment, a + value.start, a + value.end)], sure)
    return None


def _found(pieces: Sequence[Piece], strength: float) -> Found:
    slot = Slot(
        "\n".join(_text(p).strip(" ,;") for p in pieces),
        tuple(segment.span(a, b) for segment, a, b in pieces),
        BBox.around([segment.box(a, b) for segment, a, b in pieces]),
        (),
        pieces[0][0],
        "group",
    )
    return Found(slot.text, slot, (), min(1.0, strength))
