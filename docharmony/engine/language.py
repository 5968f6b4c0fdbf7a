"""The language model checks what the CTC path drafted, byte by byte, and corrects it.

A draft is judged in one run over all its bytes at once (speculative decoding with the CTC path as the
drafter). Where the language model would have written another byte, both paths vote: its preference
against how well the image supports each way to go on, as the CTC probabilities tell. So it repairs a
doubled or missing letter, but can neither skip words nor repeat them, the vices of a small decoder.
After a change the next run judges what follows. Rejected bytes stay in the cache, masked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import tokenizer

if TYPE_CHECKING:
    import numpy.typing as npt

    from .doubts import Piece
    from .parts import NanoParts
    from .reading import Draft

    Floats = npt.NDArray[np.float32]
    Ints = npt.NDArray[np.int64]

AHEAD = 12  # bytes judged in one run after the first; a change is mostly followed by agreement
# On the same 571 lines (clean, scan), all checked: weight .3: 1.19 % and .95 %; .5: .56, .88; 1: .34,
# .89; 2: .34, .92. A small weight lets the model skip words.
CTC_WEIGHT = 0.8
CHOICES = 3  # bytes of the language model that are considered at a disagreement
_FAR = -1e9  # bias of a place that must not be looked at
_PUNCTUATION, _QUOTES = [0xE2, 0x80], range(0x98, 0xA0)  # bytes of curly quotes: two, and the last
_NEAR = 4  # bytes of draft on either side whose steps decide between ways to go on


class Written(NamedTuple):
    """What both paths agree on.

    Attributes:
        ids: bytes, without the end.
        logprobs: of each byte and of the end, the language model's where there was doubt.
        changes: how often the draft was changed.
    """

    ids: list[int]
    logprobs: list[float]
    changes: int


@dataclass
class _Line:
    """A line on its way: bytes accepted so far, and the rest of the draft."""

    draft: Draft
    ctc: Floats  # (steps, 257)
    limit: int
    rest: list[int]
    doubtful: npt.NDArray[np.bool_]  # (bytes of the draft + 1)
    ids: list[int] = field(default_factory=list)
    origins: list[int] = field(default_factory=list)  # place in the draft where each was accepted
    logprobs: list[float] = field(default_factory=list)
    changes: int = 0
    done: bool = False

    def judge(self, logprobs: Floats, offered: int) -> int:
        """Take over what the model said to [last, *rest[:offered]]; return how many were kept."""
        for kept in range(offered + 1):
            said = logprobs[kept]
            proposed = self.rest[0] if self.rest else tokenizer.END
            choice, rest = proposed, self.rest[1:]
            if not self.doubtful[self._origin]:
                score = self.draft.logprobs[self._origin] if self.rest else 0.0
            else:
                if int(said.argmax()) != proposed and len(self.ids) < self.limit:
                    choice, rest = self._vote(said, proposed)
                score = float(said[choice])
            self.logprobs.append(score)
            if choice == tokenizer.END:
                self.changes += bool(self.rest)
                self.done = True
                return kept
            changed = choice != proposed or rest != self.rest[1:]
            self.origins.append(self._origin)
            self.ids.append(choice)
            self.rest = rest
            if changed:
                self.changes += 1
                return kept
        return offered

    @property
    def _origin(self) -> int:
        return len(self.draft.ids) - len(self.rest)

    def _vote(self, said: Floats, proposed: int) -> tuple[int, list[int]]:
        """Return the byte to go on with and what of the draft follows it."""
        if self.ids[-2:] == _PUNCTUATION and proposed in _QUOTES:
            # One stroke or two the picture tells: the model would have quotes go in pairs.
            return proposed, self.rest[1:]
        top = np.argpartition(said, -CHOICES)[-CHOICES:]
        ways: list[tuple[int, list[int]]] = [(proposed, self.rest[1:])]
        for code in top.tolist():
            if code == tokenizer.END and self.rest:
                ways.append((code, []))
            elif code < 256 and code != proposed:
                # The draft lacks this byte; has another one; has another one and one too many.
                ways += [(code, self.rest[skip:]) for skip in range(min(2, len(self.rest)) + 1)]
        scores = self._support(ways) * CTC_WEIGHT
        scores += [float(said[code]) for code, _ in ways]
        return ways[int(scores.argmax())]

    def _support(self, ways: Sequence[tuple[int, list[int]]]) -> npt.NDArray[np.float64]:
        """Return the CTC log-probability of each way to go on, over the steps near this place."""
        here, total = self._origin, len(self.draft.ids)
        left, right = max(0, here - _NEAR), here + _NEAR
        if any(code == tokenizer.END for code, _ in ways):
            right = total
        first = self.draft.steps[left][0] if left > 0 else 0
        last = self.draft.steps[right][0] if right < total else len(self.ctc)
        before = [i for i, origin in zip(self.ids, self.origins, strict=True) if origin >= left]
        beyond = max(0, total - right)  # bytes of the draft after the window
        texts = []
        for code, rest in ways:
            after = rest[: max(0, len(rest) - beyond)]
            written = [] if code == tokenizer.END else [code]
            if written and code >= 0xC2 and not (after and 0x80 <= after[0] < 0xC0):
                written.append(_CONTINUATION)  # the second byte is not known yet: any will do
            texts.append([*before, *written, *after])
        return ctc_scores(self.ctc[first:last], texts)


_CONTINUATION = 257


def ctc_scores(logprobs: Floats, texts: Sequence[Sequence[int]]) -> npt.NDArray[np.float64]:
    """Return the log-probability of each text, summed over all its CTC paths.

    Args:
        logprobs: (steps, 257); class 256 is the blank. Code 257 in a text stands for any of the bytes
            0x80-0xBF.
        texts: byte sequences.
    """
    any_tail = logprobs[:, 0x80:0xC0].max(axis=1, keepdims=True)
    table = np.concatenate([logprobs, any_tail], axis=1).astype(np.float64)
    states = 2 * max(map(len, texts), default=0) + 1
    codes = np.full((len(texts), states), tokenizer.BLANK)
    for row, text in enumerate(texts):
        codes[row, 1 : 2 * len(text) : 2] = text
    # A symbol may follow the one before it without a blank between, unless both are the same.
    jump = np.zeros(codes.shape, bool)
    jump[:, 3::2] = codes[:, 3::2] != codes[:, 1:-2:2]
    alpha = np.full((len(texts), states + 2), -np.inf)  # two columns of nothing on the left
    alpha[:, 2] = 0.0  # before the first step: as if a blank had been seen
    floor = np.full((len(texts), states), -np.inf)
    for row in table:
        stay, step, leap = alpha[:, 2:], alpha[:, 1:-1], np.where(jump, alpha[:, :-2], floor)
        alpha[:, 2:] = np.logaddexp(np.logaddexp(stay, step), leap) + row[codes]
    ends = np.array([2 * len(text) for text in texts])
    rows = np.arange(len(texts))
    last = alpha[rows, ends + 2]
    scores: npt.NDArray[np.float64] = np.logaddexp(
        last, np.where(ends > 0, alpha[rows, ends + 1], -np.inf)
    )
    return scores


def check(parts: NanoParts, pieces: Sequence[Piece], context: int) -> list[Written]:
    """Return what each piece of a line says by the vote of both paths.

    Args:
        parts: whose language model judges.
        pieces: what the CTC path read.
        context: places that the model has.
    """
    if not pieces:
        return []
    visual = [piece.visual for piece in pieces]
    count, columns, width = len(visual), max(map(len, visual)), visual[0].shape[1]
    first = np.zeros((count, columns, width), np.float32)
    # Position of every place in the cache; places that hold nothing lie at -1.
    places = np.full((count, columns), -1, np.int64)
    lines = []
    for i, piece in enumerate(pieces):
        v, draft = piece.visual, piece.draft
        first[i, : len(v)] = v
        places[i, : len(v)] = np.arange(len(v))
        room = context - len(v) - 2
        limit = min(len(draft.ids) + len(draft.ids) // 4 + 8, room)
        lines.append(_Line(draft, piece.ctc, limit, draft.ids[:room], piece.doubtful))
    active: list[int] = list(range(count))
    ahead = context
    cache: Any = None
    while active:
        offers = [min(len(lines[i].rest), ahead) for i in active]
        ids = np.full((len(active), 1 + max(offers)), tokenizer.PAD, np.int64)
        fresh = np.full(ids.shape, -1, np.int64)
        for row, (i, offer) in enumerate(zip(active, offers, strict=True)):
            line = lines[i]
            last = line.ids[-1] if line.ids else tokenizer.READ
            ids[row, : 1 + offer] = [last, *line.rest[:offer]]
            fresh[row, : 1 + offer] = len(visual[i]) + len(line.ids) + np.arange(1 + offer)
        places = np.concatenate([places, fresh], axis=1)
        if cache is None:
            head, query = first, places
        else:
            head, query = np.zeros((len(active), 0, width), np.float32), fresh
        seen = (places[:, None, :] >= 0) & (places[:, None, :] <= query[:, :, None])
        bias = np.where(seen, 0, _FAR).astype(np.float32)[:, None]
        logprobs, cache = parts.language(head, ids, np.maximum(query, 0), bias, cache)
        start = places.shape[1] - ids.shape[1] + 1
        for row, (i, offer) in enumerate(zip(active, offers, strict=True)):
            kept = lines[i].judge(logprobs[row], offer)
            places[row, start + kept :] = -1
        left = np.array([not lines[i].done for i in active])
        if left.any() and not left.all():
            places = places[left]
            cache = parts.select(cache, left)
        active = [i for i in active if not lines[i].done]
        ahead = AHEAD
    return [Written(line.ids, line.logprobs, line.changes) for line in lines]
