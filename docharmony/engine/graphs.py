"""Sessions of a checkpoint's ONNX graphs on onnxruntime; the only module that imports it."""

from __future__ import annotations

import io
import logging
import os
import threading
from collections.abc import Collection, Mapping, Sequence
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnxruntime as ort

from ..checkpoint import Manifest, Part
from ..errors import CheckpointCorruptError, CheckpointIncompatibleError, EngineError
from .devices import checked_threads, cuda_devices, parse_device

if TYPE_CHECKING:
    from .presets import Spec

log = logging.getLogger(__name__)

Shapes = Mapping[str, Mapping[str, tuple[int | None, ...]]]
"""Of each part: of inputs and outputs by name, the sizes that the spec says; None where any will do."""

# It writes warnings to standard error by itself; what matters is raised as an EngineError.
ort.set_default_logger_severity(4)

_CUDA: Final = "CUDAExecutionProvider"
_CPU: Final = "CPUExecutionProvider"
_WORKERS = 4  # that run a part at once: each holds a batch in memory


class Graphs:
    """Sessions of a checkpoint's graphs, each loaded and verified on first use.

    Args:
        manifest: the checkpoint.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        threads: on the CPU; None takes OMP_NUM_THREADS, else all cores allowed.
        shared: parts that several threads may run at once, see :attr:`workers`.
        shapes: what the graphs must take and give.

    Raises:
        EngineError: the device is unknown or not there.
    """

    def __init__(
        self,
        manifest: Manifest,
        *,
        device: str = "auto",
        threads: int | None = None,
        shared: Collection[str] = (),
        shapes: Shapes | None = None,
    ) -> None:
        self._manifest, self._shared, self._shapes = manifest, shared, shapes or {}
        self._loading = threading.Lock()
        self._sessions: dict[str, ort.InferenceSession] = {}
        self._required, self._providers = _providers(device)
        self._number = parse_device(device)[1]
        self.threads = checked_threads(threads)

    @property
    def loaded(self) -> frozenset[str]:
        """Names of the parts that are in memory."""
        return frozenset(self._sessions)

    @property
    def device(self) -> str:
        """Where the loaded parts really run: ``cuda`` or ``cpu``."""
        used = [s.get_providers()[0] for s in self._sessions.values()]
        return "cuda" if used and all(p == _CUDA for p in used) else "cpu"

    def session(self, name: str) -> ort.InferenceSession:
        """Return the session of a part; on a CPU that of ``NAME.cpu``, where there is one.

        Raises:
            CheckpointError: the checkpoint has no such part, its file is damaged, or the graph's
                inputs and outputs are not those of the spec.
            EngineError: the device cannot be used.
        """
        with self._loading:
            if name not in self._sessions:
                faster = f"{name}.cpu"
                use = faster if self.on_cpu and faster in self._manifest.parts else name
                self._sessions[name] = self._load(name, self._manifest.part(use))
            return self._sessions[name]

    @property
    def workers(self) -> int:
        """How many threads may run the shared parts at once.

        Two batches in one thread each keep two cores busier than one after the other in two threads:
        many of a network's operations are too small to be shared out.
        """
        return min(self.threads, _WORKERS) if self.on_cpu else 1

    @property
    def on_cpu(self) -> bool:
        """Whether no GPU will be used."""
        return self._providers == [_CPU]

    def outputs(self, name: str) -> list[str]:
        """Return the names of a part's outputs."""
        return [output.name for output in self.session(name).get_outputs()]

    def halves(self, name: str) -> frozenset[str]:
        """Return the names of a part's inputs that are float16."""
        inputs = self.session(name).get_inputs()
        return frozenset(value.name for value in inputs if value.type == "tensor(float16)")

    def run(
        self,
        name: str,
        feeds: Mapping[str, Any],
        fetched: Sequence[str],
        kept: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Run a part with its inputs and outputs bound, so that nothing is copied that may stay.

        Args:
            feeds: inputs: arrays, or values that an earlier run kept.
            fetched: outputs to be returned as arrays.
            kept: outputs to be returned as values where they were computed, to be fed again.

        Raises:
            EngineError: the run failed.
        """
        session = self.session(name)
        binding = session.io_binding()
        for key, value in feeds.items():
            if isinstance(value, np.ndarray):
                value = ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(value))
            binding.bind_ortvalue_input(key, value)
        cuda = session.get_providers()[0] == _CUDA
        for key in kept:
            binding.bind_output(key, *(("cuda", self._number) if cuda else ("cpu", 0)))
        for key in fetched:
            binding.bind_output(key, "cpu", 0)
        try:
            session.run_with_iobinding(binding)
            values = binding.get_outputs()
            names = [*kept, *fetched]
            found = dict(zip(names, values, strict=True))
            return {key: v if key in kept else v.numpy() for key, v in found.items()}
        except Exception as error:  # onnxruntime's exceptions share no public base class
            raise EngineError(
                "the engine failed",
                why=type(error).__name__,
                hint="less memory is used with --device cpu, a lower --dpi or fewer --jobs",
            ) from error

    def _load(self, name: str, part: Part) -> ort.InferenceSession:
        if part.format != "onnx":
            raise CheckpointIncompatibleError(
                f"cannot run part {name!r} on onnxruntime", where=str(part.path),
                why=f"its format is {part.format!r}",
            )  # fmt: skip
        try:
            # A session's own threads come on top of those that call it.
            threads = self.threads - (self.workers - 1 if name in self._shared else 0)
            session = open_graph(part.path, threads=threads, providers=self._providers)
        except Exception as error:
            if not self.on_cpu:  # the file is as the manifest says: memory or the driver lacks
                raise EngineError(
                    f"cannot load part {name!r} on the GPU",
                    why=type(error).__name__,
                    hint="it may not fit its memory: use --device cpu, or weights in int8",
                ) from error
            raise CheckpointCorruptError(
                f"cannot load part {name!r}", where=str(part.path), why=type(error).__name__
            ) from error
        _compare(session, name, part, self._shapes.get(name, {}))
        actual = session.get_providers()[0]
        if self._required and actual != self._required:
            raise EngineError(
                "the GPU cannot be used",
                why=f"onnxruntime fell back to {actual}",
                hint="install CUDA and cuDNN of the versions that onnxruntime-gpu names, "
                "or use --device cpu",
            )
        log.debug("loaded %s on %s with %d threads", name, actual, self.threads)
        return session


class GraphParts:
    """Parts of an engine that are graphs; loaded on first use. What both anatomies share.

    Args:
        manifest: the checkpoint.
        anatomy: kind of its spec.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        threads: on the CPU; None takes OMP_NUM_THREADS, else all cores allowed.
        shared: parts that several threads may run at once.
        shapes: what the graphs must take and give.

    Raises:
        EngineError: the device is unknown or not there.
        CheckpointIncompatibleError: the checkpoint is of another anatomy.
    """

    def __init__(
        self,
        manifest: Manifest,
        anatomy: type[Spec],
        *,
        device: str,
        threads: int | None,
        shared: Collection[str] = (),
        shapes: Shapes | None = None,
    ) -> None:
        if not isinstance(manifest.spec, anatomy):
            raise CheckpointIncompatibleError(
                "cannot run this checkpoint",
                where=str(manifest.path),
                why="it is of another anatomy",
            )
        self._graphs = Graphs(
            manifest, device=device, threads=threads, shared=shared, shapes=shapes
        )

    @property
    def threads(self) -> int:
        """Threads on the CPU."""
        return self._graphs.threads

    @property
    def workers(self) -> int:
        """How many threads may run the shared parts at once."""
        return self._graphs.workers

    @property
    def on_cpu(self) -> bool:
        """Whether no GPU will be used."""
        return self._graphs.on_cpu

    @property
    def loaded(self) -> frozenset[str]:
        """Names of the parts that are in memory."""
        return self._graphs.loaded

    @property
    def device(self) -> str:
        """Where the loaded parts really run: ``cuda`` or ``cpu``."""
        return self._graphs.device


def _compare(
    session: ort.InferenceSession,
    name: str,
    part: Part,
    expected: Mapping[str, tuple[int | None, ...]],
) -> None:
    """Raise CheckpointIncompatibleError where a graph is not of the sizes that the spec says."""
    found = {value.name: value.shape for value in (*session.get_inputs(), *session.get_outputs())}
    wrong = [f"missing {key}" for key in expected if key not in found]
    for key, shape in expected.items():
        if key in found and not _fits(found[key], shape):
            wanted = "x".join("?" if n is None else str(n) for n in shape)
            wrong.append(f"{key} is {'x'.join(map(str, found[key]))} instead of {wanted}")
    if wrong:
        rest = f"; and {len(wrong) - 4} more" if len(wrong) > 4 else ""
        raise CheckpointIncompatibleError(
            f"part {name!r} does not fit the manifest's spec",
            where=str(part.path),
            why="; ".join(wrong[:4]) + rest,
        )


def _fits(found: Sequence[int | str | None], expected: Sequence[int | None]) -> bool:
    """Whether a graph's shape, in which a free size has a name, allows the sizes expected."""
    sizes = zip(found, expected, strict=False)
    return len(found) == len(expected) and all(
        size == wanted or wanted is None or not isinstance(size, int) for size, wanted in sizes
    )


def open_graph(
    path: str | os.PathLike[str],
    *,
    threads: int,
    providers: Sequence[Any] = (_CPU,),
    mapped: bool = False,
) -> ort.InferenceSession:
    """Open a graph with the options that documents need.

    Args:
        mapped: leave weights in their file until a node needs them: slower, for graphs that are
            larger than the memory.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # Threads that wait must sleep: spinning took a third of the CPU time of a page with two
    # threads, and slowed the page on a busy machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Every batch has another shape: the arena and its patterns would keep 170 MB (of 440) for
    # nothing; a page takes the same CPU time without.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    # Fold int8 weights into fp32 once, at load, instead of at every multiplication.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    if not _has_vnni():
        # Sums of products with signed weights could saturate: have the weights made unsigned.
        options.add_session_config_entry("session.x64quantprecision", "1")
    # Weights on a GPU don't go through the arena, which would round their memory up.
    options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
    if mapped:
        options.add_session_config_entry("session.disable_prepacking", "1")
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    # Without its fallback: that prints to standard output, where results go, and runs on the CPU.
    return ort.InferenceSession(
        str(Path(path)), sess_options=options, providers=list(providers), enable_fallback=0
    )


@cache
def _has_vnni() -> bool:
    """Whether the processor is known to multiply bytes without saturation."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return "avx512_vnni" in flags or "avx_vnni" in flags


def _providers(device: str) -> tuple[str | None, list[Any]]:
    """Return the provider that must not be missing (None: any) and those to try in turn."""
    kind, number = parse_device(device)
    if kind == "cpu":
        return None, [_CPU]
    built, devices = _CUDA in ort.get_available_providers(), cuda_devices()
    if kind == "auto":
        if not (built and devices):
            return None, [_CPU]
        return None, [_cuda(0), _CPU]
    if number >= devices:
        raise EngineError(
            "the device is not there",
            where=device,
            why=f"the CUDA driver sees {devices} devices",
            hint="use --device cpu",
        )
    if not built:
        raise EngineError(
            "the GPU cannot be used",
            where=device,
            why="this onnxruntime was built without CUDA",
            hint="pip install onnxruntime-gpu in place of onnxruntime, or use --device cpu",
        )
    return _CUDA, [_cuda(number), _CPU]


def _cuda(number: int) -> tuple[str, dict[str, str]]:
    """Return the provider of a GPU with the options that documents need."""
    _preload()
    return _CUDA, {
        "device_id": str(number),
        # Crops have many sizes, and to try every algorithm on each new one takes seconds.
        "cudnn_conv_algo_search": "HEURISTIC",
        # By default memory is asked for in powers of two: half of a GPU may stay unused.
        "arena_extend_strategy": "kSameAsRequested",
        # float32 is float32, as in torch; who wants speed exports float16.
        "use_tf32": "0",
    }


@cache
def _preload() -> None:
    """Let onnxruntime find CUDA and cuDNN where pip has put them (packages ``nvidia-*``)."""
    with redirect_stdout(io.StringIO()):  # what is missing it prints where results go
        ort.preload_dlls()
