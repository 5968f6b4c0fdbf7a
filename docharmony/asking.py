"""Ask a document: every page is asked, the best page's answer wins, memory stays flat."""

from __future__ import annotations

import heapq
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .config import RunConfig, build, page_numbers
from .engine.base import Rater
from .errors import RedactionLeakError, UsageError
from .geometry import BBox
from .model import Answer, Page, PageFailure
from .pipeline import opened
from .qa.graph import build as graph_of
from .qa.passages import Passage
from .qa.question import Question, understand
from .qa.tables import figure, goes_on
from .schema import answer_to_json
from .stages.qa import (
    QaConfig,
    asks_engine,
    best_passages,
    by_engine,
    by_rules,
    checked,
)
from .stages.redact import all_terms

if TYPE_CHECKING:
    from .io.base import Source
    from .model import Edit, Origin
    from .pipeline import Pipeline
    from .qa.graph import Graph
    from .searching import Found as Redactions
    from .stages.redact import RedactConfig

log = logging.getLogger(__name__)

STAGE = "qa"
# Passages of a document kept for each question.
_PASSAGES = 12


@dataclass(frozen=True, slots=True)
class Piece:
    """The part of an answer on one line: its text, and the box around its words in page units."""

    text: str
    bbox: BBox


@dataclass(frozen=True, slots=True)
class Found:
    """An answer and the page that it stands on; page None when the document does not say.

    ``pieces`` are the very places of the answer; none for an answer that was computed. ``origin``
    says where the words of its evidence come from: the text layer, or the pixels.
    """

    answer: Answer
    page: int | None = None
    pieces: tuple[Piece, ...] = ()
    origin: Origin | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as ``ask -f json`` shows it."""
        return answer_to_json(self.answer, self.page) | {"origin": self.origin}


class Asked:
    """One question over the pages of a document: the best answer so far, the best passages so far."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self._passages: list[tuple[float, int, Passage]] = []
        self._count = 0
        self.forget()

    def forget(self) -> None:
        """Be as new."""
        self.best, self.sure = Found(Answer(self.question.text, None, 1.0)), 0.0
        self._figure: float | None = None
        self._passages.clear()

    def see(self, page: Page, answer: Answer, sure: float, passages: Sequence[Passage]) -> None:
        """Take what the rules say to one page, and its passages for the engine."""
        if sure > self.sure:
            self.sure, self.best = sure, found_on(page, answer)
        for passage in passages[:_PASSAGES]:
            self._count += 1
            entry = (passage.score, -self._count, passage)
            if len(self._passages) < _PASSAGES:
                heapq.heappush(self._passages, entry)
            else:
                heapq.heappushpop(self._passages, entry)

    def see_table(self, graph: Graph, before: Graph | None, answer: Answer, sure: float) -> bool:
        """Take what a table says that may go on over pages; False where none of this page does.

        Entries add up; of the highest and the lowest the better one stays, whatever page it is on.
        """
        if answer.text is None:
            return False
        own = figure(self.question, graph, answer.text)
        known, self._figure = self._figure, own
        if own is None or known is None or not goes_on(graph, before):
            return False
        if self.question.operation == "count":
            self._figure = own + known
            total = replace(answer, text=f"{self._figure:.0f}")
            self.sure, self.best = max(self.sure, sure), found_on(graph.page, total)
        elif (own > known) == (self.question.operation == "most"):
            self.sure, self.best = max(self.sure, sure), found_on(graph.page, answer)
        else:
            self._figure = known
        return True

    def pages(self, most: int) -> dict[int, list[Passage]]:
        """Return the pages with the best passages, each with its own, the best first."""
        found: dict[int, list[Passage]] = {}
        for _, _, passage in sorted(self._passages, reverse=True):
            if passage.page in found or len(found) < most:
                found.setdefault(passage.page, []).append(passage)
        return found


def found_on(page: Page, answer: Answer) -> Found:
    """Return an answer with its page and its pieces there."""
    if answer.text is None:
        return Found(answer)
    lines = {line.id: line for line in page.lines}
    pieces = []
    for span in answer.spans:
        line = lines[span.line]
        boxes, at = [], 0
        for word in line.words:
            if at < span.end and at + len(word.text) > span.start:
                boxes.append(word.bbox)
            at += len(word.text) + 1
        pieces.append(Piece(line.text[span.start : span.end], BBox.around(boxes)))
    origins = {lines[name].origin for name in answer.evidence}
    origin: Origin | None = None if not origins else "ocr" if "ocr" in origins else "pdf"
    return Found(answer, page.number, tuple(pieces), origin)


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
    asked = [Asked(understand(text)) for text in checked(questions)]
    with opened(source, pipeline) as document:
        run(document, asked, pipeline, config)
    return [item.best for item in asked]


def options_of(config: RunConfig) -> QaConfig:
    """Return the options under ``[stages.qa]``."""
    return build(QaConfig, config.stages.get(STAGE, {}), where=f"stages.{STAGE}")


