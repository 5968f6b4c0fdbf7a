"""Registers the kinds ``name`` and ``address`` of private data. Imports nothing heavy."""

from __future__ import annotations

from docharmony import hookimpl
from docharmony.hookspecs import Register


@hookimpl
def register_detectors(register: Register) -> None:
    """Register the kinds that the model finds."""
    register("name", "docharmony_rampart.detect:Names", "names of persons (small BERT)")
    register("address", "docharmony_rampart.detect:Addresses", "postal addresses (small BERT)")
