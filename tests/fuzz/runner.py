"""Hide a secret in random places, redact, and look for it as an attacker would."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf
import pypdfium2

from docharmony import DocharmonyError, Page, Pipeline, RedactionLeakError, RunConfig, Stage
from docharmony.io import pdf as pdf_source
from docharmony.io import verify
from docharmony.io.write import edits as writer
from docharmony.plugins import Plugins
from docharmony.redaction import redact

from .book import Book, word
from .oracle import leaks, plain
from .places import INEXACT, NEEDS_TWO_PAGES, PLACES

# Names of the outcomes of a run.
CLEAN, WITHHELD, FAILED, LEAK, LOST, CHANGED = (
    "clean", "withheld", "failed", "LEAK", "LOST WORDS", "CHANGED LOOK"
)  # fmt: skip
# Pixels of a glyph that stick out of its edit.
_RIM = 12
BAD = frozenset({LEAK, LOST, CHANGED})


@dataclass
class Result:
    """What came of one document."""

    outcome: str
    places: tuple[str, ...]
    detail: str = ""
    book: Book | None = field(default=None, repr=False)


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
        value, answer = called([bytearray(blob) for blob in blobs], **args)
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


def write(seed: int | str, names: Sequence[str] = ()) -> tuple[Book, tuple[str, ...]]:
    """Return a book with its secret in the named places, or in one to four random ones."""
    rng = random.Random(f"fuzz {seed}")
    chosen = tuple(names) or tuple(rng.sample(sorted(PLACES), rng.choice((1, 1, 2, 3, 4))))
    pages = 2 if NEEDS_TWO_PAGES & set(chosen) or rng.random() < 0.2 else 1
    book = Book(word(rng), rng, pages)
    for name in chosen:
        PLACES[name](book)
    book.exact = not INEXACT & set(chosen)
    if rng.random() < 0.3:
        import pikepdf

        book.save["object_stream_mode"] = pikepdf.ObjectStreamMode.generate
    if rng.random() < 0.2:
        book.save["linearize"] = True
    if not book.regions and rng.random() < 0.3:
        _turn(book)
    return book, chosen


def _turn(book: Book) -> None:
    """Turn, crop or scale pages: positions on them are given in user space."""
    for number in range(book.pages):
        page = book.page(number)
        kind = book.rng.choice(("/Rotate", "/CropBox", "/UserUnit"))
        if kind == "/Rotate":
            page[kind] = book.rng.choice((90, 180, 270))
        elif kind == "/UserUnit":
            page[kind] = 2
        else:
            page[kind] = [5, 5, 290, 238]


def attack(
    seed: int | str,
    folder: Path,
    pipeline: Pipeline,
    names: Sequence[str] = (),
    profile: Any = "minimal",
) -> Result:
    """Write, redact and attack one document."""
    book, chosen = write(seed, names)
    stem = f"{seed}".replace("/", "_")
    source, out = folder / f"{stem}.pdf", folder / f"{stem}-out.pdf"
    source.write_bytes(book.data())
    return judge(book, chosen, source, out, pipeline, profile)


def judge(
    book: Book,
    chosen: tuple[str, ...],
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
            return Result(LEAK, chosen, "withheld, and yet written", book)
        return Result(WITHHELD, chosen, f"{error.where}: {error.why}", book)
    except DocharmonyError as error:
        if out.exists():
            return Result(LEAK, chosen, "failed, and yet written", book)
        return Result(FAILED, chosen, str(error), book)
    found = leaks(out, book.secret, book.pictures)
    if found:
        return Result(LEAK, chosen, ", ".join(found), book)
    if lost := _lost(out, book.survivors):
        return Result(LOST, chosen, ", ".join(lost), book)
    edits = {
        n: [*(edit.bbox for edit in own), *report.moved.get(n, ())]
        for n, own in report.edits.items()
    }
    if book.exact and profile == "minimal" and (changed := _changed(source, out, edits)):
        return Result(CHANGED, chosen, changed, book)
    return Result(CLEAN, chosen, "", book)


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Attack many documents and print how it went, place by place; return 1 when anything is bad."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--places", action="store_true", help="each place alone instead")
    parser.add_argument("--only", default="", help="names of places, with commas between them")
    parser.add_argument("--publish", action="store_true", help="profile publish")
    parser.add_argument("--keep", type=Path, help="folder for inputs and outputs that are bad")
    options = parser.parse_args(arguments)
    profile = "publish" if options.publish else "minimal"
    only = [name for name in options.only.split(",") if name]
    jobs: list[tuple[int | str, tuple[str, ...]]]
    if options.places:
        jobs = [(f"{name}.{n}", (name,)) for name in only or PLACES for n in range(options.seeds)]
    else:
        last = options.first + options.seeds
        jobs = [(seed, tuple(only)) for seed in range(options.first, last)]
    tally: dict[str, Counter[str]] = {name: Counter() for name in PLACES}
    total: Counter[str] = Counter()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as made, direct():
        pipeline = blind_pipeline()
        for seed, names in jobs:
            folder = Path(made)
            try:
                result = attack(seed, folder, pipeline, names, profile)
            except Exception as error:
                result = Result("CRASH", names, f"{type(error).__name__}: {error}")
            total[result.outcome] += 1
            for name in result.places:
                tally[name][result.outcome] += 1
            if result.outcome != CLEAN:
                print(f"{seed}: {result.outcome}: {'+'.join(result.places)}: {result.detail}")
                sys.stdout.flush()
            for path in folder.iterdir():
                if options.keep and result.outcome in BAD:
                    options.keep.mkdir(parents=True, exist_ok=True)
                    path.rename(options.keep / path.name)
                else:
                    path.unlink()
    print("\nplace, and how documents with it came out (alone or with others):")
    for name, counts in sorted(tally.items()):
        if counts:
            print(f"  {name}: " + ", ".join(f"{n} {what}" for what, n in counts.most_common()))
    seconds = time.monotonic() - started
    print(f"\n{sum(total.values())} documents in {seconds:.0f} s: {dict(total)}")
    return int(any(total[bad] for bad in (*BAD, "CRASH")))


if __name__ == "__main__":
    sys.exit(main())
