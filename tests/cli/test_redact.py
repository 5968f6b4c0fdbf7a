"""``docharmony redact`` from outside: options, exit codes, files, and never the text on a stream."""

from __future__ import annotations

import json
import stat
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pymupdf
import pytest

from docharmony.cli import main

READER = str(Path(__file__).parent.parent / "plugins" / "reader.py")
Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]


@pytest.fixture
def redact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Run:
    """Call the command in this process, with a stand-in for the reader, in an empty folder."""
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("DOCHARMONY_PLUGINS", "")
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)

    def call(*args: object, settings: tuple[str, ...] = ()) -> Done:
        command = [
            "--plugin", READER, "--set", 'routes.scan=["fake.reader"]',
            "--set", 'routes.mixed=["layout"]',
            *(part for setting in settings for part in ("--set", setting)),
            "redact", *map(str, args),
        ]  # fmt: skip
        done = Done(command, main(command), *capfd.readouterr())
        assert list(temporary.iterdir()) == []
        assert done.stdout == ""
        for secret in ("Jane", "jane.roe", "example.org"):
            assert secret not in done.stderr
        return done

    return call


def text_of(path: Path) -> str:
    with pymupdf.open(path) as document:
        return "".join(str(page.get_text()) for page in document)


def test_redacts_and_says_what_it_did(redact: Run, letter: Path, tmp_path: Path) -> None:
    out, report = tmp_path / "out.pdf", tmp_path / "report.json"
    done = redact(letter, "-o", out, "--term", "Jane Roe", "--pii", "email,ip", "--report", report)
    assert done.returncode == 0, done.stderr
    assert "term 1: 3 places on pages 1, 2, 3" in done.stderr
    assert "pii:email: 3 places" in done.stderr
    assert "checks passed" in done.stderr
    assert "Jane" not in text_of(out)
    data = json.loads(report.read_text())
    assert len(data["edits"]) == 6
    assert data["verification"]["passed"] is True
    assert "Jane" not in report.read_text()


