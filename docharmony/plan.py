"""Plans, the edits that a person reviews before they are applied, and reports of what was done.

A plan is JSON, schema 1. **It holds the text that is to go**, so that a person can judge; it is written
for its owner alone (mode 0600). Change a ``status`` to ``"rejected"`` to keep a place, change a
``polygon`` to move it; everything else than ``"rejected"`` is erased. A plan fits one input only: the
one with its SHA-256. A report is JSON too and never holds the text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .errors import InputError, UsageError
from .geometry import BBox
from .model import SCHEMA, Edit, EditKind, EditStatus
from .schema import edit_from_json, edit_to_json

_LARGEST = 256 << 20


@dataclass(frozen=True, slots=True)
class Plan:
    """The edits for one input.

    Attributes:
        input_sha256: hash of the input that the edits are for.
        edits: page number (1-based) -> edits on that page.
        terms: the terms that were searched; ``Edit.term`` counts them from 1.
        whole_words: whether terms were found as whole words only.
    """

    input_sha256: str
    edits: Mapping[int, tuple[Edit, ...]]
    terms: tuple[str, ...] = field(default=(), repr=False)
    whole_words: bool = False

    def decided(self) -> Plan:
        """Return the plan with every edit approved that nobody rejected."""
        return replace(
            self,
            edits={
                page: tuple(
                    edit
                    if edit.status is EditStatus.REJECTED
                    else replace(edit, status=EditStatus.APPROVED)
                    for edit in edits
                )
                for page, edits in self.edits.items()
            },
        )

    def approved(self) -> dict[int, tuple[Edit, ...]]:
        """Return the approved edits, pages without any left out."""
        edits = {
            number: tuple(edit for edit in own if edit.status is EditStatus.APPROVED)
            for number, own in self.edits.items()
        }
        return {number: own for number, own in edits.items() if own}

    def kept_terms(self) -> list[str]:
        """Return the terms that are to be gone everywhere: those of which no place was rejected."""
        rejected = {
            edit.term
            for edits in self.edits.values()
            for edit in edits
            if edit.status is EditStatus.REJECTED
        }
        return [term for index, term in enumerate(self.terms, 1) if index not in rejected]

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain data, **with** the text that is to go."""
        return {
            "schema": SCHEMA,
            "kind": "plan",
            "input_sha256": self.input_sha256,
            "terms": list(self.terms),
            "whole_words": self.whole_words,
            "edits": [
                {"page": page, **edit_to_json(edit)}
                for page, edits in sorted(self.edits.items())
                for edit in edits
            ],
        }

    def write(self, path: Path) -> None:
        """Write the plan for its owner alone, whole or not at all; raise OutputError."""
        from .io.output import atomic

        text = json.dumps(self.to_json(), ensure_ascii=False, indent=1)
        with atomic(path, mode=0o600) as stream:
            stream.write(text.encode() + b"\n")

    @classmethod
    def read(cls, path: Path | str) -> Plan:
        """Return the plan of a file.

        Raises:
            InputError: no such file, no JSON, or too large.
            UsageError: not a plan of this schema, or an edit in it does not make sense.
        """
        path = Path(path)
        try:
            if path.stat().st_size > _LARGEST:
                raise InputError("the plan is too large", where=str(path))
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(
                "cannot read the plan",
                where=str(path),
                why=getattr(error, "strerror", None) or "it is not JSON in UTF-8",
                hint="Make one with: docharmony redact INPUT -o OUT ... --plan PLAN.json",
            ) from None
        return cls.from_json(data, where=str(path))

    @classmethod
    def from_json(cls, data: Any, *, where: str = "plan") -> Plan:
        """Return the plan of plain data; raise UsageError where it does not fit."""
        if not isinstance(data, Mapping) or data.get("schema") != SCHEMA:
            raise _unfit(where, f"it is not schema {SCHEMA}")
        edits: dict[int, list[Edit]] = {}
        seen: set[str] = set()
        try:
            entries = list(data["edits"])
            digest = str(data["input_sha256"])
            terms = tuple(str(term) for term in data.get("terms", ()))
        except (KeyError, TypeError):
            raise _unfit(where, "input_sha256 or edits are missing") from None
        for number, entry in enumerate(entries, 1):
            try:
                page, edit = int(entry["page"]), edit_from_json(entry)
                corners = 4 if edit.kind is EditKind.REPLACE else 3
                fits = page >= 1 and all(
                    len(area) >= corners for area in (edit.polygon, *edit.areas)
                )
                finite = all(
                    abs(value) < 1e7
                    for area in (edit.polygon, *edit.areas)
                    for point in area
                    for value in point
                )
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
                fits = finite = False
            # NaN compares false with everything, so it does not count as finite either.
            if not fits or not finite or edit.id in seen:
                raise _unfit(where, f"edit number {number} does not make sense")
            seen.add(edit.id)
            edits.setdefault(page, []).append(edit)
        return cls(
            digest,
            {page: tuple(own) for page, own in edits.items()},
            terms,
            bool(data.get("whole_words", False)),
        )


