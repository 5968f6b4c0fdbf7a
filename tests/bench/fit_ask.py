"""Fit the weights of the deterministic reader on made documents of development.

    python tests/bench/fit_ask.py --seeds 0-600 --write

Two steps. The weights: the probability of the right slots among all slots of a page and "it does not
say" is made as large as possible, near the weights that were set by hand (HAND). The calibration: on
documents that the first step did not see, how often an answer was right by the probability that it was
given; at last the same for answers from lines read from pixels, on the scans among other people's
documents (--more) alone: scans of made ones are so much easier that the curve would promise too much.
Splits ``test`` and ``languages`` are for tests/bench/ask.py alone.
"""

from __future__ import annotations

import argparse
import json
import math
import pickle
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "plugins" / "docharmony-train")]

from docharmony.geometry import BBox  # noqa: E402
from docharmony.model import Page  # noqa: E402
from docharmony.qa import reader, score  # noqa: E402
from docharmony.qa.graph import Graph, build  # noqa: E402
from docharmony.qa.question import understand  # noqa: E402
from docharmony.qa.slots import Slot  # noqa: E402
from docharmony.qa.words import similarity  # noqa: E402
from tests.bench.ask import Pages, right  # noqa: E402

WEIGHTS = ROOT / "docharmony" / "qa" / "data" / "weights.json"
HAND = {
    "strength": 4, "coverage": 1, "precision": 0.5, "by_inline": 0.8, "by_left": 0.8, "by_above": 0.4,
    "by_column": 0.2, "by_below": -0.5, "by_upper": -0.6, "by_behind": -0.6, "sentence": 1.2,
    "heading": 0.6, "together": 2, "row_and_column": 1, "distance": -0.1, "colon": 0.5, "fit": 1.5,
    "fit_strength": 2, "misfit": -3, "typed_value": 0.3, "whole": 0.2, "rest": 0.3, "group": -1,
    "group_address": 0.8, "long_sentence": -1, "key_like": -1.5, "says_question": -1.5, "served": -0.6,
    "words": -0.3, "misread": -0.5, "largest_money": 0.8, "total_late": 0.5, "top": 0.4, "big": 0.8,
    "title": 1.5, "org_top": 1.5, "domain": 1, "dear": 0.3, "exact": 0.5,
    "sentence_fit": 2, "short_id": -1.5, "vendor_block": 1, "other_block": 1.5, "greeted": 1.5,
    "after_regards": 1.5, "before_regards": -3, "address_named": -0.7, "address_whole": 1,
    "inner_name": -1, "only_one": 1.5, "job_after_regards": 2, "address_cut": -0.5, "address_mid": -1,
    "together_squared": 1, "row_missed": -1, "conflict": -2,
}  # fmt: skip
_HARD, _RANDOM = 60, 20  # slots of a question that are kept: the best scored and some others
_PULL = 0.004  # how strongly the weights are held near those set by hand
_SWAPS = {
    "0": "O",
    "O": "0",
    "1": "l",
    "l": "1",
    "i": "l",
    "5": "S",
    "B": "8",
    "e": "c",
    "m": "rn",
    ":": ".",
}


@dataclass(frozen=True)
class Example:
    """Features of the slots of one question (N, F) and which of them are right (N,)."""

    features: npt.NDArray[np.float32]
    right: npt.NDArray[np.bool_]


def noisy(page: Page, rng: random.Random) -> Page:
    """Return the page as a bad reader would have read it."""
    lines = []
    for line in page.lines:
        words = []
        for word in line.words:
            text = "".join(
                _SWAPS.get(c, c) if rng.random() < 0.02 else c
                for c in word.text
                if rng.random() > 0.004
            )
            words.append(replace(word, text=text or word.text, confidence=0.9, origin="ocr"))
        lines.append(replace(line, words=tuple(words), size=0.0))
    return replace(page, lines=tuple(lines))


def is_right(slot: Slot, kind: str, asked: Any) -> bool:
    """Whether a slot is the answer: it says so, or it stands there and nearly says so."""
    text = reader.joined(slot, kind)
    if right(text, asked):
        return asked.bbox is None or _meets(slot.bbox, BBox(*asked.bbox)) > 0.3
    if asked.bbox is None or _meets(slot.bbox, BBox(*asked.bbox)) < 0.7:
        return False
    return max((similarity(text, answer) for answer in asked.answers), default=0.0) > 0.75


def _meets(a: BBox, b: BBox) -> float:
    common = a.intersection(b).area
    return common / max(1e-6, a.area + b.area - common)


Documents = Iterator[tuple[Any, list[tuple[Page, Any]]]]
"""Documents with their questions, and their pages with a raster each."""


