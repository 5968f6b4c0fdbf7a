"""``docharmony translate``: put the text of a document into another language, in its own look."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ExitCode, UsageError
from . import common, messages

if TYPE_CHECKING:
    from ..config import RunConfig
    from ..pipeline import Pipeline
    from ..stages.translate import Left, TranslateConfig
    from ..translation import TranslationReport

_EXAMPLES = """\
translators
  There is no default: name one with --translator, or give a --glossary, which is one itself. Beside
  another translator the glossary's terms and segments win. `docharmony plugins` lists what is
  installed; options of a translator: --set translators.NAME.OPTION=VALUE.

what stays
  Numbers, amounts, dates, placeholders ({name}, %s, ${X}), e-mail addresses, URLs, paths and ids are
  checked to have come back unchanged; --keep adds terms of yours. Paragraphs in the target language
  already, program text and what was too hard to read stay as they are: --report lists the places.

examples:
  docharmony translate letter.pdf -o carta.pdf --to es --translator apertium --report report.json
  docharmony translate form.png -o formular.png --to de --glossary terms.csv
  docharmony translate reports/ -o berichte/ --to de --glossary terms.tmx --bilingual
  docharmony translate letter.pdf --to es --translator apertium --plan plan.json
  docharmony translate letter.pdf -o carta.pdf --apply plan.json
"""


def add(subparsers: Any) -> None:
    """Add the command ``translate``."""
    parser = subparsers.add_parser(
        "translate",
        help="put the text of a document into another language",
        description="Translate whole paragraphs, cells and labels, also in pictures and scans, and set "
        "them in the place and style of the old text.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common.add_input_options(parser, output="none")
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="a file for one input, a folder for several; of the same kind as the input",
    )
    group = parser.add_argument_group("languages")
    group.add_argument("--to", metavar="LANG", help="language to translate into, e.g. es or pt-BR")
    group.add_argument(
        "--from",
        dest="source",
        metavar="LANG",
        help="language of the document (default: found for each paragraph)",
    )
    group = parser.add_argument_group("how")
    group.add_argument(
        "--translator", metavar="NAME", help="see `docharmony plugins` for the installed ones"
    )
    group.add_argument(
        "--glossary",
        metavar="FILE",
        action="append",
        default=[],
        help="CSV or TMX with translations that win; may be repeated",
    )
    group.add_argument(
        "--keep",
        metavar="TERM",
        action="append",
        default=[],
        help="a term that stays as it is; may be repeated",
    )
    group.add_argument(
        "--local-numbers",
        action="store_true",
        help="write numbers with the separators of the language",
    )
    group.add_argument(
        "--bilingual",
        action="store_true",
        help="each page followed by its translation; images side by side",
    )
    group.add_argument(
        "--side-by-side",
        action="store_true",
        help="each page and its translation on one sheet",
    )
    group.add_argument(
        "--report", metavar="R.json", help="write what was done and what stays, without text"
    )
    both = group.add_mutually_exclusive_group()
    both.add_argument("--plan", metavar="P.json", help="write a plan to review; alter nothing")
    both.add_argument("--apply", metavar="P.json", help="apply a plan")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Translate each input and return the exit code."""
    from ..pipeline import Pipeline

    config = common.config_of(args)
    options = _options(args, config)
    if args.output is None and not args.plan:
        raise UsageError("translate needs -o", hint="Name the output file: -o carta.pdf")
    inputs = common.expand(args.inputs)
    job = _Job(args, config, options, Pipeline(config, plugins=args.plugins))
    if not args.apply:
        job.check()
    if args.plan:
        plans = common.output_paths(inputs, args.plan, lambda _: ".json")
        return common.each(inputs, lambda index, item: job.propose(item, plans[index]))
    outputs = common.output_paths(inputs, args.output, _extension)
    reports: Sequence[Path | None] = [None] * len(inputs)
    if args.report:
        reports = common.output_paths(inputs, args.report, lambda _: ".json")
    return common.each(
        inputs,
        lambda index, item: job.translate(
            item, outputs[index], reports[index], _plan_for(item, args.apply, len(inputs))
        ),
    )


