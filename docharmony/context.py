"""RunContext: what a stage may use, made once a worker and pointed at one source after another."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .config import RunConfig, build
from .model import Page
from .stage import Glyph, Graphics, Span

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from .checkpoint import Manifest
    from .detect.base import Detector
    from .engine.base import Embedder, Engine
    from .io.base import Source
    from .plugins import Plugins
    from .translators.base import Translator


class RunContext:
    """Implements :class:`docharmony.Context`. Holds the engine, so it never leaves its process.

    Args:
        config: options of the run.
        plugins: registered names; the checkpoint is looked up there.
        engine: a ready engine; None loads the one of ``config.checkpoint`` on first use.
    """

    def __init__(self, config: RunConfig, plugins: Plugins, engine: Engine | None = None) -> None:
        self.config = config
        self.plugins = plugins
        self.source: Source | None = None
        self._engine = engine
        self._store: dict[str, Any] = {}
        self._detectors: dict[str, Detector] = {}
        self._embedders: dict[str, Embedder] = {}
        self._manifest: Manifest | None = None
        self._translators: dict[str, Translator] = {}
        self._log = logging.getLogger("docharmony.run")

    @property
    def engine(self) -> Engine:
        """The engine, loaded on first use and kept for all later documents."""
        if self._engine is None:
            self._engine = load_engine(self.config, self.plugins)
        return self._engine

    @property
    def abilities(self) -> frozenset[str]:
        """What the manifest of the checkpoint says that it can do."""
        return frozenset(self._read_manifest().abilities)

    @property
    def checkpoint(self) -> str:
        """The name in the manifest of the checkpoint."""
        return self._read_manifest().name

    def _read_manifest(self) -> Manifest:
        if self._manifest is None:
            from .checkpoint import load_manifest

            self._manifest = load_manifest(find_checkpoint(self.config, self.plugins))
        return self._manifest

    def embedder(self, name: str) -> Embedder:
        """Return a registered embedder, made on first use and kept."""
        if name not in self._embedders:
            self._embedders[name] = self.plugins.embedders.get(name)()
        return self._embedders[name]

    @property
    def log(self) -> logging.Logger:
        """Logger of the run."""
        return self._log

    @property
    def store(self) -> dict[str, Any]:
        """Stages' own caches."""
        return self._store

    def raster(self, page: Page, dpi: int | None = None) -> npt.NDArray[np.uint8]:
        """Render the page as displayed, (height, width, 3) RGB."""
        return self._opened.raster(page.number, page.dpi if dpi is None else dpi)

    def graphics(self, page: Page) -> Graphics:
        """Return drawn rules and boxes of the page."""
        return self._opened.graphics(page.number)

    def glyphs(self, page: Page) -> tuple[Glyph, ...]:
        """Return the characters of the text layer with their boxes."""
        return self._opened.glyphs(page.number)

    def spans(self, page: Page) -> tuple[Span, ...]:
        """Return the text layer in runs of one style."""
        return self._opened.spans(page.number)

    def detectors(self, kinds: Sequence[str]) -> Mapping[str, Detector]:
        """Return the detectors of these kinds of private data, made on first use and kept."""
        registry = self.plugins.detectors
        names = registry.names() if "all" in kinds else list(dict.fromkeys(kinds))
        for name in names:
            if name not in self._detectors:
                target = registry.get(name)
                self._detectors[name] = target() if isinstance(target, type) else target
        return {name: self._detectors[name] for name in names}

    def translator(self, name: str) -> Translator:
        """Return the translator of this name, made on first use and kept."""
        if name not in self._translators:
            cls: type[Translator] = self.plugins.translators.get(name)
            options = self.config.translators.get(name, {})
            self._translators[name] = cls(build(cls.Config, options, where=f"translators.{name}"))
        return self._translators[name]

    @property
    def _opened(self) -> Source:
        if self.source is None:
            raise RuntimeError("the context has no source: stages run inside a pipeline")
        return self.source


def find_checkpoint(config: RunConfig, plugins: Plugins) -> Path:
    """Return the folder of ``config.checkpoint``; errors as in :func:`load_engine`."""
    from . import checkpoint

    return checkpoint.find(config.checkpoint, _registered(plugins))


def check_checkpoint(config: RunConfig, plugins: Plugins) -> None:
    """Raise CheckpointError for a ``config.checkpoint`` that can be none, though no page may need it."""
    from . import checkpoint

    checkpoint.check_name(config.checkpoint, _registered(plugins))


def _registered(plugins: Plugins) -> dict[str, Any]:
    return {entry.name: entry.target for entry in plugins.checkpoints}


def load_engine(config: RunConfig, plugins: Plugins) -> Engine:
    """Load the engine of ``config.checkpoint`` on ``config.device``.

    Raises:
        CheckpointError: no such checkpoint, or its files are damaged.
        EngineError: the device is not there.
        MissingExtraError: an ``hf:`` name without the extra ``hub``, or weights that need torch
            without the extra ``torch``.
    """
    from .engine.opening import open_engine

    return open_engine(
        find_checkpoint(config, plugins),
        device=config.device,
        threads=config.threads or None,
        config=config.engine,
    )
