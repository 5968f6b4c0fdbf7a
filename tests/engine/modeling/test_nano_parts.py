"""nano on torch beside nano on onnxruntime: the same weights, the same page."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("docharmony_train")

import docharmony  # noqa: E402
from docharmony import checkpoint  # noqa: E402
from docharmony.engine.crops import crop_lines  # noqa: E402
from docharmony.engine.modeling.nano_parts import TorchNanoParts  # noqa: E402
from docharmony.engine.onnx_parts import OnnxParts  # noqa: E402
from docharmony.engine.opening import open_engine  # noqa: E402
from docharmony.engine.textharmony import TextHarmony  # noqa: E402
from docharmony.errors import (  # noqa: E402
    CheckpointCorruptError,
    CheckpointIncompatibleError,
    EngineError,
)

pytestmark = pytest.mark.torch

NANO = Path(docharmony.__file__).parent / "checkpoints" / "nano"
PARAGRAPH = Path(__file__).parents[2] / "resources" / "engine" / "paragraph.png"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled weights as safetensors."""
    from docharmony_train.restore import restore

    path = tmp_path_factory.mktemp("nano")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's older exporter
        model = restore(checkpoint.load_manifest(NANO))
    model.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def both(folder: Path) -> tuple[Any, Any]:
    """The engine on torch and on the exact graphs: those for the CPU multiply in int8."""
    manifest = checkpoint.load_manifest(NANO)
    exact = {name: part for name, part in manifest.parts.items() if not name.endswith(".cpu")}
    graphs = OnnxParts(replace(manifest, parts=exact), device="cpu", threads=1)
    return open_engine(folder, device="cpu", threads=1), TextHarmony(manifest, graphs)


@pytest.fixture(scope="module")
def page() -> Any:
    return np.asarray(Image.open(PARAGRAPH).convert("RGB"))


def test_both_are_one_engine(both: tuple[Any, Any]) -> None:
    ours, theirs = both
    assert type(ours) is type(theirs) is TextHarmony
    assert isinstance(ours.parts, TorchNanoParts)


def test_both_find_and_read_the_same(both: tuple[Any, Any], page: Any) -> None:
    ours, theirs = both
    found = [engine.locate([page])[0] for engine in both]
    assert len(found[0]) == len(found[1]) > 3
    for a, b in zip(*found, strict=True):
        assert np.abs(np.subtract(a.polygon, b.polygon)).max() < 1.0
    crops = [c.image for c in crop_lines(page, [r.polygon for r in found[1]])]
    noise = np.random.default_rng(0).normal(0, 30, page.shape)
    dirty = np.clip(page * 0.6 + 50 + noise, 0, 255).astype(np.uint8)
    crops += [c.image for c in crop_lines(dirty, [r.polygon for r in found[1]])]  # doubtful ones
    read, expected = ours.read(crops), theirs.read(crops)
    assert not all(r.drafted for r in expected)  # the language model was asked
    same = sum(a.text == b.text for a, b in zip(read, expected, strict=True))
    assert same >= len(crops) - 1  # weights stored as fp16, computed in fp32 by both
    confidence = [(a.confidence, b.confidence) for a, b in zip(read, expected, strict=True)]
    assert np.abs(np.subtract(*np.array(confidence).T)).max() < 0.05


def test_both_paint_the_same(both: tuple[Any, Any], page: Any) -> None:
    crop, mask = page[40:140, 60:260], np.zeros((100, 200), bool)
    mask[30:60, 40:150] = True
    crop = np.clip(crop * np.linspace(0.5, 1, 200)[None, :, None], 0, 255).astype(np.uint8)
    a, b = (engine.paint([crop], [mask])[0].astype(int) for engine in both)
    assert np.abs(a - b).max() <= 3
    assert np.array_equal(a[~mask], crop[~mask])


def test_what_nano_cannot_is_said_on_torch_too(both: tuple[Any, Any], page: Any) -> None:
    with pytest.raises(EngineError, match="cannot answer questions"):
        both[0].answer([page], "What?", context="")
    with pytest.raises(EngineError, match="cannot draw"):
        both[0].generate("A dog.", size=(8, 8), seed=0)


def test_defects(folder: Path, tmp_path: Path, page: Any) -> None:
    import shutil

    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    with pytest.raises(EngineError, match="not there"):
        open_engine(copy, device="cuda:99")
    heads = copy / "heads.safetensors"
    data = bytearray(heads.read_bytes())
    data[-1] ^= 1
    heads.write_bytes(data)
    with pytest.raises(CheckpointCorruptError, match=r"heads\.safetensors.*SHA-256"):
        open_engine(copy).locate([page])
    heads.write_bytes(data[:-1])
    with pytest.raises(CheckpointCorruptError, match=r"heads\.safetensors.*bytes instead of"):
        open_engine(copy)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["spec"]["vision"]["layers"] = 9
    heads.write_bytes((folder / "heads.safetensors").read_bytes())
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointIncompatibleError, match=r"missing transformer\.layers\.8"):
        open_engine(copy).locate([page])
    del manifest["parts"]["vision"]
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointIncompatibleError, match="no part 'vision'"):
        open_engine(copy)
