"""RunConfig: everything a run can be told, from defaults, a TOML file and ``--set``.

Defaults < ``./docharmony.toml`` or ``--config FILE`` < command line. An unknown key is an error.
Options of a stage live under ``[stages.<name>]`` and are checked by the stage's own dataclass.
"""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from .errors import ConfigError

T = TypeVar("T")

DEFAULT_FILE = "docharmony.toml"
DEFAULT_ROUTES: Mapping[str, tuple[str, ...]] = {
    "digital": ("layout",),
    "scan": ("ocr", "layout"),
    "mixed": ("ocr", "layout"),
}

LONGEST = 86_400
"""The longest timeout of a page, in seconds: a day."""


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Options of checkpoints of the published anatomy; ``[engine]`` in the configuration."""

    dtype: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    """Type to compute in with torch; ``auto``: as stored, float32 for small models on a CPU."""

    adapters: str = ""
    """File of experts of Slide-LoRA that take the place of the checkpoint's (torch)."""

    cache: Literal["dynamic", "static"] = "dynamic"
    """Whether keys and values grow or lie in memory of fixed size (torch)."""

    compile: bool = False
    """Compile the model with torch on first use: minutes at first, faster after; static cache."""

    length: int = 512
    """Most tokens that are written for one image."""

    beams: int = 1
    """Texts that are followed at once; the release takes 5."""

    sample: bool = False
    """Draw words instead of taking the most likely ones; the release does."""

    penalty: float = 1.0
    """Above 1 makes words that were written less likely; the release takes 1.3."""

    seed: int = 32
    """Of drawn words."""

    image_size: int = 0
    """Side in pixels of the square that images are squashed to, a multiple of 28 for the release's
    patches; 0 takes that of the checkpoint's training, others trade detail for time."""

    grid: int = 448
    """Side of the square on which the model counts places."""

    steps: int = 0
    """Steps of drawing; 0 takes the number of the checkpoint."""

    guidance: float = 0.0
    """Weight of the prompt in drawing; 0 takes that of the checkpoint, 1 halves the work."""

    scheduler: Literal["ddpm", "dpm"] = "ddpm"
    """How drawing steps: ``ddpm`` as published, ``dpm`` (DPM-Solver++) needs fewer steps."""

    batch: int = 8
    """Images that are seen or drawn at once."""


