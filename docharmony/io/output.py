"""Outputs that are written whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO, cast

from ..errors import OutputError

_SPOOL = 16 << 20


@contextmanager
def atomic(path: Path, *, mode: int | None = None) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path`` and rename it there when the block ends well.

    Whatever ends the block otherwise, Ctrl-C too, leaves ``path`` as it was and no temporary file.

    Args:
        path: where the output goes; its folder must exist.
        mode: permission bits; None gives those of a newly made file.

    Raises:
        OutputError: the folder is missing or not writable, or the disk is full.
    """
    temporary: Path | None = None
    try:
        if _device(path):
            # A device or a pipe takes what is written; a rename would put a file in its place.
            with tempfile.SpooledTemporaryFile(max_size=_SPOOL) as spool:
                yield cast(BinaryIO, spool)
                spool.seek(0)
                with path.open("wb") as device:
                    shutil.copyfileobj(spool, device)
            return
        handle, name = tempfile.mkstemp(
            prefix=f".{path.name[:40]}.", suffix=".part", dir=path.parent
        )
        temporary = Path(name)
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, _default_mode() if mode is None else mode)
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise _refused(path, error) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()


def _refused(path: Path, error: OSError) -> OutputError:
    return OutputError(
        "cannot write the output",
        where=str(path),
        why=error.strerror or type(error).__name__,
        hint="Check that the folder exists, is writable and has space.",
    )


# No room on the device, none left for the user, and files that the shell limits (`ulimit -f`).
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def no_room(error: BaseException) -> OutputError | None:
    """Return what to tell of an error of the system that says that intermediate files have no room."""
    if not isinstance(error, OSError) or error.errno not in _FULL:
        return None
    return OutputError(
        "cannot write intermediate files",
        where=tempfile.gettempdir(),
        why=error.strerror or type(error).__name__,
        hint="Make room there, name another folder in TMPDIR, or raise the limit of file sizes.",
    )


@contextmanager
def standard_output() -> Iterator[IO[bytes]]:
    """Collect an output and send it to standard output when the block ends well.

    Raises:
        OutputError: standard output was closed, or takes no more.
    """
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL) as stream:
        yield stream
        stream.seek(0)
        try:
            shutil.copyfileobj(stream, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        except BrokenPipeError as error:
            # Nobody reads any more: keep the interpreter from complaining at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise OutputError(
                "standard output was closed", hint="Write to a file with -o."
            ) from error
        except OSError as error:
            # What is left in the buffer would be tried again, and fail again, at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise OutputError(
                "cannot write to standard output",
                why=error.strerror or type(error).__name__,
                hint="Check that the disk behind it has space, or write to a file with -o.",
            ) from error


def reachable(*paths: Path) -> None:
    """Raise OutputError where outputs cannot be written, before the work and not after it."""
    for path in paths:
        try:
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            if not _device(path):
                with tempfile.TemporaryFile(dir=path.parent):
                    pass
        except OSError as error:
            raise _refused(path, error) from error


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def release(draft: Path, out: Path, beside: Mapping[Path, bytes] | None = None) -> None:
    """Write ``out`` as a copy of the draft, with what belongs to it: all of them or none.

    Args:
        draft: the file that was checked.
        out: where it goes; takes its place last.
        beside: other files to write, with their contents.
    """
    with ExitStack() as stack:
        # What is opened last is finished first: devices, since nothing takes back what they got.
        for path in sorted((out, *(beside or ())), key=_device):
            stream = stack.enter_context(atomic(path))
            if path == out:
                with draft.open("rb") as done:
                    shutil.copyfileobj(done, stream, 1 << 20)
            elif beside:
                stream.write(beside[path])
            stream.flush()


def _device(path: Path) -> bool:
    return path.exists() and not (path.is_file() or path.is_dir())


def _default_mode() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
