"""Measure ``ask`` on made documents of layouts and languages that were not used in development."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "plugins" / "docharmony-train")]

from docharmony_train.data.qa import make  # noqa: E402

import docharmony  # noqa: E402
from docharmony.detect.text import fold  # noqa: E402
from docharmony.model import Page  # noqa: E402


class Pages:
    """Made documents with their pages as docharmony reads them; a folder keeps what was read."""

    def __init__(self, cache: Path | None = None) -> None:
        self.cache = cache
        self._pipeline: docharmony.Pipeline | None = None
        if cache is not None:
            cache.mkdir(parents=True, exist_ok=True)

    def made(self, split: str, seed: int) -> tuple[Any, list[tuple[Page, Any]]]:
        """Return a document and its pages, each with its raster at 100 dpi."""
        made = make(seed, split)
        path = None if self.cache is None else self.cache / f"{split}-{seed}.pkl"
        if path is not None and path.exists():
            return made, pickle.loads(path.read_bytes())
        self._pipeline = self._pipeline or docharmony.Pipeline()
        with docharmony.open(made.pdf, name="made.pdf") as source:
            pages = [(p, source.raster(p.number, 100)) for p in self._pipeline.run(source).pages]
        if path is not None:
            path.write_bytes(pickle.dumps(pages))
        return made, pages


def plain(text: str) -> str:
    """Return a text without case, accents, spaces' number, and commas and points at its ends."""
    return " ".join(fold(text).replace(",", " ").split()).strip(" .:;")


def right(text: str | None, asked: Any) -> bool:
    """Whether an answer is one of those that count; None is right where there is none."""
    if text is None or not asked.answers:
        return text is None and not asked.answers
    return plain(text) in {plain(answer) for answer in asked.answers}
