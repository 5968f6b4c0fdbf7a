"""Sets a document in a layout: independent choices for every component, some of them held out."""

from __future__ import annotations

from dataclasses import dataclass, fields
from random import Random

from .paper import BLACK, FAMILIES, Colour, Paper
from .parts import Content, Element, Fact, Fields, Grid, Labelled, Party, Prose, Signature, Ticks

# (development, held out): a component of a held-out layout comes from the second list.
_CHOICES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "size": (("a4", "letter"), ("a4", "a5")),
    "title": (("left", "center"), ("right", "band")),
    "letterhead": (("left", "right"), ("center", "foot")),
    "parties": (("beside", "stacked"), ("boxed", "swapped")),
    "place": (("right", "full"), ("left", "band")),  # of the meta fields
    "meta": (("colon", "aligned", "above", "apart"), ("leaders", "header", "boxed", "dash")),
    "body": (("colon", "aligned", "above", "table"), ("leaders", "boxed", "below", "dash")),
    "table": (("grid", "rules", "plain"), ("zebra", "columns", "framed")),
    "totals": (("right", "wide"), ("boxed", "left")),
    "signature": (("under", "plain"), ("above",)),
    "ticks": (("cross", "letter"), ("round",)),
}  # fmt: skip
_SIZES = {
    "a4": (595.0, 842.0),
    "letter": (612.0, 792.0),
    "a5": (420.0, 595.0),
    "till": (240.0, 640.0),
}
_GREY: Colour = (0.35, 0.35, 0.35)
_SHADE: Colour = (0.9, 0.92, 0.95)


@dataclass(frozen=True, slots=True)
class Layout:
    """One choice a component; ``em`` is the size of the text in points."""

    size: str
    title: str
    letterhead: str
    parties: str
    place: str
    meta: str
    body: str
    table: str
    totals: str
    signature: str
    ticks: str
    family: str
    em: float
    bold_labels: bool

    @property
    def name(self) -> str:
        """The choices of components, for grouping; equal for equal layouts."""
        return "-".join(str(getattr(self, f.name)) for f in fields(self) if f.name in _CHOICES)


def choose(rng: Random, kind: str, *, held_out: bool) -> Layout:
    """Draw a layout."""
    picked = {name: rng.choice(lists[held_out]) for name, lists in _CHOICES.items()}
    if kind == "receipt" and rng.random() < 0.8:
        picked |= {"size": "till", "title": "center", "letterhead": "center", "table": "plain",
                   "meta": rng.choice(("dash", "leaders") if held_out else ("colon", "apart")),
                   "place": "full", "totals": "wide", "parties": "stacked"}  # fmt: skip
    em = (
        rng.choice((8.5, 9, 10))
        if picked["size"] in ("a5", "till")
        else rng.choice((9, 10, 11, 12))
    )
    return Layout(**picked, family=rng.choice(sorted(FAMILIES)), em=float(em),
                  bold_labels=rng.random() < 0.4)  # fmt: skip


def draw(content: Content, layout: Layout, rng: Random, *, filler: list[str]) -> bytes:
    """Return the PDF and give every fact its places.

    Args:
        filler: sentences for a page before the document itself; empty draws none.
    """
    return _Setter(content, layout, rng).run(filler)


