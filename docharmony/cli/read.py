"""``docharmony ocr`` and ``docharmony layout``: read pages and write what was found."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..errors import ExitCode, UsageError
from ..model import Page, PageFailure
from . import common, messages

OCR_FORMATS = ("json", "text", "markdown", "hocr", "alto", "pdf")
LAYOUT_FORMATS = ("json", "png")

_OCR_EXAMPLES = """\
examples:
  docharmony ocr scan.pdf                              JSON on standard output
  docharmony ocr scan.pdf -f pdf -o searchable.pdf     the same pages with a text layer
  docharmony ocr invoices/ -f markdown -o text/        every PDF and image of a folder
  docharmony ocr book.pdf -f text --pages 1-3,7
"""
_LAYOUT_EXAMPLES = """\
examples:
  docharmony layout report.pdf -f png -o blocks.png    a picture to look at
  docharmony layout report.pdf -f json | jq '.pages[0].blocks'
"""


def add_ocr(subparsers: Any) -> None:
    """Add the command ``ocr``."""
    _add(subparsers, "ocr", "read text with its places", OCR_FORMATS, _OCR_EXAMPLES)


def add_layout(subparsers: Any) -> None:
    """Add the command ``layout``."""
    _add(subparsers, "layout", "find blocks in reading order", LAYOUT_FORMATS, _LAYOUT_EXAMPLES)


def _add(subparsers: Any, name: str, summary: str, formats: tuple[str, ...], epilog: str) -> None:
    parser = subparsers.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common.add_input_options(parser)
    common.add_keep_going(parser)
    parser.add_argument(
        "-f", "--format", choices=formats, default="json", help="output format (default: json)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read each input, write it in the format asked for, and return the exit code."""
    from ..pipeline import Pipeline

    config = common.config_of(args)
    inputs = common.expand(args.inputs)
    entry = args.plugins.writers.entry(args.format)
    if args.output is None and args.format in ("pdf", "png") and len(inputs) > 1:
        raise UsageError(
            f"several inputs as {args.format} need -o", hint="Name a folder: -o results/"
        )
    pipeline = Pipeline(config, plugins=args.plugins)
    writer = entry.load()()
    paths: list[Path | None] = [None] * len(inputs)
    if args.output is not None:
        paths = list(common.output_paths(inputs, args.output, lambda _: writer.extension))

    def work(index: int, item: common.Input) -> int:
        with (
            common.open_input(item, args, config) as source,
            messages.progress(args.plugins, source.info.name, source.info.page_count),
            common.output(paths[index]) as stream,
        ):
            watched = Watched(pipeline.pages(source))
            writer.write(source, watched, stream)
        messages.info(
            f"{item.label}: {messages.count(watched.pages, 'page')}, "
            + messages.count(watched.lines, "line")
            + (f", {messages.count(watched.failed, 'page')} failed" if watched.failed else "")
            + (f" -> {paths[index]}" if paths[index] else ""),
            input=item.label,
            pages=watched.pages,
            failed=watched.failed,
        )
        return ExitCode.PARTIAL if watched.failed else ExitCode.DONE

    return common.each(inputs, work)


class Watched:
    """Pages on their way to a writer, counted."""

    def __init__(self, items: Iterable[Page | PageFailure]) -> None:
        self._items = items
        self.pages = self.lines = self.failed = 0

    def __iter__(self) -> Iterator[Page | PageFailure]:
        for item in self._items:
            if isinstance(item, Page):
                self.pages += 1
                self.lines += len(item.lines)
            else:
                self.failed += 1
            yield item
