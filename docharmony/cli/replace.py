"""``docharmony replace``: put other text in place of old, in its style."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ExitCode, UsageError
from . import common, messages

if TYPE_CHECKING:
    from ..config import RunConfig
    from ..pipeline import Pipeline
    from ..plan import Plan
    from ..replacement import ReplacementReport
    from ..stages.replace import ReplaceConfig

_EXAMPLES = """\
pairs
  Old text is found as whole words whatever its case, accents, hyphenation and line ends; in scans also
  with a reader's slips. New text is written in capitals where the old one is. Write \\= for a sign =
  that belongs to OLD. A map file is CSV with two columns, or JSON: {"old": "new"}.

what does not fit
  New text is set in the old size. Where that is too long, it is set a little closer, then into free
  space beside and below, then smaller, down to --least-size. What does not fit even then is left as it
  was, and told: the exit code is 20.

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
        help="replace what answers a question, wherever it stands; may be repeated",
    )
    group.add_argument(
        "--inside-words", action="store_true", help="replace inside longer words too"
    )
    group.add_argument(
        "--exact-case", action="store_true", help="write new text as given, whatever the old case"
    )
    add_setting(parser)
    parser.set_defaults(run=run)


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """Add -o as commands that alter documents have it."""
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="a file for one input, a folder for several; of the same kind as the input",
    )


def add_setting(parser: argparse.ArgumentParser) -> None:
    """Add the options of how new text is set, and of what is told about it."""
    group = parser.add_argument_group("how")
    group.add_argument(
        "--style",
        choices=("text", "engine"),
        default="text",
        help="text: set type in the style of the old text (default); engine: let the image decoder "
        "paint it; no checkpoint can yet, so type is set and the report says why",
    )
    group.add_argument(
        "--least-size",
        type=float,
        default=0.7,
        metavar="SHARE",
        help="smallest size of new text, as a share of the old one's (default 0.7)",
    )
    group.add_argument("--report", metavar="R.json", help="write what was done, without any text")
    group.add_argument(
        "--preview",
        metavar="P.png|P.html",
        help="write the changed pages beside the old ones, to look at",
    )
    both = group.add_mutually_exclusive_group()
    both.add_argument("--plan", metavar="P.json", help="write a plan to review; alter nothing")
    both.add_argument("--apply", metavar="P.json", help="apply a plan")


def run(args: argparse.Namespace) -> int:
    """Replace in each input and return the exit code."""
    from ..pipeline import Pipeline
    from ..replacement import propose_replacements

    config = common.config_of(args)
    rules = _rules(args, config)
    inputs = common.expand(args.inputs)
    job = Job(args, config, Pipeline(config, plugins=args.plugins), inputs)

    def propose(source: Any) -> Plan:
        own = _with_answers(source, rules, args.ask, job.pipeline)
        return propose_replacements(source, rules=own, pipeline=job.pipeline)

    def do(source: Any, out: Path, plan: Plan | None) -> ReplacementReport:
        from ..replacement import replace as replaced

        return replaced(
            source,
            out,
            rules=rules if plan else _with_answers(source, rules, args.ask, job.pipeline),
            plan=plan,
            pipeline=job.pipeline,
            style=args.style,
            least_size=args.least_size,
        )

    return job.run(propose, do)


