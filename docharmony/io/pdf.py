"""PdfSource: pages of a PDF, parsed in a child process and streamed ahead of their use."""

from __future__ import annotations

import logging
import math
import re
from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import repeat
from typing import TYPE_CHECKING, Any, cast

from ..errors import BrokenError, InputError, UsageError
from ..geometry import Affine, BBox, Point, Polygon
from ..model import Line, Page, PageFailure, Word
from ..stage import Glyph, Graphics, Rule
from .base import Opening, Source
from .child import Child, Ticket

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

log = logging.getLogger(__name__)

_CHILD = "docharmony.io.pdf_child:"

# Pages asked for before the first is used: enough to keep the child busy, little to throw away.
_AHEAD = 4

# Characters that no text is made of: unknown, private use, controls.
_JUNK = re.compile("[\x00-\x1f\x7f-\x9f\ufffd\ue000-\uf8ff\U000f0000-\U0010ffff]")
_JUNK_SHARE = 0.1


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

    def page(self, number: int) -> Page:
        """Return the page; see :meth:`.base.Source.page`."""
        return self._built(number, self._ask(number))

    def pages(self, numbers: Sequence[int] | None = None) -> Iterator[Page | PageFailure]:
        """Yield pages, a few of them parsed ahead while the caller works on one."""
        waiting: deque[tuple[int, Ticket | InputError]] = deque()
        left = iter(self._numbers(numbers))
        while True:
            while len(waiting) < _AHEAD and (number := next(left, None)) is not None:
                try:
                    waiting.append((number, self._ask(number)))
                except InputError as error:
                    waiting.append((number, error))
            if not waiting:
                return
            number, ticket = waiting.popleft()
            try:
                if isinstance(ticket, InputError):
                    raise ticket
                yield self._built(number, ticket)
            except InputError as error:
                yield PageFailure(number, "read", str(error))

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
            _, (rules, boxes) = self._call("graphics", number)
            return Graphics(
                tuple(
                    Rule(Point(x0, y0), Point(x1, y1), width)
                    for x0, y0, x1, y1, width in _rows(rules, 5)
                ),
                tuple(BBox(*row) for row in _rows(boxes, 4)),
            )

    def glyphs(self, number: int) -> tuple[Glyph, ...]:
        """Return all characters but white space, also hidden and clipped ones and those off the page."""
        with self._answers(number):
            _, (text, boxes) = self._call("glyphs", number)
            return tuple(
                Glyph(*pair) for pair in zip(text.decode(), _boxes(_rows(boxes, 4)), strict=True)
            )

    def close(self) -> None:
        """End the child and remove a private copy."""
        self._child.close()
        super().close()

    def _ask(self, number: int) -> Ticket:
        self._check(number)
        return self._child.submit(
            _CHILD + "page",
            {**self._file, "number": number, "max_points": self._limits.max_page_points},
            where=self._where(number),
        )

    def _call(self, function: str, number: int, **args: Any) -> tuple[Any, list[bytearray]]:
        self._check(number)
        return self._child.call(
            _CHILD + function, {**self._file, "number": number, **args}, where=self._where(number)
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

    def _built(self, number: int, ticket: Ticket) -> Page:
        value, (text, boxes) = self._child.result(ticket)
        with self._answers(number):
            return _page(number, value, text.decode(), boxes, self._dpi, self._limits.max_pixels)


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
    places = _boxes(zip(*(columns[i * count : (i + 1) * count] for i in range(4)), strict=True))
    words = list(map(Word, texts, places))
    directions, palette = value["directions"], value["palette"]
    for index, corners in value["quads"].items():
        quad = Polygon.of(zip(corners[0::2], corners[1::2], strict=True))
        words[int(index)] = replace(words[int(index)], quad=quad)
    lines = []
    end = 0
    for index, (length, style) in enumerate(zip(value["counts"], value["styles"], strict=True)):
        start, end = end, end + length
        own = tuple(words[start:end])
        x0, y0, x1, y1 = zip(*[word.bbox for word in own], strict=True)
        bbox = BBox(min(x0), min(y0), max(x1), max(y1))
        size, bold, visible = palette[style]
        direction = float(directions.get(str(index), 0.0))
        outline: Polygon | None = None
        if direction:
            own, outline = _turned(own, bbox, direction)
        lines.append(
            Line(f"p{number}l{index + 1}", own, bbox, outline, direction, size, bold, visible)
        )
    has = set()
    if lines:
        junk = sum(map(len, _JUNK.findall(text))) - (count - 1)  # less the separators
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


def _turned(
    words: tuple[Word, ...], bbox: BBox, direction: float
) -> tuple[tuple[Word, ...], Polygon]:
    """Return the words and the line's corners so that these begin at the text's own top left."""
    turns = int(direction // 90) % 4 if direction % 90 == 0 else 0
    if direction % 90 == 0:
        return tuple(replace(word, quad=_rolled(word.bbox, turns)) for word in words), _rolled(
            bbox, turns
        )
    # Words of an oblique line have corners already: take the outermost along and across the text.
    along = Affine.rotate(-direction)
    box = BBox.around(word.polygon.map(along).bbox for word in words)
    return words, box.polygon().map(along.inverse())


def _rolled(box: BBox, turns: int) -> Polygon:
    """Return the corners of a box with text that runs in quarter turns clockwise."""
    corners = box.polygon()
    return Polygon(corners[turns:] + corners[:turns])


def _rows(data: bytearray, width: int) -> Iterator[tuple[float, ...]]:
    values = iter(array("f", bytes(data)).tolist())
    return zip(*[values] * width, strict=True)


def _boxes(rows: Iterable[tuple[float, ...]]) -> Iterator[BBox]:
    # BBox(*row) without a Python frame for every word.
    return cast(Iterator[BBox], map(tuple.__new__, repeat(BBox), rows))
