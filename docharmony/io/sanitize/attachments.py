"""Embedded files: the name tree, associated files, portfolios."""

from __future__ import annotations

from typing import Any

import pikepdf

from .base import Job, dictionary, holds


def clean(job: Job) -> None:
    """Remove embedded files. Clean: but for plain text that holds no hit. Keep: what shows no hit.

    A file of any other kind (compressed, encrypted, a PDF of its own) cannot be searched as a page is.
    """
    root = job.pdf.Root
    names = dictionary(root.get("/Names"))
    gone = False
    if "/EmbeddedFiles" in names:
        for name in list(job.pdf.attachments.keys()):
            if job.removes or not _harmless(job, name):
                del job.pdf.attachments[name]
                gone = True
                job.note("attachments", "removed")
            elif job.keeps():
                job.note("attachments", "kept")
        if not len(job.pdf.attachments) and "/EmbeddedFiles" in names:
            del names["/EmbeddedFiles"]
    kept = {_key(spec) for spec in _specs(names)}
    for item in job.pdf.objects:
        if isinstance(item, pikepdf.Dictionary | pikepdf.Stream) and "/AF" in item:
            linked = item["/AF"]
            specs = list(linked) if isinstance(linked, pikepdf.Array) else [linked]
            if any(_key(spec) not in kept for spec in specs):
                job.drop(item, "/AF", "attachments")
    # It tells of files that are gone, or holds a hit in the names of its columns.
    if job.removes or (gone and not job.keeps()) or holds(job, root.get("/Collection")):
        job.drop(root, "/Collection", "portfolio")


def _harmless(job: Job, name: str) -> bool:
    attached = job.pdf.attachments[name]
    if job.needles.hit(name) or job.needles.hit(attached.description or ""):
        return False
    try:
        data = attached.get_file().read_bytes()
        if job.keeps():
            return not job.needles.hit_bytes(data)
        text = data.decode("utf-8")
    except (UnicodeDecodeError, pikepdf.PdfError):
        return False
    if any(ord(char) < 9 for char in text[:100_000]):
        return False
    return not job.needles.hit_bytes(data)


def _specs(names: Any) -> list[Any]:
    tree = names.get("/EmbeddedFiles")
    return [] if tree is None else list(pikepdf.NameTree(tree).values())


def _key(value: Any) -> tuple[int, int]:
    return value.objgen if isinstance(value, pikepdf.Object) else (0, 0)
