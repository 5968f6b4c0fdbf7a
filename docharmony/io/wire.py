"""Messages between the parent and its parsing child: a JSON header, then raw blobs.

The parent never unpickles, evaluates or trusts what a child says: a header is JSON, a blob is bytes,
and a message cannot be larger than the reader allows.

A message is ``<u32 header length> <header> <blobs>``; the header's ``"blobs"`` gives their lengths.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any, BinaryIO

_LENGTH = struct.Struct("<I")

Buffer = bytes | bytearray | memoryview


class WireError(Exception):
    """The other side broke the protocol or went away."""


def send(stream: BinaryIO, header: dict[str, Any], blobs: Sequence[Buffer] = ()) -> None:
    """Write one message and flush; raise OSError when the other side is gone."""
    data = json.dumps(
        {**header, "blobs": [memoryview(blob).nbytes for blob in blobs]}, separators=(",", ":")
    ).encode("ascii")
    stream.write(_LENGTH.pack(len(data)) + data)
    for blob in blobs:
        stream.write(blob)
    stream.flush()


def receive(stream: BinaryIO, limit: int) -> tuple[dict[str, Any], list[bytearray]] | None:
    """Return the next message, or ``None`` at a clean end of the stream.

    Args:
        stream: a buffered binary stream.
        limit: bytes that header and blobs together may have.

    Raises:
        WireError: the message is cut off, malformed or over the limit.
    """
    start = stream.read(_LENGTH.size)
    if not start:
        return None
    if len(start) < _LENGTH.size:
        raise WireError("cut off")
    (length,) = _LENGTH.unpack(start)
    if length > limit:
        raise WireError("header over the limit")
    try:
        header = json.loads(_exactly(stream, length))
        sizes = [int(size) for size in header.pop("blobs")]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WireError("malformed header") from error
    if min(sizes, default=0) < 0 or length + sum(sizes) > limit:
        raise WireError("blobs over the limit")
    return header, [_exactly(stream, size) for size in sizes]


def _exactly(stream: BinaryIO, size: int) -> bytearray:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        count = stream.readinto(view)  # type: ignore[attr-defined]
        if not count:
            raise WireError("cut off")
        view = view[count:]
    return data
