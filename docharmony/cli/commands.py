"""The core's commands, in the order of the help text."""

from __future__ import annotations

from typing import Any

from . import ask, convert, installed, read, redact, replace, review, run, translate, verify


def add(subparsers: Any) -> None:
    """Add every command of the core."""
    read.add_ocr(subparsers)
    read.add_layout(subparsers)
    ask.add(subparsers)
    redact.add(subparsers)
    replace.add(subparsers)
    translate.add(subparsers)
    review.add(subparsers)
    verify.add(subparsers)
    run.add(subparsers)
    installed.add(subparsers)
    convert.add(subparsers)
