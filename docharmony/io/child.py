"""Child: a process of our own in which untrusted files are parsed, under time and memory limits.

::

    with Child(limits) as child:
        value, blobs = child.call("docharmony.io.pdf_child:raster", {"path": …, "number": 1, "dpi": 72})

The function runs in the child as ``function(blobs, **args)`` and returns ``(value, blobs)``: the value
goes through JSON, the blobs are bytes-like. It must live in a module below ``docharmony.io``. It may
raise any DocharmonyError (rebuilt here) or MemoryError; another exception becomes a BrokenError that
names its type only, since its message could quote the document.

A child that takes too long is killed, one that crashes is replaced; the call that did it raises, the
calls behind it are repeated in a fresh child. One that has grown by an eighth of its memory limit is
replaced between calls: memory does not grow with the number of pages. Functions must therefore hold no
state that the next call needs: a cache of what the arguments name is fine.

The child is started on the first call, as ``python -m docharmony.io.childmain`` and in a process group of
its own: scripts need no ``__main__`` guard, and Ctrl-C reaches the parent alone, which ends the child.
A Child is not thread-safe.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, cast

from .. import errors
from ..errors import BrokenError, DocharmonyError, LimitExceededError
from . import wire
from .limits import MIB, Limits

log = logging.getLogger(__name__)

# How often the watchdog looks at the clock, seconds.
_TICK = 0.2


class Ticket:
    """A call under way; hand it to :meth:`Child.result`."""

    __slots__ = ("args", "blobs", "function", "id", "outcome", "retried", "timeout", "where")

    def __init__(
        self,
        id: int,
        function: str,
        args: Mapping[str, Any],
        blobs: Sequence[wire.Buffer],
        where: str,
        timeout: float,
    ) -> None:
        self.id, self.function, self.args, self.blobs = id, function, args, blobs
        self.where, self.timeout = where, timeout
        self.retried = False
        self.outcome: tuple[Any, list[bytearray]] | DocharmonyError | None = None


class Child:
    """A parsing process, started on the first call and replaced when it dies.

    Args:
        limits: time a call may take unless it says otherwise, and memory of the process.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._process: _Process | None = None
        self._waiting: deque[Ticket] = deque()
        self._count = 0

    def call(
        self,
        function: str,
        args: Mapping[str, Any],
        blobs: Sequence[wire.Buffer] = (),
        *,
        where: str = "",
        timeout_s: float | None = None,
    ) -> tuple[Any, list[bytearray]]:
        """Run ``function(blobs, **args)`` in the child and return its ``(value, blobs)``.

        Args:
            function: ``"docharmony.io.module:name"``.
            args: what JSON can hold.
            blobs: bytes-like objects to send along.
            where: file and page, for error messages.
            timeout_s: seconds it may take; that of the limits by default.

        Raises:
            LimitExceededError: it took too long or too much memory.
            BrokenError: it crashed or failed.
            DocharmonyError: what the function itself raised.
        """
        return self.result(self.submit(function, args, blobs, where=where, timeout_s=timeout_s))

    def submit(
        self,
        function: str,
        args: Mapping[str, Any],
        blobs: Sequence[wire.Buffer] = (),
        *,
        where: str = "",
        timeout_s: float | None = None,
    ) -> Ticket:
        """Queue a call and return at once; arguments as for :meth:`call`.

        Keep the calls under way few and their blobs small: what the pipe cannot hold would block.
        """
        self._count += 1
        allowed = self.limits.timeout_s if timeout_s is None else timeout_s
        ticket = Ticket(self._count, function, args, blobs, where, allowed)
        self._waiting.append(ticket)
        try:
            self._send(ticket)
        except BaseException:  # Ctrl-C in the middle of a message, or arguments that are not JSON
            self.close()
            raise
        return ticket

    def result(self, ticket: Ticket) -> tuple[Any, list[bytearray]]:
        """Wait for the call and return its ``(value, blobs)``; errors as for :meth:`call`."""
        try:
            while ticket.outcome is None:
                self._advance()
        except BaseException:  # Ctrl-C above all: nothing may go on behind the user's back
            self.close()
            raise
        if isinstance(ticket.outcome, DocharmonyError):
            raise ticket.outcome
        return ticket.outcome

    def close(self) -> None:
        """End the process and drop the calls under way. The next call starts another."""
        self._waiting.clear()
        self._stop()

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _send(self, ticket: Ticket) -> None:
        if self._process is None:
            self._process = _Process(self.limits.max_memory)
        header = {
            "id": ticket.id,
            "function": ticket.function,
            "args": ticket.args,
            "timeout": ticket.timeout,
        }
        # A dead child shows when its answer is read.
        with contextlib.suppress(OSError):
            wire.send(self._process.stdin, header, ticket.blobs)

    def _advance(self) -> None:
        """Read the answer to the oldest call under way."""
        process = self._process
        if process is None or not self._waiting:
            raise RuntimeError("the child was closed while a call was under way")
        ticket = self._waiting[0]
        message = process.receive(ticket.timeout, self.limits.max_memory)
        if message is not None and message[0].get("id") == ticket.id:
            self._waiting.popleft()
            process.answered += 1
            ticket.outcome = _outcome(ticket, message, self.limits)
            if process.overdue or "memory" in message[0] or "grown" in message[0]:
                self._restart()
            return
        fresh = process.answered == 0
        overdue, ready, status = process.overdue, process.ready, process.stop()
        if not ready and not overdue:
            self.close()
            raise DocharmonyError(
                "cannot start the parsing process",
                where=ticket.where,
                why=f"{sys.executable or 'python'} ended with status {status}",
                hint="Raise --max-memory, or run with -v and report it.",
            )
        if fresh or overdue or ticket.retried:
            self._waiting.popleft()
            ticket.outcome = _overdue(ticket) if overdue else _crashed(ticket, status)
        else:
            # The crash may be the fault of an earlier page: give this one a clean start.
            ticket.retried = True
        self._restart()

    def _restart(self) -> None:
        """Replace the process and repeat the calls that it still owed."""
        self._stop()
        for ticket in self._waiting:
            self._send(ticket)

    def _stop(self) -> None:
        if self._process is not None:
            self._process.stop()
            self._process = None


