"""Measure the engine's parts on torch, compiled torch and onnxruntime: how fast each of them runs.

    python tests/bench/engine.py [--models nano,mid] [--device cpu] [--write ENGINE.md]
    python tests/bench/engine.py --models full,nano,mid --device cuda --minutes 9 --write ENGINE.md

Weights are random but for nano's ONNX graphs: speed does not depend on them. Every row of the table is
measured in a process of its own, in the order of the models; rows for which the minutes did not suffice
keep what the file said of them. ENGINE.md in this folder says what is measured and how.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from docharmony.engine.base import Task
from docharmony.engine.parts import fixed_gates
from docharmony.engine.presets import FULL, TINY, PublishedSpec
from docharmony.engine.spec import NANO

HERE = Path(__file__).resolve().parent
# Between tiny and full: each part of full with a third to a sixth of the width, some 160 M numbers.
MID = replace(
    FULL,
    trunk=replace(
        FULL.trunk, image_size=448, hidden=384, intermediate=1536, layers=12, heads=6, lora_rank=8,
        lora_alpha=8, stem=32, deform_heads=6, deform_values=192, adapter_intermediate=96,
    ),
    resampler=replace(
        FULL.resampler, queries=128, hidden=256, intermediate=1024, layers=6, heads=4,
        encoder_hidden=384,
    ),
    decoder=replace(
        FULL.decoder, hidden=768, intermediate=2048, layers=12, heads=12,
        mmfs=replace(FULL.decoder.mmfs, values=384, sides=(64, 32, 16)),
    ),
    slide_lora=replace(FULL.slide_lora, rank=8),
    image_resampler=replace(
        FULL.image_resampler, hidden=256, intermediate=1024, heads=4, encoder_hidden=768,
    ),
    painter=replace(
        FULL.painter, latent=32, channels=(64, 128, 256, 256), heads=(1, 2, 4, 4),
        cross_hidden=256, groups=16, vae_channels=(32, 64, 128, 128), vae_groups=16, pos_grid=32,
        mmfs=replace(FULL.painter.mmfs, values=256, base=32, sides=(32, 16, 8, 4)),
    ),
)  # fmt: skip
# For the test of this script.
SMOKE = replace(
    TINY, trunk=replace(TINY.trunk, image_size=56, layers=4, stem=8),
    painter=replace(TINY.painter, latent=8, mmfs=replace(TINY.painter.mmfs, values=32)),
)  # fmt: skip
SPECS: dict[str, PublishedSpec] = {"smoke": SMOKE, "tiny": TINY, "mid": MID, "full": FULL}
BACKENDS = ("torch", "torch, static cache", "torch.compile", "onnxruntime")
NOT_MEASURED = "not measured"
COLUMNS = ("vision, images/s", "prefill, tokens/s", "decode, tokens/s", "erase, s a crop")
PROMPT, STEPS = 32, 32  # tokens after the image; ids written
LINES = (48, 512)  # height and width of nano's lines, pixels


class Clock:
    """Counts wall-clock seconds on a GPU, and seconds of the CPU on a CPU, which may be shared."""

    def __init__(self, device: str, seconds: float) -> None:
        self.seconds = seconds
        self.cuda = device.startswith("cuda")

    def once(self, run: Callable[[], object]) -> float:
        """Return the seconds of one run."""
        if not self.cuda:
            start = time.process_time()
            run()
            return time.process_time() - start
        import torch

        start = time.perf_counter()
        run()
        torch.cuda.synchronize()
        return time.perf_counter() - start

    def best(self, run: Callable[[], object]) -> float:
        """Return the seconds of the fastest run of at least three, after one to warm up."""
        self.once(run)
        found: list[float] = []
        while len(found) < 3 or (sum(found) < self.seconds and len(found) < 200):
            found.append(self.once(run))
        return min(found)


def measure_published(parts: Any, spec: PublishedSpec, clock: Clock) -> dict[str, float]:
    """Return the figures of a backend of the published anatomy, at batch 1."""
    d, side = spec.decoder, spec.trunk.image_size
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (1, side, side, 3), np.uint8)
    words = random.integers(3, d.pad, PROMPT)
    image = [d.image_start, *[d.image_slot] * spec.resampler.queries]
    ids = np.array([[d.begin, *image, *words]])
    paint = np.array([[d.begin, *image, *words, d.image_start]])
    read, draw = (fixed_gates([t], spec.slide_lora.experts) for t in (Task.READ, Task.PAINT))
    sight = parts.see(pixels)

    def decode() -> None:
        _, session = parts.start(sight, ids, None, read, 1)
        for step in range(STEPS):
            session.step(words[step : step + 1], None)

    def erase(steps: int) -> None:
        parts.draw(
            parts.see(pixels), paint, draw, seeds=[0], steps=steps,
            guidance=spec.painter.guidance, scheduler="ddpm",
        )  # fmt: skip

    see = clock.best(lambda: parts.see(pixels))
    prefill = clock.best(lambda: parts.start(sight, ids, None, read, 1))
    whole = clock.best(decode)
    erase(1)
    # All steps of the diffusion cost the same: two lengths tell what one takes.
    short, long = (min(clock.once(partial(erase, steps)) for _ in range(2)) for steps in (1, 4))
    crop = short + (spec.painter.steps - 1) * (long - short) / 3
    figures = (1 / see, ids.size / prefill, STEPS / (whole - prefill), crop)
    return dict(zip(COLUMNS, figures, strict=True))


def measure_nano(parts: Any, clock: Clock) -> dict[str, float]:
    """Return the figures of a backend of nano's anatomy, at batch 1; an image is a line."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (1, *LINES, 3), np.uint8)
    crop = random.integers(0, 256, (1, NANO.image.tile, NANO.image.tile, 3), np.uint8)
    mask = np.zeros(crop.shape[:3], np.uint8)
    mask[:, 60:120, 30:160] = 1
    visual, _ = parts.read_lines(pixels)
    none = visual[:, :0]
    count = visual.shape[1] + PROMPT
    ids = random.integers(97, 123, (1, PROMPT))
    causal = np.where(np.tri(count, dtype=bool), 0, -1e9).astype(np.float32)[None, None]
    places = np.arange(count)[None]

    def prefill() -> Any:
        return parts.language(visual, ids, places, causal, None)[1]

    def decode() -> None:
        cache = prefill()
        for step in range(STEPS):
            at = np.array([[count + step]])
            free = np.zeros((1, 1, 1, count + step + 1), np.float32)
            _, cache = parts.language(none, ids[:, step : step + 1], at, free, cache)

    first = clock.best(prefill)
    return dict(
        zip(
            COLUMNS,
            (
                1 / clock.best(lambda: parts.read_lines(pixels)),
                count / first,
                STEPS / (clock.best(decode) - first),
                clock.best(lambda: parts.paint(crop, mask)),
            ),
            strict=True,
        )
    )


