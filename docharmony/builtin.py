"""What docharmony itself registers, through the same hooks as any plugin."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from .config import RunConfig
    from .model import Page


@hookimpl
def register_stages(register: Register) -> None:
    """Register the stages of the core."""
    register("ocr", "docharmony.stages.ocr:OcrStage", "reads text lines with the engine")
    register("layout", "docharmony.stages.layout:LayoutStage", "blocks in reading order, tables")
    register("qa", "docharmony.stages.qa:QaStage", "answers questions, with their place")
    register("translate", "docharmony.stages.translate:TranslateStage", "proposes translations")
    register("redact", "docharmony.stages.redact:RedactStage", "proposes what to redact")
    register("replace", "docharmony.stages.replace:ReplaceStage", "proposes new text for old")


@hookimpl
def register_checkpoints(register: Register) -> None:
    """Register the bundled checkpoint."""
    nano = Path(__file__).parent / "checkpoints" / "nano"
    register("nano", str(nano), "small, bundled, runs on a CPU without torch")


@hookimpl
def register_detectors(register: Register) -> None:
    """Register the kinds of private data that rules and checksums find."""
    from .detect.pii import KINDS

    for name, (target, summary) in KINDS.items():
        register(name, target, summary)


@hookimpl
def register_translators(register: Register) -> None:
    """Register the translator of the core."""
    register(
        "glossary",
        "docharmony.translators.glossary:GlossaryTranslator",
        "terms and segments of a CSV or TMX file",
    )


@hookimpl
def register_executors(register: Register) -> None:
    """Register the executors of the core."""
    register("serial", "docharmony.executors:serial", "one page batch after another")
    register("process", "docharmony.executors:process", "page batches over --jobs processes")


@hookimpl
def register_readers(register: Register) -> None:
    """Register the readers of the core, by media type."""
    register("application/pdf", "docharmony.io.pdf:PdfSource", "PDF")
    for name in ("png", "jpeg", "tiff", "webp", "bmp"):
        register(f"image/{name}", "docharmony.io.image:ImageSource", f"{name.upper()} image")


@hookimpl
def register_writers(register: Register) -> None:
    """Register the output formats of the core."""
    write = "docharmony.io.write"
    register("json", f"{write}.json:JsonWriter", "the document model, schema 1")
    register("text", f"{write}.text:TextWriter", "plain text in reading order")
    register("markdown", f"{write}.markdown:MarkdownWriter", "headings, lists and tables")
    register("hocr", f"{write}.hocr:HocrWriter", "hOCR")
    register("alto", f"{write}.alto:AltoWriter", "ALTO 4")
    register("pdf", f"{write}.searchable_pdf:SearchablePdfWriter", "searchable PDF")
    register("png", f"{write}.overlay:OverlayWriter", "blocks drawn over the page, to look at")


@hookimpl
def register_commands(subparsers: Any) -> None:
    """Add the commands of the core."""
    from .cli import commands

    commands.add(subparsers)


@hookimpl(trylast=True)
def route_page(page: Page, config: RunConfig) -> str | None:
    """Choose digital, scan or mixed by what the page holds."""
    from .routing import classify

    return classify(page)
