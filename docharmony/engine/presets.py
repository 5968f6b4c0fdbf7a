"""The sizes of the published TextHarmony anatomy, and its presets ``full`` and ``tiny``.

The published engine (NeurIPS 2024) has parts that ``nano`` goes without: a CLIP trunk with an
adapter, a resampler, cross-attention to image features and a diffusion decoder. Their sizes stand
here, apart from :mod:`docharmony.engine.spec`. Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class TrunkSpec:
    """The CLIP vision transformer and its adapter.

    Attributes:
        image_size: side of the square image in pixels.
        patch: side of a patch in pixels.
        lora_rank: of the plain LoRA on q, k and v; 0 where it is merged into the weights.
        lora_alpha: scale of that LoRA, times its rank.
        stem: channels of the adapter's convolutions; later stages have 2 and 4 times as many.
        stages: interactions between trunk and adapter, evenly spread over the layers.
        deform_heads, deform_points: of the adapter's deformable attention.
        deform_values: width of its values.
        adapter_intermediate: width inside the adapter's feed-forward part.
    """

    image_size: int
    patch: int
    hidden: int
    intermediate: int
    layers: int
    heads: int
    norm_epsilon: float
    lora_rank: int
    lora_alpha: int
    stem: int
    stages: int
    deform_heads: int
    deform_points: int
    deform_values: int
    adapter_intermediate: int

    @property
    def grid(self) -> int:
        """Patches along a side."""
        return self.image_size // self.patch


@dataclass(frozen=True, slots=True)
class ResamplerSpec:
    """A Q-Former that turns any number of tokens into a fixed number of queries.

    Attributes:
        cross_every: layers with cross-attention are 0, ``cross_every``, ...
        encoder_hidden: width of the tokens looked at.
        qk_norm: normalise queries and keys per head.
    """

    queries: int
    hidden: int
    intermediate: int
    layers: int
    heads: int
    cross_every: int
    encoder_hidden: int
    qk_norm: bool


@dataclass(frozen=True, slots=True)
class MmfsSpec:
    """Cross-attention that samples the feature maps of several images at learned places.

    Attributes:
        positions: entries of the table that tells the latest image from older ones.
        sides: nominal sides of the maps; the weights were trained with ratios of these.
        base: nominal side to which the offsets relate.
    """

    heads: int
    points: int
    values: int
    positions: int
    sides: tuple[int, ...]
    base: int


@dataclass(frozen=True, slots=True)
class SlideLoraSpec:
    """Slide-LoRA on the language model.

    Attributes:
        experts: a multiple of 3: image-specific, text-specific, shared.
        gate: ``"fixed"`` as in the release, by task; ``"learned"`` as in the paper, by a network.
        targets: names of the linear layers that get experts.
    """

    experts: int
    rank: int
    dropout: float
    gate: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DecoderSpec:
    """The LLaMA decoder with image cross-attention in some layers, and its ids.

    Attributes:
        vocabulary: ids, the two of images included.
        mmfs_every: layers with cross-attention are 0, ``mmfs_every``, ...
        begin, end, pad, image_start, image_slot: ids.
    """

    vocabulary: int
    hidden: int
    intermediate: int
    layers: int
    heads: int
    context: int
    rope_theta: float
    norm_epsilon: float
    mmfs_every: int
    mmfs: MmfsSpec
    begin: int
    end: int
    pad: int
    image_start: int
    image_slot: int


@dataclass(frozen=True, slots=True)
class PainterSpec:
    """The image decoder: UNet with residuals from image features, VAE, and how they are sampled.

    Attributes:
        latent: side of the latents; pixels are 8 times as many with four VAE blocks.
        channels: of the UNet's blocks.
        heads: attention heads of the UNet's blocks.
        groups: of the UNet's group norms.
        vae_channels, vae_groups: of the VAE.
        mmfs: cross-attention to the source image; ``base`` holds for the first block.
        pos_grid: side of the stored position tables.
        steps, guidance, seed: published settings of the sampling.
    """

    latent: int
    channels: tuple[int, ...]
    layers_per_block: int
    heads: tuple[int, ...]
    cross_hidden: int
    groups: int
    vae_channels: tuple[int, ...]
    vae_groups: int
    mmfs: MmfsSpec
    pos_grid: int
    steps: int
    guidance: float
    seed: int


@dataclass(frozen=True, slots=True)
class PublishedSpec:
    """All sizes of one model of the published anatomy.

    Attributes:
        pos_grid: side of the stored table of positions that is added to the trunk's output.

    >>> PublishedSpec.from_dict(FULL.to_dict()) == FULL
    True
    """

    trunk: TrunkSpec
    resampler: ResamplerSpec
    pos_grid: int
    decoder: DecoderSpec
    slide_lora: SlideLoraSpec
    image_resampler: ResamplerSpec
    painter: PainterSpec

    def to_dict(self) -> dict[str, Any]:
        """Return nested plain dicts and lists, for JSON."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PublishedSpec:
        """Build a spec from ``to_dict``'s form; ValueError names the key that is wrong."""
        return _build(cls, "spec", data)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _build(kind: type[S], where: str, data: object) -> S:
    if not isinstance(data, Mapping):
        raise ValueError(f"{where} is not an object")
    hints = get_type_hints(kind)
    names = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    if missing := sorted(names - set(data)):
        raise ValueError(f"{where} lacks {', '.join(missing)}")
    if unknown := sorted(set(data) - names):
        raise ValueError(f"{where} has unknown {', '.join(unknown)}")
    return kind(**{name: _value(hints[name], f"{where}.{name}", data[name]) for name in names})


