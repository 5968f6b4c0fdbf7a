"""``docharmony replace``: put other text in place of old, in its style."""

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
    from ..replacement import ReplacementReport
    from ..stages.replace import ReplaceConfig

_EXAMPLES = f"""\
pairs
  Old text is found as whole words whatever its case, accents, hyphenation and line ends; in scans also
  with a reader's slips. New text is written in capitals where the old one is. Write \\= for a sign =
  that belongs to OLD. A map file is CSV with two columns, or JSON: {{"old": "new"}}.

what does not fit
  New text is set in the old size. Where that is too long, it is set a little closer, then into free
  space beside and below, then smaller, down to --least-size. What does not fit even then is left as it
  was, and told.

{EXIT_CODE}
plans
  --plan writes the edits to a file and alters nothing. Change "replacement", or "status" to "rejected";
  --apply does the rest.

examples:
  docharmony replace contract.pdf -o new.pdf --map "Smith Ltd=Jones & Sons Ltd" --map 2025=2026
  docharmony replace scans/ -o new/ --map-file names.csv --report reports/ --preview pictures/
  docharmony replace letter.pdf -o new.pdf --ask "Who signed?=Jane Roe"
  docharmony replace form.png -o new.png --map "Invoice=Rechnung" --preview both.png
"""


def add(subparsers: Any) -> None:
    """Add the command ``replace``."""
    parser = subparsers.add_parser(
        "replace",
        help="put other text in place of old, in its style",
        description="Put other text in place of old, so that it looks as if it had always stood "
        "there. The old text is gone from the file, everything else of it stays.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common.add_input_options(parser, output="none")
    add_outputs(parser)
    group = parser.add_argument_group("what to replace")
    group.add_argument(
        "--map", metavar="OLD=NEW", action="append", default=[], help="a pair; may be repeated"
    )
    group.add_argument(
        "--map-file",
        metavar="F.csv|F.json",
        action="append",
        default=[],
        help="a file of pairs; may be repeated",
    )
    group.add_argument(
        "--ask",
        metavar="QUESTION=NEW",
        action="append",
        default=[],
        help="replace what answers a question, wherever it stands; the lines of an address take the "
        "parts of NEW between commas; may be repeated",
    )
    group.add_argument(
        "--inside-words", action="store_true", help="replace inside longer words too"
    )
    group.add_argument(
        "--exact-case", action="store_true", help="write new text as given, whatever the old case"
    )
    add_setting(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Replace in each input and return the exit code."""
    from ..pipeline import Pipeline
    from ..replacement import propose_replacements

    config = common.config_of(args)
    rules = _rules(args, config)
    inputs = common.expand(args.inputs)
    job = Job(args, config, Pipeline(config, plugins=args.plugins), inputs, "replaced", _tell)

    def propose(source: Source) -> Plan:
        if args.ask:
            return _plan_of_answers(source, rules, args.ask, job.pipeline)
        return propose_replacements(source, rules=rules, pipeline=job.pipeline)

    def do(source: Source, out: Path, plan: Plan | None) -> ReplacementReport:
        from ..replacement import replace as replaced

        return replaced(
            source,
            out,
            rules=rules,
            plan=propose(source) if args.ask and not plan else plan,
            pipeline=job.pipeline,
            style=args.style,
            least_size=args.least_size,
        )

    return job.run(propose, do)


def _plan_of_answers(
    source: Source, rules: ReplaceConfig, asked: Sequence[str], pipeline: Pipeline
) -> Plan:
    """Return the edits of the rules and of what answers each question in this input.

    Raises:
        UsageError: a question has no answer, or one that cannot be replaced where it stands.
    """
    from ..asking import replaceable
    from ..replacement import propose_replacements
    from ..stages.pairs import parse_pair, write_pair
    from ..stages.replace import all_pairs

    answers = replaceable(source, [parse_pair(pair) for pair in asked], pipeline)
    added = [write_pair(old, new) for own in answers for old, new in own]
    rules = replace(rules, map=(*rules.map, *added))
    plan = propose_replacements(source, rules=rules, pipeline=pipeline)
    pairs = all_pairs(rules)
    done = {pairs[edit.term - 1][0] for edits in plan.edits.values() for edit in edits if edit.term}
    for number, own in enumerate(answers, 1):
        if not done.issuperset(old for old, _ in own):
            raise UsageError(
                "a question has an answer that cannot be replaced",
                where=f"question {number}",
                why="its words do not follow one another, or another pair takes them",
                hint="Name the old text with --map OLD=NEW, or leave the other pair out.",
            )
    return plan


def _rules(args: argparse.Namespace, config: RunConfig) -> ReplaceConfig:
    """Return the rules of the configuration with those of the command line added.

    Raises:
        UsageError: no pair at all, one that makes no sense, or pairs beside a plan.
        ConfigError: a map file that cannot be read.
    """
    from ..config import build
    from ..stages.pairs import parse_pair
    from ..stages.replace import ReplaceConfig, all_pairs

    if args.apply:
        if args.map or args.map_file or args.ask or args.inside_words or args.exact_case:
            raise UsageError(
                "--apply does what the plan says",
                why="pairs were given beside it",
                hint="Leave them out, or make a new plan with them.",
            )
        return ReplaceConfig()
    rules = build(ReplaceConfig, config.stages.get("replace", {}), where="stages.replace")
    rules = replace(
        rules,
        map=(*rules.map, *args.map),
        map_files=(*rules.map_files, *args.map_file),
        inside_words=rules.inside_words or args.inside_words,
        keep_case=rules.keep_case and not args.exact_case,
    )
    for pair in args.ask:
        try:
            parse_pair(pair)
        except UsageError:
            raise UsageError(
                "cannot understand a question",
                why="it is not QUESTION=NEW",
                hint='For example: --ask "Who signed?=Jane Roe"; a sign = inside it as \\=.',
            ) from None
    if not all_pairs(rules) and not args.ask:
        raise UsageError(
            "nothing to replace was named", hint="Give --map OLD=NEW, --map-file FILE or --ask."
        )
    return rules


def _tell(item: common.Input, report: ReplacementReport) -> None:
    if not report.edits:
        messages.info(f"{item.label}: nothing matched; the output is a copy", matched=False)
