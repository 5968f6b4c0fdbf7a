"""Made documents: repeatable, true to their text layer and boxes, split by construction. No torch."""

from __future__ import annotations

import re

import pymupdf
import pytest
from docharmony_train.data.qa import KINDS, LANGUAGES, SPLITS, make, scan
from docharmony_train.data.qa.layout import _CHOICES
from docharmony_train.data.qa.words import HELD_OUT, load


def squeezed(text: str) -> str:
    return re.sub(r"[\s,\xa0]", "", text)


@pytest.mark.parametrize("split", SPLITS)
def test_every_answer_stands_in_its_box_on_its_page(split: str) -> None:
    for seed in range(16):
        made = make(seed, split)
        with pymupdf.open(stream=made.pdf, filetype="pdf") as document:
            for question in made.questions:
                if question.page is None:
                    assert question.kind in ("count", "unanswerable")
                    continue
                assert question.bbox is not None
                x0, y0, x1, y1 = question.bbox
                page = document[question.page - 1]
                assert 0 <= x0 < x1 <= page.rect.width + 1
                assert 0 <= y0 < y1 <= page.rect.height
                there = page.get_textbox(pymupdf.Rect(x0 - 1, y0 - 1, x1 + 1, y1 + 1))
                answer = next(iter(question.answers))
                assert squeezed(answer) in squeezed(there), (seed, made.kind, question)


def test_a_seed_makes_the_same_document_again() -> None:
    first, second, other = make(7), make(7), make(8)
    assert first.pdf == second.pdf
    assert first.questions == second.questions
    assert first.pdf != other.pdf


def test_what_is_held_out_is_never_in_development() -> None:
    assert not set(LANGUAGES["dev"]) & set(LANGUAGES["languages"])
    dev, test = set(), set()
    for seed in range(40):
        made = make(seed, "dev")
        assert made.kind in KINDS["dev"]
        dev.add(made.layout)
        test.add(make(seed, "test").layout)
        forms = load(made.language)["ask"]
        unseen = {phrases[HELD_OUT] for phrases in forms.values() if "{" not in phrases[HELD_OUT]}
        assert not unseen & {q.text for q in made.questions if q.language == made.language}
    assert not dev & test
    assert len(dev) > 30
    for lists in _CHOICES.values():
        shared = set(lists[0]) & set(lists[1])
        assert shared <= {"a4"}


def test_unanswerable_questions_ask_for_what_is_not_printed() -> None:
    asked = 0
    for seed in range(40):
        made = make(seed)
        for question in made.questions:
            if question.kind == "unanswerable":
                asked += 1
                assert question.answers == ()
            else:
                assert question.answers
                assert all(question.answers)
    assert asked > 40


def test_all_languages_have_all_words() -> None:
    english = load("en")
    for language in {*LANGUAGES["dev"], *LANGUAGES["languages"]}:
        words = load(language)
        assert set(words) == set(english)
        for table in ("titles", "words", "ask", "concept", "special"):
            assert set(words[table]) == set(english[table])
            for key, forms in words[table].items():
                assert len(forms) > HELD_OUT or key == "greeting"


def test_a_scan_keeps_the_way_back() -> None:
    made = make(3)
    question = next(q for q in made.questions if q.bbox)
    assert question.page is not None
    assert question.bbox is not None
    spoiled = scan(made.pdf, question.page, seed=5, dpi=100)
    x0, y0, x1, y1 = (round(v) for v in spoiled.place(question.bbox))
    ink = spoiled.pixels[y0:y1, x0:x1].mean(axis=2)
    assert ink.min() < spoiled.pixels.mean() - 40  # letters stand there
    assert (scan(made.pdf, question.page, seed=5, dpi=100).pixels == spoiled.pixels).all()
