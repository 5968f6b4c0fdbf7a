"""What stands on lines that were set anew is sought letter by letter, not as parsers make words of it."""

from __future__ import annotations

from pathlib import Path

import pymupdf
import pytest

from docharmony.io.moves import Move
from docharmony.io.verify_moves import Went, rest_check
from docharmony.io.write.pdf_area import Area

BASELINE, SIZE = 150.0, 10.0
HOURS = ("02.00", "03.00", "04.00", "05.00")


def drawn(path: Path, space: int, nudge: float = 0.0) -> list[float]:
    """Draw the hours with spaces of so many thousandths of an em; return where each begins and ends."""
    width = pymupdf.get_text_length(HOURS[0], "helv", SIZE)
    starts = [50 + index * (width + space / 1000 * SIZE) for index in range(len(HOURS))]
    show = b" ".join(
        b"1 0 0 1 %.3f %.3f Tm (%s) Tj" % (x + nudge * (x > 60), 200 - BASELINE, text.encode())
        for x, text in zip(starts, HOURS, strict=True)
    )
    with pymupdf.open() as document:
        page = document.new_page(width=300, height=200)
        page.insert_text((0, 0), " ", fontname="helv")
        document.update_stream(page.get_contents()[0], b"BT /helv %g Tf %s ET" % (SIZE, show))
        document.save(path)
    return [place for start in starts for place in (start, start + width)]


@pytest.mark.parametrize(("nudge", "passed"), [(0.0, True), (2.5, False)])
def test_words_that_a_parser_joins_are_told_from_words_that_moved(
    tmp_path: Path, nudge: float, passed: bool
) -> None:
    source, out = tmp_path / "a.pdf", tmp_path / "b.pdf"
    knots = tuple(zip(drawn(source, 300), drawn(out, 60, nudge), strict=True))
    with pymupdf.open(source) as one, pymupdf.open(out) as two:
        assert len(one[0].get_text("words")) == 4
        assert len(two[0].get_text("words")) < 4
    move = Move((0.0, BASELINE), (1.0, 0.0), SIZE, (-8.0, 3.0), knots, ())
    far = [Area([(0.0, 0.0), (9.0, 0.0), (9.0, 9.0)])]
    went = Went([move], str(source), None, 1, far)
    assert rest_check(str(out), str(source), None, 1, far, went)[1] is passed
