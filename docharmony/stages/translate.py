"""The stage ``translate``: proposes the translation of every text of a page, as edits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..errors import DocharmonyError, MissingExtraError, UsageError
from ..geometry import BBox
from ..model import Edit, EditStatus, Line, Page
from ..stage import Context, Stage
from ..translators import units
from ..translators.glossary import GlossaryConfig, GlossaryTranslator
from ..translators.guard import Guard
from ..translators.identify import identify, shares
from ..translators.protect import find, has_words, mask
from ..translators.tags import normal, same
from ..translators.texts import is_code, shared_out
from .inline import Looks, Seen, looks
from .replacing import Naming, Replacer
from .rows import in_rows

if TYPE_CHECKING:
    from ..translators.base import Translation, Translator
    from ..translators.glossary import Glossary

# A guess that is less sure gives way to the language of most of the pages.
_SURE, _SURER = 0.5, 0.9
# Characters from which a guess against the user's own word counts.
_ENOUGH = 40
# Whether a document has had anything to translate yet.
BEGUN = "translate.begun"


@dataclass(frozen=True, slots=True)
class TranslateConfig:
    """What to translate, and how."""

    to: str = ""
    """Language to translate into: a BCP 47 tag such as ``es`` or ``pt-BR``."""

    source: str = ""
    """Language of the document; empty finds it for each paragraph."""

    translator: str = ""
    """A registered translator; empty takes ``glossary`` where a glossary is given."""

    glossary: tuple[str, ...] = ()
    """CSV or TMX files whose translations win over the translator's."""

    keep: tuple[str, ...] = field(default=(), repr=False)
    """Terms that are left as they are."""

    typography: bool = True
    """Set quotes and the spaces around signs as the target language does."""

    numbers: bool = False
    """Write numbers with the target language's separators; otherwise they never change."""

    min_reading: float = 0.5
    """Leave alone what was read from pixels with less confidence (0.0-1.0)."""

    min_confidence: float = 0.0
    """Leave alone what was translated with less confidence (0.0-1.0)."""

    propose: bool = False
    """Propose the edits for a person to approve, instead of approving them."""


@dataclass(frozen=True, slots=True)
class Left:
    """A text that stays as it is: where, and why in a few words; never the text.

    Attributes:
        page: its number.
        bbox: where on it.
        reason: why.
        failed: whether a translation was tried and came to nothing, rather than not wanted.
    """

    page: int
    bbox: BBox
    reason: str
    failed: bool = False


