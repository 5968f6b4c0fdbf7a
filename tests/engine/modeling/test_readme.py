"""The examples of the engine's README run, in the order in which they need one another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

pytestmark = pytest.mark.torch

ROOT = Path(__file__).parents[3]


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docharmony" / "engine" / "README.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    makes = [e for e in examples if 'name="tiny"' in e]
    others = [e for e in examples if 'load("tiny"' in e]
    assert (len(makes), len(others)) == (1, 2)
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    monkeypatch.chdir(tmp_path)
    for example in (*makes, *others):
        exec(compile(example, "README.md", "exec"), {})
    assert (tmp_path / "experts.safetensors").stat().st_size > 0

    from docharmony.engine.modeling.loading import load

    assert load("tiny", adapters="gated.safetensors").language.lora.spec.experts == 6
