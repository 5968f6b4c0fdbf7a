"""What a step of training takes: bursts of samples, drawn from the sources, stacked into batches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from docharmony import InputError

from ..config import Batch, Rendering
from . import describing, erasing, lines, pages, rewriting, tiles
from .corpus import Corpus
from .fonts import Fonts
from .scenes import Photos

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
KINDS = ("lines", "tiles", "crops", "rewrites", "talks")


class LineBatch(NamedTuple):
    """Lines of similar widths: ink (B, 72, W), widths (B,), ids (B, L) and their lengths (B,)."""

    ink: Bytes
    widths: Ints
    ids: Ints
    lengths: Ints


class TileBatch(NamedTuple):
    """Tiles (B, 3, S, S) and their maps (B, 3, S/4, S/4)."""

    images: Bytes
    targets: Bytes


class CropBatch(NamedTuple):
    """Erase crops: (B, 7, S, S): clean RGB, dirty RGB, mask."""

    layers: Bytes


class RewriteBatch(NamedTuple):
    """Rewrite pairs (B, 7, S, S): after, before, mask; ids (B,) of what is written, their lengths."""

    layers: Bytes
    ids: Ints
    lengths: Ints


class TalkBatch(NamedTuple):
    """Crops (B, 3, S, S), bytes (B, L) of question and answer, where answers start and end (B,)."""

    images: Bytes
    ids: Ints
    starts: Ints
    lengths: Ints


@dataclass(frozen=True, slots=True)
class Plan:
    """What is drawn. Small and picklable: every process gets a copy.

    Attributes:
        kinds: those of KINDS that are needed.
        tile, crop: sides in pixels.
    """

    assets: Path
    kinds: tuple[str, ...]
    seed: int
    tile: int
    crop: int
    rendering: Rendering
    batch: Batch


class Studio:
    """Draws bursts of samples; equal seeds draw equal samples."""

    def __init__(self, plan: Plan, seed: int, split: str = "train") -> None:
        """Open the sources of one split; InputError where there are no fonts or no texts."""
        for source in ("fonts/fonts.json", f"text/{split}"):
            if not (plan.assets / source).exists():
                raise InputError(
                    "not a folder of training data",
                    where=str(plan.assets / source),
                    why="it is missing",
                    hint="Make one with: docharmony train data DIR",
                )
        self.plan, self.rng = plan, np.random.default_rng([plan.seed, seed])
        self.corpus = Corpus.load(plan.assets, split, plan.rendering.languages)
        self.fonts = Fonts.load(plan.assets, split)
        self.photos = Photos(plan.assets, split)
        self.pages = pages.Pages(plan.assets, split)

    def lines(self) -> list[lines.Line]:
        """Return lines of one PDF page, or 30 lines set in fonts."""
        # A page gives about 30 lines, so shares of bursts are shares of lines.
        if self._from_pdf(self.plan.rendering.pdf_lines):
            return pages.draw_lines(self.pages, self.rng)
        drawn = (lines.draw(self.corpus, self.fonts, self.rng) for _ in range(30))
        return [line for line in drawn if line is not None]

    def tiles(self) -> list[tiles.Tile]:
        """Return three tiles of one PDF page, or three scenes."""
        side = self.plan.tile
        if self._from_pdf(self.plan.rendering.pdf_tiles):
            return tiles.draw_page(self.pages, self.photos, self.rng, side)
        sources = (self.corpus, self.fonts, self.photos, self.rng)
        return [tiles.draw_scene(*sources, side) for _ in range(3)]

    def crops(self) -> list[erasing.Pair]:
        """Return pairs of one PDF page, or six scenes."""
        side = self.plan.crop
        if self._from_pdf(self.plan.rendering.pdf_crops):
            return erasing.draw_page(self.pages, self.photos, self.rng, side)
        sources = (self.corpus, self.fonts, self.photos, self.rng)
        drawn = (erasing.draw_scene(*sources, side) for _ in range(6))
        return [pair for pair in drawn if pair is not None]

    def rewrites(self) -> list[rewriting.Rewrite]:
        """Return a few rewrite pairs."""
        sources = (self.corpus, self.fonts, self.photos, self.rng)
        drawn: list[rewriting.Rewrite] = []
        while not drawn:
            tried = (rewriting.draw(*sources, self.plan.crop) for _ in range(6))
            drawn = [pair for pair in tried if pair is not None]
        return drawn

    def talks(self) -> list[describing.Talk]:
        """Return a crop's description and questions."""
        sources = (self.corpus, self.fonts, self.photos, self.rng)
        drawn: list[describing.Talk] = []
        while not drawn:
            drawn = describing.draw(*sources, self.plan.crop)
        return drawn

    def _from_pdf(self, share: float) -> bool:
        return len(self.pages) > 0 and self.rng.random() < share


def lines_of_step(width: int, tokens: int) -> int:
    """Return how many lines of a canvas width fill a step of so many patches."""
    return min(640, max(4, int(tokens / (3 * width * 0.95 / 16))))


