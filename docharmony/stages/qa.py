"""Stage ``qa``: answers questions on each page, by rules first, by the engine where it can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from ..engine.base import Rater
from ..errors import UsageError
from ..geometry import BBox
from ..model import Answer, Page
from ..qa.evidence import gainsaid
from ..qa.graph import Graph, build
from ..qa.ground import ground
from ..qa.passages import Passage, context, passages, rated
from ..qa.question import LONGEST, Question, understand
from ..qa.reader import SILENT, Reply, candidates, together
from ..qa.words import similarity
from ..stage import Context, Stage

RULES = "rules"
# Two readers say the same when their answers are this much alike.
_SAME = 0.85


@dataclass(frozen=True, slots=True)
class QaConfig:
    """Options under ``[stages.qa]``."""

    questions: tuple[str, ...] = ()
    """What to ask of each page."""

    reader: Literal["auto", "rules", "engine"] = "auto"
    """``rules``: the deterministic reader alone; ``engine``: the engine alone; ``auto``: rules, and the
    engine where they are not sure and the checkpoint can answer."""

    threshold: float = 0.4
    """Answers with less confidence (0.0-1.0) are not given."""

    sure: float = 0.8
    """From this confidence on the rules' answer stands without asking the engine."""

    context: int = 2000
    """Characters of the page's passages that the engine sees, the best first."""

    pages: int = 3
    """Pages of a document on which the engine is asked, those with the best passages."""

    embedder: str = ""
    """A registered embedder that helps to find passages; empty: by their words alone."""


def checked(questions: Sequence[str]) -> tuple[str, ...]:
    """Return the questions; raise UsageError for an empty one."""
    for number, question in enumerate(questions, 1):
        if not any(character.isalnum() for character in question):
            raise UsageError(
                "a question is empty",
                where=f"question {number}",
                hint='Ask in words, e.g. "What is the invoice number?".',
            )
    return tuple(questions)


class QaStage(Stage):
    """Adds ``Page.answers``, one for each question, with ``text`` None where the page does not say."""

    name: ClassVar[str] = "qa"
    Config: ClassVar[type[QaConfig]] = QaConfig
    requires: ClassVar[frozenset[str]] = frozenset({"lines", "blocks"})
    provides: ClassVar[frozenset[str]] = frozenset({"answers"})
    config: QaConfig

    def __init__(self, config: QaConfig | None = None) -> None:
        super().__init__(config)
        self._questions = [understand(text) for text in checked(self.config.questions)]

    def process(self, page: Page, ctx: Context) -> Page:
        """Return the page with an answer to each question, in their order.

        Raises:
            EngineError: ``reader = "engine"`` and the checkpoint cannot answer.
        """
        graph = build(page)
        answers = []
        for question in self._questions:
            answer, _ = by_rules(question, graph, self.config, ctx)
            if asks_engine(answer, self.config, ctx):
                found = best_passages(question, graph, self.config, ctx)
                answer = by_engine(question, graph, found, answer, self.config, ctx)
            answers.append(answer)
        return page.provide("answers", answers=(*page.answers, *answers))


def by_rules(
    question: Question, graph: Graph, config: QaConfig, ctx: Context
) -> tuple[Answer, float]:
    """Return the deterministic reader's answer, and the confidence of its best candidate.

    With ``reader = "engine"`` it says nothing.
    """
    if config.reader == "engine":
        return Answer(question.text, None, 1.0, reader=ctx.checkpoint), 0.0
    found = candidates(question, graph, lambda: ctx.raster(graph.page))
    best = found[0] if found else SILENT
    sure = best.confidence if best.text is not None else 0.0
    if sure < config.threshold:
        return Answer(question.text, None, 1.0 - sure, reader=RULES), sure
    return _answer(question, best), sure


def asks_engine(answer: Answer, config: QaConfig, ctx: Context) -> bool:
    """Return whether the engine is to be asked after the rules' answer."""
    if config.reader == "engine":
        return True
    unsure = answer.text is None or answer.confidence < config.sure
    return config.reader == "auto" and unsure and "answer" in ctx.abilities


