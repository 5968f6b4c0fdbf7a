"""``docharmony ask``: answers with page, box and confidence."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ExitCode, UsageError
from . import common, messages

if TYPE_CHECKING:
    from ..asking import Found
    from ..io.base import Source
    from ..model import PageFailure
    from ..pipeline import Pipeline
    from ..qa.schema import Schema
    from ..stages.qa import QaConfig

_SUFFIX = {"json": ".json", "text": ".txt"}
_EXAMPLES = """\
examples:
  docharmony ask invoice.pdf "What is the total?" "When is it due?"
  docharmony ask invoices/ "Rechnungsnummer?" -f text
  docharmony ask letter.png "Who signed?" -f json
  docharmony ask invoice.pdf --schema invoice.toml     typed fields and rows, as JSON

schema:
  [fields.due]                     a field; `type` is text (default), id, date, time, money, number,
  type = "date"                    percent, name, org, party, job, place, address, phone, email, url,
                                   iban, bic or yesno
  description = "payment due"      words by which a form calls it; or `question`, a whole question
  required = true                  its absence gives exit code 20; "missing" names it
  [rows.items.columns.quantity]    a column of a table whose rows repeat
  type = "number"
"""


def add(subparsers: Any) -> None:
    """Add the command ``ask``."""
    parser = subparsers.add_parser(
        "ask",
        help="answer questions, with their place",
        description="Answer questions on a document: each answer comes with its page, its box and the "
        "probability that it is right, and null where the document does not say.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common.add_input_options(parser, single=True)
    common.add_keep_going(parser)
    parser.add_argument(
        "questions", metavar="QUESTION", nargs="*", help="what to ask; each a word of its own"
    )
    parser.add_argument(
        "--schema", metavar="S.toml", help="fill the fields of a schema, with normal forms, as JSON"
    )
    parser.add_argument(
        "-f", "--format", choices=("json", "text"), default="json", help="output format"
    )
    parser.add_argument(
        "--reader",
        choices=("auto", "rules", "engine"),
        help="who answers: the rules, the engine, or the engine where the rules are not sure (auto)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask each input, write the answers and return the exit code."""
    from ..asking import Asked, options_of
    from ..asking import run as ask
    from ..pipeline import Pipeline
    from ..qa.question import LONGEST, understand
    from ..stages.qa import checked

    config = common.config_of(args)
    if args.reader:
        config = config.with_stage("qa", reader=args.reader)
    questions = checked(args.questions)
    schema = _schema(args)
    if schema is None and not questions:
        raise UsageError("nothing was asked", hint='For example: "What is the total?"')
    for question in questions:
        if len(question) > LONGEST:
            messages.info(
                f"of a question of {len(question)} characters the first {LONGEST} are read"
            )
    inputs = common.expand([args.input])
    pipeline = Pipeline(config, plugins=args.plugins)
    options = options_of(config)
    paths: list[Path | None] = [None] * len(inputs)
    if args.output is not None:
        paths = list(common.output_paths(inputs, args.output, lambda _: _SUFFIX[args.format]))

    def work(index: int, item: common.Input) -> int:
        with (
            common.open_input(item, args, config) as source,
            messages.progress(args.plugins, source.info.name, source.info.page_count),
        ):
            if schema is not None:
                return _extract(item, source, schema, paths[index], pipeline, options)
            asked = [Asked(understand(question)) for question in questions]
            failures = ask(source, asked, pipeline, options)
        found = [one.best for one in asked]
        label = item.label if len(inputs) > 1 and paths[index] is None else ""
        text = _as_json(found, label) if args.format == "json" else _as_text(found, label)
        with common.output(paths[index]) as stream:
            stream.write(text.encode("utf-8", "backslashreplace"))
        answered = sum(one.answer.text is not None for one in found)
        messages.info(
            f"{item.label}: {answered} of {len(found)} questions answered{_left_out(failures)}",
            input=item.label,
            answered=answered,
            questions=len(found),
            failed=len(failures),
        )
        return ExitCode.PARTIAL if failures else ExitCode.DONE

    return common.each(inputs, work)


def _schema(args: argparse.Namespace) -> Schema | None:
    """Return the schema to fill; raise UsageError where questions or text are asked for beside it."""
    if args.schema is None:
        return None
    from ..qa.schema import read_schema

    if args.questions or args.format == "text":
        raise UsageError(
            "--schema stands alone",
            why="it takes no questions beside it and writes JSON",
            hint="Leave them out, or give a field a `question`.",
        )
    return read_schema(args.schema)


def _extract(
    item: common.Input,
    source: Source,
    schema: Schema,
    path: Path | None,
    pipeline: Pipeline,
    options: QaConfig,
) -> int:
    """Write what fills the schema; exit code 20 where something required is missing, or a page failed."""
    from ..extraction import extract

    record = extract(source, schema, pipeline=pipeline, options=options)
    text = json.dumps(record.to_json(), ensure_ascii=False, indent=1) + "\n"
    with common.output(path) as stream:
        stream.write(text.encode("utf-8", "backslashreplace"))
    filled = sum(value.text is not None for value in record.fields.values())
    messages.info(
        f"{item.label}: {filled} of {len(record.fields)} fields{_left_out(record.failures)}",
        input=item.label,
        failed=len(record.failures),
    )
    if record.missing:
        messages.info(
            f"{item.label}: required and not found: {', '.join(record.missing)}",
            missing=list(record.missing),
        )
    return ExitCode.PARTIAL if record.missing or record.failures else ExitCode.DONE


def _left_out(failures: Sequence[PageFailure]) -> str:
    return f", {messages.count(len(failures), 'page')} failed and not asked" if failures else ""


def _as_json(found: list[Found], label: str) -> str:
    """Return the answers as one list; over several inputs each says whose it is, one list a line."""
    data = [one.to_json() | ({"source": label} if label else {}) for one in found]
    return json.dumps(data, ensure_ascii=False, indent=None if label else 1) + "\n"


def _as_text(found: list[Found], label: str) -> str:
    """Return the question, and below it the answer with its page and confidence."""
    lines = [label] if label else []
    for one in found:
        answer = one.answer
        lines.append(answer.question)
        if answer.text is None:
            lines.append("    - (the document does not say)")
        else:
            place = f"page {one.page}, {answer.confidence:.0%}, {answer.reader}"
            lines.append(f"    {answer.text}  ({place})")
    return "\n".join(lines) + "\n"
