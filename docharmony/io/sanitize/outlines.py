"""Bookmarks."""

from __future__ import annotations

from .base import Job


def clean(job: Job) -> None:
    """Remove: remove them, since no page shows them. Clean: hits are cut out in strings."""
    if job.removes:
        job.drop(job.pdf.Root, "/Outlines", "bookmarks")
        if job.pdf.Root.get("/PageMode") == "/UseOutlines":
            del job.pdf.Root["/PageMode"]
