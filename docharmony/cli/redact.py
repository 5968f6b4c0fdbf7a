"""``docharmony redact``: remove what must not be seen, and prove that it is gone."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ExitCode, UsageError
from ..io.carriers import CHOICES
from . import common, messages

if TYPE_CHECKING:
    from ..config import RunConfig
    from ..model import Edit
    from ..pipeline import Pipeline
    from ..plan import Plan, RedactionReport, Uncertain
    from ..stages.redact import RedactConfig

_FILLS = ("erase", "box", "label")
_EXAMPLES = """\
terms
  A term is found wherever its letters and digits stand in their order: case, accents, ligatures,
  hyphens, line ends and odd spacing do not matter, and a possessive or a longer word holds it too
  (Smith in Smith's and in Smithson; --whole-words leaves Smithson). On scans a near miss counts as a
  hit, since readers make mistakes. A pattern is a Python regular expression: case counts, and a
  space in it also matches a line end.

plans
  --plan writes what would be removed, with its text, to a file for you alone, and alters nothing.
  Change "status" of an edit to "rejected" to keep it; --apply erases all others.

examples:
  docharmony redact letter.pdf -o public.pdf --term "Jane Roe" --pii email,iban --report report.json
  docharmony redact scans/ -o public/ --terms-file names.txt --pii all --fill box
  docharmony redact letter.pdf -o public.pdf --ask "Who signed?"
  docharmony redact form.pdf -o public.pdf --region 1:72,90,300,110
  docharmony redact letter.pdf --term Roe --plan plan.json
  docharmony redact letter.pdf -o public.pdf --apply plan.json
"""


def add(subparsers: Any) -> None:
    """Add the command ``redact``."""
    parser = subparsers.add_parser(
        "redact",
        help="remove terms, patterns, private data or regions for good",
        description="Remove what must not be seen: text, pixels, drawings and hidden data below it. "
        "The output is looked at again by other means before it is written.",
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
    add_rules(parser)
    group = parser.add_argument_group("how")
    group.add_argument(
        "--fill",
        choices=_FILLS,
        default="erase",
        help="erase: continue the background (default); box: leave a box; label: one with the "
        "name of the rule",
    )
    group.add_argument(
        "--publish",
        action="store_true",
        help="keep only what is seen on the pages: no links, bookmarks, forms or tags",
    )
    group.add_argument(
        "--carrier",
        metavar="NAME=clean|remove|keep",
        action="append",
        default=[],
        help=f"what becomes of one carrier of a PDF: {', '.join(CHOICES)}; keep leaves what cannot be "
        "searched, e.g. attachments; may be repeated",
    )
    group.add_argument(
        "--keep-gaps",
        action="store_true",
        help="leave what follows removed text on its line where it stands; the width of the gap then "
        "tells how long the removed text was",
    )
    group.add_argument(
        "--keep-breaks",
        action="store_true",
        help="leave words on their lines; where the lines of a paragraph break then tells something of "
        "the width of removed text",
    )
    group.add_argument(
        "--recheck",
        metavar="STAGE",
        action="append",
        default=[],
        help="let one more reader look at the output, e.g. ocr.tesseract; may be repeated",
    )
    group.add_argument(
        "--report",
        metavar="R.json|R.html",
        action="append",
        default=[],
        help="write what was done, without the removed text: JSON, or a page to look at when the "
        "name ends in .html; may be repeated",
    )
    both = group.add_mutually_exclusive_group()
    both.add_argument("--plan", metavar="P.json", help="write a plan to review; alter nothing")
    both.add_argument("--apply", metavar="P.json", help="apply a plan")
    parser.set_defaults(run=run)


def add_rules(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what to remove."""
    group = parser.add_argument_group("what to remove")
    group.add_argument(
        "--term", metavar="TEXT", action="append", default=[], help="a text; may be repeated"
    )
    group.add_argument("--terms-file", metavar="FILE", help="a file with one term a line")
    group.add_argument("--whole-words", action="store_true", help="terms are whole words only")
    group.add_argument(
        "--pattern",
        metavar="RE",
        action="append",
        default=[],
        help="a regular expression; may be repeated",
    )
    group.add_argument(
        "--pii",
        metavar="KIND,...|all",
        action="append",
        default=[],
        help="kinds of private data; see `docharmony plugins` for the installed ones",
    )
    group.add_argument(
        "--region",
        metavar="PAGE:X0,Y0,X1,Y1",
        action="append",
        default=[],
        help="an area, in points (pixels for images) from the top left; may be repeated",
    )
    group.add_argument(
        "--ask",
        metavar="QUESTION",
        action="append",
        default=[],
        help="what answers a question goes, wherever it stands; may be repeated. A question without an "
        "answer withholds the output",
    )


def run(args: argparse.Namespace) -> int:
    """Redact each input and return the exit code."""
    from ..pipeline import Pipeline

    config = common.config_of(args)
    config = replace(
        config,
        recheck=(*config.recheck, *args.recheck),
        carriers={**config.carriers, **_carriers(args.carrier)},
    )
    rules = rules_of(args, config)
    if args.output is None and not args.plan:
        raise UsageError("redact needs -o", hint="Name the output file: -o public.pdf")
    inputs = common.expand(args.inputs)
    job = _Job(args, config, rules, Pipeline(config, plugins=args.plugins))
    if args.plan:
        if args.output is not None:
            messages.info("--plan alters nothing: -o is left alone until --apply")
        plans = common.output_paths(inputs, args.plan, lambda _: ".json")
        return common.each(inputs, lambda index, item: job.propose(item, plans[index]))
    outputs = common.output_paths(inputs, args.output, _extension)
    reports = [_report_paths(inputs, name) for name in args.report]
    common.apart(outputs, *reports)
    return common.each(
        inputs,
        lambda index, item: job.redact(
            item,
            outputs[index],
            [paths[index] for paths in reports],
            _plan_for(item, args.apply, len(inputs)),
        ),
    )


def _carriers(given: Sequence[str]) -> dict[str, str]:
    """Return the policies that ``NAME=POLICY`` options ask for; raise UsageError for others."""
    pairs = [option.partition("=") for option in given]
    if not all(equals for _, equals, _ in pairs):
        raise UsageError("--carrier needs NAME=clean|remove|keep")
    return {name.strip(): policy.strip() for name, _, policy in pairs}


def _report_paths(inputs: Sequence[common.Input], name: str) -> list[Path]:
    """Return where the report of each input goes; the ending of the name tells the kind."""
    ending = ".html" if Path(name).suffix.lower() in (".html", ".htm") else ".json"
    return common.output_paths(inputs, name, lambda _: ending)


class _Job:
    """What is done with each input."""

    def __init__(
        self, args: argparse.Namespace, config: RunConfig, rules: RedactConfig, pipeline: Pipeline
    ) -> None:
        self.args, self.config, self.rules, self.pipeline = args, config, rules, pipeline

    def propose(self, item: common.Input, path: Path) -> int:
        """Write the plan for one input."""
        from ..redaction import propose

        with (
            common.open_input(item, self.args, self.config) as source,
            messages.progress(self.args.plugins, source.info.name, source.info.page_count),
        ):
            found = propose(source, rules=self.rules, pipeline=self.pipeline)
        found.plan.write(path)
        _tell_edits(item, found.plan.edits)
        _tell_uncertain(found.uncertain)
        messages.info(
            f"plan -> {path}; it holds the text that is to go: keep it as safe as the input",
            plan=str(path),
        )
        return ExitCode.DONE

    def redact(
        self, item: common.Input, out: Path, report_paths: Sequence[Path], plan_path: Path | None
    ) -> int:
        """Write the redacted output of one input, and its reports."""
        from ..plan import Plan
        from ..redaction import redact

        plan: Plan | None = Plan.read(plan_path) if plan_path is not None else None
        with (
            common.open_input(item, self.args, self.config) as source,
            messages.progress(self.args.plugins, source.info.name, source.info.page_count),
        ):
            common.same_kind(out, source)
            report = redact(
                source,
                out,
                rules=self.rules,
                plan=plan,
                pipeline=self.pipeline,
                fill=self.args.fill,
                profile="publish" if self.args.publish else "minimal",
                keep_gaps=self.args.keep_gaps,
                keep_breaks=self.args.keep_breaks,
                reports=report_paths,
            )
        _tell(item, report, out)
        return ExitCode.DONE


def gives_rules(args: argparse.Namespace) -> bool:
    """Return whether the command line says what to remove."""
    return bool(args.term or args.terms_file or args.pattern or args.pii or args.region or args.ask)


def rules_of(args: argparse.Namespace, config: RunConfig) -> RedactConfig:
    """Return the rules of the configuration with those of the command line added.

    Raises:
        UsageError: no rule at all, an unknown kind of private data, or rules beside a plan.
    """
    from ..config import build
    from ..stages.redact import RedactConfig, parse_region

    if getattr(args, "apply", None):
        if gives_rules(args) or args.whole_words:
            raise UsageError(
                "--apply does what the plan says",
                why="rules were given beside it",
                hint="Leave them out, or make a new plan with them.",
            )
        return RedactConfig()
    rules = build(RedactConfig, config.stages.get("redact", {}), where="stages.redact")
    kinds = [kind.strip() for group in args.pii for kind in group.split(",") if kind.strip()]
    rules = replace(
        rules,
        terms=(*rules.terms, *args.term),
        terms_file=args.terms_file or rules.terms_file,
        patterns=(*rules.patterns, *args.pattern),
        pii=(*rules.pii, *kinds),
        regions=(*rules.regions, *args.region),
        ask=(*rules.ask, *args.ask),
        whole_words=rules.whole_words or args.whole_words,
    )
    for kind in rules.pii:
        if kind != "all":
            args.plugins.detectors.entry(kind)
    for region in rules.regions:
        parse_region(region)
    return rules


def _extension(item: common.Input) -> str:
    return item.path.suffix if item.path is not None and item.path.suffix else ".pdf"


def _plan_for(item: common.Input, name: str | None, count: int) -> Path | None:
    """Return the plan of an input: the file named, or for several inputs one each in that folder."""
    if name is None:
        return None
    return Path(name) / f"{item.stem}.json" if count > 1 or Path(name).is_dir() else Path(name)


def _tell(item: common.Input, report: RedactionReport, out: Path) -> None:
    """Say what was done: counts and places, never the text."""
    _tell_edits(item, report.edits)
    _tell_uncertain(report.uncertain)
    if report.gaps:
        pages = sorted({gap.page for gap in report.gaps})
        messages.info(
            f"{len(report.gaps)} gaps on {_page_list(pages)} still tell something of what went (the "
            "report says why and how much); redact their whole lines with --region where it matters",
            gaps=len(report.gaps),
            pages=pages,
        )
    passed = sum(check.passed for check in report.checks)
    messages.info(
        f"{item.label} -> {out} ({passed} of {len(report.checks)} checks passed)",
        input=item.label,
        output=str(out),
        edits=report.count,
    )
    if not report.count:
        messages.info("nothing matched; the output is a cleaned copy", matched=False)


def _tell_edits(item: common.Input, edits: Any) -> None:
    counts: Counter[str] = Counter()
    pages: dict[str, set[int]] = {}
    for page, own in sorted(edits.items()):
        for edit in own:
            counts[_rule(edit)] += 1
            pages.setdefault(_rule(edit), set()).add(page)
    for rule, count in sorted(counts.items()):
        messages.info(
            f"{item.label}: {rule}: {count} {'place' if count == 1 else 'places'} "
            f"on {_page_list(sorted(pages[rule]))}",
            rule=rule,
            places=count,
            pages=sorted(pages[rule]),
        )


def _rule(edit: Edit) -> str:
    return f"term {edit.term}" if edit.rule == "term" else edit.rule


def _page_list(pages: Sequence[int]) -> str:
    shown = ", ".join(map(str, pages[:12])) + (", …" if len(pages) > 12 else "")
    return f"{'page' if len(pages) == 1 else 'pages'} {shown}"


def _tell_uncertain(uncertain: Sequence[Uncertain]) -> None:
    if uncertain:
        pages = sorted({place.page for place in uncertain})
        messages.info(
            f"{len(uncertain)} lines on {_page_list(pages)} were hard to read: look at them (the "
            "report lists them)",
            uncertain=len(uncertain),
            pages=pages,
        )
