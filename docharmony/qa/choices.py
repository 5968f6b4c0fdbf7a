"""Boxes and circles to tick: which there are, what stands beside each, and whether it is ticked.

A mark is a sign of the text layer, or a small square or ring of ink before a word; pixels tell what is
in it, so form fields, drawn boxes and scans are read alike.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import regex

from ..geometry import BBox
from ..model import AnswerSpan
from .boxes import NUMBERED
from .graph import Graph
from .labels import Label
from .question import Question, answers
from .segments import Segment
from .slots import Slot
from .tables import Found
from .units import match, units
from .words import likeness, tokens

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Pixels = Callable[[], npt.NDArray[np.uint8] | None]
    """Returns the page as displayed, (height, width, 3) RGB, in any resolution; None without one."""

# Signs of text fonts, and of Wingdings as it lies in the private area.
_FULL = frozenset(
    "\u2611\u2612\u2713\u2714\u2717\u2718\u25a0\u25fc\u25c9\u25cf\uf0fc\uf0fd\uf0fe\uf078"
)
_OPEN = frozenset("\u2610\u25a1\u25fb\u25cb\u25ef\u274f\u2751\uf0a8\uf06f\uf071\uf0a3\uf072")
_MARK = regex.compile(
    rf"[{''.join(_FULL | _OPEN)}]|\[\S?\]|\[\s\]|\([ xX]?\)|[vVyYxX\u221a][/\\|)\]](?=\p{{Lu}})"
)
_BLANK = frozenset(("[]", "[ ]", "()", "( )"))

_REACH = 2.8  # heights of a word that a mark stands before it at most
_INTO = 0.3  # and how far into the word the square may reach
_SMALL, _LARGE = 0.5, 2.2  # sides of a mark, in heights of the word
_SQUARE = 1.45  # its longer side by its shorter
_SIDE = 0.9  # share of each side that has ink
_USUAL = 0.75  # side of a mark at least, where there are several that fit
_RIM = 0.24  # of its side: what is outside is the outline
_INK = 0.09  # share of ink inside from which on a mark is ticked
_DARK = 0.8  # of the paper's grey
_OPTION = 9  # words of an option
_FAR = 9.0  # ems between two options of a row
_LEAST = 0.45  # how well a group must fit the question
_NAMED = 0.85  # strength, where the question itself names two of the options


@dataclass(frozen=True, slots=True)
class Choice:
    """Words with a mark before them: a range of a segment's text, and whether the mark is ticked."""

    segment: Segment
    start: int
    end: int
    ticked: bool
    mark: BBox

    @property
    def text(self) -> str:
        """The words."""
        return self.segment.text[self.start : self.end]

    @property
    def span(self) -> AnswerSpan:
        """Their characters."""
        return self.segment.span(self.start, self.end)


def answer(question: Question, graph: Graph, pixels: Pixels | None) -> list[Found]:
    """Return what is ticked in the groups that the question asks about, the best first."""
    if question.operation != "look" or question.kind in _TYPED:
        return []
    fitting = (_fits(question, segment.text) for segment in graph.segments)
    if max(fitting, default=0.0) < _LEAST and not _lists(question, graph):
        return []
    found = []
    known = answers()
    said = known["yes"] | known["no"]
    for group in groups(graph, pixels):
        chosen = [c for c in group if c.ticked]
        if not 0 < len(chosen) < len(group) or all(is_said(c.text, said) for c in chosen):
            continue
        fits = fit_of(question, group, graph)
        if fits >= _LEAST:
            text = ", ".join(c.text for c in chosen)
            slot = Slot(
                text,
                tuple(c.span for c in chosen),
                BBox.around([c.segment.box(c.start, c.end) for c in chosen]),
                (),
                chosen[0].segment,
                "value",
            )
            found.append(Found(text, slot, (), fits))
    return sorted(found, key=lambda item: -item.strength)


_TYPED = frozenset(
    {"date", "money", "phone", "email", "url", "iban", "bic", "percent", "address", "time"}
)


def fit_of(question: Question, group: Sequence[Choice], graph: Graph) -> float:
    """Return how well a group of choices is what a question asks about, 0.0-1.0."""
    asked = {token.text for token in tokens(question.text)}
    named = [c for c in group if {t.text for t in tokens(c.text)} <= asked]
    best = _NAMED if len(named) > 1 else 0.0
    return max([best, *(_fits(question, text) for text in _told(group, graph))])


def _fits(question: Question, text: str) -> float:
    fits = match(question.asked, units(text))
    return 0.8 * fits.coverage + 0.2 * fits.precision


