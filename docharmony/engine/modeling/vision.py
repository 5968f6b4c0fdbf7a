"""The vision encoder: CLIP ViT with an adapter beside it, then a resampler.

The adapter (ViT-Adapter) carries three finer feature maps along the trunk, and both exchange what
they see by deformable attention: injector map -> trunk, extractor trunk -> map. Out come tokens for
the language model and four maps for its cross-attention and for the image decoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from transformers import CLIPVisionConfig
from transformers.models.clip.modeling_clip import CLIPEncoderLayer

from .deformable import DeformableAttention, Sides, pixel_centres
from .resampler import Resampler
from .tables import resize, resize_with_class

if TYPE_CHECKING:
    from ..presets import PublishedSpec, TrunkSpec

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


class _Embeddings(nn.Module):
    """Patches, class token and stored positions."""

    def __init__(self, spec: TrunkSpec) -> None:
        super().__init__()
        self.class_embedding = nn.Parameter(torch.randn(spec.hidden) * 0.02)
        self.patch_embedding = nn.Conv2d(3, spec.hidden, spec.patch, spec.patch, bias=False)
        self.position_embedding = nn.Embedding(1 + spec.grid**2, spec.hidden)

    def forward(self, pixels: Tensor) -> Tensor:
        patches = self.patch_embedding(pixels)  # (B, C, h, w)
        places = resize_with_class(self.position_embedding.weight, *patches.shape[2:])
        first = self.class_embedding.expand(len(pixels), 1, -1)
        return torch.cat([first, patches.flatten(2).transpose(1, 2)], 1) + places


class _ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of a map."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def _conv(channels: int, out: int, stride: int) -> list[nn.Module]:
    return [
        nn.Conv2d(channels, out, 3, stride, 1, bias=False), _ChannelNorm(out), nn.ReLU(),
    ]  # fmt: skip


class SpatialPrior(nn.Module):
    """A small convolutional net: four maps at 1/4, 1/8, 1/16 and 1/32 of its input's side."""

    def __init__(self, spec: TrunkSpec) -> None:
        super().__init__()
        a = spec.stem
        self.stem = nn.Sequential(
            *_conv(3, a, 2), *_conv(a, a, 1), *_conv(a, a, 1), nn.MaxPool2d(3, 2, 1)
        )
        self.conv2 = nn.Sequential(*_conv(a, 2 * a, 2))
        self.conv3 = nn.Sequential(*_conv(2 * a, 4 * a, 2))
        self.conv4 = nn.Sequential(*_conv(4 * a, 4 * a, 2))
        self.fc1, self.fc2, self.fc3, self.fc4 = (
            nn.Conv2d(channels, spec.hidden, 1) for channels in (a, 2 * a, 4 * a, 4 * a)
        )

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return c1 (B, C, H/4, W/4) ... c4 (B, C, H/32, W/32)."""
        x1 = self.stem(pixels)
        x2 = self.conv2(x1)
        x3 = self.conv3(x2)
        x4 = self.conv4(x3)
        return self.fc1(x1), self.fc2(x2), self.fc3(x3), self.fc4(x4)


def _attention(spec: TrunkSpec, levels: int) -> DeformableAttention:
    return DeformableAttention(
        spec.hidden, spec.deform_values, spec.deform_heads, levels, spec.deform_points
    )


class Injector(nn.Module):
    """Adds to the trunk's patches what the adapter's maps show."""

    def __init__(self, spec: TrunkSpec) -> None:
        super().__init__()
        self.query_norm = nn.LayerNorm(spec.hidden, spec.norm_epsilon)
        self.feat_norm = nn.LayerNorm(spec.hidden, spec.norm_epsilon)
        self.attn = _attention(spec, 3)
        self.gamma = nn.Parameter(torch.zeros(spec.hidden))

    def forward(self, x: Tensor, c: Tensor, grid: Sides, sides: Sides) -> Tensor:
        """Return new patches (B, T, C) for patches x (B, T, C) and map tokens c (B, S, C)."""
        reference = pixel_centres(grid, x.device)
        seen = self.attn(self.query_norm(x), reference, self.feat_norm(c), sides)
        return x + self.gamma * seen


class _MapConv(nn.Module):
    """One depth-wise convolution for all maps."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, 3, 1, 1, groups=channels)

    def forward(self, x: Tensor, sides: Sides) -> Tensor:
        parts = x.transpose(1, 2).split([h * w for h, w in sides], 2)
        maps = [self.dwconv(p.unflatten(2, side)) for p, side in zip(parts, sides, strict=True)]
        return torch.cat([m.flatten(2) for m in maps], 2).transpose(1, 2)


