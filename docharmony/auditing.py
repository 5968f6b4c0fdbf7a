"""Audit a file by all there is: what parsers find, what fonts claim, and what can be read from pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

# Share of a place that one found by a parser covers: the two are one.
_SAME = 0.3

if TYPE_CHECKING:
    from .io.base import Source
    from .io.verify import Finding
    from .model import Page, PageFailure
    from .pipeline import Pipeline
    from .stages.redact import RedactConfig


def audit(
    source: Source,
    *,
    pipeline: Pipeline,
    terms: Sequence[str] = (),
    whole_words: bool = False,
    pages: Sequence[int] | None = None,
    advance: Callable[[], None] | None = None,
) -> list[Finding]:
    """Return what an audit of an open file finds: pages in order, then the document.

    Terms are also sought in what a reader reads from the pixels of scans, pictures and pages whose
    text layer says other than they show. Of an image there are terms and metadata to find.

    Args:
        source: from :func:`docharmony.open`.
        pipeline: reads pixels; tells what glyphs look like, unless ``text_layer`` is ``"trust"``.
        terms: texts that it must not hold, wherever and however written.
        whole_words: terms are whole words only.
        pages: 1-based numbers to look at; all by default. The document is audited in any case.
        advance: called after each page; with terms a second time, when it was read for them.

    Raises:
        InputError: the file is encrypted, broken or over a limit.
        StageError: the pixels of a page could not be read for the terms.
    """
    from .io.verify import verify_image, verify_pdf
    from .pipeline import limits_of
    from .stages.redact import RedactConfig

    config = pipeline.config
    numbers = list(pages or range(1, source.info.page_count + 1))
    more: list[Finding] = []

    def after(number: int) -> None:
        if config.text_layer != "trust":
            more.extend(_misleading(source, number, pipeline))
        if advance is not None:
            advance()

    if source.info.media_type == "application/pdf":
        found = verify_pdf(
            source.path,
            password=source.password,
            terms=terms,
            whole_words=whole_words,
            pages=numbers,
            limits=limits_of(config),
            name=source.info.name,
            after=after,
        )
    else:
        found = verify_image(
            source.path,
            terms=terms,
            whole_words=whole_words,
            limits=limits_of(config),
            name=source.info.name,
        )
    if terms:
        rules = RedactConfig(terms=tuple(terms), whole_words=whole_words)
        more += _read(source, rules, numbers, found, pipeline, advance)
    # Of one page what parsers found comes first; what belongs to no page is last.
    return sorted([*found, *more], key=lambda item: item.page or source.info.page_count + 1)


def _read(
    source: Source,
    rules: RedactConfig,
    numbers: Sequence[int],
    known: Sequence[Finding],
    pipeline: Pipeline,
    advance: Callable[[], None] | None,
) -> list[Finding]:
    """Return the terms that a reader finds on the pages and the parsers did not."""
    from .io.verify import Finding
    from .searching import collect, with_rules

    ready = with_rules(pipeline, rules)

    def pages() -> Iterator[Page | PageFailure]:
        for page in ready.pages(source, numbers, keep_going=False):
            yield page
            if advance is not None:
                advance()

    return [
        Finding(
            "term",
            number,
            edit.bbox,
            "a picture that is not shown as it is" if edit.picture else "seen on the page",
        )
        for number, edits in collect(source, pages(), rules, ready).plan.edits.items()
        for edit in edits
        if not any(
            item.kind == "term"
            and item.page == number
            and item.bbox is not None
            and item.bbox.intersection(edit.bbox).area >= _SAME * edit.bbox.area
            for item in known
        )
    ]


def _misleading(source: Source, number: int, pipeline: Pipeline) -> Iterator[Finding]:
    from .io.verify import Finding

    for line, masked in pipeline.letters.misleading(source, source.page(number)):
        if masked:
            yield Finding(
                "bad_redaction", number, line.bbox, "letters that are all drawn alike", line.text
            )
        else:
            yield Finding(
                "hidden_text", number, line.bbox, "glyphs that show other text", line.text
            )
