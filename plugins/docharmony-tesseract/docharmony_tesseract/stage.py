"""Stage ``ocr.tesseract``: calls the tesseract program, pixels in and TSV out through pipes.

Nothing of the page touches the disk. One thread a call (OMP_THREAD_LIMIT=1): tesseract's own threads
slow each other down by a factor of ten on a busy machine.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar

from docharmony import BBox, Context, InputError, Line, MissingExtraError, Word
from docharmony.stages.lines import ReadConfig, line_of_words
from docharmony.stages.reading import ReadingStage

if TYPE_CHECKING:
    from docharmony.engine.base import Image

_WORD = "5"  # level of a word in tesseract's TSV


@dataclass(frozen=True, slots=True)
class TesseractConfig(ReadConfig):
    """Options of ``ocr.tesseract``."""

    languages: tuple[str, ...] = ("eng",)
    """Language packs in order of weight, e.g. ``["deu", "eng"]``; see ``tesseract --list-langs``."""

    timeout: float = 120.0
    """Seconds that one call may take."""

    program: str = "tesseract"
    """Name or path of the program."""


class TesseractStage(ReadingStage):
    """Reads pages with tesseract, in any language that it has a pack for."""

    name: ClassVar[str] = "ocr.tesseract"
    Config: ClassVar[type[Any]] = TesseractConfig

    def read_image(self, image: Image, ctx: Context) -> list[Line]:
        """Return the lines that tesseract finds, in its order."""
        key = f"{self.name} {self.config.program} {self.config.languages}"
        if key not in ctx.store:
            check_installed(self.config.program, self.config.languages)
            ctx.store[key] = True
        height, width = image.shape[:2]
        # PPM: no compression to pay for. It has no resolution, and tesseract wants one.
        pixels = b"P6 %d %d 255\n" % (width, height) + image.tobytes()
        command = ["stdin", "stdout", "--dpi", str(self.config.dpi or 200)]
        command += ["-l", "+".join(self.config.languages), "tsv"]
        output = _run(self.config.program, command, pixels, self.config.timeout)
        return list(parse_tsv(output.splitlines()))


def check_installed(program: str, languages: Sequence[str]) -> None:
    """Raise MissingExtraError, with what to install, when the program or a language pack is missing."""
    listed = _run(program, ["--list-langs"], b"", 30.0).splitlines()
    installed = {line.strip() for line in listed}
    missing = [language for language in languages if language not in installed]
    if missing or not languages:
        packages = " ".join(f"tesseract-ocr-{name.replace('_', '-')}" for name in missing)
        raise MissingExtraError(
            "tesseract cannot read this language"
            if missing
            else "ocr.tesseract needs at least one language",
            where=", ".join(missing),
            why="its language pack is not installed" if missing else "",
            hint=f"Run: apt-get install {packages} (or put the .traineddata files into tessdata), "
            "or change stages.ocr.tesseract.languages."
            if missing
            else 'Set stages.ocr.tesseract.languages=["eng"].',
        )


def parse_tsv(rows: Iterable[str]) -> Iterable[Line]:
    """Yield the lines of tesseract's TSV output, in pixels of the image; drawn rules are left out.

    >>> row = "5\\t1\\t1\\t1\\t1\\t1\\t750\\t345\\t63\\t36\\t96.7\\tgnats"
    >>> [(line.text, line.bbox) for line in parse_tsv([row])]
    [('gnats', BBox(x0=750.0, y0=345.0, x1=813.0, y1=381.0))]
    """
    cells = (row.split("\t") for row in rows)
    words = (row for row in cells if len(row) == 12 and row[0] == _WORD and row[11].strip())
    for _, group in groupby(words, key=lambda row: row[1:5]):
        line = [_word(row) for row in group]
        yield line_of_words(line, BBox.around([word.bbox for word in line]).polygon())


def _word(row: Sequence[str]) -> Word:
    x, y, width, height, confidence = (float(value) for value in row[6:11])
    text = "".join(row[11].split())
    box = BBox(x, y, x + width, y + height)
    return Word(text, box, min(1.0, max(0.0, confidence / 100)), "ocr")


def _run(program: str, arguments: Sequence[str], data: bytes, timeout: float) -> str:
    """Return what the program prints."""
    try:
        done = subprocess.run(
            [program, *arguments],
            input=data,
            capture_output=True,
            timeout=timeout,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
            check=False,
        )
    except (FileNotFoundError, PermissionError) as error:
        raise MissingExtraError(
            "ocr.tesseract cannot start",
            where=program,
            why="there is no such program",
            hint="Run: apt-get install tesseract-ocr (macOS: brew install tesseract), "
            "or set stages.ocr.tesseract.program to its path.",
        ) from error
    except subprocess.TimeoutExpired:
        # "from None": the chained error would carry what was printed so far, text of the page.
        raise InputError(
            "tesseract takes too long",
            why=f"{timeout:g} s are over",
            hint="Raise stages.ocr.tesseract.timeout, or lower its dpi.",
        ) from None
    if done.returncode:
        raise InputError(
            "tesseract cannot read this page",
            where=program,
            why=f"exit code {done.returncode}",
            hint="Run `tesseract --version` to see whether it works at all, or lower the dpi.",
        )
    return done.stdout.decode("utf-8", "replace")
