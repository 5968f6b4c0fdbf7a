"""Audit a PDF by all there is: what parsers find in it, and what its fonts claim against what is seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .io.base import Source
    from .io.verify import Finding
    from .pipeline import Pipeline


def audit(
    source: Source,
    *,
    pipeline: Pipeline,
    terms: Sequence[str] = (),
    whole_words: bool = False,
    pages: Sequence[int] | None = None,
    advance: Callable[[], None] | None = None,
) -> list[Finding]:
    """Return what an audit of an open PDF finds: pages in order, then the document.

    Args:
        source: from :func:`docharmony.open`.
        pipeline: its reader tells what glyphs look like, unless ``text_layer`` is ``"trust"``.
        terms: texts that it must not hold, wherever and however written.
        whole_words: terms are whole words only.
        pages: 1-based numbers to look at; all by default. The document is audited in any case.
        advance: called after each page.

    Raises:
        InputError: the file is encrypted, broken or over a limit.
    """
    from .io.verify import verify_pdf
    from .pipeline import limits_of

    config = pipeline.config
    numbers = list(pages or range(1, source.info.page_count + 1))
    more: list[Finding] = []

    def after(number: int) -> None:
        if config.text_layer != "trust":
            more.extend(_misleading(source, number, pipeline))
        if advance is not None:
            advance()

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
    # Of one page what parsers found comes first; what belongs to no page is last.
    return sorted([*found, *more], key=lambda item: item.page or source.info.page_count + 1)


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
