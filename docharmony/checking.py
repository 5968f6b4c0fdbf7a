"""Look at an output again before it is released: by other parsers, and by whatever reads its pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .config import build
from .errors import ConfigError
from .model import Edit
from .pipeline import limits_of, opened
from .plan import Check
from .stages.reread import Left
from .stages.reread import reread as read_areas

if TYPE_CHECKING:
    from .io.base import Source
    from .io.moves import Move
    from .pipeline import Pipeline
    from .searching import Found
    from .stage import Stage

# Pages of a text layer whose pixels are read again: for those with edits, up to this many. Pages that
# were read from pixels in the first place are all read again.
_SAMPLE = 10


def audit(
    source: Source,
    draft: Path,
    found: Found,
    fill: str,
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
        limits=limits_of(pipeline.config),
    )
    return [Check(check.name, check.passed, check.detail) for check in checks]


def reread(
    source: Source,
    draft: Path,
    edits: Mapping[int, Sequence[Edit]],
    found: Found,
    moves: Mapping[int, Sequence[Move]],
    pipeline: Pipeline,
) -> list[Check]:
    """Read the output again from its pixels, by the pipeline's reader and those of ``recheck``."""
    from .closer import Closer
    from .routing import classify

    name = "pixels read again"
    readers = readers_of(pipeline)
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
            closer = Closer(output, pipeline)
            for number, own in sorted(edits.items()):
                page = output.page(number)
                pictured = [edit for edit in own if edit.picture or page.unit == "px"]
                if pictured:
                    left[readers[0].name] += closer.left(page, pictured)
                own = [edit for edit in own if not edit.picture]
                if not own:
                    done += 1
                    continue
                if number not in found.read and classify(page) == "digital":
                    sampled += 1
                    if sampled > _SAMPLE:
                        continue
                done += 1
                areas = [_after(edit, moves.get(number, ())) for edit in own]
                for reader in readers:
                    left[reader.name] += read_areas(page, context, reader, areas)
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


def readers_of(pipeline: Pipeline) -> list[Stage]:
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
