"""Values without what stands around them: the address in "Mail: a@b.org", a subject without its label."""

from __future__ import annotations

from dataclasses import replace

import regex

from ..geometry import BBox
from .data import words
from .slots import Slot
from .units import units
from .values import find
from .words import tokens


def trimmed(kind: str, slot: Slot) -> Slot:
    """Return the value itself, where a slot holds one of a kind that shows what it is, and more."""
    if kind in ("name", "party"):
        return ungreeted(slot)
    if kind not in ("email", "url", "iban") or len(slot.spans) != 1:
        return slot
    own = [value for value in find(slot.text) if value.kind == kind]
    if len(own) != 1 or own[0].end - own[0].start == len(slot.text):
        return slot
    return _part(slot, own[0].start, own[0].end)


def _part(slot: Slot, a: int, b: int) -> Slot:
    """Return a range of the text of a slot that stands in one line."""
    start = slot.spans[0].start
    begin = start - slot.segment.start
    return replace(
        slot,
        text=slot.text[a:b],
        spans=(replace(slot.spans[0], start=start + a, end=start + b),),
        bbox=BBox.around([slot.segment.box(begin + a, begin + b)]),
    )


def ungreeted(slot: Slot) -> Slot:
    """Return a name without the greeting before it and the comma behind: "Hi Ann Roe," is Ann Roe."""
    if len(slot.spans) != 1:
        return slot
    there = tokens(slot.text)
    first = next((i for i, t in enumerate(there) if t.text not in words("greetings")), 0)
    return _part(slot, there[first].start, len(slot.text.rstrip(" ,"))) if first else slot


_AROUND = {
    "{": "}",
    "[": "]",
    "\u201c": "\u201d",
    "\u201e": "\u201c",
    '"': '"',
    "\u00ab": "\u00bb",
    "<": ">",
}


def unmarked(slot: Slot) -> Slot:
    """Return a slot without the brackets or quotation marks around it, or an opening one alone.

    >>> _marks("{Springer}"), _marks("\u201cOn growth"), _marks("f[0]"), _marks("(a) and (b)")
    ((1, 9), (1, 10), (0, 4), (0, 11))
    """
    a, b = _marks(slot.text)
    if (a, b) == (0, len(slot.text)) or not slot.spans or "\n" in slot.text:
        return slot
    first, last = slot.spans[0], slot.spans[-1]
    if len(slot.spans) > 1:
        more = (replace(last, end=last.end - (len(slot.text) - b)),)
        spans = (replace(first, start=first.start + a), *slot.spans[1:-1], *more)
    else:
        spans = (replace(first, start=first.start + a, end=first.start + b),)
    return replace(slot, text=slot.text[a:b], spans=spans)


def _marks(text: str) -> tuple[int, int]:
    close = _AROUND.get(text[:1], "")
    if not close or len(text) < 4:
        return 0, len(text)
    inside = text[1:]
    if close not in inside:
        return 1, len(text)
    return (1, len(text) - 1) if inside.index(close) == len(inside) - 1 else (0, len(text))


def unlabelled(slot: Slot) -> Slot:
    """Return a slot without the label that opens it: "Subject: new style" gives the new style."""
    first = slot.spans[0] if slot.spans else None
    found = _OPENED.match(slot.text)
    if first is None or found is None or found.end() >= first.end - first.start:
        return slot
    own = units(found[1] or "")
    caption = found[2] or _CAPTION.match(found[1] or "")
    if not caption and (not own or not all(unit.senses for unit in own)):
        return slot
    cut = found.end()
    bbox = slot.bbox
    if len(slot.spans) == 1 and first.line == slot.segment.line.id:
        begin = first.start - slot.segment.start + cut
        bbox = BBox.around([slot.segment.box(begin, begin + len(slot.text) - cut)])
    spans = (replace(first, start=first.start + cut), *slot.spans[1:])
    return replace(slot, text=slot.text[cut:], spans=spans, bbox=bbox)


_OPENED = regex.compile(
    r"([^:\n]{2,30}):\s+(?=\S)|((?:Tab|Fig|Abb)\p{L}*\.?\s\d+[a-z]?[.:])\s+(?=\S)"
)
_CAPTION = regex.compile(r"(?:Tab|Fig|Abb)\p{L}*\.?\s\d+[a-z]?$")
