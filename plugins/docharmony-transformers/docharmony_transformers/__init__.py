"""Registers the translator ``transformers``. Imports nothing heavy."""

from __future__ import annotations

from docharmony import hookimpl
from docharmony.hookspecs import Register


@hookimpl
def register_translators(register: Register) -> None:
    """Register the translator by name; the model is loaded only where ``--translator`` names it."""
    register(
        "transformers",
        "docharmony_transformers.translator:TransformersTranslator",
        "a checkpoint folder of yours: Marian, NLLB, M2M100, mBART, T5 or a language model; offline",
    )
