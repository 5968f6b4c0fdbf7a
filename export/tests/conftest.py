"""A checkpoint of the published anatomy, of tiny shapes, with random weights that all matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

PIECES = Path(__file__).parents[2] / "tests/golden/textharmony/g_tiny_sentencepiece.model"


def tiny_spec() -> Any:
    from docharmony.engine.presets import TINY

    return replace(
        TINY,
        trunk=replace(TINY.trunk, image_size=56, layers=4, stem=8),
        decoder=replace(TINY.decoder, vocabulary=422, pad=419, image_start=420, image_slot=421),
        painter=replace(
            TINY.painter, latent=8, pos_grid=6, mmfs=replace(TINY.painter.mmfs, values=32)
        ),
    )


def shake(model: Any) -> None:
    """Change what is zero or equal at first, or nothing would depend on what it does."""
    import torch

    started = ("lora_", "gate", "bias", "gamma", "pos_embed", "offsets", "weights", "ignore", "soi",
               "neg_prompt", "query_norm", "feat_norm")  # fmt: skip
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if any(part in name for part in started):
                parameter.add_(0.3 * torch.randn_like(parameter))


def make_checkpoint(folder: Path, spec: Any, *, bend: Callable[[Any], None] | None = None) -> Path:
    """Write a checkpoint with random weights, through the published form.

    Args:
        bend: changes the weights of a freshly made model.
    """
    import torch

    from docharmony.engine.modeling.loading import convert
    from docharmony.engine.modeling.model import TextHarmonyModel
    from docharmony.engine.modeling.published import published_name

    torch.manual_seed(0)
    model = TextHarmonyModel(spec)
    (bend or shake)(model)
    state = {published_name(name): value for name, value in model.state_dict().items()}
    source = folder.with_suffix(".bin")
    torch.save(state, source)
    return convert([source], folder, spec, name="tiny", dtype=torch.float32, tokenizer=PIECES)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch")
    return make_checkpoint(tmp_path_factory.mktemp("published") / "tiny", tiny_spec())
