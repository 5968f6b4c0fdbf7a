"""The language model: LLaMA with Slide-LoRA, and cross-attention to image features in some layers.

The attention, the MLP and the norms are those of transformers. What is added is the embedding of
images, who sees which image, the sampled cross-attention (MMFS) and the head of two parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaAttention, LlamaMLP, LlamaRMSNorm

from .deformable import Mmfs, Sides
from .slide_lora import SlideLora

if TYPE_CHECKING:
    from transformers import Cache

    from ..presets import DecoderSpec, PublishedSpec


@dataclass(frozen=True, slots=True)
class Memory:
    """What the cross-attention reads: computed once a prompt, the same for all tokens and beams.

    Attributes:
        values: (B, N, S, H, D) for each layer with cross-attention.
        sides: of the maps.
        seen: (B, T, N), 1 where a token of the prompt sees an image; later tokens see what the last
            one saw.
    """

    values: tuple[Tensor, ...]
    sides: Sides
    seen: Tensor


def visibility(ids: Tensor, counts: Sequence[int], spec: DecoderSpec) -> Tensor:
    """Return which tokens see which image of their row, (B, T, N), as float; padding is 0.

    A token sees the images that begin before it and after the last begin-of-sequence id.

    Args:
        ids: (B, T).
        counts: images of each row.
    """
    places = torch.arange(ids.shape[1], device=ids.device)
    begins = torch.where(ids == spec.begin, places, -1).cummax(1).values  # (B, T)
    seen = torch.zeros(*ids.shape, max(counts, default=0), device=ids.device)
    for row, count in enumerate(counts):
        starts = (ids[row] == spec.image_start).nonzero()[:count, 0]  # (N)
        later = places[:, None] > starts  # (T, N)
        own = starts + 1 > begins[row][:, None]
        seen[row, :, : len(starts)] = (later & own).float()
    return seen


def gather_features(maps: Sequence[Tensor], counts: Sequence[int]) -> Tensor:
    """Return the maps of each row's images as tokens, (B, N, S, C); missing images are zeros.

    Args:
        maps: (images, C, s, s) each, for all images in order.
        counts: images of each row.
    """
    tokens = torch.cat([m.flatten(2) for m in maps], 2).transpose(1, 2)  # (images, S, C)
    features = tokens.new_zeros(len(counts), max(counts), *tokens.shape[1:])
    start = 0
    for row, count in enumerate(counts):
        features[row, :count] = tokens[start : start + count]
        start += count
    return features


def rotary(
    positions: Tensor, depth: int, theta: float, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Return cosines and sines (B, T, depth) of positions (B, T), the half-rotation form."""
    steps = torch.arange(0, depth, 2, device=positions.device, dtype=torch.float32) / depth
    angle = positions[..., None].float() * theta**-steps
    angle = torch.cat([angle, angle], -1)
    return angle.cos().to(dtype), angle.sin().to(dtype)


class CrossAttention(nn.Module):
    """MMFS between norms, behind a gate that starts at zero."""

    def __init__(self, spec: DecoderSpec, encoder_hidden: int) -> None:
        super().__init__()
        self.attn = Mmfs(spec.mmfs, spec.hidden, encoder_hidden, spec.mmfs.base)
        self.norm1 = LlamaRMSNorm(spec.hidden, spec.norm_epsilon)
        self.norm2 = LlamaRMSNorm(encoder_hidden, spec.norm_epsilon)
        self.gate = nn.Parameter(torch.zeros(1))

    def project(self, features: Tensor) -> Tensor:
        """Return the values (B, N, S, H, D) of features (B, N, S, C)."""
        return self.attn.project(self.norm2(features))

    def forward(self, x: Tensor, values: Tensor, sides: Sides, seen: Tensor) -> Tensor:
        """Return what the tokens x (k B, T, C) see, (k B, T, C); ``seen`` is (k B, T, N)."""
        centre = torch.full((1, 2), 0.5, device=x.device)
        out: Tensor = self.attn(self.norm1(x), centre, values, sides, seen)
        return self.gate.tanh() * out


