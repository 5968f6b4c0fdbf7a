"""Graphs against the stock torch modules, on random weights of a very small model.

Needs torch, transformers, onnx and onnxruntime: ``pytest export/tests -m torch``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("onnx")

import onnxruntime  # noqa: E402
from docharmony_export import parts  # noqa: E402
from docharmony_export.graph import Weights  # noqa: E402

from docharmony.engine.spec import NANO  # noqa: E402

pytestmark = pytest.mark.torch

SPEC = replace(
    NANO,
    vision=replace(NANO.vision, hidden=32, intermediate=48, layers=2, heads=2),
    language=replace(NANO.language, hidden=32, intermediate=48, layers=2, heads=2, context=64),
)
# Graph and module add in another order; int8 keeps 8 bits of each weight.
TOLERANCE = {Weights.FP32: 2e-4, Weights.FP16: 2e-2, Weights.INT8: 0.25, Weights.DYNAMIC: 0.6}


def state(module: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in module.state_dict().items()}


def session(model: object) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(
        model.SerializeToString(),  # type: ignore[attr-defined]
        sess_options=options,
        providers=["CPUExecutionProvider"],
    )


@pytest.mark.parametrize("weights", list(TOLERANCE))
@torch.no_grad()
def test_the_vision_encoder_is_pixtrals(weights: Weights) -> None:
    torch.manual_seed(0)
    v = SPEC.vision
    config = transformers.PixtralVisionConfig(
        hidden_size=v.hidden, intermediate_size=v.intermediate, num_hidden_layers=v.layers,
        num_attention_heads=v.heads, patch_size=v.patch, image_size=256, hidden_act="silu",
        rope_parameters={"rope_type": "axial", "rope_theta": v.rope_theta},
    )  # fmt: skip
    module = transformers.PixtralVisionModel(config).eval()
    run = session(parts.vision(state(module), SPEC, weights))
    for height, width, step in ((48, 80, 1), (64, 16, 1), (64, 96, 3)):  # every third patch
        shape = (2, height, width, 3)
        pixels = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
        x = module.patch_conv(torch.from_numpy(pixels).float().permute(0, 3, 1, 2) / 127.5 - 1)
        rows, columns = x.shape[-2:]
        kept = np.arange(0, rows * columns, step)
        x = module.ln_pre(x.flatten(2).transpose(1, 2))[:, kept]
        grid = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        places = torch.stack(grid, -1).reshape(-1, 2)[kept]
        places = module.patch_positional_embedding(x, places)
        for layer in module.transformer.layers:
            x = layer(x, None, position_embeddings=places)
        (tokens,) = run.run(None, {"pixels": pixels, "kept": kept})
        assert tokens.shape == (2, len(kept), v.hidden)
        assert np.abs(tokens - x.numpy()).max() < TOLERANCE[weights]


@torch.no_grad()
def test_the_language_model_is_llamas_with_and_without_cache() -> None:
    torch.manual_seed(0)
    m = SPEC.language
    config = transformers.LlamaConfig(
        vocab_size=m.vocabulary, hidden_size=m.hidden, intermediate_size=m.intermediate,
        num_hidden_layers=m.layers, num_attention_heads=m.heads, num_key_value_heads=m.heads,
        max_position_embeddings=m.context, tie_word_embeddings=True, bos_token_id=257,
        eos_token_id=258, pad_token_id=256,
    )  # fmt: skip
    module = transformers.LlamaForCausalLM(config).eval()
    run = session(parts.language(state(module), SPEC, Weights.FP32))
    random = np.random.default_rng(0)
    visual = random.standard_normal((2, 5, m.hidden)).astype(np.float32)
    ids = random.integers(0, 256, (2, 7))
    embedded = torch.cat(
        [torch.from_numpy(visual), module.get_input_embeddings()(torch.from_numpy(ids))], 1
    )
    hidden = module.model(inputs_embeds=embedded, use_cache=False).last_hidden_state[:, 5:]
    wanted = module.lm_head(hidden).log_softmax(-1).numpy()

    total = 12
    seen = np.tril(np.ones((total, total), bool))
    bias = np.tile(np.where(seen, 0, -1e9).astype(np.float32), (2, 1, 1, 1))
    places = np.tile(np.arange(total), (2, 1))
    cache = {
        f"past_{name}_{i}": np.zeros((2, m.heads, 0, m.head_dim), np.float32)
        for i in range(m.layers)
        for name in ("key", "value")
    }
    names = [output.name for output in run.get_outputs()]
    got = []
    for start, end in ((0, 9), (9, 10), (10, 12)):  # in three runs: 4, 1 and 2 ids
        feeds = {
            "visual": visual if start == 0 else visual[:, :0],
            "ids": ids[:, max(0, start - 5) : end - 5],
            "positions": places[:, start:end],
            "bias": bias[:, :, start:end, :end],
            **cache,
        }
        out = dict(zip(names, run.run(None, feeds), strict=True))
        got.append(out.pop("logprobs"))
        cache = {f"past_{name}": value for name, value in out.items()}
    assert np.abs(np.concatenate(got, 1) - wanted).max() < 2e-4
