"""Text to ids and back on a SentencePiece model, by the rules of the published tokenizer.

Current Llama tokenizers give other ids: the published one cuts the text at special strings, drops
white space next to them, and encodes every segment by itself, with a blank put before it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CheckpointCorruptError, CheckpointIncompatibleError, MissingExtraError

if TYPE_CHECKING:
    from .presets import DecoderSpec

IMAGE_START, IMAGE_SLOT = "<|beginofimage|>", "<|image|>"
SPECIALS = ("<s>", "</s>", "<unk>", IMAGE_START, IMAGE_SLOT)


class PieceTokenizer:
    """The tokenizer of the published language model.

    Args:
        model: path of ``tokenizer.model``.
        spec: names the ids.

    Raises:
        MissingExtraError: the package sentencepiece is not installed.
        CheckpointCorruptError: the file is no SentencePiece model.
        CheckpointIncompatibleError: it has another number of pieces than the spec.
    """

    def __init__(self, model: str | os.PathLike[str], spec: DecoderSpec) -> None:
        try:
            from sentencepiece import SentencePieceProcessor
        except ImportError:
            raise MissingExtraError(
                "cannot read the tokenizer",
                why="the package sentencepiece is not installed",
                hint="pip install sentencepiece",
            ) from None
        self.spec = spec
        self._pieces = SentencePieceProcessor()
        try:
            self._pieces.LoadFromSerializedProto(Path(model).read_bytes())
        except (OSError, RuntimeError) as error:
            raise CheckpointCorruptError(
                "cannot read the tokenizer", where=os.fspath(model), why="no SentencePiece model"
            ) from error
        if (count := self._pieces.GetPieceSize()) != spec.image_start:
            raise CheckpointIncompatibleError(
                "the tokenizer is of another model", where=os.fspath(model),
                why=f"it has {count} pieces instead of {spec.image_start}",
            )  # fmt: skip
        ids = (spec.begin, spec.end, 0, spec.image_start, spec.image_slot)
        self._special = dict(zip(SPECIALS, ids, strict=True))
        self._cut = re.compile("(" + "|".join(map(re.escape, self._special)) + ")")

    def encode(self, text: str) -> list[int]:
        """Return the ids of a prompt, begin-of-sequence first."""
        ids = [self.spec.begin]
        segments = self._cut.split(text)
        for i, segment in enumerate(segments):
            if segment in self._special:
                ids.append(self._special[segment])
                continue
            if i > 0:
                segment = segment.lstrip()
            if i < len(segments) - 1:
                segment = segment.rstrip()
            if segment:
                ids += self._pieces.encode(segment)
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ids without the special ones; padding counts as special."""
        hidden = {*self._special.values(), self.spec.pad}
        text: str = self._pieces.decode([i for i in ids if i not in hidden])
        return text

    def image(self, slots: int) -> str:
        """Return what stands for an image of so many tokens in a prompt."""
        return IMAGE_START + IMAGE_SLOT * slots
