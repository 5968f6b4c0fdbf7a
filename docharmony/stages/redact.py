"""The stage ``redact``: finds what is to be removed and puts it on the page as edits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..detect.areas import Area, Places, box_of
from ..detect.text import PageText, View, natural, tight
from ..errors import ConfigError, UsageError
from ..geometry import BBox
from ..model import BlockKind, Edit, EditKind, EditStatus, Line, Page
from ..stage import Context, Stage

if TYPE_CHECKING:
    from ..detect.patterns import Patterns
    from ..detect.terms import Terms

# Lines at the end of a page and at the start of the next in which a value may be broken.
_SEAM = 2
# Lines are in one row when their middles are no further apart than this share of their height.
_ROW = 0.5
# Shorter numbers stand in too many places to mean the same everywhere.
_LEAST_VALUE = 6
# Share of a place that an edit must hold for the place to need none of its own.
_COVERED = 0.95


@dataclass(frozen=True, slots=True)
class RedactConfig:
    """What to redact."""

    terms: tuple[str, ...] = field(default=(), repr=False)
    """Texts to remove, whatever their case, accents, hyphenation and spacing on the page."""

    terms_file: str = ""
    """A text file in UTF-8 with one more term a line; empty lines do not count."""

    patterns: tuple[str, ...] = field(default=(), repr=False)
    """Python regular expressions; a space in one also matches a line end."""

    pii: tuple[str, ...] = ()
    """Kinds of private data: registered detectors, or ``all``."""

    regions: tuple[str, ...] = ()
    """Areas to clear, ``PAGE:X0,Y0,X1,Y1``: points (pixels for images) from the top left."""

    ask: tuple[str, ...] = field(default=(), repr=False)
    """Questions whose answers go, wherever they stand; one without an answer withholds the output.
    For the command and the function ``redact`` only: a stage sees one page, a question a document."""

    whole_words: bool = False
    """Find terms only as whole words: not Smith in Smithson."""

    min_confidence: float = 0.0
    """Leave out what is found with less confidence (0.0-1.0): near misses, numbers that fail a
    checksum. Raise it only where too much goes."""

    pattern_timeout: float = 5.0
    """Seconds that one pattern may take on one page."""

    propose: bool = False
    """Propose the edits for a person to approve, instead of approving them."""


@dataclass(frozen=True, slots=True)
class Region:
    """An area that a person points at: page number and ``(x0, y0, x1, y1)`` in page units."""

    page: int
    corners: tuple[float, float, float, float]


def parse_region(text: str) -> Region:
    """Return the region that ``PAGE:X0,Y0,X1,Y1`` names.

    >>> parse_region("2:10,20,110.5,40")
    Region(page=2, corners=(10.0, 20.0, 110.5, 40.0))

    Raises:
        UsageError: it is not written so, or the area is empty.
    """
    page, _, numbers = text.partition(":")
    try:
        x0, y0, x1, y1 = map(float, numbers.split(","))
        number = int(page)
        if number < 1 or not 0 < abs(x1 - x0) < 1e7 or not 0 < abs(y1 - y0) < 1e7:
            raise ValueError("empty")
    except ValueError:
        raise UsageError(
            "cannot understand the region",
            where=text,
            hint="Write PAGE:X0,Y0,X1,Y1 from the top left, e.g. 1:72,72,300,90.",
        ) from None
    return Region(number, (x0, y0, x1, y1))


def all_terms(config: RedactConfig) -> list[str]:
    """Return the terms of the options and of the terms file, in the order in which edits count them.

    Raises:
        ConfigError: the file cannot be read.
    """
    terms = list(config.terms)
    if config.terms_file:
        try:
            text = Path(config.terms_file).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                "cannot read the terms file",
                where=config.terms_file,
                why=getattr(error, "strerror", None) or "it is not UTF-8 text",
                hint="Write one term a line.",
            ) from None
        terms += [line.strip() for line in text.splitlines() if line.strip()]
    return terms


@dataclass(frozen=True, slots=True)
class _Hit:
    """A range of the page's text that a rule wants removed."""

    start: int
    end: int
    rule: str
    reason: str
    confidence: float
    term: int = 0


