"""Hide a secret in random places, redact, and look for it as an attacker would."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import logging
import os
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf
import pypdfium2

from docharmony import DocharmonyError, Page, Pipeline, RedactionLeakError, RunConfig, Stage
from docharmony.errors import BrokenError
from docharmony.io import pdf as pdf_source
from docharmony.io import verify
from docharmony.io.write import edits as writer
from docharmony.plugins import Plugins
from docharmony.redaction import redact

from .book import Book
from .oracle import leaks, plain
from .places import PLACES
from .recipes import Recipe

# Names of the outcomes of a run.
CLEAN, WITHHELD, FAILED, LEAK, LOST, CHANGED, CRASH, DIED = (
    "clean", "withheld", "failed", "LEAK", "LOST WORDS", "CHANGED LOOK", "CRASH", "died"
)  # fmt: skip
# Pixels of a glyph that stick out of its edit.
_RIM = 12
BAD = frozenset({LEAK, LOST, CHANGED, CRASH})


@dataclass
class Result:
    """What came of one document."""

    outcome: str
    recipe: Recipe
    detail: str = ""


class Blind(Stage):
    """A reader that reads nothing: these documents are about what the text layer and regions say."""

    name = "fuzz.blind"
    provides = frozenset({"lines"})

    def process(self, page: Page, ctx: Any) -> Page:
        return page.provide("lines", lines=page.lines)


class _Ticket:
    def __init__(self, *call: Any) -> None:
        self.call = call


class Direct:
    """The calls of a parsing child, made in this process: a document takes a tenth of the time."""

    def __init__(self, limits: Any = None) -> None:
        self.limits = limits

    def submit(self, function: str, args: Any, blobs: Any = (), **options: Any) -> Any:
        return _Ticket(function, args, blobs)

    def result(self, ticket: Any) -> Any:
        function, args, blobs = ticket.call
        module, _, name = function.partition(":")
        called = getattr(importlib.import_module(module), name)
        args = json.loads(json.dumps(args))
        try:
            value, answer = called([bytearray(blob) for blob in blobs], **args)
        except (DocharmonyError, MemoryError):
            raise
        except Exception as error:  # as the parent of a child tells it
            where = traceback.extract_tb(error.__traceback__)[-1]
            why = f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}"
            raise BrokenError("the parser failed", why=why) from error
        return json.loads(json.dumps(value)), [bytearray(blob) for blob in answer]

    def call(self, function: str, args: Any, blobs: Any = (), **options: Any) -> Any:
        return self.result(self.submit(function, args, blobs))

    def close(self) -> None:
        pass

    def __enter__(self) -> Direct:
        return self

    def __exit__(self, *error: object) -> None:
        pass


@contextlib.contextmanager
def direct() -> Iterator[None]:
    """Make all calls of parsing children in this process meanwhile."""
    modules: list[Any] = [pdf_source, verify, writer]
    before = [module.Child for module in modules]
    for module in modules:
        module.Child = Direct
    try:
        yield
    finally:
        for module, child in zip(modules, before, strict=True):
            module.Child = child


def blind_pipeline() -> Pipeline:
    """Return the default pipeline, but for the engine."""
    plugins = Plugins()
    layout = plugins.stages.get("layout")()
    stages = [layout]
    return Pipeline(
        RunConfig(text_layer="trust"),  # the fonts that tell lies are in tests/test_letters.py
        plugins=plugins,
        routes={"digital": stages, "mixed": [Blind(), layout], "scan": [Blind(), layout]},
    )


def attack(recipe: Recipe, folder: Path, pipeline: Pipeline, profile: Any = "minimal") -> Result:
    """Write, redact and attack one document.

    A blow may make a font lie, which nobody notices who trusts the text layer, as these pipelines do:
    what leaks or is withheld then is redacted once more as users do, with the engine, and judged by that.
    """
    stem = recipe.seed.replace("/", "_")
    source, out = folder / f"{stem}.pdf", folder / f"{stem}-out.pdf"
    out.unlink(missing_ok=True)
    book = recipe.book()
    source.write_bytes(recipe.file(book))
    result = judge(book, recipe, source, out, pipeline, profile)
    if result.outcome in (LEAK, WITHHELD) and recipe.blows:
        out.unlink(missing_ok=True)
        return judge(book, recipe, source, out, Pipeline(RunConfig()), profile)
    return result


def attack_apart(
    recipe: Recipe, folder: Path, pipeline: Pipeline, profile: Any = "minimal", seconds: float = 90
) -> Result:
    """Attack one document in a process of its own: what kills or stops the parser is told, too."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        result = Result(CRASH, recipe)
        try:
            result = attack(recipe, folder, pipeline, profile)
        except BaseException as error:
            result.detail = f"{type(error).__name__}: {error}"
        finally:
            os.write(writer, json.dumps([result.outcome, result.detail[:2000]]).encode())
            os._exit(0)
    os.close(writer)
    try:
        ready, _, _ = select.select([reader], [], [], seconds)
        answer = os.read(reader, 1 << 16) if ready else b""
        if not ready:
            os.kill(child, signal.SIGKILL)
    finally:
        os.close(reader)
    _, status = os.waitpid(child, 0)
    if not answer:
        return Result(DIED, recipe, f"status {status}" if ready else f"over {seconds:g} s")
    outcome, detail = json.loads(answer)
    return Result(outcome, recipe, detail)


