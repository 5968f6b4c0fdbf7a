"""Measures checkpoints on held-out data, as users run them: through the engine, on the CPU.

The same samples for every candidate: their seed is fixed. Fonts, documents, pages of manuals and
photos of the held-out split were never trained on.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt
import torch

from docharmony.engine.crops import crop_lines
from docharmony.engine.textharmony import TextHarmony

from . import degrade, scoring
from .config import Batch, Rendering
from .data import lines, pages
from .data.samples import KINDS, Plan, Studio
from .weights import manifest_of

if TYPE_CHECKING:
    from docharmony.engine.base import Engine

Image = npt.NDArray[np.uint8]

SEED = 20_000
PAGE_DPI = 150
CROP = 192
MARGIN = 0.14  # ems around a line, as the engine crops


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many samples: lines of each kind, pages, erase crops."""

    lines: int = 200
    pages: int = 12
    crops: int = 48


Row = dict[str, float]


def compare(
    candidates: Sequence[str | Path], assets: Path, sizes: Sizes, *, report: Path | None = None
) -> str:
    """Return a table with one column a candidate; weights of a run are exported first."""
    rows = measure_all(candidates, assets, sizes)
    if report is not None:
        report.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return table(rows)


def measure_all(candidates: Sequence[str | Path], assets: Path, sizes: Sizes) -> dict[str, Row]:
    """Return the figures of each candidate, and those of OpenCV for erasing."""
    samples = Samples(assets, sizes)
    rows: dict[str, Row] = {}
    for candidate in candidates:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(candidate)
            if (path / "heads.safetensors").is_file():
                from .export import convert

                convert(path, Path(folder))
                path = Path(folder)
            else:
                path = manifest_of(candidate).path
            rows[str(candidate)] = measure(TextHarmony.from_checkpoint(path, device="cpu"), samples)
    for name, method in (("OpenCV NS", cv2.INPAINT_NS), ("OpenCV Telea", cv2.INPAINT_TELEA)):

        def inpaint(image: Image, mask: Image, method: int = method) -> Image:
            return np.asarray(cv2.inpaint(image, (mask > 0).astype(np.uint8), 3, method), np.uint8)

        rows[name] = erasing(inpaint, samples)
    return rows


class Samples:
    """The held-out samples, drawn once."""

    def __init__(self, assets: Path, sizes: Sizes) -> None:
        """Draw them all."""
        plan = Plan(
            assets, KINDS, SEED, 640, CROP, Rendering(pdf_lines=0.0, pdf_crops=0.0), Batch()
        )
        studio = Studio(plan, 0, "held")
        self.lines = {
            "fonts": _collect(studio.lines, sizes.lines),
            "PDFs": _collect(lambda: pages.draw_lines(studio.pages, studio.rng), sizes.lines)
            if len(studio.pages)
            else [],
        }
        order = studio.rng.permutation(len(studio.pages))[: sizes.pages]
        keys = [studio.pages.index[i] for i in order]
        scale = PAGE_DPI / 72
        self.pages = []
        for number, key in enumerate(keys):
            truth = [
                line._replace(polygon=line.polygon * scale) for line in studio.pages.lines(key)
            ]
            clean = studio.pages.render(key, PAGE_DPI)
            self.pages.append((clean, spoil(clean, number), truth))
        self.crops = _collect(studio.crops, sizes.crops)


def _collect(draw: Callable[[], list[Any]], count: int) -> list[Any]:
    found: list[Any] = []
    while len(found) < count:
        found += draw()
    return found[:count]


