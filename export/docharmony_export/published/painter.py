"""The image decoder as graphs: ``prompt``, ``source`` (once an image), ``unet``, and the VAE's two."""

from __future__ import annotations

import math

import numpy as np

from docharmony.engine.presets import PainterSpec, PublishedSpec

from .blocks import BOOL, F32, F64, FAR, I64, Blocks, State
from .vision import map_input, map_sides

_LATENT_SCALE = 0.18215


def prompt(g: Blocks, state: State, spec: PublishedSpec) -> None:
    """Hidden states, the latest first (B, T, C), valid (B, T) -> ``prompt`` (B, Q, C').

    ``negative`` (1, Q, C') is what guidance leads away from: always the same.
    """
    r, w = spec.image_resampler, state.sub("image.")
    context = g.to_real(g.input("context", F32, ["batch", "context", r.encoder_hidden]))
    valid = g.input("valid", BOOL, ["batch", "context"])
    x = g.dense(context, w, "context_feat_proj")
    # In double, as the stored tables were made: float32 angles differ in the last digits.
    half = r.encoder_hidden // 2
    omega = 10000.0 ** (-np.arange(half) / half)
    zero, one = g.constant(np.array(0)), g.constant(np.array(1))
    length = g.node("Squeeze", g.size(context, 1), g.ints(0))
    place = g.cast(g.node("Range", zero, length, one), F64)
    angle = g.mul(g.node("Unsqueeze", place, g.ints(1)), g.constant(omega))
    table = g.node("Concat", g.node("Sin", angle), g.node("Cos", angle), axis=-1)
    x = g.add(x, g.cast(table, g.real))
    bias = g.node("Where", g.node("Unsqueeze", valid, g.ints(1, 2)), g.floats(0), g.floats(FAR))
    bias = g.node("Expand", bias, g.shape(1, 1, r.queries, 1))  # the operator wants all queries
    y = g.resample(w.sub("perceiver_resampler."), r, x, bias)
    g.output("prompt", g.to_float(y), F32, ["batch", r.queries, r.hidden])
    negative = g.singles(w["neg_prompt_embeds"])
    g.output("negative", negative, F32, [1, r.queries, r.hidden])


def places(spec: PainterSpec) -> list[tuple[int, int, int, str]]:
    """Return channels, nominal side, halvings and weights' name of each residual of the UNet."""
    side, last, halved = spec.mmfs.base, spec.channels[0], 0
    found = [(last, side, 0)]
    for i, channels in enumerate(spec.channels):
        found += [(channels, side, halved)] * spec.layers_per_block
        if i < len(spec.channels) - 1:
            side, halved = side // 2, halved + 1
            found.append((channels, side, halved))
    named = [(*place, f"mmfs_down_blocks.{i}.") for i, place in enumerate(found)]
    return [*named, (spec.channels[-1], side, halved, "mmfs_mid_block.")]


def source(g: Blocks, state: State, spec: PublishedSpec) -> None:
    """Maps 0-3 (n, C, h, w) and the latents' ``size`` (h, w) -> what every step of the UNet reads.

    ``value_p_l`` (n H, D, h, w) of each place p and level l, and ``place_p`` (h' w', C), the table of
    positions at that place's size.
    """
    p, w = spec.painter, state.sub("image.mmfs_module.")
    maps = [map_input(g, spec.trunk, i) for i in range(4)]
    size = g.input("size", I64, [2])
    depth = p.mmfs.values // p.mmfs.heads
    for i, (channels, _, halved, name) in enumerate(places(p)):
        block = w.sub(name)
        for level, (x, *sides) in enumerate(maps):
            h = g.dense(g.norm(x, block, "feat_norm", 1e-6), block, "mmfs.value_proj")
            value = g.split_heads(h, depth, *sides)
            g.output(f"value_{i}_{level}", value, F32, ["values", depth, *map_sides(level)])
        here = g.node("Div", g.add(size, g.ints(2**halved - 1)), g.ints(2**halved))
        table = g.reshape(g.grow(block["pos_embed"], *g.split(here, [1, 1], 0)), -1, channels)
        g.output(f"place_{i}", g.to_real(table), g.real, [f"cells_{halved}", channels])


