"""Adds ``docharmony export``: a checkpoint in safetensors becomes ONNX parts. Imports nothing heavy."""

from __future__ import annotations

import argparse
from typing import Any

from docharmony import hookimpl

from .command import add


@hookimpl
def register_commands(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command ``export``."""
    add(subparsers)
