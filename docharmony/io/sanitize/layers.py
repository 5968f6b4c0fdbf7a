"""Names of optional-content layers."""

from __future__ import annotations

import pikepdf

from .base import Job, dictionary


def clean(job: Job) -> None:
    """Remove: replace the names of layers by numbers. Clean: hits are cut out in strings."""
    properties = dictionary(job.pdf.Root.get("/OCProperties"))
    groups = properties.get("/OCGs")
    if not job.removes or not isinstance(groups, pikepdf.Array):
        return
    for index, group in enumerate(groups):
        if isinstance(group, pikepdf.Dictionary):
            group["/Name"] = f"Layer {index + 1}"
            for key in ("/Metadata", "/Usage"):
                job.drop(group, key, "layer descriptions")
    job.note("layer names", "cleaned")
