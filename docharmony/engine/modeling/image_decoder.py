"""The image decoder: hidden states of the language model -> prompt, then latent diffusion to pixels.

The UNet and the VAE are those of diffusers. What is added are the residuals: each skip connection of
the UNet, and its middle, gets what a sampled cross-attention (MMFS) sees in the source image's maps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from ..diffusion import kept
from .deformable import Mmfs, Sides, pixel_centres
from .resampler import Resampler
from .tables import resize, sincos_1d, sincos_2d

if TYPE_CHECKING:
    from ..presets import DecoderSpec, PainterSpec, PublishedSpec

_LATENT_SCALE = 0.18215


def contexts(hidden: Tensor, ids: Tensor, counts: Sequence[int], spec: DecoderSpec) -> tuple[
    Tensor, Tensor
]:  # fmt: skip
    """Return what each image is drawn from, (images, T, C), and where it is valid, (images, T).

    For each image the hidden states up to its start, that included, the latest first.

    Args:
        hidden: (B, T, C) from the language model.
        ids: (B, T).
        counts: images of each row.
    """
    found = []
    for row, count in enumerate(counts):
        for start in (ids[row] == spec.image_start).nonzero()[:count, 0].tolist():
            found.append(hidden[row, : start + 1].flip(0))
    lengths = torch.tensor([len(f) for f in found], device=hidden.device)
    padded = nn.utils.rnn.pad_sequence(found, batch_first=True)
    places = torch.arange(padded.shape[1], device=hidden.device)
    return padded, places < lengths[:, None]


def previous_maps(maps: Sequence[Tensor], counts: Sequence[int]) -> tuple[list[Tensor], Tensor]:
    """Return the maps of each image's predecessor in its row, and (images, 1), 1 where it has one.

    Args:
        maps: (images, C, s, s) each, for all images of all rows in order.
        counts: images of each row.
    """
    total = sum(counts)
    mask = torch.ones(total, 1, device=maps[0].device)
    start = 0
    for count in counts:
        mask[start : start + 1] = 0.0
        start += count
    shifted = [torch.cat([torch.zeros_like(m[:1]), m[:-1]]) * mask[..., None, None] for m in maps]
    return shifted, mask


class MmfsResidual(nn.Module):
    """What one place of the UNet sees in the source image's maps."""

    def __init__(self, spec: PainterSpec, channels: int, encoder_hidden: int, base: int) -> None:
        super().__init__()
        self.pos_embed = nn.Parameter(sincos_2d(spec.pos_grid, channels), requires_grad=False)
        self.query_norm = nn.LayerNorm(channels, 1e-6)
        self.feat_norm = nn.LayerNorm(encoder_hidden, 1e-6)
        self.mmfs = Mmfs(spec.mmfs, channels, encoder_hidden, base)
        self.conv = nn.Conv2d(channels, channels, 1)

    def project(self, features: Tensor) -> Tensor:
        """Return the values (B, N, S, H, D) of features (B, N, S, C): the same at every step."""
        return self.mmfs.project(self.feat_norm(features))

    def forward(self, x: Tensor, values: Tensor, sides: Sides, mask: Tensor) -> Tensor:
        """Return the residual (k B, C, h, w) for x (k B, C, h, w); ``mask`` is (B, N)."""
        height, width = x.shape[2:]
        query = self.query_norm(x.flatten(2).transpose(1, 2)) + resize(
            self.pos_embed, height, width
        )
        seen = mask.repeat_interleave(len(x) // len(mask), 0)[:, None].expand(
            -1, height * width, -1
        )
        reference = pixel_centres([(height, width)], x.device)
        y = self.mmfs(query, reference, values, sides, seen)  # (k B, h w, C)
        out: Tensor = self.conv(y.transpose(1, 2).unflatten(2, (height, width)))
        return out


class MmfsResiduals(nn.Module):
    """The residuals of all skip connections, in order, and of the middle."""

    def __init__(self, spec: PainterSpec, encoder_hidden: int) -> None:
        super().__init__()
        places = []  # (channels, nominal side)
        side, last = spec.mmfs.base, spec.channels[0]
        places.append((last, side))
        for i, channels in enumerate(spec.channels):
            places += [(channels, side)] * spec.layers_per_block
            if i < len(spec.channels) - 1:
                side //= 2
                places.append((channels, side))
        make = [MmfsResidual(spec, channels, encoder_hidden, base) for channels, base in places]
        self.mmfs_down_blocks = nn.ModuleList(make)
        self.mmfs_mid_block = MmfsResidual(spec, spec.channels[-1], encoder_hidden, side)


@dataclass(frozen=True, slots=True)
class Source:
    """What the UNet sees of the source images: projected once, used at every step.

    Attributes:
        values: (B, N, S, H, D) for each skip connection, then for the middle.
        sides: of the maps.
        mask: (B, N), 0 where there is no source image.
    """

    values: tuple[Tensor, ...]
    sides: Sides
    mask: Tensor


