"""The plugin manager: docharmony's own registrations, entry points, and ``--plugin`` modules or files."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from . import hookspecs
from .errors import DocharmonyError, PluginError
from .registry import Entry, Registry

ENTRY_POINT_GROUP = "docharmony"
ALLOW_LIST = "DOCHARMONY_PLUGINS"

_KINDS = {
    "register_stages": "stage",
    "register_checkpoints": "checkpoint",
    "register_detectors": "detector",
    "register_embedders": "embedder",
    "register_translators": "translator",
    "register_executors": "executor",
    "register_readers": "reader",
    "register_writers": "writer",
}


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """A loaded plugin: its name, the distribution and version it came from, and its module or file."""

    name: str
    distribution: str
    version: str
    location: str


class Plugins:
    """Everything that plugins have registered. Making one imports plugin modules, nothing heavy.

    Args:
        extra: module names or paths of ``.py`` files to load besides entry points.
        allow: names of entry points that may be loaded; None reads DOCHARMONY_PLUGINS (a comma list;
            set and empty = none; unset = all). Filtered before import.

    Raises:
        PluginError: a plugin cannot be imported, or two claim one name.
    """

    def __init__(self, extra: Sequence[str] = (), *, allow: Sequence[str] | None = None) -> None:
        self.extra = tuple(extra)
        self.manager = pluggy.PluginManager(hookspecs.PROJECT)
        self.manager.add_hookspecs(hookspecs)
        self.infos: list[PluginInfo] = []
        self._by_plugin: dict[str, PluginInfo] = {}
        self.stages = Registry("stage")
        self.checkpoints = Registry("checkpoint")
        self.detectors = Registry("detector")
        self.embedders = Registry("embedder")
        self.translators = Registry("translator")
        self.executors = Registry("executor")
        self.readers = Registry("reader")
        self.writers = Registry("writer")

        from . import __version__, builtin

        self._register(builtin, PluginInfo("builtin", "docharmony", __version__, builtin.__name__))
        self._load_entry_points(_allow_list() if allow is None else set(allow))
        for name in self.extra:
            module = _load_file(Path(name)) if name.endswith(".py") else _load_module(name)
            self._register(module, PluginInfo(name, module.__name__, "", module.__file__ or name))
        self._collect()

    @property
    def hook(self) -> Any:
        """Call hooks by name: ``plugins.hook.route_page(page=…, config=…)``."""
        return self.manager.hook

    @property
    def registries(self) -> tuple[Registry, ...]:
        """All registries."""
        return (
            self.stages,
            self.checkpoints,
            self.detectors,
            self.embedders,
            self.translators,
            self.executors,
            self.readers,
            self.writers,
        )

    def observe(self, observer: object) -> None:
        """Register an object whose ``hookimpl`` methods observe pages."""
        self.manager.register(observer)

    def _load_entry_points(self, allow: set[str] | None) -> None:
        if allow is not None and not allow:
            return
        from importlib.metadata import entry_points

        for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda p: p.name):
            distribution = point.dist.name if point.dist else "unknown"
            if allow is not None and point.name not in allow and distribution not in allow:
                continue
            try:
                module = point.load()
            except Exception as error:
                raise PluginError(
                    f"cannot load plugin {point.name!r}",
                    where=f"{point.value}, from {distribution}",
                    why=f"{type(error).__name__}: {error}",
                    hint=f"Mend or uninstall {distribution}, or leave it out of {ALLOW_LIST}.",
                ) from error
            version = point.dist.version if point.dist else ""
            self._register(module, PluginInfo(point.name, distribution, version, point.value))

    def _register(self, module: Any, info: PluginInfo) -> None:
        if self.manager.is_registered(module):
            return  # named with --plugin, and installed as well
        try:
            self.manager.register(module, name=info.name)
            self.manager.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            raise PluginError(
                f"plugin {info.name!r} does not fit",
                where=info.location,
                why=str(error),
                hint="Compare its hooks with docharmony/hookspecs.py.",
            ) from error
        self.infos.append(info)
        self._by_plugin[info.name] = info

    def _collect(self) -> None:
        for registry, (hook_name, kind) in zip(self.registries, _KINDS.items(), strict=True):
            for impl in getattr(self.hook, hook_name).get_hookimpls():
                info = self._by_plugin[impl.plugin_name]

                def register(
                    name: str,
                    target: Any,
                    summary: str = "",
                    registry: Registry = registry,
                    kind: str = kind,
                    info: PluginInfo = info,
                ) -> None:
                    registry.add(
                        Entry(kind, name, target, summary, info.distribution, info.version)
                    )

                self._call(impl, info, register=register)

    def add_commands(self, subparsers: Any) -> None:
        """Let every plugin add its commands."""
        for impl in self.hook.register_commands.get_hookimpls():
            self._call(impl, self._by_plugin[impl.plugin_name], subparsers=subparsers)

    def _call(self, impl: Any, info: PluginInfo, **arguments: Any) -> None:
        try:
            impl.function(*[arguments[name] for name in impl.argnames])
        except DocharmonyError:
            raise
        except Exception as error:
            raise PluginError(
                f"plugin {info.name!r} failed in {impl.function.__name__}",
                where=info.location,
                why=f"{type(error).__name__}: {error}",
                hint=f"Mend or uninstall {info.distribution}, or leave it out of {ALLOW_LIST}.",
            ) from error


def _allow_list() -> set[str] | None:
    value = os.environ.get(ALLOW_LIST)
    if value is None:
        return None
    return {name.strip() for name in value.split(",") if name.strip()}


def _load_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"docharmony_plugin_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise PluginError(
            "cannot load plugin file",
            where=str(path),
            why="no such file",
            hint="Give the path of a Python file.",
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise _import_failed(str(path), error) from error
    return module


def _load_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise _import_failed(name, error) from error


def _import_failed(name: str, error: Exception) -> PluginError:
    return PluginError(
        "cannot load plugin",
        where=name,
        why=f"{type(error).__name__}: {error}",
        hint="Run it with `python` alone to see the whole error.",
    )
