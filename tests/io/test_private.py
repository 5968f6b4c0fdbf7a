"""Private folders are gone afterwards, also when the process was killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from docharmony.io import private

CRASH = """
import os, signal, sys
from docharmony.io import private
folder = private.make()
(folder / "secret").write_text("x")
print(folder, flush=True)
os.kill(os.getpid(), int(sys.argv[1]))
"""


def gone(folder: Path, seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while folder.exists() and time.monotonic() < end:
        time.sleep(0.05)
    return not folder.exists()


def test_removed_at_the_end_and_for_the_owner_alone(tmp_path: Path) -> None:
    folder = private.make()
    (folder / "secret").write_text("x")
    assert folder.stat().st_mode & 0o777 == 0o700 or sys.platform == "win32"
    private.remove(folder)
    assert not folder.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_removed_after_a_crash(number: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CRASH, str(int(number))], capture_output=True, check=False
    )
    assert done.returncode == -number
    assert gone(Path(done.stdout.decode().strip()))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_a_fork_does_not_remove_it() -> None:
    folder = private.make()
    child = os.fork()
    if not child:
        private.remove(folder)
        os._exit(0)
    os.waitpid(child, 0)
    assert folder.exists()
    private.remove(folder)
    assert not folder.exists()
