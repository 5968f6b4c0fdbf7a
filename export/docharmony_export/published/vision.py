"""The vision encoder as graphs: ``vision`` (ViT and adapter) and ``resampler`` (Q-Former)."""

from __future__ import annotations

import numpy as np
import torch
from onnx import TensorProto

from docharmony.engine.modeling.deformable import pixel_centres
from docharmony.engine.modeling.tables import resize_with_class
from docharmony.engine.presets import PublishedSpec, TrunkSpec

from ..graph import CONTRIB, Array
from .blocks import F32, Blocks, State


def vision(g: Blocks, state: State, spec: PublishedSpec) -> None:
    """Pixels (B, S, S, 3), uint8 -> ``states`` (B, 1 + T, C) and four maps (B, C, s, s).

    S is fixed: the stored positions belong to one grid. The class token is the first state.
    """
    t, w = spec.trunk, state.sub("vision.")
    pixels = g.input("pixels", TensorProto.UINT8, ["batch", t.image_size, t.image_size, 3])
    x = g.cast(g.transpose(pixels, 0, 3, 1, 2), F32)
    mean, std = w["clip_mean"].astype(np.float64), w["clip_std"].astype(np.float64)
    x = g.node("Sub", g.mul(x, g.singles(1 / (255 * std))), g.singles(mean / std))
    states, maps = _trunk(g, w.sub("encoder."), t, x)

    states = g.norm(g.dense(states, w, "pos_proj"), w, "pos_ln", 1e-6)
    table = torch.from_numpy(w["pos_embed"])
    states = g.add(states, g.reals(resize_with_class(table, t.grid).numpy()))
    g.output("states", g.norm(states, w, "post_ln", 1e-6), g.real,
             ["batch", 1 + t.grid**2, t.hidden])  # fmt: skip
    for i, (m, side) in enumerate(zip(maps, map_sides(t), strict=True)):
        grid = g.to_real(g.grow(w["pos_embed"][1:], spec.pos_grid, side, side))
        g.output(f"map_{i}", g.add(m, grid), g.real, ["batch", t.hidden, side, side])


def resampler(g: Blocks, state: State, spec: PublishedSpec) -> None:
    """States (B, 1 + T, C) -> ``tokens`` (B, Q, C') of the language model."""
    r, w = spec.resampler, state.sub("vision.")
    states = g.input("states", g.real, ["batch", "states", r.encoder_hidden])
    x = g.resample(w.sub("perceiver_resampler."), r, states)
    g.output("tokens", g.dense(x, w, "proj"), g.real, ["batch", r.queries, spec.decoder.hidden])


def map_sides(spec: TrunkSpec) -> tuple[int, int, int, int]:
    """Return the sides of the four maps, large to small."""
    return 4 * spec.grid, 2 * spec.grid, spec.grid, spec.grid // 2