def best_passages(
    question: Question, graph: Graph, config: QaConfig, ctx: Context
) -> list[Passage]:
    """Return the passages of a page, those that fit the question best first."""
    found = passages(graph)
    if sum(len(passage.text) + 2 for passage in found) <= config.context:
        # Everything fits: in reading order, the engine sees the same for every question on the page.
        scores = {p.text: p.score for p in rated(question, found)}
        return [replace(passage, score=scores[passage.text]) for passage in found]
    embedder = ctx.embedder(config.embedder) if config.embedder else None
    return rated(question, found, embedder)


def by_engine(
    question: Question,
    graph: Graph,
    found: Sequence[Passage],
    rules: Answer,
    config: QaConfig,
    ctx: Context,
) -> Answer:
    """Return the better of the engine's answer and the rules' one.

    With ``auto``, an engine that can judge answers chooses among what the rules propose, and writes
    nothing of its own. Of any other one, an answer that does not stand on the page is refused; with
    ``auto`` also one that the rules contradict, and one of another kind than was asked for.
    """
    page = graph.page
    text = context(found, config.context)
    if not text:
        return rules
    asked = question.text[:LONGEST]
    if config.reader == "auto" and isinstance(ctx.engine, Rater):
        return _judged(question, graph, text, rules, config, ctx)
    reading = ctx.engine.answer([ctx.raster(page)], asked, context=text)[0]
    written = bool(reading.text.strip())
    spans = ground(reading.text, page) if written else None
    if spans is None:
        if config.reader == "engine":
            # What it wrote and does not stand there says little about the document.
            silent = min(0.5, 1 - reading.confidence) if written else reading.confidence
            return replace(rules, confidence=silent)
        return rules
    by_id = {line.id: line for line in page.lines}
    shown = " ".join(by_id[span.line].text[span.start : span.end] for span in spans)
    if config.reader == "auto":
        # Where the rules answer, the engine may agree; where they are silent, it must make sense.
        near = " ".join(by_id[span.line].text for span in spans)
        same = rules.text is not None and similarity(rules.text.lower(), shown.lower()) >= _SAME
        if gainsaid(question, shown, near) or (rules.text is not None and not same):
            return rules
    confidence = reading.confidence
    for other in candidates(question, graph):
        if other.text is not None and similarity(other.text.lower(), shown.lower()) >= _SAME:
            confidence = 1 - (1 - confidence) * (1 - other.confidence)
            break
    known = rules.confidence if rules.text is not None else 0.0
    if confidence < max(config.threshold, known):
        return rules
    box = BBox.around([by_id[span.line].bbox for span in spans])
    lines = tuple(dict.fromkeys(span.line for span in spans))
    return Answer(question.text, shown, confidence, box, lines, ctx.checkpoint, spans)


def _judged(
    question: Question, graph: Graph, text: str, rules: Answer, config: QaConfig, ctx: Context
) -> Answer:
    """Return what the rules and the engine together hold most likely of what the rules propose.

    The engine is named as the reader where the rules alone would have said otherwise.
    """
    engine = ctx.engine
    if question.operation in ("yesno", "compare") or not isinstance(engine, Rater):
        return rules
    seen = candidates(question, graph, lambda: ctx.raster(graph.page))
    found = [reply for reply in seen if reply.text]
    if not found:
        return rules
    rates = engine.rate(question.text[:LONGEST], text, [reply.text or "" for reply in found])
    sure = [together(reply.confidence, rate) for reply, rate in zip(found, rates, strict=True)]
    best = max(range(len(found)), key=lambda index: sure[index])
    if sure[best] < config.threshold:
        return Answer(question.text, None, 1.0 - sure[best], reader=RULES)
    answer = replace(_answer(question, found[best]), confidence=sure[best])
    return answer if answer.text == rules.text else replace(answer, reader=ctx.checkpoint)


def _answer(question: Question, reply: Reply) -> Answer:
    return Answer(
        question.text,
        reply.text,
        reply.confidence,
        reply.bbox,
        reply.evidence,
        RULES,
        reply.spans,
    )
