"""Sampling of the image decoder's latents: the published DDPM, and DPM-Solver++ for fewer steps.

In numpy, so that every backend of the parts draws the same image from the same seed. The noise levels
are those of Stable Diffusion 2. DDPM: Ho et al. 2020, https://arxiv.org/abs/2006.11239;
DPM-Solver++ (2M): Lu et al. 2022, https://arxiv.org/abs/2211.01095.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

_TRAINED = 1000  # steps of the training
_FIRST, _LAST = 0.00085, 0.012  # variance of the first and of the last of them
_OFFSET = 1  # timesteps are one above the multiples of the stride


class Sampler(Protocol):
    """One run of a sampler.

    Attributes:
        timesteps: at which noise is to be predicted, in order.
    """

    timesteps: list[int]

    def step(
        self, index: int, latents: Floats, noise: Floats, fresh: Callable[[], Floats]
    ) -> Floats:
        """Return the next latents.

        Args:
            index: of the timestep.
            latents: (B, 4, h, w).
            noise: predicted in them.
            fresh: draws normal noise of their shape.
        """


def kept() -> npt.NDArray[np.float64]:
    """Return the share of the image's variance that is left at each of the 1000 timesteps."""
    betas = np.linspace(_FIRST**0.5, _LAST**0.5, _TRAINED) ** 2
    left: npt.NDArray[np.float64] = np.cumprod(1 - betas)
    return left


def _single(value: float) -> Any:
    """Return a float32, so that what it multiplies stays one."""
    return np.float32(value)


class Ddpm:
    """Ancestral sampling with the smaller of the two variances, as published."""

    def __init__(self, steps: int) -> None:
        self._stride = _TRAINED // steps
        self._kept = kept()
        self.timesteps = [i * self._stride + _OFFSET for i in reversed(range(steps))]

    def step(
        self, index: int, latents: Floats, noise: Floats, fresh: Callable[[], Floats]
    ) -> Floats:
        """Return the mean of what may have come before, plus fresh noise."""
        t = self.timesteps[index]
        before = t - self._stride
        now = self._kept[t]
        then = self._kept[before] if before >= 0 else 1.0
        alpha = now / then
        clean = (latents - _single((1 - now) ** 0.5) * noise) / _single(now**0.5)
        mean = _single(then**0.5 * (1 - alpha) / (1 - now)) * clean
        mean += _single(alpha**0.5 * (1 - then) / (1 - now)) * latents
        spread = max((1 - then) / (1 - now) * (1 - alpha), 1e-20) ** 0.5
        out: Floats = mean + _single(spread) * fresh()
        return out


class DpmSolver:
    """DPM-Solver++ of second order, several steps wide. Deterministic after the first noise."""

    def __init__(self, steps: int) -> None:
        stride = _TRAINED // (steps + 1)
        self.timesteps = [i * stride + _OFFSET for i in reversed(range(1, steps + 1))]
        left = kept()[self.timesteps]
        self._alpha: list[float] = [*(left**0.5).tolist(), 1.0]
        self._sigma: list[float] = [*((1 - left) ** 0.5).tolist(), 0.0]
        self._before: Floats | None = None

    def step(
        self, index: int, latents: Floats, noise: Floats, fresh: Callable[[], Floats]
    ) -> Floats:
        """Return the latents at the next timestep; the noise itself is not needed any more."""
        clean: Floats = latents - _single(self._sigma[index]) * noise
        clean /= _single(self._alpha[index])
        before, self._before = self._before, clean
        if index == len(self.timesteps) - 1:
            return clean
        width = self._signal(index + 1) - self._signal(index)
        ahead = clean
        if before is not None:
            ratio = (self._signal(index) - self._signal(index - 1)) / width
            ahead = clean + _single(0.5 / ratio) * (clean - before)
        shrink = _single(self._sigma[index + 1] / self._sigma[index])
        forth = _single(-self._alpha[index + 1] * math.expm1(-width))
        out: Floats = shrink * latents + forth * ahead
        return out

    def _signal(self, index: int) -> float:
        """Half the logarithm of the ratio of signal and noise."""
        return math.log(self._alpha[index] / self._sigma[index])


SAMPLERS: dict[str, Callable[[int], Sampler]] = {"ddpm": Ddpm, "dpm": DpmSolver}


def seeded(shape: tuple[int, ...], seeds: Sequence[int]) -> Callable[[], Floats]:
    """Return what draws normal noise (B, *shape), each image's from its own seed."""
    draws = [np.random.default_rng(seed) for seed in seeds]
    return lambda: np.stack([draw.standard_normal(shape, np.float32) for draw in draws])


def sample(
    predict: Callable[[Floats, int], Floats],
    fresh: Callable[[], Floats],
    *,
    steps: int,
    guidance: float,
    scheduler: str = "ddpm",
) -> Floats:
    """Return latents (B, 4, h, w) drawn with a predictor of noise.

    Args:
        predict: (latents (k B, 4, h, w), timestep) -> noise. With guidance k is 2: the rows of an
            image stand together, the one without its prompt first. Without guidance k is 1.
        fresh: draws normal noise (B, 4, h, w), as :func:`seeded` does.
        steps: from 1 to 999.
        guidance: how far to go beyond what the prompt asks; 1 turns guidance off.
        scheduler: ``"ddpm"`` or ``"dpm"``.

    Raises:
        ValueError: an unknown scheduler, or steps out of range.
    """
    if scheduler not in SAMPLERS:
        raise ValueError(f"no scheduler {scheduler!r}: {' or '.join(SAMPLERS)}")
    if not 1 <= steps < _TRAINED:
        raise ValueError(f"{steps} steps: at least 1, below {_TRAINED}")
    sampler = SAMPLERS[scheduler](steps)
    latents = fresh()
    for index, timestep in enumerate(sampler.timesteps):
        if guidance == 1.0:
            noise = predict(latents, timestep)
        else:
            both = predict(latents.repeat(2, 0), timestep)
            without, prompted = both[0::2], both[1::2]
            noise = without + _single(guidance) * (prompted - without)
        latents = sampler.step(index, latents, noise, fresh)
    return latents
