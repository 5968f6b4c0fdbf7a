"""Count in translated documents what users of such tools complain of.

    python complaints.py [FOLDER_OF_PDFS...] [--pages 3] [--documents 20] [--write RESULTS.md]

Without a folder, documents are drawn as for translate.py. English to Spanish with apertium. Counted in
the output, less what the input has of it already:

- **overlaps**: pairs of words whose letters lie over each other, new ones or old;
- **on rules**: words that a drawn line crosses; **on pictures**: words over a picture;
- **clipped**: words that reach out of the page; **unseen**: new words that leave no trace in the pixels;
- **uneven**: texts whose size differs by more than 4 % from most texts that were of their size;
- **lines lost**: drawn lines that are gone; **links dead**: links that are gone, or have no word under
  them though they had some; **still there**: texts of which old words can be extracted;
- **blank**: pages with less than half of the ink that they had;
- **left**: texts that stay since they do not fit.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tables import keep
from translate import ROOT, beside, there, words

DPI = 72
_COLUMNS = (
    "overlaps", "on rules", "on pictures", "clipped", "unseen", "uneven", "lines lost", "links dead",
    "still there", "blank", "left",
)  # fmt: skip


@dataclass
class Counts:
    """What was counted over some documents."""

    pages: int = 0
    texts: int = 0
    links: int = 0
    found: Counter[str] = field(default_factory=Counter)

    def row(self, name: str) -> str:
        """Return a row of the table."""
        cells = [str(self.found[column]) for column in _COLUMNS]
        return f"| {name} | {self.pages} | {self.texts} | {self.links} | {' | '.join(cells)} |"


def core(box: Any) -> Any:
    """Return the part of a word's box in which its letters are for certain."""
    high, wide = box.height, box.width
    return type(box)(box.x0 + 0.04 * wide, box.y0 + 0.35 * high, box.x1 - 0.04 * wide,
                     box.y1 - 0.3 * high)  # fmt: skip