def judge(
    book: Book,
    recipe: Recipe,
    source: Path,
    out: Path,
    pipeline: Pipeline,
    profile: Any = "minimal",
) -> Result:
    """Redact a file of a book and attack the output."""
    options: dict[str, Any] = {"terms": [book.secret], "regions": book.regions}
    try:
        report = redact(source, out, pipeline=pipeline, profile=profile, **options)
    except RedactionLeakError as error:
        if out.exists():
            return Result(LEAK, recipe, "withheld, and yet written")
        return Result(WITHHELD, recipe, f"{error.where}: {error.why}")
    except DocharmonyError as error:
        if out.exists():
            return Result(LEAK, recipe, "failed, and yet written")
        return Result(FAILED, recipe, str(error))
    found = leaks(out, book.secret, book.pictures)
    if found:
        return Result(LEAK, recipe, ", ".join(found))
    if not recipe.blows and (lost := _lost(out, book.survivors)):
        return Result(LOST, recipe, ", ".join(lost))
    edits = {
        n: [*(edit.bbox for edit in own), *report.moved.get(n, ())]
        for n, own in report.edits.items()
    }
    if book.exact and profile == "minimal" and (changed := _changed(source, out, edits)):
        return Result(CHANGED, recipe, changed)
    return Result(CLEAN, recipe, "")


def _lost(out: Path, survivors: Sequence[str]) -> list[str]:
    with pymupdf.open(out) as document:
        one = plain("".join(page.get_text(clip=pymupdf.INFINITE_RECT()) for page in document))
    other = pypdfium2.PdfDocument(out)
    two = plain("".join(sheet.get_textpage().get_text_range() for sheet in other))
    other.close()
    return [text for text in survivors if plain(text) not in one and plain(text) not in two]


def _changed(source: Path, out: Path, edits: Any, margin: float = 3.0) -> str:
    """Return what looks different away from the edits."""
    with pymupdf.open(source) as before, pymupdf.open(out) as after:
        for number, (one, two) in enumerate(zip(before, after, strict=True), start=1):
            old, new = (
                np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.height, pixmap.width, 3)
                for pixmap in (one.get_pixmap(), two.get_pixmap())
            )
            if old.shape != new.shape:
                return f"page {number} has another size"
            differs = (old != new).any(axis=2)
            for box in edits.get(number, ()):
                wide = box.grow(margin)
                y0, x0 = max(0, int(wide.y0)), max(0, int(wide.x0))
                differs[y0 : int(wide.y1) + 1, x0 : int(wide.x1) + 1] = False
            if differs.sum() > _RIM:
                return f"page {number}: {int(differs.sum())} pixels"
    return ""


def shrink(recipe: Recipe, still: Callable[[Recipe], bool]) -> Recipe:
    """Return the smallest recipe that ``still`` holds for; it is asked of one thing less each time."""
    smaller = next(filter(still, recipe.smaller()), None)
    return recipe if smaller is None else shrink(smaller, still)


def main(arguments: Sequence[str] | None = None) -> int:
    """Attack many documents and print how it went, place by place; return 1 when anything is bad.

    Of what is bad the smallest recipe is printed; with ``--shrink`` that of all that is not clean.
    """
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--places", action="store_true", help="each place alone instead")
    parser.add_argument("--only", default="", help="names of places, with commas between them")
    parser.add_argument("--publish", action="store_true", help="profile publish")
    parser.add_argument("--damaged", action="store_true", help="damage the files")
    parser.add_argument("--shrink", action="store_true", help="shrink what was withheld, too")
    parser.add_argument("--recipe", default="", help="one recipe instead, as it was printed")
    parser.add_argument("--keep", type=Path, help="folder for inputs and outputs that are bad")
    options = parser.parse_args(arguments)
    logging.getLogger("docharmony").setLevel(logging.ERROR)
    only = [name for name in options.only.split(",") if name]
    tally: dict[str, Counter[str]] = {name: Counter() for name in PLACES}
    total: Counter[str] = Counter()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as made, direct():
        folder, pipeline = Path(made), blind_pipeline()

        def outcome(recipe: Recipe) -> Result:
            profile = "publish" if options.publish else "minimal"
            return attack_apart(recipe, folder, pipeline, profile)

        for recipe in _recipes(options, only):
            result = outcome(recipe)
            total[result.outcome] += 1
            for name in recipe.places:
                tally[name][result.outcome] += 1
            # A damaged file may be refused, any other one not.
            fine = result.outcome in ((CLEAN, FAILED) if recipe.blows else (CLEAN,))
            interesting = result.outcome in BAD or (options.shrink and not fine)
            if not fine:
                print(f"{recipe}: {result.outcome}: {result.detail}", flush=True)
            if interesting:
                kind = result.outcome
                small = shrink(recipe, lambda other: outcome(other).outcome == kind)  # noqa: B023
                print(f"    smallest: {small}", flush=True)
                outcome(small)
            for path in folder.iterdir():
                if options.keep and interesting:
                    options.keep.mkdir(parents=True, exist_ok=True)
                    shutil.move(path, options.keep / path.name)
                else:
                    path.unlink()
    print("\nplace, and how documents with it came out (alone or with others):")
    for name, counts in sorted(tally.items()):
        if counts:
            print(f"  {name}: " + ", ".join(f"{n} {what}" for what, n in counts.most_common()))
    seconds = time.monotonic() - started
    print(f"\n{sum(total.values())} documents in {seconds:.0f} s: {dict(total)}")
    return int(any(total[bad] for bad in BAD))


def _recipes(options: argparse.Namespace, only: Sequence[str]) -> Iterator[Recipe]:
    if options.recipe:
        yield Recipe.parse(options.recipe)
    elif options.places:
        for name in only or PLACES:
            for number in range(options.seeds):
                yield Recipe.random(f"{name}.{number}", (name,), damaged=options.damaged)
    else:
        for seed in range(options.first, options.first + options.seeds):
            yield Recipe.random(seed, only, damaged=options.damaged)


if __name__ == "__main__":
    sys.exit(main())
