"""``docharmony translate``: put the text of a document into another language, in its own look."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from . import common, messages
from .setting import EXIT_CODE, Job, add_outputs, add_setting

if TYPE_CHECKING:
    from ..config import RunConfig
    from ..io.base import Source
    from ..pipeline import Pipeline
    from ..plan import Plan
    from ..stages.translate import Left, TranslateConfig
    from ..translation import TranslationReport

_EXAMPLES = f"""\
translators
  There is no default: name one with --translator, or give a --glossary, which is one itself. Beside
  another translator the glossary's terms and segments win. `docharmony plugins` lists what is
  installed; options of a translator: --set translators.NAME.OPTION=VALUE.

what stays
  Numbers, amounts, dates, placeholders ({{name}}, %s, ${{X}}), e-mail addresses, URLs, paths and ids are
  checked to have come back unchanged; --keep adds terms of yours. Paragraphs in the target language
  already, program text and what was too hard to read stay as they are, and so do places in which a
  translation does not fit: --report lists them all.

{EXIT_CODE}
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
    add_outputs(parser)
    group = parser.add_argument_group("languages")
    group.add_argument("--to", metavar="LANG", help="language to translate into, e.g. es or pt-BR")
    group.add_argument(
        "--from",
        dest="source",
        metavar="LANG",
        help="language of the document (default: found for each paragraph)",
    )
    group.add_argument(
        "--translator", metavar="NAME", help="see `docharmony plugins` for the installed ones"
    )
    group.add_argument(
        "--glossary",
        metavar="F.csv|F.tmx",
        action="append",
        default=[],
        help="a file of translations that win; may be repeated",
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
    group = parser.add_argument_group("both languages in one file")
    both = group.add_mutually_exclusive_group()
    both.add_argument(
        "--bilingual",
        dest="bilingual",
        action="store_const",
        const="pages",
        default="",
        help="each page followed by its translation; images side by side",
    )
    both.add_argument(
        "--side-by-side",
        dest="bilingual",
        action="store_const",
        const="side",
        help="each page and its translation on one sheet",
    )
    add_setting(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Translate each input and return the exit code."""
    from ..pipeline import Pipeline
    from ..translation import propose_translations, translate

    config = common.config_of(args)
    options = _options(args, config)
    if args.preview and args.bilingual:
        raise UsageError(
            "--preview shows what --bilingual and --side-by-side write anyway",
            hint="Leave one of them out.",
        )
    inputs = common.expand(args.inputs)
    pipeline = Pipeline(config, plugins=args.plugins)
    job = Job(args, config, pipeline, inputs, "translated", _tell)
    if not args.apply:
        _check(args, options, pipeline)

    def propose(source: Source) -> Plan:
        found = propose_translations(source, options=options, pipeline=pipeline)
        _tell_left(source.info.name, found.left)
        return found.plan

    def do(source: Source, out: Path, plan: Plan | None) -> TranslationReport:
        return translate(
            source,
            out,
            options=options,
            plan=plan,
            pipeline=pipeline,
            bilingual=args.bilingual,
            style=args.style,
            least_size=args.least_size,
        )

    return job.run(propose, do)


def _check(args: argparse.Namespace, options: TranslateConfig, pipeline: Pipeline) -> None:
    """Raise before anything is read where the translation cannot work; say where texts go."""
    from ..stages.translate import TranslateStage

    if not options.translator and not options.glossary:
        raise UsageError(
            "translate needs a translator",
            why=f"installed: {', '.join(args.plugins.translators.names())}",
            hint="Choose one: --translator NAME, or give --glossary FILE.",
        )
    TranslateStage(options).check(pipeline.context)
    if options.translator and pipeline.context.translator(options.translator).network:
        messages.info(
            f"texts leave this machine: the translator {options.translator} sends them to its server",
            network=True,
        )


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


def _tell(item: common.Input, report: TranslationReport) -> None:
    _tell_left(item.label, report.untranslated)


def _tell_left(label: str, left: Sequence[Left]) -> None:
    from ..stages.translate import counts

    for reason, count in counts(left).items():
        messages.info(f"{label}: {_texts(count)}: {reason}", reason=reason, texts=count)


def _texts(count: int) -> str:
    return "1 text stays" if count == 1 else f"{count} texts stay"