def _trunk(g: Blocks, w: State, t: TrunkSpec, pixels: str) -> tuple[str, list[str]]:
    """Return tokens (B, 1 + T, C) and maps for normalised float32 pixels (B, 3, S, S)."""
    side = t.grid
    sides = [2 * side, side, side // 2]
    lengths = [s * s for s in sides]
    prior = _resize(g, pixels, 16 * side, 16 * side)
    c1, *rest = _prior(g, w.sub("adapter_spm."), g.to_real(prior))
    levels = w["adapter_level_embed"]
    flat = [g.add(g.transpose(g.reshape(m, 0, 0, -1), 0, 2, 1), g.reals(level))
            for m, level in zip(rest, levels, strict=True)]  # fmt: skip
    c = g.node("Concat", *flat, axis=1)  # (B, S, C)

    kernel = g.weight(w["embeddings.patch_embedding.weight"], axis=0)
    x = g.node("Conv", g.to_real(pixels), kernel, strides=[t.patch, t.patch])
    x = g.transpose(g.reshape(x, 0, 0, -1), 0, 2, 1)  # (B, T, C)
    first = g.reals(w["embeddings.class_embedding"].reshape(1, 1, -1))
    first = g.node("Expand", first, g.shape(g.size(x, 0), 1, 1))
    x = g.node("Concat", first, x, axis=1)
    x = g.add(x, g.reals(w["embeddings.position_embedding.weight"]))
    x = g.norm(x, w, "pre_layrnorm", t.norm_epsilon)

    size = t.layers // t.stages
    shown = []
    first, x = g.split(x, [1, side**2], 1)
    tokens = ""
    for i in range(t.stages):
        stage = w.sub(f"adapter_interactions.{i}.")
        x = _inject(g, stage.sub("injector."), t, x, c, side, sides)
        tokens = g.node("Concat", first, x, axis=1)
        for n in range(i * size, (i + 1) * size):
            tokens = _layer(g, w.sub(f"encoder.layers.{n}."), t, tokens)
        first, x = g.split(tokens, [1, side**2], 1)
        extras = [f"extra_extractors.{n}." for n in range(2 if i == t.stages - 1 else 0)]
        for name in ("extractor.", *extras):
            c = _extract(g, stage.sub(name), t, c, x, side, sides)
        shown.append(g.reshape(g.transpose(x, 0, 2, 1), 0, 0, side, side))

    parts = g.split(g.transpose(c, 0, 2, 1), lengths, 2)
    c2, c3, c4 = (g.reshape(p, 0, 0, s, s) for p, s in zip(parts, sides, strict=True))
    up = g.node("ConvTranspose", c2, g.weight(w["adapter_up.weight"], axis=1),
                g.weight(w["adapter_up.bias"]), strides=[2, 2])  # fmt: skip
    maps = (g.add(c1, up), c2, c3, c4)
    found = []
    for m, x, s in zip(maps, shown, map_sides(t), strict=True):
        scaled = x if s == side else g.to_real(_resize(g, g.to_float(x), s, s))
        found.append(g.add(m, scaled))
    return tokens, found


def _resize(g: Blocks, x: str, height: int, width: int) -> str:
    sizes = g.node("Concat", g.node("Shape", x, start=0, end=2), g.ints(height, width), axis=0)
    return g.node(
        "Resize", x, "", "", sizes, mode="linear", coordinate_transformation_mode="half_pixel"
    )


def _prior(g: Blocks, w: State, x: str) -> list[str]:
    """Return maps at 1/4, 1/8, 1/16 and 1/32 of the side of x (B, 3, S, S)."""

    def conv(x: str, name: str, norm: str, stride: int) -> str:
        x = g.convolve(x, w, name, stride)
        x = g.norm(g.transpose(x, 0, 2, 3, 1), w, norm, 1e-6)
        return g.node("Relu", g.transpose(x, 0, 3, 1, 2))

    for i, stride in ((0, 2), (3, 1), (6, 1)):
        x = conv(x, f"stem.{i}", f"stem.{i + 1}", stride)
    maps = [g.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])]
    for i in (2, 3, 4):
        maps.append(conv(maps[-1], f"conv{i}.0", f"conv{i}.1", 2))
    return [g.convolve(m, w, f"fc{i}") for i, m in enumerate(maps, 1)]


def _layer(g: Blocks, w: State, t: TrunkSpec, x: str) -> str:
    """A pre-norm layer of the trunk."""
    h = g.norm(x, w, "layer_norm1", t.norm_epsilon)
    a = w.sub("self_attn.")
    q, k, v = (
        g.linear(h, _merged(a, f"{n}_proj", t), _plain(a, f"{n}_proj", "bias")) for n in "qkv"
    )
    x = g.add(x, g.dense(g.attend(q, k, v, t.heads)[0], a, "out_proj"))
    h = g.dense(g.norm(x, w, "layer_norm2", t.norm_epsilon), w, "mlp.fc1")
    h = g.node("QuickGelu", h, domain=CONTRIB, alpha=1.702)
    return g.add(x, g.dense(h, w, "mlp.fc2"))


