"""``docharmony replace`` from outside: options, exit codes, files, and no document text on a stream."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pymupdf
import pytest

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the command with the faces that come with MuPDF."""

    def call(*args: object) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "docharmony", "replace", *map(str, args)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "DOCHARMONY_PLUGINS": "", "DOCHARMONY_FONTS": "none"},
            check=False,
        )
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
        assert "Roe" not in done.stderr
        return done

    return call


@pytest.fixture
def page(tmp_path: Path) -> Path:
    with pymupdf.open() as document:
        sheet = document.new_page(width=300, height=120)
        sheet.insert_text((30, 40), "Agreement with Jane Roe", fontsize=12)
        sheet.draw_line((20, 60), (280, 60))
        sheet.draw_rect((25, 70, 60, 90))
        sheet.insert_text((30, 84), "tight", fontsize=11)
        document.save(tmp_path / "a.pdf")
    return tmp_path / "a.pdf"


def test_replaces_reports_and_shows(run: Run, page: Path, tmp_path: Path) -> None:
    done = run(
        page,
        "-o",
        "b.pdf",
        "--map",
        "Jane Roe=Joan Doe",
        "--report",
        "r.json",
        "--preview",
        "p.png",
    )
    assert done.returncode == 0, done.stderr
    assert "1 place replaced" in done.stderr
    with pymupdf.open(tmp_path / "b.pdf") as document:
        assert document[0].search_for("Joan Doe")
        assert not document[0].search_for("Jane")
    report = json.loads((tmp_path / "r.json").read_text())
    assert (report["replaced"], report["left"]) == (1, 0)
    assert "Roe" not in (tmp_path / "r.json").read_text()
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_what_does_not_fit_gives_exit_code_20(run: Run, page: Path, tmp_path: Path) -> None:
    done = run(page, "-o", "b.pdf", "--map", "tight=incomprehensibilities", "--map", "Jane=Joan")
    assert done.returncode == 20
    assert "too long" in done.stderr
    with pymupdf.open(tmp_path / "b.pdf") as document:
        text = document[0].get_text()
    assert "tight" in text
    assert "Joan" in text


def test_a_plan_and_a_page_to_look_at(run: Run, page: Path, tmp_path: Path) -> None:
    assert run(page, "--map", "Roe=Doe", "--plan", "plan.json").returncode == 0
    assert not (tmp_path / "b.pdf").exists()
    assert (tmp_path / "plan.json").stat().st_mode & 0o077 == 0
    done = run(page, "-o", "b.pdf", "--apply", "plan.json", "--preview", "p.html")
    assert done.returncode == 0
    assert "data:image/png" in (tmp_path / "p.html").read_text()
    assert run(page, "-o", "c.pdf", "--apply", "plan.json", "--map", "a=b").returncode == 2


def test_the_engine_style_says_that_it_cannot(run: Run, page: Path) -> None:
    done = run(page, "-o", "b.pdf", "--map", "Roe=Doe", "--style", "engine")
    assert done.returncode == 0
    assert "has not learnt to write letters" in done.stderr


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["-o", "b.pdf"], 2),
        (["--map", "a=b"], 2),
        (["-o", "b.pdf", "--map", "nothing"], 2),
        (["-o", "b.pdf", "--map-file", "missing.csv"], 2),
        (["-o", "b.pdf", "--map", "a=b", "--least-size", "7"], 2),
        (["-o", "a.pdf", "--map", "a=b"], 2),
        (["-o", "no/such/folder/b.pdf", "--map", "Roe=Doe"], 4),
    ],
)
def test_usage(run: Run, page: Path, args: list[str], code: int) -> None:
    done = run(page, *args)
    assert done.returncode == code, done.stderr
    assert len(done.stderr.strip().splitlines()) == 2


def test_a_missing_font_is_told_with_what_helps(run: Run, page: Path) -> None:
    done = run(page, "-o", "b.pdf", "--map", "Agreement=ስምምነት")
    assert done.returncode == 20
    assert "left as it was on page 1" in done.stderr
    assert "U+1235" in done.stderr
    assert "DOCHARMONY_FONTS" in done.stderr
