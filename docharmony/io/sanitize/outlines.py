"""Bookmarks."""

from __future__ import annotations

from .base import Job


def clean(job: Job) -> None:
    """Publish: remove them, since no page shows them. Minimal: hits are cut out in strings."""
    if job.publish:
        job.drop(job.pdf.Root, "/Outlines", "bookmarks")
        if job.pdf.Root.get("/PageMode") == "/UseOutlines":
            del job.pdf.Root["/PageMode"]
