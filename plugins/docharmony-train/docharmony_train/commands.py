"""``docharmony train data|run|answer|eval|export``: the parsers; the work is done elsewhere."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

_EXAMPLES = """\
examples:
  docharmony train data assets/                       from installed fonts, manual pages and PDFs
  docharmony train data assets/ --deb debs/           from downloaded Debian packages
  docharmony train run nano.toml --assets assets/ --out runs/a
  docharmony train run toy.toml --assets assets/ --out runs/toy --steps 20 --device cpu
  docharmony train answer small --out runs/answer --seconds 400
  docharmony train eval runs/a/weights --assets assets/
  docharmony train export runs/a/weights --assets assets/ --replace docharmony/checkpoints/nano
"""
_TRAINING = ("torch", "transformers", "diffusers", "onnx", "cv2", "pypdfium2", "docharmony_export")


def add(subparsers: Any) -> None:
    """Add the command ``train`` with its actions."""
    train = subparsers.add_parser(
        "train",
        help="make training data, train, evaluate and export a checkpoint",
        description="Make training data, train the small checkpoint, evaluate and export it.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = train.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_data(actions)
    _add_run(actions)
    _add_answer(actions)
    _add_eval(actions)
    _add_export(actions)


def _add_data(actions: Any) -> None:
    parser = actions.add_parser("data", help="gather fonts, texts, PDFs and photos from packages")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write")
    parser.add_argument(
        "--deb",
        type=Path,
        metavar="DIR",
        help="take the .deb files of a folder instead of the installed packages",
    )
    parser.add_argument(
        "--limit",
        type=float,
        default=48.0,
        metavar="MIB",
        help="size of the training part, about; fonts and PDFs share it (default 48)",
    )
    parser.set_defaults(run=_data)


def _shipped() -> str:
    folder = Path(__file__).parent / "configs"
    names = (path.stem for path in folder.glob("*.toml"))
    return ", ".join(sorted(name for name in names if not name.startswith("answer-")))


def _add_run(actions: Any) -> None:
    parser = actions.add_parser("run", help="train for one leg")
    parser.add_argument(
        "recipe", metavar="CONFIG", help=f"a TOML file, or the name of a shipped one: {_shipped()}"
    )
    _add_assets(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the run")
    parser.add_argument("--steps", type=int, help="end after so many steps of this leg")
    parser.add_argument("--seconds", type=float, help="end this leg after so many seconds")
    parser.add_argument("--workers", type=int, help="processes that render; 0 renders in line")
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda[:N]")
    parser.set_defaults(run=_run)


def _add_answer(actions: Any) -> None:
    parser = actions.add_parser(
        "answer", help="train the experts of the answering task on made documents, for one leg"
    )
    parser.add_argument(
        "recipe", metavar="CONFIG", help="a TOML file, or the name of a shipped one: small, toy"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the run")
    parser.add_argument("--steps", type=int, default=0, help="end this leg after so many steps")
    parser.add_argument(
        "--seconds", type=float, default=0.0, help="end this leg after so many seconds"
    )
    parser.add_argument("--device", default="cpu", metavar="cpu|cuda[:N]")
    parser.set_defaults(run=_answer)


def _add_eval(actions: Any) -> None:
    parser = actions.add_parser("eval", help="measure checkpoints on held-out data")
    parser.add_argument(
        "weights",
        nargs="+",
        metavar="WEIGHTS",
        help="weights of a run, a checkpoint's folder or its name",
    )
    _add_assets(parser)
    _add_sizes(parser)
    parser.set_defaults(run=_eval)


def _add_export(actions: Any) -> None:
    parser = actions.add_parser("export", help="convert weights to a checkpoint that users run")
    parser.add_argument("weights", type=Path, metavar="WEIGHTS", help="weights of a run")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--out", type=Path, metavar="DIR", help="write a new checkpoint")
    target.add_argument(
        "--replace",
        type=Path,
        metavar="CHECKPOINT",
        help="replace this checkpoint, only if the new one wins on held-out data",
    )
    _add_assets(parser, required=False)
    _add_sizes(parser)
    parser.set_defaults(run=_export)


def _add_assets(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    parser.add_argument(
        "--assets", type=Path, required=required, metavar="DIR", help="what `train data` wrote"
    )


def _add_sizes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lines", type=int, default=200, help="lines of each kind (default 200)")
    parser.add_argument("--pages", type=int, default=12, help="pages of PDFs (default 12)")
    parser.add_argument("--crops", type=int, default=48, help="erase pairs (default 48)")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the table as JSON too")


def _data(args: argparse.Namespace) -> int:
    _need("fontTools", "pymupdf", "PIL")
    from .data.assets import gather

    _say(gather(args.out, debs=args.deb, limit=int(args.limit * 2**20)))
    return 0


def _run(args: argparse.Namespace) -> int:
    _need(*_TRAINING)
    from .config import load
    from .train import train

    config = load(args.recipe, steps=args.steps, seconds=args.seconds, workers=args.workers)
    train(config, args.assets, args.out, device=args.device)
    return 0


def _answer(args: argparse.Namespace) -> int:
    _need("torch", "transformers", "safetensors", "pymupdf")
    from .answer_config import load_config
    from .answering import train

    config = load_config(args.recipe)
    line = train(config, args.out, seconds=args.seconds, steps=args.steps, device=args.device)
    _say(json.dumps(line))
    return 0


def _eval(args: argparse.Namespace) -> int:
    _need(*_TRAINING)
    from .evaluate import Sizes, compare

    sizes = Sizes(args.lines, args.pages, args.crops)
    _say(compare(args.weights, args.assets, sizes, report=args.report))
    return 0


def _export(args: argparse.Namespace) -> int:
    _need(*_TRAINING)
    from .evaluate import Sizes
    from .export import convert, replace_if_better

    if args.out is not None:
        _say(convert(args.weights, args.out))
        return 0
    if args.assets is None:
        from docharmony import UsageError

        raise UsageError("--replace needs --assets", hint="Name the folder of held-out data.")
    sizes = Sizes(args.lines, args.pages, args.crops)
    verdict = replace_if_better(args.weights, args.replace, args.assets, sizes, report=args.report)
    _say(verdict.table)
    _say(verdict.reason)
    return 0 if verdict.better else 1


def _need(*modules: str) -> None:
    """Raise MissingExtraError when one of the packages is not installed."""
    from importlib.util import find_spec

    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        from docharmony import MissingExtraError

        raise MissingExtraError(
            "docharmony train needs more packages",
            why=f"not installed: {', '.join(missing)}",
            hint="Install them with: pip install torch ./export ./plugins/docharmony-train",
        )


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
