"""An exported checkpoint of the published anatomy on the base install, against what torch made of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docharmony.checkpoint import load_manifest
from docharmony.cli import main
from docharmony.config import EngineConfig
from docharmony.engine import graphs
from docharmony.engine.base import Engine
from docharmony.engine.decoding import Decoding
from docharmony.engine.devices import cuda_devices
from docharmony.engine.onnx_parts import OnnxParts
from docharmony.engine.onnx_published import OnnxPublishedParts, visibility
from docharmony.engine.opening import open_engine
from docharmony.errors import CheckpointCorruptError, CheckpointIncompatibleError, EngineError

ARCHIVE = Path(__file__).parents[1] / "resources/engine/published.tar.xz"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("published")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(out, filter="data")
    return out


@pytest.fixture(scope="module")
def engine(folder: Path) -> Any:
    return open_engine(folder, device="cpu", config=EngineConfig(steps=2))


def picture(seed: int) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (40, 90, 3), np.uint8)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("greedy", {"length": 8}),
        ("beams", {"length": 8, "beams": 3, "penalty": 1.3}),
        ("drawn", {"length": 8, "beams": 3, "sample": True, "penalty": 1.3}),
    ],
)
def test_it_answers_as_torch_does(
    folder: Path, engine: Any, name: str, options: dict[str, Any]
) -> None:
    expected = json.loads((folder / "expected.json").read_text())[name]
    engine.decoding = Decoding(**options)
    found = engine.answer([picture(0), picture(1)], "Who wrote this?", context="")
    assert [reading.text for reading in found] == [text for text, _ in expected]
    assert [r.confidence for r in found] == pytest.approx([c for _, c in expected], rel=1e-3)


def test_it_looks_at_another_size_as_torch_does(folder: Path) -> None:
    expected = json.loads((folder / "expected.json").read_text())
    engine: Any = open_engine(folder, device="cpu", config=EngineConfig(image_size=84, length=8))
    found = engine.answer([picture(0), picture(1)], "Who wrote this?", context="")
    assert [reading.text for reading in found] == [text for text, _ in expected["another size"]]
    assert [text for text, _ in expected["another size"]] != [t for t, _ in expected["greedy"]]


def test_it_paints_as_torch_does(folder: Path, engine: Any) -> None:
    mask = np.zeros((40, 90), bool)
    mask[10:30, 20:60] = True
    painted = engine.paint([picture(0), picture(1)], [mask, mask], [None, "WORD"], seed=5)
    expected = np.load(folder / "painted.npy")
    # Rounding to a byte may fall to either side.
    assert np.abs(np.stack(painted).astype(int) - expected).max() <= 2


def test_it_does_what_engines_do(engine: Any) -> None:
    as_seen: Engine = engine
    engine.decoding = Decoding(length=4)
    assert len(as_seen.read([picture(0)])) == 1
    assert isinstance(as_seen.locate([picture(0)])[0], list)
    drawn = as_seen.generate("A dog.", size=(30, 20), seed=1)
    assert drawn.shape == (20, 30, 3)
    assert np.array_equal(drawn, as_seen.generate("A dog.", size=(30, 20), seed=1))
    assert not np.array_equal(drawn, as_seen.generate("A dog.", size=(30, 20), seed=2))


def test_answers_do_not_depend_on_the_batch(engine: Any) -> None:
    engine.decoding = Decoding(length=6, beams=2)
    images = [picture(seed) for seed in range(3)]
    together = engine.answer(images, "What?", context="")
    alone = [engine.answer([image], "What?", context="")[0] for image in images]
    assert [r.text for r in together] == [r.text for r in alone]


def test_keys_and_values_stay_on_the_device(engine: Any) -> None:
    parts = engine.parts
    sight = parts.see(np.zeros((1, 56, 56, 3), np.uint8))
    d = engine.spec.decoder
    slots = [d.image_slot] * engine.spec.resampler.queries
    ids = np.array([[d.begin, d.image_start, *slots, 5]])
    gates = np.array([[0.0, 0.5, 0.5]], np.float32)
    _, session = parts.start(sight, ids, None, gates, 2)
    session.step(np.array([6, 7]), np.array([0, 0]))
    values = [*session._cache.values(), *session._values.values(), *sight.maps.values()]
    assert not any(isinstance(value, np.ndarray) for value in values)
    assert session._cache["key_0"].shape() == [2, d.heads, ids.shape[1] + 1, d.hidden // d.heads]


def test_who_sees_which_image(engine: Any) -> None:
    d = engine.spec.decoder
    ids = np.array(
        [[d.begin, d.image_start, d.image_slot, 5, d.begin, 6], [d.pad, d.begin, 5, 6, 7, 8]]
    )
    assert visibility(ids, d)[..., 0].tolist() == [[0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0]]


def test_the_command_line_needs_no_torch(folder: Path, tmp_path: Path) -> None:
    from PIL import Image

    page = tmp_path / "page.png"
    Image.fromarray(picture(0)).resize((300, 200)).save(page)
    code = (
        "import sys\nsys.modules['torch'] = None\nfrom docharmony.cli import main\n"
        f"sys.exit(main(['ocr', {str(page)!r}, '-f', 'json', '--checkpoint', {str(folder)!r}, "
        "'--set', 'engine.length=4']))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["failures"] == []


# --- bad input -----------------------------------------------------------------------------------


def test_a_checkpoint_of_the_other_anatomy(folder: Path) -> None:
    with pytest.raises(CheckpointIncompatibleError, match="another anatomy"):
        OnnxParts(load_manifest(folder), device="cpu")
    nano = Path(__file__).parents[2] / "docharmony/checkpoints/nano"
    with pytest.raises(CheckpointIncompatibleError, match="another anatomy"):
        OnnxPublishedParts(load_manifest(nano), device="cpu")


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


@pytest.mark.parametrize("name", ["memory.onnx", "memory.onnx.data"])
def test_a_file_that_was_altered(copy: Path, name: str) -> None:
    path = copy / name
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    engine = open_engine(copy, device="cpu")
    with pytest.raises(CheckpointCorruptError, match=name):
        engine.answer([picture(0)], "Who?", context="")


def test_a_part_that_is_not_in_the_manifest(copy: Path, capsys: Any) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    del manifest["parts"]["resampler"]
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointIncompatibleError, match="no part 'resampler'"):
        open_engine(copy, device="cpu").answer([picture(0)], "Who?", context="")


def test_a_graph_that_is_none(copy: Path) -> None:
    from docharmony.checkpoint import write_manifest

    manifest = load_manifest(copy)
    (copy / "vision.onnx").write_bytes(b"no graph")
    parts = {n: (p.path.name, p.format, p.dtype) for n, p in manifest.parts.items()}
    write_manifest(
        copy, name="x", licence="x", spec=manifest.spec, abilities=manifest.abilities, parts=parts,
        training={},
    )  # fmt: skip
    with pytest.raises(CheckpointCorruptError, match="cannot load part 'vision'"):
        open_engine(copy, device="cpu").answer([picture(0)], "Who?", context="")


@pytest.mark.parametrize(
    ("device", "there", "said"),
    [
        ("cuda:99", 0, "not there.*cuda:99.*sees 0 devices"),
        ("cuda:99", 8, "not there.*cuda:99.*sees 8 devices"),
        ("tpu", 8, "unknown device"),
    ],
)
def test_a_device_that_is_not_there(
    folder: Path, device: str, there: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphs, "cuda_devices", lambda: there)
    with pytest.raises(EngineError, match=said):
        open_engine(folder, device=device)


@pytest.mark.skipif(cuda_devices() > 0, reason="there is a GPU")
def test_a_gpu_without_its_libraries(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    """A driver alone is not enough: no silent run on the CPU, nothing on standard output."""
    monkeypatch.setattr(graphs, "cuda_devices", lambda: 1)
    with pytest.raises(EngineError, match="GPU cannot be used"):
        open_engine(folder, device="cuda").answer([picture(0)], "Who?", context="")
    assert capfd.readouterr().out == ""


def test_a_missing_file(copy: Path, capsys: Any) -> None:
    (copy / "unet.onnx.data").unlink()
    page = copy / "page.png"
    from PIL import Image

    Image.fromarray(picture(0)).save(page)
    assert main(["ocr", str(page), "--checkpoint", str(copy)]) == 6
    assert "unet.onnx.data): the file is missing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("key", "size", "tells"),
    [
        ("hidden", 128, "instead of ?x6x128"),
        ("layers", 8, "missing past_key_6"),
        ("vocabulary", 500, "422 instead of ?x500"),
    ],
)
def test_graphs_of_other_sizes_than_the_spec_are_refused(
    copy: Path, key: str, size: int, tells: str
) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["spec"]["decoder"][key] = size
    (copy / "manifest.json").write_text(json.dumps(manifest))
    other = open_engine(copy, device="cpu", config=EngineConfig(length=2))
    with pytest.raises(CheckpointIncompatibleError) as caught:
        other.answer([picture(0)], "Who?", context="")
    assert tells in str(caught.value.why)
