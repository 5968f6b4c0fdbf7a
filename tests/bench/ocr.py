"""Compare OCR engines on the same pages: word F1, CER, seconds and peak memory a page.

    python tests/bench/ocr.py [--engines nano,rapidocr,tesseract] [--pages PDF] [--limit N] [--each N]
        [--write FILE]

Each engine runs in a process of its own, one page after the other, on the same pixels. README.md in this
folder says what is measured and how; `make bench` writes RESULTS.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from engines import ENGINES
from made import EACH, KINDS, make
from pages import BenchPage, load
from scoring import Placed, Score, score

HERE = Path(__file__).resolve().parent
PAGES = HERE.parent / "resources" / "bench" / "pages.pdf"
VARIANTS = ("clean", "scan")


@dataclass(frozen=True, slots=True)
class Result:
    """What one engine reached on one variant of the pages."""

    engine: str
    variant: str
    kind: str
    score: Score
    wall: float
    cpu: float
    memory: float


def work(engine: str, folder: Path, threads: int) -> None:
    """Read all images of a folder with one engine; print one JSON line an image, then the peak."""
    import numpy as np
    from PIL import Image

    read = ENGINES[engine](threads)
    paths = sorted(folder.glob("*.png"))
    corner = np.asarray(Image.open(paths[0]).crop((0, 0, 800, 400)))
    read(corner, "document")  # loads the models, once a run
    for path in paths:
        image = np.asarray(Image.open(path).convert("RGB"))
        start, start_cpu = time.perf_counter(), _cpu()
        words = read(image, path.stem.split("-")[1])
        wall, cpu = time.perf_counter() - start, _cpu() - start_cpu
        found = [[word.text, *map(float, word.box)] for word in words]
        print(json.dumps({"name": path.stem, "words": found, "wall": wall, "cpu": cpu}), flush=True)
    print(json.dumps({"memory": _memory()}), flush=True)


def _carry(word: Placed, back: Any) -> Placed:
    """Return the word where it stands on the clean page."""
    if back is None:
        return word
    x, y = word.center
    x, y = back @ (x, y, 1.0)
    w, h = (word.box[2] - word.box[0]) / 2, (word.box[3] - word.box[1]) / 2
    return replace(word, box=(x - w, y - h, x + w, y + h))


def _cpu() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _memory() -> float:
    """Return the peak of this process and of its largest child, MB."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    status = Path("/proc/self/status")
    if status.is_file():  # ru_maxrss also remembers the process that started this one
        own = int(status.read_text().partition("VmHWM:")[2].split()[0])
    return (own + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024


def run(engine: str, pages: list[BenchPage], folder: Path, threads: int) -> list[Result]:
    """Return what an engine reaches, measured in a process of its own; empty where it cannot run."""
    command = [sys.executable, __file__, "--worker", engine, "--folder", str(folder)]
    command += ["--threads", str(threads)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        print(f"{engine} did not finish (exit code {done.returncode})", file=sys.stderr)
        return []
    *read, last = map(json.loads, done.stdout.splitlines())
    items = {item["name"]: item for item in read}
    results = []
    for variant in VARIANTS:
        for kind in dict.fromkeys(page.kind for page in pages):
            total, wall, cpu = Score(), 0.0, 0.0
            of_kind = [page for page in pages if page.kind == kind]
            for page in of_kind:
                item = items[page_name(variant, page)]
                words = [Placed(text, tuple(box)) for text, *box in item["words"]]
                back = page.scan()[1] if variant == "scan" else None
                found = score(page.lines, [_carry(word, back) for word in words])
                print(
                    f"  {engine} {variant} {kind} {page.number}: F1 {found.f1:.3f} "
                    f"CER {found.cer:.4f}",
                    file=sys.stderr,
                )
                total, wall, cpu = total + found, wall + item["wall"], cpu + item["cpu"]
            count = len(of_kind)
            results.append(
                Result(engine, variant, kind, total, wall / count, cpu / count, last["memory"])
            )
    return results


def page_name(variant: str, page: BenchPage) -> str:
    """Return the name of a page's image, without its ending."""
    return f"{variant}-{page.kind}-{page.number:03d}"


def draw(pages: list[BenchPage], folder: Path) -> None:
    """Write the images that the engines read."""
    from PIL import Image

    for page in pages:
        Image.fromarray(page.clean).save(
            folder / f"{page_name('clean', page)}.png", compress_level=1
        )
        Image.fromarray(page.scan()[0]).save(
            folder / f"{page_name('scan', page)}.png", compress_level=1
        )


def table(results: list[Result]) -> str:
    """Return the results on published documents as a Markdown table."""
    rows = [
        "| engine | pages | word F1 | CER | seconds a page | CPU seconds | peak memory, MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for variant in VARIANTS:
        for r in results:
            if r.variant == variant and r.kind == "document":
                rows.append(
                    f"| {r.engine} | {variant} | {r.score.f1:.3f} | {100 * r.score.cer:.2f} % "
                    f"| {r.wall:.2f} | {r.cpu:.2f} | {r.memory:.0f} |"
                )
    return "\n".join(rows)


def table_by_kind(results: list[Result]) -> str:
    """Return word F1 / CER in percent on drawn pages, a row a kind, a column an engine and variant."""
    found = {(r.kind, r.engine, r.variant): r.score for r in results if r.kind != "document"}
    engines = list(dict.fromkeys(r.engine for r in results))
    columns = [(engine, variant) for variant in VARIANTS for engine in engines]
    rows = [
        "| kind | " + " | ".join(f"{engine}, {variant}" for engine, variant in columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for kind in dict.fromkeys(key[0] for key in found):
        scores = (found.get((kind, *column)) for column in columns)
        cells = (f"{s.f1:.3f} / {100 * s.cer:.1f}" if s else "-" for s in scores)
        rows.append(f"| {kind} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def machine(threads: int) -> str:
    """Return a line on the machine and the versions; no host name."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [li for li in cpuinfo.read_text().splitlines() if li.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    packages = []
    for name in ("docharmony", "onnxruntime-gpu", "onnxruntime", "rapidocr"):
        try:
            packages.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    try:
        told = subprocess.run(["tesseract", "--version"], capture_output=True, text=True)
        packages.append(told.stdout.splitlines()[0])
    except (OSError, IndexError):
        pass
    return (
        f"{model}, {os.cpu_count()} cores, {threads} threads for nano and rapidocr, 1 for tesseract; "
        f"{platform.system()}, Python {platform.python_version()}; {', '.join(packages)}."
    )


def write(path: Path, text: str) -> None:
    """Put the text between the markers of RESULTS.md, so that what is written around it stays."""
    begin, end = "<!-- ocr: begin -->", "<!-- ocr: end -->"
    old = path.read_text(encoding="utf-8") if path.is_file() else f"{begin}\n{end}\n"
    head, _, rest = old.partition(begin)
    tail = rest.partition(end)[2]
    path.write_text(f"{head}{begin}\n{text}\n{end}{tail}", encoding="utf-8")


def main() -> None:
    """Run as a script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--engines", default="nano,rapidocr,tesseract", help=", ".join(ENGINES))
    parser.add_argument(
        "--pages", type=Path, default=PAGES, help="PDF whose text layer is the truth"
    )
    parser.add_argument("--limit", type=int, help="first pages only")
    parser.add_argument(
        "--each", type=int, default=EACH, help=f"drawn pages of each kind: {', '.join(KINDS)}"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--write", type=Path, help="Markdown file to put the table into")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        work(args.worker, args.folder, args.threads)
        return
    pages: list[BenchPage] = load(args.pages, args.limit)
    results: list[Result] = []
    count = len(pages)
    with tempfile.TemporaryDirectory() as folder:
        if args.each:
            kinds = make(Path(folder) / "made.pdf", args.each)
            pages += load(Path(folder) / "made.pdf", kinds=kinds, first=count + 1)
        draw(pages, Path(folder))
        for engine in args.engines.split(","):
            results += run(engine, pages, Path(folder), args.threads)
    words = sum(len(line) for page in pages[:count] for line in page.lines)
    text = (
        f"{count} pages with {words} words, {time.strftime('%Y-%m-%d')}. "
        f"{machine(args.threads)}\n\n{table(results)}"
    )
    if args.each:
        text += (
            f"\n\nWord F1 / CER (%) on {args.each} drawn pages of each kind:\n\n"
            f"{table_by_kind(results)}"
        )
    print(text)
    if args.write:
        write(args.write, text)


if __name__ == "__main__":
    main()
