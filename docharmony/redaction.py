"""Redact a document from end to end: find, erase, clean, look again, and only then hand it out.

The output comes into being in a private folder. It is released when independent checks have found
nothing of what was to go: other parsers on the file, and the reader on its pixels. Otherwise a
:class:`RedactionLeakError` is raised and nothing is left behind.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .checking import audit, readers_of, reread
from .errors import BrokenError, RedactionLeakError, UsageError
from .model import Document, Edit, EditKind, EditStatus, Page, PageFailure
from .pipeline import limits_of, opened
from .plan import Gap, Plan, RedactionReport
from .searching import Found, collect, rules_of, search
from .stages.redact import RedactConfig, uncovered

if TYPE_CHECKING:
    from .io.base import Source
    from .pipeline import Pipeline

Fill = Literal["erase", "box", "label"]
Profile = Literal["minimal", "publish"]
FILLS: tuple[Fill, ...] = ("erase", "box", "label")

# Checks that read what no page shows; what they find can be removed by its place.
_UNSEEN = frozenset({"text", "strings and streams"})
# Checks that look where things stand.
_PLACES = frozenset({"places", "pixels", "rest of the page"})
# Checks that fail where parsers read a damaged file differently.
_STRUCTURE = frozenset({"pages", "rest of the page"})


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
    keep_breaks: bool = False,
    reports: Sequence[str | os.PathLike[str]] = (),
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
        keep_breaks: leave words of PDFs on their lines. Which word begins the line after removed text
            then tells something of its width, too.
        reports: files to write the report to: a page to look at where the name ends in ``.html``, else
            JSON. They are written with the output, or neither is.

    Raises:
        RedactionLeakError: something of what was to go can still be found; nothing is written.
        StageError: a page could not be searched; nothing is written.
        UsageError: no rules, or rules that make no sense, or a plan for another input.
        InputError, OutputError, EngineError, MissingExtraError: as elsewhere.
    """
    from .io.carriers import policies
    from .io.cut_off import cut_off
    from .io.output import reachable
    from .pipeline import Pipeline

    if fill not in FILLS:
        raise UsageError(f"unknown fill {fill!r}", hint=f"Choose one of: {', '.join(FILLS)}.")
    pipeline = pipeline or Pipeline()
    # What cannot be done is told before the work, not after it.
    readers_of(pipeline)
    policies(profile, pipeline.config.carriers)
    files = [Path(report) for report in reports]
    reachable(Path(out), *files)
    with opened(source, pipeline) as document_source:
        if document_source.cut_off:
            raise cut_off(document_source.info.name)
        if plan is not None:
            found = Found(_fitting(plan, document_source))
        elif document is not None:
            items: list[Page | PageFailure] = [*document.failures, *document.pages]
            found = collect(document_source, items, rules_of(pipeline.config), pipeline)
        else:
            own = rules or RedactConfig(
                tuple(terms), "", tuple(patterns), tuple(pii), tuple(regions)
            )
            found = search(document_source, own, pipeline)
        found = replace(found, plan=found.plan.decided())
        return _write(
            document_source,
            Path(out),
            files,
            found,
            pipeline,
            fill,
            profile,
            keep_gaps,
            keep_breaks,
        )


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
        return search(document_source, replace(rules, propose=True), pipeline)


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
    reports: Sequence[Path],
    found: Found,
    pipeline: Pipeline,
    fill: Fill,
    profile: Profile,
    keep_gaps: bool,
    keep_breaks: bool,
) -> RedactionReport:
    from .io import private
    from .io.output import digest_of, release
    from .io.write.edits import apply_edits
    from .stages.paint import make_painter

    plan = found.plan
    folder = private.make()
    try:
        draft = folder / f"draft{out.suffix}"
        deep = False
        while True:
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
                keep_breaks=keep_breaks,
                deep=deep,
                limits=limits_of(pipeline.config),
            )
            missing = {e.id for own in edits.values() for e in own} - set(outcome.applied)
            if missing:
                raise _leak("an edit was not applied", f"{len(missing)} of them")
            checks = audit(source, draft, found, fill, outcome.moves, pipeline)
            failed = [check for check in checks if not check.passed]
            names = {check.name for check in failed}
            if not keep_breaks and any(outcome.moves.values()) and names & _PLACES:
                keep_breaks = True  # rather lines that tell a little than no output
            elif failed and not deep and not names - _UNSEEN:
                # Only the checks read what no page shows: what they found becomes edits, once.
                found, deep = _unseen(source, found, pipeline), True
            else:
                break
        if not failed:
            checks += reread(source, draft, edits, found, outcome.moves, pipeline)
            failed = [check for check in checks if not check.passed]
        if source.damaged and failed and {check.name for check in failed} <= _STRUCTURE:
            raise BrokenError(
                "cannot redact the file",
                where=source.info.name,
                why="it is damaged, and parsers read it differently",
                hint="Nothing was written. Open it in a viewer and save it again.",
            )
        if failed:
            raise _leak(failed[0].name, failed[0].detail, pages=pipeline.config.pages)
        report = RedactionReport(
            source.info.sha256,
            digest_of(draft),
            edits,
            outcome.carriers,
            tuple(checks),
            found.uncertain,
            tuple(Gap(page, name, why) for page, name, why in outcome.gaps),
            {number: tuple(move.area for move in own) for number, own in outcome.moves.items()},
        )
        texts = {path: _text(report, path, draft, source, pipeline) for path in reports}
        release(draft, out, texts)
        return report
    finally:
        private.remove(folder)


def _text(
    report: RedactionReport, path: Path, draft: Path, source: Source, pipeline: Pipeline
) -> bytes:
    """Return what a file of a report holds; the ending of its name tells the kind."""
    if path.suffix.lower() not in (".html", ".htm"):
        return f"{json.dumps(report.to_json(), indent=1)}\n".encode()
    from .report import to_html

    with opened(draft, pipeline, password=source.password) as output:
        return to_html(report, output).encode()


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
        limits=limits_of(pipeline.config),
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


def _leak(what: str, detail: str, *, pages: str = "") -> RedactionLeakError:
    hint = "Nothing was written. Clear the place with --region, or report this."
    if pages:
        hint = f"Only pages {pages} were searched; leave out --pages to search all of them."
    return RedactionLeakError("the output was withheld", where=what, why=detail, hint=hint)
