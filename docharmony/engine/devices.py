"""Names of devices, the same for every backend. Standard library only."""

from __future__ import annotations

import ctypes
import os

from ..errors import EngineError


def parse_device(device: str) -> tuple[str, int]:
    """Return the kind of a device (``auto``, ``cpu`` or ``cuda``) and its number.

    >>> parse_device("cuda:1"), parse_device("auto")
    (('cuda', 1), ('auto', 0))

    Raises:
        EngineError: no such kind.
    """
    kind, colon, number = device.partition(":")
    if device in ("auto", "cpu"):
        return device, 0
    if kind != "cuda" or (colon and not (number.isascii() and number.isdigit())):
        raise EngineError(
            "unknown device", where=device, hint="use auto, cpu, cuda or cuda:N (N = 0, 1, ...)"
        )
    return kind, int(number or 0)


def cuda_devices() -> int:
    """Return how many GPUs the CUDA driver sees; 0 without a driver.

    The driver is asked itself: onnxruntime cannot count, and torch need not be installed.
    """
    for name in ("libcuda.so.1", "nvcuda.dll"):
        try:
            driver = ctypes.CDLL(name)
        except OSError:
            continue
        count = ctypes.c_int(0)
        if driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0:
            return count.value
    return 0


def default_threads() -> int:
    """Return OMP_NUM_THREADS where it is a positive number, else the cores this process may use."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def checked_threads(threads: int | None) -> int:
    """Return a number of threads, the default where none is given; EngineError below 1."""
    count = threads or default_threads()
    if count < 1:
        raise EngineError("the number of threads must be at least 1", where=str(threads))
    return count
