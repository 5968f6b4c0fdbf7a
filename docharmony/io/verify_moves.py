"""What stands where on lines that were set anew, for the checks. Runs in the parsing child."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

import contextlib
import math
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

from ..errors import BrokenError
from ..geometry import BBox
from .moves import Move
from .verify_page import traces
from .verify_text import Char, mupdf, mupdf_lines, mupdf_words, pdfium, pdfium_chars
from .write.pdf_area import Area

# A text, and the whole point where it begins.
_Spot = tuple[str, int, int]
# How far parsers may put a letter beside its place, in em.
_NEAR = 0.3
# Letters that may be part of a ligature: MuPDF puts them before it or behind it.
_LIGATED = 0.75
# Height of the rows by which lines are found, in points.
_ROW = 8.0
_DOTS = ".\u00b7\u2024\u2026"
_HYPHENS = "-\u00ad\u2010\u2011"


class Went:
    """Where the text of a page's moved lines went, told by the input alone and by the moves.

    Args:
        moves: the lines.
        source: the input.
        password: to open it with.
        number: of the page, 1-based.
        areas: of the edits: what stands there does not go anywhere.
    """

    def __init__(
        self,
        moves: Sequence[Move],
        source: str,
        password: str | None,
        number: int,
        areas: Sequence[Area],
    ) -> None:
        self.moves, self._source, self._password = moves, source, password
        self._number, self._areas = number, areas

    @property
    def gaps(self) -> list[Area]:
        """What was left free on the lines; a little less than that: letters may reach out."""
        result = []
        for move in self.moves:
            rim = 0.05 * move.size
            band = (-0.7 * move.size, 0.15 * move.size)
            for start, end in move.gaps:
                if end - start > 3 * rim:
                    result.append(Area(move.polygon(start + rim, end - rim, band)))
        return result

    def to(self, box: BBox) -> BBox:
        """Return where a box of the input went; the same box when it stands on no moved line."""
        for move in self._at(box):
            return _moved(box, move)
        return box

    def broken(self, box: BBox) -> bool:
        """Return whether a box of the input stands in a paragraph that was broken anew."""
        return any(move.drop for move in self.moves) and any(True for _ in self._at(box))

    def _at(self, box: BBox) -> Iterator[Move]:
        """Yield the lines on which a box of the input stands."""
        row = math.floor((box.y0 + box.y1) / 2 / _ROW)
        return (move for move in self._rows.get(row, ()) if move.meets(box))

    @cached_property
    def _rows(self) -> dict[int, list[Move]]:
        """The lines by the rows of the page that they touch: of thousands of letters, each asks."""
        rows: dict[int, list[Move]] = {}
        for move in self.moves:
            first, last = move.knots[0][0] - 1.0, move.knots[-1][0] + 1.0
            ys = [move.point(along, across).y for along in (first, last) for across in move.band]
            for row in range(math.floor(min(ys) / _ROW), math.floor(max(ys) / _ROW) + 1):
                rows.setdefault(row, []).append(move)
        return rows

    def came(self, char: Char) -> bool:
        """Return whether a character of the output is one that a moved line brought to its place.

        Either parser may know it: what glyphs mean is told differently by each.
        """
        for move in self.moves:
            across = move.place(char.bbox.center)[1] - move.drop
            if not move.band[0] <= across <= move.band[1]:
                continue
            reach = (_LIGATED if char.text in "filts" else _NEAR) * move.size
            for text, place in self._letters["MuPDF"] + self._letters["PDFium"]:
                if char.text not in unicodedata.normalize("NFKC", text):
                    continue
                along, across = move.place(place.center)
                here, aside = move.place(char.bbox.center)
                if abs(along - here) <= reach and abs(across - aside) <= 2 * _NEAR * move.size:
                    return True
        return False

    def into(self, area: Area, *, boxes: bool) -> list[BBox]:
        """Return the boxes of what moved lines brought into an area.

        Args:
            area: on the page.
            boxes: the gaps are filled.
        """
        places = self._brought
        if boxes:
            places = places + [
                box.bbox.grow(0.02 * move.size) for move in self.moves for box in move.boxes()
            ]
        x0, y0, x1, y1 = area.bbox
        return [
            place
            for place in places
            if place.x0 < x1 and place.x1 > x0 and place.y0 < y1 and place.y1 > y0
        ]

    @cached_property
    def _brought(self) -> list[BBox]:
        """The boxes of letters and of words of pixels that moved lines brought to their places."""
        places = [place.grow(0.5) for _, place in self._letters["MuPDF"]]
        return places + [box for move in self.moves for box in moved_words(move)]

    @cached_property
    def _letters(self) -> dict[str, list[tuple[str, BBox]]]:
        """Letters of the moved lines by each parser, where they are now, near areas and gaps."""
        if not self.moves:
            return {"MuPDF": [], "PDFium": []}
        page = mupdf(self._source, self._password)[self._number - 1]
        size = page.rect.width, page.rect.height
        found = {
            # As drawn: in place of glyphs, alternative texts could be read, which may be gone.
            "MuPDF": [Char(trace.text, trace.bbox) for trace in traces(page)],
            "PDFium": [],
        }
        # A damaged input that PDFium cannot repair: what MuPDF says of it must do.
        with contextlib.suppress(BrokenError):
            sheet = pdfium(self._source, self._password)[self._number - 1]
            found["PDFium"] = pdfium_chars(sheet, size)
        near, kept = self._near, {}
        for parser, chars in found.items():
            kept[parser] = [
                (char.text, place)
                for char in chars
                for move in self._at(char.bbox)
                if math.floor((place := _moved(char.bbox, move)).center.y / _ROW) in near
                and not self._removed(char)
            ]
        return kept

    @cached_property
    def _near(self) -> set[int]:
        """The rows of the page near areas and gaps: what goes elsewhere nobody asks for."""
        reach = 2 * max(move.size for move in self.moves)
        return {
            row
            for area in (*self._areas, *self.gaps)
            for row in range(
                math.floor((area.bbox.y0 - reach) / _ROW),
                math.floor((area.bbox.y1 + reach) / _ROW) + 1,
            )
        }

    def _removed(self, char: Char) -> bool:
        x, y = char.bbox.center
        return any(
            area.bbox.x0 <= x <= area.bbox.x1
            and area.bbox.y0 <= y <= area.bbox.y1
            and area.contains(x, y)
            for area in self._areas
        )


def rest_check(
    path: str,
    source: str,
    password: str | None,
    number: int,
    areas: Sequence[Area],
    went: Went,
) -> list[Any]:
    """Check that words away from all edits are where they were, or where their line went.

    Where a line was set anew, a parser may part or join its words otherwise: there each letter counts.
    """
    page, done = mupdf(source, password)[number - 1], mupdf(path, password)[number - 1]
    before = [
        word
        for word in mupdf_words(page)
        if word.text.strip(_DOTS)  # rows of dots go with what they lead to
        and not any(not area.bbox.intersection(word.bbox.grow(1.0)).is_empty for area in areas)
    ]
    known = _near(mupdf_words(done))
    lost = [word for word in before if _spot(word.text, went.to(word.bbox)) not in known]
    if lost and went.moves:
        letters = [char for line in mupdf_lines(page) for char in line if char.text.strip()]
        known = _near(char for line in mupdf_lines(done) for char in line)
        lost = [word for word in lost if not _spelt(word, letters, known, went)]
    # Text of annotations that went as a whole may reach beyond the area.
    limit = max(2, len(before) // 100)
    detail = f"{len(lost)} of {len(before)} other words moved"
    return ["rest of the page", len(lost) <= limit, detail]


def _spelt(word: Char, letters: Sequence[Char], known: set[_Spot], went: Went) -> bool:
    """Return whether each letter of a word of the input is where it went.

    A hyphen that stood where a line broke may be gone.
    """
    own = [char for char in letters if word.bbox.grow(0.1).contains(char.bbox.center)]
    if "".join(char.text for char in own) != word.text:
        return False
    if len(own) > 1 and own[-1].text in _HYPHENS and went.broken(own[-1].bbox):
        own.pop()
    return all(_spot(char.text, went.to(char.bbox)) in known for char in own)


def _spot(text: str, box: BBox) -> _Spot:
    return text, round(box.x0), round(box.y0)


def _near(chars: Iterable[Char]) -> set[_Spot]:
    """Return texts with the whole points next to which they begin."""
    spots = {_spot(char.text, char.bbox) for char in chars}
    return {(t, x + dx, y + dy) for t, x, y in spots for dx in (-1, 0, 1) for dy in (-1, 0, 1)}


def moved_words(move: Move) -> list[BBox]:
    """Return the boxes of the words of pixels that a line brought to their places."""
    return [move.polygon(start, end).bbox.grow(1.0) for start, end in move.words]


def _moved(box: BBox, move: Move) -> BBox:
    """Return a box at the place where it begins: letters keep their width."""
    (low, there_low), *rest = move.knots
    if all(after - before == there_low - low for before, after in rest):
        # A block: most letters of a page stand in one below a paragraph that was broken anew.
        ux, uy = move.along
        by = there_low - low
        dx, dy = by * ux - move.drop * uy, by * uy + move.drop * ux
        return BBox(box.x0 + dx, box.y0 + dy, box.x1 + dx, box.y1 + dy)
    along, across = move.place(box.center)
    first = move.span(list(box.polygon()))[0]
    start = first + min(0.25 * (along - first), 0.1 * move.size)
    shift = move.to(start) - start
    there = move.point(along + shift, across + move.drop)
    dx, dy = there.x - box.center.x, there.y - box.center.y
    return BBox(box.x0 + dx, box.y0 + dy, box.x1 + dx, box.y1 + dy)