class _Job:
    """What is done with each input."""

    def __init__(
        self,
        args: argparse.Namespace,
        config: RunConfig,
        options: TranslateConfig,
        pipeline: Pipeline,
    ) -> None:
        self.args, self.config, self.options, self.pipeline = args, config, options, pipeline

    def check(self) -> None:
        """Raise before anything is read where the translation cannot work; say where texts go."""
        from ..stages.translate import TranslateStage

        if not self.options.translator and not self.options.glossary:
            names = ", ".join(self.args.plugins.translators.names())
            raise UsageError(
                "translate needs a translator",
                why=f"installed: {names}",
                hint="Choose one: --translator NAME, or give --glossary FILE.",
            )
        stage = TranslateStage(self.options)
        stage.check(self.pipeline.context)
        name = self.options.translator
        if name and self.pipeline.context.translator(name).network:
            messages.info(
                f"texts leave this machine: the translator {name} sends them to its server",
                network=True,
            )

    def propose(self, item: common.Input, path: Path) -> int:
        """Write the plan for one input."""
        from ..translation import propose_translations

        with (
            common.open_input(item, self.args, self.config) as source,
            messages.progress(self.args.plugins, source.info.name, source.info.page_count),
        ):
            found = propose_translations(source, options=self.options, pipeline=self.pipeline)
        found.plan.write(path)
        count = sum(map(len, found.plan.edits.values()))
        messages.info(
            f"{item.label}: {count} texts to translate -> {path}; it holds them: keep it as safe as "
            "the input",
            plan=str(path),
            edits=count,
        )
        _tell_left(item, found.left)
        return ExitCode.DONE

    def translate(
        self, item: common.Input, out: Path, report_path: Path | None, plan_path: Path | None
    ) -> int:
        """Write the translated output of one input, and its report."""
        from ..plan import Plan
        from ..translation import translate

        plan: Plan | None = Plan.read(plan_path) if plan_path is not None else None
        with (
            common.open_input(item, self.args, self.config) as source,
            messages.progress(self.args.plugins, source.info.name, source.info.page_count),
        ):
            report = translate(
                source,
                out,
                options=self.options,
                plan=plan,
                pipeline=self.pipeline,
                bilingual="side"
                if self.args.side_by_side
                else "pages"
                if self.args.bilingual
                else "",
            )
        if report_path is not None:
            with common.output(report_path) as stream:
                stream.write(json.dumps(report.to_json(), indent=1).encode() + b"\n")
        _tell(item, report, out)
        return ExitCode.DONE


def _options(args: argparse.Namespace, config: RunConfig) -> TranslateConfig:
    """Return the options of the configuration with those of the command line on top.

    Raises:
        UsageError: no language, an unknown translator, or options beside a plan.
    """
    from ..config import build
    from ..stages.translate import TranslateConfig

    if args.apply:
        if args.to or args.source or args.translator or args.glossary or args.keep:
            raise UsageError(
                "--apply does what the plan says",
                why="options of the translation were given beside it",
                hint="Leave them out, or make a new plan with them.",
            )
        return TranslateConfig()
    options = build(TranslateConfig, config.stages.get("translate", {}), where="stages.translate")
    options = replace(
        options,
        to=args.to or options.to,
        source=args.source or options.source,
        translator=args.translator or options.translator,
        glossary=(*options.glossary, *args.glossary),
        keep=(*options.keep, *args.keep),
        numbers=options.numbers or args.local_numbers,
    )
    if not options.to:
        raise UsageError("translate needs a language", hint="Name it: --to es")
    if options.translator:
        args.plugins.translators.entry(options.translator)
    return options


def _extension(item: common.Input) -> str:
    return item.path.suffix if item.path is not None and item.path.suffix else ".pdf"


def _plan_for(item: common.Input, name: str | None, count: int) -> Path | None:
    """Return the plan of an input: the file named, or for several inputs one each in that folder."""
    if name is None:
        return None
    return Path(name) / f"{item.stem}.json" if count > 1 or Path(name).is_dir() else Path(name)


def _tell(item: common.Input, report: TranslationReport, out: Path) -> None:
    """Say what was done: counts and places, never the text."""
    done = report.replacement
    messages.info(
        f"{item.label} -> {out} ({done.count} texts translated)",
        input=item.label,
        output=str(out),
        translated=done.count,
    )
    if done.left:
        messages.info(
            f"{done.left} translations did not fit; their places stay as they were (the report lists "
            "them)",
            unfitted=done.left,
        )
    _tell_left(item, report.left)


def _tell_left(item: common.Input, left: Sequence[Left]) -> None:
    from ..stages.translate import counts

    for reason, count in counts(left).items():
        messages.info(
            f"{item.label}: {count} {'text stays' if count == 1 else 'texts stay'}: {reason}",
            reason=reason,
            texts=count,
        )
