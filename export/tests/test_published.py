"""The published anatomy, exported: parity part by part, the command, and what can go wrong."""

from __future__ import annotations

import json
import shutil
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

from docharmony_export import exporting, published  # noqa: E402
from docharmony_export.graph import Weights  # noqa: E402
from docharmony_export.published import parity  # noqa: E402
from docharmony_export.published.source import open_weights  # noqa: E402

from docharmony.checkpoint import load_manifest, verify  # noqa: E402
from docharmony.config import EngineConfig  # noqa: E402
from docharmony.engine.decoding import Decoding  # noqa: E402
from docharmony.engine.opening import open_engine  # noqa: E402
from docharmony.errors import (  # noqa: E402
    CheckpointCorruptError,
    CheckpointIncompatibleError,
    CheckpointNotFoundError,
    EngineError,
    UsageError,
)

from .conftest import tiny_spec  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def exported(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exported as fp32, compared in a spawned process on the way."""
    out = tmp_path_factory.mktemp("exported") / "onnx"
    rows = exporting.export(checkpoint, out)
    assert [row.part for row in rows] == list(published.PARTS)
    assert all(row.error is not None and row.error <= row.tolerance for row in rows)
    return out


# --- parity --------------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", published.FORMATS)
@pytest.mark.parametrize("part", published.PARTS)
def test_parity(checkpoint: Path, tmp_path: Path, part: str, precision: str) -> None:
    state, spec = open_weights(checkpoint)
    weights = published.FORMATS[precision]
    graph, _ = published.write(part, state, spec, weights, tmp_path)
    found = parity.compare(checkpoint, graph, spec, part)
    assert found
    assert max(found.values()) <= parity.TOLERANCES[part][precision], found
    if precision != "fp32":  # it really is another format
        assert max(found.values()) > 1e-5


@pytest.mark.parametrize("precision", published.FORMATS)
def test_parts_larger_than_the_memory(
    checkpoint: Path, tmp_path: Path, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are compared with their weights left in the file, and torch's read layer by layer."""
    state, spec = open_weights(checkpoint)
    graph, _ = published.write("language", state, spec, published.FORMATS[precision], tmp_path)
    opened: list[bool] = []
    plain = parity.graphs.open_graph

    def watched(*args: Any, mapped: bool, **options: Any) -> Any:
        opened.append(mapped)
        return plain(*args, mapped=mapped, **options)

    monkeypatch.setattr(parity.graphs, "open_graph", watched)
    monkeypatch.setattr(parity, "_MAPPED", 0)
    found = parity.compare(checkpoint, graph, spec, "language")
    assert max(found.values()) <= parity.TOLERANCES["language"][precision], found
    assert opened == [True]


@pytest.mark.parametrize("part", ["vision", "language", "unet"])
def test_a_wrong_weight_is_found(checkpoint: Path, tmp_path: Path, part: str) -> None:
    """The comparison must be able to fail: one bias in hundreds of thousands of numbers differs."""
    state, spec = open_weights(checkpoint)
    wrong = {
        "vision": "vision.encoder.adapter_interactions.2.extractor.attn.sampling_offsets.bias",
        "language": "language.layers.4.llama_cross_attn.attn.ignore_token",
        "unet": "image.mmfs_module.mmfs_down_blocks.7.mmfs.query_relpos.weight",
    }[part]
    bent = published.blocks.State(state, lambda n: state[n] + 0.3 * (n == wrong))
    graph, _ = published.write(part, bent, spec, Weights.FP32, tmp_path)
    found = parity.compare(checkpoint, graph, spec, part)
    assert max(found.values()) > parity.TOLERANCES[part]["fp32"]


def test_learned_gates(tmp_path: Path) -> None:
    """The paper's gate looks at the input: it is part of the graph, and the task has no say."""
    spec = tiny_spec()
    spec = replace(spec, slide_lora=replace(spec.slide_lora, gate="learned"))
    from safetensors.torch import save_file

    from docharmony.checkpoint import write_manifest
    from docharmony.engine.modeling.model import TextHarmonyModel

    torch.manual_seed(1)
    model = TextHarmonyModel(spec)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name or name.endswith("gate.weight"):
                parameter.normal_(std=0.3)
    folder = tmp_path / "learned"
    folder.mkdir()
    save_file(model.state_dict(), folder / "vision-00.safetensors")
    files = {"vision-00": ("vision-00.safetensors", "safetensors", "float32")}
    write_manifest(folder, name="x", licence="x", spec=spec, abilities=[], parts=files, training={})
    state, _ = open_weights(folder)
    graph, _ = published.write("language", state, spec, Weights.FP32, tmp_path)
    found = parity.compare(folder, graph, spec, "language")
    assert max(found.values()) <= parity.TOLERANCES["language"]["fp32"]


# --- the result is a checkpoint ------------------------------------------------------------------


def test_the_result_is_a_checkpoint(checkpoint: Path, exported: Path) -> None:
    before, manifest = load_manifest(checkpoint), load_manifest(exported)
    verify(manifest.parts.values())
    assert manifest.abilities == before.abilities
    assert (manifest.name, manifest.licence) == (before.name, before.licence)
    assert manifest.spec == replace(before.spec, trunk=replace(before.spec.trunk, lora_rank=0))
    assert {p.name for p in exported.iterdir()} == {
        "manifest.json", "tokenizer.model", *(f"{n}.onnx" for n in published.PARTS),
        *(f"{n}.onnx.data" for n in published.PARTS),
    }  # fmt: skip


@pytest.mark.parametrize(
    "decoding",
    [
        Decoding(length=8),
        Decoding(length=8, beams=4, penalty=1.3),
        Decoding(length=8, beams=3, sample=True, penalty=1.3),
        Decoding(length=8, sample=True),
    ],
)
def test_both_backends_write_the_same(checkpoint: Path, exported: Path, decoding: Decoding) -> None:
    on_torch, on_onnx = (open_engine(path, device="cpu") for path in (checkpoint, exported))
    on_torch.decoding = on_onnx.decoding = decoding
    images = [picture(i) for i in range(3)]
    for question in ("Who?", "Who wrote this book?"):
        theirs = on_torch.answer(images, question, context="")
        ours = on_onnx.answer(images, question, context="")
        assert [r.text for r in ours] == [r.text for r in theirs]
        assert [r.confidence for r in ours] == pytest.approx(
            [r.confidence for r in theirs], rel=1e-3
        )


@pytest.mark.parametrize("scheduler", ["ddpm", "dpm"])
def test_both_backends_draw_the_same(checkpoint: Path, exported: Path, scheduler: str) -> None:
    config = EngineConfig(steps=3, scheduler=scheduler)
    engines = [open_engine(p, device="cpu", config=config) for p in (checkpoint, exported)]
    mask = np.zeros((40, 90), bool)
    mask[10:30, 20:60] = True
    images, masks = [picture(0), picture(1)], [mask, mask]
    theirs, ours = (engine.paint(images, masks, [None, "WORD"], seed=5) for engine in engines)
    for a, b, image in zip(theirs, ours, images, strict=True):
        assert np.array_equal(b[~mask], image[~mask])
        assert not np.array_equal(b[mask], image[mask])
        # Rounding to a byte may fall to either side.
        assert np.abs(a.astype(int) - b).max() <= 2
    theirs, ours = (engine.generate("A dog.", size=(30, 20), seed=1) for engine in engines)
    assert ours.shape == (20, 30, 3)
    assert np.abs(theirs.astype(int) - ours).max() <= 2


def test_prompts_of_several_tasks_and_lengths_share_a_batch(
    checkpoint: Path, exported: Path
) -> None:
    """Padding on the left, a gate a row, and rows that end before others."""
    from docharmony.engine.parts import Task, fixed_gates

    spec = load_manifest(checkpoint).spec
    slots = [spec.decoder.image_start, *[spec.decoder.image_slot] * spec.resampler.queries]
    long, short = [1, *slots, 5, 6, 7, 8, 9], [1, *slots, 11]
    gap = len(long) - len(short)
    ids = np.array([long, [spec.decoder.pad] * gap + short])
    mask = np.array([[1] * len(long), [0] * gap + [1] * len(short)])
    gates = fixed_gates([Task.ANSWER, Task.PAINT])
    pixels = np.random.default_rng(0).integers(0, 256, (2, 56, 56, 3), np.uint8)
    got = []
    for path in (checkpoint, exported):
        parts = open_engine(path, device="cpu").parts
        sight = parts.see(pixels)
        logits, session = parts.start(sight, ids, mask, gates, 2)
        steps = [session.step(np.array([20, 21, 22, 23]), np.array([0, 0, 2, 2]))]
        steps.append(session.step(np.array([24, 25, 26, 27]), np.array([1, 0, 3, 3])))
        steps.append(session.step(np.array([28, 29, 30, 31]), None))
        got.append([logits, *steps])
    for ours, theirs in zip(got[1], got[0], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-4, rtol=1e-3)


def test_parts_of_their_own(checkpoint: Path, tmp_path: Path) -> None:
    rows = exporting.export(
        checkpoint, tmp_path / "out", parts=["resampler", "vision"], precision="int8", check=False
    )
    assert [(row.part, row.dtype, row.error) for row in rows] == [
        ("vision", "int8", None), ("resampler", "int8", None)
    ]  # fmt: skip
    manifest = load_manifest(tmp_path / "out")
    assert set(manifest.parts) == {
        "vision", "vision.data", "resampler", "resampler.data", "tokenizer"
    }  # fmt: skip
    assert manifest.abilities == frozenset()
    engine = open_engine(tmp_path / "out", device="cpu")
    with pytest.raises(EngineError, match="cannot"):
        engine.answer([picture(0)], "Who?", context="")


# --- the command ---------------------------------------------------------------------------------


def run(*args: str | Path, limit: int | None = None) -> subprocess.CompletedProcess[str]:
    code = "from docharmony.cli import main; import sys; sys.exit(main())"
    if limit is not None:
        # As a full disk: writing beyond the limit fails.
        code = (
            "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
            f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}));" + code
        )
    command = [sys.executable, "-W", "ignore", "-c", code, "export", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=200)


