"""JSON, schema 1: pages are written as they come, failures last."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from ...model import SCHEMA, Page, PageFailure
from ...schema import failure_to_json, page_to_json, source_to_json

if TYPE_CHECKING:
    from ..base import Source


def _bytes(data: Any) -> bytes:
    # A lone surrogate, which a broken text layer can hold, becomes its JSON escape.
    text = json.dumps(data, ensure_ascii=False, separators=(", ", ": "), allow_nan=False)
    return text.encode("utf-8", "backslashreplace")


class JsonWriter:
    """One JSON document an input; each page stands on a line of its own."""

    extension: ClassVar[str] = ".json"
    media_type: ClassVar[str] = "application/json"

    def write(self, source: Source, items: Iterable[Page | PageFailure], out: BinaryIO) -> None:
        """Write the document; see the module docstring."""
        head = _bytes({"schema": SCHEMA, "source": source_to_json(source.info)})
        out.write(head[:-1] + b', "pages": [')
        failures: list[PageFailure] = []
        comma = b"\n"
        for item in items:
            if isinstance(item, PageFailure):
                failures.append(item)
                continue
            out.write(comma + _bytes(page_to_json(item)))
            comma = b",\n"
        failed = _bytes([failure_to_json(failure) for failure in failures])
        out.write(b'\n], "failures": ' + failed + b"}\n")
