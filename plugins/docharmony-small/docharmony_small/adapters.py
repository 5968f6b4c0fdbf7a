"""Reads the experts of the answering task as ``docharmony train answer`` writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .smollm import Low


def load(path: Path) -> dict[str, Low]:
    """Return the low-rank product of each layer by its name."""
    from safetensors.numpy import load_file

    state = load_file(path)
    found: dict[str, Low] = {}
    for key in sorted(state):
        name, _, part = key.rpartition(".")
        if part == "down":
            down = state[key].astype(np.float32) * state[f"{key}_scale"]
            up = state[f"{name}.up"].astype(np.float32) * state[f"{name}.up_scale"][:, None]
            found[name] = down.astype(np.float32), up.astype(np.float32)
    return found
