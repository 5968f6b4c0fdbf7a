"""Seam of the translators: texts in one language in, texts in another out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple

from ..stage import NoConfig


class Part(NamedTuple):
    """Characters ``start:end`` of a text; ``number`` says what they have in common with others."""

    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Translation:
    """What a translator makes of one text.

    Attributes:
        text: the translation; None where the translator has none, so that the text stays as it is.
        confidence: 0.0-1.0.
        flags: what a person should know of it, in a word or two each, e.g. ``"fuzzy"``, ``"partial"``;
            never the text itself.
        failed: whether it should have one but has none, or only a damaged one.
        parts: where the text's parts are, see :mod:`.markup`; a translator leaves them to its caller.
    """

    text: str | None = field(repr=False)
    confidence: float = 1.0
    flags: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    failed: bool = False


class Translator(ABC):
    """Translates batches of texts. A plugin subclasses it and registers the class.

    One object serves a worker for all its documents; it is made when the first text is to be
    translated. What must not change (placeholders, addresses, the user's terms) has been replaced by
    marks before :meth:`translate` sees a text, and is checked and put back afterwards: a translator
    only has to leave the marks alone as well as it can. Translators hold no text between calls and
    log none.

    Attributes:
        name: the name under which it is registered.
        Config: a frozen dataclass; its fields are the options under ``[translators.<name>]``.
        mark: how a protected piece is written in the texts, with ``{}`` for its number: choose what
            this translator is most likely to hand through.
        unit: ``"text"`` for whole paragraphs, ``"sentence"`` to be given one sentence a text.
        tags: whether words in tags such as ``<s1>red</s1> house`` come back in the same tags, wherever
            they are then. Texts have such tags only then, around words that look otherwise or hold a
            link; without, these are sought in the translation.
        network: whether texts leave this machine; the command line says so.
    """

    name: ClassVar[str] = ""
    Config: ClassVar[type[Any]] = NoConfig
    mark: ClassVar[str] = "\u27e6{}\u27e7"
    unit: ClassVar[Literal["text", "sentence"]] = "text"
    tags: ClassVar[bool] = False
    network: ClassVar[bool] = False

    def __init__(self, config: Any = None) -> None:
        self.config = self.Config() if config is None else config

    def check(self, source: str, target: str) -> None:
        """Raise when this pair of languages cannot be translated, before any page is read.

        Args:
            source: BCP 47 tag, e.g. ``"en"``; ``""`` when it is found for each paragraph.
            target: BCP 47 tag, e.g. ``"pt-BR"``.

        Raises:
            UsageError: there is no such pair, or an option is missing.
            MissingExtraError: a program, package or model is missing; the hint says how to get it.
        """
        del source, target

    @abstractmethod
    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
        """Return the translation of each text, in order.

        Args:
            texts: paragraphs, cells or sentences, each without line breaks; never empty.
            source: BCP 47 tag of their language.
            target: BCP 47 tag of the language wanted.

        Raises:
            UsageError, MissingExtraError: as :meth:`check`.
            EngineError: the translator failed; it must not quote the text.
        """
