"""Text to ids and back. ``nano`` reads bytes: ids 0-255 are UTF-8, control ids follow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..errors import CheckpointCorruptError, MissingExtraError

BLANK = 256  # of the CTC head
PAD, BEGIN, END = 256, 257, 258
READ, ERASE, WRITE, ASK = 259, 260, 261, 262  # name the task after the visual tokens


def encode(text: str) -> list[int]:
    """Return the UTF-8 bytes of a text as ids."""
    return list(text.encode())


def decode(ids: Iterable[int]) -> str:
    """Return the text of byte ids; control ids and broken sequences are dropped.

    >>> decode([0xC3, 0xA9, 258]), decode([0xC3, 0x41])
    ('é', 'A')
    """
    return "".join(text for text, _, _ in characters([i for i in ids if i < 256]))


def characters(ids: Sequence[int]) -> list[tuple[str, int, int]]:
    """Return each character with the range of ids that spell it; broken bytes are skipped.

    >>> characters([0x41, 0xC3, 0xA9, 0xFF])
    [('A', 0, 1), ('é', 1, 3)]
    """
    found: list[tuple[str, int, int]] = []
    start = 0
    while start < len(ids):
        head = ids[start]
        size = 1 if head < 0x80 else 2 if 0xC2 <= head < 0xE0 else 3 if 0xE0 <= head < 0xF0 else 4
        try:
            character = bytes(ids[start : start + size]).decode()
        except (UnicodeDecodeError, ValueError):
            start += 1
            continue
        if len(character) == 1:
            found.append((character, start, start + size))
        start += size
    return found


def load_pairs(path: Path) -> Any:
    """Return the tokenizer of byte pairs in a file of a checkpoint, a ``tokenizers.Tokenizer``.

    Names of control symbols within a text are spelt like any other text.

    Raises:
        MissingExtraError: the package tokenizers is not installed.
        CheckpointCorruptError: it is no such file.
    """
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise MissingExtraError(
            "cannot read the checkpoint's tokenizer",
            where=str(path),
            why="the package tokenizers is not installed",
            hint="pip install tokenizers",
        ) from None
    try:
        pairs = Tokenizer.from_file(str(path))
    except Exception as error:  # its exceptions have no class of their own
        raise CheckpointCorruptError(
            "cannot read the checkpoint's tokenizer", where=str(path), why=type(error).__name__
        ) from error
    pairs.encode_special_tokens = True
    return pairs
