"""Audit a file by all there is: what parsers find, what fonts claim, and what can be read from pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

# Share of a place that one found by a parser covers: the two are one.
_SAME = 0.3
# Of a word that a picture holds and the page does not show: the least it is sure of, and its letters; the
# levels of colour within which its place shows nothing, and the share of it that a box covers.
_SURE, _LETTERS, _EVEN, _COVERED = 0.6, 3, 24, 0.7

if TYPE_CHECKING:
    from .closer import Closer
    from .geometry import BBox
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
    from .closer import Closer
    from .io.verify import verify_image, verify_pdf
    from .pipeline import limits_of
    from .stages.redact import RedactConfig

    config = pipeline.config
    numbers = list(pages or range(1, source.info.page_count + 1))
    more: list[Finding] = []

    closer = Closer(source, pipeline)

    def after(number: int) -> None:
        if config.text_layer != "trust":
            more.extend(_misleading(source, number, pipeline))
            more.extend(_in_pictures(source, number, closer))
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


def _in_pictures(source: Source, number: int, closer: Closer) -> Iterator[Finding]:
    """Yield lines that can be read in the pixels of a picture, and not on the page that covers them."""
    import numpy as np

    from .io.verify import Finding

    page = source.page(number)
    hidden: list[tuple[BBox, str]] = []
    for look in closer.looks(page):
        to_page = look.to_picture.then(look.picture.to_page)
        for line in look.page.lines:
            words = [
                (word.bbox.polygon().map(to_page).bbox, word.text)
                for word in line.words
                if word.confidence >= _SURE and sum(map(str.isalnum, word.text)) >= _LETTERS
            ]
            hidden += words
    if not hidden:
        return
    raster = source.raster(number)
    boxes = source.graphics(number).boxes
    step = raster.shape[1] / page.width
    paper = np.median(raster[::7, ::7].reshape(-1, 3), axis=0)
    for box, text in hidden:
        part = raster[
            max(0, round(box.y0 * step)) : max(0, round(box.y1 * step)),
            max(0, round(box.x0 * step)) : max(0, round(box.x1 * step)),
        ].reshape(-1, 3)
        if part.size and int(np.ptp(part.mean(axis=1))) > _EVEN:
            continue  # something is seen there
        boxed = bool(part.size) and bool(np.abs(np.median(part, axis=0) - paper).max() > _EVEN)
        if boxed or any(b.intersection(box).area >= _COVERED * box.area for b in boxes):
            yield Finding("bad_redaction", number, box, "pixels of a picture below a box", text)
        else:
            where = "pixels of a picture that the page does not show"
            yield Finding("hidden_text", number, box, where, text)


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
