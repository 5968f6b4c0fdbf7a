"""Show the words of a paragraph that was broken anew in one place of its stream.

Layout programs show a line with operators and groups of its own. Words that went to another line would
still stand among those that they began their old line with, and tell where that broke.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pikepdf

from .pdf_in_place import Fill
from .pdf_objects import parts
from .pdf_stream import Shown, Wiped

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
    return one is other or _plain(one) == _plain(other)


def _plain(value: Any) -> Any:
    """Return instructions as something that can be compared."""
    if value is None or isinstance(value, str | float | int):
        return value
    if isinstance(value, tuple) and not value:
        return ()
    if isinstance(value, tuple) and not isinstance(value[-1], pikepdf.Operator):
        return tuple(_plain(item) for item in value)
    operands, operator = parts(value)
    return str(operator), tuple(str(operand) for operand in operands)


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
            out += look.changes(word.look)
            look = word.look
            out.append(replace(word, text=items[first].text))
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
