"""What all commands share: options, inputs, outputs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ..config import RunConfig
from ..errors import DocharmonyError, ExitCode, InputError, OutputError, UsageError
from . import messages

if TYPE_CHECKING:
    from ..io.base import Source

PASSWORD = "DOCHARMONY_PASSWORD"
CHECKPOINT = "DOCHARMONY_CHECKPOINT"
KINDS = {
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".tiff": "image/tiff",
    ".tif": "image/tiff",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
}
"""Endings of the files that redact, replace and translate write, and what they promise."""
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def size(text: str) -> int:
    """Return bytes for ``800M``, ``2G``, ``1.5GiB`` or a plain number."""
    lower = text.strip().lower().removesuffix("ib").removesuffix("b")
    unit = lower[-1:] if lower[-1:] in ("k", "m", "g") else ""
    try:
        value = int(float(lower.removesuffix(unit)) * _UNITS[unit])
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 800M or 2G") from None
    if value <= 0:
        raise argparse.ArgumentTypeError("a size is above 0")
    return value


def add_input_options(
    parser: argparse.ArgumentParser, *, output: str = "optional", single: bool = False
) -> None:
    """Add INPUT, -o and the options that every command on documents has.

    Args:
        parser: the command's parser.
        output: ``"optional"``, ``"required"`` or ``"none"``.
        single: one INPUT instead of several.
    """
    names: dict[str, Any] = {"nargs": "+"} if not single else {}
    parser.add_argument(
        "input" if single else "inputs",
        metavar="INPUT",
        help="PDF, PNG, JPEG, TIFF, WebP or BMP file, a folder, or - for standard input",
        **names,
    )
    if output != "none":
        parser.add_argument(
            "-o",
            "--output",
            metavar="OUT",
            required=output == "required",
            help="a file for one input, a folder for several or for those of a folder"
            + ("" if output == "required" else " (default: standard output)"),
        )
    group = parser.add_argument_group("document options")
    group.add_argument("--pages", metavar="1-3,7", help="pages to work on (default: all)")
    group.add_argument(
        "--password", metavar="PW", help=f"password of an encrypted PDF (or {PASSWORD})"
    )
    group.add_argument("--dpi", type=int, metavar="N", help="resolution for reading pixels")
    group.add_argument(
        "--checkpoint", metavar="NAME|DIR|hf:ORG/NAME@REV", help="weights of the engine"
    )
    group.add_argument("--device", metavar="auto|cpu|cuda[:N]", help="where the engine runs")
    group.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="limit for parsing one page (default 60)"
    )
    group.add_argument(
        "--max-memory", type=size, metavar="SIZE", help="memory limit for parsing (default 2G)"
    )


def add_keep_going(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add ``--keep-going``, for commands that write what they have without the pages that fail."""
    parser.add_argument(
        "--keep-going",
        action="store_true",
        help="go on after a page that fails; the exit code is 20 then",
    )


def config_of(args: argparse.Namespace) -> RunConfig:
    """Return the configuration: file, --set, then the command's own options on top."""
    config = RunConfig.load(args.config, args.settings)
    return apply_options(config, args)


def apply_options(config: RunConfig, args: argparse.Namespace) -> RunConfig:
    """Return the configuration with the document options of the command line on top."""
    changes: dict[str, Any] = {}
    checkpoint = getattr(args, "checkpoint", None) or os.environ.get(CHECKPOINT)
    if checkpoint:
        changes["checkpoint"] = checkpoint
    for name in ("pages", "dpi", "device", "timeout", "max_memory", "executor", "jobs"):
        value = getattr(args, name, None)
        if value is not None:
            changes[name] = value
    if getattr(args, "keep_going", False):
        changes["keep_going"] = True
    config = replace(config, **changes)
    # One place checks the ranges: the file's and the command line's alike.
    return RunConfig.from_mapping(
        {name: getattr(config, name) for name in config.__slots__}, where="options"
    )


def password_of(args: argparse.Namespace) -> str | None:
    """Return the password given by option or environment."""
    return args.password if args.password is not None else os.environ.get(PASSWORD)


@dataclass(frozen=True, slots=True)
class Input:
    """One input: a path, or ``None`` for standard input, and the stem of its outputs.

    ``listed`` says that a folder was named and it was found there.
    """

    path: Path | None
    stem: str
    listed: bool = False

    @property
    def label(self) -> str:
        """The name for messages."""
        return "standard input" if self.path is None else str(self.path)


