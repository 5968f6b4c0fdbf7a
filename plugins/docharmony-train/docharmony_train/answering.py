"""Trains the Slide-LoRA experts of the answering task on a language model, for one leg.

    docharmony train answer small --out runs/answer --seconds 240     # again: the next leg
    docharmony train answer toy --out runs/toy --steps 20

The base is frozen: what the checkpoint ``small`` runs, dequantised. Documents are made on the fly
(:mod:`docharmony_train.data.qa`, split ``dev``, seeds from 10,000 on, so that development and
measurement see others). Several questions share one document in one pass: each sees the document and
itself alone, which is how the engine asks. The loss counts the symbols of the answers.

A leg writes into the run's folder: ``adapters.safetensors`` (as SlideLora saves),
``answer.safetensors`` (folded for the one task, in int8: what docharmony-small takes), ``config.toml``,
``record.jsonl`` (one line a leg) and ``state.pt`` (the optimiser's).
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from docharmony.engine import questions
from docharmony.engine.base import Task
from docharmony.engine.modeling.slide_lora import SlideLora, fixed_gates
from docharmony.engine.presets import SlideLoraSpec

from .answer_config import AnswerConfig, to_toml
from .answer_model import load
from .data.qa import make
from .data.qa.examples import example

log = logging.getLogger("docharmony.train")

FIRST_SEED = 10_000
_FAR = torch.finfo(torch.float32).min


class Pack(NamedTuple):
    """A document with its questions in one sequence of T symbols.

    Attributes:
        ids: (1, T).
        positions: (1, T); every question goes on where the document ends.
        mask: (1, 1, T, T), added to the attention's logits.
        targets: (T,), the symbol that follows where it counts, else -100.
        answers: how many questions.
    """

    ids: Tensor
    positions: Tensor
    mask: Tensor
    targets: Tensor
    answers: int


def pack(encode: Any, context: str, pairs: list[tuple[str, str | None]], limit: int) -> Pack | None:
    """Return the sequence of a document; None where not even one question fits ``limit``."""
    head = encode(questions.document(context))
    end = encode(questions.END)
    ids, positions, owners = list(head), list(range(len(head))), [0] * len(head)
    targets = [-100] * len(head)
    count = 0
    for asked, answer in pairs:
        question = encode(questions.question(asked))
        said = encode(" " + (answer or questions.ABSENT)) + end
        if len(ids) + len(question) + len(said) > limit:
            continue
        count += 1
        ids += question + said
        positions += range(len(head), len(head) + len(question) + len(said))
        owners += [count] * (len(question) + len(said))
        targets += [-100] * (len(question) - 1) + said + [-100]
    if not count:
        return None
    owner, order = torch.tensor(owners), torch.arange(len(ids))
    seen = (order[:, None] >= order) & ((owner == 0) | (owner == owner[:, None]))
    mask = torch.where(seen, 0.0, _FAR)[None, None]
    return Pack(torch.tensor([ids]), torch.tensor([positions]), mask, torch.tensor(targets), count)


def packs(encode: Any, config: AnswerConfig, first: int) -> Iterator[tuple[int, Pack]]:
    """Yield made documents without end, each with its seed."""
    for seed in range(first, 1 << 60):
        made = make(seed, "dev", questions=config.questions)
        taken = example(made, Random(f"example {seed}"))
        found = pack(encode, taken.context, list(taken.pairs), config.length)
        if found is not None:
            yield seed, found


def loss_of(model: Any, lora: SlideLora, batch: Pack) -> Tensor:
    """Return the mean loss of the answers' symbols in one document."""
    with lora.use([Task.ANSWER]):
        hidden = model.model(
            input_ids=batch.ids, position_ids=batch.positions, attention_mask=batch.mask,
            use_cache=False,
        ).last_hidden_state[0]  # fmt: skip
    counts = batch.targets >= 0
    return F.cross_entropy(model.lm_head(hidden[counts]).float(), batch.targets[counts])


