"""Read, ask, redact, replace and translate what stands on the pages of PDFs and scans.

Ten lines to start with are in the README. Everything in ``__all__`` is public, nothing else is.
Names are imported on first use, so ``import docharmony`` takes milliseconds.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

# From 1.31 on onnxruntime reports its use over the network, under an id that it keeps on the disk. A
# program that handles secrets must not; only a user's own setting of the variable is left as it is.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from .asking import ask
    from .config import RunConfig
    from .detect.base import Detector, Match
    from .errors import (
        CheckpointError,
        ConfigError,
        DocharmonyError,
        EngineError,
        ExitCode,
        InputError,
        MissingExtraError,
        OutputError,
        PluginError,
        RedactionLeakError,
        StageError,
        UsageError,
    )
    from .extraction import Record, extract
    from .geometry import Affine, BBox, Point, Polygon
    from .hookspecs import hookimpl
    from .io.base import Opening, Source
    from .io.write.base import Writer
    from .model import (
        Answer,
        AnswerSpan,
        Block,
        BlockKind,
        Cell,
        Document,
        Edit,
        EditKind,
        EditStatus,
        Inline,
        Line,
        Page,
        PageFailure,
        Setting,
        SourceInfo,
        Word,
    )
    from .pipeline import Pipeline, open, write
    from .plan import Plan, RedactionReport
    from .plugins import Plugins
    from .redaction import propose, redact
    from .replacement import ReplacementReport, propose_replacements, replace
    from .stage import Context, Glyph, Graphics, Link, Rule, Span, Stage
    from .stages.qa import QaConfig
    from .stages.redact import RedactConfig
    from .stages.replace import ReplaceConfig
    from .stages.translate import TranslateConfig
    from .translation import TranslationReport, propose_translations, translate
    from .translators.base import Translation, Translator

_HOMES = {
    "asking": ("ask",),
    "extraction": ("Record", "extract"),
    "config": ("RunConfig",),
    "detect.base": ("Detector", "Match"),
    "errors": (
        "CheckpointError",
        "ConfigError",
        "DocharmonyError",
        "EngineError",
        "ExitCode",
        "InputError",
        "MissingExtraError",
        "OutputError",
        "PluginError",
        "RedactionLeakError",
        "StageError",
        "UsageError",
    ),
    "geometry": ("Affine", "BBox", "Point", "Polygon"),
    "hookspecs": ("hookimpl",),
    "io.base": ("Opening", "Source"),
    "io.write.base": ("Writer",),
    "model": (
        "Answer",
        "AnswerSpan",
        "Block",
        "BlockKind",
        "Cell",
        "Document",
        "Edit",
        "EditKind",
        "EditStatus",
        "Inline",
        "Line",
        "Page",
        "PageFailure",
        "Setting",
        "SourceInfo",
        "Word",
    ),
    "pipeline": ("Pipeline", "open", "write"),
    "plan": ("Plan", "RedactionReport"),
    "plugins": ("Plugins",),
    "redaction": ("propose", "redact"),
    "replacement": ("ReplacementReport", "propose_replacements", "replace"),
    "stage": ("Context", "Glyph", "Graphics", "Link", "Rule", "Span", "Stage"),
    "stages.qa": ("QaConfig",),
    "stages.redact": ("RedactConfig",),
    "stages.translate": ("TranslateConfig",),
    "translation": ("TranslationReport", "propose_translations", "translate"),
    "translators.base": ("Translation", "Translator"),
    "stages.replace": ("ReplaceConfig",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Affine",
    "Answer",
    "AnswerSpan",
    "BBox",
    "Block",
    "BlockKind",
    "Cell",
    "CheckpointError",
    "ConfigError",
    "Context",
    "Detector",
    "DocharmonyError",
    "Document",
    "Edit",
    "EditKind",
    "EditStatus",
    "EngineError",
    "ExitCode",
    "Glyph",
    "Graphics",
    "Inline",
    "InputError",
    "Line",
    "Link",
    "Match",
    "MissingExtraError",
    "Opening",
    "OutputError",
    "Page",
    "PageFailure",
    "Pipeline",
    "Plan",
    "PluginError",
    "Plugins",
    "Point",
    "Polygon",
    "QaConfig",
    "Record",
    "RedactConfig",
    "RedactionLeakError",
    "RedactionReport",
    "ReplaceConfig",
    "ReplacementReport",
    "Rule",
    "RunConfig",
    "Setting",
    "Source",
    "SourceInfo",
    "Span",
    "Stage",
    "StageError",
    "TranslateConfig",
    "Translation",
    "TranslationReport",
    "Translator",
    "UsageError",
    "Word",
    "Writer",
    "__version__",
    "ask",
    "extract",
    "hookimpl",
    "open",
    "propose",
    "propose_replacements",
    "propose_translations",
    "redact",
    "replace",
    "translate",
    "write",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'docharmony' has no attribute {name!r}")
    value = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