class Inline:
    """Draws every batch when it is asked for: slow, and repeatable to the bit."""

    def __init__(self, plan: Plan) -> None:
        """Open the sources."""
        self._plan, self._studio = plan, Studio(plan, 0)
        self._lines: list[list[lines.Line]] = [[] for _ in lines.WIDTHS]
        self._tiles: list[tiles.Tile] = []
        self._crops: list[erasing.Pair] = []
        self._rewrites: list[rewriting.Rewrite] = []
        self._talks: list[describing.Talk] = []

    def lines(self) -> LineBatch:
        """Return the next lines: the first width of which there are enough."""
        while True:
            for width, found in zip(lines.WIDTHS, self._lines, strict=True):
                count = lines_of_step(width, self._plan.batch.line_tokens)
                if len(found) >= count:
                    chosen, found[:] = found[:count], found[count:]
                    return line_batch(chosen, width)
            for line in self._studio.lines():
                self._lines[bucket(line)].append(line)

    def tiles(self) -> TileBatch:
        """Return the next tiles."""
        count = self._plan.batch.tiles
        while len(self._tiles) < count:
            self._tiles += self._studio.tiles()
        chosen, self._tiles = self._tiles[:count], self._tiles[count:]
        return TileBatch(
            np.stack([tile.image.transpose(2, 0, 1) for tile in chosen]),
            np.stack([tile.target for tile in chosen]),
        )

    def crops(self) -> CropBatch:
        """Return the next erase crops."""
        count = self._plan.batch.crops
        while len(self._crops) < count:
            self._crops += self._studio.crops()
        chosen, self._crops = self._crops[:count], self._crops[count:]
        return CropBatch(np.stack([layers(pair) for pair in chosen]))

    def rewrites(self) -> RewriteBatch:
        """Return the next rewrite pairs."""
        count = self._plan.batch.rewrites
        while len(self._rewrites) < count:
            self._rewrites += self._studio.rewrites()
        chosen, self._rewrites = self._rewrites[:count], self._rewrites[count:]
        return rewrite_batch(chosen)

    def talks(self) -> TalkBatch:
        """Return the next descriptions and questions."""
        count = self._plan.batch.talks
        while len(self._talks) < count:
            self._talks += self._studio.talks()
        chosen, self._talks = self._talks[:count], self._talks[count:]
        return talk_batch(chosen)

    def close(self) -> None:
        """Close what was opened."""
        self._studio.pages.close()


def layers(pair: erasing.Pair) -> Bytes:
    """Return an erase pair as layers (7, S, S)."""
    return _stacked(pair.clean, pair.dirty, pair.mask)


def _stacked(wanted: Bytes, given: Bytes, mask: Bytes) -> Bytes:
    return np.concatenate([wanted.transpose(2, 0, 1), given.transpose(2, 0, 1), mask[None]])


def _bytes(texts: list[bytes]) -> tuple[Ints, Ints]:
    """Return the bytes of texts, padded with zeros, and their lengths."""
    lengths = np.array(list(map(len, texts)), np.int64)
    ids = np.zeros((len(texts), int(lengths.max())), np.int64)
    for row, text in zip(ids, texts, strict=True):
        row[: len(text)] = list(text)
    return ids, lengths


def rewrite_batch(drawn: list[rewriting.Rewrite]) -> RewriteBatch:
    """Return rewrite pairs as a batch."""
    layers = np.stack([_stacked(pair.after, pair.before, pair.mask) for pair in drawn])
    return RewriteBatch(layers, *_bytes([pair.text.encode() for pair in drawn]))


def talk_batch(drawn: list[describing.Talk]) -> TalkBatch:
    """Return descriptions and questions as a batch."""
    ids, lengths = _bytes([(talk.question + talk.answer).encode() for talk in drawn])
    starts = np.array([len(talk.question.encode()) for talk in drawn], np.int64)
    images = np.stack([talk.image.transpose(2, 0, 1) for talk in drawn])
    return TalkBatch(images, ids, starts, lengths)


def bucket(line: lines.Line) -> int:
    """Return the place in WIDTHS of the narrowest canvas that holds a line."""
    return int(np.searchsorted(lines.WIDTHS, line.ink.shape[1]))


def line_batch(drawn: list[lines.Line], width: int) -> LineBatch:
    """Return lines as a batch on a canvas of a width."""
    texts = [line.text.encode() for line in drawn]
    longest = -(-max(map(len, texts)) // 8) * 8
    ink = np.zeros((len(drawn), lines.HEIGHT, width), np.uint8)
    ids = np.zeros((len(drawn), longest), np.int64)
    for row, (line, text) in enumerate(zip(drawn, texts, strict=True)):
        ink[row, :, : line.ink.shape[1]] = line.ink
        ids[row, : len(text)] = list(text)
    widths = np.array([line.ink.shape[1] for line in drawn], np.int64)
    return LineBatch(ink, widths, ids, np.array(list(map(len, texts)), np.int64))
