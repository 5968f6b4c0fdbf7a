"""Line crops in, text out: what surrounds the networks when lines are read. No network in here."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image as Pictures

from . import ink, tokenizer
from .spec import ReadSpec

if TYPE_CHECKING:
    import numpy.typing as npt

    from .base import Image
    from .ink import Drawn

    Floats = npt.NDArray[np.float32]

_LATE = 1.3  # steps by which the CTC path shows a letter after its middle: .11 em on drawn lines
BUCKET = 32  # pixels; lines whose padded widths round up to the same multiple share a batch


# Letters of two scripts that are drawn alike, by the first letter of the other script's block.
_ALIKE = {
    "\u0400": ("ABCEHIJKMOPSTXaceijopsxy", "АВСЕНІЈКМОРЅТХасеіјорѕху"),
    "\u0370": ("ABEZHIKMNOPTYXopvxµ", "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧορνχμ"),
}
_LAST = {"\u0400": "\u04ff", "\u0370": "\u03ff"}
_LEAST = 3  # letters of a word with Greek in it; shorter ones are symbols: Δx, kΩ, μm


class Draft(NamedTuple):
    """What the CTC path reads.

    Attributes:
        ids: bytes.
        steps: for each byte the steps [first, last + 1) on which it was seen.
        logprobs: of each byte.
    """

    ids: list[int]
    steps: list[tuple[int, int]]
    logprobs: list[float]

    @property
    def confidence(self) -> float:
        """Geometric mean of the bytes' probabilities; 0 where nothing was read."""
        return math.exp(sum(self.logprobs) / len(self.logprobs)) if self.logprobs else 0.0


def normalise(crop: Image, spec: ReadSpec) -> Image:
    """Return the crop at the height that the model reads, its width in proportion."""
    height, width = crop.shape[:2]
    if height == spec.height:
        return crop
    size = (max(1, round(width * spec.height / height)), spec.height)
    resized = Pictures.fromarray(crop).resize(size, Pictures.Resampling.BICUBIC)
    return np.asarray(resized)


def widened(line: Image, factor: float) -> Image:
    """Return the line that many times as wide; places in it stay the same fractions of its width."""
    size = (max(1, round(line.shape[1] * factor)), line.shape[0])
    return np.asarray(Pictures.fromarray(line).resize(size, Pictures.Resampling.BICUBIC))