def unet(g: Blocks, state: State, spec: PublishedSpec) -> None:
    """Latents (k B, 4, h, w), timestep (1), prompt (k B, Q, C') -> ``noise`` (k B, 4, h, w).

    h and w are divisible by 2 for each halving. ``seen`` (k B, 1) is 1 where there is a source image;
    ``value_p_l`` and ``place_p`` are those of ``source`` for B images; k rows that stand together
    (guidance) share an image.
    """
    p, w = spec.painter, state.sub("image.unet.")
    residuals = state.sub("image.mmfs_module.")
    latents = g.to_real(g.input("latents", F32, ["batch", 4, "height", "width"]))
    timestep = g.input("timestep", F32, [1])
    text = g.input("prompt", F32, ["batch", "queries", p.cross_hidden])
    seen = g.input("seen", F32, ["batch", 1])
    depth, where = p.mmfs.values // p.mmfs.heads, places(p)
    read = [
        (
            [g.input(f"value_{i}_{level}", F32, ["values", depth, f"h{level}", f"w{level}"])
             for level in range(len(p.mmfs.sides))],
            g.input(f"place_{i}", g.real, [f"cells_{halved}", channels]),
        )
        for i, (channels, _, halved, _) in enumerate(where)
    ]  # fmt: skip
    net = _Unet(g, w, p, timestep, g.to_real(text))

    skips = [x := g.convolve(latents, w, "conv_in")]
    last = len(p.channels) - 1
    for i, heads in enumerate(p.heads):
        block = w.sub(f"down_blocks.{i}.")
        for n in range(p.layers_per_block):
            x = net.resnet(block.sub(f"resnets.{n}."), x)
            if i < last:
                x = net.transformer(block.sub(f"attentions.{n}."), x, heads)
            skips.append(x)
        if i < last:
            skips.append(x := g.convolve(x, block, "downsamplers.0.conv", 2))
    middle = w.sub("mid_block.")
    x = net.resnet(middle.sub("resnets.0."), x)
    x = net.transformer(middle.sub("attentions.0."), x, p.heads[-1])
    x = net.resnet(middle.sub("resnets.1."), x)

    # The way down and the middle have run without: they don't see the residuals.
    seeing = [
        g.add(y, _residual(g, residuals.sub(name), p, side, y, maps, table, seen))
        for y, (_, side, _, name), (maps, table) in zip([*skips, x], where, read, strict=True)
    ]
    *skips, x = seeing
    for i, heads in enumerate(reversed(p.heads)):
        block = w.sub(f"up_blocks.{i}.")
        for n in range(p.layers_per_block + 1):
            x = net.resnet(block.sub(f"resnets.{n}."), g.node("Concat", x, skips.pop(), axis=1))
            if i > 0:
                x = net.transformer(block.sub(f"attentions.{n}."), x, heads)
        if i < last:
            x = _double(g, block, x)
    x = g.silu(g.group_norm(x, w, "conv_norm_out", p.groups, 1e-5))
    x = g.convolve(x, w, "conv_out")
    g.output("noise", g.to_float(x), F32, ["batch", 4, "height", "width"])


