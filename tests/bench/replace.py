"""Erasing and replacing on made pictures; tables for RESULTS.md (see README.md beside this file).

Run: python tests/bench/replace.py [--write RESULTS.md] [--seeds N]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from scipy.ndimage import binary_dilation, gaussian_filter
from tables import keep

from docharmony import Pipeline, replace
from docharmony import open as open_document
from docharmony.looks.colour import PLAIN, dressed
from docharmony.looks.ink import edge_blur, find_ink
from docharmony.looks.wear import worn
from docharmony.stages.paint import make_painter
from docharmony.typeset.faces import chain

HEIGHT, WIDTH = 160, 640
KINDS = ("plain", "gradient", "paper", "table", "stripes", "photo")
FACES = (("sans", False), ("serif", False), ("mono", False), ("sans", True))
OLD, NEW = "Hamburg", "Bremen"
Pixels = np.ndarray[Any, Any]


def ground(kind: str, seed: int) -> Pixels:
    """Draw a ground to write on: (160, 640, 3)."""
    rng = np.random.default_rng(1000 + seed)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(float)
    image = np.zeros((HEIGHT, WIDTH, 3)) + rng.uniform(170, 245, 3)
    if kind == "gradient":
        way = x * np.cos(seed) + y * np.sin(seed)
        image += ((way - way.min()) / np.ptp(way))[..., None] * rng.uniform(-70, 40, 3)
    elif kind == "paper":
        fibre, shade = (gaussian_filter(rng.normal(size=(HEIGHT, WIDTH)), s) for s in (1.0, 25.0))
        image += (4 * fibre / fibre.std() + 5 * shade / shade.std())[..., None]
        image += rng.normal(0, 1.5, image.shape)
    elif kind == "table":
        colour = rng.uniform(40, 120, 3)
        for row in range(20, HEIGHT, int(rng.integers(24, 44))):
            image[row : row + 2] = colour
        for column in range(30, WIDTH, int(rng.integers(80, 150))):
            image[:, column : column + 2] = colour
        image += rng.normal(0, 1.0, image.shape)
    elif kind == "stripes":
        angle = rng.uniform(0, np.pi)
        wave = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / rng.uniform(8, 22))
        image += np.clip(2 * wave, -1, 1)[..., None] * rng.uniform(10, 30, 3)
        image += rng.normal(0, 1.0, image.shape)
    elif kind == "photo":
        spectrum = np.fft.rfftfreq(WIDTH)[None] ** 2 + np.fft.fftfreq(HEIGHT)[:, None] ** 2
        spectrum[0, 0] = 1
        fields = [
            np.fft.irfft2(
                np.fft.rfft2(rng.normal(size=(HEIGHT, WIDTH))) / spectrum**0.75, (HEIGHT, WIDTH)
            )
            for _ in range(4)
        ]
        fields = [field / field.std() for field in fields]
        image = 150 + 25 * fields[0][..., None] + 10 * np.stack(fields[1:], axis=2)
    return np.clip(image, 0, 255).round().astype(np.uint8)


def typeface(family: str, bold: bool, size: int) -> Any:
    """Return a font of that class; Pillow's own where none is installed."""
    path = chain(family, bold=bold).first.info.path  # type: ignore[arg-type]
    return (
        ImageFont.load_default(size)
        if path.startswith("builtin")
        else ImageFont.truetype(path, size)
    )


# --- erasing -------------------------------------------------------------------------------------


def gap(seed: int, *, box: bool) -> Pixels:
    """Return the mask of some words: their letters with soft edges, or their whole box."""
    size = int(np.random.default_rng(seed).integers(26, 40))
    canvas = Image.new("L", (WIDTH, HEIGHT))
    pen, font = ImageDraw.Draw(canvas), typeface("sans", True, size)
    pen.text((90, 60), "Invoice 2024 for Smith", font=font, fill=255)
    letters = binary_dilation(np.asarray(canvas) > 20, np.ones((3, 3)), iterations=2)
    if not box:
        return letters
    mask = np.zeros_like(letters)
    rows, columns = (np.flatnonzero(letters.any(axis=axis)) for axis in (1, 0))
    mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return mask


