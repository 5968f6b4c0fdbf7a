"""The samplers against what is known of them; against diffusers where that is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from docharmony.engine import diffusion

_SCHEDULE: dict[str, Any] = {
    "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012,
    "beta_schedule": "scaled_linear", "steps_offset": 1, "timestep_spacing": "leading",
    "prediction_type": "epsilon",
}  # fmt: skip


def test_published_timesteps() -> None:
    steps = diffusion.Ddpm(30).timesteps
    assert steps[:3] == [958, 925, 892]
    assert steps[-2:] == [34, 1]


@pytest.mark.parametrize("scheduler", ["ddpm", "dpm"])
def test_a_perfect_predictor_leads_to_its_image(scheduler: str) -> None:
    clean = np.random.default_rng(0).standard_normal((2, 4, 3, 3), np.float32)
    left = diffusion.kept()

    def predict(latents: Any, timestep: int) -> Any:
        alpha = left[timestep]
        return ((latents - alpha**0.5 * clean) / (1 - alpha) ** 0.5).astype(np.float32)

    drawn = diffusion.sample(
        predict, diffusion.seeded((4, 3, 3), [1, 2]), steps=20, guidance=1.0, scheduler=scheduler
    )
    assert drawn.dtype == np.float32
    np.testing.assert_allclose(drawn, clean, atol=1e-4)


def test_an_image_depends_on_its_own_seed_alone() -> None:
    one, two = diffusion.seeded((4, 2, 2), [7, 8]), diffusion.seeded((4, 2, 2), [8])
    for _ in range(2):
        assert np.array_equal(one()[1:], two())


def test_guidance_goes_beyond_the_prompt() -> None:
    """With guidance the rows without prompt come first, and two rows an image in one batch."""
    shapes = []

    def predict(latents: Any, timestep: int) -> Any:
        shapes.append(latents.shape)
        noise = np.zeros_like(latents)
        noise[1::2] = 1
        return noise

    plain = diffusion.seeded((4, 2, 2), [1])
    drawn = diffusion.sample(predict, plain, steps=1, guidance=3.0)
    fixed = diffusion.sample(
        lambda latents, _: np.full_like(latents, 3.0), diffusion.seeded((4, 2, 2), [1]),
        steps=1, guidance=1.0,
    )  # fmt: skip
    assert shapes == [(2, 4, 2, 2)]
    np.testing.assert_allclose(drawn, fixed)


def test_settings_out_of_range() -> None:
    fresh = diffusion.seeded((4, 1, 1), [0])
    with pytest.raises(ValueError, match="'euler': ddpm or dpm"):
        diffusion.sample(lambda x, _: x, fresh, steps=3, guidance=1.0, scheduler="euler")
    for steps in (0, 1000):
        with pytest.raises(ValueError, match="steps"):
            diffusion.sample(lambda x, _: x, fresh, steps=steps, guidance=1.0)


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("steps", [1, 4, 7, 30])
@pytest.mark.parametrize("scheduler", ["ddpm", "dpm"])
def test_samplers_are_those_of_diffusers(scheduler: str, steps: int) -> None:
    torch = pytest.importorskip("torch")
    diffusers = pytest.importorskip("diffusers")
    plan: Any = (
        diffusers.DDPMScheduler(**_SCHEDULE, variance_type="fixed_small", clip_sample=False)
        if scheduler == "ddpm"
        else diffusers.DPMSolverMultistepScheduler(**_SCHEDULE)
    )
    plan.set_timesteps(steps)
    ours = diffusion.SAMPLERS[scheduler](steps)
    assert ours.timesteps == plan.timesteps.tolist()
    rng = np.random.default_rng(0)
    latents = theirs = rng.standard_normal((1, 4, 5, 5), np.float32)
    for index, timestep in enumerate(ours.timesteps):
        noise = rng.standard_normal(latents.shape, np.float32)
        draws = torch.Generator().manual_seed(index)
        fresh = torch.randn(latents.shape, generator=draws).numpy()
        draws.manual_seed(index)
        latents = ours.step(index, latents, noise, lambda fresh=fresh: fresh)
        theirs = plan.step(
            torch.from_numpy(noise), timestep, torch.from_numpy(theirs), generator=draws
        ).prev_sample.numpy()
        np.testing.assert_allclose(latents, theirs, atol=2e-4, rtol=1e-3)
