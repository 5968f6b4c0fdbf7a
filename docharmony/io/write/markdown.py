"""Markdown (CommonMark with GFM tables) that a person would accept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, BinaryIO, ClassVar

from ...model import Block, BlockKind, Line, Page, PageFailure
from .base import numbered, upright

if TYPE_CHECKING:
    from ..base import Source

_HYPHENS = ("-", "\u2010")
_SOFT = "\u00ad"
# Signs that mean something to Markdown wherever they stand.
_ANYWHERE = re.compile(r"[\\`*\[\]<>|~]")
# An underscore inside a word is plain text, at its edge it may be emphasis.
_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_NUMBER_LEADING = re.compile(r"(\d{1,9})([.)])(?=\s|$)")
# Dots that lead the eye to a page number.
_LEADERS = re.compile(r"(?:\s?[.·…‥]){4,}(?=\s)")
_BULLET_WORD = re.compile(r"[•‣◦⁃∙●○■□▪▫◆◇➢➤►▶✓✔✗❖·\uf0b7\uf0a7\uf0d8\uf076\uf02d–—\-*]")
_ORDERED_WORD = re.compile(r"(\d{1,9})[.)]")
_WORD = re.compile(r"[^\W\d_]+(?:[-\u2010'’][^\W\d_]+)*")
# First parts that stay hyphenated when a line breaks after them.
_KEEPERS = re.compile(
    "all|anti|co|cross|ex|full|half|high|ill|long|low|mid|multi|non|off|on|one|post|pre|pro|quasi|"
    "real|self|semi|short|so|sub|three|time|two|ultra|vice|well"
)


class MarkdownWriter:
    """Headings, paragraphs, lists, GFM tables; the running headers and footers are left out.

    Lines of a paragraph are joined and words that a line end broke are made whole. Where the next
    word would have fitted, the line break was meant, and stays (addresses, verse, code). A cell that
    spans several columns or rows stands in the first, the others are empty; lines of a cell are
    separated by ``<br>``. Captions are in italics. A figure is an image whose target is its block's
    id, with the text inside it as description. A failed page is a comment with its number.
    """

    extension: ClassVar[str] = ".md"
    media_type: ClassVar[str] = "text/markdown"

    def write(self, source: Source, items: Iterable[Page | PageFailure], out: BinaryIO) -> None:
        """Write the text page by page; a paragraph that runs on over the page end is joined."""
        flow = _Flow(out)
        for number, page in numbered(items):
            if page is None:
                flow.put(f"<!-- page {number} could not be read -->")
            else:
                _write_page(page, flow)
        flow.close()


class _Flow:
    """Writes blocks; holds the last paragraph back, because the next may continue it."""

    def __init__(self, out: BinaryIO) -> None:
        self.out = out
        self.first = True
        self.waiting: str | None = None
        self.last_item = False

    def put(self, text: str, *, item: bool = False) -> None:
        """Write a block; items of one list stand on lines below each other."""
        self._flush()
        self._write(text, tight=item and self.last_item)
        self.last_item = item

    def paragraph(self, text: str, words: frozenset[str]) -> None:
        """Write a paragraph, joined to the one before where that stops amid a sentence."""
        if self.waiting is not None and _runs_on(self.waiting, text):
            self.waiting = join_lines([self.waiting, text], words)
            return
        self._flush()
        self.waiting = text

    def close(self) -> None:
        """Write what waits, and end the last line."""
        self._flush()
        if not self.first:
            self.out.write(b"\n")

    def _flush(self) -> None:
        if self.waiting is not None:
            text, self.waiting = self.waiting, None
            self._write(paragraph_text(text), tight=False)
            self.last_item = False

    def _write(self, text: str, *, tight: bool) -> None:
        between = "" if self.first else "\n" if tight else "\n\n"
        self.out.write((between + text).encode("utf-8", "replace"))
        self.first = False


# A line break that was meant, while text is still unescaped.
_BREAK = "\n"


def _runs_on(text: str, following: str) -> bool:
    return (
        bool(text)
        and bool(following)
        and (
            following.split()[0].islower()
            and (text[-1].isalnum() or text[-1] in ",-\u2010" + _SOFT)
        )
    )


def _write_page(page: Page, flow: _Flow) -> None:
    lines = {line.id: line for line in page.lines}
    words = frozenset(
        w.lower() for line in page.lines for w in _WORD.findall(line.text) if len(w) > 3
    )
    blocks = page.blocks
    if not blocks and page.lines:
        ids = tuple(line.id for line in page.lines)
        blocks = (Block("", BlockKind.PARAGRAPH, page.bbox, ids),)
    for block in blocks:
        if block.kind in (BlockKind.HEADER, BlockKind.FOOTER):
            continue
        own = [lines[name] for name in block.lines]
        if block.kind is BlockKind.PARAGRAPH:
            flow.paragraph(_text(own, words, _right(block, page)), words)
        elif block.kind is BlockKind.LIST_ITEM:
            flow.put(_item(block, own, words), item=True)
        elif block.kind is BlockKind.TITLE:
            text = _text(own, words).replace(_BREAK, " ")
            flow.put("#" * min(6, max(1, block.level)) + " " + escape(text))
        elif block.kind is BlockKind.CAPTION:
            flow.put("*" + escape(_text(own, words).replace(_BREAK, " ")).strip() + "*")
        elif block.kind is BlockKind.TABLE and block.cells:
            flow.put(_table(block))
        elif block.kind is BlockKind.FIGURE:
            inside = escape(" ".join(line.text for line in own))
            flow.put(f"![figure{': ' if inside else ''}{inside}](#{block.id})")
        else:
            flow.paragraph(_text(own, words), words)


def escape(text: str) -> str:
    r"""Return text that Markdown shows as it is, on one line that does not begin a block.

    >>> print(escape("2 * 3 < 7 [x]_"))
    2 \* 3 \< 7 \[x\]\_
    """
    text = _ANYWHERE.sub(r"\\\g<0>", text)
    text = _UNDERSCORE.sub(r"\\_", text)
    return _ENTITY.sub("&amp;", text)


def paragraph_text(text: str) -> str:
    """Return the text of a paragraph escaped, with its meant line breaks."""
    lines = []
    for line in text.split(_BREAK):
        line = escape(line.strip())
        # Only at the start of a line do these begin a heading, a list or an underline.
        if line[:1] in "#+-=" and line:
            line = "\\" + line
        line = _NUMBER_LEADING.sub(r"\1\\\2", line) if _NUMBER_LEADING.match(line) else line
        lines.append(line)
    return "\\\n".join(line for line in lines if line)


def _right(block: Block, page: Page) -> float:
    """Return how far to the right the lines of a paragraph may reach.

    A narrow paragraph of a few lines (an address, a signature) has the room of the paragraphs that
    begin as far to the left; another has its own.
    """
    own = block.bbox
    if len(block.lines) > 6:
        return own.x1
    right = max(
        (
            other.bbox.x1
            for other in page.blocks
            if other.kind is BlockKind.PARAGRAPH and abs(other.bbox.x0 - own.x0) < 0.03 * page.width
        ),
        default=own.x1,
    )
    return right if own.width < 0.6 * (right - own.x0) else own.x1


def _text(lines: Sequence[Line], words: frozenset[str], right: float = 0.0) -> str:
    """Return the lines joined as running text; meant line breaks are ``\\n``.

    Args:
        lines: of a block.
        words: seen on the page, lower case.
        right: how far to the right lines may reach, if not only to the end of the longest.
    """
    if not lines:
        return ""
    right = max(right, *(line.bbox.x1 for line in lines))
    meant = [_meant(line, following, right) for line, following in pairwise(lines)]
    if 2 * sum(meant) >= len(meant) or _listed(lines):
        # An address or a verse: nothing shows room after its longest line, yet it ends there, too.
        meant = [not line.text.endswith((*_HYPHENS, _SOFT)) for line in lines[:-1]]
    joined = lines[0].text
    for line, broken in zip(lines[1:], meant, strict=True):
        joined = joined + _BREAK + line.text if broken else join_lines([joined, line.text], words)
    return _LEADERS.sub(" …", joined.replace(_SOFT, ""))


def _listed(lines: Sequence[Line]) -> bool:
    """Tell an address or the like: short lines, most of which begin anew, and a number among them."""
    if not 3 <= len(lines) <= 10 or any(len(line.words) > 5 for line in lines):
        return False
    anew = sum(not line.text[:1].islower() for line in lines[1:])
    numbered = any(ch.isdigit() for line in lines for ch in line.text)
    return numbered and 3 * anew >= 2 * (len(lines) - 1)


def _meant(line: Line, following: Line, right: float) -> bool:
    """Tell whether the next line's first word would have fitted at the end of this line."""
    if upright(line) or upright(following) or line.text.endswith((*_HYPHENS, _SOFT)):
        return False
    size = line.size or 0.8 * line.bbox.height
    if len(line.words) > 1 and line.words[-1].bbox.x0 - line.words[-2].bbox.x1 > 2.5 * size:
        return True  # a line of contents: its page number stands far to the right
    if _LEADERS.search(line.text):
        return True
    if following.bbox.y0 < line.bbox.y1 - 0.7 * line.bbox.height:
        return False  # on the same row
    room = right - line.bbox.x1
    return room > following.words[0].bbox.width + 1.2 * size


