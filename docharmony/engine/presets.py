"""The sizes of the published TextHarmony anatomy, and all presets: ``nano``, ``full``, ``tiny``.

The published engine (NeurIPS 2024) has parts that ``nano`` goes without: a CLIP trunk with an
adapter, a resampler, cross-attention to image features and a diffusion decoder. Their sizes stand
here, apart from :mod:`docharmony.engine.spec`. The ``spec`` of a manifest is either; the key
``anatomy`` says which. Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .spec import NANO, ModelSpec, from_plain, to_plain

PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class TrunkSpec:
    """The CLIP vision transformer and its adapter.

    Attributes:
        image_size: side in pixels of the square images of the training.
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

    @property
    def unit(self) -> int:
        """Pixels of which the sides of an image are multiples: the coarsest map halves the grid."""
        return 2 * self.patch


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
        return {"anatomy": PUBLISHED, **to_plain(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PublishedSpec:
        """Build a spec from ``to_dict``'s form; ValueError names the key that is wrong."""
        sizes = dict(data)
        if (anatomy := sizes.pop("anatomy", None)) != PUBLISHED:
            raise ValueError(f"its anatomy is {anatomy!r}, not {PUBLISHED!r}")
        return from_plain(cls, sizes)


Spec = ModelSpec | PublishedSpec


def spec_from_dict(data: object) -> Spec:
    """Build the spec of a manifest, of either anatomy; ValueError names the key that is wrong.

    >>> all(spec_from_dict(spec.to_dict()) == spec for spec in PRESETS.values())
    True
    """
    if not isinstance(data, Mapping):
        raise ValueError("spec is not an object")
    if "anatomy" in data:
        return PublishedSpec.from_dict(data)
    return ModelSpec.from_dict(data)


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

PRESETS: Mapping[str, Spec] = {"nano": NANO, "full": FULL, "tiny": TINY}
