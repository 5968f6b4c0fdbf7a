"""Plain text in reading order, a form feed between pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, BinaryIO, ClassVar

from ...model import Page, PageFailure
from .base import numbered

if TYPE_CHECKING:
    from ..base import Source


class TextWriter:
    """UTF-8 text: lines as on the page, a blank line between blocks, ``\\f`` between pages.

    A failed page is an empty page, so that the n-th page stays the n-th.
    """

    extension: ClassVar[str] = ".txt"
    media_type: ClassVar[str] = "text/plain"

    def write(self, source: Source, items: Iterable[Page | PageFailure], out: BinaryIO) -> None:
        """Write the text; see the class docstring."""
        between = ""
        for _, page in numbered(items):
            text = page.text if page is not None else ""
            # A form feed inside the text would count as a page.
            text = text.replace("\f", " ")
            out.write((between + text + ("\n" if text else "")).encode("utf-8", "replace"))
            between = "\f"
