"""The parts of TextHarmony as ONNX graphs, from state dicts named as in transformers.

Images enter as uint8 (B, H, W, 3), so that callers copy four times less and no caller normalises
differently from another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto

from docharmony.engine.spec import ModelSpec

from .graph import CONTRIB, Array, GraphBuilder, Weights

State = Mapping[str, Array]
F32, I64, U8 = TensorProto.FLOAT, TensorProto.INT64, TensorProto.UINT8


def vision(state: State, spec: ModelSpec, weights: Weights) -> ModelProto:
    """Pixels (B, H, W, 3) with sides divisible by the patch -> tokens (B, K, D) of some patches.

    ``kept`` (K,) names them, in rows of H/p * W/p; what is left out is seen by no other. A ViT without
    class token: patches, RMSNorm, pre-norm layers with axial rotary positions.
    """
    v, p = spec.vision, spec.vision.patch
    g = GraphBuilder("vision", weights)
    pixels = g.input("pixels", U8, ["batch", "height", "width", 3])
    kept = g.input("kept", I64, ["kept"])
    batch, height, width, _ = g.dims(pixels)
    side = g.constant(np.array(p))
    rows, columns = g.node("Div", height, side), g.node("Div", width, side)
    tokens = g.node("Mul", rows, columns)

    # Patches as rows of a matrix. The normalisation x / 127.5 - 1 is folded into the weights.
    three, patch = g.constant(np.array(3)), g.constant(np.array(p * p * 3))
    x = g.node("Reshape", pixels, g.stack(batch, rows, side, columns, g.node("Mul", side, three)))
    x = g.node("Transpose", x, perm=[0, 1, 3, 2, 4])
    x = g.node("Reshape", x, g.stack(batch, tokens, patch))
    x = g.node("Cast", x, to=F32)
    kernel = (
        state["patch_conv.weight"].astype(np.float64).transpose(0, 2, 3, 1).reshape(v.hidden, -1)
    )
    x = g.node("MatMul", x, g.weight((kernel / 127.5).T.astype(np.float32), axis=1))
    x = g.node("Add", x, g.constant(-kernel.sum(1).astype(np.float32)))
    x = g.rms_norm(x, state["ln_pre.weight"], v.norm_epsilon)

    tables = _axial_rotary(g, rows, columns, tokens, v.head_dim, v.rope_theta)
    x = g.node("Gather", x, kept, axis=1)
    cos, sin = (g.node("Gather", table, kept, axis=0) for table in tables)
    start = g.ints(0)
    for i in range(v.layers):
        w = _sub(state, f"transformer.layers.{i}.")
        h = g.rms_norm(x, w["attention_norm.weight"], v.norm_epsilon)
        q, k, u = (g.linear(h, w[f"attention.{n}_proj.weight"]) for n in "qkv")
        q, k = (_rotate(g, a, start, cos, sin, v.heads) for a in (q, k))
        h = g.node("MultiHeadAttention", q, k, u, domain=CONTRIB, num_heads=v.heads)
        x = g.node("Add", x, g.linear(h, w["attention.o_proj.weight"]))
        x = g.node("Add", x, _gated(g, g.rms_norm(x, w["ffn_norm.weight"], v.norm_epsilon),
                                    _sub(w, "feed_forward.")))  # fmt: skip
    g.output("tokens", x, F32, ["batch", "kept", v.hidden])
    return g.model()


def read_head(state: State, spec: ModelSpec, weights: Weights) -> ModelProto:
    """Tokens (B, 3 * C, D) of 48-px lines -> visual tokens (B, C, D_llm) and CTC log-probabilities.

    The three patches of one column become one visual token, and ``spec.read.substeps`` CTC steps:
    ``ctc`` is (B, C * substeps, 257), class 256 being the blank.
    """
    r, d = spec.read, spec.vision.hidden
    g = GraphBuilder("read_head", weights)
    tokens = g.input("tokens", F32, ["batch", "tokens", d])
    x = g.node("Reshape", tokens, g.ints(0, r.rows, -1, d))
    x = g.node("Transpose", x, perm=[0, 2, 1, 3])
    column = g.node("Reshape", x, g.ints(0, 0, r.rows * d))

    h = g.layer_norm(column, state["proj.0.weight"], state["proj.0.bias"])
    h = g.node("Gelu", g.linear(h, state["proj.1.weight"], state["proj.1.bias"]))
    visual = g.linear(h, state["proj.3.weight"], state["proj.3.bias"])
    g.output("visual", visual, F32, ["batch", "columns", spec.language.hidden])

    h = g.layer_norm(column, state["ctc.0.weight"], state["ctc.0.bias"])
    h = g.node("Gelu", g.linear(h, state["ctc.1.weight"], state["ctc.1.bias"]))
    h = g.node("Reshape", h, g.ints(0, -1, state["ctc_out.weight"].shape[1]))
    ctc = g.linear(h, state["ctc_out.weight"], state["ctc_out.bias"])
    ctc = g.node("LogSoftmax", ctc, axis=-1)
    g.output("ctc", ctc, F32, ["batch", "steps", state["ctc_out.weight"].shape[0]])
    return g.model()


def locate_head(state: State, spec: ModelSpec, weights: Weights) -> ModelProto:
    """Tokens and pixels of a tile -> map (B, 2, H/4, W/4).

    Channel 0 is the probability that the point lies on the middle of a text line, channel 1 the
    line's em as log2(em / 4 pixels).
    """
    d = spec.vision.hidden
    g = GraphBuilder("locate_head", weights)
    tokens = g.input("tokens", F32, ["batch", "tokens", d])
    pixels = g.input("pixels", U8, ["batch", "height", "width", 3])
    batch, height, width, _ = g.dims(pixels)
    side = g.constant(np.array(spec.vision.patch))
    rows, columns = g.node("Div", height, side), g.node("Div", width, side)

    x = g.layer_norm(tokens, state["loc_norm.weight"], state["loc_norm.bias"])
    x = g.linear(x, state["loc_up.weight"], state["loc_up.bias"])
    channels = g.constant(np.array(state["loc_up.weight"].shape[0]))
    x = g.node("Reshape", g.node("Transpose", x, perm=[0, 2, 1]),
               g.stack(batch, channels, rows, columns))  # fmt: skip
    x = g.node("DepthToSpace", x, blocksize=4, mode="CRD")

    s = g.node("Cast", g.node("Transpose", pixels, perm=[0, 3, 1, 2]), to=F32)
    s = g.node("Sub", g.node("Div", s, g.floats(127.5)), g.floats(1.0))
    for i in (0, 2):
        s = g.silu(g.conv(s, state[f"stem.{i}.weight"], state[f"stem.{i}.bias"], stride=2))
    x = g.node("Concat", x, s, axis=1)
    for i in (0, 2):
        x = g.silu(g.conv(x, state[f"loc.{i}.weight"], state[f"loc.{i}.bias"]))
    x = g.conv(x, state["loc.4.weight"], state["loc.4.bias"])
    kernel, code = g.nodes("Split", x, outputs=2, axis=1, num_outputs=2)
    em = g.node("Mul", code, g.floats(255 / 40))
    x = g.node("Concat", g.node("Sigmoid", kernel), em, axis=1)
    g.output("map", x, F32, ["batch", 2, "map_height", "map_width"])
    return g.model()


def language(state: State, spec: ModelSpec, weights: Weights) -> ModelProto:
    """Visual tokens and ids -> log-probabilities of the next id after each id, and the KV cache.

    Inputs: ``visual`` (B, V, D), V may be 0; ``ids`` (B, T); ``positions`` (B, V + T); ``bias``
    (B, 1, V + T, P + V + T), 0 where a query may look and a large negative number where not;
    ``past_key_i``/``past_value_i`` (B, heads, P, head_dim), P may be 0. Outputs: ``logprobs``
    (B, T, vocabulary), ``key_i``/``value_i`` with P + V + T places. Which places are real is told
    by ``bias`` alone, so lines of different lengths share a batch and rejected drafts may stay.
    """
    m = spec.language
    g = GraphBuilder("language", weights)
    visual = g.input("visual", F32, ["batch", "visual", m.hidden])
    ids = g.input("ids", I64, ["batch", "ids"])
    positions = g.input("positions", I64, ["batch", "new"])
    bias = g.input("bias", F32, ["batch", 1, "new", "all"])
    cache = [
        [g.input(f"past_{n}_{i}", F32, ["batch", m.heads, "past", m.head_dim])
         for n in ("key", "value")]
        for i in range(m.layers)
    ]  # fmt: skip
    embedding = g.weight(state["model.embed_tokens.weight"])
    x = g.node("Concat", visual, g.node("Gather", embedding, ids), axis=1)

    angle = np.outer(np.arange(m.context), _frequencies(m.head_dim, m.rope_theta))
    cos, sin = (
        g.constant(np.cos(angle).astype(np.float32)),
        g.constant(np.sin(angle).astype(np.float32)),
    )
    for i in range(m.layers):
        w = _sub(state, f"model.layers.{i}.")
        h = g.rms_norm(x, w["input_layernorm.weight"], m.norm_epsilon)
        q, k, u = (g.linear(h, w[f"self_attn.{n}_proj.weight"]) for n in "qkv")
        q, k = (_rotate(g, a, positions, cos, sin, m.heads) for a in (q, k))
        h, key, value = g.nodes("MultiHeadAttention", q, k, u, "", "", bias, *cache[i],
                                outputs=3, domain=CONTRIB, num_heads=m.heads)  # fmt: skip
        for name, present in (("key", key), ("value", value)):
            g.output(f"{name}_{i}", present, F32, ["batch", m.heads, "all", m.head_dim])
        x = g.node("Add", x, g.linear(h, w["self_attn.o_proj.weight"]))
        h = g.rms_norm(x, w["post_attention_layernorm.weight"], m.norm_epsilon)
        x = g.node("Add", x, _gated(g, h, _sub(w, "mlp.")))

    count = g.node("Gather", g.node("Shape", visual), g.ints(1))
    x = g.node("Slice", x, count, g.ints(np.iinfo(np.int64).max), g.ints(1))
    x = g.rms_norm(x, state["model.norm.weight"], m.norm_epsilon)
    x = g.node("MatMul", x, g.node("Transpose", embedding, perm=[1, 0]))
    g.output("logprobs", g.node("LogSoftmax", x, axis=-1), F32, ["batch", "ids", m.vocabulary])
    return g.model()


def _axial_rotary(
    g: GraphBuilder, rows: str, columns: str, tokens: str, head_dim: int, theta: float
) -> tuple[str, str]:
    """Return the cosine and sine tables (tokens, head_dim / 2): even frequencies turn with the row,
    odd ones with the column (transformers' PixtralVisionRotaryEmbedding)."""
    frequency = _frequencies(head_dim, theta)
    zero, one = g.constant(np.array(0)), g.constant(np.array(1))
    quarter = g.constant(np.array(head_dim // 4))
    angles = []
    for count, axis, part in ((rows, 1, frequency[0::2]), (columns, 0, frequency[1::2])):
        place = g.node("Cast", g.node("Range", zero, count, one), to=F32)
        place = g.node("Unsqueeze", place, g.ints(axis, 2))
        angle = g.node("Mul", place, g.constant(part.astype(np.float32)))
        angles.append(g.node("Expand", angle, g.stack(rows, columns, quarter)))
    angle = g.node("Concat", *angles, axis=2)
    angle = g.node("Reshape", angle, g.stack(tokens, g.constant(np.array(head_dim // 2))))
    return g.node("Cos", angle), g.node("Sin", angle)


def _rotate(g: GraphBuilder, x: str, positions: str, cos: str, sin: str, heads: int) -> str:
    """Turn (B, T, heads * head_dim) by the tables' rows at ``positions``."""
    return g.node("RotaryEmbedding", x, positions, cos, sin, domain=CONTRIB, num_heads=heads)


def _gated(g: GraphBuilder, x: str, w: State) -> str:
    """The feed-forward layer with a SiLU gate."""
    gate = g.silu(g.linear(x, w["gate_proj.weight"]))
    h = g.node("Mul", gate, g.linear(x, w["up_proj.weight"]))
    return g.linear(h, w["down_proj.weight"])


def _frequencies(head_dim: int, theta: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    return theta ** -(np.arange(0, head_dim, 2) / head_dim)


def _sub(state: State, prefix: str) -> dict[str, Array]:
    """Return the entries under ``prefix`` with the prefix taken off."""
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