def _residual(
    g: Blocks, w: State, p: PainterSpec, base: int, x: str, maps: list[str], table: str, seen: str
) -> str:
    """Return what one place of the UNet, (k B, C, h, w), sees in the source image's maps."""
    height, width = g.size(x, 2), g.size(x, 3)
    tokens = g.transpose(g.reshape(x, 0, 0, -1), 0, 2, 1)  # (k B, h w, C)
    query = g.add(g.norm(tokens, w, "query_norm", 1e-6), table)
    cells = g.mul(height, width)
    # (k B, h w, 1); the k rows of one sample pass as one long row, so their places repeat.
    mask = g.node("Expand", g.node("Unsqueeze", seen, g.ints(1)), g.shape(1, cells, 1))
    batch = g.node("Div", g.size(maps[0], 0), g.ints(p.mmfs.heads))
    copies = g.node("Div", g.size(x, 0), batch)
    reference = g.reshape(g.centres(height, width), 1, -1, 1, 1, 1, 2)
    reference = g.node("Tile", reference, g.shape(1, copies, 1, 1, 1, 1))
    y = g.mmfs(w.sub("mmfs."), p.mmfs, base, query, reference, maps, mask)
    y = g.reshape(g.transpose(y, 0, 2, 1), 0, 0, height, width)
    return g.convolve(y, w, "conv")


class _Unet:
    """The blocks of the UNet at one timestep with one prompt."""

    def __init__(self, g: Blocks, w: State, p: PainterSpec, timestep: str, text: str) -> None:
        self.g, self.p, self.text = g, p, text
        half = p.channels[0] // 2
        omega = np.exp(-math.log(10000) * np.arange(half) / half)
        angle = g.mul(g.node("Unsqueeze", timestep, g.ints(1)), g.singles(omega))
        wave = g.node("Concat", g.node("Cos", angle), g.node("Sin", angle), axis=-1)
        time = g.silu(g.dense(g.to_real(wave), w, "time_embedding.linear_1"))
        self.time = g.silu(g.dense(time, w, "time_embedding.linear_2"))  # (1, C)

    def resnet(self, w: State, x: str) -> str:
        """Two convolutions with the time between, beside what came in."""
        time = self.g.dense(self.time, w, "time_emb_proj")
        return resnet(self.g, w, x, self.p.groups, 1e-5, time)

    def transformer(self, w: State, x: str, heads: int) -> str:
        """Self-attention, attention to the prompt and a gated feed-forward part, over all cells."""
        g = self.g
        y = g.group_norm(x, w, "norm", self.p.groups, 1e-6)
        y = g.dense(g.transpose(g.reshape(y, 0, 0, -1), 0, 2, 1), w, "proj_in")
        t = w.sub("transformer_blocks.0.")
        h = g.norm(y, t, "norm1", 1e-5)
        y = g.add(y, attention(g, t.sub("attn1."), h, h, heads))
        h = g.norm(y, t, "norm2", 1e-5)
        y = g.add(y, attention(g, t.sub("attn2."), h, self.text, heads))
        h = g.dense(g.norm(y, t, "norm3", 1e-5), t, "ff.net.0.proj")
        h, gate = g.nodes("Split", h, outputs=2, axis=-1, num_outputs=2)
        y = g.add(y, g.dense(g.mul(h, g.node("Gelu", gate)), t, "ff.net.2"))
        y = g.transpose(g.dense(y, w, "proj_out"), 0, 2, 1)
        return g.add(g.node("Reshape", y, g.node("Shape", x)), x)


def resnet(g: Blocks, w: State, x: str, groups: int, epsilon: float, time: str = "") -> str:
    """Two convolutions behind norms, beside what came in; ``time`` (1, C) is added between them."""
    h = g.convolve(g.silu(g.group_norm(x, w, "norm1", groups, epsilon)), w, "conv1")
    if time:
        h = g.add(h, g.node("Unsqueeze", time, g.ints(2, 3)))
    h = g.convolve(g.silu(g.group_norm(h, w, "norm2", groups, epsilon)), w, "conv2")
    if "conv_shortcut.weight" in w:
        x = g.convolve(x, w, "conv_shortcut")
    return g.add(x, h)


def attention(g: Blocks, w: State, x: str, tokens: str, heads: int) -> str:
    """Attention of x (B, T, C) to tokens, with diffusers' names."""
    q, k, v = g.dense(x, w, "to_q"), g.dense(tokens, w, "to_k"), g.dense(tokens, w, "to_v")
    return g.dense(g.attend(q, k, v, heads)[0], w, "to_out.0")


