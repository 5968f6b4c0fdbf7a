"""Documentation that fails the build when it lies."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
import types
from pathlib import Path

import pytest

import docharmony
from docharmony.hookspecs import HOOKS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def load(path: Path) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


docs = load(ROOT / "tests" / "docs.py")


@pytest.mark.parametrize("path", docs.GENERATED, ids=lambda path: str(path.relative_to(ROOT)))
def test_generated_parts_are_fresh(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == docs.renewed(path), "run `make docs`"


def test_every_hook_is_documented() -> None:
    text = (ROOT / "plugins" / "README.md").read_text(encoding="utf-8")
    for name in HOOKS:
        assert f"### `{name}(" in text


def test_the_ten_lines_of_the_readme_run(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    code = next(block for block in blocks if "Pipeline" in block)
    statements = [line for line in code.splitlines() if line.strip() and line[0] != "#"]
    assert len(statements) <= 10
    report = ROOT / "tests" / "resources" / "demo" / "report.pdf"
    (tmp_path / "report.pdf").write_bytes(report.read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert (tmp_path / "report.md").stat().st_size > 100
    assert (tmp_path / "public.pdf").read_bytes().startswith(b"%PDF")


def shell_lines() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("docharmony ")]


def test_every_command_line_of_the_readme_is_understood() -> None:
    from docharmony.cli.app import build_parser
    from docharmony.plugins import Plugins

    parser = build_parser(Plugins(allow=[]))
    assert len(shell_lines()) >= 5
    for line in shell_lines():
        parser.parse_args(shlex.split(line)[1:])


def test_public_names_are_those_exported() -> None:
    for name in docharmony.__all__:
        assert getattr(docharmony, name) is not None
    homes = {name for names in docharmony._HOMES.values() for name in names}
    assert homes == set(docharmony.__all__) - {"__version__"}


def test_links_in_documents_lead_somewhere() -> None:
    for path in (ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "plugins" / "README.md"):
        for target in re.findall(r"\]\(([^)#\s]+)\)", path.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_every_resource_has_a_line() -> None:
    folder = ROOT / "tests" / "resources"
    text = (folder / "README.md").read_text(encoding="utf-8")
    tracked = subprocess.run(
        ["git", "ls-files", "."], cwd=folder, capture_output=True, text=True, check=False
    )
    if tracked.returncode:
        pytest.skip("not a git checkout")
    for name in tracked.stdout.split():
        path = Path(name)
        if path.suffix not in (".py", ".md"):
            named = path.name in text or any(f"{parent}/" in text for parent in path.parents[:-1])
            assert named, f"{name} has no line in tests/resources/README.md"


def test_the_tracked_tree_stays_small() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    sizes = [(ROOT / name).stat().st_size for name in listed.stdout.split("\0") if name]
    assert sum(sizes) < 60_000_000
