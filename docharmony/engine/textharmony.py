"""The TextHarmony engine: prompts, batching, decoding, painting, over the parts of a checkpoint."""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np
from PIL import Image as Pictures

from ..checkpoint import Manifest, load_manifest
from ..errors import CheckpointIncompatibleError, EngineError
from ..geometry import Affine
from . import answering, doubts, ink, language, marks, painting, reading, tokenizer
from . import locate as locating
from .base import Reading, TextRegion, checked
from .crops import as_picture, as_pixels
from .side_by_side import side_by_side
from .spec import ModelSpec

if TYPE_CHECKING:
    import numpy.typing as npt

    from .base import Image, Mask
    from .parts import NanoParts

_DOUBTFUL, _WIDER = 0.985, 1.08
"""Confidence below which a line is read once more, and how much wider it then is.

On 140 lines of six hard pages (hand-like faces, 6 pt print, a stamp, Turkish): 109 wrong characters
without, 93 with, 87 at .99 for twice as many lines; 8 % narrower gave 111, 9 % larger 96. That was at
.97, when the language model judged whole lines; what it is not asked about now counts for more.
"""
_LEFT = 0.8  # of a line's length, at least, without its coloured ink: else that was text, no stamp
_AT_LEAST = 6  # lines that may be read twice, else a third of them
_SMALLEST_EM, _LARGEST_EM = 12.0, 36.0  # pixels; median of a page at which no second look is needed


class _Unsure(NamedTuple):
    """A line as the CTC path reads it, and what of it the language model has to check."""

    number: int
    draft: reading.Draft
    pieces: list[doubts.Piece]


