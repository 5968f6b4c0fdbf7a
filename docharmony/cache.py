"""Folders that are made once on this machine and kept: the user's cache. Standard library only."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import CheckpointError


def root() -> Path:
    """Return DOCHARMONY_CACHE, else ``docharmony`` in XDG_CACHE_HOME or ``~/.cache``."""
    if named := os.environ.get("DOCHARMONY_CACHE"):
        return Path(named).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "docharmony"


def made(folder: Path, make: Callable[[Path], None]) -> Path:
    """Return the folder; where it is not there, ``make`` fills another one that takes its name.

    Nobody ever sees a folder half made. Of several processes one makes it and the others wait.

    Raises:
        CheckpointError: the folder cannot be written.
        Exception: whatever ``make`` raises; nothing is left behind.
    """
    if folder.is_dir():
        return folder
    draft = folder.with_name(f".{folder.name}.part")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(folder.with_name(f".{folder.name}.lock")):
            if folder.is_dir():
                return folder
            shutil.rmtree(draft, ignore_errors=True)  # of a process that was killed
            draft.mkdir()
            try:
                make(draft)
                draft.replace(folder)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise CheckpointError(
            "cannot write into the cache",
            where=str(folder),
            why=error.strerror or type(error).__name__,
            hint="free some space there, or name another folder in DOCHARMONY_CACHE",
        ) from error
    return folder


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock among processes, where the system has one that ends with its process."""
    with path.open("a", encoding="utf-8") as stream:
        try:
            import fcntl
        except ImportError:  # Windows: two processes may both make it; the second rename fails
            yield
            return
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
