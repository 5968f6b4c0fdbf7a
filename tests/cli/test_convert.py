"""``docharmony convert`` and what can be done with its output."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

PIECES = Path(__file__).parents[1] / "golden" / "textharmony" / "g_tiny_sentencepiece.model"
TORCH = importlib.util.find_spec("torch") is not None


def run(*args: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "docharmony", *map(str, args)],
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip


@pytest.mark.skipif(TORCH, reason="torch is installed")
def test_without_torch_the_pip_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    (tmp_path / "tokenizer.model").write_bytes(b"x")
    done = run("convert", tmp_path, "-o", tmp_path / "out")
    assert done.returncode == 7
    assert done.stderr.splitlines()[-1] == 'docharmony: pip install "docharmony[torch]"'
    assert not (tmp_path / "out").exists()


def test_sources_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"x")
    for args, code, said in (
        ([tmp_path], 6, "no pytorch_model.bin"),
        ([tmp_path / "b.bin"], 6, "b.bin): the file is not there"),
        ([tmp_path / "a.bin"], 6, "no tokenizer"),
        ([tmp_path / "a.bin", tmp_path], 2, "a folder stands beside"),
        ([tmp_path, "--spec", tmp_path / "none.json"], 2, "cannot read the sizes"),
        ([tmp_path, "--spec", tmp_path / "a.bin"], 2, "cannot read the sizes"),
        ([tmp_path, "--shard-size", "much"], 2, "not a size"),
    ):
        done = run("convert", *args, "-o", tmp_path / "out")
        assert (done.returncode, said in done.stderr) == (code, True), done.stderr
        assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as published, in three pieces, of tiny shapes, and its sizes."""
    torch = pytest.importorskip("torch")
    from docharmony.engine.modeling.model import TextHarmonyModel
    from docharmony.engine.modeling.published import published_name
    from docharmony.engine.presets import TINY

    spec = replace(
        TINY,
        trunk=replace(TINY.trunk, image_size=56, layers=4),
        decoder=replace(TINY.decoder, vocabulary=422, pad=419, image_start=420, image_slot=421),
        painter=replace(
            TINY.painter, latent=8, pos_grid=8, mmfs=replace(TINY.painter.mmfs, values=32)
        ),
    )
    folder = tmp_path_factory.mktemp("published")
    torch.manual_seed(0)
    model = TextHarmonyModel(spec)
    path = folder / "all.bin"
    torch.save({published_name(n): v for n, v in model.state_dict().items()}, path)
    data = path.read_bytes()
    path.unlink()
    for i, letter in enumerate("abc"):
        piece = data[i * len(data) // 3 : (i + 1) * len(data) // 3]
        (folder / f"pytorch_model.bina{letter}").write_bytes(piece)
    (folder / "tokenizer.model").write_bytes(PIECES.read_bytes())
    (folder / "spec.json").write_text(json.dumps(spec.to_dict()))
    return folder


@pytest.fixture(scope="module")
def converted(published: Path) -> Path:
    out = published.parent / "converted"
    done = run("convert", published, "-o", out, "--spec", published / "spec.json")
    assert done.returncode == 0, done.stderr
    assert f"docharmony: {out}: 4 files" in done.stderr
    return out


@pytest.fixture
def words(tmp_path: Path) -> Path:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (300, 100), "white")
    ImageDraw.Draw(image).text((20, 30), "Some words to read", fill="black", font_size=24)
    image.save(tmp_path / "words.png")
    return tmp_path / "words.png"


QUICK = ("--set", "engine.length=20", "--set", "engine.steps=2", "--device", "cpu")


@pytest.mark.torch
def test_a_converted_checkpoint_works_from_the_command_line(
    converted: Path, words: Path, tmp_path: Path
) -> None:
    listed = run("checkpoints", converted, "--verify", "-f", "json")
    (row,) = json.loads(listed.stdout)["checkpoints"]
    assert (row["ok"], row["licence"]) == (True, "CC-BY-4.0")
    read = run("ocr", words, "--checkpoint", converted, *QUICK)
    assert read.returncode == 0, read.stderr
    assert json.loads(read.stdout)["pages"]
    out = tmp_path / "out.png"
    redacted = run(
        "redact", words, "-o", out, "--region", "1:20,20,100,60", "--checkpoint", converted, *QUICK
    )
    assert redacted.returncode == 0, redacted.stderr
    assert out.is_file()


@pytest.mark.torch
@pytest.mark.parametrize(
    ("part", "said"),
    [("image-00", "missing image."), ("tokenizer", "has no part 'tokenizer'")],
)
def test_verify_tells_what_is_not_in_the_manifest(
    converted: Path, tmp_path: Path, part: str, said: str
) -> None:
    folder = tmp_path / "less"
    folder.mkdir()
    for file in converted.iterdir():
        (folder / file.name).symlink_to(file)
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["parts"][part]
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    done = run("checkpoints", folder, "--verify")
    assert (done.returncode, done.stdout) == (6, "")
    assert said in done.stderr


@pytest.mark.torch
def test_what_exists_is_left_alone(published: Path, converted: Path) -> None:
    before = sorted(p.stat().st_mtime_ns for p in converted.iterdir())
    done = run("convert", published, "-o", converted, "--spec", published / "spec.json")
    assert done.returncode == 4
    assert sorted(p.stat().st_mtime_ns for p in converted.iterdir()) == before


@pytest.mark.torch
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder nobody can write to")
def test_a_folder_that_cannot_be_written(published: Path) -> None:
    done = run("convert", published, "-o", "/proc/out", "--spec", published / "spec.json")
    assert done.returncode == 4
    assert "cannot write the checkpoint (/proc/out)" in done.stderr


@pytest.mark.torch
@pytest.mark.parametrize(
    ("spoil", "code", "said"),
    [
        (lambda f: (f / "language-00.safetensors").unlink(), 6, "the file is missing"),
        (lambda f: shorten(f / "vision-00.safetensors"), 6, "bytes instead of"),
        (lambda f: flip(f / "image-00.safetensors"), 6, "SHA-256 differs"),
        (lambda f: flip(f / "tokenizer.model"), 6, "SHA-256 differs"),
        (lambda f: edit(f, lambda m: m.update(schema=2)), 6, "schema 1"),
        (lambda f: edit(f, lambda m: m["spec"].update(anatomy="other")), 6, "anatomy is 'other'"),
        (lambda f: edit(f, lambda m: m["spec"]["trunk"].update(hidden=40)), 6, "do not fit"),
        (lambda f: edit(f, lambda m: m["parts"].pop("image-00")), 6, "missing image."),
        (lambda f: edit(f, lambda m: m["parts"].pop("tokenizer")), 6, "no part 'tokenizer'"),
        (lambda f: edit(f, lambda m: m["parts"].pop("vision-00")), 6, "no part 'vision'"),
        (lambda f: edit(f, lambda m: m["abilities"].remove("locate")), 8, "cannot locate"),
    ],
)
def test_damage_is_an_error_of_two_lines(
    converted: Path, words: Path, tmp_path: Path, capfd: Any, spoil: Any, code: int, said: str
) -> None:
    import shutil

    from docharmony.cli import main

    folder = Path(shutil.copytree(converted, tmp_path / "copy"))
    spoil(folder)
    assert main(["ocr", str(words), "--checkpoint", str(folder), *QUICK]) == code
    out, err = capfd.readouterr()
    assert said in err
    assert len(err.splitlines()) == 2
    assert out == ""


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-7] ^= 1
    path.write_bytes(data)


def edit(folder: Path, change: Any) -> None:
    path = folder / "manifest.json"
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