def random_model(spec: PublishedSpec, device: str, dtype: str) -> Any:
    """Return a published model with small random weights; built where it is to run."""
    import torch

    from docharmony.engine.modeling.model import TextHarmonyModel

    with torch.device("meta"):
        model = TextHarmonyModel(spec).to(getattr(torch, dtype))
    model.to_empty(device=device)
    torch.manual_seed(0)
    with torch.no_grad():
        for tensor in [*model.parameters(), *model.buffers()]:
            if tensor.is_floating_point():
                tensor.normal_(std=0.02)
        for name, tensor in model.named_parameters():
            if "norm" in name and name.endswith("weight"):
                tensor.fill_(1.0)
        # Nothing ends early.
        model.language.head.bias[[spec.decoder.end, spec.decoder.image_start]] -= 1e3
    return model.eval().requires_grad_(False)


def measure(model: str, backend: str, device: str, dtype: str, seconds: float) -> dict[str, Any]:
    """Return the figures of one model on one backend, and the memory that it took."""
    clock = Clock(device, seconds)
    with tempfile.TemporaryDirectory(prefix="docharmony-bench-") as folder:
        parts = open_parts(model, backend, device, dtype, Path(folder))
        if model == "nano":
            found: dict[str, Any] = measure_nano(parts, clock)
        else:
            found = measure_published(parts, SPECS[model], clock)
    if backend == "onnxruntime" and parts.device != device.partition(":")[0]:
        raise RuntimeError(f"onnxruntime ran on {parts.device}")
    return found | {"memory, MB": memory(device) / 1e6}


