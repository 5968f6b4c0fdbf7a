"""The executor ``ray``: batches of pages over actors, each with its own engine."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from docharmony import ConfigError, MissingExtraError, Page, PageFailure, Pipeline, StageError
from docharmony.executors import Worker, batches, settings
from docharmony.io.base import Source

Items = list[Page | PageFailure]


def spread(
    pipeline: Pipeline, source: Source, numbers: Sequence[int], *, keep_going: bool
) -> Iterator[Page | PageFailure]:
    """Yield the pages in order, worked on by ``config.jobs`` actors of one CPU each.

    Raises:
        ConfigError: the pipeline was made of stage objects, or there is no such cluster.
        MissingExtraError: Ray is not installed.
        StageError: as in the serial executor, or an actor died.
    """
    if pipeline.custom:
        raise ConfigError(
            "the ray executor cannot send stage objects to its workers",
            hint="Register the stages by a plugin and name them in the config, or use 'serial'.",
        )
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError(
            "the executor 'ray' needs Ray", where="ray", hint="pip install ray"
        ) from error

    config = pipeline.config
    with _cluster(ray, config.jobs) as local:
        # Workers of this machine read the file itself; others get its bytes, once a machine.
        data: Any = str(source.path) if local else ray.put(source.path.read_bytes())
        make = ray.remote(num_cpus=1)(Worker).remote
        told = (settings(config), pipeline.plugins.extra)
        actors = [make(*told, data, source.password, source.info.name) for _ in range(config.jobs)]
        waiting: deque[tuple[int, Any]] = deque()
        try:
            for turn, batch in enumerate(batches(config, numbers)):
                task = actors[turn % len(actors)].work.remote(batch, keep_going)
                waiting.append((batch[0], task))
                if len(waiting) >= 2 * len(actors):
                    yield from _result(ray, *waiting.popleft())
            while waiting:
                yield from _result(ray, *waiting.popleft())
        finally:
            for actor in actors:
                ray.kill(actor)


@contextmanager
def _cluster(ray: Any, jobs: int) -> Iterator[bool]:
    """Be connected to a cluster; yields whether it is one of this run alone."""
    if ray.is_initialized():
        yield False
        return
    address = os.environ.get("RAY_ADDRESS")
    try:
        if address:
            ray.init(address, log_to_driver=False, configure_logging=False)
        else:
            ray.init(
                num_cpus=jobs,
                include_dashboard=False,
                log_to_driver=False,
                configure_logging=False,
            )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ConfigError(
            "cannot start or reach Ray",
            where=f"RAY_ADDRESS={address}" if address else "this machine",
            why=type(error).__name__,
            hint="Check RAY_ADDRESS, or use --executor process.",
        ) from error
    try:
        yield not address
    finally:
        ray.shutdown()


def _result(ray: Any, page: int, task: Any) -> Items:
    try:
        items: Items = ray.get(task)
        return items
    except ray.exceptions.RayTaskError as error:
        # What the stage raised: an error of docharmony's, which says what to do.
        raise error.cause from error
    except ray.exceptions.RayError as error:
        raise StageError(
            "a worker of Ray died",
            page=page,
            stage="executor",
            why="it crashed, or the system stopped it for lack of memory",
            hint="Use fewer --jobs, or --executor serial to see which page it is.",
        ) from error
