"""Slide-LoRA: several low-rank experts a linear layer, weighed by task or by a gating network.

y = W x + sum_e g_e (x A_e) B_e, without any factor alpha / rank. The first third of the experts
serves images, the second text, the last both.

Paper and release differ in g. The release (gate ``"fixed"``) uses one constant row a sample, set by
the task and equal in all layers: half on the task's own third, half on the shared one. The paper
(gate ``"learned"``) lets a small network look at the layer's input. Which input, it does not say;
here each token is weighed by itself, so that cached decoding equals a full pass. The release also
carries a router of the same form over the mean of all tokens, and never runs it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from ...errors import CheckpointCorruptError, CheckpointIncompatibleError
from .. import parts
from ..base import Task

if TYPE_CHECKING:
    from ..presets import SlideLoraSpec


def fixed_gates(tasks: Sequence[Task], experts: int = 3) -> Tensor:
    """Return the published weights (B, E) of the experts, one row a sample.

    Raises:
        ValueError: the experts cannot be divided into three groups.
    """
    return torch.from_numpy(parts.fixed_gates(tasks, experts))


class GateState:
    """What all layers of one model read: the rows of the samples now in flight.

    Attributes:
        rows: (B, E), or (1, E) for all samples alike; None before a task is set.
        enabled: False leaves the base layers alone.
    """

    def __init__(self) -> None:
        self.rows: Tensor | None = None
        self.enabled = True


class SlideLoraLinear(nn.Linear):
    """A linear layer with experts. Built by :meth:`SlideLora.inject`."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        spec: SlideLoraSpec,
        state: GateState,
        *,
        bias: bool,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(in_features, out_features, bias=bias, device=device, dtype=dtype)
        place = {"device": device, "dtype": dtype}
        self.state = state
        self.merged: Task | None = None
        self.kept: Tensor | None = None
        self.dropout = nn.Dropout(spec.dropout)
        self.lora_A = nn.Parameter(torch.empty(spec.experts, in_features, spec.rank, **place))
        self.lora_B = nn.Parameter(torch.empty(spec.experts, spec.rank, out_features, **place))
        self.gate: nn.Linear | None = None
        if spec.gate == "learned":
            self.gate = nn.Linear(in_features, spec.experts, bias=False, **place)
        self.reset_adapters()

    def reset_adapters(self) -> None:
        """Make the experts new: they add nothing, and a learned gate takes all alike."""
        bound = self.in_features**-0.5
        nn.init.uniform_(self.lora_A, -bound, bound)
        nn.init.zeros_(self.lora_B)
        if self.gate is not None:
            nn.init.zeros_(self.gate.weight)

    def forward(self, input: Tensor) -> Tensor:
        """Map (B, T, C) to (B, T, C').

        Raises:
            RuntimeError: no task is set, or the weights are merged for another one.
        """
        y = F.linear(input, self.weight, self.bias)
        if not self.state.enabled or self.merged is not None:
            return y
        experts, channels, rank = self.lora_A.shape
        x = self.dropout(input)
        down = self.lora_A.transpose(0, 1).reshape(channels, experts * rank)  # (C, E R)
        low = (x @ down).unflatten(-1, (experts, rank))  # (B, T, E, R)
        low = low * self._gates(input).to(low.dtype).unsqueeze(-1)
        return y + low.flatten(-2) @ self.lora_B.flatten(0, 1)

    def _gates(self, x: Tensor) -> Tensor:
        """Return the weights of the experts, (B, 1, E) or (B, T, E)."""
        if self.gate is not None:
            gates: Tensor = self.gate(x).softmax(-1)
            return gates
        if self.state.rows is None:
            raise RuntimeError("no task is set: call the model inside SlideLora.use(tasks)")
        return self.state.rows[:, None]

    def delta(self, task: Task) -> Tensor:
        """Return what the experts add to the weight for one task, (C', C)."""
        gates = fixed_gates([task], len(self.lora_A))[0].to(self.lora_A)
        return torch.einsum("e,ecr,ero->oc", gates, self.lora_A, self.lora_B)


