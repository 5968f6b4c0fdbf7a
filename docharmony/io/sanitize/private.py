"""Thumbnails, application data, article threads, signatures: keys that viewers never show."""

from __future__ import annotations

import pikepdf

from .base import Job, dictionary

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
            if key in item and item.objgen in spared and not _hit(job, item[key]):
                job.note(where, "kept")
            else:
                job.drop(item, key, where)
        job.drop(item, "/Alternates", "alternate images")
    # A signature covers the bytes of the file as it was; it cannot hold for this one.
    for key in ("/Perms", "/DSS"):
        job.drop(root, key, "signatures")
    for item in job.pdf.objects:
        if isinstance(item, pikepdf.Dictionary) and item.get("/FT") == "/Sig":
            job.drop(item, "/V", "signatures")
    flags = dictionary(root.get("/AcroForm"))
    if "/SigFlags" in flags:
        del flags["/SigFlags"]
    if job.removes:
        for key, where in _ROOT_PUBLISH.items():
            job.drop(root, key, where)
        for page in job.pdf.pages:
            for key, where in _PAGE_PUBLISH.items():
                job.drop(page.obj, key, where)


def _spared(job: Job) -> set[tuple[int, int]]:
    """Return the objects whose private data stays: pages without edits; the catalog if none has any."""
    if not job.keeps():
        return set()
    spared = {
        page.obj.objgen for index, page in enumerate(job.pdf.pages) if index not in job.touched
    }
    return spared if job.touched else spared | {job.pdf.Root.objgen}


def _hit(job: Job, value: object, depth: int = 0) -> bool:
    """Return whether a string or a stream below the value holds a hit; deeper than any real one does."""
    if depth > 20:
        return True
    if isinstance(value, pikepdf.String):
        return job.needles.hit(str(value)) or job.needles.hit_bytes(bytes(value))
    if isinstance(value, pikepdf.Stream):
        try:
            if job.needles.hit_bytes(value.read_bytes(), binary="/Width" in value):
                return True
        except pikepdf.PdfError:
            return True
    if isinstance(value, pikepdf.Dictionary | pikepdf.Stream):
        return any(_hit(job, v, depth + 1) for k, v in value.items() if k not in ("/Parent", "/P"))
    if isinstance(value, pikepdf.Array):
        return any(_hit(job, v, depth + 1) for v in value)
    return False
