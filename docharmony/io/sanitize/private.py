"""Thumbnails, application data, article threads, signatures: keys that viewers never show."""

from __future__ import annotations

from typing import Any

import pikepdf

from .base import Job, dictionary, holds

# Removed with any edit: they may picture or repeat a page as it was, in forms that nobody can search.
_ALWAYS = {"/PieceInfo": "application data", "/Thumb": "thumbnails", "/SpiderInfo": "web capture"}
_ROOT_PUBLISH = {
    "/Threads": "article threads",
    "/Legal": "legal attestation",
    "/Requirements": "requirements",
    "/Extensions": "extensions",
    "/URI": "base address",
    "/DPartRoot": "document parts",
}
_PAGE_PUBLISH = {"/B": "article threads", "/ID": "web capture", "/VP": "viewports"}


# What is left of a signed field: its look and its place.
_STAMP = frozenset({"/Type", "/Rect", "/AP", "/AS", "/F", "/P", "/OC", "/StructParent"})


def clean(job: Job) -> None:
    """Clean: remove what cannot be searched. Remove: all that is left and not seen.

    Keep: leave what belongs to pages on which nothing was removed.
    """
    root = job.pdf.Root
    spared = _spared(job)
    for item in job.pdf.objects:
        if not isinstance(item, pikepdf.Dictionary | pikepdf.Stream):
            continue
        for key, where in _ALWAYS.items():
            if key in item and item.objgen in spared and not holds(job, item[key]):
                job.note(where, "kept")
            else:
                job.drop(item, key, where)
        job.drop(item, "/Alternates", "alternate images")
    # A signature covers the bytes of the file as it was; it cannot hold for this one.
    for key in ("/Perms", "/DSS"):
        job.drop(root, key, "signatures")
    form = dictionary(root.get("/AcroForm"))
    _unsign(job, form)
    if "/SigFlags" in form:
        del form["/SigFlags"]
    if job.removes:
        for key, where in _ROOT_PUBLISH.items():
            job.drop(root, key, where)
        for page in job.pdf.pages:
            for key, where in _PAGE_PUBLISH.items():
                job.drop(page.obj, key, where)


def _unsign(job: Job, form: Any) -> None:
    """Remove signatures; what a page shows of them stays as a stamp.

    Viewers draw a field without its signature as an empty one, whatever its appearance says.
    """
    stamps: set[tuple[int, int]] = set()
    for item in job.pdf.objects:
        if not (
            isinstance(item, pikepdf.Dictionary) and item.get("/FT") == "/Sig" and "/V" in item
        ):
            continue
        job.drop(item, "/V", "signatures")
        kids = item.get("/Kids")
        for widget in [item, *(kids if isinstance(kids, pikepdf.Array) else ())]:
            if isinstance(widget, pikepdf.Dictionary) and widget.get("/Subtype") == "/Widget":
                for key in set(widget.keys()) - _STAMP:
                    del widget[key]
                widget["/Subtype"] = pikepdf.Name.Stamp
                stamps.add(widget.objgen)
    waiting = [(form, "/Fields")] if stamps else []
    seen: set[tuple[int, int]] = set()
    while waiting:
        holder, key = waiting.pop()
        fields = holder.get(key)
        if not isinstance(fields, pikepdf.Array) or (holder.is_indirect and holder.objgen in seen):
            continue
        seen.add(holder.objgen)
        left = [field for field in fields if getattr(field, "objgen", None) not in stamps]
        holder[key] = pikepdf.Array(left)
        waiting += [(field, "/Kids") for field in left if isinstance(field, pikepdf.Dictionary)]


def _spared(job: Job) -> set[tuple[int, int]]:
    """Return the objects whose private data stays: pages without edits; the catalog if none has any."""
    if not job.keeps():
        return set()
    spared = {
        page.obj.objgen for index, page in enumerate(job.pdf.pages) if index not in job.touched
    }
    return spared if job.touched else spared | {job.pdf.Root.objgen}
