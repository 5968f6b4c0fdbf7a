"""Converts the weights of ``nano`` (transformers and diffusers layout) to ONNX graphs.

A folder of weights holds vision/, llm/, image_decoder/ and heads.safetensors, as
:meth:`docharmony.engine.modeling.nano.Nano.save_pretrained` writes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto
from safetensors.numpy import load_file

from docharmony.checkpoint import write_manifest
from docharmony.engine.spec import NANO, ModelSpec

from . import parts
from .graph import Array, Storage, Weights

TRAINING: dict[str, Any] = {
    "parameters": 29_900_000,
    "data": "lines, page tiles and erase crops drawn on the fly from Debian's manual pages (20 "
    "languages), fonts, TeX documentation and desktop backgrounds, degraded as print and scan",
    "optimizer": "Muon on the layers' matrices, AdamW on the rest; exponential moving average",
    "compute": "about 1,375 seconds on one H100",
    "lines_seen": 2_900_000,
    "held_out": "52 documents (311 pages) and 24 font families, never trained on",
}

# See the card for what each choice costs in accuracy and time. NAME.cpu is the graph that CPUs run:
# it multiplies in int8 and has its weights in common with NAME, which is exact and runs on GPUs.
FORMATS = {
    "vision": Weights.INT8,
    "vision.cpu": Weights.DYNAMIC,
    "read_head": Weights.FP16,
    "locate_head": Weights.FP16,
    "language": Weights.INT8,
    "language.cpu": Weights.DYNAMIC,
    "image_decoder": Weights.INT8,
}
PARTS = tuple(name for name in FORMATS if "." not in name)


# What a checkpoint must hold for each ability.
NEEDED = {
    "locate": {"vision", "locate_head"},
    "read": {"vision", "read_head", "language"},
    "erase": {"image_decoder"},
}


def convert(
    weights: Path, formats: Mapping[str, Weights], spec: ModelSpec = NANO
) -> dict[str, ModelProto]:
    """Return the graphs of a model of these sizes: the parts named, each in its format."""
    from .unet import image_decoder

    heads = load_file(weights / "heads.safetensors")
    state = {name: array.astype(np.float32) for name, array in heads.items()}
    models = {}
    for name, form in formats.items():
        match name.removesuffix(".cpu"):
            case "vision":
                encoder = _state(weights / "vision" / "model.safetensors")
                models[name] = parts.vision(encoder, spec, form)
            case "read_head":
                models[name] = parts.read_head(state, spec, form)
            case "locate_head":
                models[name] = parts.locate_head(state, spec, form)
            case "language":
                llm = _state(weights / "llm" / "model.safetensors")
                models[name] = parts.language(llm, spec, form)
            case "image_decoder":
                task = state["erase.task"][0]
                models[name] = image_decoder(weights / "image_decoder", task, form)
    return models


def write(
    models: Mapping[str, ModelProto],
    formats: Mapping[str, Weights],
    out: Path,
    spec: ModelSpec = NANO,
    *,
    name: str = "nano",
    licence: str = "Apache-2.0",
    training: Mapping[str, Any] = TRAINING,
    more: Mapping[str, tuple[str, str, str]] | None = None,
) -> None:
    """Write graphs and manifest.

    Args:
        name, licence, training: of the manifest.
        more: file, format and dtype of parts that lie in the folder already.
    """
    out.mkdir(parents=True, exist_ok=True)
    described = {part: (f"{part}.onnx", "onnx", str(formats[part])) for part in models}
    for part in models:
        if f"{part}.cpu" in models:
            storage = Storage(out / f"{part}.onnx.data", align=64)
            for graph in (part, f"{part}.cpu"):
                storage.take(models[graph])
            storage.close()
            described[f"{part}.data"] = (storage.path.name, "onnx-data", str(formats[part]))
    for part, model in models.items():
        content = model.SerializeToString(deterministic=True)
        (out / f"{part}.onnx").write_bytes(content)
    write_manifest(
        out, name=name, licence=licence, spec=spec, abilities=abilities(models),
        parts={**described, **(more or {})}, training=training,
    )  # fmt: skip


def abilities(parts: Iterable[str]) -> list[str]:
    """Return what a checkpoint with these parts can do."""
    there = set(parts)
    return [ability for ability, needed in NEEDED.items() if needed <= there]


def _state(path: Path) -> dict[str, Array]:
    return {name: array.astype(np.float32) for name, array in load_file(path).items()}
