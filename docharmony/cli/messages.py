"""Messages, logs and progress on standard error. Standard output carries results alone."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..hookspecs import hookimpl

if TYPE_CHECKING:
    from ..model import Page, PageFailure
    from ..plugins import Plugins

_log = logging.getLogger("docharmony.cli")


class _JsonLines(logging.Formatter):
    """One JSON object a line: time, level, event and the record's fields."""

    def format(self, record: logging.LogRecord) -> str:
        data = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        return json.dumps(data, ensure_ascii=False)


class _Lines(logging.Formatter):
    """``docharmony: message``."""

    def format(self, record: logging.LogRecord) -> str:
        return f"docharmony: {record.getMessage()}"


def set_up(*, verbose: bool, quiet: bool, as_json: bool) -> None:
    """Send docharmony's log to standard error at the level asked for."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines() if as_json else _Lines())
    logger = logging.getLogger("docharmony")
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(logging.ERROR if quiet else logging.DEBUG if verbose else logging.INFO)
    if not verbose:
        # The hub's client tells each of its retries; the error at the end says what counts. Its
        # own package resets the level of the logger above this one.
        logging.getLogger("huggingface_hub.utils._http").setLevel(logging.ERROR)


def info(message: str, **fields: Any) -> None:
    """Tell the user something; ``fields`` go into the JSON log."""
    _log.info("%s", message, extra={"fields": fields})


def error(message: str, hint: str, *, code: int) -> None:
    """Print the one line of what went wrong and the one of what to do next."""
    fields = {"exit_code": int(code)} | ({"hint": hint} if hint else {})
    if _is_json():
        _log.error("%s", message, extra={"fields": fields})
        return
    print(f"docharmony: {message}", file=sys.stderr)  # noqa: T201
    if hint:
        print(f"docharmony: {hint}", file=sys.stderr)  # noqa: T201


def count(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> count(1, "page"), count(3, "page")
    ('1 page', '3 pages')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _is_json() -> bool:
    handlers = logging.getLogger("docharmony").handlers
    return bool(handlers) and isinstance(handlers[0].formatter, _JsonLines)


class _Observer:
    """Moves the progress bar and writes page events to the log."""

    def __init__(self, name: str, bar: Any, task: Any) -> None:
        self.name, self.bar, self.task = name, bar, task

    @hookimpl
    def page_finished(self, page: Page, seconds: float) -> None:
        """Count a finished page."""
        _log.debug(
            "page %d done",
            page.number,
            extra={"fields": {"page": page.number, "seconds": round(seconds, 3)}},
        )
        self.advance()

    @hookimpl
    def page_failed(self, failure: PageFailure) -> None:
        """Tell of a failed page and count it."""
        _log.warning(
            "%s: page %d failed in stage %s: %s",
            self.name,
            failure.page,
            failure.stage,
            failure.error,
            extra={"fields": {"input": self.name, "page": failure.page, "stage": failure.stage}},
        )
        self.advance()

    def advance(self) -> None:
        """Move the bar on by a page."""
        if self.bar is not None:
            self.bar.advance(self.task)


@contextmanager
def progress(plugins: Plugins, name: str, pages: int) -> Iterator[Callable[[], None]]:
    """Show a progress bar over the pages of one input, on a terminal only.

    Gives a function that moves it, for work in which no stage finishes a page.
    """
    level = logging.getLogger("docharmony").level
    bar = task = None
    if sys.stderr.isatty() and level <= logging.INFO and pages > 1 and not _is_json():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        bar = Progress(
            "{task.description}",
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        task = bar.add_task(name, total=pages)
        bar.start()
    observer = _Observer(name, bar, task)
    plugins.observe(observer)
    started = time.perf_counter()
    try:
        yield observer.advance
    finally:
        plugins.manager.unregister(observer)
        if bar is not None:
            bar.stop()
        _log.debug("%s: %.2f s", name, time.perf_counter() - started)
