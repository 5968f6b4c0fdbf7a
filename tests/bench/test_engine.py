"""The benchmark of the engine runs from end to end: what a GPU will be measured with must just run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("docharmony_export")

pytestmark = [pytest.mark.torch, pytest.mark.timeout(600)]

SCRIPT = Path(__file__).parent / "engine.py"
TABLE = """before
<!-- cpu begin -->
x86_64, cpu, float32, 1 threads

| model | backend | vision, images/s |
|---|---|---|
| mid | torch | 0.8 |
<!-- cpu end -->
after
"""


def run(*options: str) -> str:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--seconds", "0.01", *options],
        capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_backend_is_measured(tmp_path: Path) -> None:
    file = tmp_path / "ENGINE.md"
    file.write_text(TABLE, encoding="utf-8")
    backends = "torch;torch, static cache;onnxruntime"
    said = run("--models", "smoke", "--backends", backends, "--write", str(file))
    text = file.read_text(encoding="utf-8")
    for table in (said, text):
        rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| smoke")]
        assert [row[1] for row in rows] == backends.split(";")
        assert all(float(cell.strip(" |")) > 0 for row in rows for cell in row[2:])
        assert "smoke, onnxruntime as a multiple of torch: vision" in table
    assert text.startswith("before\n")
    assert text.endswith("after\n")


def test_minutes_that_do_not_suffice(tmp_path: Path) -> None:
    said = run("--models", "smoke", "--backends", "torch", "--minutes", "0.0001")
    assert "| smoke | torch | not measured |" in said
