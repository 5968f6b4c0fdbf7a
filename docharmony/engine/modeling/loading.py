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
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ...checkpoint import (
    ENGINE,
    MANIFEST,
    SCHEMA,
    Manifest,
    Part,
    load_manifest,
    verify,
    write_manifest,
)
from ...errors import (
    CheckpointCorruptError,
    CheckpointIncompatibleError,
    EngineError,
    OutputError,
)
from ..devices import parse_device
from ..presets import FULL, PublishedSpec
from ..published import ABILITIES, TOKENIZER
from .language import LanguageModel
from .model import TextHarmonyModel
from .published import Plan, Published, Step, make_plan
from .slide_lora import spec_of_adapters

log = logging.getLogger(__name__)

_ADAPTER = re.compile(r"^language\..*_proj\.(lora_[AB]|gate\.weight)$")
_CODES = {torch.bfloat16: "BF16", torch.float16: "F16", torch.float32: "F32"}
_TYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32,
          "fp16": torch.float16, "fp32": torch.float32}  # fmt: skip


def convert(
    sources: Sequence[str | os.PathLike[str]],
    folder: str | os.PathLike[str],
    spec: PublishedSpec = FULL,
    *,
    name: str = "full",
    licence: str = "CC-BY-4.0",
    dtype: str | torch.dtype = torch.bfloat16,
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
    dtype = _TYPES[dtype] if isinstance(dtype, str) else dtype
    target = Path(folder)
    with closing(Published(sources)) as checkpoint:
        plan = make_plan(checkpoint, spec, merge_lora=merge_lora)
        for note in plan.notes:
            log.warning("%s", note)
        try:
            with _draft(target) as draft:
                parts = {
                    key: _write(draft / f"{key}.safetensors", steps, checkpoint, dtype)
                    for key, steps in _shards(plan, dtype.itemsize, shard_bytes)
                }
                if tokenizer is not None:
                    parts[TOKENIZER] = _copy(Path(tokenizer), draft / "tokenizer.model")
                manifest = {
                    "schema": SCHEMA, "name": name, "engine": ENGINE, "licence": licence,
                    "abilities": sorted(ABILITIES),
                    "spec": plan.spec.to_dict(),
                    "parts": parts,
                    "training": {"converted_from": [p.name for p in checkpoint.paths],
                                 "notes": list(plan.notes)},
                }  # fmt: skip
                text = json.dumps(manifest, indent=1) + "\n"
                (draft / MANIFEST).write_text(text, encoding="utf-8")
        except OSError as error:
            raise _unwritable(target, error) from error
    return target


def save(
    model: TextHarmonyModel,
    folder: str | os.PathLike[str],
    *,
    name: str,
    licence: str,
    tokenizer: str | os.PathLike[str] | None = None,
    abilities: Iterable[str] = ABILITIES,
    training: Mapping[str, Any] | None = None,
) -> Path:
    """Write a model as a checkpoint that :func:`load` reads, one file a part; return the folder.

    Raises:
        OutputError: the folder exists or cannot be written.
    """
    target = Path(folder)
    try:
        with _draft(target) as draft:
            files = {}
            for part in ("vision", "language", "image"):
                state = {
                    f"{part}.{key}": value.detach().cpu().contiguous()
                    for key, value in getattr(model, part).state_dict().items()
                }
                save_file(state, draft / f"{part}.safetensors", metadata={"format": "pt"})
                (draft / f"{part}.safetensors").chmod(0o644)  # it was for its owner alone
                dtype = str(next(iter(state.values())).dtype).removeprefix("torch.")
                files[part] = (f"{part}.safetensors", "safetensors", dtype)
            if tokenizer is not None:
                shutil.copyfile(tokenizer, draft / "tokenizer.model")
                files[TOKENIZER] = ("tokenizer.model", "sentencepiece", "")
            write_manifest(
                draft, name=name, licence=licence, spec=model.spec, abilities=abilities,
                parts=files, training=training or {},
            )  # fmt: skip
    except OSError as error:
        raise _unwritable(target, error) from error
    return target


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """Give a folder that gets the target's name when all is written, and vanishes otherwise."""
    if target.exists():
        raise OutputError("cannot write the checkpoint", where=str(target), why="it exists already")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield draft
        draft.chmod(0o755)
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _unwritable(target: Path, error: OSError) -> OutputError:
    return OutputError("cannot write the checkpoint", where=str(target), why=error.strerror or "")


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


def new_adapters(path: str | os.PathLike[str], spec: PublishedSpec) -> None:
    """Write untrained experts for a model of these sizes, as :func:`load` takes them.

    So a checkpoint gets another gate, rank or number of experts than it was released with; they
    change nothing until they are trained. No memory is taken for the model itself.
    """
    with torch.device("meta"):
        lora = LanguageModel(spec).lora
    lora.materialise(torch.device("cpu"), torch.float32)
    lora.reset()
    lora.save(path)


def load(
    folder: str | os.PathLike[str],
    *,
    device: str = "cpu",
    dtype: torch.dtype | None = None,
    adapters: str | os.PathLike[str] | None = None,
) -> TextHarmonyModel:
    """Return the model of a converted checkpoint, ready for inference.

    All files are checked, names and shapes compared, before a weight is read.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        dtype: None keeps what is stored.
        adapters: experts of Slide-LoRA that take the place of the checkpoint's: a file that
            :meth:`docharmony.engine.modeling.slide_lora.SlideLora.save` wrote.

    Raises:
        CheckpointNotFoundError: no such folder.
        CheckpointCorruptError: a shard is missing, cut short or altered.
        CheckpointIncompatibleError: another schema, or keys that are missing, unknown or misshapen.
        EngineError: the device is not there.
    """
    return load_model(load_manifest(folder), torch_device(device), dtype, adapters)


def check_keys(manifest: Manifest) -> None:
    """Compare names and shapes of a checkpoint's shards with its spec; weights are not read.

    Raises:
        CheckpointCorruptError: a shard is cut short.
        CheckpointIncompatibleError: names the keys that are missing, unknown or misshapen.
    """
    spec = manifest.spec
    assert isinstance(spec, PublishedSpec)
    with torch.device("meta"):
        model = TextHarmonyModel(spec)
    wanted = {name: tuple(t.shape) for name, t in model.state_dict().items()}
    parts = [part for name, part in manifest.parts.items() if name != TOKENIZER]
    shapes = {name: shape for part in parts for name, shape in _shapes(part).items()}
    _compare(shapes, wanted, str(manifest.path))


def load_model(
    manifest: Manifest,
    device: torch.device,
    dtype: torch.dtype | None = None,
    adapters: str | os.PathLike[str] | None = None,
) -> TextHarmonyModel:
    """Return the model of a checkpoint's shards; see :func:`load`."""
    spec = manifest.spec
    if not isinstance(spec, PublishedSpec):
        raise CheckpointIncompatibleError(
            "cannot run this checkpoint",
            where=str(manifest.path),
            why="it is not of the published anatomy",
        )
    parts = [part for name, part in manifest.parts.items() if name != TOKENIZER]
    for part in parts:
        if part.format != "safetensors":
            raise CheckpointIncompatibleError(
                "torch cannot run this checkpoint", where=str(part.path),
                why=f"its format is {part.format!r}",
            )  # fmt: skip
    verify(parts)
    if adapters is not None:
        spec = replace(spec, slide_lora=spec_of_adapters(adapters, spec.slide_lora))
    with torch.device("meta"):
        model = TextHarmonyModel(spec)
    wanted = {name: tuple(t.shape) for name, t in model.state_dict().items()}
    shapes = {name: shape for part in parts for name, shape in _shapes(part).items()}
    if adapters is not None:
        for name in model.language.lora.adapters():
            wanted.pop(f"language.{name}")
        shapes = {name: shape for name, shape in shapes.items() if not _ADAPTER.search(name)}
    _compare(shapes, wanted, str(manifest.path))
    for part in parts:
        with safe_open(part.path, "pt", device=str(device)) as shard:
            state = {
                name: shard.get_tensor(name).to(dtype)
                for name in shard.keys()  # noqa: SIM118
                if name in wanted
            }
        model.load_state_dict(state, strict=False, assign=True)
    if adapters is not None:
        model.language.lora.materialise(device, model.language.embed_tokens.weight.dtype)
        model.language.lora.load(adapters)
    return model.eval().requires_grad_(False)


def read_shard(
    part: Part, wanted: Mapping[str, Tensor], device: torch.device, dtype: torch.dtype
) -> dict[str, Tensor]:
    """Return the tensors of a file, which must be exactly those wanted.

    Raises:
        CheckpointCorruptError: not a whole safetensors file.
        CheckpointIncompatibleError: names the keys that are missing, unknown or misshapen.
    """
    if part.format != "safetensors":
        raise CheckpointIncompatibleError(
            "torch cannot run this part", where=str(part.path), why=f"its format is {part.format!r}"
        )
    expected = {name: tuple(t.shape) for name, t in wanted.items()}
    _compare(_shapes(part), expected, str(part.path))
    with safe_open(part.path, "pt", device=str(device)) as shard:
        return {name: shard.get_tensor(name).to(dtype) for name in shard.keys()}  # noqa: SIM118


def torch_device(name: str) -> torch.device:
    """Return torch's device of a name; ``auto`` takes CUDA where it is there.

    Raises:
        EngineError: the device is unknown or not there.
    """
    kind, number = parse_device(name)
    count = torch.cuda.device_count() if kind != "cpu" else 0
    if kind == "cpu" or (kind == "auto" and count == 0):
        return torch.device("cpu")
    if number >= count:
        raise EngineError(
            "the device is not there", where=name,
            why=f"torch sees {count} CUDA devices",
            hint="use --device cpu",
        )  # fmt: skip
    return torch.device("cuda", number)


def torch_dtype(name: str, manifest: Manifest, device: torch.device) -> torch.dtype:
    """Return in which type to compute.

    ``auto`` is what is stored, but float32 on a CPU where the weights then take at most 8 GiB: few
    CPUs multiply 16-bit numbers faster.
    """
    if name != "auto":
        return _TYPES[name]
    shards = [part for part in manifest.parts.values() if part.format == "safetensors"]
    stored = _TYPES.get(shards[0].dtype if shards else "", torch.float32)
    size = sum(part.bytes for part in shards)
    if device.type == "cpu" and size * 4 / stored.itemsize <= 8 << 30:
        return torch.float32
    return stored


def _shapes(part: Part) -> dict[str, tuple[int, ...]]:
    try:
        with safe_open(part.path, "pt") as shard:
            return {k: tuple(shard.get_slice(k).get_shape()) for k in shard.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise CheckpointCorruptError(
            "the checkpoint is damaged", where=str(part.path), why=str(error)
        ) from error


def _compare(
    found: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]], where: str
) -> None:
    """Compare keys and shapes with the model's."""
    problems = [f"unknown {name}" for name in found if name not in wanted]
    problems += [
        f"{name} is {shape} instead of {wanted[name]}"
        for name, shape in found.items()
        if name in wanted and shape != wanted[name]
    ]
    problems += [f"missing {name}" for name in wanted if name not in found]
    if problems:
        more = len(problems) - 8
        raise CheckpointIncompatibleError(
            "the weights do not fit the manifest's spec", where=where,
            why="; ".join(problems[:8]) + (f"; and {more} more" if more > 0 else ""),
        )  # fmt: skip
