"""``nano`` in torch: TextHarmony's anatomy in stock classes, for training and for parity tests.

Vision encoder, language model and image decoder are classes of transformers and diffusers, so that
their folders load with ``from_pretrained``; only the small heads are written here. Everything that
users run is exported to ONNX; this file needs torch, transformers and diffusers.

Sequences: a line of text is three rows of patches; the patches of one column make one visual token.
``[visual tokens] <read> bytes <end>``. No attention mask is used anywhere but the causal one: images
are padded with their background. Shapes: B batch, T tokens, V visual tokens, L bytes, C channels.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from transformers import (
    DynamicCache,
    LlamaConfig,
    LlamaForCausalLM,
    PixtralVisionConfig,
    PixtralVisionModel,
)

from ...checkpoint import write_manifest
from .. import tokenizer
from ..spec import NANO, ImageSpec, ModelSpec

CTC_CLASSES = 257  # bytes and the blank
CTC_CHANNELS = 128
LOCATE_CHANNELS = 24
TASKS = 4  # rows of the image decoder's task tokens; row 0 erases
STEPS = 999.0  # flow time t = 1 is diffusion step 999


def unet_config(spec: ImageSpec) -> dict[str, Any]:
    """Return the arguments of diffusers' UNet2DConditionModel but for ``cross_attention_dim``."""
    plain = len(spec.channels) - 1
    return {
        "sample_size": 96,
        # Pixel-unshuffled by 2: [x_t (3), dirty image (3), mask (1)] -> residual (3).
        "in_channels": 28,
        "out_channels": 12,
        "layers_per_block": spec.layers_per_block,
        "block_out_channels": spec.channels,
        "attention_head_dim": spec.head_dim,
        "norm_num_groups": spec.groups,
        "down_block_types": ("DownBlock2D",) * plain + ("CrossAttnDownBlock2D",),
        "up_block_types": ("CrossAttnUpBlock2D",) + ("UpBlock2D",) * plain,
    }


PARTS = ("vision", "language", "image_decoder", "heads")  # of a checkpoint in safetensors
UNET: Mapping[str, Any] = unet_config(NANO.image)


