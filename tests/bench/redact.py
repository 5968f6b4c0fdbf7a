"""Redact 300 born-digital pages of 50 terms: docharmony beside PyMuPDF's own search and redaction.

    python tests/bench/redact.py [--pages 300] [--terms 50] [--font FILE] [--write RESULTS.md]

The document is drawn here: 870 words a page in Helvetica, or in an embedded subset of FILE, the terms
sprinkled over its pages. PyMuPDF
searches each term on each page, marks and applies redactions, cleans (`scrub`) and saves with garbage
collection. docharmony does what `docharmony redact` does, with its checks by other parsers; the reader of
pixels is left out (`text_layer="trust"`, a reader that reads nothing), as PyMuPDF has none. Each side
runs in a process of its own: wall clock, and CPU seconds with children, the fairer figure on a busy
machine.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

WORDS = 870


def draw(path: Path, pages: int, terms: list[str], font: Path | None = None) -> None:
    """Write the document; every page holds five of the terms."""
    import pymupdf

    rng = random.Random(7)
    letters = "etaoinshrdlucmfwypvbgk"
    common = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(4000)]
    document = pymupdf.open()
    face = {"fontname": "F", "fontfile": str(font)} if font else {"fontname": "helv"}
    for _ in range(pages):
        words = rng.choices(common, k=WORDS)
        for term in rng.sample(terms, min(5, len(terms))):
            words[rng.randrange(WORDS)] = term
        page = document.new_page(width=595, height=842)
        y = 60.0
        line = ""
        for word in [*words, ""]:
            if word and len(line) + len(word) < 105:
                line += word + " "
                continue
            page.insert_text((50, y), line, fontsize=9, **face)
            y += 10.5
            line = word + " "
    if font:
        document.subset_fonts()
    document.save(path, deflate=True, garbage=3 if font else 0)


def peer(source: Path, out: Path, terms: list[str]) -> None:
    """Redact with PyMuPDF alone."""
    import pymupdf

    document = pymupdf.open(source)
    for page in document:
        for term in terms:
            for box in page.search_for(term):
                page.add_redact_annot(box)
        page.apply_redactions()
    document.scrub()
    document.save(out, garbage=4, deflate=True)


def ours(source: Path, out: Path, terms: list[str]) -> None:
    """Redact with docharmony, all checks included."""
    from docharmony import Pipeline, redact
    from docharmony.config import RunConfig
    from docharmony.plugins import Plugins
    from docharmony.stage import Stage

    class Blind(Stage):
        """A reader that reads nothing."""

        name = "bench.blind"
        provides = frozenset({"lines"})

        def process(self, page: Any, ctx: Any) -> Any:
            return page.provide("lines", lines=page.lines)

    plugins = Plugins()
    layout = plugins.stages.get("layout")()
    read = [Blind(), layout]
    pipeline = Pipeline(
        RunConfig(text_layer="trust"),
        plugins=plugins,
        routes={"digital": [layout], "mixed": read, "scan": read},
    )
    report = redact(source, out, terms=terms, pipeline=pipeline)
    print(json.dumps({"edits": report.count}))


def measured(side: str, source: Path, out: Path, terms: list[str]) -> tuple[float, float, float]:
    """Return wall seconds, CPU seconds and peak memory (MB of the largest process) of one side."""
    started = time.monotonic()
    subprocess.run(
        [sys.executable, __file__, "--side", side, str(source), str(out), json.dumps(terms)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    wall = time.monotonic() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> int:
    """Measure both sides, print a table, write it when asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--terms", type=int, default=50)
    parser.add_argument("--font", type=Path, help="a TrueType font to embed; Helvetica by default")
    parser.add_argument("--write", type=Path, help="file to put the table into")
    parser.add_argument("--side", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        side, source, out, terms = args.side
        {"peer": peer, "ours": ours}[side](Path(source), Path(out), json.loads(terms))
        return 0
    rng = random.Random(3)
    terms = [
        "Q" + "".join(rng.choices("aeioulnrst", k=rng.randint(5, 9))) for _ in range(args.terms)
    ]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in.pdf"
        draw(source, args.pages, terms, args.font)
        cpu = 0.0
        for side, name in (("peer", "PyMuPDF"), ("ours", "docharmony")):
            wall, total, memory = measured(side, source, Path(folder) / f"{side}.pdf", terms)
            rows.append((name, wall, total - cpu, memory))
            cpu = total
    lines = [
        f"{args.pages} pages of {WORDS} words, {args.terms} terms, five of them on each page.",
        "",
        "| | wall seconds | CPU seconds | peak memory of the largest process, MB |",
        "|---|---|---|---|",
    ]
    lines += [f"| {n} | {w:.1f} | {c:.1f} | {m:.0f} |" for n, w, c, m in rows]
    ratio = rows[1][1] / rows[0][1], rows[1][2] / rows[0][2]
    lines.append(f"| ratio | {ratio[0]:.2f} | {ratio[1]:.2f} | |")
    text = "\n".join(lines) + "\n"
    print(text)
    if args.write:
        mark, stop = "<!-- redact: begin -->\n", "<!-- redact: end -->"
        old = args.write.read_text(encoding="utf-8")
        start = old.index(mark) + len(mark)
        args.write.write_text(old[:start] + text + old[old.index(stop) :], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
