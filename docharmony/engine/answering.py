"""Answers copied from a document's text by the language model of Task.ANSWER.

The model may only write what stands in the context: at each symbol the choice is between those that go
on with some run of words there, and the one phrase that says that the document does not answer. So
every answer is grounded by construction, a document can at worst draw the model to another of its own
places, and the probabilities of the ways to answer can be compared. What the model made of the context
is kept for the next question on it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from ..errors import CheckpointIncompatibleError
from . import questions
from .base import Reading

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]
    Ints = npt.NDArray[np.int64]

BEAMS = 4  # ways to answer that are followed at once
LONGEST = 40  # symbols of an answer
MOST_WORDS = 16  # of an answer within one row
_LIMIT = 8.0  # of a logit
_FAR = -1e9  # bias of a place that must not be looked at
_AT_ONCE = 512  # symbols of a context in one run: bounds the memory of attention
_ROOM = 160  # places kept free for question and answer
_WORD = re.compile(r"\S+")
_TAIL = ".,;:!?)]}\"'»”"


class AnswerParts(Protocol):
    """What is needed of a backend, see :class:`docharmony.engine.parts.NanoParts`."""

    def answer_language(
        self, ids: Ints, positions: Ints, bias: Floats, wanted: Ints, cache: Any
    ) -> tuple[Floats, Any]:
        """Run new places; log-probabilities (B, W, vocabulary) after the wanted ones, and the cache."""


class Tokenizer(Protocol):
    """The part of ``tokenizers.Tokenizer`` that is used."""

    def encode(self, sequence: str, *, add_special_tokens: bool) -> Any:
        """Return an object with ``ids`` and ``offsets``."""

    def encode_batch(self, input: list[str], *, add_special_tokens: bool) -> list[Any]:
        """Return one such object a text."""

    def token_to_id(self, token: str) -> int | None:
        """Return the id of a symbol by its name."""


@dataclass(slots=True)
class _Node:
    """A place in the trie of all answers: what may follow, and the text of one that ends here."""

    kids: dict[int, _Node] = field(default_factory=dict)
    text: str | None = None


class Found(NamedTuple):
    """A way to answer; ``text`` is empty where the document does not say."""

    text: str
    logprob: float


class _Live(NamedTuple):
    logprob: float
    node: _Node
    symbol: int
    seen: tuple[int, ...]  # places of its own symbols in the cache


class _Prefix(NamedTuple):
    context: str
    cache: Any
    length: int
    root: _Node


class Answerer:
    """Asks one language model; keeps what it made of the latest context.

    Args:
        parts: the backend.
        tokenizer: of the model; control symbols in a text must not be taken for such.
        places: that the model has.
        calibration: see :class:`docharmony.engine.spec.LanguageSpec`.
    """

    def __init__(
        self,
        parts: AnswerParts,
        tokenizer: Tokenizer,
        places: int,
        calibration: Sequence[float] = (),
    ) -> None:
        self._parts, self._tokenizer, self._places = parts, tokenizer, places
        self._calibration = calibration
        end = tokenizer.token_to_id(questions.END)
        if end is None:
            raise CheckpointIncompatibleError(
                "cannot ask this language model", why=f"its tokenizer has no {questions.END}"
            )
        self._end = end
        self._prefix: _Prefix | None = None

    def answer(self, question: str, context: str) -> Reading:
        """Return the best answer, and how sure it is that this is right."""
        found = self.ways(question, context)
        if not found:
            return Reading("", 0.0)
        return Reading(found[0].text, confidence(found, self._calibration))

    def ways(self, question: str, context: str) -> list[Found]:
        """Return the likeliest ways to answer, best first; empty for an empty context."""
        if not context.strip() or not question.strip():
            return []
        prefix = self._read(context)
        ids = self._ids(questions.question(question))[-(_ROOM - LONGEST) :]
        logprobs, cache = self._run(ids, prefix.length, prefix.cache)
        return self._search(prefix.root, logprobs, cache, prefix.length + len(ids))

    def rate(self, question: str, context: str, answers: Sequence[str]) -> list[float]:
        """Return for each answer the mean log-probability of its symbols and of its end, at most 0.

        All answers are branches of one sequence: the model runs once.
        """
        if not context.strip() or not question.strip() or not answers:
            return [_FAR] * len(answers)
        prefix = self._read(context)
        asked = self._ids(questions.question(question))[-(_ROOM - LONGEST) :]
        first, cache = self._run(asked, prefix.length, prefix.cache)
        place = prefix.length + len(asked)
        branches = [self._ids(f" {' '.join(text.split())}")[:LONGEST] for text in answers]
        ids = [symbol for branch in branches for symbol in branch]
        owner = np.repeat(np.arange(len(branches)), [len(branch) for branch in branches])
        depth = np.concatenate([np.arange(len(branch)) for branch in branches])
        bias = np.zeros((len(ids), place + len(ids)), np.float32)
        # Each symbol sees the question and what stands before it in its own branch.
        unseen = (owner[:, None] != owner[None]) | (depth[None] > depth[:, None])
        bias[:, place:][unseen] = _FAR
        said, _ = self._parts.answer_language(
            np.array([ids]), place + depth[None], bias[None, None], np.arange(len(ids)), cache
        )
        rates, at = [], 0
        for branch in branches:
            rows = [first, *said[0][at : at + len(branch)]]
            total = sum(float(row[s]) for row, s in zip(rows, [*branch, self._end], strict=True))
            rates.append(total / (len(branch) + 1))
            at += len(branch)
        return rates

    def _run(self, ids: list[int], place: int, cache: Any) -> tuple[Floats, Any]:
        """Run ids that follow ``place`` others; return what follows the last, and the longer cache."""
        count = len(ids)
        bias = np.zeros((count, place + count), np.float32)
        bias[:, place:] = np.triu(np.full((count, count), _FAR, np.float32), 1)
        logprobs, cache = self._parts.answer_language(
            np.array([ids]), place + np.arange(count)[None], bias[None, None],
            np.array([count - 1]), cache,
        )  # fmt: skip
        return logprobs[0, 0], cache

    def _search(self, root: _Node, logprobs: Floats, cache: Any, place: int) -> list[Found]:
        """Follow the likeliest paths of the trie, all of them as branches of one sequence."""
        done: list[Found] = []
        total = place  # places in the cache
        live = [
            _Live(float(logprobs[symbol]), node, symbol, ()) for symbol, node in root.kids.items()
        ]
        live = sorted(live, key=lambda way: -way.logprob)[:BEAMS]
        for step in range(LONGEST):
            own = [(*way.seen, total + row) for row, way in enumerate(live)]
            bias = np.zeros((len(live), total + len(live)), np.float32)
            bias[:, place:] = _FAR
            for row, seen in enumerate(own):
                bias[row, list(seen)] = 0
            said, cache = self._parts.answer_language(
                np.array([[way.symbol for way in live]]),
                np.full((1, len(live)), place + step),
                bias[None, None], np.arange(len(live)), cache,
            )  # fmt: skip
            total += len(live)
            ways: list[_Live] = []
            for way, row, seen in zip(live, said[0], own, strict=True):
                if way.node.text is not None:
                    text = "" if way.node.text == questions.ABSENT else way.node.text
                    done.append(Found(text, way.logprob + float(row[self._end])))
                ways += [
                    _Live(way.logprob + float(row[symbol]), node, symbol, seen)
                    for symbol, node in way.node.kids.items()
                ]
            done.sort(key=lambda way: -way.logprob)
            ways.sort(key=lambda way: -way.logprob)
            floor = done[BEAMS - 1].logprob if len(done) >= BEAMS else -math.inf
            live = [way for way in ways[:BEAMS] if way.logprob > floor]
            if not live:
                break
        return done

    def _read(self, context: str) -> _Prefix:
        if self._prefix is None or self._prefix.context != context:
            ids = self._ids(questions.document(context))
            if len(ids) > self._places - _ROOM:  # passages come best first: the last ones go
                ids = ids[: self._places - _ROOM]
            cache = None
            for start in range(0, len(ids), _AT_ONCE):
                _, cache = self._run(ids[start : start + _AT_ONCE], start, cache)
            self._prefix = _Prefix(context, cache, len(ids), self._trie(context))
        return self._prefix

    def _trie(self, context: str) -> _Node:
        root = _Node()
        texts = list(runs(context))
        encoded = self._tokenizer.encode_batch([f" {t}" for t in texts], add_special_tokens=False)
        for text, symbols in zip(texts, encoded, strict=True):
            ends = _ends(text)
            node = root
            for symbol, (_, end) in list(zip(symbols.ids, symbols.offsets, strict=True))[:LONGEST]:
                node = node.kids.setdefault(symbol, _Node())
                if end - 1 in ends:
                    node.text = text[: end - 1]
        node = root
        for symbol in self._ids(f" {questions.ABSENT}"):
            node = node.kids.setdefault(symbol, _Node())
        node.text = questions.ABSENT
        return root

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids


def runs(context: str) -> Iterator[str]:
    """Yield the text from every word on, as far as an answer may reach.

    A row's pieces, separated by two blanks or more, a bar or a tab, are never joined. A row of one
    piece goes on in the next such row of its passage: after a comma as addresses are written, and
    after a blank as sentences go on.

    >>> list(runs("To: A B\\nC\\n\\nD  E"))[:5]
    ['To: A B, C', 'To: A B C', 'A B, C', 'A B C', 'B, C']
    """
    for passage in re.split(r"\n\s*\n", context):
        rows = [
            [piece for piece in re.split(r"\s{2,}|\t|\s\|\s", row.strip()) if piece]
            for row in passage.split("\n")
        ]
        for number, pieces in enumerate(rows):
            if len(pieces) != 1:
                for piece in pieces:
                    yield from (piece[start:] for start in _starts(piece))
                continue
            following: list[str] = []
            for other in rows[number + 1 : number + 3]:
                if len(other) != 1:
                    break
                following += other
            for start in _starts(pieces[0]):
                rest = pieces[0][start:]
                if len(rest.split()) > MOST_WORDS or not following:
                    yield " ".join(rest.split()[: MOST_WORDS + 4])
                else:
                    yield ", ".join([rest, *following])
                    yield " ".join([rest, *following])


def _starts(text: str) -> list[int]:
    """Return where answers may begin: at words, and within one after a colon."""
    return sorted({m.start() for m in re.finditer(r"(?<!\S)\S|(?<=[:(])[^\s\d]", text)})


def _ends(text: str) -> set[int]:
    """Return where answers may end: after words, with and without the signs that close them."""
    ends = set()
    for match in _WORD.finditer(text):
        ends |= {match.end(), match.start() + len(match[0].rstrip(_TAIL))}
    return ends - {0}


def confidence(found: Sequence[Found], calibration: Sequence[float]) -> float:
    """Return how sure it is that the first of the answers is right, 0.0-1.0.

    >>> ways = [Found("5", math.log(0.6)), Found("7", math.log(0.2))]
    >>> round(confidence(ways, ()), 3), round(confidence(ways, (1.0, 0.0, -1.0)), 3)
    (0.75, 0.525)
    """
    best, *others = (way.logprob for way in found)
    share = 1 / (1 + sum(math.exp(other - best) for other in others))
    if not calibration:
        return share
    slope, level, offset = calibration
    logit = min(_LIMIT, math.log(share / max(1 - share, 1e-9)))
    return 1 / (1 + math.exp(-(slope * logit + level * best + offset)))
