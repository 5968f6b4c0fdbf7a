"""``docharmony verify``: audit a file for bad redactions, hidden text, carriers and given terms."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ExitCode, UsageError
from . import common, messages

if TYPE_CHECKING:
    from ..io.verify import Finding

_LEAKS = frozenset({"bad_redaction", "term"})
_SUFFIX = {"json": ".json", "text": ".txt"}

_EXAMPLES = """\
examples:
  docharmony verify released.pdf                        0 when nothing leaks, 10 when something does
  docharmony verify out.pdf --term "Jane Doe" --term 4711
  docharmony verify photo.jpg --term "Jane Doe"          read from the pixels, sought in the metadata
  docharmony verify *.pdf --terms-file names.txt -f text
  docharmony verify out.pdf --strict --show-text        any finding counts, with what it says

findings:
  bad_redaction   text that is covered, marked or boxed, and can still be got
  hidden_text     text that the page holds and does not show, or shows as other text
  carrier         metadata, attachments, scripts and the like
  revision        an earlier state of the file
  term            a term given with --term, wherever and however it is written: in text, data or pixels
"""


def add(subparsers: Any) -> None:
    """Add the command ``verify``."""
    parser = subparsers.add_parser(
        "verify",
        help="audit a (redacted) PDF or image",
        description="Audit a PDF or an image, redacted by docharmony or by others: exit 10 if it leaks.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common.add_input_options(parser)
    parser.add_argument(
        "--term", metavar="T", action="append", default=[], help="text that it must not hold"
    )
    parser.add_argument("--terms-file", metavar="F", help="a file with one term a line")
    parser.add_argument("--whole-words", action="store_true", help="find terms as whole words only")
    parser.add_argument(
        "--strict", action="store_true", help="exit 10 with any finding, not only leaks"
    )
    parser.add_argument(
        "--show-text", action="store_true", help="show what stands under bad redactions"
    )
    parser.add_argument(
        "-f", "--format", choices=("text", "json"), default="text", help="output format"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Audit each input, write the findings, and return 10 when one leaks."""
    from ..pipeline import Pipeline

    config = common.config_of(args)
    inputs = common.expand(args.inputs)
    terms = [*args.term, *_read_terms(args.terms_file)]
    paths: list[Path | None] = [None] * len(inputs)
    if args.output is not None:
        suffix = _SUFFIX[args.format]
        paths = list(common.output_paths(inputs, args.output, lambda _: suffix))
    leaking: list[str] = []
    pipeline = Pipeline(config, plugins=args.plugins)

    def work(index: int, item: common.Input) -> int:
        from ..auditing import audit
        from ..config import page_numbers
        from ..schema import source_to_json

        with common.open_input(item, args, config) as source:
            pages = page_numbers(config.pages, source.info.page_count)
            steps = len(pages) * (2 if terms else 1)  # parsers, then the reader
            with messages.progress(args.plugins, source.info.name, steps) as advance:
                findings = audit(
                    source,
                    pipeline=pipeline,
                    terms=terms,
                    whole_words=args.whole_words,
                    pages=pages,
                    advance=advance,
                )
            if args.format == "json":
                data = {
                    "schema": 1,
                    "source": source_to_json(source.info),
                    "findings": [f.to_json(show_text=args.show_text) for f in findings],
                }
                text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
            else:
                text = _as_text(item.label, findings, show_text=args.show_text)
            with common.output(paths[index]) as stream:
                stream.write(text.encode())
        leaks = sum(finding.kind in _LEAKS for finding in findings)
        counted = len(findings) if args.strict else leaks
        if counted:
            leaking.append(item.label)
        messages.info(
            f"{item.label}: {len(findings)} findings, {leaks} of them leaks",
            input=item.label,
            findings=len(findings),
            leaks=leaks,
        )
        return ExitCode.DONE

    code = common.each(inputs, work)
    return ExitCode.LEAK if leaking else code


def _read_terms(name: str | None) -> list[str]:
    if name is None:
        return []
    try:
        lines = Path(name).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            "cannot read the terms",
            where=name,
            why=getattr(error, "strerror", None) or "it is not UTF-8",
            hint="Give a text file with one term a line.",
        ) from error
    return [line.strip() for line in lines if line.strip()]


def _as_text(label: str, findings: Sequence[Finding], *, show_text: bool) -> str:
    """Return one line a finding, or one line that says there is none."""
    if not findings:
        return f"{label}: nothing found\n"
    lines = []
    for finding in findings:
        place = "document" if finding.page is None else f"page {finding.page}"
        if finding.bbox is not None:
            place += f" at {','.join(f'{value:.0f}' for value in finding.bbox)}"
        line = f"{label}: {place}: {finding.kind}: {finding.where}"
        shown = finding.to_json(show_text=show_text)["text"]
        lines.append(line + (f": {shown}" if shown else ""))
    return "\n".join(lines) + "\n"
