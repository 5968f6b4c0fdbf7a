"""Folders that are made once: whole or not at all, and by one process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from docharmony import CheckpointError, cache


def test_the_cache_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCHARMONY_CACHE", str(tmp_path / "mine"))
    assert cache.root() == tmp_path / "mine"
    monkeypatch.delenv("DOCHARMONY_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.root() == tmp_path / "docharmony"


def test_a_folder_is_made_once(tmp_path: Path) -> None:
    calls = []

    def make(out: Path) -> None:
        calls.append(out)
        (out / "file").write_text("whole")

    folder = tmp_path / "deep" / "thing"
    for _ in range(2):
        assert cache.made(folder, make) == folder
    assert (folder / "file").read_text() == "whole"
    assert len(calls) == 1


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(out: Path) -> None:
        (out / "half").write_text("half")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        cache.made(tmp_path / "thing", fail)
    assert [p.name for p in tmp_path.iterdir()] == [".thing.lock"]


def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError) as caught:
        cache.made(tmp_path / "file" / "thing", lambda out: None)
    assert "DOCHARMONY_CACHE" in caught.value.hint


def test_of_two_processes_one_makes_it(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom docharmony import cache\n"
        "def make(out):\n    time.sleep(0.4)\n    (out / 'by').write_text('x')\n    print('made')\n"
        "cache.made(Path(sys.argv[1]), make)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "thing")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=30)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert sorted(said) == ["", "made\n"]