def psnr(one: Pixels, two: Pixels, mask: Pixels) -> float:
    """Return the peak signal-to-noise ratio inside the mask, at most 99 dB."""
    error = np.mean((one[mask].astype(float) - two[mask]) ** 2)
    return float(min(99.0, 10 * np.log10(255**2 / max(error, 1e-9))))


def ssim(one: Pixels, two: Pixels, mask: Pixels) -> float:
    """Return the structural similarity (Wang et al. 2004) of the greys inside the mask."""
    a, b = (image.astype(float).mean(axis=2) for image in (one, two))

    def mean(values: Pixels) -> Pixels:
        return gaussian_filter(values, 1.5)

    ma, mb = mean(a), mean(b)
    va, vb, cov = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = ((2 * ma * mb + c1) * (2 * cov + c2)) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    return float(values[mask].mean())


def erase_table(seeds: int, pipeline: Pipeline) -> Iterator[str]:
    """Yield the rows of the table of erasing."""
    paint = make_painter(lambda: pipeline.context.engine)
    yield "| ground | gap | docharmony | OpenCV NS | OpenCV Telea |"
    yield "|---|---|---|---|---|"
    for kind in KINDS:
        for box in (False, True):
            found: dict[str, list[tuple[float, float]]] = {"ours": [], "ns": [], "telea": []}
            for seed in range(seeds):
                truth, mask = ground(kind, seed), gap(seed, box=box)
                crop = np.where(mask[..., None], 0, truth).astype(np.uint8)
                hole = mask.astype(np.uint8) * 255
                results = {
                    "ours": paint([crop], [mask])[0],
                    "ns": cv2.inpaint(crop, hole, 3, cv2.INPAINT_NS),
                    "telea": cv2.inpaint(crop, hole, 3, cv2.INPAINT_TELEA),
                }
                for name, image in results.items():
                    found[name].append((psnr(image, truth, mask), ssim(image, truth, mask)))
            cells = [
                f"{statistics.mean(p for p, _ in v):.1f} dB, {statistics.mean(s for _, s in v):.4f}"
                for v in found.values()
            ]
            yield f"| {kind} | {'box' if box else 'letters'} | {' | '.join(cells)} |"


# --- replacing -----------------------------------------------------------------------------------


def written(kind: str, seed: int, word: str, *, scan: bool) -> tuple[Pixels, tuple[int, int, int]]:
    """Draw a line of text on a ground, as it is or as a scanner would give it, and its colour."""
    family, bold = FACES[seed % len(FACES)]
    rng = np.random.default_rng(seed)
    colour = tuple(int(v) for v in rng.uniform(0, 70, 3))
    image = Image.fromarray(ground(kind, seed))
    font = typeface(family, bold, 30)
    ImageDraw.Draw(image).text((40, 62), f"It was sent to {word}", font=font, fill=colour)
    if scan:
        image = image.filter(ImageFilter.GaussianBlur(0.8))
        image = Image.fromarray(
            np.clip(np.asarray(image) + rng.normal(0, 3, (HEIGHT, WIDTH, 1)), 0, 255).astype(
                np.uint8
            )
        )
    return np.asarray(image), colour  # type: ignore[return-value]


def words_of(path: Path, pipeline: Pipeline) -> str:
    with open_document(path) as source:
        return pipeline.run(source).pages[0].text.lower()


