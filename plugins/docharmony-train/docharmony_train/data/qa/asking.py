"""Questions on a document whose facts are placed: what is there, what follows, and what is not there."""

from __future__ import annotations

from random import Random

from .parts import Content, Fact, Grid, Prose, Question, Signature, Ticks
from .words import Words

_COUNTS = {0: "0"}


def ask(
    content: Content, words: Words, english: Words, rng: Random, *, limit: int
) -> list[Question]:
    """Return questions in the document's language and, one in four, in English.

    Args:
        limit: about so many; half of them on facts, the rest shared by the other kinds.
    """
    asker = _Asker(content, words, english, rng)
    found = asker.fields()
    rng.shuffle(found)
    found = found[: max(2, limit // 2)]
    others = [*asker.tables(), *asker.ticks(), *asker.signer()]
    rng.shuffle(others)
    found += others[: max(2, limit // 3)]
    found += asker.absent()[: max(1, limit // 5)]
    return found


class _Asker:
    def __init__(self, content: Content, words: Words, english: Words, rng: Random) -> None:
        self.c, self.words, self.english, self.rng = content, words, english, rng

    def _tongue(self) -> Words:
        return self.english if self.rng.random() < 0.25 else self.words

    def _make(
        self, w: Words, text: str, kind: str, fact: Fact | None, answers: tuple[str, ...]
    ) -> Question:
        page, box = (fact.page, fact.bbox) if fact is not None else (None, None)
        return Question(
            text[:1].upper() + text[1:],
            w.language,
            kind,
            fact.key if fact else "",
            answers,
            page,
            box,
        )

    def fields(self) -> list[Question]:
        """Return one question on every fact that is printed."""
        in_text = {
            f for e in self.c.body if isinstance(e, Prose) for f in e.parts if isinstance(f, Fact)
        }
        found = []
        printed: dict[str, Fact] = {}
        for fact in self.c.facts:
            if fact.places and fact.key in self.words.data["concept"]:
                printed.setdefault(fact.key, fact)
        for key, fact in printed.items():
            if key in ("signer", "married", "newsletter"):
                continue
            w = self._tongue()
            if key in w.data["special"] and self.rng.random() < 0.5 and self._fits(key):
                text = w.form("special", key)
            else:
                noun = w.noun(key)
                label = self.words.label(key)
                text = w.form("ask", _template(fact)).format(noun=noun, label=f"“{label}”")
            kind = (
                "text"
                if fact in in_text
                else {"address": "address", "person": "party"}.get(fact.type, "field")
            )
            found.append(self._make(w, text, kind, fact, (fact.text.replace("\n", ", "),)))
        return found

    def _fits(self, key: str) -> bool:
        """Whether the special question means this fact in this kind of document."""
        needs = {"seller": "invoice", "buyer": "invoice", "total": None, "recipient": "letter"}
        kind = needs.get(key)
        return kind is None or self.c.kind == kind

    def tables(self) -> list[Question]:
        """Return questions on cells, superlatives and counts."""
        found = []
        for grid in (e for e in self.c.body if isinstance(e, Grid)):
            found += {"items": self._items, "bookings": self._bookings, "report": self._report}[
                grid.purpose
            ](grid)
        return found

    def _items(self, grid: Grid) -> list[Question]:
        found = []
        for name, column in (("quantity", 1), ("price", 2), ("amount", 3)):
            row = self.rng.choice(grid.rows)
            w = self._tongue()
            text = w.form("ask", name).format(row=row[0].text)
            found.append(self._make(w, text, "cell", row[column], (row[column].text,)))
        w = self._tongue()
        best = max(grid.rows, key=lambda row: float(row[2].value))
        found.append(
            self._make(w, w.form("ask", "dearest"), "superlative", best[0], (best[0].text,))
        )
        w = self._tongue()
        found.append(
            self._make(w, w.form("ask", "count_items"), "count", None, (str(len(grid.rows)),))
        )
        return found

    def _bookings(self, grid: Grid) -> list[Question]:
        w = self._tongue()
        low = min(grid.rows, key=lambda row: float(row[2].value))
        answers = (low[2].text, low[2].text.lstrip("-"))
        found = [self._make(w, w.form("ask", "largest_out"), "superlative", low[2], answers)]
        w = self._tongue()
        found.append(
            self._make(w, w.form("ask", "count_rows"), "count", None, (str(len(grid.rows)),))
        )
        return found

    def _report(self, grid: Grid) -> list[Question]:
        found = []
        heads = list(range(1, len(grid.columns)))
        for _ in range(2):
            row, column = self.rng.choice(grid.rows), self.rng.choice(heads)
            w = self._tongue()
            text = w.form("ask", "cell").format(column=grid.columns[column], row=row[0].text)
            found.append(self._make(w, text, "cell", row[column], (row[column].text,)))
        for name, pick in (("highest", max), ("lowest", min)):
            column = self.rng.choice(heads)
            w = self._tongue()
            best = pick(grid.rows, key=lambda row: float(row[column].value))
            first = grid.columns[0] or self.english.rng.choice(("row", "line"))
            text = w.form("ask", name).format(column=grid.columns[column], rowhead=first)
            found.append(self._make(w, text, "superlative", best[0], (best[0].text,)))
        column = self.rng.choice(heads)
        w = self._tongue()
        best = max(grid.rows, key=lambda row: float(row[column].value))
        text = w.form("ask", "highest_value").format(column=grid.columns[column])
        found.append(self._make(w, text, "superlative", best[column], (best[column].text,)))
        w = self._tongue()
        found.append(
            self._make(w, w.form("ask", "count_rows"), "count", None, (str(len(grid.rows)),))
        )
        return found

    def ticks(self) -> list[Question]:
        """Return yes/no questions."""
        found = []
        for ticks in (e for e in self.c.body if isinstance(e, Ticks)):
            w = self._tongue()
            forms = "yes" if ticks.chosen == 0 else "no"
            answers = tuple(dict.fromkeys([*self.words.data[forms], *self.english.data[forms]]))
            found.append(
                self._make(w, w.form("ask", f"is_{ticks.fact.key}"), "yesno", ticks.fact, answers)
            )
        return found

    def signer(self) -> list[Question]:
        """Return who signed and as what, or that nobody did."""
        signatures = [e for e in self.c.body if isinstance(e, Signature)]
        w = self._tongue()
        if not signatures:
            return [self._make(w, w.form("ask", "signed"), "unanswerable", None, ())]
        name, job = signatures[0].name, signatures[0].job
        found = [self._make(w, w.form("ask", "signed"), "signer", name, (name.text,))]
        if job.text:
            found.append(self._make(w, w.form("ask", "signer_job"), "signer", job, (job.text,)))
        return found

    def absent(self) -> list[Question]:
        """Return questions on what such documents often say and this one does not."""
        printed = {fact.key for fact in self.c.facts if fact.places}
        keys = [key for key in self.c.absent if key not in printed]
        if self.rng.random() < 0.4:
            keys += self.rng.sample(_ALIEN[self.c.kind], 1)
        self.rng.shuffle(keys)
        found = []
        for key in keys:
            w = self._tongue()
            if key in w.data["special"] and self.rng.random() < 0.5:
                text = w.form("special", key)
            else:
                text = w.form("ask", "field").format(noun=w.noun(key), label=f"“{w.label(key)}”")
            found.append(self._make(w, text, "unanswerable", None, ()))
        return found


def _template(fact: Fact) -> str:
    known = {"id", "date", "money", "person"}
    return fact.type if fact.type in known else "field"


# What nobody would write into such a document.
_ALIEN = {
    "invoice": ["birth_date", "course", "nationality"], "receipt": ["birth_date", "iban", "tracking"],
    "form": ["total", "tracking", "course"], "statement": ["course", "tracking", "birth_date"],
    "letter": ["tracking", "grade", "birth_date"], "certificate": ["total", "iban", "weight"],
    "report": ["iban", "birth_date", "total"], "payslip": ["tracking", "course", "deposit"],
    "shipment": ["iban", "birth_date", "grade"],
}  # fmt: skip
