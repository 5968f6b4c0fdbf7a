"""Executors: how the pages of a source are spread over workers.

An executor is a function ``(pipeline, source, numbers, *, keep_going) -> Iterator[Page | PageFailure]``
that yields the pages in the order of ``numbers``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .model import Page, PageFailure

if TYPE_CHECKING:
    from concurrent.futures import Future

    from .config import RunConfig
    from .io.base import Source
    from .pipeline import Pipeline


def serial(
    pipeline: Pipeline, source: Source, numbers: Sequence[int], *, keep_going: bool
) -> Iterator[Page | PageFailure]:
    """Yield the pages, worked on in this process."""
    return pipeline.work(source, numbers, keep_going=keep_going)


def process(
    pipeline: Pipeline, source: Source, numbers: Sequence[int], *, keep_going: bool
) -> Iterator[Page | PageFailure]:
    """Yield the pages, worked on by ``config.jobs`` processes, each with its own engine.

    At most two batches a worker are under way, so memory stays flat. The pipeline must come from a
    configuration: stage objects made in code do not travel. As with :mod:`multiprocessing`, a script
    that uses this needs ``if __name__ == "__main__":``.
    """
    import dataclasses
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    from .errors import ConfigError

    if pipeline.custom:
        raise ConfigError(
            "the process executor cannot send stage objects to its workers",
            hint="Register the stages by a plugin and name them in the config, or use 'serial'.",
        )
    config = pipeline.config
    size = max(1, min(config.batch, -(-len(numbers) // config.jobs)))
    batches = [list(numbers[i : i + size]) for i in range(0, len(numbers), size)]
    if not config.threads:
        # Workers share the cores: one thread each unless the user says otherwise.
        config = dataclasses.replace(config, threads=1)
    pool = ProcessPoolExecutor(
        config.jobs,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start,
        initargs=(
            dataclasses.replace(config, executor="serial"),
            pipeline.plugins.extra,
            str(source.path),
            source.password,
            source.info.name,
        ),
    )
    waiting: deque[tuple[int, Future[list[Page | PageFailure]]]] = deque()
    try:
        for batch in batches:
            waiting.append((batch[0], pool.submit(_work, batch, keep_going)))
            if len(waiting) >= 2 * config.jobs:
                yield from _result(*waiting.popleft())
        while waiting:
            yield from _result(*waiting.popleft())
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _result(page: int, future: Future[list[Page | PageFailure]]) -> list[Page | PageFailure]:
    from concurrent.futures import BrokenExecutor

    from .errors import StageError

    try:
        return future.result()
    except BrokenExecutor as error:
        raise StageError(
            "a worker process died",
            page=page,
            stage="executor",
            why="it crashed, or the system stopped it for lack of memory",
            hint="Use fewer --jobs, or --executor serial to see which page it is.",
        ) from error


_worker: dict[str, Any] = {}


def _start(
    config: RunConfig, extra: tuple[str, ...], path: str, password: str | None, name: str
) -> None:
    import signal

    from .pipeline import Pipeline, open
    from .plugins import Plugins

    # Ctrl-C goes to the main process, which stops the pool.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    plugins = Plugins(extra)
    _worker["pipeline"] = Pipeline(config, plugins=plugins)
    _worker["source"] = open(path, password=password, name=name, config=config, plugins=plugins)


def _work(numbers: list[int], keep_going: bool) -> list[Page | PageFailure]:
    pipeline: Pipeline = _worker["pipeline"]
    return list(pipeline.work(_worker["source"], numbers, keep_going=keep_going))