def test_all_rules_together(redact: Run, letter: Path, tmp_path: Path) -> None:
    (tmp_path / "work" / "terms.txt").write_text("letter\n")
    done = redact(
        letter, "-o", tmp_path / "out.pdf", "--terms-file", "terms.txt", "--pattern", r"Line \d",
        "--pattern", "goes on", "--region", "1:60,60,300,80", "--fill", "label", "--whole-words",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for line in ("pattern: 48 places", "region: 1 place on page 1", "term 1: 3 places"):
        assert line in done.stderr


def test_nothing_matched_is_said(redact: Run, letter: Path, tmp_path: Path) -> None:
    done = redact(letter, "-o", tmp_path / "out.pdf", "--term", "Nobody")
    assert done.returncode == 0
    assert "nothing matched" in done.stderr
    assert (tmp_path / "out.pdf").exists()


def test_rules_of_the_configuration_count(redact: Run, letter: Path, tmp_path: Path) -> None:
    done = redact(
        letter, "-o", tmp_path / "out.pdf", "--term", "letter",
        settings=('stages.redact.terms=["Jane Roe"]',),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "term 1: 3 places" in done.stderr
    assert "term 2: 3 places" in done.stderr


def test_several_inputs_go_to_folders(redact: Run, letter: Path, tmp_path: Path) -> None:
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    for name in ("a.pdf", "b.pdf"):
        (inputs / name).write_bytes(letter.read_bytes())
    (inputs / "c.pdf").write_bytes(b"%PDF-1.7\nnothing")
    done = redact(
        inputs, "-o", tmp_path / "out", "--term", "Jane Roe", "--report", tmp_path / "reports"
    )
    assert done.returncode == 20
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.pdf", "b.pdf"]
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == ["a.json", "b.json"]


def test_plan_then_apply(redact: Run, letter: Path, tmp_path: Path) -> None:
    plan, out = tmp_path / "plan.json", tmp_path / "out.pdf"
    done = redact(letter, "--term", "Jane Roe", "--plan", plan)
    assert done.returncode == 0, done.stderr
    assert "it holds the text" in done.stderr
    assert stat.S_IMODE(plan.stat().st_mode) == 0o600
    assert not out.exists()
    data = json.loads(plan.read_text())
    data["edits"][1]["status"] = "rejected"
    plan.write_text(json.dumps(data))
    done = redact(letter, "-o", out, "--apply", plan)
    assert done.returncode == 0, done.stderr
    assert "term 1: 2 places on pages 1, 3" in done.stderr
    assert text_of(out).count("Jane Roe") == 1


def test_a_plan_for_another_input_is_refused(redact: Run, letter: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    redact(letter, "--term", "Jane Roe", "--plan", plan)
    other = tmp_path / "other.pdf"
    other.write_bytes(letter.read_bytes() + b"\n")
    done = redact(other, "-o", tmp_path / "out.pdf", "--apply", plan)
    assert done.returncode == 2
    assert "made for another input" in done.stderr
    assert not (tmp_path / "out.pdf").exists()


def test_what_can_still_be_read_is_withheld(redact: Run, letter: Path, tmp_path: Path) -> None:
    out, report = tmp_path / "out.pdf", tmp_path / "report.json"
    done = redact(
        letter, "-o", out, "--term", "Jane Roe", "--report", report,
        settings=('stages.fake.reader.text="JaneRoe"', "stages.fake.reader.middle=8.0"),
    )  # fmt: skip
    assert done.returncode == 10, done.stderr
    assert "the output was withheld (pixels read again by fake.reader)" in done.stderr
    assert not out.exists()
    assert not report.exists()


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--term", "x"], 2, "redact needs -o"),
        (["-o", "o.pdf"], 2, "nothing to redact was named"),
        (["-o", "o.pdf", "--pii", "emial"], 2, "unknown detector 'emial'"),
        (["-o", "o.pdf", "--pattern", "("], 2, "pattern 1 is not a regular expression"),
        (["-o", "o.pdf", "--region", "1:2"], 2, "cannot understand the region"),
        (["-o", "o.pdf", "--region", "7:1,1,2,2"], 2, "a page that is not there"),
        (["-o", "o.pdf", "--region", "1:9000,1,9001,2"], 2, "outside its page"),
        (["-o", "o.pdf", "--term", "-"], 2, "holds no letter"),
        (["-o", "o.pdf", "--terms-file", "absent"], 2, "cannot read the terms file"),
        (["-o", "o.pdf", "--fill", "blur", "--term", "x"], 2, "--fill"),
        (["-o", "o.pdf", "--apply", "absent"], 3, "cannot read the plan"),
        (["-o", "o.pdf", "--apply", "p", "--term", "x"], 2, "--apply does what the plan says"),
        (["-o", "o.pdf", "--apply", "p", "--plan", "q"], 2, "not allowed with"),
        (["-o", "absent/o.pdf", "--term", "letter"], 4, "cannot write the output"),
    ],
)  # fmt: skip
def test_mistakes_end_in_one_clear_line(
    options: list[str], code: int, message: str, redact: Run, letter: Path, tmp_path: Path
) -> None:
    done = redact(letter, *options)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert 1 <= len(done.stderr.strip().splitlines()) <= 3
    assert list((tmp_path / "work").iterdir()) == []


def test_an_input_is_never_replaced(redact: Run, letter: Path) -> None:
    before = letter.read_bytes()
    done = redact(letter, "-o", letter, "--term", "Jane")
    assert done.returncode == 2
    assert letter.read_bytes() == before


def test_further_readers_look_at_the_output(redact: Run, letter: Path, tmp_path: Path) -> None:
    out, report = tmp_path / "out.pdf", tmp_path / "report.json"
    done = redact(
        letter, "-o", out, "--region", "1:70,60,300,80", "--recheck", "ocr", "--report", report
    )
    assert done.returncode == 0, done.stderr
    names = [check["name"] for check in json.loads(report.read_text())["verification"]["checks"]]
    assert "pixels read again by fake.reader" in names
    assert "pixels read again by ocr" in names
    out.unlink()
    done = redact(letter, "-o", out, "--region", "1:70,60,300,80", "--recheck", "layout")
    assert done.returncode == 2
    assert "does not read pixels" in done.stderr
    assert not out.exists()


def test_reports_come_in_both_kinds(redact: Run, letter: Path, tmp_path: Path) -> None:
    page, data = tmp_path / "report.html", tmp_path / "report.json"
    done = redact(
        letter, "-o", tmp_path / "o.pdf", "--term", "Jane Roe", "--report", page, "--report", data
    )
    assert done.returncode == 0, done.stderr
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert json.loads(data.read_text())["verification"]["passed"]


def test_no_output_without_its_report(redact: Run, letter: Path, tmp_path: Path) -> None:
    out, page, full = tmp_path / "o.pdf", tmp_path / "r.html", Path("/dev/full")
    for report in (tmp_path / "missing" / "r.json", *([full] if full.is_char_device() else [])):
        done = redact(letter, "-o", out, "--term", "Jane Roe", "--report", page, "--report", report)
        assert done.returncode == 4, done.stderr
        assert str(report) in done.stderr
        assert not [path for path in tmp_path.iterdir() if path.name.startswith((".", "o.", "r."))]


def test_carriers_can_be_kept_or_removed(redact: Run, letter: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "a.pdf", tmp_path / "o.pdf"
    with pymupdf.open(letter) as document:
        document.embfile_add("data.zip", b"PK\x03\x04")
        document.set_toc([[1, "First", 1]])
        document.save(source)
    base = (source, "-o", out, "--term", "Jane Roe")
    done = redact(*base, "--carrier", "attachments=keep", "--carrier", "bookmarks=remove")
    assert done.returncode == 0, done.stderr
    with pymupdf.open(out) as document:
        assert document.embfile_names() == ["data.zip"]
        assert document.get_toc() == []
    for wrong in ("attachments", "attachment=keep", "attachments=hold"):
        done = redact(*base, "--carrier", wrong)
        assert done.returncode == 2, done.stderr
