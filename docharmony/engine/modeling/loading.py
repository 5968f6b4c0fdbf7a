"""Converts the published checkpoint to safetensors shards, and loads these.

A converted checkpoint is a folder with ``manifest.json`` (see :mod:`docharmony.checkpoint`), whose
spec says ``"anatomy": "published"``, and shards of at most some gigabytes. Files are written tensor by
tensor and hashed on the way; the folder appears under its name when all is written.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from ...checkpoint import ENGINE, MANIFEST, SCHEMA, Part, verify
from ...errors import (
    CheckpointCorruptError,
    CheckpointIncompatibleError,
    CheckpointNotFoundError,
    EngineError,
    OutputError,
)
from ..presets import FULL, PublishedSpec
from .model import TextHarmonyModel
from .published import Plan, Published, Step, make_plan

log = logging.getLogger(__name__)

ANATOMY = "published"
TOKENIZER = "tokenizer"  # the part that is no weights
_CODES = {torch.bfloat16: "BF16", torch.float16: "F16", torch.float32: "F32"}
_ABILITIES = ("answer", "locate", "read", "write")


def convert(
    sources: Sequence[str | os.PathLike[str]],
    folder: str | os.PathLike[str],
    spec: PublishedSpec = FULL,
    *,
    name: str = "full",
    licence: str = "CC-BY-4.0",
    dtype: torch.dtype = torch.bfloat16,
    shard_bytes: int = 4 << 30,
    merge_lora: bool = False,
    tokenizer: str | os.PathLike[str] | None = None,
) -> Path:
    """Write a published checkpoint as safetensors shards with a manifest; return the folder.

    In memory is one tensor at a time, never a whole shard.

    Args:
        sources: the pickle, or its pieces in order.
        folder: must not exist.
        dtype: of the weights written.
        shard_bytes: size of a shard; a tensor larger than that gets one of its own.
        merge_lora: add the vision trunk's LoRA to its weights.
        tokenizer: path of ``tokenizer.model``, to be copied into the folder.

    Raises:
        CheckpointError: the sources are missing, damaged, or don't fit the table key by key.
        OutputError: the folder exists or cannot be written.
    """
    target = Path(folder)
    if target.exists():
        raise OutputError("cannot write the checkpoint", where=str(target), why="it exists already")
    with closing(Published(sources)) as checkpoint:
        plan = make_plan(checkpoint, spec, merge_lora=merge_lora)
        for note in plan.notes:
            log.warning("%s", note)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        except OSError as error:
            raise OutputError(
                "cannot write the checkpoint", where=str(target), why=error.strerror or ""
            ) from error
        try:
            parts = {
                key: _write(draft / f"{key}.safetensors", steps, checkpoint, dtype)
                for key, steps in _shards(plan, dtype.itemsize, shard_bytes)
            }
            if tokenizer is not None:
                parts[TOKENIZER] = _copy(Path(tokenizer), draft / "tokenizer.model")
            manifest = {
                "schema": SCHEMA, "name": name, "engine": ENGINE, "licence": licence,
                "abilities": list(_ABILITIES),
                "spec": {"anatomy": ANATOMY, **plan.spec.to_dict()},
                "parts": parts,
                "training": {"converted_from": [p.name for p in checkpoint.paths],
                             "notes": list(plan.notes)},
            }  # fmt: skip
            (draft / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
            draft.chmod(0o755)
            draft.rename(target)
        except OSError as error:
            raise OutputError(
                "cannot write the checkpoint", where=str(target), why=error.strerror or ""
            ) from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return target


def _shards(plan: Plan, itemsize: int, limit: int) -> Iterator[tuple[str, list[Step]]]:
    """Yield the shards of each part: their names and what is in them."""
    for part in ("vision", "language", "image"):
        groups: list[list[Step]] = [[]]
        size = 0
        for step in plan.steps:
            if not step.own.startswith(f"{part}."):
                continue
            extent = _count(step.shape) * itemsize
            if groups[-1] and size + extent > limit:
                groups.append([])
                size = 0
            groups[-1].append(step)
            size += extent
        for number, group in enumerate(groups):
            yield f"{part}-{number:02}", group


def _count(shape: Sequence[int]) -> int:
    total = 1
    for side in shape:
        total *= side
    return total


def _write(
    path: Path, steps: Sequence[Step], checkpoint: Published, dtype: torch.dtype
) -> dict[str, Any]:
    """Write one shard in the safetensors format; return its line in the manifest."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    place = 0
    for step in steps:
        end = place + _count(step.shape) * dtype.itemsize
        header[step.own] = {
            "dtype": _CODES[dtype], "shape": list(step.shape), "data_offsets": [place, end],
        }  # fmt: skip
        place = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    digest = hashlib.sha256()
    with path.open("wb") as stream:
        for data in (len(text).to_bytes(8, "little"), text):
            stream.write(data)
            digest.update(data)
        for step in steps:
            tensor = step.run(checkpoint).to(dtype).contiguous()
            raw = memoryview(tensor.reshape(-1).view(torch.uint8).numpy())
            stream.write(raw)
            digest.update(raw)
        size = stream.tell()
    return {
        "file": path.name, "format": "safetensors", "dtype": str(dtype).removeprefix("torch."),
        "bytes": size, "sha256": digest.hexdigest(),
    }  # fmt: skip


