"""``docharmony verify`` from outside: exit codes, formats, and no secret unless asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.io.write.drawn import CASES, SECRET, line, new, saved


def verify(*args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "docharmony", "verify", *map(str, args)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "DOCHARMONY_PLUGINS": ""},
    )


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    path = tmp_path / "clean.pdf"
    path.write_bytes(saved(new(line(text="ordinary"))))
    return path


@pytest.fixture
def leaking(tmp_path: Path) -> Path:
    path = tmp_path / "leaking.pdf"
    path.write_bytes(CASES["below_a_rectangle"]().data)
    return path


def test_a_clean_file(clean: Path) -> None:
    done = verify(clean, "-f", "json")
    assert done.returncode == 0
    data = json.loads(done.stdout)
    assert data["schema"] == 1
    assert data["source"]["media_type"] == "application/pdf"
    assert data["findings"] == []
    assert "nothing found" in verify(clean).stdout


def test_a_bad_redaction(leaking: Path) -> None:
    done = verify(leaking, "-f", "json")
    assert done.returncode == 10
    (finding,) = json.loads(done.stdout)["findings"]
    assert finding["kind"] == "bad_redaction"
    assert finding["page"] == 1
    assert len(finding["bbox"]) == 4
    assert "Zebulon" not in done.stdout + done.stderr
    shown = verify(leaking, "--show-text")
    assert shown.returncode == 10
    assert "ZebulonQuark" in shown.stdout


def test_terms_and_several_files(clean: Path, leaking: Path, tmp_path: Path) -> None:
    assert verify(clean, "--term", "ordinary").returncode == 10
    terms = tmp_path / "terms.txt"
    terms.write_text(f"nobody\n\n{SECRET}\n")
    assert verify(clean, "--terms-file", terms).returncode == 0
    done = verify(clean, leaking, "--terms-file", terms, "-f", "json", "-o", tmp_path / "found/")
    assert done.returncode == 10
    kinds = {
        path.stem: [f["kind"] for f in json.loads(path.read_text())["findings"]]
        for path in (tmp_path / "found").iterdir()
    }
    assert kinds["clean"] == []
    assert set(kinds["leaking"]) == {"bad_redaction", "term"}


def test_strict_counts_every_finding(tmp_path: Path) -> None:
    path = tmp_path / "white.pdf"
    path.write_bytes(CASES["white_on_white"]().data)
    assert verify(path).returncode == 0
    assert verify(path, "--strict").returncode == 10


def test_what_cannot_be_audited(tmp_path: Path) -> None:
    picture = tmp_path / "picture.bmp"
    from PIL import Image

    Image.new("L", (9, 9)).save(picture)
    done = verify(picture)
    assert done.returncode == 3
    assert done.stdout == ""
    assert "image/bmp" in done.stderr
    assert verify(tmp_path / "picture.bmp", "--terms-file", tmp_path / "none").returncode == 2
