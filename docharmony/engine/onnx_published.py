"""The published anatomy on onnxruntime: what an engine needs of an exported checkpoint.

Feature maps, the values that cross-attention reads, and keys and values of the language model stay on
the device between runs; only ids, logits and latents cross.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checkpoint import Manifest
from . import diffusion
from .graphs import GraphParts, Graphs, Shapes
from .presets import DecoderSpec, PublishedSpec

if TYPE_CHECKING:
    from .parts import Bytes, Floats, Ints

_FAR = -1e4  # as a bias: not to be looked at; the graphs may compute in float16
_MAPS = tuple(f"map_{i}" for i in range(4))


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen in images, on the device.

    Attributes:
        tokens: (B, Q, C) of the language model.
        maps: ``map_0`` to ``map_3`` (B, C', s, s), large to small.
    """

    tokens: Any
    maps: Mapping[str, Any]


class OnnxPublishedParts(GraphParts):
    """Implements :class:`docharmony.engine.parts.PublishedParts`; graphs are loaded on first use."""

    def __init__(
        self, manifest: Manifest, *, device: str = "auto", threads: int | None = None
    ) -> None:
        """Open a checkpoint's parts; raises what :class:`GraphParts` raises."""
        spec = manifest.spec
        shapes = _shapes(spec) if isinstance(spec, PublishedSpec) else None
        super().__init__(manifest, PublishedSpec, device=device, threads=threads, shapes=shapes)
        assert isinstance(spec, PublishedSpec)
        self.spec = spec

    def see(self, pixels: Bytes) -> Sight:
        """Return the tokens and feature maps of images (B, S, S, 3)."""
        seen = self._graphs.run("vision", {"pixels": pixels}, [], ["states", *_MAPS])
        states = {"states": seen.pop("states")}
        return Sight(self._graphs.run("resampler", states, [], ["tokens"])["tokens"], seen)

    def start(
        self, sight: Sight, ids: Ints, mask: Ints | None, gates: Floats, beams: int
    ) -> tuple[Floats, OnnxSession]:
        """Run prompts with one image a row; see :class:`docharmony.engine.parts.PublishedParts`."""
        session = OnnxSession(self._graphs, self.spec, sight, gates, beams)
        return session.begin(ids, mask, ["logits"])["logits"], session

    def draw(
        self,
        sight: Sight,
        ids: Ints,
        gates: Floats,
        *,
        seeds: Sequence[int],
        steps: int,
        guidance: float,
        scheduler: str,
    ) -> Bytes:
        """Return the images (B, S', S', 3) that follow prompts of one source image each."""
        session = OnnxSession(self._graphs, self.spec, sight, gates, 1)
        hidden = session.begin(ids, None, ["hidden"])["hidden"]
        # An image is drawn from all that stands before it, the latest first.
        context, valid = hidden[:, ::-1], np.ones(ids.shape, bool)
        text = self._graphs.run(
            "prompt", {"context": context, "valid": valid}, ["prompt", "negative"]
        )
        prompt, negative = text["prompt"], text["negative"]
        side = self.spec.painter.latent
        looked = self._graphs.run(
            "source", {**sight.maps, "size": np.array([side, side])}, [],
            self._graphs.outputs("source"),
        )  # fmt: skip
        if guidance != 1.0:  # each image's negative and positive row together
            both = np.stack([negative.repeat(len(prompt), 0), prompt], 1)
            prompt = both.reshape(-1, *prompt.shape[1:])
        fixed = {"prompt": prompt, "seen": np.ones((len(prompt), 1), np.float32), **looked}

        def predict(latents: Floats, timestep: int) -> Floats:
            time = np.array([timestep], np.float32)
            feeds = {"latents": latents, "timestep": time, **fixed}
            noise: Floats = self._graphs.run("unet", feeds, ["noise"])["noise"]
            return noise

        latents = diffusion.sample(
            predict, diffusion.seeded((4, side, side), seeds),
            steps=steps, guidance=guidance, scheduler=scheduler,
        )  # fmt: skip
        pixels = self._graphs.run("vae_decoder", {"latents": latents}, ["pixels"])["pixels"]
        out: Bytes = (pixels.transpose(0, 2, 3, 1) * 255 + 0.5).clip(0, 255).astype(np.uint8)
        return out


