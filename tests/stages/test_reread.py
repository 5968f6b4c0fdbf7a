"""Reading a redacted page again: what is looked at, and what counts as left."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from docharmony import BBox, Context, Edit, EditKind, Line, Page, Pipeline, Stage, Word
from docharmony.stages.reread import reread

from ..fuzz.book import VERA
from .test_redact import FakeContext


@pytest.fixture(scope="module")
def nano() -> Pipeline:
    return Pipeline()


class Pixels(FakeContext):
    """A page of 600 x 800 at two pixels a unit, with a grey value of its own for each row."""

    def raster(self, page: Page, dpi: int | None = None) -> npt.NDArray[np.uint8]:
        image = np.zeros((1600, 1200, 3), np.uint8)
        image[...] = (np.arange(1600) % 199)[:, None, None]
        return image


class Reads(Stage):
    """Reads given words at given places of the page, wherever the strip shows them."""

    name = "reads"
    provides = frozenset({"lines"})

    def __init__(self, *words: tuple[str, BBox]) -> None:
        super().__init__()
        self.words = words
        self.shown: list[npt.NDArray[np.uint8]] = []
        self.pages: list[Page] = []

    def process(self, page: Page, ctx: Context) -> Page:
        image = ctx.raster(page)
        self.shown.append(image)
        self.pages.append(page)
        lines = []
        for text, box in self.words:
            # Find the row of the page that the strip shows: grey values tell.
            grey = round(box.center.y * 2) % 199
            for row in np.nonzero(image[:, 0, 0] == grey)[0]:
                dy = row / 2 - box.center.y
                place = BBox(box.x0 - 38, box.y0 + dy, box.x1 - 38, box.y1 + dy)
                word = Word(text, place, 0.9, "ocr")
                lines.append(Line(f"p1l{len(lines)}", (word,), place, size=10))
        return page.provide("lines", lines=tuple(lines))


def edit(text: str, box: BBox, number: int = 1) -> Edit:
    return Edit(f"p1e{number}", EditKind.ERASE, box.polygon(), "term", "term 1", text)


PAGE = Page(1, 600, 800, has=frozenset({"lines"}))
AT = BBox(50, 100, 90, 110)
FAR = BBox(50, 300, 90, 310)


def left(reader: Reads, *edits: Edit) -> list[str]:
    ctx: Any = Pixels()
    return [item.what for item in reread(PAGE, ctx, reader, edits)]


def test_what_is_still_there_is_told_without_its_text() -> None:
    ctx: Any = Pixels()
    (found,) = reread(PAGE, ctx, Reads(("Smith", AT)), [edit("Smith", AT)])
    assert (found.page, found.bbox, found.what) == (1, AT, "edit p1e1")


@pytest.mark.parametrize(
    ("word", "expected"),
    [("Smith", ["edit p1e1"]), ("Smlth", ["edit p1e1"]), ("Srnith", ["edit p1e1"]), ("Jones", [])],
)
def test_a_near_miss_counts(word: str, expected: list[str]) -> None:
    assert left(Reads((word, AT)), edit("Smith", AT)) == expected


def test_the_same_word_beside_the_area_does_not_count() -> None:
    beside = BBox(AT.x1 + 4, AT.y0, AT.x1 + 44, AT.y1)
    assert left(Reads(("Smith", beside)), edit("Smith", AT)) == []


def test_only_the_areas_and_their_surroundings_are_shown() -> None:
    reader = Reads()
    left(reader, edit("a", AT), edit("b", FAR, 2))
    image, page = reader.shown[0], reader.pages[0]
    assert image.shape[0] < 300
    assert page.route == "scan"
    assert page.lines == ()
    assert page.height * 2 == pytest.approx(image.shape[0], abs=2)
    assert page.width * 2 == pytest.approx(image.shape[1], abs=2)


def test_places_in_the_second_window_lead_back_too() -> None:
    assert left(Reads(("Doe", FAR)), edit("Smith", AT), edit("Doe", FAR, 2)) == ["edit p1e2"]


def test_areas_next_to_each_other_share_a_window() -> None:
    reader = Reads()
    near = BBox(70, 104, 120, 114)
    left(reader, edit("a", AT), edit("b", near, 2))
    one = Reads()
    left(one, edit("a", AT.union(near)))
    assert reader.shown[0].shape[0] <= one.shown[0].shape[0] + 2


def test_edits_without_text_are_not_sought() -> None:
    assert left(Reads(("--", AT)), edit("", AT), edit("--", AT, 2)) == []


class Sheet(FakeContext):
    """A white page at two pixels a unit with something drawn on it."""

    def __init__(self, image: npt.NDArray[np.uint8]) -> None:
        super().__init__()
        self.image = image

    def raster(self, page: Page, dpi: int | None = None) -> npt.NDArray[np.uint8]:
        return self.image


def test_even_areas_are_looked_at_once_and_others_from_all_sides() -> None:
    image = np.full((1600, 1200, 3), 255, np.uint8)
    reader = Reads()
    ctx: Any = Sheet(image)
    reread(PAGE, ctx, reader, [edit("Smith", AT)])
    assert len(reader.shown) == 1
    image[205:212, 110:150] = 0
    reread(PAGE, ctx, reader, [edit("Smith", AT)])
    shown = reader.shown[2:]
    assert len(shown) == 8
    assert len({picture.tobytes() for picture in shown}) == 8
    assert {picture.shape[0] > picture.shape[1] for picture in shown} == {True, False}


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
@pytest.mark.parametrize("light", [False, True])
def test_the_engine_reads_what_is_left_any_way_up(
    quarters: int, light: bool, nano: Pipeline
) -> None:
    """Beside a line that is upright, one that is turned is not missed."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.truetype(str(VERA), 40)
    ink, ground = (255, 20) if light else (0, 255)
    word = Image.new("RGB", (260, 60), (ground,) * 3)
    ImageDraw.Draw(word).text((20, 4), "Wentworth", fill=(ink,) * 3, font=font)
    word = word.rotate(-90 * quarters, expand=True)
    sheet = Image.new("RGB", (1200, 1600), "white")
    pen = ImageDraw.Draw(sheet)
    for row in range(3):
        pen.text((60, 100 + 60 * row), "An upright line of quite some length", fill=0, font=font)
    sheet.paste(word, (300, 330))
    ctx: Any = Sheet(np.asarray(sheet))
    ctx.engine = nano.context.engine
    box = BBox(150, 165, 150 + word.width / 2, 165 + word.height / 2)
    reader = nano.routes["scan"][0]
    (found,) = reread(PAGE, ctx, reader, [edit("Wentworth", box)])
    assert found.bbox == box


def test_what_lies_off_the_page_shows_no_pixels() -> None:
    off = BBox(-400, 100, -300, 110)
    assert left(Reads(("Jane", AT)), edit("Jane", off)) == []
    assert left(Reads(("Jane", AT)), edit("Jane", off), edit("Jane", AT, 2)) == ["edit p1e2"]
