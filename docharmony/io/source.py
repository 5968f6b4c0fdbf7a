"""Open an input, whatever it comes as, by the kind that its bytes tell."""

from __future__ import annotations

import contextlib
import hashlib
import mimetypes
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from ..errors import BrokenError, InputError, LimitExceededError, UnsupportedError
from . import private
from .base import Opening, Reader, Source
from .limits import MIB, Limits

_CHUNK = 1 << 20
_HEAD = 1024

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0", "image/tiff"),
    (b"MM\0+", "image/tiff"),
)
_PDF = "application/pdf"
_IMAGES = ("image/png", "image/jpeg", "image/tiff", "image/webp", "image/bmp")
_BMP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})


def sniff(head: bytes) -> str | None:
    """Return the media type that the first 1024 bytes of a file tell, ``None`` if unknown.

    >>> sniff(b"%PDF-1.7 ...")
    'application/pdf'
    >>> sniff(b"PK") is None
    True
    """
    for magic, media_type in _MAGIC:
        if head.startswith(magic):
            return media_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "image/bmp"
    # Readers accept junk before the header, and mail gateways leave some there.
    if b"%PDF-" in head[:_HEAD]:
        return _PDF
    return None


def builtin_reader(media_type: str) -> Reader:
    """Return the core's reader for a media type; raise KeyError when it has none."""
    if media_type == _PDF:
        from .pdf import PdfSource

        return PdfSource
    if media_type in _IMAGES:
        from .image import ImageSource

        return ImageSource
    raise KeyError(media_type)


def open_source(
    data: str | os.PathLike[str] | bytes | BinaryIO,
    *,
    password: str | None = None,
    name: str | None = None,
    dpi: int = 200,
    limits: Limits | None = None,
    readers: Callable[[str], Reader] = builtin_reader,
) -> Source:
    """Open a file, bytes or a binary stream; close the result, or use it in a ``with``.

    Bytes and streams (standard input, a pipe) are copied to a file that only this user can read, in a
    folder of its own, removed by ``close()`` and at exit. A file that is not regular, such as
    ``/dev/stdin``, is copied in the same way. The input itself is never altered.

    Args:
        data: a path, the bytes, or a stream opened for reading in binary mode.
        password: for an encrypted PDF.
        name: what messages and results call it; the file's name by default.
        dpi: resolution for rasters of PDF pages, and for images that do not tell theirs.
        limits: what it may cost; see :class:`.limits.Limits`.
        readers: returns the reader for a media type; raises KeyError where there is none. A type that
            is not one of the core's is told by the name, and only where the content tells nothing.

    Raises:
        EncryptedError: it needs a password, or another one.
        UnsupportedError: no reader knows its kind, or it is a folder.
        BrokenError: it is empty, damaged beyond repair, or has no pages.
        LimitExceededError: it is over a limit.
        InputError: it cannot be found or read.
    """
    limits = limits or Limits()
    with contextlib.ExitStack() as undo:
        folder: Path | None = None
        if isinstance(data, (str, os.PathLike)):
            path = Path(data).absolute()
            name = name or _printable(path.name)
            regular = _is_regular(path, name)
        elif isinstance(data, bytes) or hasattr(data, "read"):
            name, regular = name or "input", False
        else:
            raise TypeError(f"a path, bytes or a binary stream, not {type(data).__name__}")
        if not regular:
            folder = private.make()
            undo.callback(private.remove, folder)
            path = _copy(data, folder / "input", name, limits)
        head, digest = _examine(path, name, limits)
        media_type = sniff(head) or _by_name(name)
        try:
            reader = readers(media_type)
        except KeyError:
            raise UnsupportedError(
                "cannot read the file",
                where=name,
                why="its content is none of PDF, PNG, JPEG, TIFF, WebP, BMP",
                hint="Convert it to PDF or PNG first.",
            ) from None
        opening = Opening(path, name, digest, media_type, password, dpi, limits, folder)
        source = reader(opening)
        undo.pop_all()
        return source


def _printable(name: str) -> str:
    """Return a file name that can be printed and written to JSON, whatever bytes it has."""
    return os.fsencode(name).decode("utf-8", "replace") or "input"


def _by_name(name: str) -> str:
    """Return the type of a plugin's file by its name; never one that our own readers know."""
    guess = mimetypes.guess_type(name)[0] or ""
    return "" if guess in (_PDF, *_IMAGES) else guess


def _is_regular(path: Path, name: str) -> bool:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise _unreadable(name, error) from error
    if stat.S_ISDIR(mode):
        raise UnsupportedError(
            "cannot read the file",
            where=name,
            why="it is a folder",
            hint="Name the files in it.",
        )
    return stat.S_ISREG(mode)


def _copy(
    data: str | os.PathLike[str] | bytes | BinaryIO, path: Path, name: str, limits: Limits
) -> Path:
    """Copy the input to ``path``, mode 0600, and return it."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        if isinstance(data, bytes):
            target.write(data)
            return path
        try:
            if isinstance(data, (str, os.PathLike)):
                with open(data, "rb") as stream:
                    _spool(stream, target, name, limits)
            else:
                _spool(data, target, name, limits)
        except OSError as error:
            raise _unreadable(name, error) from error
    return path


def _spool(source: BinaryIO, target: BinaryIO, name: str, limits: Limits) -> None:
    total = 0
    while chunk := source.read(_CHUNK):
        total += len(chunk)
        _check_size(total, name, limits)  # before a stream without end fills the disk
        target.write(chunk)


def _examine(path: Path, name: str, limits: Limits) -> tuple[bytes, str]:
    """Return the first bytes and the sha256 of the file."""
    digest = hashlib.sha256()
    head = b""
    total = 0
    try:
        with open(path, "rb", buffering=0) as stream:
            while chunk := stream.read(_CHUNK):
                head = head or chunk[:_HEAD]
                total += len(chunk)
                _check_size(total, name, limits)
                digest.update(chunk)
    except OSError as error:
        raise _unreadable(name, error) from error
    if not head:
        raise BrokenError(
            "cannot read the file",
            where=name,
            why="it is empty",
            hint="Check how it was downloaded or copied.",
        )
    return head, digest.hexdigest()


def _check_size(size: int, name: str, limits: Limits) -> None:
    if size > limits.max_file_bytes:
        raise LimitExceededError(
            "cannot read the file",
            where=name,
            why=f"it has more than {limits.max_file_bytes / MIB:.0f} MiB",
            hint="Split it, or raise max_file_bytes of the limits.",
        )


def _unreadable(name: str, error: Exception) -> InputError:
    why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "bad name"
    return InputError(
        "cannot read the file",
        where=name,
        why=why[:1].lower() + why[1:],
        hint="Check the path and its permissions.",
    )