class _Process:
    """One run of the child, with a watchdog that kills it at the deadline."""

    def __init__(self, max_memory: int) -> None:
        options: dict[str, Any] = (
            {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
            if sys.platform == "win32"
            else {"process_group": 0}
        )
        process = subprocess.Popen(
            [
                sys.executable,
                *("-P", "-W", "ignore", "-m", "docharmony.io.childmain"),
                str(max_memory),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            bufsize=1 << 16,
            **options,
        )
        self.stdin = cast(BinaryIO, process.stdin)
        self._stdout = cast(BinaryIO, process.stdout)
        _widen(self._stdout.fileno())
        self.answered = 0
        self.overdue = False
        self.ready = False
        self._process = process
        self._deadline: float | None = None
        self._lock = threading.Lock()  # between a deadline that passes and an answer that arrives
        self._done = threading.Event()
        # Whatever happens to the objects, the process ends with them or with the interpreter.
        self._finalizer = weakref.finalize(self, _end, process, self._done, os.getpid())
        threading.Thread(
            target=_watch, args=(weakref.ref(self), process, self._done), daemon=True
        ).start()

    def receive(self, timeout: float, limit: int) -> tuple[dict[str, Any], list[bytearray]] | None:
        """Return the next answer; ``None`` when the child ended, was killed or talks nonsense."""
        self._deadline = time.monotonic() + timeout
        try:
            message = wire.receive(self._stdout, limit)
            if message is not None and not self.ready:
                self.ready = True
                message = wire.receive(self._stdout, limit)
        except wire.WireError:
            message = None
        finally:
            with self._lock:
                self._deadline = None
        if message is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_TICK)  # so that the status is its own, not that of our kill
        return message

    def expire(self, now: float) -> None:
        """Kill the process when its call is over time. Called by the watchdog."""
        with self._lock:
            if self._deadline is not None and now > self._deadline:
                self.overdue = True
                self._process.kill()

    def stop(self) -> int | None:
        """Kill the process if it still runs and return its exit status."""
        self._finalizer()
        return self._process.returncode


def _watch(
    reference: weakref.ref[_Process], process: subprocess.Popen[bytes], done: threading.Event
) -> None:
    while not done.wait(_TICK):
        owner = reference()
        if owner is None:
            return
        owner.expire(time.monotonic())
        del owner


def _end(process: subprocess.Popen[bytes], done: threading.Event, owner: int) -> None:
    if os.getpid() != owner:  # a fork of the owner: the process is not ours to end
        return
    done.set()
    if process.poll() is None:
        process.kill()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):  # a buffered request that nobody reads any more
                stream.close()
    process.wait()


def _environment() -> dict[str, str]:
    """Return the child's environment: the parent's import path, and not its password."""
    environment = {k: v for k, v in os.environ.items() if k != "DOCHARMONY_PASSWORD"}
    root = str(Path(__file__).resolve().parents[2])
    # Relative entries would let a file of the working directory stand in for a module.
    paths = [path for path in sys.path if os.path.isabs(path)]
    environment["PYTHONPATH"] = os.pathsep.join(paths if root in paths else [*paths, root])
    return environment


def _widen(descriptor: int) -> None:
    """Let the pipe hold a page or two, so that the child can work ahead (Linux)."""
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, 1 << 20)


def _outcome(
    ticket: Ticket, message: tuple[dict[str, Any], list[bytearray]], limits: Limits
) -> tuple[Any, list[bytearray]] | DocharmonyError:
    header, blobs = message
    if "value" in header:
        return header["value"], blobs
    if "memory" in header:
        return LimitExceededError(
            "cannot read",
            where=ticket.where,
            why=f"it needs more than {limits.max_memory // MIB} MiB of memory",
            hint="Raise --max-memory.",
        )
    if "error" in header:
        kind = getattr(errors, str(header["error"]), None)
        if not (isinstance(kind, type) and issubclass(kind, DocharmonyError)):
            kind = BrokenError
        what, where, why, hint = (str(header.get(k, "")) for k in ("what", "where", "why", "hint"))
        if kind.__init__ is DocharmonyError.__init__:
            return kind(what, where=where or ticket.where, why=why, hint=hint)
        return DocharmonyError(what, where=where or ticket.where, why=why, hint=hint)
    log.debug("%s failed at %s", ticket.function, header.get("trace"))
    return BrokenError(
        "cannot read",
        where=ticket.where,
        why=f"the parser failed ({header.get('failed')})",
        hint="The file may be damaged: open it in a viewer and save it again.",
    )


def _overdue(ticket: Ticket) -> DocharmonyError:
    return LimitExceededError(
        "cannot read",
        where=ticket.where,
        why=f"it took longer than {ticket.timeout:g} s",
        hint="Raise --timeout.",
    )


def _crashed(ticket: Ticket, status: int | None) -> DocharmonyError:
    return BrokenError(
        "cannot read",
        where=ticket.where,
        why=f"the parser crashed (status {status})",
        hint="The file may be damaged, or need more memory: try --max-memory.",
    )
