"""Drawn pages for the OCR benchmark: what published documents lack, their text layer the truth.

Kinds: receipts, forms, tables, scenes (print on pictures), and running text in accented Latin,
Cyrillic and Greek. Fonts come from the package pymupdf-fonts (SIL Open Font License); words and
numbers are drawn by a seed. No such page was trained on; fonts of the same families may have been.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

KINDS = ("receipt", "form", "table", "scene", "accents", "cyrillic", "greek")
EACH = 3  # pages of a kind

WORDS = {
    "latin": "invoice total account number street payment order delivery customer service office page "
    "report quality summer river garden station bottle window letter machine school paper market "
    "coffee bread butter apple chicken kitchen water travel ticket museum doctor health battery",
    "accents": "příliš žluťoučký kůň úpěl ďábelské ódy zażółć gęślą jaźń łódź świt źródło árvíztűrő "
    "tükörfúrógép őrült çalışma güneş ışık öğrenci șosea țară înțelegere français élève où naïve "
    "señor mañana corazón überprüfung straße größe fjällräv blåbær smørrebrød à côté œuvre hôtel "
    "ação coração às três più città perché così đường žába čeština řeka šťastný dobrý",
    "cyrillic": "договор между сторонами заключён в городе адрес получателя сумма прописью номер счёта "
    "подпись дата выдачи паспорт гражданин область район улица дом квартира телефон объект съезд "
    "экземпляр вагон щука яблоко цифра юрист чтение жёлтый хлеб фонарь громкий зеркало мысль "
    "рахунок їжак єдність ґрунт подяка місто вулиця",
    "greek": "συμφωνία μεταξύ των μερών διεύθυνση ποσό αριθμός λογαριασμού υπογραφή ημερομηνία έκδοσης "
    "οδός πόλη τηλέφωνο φόρος κατάστημα πελάτης προϊόν ψωμί ξενοδοχείο χάρτης θάλασσα ζωή ήλιος "
    "βιβλίο γέφυρα δρόμος ώρα ρολόι ύδωρ φως άνθρωπος εργασία σχολείο",
}
FACES = ("notos", "figo", "ubuntu", "notosbo", "figbo")
MONO = ("cascadia", "ubuntm", "spacemo")


class Sheet:
    """A page that is being drawn, with its own dice."""

    def __init__(self, document: Any, width: float, height: float, dice: random.Random) -> None:
        self.page = document.new_page(width=width, height=height)
        self.width, self.height, self.dice = width, height, dice

    def text(
        self, x: float, y: float, text: str, face: str, size: float, colour: Any = (0, 0, 0)
    ) -> float:
        """Set a line with its baseline at y; return where it ends."""
        import pymupdf

        font = pymupdf.Font(face)
        writer = pymupdf.TextWriter(self.page.rect)
        writer.append((x, y), text, font=font, fontsize=size)
        writer.write_text(self.page, color=colour)
        return x + float(font.text_length(text, size))

    def words(self, kind: str, count: int) -> str:
        """Return words of a kind."""
        return " ".join(self.dice.choices(WORDS[kind].split(), k=count))

    def amount(self) -> str:
        """Return an amount of money."""
        return (
            f"{self.dice.choice('€$£')}{self.dice.randint(0, 9999)}.{self.dice.randint(0, 99):02d}"
        )

    def number(self) -> str:
        """Return something that looks like a reference."""
        dice = self.dice
        letters = "".join(dice.choices("ABCDEFGHJKLMNPQRSTUVWXYZ", k=2))
        return dice.choice(
            [
                f"{letters}-{dice.randint(1000, 999999)}",
                f"{dice.randint(1, 28):02d}/{dice.randint(1, 12):02d}/20{dice.randint(10, 30)}",
                f"+44 20 {dice.randint(1000, 9999)} {dice.randint(1000, 9999)}",
                f"{dice.randint(10, 99)}.{dice.randint(100, 999)}.{dice.randint(100, 999)}",
            ]
        )


def receipt(sheet: Sheet) -> None:
    """Draw a till receipt in a monospaced face."""
    dice, face = sheet.dice, sheet.dice.choice(MONO)
    y = 30.0
    for line in (sheet.words("latin", 2).upper(), sheet.number(), sheet.number()):
        sheet.text(24, y, line, face, 9)
        y += 13
    y += 8
    for _ in range(16):
        sheet.text(24, y, f"{dice.randint(1, 9)} x {sheet.words('latin', 2)[:16]}", face, 9)
        price = f"{dice.randint(0, 99)}.{dice.randint(0, 99):02d}"
        sheet.text(176, y, price, face, 9)
        y += 13
    sheet.text(24, y + 8, "TOTAL", face, 14)
    sheet.text(150, y + 8, sheet.amount(), face, 14)


def form(sheet: Sheet) -> None:
    """Draw labels with boxes that are filled in."""
    dice = sheet.dice
    label, value = dice.choice(FACES), dice.choice((*FACES, *MONO))
    sheet.text(40, 60, sheet.words("latin", 3).title(), label, 18)
    y = 100.0
    for _ in range(13):
        for x in (40.0, 290.0):
            sheet.text(x, y, f"{sheet.words('latin', 2).capitalize()}:", label, 7.5, (0.3,) * 3)
            sheet.page.draw_rect((x, y + 4, x + 220, y + 24), color=(0.4,) * 3, width=0.7)
            sheet.text(
                x + 6, y + 18, dice.choice([sheet.number(), sheet.words("latin", 2)]), value, 10
            )
        y += 48


def table(sheet: Sheet) -> None:
    """Draw a ruled table of words and figures."""
    dice, face = sheet.dice, sheet.dice.choice(FACES)
    sheet.text(40, 60, sheet.words("latin", 4).capitalize(), face, 16)
    columns = (40.0, 210.0, 300.0, 390.0, 480.0)
    for row in range(28):
        y = 90.0 + 22 * row
        sheet.page.draw_line((36, y + 7), (560, y + 7), width=0.5)
        for column, x in enumerate(columns):
            if row == 0:
                text = sheet.words("latin", 1).upper()
            elif column == 0:
                text = sheet.words("latin", 2)
            else:
                text = f"{dice.uniform(0, 10 ** dice.randint(0, 5)):,.2f}"
            sheet.text(x, y, text, face, 9)
    for x in columns[1:]:
        sheet.page.draw_line((x - 6, 76), (x - 6, 90 + 22 * 27 + 7), width=0.5)


def scene(sheet: Sheet) -> None:
    """Draw large print on a picture: gradients with blobs of colour, smoothed."""
    import numpy as np
    from PIL import Image
    from scipy import ndimage

    rng = np.random.default_rng(sheet.dice.randrange(1 << 30))
    dark = sheet.dice.random() < 0.5
    picture = rng.uniform(0, 255, (30, 22, 3))
    picture = ndimage.zoom(ndimage.gaussian_filter(picture, (2, 2, 0)), (20, 20, 1), order=3)
    picture = (picture - picture.min()) / np.ptp(picture) * 110 + (10 if dark else 140)
    picture += rng.normal(0, 6, picture.shape)
    image = Image.fromarray(picture.clip(0, 255).astype(np.uint8))
    sheet.page.insert_image(sheet.page.rect, stream=_png(image), keep_proportion=False)
    y = 50.0
    while y < sheet.height - 80:
        size = sheet.dice.choice((12, 16, 22, 34))
        y += size * sheet.dice.uniform(1.3, 2.0)
        line = sheet.dice.choice(
            [sheet.words("latin", 3), sheet.words("latin", 2).upper(), sheet.number()]
        )
        shade = sheet.dice.uniform(0.85, 1) if dark else sheet.dice.uniform(0, 0.15)
        colour = tuple(
            min(1.0, max(0.0, shade + sheet.dice.uniform(-0.15, 0.15))) for _ in range(3)
        )
        sheet.text(sheet.dice.uniform(30, 120), y, line, sheet.dice.choice(FACES), size, colour)


def prose(kind: str) -> Callable[[Sheet], None]:
    """Return what draws running text of a kind of words."""

    def draw(sheet: Sheet) -> None:
        face = sheet.dice.choice(("notos", "figo", "ubuntu"))
        size = sheet.dice.choice((8.5, 10, 11.5))
        y = 60.0
        while y < sheet.height - 60:
            line, end = "", 0.0
            while end < sheet.width - 130:
                word = sheet.words(kind, 1)
                word = sheet.dice.choice([word, word, word, word.capitalize(), sheet.number()])
                line += f" {word}" if line else word
                end = 50 + len(line) * size * 0.55
            sheet.text(50, y, line, face, size)
            y += size * 1.45

    return draw


DRAW: dict[str, Callable[[Sheet], None]] = {
    "receipt": receipt, "form": form, "table": table, "scene": scene,
    "accents": prose("accents"), "cyrillic": prose("cyrillic"), "greek": prose("greek"),
}  # fmt: skip


def make(path: Path, each: int = EACH) -> list[str]:
    """Write the pages into one PDF and return the kind of each."""
    import pymupdf

    kinds = []
    with pymupdf.open() as document:
        for kind in KINDS:
            for number in range(each):
                size = (240, 330) if kind == "receipt" else (595, 842)
                DRAW[kind](Sheet(document, *size, random.Random(f"{kind} {number}")))
                kinds.append(kind)
        document.save(path, garbage=3, deflate=True)
    return kinds


def _png(image: Any) -> bytes:
    import io

    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
