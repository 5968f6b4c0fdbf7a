"""Translators for tests: one that accents vowels, so that its work can be told, and faulty ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from docharmony import MissingExtraError, Translation, Translator, hookimpl

ACCENTS = str.maketrans("aeiouAEIOU", "áéíóúÁÉÍÓÚ")


class Accents(Translator):
    """Accents every vowel; knows all languages."""

    name: ClassVar[str] = "accents"

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
        return [Translation(text.translate(ACCENTS), 0.9) for text in texts]


class EnglishOnly(Accents):
    """Translates from English alone."""

    name: ClassVar[str] = "english"

    def check(self, source: str, target: str) -> None:
        if source not in ("", "en"):
            raise MissingExtraError(f"no pair {source}-{target}", hint="Run: install-pair")


class Online(Accents):
    """Says that it uses the network."""

    name: ClassVar[str] = "online"
    network: ClassVar[bool] = True


class Fails(Accents):
    """Raises an exception that quotes the text."""

    name: ClassVar[str] = "fails"

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
        raise ValueError(texts[0])


class Drops(Accents):
    """Has an answer for short texts only, as if the server had failed."""

    name: ClassVar[str] = "drops"

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
        good = super().translate(texts, source, target)
        return [
            one if len(text) < 30 else Translation(None, 0.0, ("no answer",), failed=True)
            for one, text in zip(good, texts, strict=True)
        ]


@hookimpl
def register_translators(register):
    for translator in (Accents, EnglishOnly, Online, Fails, Drops):
        register(translator.name, translator, "for tests")
