"""Decoding text: greedy, sampling and beam search, also with beams for several prompts at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from transformers import DynamicCache

if TYPE_CHECKING:
    from .language import LanguageModel, Memory


@dataclass(frozen=True, slots=True)
class Decoding:
    """How the next id is chosen.

    Attributes:
        length: most ids to write.
        beams: 1 is no beam search.
        sample: draw instead of taking the best. With beams, candidates are drawn over all beams
            jointly, as the release does.
        penalty: above 1 makes ids that were written (or begin-of-sequence) less likely.
        top_k, top_p: what may be drawn from.
        length_penalty: exponent of the length that a beam's score is divided by.
        seed: of the draws.
    """

    length: int = 128
    beams: int = 1
    sample: bool = False
    penalty: float = 1.0
    top_k: int = 50
    top_p: float = 0.9
    length_penalty: float = 1.0
    seed: int = 32


@dataclass(frozen=True, slots=True)
class Written:
    """Ids written for a prompt, without the id that stopped.

    Attributes:
        logprob: sum of the log probabilities, penalties included.
        stop: the id that stopped it; None where the length did.
    """

    ids: list[int]
    logprob: float
    stop: int | None


@torch.inference_mode()
def decode(
    model: LanguageModel,
    embeddings: Tensor,
    memory: Memory | None,
    gates: Tensor,
    options: Decoding,
    mask: Tensor | None = None,
) -> list[Written]:
    """Write on after each prompt until an end or a start-of-image id.

    Args:
        embeddings: (B, T, C) of the prompts, padded on the **left**.
        memory: from :meth:`LanguageModel.remember`.
        gates: (B, E) or (1, E), weights of the experts.
        mask: (B, T), 0 where padding; None without padding.
    """
    spec, batch, beams = model.spec, len(embeddings), options.beams
    device = embeddings.device
    stops = (spec.end, spec.image_start)
    draws = torch.Generator(device).manual_seed(options.seed)
    cache = DynamicCache()
    with model.lora.use(gates):
        hidden = model(embeddings, memory, mask=mask, cache=cache)
    if beams > 1:
        cache.batch_repeat_interleave(beams)
        if mask is not None:
            mask = mask.repeat_interleave(beams, 0)
    if len(gates) > 1:
        gates = gates.repeat_interleave(beams, 0)
    hidden = hidden[:, -1].repeat_interleave(beams, 0)  # (B beams, C)
    # The published list of ids begins with an artificial begin, which only the penalty looks at.
    ids = torch.full((batch * beams, 1), spec.begin, device=device)
    scores = torch.zeros(batch, beams, device=device)
    scores[:, 1:] = -1e9  # all beams are alike at first: only one may branch
    results = [_Ended(options) for _ in range(batch)]

    for step in range(options.length):
        logits = model.logits(hidden).float()  # (B beams, V)
        if (
            beams > 1
        ):  # as published: beams are penalised in log probabilities, single texts in logits
            logprobs = _penalise(logits.log_softmax(-1), ids, options.penalty)
        else:
            logprobs = _penalise(logits, ids, options.penalty).log_softmax(-1)
        picked, origin, chosen = _candidates(logprobs, scores, options, len(stops), draws)
        rows = torch.zeros(batch, beams, dtype=torch.long, device=device)
        tokens = torch.full((batch, beams), spec.pad, device=device)
        for b, result in enumerate(results):
            if result.done:
                continue
            kept = 0
            for rank, (score, beam, token) in enumerate(
                zip(picked[b].tolist(), origin[b].tolist(), chosen[b].tolist(), strict=True)
            ):
                if token in stops:
                    # An end that is worse than all live beams is not worth keeping.
                    if rank < beams:
                        result.add(ids[b * beams + beam, 1:].tolist(), score, token)
                    if beams == 1:
                        break
                    continue
                rows[b, kept], tokens[b, kept], scores[b, kept] = b * beams + beam, token, score
                kept += 1
                if kept == beams:
                    break
            result.done = result.full(picked[b].max().item(), step + 2)
        if all(result.done for result in results):
            break
        flat = rows.flatten()
        ids = torch.cat([ids[flat], tokens.flatten()[:, None]], 1)
        if step + 1 == options.length:
            break
        if beams > 1:
            cache.reorder_cache(flat)
        if mask is not None:
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], 1)
        with model.lora.use(gates):
            hidden = model(model.embed_tokens(ids[:, -1:]), memory, mask=mask, cache=cache)[:, -1]

    for b, result in enumerate(results):
        if not result.done:
            for beam in range(beams):
                result.add(ids[b * beams + beam, 1:].tolist(), float(scores[b, beam]), None)
    return [result.best() for result in results]


def _penalise(scores: Tensor, ids: Tensor, penalty: float) -> Tensor:
    if penalty == 1.0:
        return scores
    old = scores.gather(1, ids)
    return scores.scatter(1, ids, torch.where(old < 0, old * penalty, old / penalty))


def _candidates(
    logprobs: Tensor, scores: Tensor, options: Decoding, stops: int, draws: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the score, beam and id of each prompt's candidates, (B, K) each, best first."""
    batch, beams = scores.shape
    size = logprobs.shape[-1]
    totals = logprobs + scores.view(-1, 1)  # (B beams, V)
    if options.sample:
        totals = _warp(totals, options, keep=2 if beams > 1 else 1)
        flat = totals.view(batch, -1)
        count = 2 * beams if beams > 1 else 1
        places = torch.multinomial(flat.softmax(-1), count, generator=draws)
        picked, order = flat.gather(1, places).sort(descending=True)
        places = places.gather(1, order)
    else:
        # Every beam may end in each of the stops and there must still be enough to go on with.
        count = (1 + stops) * beams if beams > 1 else 1
        picked, places = totals.view(batch, -1).topk(min(count, beams * size))
    return picked, places // size, places % size


def _warp(scores: Tensor, options: Decoding, keep: int) -> Tensor:
    """Rule out all but the top k and the top p, and never fewer than ``keep``."""
    ordered, order = scores.sort(descending=True)
    out = torch.arange(scores.shape[-1], device=scores.device) >= max(options.top_k, keep)
    inside = ordered.masked_fill(out, -torch.inf).softmax(-1)
    out = out | (inside.cumsum(-1) - inside >= options.top_p)
    out[..., :keep] = False
    return scores.masked_fill(out.gather(-1, order.argsort()), -torch.inf)


@dataclass
class _Ended:
    """The finished texts of one prompt, the best ``beams`` of them."""

    options: Decoding
    found: list[tuple[float, Written]] = field(default_factory=list)
    done: bool = False

    def add(self, ids: Sequence[int], logprob: float, stop: int | None) -> None:
        # The published length counts the artificial begin.
        score = logprob / (len(ids) + 1) ** self.options.length_penalty
        self.found.append((score, Written(list(ids), logprob, stop)))
        self.found.sort(key=lambda item: -item[0])
        del self.found[self.options.beams :]

    def full(self, best: float, length: int) -> bool:
        """Say whether no live beam, the best at ``best``, can beat what was found."""
        if len(self.found) < self.options.beams:
            return False
        return self.found[-1][0] >= best / length**self.options.length_penalty or (
            self.options.beams == 1
        )

    def best(self) -> Written:
        return self.found[0][1]