def measure(engine: Engine, samples: Samples) -> Row:
    """Return the figures of one engine."""
    row: Row = {}
    for kind, drawn in samples.lines.items():
        for state, crops in (
            ("clean", [_crop(line) for line in drawn]),
            ("degraded", _spoiled(drawn)),
        ):
            if drawn:
                row |= _reading(engine, crops, [line.text for line in drawn], f"{kind}, {state}")
    boxes = {"clean": scoring.Boxes(), "degraded": scoring.Boxes()}
    words = {"clean": scoring.Words(), "degraded": scoring.Words()}
    seconds = 0.0
    for clean, bad, truth in samples.pages:
        wanted = [line.polygon for line in truth if len(line.text) > 1]
        for state, image in (("clean", clean), ("degraded", bad)):
            began = time.perf_counter()
            regions = engine.locate([image])[0]
            crops = [c.image for c in crop_lines(image, [r.polygon for r in regions])]
            texts = [reading.text for reading in engine.read(crops)]
            seconds += time.perf_counter() - began
            found = [np.array([[p.x, p.y] for p in r.polygon]) for r in regions]
            boxes[state] += scoring.match_boxes(wanted, found)
            words[state] += scoring.count_words((line.text for line in truth), texts)
    if samples.pages:
        for state in boxes:
            row[f"pages, {state}: word F1"] = words[state].f1
            row[f"pages, {state}: box F1"] = boxes[state].f1
        row["seconds a page"] = seconds / (2 * len(samples.pages))

    def erase(image: Image, mask: Image) -> Image:
        return engine.paint([image], [mask > 0])[0]

    return row | erasing(erase, samples)


def erasing(erase: Callable[[Image, Image], Image], samples: Samples) -> Row:
    """Return PSNR under the mask, at most 50 dB a crop, and SSIM of the whole crops."""
    psnr, ssim = [], []
    for pair in samples.crops:
        result = erase(pair.dirty, pair.mask)
        psnr.append(scoring.psnr(pair.clean, result, pair.mask > 0))
        ssim.append(scoring.ssim(pair.clean, result))
    if not psnr:
        return {}
    return {"erase: PSNR": float(np.mean(psnr)), "erase: SSIM": float(np.mean(ssim))}


def _reading(engine: Engine, crops: list[Image], truth: list[str], name: str) -> Row:
    texts = [reading.text for reading in engine.read(crops)]
    edits: Counter[str] = Counter()
    length: Counter[str] = Counter()
    for wanted, text in zip(truth, texts, strict=True):
        for group in ("all", scoring.script(wanted)):
            edits[group] += scoring.distance(wanted, text)
            length[group] += len(wanted)
    exact = float(np.mean([a == b for a, b in zip(truth, texts, strict=True)]))
    row = {f"{name}: exact": exact, f"{name}: CER": edits["all"] / length["all"]}
    row[f"{name}: word F1"] = scoring.count_words(truth, texts).f1
    if name.endswith("clean"):
        for group in sorted(set(length) - {"all"}):
            row[f"{name}: CER, {group}"] = edits[group] / length[group]
    return row


def _crop(line: lines.Line) -> Image:
    """Return a line as black on white, cut as the engine cuts lines."""
    top = round(lines.TOP - MARGIN * lines.EM)
    bottom = round(lines.TOP + lines.EM + MARGIN * lines.EM)
    paper = 255 - line.ink[top:bottom]
    return np.repeat(paper[..., None], 3, axis=2)


def _spoiled(drawn: list[lines.Line]) -> list[Image]:
    """Return lines one by one as training sees them, each by its own seed."""
    found = []
    for number, line in enumerate(drawn):
        random = degrade.Random(SEED + number)
        ink = torch.from_numpy(line.ink.copy())[None]
        widths = torch.tensor([line.ink.shape[1]])
        with torch.no_grad():
            pixels = degrade.lines(ink, widths, random)[0]
        found.append(_bytes((pixels + 1) / 2))
    return found


def spoil(image: Image, seed: int) -> Image:
    """Return a page as two bad copies of it leave it."""
    height, width = (side // 8 * 8 for side in image.shape[:2])
    pixels = torch.from_numpy(image[:height, :width].copy()).permute(2, 0, 1)[None].float() / 255
    random = degrade.Random(SEED + seed)
    with torch.no_grad():
        for _ in range(2):
            pixels = degrade.photometric([pixels], random)[0]
    return _bytes(pixels[0])


def _bytes(pixels: torch.Tensor) -> Image:
    return np.ascontiguousarray((pixels * 255).round().byte().permute(1, 2, 0).numpy())


def table(rows: dict[str, Row]) -> str:
    """Return the figures as a Markdown table, one column a candidate."""
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    lines_ = ["| | " + " | ".join(rows) + " |", "|---" * (len(rows) + 1) + "|"]
    for name in names:
        cells = (f"{row[name]:.4g}" if name in row else "-" for row in rows.values())
        lines_.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines_)
