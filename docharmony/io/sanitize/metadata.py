"""Document information and XMP, of the document and of its parts."""

from __future__ import annotations

import pikepdf

from .base import Job, dictionary


def clean(job: Job) -> None:
    """Remove: remove all. Clean: XMP that holds a hit; the information dictionary by strings."""
    if job.removes:
        job.drop(job.pdf.trailer, "/Info", "document information")
    for item in job.pdf.objects:
        if not isinstance(item, pikepdf.Dictionary | pikepdf.Stream) or "/Metadata" not in item:
            continue
        where = "XMP metadata"
        packet = item["/Metadata"]
        if job.removes or not isinstance(packet, pikepdf.Stream) or _hit(job, packet):
            job.drop(item, "/Metadata", where)
    info = dictionary(job.pdf.trailer.get("/Info"))
    for key in list(info.keys()):
        if job.needles.hit(key[1:]):
            job.drop(info, key, "document information")
    job.clean_strings(info, "document information")
    # Removal changed the file: a date of change that is older would be a lie.
    for key in ("/ModDate",):
        if key in info:
            del info[key]


def _hit(job: Job, packet: pikepdf.Stream) -> bool:
    import html
    import re

    try:
        data = packet.read_bytes()
    except pikepdf.PdfError:
        return True
    if job.needles.hit_bytes(data):
        return True
    text = data.decode("utf-8", "replace")
    if b"\x00" in data[:64]:
        text = data.decode("utf-16", "replace")
    return job.needles.hit(html.unescape(text)) or job.needles.hit(
        html.unescape(re.sub(r"<[^>]*>", "", text))
    )
