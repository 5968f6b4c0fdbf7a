"""The published table, variants and defects of checkpoints, conversion and loading."""

from __future__ import annotations

import csv
import itertools
import json
import logging
import lzma
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from docharmony.engine.base import Task  # noqa: E402
from docharmony.engine.modeling.loading import convert, load  # noqa: E402
from docharmony.engine.modeling.published import (  # noqa: E402
    Published,
    make_plan,
    published_table,
)
from docharmony.engine.presets import FULL, PRESETS, TINY, PublishedSpec  # noqa: E402
from docharmony.errors import (  # noqa: E402
    CheckpointCorruptError,
    CheckpointIncompatibleError,
    CheckpointNotFoundError,
    EngineError,
    OutputError,
)

pytestmark = pytest.mark.torch

GOLDEN = Path(__file__).parents[2] / "golden" / "textharmony"
TRUNK = "visual_tokenizer.encoder.base_model.model.vision_model."
POSITIONS = TRUNK + "embeddings.position_embedding.weight"
QUERIES = "visual_tokenizer.perceiver_resampler.queries"


def thin(spec: PublishedSpec) -> PublishedSpec:
    """A spec with every layer of ``full``, hence every key, and tiny shapes."""
    t, d, p = spec.trunk, spec.decoder, spec.painter
    return replace(
        spec,
        trunk=replace(t, image_size=56, hidden=8, intermediate=12, heads=2, lora_rank=2, lora_alpha=2,
                      stem=4, deform_heads=2, deform_points=2, deform_values=4,
                      adapter_intermediate=4),
        resampler=replace(spec.resampler, queries=3, hidden=24, intermediate=16, encoder_hidden=8),
        pos_grid=2,
        decoder=replace(d, vocabulary=42, hidden=80, intermediate=24, context=64, pad=39,
                        image_start=40, image_slot=41, mmfs=replace(d.mmfs, heads=2, values=8)),
        slide_lora=replace(spec.slide_lora, rank=2),
        image_resampler=replace(spec.image_resampler, queries=3, hidden=16, intermediate=12, heads=2,
                                encoder_hidden=80),
        painter=replace(p, latent=8, channels=(4, 8, 16, 16), heads=(1, 1, 2, 2), cross_hidden=16,
                        groups=4, vae_channels=(4, 8, 16, 16), vae_groups=4, pos_grid=4,
                        mmfs=replace(p.mmfs, heads=2, values=8, base=8, sides=(8, 4, 2, 1))),
    )  # fmt: skip


THIN = thin(FULL)


@pytest.fixture(scope="module")
def state() -> dict[str, Any]:
    """A published checkpoint of tiny shapes with all 3,123 keys."""
    torch.manual_seed(0)
    return {
        name: torch.arange(entry.shape[1])[None]
        if entry.dtype == torch.int64
        else torch.randn(entry.shape) * 0.1
        for name, entry in published_table(THIN).items()
    }


@pytest.fixture
def save(tmp_path: Path) -> Callable[[dict[str, Any]], Path]:
    def write(state: Any) -> Path:
        torch.save(state, tmp_path / "pytorch_model.bin")
        return tmp_path / "pytorch_model.bin"

    return write


def pieces(path: Path, cuts: list[float]) -> list[Path]:
    """Cut a file as the published one is; the borders run through tensors."""
    data = path.read_bytes()
    borders = [0, *(int(cut * len(data)) for cut in cuts), len(data)]
    found = []
    for i, (start, end) in enumerate(itertools.pairwise(borders)):
        found.append(path.with_suffix(f".bina{chr(ord('a') + i)}"))
        found[-1].write_bytes(data[start:end])
    path.unlink()
    return found


# --- the table -----------------------------------------------------------------------------------


def test_full_has_every_published_key_and_shape() -> None:
    text = lzma.decompress((GOLDEN / "keys_full.csv.xz").read_bytes()).decode()
    wanted = {row["key"]: (row["shape"], row["dtype"]) for row in csv.DictReader(text.splitlines())}
    table = published_table(FULL)
    ours = {
        name: ("x".join(map(str, e.shape)), str(e.dtype).removeprefix("torch."))
        for name, e in table.items()
    }
    assert len(ours) == 3123
    assert ours == wanted
    assert sum(torch.Size(e.shape).numel() for e in table.values()) == 15_079_150_880


