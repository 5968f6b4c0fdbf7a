"""Values without what stands around them: the address in "Mail: a@b.org", a subject without its label."""

from __future__ import annotations

from dataclasses import replace

import regex

from ..geometry import BBox
from .slots import Slot
from .units import units
from .values import find


def trimmed(kind: str, slot: Slot) -> Slot:
    """Return the value itself, where a slot holds one of a kind that shows what it is, and more."""
    if kind not in ("email", "url", "iban") or len(slot.spans) != 1:
        return slot
    own = [value for value in find(slot.text) if value.kind == kind]
    if len(own) != 1 or own[0].end - own[0].start == len(slot.text):
        return slot
    a, b = own[0].start, own[0].end
    start = slot.spans[0].start
    begin = start - slot.segment.start
    return replace(
        slot,
        text=slot.text[a:b],
        spans=(replace(slot.spans[0], start=start + a, end=start + b),),
        bbox=BBox.around([slot.segment.box(begin + a, begin + b)]),
    )


def unlabelled(slot: Slot) -> Slot:
    """Return a slot without the label that opens it: "Subject: new style" gives the new style."""
    first = slot.spans[0] if slot.spans else None
    found = _OPENED.match(slot.text)
    if first is None or found is None or found.end() >= first.end - first.start:
        return slot
    own = units(found[1])
    if not own or not all(unit.senses for unit in own):
        return slot
    cut = found.end()
    bbox = slot.bbox
    if len(slot.spans) == 1 and first.line == slot.segment.line.id:
        begin = first.start - slot.segment.start + cut
        bbox = BBox.around([slot.segment.box(begin, begin + len(slot.text) - cut)])
    spans = (replace(first, start=first.start + cut), *slot.spans[1:])
    return replace(slot, text=slot.text[cut:], spans=spans, bbox=bbox)


_OPENED = regex.compile(r"([^:\n]{2,30}):\s+(?=\S)")
