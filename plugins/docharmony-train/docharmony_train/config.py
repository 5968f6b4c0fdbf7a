"""Configuration of a run: TOML sections, each a dataclass; an unknown key stops the run.

``base = "NAME"`` takes all that a file does not say from NAME.toml beside it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from docharmony import ConfigError
from docharmony.config import build
from docharmony.engine.spec import NANO, LanguageSpec, ModelSpec, VisionSpec

SHIPPED = Path(__file__).parent / "configs"
TASKS = ("read", "locate", "erase", "write", "talk")
_USUAL = TASKS[:3]


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long, and at which rate."""

    seconds: float = 0.0
    """Seconds of training of all legs together; the rate falls to 0 over them. 0: see ``steps``."""

    leg_seconds: float = 0.0
    """Seconds after which one leg ends and writes its results; 0 takes ``seconds``."""

    steps: int = 0
    """Steps of one leg, which the rate falls over where ``seconds`` is 0."""

    warmup: int = 200
    """Steps over which the rate rises at the start of a leg without kept optimiser state."""

    log_every: int = 50
    """Steps between two points of the curves."""

    save_every: float = 120.0
    """Seconds between two copies of the weights, in case the machine goes away."""


@dataclass(frozen=True, slots=True)
class Optimizer:
    """Muon on the layers' matrices, AdamW on everything else."""

    rate: float = 1.1e-3
    """Peak rate of vision encoder, language model and heads."""

    erase_rate: float = 6e-4
    """Peak rate of the image decoder."""

    weight_decay: float = 0.01
    """Of AdamW; Muon takes five times as much."""

    clip: float = 2.0
    """Largest norm of the gradient."""

    average: float = 0.998
    """Decay of the moving average of the weights, which is what is saved."""

    muon: bool = True
    """Muon on the layers' matrices; false takes AdamW for all, which costs a CPU less a step."""

    frozen_layers: int = 0
    """Lowest layers of the vision encoder that stay as they are, patches with them."""

    frozen_language: bool = False
    """The language model stays as it is."""

    half_on_cpu: bool = False
    """Compute in bfloat16 on a CPU too, as a GPU does: faster where the CPU multiplies in it."""

    keep_state: bool = True
    """Keep the optimiser's state in the run's folder, for the next leg."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step sees."""

    line_tokens: int = 36_000
    """Patches of lines; all lines of a step have similar widths."""

    tiles: int = 8
    """Page tiles."""

    crops: int = 32
    """Erase crops."""

    rewrites: int = 16
    """Rewrite pairs."""

    talks: int = 24
    """Descriptions and questions."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """The processes that draw, and the pools that hold what they drew."""

    workers: int = 13
    """Processes; 0 draws in the training process, which makes a run repeatable to the bit."""

    lines: int = 240_000
    """Lines in the pool."""

    tiles: int = 3_000
    """Tiles in the pool, 1.3 MB each at a side of 640."""

    crops: int = 8_000
    """Erase crops in the pool, 260 kB each at a side of 192; as many rewrite pairs, and talks."""

    pdf_lines: float = 0.34
    """Share of lines that come from PDFs, the rest are drawn with fonts."""

    pdf_tiles: float = 0.3
    """Share of tiles that come from PDFs."""

    pdf_crops: float = 0.12
    """Share of erase pairs that come from PDFs."""

    languages: Mapping[str, float] = field(default_factory=dict)
    """How often a language is drawn where it differs from the usual; English has 4."""

    ready: float = 0.02
    """Share of each pool that must be filled before training starts."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Weights of the losses beside the language model's, which has 1."""

    ctc: float = 0.5
    """CTC, nats a byte."""

    kernel: float = 0.5
    """Cross-entropy of the line map, the hardest points counted most."""

    dice: float = 0.5
    """Overlap of the line map."""

    em: float = 2.0
    """Error of the code of the line's em."""

    write: float = 1.0
    """Error of the painted pixels of rewrite pairs."""

    talk: float = 1.0
    """The language model's on answers and descriptions, nats a byte."""

    kept: float = 0.0
    """Difference of the line map from that of the weights that the leg starts from."""


@dataclass(frozen=True, slots=True)
class Slide:
    """Slide-LoRA: low-rank experts on the language model, which itself stays as it is."""

    gate: str = ""
    """``fixed``: by the task, as released; ``learned``: by a network, as in the paper; ``shared``: all
    experts serve all tasks alike, which is one plain adapter of the same size; empty: no experts, the
    language model itself is trained."""

    rank: int = 16
    """Of each of the three experts: images, text, both."""


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """A whole run."""

    name: str
    seed: int = 1
    start: str = "nano"
    """Where the first leg starts: weights of a run, a checkpoint's folder or name; empty: random."""

    tasks: tuple[str, ...] = _USUAL
    """What is trained: ``read``, ``locate``, ``erase``, ``write`` (other text in the style of the old),
    ``talk`` (describe a crop with text, answer questions about it)."""

    schedule: Schedule = field(default_factory=Schedule)
    optimizer: Optimizer = field(default_factory=Optimizer)
    batch: Batch = field(default_factory=Batch)
    rendering: Rendering = field(default_factory=Rendering)
    loss: Loss = field(default_factory=Loss)
    slide: Slide = field(default_factory=Slide)
    vision: VisionSpec = NANO.vision
    language: LanguageSpec = NANO.language
    tile: int = NANO.locate.tile
    """Side of a page tile in pixels."""

    crop: int = NANO.image.tile
    """Side of an erase crop in pixels."""

    unet: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the image decoder that differ from nano's."""

    @property
    def spec(self) -> ModelSpec:
        """Sizes of the model."""
        return replace(
            NANO,
            vision=self.vision,
            language=self.language,
            locate=replace(NANO.locate, tile=self.tile),
            image=replace(NANO.image, tile=self.crop),
        )


