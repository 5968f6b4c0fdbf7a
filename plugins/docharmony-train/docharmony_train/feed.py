"""Brings batches to the device and counts how long training waited for them."""

from __future__ import annotations

import queue
import threading
import time

import torch
from torch import Tensor

from .data.pools import Pooled
from .data.samples import Inline

_AHEAD = 4  # steps that are made ready in advance


class Feed:
    """The batches of one step after another.

    With pools a thread copies them out in advance, into pinned memory for a GPU; without, they are
    drawn when asked for, so that nothing depends on timing.
    """

    def __init__(self, source: Inline | Pooled, kinds: tuple[str, ...], device: str) -> None:
        """Start at once."""
        self._source, self._kinds, self._device = source, kinds, device
        self.waited = 0.0  # seconds
        self._began: float | None = None
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._ready: queue.Queue[dict[str, tuple[Tensor, ...]]] = queue.Queue(_AHEAD)
        self._thread: threading.Thread | None = None
        if isinstance(source, Pooled):
            self._thread = threading.Thread(target=self._fill, daemon=True)
            self._thread.start()

    @property
    def elapsed(self) -> float:
        """Seconds since the first batch was asked for."""
        return time.perf_counter() - self._began if self._began is not None else 0.0

    def next(self) -> dict[str, tuple[Tensor, ...]]:
        """Return the tensors of one step by kind, on the device."""
        began = time.perf_counter()
        if self._began is None:
            self._began = began
        if self._thread is None:
            host = self._draw()
        else:
            while True:
                try:
                    host = self._ready.get(timeout=1)
                    break
                except queue.Empty:
                    if self._error is not None:
                        raise RuntimeError("no more data") from self._error
        self.waited += time.perf_counter() - began
        return {
            kind: tuple(tensor.to(self._device, non_blocking=True) for tensor in tensors)
            for kind, tensors in host.items()
        }

    def close(self) -> None:
        """End the thread and the source."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._source.close()

    def _fill(self) -> None:
        try:
            if isinstance(self._source, Pooled):
                self._source.wait(self._stop.is_set)
            while not self._stop.is_set():
                batch = self._draw()
                while not self._stop.is_set():
                    try:
                        self._ready.put(batch, timeout=0.2)
                        break
                    except queue.Full:
                        continue
        except BaseException as error:
            self._error = error  # raised where the next batch is asked for

    def _draw(self) -> dict[str, tuple[Tensor, ...]]:
        found = {}
        for kind in self._kinds:
            arrays = getattr(self._source, kind)()
            tensors = tuple(torch.from_numpy(array) for array in arrays)
            if self._device != "cpu":
                tensors = tuple(tensor.pin_memory() for tensor in tensors)
            found[kind] = tensors
        return found
