"""The sizes of a TextHarmony model, as its manifest states them. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

S = TypeVar("S")


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
        tokenizer: ``"bytes"``: ids 0-255 are UTF-8 bytes, control ids follow; ``"bpe"``: byte pairs,
            of a file of the checkpoint.
        kv_heads: heads of keys and values where fewer than of queries; None: as many.
        calibration: of answers: what the logit of an answer's share in the probability of all that
            were weighed, its log-probability, and 1 are multiplied by, to give the logit of its
            being right; empty: the share itself is the confidence.
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
    kv_heads: int | None = None
    calibration: tuple[float, ...] = ()

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
        channels: of the UNet's blocks; the last ones have cross-attention to the task.
        layers_per_block: residual blocks a UNet block.
        head_dim: channels per attention head.
        groups: of the group norms.
    """

    tile: int
    multiple: int
    channels: tuple[int, ...] = (40, 80, 128, 160)
    layers_per_block: int = 1
    head_dim: int = 32
    groups: int = 8


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """All sizes of one model of nano's anatomy; equal specs run each other's weights.

    Attributes:
        answer: a second language model, for questions, where the checkpoint has one.

    >>> ModelSpec.from_dict(NANO.to_dict()) == NANO
    True
    """

    vision: VisionSpec
    language: LanguageSpec
    read: ReadSpec
    locate: LocateSpec
    image: ImageSpec
    answer: LanguageSpec | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return nested plain dicts and lists, for JSON; what is None is left out."""
        return to_plain(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ModelSpec:
        """Build a spec from ``to_dict``'s form; ValueError names the key that is wrong."""
        return from_plain(cls, data)


def to_plain(spec: Any) -> dict[str, Any]:
    """Return a dataclass as nested plain dicts and lists, without what is None."""
    plain: dict[str, Any] = _plain(asdict(spec))
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    return list(value) if isinstance(value, tuple) else value


def from_plain(kind: type[S], data: object, where: str = "spec") -> S:
    """Build a dataclass from :func:`to_plain`'s form.

    Raises:
        ValueError: names the key that is missing, unknown or of another type.
    """
    if not isinstance(data, Mapping):
        raise ValueError(f"{where} is not an object")
    hints = get_type_hints(kind)
    required = {f.name for f in fields(kind) if f.default is MISSING}  # type: ignore[arg-type]
    if missing := sorted(required - set(data)):
        raise ValueError(f"{where} lacks {', '.join(missing)}")
    if unknown := sorted(set(data) - set(hints)):
        raise ValueError(f"{where} has unknown {', '.join(unknown)}")
    return kind(**{name: _value(hints[name], f"{where}.{name}", data[name]) for name in data})


def _value(hint: Any, where: str, value: Any) -> Any:
    if NoneType in get_args(hint):  # X | None
        hint = get_args(hint)[0]
    if is_dataclass(hint):
        return from_plain(hint, value, where)  # type: ignore[arg-type]
    if get_origin(hint) is tuple:
        if not isinstance(value, (list, tuple)):
            raise ValueError(f"{where} is not a list")
        return tuple(_value(get_args(hint)[0], where, item) for item in value)
    wanted = (int, float) if hint is float else hint
    if not isinstance(value, wanted) or (isinstance(value, bool) and hint is not bool):
        raise ValueError(f"{where} is not of type {hint.__name__}")
    name = where.rpartition(".")[2]
    if hint is int:  # a folder of others may say anything: sizes that nothing could hold end here
        least = 0 if name in _MAY_BE_ZERO else 1
        most = 1 << (10 if "layers" in name else 20)
        if not least <= value <= most:
            raise ValueError(f"{where} is {value}, not in {least}-{most}")
    return float(value) if hint is float else value


_MAY_BE_ZERO = frozenset({"lora_rank", "lora_alpha", "right_padding", "seed",
                          "begin", "end", "pad", "image_start", "image_slot"})  # fmt: skip

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