class RedactStage(Stage):
    """Finds terms, patterns, private data and regions, and adds an edit for each line they touch."""

    name = "redact"
    Config = RedactConfig
    requires = frozenset({"lines"})
    provides = frozenset({"edits"})
    config: RedactConfig

    def __init__(self, config: RedactConfig | None = None) -> None:
        super().__init__(config)
        if self.config.ask:
            raise UsageError(
                "a pipeline cannot redact answers",
                where="stages.redact.ask",
                why="a stage sees single pages, and a question needs the document",
                hint="Use `docharmony redact --ask`, or give terms.",
            )
        from ..detect.patterns import Patterns
        from ..detect.terms import Terms

        self._regions = [parse_region(region) for region in self.config.regions]
        self._terms: Terms = Terms(all_terms(self.config), whole_words=self.config.whole_words)
        self._patterns: Patterns = Patterns(
            self.config.patterns, timeout=self.config.pattern_timeout
        )

    def process(self, page: Page, ctx: Context) -> Page:
        """Return the page with edits for all that is to go.

        Raises:
            UsageError: a region lies outside its page, or nobody registered a kind of private data.
            LimitExceededError: a pattern takes too long.
        """
        return next(self.process_batch([page], ctx))

    def process_batch(self, pages: Sequence[Page], ctx: Context) -> Iterator[Page]:
        """Yield the pages with their edits; detectors see the texts of all of them at once."""
        texts = [PageText.of(page) for page in pages]
        found = self._private(texts, ctx)
        for page, text, private in zip(pages, texts, found, strict=True):
            hits = [*self._given(text), *private]
            places = _places(page, ctx)
            edits = list(self._edits(page, text, hits, places, len(page.edits)))
            edits += self._in_other_orders(page, text, edits, places)
            edits += self._region_edits(page, len(page.edits) + len(edits))
            yield page.provide("edits", edits=(*page.edits, *edits))

    def _given(self, text: PageText) -> Iterator[_Hit]:
        """Yield what the terms and patterns find."""
        yield from self._term_hits(text)
        for match in self._patterns.find(text):
            yield _Hit(match.start, match.end, "pattern", f"pattern {match.pattern + 1}", 1.0)

    def _term_hits(self, text: PageText) -> Iterator[_Hit]:
        for term in self._terms.find(text):
            reason = f"term {term.term + 1}" + (", near miss in read text" if term.near else "")
            yield _Hit(term.start, term.end, "term", reason, term.confidence, term.term + 1)

    def _private(self, texts: Sequence[PageText], ctx: Context) -> list[list[_Hit]]:
        """Return, for each page, what the detectors find in its natural and its tight view."""
        found: list[list[_Hit]] = [[] for _ in texts]
        if not self.config.pii:
            return found
        views: list[tuple[int, View]] = []
        for index, text in enumerate(texts):
            views.append((index, natural(text)))
            joined = tight(text)
            if joined is not None:
                views.append((index, joined))
        for kind, detector in ctx.detectors(self.config.pii).items():
            matches = detector.find([view.text for _, view in views])
            for (index, view), own in zip(views, matches, strict=True):
                for match in own:
                    start, end = view.span(match.start, match.end, texts[index])
                    found[index].append(
                        _Hit(start, end, f"pii:{kind}", match.rule, match.confidence)
                    )
        return found

    def _edits(
        self, page: Page, text: PageText, hits: Sequence[_Hit], places: Places, count: int
    ) -> Iterator[Edit]:
        for hit in self._kept(hits):
            for area in places.areas(text, hit.start, hit.end):
                count += 1
                yield self._edit(page, count, hit, area)

    def _in_other_orders(
        self, page: Page, text: PageText, edits: Sequence[Edit], places: Places
    ) -> list[Edit]:
        """Return edits for terms that stand together only in another order than that of the blocks.

        A reader of the file may take the lines as they are stored, and a person may read along a row.
        """
        found: list[Edit] = []
        orders = [text.lines]
        for lines in (page.lines, _rows(page)) if self._terms.terms else ():
            if lines in orders:
                continue
            orders.append(lines)
            other = PageText.of_groups([lines])
            hits = [
                hit
                for hit in self._term_hits(other)
                if _line_at(other, hit.start) != _line_at(other, hit.end - 1)
            ]
            for hit in self._kept(hits):
                for area in places.areas(other, hit.start, hit.end):
                    if not any(_covers(edit, area) for edit in (*page.edits, *edits, *found)):
                        number = len(page.edits) + len(edits) + len(found) + 1
                        found.append(self._edit(page, number, hit, area))
        return found

    def _kept(self, hits: Sequence[_Hit]) -> list[_Hit]:
        """Return the hits that are sure enough, none inside another of its rule, in order of place."""
        sure = [hit for hit in hits if hit.confidence >= self.config.min_confidence]
        return sorted(_largest(sure), key=lambda hit: (hit.start, hit.end, hit.rule))

    def _edit(self, page: Page, number: int, hit: _Hit, area: Area) -> Edit:
        return Edit(
            f"p{page.number}e{number}",
            EditKind.ERASE,
            area.polygon,
            hit.rule,
            hit.reason,
            area.text,
            status=self._status,
            confidence=hit.confidence,
            term=hit.term,
        )

    def repeats(self, page: Page, values: Mapping[str, Edit], ctx: Context) -> list[Edit]:
        """Return edits for further places of values, as :func:`repeatable` gives them, on a page.

        Their numbers go on from those of the edits that the page has.
        """
        from ..detect.terms import Terms

        text = PageText.of(page)
        places = _places(page, ctx)
        sources = list(values.values())
        found: list[Edit] = []
        for match in Terms(list(values), whole_words=True).find(text):
            first = sources[match.term]
            reason = f"{first.reason}, as in {first.id}"
            hit = _Hit(match.start, match.end, first.rule, reason, match.confidence)
            if hit.confidence < self.config.min_confidence:
                continue
            for area in places.areas(text, match.start, match.end):
                if not any(_covers(edit, area) for edit in (*page.edits, *found)):
                    found.append(self._edit(page, len(page.edits) + len(found) + 1, hit, area))
        return found

    @property
    def _status(self) -> EditStatus:
        return EditStatus.PROPOSED if self.config.propose else EditStatus.APPROVED

    def across(self, above: Page, below: Page, ctx: Context) -> tuple[list[Edit], list[Edit]]:
        """Return edits, for either page, of what begins on one page and ends on the next.

        Looks at the last lines of the one and the first lines of the other, without headers and
        footers and with them. The numbers of the edits go on from those that the pages have.
        """
        found: tuple[list[Edit], list[Edit]] = ([], [])
        seams = [(_body(above)[-_SEAM:], _body(below)[:_SEAM])]
        # What stands alone at the top of a page can be taken for its header; turned text can come between
        # in the order of the page, and so can what goes from it.
        level = [
            [line for line in page.lines if not line.direction and not _goes(line, page.edits)]
            for page in (above, below)
        ]
        lowest, highest = (sorted(own, key=lambda line: line.bbox.y1) for own in level)
        for tail, head in ((above.lines, below.lines), level, (lowest, highest)):
            seam = list(tail[-_SEAM:]), list(head[:_SEAM])
            if seam not in seams:
                seams.append(seam)
        for tail, head in seams:
            if not tail or not head:
                continue
            text = PageText.of_groups([[*tail, *head]])
            hits = [
                hit
                for hit in (*self._given(text), *self._private([text], ctx)[0])
                if _line_at(text, hit.start) < len(tail) <= _line_at(text, hit.end - 1)
            ]
            for side, page in enumerate((above, below)):
                places = _places(page, ctx)
                for hit in self._kept(hits):
                    for area in places.areas(text, hit.start, hit.end):
                        known = (*page.edits, *found[side])
                        if (area.line >= len(tail)) == bool(side) and not any(
                            _covers(edit, area) for edit in known
                        ):
                            name = len(page.edits) + len(found[side]) + 1
                            found[side].append(self._edit(page, name, hit, area))
        return found

    def _region_edits(self, page: Page, count: int) -> list[Edit]:
        edits: list[Edit] = []
        for region in self._regions:
            if region.page != page.number:
                continue
            box = box_of(region.corners, page.bbox)
            if box.is_empty:
                raise UsageError(
                    "a region lies outside its page",
                    where=f"page {page.number}",
                    why=f"the page measures {page.width:g} x {page.height:g} {page.unit}",
                    hint="Coordinates start at the top left of the page as displayed.",
                )
            name = f"p{page.number}e{count + len(edits) + 1}"
            edits.append(
                Edit(name, EditKind.ERASE, box.polygon(), "region", "region", status=self._status)
            )
        return edits


