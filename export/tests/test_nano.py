"""Weights of nano's anatomy through the command: the result is a checkpoint that reads as torch does."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("diffusers")

from docharmony_export import exporting  # noqa: E402

from docharmony.checkpoint import load_manifest  # noqa: E402
from docharmony.engine.opening import open_engine  # noqa: E402
from docharmony.engine.spec import NANO  # noqa: E402
from docharmony.errors import EngineError, UsageError  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.timeout(300)]

SPEC = replace(
    NANO,
    vision=replace(NANO.vision, hidden=64, intermediate=96, layers=2, heads=2),
    language=replace(NANO.language, hidden=64, intermediate=96, layers=2, heads=2),
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from docharmony.engine.modeling.nano import Nano

    torch.manual_seed(0)
    out = tmp_path_factory.mktemp("nano") / "weights"
    Nano(SPEC).save_pretrained(out, name="mine", licence="Apache-2.0")
    return out


def test_the_command(weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "docharmony",
        "-q",
        "export",
        str(weights),
        str(out),
        "-f",
        "json",
    ]
    done = subprocess.run(
        [*command, "--precision", "fp32"], capture_output=True, text=True, timeout=250
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # no warnings of a tracer, no bars
    report = {part["part"]: part for part in json.loads(done.stdout)["parts"]}
    assert set(report) == {"vision", "read_head", "locate_head", "language", "image_decoder"}
    compared = [p for p in report.values() if p["error"] is not None]
    assert len(compared) == 4  # what the vision encoder gives is compared through both heads
    assert all(part["error"] <= part["tolerance"] for part in compared)
    manifest = load_manifest(out)
    assert (manifest.name, manifest.abilities) == ("mine", {"locate", "read", "erase"})

    lines = np.random.default_rng(0).integers(0, 256, (2, 48, 160, 3), np.uint8)
    engines: list[Any] = [open_engine(path, device="cpu") for path in (weights, out)]
    (theirs, their_ctc), (ours, our_ctc) = (e.parts.read_lines(lines) for e in engines)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    np.testing.assert_allclose(our_ctc, their_ctc, atol=1e-3)


def test_some_parts_in_half(weights: Path, tmp_path: Path) -> None:
    parts = ["vision", "read_head", "language"]
    rows = exporting.export(weights, tmp_path / "out", parts=parts, precision="fp16")
    assert [(row.part, row.dtype) for row in rows] == [(part, "fp16") for part in parts]
    assert load_manifest(tmp_path / "out").abilities == {"read"}
    engine = open_engine(tmp_path / "out", device="cpu")
    with pytest.raises(EngineError, match="cannot find text"):
        engine.locate([np.zeros((64, 64, 3), np.uint8)])
    with pytest.raises(UsageError, match="unet"):
        exporting.export(weights, tmp_path / "other", parts=["unet"])
