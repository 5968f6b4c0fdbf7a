"""The command line from outside: exit codes, streams, two-line errors, nothing half-written."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from docharmony.cli import main

FAULTS = str(Path(__file__).parent.parent / "plugins" / "faults.py")
SECRET = "the-text-of-the-document"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Call the command line in this process: a fresh one each time would take half of a test's time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCHARMONY_PLUGINS", "")

    def call(*args: object, stdin: bytes = b"", **env: str) -> subprocess.CompletedProcess[str]:
        command = list(map(str, args))
        with pytest.MonkeyPatch.context() as patch:
            for name, value in env.items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
            try:
                code = main(command)
            except SystemExit as exit:  # --help and --version
                code = int(exit.code or 0)
        return subprocess.CompletedProcess(command, code, *capfd.readouterr())

    return call


def fault(name: str) -> list[str]:
    return ["--plugin", FAULTS, *(f"--set=routes.{r}=['{name}']" for r in ("digital", "scan"))]


def test_options_may_stand_between_inputs(run: Run, tmp_path: Path) -> None:
    for name in ("a.txt", "-b.txt"):
        (tmp_path / name).write_text("no document")
    for command in (
        ["ask", "a.txt", "--pages", "1", "Who?"],
        ["ask", "a.txt", "Who?", "--pages", "1", "When?"],
        ["ocr", "--pages", "1", "a.txt", "-f", "text"],
        ["ocr", "--pages", "1", "--", "-b.txt"],
    ):
        done = run(*command)
        assert done.returncode == 3, done.stderr  # understood; the file is the fault
    assert run("ask", "a.txt", "--pages", "1").returncode == 2
    assert run("ocr", "a.txt", "--bogus", "b.txt").returncode == 2


def test_help_lists_every_command_and_code(run: Run) -> None:
    done = run("--help")
    assert done.returncode == 0
    for word in (
        "ocr",
        "layout",
        "redact",
        "verify",
        "run",
        "plugins",
        "checkpoints",
        "exit codes",
    ):
        assert word in done.stdout
    for command in ("ocr", "layout", "redact", "verify", "run", "plugins", "checkpoints"):
        assert "example" in run(command, "--help").stdout


def test_results_go_to_standard_output_alone(run: Run, letter: Path) -> None:
    done = run("ocr", letter)
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert data["schema"] == 1
    assert data["source"]["name"] == "letter.pdf"
    assert len(data["pages"]) == 3
    assert "3 pages" in done.stderr


def test_quiet_and_json_log(run: Run, letter: Path) -> None:
    assert run("-q", "ocr", letter, "-f", "text").stderr == ""
    done = run("--json-log", "-v", "ocr", letter, "-f", "text", "--pages", "2")
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert any(event.get("page") == 2 for event in events)
    failed = run("--json-log", "ocr", "none.pdf")
    assert json.loads(failed.stderr)["exit_code"] == 3


def test_global_options_are_understood_on_both_sides(run: Run, letter: Path) -> None:
    assert run("ocr", letter, "-f", "text", "-q").stderr == ""
    both = run("--set", "pages='1-2'", "ocr", letter, "-f", "text", "--set", "dpi=5")
    assert both.returncode == 2
    assert "dpi" in both.stderr
    done = run("--set", "pages='2'", "ocr", letter, "-f", "text", "--set", "dpi=150", "-q")
    assert "Page 2" in done.stdout
    assert "Page 1" not in done.stdout


def test_standard_input(run: Run, letter: Path) -> None:
    done = run("ocr", "-", "-f", "text", "--pages", "3", stdin=letter.read_bytes())
    assert done.returncode == 0, done.stderr
    assert "Page 3" in done.stdout
    assert "Page 2" not in done.stdout


def test_a_folder_gives_a_folder(run: Run, letter: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.pdf", "b.PDF", "c"):
        (tmp_path / "in" / name).write_bytes(letter.read_bytes())
    (tmp_path / "in" / "notes.txt").write_text("not a document")
    done = run("ocr", "in", "-f", "markdown", "-o", "out/")
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.md", "b.md", "c.md"]


def test_some_inputs_fail_the_rest_is_written(run: Run, letter: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.7\nnothing")
    done = run("ocr", letter, "bad.pdf", "-o", "out", "-f", "text")
    assert done.returncode == 20
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["letter.txt"]
    assert "bad.pdf" in done.stderr


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ([], 2),
        (["nonsense"], 2),
        (["ocr"], 2),
        (["ocr", "a.pdf", "-f", "docx"], 2),
        (["ocr", "a.pdf", "--dpi", "many"], 2),
        (["ocr", "a.pdf", "--dpi", "3"], 2),
        (["ocr", "a.pdf", "--max-memory", "much"], 2),
        (["--set", "x=1", "ocr", "a.pdf"], 2),
        (["--config", "none.toml", "ocr", "a.pdf"], 2),
        (["--plugin", "none.py", "plugins"], 5),
        (["ocr", "a.pdf", "--timeout", "nan"], 2),
        (["ocr", "none.pdf"], 3),
        (["ocr", "-", "-"], 2),
        (["train", "--steps", "3"], 7),
        (["export", "nano", "out"], 7),
        (["redact", "a.pdf", "-o", "b.pdf", "--pii", "address"], 7),
    ],
)
def test_errors_are_two_lines_with_their_code(run: Run, args: list[str], code: int) -> None:
    done = run(*args)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("docharmony: ") for line in lines)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["--checkpoint", "none"], 6),
        (["--device", "cuda:9"], 8),
        (["--device", "abacus"], 8),
        pytest.param(
            ["--checkpoint", "hf:org/name@main"],
            7,
            marks=pytest.mark.skipif(
                importlib.util.find_spec("huggingface_hub") is not None,
                reason="the extra hub is installed",
            ),
        ),
    ],
)
def test_errors_of_the_engine(run: Run, tmp_path: Path, args: list[str], code: int) -> None:
    from PIL import Image, ImageDraw

    image = Image.new("L", (300, 100), 255)
    ImageDraw.Draw(image).text((20, 30), "Some words to read", fill=0, font_size=24)
    image.save(tmp_path / "words.png")
    done = run("ocr", "words.png", *args)
    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_a_checkpoint_that_is_none_is_told_though_no_page_needs_it(run: Run, letter: Path) -> None:
    (letter.parent / "empty").mkdir()
    for name in ("none", str(letter.parent / "empty")):
        done = run("ocr", letter, "--checkpoint", name)
        assert done.returncode == 6, done.stderr
        assert done.stdout == ""


def test_a_stage_that_fails(run: Run, letter: Path, tmp_path: Path) -> None:
    done = run(*fault("fault.raises"), "ocr", letter, "-o", "a.json")
    assert done.returncode == 9
    assert "page 2" in done.stderr
    assert not (tmp_path / "a.json").exists()
    told = run("-v", *fault("fault.raises"), "ocr", letter)
    assert "faults.py" in told.stderr
    for stream in (done.stderr, told.stderr, told.stdout):
        assert SECRET not in stream


def test_failures_name_their_file(run: Run, letter: Path, tmp_path: Path) -> None:
    (tmp_path / "other.pdf").write_bytes(letter.read_bytes())
    args = [*fault("fault.raises"), "ocr", letter, "other.pdf", "-f", "text", "-o", "out"]
    done = run(*args)
    assert done.returncode == 9
    assert f"docharmony: {letter}: a stage failed (page 2" in done.stderr
    assert "docharmony: other.pdf: a stage failed (page 2" in done.stderr
    going = run(*args, "--keep-going")
    assert going.returncode == 20
    assert "docharmony: other.pdf: page 2 failed in stage fault.raises: ValueError" in going.stderr
    assert "Page 3" in (tmp_path / "out" / "other.txt").read_text()


def test_run_keeps_going_and_resumes(run: Run, letter: Path, tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text('formats = ["json", "text"]\n')
    done = run("run", "p.toml", letter, "-o", "out")
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in (tmp_path / "out").iterdir() if p.name[0] != ".") == [
        "letter.json",
        "letter.txt",
    ]
    assert "already done" in run("run", "p.toml", letter, "-o", "out", "--resume").stderr
    assert "already done" not in run("run", "p.toml", letter, "-o", "out").stderr
    (tmp_path / "p.toml").write_text('formats = ["json", "text"]\ndpi = 100\n')
    assert "already done" not in run("run", "p.toml", letter, "-o", "out", "--resume").stderr
    broken = 'formats = ["json"]\n[routes]\ndigital = ["fault.raises"]\n'
    (tmp_path / "q.toml").write_text(broken)
    failed = run("--plugin", FAULTS, "run", "q.toml", letter, "-o", "out2", "--keep-going")
    assert failed.returncode == 20
    data = json.loads((tmp_path / "out2" / "letter.json").read_text())
    assert data["failures"] == [{"page": 2, "stage": "fault.raises", "error": "ValueError"}]
    assert SECRET not in failed.stderr


def test_run_redacts_and_keeps_what_it_read_to_itself(
    run: Run, letter: Path, tmp_path: Path
) -> None:
    routes = "".join(f'{r} = ["layout", "redact"]\n' for r in ("digital", "mixed"))
    routes += 'scan = ["ocr", "redact"]\n'
    (tmp_path / "p.toml").write_text(f'[routes]\n{routes}[stages.redact]\nterms = ["Jane Roe"]\n')
    done = run("run", "p.toml", letter, "-o", "out")
    assert done.returncode == 0, done.stderr
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files == {"letter.redacted.pdf", ".docharmony-run.jsonl"}
    text = run("ocr", tmp_path / "out" / "letter.redacted.pdf", "-f", "text").stdout
    assert "Page 1 of the letter" in text
    assert "Jane" not in text
    journal = (tmp_path / "out" / ".docharmony-run.jsonl").read_text()
    assert "Jane" not in journal


def test_run_over_processes(run: Run, letter: Path, tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text('formats = ["text"]\nbatch = 1\n')
    done = run("run", "p.toml", letter, "-o", "out", "--jobs", "2", "--executor", "process")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "letter.txt").read_text().count("\f") >= 2


def test_names_of_packages_that_are_not_installed(run: Run, letter: Path, tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text("")
    done = run("run", "p.toml", letter, "-o", "out", "--executor", "ray")
    assert done.returncode == 7
    assert done.stderr.splitlines()[1] == "docharmony: pip install docharmony-ray"
    stage = run("--set", "routes.scan=['ocr.tesseract']", "ocr", letter)
    assert stage.returncode == 7
    assert "pip install docharmony-tesseract" in stage.stderr
    assert "train" not in run("--help").stdout


def test_run_refuses_routes_that_let_pages_slip_through(
    run: Run, letter: Path, tmp_path: Path
) -> None:
    (tmp_path / "p.toml").write_text('[routes]\ndigital = ["redact"]\n')
    done = run("run", "p.toml", letter, "-o", "out")
    assert done.returncode == 2
    assert "slip through" in done.stderr


def test_an_output_never_replaces_an_input(run: Run, letter: Path, tmp_path: Path) -> None:
    copy = tmp_path / "a.pdf"
    copy.write_bytes(letter.read_bytes())
    assert run("ocr", "a.pdf", "-f", "pdf", "-o", "a.pdf").returncode == 2
    assert copy.read_bytes() == letter.read_bytes()


def test_output_that_cannot_be_written(run: Run, letter: Path) -> None:
    assert run("ocr", letter, "-o", "no/such/folder/a.json").returncode == 4
    assert run("ocr", letter, "-o", "/dev/full/x").returncode == 4


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_standard_output(letter: Path) -> None:
    command = f"{sys.executable} -m docharmony ocr {letter} > /dev/full"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == 4, done.stderr
    assert [line[:11] for line in done.stderr.splitlines()] == ["docharmony:"] * 2


def test_a_closed_pipe_is_no_traceback(letter: Path) -> None:
    command = f"{sys.executable} -m docharmony ocr {letter} | true"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing(letter: Path, tmp_path: Path, number: signal.Signals) -> None:
    slow = tmp_path / "slow.py"
    slow.write_text(
        "import time, sys\nfrom docharmony import Stage, hookimpl\n"
        "class Slow(Stage):\n    name = 'slow'\n    def process(self, page, ctx):\n"
        "        print('working', file=sys.stderr, flush=True)\n        time.sleep(60)\n"
        "@hookimpl\ndef register_stages(register):\n    register('slow', Slow, 'sleeps')\n"
    )
    out, temporary = tmp_path / "out", tmp_path / "tmp"
    out.mkdir()
    temporary.mkdir()
    command = [sys.executable, "-m", "docharmony", "--plugin", str(slow)]
    command += ["--set=routes.digital=['slow']", "ocr", "-", "-o", str(out / "a.json")]
    with (
        letter.open("rb") as stdin,
        subprocess.Popen(
            command,
            stdin=stdin,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": str(temporary)},
        ) as process,
    ):
        assert process.stderr is not None
        assert process.stderr.readline() == "working\n"
        process.send_signal(number)
        rest = process.stderr.read()
        assert process.wait(20) == 130
    assert rest == "docharmony: interrupted\n"
    time.sleep(0.1)
    assert list(out.iterdir()) == []
    assert list(temporary.iterdir()) == []


def test_plugins_and_checkpoints(run: Run) -> None:
    text = run("plugins").stdout
    assert "docharmony.io.write" not in text
    assert "executors" in text
    data = json.loads(run("plugins", "-f", "json").stdout)
    assert {"kind", "name", "distribution", "version", "target", "summary"} == set(data["names"][0])
    nano = json.loads(run("checkpoints", "-f", "json").stdout)["checkpoints"][0]
    assert (nano["name"], nano["ok"]) == ("nano", True)
    assert "nano" in run("checkpoints").stdout


def test_passwords(run: Run, letter: Path, tmp_path: Path) -> None:
    import pikepdf

    with pikepdf.open(letter) as pdf:
        encryption = pikepdf.Encryption(user="open sesame", owner="other")
        pdf.save(tmp_path / "locked.pdf", encryption=encryption)
    for args, code in ([], 3), (["--password", "wrong"], 3), (["--password", "open sesame"], 0):
        done = run("ocr", "locked.pdf", *args, "-f", "text")
        assert done.returncode == code, done.stderr
        assert "sesame" not in done.stderr
    assert run("ocr", "locked.pdf", DOCHARMONY_PASSWORD="open sesame").returncode == 0