def documents(seeds: Sequence[int], pages: Pages, rng: random.Random) -> Documents:
    """Yield made documents of development, three in ten as a bad reader would have read them."""
    for seed in seeds:
        made, sheets = pages.made("dev", seed)
        if rng.random() < 0.3:
            sheets = [(noisy(page, rng), pixels) for page, pixels in sheets]
        yield made, sheets


def examples(found: Documents, rng: random.Random) -> Iterator[Example]:
    """Yield the questions of documents that a field or a text answers, or nothing."""
    for made, sheets in found:
        graphs = {page.number: build(page) for page, _ in sheets}
        for asked in made.questions:
            if asked.kind in ("superlative", "yesno"):
                continue
            question = understand(asked.text)
            if question.operation not in ("look", "count") or asked.kind == "count":
                continue
            for number, graph in graphs.items():
                answers = asked.answers and asked.page in (number, None)
                if not answers and len(graphs) > 1 and asked.answers:
                    continue
                yield from _example(question, graph, asked if answers else None, rng)


def _example(question: Any, graph: Graph, asked: Any, rng: random.Random) -> Iterator[Example]:
    ranked = score.rank(question, graph)
    if not ranked:
        return
    rest = ranked[_HARD:]
    kept = ranked[:_HARD] + rng.sample(rest, min(_RANDOM, len(rest)))
    truth = {
        id(s.slot) for s in ranked if asked is not None and is_right(s.slot, question.kind, asked)
    }
    kept += [s for s in rest if id(s.slot) in truth and s not in kept]
    marks = np.array([id(s.slot) in truth for s in kept])
    if asked is not None and not marks.any():
        return
    yield Example(np.array([s.features for s in kept], np.float32), marks)