class TextHarmony:
    """Implements :class:`docharmony.engine.base.Engine`. Parts are loaded when first used.

    Raises:
        CheckpointIncompatibleError: the checkpoint is of another anatomy than nano's.
    """

    def __init__(self, manifest: Manifest, parts: NanoParts) -> None:
        if not isinstance(manifest.spec, ModelSpec):
            raise CheckpointIncompatibleError(
                "cannot run this checkpoint",
                where=str(manifest.path),
                why="it is of the published anatomy",
            )
        self.manifest, self.parts, self.spec = manifest, parts, manifest.spec
        self._answerer: answering.Answerer | None = None

    @classmethod
    def from_checkpoint(
        cls, path: str | os.PathLike[str], *, device: str = "auto", threads: int | None = None
    ) -> TextHarmony:
        """Open a checkpoint's folder.

        Args:
            path: the folder, as :func:`docharmony.checkpoint.find` returns it.
            device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
            threads: on the CPU; None takes OMP_NUM_THREADS, else all cores.

        Raises:
            CheckpointError: the checkpoint is not there, damaged or of another kind.
            EngineError: the device is not there.
        """
        from .onnx_parts import OnnxParts

        manifest = load_manifest(path)
        return cls(manifest, OnnxParts(manifest, device=device, threads=threads))

    # --- locate ----------------------------------------------------------------------------------

    def locate(self, images: Sequence[Image]) -> list[list[TextRegion]]:
        """Return the text lines of each image, in rough top-to-bottom order."""
        self._require("locate")
        return [self._locate(checked(image)) for image in images]

    def _locate(self, image: Image) -> list[TextRegion]:
        scale = min(1.0, 1400 / max(image.shape[:2]))
        regions = self._look(image, scale)
        ems = [locating.em_of(r) * scale for r in regions]
        if ems and not _SMALLEST_EM <= (em := float(np.median(ems))) <= _LARGEST_EM:
            again = self._look(image, scale * self.spec.locate.em / em)
            # What was seen well the first time may be lost now: text below headlines, and the reverse.
            seen = zip(regions, ems, strict=True)
            if em > _LARGEST_EM:
                first = [r for r, size in seen if size <= _LARGEST_EM]
            else:
                first = [r for r, size in seen if size >= _SMALLEST_EM]
            regions = locating.united(first, again)
        return regions

    def _look(self, image: Image, scale: float) -> list[TextRegion]:
        height, width = (max(1, round(side * scale)) for side in image.shape[:2])
        small = image
        if (height, width) != image.shape[:2]:
            picture = as_picture(image)
            small = as_pixels(picture.resize((width, height), Pictures.Resampling.BILINEAR))
        p = self.spec.vision.patch
        small = np.pad(small, ((0, -height % p), (0, -width % p), (0, 0)), mode="edge")
        tiles = locating.plan_tiles(small, self.spec.locate.tile)
        if not tiles:
            return []

        def look(tile: locating.Tile) -> npt.NDArray[np.float32]:
            return self.parts.map_lines(tile.cut(small)[None], tile.cells)

        maps = side_by_side(look, tiles, self.parts.workers)
        probability, log_em = locating.blend(small.shape[:2], tiles, np.concatenate(maps))
        back = Affine.scale(image.shape[1] / width, image.shape[0] / height)
        return locating.find_lines(probability, log_em, back, small)

    # --- read ------------------------------------------------------------------------------------

    def read(self, crops: Sequence[Image], *, prompt: str | None = None) -> list[Reading]:
        """Read upright crops of single lines of any height, in the order given."""
        self._require("read")
        if prompt is not None:
            self._cannot("follow a reading prompt")
        r = self.spec.read
        jobs: list[Image] = []
        owners: list[tuple[int, int, int]] = []  # crop, its first column, its last
        results: list[list[tuple[int, Reading]]] = [[] for _ in crops]  # first column, what it says
        widths = []
        prepared = side_by_side(self._prepare, crops, self.parts.workers)
        others: list[Image | None] = []  # of each job what may be read instead
        for number, (line, drawn, other) in enumerate(prepared):
            widths.append(line.shape[1])
            for sign in drawn:
                places = ink.bounds(sign, line.shape[1])
                results[number].append((sign.start, Reading(sign.text, 1.0, places, True)))
            for first, last in reading.between(line, drawn):
                part = line[:, first:last]
                for start, end in reading.pieces(part, r.max_width - r.right_padding):
                    jobs.append(part[:, start:end])
                    others.append(None if other is None else other[:, first + start : first + end])
                    owners.append((number, first + start, first + end))
        for (number, start, end), result in zip(
            owners, self._read_twice(jobs, others), strict=True
        ):
            total = widths[number]
            share, offset = (end - start) / total, start / total
            moved = tuple((offset + a * share, offset + b * share) for a, b in result.bounds)
            moved_result = Reading(result.text, result.confidence, moved, result.drafted)
            results[number].append((start, moved_result))
        in_order = (sorted(parts, key=lambda part: part[0]) for parts in results)
        return [_join([result for _, result in parts]) for parts in in_order]

    def _prepare(self, crop: Image) -> tuple[Image, list[ink.Drawn], Image | None]:
        """Return a line as the reader wants it, what stands in it that needs no reader, and the line
        without its coloured ink where it has other ink too.
        """
        line = ink.even(reading.normalise(checked(crop), self.spec.read))
        other = ink.black_alone(line)
        line = ink.black_on_white(line)
        contrast = ink.contrast_of(line)
        return ink.alike(line, contrast), ink.drawn(contrast), other

    def _read_twice(
        self, lines: Sequence[Image], others: Sequence[Image | None] | None = None
    ) -> list[Reading]:
        """Read lines, doubtful ones once more, and keep what is surer.

        Args:
            lines: of the height that the reader wants.
            others: of each line another picture of the same size for the second time; None reads the
                line itself, a little wider.
        """
        found = self._read_lines(lines)
        others = [None] * len(lines) if others is None else others
        limit = self.spec.read.max_width - self.spec.read.right_padding
        doubtful = [
            n
            for n, result in enumerate(found)
            if 0 < result.confidence < _DOUBTFUL
            and (others[n] is not None or lines[n].shape[1] * _WIDER <= limit)
        ]
        # A page in a language never learned is doubtful all over: that shall not double its time.
        doubtful.sort(key=lambda n: found[n].confidence)
        doubtful = doubtful[: max(_AT_LEAST, len(lines) // 3)]
        seconds = [
            reading.widened(lines[n], _WIDER) if (other := others[n]) is None else other
            for n in doubtful
        ]
        for n, result in zip(doubtful, self._read_lines(seconds), strict=True):
            if result.confidence > found[n].confidence and (
                others[n] is None or len(result.text) >= _LEFT * len(found[n].text)
            ):
                found[n] = result
        return found

    def _read_lines(self, lines: Sequence[Image]) -> list[Reading]:
        groups: dict[int, list[int]] = defaultdict(list)
        for number, line in enumerate(lines):
            groups[reading.bucket(line.shape[1], self.spec.read)].append(number)
        p = self.spec.vision.patch
        batches: list[tuple[int, list[int]]] = []
        for width, members in sorted(groups.items()):
            size = max(1, self.parts.places // (self.spec.read.rows * width // p))
            batches += [(width, members[i : i + size]) for i in range(0, len(members), size)]

        found: dict[int, Reading] = {}

        def draft(batch: tuple[int, list[int]]) -> list[_Unsure]:
            """Read a batch; return the lines that the language model has to check."""
            width, members = batch
            pixels = np.stack([reading.pad(lines[n], width) for n in members])
            unsure = []
            for n, visual, ctc in zip(members, *self.parts.read_lines(pixels), strict=True):
                text = reading.greedy(ctc)
                if pieces := doubts.pieces(text, visual, ctc):
                    unsure.append(_Unsure(n, text, pieces))
                else:
                    found[n] = self._reading(text, text.ids, text.confidence, lines[n])
            return unsure

        drafted = side_by_side(draft, batches, self.parts.workers)
        unsure = [line for lines_of_batch in drafted for line in lines_of_batch]
        written = self._check([piece for line in unsure for piece in line.pieces])

        def settle(line: _Unsure) -> None:
            ids, confidence = doubts.join(line.draft, line.pieces, written)
            found[line.number] = self._reading(line.draft, ids, confidence, lines[line.number])

        side_by_side(settle, unsure, self.parts.workers)
        return [found[n] for n in range(len(lines))]

    def _check(self, pieces: Sequence[doubts.Piece]) -> dict[int, language.Written]:
        """Return what the language model makes of pieces of lines, by the identity of each."""
        shares: list[list[doubts.Piece]] = []
        for piece in sorted(pieces, key=lambda piece: piece.places):
            if not shares or (len(shares[-1]) + 1) * piece.places > self.parts.places:
                shares.append([])
            shares[-1].append(piece)

        def check(share: Sequence[doubts.Piece]) -> list[language.Written]:
            return language.check(self.parts, share, self.spec.language.context)

        found = side_by_side(check, shares, self.parts.workers)
        return {
            id(piece): written
            for share, results in zip(shares, found, strict=True)
            for piece, written in zip(share, results, strict=True)
        }

    def _reading(
        self, draft: reading.Draft, ids: list[int], confidence: float, line: Image
    ) -> Reading:
        text = reading.single_quotes(tokenizer.decode(ids), tokenizer.decode(draft.ids))
        text = reading.signs(reading.one_script(text))
        steps = line.shape[1] / self.spec.vision.patch * self.spec.read.substeps
        places = reading.bounds(draft, text, steps)
        text, places = marks.settle(text, places, line)
        text, places = marks.settle_ends(text, places, line)
        return Reading(text, confidence if text else 0.0, places, drafted=ids is draft.ids)

    # --- paint -----------------------------------------------------------------------------------

    def paint(
        self,
        crops: Sequence[Image],
        masks: Sequence[Mask],
        texts: Sequence[str | None] | None = None,
        *,
        seed: int = 0,
    ) -> list[Image]:
        """Return each crop with its masked pixels painted as background; ``seed`` is of its grain.

        Pixels under the mask are set to zero before the network sees the crop, here and again
        inside the graph.
        """
        self._require("erase")
        if texts is not None and any(text for text in texts):
            self._cannot("write text into images")
        return [
            self._erase(checked(crop), np.asarray(mask, dtype=bool), seed)
            for crop, mask in zip(crops, masks, strict=True)
        ]

    def _erase(self, crop: Image, mask: Mask, seed: int) -> Image:
        if mask.shape != crop.shape[:2]:
            raise ValueError("a mask must have the height and width of its crop")
        out = crop.copy()
        out[mask] = 0
        painting.fill_rest(out, painting.fill_flat(out, mask, seed), self._paint_window)
        return out

    def _paint_window(self, pixels: Image, mask: Mask) -> Image:
        height, width = mask.shape
        m = self.spec.image.multiple
        edges = ((0, -height % m), (0, -width % m))
        padded = np.pad(pixels, (*edges, (0, 0)), mode="edge")
        holes = np.pad(mask, edges, mode="edge").astype(np.uint8)
        return self.parts.paint(padded[None], holes[None])[0, :height, :width]

    # --- answer ----------------------------------------------------------------------------------

    def answer(self, images: Sequence[Image], question: str, *, context: str) -> list[Reading]:
        """Return the answer to a question, copied from ``context``, for each image.

        The language model for questions reads the context alone, so all images get one answer.
        ``text`` is empty where the context does not say.
        """
        return [self._asked().answer(question, context)] * len(images)

    def rate(self, question: str, context: str, answers: Sequence[str]) -> list[float]:
        """Return how likely the language model holds each answer: a mean log-probability, at most 0."""
        return self._asked().rate(question, context, answers)

    def _asked(self) -> answering.Answerer:
        if "answer" not in self.manifest.abilities or self.spec.answer is None:
            self._cannot("answer questions")
        if self._answerer is None:
            tokens = tokenizer.load_pairs(self.manifest.part("answer_tokenizer").path)
            self._answerer = answering.Answerer(
                self.parts, tokens, self.spec.answer.context, self.spec.answer.calibration
            )
        return self._answerer

    # --- what nano cannot do ---------------------------------------------------------------------

    def generate(self, prompt: str, *, size: tuple[int, int], seed: int) -> Image:
        """Raise EngineError: no checkpoint of this version draws images."""
        self._cannot("draw images from a prompt")

    def _require(self, ability: str) -> None:
        if ability not in self.manifest.abilities:
            self._cannot({"locate": "find text", "read": "read", "erase": "erase"}[ability])

    def _cannot(self, what: str) -> NoReturn:
        raise EngineError(
            f"checkpoint {self.manifest.name!r} cannot {what}",
            why="it was not trained for it",
            hint="Choose another one with --checkpoint; `docharmony checkpoints` lists them.",
        )


def _join(parts: Sequence[Reading]) -> Reading:
    """Return the reading of a line that was read in pieces, cut at blanks."""
    if len(parts) == 1:
        return parts[0]
    text, weight, total = "", 0.0, 0
    places: list[tuple[float, float]] = []
    for part in parts:
        if not part.text:
            continue
        if text and places and part.bounds:
            text += " "
            places.append((places[-1][1], part.bounds[0][0]))
        text += part.text
        places += part.bounds
        weight += math.log(max(part.confidence, 1e-9)) * len(part.text)
        total += len(part.text)
    confidence = math.exp(weight / total) if total else 0.0
    return Reading(text, confidence, tuple(places), all(part.drafted for part in parts))
