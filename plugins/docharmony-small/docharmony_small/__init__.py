"""Registers the checkpoints small and small-bare and the embedder minilm. Imports nothing heavy."""

from __future__ import annotations

from docharmony import hookimpl
from docharmony.checkpoint import Recipe
from docharmony.hookspecs import Register


@hookimpl
def register_checkpoints(register: Register) -> None:
    """Register the checkpoints, which are made out of installed packages on first use."""
    register("small", Recipe("docharmony_small.small"), "nano, and SmolLM2-135M for questions")
    register("small-bare", Recipe("docharmony_small.bare"), "small without adapters, to compare")


@hookimpl
def register_embedders(register: Register) -> None:
    """Register the embedder of passages."""
    register("minilm", "docharmony_small.minilm:MiniLm", "all-MiniLM-L6-v2: English sentences")
