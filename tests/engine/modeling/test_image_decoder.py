"""The image decoder against fixture f: context, UNet with residuals, sampling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from docharmony.engine.base import Task  # noqa: E402
from docharmony.engine.modeling.image_decoder import (  # noqa: E402
    ImageDecoder,
    Source,
    contexts,
    make_scheduler,
    previous_maps,
)
from docharmony.engine.presets import TINY  # noqa: E402

pytestmark = [
    pytest.mark.torch,
    # diffusers' DPM-Solver turns a torch tensor into an array the old way.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def run(golden: Any, tiny: Any) -> dict[str, Any]:
    """From the fixture's images and ids up to what the UNet is given."""
    f = golden("f")
    ids, counts = f["in.text_ids"], f["in.num_image_per_seq"].tolist()
    target = f["in.target_image_idx"].tolist()
    model = tiny.language
    with torch.no_grad():
        seen = tiny.vision(f["in.images_u8"] / 255)
        with model.lora.use([Task.PAINT]):
            hidden = model(model.embed(ids, seen.tokens), model.remember(ids, seen.maps, counts))
        context, valid = contexts(hidden, ids, counts, TINY.decoder)
        maps, mask = previous_maps(seen.maps, counts)
        return {
            "hidden": hidden, "context": context, "valid": valid, "mask": mask,
            "maps": [m[target] for m in maps],
            "prompt": tiny.image.prompt(context[target], valid[target]),
            "source": tiny.image.look([m[target] for m in maps], mask[target]),
        }  # fmt: skip


@torch.no_grad()
def test_context(golden: Any, tiny: Any, run: Any, close: Callable[..., None]) -> None:
    f = golden("f")
    close(run["hidden"], f["mid.mm_last_hidden_state"], atol=1e-4)
    projected, valid = tiny.image.project_context(run["context"], run["valid"])
    close(projected, f["mid.context_features_all"], atol=1e-4)
    assert torch.equal(valid.long(), f["mid.context_attention_mask_all"])
    close(run["prompt"], f["mid.prompt_embeds"], atol=1e-4)


def test_source_maps(golden: Any, run: Any, close: Callable[..., None]) -> None:
    f = golden("f")
    assert torch.equal(run["mask"].long(), f["mid.mmfs_mask_all"])
    for i, m in enumerate(run["maps"]):
        assert [1, *m.shape] == f["mid.mmfs_feature_shapes"][i].tolist()
        close(m[:, None], f[f"mid.mmfs_features_t.{i}"], atol=1e-4)


def test_the_first_image_of_a_row_has_no_source() -> None:
    maps = [torch.arange(1.0, 4).view(3, 1, 1, 1)]
    shifted, mask = previous_maps(maps, [1, 2])
    assert shifted[0].flatten().tolist() == [0, 0, 2]
    assert mask.flatten().tolist() == [0, 0, 1]


@pytest.mark.parametrize("key", ["with_mmfs", "mask0", "no_mmfs"])
@torch.no_grad()
def test_unet(golden: Any, tiny: Any, run: Any, close: Callable[..., None], key: str) -> None:
    f, source = golden("f"), run["source"]
    rows = torch.cat([tiny.image.neg_prompt_embeds, f["mid.prompt_embeds"]])
    given = {
        "with_mmfs": source,
        "mask0": Source(source.values, source.sides, torch.zeros_like(source.mask)),
        "no_mmfs": None,
    }[key]
    noise = tiny.image.predict_noise(f["unet.in.latents"], f["unet.in.timestep"], rows, given)
    close(noise, f[f"unet.out.{key}"], atol=1e-4)


def test_published_timesteps(golden: Any) -> None:
    plan = make_scheduler("ddpm")
    plan.set_timesteps(30)
    assert torch.equal(plan.timesteps, golden("f")["scheduler.timesteps_30"])
    plan.set_timesteps(4)
    assert torch.equal(plan.timesteps, golden("f")["loop.timesteps"])


def test_sampling_loop(golden: Any, tiny: Any, run: Any, close: Callable[..., None]) -> None:
    f = golden("f")
    draws = torch.Generator().manual_seed(42)
    assert torch.equal(torch.randn(1, 4, 64, 64, generator=draws), f["loop.initial_latents"])
    for noise in f["loop.step_noise"]:
        assert torch.equal(torch.randn(1, 4, 64, 64, generator=draws), noise)
    steps: list[Any] = []
    with torch.no_grad():
        latents = tiny.image.sample(
            run["prompt"], run["source"], seeds=[42], steps=4, on_step=steps.append
        )
    for ours, theirs in zip(steps, f["loop.latents_per_step"], strict=True):
        close(ours, theirs, atol=5e-4)
    assert torch.equal(latents, steps[-1])


@pytest.fixture(scope="module")
def small() -> Any:
    """An image decoder with random weights on latents of 8 x 8."""
    torch.manual_seed(0)
    spec = replace(TINY, painter=replace(TINY.painter, latent=8))
    return ImageDecoder(spec).eval()


def test_a_batch_draws_what_each_draws_alone(small: Any, close: Callable[..., None]) -> None:
    prompts = torch.randn(2, 5, 16)
    maps = [torch.randn(2, 32, side, side) for side in (16, 8, 4, 2)]
    with torch.no_grad():
        sources = [small.look(maps, torch.ones(2, 1))]
        sources += [small.look([m[i : i + 1] for m in maps], torch.ones(1, 1)) for i in range(2)]
    options: Any = {"steps": 3, "scheduler": "dpm"}
    together = small.sample(prompts, sources[0], seeds=[1, 2], **options)
    for i in range(2):
        one = prompts[i : i + 1]
        close(
            small.sample(one, sources[i + 1], seeds=[i + 1], **options),
            together[i : i + 1],
            atol=5e-4,
        )
    assert not torch.allclose(together[0], together[1])


def test_guidance_of_one_is_the_prompt_alone(small: Any) -> None:
    prompt = torch.randn(1, 5, 16)
    plan = make_scheduler("ddpm")
    plan.set_timesteps(1)
    draws = torch.Generator().manual_seed(3)
    start = torch.randn(1, 4, 8, 8, generator=draws)
    with torch.no_grad():
        noise = small.predict_noise(start, plan.timesteps[0], prompt, None)
    expected = plan.step(noise, plan.timesteps[0], start, generator=draws).prev_sample
    drawn = small.sample(prompt, None, seeds=[3], steps=1, guidance=1.0)
    torch.testing.assert_close(drawn, expected)


def test_loss_ignores_what_has_no_weight(small: Any) -> None:
    """Images without context don't count, but the mean runs over all elements of all images."""
    latents, noise = torch.randn(2, 4, 8, 8), torch.randn(2, 4, 8, 8)
    times, prompt = torch.tensor([10, 500]), torch.randn(2, 5, 16)
    with torch.no_grad():
        first = small.loss(latents[:1], noise[:1], times[:1], prompt[:1], None, torch.ones(1))
        both = small.loss(latents, noise, times, prompt, None, torch.tensor([1.0, 0.0]))
    torch.testing.assert_close(both, first / 2)


def test_pixels(tiny: Any) -> None:
    pixels = tiny.image.pixels(torch.randn(1, 4, 64, 64))
    assert pixels.shape == (1, 3, 512, 512)
    assert 0 <= pixels.min() < pixels.max() <= 1


def test_unknown_scheduler() -> None:
    with pytest.raises(ValueError, match="euler"):
        make_scheduler("euler")
