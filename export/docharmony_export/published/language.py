"""The language model as graphs: ``memory`` (once a prompt) and ``language`` (prefill and decode)."""

from __future__ import annotations

import numpy as np

from docharmony.engine.presets import DecoderSpec, PublishedSpec

from ..graph import CONTRIB, Array, Weights
from .blocks import F32, I64, Blocks, State
from .vision import map_input, map_sides


def crossing(spec: DecoderSpec) -> list[int]:
    """Return the layers with cross-attention to images."""
    return list(range(0, spec.layers, spec.mmfs_every))


def memory(g: Blocks, state: State, spec: PublishedSpec) -> None:
    """Maps 1-3 (n, C, h, w) -> ``value_i_l`` (n H, D, h, w) of each crossing layer i and level l."""
    d = spec.decoder
    maps = [map_input(g, spec.trunk, i) for i in range(1, 4)]
    depth = d.mmfs.values // d.mmfs.heads
    for i in crossing(d):
        w = state.sub(f"language.layers.{i}.llama_cross_attn.")
        for level, (x, *sides) in enumerate(maps):
            h = g.rms_norm(x, w["norm2.weight"], d.norm_epsilon)
            value = g.split_heads(g.dense(h, w, "attn.value_proj"), depth, *sides)
            g.output(f"value_{i}_{level}", value, F32, ["values", depth, *map_sides(level + 1)])


