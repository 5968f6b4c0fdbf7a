"""What does a redacted line of pixels still tell of the name that stood on it?

    python tests/bench/pixel_gaps.py --names FILE [--count 60] [--scene middle] [--font Times-Roman]

FILE as for gaps.py. The scenes of gaps.py are drawn at 200 dpi in three ways: `drawn` by MuPDF, which
puts letters on quarters of a pixel; `scan`, drawn four times as large, blurred as by a lens, sampled,
faded, noisy and turned by 0.7 degrees; `bits`, the same in black and white. One name of each of so many
widths, from the narrowest to the widest of all, is redacted.

The attacker knows font, size and resolution, and has as many redacted pages with the names that stood
there. Linear models (ridge regression on the first 60 principal components of the line's pixels, six-fold
cross-validation, the best of five penalties) tell him, from a line that they have not seen, the width of
the name, and what is left of it after whole pixels, as sine and cosine. What is printed is the share of
the variance that he explains: 0 or less is nothing, 1 is all. `by place` is how far the new places of
words, as planned, lie apart over all names, in pixels.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from pathlib import Path
from typing import Any

import gaps
import numpy as np
import pikepdf
import pymupdf
from PIL import Image
from scipy.ndimage import gaussian_filter

from docharmony.io.write import image as writer

DPI, TURN = 200, 0.7
KINDS = ("drawn", "scan", "bits")
Corners = list[list[float]]


def rendered(scene: str, font: str, name: str, kind: str, seed: int) -> tuple[Image.Image, Corners]:
    """Return a picture of the lines of a scene, and the corners of the name."""
    page = gaps.Page(font, name)
    getattr(gaps, scene)(page)
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(595, 842))
        face = pikepdf.Dictionary(
            Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name("/" + font)
        )
        sheet = pdf.pages[0].obj
        sheet["/Resources"] = pikepdf.Dictionary(Font=pikepdf.Dictionary(F=face))
        sheet["/Contents"] = pdf.make_stream("\n".join(page.ops).encode())
        body = io.BytesIO()
        pdf.save(body)
    up = 1 if kind == "drawn" else 4
    matrix = pymupdf.Matrix(up * DPI / 72, up * DPI / 72)
    if kind != "drawn":
        matrix = matrix.prerotate(TURN)
    with pymupdf.open(stream=body.getvalue()) as document:
        clip = pymupdf.Rect(0, 70, 595, 260)
        drawn = document[0].get_pixmap(matrix=matrix, colorspace=pymupdf.csGRAY, clip=clip)
    grey = np.frombuffer(drawn.samples, np.uint8).reshape(drawn.height, drawn.stride)
    pixels = grey[:, : drawn.width].astype(np.float32)
    x, y = page.place
    x1, y = x + page.width(name) + page.tracking * len(name) + 0.5, 842 - y
    corners = []
    for point in ((x - 0.5, y - 8.8), (x1, y - 8.8), (x1, y + 2.6), (x - 0.5, y + 2.6)):
        spot = pymupdf.Point(*point) * matrix
        corners.append([(spot.x - drawn.x) / up, (spot.y - drawn.y) / up])
    if kind != "drawn":
        noise = np.random.default_rng(seed)
        pixels = gaussian_filter(pixels, 0.6 * up)[up // 2 :: up, up // 2 :: up]
        pixels = pixels * (225 / 255) + 15 + noise.normal(0, 3, pixels.shape)
    picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    if kind == "bits":
        picture = picture.point(lambda level: 255 * (level > 140)).convert("1")
    return picture, corners


def redacted(picture: Image.Image, corners: Corners, keep: bool) -> tuple[Any, Any]:
    """Return the pixels of the redacted picture, and its move."""
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "in.png", Path(folder) / "out.png"
        picture.save(source)
        edit = {"id": "e1", "polygon": corners, "rule": "term", "original": "?"}
        value, _ = writer.erase(
            [],
            path=str(source),
            password=None,
            edits={"1": [edit]},
            fill="box",
            profile="minimal",
            terms=[],
            whole_words=False,
            out=str(out),
            keep_gaps=keep,
        )
        pixels = np.asarray(Image.open(out).convert("L")).astype(np.float32)
    return pixels, (value["moves"].get("1") or [None])[0]


def explained(features: Any, target: Any) -> float:
    """Return the share of a target's variance that features explain on lines not seen before."""
    centred = features - features.mean(axis=0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    short = u[:, :60] * s[:60]
    order = np.random.default_rng(0).permutation(len(target))
    best = -1.0
    for penalty in (1e2, 1e4, 1e5, 1e6, 1e7):
        guess = np.zeros(len(target))
        for fold in range(6):
            test = order[fold::6]
            train = np.setdiff1d(order, test)
            own, mean = short[train], target[train].mean()
            square = own.T @ own + penalty * np.eye(own.shape[1])
            guess[test] = (
                short[test] @ np.linalg.solve(square, own.T @ (target[train] - mean)) + mean
            )
        error = ((target - guess) ** 2).sum() / ((target - target.mean()) ** 2).sum()
        best = max(best, 1 - float(error))
    return best


def main() -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--names", type=Path, required=True, help="one name a line")
    parser.add_argument("--count", type=int, default=60, help="names to redact")
    parser.add_argument("--scene", default="middle")
    parser.add_argument("--font", default="Times-Roman", choices=gaps.FONTS)
    parser.add_argument("--keep", action="store_true", help="leave the gaps as they are")
    args = parser.parse_args()
    lines = args.names.read_text(encoding="utf-8").split("\n")
    names = [line.split()[0].title() for line in lines if line.strip()][:10_000]
    ordered = sorted(names, key=gaps.Page(args.font, "").width)
    chosen = [ordered[i] for i in np.linspace(0, len(ordered) - 1, args.count).astype(int)]
    print("| | lines set anew | by place | width | within a pixel |\n|---|---|---|---|---|")
    for kind in KINDS:
        rows, widths, places = [], [], []
        for index, name in enumerate(chosen):
            picture, corners = rendered(args.scene, args.font, name, kind, index)
            pixels, move = redacted(picture, corners, args.keep)
            top = int(corners[0][1])
            rows.append(pixels[top - 12 : top + 44])
            widths.append(gaps.Page(args.font, "").width(name) * DPI / 72)
            if move is not None:
                places.append([v for pair in [*move["gaps"], *move["words"]] for v in pair])
        shape = [min(row.shape[axis] for row in rows) for axis in (0, 1)]
        features = np.stack([row[: shape[0], : shape[1]].ravel() for row in rows])
        width = np.array(widths)
        same = len({len(own) for own in places}) == 1
        apart = f"{np.ptp(np.array(places), axis=0).max():.1f}" if same else "-"
        rest = max(explained(features, f(2 * np.pi * width)) for f in (np.sin, np.cos))
        share = f"{explained(features, width):.2f} | {rest:.2f}"
        print(f"| {kind} | {len(places)} of {len(rows)} | {apart} | {share} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
