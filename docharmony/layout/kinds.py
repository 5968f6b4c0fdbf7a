"""From single columns to blocks: paragraphs, titles, list items, captions, headers and footers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from ..model import BlockKind
from .columns import Node
from .figures import Figure
from .pieces import BULLETS, LEADER, Box, Piece
from .tables import Table, rows_of

_NUMBERED = re.compile(r"(\d{1,2}(?:\.\d{1,3}){0,4})\.?\s+\S")
_CHAPTER = re.compile(
    r"(?:chapter|part|appendix|annex|kapitel|teil|anhang|chapitre|partie|annexe|cap[ií]tulo|parte)"
    r"\s+(?:\d+|[ivxlc]+|[a-z])\b",
    re.IGNORECASE,
)
_CAPTION = re.compile(
    r"(?:fig(?:ure|\.)?|tab(?:le|\.)?|abb(?:ildung|\.)|tabelle|listing|scheme|plate|exhibit|chart|"
    r"box|map|photo|example|figura|tabla|tabela|tabella|tableau|figuur|рис(?:унок|\.)|таблица|図|表|图)"
    r"\s*(?:\d+|[IVX]+\b|[A-Z]?\.?\d)",
    re.IGNORECASE,
)
_PAGE_NUMBER = re.compile(
    r"(?:[-–—|•\[( ]*(?:page|seite|p\.|pag\.|página|pagina|стр\.)?\s*"
    r"(?:\d{1,4}|[ivxlcdm]{1,8}|[A-Z]?-?\d{1,3}(?:[-.]\d{1,3})?)"
    r"(?:\s*(?:of|von|de|di|sur|/|\|)\s*\d{1,5})?[-–—|•\]) ]*)",
    re.IGNORECASE,
)
_SURE_ENUMERATOR = re.compile(r"\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})\)|\d{1,3}\.|\[\d{1,3}\]")
_SIBLING_ENUMERATOR = re.compile(r"(?:[A-Za-z]|[ivx]{1,5})\.")
_END = (".", "!", "?", ":", ";", "。", "”", '."')


@dataclass(slots=True)
class Draft:
    """A block in the frame before it gets its id.

    Attributes:
        kind: what it is.
        rows: its text, row by row.
        level: of a title or list item.
        node: the table or figure.
        column: number of the single column that it stands in.
    """

    kind: BlockKind
    rows: list[list[Piece]]
    box: Box
    level: int = 0
    node: Table | Figure | None = None
    column: int = 0

    @property
    def text(self) -> str:
        """All text, joined by spaces."""
        return " ".join([p.text for row in self.rows for p in row])

    @property
    def em(self) -> float:
        """Size of its text."""
        return median([p.em for row in self.rows for p in row])

    @property
    def bold(self) -> bool:
        """Whether all its rows are bold."""
        return all(p.bold for row in self.rows for p in row)


def body_size(pieces: Iterable[Piece]) -> float:
    """Return the size of most text: the commonest for a text layer, the median for OCR."""
    weights: Counter[float] = Counter()
    sizes: list[float] = []
    read = False
    for piece in pieces:
        length = len(piece.text)
        weights[round(piece.em * 4) / 4] += length
        sizes += [piece.em] * min(length, 50)
        read = read or piece.line.origin == "ocr"
    if not sizes:
        return 10.0
    if read:
        return median(sizes)
    return weights.most_common(1)[0][0] or median(sizes)


def edges(
    pieces: Sequence[Piece],
    others: Sequence[Box],
    rules: Sequence[float],
    height: float,
    body: float,
) -> tuple[list[Piece], list[Piece]]:
    """Return the pieces of the page's header and of its footer.

    A header is up to three rows at the top, set off from what follows by white space or a rule; a
    footer likewise. ``others`` are tables and figures, ``rules`` the y of long horizontal strokes.
    """
    rows = rows_of(pieces)
    if len(rows) < 2:
        return [], []
    tops = [min(p.y0 for p in row) for row in rows]
    bottoms = [max(p.y1 for p in row) for row in rows]
    header: list[Piece] = []
    for count in range(1, min(3, len(rows) - 1) + 1):
        end = max(bottoms[:count])
        following = min([tops[count], *(o.y0 for o in others if o.y1 > end)])
        if any(o.y0 < end for o in others):
            break
        inner = (end, following)
        if _is_edge(rows[:count], inner, rules, end / height, body, top=True):
            header = [p for row in rows[:count] for p in row]
        elif header:
            break
        if header and not (count < len(rows) - 1 and _is_number(rows[count])):
            break
    footer: list[Piece] = []
    for count in range(1, min(3, len(rows) - 1) + 1):
        start = min(tops[-count:])
        before = max([bottoms[-count - 1], *(o.y1 for o in others if o.y0 < start)])
        if any(o.y1 > start for o in others):
            break
        inner = (before, start)
        if _is_edge(rows[-count:], inner, rules, 1 - start / height, body, top=False):
            footer = [p for row in rows[-count:] for p in row if p not in header]
        elif footer:
            break
        if footer and not (count < len(rows) - 1 and _is_number(rows[-count - 1])):
            break
    return header, footer


def _is_number(row: Sequence[Piece]) -> bool:
    """Tell a row that is a page number alone."""
    return len(row) == 1 and len(row[0].text) <= 14 and bool(_PAGE_NUMBER.fullmatch(row[0].text))


def _is_edge(
    rows: Sequence[Sequence[Piece]],
    between: tuple[float, float],
    rules: Sequence[float],
    depth: float,
    body: float,
    *,
    top: bool,
) -> bool:
    """Tell whether rows at the edge of the page are its header or footer.

    ``between`` bounds the white space that sets them off; ``depth`` is how far they reach into the
    page, as a share of its height.
    """
    gap = between[1] - between[0]
    pieces = [p for row in rows for p in row]
    alone = len(rows) == 1 and _is_number(rows[0])
    ruled = any(between[0] - 0.3 * body <= y <= between[1] + 0.3 * body for y in rules)
    sizes = [p.em for p in pieces]
    # A header may be set larger than the text if a rule parts them; a letterhead mixes sizes.
    alike = alone or (ruled and max(sizes) < 1.2 * min(sizes))
    if max(sizes) > (2.0 if alike else 1.25) * body:
        return False
    words = sum(len(p.items) for p in pieces)
    numbered = any(
        _PAGE_NUMBER.fullmatch(row[at].text) or row[at].items[at].word.text.isdigit()
        for row in rows
        for at in (0, -1)
    )
    if alone:
        return depth < 0.2 and gap > (0.7 if depth < 0.15 else 1.2) * body
    if words > 40:
        return False
    if pieces[0].text[:1] in BULLETS and len(pieces[0].text) > 1:
        return False
    if ruled and depth < 0.15 and gap > 0.2 * body:
        return True
    if numbered:
        # A numbered heading of the text begins a page, too: it is larger or bold, a header rarely.
        heading = len(pieces) == 1 and _NUMBERED.match(pieces[0].text) and pieces[0].bold
        return not heading and words <= 20 and depth < 0.15 and gap > 1.0 * body
    if top and all(p.bold for p in pieces) and len(pieces) == 1 and depth > 0.07:
        return False
    return depth < (0.09 if top else 0.085) and gap > 1.3 * body


def paragraphs(
    column: Sequence[Node], rules: Sequence[tuple[float, float, float]], body: float, number: int
) -> list[Draft]:
    """Return the drafts of a single column, top to bottom.

    Args:
        column: its nodes.
        rules: horizontal strokes (y, x0, x1); one between two lines ends a paragraph.
        body: size of most text.
        number: of the column.
    """
    drafts: list[Draft] = []
    waiting: list[Piece] = []

    def flush() -> None:
        if waiting:
            drafts.extend(_grouped(rows_of(waiting), rules, body, number))
            waiting.clear()

    for node in sorted(column, key=lambda n: n.cy):
        if isinstance(node, Piece):
            waiting.append(node)
            continue
        flush()
        kind = BlockKind.TABLE if isinstance(node, Table) else BlockKind.FIGURE
        rows = [[p] for p in node.pieces] if kind is BlockKind.TABLE else rows_of(node.pieces)
        drafts.append(Draft(kind, rows, Box(node.x0, node.y0, node.x1, node.y1), 0, node, number))
    flush()
    return drafts


def _grouped(
    rows: list[list[Piece]], rules: Sequence[tuple[float, float, float]], body: float, number: int
) -> list[Draft]:
    rows = [_rejoined(row) for row in rows]
    left = min(row[0].x0 for row in rows)
    ends = sorted(row[-1].x1 for row in rows)
    right = ends[int(0.9 * (len(ends) - 1))]
    steps = [
        b[0].cy - a[0].cy
        for a, b in pairwise(rows)
        if abs(a[0].em - b[0].em) < 0.1 * a[0].em
        and 0.8 * a[0].em < b[0].cy - a[0].cy < 2.4 * a[0].em
    ]
    usual = sorted(steps)[len(steps) // 3] if steps else 1.3 * body
    groups: list[list[list[Piece]]] = []
    for row in rows:
        if groups and not _breaks(groups[-1], row, left, right, usual, rules):
            groups[-1].append(row)
        else:
            groups.append([row])
    drafts = []
    for group in groups:
        pieces = [p for row in group for p in row]
        box = Box(
            min(p.x0 for p in pieces),
            min(p.y0 for p in pieces),
            max(p.x1 for p in pieces),
            max(p.y1 for p in pieces),
        )
        drafts.append(Draft(BlockKind.PARAGRAPH, group, box, column=number))
    _name(drafts, body)
    return drafts


def _rejoined(row: list[Piece]) -> list[Piece]:
    """Join the pieces of a row again: no column runs between them after all."""
    chains = [[row[0]]]
    for piece in row[1:]:
        last = chains[-1][-1]
        if (
            not piece.walled
            and last.line.origin == piece.line.origin
            and last.line.visible == piece.line.visible
            and 0.5 < last.em / piece.em < 2
        ):
            chains[-1].append(piece)
        else:
            chains.append([piece])
    return [Piece.joined(chain) for chain in chains]


def starts_item(row: Sequence[Piece]) -> bool:
    """Tell whether a row begins with a bullet or an enumerator, and text after it."""
    items = row[0].items
    first = items[0].word.text
    if len(items) < 2 and len(row) < 2:
        return False
    if first in BULLETS:
        return True
    return bool(_SURE_ENUMERATOR.fullmatch(first) or _SIBLING_ENUMERATOR.fullmatch(first))


def _breaks(
    group: list[list[Piece]],
    row: list[Piece],
    left: float,
    right: float,
    usual: float,
    rules: Sequence[tuple[float, float, float]],
) -> bool:
    """Tell whether a row begins a new block after those of ``group``."""
    last = group[-1]
    em = last[0].em
    step = row[0].cy - last[0].cy
    if abs(row[0].em - em) > 0.15 * max(em, row[0].em):
        return True
    if step > max(usual + 0.4 * em, 1.15 * usual) and step > 1.3 * em:
        # Text set with more space throughout goes on at its own step.
        if len(group) < 2:
            return step > 1.6 * em or step > 1.25 * usual
        return step > 1.2 * (last[0].cy - group[-2][0].cy)
    if any(
        last[0].cy < y < row[0].cy and x1 - x0 > 4 * em
        for y, x0, x1 in rules
        if _crosses(row, x0, x1)
    ):
        return True
    width = max(right - left, 1e-6)
    short = last[-1].x1 < right - max(0.08 * width, 1.5 * em)
    if starts_item(row) and (
        short
        or starts_item(group[0])
        or last[0].text.endswith(":")
        or row[0].items[0].word.text in BULLETS
    ):
        return True
    if row[0].bold != last[0].bold and (short or _leads(last) != _leads(row)):
        return True
    if starts_item(group[0]):
        # Back at the left of its bullet: the list has ended.
        text_x = group[0][0].items[1].x0 if len(group[0][0].items) > 1 else group[0][0].x0
        hangs = row[0].x0 >= text_x - 0.6 * em
        if not hangs and len(group) > 1 and group[1][0].x0 >= text_x - 0.6 * em:
            return True
        return not hangs and short and row[0].x0 < group[0][0].x0 - 0.6 * em
    indent = row[0].x0 - last[0].x0
    outdent = last[-1].x1 - row[-1].x1
    centred = abs(indent - outdent) < 0.8 * em and abs(outdent) > 0.5 * abs(indent)
    if 0.7 * em < indent < 5 * em and not centred:
        # An indented first line; but the second line of a hanging paragraph goes on.
        return len(group) > 1 or _ends(last) or short
    # Where the next word would have fitted, the line was ended on purpose.
    room = right - last[-1].x1 - (row[0].items[0].x1 - row[0].items[0].x0)
    return short and _ends(last) and not centred and width > 15 * em and room > 0.6 * em


def _leads(row: Sequence[Piece]) -> bool:
    """Tell a line of contents: it ends with a number, dots or a wide space before it."""
    items = row[-1].items
    if len(items) < 2 or len(items[-1].word.text) > 6:
        return False
    wide = items[-1].x0 - items[-2].x1 > 2.5 * row[-1].em
    return wide or LEADER.fullmatch(items[-2].word.text) is not None


def _crosses(row: Sequence[Piece], x0: float, x1: float) -> bool:
    return min(x1, row[-1].x1) - max(x0, row[0].x0) > 0.5 * (row[-1].x1 - row[0].x0)


def _ends(row: Sequence[Piece]) -> bool:
    return row[-1].text.endswith(_END)


def _name(drafts: list[Draft], body: float) -> None:
    """Give the drafts of one column their kinds and levels."""
    for at, draft in enumerate(drafts):
        level = _title_level(draft, body, last=at == len(drafts) - 1)
        if level:
            draft.kind, draft.level = BlockKind.TITLE, level
    items = [d for d in drafts if d.kind is BlockKind.PARAGRAPH and starts_item(d.rows[0])]
    firsts = [d.rows[0][0].items[0].word.text for d in items]
    for at, draft in enumerate(items):
        if _SIBLING_ENUMERATOR.fullmatch(firsts[at]) and not firsts[at][:-1].isdigit():
            near = firsts[max(0, at - 1) : at] + firsts[at + 1 : at + 2]
            if not any(_SIBLING_ENUMERATOR.fullmatch(f) and f != firsts[at] for f in near):
                continue
        if firsts[at] in "–—-" and len(items) < 2:
            continue
        if re.fullmatch(r"\d+\.", firsts[at]) and not _in_sequence(firsts[at], firsts):
            continue
        draft.kind = BlockKind.LIST_ITEM
    _list_levels(drafts)


def _in_sequence(first: str, firsts: Sequence[str]) -> bool:
    """Tell a list's number from a date's: it is 1, or the one before or after is there, too."""
    value = int(first[:-1])
    return value == 1 or f"{value - 1}." in firsts or f"{value + 1}." in firsts


def _list_levels(drafts: Sequence[Draft]) -> None:
    run: list[Draft] = []
    for draft in [*drafts, None]:
        if draft is not None and draft.kind is BlockKind.LIST_ITEM:
            run.append(draft)
            continue
        if (
            draft is not None
            and run
            and draft.kind is BlockKind.PARAGRAPH
            and draft.rows[0][0].x0 > run[-1].rows[0][0].x0 + 0.6 * draft.rows[0][0].em
        ):
            continue  # a paragraph inside an item does not end the list
        starts: list[float] = []
        for item in sorted(run, key=lambda d: d.rows[0][0].x0):
            x0 = item.rows[0][0].x0
            if not starts or x0 - starts[-1] > 0.8 * item.rows[0][0].em:
                starts.append(x0)
            item.level = len(starts)
        run = []


def _title_level(draft: Draft, body: float, *, last: bool) -> int:
    """Return the level of a title, 0 for what is none."""
    rows = draft.rows
    text = draft.text
    letters = [ch for ch in text if ch.isalpha()]
    if len(rows) > 4 or len(text) > 240 or len(letters) < 2 or len(letters) < 0.4 * len(text):
        return 0
    if any(b.x0 - a.x1 > 2.5 * draft.em for row in rows for p in row for a, b in pairwise(p.items)):
        return 0  # a line of contents
    read = rows[0][0].line.origin == "ocr"
    ratio = draft.em / body
    numbered = _NUMBERED.match(text)
    chapter = _CHAPTER.match(text)
    ends = text.endswith((".", ",", ";")) and not re.search(r"\b[A-Z]\.$", text)
    larger = ratio >= (1.3 if read else 1.12)
    if _CAPTION.match(text) and not larger:
        return 0
    # Three rows and more a little larger than the rest are an address or a lead, not a heading.
    lead = len(rows) > 2 and ratio < 1.25
    if larger and not lead and (not ends or ratio >= 1.5) and not starts_bullet(text):
        pass
    elif draft.bold and not ends and len(rows) <= 3 and ratio >= 0.85:
        if last and not numbered:
            return 0
        if text.endswith(":") and len(text) < 60 and not numbered:
            return 0
        if starts_bullet(text):
            return 0
    else:
        return 0
    if chapter and ratio >= 1.3:
        return 1
    if numbered and not read:
        depth = numbered.group(1).count(".") + 1
        return min(6, depth + 1) if ratio < 1.9 else min(6, depth)
    if ratio >= 1.6:
        return 1
    if ratio >= 1.25:
        return 2
    return 3


def starts_bullet(text: str) -> bool:
    """Tell whether text begins with a bullet sign."""
    return text[:1] in BULLETS and not text[:1].isalnum()


def openings(drafts: Sequence[Draft], body: float) -> None:
    """Turn large text below the title of a document (authors, a date) from titles to paragraphs."""
    opening = False
    for draft in drafts:
        if draft.kind is BlockKind.TITLE and draft.level == 1:
            opening = True
        elif opening and draft.kind is BlockKind.TITLE:
            if draft.bold or _NUMBERED.match(draft.text):
                opening = False
            else:
                draft.kind, draft.level = BlockKind.PARAGRAPH, 0
        elif len(draft.rows) > 2 and draft.em <= 1.1 * body:
            opening = False


def captions(drafts: list[Draft], body: float) -> None:
    """Turn paragraphs that name a figure or table, and stand beside one, into captions."""
    for at, draft in enumerate(drafts):
        if draft.kind not in (BlockKind.PARAGRAPH, BlockKind.TITLE):
            continue
        found = _CAPTION.match(draft.text)
        if not found or len(draft.rows) > 12:
            continue
        rest = draft.text[found.end() :].lstrip()
        near = [
            other
            for other in drafts[max(0, at - 3) : at + 4]
            if other.kind in (BlockKind.FIGURE, BlockKind.TABLE)
            and _beside(draft.box, other.box, body)
        ]
        if near or (rest[:1] in (":", ".", "|", "–", "—") and len(draft.rows) <= 4):
            draft.kind, draft.level = BlockKind.CAPTION, 0


def _beside(a: Box, b: Box, body: float) -> bool:
    shared = min(a.x1, b.x1) - max(a.x0, b.x0)
    gap = max(a.y0 - b.y1, b.y0 - a.y1)
    return shared > 0 and gap < 4 * body
