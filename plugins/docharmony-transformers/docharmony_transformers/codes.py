"""What checkpoints call languages: ``>>spa<<``, ``spa_Latn``, ``__es__``, ``es_XX``, ``<2es>``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import langcodes

from docharmony.translators.tags import alpha3, language, script

_FORMS = {
    "marian": re.compile(r">>([a-z]{2,3})(?:_([A-Z][a-z]{3}))?(?:_[A-Z]{2})?<<"),
    "nllb": re.compile(r"([a-z]{3})_([A-Z][a-z]{3})"),
    "m2m": re.compile(r"__([a-z]{2,3})__"),
    "mbart": re.compile(r"([a-z]{2})_[A-Z]{2}"),
    "madlad": re.compile(r"<2([a-z]{2,3})(?:_([A-Z][a-z]{3}))?>"),
}


@dataclass(frozen=True, slots=True)
class Code:
    """A token of the vocabulary that names a language."""

    form: str
    token: str
    language: str
    script: str

    @property
    def name(self) -> str:
        """What the tokenizer wants to hear as its source language."""
        return self.token.strip("_") if self.form == "m2m" else self.token


def find(tokens: Iterable[str]) -> list[Code]:
    """Return the language tokens among the tokens of a vocabulary."""
    found = []
    for token in tokens:
        for form, pattern in _FORMS.items():
            match = pattern.fullmatch(token)
            if match:
                name, *rest = match.groups()
                found.append(Code(form, token, name, (rest[0] if rest else "") or ""))
                break
    return found


def choose(codes: Iterable[Code], tag: str) -> Code | None:
    """Return the code of a language, in the script that the tag names or that is usual for it.

    >>> codes = find(["zho_Hant", "zho_Hans", "spa_Latn"])
    >>> choose(codes, "zh").token, choose(codes, "zh-TW").token, choose(codes, "fr")
    ('zho_Hans', 'zho_Hant', None)
    """
    names = {language(tag), alpha3(tag)}
    if language(tag) in ("no", "nb"):
        names |= {"no", "nb", "nob"}
    wanted = script(tag) or langcodes.Language.get(tag).maximize().script or ""
    fitting = [code for code in codes if code.language in names]
    return min(
        fitting, key=lambda code: (code.script not in ("", wanted), code.token), default=None
    )