class _Setter:
    def __init__(self, content: Content, layout: Layout, rng: Random) -> None:
        self.c, self.l, self.rng = content, layout, rng
        width, height = _SIZES[layout.size]
        self.paper = Paper(width, height, layout.family)
        self.em, self.leading = layout.em, layout.em * rng.uniform(1.3, 1.6)
        self.x0 = width * (0.06 if layout.size == "till" else rng.uniform(0.08, 0.13))
        self.x1, self.y = width - self.x0, height * 0.07 + 2 * layout.em
        self.label_style = "bold" if layout.bold_labels else ""

    def run(self, filler: list[str]) -> bytes:
        p, c = self.paper, self.c
        if filler:
            for _ in range(3):
                self.y = p.wrapped(
                    self.x0, self.y, self.x1 - self.x0, [" ".join(filler)], self.em, self.leading
                )
                self.y += self.leading
            self._new_page()
        issuer_apart = c.issuer is not None and self.l.letterhead != "foot"
        if issuer_apart and c.issuer is not None:
            self._letterhead(c.issuer)
        if c.title and self.l.title != "right":
            self._title()
        top = self.y
        meta_right = c.meta is not None and self.l.place == "right" and bool(c.parties)
        middle = (self.x0 + self.x1) / 2
        if meta_right and c.meta is not None:
            below = self._fields(c.meta.items, self.l.meta, middle + 8, self.x1)
            self.y = top
            self._parties(self.x0, middle)
            self.y = max(self.y, below)
        else:
            if c.parties:
                self._parties(self.x0, self.x1)
            if c.title and self.l.title == "right":
                self._title()
            if c.meta is not None:
                self._gap(0.6)
                right = self.x1 if self.l.place != "left" else min(self.x1, middle + 40)
                if self.l.place == "band":
                    p.line(self.x0, self.y - self.em, self.x1, self.y - self.em)
                self.y = self._fields(c.meta.items, self.l.meta, self.x0, right)
        if meta_right and c.title and self.l.title == "right":
            self._title()
        self._gap(1)
        for element in c.body:
            self._element(element)
            self._gap(0.8)
        self._foot()
        return p.save()

    # --- places ----------------------------------------------------------------------------------

    def _gap(self, lines: float) -> None:
        self.y += lines * self.leading

    def _new_page(self) -> None:
        self.paper.new_page()
        self.y = self.paper.height * 0.07 + 2 * self.em

    def _room(self, lines: float) -> None:
        if self.y + lines * self.leading > self.paper.height * 0.9:
            self._new_page()

    # --- head and foot ---------------------------------------------------------------------------

    def _letterhead(self, issuer: Fact) -> None:
        p, size = self.paper, self.em * self.rng.uniform(1.1, 1.7)
        x, align = {"left": (self.x0, "left"), "right": (self.x1, "right"),
                    "center": ((self.x0 + self.x1) / 2, "center")}[self.l.letterhead]  # fmt: skip
        size = min(size, size * (self.x1 - self.x0) / max(1.0, p.length(issuer.text, size, "bold")))
        p.text(x, self.y, issuer.text, size, style="bold", align=align, fact=issuer)
        self._gap(1.2)
        for item in self.c.contact:
            self._run(x, self.y, item, align)
            self._gap(1)
        if self.rng.random() < 0.4:
            p.line(self.x0, self.y - 0.5 * self.em, self.x1, self.y - 0.5 * self.em)
        self._gap(1)

    def _run(self, x: float, y: float, item: Labelled, align: str) -> None:
        """Draw "label: value" aligned as a whole."""
        p, label = self.paper, f"{item.label}: "
        width = p.length(label + item.fact.text, self.em)
        x -= {"left": 0.0, "right": width, "center": width / 2}[align]
        p.text(x, y, label, self.em)
        p.text(x + p.length(label, self.em), y, item.fact.text, self.em, fact=item.fact)

    def _title(self) -> None:
        p, title = self.paper, self.c.title
        size = self.em * self.rng.uniform(1.5, 2.2)
        size = min(size, size * (self.x1 - self.x0) / p.length(title, size, "bold"))
        if self.l.title == "band":
            p.box(
                (self.x0 - 6, self.y - 1.1 * size, self.x1 + 6, self.y + 0.5 * size),
                fill=_SHADE,
                colour=None,
            )
        x, align = {"center": ((self.x0 + self.x1) / 2, "center"), "right": (self.x1, "right")}.get(
            self.l.title, (self.x0, "left")
        )
        p.text(x, self.y, title, size, style="bold", align=align)
        self.y += size * 0.8 + self.leading

    def _foot(self) -> None:
        p, c = self.paper, self.c
        y = p.height * 0.96
        if c.issuer is not None and self.l.letterhead == "foot":
            p.line(self.x0, y - 2.6 * self.em, self.x1, y - 2.6 * self.em, width=0.4)
            box = p.text(self.x0, y - 1.4 * self.em, c.issuer.text, 0.85 * self.em, fact=c.issuer)
            x = (box[2] if box else self.x0) + self.em
            for item in c.contact:
                text = f"{item.label} "
                p.text(x, y - 1.4 * self.em, text, 0.85 * self.em)
                x += p.length(text, 0.85 * self.em)
                if x + p.length(item.fact.text, 0.85 * self.em) < self.x1 + self.em:
                    p.text(x, y - 1.4 * self.em, item.fact.text, 0.85 * self.em, fact=item.fact)
                x += p.length(item.fact.text, 0.85 * self.em) + self.em
        if c.foot:
            p.text((self.x0 + self.x1) / 2, y, c.foot, 0.75 * self.em, align="center", colour=_GREY)

    def _parties(self, x0: float, x1: float) -> None:
        parties = list(self.c.parties)
        if self.l.parties == "swapped":
            parties.reverse()
        stacked = self.l.parties == "stacked" or len(parties) == 1 or x1 - x0 < 200
        width = (x1 - x0) if stacked else (x1 - x0) / 2
        top, below = self.y, self.y
        for i, party in enumerate(parties):
            if not stacked:
                self.y = top
            self._party(party, x0 + (0 if stacked else i * width), width - 12)
            self._gap(0.5)
            below = max(below, self.y)
        self.y = below

    def _party(self, party: Party, x: float, width: float) -> None:
        p = self.paper
        lines = [
            *([party.label] if party.label else []),
            party.name.text,
            *party.address.text.split("\n"),
        ]
        if self.l.parties == "boxed":
            p.box(
                (x, self.y - 1.3 * self.em, x + width, self.y + (len(lines) - 0.6) * self.leading)
            )
            x += 6
        if party.label:
            label = party.label + (":" if self.rng.random() < 0.5 else "")
            colour = _GREY if self.rng.random() < 0.3 else BLACK
            p.text(x, self.y, label, self.em, style=self.label_style, colour=colour)
            self._gap(1)
        p.text(x, self.y, party.name.text, self.em, fact=party.name)
        self._gap(1)
        for line in party.address.text.split("\n"):
            p.text(x, self.y, line, self.em, fact=party.address)
            self._gap(1)

    # --- elements --------------------------------------------------------------------------------

    def _element(self, element: Element) -> None:
        p = self.paper
        match element:
            case Fields(items, role):
                self._room(len(items) + 1)
                self._by_role(items, role)
            case Grid():
                self._grid(element)
            case Prose(parts):
                self._room(3)
                self.y = p.wrapped(self.x0, self.y, self.x1 - self.x0, parts, self.em, self.leading)
            case Ticks():
                self._room(1)
                self._ticks(element)
            case Signature():
                self._room(6)
                self._signature(element)
            case Party():
                self._party(element, self.x0, self.x1 - self.x0)

    def _by_role(self, items: list[Labelled], role: str) -> None:
        if role == "totals":
            left = (
                self.x0
                if self.l.totals in ("wide", "left")
                else self.x0 + 0.5 * (self.x1 - self.x0)
            )
            right = self.x1 if self.l.totals != "left" else self.x0 + 0.5 * (self.x1 - self.x0)
            if self.l.totals == "boxed":
                self.paper.box((left - 6, self.y - 1.4 * self.em, self.x1 + 2,
                                self.y + (len(items) - 0.7) * self.leading))  # fmt: skip
            self.y = self._fields(items, "apart", left, right)
        elif role == "contact":
            self.y = self._fields(items, "colon" if self.l.meta == "colon" else "dash"
                                  if self.l.meta == "dash" else "aligned", self.x0, self.x1)  # fmt: skip
        else:
            style = self.l.body if self.l.size != "till" else "colon"
            self.y = self._fields(items, style, self.x0, self.x1)

    def _fields(self, items: list[Labelled], style: str, x0: float, x1: float) -> float:
        """Draw key and value pairs from self.y on; return the next free baseline."""
        p, em, y = self.paper, self.em, self.y
        widest = max(p.length(item.label, em, self.label_style) for item in items)
        longest = max(p.length(item.fact.text, em) for item in items)
        if style in ("header", "above", "boxed", "below"):
            return self._cells(items, style, x0, x1)
        if style != "colon" and widest + longest + 3 * em > x1 - x0:
            style = "colon"
        for item in items:
            label = item.label + {"colon": ":", "dash": " –"}.get(style, "")
            box = p.text(x0, y, label, em, style=self.label_style)
            end = box[2] if box else x0
            if style in ("apart", "leaders"):
                p.text(x1, y, item.fact.text, em, align="right", fact=item.fact)
                if style == "leaders":
                    free = x1 - p.length(item.fact.text, em) - end - em
                    p.text(end + 0.4 * em, y, "." * int(free / p.length(".", em)), em)
            elif style in ("aligned", "table"):
                p.text(x0 + widest + 1.5 * em, y, item.fact.text, em, fact=item.fact)
            elif end + 0.5 * em + p.length(item.fact.text, em) > x1 + em:  # too long for one line
                y = p.wrapped(
                    x0 + em, y + self.leading, x1 - x0 - em, [item.fact], em, self.leading
                )
                continue
            else:
                p.text(end + 0.4 * em, y, item.fact.text, em, fact=item.fact)
            y += self.leading
        if style == "table":
            top = self.y - 0.5 * (self.leading + em * 0.5)
            for i in range(len(items) + 1):
                p.line(x0 - 4, top + i * self.leading, x1, top + i * self.leading)
            for x in (x0 - 4, x0 + widest + 0.7 * em, x1):
                p.line(x, top, x, top + len(items) * self.leading)
        return y + 0.3 * self.leading

    def _cells(self, items: list[Labelled], style: str, x0: float, x1: float) -> float:
        """Draw labels over values (or under them), several to a row."""
        p, em, y = self.paper, self.em, self.y
        need = (
            max(max(p.length(i.label, em, "bold"), p.length(i.fact.text, em)) for i in items)
            + 1.2 * em
        )
        count = max(1, min(len(items), int((x1 - x0) / need)))
        width, height = (x1 - x0) / count, 2.6 * self.leading
        for start in range(0, len(items), count):
            for i, item in enumerate(items[start : start + count]):
                x = x0 + i * width + (4 if style in ("boxed", "header") else 0)
                small = em if style == "header" else 0.8 * em
                first, second = y, y + 1.15 * self.leading
                if style == "below":
                    first, second = second, first
                    p.line(x, second + 0.4 * em, x + width - em, second + 0.4 * em, width=0.5)
                p.text(x, first, item.label, small, style=self.label_style or
                       ("bold" if style == "header" else ""))  # fmt: skip
                p.text(x, second, item.fact.text, em, fact=item.fact)
                if style in ("boxed", "header"):
                    left, top = x - 4, y - 1.25 * em
                    p.box((left, top, left + width, top + 2.3 * self.leading), width=0.5)
                    if style == "header":
                        p.line(
                            left, top + 1.15 * self.leading, left + width, top + 1.15 * self.leading
                        )
            y += height
        return y

    def _grid(self, grid: Grid) -> None:
        p, em = self.paper, self.em
        columns = len(grid.columns)
        wants = [
            max(
                p.length(grid.columns[i], em, "bold"),
                *(p.length(row[i].text, em) for row in grid.rows),
            )
            + em
            for i in range(columns)
        ]
        room = self.x1 - self.x0
        size = em * min(1.0, room / sum(wants))
        wants = [want * size / em for want in wants]
        spare = (room - sum(wants)) / columns if self.l.table != "framed" else 0.0
        edges = [self.x0]
        for want in wants:
            edges.append(edges[-1] + want + spare)
        step = self.leading * (1.25 if self.l.table in ("grid", "framed") else 1.05)
        top = self._grid_head(grid, edges, size, step)
        for number, row in enumerate(grid.rows):
            if self.y + step > p.height * 0.9:
                self._grid_lines(edges, top, self.y - 0.5 * (step + 0.5 * size))
                self._new_page()
                top = self._grid_head(grid, edges, size, step)
            if self.l.table == "zebra" and number % 2:
                p.box((edges[0], self.y - 0.5 * (step + 0.5 * size), edges[-1],
                       self.y + 0.5 * (step - 0.5 * size)), fill=_SHADE, colour=None)  # fmt: skip
            for i, fact in enumerate(row):
                self._cell(grid, edges, i, fact.text, size, "", fact)
            self.y += step
            if self.l.table == "grid":
                line = self.y - 0.5 * (step + 0.5 * size)
                p.line(edges[0], line, edges[-1], line)
        self._grid_lines(edges, top, self.y - 0.5 * (step + 0.5 * size))

    def _grid_head(self, grid: Grid, edges: list[float], size: float, step: float) -> float:
        p = self.paper
        top = self.y - 0.5 * (step + 0.5 * size)
        if self.l.table in ("zebra", "framed"):
            p.box((edges[0], top, edges[-1], top + step), fill=_SHADE, colour=None)
        for i, column in enumerate(grid.columns):
            self._cell(grid, edges, i, column, size, "bold", None)
        self.y += step
        if self.l.table != "plain":
            p.line(edges[0], top + step, edges[-1], top + step)
        if self.l.table in ("grid", "rules"):
            p.line(edges[0], top, edges[-1], top)
        return top

    def _grid_lines(self, edges: list[float], top: float, bottom: float) -> None:
        p = self.paper
        if self.l.table in ("grid", "columns"):
            for x in edges:
                p.line(x, top, x, bottom)
        if self.l.table == "framed":
            p.box((edges[0], top, edges[-1], bottom))
        if self.l.table in ("rules", "columns"):
            p.line(edges[0], bottom, edges[-1], bottom)

    def _cell(self, grid: Grid, edges: list[float], i: int, text: str, size: float, style: str,
              fact: Fact | None) -> None:  # fmt: skip
        right = i in grid.numbers
        x = edges[i + 1] - 0.4 * size if right else edges[i] + 0.4 * size
        self.paper.text(
            x, self.y, text, size, style=style, align="right" if right else "left", fact=fact
        )

    def _ticks(self, ticks: Ticks) -> None:
        p, em = self.paper, self.em
        box = p.text(self.x0, self.y, ticks.label, em, style=self.label_style)
        x = max((box[2] if box else self.x0) + 1.5 * em, self.x0 + 0.35 * (self.x1 - self.x0))
        for i, option in enumerate(ticks.options):
            side = 0.8 * em
            y0 = self.y - 0.75 * em
            if self.l.ticks == "round":
                p.circle(x + side / 2, y0 + side / 2, side / 2, filled=i == ticks.chosen)
            else:
                p.box((x, y0, x + side, y0 + side))
                if i == ticks.chosen and self.l.ticks == "letter":
                    p.text(x + side / 2, self.y, "X", em, align="center")
                elif i == ticks.chosen:
                    p.line(x, y0, x + side, y0 + side, width=1.1)
                    p.line(x, y0 + side, x + side, y0, width=1.1)
            fact = ticks.fact if i == ticks.chosen else None
            text = p.text(x + 1.3 * em, self.y, option, em, fact=fact)
            x = (text[2] if text else x) + 2 * em
        self._gap(1.2)

    def _signature(self, signature: Signature) -> None:
        p, em = self.paper, self.em
        x = self.x0 if self.rng.random() < 0.6 else self.x0 + 0.5 * (self.x1 - self.x0)
        label = signature.label
        if self.l.signature == "above" and label:
            p.text(x, self.y, label + ":", em)
        self._gap(1)
        p.text(x + 4, self.y, signature.name.text, 1.15 * em, style="italic", fact=signature.name)
        if self.l.signature != "plain":
            p.line(x, self.y + 0.4 * em, x + 160, self.y + 0.4 * em)
        self._gap(1.1)
        if self.l.signature != "above" and label:
            p.text(x, self.y, label, 0.85 * em)
            self._gap(1)
        if signature.job.text:
            p.text(x, self.y, signature.job.text, em, fact=signature.job)
            self._gap(1)