def test_the_command(checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(checkpoint, out, "--parts", "memory,prompt", "--precision", "fp16", "-f", "json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [part["part"] for part in report["parts"]] == ["memory", "prompt"]
    assert all(0 < part["error"] <= part["tolerance"] for part in report["parts"])
    again = run(checkpoint, out)
    assert again.returncode == 4
    assert again.stderr.splitlines()[0].startswith("docharmony: cannot write the checkpoint")


def test_a_full_disk_leaves_nothing(checkpoint: Path, tmp_path: Path) -> None:
    done = run(
        checkpoint, tmp_path / "deep" / "out", "--parts", "unet", "--no-check", limit=100_000
    )
    assert done.returncode == 4, done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "deep").iterdir()) == []


def test_unknown_parts(checkpoint: Path, tmp_path: Path) -> None:
    done = run(checkpoint, tmp_path / "out", "--parts", "vision,brain")
    assert done.returncode == 2
    assert "no part is called 'brain'" in done.stderr
    assert "vae_decoder" in done.stderr
    with pytest.raises(UsageError, match="brain"):
        exporting.export(checkpoint, tmp_path / "out", parts=["brain"])
    assert list(tmp_path.iterdir()) == []


# --- bad input -----------------------------------------------------------------------------------


@pytest.fixture
def copy(checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoint, tmp_path / "copy"))


