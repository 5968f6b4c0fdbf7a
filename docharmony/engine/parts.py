"""The seams between an engine and its backends: what torch and onnxruntime each implement.

Arrays are numpy. What a backend keeps on its device (feature maps, keys and values) is opaque here.
Shapes: B batch, T tokens, V vocabulary or visual tokens, S side of an image, E experts, R rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .base import Task

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]
    Ints = npt.NDArray[np.int64]
    Bytes = npt.NDArray[np.uint8]


class NanoParts(Protocol):
    """The parts of nano's anatomy (:class:`docharmony.engine.spec.ModelSpec`)."""

    @property
    def workers(self) -> int:
        """How many threads may read, locate and judge at once; 1 where one call uses all there is."""

    @property
    def places(self) -> int:
        """Places of a transformer that one call should have: patches of lines and tiles, or bytes."""

    def read_lines(self, pixels: Bytes) -> tuple[Floats, Floats]:
        """Return visual tokens (B, C, D) and CTC log-probabilities of lines (B, 48, W, 3)."""

    def map_lines(self, pixels: Bytes, cells: npt.NDArray[np.bool_] | None = None) -> Floats:
        """Return maps (B, 2, H/4, W/4) of tiles (B, H, W, 3): probability of text, log2 of the em.

        Args:
            cells: where text may be, (H/16, W/16); a backend may leave out the rest. None: everywhere.
        """

    def language(
        self,
        visual: Floats,
        ids: Ints,
        positions: Ints,
        bias: Floats,
        cache: Any,
    ) -> tuple[Floats, Any]:
        """Run the language model on new places and return log-probabilities and the longer cache.

        Args:
            visual: visual tokens (B, V, D); V may be 0.
            ids: ids that follow them (B, T).
            positions: of both together (B, V + T).
            bias: (B, 1, V + T, P + V + T), 0 where a place may look, very negative where not.
            cache: of the P places before, as an earlier call returned it; None for P = 0. It stays
                with the backend.

        Returns:
            log-probabilities of what follows each id (B, T, vocabulary), and the cache.
        """

    def select(self, cache: Any, rows: npt.NDArray[np.bool_]) -> Any:
        """Return the cache of some of the rows."""

    def answer_language(
        self, ids: Ints, positions: Ints, bias: Floats, wanted: Ints, cache: Any
    ) -> tuple[Floats, Any]:
        """Run the language model for questions on new places.

        Args:
            ids: (B, T).
            positions: (B, T).
            bias: (B, 1, T, P + T), 0 where a place may look, very negative where not.
            wanted: (W,), the new places whose successors are wanted.
            cache: of the P places before, as an earlier call returned it; None for P = 0.

        Returns:
            log-probabilities of what follows the wanted places (B, W, vocabulary), and the longer
            cache, which stays with the backend; the shorter one stays usable.

        Raises:
            CheckpointIncompatibleError: this backend or checkpoint has no such model.
        """

    def paint(self, pixels: Bytes, mask: Bytes) -> Bytes:
        """Paint where mask (B, H, W) is 1 in pixels (B, H, W, 3); sides divisible by 16."""


class Session(Protocol):
    """Texts in the middle of being written; R = B times beams rows."""

    def step(self, ids: Ints, origin: Ints | None) -> Floats:
        """Append ids (R,) and return the logits (R, V) of what follows.

        Args:
            origin: (R,), the row that each one continues; None where all continue themselves.
        """


class PublishedParts(Protocol):
    """The parts of the published anatomy (:class:`docharmony.engine.presets.PublishedSpec`)."""

    def see(self, pixels: Bytes) -> Any:
        """Return the tokens and feature maps of images (B, S, S, 3), kept on the device."""

    def start(
        self, sight: Any, ids: Ints, mask: Ints | None, gates: Floats, beams: int
    ) -> tuple[Floats, Session]:
        """Run prompts and return the logits (B, V) of what follows each, and how to go on.

        Args:
            sight: of :meth:`see`, one image a row.
            ids: (B, T), padded on the left, with one image a row.
            mask: (B, T), 0 where padding; None without padding.
            gates: (B, E), or (1, E) for all rows alike.
            beams: rows that the session keeps for each prompt.
        """

    def draw(
        self,
        sight: Any,
        ids: Ints,
        gates: Floats,
        *,
        seeds: Sequence[int],
        steps: int,
        guidance: float,
        scheduler: str,
    ) -> Bytes:
        """Return the images (B, S', S', 3) that follow the prompts.

        Args:
            sight: of :meth:`see`, the source image of each row.
            ids: (B, T), each ending with the start of the image to be drawn.
            gates: (B, E), or (1, E) for all rows alike.
            seeds: one an image.
            steps, guidance: of the diffusion; guidance 1 halves the work.
            scheduler: ``"ddpm"`` as published, ``"dpm"`` with fewer steps.
        """


def fixed_gates(tasks: Sequence[Task], experts: int = 3) -> Floats:
    """Return the published weights (B, E) of the experts of Slide-LoRA, one row a sample.

    Raises:
        ValueError: the experts cannot be divided into three groups.

    >>> fixed_gates([Task.PAINT, Task.ANSWER]).tolist()
    [[0.5, 0.0, 0.5], [0.0, 0.5, 0.5]]
    """
    if experts < 3 or experts % 3:
        raise ValueError(f"{experts} experts cannot serve images, text and both in equal parts")
    third = experts // 3
    gates = np.zeros((len(tasks), experts), np.float32)
    for row, task in zip(gates, tasks, strict=True):
        start = 0 if task is Task.PAINT else third
        row[start : start + third] = 0.5 / third
        row[2 * third :] = 0.5 / third
    return gates
