"""What became of a replacing edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Fitted:
    """What became of a replacing edit: for reports, free of document text.

    Attributes:
        id: of the edit.
        fitted: whether the new text was set; otherwise the old one stays.
        scale: size as a share of the old one.
        lines: number of lines.
        face: name of the face, ``""`` when it did not fit.
        note: why not, or what had to be done.
    """

    id: str
    fitted: bool
    scale: float = 1.0
    lines: int = 0
    face: str = ""
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "id": self.id,
            "fitted": self.fitted,
            "scale": round(self.scale, 3),
            "lines": self.lines,
            "face": self.face,
            "note": self.note,
        }


Item = Mapping[str, Any]


def parted(items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """Return the edits that only erase, and those that replace."""
    replacing = [item for item in items if item.get("kind") == "replace"]
    return [item for item in items if item.get("kind") != "replace"], replacing
