"""``docharmony run``: a pipeline file over many inputs, resumable."""

from __future__ import annotations

import argparse
import hashlib
import json
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import RunConfig
from ..errors import ConfigError, ExitCode, OutputError
from ..model import Document, Page, PageFailure
from . import common, messages

if TYPE_CHECKING:
    from ..io.base import Source
    from ..pipeline import Pipeline

JOURNAL = ".docharmony-run.jsonl"
_EXAMPLES = """\
a pipeline file:
  formats = ["json", "markdown"]        # what is written for each input
  dpi = 200
  [routes]
  digital = ["layout"]                  # stages of pages with a text layer
  scan = ["ocr", "layout"]              # and of those without
  mixed = ["ocr", "layout"]
  [stages.ocr]
  min_confidence = 0.3

Where a route ends with "redact", the redacted file is written too, with the rules of
[stages.redact] and the top-level option fill = "erase" | "box" | "label". Then formats are written
only where the file names them: they hold the text that is removed.

examples:
  docharmony run pipeline.toml invoices/ -o results/
  docharmony run pipeline.toml scans/ -o results/ --jobs 4 --executor process --resume
"""


def add(subparsers: Any) -> None:
    """Add the command ``run``."""
    parser = subparsers.add_parser(
        "run",
        help="run a pipeline file over many inputs",
        description="Run the stages of a pipeline file over files and folders.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("pipeline", metavar="PIPELINE.toml", help="options, routes and formats")
    common.add_input_options(parser, output="required")
    group = parser.add_argument_group("run options")
    group.add_argument("--jobs", type=int, metavar="N", help="workers (default: 1)")
    group.add_argument("--executor", metavar="NAME", help="serial, process, or one of a plugin")
    group.add_argument("--resume", action="store_true", help="leave out inputs already done")
    common.add_keep_going(group)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the pipeline over each input and return the exit code."""
    import dataclasses

    from ..pipeline import Pipeline

    config = common.apply_options(RunConfig.load(args.pipeline, args.settings), args)
    if config.jobs > 1 and args.executor is None and config.executor == "serial":
        config = dataclasses.replace(config, executor="process")
    redacts = [name for name, stages in config.routes.items() if "redact" in stages]
    if redacts and len(redacts) < len(config.routes):
        raise ConfigError(
            "some routes redact and some do not",
            where=args.pipeline,
            why=f"only {', '.join(sorted(redacts))} end with redact",
            hint="A page must not slip through: add redact to every route, or to none.",
        )
    inputs = common.expand(args.inputs)
    pipeline = Pipeline(config, plugins=args.plugins)
    # What was read of a document that is redacted is written only where somebody asks for it.
    formats = config.formats or (() if redacts else ("json",))
    writers = {name: args.plugins.writers.get(name)() for name in formats}
    folder = Path(args.output)
    if folder.exists() and not folder.is_dir():
        raise OutputError("-o is not a folder", where=args.output, hint="`run` writes to a folder.")
    plans = {
        name: common.output_paths(inputs, f"{folder}/", _always(writer.extension))
        for name, writer in writers.items()
    }
    common.output_paths(inputs, f"{folder}/", lambda item: _redacted_suffix(item.path))
    journal = Journal(folder / JOURNAL, config)
    done = journal.read() if args.resume else {}

    def work(index: int, item: common.Input) -> int:
        with common.open_input(item, args, config) as source:
            outputs = [paths[index] for paths in plans.values()]
            redacted = folder / f"{item.stem}{_redacted_suffix(item.path)}" if redacts else None
            if redacted is not None:
                outputs.append(redacted)
            if done.get(item.label) == source.info.sha256 and all(p.is_file() for p in outputs):
                messages.info(f"{item.label}: already done", input=item.label, skipped=True)
                return ExitCode.DONE
            with messages.progress(args.plugins, source.info.name, source.info.page_count):
                failed = _one(
                    pipeline, source, writers, {n: p[index] for n, p in plans.items()}, redacted
                )
        if not failed:
            journal.append(item.label, source.info.sha256)
        names = ", ".join(path.name for path in outputs)
        messages.info(f"{item.label} -> {names}", input=item.label, failed=failed)
        return ExitCode.PARTIAL if failed else ExitCode.DONE

    return common.each(inputs, work)


def _one(
    pipeline: Pipeline,
    source: Source,
    writers: dict[str, Any],
    paths: dict[str, Path],
    redacted: Path | None,
) -> int:
    """Write every format of one input and return how many pages failed."""
    items: Iterable[Page | PageFailure]
    if len(writers) == 1 and redacted is None:
        from .read import Watched

        watched = Watched(pipeline.pages(source))
        ((name, writer),) = writers.items()
        with common.output(paths[name]) as stream:
            writer.write(source, watched, stream)
        return watched.failed
    # Several outputs of one reading: the document is held, without its pixels.
    document: Document = pipeline.run(source)
    if redacted is not None:
        from ..redaction import redact

        redact(source, redacted, pipeline=pipeline, document=document, fill=pipeline.config.fill)
    items = (*document.pages, *document.failures)
    for name, writer in writers.items():
        with common.output(paths[name]) as stream:
            writer.write(source, items, stream)
    return len(document.failures)


def _always(extension: str) -> Callable[[common.Input], str]:
    return lambda _: extension


def _redacted_suffix(path: Path | None) -> str:
    return f".redacted{path.suffix if path else '.pdf'}"


class Journal:
    """One JSON line for each input done: its name, its hash, and a mark of the configuration.

    The configuration can hold the terms to redact, so its mark is a salted, slow hash: nobody finds
    the terms by hashing guesses quickly.
    """

    def __init__(self, path: Path, config: RunConfig) -> None:
        self.path = path
        # How the work is spread does not change what comes out of it.
        told = {
            name: getattr(config, name)
            for name in config.__slots__
            if name not in ("executor", "jobs", "threads", "batch", "keep_going")
        }
        self._told = json.dumps(told, sort_keys=True, default=str).encode()
        self._salt = secrets.token_hex(16)
        self._marks: dict[str, str] = {}

    def _mark(self, salt: str) -> str:
        if salt not in self._marks:
            digest = hashlib.scrypt(self._told, salt=salt.encode(), n=1 << 14, r=8, p=1, dklen=32)
            self._marks[salt] = digest.hex()
        return self._marks[salt]

    def read(self) -> dict[str, str]:
        """Return the hashes of the inputs done with this configuration; skip broken lines."""
        done: dict[str, str] = {}
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return done
        for line in lines:
            try:
                entry = json.loads(line)
                if entry["config"] == self._mark(entry["salt"]):
                    done[entry["input"]] = entry["sha256"]
            except (ValueError, KeyError, TypeError, AttributeError):
                continue  # a line cut off by a crash: its input is simply done again
        return done

    def append(self, label: str, sha256: str) -> None:
        """Record an input as done."""
        entry = {
            "input": label,
            "sha256": sha256,
            "salt": self._salt,
            "config": self._mark(self._salt),
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
