"""What needs a CUDA device: ``pytest -m gpu tests export`` on a machine that has one.

The exported checkpoint of the tests must say on the GPU what torch said on a CPU; the torch model runs in
bfloat16, with a static cache and compiled. Speed and memory: tests/bench/engine.py.
"""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docharmony.config import EngineConfig
from docharmony.engine.decoding import Decoding
from docharmony.engine.devices import cuda_devices
from docharmony.engine.opening import open_engine
from docharmony.errors import EngineError

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.timeout(600),
    pytest.mark.skipif(cuda_devices() == 0, reason="no CUDA device"),
]
ARCHIVE = Path(__file__).parents[1] / "resources/engine/published.tar.xz"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("published")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(out, filter="data")
    return out


def picture(seed: int) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (40, 90, 3), np.uint8)


@pytest.mark.parametrize(
    ("name", "options"),
    [("greedy", {"length": 8}), ("beams", {"length": 8, "beams": 3, "penalty": 1.3})],
)
def test_onnxruntime_answers_as_torch_on_a_cpu(
    folder: Path, name: str, options: dict[str, Any]
) -> None:
    engine: Any = open_engine(folder, device="cuda")
    engine.decoding = Decoding(**options)
    expected = json.loads((folder / "expected.json").read_text())[name]
    found = engine.answer([picture(0), picture(1)], "Who wrote this?", context="")
    assert [reading.text for reading in found] == [text for text, _ in expected]
    assert engine.parts.device == "cuda"


def test_onnxruntime_paints_as_torch_on_a_cpu(folder: Path) -> None:
    engine: Any = open_engine(folder, device="cuda", config=EngineConfig(steps=2))
    mask = np.zeros((40, 90), bool)
    mask[10:30, 20:60] = True
    painted = engine.paint([picture(0), picture(1)], [mask, mask], [None, "WORD"], seed=5)
    expected = np.load(folder / "painted.npy").astype(int)
    assert np.abs(np.stack(painted).astype(int) - expected).mean() < 1


def test_keys_and_values_stay_on_the_gpu(folder: Path) -> None:
    engine: Any = open_engine(folder, device="cuda", config=EngineConfig(length=2))
    engine.answer([picture(0)], "Who?", context="")
    sight = engine._see([picture(0)])
    assert {value.device_name() for value in (sight.tokens, *sight.maps.values())} == {"cuda"}


def test_nano_reads_the_same() -> None:
    from PIL import Image

    import docharmony

    nano = Path(docharmony.__file__).parent / "checkpoints" / "nano"
    path = Path(__file__).parents[1] / "resources/engine/paragraph.png"
    pixels = np.asarray(Image.open(path).convert("RGB"))
    crop = pixels[: pixels.shape[0] // 4]
    there, here = (open_engine(nano, device=d).read([crop])[0].text for d in ("cuda", "cpu"))
    assert there == here


def test_more_devices_than_there_are(folder: Path) -> None:
    with pytest.raises(EngineError, match="not there"):
        open_engine(folder, device=f"cuda:{cuda_devices()}")


@pytest.mark.torch
@pytest.mark.parametrize(("static", "compiled"), [(False, False), (True, False), (True, True)])
def test_torch_in_bfloat16(static: bool, compiled: bool) -> None:
    torch = pytest.importorskip("torch")
    from docharmony.engine.base import Task
    from docharmony.engine.modeling.model import TextHarmonyModel
    from docharmony.engine.modeling.torch_parts import TorchParts
    from docharmony.engine.parts import fixed_gates
    from docharmony.engine.presets import TINY

    torch.manual_seed(0)
    exact = TextHarmonyModel(TINY).eval().requires_grad_(False)
    d = TINY.decoder
    words = np.random.default_rng(0).integers(3, d.pad, 12)
    ids = np.array([[d.begin, d.image_start, *[d.image_slot] * TINY.resampler.queries, *words]])
    pixels = np.random.default_rng(1).integers(0, 256, (1, 224, 224, 3), np.uint8)
    gates = fixed_gates([Task.READ])

    def logits(parts: TorchParts) -> list[Any]:
        first, session = parts.start(parts.see(pixels), ids, None, gates, 1)
        return [first, *(session.step(words[n : n + 1], None) for n in range(4))]

    expected = logits(TorchParts(lambda: exact))
    half = TextHarmonyModel(TINY).eval().requires_grad_(False)
    half.load_state_dict(exact.state_dict())
    half.to("cuda", torch.bfloat16)
    found = logits(TorchParts(lambda: half, static=static, compiled=compiled))
    for ours, theirs in zip(found, expected, strict=True):
        assert np.isfinite(ours).all()
        assert np.linalg.norm(ours - theirs) < 0.05 * np.linalg.norm(theirs)


@pytest.mark.torch
def test_torch_draws_in_bfloat16() -> None:
    torch = pytest.importorskip("torch")
    from docharmony.engine.base import Task
    from docharmony.engine.modeling.model import TextHarmonyModel
    from docharmony.engine.modeling.torch_parts import TorchParts
    from docharmony.engine.parts import fixed_gates
    from docharmony.engine.presets import TINY

    model = TextHarmonyModel(TINY).eval().requires_grad_(False).to("cuda", torch.bfloat16)
    parts = TorchParts(lambda: model)
    d = TINY.decoder
    slots = [d.image_start, *[d.image_slot] * TINY.resampler.queries]
    ids = np.array([[d.begin, *slots, 5, 6, d.image_start]])
    sight = parts.see(np.zeros((1, 224, 224, 3), np.uint8))
    options: dict[str, Any] = {"steps": 2, "guidance": 7.5, "scheduler": "ddpm"}
    drawn = parts.draw(sight, ids, fixed_gates([Task.PAINT]), seeds=[0], **options)
    assert drawn.shape[0] == 1
    assert drawn.dtype == np.uint8