def test_a_shard_with_another_hash(copy: Path, tmp_path: Path) -> None:
    path = copy / "language-00.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointCorruptError, match="SHA-256"):
        exporting.export(copy, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_part_that_is_missing(copy: Path, tmp_path: Path) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    del manifest["parts"]["image-00"]
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointIncompatibleError, match=r"missing image\."):
        exporting.export(copy, tmp_path / "out")
    (copy / "vision-00.safetensors").unlink()
    with pytest.raises(CheckpointCorruptError, match="missing"):
        exporting.export(copy, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_no_checkpoint_in_safetensors(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointIncompatibleError, match="ONNX already"):
        exporting.export(exported, tmp_path / "out")
    with pytest.raises(CheckpointNotFoundError):
        exporting.export(tmp_path, tmp_path / "out")


def test_a_part_that_differs_is_not_written(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(parity.TOLERANCES, "memory", {"fp32": 1e-12})
    with pytest.raises(EngineError, match="'memory' does not do what torch does"):
        exporting.export(checkpoint, tmp_path / "out", parts=["memory"])
    assert list(tmp_path.iterdir()) == []


def test_damage_after_the_export(exported: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(exported, tmp_path / "copy"))
    path = folder / "resampler.onnx.data"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    engine = open_engine(folder, device="cpu")
    with pytest.raises(CheckpointCorruptError, match=r"resampler\.onnx\.data"):
        engine.answer([picture(0)], "Who?", context="")
    path.unlink()
    with pytest.raises(CheckpointCorruptError, match="missing"):
        open_engine(folder, device="cpu")


def test_a_device_that_is_not_there(exported: Path) -> None:
    engine_device = "cuda:7"
    with pytest.raises(EngineError, match="cuda:7"):
        open_engine(exported, device=engine_device).answer([picture(0)], "Who?", context="")


def picture(seed: int) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (40, 90, 3), np.uint8)
