"""Translate safely: whatever a translator does, what is protected comes back, or the text stays.

Each text is tried in up to three ways, in batches over all texts that still need it:

1. placeholders, addresses, ids, terms behind marks; numbers in plain sight;
2. numbers, dates and amounts behind marks too;
3. only the pieces between protected tokens are translated, and the text is put together again.

A way fails when a token is missing afterwards. What fails in all three keeps its text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from unicodedata import category

from ..errors import PluginError
from . import sentences
from .base import Translation, Translator
from .glossary import Glossary
from .protect import HARD, Token, find, has_words, lost, mask, restore, untouched
from .typography import renumber, typeset

_BREAKS = frozenset(" \t\n\r\f\v\u2028\u2029")
# Control characters, halves of surrogate pairs, unassigned ones.
_NOTHING = frozenset(("Cc", "Cs", "Cn"))
# A translation longer than this many times its text, and some, is a translator gone astray.
_LONGEST, _SPARE = 4.0, 60
# Confidence is taken down by this where a text had to be translated in pieces.
_PIECES = 0.7


@dataclass
class Guard:
    """Translates texts of one language pair with one translator.

    Attributes:
        translator: does the work.
        source: BCP 47 tag of the texts.
        target: BCP 47 tag wanted.
        keep: terms that are left as they are.
        glossary: translations that are known already and win over the translator's.
        typography: set quotes and spaces as the target language does.
        numbers: write numbers as the target language does.
    """

    translator: Translator
    source: str
    target: str
    keep: Sequence[str] = ()
    glossary: Glossary | None = None
    typography: bool = True
    numbers: bool = False
    _mark: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._mark = self.translator.mark

    def translate(self, texts: Sequence[str]) -> list[Translation]:
        """Return the translation of each text; ``text`` is None where it stays as it is.

        Raises:
            PluginError: the translator breaks its contract.
            DocharmonyError: what the translator raises.
        """
        done: dict[int, Translation] = {}
        tokens: dict[int, list[Token]] = {}
        for index, text in enumerate(texts):
            known = self.glossary.exact(text) if self.glossary else None
            if known is not None:
                done[index] = Translation(known)
                continue
            tokens[index] = find(
                text, self.keep, self.glossary.terms(text) if self.glossary else ()
            )
            if not has_words(mask(text, tokens[index], " ")):
                done[index] = self._without_words(text, tokens[index])
        for kinds in (HARD, None):
            left = [index for index in tokens if index not in done]
            self._marked(texts, left, tokens, kinds, done)
        self._in_pieces(texts, [index for index in tokens if index not in done], tokens, done)
        return [self._set(done[index], text) for index, text in enumerate(texts)]

    def _without_words(self, text: str, tokens: Sequence[Token]) -> Translation:
        if any(token.kind == "term" for token in tokens):
            return Translation(_replaced(text, tokens))
        return Translation(None, 1.0, ("nothing to translate",))

    def _marked(
        self,
        texts: Sequence[str],
        indices: Sequence[int],
        tokens: dict[int, list[Token]],
        kinds: Sequence[str] | None,
        done: dict[int, Translation],
    ) -> None:
        """Translate with the tokens of these kinds (None: all) hidden; keep what comes back whole."""
        hidden = {
            i: [token for token in tokens[i] if kinds is None or token.kind in kinds]
            for i in indices
        }
        if kinds is None:  # where the first round hid everything, nothing new can come of it
            indices = [i for i in indices if any(token.kind not in HARD for token in tokens[i])]
        masked = [mask(texts[i], hidden[i], self._mark) for i in indices]
        for i, sent, result in zip(indices, masked, self._call(masked), strict=True):
            if result.text is None:
                done[i] = result
                continue
            whole = restore(result.text, sent, hidden[i], self._mark)
            if whole is None or lost(whole, texts[i], tokens[i]) or _astray(whole, texts[i]):
                continue
            done[i] = replace(result, text=whole)

    def _in_pieces(
        self,
        texts: Sequence[str],
        indices: Sequence[int],
        tokens: dict[int, list[Token]],
        done: dict[int, Translation],
    ) -> None:
        pieces: list[str] = []
        cuts: dict[int, list[str]] = {}
        for i in indices:
            cuts[i] = _between(texts[i], tokens[i])
            pieces += [piece.strip() for piece in cuts[i] if has_words(piece)]
        results = iter(self._call(pieces))
        for i in indices:
            parts: list[str] = []
            confidence, known = 1.0, False
            for number, piece in enumerate(cuts[i]):
                if has_words(piece):
                    result = next(results)
                    good = result.text is not None and not _astray(result.text, piece)
                    if good and result.text is not None:
                        known = True
                        confidence = min(confidence, result.confidence)
                        lead = piece[: len(piece) - len(piece.lstrip())]
                        tail = piece[len(piece.rstrip()) :]
                        piece = lead + result.text + tail
                parts.append(piece)
                if number < len(tokens[i]):
                    parts.append(tokens[i][number].instead)
            text = "".join(parts)
            if known and not lost(text, texts[i], tokens[i]):
                done[i] = Translation(text, _PIECES * confidence, ("in pieces",))
            else:
                done[i] = Translation(None, 0.0, ("a protected token was lost",))

    def _call(self, texts: Sequence[str]) -> list[Translation]:
        """Call the translator, sentence by sentence where it wants them so."""
        if not texts:
            return []
        if self.translator.unit == "text":
            return self._checked(texts)
        cut = [sentences.split(text, self.source) for text in texts]
        results = iter(self._checked([part for parts in cut for part in parts if has_words(part)]))
        joined = []
        for parts in cut:
            own = [next(results) if has_words(part) else Translation(part) for part in parts]
            if all(result.text is None for result in own):
                joined.append(Translation(None, 0.0, own[0].flags if own else ()))
                continue
            flags = {flag for result in own for flag in result.flags}
            flags |= {"partial"} if any(result.text is None for result in own) else set()
            text = sentences.join(
                [part if r.text is None else r.text for part, r in zip(parts, own, strict=True)],
                self.target,
            )
            known = [r.confidence for r in own if r.text is not None]
            joined.append(Translation(text, sum(known) / len(known), tuple(sorted(flags))))
        return joined

    def _checked(self, texts: Sequence[str]) -> list[Translation]:
        results = self.translator.translate(texts, self.source, self.target) if texts else []
        if len(results) != len(texts):
            raise PluginError(
                f"the translator {self.translator.name!r} breaks its contract",
                why=f"{len(results)} translations came back for {len(texts)} texts",
                hint="Report it to its authors, or choose another --translator.",
            )
        return [replace(result, text=_clean(result.text) or None) for result in results]

    def _set(self, result: Translation, text: str) -> Translation:
        """Return the translation in the target's typography; without a text where nothing changed."""
        if result.text is None:
            return result
        out = _shouted(result.text, text, self.keep)
        if self.numbers:
            out = renumber(out, self.source, self.target, self.keep)
        if self.typography:
            out = typeset(out, self.target, self.keep)
        if out == text:
            return replace(result, text=None, flags=(*result.flags, "came back unchanged"))
        return replace(result, text=out)


