"""``docharmony review``: look at proposed edits in the browser, decide on them, add areas by hand."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ExitCode, InputError, UsageError
from . import common, messages, redact

if TYPE_CHECKING:
    from ..config import RunConfig
    from ..io.base import Source
    from ..plan import Plan

_MOST_FILES = 500
_EXAMPLES = """\
examples:
  docharmony review letter.pdf --term "Jane Roe" --pii all      propose, look, save letter.plan.json
  docharmony review letter.pdf                                  mark areas by hand only
  docharmony review plan.json                                   go on with a plan; it finds its input
  docharmony redact letter.pdf -o public.pdf --apply letter.plan.json

The page is served to this machine alone, at an address that nobody can guess, until you close it.
"""


def add(subparsers: Any) -> None:
    """Add the command ``review``."""
    parser = subparsers.add_parser(
        "review",
        help="look at proposed edits in the browser and decide",
        description="Serve a local page to look at the edits of a plan, or at those that rules "
        "propose: remove, keep, or add areas by dragging. Saves the plan.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common.add_input_options(parser, output="none", single=True)
    parser.add_argument(
        "-o",
        "--output",
        metavar="PLAN.json",
        help="where to save the plan (default: the plan given, or INPUT's name with .plan.json)",
    )
    parser.add_argument(
        "--document",
        metavar="FILE",
        help="the document of the plan, where it does not lie beside it",
    )
    parser.add_argument(
        "--port", type=int, default=0, metavar="N", help="port on 127.0.0.1 (default: a free one)"
    )
    parser.add_argument("--open", action="store_true", help="open the page in the browser")
    redact.add_rules(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve the review and return the exit code."""
    from ..model import Page
    from ..review.server import Review, serve

    if not 0 <= args.port <= 65535:
        raise UsageError("no such port", where=f"--port {args.port}", hint="Choose 0 to 65535.")
    config = common.config_of(args)
    name = args.input
    with ExitStack() as stack:
        plan, source, target = _opened(args, config, name, stack)
        if not any(isinstance(page, Page) for page in source.pages()):
            source.page(1)  # nothing to look at: raise what is wrong with it
        review = Review(source, plan, target)

        def ready(address: str) -> None:
            sys.stdout.write(address + "\n")
            sys.stdout.flush()
            messages.info("serving until you close the page, or press Ctrl-C")
            if args.open:
                import webbrowser

                webbrowser.open(address)

        try:
            serve(review, args.port, ready)
        except KeyboardInterrupt:
            messages.info("stopped")
    if review.saved:
        messages.info(
            f"plan -> {target}; it holds text of the document: keep it as safe as the input",
            plan=str(target),
        )
    else:
        messages.info("nothing was saved")
    return ExitCode.DONE


def _opened(
    args: argparse.Namespace, config: RunConfig, name: str, stack: ExitStack
) -> tuple[Plan, Source, Path]:
    """Return the plan, its open input, and where to save."""
    from ..plan import Plan

    path = Path(name)
    if name != "-" and _is_json(path):
        if redact.gives_rules(args):
            raise UsageError("a plan is reviewed as it is", why="rules were given beside it")
        plan = Plan.read(path)
        document = Path(args.document) if args.document else _beside(path, plan)
        source = stack.enter_context(
            common.open_input(common.Input(document, document.stem), args, config)
        )
        if source.info.sha256 != plan.input_sha256:
            raise UsageError(
                "this plan was made for another input",
                where=str(document),
                why="its SHA-256 differs",
                hint="Give the file that it was made from with --document.",
            )
        return plan, source, Path(args.output) if args.output else path
    if args.document:
        raise UsageError("--document is for plans", hint="Name the document itself.")
    item = common.expand([name])[0]
    source = stack.enter_context(common.open_input(item, args, config))
    target = Path(args.output) if args.output else Path(f"{item.stem}.plan.json")
    return _proposed(args, config, source), source, target


def _proposed(args: argparse.Namespace, config: RunConfig, source: Source) -> Plan:
    """Return the edits that the rules propose; a plan without edits where there are no rules."""
    from ..pipeline import Pipeline
    from ..plan import Plan
    from ..redaction import propose

    if not redact.gives_rules(args) and "redact" not in config.stages:
        return Plan(source.info.sha256, {})
    rules = redact.rules_of(args, config)
    pipeline = Pipeline(config, plugins=args.plugins)
    with messages.progress(args.plugins, source.info.name, source.info.page_count):
        return propose(source, rules=rules, pipeline=pipeline).plan


def _is_json(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(512).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    except OSError:
        return False


def _beside(path: Path, plan: Plan) -> Path:
    """Return the file beside a plan that it was made from; raise InputError where there is none."""
    import hashlib

    folder = path.absolute().parent
    files = sorted(
        (file for file in folder.iterdir() if file.is_file() and not file.name.startswith(".")),
        key=lambda file: (not path.name.startswith(file.stem), file.name),
    )
    for file in files[:_MOST_FILES]:
        try:
            with file.open("rb") as stream:
                if hashlib.file_digest(stream, "sha256").hexdigest() == plan.input_sha256:
                    return file
        except OSError:
            continue
    raise InputError(
        "cannot find the document of the plan",
        where=str(path),
        why="no file beside it has its SHA-256",
        hint="Give it with --document FILE.",
    )
