"""Every hook: the whole contract between docharmony and its plugins, on one screen.

A plugin is a module with functions marked ``@docharmony.hookimpl``. It is found through the entry
point group ``docharmony`` of an installed distribution, or given as ``--plugin module`` or
``--plugin file.py``. A plugin module must import nothing heavy: hooks hand over *names* with
``"module:attribute"`` targets, which docharmony imports when the user picks the name.

All ``register_*`` hooks run in the main process, and again in every worker process, when the plugin
manager is made. An exception in one stops the command with a PluginError that names the plugin.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import pluggy

if TYPE_CHECKING:
    import argparse

    from .config import RunConfig
    from .model import Page, PageFailure

PROJECT = "docharmony"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Register(Protocol):
    """The function that every ``register_*`` hook is handed."""

    def __call__(self, name: str, target: Any, summary: str = "") -> None:
        """Register ``name``; raises PluginError when another package has it."""


@hookspec
def register_stages(register: Register) -> None:
    """Register stages; targets are :class:`docharmony.Stage` subclasses.

    Example: ``register("ocr.mine", "my_package.stage:MyOcr", "reads with my engine")``
    """


@hookspec
def register_checkpoints(register: Register) -> None:
    """Register checkpoints of the engine; targets are paths of folders with a manifest.json.

    Where the weights come in a package of their own, the target is a
    :class:`docharmony.checkpoint.Recipe`, which makes the folder on first use.

    Example: ``register("nano-de", str(Path(__file__).parent / "checkpoint"), "trained on German")``
    """


@hookspec
def register_detectors(register: Register) -> None:
    """Register kinds of private data; targets are ``docharmony.detect.base.Detector`` objects.

    The name is what a user writes after ``--pii``. Example:
    ``register("patient_id", "my_package.detect:PATIENT_ID", "ids of our hospital")``
    """


@hookspec
def register_embedders(register: Register) -> None:
    """Register embedders, with which passages are found that mean what a question asks.

    Targets are ``docharmony.engine.base.Embedder`` classes. Example:
    ``register("minilm", "my_package.embed:MiniLm", "sentences in 384 dimensions")``
    """


@hookspec
def register_translators(register: Register) -> None:
    """Register translators; targets are :class:`docharmony.Translator` subclasses.

    The name is what a user writes after ``--translator``; nothing is loaded, and nothing leaves the
    machine, before. Example:
    ``register("mine", "my_package.translator:Mine", "translates with my model")``
    """


@hookspec
def register_executors(register: Register) -> None:
    """Register ways to spread pages over workers; targets as in :mod:`docharmony.executors`.

    Example: ``register("ray", "docharmony_ray:run_pages", "pages over a Ray cluster")``
    """


@hookspec
def register_readers(register: Register) -> None:
    """Register readers by media type; targets are callables as in :mod:`docharmony.io.base`.

    Example: ``register("image/x-dicom", "my_package.dicom:open_dicom", "DICOM images")``
    """


@hookspec
def register_writers(register: Register) -> None:
    """Register output formats; targets are classes as in :mod:`docharmony.io.write.base`.

    Example: ``register("csv", "my_package.csv:CsvWriter", "tables as CSV")``
    """


@hookspec
def register_commands(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add commands. Each parser sets ``run``: a function (argparse.Namespace) -> exit code.

    Runs at every start of the command line: import only argparse here. Example::

        parser = subparsers.add_parser("greet", help="say hello")
        parser.set_defaults(run=lambda args: print("hello") or 0)
    """


@hookspec(firstresult=True)
def route_page(page: Page, config: RunConfig) -> str | None:
    """Return the name of the route that a freshly read page takes, or None to leave it to others.

    Runs in the worker, once a page; the first answer wins and docharmony's own comes last. The name
    must be a key of ``config.routes``. Example: ``return "scan" if page.number == 1 else None``
    """


@hookspec
def page_finished(page: Page, seconds: float) -> None:
    """Observe a finished page, in the main process, in page order.

    ``seconds`` is the time between this page and the one before it. Never log its text.
    """


@hookspec
def page_failed(failure: PageFailure) -> None:
    """Observe a page that could not be finished, in the main process, in page order."""


HOOKS: dict[str, Callable[..., Any]] = {
    spec.__name__: spec
    for spec in (
        register_stages,
        register_checkpoints,
        register_detectors,
        register_embedders,
        register_translators,
        register_executors,
        register_readers,
        register_writers,
        register_commands,
        route_page,
        page_finished,
        page_failed,
    )
}
