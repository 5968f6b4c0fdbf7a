"""Writer, what every output format implements, and the helpers that several writers share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO, ClassVar, Protocol

from ...geometry import BBox, Point, Polygon
from ...model import Line, Page, PageFailure

if TYPE_CHECKING:
    from ..base import Source

# What XML 1.0 cannot hold, not even escaped: control characters, lone surrogates, noncharacters.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class Writer(Protocol):
    """Writes the results of one input in one format.

    Attributes:
        extension: of the output file, with its dot.
        media_type: of the output.
    """

    extension: ClassVar[str]
    media_type: ClassVar[str]

    def write(self, source: Source, items: Iterable[Page | PageFailure], out: BinaryIO) -> None:
        """Write pages as they come, in page order, to ``out`` (which need not be seekable).

        Text formats hold one page in memory at a time. The caller owns ``out``, and drops what was
        written when an error is raised here or by ``items``.

        Raises:
            OutputError: the output cannot be written.
            LimitExceededError: the output would grow over a limit of the format.
        """


def xml_text(text: str) -> str:
    """Return text escaped for XML content and double-quoted attributes.

    >>> xml_text('a < "b" & c')
    'a &lt; &quot;b&quot; &amp; c'
    """
    text = _NOT_XML.sub("\ufffd", text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace('"', "&quot;")


def upright(line: Line) -> float:
    """Return the reading direction to the nearest quarter turn: 0, 90, 180 or 270 degrees."""
    return round(line.direction / 90) % 4 * 90.0


def corners(polygon: Polygon, direction: float) -> tuple[Point, Point, Point, Point]:
    """Return the text's own top left, top right, bottom right and bottom left corner.

    ``direction`` (0, 90, 180, 270) orients polygons that are plain boxes; a true quadrilateral
    already starts at the text's top left.

    >>> corners(BBox(0, 0, 4, 9).polygon(), 90)[0]
    Point(x=4, y=0)
    """
    points = list(polygon)
    if len(points) != 4 or polygon.is_axis_aligned:
        points = list(polygon.bbox.polygon())
        turn = round(direction / 90) % 4
        points = points[turn:] + points[:turn]
    return points[0], points[1], points[2], points[3]


def numbered(items: Iterable[Page | PageFailure]) -> Iterator[tuple[int, Page | None]]:
    """Yield the page number of each item with its page, ``None`` for a failed one."""
    for item in items:
        if isinstance(item, PageFailure):
            yield item.page, None
        else:
            yield item.number, item


def pixels_per_unit(page: Page) -> float:
    """Return how many pixels at ``page.dpi`` one unit of the page is."""
    return 1.0 if page.unit == "px" else page.dpi / 72


def scaled(box: BBox, factor: float) -> tuple[int, int, int, int]:
    """Return the box times a factor, in whole numbers, rounded outwards by less than one."""
    return (
        int(box.x0 * factor),
        int(box.y0 * factor),
        -int(-box.x1 * factor // 1),
        -int(-box.y1 * factor // 1),
    )