def _unfit(where: str, why: str) -> UsageError:
    return UsageError(
        "this plan cannot be applied",
        where=where,
        why=why,
        hint="Change only status and polygon of its edits, or make a new plan with --plan.",
    )


# --- reports -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Uncertain:
    """A place that was read with little confidence, and may hold what was searched."""

    page: int
    bbox: BBox
    confidence: float


@dataclass(frozen=True, slots=True)
class Check:
    """One check of the output; ``detail`` never holds document text."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Gap:
    """An edit whose line could not be set anew: the gap is as wide as the text that went."""

    page: int
    edit: str
    why: str


@dataclass(frozen=True, slots=True)
class RedactionReport:
    """What was done, without the text that is gone.

    Attributes:
        input_sha256: of the input.
        output_sha256: of the output.
        edits: page number -> the edits that were applied.
        carriers: what was cleaned besides the pages, ``{"where", "action"}``.
        checks: how the output was verified; all have passed, or there would be no output.
        uncertain: places that were read with little confidence.
        gaps: edits whose gap still has the width of the removed text, and why.
        moved: page number -> lines that were set anew, so that their gaps tell nothing.
    """

    input_sha256: str
    output_sha256: str
    edits: Mapping[int, tuple[Edit, ...]]
    carriers: tuple[Mapping[str, str], ...]
    checks: tuple[Check, ...]
    uncertain: tuple[Uncertain, ...] = ()
    gaps: tuple[Gap, ...] = ()
    moved: Mapping[int, tuple[BBox, ...]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Number of edits applied."""
        return sum(map(len, self.edits.values()))

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain data, schema 1."""
        return {
            "schema": SCHEMA,
            "input_sha256": self.input_sha256,
            "output_sha256": self.output_sha256,
            "edits": [
                {
                    "id": edit.id,
                    "page": page,
                    "bbox": _rounded(edit.bbox),
                    "kind": str(edit.kind),
                    "reason": edit.reason,
                    "rule": edit.rule,
                    "confidence": round(edit.confidence, 4),
                }
                for page, edits in sorted(self.edits.items())
                for edit in edits
            ],
            "carriers": [dict(carrier) for carrier in self.carriers],
            "verification": {
                "passed": all(check.passed for check in self.checks),
                "checks": [
                    {"name": check.name, "passed": check.passed, "detail": check.detail}
                    for check in self.checks
                ],
            },
            "uncertain": [
                {
                    "page": place.page,
                    "bbox": _rounded(place.bbox),
                    "confidence": round(place.confidence, 4),
                }
                for place in self.uncertain
            ],
            "moved": [
                {"page": page, "bbox": _rounded(box)}
                for page, boxes in sorted(self.moved.items())
                for box in boxes
            ],
            "gaps": [{"page": gap.page, "edit": gap.edit, "why": gap.why} for gap in self.gaps],
        }


def _rounded(box: BBox) -> list[float]:
    return [round(value, 2) for value in box]
