"""``docharmony export CHECKPOINT OUT``: the parser and what is printed; the work is done elsewhere."""

from __future__ import annotations

import argparse
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from docharmony.errors import ExitCode, MissingExtraError, UsageError

_NEEDED = ("torch", "transformers", "diffusers", "peft", "onnx", "safetensors")
_EXAMPLES = """\
examples:
  docharmony export weights/ onnx/ --precision int8
  docharmony export hf:ORG/NAME@REVISION onnx/ --precision fp16
  docharmony export weights/ encoder/ --parts vision,resampler
  docharmony ask letter.pdf "Who signed?" --checkpoint onnx/

Each part is compared with the torch model in a process of its own; where they differ by more than the
part's tolerance nothing is written.
"""


def add(subparsers: Any) -> None:
    """Add the command ``export``."""
    parser = subparsers.add_parser(
        "export",
        help="convert a checkpoint to ONNX, which runs without torch",
        description="Convert a checkpoint's weights to ONNX parts, which run without torch.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "checkpoint",
        metavar="CHECKPOINT",
        help="weights in safetensors: NAME, DIR or hf:ORG/NAME@REV",
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write; must not exist")
    parser.add_argument("--parts", metavar="NAME,...", help="parts to export (default: all)")
    parser.add_argument(
        "--precision",
        choices=("fp32", "fp16", "int8"),
        help="how weights are stored (default: fp32; for nano what is bundled)",
    )
    parser.add_argument(
        "--no-check", action="store_true", help="do not compare the parts with the torch model"
    )
    parser.add_argument(
        "-f", "--format", choices=("text", "json"), default="text", help="of the report"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Export and print a line a part: format, size, and what the comparison found."""
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        raise MissingExtraError(
            "cannot export", why=f"not installed: {', '.join(missing)}",
            hint='pip install "docharmony[torch]" docharmony-export',
        )  # fmt: skip
    from docharmony import checkpoint

    from .exporting import export

    parts = None
    if args.parts is not None:
        parts = [name.strip() for name in args.parts.split(",") if name.strip()]
        if not parts:
            raise UsageError("--parts names no part", hint="Leave it out to export all parts.")
    registered = {entry.name: str(entry.target) for entry in args.plugins.checkpoints}
    rows = export(
        checkpoint.find(args.checkpoint, registered),
        args.out,
        parts=parts,
        precision=args.precision,
        check=not args.no_check,
    )
    if args.format == "json":
        found = [row.to_dict() for row in rows]
        print(json.dumps({"schema": 1, "out": str(args.out), "parts": found}, indent=1))  # noqa: T201
    else:
        print("\n".join(map(str, rows)))  # noqa: T201
    return ExitCode.DONE
