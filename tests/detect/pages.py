"""Hand-made lines and pages for the tests of detection."""

from __future__ import annotations

from collections.abc import Sequence

from docharmony import BBox, Block, BlockKind, Line, Page, Word
from docharmony.detect.text import PageText

CHAR, SPACE, EM = 6.0, 3.0, 10.0


def line(
    text: str | Sequence[str],
    number: int = 1,
    *,
    y: float = 0.0,
    origin: str = "pdf",
    gap: float = SPACE,
    confidence: float = 1.0,
    bounds: bool = False,
    visible: bool = True,
) -> Line:
    """A line whose characters are 6 units wide; words are given, or split at spaces."""
    pieces = text.split(" ") if isinstance(text, str) else list(text)
    words = []
    x = 50.0
    for piece in pieces:
        fractions = tuple(i / len(piece) for i in range(len(piece) + 1)) if bounds else None
        box = BBox(x, y, x + CHAR * len(piece), y + EM)
        words.append(Word(piece, box, confidence, origin, None, fractions))  # type: ignore[arg-type]
        x += CHAR * len(piece) + gap
    box = BBox.around(word.bbox for word in words)
    return Line(f"p1l{number}", tuple(words), box, size=EM, visible=visible)


def page(*texts: str | Line, origin: str = "pdf", blocks: Sequence[Sequence[int]] = ()) -> Page:
    """A page of lines below each other; ``blocks`` groups their 1-based numbers."""
    lines = tuple(
        text if isinstance(text, Line) else line(text, i + 1, y=12.0 * i, origin=origin)
        for i, text in enumerate(texts)
    )
    made = tuple(
        Block(
            f"p1b{n + 1}",
            BlockKind.PARAGRAPH,
            BBox.around(lines[i - 1].bbox for i in numbers),
            tuple(lines[i - 1].id for i in numbers),
        )
        for n, numbers in enumerate(blocks)
    )
    return Page(1, 600, 800, lines=lines, blocks=made, has=frozenset({"lines"}))


def text_of(*texts: str | Line, origin: str = "pdf") -> PageText:
    """The text of such a page."""
    return PageText.of(page(*texts, origin=origin))
