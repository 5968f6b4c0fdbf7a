"""The weights that an export reads: a folder of safetensors shards, one tensor at a time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docharmony.checkpoint import Part, load_manifest, verify
from docharmony.engine.presets import PublishedSpec
from docharmony.engine.published import TOKENIZER
from docharmony.errors import CheckpointCorruptError, CheckpointIncompatibleError

from ..graph import Array
from .blocks import State

_SHOWN = 8  # names in an error message


def open_weights(folder: Path, *, verified: bool = False) -> tuple[State, PublishedSpec]:
    """Return the weights of a converted checkpoint by name, and its sizes; shards are mapped.

    Args:
        verified: the files were compared with their hashes already; else each is when it is first
            read from, which may raise CheckpointCorruptError then.

    Raises:
        CheckpointError: it is not there, damaged, of another anatomy, or does not fit its spec.
    """
    import torch

    from docharmony.engine.modeling.model import TextHarmonyModel

    manifest = load_manifest(folder)
    spec = manifest.spec
    if not isinstance(spec, PublishedSpec):
        raise CheckpointIncompatibleError(
            "cannot export this checkpoint", where=str(folder), why="it is of another anatomy"
        )
    shards = _shards({n: p for n, p in manifest.parts.items() if n != TOKENIZER})
    with torch.device("meta"):
        wanted = {name: tuple(t.shape) for name, t in TextHarmonyModel(spec).state_dict().items()}
    shapes = {name: tuple(s.get_slice(name).get_shape()) for name, (s, _) in shards.items()}
    problems = [f"missing {name}" for name in wanted if name not in shapes]
    problems += [f"unknown {name}" for name in shapes if name not in wanted]
    problems += [f"{name} is {shapes[name]} instead of {shape}" for name, shape in wanted.items()
                 if shapes.get(name, shape) != shape]  # fmt: skip
    if problems:
        more = len(problems) - _SHOWN
        raise CheckpointIncompatibleError(
            "the weights do not fit the manifest's spec", where=str(folder),
            why="; ".join(problems[:_SHOWN]) + (f"; and {more} more" if more > 0 else ""),
        )  # fmt: skip

    good: set[Path] = set()

    def read(name: str) -> Array:
        shard, part = shards[name]
        if not verified and part.path not in good:
            verify([part])
            good.add(part.path)
        array: Array = shard.get_tensor(name).float().contiguous().numpy()
        return array

    return State(wanted, read), spec


def _shards(parts: Mapping[str, Part]) -> dict[str, tuple[Any, Part]]:
    """Return the open file of each tensor, and what the manifest says of it."""
    from safetensors import SafetensorError, safe_open

    found = {}
    for name, part in parts.items():
        if part.format != "safetensors":
            raise CheckpointIncompatibleError(
                "cannot export this checkpoint", where=str(part.path),
                why=f"its part {name!r} has the format {part.format!r}",
                hint="export the checkpoint in safetensors that it was made of",
            )  # fmt: skip
        try:
            shard = safe_open(part.path, "pt")
        except (SafetensorError, OSError) as error:
            raise CheckpointCorruptError(
                "the checkpoint is damaged", where=str(part.path), why=type(error).__name__
            ) from error
        found.update(dict.fromkeys(shard.keys(), (shard, part)))
    return found
