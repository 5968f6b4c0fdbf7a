"""Compares a converted checkpoint with the torch modules that its weights were trained in.

    python -m docharmony_export.parity WEIGHTS CHECKPOINT PAGE.png

The page is read twice at the same places: a tile for the locator, three lines for the reader, their
texts for the language model, a box for the eraser. Ends with exit code 1 when a difference is above its
tolerance. Graphs of fp32 agree to rounding; int8 weights move a probability by a few hundredths,
products in int8 twice as far. What is compared is what a CPU runs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import transformers
from PIL import Image, ImageDraw, ImageFont

from docharmony.checkpoint import load_manifest
from docharmony.engine import tokenizer
from docharmony.engine.devices import default_threads
from docharmony.engine.modeling.nano import Nano
from docharmony.engine.onnx_parts import OnnxParts

# Largest difference of a probability, of log2 of an em (where a line is), of a log-probability above
# -2, and of a painted pixel (of 255).
TOLERANCES = {
    "fp32": {"kernel": 1e-4, "em": 1e-4, "ctc": 1e-3, "language": 1e-3, "paint": 1.0},
    "int8": {"kernel": 0.05, "em": 0.05, "ctc": 0.6, "language": 0.6, "paint": 12.0},
    "int8-dynamic": {"kernel": 0.1, "em": 0.1, "ctc": 1.2, "language": 1.2, "paint": 12.0},
}

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@torch.no_grad()
def compare(weights: Path, checkpoint: Path, page: Bytes | None = None) -> dict[str, float]:
    """Return the largest difference of each output, by the names of TOLERANCES.

    Args:
        weights: folder that the checkpoint was made of.
        checkpoint: may lack parts.
        page: at least 640 by 640 pixels; None draws one.
    """
    transformers.utils.logging.disable_progress_bar()
    page = draw_page() if page is None else page
    manifest = load_manifest(checkpoint)
    there = set(manifest.parts)
    torch.set_num_threads(default_threads())
    parts, model = OnnxParts(manifest, device="cpu"), Nano.from_pretrained(weights)
    found = {}

    if {"vision", "locate_head"} <= there:
        tile = np.ascontiguousarray(page[None, :640, :640])
        theirs = model.locate(_floats(tile))
        kernel, em = theirs[:, 0].sigmoid().numpy(), theirs[:, 1].numpy() * (255 / 40)
        ours = parts.map_lines(tile)
        found["kernel"] = _largest(ours[:, 0], kernel)
        line = kernel > 0.5
        found["em"] = _largest(ours[:, 1][line], em[line])

    if {"vision", "read_head"} <= there:
        height, width = 48, min(page.shape[1] // 16 * 16, 832)
        strips = [page[y : y + height, :width] for y in (96, 240, 384)]
        lines = np.ascontiguousarray(np.stack(strips))
        visual, ctc = parts.read_lines(lines)
        columns = model.columns(_floats(lines))
        expected = model.ctc(columns).log_softmax(-1).numpy()
        sure = expected > -2
        found["ctc"] = _largest(ctc[sure], expected[sure])

    if {"vision", "read_head", "language"} <= there:
        text = tokenizer.encode("Invoice no. 2026-17, naïve façade")
        ids = np.array([[tokenizer.READ, *text]] * len(lines))
        new = visual.shape[1] + ids.shape[1]
        bias = np.where(np.tril(np.ones((new, new), bool)), 0, -1e9).astype(np.float32)
        places = np.tile(np.arange(new), (len(lines), 1))
        said, _ = parts.language(visual, ids, places, np.tile(bias, (len(lines), 1, 1, 1)), None)
        logits = model.decode(columns, torch.from_numpy(ids[:, 1:]))
        expected = logits.log_softmax(-1).numpy()
        sure = expected > -2
        found["language"] = _largest(said[sure], expected[sure])

    if "image_decoder" in there:
        crop = np.ascontiguousarray(page[None, 64:256, 64:256])
        mask = np.zeros(crop.shape[:3], np.uint8)
        mask[:, 70:100, 30:150] = 1
        painted = parts.paint(crop, mask)[0].astype(np.float32)
        clean = model.erase(_floats(crop), torch.from_numpy(mask)[:, None].float())
        expected = ((clean[0].permute(1, 2, 0) + 1) * 127.5).round().numpy()
        found["paint"] = _largest(painted[mask[0] > 0], expected[mask[0] > 0])
    return found


def draw_page() -> Bytes:
    """Return a page of lines of text, (800, 896, 3)."""
    page = Image.new("RGB", (896, 800), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(28)
    for i in range(16):
        pen.text((24, 48 * i + 8), f"{i}. The quick brown fox jumps over 17 lazy dogs.", 0, font)
    return np.asarray(page)


def tolerances(dtypes: set[str]) -> dict[str, float]:
    """Return the tolerances of a checkpoint with parts of these formats."""
    if "int8-dynamic" in dtypes:
        return TOLERANCES["int8-dynamic"]
    return TOLERANCES["fp32" if dtypes == {"fp32"} else "int8"]


def main(argv: Sequence[str] | None = None) -> int:
    """Print each difference beside its tolerance; 1 where one is too large."""
    parser = argparse.ArgumentParser(description="Compare a checkpoint of nano with torch.")
    parser.add_argument("weights", type=Path)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("page", type=Path, help="picture of a page, at least 640 by 640 pixels")
    args = parser.parse_args(argv)
    page = np.asarray(Image.open(args.page).convert("RGB"))
    kinds = {part.dtype for part in load_manifest(args.checkpoint).parts.values()}
    limits = tolerances(kinds)
    found = compare(args.weights, args.checkpoint, page)
    for name, value in found.items():
        sys.stdout.write(f"{name:10} {value:.2e} (at most {limits[name]:g})\n")
    return int(any(value > limits[name] for name, value in found.items()))


def _floats(pixels: Bytes) -> torch.Tensor:
    return torch.from_numpy(pixels).float().permute(0, 3, 1, 2) / 127.5 - 1


def _largest(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> float:
    return float(np.abs(a - b).max()) if a.size else 0.0


if __name__ == "__main__":
    sys.exit(main())
