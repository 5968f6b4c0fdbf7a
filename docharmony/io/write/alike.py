"""One size for texts that had one size: what has to be set smaller takes its like along."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .setting import Planned, plan, setting_of

# Texts whose sizes differ by less had one size, as a share of it: sizes read from pixels vary.
_ALIKE = {"pdf": 0.02, "ocr": 0.08}
# The smallest size that all take on for the sake of some, and the share of letters that may be smaller.
_LEAST, _FEW = 0.85, 0.05


def alike(items: Sequence[Mapping[str, Any]], least: float) -> list[Mapping[str, Any]]:
    """Return edits, in their order, each with the largest scale that its text may have.

    Args:
        items: as :func:`.setting.plan` takes them.
        least: as for plan.
    """
    if not any(setting_of(item).alike for item in items):
        return list(items)
    found = [plan(item, least) for item in items]
    limits = most(item for item in found if isinstance(item, Planned))
    return [{**item, "most": limits.get(str(item["id"]), 1.0)} for item in items]


def most(planned: Iterable[Planned]) -> Mapping[str, float]:
    """Return the largest scale for each text, by the id of its edit, so that those alike are of one size.

    Texts of one size and weight all get the size of the one that had to be set smallest, but for a few
    letters that may stay smaller.
    """
    groups: list[list[Planned]] = []
    for item in sorted(planned, key=lambda p: (p.setting.origin, p.setting.bold, p.setting.size)):
        if not item.setting.alike or not item.layout.lines:
            continue
        last = groups[-1][0].setting if groups else None
        own = item.setting
        if (
            last is not None
            and (last.origin, last.bold) == (own.origin, own.bold)
            and own.size <= last.size * (1 + _ALIKE[own.origin])
        ):
            groups[-1].append(item)
        else:
            groups.append([item])
    result: dict[str, float] = {}
    for group in groups:
        ordered = sorted(group, key=lambda item: item.layout.scale)
        letters = [sum(len(line.text) for line in item.layout.lines) for item in ordered]
        passed, scale = 0, 1.0
        for item, count in zip(ordered, letters, strict=True):
            passed += count
            if passed > _FEW * sum(letters):
                scale = max(_LEAST, item.layout.scale)
                break
        result |= {str(item.edit["id"]): scale for item in group if item.layout.scale > scale}
    return result
