"""The published anatomy on torch: what an engine needs of it, as numpy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import DynamicCache, StaticCache

from ...checkpoint import Manifest
from .. import diffusion
from ..devices import checked_threads
from .guard import guarded
from .image_decoder import contexts
from .loading import load_model, torch_device, torch_dtype

if TYPE_CHECKING:
    import numpy.typing as npt
    from transformers import Cache

    from ..parts import Bytes, Floats, Ints
    from .language import LanguageModel, Memory
    from .model import TextHarmonyModel
    from .vision import Seen


_BLOCK = 128  # places by which a static cache grows


class TorchParts:
    """Implements :class:`docharmony.engine.parts.PublishedParts`.

    Args:
        load: returns the model, on its device and in the type to compute in; called on first use.
        static: keep keys and values in a cache of fixed size, so that every step has the same shapes.
        compiled: compile the vision encoder, the step of the language model and the UNet when they are
            first run: minutes that pay for long runs. Makes the cache static.
    """

    def __init__(
        self,
        load: Callable[[], TextHarmonyModel],
        *,
        static: bool = False,
        compiled: bool = False,
    ) -> None:
        self._load, self._lock = load, threading.Lock()
        self._ready: TextHarmonyModel | None = None
        self.static, self.compiled = static or compiled, compiled

    @classmethod
    def from_manifest(
        cls,
        manifest: Manifest,
        *,
        device: str = "auto",
        threads: int | None = None,
        dtype: str = "auto",
        adapters: str | None = None,
        static: bool = False,
        compiled: bool = False,
    ) -> TorchParts:
        """Return the parts of a checkpoint in safetensors; its weights are read on first use.

        Args:
            device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
            threads: on the CPU; None takes OMP_NUM_THREADS, else all cores allowed.
            dtype: ``auto``, ``float32``, ``float16`` or ``bfloat16``.
            adapters: file of experts that take the place of the checkpoint's.
            static, compiled: as for the class.

        Raises:
            EngineError: the device is not there.
        """
        place = torch_device(device)
        if place.type == "cpu":
            torch.set_num_threads(checked_threads(threads))
        kind = torch_dtype(dtype, manifest, place)
        load = partial(load_model, manifest, place, kind, adapters)
        return cls(load, static=static, compiled=compiled)

    @property
    def model(self) -> TextHarmonyModel:
        """The model; raises CheckpointError where its files are damaged or do not fit."""
        with self._lock:
            if self._ready is None:
                model = self._load()
                self._see: Callable[[Tensor], Seen] = model.vision.forward
                self._step: Callable[..., Tensor] = model.language.step
                self._predict: Callable[..., Tensor] = model.image.predict_noise
                if self.compiled:
                    # CUDA graphs, where there is CUDA, save the cost of launching small kernels.
                    cuda = model.vision.pos_embed.device.type == "cuda"
                    mode = "reduce-overhead" if cuda else "default"
                    self._see = torch.compile(self._see)
                    self._step = torch.compile(self._step, mode=mode, dynamic=False)
                    self._predict = torch.compile(self._predict)
                self._ready = model
        return self._ready

    @guarded
    def see(self, pixels: Bytes) -> Seen:
        """Return the tokens and feature maps of images (B, S, S, 3)."""
        like = self.model.vision.pos_embed
        images = torch.from_numpy(pixels).to(like.device)
        return self._see((images.float() / 255).to(like.dtype).permute(0, 3, 1, 2))

    @guarded
    def start(
        self, sight: Seen, ids: Ints, mask: Ints | None, gates: Floats, beams: int
    ) -> tuple[Floats, TorchSession]:
        """Run prompts with one image a row; see :class:`docharmony.engine.parts.PublishedParts`."""
        language = self.model.language
        tokens = self._tensor(ids)
        memory = language.remember(tokens, sight.maps, [1] * len(ids))
        step = self._step if self.static else None
        session = TorchSession(language, memory, self._tensor(gates), step)
        embeddings = language.embed(tokens, sight.tokens)
        logits = session.begin(embeddings, None if mask is None else self._tensor(mask), beams)
        return logits, session

    @guarded
    def draw(
        self,
        sight: Seen,
        ids: Ints,
        gates: Floats,
        *,
        seeds: Sequence[int],
        steps: int,
        guidance: float,
        scheduler: str,
    ) -> Bytes:
        """Return the images (B, S', S', 3) that follow prompts of one source image each."""
        language, image = self.model.language, self.model.image
        tokens = self._tensor(ids)
        memory = language.remember(tokens, sight.maps, [1] * len(ids))
        with language.lora.use(self._tensor(gates)):
            hidden = language(language.embed(tokens, sight.tokens), memory)
        context, valid = contexts(hidden, tokens, [2] * len(ids), language.spec)
        # Of each row's two images the second is drawn; the first is its source.
        prompt = image.prompt(context[1::2], valid[1::2])
        source = image.look(sight.maps, torch.ones(len(ids), 1, device=tokens.device))
        if guidance != 1.0:  # each image's negative and positive row together, in one batch
            negative = image.neg_prompt_embeds.to(prompt.dtype).expand(len(prompt), -1, -1)
            prompt = torch.stack([negative, prompt], 1).flatten(0, 1)

        def predict(latents: Floats, timestep: int) -> Floats:
            time = torch.tensor(timestep, device=prompt.device)
            inputs = self._tensor(latents).to(prompt.dtype)
            return _floats(self._predict(inputs, time, prompt, source))

        side = self.model.spec.painter.latent
        latents = diffusion.sample(
            predict, diffusion.seeded((4, side, side), seeds),
            steps=steps, guidance=guidance, scheduler=scheduler,
        )  # fmt: skip
        pixels = image.pixels(self._tensor(latents)).permute(0, 2, 3, 1)  # (B, H, W, 3)
        out: Bytes = (pixels * 255 + 0.5).clamp(0, 255).byte().cpu().numpy()
        return out

    def _tensor(self, array: npt.NDArray[Any]) -> Tensor:
        return torch.from_numpy(array).to(self.model.vision.pos_embed.device)


class TorchSession:
    """Implements :class:`docharmony.engine.parts.Session`: keys and values stay on the device.

    Args:
        gates: (B, E) or (1, E).
        step: :meth:`LanguageModel.step`, compiled or not, to use a static cache; None: a growing one.
    """

    def __init__(
        self,
        language: LanguageModel,
        memory: Memory | None,
        gates: Tensor,
        step: Callable[..., Tensor] | None = None,
    ) -> None:
        self._language, self._memory, self._gates = language, memory, gates
        self._static_step = step
        self._cache: Cache = DynamicCache()
        self._mask: Tensor | None = None
        self._seen: Tensor | None = None  # (R, 1, N), what the last token of the prompt sees
        self._allowed = torch.empty(0)  # (R, 1, 1, L) of a static cache
        self._length = 0  # places taken

    @guarded
    def begin(self, embeddings: Tensor, mask: Tensor | None, beams: int) -> Floats:
        """Run prompts (B, T, C), padded on the left, and return the logits (B, V) of what follows."""
        with self._language.lora.use(self._gates):
            hidden = self._language(embeddings, self._memory, mask=mask, cache=self._cache)
        if beams > 1:
            self._cache.batch_repeat_interleave(beams)
        self._mask = None if mask is None else mask.repeat_interleave(beams, 0)
        if len(self._gates) > 1:
            self._gates = self._gates.repeat_interleave(beams, 0)
        self._length = embeddings.shape[1]
        if self._static_step is not None:
            if self._memory is not None:
                self._seen = self._memory.seen[:, -1:].repeat_interleave(beams, 0)
            if self._mask is None:
                rows = len(embeddings) * beams
                self._mask = torch.ones(
                    rows, self._length, dtype=torch.long, device=embeddings.device
                )
            self._grow()
        logits = self._language.logits(hidden[:, -1])
        return _floats(logits)

    @guarded
    def step(self, ids: Ints, origin: Ints | None) -> Floats:
        """Append ids (R,) to the rows ``origin`` and return the logits (R, V) of what follows."""
        tokens = torch.from_numpy(ids).to(self._gates.device)
        if origin is not None:
            self._reorder(torch.from_numpy(origin).to(tokens.device))
        if self._mask is not None:
            self._mask = torch.cat([self._mask, self._mask.new_ones(len(ids), 1)], 1)
        self._length += 1
        with self._language.lora.use(self._gates):
            if self._static_step is not None:
                assert self._mask is not None
                if self._length > self._allowed.shape[-1]:
                    self._grow()
                self._allowed[..., self._length - 1] = True
                positions = self._mask.sum(1, keepdim=True) - 1
                return _floats(
                    self._static_step(
                        tokens[:, None],
                        positions,
                        self._allowed,
                        self._cache,
                        self._memory,
                        self._seen,
                    )
                )
            x = self._language.embed_tokens(tokens[:, None])
            hidden = self._language(x, self._memory, mask=self._mask, cache=self._cache)
            return _floats(self._language.logits(hidden[:, -1]))

    def _reorder(self, origin: Tensor) -> None:
        if self._static_step is None:
            self._cache.reorder_cache(origin)
            return
        for layer in self._cache.layers:  # in place: compiled steps know where the cache lies
            layer.keys.copy_(layer.keys[origin])
            layer.values.copy_(layer.values[origin])

    def _grow(self) -> None:
        """Move what is cached to a static cache with room for more."""
        assert self._mask is not None
        room = (self._length // _BLOCK + 2) * _BLOCK
        cache = StaticCache(self._language.config, max_cache_len=room)
        filled = self._cache.get_seq_length()
        for index, layer in enumerate(self._cache.layers):
            cache.update(layer.keys[:, :, :filled], layer.values[:, :, :filled], index)
        self._cache = cache
        rows, taken = self._mask.shape
        self._allowed = torch.zeros(rows, 1, 1, room, dtype=torch.bool, device=self._mask.device)
        self._allowed[:, 0, 0, :taken] = self._mask.bool()


def _floats(values: Tensor) -> Floats:
    out: Floats = values.float().cpu().numpy()
    return out
