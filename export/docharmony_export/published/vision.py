"""The vision encoder as graphs: ``vision`` (ViT and adapter) and ``resampler`` (Q-Former)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto

from docharmony.engine.presets import PublishedSpec, TrunkSpec

from ..graph import CONTRIB, Array
from .blocks import F32, Blocks, State


def vision(g: Blocks, state: State, spec: PublishedSpec) -> None:
    """Pixels (B, H, W, 3), uint8 -> ``states`` (B, 1 + T, C) and four maps (B, C, h, w).

    H and W are multiples of the trunk's ``unit``. At another size than that of the training the
    tables of positions are resized, as torch's model does. The class token is the first state.
    """
    t, w = spec.trunk, state.sub("vision.")
    pixels = g.input("pixels", TensorProto.UINT8, ["batch", "pixel_height", "pixel_width", 3])
    patch = g.ints(t.patch)
    grid = Grid(g, *(g.node("Div", g.size(pixels, axis), patch) for axis in (1, 2)))
    x = g.cast(g.transpose(pixels, 0, 3, 1, 2), F32)
    mean, std = w["clip_mean"].astype(np.float64), w["clip_std"].astype(np.float64)
    x = g.node("Sub", g.mul(x, g.singles(1 / (255 * std))), g.singles(mean / std))
    states, maps = _trunk(g, w.sub("encoder."), t, x, grid)

    states = g.norm(g.dense(states, w, "pos_proj"), w, "pos_ln", 1e-6)
    states = g.add(states, _positions(g, w["pos_embed"], grid))
    g.output("states", g.norm(states, w, "post_ln", 1e-6), g.real, ["batch", "states", t.hidden])
    for i, (m, level) in enumerate(zip(maps, grid.levels, strict=True)):
        table = g.transpose(g.grow(w["pos_embed"][1:], *level), 2, 0, 1)
        shape = ["batch", t.hidden, *map_sides(i)]
        g.output(f"map_{i}", g.add(m, g.to_real(table)), g.real, shape)


def resampler(g: Blocks, state: State, spec: PublishedSpec) -> None:
    """States (B, 1 + T, C) -> ``tokens`` (B, Q, C') of the language model."""
    r, w = spec.resampler, state.sub("vision.")
    states = g.input("states", g.real, ["batch", "states", r.encoder_hidden])
    x = g.resample(w.sub("perceiver_resampler."), r, states)
    g.output("tokens", g.dense(x, w, "proj"), g.real, ["batch", r.queries, spec.decoder.hidden])


def map_sides(index: int) -> tuple[str, str]:
    """Return the names of a map's free height and width; the maps go from large to small."""
    return f"height_{index}", f"width_{index}"


def map_input(g: Blocks, t: TrunkSpec, index: int) -> tuple[str, str, str]:
    """Declare a map (n, C, h, w) as input; return it as tokens (n, h w, C), with its h and w."""
    m = g.input(f"map_{index}", g.real, ["images", t.hidden, *map_sides(index)])
    tokens = g.transpose(g.reshape(m, 0, 0, -1), 0, 2, 1)
    return tokens, g.size(m, 2), g.size(m, 3)


class Grid:
    """How many patches and cells there are: int64 (1) values of the graph.

    Attributes:
        patches: height and width in patches.
        prior: height and width of the image that the adapter's convolutions look at.
        levels: height and width of the four maps, large to small: 4, 2, 1, 1/2 of the patches.
    """

    def __init__(self, g: Blocks, height: str, width: str) -> None:
        def scaled(op: str, by: int) -> tuple[str, str]:
            return g.node(op, height, g.ints(by)), g.node(op, width, g.ints(by))

        self.patches = height, width
        self.prior = scaled("Mul", 16)
        self.levels = [scaled("Mul", 4), scaled("Mul", 2), self.patches, scaled("Div", 2)]
        self._lengths = {level: g.mul(*level) for level in self.levels}
        self._centres = {level: g.centres(*level) for level in self.levels[1:]}
        self._g = g

    def length(self, level: tuple[str, str]) -> str:
        """Return the number of a level's cells."""
        return self._lengths[level]

    def centres(self, levels: Sequence[tuple[str, str]]) -> str:
        """Return the centres of all cells of levels, float32 (T, 1, 2) from -1 to 1."""
        found = [self._centres[level] for level in levels]
        joined = found[0] if len(found) == 1 else self._g.node("Concat", *found, axis=0)
        return self._g.node("Unsqueeze", joined, self._g.ints(1))


def _positions(g: Blocks, table: Array, grid: Grid) -> str:
    """Return a table (1 + side side, C), its first row for the class token, at the grid's size."""
    patches = g.reshape(g.grow(table[1:], *grid.patches), -1, table.shape[1])
    return g.to_real(g.node("Concat", g.singles(table[:1]), patches, axis=0))


def _trunk(
    g: Blocks, w: State, t: TrunkSpec, pixels: str, grid: Grid
) -> tuple[str, list[str]]:  # fmt: skip
    """Return tokens (B, 1 + T, C) and maps for normalised float32 pixels (B, 3, H, W)."""
    sides = grid.levels[1:]
    c1, *rest = _prior(g, w.sub("adapter_spm."), g.to_real(_resize(g, pixels, grid.prior)))
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
    x = g.add(x, _positions(g, w["embeddings.position_embedding.weight"], grid))
    x = g.norm(x, w, "pre_layrnorm", t.norm_epsilon)

    size = t.layers // t.stages
    shown = []
    first, x = g.cut(x, 0, 1, 1), g.cut(x, 1, None, 1)
    tokens = ""
    for i in range(t.stages):
        stage = w.sub(f"adapter_interactions.{i}.")
        x = _inject(g, stage.sub("injector."), t, x, c, grid)
        tokens = g.node("Concat", first, x, axis=1)
        for n in range(i * size, (i + 1) * size):
            tokens = _layer(g, w.sub(f"encoder.layers.{n}."), t, tokens)
        first, x = g.cut(tokens, 0, 1, 1), g.cut(tokens, 1, None, 1)
        extras = [f"extra_extractors.{n}." for n in range(2 if i == t.stages - 1 else 0)]
        for name in ("extractor.", *extras):
            c = _extract(g, stage.sub(name), t, c, x, grid)
        shown.append(g.reshape(g.transpose(x, 0, 2, 1), 0, 0, *grid.patches))

    parts = g.split(g.transpose(c, 0, 2, 1), [grid.length(s) for s in sides], 2)
    c2, c3, c4 = (g.reshape(p, 0, 0, *s) for p, s in zip(parts, sides, strict=True))
    up = g.node("ConvTranspose", c2, g.weight(w["adapter_up.weight"], axis=1),
                g.weight(w["adapter_up.bias"]), strides=[2, 2])  # fmt: skip
    maps = (g.add(c1, up), c2, c3, c4)
    found = []
    for m, x, s in zip(maps, shown, grid.levels, strict=True):
        scaled = x if s == grid.patches else g.to_real(_resize(g, g.to_float(x), s))
        found.append(g.add(m, scaled))
    return tokens, found


def _resize(g: Blocks, x: str, sides: tuple[str, str]) -> str:
    sizes = g.node("Concat", g.node("Shape", x, start=0, end=2), *sides, axis=0)
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


def _inject(g: Blocks, w: State, t: TrunkSpec, x: str, c: str, grid: Grid) -> str:
    seen = _deform(g, w, t, x, [grid.patches], c, grid.levels[1:], grid)
    return g.add(x, g.mul(g.reals(w["gamma"]), seen))


def _extract(g: Blocks, w: State, t: TrunkSpec, c: str, x: str, grid: Grid) -> str:
    sides = grid.levels[1:]
    c = g.add(c, _deform(g, w, t, c, sides, x, [grid.patches], grid))
    h = g.dense(g.norm(c, w, "ffn_norm", t.norm_epsilon), w, "ffn.fc1")
    parts = g.split(g.transpose(h, 0, 2, 1), [grid.length(s) for s in sides], 2)
    kernel = w["ffn.dwconv.dwconv.weight"]
    moved = []
    for part, s in zip(parts, sides, strict=True):
        y = g.node(
            "Conv", g.reshape(part, 0, 0, *s), g.weight(kernel, axis=0),
            g.weight(w["ffn.dwconv.dwconv.bias"]), pads=[1, 1, 1, 1], group=len(kernel),
        )  # fmt: skip
        moved.append(g.reshape(y, 0, 0, -1))
    h = g.node("Gelu", g.transpose(g.node("Concat", *moved, axis=2), 0, 2, 1))
    return g.add(c, g.dense(h, w, "ffn.fc2"))


def _deform(
    g: Blocks, w: State, t: TrunkSpec, query: str, standing: Sequence[tuple[str, str]],
    features: str, sides: Sequence[tuple[str, str]], grid: Grid,
) -> str:  # fmt: skip
    """Deformable attention of queries, standing on cells of levels, into features of levels."""
    heads, points, levels = t.deform_heads, t.deform_points, len(sides)
    a = w.sub("attn.")
    values = g.dense(g.norm(features, w, "feat_norm", t.norm_epsilon), a, "value_proj")
    parts = g.split(values, [grid.length(s) for s in sides], 1) if levels > 1 else [values]
    depth = t.deform_values // heads
    maps = [g.split_heads(p, depth, *s) for p, s in zip(parts, sides, strict=True)]
    q = g.norm(query, w, "query_norm", t.norm_epsilon)
    count = g.size(q, 1)
    offsets = g.to_float(g.dense(q, a, "sampling_offsets"))
    offsets = g.transpose(g.reshape(offsets, 0, 0, heads, levels, points * 2), 3, 0, 2, 1, 4)
    weights = g.to_float(g.dense(q, a, "attention_weights"))
    weights = g.node("Softmax", g.reshape(weights, 0, 0, heads, levels * points), axis=-1)
    weights = g.transpose(g.reshape(weights, 0, 0, heads, levels, points), 3, 0, 2, 1, 4)
    centre = grid.centres(standing)
    places, shares = [], []
    for level, (height, width) in enumerate(sides):
        scale = g.node("Div", g.number(2), g.cast(g.node("Concat", width, height, axis=0), F32))
        place = g.reshape(g.cut(offsets, level, level + 1, 0), -1, count, points, 2)
        places.append(g.add(g.mul(place, scale), centre))
        share = g.cut(weights, level, level + 1, 0)
        shares.append(g.reshape(share, -1, 1, count, points))
    read = g.sample(maps, places, shares)  # (B H, D, T)
    read = g.reshape(read, -1, t.deform_values, count)
    return g.dense(g.to_real(g.transpose(read, 0, 2, 1)), a, "output_proj")
