"""The recipe of the checkpoint small-bare: small without adapters, to measure what they are worth."""

from __future__ import annotations

from pathlib import Path

from . import small


def folder() -> Path:
    """Return where the checkpoint lies or will lie."""
    return small.folder("small-bare", None)


def make(out: Path) -> None:
    """Fill the folder; errors as of small."""
    small.make(out, "small-bare", None)
