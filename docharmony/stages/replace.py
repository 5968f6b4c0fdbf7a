"""The stage ``replace``: finds old text and proposes new text in its place, as edits."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..detect.areas import Places
from ..detect.text import PageText, Place
from ..errors import UsageError
from ..model import Align, Block, BlockKind, Edit, EditStatus, Inline, Line, Page
from ..stage import Context, Stage
from ..translators.protect import find
from ..translators.texts import joined
from .carrying import Carried, Hit, carry, substituted
from .inline import Looks, Seen
from .pairs import parse_pair, read_pairs
from .replacing import Naming, Replacer, is_level
from .rows import in_rows

if TYPE_CHECKING:
    from ..detect.terms import TermMatch

# A gap between words, in heights of the line, behind which something else begins.
_OTHER = 1.3
# A difference in width that nobody sees, in em; what is a little too long is set closer.
_SAME = 0.15
# A difference in size between lines of one paragraph, as a share: words in them are larger.
_ALIKE = 0.06
# A line is set anew together with those below it when it would have to shrink below this.
_SHRINK = 0.94
# What leaders consist of.
_LEADERS = frozenset("._\u00b7\u2024\u2025\u2026\u22ef")
_FLOWS = (BlockKind.PARAGRAPH, BlockKind.LIST_ITEM, BlockKind.CAPTION, BlockKind.TITLE)


@dataclass(frozen=True, slots=True)
class ReplaceConfig:
    """What to replace."""

    map: tuple[str, ...] = field(default=(), repr=False)
    """Pairs ``OLD=NEW``; write ``\\\\=`` for a sign that belongs to OLD."""

    map_files: tuple[str, ...] = ()
    """CSV files with two columns, or JSON objects, of old and new texts."""

    inside_words: bool = False
    """Replace inside longer words too: cat in concatenate."""

    keep_case: bool = True
    """Write the new text in capitals where the old one is."""

    min_confidence: float = 0.9
    """Leave alone what was read with less confidence (0.0-1.0), or is only a near miss."""

    propose: bool = False
    """Propose the edits for a person to approve, instead of approving them."""


def all_pairs(config: ReplaceConfig) -> list[tuple[str, str]]:
    """Return the pairs of the options and of the files, in the order in which edits count them.

    Raises:
        UsageError: a pair is none, or two of them replace the same text with different ones.
        ConfigError: a file cannot be read.
    """
    pairs = [parse_pair(pair) for pair in config.map]
    pairs += [pair for path in config.map_files for pair in read_pairs(path)]
    known: dict[str, str] = {}
    for number, (old, new) in enumerate(pairs, 1):
        if known.setdefault(old, new) != new:
            raise UsageError(
                "two pairs replace the same text",
                why=f"pair {number} has another new text than one before it",
                hint="Leave one of them out.",
            )
    return pairs


class ReplaceStage(Stage):
    """Finds old texts and adds an edit for each place; see :class:`ReplaceConfig`.

    Where the new text is as long as the old one, it alone is set. Where it is not, the rest of the
    line moves along; where the line would get too long, the paragraph is set anew from there.
    """

    name = "replace"
    Config = ReplaceConfig
    requires = frozenset({"lines"})
    provides = frozenset({"edits"})
    rewrites = True
    config: ReplaceConfig

    def __init__(self, config: ReplaceConfig | None = None) -> None:
        super().__init__(config)
        from ..detect.terms import Terms

        self._pairs = all_pairs(self.config)
        self._terms = Terms(
            [old for old, _ in self._pairs], whole_words=not self.config.inside_words
        )

    def process(self, page: Page, ctx: Context) -> Page:
        """Return the page with an edit for each old text on it."""
        rows = in_rows(page)
        text = PageText.of(rows)
        hits = self._hits(text)
        edits: list[Edit] = []
        if hits:
            work = _Work(rows, ctx, text, self.config)
            edits = work.edits(hits)
        return page.provide("edits", edits=(*page.edits, *edits))

    def _hits(self, text: PageText) -> list[Hit]:
        """Return what is found, none over another: the longest first."""
        matches = [m for m in self._terms.find(text) if m.confidence >= self.config.min_confidence]
        matches = [m for m in matches if all(text.lines[n].visible for n in _lines(text, m))]
        if not self.config.inside_words:
            whole = [(t.start, t.end) for t in find(text.text) if t.kind in ("email", "url")]
            matches = [m for m in matches if not self._in_address(m, whole)]
        chosen: list[TermMatch] = []
        for match in sorted(matches, key=lambda m: (m.near, m.start - m.end, m.start)):
            if all(match.end <= other.start or other.end <= match.start for other in chosen):
                chosen.append(match)
        return [
            Hit(
                match.start,
                match.end,
                self._new(text.text[match.start : match.end], match.term),
                match.term + 1,
                match.confidence,
            )
            for match in sorted(chosen, key=lambda m: m.start)
        ]

    def _in_address(self, match: TermMatch, addresses: Sequence[tuple[int, int]]) -> bool:
        """Return whether a word was found within an address, which is a longer word.

        A part of an address that can be nothing else, such as example.org, is found there.
        """
        if re.search(r"[.@/:]", self._pairs[match.term][0]):
            return False
        return any(
            start <= match.start and match.end <= end and (start, end) != (match.start, match.end)
            for start, end in addresses
        )

    def _new(self, found: str, term: int) -> str:
        old, new = self._pairs[term]
        if not self.config.keep_case:
            return new
        letters = [c for c in found if c.isalpha()]
        if len(letters) > 1 and all(c.isupper() for c in letters) and not old.isupper():
            return new.upper()
        if len(letters) > 1 and old.isupper() and new.isupper() and found.islower():
            return new.lower()
        if found[:1].isupper() and old[:1].islower():
            return new[:1].upper() + new[1:]
        return new


def _lines(text: PageText, match: TermMatch) -> list[int]:
    return sorted({place.line for place in text.places[match.start : match.end] if place})


class _Work:
    """Makes the edits of one page."""

    def __init__(self, page: Page, ctx: Context, text: PageText, config: ReplaceConfig) -> None:
        self.page, self.text, self._ctx = page, text, ctx
        self._seen: Seen | None = None
        self.replacer = Replacer(page, ctx)
        self.status = EditStatus.PROPOSED if config.propose else EditStatus.APPROVED
        self._places = Places(
            lambda: ctx.glyphs(page), lambda: ctx.raster(page), (page.width, page.height)
        )
        self._blocks = {name: block for block in page.blocks for name in block.lines}
        self._index = {line.id: number for number, line in enumerate(text.lines)}

    def edits(self, hits: Sequence[Hit]) -> list[Edit]:
        """Return edits for all hits; none of them over another."""
        made: list[Edit] = []
        left = list(hits)
        while left:
            hit = left.pop(0)
            lines = self._lines_of(hit)
            if len(lines) > 1:
                edit, left = self._over_lines(hit, lines, left)
                made += edit
                continue
            run_end = self._run_end(hit)
            group = [hit]
            while left and left[0].end <= run_end:
                group.append(left.pop(0))
            edits, left = self._in_line(group, run_end, left)
            made += edits
        first = len(self.page.edits) + 1
        return [
            replace(edit, id=f"p{self.page.number}e{number}")
            for number, edit in enumerate(made, first)
        ]

    def _lines_of(self, hit: Hit) -> list[int]:
        places = self.text.places[hit.start : hit.end]
        return sorted({place.line for place in places if place is not None})

    def _run_end(self, hit: Hit) -> int:
        """Return the end of the words that belong together with a hit, on its line."""
        place = next(p for p in self.text.places[hit.start :] if p is not None)
        line = self.text.lines[place.line]
        last = self._last_place(hit.end)
        word = last.word
        while word + 1 < len(line.words) and self._joins(line, word):
            word += 1
        final = Place(last.line, word, len(line.words[word].text) - 1)
        return self.text.places.index(final, hit.start) + 1

    def _last_place(self, end: int) -> Place:
        return next(p for p in reversed(self.text.places[:end]) if p is not None)

    def _in_line(
        self, group: Sequence[Hit], run_end: int, left: list[Hit]
    ) -> tuple[list[Edit], list[Hit]]:
        """Return edits for hits in one run of words: each alone, with the rest, or the paragraph."""
        place = self._last_place(group[0].end)
        line = self.text.lines[place.line]
        alone = [self._part(line, hit.start, hit.end, hit.new, hit) for hit in group]
        changes = any(e is None or abs(self._wider(e)) > _SAME for e in alone)
        if changes and self._hangs(line) and not (left and left[0].start < run_end):
            # In the middle or at the right, both of its ends depend on what it says.
            return [self._anew(line, group)], left
        if all(
            edit is not None
            and (
                abs(self._wider(edit)) <= _SAME
                or (hit.end == run_end and self._wider(edit) <= 0 and not self._moves(line, edit))
            )
            for edit, hit in zip(alone, group, strict=True)
        ):
            return [edit for edit in alone if edit is not None], left
        start = group[0].start
        rest = substituted(self.text, start, run_end, group)
        whole = self._carried([line], group)
        tail = self._part(
            line,
            start,
            run_end,
            rest,
            group[0],
            fill=self._is_full(line, run_end),
            inline=whole.tail(rest) if self._ends(line, run_end) else (),
        )
        if tail is None:
            return [edit for edit in alone if edit is not None], left
        if self._fits(tail, self._beside(line)):
            return [tail], left
        if self._flows(line):
            flowed = self._flow(place.line, group, left)
            return flowed if flowed is not None else ([tail], left)
        if self._is_run(line) and line.origin == "pdf":
            # It goes on in free space below, where lines begin as this one does.
            return [self._anew(line, group)], left
        return [tail], left

    def _anew(self, line: Line, group: Sequence[Hit]) -> Edit:
        """Return an edit that sets a whole line anew."""
        whole = self._carried([line], group)
        naming = self._naming(group[0])
        return self.replacer.block([line], whole.text, naming, inline=whole.inline)

    def _hangs(self, line: Line) -> bool:
        """Return whether the words of a line stand alone, and from its middle or its right end."""
        return (
            line.origin == "pdf"
            and not self._flows(line)
            and self._is_run(line)
            and self.replacer.alone(line) in ("center", "end")
        )

    def _carried(self, lines: Sequence[Line], hits: Sequence[Hit]) -> Carried:
        """Return whole lines with new texts in them."""
        start, end = self._span(lines)
        if lines[0].origin != "pdf":
            return Carried(substituted(self.text, start, end, hits), Looks(), ())
        if self._seen is None:
            graphics = self._ctx.graphics(self.page)
            self._seen = Seen(self._ctx.spans(self.page), graphics.links, graphics.rules)
        return carry(self.text, start, end, hits, lines, self._seen)

    def _span(self, lines: Sequence[Line]) -> tuple[int, int]:
        """Return where lines begin and end in the page's text."""
        first, last = self._index[lines[0].id], self._index[lines[-1].id]
        words = lines[-1].words
        start = self.text.places.index(Place(first, 0, 0))
        return start, self.text.places.index(
            Place(last, len(words) - 1, len(words[-1].text) - 1), start
        ) + 1

    def _ends(self, line: Line, end: int) -> bool:
        """Return whether a range of the text ends where a line does."""
        return self._span([line])[1] == end

    def _is_run(self, line: Line) -> bool:
        """Return whether the words of a line belong together, from its start to its end."""
        return all(self._joins(line, word) for word in range(len(line.words) - 1))

    def _joins(self, line: Line, word: int) -> bool:
        """Return whether a word and the next one belong together."""
        return (
            _gap(line, word) < _OTHER * _height(line)
            and not _leads(line, word + 1)
            and not self.replacer.parted(line.words[word].bbox, line.words[word + 1].bbox)
        )

    def _over_lines(
        self, hit: Hit, lines: Sequence[int], left: list[Hit]
    ) -> tuple[list[Edit], list[Hit]]:
        """Return edits for a hit that goes on in the next line."""
        if self._flows(self.text.lines[lines[0]]):
            flowed = self._flow(lines[0], [hit], left)
            if flowed is not None:
                return flowed
        areas = list(self._places.areas(self.text, hit.start, hit.end))
        largest = max(areas, key=lambda area: area.polygon.bbox.width)
        edit = self.replacer.part(
            self.text.lines[largest.line],
            largest.polygon,
            largest.text,
            hit.new,
            self._naming(hit),
            align=None,
        )
        old = joined([area.text for area in areas])
        return [replace(edit, original=old, areas=tuple(a.polygon for a in areas))], left

    def _flow(
        self, first: int, group: Sequence[Hit], left: list[Hit]
    ) -> tuple[list[Edit], list[Hit]] | None:
        """Return one edit that sets a paragraph anew from a line on; None where its style changes."""
        line = self.text.lines[first]
        block = self._blocks[line.id]
        names = block.lines[block.lines.index(line.id) :]
        lines = [self.text.lines[self._index[name]] for name in names]
        if any(
            abs(other.size - line.size) > _ALIKE * line.size
            or other.direction != line.direction
            or other.origin != line.origin
            for other in lines
        ):
            return None
        indices = [self._index[name] for name in names]
        if indices != list(range(first, first + len(indices))):
            return None
        _, end = self._span(lines)
        inside = [*group, *(hit for hit in left if hit.start < end)]
        if any(hit.end > end for hit in inside):
            return None
        new = self._carried(lines, inside)
        if not new.parts and not self.replacer.styles.uniform(lines):
            return None
        naming = self._naming(group[0])
        edit = self.replacer.block(lines, new.text, naming, inline=new.inline)
        return [edit], [hit for hit in left if hit.start >= end]

    def _part(
        self,
        line: Line,
        start: int,
        end: int,
        new: str,
        hit: Hit,
        *,
        fill: bool = False,
        inline: Sequence[Inline] = (),
    ) -> Edit | None:
        areas = list(self._places.areas(self.text, start, end))
        if len(areas) != 1:  # right-to-left words stand apart
            if not areas:
                return None
            from ..geometry import BBox

            box = BBox.around(area.polygon.bbox for area in areas)
            if line.direction % 90:
                return None
            polygon = box.polygon()
            old = " ".join(area.text for area in areas)
        else:
            polygon, old = areas[0].polygon, areas[0].text
        if line.origin == "ocr":
            first, last = self.text.places[start], self._last_place(end)
            if first is not None:
                tight = self.replacer.styles.extent(
                    line, (first.word, first.char), (last.word, last.char)
                )
                polygon = tight or polygon
        align: Align | None = "fill" if fill else self._column(line, start, end)
        # A run that begins with the old text is set as that is.
        like = next(iter(self._places.areas(self.text, hit.start, hit.end))).polygon
        return self.replacer.part(
            line, polygon, old, new, self._naming(hit), align=align, like=like, inline=inline
        )

    def _column(self, line: Line, start: int, end: int) -> Align | None:
        """Return how a whole run is aligned where it stands alone; None for a part of one."""
        first, last = self.text.places[start], self._last_place(end)
        if first is None or first.word or first.char:
            return None
        if last.word < len(line.words) - 1 or last.char < len(line.words[-1].text) - 1:
            return None
        found = self.replacer.alone(line)
        return found if found in ("center", "end") else None  # type: ignore[return-value]

    def _wider(self, edit: Edit) -> float:
        """Return by how many em the new text is wider than the old one, by faces of its class."""
        from ..typeset.faces import chain
        from ..typeset.shape import shape

        setting = edit.setting
        assert setting is not None
        faces = chain(setting.family, bold=setting.bold, italic=setting.italic)
        old = shape(edit.original, faces).width
        return shape(edit.replacement, faces).width - old

    def _moves(self, line: Line, edit: Edit) -> bool:
        """Return whether a shorter text at the end of a line makes the line end elsewhere."""
        return self._is_full(line, -1) and self._wider(edit) < -_SAME

    def _beside(self, line: Line) -> float:
        """Return the space behind a line of a paragraph up to where its longest line ends."""
        block = self._blocks.get(line.id)
        if not self._flows(line) or block is None or not is_level(line):
            return math.inf
        others = [self.text.lines[self._index[name]].bbox for name in block.lines]
        return max(box.x1 for box in others) - line.bbox.x1

    def _fits(self, edit: Edit, beside: float) -> bool:
        """Return whether the new text goes into its place and the room beside it, about as large.

        Args:
            edit: sets it.
            beside: space that may be taken of the room behind it; a paragraph keeps its width.
        """
        setting = edit.setting
        assert setting is not None
        wide = math.dist(edit.polygon[0], edit.polygon[1]) / (setting.size or 1.0)
        room = (setting.room[0] + min(setting.room[2], beside)) / (setting.size or 1.0)
        more = self._wider(edit) * _SHRINK
        if setting.align == "fill":
            # Spaces between words give way a little and widen a lot before anybody sees it.
            return -0.12 * max(wide, 1.0) < more < 0.03 * max(wide, 1.0)
        return more <= room + 0.06 * wide

    def _flows(self, line: Line) -> bool:
        """Return whether a line belongs to a paragraph that can be set anew."""
        block: Block | None = self._blocks.get(line.id)
        return block is not None and block.kind in _FLOWS and len(block.lines) > 1

    def _is_full(self, line: Line, run_end: int) -> bool:
        """Return whether a line reaches both sides of a justified paragraph."""
        block = self._blocks.get(line.id)
        if block is None or len(block.lines) < 3 or line.id == block.lines[-1] or line.direction:
            return False
        others = [self.text.lines[self._index[n]].bbox for n in block.lines[:-1]]
        right = max(box.x1 for box in others)
        near = 0.1 * (line.size or line.bbox.height)
        even = sum(abs(box.x1 - right) <= near for box in others)
        return even >= 0.8 * len(others) and abs(line.bbox.x1 - right) <= near

    def _naming(self, hit: Hit) -> Naming:
        reason = f"entry {hit.term} of the map"
        return Naming("", "map", reason, self.status, hit.confidence, hit.term)


def _gap(line: Line, word: int) -> float:
    """Return the space behind a word of a line."""
    a, b = line.words[word].polygon, line.words[word + 1].polygon
    ux, uy = a[1].x - a[0].x, a[1].y - a[0].y
    length = (ux * ux + uy * uy) ** 0.5 or 1.0
    return ((b[0].x - a[1].x) * ux + (b[0].y - a[1].y) * uy) / length


def _leads(line: Line, word: int) -> bool:
    """Return whether a leader begins with a word: dots that lead to a page number or an amount."""
    text = line.words[word].text
    more = line.words[word + 1].text if word + 1 < len(line.words) else ""
    return text[:3] in ("...", "___") or (
        bool(text) and set(text) <= _LEADERS and (len(text) > 2 or set(more) == set(text))
    )


def _height(line: Line) -> float:
    return math.dist(line.polygon[0], line.polygon[-1]) or 1.0
