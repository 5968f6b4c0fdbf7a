"""Whether the end of a PDF is missing: a download that broke off, a disk that was full.

Parsers repair such a file and show what they found, which may be a part of the pages, or pages without
their fonts. Who removes something from it would hand out a document that nobody has read.
"""

from __future__ import annotations

import mmap
import re
from pathlib import Path

from ..errors import BrokenError

_END = 1024  # bytes at the end in which the mark of the end has to stand
_TOKEN = re.compile(
    rb"\bstream\r?\n.*?endstream|\b(?P<begin>\d{1,10})\s{1,9}\d{1,5}\s{1,9}obj\b"
    rb"|\b(?P<wanted>\d{1,10})\s{1,9}\d{1,5}\s{1,9}R\b|(?P<end>\bendobj\b)",
    re.S,
)


def cut_off(name: str) -> BrokenError:
    """Return what to raise of such a file."""
    return BrokenError(
        "cannot use the file",
        where=name,
        why="it is cut off: a part of what it refers to is missing",
        hint="Fetch it anew, or open it in a viewer, look at what is left, and save that.",
    )


def is_cut_off(path: str | Path) -> bool:
    """Return whether a PDF ends before its mark of the end, and objects that it refers to are missing.

    A file that lost no more than its table of objects is none: all that it holds can be found again.
    """
    with (
        Path(path).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        if data.rfind(b"%%EOF", max(0, len(data) - _END)) >= 0:
            return False
        if data.find(b"/ObjStm") >= 0:
            return (
                True  # which objects the lost part held, or the streams that are left, is not said
            )
        there: set[bytes] = set()
        wanted: set[bytes] = set()
        ended = True
        for token in _TOKEN.finditer(data):
            if token["begin"]:
                there.add(token["begin"].lstrip(b"0"))
                ended = False
            elif token["wanted"]:
                wanted.add(token["wanted"].lstrip(b"0"))
            elif token["end"]:
                ended = True
        return not ended or not wanted <= there
