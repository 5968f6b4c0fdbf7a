"""Every string that is left, wherever it stands: the net under all other carriers."""

from __future__ import annotations

import pikepdf

from .base import Job

_PLACES = (
    ("/Title", "bookmarks"),
    ("/Subtype", "annotation texts"),
    ("/FT", "form fields"),
    ("/S", "structure and actions"),
)


def clean(job: Job) -> None:
    """Cut hits out of all strings of all objects. Content streams are not strings: pages own them."""
    if not job.needles:
        return
    for item in job.pdf.objects:
        if isinstance(item, pikepdf.Dictionary | pikepdf.Stream | pikepdf.Array):
            job.clean_strings(item, _where(item))
        elif isinstance(item, pikepdf.String) and job.needles.hit(str(item)):
            # An indirect string: nothing can be assigned through it, so all who use it lose it.
            job.pdf._replace_object(item.objgen, pikepdf.String(""))
            job.note("strings", "cleaned")
    job.clean_strings(job.pdf.trailer, "trailer")


def _where(item: pikepdf.Object) -> str:
    if isinstance(item, pikepdf.Dictionary):
        for key, where in _PLACES:
            if key in item:
                return where
    return "strings"
