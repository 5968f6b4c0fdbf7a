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
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    from .errors import ConfigError

    if pipeline.custom:
        raise ConfigError(
            "the process executor cannot send stage objects to its workers",
            hint="Register the stages by a plugin and name them in the config, or use 'serial'.",
        )
    config = pipeline.config
    pool = ProcessPoolExecutor(
        config.jobs,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start,
        initargs=(
            settings(config),
            pipeline.plugins.extra,
            str(source.path),
            source.password,
            source.info.name,
        ),
    )
    waiting: deque[tuple[int, Future[list[Page | PageFailure]]]] = deque()
    try:
        for batch in batches(config, numbers):
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


def batches(config: RunConfig, numbers: Sequence[int]) -> list[list[int]]:
    """Return the page numbers in batches of ``config.batch``, or smaller so that each worker has some."""
    size = max(1, min(config.batch, -(-len(numbers) // config.jobs)))
    return [list(numbers[i : i + size]) for i in range(0, len(numbers), size)]


def settings(config: RunConfig) -> RunConfig:
    """Return the configuration of a worker, which works alone and shares the cores with others."""
    import dataclasses

    return dataclasses.replace(config, executor="serial", threads=config.threads or 1)


class Worker:
    """A pipeline and a document in a process of its own, for executors that have several.

    Args:
        config: from :func:`settings`.
        extra: modules and files given as ``--plugin``.
        data: path of the document, or its bytes.
        password: what it is opened with.
        name: shown in results.
    """

    def __init__(
        self,
        config: RunConfig,
        extra: tuple[str, ...],
        data: str | bytes,
        password: str | None,
        name: str,
    ) -> None:
        from .pipeline import Pipeline, open
        from .plugins import Plugins

        plugins = Plugins(extra)
        self._pipeline = Pipeline(config, plugins=plugins)
        self._source = open(data, password=password, name=name, config=config, plugins=plugins)

    def work(self, numbers: list[int], keep_going: bool) -> list[Page | PageFailure]:
        """Return the pages of a batch."""
        return list(self._pipeline.work(self._source, numbers, keep_going=keep_going))


_worker: list[Worker] = []


def _start(*told: Any) -> None:
    import signal

    # Ctrl-C goes to the main process, which stops the pool.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _worker.append(Worker(*told))


def _work(numbers: list[int], keep_going: bool) -> list[Page | PageFailure]:
    return _worker[0].work(numbers, keep_going)