def _clean(text: str | None) -> str:
    """Return a translation on one line, without characters that stand for nothing on a page."""
    kept = (
        " " if c in _BREAKS else c
        for c in text or ""
        if c in _BREAKS or category(c) not in _NOTHING
    )
    return re.sub(" {2,}", " ", "".join(kept)).strip()


def _shouted(translated: str, text: str, keep: Sequence[str]) -> str:
    """Return the translation in capitals where its text is in capitals; tokens stay as they are."""
    plain = mask(text, find(text, keep), " ")
    cased = [c for c in plain if c.isupper() or c.islower()]
    if len(cased) < 4 or not all(map(str.isupper, cased)):
        return translated
    return untouched(translated, find(translated, keep), str.upper)


def _between(text: str, tokens: Sequence[Token]) -> list[str]:
    edges = [0, *(edge for token in tokens for edge in (token.start, token.end)), len(text)]
    return [text[edges[i] : edges[i + 1]] for i in range(0, len(edges), 2)]


def _replaced(text: str, tokens: Sequence[Token]) -> str:
    pieces = _between(text, tokens)
    put = [token.instead for token in tokens] + [""]
    return "".join(piece + instead for piece, instead in zip(pieces, put, strict=True))


def _astray(translated: str, text: str) -> bool:
    return len(translated) > _LONGEST * len(text) + _SPARE
