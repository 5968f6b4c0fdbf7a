"""Readers of ``docharmony ask`` side by side, on made documents that development never saw.

python tests/bench/readers.py --write RESULTS.md
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from ask import make, plain, right

import docharmony
from docharmony.stages.qa import QaConfig

READERS = {
    "rules": ("nano", "rules"),
    "small-bare": ("small-bare", "engine"),
    "small": ("small", "engine"),
    "rules then small": ("small", "auto"),
}
SPLITS = {"test": "held-out layouts", "languages": "held-out layouts in nl, pt, pl"}
BINS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass
class Tally:
    """What one reader said to all questions of a split."""

    exact: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    near: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    given: list[tuple[float, bool]] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, question: Any, found: Any) -> None:
        """Count one answer."""
        said = found.answer.text
        ok = right(said, question)
        kind = question.kind if question.answers else "unanswerable"
        self.exact[kind].append(ok)
        self.near[kind].append(anls(said, question.answers))
        if said is not None:
            self.given.append((found.answer.confidence, ok))


def anls(said: str | None, answers: Sequence[str]) -> float:
    """Return 1 minus the edits over the length, 0 from one half on; the best over all answers.

    >>> anls("Jon Smith", ["John Smith"]), anls(None, []), anls(None, ["x"]), anls("x", [])
    (0.9, 1.0, 0.0, 0.0)
    """
    if said is None or not answers:
        return float(said is None and not answers)
    best = 0.0
    for answer in answers:
        a, b = plain(said), plain(answer)
        share = edits(a, b) / max(len(a), len(b), 1)
        best = max(best, 1 - share if share < 0.5 else 0.0)
    return best


def edits(a: str, b: str) -> int:
    """Return the Levenshtein distance."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


def measure(reader: str, split: str, seeds: range) -> Tally:
    """Ask every question of the documents."""
    checkpoint, way = READERS[reader]
    config = docharmony.RunConfig(checkpoint=checkpoint, device="cpu", threads=1)
    pipeline = docharmony.Pipeline(config)
    options = QaConfig(reader=way)  # type: ignore[arg-type]
    tally = Tally()
    for seed in seeds:
        made = make(seed, split)
        if not made.questions:
            continue
        with docharmony.open(made.pdf, name="made.pdf") as source:
            began = time.process_time()
            texts = [question.text for question in made.questions]
            found = docharmony.ask(source, texts, pipeline=pipeline, options=options)
            if seed > seeds[0]:  # the first one loads the model
                tally.seconds += time.process_time() - began
        for question, one in zip(made.questions, found, strict=True):
            tally.add(question, one)
    return tally


def table(tallies: dict[str, Tally], seeds: range, split: str) -> str:
    """Return what a split gave, as Markdown."""
    kinds = sorted({kind for tally in tallies.values() for kind in tally.exact})
    kinds.sort(key=lambda kind: kind == "unanswerable")
    counts = {kind: len(next(iter(tallies.values())).exact[kind]) for kind in kinds}
    lines = [f"**{SPLITS[split]}**: {len(seeds)} documents, {sum(counts.values())} questions", ""]
    head = [*tallies]
    lines += [
        "| exact match | questions | " + " | ".join(head) + " |",
        "|---" * (len(head) + 2) + "|",
    ]

    def row(name: str, count: int, values: list[str]) -> str:
        return f"| {name} | {count} | " + " | ".join(values) + " |"

    for kind in kinds:
        values = [f"{mean(tally.exact[kind]):.2f}" for tally in tallies.values()]
        lines.append(row(kind, counts[kind], values))
    answerable = [kind for kind in kinds if kind != "unanswerable"]
    total = sum(counts[kind] for kind in answerable)
    for name, part in (("all answerable", "exact"), ("all answerable, ANLS", "near")):
        values = []
        for tally in tallies.values():
            scores = [v for kind in answerable for v in getattr(tally, part)[kind]]
            values.append(f"**{mean(scores):.3f}**")
        lines.append(row(name, total, values))
    asked = sum(counts.values())
    seconds = [f"{tally.seconds / max(1, asked):.2f}" for tally in tallies.values()]
    lines += [row("CPU seconds a question", asked, seconds), ""]
    lines += ["| confidence given | " + " | ".join(head) + " |", "|---" * (len(head) + 1) + "|"]
    for low, high in pairwise(BINS):
        values = []
        for tally in tallies.values():
            ok = [right for sure, right in tally.given if low <= sure < high + (high == 1.0)]
            values.append(f"{mean(ok):.2f} of {len(ok)}" if ok else "-")
        lines.append(f"| {low:.1f}-{high:.1f} | " + " | ".join(values) + " |")
    return "\n".join(lines)


def mean(values: Sequence[float]) -> float:
    """Return the mean, 0 of nothing."""
    return sum(values) / len(values) if values else 0.0


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print, or write the section of a file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=24, help="of each split")
    parser.add_argument("--readers", default=",".join(READERS), help="some of them, in their order")
    parser.add_argument("--splits", default=",".join(SPLITS))
    parser.add_argument("--write", type=Path, metavar="FILE", help="file whose section is renewed")
    args = parser.parse_args(argv)
    seeds = range(args.documents)
    names = [name for name in READERS if name in args.readers.split(",")]
    parts = []
    for split in args.splits.split(","):
        parts.append(table({name: measure(name, split, seeds) for name in names}, seeds, split))
        print(parts[-1], flush=True)
    if args.write is not None:
        text = args.write.read_text(encoding="utf-8")
        head, begin, rest = text.partition("<!-- readers: begin -->")
        _, end, tail = rest.partition("<!-- readers: end -->")
        if not end:
            raise SystemExit(f"{args.write} has no place between markers of readers")
        body = "\n\n".join(parts)
        args.write.write_text(f"{head}{begin}\n{body}\n{end}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
