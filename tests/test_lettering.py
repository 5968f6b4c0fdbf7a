"""Letters painted by an image decoder: kept where they are read back as wanted, else type is set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf
import pytest
from PIL import Image, ImageDraw, ImageFont

from docharmony import BBox, Line, Page, Pipeline, ReplacementReport, Stage, Word, replace


class Told(Stage):
    """Reads what the test has drawn."""

    name = "told"
    provides = frozenset({"lines"})

    def process(self, page: Page, ctx: Any) -> Page:
        boxes = (("Report", BBox(60, 58, 168, 104)), ("for", BBox(178, 58, 224, 104)))
        boxes += (("Anna", BBox(236, 58, 322, 104)),)
        words = tuple(Word(text, box, 0.99, "ocr") for text, box in boxes)
        return page.provide("lines", lines=(Line("p1l1", words, BBox.around(b for _, b in boxes)),))


class Scribe:
    """An engine that draws letters in blue, and reads with the real one.

    Args:
        reader: the real engine.
        writes: what it draws for each try; None: what it is asked to.
    """

    def __init__(self, reader: Any, writes: Sequence[str] | None = None) -> None:
        self.reader, self.writes, self.asked = reader, writes, 0

    def read(self, crops: Sequence[Any], *, prompt: str | None = None) -> Any:
        return self.reader.read(crops, prompt=prompt)

    def paint(
        self, crops: Sequence[Any], masks: Sequence[Any], texts: Any = None, *, seed: int = 0
    ) -> list[Any]:
        assert texts is not None  # the ground is flat: nothing is left to erase
        rows, columns = np.nonzero(masks[0])
        canvas = Image.fromarray(crops[0])
        word = texts[0] if self.writes is None else self.writes[seed]
        font = ImageFont.load_default(0.72 * np.ptp(rows))
        place = (int(columns[0]) + 2, int(rows[0] + 0.86 * np.ptp(rows)))
        ImageDraw.Draw(canvas).text(place, word, fill=(0, 0, 200), font=font, anchor="ls")
        self.asked += 1
        return [np.array(canvas)]


@pytest.fixture(scope="module")
def reader() -> Any:
    return Pipeline().context.engine


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    image = Image.new("RGB", (640, 160), "white")
    ImageDraw.Draw(image).text(
        (60, 60), "Report for Anna", font=ImageFont.load_default(34), fill=(0, 0, 0)
    )
    path = tmp_path / "a.png"
    image.save(path)
    return path


def run(source: Path, engine: Any, *, writes: bool = True) -> tuple[Path, ReplacementReport]:
    pipeline = Pipeline(routes={name: [Told()] for name in ("scan", "digital", "mixed")})
    context = pipeline.context
    context._engine = engine
    if writes:
        manifest = context._read_manifest()
        context._manifest = changed(manifest, abilities=manifest.abilities | {"write"})
    out = source.with_name(f"new{source.suffix}")
    return out, replace(source, out, mapping={"Anna": "Otto"}, pipeline=pipeline, style="engine")


def blue(path: Path) -> bool:
    pixels = np.array(Image.open(path).convert("RGB")).astype(int)
    return bool(((pixels[..., 2] - pixels[..., 0]) > 120).any())


def test_letters_that_can_be_read_are_kept(picture: Path, reader: Any) -> None:
    scribe = Scribe(reader)
    out, report = run(picture, scribe)
    assert (report.count, scribe.asked) == (1, 1)
    assert blue(out)
    assert report.style == "engine"
    assert "painted 1 of 1" in report.notes[0]
    (fit,) = report.fits.values()
    assert fit.note == "painted by the image decoder"
    before, after = (np.array(Image.open(p).convert("RGB")) for p in (picture, out))
    assert (before[:, :220] == after[:, :220]).all()


def test_the_decoder_may_try_again(picture: Path, reader: Any) -> None:
    scribe = Scribe(reader, ["Qrrx", "Otto", "Otto"])
    out, report = run(picture, scribe)
    assert scribe.asked == 2
    assert blue(out)
    assert report.style == "engine"


def test_other_letters_are_thrown_away(picture: Path, reader: Any) -> None:
    scribe = Scribe(reader, ["Qrrx", "Emma", "Anna"])
    out, report = run(picture, scribe)
    assert scribe.asked == 3
    assert (report.count, report.style) == (1, "text")
    assert not blue(out)
    assert "set as type" in report.notes[0]
    assert "Otto" not in report.notes[0]
    after = np.array(Image.open(out).convert("L"))
    assert (after[58:104, 236:322] < 100).any()


def test_pictures_in_a_pdf(picture: Path, reader: Any, tmp_path: Path) -> None:
    with pymupdf.open() as document:
        page = document.new_page(width=640, height=160)
        page.insert_image(page.rect, filename=picture)
        document.save(tmp_path / "a.pdf")
    out, report = run(tmp_path / "a.pdf", Scribe(reader))
    assert (report.count, report.style) == (1, "engine")
    with pymupdf.open(out) as document:
        document[0].get_pixmap().save(tmp_path / "seen.png")
    assert blue(tmp_path / "seen.png")


def test_a_checkpoint_that_cannot_write_is_not_asked(picture: Path, reader: Any) -> None:
    scribe = Scribe(reader)
    out, report = run(picture, scribe, writes=False)
    assert (report.count, report.style, scribe.asked) == (1, "text", 0)
    assert report.notes == (
        "the checkpoint nano has not learnt to write letters: they were set as type",
    )
    assert not blue(out)
