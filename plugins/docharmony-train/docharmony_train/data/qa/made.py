"""A made document as a function of its split and seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal

from . import asking, content, layout
from .parts import Fact, Question
from .words import Words

Split = Literal["dev", "test", "languages"]
SPLITS: tuple[Split, ...] = ("dev", "test", "languages")
LANGUAGES = {"dev": ("en", "de", "fr", "es", "it"), "test": ("en", "de", "fr", "es", "it"),
             "languages": ("nl", "pt", "pl")}  # fmt: skip
KINDS = {
    "dev": tuple(kind for kind in content.KINDS if kind not in content.HELD_OUT_KINDS),
    "test": tuple(content.KINDS),
    "languages": tuple(content.KINDS),
}


@dataclass(frozen=True, slots=True)
class MadeDocument:
    """A document with what it says.

    Attributes:
        pdf: the file; its text layer is the truth for its pixels.
        kind: such as ``"invoice"``.
        language: two letters.
        layout: name of the layout; equal for equal choices of components.
        facts: by concept, as far as they are printed.
        questions: with their answers.
    """

    pdf: bytes
    kind: str
    language: str
    layout: str
    facts: dict[str, Fact]
    questions: tuple[Question, ...]


def make(seed: int, split: Split = "dev", *, kind: str | None = None, language: str | None = None,
         questions: int = 10) -> MadeDocument:  # fmt: skip
    """Return the document of a seed.

    Args:
        seed: documents of different seeds differ in everything.
        split: see the package.
        kind: None takes one of the split's.
        language: None takes one of the split's.
        questions: about how many.
    """
    rng = Random(f"{split} {seed}")
    held_out = split != "dev"
    kind = kind or rng.choice(KINDS[split])
    language = language or rng.choice(LANGUAGES[split])
    words = Words(language, rng, held_out=held_out)
    english = words if language == "en" else Words("en", rng, held_out=held_out)
    said = content.KINDS[kind](words)
    look = layout.choose(rng, kind, held_out=held_out)
    before = words.data["words"]["filler"] if rng.random() < 0.12 and look.size != "till" else []
    pdf = layout.draw(said, look, rng, filler=before)
    asked = asking.ask(said, words, english, rng, limit=questions)
    facts: dict[str, Fact] = {}
    for fact in said.facts:
        if fact.places and fact.key:
            facts.setdefault(fact.key, fact)
    return MadeDocument(pdf, kind, language, look.name, facts, tuple(asked))