class DecoderLayer(nn.Module):
    """Self-attention, in some layers cross-attention, MLP."""

    def __init__(self, spec: DecoderSpec, index: int, encoder_hidden: int) -> None:
        super().__init__()
        config = LlamaConfig(
            hidden_size=spec.hidden, intermediate_size=spec.intermediate,
            num_attention_heads=spec.heads, num_hidden_layers=spec.layers,
            max_position_embeddings=spec.context, attn_implementation="sdpa",
        )  # fmt: skip
        self.self_attn = LlamaAttention(config, index)
        self.mlp = LlamaMLP(config)
        self.input_layernorm = LlamaRMSNorm(spec.hidden, spec.norm_epsilon)
        self.post_attention_layernorm = LlamaRMSNorm(spec.hidden, spec.norm_epsilon)
        crosses = index % spec.mmfs_every == 0
        self.llama_cross_attn = CrossAttention(spec, encoder_hidden) if crosses else None

    def forward(
        self,
        x: Tensor,
        rotation: tuple[Tensor, Tensor],
        mask: Tensor | None,
        cache: Cache | None,
        look: tuple[Tensor, Sides, Tensor] | None,
    ) -> Tensor:
        """Return the next hidden states (B, T, C); ``look`` is what the cross-attention reads."""
        h, _ = self.self_attn(self.input_layernorm(x), rotation, mask, cache)
        x = x + h
        if self.llama_cross_attn is not None and look is not None:
            x = x + self.llama_cross_attn(x, *look)
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out