class _ConvFeedForward(nn.Module):
    def __init__(self, spec: TrunkSpec) -> None:
        super().__init__()
        self.fc1 = nn.Linear(spec.hidden, spec.adapter_intermediate)
        self.dwconv = _MapConv(spec.adapter_intermediate)
        self.fc2 = nn.Linear(spec.adapter_intermediate, spec.hidden)

    def forward(self, x: Tensor, sides: Sides) -> Tensor:
        out: Tensor = self.fc2(F.gelu(self.dwconv(self.fc1(x), sides)))
        return out


class Extractor(nn.Module):
    """Adds to the adapter's maps what the trunk's patches show."""

    def __init__(self, spec: TrunkSpec) -> None:
        super().__init__()
        self.query_norm = nn.LayerNorm(spec.hidden, spec.norm_epsilon)
        self.feat_norm = nn.LayerNorm(spec.hidden, spec.norm_epsilon)
        self.attn = _attention(spec, 1)
        self.ffn = _ConvFeedForward(spec)
        self.ffn_norm = nn.LayerNorm(spec.hidden, spec.norm_epsilon)

    def forward(self, c: Tensor, x: Tensor, grid: Sides, sides: Sides) -> Tensor:
        """Return new map tokens (B, S, C) for map tokens c (B, S, C) and patches x (B, T, C)."""
        reference = pixel_centres(sides, c.device)
        c = c + self.attn(self.query_norm(c), reference, self.feat_norm(x), grid)
        out: Tensor = c + self.ffn(self.ffn_norm(c), sides)
        return out


class _Interaction(nn.Module):
    def __init__(self, spec: TrunkSpec, *, last: bool) -> None:
        super().__init__()
        self.injector = Injector(spec)
        self.extractor = Extractor(spec)
        extras = [Extractor(spec) for _ in range(2 if last else 0)]
        self.extra_extractors = nn.ModuleList(extras)


