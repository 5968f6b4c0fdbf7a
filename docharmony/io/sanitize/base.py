"""What every carrier module works on, and helpers that several of them share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pikepdf

from ..carriers import Policy, Profile, policies
from ..needles import Needles


@dataclass
class Job:
    """One document to clean.

    Attributes:
        pdf: the document; changed in place.
        profile: ``"minimal"`` cleans what holds a hit and removes what cannot be searched;
            ``"publish"`` removes all that is not seen on a page.
        policies: what becomes of each carrier; that of the profile by default.
        deep: read every content stream and every name, too.
        carrier: the one that is worked on.
        needles: what must not be left.
        touched: for each page index that lost something, the marked-content ids that did.
        replaced: (number, generation) of each object whose content went, and the copy made of it.
    """

    pdf: pikepdf.Pdf
    profile: Profile
    needles: Needles
    touched: dict[int, set[int]] = field(default_factory=dict)
    replaced: dict[tuple[int, int], Any] = field(default_factory=dict)
    policies: Mapping[str, Policy] = field(default_factory=dict)
    deep: bool = False
    carrier: str = ""
    _actions: dict[tuple[str, str], None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.policies = self.policies or policies(self.profile, {})

    @property
    def removes(self) -> bool:
        """Whether all of the carrier goes that no page shows."""
        return self.policies[self.carrier] == "remove"

    def keeps(self, carrier: str = "") -> bool:
        """Whether a carrier, this one by default, is kept where it cannot be searched."""
        return self.policies[carrier or self.carrier] == "keep"

    @property
    def actions(self) -> list[dict[str, str]]:
        """What was done, for the report: ``{"where", "action"}``, each once."""
        return [{"where": where, "action": action} for where, action in self._actions]

    def note(self, where: str, action: Literal["cleaned", "removed", "kept"]) -> None:
        """Record for the report that a carrier was cleaned, removed, or kept without a search."""
        self._actions[where, action] = None

    def drop(self, holder: Any, key: str, where: str) -> None:
        """Remove a key, if it is there, and record it."""
        if key in holder:
            del holder[key]
            self.note(where, "removed")

    def clean(self, text: str) -> str:
        """Return the text with all hits cut out, and those that come about by that."""
        # All at once: of two terms that overlap, the one cut first would leave half of the other.
        while gone := {at for start, end in self.needles.find(text) for at in range(start, end)}:
            text = "".join(char for at, char in enumerate(text) if at not in gone)
        return text

    def clean_strings(self, value: Any, where: str, depth: int = 0) -> None:
        """Cut hits out of all strings of a dictionary or array and its direct children."""
        if depth > 40:
            return
        if isinstance(value, pikepdf.Dictionary | pikepdf.Stream):
            pairs: list[tuple[Any, Any]] = list(value.items())
        elif isinstance(value, pikepdf.Array):
            pairs = list(enumerate(value))
        else:
            return
        for key, item in pairs:
            if isinstance(item, pikepdf.String):
                text = str(item)
                if self.needles.hit(text) or self.needles.hit_bytes(bytes(item)):
                    cleaned = self.clean(text)
                    value[key] = "" if cleaned == text else cleaned
                    self.note(where, "cleaned")
            elif isinstance(item, pikepdf.Object) and not item.is_indirect:
                self.clean_strings(item, where, depth + 1)


def dictionary(value: Any) -> Any:
    """Return the value when it is a dictionary, else an empty one that belongs to nothing."""
    return value if isinstance(value, pikepdf.Dictionary) else pikepdf.Dictionary()


def keep_annotations(page: pikepdf.Page, keep: list[Any]) -> None:
    """Give a page these annotations only, in an array of its own."""
    if keep:
        page.obj["/Annots"] = pikepdf.Array(keep)
    elif "/Annots" in page.obj:
        del page.obj["/Annots"]


def empty(value: Any) -> None:
    """Delete all entries of a dictionary: other objects may still point at it."""
    for key in list(value.keys()):
        del value[key]


def holds(job: Job, value: object, depth: int = 0) -> bool:
    """Return whether a string, name or stream below the value holds a hit; one too deep to tell does."""
    if depth > 20:
        return True
    if isinstance(value, pikepdf.String):
        return job.needles.hit(str(value)) or job.needles.hit_bytes(bytes(value))
    if isinstance(value, pikepdf.Name):
        return job.needles.hit_bytes(str(value).encode(), binary=True)
    if isinstance(value, pikepdf.Stream):
        try:
            if job.needles.hit_bytes(value.read_bytes(), binary="/Width" in value):
                return True
        except pikepdf.PdfError:
            return True
    if isinstance(value, pikepdf.Dictionary | pikepdf.Stream):
        return any(
            job.needles.hit_bytes(key.encode(), binary=True) or holds(job, item, depth + 1)
            for key, item in value.items()
            if key not in ("/Parent", "/P")
        )
    if isinstance(value, pikepdf.Array):
        return any(holds(job, item, depth + 1) for item in value)
    return False
