"""The engines that the OCR benchmark compares; each is loaded in a process of its own.

``nano`` is docharmony's stage ``ocr`` with the bundled checkpoint. ``rapidocr`` and ``tesseract`` are the
package and the program themselves, called as their own documentation says, line-angle classifier off.
``ocr.rapidocr`` and ``ocr.tesseract`` are docharmony's plugins around the same two.
"""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from scoring import Placed

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Image = npt.NDArray[np.uint8]

# Takes an image and the kind of its page, which tells tesseract the language.
# Packs of tesseract by the kind of the page; where one is not installed, nothing is read.
LANGUAGES = {"cyrillic": "rus+ukr", "greek": "ell", "accents": "eng+deu+fra+ces+pol"}
Reader = Callable[["Image", str], Sequence[Placed]]


def nano(threads: int) -> Reader:
    """Return docharmony's own stage ``ocr``."""
    return _stage("ocr", threads)


def plugin_rapidocr(threads: int) -> Reader:
    """Return the plugin stage ``ocr.rapidocr``."""
    return _stage("ocr.rapidocr", threads, {"threads": threads})


def plugin_tesseract(threads: int) -> Reader:
    """Return the plugin stage ``ocr.tesseract``."""
    return _stage("ocr.tesseract", threads, {"languages": ("eng", "deu")})


def _stage(name: str, threads: int, options: dict[str, Any] | None = None) -> Reader:
    from docharmony import Page, Plugins, RunConfig
    from docharmony.context import RunContext

    config = RunConfig(threads=threads)
    plugins = Plugins()
    cls = plugins.stages.get(name)
    stage = cls(cls.Config(**(options or {})))

    class Pixels(RunContext):
        """A context whose page is an array, so that all engines start from the same pixels."""

        image: Image

        def raster(self, page: Page, dpi: int | None = None) -> Image:
            return self.image

    ctx = Pixels(config, plugins)

    def read(image: Image, kind: str) -> list[Placed]:
        ctx.image = image
        height, width = image.shape[:2]
        page = stage.process(Page(1, width, height, "px", route="scan"), ctx)
        return [Placed(word.text, word.bbox) for line in page.lines for word in line.words]

    return read


def rapidocr(threads: int) -> Reader:
    """Return RapidOCR 3.10 with PP-OCRv6 small, ``use_cls=False``, all else as it comes."""
    from rapidocr import RapidOCR

    engine = RapidOCR(
        params={
            "Global.use_cls": False,
            "Global.log_level": "critical",
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )

    def read(image: Image, kind: str) -> list[Placed]:
        result = engine(image[..., ::-1].copy(), use_cls=False)
        if result.boxes is None:
            return []
        placed = []
        for text, box in zip(result.txts, result.boxes.tolist(), strict=True):
            # Its own word boxes split words at wide gaps: places are shared out along the line instead.
            (ax, ay), (bx, by), (cx, cy), (dx, dy) = box
            at = 0
            for word in text.split():
                at = text.index(word, at)
                t0, t1 = at / len(text), (at + len(word)) / len(text)
                at += len(word)
                xs = [p + (q - p) * t for p, q in ((ax, bx), (dx, cx)) for t in (t0, t1)]
                ys = [p + (q - p) * t for p, q in ((ay, by), (dy, cy)) for t in (t0, t1)]
                placed.append(Placed(word, (min(xs), min(ys), max(xs), max(ys))))
        return placed

    return read


def tesseract(threads: int) -> Reader:
    """Return the tesseract program, languages eng+deu, one thread: more make it slower."""
    from PIL import Image as Pictures

    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    told = subprocess.run(["tesseract", "--list-langs"], capture_output=True, text=True, check=True)
    installed = set(told.stdout.split())

    def read(image: Image, kind: str) -> list[Placed]:
        language = LANGUAGES.get(kind, "eng+deu")
        if not installed.issuperset(language.split("+")):
            return []
        data = io.BytesIO()
        Pictures.fromarray(image).save(data, "PPM")
        done = subprocess.run(
            ["tesseract", "stdin", "stdout", "--dpi", "200", "-l", language, "tsv"],
            input=data.getvalue(),
            capture_output=True,
            check=True,
            env=environment,
        )
        placed = []
        for row in done.stdout.decode().splitlines()[1:]:
            cells = row.split("\t")
            if cells[0] == "5" and cells[11].strip():
                x, y, w, h = map(float, cells[6:10])
                placed.append(Placed(cells[11], (x, y, x + w, y + h)))
        return placed

    return read


ENGINES: dict[str, Callable[[int], Reader]] = {
    "nano": nano,
    "rapidocr": rapidocr,
    "tesseract": tesseract,
    "ocr.rapidocr": plugin_rapidocr,
    "ocr.tesseract": plugin_tesseract,
}
