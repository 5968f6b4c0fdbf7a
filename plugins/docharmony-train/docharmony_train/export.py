"""From the weights of a run to a checkpoint; a bundled one is replaced only by a better one."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from docharmony_export import nano

from docharmony.checkpoint import MANIFEST, load_manifest
from docharmony.engine.modeling.nano import spec_of
from docharmony.errors import OutputError

from .evaluate import Row, Sizes, measure_all, table
from .weights import EXPERTS, merge_experts

LARGEST = 36_000_000  # bytes of a bundled checkpoint

# What a better checkpoint is judged by: whether more is better, and the difference that counts.
# Smaller ones come from the choice of samples.
HEADLINES = {
    "fonts, clean: CER": (False, 0.002),
    "fonts, degraded: CER": (False, 0.003),
    "PDFs, clean: CER": (False, 0.001),
    "PDFs, degraded: CER": (False, 0.002),
    "pages, clean: word F1": (True, 0.003),
    "pages, degraded: word F1": (True, 0.005),
    "pages, clean: box F1": (True, 0.005),
    "pages, degraded: box F1": (True, 0.005),
    "erase: PSNR": (True, 0.2),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a candidate has replaced a checkpoint, why, and all figures."""

    better: bool
    reason: str
    table: str


def convert(weights: Path, out: Path) -> str:
    """Write the ONNX graphs and the manifest of a run's weights; return what was written.

    The record of the run, where it lies beside the weights, goes into the manifest.
    """
    spec = spec_of(weights)
    with tempfile.TemporaryDirectory() as folder:
        source = weights
        if (weights / EXPERTS).is_file():
            source = Path(folder)
            merge_experts(weights, source)
        nano.write(nano.convert(source, nano.FORMATS, spec), nano.FORMATS, out, spec)
    record = weights.parent / "record.jsonl"
    if record.is_file():
        path = out / MANIFEST
        manifest = json.loads(path.read_text(encoding="utf-8"))
        legs = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
        manifest["training"]["legs"] = legs
        path.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    size = sum(part.bytes for part in load_manifest(out).parts.values())
    return f"{out}: {size / 1e6:.1f} MB"


def replace_if_better(
    weights: Path, checkpoint: Path, assets: Path, sizes: Sizes, *, report: Path | None = None
) -> Verdict:
    """Replace the graphs and the manifest of a checkpoint where the weights of a run do better.

    Better is: in no headline worse, in at least one better, each by the difference that counts.
    The card and the licence of the checkpoint stay; the figures of the card are to be renewed from
    the table.

    Args:
        weights: of a run.
        checkpoint: the folder to replace; it is left alone unless the candidate wins.
        assets: held-out data.
        sizes: how much of it.
        report: where to write all figures as JSON.

    Raises:
        OutputError: the candidate is too large to be bundled.
    """
    with tempfile.TemporaryDirectory(dir=checkpoint.parent, prefix=".candidate-") as folder:
        candidate = Path(folder)
        convert(weights, candidate)
        parts = load_manifest(candidate).parts.values()
        if (size := sum(part.bytes for part in parts)) > LARGEST:
            raise OutputError(
                "the checkpoint is too large to be bundled",
                where=str(weights),
                why=f"{size} bytes; {LARGEST} are allowed",
                hint="Use --out, or a smaller configuration.",
            )
        rows = measure_all([checkpoint, candidate], assets, sizes)
        rows["candidate"] = rows.pop(str(candidate))
        better, reason = judge(rows[str(checkpoint)], rows["candidate"])
        if report is not None:
            report.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
        if better:
            for path in sorted(candidate.iterdir(), key=lambda p: p.name == MANIFEST):
                os.replace(path, checkpoint / path.name)  # the manifest last
    return Verdict(better, reason, table(rows))


def judge(old: Row, new: Row) -> tuple[bool, str]:
    """Return whether the new figures win, and in which headlines they are better or worse.

    >>> judge({"erase: PSNR": 30.0}, {"erase: PSNR": 31.0})
    (True, 'replaced: better in erase: PSNR')
    """
    gains, losses = [], []
    for name, (more, difference) in HEADLINES.items():
        if name not in old or name not in new:
            continue
        change = (new[name] - old[name]) * (1 if more else -1)
        if change >= difference:
            gains.append(name)
        elif change <= -difference:
            losses.append(name)
    if losses:
        return False, f"kept the old one: the new one is worse in {'; '.join(losses)}"
    if not gains:
        return False, "kept the old one: no difference that counts"
    return True, f"replaced: better in {'; '.join(gains)}"
