"""Redact a document from end to end: find, erase, clean, look again, and only then hand it out.

The output comes into being in a private folder. It is released when independent checks have found
nothing of what was to go: other parsers on the file, and the reader on its pixels. Otherwise a
:class:`RedactionLeakError` is raised and nothing is left behind.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .config import RunConfig, build, page_numbers
from .errors import ConfigError, RedactionLeakError, StageError, UsageError
from .model import Document, Edit, EditKind, EditStatus, Line, Page, PageFailure
from .plan import Check, Gap, Plan, RedactionReport, Uncertain
from .stages.redact import (
    RedactConfig,
    RedactStage,
    all_terms,
    parse_region,
    repeatable,
    uncovered,
)
from .stages.reread import Left, reread

if TYPE_CHECKING:
    from .io.base import Source
    from .io.limits import Limits
    from .io.moves import Move
    from .pipeline import Pipeline
    from .stage import Stage

Fill = Literal["erase", "box", "label"]
Profile = Literal["minimal", "publish"]
FILLS: tuple[Fill, ...] = ("erase", "box", "label")

STAGE = RedactStage.name
# Lines read with less confidence are listed in the report: what they say may be something else.
_UNCERTAIN = 0.9
# Checks that read what no page shows; what they find can be removed by its place.
_UNSEEN = frozenset({"text", "strings and streams"})
# Pages of a text layer whose pixels are read again: for those with edits, up to this many. Pages that
# were read from pixels in the first place are all read again.
_SAMPLE = 10


@dataclass(frozen=True, slots=True)
class Found:
    """What the search in a document found.

    Attributes:
        plan: the edits.
        uncertain: places that a person should look at.
        read: pages whose lines were read from pixels.
    """

    plan: Plan
    uncertain: tuple[Uncertain, ...] = ()
    read: frozenset[int] = frozenset()


def redact(
    source: Source | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    terms: Sequence[str] = (),
    patterns: Sequence[str] = (),
    pii: Sequence[str] = (),
    regions: Sequence[str] = (),
    rules: RedactConfig | None = None,
    plan: Plan | None = None,
    pipeline: Pipeline | None = None,
    document: Document | None = None,
    fill: Fill = "erase",
    profile: Profile = "minimal",
    keep_gaps: bool = False,
) -> RedactionReport:
    """Write ``out``, the source without what the rules find, and return what was done.

    What is removed is gone: text, also hidden, pixels, drawings and annotations. Where nothing is found
    the output is a cleaned copy.

    Args:
        source: an open source, or the path of a PDF or an image; never altered.
        out: the file to write, of the same kind as the source; whole or not at all.
        terms: texts to remove.
        patterns: regular expressions to remove.
        pii: kinds of private data to remove, or ``["all"]``.
        regions: areas to clear, ``"PAGE:X0,Y0,X1,Y1"``.
        rules: all of these and more in one object, instead of them.
        plan: edits made before by :func:`propose`, instead of rules; all but rejected ones are applied.
        pipeline: how pages are read; None takes the defaults. The stage ``redact`` is added to routes
            that do not have it.
        document: what that pipeline found already, with the edits of its stage ``redact``.
        fill: ``"erase"`` continues the background, ``"box"`` leaves a box, ``"label"`` one with the
            rule's name.
        profile: ``"minimal"`` cleans what cannot be searched; ``"publish"`` keeps only what is seen.
        keep_gaps: leave what follows removed text on its line where it stands. The width of the gap
            then tells how long the removed text was, and often which name it can have been.

    Raises:
        RedactionLeakError: something of what was to go can still be found; nothing is written.
        StageError: a page could not be searched; nothing is written.
        UsageError: no rules, or rules that make no sense, or a plan for another input.
        InputError, OutputError, EngineError, MissingExtraError: as elsewhere.
    """
    from .io.carriers import policies
    from .pipeline import Pipeline

    if fill not in FILLS:
        raise UsageError(f"unknown fill {fill!r}", hint=f"Choose one of: {', '.join(FILLS)}.")
    pipeline = pipeline or Pipeline()
    # Names that nobody knows are told before the work, not after it.
    _readers(pipeline)
    policies(profile, pipeline.config.carriers)
    with opened(source, pipeline) as document_source:
        if plan is not None:
            found = Found(_fitting(plan, document_source))
        elif document is not None:
            items: list[Page | PageFailure] = [*document.failures, *document.pages]
            found = _collect(document_source, items, _rules_of(pipeline.config), pipeline)
        else:
            own = rules or RedactConfig(
                tuple(terms), "", tuple(patterns), tuple(pii), tuple(regions)
            )
            found = _search(document_source, own, pipeline)
        found = replace(found, plan=found.plan.decided())
        return _write(document_source, Path(out), found, pipeline, fill, profile, keep_gaps)


def propose(
    source: Source | str | os.PathLike[str],
    *,
    rules: RedactConfig,
    pipeline: Pipeline | None = None,
) -> Found:
    """Return the edits that the rules ask for, without altering anything.

    Args:
        source: an open source, or a path.
        rules: what to look for.
        pipeline: how pages are read.

    Raises:
        StageError, UsageError, InputError: as :func:`redact` does.
    """
    from .pipeline import Pipeline

    pipeline = pipeline or Pipeline()
    with opened(source, pipeline) as document_source:
        return _search(document_source, replace(rules, propose=True), pipeline)


# --- finding -------------------------------------------------------------------------------------


def _search(source: Source, rules: RedactConfig, pipeline: Pipeline) -> Found:
    named = (rules.terms, rules.terms_file, rules.patterns, rules.pii, rules.regions, rules.ask)
    if not any(named):
        raise UsageError(
            "nothing to redact was named",
            hint="Give --term, --terms-file, --pattern, --pii, --region or --ask.",
        )
    if rules.ask:
        from .asking import redactable

        rules, answered = redactable(source, rules, pipeline)
        return answered.named(_search(source, rules, pipeline))
    numbers = page_numbers(pipeline.config.pages, source.info.page_count)
    for region in map(parse_region, rules.regions):
        if region.page not in numbers:
            raise UsageError(
                "a region names a page that is not there",
                where=f"page {region.page}",
                why=f"the document has {source.info.page_count} pages"
                + (
                    f", of which {pipeline.config.pages} were chosen"
                    if pipeline.config.pages
                    else ""
                ),
                hint="Pages are counted from 1.",
            )
    ready = _with_rules(pipeline, rules)
    return _collect(source, ready.pages(source, numbers, keep_going=False), rules, ready)


def _collect(
    source: Source, items: Iterable[Page | PageFailure], rules: RedactConfig, pipeline: Pipeline
) -> Found:
    """Collect the edits of pages as they come, and look for what no page shows alone.

    That is: what is broken over two pages, and a value that was recognised in one place and stands
    bare in another. Pages wait for this second look in a file without a name, not in memory.
    """
    stage = RedactStage(replace(rules, regions=()))
    context = pipeline.context
    edits: dict[int, tuple[Edit, ...]] = {}
    uncertain: list[Uncertain] = []
    read: set[int] = set()
    above: Page | None = None
    with tempfile.TemporaryFile() as waiting:
        for item in items:
            page = _searched(item)
            context.source = source
            hidden = _hidden(source, page, pipeline)
            if hidden is not None:
                more = list(stage.process(hidden, context).edits[len(page.edits) :])
                count = len(page.edits) + 1
                more = [
                    replace(edit, id=f"p{page.number}e{number}")
                    for number, edit in enumerate(uncovered(more, page.edits), count)
                ]
                page = page.provide(edits=(*page.edits, *more))
            if above is not None and above.number + 1 == page.number:
                before, after = stage.across(above, page, context)
                edits[above.number] = (*edits[above.number], *before)
                page = page.provide(edits=(*page.edits, *after))
            edits[page.number] = page.edits
            for line in page.lines:
                if line.origin == "ocr":
                    read.add(page.number)
                    if line.confidence < _UNCERTAIN:
                        uncertain.append(Uncertain(page.number, line.bbox, line.confidence))
            pickle.dump(page, waiting, pickle.HIGHEST_PROTOCOL)
            above = page
        values = repeatable(edit for own in edits.values() for edit in own)
        waiting.seek(0)
        for number in edits if values else ():
            page = pickle.load(waiting).provide(edits=edits[number])
            edits[number] = (*edits[number], *stage.repeats(page, values, context))
    plan = Plan(
        source.info.sha256,
        {number: own for number, own in edits.items() if own},
        tuple(all_terms(rules)),
        rules.whole_words,
    )
    return Found(plan, tuple(uncertain), frozenset(read))


def _searched(item: Page | PageFailure) -> Page:
    """Return a page that was searched; raise for one that failed or that nobody searched."""
    if isinstance(item, PageFailure):
        raise StageError(
            "cannot redact a document of which a page failed",
            page=item.page,
            stage=item.stage,
            why=item.error,
            hint="Mend the page, or leave it out of the document.",
        )
    if not RedactStage.provides <= item.has:
        raise ConfigError(
            f"the route {item.route!r} did not look for anything to redact",
            hint=f"Add {STAGE!r} to every route.",
        )
    return item


def _hidden(source: Source, page: Page, pipeline: Pipeline) -> Page | None:
    """Return the page with the lines alone of its text layer that reading its pixels has replaced.

    Nobody sees them, but whoever copies from the file gets them. Where letters lie, the lines come
    once more as their glyphs look: something else may lie over them on the page.
    """
    if page.unit != "pt":
        return None
    lines: tuple[Line, ...] = ()
    if page.route != "digital":
        known = {(line.text, line.bbox) for line in page.lines if line.origin == "pdf"}
        lines = tuple(
            line for line in source.page(page.number).lines if (line.text, line.bbox) not in known
        )
    if pipeline.config.text_layer != "trust":
        lines += pipeline.letters.decoded(source, page)
    return replace(page, lines=lines, blocks=()) if lines else None


def _with_rules(pipeline: Pipeline, rules: RedactConfig) -> Pipeline:
    """Return a pipeline whose every route ends with the stage ``redact`` under these rules."""
    from .pipeline import Pipeline

    if pipeline.custom:
        stage = RedactStage(rules)
        routes = {
            name: [*(s for s in stages if s.name != STAGE), stage]
            for name, stages in pipeline.routes.items()
        }
        ready = Pipeline(pipeline.config, plugins=pipeline.plugins, routes=routes)
    else:
        config = replace(
            pipeline.config,
            routes={
                name: (*(s for s in stages if s != STAGE), STAGE)
                for name, stages in pipeline.config.routes.items()
            },
        )
        options = {name: getattr(rules, name) for name in rules.__slots__}
        ready = Pipeline(config.with_stage(STAGE, **options), plugins=pipeline.plugins)
    # One engine for all: it takes the longest to load.
    ready.context = pipeline.context
    return ready


def _rules_of(config: RunConfig) -> RedactConfig:
    return build(RedactConfig, config.stages.get(STAGE, {}), where=f"stages.{STAGE}")


def _fitting(plan: Plan, source: Source) -> Plan:
    """Return the plan; raise UsageError where it belongs to another input."""
    if plan.input_sha256 != source.info.sha256:
        raise UsageError(
            "this plan was made for another input",
            where=source.info.name,
            why="its SHA-256 differs",
            hint="Apply it to the file that it was made from, or make a new plan.",
        )
    if any(edit.kind is not EditKind.ERASE for own in plan.edits.values() for edit in own):
        raise UsageError(
            "this plan replaces text",
            where=source.info.name,
            why="redact only removes it",
            hint="Apply it with: docharmony replace",
        )
    for number in plan.edits:
        if not 1 <= number <= source.info.page_count:
            raise UsageError("the plan names a page that is not there", where=f"page {number}")
    return plan


# --- writing and looking again -------------------------------------------------------------------


def _write(
    source: Source,
    out: Path,
    found: Found,
    pipeline: Pipeline,
    fill: Fill,
    profile: Profile,
    keep_gaps: bool,
) -> RedactionReport:
    from .io import private
    from .io.output import atomic
    from .io.write.edits import apply_edits
    from .stages.paint import make_painter

    plan = found.plan
    folder = private.make()
    try:
        draft = folder / f"draft{out.suffix}"
        for deep in (False, True):
            edits = found.plan.approved()
            outcome = apply_edits(
                source,
                edits,
                draft,
                fill=fill,
                painter=make_painter(lambda: pipeline.context.engine),
                profile=profile,
                carriers=pipeline.config.carriers,
                terms=plan.kept_terms(),
                whole_words=plan.whole_words,
                keep_gaps=keep_gaps,
                deep=deep,
                limits=_limits(pipeline.config),
            )
            missing = {e.id for own in edits.values() for e in own} - set(outcome.applied)
            if missing:
                raise _leak("an edit was not applied", f"{len(missing)} of them")
            checks = _audit(source, draft, found, fill, outcome.moves, pipeline)
            failed = [check for check in checks if not check.passed]
            if deep or not failed or {check.name for check in failed} - _UNSEEN:
                break
            # Only the checks read what no page shows: what they found becomes edits, once.
            found = _unseen(source, found, pipeline)
        if not failed:
            checks += _reread(source, draft, edits, found, outcome.moves, pipeline)
            failed = [check for check in checks if not check.passed]
        if failed:
            raise _leak(failed[0].name, failed[0].detail, pages=pipeline.config.pages)
        digest = hashlib.sha256()
        with atomic(out) as stream, draft.open("rb") as done:
            shutil.copyfileobj(done, stream)
            done.seek(0)
            while chunk := done.read(1 << 20):
                digest.update(chunk)
    finally:
        private.remove(folder)
    return RedactionReport(
        source.info.sha256,
        digest.hexdigest(),
        edits,
        outcome.carriers,
        tuple(checks),
        found.uncertain,
        tuple(Gap(page, name, why) for page, name, why in outcome.gaps),
        {number: tuple(move.area for move in own) for number, own in outcome.moves.items()},
    )


def _unseen(source: Source, found: Found, pipeline: Pipeline) -> Found:
    """Return what was found, and edits for text that no page shows: clipped, off it, hidden."""
    from .io.verify import unseen_text

    plan = found.plan
    if source.info.media_type != "application/pdf" or pipeline.config.pages:
        return found
    places = unseen_text(
        source,
        edits=plan.edits,
        terms=plan.terms,
        whole_words=plan.whole_words,
        limits=_limits(pipeline.config),
    )
    edits = dict(plan.edits)
    for number, texts in places.items():
        own = edits.get(number, ())
        more = [
            Edit(
                f"p{number}h{index}",
                EditKind.ERASE,
                box.polygon(),
                "term",
                "text that the page does not show",
                text,
                status=EditStatus.APPROVED,
            )
            for index, (box, text) in enumerate(texts, 1)
        ]
        edits[number] = (*own, *uncovered(more, own))
    return replace(found, plan=replace(plan, edits=edits))


def _audit(
    source: Source,
    draft: Path,
    found: Found,
    fill: Fill,
    moves: Mapping[int, Sequence[Move]],
    pipeline: Pipeline,
) -> list[Check]:
    """Return what independent parsers say of the output."""
    from .io.verify import check_output

    plan = found.plan
    checks = check_output(
        draft,
        source=source,
        edits=plan.edits,
        terms=plan.terms,
        whole_words=plan.whole_words,
        fill=fill,
        moves=moves,
        limits=_limits(pipeline.config),
    )
    return [Check(check.name, check.passed, check.detail) for check in checks]


def _reread(
    source: Source,
    draft: Path,
    edits: Mapping[int, Sequence[Edit]],
    found: Found,
    moves: Mapping[int, Sequence[Move]],
    pipeline: Pipeline,
) -> list[Check]:
    """Read the output again from its pixels, by the pipeline's reader and those of ``recheck``."""
    from .routing import classify

    name = "pixels read again"
    readers = _readers(pipeline)
    if not edits:
        return [Check(name, True, "nothing was erased")]
    if not readers:
        return [Check(name, True, "not done: no stage of the pipeline reads pixels")]
    left: dict[str, list[Left]] = {reader.name: [] for reader in readers}
    done = sampled = 0
    context = pipeline.context
    with opened(draft, pipeline, password=source.password) as output:
        before, context.source = context.source, output
        try:
            for number, own in sorted(edits.items()):
                page = output.page(number)
                if number not in found.read and classify(page) == "digital":
                    sampled += 1
                    if sampled > _SAMPLE:
                        continue
                done += 1
                areas = [_after(edit, moves.get(number, ())) for edit in own]
                for reader in readers:
                    left[reader.name] += reread(page, context, reader, areas)
        finally:
            context.source = before
    return [
        Check(
            f"{name} by {reader}",
            not items,
            f"{items[0].what} can still be read on page {items[0].page}"
            if items
            else f"{done} of {len(edits)} pages with edits; nothing legible is left",
        )
        for reader, items in left.items()
    ]


