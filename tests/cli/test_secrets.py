"""Every byte that ``redact`` writes anywhere, however it ends, is searched for the secret."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

SECRET = "Jane Roe"
FORMS = [
    form.lower()
    for text in (SECRET, "JaneRoe", "jane.roe")
    for form in (text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be"))
]
PLUGIN = '''
"""Stages that end badly, with the text of the page in their mouths."""
from docharmony import Stage, hookimpl

class Quotes(Stage):
    name = "bad.quotes"
    def process(self, page, ctx):
        raise ValueError(page.lines[0].text)

class Reads(Stage):
    name = "bad.reads"
    provides = frozenset({"lines"})
    def process(self, page, ctx):
        return page.provide("lines", lines=page.lines)

@hookimpl
def register_stages(register):
    for stage in (Quotes, Reads):
        register(stage.name, stage, "bad")
'''
ENDS: list[tuple[str, int, Sequence[str], Sequence[str]]] = [
    ("done", 0, (), ("--term", SECRET)),
    ("withheld", 10, (), ("--term", SECRET, "--pages", "1")),
    ("plugin", 9, ('routes.digital=["layout", "bad.quotes"]',), ("--term", SECRET)),
    ("timeout", 3, ("timeout=0.001",), ("--term", SECRET)),
    ("folder", 4, (), ("--term", SECRET)),
]


def written(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes()


@pytest.mark.parametrize("logging", ["-v", "--json-log"])
@pytest.mark.parametrize(("end", "code", "settings", "options"), ENDS)
def test_no_byte_tells_the_secret(
    end: str,
    code: int,
    settings: Sequence[str],
    options: Sequence[str],
    logging: str,
    letter: Path,
    tmp_path: Path,
) -> None:
    work, other = tmp_path / "work", tmp_path / "home"
    work.mkdir()
    other.mkdir()
    plugin = tmp_path / "bad_plugin.py"
    plugin.write_text(PLUGIN)
    out = work / ("absent/out.pdf" if end == "folder" else "out.pdf")
    defaults = ('routes.digital=["layout"]', 'routes.mixed=["layout"]', 'routes.scan=["bad.reads"]')
    command = [
        sys.executable, "-m", "docharmony", "-v", logging, "--plugin", str(plugin),
        *(part for value in ('text_layer="trust"', *defaults, *settings) for part in ("--set", value)),
        "redact", str(letter), "-o", str(out), *options,
        "--report", str(work / "report.json"), "--report", str(work / "report.html"),
    ]  # fmt: skip
    environment = {
        **os.environ, "DOCHARMONY_PLUGINS": "", "TMPDIR": str(other), "HOME": str(other),
        "XDG_CACHE_HOME": str(other / "cache"),
    }  # fmt: skip
    done = subprocess.run(command, capture_output=True, cwd=work, env=environment, check=False)
    assert done.returncode == code, done.stderr.decode()
    assert out.exists() == (code == 0)
    if code:
        assert list(written(work)) == []
    told = [("stdout", done.stdout), ("stderr", done.stderr), *written(work), *written(other)]
    for name, data in told:
        flat = data.lower()
        # The command line of a traceback or a log may not repeat the term, either.
        assert not any(form in flat for form in FORMS), name
