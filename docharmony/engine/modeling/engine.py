"""The engine on the published model in torch: prompts, decoding and painting over its three parts.

The language model reads, answers and locates by writing text; the image decoder paints and draws. The
task is always said, so an instruction to erase gets the experts for images, which the release's rule
on words would not give it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image as Pictures
from torch import Tensor

from ...checkpoint import MANIFEST
from ...errors import CheckpointIncompatibleError
from .. import prompts
from ..base import Reading, Task, TextRegion
from ..pieces import IMAGE_START, PieceTokenizer
from .decoding import Decoding, Written, decode
from .image_decoder import contexts
from .loading import TOKENIZER, load, read_manifest
from .slide_lora import fixed_gates

if TYPE_CHECKING:
    from ..base import Image, Mask
    from .model import TextHarmonyModel


class PublishedEngine:
    """Implements :class:`docharmony.engine.base.Engine` on a :class:`TextHarmonyModel`.

    Args:
        decoding: how text is written; greedy by default, for the same answer every time. The release
            draws with five beams: ``Decoding(beams=5, sample=True, penalty=1.3)``.
        grid: side of the square on which the model counts places.
        steps, scheduler: of the diffusion; None takes the published number.
        batch: images that are seen at once.
    """

    def __init__(
        self,
        model: TextHarmonyModel,
        tokenizer: PieceTokenizer,
        *,
        decoding: Decoding | None = None,
        grid: int = prompts.GRID,
        steps: int | None = None,
        scheduler: str = "ddpm",
        batch: int = 8,
    ) -> None:
        self.model, self.tokenizer, self.spec = model, tokenizer, model.spec
        self.decoding = decoding or Decoding()
        self.grid, self.steps, self.scheduler, self.batch = grid, steps, scheduler, batch

    @classmethod
    def from_checkpoint(
        cls,
        folder: str | os.PathLike[str],
        *,
        device: str = "cpu",
        dtype: torch.dtype | None = None,
    ) -> PublishedEngine:
        """Open a converted checkpoint that has its tokenizer.

        Raises:
            CheckpointError: it is not there, damaged, of another anatomy or without tokenizer.
            EngineError: the device is not there.
        """
        spec, parts = read_manifest(Path(folder))
        if TOKENIZER not in parts:
            raise CheckpointIncompatibleError(
                "cannot run this checkpoint",
                where=str(Path(folder) / MANIFEST),
                why=f"it has no part {TOKENIZER!r}",
                hint="convert it again and name tokenizer.model",
            )
        model = load(folder, device=device, dtype=dtype)
        return cls(model, PieceTokenizer(parts[TOKENIZER].path, spec.decoder))

    # --- text ------------------------------------------------------------------------------------

    def answer(self, images: Sequence[Image], question: str, *, context: str) -> list[Reading]:
        """Answer a question on each image. The model looks for itself; ``context`` is not needed."""
        prompt = prompts.ask(question, self._slots())
        return [self._reading(w) for w in self._write(images, [prompt] * len(images), Task.ANSWER)]

    def read(self, crops: Sequence[Image], *, prompt: str | None = None) -> list[Reading]:
        """Read each crop, words parted by blanks; ``prompt`` asks otherwise than for all text."""
        text = prompts.ask(prompt or prompts.EXTRACT, self._slots())
        found = []
        for written in self._write(crops, [text] * len(crops), Task.READ):
            reading = self._reading(written)
            words = " ".join(prompts.parse_words(reading.text))
            found.append(Reading(words, reading.confidence))
        return found

    def locate(self, images: Sequence[Image]) -> list[list[TextRegion]]:
        """Return the text lines of each image; all have the confidence of the whole answer."""
        prompt = prompts.ask(prompts.LOCATE, self._slots())
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

    @torch.inference_mode()
    def _write(self, images: Sequence[Image], texts: Sequence[str], task: Task) -> list[Written]:
        """Write on after a prompt with one image for each of the images."""
        found: list[Written] = []
        language, pad = self.model.language, self.spec.decoder.pad
        for start in range(0, len(images), self.batch):
            rows = [self.tokenizer.encode(text) for text in texts[start : start + self.batch]]
            length = max(map(len, rows))
            ids = self._tensor([[pad] * (length - len(row)) + row for row in rows])
            mask = self._tensor([[0] * (length - len(row)) + [1] * len(row) for row in rows])
            seen = self.model.vision(self._pixels(images[start : start + self.batch]))
            memory = language.remember(ids, seen.maps, [1] * len(rows))
            embeddings = language.embed(ids, seen.tokens)
            gates = fixed_gates([task], self.spec.slide_lora.experts)
            even = None if bool(mask.all()) else mask
            found += decode(language, embeddings, memory, gates, self.decoding, even)
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
        found = []
        for number, (crop, mask) in enumerate(zip(crops, masks, strict=True)):
            mask = np.asarray(mask, dtype=bool)
            if mask.shape != crop.shape[:2]:
                raise ValueError("a mask must have the height and width of its crop")
            blanked = crop.copy()
            blanked[mask] = 0
            if mask.any():
                text = texts[number] if texts is not None else None
                source = self._slots()
                prompt = (
                    prompts.fill(text, source, IMAGE_START)
                    if text
                    else prompts.erase(source, IMAGE_START)
                )
                painted = self._draw(blanked, prompt, seed + number)
                height, width = mask.shape
                picture = Pictures.fromarray(painted)
                size = (width, height)
                fitted = np.asarray(picture.resize(size, Pictures.Resampling.BICUBIC))
                blanked[mask] = fitted[mask]
            found.append(blanked)
        return found

    def generate(self, prompt: str, *, size: tuple[int, int], seed: int) -> Image:
        """Draw an image of ``size`` (width, height) from a caption."""
        black = np.zeros((8, 8, 3), np.uint8)  # the published prompt begins with a black image
        drawn = self._draw(black, prompts.draw(prompt, self._slots(), IMAGE_START), seed)
        picture = Pictures.fromarray(drawn)
        return np.asarray(picture.resize(size, Pictures.Resampling.BICUBIC))

    @torch.inference_mode()
    def _draw(self, source: Image, prompt: str, seed: int) -> Image:
        """Return the square image that the model draws next to a source image.

        The prompt ends with the start of the target: what would follow is not looked at.
        """
        model = self.model
        ids = self._tensor([self.tokenizer.encode(prompt)])
        seen = model.vision(self._pixels([source]))
        memory = model.language.remember(ids, seen.maps, [1])
        with model.language.lora.use([Task.PAINT]):
            hidden = model.language(model.language.embed(ids, seen.tokens), memory)
        context, valid = contexts(hidden, ids, [2], self.spec.decoder)
        latents = model.image.sample(
            model.image.prompt(context[-1:], valid[-1:]),
            model.image.look(seen.maps, torch.ones(1, 1, device=ids.device)),
            seeds=[self.spec.painter.seed + seed],
            steps=self.steps,
            scheduler=self.scheduler,
        )
        pixels = model.image.pixels(latents)[0].permute(1, 2, 0)  # (H, W, 3)
        image: Image = (pixels * 255 + 0.5).clamp(0, 255).byte().cpu().numpy()
        return image

    # --- in between ------------------------------------------------------------------------------

    def _slots(self) -> str:
        return self.tokenizer.image(self.spec.resampler.queries)

    def _tensor(self, rows: list[list[int]]) -> Tensor:
        return torch.tensor(rows, device=self.model.language.soi_token.device)

    def _pixels(self, images: Sequence[Image]) -> Tensor:
        """Return images squashed to the model's square, (B, 3, S, S) in 0-1."""
        side = self.spec.trunk.image_size
        squashed = [
            np.asarray(Pictures.fromarray(i).resize((side, side), Pictures.Resampling.BICUBIC))
            for i in images
        ]
        like = self.model.vision.pos_embed
        stacked = torch.from_numpy(np.stack(squashed)).to(like.device)
        return (stacked.float() / 255).to(like.dtype).permute(0, 3, 1, 2)