def replace_table(seeds: int, pipeline: Pipeline) -> Iterator[str]:
    """Yield the rows of the table of replacing."""
    heads = ("picture", "ground", "tried", "found", "new text read", "so drawn, read")
    yield f"| {' | '.join((*heads, 'old text gone', 'height', 'colour', 'outside untouched'))} |"
    yield "|---" * 10 + "|"
    with tempfile.TemporaryDirectory() as folder:
        old_path, new_path = Path(folder) / "old.png", Path(folder) / "new.png"
        for scan in (False, True):
            for kind in KINDS:
                read, anew, gone, kept, heights, colours, found = [], [], [], [], [], [], 0
                for seed in range(seeds):
                    before, colour = written(kind, seed, OLD, scan=scan)
                    ideal, _ = written(kind, seed, NEW, scan=scan)
                    Image.fromarray(before).save(old_path)
                    report = replace(old_path, new_path, mapping={OLD: NEW}, pipeline=pipeline)
                    if not report.count:
                        continue
                    found += 1
                    after = np.asarray(Image.open(new_path).convert("RGB"))
                    text = words_of(new_path, pipeline)
                    read.append(NEW.lower() in text)
                    Image.fromarray(ideal).save(old_path)
                    anew.append(NEW.lower() in words_of(old_path, pipeline))
                    gone.append(OLD.lower() not in text)
                    x0, y0, x1, y1 = (int(v) for v in report.edits[1][0].bbox.grow(12))
                    outside = np.ones((HEIGHT, WIDTH), bool)
                    outside[max(0, y0) : y1, max(0, x0) : x1] = False
                    kept.append(bool((after == before)[outside].all()))
                    clean = np.array(ground(kind, seed), int)
                    inks = [ink(image, clean, (x0, y0, x1, y1), colour) for image in (after, ideal)]
                    if all(value is not None for value in inks):
                        (high, shade), (wanted, shade_wanted) = inks  # type: ignore[misc]
                        heights.append(high / wanted)
                        colours.append(float(np.abs(shade - shade_wanted).max()))
                cells = [
                    "scan" if scan else "clean", kind, str(seeds), str(found),
                    f"{sum(read)}/{found}", f"{sum(anew)}/{found}", f"{sum(gone)}/{found}",
                    f"{min(heights):.2f}-{max(heights):.2f}" if heights else "-",
                    f"{statistics.mean(colours):.0f}" if colours else "-",
                    f"{sum(kept)}/{found}",
                ]  # fmt: skip
                yield f"| {' | '.join(cells)} |"


def ink(
    image: Pixels, clean: Pixels, box: tuple[int, int, int, int], colour: tuple[int, int, int]
) -> tuple[int, Pixels] | None:
    """Return how high the letters in a box are and their colour, or None where there are none."""
    x0, y0, x1, y1 = box
    part, under = image[y0:y1, x0:x1].astype(int), clean[y0:y1, x0:x1]
    way = np.array(colour) - under
    share = ((part - under) * way).sum(axis=2) / np.maximum((way * way).sum(axis=2), 1)
    dark = share > 0.5
    rows = np.flatnonzero(dark.sum(axis=1) >= 2)
    if not len(rows):
        return None
    core = part[share >= np.quantile(share[dark], 0.8)]
    return int(rows[-1] - rows[0] + 1), np.median(core, axis=0)


# --- style ---------------------------------------------------------------------------------------