def memory(device: str) -> float:
    """Return the bytes that this process took: on a GPU all that is taken there, else its peak."""
    if device.startswith("cuda"):
        import torch

        free, total = torch.cuda.mem_get_info(device)
        return total - free  # torch and onnxruntime keep what they once took
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def open_parts(model: str, backend: str, device: str, dtype: str, folder: Path) -> Any:
    """Return the parts of a model on a backend."""
    import docharmony
    from docharmony.checkpoint import load_manifest

    if backend == "onnxruntime":
        from docharmony.engine.onnx_parts import OnnxParts
        from docharmony.engine.onnx_published import OnnxPublishedParts

        if model == "nano":
            path = Path(docharmony.__file__).parent / "checkpoints" / "nano"
            return OnnxParts(load_manifest(path), device=device)
        return OnnxPublishedParts(load_manifest(exported(model, dtype, folder)), device=device)
    static, compiled = backend == "torch, static cache", backend == "torch.compile"
    if model == "nano":
        from docharmony.engine.modeling.nano import Nano
        from docharmony.engine.modeling.nano_parts import TorchNanoParts

        Nano().save_pretrained(folder)
        return TorchNanoParts(load_manifest(folder), device=device, dtype=dtype, compiled=compiled)
    from docharmony.engine.devices import checked_threads
    from docharmony.engine.modeling.torch_parts import TorchParts

    if device == "cpu":
        import torch

        torch.set_num_threads(checked_threads(None))
    ready = random_model(SPECS[model], device, dtype)
    return TorchParts(lambda: ready, static=static, compiled=compiled)


def exported(model: str, dtype: str, folder: Path) -> Path:
    """Return a checkpoint of ONNX graphs with random weights, written without the torch model."""
    import torch
    from docharmony_export import published
    from docharmony_export.published.blocks import State

    from docharmony.checkpoint import write_manifest
    from docharmony.engine.modeling.model import TextHarmonyModel

    spec = replace(SPECS[model], trunk=replace(SPECS[model].trunk, lora_rank=0))
    with torch.device("meta"):
        shapes = {n: tuple(t.shape) for n, t in TextHarmonyModel(spec).state_dict().items()}
    noise = np.random.default_rng(0).standard_normal(1 << 24, np.float32) * np.float32(0.02)

    def read(name: str) -> Any:
        if "norm" in name and name.endswith("weight"):
            return np.ones(shapes[name], np.float32)
        size = int(np.prod(shapes[name]))
        # Another beginning for each, or equal weights would be stored once.
        start = hash(name) % len(noise)
        weights = np.resize(np.roll(noise, start) if size > len(noise) else noise[start:], size)
        weights = weights.reshape(shapes[name])
        if name == "language.head.bias":  # nothing ends early
            weights = weights.copy()
            weights[[spec.decoder.end, spec.decoder.image_start]] -= 1e3
        return weights

    precision = {"float32": "fp32", "float16": "fp16", "bfloat16": "fp16"}[dtype]
    files = {}
    for name in published.PARTS:
        if name == "vae_encoder":  # serves training
            continue
        weights = published.FORMATS[precision]
        graph, data = published.write(name, State(shapes, read), spec, weights, folder)
        files[name] = (graph.name, "onnx", precision)
        files[f"{name}.data"] = (data.path.name, "onnx-data", precision)
    write_manifest(
        folder, name=model, licence="none", spec=spec, abilities=[], parts=files, training={}
    )
    return folder