def run(
    source: Source,
    asked: Sequence[Asked],
    pipeline: Pipeline,
    config: QaConfig,
    *,
    also: Callable[[Graph], None] | None = None,
) -> list[PageFailure]:
    """Ask all pages of an open source; return the failures of pages that were left out.

    ``also`` is handed each page's graph, in page order; a page that comes a second time takes the place
    of what it said before.

    No answer rests on letters that nobody looked at: before the text layer of a page counts, what its
    fonts claim is compared with what the engine reads. When they lie, all pages are asked anew, and
    what stands there in lying letters is read from the pixels.
    """
    try:
        return _ask_pages(source, asked, pipeline, config, also, doubts=pipeline.believes)
    except _LyingError as error:
        log.warning(
            "page %d: the text layer says other than the page shows; it is checked, and read from "
            "pixels where it lies",
            error.page,
        )
        for one in asked:
            one.forget()
        return _ask_pages(source, asked, pipeline.checking(), config, also, doubts=False)


class _LyingError(Exception):
    """The fonts of a page lie."""

    def __init__(self, page: int) -> None:
        super().__init__(page)
        self.page = page


def _ask_pages(
    source: Source,
    asked: Sequence[Asked],
    pipeline: Pipeline,
    config: QaConfig,
    also: Callable[[Graph], None] | None,
    *,
    doubts: bool,
) -> list[PageFailure]:
    """Ask all pages; raise _LyingError on a page that counts and lies, if there are doubts."""
    context = pipeline.context
    numbers = page_numbers(pipeline.config.pages, source.info.page_count)
    failures: list[PageFailure] = []
    generates = config.reader == "engine" or (
        config.reader == "auto" and "answer" in context.abilities
    )
    doubts = doubts and "read" in context.abilities
    kept: dict[int, Graph] = {}  # pages on which the engine may be asked

    before: Graph | None = None

    def check(page: Page) -> None:
        if doubts and pipeline.letters.lie(source, page):
            raise _LyingError(page.number)

    for item in pipeline.pages(source, numbers):
        if isinstance(item, PageFailure):
            failures.append(item)
            continue
        graph = graph_of(item, before)
        context.source = source
        replies = [by_rules(one.question, graph, config, context) for one in asked]
        better = any(sure > one.sure for one, (_, sure) in zip(asked, replies, strict=True))
        if better or generates or also is not None:
            check(item)
        if also is not None:
            also(graph)
        for one, (answer, sure) in zip(asked, replies, strict=True):
            found = best_passages(one.question, graph, config, context) if generates else []
            if one.see_table(graph, before, answer, sure):
                check(item)
                answer, sure = Answer(one.question.text, None, 1.0), 0.0
            one.see(item, answer, sure, found)
        before = graph
        if generates:
            kept[item.number] = graph
            wanted = {number for one in asked for number in one.pages(config.pages)}
            wanted |= {one.best.page for one in asked if one.best.page is not None}
            kept = {number: graph for number, graph in kept.items() if number in wanted}
    if doubts and any(one.best.answer.text is None for one in asked):
        # That a document is silent is an answer, too: a look at its first pages must do.
        failed = {failure.page for failure in failures}
        for number in numbers[: config.pages]:
            if number not in failed:
                check(source.page(number))
    if generates:
        _ask_engine(source, asked, kept, pipeline, config)
    return failures


def _ask_engine(
    source: Source,
    asked: Sequence[Asked],
    kept: Mapping[int, Graph],
    pipeline: Pipeline,
    config: QaConfig,
) -> None:
    """Ask the engine where the rules were not sure, on the pages with the best passages."""
    pipeline.context.source = source
    for one in asked:
        if not asks_engine(one.best.answer, config, pipeline.context):
            continue
        pages = one.pages(config.pages)
        if config.reader == "auto" and isinstance(pipeline.context.engine, Rater):
            _judge(one, pages, kept, pipeline, config)
            continue
        for number, passages in pages.items():
            graph = kept[number]
            rules, _ = by_rules(one.question, graph, config, pipeline.context)
            answer = by_engine(one.question, graph, passages, rules, config, pipeline.context)
            if answer.text is not None and answer.confidence > one.sure:
                one.sure, one.best = answer.confidence, found_on(graph.page, answer)
            elif one.best.answer.text is None and config.reader == "engine":
                one.best = Found(answer)


def _judge(
    one: Asked,
    pages: Mapping[int, Sequence[Passage]],
    kept: Mapping[int, Graph],
    pipeline: Pipeline,
    config: QaConfig,
) -> None:
    """Let the engine judge what the rules propose on some pages: what it holds most likely counts.

    The page of the rules' own answer is among them: that answer may fall, too.
    """
    context, question = pipeline.context, one.question
    own = one.best.page
    if one.best.answer.text is not None and not one.best.answer.spans:
        return  # computed, maybe over pages
    numbers = [*pages, *({own} - set(pages) if own is not None else ())]
    best: Found | None = None
    for number in numbers:
        graph = kept[number]
        rules, _ = by_rules(question, graph, config, context)
        passages = pages.get(number) or best_passages(question, graph, config, context)
        answer = by_engine(question, graph, passages, rules, config, context)
        found = found_on(graph.page, answer)
        if best is None or _surer(found, best):
            best = found
    if best is not None:
        one.best = best
        one.sure = best.answer.confidence if best.answer.text is not None else 0.0


