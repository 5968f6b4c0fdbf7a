"""What a made document is put together from, before anything is drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Box = tuple[float, float, float, float]
FactType = Literal["id", "date", "money", "person", "address", "field", "number", "time"]


@dataclass(eq=False)
class Fact:
    """Something that the document says.

    Attributes:
        key: concept such as ``"invoice_number"``, or ``"cell"`` and the like where it has none.
        text: as it is printed; lines of an address are separated by ``"\\n"``.
        type: what kind of value it is.
        value: normalised: ISO date, decimal number with a point, HH:MM; else the text on one line.
        places: (page, box) of every part printed, page 1-based, box in points as displayed.
    """

    key: str
    text: str
    type: FactType = "field"
    value: str = ""
    places: list[tuple[int, Box]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.value = self.value or self.text.replace("\n", ", ")

    @property
    def page(self) -> int | None:
        """The first page that shows it."""
        return self.places[0][0] if self.places else None

    @property
    def bbox(self) -> Box | None:
        """The box around its parts on that page."""
        boxes = [box for page, box in self.places if page == self.page]
        if not boxes:
            return None
        x0, y0, x1, y1 = zip(*boxes, strict=True)
        return min(x0), min(y0), max(x1), max(y1)


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its answer.

    Attributes:
        text: the question.
        language: its own language, which need not be the document's.
        kind: ``field``, ``party``, ``address``, ``text`` (running text), ``cell``, ``superlative``,
            ``count``, ``yesno``, ``signer`` or ``unanswerable``.
        concept: key of the fact asked for.
        answers: every form that is right; empty when the document does not say.
        page: page of the answer, 1-based; None where it is computed or absent.
        bbox: its box in points.
    """

    text: str
    language: str
    kind: str
    concept: str
    answers: tuple[str, ...] = ()
    page: int | None = None
    bbox: Box | None = None


@dataclass
class Labelled:
    """A label and its value."""

    label: str
    fact: Fact


@dataclass
class Fields:
    """Key and value pairs; ``role`` tells the layout where they may go."""

    items: list[Labelled]
    role: Literal["meta", "body", "totals", "contact"] = "body"


@dataclass
class Party:
    """A name with its address, under a label or alone."""

    label: str | None
    name: Fact
    address: Fact


@dataclass
class Grid:
    """A table; ``numbers`` are the columns that are set flush right."""

    columns: list[str]
    rows: list[list[Fact]]
    numbers: set[int]
    purpose: Literal["items", "bookings", "report"]


@dataclass
class Prose:
    """A paragraph: words and facts in turn."""

    parts: list[str | Fact]


@dataclass
class Ticks:
    """A question with boxes, one of them crossed."""

    label: str
    options: list[str]
    chosen: int
    fact: Fact


@dataclass
class Signature:
    """A name under a line, with a role."""

    label: str
    name: Fact
    job: Fact


Element = Fields | Party | Grid | Prose | Ticks | Signature


@dataclass
class Content:
    """All that a document says, in no place yet."""

    kind: str
    title: str
    issuer: Fact | None
    contact: list[Labelled]
    parties: list[Party]
    meta: Fields | None
    body: list[Element]
    foot: str
    absent: list[str]  # concepts that documents of this kind have and this one lacks

    @property
    def facts(self) -> list[Fact]:
        """Every fact that has a concept, in order."""
        found = [self.issuer] if self.issuer else []
        found += [item.fact for item in self.contact]
        for party in self.parties:
            found += [party.name, party.address]
        elements: list[Element] = [*([self.meta] if self.meta else []), *self.body]
        for element in elements:
            match element:
                case Fields(items):
                    found += [item.fact for item in items]
                case Party(_, name, address):
                    found += [name, address]
                case Prose(parts):
                    found += [part for part in parts if isinstance(part, Fact)]
                case Ticks():
                    found.append(element.fact)
                case Signature(_, name, job):
                    found += [name, job]
        return list(dict.fromkeys(found))
