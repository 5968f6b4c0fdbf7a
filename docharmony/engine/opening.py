"""Opens a checkpoint: its spec chooses the engine, the format of its parts the backend."""

from __future__ import annotations

import os
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..checkpoint import Manifest, load_manifest
from ..config import EngineConfig
from ..errors import CheckpointIncompatibleError, MissingExtraError
from .presets import PublishedSpec

if TYPE_CHECKING:
    from .base import Engine

_TORCH = ("torch", "transformers", "diffusers", "peft", "safetensors", "sentencepiece")


def open_engine(
    path: str | os.PathLike[str],
    *,
    device: str = "auto",
    threads: int | None = None,
    config: EngineConfig | None = None,
) -> Engine:
    """Return the engine of a checkpoint's folder. Weights are read when they are first needed.

    Args:
        path: the folder, as :func:`docharmony.checkpoint.find` returns it.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        threads: on the CPU; None takes OMP_NUM_THREADS, else all cores allowed.
        config: how the published anatomy writes and draws.

    Raises:
        CheckpointError: the checkpoint is not there, damaged, or none that this version runs.
        EngineError: the device is not there.
        MissingExtraError: its weights need torch, which is not installed.
    """
    manifest = load_manifest(path)
    config = config or EngineConfig()
    backend = _backend(manifest)
    if backend == "safetensors":
        require_torch(f"checkpoint {manifest.name!r} needs torch", where=str(manifest.path))
    if isinstance(manifest.spec, PublishedSpec):
        from .published import PublishedEngine

        if config.adapters:
            manifest = _with_adapters(manifest, manifest.spec, config.adapters, backend)
        if backend == "onnx":
            from .onnx_published import OnnxPublishedParts

            parts = OnnxPublishedParts(manifest, device=device, threads=threads)
            return PublishedEngine.from_manifest(manifest, parts, config)
        from .modeling.torch_parts import TorchParts

        torch_parts = TorchParts.from_manifest(
            manifest,
            device=device,
            threads=threads,
            dtype=config.dtype,
            adapters=config.adapters or None,
            static=config.cache == "static",
            compiled=config.compile,
        )
        return PublishedEngine.from_manifest(manifest, torch_parts, config)
    from .textharmony import TextHarmony

    if config.adapters:
        raise CheckpointIncompatibleError(
            "the checkpoint has no Slide-LoRA",
            where=str(manifest.path),
            why="engine.adapters is set",
        )
    if backend == "onnx":
        from .onnx_parts import OnnxParts

        return TextHarmony(manifest, OnnxParts(manifest, device=device, threads=threads))
    from .modeling.nano_parts import TorchNanoParts

    nano = TorchNanoParts(
        manifest, device=device, threads=threads, dtype=config.dtype, compiled=config.compile
    )
    return TextHarmony(manifest, nano)


def check_complete(manifest: Manifest) -> None:
    """Raise unless a checkpoint holds what its abilities need, without reading weights.

    Names and shapes in safetensors are compared with the spec where torch is installed.

    Raises:
        CheckpointIncompatibleError: names what is missing, unknown or misshapen.
        CheckpointCorruptError: a file is no safetensors.
    """
    if not isinstance(manifest.spec, PublishedSpec):
        return
    from .published import NEEDS, TOKENIZER

    weights = _backend(manifest) == "safetensors"
    needed = frozenset().union(*(NEEDS.get(a, frozenset()) for a in manifest.abilities))
    for name in sorted(needed & {TOKENIZER} if weights else needed):
        if name not in manifest.parts:
            raise manifest.lacks(name)
    if weights and all(map(find_spec, _TORCH)):
        from .modeling.loading import check_keys

        check_keys(manifest)


def _with_adapters(
    manifest: Manifest, spec: PublishedSpec, adapters: str, backend: str
) -> Manifest:
    """Return the manifest with the sizes of other experts than the checkpoint's."""
    if backend != "safetensors":
        raise CheckpointIncompatibleError(
            "adapters need a checkpoint in safetensors",
            where=str(manifest.path),
            why=f"its format is {backend!r}",
            hint="load them into the checkpoint that this one was exported from",
        )
    from .modeling.slide_lora import spec_of_adapters

    return replace(
        manifest, spec=replace(spec, slide_lora=spec_of_adapters(adapters, spec.slide_lora))
    )


def _backend(manifest: Manifest) -> str:
    """Return the format of the vision encoder; the other parts are checked when they are loaded."""
    for name, part in manifest.parts.items():
        if name.partition("-")[0] == "vision" and part.format in ("onnx", "safetensors"):
            return part.format
    raise CheckpointIncompatibleError(
        "cannot run this checkpoint",
        where=str(manifest.path),
        why="it has no part 'vision' of format onnx or safetensors",
    )


def require_torch(what: str, *, where: str) -> None:
    """Raise MissingExtraError unless the packages of the extra ``torch`` are installed."""
    missing = [name for name in _TORCH if find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            what,
            where=where,
            why=f"not installed: {', '.join(missing)}",
            hint='pip install "docharmony[torch]"',
        )