def _double(g: Blocks, w: State, x: str) -> str:
    """Double the sides of a map, nearest neighbour, then convolve."""
    scales = g.constant(np.array([1, 1, 2, 2], np.float32))
    x = g.node("Resize", x, "", scales, mode="nearest", nearest_mode="floor",
               coordinate_transformation_mode="asymmetric")  # fmt: skip
    return g.convolve(x, w, "upsamplers.0.conv")


def vae_decoder(g: Blocks, state: State, spec: PublishedSpec) -> None:
    """Latents (B, 4, h, w) -> ``pixels`` (B, 3, 8 h, 8 w) in 0-1 (8: with four blocks)."""
    p, w = spec.painter, state.sub("image.vae.")
    latents = g.input("latents", F32, ["batch", 4, "height", "width"])
    x = g.to_real(g.node("Div", latents, g.number(_LATENT_SCALE)))
    d = w.sub("decoder.")
    x = g.convolve(g.convolve(x, w, "post_quant_conv"), d, "conv_in")
    x = _vae_middle(g, d, x, p.vae_groups)
    for i in range(len(p.vae_channels)):
        block = d.sub(f"up_blocks.{i}.")
        for n in range(3):
            x = resnet(g, block.sub(f"resnets.{n}."), x, p.vae_groups, 1e-6)
        if i < len(p.vae_channels) - 1:
            x = _double(g, block, x)
    x = g.silu(g.group_norm(x, d, "conv_norm_out", p.vae_groups, 1e-6))
    x = g.to_float(g.convolve(x, d, "conv_out"))
    x = g.add(g.mul(x, g.number(0.5)), g.number(0.5))
    x = g.node("Clip", x, g.number(0), g.number(1))
    g.output("pixels", x, F32, ["batch", 3, "pixel_height", "pixel_width"])


def vae_encoder(g: Blocks, state: State, spec: PublishedSpec) -> None:
    """Pixels (B, 3, H, W) in 0-1 -> ``latents`` (B, 4, h, w), the mean; H and W divisible by 8."""
    p, w = spec.painter, state.sub("image.vae.")
    pixels = g.input("pixels", F32, ["batch", 3, "pixel_height", "pixel_width"])
    x = g.to_real(g.node("Sub", g.mul(pixels, g.number(2)), g.number(1)))
    e = w.sub("encoder.")
    x = g.convolve(x, e, "conv_in")
    for i in range(len(p.vae_channels)):
        block = e.sub(f"down_blocks.{i}.")
        for n in range(2):
            x = resnet(g, block.sub(f"resnets.{n}."), x, p.vae_groups, 1e-6)
        if i < len(p.vae_channels) - 1:
            x = g.convolve(x, block, "downsamplers.0.conv", 2, [0, 0, 1, 1])
    x = _vae_middle(g, e, x, p.vae_groups)
    x = g.silu(g.group_norm(x, e, "conv_norm_out", p.vae_groups, 1e-6))
    x = g.convolve(g.convolve(x, e, "conv_out"), w, "quant_conv")
    mean = g.mul(g.to_float(g.cut(x, 0, 4, 1)), g.number(_LATENT_SCALE))
    g.output("latents", mean, F32, ["batch", 4, "height", "width"])


def _vae_middle(g: Blocks, w: State, x: str, groups: int) -> str:
    m = w.sub("mid_block.")
    x = resnet(g, m.sub("resnets.0."), x, groups, 1e-6)
    a = m.sub("attentions.0.")
    y = g.group_norm(x, a, "group_norm", groups, 1e-6)
    y = g.transpose(g.reshape(y, 0, 0, -1), 0, 2, 1)
    y = g.transpose(attention(g, a, y, y, 1), 0, 2, 1)
    x = g.add(g.node("Reshape", y, g.node("Shape", x)), x)
    return resnet(g, m.sub("resnets.1."), x, groups, 1e-6)