def expand(inputs: Sequence[str]) -> list[Input]:
    """Return the inputs with folders replaced by the files in them that a reader knows.

    Raises:
        InputError: a path does not exist, or a folder holds nothing that can be read.
        UsageError: standard input is named twice.
    """
    found: list[Input] = []
    for name in inputs:
        path = Path(name)
        if not name.strip():
            raise UsageError(
                "the name of an input is empty", hint="A variable of the shell may be unset."
            )
        if name == "-":
            if any(item.path is None for item in found):
                raise UsageError("standard input is named twice", hint="Name it once.")
            found.append(Input(None, "stdin"))
        elif path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
            known = [p for p in inside if _is_document(p)]
            if not known:
                raise InputError(
                    "nothing to read in the folder",
                    where=name,
                    why=f"{len(inside)} files, none a PDF or an image",
                    hint="Name a folder with PDF, PNG, JPEG, TIFF, WebP or BMP files.",
                )
            found += [Input(p, p.stem, listed=True) for p in known]
        else:
            found.append(Input(path, path.stem))
    return found


def _is_document(path: Path) -> bool:
    from ..io.source import sniff

    try:
        with path.open("rb") as file:
            return sniff(file.read(1024)) is not None
    except OSError:
        return False


def open_input(item: Input, args: argparse.Namespace, config: RunConfig) -> Source:
    """Open one input; raise InputError as :func:`docharmony.open` does."""
    from ..pipeline import open as open_source

    data: Any = sys.stdin.buffer if item.path is None else item.path
    name = "stdin" if item.path is None else None
    return open_source(
        data, password=password_of(args), name=name, config=config, plugins=args.plugins
    )


def output_paths(
    inputs: Sequence[Input], output: str, extension: Callable[[Input], str]
) -> list[Path]:
    """Return where the output of each input goes: one file, or ``<stem><extension>`` in a folder.

    A folder as input gives a folder, however many documents are in it.

    Raises:
        UsageError: no name of a file, two inputs would write the same one, or it would replace an input.
        OutputError: the folder cannot be made.
    """
    if not output.strip() or output == "-":
        raise UsageError(
            "an output needs the name of a file",
            where=f"-o {output or chr(39) * 2}",
            hint="Commands that only read write to standard output without -o.",
        )
    target = Path(output)
    single = len(inputs) == 1 and not inputs[0].listed
    if single and not target.is_dir() and not output.endswith(("/", os.sep)):
        paths = [target]
    else:
        try:
            target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                "cannot make the output folder",
                where=output,
                why=error.strerror or type(error).__name__,
                hint="With several inputs -o names a folder; check the path.",
            ) from error
        paths = [target / f"{item.stem}{extension(item)}" for item in inputs]
    seen: dict[Path, Input] = {}
    sources = {item.path.resolve() for item in inputs if item.path is not None}
    for item, path in zip(inputs, paths, strict=True):
        resolved = path.resolve()
        if resolved in sources:
            raise UsageError(
                "the output would replace an input", where=str(path), hint="Choose another -o."
            )
        if resolved in seen:
            raise UsageError(
                f"{seen[resolved].label} and {item.label} would both write {path}",
                hint="Work on them one at a time, or rename one.",
            )
        seen[resolved] = item
    return paths


def apart(*outputs: Sequence[Path | None]) -> None:
    """Raise UsageError where two outputs of one command would be the same file."""
    seen: set[Path] = set()
    for path in (path for paths in outputs for path in paths if path is not None):
        if path.resolve() in seen:
            raise UsageError(
                "two outputs would be the same file",
                where=str(path),
                hint="Give each its own name.",
            )
        seen.add(path.resolve())


def same_kind(path: Path, source: Source) -> None:
    """Raise UsageError where the name of an output that keeps its input's kind promises another."""
    kind = source.info.media_type
    if KINDS.get(path.suffix.lower(), kind) != kind:
        raise UsageError(
            "the output keeps the kind of its input",
            where=str(path),
            why=f"the input is {kind}",
            hint=f"Name it {path.with_suffix(next(e for e, k in KINDS.items() if k == kind))}.",
        )


@contextmanager
def output(path: Path | None) -> Iterator[IO[bytes]]:
    """Open an output, whole or not at all: a file, or standard output for None."""
    from ..io.output import atomic, standard_output

    if path is None:
        with standard_output() as stream:
            yield stream
    else:
        with atomic(path) as file:
            yield file


def each(inputs: Sequence[Input], work: Callable[[int, Input], int]) -> int:
    """Do the work for each input and return one exit code for all.

    One input: its error is raised. Several: each failure is told, the rest is done; 20 when some
    failed, the common code when all failed in the same way.
    """
    if len(inputs) == 1:
        return work(0, inputs[0])
    codes: list[int] = []
    for index, item in enumerate(inputs):
        try:
            codes.append(work(index, item))
        except UsageError:
            raise
        except DocharmonyError as error:
            told = str(error)
            if Path(item.label).name not in told:
                told = f"{item.label}: {told}"
            messages.error(told, error.hint, code=error.exit_code)
            codes.append(error.exit_code)
    if len(set(codes)) == 1:
        return codes[0]
    return ExitCode.PARTIAL
