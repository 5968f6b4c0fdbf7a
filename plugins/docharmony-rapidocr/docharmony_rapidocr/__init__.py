"""Registers the stage ``ocr.rapidocr``. Imports nothing heavy."""

from __future__ import annotations

from docharmony import hookimpl
from docharmony.hookspecs import Register


@hookimpl
def register_stages(register: Register) -> None:
    """Register the stage by name; it is used only where a route or ``--set`` names it."""
    register(
        "ocr.rapidocr",
        "docharmony_rapidocr.stage:RapidOcrStage",
        "reads text lines with PP-OCRv6 (RapidOCR)",
    )