def bucket(width: int, spec: ReadSpec) -> int:
    """Return the width to which a crop is padded; it depends on this crop alone."""
    return -(-(width + spec.right_padding) // BUCKET) * BUCKET


def pad(crop: Image, width: int) -> Image:
    """Return the crop with its background continued to ``width``.

    The model was trained with blank columns after the text: without them it does not find the end.
    """
    background = [ink.level(crop[::2, ::2, i], 0.5) for i in range(3)]  # a sample tells it
    out = np.empty((crop.shape[0], width, 3), np.uint8)
    out[:] = background
    out[:, : crop.shape[1]] = crop
    return out


def pieces(crop: Image, limit: int) -> list[tuple[int, int]]:
    """Return column ranges of at most ``limit`` pixels, cut where the line shows no ink.

    >>> pieces(np.zeros((48, 100, 3), np.uint8), 120)
    [(0, 100)]
    """
    width = crop.shape[1]
    if width <= limit:
        return [(0, width)]
    contrast = np.ptp(crop.astype(np.int16), axis=(0, 2)).astype(np.float32)
    smooth = np.convolve(contrast, np.ones(9) / 9, "same")
    cuts = [0]
    while width - cuts[-1] > limit:
        left = cuts[-1] + limit // 2
        window = smooth[left : cuts[-1] + limit]
        blank = np.flatnonzero(window <= window.min() + 1e-3)
        cuts.append(left + int(blank[-1]))  # the last blank place: longest piece
    return list(zip(cuts, [*cuts[1:], width], strict=True))


def between(crop: Image, drawn: Sequence[Drawn]) -> list[tuple[int, int]]:
    """Return the column ranges before, between and after drawn signs that show any ink."""
    if not drawn:
        return [(0, crop.shape[1])]
    edges = [0, *(edge for sign in drawn for edge in (sign.start - 2, sign.end + 2)), crop.shape[1]]
    ranges = [(max(0, a), b) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    shown = np.flatnonzero(ink.is_ink(ink.contrast_of(crop)).any(axis=0))
    return [(a, b) for a, b in ranges if ((a <= shown) & (shown < b)).any()]


def greedy(logprobs: Floats) -> Draft:
    """Return the best path of one line (steps, 257), blanks and repeats taken out."""
    best = logprobs.argmax(axis=1)
    value = logprobs.max(axis=1)
    ids: list[int] = []
    steps: list[tuple[int, int]] = []
    scores: list[float] = []
    before = tokenizer.BLANK
    for step, (code, score) in enumerate(zip(best.tolist(), value.tolist(), strict=True)):
        if code != tokenizer.BLANK:
            if code != before:
                ids.append(code)
                steps.append((step, step + 1))
                scores.append(score)
            else:
                steps[-1] = (steps[-1][0], step + 1)
                scores[-1] = max(scores[-1], score)
        before = code
    return Draft(ids, steps, scores)


def one_script(text: str) -> str:
    """Return the text with words of mixed script written in one, letter by letter.

    Latin shares shapes with Cyrillic and Greek; a word that holds a letter of one script alone is all of
    it, where its other letters allow.

    >>> one_script("Oкт. CKB"), one_script("теорiя"), one_script("Pολόι")  # Latin O, i and P
    ('Окт. CKB', 'теорія', 'Ρολόι')
    """
    return re.sub(r"[^\W\d_]+", _unmix, text)


def _unmix(match: re.Match[str]) -> str:
    word = match[0]
    if word.isascii():
        return word
    latin = {c for c in word if c < "\u0250" or c == "\u00b5"}
    for first, (ours, theirs) in _ALIKE.items():
        other = {c for c in word if first <= c <= _LAST[first]}
        if not (latin and other and latin | other == set(word)):
            continue
        if first == "\u0370" and len(word) < _LEAST:
            continue
        # ΔABE is a triangle: only a word that is mostly Greek becomes all of it.
        mostly = first != "\u0370" or 2 * sum(c in other for c in word) >= len(word)
        if mostly and latin <= set(ours) and not other <= set(theirs):
            return word.translate(str.maketrans(ours, theirs))
        if other <= set(theirs) and not latin <= set(ours):
            return word.translate(str.maketrans(theirs, ours))
    return word


def single_quotes(text: str, draft: str) -> str:
    """Return the text without quotes put beside quotes, where the draft has one alone.

    >>> single_quotes("del ”’perché", "del ”perché")
    'del ”perché'
    """
    if text == draft:
        return text
    for pair in re.findall("[‘-‟]{2}", text):
        if pair not in draft:
            text = text.replace(pair, pair[0])
    return text


_AMOUNT = r"(?=\d{1,3}(?:[.,]?\d{3})*[.,]\d\d(?![\d.,]))"
_SIGNS = (
    (re.compile(r"(?<![\w.,])S" + _AMOUNT), "$"),
    (re.compile(r"(?<![\w.,])C(?= ?\d)(?= ?" + _AMOUNT[3:]), "\u20ac"),
    (re.compile(r"^\(\)$"), "0"),
)
_NUMBER = re.compile(r"(?<!\S)(?=\S*\d)[\d.,:/()%-]+(?!\S)")


def signs(text: str) -> str:
    """Return the text with the signs before amounts, and zeros, that letters and brackets stand for.

    >>> signs("S3,007.62"), signs("C 7,267.54"), signs("()9/25"), signs("S20 C 4")
    ('$3,007.62', '€ 7,267.54', '09/25', 'S20 C 4')
    >>> signs("10()"), signs("f10()")
    ('100', 'f10()')
    """
    for pattern, sign in _SIGNS:
        text = pattern.sub(sign, text)
    return _NUMBER.sub(lambda match: match[0].replace("()", "0"), text) if "()" in text else text


def bounds(draft: Draft, text: str, total: float) -> tuple[tuple[float, float], ...]:
    """Return the place of each character of ``text`` as fractions of the crop's width.

    Args:
        draft: the CTC reading; its steps are places.
        text: the text to place, which may differ from the draft's.
        total: steps that span the crop's own width, without padding.
    """
    seen = tokenizer.characters(draft.ids)
    centres = [(draft.steps[a][0] + draft.steps[b - 1][1]) / 2 - _LATE for _, a, b in seen]
    if not centres or not text:
        return ()
    places = _place([c for c, _, _ in seen], centres, text)
    edges = [
        max(0.0, places[0] - (places[1] - places[0]) / 2 if len(places) > 1 else places[0] - 6),
        *((a + b) / 2 for a, b in pairwise(places)),
        places[-1] + (places[-1] - places[-2]) / 2 if len(places) > 1 else places[-1] + 6,
    ]
    fractions = [min(max(e / total, 0.0), 1.0) for e in edges]
    return tuple(pairwise(fractions))


def _place(known: list[str], centres: list[float], text: str) -> list[float]:
    """Return increasing centres for the characters of ``text``, aligned to known ones."""
    if list(text) == known:
        return centres
    import difflib

    matcher = difflib.SequenceMatcher(None, known, list(text), autojunk=False)
    places = np.full(len(text), np.nan)
    for block in matcher.get_matching_blocks():
        places[block.b : block.b + block.size] = centres[block.a : block.a + block.size]
    found = np.flatnonzero(~np.isnan(places))
    if not len(found):
        return [float(x) for x in np.linspace(centres[0], centres[-1], len(text))]
    step = float(np.median(np.diff(centres))) if len(centres) > 1 else 6.0
    index = np.arange(len(text))
    filled = np.interp(index, found, places[found])
    filled += np.minimum(index - found[0], 0) * step + np.maximum(index - found[-1], 0) * step
    return [float(x) for x in filled]