def _after(edit: Edit, moves: Sequence[Move]) -> Edit:
    """Return an edit with the area that is left of it where its line was set anew."""
    for move in moves:
        if move.meets(edit.bbox):
            start, _, end, _ = move.span(edit.polygon)
            return replace(edit, polygon=move.polygon(move.to(start), move.to(end)))
    return edit


def _readers(pipeline: Pipeline) -> list[Stage]:
    """Return the stage that reads pixels, that of scans first, and those that the config names."""
    found: list[Stage] = []
    for route in sorted(pipeline.routes, key=lambda name: name != "scan"):
        found += [stage for stage in pipeline.routes[route] if "lines" in stage.provides]
    readers = {stage.name: stage for stage in found[:1]}
    for name in pipeline.config.recheck:
        if name not in readers:
            cls: type[Stage] = pipeline.plugins.stages.get(name)
            if "lines" not in cls.provides:
                raise ConfigError(
                    f"the stage {name!r} does not read pixels",
                    where="recheck",
                    hint="Name stages that do, e.g. ocr.tesseract.",
                )
            options = pipeline.config.stages.get(name, {})
            readers[name] = cls(build(cls.Config, options, where=f"stages.{name}"))
    return list(readers.values())


def _leak(what: str, detail: str, *, pages: str = "") -> RedactionLeakError:
    hint = "Nothing was written. Clear the place with --region, or report this."
    if pages:
        hint = f"Only pages {pages} were searched; leave out --pages to search all of them."
    return RedactionLeakError("the output was withheld", where=what, why=detail, hint=hint)


# --- helpers -------------------------------------------------------------------------------------


@contextmanager
def opened(
    source: Source | str | os.PathLike[str], pipeline: Pipeline, password: str | None = None
) -> Iterator[Source]:
    """Yield an open source; one that was given open stays open."""
    from .pipeline import open as open_source

    if isinstance(source, str | os.PathLike):
        with open_source(
            source, password=password, config=pipeline.config, plugins=pipeline.plugins
        ) as fresh:
            yield fresh
    else:
        yield source


def _limits(config: RunConfig) -> Limits:
    from .io.limits import Limits

    return Limits(timeout_s=config.timeout, max_memory=config.max_memory)
