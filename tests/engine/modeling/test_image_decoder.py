"""The image decoder against fixture f: context, UNet with residuals, sampling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from docharmony.engine import diffusion  # noqa: E402
from docharmony.engine.base import Task  # noqa: E402
from docharmony.engine.modeling.image_decoder import (  # noqa: E402
    ImageDecoder,
    Source,
    contexts,
    previous_maps,
)
from docharmony.engine.presets import TINY  # noqa: E402

pytestmark = pytest.mark.torch


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


def predictor(image: Any, rows: Any, source: Any) -> Callable[..., Any]:
    def predict(latents: Any, timestep: int) -> Any:
        time = torch.tensor(timestep)
        with torch.no_grad():
            return image.predict_noise(torch.from_numpy(latents), time, rows, source).numpy()

    return predict


def test_sampling_loop(golden: Any, tiny: Any, run: Any, close: Callable[..., None]) -> None:
    """The loop in numpy, with torch's noise as the release draws it."""
    f = golden("f")
    draws = torch.Generator().manual_seed(42)
    steps: list[Any] = []
    rows = torch.cat([tiny.image.neg_prompt_embeds, run["prompt"]])
    predict = predictor(tiny.image, rows, run["source"])

    def watch(latents: Any, timestep: int) -> Any:
        steps.append(torch.from_numpy(latents[:1]))
        return predict(latents, timestep)

    latents = diffusion.sample(
        watch, lambda: torch.randn(1, 4, 64, 64, generator=draws).numpy(), steps=4, guidance=7.5
    )
    assert torch.equal(steps[0], f["loop.initial_latents"])
    for ours, theirs in zip(
        [*steps[1:], torch.from_numpy(latents)], f["loop.latents_per_step"], strict=True
    ):
        close(ours, theirs, atol=5e-4)


@pytest.fixture(scope="module")
def small() -> Any:
    """An image decoder with random weights on latents of 8 x 8."""
    torch.manual_seed(0)
    spec = replace(TINY, painter=replace(TINY.painter, latent=8))
    return ImageDecoder(spec).eval()


def test_a_batch_draws_what_each_draws_alone(small: Any) -> None:
    prompts = torch.randn(2, 2, 5, 16)  # (B, negative and positive, Q, C)
    maps = [torch.randn(2, 32, side, side) for side in (16, 8, 4, 2)]
    with torch.no_grad():
        sources = [small.look(maps, torch.ones(2, 1))]
        sources += [small.look([m[i : i + 1] for m in maps], torch.ones(1, 1)) for i in range(2)]
    options: Any = {"steps": 3, "guidance": 7.5, "scheduler": "dpm"}

    def draw(rows: Any, source: Any, seeds: list[int]) -> Any:
        predict = predictor(small, rows, source)
        return diffusion.sample(predict, diffusion.seeded((4, 8, 8), seeds), **options)

    together = draw(prompts.flatten(0, 1), sources[0], [1, 2])
    for i in range(2):
        alone = draw(prompts[i], sources[i + 1], [i + 1])
        np.testing.assert_allclose(alone, together[i : i + 1], atol=5e-4)
    assert not np.allclose(together[0], together[1])


def test_noise_is_added_as_diffusers_adds_it() -> None:
    from diffusers import DDPMScheduler

    plan = DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    np.testing.assert_allclose(diffusion.kept(), plan.alphas_cumprod.numpy(), rtol=1e-5)


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
