"""Strips of white between columns: found in tables, and not in running text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from docharmony.layout.streams import Row, Span, streams_of

# A word, and its cell's left edge, for each of three rows: the second column is 10 units of white away.
TABLE = (
    ("Northgate Dental", "Hollis and Wren", "Blue Heron Bakery"),
    ("12.01.", "19.01.", "26.01."),
)


def table() -> list[Row]:
    """Return rows of two columns and their heads."""
    rows = [Row(-12.0, 10.0, [Span(50.0, 95.0, "Customer"), Span(150.0, 175.0, "Issued")])]
    for number, (name, date) in enumerate(zip(*TABLE, strict=True)):
        words, x = [], 50.0
        for word in name.split():
            words.append(Span(x, x + 5.0 * len(word), word))
            x += 5.0 * len(word) + 2.8
        rows.append(Row(12.0 * number, 10.0, [*words, Span(150.0, 180.0, date)]))
    return rows


def test_a_column_begins_where_words_of_rows_do() -> None:
    (left, *_) = streams_of(table())
    assert {(row, table()[row].words[word].text) for row, word in left} == {
        (0, "Issued"),
        (1, "12.01."),
        (2, "19.01."),
        (3, "26.01."),
    }


@given(
    st.lists(st.lists(st.integers(2, 9), min_size=8, max_size=14), min_size=3, max_size=12),
    st.lists(st.floats(0.2, 1.0), min_size=1, max_size=12),
)
def test_justified_text_has_none(lines: list[list[int]], loose: list[float]) -> None:
    """However wide the spaces of a line are, they are alike."""
    rows = []
    for number, letters in enumerate(lines):
        space = (loose[number % len(loose)]) * 10.0
        words, x = [], 50.0
        for count in letters:
            words.append(Span(x, x + 5.0 * count, "w" * count))
            x += 5.0 * count + space
        rows.append(Row(12.0 * number, 10.0, words))
    assert streams_of(rows) == []


def test_numbers_of_headings_are_no_column() -> None:
    rows = [
        Row(12.0 * n, 10.0, [Span(50.0, 55.0, f"{n}"), Span(70.0, 200.0, "heading")])
        for n in range(6)
    ]
    assert streams_of(rows) == []