def join_lines(lines: Sequence[str], words: frozenset[str] = frozenset()) -> str:
    """Join lines of running text; a word that a hyphen broke at a line end is made whole.

    A hyphen stays where it belongs to the word: before a capital or a digit, in a compound that has
    one already, after a first part that usually keeps it, and where ``words`` (lower case, those
    seen elsewhere on the page) tell so.

    >>> join_lines(["a well-", "known infor-", "mation"])
    'a well-known information'
    """
    text = lines[0]
    for line in lines[1:]:
        head = line.partition(" ")[0]
        tail = text.rsplit(None, 1)[-1] if text.strip() else ""
        if text.endswith(_SOFT):
            text = text[:-1] + line
        elif not text.endswith(_HYPHENS) or len(tail) < 2:
            text = f"{text} {line}" if text else line
        elif _keeps_hyphen(tail[:-1], head, words):
            text += line
        else:
            text = text[:-1] + line
    return text


def _keeps_hyphen(first: str, second: str, words: frozenset[str]) -> bool:
    if not first[-1:].isalpha() or not second[:1].islower():
        return True
    found = [_WORD.search(part) for part in (first[::-1], second)]
    a = found[0].group()[::-1].lower() if found[0] else first.lower()
    b = found[1].group().lower() if found[1] else second.lower()
    if a + b in words:
        return False
    if f"{a}-{b}" in words or f"{a}\u2010{b}" in words:
        return True
    return "-" in first or _KEEPERS.fullmatch(a) is not None


