"""Drafts, votes and places of characters: what surrounds the networks that read."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docharmony.engine import language, reading, tokenizer
from docharmony.engine.doubts import Piece
from docharmony.engine.language import ctc_scores
from docharmony.engine.reading import Draft, greedy
from docharmony.engine.spec import NANO


def logprobs(steps: list[int], classes: int = 257, sure: float = 0.9) -> np.ndarray:
    """CTC log-probabilities of a path that is taken with probability ``sure`` at every step."""
    table = np.full((len(steps), classes), (1 - sure) / (classes - 1), np.float32)
    table[np.arange(len(steps)), steps] = sure
    return np.log(table)


def path(text: str, per_byte: int = 6) -> list[int]:
    """A path that shows each byte once, between blanks."""
    steps = []
    for byte in text.encode():
        steps += [256] * (per_byte // 2) + [byte] + [256] * (per_byte - per_byte // 2 - 1)
    return steps


@given(st.text(max_size=30))
def test_tokens_give_the_text_back(text: str) -> None:
    try:
        ids = tokenizer.encode(text)
    except UnicodeEncodeError:  # lone surrogates are no text
        return
    assert tokenizer.decode([*ids, tokenizer.END]) == text


@given(st.lists(st.integers(0, 255), max_size=40))
def test_any_bytes_decode_to_characters_in_order(ids: list[int]) -> None:
    found = tokenizer.characters(ids)
    ends = [0, *(end for _, _, end in found)]
    for (character, start, end), before in zip(found, ends, strict=False):
        assert before <= start < end <= len(ids)
        assert bytes(ids[start:end]).decode() == character


def test_a_greedy_draft_merges_repeats_and_drops_blanks() -> None:
    draft = greedy(logprobs([256, 65, 65, 256, 65, 66, 256]))
    assert bytes(draft.ids) == b"AAB"
    assert draft.steps == [(1, 3), (4, 5), (5, 6)]
    assert draft.confidence == pytest.approx(0.9, abs=1e-4)
    assert greedy(logprobs([256] * 4)).confidence == 0.0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 2), max_size=3))
def test_ctc_scores_sum_over_all_paths(seed: int, text: list[int]) -> None:
    random = np.random.default_rng(seed)
    table = np.full((4, 257), -60.0, np.float32)
    table[:, [0, 1, 2, 256]] = np.log(random.dirichlet(np.ones(4), 4)).astype(np.float32)
    total = 0.0
    for steps in itertools.product((0, 1, 2, 256), repeat=4):
        merged = [code for code, _ in itertools.groupby(steps) if code != 256]
        if merged == text:
            total += float(np.exp(sum(table[i, code] for i, code in enumerate(steps))))
    other = [1, 1]
    scores = ctc_scores(table, [text, other])
    assert np.exp(scores[0]) == pytest.approx(total, rel=1e-3, abs=1e-12)
    assert ctc_scores(table, [other])[0] == pytest.approx(scores[1])


class Scripted:
    """A language model that insists on one text, or wavers between it and what it is offered."""

    def __init__(self, text: str, sure: float = 0.98, wavers: bool = False) -> None:
        self.target = [*text.encode(), tokenizer.END]
        self.sure, self.wavers = sure, wavers
        self.runs = 0

    def language(self, visual, ids, positions, bias, cache):  # type: ignore[no-untyped-def]
        self.runs += 1
        columns = 3
        out = np.full((*ids.shape, 272), (1 - self.sure) / 271)
        for row, token in np.ndindex(*ids.shape):
            place = positions[row, visual.shape[1] + token] - columns
            if ids[row, token] == tokenizer.PAD or place >= len(self.target):
                continue
            out[row, token, self.target[place]] = self.sure
            if self.wavers:
                following = ids[row, token + 1] if token + 1 < ids.shape[1] else tokenizer.PAD
                offered = tokenizer.END if following == tokenizer.PAD else following
                out[row, token, offered] = max(out[row, token, offered], 0.9 * (1 - self.sure))
        assert (bias.shape[2], bias.shape[3]) == (positions.shape[1], self.length(cache, positions))
        kept = np.zeros((len(ids), 1, bias.shape[3], 1), np.float32)
        return np.log(out).astype(np.float32), {"key_0": kept}

    def select(self, cache, rows):  # type: ignore[no-untyped-def]
        return {name: value[rows] for name, value in cache.items()}

    @staticmethod
    def length(cache, positions):  # type: ignore[no-untyped-def]
        return positions.shape[1] + (0 if cache is None else cache["key_0"].shape[2])


def check(model: Scripted, *tables: np.ndarray) -> list[str]:
    pieces = []
    for table in tables:
        draft = greedy(table)
        count, visual = len(draft.ids), np.zeros((3, 8), np.float32)
        pieces.append(Piece(0, count, draft, visual, table, np.ones(count + 1, bool)))
    written = language.check(model, pieces, 200)
    return [tokenizer.decode(line.ids) for line in written]


def test_an_agreed_draft_takes_one_run() -> None:
    model = Scripted("Grüße aus Łódź")
    assert check(model, logprobs(path("Grüße aus Łódź"))) == ["Grüße aus Łódź"]
    assert model.runs == 1


@pytest.mark.parametrize("wrong", ["intemal", "internall", "inernal", "ynternal", "internak"])
def test_a_small_slip_of_the_draft_is_repaired(wrong: str) -> None:
    table = logprobs(path(wrong), sure=0.5)
    # The image does not exclude the right letters, as it never does where a draft slips.
    table[:, list(b"internal")] = np.maximum(table[:, list(b"internal")], np.log(0.2))
    assert check(Scripted("internal", sure=0.999), table) == ["internal"]


@pytest.mark.parametrize(
    "vice",
    [
        "true or false depending on the current proposition",
        "true or false depending on the value of the value of the current proposition",
    ],
)
def test_skipped_and_repeated_words_are_refused(vice: str) -> None:
    text = "true or false depending on the value of the current proposition"
    model = Scripted(vice, sure=0.6, wavers=True)
    assert check(model, logprobs(path(text), sure=0.9)) == [text]


def test_lines_of_one_batch_do_not_disturb_each_other() -> None:
    tables = [logprobs(path(t), sure=0.6) for t in ("ab", "abcdefgh", "", "zz")]
    model = Scripted("abcdefgh")
    together = check(model, *tables)
    assert together == [check(model, table)[0] for table in tables]


def test_a_model_that_never_ends_is_stopped() -> None:
    (text,) = check(Scripted("x" * 500), logprobs(path("ab"), sure=0.3))
    assert len(text) < 40


@pytest.mark.parametrize(
    ("mixed", "wanted"),
    [
        ("\u041eктябрь", "\u041eктябрь"),
        ("Oктябрь", "\u041eктябрь"),  # Latin O
        ("Invоice", "Invoice"),  # Cyrillic o
        ("Łоdź", "Łodź"),  # Cyrillic o
        ("MAC", "MAC"),
        ("Aνθρωπος", "\u0391νθρωπος"),  # Latin A
        ("ξενοδοxείο", "ξενοδο\u03c7είο"),  # Latin x
        ("T\u039fTAL", "TOTAL"),  # Greek O
        ("Δx kΩ \u03bcm cosθ ΔABE αβ-Test", "Δx kΩ \u03bcm cosθ ΔABE αβ-Test"),
        ("Ωmega-яx_9", "Ωmega-\u044f\u0445_9"),
    ],
)
def test_a_word_is_written_in_one_script(mixed: str, wanted: str) -> None:
    assert reading.one_script(mixed) == wanted


@given(st.text("abc é€", min_size=1, max_size=20), st.text("abc é€", max_size=20))
def test_places_grow_and_stay_in_the_crop(drafted: str, text: str) -> None:
    draft = greedy(logprobs(path(drafted)))
    total = 6.0 * len(drafted.encode())
    places = reading.bounds(draft, text, total)
    assert len(places) in (0, len(text))
    assert len(places) == len(text) or not text or not drafted
    flat = [edge for pair in places for edge in pair]
    assert flat == sorted(flat)
    assert all(0.0 <= edge <= 1.0 for edge in flat)


def test_places_of_what_was_drafted_are_those_of_its_steps() -> None:
    places = reading.bounds(greedy(logprobs(path("abcd"))), "abcd", 24)
    assert np.allclose(places, [(0.0, 0.22), (0.22, 0.47), (0.47, 0.72), (0.72, 0.97)], atol=0.03)


@settings(deadline=None)
@given(st.integers(1, 900), st.integers(40, 300), st.integers(0, 2**32 - 1))
def test_long_lines_are_cut_whole_and_short_enough(width: int, limit: int, seed: int) -> None:
    crop = np.random.default_rng(seed).integers(0, 255, (48, width, 3), dtype=np.uint8)
    cuts = reading.pieces(crop, limit)
    assert cuts[0][0] == 0
    assert cuts[-1][1] == width
    assert all(a[1] == b[0] for a, b in itertools.pairwise(cuts))
    assert all(0 < end - start <= limit for start, end in cuts)


def test_long_lines_are_cut_in_gaps() -> None:
    crop = np.full((48, 1000, 3), 255, np.uint8)
    crop[10:40, ::3] = 0
    crop[:, 380:400] = crop[:, 760:790] = 255
    (_, first), (_, second), (_, end) = reading.pieces(crop, 500)
    assert 380 <= first <= 400
    assert 760 <= second <= 790
    assert end == 1000


def test_padding_continues_the_background() -> None:
    crop = np.full((48, 20, 3), (10, 200, 30), np.uint8)
    crop[20:24, 5:9] = 255
    padded = reading.pad(crop, reading.bucket(20, NANO.read))
    assert padded.shape[1] % 16 == 0
    assert padded.shape[1] >= 20 + NANO.read.right_padding
    assert (padded[:, 20:] == (10, 200, 30)).all()
    assert isinstance(greedy(logprobs([256])), Draft)