def _shapes(spec: PublishedSpec) -> Shapes:
    """Return what the graphs of a checkpoint of these sizes take and give."""
    trunk, decoder, painter = spec.trunk, spec.decoder, spec.painter
    maps = dict.fromkeys(_MAPS, (None, trunk.hidden, None, None))
    states = (None, None, trunk.hidden)
    past = (None, decoder.heads, None, decoder.hidden // decoder.heads)
    latents = (None, 4, None, None)
    return {
        "vision": {"states": states, **maps},
        "resampler": {
            "states": states,
            "tokens": (None, spec.resampler.queries, decoder.hidden),
        },
        "memory": {name: maps[name] for name in _MAPS[1:]},
        "language": {
            "tokens": (None, None, decoder.hidden),
            "gates": (None, spec.slide_lora.experts),
            "hidden": (None, None, decoder.hidden),
            "logits": (None, decoder.vocabulary),
            **{
                f"past_{kind}_{i}": past for i in range(decoder.layers) for kind in ("key", "value")
            },
        },
        "prompt": {
            "context": (None, None, decoder.hidden),
            "prompt": (None, None, painter.cross_hidden),
        },
        "source": maps,
        "unet": {"latents": latents, "prompt": (None, None, painter.cross_hidden)},
        "vae_decoder": {"latents": latents},
    }


class OnnxSession:
    """Implements :class:`docharmony.engine.parts.Session` on the graph of the language model.

    Args:
        sight: one image for each prompt.
        gates: (B, E), or (1, E) for all rows alike.
        beams: rows for each prompt, after it was read.
    """

    def __init__(
        self, graphs: Graphs, spec: PublishedSpec, sight: Sight, gates: Floats, beams: int
    ) -> None:
        self._graphs, self._spec, self._sight = graphs, spec, sight
        self._gates, self._beams = gates, beams
        layers = range(spec.decoder.layers)
        self._names = [f"{name}_{i}" for i in layers for name in ("key", "value")]
        self._values = graphs.run(
            "memory", {name: sight.maps[name] for name in _MAPS[1:]}, [], graphs.outputs("memory")
        )

    def begin(self, ids: Ints, mask: Ints | None, fetched: Sequence[str]) -> dict[str, Any]:
        """Read prompts (B, T), padded on the left; return the outputs asked for."""
        d = self._spec.decoder
        batch, length = ids.shape
        there = np.ones(ids.shape, bool) if mask is None else mask.astype(bool)
        self._there = there
        seen = visibility(ids, d)
        allowed = np.tril(np.ones((length, length), bool)) & there[:, None]  # (B, T, T)
        half = f"past_{self._names[0]}" in self._graphs.halves("language")
        nothing = np.zeros(
            (batch, d.heads, 0, d.hidden // d.heads), np.float16 if half else np.float32
        )
        self._cache: dict[str, Any] = dict.fromkeys(self._names, nothing)
        self._seen = seen[:, -1:]
        found = self._run(
            fetched, ids=ids, tokens=self._sight.tokens, seen=seen, rows=np.arange(batch),
            positions=np.maximum(there.cumsum(1) - 1, 0), bias=_bias(allowed),
        )  # fmt: skip
        # What every later step is given: no image, and for each beam what its prompt saw.
        width = (0, self._spec.resampler.queries, d.hidden)
        self._none = np.zeros(width, np.float16 if half else np.float32)
        self._seen = self._seen.repeat(self._beams, 0)
        self._there = there.repeat(self._beams, 0)
        if len(self._gates) > 1:
            self._gates = self._gates.repeat(self._beams, 0)
        self._forked = self._beams == 1
        return found

    def step(self, ids: Ints, origin: Ints | None) -> Floats:
        """Append ids (R,) to the rows ``origin`` and return the logits (R, V) of what follows."""
        rows = np.arange(len(ids)) if origin is None else origin
        if not self._forked:  # the prompt's keys are not repeated: the first step picks from them
            rows, self._forked = rows // self._beams, True
        self._there = np.concatenate([self._there, np.ones((len(ids), 1), bool)], 1)
        logits: Floats = self._run(
            ["logits"], ids=ids[:, None], tokens=self._none, seen=self._seen, rows=rows,
            positions=self._there.sum(1, keepdims=True) - 1, bias=_bias(self._there[:, None]),
        )["logits"]  # fmt: skip
        return logits

    def _run(self, fetched: Sequence[str], **feeds: Any) -> dict[str, Any]:
        past = {f"past_{name}": value for name, value in self._cache.items()}
        found = self._graphs.run(
            "language",
            {**feeds, "gates": self._gates, **self._values, **past},
            fetched,
            self._names,
        )
        self._cache = {name: found.pop(name) for name in self._names}
        return found


def visibility(ids: Ints, spec: DecoderSpec) -> Floats:
    """Return which ids (B, T) see the first image of their row, (B, T, 1), as float.

    An id sees an image that begins before it and after the last begin-of-sequence id.
    """
    places = np.arange(ids.shape[1])
    begins = np.maximum.accumulate(np.where(ids == spec.begin, places, -1), 1)  # (B, T)
    starts = (ids == spec.image_start).argmax(1)[:, None]  # (B, 1)
    there = (ids == spec.image_start).any(1, keepdims=True)
    seen: Floats = ((places > starts) & (starts + 1 > begins) & there).astype(np.float32)[..., None]
    return seen


def _bias(allowed: Any) -> Floats:
    """Return (B, 1, T, all) to be added to attention scores; ``allowed`` is (B, T, all)."""
    bias: Floats = np.where(allowed, 0, _FAR).astype(np.float32)[:, None]
    return bias
