"""Attention that samples feature maps at learned places, in plain torch.

``DeformableAttention`` serves the vision adapter. ``Mmfs`` (multi-image, multi-scale feature
synchroniser) looks from language tokens and UNet pixels into the maps of several images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

if TYPE_CHECKING:
    from ..presets import MmfsSpec

Sides = Sequence[tuple[int, int]]  # (height, width) of each level

_SAMPLES = 1 << 20  # read at once on a CPU


def pixel_centres(sides: Sides, device: torch.device) -> Tensor:
    """Return the centres (T, 2) of all cells as (x, y) in 0-1, level by level, row by row.

    Always float32, and so are all places that come of it: bfloat16 cannot tell 128 columns apart.
    """
    found = []
    for height, width in sides:
        y = (torch.arange(height, device=device, dtype=torch.float32) + 0.5) / height
        x = (torch.arange(width, device=device, dtype=torch.float32) + 0.5) / width
        found.append(torch.stack([x.repeat(height), y.repeat_interleave(width)], -1))
    return torch.cat(found)


def sample(values: Tensor, sides: Sides, locations: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted sum (B, T, H, D) of values read at fractional places; zero outside.

    Every corner of every sample becomes one row of an embedding bag, which adds up rows without
    writing them down: on a CPU several times as fast as grid sampling, and the places stay float32
    where the values are bfloat16.

    Args:
        values: (B, S, H, D), S = all cells of all levels.
        sides: of the levels.
        locations: (B, T, H, L, P, 2) as (x, y) in 0-1.
        weights: (B, T, H, L, P).
    """
    if torch.compiler.is_exporting() or torch.onnx.is_in_onnx_export():
        return sample_grid(values, sides, locations, weights)
    if values.device.type != "cpu":
        return _sample_bag(values, sides, locations, weights)
    # In pieces whose indices stay in the cache: twice as fast.
    length = max(1, _SAMPLES // weights[:, 0].numel())
    parts = zip(locations.split(length, 1), weights.split(length, 1), strict=True)
    return torch.cat([_sample_bag(values, sides, *part) for part in parts], 1)


def _sample_bag(values: Tensor, sides: Sides, locations: Tensor, weights: Tensor) -> Tensor:
    batch, cells, heads, depth = values.shape
    tokens, points = locations.shape[1], locations.shape[4]
    device, integer = values.device, torch.int32 if values.numel() < 2**31 else torch.int64
    # values[b, s, h] is row (b S + s) H + h of the table.
    first = torch.arange(batch, device=device, dtype=integer)[:, None] * (cells * heads)
    first = first + torch.arange(heads, device=device, dtype=integer)  # (B, H)
    first = first[:, None].expand(-1, tokens, -1).reshape(-1, 1)  # (B T H, 1)
    # One column for each point of each level.
    starts = [sum(h * w for h, w in sides[:level]) for level in range(len(sides))]
    plan = [
        (w, h, start) for (h, w), start in zip(sides, starts, strict=True) for _ in range(points)
    ]
    width, height, start = torch.tensor(plan, device=device, dtype=integer).T.contiguous()  # (L P)
    weight = weights.reshape(-1, len(plan)).float()  # (B T H, L P)
    x, y = locations.reshape(-1, len(plan), 2).float().unbind(-1)
    columns = _neighbours(x, width, heads)
    rows, shares = [], []
    for line, line_share in _neighbours(y, height, width * heads):
        line = line + (first + start * heads)
        line_share = line_share * weight
        for column, column_share in columns:
            rows.append(line + column)
            shares.append(line_share * column_share)
    read = F.embedding_bag(
        torch.cat(rows, 1),
        values.reshape(-1, depth),
        mode="sum",
        per_sample_weights=torch.cat(shares, 1).to(values.dtype),
    )
    return read.view(batch, tokens, heads, depth)


def _neighbours(place: Tensor, size: Tensor, stride: Tensor | int) -> list[tuple[Tensor, Tensor]]:
    """Return the two cells of an axis next to places in 0-1, times ``stride``, and their shares."""
    # Far outside is as good as just outside, and fits an integer.
    last = (size - 1).to(place.dtype)
    place = (place * size - 0.5).clamp(min=-2).minimum(last + 2)
    low = place.floor()
    high_share = place - low
    found = []
    for cell, share in ((low, 1 - high_share), (low + 1, high_share)):
        inside = cell.clamp(min=0).minimum(last)
        found.append((inside.to(size.dtype) * stride, share * (cell == inside)))
    return found


def sample_grid(values: Tensor, sides: Sides, locations: Tensor, weights: Tensor) -> Tensor:
    """Return what :func:`sample` does, by grid sampling, which exports as one ONNX operator."""
    batch, _, heads, depth = values.shape
    tokens = locations.shape[1]
    grids = (2 * locations - 1).permute(3, 0, 2, 1, 4, 5).flatten(1, 2)  # (L, B H, T, P, 2)
    shares = weights.permute(3, 0, 2, 1, 4).flatten(1, 2).unsqueeze(2)  # (L, B H, 1, T, P)
    total: Tensor | None = None
    levels = values.split([height * width for height, width in sides], dim=1)
    for level, (height, width), grid, share in zip(levels, sides, grids, shares, strict=True):
        pixels = level.permute(0, 2, 3, 1).reshape(batch * heads, depth, height, width)
        read = F.grid_sample(pixels, grid, "bilinear", "zeros", align_corners=False)
        part = (read * share).sum(-1)  # (B H, D, T)
        total = part if total is None else total + part
    assert total is not None
    return total.reshape(batch, heads, depth, tokens).permute(0, 3, 1, 2)


class DeformableAttention(nn.Module):
    """Multi-scale deformable attention of the vision adapter."""

    def __init__(self, hidden: int, values: int, heads: int, levels: int, points: int) -> None:
        super().__init__()
        self.heads, self.levels, self.points = heads, levels, points
        self.value_proj = nn.Linear(hidden, values)
        self.sampling_offsets = nn.Linear(hidden, heads * levels * points * 2)
        self.attention_weights = nn.Linear(hidden, heads * levels * points)
        self.output_proj = nn.Linear(values, hidden)

    def forward(self, query: Tensor, reference: Tensor, features: Tensor, sides: Sides) -> Tensor:
        """Return (B, T, C).

        Args:
            query: (B, T, C).
            reference: (T, 2), where each query stands, as (x, y) in 0-1.
            features: (B, S, C), S = all cells of all levels.
            sides: of the levels.
        """
        heads, levels, points = self.heads, self.levels, self.points
        values = self.value_proj(features).unflatten(-1, (heads, -1))  # (B, S, H, D)
        offsets = self.sampling_offsets(query).unflatten(-1, (heads, levels, points, 2))
        sizes = reference.new_tensor([(width, height) for height, width in sides])  # (L, 2)
        locations = reference[:, None, None, None] + offsets / sizes[:, None]  # (B, T, H, L, P, 2)
        weights = self.attention_weights(query).unflatten(-1, (heads, levels * points))
        weights = weights.softmax(-1).unflatten(-1, (levels, points))  # (B, T, H, L, P)
        read = sample(values, sides, locations, weights)  # (B, T, H, D)
        out: Tensor = self.output_proj(read.flatten(2))
        return out


class Mmfs(nn.Module):
    """Sampling cross-attention over the maps of N images, the latest of which is marked as such."""

    def __init__(self, spec: MmfsSpec, hidden: int, encoder_hidden: int, base: int) -> None:
        """Build for maps of width ``encoder_hidden``; ``base`` is the side that offsets relate to."""
        super().__init__()
        levels = len(spec.sides)
        self.heads, self.points, self.levels = spec.heads, spec.points, levels
        self.ratios = tuple(side / base for side in spec.sides)
        self.sampling_offsets = nn.Linear(hidden, spec.heads * spec.points * 2)
        self.attention_weights = nn.Linear(hidden, spec.heads * levels * (spec.points + 1))
        self.dynamic_offset_mask = nn.Linear(hidden, hidden)
        self.value_proj = nn.Linear(encoder_hidden, spec.values)
        self.output_proj = nn.Linear(spec.values, hidden)
        self.ignore_token = nn.Parameter(torch.zeros(1, 1, 1, spec.values), requires_grad=False)
        self.query_relpos = nn.Embedding(spec.positions, hidden)

    def project(self, features: Tensor) -> Tensor:
        """Return the values (B, N, S, H, D) of features (B, N, S, C). Queries don't change them."""
        return self.value_proj(features).unflatten(-1, (self.heads, -1))

    def forward(
        self, query: Tensor, reference: Tensor, values: Tensor, sides: Sides, mask: Tensor
    ) -> Tensor:
        """Return (k B, T, C).

        Args:
            query: (k B, T, C). The k rows of one sample (beams, guidance) stand together; they share
                its values, which are not copied.
            reference: (T, 2) or (1, 2), where each query stands, as (x, y) in 0-1.
            values: (B, N, S, H, D), from :meth:`project`.
            sides: actual sides of the levels.
            mask: (k B, T, N), 1 where the token sees the image. A token that sees none still gets
                the projected ``ignore_token``.

        Raises:
            ValueError: more images than the table of positions has entries for.
        """
        shape = query.shape
        batch, images = values.shape[:2]
        # Queries don't see each other, so the rows of one sample can pass as one long row.
        query, mask = query.reshape(batch, -1, shape[-1]), mask.reshape(batch, -1, images)
        if len(reference) > 1:
            reference = reference.repeat(len(query[0]) // len(reference), 1)
        tokens, heads, points, levels = query.shape[1], self.heads, self.points, self.levels
        if images >= self.query_relpos.num_embeddings:
            raise ValueError(f"{images} images, {self.query_relpos.num_embeddings - 1} at most")
        seen = mask.to(torch.long)  # (B, T, N)
        # The latest visible image has rank 1, older ones more, invisible ones 0.
        rank = (seen.sum(-1, keepdim=True) + 1 - seen.cumsum(-1)) * seen
        place = self.query_relpos(rank)  # (B, T, N, C)
        q = self.dynamic_offset_mask(query).unsqueeze(2) + place  # (B, T, N, C)

        offsets = self.sampling_offsets(q).unflatten(-1, (heads, 1, points, 2))
        ratios = reference.new_tensor(self.ratios)[:, None, None]  # (L, 1, 1)
        sizes = reference.new_tensor([(width, height) for height, width in sides])[:, None]
        locations = reference[:, None, None, None, None] + offsets * ratios / sizes
        locations = locations.transpose(1, 2).flatten(0, 1)  # (B N, T, H, L, P, 2)

        logits = self.attention_weights(q).unflatten(-1, (heads, levels, points + 1))
        logits = logits - 10000.0 * (1 - seen[..., None, None, None].to(logits.dtype))
        # The last slot stands for "nothing seen". Its weight is the same for every image, seen or not.
        nothing = torch.full_like(logits[..., :1], -math.log(images * levels))
        logits = torch.cat([logits[..., :-1], nothing], -1)  # (B, T, N, H, L, P + 1)
        flat = logits.transpose(2, 3).flatten(3).softmax(-1)  # (B, T, H, N L (P + 1))
        weights = flat.unflatten(-1, (images, levels, points + 1)).permute(0, 3, 1, 2, 4, 5)
        # weights: (B, N, T, H, L, P + 1)
        read = sample(values.flatten(0, 1), sides, locations, weights[..., :-1].flatten(0, 1))
        read = read.unflatten(0, (batch, images)).sum(1)  # (B, T, H, D)
        ignored = self.ignore_token.view(heads, -1)  # (H, D)
        read = read + weights[..., -1].sum((1, 4)).unsqueeze(-1) * ignored
        out: Tensor = self.output_proj(read.reshape(batch, tokens, -1))
        return out.reshape(shape)
