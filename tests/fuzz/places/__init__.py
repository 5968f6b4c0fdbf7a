"""Where a secret can hide in a PDF: one small function a place, each draws on a book."""

from . import attached, containers, document, page, pixels
from .registry import INEXACT, NEEDS_TWO_PAGES, PLACES

__all__ = [
    "INEXACT", "NEEDS_TWO_PAGES", "PLACES", "attached", "containers", "document", "page", "pixels",
]  # fmt: skip