def fit(found: Sequence[Example]) -> tuple[dict[str, float], float]:
    """Return the weights and the score of "it does not say"."""
    from scipy.optimize import minimize

    names = score.FEATURES
    hand = np.array([HAND.get(name, 0.0) for name in names] + [5.5])
    sizes = np.array([len(e.right) for e in found])
    matrix = np.concatenate([e.features for e in found]).astype(np.float64)
    marks = np.concatenate([e.right for e in found])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    owner = np.repeat(np.arange(len(found)), sizes)
    silent = ~np.array([e.right.any() for e in found])

    def loss(w: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        scores = matrix @ w[:-1]
        null = w[-1]
        top = np.maximum(np.maximum.reduceat(scores, starts), null)
        powers = np.exp(scores - top[owner])
        zero = np.exp(null - top)
        total = np.add.reduceat(powers, starts) + zero
        good = np.add.reduceat(powers * marks, starts) + zero * silent
        value = -np.log(good / total).mean()
        share = powers / total[owner]
        wanted = powers * marks / good[owner]
        slope = matrix.T @ (share - wanted) / len(found)
        slope_null = (zero / total - zero * silent / good).mean()
        pull = w - hand
        gradient = np.append(slope, slope_null) + 2 * _PULL * pull / 10
        return float(value + _PULL * (pull**2).sum() / 10), gradient

    done = minimize(loss, hand, jac=True, method="L-BFGS-B", options={"maxiter": 400})
    print(f"loss {loss(hand)[0]:.4f} -> {done.fun:.4f} on {len(found)} questions", flush=True)
    weights = {n: round(float(v), 4) for n, v in zip(names, done.x[:-1], strict=True)}
    return weights, round(float(done.x[-1]), 4)


def calibrate(found: Sequence[tuple[Any, Any]], share: float) -> dict[str, float]:
    """Return slope and bias of the confidence of each way to answer, and of the best of them.

    ``share`` is the weight of a document whose questions carry one (``made.weight``), 1.0 for others.
    """
    numbers: dict[str, float] = {}
    read = [(made, [(build(page), pixels) for page, pixels in sheets]) for made, sheets in found]

    def keep(how: str, seen: list[tuple[float, bool, float]]) -> None:
        slope, bias = _logistic(seen)
        numbers[f"{how}_slope"], numbers[f"{how}_bias"] = slope, bias
        score.model()["calibration"].update(numbers)
        good = sum(r for _, r, _ in seen)
        print(f"{how}: {len(seen)} answers, {good} right, {slope} {bias}", flush=True)

    # Each finder for itself, then the best of all as they are now calibrated.
    each: dict[str, list[tuple[float, bool, float]]] = {how: [] for how in reader.HOW}
    for made, graphs in read:
        weight = share if getattr(made, "extra", False) else 1.0
        for asked in made.questions:
            question = understand(asked.text)
            for graph, pixels in graphs:
                own = list(reader.finders(question, graph)) if question.operation in _OPEN else []
                best = reader.candidates(question, graph, lambda x=pixels: x)
                own += [r for r in best if r.how in ("look", *_COMPUTED)][:1]
                for how in {reply.how for reply in own}:
                    first = next(reply for reply in own if reply.how == how)
                    each[how].append((first.raw, right(first.text, asked), weight))
    for how, seen in each.items():
        keep(how, seen)
    keep("all", _best_of(read, share))
    return numbers


def calibrate_ocr(found: Sequence[tuple[Any, Any]]) -> dict[str, float]:
    """Return slope and bias of the confidence of the best answer on pages read from pixels."""
    score.model()["calibration"].update(ocr_slope=1.0, ocr_bias=0.0)
    read = [(made, [(build(page), pixels) for page, pixels in sheets]) for made, sheets in found]
    seen = _best_of(read, 1.0)
    slope, bias = _logistic(seen)
    good = sum(r for _, r, _ in seen)
    print(f"ocr: {len(seen)} answers of {len(found)} documents, {good} right, {slope} {bias}")
    return {"ocr_slope": slope, "ocr_bias": bias}


def from_pixels(sheets: Sequence[tuple[Page, Any]]) -> bool:
    """Whether all words of a document were read from pixels."""
    return all(word.origin == "ocr" for p, _ in sheets for line in p.lines for word in line.words)


def _best_of(read: Sequence[tuple[Any, Any]], share: float) -> list[tuple[float, bool, float]]:
    """Return the confidence of the best answer to each question, whether it is right, its weight."""
    best_of = []
    for made, graphs in read:
        weight = share if getattr(made, "extra", False) else 1.0
        for asked in made.questions:
            question = understand(asked.text)
            ranked = (reader.candidates(question, g, lambda x=x: x) for g, x in graphs)
            best = max((c[0] for c in ranked if c), key=lambda r: r.confidence, default=None)
            if best is not None and best.how not in ("yesno", "compare"):
                best_of.append((best.confidence, right(best.text, asked), weight))
    return best_of


_OPEN = ("look", "count", "most", "least")
_COMPUTED = ("extreme", "count", "yesno", "compare")


def _logistic(pairs: Sequence[tuple[float, bool, float]]) -> tuple[float, float]:
    """Return slope and bias of P(right) over the log-odds of the raw figure."""
    from scipy.optimize import minimize

    x = np.array(
        [
            math.log(min(max(r, 1e-4), 1 - 1e-4) / (1 - min(max(r, 1e-4), 1 - 1e-4)))
            for r, _, _ in pairs
        ]
    )
    y = np.array([float(ok) for _, ok, _ in pairs])
    w = np.array([weight for *_, weight in pairs])

    def loss(p: npt.NDArray[np.float64]) -> float:
        z = p[0] * x + p[1]
        fits = np.logaddexp(0, z) - y * z
        # Held near "as it says" where few answers were seen.
        return float((w * fits).sum() + 4 * ((p[0] - 1) ** 2 + 0.3 * p[1] ** 2))

    done = minimize(loss, np.array([1.0, 0.0]))
    return round(float(max(0.05, done.x[0])), 4), round(float(done.x[1]), 4)


def main() -> None:
    """Fit, and write the weights where asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", default="0-600", help="documents of split dev, first-last")
    parser.add_argument("--cache", help="folder for pages that were read")
    parser.add_argument(
        "--more", help="pickled (questions, pages) of other documents to fit on too"
    )
    parser.add_argument("--keep", action="store_true", help="keep the weights, fit the calibration")
    parser.add_argument("--ocr", action="store_true", help="fit the curve of scans alone")
    parser.add_argument("--write", action="store_true", help="write data/weights.json")
    args = parser.parse_args()
    first, last = map(int, args.seeds.split("-"))
    cut = first + (last - first) * 2 // 3
    pages = Pages(Path(args.cache) if args.cache else None)
    known = dict(score.model())
    # Features that are new have no weight yet but the one set by hand.
    known["weights"] = {n: known["weights"].get(n, HAND.get(n, 0.0)) for n in score.FEATURES}
    score.model = lambda: known
    reader.model = lambda: known
    more = pickle.loads(Path(args.more).read_bytes()) if args.more else []
    if not (args.keep or args.ocr):
        made = documents(range(first, cut), pages, random.Random(1))
        found = list(examples(made, random.Random(1)))
        print(f"{len(found)} examples of made documents", flush=True)
        found += 3 * list(examples(iter(more), random.Random(3)))
        weights, null = fit(found)
        known.update(weights=weights, calibration={"null": null})
    if not args.ocr:
        known["calibration"] = {
            "null": known["calibration"]["null"],
            **{
                f"{how}_{p}": v
                for how in (*reader.HOW, "all", "ocr")
                for p, v in (("slope", 1.0), ("bias", 0.0))
            },
        }
        rest = [*documents(range(cut, last), pages, random.Random(2)), *more]
        known["calibration"].update(calibrate(rest, (last - cut) / max(1, len(more))))
    scans = [(made, sheets) for made, sheets in more if from_pixels(sheets)]
    if scans:
        known["calibration"].update(calibrate_ocr(scans))
    if args.write:
        WEIGHTS.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
