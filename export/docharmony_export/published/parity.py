"""Compares exported parts with the torch model, layer by layer in memory.

What is compared is the relative error of an output: |ours - theirs| / |theirs| in the Euclidean norm,
on inputs drawn at random; sides, batch and lengths differ from what a graph could have fixed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from docharmony.engine import graphs
from docharmony.engine.presets import PublishedSpec

from .blocks import FAR
from .language import crossing

if TYPE_CHECKING:
    from docharmony.engine.modeling.model import TextHarmonyModel

Arrays = dict[str, npt.NDArray[Any]]

TOLERANCES: dict[str, dict[str, float]] = {
    # fp32: the same sums in another order. The longer the way of a number, the more that is.
    # fp16 keeps 11 bits of every weight and activation; int8 7 bits of a weight and of the linear
    # layers' activations.
    "vision": {"fp32": 2e-5, "fp16": 5e-3, "int8": 0.05},
    "resampler": {"fp32": 1e-5, "fp16": 5e-3, "int8": 0.05},
    "memory": {"fp32": 1e-5, "fp16": 2e-3, "int8": 0.02},
    # Places that are sampled move with the weights, and so does what is seen there.
    "language": {"fp32": 5e-5, "fp16": 1e-2, "int8": 0.10},
    "prompt": {"fp32": 1e-5, "fp16": 5e-3, "int8": 0.05},
    "source": {"fp32": 1e-5, "fp16": 2e-3, "int8": 0.02},
    "unet": {"fp32": 5e-5, "fp16": 1e-2, "int8": 0.10},
    "vae_decoder": {"fp32": 2e-5, "fp16": 5e-3, "int8": 0.05},
    "vae_encoder": {"fp32": 2e-5, "fp16": 5e-3, "int8": 0.05},
}

# Beginnings of the names of the weights that a part's reference holds in memory all the time. Layers
# of the language model are read when they run: with them the full model would take 52 GB.
NEEDED = {
    "vision": ("vision.",),
    "resampler": ("vision.perceiver_resampler.", "vision.proj."),
    "memory": (),
    "language": ("language.embed", "language.soi", "language.norm.", "language.head"),
    "prompt": ("image.perceiver_resampler.", "image.context_feat_proj.", "image.neg_prompt"),
    "source": ("image.mmfs_module.",),
    "unet": ("image.unet.", "image.mmfs_module."),
    "vae_decoder": ("image.vae.",),
    "vae_encoder": ("image.vae.",),
}
_MAPPED = 4 << 30  # bytes of weights above which they are left in the file
_SLOTS = 5  # of an image in a prompt


def compare(checkpoint: Path, exported: Path, spec: PublishedSpec, part: str) -> dict[str, float]:
    """Return the relative error of each output of a part.

    Args:
        checkpoint: folder of safetensors shards that the part was made of.
        exported: its graph.
    """
    import torch

    from docharmony.engine.devices import checked_threads

    threads = checked_threads(None)
    torch.set_num_threads(threads)
    model = _load(checkpoint, spec, part)
    large = exported.with_name(f"{exported.name}.data").stat().st_size > _MAPPED
    session = graphs.open_graph(exported, threads=threads, mapped=large)
    found: dict[str, float] = {}

    def run(feeds: Arrays, expected: Arrays) -> Arrays:
        for (
            value
        ) in session.get_inputs():  # device tensors have the type that the graph computes in
            if value.type == "tensor(float16)":
                feeds[value.name] = feeds[value.name].astype(np.float16)
        names = [output.name for output in session.get_outputs()]
        got = dict(zip(names, session.run(names, feeds), strict=True))
        for name, theirs in expected.items():
            ours, theirs = got[name].astype(np.float64), theirs.astype(np.float64)
            if ours.shape != theirs.shape:
                raise ValueError(f"{name} is {ours.shape} instead of {theirs.shape}")
            error = float(np.linalg.norm(ours - theirs) / max(np.linalg.norm(theirs), 1e-12))
            key = name.rstrip("0123456789").rstrip("_")  # value_3_1 -> value
            key = key.rstrip("0123456789").rstrip("_")
            # What is no number is worse than any tolerance.
            found[key] = max(found.get(key, 0.0), error if np.isfinite(error) else np.inf)
        return got

    with torch.inference_mode():
        _CASES[part](model, spec, np.random.default_rng(0), run)
    return found


def _load(checkpoint: Path, spec: PublishedSpec, part: str) -> TextHarmonyModel:
    """Return the model with a part's weights as float32; the others stay on ``meta``."""
    import torch

    from docharmony.engine.modeling.model import TextHarmonyModel

    from .source import open_weights

    state, _ = open_weights(checkpoint, verified=True)
    with torch.device("meta"):
        model = TextHarmonyModel(spec)

    def fill(module: torch.nn.Module, prefix: str) -> None:
        names = [name for name in module.state_dict() if prefix + name in state]
        weights = {name: torch.from_numpy(state[prefix + name]) for name in names}
        module.load_state_dict(weights, strict=False, assign=True)

    def drop(module: torch.nn.Module) -> None:
        empty = {name: value.to("meta") for name, value in module.state_dict().items()}
        module.load_state_dict(empty, strict=False, assign=True)

    def lazily(module: torch.nn.Module, prefix: str) -> None:
        module.register_forward_pre_hook(lambda *_: fill(module, prefix))
        module.register_forward_hook(lambda *_: drop(module))

    names = [name for name in state if name.startswith(NEEDED[part])]
    weights = {name: torch.from_numpy(state[name]) for name in names}
    model.load_state_dict(weights, strict=False, assign=True)
    for i, layer in enumerate(model.language.layers):
        prefix = f"language.layers.{i}."
        if layer.llama_cross_attn is not None and part in ("memory", "language"):
            # What it reads of images is asked for from outside of the layer.
            fill(layer.llama_cross_attn, f"{prefix}llama_cross_attn.")
        if i == 0 and part == "language":  # stays: its weights say on which device the model is
            fill(layer, prefix)
            continue
        for name, module in layer.named_children():
            if name != "llama_cross_attn":
                lazily(module, f"{prefix}{name}.")
    return model.eval()


