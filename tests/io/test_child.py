from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from docharmony.errors import BrokenError, EncryptedError, LimitExceededError, MissingExtraError
from docharmony.io.child import Child
from docharmony.io.limits import MIB, Limits
from tests.resources import bad

INFO = "docharmony.io.pdf_child:info"
PAGE = "docharmony.io.pdf_child:page"
RASTER = "docharmony.io.pdf_child:raster"


@pytest.fixture
def file(tmp_path: Path) -> dict[str, object]:
    path = tmp_path / "good.pdf"
    path.write_bytes(bad.good_pdf(3))
    return {"path": str(path), "password": None}


@pytest.fixture
def endless(tmp_path: Path) -> dict[str, object]:
    path = tmp_path / "endless.pdf"
    path.write_bytes(bad.endless())
    return {"path": str(path), "password": None}


def pid(child: Child) -> int:
    process = child._process
    assert process is not None
    return process._process.pid


def alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_call_returns_value_and_blobs(file: dict[str, object]) -> None:
    with Child() as child:
        value, blobs = child.call(INFO, {**file, "max_pages": 10})
        assert value == {"pages": 3, "repaired": False, "cut_off": False}
        assert blobs == []
        size, (pixels,) = child.call(RASTER, {**file, "number": 1, "dpi": 36, "max_pixels": 10**6})
        assert size == [150, 100]
        assert len(pixels) == 150 * 100 * 3


def test_answers_belong_to_their_calls_in_any_order(file: dict[str, object]) -> None:
    with Child() as child:
        tickets = [
            child.submit(PAGE, {**file, "number": number, "max_points": 1e5})
            for number in (1, 2, 3)
        ]
        info, _ = child.call(INFO, {**file, "max_pages": 10})
        assert info["pages"] == 3
        texts = [bytes(child.result(ticket)[1][0]).decode() for ticket in reversed(tickets)]
        assert texts == ["Good\npage\n3", "Good\npage\n2", "Good\npage\n1"]


def test_only_our_own_modules_run() -> None:
    with Child() as child, pytest.raises(BrokenError, match="ImportError"):
        child.call("os:getcwd", {})


def test_an_error_of_ours_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "locked.pdf"
    path.write_bytes(bad.encrypted())
    with Child() as child, pytest.raises(EncryptedError) as caught:
        child.call(INFO, {"path": str(path), "password": None, "max_pages": 9}, where="locked.pdf")
    assert caught.value.where == "locked.pdf"
    assert "--password" in caught.value.hint


def test_another_error_names_its_type_and_no_text(file: dict[str, object]) -> None:
    with Child() as child, pytest.raises(BrokenError, match=r"\(a\.pdf\): .* \(TypeError\)"):
        child.call(INFO, {**file, "secret": "Jane Roe"}, where="a.pdf")


