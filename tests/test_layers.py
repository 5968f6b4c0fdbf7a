"""The layers of ARCHITECTURE.md: left never imports right, and heavy packages have homes."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "docharmony"
LAYERS = (
    (
        "errors",
        "geometry",
        "model",
        "schema",
        "engine.base",
        "detect.base",
        "translators.base",
        "stage",
        "_version",
    ),
    (
        "config",
        "hookspecs",
        "registry",
        "cache",
        "checkpoint",
        "engine.spec",
        "engine.presets",
        "engine.crops",
    ),
    ("io", "detect", "layout", "looks", "qa", "typeset", "translators", "engine", "routing"),
    ("stages",),
    (
        "plugins",
        "letters",
        "pipeline",
        "context",
        "executors",
        "plan",
        "report",
        "searching",
        "checking",
        "closer",
        "redaction",
        "review",
        "replacement",
        "asking",
        "auditing",
        "extraction",
        "translation",
        "preview",
    ),
    ("cli", "builtin"),
)
HOMES = {
    "pymupdf": ("io", "typeset"),
    "fitz": (),
    "pikepdf": ("io", "typeset"),
    "pypdfium2": ("io",),
    "onnxruntime": ("engine.graphs",),
    "torch": ("engine.modeling",),
    "rich": ("cli",),
    "cv2": (),
}
# Composition roots: the plugin manager loads the core's own plugin; the package re-exports.
COMPOSE = {("plugins", "builtin"), ("cli.app", "plugins")}


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


def layer(name: str) -> int:
    for index, homes in reversed(list(enumerate(LAYERS))):
        if any(name == home for home in homes):
            return index
    for index, homes in reversed(list(enumerate(LAYERS))):
        if any(name.startswith(home + ".") for home in homes):
            return index
    raise AssertionError(f"{name} has no layer: add it to ARCHITECTURE.md and to this test")


def imports(name: str, path: Path) -> list[tuple[str, str]]:
    """(kind, module) of each import; kind is 'own' or 'other'."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [("other", alias.name.split(".")[0]) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.append(("other", (node.module or "").split(".")[0]))
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - (node.level - 1)]
            base += node.module.split(".") if node.module else []
            for alias in node.names:
                full = ".".join([*base, alias.name])
                found.append(("own", full if full in modules() else ".".join(base)))
    return found


@pytest.mark.parametrize("name", [n for n in modules() if n not in ("", "__init__", "__main__")])
def test_left_never_imports_right(name: str) -> None:
    for kind, target in imports(name, modules()[name]):
        if kind == "other":
            homes = HOMES.get(target)
            assert homes is None or any(name == h or name.startswith(h + ".") for h in homes), (
                f"{name} imports {target}, which belongs to {homes}"
            )
        elif target and (name, target) not in COMPOSE:
            assert layer(target) <= layer(name), f"{name} imports {target}, which lies right of it"


def test_stages_import_no_io_and_no_engine_implementation() -> None:
    allowed = ("engine.base", "engine.crops")
    for name, path in modules().items():
        if name.startswith("stages."):
            for kind, target in imports(name, path):
                if kind == "own":
                    bad = target.startswith("io") or (
                        target.startswith("engine") and target not in allowed
                    )
                    assert not bad, f"{name} imports {target}"


HEAVY = ("numpy", "scipy", "PIL", "pymupdf", "pikepdf", "pypdfium2", "onnxruntime", "rich", "torch")


@pytest.mark.parametrize(
    "code",
    [
        "import docharmony",
        "from docharmony.cli import main; main(['--help'])",
        "from docharmony.cli import main; main(['plugins'])",
        "from docharmony.cli import main; main(['redact', '--help'])",
    ],
)
def test_start_up_loads_nothing_heavy(code: str) -> None:
    code = (
        "import sys, contextlib\nwith contextlib.suppress(SystemExit): "
        f"{code}\nprint(sorted(set(sys.modules) & set({HEAVY!r})), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip().splitlines()[-1] == "[]"