def test_thin_has_the_same_keys() -> None:
    assert published_table(THIN).keys() == published_table(FULL).keys()


@pytest.mark.parametrize("name", ["full", "tiny"])
def test_specs_survive_json(name: str) -> None:
    spec = PRESETS[name]
    data = json.loads(json.dumps(spec.to_dict()))
    assert PublishedSpec.from_dict(data) == spec
    with pytest.raises(ValueError, match=r"spec\.trunk has unknown colour"):
        PublishedSpec.from_dict({**data, "trunk": {**data["trunk"], "colour": 1}})
    with pytest.raises(ValueError, match=r"spec\.pos_grid is not of type int"):
        PublishedSpec.from_dict({**data, "pos_grid": "16"})
    del data["painter"]
    with pytest.raises(ValueError, match="spec lacks painter"):
        PublishedSpec.from_dict(data)


# --- conversion and loading ----------------------------------------------------------------------


@pytest.mark.parametrize("cuts", [[], [0.4, 0.8], [0.1, 0.1, 0.999]])
def test_convert_and_load(state: Any, save: Any, tmp_path: Path, cuts: list[float]) -> None:
    folder = convert(pieces(save(state), cuts), tmp_path / "out", THIN, shard_bytes=400_000)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["spec"]["anatomy"] == "published"
    assert {key.split("-")[0] for key in manifest["parts"]} == {"vision", "language", "image"}
    assert len(manifest["parts"]) > 3
    for part in manifest["parts"].values():
        length = int.from_bytes((folder / part["file"]).read_bytes()[:8], "little")
        assert part["bytes"] - 8 - length <= 400_000
    assert {p.name for p in folder.iterdir()} == {
        "manifest.json", *(part["file"] for part in manifest["parts"].values())
    }  # fmt: skip
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []
    loaded = load(folder).state_dict()
    for name, entry in published_table(THIN).items():
        if entry.own is not None:
            assert torch.equal(loaded[entry.own], state[name].to(torch.bfloat16)), name
    assert len(loaded) == 3122


