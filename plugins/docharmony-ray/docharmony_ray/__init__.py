"""Registers the executor ``ray``. Imports nothing heavy; starts nothing."""

from __future__ import annotations

from docharmony import hookimpl
from docharmony.hookspecs import Register


@hookimpl
def register_executors(register: Register) -> None:
    """Register the executor by name; Ray is imported when ``--executor ray`` names it."""
    register(
        "ray", "docharmony_ray.executor:spread", "page batches over the workers of a Ray cluster"
    )
