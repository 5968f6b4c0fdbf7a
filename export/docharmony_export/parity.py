"""Compares a converted checkpoint with the torch modules that its weights were trained in.

    python -m docharmony_export.parity WEIGHTS CHECKPOINT PAGE.png

The page is read twice at the same places: a tile for the locator, three lines for the reader, their
texts for the language model, a box for the eraser. Ends with exit code 1 when a difference is above its
tolerance. Graphs of fp32 agree to rounding; int8 weights move a probability by a few hundredths.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from safetensors.torch import load_file
from torch.nn import functional

from docharmony.checkpoint import load_manifest
from docharmony.engine import tokenizer
from docharmony.engine.onnx_parts import OnnxParts

# Largest difference of a probability, of log2 of an em (where a line is), of a log-probability above
# -5, and of a painted pixel (of 255).
TOLERANCES = {
    "fp32": {"kernel": 1e-4, "em": 1e-4, "ctc": 1e-3, "language": 1e-3, "paint": 1.0},
    "int8": {"kernel": 0.05, "em": 0.05, "ctc": 0.6, "language": 0.6, "paint": 12.0},
}

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


class Reference(torch.nn.Module):
    """The stock modules, put together as they were trained."""

    def __init__(self, weights: Path) -> None:
        from diffusers import UNet2DConditionModel
        from transformers import LlamaForCausalLM, PixtralVisionModel

        super().__init__()
        kind = torch.float32
        self.vision = PixtralVisionModel.from_pretrained(weights / "vision", dtype=kind)
        self.llm = LlamaForCausalLM.from_pretrained(weights / "llm", dtype=kind)
        self.unet = UNet2DConditionModel.from_pretrained(
            weights / "image_decoder", torch_dtype=kind
        )
        heads = load_file(weights / "heads.safetensors")
        self.heads = {name: value.float() for name, value in heads.items()}
        self.eval()

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pixels (B, 3, H, W) in -1..1 -> tokens (B, T, D), without the model's own packing."""
        v = self.vision
        x = v.patch_conv(pixels)
        h, w = x.shape[-2:]
        x = v.ln_pre(x.flatten(2).transpose(1, 2))
        grid = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
        places = v.patch_positional_embedding(x, torch.stack(grid, -1).reshape(-1, 2))
        for layer in v.transformer.layers:
            x = layer(x, None, position_embeddings=places)
        return x

    def locate(self, pixels: torch.Tensor) -> Floats:
        """Map (B, 2, H/4, W/4) as docharmony's locate head gives it."""
        p, (h, w) = self.heads, (side // 16 for side in pixels.shape[-2:])
        x = functional.layer_norm(
            self.encode(pixels), (320,), p["loc_norm.weight"], p["loc_norm.bias"]
        )
        x = functional.linear(x, p["loc_up.weight"], p["loc_up.bias"])
        x = functional.pixel_shuffle(x.transpose(1, 2).unflatten(2, (h, w)), 4)
        s = pixels
        for i in (0, 2):
            s = functional.conv2d(s, p[f"stem.{i}.weight"], p[f"stem.{i}.bias"], 2, 1)
            s = functional.silu(s)
        x = torch.cat([x, s], 1)
        for i in (0, 2):
            x = functional.conv2d(x, p[f"loc.{i}.weight"], p[f"loc.{i}.bias"], 1, 1)
            x = functional.silu(x)
        x = functional.conv2d(x, p["loc.4.weight"], p["loc.4.bias"])
        return torch.cat([x[:, :1].sigmoid(), x[:, 1:] * (255 / 40)], 1).numpy()

    def read(self, pixels: torch.Tensor) -> tuple[torch.Tensor, Floats]:
        """Visual tokens and CTC log-probabilities of lines (B, 3, 48, W)."""
        p = self.heads
        tokens = self.encode(pixels)
        column = tokens.unflatten(1, (3, -1)).transpose(1, 2).flatten(2)
        x = functional.layer_norm(column, (960,), p["proj.0.weight"], p["proj.0.bias"])
        x = functional.gelu(functional.linear(x, p["proj.1.weight"], p["proj.1.bias"]))
        visual = functional.linear(x, p["proj.3.weight"], p["proj.3.bias"])
        x = functional.layer_norm(column, (960,), p["ctc.0.weight"], p["ctc.0.bias"])
        x = functional.gelu(functional.linear(x, p["ctc.1.weight"], p["ctc.1.bias"]))
        x = x.unflatten(2, (6, 128)).flatten(1, 2)
        logits = functional.linear(x, p["ctc_out.weight"], p["ctc_out.bias"])
        return visual, logits.log_softmax(-1).numpy()

    def write(self, visual: torch.Tensor, ids: torch.Tensor) -> Floats:
        """Log-probabilities of what follows each id."""
        x = torch.cat([visual, self.llm.get_input_embeddings()(ids)], 1)
        hidden = self.llm.model(inputs_embeds=x, use_cache=False).last_hidden_state
        return self.llm.lm_head(hidden[:, visual.shape[1] :]).log_softmax(-1).numpy()

    def erase(self, pixels: torch.Tensor, mask: torch.Tensor) -> Floats:
        """One deterministic step on a blanked crop -> (H, W, 3) in 0..255."""
        seen = pixels * (1 - mask)
        x = functional.pixel_unshuffle(torch.cat([torch.zeros_like(seen), seen, mask], 1), 2)
        task = self.heads["erase.task"][0][None].expand(len(x), -1, -1)
        x = self.unet(x, torch.tensor([999.0]), encoder_hidden_states=task).sample
        out = (seen + functional.pixel_shuffle(x, 2)).clamp(-1, 1)
        return ((out[0].permute(1, 2, 0) + 1) * 127.5).round().numpy()


@torch.no_grad()
def compare(weights: Path, checkpoint: Path, page: Bytes) -> dict[str, float]:
    """Return the largest difference of each output, by the names of TOLERANCES."""
    manifest = load_manifest(checkpoint)
    parts, reference = OnnxParts(manifest, device="cpu"), Reference(weights)
    found = {}

    tile = np.ascontiguousarray(page[None, :640, :640])
    ours, theirs = parts.map_lines(tile), reference.locate(_floats(tile))
    found["kernel"] = _largest(ours[:, 0], theirs[:, 0])
    line = theirs[:, 0] > 0.5
    found["em"] = _largest(ours[:, 1][line], theirs[:, 1][line])

    height, width = 48, min(page.shape[1] // 16 * 16, 832)
    strips = [page[y : y + height, :width] for y in (96, 240, 384)]
    lines = np.ascontiguousarray(np.stack(strips))
    visual, ctc = parts.read_lines(lines)
    their_visual, their_ctc = reference.read(_floats(lines))
    sure = their_ctc > -5
    found["ctc"] = _largest(ctc[sure], their_ctc[sure])

    text = [tokenizer.READ, *tokenizer.encode("Invoice no. 2026-17, naïve façade")]
    ids = np.array([text] * len(lines))
    new = visual.shape[1] + len(text)
    bias = np.where(np.tril(np.ones((new, new), bool)), 0, -1e9).astype(np.float32)
    places = np.tile(np.arange(new), (len(lines), 1))
    ours, _ = parts.language(visual, ids, places, np.tile(bias, (len(lines), 1, 1, 1)), None)
    theirs = reference.write(their_visual, torch.from_numpy(ids))
    sure = theirs > -5
    found["language"] = _largest(ours[sure], theirs[sure])

    crop = np.ascontiguousarray(page[None, 64:256, 64:256])
    mask = np.zeros(crop.shape[:3], np.uint8)
    mask[:, 70:100, 30:150] = 1
    ours = parts.paint(crop, mask)[0].astype(np.float32)
    theirs = reference.erase(_floats(crop), torch.from_numpy(mask)[:, None].float())
    found["paint"] = _largest(ours[mask[0] > 0], theirs[mask[0] > 0])
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Print each difference beside its tolerance; 1 where one is too large."""
    parser = argparse.ArgumentParser(description="Compare a checkpoint of nano with torch.")
    parser.add_argument("weights", type=Path)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("page", type=Path, help="picture of a page, at least 640 by 640 pixels")
    args = parser.parse_args(argv)
    page = np.asarray(Image.open(args.page).convert("RGB"))
    kinds = {part.dtype for part in load_manifest(args.checkpoint).parts.values()}
    tolerances = TOLERANCES["fp32" if kinds == {"fp32"} else "int8"]
    found = compare(args.weights, args.checkpoint, page)
    for name, value in found.items():
        sys.stdout.write(f"{name:10} {value:.2e} (at most {tolerances[name]:g})\n")
    return int(any(value > tolerances[name] for name, value in found.items()))


def _floats(pixels: Bytes) -> torch.Tensor:
    return torch.from_numpy(pixels).float().permute(0, 3, 1, 2) / 127.5 - 1


def _largest(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> float:
    return float(np.abs(a - b).max()) if a.size else 0.0


if __name__ == "__main__":
    sys.exit(main())
