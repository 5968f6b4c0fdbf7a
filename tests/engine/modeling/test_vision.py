"""Resamplers (fixture b), trunk with adapter and the whole vision encoder (c), sampling (d)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from docharmony.engine.modeling.deformable import (  # noqa: E402
    pixel_centres,
    sample,
    sample_grid,
)
from docharmony.engine.modeling.resampler import Resampler  # noqa: E402
from docharmony.engine.modeling.tables import resize_with_class, sincos_1d, sincos_2d  # noqa: E402
from docharmony.engine.presets import TINY  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(("name", "spec"), [("vis", TINY.resampler), ("img", TINY.image_resampler)])
@torch.no_grad()
def test_resampler(
    golden: Any, under: Any, close: Callable[..., None], name: str, spec: Any
) -> None:
    g = under(golden("b"), f"{name}.")
    resampler = Resampler(spec).eval()
    weights = {k: v for k, v in g.items() if not k.startswith(("in.", "out."))}
    resampler.load_state_dict(weights)
    out = resampler(g["in.encoder_hidden_states"], g.get("in.encoder_attention_mask"))
    close(out, g["out.last_hidden_state"])


@pytest.fixture(scope="module")
def pixels(golden: Any, tiny: Any) -> Any:
    return (golden("c")["in.image_u8"] / 255 - tiny.vision.clip_mean) / tiny.vision.clip_std


@torch.no_grad()
def test_embeddings(golden: Any, tiny: Any, pixels: Any, close: Callable[..., None]) -> None:
    close(tiny.vision.encoder.embeddings(pixels), golden("c")["mid.embeddings"])


@torch.no_grad()
def test_spatial_prior(golden: Any, tiny: Any, pixels: Any, close: Callable[..., None]) -> None:
    g = golden("c")
    big = torch.nn.functional.interpolate(pixels, (256, 256), mode="bilinear")
    c1, c2, c3, c4 = tiny.vision.encoder.adapter_spm(big)
    close(c1[..., ::4, ::4], g["mid.spm.c1_s4"])
    close(c2.flatten(2).mT[:, ::4], g["mid.spm.c2_s4"])
    close(c3.flatten(2).mT, g["mid.spm.c3"])
    close(c4.flatten(2).mT, g["mid.spm.c4"])


@torch.no_grad()
def test_injector_and_extractor(golden: Any, tiny: Any, close: Callable[..., None]) -> None:
    g = golden("c")
    x, c = g["mid.injector0.in.query"], g["mid.injector0.in.feat"]
    grid, sides = [(16, 16)], [(32, 32), (16, 16), (8, 8)]
    stages = tiny.vision.encoder.adapter_interactions
    close(stages[0].injector(x, c, grid, sides), g["mid.injector0.out"])
    close(stages[3].extra_extractors[1](c, x, grid, sides), g["mid.extractor3_1.out"])


@torch.no_grad()
def test_trunk_with_adapter(
    golden: Any, tiny: Any, pixels: Any, close: Callable[..., None]
) -> None:
    g = golden("c")
    states, maps = tiny.vision.encoder(pixels)
    close(states, g["out.encoder.last_hidden_state"], atol=1e-4)
    for i, m in enumerate(maps):
        close(m[..., ::4, ::4] if i < 2 else m, g[f"out.encoder.hidden_states.{i}"], atol=1e-4)


@torch.no_grad()
def test_vision_encoder(golden: Any, tiny: Any, close: Callable[..., None]) -> None:
    g = golden("c")
    seen = tiny.vision(g["in.image_u8"] / 255)
    close(seen.tokens, g["out.vis_embed"], atol=1e-4)
    for i, m in enumerate(seen.maps):
        close(m[..., ::4, ::4] if i < 1 else m, g[f"out.multiscale_features.{i}"], atol=1e-4)
    table = resize_with_class(tiny.vision.pos_embed, 16, 16)
    close((seen.states + table)[:, 1:], g["out.image_embeds"], atol=1e-4)


@torch.no_grad()
def test_images_of_another_size(tiny: Any, close: Callable[..., None]) -> None:
    seen = tiny.vision(torch.rand(2, 3, 112, 280))
    assert [tuple(m.shape[2:]) for m in seen.maps] == [(32, 80), (16, 40), (8, 20), (4, 10)]
    assert seen.tokens.shape == (2, tiny.spec.resampler.queries, tiny.spec.decoder.hidden)
    # An image at twice the size looks nearly the same, or positions would be lost in the resizing.
    smooth = torch.nn.functional.interpolate(torch.rand(1, 3, 4, 4), 224, mode="bicubic")
    large = torch.nn.functional.interpolate(smooth, 448, mode="bilinear")
    small, other = tiny.vision(smooth).tokens, tiny.vision(torch.rand(1, 3, 224, 224)).tokens
    assert (tiny.vision(large).tokens - small).norm() < 0.5 * (other - small).norm()


@pytest.mark.parametrize("size", [(210, 224), (224, 0), (14, 14)])
def test_images_of_a_size_that_cannot_be(tiny: Any, size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="multiples of 28"):
        tiny.vision(torch.zeros(1, 3, *size))


@pytest.mark.parametrize("index", [0, 3, 6, 11])
@torch.no_grad()
def test_unet_residual(golden: Any, under: Any, close: Callable[..., None], index: int) -> None:
    from docharmony.engine.modeling.image_decoder import MmfsResiduals

    g = under(golden("d"), f"sd{index}.")
    block = MmfsResiduals(TINY.painter, TINY.trunk.hidden).mmfs_down_blocks[index]
    weights = {k: v for k, v in g.items() if k.startswith(("conv", "feat_", "query_", "mmfs"))}
    missing, unexpected = block.load_state_dict(weights, strict=False)
    assert (missing, unexpected) == (["pos_embed"], [])  # computed
    close(torch.tensor(block.mmfs.ratios), g["scale_ratios"], atol=0, rtol=0)
    sides = [tuple(side) for side in golden("d")["sd.feature_shapes"].tolist()]
    values = block.project(g["in.ms_feat"])
    close(block(g["in.sample"], values, sides, g["in.ms_mask"]), g["out"])


@torch.no_grad()
def test_language_cross_attention(golden: Any, under: Any, close: Callable[..., None]) -> None:
    from docharmony.engine.modeling.language import CrossAttention

    g = under(golden("d"), "llm.")
    block = CrossAttention(TINY.decoder, TINY.trunk.hidden)
    close(torch.tensor(block.attn.ratios), g["attn.scale_ratios"], atol=0, rtol=0)
    names = ("attn", "gate", "norm")
    block.load_state_dict(
        {k: v for k, v in g.items() if k.startswith(names) and "scale_ratios" not in k}
    )
    x, mask, sides = (
        g["in.hidden_states"],
        g["in.cross_attention_mask"],
        [(s, s) for s in (32, 16, 8)],
    )
    values = block.project(g["in.vision_hidden_states"])
    close(block(x, values, sides, mask), g["out"])
    last = block(x[:, -1:], values, sides, mask[:, -1:])
    close(last, g["out.last_token_decode"])
    # Rows that share a sample's images, as beams do.
    doubled = block(x.repeat_interleave(2, 0), values, sides, mask.repeat_interleave(2, 0))
    close(doubled, g["out"].repeat_interleave(2, 0))


def test_too_many_images() -> None:
    from docharmony.engine.modeling.language import CrossAttention

    block = CrossAttention(TINY.decoder, TINY.trunk.hidden)
    values = torch.zeros(1, 50, 3, 16, 2)
    with pytest.raises(ValueError, match="49 at most"):
        block(torch.zeros(1, 1, 64), values, [(1, 1)] * 3, torch.ones(1, 1, 50))


@pytest.mark.parametrize("seed", range(3))
def test_both_ways_to_sample_agree(seed: int, close: Callable[..., None]) -> None:
    torch.manual_seed(seed)
    sides = [(6, 5), (3, 4)]
    inputs = [
        torch.randn(2, 42, 3, 7),
        torch.rand(2, 4, 3, 2, 5, 2) * 1.8 - 0.4,  # some places lie outside
        torch.rand(2, 4, 3, 2, 5),
    ]
    for tensor in inputs:
        tensor.requires_grad_()
    values, locations, weights = inputs
    ours, theirs = (f(values, sides, locations, weights) for f in (sample, sample_grid))
    close(ours, theirs)
    for a, b in zip(
        torch.autograd.grad(ours.square().sum(), inputs),
        torch.autograd.grad(theirs.square().sum(), inputs),
        strict=True,
    ):
        close(a, b, atol=2e-4)


def test_pieces_of_a_sampling_fit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    from docharmony.engine.modeling import deformable

    inputs = (
        torch.randn(2, 12, 3, 5),
        [(3, 4)],
        torch.rand(2, 7, 3, 1, 2, 2),
        torch.rand(2, 7, 3, 1, 2),
    )
    whole = sample(*inputs)
    monkeypatch.setattr(deformable, "_SAMPLES", 30)
    assert torch.equal(sample(*inputs), whole)


def test_sampling_at_pixel_centres_reads_the_pixels() -> None:
    values = torch.randn(1, 12, 1, 3)
    places = pixel_centres([(3, 4)], values.device).view(1, 12, 1, 1, 1, 2)
    read = sample(values, [(3, 4)], places, torch.ones(1, 12, 1, 1, 1))
    torch.testing.assert_close(read, values)


def test_tables(golden: Any, close: Callable[..., None]) -> None:
    expected = golden("d")["sd.pos_embed_sample_C8_rows0_1_65_4095"]
    close(sincos_2d(64, 8)[[0, 1, 65, 4095]], expected, atol=1e-6)
    close(sincos_2d(4, 32), golden("c")["visual_tokenizer.pos_embed"][1:], atol=1e-6)
    assert sincos_1d(torch.tensor([0]), 6).tolist() == [[0, 0, 0, 1, 1, 1]]
