"""Exports a checkpoint: graphs into a draft folder, compared part by part, then renamed."""

from __future__ import annotations

import errno
import logging
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from docharmony.checkpoint import MANIFEST, Manifest, load_manifest, verify, write_manifest
from docharmony.engine.presets import PublishedSpec
from docharmony.engine.published import NEEDS
from docharmony.engine.spec import ModelSpec
from docharmony.errors import (
    CheckpointIncompatibleError,
    CheckpointNotFoundError,
    EngineError,
    OutputError,
    UsageError,
)

from .graph import Weights

log = logging.getLogger("docharmony.export")

_NANO = {"fp32": Weights.FP32, "fp16": Weights.FP16, "int8": Weights.INT8}


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one part.

    Attributes:
        dtype: how its weights are stored.
        bytes: of the graph and the file beside it.
        error: largest difference from torch, in the unit of the tolerance; None without comparison.
        tolerance: what is allowed.
    """

    part: str
    dtype: str
    bytes: int
    error: float | None = None
    tolerance: float | None = None

    def __str__(self) -> str:
        line = f"{self.part:13} {self.dtype:5} {self.bytes / 1e6:10.1f} MB"
        if self.error is not None:
            line += f"   differs by {self.error:.1e} (at most {self.tolerance:g})"
        return line

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dict, for JSON."""
        return asdict(self)


def export(
    source: Path,
    out: Path,
    *,
    parts: Sequence[str] | None = None,
    precision: str | None = None,
    check: bool = True,
) -> list[Row]:
    """Write a checkpoint of ONNX parts; return what was written.

    Args:
        source: folder of a checkpoint in safetensors, of either anatomy.
        out: folder to make; it appears when all is written and compared, or not at all.
        parts: names; None takes all that the checkpoint has.
        precision: ``fp32``, ``fp16`` or ``int8``; None takes fp32, for nano the formats it is
            bundled with.
        check: compare each part with torch, in a process of its own.

    Raises:
        UsageError: there is no such part.
        CheckpointError: the source is not there, damaged, or has nothing to export.
        EngineError: a part differs from torch by more than its tolerance.
        OutputError: ``out`` exists already or cannot be written.
    """
    manifest = _manifest(source)
    spec = manifest.spec if manifest is not None else None
    if manifest is not None:
        foreign = [n for n, p in manifest.parts.items() if p.format in ("onnx", "onnx-data")]
        if foreign:
            raise CheckpointIncompatibleError(
                "cannot export this checkpoint", where=str(source),
                why=f"its part {foreign[0]!r} is ONNX already",
                hint="export the checkpoint in safetensors that it was made of",
            )  # fmt: skip
        # Of the published weights each shard is when it is first read: there may be 30 GB of them.
        published = isinstance(spec, PublishedSpec)
        verify(p for p in manifest.parts.values() if not published or p.format != "safetensors")
    with _draft(out) as folder:
        if isinstance(spec, PublishedSpec):
            assert manifest is not None
            return _published(manifest, spec, folder, parts, precision or "fp32", check)
        return _nano(source, manifest, folder, parts, precision, check)


def _published(
    manifest: Manifest, spec: PublishedSpec, folder: Path, names: Sequence[str] | None,
    precision: str, check: bool,
) -> list[Row]:  # fmt: skip
    from . import published
    from .published import parity
    from .published.source import open_weights

    chosen = _chosen(names, published.PARTS)
    state, _ = open_weights(manifest.path)
    rows, files, digests = [], {}, {}
    with _Apart() as apart:
        for name in chosen:
            log.info("writing %s", name)
            weights = published.FORMATS[precision]
            graph, data = published.write(name, state, spec, weights, folder)
            files[name] = (graph.name, "onnx", precision)
            files[f"{name}.data"] = (data.path.name, "onnx-data", precision)
            digests[data.path.name] = data.sha256
            row = Row(name, precision, graph.stat().st_size + data.bytes)
            if check:
                found = apart.run(parity.compare, manifest.path, graph, spec, name)
                limit = parity.TOLERANCES[name][precision]
                row = _judged(row, found, dict.fromkeys(found, limit))
            rows.append(row)
    files |= _copied(manifest, folder)
    there = set(files)
    if not any(needed <= there for needed in NEEDS.values()):
        log.warning("these parts alone cannot read or draw: the result is no complete checkpoint")
    write_manifest(
        folder, name=manifest.name, licence=manifest.licence,
        # LoRA of the vision trunk is part of its weights now.
        spec=replace(spec, trunk=replace(spec.trunk, lora_rank=0)),
        abilities=[a for a in manifest.abilities if NEEDS.get(a, frozenset()) <= there],
        parts=files, training=manifest.training, digests=digests,
    )  # fmt: skip
    return rows


