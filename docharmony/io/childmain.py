"""The parsing process: answers calls on standard input until it ends. Run by :class:`.child.Child`.

Nothing that the parsers print leaves it: standard output and error are closed before the first call,
and the messages go over private copies of the pipes.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
import traceback
from typing import Any, BinaryIO

from ..errors import DocharmonyError
from . import wire
from .output import no_room

PACKAGE = "docharmony.io."
# Distributions that are not called as their module is.
_DISTRIBUTIONS = {"PIL": "pillow", "cv2": "opencv-python-headless", "fontTools": "fonttools"}

# Share of the memory limit by which the process may grow before it asks to be replaced: what parsers
# keep of the pages that they saw must not grow with the number of pages.
_GROWTH = 1 / 8
# What the parent sends is its own: only the size of the header's length field bounds it.
_NO_LIMIT = 1 << 62


def main() -> None:
    """Serve until the parent closes its end. ``sys.argv[1]`` is the memory limit in bytes."""
    # What a call makes is acyclic and gone by its end; looking for cycles takes a tenth of the time.
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)
    source, sink = _private_pipes()
    max_memory = int(sys.argv[1])
    set_cpu_limit = _set_limits(max_memory)
    wire.send(sink, {"ready": True})
    first = held = 0
    while (message := wire.receive(source, _NO_LIMIT)) is not None:
        header, blobs = message
        set_cpu_limit(float(header["timeout"]))
        fatal = False
        try:
            function = _resolve(header["function"])
            value, answer = function(blobs, **header["args"])
        except MemoryError:
            # What is left of the heap cannot be relied on: let the parent start afresh.
            fatal = True
            value, answer = None, ()
            reply: dict[str, Any] = {"memory": True}
        except DocharmonyError as error:
            value, answer = None, ()
            reply = _told(error)
        except ModuleNotFoundError as error:
            value, answer = None, ()
            reply = _missing(error)
        except Exception as error:
            value, answer = None, ()
            full = no_room(error)
            reply = (
                _told(full) if full else {"failed": type(error).__name__, "trace": _trace(error)}
            )
        else:
            reply = {"value": value}
        if held - first > _GROWTH * max_memory:
            reply["grown"] = True
        wire.send(sink, {"id": header["id"], **reply}, answer)
        if fatal:
            break
        # A raster held until the next call would count against its memory limit.
        del message, header, blobs, value, answer, reply
        held = _held()
        first = first or held
    # Skip the tear-down of half a million parser objects: nothing here outlives the process.
    os._exit(0)


def _told(error: DocharmonyError) -> dict[str, Any]:
    return {
        "error": type(error).__name__,
        "what": error.what,
        "where": error.where,
        "why": error.why,
        "hint": error.hint,
    }


def _missing(error: ModuleNotFoundError) -> dict[str, Any]:
    name = (error.name or "").partition(".")[0]
    return {
        "error": "MissingExtraError",
        "what": "cannot work on the file",
        "why": f"the package {name} is not installed",
        "hint": f"pip install {_DISTRIBUTIONS.get(name, name)}",
    }


def _resolve(target: str) -> Any:
    module, _, name = target.partition(":")
    if not module.startswith(PACKAGE):
        raise ImportError(f"not below {PACKAGE}")
    return getattr(importlib.import_module(module), name)


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Return the streams to and from the parent, and point fds 0, 1 and 2 at nothing."""
    source, sink = os.fdopen(os.dup(0), "rb", 1 << 16), os.fdopen(os.dup(1), "wb", 1 << 16)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)
    return source, sink


def _set_limits(max_memory: int) -> Any:
    """Limit memory and core dumps; return a function that allows so many more CPU seconds."""
    try:
        import resource
    except ImportError:  # Windows: the parent's clock is the only limit
        return lambda seconds: None
    # A core dump would hold the document.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "darwin":  # accepted there, but not enforced, and refused by some versions
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        if hard != resource.RLIM_INFINITY:
            max_memory = min(max_memory, hard)
        resource.setrlimit(resource.RLIMIT_AS, (max_memory, hard))

    def allow(seconds: float) -> None:
        # The parent's clock comes first; this one ends the work when the parent was killed.
        usage = resource.getrusage(resource.RUSAGE_SELF)
        soft = int(usage.ru_utime + usage.ru_stime + seconds) + 2
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        if hard != resource.RLIM_INFINITY:
            soft = min(soft, hard)
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))

    return allow


def _held() -> int:
    """Return how much memory the process holds in bytes; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as counts:
            return int(counts.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    except OSError:  # macOS, Windows
        return 0


def _trace(error: BaseException) -> list[str]:
    """Return where it happened, without the message: that could quote the document."""
    return [
        f"{os.path.basename(frame.filename)}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]


if __name__ == "__main__":
    main()
