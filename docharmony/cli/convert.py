"""``docharmony convert``: TextHarmony's published weights to a checkpoint."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CheckpointNotFoundError, ConfigError, ExitCode, UsageError
from . import common, messages

if TYPE_CHECKING:
    from ..engine.presets import PublishedSpec

TOKENIZER = "tokenizer.model"
_EXAMPLES = """\
examples:
  docharmony convert published/ -o full                  the folder with pytorch_model.bina*
  docharmony convert pytorch_model.bin --tokenizer tokenizer.model -o full
  docharmony ocr scan.png --checkpoint full              then use it (extra torch)
"""


def add(subparsers: Any) -> None:
    """Add the command ``convert``."""
    parser = subparsers.add_parser(
        "convert",
        help="make a checkpoint of TextHarmony's published weights",
        description="Write published weights (a pickle, whole or in pieces) as safetensors with a "
        "manifest. Keys and shapes must fit the published table one by one. Needs the extra torch.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "sources",
        metavar="SOURCE",
        nargs="+",
        help="a folder with pytorch_model.bin*, or the file or its pieces in order",
    )
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="folder to be made")
    parser.add_argument(
        "--tokenizer",
        metavar="F",
        help=f"the SentencePiece model (default: {TOKENIZER} beside them)",
    )
    parser.add_argument(
        "--dtype",
        choices=("bfloat16", "float16", "float32"),
        default="bfloat16",
        help="of the weights written",
    )
    parser.add_argument(
        "--shard-size", type=common.size, metavar="SIZE", default=4 << 30, help="(default 4G)"
    )
    parser.add_argument(
        "--merge-lora", action="store_true", help="add the vision trunk's LoRA to its weights"
    )
    parser.add_argument(
        "--spec", metavar="full|tiny|F.json", default="full", help="sizes of the weights"
    )
    parser.add_argument("--name", help="name in the manifest (default: that of OUT)")
    parser.add_argument(
        "--licence", default="CC-BY-4.0", help="in the manifest (default: CC-BY-4.0, as published)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Convert, and say what was written."""
    from .. import checkpoint
    from ..engine.opening import require_torch

    spec = _spec(args.spec)
    pieces = _pieces(args.sources)
    tokenizer = _tokenizer(args.tokenizer, pieces[0].parent)
    require_torch("cannot convert weights", where=str(pieces[0]))
    from ..engine.modeling.loading import convert

    folder = convert(
        pieces,
        args.output,
        spec,
        name=args.name or Path(args.output).name,
        licence=args.licence,
        dtype=args.dtype,
        shard_bytes=args.shard_size,
        merge_lora=args.merge_lora,
        tokenizer=tokenizer,
    )
    parts = checkpoint.load_manifest(folder).parts.values()
    total = sum(part.bytes for part in parts)
    messages.info(f"{folder}: {len(parts)} files, {total / 1e9:.2f} GB")
    return ExitCode.DONE


def _spec(name: str) -> PublishedSpec:
    from ..engine.presets import PRESETS, PublishedSpec

    preset = PRESETS.get(name)
    if isinstance(preset, PublishedSpec):
        return preset
    try:
        return PublishedSpec.from_dict(json.loads(Path(name).read_text(encoding="utf-8")))
    except OSError as error:
        why = error.strerror or type(error).__name__
    except (TypeError, ValueError) as error:
        why = str(error)
    raise ConfigError(
        "cannot read the sizes",
        where=f"--spec {name}",
        why=why,
        hint="full and tiny are known; a file holds the key spec of a manifest",
    )


def _pieces(sources: list[str]) -> list[Path]:
    paths = [Path(source) for source in sources]
    if len(paths) == 1 and paths[0].is_dir():
        folder = paths[0]
        whole = folder / "pytorch_model.bin"
        paths = [whole] if whole.is_file() else sorted(folder.glob("pytorch_model.bin?*"))
        if not paths:
            raise CheckpointNotFoundError(
                "no published weights",
                where=str(folder),
                why="it holds no pytorch_model.bin, whole or in pieces",
            )
    elif any(path.is_dir() for path in paths):
        raise UsageError(
            "a folder stands beside other sources", hint="Name one folder, or the files in order."
        )
    for path in paths:
        if not path.is_file():
            raise CheckpointNotFoundError(
                "no published weights",
                where=str(path),
                why="the file is not there",
                hint="name a folder with pytorch_model.bin*, or the file or its pieces in order",
            )
    return paths


def _tokenizer(name: str | None, folder: Path) -> Path:
    path = Path(name) if name is not None else folder / TOKENIZER
    if not path.is_file():
        raise CheckpointNotFoundError(
            "no tokenizer",
            where=str(path),
            why="the file is not there",
            hint="name it with --tokenizer; without it nothing can be read or written",
        )
    return path
