"""Trains nano for one leg.

    docharmony train run toy  --assets assets --out runs/toy --steps 20 --device cpu
    docharmony train run nano --assets assets --out runs/a                  # as long as the file says
    docharmony train run nano --assets assets --out runs/a --seconds 420    # one leg; again: the next

A leg starts from ``runs/a/weights`` where they are, else from ``start`` of the configuration, and
from the optimiser's state where it was kept. It ends before its time is up and writes:

    weights/         the moving average, fp16 safetensors in the layout of transformers and diffusers;
                     experts of the language model in slide.safetensors
    config.toml      the configuration, all defaults filled in
    curves.png       every loss, the rate, and the share of time spent waiting for data
    points.jsonl     the points of the curves, of all legs
    record.jsonl     one line a leg
    state.pt         optimisers and raw weights, if ``optimizer.keep_state``
"""

from __future__ import annotations

import contextlib
import copy
import json
import logging
import math
import os
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from docharmony.engine.base import Task
from docharmony.engine.modeling.nano import Nano
from docharmony.engine.modeling.slide_lora import SlideLora

from . import curves, degrade, losses, weights
from .config import TASKS, TrainConfig, to_toml
from .data.pools import open_source
from .data.samples import KINDS, Plan
from .feed import Feed
from .muon import Muon

log = logging.getLogger("docharmony.train")  # shown by -v as the core's own

SAVING = 10.0  # seconds of a leg that are left for writing its results
EASY = 0.35  # strength of degradations in easy batches
EASY_STEPS = 300  # from random weights, the first steps are all easy
EASY_SHARE = 0.2  # later
INVERTED = 0.15  # share of steps whose tiles are light on dark
BETAS = (0.9, 0.98)


