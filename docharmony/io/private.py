"""Private folders for intermediate files: gone whatever becomes of the process that made them.

A folder is removed by its owner. Should the owner be killed, or crash in a library, a small process
that does nothing but wait for its end removes the folder instead.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

# Waits until the other end of its input is closed, which also happens when the owner dies.
_WAIT = """\
import shutil, sys
sys.stdin.buffer.read()
shutil.rmtree(sys.argv[1], ignore_errors=True)
"""
_waiting: dict[Path, tuple[int, subprocess.Popen[bytes]]] = {}


def make() -> Path:
    """Return a new folder that only its owner may enter (mode 0700); hand it to :func:`remove`."""
    folder = Path(tempfile.mkdtemp(prefix="docharmony-"))
    options: dict[str, Any] = (
        {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
        if sys.platform == "win32"
        else {"process_group": 0}  # Ctrl-C is for the owner
    )
    # No process to be had: the folder still goes in every case but a crash.
    with contextlib.suppress(OSError):
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _WAIT, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **options,
        )
        _waiting[folder] = os.getpid(), process
    return folder


def remove(folder: Path) -> None:
    """Remove a folder of :func:`make`, if it was made in this very process."""
    owner, process = _waiting.get(folder, (os.getpid(), None))
    if owner != os.getpid():  # a fork of the owner, which may still use it
        return
    _waiting.pop(folder, None)
    shutil.rmtree(folder, ignore_errors=True)
    if process is not None:
        process.kill()
        if process.stdin is not None:
            process.stdin.close()
        process.wait()
