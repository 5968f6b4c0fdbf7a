"""SmolLM2-135M out of its GGUF file as an ONNX graph with a KV cache, with or without adapters.

The file's 4-bit codes are kept as they are. A block of 32 weights is ``d * q + m`` (Q4_1), which
onnxruntime's MatMulNBits does not know; it knows ``d * (q - 8)``. The rest, ``m + 8 d`` for each block
times the sum of the block's inputs, is one small product more: the same numbers, in 114 MB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from docharmony.engine.spec import LanguageSpec

from .graph import CONTRIB, FLOAT, INT64, Graph

Floats = npt.NDArray[np.float32]
Low = tuple[Floats, Floats]  # of an adapter: (in, rank) and (rank, out)

SPEC = LanguageSpec(
    hidden=576, intermediate=1536, layers=30, heads=9, vocabulary=49152, context=8192,
    rope_theta=100000.0, norm_epsilon=1e-5, tokenizer="bpe", kv_heads=3,
)  # fmt: skip
BLOCK = 32
_SPEED = 4  # MatMulNBits computes with 8-bit inputs


@dataclass(frozen=True, slots=True)
class Codes:
    """A matrix (N, K) of 4-bit codes in blocks along K: weight = scale * code + offset.

    Attributes:
        codes: (N, K / 32, 32) uint8 below 16.
        scale: (N, K / 32).
        offset: (N, K / 32).
    """

    codes: npt.NDArray[np.uint8]
    scale: Floats
    offset: Floats

    @classmethod
    def of(cls, raw: npt.NDArray[np.uint8], rows: int) -> Codes:
        """Read Q4_1: each block is d and m in half precision and 16 bytes of codes."""
        blocks = np.asarray(raw).reshape(rows, -1, 20)
        halves = np.ascontiguousarray(blocks[..., :4]).view(np.float16).astype(np.float32)
        packed = blocks[..., 4:]
        codes = np.concatenate([packed & 15, packed >> 4], axis=-1)
        return cls(codes, halves[..., 0], halves[..., 1])

    def turned(self, heads: int) -> Codes:
        """Undo GGUF's order of rows, which pairs neighbours for the rotation, not halves of a head."""

        def back(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
            paired = array.reshape(heads, -1, 2, *array.shape[1:])
            return np.ascontiguousarray(paired.swapaxes(1, 2).reshape(array.shape))

        return Codes(back(self.codes), back(self.scale), back(self.offset))

    def floats(self) -> Floats:
        """Return the weights (N, K)."""
        values = self.codes * self.scale[..., None] + self.offset[..., None]
        return np.asarray(values.reshape(len(self.codes), -1), np.float32)


def joined(*parts: Codes) -> Codes:
    """Return matrices of the same input on top of each other."""
    return Codes(
        np.concatenate([p.codes for p in parts]),
        np.concatenate([p.scale for p in parts]),
        np.concatenate([p.offset for p in parts]),
    )


class Weights:
    """The tensors of the file, by their names there."""

    def __init__(self, path: Path) -> None:
        from gguf import GGUFReader

        self.reader = GGUFReader(path)
        self._tensors = {tensor.name: tensor for tensor in self.reader.tensors}

    def codes(self, name: str) -> Codes:
        """Return a matrix in 4 bits."""
        tensor = self._tensors[name]
        return Codes.of(tensor.data, int(tensor.shape[1]))

    def vector(self, name: str) -> Floats:
        """Return a vector in float32."""
        return np.array(self._tensors[name].data, np.float32)

    def embedding(self) -> tuple[npt.NDArray[np.uint8], Floats]:
        """Return the embedding in 8 bits (Q8_0): codes + 128 (V, K / 32, 32) and scales (V, K / 32)."""
        raw = np.asarray(self._tensors["token_embd.weight"].data)
        blocks = raw.reshape(len(raw), -1, 34)
        scale = np.ascontiguousarray(blocks[..., :2]).view(np.float16).astype(np.float32)[..., 0]
        codes = np.ascontiguousarray(blocks[..., 2:]).view(np.int8).astype(np.int16) + 128
        return codes.astype(np.uint8), scale


def tokenizer(weights: Weights) -> str:
    """Return the tokenizer as a file of the package tokenizers."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    def field(name: str) -> Any:
        return weights.reader.fields[f"tokenizer.ggml.{name}"].contents()

    symbols = field("tokens")
    merges = [tuple(merge.split(" ")) for merge in field("merges")]
    made = Tokenizer(models.BPE({symbol: i for i, symbol in enumerate(symbols)}, merges))
    digits = pre_tokenizers.Digits(individual_digits=True)
    spelt = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    made.pre_tokenizer = pre_tokenizers.Sequence([digits, spelt])
    made.decoder = decoders.ByteLevel()
    control = [s for s, kind in zip(symbols, field("token_type"), strict=True) if kind == 3]
    made.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in control])
    return str(made.to_str())


def graph(weights: Weights, adapters: Mapping[str, Low] | None = None) -> bytes:
    """Return the graph, as :meth:`docharmony.engine.parts.NanoParts.answer_language` runs it.

    Args:
        adapters: low-rank products added to linear layers, by names such as
            ``"layers.3.self_attn.q_proj"``.
    """
    return _Builder(weights, adapters or {}).build()


class _Builder:
    def __init__(self, weights: Weights, adapters: Mapping[str, Low]) -> None:
        self.w, self.adapters, self.g = weights, adapters, Graph("answer")
        self._sums: dict[str, str] = {}

    def build(self) -> bytes:
        g, m = self.g, SPEC
        kv = m.kv_heads or m.heads
        ids = g.input("ids", INT64, ["batch", "new"])
        positions = g.input("positions", INT64, ["batch", "new"])
        bias = g.input("bias", FLOAT, ["batch", 1, "new", "all"])
        wanted = g.input("wanted", INT64, ["wanted"])
        codes, scale = self.w.embedding()
        table, scales = g.constant(codes), g.constant(scale)
        x = g.node("Cast", g.node("Gather", table, ids), to=FLOAT)
        x = g.node("Sub", x, g.constant(np.float32(128)))
        each = g.node("Unsqueeze", g.node("Gather", scales, ids), g.ints(3))
        x = g.node("Reshape", g.node("Mul", x, each), g.ints(0, 0, m.hidden))
        frequency = m.rope_theta ** -(np.arange(0, m.head_dim, 2) / m.head_dim)
        angle = np.outer(np.arange(m.context), frequency)
        turn = (
            g.constant(np.cos(angle).astype(np.float32)),
            g.constant(np.sin(angle).astype(np.float32)),
        )
        for i in range(m.layers):
            h = self._norm(x, f"blk.{i}.attn_norm")
            qkv = self._linear(h, i, {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
                                      "attn_v": "self_attn.v_proj"})  # fmt: skip
            width = kv * m.head_dim
            q, k, v = g.nodes("Split", qkv, g.ints(m.hidden, width, width), outputs=3, axis=-1)
            q = g.node("RotaryEmbedding", q, positions, *turn, domain=CONTRIB, num_heads=m.heads)
            k = g.node("RotaryEmbedding", k, positions, *turn, domain=CONTRIB, num_heads=kv)
            past = [g.input(f"past_{n}_{i}", FLOAT, ["batch", kv, "past", m.head_dim])
                    for n in ("key", "value")]  # fmt: skip
            y, key, value = g.nodes("Attention", q, k, v, bias, *past, outputs=3,
                                    q_num_heads=m.heads, kv_num_heads=kv)  # fmt: skip
            for name, present in (("key", key), ("value", value)):
                g.output(f"{name}_{i}", present, ["batch", kv, "all", m.head_dim])
            x = g.node("Add", x, self._linear(y, i, {"attn_output": "self_attn.o_proj"}))
            h = self._norm(x, f"blk.{i}.ffn_norm")
            both = self._linear(h, i, {"ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj"})
            gate, up = g.nodes("Split", both, outputs=2, axis=-1, num_outputs=2)
            gate = g.node("QuickGelu", gate, domain=CONTRIB, alpha=1.0)
            h = g.node("Mul", gate, up)
            x = g.node("Add", x, self._linear(h, i, {"ffn_down": "mlp.down_proj"}))
        x = self._norm(g.node("Gather", x, wanted, axis=1), "output_norm")
        x = g.node("MatMulNBits", x, table, scales, domain=CONTRIB, K=m.hidden, N=m.vocabulary,
                   bits=8, block_size=BLOCK, accuracy_level=_SPEED)  # fmt: skip
        g.output("logprobs", g.node("LogSoftmax", x, axis=-1), ["batch", "wanted", m.vocabulary])
        return g.serialize()

    def _norm(self, x: str, name: str) -> str:
        scale = self.g.constant(self.w.vector(f"{name}.weight"))
        return self.g.node("RMSNormalization", x, scale, axis=-1, epsilon=SPEC.norm_epsilon)

    def _linear(self, x: str, layer: int, names: Mapping[str, str]) -> str:
        """Multiply by matrices that share their input; names in the file -> names of adapters."""
        g, parts = self.g, []
        for name in names:
            codes = self.w.codes(f"blk.{layer}.{name}.weight")
            heads = {"attn_q": SPEC.heads, "attn_k": SPEC.kv_heads or SPEC.heads}.get(name)
            parts.append(codes.turned(heads) if heads else codes)
        c = joined(*parts)
        rows, blocks, _ = c.codes.shape
        packed = (c.codes[..., 0::2] | (c.codes[..., 1::2] << 4)).astype(np.uint8)
        y = g.node("MatMulNBits", x, g.constant(packed), g.constant(c.scale), domain=CONTRIB,
                   K=blocks * BLOCK, N=rows, bits=4, block_size=BLOCK, accuracy_level=_SPEED)  # fmt: skip
        if x not in self._sums:
            cut = g.node("Reshape", x, g.ints(0, 0, blocks, BLOCK))
            self._sums[x] = g.node("ReduceSum", cut, g.ints(3), keepdims=0)
        rest = (c.offset + 8 * c.scale).T.astype(np.float32)
        y = g.node("Add", y, g.node("MatMul", self._sums[x], g.constant(rest)))
        low = self._low(layer, list(names.values()), [len(part.codes) for part in parts])
        if low is None:
            return y
        down, up = low
        return g.node("Add", y, g.node("MatMul", g.node("MatMul", x, g.half(down)), g.half(up)))

    def _low(self, layer: int, names: list[str], rows: list[int]) -> Low | None:
        """Return the adapters of these matrices as one low-rank product."""
        found = [self.adapters.get(f"layers.{layer}.{name}") for name in names]
        given = [(i, pair) for i, pair in enumerate(found) if pair is not None]
        if not given:
            return None
        ranks = [down.shape[1] for _, (down, _) in given]
        up = np.zeros((sum(ranks), sum(rows)), np.float32)
        start = 0
        for (i, (_, high)), rank in zip(given, ranks, strict=True):
            first = sum(rows[:i])
            up[start : start + rank, first : first + rows[i]] = high
            start += rank
        return np.concatenate([down for _, (down, _) in given], axis=1), up