_SECTIONS = {
    "schedule": Schedule,
    "optimizer": Optimizer,
    "batch": Batch,
    "rendering": Rendering,
    "loss": Loss,
    "slide": Slide,
}


def load(
    name: str,
    *,
    steps: int | None = None,
    seconds: float | None = None,
    workers: int | None = None,
) -> TrainConfig:
    """Return the configuration of a TOML file, or of a shipped one, with options on top.

    Args:
        name: a path, or the name of a file in ``configs/`` without its suffix.
        steps: end a leg after so many steps.
        seconds: end a leg after so many seconds.
        workers: processes that draw.

    Raises:
        ConfigError: no such file, not TOML, an unknown key, a value of the wrong type or range.
    """
    path = Path(name)
    if not path.suffix and not path.exists():
        path = SHIPPED / f"{name}.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        if base := data.pop("base", ""):
            data = _over(tomllib.loads((path.parent / f"{base}.toml").read_text("utf-8")), data)
    except OSError:
        shipped = ", ".join(sorted(p.stem for p in SHIPPED.glob("*.toml")))
        raise ConfigError(
            "no such training configuration", where=name, hint=f"Shipped ones: {shipped}."
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("not a TOML file", where=str(path), why=str(error)) from error
    config = from_mapping({"name": path.stem, **data}, where=str(path))
    schedule = config.schedule
    if steps is not None:
        schedule = replace(schedule, steps=steps)
    if seconds is not None:
        schedule = replace(schedule, leg_seconds=seconds)
    rendering = config.rendering
    if workers is not None:
        rendering = replace(rendering, workers=workers)
    return _checked(replace(config, schedule=schedule, rendering=rendering), where=str(path))


def _over(base: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with another on top of it, section by section."""
    merged = dict(base)
    for key, value in data.items():
        under = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(under, Mapping)
        merged[key] = {**under, **value} if both and under is not None else value
    return merged


def from_mapping(data: Mapping[str, Any], *, where: str) -> TrainConfig:
    """Return the configuration for plain data; raise ConfigError as :func:`load` does."""
    values = dict(data)
    for section, kind in _SECTIONS.items():
        values[section] = build(kind, values.get(section, {}), where=f"{where}: {section}")
    for section, base in (("vision", NANO.vision), ("language", NANO.language)):
        merged = {**asdict(base), **values.get(section, {})}
        values[section] = build(type(base), merged, where=f"{where}: {section}")
    unknown = set(values) - {f.name for f in fields(TrainConfig)}
    if unknown:
        raise ConfigError(f"unknown key {min(unknown)!r}", where=where)
    values["tasks"] = tuple(values.get("tasks", _USUAL))
    return _checked(TrainConfig(**values), where=where)


def to_toml(config: TrainConfig) -> str:
    """Return the resolved configuration as TOML, which ``from_mapping`` reads to an equal one."""
    plain, sections = [], []
    for name, value in asdict(config).items():
        if isinstance(value, Mapping):
            # What is None is what the default is; TOML has no word for it.
            given = {key: item for key, item in value.items() if item is not None}
            body = "".join(f"{key} = {_toml(item)}\n" for key, item in given.items())
            sections.append(f"\n[{name}]\n{body}" if body else "")
        else:
            plain.append(f"{name} = {_toml(value)}\n")
    return "".join(plain + sections)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f'"{key}" = {_toml(item)}' for key, item in value.items()) + "}"
    return repr(value)


def _checked(config: TrainConfig, *, where: str) -> TrainConfig:
    wrong = ""
    if not config.tasks or set(config.tasks) - set(TASKS):
        wrong = f"tasks are some of {', '.join(TASKS)}"
    elif config.schedule.seconds <= 0 and config.schedule.steps <= 0:
        wrong = "schedule.seconds or schedule.steps must be above 0"
    elif config.rendering.workers < 0 or config.rendering.workers in (1, 2):
        wrong = "rendering.workers is 0, or at least 3: one a kind of sample"
    elif config.slide.gate not in ("", "fixed", "learned", "shared") or config.slide.rank < 1:
        wrong = "slide.gate is fixed, learned, shared or empty, slide.rank at least 1"
    elif config.tile % 32 or config.crop % 16:
        wrong = "tile is a multiple of 32, crop of 16"
    if wrong:
        raise ConfigError(wrong, where=where, hint="Correct the value.")
    return config
