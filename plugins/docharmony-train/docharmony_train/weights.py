"""Where a leg starts: weights of a run, an exported checkpoint, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from docharmony.engine.modeling.nano import UNET, Nano
from docharmony.errors import CheckpointIncompatibleError

from .config import TrainConfig

if TYPE_CHECKING:
    from docharmony.checkpoint import Manifest


def start(config: TrainConfig, out: Path) -> tuple[Nano, str]:
    """Return the model that a leg trains on, and where it comes from.

    The run's own weights come first, then ``config.start``.

    Raises:
        CheckpointError: no such checkpoint, or one of other sizes than the configuration's.
    """
    source = str(out / "weights") if (out / "weights").is_dir() else config.start
    unet = {**UNET, **config.unet}
    if not source:
        return Nano(config.spec, unet), "random weights"
    model = load(source, unet)
    if (model.spec.vision, model.spec.language) != (config.vision, config.language):
        raise CheckpointIncompatibleError(
            "the weights have other sizes than the configuration",
            where=source,
            hint='Set [vision] and [language] to those of the weights, or start = "".',
        )
    return model, "the last leg" if source != config.start else source


def load(source: str | Path, unet: Mapping[str, Any] = UNET) -> Nano:
    """Return the model of a folder of weights, of a checkpoint's folder or of its name.

    Args:
        source: the folder or name.
        unet: arguments of the image decoder of a checkpoint: its manifest does not hold them.
    """
    path = Path(source)
    if (path / "heads.safetensors").is_file():
        return Nano.from_pretrained(path)
    from .restore import restore

    return restore(manifest_of(source), unet)


def manifest_of(source: str | Path) -> Manifest:
    """Return the manifest of a checkpoint by its folder or registered name."""
    from docharmony import Plugins
    from docharmony.checkpoint import find, load_manifest

    registered = {entry.name: str(entry.target) for entry in Plugins().checkpoints}
    return load_manifest(find(str(source), registered))


def fuse_norms(model: nn.Module) -> None:
    """Replace RMS norms by one fused kernel each: the same weights, a third of the launches."""
    for name, child in model.named_children():
        if type(child).__name__.endswith("RMSNorm") and hasattr(child, "variance_epsilon"):
            fused = _RMSNorm(child.weight, child.variance_epsilon)
            setattr(model, name, fused)
        else:
            fuse_norms(child)


class _RMSNorm(nn.Module):
    """RMS norm that computes in the type of its input, as autocast wants it."""

    def __init__(self, weight: Any, epsilon: float) -> None:
        super().__init__()
        self.weight, self.epsilon = weight, epsilon

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.rms_norm(x, x.shape[-1:], self.weight.to(x.dtype), self.epsilon)


@torch.no_grad()
def blend(average: nn.Module, model: nn.Module, decay: float) -> None:
    """Move the moving average towards the model."""
    targets, values = list(average.parameters()), list(model.parameters())
    torch._foreach_lerp_(targets, values, 1 - decay)
