"""PdfSource: pages of a PDF, parsed in a child process and streamed ahead of their use."""

from __future__ import annotations

import gc
import logging
import math
import re
from array import array
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from itertools import accumulate, chain, cycle, islice, pairwise, repeat
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ..errors import BrokenError, InputError, LimitExceededError, UsageError
from ..geometry import Affine, BBox, Point, Polygon
from ..model import Line, Page, PageFailure, Word
from ..stage import Glyph, Graphics, Link, Rule, Span
from .base import Claim, Opening, Source, Specimen, Unseen
from .child import Child, Ticket
from .pdf_columns import with_columns

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

log = logging.getLogger(__name__)

_CHILD = "docharmony.io.pdf_child:"
_LETTERS = "docharmony.io.letters_child:"
_DRAWN = "docharmony.io.drawn_child:"
_PICTURES = "docharmony.io.pictures_child:"

# Pixels of a picture that are looked at in one piece.
_PIECE = 16_000_000

# Pages asked for before the first is used: enough to keep the child busy, little to throw away.
_AHEAD = 4

# From so many pages on a second child is worth its start, during which the first reads half of them.
_MANY = 128

# Characters that no text is made of: unknown, private use, controls.
_JUNK = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ufffd\ue000-\uf8ff\U000f0000-\U0010ffff]")
_JUNK_SHARE = 0.1

T = TypeVar("T", Word, Line)


