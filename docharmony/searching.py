"""Find what is to go: in the lines of pages, across them, and in what no page shows alone."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from .closer import Closer
from .config import RunConfig, build, page_numbers
from .errors import ConfigError, StageError, UsageError
from .model import Edit, Line, Page, PageFailure
from .plan import Plan, Uncertain
from .stages.redact import (
    RedactConfig,
    RedactStage,
    all_terms,
    parse_region,
    repeatable,
    uncovered,
)

if TYPE_CHECKING:
    from .io.base import Source
    from .pipeline import Pipeline

STAGE = RedactStage.name
# Lines read with less confidence are listed in the report: what they say may be something else.
_UNCERTAIN = 0.9


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


def search(source: Source, rules: RedactConfig, pipeline: Pipeline) -> Found:
    """Return the edits that rules ask for; raise UsageError for rules that make no sense."""
    named = (rules.terms, rules.terms_file, rules.patterns, rules.pii, rules.regions, rules.ask)
    if not any(named):
        raise UsageError(
            "nothing to redact was named",
            hint="Give --term, --terms-file, --pattern, --pii, --region or --ask.",
        )
    if rules.ask:
        from .asking import redactable

        rules, answered = redactable(source, rules, pipeline)
        return answered.named(search(source, rules, pipeline))
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
    ready = with_rules(pipeline, rules)
    return collect(source, ready.pages(source, numbers, keep_going=False), rules, ready)


def collect(
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
    closer, pictured = Closer(source, pipeline), {}
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
            pictured[page.number] = closer.edits(page, stage)
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
        everything = chain.from_iterable((*edits.values(), *pictured.values()))
        values = repeatable(everything)
        waiting.seek(0)
        for number in edits if values else ():
            page = pickle.load(waiting).provide(edits=edits[number])
            edits[number] = (*edits[number], *stage.repeats(page, values, context))
    for number, own in pictured.items():
        edits[number] = (*edits[number], *own)
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


def with_rules(pipeline: Pipeline, rules: RedactConfig) -> Pipeline:
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


def rules_of(config: RunConfig) -> RedactConfig:
    """Return the rules that a configuration gives to the stage ``redact``."""
    return build(RedactConfig, config.stages.get(STAGE, {}), where=f"stages.{STAGE}")
