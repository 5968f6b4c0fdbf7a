"""Stage, the base class that plugin authors subclass, and Context, what a stage may use."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from .geometry import BBox, Point
from .model import Page

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from .detect.base import Detector
    from .engine.base import Embedder, Engine
    from .translators.base import Translator


@dataclass(frozen=True, slots=True)
class NoConfig:
    """Options of a stage that has none."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight drawn stroke (a ruling line of a table, an underline), in page units."""

    start: Point
    end: Point
    width: float


@dataclass(frozen=True, slots=True)
class Link:
    """An area of a page that leads somewhere or is marked; those of one link or mark share ``target``."""

    bbox: BBox
    target: str


@dataclass(frozen=True, slots=True)
class Graphics:
    """Drawn things of a page that are not text, and links.

    Attributes:
        rules: horizontal and vertical strokes and thin filled boxes.
        boxes: outlines and fills that are not thin: cell shades, frames, chart parts.
        links: areas that lead somewhere, and marked ones: highlights, underlines.
    """

    rules: tuple[Rule, ...] = ()
    boxes: tuple[BBox, ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Glyph:
    """A character of the text layer with its box in page units."""

    text: str
    bbox: BBox


@dataclass(frozen=True, slots=True)
class Span:
    """A run of the text layer in one style.

    Attributes:
        text: its characters.
        bbox: box around it in page units.
        origin: where its baseline begins.
        direction: reading direction in degrees, clockwise; as for ``Line``.
        size: em size in page units.
        font: name of the font without subset tag.
        bold: weight.
        italic: slant.
        serif: whether the font says that it has serifs.
        mono: whether its characters are all of one width.
        color: red, green, blue, 0-255.
        visible: False for text that a person does not see.
    """

    text: str
    bbox: BBox
    origin: Point
    direction: float
    size: float
    font: str
    bold: bool
    italic: bool
    serif: bool
    mono: bool
    color: tuple[int, int, int]
    visible: bool


class Context(Protocol):
    """What a stage may use besides the page. One a worker; never pickled."""

    @property
    def engine(self) -> Engine:
        """The TextHarmony engine, loaded on first use; raises CheckpointError or EngineError."""

    @property
    def abilities(self) -> frozenset[str]:
        """What the checkpoint of the run can do, e.g. ``{"read", "answer"}``; loads no weights."""

    @property
    def checkpoint(self) -> str:
        """Name of the checkpoint of the run, as its manifest gives it; loads no weights."""

    def embedder(self, name: str) -> Embedder:
        """Return a registered embedder, made on first use; raises UsageError for an unknown name."""

    @property
    def log(self) -> logging.Logger:
        """Logger of the run. Never log text of a document."""

    @property
    def store(self) -> dict[str, Any]:
        """A dictionary for a stage's own caches; lives as long as the worker."""

    def raster(self, page: Page, dpi: int | None = None) -> npt.NDArray[np.uint8]:
        """Render the page as displayed: uint8 array (height, width, 3), RGB.

        Args:
            page: the page.
            dpi: resolution; ``None`` takes ``page.dpi``. Images of unit ``px`` come at their own
                pixels when ``dpi`` is ``None`` or equals ``page.dpi``, else scaled by dpi/page.dpi.

        Raises:
            InputError: the page is broken or over a limit.
        """

    def graphics(self, page: Page) -> Graphics:
        """Return drawn rules and boxes of a PDF page; empty for images."""

    def glyphs(self, page: Page) -> tuple[Glyph, ...]:
        """Return all characters of the text layer with their boxes, hidden ones too."""

    def spans(self, page: Page) -> tuple[Span, ...]:
        """Return the text layer in runs of one style; empty for images."""

    def detectors(self, kinds: Sequence[str]) -> Mapping[str, Detector]:
        """Return the detectors of these kinds of private data by kind; ``all`` stands for every one.

        Raises:
            UsageError: nobody registered such a kind.
            MissingExtraError: a detector's package or model is not installed.
        """

    def translator(self, name: str) -> Translator:
        """Return the translator of this name with its options from ``[translators.<name>]``.

        Raises:
            UsageError: nobody registered it.
            ConfigError: an unknown option.
        """


class Stage(ABC):
    """One step of a route: takes a page, returns a page that knows more.

    A subclass sets the class attributes, takes its own frozen dataclass of options and implements
    :meth:`process`. Stages import no reader, no writer and no other stage: all they use is ``ctx``.

    Attributes:
        name: the name under which it is registered.
        Config: a frozen dataclass; its fields are the options under ``[stages.<name>]``.
        requires: names that must be in ``page.has`` before; checked when the pipeline is built.
        provides: names that are in ``page.has`` afterwards.
        rewrites: whether its edits put new text in place of old, which is no secret: text layers are
            then doubted no more than for an answer.
    """

    name: ClassVar[str] = ""
    Config: ClassVar[type[Any]] = NoConfig
    requires: ClassVar[frozenset[str]] = frozenset()
    provides: ClassVar[frozenset[str]] = frozenset()
    rewrites: ClassVar[bool] = False

    def __init__(self, config: Any = None) -> None:
        self.config = self.Config() if config is None else config

    @abstractmethod
    def process(self, page: Page, ctx: Context) -> Page:
        """Return the page with what this stage provides.

        Called in a worker (the main process for the serial executor). Any exception becomes a
        StageError for this page alone.
        """

    def process_batch(self, pages: Sequence[Page], ctx: Context) -> Iterator[Page]:
        """Yield each page processed, in order. Override it where a batch is cheaper than a loop."""
        for page in pages:
            yield self.process(page, ctx)
