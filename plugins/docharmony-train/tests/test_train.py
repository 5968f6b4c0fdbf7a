"""A leg of twenty steps on the CPU, what it writes, how the next one goes on, and the way back."""

from __future__ import annotations

import json
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.torch,
    # The export traces the image decoder the old way; torch says so in many places.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
]
torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from docharmony_train import config as configs  # noqa: E402
from docharmony_train import degrade  # noqa: E402
from docharmony_train.muon import orthogonal  # noqa: E402

from docharmony import ConfigError  # noqa: E402
from docharmony.engine.base import Task  # noqa: E402
from docharmony.errors import CheckpointIncompatibleError  # noqa: E402


@pytest.fixture(scope="module")
def leg(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Return the folder and the record of a first leg of 20 steps."""
    from docharmony_train.train import train

    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("run")
    return out, train(configs.load("toy", steps=20), assets, out, device="cpu")


@pytest.fixture(scope="module")
def exported(leg: tuple[Path, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the checkpoint of the first leg's run. Tracing takes a while: once is enough."""
    pytest.importorskip("docharmony_export")
    from docharmony_train.export import convert

    folder = tmp_path_factory.mktemp("export") / "toy"
    assert "MB" in convert(leg[0] / "weights", folder)
    return folder


def test_twenty_steps_write_weights_curves_config_and_record(
    leg: tuple[Path, dict[str, Any]],
) -> None:
    out, record = leg
    assert record["steps"] == 20
    assert record["start"] == "random weights"
    assert set(record["seen"]) == {"lines", "tiles", "crops"}
    assert 0 < record["waited"] < 1
    (line,) = (out / "record.jsonl").read_text().splitlines()
    assert json.loads(line) == record
    points = [json.loads(p) for p in (out / "points.jsonl").read_text().splitlines()]
    assert [p["step"] for p in points] == [5, 10, 15, 20]
    assert points[-1]["loss"] < points[0]["loss"]
    assert {"lm", "ctc", "kernel", "dice", "em", "erase", "erase_psnr"} <= set(points[0])
    from PIL import Image

    with Image.open(out / "curves.png") as picture:
        assert picture.size[0] > 800
        assert len(picture.getcolors(1 << 20)) > 5
    resolved = tomllib.loads((out / "config.toml").read_text())
    assert configs.from_mapping(resolved, where="config.toml") == configs.load("toy", steps=20)
    from docharmony.engine.modeling.nano import Nano

    model = Nano.from_pretrained(out / "weights")
    assert model.spec.vision.hidden == 32
    assert len(list(out.rglob("*.safetensors"))) == 4


def test_the_next_leg_goes_on_from_the_last(assets: Path, leg: tuple[Path, dict[str, Any]]) -> None:
    from docharmony_train.train import train

    out, first = leg
    second = train(configs.load("toy", steps=2), assets, out, device="cpu")
    assert second["leg"] == 2
    assert second["warm"] is True
    assert second["start"] == "the last leg"
    assert second["lm"] < 1.5 * first["lm"]
    points = [json.loads(p) for p in (out / "points.jsonl").read_text().splitlines()]
    assert points[-1]["step"] == 22
    assert len((out / "record.jsonl").read_text().splitlines()) == 2


def test_a_leg_without_workers_is_repeatable(assets: Path, tmp_path: Path) -> None:
    from docharmony_train.train import train

    config = configs.load("toy", steps=2)
    losses = [train(config, assets, tmp_path / name, device="cpu")["loss"] for name in "ab"]
    assert losses[0] == losses[1]


def test_a_leg_ends_before_its_time_is_up(
    assets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from docharmony_train import train as module

    monkeypatch.setattr(module, "SAVING", 1.0)
    toy = configs.load("toy")
    schedule = replace(toy.schedule, steps=0, seconds=60.0, leg_seconds=4.0)
    config = replace(toy, schedule=schedule, tasks=("read",))
    record = module.train(config, assets, tmp_path / "run", device="cpu")
    assert record["steps"] >= 1
    assert record["seconds"] < 4
    assert record["rate"] > 0  # 60 seconds are far from over
    assert set(record["seen"]) == {"lines"}


def test_a_leg_can_keep_the_lowest_layers_and_the_map(
    assets: Path, leg: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """As the shipped configuration ``scripts`` does, from weights, on a CPU."""
    from docharmony_train.train import train
    from safetensors.torch import load_file

    start = leg[0] / "weights"
    toy, scripts = configs.load("toy", steps=3), configs.load("scripts")
    config = replace(
        toy, start=str(start), tasks=scripts.tasks, loss=scripts.loss,
        optimizer=replace(scripts.optimizer, frozen_layers=1, keep_state=False, average=0.5),
        rendering=replace(toy.rendering, languages=scripts.rendering.languages),
    )  # fmt: skip
    record = train(config, assets, tmp_path, device="cpu")
    assert record["start"] == str(start)
    assert set(record["seen"]) == {"lines", "tiles"}
    assert record["kept"] >= 0
    resolved = tomllib.loads((tmp_path / "config.toml").read_text())
    assert configs.from_mapping(resolved, where="config.toml") == config
    for part, changed in (("vision/model", False), ("llm/model", True), ("heads", True)):
        old = load_file(start / f"{part}.safetensors")
        new = load_file(tmp_path / "weights" / f"{part}.safetensors")
        layers = [name for name in old if "vision" not in part or "transformer" in name]
        assert any((old[name] != new[name]).any() for name in layers) is changed


@pytest.mark.parametrize("gate", ["fixed", "learned", "shared", ""])
def test_two_stages_train_all_tasks_with_each_gate(
    assets: Path, leg: tuple[Path, dict[str, Any]], tmp_path: Path, gate: str
) -> None:
    """The shipped stages at toy size: what they freeze stays, experts are kept, reading is exported."""
    from docharmony_train import weights
    from docharmony_train.train import train
    from safetensors.torch import load_file, save_file

    toy = configs.load("toy", steps=2)
    toy = replace(toy, start=str(leg[0] / "weights"))
    first = configs.load("stage1")
    before = weights.load(toy.start, toy.unet)
    if gate == "fixed":  # once is enough
        options = replace(toy.optimizer, frozen_layers=1, frozen_language=True)
        record = train(
            replace(toy, name="stage1", tasks=first.tasks, optimizer=options),
            assets, tmp_path, device="cpu",
        )  # fmt: skip
        assert set(record["seen"]) == {"crops", "rewrites", "talks"}
        after = weights.load(tmp_path / "weights", toy.unet)
        for name, value in before.llm.state_dict().items():
            assert torch.allclose(value, after.llm.state_dict()[name], atol=1e-3), name
        assert not torch.equal(before.heads.proj[1].weight, after.heads.proj[1].weight)

    name = {"fixed": "stage2", "": "stage2-full"}.get(gate, f"stage2-{gate}")
    second = configs.load(name)
    assert second.slide.gate == gate
    config = replace(toy, name=name, tasks=second.tasks, slide=replace(second.slide, rank=2))
    record = train(config, assets, tmp_path, device="cpu")
    assert record["warm"] is False
    assert {"lm", "ctc", "kernel", "erase", "write", "talk", "write_psnr"} <= set(record) | {
        key
        for line in (tmp_path / "points.jsonl").read_text().splitlines()
        for key in json.loads(line)
    }
    file = tmp_path / "weights" / weights.EXPERTS
    assert file.is_file() is bool(gate)
    if not gate:
        return
    experts = load_file(file)
    assert any(value.abs().max() > 0 for key, value in experts.items() if key.endswith("lora_B"))
    assert train(config, assets, tmp_path, device="cpu")["warm"] is True
    if gate == "learned":
        with pytest.raises(CheckpointIncompatibleError):
            weights.merge_experts(tmp_path / "weights", tmp_path / "merged")
        return
    strong = {key: 50 * value if "lora_B" in key else value for key, value in experts.items()}
    save_file(strong, file, metadata={"gate": gate})  # after two steps they hardly say anything
    weights.merge_experts(tmp_path / "weights", tmp_path / "merged")
    merged = weights.load(tmp_path / "merged", toy.unet)
    model = weights.load(tmp_path / "weights", toy.unet)
    slide = weights.add_experts(model, config, tmp_path)
    assert slide is not None
    ids = torch.arange(97, 109)[None]
    with torch.no_grad(), slide.use(weights.rows(gate, Task.READ)):
        wanted = model.words(ids, torch.ones_like(ids, dtype=torch.bool))[0]
    with torch.no_grad():
        found = merged.words(ids, torch.ones_like(ids, dtype=torch.bool))[0]
    with torch.no_grad(), slide.disabled():
        without = model.words(ids, torch.ones_like(ids, dtype=torch.bool))[0]
    assert (wanted - found).abs().max() < 0.05 * (wanted - without).abs().max()


def test_answers_are_learned_after_their_question_alone(
    leg: tuple[Path, dict[str, Any]],
) -> None:
    """What follows an answer in the batch, and the question itself, do not count."""
    from docharmony_train import losses, weights

    model = weights.load(leg[0] / "weights", configs.load("toy").unet)
    pixels = torch.zeros(2, 3, 64, 64)
    ids = torch.tensor([[*b"where?left", 0, 0], [*b"yes", *[0] * 9]])
    starts, lengths = torch.tensor([6, 0]), torch.tensor([10, 3])
    with torch.no_grad():
        whole = losses.talking(model, pixels, ids, starts, lengths)["talk"]
        parts = [
            losses.talking(model, pixels[:1], row[None, :n], start[None], n[None])["talk"]
            for row, start, n in zip(ids, starts, lengths, strict=True)
        ]
    assert torch.allclose(whole, (5 * parts[0] + 4 * parts[1]) / 9, atol=1e-5)


def test_the_command_trains_a_leg(assets: Path, tmp_path: Path) -> None:
    """The command line has an option --config of its own, which once hid this command's."""
    from docharmony.cli.app import run

    arguments = ["train", "run", "toy", "--assets", str(assets), "--out", str(tmp_path)]
    assert run([*arguments, "--steps", "1", "--device", "cpu"]) == 0
    assert (tmp_path / "record.jsonl").is_file()


def test_the_weights_of_a_leg_become_a_checkpoint_that_runs(
    leg: tuple[Path, dict[str, Any]], exported: Path, assets: Path, tmp_path: Path
) -> None:
    from docharmony_train.evaluate import Sizes, compare

    manifest = json.loads((exported / "manifest.json").read_text())
    assert manifest["training"]["legs"][0] == leg[1]
    report = tmp_path / "report.json"
    table = compare([exported], assets, Sizes(4, 1, 2), report=report)
    rows = json.loads(report.read_text())
    untrained = rows[str(exported)]
    assert untrained["fonts, clean: CER"] > 0.5
    assert 0 <= untrained["pages, clean: box F1"] < 1
    assert untrained["erase: PSNR"] > 0
    assert 15 < rows["OpenCV NS"]["erase: PSNR"] < 50
    assert "| erase: PSNR |" in table


def test_only_a_better_candidate_replaces_a_checkpoint(
    leg: tuple[Path, dict[str, Any]],
    exported: Path,
    assets: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from docharmony_train import export
    from docharmony_train.evaluate import Sizes

    def convert(weights: Path, out: Path) -> str:  # the export of these weights is at hand
        shutil.copytree(exported, out, dirs_exist_ok=True)
        return ""

    monkeypatch.setattr(export, "convert", convert)
    weights, checkpoint = leg[0] / "weights", tmp_path / "bundled"
    shutil.copytree(exported, checkpoint)
    before = {p.name: p.read_bytes() for p in checkpoint.iterdir()}
    verdict = export.replace_if_better(weights, checkpoint, assets, Sizes(2, 0, 1))
    assert not verdict.better
    assert "kept the old one" in verdict.reason
    assert {p.name: p.read_bytes() for p in checkpoint.iterdir()} == before
    assert [p.name for p in tmp_path.iterdir()] == ["bundled"]

    # The same candidate goes in where it measures better than what is there.
    def measured(candidates: list[Path], *_: object) -> dict[str, dict[str, float]]:
        return {str(c): {"erase: PSNR": 20.0 if c == checkpoint else 21.0} for c in candidates}

    monkeypatch.setattr(export, "measure_all", measured)
    (checkpoint / "vision.onnx").write_bytes(b"old")
    assert export.replace_if_better(weights, checkpoint, assets, Sizes(1, 0, 1)).better
    assert (checkpoint / "vision.onnx").read_bytes() == before["vision.onnx"]


def test_a_checkpoint_is_turned_back_into_weights(
    leg: tuple[Path, dict[str, Any]], exported: Path
) -> None:
    from docharmony_train.weights import load

    from docharmony.engine.modeling.nano import UNET, Nano
    from docharmony.errors import CheckpointIncompatibleError

    trained = Nano.from_pretrained(leg[0] / "weights").state_dict()
    back = load(exported, {**UNET, **configs.load("toy").unet}).state_dict()
    assert back.keys() == trained.keys()
    for name, value in trained.items():
        found = back[name]
        if name == "task":
            value, found = value[:1], found[:1]  # the checkpoint only erases
        if name == "image_decoder.conv_in.weight":
            value, found = value[:, 12:], found[:, 12:]  # it starts from no image
        assert (value - found).abs().max() <= 0.005 * value.abs().max() + 1e-4, name

    with pytest.raises(CheckpointIncompatibleError):
        load(exported)  # its image decoder has other sizes than nano's


def test_judge_needs_a_gain_and_no_loss() -> None:
    from docharmony_train.export import judge

    old = {"fonts, clean: CER": 0.05, "erase: PSNR": 30.0}
    assert judge(old, {"fonts, clean: CER": 0.04, "erase: PSNR": 30.0})[0]
    assert not judge(old, {"fonts, clean: CER": 0.0495, "erase: PSNR": 30.1})[0]
    assert not judge(old, {"fonts, clean: CER": 0.01, "erase: PSNR": 29.0})[0]


def test_degradations_keep_lines_in_range_and_readable_in_size() -> None:
    random = degrade.Random(0)
    ink = torch.zeros(6, 72, 256, dtype=torch.uint8)
    ink[:, 25:46, 20:200] = 255
    pixels = degrade.lines(ink, torch.full((6,), 230), random)
    assert pixels.shape[:3] == (6, 3, 48)
    assert pixels.shape[3] % 16 == 0
    assert pixels.min() >= -1
    assert pixels.max() <= 1
    # Ink and paper differ in every line.
    assert (pixels.flatten(1).std(1) > 0.02).all()


def test_jpeg_changes_little_when_fine_and_much_when_coarse() -> None:
    image = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    fine, coarse = (
        (degrade.jpeg(image, torch.full((2,), q)) - image).abs().mean() for q in (0.01, 6.0)
    )
    assert fine < 0.01 < coarse


def test_clean_and_dirty_are_spoiled_alike() -> None:
    clean = torch.full((4, 3, 32, 32), 0.8)
    dirty = clean.clone()
    dirty[:, :, 8:16, 8:16] = 0
    a, b = degrade.photometric([clean, dirty], degrade.Random(5))
    far = (a - b).abs()[:, :, 24:, 24:].amax()
    assert far < 0.05
    assert (a - b).abs()[:, :, 10:14, 10:14].mean() > 0.2


def test_orthogonal_moves_singular_values_near_one() -> None:
    stack = torch.randn(3, 16, 40, generator=torch.Generator().manual_seed(1))
    for shaped in (stack, stack.mT):
        values = torch.linalg.svdvals(orthogonal(shaped).float())
        assert values.min() > 0.4
        assert values.max() < 1.4


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"shcedule": {}}, "unknown key"),
        ({"schedule": {"step": 3}}, "unknown key"),
        ({"schedule": {"steps": 3}, "tasks": ["wright"]}, "tasks"),
        ({}, "above 0"),
        ({"schedule": {"steps": 3}, "rendering": {"workers": 2}}, "workers"),
    ],
)
def test_a_wrong_configuration_stops_the_run(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        configs.from_mapping({"name": "x", **data}, where="test")
