"""What no rectangle on a page reaches: one module a carrier, run in the order of CARRIERS.

Each module has one function ``clean(job)`` that changes ``job.pdf`` and notes what it did. ``strings``
runs last: it cuts hits out of every string that is left, so that a carrier which nobody thought of
is covered too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from . import (
    actions,
    annots,
    attachments,
    fonts,
    forms,
    jpeg,
    layers,
    metadata,
    names,
    outlines,
    private,
    strings,
    structure,
    type3,
    unused,
)
from .base import Job, Profile

CARRIERS: Mapping[str, Callable[[Job], None]] = {
    "attachments": attachments.clean,
    "actions": actions.clean,
    "annotations": annots.clean,
    "forms": forms.clean,
    "outlines": outlines.clean,
    "names": names.clean,
    "structure": structure.clean,
    "layers": layers.clean,
    "metadata": metadata.clean,
    "jpeg": jpeg.clean,
    "private": private.clean,
    "unused": unused.clean,
    "fonts": fonts.clean,
    "type3": type3.clean,
    "strings": strings.clean,
}


def sanitize(job: Job) -> None:
    """Run every carrier module on the job."""
    for clean in CARRIERS.values():
        clean(job)


__all__ = ["CARRIERS", "Job", "Profile", "sanitize"]
