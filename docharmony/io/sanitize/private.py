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
    """Remove what cannot be searched; publish: all that is left and not seen."""
    root = job.pdf.Root
    for item in job.pdf.objects:
        if isinstance(item, pikepdf.Dictionary | pikepdf.Stream):
            for key, where in _ALWAYS.items():
                job.drop(item, key, where)
            if "/Alternates" in item:
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
    if job.publish:
        for key, where in _ROOT_PUBLISH.items():
            job.drop(root, key, where)
        for page in job.pdf.pages:
            for key, where in _PAGE_PUBLISH.items():
                job.drop(page.obj, key, where)
