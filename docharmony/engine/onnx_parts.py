"""The parts of the engine on onnxruntime, the only module that imports it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnxruntime as ort

from ..checkpoint import Manifest, Part
from ..errors import CheckpointCorruptError, CheckpointIncompatibleError, EngineError
from .devices import checked_threads, parse_device
from .spec import ModelSpec

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]
    Bytes = npt.NDArray[np.uint8]

log = logging.getLogger(__name__)

# It writes warnings to standard error by itself; what matters is raised as an EngineError.
ort.set_default_logger_severity(4)

_CUDA: Final = "CUDAExecutionProvider"
_CPU: Final = "CPUExecutionProvider"


class OnnxParts:
    """Sessions of a checkpoint's graphs, each loaded and verified on first use.

    Args:
        manifest: the checkpoint.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        threads: of one operation on the CPU; None takes OMP_NUM_THREADS, else all cores allowed.

    Raises:
        EngineError: the device is unknown or not there.
        CheckpointIncompatibleError: the checkpoint is of another anatomy.
    """

    def __init__(
        self, manifest: Manifest, *, device: str = "auto", threads: int | None = None
    ) -> None:
        if not isinstance(manifest.spec, ModelSpec):
            raise CheckpointIncompatibleError(
                "cannot run this checkpoint",
                where=str(manifest.path),
                why="it is of the published anatomy",
            )
        self._manifest, self._spec = manifest, manifest.spec
        self._sessions: dict[str, ort.InferenceSession] = {}
        self._required, self._providers = _providers(device)
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

    def read_lines(self, pixels: Bytes) -> tuple[Floats, Floats]:
        """Run lines (B, 48, W, 3) through encoder and read head.

        Returns:
            visual tokens (B, C, D) and CTC log-probabilities (B, steps, 257).
        """
        head = self._session("read_head")
        visual, ctc = self._run(head, {"tokens": self._encode(pixels)})
        return visual, ctc

    def map_lines(self, pixels: Bytes) -> Floats:
        """Run tiles (B, H, W, 3) through encoder and locate head -> (B, 2, H/4, W/4)."""
        head = self._session("locate_head")
        feeds = {"tokens": self._encode(pixels), "pixels": ort.OrtValue.ortvalue_from_numpy(pixels)}
        lines: Floats = self._run(head, feeds)[0]
        return lines

    def language(
        self,
        visual: Floats,
        ids: npt.NDArray[np.int64],
        positions: npt.NDArray[np.int64],
        bias: Floats,
        cache: Mapping[str, Floats] | None,
    ) -> tuple[Floats, dict[str, Floats]]:
        """Run the language model; see :class:`docharmony.engine.parts.NanoParts`."""
        session = self._session("language")
        if cache is None:
            spec = self._spec.language
            nothing = np.zeros((len(ids), spec.heads, 0, spec.head_dim), np.float32)
            names = [f"{name}_{i}" for i in range(spec.layers) for name in ("key", "value")]
            cache = dict.fromkeys(names, nothing)
        arrays = {"visual": visual, "ids": ids, "positions": positions, "bias": bias}
        arrays |= {f"past_{name}": value for name, value in cache.items()}
        feeds = {k: ort.OrtValue.ortvalue_from_numpy(v) for k, v in arrays.items()}
        logprobs, *rest = self._call(session, ["logprobs", *cache], feeds)
        return logprobs.numpy(), {k: v.numpy() for k, v in zip(cache, rest, strict=True)}

    def select(self, cache: Mapping[str, Floats], rows: npt.NDArray[np.bool_]) -> dict[str, Floats]:
        """Return the cache of some of the rows."""
        return {name: np.ascontiguousarray(value[rows]) for name, value in cache.items()}

    def paint(self, pixels: Bytes, mask: Bytes) -> Bytes:
        """Paint where mask (B, H, W) is 1 in pixels (B, H, W, 3); sides divisible by 16."""
        feeds = {"pixels": pixels, "mask": mask}
        values = {k: ort.OrtValue.ortvalue_from_numpy(v) for k, v in feeds.items()}
        painted: Bytes = self._run(self._session("image_decoder"), values)[0]
        return painted

    def _encode(self, pixels: Bytes) -> Any:
        value = ort.OrtValue.ortvalue_from_numpy(pixels)
        return self._call(self._session("vision"), ["tokens"], {"pixels": value})[0]

    def _run(self, session: ort.InferenceSession, feeds: Mapping[str, Any]) -> list[Any]:
        names = [output.name for output in session.get_outputs()]
        return [value.numpy() for value in self._call(session, names, feeds)]

    def _call(
        self, session: ort.InferenceSession, names: list[str], feeds: Mapping[str, Any]
    ) -> list[Any]:
        try:
            values: list[Any] = session.run_with_ort_values(names, feeds)
        except Exception as error:  # onnxruntime's exceptions share no public base class
            raise EngineError(
                "the engine failed",
                why=type(error).__name__,
                hint="less memory is used with --device cpu, a lower --dpi or fewer --jobs",
            ) from error
        return values

    def _session(self, name: str) -> ort.InferenceSession:
        if name not in self._sessions:
            self._sessions[name] = self._load(name, self._manifest.part(name))
        return self._sessions[name]

    def _load(self, name: str, part: Part) -> ort.InferenceSession:
        if part.format != "onnx":
            raise CheckpointIncompatibleError(
                f"cannot run part {name!r} on onnxruntime", where=str(part.path),
                why=f"its format is {part.format!r}",
            )  # fmt: skip
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
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
        try:
            session = ort.InferenceSession(
                str(part.path), sess_options=options, providers=self._providers
            )
        except Exception as error:
            raise CheckpointCorruptError(
                f"cannot load part {name!r}", where=str(part.path), why=type(error).__name__
            ) from error
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


def _providers(device: str) -> tuple[str | None, list[Any]]:
    """Return the provider that must not be missing (None: any) and those to try in turn."""
    kind, number = parse_device(device)
    available = ort.get_available_providers()
    if kind == "cpu":
        return None, [_CPU]
    if kind == "auto":
        return None, [_CUDA, _CPU] if _CUDA in available and _cuda_answers() else [_CPU]
    if _CUDA not in available:
        raise EngineError(
            "the GPU cannot be used",
            where=device,
            why="this onnxruntime was built without CUDA",
            hint="pip install onnxruntime-gpu in place of onnxruntime, or use --device cpu",
        )
    return _CUDA, [(_CUDA, {"device_id": str(number)}), _CPU]


def _cuda_answers() -> bool:
    """Whether a CUDA driver is installed; without one onnxruntime prints errors and falls back."""
    import ctypes.util

    return (
        ctypes.util.find_library("cuda") is not None
        or ctypes.util.find_library("nvcuda") is not None
    )