class PdfSource(Source):
    """A PDF.

    ``Page.has`` holds ``"lines"`` where the text layer can be used, ``"untrusted_text"`` where there
    is one that more than a tenth consists of characters that no text is made of (a broken or hiding
    font): its lines are there all the same, for those who want to remove them.
    """

    def __init__(self, opening: Opening) -> None:
        self._limits, self._dpi = opening.limits, opening.dpi
        self._child = Child(opening.limits)
        self._file = {"path": str(opening.path), "password": opening.password}
        # Pages over a limit: to ask again would take as long again.
        self._over: dict[int, LimitExceededError] = {}
        try:
            found, _ = self._child.call(
                _CHILD + "info",
                {**self._file, "max_pages": self._limits.max_pages},
                where=opening.name,
            )
        except BaseException:
            self._child.close()
            raise
        if found["repaired"]:
            log.warning("%s is damaged; read as far as it could be repaired", opening.name)
        super().__init__(opening, int(found["pages"]))
        self.damaged = bool(found["repaired"])
        self.cut_off = bool(found["cut_off"])

    def page(self, number: int) -> Page:
        """Return the page; see :meth:`.base.Source.page`."""
        return self._built(number, self._child, self._ask(number, self._child))

    def pages(self, numbers: Sequence[int] | None = None) -> Iterator[Page | PageFailure]:
        """Yield pages, a few of them parsed ahead while the caller works on one."""
        numbers = self._numbers(numbers)
        # A page takes longer to parse than to turn into objects: two children keep up with us.
        children = [self._child]
        turns: Iterable[Child] = repeat(self._child)
        if len(numbers) >= _MANY:
            children.append(Child(self._limits))
            children[1].submit(_CHILD + "info", {**self._file, "max_pages": self.info.page_count})
            turns = chain(repeat(self._child, _MANY // 2), cycle(children))
        waiting: deque[tuple[int, Child, Ticket | InputError]] = deque()
        left = zip(numbers, turns, strict=False)
        try:
            while True:
                for number, child in islice(left, _AHEAD * len(children) - len(waiting)):
                    try:
                        waiting.append((number, child, self._ask(number, child)))
                    except InputError as error:
                        waiting.append((number, child, error))
                if not waiting:
                    return
                number, child, ticket = waiting.popleft()
                try:
                    if isinstance(ticket, InputError):
                        raise ticket
                    yield self._built(number, child, ticket)
                except InputError as error:
                    yield PageFailure(number, "read", str(error))
        finally:
            for child in children[1:]:
                child.close()

    def raster(self, number: int, dpi: int | None = None) -> npt.NDArray[np.uint8]:
        """Render the page; see :meth:`.base.Source.raster`."""
        import numpy as np

        if dpi is None:
            dpi = self.page(number).dpi
        if dpi <= 0:
            raise UsageError("the dpi must be above zero", where=self._where(number))
        with self._answers(number):
            (width, height), (pixels,) = self._call(
                "raster", number, dpi=dpi, max_pixels=self._limits.max_pixels
            )
            return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)

    def graphics(self, number: int) -> Graphics:
        """Return drawn rules and boxes; see :class:`docharmony.stage.Graphics`."""
        with self._answers(number):
            links, (rules, boxes) = self._call("graphics", number)
            return Graphics(
                tuple(
                    Rule(Point(x0, y0), Point(x1, y1), width)
                    for x0, y0, x1, y1, width in _rows(rules, 5)
                ),
                tuple(BBox(*row) for row in _rows(boxes, 4)),
                tuple(Link(BBox(*map(float, box)), str(target)) for box, target in links),
            )

    def glyphs(self, number: int) -> tuple[Glyph, ...]:
        """Return all characters but white space, also hidden and clipped ones and those off the page."""
        with self._answers(number):
            _, (text, boxes) = self._call("glyphs", number)
            return tuple(
                Glyph(*pair) for pair in zip(text.decode(), _boxes(_rows(boxes, 4)), strict=True)
            )

    def writing(self, number: int) -> tuple[BBox, ...]:
        """Return boxes in which letters may be drawn as outlines, strokes or small pictures."""
        with self._answers(number):
            boxes, _ = self._call("writing", number, module=_DRAWN)
            return tuple(BBox(*map(float, box)) for box in boxes)

    def unseen(self, number: int, dpi: float, known: Collection[str] = ()) -> tuple[Unseen, ...]:
        """Return pictures that are to be looked at by themselves; see :meth:`.base.Source.unseen`."""
        most = self._limits.max_pixels
        with self._answers(number):
            found, _ = self._call(
                "pictures", number, module=_PICTURES, dpi=dpi, most=most, known=sorted(known)
            )
            return tuple(
                Unseen(
                    str(key),
                    Affine(*map(float, place)),
                    tuple(BBox(*map(float, window)) for window in windows),
                    bool(whole),
                )
                for key, place, windows, whole in found
            )

    def look(self, number: int, picture: Unseen, window: BBox) -> tuple[npt.NDArray[np.uint8], int]:
        """Return a window of such a picture; see :meth:`.base.Source.look`."""
        import numpy as np

        with self._answers(number):
            (height, width, step), (samples,) = self._call(
                "pixels",
                number,
                module=_PICTURES,
                key=picture.key,
                window=[int(side) for side in window],
                most=self._limits.max_pixels,
                raster=_PIECE,
            )
            rgb = np.frombuffer(samples, np.uint8).reshape(int(height), int(width), 3)
            return rgb, int(step)

    def claims(self, number: int) -> tuple[frozenset[Claim], bool]:
        """Return what the fonts of the page say of their glyphs; see :meth:`.base.Source.claims`."""
        with self._answers(number):
            found, _ = self._call("claims", number, module=_LETTERS)
            pairs = frozenset((str(shape), str(text)) for shape, text in found["claims"])
            return pairs, bool(found["replaced"])

    def specimens(self, number: int, claims: Sequence[Claim], samples: int) -> list[Specimen]:
        """Return lines that show the glyphs of these claims, each in up to so many words."""
        import numpy as np

        with self._answers(number):
            lines, pictures = self._call(
                "specimens", number, module=_LETTERS, wanted=list(claims), samples=samples
            )
            return [
                Specimen(
                    np.repeat(np.frombuffer(grey, np.uint8).reshape(-1, width, 1), 3, axis=2),
                    tuple((str(shape), str(text)) for shape, text in shown),
                )
                for (width, shown), grey in zip(lines, pictures, strict=True)
            ]

    def spelt(
        self, number: int, letters: Mapping[Claim, str]
    ) -> tuple[list[list[tuple[str, BBox]]], list[Point]]:
        """Return lines with other letters; see :meth:`.base.Source.spelt`."""
        listed = [[*claim, letter] for claim, letter in letters.items()]
        with self._answers(number):
            found, _ = self._call("spelt", number, module=_LETTERS, letters=listed)
            lines = [
                [(str(text), BBox(*map(float, box))) for text, *box in line]
                for line in found["lines"]
            ]
            return lines, [Point(float(x), float(y)) for x, y in found["spots"]]

    def spans(self, number: int) -> tuple[Span, ...]:
        """Return the text layer in runs of one style; see :class:`docharmony.stage.Span`."""
        with self._answers(number):
            rows, _ = self._call("spans", number)
            return tuple(_span(*row) for row in rows)

    def close(self) -> None:
        """End the child and remove a private copy."""
        self._child.close()
        super().close()

    def _ask(self, number: int, child: Child) -> Ticket:
        self._check(number)
        if number in self._over:
            raise self._over[number]
        return child.submit(
            _CHILD + "page",
            {**self._file, "number": number, "max_points": self._limits.max_page_points},
            where=self._where(number),
        )

    def _call(
        self, function: str, number: int, *, module: str = _CHILD, **args: Any
    ) -> tuple[Any, list[bytearray]]:
        self._check(number)
        return self._child.call(
            module + function, {**self._file, "number": number, **args}, where=self._where(number)
        )

    @contextmanager
    def _answers(self, number: int) -> Iterator[None]:
        """Raise BrokenError for an answer that is not what the child should say."""
        try:
            yield
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            raise BrokenError(
                "cannot read the page",
                where=self._where(number),
                why="the parsing process gave a senseless answer",
                hint="Treat the file as hostile.",
            ) from error

    def _built(self, number: int, child: Child, ticket: Ticket) -> Page:
        try:
            value, blobs = child.result(ticket)
        except LimitExceededError as error:
            self._over[number] = error
            raise
        with self._answers(number), _no_collection():
            text, boxes = blobs
            page = _page(number, value, text.decode(), boxes, self._dpi, self._limits.max_pixels)
        if page.dpi < self._dpi:
            log.warning("%s is large: rendered at %d dpi", self._where(number), page.dpi)
        return page


def _page(
    number: int, value: dict[str, Any], text: str, boxes: bytearray, dpi: int, max_pixels: int
) -> Page:
    """Build the page from the child's answer; see :func:`.pdf_child.page`."""
    width, height = map(float, value["size"])
    columns = array("f", bytes(boxes)).tolist()
    if not math.isfinite(sum(columns) + width + height):
        raise ValueError("places must be numbers")
    texts = text.split("\n") if text else []
    count = len(texts)
    if len(columns) != 4 * count:
        raise ValueError("every word has a place")
    x0, y0, x1, y1 = (columns[i * count : (i + 1) * count] for i in range(4))
    words = _many(Word, count, text=texts, bbox=_boxes(zip(x0, y0, x1, y1, strict=True)))
    for index, corners in value["quads"].items():
        quad = Polygon.of(zip(corners[0::2], corners[1::2], strict=True))
        words[int(index)] = replace(words[int(index)], quad=quad)
    ends = list(accumulate(value["counts"]))
    spans = [slice(start, end) for start, end in pairwise((0, *ends))]
    if spans and (min(value["counts"]) < 1 or ends[-1] != count):
        raise ValueError("every line has words, every word a line")
    styles = [value["palette"][style] for style in value["styles"]]
    lines = _many(
        Line,
        len(spans),
        id=[f"p{number}l{index}" for index in range(1, len(spans) + 1)],
        words=[tuple(words[span]) for span in spans],
        bbox=[BBox(min(x0[s]), min(y0[s]), max(x1[s]), max(y1[s])) for s in spans],
        size=[style[0] for style in styles],
        bold=[style[1] for style in styles],
        visible=[style[2] for style in styles],
    )
    for index, direction in value["directions"].items():
        lines[int(index)] = _turned(lines[int(index)], float(direction))
    for index in value["upright"]:
        lines[int(index)] = replace(lines[int(index)], vertical=True)
    lines = with_columns(lines)
    has = set()
    if lines:
        junk = len(_JUNK.findall(text))
        has.add("untrusted_text" if junk > _JUNK_SHARE * len(text) else "lines")
    return Page(
        number,
        width,
        height,
        rotation=int(value["rotation"]),
        dpi=min(dpi, max(1, int(72 * math.sqrt(max_pixels / (width * height))))),
        lines=tuple(lines),
        images=tuple(BBox(*map(float, box)) for box in value["images"]),
        has=frozenset(has),
    )


def _span(
    text: Any, bbox: Any, origin: Any, direction: Any, size: Any, font: Any, looks: Any, *rest: Any
) -> Span:
    """Build a span from a row; see :func:`.pdf_child.spans`."""
    color, visible = rest
    bold, italic, serif, mono = map(bool, looks)
    rgb = int(color) >> 16 & 255, int(color) >> 8 & 255, int(color) & 255
    return Span(
        str(text),
        BBox(*map(float, bbox)),
        Point(*map(float, origin)),
        float(direction),
        float(size),
        str(font),
        bold,
        italic,
        serif,
        mono,
        rgb,
        bool(visible),
    )


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector from going through thousands of new objects again and again.

    What is made inside is frozen data without cycles; the looking is a third of the work otherwise.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _turned(line: Line, direction: float) -> Line:
    """Return the line with corners, its words' too, that begin at the text's own top left."""
    if direction % 90 == 0:
        turns = int(direction // 90) % 4
        words = tuple(replace(word, quad=_rolled(word.bbox, turns)) for word in line.words)
        return replace(line, words=words, quad=_rolled(line.bbox, turns), direction=direction)
    # Words of an oblique line have corners already: take the outermost along and across the text.
    along = Affine.rotate(-direction)
    box = BBox.around(word.polygon.map(along).bbox for word in line.words)
    return replace(line, quad=box.polygon().map(along.inverse()), direction=direction)


def _rolled(box: BBox, turns: int) -> Polygon:
    """Return the corners of a box with text that runs in quarter turns clockwise."""
    corners = box.polygon()
    return Polygon(corners[turns:] + corners[:turns])


def _rows(data: bytearray, width: int) -> Iterator[tuple[float, ...]]:
    values = iter(array("f", bytes(data)).tolist())
    return zip(*[values] * width, strict=True)


def _boxes(rows: Iterable[tuple[float, ...]]) -> Iterator[BBox]:
    # BBox(*row) without a Python frame for each.
    return cast(Iterator[BBox], map(tuple.__new__, repeat(BBox), rows))


def _many(kind: type[T], count: int, **columns: Iterable[Any]) -> list[T]:
    """Return so many objects of a frozen dataclass with slots, made column by column.

    ``kind(...)`` takes over a microsecond each; for the words of a page that is as long as MuPDF takes
    to find them.
    """
    made = list(map(object.__new__, repeat(kind, count)))
    for item in fields(kind):
        values = columns.get(item.name, repeat(item.default))
        deque(map(getattr(kind, item.name).__set__, made, values), maxlen=0)
    return made
