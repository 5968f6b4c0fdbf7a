"""Decoding on small made-up language models, without any backend."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from docharmony.engine.decoding import Decoding, decode
from docharmony.engine.presets import TINY

SPEC = replace(TINY.decoder, vocabulary=8, begin=1, end=2, pad=0, image_start=7, image_slot=6)


class Chain:
    """A language model whose next id depends on the last one; keeps rows as a backend would."""

    def __init__(self, seed: int, rows: int, beams: int, ends: bool = True) -> None:
        self.table = np.random.default_rng(seed).normal(0, 2, (8, 8)).astype(np.float32)
        self.table[:, [0, 1, 6]] = -30
        if not ends:
            self.table[:, [2, 7]] = -30
        self.texts = [[3 + row % 3] for row in range(rows) for _ in range(beams)]
        self.first = self.table[[3 + row % 3 for row in range(rows)]]
        self.steps = 0

    def step(self, ids: Any, origin: Any) -> Any:
        self.steps += 1
        if origin is not None:
            self.texts = [list(self.texts[i]) for i in origin]
        for text, token in zip(self.texts, ids.tolist(), strict=True):
            text.append(token)
        return self.table[ids]

    def logprobs(self) -> Any:
        table = self.table - self.table.max(1, keepdims=True)
        return table - np.log(np.exp(table).sum(1, keepdims=True))


def write(model: int, rows: int = 1, ends: bool = True, **options: Any) -> tuple[Any, Chain]:
    chosen = Decoding(**options)
    chain = Chain(model, rows, chosen.beams, ends)
    return decode(chain.first, chain.step, SPEC, chosen), chain


def likelihood(chain: Chain, start: int, ids: list[int], stop: int | None) -> float:
    path = [start, *ids, *([] if stop is None else [stop])]
    table = chain.logprobs()
    return float(sum(table[a, b] for a, b in itertools.pairwise(path)))


@pytest.mark.parametrize("seed", range(5))
def test_greedy_takes_the_best_and_stops(seed: int) -> None:
    (written,), chain = write(seed, length=12)
    expected, last = [], 3
    while len(expected) < 12 and (last := int(chain.table[last].argmax())) not in (2, 7):
        expected.append(last)
    assert written.ids == expected
    assert written.stop == (last if len(expected) < 12 else None)
    assert written.logprob == pytest.approx(likelihood(chain, 3, expected, written.stop), rel=1e-4)
    assert chain.steps <= 11


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(seed=st.integers(0, 999), beams=st.integers(2, 5), length=st.integers(1, 6))
def test_wide_beams_find_the_likeliest_text(seed: int, beams: int, length: int) -> None:
    """Without ends a chain's likeliest text is found by dynamic programming."""
    (written,), chain = write(seed, ends=False, length=length, beams=beams * 8)
    table = chain.logprobs()
    best = table[3]
    for _ in range(length - 1):
        best = (best[:, None] + table).max(0)
    assert len(written.ids) == length
    assert written.logprob == pytest.approx(float(best.max()), rel=1e-4)
    assert written.logprob == pytest.approx(likelihood(chain, 3, written.ids, None), rel=1e-4)


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(
    seed=st.integers(0, 999),
    rows=st.integers(2, 4),
    beams=st.integers(1, 4),
    penalty=st.sampled_from([1.0, 1.3]),
)
def test_rows_of_a_batch_are_as_if_alone(seed: int, rows: int, beams: int, penalty: float) -> None:
    together, chain = write(seed, rows, length=7, beams=beams, penalty=penalty)
    for row, written in enumerate(together):
        alone_chain = Chain(seed, 1, beams)
        alone_chain.first = chain.first[row : row + 1]
        options = Decoding(length=7, beams=beams, penalty=penalty)
        assert decode(alone_chain.first, alone_chain.step, SPEC, options) == [written]


def test_a_penalty_makes_repetition_dearer() -> None:
    free, bound = write(3, ends=False, length=12)[0][0], None
    for penalty in (1.0, 3.0):
        (bound,), _ = write(3, ends=False, length=12, penalty=penalty)
    assert bound is not None
    assert len(set(bound.ids)) > len(set(free.ids))


def test_draws_follow_the_distribution_and_the_seed() -> None:
    drawn = Counter()
    for seed in range(600):
        (written,), chain = write(1, length=1, sample=True, top_p=1.0, seed=seed)
        drawn[written.ids[0] if written.ids else written.stop] += 1
    shares = np.exp(chain.logprobs()[3])
    for token, share in enumerate(shares):
        assert abs(drawn[token] / 600 - share) < 4 * np.sqrt(share * (1 - share) / 600) + 1e-9
    same = {tuple(write(1, length=6, sample=True, beams=3, seed=5)[0][0].ids) for _ in range(3)}
    assert len(same) == 1


@pytest.mark.parametrize("beams", [1, 3])
def test_narrow_draws_keep_to_the_best(beams: int) -> None:
    table = Chain(2, 1, 1).logprobs()[3]
    for seed in range(30):
        (written,), _ = write(2, length=1, sample=True, top_p=0.01, beams=beams, seed=seed)
        token = written.ids[0] if written.ids else written.stop
        kept = np.argsort(-table)[: 1 if beams == 1 else 2]
        assert token in kept
    if beams == 1:
        (written,), _ = write(2, length=1, sample=True, top_k=1)
        assert (written.ids or [written.stop])[0] == int(table.argmax())


def test_one_id_is_the_least() -> None:
    (written,), chain = write(0, ends=False, length=1, beams=4)
    assert len(written.ids) == 1
    assert chain.steps == 0
