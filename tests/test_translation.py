"""Translating from end to end, with a translator that accents vowels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from PIL import Image, ImageDraw, ImageFont
from reportlab.pdfgen.canvas import Canvas

import docharmony
from docharmony import (
    MissingExtraError,
    Pipeline,
    Plugins,
    RunConfig,
    StageError,
    TranslateConfig,
    UsageError,
)
from docharmony.translation import propose_translations, translate

PLUGIN = str(Path(__file__).parent / "plugins" / "translators.py")
TEXT = (
    "Please bring the signed form to the office before",
    "12.03.2024 and pay 1,250.00 EUR to {name}, or",
    "write to jane.roe@example.org.",
)
GERMAN = "Dieser Absatz ist auf Deutsch geschrieben und bleibt deshalb stehen."


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline(RunConfig(), plugins=Plugins((PLUGIN,), allow=()))


@pytest.fixture(scope="module")
def letter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("letter") / "letter.pdf"
    canvas = Canvas(str(path), pagesize=(420, 300), invariant=True)
    for number in (1, 2):
        canvas.bookmarkPage(f"p{number}")
        canvas.addOutlineEntry(f"Part {number}", f"p{number}")
        canvas.setFont("Helvetica-Bold", 16)
        canvas.drawString(40, 260, "Notice to all members")
        canvas.setFont("Helvetica", 11)
        for row, text in enumerate(TEXT):
            canvas.drawString(40, 220 - 14 * row, text)
        canvas.drawString(40, 150, GERMAN)
        canvas.drawString(40, 110, "4711 / 2024")
        canvas.linkURL("https://example.org", (40, 185, 200, 200))
        canvas.linkRect("", "p2", (40, 100, 90, 120))
        canvas.showPage()
    canvas.save()
    return path


def text_of(path: Path, page: int = 0) -> str:
    with pymupdf.open(path) as document:
        return " ".join(document[page].get_text().split())


def test_a_pdf(letter: Path, tmp_path: Path, pipeline: Pipeline) -> None:
    out = tmp_path / "out.pdf"
    report = translate(letter, out, to="de", translator="accents", pipeline=pipeline)
    text = text_of(out)
    assert "Nótícé tó áll mémbérs" in text
    for token in ("12.03.2024", "1,250.00", "{name}", "jane.roe@example.org", "4711 / 2024"):
        assert token in text
    assert GERMAN in text
    assert "Please" not in text
    assert report.count == 4
    data = report.to_json()
    assert data["kind"] == "translation"
    assert data["reasons"] == {"in de already": 2, "no words": 2}
    assert "Please" not in json.dumps(data)
    assert "Plé" not in json.dumps(data)
    with pymupdf.open(out) as document, pymupdf.open(letter) as before:
        assert document.get_toc() == before.get_toc()
        for page, old in zip(document, before, strict=True):
            assert [link["kind"] for link in page.get_links()] == [
                link["kind"] for link in old.get_links()
            ]


@pytest.fixture
def styled(tmp_path: Path) -> Path:
    path = tmp_path / "styled.pdf"
    canvas = Canvas(str(path), pagesize=(420, 300), invariant=True)

    def line(y: float, *pieces: tuple[str, str, float, float, tuple[float, float, float]]) -> None:
        text = canvas.beginText(40, y)
        for piece, font, size, rise, color in pieces:
            text.setFont(font, size)
            text.setRise(rise)
            text.setFillColorRGB(*color)
            text.textOut(piece)
        canvas.drawText(text)

    usual, black = "Helvetica", (0, 0, 0)
    line(
        220,
        ("Invoice", "Helvetica-Bold", 11, 0, black),
        (" 4711 is about the ", usual, 11, 0, black),
        ("red", usual, 11, 0, (1, 0, 0)),
        (" house", usual, 11, 0, black),
        ("1", usual, 7, 4, black),
        (" and the garden of our", usual, 11, 0, black),
    )
    line(206, ("members who read the ", usual, 11, 0, black), ("user guide", usual, 11, 0, (0, 0, 1)),
         (" at the office.", usual, 11, 0, black))  # fmt: skip
    canvas.linkURL("https://example.org/guide", (147, 203, 205, 217))
    canvas.save()
    return path


def test_words_keep_their_look_and_their_links(
    styled: Path, tmp_path: Path, pipeline: Pipeline
) -> None:
    out = tmp_path / "out.pdf"
    translate(styled, out, to="de", translator="accents", pipeline=pipeline)
    with pymupdf.open(out) as document:
        spans = [
            span
            for block in document[0].get_text("dict")["blocks"]
            for line in block["lines"]
            for span in line["spans"]
        ]
        looks = {span["text"].strip(): span for span in spans}
        assert looks["Ínvóícé"]["flags"] & 16
        assert looks["réd"]["color"] == 0xFF0000
        assert looks["1"]["size"] == pytest.approx(7, abs=0.3)
        assert looks["1"]["origin"][1] < looks["réd"]["origin"][1] - 3
        assert looks["úsér gúídé"]["color"] == 0x0000FF
        (link,) = document[0].get_links()
        assert link["uri"] == "https://example.org/guide"
        box = pymupdf.Rect(looks["úsér gúídé"]["bbox"])
        assert abs(link["from"] & box) > 0.7 * abs(box)
        assert abs(link["from"]) < 1.4 * abs(box)


def test_a_line_with_a_drawn_logo_for_a_word_stays(tmp_path: Path, pipeline: Pipeline) -> None:
    canvas = Canvas(str(tmp_path / "in.pdf"), pagesize=(420, 300), invariant=True)
    canvas.setFont("Helvetica", 11)
    canvas.drawString(40, 250, "This is the text of the house and the garden.")
    canvas.drawString(40, 200, "Accepted in")
    canvas.drawString(105, 200, "the house", mode=3)
    canvas.rect(105, 200, 45, 8, fill=1)
    canvas.drawString(156, 200, "for all of the members")
    canvas.save()
    report = translate(
        tmp_path / "in.pdf", tmp_path / "out.pdf", to="de", translator="accents", pipeline=pipeline
    )
    assert report.to_json()["reasons"] == {"partly hidden text": 1}
    assert "Accepted in the house for all" in text_of(tmp_path / "out.pdf")


def test_a_changed_plan_keeps_the_look_of_the_words_that_are_left(
    styled: Path, tmp_path: Path, pipeline: Pipeline
) -> None:
    options = TranslateConfig(to="de", translator="accents")
    with docharmony.open(styled) as source:
        plan = propose_translations(source, options=options, pipeline=pipeline).plan
        plan.write(tmp_path / "plan.json")
        data = json.loads((tmp_path / "plan.json").read_text())
        (edit,) = data["edits"]
        edit["replacement"] = "Das réd Haus, Gúídé"
        (tmp_path / "plan.json").write_text(json.dumps(data))
        translate(source, tmp_path / "out.pdf", plan=docharmony.Plan.read(tmp_path / "plan.json"))
    with pymupdf.open(tmp_path / "out.pdf") as document:
        (line,) = (
            line for block in document[0].get_text("dict")["blocks"] for line in block["lines"]
        )
        colours = {span["text"].strip(): span["color"] for span in line["spans"]}
        assert colours["réd"] == 0xFF0000
        assert colours["Das"] == 0


def test_pages_alternate_and_keep_links_and_bookmarks(
    letter: Path, tmp_path: Path, pipeline: Pipeline
) -> None:
    out = tmp_path / "both.pdf"
    translate(letter, out, to="de", translator="accents", pipeline=pipeline, bilingual="pages")
    with pymupdf.open(out) as document:
        texts = [page.get_text() for page in document]
        assert ["Please" in text for text in texts] == [True, False, True, False]
        assert ["Pléásé" in text for text in texts] == [False, True, False, True]
        assert [entry[2] for entry in document.get_toc()] == [1, 3]
        for number, page in enumerate(document):
            web, inner = page.get_links()
            assert web["uri"] == "https://example.org"
            assert inner["page"] == 2 + number % 2


def test_only_the_pages_chosen_are_doubled(
    letter: Path, tmp_path: Path, pipeline: Pipeline
) -> None:
    out = tmp_path / "both.pdf"
    chosen = Pipeline(
        RunConfig(pages="2"), plugins=pipeline.plugins, engine=pipeline.context._engine
    )
    with pymupdf.open(letter) as document:
        document.set_page_labels(
            [{"startpage": 0, "prefix": "A-", "style": "D", "firstpagenum": 7}]
        )
        document.save(tmp_path / "labelled.pdf")
    for layout, pages in (("pages", 3), ("side", 2)):
        translate(
            tmp_path / "labelled.pdf",
            out,
            to="de",
            translator="accents",
            pipeline=chosen,
            bilingual=layout,
        )
        with pymupdf.open(out) as document:
            assert len(document) == pages
            widths = [page.rect.width for page in document]
            labels = [page.get_label() for page in document]
        if layout == "pages":
            assert labels == ["A-7", "A-8", "A-8"]
        else:
            assert widths == [420, 852]


def test_side_by_side(letter: Path, tmp_path: Path, pipeline: Pipeline) -> None:
    out = tmp_path / "both.pdf"
    translate(letter, out, to="de", translator="accents", pipeline=pipeline, bilingual="side")
    with pymupdf.open(out) as document:
        assert len(document) == 2
        assert document[0].rect.width > 2 * 420
        places = document[0].search_for("Nótícé")
        assert places
        assert places[0].x0 > 420
        assert document[0].search_for("Notice to")[0].x1 < 420
        assert len(document.get_toc()) == 2
        links = document[0].get_links()
        assert [link["from"].x0 > 426 for link in links] == [False, False, True, True]
        assert [link.get("uri") or link["page"] for link in links][:2] == [
            link.get("uri") or link["page"] for link in links
        ][2:]


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_turned_pages_stand_beside_each_other_too(
    tmp_path: Path, pipeline: Pipeline, turn: int
) -> None:
    path, out = tmp_path / "turned.pdf", tmp_path / "both.pdf"
    with pymupdf.open() as document:
        page = document.new_page(width=300, height=400)
        page.insert_text((60, 100), "The members of the office", rotate=turn)
        page.set_rotation(turn)
        page.set_cropbox(pymupdf.Rect(20, 10, 290, 390))
        document.save(path)
    translate(path, out, to="es", translator="accents", pipeline=pipeline, bilingual="side")
    with pymupdf.open(out) as document:
        page = document[0]
        wide = 380 if turn % 180 else 270
        assert page.rect.width == pytest.approx(2 * wide + 12)
        pixels = page.get_pixmap(dpi=72, colorspace="gray")
        halves = [
            sum(pixels.pixel(x, y)[0] < 128 for x in columns for y in range(pixels.height))
            for columns in (range(wide), range(wide + 12, pixels.width))
        ]
        assert min(halves) > 50
        # Upright text: its ink is wider than it is tall, in both halves.
        assert halves[1] > 0.8 * halves[0]


def test_an_image(tmp_path: Path, pipeline: Pipeline) -> None:
    path, out = tmp_path / "sign.png", tmp_path / "out.png"
    image = Image.new("RGB", (900, 300), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=40)
    draw.text((60, 60), "The office opens at noon", fill="black", font=font)
    draw.text((60, 180), "Order INV-2024-0012", fill="black", font=font)
    image.save(path, dpi=(150, 150))
    report = translate(path, out, to="es", translator="accents", pipeline=pipeline)
    assert report.count == 2
    with docharmony.open(out) as source:
        text = pipeline.run(source).pages[0].text
    assert "Thé óff" in text.replace("ó f", "óf")
    assert "INV-2024-0012" in text
    both = tmp_path / "both.png"
    translate(path, both, to="es", translator="accents", pipeline=pipeline, bilingual="pages")
    with Image.open(both) as wide, Image.open(out) as alone:
        assert wide.width > 2 * alone.width
        assert wide.height == alone.height
        assert wide.info["dpi"] == pytest.approx((150, 150), abs=1)


def test_plans_are_made_and_applied(letter: Path, tmp_path: Path, pipeline: Pipeline) -> None:
    options = TranslateConfig("de", translator="accents")
    with docharmony.open(letter) as source:
        found = propose_translations(source, options=options, pipeline=pipeline)
        assert [edit.status for edit in found.plan.edits[1]] == ["proposed", "proposed"]
        assert found.plan.edits[1][1].original.startswith("Please bring")
        assert len(found.left) == 4
        path = tmp_path / "plan.json"
        found.plan.write(path)
        data = json.loads(path.read_text())
        data["edits"][0]["status"] = "rejected"
        data["edits"][1]["replacement"] = "Ganz anders."
        path.write_text(json.dumps(data))
        report = translate(
            source, tmp_path / "out.pdf", plan=docharmony.Plan.read(path), pipeline=pipeline
        )
    text = text_of(tmp_path / "out.pdf")
    assert "Notice to all members" in text
    assert "Ganz anders." in text
    assert report.count == 3


def test_glossaries_translate_alone_or_win(
    letter: Path, tmp_path: Path, pipeline: Pipeline
) -> None:
    glossary = tmp_path / "g.csv"
    glossary.write_text("en,es\nNotice to all members,Aviso a todos los socios\noffice,oficina\n")
    out = tmp_path / "out.pdf"
    translate(letter, out, to="es", glossary=[str(glossary)], pipeline=pipeline)
    assert "Aviso a todos los socios" in text_of(out)
    assert "to the oficina before" in text_of(out)
    translate(
        letter,
        out,
        to="es",
        glossary=[str(glossary)],
        translator="accents",
        keep=["Please bring"],
        pipeline=pipeline,
    )
    assert "Aviso a todos los socios" in text_of(out)
    assert "tó thé oficina béfóré" in text_of(out)
    assert "Please bring thé" in text_of(out)


def test_languages_without_a_translator_stay(
    letter: Path, tmp_path: Path, pipeline: Pipeline
) -> None:
    report = translate(
        letter, tmp_path / "out.pdf", to="es", translator="english", pipeline=pipeline
    )
    assert report.to_json()["reasons"]["no translator from de"] == 2
    assert report.count == 4


def test_the_target_language_stays_whatever_the_user_says_of_the_document(
    letter: Path, tmp_path: Path, pipeline: Pipeline
) -> None:
    options = TranslateConfig("de", source="en", translator="accents")
    report = translate(letter, tmp_path / "out.pdf", options=options, pipeline=pipeline)
    assert report.to_json()["reasons"]["in de already"] == 2
    assert GERMAN in text_of(tmp_path / "out.pdf")


@pytest.mark.parametrize(
    ("options", "error", "what"),
    [
        ({"to": "es"}, UsageError, "needs a translator"),
        ({"translator": "accents"}, UsageError, "needs a language"),
        ({"to": "english", "translator": "accents"}, UsageError, "is not a language"),
        ({"to": "es", "translator": "glossary"}, UsageError, "needs a file"),
        ({"to": "es", "translator": "nobody"}, UsageError, "unknown translator"),
        ({"to": "en", "source": "en-GB", "translator": "accents"}, UsageError, "already"),
        ({"to": "es", "source": "de", "translator": "english"}, MissingExtraError, "no pair"),
    ],
)
def test_what_cannot_work_fails_before_a_page_is_read(
    letter: Path,
    tmp_path: Path,
    pipeline: Pipeline,
    options: dict[str, Any],
    error: type[Exception],
    what: str,
) -> None:
    with pytest.raises(error, match=what):
        translate(
            letter, tmp_path / "out.pdf", options=TranslateConfig(**options), pipeline=pipeline
        )
    assert not (tmp_path / "out.pdf").exists()


def test_a_document_of_which_nothing_can_be_translated_says_what_is_missing(
    tmp_path: Path, pipeline: Pipeline
) -> None:
    path = tmp_path / "german.pdf"
    canvas = Canvas(str(path), pagesize=(500, 200))
    canvas.drawString(20, 100, GERMAN)
    canvas.save()
    with pytest.raises(MissingExtraError, match="no pair de-es") as caught:
        translate(path, tmp_path / "out.pdf", to="es", translator="english", pipeline=pipeline)
    assert "install-pair" in caught.value.hint


def test_a_translator_that_fails_does_not_quote_the_page(
    letter: Path, tmp_path: Path, pipeline: Pipeline
) -> None:
    with pytest.raises(StageError, match="ValueError") as caught:
        translate(letter, tmp_path / "out.pdf", to="es", translator="fails", pipeline=pipeline)
    assert "Notice" not in f"{caught.value} {caught.value.hint}"
    assert list(tmp_path.iterdir()) == []


def test_a_document_in_the_language_already_stays_as_it_is(
    letter: Path, tmp_path: Path, pipeline: Pipeline
) -> None:
    out = tmp_path / "out.pdf"
    report = translate(letter, out, to="en", translator="accents", pipeline=pipeline)
    assert report.count == 2  # the German paragraphs
    assert "Please bring the signed form" in text_of(out)


def test_what_runs_from_right_to_left_begins_at_the_right_edge_of_its_column(
    tmp_path: Path, pipeline: Pipeline
) -> None:
    path, out, words = tmp_path / "in.pdf", tmp_path / "out.pdf", tmp_path / "words.csv"
    canvas = Canvas(str(path), pagesize=(420, 300), invariant=True)
    canvas.setFont("Helvetica-Bold", 16)
    canvas.drawString(40, 260, "Annual report")
    canvas.setFont("Helvetica", 11)
    canvas.drawString(40, 220, "The members thank all customers for their patience.")
    canvas.drawCentredString(210, 20, "Page 1 of 4")
    canvas.save()
    words.write_text(
        "en,he\nAnnual report,דוח שנתי\n"
        "The members thank all customers for their patience.,החברים מודים לכל הלקוחות\n"
        "Page 1 of 4,עמוד 1 מתוך 4\n",
        encoding="utf-8",
    )
    options = TranslateConfig("he", source="en", translator="glossary", glossary=(str(words),))
    translate(path, out, options=options, pipeline=pipeline)
    with docharmony.open(path) as before, docharmony.open(out) as after:
        edge = max(line.bbox.x1 for line in before.page(1).lines)
        title, text, foot = after.page(1).lines
    assert title.bbox.x1 == pytest.approx(edge, abs=3)
    assert text.bbox.x1 == pytest.approx(edge, abs=3)
    assert foot.bbox.center.x == pytest.approx(210, abs=12)
    assert foot.text == "עמוד 1 מתוך 4"


@pytest.mark.parametrize("most", [False, True])
def test_sizes_are_evened_where_most_of_a_page_is_translated(
    most: bool, letter: Path, tmp_path: Path, pipeline: Pipeline
) -> None:
    glossary = tmp_path / "g.csv"
    glossary.write_text("en,es\nNotice to all members,Aviso a todos los socios\n")
    options = TranslateConfig("es", translator="accents" if most else "", glossary=(str(glossary),))
    with docharmony.open(letter) as source:
        plan = propose_translations(source, options=options, pipeline=pipeline).plan
    made = [edit for own in plan.edits.values() for edit in own]
    assert made
    assert all(edit.setting is not None and edit.setting.alike is most for edit in made)


def test_a_paragraph_stays_in_its_column(tmp_path: Path, pipeline: Pipeline) -> None:
    path, out, words = tmp_path / "in.pdf", tmp_path / "out.pdf", tmp_path / "words.csv"
    old = ("The office is closed on Monday, and all letters", "are read on Tuesday.")
    canvas = Canvas(str(path), pagesize=(420, 300), invariant=True)
    canvas.setFont("Helvetica", 11)
    for row, line in enumerate(old):
        canvas.drawString(40, 220 - 14 * row, line)
    canvas.drawString(40, 120, "Another text of this column is as wide as that.")
    canvas.save()
    new = (
        "La oficina central de nuestra empresa permanece cerrada durante todo el lunes, y las "
        "cartas que lleguen se leen el martes por la tarde."
    )
    words.write_text(f'en,es\n"{" ".join(old)}","{new}"\n', encoding="utf-8")
    options = TranslateConfig("es", source="en", translator="glossary", glossary=(str(words),))
    translate(path, out, options=options, pipeline=pipeline)
    with docharmony.open(path) as before, docharmony.open(out) as after:
        edge = max(line.bbox.x1 for line in before.page(1).lines)
        lines = after.page(1).lines
    assert "martes por la tarde" in " ".join(line.text for line in lines)
    assert max(line.bbox.x1 for line in lines) < edge + 2