Run = Callable[[Arrays, Arrays], Arrays]


# Batch, height and width in patches of the images that maps come from.
_SIZES = ((2, 4, 4), (1, 2, 6))


def _vision(model: Any, spec: PublishedSpec, rng: np.random.Generator, run: Run) -> None:
    import torch

    grid = spec.trunk.grid  # once as large as in training, once of a shape of its own
    for batch, height, width in ((1, grid, grid), (2, 2, 6)):
        size = (batch, height * spec.trunk.patch, width * spec.trunk.patch, 3)
        pixels = rng.integers(0, 256, size, np.uint8)
        states: list[Any] = []
        hook = model.vision.perceiver_resampler.register_forward_pre_hook(
            lambda _, given, states=states: states.append(given[0])
        )
        seen = model.vision(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255)
        hook.remove()
        maps = {f"map_{i}": m.numpy() for i, m in enumerate(seen.maps)}
        run({"pixels": pixels}, {"states": states[0].numpy(), **maps})


def _resampler(model: Any, spec: PublishedSpec, rng: np.random.Generator, run: Run) -> None:
    for batch, length in ((2, 1 + spec.trunk.grid**2), (1, 7)):
        states = _normal(rng, batch, length, spec.resampler.encoder_hidden)
        v = model.vision
        tokens = v.proj(v.perceiver_resampler(_tensor(states)))
        run({"states": states}, {"tokens": tokens.numpy()})