def train(config: TrainConfig, assets: Path, out: Path, *, device: str = "auto") -> dict[str, Any]:
    """Train for one leg and return its line of the record.

    Args:
        config: the run.
        assets: what ``docharmony train data`` wrote.
        out: the run's folder; a later leg continues there.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
    """
    began = time.perf_counter()
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    out.mkdir(parents=True, exist_ok=True)
    past = _lines(out / "record.jsonl")
    # Another configuration is another stage: its rate falls over its own legs.
    spent = sum(leg["seconds"] for leg in past if leg["config"] == config.name)
    done = sum(leg["steps"] for leg in past)
    torch.manual_seed(config.seed + len(past))
    torch.set_float32_matmul_precision("high")
    random = degrade.Random(config.seed + len(past), device)

    kinds = tuple(kind for kind, task in zip(KINDS, TASKS, strict=True) if task in config.tasks)
    seed = config.seed + 1000 * len(past)  # another leg sees other samples
    plan = Plan(assets, kinds, seed, config.tile, config.crop, config.rendering, config.batch)
    schedule = config.schedule
    keeps = bool(config.loss.kept and config.start and "tiles" in kinds)
    deadline = (schedule.leg_seconds or schedule.seconds or math.inf) - SAVING
    points: list[dict[str, float]] = []
    sums, seen = Counter[str](), Counter[str]()
    step, since, rate = 0, 0, 0.0

    # The processes that draw start first: they fill their pools while the model loads.
    with closing(Feed(open_source(plan), kinds, device)) as feed:
        model, source = weights.start(config, out)
        slide = weights.add_experts(model, config, out)
        average = copy.deepcopy(model).to(device).eval()
        before = weights.load(config.start, {**weights.UNET, **config.unet}) if keeps else None
        weights.fuse_norms(model)
        _freeze(model, config)
        model.to(device).train()
        optimizers, halves = _optimizers(model, config), _halves(model)
        warm = _load_state(out / "state.pt", config.name, model, optimizers, device)
        log.info("leg %d from %s on %s", len(past) + 1, source, device)
        half = device != "cpu" or config.optimizer.half_on_cpu
        amp = torch.autocast(torch.device(device).type, torch.bfloat16, enabled=half)
        started = saved = time.perf_counter()

        while True:
            now = time.perf_counter()
            training = now - started
            ended = now - began >= deadline or (schedule.steps and step >= schedule.steps)
            if ended and step:
                break
            progress = (
                (spent + training) / schedule.seconds if schedule.seconds else step / schedule.steps
            )
            rise = 1.0 if warm else min(1.0, (step + 1) / schedule.warmup)
            rate = rise * (0.5 + 0.5 * math.cos(math.pi * min(1.0, progress)))
            for optimizer in optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = group["peak"] * rate

            batches = feed.next()
            inputs = _degrade(
                batches, random, easy=source == "random weights" and step < EASY_STEPS
            )
            parts: dict[str, Tensor] = {}
            with amp:
                if "lines" in kinds:
                    with _experts(slide, config, Task.READ):
                        parts |= losses.reading(model, inputs["lines"], *batches["lines"][2:])
                if "tiles" in kinds:
                    parts |= losses.locating(model, inputs["tiles"], batches["tiles"][1], before)
                if "crops" in kinds:
                    parts |= losses.erasing(model, *inputs["crops"], random.tensors)
                if "rewrites" in kinds:
                    wanted = batches["rewrites"][1:]
                    with _experts(slide, config, Task.PAINT):
                        parts |= losses.writing(model, *inputs["rewrites"], *wanted, random.tensors)
                if "talks" in kinds:
                    with _experts(slide, config, Task.ANSWER):
                        parts |= losses.talking(model, inputs["talks"], *batches["talks"][1:])
            loss = _weighed(parts, config)
            loss.backward()
            # The image decoder shares no weight with the rest: clip the two apart.
            for parameters in halves:
                torch.nn.utils.clip_grad_norm_(parameters, config.optimizer.clip)
            for optimizer in optimizers:
                optimizer.step()
            model.zero_grad(set_to_none=True)
            step += 1
            decay = min(config.optimizer.average, (done + step) / (done + step + 40))
            weights.blend(average, model, decay)

            since += 1
            for kind, batch in batches.items():
                seen[kind] += len(batch[0])
            for name, value in {**parts, "loss": loss}.items():
                sums[name] = sums[name] + value.detach()  # type: ignore[assignment]
            if step % schedule.log_every == 0:
                points.append(_point(done + step, since, sums, rate, feed))
                log.info("%s", json.dumps(points[-1]))
                sums.clear()
                since = 0
            if schedule.seconds and now - saved > schedule.save_every:
                weights.save(average, out / "weights", config.slide.gate)
                saved = time.perf_counter()

    # --- results ---
    if since:
        points.append(_point(done + step, since, sums, rate, feed))
    weights.save(average, out / "weights", config.slide.gate)
    if config.optimizer.keep_state:
        _save_state(out / "state.pt", config.name, model, optimizers)
    (out / "config.toml").write_text(to_toml(config), encoding="utf-8")
    _append(out / "points.jsonl", points)
    curves.draw(_lines(out / "points.jsonl"), out / "curves.png")
    record = {
        "leg": len(past) + 1,
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        "config": config.name,
        "start": source,
        "warm": warm,
        "device": torch.cuda.get_device_name() if device != "cpu" else "cpu",
        "steps": step,
        "seconds": round(training, 1),
        "seen": dict(seen),
        "waited": round(feed.waited / max(feed.elapsed, 1e-9), 4),
        "rate": round(rate, 4),
        **{name: value for name, value in points[-1].items() if name in {*parts, "loss"}},
    }
    _append(out / "record.jsonl", [record])
    return record


def _optimizers(model: Nano, config: TrainConfig) -> list[torch.optim.Optimizer]:
    """Return Muon for the matrices of the layers, AdamW for the rest; ``peak`` is each one's rate."""
    options = config.optimizer
    decoder = {id(p) for p in _halves(model)[1]}
    matrices, rest, painting = [], [], []
    for name, parameter in model.named_parameters():
        if id(parameter) in decoder:
            painting.append(parameter)
        elif not parameter.requires_grad:
            continue
        elif parameter.ndim == 2 and ".layers." in name and options.muon and ".gate." not in name:
            matrices.append(parameter)
        else:
            rest.append(parameter)
    found: list[torch.optim.Optimizer] = []
    if matrices:
        found.append(Muon(matrices, options.rate, weight_decay=5 * options.weight_decay))
        found[0].param_groups[0]["peak"] = options.rate
    found.append(
        torch.optim.AdamW(
            [
                {"params": rest, "peak": options.rate},
                {"params": painting, "peak": options.erase_rate},
            ],
            betas=BETAS,
            weight_decay=options.weight_decay,
            fused=next(model.parameters()).is_cuda,
        )
    )
    return found


def _freeze(model: Nano, config: TrainConfig) -> None:
    """Keep as they are: the lowest layers of the encoder, with the patches, and the language model."""
    layers = config.optimizer.frozen_layers
    if layers:
        lowest = [*model.vision.transformer.layers][:layers]
        for part in (model.vision.patch_conv, model.vision.ln_pre, *lowest):
            part.requires_grad_(False)
    if config.optimizer.frozen_language:
        model.llm.requires_grad_(False)


