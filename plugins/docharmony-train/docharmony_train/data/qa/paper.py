"""Draws text on PDF pages and remembers where each fact came to stand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from .parts import Box, Fact

FAMILIES = {
    "helvetica": ("helv", "hebo", "heit"), "times": ("tiro", "tibo", "tiit"),
    "courier": ("cour", "cobo", "coit"),
}  # fmt: skip
Colour = tuple[float, float, float]
BLACK: Colour = (0.0, 0.0, 0.0)


@cache
def _font(name: str) -> Any:
    import pymupdf

    return pymupdf.Font(fontfile=name) if "." in name else pymupdf.Font(name)


class Paper:
    """Pages of one size.

    Args:
        width: in points.
        height: in points.
        family: a key of FAMILIES, or the path of a font file.
    """

    def __init__(self, width: float, height: float, family: str) -> None:
        import pymupdf

        self.width, self.height = width, height
        names = FAMILIES.get(family, (family, family, family))
        self._fonts = dict(zip(("", "bold", "italic"), map(_font, names), strict=True))
        self._document = pymupdf.open()
        self._writers: dict[Colour, Any] = {}
        self.number = 0
        self.new_page()

    def new_page(self) -> None:
        """Begin the next page."""
        self._flush()
        self._page = self._document.new_page(width=self.width, height=self.height)
        self.number += 1

    def length(self, text: str, size: float, style: str = "") -> float:
        """Return the width of a text in points."""
        return float(self._fonts[style].text_length(text, size))

    def text(self, x: float, y: float, text: str, size: float, *, style: str = "", align: str = "left",
             colour: Colour = BLACK, fact: Fact | None = None) -> Box | None:  # fmt: skip
        """Draw one line whose baseline is at ``y``; return its box, None where there is nothing to draw.

        Args:
            align: ``x`` is the ``left``, ``right`` or ``center`` of the text.
            fact: gets the box as one of its places.
        """
        import pymupdf

        if not text.strip():
            return None
        width = self.length(text, size, style)
        x -= {"left": 0.0, "right": width, "center": width / 2}[align]
        writer = self._writers.setdefault(colour, pymupdf.TextWriter(self._page.rect))
        writer.append((x, y), text, font=self._fonts[style], fontsize=size)
        box = (x, y - 0.76 * size, x + width, y + 0.24 * size)
        if fact is not None:
            fact.places.append((self.number, box))
        return box

    def wrapped(self, x: float, y: float, width: float, parts: Sequence[str | Fact], size: float,
                leading: float, *, style: str = "") -> float:  # fmt: skip
        """Set words and facts as a paragraph; return the baseline after the last line."""
        here = x
        for part in parts:
            fact = part if isinstance(part, Fact) else None
            text = fact.text if fact is not None else str(part)
            run = ""
            start = here
            for piece in _pieces(text):
                if here + self.length(piece.rstrip(), size, style) > x + width and here > x:
                    self.text(start, y, run, size, style=style, fact=fact)
                    y, here, start, run = y + leading, x, x, ""
                    piece = piece.lstrip()
                run += piece
                here += self.length(piece, size, style)
            self.text(start, y, run, size, style=style, fact=fact)
        return y + leading

    def line(self, x0: float, y0: float, x1: float, y1: float, *, width: float = 0.6,
             colour: Colour = BLACK, dashes: str = "") -> None:  # fmt: skip
        """Draw a stroke."""
        self._page.draw_line((x0, y0), (x1, y1), color=colour, width=width, dashes=dashes or None)

    def box(self, box: Box, *, fill: Colour | None = None, colour: Colour | None = BLACK,
            width: float = 0.6) -> None:  # fmt: skip
        """Draw a rectangle. Fills must come before the text on them."""
        self._page.draw_rect(box, color=colour, fill=fill, width=width)

    def circle(self, x: float, y: float, radius: float, *, filled: bool) -> None:
        """Draw a circle."""
        self._page.draw_circle(
            (x, y), radius, color=BLACK, fill=BLACK if filled else None, width=0.6
        )

    def save(self) -> bytes:
        """Return the PDF."""
        self._flush()
        self._document.subset_fonts()
        content: bytes = self._document.tobytes(garbage=3, deflate=True, no_new_id=True)
        self._document.close()
        return content

    def _flush(self) -> None:
        for colour, writer in self._writers.items():
            writer.write_text(self._page, color=colour)
        self._writers.clear()


def _pieces(text: str) -> list[str]:
    """Return words with the blank after each.

    >>> _pieces("one  two")
    ['one ', ' ', 'two']
    """
    words = text.split(" ")
    return [word + " " for word in words[:-1]] + words[-1:]
