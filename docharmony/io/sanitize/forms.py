"""Form fields: values, defaults, options, XFA."""

from __future__ import annotations

from typing import Any

import pikepdf

from .base import Job, dictionary

_VALUES = ("/V", "/DV", "/RV", "/TU", "/TM", "/Opt", "/I")


def clean(job: Job) -> None:
    """Remove: keep the look of fields only. Clean: cut hits out of fields; remove XFA."""
    form = job.pdf.Root.get("/AcroForm")
    if not isinstance(form, pikepdf.Dictionary):
        return
    # XFA repeats every value and caption in packets that viewers may show instead of the pages.
    packets = form.get("/XFA")
    if packets is not None and job.keeps() and not job.touched and not _hit(job, packets):
        job.note("XFA form", "kept")
    else:
        job.drop(form, "/XFA", "XFA form")
    if job.removes:
        job.pdf.flatten_annotations("all")
        job.drop(job.pdf.Root, "/AcroForm", "form fields")
        return
    if job.needles:
        for field in _fields(form):
            _clean_field(job, field)


def _clean_field(job: Job, field: Any) -> None:
    for key in _VALUES:
        value = field.get(key)
        if isinstance(value, pikepdf.String | pikepdf.Array | pikepdf.Stream) and _hit(job, value):
            # A part of a value is no value: viewers would draw it over the page.
            job.drop(field, key, "form fields")


def _hit(job: Job, value: Any) -> bool:
    if isinstance(value, pikepdf.String):
        return job.needles.hit(str(value)) or job.needles.hit_bytes(bytes(value))
    if isinstance(value, pikepdf.Stream):
        return job.needles.hit_bytes(value.read_bytes())
    if isinstance(value, pikepdf.Array):
        return any(_hit(job, item) for item in value)
    return False


def _fields(form: Any) -> list[Any]:
    found: list[Any] = []
    waiting = [item for item in form.get("/Fields", ()) if isinstance(item, pikepdf.Dictionary)]
    seen: set[tuple[int, int]] = set()
    while waiting:
        field = waiting.pop()
        if field.is_indirect:
            if field.objgen in seen:
                continue
            seen.add(field.objgen)
        found.append(field)
        kids = field.get("/Kids")
        if isinstance(kids, pikepdf.Array):
            waiting += [kid for kid in kids if isinstance(kid, pikepdf.Dictionary)]
    return [field for field in found if dictionary(field)]
