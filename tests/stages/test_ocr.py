"""Stage ``ocr`` with the bundled checkpoint, over pages that lie every way."""

from __future__ import annotations

import difflib
import io
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from docharmony import BBox, Line, Page, Pipeline, Plugins, RunConfig, Word
from docharmony import open as open_document
from docharmony.context import RunContext
from docharmony.stages.ocr import OcrStage

TEXT = (
    "The harvest of 1987 was the best in years,",
    "and every barrel in the cellar was filled",
    "before the first frost reached the valley.",
    "Invoice 4711 of 12 March: 1,234.50 EUR",
)
SIZE = (900, 420)


class Pixels(RunContext):
    """The context of a run whose pages are arrays."""

    images: dict[int, np.ndarray]

    def raster(self, page: Page, dpi: int | None = None) -> np.ndarray:
        return self.images[page.number]


@pytest.fixture(scope="module")
def ctx() -> Pixels:
    return Pixels(RunConfig(), Plugins(allow=()))


@pytest.fixture(scope="module")
def page_image() -> Image.Image:
    image = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(image)
    for row, text in enumerate(TEXT):
        draw.text((60, 60 + 75 * row), text, fill="black", font=font())
    return image


def font() -> ImageFont.FreeTypeFont:
    found = ImageFont.load_default(size=26)
    assert isinstance(found, ImageFont.FreeTypeFont)
    return found


def boxes() -> Iterator[tuple[str, BBox]]:
    """Words of the drawn page with the boxes of their ink."""
    for row, text in enumerate(TEXT):
        at = 0
        for word in text.split():
            at = text.index(word, at)
            alone = Image.new("L", SIZE)
            x = 60 + font().getlength(text[:at])
            ImageDraw.Draw(alone).text((x, 60 + 75 * row), word, fill=255, font=font())
            ink = alone.point(lambda value: 255 * (value > 100)).getbbox()
            assert ink
            yield word, BBox(*map(float, ink))
            at += len(word)


def alike(lines: Iterable[Line], texts: Sequence[str] = TEXT) -> bool:
    """Whether the lines say this, a wrong letter in a line allowed: nano is no better than that."""
    found = [line.text for line in lines]
    return len(found) == len(texts) and all(
        difflib.SequenceMatcher(None, a, b).ratio() > 0.95 and len(a.split()) == len(b.split())
        for a, b in zip(found, texts, strict=True)
    )


def read(ctx: Pixels, image: Image.Image, **options: object) -> Page:
    ctx.images = {1: np.asarray(image)}
    stage = OcrStage(OcrStage.Config(**options))
    return stage.process(Page(1, *image.size, "px", route="scan"), ctx)


def test_words_stand_where_they_were_drawn(ctx: Pixels, page_image: Image.Image) -> None:
    page = read(ctx, page_image)
    assert "lines" in page.has
    assert alike(page.lines)
    assert [line.id for line in page.lines] == ["p1l1", "p1l2", "p1l3", "p1l4"]
    assert all(line.origin == "ocr" and 0.8 < line.confidence <= 1 for line in page.lines)
    words = [word for line in page.lines for word in line.words]
    for word, (text, ink) in zip(words, boxes(), strict=True):
        assert word.bbox.grow(2).x0 <= ink.x0 <= word.bbox.x0 + 5, text
        assert word.bbox.x1 - 5 <= ink.x1 <= word.bbox.grow(2).x1, text
        assert word.bbox.grow(5).y0 <= ink.y0, text
        assert ink.y1 <= word.bbox.grow(5).y1, text


@pytest.mark.parametrize("quarters", [1, pytest.param(2, marks=pytest.mark.slow), 3])
def test_a_turned_page_is_read_with_its_boxes(
    ctx: Pixels, page_image: Image.Image, quarters: int
) -> None:
    turned = page_image.rotate(-90 * quarters, expand=True)  # clockwise
    page = read(ctx, turned)
    assert alike(page.lines)
    w, h = SIZE
    expected = []
    for text, (x0, y0, x1, y1) in boxes():
        box = {
            1: BBox(h - y1, x0, h - y0, x1),
            2: BBox(w - x1, h - y1, w - x0, h - y0),
            3: BBox(y0, w - x1, y1, w - x0),
        }[quarters]
        expected.append((text, box))
    words = [word for line in page.lines for word in line.words]
    for word, (text, box) in zip(words, expected, strict=True):
        assert max(abs(a - b) for a, b in zip(word.bbox, box, strict=True)) < 14, text
    assert all(abs(line.direction - 90 * quarters) < 1 for line in page.lines)


