"""Replace text in a document from end to end: find, plan, erase and set, look again.

What is replaced is no secret: everything else of the document stays, links, bookmarks, fields and
tags too. An edit whose new text does not fit leaves its place as it was, and the report says so.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import StageError, UsageError
from .model import SCHEMA, Edit, EditStatus, Page, PageFailure
from .pipeline import Pipeline, limits_of, opened
from .plan import Plan
from .stages.pairs import write_pair
from .stages.replace import ReplaceConfig, ReplaceStage, all_pairs

if TYPE_CHECKING:
    from .io.base import Source
    from .io.write.fitted import Fitted
    from .pipeline import Pipeline
    from .stage import Stage
    from .stages.lettering import Letterer

STAGE = ReplaceStage.name
# Smallest size of new text as a share of the old one's: below it, it does not fit.
LEAST_SIZE = 0.7


@dataclass(frozen=True, slots=True)
class ReplacementReport:
    """What was replaced; it holds no text of the document.

    Attributes:
        input_sha256: of the input.
        output_sha256: of the output.
        edits: page number -> the edits that were asked for.
        fits: id of an edit -> what became of it.
        style: how letters were made: ``"text"``: all set as type; ``"engine"``: some painted.
        notes: what a person should know.
    """

    input_sha256: str
    output_sha256: str
    edits: Mapping[int, tuple[Edit, ...]]
    fits: Mapping[str, Fitted]
    style: str = "text"
    notes: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Number of edits whose new text was set."""
        return sum(fit.fitted for fit in self.fits.values())

    @property
    def left(self) -> int:
        """Number of edits whose old text stays, since the new one does not fit."""
        return len(self.fits) - self.count

    @property
    def complete(self) -> bool:
        """Whether all that was asked for was done."""
        return not self.left

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain data, schema 1."""
        return {
            "schema": SCHEMA,
            "kind": "replacement",
            "input_sha256": self.input_sha256,
            "output_sha256": self.output_sha256,
            "style": self.style,
            "edits": [
                {
                    "page": page,
                    "bbox": [round(value, 2) for value in edit.bbox],
                    "rule": edit.rule,
                    "term": edit.term,
                    "confidence": round(edit.confidence, 4),
                    **self.fits[edit.id].to_json(),
                }
                for page, edits in sorted(self.edits.items())
                for edit in edits
                if edit.id in self.fits
            ],
            "replaced": self.count,
            "left": self.left,
            "notes": list(self.notes),
        }


def replace(
    source: Source | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    mapping: Mapping[str, str] | None = None,
    rules: ReplaceConfig | None = None,
    plan: Plan | None = None,
    pipeline: Pipeline | None = None,
    style: str = "text",
    least_size: float = LEAST_SIZE,
) -> ReplacementReport:
    """Write ``out``, the source with new texts in place of old ones, and return what was done.

    Args:
        source: an open source, or the path of a PDF or an image; never altered.
        out: the file to write, of the same kind as the source; whole or not at all.
        mapping: old text -> new text.
        rules: the mapping and more in one object, instead of it.
        plan: edits made before, by :func:`propose_replacements`, a translator or a person, instead of
            rules; all but rejected ones are applied.
        pipeline: how pages are read; None takes the defaults. The stage ``replace`` is added to routes.
        style: ``"text"`` sets type; ``"engine"`` lets the image decoder paint letters in pictures, which
            stay where reading them back gives the wanted text; elsewhere type is set, and the report
            says so. The checkpoint must have the ability ``write``: nano has not.
        least_size: smallest size of new text, as a share of the old one's (0.3-1.0).

    Raises:
        UsageError: nothing to replace was named, or a plan for another input.
        StageError: a page could not be searched.
        InputError, OutputError, EngineError, MissingExtraError: as elsewhere.
    """
    if style not in ("text", "engine"):
        raise UsageError(f"unknown style {style!r}", hint="Choose one of: text, engine.")
    if not 0.3 <= least_size <= 1.0:
        raise UsageError(
            "the least size is out of range",
            why=f"{least_size} is not in 0.3-1.0",
            hint="0.7 is usual.",
        )
    pipeline = pipeline or Pipeline()
    with opened(source, pipeline) as own:
        if plan is None:
            rules = rules or ReplaceConfig(
                tuple(write_pair(old, new) for old, new in (mapping or {}).items())
            )
            plan = _search(own, rules, pipeline)
        elif plan.input_sha256 != own.info.sha256:
            raise UsageError(
                "this plan was made for another input",
                where=own.info.name,
                why="its SHA-256 differs",
                hint="Apply it to the file that it was made from, or make a new plan.",
            )
        return _write(own, Path(out), plan.decided(), pipeline, style, least_size)


def propose_replacements(
    source: Source | str | os.PathLike[str],
    *,
    rules: ReplaceConfig,
    pipeline: Pipeline | None = None,
) -> Plan:
    """Return the edits that the rules ask for, to be reviewed and applied by :func:`replace`.

    Args:
        source: an open source, or a path.
        rules: what to look for, and what is to stand there instead.
        pipeline: how pages are read; None takes the defaults.

    Raises:
        StageError, UsageError, InputError: as :func:`replace` does.
    """
    pipeline = pipeline or Pipeline()
    with opened(source, pipeline) as own:
        return _search(own, changed(rules, propose=True), pipeline)


def with_stage(pipeline: Pipeline, stage: Stage) -> Pipeline:
    """Return a pipeline whose every route ends with this stage, in place of another of its name."""
    routes = {
        name: [*(s for s in stages if s.name != stage.name), stage]
        for name, stages in pipeline.routes.items()
    }
    ready = Pipeline(
        changed(pipeline.config, executor="serial"), plugins=pipeline.plugins, routes=routes
    )
    # One engine for all: it takes the longest to load.
    ready.context = pipeline.context
    return ready


def planned(source: Source, items: Iterable[Page | PageFailure]) -> Plan:
    """Return the edits of pages as a plan; raise StageError for a page that failed."""
    edits: dict[int, tuple[Edit, ...]] = {}
    for item in items:
        if isinstance(item, PageFailure):
            raise StageError(
                "cannot replace in a document of which a page failed",
                page=item.page,
                stage=item.stage,
                why=item.error,
                hint="Mend the page, or leave it out with --pages.",
            )
        if item.edits:
            edits[item.number] = item.edits
    return Plan(source.info.sha256, edits)


def _search(source: Source, rules: ReplaceConfig, pipeline: Pipeline) -> Plan:
    if not all_pairs(rules):
        raise UsageError(
            "nothing to replace was named", hint="Give --map OLD=NEW or --map-file FILE."
        )
    ready = with_stage(pipeline, ReplaceStage(rules))
    return planned(source, ready.pages(source, keep_going=False))


def _write(
    source: Source, out: Path, plan: Plan, pipeline: Pipeline, style: str, least: float
) -> ReplacementReport:
    from .io import private
    from .io.output import digest_of, release
    from .io.write.edits import apply_edits
    from .stages.lettering import make_letterer
    from .stages.paint import make_painter

    edits = {
        number: tuple(edit for edit in own if edit.status is EditStatus.APPROVED)
        for number, own in plan.edits.items()
    }
    edits = {number: own for number, own in edits.items() if own}
    letterer: Letterer | None = None
    if style == "engine" and "write" in pipeline.context.abilities:
        letterer = make_letterer(lambda: pipeline.context.engine)
    folder = private.make()
    try:
        draft = folder / f"draft{out.suffix}"
        outcome = apply_edits(
            source,
            edits,
            draft,
            painter=make_painter(lambda: pipeline.context.engine),
            profile="keep",
            limits=limits_of(pipeline.config),
            least=least,
            letterer=letterer,
        )
        digest = digest_of(draft)
        release(draft, out)
    finally:
        private.remove(folder)
    fits = {fit.id: fit for fit in outcome.fits}
    for name in outcome.lettered:
        fits[name] = changed(fits[name], face="", note="painted by the image decoder")
    notes: tuple[str, ...] = ()
    if style == "engine":
        notes = (_engine_note(pipeline, letterer is not None, len(outcome.lettered), len(fits)),)
    made = "engine" if outcome.lettered else "text"
    return ReplacementReport(source.info.sha256, digest, edits, fits, made, notes)


def _engine_note(pipeline: Pipeline, able: bool, painted: int, count: int) -> str:
    """Return what became of the wish that the engine should paint the letters."""
    if not able:
        name = pipeline.context.checkpoint
        return f"the checkpoint {name} has not learnt to write letters: they were set as type"
    if painted == count:
        return f"the image decoder painted {painted} of {count} texts"
    return (
        f"the image decoder painted {painted} of {count} texts; the others stand in no picture, in "
        "several lines, or could not be read back as wanted: they were set as type"
    )


def unfitted(report: ReplacementReport) -> Sequence[tuple[int, Edit, Fitted]]:
    """Return (page, edit, why) of the edits whose new text was not set."""
    return [
        (page, edit, report.fits[edit.id])
        for page, edits in sorted(report.edits.items())
        for edit in edits
        if edit.id in report.fits and not report.fits[edit.id].fitted
    ]
