"""Registers the translator ``apertium``. Imports nothing heavy."""

from __future__ import annotations

from docharmony import hookimpl
from docharmony.hookspecs import Register


@hookimpl
def register_translators(register: Register) -> None:
    """Register the translator by name; it is used only where ``--translator`` names it."""
    register(
        "apertium",
        "docharmony_apertium.translator:ApertiumTranslator",
        "by rules, with the apertium programs; offline",
    )
