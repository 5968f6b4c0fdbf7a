"""Nano's parts on onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checkpoint import Manifest
from .graphs import GraphParts, Shapes
from .spec import LanguageSpec, ModelSpec

if TYPE_CHECKING:
    import numpy.typing as npt

    from .parts import Bytes, Floats, Ints


_SHARED = frozenset({"vision", "read_head", "locate_head", "language"})


class OnnxParts(GraphParts):
    """Implements :class:`docharmony.engine.parts.NanoParts`; graphs are loaded on first use."""

    def __init__(
        self, manifest: Manifest, *, device: str = "auto", threads: int | None = None
    ) -> None:
        """Open a checkpoint's parts; raises what :class:`GraphParts` raises."""
        spec = manifest.spec
        shapes = _shapes(spec) if isinstance(spec, ModelSpec) else None
        super().__init__(
            manifest, ModelSpec, device=device, threads=threads, shared=_SHARED, shapes=shapes
        )
        assert isinstance(spec, ModelSpec)
        self._spec = spec

    @property
    def places(self) -> int:
        """Places of a transformer that one call should have.

        On a CPU a call is as fast as its arrays are small: what an operation writes is still in the
        cache when the next one reads it. Lines of 192 places, milliseconds a line: 8.5 for two at
        once, 9.2 for four, 10.7 for eight.
        """
        return 512 if self.on_cpu else 2560

    def read_lines(self, pixels: Bytes) -> tuple[Floats, Floats]:
        """Run lines (B, 48, W, 3) through encoder and read head.

        Returns:
            visual tokens (B, C, D) and CTC log-probabilities (B, steps, 257).
        """
        found = self._graphs.run("read_head", {"tokens": self._encode(pixels)}, ["visual", "ctc"])
        return found["visual"], found["ctc"]

    def map_lines(self, pixels: Bytes, cells: npt.NDArray[np.bool_] | None = None) -> Floats:
        """Run tiles (B, H, W, 3) through encoder and locate head -> (B, 2, H/4, W/4).

        The encoder sees only ``cells``: a quarter of a page's patches are blank and far from any text,
        and its attention grows with the square of what it sees.
        """
        if cells is None:
            side = self._spec.vision.patch
            cells = np.ones((pixels.shape[1] // side, pixels.shape[2] // side), np.bool_)
        kept = np.flatnonzero(cells)
        seen = self._graphs.run("vision", {"pixels": pixels, "kept": kept}, ["tokens"])["tokens"]
        tokens = np.zeros((len(pixels), cells.size, seen.shape[2]), np.float32)
        tokens[:, kept] = seen
        feeds = {"tokens": tokens, "pixels": pixels}
        lines: Floats = self._graphs.run("locate_head", feeds, ["map"])["map"]
        side = lines.shape[2] // cells.shape[0]
        lines[:, 0] *= np.kron(cells, np.ones((side, side), np.float32))
        return lines

    def language(
        self,
        visual: Floats,
        ids: Ints,
        positions: Ints,
        bias: Floats,
        cache: Mapping[str, Floats] | None,
    ) -> tuple[Floats, dict[str, Floats]]:
        """Run the language model; see :class:`docharmony.engine.parts.NanoParts`."""
        if cache is None:
            spec = self._spec.language
            nothing = np.zeros((len(ids), spec.heads, 0, spec.head_dim), np.float32)
            names = [f"{name}_{i}" for i in range(spec.layers) for name in ("key", "value")]
            cache = dict.fromkeys(names, nothing)
        feeds = {"visual": visual, "ids": ids, "positions": positions, "bias": bias}
        feeds |= {f"past_{name}": value for name, value in cache.items()}
        found = self._graphs.run("language", feeds, ["logprobs", *cache])
        logprobs: Floats = found.pop("logprobs")
        return logprobs, found

    def select(self, cache: Mapping[str, Floats], rows: npt.NDArray[np.bool_]) -> dict[str, Floats]:
        """Return the cache of some of the rows."""
        return {name: np.ascontiguousarray(value[rows]) for name, value in cache.items()}

    def answer_language(
        self,
        ids: Ints,
        positions: Ints,
        bias: Floats,
        wanted: Ints,
        cache: Mapping[str, Any] | None,
    ) -> tuple[Floats, dict[str, Any]]:
        """Run the language model for questions; see :class:`docharmony.engine.parts.NanoParts`."""
        spec = self._spec.answer or self._spec.language
        if cache is None:
            shape = (len(ids), spec.kv_heads or spec.heads, 0, spec.head_dim)
            names = [f"{name}_{i}" for i in range(spec.layers) for name in ("key", "value")]
            cache = dict.fromkeys(names, np.zeros(shape, np.float32))
        feeds = {"ids": ids, "positions": positions, "bias": bias, "wanted": wanted}
        feeds |= {f"past_{name}": value for name, value in cache.items()}
        found = self._graphs.run("answer", feeds, ["logprobs"], [*cache])
        logprobs: Floats = found.pop("logprobs")
        return logprobs, found

    def paint(self, pixels: Bytes, mask: Bytes) -> Bytes:
        """Paint where mask (B, H, W) is 1 in pixels (B, H, W, 3); sides divisible by 16."""
        feeds = {"pixels": pixels, "mask": mask}
        painted: Bytes = self._graphs.run("image_decoder", feeds, ["painted"])["painted"]
        return painted

    def _encode(self, pixels: Bytes) -> Any:
        side = self._spec.vision.patch
        kept = np.arange(pixels.shape[1] // side * (pixels.shape[2] // side))
        return self._graphs.run("vision", {"pixels": pixels, "kept": kept}, [], ["tokens"])[
            "tokens"
        ]


def _shapes(spec: ModelSpec) -> Shapes:
    """Return what the graphs of a checkpoint of these sizes take and give."""
    tokens = (None, None, spec.vision.hidden)
    language = _past(spec.language) | {
        "visual": (None, None, spec.language.hidden),
        "logprobs": (None, None, spec.language.vocabulary),
    }
    answer = spec.answer or spec.language
    return {
        "vision": {"tokens": tokens},
        "read_head": {"tokens": tokens, "visual": (None, None, spec.language.hidden)},
        "locate_head": {"tokens": tokens, "map": (None, 2, None, None)},
        "language": language,
        "answer": _past(answer) | {"logprobs": (None, None, answer.vocabulary)},
    }


def _past(spec: LanguageSpec) -> dict[str, tuple[int | None, ...]]:
    shape = (None, spec.kv_heads or spec.heads, None, spec.head_dim)
    return {f"past_{name}_{i}": shape for i in range(spec.layers) for name in ("key", "value")}
