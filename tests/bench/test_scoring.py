"""The benchmark's own arithmetic: a benchmark that counts wrongly is worse than none."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture
def scoring(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    import scoring

    return scoring


@pytest.fixture
def pages(scoring: ModuleType) -> ModuleType:
    import pages

    return pages


def test_equal_text_scores_full_marks_in_any_order(scoring: ModuleType) -> None:
    one = scoring.Placed("one", (0, 0, 30, 10))
    two = scoring.Placed("two", (40, 0, 70, 10))
    below = scoring.Placed("below", (0, 20, 50, 30))
    score = scoring.score([[one, two], [below]], [below, two, one])
    assert (score.f1, score.cer) == (1, 0)
    assert (score.truth_words, score.truth_characters) == (3, 11)


def test_misses_insertions_and_changes_count(scoring: ModuleType) -> None:
    line = [scoring.Placed("one", (0, 0, 30, 10)), scoring.Placed("two", (40, 0, 70, 10))]
    read = [scoring.Placed("onc", (0, 0, 30, 10)), scoring.Placed("far", (500, 500, 530, 510))]
    score = scoring.score([line], read)
    assert (score.hits, score.truth_words, score.read_words) == (0, 2, 2)
    # one letter changed, three missing, three where the truth has nothing
    assert score.edits == 7
    total = score + scoring.score([line], line)
    assert total.f1 == pytest.approx(0.5)
    assert total.cer == pytest.approx(7 / 12)


def test_ligatures_quotes_dashes_and_leaders_do_not_count(scoring: ModuleType) -> None:
    truth = [scoring.Placed(t, (50 * n, 0, 50 * n + 40, 10)) for n, t in enumerate(["“ﬁne”", "–"])]
    read = [scoring.Placed(t, (50 * n, 0, 50 * n + 40, 10)) for n, t in enumerate(['"fine"', "-"])]
    assert scoring.score([truth], read).f1 == 1
    assert scoring.fold("Index........") == "Index"
    assert scoring.fold("....") == ""


def test_a_word_is_compared_with_the_line_it_lies_in(scoring: ModuleType) -> None:
    left = [scoring.Placed("left", (0, 0, 40, 10))]
    right = [scoring.Placed("right", (300, 0, 350, 10))]
    read = [scoring.Placed("right", (302, 1, 350, 11)), scoring.Placed("left", (1, -1, 41, 9))]
    assert scoring.score([left, right], read).edits == 0


def test_a_degraded_page_is_the_same_each_time_and_maps_back(pages: ModuleType) -> None:
    clean = np.full((300, 400, 3), 255, np.uint8)
    clean[60:64, 330:334] = 0
    scan, back = pages.degrade(clean, seed=3)
    again, _ = pages.degrade(clean, seed=3)
    assert np.array_equal(scan, again)
    y, x = np.unravel_index(scan[..., 0].argmin(), scan.shape[:2])
    assert back @ (x, y, 1) == pytest.approx((331.5, 61.5), abs=3)


def test_the_pages_of_the_repository_have_a_truth(pages: ModuleType) -> None:
    path = Path(__file__).parent.parent / "resources" / "bench" / "pages.pdf"
    (page,) = pages.load(path, limit=1)
    assert page.clean.shape[2] == 3
    assert sum(len(line) for line in page.lines) > 80
