"""The published anatomy on torch: what an engine needs of it, as numpy."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import DynamicCache

from ...checkpoint import Manifest
from .. import diffusion
from ..devices import checked_threads
from .image_decoder import contexts
from .loading import load_model, torch_device, torch_dtype

if TYPE_CHECKING:
    import numpy.typing as npt
    from transformers import Cache

    from ..parts import Bytes, Floats, Ints
    from .language import LanguageModel, Memory
    from .model import TextHarmonyModel
    from .vision import Seen


class TorchParts:
    """Implements :class:`docharmony.engine.parts.PublishedParts` on a model."""

    def __init__(self, model: TextHarmonyModel) -> None:
        self._ready: TextHarmonyModel | None = model

    @classmethod
    def from_manifest(
        cls,
        manifest: Manifest,
        *,
        device: str = "auto",
        threads: int | None = None,
        dtype: str = "auto",
        adapters: str | None = None,
    ) -> TorchParts:
        """Return the parts of a checkpoint in safetensors; its weights are read on first use.

        Args:
            device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
            threads: on the CPU; None takes OMP_NUM_THREADS, else all cores allowed.
            dtype: ``auto``, ``float32``, ``float16`` or ``bfloat16``.
            adapters: file of experts that take the place of the checkpoint's.

        Raises:
            EngineError: the device is not there.
        """
        return _Lazy(manifest, device, threads, dtype, adapters)

    @property
    def model(self) -> TextHarmonyModel:
        """The model."""
        assert self._ready is not None
        return self._ready

    @torch.inference_mode()
    def see(self, pixels: Bytes) -> Seen:
        """Return the tokens and feature maps of images (B, S, S, 3)."""
        like = self.model.vision.pos_embed
        images = torch.from_numpy(pixels).to(like.device)
        seen: Seen = self.model.vision((images.float() / 255).to(like.dtype).permute(0, 3, 1, 2))
        return seen

    @torch.inference_mode()
    def start(
        self, sight: Seen, ids: Ints, mask: Ints | None, gates: Floats, beams: int
    ) -> tuple[Floats, TorchSession]:
        """Run prompts with one image a row; see :class:`docharmony.engine.parts.PublishedParts`."""
        language = self.model.language
        tokens = self._tensor(ids)
        memory = language.remember(tokens, sight.maps, [1] * len(ids))
        session = TorchSession(language, memory, self._tensor(gates))
        embeddings = language.embed(tokens, sight.tokens)
        logits = session.begin(embeddings, None if mask is None else self._tensor(mask), beams)
        return logits, session

    @torch.inference_mode()
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
            noise: Floats = image.predict_noise(inputs, time, prompt, source).float().cpu().numpy()
            return noise

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


class _Lazy(TorchParts):
    """Parts whose model is loaded when it is first asked for."""

    def __init__(
        self, manifest: Manifest, device: str, threads: int | None, dtype: str, adapters: str | None
    ) -> None:
        self._ready = None
        self._manifest, self._adapters = manifest, adapters
        self._device = torch_device(device)
        self._dtype = torch_dtype(dtype, manifest, self._device)
        self._lock = threading.Lock()
        if self._device.type == "cpu":
            torch.set_num_threads(checked_threads(threads))

    @property
    def model(self) -> TextHarmonyModel:
        """The model; raises CheckpointError where its files are damaged or do not fit."""
        with self._lock:
            if self._ready is None:
                self._ready = load_model(self._manifest, self._device, self._dtype, self._adapters)
        return self._ready


class TorchSession:
    """Implements :class:`docharmony.engine.parts.Session`: keys and values stay on the device."""

    def __init__(self, language: LanguageModel, memory: Memory | None, gates: Tensor) -> None:
        self._language, self._memory, self._gates = language, memory, gates
        self._cache: Cache = DynamicCache()
        self._mask: Tensor | None = None

    @torch.inference_mode()
    def begin(self, embeddings: Tensor, mask: Tensor | None, beams: int) -> Floats:
        """Run prompts (B, T, C), padded on the left, and return the logits (B, V) of what follows."""
        with self._language.lora.use(self._gates):
            hidden = self._language(embeddings, self._memory, mask=mask, cache=self._cache)
        if beams > 1:
            self._cache.batch_repeat_interleave(beams)
        self._mask = None if mask is None else mask.repeat_interleave(beams, 0)
        if len(self._gates) > 1:
            self._gates = self._gates.repeat_interleave(beams, 0)
        return self._logits(hidden)

    @torch.inference_mode()
    def step(self, ids: Ints, origin: Ints | None) -> Floats:
        """Append ids (R,) to the rows ``origin`` and return the logits (R, V) of what follows."""
        tokens = torch.from_numpy(ids).to(self._gates.device)
        if origin is not None:
            self._cache.reorder_cache(torch.from_numpy(origin).to(tokens.device))
        if self._mask is not None:
            self._mask = torch.cat([self._mask, self._mask.new_ones(len(ids), 1)], 1)
        x = self._language.embed_tokens(tokens[:, None])
        with self._language.lora.use(self._gates):
            hidden = self._language(x, self._memory, mask=self._mask, cache=self._cache)
        return self._logits(hidden)

    def _logits(self, hidden: Tensor) -> Floats:
        out: Floats = self._language.logits(hidden[:, -1]).float().cpu().numpy()
        return out
