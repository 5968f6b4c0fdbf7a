"""Sin-cos tables of positions, and how stored tables are resized to another grid."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812


def sincos_1d(positions: Tensor, width: int) -> Tensor:
    """Return (*, width): sines in the first half, cosines in the second.

    Args:
        positions: (*), any numbers.
    """
    half = width // 2
    # In float64: the published tables were made so, and float32 angles differ in the last digits.
    omega = 10000.0 ** (-torch.arange(half, dtype=torch.float64, device=positions.device) / half)
    angle = positions[..., None].double() * omega  # (*, width / 2)
    return torch.cat([angle.sin(), angle.cos()], -1).float()


def sincos_2d(side: int, width: int) -> Tensor:
    """Return (side * side, width), row by row: the row's index first, then the column's."""
    places = sincos_1d(torch.arange(side), width // 2)  # (side, width / 2)
    rows = places[:, None].expand(side, side, -1)
    columns = places[None].expand(side, side, -1)
    return torch.cat([rows, columns], -1).flatten(0, 1)


def resize(table: Tensor, height: int, width: int, *, align_corners: bool = False) -> Tensor:
    """Return a square table (side * side, C) at another size as (height * width, C), bicubic."""
    side = round(len(table) ** 0.5)
    if (side, side) == (height, width):
        return table
    grid = table.T.reshape(1, -1, side, side).float()
    grid = F.interpolate(grid, (height, width), mode="bicubic", align_corners=align_corners)
    return grid.flatten(2)[0].T.to(table.dtype)


def resize_with_class(
    table: Tensor, height: int, width: int, *, align_corners: bool = False
) -> Tensor:
    """Return (1 + height * width, C): the first row as it is, the others resized."""
    patches = resize(table[1:], height, width, align_corners=align_corners)
    return torch.cat([table[:1], patches])
