"""What a person decided in the browser, put into a plan. Nothing the browser says is believed unseen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import UsageError
from ..geometry import BBox
from ..model import Edit, EditKind, EditStatus
from ..plan import Plan

_STATUSES = {status.value: status for status in (EditStatus.APPROVED, EditStatus.REJECTED)} | {
    EditStatus.PROPOSED.value: EditStatus.PROPOSED
}
_MOST_ADDED = 10_000
_LEAST = 0.5  # page units that an added area must measure


def decide(plan: Plan, data: Any, sizes: Sequence[tuple[float, float]]) -> Plan:
    """Return the plan with the decisions of a browser.

    Args:
        plan: as it was opened: its edits keep their text, place and rule.
        data: ``{"statuses": {id: status}, "replacements": {id: text}, "added": [{"page", "bbox"}]}``.
        sizes: width and height of each page.

    Raises:
        UsageError: the data makes no sense.
    """
    if not isinstance(data, Mapping):
        raise _nonsense("it is no object")
    statuses, texts = data.get("statuses", {}), data.get("replacements", {})
    added = data.get("added", [])
    if not (isinstance(statuses, Mapping) and isinstance(texts, Mapping)):
        raise _nonsense("statuses or replacements are no objects")
    if not isinstance(added, list) or len(added) > _MOST_ADDED:
        raise _nonsense("added is no list, or too long")
    edits: dict[int, list[Edit]] = {
        page: [_decided(edit, statuses, texts) for edit in own] for page, own in plan.edits.items()
    }
    names = {edit.id for own in edits.values() for edit in own}
    for entry in added:
        page, box = _area(entry, sizes)
        number = len(edits.get(page, ())) + 1
        while f"p{page}e{number}" in names:
            number += 1
        name = f"p{page}e{number}"
        names.add(name)
        edit = Edit(name, EditKind.ERASE, box.polygon(), "region", "region drawn in review")
        edits.setdefault(page, []).append(edit)
    return replace(plan, edits={page: tuple(own) for page, own in sorted(edits.items())})


def _decided(edit: Edit, statuses: Mapping[Any, Any], texts: Mapping[Any, Any]) -> Edit:
    status = statuses.get(edit.id, edit.status.value)
    if not isinstance(status, str) or status not in _STATUSES:
        raise _nonsense("a status is unknown")
    text = texts.get(edit.id, edit.replacement)
    if not isinstance(text, str) or (text != edit.replacement and edit.kind is EditKind.ERASE):
        raise _nonsense("a replacement does not belong to its edit")
    return replace(edit, status=_STATUSES[status], replacement=text)


def _area(entry: Any, sizes: Sequence[tuple[float, float]]) -> tuple[int, BBox]:
    """Return the page and the box of an added area, cut to its page."""
    try:
        page = int(entry["page"])
        x0, y0, x1, y1 = (float(value) for value in entry["bbox"])
        if not 1 <= page <= len(sizes) or not all(abs(v) < 1e7 for v in (x0, y0, x1, y1)):
            raise ValueError("out of range")
    except (KeyError, TypeError, ValueError, OverflowError):
        raise _nonsense("an added area makes no sense") from None
    width, height = sizes[page - 1]
    box = BBox(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)).intersection(
        BBox(0.0, 0.0, width, height)
    )
    if box.width < _LEAST or box.height < _LEAST:
        raise _nonsense("an added area is empty or off its page")
    return page, box


def _nonsense(why: str) -> UsageError:
    return UsageError("the decisions cannot be saved", where="review", why=why)
