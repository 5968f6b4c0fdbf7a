"""Where a leg starts: weights of a run, an exported checkpoint, or nothing; and how they are kept."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from docharmony.engine.base import Task
from docharmony.engine.modeling.nano import UNET, Nano
from docharmony.engine.modeling.slide_lora import SlideLora, SlideLoraLinear, fixed_gates
from docharmony.engine.presets import SlideLoraSpec
from docharmony.errors import CheckpointIncompatibleError

from .config import TrainConfig

if TYPE_CHECKING:
    from docharmony.checkpoint import Manifest


EXPERTS = "slide.safetensors"
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


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
    """Return the model of a folder of weights, without its experts, of a checkpoint's folder or name.

    Args:
        source: the folder or name.
        unet: arguments of the image decoder of a checkpoint: its manifest does not hold them.
    """
    path = Path(source)
    if (path / "heads.safetensors").is_file():
        return Nano.from_pretrained(path)
    from .restore import restore

    return restore(manifest_of(source), unet)


def add_experts(model: Nano, config: TrainConfig, out: Path) -> SlideLora | None:
    """Give the language model its experts, those of the run's last leg where there are any.

    The language model itself is frozen then.
    """
    slide = config.slide
    if not slide.gate:
        return None
    gate = "learned" if slide.gate == "learned" else "fixed"
    experts = SlideLora.inject(model.llm, SlideLoraSpec(3, slide.rank, 0.0, gate, TARGETS))
    if (out / "weights" / EXPERTS).is_file():
        experts.load(out / "weights" / EXPERTS)
    experts.train_only_adapters()
    return experts


def rows(gate: str, task: Task) -> Tensor:
    """Return the weights (1, 3) of the experts for a task where the gate is no network."""
    return torch.full((1, 3), 1 / 3) if gate == "shared" else fixed_gates([task])


def save(model: Nano, folder: Path, gate: str = "") -> None:
    """Write the weights; experts go into a file of their own beside the language model without them."""
    folder.mkdir(parents=True, exist_ok=True)
    if not gate:
        model.save_pretrained(folder)
        return
    bare = copy.deepcopy(model)
    adapters = {}
    for path, layer in list(bare.llm.named_modules()):
        if not isinstance(layer, SlideLoraLinear):
            continue
        own = {"lora_A": layer.lora_A, "lora_B": layer.lora_B}
        if layer.gate is not None:
            own["gate.weight"] = layer.gate.weight
        adapters |= {f"{path}.{name}": value.detach().cpu() for name, value in own.items()}
        plain = nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None)
        plain.weight, plain.bias = layer.weight, layer.bias
        parent, _, name = path.rpartition(".")
        setattr(bare.llm.get_submodule(parent), name, plain)
    bare.save_pretrained(folder)
    metadata = {"kind": "slide-lora", "gate": gate}
    save_file({k: v.contiguous() for k, v in adapters.items()}, folder / EXPERTS, metadata)


@torch.no_grad()
def merge_experts(folder: Path, out: Path) -> None:
    """Write weights with their experts for reading merged into the language model.

    Raises:
        CheckpointIncompatibleError: the gate is learned, so there is no one weight to merge.
    """
    with safe_open(folder / EXPERTS, "pt") as file:
        gate = (file.metadata() or {})["gate"]
        adapters = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if gate == "learned":
        raise CheckpointIncompatibleError(
            "cannot export these weights", where=str(folder),
            why="the gate of their experts is learned and depends on the input",
            hint='Train with gate = "fixed".',
        )  # fmt: skip
    model = load(folder)
    weights = rows(gate, Task.READ)[0]
    for name, low in adapters.items():
        path, _, part = name.rpartition(".")
        if part == "lora_A":
            delta = torch.einsum("e,ecr,ero->oc", weights, low, adapters[f"{path}.lora_B"])
            model.llm.get_parameter(f"{path}.weight").add_(delta)
    model.save_pretrained(out)


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
