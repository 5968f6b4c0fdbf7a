"""The published checkpoint: its names, and how its three pieces are read without joining them.

The file is the pickle of a state dict in an uncompressed zip, cut in three. Torch reads the pickle
alone (``weights_only``, on ``meta``), which yields the place of every tensor in the file; a tensor's
bytes are then mapped when they are needed, so no more than one is ever in memory.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
import re
import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from ...errors import CheckpointCorruptError, CheckpointIncompatibleError, CheckpointNotFoundError
from .model import TextHarmonyModel
from .tables import resize_with_class

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..presets import PublishedSpec

_TRUNK = "visual_tokenizer.encoder.base_model.model.vision_model."
# Ours, theirs; the first that fits.
_PREFIXES = (
    ("vision.encoder.", _TRUNK),
    ("vision.", "visual_tokenizer."),
    ("language.soi_token", "soi_token"),
    ("language.head.", "text_decoder.head."),
    ("language.head_new.", "text_decoder.head_new."),
    ("language.", "mm_decoder."),
    ("image.context_feat_proj.", "context_feat_proj."),
    ("image.unet.", "image_decoder.decoder.unet."),
    ("image.vae.", "image_decoder.decoder.vae."),
    ("image.mmfs_module.", "image_decoder.decoder.mmfs_module."),
    ("image.", "image_decoder."),
)
_POSITION_IDS = _TRUNK + "embeddings.position_ids"
_POSITIONS = _TRUNK + "embeddings.position_embedding.weight"
_QUERIES = "visual_tokenizer.perceiver_resampler.queries"
_ROUTER = re.compile(r"(^|[._])(w_)?gating([._]|$)")
_SHOWN = 8  # names in an error message


@dataclass(frozen=True, slots=True)
class Entry:
    """A tensor of the published checkpoint.

    Attributes:
        own: its name in :class:`TextHarmonyModel`; None for one that nothing needs.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    own: str | None


def published_name(own: str) -> str:
    """Return the published name of a tensor of :class:`TextHarmonyModel`."""
    for ours, theirs in _PREFIXES:
        if own.startswith(ours):
            name = theirs + own.removeprefix(ours)
            break
    else:
        raise ValueError(f"{own} belongs to no part")
    name = name.replace(".base_layer.", ".")
    return re.sub(r"_proj\.lora_([AB])$", r"_proj.lora_moe_\1.default", name)


@cache
def published_table(spec: PublishedSpec) -> dict[str, Entry]:
    """Return every tensor of a published checkpoint of this spec, by its published name."""
    with torch.device("meta"):
        state = TextHarmonyModel(spec).state_dict()
    table = {
        published_name(own): Entry(tuple(t.shape), t.dtype, own)
        for own, t in state.items()
        if not own.endswith("_proj.gate.weight")  # a learned gate: the release has none
    }
    table[_POSITION_IDS] = Entry((1, 1 + spec.trunk.grid**2), torch.int64, None)
    return table


