"""Seams of the engine: Task, what goes in and out, and the three parts. Arrays are numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from ..geometry import Polygon

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Image = npt.NDArray[np.uint8]  # (height, width, 3) RGB
    Mask = npt.NDArray[np.bool_]  # (height, width), True where the pixels are to be painted


class Task(IntEnum):
    """The explicit task that picks the Slide-LoRA experts (the release guesses it from the prompt)."""

    READ = 0
    ANSWER = 1
    PAINT = 2


@dataclass(frozen=True, slots=True)
class TextRegion:
    """A located text line.

    Attributes:
        polygon: four corners in pixels of the image given, clockwise from the text's top left.
        confidence: 0.0-1.0.
    """

    polygon: Polygon
    confidence: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What a crop or an answer says.

    Attributes:
        text: the text; ``""`` when nothing is legible.
        confidence: 0.0-1.0, the geometric mean of the symbols' probabilities.
        bounds: for a read crop, len(text) pairs (start, end): the place of each character as a
            fraction 0.0-1.0 of the crop's width. Empty where the places are unknown.
        drafted: True where the fast CTC path alone decided.
    """

    text: str
    confidence: float
    bounds: tuple[tuple[float, float], ...] = ()
    drafted: bool = False


class Embedder(Protocol):
    """Maps texts to directions: texts that mean the same lie close together.

    A registered target is a class whose call without arguments makes one; it is made once a worker.
    """

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return one row of length 1 for each text, (len(texts), D)."""


class Engine(Protocol):
    """The one engine that stages see."""

    def locate(self, images: Sequence[Image]) -> list[list[TextRegion]]:
        """Return the text lines of each image (any size), in rough top-to-bottom order."""

    def read(self, crops: Sequence[Image], *, prompt: str | None = None) -> list[Reading]:
        """Read upright crops of single lines, in the order given; batches and sorts inside."""

    def answer(self, images: Sequence[Image], question: str, *, context: str) -> list[Reading]:
        """Answer a question on each image with ``context``; EngineError where the checkpoint cannot."""

    def paint(
        self,
        crops: Sequence[Image],
        masks: Sequence[Mask],
        texts: Sequence[str | None] | None = None,
        *,
        seed: int = 0,
    ) -> list[Image]:
        """Return each crop with its masked pixels painted.

        Pixels under the mask are set to zero **before** the network sees the crop, so the result does
        not depend on them; pixels outside come back unchanged. ``None`` as text erases.
        """

    def generate(self, prompt: str, *, size: tuple[int, int], seed: int) -> Image:
        """Draw an image from a prompt; EngineError where the checkpoint cannot."""


@runtime_checkable
class Rater(Protocol):
    """What an engine with a language model for questions does besides: it judges answers of others."""

    def rate(self, question: str, context: str, answers: Sequence[str]) -> list[float]:
        """Return for each answer its mean log-probability, at most 0; EngineError where it cannot."""


def checked(image: npt.NDArray[Any]) -> Image:
    """Return the image; raise ValueError unless it is (height, width, 3) bytes and not empty."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != "uint8" or 0 in image.shape:
        raise ValueError(f"not an RGB image of bytes: {image.dtype} {image.shape}")
    return image