class SlideLora:
    """Gives a model's linear layers their experts and directs them all.

    One forward pass a model at a time: the rows in flight are state, as adapters are in peft.
    """

    def __init__(
        self, model: nn.Module, layers: dict[str, SlideLoraLinear], spec: SlideLoraSpec,
        state: GateState,
    ) -> None:  # fmt: skip
        self.model, self.layers, self.spec, self.state = model, layers, spec, state

    @classmethod
    def inject(cls, model: nn.Module, spec: SlideLoraSpec) -> SlideLora:
        """Replace each ``nn.Linear`` whose last name is a target; weights are kept, not copied.

        Raises:
            ValueError: no layer has such a name, or the spec makes no sense.
        """
        if spec.gate not in ("fixed", "learned"):
            raise ValueError(f"gate is {spec.gate!r}, not 'fixed' or 'learned'")
        fixed_gates([], spec.experts)
        state = GateState()
        layers = {}
        for path, linear in list(model.named_modules()):
            parent, _, name = path.rpartition(".")
            if type(linear) is not nn.Linear or name not in spec.targets:
                continue
            layer = SlideLoraLinear(
                linear.in_features, linear.out_features, spec, state,
                bias=linear.bias is not None, device=linear.weight.device,
                dtype=linear.weight.dtype,
            )  # fmt: skip
            layer.weight, layer.bias = linear.weight, linear.bias
            layer.train(linear.training)
            setattr(model.get_submodule(parent), name, layer)
            layers[path] = layer
        if not layers:
            raise ValueError(f"no linear layer is called {' or '.join(spec.targets)}")
        return cls(model, layers, spec, state)

    @contextmanager
    def use(self, tasks: Sequence[Task] | Tensor) -> Iterator[None]:
        """Run the model for these tasks, one a sample; tasks may differ within a batch.

        Args:
            tasks: tasks, or weights of the experts (B, E) outright. One row serves all samples.

        Raises:
            RuntimeError: the weights are merged for another task.
        """
        rows = tasks if isinstance(tasks, Tensor) else fixed_gates(tasks, self.spec.experts)
        layer = next(iter(self.layers.values()))
        if layer.merged is not None:
            merged = fixed_gates([layer.merged], self.spec.experts).to(rows)
            if not torch.equal(rows, merged.expand_as(rows)):
                raise RuntimeError(f"the experts are merged for {layer.merged.name} alone")
        before, self.state.rows = self.state.rows, rows.to(layer.weight.device)
        try:
            yield
        finally:
            self.state.rows = before

    @contextmanager
    def disabled(self) -> Iterator[None]:
        """Run the model without its experts.

        Raises:
            RuntimeError: they are merged into the weights.
        """
        if any(layer.merged is not None for layer in self.layers.values()):
            raise RuntimeError("merged experts cannot be left out: unmerge first")
        before, self.state.enabled = self.state.enabled, False
        try:
            yield
        finally:
            self.state.enabled = before

    @torch.no_grad()
    def merge(self, task: Task, *, keep: bool = False) -> None:
        """Add the experts to the weights for one task; inference then costs what the base does.

        Args:
            keep: hold the old weights too, so that :meth:`unmerge` restores them to the bit.

        Raises:
            RuntimeError: already merged, or the gate is learned and depends on the input.
        """
        if self.spec.gate == "learned":
            raise RuntimeError("a learned gate depends on the input and cannot be merged")
        if any(layer.merged is not None for layer in self.layers.values()):
            raise RuntimeError("the experts are merged already")
        for layer in self.layers.values():
            old = layer.weight.data
            layer.kept = old if keep else None
            # In float32: a bf16 sum would round the small update away.
            layer.weight.data = (old.float() + layer.delta(task).float()).to(old.dtype)
            layer.merged = task

    def unmerge(self) -> None:
        """Put the weights back that :meth:`merge` kept.

        Raises:
            RuntimeError: they were not kept.
        """
        if any(layer.kept is None for layer in self.layers.values()):
            raise RuntimeError("the weights before the merge were not kept")
        for layer in self.layers.values():
            assert layer.kept is not None
            layer.weight.data, layer.kept, layer.merged = layer.kept, None, None

    def train_only_adapters(self) -> list[nn.Parameter]:
        """Freeze everything but the experts and their gates; return these, for an optimiser."""
        self.model.requires_grad_(False)
        parameters = list(self.adapters().values())
        for parameter in parameters:
            parameter.requires_grad_(True)
        return parameters

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the experts and their gates alone to a safetensors file."""
        state = {name: value.detach().contiguous() for name, value in self.adapters().items()}
        save_file(state, path, metadata={"kind": "slide-lora", "gate": self.spec.gate})

    def materialise(self, device: torch.device, dtype: torch.dtype | None) -> None:
        """Give adapters that are on ``meta`` memory, for :meth:`load` or :meth:`reset` to fill."""
        for name, parameter in self.adapters().items():
            owner, _, last = name.rpartition(".")
            empty = torch.empty_like(parameter, device=device, dtype=dtype)
            setattr(self.model.get_submodule(owner), last, nn.Parameter(empty))

    def reset(self) -> None:
        """Make all experts new, as those of a model that was just built."""
        for layer in self.layers.values():
            layer.reset_adapters()

    @torch.no_grad()
    def load(self, path: str | os.PathLike[str]) -> None:
        """Read what :meth:`save` wrote; nothing changes unless every key and shape fits.

        Raises:
            CheckpointCorruptError: not a whole safetensors file.
            CheckpointIncompatibleError: keys or shapes differ; the message names them.
        """
        try:
            given = load_file(path)
        except (OSError, SafetensorError) as error:
            raise _unreadable(path, error) from error
        wanted = self.adapters()
        problems = [f"missing {name}" for name in sorted(wanted.keys() - given.keys())]
        problems += [f"unknown {name}" for name in sorted(given.keys() - wanted.keys())]
        problems += [
            f"{name} is {tuple(given[name].shape)} instead of {tuple(wanted[name].shape)}"
            for name in sorted(wanted.keys() & given.keys())
            if given[name].shape != wanted[name].shape
        ]
        if problems:
            raise CheckpointIncompatibleError(
                "these adapters are of another model", where=os.fspath(path),
                why="; ".join(problems),
            )  # fmt: skip
        for name, parameter in wanted.items():
            parameter.copy_(given[name])

    def adapters(self) -> dict[str, nn.Parameter]:
        """Return the experts and their gates by name within the model."""
        found = {}
        for path, layer in self.layers.items():
            found[f"{path}.lora_A"], found[f"{path}.lora_B"] = layer.lora_A, layer.lora_B
            if layer.gate is not None:
                found[f"{path}.gate.weight"] = layer.gate.weight
        return found


def spec_of_adapters(path: str | os.PathLike[str], like: SlideLoraSpec) -> SlideLoraSpec:
    """Return the sizes and the gate of what :meth:`SlideLora.save` wrote.

    Raises:
        CheckpointCorruptError: not a whole safetensors file.
        CheckpointIncompatibleError: it holds no adapters.
    """
    try:
        with safe_open(path, "pt") as file:
            gate = (file.metadata() or {}).get("gate", "")
            names = [name for name in file.keys() if name.endswith(".lora_A")]  # noqa: SIM118
            shape = file.get_slice(names[0]).get_shape() if names else []
    except (OSError, SafetensorError) as error:
        raise _unreadable(path, error) from error
    if gate not in ("fixed", "learned") or len(shape) != 3:
        raise CheckpointIncompatibleError("no adapters of Slide-LoRA", where=os.fspath(path))
    experts, _, rank = shape
    return replace(like, gate=gate, experts=experts, rank=rank)


def _unreadable(path: str | os.PathLike[str], error: Exception) -> CheckpointCorruptError:
    return CheckpointCorruptError(
        "cannot read the adapters", where=os.fspath(path), why=str(error).partition("\n")[0]
    )
