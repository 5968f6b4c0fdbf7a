"""The Q-Former: a fixed number of learned queries that look at any number of tokens.

As in BLIP-2 (post-norm), plus LayerNorm on each head's queries and keys where the spec asks for it,
which transformers' Q-Former does not have. Names are those of the published weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

if TYPE_CHECKING:
    from ..presets import ResamplerSpec

_EPSILON = 1e-12


class _Attention(nn.Module):
    """Queries, keys and values; q/k norm after the heads are split."""

    def __init__(self, spec: ResamplerSpec, encoder_hidden: int) -> None:
        super().__init__()
        self.heads = spec.heads
        self.query = nn.Linear(spec.hidden, spec.hidden)
        self.key = nn.Linear(encoder_hidden, spec.hidden)
        self.value = nn.Linear(encoder_hidden, spec.hidden)
        if spec.qk_norm:
            depth = spec.hidden // spec.heads
            self.q_norm: nn.Module = nn.LayerNorm(depth, _EPSILON)
            self.k_norm: nn.Module = nn.LayerNorm(depth, _EPSILON)
        else:
            self.q_norm = self.k_norm = nn.Identity()

    def forward(self, x: Tensor, tokens: Tensor, mask: Tensor | None) -> Tensor:
        q = self.q_norm(self.query(x).unflatten(-1, (self.heads, -1)).transpose(1, 2))
        k = self.k_norm(self.key(tokens).unflatten(-1, (self.heads, -1)).transpose(1, 2))
        v = self.value(tokens).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, H, T, D)
        y = F.scaled_dot_product_attention(q, k, v, None if mask is None else mask[:, None, None])
        return y.transpose(1, 2).flatten(2)  # (B, Q, C)


class _Output(nn.Module):
    """Linear, then LayerNorm of the sum with what came in."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, hidden)
        self.LayerNorm = nn.LayerNorm(hidden, _EPSILON)
        self.dropout = nn.Dropout(0.1)

    def forward(self, y: Tensor, x: Tensor) -> Tensor:
        out: Tensor = self.LayerNorm(self.dropout(self.dense(y)) + x)
        return out


class _Block(nn.Module):
    """One attention with its output."""

    def __init__(self, spec: ResamplerSpec, encoder_hidden: int) -> None:
        super().__init__()
        self.attention = _Attention(spec, encoder_hidden)
        self.output = _Output(spec.hidden, spec.hidden)

    def forward(self, x: Tensor, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        out: Tensor = self.output(self.attention(x, tokens, mask), x)
        return out


class _Layer(nn.Module):
    def __init__(self, spec: ResamplerSpec, *, cross: bool) -> None:
        super().__init__()
        self.attention = _Block(spec, spec.hidden)
        self.crossattention = _Block(spec, spec.encoder_hidden) if cross else None
        self.intermediate_query = nn.ModuleDict(
            {"dense": nn.Linear(spec.hidden, spec.intermediate)}
        )
        self.output_query = _Output(spec.intermediate, spec.hidden)

    def forward(self, x: Tensor, tokens: Tensor, mask: Tensor | None) -> Tensor:
        x = self.attention(x, x)
        if self.crossattention is not None:
            x = self.crossattention(x, tokens, mask)
        out: Tensor = self.output_query(F.gelu(self.intermediate_query["dense"](x)), x)
        return out


class _QFormer(nn.Module):
    def __init__(self, spec: ResamplerSpec) -> None:
        super().__init__()
        self.layernorm = nn.LayerNorm(spec.hidden, _EPSILON)
        layers = [_Layer(spec, cross=i % spec.cross_every == 0) for i in range(spec.layers)]
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(layers)})

    def forward(self, queries: Tensor, tokens: Tensor, mask: Tensor | None) -> Tensor:
        x: Tensor = self.layernorm(queries)
        for layer in self.encoder["layer"]:
            x = layer(x, tokens, mask)
        return x


class Resampler(nn.Module):
    """Turns tokens (B, T, C) into ``spec.queries`` tokens (B, Q, hidden)."""

    def __init__(self, spec: ResamplerSpec) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(1, spec.queries, spec.hidden) * 0.02)
        self.blip2qformer = _QFormer(spec)

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """Look at the tokens; ``mask`` (B, T) is True where one may be looked at."""
        x = self.queries.expand(len(tokens), -1, -1)
        out: Tensor = self.blip2qformer(x, tokens, None if mask is None else mask.bool())
        return out