@pytest.mark.parametrize("angle", [-5.0, pytest.param(3.0, marks=pytest.mark.slow)])
def test_a_skewed_page_is_read_with_slanted_words(
    ctx: Pixels, page_image: Image.Image, angle: float
) -> None:
    skewed = page_image.rotate(-angle, Image.Resampling.BICUBIC, fillcolor="white")
    page = read(ctx, skewed)
    assert alike(page.lines)
    for line in page.lines:
        assert (line.direction + 180) % 360 - 180 == pytest.approx(angle, abs=0.5)
        assert line.quad is not None
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    words = [word for line in page.lines for word in line.words]
    for word, (text, box) in zip(words, boxes(), strict=True):
        dx, dy = box.center.x - SIZE[0] / 2, box.center.y - SIZE[1] / 2
        expected = (SIZE[0] / 2 + c * dx - s * dy, SIZE[1] / 2 + s * dx + c * dy)
        assert word.polygon.bbox.center == pytest.approx(expected, abs=8), text


def test_orientation_off_reads_the_page_as_it_lies(ctx: Pixels, page_image: Image.Image) -> None:
    page = read(ctx, page_image.rotate(180), orientation="off")
    assert not alike(page.lines)


def test_confidence_is_a_threshold(ctx: Pixels, page_image: Image.Image) -> None:
    assert read(ctx, page_image, min_confidence=1.0).lines == ()


def test_a_blank_page_has_no_lines(ctx: Pixels) -> None:
    page = read(ctx, Image.new("RGB", (300, 200), "white"))
    assert page.lines == ()
    assert "lines" in page.has


def test_pages_of_a_batch_do_not_mix(ctx: Pixels, page_image: Image.Image) -> None:
    width, height = SIZE
    top, bottom = page_image.crop((0, 0, width, 190)), page_image.crop((0, 190, width, height))
    blank = Image.new("RGB", (300, 200), "white")
    parts = [bottom, blank, top]
    ctx.images = {number: np.asarray(image) for number, image in enumerate(parts, 1)}
    pages = [
        Page(number, image.width, image.height, "px", route="scan")
        for number, image in enumerate(parts, 1)
    ]
    done = list(OcrStage().process_batch(pages, ctx))
    assert [page.number for page in done] == [1, 2, 3]
    assert alike(done[0].lines, TEXT[2:])
    assert done[1].lines == ()
    assert alike(done[2].lines, TEXT[:2])
    assert [line.id for line in done[2].lines] == ["p3l1", "p3l2"]


def test_a_mixed_page_is_read_in_its_picture_only(ctx: Pixels, page_image: Image.Image) -> None:
    ctx.images = {1: np.asarray(page_image)}
    # 900 px stand for 450 pt: the picture covers the last two lines, text layer holds the first.
    typed = Line("p1l1", (Word("Typed", BBox(30, 30, 90, 45)),), BBox(30, 30, 90, 45))
    page = Page(1, 450, 210, route="mixed", lines=(typed,), images=(BBox(0, 100, 450, 210),))
    done = OcrStage().process(page, ctx)
    assert [line.id for line in done.lines] == ["p1l1", "p1l2", "p1l3"]
    assert done.lines[0] == typed
    assert alike(done.lines[1:], TEXT[2:])
    *_, (_, last) = boxes()
    word = done.lines[2].words[-1]
    assert word.bbox.x0 == pytest.approx(last.x0 / 2, abs=2)
    assert word.bbox.x1 == pytest.approx(last.x1 / 2, abs=2)


def test_the_stage_runs_in_a_pipeline(ctx: Pixels, page_image: Image.Image) -> None:
    data = io.BytesIO()
    page_image.save(data, "PNG", dpi=(150, 150))
    stage = OcrStage()
    pipeline = Pipeline(
        plugins=ctx.plugins, routes={"scan": [stage], "mixed": [], "digital": []}, engine=ctx.engine
    )
    with open_document(data.getvalue(), name="page.png", plugins=ctx.plugins) as source:
        (page,) = pipeline.run(source).pages
    assert page.unit == "px"
    assert alike(page.lines)