class TranslateStage(Stage):
    """Adds an edit for each paragraph, cell and label that can be translated.

    What stays, and why, is kept in ``ctx.store["translate"]``, a list of :class:`Left`.
    """

    name = "translate"
    Config = TranslateConfig
    requires = frozenset({"lines"})
    provides = frozenset({"edits"})
    rewrites = True
    config: TranslateConfig

    def __init__(self, config: TranslateConfig | None = None) -> None:
        super().__init__(config)
        if self.config.to:
            self._to = normal(self.config.to)
        self._from = normal(self.config.source) if self.config.source else ""
        self._files = GlossaryTranslator(GlossaryConfig(self.config.glossary))

    def check(self, ctx: Context) -> None:
        """Raise before any page is read where this cannot work: no translator, no such pair.

        Raises:
            UsageError, MissingExtraError: as the translator's ``check`` does.
        """
        if not self.config.to:
            raise UsageError("translate needs a language", hint="Name it: --to es")
        if self._from and same(self._from, self._to):
            raise UsageError(
                f"the document is in {self._from} already", hint="Choose another --to or --from."
            )
        self._translator(ctx).check(self._from, self._to)
        if self.config.glossary and self._named != GlossaryTranslator.name:
            self._files.check(self._from, self._to)

    @property
    def _named(self) -> str:
        return self.config.translator or (GlossaryTranslator.name if self.config.glossary else "")

    def _translator(self, ctx: Context) -> Translator:
        if not self._named:
            raise UsageError(
                "translate needs a translator",
                hint="Name one: --translator NAME (`docharmony plugins` lists them), or give --glossary "
                "FILE.",
            )
        found = ctx.translator(self._named)
        if not isinstance(found, GlossaryTranslator) or not self.config.glossary:
            return found
        if self._files.config != replace(found.config, file=self.config.glossary):
            self._files = GlossaryTranslator(replace(found.config, file=self.config.glossary))
        return self._files

    def process(self, page: Page, ctx: Context) -> Page:
        """Return the page with the translations of its texts as edits."""
        return next(self.process_batch([page], ctx))

    def process_batch(self, pages: Sequence[Page], ctx: Context) -> Iterator[Page]:
        """Yield the pages with their edits; texts of all of them go to the translator together."""
        self.check(ctx)
        originals, pages = pages, [in_rows(page) for page in pages]
        found = units.units(pages)
        left: list[Left] = []
        seen = _Pages(pages, ctx)
        found, hidden = _seen_only(found, seen)
        for unit in hidden:
            left += _left(unit, "partly hidden text", pages)
        chosen = self._chosen(pages, found, left, ctx)
        styled = [looks(unit.parts, seen, unit.text) for unit, _ in chosen]
        results = self._translated(chosen, styled, ctx)
        reasons = [self._reason_to_leave(result) for result in results]
        alike = _mostly(pages, [u for (u, _), why in zip(chosen, reasons, strict=True) if not why])
        edits: list[list[Edit]] = [[] for _ in pages]
        replacers: dict[int, Replacer] = {}
        for (unit, source), own_looks, result, reason in zip(
            chosen, styled, results, reasons, strict=True
        ):
            if reason or result.text is None:
                left += _left(unit, reason, pages, failed=result.failed)
                continue
            sizes = [sum(len(line.text) for line in lines) for _, lines in unit.parts]
            ranges = shared_out(result.text, sizes)
            for (index, lines), (start, end) in zip(unit.parts, ranges, strict=True):
                text = result.text[start:end]
                if not text:  # a short last line whose words went to the part before
                    left += [Left(pages[index].number, _around(lines), "nothing left to set")]
                    continue
                if index not in replacers:
                    replacers[index] = Replacer(pages[index], ctx)
                edits[index].append(
                    replacers[index].block(
                        lines, text, self._naming(pages[index], edits[index], source, result),
                        language=self._to, align=unit.align,
                        inline=own_looks.of(result.parts, start, end, text), alike=alike[index],
                    )
                )  # fmt: skip
        ctx.store.setdefault(self.name, []).extend(left)
        for page, own in zip(originals, edits, strict=True):
            yield page.provide("edits", edits=(*page.edits, *own))

    def _naming(self, page: Page, own: Sequence[Edit], source: str, result: Translation) -> Naming:
        number = len(page.edits) + len(own) + 1
        reason = f"{source} to {self._to}"
        if result.flags:
            reason += f" ({', '.join(result.flags)})"
        status = EditStatus.PROPOSED if self.config.propose else EditStatus.APPROVED
        return Naming(f"p{page.number}e{number}", self.name, reason, status, result.confidence)

    def _chosen(
        self,
        pages: Sequence[Page],
        found: Sequence[units.Unit],
        left: list[Left],
        ctx: Context,
    ) -> list[tuple[units.Unit, str]]:
        """Return the units to translate, each with its language; the others go to ``left``."""
        wordy: list[units.Unit] = []
        for unit in found:
            reason = self._reason_to_skip(unit)
            if reason:
                left += _left(unit, reason, pages)
            else:
                wordy.append(unit)
        chosen: list[tuple[units.Unit, str]] = []
        missing: dict[str, DocharmonyError] = {}
        letters = Counter[str]()
        for unit, language in zip(wordy, self._languages(wordy, ctx), strict=True):
            letters[language] += len(unit.text)
            if same(language, self._to):
                left += _left(unit, f"in {language} already", pages)
            elif (error := self._cannot(language, ctx)) is not None:
                missing[language] = error
                left += _left(unit, f"no translator from {language}", pages)
            else:
                chosen.append((unit, language))
        for language, count in letters.most_common(1):
            # Most of what the pages say, and nothing else so far that can be translated: say so at
            # once rather than after the last page.
            begun = chosen or ctx.store.get(BEGUN)
            if language in missing and not begun and 2 * count > letters.total():
                raise missing[language]
        ctx.store[BEGUN] = bool(chosen) or ctx.store.get(BEGUN, False)
        return chosen

    def _reason_to_skip(self, unit: units.Unit) -> str:
        if not has_words(mask(unit.text, find(unit.text, self.config.keep), " ")):
            return "no words"
        if is_code(unit.text):
            return "code"
        if unit.confidence < self.config.min_reading:
            return "hard to read"
        return ""

    def _languages(self, wordy: Sequence[units.Unit], ctx: Context) -> list[str]:
        """Return the language of each text; that of most of them where a guess is not sure enough."""
        texts = [unit.text for unit in wordy]
        if self._from:
            # What is in the target language already stays, if there is enough of it to be sure.
            return [
                guess.language
                if same(guess.language, self._to)
                and guess.confidence >= _SURER
                and len(text) >= _ENOUGH
                else self._from
                for text, guess in zip(texts, identify(texts), strict=True)
            ]
        prior = shares(texts)
        main = max(prior, key=lambda name: prior[name], default="")
        found = []
        for guess in identify(texts, prior):
            # Names and addresses look like any language: one that nobody can translate must be sure.
            least = _SURE if self._cannot(guess.language, ctx) is None else _SURER
            sure = guess.confidence >= least
            found.append(guess.language if guess.language and sure else main)
        return found

    def _cannot(self, language: str, ctx: Context) -> DocharmonyError | None:
        """Return why there is no translation from a language; None where there is, or is no need."""
        if same(language, self._to):
            return None
        try:
            self._translator(ctx).check(language, self._to)
        except (UsageError, MissingExtraError) as error:
            return error
        return None

    def _translated(
        self,
        chosen: Sequence[tuple[units.Unit, str]],
        styled: Sequence[Looks],
        ctx: Context,
    ) -> list[Translation]:
        """Return the translation of each unit, translated in batches by language."""
        by_language: dict[str, list[int]] = {}
        for index, (_, language) in enumerate(chosen):
            by_language.setdefault(language, []).append(index)
        results: dict[int, Translation] = {}
        for language, indices in by_language.items():
            guard = Guard(
                self._translator(ctx),
                language,
                self._to,
                self.config.keep,
                self._glossary(language),
                self.config.typography,
                self.config.numbers,
            )
            texts = [chosen[index][0].text for index in indices]
            parts = [styled[index].parts for index in indices]
            code = [styled[index].code for index in indices]
            results |= dict(zip(indices, guard.translate(texts, parts, code), strict=True))
        return [results[index] for index in range(len(chosen))]

    def _glossary(self, language: str) -> Glossary | None:
        """Return the glossary beside a translator; the translator ``glossary`` is one itself."""
        if not self.config.glossary or self._named == GlossaryTranslator.name:
            return None
        return self._files.glossary(language, self._to)

    def _reason_to_leave(self, result: Translation) -> str:
        if result.text is None:
            return result.flags[-1] if result.flags else "no translation"
        if result.confidence < self.config.min_confidence:
            return "translated with too little confidence"
        return ""


