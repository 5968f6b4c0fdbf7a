"""The fonts of the assets: which characters each has, and how often each is drawn."""

from __future__ import annotations

import functools
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ImageFont

from docharmony import InputError

BRINGING = {
    "train": ("fonts-dejavu-core", "fonts-liberation", "fonts-lato"),
    "held": ("fonts-hack", "fonts-courier-prime", "fonts-linuxlibertine", "fonts-texgyre"),
}
"""Debian packages with families of each split."""


@dataclass(frozen=True, slots=True)
class Font:
    """A font file and the code points that it has."""

    path: Path
    family: str
    coverage: frozenset[int]

    def at(self, pixels: int) -> ImageFont.FreeTypeFont:
        """Return the font with an em of so many pixels."""
        return _open(str(self.path), pixels)

    def has(self, text: str) -> bool:
        """Return whether every character has a glyph."""
        return all(ord(character) in self.coverage for character in text)


class Fonts:
    """Draws fonts; a family of many files is not drawn as often as all of them together."""

    def __init__(self, fonts: list[Font], split: str = "train") -> None:
        """Take at least one font; InputError where there is none, which says what brings some."""
        if not fonts:
            raise InputError(
                f"no fonts to {'measure' if split == 'held' else 'train'} with",
                why="one family in 12 is held out" if split == "held" else None,
                hint=f"Gather again with packages that have some: {', '.join(BRINGING[split])}.",
            )
        self.fonts = fonts
        files = Counter(font.family for font in fonts)
        weights = np.array([files[font.family] ** -0.6 for font in fonts])
        self._cumulative = np.cumsum(weights / weights.sum())

    @classmethod
    def load(cls, assets: Path, split: str) -> Fonts:
        """Return the fonts of one split, ``train`` or ``held``."""
        listed = json.loads((assets / "fonts" / "fonts.json").read_text(encoding="utf-8"))
        return cls(
            [
                Font(
                    assets / "fonts" / item["file"],
                    item["family"],
                    frozenset(_expand(item["coverage"])),
                )
                for item in listed
                if item["split"] == split
            ],
            split,
        )

    def draw(self, rng: np.random.Generator, text: str) -> Font | None:
        """Return a font that has all characters, or None when 25 tries found none."""
        for _ in range(25):
            place = int(np.searchsorted(self._cumulative, rng.random()))
            font = self.fonts[min(place, len(self.fonts) - 1)]
            if font.has(text):
                return font
        return None


def ranges(codes: set[int]) -> list[list[int]]:
    """Return code points as inclusive ranges.

    >>> ranges({32, 33, 34, 65})
    [[32, 34], [65, 65]]
    """
    found: list[list[int]] = []
    for code in sorted(codes):
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return found


def _expand(listed: list[list[int]]) -> set[int]:
    return {code for first, last in listed for code in range(first, last + 1)}


@functools.lru_cache(maxsize=900)
def _open(path: str, pixels: int) -> ImageFont.FreeTypeFont:
    # Basic layout: the other one is ten times slower, and these scripts do not need it.
    return ImageFont.truetype(path, pixels, layout_engine=ImageFont.Layout.BASIC)
