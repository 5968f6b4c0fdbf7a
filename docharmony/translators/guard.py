"""Translate safely: whatever a translator does, what is protected comes back, or the text stays.

Each text is tried in up to three ways, in batches over all texts that still need it:

1. placeholders, addresses, ids, terms behind marks; numbers in plain sight;
2. numbers, dates and amounts behind marks too;
3. only the pieces between protected tokens are translated, and the text is put together again.

A way fails when a token is missing afterwards. What fails in all three keeps its text. Parts of a
text that look otherwise are found again in whatever came of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from unicodedata import category

from ..errors import PluginError
from . import markup, sentences
from .base import Part, Translation, Translator
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

    def translate(
        self,
        texts: Sequence[str],
        parts: Sequence[Sequence[Part]] | None = None,
        code: Sequence[Sequence[int]] | None = None,
    ) -> list[Translation]:
        """Return the translation of each text; ``text`` is None where it stays as it is.

        Args:
            texts: to translate.
            parts: of each text, those that look otherwise: the translations tell where they are then.
            code: numbers of the parts that are program text and stay as they are.

        Raises:
            PluginError: the translator breaks its contract.
            DocharmonyError: what the translator raises.
        """
        done: dict[int, Translation] = {}
        tokens: dict[int, list[Token]] = {}
        parts = [
            own if markup.is_plain(text) else ()
            for text, own in zip(texts, parts or [()] * len(texts), strict=True)
        ]
        for index, text in enumerate(texts):
            known = self.glossary.exact(text) if self.glossary else None
            if known is not None:
                done[index] = Translation(known)
                continue
            terms = self.glossary.terms(text) if self.glossary else []
            fixed = _raised(text, parts[index])
            fixed += [
                Token(part.start, part.end, "code", text[part.start : part.end])
                for part in parts[index]
                if code and part.number in code[index] and has_words(text[part.start : part.end])
            ]
            tokens[index] = find(text, self.keep, [*fixed, *terms])
            if not has_words(mask(text, tokens[index], " ")):
                done[index] = self._without_words(text, tokens[index])
        for kinds in (HARD, None):
            left = [index for index in tokens if index not in done]
            self._marked(texts, left, tokens, kinds, done, parts)
        self._in_pieces(texts, [i for i in tokens if i not in done], tokens, done, parts)
        self._find_parts(texts, parts, tokens, done)
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
        parts: Sequence[Sequence[Part]],
    ) -> None:
        """Translate with the tokens of these kinds (None: all) hidden; keep what comes back whole."""
        hidden = {
            i: [token for token in tokens[i] if kinds is None or token.kind in kinds]
            for i in indices
        }
        if kinds is None:  # where the first round hid everything, nothing new can come of it
            indices = [i for i in indices if any(token.kind not in HARD for token in tokens[i])]
        masked = [mask(texts[i], hidden[i], self._mark) for i in indices]
        asked = list(masked)
        for n, i in enumerate(indices):
            hidden[i], outer = _within(texts[i], parts[i], hidden[i])
            if outer and self.translator.tags:
                text, shifted = _sealed(texts[i], outer, hidden[i])
                asked[n] = markup.as_tags(mask(text, shifted, self._mark))
        for n, (i, result) in enumerate(zip(indices, self._call(asked), strict=True)):
            if result.text is None:
                done[i] = result
                continue
            answer = result.text
            if asked[n] != masked[n]:
                answer = markup.sealed(*markup.untagged(answer))
            whole = restore(answer, masked[n], hidden[i], self._mark)
            plain, own = markup.unsealed(whole) if whole is not None and parts[i] else (whole, [])
            if plain is None or lost(plain, texts[i], tokens[i]) or _astray(plain, texts[i]):
                continue
            spots = []
            for part in parts[i]:
                told = [found for found in own if found.number == part.number]
                told = markup.trimmed(told, plain, part, texts[i])
                held = _held(part, tokens[i])
                # Tags that let go of an address are not believed: the part is sought by its words.
                if all(any(t.instead in plain[p.start : p.end] for p in told) for t in held):
                    spots += told
            done[i] = replace(result, text=plain, parts=_apart(spots))

    def _find_parts(
        self,
        texts: Sequence[str],
        parts: Sequence[Sequence[Part]],
        tokens: dict[int, list[Token]],
        done: dict[int, Translation],
    ) -> None:
        """Find the parts that no tags told of: by their own translations, or by their place."""
        wanted = [
            (i, part)
            for i, result in sorted(done.items())
            if result.text is not None
            for part in parts[i]
            if part.number not in {known.number for known in result.parts}
        ]
        phrases: dict[str, str | None] = {}
        for i, part in wanted:
            phrase = texts[i][part.start : part.end]
            held = [
                replace(token, start=token.start - part.start, end=token.end - part.start)
                for token in _held(part, tokens.get(i, ()))
            ]
            if held:
                phrases[phrase] = _replaced(phrase, held)
            elif has_words(phrase) and phrase != texts[i].strip():
                phrases[phrase] = self.glossary.exact(phrase) if self.glossary else None
        asked = [phrase for phrase, known in phrases.items() if known is None]
        for phrase, answer in zip(asked, self._call(asked), strict=True):
            phrases[phrase] = answer.text
        for i, part in wanted:
            result = done[i]
            own = phrases.get(texts[i][part.start : part.end])
            place, sure = markup.found(texts[i], part, result.text or "", own, result.parts)
            if any(place.start < o.end and place.end > o.start for o in result.parts):
                continue
            flags = result.flags if sure else (*result.flags, "style by place")
            done[i] = replace(
                result,
                parts=_apart([*result.parts, place]),
                flags=tuple(dict.fromkeys(flags)),
            )

    def _in_pieces(
        self,
        texts: Sequence[str],
        indices: Sequence[int],
        tokens: dict[int, list[Token]],
        done: dict[int, Translation],
        styled: Sequence[Sequence[Part]],
    ) -> None:
        pieces: list[str] = []
        cuts: dict[int, list[str]] = {}
        for i in indices:
            cuts[i] = _between(texts[i], tokens[i])
            pieces += [piece.strip() for piece in cuts[i] if has_words(piece)]
        results = iter(self._call(pieces))
        for i in indices:
            parts: list[str] = []
            put, _ = _within(texts[i], styled[i], tokens[i])
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
                if number < len(put):
                    parts.append(put[number].instead)
            text = "".join(parts)
            text, own = markup.unsealed(text) if styled[i] else (text, [])
            if known and not lost(text, texts[i], tokens[i]):
                done[i] = Translation(text, _PIECES * confidence, ("in pieces",), _apart(own))
            else:
                done[i] = Translation(None, 0.0, ("a protected token was lost",), failed=True)

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
                failed = any(result.failed for result in own)
                joined.append(Translation(None, 0.0, own[0].flags if own else (), failed=failed))
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
        parts = tuple(markup.moved(result.parts, result.text, out))
        return replace(result, text=out, parts=parts)


def _apart(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Return parts in order, without those that overlap an earlier one."""
    result: list[Part] = []
    for part in sorted(parts, key=lambda part: part.start):
        if not result or part.start >= result[-1].end:
            result.append(part)
    return tuple(result)


