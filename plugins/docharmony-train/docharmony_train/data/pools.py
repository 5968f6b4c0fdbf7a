"""Pools of samples in shared memory, filled by processes.

Every pool is a ring with one segment a process, so nothing is locked: a process writes its own
segment round and round, the trainer picks at random among what is there.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from . import describing, erasing, lines, rewriting, tiles
from .corpus import LONGEST
from .samples import (
    KINDS,
    CropBatch,
    Inline,
    LineBatch,
    Plan,
    RewriteBatch,
    Studio,
    TalkBatch,
    TileBatch,
    bucket,
    layers,
    line_batch,
    lines_of_step,
    rewrite_batch,
    talk_batch,
)

# Processes a kind: lines are cheap but needed by the hundred, tiles are slow.
_PROCESSES = {"lines": 8, "tiles": 4, "crops": 3, "rewrites": 2, "talks": 2}
_LONGEST_REWRITE = 4 * rewriting.MOST  # bytes
# How often a step takes each width of lines, and the pool's share of them.
_WIDTH_SHARES = (0.13, 0.20, 0.20, 0.19, 0.16, 0.12)


class Ring:
    """A pool of samples of one kind in a folder of shared memory."""

    def __init__(
        self,
        folder: Path,
        name: str,
        fields: dict[str, tuple[tuple[int, ...], npt.DTypeLike]],
        capacity: int,
        writers: int,
        *,
        create: bool = False,
    ) -> None:
        """Open, or create, the ring. Each writer has ``capacity // writers`` places, at least 2."""
        self.segment = max(2, capacity // writers)
        mode = "w+" if create else "r+"
        places = self.segment * writers
        self._fields = {
            field: np.memmap(folder / f"{name}.{field}", dtype, mode, shape=(places, *shape))
            for field, (shape, dtype) in fields.items()
        }
        self.written = np.memmap(folder / f"{name}.written", np.int64, mode, shape=(writers,))

    def put(self, writer: int, values: dict[str, object]) -> None:
        """Write a sample into the writer's next place."""
        place = writer * self.segment + int(self.written[writer]) % self.segment
        for field, value in values.items():
            self._fields[field][place] = value
        self.written[writer] += 1

    def filled(self) -> int:
        """Return how many samples can be taken."""
        return int(np.minimum(self.written, self.segment - 1).sum())

    def take(self, rng: np.random.Generator, count: int) -> dict[str, npt.NDArray[np.generic]]:
        """Return samples picked at random; call it only when some are there."""
        # The place that is written next is left out: it may be half written.
        usable = np.minimum(self.written, self.segment - 1)
        ends = np.cumsum(usable)
        draw = rng.integers(0, int(ends[-1]), count)
        writer = np.searchsorted(ends, draw, side="right")
        age = draw - (ends - usable)[writer]
        places = writer * self.segment + (self.written[writer] - 1 - age) % self.segment
        return {field: values[places] for field, values in self._fields.items()}


class Pooled:
    """Takes batches from pools that processes fill."""

    def __init__(self, plan: Plan) -> None:
        """Create the pools and start the processes."""
        self._plan, self._rng = plan, np.random.default_rng([plan.seed, 1 << 20])
        self.folder = Path(tempfile.mkdtemp(prefix="docharmony-train-", dir=_memory(plan)))
        self._counts = _split_processes(plan.kinds, plan.rendering.workers)
        self._rings = _rings(self.folder, plan, self._counts, create=True)
        context = multiprocessing.get_context("spawn")
        self._processes = [
            context.Process(
                target=_draw_forever, args=(plan, self.folder, kind, writer, os.getpid())
            )
            for kind, count in self._counts.items()
            for writer in range(count)
        ]
        for process in self._processes:
            process.daemon = True
            process.start()

    def wait(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Return when each pool holds its share, so that the first steps see some variety.

        Args:
            stopped: asked while waiting; the wait ends where it says so.
        """
        share = self._plan.rendering.ready
        wanted = {name: _least(name, self._plan, share) for name in self._rings}
        while any(self._rings[name].filled() < least for name, least in wanted.items()):
            if stopped():
                return
            if not all(process.is_alive() for process in self._processes):
                raise RuntimeError("a process that draws samples has ended; its error is above")
            time.sleep(0.05)

    def lines(self) -> LineBatch:
        """Return lines of one width, picked as often as such lines are common."""
        names = [f"lines{width}" for width in lines.WIDTHS]
        shares = np.array(_WIDTH_SHARES) * [self._rings[name].filled() > 0 for name in names]
        place = int(self._rng.choice(len(names), p=shares / shares.sum()))
        width = lines.WIDTHS[place]
        count = lines_of_step(width, self._plan.batch.line_tokens)
        found = self._rings[names[place]].take(self._rng, count)
        longest = -(-int(found["length"].max()) // 8) * 8  # few shapes: kernels are reused
        return LineBatch(
            found["ink"].astype(np.uint8),
            found["width"].astype(np.int64),
            found["ids"][:, :longest].astype(np.int64),
            found["length"].astype(np.int64),
        )

    def tiles(self) -> TileBatch:
        """Return tiles."""
        found = self._rings["tiles"].take(self._rng, self._plan.batch.tiles)
        return TileBatch(found["image"].astype(np.uint8), found["target"].astype(np.uint8))

    def crops(self) -> CropBatch:
        """Return erase crops."""
        found = self._rings["crops"].take(self._rng, self._plan.batch.crops)
        return CropBatch(found["layers"].astype(np.uint8))

    def rewrites(self) -> RewriteBatch:
        """Return rewrite pairs."""
        found = self._rings["rewrites"].take(self._rng, self._plan.batch.rewrites)
        longest = int(found["length"].max())
        ids = found["ids"][:, :longest].astype(np.int64)
        return RewriteBatch(found["layers"].astype(np.uint8), ids, found["length"].astype(np.int64))

    def talks(self) -> TalkBatch:
        """Return descriptions and questions."""
        found = self._rings["talks"].take(self._rng, self._plan.batch.talks)
        longest = int(found["length"].max())
        ids = found["ids"][:, :longest].astype(np.int64)
        starts, lengths = (found[name].astype(np.int64) for name in ("start", "length"))
        return TalkBatch(found["image"].astype(np.uint8), ids, starts, lengths)

    def close(self) -> None:
        """End the processes and remove the pools."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join()
        shutil.rmtree(self.folder, ignore_errors=True)


def open_source(plan: Plan) -> Inline | Pooled:
    """Return where batches come from: in line without workers, else pools."""
    return Pooled(plan) if plan.rendering.workers else Inline(plan)


def _draw_forever(plan: Plan, folder: Path, kind: str, writer: int, parent: int) -> None:
    """Fill one segment, in a process of its own, until the trainer ends."""
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the trainer ends us, after it has saved
    os.nice(5)
    cv2.setNumThreads(1)
    counts = _split_processes(plan.kinds, plan.rendering.workers)
    rings = _rings(folder, plan, {kind: counts[kind]})
    studio = Studio(plan, KINDS.index(kind) * 1000 + writer + 1)
    put: dict[str, Callable[[], None]] = {
        "lines": lambda: _put_lines(rings, writer, studio.lines()),
        "tiles": lambda: _put_tiles(rings["tiles"], writer, studio.tiles()),
        "crops": lambda: _put_crops(rings["crops"], writer, studio.crops()),
        "rewrites": lambda: _put_rewrites(rings["rewrites"], writer, studio.rewrites()),
        "talks": lambda: _put_talks(rings["talks"], writer, studio.talks()),
    }
    while os.getppid() == parent:
        put[kind]()


def _put_lines(rings: dict[str, Ring], writer: int, drawn: list[lines.Line]) -> None:
    for line in drawn:
        width = lines.WIDTHS[bucket(line)]
        batch = line_batch([line], width)
        values: dict[str, object] = {
            "ink": batch.ink[0],
            "width": batch.widths[0],
            "ids": np.pad(batch.ids[0], (0, LONGEST + 2 - batch.ids.shape[1])),
            "length": batch.lengths[0],
        }
        rings[f"lines{width}"].put(writer, values)


def _put_tiles(ring: Ring, writer: int, drawn: list[tiles.Tile]) -> None:
    for tile in drawn:
        ring.put(writer, {"image": tile.image.transpose(2, 0, 1), "target": tile.target})


def _put_crops(ring: Ring, writer: int, drawn: list[erasing.Pair]) -> None:
    for pair in drawn:
        ring.put(writer, {"layers": layers(pair)})


def _put_rewrites(ring: Ring, writer: int, drawn: list[rewriting.Rewrite]) -> None:
    for pair in drawn:
        batch = rewrite_batch([pair])
        ids = np.pad(batch.ids[0], (0, _LONGEST_REWRITE - batch.ids.shape[1]))
        ring.put(writer, {"layers": batch.layers[0], "ids": ids, "length": batch.lengths[0]})


def _put_talks(ring: Ring, writer: int, drawn: list[describing.Talk]) -> None:
    for talk in drawn:
        batch = talk_batch([talk])
        ids = np.pad(batch.ids[0], (0, describing.LONGEST_TALK - batch.ids.shape[1]))
        values = {"image": batch.images[0], "ids": ids, "start": batch.starts[0]}
        ring.put(writer, {**values, "length": batch.lengths[0]})


def _split_processes(kinds: tuple[str, ...], workers: int) -> dict[str, int]:
    """Return how many processes draw each kind; every kind has one.

    >>> _split_processes(("lines", "tiles", "crops"), 14)
    {'lines': 7, 'tiles': 4, 'crops': 3}
    """
    total = sum(_PROCESSES[kind] for kind in kinds)
    counts = {kind: max(1, round(workers * _PROCESSES[kind] / total)) for kind in kinds}
    counts[kinds[0]] = max(1, workers - sum(counts[kind] for kind in kinds[1:]))
    return counts


def _rings(
    folder: Path, plan: Plan, counts: dict[str, int], *, create: bool = False
) -> dict[str, Ring]:
    """Return the rings of the kinds in ``counts``; lines have one ring a width."""
    rings = {}
    small = np.dtype(np.int32)
    for kind, writers in counts.items():
        if kind == "lines":
            for width, share in zip(lines.WIDTHS, _WIDTH_SHARES, strict=True):
                fields: dict[str, tuple[tuple[int, ...], npt.DTypeLike]] = {
                    "ink": ((lines.HEIGHT, width), np.uint8),
                    "width": ((), small),
                    "ids": ((LONGEST + 2,), np.uint8),
                    "length": ((), small),
                }
                room = int(plan.rendering.lines * share)
                rings[f"lines{width}"] = Ring(
                    folder, f"lines{width}", fields, room, writers, create=create
                )
        elif kind == "tiles":
            n = plan.tile // tiles.STRIDE
            fields = {
                "image": ((3, plan.tile, plan.tile), np.uint8),
                "target": ((3, n, n), np.uint8),
            }
            rings[kind] = Ring(folder, kind, fields, plan.rendering.tiles, writers, create=create)
        else:
            side = plan.crop
            image = "image" if kind == "talks" else "layers"
            fields = {image: ((3 if kind == "talks" else 7, side, side), np.uint8)}
            if kind != "crops":
                most = describing.LONGEST_TALK if kind == "talks" else _LONGEST_REWRITE
                fields |= {"ids": ((most,), np.uint8), "start": ((), small), "length": ((), small)}
            room = plan.rendering.crops
            rings[kind] = Ring(folder, kind, fields, room, writers, create=create)
    return rings


def _least(name: str, plan: Plan, share: float) -> int:
    """Return how many samples a ring must hold at the start; long lines are rare, one will do."""
    if name.startswith("lines"):
        width = int(name.removeprefix("lines"))
        if width > lines.WIDTHS[2]:
            return 1
        return max(1, int(share * plan.rendering.lines * _WIDTH_SHARES[lines.WIDTHS.index(width)]))
    return max(1, int(share * getattr(plan.rendering, "tiles" if name == "tiles" else "crops")))


def _memory(plan: Plan) -> str | None:
    """Return the folder of shared memory where the pools fit into half of what is free."""
    rendering = plan.rendering
    mean = float(np.dot(lines.WIDTHS, _WIDTH_SHARES)) * lines.HEIGHT
    need = rendering.lines * mean + rendering.tiles * 3.2 * plan.tile**2
    crops = sum(kind in plan.kinds for kind in ("crops", "rewrites", "talks"))
    need += crops * rendering.crops * 7 * plan.crop**2
    shared = Path("/dev/shm")
    if shared.is_dir() and shutil.disk_usage(shared).free > 2 * need:
        return str(shared)
    return None  # the usual place of temporary files; the page cache holds them