def test_a_missing_package_is_told_with_its_pip_line(
    file: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = "raise ModuleNotFoundError(name='pymupdf')"
    (tmp_path / "pymupdf.py").write_text(absent)
    monkeypatch.syspath_prepend(tmp_path)
    with Child() as child, pytest.raises(MissingExtraError, match=r"pymupdf is not") as caught:
        child.call(INFO, file, where="a.pdf")
    assert caught.value.hint == "pip install pymupdf"


def test_what_takes_too_long_is_killed_and_the_next_call_works(
    file: dict[str, object], endless: dict[str, object]
) -> None:
    with Child(Limits(timeout_s=1.0)) as child:
        child.call(INFO, {**file, "max_pages": 9}, timeout_s=30)
        first = pid(child)
        start = time.monotonic()
        with pytest.raises(LimitExceededError, match="longer than 1 s") as caught:
            child.call(RASTER, {**endless, "number": 1, "dpi": 72, "max_pixels": 10**6})
        assert time.monotonic() - start < 10
        assert "--timeout" in caught.value.hint
        assert not alive(first)
        child.call(INFO, {**file, "max_pages": 9}, timeout_s=30)


def test_calls_behind_a_slow_one_are_repeated(
    file: dict[str, object], endless: dict[str, object]
) -> None:
    with Child(Limits(timeout_s=20)) as child:
        slow = child.submit(
            RASTER, {**endless, "number": 1, "dpi": 72, "max_pixels": 10**6}, timeout_s=1
        )
        after = child.submit(INFO, {**file, "max_pages": 9})
        with pytest.raises(LimitExceededError):
            child.result(slow)
        assert child.result(after)[0]["pages"] == 3


def test_a_crash_fails_its_own_call_only(
    file: dict[str, object], endless: dict[str, object]
) -> None:
    with Child(Limits(timeout_s=30)) as child:
        args = {**endless, "number": 1, "dpi": 72, "max_pixels": 10**6}
        ticket = child.submit(RASTER, args)
        after = child.submit(INFO, {**file, "max_pages": 9})
        threading.Timer(1.0, os.kill, (pid(child), signal.SIGSEGV)).start()
        with pytest.raises(BrokenError, match="crashed"):
            child.result(ticket)
        assert child.result(after)[0]["pages"] == 3


def test_a_crash_after_other_pages_is_tried_once_more(file: dict[str, object]) -> None:
    with Child() as child:
        child.call(INFO, {**file, "max_pages": 9})
        os.kill(pid(child), signal.SIGKILL)
        assert child.call(INFO, {**file, "max_pages": 9})[0]["pages"] == 3


def test_memory_is_limited(tmp_path: Path) -> None:
    path = tmp_path / "huge.pdf"
    path.write_bytes(bad.huge_page())
    with Child(Limits(max_memory=300 * MIB)) as child:
        args = {"path": str(path), "password": None, "number": 1}
        with pytest.raises(LimitExceededError, match="more than 300 MiB") as caught:
            child.call(RASTER, {**args, "dpi": 72, "max_pixels": 10**9})
        assert "--max-memory" in caught.value.hint
        assert child.call(PAGE, {**args, "max_points": 1e5})[0]["size"] == [14400, 14400]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process holds")
def test_a_child_that_has_grown_is_replaced_between_calls(
    tmp_path: Path, file: dict[str, object]
) -> None:
    path = tmp_path / "large.pdf"
    path.write_bytes(bad.large_images(4, 2500))
    with Child(Limits(max_memory=480 * MIB)) as child:
        child.call(INFO, {**file, "max_pages": 9})
        first = pid(child)
        args = {"path": str(path), "password": None, "dpi": 300, "max_pixels": 10**8}
        for number in range(1, 5):
            child.call(RASTER, {**args, "number": number})
        assert not alive(first)


def test_close_ends_the_process(file: dict[str, object]) -> None:
    child = Child()
    child.call(INFO, {**file, "max_pages": 9})
    number = pid(child)
    child.close()
    child.close()
    assert not alive(number)


def test_a_call_that_a_close_dropped_says_so(file: dict[str, object]) -> None:
    with Child() as child:
        ticket = child.submit(INFO, {**file, "max_pages": 9})
        child.close()
        with pytest.raises(RuntimeError, match="was closed"):
            child.result(ticket)
        assert child.call(INFO, {**file, "max_pages": 9})[0]["pages"] == 3


def test_a_dropped_child_ends_its_process(file: dict[str, object]) -> None:
    child = Child()
    child.call(INFO, {**file, "max_pages": 9})
    number = pid(child)
    del child
    assert not alive(number)


def test_the_password_of_the_environment_stays_here(monkeypatch: pytest.MonkeyPatch) -> None:
    from docharmony.io.child import _environment

    monkeypatch.setenv("DOCHARMONY_PASSWORD", "secret")
    assert "secret" not in _environment().values()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_in_a_script_without_main_guard_ends_both(tmp_path: Path) -> None:
    path = tmp_path / "endless.pdf"
    path.write_bytes(bad.endless())
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "from docharmony.io.source import open_source\n"
        "source = open_source(sys.argv[1])\n"
        "print(source._child._process._process.pid, flush=True)\n"
        "source.raster(1, 72)\n"
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, str(script), str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
        process_group=0,
    ) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        time.sleep(0.5)
        os.killpg(process.pid, signal.SIGINT)  # as the terminal does: to the foreground group
        _, errors = process.communicate(timeout=20)
    assert "KeyboardInterrupt" in errors
    for _ in range(50):
        if not alive(child):
            break
        time.sleep(0.1)
    assert not alive(child)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nothing_is_printed_by_the_parser(file: dict[str, object]) -> None:
    with Child() as child:
        child.call(INFO, {**file, "max_pages": 9})
        for descriptor in (1, 2):
            assert os.readlink(f"/proc/{pid(child)}/fd/{descriptor}") == os.devnull
