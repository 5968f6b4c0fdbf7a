"""The engine as a judge of what the rules propose on several pages of a document."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from docharmony import asking
from docharmony.qa.graph import Graph, build
from docharmony.qa.question import understand
from docharmony.stages.qa import QaConfig, best_passages, by_rules

from .test_reader import Able, Judge, page

QUESTION = understand("Who is the contact?")
CONFIG = QaConfig(sure=1.0)


def sheets() -> dict[int, Graph]:
    texts = ("Contact: Ann Roe", "Contact: Bob Poe", "Minutes of the harbour board")
    made = [
        page((50, 50, text), (50, 90, f"Folio {n} of the file")) for n, text in enumerate(texts)
    ]
    return {n: build(replace(sheet, number=n)) for n, sheet in enumerate(made, 1)}


def judged(liked: str, *, passages_of: tuple[int, ...] = (1, 2, 3)) -> tuple[asking.Asked, Judge]:
    engine = Judge(liked)
    able: Any = Able(engine)
    graphs = sheets()
    one = asking.Asked(QUESTION)
    for number, graph in graphs.items():
        answer, sure = by_rules(QUESTION, graph, CONFIG, able)
        found = best_passages(QUESTION, graph, CONFIG, able) if number in passages_of else []
        one.see(graph.page, answer, sure, found)
    pipeline: Any = SimpleNamespace(context=able)
    asking._judge(one, one.pages(CONFIG.pages), graphs, pipeline, CONFIG)
    return one, engine


@pytest.mark.parametrize(("liked", "number"), [("Ann Roe", 1), ("Bob Poe", 2)])
def test_what_the_judge_likes_is_given_whatever_page_it_is_on(liked: str, number: int) -> None:
    one, _ = judged(liked)
    assert (one.best.answer.text, one.best.page) == (liked, number)
    assert one.sure == one.best.answer.confidence >= CONFIG.threshold


def test_where_the_judge_likes_nothing_the_document_is_silent() -> None:
    one, _ = judged("nobody")
    assert (one.best.answer.text, one.best.page, one.sure) == (None, None, 0.0)


def test_the_page_of_the_rules_own_answer_is_judged_though_no_passage_is_of_it() -> None:
    one, engine = judged("Ann Roe", passages_of=(3,))
    assert engine.judged, "the engine has seen what the rules propose"
    assert (one.best.answer.text, one.best.page) == ("Ann Roe", 1)


def test_nothing_of_its_own_comes_from_the_judge() -> None:
    one, engine = judged("the new cathedral")
    assert "the new cathedral" not in engine.judged
    assert one.best.answer.text is None