@torch.no_grad()
def fold(lora: SlideLora, rank: int) -> dict[str, Tensor]:
    """Return the experts of the answering task as one low-rank product a layer, int8 with scales.

    ``LAYER.down`` (in, R) and ``LAYER.up`` (R, out) with ``LAYER.down_scale`` and ``LAYER.up_scale``
    (R,): the nearest product of at most ``rank`` to the sum of the experts that have a part in the
    task, weighed by their gates.
    """
    found: dict[str, Tensor] = {}
    gates = fixed_gates([Task.ANSWER], lora.spec.experts)[0]
    kept = [e for e, gate in enumerate(gates) if gate]
    for path, layer in lora.layers.items():
        name = path.removeprefix("model.")
        down = torch.cat([layer.lora_A[e] for e in kept], dim=1).float()
        up = torch.cat([layer.lora_B[e] * gates[e] for e in kept], dim=0).float()
        left, inner = torch.linalg.qr(down)
        right, outer = torch.linalg.qr(up.T)
        u, values, v = torch.linalg.svd(inner @ outer.T)
        root = values[:rank].sqrt()
        down, up = left @ u[:, :rank] * root, root[:, None] * (v[:rank] @ right.T)
        for part, matrix, dim in (("down", down, 0), ("up", up, 1)):
            scale = (matrix.abs().amax(dim, keepdim=True) / 127).clamp(min=1e-12)
            codes = (matrix / scale).round().clamp(-127, 127).to(torch.int8)
            found[f"{name}.{part}"] = codes.contiguous().cpu()
            found[f"{name}.{part}_scale"] = scale.flatten().half().float().cpu()
    return found


def train(config: AnswerConfig, out: Path, *, seconds: float = 0.0, steps: int = 0,
          device: str = "cpu") -> dict[str, Any]:  # fmt: skip
    """Train for one leg and return its line of the record.

    Args:
        config: the run.
        out: the run's folder; a later leg goes on there.
        seconds: end after so long; 0: see ``steps``.
        steps: end after so many steps; 0: when ``config.steps`` of all legs are done.
    """
    began = time.perf_counter()
    out.mkdir(parents=True, exist_ok=True)
    record = out / "record.jsonl"
    past = [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []
    done = sum(leg["steps"] for leg in past)
    torch.manual_seed(config.seed + done)
    model, encode = load(config, device)
    spec = SlideLoraSpec(config.experts, config.rank, 0.0, "fixed", tuple(config.targets))
    lora = SlideLora.inject(model, spec)
    parameters = lora.train_only_adapters()
    optimizer = torch.optim.AdamW(parameters, lr=config.rate, weight_decay=config.weight_decay)
    if (out / "adapters.safetensors").exists():
        lora.load(out / "adapters.safetensors")
    if (out / "state.pt").exists():
        optimizer.load_state_dict(torch.load(out / "state.pt", weights_only=True))
    seed = past[-1]["next_seed"] if past else FIRST_SEED + config.seed * 1_000_000
    source = packs(encode, config, seed)
    step, answers, losses = 0, 0, []
    while not ((seconds and time.perf_counter() - began >= seconds)
               or (steps and step >= steps) or done + step >= config.steps):  # fmt: skip
        progress = (done + step) / config.steps
        rise = min(1.0, (done + step + 1) / max(1, config.warmup))
        for group in optimizer.param_groups:
            group["lr"] = config.rate * rise * (0.5 + 0.5 * math.cos(math.pi * progress))
        total = 0.0
        for _ in range(config.batch):
            seed, batch = next(source)
            batch = Pack(*(part.to(device) for part in batch[:4]), batch.answers)
            with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=config.half):
                loss = loss_of(model, lora, batch) / config.batch
            loss.backward()  # type: ignore[no-untyped-call,unused-ignore]
            total += float(loss.detach())
            answers += batch.answers
        torch.nn.utils.clip_grad_norm_(parameters, config.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        losses.append(total)
        if step % config.log_every == 0:
            log.info(
                "step %d: loss %.3f",
                done + step,
                sum(losses[-config.log_every :]) / config.log_every,
            )
    lora.save(out / "adapters.safetensors")
    save_file(
        fold(lora, config.folded),
        out / "answer.safetensors",
        metadata={"kind": "slide-lora, ANSWER"},
    )
    torch.save(optimizer.state_dict(), out / "state.pt")
    (out / "config.toml").write_text(to_toml(asdict(config)), encoding="utf-8")
    last = losses[-20:]
    line = {
        "steps": step, "answers": answers, "seconds": round(time.perf_counter() - began, 1),
        "loss": round(sum(last) / max(1, len(last)), 4), "next_seed": seed + 1, "device": device,
    }  # fmt: skip
    with record.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(line) + "\n")
    return line
