"""What of a line the language model is asked about."""

from __future__ import annotations

import numpy as np
import pytest

from docharmony.engine import doubts, tokenizer
from docharmony.engine.language import Written
from docharmony.engine.reading import greedy

SUBSTEPS = 6
TEXT = "An invoice of the fourth of March is to be paid within thirty days of its receipt."


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show few words around a doubt, so that short lines have several pieces."""
    monkeypatch.setattr(doubts, "_BEFORE", 10)
    monkeypatch.setattr(doubts, "_AFTER", 4)


def table(text: str = TEXT) -> np.ndarray:
    """Return the log-probabilities of a reader that is sure: a letter, then two blank steps."""
    steps = -(-len(text) * 3 // SUBSTEPS) * SUBSTEPS
    shares = np.full((steps, 257), 1e-6)
    shares[:, tokenizer.BLANK] = 1.0
    for place, code in enumerate(text.encode("ascii")):
        shares[3 * place] = 1e-6
        shares[3 * place, code] = 1.0
    return np.log(shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


def split(ctc: np.ndarray, step: int, share: float, code: int) -> None:
    """Give another symbol a share of a step."""
    best = ctc[step].argmax()
    ctc[step, best], ctc[step, code] = np.log(1 - share), np.log(share)


def pieces(ctc: np.ndarray) -> list[doubts.Piece]:
    columns = np.arange(len(ctc) // SUBSTEPS, dtype=np.float32)
    return doubts.pieces(greedy(ctc), np.repeat(columns[:, None], 8, axis=1), ctc)


def test_a_sure_line_is_not_checked() -> None:
    assert pieces(table()) == []


def test_a_line_in_which_nothing_was_read_is_checked_whole() -> None:
    blank = table(" " * 20)
    blank[:, ord(" ")], blank[:, tokenizer.BLANK] = -14.0, 0.0
    (piece,) = pieces(blank)
    assert (piece.start, piece.end, len(piece.visual)) == (0, 0, 10)


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (3 * TEXT.index("fourth"), ord("t")),  # another letter
        (3 * TEXT.index("fourth") + 1, ord("i")),  # one more where none was read
    ],
)
def test_words_around_a_doubt_are_checked(step: int, code: int) -> None:
    ctc = table()
    split(ctc, step, 0.3, code)
    (piece,) = pieces(ctc)
    words = TEXT[piece.start : piece.end]
    assert words == tokenizer.decode(piece.draft.ids) == "invoice of the fourth"
    # What it shows begins and ends with these words, give or take a letter.
    assert abs(piece.visual[0, 0] * SUBSTEPS - 3 * piece.start) <= SUBSTEPS
    assert abs((piece.visual[-1, 0] + 1) * SUBSTEPS - 3 * piece.end) <= SUBSTEPS
    assert tokenizer.decode(greedy(piece.ctc).ids) == words
    assert [piece.ctc[a].argmax() for a, _ in piece.draft.steps] == piece.draft.ids
    assert piece.doubtful.tolist() == [words[max(0, i - 3) : i + 4].find("f") >= 0 and i > 11
                                       for i in range(len(words) + 1)]  # fmt: skip


def test_where_a_letter_is_shown_does_not_matter() -> None:
    ctc = table()
    for place in range(1, len(TEXT)):
        if TEXT[place] != TEXT[place - 1]:
            split(ctc, 3 * place - 1, 0.4, ord(TEXT[place]))  # or a step earlier
    assert pieces(ctc) == []


def test_two_letters_alike_need_a_blank_between_them() -> None:
    ctc = table("wait for a telling sign")
    step = 3 * len("wait for a tell") - 5  # between the two
    for blank in (step, step + 1):
        split(ctc, blank, 0.4, ord("l"))
    (piece,) = pieces(ctc)
    assert "telling" in tokenizer.decode(piece.draft.ids)


def test_far_doubts_are_checked_apart_and_put_together() -> None:
    ctc = table()
    for word, code in (("invoice", "l"), ("receipt", "c")):
        split(ctc, 3 * TEXT.index(word), 0.3, ord(code))
    first, second = pieces(ctc)
    assert first.end < second.start
    written = {
        id(first): Written(list(b"An INVOICE"), [-0.1] * 10 + [-9.0], 1),
        id(second): Written([*second.draft.ids, ord("!")], [0.0] * (len(second.draft.ids) + 2), 1),
    }
    draft = greedy(ctc)
    ids, confidence = doubts.join(draft, [first, second], written)
    assert tokenizer.decode(ids) == TEXT.replace("invoice", "INVOICE") + "!"
    assert confidence == pytest.approx(np.exp(-1.0 / (len(TEXT) + 2)), rel=1e-3)


def test_a_line_in_doubt_all_over_is_checked_whole() -> None:
    ctc = table()
    for place in range(0, len(TEXT), 12):
        split(ctc, 3 * place, 0.3, ord("#"))
    (piece,) = pieces(ctc)
    assert (piece.start, piece.end) == (0, len(TEXT))
    assert piece.doubtful.all()
