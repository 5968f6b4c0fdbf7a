"""Translate drawn documents from English to Spanish with apertium, and look at the outputs.

    python translate.py [--documents 20] [--scans 6] [--write RESULTS.md]

Invoices, letters, payslips and the like come from docharmony-train's generator (split ``test``, language
en). Each is translated as a PDF, some also as a scan of 200 dpi (an image). What is measured is the
machinery, not the translator: is the new text there, is the old one gone, is the rest untouched.

- **translated**: texts that were translated and set, of all with words;
- **read back**: texts whose translation stands in the output, as words in that order: by the text
  layer of PDFs, and by the reader for scans (words found in the place, folded, of all words);
- **old gone**: texts of which no word is left that the translation does not have;
- **size**: median and least size of the new text as a share of the old one's;
- **untouched**: pixels outside of the places and their room to grow that differ by more than 24 of
  255, in a million;
- **tokens**: protected tokens (numbers, dates, amounts, addresses, ids) that are in the output;
- **CPU s**: seconds a page of the whole command, reading and checks included.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from tables import keep

ROOT = Path(__file__).parents[2]
sys.path[:0] = [
    str(ROOT),
    str(ROOT / "plugins/docharmony-train"),
    str(ROOT / "plugins/docharmony-apertium"),
]

DPI = 100
GROW = 4.0  # points around a place whose pixels may change: letters reach out of their boxes


@dataclass
class Sums:
    """What was counted over the documents of a kind."""

    pages: int = 0
    wordy: int = 0
    translated: int = 0
    unfitted: int = 0
    back: list[float] = field(default_factory=list)
    gone: list[float] = field(default_factory=list)
    scales: list[float] = field(default_factory=list)
    changed: int = 0
    outside: int = 0
    tokens: int = 0
    kept: int = 0
    cpu: float = 0.0

    def row(self, name: str) -> str:
        """Return a row of the table."""
        part = 1e6 * self.changed / max(1, self.outside)
        return (
            f"| {name} | {self.pages} | {self.translated} of {self.wordy} | {_share(self.back)} | "
            f"{_share(self.gone)} | {median(self.scales):.2f} / {min(self.scales):.2f} | "
            f"{self.kept} of {self.tokens} | {part:.0f} | {self.cpu / max(1, self.pages):.1f} |"
        )


def _share(values: Sequence[float]) -> str:
    return f"{sum(values) / max(1, len(values)):.3f}"


def words(text: str) -> list[str]:
    """Return the words of a text: folded, without punctuation around."""
    folded = unicodedata.normalize("NFKC", text.replace("\u00ad", "")).casefold()
    return re.findall(r"\w+", folded)


def measure(path: Path, sums: Sums, pipeline: Any, *, scan: bool) -> None:
    """Translate one document and add what its output shows."""
    import docharmony
    from docharmony import TranslateConfig, propose_translations, translate
    from docharmony.translators.protect import find

    options = TranslateConfig("es", source="en", translator="apertium")
    began = time.process_time() + children()
    with tempfile.TemporaryDirectory() as folder, docharmony.open(path) as source:
        out = Path(folder) / f"out{path.suffix}"
        found = propose_translations(source, options=options, pipeline=pipeline)
        report = translate(source, out, plan=found.plan, pipeline=pipeline)
        sums.cpu += time.process_time() + children() - began
        with docharmony.open(out) as after:
            for number in range(1, source.info.page_count + 1):
                sums.pages += 1
                edits = found.plan.edits.get(number, ())
                page = pipeline.run(after, [number]).pages[0] if scan else after.page(number)
                left = [item for item in found.left if item.page == number]
                sums.wordy += len(edits) + sum(
                    item.reason not in ("no words", "nothing to translate") for item in left
                )
                for edit in edits:
                    fit = report.fits[edit.id]
                    if not fit.fitted:
                        sums.unfitted += 1
                        continue
                    sums.translated += 1
                    sums.scales.append(fit.scale)
                    text = there(page, edit)
                    new, old = words(edit.replacement), set(words(edit.original))
                    seen = words(text)
                    sums.back.append(in_order(new, seen) / max(1, len(new)))
                    foreign = old - set(new) - set(words(beside(page, edit)))
                    sums.gone.append(float(not foreign & set(seen)))
                    tokens = find(edit.original)
                    sums.tokens += len(tokens)
                    flat = " ".join(text.split()).replace("\u00a0", " ").replace("\u202f", " ")
                    bare = flat.replace(" ", "")
                    sums.kept += sum(token.instead.replace(" ", "") in bare for token in tokens)
                if not scan:
                    changed, outside = untouched(source, after, number, edits)
                    sums.changed += changed
                    sums.outside += outside


def children() -> float:
    """Return the CPU seconds of finished children of this process."""
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def zone(edit: Any, grow: float = GROW) -> Any:
    """Return the box of an edit with the room that its new text may take."""
    box = edit.bbox
    left, above, right, below = edit.setting.room if edit.setting else (0, 0, 0, 0)
    return type(box)(
        box.x0 - left - grow, box.y0 - above - grow, box.x1 + right + grow, box.y1 + below + grow
    )


def there(page: Any, edit: Any) -> str:
    """Return the text of the output in the place of an edit."""
    box = zone(edit)
    return " ".join(
        w.text for line in page.lines for w in line.words if box.contains(w.bbox.center)
    )


def beside(page: Any, edit: Any) -> str:
    """Return what stands in the room around the place of an edit, but not in the place itself."""
    box, own = zone(edit), edit.bbox.grow(1)
    return " ".join(
        w.text
        for line in page.lines
        for w in line.words
        if box.contains(w.bbox.center) and not own.contains(w.bbox.center)
    )


def in_order(wanted: Sequence[str], seen: Sequence[str]) -> int:
    """Return the length of the longest common subsequence of two lists of words."""
    row = [0] * (len(seen) + 1)
    for word in wanted:
        above = row
        row = [0]
        for index, other in enumerate(seen):
            row.append(above[index] + 1 if word == other else max(row[-1], above[index + 1]))
    return row[-1]


def untouched(before: Any, after: Any, number: int, edits: Sequence[Any]) -> tuple[int, int]:
    """Return how many pixels outside of all places differ, and how many there are."""
    one, two = before.raster(number, DPI).astype(int), after.raster(number, DPI).astype(int)
    inside = np.zeros(one.shape[:2], bool)
    zoom = DPI / 72
    for edit in edits:
        box = zone(edit)
        y0, x0 = max(0, int(box.y0 * zoom)), max(0, int(box.x0 * zoom))
        inside[y0 : int(box.y1 * zoom) + 2, x0 : int(box.x1 * zoom) + 2] = True
    differs = np.abs(one - two).max(axis=2) > 24
    return int((differs & ~inside).sum()), int((~inside).sum())


def main() -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=20)
    parser.add_argument("--scans", type=int, default=6)
    parser.add_argument("--write", type=Path, help="Markdown file to put the table into")
    args = parser.parse_args()
    if shutil.which("apertium") is None:
        print("not run: it needs `apt-get install apertium apertium-eng-spa`")
        return
    from docharmony_train.data.qa import make, scan
    from PIL import Image

    import docharmony

    plugins = docharmony.Plugins(("docharmony_apertium",), allow=())
    pipeline = docharmony.Pipeline(docharmony.RunConfig(), plugins=plugins)
    pdfs, scans = Sums(), Sums()
    with tempfile.TemporaryDirectory() as name:
        for seed in range(args.documents):
            made = make(seed, "test", language="en")
            path = Path(name) / f"{seed}.pdf"
            path.write_bytes(made.pdf)
            measure(path, pdfs, pipeline, scan=False)
            if seed < args.scans:
                path = Path(name) / f"{seed}.png"
                pixels = scan(made.pdf, 1, seed=seed).pixels
                Image.fromarray(pixels).save(path, dpi=(200, 200))
                measure(path, scans, pipeline, scan=True)
    intro = (
        f"{args.documents} documents drawn by seed, {args.scans} of them also as scans; English to "
        f"Spanish with apertium. Not set because they did not fit: {pdfs.unfitted} texts of the PDFs, "
        f"{scans.unfitted} of the scans."
    )
    head = (
        "| documents | pages | translated | read back | old gone | size, median / least | tokens kept "
        "| changed outside, ppm | CPU s a page |"
    )
    lines = [intro, "", head, "|---" * 9 + "|", pdfs.row("PDF")]
    if scans.pages:
        lines.append(re.sub(r"\| \d+ \| ([\d.]+) \|$", r"| - | \1 |", scans.row("scan")))
    text = "\n".join(lines)
    keep(args.write, "translate", text)


if __name__ == "__main__":
    main()
