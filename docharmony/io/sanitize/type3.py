"""Glyph procedures of Type 3 fonts that nothing shows any more: each can hold a whole picture."""

from __future__ import annotations

from .base import Job


def clean(job: Job) -> None:
    """Remove glyph procedures that no page that lost something shows any more."""
    if not job.touched:
        return
    from ..write.pdf_usage import prune_type3

    if prune_type3(job.pdf):
        job.note("unused glyphs", "removed")
