"""Decoding text: greedy, sampling and beam search, also with beams for several prompts at once.

Works on numpy logits, whatever backend computes them; keys, values and images stay with the backend.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from .presets import DecoderSpec

    Floats = npt.NDArray[np.float32]
    Ints = npt.NDArray[np.int64]
    Step = Callable[[Ints, Ints | None], Floats]


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


def decode(logits: Floats, step: Step, spec: DecoderSpec, options: Decoding) -> list[Written]:
    """Write on after each prompt until an end or a start-of-image id.

    Args:
        logits: (B, V), what follows each prompt.
        step: appends one id a row to its rows (B beams), the rows of one prompt together, and returns
            the logits (B beams, V) of what follows. The second argument says which row each new one
            continues; None where all continue themselves.
        spec: names the ids.
    """
    batch, beams = len(logits), options.beams
    stops = (spec.end, spec.image_start)
    draws = np.random.default_rng(options.seed)
    logits = logits.repeat(beams, axis=0)  # (B beams, V)
    # The published list of ids begins with an artificial begin, which only the penalty looks at.
    ids = np.full((batch * beams, 1), spec.begin)
    scores = np.zeros((batch, beams), np.float32)
    scores[:, 1:] = -1e9  # all beams are alike at first: only one may branch
    results = [_Ended(options) for _ in range(batch)]

    for number in range(options.length):
        # As published: beams are penalised in log probabilities, single texts in logits.
        if beams > 1:
            logprobs = _penalise(_log_softmax(logits), ids, options.penalty)
        else:
            logprobs = _log_softmax(_penalise(logits, ids, options.penalty))
        picked, origin, chosen = _candidates(logprobs, scores, options, len(stops), draws)
        rows = np.arange(batch * beams).reshape(batch, beams)
        tokens = np.full((batch, beams), spec.pad)
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
            result.done = result.full(float(picked[b].max()), number + 2)
        if all(result.done for result in results):
            break
        origins = rows.reshape(-1)
        ids = np.concatenate([ids[origins], tokens.reshape(-1, 1)], 1)
        if number + 1 == options.length:
            break
        still = bool((origins == np.arange(len(origins))).all())
        logits = step(ids[:, -1], None if still else origins)

    for b, result in enumerate(results):
        if not result.done:
            for beam in range(beams):
                result.add(ids[b * beams + beam, 1:].tolist(), float(scores[b, beam]), None)
    return [result.best() for result in results]


def _log_softmax(scores: Floats) -> Floats:
    shifted = scores - scores.max(-1, keepdims=True)
    out: Floats = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return out


def _penalise(scores: Floats, ids: Ints, penalty: float) -> Floats:
    if penalty == 1.0:
        return scores
    old = np.take_along_axis(scores, ids, 1)
    out = scores.copy()
    np.put_along_axis(out, ids, np.where(old < 0, old * penalty, old / penalty), 1)
    return out


def _candidates(
    logprobs: Floats, scores: Floats, options: Decoding, stops: int, draws: np.random.Generator
) -> tuple[Floats, Ints, Ints]:
    """Return the score, beam and id of each prompt's candidates, (B, K) each, best first."""
    batch, beams = scores.shape
    size = logprobs.shape[-1]
    totals = logprobs + scores.reshape(-1, 1)  # (B beams, V)
    if options.sample:
        flat = _warp(totals, options, keep=2 if beams > 1 else 1).reshape(batch, -1)
        # The largest of log-weights plus Gumbel noise are draws without putting back.
        noisy = flat + draws.gumbel(size=flat.shape)
        places = _largest(noisy, 2 * beams if beams > 1 else 1)
        order = np.argsort(-np.take_along_axis(flat, places, 1), 1, kind="stable")
        places = np.take_along_axis(places, order, 1)
    else:
        flat = totals.reshape(batch, -1)
        # Every beam may end in each of the stops and there must still be enough to go on with.
        places = _largest(flat, (1 + stops) * beams if beams > 1 else 1)
    return np.take_along_axis(flat, places, 1), places // size, places % size


def _largest(values: npt.NDArray[np.floating], count: int) -> Ints:
    """Return the places of the largest values of each row, largest first."""
    count = min(count, values.shape[1])
    places = np.argpartition(-values, count - 1, 1)[:, :count]
    order = np.argsort(-np.take_along_axis(values, places, 1), 1, kind="stable")
    return np.take_along_axis(places, order, 1)


def _warp(scores: Floats, options: Decoding, keep: int) -> Floats:
    """Rule out all but the top k and the top p, and never fewer than ``keep``."""
    count = min(max(options.top_k, keep), scores.shape[-1])
    places = _largest(scores, count)
    best = np.take_along_axis(scores, places, 1)
    shares = np.exp(_log_softmax(best))
    out = shares.cumsum(-1) - shares >= options.top_p
    out[:, :keep] = False
    warped = np.full_like(scores, -np.inf)
    np.put_along_axis(warped, places, np.where(out, -np.inf, best), 1)
    return warped


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
