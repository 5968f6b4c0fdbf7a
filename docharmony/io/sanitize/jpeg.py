"""EXIF, XMP, comments and thumbnails inside JPEG images."""

from __future__ import annotations

from typing import Any

import pikepdf

from .base import Job

# Marker segments that say how to show the picture: JFIF, colour profile, Adobe's colour transform.
_KEPT_APPS = frozenset({0xE0, 0xE2, 0xEE})
_COMMENT, _SCAN, _END = 0xFE, 0xDA, 0xD9


def clean(job: Job) -> None:
    """Remove: remove them from every image. Clean: from images with a hit among them."""
    for item in job.pdf.objects:
        if not isinstance(item, pikepdf.Stream) or item.get("/Subtype") != "/Image":
            continue
        coding: Any = item.get("/Filter")
        if isinstance(coding, pikepdf.Array) and len(coding) == 1:
            coding = coding[0]
        if coding != "/DCTDecode":
            continue
        data = item.read_raw_bytes()
        if not (job.removes or job.needles.hit_bytes(data, binary=True)):
            continue
        bare = without_texts(data)
        if len(bare) < len(data):
            parms: Any = item.get("/DecodeParms")
            item.write(bare, filter=coding, decode_parms=parms)
            job.note("texts in JPEG images", "removed")


def without_texts(data: bytes) -> bytes:
    """Return a JPEG without the segments that do not take part in showing it (ITU-T T.81, B.1)."""
    if data[:2] != b"\xff\xd8":
        return data
    kept = [data[:2]]
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker in (_SCAN, _END):
            break
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker != _COMMENT and (not 0xE0 <= marker <= 0xEF or marker in _KEPT_APPS):
            kept.append(data[at:end])
        at = end
    last = data.rfind(b"\xff\xd9")
    kept.append(data[at : last + 2 if last > at else len(data)])
    return b"".join(kept)
