"""Pipeline: route each page through its stages, in batches, and turn what fails into data."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, BinaryIO

from .config import RunConfig, build, page_numbers
from .context import RunContext, check_checkpoint
from .errors import (
    BrokenError,
    CheckpointError,
    ConfigError,
    DocharmonyError,
    EngineError,
    InputError,
    MissingExtraError,
    PluginError,
    StageError,
    UsageError,
)
from .letters import Letters
from .model import Document, Page, PageFailure
from .plugins import Plugins
from .routing import implausible
from .stage import Stage

if TYPE_CHECKING:
    from .engine.base import Engine
    from .io.base import Reader, Source
    from .io.limits import Limits

Item = Page | PageFailure

# Failures of the machinery, not of a page: every other page would fail in the same way.
_FATAL = (CheckpointError, EngineError, MissingExtraError, PluginError, UsageError, ConfigError)

# What a freshly read page has, by route; a route of another name may have a text layer.
_READ: Mapping[str, frozenset[str]] = {"scan": frozenset()}
_READ_DEFAULT = frozenset({"lines"})


class Pipeline:
    """All routes with their stages, ready to run. Reuse one for many documents: it keeps the engine.

    Args:
        config: options; None takes the defaults.
        plugins: registered names; None loads the installed ones.
        routes: stage objects by route, to build a pipeline in code; None builds the stages that
            ``config.routes`` names.
        engine: a ready engine; None loads ``config.checkpoint`` when a stage first asks for it.

    Raises:
        ConfigError: an unknown option, or a stage that needs what no stage before it provides.
        UsageError: a stage name that nobody registered.
        CheckpointError: ``config.checkpoint`` names none; weights are not looked at yet.
    """

    def __init__(
        self,
        config: RunConfig | None = None,
        *,
        plugins: Plugins | None = None,
        routes: Mapping[str, Sequence[Stage]] | None = None,
        engine: Engine | None = None,
    ) -> None:
        self.config = config or RunConfig()
        self.plugins = plugins or Plugins()
        if engine is None:
            check_checkpoint(self.config, self.plugins)
        self.context = RunContext(self.config, self.plugins, engine)
        self.custom = routes is not None
        self.routes = _build(self.config, self.plugins) if routes is None else dict(routes)
        for name, stages in self.routes.items():
            _check_order(name, stages)
        self.letters = Letters(lambda crops: self.context.engine.read(crops))

    def pages(
        self,
        source: Source,
        numbers: Sequence[int] | None = None,
        *,
        keep_going: bool | None = None,
    ) -> Iterator[Item]:
        """Yield each page of an open source as soon as its batch is done, in page order.

        Args:
            source: from :func:`open`.
            numbers: 1-based page numbers; None takes ``config.pages``.
            keep_going: yield a PageFailure for a page that fails and go on; None takes the config.

        Raises:
            StageError: a stage failed and ``keep_going`` is off; the cause is chained.
            InputError: a page cannot be read and ``keep_going`` is off.
            CheckpointError, EngineError, MissingExtraError, PluginError: always.
        """
        if numbers is None:
            numbers = page_numbers(self.config.pages, source.info.page_count)
        going = self.config.keep_going if keep_going is None else keep_going
        run = self.plugins.executors.get(self.config.executor)
        started = perf_counter()
        for item in run(self, source, numbers, keep_going=going):
            now = perf_counter()
            if isinstance(item, Page):
                self.plugins.hook.page_finished(page=item, seconds=now - started)
            else:
                self.plugins.hook.page_failed(failure=item)
            started = now
            yield item

    def run(
        self,
        source: Source,
        numbers: Sequence[int] | None = None,
        *,
        keep_going: bool | None = None,
    ) -> Document:
        """Return the whole document; arguments and errors as in :meth:`pages`."""
        items = list(self.pages(source, numbers, keep_going=keep_going))
        return Document(
            source.info,
            tuple(item for item in items if isinstance(item, Page)),
            tuple(item for item in items if isinstance(item, PageFailure)),
        )

    def work(self, source: Source, numbers: Sequence[int], *, keep_going: bool) -> Iterator[Item]:
        """Yield the pages processed in this process; executors call it, users call :meth:`pages`."""
        self.context.source = source
        batch: list[Item] = []
        for item in source.pages(numbers):
            if isinstance(item, PageFailure) and not keep_going:
                source.page(item.page)  # raises the very error
                raise BrokenError(
                    "cannot read the page",
                    where=f"{source.info.name}, page {item.page}",
                    why=item.error,
                    hint="Leave it out with --pages, or go on with --keep-going.",
                )
            batch.append(item)
            if len(batch) >= self.config.batch:
                yield from self._batch(batch, keep_going)
                batch = []
        yield from self._batch(batch, keep_going)

    def _batch(self, items: Sequence[Item], keep_going: bool) -> list[Item]:
        done: list[Item] = list(items)
        by_route: dict[str, list[int]] = {}
        for index, item in enumerate(items):
            if isinstance(item, Page):
                try:
                    page = self._checked(item)
                except InputError as error:
                    if not keep_going:
                        raise
                    done[index] = PageFailure(item.number, "read", str(error))
                    continue
                page = page.provide(route=self._route(page))
                done[index] = page
                by_route.setdefault(page.route, []).append(index)
        for route, indices in by_route.items():
            for stage in self.routes[route]:
                left = [i for i in indices if isinstance(done[i], Page)]
                results = self._apply(stage, [done[i] for i in left], keep_going)  # type: ignore[misc]
                for index, result in zip(left, results, strict=True):
                    done[index] = result
        return done

    def _checked(self, page: Page) -> Page:
        """Return a page as read, with the lines marked that are not what they seem."""
        how, source = self.config.text_layer, self.context.source
        if page.unit != "pt" or not page.lines or source is None or how == "trust":
            return page
        if how == "pixels":
            return replace(page, lines=tuple(replace(x, trusted=False) for x in page.lines))
        edits = self._provides("edits")
        if edits:
            page = replace(page, drawn=source.writing(page.number))
        if how == "check" or edits or self._provides("answers") or implausible(page):
            return self.letters.mark(source, page, strict=self.redacts)
        return page

    def checking(self) -> Pipeline:
        """Return the same pipeline, engine and all, that checks every font of a text layer."""
        twin = copy.copy(self)
        twin.config = replace(self.config, text_layer="check")
        return twin

    @property
    def redacts(self) -> bool:
        """Whether any route looks for what is to be removed, so that nobody reads it."""
        stages = [stage for own in self.routes.values() for stage in own]
        return any("edits" in stage.provides and not stage.rewrites for stage in stages)

    @property
    def believes(self) -> bool:
        """Whether text layers that look like words are taken for what the pages show."""
        return self.config.text_layer == "auto" and not (
            self._provides("edits") or self._provides("answers")
        )

    def _provides(self, what: str) -> bool:
        return any(what in stage.provides for own in self.routes.values() for stage in own)

    def _route(self, page: Page) -> str:
        route = self.plugins.hook.route_page(page=page, config=self.config)
        if route not in self.routes:
            raise ConfigError(
                f"page {page.number} takes the route {route!r}, which does not exist",
                hint=f"Add it below [routes]; known: {', '.join(sorted(self.routes))}.",
            )
        return str(route)

    def _apply(self, stage: Stage, pages: Sequence[Page], keep_going: bool) -> list[Item]:
        try:
            results = list(stage.process_batch(pages, self.context))
            if len(results) == len(pages):
                return list(results)
        except _FATAL:
            raise
        except Exception:
            if len(pages) == 1 and not keep_going:
                self._fail(stage, pages[0], keep_going=False)
        return [self._one(stage, page, keep_going) for page in pages]

    def _one(self, stage: Stage, page: Page, keep_going: bool) -> Item:
        try:
            return stage.process(page, self.context)
        except _FATAL:
            raise
        except Exception:
            return self._fail(stage, page, keep_going=keep_going)

    def _fail(self, stage: Stage, page: Page, *, keep_going: bool) -> PageFailure:
        """Turn the exception being handled into a failure, or raise it as a StageError."""
        import sys

        error = sys.exception() or RuntimeError("unknown")
        if isinstance(error, ModuleNotFoundError):
            raise MissingExtraError(
                f"the stage {stage.name!r} needs a package that is not installed",
                where=error.name or "unknown",
                hint=f"pip install {error.name}" if error.name else "Install the package anew.",
            ) from error
        # The text of a foreign exception may quote the document: only its class goes out.
        why = str(error) if isinstance(error, DocharmonyError) else type(error).__name__
        if keep_going:
            return PageFailure(page.number, stage.name, why)
        if isinstance(error, InputError | StageError):
            raise error
        raise StageError(
            "a stage failed",
            page=page.number,
            stage=stage.name,
            why=why,
            hint="Try it with -v for the place, and report it."
            if self._provides("edits")
            else "Try it with -v for the place, --keep-going to go on, or --pages to leave it out.",
        ) from error


def _build(config: RunConfig, plugins: Plugins) -> dict[str, list[Stage]]:
    made: dict[str, Stage] = {}
    for names in config.routes.values():
        for name in names:
            if name not in made:
                cls: type[Stage] = plugins.stages.get(name)
                options = build(cls.Config, config.stages.get(name, {}), where=f"stages.{name}")
                made[name] = cls(options)
    for name in config.stages:
        plugins.stages.entry(name)
    for name in config.translators:
        plugins.translators.entry(name)
    return {route: [made[name] for name in names] for route, names in config.routes.items()}


def _check_order(route: str, stages: Sequence[Stage]) -> None:
    has = _READ.get(route, _READ_DEFAULT)
    for stage in stages:
        missing = stage.requires - has
        if missing:
            raise ConfigError(
                f"stage {stage.name!r} of route {route!r} needs {', '.join(sorted(missing))}",
                why="no stage before it provides that",
                hint="Put a stage that provides it in front, e.g. "
                f"{route} = {_suggestion(stages, stage)}.",
            )
        has = has | stage.provides


def _suggestion(stages: Sequence[Stage], before: Stage) -> list[str]:
    """Return the names of a route in which the built-in stages provide what one of its stages needs."""
    names = [stage.name for stage in stages]
    at = names.index(before.name)
    wanted = [
        name
        for needed, name in (("lines", "ocr"), ("blocks", "layout"))
        if needed in before.requires and name not in names
    ]
    return [*names[:at], *wanted, *names[at:]]


def limits_of(config: RunConfig) -> Limits:
    """Return the limits that a configuration sets for the parsing child."""
    from .io.limits import Limits

    return Limits(timeout_s=config.timeout, max_memory=config.max_memory)


@contextmanager
def opened(
    source: Source | str | os.PathLike[str], pipeline: Pipeline, password: str | None = None
) -> Iterator[Source]:
    """Yield an open source; one that was given open stays open."""
    if isinstance(source, str | os.PathLike):
        with open(
            source, password=password, config=pipeline.config, plugins=pipeline.plugins
        ) as fresh:
            yield fresh
    else:
        yield source


def open(
    data: str | os.PathLike[str] | bytes | BinaryIO,
    *,
    password: str | None = None,
    name: str | None = None,
    config: RunConfig | None = None,
    plugins: Plugins | None = None,
) -> Source:
    """Open a PDF or an image: a path, bytes or a binary stream. Use it as a context manager.

    Args:
        data: what to open; it is never altered.
        password: for encrypted PDFs.
        name: name shown in results; default: that of the file.
        config: limits and dpi are taken from here.
        plugins: readers are looked up here; default: the installed ones.

    Raises:
        InputError: encrypted, unsupported, broken or over a limit; no such file.
    """
    from .io.source import open_source

    config = config or RunConfig()
    registered = (plugins or Plugins()).readers

    def reader(media_type: str) -> Reader:
        if media_type not in registered:
            raise KeyError(media_type)
        found: Reader = registered.get(media_type)
        return found

    return open_source(
        data,
        password=password,
        name=name,
        dpi=config.dpi,
        limits=limits_of(config),
        readers=reader,
    )


def write(
    document: Document | Iterable[Item],
    out: str | os.PathLike[str] | BinaryIO,
    *,
    source: Source,
    format: str | None = None,
    plugins: Plugins | None = None,
) -> None:
    """Write a document, or pages as a pipeline yields them, in any registered format.

    Args:
        document: a Document, or the iterator of :meth:`Pipeline.pages` (memory stays flat then).
        out: a path, written whole or not at all, or a binary stream.
        source: the source that the pages come from.
        format: a registered format; None goes by the ending of the path.
        plugins: formats are looked up here; None takes the installed ones.

    Raises:
        UsageError: unknown format.
        OutputError: the file cannot be written.
    """
    from .io.output import atomic

    plugins = plugins or Plugins()
    if format is None:
        suffix = "" if not isinstance(out, str | os.PathLike) else Path(out).suffix
        format = _format_of(suffix, plugins)
    writer = plugins.writers.get(format)()
    items: Iterable[Item] = (
        (*document.pages, *document.failures) if isinstance(document, Document) else document
    )
    if isinstance(out, str | os.PathLike):
        with atomic(Path(out)) as stream:
            writer.write(source, items, stream)
    else:
        writer.write(source, items, out)


def _format_of(suffix: str, plugins: Plugins) -> str:
    for entry in plugins.writers:
        if entry.load().extension == suffix:
            return entry.name
    raise UsageError(
        f"cannot tell the format from {suffix!r}" if suffix else "the output needs a format",
        hint=f"Name one: {', '.join(plugins.writers.names())}.",
    )
