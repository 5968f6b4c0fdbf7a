"""``docharmony translate``: what it prints, writes and returns."""

from __future__ import annotations

import json
from pathlib import Path

import pymupdf
import pytest

from docharmony.cli import main

PLUGIN = ["--plugin", str(Path(__file__).parent.parent / "plugins" / "translators.py")]


def test_translates_and_reports(
    letter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, report = tmp_path / "out.pdf", tmp_path / "r.json"
    argv = [*PLUGIN, "translate", str(letter), "-o", str(out), "--to", "es", "--translator"]
    assert main([*argv, "accents", "--report", str(report), "--keep", "Jane Roe"]) == 0
    with pymupdf.open(out) as document:
        text = document[0].get_text()
    assert "Jane Roe" in text
    assert "thé léttér" in text
    data = json.loads(report.read_text())
    assert data["to"] == "es"
    assert data["replaced"] > 0
    assert "letter to" not in report.read_text()
    said = capsys.readouterr()
    assert said.out == ""
    assert "places translated" in said.err
    assert "Jane" not in said.err


def test_a_preview_to_look_at(letter: Path, tmp_path: Path) -> None:
    out, picture = tmp_path / "out.pdf", tmp_path / "both.png"
    argv = [*PLUGIN, "translate", str(letter), "-o", str(out), "--to", "es", "--pages", "1"]
    argv += ["--translator", "accents", "--preview", str(picture)]
    assert main(argv) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert main([*argv, "--bilingual"]) == 2


def test_says_where_texts_go(
    letter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = [*PLUGIN, "translate", str(letter), "--to", "es", "--translator", "online"]
    assert main([*argv, "--plan", str(tmp_path / "p.json")]) == 0
    assert "texts leave this machine" in capsys.readouterr().err
    assert (tmp_path / "p.json").stat().st_mode & 0o077 == 0
    out = tmp_path / "out.pdf"
    assert (
        main(["translate", str(letter), "-o", str(out), "--apply", str(tmp_path / "p.json")]) == 0
    )
    assert out.exists()


def test_without_a_translator_the_installed_ones_are_named(
    letter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = [*PLUGIN, "translate", str(letter), "-o", str(tmp_path / "out.pdf"), "--to", "es"]
    assert main(argv) == 2
    said = capsys.readouterr().err
    assert "accents, " in said
    assert "glossary" in said
    assert "--translator NAME" in said


@pytest.mark.parametrize(
    "options",
    [
        ["--translator", "accents"],
        ["--to", "es", "--translator", "nobody"],
        ["--to", "xx-yy-zz", "--translator", "accents"],
        ["--to", "es", "--translator", "glossary"],
        ["--to", "es", "--apply", "plan.json"],
    ],
)
def test_usage_errors(letter: Path, tmp_path: Path, options: list[str]) -> None:
    argv = [*PLUGIN, "translate", str(letter), "-o", str(tmp_path / "out.pdf"), *options]
    assert main(argv) == 2
    assert not (tmp_path / "out.pdf").exists()


def test_an_output_is_needed(letter: Path) -> None:
    assert main([*PLUGIN, "translate", str(letter), "--to", "es", "--translator", "accents"]) == 2


def test_what_does_not_fit_is_told_by_the_exit_code_and_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, report = tmp_path / "form.pdf", tmp_path / "r.json"
    with pymupdf.open() as document:
        sheet = document.new_page(width=300, height=200)
        sheet.draw_rect((20, 20, 52, 40))
        sheet.insert_text((24, 34), "Go on", fontsize=9)
        sheet.insert_text((24, 80), "Go home", fontsize=9)
        document.save(path)
    words = tmp_path / "words.csv"
    words.write_text("en,de\nGo on,Weitermachen bitte alle\nGo home,Geht heim\n")
    argv = ["translate", str(path), "-o", str(tmp_path / "out.pdf"), "--to", "de", "--from", "en"]
    argv += ["--glossary", str(words), "--report", str(report)]
    assert main(argv) == 20
    said = capsys.readouterr().err
    assert "left as it was on page 1 at " in said
    assert "(1 place translated)" in said
    data = json.loads(report.read_text())
    assert (data["replaced"], data["left"]) == (1, 1)
    with pymupdf.open(tmp_path / "out.pdf") as document:
        assert document[0].get_text().split() == ["Go", "on", "Geht", "heim"]


def test_what_a_translator_damages_is_told_by_the_exit_code(letter: Path, tmp_path: Path) -> None:
    argv = [*PLUGIN, "translate", str(letter), "-o", str(tmp_path / "out.pdf"), "--to", "es"]
    assert main([*argv, "--from", "en", "--translator", "drops"]) == 20
