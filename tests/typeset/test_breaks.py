"""Where lines end."""

from __future__ import annotations

import pytest

from docharmony.typeset.breaks import pieces_of
from docharmony.typeset.fit import Wish, fit


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in pieces_of(text)]


def wide(text: str, start: int = 0) -> float:
    """A face in which ideographs are an em wide, and all else half of one."""
    return sum(1.0 if ord(c) > 0x2E80 else 0.5 for c in text)


def test_thai_words_stay_whole() -> None:
    pieces = cut("ขอขอบคุณลูกค้าทุกท่านสำหรับความไว้วางใจ ในปีหน้า")
    assert {"ลูกค้า", "ทุก", "ท่าน", "สำหรับ"} <= set(pieces)
    assert pieces[-1] == "หน้า"
    assert all(len(piece.strip()) > 1 for piece in pieces)
    assert "".join(pieces) == "ขอขอบคุณลูกค้าทุกท่านสำหรับความไว้วางใจ ในปีหน้า"


@pytest.mark.parametrize("space", ["\u00a0", "\u202f"])
def test_no_line_ends_at_a_no_break_space(space: str) -> None:
    assert cut(f"um 12{space}% mehr") == ["um ", f"12{space}% ", "mehr"]
    layout = fit(Wish(f"aaa 12{space}%", 30, 60, 10), wide)
    assert layout is not None
    assert [line.text for line in layout.lines] == ["aaa", f"12{space}%"]


def test_signs_do_not_begin_or_end_lines() -> None:
    assert cut("「本」、本") == ["「本」、", "本"]


def test_lines_without_spaces_are_justified() -> None:
    layout = fit(Wish("本日は晴天なり。" * 6, 105, 200, 10, align="justify"), wide)
    assert layout is not None
    *full, last = layout.lines
    assert len(full) > 2
    assert all(line.width == pytest.approx(105) for line in full)
    assert all(0 <= line.word_space <= 2.5 for line in full)
    assert last.word_space == 0
    assert full[0].spread("本日") == pytest.approx(2 * full[0].word_space)