def _experts(
    slide: SlideLora | None, config: TrainConfig, task: Task
) -> contextlib.AbstractContextManager[None]:
    """Return the context in which the language model runs with the experts of a task."""
    if slide is None:
        return contextlib.nullcontext()
    return slide.use(weights.rows(config.slide.gate, task))


def _halves(model: Nano) -> tuple[list[Tensor], list[Tensor]]:
    """Return the weights of what reads and locates, and those of what paints."""
    painting = [*model.image_decoder.parameters(), model.task]
    ids = {id(parameter) for parameter in painting}
    return [p for p in model.parameters() if id(p) not in ids], painting


@torch.no_grad()
def _degrade(
    batches: dict[str, tuple[Tensor, ...]], random: degrade.Random, *, easy: bool
) -> dict[str, Any]:
    """Return what the model sees: spoiled lines, tiles and (clean, dirty, mask) of crops."""
    inputs: dict[str, Any] = {}
    if "lines" in batches:
        ink, widths = batches["lines"][:2]
        strength = EASY if easy or random.one() < EASY_SHARE else 1.0
        inputs["lines"] = degrade.lines(ink, widths, random, strength)
    if "tiles" in batches:
        images = batches["tiles"][0].float() / 255
        spoiled = degrade.photometric([images], random, 0.8)[0] * 2 - 1
        inputs["tiles"] = -spoiled if random.one() < INVERTED else spoiled
    for kind in ("crops", "rewrites"):
        if kind not in batches:
            continue
        layers = batches[kind][0].float() / 255
        flips = [side for side in (-1, -2) if random.one() < 0.5] if kind == "crops" else []
        layers = layers.flip(flips) if flips else layers
        pair = [layers[:, :3].contiguous(), layers[:, 3:6].contiguous()]
        wanted, given = degrade.photometric(pair, random, 0.5)
        inputs[kind] = wanted * 2 - 1, given * 2 - 1, (layers[:, 6:] > 0.5).float()
    if "talks" in batches:
        images = batches["talks"][0].float() / 255
        inputs["talks"] = degrade.photometric([images], random, 0.4)[0] * 2 - 1
    return inputs


def _weighed(parts: dict[str, Tensor], config: TrainConfig) -> Tensor:
    """Return the sum of the losses; what is only watched has no weight."""
    share = {"lm": 1.0, "erase": 1.0, "ctc": config.loss.ctc, "kernel": config.loss.kernel,
             "dice": config.loss.dice, "em": config.loss.em, "kept": config.loss.kept,
             "write": config.loss.write, "talk": config.loss.talk}  # fmt: skip
    return torch.stack(
        [share[name] * value for name, value in parts.items() if name in share]
    ).sum()


def _point(step: int, count: int, sums: Counter[str], rate: float, feed: Feed) -> dict[str, float]:
    """Return the means since the last point. Reading the sums waits for the device."""
    means = {name: float(value) / count for name, value in sums.items()}
    for task in ("erase", "write"):
        if f"{task}_mse" in means:
            means[f"{task}_psnr"] = -10 * math.log10(max(means.pop(f"{task}_mse"), 1e-9) / 4)
    waited = feed.waited / max(feed.elapsed, 1e-9)
    point = {"step": step, **means, "rate": rate, "waited": waited}
    return {name: round(value, 5) for name, value in point.items()}


def _save_state(
    path: Path, name: str, model: Nano, optimizers: list[torch.optim.Optimizer]
) -> None:
    state = {
        "config": name,
        "model": model.state_dict(),
        "optimizers": [optimizer.state_dict() for optimizer in optimizers],
    }
    unfinished = path.with_suffix(".part")
    torch.save(state, unfinished)
    os.replace(unfinished, path)


def _load_state(
    path: Path, name: str, model: Nano, optimizers: list[torch.optim.Optimizer], device: str
) -> bool:
    """Load optimisers and raw weights that a leg of this configuration kept; return whether one did."""
    if not path.exists():
        return False
    state = torch.load(path, map_location=device, weights_only=True)
    if state["config"] != name:
        return False
    model.load_state_dict(state["model"])
    for optimizer, kept in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(kept)
    return True


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _append(path: Path, records: list[dict[str, Any]]) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.writelines(json.dumps(record) + "\n" for record in records)
