"""Time and memory of born-digital text extraction, beside PyMuPDF's own ``get_text("words")``.

::

    python tests/bench/extract.py [--pages 1000] [--runs 3] [FILE.pdf ...]

Both read the same pages in turn, several times; the best time of each counts. Ours goes the whole way:
child processes started and fed, lines and words as objects in this process. Without files, a document
of two columns, headings and tables is drawn. Memory is watched over one more pass.

On a machine with two idle cores the wall time is that of the slower side, since children and parent work
at once; on a busy one it comes near the CPU time. The load is printed for that reason.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

TEXT = """
the of and to in is that for it as was with be by on not he his but at are this have from or had
an which were their one all there would has more when who will if no out so said what up its about
into than them can only other new some could time these two may then do first any my now such like
our over agreement annual balance capital committee directive employment expenditure government
infrastructure international liability management obligation parliament procedure regulation
responsibility statement
"""
WORDS = TEXT.split()


def draw(path: Path, pages: int) -> None:
    """Draw a document of so many pages with about 500 words each."""
    from reportlab.pdfgen.canvas import Canvas

    rng = random.Random(7)
    canvas = Canvas(str(path), pagesize=(595, 842), invariant=True, pageCompression=1)
    for number in range(1, pages + 1):
        canvas.setFont("Helvetica", 8)
        canvas.drawString(56, 810, "Report of the committee")
        canvas.drawRightString(539, 810, str(number))
        canvas.setFont("Helvetica-Bold", 14)
        canvas.drawString(56, 780, f"{number}. " + " ".join(rng.choices(WORDS, k=4)).capitalize())
        for left in (56, 306):
            canvas.setFont("Times-Roman", 10)
            for row in range(44):
                line = ""
                while canvas.stringWidth(line) < 200:
                    line += rng.choice(WORDS) + " "
                canvas.drawString(left, 755 - 13 * row, line.strip())
        canvas.setFont("Courier", 8)
        for row in range(6):
            for column in range(5):
                canvas.drawString(56 + 97 * column, 150 - 14 * row, f"{rng.randrange(10**6):,}")
            canvas.line(56, 147 - 14 * row, 539, 147 - 14 * row)
        canvas.showPage()
    canvas.save()


def theirs(path: Path) -> int:
    """Extract with PyMuPDF and return the number of words."""
    import pymupdf

    with pymupdf.open(path) as document:
        return sum(len(page.get_text("words")) for page in document)


def ours(path: Path) -> int:
    """Extract with docharmony and return the number of words."""
    from docharmony.io.source import open_source
    from docharmony.model import Page

    count = 0
    with open_source(path) as source:
        for page in source.pages():
            assert isinstance(page, Page)
            count += sum(len(line.words) for line in page.lines)
    return count


def best(function: object, path: Path) -> tuple[float, float, int]:
    """Return wall seconds, CPU seconds of all processes, and words of one run."""
    before, start = os.times(), time.perf_counter()
    words = function(path)  # type: ignore[operator]
    wall, after = time.perf_counter() - start, os.times()
    return wall, sum(after[:4]) - sum(before[:4]), words


def memory(path: Path) -> list[tuple[int, float, float]]:
    """Return (pages read, MiB of this process, MiB of its children) along one pass."""
    from docharmony.io.source import open_source

    found = []
    with open_source(path) as source:
        step = max(1, source.info.page_count // 5)
        for count, _ in enumerate(source.pages(), 1):
            if count % step == 0:
                found.append((count, _rss(os.getpid()), sum(map(_rss, _children()))))
    return found


def _children() -> list[int]:
    task = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    return [int(pid) for pid in task.read_text().split()]


def _rss(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = args.files
        if not files:
            files = [Path(folder) / "drawn.pdf"]
            draw(files[0], args.pages)
        print("| file | words | PyMuPDF words, s | docharmony, s | ratio | ratio of CPU time |")
        print("|---|---|---|---|---|---|")
        worst = 0.0
        for path in files:
            runs = [(best(theirs, path), best(ours, path)) for _ in range(args.runs)]
            base, own = (min(run[side] for run in runs) for side in (0, 1))
            worst = max(worst, own[0] / base[0])
            print(
                f"| {path.name} | {own[2]} of {base[2]} | {base[0]:.2f} | {own[0]:.2f} "
                f"| {own[0] / base[0]:.2f} | {own[1] / base[1]:.2f} |"
            )
        if sys.platform == "linux":
            print("\n| pages read | parent, MiB | children, MiB |\n|---|---|---|")
            for count, parent, child in memory(files[-1]):
                print(f"| {count} | {parent:.0f} | {child:.0f} |")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    verdict = "within" if worst <= 1.5 else "over"
    print(f"\nPeak resident memory of a child: {peak:.0f} MiB.")
    print(f"Wall time at most {worst:.2f} times that of PyMuPDF: {verdict} the limit of 1.5.")
    print(f"{os.cpu_count()} cores; load average of the last minute {os.getloadavg()[0]:.1f}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
