"""The sizes of a TextHarmony model, as its manifest states them. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

S = TypeVar("S")

_JSON_TYPES = {"int": (int,), "float": (float, int), "str": (str,)}


@dataclass(frozen=True, slots=True)
class VisionSpec:
    """The vision encoder.

    Attributes:
        patch: side of a square patch in pixels; images come with sides divisible by it.
    """

    hidden: int
    intermediate: int
    layers: int
    heads: int
    patch: int
    rope_theta: float
    norm_epsilon: float

    @property
    def head_dim(self) -> int:
        """Channels per attention head."""
        return self.hidden // self.heads


@dataclass(frozen=True, slots=True)
class LanguageSpec:
    """The language model.

    Attributes:
        context: number of positions, visual tokens included.
        tokenizer: ``"bytes"``: ids 0-255 are UTF-8 bytes, control ids follow.
    """

    hidden: int
    intermediate: int
    layers: int
    heads: int
    vocabulary: int
    context: int
    rope_theta: float
    norm_epsilon: float
    tokenizer: str

    @property
    def head_dim(self) -> int:
        """Channels per attention head."""
        return self.hidden // self.heads


@dataclass(frozen=True, slots=True)
class ReadSpec:
    """How line crops enter.

    Attributes:
        height: height of a crop in pixels.
        margin: share of the em that a crop shows around the line.
        right_padding: pixels of background that the model expects after the text.
        max_width: longest crop, padding included, that the model was trained on.
        substeps: CTC steps per column of patches.
        rows: patches on top of each other in a column.
    """

    height: int
    margin: float
    right_padding: int
    max_width: int
    substeps: int
    rows: int


@dataclass(frozen=True, slots=True)
class LocateSpec:
    """How pages enter the locator.

    Attributes:
        em: size of the text, in pixels an em, at which lines are found best.
        tile: side of a tile in pixels.
        stride: pixels of the tile per point of the map.
    """

    em: float
    tile: int
    stride: int


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """The image decoder.

    Attributes:
        tile: side in pixels of the crops that it was trained on.
        multiple: sides must be divisible by this.
    """

    tile: int
    multiple: int


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """All sizes of one model; equal specs run each other's weights.

    >>> ModelSpec.from_dict(NANO.to_dict()) == NANO
    True
    """

    vision: VisionSpec
    language: LanguageSpec
    read: ReadSpec
    locate: LocateSpec
    image: ImageSpec

    def to_dict(self) -> dict[str, Any]:
        """Return nested plain dicts, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ModelSpec:
        """Build a spec from ``to_dict``'s form; ValueError names the key that is wrong."""
        _check_keys("model", data, {f.name for f in fields(cls)})
        return cls(
            vision=_build(VisionSpec, "vision", data["vision"]),
            language=_build(LanguageSpec, "language", data["language"]),
            read=_build(ReadSpec, "read", data["read"]),
            locate=_build(LocateSpec, "locate", data["locate"]),
            image=_build(ImageSpec, "image", data["image"]),
        )


def _build(kind: type[S], where: str, data: object) -> S:
    if not isinstance(data, Mapping):
        raise ValueError(f"{where} is not an object")
    types = {f.name: f.type for f in fields(kind)}  # type: ignore[arg-type]
    _check_keys(where, data, set(types))
    for name, value in data.items():
        if type(value) not in _JSON_TYPES[str(types[name])]:
            raise ValueError(f"{where}.{name} is not of type {types[name]}")
    return kind(**data)


def _check_keys(where: str, data: Mapping[str, Any], wanted: set[str]) -> None:
    if missing := sorted(wanted - set(data)):
        raise ValueError(f"{where} lacks {', '.join(missing)}")
    if unknown := sorted(set(data) - wanted):
        raise ValueError(f"{where} has unknown {', '.join(unknown)}")


NANO = ModelSpec(
    vision=VisionSpec(
        hidden=320, intermediate=864, layers=8, heads=5, patch=16, rope_theta=100.0,
        norm_epsilon=1e-5,
    ),
    language=LanguageSpec(
        hidden=320, intermediate=864, layers=8, heads=5, vocabulary=272, context=1024,
        rope_theta=10000.0, norm_epsilon=1e-6, tokenizer="bytes",
    ),
    read=ReadSpec(
        height=48, margin=0.14, right_padding=32, max_width=1792, substeps=6, rows=3,
    ),
    locate=LocateSpec(em=18.0, tile=640, stride=4),
    image=ImageSpec(tile=192, multiple=16),
)  # fmt: skip
