"""What the commands share that put new text into documents: options, plans, reports, what is told."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ExitCode, UsageError
from . import common, messages

if TYPE_CHECKING:
    from ..config import RunConfig
    from ..io.base import Source
    from ..pipeline import Pipeline
    from ..plan import Plan
    from ..replacement import ReplacementReport

    Propose = Callable[[Source], Plan]
    Do = Callable[[Source, Path, Plan | None], ReplacementReport]

# Size of new text, as a share of the old one's, from which a person sees that it is smaller.
_SMALLER = 0.94
# Places that are listed; the report lists all.
_MOST_TOLD = 10

EXIT_CODE = """\
exit code
  20 where some texts stay as they were because the new ones do not fit, or came back damaged from a
  translator; 0 where all were set. The rest is written in both cases; --report tells where.
"""


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
        "paint it in pictures, kept where reading it back gives the wanted text; nano cannot: type is "
        "set, a line says why, and the exit code is that of text",
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


class Job:
    """What ``replace`` and commands like it do with their inputs: plan, or write and tell.

    Args:
        args: with what :func:`add_outputs` and :func:`add_setting` add.
        config: of the run.
        pipeline: made of it.
        inputs: to work on.
        done: participle for what becomes of a text, e.g. ``"translated"``.
        tell: says more about an input that was done.
    """

    def __init__(
        self,
        args: argparse.Namespace,
        config: RunConfig,
        pipeline: Pipeline,
        inputs: Sequence[common.Input],
        done: str,
        tell: Callable[[common.Input, Any], None],
    ) -> None:
        self.args, self.config, self.pipeline, self.inputs = args, config, pipeline, inputs
        self.done, self.tell = done, tell
        if args.output is None and not args.plan:
            raise UsageError(f"{args.command} needs -o", hint="Name the output file: -o new.pdf")

    def run(self, propose: Propose, do: Do) -> int:
        """Call ``propose(source) -> Plan`` or ``do(source, out, plan) -> report`` for each input."""
        args, inputs = self.args, self.inputs
        if args.plan:
            if args.output is not None:
                messages.info("--plan alters nothing: -o is left alone until --apply")
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

    def _propose(self, item: common.Input, path: Path, propose: Propose) -> int:
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
        self, item: common.Input, out: Path, report_path: Path | None, preview: Path | None, do: Do
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
            report = do(source, out, plan)
            if preview is not None:
                from ..preview import write_preview

                write_preview(source, out, report, preview, self.pipeline)
        if report_path is not None:
            with common.output(report_path) as stream:
                stream.write(json.dumps(report.to_json(), indent=1).encode() + b"\n")
        self._tell(item, report, out)
        return ExitCode.DONE if report.complete else ExitCode.PARTIAL

    def _tell(self, item: common.Input, report: ReplacementReport, out: Path) -> None:
        """Say what was done: counts and places, never the text."""
        from ..replacement import unfitted

        for note in report.notes:
            messages.info(note)
        smaller = [fit for fit in report.fits.values() if fit.fitted and fit.scale < _SMALLER]
        if smaller:
            least = min(fit.scale for fit in smaller)
            messages.info(
                f"{item.label}: {len(smaller)} set smaller than the old text, down to {least:.0%}",
                smaller=len(smaller),
            )
        left = unfitted(report)
        for page, edit, fit in left[:_MOST_TOLD]:
            x0, y0, x1, y1 = edit.bbox
            messages.info(
                f"{item.label}: left as it was on page {page} at "
                f"{x0:.0f},{y0:.0f},{x1:.0f},{y1:.0f}: {fit.note}",
                page=page,
                edit=edit.id,
                left=True,
            )
        if len(left) > _MOST_TOLD:
            more = len(left) - _MOST_TOLD
            messages.info(f"{item.label}: {more} more left as they were (see --report)", left=more)
        if any(fit.note.startswith(_NO_FACE) for _, _, fit in left):
            messages.info(_FONTS)
        self.tell(item, report)
        messages.info(
            f"{item.label} -> {out} ({report.count} {_places(report.count)} {self.done})",
            input=item.label,
            output=str(out),
            **{self.done: report.count, "left": report.left},
        )


# What a report says of characters that cannot be drawn (io.write.setting), and what helps.
_NO_FACE = "no face has"
_FONTS = "Install a font that has them (Noto covers most), or name its folder in DOCHARMONY_FONTS."


def _extension(item: common.Input) -> str:
    return item.path.suffix if item.path is not None and item.path.suffix else ".pdf"


def _places(count: int) -> str:
    return "place" if count == 1 else "places"
