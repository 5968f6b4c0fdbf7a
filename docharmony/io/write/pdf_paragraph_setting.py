"""Fill the lines of a paragraph with what is left of its words, one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from .pdf_line_parts import SPACE, Mark, exact
from .pdf_line_setting import Line
from .pdf_paragraphs import Paragraph, TextLine

# Gaps as shares of the wished one, and spaces of justified lines as shares of their width, to be tried.
_GAPS, _SPACES = (1.0, 0.75, 0.5, 0.25, 0.0), (1.0, 0.92, 0.84)
_HOLE = 1.5  # no line is filled by spaces so wide, in em
_HANGS = 0.1  # how far beside the edge an item may begin
_WORD = 0.2  # what is set so far apart, in em, are two words


class Segment(NamedTuple):
    """Glyphs that go from one line of a paragraph to one.

    Attributes:
        line: that they stood on.
        drop: how far they go across.
        marks: the glyphs.
        new: their places along.
        words: number of the word that each belongs to; None for white space.
        gaps: for removed text among them.
    """

    line: TextLine
    drop: float
    marks: list[Mark]
    new: list[float]
    words: list[int | None]
    gaps: list[tuple[float, float, frozenset[int]]]


def fill(found: Paragraph, want: float, least: float) -> tuple[list[Segment], int]:
    """Return where the glyphs of a paragraph go, and how many lines they take.

    Nothing here may depend on how many lines there were: it takes as few as it can with the narrowest
    gaps and spaces, and then the widest gaps for which that is enough.

    Args:
        found: the paragraph.
        want: width of a gap where there is room, in em.
        least: the least width, in em.
    """
    squeezes = _SPACES if found.flush else _SPACES[:1]
    fewest = len(_Text(found, least).broken(squeezes[-1]))
    for share in _GAPS:
        text = _Text(found, max(want * share, least))
        for spaces in squeezes:
            broken = text.broken(spaces)
            if len(broken) <= fewest:
                return text.segments(broken, spaces), fewest
    raise AssertionError("the narrowest gaps take as many lines as the narrowest gaps")


class _Text:
    """The words of a paragraph, one after the other."""

    def __init__(self, found: Paragraph, gap: float) -> None:
        self.found = found
        self.size = size = found.lines[0].size
        self.marks: list[Mark] = []  # as if all lines were one
        self.own = [mark for line in found.lines for mark in line.marks]
        self.lines: list[int] = []  # of each mark
        self.ink: list[bool] = []  # that stays, or a gap stands for
        self.whole: set[int] = set()  # lines that go on with the word of the line before
        reach = 0.0
        for number, line in enumerate(found.lines):
            by = reach + (0.0 if number in self.whole else 0.3 * size) - line.left
            reach = line.right + by
            hyphen = found.joins.get(number)
            if number in found.joins:
                self.whole.add(number + 1)
            if hyphen is not None:
                reach = hyphen.start + by
            for mark in line.marks:
                start, end, width = mark.start + by, mark.end + by, mark.width
                if hyphen is not None and mark.start >= hyphen.start:
                    start, end, width = reach, reach, 0.0
                self.marks.append(mark._replace(start=start, end=end, width=width))
                self.ink.append(mark is not hyphen and (not mark.glyph.blank or bool(mark.areas)))
            self.lines += [number] * len(line.marks)
        laid = Line(self.marks, size, gap)
        laid.natural(gap)
        self.new, self.gaps = laid.new, {gap[0]: gap for gap in laid.gaps}
        self.words = self._words()
        self.starts = [self._start(word) for word in self.words]
        self.wide = [exact(self._end(w) - s) for w, s in zip(self.words, self.starts, strict=True)]
        usual = Counter(m.width for m in self.own if m.glyph.blank and not m.areas and m.width > 0)
        most = min(usual, key=lambda width: (-usual[width], width), default=SPACE * size)
        self.space = min(most, size)
        self.marked = self._marked()

    def _words(self) -> list[list[int]]:
        """Return the words, each as the numbers of its glyphs and of the blanks behind it."""
        words: list[list[int]] = [[]]
        ended = started = False
        end = 0.0
        for index, mark in enumerate(self.marks):
            if self.ink[index] and started:
                last = words[-1][-1]
                turned = self.lines[index] != self.lines[last]
                if turned and self.lines[index] in self.whole:
                    turned = ended = False
                if mark.areas and self.marks[last].areas and self.new[index] == self.new[last]:
                    turned = ended = False  # one gap, from one line to the next
                if ended or turned or self.new[index] - end > _WORD * self.size:
                    words.append([])
                    end = 0.0
            words[-1].append(index)
            ended = not self.ink[index]
            if not ended:
                started = True
                end = max(end, self._end([index]))
        return words

    def _end(self, word: Sequence[int]) -> float:
        """Return where the ink of a word ends, as laid in one line."""
        ends = [0.0]
        for index in word:
            mark = self.marks[index]
            if mark.areas:
                ends.append(self._gap(index)[1])
            elif self.ink[index]:
                ends.append(self.new[index] + mark.width)
        return max(ends)

    def _gap(self, index: int) -> tuple[float, float, frozenset[int]]:
        """Return the gap of a removed glyph."""
        return self.gaps[self.new[index]]

    def _start(self, word: Sequence[int]) -> float:
        return self.new[next(i for i in word if self.ink[i])]

    def _between(self, number: int) -> float:
        """Return the natural width of the space before a word.

        It is one for all words, though some fonts have wider ones: which words a line once parted, and
        what stood between them, tells where it broke.
        """
        return self.marked if number == 1 and self.marked else self.space

    def _marked(self) -> float:
        """Return how far the sign before a list's item stands from it; 0.0 where there is none."""
        found, words = self.found, self.words
        if len(words) < 2 or not found.listed:
            return 0.0
        first = next(i for i in words[1] if self.ink[i])
        if self.lines[first] or any(self.own[i].areas for i in words[0]):
            return 0.0
        gap = self.own[first].start - found.first - self.wide[0]
        hangs = abs(self.own[first].start - found.left) <= _HANGS * self.size
        return found.left - found.first - self.wide[0] if hangs else gap if gap > self.size else 0.0

    def broken(self, spaces: float) -> list[list[int]]:
        """Return the lines, as numbers of words, with spaces of a share of their width."""
        found = self.found
        lines: list[list[int]] = [[]]
        pen = found.first
        for number, wide in enumerate(self.wide):
            if lines[-1]:
                space = self._between(number) * spaces
                if pen + space + wide <= found.edge + 0.02:
                    pen += space + wide
                    lines[-1].append(number)
                    continue
                lines.append([])
            pen = (found.left if len(lines) > 1 else found.first) + wide
            lines[-1].append(number)
        return lines

    def segments(self, broken: Sequence[Sequence[int]], spaces: float) -> list[Segment]:
        """Return the glyphs at their places."""
        found = self.found
        result: list[Segment] = []
        noted: set[float] = set()
        for target, line in enumerate(broken):
            pen = found.first if target == 0 else found.left
            widths = [self.wide[n] for n in line]
            between = [self._between(n) for n in line[1:]]
            scale = spaces
            if found.flush and target < len(broken) - 1 and sum(between) > 0:
                scale = (found.edge - pen - sum(widths)) / sum(between)
                if scale * sum(between) > _HOLE * self.size * len(between):
                    scale = 1.0
            elif sum(widths) + sum(between) <= found.edge - pen:
                scale = 1.0
            for position, number in enumerate(line):
                word = self.words[number]
                if position:
                    pen += between[position - 1] * scale
                start = self.starts[number]
                for index in word:
                    mark, inked = self.marks[index], self.ink[index]
                    place = pen + exact(self.new[index] - start)
                    if not inked:
                        place = min(place, pen + widths[position])
                    stood = found.lines[self.lines[index]]
                    drop = found.baseline(target) - stood.baseline
                    own = result[-1] if result else None
                    if own is None or own.line is not stood or own.drop != drop:
                        own = Segment(stood, drop, [], [], [], [])
                        result.append(own)
                    if mark.areas and self.new[index] not in noted:
                        noted.add(self.new[index])
                        first, end, areas = self._gap(index)
                        own.gaps.append((place, place + end - first, areas))
                    own.marks.append(self.own[index])
                    own.new.append(place)
                    own.words.append(number if inked else None)
                pen += widths[position]
        return result