class LanguageModel(nn.Module):
    """Tokens and images in, hidden states and logits out. Call it inside ``lora.use(tasks)``.

    Attributes:
        lora: directs the experts.
    """

    def __init__(self, spec: PublishedSpec) -> None:
        super().__init__()
        d = self.spec = spec.decoder
        self.embed_tokens = nn.Embedding(d.vocabulary, d.hidden)
        self.soi_token = nn.Parameter(torch.zeros(1, d.hidden))
        width = spec.trunk.hidden
        self.layers = nn.ModuleList(DecoderLayer(d, i, width) for i in range(d.layers))
        self.norm = LlamaRMSNorm(d.hidden, d.norm_epsilon)
        self.head = nn.Linear(d.hidden, d.vocabulary)
        self.head_new = nn.Linear(d.hidden, d.vocabulary - d.image_start)
        self.config = self.layers[0].self_attn.config  # of caches
        self.lora = SlideLora.inject(self, spec.slide_lora)

    def embed(self, ids: Tensor, images: Tensor) -> Tensor:
        """Return embeddings (B, T, C) with images in their slots.

        Args:
            ids: (B, T).
            images: (n, Q, C), tokens of all images of all rows in order.

        Raises:
            ValueError: there are not Q slots an image.
        """
        x = self.embed_tokens(ids)
        slots = ids == self.spec.image_slot
        if int(slots.sum()) != images.shape[0] * images.shape[1]:
            raise ValueError(
                f"{int(slots.sum())} slots for {len(images)} x {images.shape[1]} tokens"
            )
        x = x.masked_scatter(slots.unsqueeze(-1), images.to(x.dtype))
        starts = (ids == self.spec.image_start).unsqueeze(-1)
        return torch.where(starts, x + self.soi_token, x)

    def remember(self, ids: Tensor, maps: Sequence[Tensor], counts: Sequence[int]) -> Memory:
        """Return what the cross-attention needs of a prompt and its images.

        Args:
            ids: (B, T).
            maps: the vision encoder's, large to small; the largest is not used.
            counts: images of each row.
        """
        used = maps[1:]
        features = gather_features(used, counts)  # (B, N, S, C)
        blocks = [layer.llama_cross_attn for layer in self.layers]
        values = tuple(block.project(features) for block in blocks if block is not None)
        sides = [(m.shape[2], m.shape[3]) for m in used]
        return Memory(values, sides, visibility(ids, counts, self.spec))

    def forward(
        self,
        embeddings: Tensor,
        memory: Memory | None,
        *,
        mask: Tensor | None = None,
        cache: Cache | None = None,
    ) -> Tensor:
        """Return normed hidden states (B, T, C).

        Args:
            embeddings: (B, T, C) of the tokens that are new.
            memory: None where no row has an image. Its rows may be fewer than B by a factor k: k
                rows of B that stand together then share one.
            mask: (B, all tokens so far), 0 where padding; None without padding.
            cache: keys and values of the tokens before, extended in place.
        """
        batch, length = embeddings.shape[:2]
        past = cache.get_seq_length() if cache is not None else 0
        total = past + length
        if mask is None:
            positions = torch.arange(past, total, device=embeddings.device)[None]
        else:
            positions = (mask.long().cumsum(1) - 1).clamp(min=0)[:, past:]
        rotation = rotary(
            positions, self.spec.hidden // self.spec.heads, self.spec.rope_theta, embeddings.dtype
        )
        allowed = _allowed(mask, past, length, embeddings.device)
        seen = None if memory is None else _seen_by(memory, batch, past, length)
        return self._run(embeddings, rotation, allowed, cache, memory, seen)

    def step(
        self,
        ids: Tensor,
        positions: Tensor,
        allowed: Tensor,
        cache: Cache,
        memory: Memory | None,
        seen: Tensor | None,
    ) -> Tensor:
        """Return the logits (B, V) after one more id a row; all shapes stay, so it can be compiled.

        Args:
            ids: (B, 1).
            positions: (B, 1).
            allowed: (B, 1, 1, L) bool, which places of the cache each row may look at.
            cache: static, of L places.
            seen: (B, 1, N), which images each row sees.
        """
        x = self.embed_tokens(ids)
        depth = self.spec.hidden // self.spec.heads
        rotation = rotary(positions, depth, self.spec.rope_theta, x.dtype)
        return self.logits(self._run(x, rotation, allowed, cache, memory, seen)[:, -1])

    def _run(
        self,
        x: Tensor,
        rotation: tuple[Tensor, Tensor],
        allowed: Tensor | None,
        cache: Cache | None,
        memory: Memory | None,
        seen: Tensor | None,
    ) -> Tensor:
        values = iter(() if memory is None else memory.values)
        for layer in self.layers:
            look = None
            if layer.llama_cross_attn is not None and memory is not None and seen is not None:
                look = next(values), memory.sides, seen
            x = layer(x, rotation, allowed, cache, look)
        out: Tensor = self.norm(x)
        return out

    def logits(self, hidden: Tensor) -> Tensor:
        """Return (B, T, V) of hidden states (B, T, C)."""
        old: Tensor = self.head(hidden)
        first = self.spec.image_start
        return torch.cat([old[..., :first], old[..., first:] + self.head_new(hidden)], -1)


def _allowed(mask: Tensor | None, past: int, length: int, device: torch.device) -> Tensor | None:
    """Return who may attend to whom, (B, 1, T, all) bool; None is plain causal attention."""
    if mask is None and (past == 0 or length == 1):
        return None
    total = past + length
    causal = torch.ones(length, total, dtype=torch.bool, device=device).tril(past)
    if mask is None:
        return causal[None, None]
    # A padding token attends to itself, or its softmax would have nothing to divide by.
    own = torch.eye(length, total, dtype=torch.bool, device=device).roll(past, 1)
    return ((causal & mask[:, None].bool()) | own)[:, None]


def _seen_by(memory: Memory, batch: int, past: int, length: int) -> Tensor:
    """Return the visibility (k B, T, N) of the new tokens."""
    seen = memory.seen.repeat_interleave(batch // len(memory.seen), 0)
    if past + length <= seen.shape[1]:
        return seen[:, past : past + length]
    fresh = past + length - max(past, seen.shape[1])
    return torch.cat([seen[:, past:], seen[:, -1:].expand(-1, fresh, -1)], 1)