def _largest(hits: Sequence[_Hit]) -> list[_Hit]:
    """Return the hits without those that lie inside another of the same rule and term."""
    kept: list[_Hit] = []
    ordered = sorted(hits, key=lambda hit: (hit.start, -hit.end, -hit.confidence))
    reach: dict[tuple[str, int], int] = {}
    for hit in ordered:
        key = hit.rule, hit.term
        if hit.end > reach.get(key, -1):
            reach[key] = hit.end
            kept.append(hit)
    return kept


def repeatable(edits: Iterable[Edit]) -> Mapping[str, Edit]:
    """Return the values that are secret wherever they stand, each with the edit that found it.

    A number is recognised by the word before it, a name by its sentence; elsewhere they may stand
    bare. Not so a date or a region: the same text elsewhere means something else. Terms are sought
    everywhere anyway.
    """
    values: dict[str, Edit] = {}
    for edit in edits:
        text = edit.original
        number = len(text) >= _LEAST_VALUE and any(c.isdigit() or c == "@" for c in text)
        full_name = edit.rule == "pii:name" and len(text.split()) > 1
        local = edit.rule in ("term", "region", "pii:date_of_birth", "pii:address")
        if not local and (number or full_name):
            values.setdefault(text, edit)
    return values


def _body(page: Page) -> list[Line]:
    """Return the lines of a page in reading order, without what stands at its head and foot."""
    if not page.blocks:
        return list(page.lines)
    aside = (BlockKind.HEADER, BlockKind.FOOTER)
    return [line for b in page.blocks if b.kind not in aside for line in page.lines_of(b)]


