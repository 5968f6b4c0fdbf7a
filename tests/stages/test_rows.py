"""Lines of pictures: parted at wide gaps, joined where they follow each other; boxes around them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import reportlab
from PIL import Image, ImageDraw, ImageFont

from docharmony import replace
from docharmony.geometry import BBox, Polygon
from docharmony.looks.frames import frame, reach
from docharmony.model import Block, BlockKind, Line, Page, Word
from docharmony.stages.rows import in_rows

VERA = Path(reportlab.__file__).parent / "fonts" / "VeraBd.ttf"


def words(y: float, *places: tuple[str, float, float]) -> tuple[Word, ...]:
    return tuple(Word(text, BBox(x0, y, x1, y + 20), 0.9, origin="ocr") for text, x0, x1 in places)


def line(name: str, *own: Word) -> Line:
    return Line(name, own, BBox.around([word.bbox for word in own]))


def page(*lines: Line, kind: BlockKind = BlockKind.PARAGRAPH) -> Page:
    box = BBox.around([line.bbox for line in lines])
    block = Block("b", kind, box, tuple(line.id for line in lines))
    return Page(1, 600, 400, unit="px", dpi=96, lines=lines, blocks=(block,))


def test_buttons_beside_each_other_are_texts_of_their_own() -> None:
    one = line("a", *words(10, ("Cancel", 10, 70), ("Delete", 250, 310)))
    two = line("b", *words(10, ("account", 316, 380)))
    found = in_rows(page(one, two))
    assert [line.text for line in found.lines] == ["Cancel", "Delete account"]
    assert [block.lines for block in found.blocks] == [("a",), ("a.1",)]


def test_lines_of_a_paragraph_stay() -> None:
    one = line("a", *words(10, ("Some", 10, 60), ("words", 66, 120)))
    two = line("b", *words(34, ("and", 10, 50), ("more", 56, 100)))
    before = page(one, two)
    assert in_rows(before) == before


@pytest.mark.parametrize("rounded", [0, 14])
def test_a_text_knows_the_box_around_it(rounded: int) -> None:
    picture = Image.new("RGB", (400, 200), (250, 250, 252))
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((50, 40, 300, 100), rounded, fill=(25, 118, 210))
    draw.rectangle((100, 60, 200, 80), fill=(255, 255, 255))
    found = frame(np.asarray(picture), BBox(100, 60, 200, 80), 1.0)
    assert found is not None
    assert found == pytest.approx((50, 40, 301, 101), abs=1)
    assert frame(np.asarray(picture), BBox(310, 120, 350, 140), 1.0) is None


def test_new_text_stands_in_the_middle_of_its_button(tmp_path: Path) -> None:
    picture = Image.new("RGB", (620, 120), (250, 250, 252))
    draw = ImageDraw.Draw(picture)
    font = ImageFont.truetype(str(VERA), 26)
    for left, text in ((20, "Cancel"), (320, "Delete")):
        draw.rounded_rectangle((left, 30, left + 280, 90), 14, fill=(25, 118, 210))
        draw.text((left + 140, 60), text, font=font, fill=(255, 255, 255), anchor="mm")
    picture.save(tmp_path / "a.png")
    report = replace(tmp_path / "a.png", tmp_path / "b.png", mapping={"Cancel": "Go back to start"})
    assert report.count == 1
    after = np.asarray(Image.open(tmp_path / "b.png").convert("RGB")).astype(int)
    assert (after[:, 310:] == np.asarray(picture)[:, 310:]).all()
    columns = np.flatnonzero((after[40:80, 25:295, 0] > 200).any(axis=0)) + 25
    assert (columns[0] + columns[-1]) / 2 == pytest.approx(160, abs=3)
    assert columns[-1] - columns[0] > 150


def test_the_ground_beside_a_sloping_text_is_free() -> None:
    picture = Image.new("RGB", (400, 200), (90, 60, 50))
    draw = ImageDraw.Draw(picture)
    draw.polygon([(40, 20), (360, 60), (360, 180), (40, 140)], fill=(20, 70, 130))
    text = Polygon.of(((120, 60), (200, 70), (200, 100), (120, 90)))
    before, after = reach(np.asarray(picture), text, 1.0)
    assert before == pytest.approx(80, abs=4)
    assert after == pytest.approx(160, abs=4)
