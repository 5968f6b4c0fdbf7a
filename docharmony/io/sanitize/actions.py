"""JavaScript and other actions, of the document, pages, annotations and fields."""

from __future__ import annotations

from typing import Any

import pikepdf

from .base import Job, dictionary

# Actions that reach outside, or carry text that no page shows.
_CARRYING = frozenset({"/JavaScript", "/SubmitForm", "/ImportData", "/Launch", "/Rendition"})
_DEEPEST = 12  # deeper than any real chain of actions: take it as hostile


def clean(job: Job) -> None:
    """Remove: remove all actions but jumps within the document. Clean: those that hold a hit."""
    root = job.pdf.Root
    names = dictionary(root.get("/Names"))
    if "/JavaScript" in names and (job.removes or _hit(job, names["/JavaScript"])):
        job.drop(names, "/JavaScript", "document JavaScript")
    holders: list[tuple[Any, str]] = [(root, "document actions")]
    holders += [(page.obj, "page actions") for page in job.pdf.pages]
    for item in job.pdf.objects:
        if isinstance(item, pikepdf.Dictionary) and ("/A" in item or "/AA" in item):
            kind = item.get("/Subtype") or item.get("/FT")
            if kind is not None or "/Title" in item or "/Parent" in item:
                holders.append((item, "actions"))
    for holder, where in holders:
        if "/AA" in holder and (job.removes or _hit(job, holder["/AA"])):
            job.drop(holder, "/AA", where)
        for key in ("/OpenAction", "/A"):
            action = holder.get(key)
            if isinstance(action, pikepdf.Dictionary) and not _stays(job, action, where):
                job.drop(holder, key, where)


def _stays(job: Job, action: Any, where: str, depth: int = 0) -> bool:
    """Return whether an action may stay; those that follow it and may not are taken off it."""
    if depth > _DEEPEST:
        return False
    follow = action.get("/Next")
    every = list(follow) if isinstance(follow, pikepdf.Array) else [follow] if follow else []
    kept = [
        item
        for item in every
        if isinstance(item, pikepdf.Dictionary) and _stays(job, item, where, depth + 1)
    ]
    if len(kept) < len(every):
        job.drop(action, "/Next", where)
        if kept:
            action["/Next"] = pikepdf.Array(kept)
    carrying = str(action.get("/S", "")) in _CARRYING or "/JS" in action
    return not carrying or not (job.removes or _hit(job, action))


def _hit(job: Job, value: Any, depth: int = 0) -> bool:
    """Return whether a string or a stream below the value holds a hit."""
    if depth > _DEEPEST:
        return True
    if isinstance(value, pikepdf.String):
        return job.needles.hit(str(value)) or job.needles.hit_bytes(bytes(value))
    if isinstance(value, pikepdf.Stream):
        try:
            return job.needles.hit_bytes(value.read_bytes())
        except pikepdf.PdfError:
            return True
    if isinstance(value, pikepdf.Array):
        return any(_hit(job, item, depth + 1) for item in value)
    if isinstance(value, pikepdf.Dictionary):
        skip = ("/Parent", "/P", "/Dest", "/D", "/Kids")
        return any(_hit(job, v, depth + 1) for k, v in value.items() if k not in skip)
    return False