def _value(hint: Any, where: str, value: Any) -> Any:
    if is_dataclass(hint):
        return _build(hint, where, value)  # type: ignore[arg-type]
    if get_origin(hint) is tuple:
        if not isinstance(value, (list, tuple)):
            raise ValueError(f"{where} is not a list")
        return tuple(_value(get_args(hint)[0], where, item) for item in value)
    wanted = (int, float) if hint is float else hint
    if not isinstance(value, wanted) or (isinstance(value, bool) and hint is not bool):
        raise ValueError(f"{where} is not of type {hint.__name__}")
    return float(value) if hint is float else value


FULL = PublishedSpec(
    trunk=TrunkSpec(
        image_size=896, patch=14, hidden=1024, intermediate=4096, layers=24, heads=16,
        norm_epsilon=1e-5, lora_rank=32, lora_alpha=32, stem=64, stages=4, deform_heads=16,
        deform_points=4, deform_values=512, adapter_intermediate=256,
    ),
    resampler=ResamplerSpec(
        queries=512, hidden=768, intermediate=3072, layers=12, heads=12, cross_every=2,
        encoder_hidden=1024, qk_norm=True,
    ),
    pos_grid=16,
    decoder=DecoderSpec(
        vocabulary=32002, hidden=5120, intermediate=13824, layers=40, heads=40, context=2048,
        rope_theta=10000.0, norm_epsilon=1e-6, mmfs_every=4,
        mmfs=MmfsSpec(heads=16, points=8, values=1024, positions=50, sides=(128, 64, 32), base=16),
        begin=1, end=2, pad=31999, image_start=32000, image_slot=32001,
    ),
    slide_lora=SlideLoraSpec(
        experts=3, rank=32, dropout=0.1, gate="fixed",
        targets=("q_proj", "k_proj", "v_proj", "o_proj"),
    ),
    image_resampler=ResamplerSpec(
        queries=77, hidden=1024, intermediate=3072, layers=1, heads=16, cross_every=1,
        encoder_hidden=5120, qk_norm=False,
    ),
    painter=PainterSpec(
        latent=64, channels=(320, 640, 1280, 1280), layers_per_block=2, heads=(5, 10, 20, 20),
        cross_hidden=1024, groups=32, vae_channels=(128, 256, 512, 512), vae_groups=32,
        mmfs=MmfsSpec(
            heads=16, points=8, values=1024, positions=10, sides=(64, 32, 16, 8), base=64
        ),
        pos_grid=64, steps=30, guidance=7.5, seed=42,
    ),
)  # fmt: skip
"""The published checkpoint: 15.08 billion numbers."""

TINY = PublishedSpec(
    trunk=TrunkSpec(
        image_size=224, patch=14, hidden=32, intermediate=48, layers=24, heads=4,
        norm_epsilon=1e-5, lora_rank=4, lora_alpha=4, stem=64, stages=4, deform_heads=4,
        deform_points=4, deform_values=16, adapter_intermediate=8,
    ),
    resampler=ResamplerSpec(
        queries=6, hidden=24, intermediate=40, layers=4, heads=4, cross_every=2,
        encoder_hidden=32, qk_norm=True,
    ),
    pos_grid=4,
    decoder=DecoderSpec(
        vocabulary=102, hidden=64, intermediate=96, layers=6, heads=4, context=2048,
        rope_theta=10000.0, norm_epsilon=1e-6, mmfs_every=4,
        mmfs=MmfsSpec(heads=16, points=8, values=32, positions=50, sides=(32, 16, 8), base=16),
        begin=1, end=2, pad=99, image_start=100, image_slot=101,
    ),
    slide_lora=SlideLoraSpec(
        experts=3, rank=4, dropout=0.1, gate="fixed",
        targets=("q_proj", "k_proj", "v_proj", "o_proj"),
    ),
    image_resampler=ResamplerSpec(
        queries=5, hidden=16, intermediate=48, layers=1, heads=4, cross_every=1,
        encoder_hidden=64, qk_norm=False,
    ),
    painter=PainterSpec(
        latent=64, channels=(8, 16, 16, 16), layers_per_block=2, heads=(2, 4, 4, 4),
        cross_hidden=16, groups=4, vae_channels=(8, 8, 8, 8), vae_groups=4,
        mmfs=MmfsSpec(
            heads=16, points=8, values=1024, positions=10, sides=(64, 32, 16, 8), base=64
        ),
        pos_grid=64, steps=30, guidance=7.5, seed=42,
    ),
)  # fmt: skip
"""The model of the golden fixtures: every path of ``full``, in a second on a CPU."""

PRESETS = {"full": FULL, "tiny": TINY}