def _lists(question: Question, graph: Graph) -> bool:
    """Whether a question names two short texts of the page, as options."""
    asked = {token.text for token in tokens(question.text)}
    named = {s.text for s in graph.segments if {t.text for t in tokens(s.text)} <= asked}
    return len(named) > 1


def _told(group: Sequence[Choice], graph: Graph) -> Iterator[str]:
    """Yield the texts that may say what a group of choices is about."""
    own = {c.segment.index for c in group}
    first = group[0].segment
    before = first.text[: group[0].start].strip(" :")
    if any(c.isalpha() for c in before):
        yield before
    for label in _labels(graph).get(first.index, ()):
        if label.segment < 0:
            yield label.cleaned
        elif label.segment not in own:
            yield _whole(graph.segments[label.segment])
    # What was read last before the first option.
    last = next((s for s in reversed(graph.segments[: first.index]) if s.index not in own), None)
    if last is not None and abs(last.bbox.center.y - first.bbox.center.y) < 2.2 * first.em:
        yield _whole(last)


def _whole(segment: Segment) -> str:
    """Return a text with the lines just above and below that it is a part of, without its number."""
    text = segment.text
    over = segment.above[0] if segment.above else None
    if over is not None and not NUMBERED.match(text) and _goes_on(over, segment):
        text = f"{over.text} {text}"
    under = segment.below[0] if segment.below else None
    if under is not None and not NUMBERED.match(under.text) and _goes_on(segment, under):
        text = f"{text} {under.text}"
    return Label("", text).cleaned


def _goes_on(upper: Segment, lower: Segment) -> bool:
    near = lower.bbox.y0 - upper.bbox.y1 < 0.6 * upper.em
    return near and abs(lower.bbox.x0 - upper.bbox.x0) < upper.em and upper.cell == lower.cell


@lru_cache(maxsize=4)
def _labels(graph: Graph) -> dict[int, tuple[Label, ...]]:
    return {
        slot.segment.index: tuple(
            label
            for label in slot.labels
            if label.relation in ("left", "row", "above", "box")
            or (label.relation == "upper" and len(label.text) > 12)
        )
        for slot in graph.slots
        if slot.shape == "whole"
    }


def groups(graph: Graph, pixels: Pixels | None) -> list[list[Choice]]:
    """Return the choices of a page in groups: in one drawn box, one row, or one column."""
    for known, seen, found in _KNOWN:
        if known is graph and seen == (pixels is not None):
            return found
    found = _grouped(graph, pixels)
    _KNOWN.append((graph, pixels is not None, found))
    return found


# Of the last pages: all questions about a page ask for them.
_KNOWN: deque[tuple[Graph, bool, list[list[Choice]]]] = deque(maxlen=4)


def _grouped(graph: Graph, pixels: Pixels | None) -> list[list[Choice]]:
    found: list[list[Choice]] = []
    for choice in choices(graph, pixels):
        home = next((g for g in found if any(_together(choice, other) for other in g)), None)
        if home is None:
            found.append([choice])
        else:
            home.append(choice)
    return found


def _together(a: Choice, b: Choice) -> bool:
    if a.segment.cell is not None and a.segment.cell == b.segment.cell:
        return True
    em = max(a.segment.em, b.segment.em)
    if abs(a.mark.center.y - b.mark.center.y) < 0.6 * em:
        left, right = sorted((a, b), key=lambda c: c.mark.x0)
        end = left.segment.box(left.start, left.end).x1
        return right.mark.x0 - end < _FAR * em
    return abs(a.mark.x0 - b.mark.x0) < 0.5 * em and abs(a.mark.y0 - b.mark.y0) < 2.6 * em


def choices(graph: Graph, pixels: Pixels | None) -> list[Choice]:
    """Return the choices of a page, in reading order."""
    found = []
    image = None
    for segment in graph.segments:
        starts = list(_starts(segment))
        if not starts:
            continue
        if pixels is not None:
            image, pixels = _grey(pixels), None
        for number, (mark, start) in enumerate(starts):
            stop = starts[number + 1][0][0] if number + 1 < len(starts) else len(segment.text)
            text = segment.text[start:stop].rstrip(" :;,")
            if not any(c.isalpha() for c in text) or len(text.split()) > _OPTION:
                continue
            choice = _choice(segment, mark, start, start + len(text), graph, image)
            if choice is not None:
                found.append(choice)
    return found


