"""Assets of a few kilobytes, made of fonts that Pillow and MuPDF carry and of documents drawn here."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

WORDS = (
    "The quick brown fox jumps over the lazy dog while forty-two grey pigeons watch from the roof. "
    "Über den Wolken muß die Freiheit wohl grenzenlos sein, sagte Frau Müller aus Köln am Rhein. "
    "Le cœur déçu mais l'âme plutôt naïve, Louÿs rêva de crapaüter en canoë au delà des îles."
)


@pytest.fixture(scope="session")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder as ``train data`` writes it, with both splits."""
    pytest.importorskip("torch", reason="needs the environment of training")
    pytest.importorskip("fontTools", reason="needs the environment of training")
    from docharmony_train.data.assets import _Gatherer
    from docharmony_train.data.packages import Package

    root = tmp_path_factory.mktemp("package")
    out = tmp_path_factory.mktemp("assets")
    files = [*_fonts(root), *_texts(root), *_dictionary(root), *_documents(root), *_photos(root)]
    gatherer = _Gatherer(out, 8 << 20)
    gatherer.take(Package("manpages-toy", "1.0", tuple(files), "License: CC0-1.0\n"))
    gatherer.finish()
    return out


def name_in(split: str, what: str, stem: str, suffix: str) -> str:
    """Return a file name that falls into a split."""
    from docharmony_train.data.assets import split_of

    for number in range(1000):
        name = f"{stem}{number}{suffix}"
        if split_of(what, name if what in ("text", "photo") else f"{stem}{number}") == split:
            return name
    raise AssertionError("no such name")


def _fonts(root: Path) -> list[Path]:
    """The font that Pillow carries, under two names: one family to train on, one held out."""
    from fontTools.ttLib import TTFont
    from PIL import ImageFont

    plain = root / "plain.bin"
    plain.write_bytes(ImageFont.load_default(20).font_bytes)
    found = []
    for split in ("train", "held"):
        font = TTFont(plain)
        family = name_in(split, "font", "Toy", "")
        for number in (1, 16):
            font["name"].removeNames(nameID=number)
            font["name"].setName(family, number, 3, 1, 0x409)
        path = root / f"{family}.ttf"
        font.save(path)
        found.append(path)
    return found


def _texts(root: Path) -> list[Path]:
    folder = root / "usr/share/man/man1"
    folder.mkdir(parents=True)
    found = []
    for split in ("train", "held"):
        path = folder / name_in(split, "text", "toy", ".1.gz")
        body = ".SH NAME\n" + "\n.PP\n".join(f"{WORDS}\n{split} {n}" for n in range(20)) + "\n"
        path.write_bytes(gzip.compress(body.encode()))
        found.append(path)
    return found


def _dictionary(root: Path) -> list[Path]:
    folder = root / "usr/share/hunspell"
    folder.mkdir(parents=True)
    words = sorted({word.strip(".,") for word in WORDS.split()})
    (folder / "en_US.dic").write_text("\n".join([str(len(words)), *(f"{w}/S" for w in words)]))
    (folder / "en_US.aff").write_text("SET UTF-8\n")
    return [folder / "en_US.dic"]


def _documents(root: Path) -> list[Path]:
    import pymupdf

    found = []
    for split in ("train", "held"):
        path = root / name_in(split, "pdf", "report", ".pdf")
        with pymupdf.open() as document:
            page = document.new_page(width=400, height=400)
            for row in range(16):
                text = f"{row}. {WORDS[row * 7 : row * 7 + 34]}"
                page.insert_text((40, 50 + 20 * row), text, fontsize=9 + row % 3, fontname="tiro")
            document.save(path)
        found.append(path)
    return found


def _photos(root: Path) -> list[Path]:
    import numpy as np
    from PIL import Image

    folder = root / "usr/share/backgrounds"
    folder.mkdir(parents=True)
    coarse = np.random.default_rng(0).integers(0, 255, (12, 12, 3), np.uint8)
    found = []
    for split in ("train", "held"):
        path = folder / name_in(split, "photo", "view", ".jpg")
        Image.fromarray(coarse).resize((300, 300), Image.Resampling.BICUBIC).save(path)
        found.append(path)
    return found
