"""Finding, reading and verifying checkpoints."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import docharmony
from docharmony import checkpoint
from docharmony.engine.spec import NANO, ModelSpec
from docharmony.errors import (
    CheckpointCorruptError,
    CheckpointIncompatibleError,
    CheckpointNotFoundError,
    MissingExtraError,
)

BUNDLED = Path(docharmony.__file__).parent / "checkpoints" / "nano"
CONTENT = b"weights"


def manifest() -> dict[str, Any]:
    part = {
        "file": "vision.onnx",
        "format": "onnx",
        "dtype": "int8",
        "bytes": len(CONTENT),
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
    }
    return {
        "schema": 1,
        "engine": "textharmony",
        "name": "small",
        "licence": "Apache-2.0",
        "abilities": ["read"],
        "spec": NANO.to_dict(),
        "parts": {"vision": part},
        "training": {"lines": 3},
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "vision.onnx").write_bytes(CONTENT)
    (tmp_path / "manifest.json").write_text(json.dumps(manifest()))
    return tmp_path


def test_a_registered_name_wins_over_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nano").mkdir()
    monkeypatch.chdir(tmp_path)
    assert checkpoint.find("nano", {"nano": "/elsewhere"}) == Path("/elsewhere")
    assert checkpoint.find("nano", {}) == Path("nano")


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(CheckpointNotFoundError, match="registered: big, nano"):
        checkpoint.find("tiny", {"nano": "x", "big": "y"})


@pytest.mark.parametrize("name", ["hf:org/name", "hf:name@main", "hf:a/b/c@1", "hf:org/name@"])
def test_a_name_on_the_hub_needs_a_revision(name: str) -> None:
    with pytest.raises(CheckpointNotFoundError, match="ORG/NAME@REVISION"):
        checkpoint.find(name, {})


def test_the_hub_without_its_extra_names_the_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError) as caught:
        checkpoint.find("hf:org/name@v1", {})
    assert caught.value.hint == 'pip install "docharmony[hub]"'


def test_a_manifest_is_read_whole(folder: Path) -> None:
    read = checkpoint.load_manifest(folder)
    assert (read.name, read.licence, read.abilities) == ("small", "Apache-2.0", {"read"})
    assert read.spec == NANO
    assert read.training == {"lines": 3}
    assert read.part("vision").path == folder / "vision.onnx"
    assert checkpoint.describe(read)["bytes"] == len(CONTENT)


def test_a_part_that_is_not_there_is_incompatible(folder: Path) -> None:
    with pytest.raises(CheckpointIncompatibleError, match="no part 'language'"):
        checkpoint.load_manifest(folder).part("language")


def test_a_changed_byte_is_found_when_the_part_is_used(folder: Path) -> None:
    read = checkpoint.load_manifest(folder)
    (folder / "vision.onnx").write_bytes(b"Weights")
    with pytest.raises(CheckpointCorruptError, match=r"vision\.onnx.*SHA-256"):
        read.part("vision")


@pytest.mark.parametrize(
    ("content", "why"), [(None, "missing"), (b"weight", "6 bytes instead of 7"), (b"", "0 bytes")]
)
def test_a_missing_or_short_file_is_found_at_once(
    folder: Path, content: bytes | None, why: str
) -> None:
    file = folder / "vision.onnx"
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CheckpointCorruptError, match=rf"vision\.onnx.*{why}"):
        checkpoint.load_manifest(folder)


def change(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda data: data.update({key: value})


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (change("schema", 2), CheckpointIncompatibleError),
        (change("engine", "other"), CheckpointIncompatibleError),
        (change("spec", {}), CheckpointIncompatibleError),
        (change("spec", None), CheckpointIncompatibleError),
        (lambda d: d.pop("spec"), CheckpointIncompatibleError),
        (lambda d: d["spec"]["vision"].update(hidden="320"), CheckpointIncompatibleError),
        (lambda d: d["spec"]["vision"].update(depth=3), CheckpointIncompatibleError),
        (lambda d: d["spec"]["read"].pop("height"), CheckpointIncompatibleError),
        (lambda d: d.pop("name"), CheckpointCorruptError),
        (lambda d: d.pop("licence"), CheckpointCorruptError),
        (change("parts", []), CheckpointCorruptError),
        (change("abilities", 3), CheckpointCorruptError),
        (lambda d: d["parts"]["vision"].pop("sha256"), CheckpointCorruptError),
        (lambda d: d["parts"]["vision"].update(bytes="many"), CheckpointCorruptError),
        (lambda d: d["parts"]["vision"].update(file="../vision.onnx"), CheckpointCorruptError),
        (lambda d: d["parts"]["vision"].update(file="/etc/passwd"), CheckpointCorruptError),
    ],
)
def test_a_spoilt_manifest_names_the_file(
    folder: Path, spoil: Callable[[dict[str, Any]], object], error: type[Exception]
) -> None:
    data = manifest()
    spoil(data)
    (folder / "manifest.json").write_text(json.dumps(data))
    with pytest.raises(error, match=r"manifest\.json"):
        checkpoint.load_manifest(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b"null"])
def test_a_manifest_that_is_no_json_object_is_refused(folder: Path, content: bytes) -> None:
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises((CheckpointCorruptError, CheckpointIncompatibleError)):
        checkpoint.load_manifest(folder)


def test_a_folder_without_a_manifest_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFoundError, match=r"no manifest\.json"):
        checkpoint.load_manifest(tmp_path)


def test_the_bundled_checkpoint_is_whole_licensed_and_small() -> None:
    read = checkpoint.load_manifest(BUNDLED)
    checkpoint.verify(read.parts.values())
    assert read.spec == NANO
    assert read.abilities == {"locate", "read", "erase"}
    assert sum(part.bytes for part in read.parts.values()) <= 36_000_000
    assert read.licence == "Apache-2.0"
    assert "Apache License" in (BUNDLED / "LICENSE").read_text()
    files = {part.path.name for part in read.parts.values()}
    assert files == {path.name for path in BUNDLED.glob("*.onnx*")}


def test_a_spec_survives_json() -> None:
    assert ModelSpec.from_dict(json.loads(json.dumps(NANO.to_dict()))) == NANO


@pytest.mark.parametrize(
    ("key", "value"), [("layers", 10**9), ("layers", 0), ("hidden", -1), ("hidden", 1 << 40)]
)
def test_sizes_that_no_model_could_have(key: str, value: int) -> None:
    """A folder of strangers must not make us count to a billion before anything is compared."""
    from docharmony.engine.presets import FULL, spec_from_dict

    data = FULL.to_dict()
    data["decoder"][key] = value
    with pytest.raises(ValueError, match=rf"spec\.decoder\.{key} is {value}"):
        spec_from_dict(data)