def _starts(segment: Segment) -> Iterator[tuple[tuple[int, int], int]]:
    """Yield where an option may begin: the range of its sign, empty for none, and of its first word."""
    text = segment.text
    at = 0
    for word in regex.finditer(r"\S+", text):
        if word.start() < at:
            continue
        sign = _MARK.match(text, word.start())
        lone = len(word[0]) <= 2 and word.end() < len(text) and word[0][-1] not in ".)"
        # In running text a letter is a word: "a copy".
        lone = lone and (word.start() == 0 or _apart(segment, word.start()))
        if sign is not None or lone:
            end = sign.end() if sign is not None else word.end()
            start = end + len(text[end:]) - len(text[end:].lstrip())
            if start < len(text):
                yield (word.start(), end), start
            elif segment.right is None:
                return
            at = max(at, start)
        elif word.start() == 0 or _apart(segment, word.start()):
            yield (word.start(), word.start()), word.start()


def _apart(segment: Segment, start: int) -> bool:
    """Whether a wide gap stands before a word of a segment: room for a box."""
    words = segment.text[:start].split()
    if not words:
        return True
    first = segment.box(start - 1 - len(words[-1]), start - 1)
    return segment.box(start, start + 1).x0 - first.x1 > 0.75 * segment.em


def _choice(
    segment: Segment,
    mark: tuple[int, int],
    start: int,
    end: int,
    graph: Graph,
    image: npt.NDArray[np.float32] | None,
) -> Choice | None:
    sign = segment.text[mark[0] : mark[1]]
    box = _behind(segment, mark, start)
    drawn = None
    if image is not None:
        drawn = _drawn(box, image, _scale(image, graph), _others(box, graph))
    known = _MARK.fullmatch(sign) is not None
    place = segment.box(*mark) if sign else BBox(box.x0 - box.height, box.y0, box.x0, box.y1)
    if drawn is not None:
        return Choice(segment, start, end, drawn, place)
    if known:
        return Choice(segment, start, end, sign not in _OPEN | _BLANK, place)
    return None


def _behind(segment: Segment, mark: tuple[int, int], start: int) -> BBox:
    """Return the box of the word behind a mark: of its rest, where the mark is a part of the word."""
    box = segment.box(start, start + 1)
    if mark[0] == mark[1] or start > mark[1]:
        return box
    at = len(segment.text[: mark[0]].split(" ")) - 1
    word = segment.text.split(" ")[at]
    part = box.width * (mark[1] - mark[0]) / max(1, len(word))
    return BBox(min(box.x0 + max(part, 0.9 * segment.em), box.x1 - 1), box.y0, box.x1, box.y1)


def _others(box: BBox, graph: Graph) -> float:
    """Return how far to the left of a word other words reach, but for a sign alone."""
    best = box.x0 - _REACH * box.height
    for line in graph.page.lines:
        if line.bbox.y1 < box.y0 or line.bbox.y0 > box.y1:
            continue
        for word in line.words:
            inside = word.bbox.y0 < box.center.y < word.bbox.y1
            sign = len(word.text) <= 2 or _MARK.match(word.text)
            sign = sign and word.bbox.x0 < box.x0
            if inside and not sign and word.bbox.x1 <= box.x0 + 1:
                best = max(best, word.bbox.x1 - 0.1 * box.height)
    return best


def _grey(pixels: Pixels) -> npt.NDArray[np.float32] | None:
    import numpy as np

    image = pixels()
    return None if image is None else np.asarray(image.mean(axis=2), dtype=np.float32)


def _scale(image: npt.NDArray[np.float32], graph: Graph) -> tuple[float, float]:
    return image.shape[1] / graph.page.width, image.shape[0] / graph.page.height


def _drawn(
    word: BBox, image: npt.NDArray[np.float32], scale: tuple[float, float], left: float
) -> bool | None:
    """Return whether the square or ring before a word is ticked; None where there is none."""
    import numpy as np

    high = word.height
    x0, x1 = round(left * scale[0]) + 1, round((word.x0 + _INTO * high) * scale[0])
    top, end = round((word.y0 - 0.6 * high) * scale[1]), round((word.y1 + 0.6 * high) * scale[1])
    cut = image[max(0, top) : end, max(0, x0) : x1]
    if min(cut.shape, default=0) < 5:
        return None
    ink = cut < _DARK * np.percentile(cut, 95)
    unit = high * scale[1]
    frames = [*_squares(ink, unit), *_rings(ink, unit)]
    if not frames:
        return None
    # The nearest at the height of the word.
    middle = (word.center.y * scale[1]) - max(0, top)
    level = [f for f in frames if abs((f[0] + f[1]) / 2 - middle) < 0.35 * unit] or frames
    nearest = max(frame[3] for frame in level)
    level = [frame for frame in level if nearest - frame[3] < 0.3 * unit]
    # An X in a box makes smaller ones, the boxes above and below it larger ones.
    whole = [frame for frame in level if frame[1] - frame[0] > _USUAL * unit] or level
    y0, y1, x0, x1, rim = min(
        whole, key=lambda frame: (frame[1] - frame[0]) * (frame[3] - frame[2])
    )
    inside = ink[y0 + rim : y1 - rim, x0 + rim : x1 - rim]
    return bool(inside.size and inside.mean() > _INK)


