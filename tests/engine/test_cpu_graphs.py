"""nano has exact graphs and faster ones for CPUs, over the same weights."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

import docharmony
from docharmony.checkpoint import load_manifest
from docharmony.engine.graphs import Graphs
from docharmony.engine.locate import find_lines, plan_tiles
from docharmony.engine.onnx_parts import OnnxParts
from docharmony.engine.spec import NANO as SIZES
from docharmony.errors import CheckpointCorruptError, CheckpointIncompatibleError
from docharmony.geometry import Affine

NANO = Path(docharmony.__file__).parent / "checkpoints" / "nano"


def test_both_graphs_tell_the_same_but_for_rounding() -> None:
    manifest = load_manifest(NANO)
    exact_parts = {n: p for n, p in manifest.parts.items() if not n.endswith(".cpu")}
    exact = Graphs(replace(manifest, parts=exact_parts), device="cpu", threads=1)
    fast = Graphs(manifest, device="cpu", threads=1)
    pixels = np.full((1, 48, 160, 3), 255, np.uint8)
    pixels[:, 10:38, 20:140:8] = 0
    feeds = {"pixels": pixels, "kept": np.arange(30)}
    tokens = [g.run("vision", feeds, ["tokens"])["tokens"] for g in (exact, fast)]
    difference = np.abs(tokens[0] - tokens[1]).mean() / np.abs(tokens[0]).mean()
    assert 0 < difference < 0.1  # 0 would mean that one graph ran twice


def test_weights_beside_a_graph_are_verified(tmp_path: Path) -> None:
    folder = tmp_path / "nano"
    shutil.copytree(NANO, folder)
    data = folder / "vision.onnx.data"
    content = bytearray(data.read_bytes())
    content[1000] ^= 1
    data.write_bytes(content)
    graphs = Graphs(load_manifest(folder), device="cpu", threads=1)
    with pytest.raises(CheckpointCorruptError, match=r"vision\.onnx\.data"):
        graphs.session("vision")


def test_graphs_of_other_sizes_than_the_spec_are_refused() -> None:
    sizes = replace(SIZES, vision=replace(SIZES.vision, hidden=640))
    parts = OnnxParts(replace(load_manifest(NANO), spec=sizes), device="cpu", threads=1)
    with pytest.raises(CheckpointIncompatibleError, match="does not fit the manifest's spec"):
        parts.map_lines(np.full((1, 64, 64, 3), 255, np.uint8))


def test_blank_patches_left_out_change_no_line() -> None:
    picture = Image.new("RGB", (480, 480), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(20)
    for row in range(4):
        pen.text(
            (40, 40 + 28 * row + 240 * (row > 1)), f"{row}. The quick brown fox jumps", 0, font
        )
    page = np.asarray(picture)
    (tile,) = plan_tiles(page, 640)
    pixels, parts = tile.cut(page)[None], OnnxParts(load_manifest(NANO), device="cpu", threads=1)
    whole, some = parts.map_lines(pixels), parts.map_lines(pixels, tile.cells)
    assert np.array_equal(parts.map_lines(pixels, np.ones_like(tile.cells)), whole)
    outside = ~np.kron(tile.cells, np.ones((4, 4), bool))
    assert 0.1 < outside.mean() < 0.6
    assert (some[:, 0, outside] == 0).all()
    lines = [find_lines(*maps[0], Affine()) for maps in (whole, some)]
    assert len(lines[0]) == len(lines[1]) == 4
    for before, after in zip(*lines, strict=True):
        corners = zip(before.polygon, after.polygon, strict=True)
        assert max(abs(a - b) for p, q in corners for a, b in zip(p, q, strict=True)) < 4