def rows_of(model: str, device: str) -> list[str]:
    """Return the backends that can be measured here."""
    found = [b for b in BACKENDS if not (model == "nano" and b == "torch, static cache")]
    if model == "full":
        found = [b for b in found if b != "onnxruntime" or device != "cpu"]
    if model != "nano" and find_spec("docharmony_export") is None:
        found.remove("onnxruntime")
    return found


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as Markdown."""
    head = ["model", "backend", *COLUMNS, "memory, MB"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in rows:
        cells = [row["model"], row["backend"]]
        cells += [_figure(row[c]) if c in row else row.get("error", "") for c in head[2:]]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def gains(rows: list[dict[str, Any]]) -> list[str]:
    """Return a line a model: how many times as fast as torch, eager, onnxruntime is."""
    found = []
    for model in dict.fromkeys(row["model"] for row in rows):
        by = {row["backend"]: row for row in rows if row["model"] == model}
        if "torch" in by and "onnxruntime" in by:
            ours, theirs = by["onnxruntime"], by["torch"]
            there = [c for c in COLUMNS[:3] if c in ours and c in theirs]
            said = [f"{c.partition(',')[0]} {ours[c] / theirs[c]:.2f}" for c in there]
            if said:
                found.append(f"{model}, onnxruntime as a multiple of torch: {', '.join(said)}.")
    return found


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def main() -> None:
    """Measure every model on every backend, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default="nano,mid", help="of nano, tiny, mid, full")
    parser.add_argument("--backends", default=";".join(BACKENDS), help="names parted by ;")
    parser.add_argument("--device", default="cpu", help="cpu or cuda[:N]")
    parser.add_argument("--dtype", default="", help="float32, float16, bfloat16")
    parser.add_argument("--seconds", type=float, default=2.0, help="at least, a figure")
    parser.add_argument("--minutes", type=float, default=0.0, help="end after these (0: never)")
    parser.add_argument("--write", type=Path, help="file whose table is made anew")
    parser.add_argument("--one", nargs=2, metavar=("MODEL", "BACKEND"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    dtype = args.dtype or ("float32" if args.device == "cpu" else "bfloat16")
    if args.one:
        print(json.dumps(measure(*args.one, args.device, dtype, args.seconds)))
        return
    end = time.monotonic() + 60 * args.minutes if args.minutes else float("inf")
    rows: list[dict[str, Any]] = []
    for model in args.models.split(","):
        for backend in rows_of(model, args.device):
            if backend not in args.backends.split(";"):
                continue
            options = ["--device", args.device, "--dtype", dtype, "--seconds", str(args.seconds)]
            command = [sys.executable, __file__, *options, "--one", model, backend]
            row: dict[str, Any] = {"model": model, "backend": backend}
            row |= _measured(command, end - time.monotonic())
            rows.append(row)
            print(table([row]).splitlines()[-1], file=sys.stderr, flush=True)
            if args.write:  # at once: the machine may be taken away
                renew(args.write, args.device, dtype, rows)
    print("\n".join([table(rows), *gains(rows)]))


def _measured(command: list[str], seconds: float) -> dict[str, Any]:
    """Return what a process measures, or why there is nothing."""
    if seconds <= 0:
        return {"error": NOT_MEASURED}
    limit = None if seconds == float("inf") else seconds
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return {"error": NOT_MEASURED}
    if done.returncode:
        return {"error": "failed"}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def renew(path: Path, device: str, dtype: str, rows: list[dict[str, Any]]) -> None:
    """Put the table between its marks, with the machine that it was measured on.

    Rows that were not measured now, but on such a machine before, stay.
    """
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    kind = device.partition(":")[0]
    where = f"{platform.machine()}, {_name(device)}, {dtype}, {threads} threads"
    begin, end = f"<!-- {kind} begin -->", f"<!-- {kind} end -->"
    old = path.read_text(encoding="utf-8")
    start, _, rest = old.partition(begin)
    before, _, tail = rest.partition(end)
    fresh = table([row for row in rows if row.get("error") != NOT_MEASURED]).splitlines()
    kept = before.splitlines() if where in before else []
    lines = {tuple(line.split("|")[1:3]): line for line in kept if line.startswith("| ")}
    lines |= {tuple(line.split("|")[1:3]): line for line in fresh}
    head_line, *others = [line for line in lines.values() if not line.startswith("|-")]
    said = "\n".join([head_line, f"|{'---|' * (3 + len(COLUMNS))}", *others])
    text = "\n\n".join([where, said, *gains(rows)])
    path.write_text(f"{start}{begin}\n{text}\n{end}{tail}", encoding="utf-8")


def _name(device: str) -> str:
    if not device.startswith("cuda"):
        return device
    import torch

    return torch.cuda.get_device_name(device)


if __name__ == "__main__":
    main()
