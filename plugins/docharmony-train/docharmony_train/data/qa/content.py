"""What each kind of document says. One function a kind; layouts know nothing of kinds."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from .parts import Content, Element, Fact, Fields, Grid, Labelled, Party, Prose, Signature, Ticks
from .words import Words


class _Draft:
    """Collects labelled facts; optional ones are left out now and then, and remembered as absent."""

    def __init__(self, words: Words) -> None:
        self.words, self.absent = words, list[str]()

    def always(self, fact: Fact) -> Labelled:
        return Labelled(self.words.label(fact.key), fact)

    def sometimes(self, *facts: Fact, often: float = 0.6) -> list[Labelled]:
        kept = []
        for fact in facts:
            if self.words.rng.random() < often:
                kept.append(self.always(fact))
            else:
                self.absent.append(fact.key)
        return kept

    def shuffled(self, items: list[Labelled]) -> list[Labelled]:
        self.words.rng.shuffle(items)
        return items


def _issuer(d: _Draft, *, absent: bool = True) -> tuple[Fact, Fact, list[Labelled]]:
    w = d.words
    name = Fact("seller", w.company(), "person")
    host = "".join(
        c for c in unicodedata.normalize("NFKD", name.text.lower()) if c.isascii() and c.isalnum()
    )
    phone = Fact("phone", w.rng.choice(("+NN NNN NNNNNN", "0NNN NNNNNN", "(0NN) NNN NN NN")), "id")
    phone = w.code("phone", phone.text)
    email = Fact("email", f"{w.rng.choice(('info', 'office', 'mail'))}@{host[:14]}.example", "id")
    before = list(d.absent)
    contact = d.sometimes(phone, email, often=0.7)
    if not absent:
        d.absent = before
    return name, Fact("seller_address", w.address(), "address"), contact


def _items(w: Words, count: int) -> tuple[Grid, float]:
    rows, total = [], 0.0
    for name in w.some("items", count):
        quantity, price = w.rng.randint(1, 12), round(w.rng.uniform(0.8, 240), 2)
        total += quantity * price
        rows.append(
            [
                Fact("item", name, "field"),
                Fact("quantity", str(quantity), "number", str(quantity)),
                Fact("price", w.number(price), "number", f"{price:.2f}"),
                Fact("amount", w.number(quantity * price), "number", f"{quantity * price:.2f}"),
            ]
        )
    columns = [w.form("words", name) for name in ("item", "quantity", "price", "amount")]
    return Grid(columns, rows, {1, 2, 3}, "items"), round(total, 2)


def invoice(w: Words) -> Content:
    """An invoice with seller, customer, items and totals."""
    d = _Draft(w)
    seller, address, contact = _issuer(d)
    buyer = Fact("buyer", w.company() if w.rng.random() < 0.5 else w.person(), "person")
    meta = [
        d.always(
            w.code("invoice_number", w.rng.choice(("NNNNNN", "LL-NNNN", "NNNN/NNN", "RN-NNNNN")))
        ),
        d.always(w.date("invoice_date")),
    ]
    meta += d.sometimes(
        w.date("due_date", 2026),
        w.code("order_number", "PO-NNNNN"),
        w.code("customer_number", "NNNNN"),
        w.code("vat_id", "LLNNNNNNNNN"),
    )
    grid, net = _items(w, w.rng.randint(2, 7))
    rate = w.rng.choice((0.07, 0.19, 0.2, 0.21))
    tax = round(net * rate, 2)
    totals = [
        *d.sometimes(w.money("subtotal", net), w.money("tax", tax), often=0.85),
        d.always(w.money("total", round(net + tax, 2))),
    ]
    days = w.rng.choice((10, 14, 30))
    bank = d.sometimes(
        w.iban("iban"), Fact("terms", w.rng.choice((f"{days} d", f"{days} / 2 %", "0 %")))
    )
    body: list[Element] = [grid, Fields(totals, "totals")]
    if bank:
        body.append(Fields(bank, "contact"))
    body.append(Prose([w.one_filler()]))
    parties = [
        Party(
            w.form("words", "to") if w.rng.random() < 0.7 else None,
            buyer,
            Fact("buyer_address", w.address(), "address"),
        )
    ]
    if w.rng.random() < 0.5:
        parties.insert(0, Party(w.form("words", "from"), seller, address))
        issuer = None
    else:
        issuer = seller
        parties.append(Party(None, seller, address))
    return Content(
        "invoice",
        w.form("titles", "invoice"),
        issuer,
        contact,
        parties,
        Fields(d.shuffled(meta), "meta"),
        body,
        w.one_filler(),
        d.absent,
    )


def receipt(w: Words) -> Content:
    """A till receipt."""
    d = _Draft(w)
    seller, address, contact = _issuer(d)
    grid, total = _items(w, w.rng.randint(2, 8))
    meta = [
        d.always(w.date("purchase_date")),
        *d.sometimes(
            w.code("receipt_number", "NNNN-NNN"),
            w.time("time"),
            Fact("cashier", w.one("first"), "person"),
        ),
    ]
    given = round(total + w.rng.randint(1, 20), 2)
    totals = [
        d.always(w.money("total", total)),
        *d.sometimes(Fact("method", w.one("methods")), w.money("change", round(given - total, 2))),
    ]
    return Content(
        "receipt",
        w.form("titles", "receipt"),
        seller,
        contact,
        [Party(None, seller, address)],
        Fields(meta, "meta"),
        [grid, Fields(totals, "totals")],
        w.one_filler(),
        d.absent,
    )


def form(w: Words) -> Content:
    """A form that somebody has filled in."""
    d = _Draft(w)
    person = Fact("applicant", w.person(), "person")
    address = Fact("address", w.address().replace("\n", ", "), "address")
    items = [
        d.always(person),
        d.always(w.date("birth_date", w.rng.randint(1950, 2004))),
        d.always(address),
    ]
    items += d.sometimes(
        Fact("nationality", w.one("nationalities")),
        Fact("occupation", w.one("occupations")),
        w.code("phone", "0NNN NNNNNN"),
        Fact("email", f"{w.code('', 'LLLL').text.lower()}@post.example", "id"),
        w.code("customer_number", "NNNNN"),
        often=0.6,
    )
    body: list[Element] = [Fields(items, "body")]
    for concept in ("married", "newsletter"):
        if w.rng.random() < 0.6:
            chosen = w.rng.randint(0, 1)
            fact = Fact(concept, w.data["yes" if chosen == 0 else "no"][0])
            body.append(Ticks(w.label(concept), [w.data["yes"][0], w.data["no"][0]], chosen, fact))
    body.append(Prose([w.one_filler()]))
    if w.rng.random() < 0.6:
        name = Fact("signer", person.text, "person")
        body.append(Signature(w.form("words", "signed"), name, Fact("job", "")))
    meta = d.sometimes(w.date("application_date"), w.code("reference", "LL NNN"))
    return Content(
        "form",
        w.form("titles", "form"),
        None,
        [],
        [],
        Fields(meta, "meta") if meta else None,
        body,
        w.one_filler(),
        d.absent,
    )


def statement(w: Words) -> Content:
    """A statement of a bank account."""
    d = _Draft(w)
    bank, _, contact = _issuer(d)
    opening = round(w.rng.uniform(200, 9000), 2)
    rows, balance = [], opening
    for _ in range(w.rng.randint(4, 12)):
        amount = round(w.rng.uniform(5, 900) * (1 if w.rng.random() < 0.3 else -1), 2)
        balance += amount
        text = w.number(abs(amount))
        rows.append(
            [
                w.date("booking", 2024),
                Fact("purpose", w.one("purposes")),
                Fact(
                    "booking_amount", f"-{text}" if amount < 0 else text, "number", f"{amount:.2f}"
                ),
            ]
        )
    grid = Grid([w.form("words", n) for n in ("date", "purpose", "amount")], rows, {2}, "bookings")
    meta = [d.always(Fact("holder", w.person(), "person")), d.always(w.iban("iban"))]
    meta += d.sometimes(
        w.code("statement_number", "N/NNNN"),
        Fact("period", f"{w.date('').text} – {w.date('').text}"),
    )
    sums = [d.always(w.money("opening", opening)), d.always(w.money("closing", round(balance, 2)))]
    body: list[Element] = [Fields(sums[:1], "totals"), grid, Fields(sums[1:], "totals")]
    if w.rng.random() < 0.5:
        body = [Fields(sums, "totals"), grid]
    return Content(
        "statement",
        w.form("titles", "statement"),
        bank,
        contact,
        [],
        Fields(meta, "meta"),
        body,
        w.one_filler(),
        d.absent,
    )


def letter(w: Words) -> Content:
    """A letter: facts stand in its sentences."""
    d = _Draft(w)
    sender, address, contact = _issuer(d, absent=False)
    sender.key, address.key = "sender", "sender_address"
    contact = [item for item in contact if item.fact.key != "phone"]
    recipient = Fact("recipient", w.person(), "person")
    facts = {
        "appointment_date": w.date("appointment_date", 2026),
        "appointment_time": w.time("appointment_time"),
        "place": Fact("place", w.one("city")),
        "deposit": w.money("deposit", w.rng.randint(20, 900)),
        "deadline": w.date("deadline", 2027),
        "contact": Fact("contact", w.person(), "person"),
        "phone": w.code("phone", "0NNN NNNNNN"),
    }
    meta = [d.always(w.date("letter_date", 2025)), *d.sometimes(w.code("reference", "LL/NNN-NN"))]
    if w.rng.random() < 0.7:
        subject = Fact("subject", f"{w.one('reports')} {w.rng.randint(2019, 2025)}")
        meta.append(d.always(subject))
    else:
        d.absent.append("subject")
    body: list[Element] = [Prose([w.form("words", "greeting").format(name=recipient.text)])]
    for name in ("appointment", "deposit", "contact"):
        sentence = w.form("words", f"sentence_{name}")
        if w.rng.random() < 0.75:
            around = [w.one_filler() + " ", " " + w.one_filler()]
            body.append(Prose([around[0], *_fill(sentence, facts), around[1]]))
        else:
            d.absent += [key for key in facts if key in re.findall(r"{(\w+)}", sentence)]
    body.append(Prose([w.one_filler() + " " + w.one_filler()]))
    closing = Fact("", w.form("words", "closing"))
    signer = Fact("signer", w.person(), "person")
    body += [Prose([closing.text]), Signature("", signer, Fact("job", w.one("jobs")))]
    parties = [Party(None, recipient, Fact("recipient_address", w.address(), "address"))]
    return Content("letter", "", sender, contact, parties, Fields(meta, "meta"), body, "", d.absent)


def _fill(sentence: str, facts: dict[str, Fact]) -> list[str | Fact]:
    parts: list[str | Fact] = []
    for piece in sentence.split("{"):
        key, brace, rest = piece.partition("}")
        parts += [facts[key], rest] if brace else [piece]
    return [part for part in parts if part != ""]


def certificate(w: Words) -> Content:
    """A certificate."""
    d = _Draft(w)
    issuer, _, _ = _issuer(d, absent=False)
    items = [
        d.always(Fact("graduate", w.person(), "person")),
        d.always(Fact("course", w.one("courses"))),
    ]
    items += d.sometimes(
        w.code("certificate_number", "LL-NNNN"),
        w.date("valid_until", 2028),
        Fact("grade", w.one("grades")),
        w.date("birth_date", w.rng.randint(1955, 2003)),
    )
    items.append(d.always(w.date("issue_date", 2024)))
    body: list[Element] = [
        Fields(items, "body"),
        Prose([w.one_filler()]),
        Signature(
            w.form("words", "signed"),
            Fact("signer", w.person(), "person"),
            Fact("job", w.one("jobs")),
        ),
    ]
    return Content(
        "certificate", w.form("titles", "certificate"), issuer, [], [], None, body, "", d.absent
    )


def report(w: Words) -> Content:
    """A table of figures with a sentence around it."""
    d = _Draft(w)
    title = w.one("reports")
    columns = ["", *w.some("measures", w.rng.randint(2, 4))]
    rows = [
        [Fact("row", name), *(_figure(w) for _ in columns[1:])]
        for name in w.some("rows", w.rng.randint(3, 7))
    ]
    grid = Grid(columns, rows, set(range(1, len(columns))), "report")
    meta = d.sometimes(w.date("letter_date"), w.code("reference", "LL-NNN"))
    return Content(
        "report",
        title,
        None,
        [],
        [],
        Fields(meta, "meta") if meta else None,
        [Prose([w.one_filler() + " " + w.one_filler()]), grid, Prose([w.one_filler()])],
        "",
        d.absent,
    )


def _figure(w: Words) -> Fact:
    value = w.rng.randint(12, 98_000)
    return Fact("figure", w.number(value, 0), "number", str(value))


def payslip(w: Words) -> Content:
    """A payslip; a kind that development never sees."""
    d = _Draft(w)
    employer, address, contact = _issuer(d)
    employer.key, address.key = "employer", "employer_address"
    gross = round(w.rng.uniform(1800, 6500), 2)
    tax = round(gross * w.rng.uniform(0.12, 0.3), 2)
    month = Fact("month", f"{w.rng.randint(1, 12):02}/{w.rng.randint(2021, 2025)}")
    meta = [
        d.always(Fact("employee", w.person(), "person")),
        *d.sometimes(w.code("employee_number", "NNNNN"), month, w.iban("iban")),
    ]
    sums = [
        d.always(w.money("gross", gross)),
        d.always(w.money("income_tax", tax)),
        d.always(w.money("net", round(gross - tax, 2))),
    ]
    return Content(
        "payslip",
        w.form("titles", "payslip"),
        employer,
        contact,
        [Party(None, employer, address)],
        Fields(d.shuffled(meta), "meta"),
        [Fields(sums, "totals")],
        w.one_filler(),
        d.absent,
    )


def shipment(w: Words) -> Content:
    """A delivery note; a kind that development never sees."""
    d = _Draft(w)
    sender, address, contact = _issuer(d)
    sender.key, address.key = "sender", "sender_address"
    grid, _ = _items(w, w.rng.randint(2, 5))
    grid = Grid(grid.columns[:2], [row[:2] for row in grid.rows], {1}, "report")
    kilos = w.number(w.rng.uniform(0.5, 40), 1)
    meta = [
        d.always(w.code("tracking", "LLNNNNNNNNLL")),
        d.always(w.date("ship_date")),
        *d.sometimes(
            Fact("weight", f"{kilos} kg"),
            Fact("carrier", w.one("carriers")),
            w.code("order_number", "NNNNNN"),
        ),
    ]
    parties = [
        Party(w.label("sender"), sender, address),
        Party(
            w.label("recipient"),
            Fact("recipient", w.person(), "person"),
            Fact("recipient_address", w.address(), "address"),
        ),
    ]
    return Content(
        "shipment",
        w.form("titles", "shipment"),
        None,
        contact,
        parties,
        Fields(d.shuffled(meta), "meta"),
        [grid],
        w.one_filler(),
        d.absent,
    )


KINDS: dict[str, Callable[[Words], Content]] = {
    "invoice": invoice,
    "receipt": receipt,
    "form": form,
    "statement": statement,
    "letter": letter,
    "certificate": certificate,
    "report": report,
    "payslip": payslip,
    "shipment": shipment,
}
HELD_OUT_KINDS = ("payslip", "shipment")