@torch.no_grad()
def test_a_loaded_model_runs(state: Any, save: Any, tmp_path: Path) -> None:
    """Nothing is left on ``meta``, and merging the trunk's LoRA changes nothing."""
    path = save(state)
    seen = []
    for merge in (False, True):
        folder = convert(
            [path], tmp_path / f"out{merge}", THIN, dtype=torch.float32, merge_lora=merge
        )
        model = load(folder)
        assert model.spec.trunk.lora_rank == (0 if merge else 2)
        assert not any(t.is_meta for t in [*model.parameters(), *model.buffers()])
        torch.manual_seed(1)
        seen.append(model.vision(torch.rand(1, 3, 56, 56)))
        ids = torch.tensor([[1, 40, 41, 41, 41, 5]])
        memory = model.language.remember(ids, seen[-1].maps, [1])
        with model.language.lora.use([Task.READ]):
            hidden = model.language(model.language.embed(ids, seen[-1].tokens), memory)
        assert model.language.logits(hidden).isfinite().all()
    torch.testing.assert_close(seen[0].tokens, seen[1].tokens, atol=1e-5, rtol=1e-4)
    for a, b in zip(seen[0].maps, seen[1].maps, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_of_a_conversion(tmp_path: Path) -> None:
    """The peak stays below 1.3 times the largest shard, far below the file."""
    wide = replace(
        THIN, decoder=replace(THIN.decoder, hidden=320, intermediate=512),
        image_resampler=replace(THIN.image_resampler, encoder_hidden=320),
    )  # fmt: skip
    state = {
        name: torch.zeros(entry.shape, dtype=entry.dtype) + i % 7
        for i, (name, entry) in enumerate(published_table(wide).items())
    }
    torch.save(state, tmp_path / "model.bin")
    del state
    files = pieces(tmp_path / "model.bin", [0.35, 0.7])
    total = sum(file.stat().st_size for file in files)
    code = """
import json, sys
from pathlib import Path
from docharmony.engine.modeling.loading import convert
from docharmony.engine.modeling.published import published_table
from docharmony.engine.presets import PublishedSpec
import torch
torch.set_num_threads(1)
*files, folder, spec = sys.argv[1:]
spec = PublishedSpec.from_dict(json.loads(spec))
published_table(spec)

def memory(line):
    status = Path("/proc/self/status").read_text()
    return int(status.split(line + ":")[1].split()[0]) * 1024

# ru_maxrss will not do: it begins with what the parent process had.
Path("/proc/self/clear_refs").write_text("5")
before = memory("VmRSS")
convert(files, folder, spec, shard_bytes=16 << 20)
print(memory("VmHWM") - before)
"""
    folder = tmp_path / "out"
    arguments = [*map(str, files), str(folder), json.dumps(wide.to_dict())]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True,
        cwd=Path(__file__).parents[3], env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    largest = max(file.stat().st_size for file in folder.glob("*.safetensors"))
    assert total > 8 * largest  # the limit means something
    assert 0 < int(done.stdout) < 1.3 * largest


def test_an_existing_folder_is_left_alone(state: Any, save: Any, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(OutputError, match="exists"):
        convert([save(state)], tmp_path / "out", THIN)


# --- variants ------------------------------------------------------------------------------------


def plan_of(path: Path, **options: Any) -> Any:
    return make_plan(Published([path]), THIN, **options)


def test_keys_without_the_wrapper_and_without_lora(state: Any, save: Any) -> None:
    bare = {
        k.replace(TRUNK, "visual_tokenizer.encoder.vision_model."): v
        for k, v in state.items()
        if not (k.startswith(TRUNK) and ".lora_" in k) and not k.endswith("position_ids")
    }
    plan = plan_of(save(bare))
    assert plan.spec.trunk.lora_rank == 0
    assert len(plan.steps) == 3122 - 144
    assert plan.notes == ("the trunk's LoRA is absent, taken as merged",)


def test_half_a_lora_is_an_error(state: Any, save: Any) -> None:
    gone = TRUNK + "encoder.layers.7.self_attn.q_proj.lora_B.default.weight"
    with pytest.raises(CheckpointIncompatibleError, match=re.escape(f"missing {gone}")):
        plan_of(save({k: v for k, v in state.items() if k != gone}))


def test_other_sizes_of_positions_and_queries(state: Any, save: Any) -> None:
    small = {**state, POSITIONS: torch.randn(10, 8), QUERIES: torch.randn(1, 5, 24)}
    checkpoint = Published([save(small)])
    plan = make_plan(checkpoint, THIN)
    assert len(plan.notes) == 2
    made = {step.own: step.run(checkpoint) for step in plan.steps if step.make is not None}
    table = made["vision.encoder.embeddings.position_embedding.weight"]
    assert table.shape == (17, 8)
    # Corners are aligned: the corners of both grids are the same.
    assert torch.equal(table[0], small[POSITIONS][0])
    torch.testing.assert_close(table[[1, 4, 13, 16]], small[POSITIONS][[1, 3, 7, 9]])
    queries = made["vision.perceiver_resampler.queries"]
    assert queries.shape == (1, 3, 24)
    torch.testing.assert_close(queries[:, 1], small[QUERIES][:, 2])  # the middle stays


def test_a_router_is_ignored_and_reported(
    state: Any, save: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    router = "mm_decoder.layers.0.self_attn.q_proj.w_gating"
    with caplog.at_level(logging.WARNING):
        folder = convert([save({**state, router: torch.zeros(80, 3)})], tmp_path / "out", THIN)
    assert router in caplog.text
    manifest = json.loads((folder / "manifest.json").read_text())
    assert any(router in note for note in manifest["training"]["notes"])


# --- defects -------------------------------------------------------------------------------------


def test_missing_unknown_and_misshapen_keys_are_named(
    state: Any, save: Any, tmp_path: Path
) -> None:
    broken = {**state, "text_decoder.head.bias": torch.zeros(7), "mm_decoder.extra": torch.zeros(1)}
    del broken["context_feat_proj.bias"]
    with pytest.raises(CheckpointIncompatibleError) as caught:
        convert([save(broken)], tmp_path / "out", THIN)
    message = str(caught.value)
    assert "missing context_feat_proj.bias" in message
    assert "unknown mm_decoder.extra" in message
    assert "text_decoder.head.bias is 7 instead of 42" in message
    assert not (tmp_path / "out").exists()


def test_another_spec_is_an_error_of_bounded_length(state: Any, save: Any) -> None:
    with pytest.raises(CheckpointIncompatibleError, match=r"and \d+ more") as caught:
        make_plan(Published([save(state)]), TINY)
    assert len(str(caught.value)) < 2500


@pytest.mark.parametrize("defect", ["lost", "swapped", "short", "text"])
def test_damaged_pieces(state: Any, save: Any, tmp_path: Path, defect: str) -> None:
    files = pieces(save(state), [0.4, 0.8])
    if defect == "lost":
        files = files[:2]
    elif defect == "swapped":
        files = [files[1], files[0], files[2]]
    elif defect == "short":
        files[1].write_bytes(files[1].read_bytes()[:-1000])
    else:
        files = [tmp_path / "x.bin"]
        files[0].write_text("no zip")
    with pytest.raises(CheckpointCorruptError, match="damaged"):
        convert(files, tmp_path / "out", THIN)
    assert not (tmp_path / "out").exists()


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFoundError):
        Published([tmp_path / "none.bin"])


class Malicious:
    def __reduce__(self) -> Any:
        return (os.system, ("exit 1",))


@pytest.mark.parametrize("content", [Malicious(), {"a": Malicious()}, [1, 2], {"a": 1}])
def test_only_tensors_by_name_are_accepted(save: Any, content: Any) -> None:
    with pytest.raises(CheckpointIncompatibleError, match="more than tensors"):
        Published([save(content)])


@pytest.fixture(scope="module")
def original(state: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    torch.save(state, folder / "model.bin")
    return convert([folder / "model.bin"], folder / "out", THIN)


@pytest.fixture
def converted(original: Path, tmp_path: Path) -> Path:
    """A converted checkpoint to be damaged."""
    return Path(shutil.copytree(original, tmp_path / "copy"))


def edit(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    data = json.loads((folder / "manifest.json").read_text())
    change(data)
    (folder / "manifest.json").write_text(json.dumps(data))


def test_an_altered_shard(converted: Path) -> None:
    shard = converted / "language-00.safetensors"
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(data)
    with pytest.raises(CheckpointCorruptError, match="SHA-256"):
        load(converted)
    shard.write_bytes(data[:-10])
    with pytest.raises(CheckpointCorruptError, match="bytes instead of"):
        load(converted)
    shard.unlink()
    with pytest.raises(CheckpointCorruptError, match="missing"):
        load(converted)


def test_a_missing_part(converted: Path) -> None:
    edit(converted, lambda data: data["parts"].pop("image-00"))
    with pytest.raises(CheckpointIncompatibleError, match=r"missing image\."):
        load(converted)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(schema=99), "schema 1"),
        (lambda d: d["spec"].update(anatomy="other"), "anatomy"),
        (lambda d: d["spec"]["trunk"].pop("patch"), "lacks patch"),
        (lambda d: d["spec"]["decoder"].update(layers=41), "missing language.layers.40"),
    ],
)
def test_manifests_that_do_not_fit(converted: Path, change: Any, said: str) -> None:
    edit(converted, change)
    with pytest.raises(CheckpointIncompatibleError, match=re.escape(said)):
        load(converted)


def test_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFoundError):
        load(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(CheckpointCorruptError):
        load(tmp_path)


def test_a_device_that_is_not_there(converted: Path) -> None:
    with pytest.raises(EngineError, match="not there"):
        load(converted, device="cuda:99")
