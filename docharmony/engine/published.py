"""The engine on the published anatomy: prompts, batching and parsing over the parts of a backend.

The language model reads, answers and locates by writing text; the image decoder paints and draws. The
task is always said, so an instruction to erase gets the experts for images, which the release's rule
on words would not give it.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from PIL import Image as Pictures

from ..errors import CheckpointIncompatibleError, ConfigError, EngineError
from . import prompts
from .base import Reading, Task, TextRegion, checked
from .decoding import Decoding, Written, decode
from .parts import fixed_gates
from .pieces import IMAGE_START, SPECIALS, PieceTokenizer
from .presets import PublishedSpec

if TYPE_CHECKING:
    from ..checkpoint import Manifest
    from ..config import EngineConfig
    from .base import Image, Mask
    from .parts import Bytes, PublishedParts

TOKENIZER = "tokenizer"  # the part that is no weights
ABILITIES = frozenset({"answer", "draw", "erase", "locate", "read", "write"})
_READING = frozenset({"vision", "resampler", "memory", "language", TOKENIZER})
# Which graphs, and what else, each ability needs; weights in safetensors hold all.
NEEDS = {
    **dict.fromkeys(("answer", "locate", "read"), _READING),
    **dict.fromkeys(("draw", "erase", "write"),
                    _READING | {"prompt", "source", "unet", "vae_decoder"}),
}  # fmt: skip


class PublishedEngine:
    """Implements :class:`docharmony.engine.base.Engine` on the published anatomy.

    Args:
        spec: sizes of the model.
        parts: of either backend.
        tokenizer: of the language model.
        name: of the checkpoint, for messages.
        abilities: what the checkpoint was trained for.
        decoding: how text is written; greedy by default, for the same answer every time. The release
            draws with five beams: ``Decoding(beams=5, sample=True, penalty=1.3)``.
        grid: side of the square on which the model counts places.
        steps, guidance: of the diffusion; None takes the published number.
        scheduler: ``"ddpm"`` as published, or ``"dpm"``, good with fewer steps.
        batch: images that are seen, or drawn, at once.
        image_size: side of the square that images are squashed to; None takes the training's.

    Raises:
        ConfigError: no grid of patches has that side.
    """

    def __init__(
        self,
        spec: PublishedSpec,
        parts: PublishedParts,
        tokenizer: PieceTokenizer,
        *,
        name: str = "full",
        abilities: Iterable[str] = ABILITIES,
        decoding: Decoding | None = None,
        grid: int = prompts.GRID,
        steps: int | None = None,
        guidance: float | None = None,
        scheduler: str = "ddpm",
        batch: int = 8,
        image_size: int | None = None,
    ) -> None:
        unit = spec.trunk.unit
        if image_size is not None and (image_size < unit or image_size % unit):
            raise ConfigError(
                "engine.image_size does not fit the checkpoint",
                why=f"{image_size} is no multiple of {unit}",
                hint=f"It was trained with {spec.trunk.image_size}.",
            )
        self.spec, self.parts, self.tokenizer = spec, parts, tokenizer
        self.name, self.abilities = name, frozenset(abilities)
        self.decoding = decoding or Decoding()
        self.grid, self.scheduler, self.batch = grid, scheduler, batch
        self.image_size = image_size or spec.trunk.image_size
        self.steps = spec.painter.steps if steps is None else steps
        self.guidance = spec.painter.guidance if guidance is None else guidance
        self._last: tuple[bytes, Any] | None = None  # questions about one page come in a row

    @classmethod
    def from_manifest(
        cls, manifest: Manifest, parts: PublishedParts, config: EngineConfig
    ) -> PublishedEngine:
        """Return the engine of a checkpoint.

        Raises:
            CheckpointError: it is of another anatomy, or its tokenizer is missing or damaged.
            ConfigError: it cannot look at images of the size that is asked for.
            MissingExtraError: the package of the tokenizer is not installed.
        """
        spec = manifest.spec
        if not isinstance(spec, PublishedSpec):
            raise CheckpointIncompatibleError(
                "cannot run this checkpoint",
                where=str(manifest.path),
                why="it is not of the published anatomy",
            )
        tokenizer = PieceTokenizer(manifest.part(TOKENIZER).path, spec.decoder)
        return cls(
            spec,
            parts,
            tokenizer,
            name=manifest.name,
            abilities=manifest.abilities,
            decoding=Decoding(
                length=config.length,
                beams=config.beams,
                sample=config.sample,
                penalty=config.penalty,
                seed=config.seed,
            ),
            grid=config.grid,
            steps=config.steps or None,
            guidance=config.guidance or None,
            scheduler=config.scheduler,
            batch=config.batch,
            image_size=config.image_size or None,
        )

    # --- text ------------------------------------------------------------------------------------

    def answer(self, images: Sequence[Image], question: str, *, context: str) -> list[Reading]:
        """Answer a question on each image. The model looks for itself; ``context`` is not needed."""
        self._require("answer")
        prompt = prompts.ask(_plain(question), self._slots())
        return [self._reading(w) for w in self._write(images, [prompt] * len(images), Task.ANSWER)]

    def read(self, crops: Sequence[Image], *, prompt: str | None = None) -> list[Reading]:
        """Read each crop, words parted by blanks; ``prompt`` asks otherwise than for all text."""
        self._require("read")
        text = prompts.ask(_plain(prompt or prompts.EXTRACT), self._slots())
        found = []
        for written in self._write(crops, [text] * len(crops), Task.READ):
            reading = self._reading(written)
            words = " ".join(prompts.parse_words(reading.text))
            found.append(Reading(words, reading.confidence))
        return found

    def locate(self, images: Sequence[Image]) -> list[list[TextRegion]]:
        """Return the text lines of each image; all have the confidence of the whole answer."""
        self._require("locate")
        return self._regions(images, prompts.LOCATE)

    def find(self, images: Sequence[Image], word: str) -> list[list[TextRegion]]:
        """Return where a word stands in each image."""
        self._require("locate")
        return self._regions(images, prompts.ask_place(_plain(word)))

    def spot(self, images: Sequence[Image]) -> list[list[tuple[TextRegion, str]]]:
        """Return the places of each image's text with what stands there, in one answer."""
        self._require("locate")
        self._require("read")
        prompt = prompts.ask(prompts.SPOT, self._slots())
        found = []
        written = self._write(images, [prompt] * len(images), Task.READ)
        for image, answer in zip(images, written, strict=True):
            height, width = image.shape[:2]
            reading = self._reading(answer)
            spots = prompts.parse_spots(reading.text, width, height, self.grid)
            found.append([(TextRegion(p, reading.confidence), word) for p, word in spots])
        return found

    def _regions(self, images: Sequence[Image], question: str) -> list[list[TextRegion]]:
        prompt = prompts.ask(question, self._slots())
        found = []
        written = self._write(images, [prompt] * len(images), Task.READ)
        for image, answer in zip(images, written, strict=True):
            height, width = image.shape[:2]
            reading = self._reading(answer)
            polygons = prompts.parse_polygons(reading.text, width, height, self.grid)
            regions = [TextRegion(polygon, reading.confidence) for polygon in polygons]
            regions.sort(key=lambda r: (r.polygon.bbox.center.y, r.polygon.bbox.x0))
            found.append(regions)
        return found

    def _write(self, images: Sequence[Image], texts: Sequence[str], task: Task) -> list[Written]:
        """Write on after a prompt with one image for each of the images."""
        found: list[Written] = []
        pad, context = self.spec.decoder.pad, self.spec.decoder.context
        gates = fixed_gates([task], self.spec.slide_lora.experts)
        for first in range(0, len(images), self.batch):
            rows = [self.tokenizer.encode(text) for text in texts[first : first + self.batch]]
            length = max(map(len, rows))
            if length >= context:
                raise EngineError(
                    "the question is too long",
                    why=f"with its image it takes {length} of {context} places",
                    hint="ask a shorter one",
                )
            ids = np.array([[pad] * (length - len(row)) + row for row in rows])
            mask = np.array([[0] * (length - len(row)) + [1] * len(row) for row in rows])
            sight = self._see(images[first : first + self.batch])
            options = replace(self.decoding, length=min(self.decoding.length, context - length))
            even = None if bool(mask.all()) else mask
            logits, session = self.parts.start(sight, ids, even, gates, options.beams)
            found += decode(logits, session.step, self.spec.decoder, options)
        return found

    def _reading(self, written: Written) -> Reading:
        # The end is a symbol too, so an answer that was cut short is no surer for it.
        symbols = len(written.ids) + (written.stop is not None)
        confidence = math.exp(min(written.logprob, 0.0) / max(symbols, 1))
        return Reading(self.tokenizer.decode(written.ids).strip(), confidence)

    # --- images ----------------------------------------------------------------------------------

    def paint(
        self,
        crops: Sequence[Image],
        masks: Sequence[Mask],
        texts: Sequence[str | None] | None = None,
        *,
        seed: int = 0,
    ) -> list[Image]:
        """Return each crop with its masked pixels painted; None as text erases.

        Pixels under the mask are black before the model sees them; the others come back unchanged.
        """
        words = [None] * len(crops) if texts is None else list(texts)
        found: list[Image] = []
        jobs: list[tuple[int, str]] = []  # crop, its prompt
        for number, (crop, mask, word) in enumerate(zip(crops, masks, words, strict=True)):
            self._require("write" if word else "erase")
            mask = np.asarray(mask, dtype=bool)
            if mask.shape != checked(crop).shape[:2]:
                raise ValueError("a mask must have the height and width of its crop")
            blanked = crop.copy()
            blanked[mask] = 0
            found.append(blanked)
            if mask.any():
                slots = self._slots()
                fill = prompts.fill(_plain(word), slots, IMAGE_START) if word else ""
                jobs.append((number, fill or prompts.erase(slots, IMAGE_START)))
        sources = [found[number] for number, _ in jobs]
        drawn = self._draw(
            sources, [prompt for _, prompt in jobs], [seed + number for number, _ in jobs]
        )
        for (number, _), painted in zip(jobs, drawn, strict=True):
            mask, out = np.asarray(masks[number], dtype=bool), found[number]
            out[mask] = _resized(painted, out.shape[1], out.shape[0])[mask]
        return found

    def generate(self, prompt: str, *, size: tuple[int, int], seed: int) -> Image:
        """Draw an image of ``size`` (width, height) from a caption."""
        self._require("draw")
        black = np.zeros((8, 8, 3), np.uint8)  # the published prompt begins with a black image
        text = prompts.draw(_plain(prompt), self._slots(), IMAGE_START)
        return _resized(self._draw([black], [text], [seed])[0], *size)

    def _draw(
        self, sources: Sequence[Image], texts: Sequence[str], seeds: Sequence[int]
    ) -> list[Image]:
        """Return the square images that the model draws next to source images.

        Each prompt ends with the start of the target: what would follow is not looked at.
        """
        found: dict[int, Image] = {}
        same: dict[int, list[int]] = defaultdict(
            list
        )  # prompts by length: drawing knows no padding
        rows = [self.tokenizer.encode(text) for text in texts]
        for number, row in enumerate(rows):
            if len(row) > self.spec.decoder.context:
                raise EngineError(
                    "the text to be drawn is too long",
                    why=f"it takes {len(row)} of {self.spec.decoder.context} places",
                )
            same[len(row)].append(number)
        gates = fixed_gates([Task.PAINT], self.spec.slide_lora.experts)
        for numbers in same.values():
            for first in range(0, len(numbers), self.batch):
                some = numbers[first : first + self.batch]
                images = self.parts.draw(
                    self._see([sources[n] for n in some]),
                    np.array([rows[n] for n in some]),
                    gates,
                    seeds=[self.spec.painter.seed + seeds[n] for n in some],
                    steps=self.steps,
                    guidance=self.guidance,
                    scheduler=self.scheduler,
                )
                found.update(zip(some, images, strict=True))
        return [found[n] for n in range(len(texts))]

    # --- in between ------------------------------------------------------------------------------

    def _slots(self) -> str:
        return self.tokenizer.image(self.spec.resampler.queries)

    def _see(self, images: Sequence[Image]) -> Any:
        """Look at images; one that was looked at last is not looked at again."""
        pixels = self._squashed(images)
        if len(images) > 1:
            return self.parts.see(pixels)
        key = hashlib.sha256(pixels.tobytes()).digest()
        if self._last is None or self._last[0] != key:
            self._last = None  # its memory is free before the next one takes more
            self._last = key, self.parts.see(pixels)
        return self._last[1]

    def _squashed(self, images: Sequence[Image]) -> Bytes:
        """Return images squashed to the model's square, (B, S, S, 3)."""
        side = self.image_size
        return np.stack([_resized(checked(image), side, side) for image in images])

    def _require(self, ability: str) -> None:
        if ability not in self.abilities:
            self._cannot(ability)

    def _cannot(self, what: str) -> NoReturn:
        raise EngineError(
            f"checkpoint {self.name!r} cannot {what}",
            why="it was not trained for it",
            hint="Choose another one with --checkpoint; `docharmony checkpoints` lists them.",
        )


def _resized(image: Image, width: int, height: int) -> Image:
    picture = Pictures.fromarray(image).resize((width, height), Pictures.Resampling.BICUBIC)
    return np.asarray(picture)


def _plain(text: str) -> str:
    """Return a text of others without the strings that stand for images: it must not add any."""
    for special in SPECIALS:
        text = text.replace(special, " ")
    return text