def _rows(page: Page) -> tuple[Line, ...]:
    """Return the level lines of a page row by row, as the eye goes along, whatever their blocks."""
    level = sorted(
        (line for line in page.lines if not line.direction), key=lambda line: line.bbox.center.y
    )
    rows: list[list[Line]] = []
    for line in level:
        near = rows and line.bbox.center.y - rows[-1][-1].bbox.center.y <= _ROW * line.bbox.height
        if near:
            rows[-1].append(line)
        else:
            rows.append([line])
    return tuple(line for row in rows for line in sorted(row, key=lambda line: line.bbox.x0))


def _line_at(text: PageText, index: int) -> int:
    """Return the number of the line on which a character stands."""
    return next(place.line for place in text.places[index:] if place is not None)


def _places(page: Page, ctx: Context) -> Places:
    return Places(lambda: ctx.glyphs(page), lambda: ctx.raster(page), (page.width, page.height))


def uncovered(edits: Iterable[Edit], others: Sequence[Edit]) -> list[Edit]:
    """Return the edits whose areas the others do not hold already."""
    return [edit for edit in edits if not any(_holds(other.bbox, edit.bbox) for other in others)]


def _goes(line: Line, edits: Iterable[Edit]) -> bool:
    """Return whether one edit takes a whole line."""
    return any(_holds(edit.bbox, line.bbox) for edit in edits)


def _covers(edit: Edit, area: Area) -> bool:
    return _holds(edit.bbox, area.polygon.bbox)


def _holds(outer: BBox, inner: BBox) -> bool:
    return outer.intersection(inner).area >= _COVERED * inner.area