def _item(block: Block, lines: Sequence[Line], words: frozenset[str]) -> str:
    indent = "   " * max(0, block.level - 1)
    first, _, rest = _text(lines, words).partition(" ")
    numbered_item = _ORDERED_WORD.fullmatch(first)
    if _BULLET_WORD.fullmatch(first) and rest:
        mark, text = "-", rest
    elif numbered_item and rest:
        mark, text = f"{int(numbered_item.group(1))}.", rest
    else:
        mark, text = "-", f"{first} {rest}".strip()
    body = paragraph_text(text).split("\n")
    pad = " " * (len(indent) + len(mark) + 1)
    return f"{indent}{mark} " + f"\n{pad}".join(body)


def _table(block: Block) -> str:
    columns = max(cell.column + cell.column_span for cell in block.cells)
    rows = max(cell.row + cell.row_span for cell in block.cells)
    grid = [[""] * columns for _ in range(rows)]
    for cell in block.cells:
        lines = [escape(line) for line in cell.text.replace(_SOFT, "").split("\n")]
        grid[cell.row][cell.column] = "<br>".join(line for line in lines if line)
    # A row without any text says nothing here.
    grid = [row for row in grid if any(row)] or [[""] * columns]
    numbers = [_numeric([row[c] for row in grid[1:]]) for c in range(columns)]
    rule = ["---:" if numeric else "---" for numeric in numbers]
    return "\n".join("| " + " | ".join(row) + " |" for row in [grid[0], rule, *grid[1:]])


def _numeric(cells: Sequence[str]) -> bool:
    """Tell whether a column holds figures, which stand to the right."""
    filled = [cell for cell in cells if cell]
    figures = [c for c in filled if re.fullmatch(r"[^\w]{0,3}\d[\d\s.,'%€$£:/+-]*", c)]
    return len(filled) > 0 and len(figures) == len(filled)
