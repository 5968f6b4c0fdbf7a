"""Texts of annotations that stay: contents, authors, rich text, popups, link targets."""

from __future__ import annotations

from typing import Any

import pikepdf

from .base import Job, dictionary, empty, keep_annotations

_TEXTS = ("/Contents", "/RC", "/T", "/Subj", "/NM", "/DS", "/M", "/CreationDate", "/OverlayText")
_HIDDEN = 1 | 2 | 32  # flags: invisible, hidden, no view
_EMBEDDING = frozenset(
    {"/FileAttachment", "/Sound", "/Movie", "/Screen", "/RichMedia", "/3D", "/Projection"}
)


def clean(job: Job) -> None:
    """Remove: remove what is not seen. Clean: links to a hit, popups; texts follow in strings."""
    for page in job.pdf.pages:
        found = page.get("/Annots")
        if not isinstance(found, pikepdf.Array):
            continue
        keep, dropped = [], []
        for annotation in found:
            if isinstance(annotation, pikepdf.Dictionary) and _keeps(job, annotation):
                keep.append(annotation)
            else:
                dropped.append(annotation)
        if dropped:
            keep_annotations(page, keep)
            for annotation in dropped:
                if isinstance(annotation, pikepdf.Dictionary):
                    empty(annotation)
        for annotation in keep if job.removes else ():
            for key in _TEXTS:
                if annotation.get("/Subtype") == "/Widget" and key == "/T":
                    continue  # the name of a field, which forms.py sees to
                job.drop(annotation, key, "annotation texts")


def _keeps(job: Job, annotation: Any) -> bool:
    kind = str(annotation.get("/Subtype", ""))
    if not kind:
        return False  # emptied by an edit
    if kind in _EMBEDDING:
        keeps = job.keeps("attachments")
        job.note("attachments", "kept" if keeps else "removed")
        return keeps
    target = dictionary(annotation.get("/A")).get("/URI")
    if isinstance(target, pikepdf.String) and (job.removes or _target_hit(job, target)):
        job.note("link targets", "removed")
        return False
    if not job.removes:
        return True
    flags = annotation.get("/F", 0)
    if kind == "/Popup" or (isinstance(flags, int) and flags & _HIDDEN):
        job.note("hidden annotations", "removed")
        return False
    return True


def _target_hit(job: Job, target: Any) -> bool:
    from urllib.parse import unquote

    text = str(target)
    return job.needles.hit(text) or job.needles.hit(unquote(text).replace("+", " "))
