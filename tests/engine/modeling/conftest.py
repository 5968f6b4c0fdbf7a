"""Golden fixtures, and the tiny model that made them. Everything on one CPU thread."""

from __future__ import annotations

import lzma
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).parents[2] / "golden" / "textharmony"


@cache
def _read(name: str) -> dict[str, Any]:
    from safetensors.torch import load

    (path,) = GOLDEN.glob(f"{name}_*.safetensors.xz")
    return load(lzma.decompress(path.read_bytes()))


@pytest.fixture(scope="session")
def golden() -> Callable[[str], Mapping[str, Any]]:
    """Return the tensors of a fixture by its letter."""
    import torch

    torch.set_num_threads(1)
    return _read


@pytest.fixture(scope="session")
def under() -> Callable[[Mapping[str, Any], str], dict[str, Any]]:
    """Return the tensors below a prefix, without it."""

    def cut(tensors: Mapping[str, Any], prefix: str) -> dict[str, Any]:
        return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

    return cut


@pytest.fixture(scope="session")
def close() -> Callable[..., None]:
    """Compare with the tolerance of single modules unless told otherwise."""
    import torch

    def compare(actual: Any, expected: Any, atol: float = 2e-5, rtol: float = 1e-4) -> None:
        torch.testing.assert_close(actual, expected, atol=atol, rtol=rtol)

    return compare


@pytest.fixture(scope="session")
def tiny(golden: Callable[[str], Mapping[str, Any]]) -> Any:
    """The tiny model with the weights of fixtures c, e and f; only its VAE is random."""
    import torch

    from docharmony.engine.modeling.model import TextHarmonyModel
    from docharmony.engine.modeling.published import published_table
    from docharmony.engine.presets import TINY

    torch.manual_seed(0)
    model = TextHarmonyModel(TINY)
    given = {name: value for letter in "cef" for name, value in golden(letter).items()}
    state = {
        entry.own: given[name]
        for name, entry in published_table(TINY).items()
        if entry.own is not None and name in given
    }
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert unexpected == []
    # The fixtures leave out the VAE, and tables that are computed.
    assert {n for n in missing if not n.startswith("image.vae.")} == {
        f"image.mmfs_module.{block}.pos_embed"
        for block in [*(f"mmfs_down_blocks.{i}" for i in range(12)), "mmfs_mid_block"]
    }
    return model.eval()
