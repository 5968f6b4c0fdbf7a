"""Builds the assets folder: what the renderers need, with the licence of every source.

    fonts/fonts.json, fonts/*.ttf        subset to the scripts that are trained
    text/{train,held}/LANG.txt           a paragraph a line
    words/{train,held}/LANG.txt          a word a line, out of spelling dictionaries
    pdf/{train,held}/pages.json, *.pdf   a few pages of each document, with their true lines
    photos/{train,held}/*.jpg
    SOURCES.md, sources.json, licences/  packages, versions, licences

Whole font families, documents, manual pages and photos are held out, by the hash of their names, so
that the split never depends on what else is there; and so are the documents of the benchmark.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

from .packages import Package, kind, open_packages, read
from .truth import page_lines

HELD = {"font": 12, "pdf": 7, "text": 12, "words": 12, "photo": 6}  # one in so many
# Packages whose documents the benchmark (tests/bench) takes pages from.
BENCHMARK = ("debian-faq", "debian-policy", "graphviz-doc", "libcfitsio-doc", "mpich-doc")
TEXT_BYTES = 450_000  # a language; more repeats the same authors
WORD_BYTES = 300_000  # a language, likewise
FONTS_A_PACKAGE = 14
FILES_A_FAMILY = 2
PAGES_A_DOCUMENT = 18
_SHARES = {"font": 0.4, "pdf": 0.45}  # of the limit; texts and photos are small

# Roff escapes of manual pages, and what they print.
_ROFF = tuple(
    (re.compile(pattern), printed)
    for pattern, printed in (
        (r"\\f[BIRPC]|\\f\(..|\\f\[[^]]*\]", ""), (r"\\s[+-]?\d", ""),
        (r"\\\((aq|oq|cq)", "'"), (r"\\\((dq|lq|rq)", '"'), (r"\\\(em", "—"), (r"\\\(en", "–"),
        (r"\\\(co", "©"), (r"\\\(bu", "•"), (r"\\[&%:/,^|]", ""), (r"\\-", "-"), (r"\\[~ 0]", " "),
    )
)  # fmt: skip


def split_of(what: str, name: str) -> str:
    """Return ``held`` or ``train`` for a family, document, manual page or photo."""
    number = int(hashlib.sha256(name.lower().encode()).hexdigest()[:8], 16)
    return "held" if number % HELD[what] == 0 else "train"


def gather(out: Path, *, debs: Path | None, limit: int) -> str:
    """Write the assets folder and return a summary.

    Args:
        out: the folder; files in it are replaced.
        debs: a folder of .deb files; None takes the installed packages.
        limit: bytes that fonts and PDFs for training may take, about.
    """
    gatherer = _Gatherer(out, limit)
    with open_packages(debs) as packages:
        for package in packages:
            gatherer.take(package)
    return gatherer.finish()


class _Gatherer:
    """Takes packages one by one and counts what it kept."""

    def __init__(self, out: Path, limit: int) -> None:
        self.out, self.limit = out, limit
        self.sources: list[dict[str, Any]] = []
        self.fonts: list[dict[str, Any]] = []
        self.pages: dict[str, list[dict[str, Any]]] = {"train": [], "held": []}
        self.text: dict[tuple[str, str], dict[str, None]] = {}  # an ordered set of paragraphs
        self.words: dict[tuple[str, str], list[str]] = {}
        self.bytes: Counter[tuple[str, str]] = Counter()
        self._families: Counter[str] = Counter()
        self._seen: set[str] = set()

    def take(self, package: Package) -> None:
        """Keep what can be used of a package."""
        # In an order that is always the same, yet not by name: a limit then cuts all alike.
        files = sorted(package.files, key=lambda p: hashlib.sha256(p.name.encode()).digest())
        kept: Counter[str] = Counter()
        for path in files:
            what = kind(path)
            if what == "font" and kept[what] >= FONTS_A_PACKAGE:
                continue
            if getattr(self, f"_{what}")(path, package.name):
                kept[what] += 1
        if not kept:
            return
        source = {"package": package.name, "version": package.version, "files": dict(kept),
                  "licences": list(package.licences)}  # fmt: skip
        self.sources.append(source)
        folder = self.out / "licences"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{package.name}.txt").write_text(package.copyright, encoding="utf-8")

    def _room(self, what: str, split: str) -> bool:
        share = _SHARES[what] * (0.3 if split == "held" else 1.0)
        return self.bytes[what, split] < share * self.limit

    def _font(self, path: Path, package: str) -> bool:
        from .fontprep import prepare

        font = prepare(path)
        if font is None or self._families[font.family] >= FILES_A_FAMILY:
            return False
        split = split_of("font", font.family)
        name = hashlib.sha256(font.data).hexdigest()[:12] + ".ttf"
        if not self._room("font", split) or name in self._seen:
            return False
        self._seen.add(name)
        self._families[font.family] += 1
        self._write(f"fonts/{name}", font.data)
        self.bytes["font", split] += len(font.data)
        self.fonts.append({"file": name, "family": font.family, "style": font.style, "split": split,
                           "package": package, "coverage": font.coverage})  # fmt: skip
        return True

    def _text(self, path: Path, package: str) -> bool:
        place = path.parts
        folder = place[place.index("man") + 1]
        language = "en" if re.fullmatch(r"man\d", folder) else folder.lower().replace("_", "-")
        split = split_of("text", path.name)
        if self.bytes[f"text-{language}", split] > TEXT_BYTES:
            return False
        found = paragraphs(read(path).decode("utf-8", errors="ignore"))
        self.text.setdefault((split, language), {}).update(dict.fromkeys(found))
        self.bytes[f"text-{language}", split] += sum(map(len, found))
        return bool(found)

    def _words(self, path: Path, package: str) -> bool:
        language = path.stem.split("_")[0].lower()
        if self.bytes[f"words-{language}", "train"]:
            return False  # one dictionary a language
        for word in entries(path.read_bytes(), path.with_suffix(".aff").read_bytes()):
            split = split_of("words", word)
            if self.bytes[f"words-{language}", split] < WORD_BYTES:
                self.words.setdefault((split, language), []).append(word)
                self.bytes[f"words-{language}", split] += len(word.encode()) + 1
        return bool(self.words.get(("train", language)))

    def _pdf(self, path: Path, package: str) -> bool:
        stem = path.name.split(".")[0]
        split = split_of("pdf", stem.split("-")[0])  # parts and translations of one document
        if package.startswith(BENCHMARK):
            split = "held"
        if not self._room("pdf", split) or path.stat().st_size > 6_000_000:
            return False
        found = excerpt(read(path), stem)
        if found is None:
            return False
        data, pages = found
        if len(data) > 1_200_000:
            return False
        number = len(self.pages[split])
        self._write(f"pdf/{split}/{number:04d}.pdf", data)
        self.bytes["pdf", split] += len(data)
        self.pages[split].append(
            {"file": f"{number:04d}.pdf", "source": f"{package}: {path.name}", "pages": pages}
        )
        return True

    def _photo(self, path: Path, package: str) -> bool:
        from PIL import Image

        try:
            picture = Image.open(path).convert("RGB")
        except OSError:
            return False
        picture.thumbnail((900, 900))
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=85)
        split = split_of("photo", path.name)
        name = hashlib.sha256(buffer.getvalue()).hexdigest()[:12]
        self._write(f"photos/{split}/{name}.jpg", buffer.getvalue())
        self.bytes["photo", split] += len(buffer.getvalue())
        return True

    def _write(self, name: str, data: bytes) -> None:
        path = self.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def finish(self) -> str:
        """Write the indices and return what there is."""
        for (split, language), found in self.text.items():
            self._write(f"text/{split}/{language}.txt", "\n".join(found).encode())
        for (split, language), listed in self.words.items():
            self._write(f"words/{split}/{language}.txt", "\n".join(listed).encode())
        self._write("fonts/fonts.json", json.dumps(self.fonts).encode())
        for split, records in self.pages.items():
            self._write(f"pdf/{split}/pages.json", json.dumps(records).encode())
        self._write("sources.json", json.dumps(self.sources, indent=1).encode())
        rows = [
            f"| {s['package']} | {s['version']} | "
            f"{', '.join(f'{n} {what}' for what, n in s['files'].items())} | "
            f"{', '.join(s['licences']) or 'see licences/' + s['package'] + '.txt'} |"
            for s in self.sources
        ]
        head = "# Sources\n\n| package | version | used | licences |\n|---|---|---|---|\n"
        self._write("SOURCES.md", (head + "\n".join(rows) + "\n").encode())
        lines = []
        for split in ("train", "held"):
            fonts = [font for font in self.fonts if font["split"] == split]
            pages = [page for record in self.pages[split] for page in record["pages"]]
            readable = sum(line["readable"] for page in pages for line in page["lines"])
            photos = len(list((self.out / "photos" / split).glob("*.jpg")))
            lines.append(
                f"{split}: {len(fonts)} fonts of {len({f['family'] for f in fonts})} families, "
                f"{sum(1 for s, _ in self.text if s == split)} languages, "
                f"words of {sum(1 for s, _ in self.words if s == split)}, "
                f"{len(self.pages[split])} documents with {len(pages)} pages and {readable} "
                f"readable lines, {photos} photos"
            )
        return "\n".join([*lines, f"{len(self.sources)} packages, licences in SOURCES.md"])


def paragraphs(roff: str) -> list[str]:
    """Return the paragraphs of a manual page that are prose.

    >>> paragraphs(".SH NAME\\nThe \\\\fIquick\\\\fP brown fox jumps over\\nthe lazy dog.\\n")
    ['The quick brown fox jumps over the lazy dog.']
    """
    found: list[str] = []
    current: list[str] = []
    for line in [*roff.splitlines(), ""]:
        words = re.match(r"\.(?:B|I|BR|IR) (.*)", line)
        text = words[1].replace('"', "") if words else line
        if text.strip() and not text.startswith((".", "'", "\\")):
            current.append(text)
            continue
        whole = " ".join(" ".join(current).split())
        current = []
        for pattern, printed in _ROFF:
            whole = pattern.sub(printed, whole)
        letters = sum(character.isalpha() for character in whole)
        if 30 < len(whole) < 3000 and "\\" not in whole and letters > 0.63 * len(whole):
            found.append(whole)
    return found


def entries(dictionary: bytes, affixes: bytes) -> list[str]:
    """Return the words of a Hunspell dictionary that are letters alone, in an order like no other's.

    >>> entries("3\\nhouse/S\\nxyz1\\n\\u03bb\\u03cc\\u03b3\\u03bf\\u03c2\\n".encode(), b"SET UTF-8")
    ['house', '\u03bb\u03cc\u03b3\u03bf\u03c2']
    """
    charset = re.search(rb"^SET\s+(\S+)", affixes, re.MULTILINE)
    name = charset[1].decode("ascii").lower() if charset else "latin-1"
    text = dictionary.decode(name.replace("microsoft-", ""), errors="ignore")
    found = {line.split("/")[0].strip() for line in text.splitlines()}
    words = [word for word in found if 1 < len(word) < 25 and word.isalpha()]
    return sorted(words, key=lambda word: hashlib.sha256(word.encode()).digest())


def excerpt(data: bytes, seed: str) -> tuple[bytes, list[dict[str, Any]]] | None:
    """Return a PDF of some pages with usable text layers and their lines, or None if there are none.

    Args:
        data: a PDF.
        seed: picks the pages.
    """
    import pymupdf

    pymupdf.TOOLS.mupdf_display_errors(False)
    rng = random.Random(seed)
    try:
        with pymupdf.open(stream=data, filetype="pdf") as document, pymupdf.open() as out:
            if document.needs_pass:
                return None
            count = document.page_count
            pages = []
            for index in sorted(rng.sample(range(count), min(count, PAGES_A_DOCUMENT))):
                page = document[index]
                if page.rotation or max(page.rect.width, page.rect.height) > 1300:
                    continue
                lines = page_lines(page)
                readable = sum(line["readable"] for line in lines)
                if readable < max(3, 0.35 * len(lines)):
                    continue
                pictures = [[round(v, 1) for v in i["bbox"]] for i in page.get_image_info()]
                pages.append({"lines": lines, "pictures": pictures})
                out.insert_pdf(document, from_page=index, to_page=index, links=False, annots=False)
            return (out.tobytes(garbage=4, deflate=True), pages) if pages else None
    except (RuntimeError, ValueError):
        return None  # MuPDF's errors for a damaged file: leave it out
