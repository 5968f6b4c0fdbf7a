"""The published anatomy as ONNX parts, written node by node from its weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx

from docharmony.engine.presets import PublishedSpec

from ..graph import Storage, Weights
from . import language, painter, vision
from .blocks import Blocks, State

PARTS: dict[str, Callable[[Blocks, State, PublishedSpec], None]] = {
    "vision": vision.vision,
    "resampler": vision.resampler,
    "memory": language.memory,
    "language": language.language,
    "prompt": painter.prompt,
    "source": painter.source,
    "unet": painter.unet,
    "vae_decoder": painter.vae_decoder,
    "vae_encoder": painter.vae_encoder,
}

FORMATS = {"fp32": Weights.FP32, "fp16": Weights.HALF, "int8": Weights.BLOCKS}


def write(
    name: str, state: State, spec: PublishedSpec, weights: Weights, folder: Path
) -> tuple[Path, Storage]:
    """Write one part as ``NAME.onnx``; return its path and the weights beside it, NAME.onnx.data."""
    storage = Storage(folder / f"{name}.onnx.data")
    try:
        g = Blocks(name, weights, storage)
        PARTS[name](g, state, spec)
        model = g.model()
    finally:
        storage.close()
    path = folder / f"{name}.onnx"
    onnx.save(model, path)
    return path, storage