@dataclass(frozen=True, slots=True)
class RunConfig:
    """Options of a run. Frozen; picklable; the same in every worker."""

    checkpoint: str = "nano"
    """Checkpoint of the engine: a registered name, a folder, or ``hf:org/name@revision``."""

    device: str = "auto"
    """``auto``, ``cpu``, ``cuda`` or ``cuda:N``."""

    threads: int = 0
    """Threads of the engine a worker; 0 takes one a core, or OMP_NUM_THREADS."""

    dpi: int = 200
    """Resolution at which PDF pages are rendered for reading."""

    pages: str = ""
    """Pages to work on, 1-based, e.g. ``1-3,7,10-``; empty takes all."""

    timeout: float = 60.0
    """Seconds that parsing or rendering one page may take."""

    max_memory: int = 2 << 30
    """Bytes of memory that the process which parses the input may take."""

    batch: int = 8
    """Pages that are handed to a stage at once."""

    text_layer: Literal["auto", "check", "trust", "pixels"] = "auto"
    """Whether to believe text layers: ``check`` compares what their fonts claim with what the engine
    reads, ``trust`` does not, ``pixels`` reads every page; ``auto`` checks where text is redacted or
    replaced, where an answer rests on it, and elsewhere where it does not look like words."""

    carriers: Mapping[str, str] = field(default_factory=dict)
    """What becomes of what a PDF carries besides its pages when it is redacted: ``clean``, ``remove``
    or ``keep`` by carrier, e.g. ``attachments = "keep"``. The rest follows the profile."""

    recheck: tuple[str, ...] = ()
    """Further stages that read the pixels of a redacted file before it is released, by name, e.g.
    ``ocr.tesseract``; each is a check of its own."""

    executor: str = "serial"
    """How pages are spread over workers: a registered executor."""

    jobs: int = 1
    """Number of workers for executors that have several."""

    keep_going: bool = False
    """Record a failed page and go on instead of stopping."""

    formats: tuple[str, ...] = ()
    """Formats that ``docharmony run`` writes; empty: json, or nothing but the redacted file."""

    fill: Literal["erase", "box", "label"] = "erase"
    """How ``docharmony run`` fills redacted areas."""

    routes: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(DEFAULT_ROUTES))
    """Stages of each route, in order."""

    stages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Options of each stage by its name."""

    engine: EngineConfig = field(default_factory=EngineConfig)
    """Options of checkpoints of the published anatomy, e.g. ``--set engine.steps=10``."""

    translators: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Options of each translator by its name."""

    @classmethod
    def load(cls, path: str | Path | None = None, settings: Sequence[str] = ()) -> RunConfig:
        """Return the configuration of a TOML file with ``KEY=VALUE`` settings on top.

        Args:
            path: the file; None takes ``./docharmony.toml`` where it exists.
            settings: e.g. ``["dpi=300", "stages.ocr.min_confidence=0.3"]``; values are TOML, or a
                plain string where they are not.

        Raises:
            ConfigError: no such file, not TOML, an unknown key or a value of the wrong type.
        """
        import tomllib

        data: dict[str, Any] = {}
        where = "--set"
        if path is None and Path(DEFAULT_FILE).is_file():
            path = DEFAULT_FILE
        if path is not None:
            where = str(path)
            try:
                data = tomllib.loads(Path(path).read_text(encoding="utf-8"))
            except FileNotFoundError:
                raise ConfigError(
                    "no such configuration file", where=where, hint="Check the path."
                ) from None
            except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
                raise ConfigError(
                    "cannot read the configuration",
                    where=where,
                    why=str(error),
                    hint="It must be a TOML file in UTF-8.",
                ) from error
        for setting in settings:
            _set(data, setting)
        return cls.from_mapping(data, where=where)

    @classmethod
    def from_mapping(cls, data: Mapping[str, Any], *, where: str = "config") -> RunConfig:
        """Return the configuration for plain data; raise ConfigError as :meth:`load` does."""
        data = dict(data)
        for name in ("stages", "translators"):
            if isinstance(data.get(name), Mapping):
                data[name] = _flatten(data[name])
        if isinstance(data.get("routes"), Mapping):
            routes = dict(DEFAULT_ROUTES)
            for name, stages in data["routes"].items():
                if not isinstance(stages, list | tuple) or not all(
                    isinstance(s, str) for s in stages
                ):
                    raise ConfigError(
                        f"route {name!r} is not a list of stage names",
                        where=where,
                        hint='Write it like: scan = ["ocr", "layout"]',
                    )
                routes[name] = tuple(stages)
            data["routes"] = routes
        config = build(cls, data, where=where)
        if min(config.jobs, config.batch, config.max_memory) < 1:
            raise ConfigError(
                "jobs, batch and max_memory must be above 0",
                where=where,
                hint="Correct the value.",
            )
        if not 0 < config.timeout <= LONGEST:  # nan is in no range
            raise ConfigError(
                "timeout is out of range",
                where=where,
                why=f"{config.timeout} is not above 0 and at most {LONGEST}",
                hint="Seconds a page; 60 suits most, 600 a slow machine.",
            )
        engine = config.engine
        free = min(engine.steps, engine.image_size)  # 0 takes the checkpoint's
        if min(engine.length, engine.beams, engine.grid, engine.batch) < 1 or free < 0:
            raise ConfigError(
                "engine.length, beams, grid and batch must be above 0, steps and image_size not below",
                where=where,
                hint="Correct the value.",
            )
        if not 18 <= config.dpi <= 1200:
            raise ConfigError(
                "dpi is out of range",
                where=where,
                why=f"{config.dpi} is not in 18-1200",
                hint="200 suits most scans; 300 small print.",
            )
        return config

    def with_stage(self, name: str, **options: Any) -> RunConfig:
        """Return a copy in which these options of a stage are set."""
        merged = {**self.stages.get(name, {}), **options}
        return dataclasses.replace(self, stages={**self.stages, name: merged})


def build(cls: type[T], data: Mapping[str, Any], *, where: str) -> T:
    """Return the dataclass ``cls`` filled from plain data, with types checked.

    Raises:
        ConfigError: an unknown key (with near ones), or a value that does not fit its type.
    """
    hints = typing.get_type_hints(cls)
    known = {f.name for f in dataclasses.fields(typing.cast(Any, cls)) if f.init}
    values: dict[str, Any] = {}
    for key, value in data.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            raise ConfigError(
                f"unknown key {key!r}",
                where=where,
                hint=f"Did you mean {near[0]!r}?"
                if near
                else f"Known keys: {', '.join(sorted(known)) or 'none'}.",
            )
        values[key] = _convert(value, hints[key], f"{where}: {key}")
    return cls(**values)


