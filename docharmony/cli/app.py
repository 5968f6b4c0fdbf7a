"""Build the parser, run the command, turn errors into two lines and an exit code."""

from __future__ import annotations

import argparse
import contextlib
import logging
import signal
import sys
import traceback
from types import FrameType
from typing import Any, NoReturn

from .. import __version__
from ..errors import DocharmonyError, ExitCode, UsageError
from ..io.output import no_room
from ..plugins import Plugins
from ..registry import ELSEWHERE, missing
from . import messages

EPILOG = """\
examples:
  docharmony ocr scan.pdf -f markdown
  docharmony redact letter.pdf -o public.pdf --term "Jane Roe" --pii email,iban
  docharmony verify public.pdf --term "Jane Roe"
  docharmony layout page.png -f png -o blocks.png

exit codes:
  0 done · 1 unexpected · 2 usage · 3 input · 4 output · 5 plugin · 6 checkpoint · 7 missing extra
  8 engine or device · 9 a stage failed · 10 leak found, output withheld · 20 some inputs or pages
  failed, the rest is written · 130 interrupted
"""


class Parser(argparse.ArgumentParser):
    """An argument parser that raises UsageError instead of printing and exiting.

    Options of a command may stand between its inputs, as in ``ask FILE --pages 1 QUESTION``; not
    where ``--`` ends the options, which argparse cannot mix.
    """

    _mixing = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse as argparse does, inputs and options in any order."""
        given = sys.argv[1:] if args is None else list(args)
        if self._mixing or self._subparsers is not None or "--" in given:
            return super().parse_known_args(args, namespace)
        self._mixing = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._mixing = False

    def error(self, message: str) -> NoReturn:
        """Raise UsageError with what argparse found."""
        raise UsageError(message, hint=f"See: {self.prog} --help")


class _Elsewhere(Parser):
    """The command of a distribution that is not installed: understood, not listed."""

    def parse_known_args(self, *_: Any, **__: Any) -> NoReturn:
        """Raise MissingExtraError, whatever follows."""
        raise missing("command", self.prog) or UsageError(f"unknown command {self.prog!r}")


_GLOBAL: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (
        ("-v", "--verbose"),
        {"action": "store_true", "help": "messages in detail; a traceback on errors"},
    ),
    (("-q", "--quiet"), {"action": "store_true", "help": "errors only"}),
    (
        ("--json-log",),
        {"action": "store_true", "help": "one JSON line an event on standard error"},
    ),
    (("--config",), {"metavar": "FILE", "help": "options in TOML (default ./docharmony.toml)"}),
    (
        ("--plugin",),
        {
            "metavar": "MODULE|FILE.py",
            "action": "append",
            "default": [],
            "help": "load a plugin besides the installed ones",
        },
    ),
    (
        ("--set",),
        {
            "metavar": "KEY=VALUE",
            "action": "append",
            "default": [],
            "dest": "settings",
            "help": "set an option, e.g. stages.ocr.dpi=300",
        },
    ),
)


def global_options() -> Parser:
    """Return the options that stand before the command, or after it."""
    parser = Parser(add_help=False, allow_abbrev=False)
    group = parser.add_argument_group("global options")
    for names, options in _GLOBAL:
        group.add_argument(*names, **options)
    return parser


def build_parser(plugins: Plugins) -> Parser:
    """Return the whole parser with the commands of all plugins."""
    parser = Parser(
        prog="docharmony",
        description="Read, redact and describe what stands on the pages of PDFs and scans.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[global_options()],
    )
    parser.add_argument("--version", action="version", version=f"docharmony {__version__}")
    subparsers = parser.add_subparsers(
        title="commands", metavar="COMMAND", dest="command", required=True
    )
    plugins.add_commands(subparsers)
    for kind, name in ELSEWHERE:
        if kind == "command":
            subparsers.choices.setdefault(name, _Elsewhere(prog=name))
    for command in set(subparsers.choices.values()):
        for names, options in _GLOBAL:
            # Understood after the command too; shown once, in the help of docharmony itself.
            hidden = {**options, "default": argparse.SUPPRESS, "help": argparse.SUPPRESS}
            with contextlib.suppress(argparse.ArgumentError):  # the command's own wins
                command.add_argument(*names, **hidden)
    return parser


def run(argv: list[str]) -> int:
    """Run one command line and return its exit code."""
    verbose = False
    try:
        _stop_on_terminate()
        # Plugins add commands, so --plugin must be known before the parser is complete.
        early, _ = global_options().parse_known_args(argv)
        verbose = early.verbose
        messages.set_up(verbose=verbose, quiet=early.quiet, as_json=early.json_log)
        plugins = Plugins(early.plugin)
        args = build_parser(plugins).parse_args(argv)
        # A command's own parser forgets what stood before it: the early one saw both places.
        args.settings, args.config = early.settings, early.config
        args.plugins = plugins
        return int(args.run(args))
    except KeyboardInterrupt:
        messages.error("interrupted", "", code=ExitCode.INTERRUPTED)
        return ExitCode.INTERRUPTED
    except DocharmonyError as error:
        if verbose:
            _trace(error)
        messages.error(str(error), error.hint, code=error.exit_code)
        return error.exit_code
    except Exception as error:
        if verbose:
            _trace(error)
        if full := no_room(error):
            messages.error(str(full), full.hint, code=full.exit_code)
            return full.exit_code
        # A foreign error's own text may quote the document, so only its class is named.
        messages.error(
            f"unexpected error: {type(error).__name__}",
            "Run it again with -v to see where, and report it.",
            code=ExitCode.UNEXPECTED,
        )
        return ExitCode.UNEXPECTED


def _trace(error: BaseException) -> None:
    """Print where it happened, without the messages of foreign exceptions."""
    seen: BaseException | None = error
    while seen is not None:
        own = str(seen) if isinstance(seen, DocharmonyError) else ""
        logging.getLogger("docharmony").debug(
            "%s%s\n%s",
            type(seen).__name__,
            f": {own}" if own else "",
            "".join(traceback.format_tb(seen.__traceback__)),
        )
        seen = seen.__cause__ or seen.__context__


def _stop_on_terminate() -> None:
    """Let SIGTERM clean up as Ctrl-C does."""

    def stop(number: int, frame: FrameType | None) -> Any:
        raise KeyboardInterrupt

    if sys.platform != "win32":
        try:
            signal.signal(signal.SIGTERM, stop)
        except ValueError:
            return  # not the main thread: the embedding program handles signals