def _plain(w: State, name: str, kind: str) -> Array:
    wrapped = f"{name}.base_layer.{kind}"
    return w[wrapped] if wrapped in w else w[f"{name}.{kind}"]


def _merged(w: State, name: str, t: TrunkSpec) -> Array:
    """Return a weight with its LoRA added: at inference the same, and free."""
    weight = _plain(w, name, "weight")
    if t.lora_rank and f"{name}.lora_A.default.weight" in w:
        down, up = (w[f"{name}.lora_{x}.default.weight"] for x in "AB")
        weight = weight + t.lora_alpha / t.lora_rank * (up @ down)
    return weight


def _inject(g: Blocks, w: State, t: TrunkSpec, x: str, c: str, side: int, sides: list[int]) -> str:
    seen = _deform(g, w, t, x, [side], c, sides)
    return g.add(x, g.mul(g.reals(w["gamma"]), seen))


def _extract(g: Blocks, w: State, t: TrunkSpec, c: str, x: str, side: int, sides: list[int]) -> str:
    c = g.add(c, _deform(g, w, t, c, sides, x, [side]))
    h = g.dense(g.norm(c, w, "ffn_norm", t.norm_epsilon), w, "ffn.fc1")
    parts = g.split(g.transpose(h, 0, 2, 1), [s * s for s in sides], 2)
    kernel = w["ffn.dwconv.dwconv.weight"]
    moved = []
    for part, s in zip(parts, sides, strict=True):
        y = g.node(
            "Conv", g.reshape(part, 0, 0, s, s), g.weight(kernel, axis=0),
            g.weight(w["ffn.dwconv.dwconv.bias"]), pads=[1, 1, 1, 1], group=len(kernel),
        )  # fmt: skip
        moved.append(g.reshape(y, 0, 0, -1))
    h = g.node("Gelu", g.transpose(g.node("Concat", *moved, axis=2), 0, 2, 1))
    return g.add(c, g.dense(h, w, "ffn.fc2"))


def _deform(
    g: Blocks, w: State, t: TrunkSpec, query: str, standing: list[int], features: str,
    sides: list[int],
) -> str:  # fmt: skip
    """Deformable attention of queries on square grids into features of square levels."""
    heads, points, levels = t.deform_heads, t.deform_points, len(sides)
    a = w.sub("attn.")
    values = g.dense(g.norm(features, w, "feat_norm", t.norm_epsilon), a, "value_proj")
    parts = g.split(values, [s * s for s in sides], 1) if levels > 1 else [values]
    depth = t.deform_values // heads
    maps = [g.split_heads(p, depth, s) for p, s in zip(parts, sides, strict=True)]
    q = g.norm(query, w, "query_norm", t.norm_epsilon)
    offsets = g.to_float(g.dense(q, a, "sampling_offsets"))
    offsets = g.transpose(g.reshape(offsets, 0, 0, heads, levels, points * 2), 3, 0, 2, 1, 4)
    weights = g.to_float(g.dense(q, a, "attention_weights"))
    weights = g.node("Softmax", g.reshape(weights, 0, 0, heads, levels * points), axis=-1)
    weights = g.transpose(g.reshape(weights, 0, 0, heads, levels, points), 3, 0, 2, 1, 4)
    centres = pixel_centres([(s, s) for s in standing], torch.device("cpu")).numpy()
    centre = g.singles(2 * centres[:, None] - 1)  # (T, 1, 2)
    grids, shares = [], []
    for level, side in enumerate(sides):
        grid = g.reshape(g.cut(offsets, level, level + 1, 0), -1, len(centres), points, 2)
        grids.append(g.add(g.mul(grid, g.number(2 / side)), centre))
        share = g.cut(weights, level, level + 1, 0)
        shares.append(g.reshape(share, -1, 1, len(centres), points))
    read = g.sample(maps, grids, shares)  # (B H, D, T)
    read = g.reshape(read, -1, t.deform_values, len(centres))
    return g.dense(g.to_real(g.transpose(read, 0, 2, 1)), a, "output_proj")