def _held(part: Part, tokens: Sequence[Token]) -> list[Token]:
    """Return the tokens that stand within a part."""
    return [token for token in tokens if part.start <= token.start and token.end <= part.end]


def _raised(text: str, parts: Sequence[Part]) -> list[Token]:
    """Return the parts that are signs behind a word, such as the number of a footnote, as tokens."""
    return [
        Token(part.start, part.end, "raised", text[part.start : part.end])
        for part in parts
        if part.start
        and not text[part.start - 1].isspace()
        and not has_words(text[part.start : part.end])
    ]


def _within(
    text: str, parts: Sequence[Part], tokens: Sequence[Token]
) -> tuple[list[Token], list[Part]]:
    """Return the tokens, those that hold parts with signs for them, and the parts that none holds."""
    result, outer = list(tokens), []
    for part in parts:
        for index, token in enumerate(result):
            if token.start <= part.start and part.end <= token.end:
                plain = markup.unsealed(token.instead)[0]
                start, end = 0, len(plain)
                if plain == text[token.start : token.end]:
                    start, end = part.start - token.start, part.end - token.start
                whole = [*markup.unsealed(token.instead)[1], Part(part.number, start, end)]
                result[index] = replace(token, instead=markup.sealed(plain, whole))
                break
        else:
            outer.append(part)
    return result, outer


def _sealed(text: str, parts: Sequence[Part], tokens: Sequence[Token]) -> tuple[str, list[Token]]:
    """Return the text with signs at the ends of its parts, and the tokens where they are then.

    A part ends where a token does, not within it.
    """
    whole: list[Part] = []
    for part in parts:
        start, end = part.start, part.end
        for token in tokens:
            if token.start < start < token.end:
                start = token.start
            if token.start < end < token.end:
                end = token.end
        if not whole or start >= whole[-1].end:
            whole.append(Part(part.number, start, end))
    ends = [edge for part in whole for edge in (part.start, part.end)]
    shifted = []
    for token in tokens:
        before = sum(edge <= token.start for edge in ends)
        shifted.append(replace(token, start=token.start + before, end=token.end + before))
    return markup.sealed(text, whole), shifted


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
