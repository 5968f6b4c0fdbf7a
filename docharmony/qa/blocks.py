"""Blocks of a name and an address: letterheads, windows of envelopes, signatures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import regex

from ..detect.text import fold
from .data import words
from .graph import Graph
from .score import documents
from .segments import Segment
from .units import units
from .values import find, fit, has_postcode, has_street
from .words import tokens

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

_ASIDE = regex.compile(r"\s*\(.*\)\s*")  # a remark below a label

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
    found = [party for stack in stacks(graph) if (party := _party(stack, graph)) is not None]
    found += [party for s in graph.segments if (party := _in_one_line(s)) is not None]
    found += list(_signed(graph))
    return tuple(found)


def stacks(graph: Graph) -> list[list[Segment]]:
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
                and flush(segment, last)
                and (home is None or last.bbox.y1 > home[-1].bbox.y1)
            ):
                home = stack
        if home is None:
            stacks.append([segment])
        else:
            home.append(segment)
    return stacks


def flush(a: Segment, b: Segment) -> bool:
    """Whether two lines stand flush left, flush right or centred."""
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
                continue  # a field that stands over the block
            label, a = label | own, cut.end()
        lines.append((segment, a, len(text.rstrip(" ,;|"))))
    while lines and (_is_notice(lines[0]) or _ASIDE.fullmatch(text_of(lines[0]))):
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
    address = address_of(rest)
    role = label & (ISSUER | ADDRESSEE | HOLDER | {"delivery", "shipping"})
    placed = any(places(text_of(piece)) for piece in address)
    if not name or (label and not role and not placed):
        return None
    company = len(lines) > 2 and all(fit("org", text_of(piece)) == 1.0 for piece in name)
    if not (placed or role or company or stands_out(first, graph) or has_contact(rest)):
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
    text = text_of(line)
    if len(text) > 5 and all(len(part) == 1 for part in text.split()):
        text = text.replace(" ", "")  # letters set apart
    said = {token.text for token in tokens(text)}
    return bool(said) and said <= words("mailing")


def _name(lines: Sequence[Piece]) -> tuple[Piece, ...]:
    segment, a, b = lines[0]
    text = segment.text[a:b]
    if (opening := tokens(text)[:2]) and all(t.text in words("greetings") for t in opening):
        return ()  # the greeting of a letter
    title = fold(text).strip(" .,") in words("honorifics")
    if title and len(lines) > 1 and is_name(text_of(lines[1])):
        return tuple(lines[:2])
    if title:
        return ()
    if is_name(text):
        return (lines[0],)
    # An address below it says more than the words of a name.
    capitals = sum(word[:1].isupper() for word in text.split()) > 1
    named = (
        (fit("party", text) >= 0.6 or capitals)
        and not any(c.isdigit() for c in text)
        and ":" not in text
    )
    return (lines[0],) if named and _label(text) is None and len(address_of(lines[1:])) > 1 else ()


def is_name(text: str) -> bool:
    """Whether a line may be the name of a person or a company."""
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


def text_of(piece: Piece) -> str:
    """Return the text of a piece."""
    segment, a, b = piece
    return segment.text[a:b]


def address_of(lines: Sequence[Piece]) -> tuple[Piece, ...]:
    """Return the lines of an address among those below a name: from its street or town on."""
    found: list[Piece] = []
    ended = False
    for piece in lines:
        text = text_of(piece)
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
    if places(text):
        return True
    digits = sum(c.isdigit() for c in text)
    letters = sum(c.isalpha() for c in text)
    return 0 < digits < letters and any(w[0].isupper() for w in text.split() if w[0].isalpha())


def places(text: str) -> bool:
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


def has_contact(lines: Sequence[Piece]) -> bool:
    """Whether a telephone number or an e-mail or web address is among lines."""
    return any(value.kind in _CONTACT for piece in lines for value in find(text_of(piece)))


def stands_out(segment: Segment, graph: Graph) -> bool:
    """Whether a line is large or bold and near the top of its page."""
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
    if short or not is_name(head) or not any(c.isdigit() for c in rest):
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
        name = next((s for s in below if is_name(s.text) and len(s.text.split()) > 1), None)
        if name is not None:
            piece = (name, 0, len(name.text))
            yield Party((piece,), (piece,), (), frozenset(), "signed")
