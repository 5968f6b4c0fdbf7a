"""Named destinations and page labels."""

from __future__ import annotations

from typing import Any

import pikepdf

from .base import Job, dictionary


def clean(job: Job) -> None:
    """Remove: remove them. Clean: rename destinations that hold a hit; labels by strings."""
    root = job.pdf.Root
    names = dictionary(root.get("/Names"))
    if job.removes:
        job.drop(root, "/PageLabels", "page labels")
        for key in list(names.keys()):
            if key not in ("/Dests", "/JavaScript", "/EmbeddedFiles"):
                job.drop(names, key, "names")
    renamed = _rename(job)
    if renamed:
        job.note("named destinations", "cleaned")
        _point_anew(job, renamed)


def _rename(job: Job) -> dict[str, str]:
    """Give destinations whose name holds a hit (publish: all) a number; return old -> new."""
    root = job.pdf.Root
    renamed: dict[str, str] = {}
    old = root.get("/Dests")
    if isinstance(old, pikepdf.Dictionary):
        for key in list(old.keys()):
            if job.removes or job.needles.hit(key[1:]):
                fresh = f"d{len(renamed) + 1}"
                old["/" + fresh] = old[key]
                del old[key]
                renamed[key[1:]] = fresh
    tree = dictionary(root.get("/Names")).get("/Dests")
    if tree is not None:
        dests = pikepdf.NameTree(tree)
        for name in [str(key) for key in dests]:
            if job.removes or job.needles.hit(name):
                fresh = f"d{len(renamed) + 1}"
                dests[fresh] = dests[name]
                del dests[name]
                renamed[name] = fresh
        _set_limits(tree)
    return renamed


def _set_limits(tree: Any) -> None:
    """Put the /Limits of a flat name tree right after names changed; qpdf sees to deeper ones."""
    pairs = tree.get("/Names")
    if isinstance(pairs, pikepdf.Array) and len(pairs) and "/Limits" in tree:
        tree["/Limits"] = pikepdf.Array([pairs[0], pairs[len(pairs) - 2]])


def _point_anew(job: Job, renamed: dict[str, str]) -> None:
    """Let links, bookmarks and actions use the new names."""
    waiting: list[Any] = list(job.pdf.objects)
    while waiting:
        item = waiting.pop()
        if isinstance(item, pikepdf.Array):
            waiting += _direct(list(item))
        elif isinstance(item, pikepdf.Dictionary):
            for key in ("/Dest", "/D"):
                target = item.get(key)
                if isinstance(target, pikepdf.String) and str(target) in renamed:
                    item[key] = renamed[str(target)]
                elif isinstance(target, pikepdf.Name) and str(target)[1:] in renamed:
                    item[key] = pikepdf.Name("/" + renamed[str(target)[1:]])
            waiting += _direct([value for _, value in item.items()])


def _direct(values: list[Any]) -> list[Any]:
    """Return the values that are not objects of their own: those come up by themselves."""
    return [v for v in values if isinstance(v, pikepdf.Object) and not v.is_indirect]
