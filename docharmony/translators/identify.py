"""Which language a text is in, with a confidence; offline.

The model is fastText's lid.176 in its small form (0.9 MB, CC BY-SA 3.0, in ``data``). A heading of two
words says little by itself, so each text is judged together with the rest of its document.

Measured on groups of twelve paragraphs, headings and list items of the Debian Handbook in twelve
languages, with one paragraph of another language in each (6,757 texts, 0.06 CPU ms a text): right for
93 % of texts of one to three words, 95 % of four to eight, 87 % of the foreign ones; by itself alone 78,
87 and 98 %. Of the answers with a confidence above 0.9, 99 % were right.

Others by themselves, without any document, on 3,358 messages of coreutils, tar, apt and debconf in 21
languages (right for one word, two and three, four to eight, nine to twenty; installed size): this one
59 / 78 / 94 / 98 % (1.8 MB with its library), eld 1.0.6 64 / 83 / 96 / 99 % (49 MB), lingua 2.1.1
66 / 83 / 94 / 98 % (96 MB), py3langid 0.4 47 / 78 / 93 / 99 % (4.6 MB, and 15 times slower). The five
percent in single words are not worth 47 MB in every installation, since the document decides there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

# Letters at which a text counts as much as its document.
_WEIGHT = 8
# More letters of one text say nothing new.
_ENOUGH = 400
_CANDIDATES = 6
# Probability of a language that was not seen in a text, or not in the document.
_UNSEEN = 0.003
# Names that the model has for languages, or forms of one, that are called otherwise here.
_NAMES = {"sh": "sr", "arz": "ar", "wuu": "zh", "yue": "zh", "als": "de", "azb": "az"}


@dataclass(frozen=True, slots=True)
class Guess:
    """The language of a text: a BCP 47 tag, ``""`` where the text has no words, and 0.0-1.0."""

    language: str
    confidence: float


def identify(texts: Sequence[str], prior: Mapping[str, float] | None = None) -> list[Guess]:
    """Return the language of each text of a document.

    Args:
        texts: paragraphs, cells or headings of one document.
        prior: share of each language in the document, as :func:`shares` gives it; None takes that of
            the texts themselves.
    """
    own = [distribution(text) for text in texts]
    document = _together(texts, own) if prior is None else prior
    guesses = []
    for text, found in zip(texts, own, strict=True):
        letters = min(_ENOUGH, sum(map(str.isalpha, text)))
        if not letters:
            guesses.append(Guess("", 0.0))
            continue
        trust = letters / (letters + _WEIGHT)
        likely = {
            language: ((found.get(language, 0.0) + _UNSEEN) ** trust)
            * (document.get(language, 0.0) + _UNSEEN)
            for language in {*found, *document}
        }
        total = sum(likely.values())
        best = max(likely, key=lambda name: (likely[name], name))
        guesses.append(Guess(best, likely[best] / total))
    return guesses


def shares(texts: Sequence[str]) -> dict[str, float]:
    """Return the share of each language in the texts together, by their letters; empty for none."""
    return _together(texts, [distribution(text) for text in texts])


def _together(
    texts: Sequence[str], distributions: Sequence[Mapping[str, float]]
) -> dict[str, float]:
    total: dict[str, float] = {}
    weight = 0
    for text, found in zip(texts, distributions, strict=True):
        letters = min(_ENOUGH, sum(map(str.isalpha, text)))
        weight += letters
        for language, share in found.items():
            total[language] = total.get(language, 0.0) + letters * share
    return {language: value / weight for language, value in total.items()} if weight else {}


@cache
def _detector() -> Any:
    import fasttext

    return fasttext.load_model(str(Path(__file__).parent / "data" / "lid.176.ftz"))


def distribution(text: str) -> dict[str, float]:
    """Return the likeliest languages of a text by itself with their probabilities.

    Digits and signs are no evidence: they are left out.
    """
    kept = "".join(c if c.isalpha() or c in "'’-\u0301" or _is_mark(c) else " " for c in text)
    words = " ".join(kept.split())[:_ENOUGH]
    if not words:
        return {}
    found: dict[str, float] = {}
    labels, scores = _detector().predict(words.lower(), k=_CANDIDATES)
    for label, score in zip(labels, scores, strict=True):
        language = str(label).removeprefix("__label__")
        language = _NAMES.get(language, language)
        found[language] = found.get(language, 0.0) + min(1.0, float(score))
    return found


def _is_mark(character: str) -> bool:
    import unicodedata

    return unicodedata.category(character).startswith("M")