_Frame = tuple[int, int, int, int, int]
"""Rows and columns that a mark takes, ends exclusive, and how thick its outline is."""


def _fits_word(tall: int, wide: int, unit: float) -> bool:
    small, large = sorted((tall, wide))
    return small >= 5 and small > _SMALL * unit and large <= min(_LARGE * unit, _SQUARE * small)


def _squares(ink: npt.NDArray[np.bool_], unit: float) -> Iterator[_Frame]:
    """Yield squares of four lines, also where a side is part of a longer line, as in a table."""
    columns = _lines(ink, _SMALL * unit)
    if len(columns) < 2:
        return
    for left, right in itertools.combinations(columns, 2):
        x0, x1 = left[0], right[1]
        if not _SMALL * unit < x1 - x0 < _LARGE * unit:
            continue
        for top, bottom in itertools.combinations(_lines(ink[:, x0:x1].T, _SIDE * (x1 - x0)), 2):
            y0, y1 = top[0], bottom[1]
            if not _fits_word(y1 - y0, x1 - x0, unit):
                continue
            sides = ink[y0:y1, left[0] : left[1]].any(1), ink[y0:y1, right[0] : right[1]].any(1)
            if min(float(side.mean()) for side in sides) > _SIDE:
                thick = max(a[1] - a[0] for a in (left, right, top, bottom))
                if thick < 0.3 * min(y1 - y0, x1 - x0):
                    yield y0, y1, x0, x1, max(thick, round(_RIM * min(y1 - y0, x1 - x0)))


def _lines(ink: npt.NDArray[np.bool_], least: float) -> list[tuple[int, int]]:
    """Return the ranges of columns with a run of ink of some length, neighbours together."""
    import numpy as np

    run = np.zeros(ink.shape[1], dtype=int)
    longest = run.copy()
    for row in ink:
        run = (run + 1) * row
        longest = np.maximum(longest, run)
    found: list[tuple[int, int]] = []
    for x in np.flatnonzero(longest >= max(4.0, least)).tolist():
        if found and found[-1][1] == x:
            found[-1] = found[-1][0], x + 1
        else:
            found.append((x, x + 1))
    return found


def _rings(ink: npt.NDArray[np.bool_], unit: float) -> Iterator[_Frame]:
    for (y0, y1), (x0, x1) in _blobs(ink):
        if _fits_word(y1 - y0, x1 - x0, unit) and _is_ring(ink[y0:y1, x0:x1]):
            yield y0, y1, x0, x1, max(2, round(_RIM * min(y1 - y0, x1 - x0)))


def _is_ring(part: npt.NDArray[np.bool_]) -> bool:
    """Whether ink lies along a circle, and the corners around it are clear."""
    import numpy as np

    tall, wide = part.shape
    y, x = np.mgrid[0:tall, 0:wide]
    r = np.hypot((y - (tall - 1) / 2) / (tall / 2), (x - (wide - 1) / 2) / (wide / 2))
    if part[r > 1.15].any():
        return False
    angle = np.arctan2(y - (tall - 1) / 2, x - (wide - 1) / 2)
    near = part & (r > 0.62)
    sectors = np.unique(((angle[near] + np.pi) / (2 * np.pi) * 12).astype(int) % 12)
    return len(sectors) >= 11


def _blobs(
    ink: npt.NDArray[np.bool_],
) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield the rows and columns of each run of touching ink."""
    left = {(int(y), int(x)) for y, x in zip(*ink.nonzero(), strict=True)}
    if len(left) > 0.7 * ink.size:
        return
    while left:
        y, x = left.pop()
        stack, y0, y1, x0, x1 = [(y, x)], y, y, x, x
        while stack:
            y, x = stack.pop()
            y0, y1, x0, x1 = min(y0, y), max(y1, y), min(x0, x), max(x1, x)
            for dy in (-1, 0, 1):
                for dx in (-1, 0, 1):
                    near = (y + dy, x + dx)
                    if near in left:
                        left.remove(near)
                        stack.append(near)
        yield (y0, y1 + 1), (x0, x1 + 1)


def is_said(text: str, known: frozenset[str]) -> bool:
    """Whether a choice says one of the words, also with a reader's slip: "Yes", "Yes*", "N0"."""
    plain = [token.text for token in tokens(text)]
    return len(plain) == 1 and any(plain[0] == w or likeness(plain[0], w) >= 0.9 for w in known)