def _convert(value: Any, hint: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
        return build(typing.cast(Any, hint), value, where=where)
    if hint is Any or (origin is not None and issubclass_safe(origin, Mapping)):
        if hint is Any or isinstance(value, Mapping):
            return value
    elif origin in (types.UnionType, typing.Union):
        for option in arguments:
            try:
                return _convert(value, option, where)
            except ConfigError:
                continue
    elif origin is typing.Literal:
        if value in arguments:
            return value
        raise ConfigError(
            f"{value!r} is not allowed",
            where=where,
            hint=f"Choose one of: {', '.join(map(str, arguments))}.",
        )
    elif origin is tuple:
        items = [value] if isinstance(value, str) else value
        if isinstance(items, list | tuple):
            if len(arguments) == 2 and arguments[1] is Ellipsis:
                return tuple(_convert(item, arguments[0], where) for item in items)
            if len(arguments) == len(items):
                return tuple(_convert(i, a, where) for i, a in zip(items, arguments, strict=True))
    elif hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    elif hint is type(None):
        if value is None:
            return None
    elif isinstance(hint, type) and type(value) is hint:
        return value
    raise ConfigError(
        f"wrong type of value ({_in_words(type(value))})",
        where=where,
        hint=f"It must be {_in_words(hint)}.",
    )


def _in_words(hint: Any) -> str:
    """Return what people who write TOML call a type.

    >>> _in_words(tuple[str, ...]), _in_words(int | None)
    ('a list of texts', 'a whole number')
    """
    origin = typing.get_origin(hint) or hint
    arguments = [a for a in typing.get_args(hint) if a not in (type(None), Ellipsis)]
    if origin in (types.UnionType, typing.Union):
        return " or ".join(dict.fromkeys(map(_in_words, arguments)))
    if origin in (tuple, list):
        each = {_in_words(a).partition(" ")[2] for a in arguments}
        return f"a list of {each.pop()}s" if len(each) == 1 else "a list"
    if dataclasses.is_dataclass(hint) or issubclass_safe(origin, Mapping):
        return "a table"
    plain = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}
    return plain.get(origin, getattr(origin, "__name__", str(origin)))


def issubclass_safe(cls: Any, parent: type) -> bool:
    """Return issubclass(cls, parent), False where cls is no class."""
    return isinstance(cls, type) and issubclass(cls, parent)


def _flatten(stages: Mapping[str, Any], prefix: str = "") -> dict[str, dict[str, Any]]:
    """Turn nested tables into dotted stage names: an option of a stage is never a table."""
    flat: dict[str, dict[str, Any]] = {}
    for name, value in stages.items():
        if isinstance(value, Mapping):
            flat.update(_flatten(value, f"{prefix}{name}."))
        else:
            flat.setdefault(prefix.rstrip("."), {})[name] = value
    return flat


def _set(data: dict[str, Any], setting: str) -> None:
    import tomllib

    key, equals, text = setting.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise ConfigError(
            "--set needs KEY=VALUE",
            where=setting.partition("=")[0],
            hint="For example: --set stages.ocr.dpi=300",
        )
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    table = data
    for part in parts[:-1]:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise ConfigError("--set goes below a value", where=key, hint="Check the key.")
    table[parts[-1]] = value


def page_numbers(pages: str, count: int) -> list[int]:
    """Return the 1-based page numbers of a range list such as ``1-3,7,10-``, sorted, without doubles.

    >>> page_numbers("1-3,7,9-", 10)
    [1, 2, 3, 7, 9, 10]

    Raises:
        ConfigError: not a range list, or a page that the document does not have.
    """
    if not pages.strip():
        return list(range(1, count + 1))
    chosen: set[int] = set()
    for part in pages.split(","):
        first, dash, last = part.strip().partition("-")
        try:
            low = int(first) if first else 1
            high = (int(last) if last else count) if dash else low
        except ValueError:
            low, high = 0, 0
        if not part.strip() or part.strip() == "-" or low < 1 or high < low:
            raise ConfigError(
                "cannot understand the pages",
                where=f"--pages {pages}",
                hint="Write them like: --pages 1-3,7,10-",
            )
        if high > count:
            raise ConfigError(
                "no such page",
                where=f"--pages {pages}",
                why=f"the document has {count}",
                hint=f"Choose pages from 1 to {count}.",
            )
        chosen.update(range(low, high + 1))
    return sorted(chosen)
