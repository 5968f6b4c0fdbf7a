"""Rules under words: told from other rules, gone with the old words, drawn under the new ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

import docharmony
from docharmony import Line, Pipeline, Word, replace
from docharmony.geometry import BBox, Point
from docharmony.stage import Rule
from docharmony.stages.underlined import underlines

LINE = Line("l", (Word("See", BBox(50, 90, 70, 102)), Word("it", BBox(75, 90, 85, 102))),
            BBox(50, 90, 85, 102))  # fmt: skip


def rule(x0: float, x1: float, y: float, width: float = 0.6) -> Rule:
    return Rule(Point(x0, y), Point(x1, y), width)


@pytest.mark.parametrize(
    ("drawn", "found"),
    [
        (rule(75, 85, 101.2), [(75, 85)]),
        (rule(40, 95, 101.2), []),  # the border of a cell
        (rule(75, 85, 106), []),  # below the line
        (rule(75, 85, 95), []),  # through it
        (rule(75, 85, 101.2, 3.0), []),  # a bar
    ],
)
def test_what_underlines(drawn: Rule, found: list[tuple[float, float]]) -> None:
    assert [(u.x0, u.x1) for u in underlines(LINE, [drawn], 100, 10)] == found


def test_gaps_for_descenders_do_not_part_a_rule() -> None:
    (only,) = underlines(LINE, [rule(50, 60, 101.2), rule(63, 70, 101.2)], 100, 10)
    assert (only.x0, only.x1, len(only.boxes)) == (50, 70, 2)
    assert only.look == (0.12, 0.06)


@pytest.mark.parametrize(
    ("mapping", "first", "last"),
    [
        ({"yearly report": "summary"}, "summary", "summary"),
        ({"yearly report": "account of everything that was done"}, "account", "done"),
        ({"Please": "You can, whenever it suits you,"}, "yearly", "report"),
    ],
)
def test_new_words_are_underlined_where_the_old_ones_were(
    tmp_path: Path, mapping: dict[str, str], first: str, last: str
) -> None:
    path, out = tmp_path / "a.pdf", tmp_path / "b.pdf"
    canvas = Canvas(str(path), pagesize=(400, 200), invariant=True)
    canvas.setFont("Helvetica", 12)
    text = "Please read the yearly report today."
    canvas.drawString(40, 150, text)
    start = 40 + canvas.stringWidth("Please read the ", "Helvetica", 12)
    end = start + canvas.stringWidth("yearly report", "Helvetica", 12)
    canvas.setLineWidth(0.7)
    canvas.line(start, 148.4, end, 148.4)
    canvas.line(20, 120, 380, 120)
    canvas.save()
    report = replace(path, out, mapping=mapping, pipeline=Pipeline())
    assert report.count == 1
    with docharmony.open(out) as after:
        page, drawn = after.page(1), after.graphics(1)
    under, ruled = sorted(drawn.rules, key=lambda rule: rule.start.y)
    assert ruled.width == pytest.approx(0.5, abs=0.6)
    boxes = {word.text: word.bbox for line in page.lines for word in line.words}
    assert under.start.y == pytest.approx(51.6, abs=0.6)
    assert min(under.start.x, under.end.x) == pytest.approx(boxes[first].x0, abs=1)
    assert max(under.start.x, under.end.x) == pytest.approx(boxes[last].x1, abs=1)