def overlapping(boxes: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """Yield pairs of boxes that share a tenth of the smaller."""
    cores = sorted(map(core, boxes), key=lambda box: box.y0)
    for index, one in enumerate(cores):
        for other in cores[index + 1 :]:
            if other.y0 > one.y1:
                break
            if one.intersection(other).area > 0.1 * min(one.area, other.area):
                yield one, other


def crossed(boxes: Sequence[Any], rules: Sequence[Any]) -> int:
    """Return how many words are crossed by a drawn line."""
    lines = [
        type(boxes[0])(
            min(r.start.x, r.end.x), min(r.start.y, r.end.y),
            max(r.start.x, r.end.x) + 0.01, max(r.start.y, r.end.y) + 0.01,
        )
        for r in rules
    ] if boxes else []  # fmt: skip
    return sum(
        any(not line.intersection(core(box)).is_empty for line in lines) for box in boxes
    )  # fmt: skip


def upright(page: Any) -> list[Any]:
    """Return the boxes of the words of level lines."""
    return [w.bbox for line in page.lines if not line.direction % 180 for w in line.words]


def audit(before: Any, after: Any, number: int, edits: Sequence[Any], fits: Any) -> Counter[str]:
    """Return what one page is to be complained of."""
    count: Counter[str] = Counter()
    old, new = before.page(number), after.page(number)
    drawn, redrawn = before.graphics(number), after.graphics(number)
    boxes, fresh = upright(old), upright(new)

    def more(name: str, now: int, then: int) -> None:
        count[name] += max(0, now - then)

    more("overlaps", len(list(overlapping(fresh))), len(list(overlapping(boxes))))
    more("on rules", crossed(fresh, redrawn.rules), crossed(boxes, drawn.rules))

    def over(page: Any, own: Sequence[Any]) -> int:
        pictures = [box for box in page.images if box.area < 0.5 * page.bbox.area]
        return sum(
            any(box.intersection(core(word)).area > 0.2 * core(word).area for box in pictures)
            for word in own
        )

    def out(page: Any, own: Sequence[Any]) -> int:
        return sum(
            box.x0 < -1 or box.y0 < -3 or box.x1 > page.width + 1 or box.y1 > page.height + 3
            for box in own
        )

    more("on pictures", over(new, fresh), over(old, boxes))
    more("clipped", out(new, fresh), out(old, boxes))
    pixels, repainted = before.raster(number, DPI), after.raster(number, DPI)
    more("unseen", unseen(repainted, fresh), unseen(pixels, boxes))
    ink, left = ((p.min(axis=2) < 128).mean() for p in (pixels, repainted))
    count["blank"] += int(left < 0.5 * ink)
    kept = [(r.start, r.end) for r in redrawn.rules]
    count["lines lost"] += sum(
        not any(
            max(abs(r.start.x - a.x), abs(r.start.y - a.y), abs(r.end.x - b.x), abs(r.end.y - b.y)) < 1
            for a, b in kept
        )
        for r in drawn.rules
    )  # fmt: skip

    def alive(graphics: Any, own: Sequence[Any]) -> Counter[str]:
        return Counter(
            link.target
            for link in graphics.links
            if any(link.bbox.intersection(core(box)).area > 0.3 * core(box).area for box in own)
        )

    live = alive(redrawn, fresh)
    count["links dead"] += sum(not live[target] for target in alive(drawn, boxes))
    for edit in edits:
        if not fits[edit.id].fitted:
            count["left"] += 1
            continue
        foreign = set(words(edit.original)) - set(words(edit.replacement))
        foreign -= set(words(beside(new, edit)))
        count["still there"] += bool(foreign & set(words(there(new, edit))))
    return count


def unseen(pixels: Any, boxes: Sequence[Any]) -> int:
    """Return how many words show no contrast."""
    zoom, blank = DPI / 72, 0
    for box in boxes:
        y0, x0 = max(0, int(box.y0 * zoom)), max(0, int(box.x0 * zoom))
        part = pixels[y0 : int(box.y1 * zoom) + 1, x0 : int(box.x1 * zoom) + 1].astype(int)
        blank += part.size > 0 and int(np.ptp(part.reshape(-1, 3), axis=0).max()) < 12
    return blank


def uneven(edits: Sequence[Any], fits: Any) -> int:
    """Return how many texts differ in size from most of those that were of their size."""
    groups: dict[tuple[float, bool], list[float]] = {}
    for edit in edits:
        if fits[edit.id].fitted and edit.setting:
            key = round(2 * edit.setting.size) / 2, edit.setting.bold
            groups.setdefault(key, []).append(fits[edit.id].scale)
    odd = 0
    for scales in groups.values():
        usual = Counter(round(scale, 2) for scale in scales).most_common(1)[0][0]
        odd += sum(abs(scale - usual) > 0.04 for scale in scales)
    return odd


def measure(path: Path, counts: Counts, pipeline: Any) -> None:
    """Translate one document and count."""
    import docharmony
    from docharmony import DocharmonyError, TranslateConfig, propose_translations, translate

    options = TranslateConfig("es", source="en", translator="apertium")
    with tempfile.TemporaryDirectory() as folder, docharmony.open(path) as source:
        out = Path(folder) / "out.pdf"
        try:
            plan = propose_translations(source, options=options, pipeline=pipeline).plan
            report = translate(source, out, plan=plan, pipeline=pipeline)
        except DocharmonyError as error:
            print(f"{path.name}: {error}", file=sys.stderr)
            return
        with docharmony.open(out) as after:
            every = [edit for edits in plan.edits.values() for edit in edits]
            counts.found["uneven"] += uneven(every, report.fits)
            for number in docharmony.config.page_numbers(
                pipeline.config.pages, source.info.page_count
            ):
                found = audit(source, after, number, plan.edits.get(number, ()), report.fits)
                if any(found.values()):
                    told = {key: value for key, value in found.items() if value}
                    print(f"{path.name} page {number}: {told}", file=sys.stderr)
                counts.found += found
                counts.pages += 1
                counts.links += len(source.graphics(number).links)
            counts.texts += len(every)


def main() -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--pages", type=int, default=3, help="of each file, from the first")
    parser.add_argument("--documents", type=int, default=20)
    parser.add_argument("--write", type=Path, help="Markdown file to put the table into")
    args = parser.parse_args()
    if shutil.which("apertium") is None:
        print("not run: it needs `apt-get install apertium apertium-eng-spa`")
        return
    sys.path[:0] = [
        str(ROOT / "plugins/docharmony-train"),
        str(ROOT / "plugins/docharmony-apertium"),
    ]
    import docharmony

    rows: list[str] = []
    plugins = docharmony.Plugins(("docharmony_apertium",), allow=())
    if args.folders:
        for folder in args.folders:
            counts = Counts()
            for path in sorted(folder.glob("*.pdf")):
                with docharmony.open(path) as source:
                    last = min(args.pages, source.info.page_count)
                config = docharmony.RunConfig(pages=f"1-{last}")
                measure(path, counts, docharmony.Pipeline(config, plugins=plugins))
            rows.append(counts.row(folder.name))
    else:
        from docharmony_train.data.qa import make

        counts = Counts()
        pipeline = docharmony.Pipeline(docharmony.RunConfig(), plugins=plugins)
        with tempfile.TemporaryDirectory() as name:
            for seed in range(args.documents):
                path = Path(name) / f"{seed}.pdf"
                path.write_bytes(make(seed, "test", language="en").pdf)
                measure(path, counts, pipeline)
        rows.append(counts.row("drawn"))
    head = f"| documents | pages | texts | links | {' | '.join(_COLUMNS)} |"
    text = "\n".join([head, "|---" * (4 + len(_COLUMNS)) + "|", *rows])
    keep(args.write, "complaints", text)


if __name__ == "__main__":
    main()
