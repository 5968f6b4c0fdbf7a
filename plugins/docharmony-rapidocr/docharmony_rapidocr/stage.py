"""Stage ``ocr.rapidocr``: PP-OCRv6 small, through the rapidocr package, on onnxruntime.

The package's line-angle classifier stays off: it turns upright lines upside down (character error rates
of 5-27 % on pages that are read at 0.1-0.6 % without it, rapidocr 3.10.0). Pages that lie sideways or
upside down are turned as a whole by :class:`~docharmony.stages.reading.LocatingStage`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docharmony import Context, MissingExtraError, Polygon
from docharmony.engine.base import Reading, TextRegion
from docharmony.stages.lines import ReadConfig
from docharmony.stages.reading import LocatingStage

if TYPE_CHECKING:
    from docharmony.engine.base import Image

_TALL = 2.0  # height / width from which a box holds vertical text, not a narrow letter
_MODELS = ("PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx")


@dataclass(frozen=True, slots=True)
class RapidOcrConfig(ReadConfig):
    """Options of ``ocr.rapidocr``."""

    threads: int = 0
    """Threads of onnxruntime; 0 takes OMP_NUM_THREADS, or one a core."""

    box_threshold: float = 0.5
    """Least confidence (0.0-1.0) of the detector for a line to be read."""


class RapidOcrStage(LocatingStage):
    """Reads pages with PP-OCRv6: Latin scripts, Chinese, Japanese; no Cyrillic."""

    name: ClassVar[str] = "ocr.rapidocr"
    Config: ClassVar[type[Any]] = RapidOcrConfig
    crop_margin: ClassVar[float] = 0.0  # its detector's boxes have their margin already

    def locate(self, image: Image, ctx: Context) -> list[TextRegion]:
        """Return the lines that the detector finds, top to bottom, then left to right."""
        found = self._rapidocr(ctx)(
            _bgr(image),
            use_det=True,
            use_cls=False,
            use_rec=False,
            box_thresh=self.config.box_threshold,
        )
        if found.boxes is None:
            return []
        return [
            TextRegion(_reading_order(box.tolist()), float(score))
            for box, score in zip(found.boxes, found.scores, strict=True)
        ]

    def read(self, crops: Sequence[Image], ctx: Context) -> list[Reading]:
        """Read crops one by one: on a CPU no slower than in batches, which pad the shorter ones."""
        rapidocr = self._rapidocr(ctx)
        readings = []
        for crop in crops:
            read = rapidocr(
                _bgr(crop), use_det=False, use_cls=False, use_rec=True, return_word_box=True
            )
            text = read.txts[0] if read.txts else ""
            bounds = _bounds(text, read.word_results[0]) if text.strip() else ()
            readings.append(Reading(text, float(read.scores[0]) if text else 0.0, bounds))
        return readings

    def _rapidocr(self, ctx: Context) -> Any:
        key = f"{self.name} {self.config.threads}"
        if key not in ctx.store:
            ctx.store[key] = load(self.config.threads)
        return ctx.store[key]


def load(threads: int = 0) -> Any:
    """Return a RapidOCR with the models of its wheel, classifier off; raises MissingExtraError."""
    try:
        import rapidocr
    except ImportError as error:
        raise MissingExtraError(
            "ocr.rapidocr cannot start",
            why=f"a package is missing: {error.name}",
            hint="Run: pip install docharmony-rapidocr",
        ) from error
    # Paths given outright: by name the package would look for a newer file on the network.
    folder = Path(rapidocr.__file__).parent / "models"
    detector, recogniser = (folder / name for name in _MODELS)
    if not (detector.is_file() and recogniser.is_file()):
        raise MissingExtraError(
            "ocr.rapidocr cannot start",
            where=str(folder),
            why="this version of rapidocr ships other models",
            hint="Run: pip install rapidocr==3.10.0",
        )
    count = threads or int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
    engine = "EngineConfig.onnxruntime"
    return rapidocr.RapidOCR(
        params={
            "Global.use_cls": False,
            "Global.text_score": 0.0,  # the stage's own min_confidence decides
            "Global.log_level": "critical",
            "Det.model_path": str(detector),
            "Rec.model_path": str(recogniser),
            f"{engine}.intra_op_num_threads": min(count, os.cpu_count() or 1),
            f"{engine}.inter_op_num_threads": 1,
        }
    )


def _bgr(image: Image) -> Image:
    import numpy as np

    return np.ascontiguousarray(image[..., ::-1])


def _reading_order(box: list[list[float]]) -> Polygon:
    """Return a detected box, clockwise from the text's top left; tall ones read top to bottom."""
    a, b, c, d = box
    height, width = math.dist(a, d), math.dist(a, b)
    return Polygon.of((b, c, d, a) if height >= _TALL * max(width, 1e-6) else (a, b, c, d))


def _bounds(text: str, info: Any) -> tuple[tuple[float, float], ...]:
    """Return (start, end) of each character as fractions of the crop's width.

    The recogniser tells for every visible character the column (about 8 px of a 48 px high line) at
    which it was most certain of it: taken as its middle. A character reaches to half the way to its
    neighbour, at most three quarters of the line's mean advance.
    """
    columns = [column for word in info.word_cols for column in word]
    visible = [i for i, sign in enumerate(text) if not sign.isspace()]
    if len(columns) != len(visible) or not info.line_txt_len:
        return ()
    middles = [(column + 0.5) / info.line_txt_len for column in columns]
    advance = (middles[-1] - middles[0]) / max(1, visible[-1] - visible[0]) if columns else 0.0
    reach = 0.75 * (advance or 1 / info.line_txt_len)
    places: list[tuple[float, float]] = [(0.0, 0.0)] * len(text)
    for n, (index, middle) in enumerate(zip(visible, middles, strict=True)):
        left = (middle - middles[n - 1]) / 2 if n and visible[n - 1] == index - 1 else reach
        follows = n + 1 < len(visible) and visible[n + 1] == index + 1
        right = (middles[n + 1] - middle) / 2 if follows else reach
        places[index] = (max(0.0, middle - min(left, reach)), min(1.0, middle + min(right, reach)))
    for index, sign in enumerate(text):
        if sign.isspace():
            before = places[index - 1][1] if index else 0.0
            places[index] = (before, before)
    return tuple(places)
