"""Texts inside font programs and character maps: licences, notices, names of the face.

No page shows them, and a term can be a word of a licence. Hits are overwritten letter by letter, so that
no table and no length changes. What is done when a check has found something there.
"""

from __future__ import annotations

import re
from typing import Any

import pikepdf

from ..pdf_names import standard
from .base import Job

_PROGRAMS = ("/FontFile", "/FontFile2", "/FontFile3")
_WORD = re.compile(rb"[A-Za-z0-9_.]+")
_BLANK = ord("x")


def clean(job: Job) -> None:
    """Overwrite hits in font programs and in character maps."""
    seen: set[tuple[int, int]] = set()
    for item in job.pdf.objects:
        if not isinstance(item, pikepdf.Dictionary):
            continue
        for key in _PROGRAMS:
            _overwrite(job, item.get(key), seen, "texts of font programs", binary=True)
        for key in ("/ToUnicode", "/Encoding"):
            _overwrite(job, item.get(key), seen, "texts of character maps", binary=False)


def _overwrite(
    job: Job, stream: Any, seen: set[tuple[int, int]], where: str, *, binary: bool
) -> None:
    if not isinstance(stream, pikepdf.Stream) or stream.objgen in seen:
        return
    seen.add(stream.objgen)
    try:
        data = stream.read_bytes()
    except pikepdf.PdfError:
        return
    fresh = bytearray(data)
    # The names of glyphs tie a Type 1 program together: they stay.
    syntax = _syntax(data) if not binary or data.startswith(b"%!") else set()
    for places in job.needles.find_in_bytes(data, binary=binary):
        if syntax.isdisjoint(places):
            for place in places:
                if chr(fresh[place]).isalnum():
                    fresh[place] = _BLANK
    if fresh != data:
        stream.write(bytes(fresh))
        job.note(where, "cleaned")


def _syntax(data: bytes) -> set[int]:
    """Return the places of standard names and words."""
    known = standard()
    places: set[int] = set()
    for match in _WORD.finditer(data):
        before = data[match.start() - 1 : match.start()]
        if match.group() in known and before not in (b"(", b"%", b" ", b"-"):
            places.update(range(*match.span()))
    return places
