"""Pick pages for the OCR benchmark out of a folder of PDFs and write them into one small PDF.

    python tests/bench/prepare.py FOLDER OUT.pdf [--each 1] [--limit 32] [--seed 0]

A page is fit when its text layer can serve as the truth: enough words, Latin letters, no sign of a broken
encoding, upright. Which of the fit pages are taken is drawn by the seed. The pages keep their fonts and
text layer; links, outlines and metadata are left behind. Prints one line a page: number, source, page.
"""

from __future__ import annotations

import argparse
import random
import unicodedata
from pathlib import Path
from typing import Any

import pymupdf

# Accents that stand alone come from old fonts whose text layer says "¨u" for "ü".
_BROKEN = set("�´`¨ˆ˜¸˙¯˘ˇ")


def is_fit(page: Any, least: int = 80) -> bool:
    """Return whether the page's text layer can serve as the truth for what its pixels show."""
    words = page.get_text("words")
    text = "".join(word[4] for word in words)
    if len(words) < least or set(text) & _BROKEN or page.rotation:
        return False
    # Pictures hold text that the text layer does not; a fifth of lonely letters is a broken spacing.
    if page.get_images() or 5 * sum(len(word[4]) == 1 for word in words) > len(words):
        return False
    foreign = sum(
        unicodedata.category(c) in ("Co", "Cn", "Cc", "Cs", "Lo")
        or (c.isalpha() and not unicodedata.name(c, "").startswith("LATIN"))
        for c in text
    )
    level = all(
        abs(line["dir"][1]) < 1e-3
        for block in page.get_text("dict", flags=0)["blocks"]
        for line in block.get("lines", [])
    )
    return foreign == 0 and level


def main() -> None:
    """Run as a script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--each", type=int, default=1, help="pages of each file")
    parser.add_argument("--limit", type=int, default=32, help="pages in all")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    random.seed(args.seed)
    out = pymupdf.open()
    for path in sorted(args.folder.glob("*.pdf")):
        with pymupdf.open(path) as document:
            fit = [n for n in range(len(document)) if is_fit(document[n])]
            for n in sorted(random.sample(fit, min(args.each, len(fit)))):
                if len(out) < args.limit:
                    out.insert_pdf(document, from_page=n, to_page=n, links=False, annots=False)
                    print(f"{len(out):3d}  {path.name}  page {n + 1}")
    out.subset_fonts()
    out.save(args.out, garbage=4, deflate=True, clean=True)
    print(f"{args.out}: {args.out.stat().st_size / 1024:.0f} kB")


if __name__ == "__main__":
    main()