class Job:
    """What ``replace`` and commands like it do with their inputs: plan, or write and tell.

    Args:
        args: with what :func:`add_outputs` and :func:`add_setting` add.
        config: of the run.
        pipeline: made of it.
        inputs: to work on.
        tell: says what was done with an input, and returns the exit code.
    """

    def __init__(
        self,
        args: argparse.Namespace,
        config: RunConfig,
        pipeline: Pipeline,
        inputs: Sequence[common.Input],
        tell: Callable[[common.Input, Any, Path], int] | None = None,
    ) -> None:
        self.args, self.config, self.pipeline, self.inputs = args, config, pipeline, inputs
        self.tell = tell or _tell
        if args.output is None and not args.plan:
            raise UsageError(f"{args.command} needs -o", hint="Name the output file: -o new.pdf")

    def run(self, propose: Any, do: Any) -> int:
        """Call ``propose(source) -> Plan`` or ``do(source, out, plan) -> report`` for each input."""
        args, inputs = self.args, self.inputs
        if args.plan:
            plans = common.output_paths(inputs, args.plan, lambda _: ".json")
            return common.each(inputs, lambda i, item: self._propose(item, plans[i], propose))
        outputs = common.output_paths(inputs, args.output, _extension)
        reports = self._beside(args.report, ".json")
        previews = self._beside(args.preview, ".png")
        common.apart(outputs, reports, previews)
        return common.each(
            inputs,
            lambda i, item: self._write(item, outputs[i], reports[i], previews[i], do),
        )

    def _beside(self, name: str | None, extension: str) -> Sequence[Path | None]:
        if not name:
            return [None] * len(self.inputs)
        return common.output_paths(self.inputs, name, lambda _: extension)

    def _propose(self, item: common.Input, path: Path, propose: Any) -> int:
        with (
            common.open_input(item, self.args, self.config) as source,
            messages.progress(self.args.plugins, source.info.name, source.info.page_count),
        ):
            plan = propose(source)
        plan.write(path)
        count = sum(map(len, plan.edits.values()))
        messages.info(
            f"{item.label}: {count} {_places(count)}; plan -> {path}", plan=str(path), edits=count
        )
        return ExitCode.DONE

    def _write(
        self, item: common.Input, out: Path, report_path: Path | None, preview: Path | None, do: Any
    ) -> int:
        from ..plan import Plan

        plan: Plan | None = None
        if self.args.apply:
            name = Path(self.args.apply)
            several = len(self.inputs) > 1 or name.is_dir()
            plan = Plan.read(name / f"{item.stem}.json" if several else name)
        with (
            common.open_input(item, self.args, self.config) as source,
            messages.progress(self.args.plugins, source.info.name, source.info.page_count),
        ):
            common.same_kind(out, source)
            report: ReplacementReport = do(source, out, plan)
            if preview is not None:
                from ..preview import write_preview

                write_preview(source, out, report, preview, self.pipeline)
        if report_path is not None:
            with common.output(report_path) as stream:
                stream.write(json.dumps(report.to_json(), indent=1).encode() + b"\n")
        return self.tell(item, report, out)


def _with_answers(
    source: Any, rules: ReplaceConfig, asked: Sequence[str], pipeline: Pipeline
) -> ReplaceConfig:
    """Return the rules with a pair for what answers each question in this input."""
    if not asked:
        return rules
    from ..asking import replaceable
    from ..stages.replace import parse_pair, write_pair

    pairs = replaceable(source, [parse_pair(pair) for pair in asked], pipeline)
    return replace(rules, map=(*rules.map, *(write_pair(old, new) for old, new in pairs)))


def _rules(args: argparse.Namespace, config: RunConfig) -> ReplaceConfig:
    """Return the rules of the configuration with those of the command line added.

    Raises:
        UsageError: no pair at all, one that makes no sense, or pairs beside a plan.
        ConfigError: a map file that cannot be read.
    """
    from ..config import build
    from ..stages.replace import ReplaceConfig, all_pairs, parse_pair

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
        parse_pair(pair)
    if not all_pairs(rules) and not args.ask:
        raise UsageError(
            "nothing to replace was named", hint="Give --map OLD=NEW, --map-file FILE or --ask."
        )
    return rules


def _extension(item: common.Input) -> str:
    return item.path.suffix if item.path is not None and item.path.suffix else ".pdf"


def _tell(item: common.Input, report: ReplacementReport, out: Path) -> int:
    """Say what was done, places but no text; return the exit code."""
    from ..replacement import unfitted

    for note in report.notes:
        messages.info(note)
    smaller = [fit for fit in report.fits.values() if fit.fitted and fit.scale < 0.94]
    if smaller:
        least = min(fit.scale for fit in smaller)
        messages.info(
            f"{item.label}: {len(smaller)} set smaller than the old text, down to {least:.0%}",
            smaller=len(smaller),
        )
    for page, edit, fit in unfitted(report):
        x0, y0, x1, y1 = edit.bbox
        messages.info(
            f"{item.label}: left as it was on page {page} at "
            f"{x0:.0f},{y0:.0f},{x1:.0f},{y1:.0f}: {fit.note}",
            page=page,
            edit=edit.id,
            left=True,
        )
    messages.info(
        f"{item.label} -> {out} ({report.count} {_places(report.count)} replaced)",
        input=item.label,
        output=str(out),
        replaced=report.count,
        left=report.left,
    )
    if not report.edits:
        messages.info("nothing matched; the output is a copy", matched=False)
    return ExitCode.PARTIAL if report.left else ExitCode.DONE


def _places(count: int) -> str:
    return "place" if count == 1 else "places"
