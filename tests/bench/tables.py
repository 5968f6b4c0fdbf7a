"""Tables of RESULTS.md: each between two marks, replaced by the bench that made it."""

from __future__ import annotations

import re
from pathlib import Path


def keep(path: Path | None, name: str, text: str) -> None:
    """Print a table, and put it between its marks in a file where there is one."""
    print(text, end="\n\n")
    if path is not None:
        marks = rf"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)"
        body = text.replace("\\", r"\\")
        old = path.read_text(encoding="utf-8")
        path.write_text(re.sub(marks, rf"\g<1>{body}\n\g<2>", old, flags=re.S), encoding="utf-8")
