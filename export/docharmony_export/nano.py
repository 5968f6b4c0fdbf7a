"""Converts the weights of ``nano`` (transformers and diffusers layout) to a checkpoint, once.

    python -m docharmony_export.nano WEIGHTS OUT

WEIGHTS holds vision/, llm/, image_decoder/ and heads.safetensors. OUT receives the ONNX graphs and
manifest.json; the card (README.md) and LICENSE beside them are written by hand.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto
from safetensors.numpy import load_file

from docharmony.engine.spec import NANO, ModelSpec

from . import parts
from .graph import Array, Weights

TRAINING: dict[str, Any] = {
    "parameters": 29_900_000,
    "data": "lines, page tiles and erase crops drawn on the fly from Debian's manual pages (20 "
    "languages), fonts, TeX documentation and desktop backgrounds, degraded as print and scan",
    "optimizer": "Muon on the layers' matrices, AdamW on the rest; exponential moving average",
    "compute": "about 1,375 seconds on one H100",
    "lines_seen": 2_900_000,
    "held_out": "52 documents (311 pages) and 24 font families, never trained on",
}

# See the card for what each choice costs in accuracy and time.
FORMATS = {
    "vision": Weights.INT8,
    "read_head": Weights.FP16,
    "locate_head": Weights.FP16,
    "language": Weights.INT8,
    "image_decoder": Weights.INT8,
}


def convert(
    weights: Path, formats: dict[str, Weights], spec: ModelSpec = NANO
) -> dict[str, ModelProto]:
    """Return the graphs of all parts of a model of these sizes in the given formats."""
    from .unet import image_decoder

    heads = load_file(weights / "heads.safetensors")
    encoder = _state(weights / "vision" / "model.safetensors")
    llm = _state(weights / "llm" / "model.safetensors")
    state = {name: array.astype(np.float32) for name, array in heads.items()}
    return {
        "vision": parts.vision(encoder, spec, formats["vision"]),
        "read_head": parts.read_head(state, spec, formats["read_head"]),
        "locate_head": parts.locate_head(state, spec, formats["locate_head"]),
        "language": parts.language(llm, spec, formats["language"]),
        "image_decoder": image_decoder(
            weights / "image_decoder", state["erase.task"][0], formats["image_decoder"]
        ),
    }


def write(
    models: dict[str, ModelProto], formats: dict[str, Weights], out: Path, spec: ModelSpec = NANO
) -> None:
    """Write graphs and manifest."""
    out.mkdir(parents=True, exist_ok=True)
    described = {}
    for name, model in models.items():
        content = model.SerializeToString(deterministic=True)
        (out / f"{name}.onnx").write_bytes(content)
        described[name] = {
            "file": f"{name}.onnx",
            "format": "onnx",
            "dtype": str(formats[name]),
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
    manifest = {
        "schema": 1,
        "engine": "textharmony",
        "name": "nano",
        "licence": "Apache-2.0",
        "abilities": ["locate", "read", "erase"],
        "spec": spec.to_dict(),
        "parts": described,
        "training": TRAINING,
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> None:
    """Convert from the command line."""
    parser = argparse.ArgumentParser(description="Convert the weights of nano to ONNX.")
    parser.add_argument("weights", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--all", choices=[w.value for w in Weights], help="one format for all parts"
    )
    args = parser.parse_args(argv)
    formats = dict.fromkeys(FORMATS, Weights(args.all)) if args.all else FORMATS
    write(convert(args.weights, formats), formats, args.out)


def _state(path: Path) -> dict[str, Array]:
    return {name: array.astype(np.float32) for name, array in load_file(path).items()}


if __name__ == "__main__":
    main()