class ImageDecoder(nn.Module):
    """From hidden states and a source image's maps to an image."""

    def __init__(self, spec: PublishedSpec) -> None:
        super().__init__()
        p = self.spec = spec.painter
        self.decoder_spec = spec.decoder
        self.context_feat_proj = nn.Linear(spec.decoder.hidden, spec.decoder.hidden)
        self.perceiver_resampler = Resampler(spec.image_resampler)
        self.neg_prompt_embeds = nn.Parameter(
            torch.zeros(1, spec.image_resampler.queries, p.cross_hidden)
        )
        plain, crossing = ["DownBlock2D"], ["CrossAttnDownBlock2D"] * (len(p.channels) - 1)
        self.unet = UNet2DConditionModel(
            sample_size=p.latent, in_channels=4, out_channels=4, block_out_channels=p.channels,
            down_block_types=(*crossing, *plain),
            up_block_types=("UpBlock2D", *["CrossAttnUpBlock2D"] * len(crossing)),
            layers_per_block=p.layers_per_block, cross_attention_dim=p.cross_hidden,
            attention_head_dim=p.heads,  # the number of heads: diffusers' name is off
            norm_num_groups=p.groups, use_linear_projection=True,
        )  # fmt: skip
        blocks = len(p.vae_channels)
        self.vae = AutoencoderKL(
            block_out_channels=p.vae_channels, layers_per_block=2, latent_channels=4,
            down_block_types=["DownEncoderBlock2D"] * blocks,
            up_block_types=["UpDecoderBlock2D"] * blocks,
            norm_num_groups=p.vae_groups, sample_size=8 * p.latent,
        )  # fmt: skip
        self.mmfs_module = MmfsResiduals(p, spec.trunk.hidden)

    def prompt(self, context: Tensor, mask: Tensor) -> Tensor:
        """Return the UNet's prompt (B, Q, C') of contexts (B, T, C) valid where ``mask`` (B, T)."""
        context, mask = self.project_context(context, mask)
        out: Tensor = self.perceiver_resampler(context, mask)
        return out

    def project_context(self, context: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return contexts (B, T, C) with their positions, counted back from the image."""
        places = torch.arange(context.shape[1], device=context.device)
        x = self.context_feat_proj(context)
        return x + sincos_1d(places, x.shape[-1]).to(x.dtype), mask

    def look(self, maps: Sequence[Tensor], mask: Tensor) -> Source:
        """Return what the UNet sees of source images; ``maps`` (B, C, s, s) each, mask (B, 1)."""
        features = torch.cat([m.flatten(2) for m in maps], 2).transpose(1, 2)[:, None]
        blocks = [*self.mmfs_module.mmfs_down_blocks, self.mmfs_module.mmfs_mid_block]
        values = tuple(block.project(features) for block in blocks)
        return Source(values, [(m.shape[2], m.shape[3]) for m in maps], mask)

    def predict_noise(
        self, latents: Tensor, timestep: Tensor, prompt: Tensor, source: Source | None
    ) -> Tensor:
        """Return the noise (k B, 4, h, w) in latents of that shape.

        Args:
            timestep: () or (k B).
            prompt: (k B, Q, C).
            source: of B images; rows that share an image stand together. None leaves the residuals
                out, which is not the same as a mask of 0.
        """
        unet: Any = self.unet
        time = unet.time_embedding(unet.get_time_embed(sample=latents, timestep=timestep))
        x = unet.conv_in(latents)
        skips: tuple[Tensor, ...] = (x,)
        for block in unet.down_blocks:
            x, more = _run(block, x, time, prompt)
            skips += more
        x = unet.mid_block(x, time, encoder_hidden_states=prompt)
        if source is not None:
            # The way down and the middle have run without: they don't see the residuals.
            blocks = self.mmfs_module.mmfs_down_blocks
            *down, middle = source.values
            skips = tuple(
                skip + block(skip, values, source.sides, source.mask)
                for skip, block, values in zip(skips, blocks, down, strict=True)
            )
            x = x + self.mmfs_module.mmfs_mid_block(x, middle, source.sides, source.mask)
        for block in unet.up_blocks:
            count = len(block.resnets)
            skips, used = skips[:-count], skips[-count:]
            x = _run(block, x, time, prompt, res_hidden_states_tuple=used)
        out: Tensor = unet.conv_out(unet.conv_act(unet.conv_norm_out(x)))
        return out

    @torch.inference_mode()
    def pixels(self, latents: Tensor) -> Tensor:
        """Return images (B, 3, H, W) in 0-1 of latents (B, 4, h, w)."""
        dtype = next(self.vae.parameters()).dtype
        decoded: Tensor = self.vae.decode((latents / _LATENT_SCALE).to(dtype)).sample
        return (decoded.float() / 2 + 0.5).clamp(0, 1)

    def loss(
        self, latents: Tensor, noise: Tensor, timesteps: Tensor, prompt: Tensor,
        source: Source | None, weight: Tensor,
    ) -> Tensor:  # fmt: skip
        """Return the published objective: squared error of the noise, a mean over all elements.

        Args:
            latents, noise: (B, 4, h, w).
            timesteps: (B).
            weight: (B), 0 for images that don't count; they do count in the divisor.
        """
        left = torch.from_numpy(kept()).to(latents.dtype)[timesteps][:, None, None, None]
        noisy = left.sqrt() * latents + (1 - left).sqrt() * noise
        error = F.mse_loss(
            self.predict_noise(noisy, timesteps, prompt, source), noise, reduction="none"
        )
        return (error * weight[:, None, None, None]).mean()


def _run(block: Any, x: Tensor, time: Tensor, prompt: Tensor, **more: Any) -> Any:
    """Run a block of the UNet, which takes the prompt only where it has cross-attention."""
    if getattr(block, "has_cross_attention", False):
        more["encoder_hidden_states"] = prompt
    return block(hidden_states=x, temb=time, **more)