def _surer(a: Found, b: Found) -> bool:
    """Whether an answer is the better one: of two that there is none, the less sure."""
    if (a.answer.text is None) != (b.answer.text is None):
        return a.answer.text is not None
    more = a.answer.confidence > b.answer.confidence
    return more if a.answer.text is not None else not more


# --- redacting answers ---------------------------------------------------------------------------

# A shorter answer goes from its place alone: elsewhere the same letters mean something else.
_LEAST_TERM = 4


@dataclass(frozen=True, slots=True)
class Answered:
    """Which terms and regions of a search stand for answers: their question, counted from 1, and how
    sure the answer is."""

    terms: Mapping[int, tuple[int, float]]
    regions: Mapping[BBox, tuple[int, float]]

    def named(self, found: Redactions) -> Redactions:
        """Return the edits under the name of the rule ``ask`` and of their question."""
        edits = {
            page: tuple(self._named(edit) for edit in own) for page, own in found.plan.edits.items()
        }
        return replace(found, plan=replace(found.plan, edits=edits))

    def _named(self, edit: Edit) -> Edit:
        if edit.rule == "term":
            known = self.terms.get(edit.term)
        else:
            known = self.regions.get(_rounded(edit.bbox)) if edit.rule == "region" else None
        if known is None:
            return edit
        number, sure = known
        reason = f"answer to question {number}, {sure:.0%} sure"
        return replace(edit, rule="ask", reason=reason, term=0)


def redactable(
    source: Source, rules: RedactConfig, pipeline: Pipeline
) -> tuple[RedactConfig, Answered]:
    """Return the rules with the answers to their questions as terms, short ones as regions.

    Raises:
        RedactionLeakError: a question has no answer, or one that stands nowhere: what it is after could
            be in the output.
        UsageError: a question is empty.
    """
    results = ask(source, rules.ask, pipeline=pipeline)
    terms = all_terms(rules)
    regions = list(rules.regions)
    by_term: dict[int, tuple[int, float]] = {}
    by_region: dict[BBox, tuple[int, float]] = {}
    for number, result in enumerate(results, 1):
        if not result.pieces:
            why = "the document does not say, or the reader cannot tell"
            if result.answer.text is not None:
                why = "its answer was computed and stands nowhere on a page"
            raise RedactionLeakError(
                "the output was withheld",
                where=f"question {number}",
                why=why,
                hint="Name what is to go with --term or --region, or leave the question out.",
            )
        for piece in result.pieces:
            known = number, result.answer.confidence
            if sum(c.isalnum() for c in piece.text) >= _LEAST_TERM:
                terms.append(piece.text)
                by_term[len(terms)] = known
            else:
                box = _rounded(piece.bbox)
                regions.append(f"{result.page}:{','.join(map(str, box))}")
                by_region[box] = known
    made = replace(rules, ask=(), terms=tuple(terms), terms_file="", regions=tuple(regions))
    return made, Answered(by_term, by_region)


def replaceable(
    source: Source, asked: Sequence[tuple[str, str]], pipeline: Pipeline
) -> list[list[tuple[str, str]]]:
    """Return, for each question with what is to stand in place of its answer, pairs of old and new text.

    An answer that runs on over line ends is one old text. One of lines that stand for themselves, such as
    an address, is an old text for each of them: they take the parts of the new text between commas.

    Raises:
        UsageError: a question has no answer that stands on a page, or one so short that the same
            letters mean something else in other places.
    """
    found = ask(source, [question for question, _ in asked], pipeline=pipeline)
    pairs = []
    for number, (result, (_, new)) in enumerate(zip(found, asked, strict=True), 1):
        lines = [piece.text for piece in result.pieces]
        whole = " ".join(lines)
        own = [(whole, new)]
        if len(lines) > 1 and result.answer.text != whole:
            own = list(zip(lines, _parts(new, len(lines)), strict=True))
        if any(sum(c.isalnum() for c in old) < _LEAST_TERM for old, _ in own):
            raise UsageError(
                "a question has no answer that can be replaced",
                where=f"question {number}",
                why="the answer is too short to be told from other text"
                if whole
                else "its answer was computed and stands nowhere on a page"
                if result.answer.text is not None
                else "the document does not say, or the reader cannot tell",
                hint="Name the old text with --map OLD=NEW, or change a plan.",
            )
        pairs.append(own)
    return pairs


def _parts(text: str, count: int) -> list[str]:
    """Return the parts of a text between commas, as many as lines want one: the last takes the rest.

    >>> _parts("Lane 7, 11111 Town", 2), _parts("A, B, C", 2), _parts("A", 2)
    (['Lane 7', '11111 Town'], ['A', 'B, C'], ['A', ''])
    """
    parts = [part.strip() for part in text.split(",", count - 1)]
    return parts + [""] * (count - len(parts))


def _rounded(box: BBox) -> BBox:
    return BBox(*(round(value, 2) for value in box))
