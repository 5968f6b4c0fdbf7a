"""Writes tests/resources/engine/published.tar.xz: an exported checkpoint, and what torch makes of it.

    python export/tests/resource.py

The weights are random, each one of five values, so that they compress. ``expected.json`` and the drawn
pictures come from the torch model: the tests of the base install compare onnxruntime with them.
"""

from __future__ import annotations

import io
import json
import sys
import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
OUT = ROOT / "tests/resources/engine/published.tar.xz"


def spec() -> Any:
    from export.tests.conftest import tiny_spec

    tiny = tiny_spec()
    return replace(
        tiny,
        trunk=replace(tiny.trunk, hidden=16, intermediate=24, deform_values=8, deform_heads=2),
        resampler=replace(tiny.resampler, layers=2, encoder_hidden=16),
        painter=replace(tiny.painter, vae_channels=(4, 4, 4, 4), channels=(8, 8, 8, 8)),
    )


def bend(model: Any) -> None:
    """Give every weight one of five values around what it starts from."""
    import torch

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            spread = 0.25 if parameter.ndim < 2 or "lora" in name else parameter[0].numel() ** -0.5
            base = 1.0 if name.endswith("norm.weight") or "layernorm.weight" in name else 0.0
            levels = torch.randint(-2, 3, parameter.shape) * (spread / 2)
            parameter.copy_((base + levels).half().float())


def main() -> None:
    """Make the checkpoint, export it, ask torch and pack both."""
    import torch
    from docharmony_export.exporting import export

    from docharmony.config import EngineConfig
    from docharmony.engine.decoding import Decoding
    from docharmony.engine.opening import open_engine
    from export.tests.conftest import make_checkpoint

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        checkpoint = make_checkpoint(folder / "tiny", spec(), bend=bend)
        export(checkpoint, folder / "published", precision="fp32")
        engine: Any = open_engine(checkpoint, device="cpu", config=EngineConfig(steps=2))
        torch.set_num_threads(1)
        expected: dict[str, Any] = {}
        images = [picture(seed) for seed in range(2)]
        for name, options in DECODING.items():
            engine.decoding = Decoding(**options)
            found = engine.answer(images, "Who wrote this?", context="")
            expected[name] = [[reading.text, reading.confidence] for reading in found]
        config = EngineConfig(image_size=84, length=8)
        engine = open_engine(checkpoint, device="cpu", config=config)
        found = engine.answer(images, "Who wrote this?", context="")
        expected["another size"] = [[reading.text, reading.confidence] for reading in found]
        engine = open_engine(checkpoint, device="cpu", config=EngineConfig(steps=2))
        (folder / "published" / "expected.json").write_text(json.dumps(expected))
        mask = np.zeros((40, 90), bool)
        mask[10:30, 20:60] = True
        drawn = engine.paint(images, [mask, mask], [None, "WORD"], seed=5)
        np.save(folder / "published" / "painted.npy", np.stack(drawn))
        pack(folder / "published")


DECODING: dict[str, dict[str, Any]] = {
    "greedy": {"length": 8},
    "beams": {"length": 8, "beams": 3, "penalty": 1.3},
    "drawn": {"length": 8, "beams": 3, "sample": True, "penalty": 1.3},
}


def picture(seed: int) -> Any:
    """Return random pixels."""
    return np.random.default_rng(seed).integers(0, 256, (40, 90, 3), np.uint8)


def pack(folder: Path) -> None:
    """Pack a folder so that the same files give the same bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz", preset=9) as archive:
        for path in sorted(folder.iterdir()):
            data = path.read_bytes()
            info = tarfile.TarInfo(path.name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    OUT.write_bytes(buffer.getvalue())
    print(f"{OUT}: {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
