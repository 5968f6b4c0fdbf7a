"""Adds ``docharmony train``: data, training in legs, evaluation, export. Imports nothing heavy."""

from __future__ import annotations

import argparse
from typing import Any

from docharmony import hookimpl

from .commands import add


@hookimpl
def register_commands(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command ``train``."""
    add(subparsers)
