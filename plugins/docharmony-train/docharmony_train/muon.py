"""Muon: momentum whose matrices are made orthogonal before they are applied.

After K. Jordan and others (2024), with updates scaled to the size of AdamW's as in Moonlight (arXiv
2502.16982), so that both share one learning rate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

# Coefficients of the quintic iteration that drives all singular values towards 1.
_A, _B, _C = 3.4445, -4.775, 2.0315


class Muon(torch.optim.Optimizer):
    """Updates matrices; equal shapes are stacked, so that a step is a few large products."""

    def __init__(
        self,
        matrices: Iterable[Tensor],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.05,
    ) -> None:
        """Take the weights of linear layers, each of two dimensions."""
        options = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(matrices, options)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Apply the gradients; ``closure`` is not used."""
        for group in self.param_groups:
            shapes: dict[torch.Size, list[Tensor]] = defaultdict(list)
            for matrix in group["params"]:
                if matrix.grad is not None:
                    shapes[matrix.shape].append(matrix)
            for matrices in shapes.values():
                self._update(matrices, group)

    def _update(self, matrices: list[Tensor], group: dict[str, Any]) -> None:
        directions = []
        for matrix in matrices:
            state = self.state[matrix]
            if "momentum" not in state:
                state["momentum"] = torch.zeros_like(matrix)
            mean = state["momentum"].mul_(group["momentum"]).add_(matrix.grad)
            directions.append(matrix.grad + group["momentum"] * mean)  # Nesterov
        shape = matrices[0].shape
        updates = orthogonal(torch.stack(directions)).to(matrices[0].dtype)
        scale = 0.2 * max(shape) ** 0.5  # the usual size of AdamW's updates
        for matrix, update in zip(matrices, updates, strict=True):
            matrix.mul_(1 - group["lr"] * group["weight_decay"])
            matrix.add_(update, alpha=-group["lr"] * scale)


def orthogonal(stack: Tensor, rounds: int = 5) -> Tensor:
    """Return matrices (N, R, C) with their singular values moved near 1, by products alone."""
    wide = stack.shape[1] <= stack.shape[2]
    # Half precision is enough, but processors have no fast products of it.
    x = stack.to(torch.bfloat16 if stack.is_cuda else torch.float32)
    x = x if wide else x.mT
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(rounds):
        square = x @ x.mT
        x = _A * x + (_B * square + _C * square @ square) @ x
    result: Tensor = x if wide else x.mT
    return result