def _maps(
    spec: PublishedSpec, rng: np.random.Generator, images: int, height: int, width: int
) -> list[Any]:
    """Return four maps for a grid of patches."""
    sides = [(4 * height, 4 * width), (2 * height, 2 * width), (height, width)]
    sides.append((height // 2, width // 2))
    return [_normal(rng, images, spec.trunk.hidden, *side) for side in sides]


def _by_level(values: Any, maps: list[Any], name: str) -> Arrays:
    """Return torch's values (B, N, S, H, D) as the graphs' (B N H, D, s, s), one a level."""
    lengths = [m.shape[2] * m.shape[3] for m in maps]
    found = {}
    for level, part in enumerate(values.flatten(0, 1).split(lengths, 1)):
        side = maps[level].shape[2:]
        moved = part.permute(0, 2, 3, 1).flatten(0, 1).unflatten(2, side)
        found[f"{name}_{level}"] = moved.contiguous().numpy()
    return found


def _memory(model: Any, spec: PublishedSpec, rng: np.random.Generator, run: Run) -> None:
    for batch, *grid in _SIZES:
        maps = _maps(spec, rng, batch, *grid)
        ids = np.full((batch, 2), spec.decoder.image_start)
        memory = model.language.remember(_tensor(ids), [_tensor(m) for m in maps], [1] * batch)
        expected: Arrays = {}
        for i, values in zip(crossing(spec.decoder), memory.values, strict=True):
            expected |= _by_level(values, maps[1:], f"value_{i}")
        run({f"map_{i}": m for i, m in enumerate(maps) if i > 0}, expected)


def _language(model: Any, spec: PublishedSpec, rng: np.random.Generator, run: Run) -> None:
    """Two prompts of two tasks with two images each, then steps of three beams that swap."""
    import torch
    from transformers import DynamicCache

    d, language = spec.decoder, model.language
    slots = [d.image_start, *[d.image_slot] * _SLOTS]
    rows = [[d.begin, *rng.integers(3, d.pad, 3), *slots, *slots, *rng.integers(3, d.pad, 4)]
            for _ in range(2)]  # fmt: skip
    ids = np.array(rows, np.int64)
    tokens = _normal(rng, 4, _SLOTS, d.hidden) * 0.1
    maps = _maps(spec, rng, 4, 2, 6)
    gates = np.array([[0.5, 0.0, 0.5], [0.0, 0.5, 0.5]], np.float32)
    gates = np.repeat(gates, spec.slide_lora.experts // 3, 1) / (spec.slide_lora.experts // 3)
    memory = language.remember(_tensor(ids), [_tensor(m) for m in maps], [2, 2])
    cache = DynamicCache()
    with language.lora.use(_tensor(gates)):
        hidden = language(language.embed(_tensor(ids), _tensor(tokens)), memory, cache=cache)

    values: Arrays = {}
    for i, v in zip(crossing(d), memory.values, strict=True):
        values |= _by_level(v, maps[1:], f"value_{i}")
    length, depth = ids.shape[1], d.hidden // d.heads
    nothing = np.zeros((2, d.heads, 0, depth), np.float32)
    names = [f"{n}_{i}" for i in range(d.layers) for n in ("key", "value")]
    causal = np.where(np.tril(np.ones((length, length), bool)), 0, FAR).astype(np.float32)
    got = run(
        {"ids": ids, "tokens": tokens, "gates": gates, "seen": memory.seen.numpy(),
         "positions": np.tile(np.arange(length), (2, 1)), "rows": np.arange(2),
         "bias": np.tile(causal, (2, 1, 1, 1)), **values, **{f"past_{n}": nothing for n in names}},
        {"hidden": hidden.numpy(), "logits": language.logits(hidden[:, -1]).numpy()},
    )  # fmt: skip

    gates = gates.repeat(3, 0)
    for step, order in enumerate(([0, 0, 0, 1, 1, 1], [2, 0, 1, 3, 3, 5])):
        new = rng.integers(3, d.pad, (6, 1))
        cache.reorder_cache(torch.tensor(order))
        with language.lora.use(_tensor(gates)):
            hidden = language(language.embed_tokens(_tensor(new)), memory, cache=cache)
        place = length + step
        got = run(
            {"ids": new, "tokens": tokens[:0], "gates": gates,
             "seen": memory.seen[:, -1:].repeat_interleave(3, 0).numpy(),
             "positions": np.full((6, 1), place), "rows": np.array(order),
             "bias": np.zeros((6, 1, 1, place + 1), np.float32), **values,
             **{f"past_{n}": got[n] for n in names}},
            {"hidden": hidden.numpy(), "logits": language.logits(hidden[:, -1]).numpy()},
        )  # fmt: skip


def _prompt(model: Any, spec: PublishedSpec, rng: np.random.Generator, run: Run) -> None:
    context = _normal(rng, 2, 9, spec.image_resampler.encoder_hidden)
    valid = np.arange(9) < np.array([[9], [4]])
    expected = model.image.prompt(_tensor(context), _tensor(valid)).numpy()
    run({"context": context, "valid": valid},
        {"prompt": expected, "negative": model.image.neg_prompt_embeds.numpy()})  # fmt: skip


def _blocks(model: Any) -> list[Any]:
    m = model.image.mmfs_module
    return [*m.mmfs_down_blocks, m.mmfs_mid_block]


def _source(model: Any, spec: PublishedSpec, rng: np.random.Generator, run: Run) -> None:
    from docharmony.engine.modeling.tables import resize

    from .painter import places

    latent = spec.painter.latent
    for (batch, *grid), size in zip(_SIZES, ((latent, latent), (16, 24)), strict=True):
        maps = _maps(spec, rng, batch, *grid)
        seen = np.ones((batch, 1), np.float32)
        looked = model.image.look([_tensor(m) for m in maps], _tensor(seen))
        feeds = {f"map_{i}": m for i, m in enumerate(maps)}
        expected: Arrays = {}
        where = zip(looked.values, _blocks(model), places(spec.painter), strict=True)
        for i, (values, block, (_, _, halved, _)) in enumerate(where):
            expected |= _by_level(values, maps, f"value_{i}")
            sides = [side >> halved for side in size]
            expected[f"place_{i}"] = resize(block.pos_embed, *sides).numpy()
        run({**feeds, "size": np.array(size)}, expected)


def _unet(model: Any, spec: PublishedSpec, rng: np.random.Generator, run: Run) -> None:
    """Two images with two rows each, the second without a source; then one of another size."""
    from docharmony.engine.modeling.tables import resize

    from .painter import places

    p = spec.painter
    latent = ((16, 24), (p.latent, p.latent))
    for (batch, *grid), (height, width) in zip(_SIZES, latent, strict=True):
        maps = _maps(spec, rng, batch, *grid)
        mask = np.array([[1], [0]], np.float32)[:batch]
        looked = model.image.look([_tensor(m) for m in maps], _tensor(mask))
        latents = _normal(rng, 2 * batch, 4, height, width)
        text = _normal(rng, 2 * batch, 3, p.cross_hidden)
        time = float(rng.integers(0, 1000))
        noise = model.image.predict_noise(
            _tensor(latents), _tensor(np.array(time)), _tensor(text), looked
        )
        feeds = {"latents": latents, "prompt": text, "timestep": np.array([time], np.float32),
                 "seen": mask.repeat(2, 0)}  # fmt: skip
        where = zip(looked.values, _blocks(model), places(p), strict=True)
        for i, (values, block, (_, _, halved, _)) in enumerate(where):
            feeds |= _by_level(values, maps, f"value_{i}")
            feeds[f"place_{i}"] = resize(block.pos_embed, height >> halved, width >> halved).numpy()
        run(feeds, {"noise": noise.numpy()})


def _vae_decoder(model: Any, spec: PublishedSpec, rng: np.random.Generator, run: Run) -> None:
    for batch, height, width in ((2, 8, 8), (1, 4, 6)):
        latents = _normal(rng, batch, 4, height, width) * np.float32(0.18)
        pixels = model.image.pixels(_tensor(latents))
        run({"latents": latents}, {"pixels": pixels.numpy()})


def _vae_encoder(model: Any, spec: PublishedSpec, rng: np.random.Generator, run: Run) -> None:
    for batch, height, width in ((2, 64, 64), (1, 32, 48)):
        pixels = rng.random((batch, 3, height, width), np.float32)
        latents = model.image.vae.encode(_tensor(pixels) * 2 - 1).latent_dist.mean * 0.18215
        run({"pixels": pixels}, {"latents": latents.numpy()})


def _normal(rng: np.random.Generator, *shape: int) -> npt.NDArray[np.float32]:
    return rng.standard_normal(shape, np.float32)


def _tensor(array: npt.NDArray[Any]) -> Any:
    import torch

    return torch.from_numpy(array)


_CASES: dict[str, Callable[[Any, PublishedSpec, np.random.Generator, Run], None]] = {
    "vision": _vision,
    "resampler": _resampler,
    "memory": _memory,
    "language": _language,
    "prompt": _prompt,
    "source": _source,
    "unet": _unet,
    "vae_decoder": _vae_decoder,
    "vae_encoder": _vae_encoder,
}
