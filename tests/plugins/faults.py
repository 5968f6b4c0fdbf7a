"""A plugin of faults: stages that fail in the ways that stages fail."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from docharmony import Context, InputError, Page, Stage, hookimpl

SECRET = "the-text-of-the-document"


@dataclass(frozen=True)
class FaultConfig:
    pages: tuple[int, ...] = (2,)


class Raises(Stage):
    """Raises an exception that quotes the document."""

    name = "fault.raises"
    Config: ClassVar[type] = FaultConfig

    def process(self, page: Page, ctx: Context) -> Page:
        if page.number in self.config.pages:
            raise ValueError(SECRET)
        return page


class BatchOnly(Stage):
    """Fails as a batch, works page by page."""

    name = "fault.batch"

    def process(self, page: Page, ctx: Context) -> Page:
        return page.provide("alone")

    def process_batch(self, pages: Sequence[Page], ctx: Context) -> Iterator[Page]:
        yield pages[0]
        raise MemoryError(SECRET)


class LosesPages(Stage):
    """Returns fewer pages than it was given."""

    name = "fault.loses"

    def process(self, page: Page, ctx: Context) -> Page:
        return page.provide("alone")

    def process_batch(self, pages: Sequence[Page], ctx: Context) -> Iterator[Page]:
        yield from pages[1:]


class BadInput(Stage):
    name = "fault.input"

    def process(self, page: Page, ctx: Context) -> Page:
        raise InputError("cannot render", where=f"page {page.number}", hint="Try fewer dpi.")


class Talks(Stage):
    """Pollutes standard output."""

    name = "fault.talks"

    def process(self, page: Page, ctx: Context) -> Page:
        print("hello from a library", file=sys.stderr)
        return page


class Dies(Stage):
    """Takes its process down."""

    name = "fault.dies"

    def process(self, page: Page, ctx: Context) -> Page:
        os._exit(3)


class Interrupted(Stage):
    """Ctrl-C in the middle."""

    name = "fault.interrupted"

    def process(self, page: Page, ctx: Context) -> Page:
        if page.number == 2:
            raise KeyboardInterrupt
        return page


class Marks(Stage):
    """Says in which process it ran."""

    name = "fault.marks"
    provides = frozenset({"mark"})

    def process(self, page: Page, ctx: Context) -> Page:
        return page.provide("mark", f"pid{os.getpid()}")


class Needs(Stage):
    """Needs what nobody provides."""

    name = "fault.needs"
    requires = frozenset({"moonlight"})

    def process(self, page: Page, ctx: Context) -> Page:
        return page


@hookimpl
def register_stages(register):
    for stage in (
        Raises, BatchOnly, LosesPages, BadInput, Talks, Dies, Interrupted, Marks, Needs,
    ):  # fmt: skip
        register(stage.name, stage, "a fault")
