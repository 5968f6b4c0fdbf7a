"""Which parts of a line the language model has to check: words around what the CTC path is unsure of.

Two letters of a hundred are in doubt on a clean page, and to check them the model needs the words around
each, not the line. No network in here.

On the 24 pages of the benchmark as scans, by the bytes shown before and after a doubt and the
probability from which there is none: 10, 4, .95: word F1 .9876, character error rate .380 %; 10, 4, .98:
.9881, .364 %; 24, 12, .97: .9872, .361 %; whole lines whose bytes have a mean below .9995: .9886, .340 %,
for three times the model's time of the first. Equal settings differ as much when lines share batches
with others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from . import tokenizer
from .reading import Draft

if TYPE_CHECKING:
    import numpy.typing as npt

    from .language import Written

    Floats = npt.NDArray[np.float32]

_SURE = 0.97  # probability from which a byte is taken as read
_BEFORE, _AFTER = 24, 12  # bytes around a doubt that are shown to the model at least
_NEAR = 3  # bytes around a doubt that may be changed
_APART = 8  # bytes between two parts, else they are one
_MOST = 0.6  # of a line: what leaves less out is the whole line
_SPACE = 0x20


class Piece(NamedTuple):
    """Words of a line to be checked.

    Attributes:
        start, end: bytes of the line's draft that they are.
        draft: of these bytes alone, steps counted from the first of ``ctc``.
        visual: visual tokens (columns, D) that show them.
        ctc: log-probabilities (steps, 257).
        doubtful: which bytes may be changed, and after the last whether more may follow.
    """

    start: int
    end: int
    draft: Draft
    visual: Floats
    ctc: Floats
    doubtful: npt.NDArray[np.bool_]

    @property
    def places(self) -> int:
        """Places of the language model that it takes."""
        return len(self.visual) + len(self.draft.ids)


def probabilities(draft: Draft, ctc: Floats) -> npt.NDArray[np.float64]:
    """Return how sure each byte is, 0.0-1.0, with what else may stand before or after it.

    Args:
        draft: the best path.
        ctc: log-probabilities (steps, 257).
    """
    count = len(draft.ids)
    sure = np.exp(np.array(draft.logprobs, np.float64))
    if not count:
        return sure
    ids = np.array(draft.ids)
    starts, ends = np.array(draft.steps).T
    steps = np.arange(len(ctc))
    last = np.searchsorted(starts, steps, side="right") - 1  # the byte seen last at each step
    here, following = np.maximum(last, 0), np.minimum(last + 1, count - 1)
    known = np.exp(ctc[steps, tokenizer.BLANK])
    known += np.exp(ctc[steps, ids[here]])
    known += np.where(ids[following] != ids[here], np.exp(ctc[steps, ids[following]]), 0)
    before = np.maximum(last - 1, 0)
    inside = (last >= 0) & (steps < ends[here]) & (ids[before] != ids[here])
    inside &= ids[before] != ids[following]
    known += np.where(inside, np.exp(ctc[steps, ids[before]]), 0)
    np.minimum.at(sure, here, known)
    # Of two alike, only the blank between tells that they are two.
    for k in np.flatnonzero(ids[1:] == ids[:-1]).tolist():
        blank = float(np.exp(ctc[ends[k] : starts[k + 1], tokenizer.BLANK].max()))
        sure[k] = min(sure[k], blank)
    return sure


def pieces(draft: Draft, visual: Floats, ctc: Floats) -> list[Piece]:
    """Return the parts of a line to be checked, in order; none where all of it is sure.

    Args:
        draft: of the line.
        visual: visual tokens (columns, D).
        ctc: log-probabilities (columns times substeps, 257).
    """
    ids, count = draft.ids, len(draft.ids)
    doubts = np.flatnonzero(probabilities(draft, ctc) < _SURE).tolist()
    if count and not doubts:
        return []
    spans: list[tuple[int, int]] = []
    for doubt in doubts:
        start, end = max(0, doubt - _BEFORE), min(count, doubt + 1 + _AFTER)
        while start > 0 and ids[start - 1] != _SPACE:
            start -= 1
        while end < count and ids[end] != _SPACE:
            end += 1
        if spans and start < spans[-1][1] + _APART:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    if sum(end - start for start, end in spans) >= _MOST * count:
        spans = [(0, count)]
    near = np.zeros(count + 1, np.bool_)
    for doubt in doubts:
        near[max(0, doubt - _NEAR) : doubt + _NEAR + 1] = True
    return [_piece(draft, visual, ctc, near, *span) for span in spans]


def _piece(
    draft: Draft, visual: Floats, ctc: Floats, near: npt.NDArray[np.bool_], start: int, end: int
) -> Piece:
    whole = (start, end) == (0, len(draft.ids))
    first = draft.steps[start - 1][1] if start else 0
    last = draft.steps[end][0] if end < len(draft.ids) else len(ctc)
    substeps = len(ctc) // len(visual)
    shown = visual[first // substeps : -(-last // substeps)]
    steps = [(a - first, b - first) for a, b in draft.steps[start:end]]
    part = Draft(draft.ids[start:end], steps, draft.logprobs[start:end])
    doubtful = np.ones(end - start + 1, np.bool_) if whole else near[start : end + 1].copy()
    if end < len(draft.ids):
        doubtful[-1] = False  # the line goes on with a space
    # Copies: views would keep the arrays of a whole batch alive.
    return Piece(start, end, part, shown.copy(), ctc[first:last].copy(), doubtful)


def join(
    draft: Draft, parts: Sequence[Piece], written: Mapping[int, Written]
) -> tuple[list[int], float]:
    """Return the bytes of a line and its confidence, from its draft and what was checked of it.

    Args:
        draft: of the line.
        parts: of it, in order.
        written: what was found, by the identity of each part.
    """
    ids: list[int] = []
    logprobs: list[float] = []
    at = 0
    for part in parts:
        found = written[id(part)]
        ids += draft.ids[at : part.start] + found.ids
        logprobs += draft.logprobs[at : part.start] + found.logprobs
        if part.end < len(draft.ids):
            logprobs.pop()  # of an end that is none
        at = part.end
    ids += draft.ids[at:]
    logprobs += draft.logprobs[at:]
    return ids, math.exp(sum(logprobs) / len(logprobs))
