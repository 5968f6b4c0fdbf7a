"""Translate a document from end to end: find its texts, translate, erase and set, report what stays."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from dataclasses import replace as changed
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .config import page_numbers
from .errors import UsageError
from .plan import Plan
from .replacement import LEAST_SIZE, ReplacementReport, planned, replace, with_stage
from .stages.translate import BEGUN, Left, TranslateConfig, TranslateStage, counts

if TYPE_CHECKING:
    from .io.base import Source
    from .pipeline import Pipeline

STAGE = TranslateStage.name
Bilingual = Literal["", "pages", "side"]


@dataclass(frozen=True, slots=True)
class Proposed:
    """What would be translated, and what would stay.

    Attributes:
        plan: the edits.
        left: texts that stay as they are, with the reason.
    """

    plan: Plan
    left: tuple[Left, ...] = ()


@dataclass(frozen=True, slots=True)
class TranslationReport(ReplacementReport):
    """What was translated and how it fits; it holds no text of the document.

    Attributes:
        to: language of the output, ``""`` for a plan that was applied.
        untranslated: texts that stay as they are, with the reason.
    """

    to: str = ""
    untranslated: tuple[Left, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every translation was set, and none of them was damaged or did not come."""
        return not self.left and not any(item.failed for item in self.untranslated)

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain data, schema 1."""
        return {
            **ReplacementReport.to_json(self),
            "kind": "translation",
            "to": self.to,
            "untranslated": [
                {
                    "page": item.page,
                    "bbox": [round(value, 2) for value in item.bbox],
                    "reason": item.reason,
                }
                for item in self.untranslated
            ],
            "reasons": dict(counts(self.untranslated)),
        }


def translate(
    source: Source | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    to: str = "",
    translator: str = "",
    glossary: Sequence[str] = (),
    keep: Sequence[str] = (),
    options: TranslateConfig | None = None,
    plan: Plan | None = None,
    pipeline: Pipeline | None = None,
    bilingual: Bilingual = "",
    style: str = "text",
    least_size: float = LEAST_SIZE,
) -> TranslationReport:
    """Write ``out``, the source with its texts in another language, and return what was done.

    Whole paragraphs are translated, also over columns and pages, and text in pictures and scans too.
    Numbers, placeholders, addresses and ids stay; links, bookmarks and fields too.

    Args:
        source: an open source, or the path of a PDF or an image; never altered.
        out: the file to write, of the same kind as the source; whole or not at all.
        to: language to translate into, BCP 47.
        translator: a registered translator; empty takes ``glossary`` where a glossary is given.
        glossary: CSV or TMX files whose translations win.
        keep: terms that stay as they are.
        options: all of these and more in one object, instead of them.
        plan: edits made before by :func:`propose_translations`, instead; all but rejected ones are set.
        pipeline: how pages are read and which translators there are; None takes the defaults.
        bilingual: ``"pages"``: each page followed by its translation; ``"side"``: both on one sheet.
        style: ``"text"`` sets type; ``"engine"`` as in :func:`docharmony.replace`.
        least_size: smallest size of new text, as a share of the old one's (0.3-1.0).

    Raises:
        UsageError: no language or translator, or a plan for another input.
        MissingExtraError: the translator lacks a program, a package or this pair of languages.
        StageError, InputError, OutputError, EngineError: as elsewhere.
    """
    from .pipeline import Pipeline

    pipeline = pipeline or Pipeline()
    if options is None:
        options = TranslateConfig(
            to, translator=translator, glossary=tuple(glossary), keep=tuple(keep)
        )
    if isinstance(source, str | os.PathLike):
        from .pipeline import open as open_source

        with open_source(source, config=pipeline.config, plugins=pipeline.plugins) as opened:
            return translate(
                opened,
                out,
                options=options,
                plan=plan,
                pipeline=pipeline,
                bilingual=bilingual,
                style=style,
                least_size=least_size,
            )
    left: tuple[Left, ...] = ()
    if plan is None:
        found = _search(source, options, pipeline)
        plan, left = found.plan, found.left
    report = _set(source, Path(out), plan, pipeline, bilingual, style, least_size)
    values = {field.name: getattr(report, field.name) for field in fields(ReplacementReport)}
    return TranslationReport(**values, to=options.to, untranslated=left)


def propose_translations(
    source: Source, *, options: TranslateConfig, pipeline: Pipeline | None = None
) -> Proposed:
    """Return the edits that a translation asks for, to be reviewed and set by :func:`translate`.

    Args:
        source: an open source.
        options: languages, translator and glossary.
        pipeline: how pages are read; None takes the defaults.

    Raises:
        StageError, UsageError, InputError: as :func:`translate` does.
    """
    from .pipeline import Pipeline

    return _search(source, changed(options, propose=True), pipeline or Pipeline())


def _search(source: Source, options: TranslateConfig, pipeline: Pipeline) -> Proposed:
    stage = TranslateStage(options)
    stage.check(pipeline.context)
    ready = with_stage(pipeline, stage)
    left: list[Left] = []
    ready.context.store.update({STAGE: left, BEGUN: False})
    plan = planned(source, ready.pages(source, keep_going=False))
    return Proposed(plan, tuple(left))


def _set(
    source: Source,
    out: Path,
    plan: Plan,
    pipeline: Pipeline,
    bilingual: Bilingual,
    style: str,
    least_size: float,
) -> ReplacementReport:
    if bilingual not in ("", "pages", "side"):
        raise UsageError(f"unknown layout {bilingual!r}", hint="Choose one of: pages, side.")
    if not bilingual:
        return replace(
            source, out, plan=plan, pipeline=pipeline, style=style, least_size=least_size
        )
    import hashlib
    import shutil
    import tempfile

    from .io.limits import Limits
    from .io.output import atomic
    from .io.write.bilingual import combine

    folder = Path(tempfile.mkdtemp(prefix="docharmony-"))  # mode 0700
    try:
        draft, both = folder / f"translated{out.suffix}", folder / f"both{out.suffix}"
        report = replace(
            source, draft, plan=plan, pipeline=pipeline, style=style, least_size=least_size
        )
        limits = Limits(timeout_s=pipeline.config.timeout, max_memory=pipeline.config.max_memory)
        numbers = page_numbers(pipeline.config.pages, source.info.page_count)
        combine(source, draft, both, layout=bilingual, numbers=numbers, limits=limits)
        with atomic(out) as stream, both.open("rb") as done:
            shutil.copyfileobj(done, stream)
        digest = hashlib.sha256(both.read_bytes()).hexdigest()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return changed(report, output_sha256=digest)
