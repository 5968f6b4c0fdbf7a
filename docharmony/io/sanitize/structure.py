"""The structure tree: alternative texts that repeat what was removed, and ways back to it."""

from __future__ import annotations

from typing import Any

import pikepdf

from .base import Job

_TEXTS = ("/ActualText", "/Alt", "/E", "/T")


def clean(job: Job) -> None:
    """Remove: remove the tree. Clean: texts of elements whose content went, and of those around."""
    root = job.pdf.Root
    tree = root.get("/StructTreeRoot")
    if not isinstance(tree, pikepdf.Dictionary):
        return
    if job.removes:
        job.drop(root, "/StructTreeRoot", "structure tree")
        job.drop(root, "/MarkInfo", "structure tree")
        return
    pages = {
        job.pdf.pages[index].obj.objgen: mcids for index, mcids in job.touched.items() if mcids
    }
    # (element, page it inherits, chain of elements around it)
    waiting: list[tuple[Any, Any, tuple[Any, ...]]] = [(tree, None, ())]
    seen: set[tuple[int, int]] = set()
    while waiting:
        element, page, chain = waiting.pop()
        if element.is_indirect:
            if element.objgen in seen:
                continue
            seen.add(element.objgen)
        own = element.get("/Pg")
        page = own.objgen if isinstance(own, pikepdf.Dictionary) else page
        around = (*chain, element)
        kids = element.get("/K")
        for kid in kids if isinstance(kids, pikepdf.Array) else [kids]:
            if isinstance(kid, int):
                _leaf(job, pages, page, kid, around)
            elif isinstance(kid, pikepdf.Dictionary):
                if kid.get("/Type") == "/MCR":
                    target = kid.get("/Pg")
                    at = target.objgen if isinstance(target, pikepdf.Dictionary) else page
                    _leaf(job, pages, at, kid.get("/MCID"), around)
                elif kid.get("/Type") != "/OBJR":
                    waiting.append((kid, page, around))
                for key in ("/Stm", "/Obj"):
                    item = kid.get(key)
                    if isinstance(item, pikepdf.Object) and item.objgen in job.replaced:
                        new = job.replaced[item.objgen]
                        if new is None:
                            del kid[key]
                        else:
                            kid[key] = new


def _leaf(
    job: Job,
    pages: dict[tuple[int, int], set[int]],
    page: Any,
    mcid: Any,
    around: tuple[Any, ...],
) -> None:
    if page in pages and mcid in pages[page]:
        for element in around:
            for key in _TEXTS:
                if key in element:
                    del element[key]
                    job.note("structure texts", "removed")