class Heads(nn.Module):
    """Everything that is no stock model: projector, CTC head, locate head (heads.safetensors)."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        v, d = spec.vision.hidden, spec.language.hidden
        column = spec.read.rows * v
        self.proj = nn.Sequential(
            nn.LayerNorm(column), nn.Linear(column, 2 * d), nn.GELU(), nn.Linear(2 * d, d)
        )
        self.ctc = nn.Sequential(
            nn.LayerNorm(column), nn.Linear(column, spec.read.substeps * CTC_CHANNELS), nn.GELU()
        )
        self.ctc_out = nn.Linear(CTC_CHANNELS, CTC_CLASSES)
        self.loc_norm = nn.LayerNorm(v)
        self.loc_up = nn.Linear(v, 16 * LOCATE_CHANNELS)
        self.stem = nn.Sequential(
            nn.Conv2d(3, 16, 3, 2, 1), nn.SiLU(),
            nn.Conv2d(16, LOCATE_CHANNELS, 3, 2, 1), nn.SiLU(),
        )  # fmt: skip
        self.loc = nn.Sequential(
            nn.Conv2d(2 * LOCATE_CHANNELS, 32, 3, 1, 1), nn.SiLU(),
            nn.Conv2d(32, 32, 3, 1, 1), nn.SiLU(), nn.Conv2d(32, 2, 1),
        )  # fmt: skip
        # Few points lie on text: start from a low probability.
        self.loc[-1].bias.data = torch.tensor([-2.5, 0.0])


class Nano(nn.Module):
    """Vision encoder, language model, heads and image decoder of one checkpoint."""

    def __init__(self, spec: ModelSpec = NANO, unet: Mapping[str, Any] | None = None) -> None:
        """Build a model with random weights.

        Args:
            spec: all sizes.
            unet: other arguments of diffusers' UNet2DConditionModel than those of the spec.
        """
        super().__init__()
        self.spec = spec
        unet = unet_config(spec.image) if unet is None else unet
        self.vision = PixtralVisionModel(_vision_config(spec))
        self.llm = LlamaForCausalLM(_language_config(spec))
        self.heads = Heads(spec)
        self.image_decoder: Any = _unet_class()(**unet, cross_attention_dim=spec.language.hidden)
        self.task = nn.Parameter(torch.randn(TASKS, 1, spec.language.hidden) * 0.02)
        for part in (self.vision, self.llm):
            _initialise(part)

    @classmethod
    def from_pretrained(cls, path: str | Path) -> Nano:
        """Return the model of a folder with vision/, llm/, image_decoder/ and heads.safetensors."""
        from safetensors.torch import load_file

        path = Path(path)
        config = json.loads((path / "image_decoder" / "config.json").read_text(encoding="utf-8"))
        model = cls(spec_of(path), {name: config[name] for name in UNET})
        model.vision = PixtralVisionModel.from_pretrained(path / "vision", dtype=torch.float32)
        model.llm = LlamaForCausalLM.from_pretrained(path / "llm", dtype=torch.float32)
        model.image_decoder = _unet_class().from_pretrained(
            path / "image_decoder", torch_dtype=torch.float32
        )
        heads = {
            name: value.float() for name, value in load_file(path / "heads.safetensors").items()
        }
        model.task.data = heads.pop("erase.task")
        model.heads.load_state_dict(heads)
        return model.eval()

    def save_pretrained(
        self, path: str | Path, *, name: str = "nano", licence: str = "unstated"
    ) -> None:
        """Write the weights as fp16 safetensors, in the layout that ``from_pretrained`` reads.

        With the manifest the folder is also a checkpoint that ``--checkpoint`` takes, on torch.
        """
        from safetensors.torch import save_file

        path = Path(path)
        heads = {**self.heads.state_dict(), "erase.task": self.task.detach()}
        files: dict[str, Mapping[str, Tensor]] = {
            "vision/model": self.vision.state_dict(),
            "llm/model": {  # the output layer is the embedding
                name: value
                for name, value in self.llm.state_dict().items()
                if name != "lm_head.weight"
            },
            "image_decoder/diffusion_pytorch_model": self.image_decoder.state_dict(),
            "heads": heads,
        }
        for stem, state in files.items():
            file = path / f"{stem}.safetensors"
            file.parent.mkdir(parents=True, exist_ok=True)
            half = {key: value.detach().cpu().half().contiguous() for key, value in state.items()}
            save_file(half, file, metadata={"format": "pt"})
        self.vision.config.save_pretrained(path / "vision")
        self.llm.config.save_pretrained(path / "llm")
        self.image_decoder.save_config(path / "image_decoder")
        unet = self.image_decoder.config
        image = replace(
            self.spec.image,
            channels=tuple(unet.block_out_channels), layers_per_block=unet.layers_per_block,
            head_dim=unet.attention_head_dim, groups=unet.norm_num_groups,
        )  # fmt: skip
        write_manifest(
            path, name=name, licence=licence, spec=replace(self.spec, image=image),
            abilities=("locate", "read", "erase"), training={},
            parts={
                part: (f"{stem}.safetensors", "safetensors", "float16")
                for part, stem in zip(PARTS, files, strict=True)
            },
        )  # fmt: skip

    # --- vision ----------------------------------------------------------------------------------

    def encode(self, pixels: Tensor) -> Tensor:
        """Return tokens (B, H/p * W/p, C) of images (B, 3, H, W) in -1..1, sides divisible by p.

        The stock forward packs a batch into one sequence with a dense mask; all images of a batch
        have one size here, so its layers are called on (B, T, C) directly.
        """
        x: Tensor = self.vision.patch_conv(pixels)
        rows, columns = x.shape[-2:]
        x = self.vision.ln_pre(x.flatten(2).transpose(1, 2))
        grid = torch.meshgrid(
            torch.arange(rows, device=x.device), torch.arange(columns, device=x.device),
            indexing="ij",
        )  # fmt: skip
        places = torch.stack(grid, -1).reshape(-1, 2)
        rotary = self.vision.patch_positional_embedding(x, places)
        for layer in self.vision.transformer.layers:
            x = layer(x, None, position_embeddings=rotary)
        return x

    # --- read ------------------------------------------------------------------------------------

    def columns(self, pixels: Tensor) -> Tensor:
        """Return (B, V, rows * C): the patches of each column of lines (B, 3, 48, W)."""
        tokens = self.encode(pixels)
        width = pixels.shape[-1] // self.spec.vision.patch
        stacked = tokens.reshape(len(tokens), self.spec.read.rows, width, tokens.shape[-1])
        return stacked.transpose(1, 2).flatten(2)

    def ctc(self, columns: Tensor) -> Tensor:
        """Return CTC logits (B, V * substeps, 257); class 256 is the blank."""
        steps = self.heads.ctc(columns).reshape(len(columns), -1, CTC_CHANNELS)
        logits: Tensor = self.heads.ctc_out(steps)
        return logits

    def decode(self, columns: Tensor, ids: Tensor) -> Tensor:
        """Return the logits (B, 1 + L, vocabulary) that follow ``<read>`` and each of ids (B, L)."""
        visual = self.heads.proj(columns)  # (B, V, D)
        begin = torch.full((len(ids), 1), tokenizer.READ, device=ids.device)
        embedded = self.llm.get_input_embeddings()(torch.cat([begin, ids], 1))
        hidden = self.llm.model(
            inputs_embeds=torch.cat([visual, embedded.to(visual.dtype)], 1), use_cache=False
        ).last_hidden_state
        logits: Tensor = self.llm.lm_head(hidden[:, visual.shape[1] :])
        return logits

    @torch.no_grad()
    def read(self, pixels: Tensor, longest: int = 152) -> list[list[int]]:
        """Return the bytes that the language model reads in each line, greedily."""
        visual = self.heads.proj(self.columns(pixels))
        embed = self.llm.get_input_embeddings()
        begin = torch.full((len(pixels), 1), tokenizer.READ, device=pixels.device)
        x = torch.cat([visual, embed(begin)], 1)
        cache, done = (
            DynamicCache(),
            torch.zeros(len(pixels), dtype=torch.bool, device=pixels.device),
        )
        ids: list[Tensor] = []
        for _ in range(longest):
            out = self.llm.model(inputs_embeds=x, cache=cache, use_cache=True)
            best = self.llm.lm_head(out.last_hidden_state[:, -1]).argmax(-1)
            best = torch.where(done, tokenizer.PAD, best)
            ids.append(best)
            done = done | (best == tokenizer.END)
            if bool(done.all()):
                break
            x = embed(best)[:, None]
        return [[i for i in row if i < 256] for row in torch.stack(ids, 1).tolist()]

    # --- locate ----------------------------------------------------------------------------------

    def locate(self, pixels: Tensor) -> Tensor:
        """Return (B, 2, H/4, W/4) of tiles (B, 3, H, W).

        Channel 0 is the logit of lying on the middle of a text line, channel 1 a code c of the
        line's em: 4 * 2 ** (c * 255 / 40) pixels.
        """
        p = self.spec.vision.patch
        tokens = self.heads.loc_up(self.heads.loc_norm(self.encode(pixels))).transpose(1, 2)
        rows, columns = pixels.shape[-2] // p, pixels.shape[-1] // p
        coarse = tokens.reshape(len(pixels), -1, rows, columns)
        fine = F.pixel_shuffle(coarse, p // self.spec.locate.stride)
        out: Tensor = self.heads.loc(torch.cat([fine, self.heads.stem(pixels)], 1))
        return out

    # --- erase -----------------------------------------------------------------------------------

    def words(self, ids: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the image decoder writes by: (B, 1 + L, D) and which of them count.

        Args:
            ids: bytes (B, L).
            real: (B, L), False where a text has ended.
        """
        begin = torch.full((len(ids), 1), tokenizer.WRITE, device=ids.device)
        real = F.pad(real, (1, 0), value=True)
        ids = torch.cat([begin, ids], 1).where(real, tokenizer.PAD)
        embedded = self.llm.get_input_embeddings()(ids)
        hidden = self.llm.model(inputs_embeds=embedded, use_cache=False).last_hidden_state
        return hidden, real

    def paint(
        self,
        noisy: Tensor,
        dirty: Tensor,
        mask: Tensor,
        time: Tensor,
        words: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Return the clean image (B, 3, H, W) that the image decoder predicts, in -1..1.

        Args:
            noisy: x_t of the flow, (B, 3, H, W); zeros at t = 1 are the deterministic single step.
            dirty: the image with text; zero under the mask in blank mode.
            mask: (B, 1, H, W), 1 where to paint.
            time: t in 0..1, (B,).
            words: of :meth:`words`, to write them; None erases.
        """
        x = F.pixel_unshuffle(torch.cat([noisy, dirty, mask], 1), 2)
        tokens, real = self.task[0][None].expand(len(x), -1, -1), None
        if words is not None:
            task = self.task[1][None].expand(len(x), -1, -1)
            tokens, real = torch.cat([task, words[0]], 1), F.pad(words[1], (1, 0), value=True)
        residual = self.image_decoder(
            x, time * STEPS, encoder_hidden_states=tokens.to(x.dtype), encoder_attention_mask=real
        ).sample
        return dirty + F.pixel_shuffle(residual, 2)

    @torch.no_grad()
    def erase(self, dirty: Tensor, mask: Tensor) -> Tensor:
        """Return the image with the masked pixels painted in one step, in blank mode."""
        seen = dirty * (1 - mask)
        time = torch.ones(len(dirty), device=dirty.device)
        painted = self.paint(torch.zeros_like(dirty), seen, mask, time).clamp(-1, 1)
        return seen + painted * mask


def _unet_class() -> Any:
    """Import late: diffusers takes seconds, and its classes are untyped."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel


def spec_of(path: str | Path) -> ModelSpec:
    """Return the sizes of a checkpoint in transformers' layout."""
    path = Path(path)
    vision: Any = PixtralVisionConfig.from_pretrained(path / "vision")
    language: Any = LlamaConfig.from_pretrained(path / "llm")
    unet = json.loads((path / "image_decoder" / "config.json").read_text(encoding="utf-8"))
    return replace(
        NANO,
        vision=replace(
            NANO.vision,
            hidden=vision.hidden_size,
            intermediate=vision.intermediate_size,
            layers=vision.num_hidden_layers,
            heads=vision.num_attention_heads,
            patch=vision.patch_size,
            rope_theta=vision.rope_parameters["rope_theta"],
        ),
        language=replace(
            NANO.language,
            hidden=language.hidden_size,
            intermediate=language.intermediate_size,
            layers=language.num_hidden_layers,
            heads=language.num_attention_heads,
            vocabulary=language.vocab_size,
            context=language.max_position_embeddings,
            rope_theta=language.rope_parameters["rope_theta"],
            norm_epsilon=language.rms_norm_eps,
        ),
        image=replace(
            NANO.image,
            channels=tuple(unet["block_out_channels"]),
            layers_per_block=unet["layers_per_block"],
            head_dim=unet["attention_head_dim"],
            groups=unet["norm_num_groups"],
        ),
    )


def _vision_config(spec: ModelSpec) -> PixtralVisionConfig:
    v = spec.vision
    return PixtralVisionConfig(
        hidden_size=v.hidden,
        intermediate_size=v.intermediate,
        num_hidden_layers=v.layers,
        num_attention_heads=v.heads,
        num_channels=3,
        image_size=2048,
        patch_size=v.patch,
        hidden_act="silu",
        rope_parameters={"rope_type": "axial", "rope_theta": v.rope_theta},
    )


def _language_config(spec: ModelSpec) -> LlamaConfig:
    m = spec.language
    return LlamaConfig(
        vocab_size=m.vocabulary,
        hidden_size=m.hidden,
        intermediate_size=m.intermediate,
        num_hidden_layers=m.layers,
        num_attention_heads=m.heads,
        num_key_value_heads=m.heads,
        max_position_embeddings=m.context,
        rms_norm_eps=m.norm_epsilon,
        rope_parameters={"rope_type": "default", "rope_theta": m.rope_theta},
        tie_word_embeddings=True,
        bos_token_id=tokenizer.BEGIN,
        eos_token_id=tokenizer.END,
        pad_token_id=tokenizer.PAD,
    )


def _initialise(part: nn.Module) -> None:
    """Start matrices at unit gain, those that write into the residual stream lower."""
    for name, parameter in part.named_parameters():
        if parameter.ndim == 2:
            std = parameter.shape[1] ** -0.5
            if "embed" in name:
                std = 0.02
            elif "o_proj" in name or "down_proj" in name:
                std *= 0.4
            nn.init.normal_(parameter, std=std)
