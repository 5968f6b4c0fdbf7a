"""Show the words of a paragraph that was broken anew in one place of its stream.

Layout programs show a line with operators and groups of its own. Words that went to another line would
still stand among those that they began their old line with, and tell where that broke.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pikepdf

from .pdf_in_place import Fill
from .pdf_objects import plain
from .pdf_stream import Shown, Wiped

_JOIN = 0.01  # in points
_STROKED = frozenset({1, 2})  # text render modes that draw outlines


class Look(NamedTuple):
    """What text is shown with.

    Attributes:
        tf: the operator that set its font; None where another stream did.
        stretch, rise, mode: as set by Tz (a share), Ts and Tr.
        fill: its colour.
        state: what cannot be set again here: font that no operator set, clip, layer, graphics states.
    """

    tf: Any
    stretch: float
    rise: float
    mode: float
    fill: Fill
    state: tuple[Any, ...]

    def changes(self, other: Look) -> list[Any]:
        """Return the operators that lead from this look to another."""
        result: list[Any] = []
        if other.tf is not None and not _same(self.tf, other.tf):
            result.append(other.tf)
        for own, wanted, name, scale in (
            (self.stretch, other.stretch, "Tz", 100.0),
            (self.rise, other.rise, "Ts", 1.0),
            (self.mode, other.mode, "Tr", 1.0),
        ):
            if own != wanted:
                result.append(([round(wanted * scale, 6)], pikepdf.Operator(name)))
        if not _same(self.fill.set_by, other.fill.set_by):
            result += other.fill.set_by or ()
        return result


def _same(one: Any, other: Any) -> bool:
    return one is other or plain(one) == plain(other)


def _follows(before: Any, part: Shown) -> bool:
    """Return whether a part of a word, which a line had parted, begins where another ends."""
    return (
        isinstance(before, Shown)
        and before.number == part.number
        and before.end is not None
        and math.dist(before.end, (part.place.e, part.place.f)) < _JOIN
        and before.place[:4] == part.place[:4]
    )


def _joined(before: Shown, part: Shown) -> Shown:
    *head, last = before.kept
    first, *rest = part.kept
    if isinstance(last, pikepdf.String) and isinstance(first, pikepdf.String):
        head.append(pikepdf.String(bytes(last) + bytes(first)))
    else:
        head += [last, first]
    return replace(before, kept=[*head, *rest], end=part.end)


def gathered(items: Sequence[Any]) -> list[Any]:
    """Return a stream's items with the words of each paragraph where its first word stands.

    A paragraph whose words are not shown alike enough stays as it is.
    """
    paragraphs: dict[int, list[int]] = {}
    for index, item in enumerate(items):
        if isinstance(item, Shown) and item.paragraph is not None:
            paragraphs.setdefault(item.paragraph, []).append(index)
    moved: dict[int, list[Any]] = {}
    for indices in paragraphs.values():
        shown = [items[index] for index in indices]
        if not _alike(shown):
            continue
        first = next((index for index in indices if items[index].kept), indices[0])
        start: Look = items[first].look
        look, out = start, list[Any]()
        for word in sorted((item for item in shown if item.kept), key=lambda item: item.number):
            changes = look.changes(word.look)
            look = word.look
            if not changes and out and _follows(out[-1], word):
                out[-1] = _joined(out[-1], word)
                continue
            out += [*changes, replace(word, text=items[first].text)]
        out += look.changes(start)
        moved.update((index, [Wiped()]) for index in indices)
        moved[first] = [*out, Wiped()]
    return [part for index, item in enumerate(items) for part in moved.get(index, [item])]


def _alike(shown: Sequence[Shown]) -> bool:
    looks = [item.look for item in shown]
    return (
        len({look.state for look in looks}) == 1
        and (all(look.tf is not None for look in looks) or all(look.tf is None for look in looks))
        and (
            all(look.fill.set_by is not None for look in looks)
            or len({look.fill for look in looks}) == 1
        )
        and not any(look.mode in _STROKED for look in looks)
    )