def language(g: Blocks, state: State, spec: PublishedSpec) -> None:
    """Ids and what was computed before -> scores of the next id, hidden states, keys and values.

    One graph serves the prompt and every step after it. Inputs: ``ids`` (B, T); ``tokens``
    (n, Q, C), what stands in the ids' image slots in order, n may be 0; ``gates`` (B, E) or (1, E),
    the task as weights of the Slide-LoRA experts; ``seen`` (B, T, N), 1 where an id sees an image;
    ``positions`` (B, T); ``bias`` (B, 1, T, P + T), 0 where an id may look and -10000 where not;
    ``rows`` (B), the row of the past that each row continues: beams fork and swap by it;
    ``value_i_l`` of ``memory`` for N images of B / k rows, k rows that stand together sharing them;
    ``past_key_i``, ``past_value_i`` (B', heads, P, depth), P may be 0. Outputs: ``logits`` (B, V)
    after the last id, ``hidden`` (B, T, C), ``key_i``, ``value_i`` with P + T places.
    """
    d, w = spec.decoder, state.sub("language.")
    depth = d.hidden // d.heads
    ids = g.input("ids", I64, ["batch", "ids"])
    tokens = g.input("tokens", g.real, ["images", "slots", d.hidden])
    gates = g.input("gates", F32, ["gates", spec.slide_lora.experts])
    seen = g.input("seen", F32, ["batch", "ids", "seen_images"])
    positions = g.input("positions", I64, ["batch", "ids"])
    bias = g.to_real(g.input("bias", F32, ["batch", 1, "ids", "all"]))
    rows = g.input("rows", I64, ["batch"])
    values = {
        i: [g.input(f"value_{i}_{level}", F32,
                    ["values", d.mmfs.values // d.mmfs.heads, f"h{level}", f"w{level}"])
            for level in range(len(d.mmfs.sides))]
        for i in crossing(d)
    }  # fmt: skip
    past = [
        [g.input(f"past_{n}_{i}", g.real, ["past_batch", d.heads, "past", depth])
         for n in ("key", "value")]
        for i in range(d.layers)
    ]  # fmt: skip

    x = _embed(g, w, d, ids, tokens)
    experts = _Experts(g, spec, gates)
    angle = np.outer(np.arange(d.context), d.rope_theta ** -(np.arange(0, depth, 2) / depth))
    cos, sin = g.reals(np.cos(angle)), g.reals(np.sin(angle))
    centre = g.singles(np.zeros((1, 1, 1, 1, 1, 2)))
    for i in range(d.layers):
        layer = w.sub(f"layers.{i}.")
        h = g.rms_norm(x, layer["input_layernorm.weight"], d.norm_epsilon)
        a = layer.sub("self_attn.")
        q, k, v = (experts.linear(h, a, f"{n}_proj") for n in "qkv")
        q, k = (
            g.node("RotaryEmbedding", y, positions, cos, sin, domain=CONTRIB, num_heads=d.heads)
            for y in (q, k)
        )
        before = [g.node("Gather", p, rows, axis=0) for p in past[i]]
        h, key, value = g.attend(q, k, v, d.heads, "", "", bias, *before, outputs=3)
        for name, present in (("key", key), ("value", value)):
            g.output(f"{name}_{i}", present, g.real, ["batch", d.heads, "all", depth])
        x = g.add(x, experts.linear(h, a, "o_proj"))
        if i in values:
            c = layer.sub("llama_cross_attn.")
            query = g.rms_norm(x, c["norm1.weight"], d.norm_epsilon)
            y = g.mmfs(c.sub("attn."), d.mmfs, d.mmfs.base, query, centre, values[i], seen)
            x = g.add(x, g.mul(g.reals(np.tanh(c["gate"])), y))
        h = g.rms_norm(x, layer["post_attention_layernorm.weight"], d.norm_epsilon)
        m = layer.sub("mlp.")
        h = g.mul(g.silu(g.dense(h, m, "gate_proj")), g.dense(h, m, "up_proj"))
        x = g.add(x, g.dense(h, m, "down_proj"))

    x = g.rms_norm(x, w["norm.weight"], d.norm_epsilon)
    g.output("hidden", g.to_float(x), F32, ["batch", "ids", d.hidden])
    last = g.node("Squeeze", g.cut(x, -1, None, 1), g.ints(1))
    g.output("logits", g.to_float(g.linear(last, *_head(w, d))), F32, ["batch", d.vocabulary])


def _embed(g: Blocks, w: State, d: DecoderSpec, ids: str, tokens: str) -> str:
    """Return embeddings (B, T, C) with images in their slots, in order over all rows."""
    # Rows are picked from what is stored, so that nothing but these is widened.
    table = w["embed_tokens.weight"]
    if g.real == F32 and g.weights is not Weights.FP32:
        x = g.cast(g.node("Gather", g.constant(table, np.float16), ids), F32)
    else:
        x = g.node("Gather", g.reals(table), ids)
    slots = g.node("Equal", ids, g.constant(np.array(d.image_slot)))
    place = g.node("CumSum", g.cast(g.reshape(slots, -1), I64), g.constant(np.array(0)))
    place = g.node("Sub", g.node("Reshape", place, g.node("Shape", ids)), g.ints(1))
    place = g.node("Where", slots, place, g.ints(0))
    flat = g.reshape(tokens, -1, d.hidden)
    # One row more, or there would be nothing to point at where no image is given.
    flat = g.node("Concat", flat, g.reals(np.zeros((1, d.hidden))), axis=0)
    x = g.node("Where", g.node("Unsqueeze", slots, g.ints(2)), g.node("Gather", flat, place), x)
    starts = g.cast(g.node("Equal", ids, g.constant(np.array(d.image_start))), g.real)
    soi = g.reals(w["soi_token"].reshape(1, 1, -1))
    return g.add(x, g.mul(g.node("Unsqueeze", starts, g.ints(2)), soi))


def _head(w: State, d: DecoderSpec) -> tuple[Array, Array]:
    """Return the output layer with what its trainable part adds for the ids of images."""
    weight, bias = w["head.weight"].copy(), w["head.bias"].copy()
    weight[d.image_start :] += w["head_new.weight"]
    bias[d.image_start :] += w["head_new.bias"]
    return weight, bias


class _Experts:
    """Linear layers with Slide-LoRA, whose gates are an input of the graph."""

    def __init__(self, g: Blocks, spec: PublishedSpec, gates: str) -> None:
        self.g, self.targets = g, spec.slide_lora.targets
        experts, rank = spec.slide_lora.experts, spec.slide_lora.rank
        # (E, E R): repeats each expert's weight over its rank.
        self.spread = g.reals(np.kron(np.eye(experts), np.ones((1, rank))))
        fixed = g.node("MatMul", g.to_real(gates), self.spread)
        self.fixed = g.node("Unsqueeze", fixed, g.ints(1))  # (B, 1, E R)

    def linear(self, x: str, w: State, name: str) -> str:
        """Apply the layer ``name`` to x (B, T, C)."""
        g = self.g
        y = g.dense(x, w, name)
        if name not in self.targets:
            return y
        down, up = w[f"{name}.lora_A"], w[f"{name}.lora_B"]  # (E, C, R), (E, R, C')
        gates = self.fixed
        if f"{name}.gate.weight" in w:  # learned: each token weighs the experts by itself
            gates = g.node("MatMul", x, g.reals(w[f"{name}.gate.weight"].T))
            gates = g.node("MatMul", g.node("Softmax", gates, axis=-1), self.spread)
        down = down.transpose(1, 0, 2).reshape(down.shape[1], -1)
        low = g.mul(g.node("MatMul", x, g.weight(down)), gates)
        return g.add(y, g.node("MatMul", low, g.weight(up.reshape(-1, up.shape[2]))))
