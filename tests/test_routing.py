from __future__ import annotations

from docharmony.geometry import BBox
from docharmony.model import Line, Page, Word
from docharmony.routing import classify, picture_share

TEXT = Line("p1l1", (Word("Text", BBox(10, 10, 40, 20)),), BBox(10, 10, 40, 20))
HIDDEN = Line("p1l1", TEXT.words, TEXT.bbox, visible=False)
SHEET = BBox(0, 0, 600, 800)


def page(*lines: Line, images: tuple[BBox, ...] = (), has: tuple[str, ...] = ("lines",)) -> Page:
    return Page(1, 600, 800, lines=lines, images=images, has=frozenset(has))


def test_text_alone_is_digital() -> None:
    assert classify(page(TEXT)) == "digital"


def test_text_with_a_speck_of_a_picture_is_digital() -> None:
    assert classify(page(TEXT, images=(BBox(0, 0, 600, 2), BBox(5, 5, 15, 15)))) == "digital"


def test_text_with_a_picture_is_mixed() -> None:
    assert classify(page(TEXT, images=(BBox(100, 100, 300, 200),))) == "mixed"


def test_a_stamp_on_a_scan_is_mixed() -> None:
    assert classify(page(TEXT, images=(SHEET,))) == "mixed"


def test_no_text_is_a_scan() -> None:
    assert classify(page(images=(SHEET,), has=())) == "scan"
    assert classify(page(has=())) == "scan"


def test_hidden_text_over_a_picture_of_the_page_is_a_scan() -> None:
    assert classify(page(HIDDEN, images=(SHEET,))) == "scan"


def test_hidden_text_without_a_picture_stays_digital() -> None:
    assert classify(page(HIDDEN)) == "digital"


def test_untrusted_text_is_a_scan() -> None:
    assert classify(page(TEXT, has=("untrusted_text",))) == "scan"


def test_an_image_file_is_a_scan() -> None:
    assert classify(Page(1, 600, 800, "px")) == "scan"


def test_picture_share_stops_at_one() -> None:
    assert picture_share(page(images=(SHEET, SHEET))) == 1.0
    assert picture_share(Page(1, 0, 0)) == 0.0
