"""Write a rewritten content stream in which lines were set anew.

What was moved is kept as a place on the page until here, and written as absolute numbers: a relative
step, a spacing of the line or a matrix made for one word would still tell how far it was moved. So
spacing is written only where text needs it, matrices that serve moved text alone are made anew, and
groups of operators that show nothing any more go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pikepdf

from ...geometry import Affine, Point
from ..moves import Move
from .pdf_objects import floats, parts, plain
from .pdf_paths import CLIP, CONSTRUCT, PAINT, PathBuffer, Subpath

_MARKS = frozenset({"BMC", "BDC", "EMC", "MP", "DP"})
_SHOWS = frozenset({"Do", "sh"})
# Operators that set something -> what, with how many operands (0: it depends), and whether they need not
# stand behind another of their kind.
_SETS = {
    "Tf": ("Tf", 2, True),
    **{name: (name, 1, True) for name in ("Tz", "TL", "Ts", "Tr")},
    **{name: ("fill", count, True) for name, count in (("g", 1), ("rg", 3), ("k", 4), ("cs", 1))},
    **{name: ("stroke", count, True) for name, count in (("G", 1), ("RG", 3), ("K", 4), ("CS", 1))},
    **dict.fromkeys(("sc", "scn"), ("fill", 0, False)),
    **dict.fromkeys(("SC", "SCN"), ("stroke", 0, False)),
}
_BESIDE = 0.06  # how far beside a letter a rule may end that belongs to it, in em
_WALL = 1.5  # width of the walls of cells, at most, in points
_PLACE = 3  # decimals of a place on the page, in points
_EXACT = 6


@dataclass
class Shown:
    """Text that an operator shows.

    Attributes:
        text: number of the text object.
        raw: what stood there, to be written when nothing in the text object moved.
        place: from text space at the pen's start to the page.
        kept: array for TJ; empty when nothing is left.
        char: character spacing, in text space.
        word: word spacing.
        moved: whether the line was set anew.
        lost: whether glyphs went.
        plain: whether it is to be shown without stretching.
        paragraph: number of the paragraph that was broken anew, and ``number`` that of a word in it.
        look: what it is shown with.
        end: where the pen is behind it, on the page.
    """

    text: int
    raw: list[Any]
    place: Affine
    kept: list[Any]
    char: float
    word: float
    moved: bool = False
    lost: bool = False
    plain: bool = False
    paragraph: int | None = None
    number: int = 0
    look: Any = None
    end: Point | None = None


@dataclass
class Step:
    """An operator that sets the pen within a text object, and the leading that it sets."""

    text: int
    raw: Any
    leading: float | None = None


@dataclass
class Drawn:
    """A path that went along with its line: subpaths on the page, and how they are painted."""

    paths: list[Subpath]
    operators: list[str]


@dataclass
class Spaced:
    """An operator that sets character or word spacing."""

    raw: Any


class Wiped:
    """Stands where a picture or a path went."""


@dataclass
class _Matrix:
    """What a matrix operator serves."""

    target: Point | None = None
    others: bool = False
    lost: bool = False


@dataclass
class _Group:
    start: int
    matrices: list[int] = field(default_factory=list)
    shows: bool = False
    lost: bool = False


def moved_path(instructions: Sequence[Any], ctm: Affine, moves: Sequence[Move]) -> list[Any] | None:
    """Return painted paths where they go with their lines, None when none does."""
    result: list[Any] = []
    pending: list[Any] = []
    buffer = PathBuffer()
    clip, any_moved = "", False
    for item in instructions:
        operands, operator = parts(item)
        name = str(operator)
        pending.append(item)
        if name in CONSTRUCT:
            buffer.add(name, operands, item)
        elif name in CLIP:
            clip = name
        elif name in PAINT:
            paths = buffer.subpaths
            own = _of_lines(paths, ctm, moves)
            if not any(own):
                result += pending
            else:
                any_moved = True
                result += [i for i in pending if not _belongs_to_path(i)]
                moved = [_along(path, ctm, move) for path, move in zip(paths, own, strict=True)]
                result.append(Drawn(moved, [*filter(None, [clip]), name]))
            pending, clip, buffer = [], "", PathBuffer()
    result += pending
    return result if any_moved else None


def _of_lines(paths: Sequence[Subpath], ctm: Affine, moves: Sequence[Move]) -> list[Move | None]:
    """Return the line that each part of a path goes along with: all of it with one, or part by part."""
    spots = [[ctm.apply(spot) for spot in path.spots()] for path in paths]
    every = [spot for part in spots for spot in part]
    one = _holding(every, moves)
    if one is not None or len(paths) < 2 or not any(_meets(every, move) for move in moves):
        return [one] * len(paths)
    # Several underlines in one path, or what a clip leaves free around letters that reach below one.
    return [_holding(part, moves) for part in spots]


def _holding(spots: Sequence[tuple[float, float]], moves: Sequence[Move]) -> Move | None:
    return next((m for m in moves if spots and m.holds(spots) and not _wall(m, spots)), None)


def _meets(spots: Sequence[tuple[float, float]], move: Move) -> bool:
    a0, c0, a1, c1 = move.span(spots)
    return (
        a0 <= move.knots[-1][0]
        and a1 >= move.knots[0][0]
        and c0 <= move.band[1]
        and c1 >= move.band[0]
    )


def _wall(move: Move, spots: Sequence[tuple[float, float]]) -> bool:
    """Return whether something drawn is the wall of a cell that a line reaches to."""
    start, top, end, bottom = move.span(spots)
    outside = (
        end <= move.knots[0][0] + 0.1 * move.size or start >= move.knots[-1][0] - 0.1 * move.size
    )
    return outside and end - start < _WALL and bottom - top > 0.9 * move.size


def _belongs_to_path(item: Any) -> bool:
    name = str(parts(item)[1])
    return name in CONSTRUCT or name in CLIP or name in PAINT


def _along(path: Subpath, ctm: Affine, move: Move | None) -> Subpath:
    """Return a part of a path on the page, where it goes."""
    # Rules end where letters do: how far beside, by a rounding, may depend on what went.
    rule = len(path.segments) < 5 and all(len(segment) == 1 for segment in path.segments)

    def to(spot: tuple[float, float]) -> tuple[float, float]:
        there = ctm.apply(spot)
        point = there if move is None else move.moved(there, snap=_BESIDE if rule else 0.0)
        return point.x, point.y

    segments = [tuple(to(spot) for spot in segment) for segment in path.segments]
    return Subpath(to(path.start), segments, path.closed, path.rectangle)


def written(items: Sequence[Any], base: Affine, canonical: set[int]) -> list[Any]:
    """Return the instructions of a stream.

    Args:
        items: instructions, and what stands for some: Shown, Step, Drawn, Spaced, Wiped.
        base: from the stream's space to the page.
        canonical: text objects in which every place is written as an absolute one.
    """
    matrices, dropped = _survey(items)
    return list(_Writer(base, canonical, matrices, dropped).write(items))


def _survey(items: Sequence[Any]) -> tuple[dict[int, _Matrix], set[int]]:
    """Return what each matrix operator serves, and the items of groups that show nothing now."""
    groups = [_Group(0)]
    matrices: dict[int, _Matrix] = {}
    dropped: set[int] = set()

    def note(*, target: Point | None = None, lost: bool = False) -> None:
        for group in groups:
            for index in group.matrices:
                matrix = matrices[index]
                if lost:
                    matrix.lost = True
                elif target is None:
                    matrix.others = True
                else:
                    matrix.target = matrix.target or target

    for index, item in enumerate(items):
        group = groups[-1]
        if isinstance(item, Shown):
            if item.lost:
                group.lost = True
                note(lost=True)
            if any(isinstance(part, pikepdf.String) for part in item.kept):
                group.shows = True
                note(target=_origin(item.place) if item.moved else None)
        elif isinstance(item, Drawn):
            if item.operators != ["n"] and item.operators[-1] != "n":
                group.shows = True
                note(target=Point(*item.paths[0].start))
        elif isinstance(item, Wiped):
            group.lost = True
            note(lost=True)
        elif isinstance(item, pikepdf.ContentStreamInlineImage):
            group.shows = True
            note()
        elif item is not None and not isinstance(item, Step | Spaced):
            name = str(parts(item)[1])
            if name == "q":
                groups.append(_Group(index))
            elif name == "Q" and len(groups) > 1:
                done = groups.pop()
                if done.lost and not done.shows:
                    dropped.update(
                        i for i in range(done.start, index + 1) if not _is_mark(items[i])
                    )
                    groups[-1].lost = True
                else:
                    groups[-1].shows |= done.shows
            elif name == "cm":
                matrices[index] = _Matrix()
                group.matrices.append(index)
            elif name in CLIP:
                note()  # a clip that stays is not to go along
            elif name in _SHOWS or (name in PAINT and name != "n"):
                group.shows = True
                note()
    return matrices, dropped


def _is_mark(item: Any) -> bool:
    if item is None or isinstance(item, Shown | Step | Drawn | Spaced | Wiped):
        return False
    if isinstance(item, pikepdf.ContentStreamInlineImage):
        return False
    return str(parts(item)[1]) in _MARKS


def _origin(place: Affine) -> Point:
    return Point(round(place.e, _PLACE), round(place.f, _PLACE))


class _Writer:
    def __init__(
        self,
        base: Affine,
        canonical: set[int],
        matrices: dict[int, _Matrix],
        dropped: set[int],
    ) -> None:
        self.ctm, self.canonical = base, canonical
        self.matrices, self.dropped = matrices, dropped
        # Spacing (character, word): what was written last, and what the stream asked for. A form starts
        # with what its caller had: unknown, so that it is written where it matters.
        self.set: tuple[float | None, float | None] = (None, None)
        self.asked: tuple[float | None, float | None] = (None, None)
        # Fonts and colours in the same way: how often they are set would tell how many lines there were.
        self.state: dict[str, list[Any]] = {}
        self.wanted: dict[str, list[Any]] = {}
        self.begun: Any = None  # a text object in which nothing was shown yet
        self.stack: list[Any] = []

    def write(self, items: Sequence[Any]) -> Iterable[Any]:
        for index, item in enumerate(items):
            if item is None or index in self.dropped or isinstance(item, Wiped):
                continue
            if isinstance(item, Shown):
                yield from self._shown(item)
            elif isinstance(item, Step):
                if item.text not in self.canonical:
                    yield from self._flush()
                    yield item.raw
                elif item.leading is not None:
                    yield [item.leading], pikepdf.Operator("TL")
            elif isinstance(item, Drawn):
                yield from self._drawn(item)
            elif isinstance(item, Spaced):
                operands, operator = parts(item.raw)
                value = float(operands[0])
                char, word = self.asked
                self.asked = (value, word) if str(operator) == "Tc" else (char, value)
            elif isinstance(item, pikepdf.ContentStreamInlineImage):
                yield from self._flush()
                yield item
            else:
                yield from self._plain(index, item)
        if self.begun is not None:
            yield self.begun

    def _flush(self, *, leading: bool = True) -> Iterable[Any]:
        """Yield what is to be set before something is shown, and the begin of its text object."""
        if self.begun is not None:
            yield self.begun
            self.begun = None
        for name, wanted in self.wanted.items():
            if name == "TL" and not leading:
                continue
            if [plain(i) for i in wanted] != [plain(i) for i in self.state.get(name, ())]:
                yield from wanted
                self.state[name] = wanted

    def _plain(self, index: int, item: Any) -> Iterable[Any]:
        operands, operator = parts(item)
        name = str(operator)
        kind, count, anew = _SETS.get(name, ("", 0, False))
        if kind and len(operands) == (count or len(operands)):
            self.wanted[kind] = [*(() if anew else self.wanted.get(kind, ())[:1]), item]
            return
        if name == "BT":
            self.begun = item
            return
        if name == "ET" and self.begun is not None:
            self.begun = None
            return
        if name == "q":
            self.stack.append((self.ctm, self.set, self.asked, {**self.state}, {**self.wanted}))
        elif name == "Q" and self.stack:
            self.ctm, self.set, self.asked, self.state, self.wanted = self.stack.pop()
        elif name == "cm":
            try:
                matrix = Affine(*floats(operands, 6))
            except (TypeError, ValueError, IndexError):
                yield item
                return
            serves = self.matrices[index]
            fresh = matrix
            if serves.target is not None and not serves.others:
                # Made for moved text alone: its origin is where that text begins now.
                origin = self.ctm.inverse().apply(serves.target)
                fresh = Affine(*matrix[:4], round(origin.x, _EXACT), round(origin.y, _EXACT))
                item = list(fresh), pikepdf.Operator("cm")
            elif serves.lost and serves.target is None and not serves.others:
                fresh = Affine()
                item = None
            self.ctm = fresh.then(self.ctm)
            if item is None:
                return
        elif name in ("Do", "sh"):
            yield from self._flush()
            yield from self._spacing(self.asked)
        elif name not in ("Q", "ET"):
            yield from self._flush()
        yield item

    def _spacing(self, wanted: tuple[float | None, float | None]) -> Iterable[Any]:
        for value, now, name in zip(wanted, self.set, ("Tc", "Tw"), strict=True):
            if value is not None and value != now:
                yield [value], pikepdf.Operator(name)
        self.set = (
            self.set[0] if wanted[0] is None else wanted[0],
            self.set[1] if wanted[1] is None else wanted[1],
        )

    def _shown(self, item: Shown) -> Iterable[Any]:
        raw = item.text not in self.canonical
        if not raw and not any(isinstance(part, pikepdf.String) for part in item.kept):
            return
        wanted = self.wanted
        if item.plain and ("Tz" in wanted or "Tz" in self.state):
            self.wanted = {**wanted, "Tz": [([100], pikepdf.Operator("Tz"))]}
        yield from self._flush(leading=raw)
        self.wanted = wanted
        if item.moved:
            yield from self._spacing((0.0, 0.0))
        else:
            yield from self._spacing((item.char, item.word))
        if raw:
            yield from item.raw
            self.set = (item.char, item.word)  # the operator " sets them itself
            return
        point = _origin(item.place)
        place = Affine(*item.place[:4], point.x, point.y).then(self.ctm.inverse())
        yield [round(value, _EXACT) for value in place], pikepdf.Operator("Tm")
        yield [pikepdf.Array(item.kept)], pikepdf.Operator("TJ")

    def _drawn(self, item: Drawn) -> Iterable[Any]:
        yield from self._flush()
        back = self.ctm.inverse()

        def there(spot: tuple[float, float]) -> list[float]:
            point = back.apply((round(spot[0], _PLACE), round(spot[1], _PLACE)))
            return [round(point.x, _EXACT), round(point.y, _EXACT)]

        for path in item.paths:
            yield there(path.start), pikepdf.Operator("m")
            for segment in path.segments:
                flat = [value for spot in segment for value in there(spot)]
                yield flat, pikepdf.Operator("l" if len(segment) == 1 else "c")
            if path.closed:
                yield [], pikepdf.Operator("h")
        for name in item.operators:
            yield [], pikepdf.Operator(name)
