"""Ask a document: every page is asked, the best page's answer wins, memory stays flat."""

from __future__ import annotations

import heapq
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .config import RunConfig, build, page_numbers
from .errors import UsageError
from .model import Answer, PageFailure, answer_to_json
from .qa.graph import build as graph_of
from .qa.passages import Passage
from .qa.question import Question, understand
from .stages.qa import (
    QaConfig,
    asks_engine,
    best_passages,
    by_engine,
    by_rules,
    checked,
)

if TYPE_CHECKING:
    from .io.base import Source
    from .pipeline import Pipeline
    from .qa.graph import Graph
    from .stage import Context

STAGE = "qa"
# Passages of a document kept for each question.
_PASSAGES = 12


@dataclass(frozen=True, slots=True)
class Found:
    """An answer and the page that it stands on; page None when the document does not say."""

    answer: Answer
    page: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as ``ask -f json`` shows it."""
        return answer_to_json(self.answer, self.page)


class _Asked:
    """One question over the pages of a document: the best answer so far, the best passages so far."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.best: tuple[float, Found] = (
            0.0,
            Found(Answer(question.text, None, 1.0)),
        )
        self._passages: list[tuple[float, int, Passage]] = []
        self._count = 0

    def see(
        self, graph: Graph, config: QaConfig, context: Context, passages: Sequence[Passage]
    ) -> None:
        """Ask one page."""
        answer, sure = by_rules(self.question, graph, config, context)
        if sure > self.best[0]:
            page = None if answer.text is None else graph.page.number
            self.best = (sure, Found(answer, page))
        for passage in passages[:_PASSAGES]:
            self._count += 1
            entry = (passage.score, -self._count, passage)
            if len(self._passages) < _PASSAGES:
                heapq.heappush(self._passages, entry)
            else:
                heapq.heappushpop(self._passages, entry)

    def pages(self, most: int) -> dict[int, list[Passage]]:
        """Return the pages with the best passages, each with its own, the best first."""
        found: dict[int, list[Passage]] = {}
        for _, _, passage in sorted(self._passages, reverse=True):
            if passage.page in found or len(found) < most:
                found.setdefault(passage.page, []).append(passage)
        return found


def ask(
    source: Source | str | os.PathLike[str],
    questions: Sequence[str],
    *,
    pipeline: Pipeline | None = None,
    options: QaConfig | None = None,
) -> list[Found]:
    """Return an answer to each question, in their order, with its page, place and confidence.

    Args:
        source: an open source, or the path of a PDF or an image.
        questions: what to ask, in any language that the dictionary of fields knows, or in the
            document's own words.
        pipeline: how pages are read; None takes the defaults.
        options: which reader answers and from which confidence on; None takes ``[stages.qa]``.

    Raises:
        UsageError: no question, or an empty one.
        EngineError: the engine alone is to answer and its checkpoint cannot.
        InputError, StageError: as elsewhere; with ``keep_going`` a page that fails is left out.
    """
    from .pipeline import Pipeline

    if not questions:
        raise UsageError("nothing was asked", hint='For example: "What is the total?"')
    pipeline = pipeline or Pipeline()
    config = options or options_of(pipeline.config)
    asked = [_Asked(understand(text)) for text in checked(questions)]
    from .redaction import opened

    with opened(source, pipeline) as document:
        run(document, asked, pipeline, config)
    return [item.best[1] for item in asked]


def options_of(config: RunConfig) -> QaConfig:
    """Return the options under ``[stages.qa]``."""
    return build(QaConfig, config.stages.get(STAGE, {}), where=f"stages.{STAGE}")


def run(
    source: Source, asked: Sequence[_Asked], pipeline: Pipeline, config: QaConfig
) -> list[PageFailure]:
    """Ask all pages of an open source; return the failures of pages that were left out."""
    context = pipeline.context
    numbers = page_numbers(pipeline.config.pages, source.info.page_count)
    failures: list[PageFailure] = []
    generates = config.reader == "engine" or (
        config.reader == "auto" and "answer" in context.abilities
    )
    kept: dict[int, Graph] = {}  # pages on which the engine may be asked
    for item in pipeline.pages(source, numbers):
        if isinstance(item, PageFailure):
            failures.append(item)
            continue
        graph = graph_of(item)
        context.source = source
        for one in asked:
            found = best_passages(one.question, graph, config, context) if generates else []
            one.see(graph, config, context, found)
        if generates:
            kept[item.number] = graph
            wanted = {number for one in asked for number in one.pages(config.pages)}
            kept = {number: graph for number, graph in kept.items() if number in wanted}
    if generates:
        _ask_engine(source, asked, kept, pipeline, config)
    return failures


def _ask_engine(
    source: Source,
    asked: Sequence[_Asked],
    kept: Mapping[int, Graph],
    pipeline: Pipeline,
    config: QaConfig,
) -> None:
    """Ask the engine where the rules were not sure, on the pages with the best passages."""
    pipeline.context.source = source
    for one in asked:
        if not asks_engine(one.best[1].answer, config, pipeline.context):
            continue
        for number, passages in one.pages(config.pages).items():
            graph = kept[number]
            rules, _ = by_rules(one.question, graph, config, pipeline.context)
            answer = by_engine(one.question, graph, passages, rules, config, pipeline.context)
            if answer.text is not None and answer.confidence > one.best[0]:
                one.best = (answer.confidence, Found(answer, number))