class ClipWithAdapter(nn.Module):
    """The trunk and its adapter."""

    def __init__(self, spec: TrunkSpec) -> None:
        super().__init__()
        self.spec = spec
        config = CLIPVisionConfig(
            hidden_size=spec.hidden, intermediate_size=spec.intermediate,
            num_hidden_layers=spec.layers, num_attention_heads=spec.heads,
            layer_norm_eps=spec.norm_epsilon, hidden_act="quick_gelu",
            attn_implementation="sdpa",
        )  # fmt: skip
        self.embeddings = _Embeddings(spec)
        self.pre_layrnorm = nn.LayerNorm(spec.hidden, spec.norm_epsilon)  # spelt as published
        layers = nn.ModuleList(CLIPEncoderLayer(config) for _ in range(spec.layers))
        if spec.lora_rank:
            _add_lora(layers, spec)
        self.encoder = nn.ModuleDict({"layers": layers})
        self.adapter_spm = SpatialPrior(spec)
        self.adapter_level_embed = nn.Parameter(torch.randn(3, spec.hidden) * 0.02)
        self.adapter_interactions = nn.ModuleList(
            _Interaction(spec, last=i == spec.stages - 1) for i in range(spec.stages)
        )
        self.adapter_up = nn.ConvTranspose2d(spec.hidden, spec.hidden, 2, 2)

    def forward(self, pixels: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return tokens (B, 1 + h w, C) and maps (B, C, h', w') at 4, 2, 1 and 1/2 times the grid.

        Args:
            pixels: (B, 3, H, W), normalised for CLIP; a grid of (h, w) patches, both even.
        """
        h, w = (side // self.spec.patch for side in pixels.shape[2:])
        grid, sides = [(h, w)], [(2 * h, 2 * w), (h, w), (h // 2, w // 2)]
        prior = F.interpolate(pixels, (16 * h, 16 * w), mode="bilinear", align_corners=False)
        c1, *rest = self.adapter_spm(prior)
        levels = zip(rest, self.adapter_level_embed, strict=True)
        c = torch.cat([m.flatten(2).transpose(1, 2) + level for m, level in levels], 1)  # (B, S, C)

        tokens = self.pre_layrnorm(self.embeddings(pixels))
        first, x = tokens[:, :1], tokens[:, 1:]  # (B, 1, C), (B, T, C)
        layers: nn.ModuleList = self.encoder["layers"]
        size = len(layers) // self.spec.stages
        shown = []
        for i, stage in enumerate(self.adapter_interactions):
            x = stage.injector(x, c, grid, sides)
            tokens = torch.cat([first, x], 1)
            for layer in layers[i * size : (i + 1) * size]:
                tokens = layer(tokens, None)
            first, x = tokens[:, :1], tokens[:, 1:]
            for extractor in (stage.extractor, *stage.extra_extractors):
                c = extractor(c, x, grid, sides)
            shown.append(x.transpose(1, 2).unflatten(2, (h, w)))

        parts = c.transpose(1, 2).split([rows * columns for rows, columns in sides], 2)
        c2, c3, c4 = (p.unflatten(2, side) for p, side in zip(parts, sides, strict=True))
        c1 = c1 + self.adapter_up(c2)
        maps = [
            m + _scaled(x, factor)
            for m, x, factor in zip((c1, c2, c3, c4), shown, (4.0, 2.0, 1.0, 0.5), strict=True)
        ]
        return tokens, maps


def _add_lora(layers: nn.ModuleList, spec: TrunkSpec) -> None:
    """Give q, k and v plain LoRA; the published target list does not match ``out_proj``."""
    from peft import LoraConfig, inject_adapter_in_model

    config = LoraConfig(
        r=spec.lora_rank, lora_alpha=spec.lora_alpha, lora_dropout=0.1,
        target_modules=["q_proj", "k_proj", "v_proj"],
    )  # fmt: skip
    inject_adapter_in_model(config, layers)
    layers.requires_grad_(True)  # the published training tunes the trunk too


def _scaled(x: Tensor, factor: float) -> Tensor:
    if factor == 1.0:
        return x
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the encoder makes of images.

    Attributes:
        tokens: (B, Q, C), for the language model.
        maps: four feature maps (B, C', h, w), large to small.
        states: (B, 1 + T, C'), the trunk's output.
    """

    tokens: Tensor
    maps: list[Tensor]
    states: Tensor


class VisionEncoder(nn.Module):
    """From images to tokens and feature maps."""

    clip_mean: Tensor
    clip_std: Tensor

    def __init__(self, spec: PublishedSpec) -> None:
        super().__init__()
        trunk, width = spec.trunk, spec.trunk.hidden
        self.spec = spec
        self.register_buffer("clip_mean", torch.tensor(CLIP_MEAN).view(1, 3, 1, 1))
        self.register_buffer("clip_std", torch.tensor(CLIP_STD).view(1, 3, 1, 1))
        self.encoder = ClipWithAdapter(trunk)
        self.pos_proj = nn.Linear(width, width)
        self.pos_ln = nn.LayerNorm(width, 1e-6)
        self.post_ln = nn.LayerNorm(width, 1e-6)
        # Sin-cos at first, then trained: always the checkpoint's, never computed again.
        self.pos_embed = nn.Parameter(torch.zeros(1 + spec.pos_grid**2, width))
        self.perceiver_resampler = Resampler(spec.resampler)
        self.proj = nn.Linear(spec.resampler.hidden, spec.decoder.hidden)

    def forward(self, images: Tensor) -> Seen:
        """Look at images (B, 3, H, W) in 0-1; H and W are multiples of the spec's ``unit``.

        The weights were trained at the spec's image size. At another one all tables of positions are
        resized, bicubic, as the release does where it scales them.

        Raises:
            ValueError: the images have a size that no grid of patches fits.
        """
        unit, patch = self.spec.trunk.unit, self.spec.trunk.patch
        height, width = images.shape[2:]
        if images.shape[1] != 3 or min(height, width) < unit or height % unit or width % unit:
            raise ValueError(
                f"images must be (B, 3, H, W), sides multiples of {unit}, not {tuple(images.shape)}"
            )
        states, maps = self.encoder((images - self.clip_mean) / self.clip_std)
        x = self.pos_ln(self.pos_proj(states))
        x = self.post_ln(x + resize_with_class(self.pos_embed, height // patch, width // patch))
        tokens = self.proj(self.perceiver_resampler(x))  # (B, Q, C)
        patches = self.pos_embed[1:]
        for i, m in enumerate(maps):
            table = resize(patches, *m.shape[2:])  # (h w, C')
            maps[i] = m + table.T.unflatten(1, m.shape[2:])
        return Seen(tokens, maps, states)
