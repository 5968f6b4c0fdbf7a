"""Replacing from end to end: the old text is gone, the new one can be read, all else stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pymupdf
import pytest
from PIL import Image, ImageDraw, ImageFont

from docharmony import (
    BBox,
    EditStatus,
    Line,
    Page,
    Pipeline,
    Plan,
    ReplaceConfig,
    ReplacementReport,
    Stage,
    UsageError,
    Word,
    propose_replacements,
    replace,
)

pytestmark = pytest.mark.usefixtures("built_in_faces")


def pixels(path: Path, dpi: int = 72) -> np.ndarray[Any, Any]:
    with pymupdf.open(path) as document:
        pixmap = document[0].get_pixmap(dpi=dpi)
        flat = np.frombuffer(pixmap.samples, np.uint8)
        return flat.reshape(pixmap.height, pixmap.width, pixmap.n)[..., :3].astype(int)


def text(path: Path) -> str:
    with pymupdf.open(path) as document:
        return "\n".join(str(page.get_text()) for page in document)


def raw(path: Path) -> bytes:
    """Return all streams of a PDF, decoded."""
    with pikepdf.open(path) as pdf:
        streams = [item for item in pdf.objects if isinstance(item, pikepdf.Stream)]
        return b"".join(
            stream.read_bytes() for stream in streams if stream.get("/Type") != "/ObjStm"
        )


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    """A page with a shaded line, a paragraph, a link, a bookmark, a field and a note."""
    document = pymupdf.open()
    page = document.new_page(width=420, height=320)
    page.draw_rect((40, 40, 380, 70), fill=(0.88, 0.94, 1), color=None)
    page.insert_text((50, 60), "Invoice 4711 for Mr Smith", fontsize=12, fontname="tiro")
    lines = (
        "The fox jumps over the dog and then",
        "it runs to the forest behind the hills,",
        "where it lives.",
    )
    for number, line in enumerate(lines):
        page.insert_text(
            (50, 110 + 14 * number), line, fontsize=11, fontname="helv", color=(0.6, 0, 0)
        )
    page.insert_text((50, 200), "See our site", fontsize=11)
    page.insert_link(
        {
            "kind": pymupdf.LINK_URI,
            "from": pymupdf.Rect(50, 190, 120, 204),
            "uri": "https://example.org",
        }
    )
    page.add_text_annot((300, 200), "a note")
    field = pymupdf.Widget()
    field.field_name, field.field_type = "name", pymupdf.PDF_WIDGET_TYPE_TEXT
    field.rect, field.field_value = pymupdf.Rect(50, 230, 200, 250), "Smith"
    page.add_widget(field)
    document.set_toc([[1, "Invoice", 1]])
    path = tmp_path / "letter.pdf"
    document.save(path)
    return path


def run(source: Path, **mapping: str) -> tuple[Path, ReplacementReport]:
    out = source.with_name(f"new{source.suffix}")
    names = {old.replace("_", " "): new for old, new in mapping.items()}
    return out, replace(source, out, mapping=names)


def test_new_text_takes_the_place_and_the_font_of_the_old(letter: Path) -> None:
    before = pixels(letter)
    out, report = run(letter, Invoice="Rechnung", Mr_Smith="Frau Müßig")
    assert report.left <= 1  # the field
    assert "Rechnung 4711 for Frau Müßig" in text(out)
    assert "Invoice" not in text(out)
    assert b"(Invoice" not in raw(out)
    faces = {fit.face for fit in report.fits.values() if fit.fitted}
    assert faces == {"Times-Roman"}
    after = pixels(out)
    changed = np.argwhere((before != after).any(axis=2))
    assert changed[:, 0].min() >= 45
    assert changed[:, 0].max() <= 68  # that line and nothing else
    with pymupdf.open(out) as document:
        (span,) = [
            s
            for block in document[0].get_text("dict")["blocks"]
            for line in block.get("lines", ())
            for s in line["spans"]
            if "Rechnung" in s["text"]
        ]
    assert span["size"] == pytest.approx(12, abs=0.4)
    assert span["origin"][1] == pytest.approx(60, abs=0.1)


def test_links_bookmarks_fields_and_notes_survive(letter: Path) -> None:
    out, _ = run(letter, fox="wolf")
    with pymupdf.open(letter) as old, pymupdf.open(out) as new:
        assert new.get_toc() == old.get_toc()
        assert [link["uri"] for link in new[0].links()] == ["https://example.org"]
        assert [w.field_value for w in new[0].widgets()] == ["Smith"]
        assert [a.info["content"] for a in new[0].annots()] == ["a note"]


def test_bookmarks_take_the_new_text(tmp_path: Path) -> None:
    document = pymupdf.open()
    page = document.new_page(width=420, height=320)
    for number, line in enumerate(("1 Report of Smith", "Some lines", "Results in full")):
        page.insert_text((50, 60 + 40 * number), line, fontsize=12)
    titles = ("Report of Smith", "2.3 Smith again, smithy", "Results in full")
    document.set_toc([[1, title, 1] for title in titles])
    document.save(tmp_path / "a.pdf")
    out, _ = run(tmp_path / "a.pdf", Smith="Jones", Results_in_full="All results")
    with pymupdf.open(out) as document:
        found = [entry[1] for entry in document.get_toc()]
    assert found == ["Report of Jones", "2.3 Jones again, smithy", "All results"]


def test_a_longer_word_moves_the_rest_of_its_paragraph(letter: Path) -> None:
    out, report = run(letter, fox="gigantic and very hungry wolf")
    (fit,) = report.fits.values()
    assert fit.fitted
    assert "gigantic and very hungry wolf jumps over" in text(out).replace("\n", " ")
    assert "where it lives." in text(out).replace("\n", " ")


def test_a_paragraph_keeps_its_width(tmp_path: Path) -> None:
    document = pymupdf.open()
    sheet = document.new_page(width=420, height=200)
    words = "The fox jumps over the lazy dog and runs back to the wood where it lives. " * 2
    sheet.insert_textbox(pymupdf.Rect(30, 30, 250, 150), words, fontsize=11)
    document.save(tmp_path / "a.pdf")
    out, report = run(tmp_path / "a.pdf", lazy="very lazy and old")
    assert report.complete
    with pymupdf.open(out) as document:
        assert max(word[2] for word in document[0].get_text("words")) < 256


def test_text_in_a_note_is_left_and_told(tmp_path: Path) -> None:
    document = pymupdf.open()
    document.new_page(width=300, height=200).add_freetext_annot((40, 40, 200, 60), "For Smith")
    document.save(tmp_path / "a.pdf")
    _, report = run(tmp_path / "a.pdf", Smith="Jones")
    assert report.left == 1
    assert "annotation" in next(f.note for f in report.fits.values() if not f.fitted)


def test_what_does_not_fit_is_left_as_it_was(tmp_path: Path) -> None:
    document = pymupdf.open()
    page = document.new_page(width=200, height=100)
    page.insert_text((20, 50), "A", fontsize=12)
    page.draw_line((32, 20), (32, 80))
    page.insert_text((40, 50), "B", fontsize=12)
    document.save(tmp_path / "a.pdf")
    out, report = run(tmp_path / "a.pdf", A="Antidisestablishmentarianism")
    assert (report.count, report.left) == (0, 1)
    assert "too long" in next(iter(report.fits.values())).note
    assert (pixels(out) == pixels(tmp_path / "a.pdf")).all()


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("sheet", [0, 90])
def test_turned_text_on_turned_pages(tmp_path: Path, turn: int, sheet: int) -> None:
    document = pymupdf.open()
    page = document.new_page(width=300, height=300)
    page.insert_text((150, 150), "old words here", fontsize=12, rotate=turn)
    page.set_rotation(sheet)
    document.save(tmp_path / "a.pdf")
    out, report = run(tmp_path / "a.pdf", old="new")
    assert report.count == 1
    assert "new words here" in text(out).replace("\n", " ")
    with pymupdf.open(tmp_path / "a.pdf") as old, pymupdf.open(out) as new:
        boxes = [d[0].search_for("words")[0] for d in (old, new)]
    assert boxes[0].tl.distance_to(boxes[1].tl) < 8


def test_a_word_broken_over_two_lines(tmp_path: Path) -> None:
    document = pymupdf.open()
    page = document.new_page(width=300, height=200)
    for number, line in enumerate(
        ("We trust in our great com-", "pany and in all of its many", "people.")
    ):
        page.insert_text((30, 50 + 14 * number), line, fontsize=11)
    document.save(tmp_path / "a.pdf")
    out, report = run(tmp_path / "a.pdf", company="club")
    assert report.count == 1
    assert "our great club and in all of its many people." in " ".join(text(out).split())


def test_a_plan_is_reviewed_and_applied(letter: Path, tmp_path: Path) -> None:
    plan = propose_replacements(letter, rules=ReplaceConfig(("fox=cat", "Invoice=Bill")))
    assert all(e.status is EditStatus.PROPOSED for own in plan.edits.values() for e in own)
    plan.write(tmp_path / "plan.json")
    data = json.loads((tmp_path / "plan.json").read_text())
    for edit in data["edits"]:
        if "Bill" in edit["replacement"]:
            edit["replacement"] = "Rechnung"
        else:
            edit["status"] = "rejected"
    (tmp_path / "plan.json").write_text(json.dumps(data))
    out = tmp_path / "new.pdf"
    report = replace(letter, out, plan=Plan.read(tmp_path / "plan.json"))
    assert report.count == 1
    assert "fox" in text(out)
    assert "Rechnung" in text(out)
    with pytest.raises(UsageError, match="another input"):
        replace(out, tmp_path / "third.pdf", plan=plan)


class Told(Stage):
    """Reads what the test has drawn: words with their boxes."""

    name = "told"
    provides = frozenset({"lines"})

    def __init__(self, lines: list[list[tuple[str, BBox]]]) -> None:
        super().__init__()
        self.lines = lines

    def process(self, page: Page, ctx: Any) -> Page:
        lines = tuple(
            Line(
                f"p{page.number}l{n}",
                tuple(Word(text, box, 0.99, "ocr") for text, box in words),
                BBox.around(box for _, box in words),
            )
            for n, words in enumerate(self.lines, 1)
        )
        return page.provide("lines", lines=lines)


Drawn = tuple[Image.Image, Pipeline]


@pytest.fixture(scope="module")
def draw() -> Callable[..., Drawn]:
    """Draw words on a ground and return the picture with a pipeline that reads them."""

    def drawn(ground: Image.Image, words: str, colour: tuple[int, int, int]) -> Drawn:
        font = ImageFont.load_default(34)
        pen = ImageDraw.Draw(ground)
        x, boxes = 60.0, []
        for word in words.split():
            box = pen.textbbox((x, 60), word, font=font)
            boxes.append((word, BBox(box[0] - 1, 58, box[2] + 1, 104)))
            pen.text((x, 60), word, font=font, fill=colour)
            x += pen.textlength(word + " ", font=font)
        return ground, Pipeline(routes={"scan": [Told([boxes])]})

    return drawn


def stripes() -> Image.Image:
    y, x = np.mgrid[0:160, 0:640]
    bands = np.where(((x + y) // 9 % 2)[..., None] == 1, (225, 235, 245), (205, 220, 236))
    return Image.fromarray(bands.astype(np.uint8))


@pytest.mark.parametrize("ground", [lambda: Image.new("RGB", (640, 160), (250, 248, 240)), stripes])
def test_a_picture_keeps_its_ground_and_shows_the_new_text(
    tmp_path: Path, draw: Callable[..., Drawn], ground: Callable[[], Image.Image]
) -> None:
    image, pipeline = draw(ground(), "Report for Anna Smith", (90, 10, 10))
    image.save(tmp_path / "a.png")
    report = replace(
        tmp_path / "a.png", tmp_path / "b.png", mapping={"Anna": "Otto"}, pipeline=pipeline
    )
    assert report.count == 1
    clean, before = np.array(ground()).astype(int), np.array(image).astype(int)
    after = np.array(Image.open(tmp_path / "b.png").convert("RGB")).astype(int)
    (edit,) = report.edits[1]
    x0, _, x1, _ = (round(v) for v in edit.bbox)
    assert (after[:, : x0 - 12] == before[:, : x0 - 12]).all()
    assert (after[:50] == before[:50]).all()
    # Outside the new letters the ground is what it was before the old ones were drawn.
    ink = np.abs(after - clean).max(axis=2)[:, x0:x1]
    assert 0.04 < (ink > 60).mean() < 0.5
    assert np.median(ink) <= 3
    darkest = after[:, x0:x1].reshape(-1, 3)[np.abs(after - clean).sum(axis=2)[:, x0:x1].argmax()]
    assert np.abs(darkest - (90, 10, 10)).max() <= 60


def test_letters_are_as_high_as_they_were(tmp_path: Path, draw: Callable[..., Drawn]) -> None:
    image, pipeline = draw(Image.new("RGB", (640, 160), "white"), "HELLO", (0, 0, 0))
    image.save(tmp_path / "a.png")
    replace(tmp_path / "a.png", tmp_path / "b.png", mapping={"HELLO": "HOLLE"}, pipeline=pipeline)

    def height(path: Path) -> int:
        rows = np.flatnonzero((np.array(Image.open(path).convert("L")) < 128).any(axis=1))
        return int(rows[-1] - rows[0] + 1)

    ratio = height(tmp_path / "b.png") / height(tmp_path / "a.png")
    assert 0.9 <= ratio <= 1.1


def test_a_scan_in_a_pdf_is_painted_and_says_so(tmp_path: Path, draw: Callable[..., Drawn]) -> None:
    image, pipeline = draw(Image.new("RGB", (640, 160), "white"), "Report for Anna", (0, 0, 0))
    image.save(tmp_path / "a.png")
    with pymupdf.open() as document:
        page = document.new_page(width=640, height=160)
        page.insert_image(page.rect, filename=tmp_path / "a.png")
        page.insert_text((60, 95), "Report for Anna", fontsize=34, render_mode=3)
        document.save(tmp_path / "a.pdf")
    report = replace(
        tmp_path / "a.pdf", tmp_path / "b.pdf", mapping={"Anna": "Otto"}, pipeline=pipeline
    )
    assert report.count == 1
    assert "Anna" not in text(tmp_path / "b.pdf")
    assert "Otto" in text(tmp_path / "b.pdf")
    with pymupdf.open(tmp_path / "b.pdf") as document:
        (item,) = document[0].get_images()
        new = pymupdf.Pixmap(document, item[0])
    samples = np.frombuffer(new.samples, np.uint8).reshape(new.height, new.width, -1)[..., 0]
    (edit,) = report.edits[1]
    x0, _, x1, _ = (round(v) for v in edit.bbox)
    old = np.array(image.convert("L"))
    assert (samples[:, : x0 - 12] == old[:, : x0 - 12]).all()
    assert (samples[58:104, x0:x1] != old[58:104, x0:x1]).mean() > 0.05
    assert (samples[58:104, x0:x1] < 100).any()


# --- rules ---------------------------------------------------------------------------------------


def test_nothing_named_is_refused(letter: Path) -> None:
    with pytest.raises(UsageError, match="nothing to replace"):
        replace(letter, letter.with_name("b.pdf"), mapping={})
    with pytest.raises(UsageError, match="least size"):
        replace(letter, letter.with_name("b.pdf"), mapping={"a": "b"}, least_size=0.1)
