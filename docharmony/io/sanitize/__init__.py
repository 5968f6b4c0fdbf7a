"""What no rectangle on a page reaches: one module a carrier, run in the order of CARRIERS.

Each module has one function ``clean(job)`` that changes ``job.pdf`` and notes what it did. ``strings``
runs last: it cuts hits out of every string that is left, so that a carrier which nobody thought of
is covered too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..carriers import Profile
from . import (
    actions,
    annots,
    astray,
    attachments,
    contents,
    font_texts,
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
from .base import Job

CARRIERS: Mapping[str, Callable[[Job], None]] = {
    "attachments": attachments.clean,
    "actions": actions.clean,
    "annotations": annots.clean,
    "forms": forms.clean,
    "bookmarks": outlines.clean,
    "destinations": names.clean,
    "tags": structure.clean,
    "layers": layers.clean,
    "metadata": metadata.clean,
    "image_texts": jpeg.clean,
    "application_data": private.clean,
    "astray": astray.clean,
    "unused": unused.clean,
    "fonts": fonts.clean,
    "type3": type3.clean,
    "strings": strings.clean,
}


def sanitize(job: Job) -> None:
    """Run every carrier module on the job."""
    for job.carrier, clean in CARRIERS.items():
        clean(job)
    if job.deep:
        contents.clean(job)
        font_texts.clean(job)


__all__ = ["CARRIERS", "Job", "Profile", "sanitize"]
