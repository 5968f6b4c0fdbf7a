"""Registers the translator ``http``. Imports nothing heavy; opens no connection."""

from __future__ import annotations

from docharmony import hookimpl
from docharmony.hookspecs import Register


@hookimpl
def register_translators(register: Register) -> None:
    """Register the translator by name; texts leave the machine only where ``--translator`` names it."""
    register(
        "http",
        "docharmony_http.translator:HttpTranslator",
        "an OpenAI-style chat endpoint or a LibreTranslate server; texts leave this machine",
    )