def _copy(source: Path, target: Path) -> dict[str, Any]:
    data = source.read_bytes()
    target.write_bytes(data)
    return {
        "file": target.name,
        "format": "sentencepiece",
        "dtype": "",
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def load(
    folder: str | os.PathLike[str],
    *,
    device: str | torch.device = "cpu",
    dtype: torch.dtype | None = None,
) -> TextHarmonyModel:
    """Return the model of a converted checkpoint, ready for inference.

    All files are checked, names and shapes compared, before a weight is read.

    Args:
        dtype: None keeps what is stored.

    Raises:
        CheckpointNotFoundError: no such folder.
        CheckpointCorruptError: a shard is missing, cut short or altered.
        CheckpointIncompatibleError: another schema, or keys that are missing, unknown or misshapen.
        EngineError: the device is not there.
    """
    root = Path(folder)
    spec, parts = read_manifest(root)
    place = _device(device)
    verify(parts.values())
    parts.pop(TOKENIZER, None)
    with torch.device("meta"):
        model = TextHarmonyModel(spec)
    _compare(model, parts, root)
    for part in parts.values():
        with safe_open(part.path, "pt", device=str(place)) as shard:
            state = {name: shard.get_tensor(name).to(dtype) for name in shard.keys()}  # noqa: SIM118
        model.load_state_dict(state, strict=False, assign=True)
    model.eval()
    return model


def read_manifest(root: Path) -> tuple[PublishedSpec, dict[str, Part]]:
    """Return the spec and the files of a converted checkpoint; raises as :func:`load` does."""
    file = root / MANIFEST
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointNotFoundError(
            "not a checkpoint", where=str(root), why=f"it has no {MANIFEST}"
        ) from None
    except (OSError, ValueError) as error:
        raise CheckpointCorruptError(
            "cannot read the manifest", where=str(file), why="it is not valid JSON"
        ) from error
    if (
        not isinstance(data, Mapping)
        or data.get("schema") != SCHEMA
        or data.get("engine") != ENGINE
    ):
        raise CheckpointIncompatibleError(
            "cannot run this checkpoint", where=str(file),
            why=f"it is not of engine {ENGINE!r}, schema {SCHEMA}",
        )  # fmt: skip
    try:
        sizes = dict(data["spec"])
        if sizes.pop("anatomy", None) != ANATOMY:
            raise ValueError(f"its anatomy is not {ANATOMY!r}")
        spec = PublishedSpec.from_dict(sizes)
        parts = {
            str(key): Part(
                root / Path(value["file"]).name, value["format"], value["dtype"],
                int(value["bytes"]), str(value["sha256"]),
            )
            for key, value in data["parts"].items()
        }  # fmt: skip
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointIncompatibleError(
            "cannot run this checkpoint", where=str(file), why=str(error)
        ) from error
    return spec, parts


def _device(name: str | torch.device) -> torch.device:
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise EngineError(
            "the device is not there", where=str(device),
            why=f"torch sees {torch.cuda.device_count()} CUDA devices",
            hint="use device cpu",
        )  # fmt: skip
    return device


def _compare(model: TextHarmonyModel, parts: Mapping[str, Part], root: Path) -> None:
    """Compare the shards' keys and shapes with the model's."""
    wanted = {name: tuple(t.shape) for name, t in model.state_dict().items()}
    problems = []
    for part in parts.values():
        try:
            with safe_open(part.path, "pt") as shard:
                shapes = {k: tuple(shard.get_slice(k).get_shape()) for k in shard.keys()}  # noqa: SIM118
        except SafetensorError as error:
            raise CheckpointCorruptError(
                "the checkpoint is damaged", where=str(part.path), why=str(error)
            ) from error
        for name, shape in shapes.items():
            expected = wanted.pop(name, None)
            if expected is None:
                problems.append(f"unknown {name}")
            elif expected != shape:
                problems.append(f"{name} is {shape} instead of {expected}")
    problems += [f"missing {name}" for name in wanted]
    if problems:
        more = len(problems) - 8
        raise CheckpointIncompatibleError(
            "the shards do not fit the manifest's spec", where=str(root),
            why="; ".join(problems[:8]) + (f"; and {more} more" if more > 0 else ""),
        )  # fmt: skip