def worn_line(kind: str, seed: int, *, scan: bool) -> tuple[Pixels, Any]:
    """Draw a line that wears something, four times as fine and reduced, and return the truth."""
    rng = np.random.default_rng(seed)
    fine, size = 4, (360, 80)
    light, dark = (tuple(int(v) for v in rng.uniform(*r, 3)) for r in ((200, 250), (10, 90)))
    image = Image.new("RGB", (size[0] * fine, size[1] * fine), light)
    font, place = typeface("sans", bool(seed % 2), 44 * fine), (20 * fine, 56 * fine)
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).text(place, "Summer Sale", font=font, fill=255, anchor="ls")
    truth: Any = None
    if kind == "gradient":
        truth = "xy"[seed % 2]
        y, x = np.mgrid[0 : image.height, 0 : image.width] / fine
        share = np.clip((x - 20) / 300 if truth == "x" else (y - 22) / 36, 0, 1)[..., None]
        last = np.array(dark)[::-1] + 90
        fill = np.array(dark) + share * (last - np.array(dark))
        image = Image.composite(Image.fromarray(fill.astype(np.uint8)), image, mask)
    elif kind == "outline":
        truth = float(2 + seed % 3)
        ImageDraw.Draw(image).text(
            place, "Summer Sale", font=font, fill=(250, 210, 40), anchor="ls",
            stroke_width=int(truth * fine), stroke_fill=dark,
        )  # fmt: skip
    elif kind == "shadow":
        truth = (int(rng.integers(2, 5)), int(rng.integers(2, 5)))
        grey = tuple(int(0.55 * v) for v in light)
        image.paste(grey, (truth[0] * fine, truth[1] * fine), mask)
        image.paste(dark, (0, 0), mask)
    else:
        image.paste(dark, (0, 0), mask)
    small = image.resize(size, Image.Resampling.BOX)
    if scan:
        small = small.filter(ImageFilter.GaussianBlur(0.8))
    noise = rng.normal(0, 3 if scan else 0, (size[1], size[0], 3))
    return np.clip(np.asarray(small) + noise, 0, 255).round().astype(np.uint8), truth


def style_table(seeds: int) -> Iterator[str]:
    """Yield the rows of the table of what is estimated of letters."""
    yield "| letters | picture | recognised | error |"
    yield "|---|---|---|---|"
    for kind in ("plain", "gradient", "outline", "shadow"):
        for scan in (False, True):
            hits, errors = 0, []
            for seed in range(seeds):
                pixels, truth = worn_line(kind, seed, scan=scan)
                ink = find_ink(pixels)
                assert ink is not None
                _, dress = dressed(pixels, ink)
                if kind == "plain":
                    hits += dress == PLAIN
                    errors.append(abs(edge_blur(ink.cover) - (0.8 if scan else 0.0)))
                elif kind == "gradient":
                    hits += dress.gradient == truth
                elif kind == "outline" and dress.outline:
                    hits += 1
                    errors.append(abs(dress.outline / truth - 1))
                elif kind == "shadow" and any(dress.shadow):
                    hits += 1
                    errors.append(float(np.hypot(*np.subtract(dress.shadow, truth))))
            unit = {"plain": "px of softness", "outline": "of the width", "shadow": "px"}.get(
                kind, ""
            )
            error = f"{statistics.mean(errors):.2f} {unit}" if errors else "-"
            yield f"| {kind} | {'scan' if scan else 'clean'} | {hits}/{seeds} | {error} |"
    for level, soft in ((3.0, 0.0), (8.0, 0.0), (4.0, 0.8)):
        ratios = []
        for seed in range(seeds):
            field = np.random.default_rng(seed).normal(0, 1, (80, 240, 3))
            field = gaussian_filter(field, (soft, soft, 0)) if soft else field
            clean = np.clip(200 + level * field / field.std(), 0, 255).astype(np.float32)
            hole = np.zeros((80, 240), bool)
            hole[25:55, 40:200] = True
            filled, _ = worn(np.where(hole[..., None], np.float32(200), clean), hole, ~hole)
            ratios.append(float(filled[hole].std() / clean[hole].std()))
        name = f"noise of {level:g}" + (f", soft {soft:g}" if soft else "")
        yield f"| {name} | gap | ratio {min(ratios):.2f}-{max(ratios):.2f} | - |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", metavar="RESULTS.md", type=Path)
    parser.add_argument("--seeds", type=int, default=4)
    args = parser.parse_args()
    pipeline = Pipeline()
    tables = {
        "erase": list(erase_table(args.seeds, pipeline)),
        "replace": list(replace_table(args.seeds, pipeline)),
        "style": list(style_table(3 * args.seeds)),
    }
    for name, rows in tables.items():
        keep(args.write, name, "\n".join(rows))


if __name__ == "__main__":
    main()