def _nano(
    source: Path, manifest: Manifest | None, folder: Path, names: Sequence[str] | None,
    precision: str | None, check: bool,
) -> list[Row]:  # fmt: skip
    from docharmony.engine.modeling.nano import spec_of

    from . import nano, parity

    formats = {
        name: _NANO[precision] if precision else nano.FORMATS[name]
        for name in _chosen(names, dict.fromkeys(nano.PARTS))
    }
    for name in [name for name, form in formats.items() if form is Weights.INT8]:
        if f"{name}.cpu" in nano.FORMATS:
            formats[f"{name}.cpu"] = nano.FORMATS[f"{name}.cpu"]
    spec = manifest.spec if manifest is not None else spec_of(source)
    assert isinstance(spec, ModelSpec)
    record = {} if manifest is None else {
        "name": manifest.name, "licence": manifest.licence, "training": manifest.training,
    }  # fmt: skip
    copied = {} if manifest is None else _copied(manifest, folder)
    log.info("writing %s", ", ".join(formats))
    models = nano.convert(source, formats, spec)
    nano.write(models, formats, folder, spec, more=copied, **record)
    rows = [
        Row(name, str(form), sum(f.stat().st_size for f in folder.glob(f"{name}.onnx*")))
        for name, form in formats.items()
    ]
    if not check:
        return rows
    with _Apart() as apart:
        found = apart.run(parity.compare, source, folder)
    limits = parity.tolerances({str(form) for form in formats.values()})
    outputs = {
        "read_head": ["ctc"], "locate_head": ["kernel", "em"], "image_decoder": ["paint"],
        "language": [] if "language.cpu" in formats else ["language"], "language.cpu": ["language"],
    }  # fmt: skip
    judged = []
    for row in rows:
        mine = {n: found[n] for n in outputs.get(row.part, []) if n in found}
        judged.append(_judged(row, mine, limits) if mine else row)
    return judged


def _manifest(source: Path) -> Manifest | None:
    """Return the manifest; None for weights of nano as they were trained, without one."""
    if not (source / MANIFEST).exists() and (source / "heads.safetensors").is_file():
        return None
    try:
        return load_manifest(source)
    except CheckpointNotFoundError as error:
        error.hint = "name a folder with manifest.json, or weights that `docharmony train` wrote"
        raise


def _chosen(names: Sequence[str] | None, known: Mapping[str, Any]) -> list[str]:
    """Return the parts to export, in the order in which they are known."""
    wanted = list(known) if names is None else list(names)
    if unknown := [name for name in wanted if name not in known]:
        raise UsageError(
            f"no part is called {', '.join(map(repr, unknown))}", where="--parts",
            hint=f"The parts of this checkpoint: {', '.join(known)}.",
        )  # fmt: skip
    return [name for name in known if name in wanted]


def _copied(manifest: Manifest, folder: Path) -> dict[str, tuple[str, str, str]]:
    """Copy the parts that are no weights, such as tokenizers."""
    found = {}
    for name, part in manifest.parts.items():
        if part.format != "safetensors":
            shutil.copyfile(part.path, folder / part.path.name)
            found[name] = (part.path.name, part.format, part.dtype)
    return found


def _judged(row: Row, found: Mapping[str, float], limits: Mapping[str, float]) -> Row:
    """Return the row with its worst output; EngineError where that is too far from torch's."""
    worst = max(found, key=lambda name: found[name] / limits[name])
    if not found[worst] <= limits[worst]:
        raise EngineError(
            f"part {row.part!r} does not do what torch does",
            why=f"its output {worst!r} differs by {found[worst]:.1e}, allowed is {limits[worst]:g}",
            hint="choose a higher --precision; report it where fp32 fails",
        )  # fmt: skip
    return replace(row, error=found[worst], tolerance=limits[worst])


class _Apart:
    """A process for comparisons, started when it is first needed: a crash ends that alone."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))

    def __enter__(self) -> _Apart:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def run(self, work: Callable[..., dict[str, float]], *args: Any) -> dict[str, float]:
        """Return what ``work`` returns there; EngineError where the process died."""
        try:
            return self._pool.submit(work, *args).result()
        except BrokenProcessPool as error:
            raise EngineError(
                "cannot compare the parts with torch", why="the process that ran both died",
                hint="more memory may be needed; --no-check leaves the comparison out",
            ) from error  # fmt: skip


@contextmanager
def _draft(out: Path) -> Iterator[Path]:
    """Yield a folder beside ``out`` that is renamed to it when the block ends well, or removed."""
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise OutputError(
            "cannot write the checkpoint", where=str(out), why="it exists already",
            hint="name a new folder",
        )  # fmt: skip
    draft: Path | None = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{out.name[:40]}.", suffix=".part", dir=out.parent))
        yield draft
        mask = os.umask(0)
        os.umask(mask)
        draft.chmod(0o777 & ~mask)
        draft.replace(out)
        draft = None
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        raise OutputError(
            "cannot write the checkpoint", where=str(out), why=error.strerror or type(error).__name__,
            hint="free some space; fp16 takes half as much as fp32, int8 about a quarter" if full
            else "check that the folder can be written",
        ) from error  # fmt: skip
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)