@dataclass(frozen=True, slots=True)
class Step:
    """How a tensor of ours comes of published ones."""

    own: str
    shape: tuple[int, ...]
    sources: tuple[str, ...]
    make: Callable[[Sequence[Tensor]], Tensor] | None = None

    def run(self, checkpoint: Published) -> Tensor:
        """Return the tensor; where nothing is to be computed it is a view of the mapped file."""
        tensors = [checkpoint.read(name) for name in self.sources]
        return tensors[0] if self.make is None else self.make(tensors)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a checkpoint is turned into ours.

    Attributes:
        spec: of the result: LoRA of the trunk may be merged or absent.
        notes: what was not as the table says, in words.
    """

    spec: PublishedSpec
    steps: tuple[Step, ...]
    notes: tuple[str, ...]


def make_plan(checkpoint: Published, spec: PublishedSpec, *, merge_lora: bool = False) -> Plan:
    """Return how every tensor of ours is made; nothing is read yet.

    Known variants are taken: a trunk without LoRA or without its wrapper's prefix, a table of
    positions of another size, another number of queries, a router that nothing ever ran.

    Args:
        merge_lora: add the trunk's LoRA to its weights, for inference without it.

    Raises:
        CheckpointIncompatibleError: names the keys that are missing, unknown or misshapen.
    """
    notes: list[str] = []
    found = {}
    for name, tensor in checkpoint.tensors.items():
        if _ROUTER.search(name):
            notes.append(f"ignored {name}: the release never runs a router")
            continue
        bare = "visual_tokenizer.encoder.vision_model."
        found[_TRUNK + name.removeprefix(bare) if name.startswith(bare) else name] = (name, tensor)
    table = published_table(spec)
    lora = [name for name in table if name.startswith(_TRUNK) and ".lora_" in name]
    if lora and not any(name in found for name in lora):
        notes.append("the trunk's LoRA is absent, taken as merged")
        spec = replace(spec, trunk=replace(spec.trunk, lora_rank=0))
        table = published_table(spec)
        lora = []

    made: dict[str, Callable[[Sequence[Tensor]], Tensor]] = {}
    problems = []
    for name, entry in table.items():
        if name not in found:
            if entry.own is not None:
                problems.append(f"missing {name}")
            continue
        shape = tuple(found[name][1].shape)
        if shape == entry.shape or entry.own is None:
            continue
        if name == _POSITIONS and _is_square(shape[0] - 1) and shape[1:] == entry.shape[1:]:
            notes.append(f"resized the table of positions from {shape[0]} to {entry.shape[0]}")
            made[name] = partial(_resize_positions, side=spec.trunk.grid)
        elif name == _QUERIES and len(shape) == 3 and shape[2] == entry.shape[2]:
            notes.append(f"interpolated {shape[1]} queries to {entry.shape[1]}")
            made[name] = partial(_resize_queries, count=entry.shape[1])
        else:
            problems.append(f"{name} is {_shape(shape)} instead of {_shape(entry.shape)}")
    problems += [f"unknown {published}" for published, (name, _) in found.items()
                 if published not in table]  # fmt: skip
    if problems:
        more = len(problems) - _SHOWN
        raise CheckpointIncompatibleError(
            "the checkpoint does not fit the published table",
            where=str(checkpoint.paths[0]),
            why="; ".join(problems[:_SHOWN]) + (f"; and {more} more" if more > 0 else ""),
            hint="check that the spec is that of the checkpoint",
        )
    merged = lora if merge_lora else []
    if merged:
        scale = spec.trunk.lora_alpha / spec.trunk.lora_rank
        spec = replace(spec, trunk=replace(spec.trunk, lora_rank=0))
    steps = []
    for name, entry in table.items():
        if entry.own is None or name in merged:
            continue
        own, sources, make = entry.own, [found[name][0]], made.get(name)
        if merged:
            stem = name.removesuffix(".weight")
            if name.endswith(".weight") and f"{stem}.lora_A.default.weight" in table:
                sources += [found[f"{stem}.lora_{x}.default.weight"][0] for x in "AB"]
                make = partial(_add_lora, scale=scale)
            own = own.replace(".base_layer.", ".")
        steps.append(Step(own, entry.shape, tuple(sources), make))
    return Plan(spec, tuple(steps), tuple(notes))


def _resize_positions(tensors: Sequence[Tensor], side: int) -> Tensor:
    return resize_with_class(tensors[0], side, side, align_corners=True)


def _resize_queries(tensors: Sequence[Tensor], count: int) -> Tensor:
    queries = tensors[0].float().mT  # (1, C, Q)
    return F.interpolate(queries, count, mode="linear", align_corners=False).mT


def _add_lora(tensors: Sequence[Tensor], scale: float) -> Tensor:
    weight, down, up = tensors
    return weight + scale * up.float() @ down.float()


def _is_square(number: int) -> bool:
    return number > 0 and round(number**0.5) ** 2 == number


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a number"


class _Pieces(io.RawIOBase):
    """One file out of pieces that lie one after another. Read-only."""

    def __init__(self, paths: Sequence[Path]) -> None:
        super().__init__()
        self.files = [path.open("rb") for path in paths]
        sizes = [os.fstat(file.fileno()).st_size for file in self.files]
        self.starts = [sum(sizes[:i]) for i in range(len(sizes) + 1)]
        self.place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.place, io.SEEK_END: self.starts[-1]}[whence]
        self.place = max(0, base + offset)
        return self.place

    def tell(self) -> int:
        return self.place

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        for i, file in enumerate(self.files):
            if self.starts[i] <= self.place < self.starts[i + 1]:
                count = min(len(view), self.starts[i + 1] - self.place)
                data = os.pread(file.fileno(), count, self.place - self.starts[i])
                view[: len(data)] = data
                self.place += len(data)
                return len(data)
        return 0

    def map(self, offset: int, size: int) -> mmap.mmap | bytearray:
        """Return bytes [offset, offset + size): mapped, or read where two pieces meet."""
        for i, file in enumerate(self.files):
            inside = offset - self.starts[i]
            if inside >= 0 and offset + size <= self.starts[i + 1]:
                skip = inside % mmap.ALLOCATIONGRANULARITY
                whole = mmap.mmap(
                    file.fileno(), size + skip, access=mmap.ACCESS_COPY, offset=inside - skip
                )
                whole.seek(skip)
                return whole
        data = bytearray(size)
        self.seek(offset)
        done = 0
        while done < size:
            done += self.readinto(memoryview(data)[done:])
        return data

    def close(self) -> None:
        for file in self.files:
            file.close()
        super().close()


class Published:
    """An open published checkpoint: what is in it, and each tensor when asked for.

    Attributes:
        tensors: on ``meta``, by name.
    """

    def __init__(self, paths: Sequence[str | os.PathLike[str]]) -> None:
        """Open the file, or its pieces in order.

        Raises:
            CheckpointNotFoundError: a file is not there.
            CheckpointCorruptError: the pieces don't make a whole file.
            CheckpointIncompatibleError: it holds something else than tensors by name.
        """
        self.paths = [Path(path) for path in paths]
        where = ", ".join(str(path) for path in self.paths)
        try:
            self._pieces = _Pieces(self.paths)
        except (OSError, IndexError) as error:
            raise CheckpointNotFoundError(
                "cannot open the checkpoint", where=where, why=str(error)
            ) from error
        # Kept: when a reader goes, it closes what lies below it.
        self._reader = io.BufferedReader(self._pieces)
        try:
            records = _records(self._reader)
            self._reader.seek(0)
            state = torch.load(self._reader, map_location="meta", weights_only=True)
        except (zipfile.BadZipFile, RuntimeError, EOFError) as error:
            raise CheckpointCorruptError(
                "the checkpoint is damaged", where=where,
                why="it is no whole zip file: a piece is missing, cut short or out of order",
                hint="give all pieces in order, or download them again",
            ) from error  # fmt: skip
        except pickle.UnpicklingError as error:
            raise _foreign(where) from error
        if not isinstance(state, Mapping) or not all(
            isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
        ):
            raise _foreign(where)
        self.tensors: dict[str, Tensor] = dict(state)
        for name, tensor in self.tensors.items():
            storage = tensor.untyped_storage()
            if records.get(self._offset(tensor), -1) < storage.nbytes():
                raise CheckpointCorruptError(
                    "the checkpoint is damaged", where=where, why=f"{name} lies outside its record"
                )

    @staticmethod
    def _offset(tensor: Tensor) -> int:
        """Return where the tensor's storage begins in the file; torch notes it on ``meta``."""
        offset: int = tensor.untyped_storage()._checkpoint_offset
        return offset

    def read(self, name: str) -> Tensor:
        """Return a tensor; it lives in the mapped file as long as something refers to it."""
        tensor = self.tensors[name]
        size = tensor.untyped_storage().nbytes()
        if size == 0:
            return torch.empty(tensor.shape, dtype=tensor.dtype)
        data = self._pieces.map(self._offset(tensor), size)
        skip = data.tell() if isinstance(data, mmap.mmap) else 0
        flat = torch.frombuffer(data, dtype=torch.uint8, offset=skip, count=size)
        return torch.empty(0, dtype=tensor.dtype).set_(
            flat.untyped_storage(),
            flat.storage_offset() // tensor.itemsize + tensor.storage_offset(),
            tensor.shape,
            tensor.stride(),
        )

    def close(self) -> None:
        """Close the files; tensors already read stay."""
        self._reader.close()


def _records(stream: BinaryIO) -> dict[int, int]:
    """Return the size of each record by the place of its data; all are stored uncompressed."""
    found = {}
    with zipfile.ZipFile(stream) as archive:
        for info in archive.infolist():
            stream.seek(info.header_offset)
            header = stream.read(30)
            # The directory stands in the last piece: it is whole even where the others are swapped.
            if header[:4] != b"PK\x03\x04" or info.compress_type != zipfile.ZIP_STORED:
                raise zipfile.BadZipFile(f"no record where {info.filename} should be")
            name, extra = struct.unpack("<HH", header[26:])
            found[info.header_offset + 30 + name + extra] = info.file_size
    return found


def _foreign(where: str) -> CheckpointIncompatibleError:
    return CheckpointIncompatibleError(
        "not a published checkpoint", where=where, why="it holds more than tensors by name"
    )