class _Pages(dict[int, Seen]):
    """What is known of each page, looked up when a text of it is to be translated."""

    def __init__(self, pages: Sequence[Page], ctx: Context) -> None:
        self._pages, self._ctx = pages, ctx

    def __missing__(self, index: int) -> Seen:
        page = self._pages[index]
        graphics = self._ctx.graphics(page)
        self[index] = Seen(self._ctx.spans(page), graphics.links, graphics.rules)
        return self[index]


def _seen_only(
    found: Sequence[units.Unit], seen: Mapping[int, Seen]
) -> tuple[list[units.Unit], list[units.Unit]]:
    """Return the texts that are seen whole, and those with a hidden word in a line that is seen.

    A word in the middle of a line is hidden where a drawing stands for it, such as a logo.
    """
    whole: list[units.Unit] = []
    partly: list[units.Unit] = []
    for unit in found:
        boxes = [
            word.bbox
            for index, lines in unit.parts
            for line in lines
            if line.origin == "pdf"
            for word in line.words
            if any(
                not span.visible and span.bbox.contains(word.bbox.center)
                for span in seen[index].spans
            )
        ]
        (partly if boxes else whole).append(unit)
    return whole, partly


def counts(left: Sequence[Left]) -> Mapping[str, int]:
    """Return how many texts stay for each reason, the most frequent first."""
    return dict(Counter(item.reason for item in left).most_common())


def _mostly(pages: Sequence[Page], going: Iterable[units.Unit]) -> list[bool]:
    """Return for each page whether most of its letters get a translation.

    Only there does what has to be set smaller take the others along: elsewhere they would not be of
    the size of the texts that stay.
    """
    count = [0] * len(pages)
    for unit in going:
        for index, lines in unit.parts:
            count[index] += sum(len(line.text) for line in lines)
    return [
        2 * own >= sum(len(line.text) for line in page.lines)
        for page, own in zip(pages, count, strict=True)
    ]


def _left(
    unit: units.Unit, reason: str, pages: Sequence[Page], *, failed: bool = False
) -> list[Left]:
    return [
        Left(pages[index].number, _around(lines), reason, failed) for index, lines in unit.parts
    ]


def _around(lines: Sequence[Line]) -> BBox:
    return BBox.around(line.bbox for line in lines)
